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

#ifndef _SYS_USER_H
#define	_SYS_USER_H

/*
 * The part of a process's user area that kernel modules look at.
 */

#include <sys/types.h>

#define	MAXCOMLEN	16
#define	PSARGSZ		80

typedef struct user {
	char	u_comm[MAXCOMLEN + 1];
	char	u_psargs[PSARGSZ];
} user_t;

#endif	/* _SYS_USER_H */
