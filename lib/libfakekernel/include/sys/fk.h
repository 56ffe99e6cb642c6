/*
 * This file and its contents are supplied under the terms of the
 * Common Development and Distribution License ("CDDL"), version 1.0.
 * You may only use this file in accordance with the terms of version
 * 1.0 of the CDDL.
 *
 * A full copy of the text of the CDDL should have accompanied this
 * source.  A copy of the CDDL is also available via the Internet at
 * http://www.illumos.org/license/CDDL.
 */

#ifndef _SYS_FK_H
#define	_SYS_FK_H

/*
 * What the fake kernel offers to kernel-side code that knows it is one:
 * libfakedev, which stands in for the parts of the system that surround a
 * module, and tests.  Code under module/ never includes this.
 *
 * Calls that need only integer types are in api/fktest.h, which this includes.
 */

#include <sys/types.h>
#include <sys/stdbool.h>
#include <sys/mutex.h>
#include <sys/thread.h>
#include <sys/proc.h>
#include <sys/zone.h>
#include <sys/file.h>
#include <sys/vnode.h>
#include <sys/poll.h>
#include <sys/priv.h>
#include <sys/dditypes.h>
#include <sys/devops.h>
#include <sys/modctl.h>
#include <fakekernel.h>
#include <fktest.h>

/*
 * Threads and processes.
 */

/*
 * Interrupt the thread as a signal would: the "_sig" wait in which it is
 * returns 0, or the next one does.  Any context.
 */
extern void fk_thread_interrupt(kthread_t *);
/* Forget an interrupt that was not delivered (of the current thread). */
extern void fk_thread_clear_interrupt(void);

/*
 * Between these the current thread is a device's interrupt handler: it may not
 * sleep.
 */
extern void fk_intr_enter(void);
extern void fk_intr_exit(void);

/* Panics, naming `what', if the current thread may not sleep. */
extern void fk_maysleep(const char *what);

/*
 * A process in the zone with these credentials (held for it).  Threads enter
 * it with fk_proc_switch(), which returns the process they were in.  The last
 * fk_proc_rele() frees it; no thread may be in it.
 */
extern proc_t *fk_proc_create(zone_t *, cred_t *, const char *name);
extern void fk_proc_hold(proc_t *);
extern void fk_proc_rele(proc_t *);
extern proc_t *fk_proc_switch(proc_t *);
/*
 * Kill the process as SIGKILL does: SEXITING, and its lwps are interrupted;
 * waits until they have exited.
 */
extern void fk_proc_exit(proc_t *);

/* Whether the expensive checks are made; set at boot. */
extern bool fk_checks;

/* Let other threads run. */
extern void fk_yield(void);

/* How many locks the thread holds. */
extern uint_t fk_held_count(kthread_t *);

/*
 * Credentials with user, group and zone; all privileges or none.
 */
extern cred_t *fk_cred_create(uid_t, gid_t, zone_t *, boolean_t priv);
/* Only for credentials with one reference. */
extern void fk_cred_addpriv(cred_t *, int priv);
extern void fk_cred_delpriv(cred_t *, int priv);

/*
 * Zones.  fk_zone_create() runs the create callbacks; the zone is running when
 * it returns.  fk_zone_shutdown() and then fk_zone_destroy() run the others;
 * the last waits until the zone's references are gone.
 */
extern zone_t *fk_zone_create(const char *name);
extern void fk_zone_shutdown(zone_t *);
extern void fk_zone_destroy(zone_t *);

/*
 * Open files.  The file takes over the caller's reference of the vnode;
 * fk_file_close() is the last close: VOP_CLOSE, after which the reference is
 * dropped.  fk_file_vnode() gives the vnode of a file, not held.
 */
extern int fk_file_create(vnode_t *, int flag, cred_t *, fk_file_t **);
/* As fk_open(), by somebody else than the all-powerful host. */
extern int fk_open_as(const char *path, int flag, cred_t *, fk_file_t **);
extern vnode_t *fk_file_vnode(fk_file_t *);
extern file_t *fk_file_filep(fk_file_t *);

/*
 * Poll.  `func' is called by every pollwakeup() of the head whose events meet
 * `events', with no lock of the fake kernel held.  When fk_pollhead_unlisten()
 * returns it is not running and will not be called.
 */
typedef struct fk_pollwait {
	struct fk_pollwait	*pw_next;
	void			(*pw_func)(void *, short);
	void			*pw_arg;
	short			pw_events;
	pollhead_t		*pw_head;
	uint32_t		pw_running;
	uint64_t		pw_id;
} fk_pollwait_t;

extern void fk_pollhead_listen(pollhead_t *, fk_pollwait_t *, short events,
    void (*func)(void *, short), void *);
extern void fk_pollhead_unlisten(fk_pollwait_t *);

/*
 * Modules.  fk_mod_hold() loads the module, and those it depends on, and keeps
 * it from being unloaded: 0, ENOENT, or an errno of _init.
 */
extern int fk_mod_hold(const char *);
extern void fk_mod_rele(const char *);

/*
 * Devices.  fk_devi_create() makes a node for a driver that is loaded or can
 * be, and fk_devi_attach() attaches it: 0, or ENXIO when the driver will not.
 * The bus keeps its own data with ddi_set_parent_data().
 */
extern int fk_devi_create(const char *driver, const char *nodename,
    int instance, dev_info_t **);
extern int fk_devi_attach(dev_info_t *);
extern int fk_devi_detach(dev_info_t *);	/* 0 or EBUSY */
extern int fk_devi_quiesce(dev_info_t *);
extern void fk_devi_destroy(dev_info_t *);

/*
 * fk_shutdown() calls the function after the modules are gone, before it looks
 * for leaks; the last one registered first.
 */
extern void fk_at_shutdown(void (*)(void));

/*
 * Lock order.  Pseudo-locks, for orders that are not between mutexes: "a
 * callback of this kind is running" against "waits for its end".
 */
extern void fk_lockdep_enter(void *, fk_lockclass_t *);
extern void fk_lockdep_exit(void *);

#endif	/* _SYS_FK_H */
