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

#ifndef _SYS_SEMAPHORE_H
#define	_SYS_SEMAPHORE_H

/*
 * Counting semaphores.
 */

#include <sys/types.h>
#include <sys/mutex.h>
#include <sys/condvar.h>

typedef enum {
	SEMA_DEFAULT,
	SEMA_DRIVER
} ksema_type_t;

typedef struct ksema {
	uint32_t	s_count;
	kmutex_t	s_lock;
	kcondvar_t	s_cv;
} ksema_t;

extern void sema_init(ksema_t *, uint32_t, char *, ksema_type_t, void *);
extern void sema_destroy(ksema_t *);
extern void sema_p(ksema_t *);
extern int sema_p_sig(ksema_t *);	/* 0, or 1 when interrupted */
extern void sema_v(ksema_t *);
extern int sema_tryp(ksema_t *);
extern int sema_held(ksema_t *);

#define	SEMA_HELD(x)	(sema_held((x)))

#endif	/* _SYS_SEMAPHORE_H */
