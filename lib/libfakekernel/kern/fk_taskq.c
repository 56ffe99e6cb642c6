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
 * Task queues.
 *
 * A queue has a list of entries and threads that take them from its front.  An
 * ordinary queue has all its threads from the beginning, a dynamic one makes
 * them as tasks come and none is idle, up to its limit.  Entries of
 * taskq_dispatch() are allocated (that is what TQ_NOSLEEP is about), those of
 * taskq_dispatch_ent() belong to the caller and are forgotten before the
 * function is called.
 *
 * For the lock checks the tasks of the queues of one name are a pseudo-lock,
 * held while a task runs and taken by taskq_wait() and taskq_destroy(): waiting
 * with a lock held that a task takes is found.
 */

#include "fk_impl.h"
#include <sys/taskq.h>
#include <sys/taskq_impl.h>
#include <sys/sunddi.h>
#include <sys/disp.h>

struct taskq {
	char		tq_name[TASKQ_NAMELEN + 1];
	kmutex_t	tq_lock;	/* protects all below */
	kcondvar_t	tq_work;	/* there is an entry, or the end */
	kcondvar_t	tq_idle;	/* the last task has ended */
	taskq_ent_t	tq_head;	/* circular */
	proc_t		*tq_proc;
	pri_t		tq_pri;
	uint_t		tq_flags;
	int		tq_max;
	int		tq_nthreads;
	int		tq_nidle;	/* threads that wait for work */
	int		tq_nqueued;
	int		tq_nactive;	/* tasks that run */
	bool		tq_suspended;
	bool		tq_ending;
	kt_did_t	*tq_did;	/* of tq_nthreads threads */
};

taskq_t *system_taskq;

static void
fk_taskq_run(taskq_t *tq, taskq_ent_t *tqe)
{
	kthread_t *t = curthread;
	task_func_t *func = tqe->tqent_func;
	void *arg = tqe->tqent_arg;

	if ((tqe->tqent_un.tqent_flags & TQENT_FLAG_PREALLOC) == 0)
		kmem_free(tqe, sizeof (*tqe));
	else
		tqe->tqent_func = NULL;
	mutex_exit(&tq->tq_lock);
	if (fk_checks)
		fk_lockdep_enter(tq, fk_lockclass_named("taskq", tq->tq_name));
	func(arg);
	if (fk_checks)
		fk_lockdep_exit(tq);
	if (fk_held_count(t) != 0)
		panic("taskq %s: a task returned with a lock held",
		    tq->tq_name);
	mutex_enter(&tq->tq_lock);
}

static void
fk_taskq_thread(void *arg)
{
	taskq_t *tq = arg;
	taskq_ent_t *tqe;

	curthread->t_taskq = tq;
	mutex_enter(&tq->tq_lock);
	for (;;) {
		tqe = tq->tq_head.tqent_next;
		if (tqe == &tq->tq_head || tq->tq_suspended) {
			if (tq->tq_ending)
				break;
			tq->tq_nidle++;
			cv_wait(&tq->tq_work, &tq->tq_lock);
			tq->tq_nidle--;
			continue;
		}
		tqe->tqent_prev->tqent_next = tqe->tqent_next;
		tqe->tqent_next->tqent_prev = tqe->tqent_prev;
		tqe->tqent_next = tqe->tqent_prev = NULL;
		tq->tq_nqueued--;
		tq->tq_nactive++;
		fk_taskq_run(tq, tqe);
		tq->tq_nactive--;
		if (tq->tq_nactive == 0 && tq->tq_nqueued == 0)
			cv_broadcast(&tq->tq_idle);
	}
	mutex_exit(&tq->tq_lock);
	thread_exit();
}

/* One more thread; the lock is held. */
static void
fk_taskq_grow(taskq_t *tq)
{
	kthread_t *t;

	t = fk_kthread_create(tq->tq_name, fk_taskq_thread, tq, tq->tq_proc,
	    tq->tq_pri);
	tq->tq_did[tq->tq_nthreads++] = t->t_did;
}

