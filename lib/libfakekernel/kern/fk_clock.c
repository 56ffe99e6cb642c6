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

/*
 * The clock: time, timeouts, and timed sleeps in virtual time.
 *
 * Pending events are in a tree ordered by time (and by number, so that those of
 * the same moment are in the order in which they were made).  An event is a
 * callout, or, in virtual time only, the end of a thread's timed sleep; in real
 * time the host's futex ends that.
 *
 * One thread, in soft interrupt context, takes what is due from the tree and
 * runs it.  In real time it waits for the first event's moment; in virtual time
 * fk_time_advance() sets the clock to that moment, one event's moment after
 * another, and waits each time until everything due has run and the threads
 * that it woke have come to rest.
 *
 * For the lock checks, the callouts of a function are a pseudo-lock: held while
 * one runs, and taken by untimeout(), so that "untimeout() with a lock held
 * that the callback takes" is found whether or not the two ever meet.
 */

#include "fk_impl.h"
#include <sys/avl.h>
#include <sys/callo.h>
#include <sys/ddi.h>

#define	FK_CLOCK_START	(10 * NANOSEC)	/* virtual time at boot */
#define	FK_HZ		100

int hz = FK_HZ;
int nsec_per_tick = NANOSEC / FK_HZ;
int usec_per_tick = MICROSEC / FK_HZ;
int msec_per_tick = MILLISEC / FK_HZ;

typedef struct fk_event {
	avl_node_t	ev_node;	/* by time */
	avl_node_t	ev_idnode;	/* callouts: by number */
	hrtime_t	ev_time;
	callout_id_t	ev_id;
	void		(*ev_func)(void *);
	void		*ev_arg;
	kthread_t	*ev_thread;	/* a timed sleep */
	kcondvar_t	*ev_cv;
} fk_event_t;

static fk_lk_t fk_clock_lock;		/* protects all below */
static avl_tree_t fk_clock_tree;
static avl_tree_t fk_clock_ids;
static hrtime_t fk_clock_until;		/* its thread sleeps till then */
static callout_id_t fk_clock_lastid;
static fk_event_t *fk_clock_running;	/* the callout that runs */
static uint32_t fk_clock_seq;		/* futex: something has changed */
static uint32_t fk_clock_done;		/* futex: a callout has ended */
static bool fk_clock_stop;
static hrtime_t fk_clock_now;		/* virtual time */
static void *fk_clock_host;
static fk_lk_t fk_clock_advancing;
static kthread_t *fk_clock_thread;

hrtime_t
gethrtime(void)
{
	if (fk_virtual)
		return (FK_LOAD(&fk_clock_now));
	return (fkh_clock());
}

hrtime_t
gethrtime_unscaled(void)
{
	return (gethrtime());
}

void
scalehrtime(hrtime_t *t)
{
}

void
gethrestime(timespec_t *ts)
{
	hrtime_t t = fk_virtual ? gethrtime() : (hrtime_t)fkh_wallclock();

	hrt2ts(t, ts);
}

time_t
gethrestime_sec(void)
{
	timespec_t ts;

	gethrestime(&ts);
	return (ts.tv_sec);
}

void
uniqtime(struct timeval *tv)
{
	timespec_t ts;

	gethrestime(&ts);
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / (NANOSEC / MICROSEC);
}

hrtime_t
ts2hrt(const timestruc_t *ts)
{
	return (SEC2NSEC(ts->tv_sec) + ts->tv_nsec);
}

void
hrt2ts(hrtime_t t, timestruc_t *ts)
{
	ts->tv_sec = t / NANOSEC;
	ts->tv_nsec = t % NANOSEC;
}

clock_t
ddi_get_lbolt(void)
{
	return (gethrtime() / nsec_per_tick);
}

int64_t
ddi_get_lbolt64(void)
{
	return (gethrtime() / nsec_per_tick);
}

static int
fk_event_compar(const void *a, const void *b)
{
	const fk_event_t *l = a, *r = b;

	if (l->ev_time != r->ev_time)
		return (AVL_CMP(l->ev_time, r->ev_time));
	return (AVL_CMP(l->ev_id, r->ev_id));
}

static int
fk_event_idcompar(const void *a, const void *b)
{
	const fk_event_t *l = a, *r = b;

	return (AVL_CMP(l->ev_id, r->ev_id));
}

