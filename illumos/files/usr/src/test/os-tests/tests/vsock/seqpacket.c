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
 * AF_VSOCK, SOCK_SEQPACKET: records, by loopback.
 */

#include <signal.h>
#include "vt.h"

#define	BIG	(60 * 1024)

/* One record a call, whatever was sent. */
static void
test_records(void)
{
	static const size_t sizes[] = { 1, 4096, 2, BIG, 3 };
	static char out[BIG + sizeof (sizes)], in[BIG + 1];
	int fds[2];

	for (size_t i = 0; i < sizeof (out); i++)
		out[i] = (char)(i * 3 + i / 127);
	vt_pair(SOCK_SEQPACKET, fds);
	for (size_t i = 0; i < sizeof (sizes) / sizeof (sizes[0]); i++) {
		VT_CHECK(send(fds[0], out + i, sizes[i], 0) ==
		    (ssize_t)sizes[i]);
	}
	for (size_t i = 0; i < sizeof (sizes) / sizeof (sizes[0]); i++) {
		VT_CHECK(recv(fds[1], in, sizeof (in), 0) ==
		    (ssize_t)sizes[i]);
		VT_CHECK(memcmp(in, out + i, sizes[i]) == 0);
	}
	VT_FAILS(recv(fds[1], in, sizeof (in), MSG_DONTWAIT), EAGAIN);

	VT_CHECK(send(fds[0], "bye", 3, 0) == 3);
	VT_OK(close(fds[0]));
	VT_CHECK(recv(fds[1], in, sizeof (in), 0) == 3);
	VT_CHECK(recv(fds[1], in, sizeof (in), 0) == 0);
	VT_OK(close(fds[1]));
}

/* What does not fit is lost, and said to be; the next record is not. */
static void
test_truncated(void)
{
	char buf[4];
	struct iovec iov = { .iov_base = buf, .iov_len = sizeof (buf) };
	struct msghdr msg;
	int fds[2];

	vt_pair(SOCK_SEQPACKET, fds);
	VT_CHECK(send(fds[0], "abcdefgh", 8, 0) == 8);
	VT_CHECK(send(fds[0], "next", 4, 0) == 4);
	(void) memset(&msg, 0, sizeof (msg));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	VT_CHECK(recvmsg(fds[1], &msg, MSG_PEEK) == 4);
	VT_CHECK(recvmsg(fds[1], &msg, 0) == 4);
#ifdef	MSG_TRUNC
	VT_CHECK((msg.msg_flags & MSG_TRUNC) != 0);
#endif
	VT_CHECK(memcmp(buf, "abcd", 4) == 0);
	VT_CHECK(recv(fds[1], buf, sizeof (buf), 0) == 4);
	VT_CHECK(memcmp(buf, "next", 4) == 0);
	vt_close_pair(fds);
}

/* The types do not mix. */
static void
test_types(void)
{
	unsigned int port;
	int lfd = vt_listen(SOCK_SEQPACKET, &port);
	int fd = vt_socket(SOCK_STREAM);

	VT_FAILS(vt_connect(fd, VMADDR_CID_LOCAL, port), ECONNRESET);
	VT_OK(close(fd));
	VT_OK(close(lfd));
}

int
main(void)
{
	(void) signal(SIGPIPE, SIG_IGN);
	(void) alarm(60);
	test_records();
	test_truncated();
	test_types();
	return (EXIT_SUCCESS);
}