taskq_t *
taskq_create_proc(const char *name, int nthreads, pri_t pri, int minalloc,
    int maxalloc, proc_t *p, uint_t flags)
{
	taskq_t *tq = kmem_zalloc(sizeof (*tq), KM_SLEEP);

	if ((flags & TASKQ_THREADS_CPU_PCT) != 0)
		nthreads = nthreads * ncpus / 100;
	nthreads = MAX(nthreads, 1);
	(void) strlcpy(tq->tq_name, name, sizeof (tq->tq_name));
	mutex_init(&tq->tq_lock, NULL, MUTEX_DEFAULT, NULL);
	cv_init(&tq->tq_work, NULL, CV_DEFAULT, NULL);
	cv_init(&tq->tq_idle, NULL, CV_DEFAULT, NULL);
	tq->tq_head.tqent_next = tq->tq_head.tqent_prev = &tq->tq_head;
	tq->tq_proc = p;
	tq->tq_pri = pri;
	tq->tq_flags = flags;
	tq->tq_max = nthreads;
	tq->tq_did = kmem_zalloc(nthreads * sizeof (kt_did_t), KM_SLEEP);
	mutex_enter(&tq->tq_lock);
	while ((flags & TASKQ_DYNAMIC) == 0 && tq->tq_nthreads < nthreads)
		fk_taskq_grow(tq);
	mutex_exit(&tq->tq_lock);
	return (tq);
}

taskq_t *
taskq_create(const char *name, int nthreads, pri_t pri, int minalloc,
    int maxalloc, uint_t flags)
{
	return (taskq_create_proc(name, nthreads, pri, minalloc, maxalloc, &p0,
	    flags));
}

taskq_t *
taskq_create_instance(const char *name, int instance, int nthreads, pri_t pri,
    int minalloc, int maxalloc, uint_t flags)
{
	char buf[TASKQ_NAMELEN + 1];

	(void) snprintf(buf, sizeof (buf), "%s_%d", name, instance);
	return (taskq_create(buf, nthreads, pri, minalloc, maxalloc, flags));
}

/* Queue the entry; the lock is held. */
static void
fk_taskq_enqueue(taskq_t *tq, taskq_ent_t *tqe, task_func_t *func, void *arg,
    uint_t flags)
{
	taskq_ent_t *after = &tq->tq_head;

	if (tq->tq_ending && curthread->t_taskq != tq)
		panic("taskq %s: dispatch while it is being destroyed",
		    tq->tq_name);
	if ((flags & TQ_FRONT) == 0)
		after = after->tqent_prev;
	tqe->tqent_func = func;
	tqe->tqent_arg = arg;
	tqe->tqent_prev = after;
	tqe->tqent_next = after->tqent_next;
	after->tqent_next->tqent_prev = tqe;
	after->tqent_next = tqe;
	tq->tq_nqueued++;
	cv_signal(&tq->tq_work);
}

/*
 * A dynamic queue with no thread for one more task gets one if it may.  Making
 * it is the kernel's business and cannot fail.
 */
static bool
fk_taskq_has_thread(taskq_t *tq)
{
	return (tq->tq_nidle > tq->tq_nqueued);
}

taskqid_t
taskq_dispatch(taskq_t *tq, task_func_t func, void *arg, uint_t flags)
{
	taskq_ent_t *tqe;
	bool dynamic = (tq->tq_flags & TASKQ_DYNAMIC) != 0;

	tqe = kmem_zalloc(sizeof (*tqe), (flags & (TQ_NOSLEEP | TQ_NOALLOC |
	    TQ_NOQUEUE)) != 0 ? KM_NOSLEEP : KM_SLEEP);
	if (tqe == NULL)
		return (TASKQID_INVALID);
	mutex_enter(&tq->tq_lock);
	if (dynamic && !fk_taskq_has_thread(tq)) {
		if (tq->tq_nthreads < tq->tq_max) {
			fk_taskq_grow(tq);
		} else if ((flags & TQ_NOQUEUE) != 0) {
			mutex_exit(&tq->tq_lock);
			kmem_free(tqe, sizeof (*tqe));
			return (TASKQID_INVALID);
		}
	}
	fk_taskq_enqueue(tq, tqe, func, arg, flags);
	mutex_exit(&tq->tq_lock);
	return ((taskqid_t)tqe);
}

void
taskq_dispatch_ent(taskq_t *tq, task_func_t func, void *arg, uint_t flags,
    taskq_ent_t *tqe)
{
	if ((tq->tq_flags & TASKQ_DYNAMIC) != 0)
		panic("taskq_dispatch_ent: %s is dynamic", tq->tq_name);
	mutex_enter(&tq->tq_lock);
	if (tqe->tqent_func != NULL)
		panic("taskq_dispatch_ent: %s: the entry is queued already",
		    tq->tq_name);
	tqe->tqent_un.tqent_flags |= TQENT_FLAG_PREALLOC;
	fk_taskq_enqueue(tq, tqe, func, arg, flags);
	mutex_exit(&tq->tq_lock);
}

