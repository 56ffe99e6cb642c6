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

#ifndef _SYS_CALLO_H
#define	_SYS_CALLO_H

/*
 * Constants of timeout_generic() (<sys/systm.h>) and cv_timedwait_hires().
 */

#include <sys/types.h>

#define	CALLOUT_REALTIME	0
#define	CALLOUT_NORMAL		1

#define	CALLOUT_FLAG_ROUNDUP	0x1
#define	CALLOUT_FLAG_ABSOLUTE	0x2
#define	CALLOUT_FLAG_HRESTIME	0x4
#define	CALLOUT_FLAG_32BIT	0x8
#define	CALLOUT_LEGACY		0

#endif	/* _SYS_CALLO_H */
