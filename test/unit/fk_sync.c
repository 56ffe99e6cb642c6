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
 * The fake kernel: locks, condition variables, threads, and the checks that
 * make it stricter than the real one.
 */

#include <sys/types.h>
#include <sys/systm.h>
#include <sys/kmem.h>
#include <sys/ksynch.h>
#include <sys/atomic.h>
#include <sys/thread.h>
#include <sys/disp.h>
#include <sys/fk.h>
#include "ktest.h"

typedef struct sync {
	kmutex_t	s_lock;
	kmutex_t	s_lock2;
	krwlock_t	s_rw;
	kcondvar_t	s_cv;
	int		s_count;
	int		s_order[4];
	clock_t		s_result;
	kthread_t	*s_thread;
} sync_t;

static sync_t *
sync_create(void)
{
	sync_t *s = kmem_zalloc(sizeof (*s), KM_SLEEP);

	mutex_init(&s->s_lock, NULL, MUTEX_DEFAULT, NULL);
	mutex_init(&s->s_lock2, NULL, MUTEX_DEFAULT, NULL);
	rw_init(&s->s_rw, NULL, RW_DEFAULT, NULL);
	cv_init(&s->s_cv, NULL, CV_DEFAULT, NULL);
	return (s);
}

static void
sync_destroy(sync_t *s)
{
	cv_destroy(&s->s_cv);
	rw_destroy(&s->s_rw);
	mutex_destroy(&s->s_lock2);
	mutex_destroy(&s->s_lock);
	kmem_free(s, sizeof (*s));
}

static kthread_t *
sync_thread(void (*func)(void *), void *arg)
{
	return (thread_create(NULL, 0, func, arg, 0, &p0, TS_RUN,
	    minclsyspri));
}

KTEST(fk_boot_and_shutdown)
{
	KT_ASSERT(curthread != NULL);
	KT_EQ(curproc->p_zone->zone_id, GLOBAL_ZONEID);
}

/*
 * Mutexes.
 */
#define	COUNT_LOOPS	20000

static void
count_thread(void *arg)
{
	sync_t *s = arg;
	int i;

	for (i = 0; i < COUNT_LOOPS; i++) {
		mutex_enter(&s->s_lock);
		s->s_count++;
		mutex_exit(&s->s_lock);
	}
	thread_exit();
}

KTEST_REAL(fk_mutex_excludes)
{
	sync_t *s = sync_create();
	kt_did_t did[4];
	int i;

	for (i = 0; i < 4; i++)
		did[i] = sync_thread(count_thread, s)->t_did;
	for (i = 0; i < 4; i++)
		thread_join(did[i]);
	KT_EQ(s->s_count, 4 * COUNT_LOOPS);
	sync_destroy(s);
}

static void
tryenter_thread(void *arg)
{
	sync_t *s = arg;

	s->s_count = mutex_tryenter(&s->s_lock);
	thread_exit();
}

KTEST(fk_mutex_tryenter)
{
	sync_t *s = sync_create();

	KT_EQ(mutex_tryenter(&s->s_lock), 1);
	KT_ASSERT(MUTEX_HELD(&s->s_lock));
	KT_ASSERT(mutex_owner(&s->s_lock) == curthread);
	s->s_count = -1;
	thread_join(sync_thread(tryenter_thread, s)->t_did);
	KT_EQ(s->s_count, 0);
	mutex_exit(&s->s_lock);
	KT_ASSERT(MUTEX_NOT_HELD(&s->s_lock));
	sync_destroy(s);
}

KTEST_PANICS(fk_mutex_recursive, "recursive mutex_enter")
{
	sync_t *s = sync_create();

	mutex_enter(&s->s_lock);
	mutex_enter(&s->s_lock);
}

KTEST_PANICS(fk_mutex_exit_unheld, "mutex_exit: not held by this thread")
{
	sync_t *s = sync_create();

	mutex_exit(&s->s_lock);
}

