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
 * AF_VSOCK, SOCK_STREAM: addresses, connections and data, by loopback.
 */

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include "vt.h"

#define	BULK	(4 * 1024 * 1024)

static void
test_addresses(void)
{
	struct sockaddr_vm svm, peer;
	unsigned int port;
	int lfd, cfd, afd, fd;
	socklen_t len = sizeof (peer);

	lfd = vt_listen(SOCK_STREAM, &port);
	VT_CHECK(port >= 1024 && port != VMADDR_PORT_ANY);

	cfd = vt_socket(SOCK_STREAM);
	VT_FAILS(getpeername(cfd, (struct sockaddr *)&peer, &len), ENOTCONN);
	VT_OK(vt_connect(cfd, VMADDR_CID_LOCAL, port));
	VT_OK(afd = accept(lfd, (struct sockaddr *)&peer, &len));
	VT_CHECK(len == sizeof (peer));

	/* Each side sees the other as the other sees itself. */
	svm = vt_name(cfd, getsockname);
	VT_CHECK(svm.svm_port >= 1024 && svm.svm_port != port);
	VT_CHECK(peer.svm_port == svm.svm_port);
	VT_CHECK(peer.svm_cid == VMADDR_CID_LOCAL);
	svm = vt_name(cfd, getpeername);
	VT_CHECK(svm.svm_port == port && svm.svm_cid == VMADDR_CID_LOCAL);
	svm = vt_name(afd, getsockname);
	VT_CHECK(svm.svm_port == port);

	/* The port is taken, and free again afterwards. */
	fd = vt_socket(SOCK_STREAM);
	VT_FAILS(vt_bind(fd, VMADDR_CID_ANY, port), EADDRINUSE);
	VT_OK(close(lfd));
	VT_OK(close(afd));
	VT_OK(close(cfd));
	VT_OK(vt_bind(fd, VMADDR_CID_ANY, port));
	VT_FAILS(vt_bind(fd, VMADDR_CID_ANY, port), EINVAL);
	VT_OK(close(fd));
}

static void
test_bad_addresses(void)
{
	struct sockaddr_vm svm = vt_addr(VMADDR_CID_ANY, VMADDR_PORT_ANY);
	int fd = vt_socket(SOCK_STREAM);

	VT_FAILS(bind(fd, (struct sockaddr *)&svm, sizeof (svm) - 1), EINVAL);
	VT_FAILS(connect(fd, (struct sockaddr *)&svm, sizeof (svm) - 1),
	    EINVAL);
	svm.svm_family = AF_INET;
	VT_FAILS(bind(fd, (struct sockaddr *)&svm, sizeof (svm)), EINVAL);
	/* A CID that is not ours. */
	VT_FAILS(vt_bind(fd, 0x7fffffff, VMADDR_PORT_ANY), EADDRNOTAVAIL);
	/* Neither bound nor connected. */
	VT_FAILS(listen(fd, 1), EINVAL);
	VT_FAILS(write(fd, "x", 1), ENOTCONN);
	VT_OK(close(fd));
}

/* Nobody listens; nobody can be reached. */
static void
test_refused(void)
{
	unsigned int port;
	int lfd = vt_listen(SOCK_STREAM, &port);
	int fd = vt_socket(SOCK_STREAM);

	VT_OK(close(lfd));
	VT_FAILS(vt_connect(fd, VMADDR_CID_LOCAL, port), ECONNRESET);
	VT_FAILS(vt_connect(fd, 0x7fffffff, port), EAFNOSUPPORT);
	VT_OK(close(fd));
}

static void *
bulk_writer(void *arg)
{
	int fd = *(int *)arg;
	unsigned char *buf = malloc(BULK);
	ssize_t n;

	VT_CHECK(buf != NULL);
	for (size_t i = 0; i < BULK; i++)
		buf[i] = (unsigned char)(i * 7 + i / 251);
	for (size_t done = 0; done < BULK; done += n)
		VT_OK(n = write(fd, buf + done, BULK - done));
	VT_OK(shutdown(fd, SHUT_WR));
	free(buf);
	return (NULL);
}

