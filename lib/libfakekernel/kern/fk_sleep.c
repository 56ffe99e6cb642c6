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
 * Sleeping and waking: condition variables and semaphores.
 *
 * A condition variable is a queue of threads.  Each thread sleeps on a word of
 * its own (t_wakeup; fkh_sleep()), and only who takes it off the queue may wake
 * it: a signal, the end of its time, or an interrupt, whichever comes first.
 * t_wakeup then says which it was.
 *
 * The queues are protected by a fixed table of locks, hashed by the address of
 * the condition variable (as the kernel's sleep queues are), so that an
 * interrupt may look at the variable that a thread sleeps on without knowing
 * whether it still exists: as long as t_wchan names it under the lock, it does.
 *
 * A thread is woken as a rule by one who holds the mutex that it needs next,
 * and would run into that at once.  So who holds a mutex only notes whom he has
 * taken off a queue (t_wakes), and lets him run when he gives a mutex up, or is
 * about to wait for something himself.
 *
 * fk_quiesce() needs to know how many of the kernel's threads run.  A thread
 * counts itself out when it goes to sleep, and is counted in by who takes it
 * off the queue (which may happen first).
 */

#include "fk_impl.h"
#include <sys/semaphore.h>
#include <sys/callo.h>

#define	FK_CV_MAGIC	0x43766172U
#define	FK_CV_BUCKETS	256

static struct {
	fk_lk_t		sq_lock;
	char		sq_pad[60];
} fk_sleepq[FK_CV_BUCKETS];

static uint32_t fk_active;	/* threads of the kernel that run */
static uint32_t fk_quiescers;	/* who wait for that to change */

static fk_lk_t *
fk_cv_bucket(const kcondvar_t *cv)
{
	uintptr_t a = (uintptr_t)cv >> 4;

	return (&fk_sleepq[(a ^ (a >> 8)) % FK_CV_BUCKETS].sq_lock);
}

static uint64_t
fk_cv_magic(const kcondvar_t *cv)
{
	return (FK_CV_MAGIC ^ ((uintptr_t)cv << 8));
}

static void
fk_cv_valid(const kcondvar_t *cv, const char *func)
{
	if (__builtin_expect(cv->cv_magic != fk_cv_magic(cv), 0))
		panic("%s: condition variable %p is not initialised, "
		    "or destroyed", func, cv);
}

void
fk_active_inc(void)
{
	(void) __atomic_add_fetch(&fk_active, 1, __ATOMIC_SEQ_CST);
}

void
fk_active_dec(void)
{
	(void) __atomic_sub_fetch(&fk_active, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&fk_quiescers, __ATOMIC_SEQ_CST) != 0)
		fkh_futex_wake(&fk_active, INT_MAX);
}

void
fk_quiesce(void)
{
	kthread_t *t = fk_self();
	uint32_t self = t->t_counted ? 1 : 0, n;

	fk_maysleep("fk_quiesce");
	if (fk_held_count(t) != 0)
		panic("fk_quiesce: locks held");
	(void) __atomic_add_fetch(&fk_quiescers, 1, __ATOMIC_SEQ_CST);
	/* Whom the clock wakes is counted before what is due is gone. */
	fk_clock_drain();
	while ((n = __atomic_load_n(&fk_active, __ATOMIC_SEQ_CST)) > self)
		(void) fkh_futex_wait(&fk_active, n, 0);
	(void) __atomic_sub_fetch(&fk_quiescers, 1, __ATOMIC_SEQ_CST);
}

void
fk_maysleep(const char *what)
{
	kthread_t *t = fk_self();

	if (t->t_intr != 0)
		panic("%s: may sleep, in interrupt context", what);
	if (t->t_softint != 0)
		panic("%s: may sleep, in a timeout callback", what);
	fk_wake(t);
}

/*
 * Condition variables.
 */
void
cv_init(kcondvar_t *cv, char *name, kcv_type_t type, void *arg)
{
	if (cv->cv_magic == fk_cv_magic(cv))
		panic("cv_init: condition variable %p is already initialised",
		    cv);
	cv->cv_head = NULL;
	cv->cv_tail = NULL;
	cv->cv_magic = fk_cv_magic(cv);
}