static void
hold_thread(void *arg)
{
	sync_t *s = arg;

	mutex_enter(&s->s_lock);
	mutex_enter(&s->s_lock2);
	s->s_count = 1;
	cv_signal(&s->s_cv);
	while (s->s_count == 1)
		cv_wait(&s->s_cv, &s->s_lock2);
	mutex_exit(&s->s_lock2);
	mutex_exit(&s->s_lock);
	thread_exit();
}

static sync_t *
sync_held_by_other(void)
{
	sync_t *s = sync_create();

	mutex_enter(&s->s_lock2);
	(void) sync_thread(hold_thread, s);
	while (s->s_count == 0)
		cv_wait(&s->s_cv, &s->s_lock2);
	mutex_exit(&s->s_lock2);
	return (s);
}

KTEST_PANICS(fk_mutex_exit_of_other, "holds")
{
	sync_t *s = sync_held_by_other();

	mutex_exit(&s->s_lock);
}

KTEST_PANICS(fk_mutex_destroy_held, "mutex_destroy: lock is held")
{
	sync_t *s = sync_held_by_other();

	mutex_destroy(&s->s_lock);
}

KTEST_PANICS(fk_mutex_uninitialised, "mutex_enter: not initialised")
{
	kmutex_t lock = { 0 };

	mutex_enter(&lock);
}

KTEST_PANICS(fk_mutex_copied, "mutex_enter: not initialised")
{
	sync_t *s = sync_create();
	kmutex_t copy = s->s_lock;

	mutex_enter(&copy);
}

KTEST_PANICS(fk_mutex_destroyed, "not initialised, or destroyed")
{
	sync_t *s = sync_create();

	mutex_destroy(&s->s_lock);
	mutex_enter(&s->s_lock);
}

KTEST_PANICS(fk_mutex_init_twice, "mutex_init: already initialised")
{
	sync_t *s = sync_create();

	mutex_init(&s->s_lock, NULL, MUTEX_DEFAULT, NULL);
}

KTEST_PANICS(fk_mutex_freed, "has a mutex in it that was not destroyed")
{
	sync_t *s = sync_create();

	rw_destroy(&s->s_rw);
	kmem_free(s, sizeof (*s));
}

KTEST_PANICS(fk_thread_exit_with_lock, "exits with locks held")
{
	sync_t *s = sync_create();

	s->s_thread = sync_thread((void (*)(void *))mutex_enter, &s->s_lock);
	thread_join(s->s_thread->t_did);
}

KTEST_PANICS(fk_assert_panics, "assertion failed: 1 == 2 (0x1 == 0x2)")
{
	ASSERT3U(1, ==, 2);
}

/*
 * Readers/writer locks.
 */
static void
rw_thread(void *arg)
{
	sync_t *s = arg;
	int i, seen;

	for (i = 0; i < COUNT_LOOPS; i++) {
		if (i % 4 == 0) {
			rw_enter(&s->s_rw, RW_WRITER);
			s->s_count++;
			s->s_order[0]++;
			if (i % 8 == 0)
				rw_downgrade(&s->s_rw);
		} else {
			rw_enter(&s->s_rw, RW_READER);
			seen = s->s_count;
			KT_EQ(s->s_order[0], seen);
			if (i % 16 == 1 && rw_tryupgrade(&s->s_rw)) {
				s->s_count++;
				s->s_order[0]++;
			}
		}
		rw_exit(&s->s_rw);
	}
	thread_exit();
}

KTEST_REAL(fk_rwlock_excludes)
{
	sync_t *s = sync_create();
	kt_did_t did[4];
	int i;

	for (i = 0; i < 4; i++)
		did[i] = sync_thread(rw_thread, s)->t_did;
	for (i = 0; i < 4; i++)
		thread_join(did[i]);
	KT_GE(s->s_count, COUNT_LOOPS);
	sync_destroy(s);
}