/* More than the buffers hold, both ways at a time, each to its end. */
static void
test_data(void)
{
	static unsigned char buf[64 * 1024];
	pthread_t tid[2];
	int fds[2];
	size_t done;
	ssize_t n;

	vt_pair(SOCK_STREAM, fds);
	for (int i = 0; i < 2; i++) {
		VT_CHECK(pthread_create(&tid[i], NULL, bulk_writer,
		    &fds[i]) == 0);
	}
	for (int i = 0; i < 2; i++) {
		done = 0;
		for (;;) {
			VT_OK(n = read(fds[i], buf, sizeof (buf)));
			if (n == 0)
				break;
			for (ssize_t j = 0; j < n; j++, done++) {
				VT_CHECK(buf[j] ==
				    (unsigned char)(done * 7 + done / 251));
			}
		}
		VT_CHECK(done == BULK);
	}
	for (int i = 0; i < 2; i++)
		VT_CHECK(pthread_join(tid[i], NULL) == 0);
	vt_close_pair(fds);
}

static void
test_peek_and_poll(void)
{
	struct pollfd pfd;
	char buf[8];
	int fds[2];

	vt_pair(SOCK_STREAM, fds);
	pfd.fd = fds[1];
	pfd.events = POLLIN | POLLOUT;
	VT_CHECK(poll(&pfd, 1, -1) == 1);
	VT_CHECK((pfd.revents & (POLLIN | POLLOUT)) == POLLOUT);
	VT_FAILS(recv(fds[1], buf, sizeof (buf), MSG_DONTWAIT), EAGAIN);

	VT_CHECK(write(fds[0], "abcd", 4) == 4);
	pfd.events = POLLIN;
	VT_CHECK(poll(&pfd, 1, -1) == 1 && pfd.revents == POLLIN);
	VT_CHECK(recv(fds[1], buf, 2, MSG_PEEK) == 2);
	VT_CHECK(recv(fds[1], buf, sizeof (buf), 0) == 4);
	VT_CHECK(memcmp(buf, "abcd", 4) == 0);
	vt_close_pair(fds);
}

static void
test_shutdown(void)
{
	char buf[8];
	int fds[2];

	vt_pair(SOCK_STREAM, fds);
	VT_CHECK(write(fds[0], "last", 4) == 4);
	VT_OK(shutdown(fds[0], SHUT_WR));
	VT_FAILS(write(fds[0], "x", 1), EPIPE);
	VT_CHECK(read(fds[1], buf, sizeof (buf)) == 4);
	VT_CHECK(read(fds[1], buf, sizeof (buf)) == 0);
	/* The other direction is as it was. */
	VT_CHECK(write(fds[1], "back", 4) == 4);
	VT_CHECK(read(fds[0], buf, sizeof (buf)) == 4);
	VT_OK(close(fds[1]));
	VT_CHECK(read(fds[0], buf, sizeof (buf)) == 0);
	VT_OK(close(fds[0]));
}

static void
test_nonblock(void)
{
	struct pollfd pfd;
	unsigned int port;
	int lfd = vt_listen(SOCK_STREAM, &port);
	int fd = vt_socket(SOCK_STREAM);
	int afd, error = -1;
	socklen_t len = sizeof (error);

	VT_OK(fcntl(lfd, F_SETFL, O_NONBLOCK));
	VT_FAILS(accept(lfd, NULL, NULL), EAGAIN);

	VT_OK(fcntl(fd, F_SETFL, O_NONBLOCK));
	if (vt_connect(fd, VMADDR_CID_LOCAL, port) == -1) {
		VT_CHECK(errno == EINPROGRESS);
		pfd.fd = fd;
		pfd.events = POLLOUT;
		VT_CHECK(poll(&pfd, 1, -1) == 1);
		VT_OK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len));
		VT_CHECK(error == 0);
	}
	pfd.fd = lfd;
	pfd.events = POLLIN;
	VT_CHECK(poll(&pfd, 1, -1) == 1);
	VT_OK(afd = accept(lfd, NULL, NULL));
	VT_OK(close(afd));
	VT_OK(close(fd));
	VT_OK(close(lfd));
}

int
main(void)
{
	(void) signal(SIGPIPE, SIG_IGN);
	(void) alarm(60);
	test_addresses();
	test_bad_addresses();
	test_refused();
	test_data();
	test_peek_and_poll();
	test_shutdown();
	test_nonblock();
	return (EXIT_SUCCESS);
}