static void
fk_taskq_waitable(taskq_t *tq, const char *what)
{
	fk_maysleep(what);
	if (curthread->t_taskq == tq)
		panic("%s: %s: by a task of its own", what, tq->tq_name);
	if (fk_checks)
		fk_lockdep_check(curthread, tq,
		    fk_lockclass_named("taskq", tq->tq_name));
}

void
taskq_wait(taskq_t *tq)
{
	fk_taskq_waitable(tq, "taskq_wait");
	mutex_enter(&tq->tq_lock);
	while (tq->tq_nqueued != 0 || tq->tq_nactive != 0)
		cv_wait(&tq->tq_idle, &tq->tq_lock);
	mutex_exit(&tq->tq_lock);
}

void
taskq_destroy(taskq_t *tq)
{
	int i;

	taskq_wait(tq);
	mutex_enter(&tq->tq_lock);
	tq->tq_ending = true;
	tq->tq_suspended = false;
	cv_broadcast(&tq->tq_work);
	mutex_exit(&tq->tq_lock);
	for (i = 0; i < tq->tq_nthreads; i++)
		thread_join(tq->tq_did[i]);
	kmem_free(tq->tq_did, tq->tq_max * sizeof (kt_did_t));
	cv_destroy(&tq->tq_idle);
	cv_destroy(&tq->tq_work);
	mutex_destroy(&tq->tq_lock);
	kmem_free(tq, sizeof (*tq));
}

boolean_t
taskq_empty(taskq_t *tq)
{
	boolean_t empty;

	mutex_enter(&tq->tq_lock);
	empty = tq->tq_nqueued == 0 && tq->tq_nactive == 0;
	mutex_exit(&tq->tq_lock);
	return (empty);
}

void
taskq_suspend(taskq_t *tq)
{
	mutex_enter(&tq->tq_lock);
	tq->tq_suspended = true;
	mutex_exit(&tq->tq_lock);
}

int
taskq_suspended(taskq_t *tq)
{
	int suspended;

	mutex_enter(&tq->tq_lock);
	suspended = tq->tq_suspended;
	mutex_exit(&tq->tq_lock);
	return (suspended);
}

void
taskq_resume(taskq_t *tq)
{
	mutex_enter(&tq->tq_lock);
	tq->tq_suspended = false;
	cv_broadcast(&tq->tq_work);
	mutex_exit(&tq->tq_lock);
}

int
taskq_member(taskq_t *tq, kthread_t *t)
{
	return (t->t_taskq == tq);
}

void
nulltask(void *arg)
{
}

void
fk_taskq_init(void)
{
	system_taskq = taskq_create("system_taskq", 4, minclsyspri, 0, 0,
	    TASKQ_DYNAMIC);
}

void
fk_taskq_fini(void)
{
	taskq_destroy(system_taskq);
	system_taskq = NULL;
}

/*
 * The DDI's task queues.
 */
struct __ddi_taskq {
	taskq_t	*dtq_tq;
};

ddi_taskq_t *
ddi_taskq_create(dev_info_t *dip, const char *name, int nthreads, pri_t pri,
    uint_t flags)
{
	ddi_taskq_t *dtq = kmem_alloc(sizeof (*dtq), KM_SLEEP);

	dtq->dtq_tq = taskq_create(name, nthreads,
	    pri == TASKQ_DEFAULTPRI ? minclsyspri : pri, nthreads, INT_MAX,
	    TASKQ_PREPOPULATE | flags);
	return (dtq);
}

void
ddi_taskq_destroy(ddi_taskq_t *dtq)
{
	taskq_destroy(dtq->dtq_tq);
	kmem_free(dtq, sizeof (*dtq));
}

int
ddi_taskq_dispatch(ddi_taskq_t *dtq, void (*func)(void *), void *arg,
    uint_t flags)
{
	return (taskq_dispatch(dtq->dtq_tq, func, arg,
	    (flags & DDI_NOSLEEP) != 0 ? TQ_NOSLEEP : TQ_SLEEP) ==
	    TASKQID_INVALID ? DDI_FAILURE : DDI_SUCCESS);
}

void
ddi_taskq_wait(ddi_taskq_t *dtq)
{
	taskq_wait(dtq->dtq_tq);
}

void
ddi_taskq_suspend(ddi_taskq_t *dtq)
{
	taskq_suspend(dtq->dtq_tq);
}

boolean_t
ddi_taskq_suspended(ddi_taskq_t *dtq)
{
	return (taskq_suspended(dtq->dtq_tq) != 0);
}

void
ddi_taskq_resume(ddi_taskq_t *dtq)
{
	taskq_resume(dtq->dtq_tq);
}