KTEST(fk_rwlock_states)
{
	sync_t *s = sync_create();

	KT_ASSERT(!RW_LOCK_HELD(&s->s_rw));
	rw_enter(&s->s_rw, RW_READER);
	KT_ASSERT(RW_READ_HELD(&s->s_rw) && !RW_WRITE_HELD(&s->s_rw));
	KT_EQ(rw_tryupgrade(&s->s_rw), 1);
	KT_ASSERT(RW_WRITE_HELD(&s->s_rw) && rw_owner(&s->s_rw) == curthread);
	rw_downgrade(&s->s_rw);
	KT_ASSERT(RW_READ_HELD(&s->s_rw));
	rw_exit(&s->s_rw);
	KT_EQ(rw_tryenter(&s->s_rw, RW_WRITER), 1);
	KT_EQ(rw_tryenter(&s->s_rw, RW_READER), 0);
	rw_exit(&s->s_rw);
	sync_destroy(s);
}

KTEST_PANICS(fk_rwlock_recursive_read, "recursive rw_enter")
{
	sync_t *s = sync_create();

	rw_enter(&s->s_rw, RW_READER);
	rw_enter(&s->s_rw, RW_READER);
}

KTEST_PANICS(fk_rwlock_exit_unheld, "rw_exit: not held by this thread")
{
	sync_t *s = sync_create();

	rw_exit(&s->s_rw);
}

KTEST_PANICS(fk_rwlock_destroy_held, "rw_destroy: lock is held")
{
	sync_t *s = sync_create();

	rw_enter(&s->s_rw, RW_READER);
	rw_destroy(&s->s_rw);
}

/*
 * Lock order.
 */
KTEST_PANICS(fk_lock_order_inverted, "it is the other way round")
{
	sync_t *s = sync_create();

	mutex_enter(&s->s_lock);
	mutex_enter(&s->s_lock2);
	mutex_exit(&s->s_lock2);
	mutex_exit(&s->s_lock);
	mutex_enter(&s->s_lock2);
	mutex_enter(&s->s_lock);
}

KTEST_PANICS(fk_lock_order_cycle_of_three, "took &s->s_lock with &s->s_rw held")
{
	sync_t *s = sync_create();

	mutex_enter(&s->s_lock2);
	rw_enter(&s->s_rw, RW_READER);
	rw_exit(&s->s_rw);
	mutex_exit(&s->s_lock2);
	rw_enter(&s->s_rw, RW_WRITER);
	mutex_enter(&s->s_lock);
	mutex_exit(&s->s_lock);
	rw_exit(&s->s_rw);
	mutex_enter(&s->s_lock);
	mutex_enter(&s->s_lock2);
}

/* By class: no two objects need be the same. */
KTEST_PANICS(fk_lock_order_by_class, "it is the other way round")
{
	sync_t *a = sync_create(), *b = sync_create();

	mutex_enter(&a->s_lock);
	mutex_enter(&a->s_lock2);
	mutex_exit(&a->s_lock2);
	mutex_exit(&a->s_lock);
	mutex_enter(&b->s_lock2);
	mutex_enter(&b->s_lock);
}

KTEST(fk_lock_order_tryenter)
{
	sync_t *s = sync_create();

	mutex_enter(&s->s_lock);
	mutex_enter(&s->s_lock2);
	mutex_exit(&s->s_lock2);
	mutex_exit(&s->s_lock);
	mutex_enter(&s->s_lock2);
	KT_EQ(mutex_tryenter(&s->s_lock), 1);
	mutex_exit(&s->s_lock);
	mutex_exit(&s->s_lock2);
	sync_destroy(s);
}

KTEST_PANICS(fk_lock_same_class, "another of its class held")
{
	sync_t *a = sync_create(), *b = sync_create();

	mutex_enter(&a->s_lock);
	mutex_enter(&b->s_lock);
}

