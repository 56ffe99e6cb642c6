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

#ifndef _ZONE_H
#define	_ZONE_H

/* As much of libc's zones as vsockadm uses (sys.c). */
typedef int zoneid_t;

extern zoneid_t getzoneidbyname(const char *);

#endif	/* _ZONE_H */
