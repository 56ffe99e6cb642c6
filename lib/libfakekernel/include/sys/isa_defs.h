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

#ifndef _SYS_ISA_DEFS_H
#define	_SYS_ISA_DEFS_H

/*
 * Properties of the instruction set: 64-bit, little endian.
 */

#include <sys/types.h>

#define	_ALIGNMENT_REQUIRED	0
#define	_LONG_LONG_ALIGNMENT	8
#define	_MAX_ALIGNMENT		16

#endif	/* _SYS_ISA_DEFS_H */