/* The clock's thread should look; the lock is held. */
static void
fk_clock_kick(void)
{
	(void) __atomic_add_fetch(&fk_clock_seq, 1, __ATOMIC_SEQ_CST);
	fkh_futex_wake(&fk_clock_seq, INT_MAX);
}

static callout_id_t
fk_event_add(fk_event_t *ev)
{
	callout_id_t id;

	fk_lock(&fk_clock_lock);
	id = ev->ev_id = ++fk_clock_lastid;
	avl_add(&fk_clock_tree, ev);
	if (ev->ev_thread == NULL)
		avl_add(&fk_clock_ids, ev);
	/* If it sleeps till then anyway, it will see. */
	if (avl_first(&fk_clock_tree) == ev && ev->ev_time < fk_clock_until)
		fk_clock_kick();
	fk_unlock(&fk_clock_lock);
	return (id);
}

static void
fk_event_remove(fk_event_t *ev)
{
	avl_remove(&fk_clock_tree, ev);
	if (ev->ev_thread == NULL)
		avl_remove(&fk_clock_ids, ev);
}

/* The thread is queued on cv: sleep until woken, at last by the clock. */
void
fk_clock_sleep(kthread_t *t, kcondvar_t *cv, hrtime_t deadline)
{
	fk_event_t ev = {
		.ev_time = deadline,
		.ev_thread = t,
		.ev_cv = cv
	};

	(void) fk_event_add(&ev);
	fk_thread_idle(t);
	fkh_sleep(&t->t_wakeup, false);
	fk_lock(&fk_clock_lock);
	if (ev.ev_thread != NULL)
		fk_event_remove(&ev);
	fk_unlock(&fk_clock_lock);
}

static fk_lockclass_t *
fk_callout_class(fk_event_t *ev)
{
	return (fk_lockclass_func("timeout callback", (void *)ev->ev_func));
}

/* Run one callout; the lock is dropped meanwhile. */
static void
fk_clock_run(kthread_t *t, fk_event_t *ev)
{
	uint_t nheld = t->t_nheld;

	fk_clock_running = ev;
	fk_unlock(&fk_clock_lock);
	if (fk_checks)
		fk_lockdep_enter(ev, fk_callout_class(ev));
	t->t_softint++;
	ev->ev_func(ev->ev_arg);
	t->t_softint--;
	if (fk_checks)
		fk_lockdep_exit(ev);
	if (t->t_nheld != nheld)
		panic("a timeout callback returned with a lock held");
	fk_lock(&fk_clock_lock);
	fk_clock_running = NULL;
	fk_unlock(&fk_clock_lock);
	kmem_free(ev, sizeof (*ev));
	fk_lock(&fk_clock_lock);
}

static void
fk_clock_main(void *arg)
{
	kthread_t *t = fk_clock_thread;
	fk_event_t *ev;
	uint32_t seq;
	hrtime_t deadline;

	curthread = t;
	t->t_stacktop = fkh_stack_top();
	fk_lock(&fk_clock_lock);
	while (!fk_clock_stop) {
		ev = avl_first(&fk_clock_tree);
		if (ev == NULL || ev->ev_time > gethrtime()) {
			deadline = ev == NULL || fk_virtual ? 0 : ev->ev_time;
			fk_clock_until = deadline == 0 ? INT64_MAX : deadline;
			seq = FK_LOAD(&fk_clock_seq);
			fk_unlock(&fk_clock_lock);
			(void) fkh_futex_wait(&fk_clock_seq, seq, deadline);
			fk_lock(&fk_clock_lock);
			continue;
		}
		fk_event_remove(ev);
		if (ev->ev_thread != NULL) {
			(void) fk_cv_wake(ev->ev_thread, ev->ev_cv,
			    FK_WAKE_TIMEOUT);
			ev->ev_thread = NULL;
		} else {
			fk_clock_run(t, ev);
		}
		(void) __atomic_add_fetch(&fk_clock_done, 1, __ATOMIC_SEQ_CST);
		fkh_futex_wake(&fk_clock_done, INT_MAX);
	}
	fk_unlock(&fk_clock_lock);
}

