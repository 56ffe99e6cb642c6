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

#ifndef _LIBVSOCK_IMPL_H
#define	_LIBVSOCK_IMPL_H

/*
 * Shared by the files of libvsock.
 */

#include "libvsock.h"
#include "vsock_platform.h"

struct vsock_handle {
	vsock_platform_t	*vh_platform;
	int32_t			vh_zoneid;	/* vsock_prop_zone() */
};

#endif	/* _LIBVSOCK_IMPL_H */
