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

#ifndef _SYS_TASKQ_H
#define	_SYS_TASKQ_H

/*
 * Task queues.  Tasks run on threads of the queue, which may sleep.  With
 * TASKQ_DYNAMIC tasks run in parallel up to the number of threads, and
 * TQ_NOQUEUE fails when no thread is idle and no more may be made.
 *
 * taskq_dispatch() returns TASKQID_INVALID only with TQ_NOSLEEP (no memory, or
 * the failure injector), TQ_NOALLOC or TQ_NOQUEUE.
 */

#include <sys/types.h>
#include <sys/thread.h>

#define	TASKQ_NAMELEN		31

typedef struct taskq taskq_t;
typedef uintptr_t taskqid_t;
typedef void (task_func_t)(void *);

struct proc;

#define	TASKQ_PREPOPULATE	0x0001
#define	TASKQ_CPR_SAFE		0x0002
#define	TASKQ_DYNAMIC		0x0004
#define	TASKQ_THREADS_CPU_PCT	0x0008
#define	TASKQ_DC_BATCH		0x0010
#define	TASKQ_THREADS_LWP	0x0020

#define	TQ_SLEEP		0x00
#define	TQ_NOSLEEP		0x01
#define	TQ_NOQUEUE		0x02
#define	TQ_NOALLOC		0x04
#define	TQ_FRONT		0x08

#define	TASKQID_INVALID		((taskqid_t)0)

extern taskq_t *system_taskq;

extern taskq_t *taskq_create(const char *, int, pri_t, int, int, uint_t);
extern taskq_t *taskq_create_instance(const char *, int, int, pri_t, int, int,
    uint_t);
extern taskq_t *taskq_create_proc(const char *, int, pri_t, int, int,
    struct proc *, uint_t);
extern taskqid_t taskq_dispatch(taskq_t *, task_func_t, void *, uint_t);
/* Waits for the tasks queued; no task may dispatch or wait meanwhile. */
extern void taskq_destroy(taskq_t *);
extern void taskq_wait(taskq_t *);
extern boolean_t taskq_empty(taskq_t *);
extern void taskq_suspend(taskq_t *);
extern int taskq_suspended(taskq_t *);
extern void taskq_resume(taskq_t *);
extern int taskq_member(taskq_t *, kthread_t *);
extern void nulltask(void *);

#endif	/* _SYS_TASKQ_H */
