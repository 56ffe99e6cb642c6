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
 * The fake kernel: the clock, timeouts and task queues.
 */

#include <sys/types.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/callo.h>
#include <sys/kmem.h>
#include <sys/ksynch.h>
#include <sys/taskq.h>
#include <sys/taskq_impl.h>
#include <sys/time.h>
#include <sys/ddi.h>
#include <sys/sunddi.h>
#include <sys/disp.h>
#include <sys/fk.h>
#include "ktest.h"

static kmutex_t t_lock;
static kcondvar_t t_cv;
static int t_log[16];
static int t_n;
static bool t_go;
static hrtime_t t_when;
static timeout_id_t t_id;

static void
t_init(void)
{
	mutex_init(&t_lock, NULL, MUTEX_DEFAULT, NULL);
	cv_init(&t_cv, NULL, CV_DEFAULT, NULL);
}

static void
t_fini(void)
{
	cv_destroy(&t_cv);
	mutex_destroy(&t_lock);
}

static void
t_note(void *arg)
{
	mutex_enter(&t_lock);
	t_log[t_n++] = (int)(uintptr_t)arg;
	t_when = gethrtime();
	cv_broadcast(&t_cv);
	mutex_exit(&t_lock);
}

/* Waits for t_go. */
static void
t_block(void *arg)
{
	mutex_enter(&t_lock);
	t_log[t_n++] = (int)(uintptr_t)arg;
	while (!t_go)
		cv_wait(&t_cv, &t_lock);
	t_log[t_n++] = (int)(uintptr_t)arg;
	mutex_exit(&t_lock);
}

static void
t_unblock(void)
{
	mutex_enter(&t_lock);
	t_go = true;
	cv_broadcast(&t_cv);
	mutex_exit(&t_lock);
}

/*
 * Time.
 */
KTEST(fk_time_is_virtual)
{
	hrtime_t t = gethrtime();
	clock_t l = ddi_get_lbolt();

	KT_EQ(gethrtime(), t);
	fk_time_advance(NANOSEC);
	KT_EQ(gethrtime(), t + NANOSEC);
	KT_EQ(ddi_get_lbolt(), l + hz);
	KT_EQ(drv_usectohz(1), 1);
	KT_EQ(drv_usectohz(1000000), hz);
	KT_EQ(drv_hztousec(hz), 1000000);
	drv_usecwait(1000);
	KT_EQ(gethrtime(), t + NANOSEC);
}

KTEST_REAL(fk_time_is_real)
{
	hrtime_t t = gethrtime();

	delay(1);
	KT_GE(gethrtime(), t + nsec_per_tick);
	KT_GT(gethrestime_sec(), 0);
}

KTEST_PANICS(fk_time_advance_with_lock, "locks held")
{
	t_init();
	mutex_enter(&t_lock);
	fk_time_advance(1);
}

/*
 * Timeouts.
 */
KTEST(fk_timeout_order)
{
	hrtime_t start = gethrtime();

	t_init();
	(void) timeout(t_note, (void *)2, 20);
	(void) timeout(t_note, (void *)1, 10);
	(void) timeout(t_note, (void *)3, 20);
	KT_EQ(fk_timeouts_pending(), 3);
	fk_time_advance(10 * nsec_per_tick - 1);
	KT_EQ(t_n, 0);
	fk_time_advance(1);
	KT_EQ(t_n, 1);
	KT_EQ(t_when, start + 10 * nsec_per_tick);
	fk_time_advance(NANOSEC);
	KT_EQ(t_n, 3);
	KT_EQ(t_when, start + 20 * nsec_per_tick);
	KT_EQ(t_log[0], 1);
	KT_EQ(t_log[1], 2);
	KT_EQ(t_log[2], 3);
	KT_EQ(fk_timeouts_pending(), 0);
	t_fini();
}

KTEST(fk_untimeout)
{
	timeout_id_t id;

	t_init();
	id = timeout(t_note, (void *)1, 100);
	fk_time_advance(NANOSEC / 4);
	KT_EQ(untimeout(id), 75);
	KT_EQ(untimeout(id), -1);
	KT_EQ(untimeout(0), -1);
	fk_time_advance(NANOSEC);
	KT_EQ(t_n, 0);
	t_fini();
}

static void
t_again(void *arg)
{
	t_note(arg);
	if ((uintptr_t)arg > 1)
		t_id = timeout(t_again, (void *)((uintptr_t)arg - 1), 10);
}

/* One that starts itself again runs at each of its times in one advance. */
KTEST(fk_timeout_periodic)
{
	hrtime_t start = gethrtime();

	t_init();
	t_id = timeout(t_again, (void *)5, 10);
	fk_time_advance(NANOSEC);
	KT_EQ(t_n, 5);
	KT_EQ(t_when, start + 50 * nsec_per_tick);
	t_fini();
}

