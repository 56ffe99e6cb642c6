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

/*
 * peer: the traffic engine on the host, told what to do through its standard
 * input.  Its AF_VSOCK sockets are those of a vsockd: it refuses to run unless
 * vsockrun started it.
 */

#include <stdio.h>
#include <unistd.h>

#include "guard.h"
#include "traffic.h"

int
main(void)
{
	if (!guard_is_vsockrun()) {
		(void) fprintf(stderr, "peer: to be run by vsockrun only\n");
		return (1);
	}
	traffic_serve(STDIN_FILENO, STDOUT_FILENO);
	return (0);
}
