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

#ifndef _VT_H
#define	_VT_H

/*
 * What the tests of AF_VSOCK by loopback share.  A test is a function; one that
 * is not content says so and ends the program with EXIT_FAILURE.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <net/vsock.h>
#include <err.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define	VT_CHECK(cond)							\
	do {								\
		if (!(cond))						\
			errx(EXIT_FAILURE, "%s:%d: %s", __FILE__,	\
			    __LINE__, #cond);				\
	} while (0)

/* The call succeeds ... */
#define	VT_OK(call)							\
	do {								\
		if ((call) == -1)					\
			err(EXIT_FAILURE, "%s:%d: %s", __FILE__,	\
			    __LINE__, #call);				\
	} while (0)

/* ... or fails with this errno. */
#define	VT_FAILS(call, error)						\
	do {								\
		errno = 0;						\
		if ((call) != -1 || errno != (error))			\
			err(EXIT_FAILURE, "%s:%d: %s, not %s", __FILE__, \
			    __LINE__, #call, #error);			\
	} while (0)

static inline struct sockaddr_vm
vt_addr(unsigned int cid, unsigned int port)
{
	struct sockaddr_vm svm;

	(void) memset(&svm, 0, sizeof (svm));
	svm.svm_family = AF_VSOCK;
	svm.svm_cid = cid;
	svm.svm_port = port;
	return (svm);
}

static inline int
vt_socket(int type)
{
	int fd;

	VT_OK(fd = socket(AF_VSOCK, type, 0));
	return (fd);
}

static inline int
vt_bind(int fd, unsigned int cid, unsigned int port)
{
	struct sockaddr_vm svm = vt_addr(cid, port);

	return (bind(fd, (struct sockaddr *)&svm, sizeof (svm)));
}

static inline int
vt_connect(int fd, unsigned int cid, unsigned int port)
{
	struct sockaddr_vm svm = vt_addr(cid, port);

	return (connect(fd, (struct sockaddr *)&svm, sizeof (svm)));
}

static inline struct sockaddr_vm
vt_name(int fd, int (*func)(int, struct sockaddr *, socklen_t *))
{
	struct sockaddr_vm svm;
	socklen_t len = sizeof (svm);

	VT_OK(func(fd, (struct sockaddr *)&svm, &len));
	VT_CHECK(len == sizeof (svm));
	VT_CHECK(svm.svm_family == AF_VSOCK);
	return (svm);
}

/* A listening socket, and its port. */
static inline int
vt_listen(int type, unsigned int *portp)
{
	int fd = vt_socket(type);

	VT_OK(vt_bind(fd, VMADDR_CID_ANY, VMADDR_PORT_ANY));
	VT_OK(listen(fd, 8));
	*portp = vt_name(fd, getsockname).svm_port;
	return (fd);
}

/* Two sockets that are connected. */
static inline void
vt_pair(int type, int fds[2])
{
	unsigned int port;
	int lfd = vt_listen(type, &port);

	fds[0] = vt_socket(type);
	VT_OK(vt_connect(fds[0], VMADDR_CID_LOCAL, port));
	VT_OK(fds[1] = accept(lfd, NULL, NULL));
	VT_OK(close(lfd));
}

static inline void
vt_close_pair(int fds[2])
{
	VT_OK(close(fds[0]));
	VT_OK(close(fds[1]));
}

#endif	/* _VT_H */
