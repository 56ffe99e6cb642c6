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
 * vsockd's control socket, its pump, and the options of its command line: any
 * requests, with any sockets, in between data, and clients that go away.
 */

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fakekernel.h>
#include <fktest.h>
#include "translate.h"
#include "vsockd.h"
#include "../fuzz.h"
/* For what it remembers of its option. */
#include "../../../cmd/vsockd/device.c"

#define	FDS		8
#define	OPS		100
#define	AF_VSOCK_LINUX	40
#define	PORT		2000

static char dir[64], path[sizeof (((struct sockaddr_un *)0)->sun_path)];
static int loop = -1;
static fk_file_t *vsock;

int
vsd_event_add(int fd, uint32_t events, vsd_event_t *ve)
{
	struct epoll_event ev = { .events = events, .data.ptr = ve };

	return (epoll_ctl(loop, EPOLL_CTL_ADD, fd, &ev) == 0 ? 0 : errno);
}

/* The event loop, until there is nothing to do. */
static void
settle(void)
{
	struct epoll_event ev[16];
	vsd_event_t *ve;
	int n;

	do {
		app_run();
		fk_quiesce();
		n = epoll_wait(loop, ev, 16, 0);
		for (int i = 0; i < n; i++) {
			ve = ev[i].data.ptr;
			ve->ve_func(ve, ev[i].events);
		}
	} while (n > 0 || app_pending());
}

void
fuzz_init(void)
{
	(void) signal(SIGPIPE, SIG_IGN);
	(void) snprintf(dir, sizeof (dir), "/tmp/fuzz-ctl.XXXXXX");
	if (mkdtemp(dir) == NULL)
		abort();
	(void) snprintf(path, sizeof (path), "%s/s", dir);
	loop = epoll_create1(EPOLL_CLOEXEC);
	if (loop == -1 || fk_modload("vsock") != 0 ||
	    fk_open("/dev/vsock", &vsock) != 0 || xl_sockconfig() != 0 ||
	    app_init() != 0 || cap_init() != 0 || ctl_init(path) != 0)
		abort();
}

void
fuzz_fini(void)
{
	ctl_fini();
	cap_fini();
	app_fini();
	xl_sockunconfig();
	(void) fk_close(vsock);
	(void) close(loop);
	(void) rmdir(dir);
}

/* A request, with a descriptor or -1; what came back, or -1. */
static int
request(const vsc_request_t *q, size_t len, int fd, bool leave)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	union {
		struct cmsghdr	cu_hdr;
		char		cu_buf[CMSG_SPACE(sizeof (int))];
	} cu = { .cu_buf = { 0 } };
	vsc_reply_t rep;
	struct iovec iov = { (void *)q, len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cm;
	int s, newfd = -1;

	(void) strcpy(sun.sun_path, path);
	s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (s == -1 || connect(s, (struct sockaddr *)&sun, sizeof (sun)) != 0)
		abort();
	if (fd != -1) {
		mh.msg_control = cu.cu_buf;
		mh.msg_controllen = sizeof (cu.cu_buf);
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof (int));
		(void) memcpy(CMSG_DATA(cm), &fd, sizeof (int));
	}
	(void) sendmsg(s, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (leave)
		(void) close(s);
	settle();
	if (leave)
		return (-1);

	iov.iov_base = &rep;
	iov.iov_len = sizeof (rep);
	mh.msg_control = cu.cu_buf;
	mh.msg_controllen = sizeof (cu.cu_buf);
	if (recvmsg(s, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) ==
	    sizeof (rep)) {
		assert(rep.vp_error >= 0);
		assert(rep.vp_len <= sizeof (rep.vp_data));
		if ((cm = CMSG_FIRSTHDR(&mh)) != NULL)
			(void) memcpy(&newfd, CMSG_DATA(cm), sizeof (int));
	}
	(void) close(s);
	settle();
	return (newfd);
}