void
cv_destroy(kcondvar_t *cv)
{
	kthread_t *t;
	fk_lk_t *lk = fk_cv_bucket(cv);

	fk_cv_valid(cv, "cv_destroy");
	/* One who has just been in cv_signal() leaves first. */
	fk_lock(lk);
	t = cv->cv_head;
	fk_unlock(lk);
	if (t != NULL)
		panic("cv_destroy: thread %s waits on %p", t->t_name, cv);
	cv->cv_magic = 0;
}

/* Off the queue; under its lock. */
static void
fk_cv_dequeue(kcondvar_t *cv, kthread_t *t)
{
	if (t->t_cvprev == NULL)
		FK_STORE(&cv->cv_head, t->t_cvnext);
	else
		t->t_cvprev->t_cvnext = t->t_cvnext;
	if (t->t_cvnext == NULL)
		cv->cv_tail = t->t_cvprev;
	else
		t->t_cvnext->t_cvprev = t->t_cvprev;
	t->t_cvnext = t->t_cvprev = NULL;
	__atomic_store_n(&t->t_wchan, NULL, __ATOMIC_SEQ_CST);
	if (t->t_counted)
		fk_active_inc();
}

/* The thread is off the queue: let it run. */
static void
fk_cv_unsleep(kthread_t *t, uint32_t why)
{
	fkh_wakeup(&t->t_wakeup, why, t->t_hostid);
}

/* A thread that was signalled is off the queue. */
static void
fk_cv_signalled(kthread_t *self, kthread_t *t)
{
	if (self->t_nheld == 0 ||
	    self->t_held[self->t_nheld - 1].fh_kind != FK_MUTEX) {
		fk_cv_unsleep(t, FK_WAKE_SIGNAL);
		return;
	}
	if (self->t_wakes == NULL)
		self->t_wakes = t;
	else
		self->t_wakelast->t_cvnext = t;
	self->t_wakelast = t;
}

void
fk_wake_noted(kthread_t *self)
{
	kthread_t *t, *head = self->t_wakes;

	self->t_wakes = NULL;
	while ((t = head) != NULL) {
		head = t->t_cvnext;
		t->t_cvnext = NULL;
		fk_cv_unsleep(t, FK_WAKE_SIGNAL);
	}
}

bool
fk_cv_wake(kthread_t *t, kcondvar_t *cv, uint32_t why)
{
	fk_lk_t *lk = fk_cv_bucket(cv);
	bool found;

	fk_lock(lk);
	found = t->t_wchan == cv && (why != FK_WAKE_INTR || t->t_sigwait);
	if (found)
		fk_cv_dequeue(cv, t);
	fk_unlock(lk);
	if (found)
		fk_cv_unsleep(t, why);
	return (found);
}

/*
 * The thread, which is on a queue or has just been taken off, does not run.  It
 * is called when everything that can wake the thread knows of it.
 */
void
fk_thread_idle(kthread_t *t)
{
	if (t->t_counted)
		fk_active_dec();
}

/* On the queue; false if the thread was interrupted and should not sleep. */
static bool
fk_cv_enqueue(kcondvar_t *cv, kthread_t *t, bool sig)
{
	fk_lk_t *lk = fk_cv_bucket(cv);
	bool ok = true;

	fk_lock(lk);
	FK_STORE(&t->t_wakeup, 0);
	t->t_sigwait = sig;
	t->t_cvnext = NULL;
	t->t_cvprev = cv->cv_tail;
	if (cv->cv_tail == NULL)
		FK_STORE(&cv->cv_head, t);
	else
		cv->cv_tail->t_cvnext = t;
	cv->cv_tail = t;
	__atomic_store_n(&t->t_wchan, cv, __ATOMIC_SEQ_CST);
	if (sig && __atomic_load_n(&t->t_interrupted, __ATOMIC_SEQ_CST)) {
		fk_cv_dequeue(cv, t);
		ok = false;
	}
	fk_unlock(lk);
	return (ok);
}

/*
 * May somebody else's work be done by this thread while it sleeps?  Not if it
 * holds what that may need; and threads of the kernel have work of their own.
 */
static bool
fk_may_idle(const kthread_t *t)
{
	if (t->t_hostid == 0)
		return (false);
	for (uint_t i = 0; i < t->t_nheld; i++) {
		if (t->t_held[i].fh_kind != FK_RDLOCK)
			return (false);
	}
	return (true);
}