static void
nested_pair(sync_t **lowp, sync_t **highp)
{
	sync_t *a = sync_create(), *b = sync_create();

	fk_lock_allow_nested("s_lock");
	*lowp = (uintptr_t)a < (uintptr_t)b ? a : b;
	*highp = *lowp == a ? b : a;
}

KTEST(fk_lock_nested_ascending)
{
	sync_t *low, *high;

	nested_pair(&low, &high);
	mutex_enter(&low->s_lock);
	mutex_enter(&high->s_lock);
	mutex_exit(&high->s_lock);
	mutex_exit(&low->s_lock);
	sync_destroy(low);
	sync_destroy(high);
}

KTEST_PANICS(fk_lock_nested_descending, "another of its class held")
{
	sync_t *low, *high;

	nested_pair(&low, &high);
	mutex_enter(&high->s_lock);
	mutex_enter(&low->s_lock);
}

/* The name is that of the member, not the end of another's. */
KTEST_PANICS(fk_lock_nested_other, "another of its class held")
{
	sync_t *a = sync_create(), *b = sync_create();

	fk_lock_allow_nested("lock2");
	mutex_enter(&a->s_lock2);
	mutex_enter(&b->s_lock2);
}

/*
 * Contexts.
 */
KTEST_PANICS(fk_intr_kmem_sleep, "kmem_alloc(KM_SLEEP): may sleep, in int")
{
	fk_intr_enter();
	(void) kmem_alloc(8, KM_SLEEP);
}

KTEST(fk_intr_kmem_nosleep)
{
	fk_intr_enter();
	KT_EQ(servicing_interrupt(), 1);
	kmem_free(kmem_alloc(8, KM_NOSLEEP), 8);
	fk_intr_exit();
	KT_EQ(servicing_interrupt(), 0);
}

KTEST_PANICS(fk_intr_cv_wait, "cv_wait: may sleep, in interrupt context")
{
	sync_t *s = sync_create();

	mutex_enter(&s->s_lock);
	fk_intr_enter();
	cv_wait(&s->s_cv, &s->s_lock);
}

KTEST_PANICS(fk_intr_delay, "delay: may sleep, in interrupt context")
{
	fk_intr_enter();
	delay(1);
}

KTEST_PANICS(fk_intr_exit_with_lock, "interrupt handler returned with a lock")
{
	sync_t *s = sync_create();

	fk_intr_enter();
	mutex_enter(&s->s_lock);
	fk_intr_exit();
}

/* An interrupt handler takes a lock that a sleeper holds. */
KTEST_PANICS(fk_intr_lock_slept_with, "held across a sleep, and taken in an")
{
	sync_t *s = sync_create();

	mutex_enter(&s->s_lock);
	kmem_free(kmem_alloc(8, KM_SLEEP), 8);
	mutex_exit(&s->s_lock);
	fk_intr_enter();
	mutex_enter(&s->s_lock);
}

KTEST_PANICS(fk_intr_lock_then_slept, "held across a sleep, and taken in an")
{
	sync_t *s = sync_create();

	fk_intr_enter();
	mutex_enter(&s->s_lock);
	mutex_exit(&s->s_lock);
	fk_intr_exit();
	mutex_enter(&s->s_lock);
	mutex_enter(&s->s_lock2);
	(void) cv_timedwait(&s->s_cv, &s->s_lock2, ddi_get_lbolt() + 1);
}

/*
 * Condition variables.
 */
static void
waiter_thread(void *arg)
{
	sync_t *s = arg;
	int me;

	mutex_enter(&s->s_lock);
	me = s->s_count++;
	cv_wait(&s->s_cv, &s->s_lock);
	s->s_order[s->s_result++] = me;
	mutex_exit(&s->s_lock);
	thread_exit();
}