static void
fuzz_request(fuzz_t *fz, int *fds)
{
	uint8_t what = fuzz_byte(fz);
	int *fdp = &fds[fuzz_below(fz, FDS)], *newp, newfd;
	vsc_request_t q;
	struct {
		uint16_t family, reserved;
		uint32_t port, cid;
		uint8_t rest[4];
	} addr = { AF_VSOCK_LINUX, 0, PORT + fuzz_below(fz, 3),
	    fuzz_below(fz, 4) == 0 ? UINT32_MAX : 1, { 0 } };

	(void) memset(&q, 0, sizeof (q));
	q.vq_version = VSC_VERSION;
	q.vq_op = what & 0x1f;
	switch (q.vq_op) {
	case VSC_SOCKET:
		q.vq_arg[0] = AF_VSOCK_LINUX;
		q.vq_arg[1] = fuzz_below(fz, 2) ? SOCK_STREAM : SOCK_SEQPACKET;
		break;
	case VSC_BIND:
	case VSC_CONNECT:
		q.vq_arg[0] = fuzz_below(fz, 2);
		(void) memcpy(q.vq_data, &addr, sizeof (addr));
		q.vq_len = sizeof (addr);
		break;
	default:
		for (int i = 0; i < 3; i++)
			q.vq_arg[i] = (int32_t)fuzz_edge(fz);
		q.vq_len = fuzz_edge(fz);
		for (unsigned n = fuzz_byte(fz); n > 0 && fuzz_more(fz); n--)
			q.vq_data[n] = fuzz_byte(fz);
		break;
	}
	if ((what & 0xe0) == 0xe0)
		q.vq_len = fuzz_edge(fz);
	if ((what & 0xe0) == 0xc0)
		q.vq_arg[fuzz_below(fz, 3)] = (int32_t)fuzz_edge(fz);
	newfd = request(&q, (what & 0xe0) == 0xa0 ?
	    fuzz_u16(fz) % (sizeof (q) + 1) : sizeof (q), *fdp,
	    (what & 0xe0) == 0x80);
	if (newfd == -1)
		return;
	for (newp = fds; newp < fds + FDS; newp++) {
		if (*newp == -1 || newp == fds + FDS - 1)
			break;
	}
	if (*newp != -1)
		(void) close(*newp);
	*newp = newfd;
}

/* The options of vsockd. */
static void
fuzz_option(fuzz_t *fz)
{
	char *spec = calloc(1, fz->fz_left + 1);

	if (spec == NULL)
		abort();
	for (size_t i = 0; fuzz_more(fz); i++)
		spec[i] = (char)fuzz_byte(fz);
	if (spec[0] == 'd') {
		(void) device_parse(spec + 1);
		device_given = false;
		device_cid = 0;
	} else {
		(void) guest_parse(spec);
		guest_stop_all();
	}
	free(spec);
}

void
fuzz_one(fuzz_t *fz)
{
	static const uint8_t data[4096];
	uint8_t buf[4096];
	int fds[FDS], *fdp;
	unsigned ops = 0;

	if (fuzz_below(fz, 8) == 0) {
		fuzz_option(fz);
		return;
	}
	for (int i = 0; i < FDS; i++)
		fds[i] = -1;
	while (fuzz_more(fz) && ops++ < OPS) {
		fdp = &fds[fuzz_below(fz, FDS)];
		switch (fuzz_below(fz, 8)) {
		case 0:
			if (*fdp != -1)
				(void) send(*fdp, data, fuzz_u16(fz) % 4096,
				    MSG_NOSIGNAL | MSG_DONTWAIT);
			break;
		case 1:
			if (*fdp != -1)
				(void) recv(*fdp, buf, fuzz_u16(fz) % 4096,
				    MSG_DONTWAIT);
			break;
		case 2:
			if (*fdp != -1)
				(void) close(*fdp);
			*fdp = -1;
			break;
		case 3:
			if (*fdp != -1)
				(void) shutdown(*fdp, fuzz_below(fz, 3));
			break;
		default:
			fuzz_request(fz, fds);
			break;
		}
		settle();
	}
	for (int i = 0; i < FDS; i++) {
		if (fds[i] != -1)
			(void) close(fds[i]);
	}
	settle();
	fk_time_advance(60000000000ULL);
	settle();
}
