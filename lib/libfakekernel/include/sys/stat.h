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

#ifndef _SYS_STAT_H
#define	_SYS_STAT_H

/*
 * File types, for minor nodes.
 */

#include <sys/types.h>

#define	S_IFMT		0xF000
#define	S_IFIFO		0x1000
#define	S_IFCHR		0x2000
#define	S_IFDIR		0x4000
#define	S_IFBLK		0x6000
#define	S_IFREG		0x8000
#define	S_IFSOCK	0xC000

#endif	/* _SYS_STAT_H */
