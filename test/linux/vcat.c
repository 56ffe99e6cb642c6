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
 * vcat: copies its standard input to an AF_VSOCK connection and the connection
 * to its standard output, until both have ended.
 *
 *	vcat CID PORT	connects
 *	vcat -b PORT	waits for one connection, in the background: returns
 *			when it listens
 *
 * After the end of the input the sending half is shut down; but who has nothing
 * to send, its input being /dev/null, goes on until the peer's end has come,
 * and closes only then.  So who has sent a file to such a peer and returns
 * knows that all of it has arrived.
 *
 * Runs in a machine of the tests and under vsockrun only.
 *
 * A child copies the input, its parent the output.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <err.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/vm_sockets.h>

#include "guard.h"

#define	COPY_SIZE	(256 * 1024)

/* Copies until `from' ends. */
static void
copy(int from, int to)
{
	static char buf[COPY_SIZE];
	ssize_t n, rv, done;

	while ((n = read(from, buf, sizeof (buf))) > 0) {
		for (done = 0; done < n; done += rv) {
			if ((rv = write(to, buf + done, n - done)) == -1)
				err(1, "write");
		}
	}
	if (n == -1)
		err(1, "read");
}

/* Whether the standard input is /dev/null. */
static bool
input_is_null(void)
{
	struct stat in, null;

	return (fstat(STDIN_FILENO, &in) == 0 &&
	    stat("/dev/null", &null) == 0 && S_ISCHR(in.st_mode) &&
	    in.st_rdev == null.st_rdev);
}

static uint32_t
number(const char *s)
{
	char *end;
	unsigned long n = strtoul(s, &end, 0);

	if (*s == '\0' || *end != '\0' || n > UINT32_MAX)
		errx(2, "%s: not a number", s);
	return (n);
}

/* One connection to our port, in a child; the parent ends. */
static int
wait_for_one(uint32_t port)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK,
		.svm_port = port,
		.svm_cid = VMADDR_CID_ANY
	};
	int lfd, fd;

	if ((lfd = socket(AF_VSOCK, SOCK_STREAM, 0)) == -1)
		err(1, "socket");
	if (bind(lfd, (struct sockaddr *)&addr, sizeof (addr)) == -1 ||
	    listen(lfd, 1) == -1)
		err(1, "port %u", port);
	switch (fork()) {
	case -1:
		err(1, "fork");
	case 0:
		break;
	default:
		_exit(0);
	}
	if ((fd = accept(lfd, NULL, NULL)) == -1)
		err(1, "accept");
	(void) close(lfd);
	return (fd);
}

static int
connect_to(uint32_t cid, uint32_t port)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK,
		.svm_port = port,
		.svm_cid = cid
	};
	int fd;

	if ((fd = socket(AF_VSOCK, SOCK_STREAM, 0)) == -1)
		err(1, "socket");
	if (connect(fd, (struct sockaddr *)&addr, sizeof (addr)) == -1)
		err(1, "CID %u port %u", cid, port);
	return (fd);
}

int
main(int argc, char **argv)
{
	int fd, status;
	pid_t pid;

	if (!guard_is_guest() && !guard_is_vsockrun())
		errx(1, "to be run in the guest or by vsockrun only");
	if (argc != 3)
		errx(2, "usage: vcat CID PORT or vcat -b PORT");
	if (strcmp(argv[1], "-b") == 0)
		fd = wait_for_one(number(argv[2]));
	else
		fd = connect_to(number(argv[1]), number(argv[2]));

	if (input_is_null()) {
		copy(fd, STDOUT_FILENO);
		return (0);
	}
	switch (pid = fork()) {
	case -1:
		err(1, "fork");
	case 0:
		copy(STDIN_FILENO, fd);
		if (shutdown(fd, SHUT_WR) == -1)
			err(1, "shutdown");
		_exit(0);
	default:
		break;
	}
	copy(fd, STDOUT_FILENO);
	if (waitpid(pid, &status, 0) == -1)
		err(1, "waitpid");
	return (status == 0 ? 0 : 1);
}