/* First come, first served, and one at a time. */
KTEST(fk_cv_signal_order)
{
	sync_t *s = sync_create();
	kt_did_t did[4];
	int i;

	for (i = 0; i < 4; i++) {
		did[i] = sync_thread(waiter_thread, s)->t_did;
		fk_quiesce();
	}
	KT_EQ(s->s_count, 4);
	for (i = 0; i < 3; i++) {
		cv_signal(&s->s_cv);
		fk_quiesce();
		KT_EQ(s->s_result, i + 1);
		KT_EQ(s->s_order[i], i);
	}
	cv_broadcast(&s->s_cv);
	for (i = 0; i < 4; i++)
		thread_join(did[i]);
	KT_EQ(s->s_result, 4);
	sync_destroy(s);
}

KTEST(fk_cv_timedwait_times_out)
{
	sync_t *s = sync_create();

	mutex_enter(&s->s_lock);
	KT_EQ(cv_timedwait(&s->s_cv, &s->s_lock, ddi_get_lbolt()), -1);
	KT_EQ(cv_timedwait(&s->s_cv, &s->s_lock, ddi_get_lbolt() - 5), -1);
	KT_ASSERT(MUTEX_HELD(&s->s_lock));
	mutex_exit(&s->s_lock);
	sync_destroy(s);
}

static void
timedwait_thread(void *arg)
{
	sync_t *s = arg;

	mutex_enter(&s->s_lock);
	s->s_count = 1;
	s->s_result = cv_timedwait_sig(&s->s_cv, &s->s_lock,
	    ddi_get_lbolt() + 100);
	s->s_count = 2;
	mutex_exit(&s->s_lock);
	thread_exit();
}

static sync_t *
timedwait_start(kt_did_t *didp)
{
	sync_t *s = sync_create();

	s->s_thread = sync_thread(timedwait_thread, s);
	*didp = s->s_thread->t_did;
	fk_quiesce();
	KT_EQ(s->s_count, 1);
	return (s);
}

KTEST(fk_cv_timedwait_virtual)
{
	kt_did_t did;
	sync_t *s = timedwait_start(&did);

	fk_time_advance(NANOSEC - 1);
	KT_EQ(s->s_count, 1);
	fk_time_advance(1);
	KT_EQ(s->s_count, 2);
	KT_EQ(s->s_result, -1);
	thread_join(did);
	sync_destroy(s);
}

KTEST(fk_cv_timedwait_signalled)
{
	kt_did_t did;
	sync_t *s = timedwait_start(&did);

	fk_time_advance(NANOSEC / 4);
	mutex_enter(&s->s_lock);
	cv_signal(&s->s_cv);
	mutex_exit(&s->s_lock);
	thread_join(did);
	KT_EQ(s->s_result, 75);
	fk_time_advance(NANOSEC);
	sync_destroy(s);
}

KTEST(fk_cv_timedwait_interrupted)
{
	kt_did_t did;
	sync_t *s = timedwait_start(&did);

	fk_thread_interrupt(s->s_thread);
	thread_join(did);
	KT_EQ(s->s_result, 0);
	sync_destroy(s);
}

KTEST_REAL(fk_cv_timedwait_real)
{
	sync_t *s = sync_create();
	hrtime_t start = gethrtime();

	mutex_enter(&s->s_lock);
	KT_EQ(cv_reltimedwait(&s->s_cv, &s->s_lock, 2, TR_CLOCK_TICK), -1);
	mutex_exit(&s->s_lock);
	KT_GE(gethrtime() - start, 2 * nsec_per_tick);
	sync_destroy(s);
}

/* An interrupt that comes before the wait ends it as well, once. */
KTEST(fk_cv_interrupt_before_wait)
{
	sync_t *s = sync_create();

	fk_thread_interrupt(curthread);
	KT_ASSERT(issig(JUSTLOOKING));
	mutex_enter(&s->s_lock);
	KT_EQ(cv_wait_sig(&s->s_cv, &s->s_lock), 0);
	KT_ASSERT(!issig(JUSTLOOKING));
	KT_EQ(cv_timedwait_sig(&s->s_cv, &s->s_lock, ddi_get_lbolt()), -1);
	mutex_exit(&s->s_lock);
	sync_destroy(s);
}

