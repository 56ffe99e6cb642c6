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

#ifndef _SYS_RWLOCK_H
#define	_SYS_RWLOCK_H

/*
 * Readers/writer locks.  A waiting writer keeps new readers out, so that
 * entering one a second time as a reader can deadlock: it panics.  The checks
 * are those of mutexes (<sys/mutex.h>).
 */

#include <sys/types.h>
#include <sys/mutex.h>

typedef enum {
	RW_DRIVER = 2,
	RW_DEFAULT = 4
} krw_type_t;

typedef enum {
	RW_WRITER,
	RW_READER,
	RW_READER_STARVEWRITER
} krw_t;

typedef struct krwlock {
	uint32_t		rw_state; /* readers, and flags on top */
	uint32_t		rw_seq;	/* changes when waiters should look */
	uint32_t		rw_magic;
	uint32_t		rw_pad;
	struct _kthread		*rw_wrowner;
	fk_lockclass_t		*rw_class;
} krwlock_t;

extern void rw_init(krwlock_t *, char *, krw_type_t, void *);
#define	rw_init(rw, name, type, arg)	do {				\
	static fk_lockclass_t __fk_class = { #rw, __FILE__, __LINE__, 0 }; \
	fk_rw_init((rw), (name), (type), (arg), &__fk_class);		\
} while (0)

extern void fk_rw_init(krwlock_t *, char *, krw_type_t, void *,
    fk_lockclass_t *);
extern void rw_destroy(krwlock_t *);
extern void rw_enter(krwlock_t *, krw_t);
extern int rw_tryenter(krwlock_t *, krw_t);
extern void rw_exit(krwlock_t *);
extern void rw_downgrade(krwlock_t *);
extern int rw_tryupgrade(krwlock_t *);
extern int rw_read_held(krwlock_t *);
extern int rw_write_held(krwlock_t *);
extern int rw_lock_held(krwlock_t *);
extern int rw_read_locked(krwlock_t *);
extern int rw_iswriter(krwlock_t *);
extern struct _kthread *rw_owner(krwlock_t *);

#define	RW_READ_HELD(x)		(rw_read_held((x)))
#define	RW_WRITE_HELD(x)	(rw_write_held((x)))
#define	RW_LOCK_HELD(x)		(rw_lock_held((x)))
#define	RW_ISWRITER(x)		(rw_iswriter(x))

#endif	/* _SYS_RWLOCK_H */