int
fk_cv_sleep(kcondvar_t *cv, kmutex_t *mp, hrtime_t deadline, bool sig,
    const char *what)
{
	kthread_t *t = fk_self();
	int why;

	fk_cv_valid(cv, what);
	fk_maysleep(what);
	if (!mutex_owned(mp))
		panic("%s: the mutex is not held by this thread", what);
	if (fk_checks)
		fk_lockdep_sleep(t, mp, what);
	if (deadline != 0 && deadline <= gethrtime())
		return (FK_WAKE_TIMEOUT);
	if (!fk_cv_enqueue(cv, t, sig)) {
		fk_thread_idle(t);
		FK_STORE(&t->t_interrupted, false);
		return (FK_WAKE_INTR);
	}
	mutex_exit(mp);
	if (deadline != 0 && fk_virtual) {
		fk_clock_sleep(t, cv, deadline);
	} else if (deadline == 0) {
		fk_thread_idle(t);
		fkh_sleep(&t->t_wakeup, fk_may_idle(t));
	} else {
		fk_thread_idle(t);
		while (__atomic_load_n(&t->t_wakeup, __ATOMIC_ACQUIRE) == 0) {
			if (fkh_futex_wait(&t->t_wakeup, 0, deadline) == 0)
				continue;
			/* Once only: who took us off the queue will wake us. */
			(void) fk_cv_wake(t, cv, FK_WAKE_TIMEOUT);
			deadline = 0;
		}
	}
	why = __atomic_load_n(&t->t_wakeup, __ATOMIC_ACQUIRE);
	if (why == FK_WAKE_INTR)
		FK_STORE(&t->t_interrupted, false);
	mutex_enter(mp);
	return (why);
}

void
fk_thread_interrupt(kthread_t *t)
{
	kcondvar_t *cv;

	__atomic_store_n(&t->t_interrupted, true, __ATOMIC_SEQ_CST);
	cv = __atomic_load_n(&t->t_wchan, __ATOMIC_SEQ_CST);
	if (cv != NULL)
		(void) fk_cv_wake(t, cv, FK_WAKE_INTR);
}

void
fk_thread_clear_interrupt(void)
{
	FK_STORE(&fk_self()->t_interrupted, false);
}

int
issig(int why)
{
	return (FK_LOAD(&fk_self()->t_interrupted) ? SIGINT : 0);
}

void
cv_wait(kcondvar_t *cv, kmutex_t *mp)
{
	(void) fk_cv_sleep(cv, mp, 0, false, "cv_wait");
}

int
cv_wait_sig(kcondvar_t *cv, kmutex_t *mp)
{
	return (fk_cv_sleep(cv, mp, 0, true, "cv_wait_sig") != FK_WAKE_INTR);
}

int
cv_wait_sig_swap(kcondvar_t *cv, kmutex_t *mp)
{
	return (fk_cv_sleep(cv, mp, 0, true, "cv_wait_sig_swap") !=
	    FK_WAKE_INTR);
}

/*
 * All timed waits: `deadline' on the clock, what is left afterwards in units of
 * `unit' nanoseconds.
 */
static clock_t
fk_cv_timedwait(kcondvar_t *cv, kmutex_t *mp, hrtime_t deadline, bool sig,
    hrtime_t unit, const char *what)
{
	hrtime_t left;

	switch (fk_cv_sleep(cv, mp, MAX(deadline, 1), sig, what)) {
	case FK_WAKE_TIMEOUT:
		return (-1);
	case FK_WAKE_INTR:
		return (0);
	}
	left = (deadline - gethrtime()) / unit;
	return (MAX(left, 1));
}

clock_t
cv_timedwait(kcondvar_t *cv, kmutex_t *mp, clock_t when)
{
	return (fk_cv_timedwait(cv, mp, TICK_TO_NSEC(when), false,
	    nsec_per_tick, "cv_timedwait"));
}

clock_t
cv_timedwait_sig(kcondvar_t *cv, kmutex_t *mp, clock_t when)
{
	return (fk_cv_timedwait(cv, mp, TICK_TO_NSEC(when), true,
	    nsec_per_tick, "cv_timedwait_sig"));
}

clock_t
cv_reltimedwait(kcondvar_t *cv, kmutex_t *mp, clock_t ticks, time_res_t res)
{
	return (fk_cv_timedwait(cv, mp, gethrtime() + TICK_TO_NSEC(ticks),
	    false, nsec_per_tick, "cv_reltimedwait"));
}

