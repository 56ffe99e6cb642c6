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

#ifndef _SYS_SYSMACROS_H
#define	_SYS_SYSMACROS_H

/*
 * Arithmetic on sizes, alignments and device numbers.
 */

#include <sys/types.h>
#include <sys/param.h>
#include <stddef.h>

#ifndef	MIN
#define	MIN(a, b)		((a) < (b) ? (a) : (b))
#endif
#ifndef	MAX
#define	MAX(a, b)		((a) < (b) ? (b) : (a))
#endif
#ifndef	ABS
#define	ABS(a)			((a) < 0 ? -(a) : (a))
#endif

#define	__DECONST(type, var)	((type)(uintptr_t)(const void *)(var))

#define	howmany(x, y)		(((x) + ((y) - 1)) / (y))
#define	roundup(x, y)		((((x) + ((y) - 1)) / (y)) * (y))

#define	ISP2(x)			(((x) & ((x) - 1)) == 0)
#define	IS_P2ALIGNED(v, a)	((((uintptr_t)(v)) & ((uintptr_t)(a) - 1)) == 0)
#define	P2ALIGN(x, a)		((x) & -(a))
#define	P2PHASE(x, a)		((x) & ((a) - 1))
#define	P2NPHASE(x, a)		(-(x) & ((a) - 1))
#define	P2ROUNDUP(x, a)		(-(-(x) & -(a)))
#define	P2END(x, a)		(-(~(x) & -(a)))
#define	P2PHASEUP(x, a, p)	((p) - (((p) - (x)) & -(a)))
#define	P2BOUNDARY(o, l, a)	(((o) ^ ((o) + (l) - 1)) > (a) - 1)
#define	P2ALIGN_TYPED(x, a, t)	((t)(x) & -(t)(a))
#define	P2PHASE_TYPED(x, a, t)	((t)(x) & ((t)(a) - 1))
#define	P2NPHASE_TYPED(x, a, t)	(-(t)(x) & ((t)(a) - 1))
#define	P2ROUNDUP_TYPED(x, a, t) (-(-(t)(x) & -(t)(a)))
#define	P2END_TYPED(x, a, t)	(-(~(t)(x) & -(t)(a)))

#ifndef	ARRAY_SIZE
#define	ARRAY_SIZE(x)		(sizeof (x) / sizeof ((x)[0]))
#endif

#ifndef	offsetof
#define	offsetof(s, m)		__builtin_offsetof(s, m)
#endif

/* Device numbers: 32 bits of major number, 32 bits of minor number. */
#define	L_BITSMAJOR		32
#define	L_BITSMINOR		32
#define	L_MAXMAJ		0xfffffffful
#define	L_MAXMIN		0xfffffffful
#define	L_MAXMAJ32		0x3ffful
#define	L_MAXMIN32		0x3fffful

#define	getmajor(x)		((major_t)((((dev_t)(x)) >> L_BITSMINOR) & \
				    L_MAXMAJ))
#define	getminor(x)		((minor_t)((dev_t)(x) & L_MAXMIN))
#define	makedevice(x, y)	((dev_t)(((dev_t)(x) << L_BITSMINOR) | \
				    ((y) & L_MAXMIN)))
#define	getemajor(x)		getmajor(x)
#define	geteminor(x)		getminor(x)

#endif	/* _SYS_SYSMACROS_H */
