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
 * AF_VSOCK: options, and what socket(2) refuses.
 */

#include <sys/time.h>
#include "vt.h"

static uint64_t
get64(int fd, int name)
{
	uint64_t val = 0;
	socklen_t len = sizeof (val);

	VT_OK(getsockopt(fd, AF_VSOCK, name, &val, &len));
	VT_CHECK(len == sizeof (val));
	return (val);
}

static void
set64(int fd, int name, uint64_t val)
{
	VT_OK(setsockopt(fd, AF_VSOCK, name, &val, sizeof (val)));
}

/* The size is kept between the bounds. */
static void
test_buffer(void)
{
	int fd = vt_socket(SOCK_STREAM);
	uint64_t val = 65536;
	socklen_t len = sizeof (uint32_t);

	VT_CHECK(get64(fd, SO_VM_SOCKETS_BUFFER_SIZE) != 0);
	set64(fd, SO_VM_SOCKETS_BUFFER_MAX_SIZE, 128 * 1024);
	set64(fd, SO_VM_SOCKETS_BUFFER_MIN_SIZE, 32 * 1024);
	set64(fd, SO_VM_SOCKETS_BUFFER_SIZE, 64 * 1024);
	VT_CHECK(get64(fd, SO_VM_SOCKETS_BUFFER_SIZE) == 64 * 1024);
	set64(fd, SO_VM_SOCKETS_BUFFER_SIZE, 1024 * 1024);
	VT_CHECK(get64(fd, SO_VM_SOCKETS_BUFFER_SIZE) == 128 * 1024);
	set64(fd, SO_VM_SOCKETS_BUFFER_SIZE, 1024);
	VT_CHECK(get64(fd, SO_VM_SOCKETS_BUFFER_SIZE) == 32 * 1024);
	VT_FAILS(setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &val,
	    sizeof (uint32_t)), EINVAL);
	VT_FAILS(getsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &val,
	    &len), EINVAL);
	VT_OK(close(fd));
}

static void
test_timeout(void)
{
	int fd = vt_socket(SOCK_STREAM);
	struct timeval tv = { .tv_sec = 5, .tv_usec = 250000 };
	socklen_t len = sizeof (tv);

	VT_OK(setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &tv,
	    sizeof (tv)));
	(void) memset(&tv, 0, sizeof (tv));
	VT_OK(getsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &tv,
	    &len));
	VT_CHECK(tv.tv_sec == 5 && tv.tv_usec == 250000);
	tv.tv_sec = -1;
	VT_FAILS(setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &tv,
	    sizeof (tv)), ERANGE);
	VT_OK(close(fd));
}

static void
test_generic(void)
{
	int fd = vt_socket(SOCK_STREAM);
	int val = -1;
	socklen_t len = sizeof (val);

	VT_OK(getsockopt(fd, SOL_SOCKET, SO_TYPE, &val, &len));
	VT_CHECK(val == SOCK_STREAM);
	VT_OK(getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &val, &len));
	VT_CHECK(val == AF_VSOCK);
	VT_FAILS(getsockopt(fd, AF_VSOCK, 99, &val, &len), ENOPROTOOPT);
	VT_OK(close(fd));
}

static void
test_socket(void)
{
	VT_FAILS(socket(AF_VSOCK, SOCK_STREAM, 1), EPROTONOSUPPORT);
	VT_CHECK(socket(AF_VSOCK, SOCK_DGRAM, 0) == -1);
}

int
main(void)
{
	(void) alarm(60);
	test_buffer();
	test_timeout();
	test_generic();
	test_socket();
	return (EXIT_SUCCESS);
}
