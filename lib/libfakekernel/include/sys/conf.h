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

#ifndef _SYS_CONF_H
#define	_SYS_CONF_H

/*
 * Flags of cb_ops, and the device switch.
 */

#include <sys/types.h>
#include <sys/devops.h>

#define	D_NEW		0x00
#define	D_HOTPLUG	0x4
#define	D_MTSAFE	0x0020
#define	D_MP		D_MTSAFE
#define	D_DEVMAP	0x100
#define	D_64BIT		0x200
#define	D_U64BIT	0x40000
#define	D_OPEN_RETURNS_EINTR 0x100000

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
extern int nulldev();
extern int nodev();
#pragma GCC diagnostic pop

#endif	/* _SYS_CONF_H */
