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

#ifndef _SYS_THREAD_H
#define	_SYS_THREAD_H

/*
 * Kernel threads.  A thread of the fake kernel is a host thread; it has a
 * kthread_t from thread_create(9F) or lwp_create(), or since the host program
 * attached it.
 *
 * t_held lists the locks that the thread holds: mutex_exit() and the checks of
 * <sys/mutex.h> work with it.
 */

#include <sys/types.h>
#include <sys/mutex.h>
#include <sys/condvar.h>
#include <sys/signal.h>

#define	TS_FREE		0x00
#define	TS_SLEEP	0x01
#define	TS_RUN		0x02
#define	TS_ONPROC	0x04
#define	TS_ZOMB		0x08
#define	TS_STOPPED	0x10
#define	TS_WAIT		0x20

#define	TP_HOLDLWP	0x0002
#define	TP_KTHREAD	0x8000


#define	FK_HELD_MAX	32
#define	FK_HELD_STACK	8

typedef struct fk_held {
	void		*fh_lock;
	fk_lockclass_t	*fh_class;
	uint_t		fh_kind;
	void		*fh_stack[FK_HELD_STACK]; /* with checks */
} fk_held_t;

struct _kthread {
	struct proc	*t_procp;
	struct _klwp	*t_lwp;
	kt_did_t	t_did;
	uint_t		t_state;
	pri_t		t_pri;
	id_t		t_cid;
	uint_t		t_proc_flag;
	k_sigset_t	t_hold;
	struct cred	*t_cred;
	void		*t_taskq;	/* the taskq the thread serves */

	/* Of the fake kernel. */
	char		t_name[32];
	uint_t		t_intr;		/* depth of interrupt context */
	uint_t		t_softint;	/* depth of timeout context */
	_Bool		t_counted;	/* among those fk_quiesce() waits for */
	uint_t		t_nheld;
	fk_held_t	t_held[FK_HELD_MAX];
	int64_t		t_kmem_bytes;	/* allocated less freed, */
	int64_t		t_kmem_allocs;	/* by this thread */

	/* Sleeping: under the lock of the sleep queue of t_wchan. */
	struct _kthread	*t_cvnext;
	struct _kthread	*t_cvprev;
	kcondvar_t	*t_wchan;
	_Bool		t_sigwait;	/* in an interruptible wait */
	_Bool		t_interrupted;
	uint32_t	t_wakeup;	/* host futex: 0 while it sleeps */

	/* Whom this thread has yet to wake, by their t_cvnext. */
	struct _kthread	*t_wakes;
	struct _kthread	*t_wakelast;

	void		(*t_startfn)(void *);
	void		*t_startarg;
	_Bool		t_exited;	/* for thread_join() */
	void		*t_host;	/* the host's thread */
	uint32_t	t_hostid;	/* number of a thread of the host */
	void		*t_stacktop;
	struct _kthread	*t_next;	/* all threads */
	struct _kthread	*t_prev;
};

extern __thread kthread_t *fk_curthread;

#define	curthread		(fk_curthread)
#define	curproc			(curthread->t_procp)
#define	curzone			(curproc->p_zone)
#define	ttoproc(t)		((t)->t_procp)
#define	ttolwp(t)		((t)->t_lwp)
#define	ttozone(t)		(ttoproc(t)->p_zone)

/* Where the real kernel does not say what a function takes. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
typedef void (*fk_anyfunc_t)();
#pragma GCC diagnostic pop

extern int thread_setname(kthread_t *, const char *);
extern int thread_vsetname(kthread_t *, const char *, ...)
    __attribute__((__format__(__printf__, 2, 3)));

#endif	/* _SYS_THREAD_H */
