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

#ifndef	_METADATA_H
#define	_METADATA_H

/*
 * What both ends of the metadata example agree on: mdserve.c says how.
 */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#ifdef	__sun
#include <net/vsock.h>
#else
#include <linux/vm_sockets.h>
#endif

#define	METADATA_PORT	600
#define	NAME_SIZE	256	/* of a name and what ends it */

/* Whether a text is a name. */
static inline bool
metadata_is_name(const char *name)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	size_t len = strlen(name);

	return (len > 0 && len < NAME_SIZE && name[0] != '.' &&
	    strspn(name, chars) == len);
}

/* Whether a text is the number of a port, 0 to 2^32 - 2, and which. */
static inline bool
metadata_parse_port(const char *text, unsigned int *port)
{
	unsigned long long value;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return (false);
	value = strtoull(text, &end, 10);
	*port = (unsigned int)value;
	return (*end == '\0' && value < VMADDR_PORT_ANY);
}

#endif	/* _METADATA_H */
