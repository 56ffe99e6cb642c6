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
 * Eventfds for tests: see doorbell.h.
 */

#include <sys/eventfd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "../doorbell.h"

int
doorbell_create(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd == -1) {
		perror("eventfd");
		abort();
	}
	return (fd);
}

void
doorbell_ring(int fd)
{
	const uint64_t one = 1;

	if (write(fd, &one, sizeof (one)) != sizeof (one)) {
		perror("doorbell");
		abort();
	}
}

void
doorbell_destroy(int fd)
{
	(void) close(fd);
}
