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
 * agent TTY: the traffic engine in a Linux machine of the tests.  It is told
 * what to do through a serial line, so that what is tested and what controls it
 * do not meet.  Its AF_VSOCK sockets are the machine's, or under vsockrun those
 * of a vsockd in the machine.  Runs until it is told to exit; refuses to run
 * anywhere else.
 */

#include <fcntl.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "guard.h"
#include "traffic.h"

int
main(int argc, char **argv)
{
	struct termios tio;
	int fd;

	if (argc != 2) {
		(void) fprintf(stderr, "usage: agent TTY\n");
		return (2);
	}
	if (!guard_is_guest()) {
		(void) fprintf(stderr, "agent: this is not the test guest\n");
		return (1);
	}
	if ((fd = open(argv[1], O_RDWR | O_NOCTTY | O_CLOEXEC)) == -1 ||
	    tcgetattr(fd, &tio) == -1) {
		perror(argv[1]);
		return (1);
	}
	cfmakeraw(&tio);
	(void) cfsetspeed(&tio, B115200);
	if (tcsetattr(fd, TCSANOW, &tio) == -1) {
		perror(argv[1]);
		return (1);
	}
	traffic_serve(fd, fd);
	return (0);
}
