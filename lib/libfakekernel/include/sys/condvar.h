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

#ifndef _SYS_CONDVAR_H
#define	_SYS_CONDVAR_H

/*
 * Condition variables.  Waiters are woken in the order in which they came, and
 * never without a reason.
 *
 * Waiting is for thread context: not for interrupt handlers and timeouts.  The
 * timed ones return -1 when the time is over and what was left of it (at least
 * 1) otherwise; the "_sig" ones return 0 when the thread was interrupted.
 */

#include <sys/types.h>
#include <sys/mutex.h>
#include <sys/time.h>

typedef enum {
	CV_DEFAULT,
	CV_DRIVER
} kcv_type_t;

typedef enum {
	TR_NANOSEC,
	TR_MICROSEC,
	TR_MILLISEC,
	TR_SEC,
	TR_CLOCK_TICK,
	TR_COUNT
} time_res_t;

typedef struct cvwaitlock {
	uint64_t		cv_magic;
	struct _kthread		*cv_head; /* waiters */
	struct _kthread		*cv_tail;
} kcondvar_t;

extern void cv_init(kcondvar_t *, char *, kcv_type_t, void *);
extern void cv_destroy(kcondvar_t *);
extern void cv_wait(kcondvar_t *, kmutex_t *);
extern int cv_wait_sig(kcondvar_t *, kmutex_t *);
extern int cv_wait_sig_swap(kcondvar_t *, kmutex_t *);
/* Until that many ticks since boot. */
extern clock_t cv_timedwait(kcondvar_t *, kmutex_t *, clock_t);
extern clock_t cv_timedwait_sig(kcondvar_t *, kmutex_t *, clock_t);
/* For that many ticks. */
extern clock_t cv_reltimedwait(kcondvar_t *, kmutex_t *, clock_t, time_res_t);
extern clock_t cv_reltimedwait_sig(kcondvar_t *, kmutex_t *, clock_t,
    time_res_t);
/* Time and resolution in nanoseconds, flags of <sys/callo.h>. */
extern clock_t cv_timedwait_hires(kcondvar_t *, kmutex_t *, hrtime_t, hrtime_t,
    int);
extern int cv_timedwait_sig_hrtime(kcondvar_t *, kmutex_t *, hrtime_t);
extern void cv_signal(kcondvar_t *);
extern void cv_broadcast(kcondvar_t *);

#endif	/* _SYS_CONDVAR_H */