static void
t_cancel_self(void *arg)
{
	t_log[t_n++] = untimeout(t_id) == -1;
}

KTEST(fk_untimeout_from_callback)
{
	t_id = timeout(t_cancel_self, NULL, 1);
	fk_time_advance(NANOSEC);
	KT_EQ(t_n, 1);
	KT_EQ(t_log[0], 1);
}

static uint32_t t_word;

static void
t_spin(void *arg)
{
	__atomic_store_n(&t_word, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&t_word, __ATOMIC_SEQ_CST) != 2)
		;
	/* Late enough for untimeout() to be seen waiting if it did not. */
	drv_usecwait(10000);
	__atomic_store_n(&t_word, 3, __ATOMIC_SEQ_CST);
}

KTEST_REAL(fk_untimeout_waits)
{
	timeout_id_t id = timeout(t_spin, NULL, 1);

	while (__atomic_load_n(&t_word, __ATOMIC_SEQ_CST) != 1)
		;
	__atomic_store_n(&t_word, 2, __ATOMIC_SEQ_CST);
	KT_EQ(untimeout(id), -1);
	KT_EQ(__atomic_load_n(&t_word, __ATOMIC_SEQ_CST), 3);
}

KTEST(fk_timeout_generic)
{
	hrtime_t start = gethrtime();
	callout_id_t id;

	t_init();
	(void) timeout_generic(CALLOUT_REALTIME, t_note, (void *)1, 1500, 1,
	    0);
	(void) timeout_generic(CALLOUT_NORMAL, t_note, (void *)2,
	    start + 4000, 1, CALLOUT_FLAG_ABSOLUTE);
	id = timeout_generic(CALLOUT_NORMAL, t_note, (void *)3, 9000, 1, 0);
	fk_time_advance(1500);
	KT_EQ(t_when, start + 1500);
	fk_time_advance(2500);
	KT_EQ(t_when, start + 4000);
	KT_EQ(untimeout_generic(id, 1), 5000);
	KT_EQ(t_n, 2);
	t_fini();
}

static void
t_delay(void *arg)
{
	delay(100);
	t_note(arg);
}

KTEST_PANICS(fk_timeout_sleeps, "may sleep, in a timeout callback")
{
	(void) timeout(t_delay, NULL, 1);
	fk_time_advance(NANOSEC);
}

KTEST_PANICS(fk_timeout_left, "shutdown: a timeout is pending")
{
	(void) timeout(t_note, NULL, 1);
}

/* The callback takes the lock with which untimeout() is called. */
KTEST_PANICS(fk_untimeout_deadlock, "lock order: timeout callback")
{
	timeout_id_t id;

	t_init();
	(void) timeout(t_note, NULL, 1);
	fk_time_advance(NANOSEC);
	id = timeout(t_note, NULL, 1);
	mutex_enter(&t_lock);
	(void) untimeout(id);
}

KTEST(fk_delay_virtual)
{
	t_init();
	(void) taskq_dispatch(system_taskq, t_delay, (void *)1, TQ_SLEEP);
	fk_time_advance(NANOSEC - 1);
	KT_EQ(t_n, 0);
	fk_time_advance(1);
	KT_EQ(t_n, 1);
	t_fini();
}

/*
 * Task queues.
 */
KTEST(fk_taskq_order)
{
	taskq_t *tq = taskq_create("tq", 1, minclsyspri, 1, 4, 0);
	int i;

	t_init();
	taskq_suspend(tq);
	KT_EQ(taskq_suspended(tq), 1);
	for (i = 2; i < 5; i++)
		KT_NE(taskq_dispatch(tq, t_note, (void *)(uintptr_t)i,
		    TQ_SLEEP), TASKQID_INVALID);
	KT_NE(taskq_dispatch(tq, t_note, (void *)1, TQ_NOSLEEP | TQ_FRONT),
	    TASKQID_INVALID);
	fk_quiesce();
	KT_EQ(t_n, 0);
	KT_ASSERT(!taskq_empty(tq));
	taskq_resume(tq);
	taskq_wait(tq);
	KT_ASSERT(taskq_empty(tq));
	KT_EQ(t_n, 4);
	for (i = 0; i < 4; i++)
		KT_EQ(t_log[i], i + 1);
	taskq_destroy(tq);
	t_fini();
}

