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

#ifndef _SYS_ATOMIC_H
#define	_SYS_ATOMIC_H

/*
 * Atomic operations and memory barriers, by the compiler's builtins.  All of
 * them order as the x86 instructions do that the real ones use.
 */

#include <sys/types.h>

#define	__FK_ATOMIC_OPS(sfx, type)				\
static inline void							\
atomic_inc##sfx(volatile type *t)					\
{									\
	(void) __atomic_fetch_add(t, 1, __ATOMIC_SEQ_CST);		\
}									\
static inline void							\
atomic_dec##sfx(volatile type *t)					\
{									\
	(void) __atomic_fetch_sub(t, 1, __ATOMIC_SEQ_CST);		\
}									\
static inline type							\
atomic_inc##sfx##_nv(volatile type *t)					\
{									\
	return (__atomic_add_fetch(t, 1, __ATOMIC_SEQ_CST));		\
}									\
static inline type							\
atomic_dec##sfx##_nv(volatile type *t)					\
{									\
	return (__atomic_sub_fetch(t, 1, __ATOMIC_SEQ_CST));		\
}									\
static inline void							\
atomic_or##sfx(volatile type *t, type b)				\
{									\
	(void) __atomic_fetch_or(t, b, __ATOMIC_SEQ_CST);		\
}									\
static inline type							\
atomic_or##sfx##_nv(volatile type *t, type b)				\
{									\
	return (__atomic_or_fetch(t, b, __ATOMIC_SEQ_CST));		\
}									\
static inline void							\
atomic_and##sfx(volatile type *t, type b)				\
{									\
	(void) __atomic_fetch_and(t, b, __ATOMIC_SEQ_CST);		\
}									\
static inline type							\
atomic_and##sfx##_nv(volatile type *t, type b)				\
{									\
	return (__atomic_and_fetch(t, b, __ATOMIC_SEQ_CST));		\
}									\
static inline type							\
atomic_cas##sfx(volatile type *t, type cmp, type new)			\
{									\
	(void) __atomic_compare_exchange_n(t, &cmp, new, 0,		\
	    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);			\
	return (cmp);							\
}									\
static inline type							\
atomic_swap##sfx(volatile type *t, type new)				\
{									\
	return (__atomic_exchange_n(t, new, __ATOMIC_SEQ_CST));		\
}

#define	__FK_ATOMIC_ADD(sfx, type, delta)				\
static inline void							\
atomic_add##sfx(volatile type *t, delta d)				\
{									\
	(void) __atomic_fetch_add(t, (type)d, __ATOMIC_SEQ_CST);	\
}									\
static inline type							\
atomic_add##sfx##_nv(volatile type *t, delta d)			\
{									\
	return (__atomic_add_fetch(t, (type)d, __ATOMIC_SEQ_CST));	\
}

__FK_ATOMIC_OPS(_8, uint8_t);
__FK_ATOMIC_OPS(_16, uint16_t);
__FK_ATOMIC_OPS(_32, uint32_t);
__FK_ATOMIC_OPS(_64, uint64_t);
__FK_ATOMIC_OPS(_uchar, uchar_t);
__FK_ATOMIC_OPS(_ushort, ushort_t);
__FK_ATOMIC_OPS(_uint, uint_t);
__FK_ATOMIC_OPS(_ulong, ulong_t);
__FK_ATOMIC_ADD(_8, uint8_t, int8_t);
__FK_ATOMIC_ADD(_16, uint16_t, int16_t);
__FK_ATOMIC_ADD(_32, uint32_t, int32_t);
__FK_ATOMIC_ADD(_64, uint64_t, int64_t);
__FK_ATOMIC_ADD(_char, uchar_t, signed char);
__FK_ATOMIC_ADD(_short, ushort_t, short);
__FK_ATOMIC_ADD(_int, uint_t, int);
__FK_ATOMIC_ADD(_long, ulong_t, long);

static inline void *
atomic_cas_ptr(volatile void *t, void *cmp, void *new)
{
	(void) __atomic_compare_exchange_n((void *volatile *)t, &cmp, new, 0,
	    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	return (cmp);
}

static inline void *
atomic_swap_ptr(volatile void *t, void *new)
{
	return (__atomic_exchange_n((void *volatile *)t, new,
	    __ATOMIC_SEQ_CST));
}

/*
 * Loads are not reordered with loads, nor stores with stores, by the processor
 * this runs on, so that only the compiler has to be told.
 */
#define	__FK_MEMBAR(name, insn)				\
static inline void					\
name(void)						\
{							\
	__asm__ __volatile__(insn : : : "memory");	\
}

__FK_MEMBAR(membar_producer, "");
__FK_MEMBAR(membar_consumer, "");
__FK_MEMBAR(membar_enter, "mfence");
__FK_MEMBAR(membar_exit, "mfence");

#endif	/* _SYS_ATOMIC_H */
