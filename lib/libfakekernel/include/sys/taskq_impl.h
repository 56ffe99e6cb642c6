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

#ifndef _SYS_TASKQ_IMPL_H
#define	_SYS_TASKQ_IMPL_H

/*
 * Task queue entries that the caller owns: zeroed before the first use, may be
 * dispatched again once its function has been called.
 */

#include <sys/types.h>
#include <sys/taskq.h>
#include <sys/condvar.h>

typedef struct taskq_ent {
	struct taskq_ent	*tqent_next;
	struct taskq_ent	*tqent_prev;
	task_func_t		*tqent_func;
	void			*tqent_arg;
	union {
		void		*tqent_bucket;
		uintptr_t	tqent_flags;
	} tqent_un;
	kthread_t		*tqent_thread;
	kcondvar_t		tqent_cv;
} taskq_ent_t;

#define	TQENT_FLAG_PREALLOC	0x1

extern void taskq_dispatch_ent(taskq_t *, task_func_t, void *, uint_t,
    taskq_ent_t *);

#endif	/* _SYS_TASKQ_IMPL_H */
