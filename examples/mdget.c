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
 * mdget [-p PORT] [NAME]: prints a piece of the metadata that the host has for
 * this guest, or the names of all of them.  mdserve is the other end, and says
 * what they speak.
 *
 * Ends with 0; with 1 if there is no such piece; with 2 if it cannot be had.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "metadata.h"

int
main(int argc, char *argv[])
{
	struct sockaddr_vm addr;
	char buf[16384], *end;
	uintmax_t left;
	size_t n;
	FILE *conn;
	const char *name = "";
	unsigned int port = METADATA_PORT;
	int c, fd;

	while ((c = getopt(argc, argv, "p:")) != -1) {
		if (c != 'p' || !metadata_parse_port(optarg, &port))
			errx(2, "usage: mdget [-p PORT] [NAME]");
	}
	if (argc - optind > 1)
		errx(2, "usage: mdget [-p PORT] [NAME]");
	if (argc - optind == 1) {
		name = argv[optind];
		if (!metadata_is_name(name))
			errx(2, "%s: no name", name);
	}

	if ((fd = socket(AF_VSOCK, SOCK_STREAM, 0)) == -1)
		err(2, "socket");
	memset(&addr, 0, sizeof (addr));
	addr.svm_family = AF_VSOCK;
	addr.svm_cid = VMADDR_CID_HOST;
	addr.svm_port = port;
	if (connect(fd, (struct sockaddr *)&addr, sizeof (addr)) == -1)
		err(2, "connect to port %u of the host", port);
	if ((conn = fdopen(fd, "r+")) == NULL)
		err(2, "fdopen");
	if (fprintf(conn, "%s\n", name) < 0 || fflush(conn) != 0)
		err(2, "the request");

	if (fgets(buf, sizeof (buf), conn) == NULL)
		errx(2, "the host does not answer");
	if (strcmp(buf, "no\n") == 0)
		errx(1, "%s: the host has no such metadata",
		    *name == '\0' ? "this guest" : name);
	errno = 0;
	if (strncmp(buf, "ok ", 3) != 0 || buf[3] < '0' || buf[3] > '9' ||
	    (left = strtoumax(buf + 3, &end, 10), errno != 0) || *end != '\n')
		errx(2, "the host's answer is not understood");
	while (left > 0) {
		n = fread(buf, 1, left < sizeof (buf) ? (size_t)left :
		    sizeof (buf), conn);
		if (n == 0)
			errx(2, "the host's answer is not complete");
		if (fwrite(buf, 1, n, stdout) != n)
			err(2, "standard output");
		left -= n;
	}
	if (fflush(stdout) != 0)
		err(2, "standard output");
	(void) fclose(conn);
	return (0);
}