void
fk_clock_drain(void)
{
	fk_event_t *ev;
	uint32_t seq;

	fk_lock(&fk_clock_lock);
	for (;;) {
		ev = avl_first(&fk_clock_tree);
		if (fk_clock_running == NULL &&
		    (ev == NULL || ev->ev_time > gethrtime()))
			break;
		seq = FK_LOAD(&fk_clock_done);
		fk_unlock(&fk_clock_lock);
		(void) fkh_futex_wait(&fk_clock_done, seq, 0);
		fk_lock(&fk_clock_lock);
	}
	fk_unlock(&fk_clock_lock);
}

void
fk_clock_init(void)
{
	avl_create(&fk_clock_tree, fk_event_compar, sizeof (fk_event_t),
	    offsetof(fk_event_t, ev_node));
	avl_create(&fk_clock_ids, fk_event_idcompar, sizeof (fk_event_t),
	    offsetof(fk_event_t, ev_idnode));
	fk_clock_until = INT64_MAX;
	fk_clock_now = FK_CLOCK_START;
	fk_clock_stop = false;
	fk_clock_thread = fk_kthread_alloc("clock", &p0);
	fk_clock_host = fkh_thread_create("clock", fk_clock_main, NULL);
}

void
fk_clock_fini(void)
{
	fk_event_t *ev;
	void *func;

	fk_lock(&fk_clock_lock);
	fk_clock_stop = true;
	fk_clock_kick();
	ev = avl_first(&fk_clock_tree);
	fk_unlock(&fk_clock_lock);
	fkh_thread_join(fk_clock_host);
	if (ev != NULL && ev->ev_thread != NULL)
		panic("shutdown: thread %s sleeps", ev->ev_thread->t_name);
	if (ev != NULL) {
		fk_panic_begin("shutdown: a timeout is pending");
		func = (void *)ev->ev_func;
		fkh_print_backtrace(&func, 1);
		fk_panic_end();
	}
	avl_destroy(&fk_clock_tree);
	avl_destroy(&fk_clock_ids);
}

void
fk_time_advance(uint64_t ns)
{
	hrtime_t target;
	fk_event_t *ev;

	if (!fk_virtual)
		panic("fk_time_advance: time is real");
	fk_quiesce();
	fk_lock(&fk_clock_advancing);
	fk_lock(&fk_clock_lock);
	target = fk_clock_now + ns;
	for (;;) {
		ev = avl_first(&fk_clock_tree);
		if (ev == NULL || ev->ev_time > target)
			break;
		if (ev->ev_time > fk_clock_now)
			FK_STORE(&fk_clock_now, ev->ev_time);
		fk_clock_kick();
		fk_unlock(&fk_clock_lock);
		fk_quiesce();
		fk_lock(&fk_clock_lock);
	}
	FK_STORE(&fk_clock_now, target);
	fk_unlock(&fk_clock_lock);
	fk_unlock(&fk_clock_advancing);
}

/*
 * Timeouts.
 */
callout_id_t
timeout_generic(int type, void (*func)(void *), void *arg, hrtime_t when,
    hrtime_t resolution, int flags)
{
	fk_event_t *ev = kmem_zalloc(sizeof (*ev), KM_NOSLEEP | FK_KM_NOFAIL);
	hrtime_t now = gethrtime();

	(void) fk_self();
	if ((flags & CALLOUT_FLAG_ABSOLUTE) == 0)
		when += now;
	if ((flags & CALLOUT_FLAG_ROUNDUP) != 0)
		when = roundup(when, resolution);
	ev->ev_time = MAX(when, now + 1);
	ev->ev_func = func;
	ev->ev_arg = arg;
	return (fk_event_add(ev));
}

timeout_id_t
timeout(void (*func)(void *), void *arg, clock_t ticks)
{
	return ((timeout_id_t)(uintptr_t)timeout_generic(CALLOUT_NORMAL, func,
	    arg, TICK_TO_NSEC(MAX(ticks, 1)), nsec_per_tick, CALLOUT_LEGACY));
}

timeout_id_t
realtime_timeout(void (*func)(void *), void *arg, clock_t ticks)
{
	return (timeout(func, arg, ticks));
}

callout_id_t
timeout_default(void (*func)(void *), void *arg, clock_t ticks)
{
	return ((callout_id_t)(uintptr_t)timeout(func, arg, ticks));
}

