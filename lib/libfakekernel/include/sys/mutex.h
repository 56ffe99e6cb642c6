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

#ifndef _SYS_MUTEX_H
#define	_SYS_MUTEX_H

/*
 * Mutexes.
 *
 * They behave as the kernel's adaptive mutexes, and are stricter: entering one
 * that the thread holds, exiting one that it does not, destroying one that is
 * held, or using one that was not initialised or was destroyed, panics.  With
 * checks on, the order in which locks are taken is recorded by lock class, and
 * an inversion panics with the stacks of both orders.
 *
 * A lock's class is the place where it was initialised, which is why
 * mutex_init() is a macro here: each use of it is a class of its own.  The
 * function is only declared, for its type.
 */

#include <sys/types.h>

typedef enum {
	MUTEX_ADAPTIVE = 0,
	MUTEX_SPIN = 1,
	MUTEX_DRIVER = 4,
	MUTEX_DEFAULT = 6
} kmutex_type_t;

/* Where locks of one kind are initialised. */
typedef struct fk_lockclass {
	const char	*lc_name;	/* the expression given to the init */
	const char	*lc_file;
	int		lc_line;
	uint32_t	lc_id;		/* 0: not registered yet */
} fk_lockclass_t;

typedef struct mutex {
	uint32_t		m_state; /* 0 free, 1 held, 2 held, waiters */
	uint32_t		m_magic; /* depends on the address */
	struct _kthread		*m_owner;
	fk_lockclass_t		*m_class;
} kmutex_t;

extern void mutex_init(kmutex_t *, char *, kmutex_type_t, void *);
#define	mutex_init(mp, name, type, arg)	do {				\
	static fk_lockclass_t __fk_class = { #mp, __FILE__, __LINE__, 0 }; \
	fk_mutex_init((mp), (name), (type), (arg), &__fk_class);	\
} while (0)

extern void fk_mutex_init(kmutex_t *, char *, kmutex_type_t, void *,
    fk_lockclass_t *);
extern void mutex_destroy(kmutex_t *);
extern void mutex_enter(kmutex_t *);
extern int mutex_tryenter(kmutex_t *);
extern void mutex_exit(kmutex_t *);
extern int mutex_owned(const kmutex_t *);
extern struct _kthread *mutex_owner(const kmutex_t *);

#define	MUTEX_HELD(x)		(mutex_owned(x))
#define	MUTEX_NOT_HELD(x)	(!mutex_owned(x))

#endif	/* _SYS_MUTEX_H */