KTEST_PANICS(fk_cv_destroy_with_waiter, "cv_destroy: thread")
{
	kt_did_t did;
	sync_t *s = timedwait_start(&did);

	cv_destroy(&s->s_cv);
}

KTEST_PANICS(fk_cv_uninitialised, "is not initialised, or destroyed")
{
	kcondvar_t cv = { 0 };

	cv_signal(&cv);
}

KTEST_PANICS(fk_cv_wait_without_mutex, "the mutex is not held by this thread")
{
	sync_t *s = sync_create();

	cv_wait(&s->s_cv, &s->s_lock);
}

#define	PING_LOOPS	5000

static void
ping_thread(void *arg)
{
	sync_t *s = arg;
	int i;

	mutex_enter(&s->s_lock);
	for (i = 0; i < PING_LOOPS; i++) {
		while (s->s_count % 2 == 0)
			cv_wait(&s->s_cv, &s->s_lock);
		s->s_count++;
		cv_signal(&s->s_cv);
	}
	mutex_exit(&s->s_lock);
	thread_exit();
}

/* No wake-up is lost, with timeouts and interrupts in between. */
KTEST_REAL(fk_cv_ping_pong)
{
	sync_t *s = sync_create();
	kthread_t *t = sync_thread(ping_thread, s);
	kt_did_t did = t->t_did;
	int i;

	for (i = 0; i < PING_LOOPS; i++) {
		mutex_enter(&s->s_lock);
		s->s_count++;
		cv_signal(&s->s_cv);
		while (s->s_count % 2 == 1)
			(void) cv_timedwait_hires(&s->s_cv, &s->s_lock, 1000,
			    1, 0);
		mutex_exit(&s->s_lock);
	}
	thread_join(did);
	KT_EQ(s->s_count, 2 * PING_LOOPS);
	sync_destroy(s);
}

/*
 * Who is signalled by the holder of a mutex runs before that one waits for
 * anything: here for the signalled thread itself, to say something, or to give
 * a lock up.
 */
static void
signalled_thread(void *arg)
{
	sync_t *s = arg;

	rw_enter(&s->s_rw, RW_WRITER);
	mutex_enter(&s->s_lock);
	s->s_count = 1;
	cv_wait(&s->s_cv, &s->s_lock);
	__atomic_store_n(&s->s_count, 2, __ATOMIC_RELAXED);
	mutex_exit(&s->s_lock);
	rw_exit(&s->s_rw);
	thread_exit();
}

static void
signal_and_wait(void (*wait)(sync_t *))
{
	sync_t *s = sync_create();
	kt_did_t did = sync_thread(signalled_thread, s)->t_did;

	fk_quiesce();
	KT_EQ(s->s_count, 1);
	mutex_enter(&s->s_lock2);
	cv_signal(&s->s_cv);
	wait(s);
	mutex_exit(&s->s_lock2);
	thread_join(did);
	KT_EQ(s->s_count, 2);
	sync_destroy(s);
}

static void
wait_for_cv(sync_t *s)
{
	kcondvar_t cv;
	kmutex_t lock;

	bzero(&cv, sizeof (cv));
	bzero(&lock, sizeof (lock));
	cv_init(&cv, NULL, CV_DEFAULT, NULL);
	mutex_init(&lock, NULL, MUTEX_DEFAULT, NULL);
	mutex_enter(&lock);
	do {
		(void) cv_reltimedwait(&cv, &lock, 1, TR_CLOCK_TICK);
	} while (__atomic_load_n(&s->s_count, __ATOMIC_RELAXED) != 2);
	mutex_exit(&lock);
	mutex_destroy(&lock);
	cv_destroy(&cv);
}

static void
wait_for_rwlock(sync_t *s)
{
	rw_enter(&s->s_rw, RW_READER);
	KT_EQ(s->s_count, 2);
	rw_exit(&s->s_rw);
}