callout_id_t
realtime_timeout_default(void (*func)(void *), void *arg, clock_t ticks)
{
	return (timeout_default(func, arg, ticks));
}

static fk_event_t *
fk_event_find(callout_id_t id)
{
	fk_event_t key = { .ev_id = id };

	return (avl_find(&fk_clock_ids, &key, NULL));
}

/*
 * In soft interrupt context a thread may wait for a callout, but not itself.
 * What is left of its time, or -1: it has run, or runs, when it is too late to
 * keep it from doing so.
 */
hrtime_t
untimeout_generic(callout_id_t id, int nowait)
{
	kthread_t *t = fk_self();
	fk_event_t *ev;
	fk_lockclass_t *lc = NULL;
	hrtime_t left = -1;
	bool self, running;
	uint32_t seq;

	if (id == 0)
		return (-1);
	fk_lock(&fk_clock_lock);
	self = t == fk_clock_thread;
	ev = fk_event_find(id);
	if (ev != NULL) {
		fk_event_remove(ev);
		left = MAX(ev->ev_time - gethrtime(), 0);
	}
	running = fk_clock_running != NULL && fk_clock_running->ev_id == id;
	if (fk_checks && !nowait && !self && (ev != NULL || running))
		lc = fk_callout_class(ev != NULL ? ev : fk_clock_running);
	while (!nowait && !self && fk_clock_running != NULL &&
	    fk_clock_running->ev_id == id) {
		seq = FK_LOAD(&fk_clock_done);
		fk_unlock(&fk_clock_lock);
		if (lc != NULL)
			fk_lockdep_check(t, NULL, lc);
		fk_wake(t);
		(void) fkh_futex_wait(&fk_clock_done, seq, 0);
		fk_lock(&fk_clock_lock);
	}
	fk_unlock(&fk_clock_lock);
	if (ev != NULL) {
		if (lc != NULL)
			fk_lockdep_check(t, NULL, lc);
		kmem_free(ev, sizeof (*ev));
	}
	return (left);
}

clock_t
untimeout_default(callout_id_t id, int nowait)
{
	hrtime_t left = untimeout_generic(id, nowait);

	return (left < 0 ? -1 : left / nsec_per_tick);
}

clock_t
untimeout(timeout_id_t id)
{
	return (untimeout_default((callout_id_t)(uintptr_t)id, 0));
}

uint64_t
fk_timeouts_pending(void)
{
	uint64_t n;

	fk_lock(&fk_clock_lock);
	n = avl_numnodes(&fk_clock_ids);
	fk_unlock(&fk_clock_lock);
	return (n);
}

/*
 * Sleeping for a time.
 */
static int
fk_delay(clock_t ticks, bool sig, const char *what)
{
	kmutex_t lock = { 0 };
	kcondvar_t cv = { 0 };
	hrtime_t deadline = gethrtime() + TICK_TO_NSEC(ticks);
	int why;

	if (ticks <= 0)
		return (0);
	fk_maysleep(what);
	mutex_init(&lock, NULL, MUTEX_DEFAULT, NULL);
	cv_init(&cv, NULL, CV_DEFAULT, NULL);
	mutex_enter(&lock);
	why = fk_cv_sleep(&cv, &lock, deadline, sig, what);
	mutex_exit(&lock);
	cv_destroy(&cv);
	mutex_destroy(&lock);
	return (why == FK_WAKE_INTR ? EINTR : 0);
}

void
delay(clock_t ticks)
{
	(void) fk_delay(ticks, false, "delay");
}

int
delay_sig(clock_t ticks)
{
	return (fk_delay(ticks, true, "delay_sig"));
}

clock_t
drv_hztousec(clock_t ticks)
{
	return (TICK_TO_USEC(ticks));
}

clock_t
drv_usectohz(clock_t usec)
{
	return (USEC_TO_TICK_ROUNDUP(usec));
}

/* Busy waiting takes no virtual time. */
void
drv_usecwait(clock_t usec)
{
	uint64_t end = fkh_clock() + USEC2NSEC(usec);

	if (fk_virtual)
		return;
	while (fkh_clock() < end)
		__builtin_ia32_pause();
}
