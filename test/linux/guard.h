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

#ifndef _GUARD_H
#define	_GUARD_H

/*
 * The programs of these tests use AF_VSOCK sockets, and must not use those of
 * the machine that the tests run on: each asks here first where it is.
 */

#include <stdbool.h>

#ifdef	__cplusplus
extern "C" {
#endif

/* Whether this is a Linux machine of the tests: its command line says so. */
extern bool guard_is_guest(void);

/* Whether this program was started by vsockrun, which takes AF_VSOCK over. */
extern bool guard_is_vsockrun(void);

#ifdef	__cplusplus
}
#endif

#endif	/* _GUARD_H */