KTEST_REAL(fk_cv_signal_then_wait)
{
	signal_and_wait(wait_for_cv);
}

KTEST_REAL(fk_cv_signal_then_rwlock)
{
	signal_and_wait(wait_for_rwlock);
}

/* And at the latest when it gives the mutex up: a broadcast wakes them all. */
KTEST(fk_cv_broadcast_held)
{
	sync_t *s = sync_create();
	kt_did_t did[4];
	int i;

	for (i = 0; i < 4; i++) {
		did[i] = sync_thread(waiter_thread, s)->t_did;
		fk_quiesce();
	}
	mutex_enter(&s->s_lock);
	cv_signal(&s->s_cv);
	cv_broadcast(&s->s_cv);
	KT_EQ(s->s_result, 0);
	mutex_exit(&s->s_lock);
	fk_quiesce();
	KT_EQ(s->s_result, 4);
	for (i = 0; i < 4; i++)
		thread_join(did[i]);
	sync_destroy(s);
}

KTEST(fk_sema)
{
	ksema_t sema = { 0 };

	sema_init(&sema, 1, NULL, SEMA_DEFAULT, NULL);
	sema_p(&sema);
	KT_EQ(sema_tryp(&sema), 0);
	KT_ASSERT(SEMA_HELD(&sema));
	fk_thread_interrupt(curthread);
	KT_EQ(sema_p_sig(&sema), 1);
	sema_v(&sema);
	KT_EQ(sema_p_sig(&sema), 0);
	sema_v(&sema);
	KT_EQ(sema_tryp(&sema), 1);
	sema_destroy(&sema);
}

/*
 * Threads and processes.
 */
static void
lwp_thread(void *arg)
{
	sync_t *s = arg;

	mutex_enter(&s->s_lock);
	s->s_count = crgetzoneid(CRED()) + 1;
	while (cv_wait_sig(&s->s_cv, &s->s_lock) != 0)
		;
	s->s_result = ttoproc(curthread)->p_flag & SEXITING;
	mutex_exit(&s->s_lock);
	mutex_enter(&ttoproc(curthread)->p_lock);
	lwp_exit();
}

KTEST(fk_lwp)
{
	sync_t *s = sync_create();
	zone_t *zone = fk_zone_create("z");
	cred_t *cr = fk_cred_create(1, 1, zone, B_FALSE);
	proc_t *p = fk_proc_create(zone, cr, "bhyve"), *old;
	k_sigset_t hold;
	klwp_t *lwp;

	crfree(cr);
	old = fk_proc_switch(p);
	KT_EQ(getzoneid(), zone->zone_id);
	sigfillset(&hold);
	lwp = lwp_create(lwp_thread, (caddr_t)s, 0, p, TS_STOPPED,
	    minclsyspri - 1, &hold, curthread->t_cid, 0);
	KT_ASSERT(lwp != NULL);
	fk_quiesce();
	KT_EQ(s->s_count, 0);
	mutex_enter(&p->p_lock);
	lwp_create_done(lwptot(lwp));
	mutex_exit(&p->p_lock);
	fk_quiesce();
	KT_EQ(s->s_count, zone->zone_id + 1);
	(void) fk_proc_switch(old);
	fk_proc_exit(p);
	KT_EQ(s->s_result, SEXITING);
	KT_ASSERT(lwp_create(lwp_thread, (caddr_t)s, 0, p, TS_STOPPED,
	    minclsyspri, &hold, 0, 0) == NULL);
	fk_proc_rele(p);
	fk_zone_shutdown(zone);
	fk_zone_destroy(zone);
	sync_destroy(s);
}

KTEST_PANICS(fk_shutdown_thread_left, "has not ended")
{
	static sync_t s;

	mutex_init(&s.s_lock, NULL, MUTEX_DEFAULT, NULL);
	cv_init(&s.s_cv, NULL, CV_DEFAULT, NULL);
	(void) sync_thread(waiter_thread, &s);
	fk_quiesce();
}
