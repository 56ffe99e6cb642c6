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
 * Lines: interrupts from outside, and who serves them.
 */

#include <sys/types.h>
#include <sys/kmem.h>
#include <sys/ksynch.h>
#include <sys/errno.h>
#include <sys/thread.h>
#include <sys/disp.h>
#include <sys/fk.h>
#include <fkhost.h>
#include "doorbell.h"
#include "ktest.h"

#define	ROUNDS		500

typedef struct bell {
	int		b_fd;
	fk_line_t	*b_line;
	kmutex_t	b_lock;
	kcondvar_t	b_cv;
	uint_t		b_calls;	/* of bell_func() */
	uint_t		b_asked;	/* rings that are wanted */
	uint_t		b_ours;		/* calls in the test's own thread */
	uint32_t	b_self;		/* that thread */
	kthread_t	*b_test;
	boolean_t	b_stop;
	boolean_t	b_block;	/* bell_func() does not return ... */
	boolean_t	b_inside;	/* ... where it is */
} bell_t;

static void
bell_func(void *arg)
{
	bell_t *b = arg;

	VERIFY(curthread != b->b_test);
	mutex_enter(&b->b_lock);
	b->b_calls++;
	if (fkh_thread_id() == b->b_self)
		b->b_ours++;
	b->b_inside = B_TRUE;
	cv_broadcast(&b->b_cv);
	while (b->b_block)
		cv_wait(&b->b_cv, &b->b_lock);
	b->b_inside = B_FALSE;
	mutex_exit(&b->b_lock);
}

static bell_t *
bell_create(void)
{
	bell_t *b = kmem_zalloc(sizeof (*b), KM_SLEEP);

	mutex_init(&b->b_lock, NULL, MUTEX_DEFAULT, NULL);
	cv_init(&b->b_cv, NULL, CV_DEFAULT, NULL);
	b->b_self = fkh_thread_id();
	b->b_test = curthread;
	b->b_fd = doorbell_create();
	VERIFY0(fk_line_add(b->b_fd, "bell", bell_func, b, &b->b_line));
	return (b);
}

static void
bell_destroy(bell_t *b)
{
	fk_line_remove(b->b_line);
	doorbell_destroy(b->b_fd);
	cv_destroy(&b->b_cv);
	mutex_destroy(&b->b_lock);
	kmem_free(b, sizeof (*b));
}

static kt_did_t
bell_thread(void (*func)(void *), bell_t *b)
{
	return (thread_create(NULL, 0, func, b, 0, &p0, TS_RUN,
	    minclsyspri)->t_did);
}

/* Rings whenever it is asked to, when whoever asked sleeps. */
static void
bell_ringer(void *arg)
{
	bell_t *b = arg;
	uint_t done = 0;

	mutex_enter(&b->b_lock);
	while (!b->b_stop) {
		if (done == b->b_asked) {
			cv_wait(&b->b_cv, &b->b_lock);
			continue;
		}
		done++;
		mutex_exit(&b->b_lock);
		doorbell_ring(b->b_fd);
		mutex_enter(&b->b_lock);
	}
	mutex_exit(&b->b_lock);
	thread_exit();
}

static void
bell_ringer_stop(bell_t *b, kt_did_t did)
{
	mutex_enter(&b->b_lock);
	b->b_stop = B_TRUE;
	cv_broadcast(&b->b_cv);
	mutex_exit(&b->b_lock);
	thread_join(did);
}

/* What a thread waits for comes, and now and then it does it itself. */
KTEST_REAL(fk_line_sleeper_serves)
{
	bell_t *b = bell_create();
	kt_did_t did = bell_thread(bell_ringer, b);

	mutex_enter(&b->b_lock);
	for (uint_t i = 1; i <= ROUNDS || b->b_ours == 0; i++) {
		uint_t was = b->b_calls;

		b->b_asked++;
		cv_broadcast(&b->b_cv);
		while (b->b_calls == was)
			cv_wait(&b->b_cv, &b->b_lock);
	}
	mutex_exit(&b->b_lock);
	bell_ringer_stop(b, did);
	bell_destroy(b);
}

/* A sleeper that waits for lines is woken up by other threads as well. */
static void
bell_echo(void *arg)
{
	bell_t *b = arg;

	mutex_enter(&b->b_lock);
	while (b->b_asked < ROUNDS) {
		while ((b->b_asked & 1) == 0)
			cv_wait(&b->b_cv, &b->b_lock);
		b->b_asked++;
		cv_broadcast(&b->b_cv);
	}
	mutex_exit(&b->b_lock);
	thread_exit();
}

