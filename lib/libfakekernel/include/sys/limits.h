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

#ifndef _SYS_LIMITS_H
#define	_SYS_LIMITS_H

/*
 * Limits of the integer types.
 */

#include <sys/param.h>

#define	IOV_MAX		1024

#endif	/* _SYS_LIMITS_H */
