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

#ifndef _SYS_FCNTL_H
#define	_SYS_FCNTL_H

/*
 * Flags of open(2).
 */

#define	O_RDONLY	0
#define	O_WRONLY	1
#define	O_RDWR		2
#define	O_NDELAY	0x04
#define	O_NONBLOCK	0x80
#define	O_EXCL		0x400
#define	O_CLOEXEC	0x800000

#endif	/* _SYS_FCNTL_H */