KTEST_REAL(fk_line_sleeper_woken)
{
	bell_t *b = bell_create();
	kt_did_t did = bell_thread(bell_echo, b);

	mutex_enter(&b->b_lock);
	while (b->b_asked < ROUNDS) {
		while ((b->b_asked & 1) != 0)
			cv_wait(&b->b_cv, &b->b_lock);
		if (b->b_asked < ROUNDS) {
			b->b_asked++;
			cv_broadcast(&b->b_cv);
		}
	}
	mutex_exit(&b->b_lock);
	thread_join(did);
	bell_destroy(b);
}

/* Nobody is kept by a line that is written to without end. */
static void
bell_flood(void *arg)
{
	bell_t *b = arg;

	while (!__atomic_load_n(&b->b_stop, __ATOMIC_RELAXED))
		doorbell_ring(b->b_fd);
	thread_exit();
}

KTEST_REAL(fk_line_flood)
{
	bell_t *b = bell_create();
	kt_did_t did = bell_thread(bell_flood, b);
	uint_t i, was;

	mutex_enter(&b->b_lock);
	for (i = 0; i < ROUNDS || b->b_ours == 0; i++) {
		was = b->b_calls;
		while (b->b_calls == was)
			cv_wait(&b->b_cv, &b->b_lock);
	}
	mutex_exit(&b->b_lock);

	/* When a line has been removed its function is not called. */
	fk_line_remove(b->b_line);
	KT_ASSERT(!b->b_inside);
	was = b->b_calls;
	for (i = 0; i < ROUNDS; i++)
		doorbell_ring(b->b_fd);
	KT_EQ(b->b_calls, was);
	/* What was written before is noticed. */
	VERIFY0(fk_line_add(b->b_fd, "bell", bell_func, b, &b->b_line));
	mutex_enter(&b->b_lock);
	while (b->b_calls == was)
		cv_wait(&b->b_cv, &b->b_lock);
	mutex_exit(&b->b_lock);

	__atomic_store_n(&b->b_stop, B_TRUE, __ATOMIC_RELAXED);
	thread_join(did);
	bell_destroy(b);
}

/* What is rung while the function runs, even if that sleeps, is not lost. */
static void
bell_release(void *arg)
{
	bell_t *b = arg;

	mutex_enter(&b->b_lock);
	b->b_block = B_FALSE;
	cv_broadcast(&b->b_cv);
	mutex_exit(&b->b_lock);
	thread_exit();
}

/* In a thread of its own: the test's may be the one that is blocked. */
static void
bell_blocked(void *arg)
{
	bell_t *b = arg;

	mutex_enter(&b->b_lock);
	b->b_block = B_TRUE;
	doorbell_ring(b->b_fd);
	while (!b->b_inside)
		cv_wait(&b->b_cv, &b->b_lock);
	mutex_exit(&b->b_lock);
	for (uint_t i = 0; i < ROUNDS; i++)
		doorbell_ring(b->b_fd);
	bell_release(b);
}

KTEST_REAL(fk_line_again)
{
	bell_t *b = bell_create();

	thread_join(bell_thread(bell_blocked, b));
	mutex_enter(&b->b_lock);
	while (b->b_calls < 2)
		cv_wait(&b->b_cv, &b->b_lock);
	mutex_exit(&b->b_lock);
	bell_destroy(b);
}

/* Many lines at a time, that come and go. */
#define	BELLS	40

KTEST_REAL(fk_line_many)
{
	bell_t *bells[BELLS];

	for (uint_t round = 0; round < 5; round++) {
		for (uint_t i = 0; i < BELLS; i++)
			bells[i] = bell_create();
		for (uint_t i = 0; i < BELLS; i++)
			doorbell_ring(bells[i]->b_fd);
		for (uint_t i = 0; i < BELLS; i++) {
			mutex_enter(&bells[i]->b_lock);
			while (bells[i]->b_calls == 0)
				cv_wait(&bells[i]->b_cv, &bells[i]->b_lock);
			mutex_exit(&bells[i]->b_lock);
		}
		for (uint_t i = 0; i < BELLS; i++)
			bell_destroy(bells[i]);
	}
}

KTEST_REAL(fk_line_bad)
{
	fk_line_t *line;

	KT_EQ(fk_line_add(-1, "bell", bell_func, NULL, &line), EBADF);
}