/* Destroying waits for what was queued. */
KTEST(fk_taskq_destroy_waits)
{
	taskq_t *tq = taskq_create("tq", 2, minclsyspri, 1, 4, 0);
	int i;

	t_init();
	for (i = 0; i < 10; i++)
		(void) taskq_dispatch(tq, t_note, NULL, TQ_SLEEP);
	taskq_destroy(tq);
	KT_EQ(t_n, 10);
	t_fini();
}

KTEST(fk_taskq_dispatch_ent)
{
	taskq_t *tq = taskq_create("tq", 1, minclsyspri, 1, 4, 0);
	taskq_ent_t ent = { 0 };
	int i;

	t_init();
	for (i = 0; i < 3; i++) {
		taskq_dispatch_ent(tq, t_note, (void *)(uintptr_t)i, 0, &ent);
		taskq_wait(tq);
		KT_EQ(t_n, i + 1);
		KT_EQ(t_log[i], i);
	}
	taskq_destroy(tq);
	t_fini();
}

KTEST_PANICS(fk_taskq_dispatch_ent_twice, "the entry is queued already")
{
	taskq_t *tq = taskq_create("tq", 1, minclsyspri, 1, 4, 0);
	taskq_ent_t ent = { 0 };

	taskq_suspend(tq);
	taskq_dispatch_ent(tq, t_note, NULL, 0, &ent);
	taskq_dispatch_ent(tq, t_note, NULL, 0, &ent);
}

/* A dynamic queue runs as many as it has threads, and then says no. */
KTEST(fk_taskq_dynamic)
{
	taskq_t *tq = taskq_create("tq", 2, minclsyspri, 1, 4, TASKQ_DYNAMIC);

	t_init();
	KT_NE(taskq_dispatch(tq, t_block, (void *)1, TQ_NOQUEUE),
	    TASKQID_INVALID);
	KT_NE(taskq_dispatch(tq, t_block, (void *)2, TQ_NOQUEUE),
	    TASKQID_INVALID);
	fk_quiesce();
	KT_EQ(t_n, 2);
	KT_EQ(taskq_dispatch(tq, t_block, (void *)3, TQ_NOQUEUE),
	    TASKQID_INVALID);
	KT_NE(taskq_dispatch(tq, t_block, (void *)3, TQ_SLEEP),
	    TASKQID_INVALID);
	fk_quiesce();
	KT_EQ(t_n, 2);
	t_unblock();
	taskq_wait(tq);
	KT_EQ(t_n, 6);
	KT_NE(taskq_dispatch(tq, t_block, (void *)4, TQ_NOQUEUE),
	    TASKQID_INVALID);
	taskq_destroy(tq);
	t_fini();
}

static void
t_wait_self(void *arg)
{
	taskq_wait(arg);
}

KTEST_PANICS(fk_taskq_wait_self, "by a task of its own")
{
	taskq_t *tq = taskq_create("tq", 1, minclsyspri, 1, 4, 0);

	(void) taskq_dispatch(tq, t_wait_self, tq, TQ_SLEEP);
	fk_quiesce();
}

/* A task takes the lock with which the queue is waited for. */
KTEST_PANICS(fk_taskq_wait_deadlock, "lock order: taskq tq is taken with")
{
	taskq_t *tq = taskq_create("tq", 1, minclsyspri, 1, 4, 0);

	t_init();
	(void) taskq_dispatch(tq, t_note, NULL, TQ_SLEEP);
	fk_quiesce();
	mutex_enter(&t_lock);
	taskq_wait(tq);
}

static void
t_keep_lock(void *arg)
{
	mutex_enter(&t_lock);
}

KTEST_PANICS(fk_taskq_task_keeps_lock, "a task returned with a lock held")
{
	t_init();
	(void) taskq_dispatch(system_taskq, t_keep_lock, NULL, TQ_SLEEP);
	fk_quiesce();
}

KTEST_PANICS(fk_taskq_left, "leaked")
{
	taskq_t *tq = taskq_create("tq", 1, minclsyspri, 1, 4, TASKQ_DYNAMIC);

	KT_ASSERT(taskq_empty(tq));
}

KTEST(fk_ddi_taskq)
{
	ddi_taskq_t *tq = ddi_taskq_create(NULL, "dtq", 1, TASKQ_DEFAULTPRI,
	    0);

	t_init();
	KT_EQ(ddi_taskq_dispatch(tq, t_note, (void *)1, DDI_SLEEP),
	    DDI_SUCCESS);
	ddi_taskq_wait(tq);
	KT_EQ(t_n, 1);
	fk_fail_nth(1);
	KT_EQ(ddi_taskq_dispatch(tq, t_note, (void *)1, DDI_NOSLEEP),
	    DDI_FAILURE);
	ddi_taskq_destroy(tq);
	t_fini();
}