clock_t
cv_reltimedwait_sig(kcondvar_t *cv, kmutex_t *mp, clock_t ticks,
    time_res_t res)
{
	return (fk_cv_timedwait(cv, mp, gethrtime() + TICK_TO_NSEC(ticks),
	    true, nsec_per_tick, "cv_reltimedwait_sig"));
}

static hrtime_t
fk_hires_deadline(hrtime_t when, int flags)
{
	return ((flags & CALLOUT_FLAG_ABSOLUTE) != 0 ? when :
	    gethrtime() + when);
}

clock_t
cv_timedwait_hires(kcondvar_t *cv, kmutex_t *mp, hrtime_t when, hrtime_t res,
    int flags)
{
	return (fk_cv_timedwait(cv, mp, fk_hires_deadline(when, flags), false,
	    1, "cv_timedwait_hires"));
}

int
cv_timedwait_sig_hrtime(kcondvar_t *cv, kmutex_t *mp, hrtime_t when)
{
	clock_t left;

	if (when < 0)
		return (cv_wait_sig(cv, mp));
	left = fk_cv_timedwait(cv, mp, when, true, 1,
	    "cv_timedwait_sig_hrtime");
	return (left > 0 ? 1 : (int)left);
}

void
cv_signal(kcondvar_t *cv)
{
	fk_lk_t *lk = fk_cv_bucket(cv);
	kthread_t *t, *self = fk_self();

	fk_cv_valid(cv, "cv_signal");
	if (FK_LOAD(&cv->cv_head) == NULL)
		return;
	fk_lock(lk);
	t = cv->cv_head;
	if (t != NULL)
		fk_cv_dequeue(cv, t);
	fk_unlock(lk);
	if (t != NULL)
		fk_cv_signalled(self, t);
}

void
cv_broadcast(kcondvar_t *cv)
{
	fk_lk_t *lk = fk_cv_bucket(cv);
	kthread_t *t, *head = NULL, **tailp = &head, *self = fk_self();

	fk_cv_valid(cv, "cv_broadcast");
	if (FK_LOAD(&cv->cv_head) == NULL)
		return;
	fk_lock(lk);
	while ((t = cv->cv_head) != NULL) {
		fk_cv_dequeue(cv, t);
		*tailp = t;
		tailp = &t->t_cvnext;
	}
	fk_unlock(lk);
	while ((t = head) != NULL) {
		head = t->t_cvnext;
		t->t_cvnext = NULL;
		fk_cv_signalled(self, t);
	}
}

/*
 * Semaphores.
 */
void
sema_init(ksema_t *s, uint32_t count, char *name, ksema_type_t type, void *arg)
{
	s->s_count = count;
	mutex_init(&s->s_lock, NULL, MUTEX_DEFAULT, NULL);
	cv_init(&s->s_cv, NULL, CV_DEFAULT, NULL);
}

void
sema_destroy(ksema_t *s)
{
	cv_destroy(&s->s_cv);
	mutex_destroy(&s->s_lock);
}

void
sema_p(ksema_t *s)
{
	fk_maysleep("sema_p");
	mutex_enter(&s->s_lock);
	while (s->s_count == 0)
		cv_wait(&s->s_cv, &s->s_lock);
	s->s_count--;
	mutex_exit(&s->s_lock);
}

int
sema_p_sig(ksema_t *s)
{
	int intr = 0;

	fk_maysleep("sema_p_sig");
	mutex_enter(&s->s_lock);
	while (s->s_count == 0 && intr == 0)
		intr = cv_wait_sig(&s->s_cv, &s->s_lock) == 0;
	if (intr == 0)
		s->s_count--;
	mutex_exit(&s->s_lock);
	return (intr);
}

void
sema_v(ksema_t *s)
{
	mutex_enter(&s->s_lock);
	s->s_count++;
	cv_signal(&s->s_cv);
	mutex_exit(&s->s_lock);
}

int
sema_tryp(ksema_t *s)
{
	int got;

	mutex_enter(&s->s_lock);
	got = s->s_count != 0;
	if (got)
		s->s_count--;
	mutex_exit(&s->s_lock);
	return (got);
}

int
sema_held(ksema_t *s)
{
	return (FK_LOAD(&s->s_count) == 0);
}
