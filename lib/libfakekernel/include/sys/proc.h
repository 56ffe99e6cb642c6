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

#ifndef _SYS_PROC_H
#define	_SYS_PROC_H

/*
 * Processes.  There are: p0, where kernel threads live; one user process for
 * the host program's own threads; and those that libfakedev or a test makes
 * (<sys/fk.h>), in any zone and with any credentials.
 */

#include <sys/types.h>
#include <sys/cred.h>
#include <sys/mutex.h>
#include <sys/condvar.h>
#include <sys/thread.h>
#include <sys/klwp.h>
#include <sys/signal.h>
#include <sys/user.h>

struct zone;

struct proc {
	kmutex_t	p_lock;
	kmutex_t	p_crlock;
	struct cred	*p_cred;
	struct zone	*p_zone;
	pid_t		p_pid;
	uint_t		p_flag;
	int		p_lwpcnt;	/* under p_lock */
	kcondvar_t	p_lwpexit;
	struct user	p_user;
	proc_t		*p_next;
	uint_t		p_refcnt;
};

#define	SSYS		0x00000001
#define	SEXITLWPS	0x00100000
#define	SEXITING	0x00000002
#define	SKILLED		0x00000100

#define	PTOU(p)		(&(p)->p_user)

extern struct proc p0;

#define	FORREAL		0
#define	JUSTLOOKING	1
#define	ISSIG(t, why)	issig(why)

/* Whether the current thread was interrupted, as by a signal. */
extern int issig(int);

/*
 * A thread of process `p', stopped until lwp_create_done(); state, priority,
 * signals held, scheduling class and lwp id are ignored.  NULL when the process
 * is exiting.
 */
extern klwp_t *lwp_create(fk_anyfunc_t, caddr_t, size_t, proc_t *, int, int,
    const k_sigset_t *, int, id_t);
/* The caller holds p_lock. */
extern void lwp_create_done(kthread_t *);
/* The caller holds p_lock of its process; drops it. */
extern _Noreturn void lwp_exit(void);

/*
 * Stack and its size are ignored, `len' must be 0.  Never fails; may sleep.
 */
extern kthread_t *thread_create(caddr_t, size_t, fk_anyfunc_t, void *, size_t,
    proc_t *, int, pri_t);
extern _Noreturn void thread_exit(void);
/* Waits for the end of the thread with this t_did; may sleep. */
extern void thread_join(kt_did_t);

/* Not for use by drivers outside the gate, but they are: zombies are freed. */
extern proc_t *prfind(pid_t);

#endif	/* _SYS_PROC_H */
