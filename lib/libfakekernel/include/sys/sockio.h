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

#ifndef _SYS_SOCKIO_H
#define	_SYS_SOCKIO_H

/*
 * ioctls of sockets.
 */

#include <sys/ioccom.h>

#define	SIOCSHIWAT	_IOW('s', 0, int)
#define	SIOCGHIWAT	_IOR('s', 1, int)
#define	SIOCSLOWAT	_IOW('s', 2, int)
#define	SIOCGLOWAT	_IOR('s', 3, int)
#define	SIOCATMARK	_IOR('s', 7, int)
#define	SIOCSPGRP	_IOW('s', 8, int)
#define	SIOCGPGRP	_IOR('s', 9, int)

#endif	/* _SYS_SOCKIO_H */
