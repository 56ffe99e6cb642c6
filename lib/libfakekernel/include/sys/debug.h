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

#ifndef _SYS_DEBUG_H
#define	_SYS_DEBUG_H

/*
 * Assertions.  The fake kernel is always a DEBUG kernel as far as ASSERT() in
 * kernel code is concerned; a failed assertion is a panic.
 */

#include <sys/types.h>

extern _Noreturn void assfail(const char *, const char *, int);
extern _Noreturn void assfail3(const char *, uintmax_t, const char *, uintmax_t,
    const char *, int);

#define	VERIFY(EX)	\
	((void)((EX) || (assfail(#EX, __FILE__, __LINE__), 0)))

#define	VERIFY3_IMPL(LEFT, OP, RIGHT, TYPE) do {			\
	const TYPE __left = (TYPE)(LEFT);				\
	const TYPE __right = (TYPE)(RIGHT);				\
	if (!(__left OP __right)) {					\
		assfail3(#LEFT " " #OP " " #RIGHT, (uintmax_t)__left, #OP, \
		    (uintmax_t)__right, __FILE__, __LINE__);		\
	}								\
} while (0)

#define	VERIFY3B(x, y, z)	VERIFY3_IMPL(x, y, z, boolean_t)
#define	VERIFY3S(x, y, z)	VERIFY3_IMPL(x, y, z, int64_t)
#define	VERIFY3U(x, y, z)	VERIFY3_IMPL(x, y, z, uint64_t)
#define	VERIFY3P(x, y, z)	VERIFY3_IMPL(x, y, z, uintptr_t)
#define	VERIFY0(x)		VERIFY3_IMPL(x, ==, 0, uintmax_t)

#ifdef	DEBUG
#define	ASSERT(EX)		VERIFY(EX)
#define	ASSERT3B(x, y, z)	VERIFY3B(x, y, z)
#define	ASSERT3S(x, y, z)	VERIFY3S(x, y, z)
#define	ASSERT3U(x, y, z)	VERIFY3U(x, y, z)
#define	ASSERT3P(x, y, z)	VERIFY3P(x, y, z)
#define	ASSERT0(x)		VERIFY0(x)
#define	IMPLY(A, B)	\
	((void)(((!(A)) || (B)) || \
	    (assfail("(" #A ") implies (" #B ")", __FILE__, __LINE__), 0)))
#define	EQUIV(A, B)	\
	((void)((!!(A) == !!(B)) || \
	    (assfail("(" #A ") is equivalent to (" #B ")", \
	    __FILE__, __LINE__), 0)))
#else
#define	ASSERT(x)		((void)0)
#define	ASSERT3B(x, y, z)	((void)0)
#define	ASSERT3S(x, y, z)	((void)0)
#define	ASSERT3U(x, y, z)	((void)0)
#define	ASSERT3P(x, y, z)	((void)0)
#define	ASSERT0(x)		((void)0)
#define	IMPLY(A, B)		((void)0)
#define	EQUIV(A, B)		((void)0)
#endif

#define	ASSERT64(x)		ASSERT(x)
#define	ASSERT32(x)

#define	CTASSERT(x)		\
	_Static_assert(x, "compile-time assertion failed")

#endif	/* _SYS_DEBUG_H */
