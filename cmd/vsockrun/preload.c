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
 * libvsockrun.so: socket calls of a program under vsockrun.
 *
 * It stands before libc (LD_PRELOAD), and does something of its own only for
 * descriptors that are ends of vsockd's pairs (control.h), which it knows by
 * their names: there is no state here, and so nothing that dup(2), fork(2),
 * exec(3) or another thread could make wrong.
 *
 * Data needs none of this: it is read from and written to the pair.  What has
 * to be looked at are the corners: calls on a socket that is not connected,
 * which the pair would allow; flags and addresses that a Unix socket takes
 * differently; the end of file, which may be a reset; and MSG_EOR, for which
 * the pair has a mark (control.h).
 *
 * Everything else is a request to vsockd, on a connection of its own.  A call
 * that may wait (accept, connect) waits in a receive call, on the socket
 * itself or on the request's connection, and so is interrupted as it should
 * be.
 *
 * /dev/vsock is there whether the machine has one or not: a memory file whose
 * name tells what it is, of which only the ioctl is of use.
 */

#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <linux/sockios.h>
#include <linux/vm_sockets.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "../vsockd/control.h"

#define	PRE_DEVICE	"/dev/vsock"
#define	PRE_MEMFD	"vsockrun:" PRE_DEVICE

/*
 * The calls that are replaced, and the ones behind them.  REAL(recv) is the
 * next function of that name; looked up when first used, which may be before
 * any constructor has run.
 */
static __typeof__(accept) *pre_accept;
static __typeof__(accept4) *pre_accept4;
static __typeof__(bind) *pre_bind;
static __typeof__(close) *pre_close;
static __typeof__(connect) *pre_connect;
static __typeof__(getpeername) *pre_getpeername;
static __typeof__(getsockname) *pre_getsockname;
static __typeof__(getsockopt) *pre_getsockopt;
static __typeof__(ioctl) *pre_ioctl;
static __typeof__(listen) *pre_listen;
static __typeof__(open) *pre_open;
static __typeof__(open64) *pre_open64;
static __typeof__(openat) *pre_openat;
static __typeof__(openat64) *pre_openat64;
static __typeof__(read) *pre_read;
static __typeof__(readv) *pre_readv;
static __typeof__(recv) *pre_recv;
static __typeof__(recvfrom) *pre_recvfrom;
static __typeof__(recvmmsg) *pre_recvmmsg;
static __typeof__(recvmsg) *pre_recvmsg;
static __typeof__(send) *pre_send;
static __typeof__(sendfile) *pre_sendfile;
static __typeof__(sendfile64) *pre_sendfile64;
static __typeof__(sendmmsg) *pre_sendmmsg;
static __typeof__(sendmsg) *pre_sendmsg;
static __typeof__(sendto) *pre_sendto;
static __typeof__(setsockopt) *pre_setsockopt;
static __typeof__(shutdown) *pre_shutdown;
static __typeof__(socket) *pre_socket;
static __typeof__(socketpair) *pre_socketpair;
static __typeof__(syscall) *pre_syscall;
static __typeof__(write) *pre_write;
static __typeof__(writev) *pre_writev;

#define	REAL(name)						\
	((__typeof__(name) *)pre_next((void **)&pre_##name, #name))

static void *
pre_next(void **cache, const char *name)
{
	void *func = __atomic_load_n(cache, __ATOMIC_RELAXED);

	if (func == NULL) {
		func = dlsym(RTLD_NEXT, name);
		__atomic_store_n(cache, func, __ATOMIC_RELAXED);
	}
	return (func);
}

#define	EXPORT	__attribute__((__visibility__("default")))

/* The fortified variants of libc, which have no declaration. */
extern ssize_t __read_chk(int, void *, size_t, size_t);
extern ssize_t __recv_chk(int, void *, size_t, size_t, int);
extern ssize_t __recvfrom_chk(int, void *, size_t, size_t, int,
    struct sockaddr *, socklen_t *);
extern int __open_2(const char *, int);
extern int __open64_2(const char *, int);
extern int __openat_2(int, const char *, int);
extern int __openat64_2(int, const char *, int);

static int
pre_fail(int err)
{
	errno = err;
	return (-1);
}

/*
 * What is that descriptor?
 */
typedef enum {
	PRE_OTHER,		/* none of ours */
	PRE_UNCONNECTED,
	PRE_CONNECTED		/* or has been */
} pre_kind_t;

/* Whether it is ours, and its name. */
static bool
pre_name(int fd, struct sockaddr_un *sun, socklen_t *lenp)
{
	int saved = errno;
	bool ours;

	*lenp = sizeof (*sun);
	ours = REAL(getsockname)(fd, (struct sockaddr *)sun, lenp) == 0 &&
	    *lenp <= sizeof (*sun) && vsc_name_ours(sun, *lenp);
	errno = saved;
	return (ours);
}

static bool
pre_ours(int fd)
{
	struct sockaddr_un sun;
	socklen_t len;

	return (pre_name(fd, &sun, &len));
}

static pre_kind_t
pre_kind(int fd)
{
	struct sockaddr_un sun;
	socklen_t len = sizeof (sun);
	int saved = errno;

	if (REAL(getpeername)(fd, (struct sockaddr *)&sun, &len) != 0) {
		errno = saved;
		return (PRE_OTHER);
	}
	if (len <= sizeof (sun) && vsc_name_ours(&sun, len))
		return (PRE_CONNECTED);
	/* Our pairs, and others, before vsockd names its end. */
	if (len == sizeof (sa_family_t) && sun.sun_family == AF_UNIX &&
	    pre_ours(fd))
		return (PRE_UNCONNECTED);
	return (PRE_OTHER);
}

/*
 * A request.  `fd' is what it is for, or -1; a descriptor in the reply goes
 * into *newfd, with FD_CLOEXEC if `cloexec'.  0, an errno of vsockd's, or
 * ENETDOWN if there is no vsockd; EINTR only for one that may wait.
 */
static int
pre_request(const vsc_request_t *req, int fd, vsc_reply_t *rep, int *newfd,
    bool cloexec)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const char *path = getenv("VSOCK_CONTROL");
	union {
		struct cmsghdr	cu_hdr;
		char		cu_buf[CMSG_SPACE(sizeof (int))];
	} cu = { .cu_buf = { 0 } };
	struct iovec iov = { (void *)(uintptr_t)req, sizeof (*req) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	const bool waits = (req->vq_op == VSC_CONNECT &&
	    req->vq_arg[0] == 0) || req->vq_op == VSC_CLOSED;
	struct cmsghdr *cm;
	int s, err = ENETDOWN;
	ssize_t n;

	if (path == NULL || strlen(path) >= sizeof (sun.sun_path))
		return (ENETDOWN);
	(void) strcpy(sun.sun_path, path);
	s = REAL(socket)(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (s == -1)
		return (errno);
	while ((n = REAL(connect)(s, (struct sockaddr *)&sun,
	    sizeof (sun))) != 0 && errno == EINTR)
		continue;
	if (n != 0)
		goto out;

	if (fd != -1) {
		mh.msg_control = cu.cu_buf;
		mh.msg_controllen = sizeof (cu.cu_buf);
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof (int));
		(void) memcpy(CMSG_DATA(cm), &fd, sizeof (int));
	}
	do {
		n = REAL(sendmsg)(s, &mh, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n != sizeof (*req))
		goto out;
	/* A program that lingers says for how long. */
	if (req->vq_op == VSC_CLOSED) {
		const struct timeval tv = { .tv_sec = req->vq_arg[0] };

		(void) REAL(setsockopt)(s, SOL_SOCKET, SO_RCVTIMEO, &tv,
		    sizeof (tv));
	}

	iov.iov_base = rep;
	iov.iov_len = sizeof (*rep);
	mh.msg_control = cu.cu_buf;
	mh.msg_controllen = sizeof (cu.cu_buf);
	do {
		n = REAL(recvmsg)(s, &mh, cloexec ? MSG_CMSG_CLOEXEC : 0);
	} while (n < 0 && errno == EINTR && !waits);
	if (n < 0 && errno == EINTR)
		err = EINTR;
	if (n != sizeof (*rep))
		goto out;
	err = rep->vp_error;
	if (newfd != NULL && (cm = CMSG_FIRSTHDR(&mh)) != NULL &&
	    cm->cmsg_level == SOL_SOCKET && cm->cmsg_type == SCM_RIGHTS)
		(void) memcpy(newfd, CMSG_DATA(cm), sizeof (int));
out:
	(void) REAL(close)(s);
	return (err);
}

/* A request with an address or an option's value, and no reply but success. */
static int
pre_simple(int fd, int op, int arg0, int arg1, const void *data, socklen_t len)
{
	vsc_request_t req = {
		.vq_version	= VSC_VERSION,
		.vq_op		= (uint32_t)op,
		.vq_arg		= { arg0, arg1 }
	};
	vsc_reply_t rep;
	int saved = errno, err;

	if (len > sizeof (req.vq_data))
		return (pre_fail(EINVAL));
	if (len > 0 && data == NULL)
		return (pre_fail(EFAULT));
	if (len > 0)
		(void) memcpy(req.vq_data, data, len);
	req.vq_len = len;
	if ((err = pre_request(&req, fd, &rep, NULL, false)) != 0)
		return (pre_fail(err));
	errno = saved;
	return (0);
}

/* Gives out data as system calls do: cut off at the room there is. */
static int
pre_copyout(const vsc_reply_t *rep, void *to, socklen_t *lenp)
{
	uint32_t n = rep->vp_len;

	if (n > sizeof (rep->vp_data))
		return (pre_fail(EINVAL));
	(void) memcpy(to, rep->vp_data, n < *lenp ? n : *lenp);
	*lenp = n;
	return (0);
}

static int
pre_getname(int fd, int op, struct sockaddr *addr, socklen_t *lenp)
{
	vsc_request_t req = {
		.vq_version	= VSC_VERSION,
		.vq_op		= (uint32_t)op
	};
	vsc_reply_t rep;
	int saved = errno, err;

	if (addr == NULL || lenp == NULL)
		return (pre_fail(EFAULT));
	if ((err = pre_request(&req, fd, &rep, NULL, false)) != 0)
		return (pre_fail(err));
	errno = saved;
	return (pre_copyout(&rep, addr, lenp));
}

/*
 * Sockets and connections.
 */

EXPORT int
socket(int domain, int type, int protocol)
{
	vsc_request_t req = {
		.vq_version	= VSC_VERSION,
		.vq_op		= VSC_SOCKET,
		.vq_arg		= { domain,
		    type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK), protocol }
	};
	vsc_reply_t rep;
	int fd = -1, saved = errno, err;

	if (domain != AF_VSOCK)
		return (REAL(socket)(domain, type, protocol));
	err = pre_request(&req, -1, &rep, &fd, (type & SOCK_CLOEXEC) != 0);
	if (err == ENETDOWN)
		err = EAFNOSUPPORT;
	if (err == 0 && fd == -1)
		err = EMFILE;
	if (err != 0)
		return (pre_fail(err));
	if ((type & SOCK_NONBLOCK) != 0)
		(void) fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
	errno = saved;
	return (fd);
}

EXPORT int
socketpair(int domain, int type, int protocol, int fds[2])
{
	if (domain == AF_VSOCK)
		return (pre_fail(EOPNOTSUPP));
	return (REAL(socketpair)(domain, type, protocol, fds));
}

EXPORT int
bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	if (!pre_ours(fd))
		return (REAL(bind)(fd, addr, len));
	return (pre_simple(fd, VSC_BIND, 0, 0, addr, len));
}

EXPORT int
listen(int fd, int backlog)
{
	if (!pre_ours(fd))
		return (REAL(listen)(fd, backlog));
	return (pre_simple(fd, VSC_LISTEN, backlog, 0, NULL, 0));
}

EXPORT int
connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	int flags;

	if (!pre_ours(fd))
		return (REAL(connect)(fd, addr, len));
	flags = fcntl(fd, F_GETFL);
	return (pre_simple(fd, VSC_CONNECT, (flags & O_NONBLOCK) != 0, 0,
	    addr, len));
}

/* What a connection has from its listener, as far as the pair has to know. */
static void
pre_inherit(int fd, int newfd)
{
	struct linger linger;
	socklen_t len = sizeof (linger);
	int lowat;

	if (REAL(getsockopt)(fd, SOL_SOCKET, SO_LINGER, &linger, &len) == 0 &&
	    linger.l_onoff != 0)
		(void) REAL(setsockopt)(newfd, SOL_SOCKET, SO_LINGER, &linger,
		    len);
	len = sizeof (lowat);
	if (REAL(getsockopt)(fd, SOL_SOCKET, SO_RCVLOWAT, &lowat, &len) == 0 &&
	    lowat != 1)
		(void) REAL(setsockopt)(newfd, SOL_SOCKET, SO_RCVLOWAT, &lowat,
		    len);
}

EXPORT int
accept4(int fd, struct sockaddr *addr, socklen_t *lenp, int flags)
{
	vsc_request_t req = {
		.vq_version	= VSC_VERSION,
		.vq_op		= VSC_ACCEPT
	};
	vsc_reply_t rep;
	int newfd = -1, saved = errno, err;
	char byte;

	if (!pre_ours(fd))
		return (REAL(accept4)(fd, addr, lenp, flags));
	if ((flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) != 0)
		return (pre_fail(EINVAL));
	if (pre_kind(fd) == PRE_CONNECTED)
		return (pre_fail(EINVAL));
	req.vq_arg[0] = (REAL(recv)(fd, &byte, 1, MSG_DONTWAIT) == 1);
	while ((err = pre_request(&req, fd, &rep, &newfd,
	    (flags & SOCK_CLOEXEC) != 0)) == EAGAIN) {
		if (REAL(recv)(fd, &byte, 1, MSG_PEEK) < 0)
			return (-1);
		req.vq_arg[0] = 1;
	}
	if (err == 0 && newfd == -1)
		err = EMFILE;
	if (err != 0)
		return (pre_fail(err));
	if ((flags & SOCK_NONBLOCK) != 0)
		(void) fcntl(newfd, F_SETFL, O_RDWR | O_NONBLOCK);
	pre_inherit(fd, newfd);
	errno = saved;
	if (addr != NULL && lenp != NULL)
		(void) pre_copyout(&rep, addr, lenp);
	return (newfd);
}

EXPORT int
accept(int fd, struct sockaddr *addr, socklen_t *lenp)
{
	if (!pre_ours(fd))
		return (REAL(accept)(fd, addr, lenp));
	return (accept4(fd, addr, lenp, 0));
}

EXPORT int
getsockname(int fd, struct sockaddr *addr, socklen_t *lenp)
{
	if (!pre_ours(fd))
		return (REAL(getsockname)(fd, addr, lenp));
	return (pre_getname(fd, VSC_GETSOCKNAME, addr, lenp));
}

EXPORT int
getpeername(int fd, struct sockaddr *addr, socklen_t *lenp)
{
	if (!pre_ours(fd))
		return (REAL(getpeername)(fd, addr, lenp));
	return (pre_getname(fd, VSC_GETPEERNAME, addr, lenp));
}

/* vsockd never blocks: how long to wait is a matter of the pair. */
static bool
pre_native_option(int level, int name)
{
	return (level == SOL_SOCKET &&
	    (name == SO_RCVTIMEO || name == SO_SNDTIMEO));
}

EXPORT int
getsockopt(int fd, int level, int name, void *val, socklen_t *lenp)
{
	vsc_request_t req = {
		.vq_version	= VSC_VERSION,
		.vq_op		= VSC_GETSOCKOPT,
		.vq_arg		= { level, name }
	};
	vsc_reply_t rep;
	int saved = errno, err;

	if (pre_native_option(level, name) || !pre_ours(fd))
		return (REAL(getsockopt)(fd, level, name, val, lenp));
	if (val == NULL || lenp == NULL)
		return (pre_fail(EFAULT));
	req.vq_arg[2] = (int32_t)*lenp;
	if ((err = pre_request(&req, fd, &rep, NULL, false)) != 0)
		return (pre_fail(err));
	errno = saved;
	return (pre_copyout(&rep, val, lenp));
}

EXPORT int
setsockopt(int fd, int level, int name, const void *val, socklen_t len)
{
	int res;

	if (pre_native_option(level, name) || !pre_ours(fd))
		return (REAL(setsockopt)(fd, level, name, val, len));
	res = pre_simple(fd, VSC_SETSOCKOPT, level, name, val, len);
	/* These are a matter of both. */
	if (res == 0 && level == SOL_SOCKET &&
	    (name == SO_RCVLOWAT || name == SO_LINGER))
		res = REAL(setsockopt)(fd, level, name, val, len);
	return (res);
}

/*
 * A socket that lingers is closed, and if that was its last descriptor its end
 * is waited for: which vsockd can tell.
 */
EXPORT int
close(int fd)
{
	vsc_request_t req = {
		.vq_version	= VSC_VERSION,
		.vq_op		= VSC_CLOSED
	};
	struct linger linger;
	socklen_t len = sizeof (linger);
	struct sockaddr_un sun;
	vsc_reply_t rep;
	int saved = errno, res;

	if (REAL(getsockopt)(fd, SOL_SOCKET, SO_LINGER, &linger, &len) != 0 ||
	    linger.l_onoff == 0 || linger.l_linger <= 0 ||
	    (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0 ||
	    !pre_name(fd, &sun, &len)) {
		errno = saved;
		return (REAL(close)(fd));
	}
	if ((res = REAL(close)(fd)) == 0) {
		req.vq_arg[0] = linger.l_linger;
		req.vq_len = len;
		(void) memcpy(req.vq_data, &sun, len);
		(void) pre_request(&req, -1, &rep, NULL, false);
		errno = saved;
	}
	return (res);
}

EXPORT int
shutdown(int fd, int how)
{
	int saved = errno, res;
	char buf[4096];

	if (!pre_ours(fd))
		return (REAL(shutdown)(fd, how));
	if (pre_simple(fd, VSC_SHUTDOWN, how, 0, NULL, 0) != 0)
		return (-1);
	res = REAL(shutdown)(fd, how);
	/* What was not read is not to be read any more. */
	if (res == 0 && how != SHUT_WR) {
		while (REAL(recv)(fd, buf, sizeof (buf), MSG_DONTWAIT) > 0)
			continue;
		errno = saved;
	}
	return (res);
}

/*
 * The device, and ioctls.
 */

static bool
pre_is_device(int fd)
{
	static const char want[] = "/memfd:" PRE_MEMFD " ";
	char link[sizeof (want) + 16], path[64];
	ssize_t n;

	(void) snprintf(path, sizeof (path), "/proc/self/fd/%d", fd);
	n = readlink(path, link, sizeof (link));
	return (n >= (ssize_t)sizeof (want) - 1 &&
	    memcmp(link, want, sizeof (want) - 1) == 0);
}

static bool
pre_names_device(const char *path)
{
	/* libc's headers promise that it is not null: forget that. */
	__asm__("" : "+r" (path));
	return (path != NULL && strcmp(path, PRE_DEVICE) == 0);
}

static int
pre_open_device(int flags)
{
	return (memfd_create(PRE_MEMFD,
	    (flags & O_CLOEXEC) != 0 ? MFD_CLOEXEC : 0));
}

static bool
pre_needs_mode(int flags)
{
	return ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE);
}

/* One of the variants of open(2) that may have a mode. */
#define	PRE_OPEN(name, params, args)					\
EXPORT int								\
name params								\
{									\
	mode_t mode = 0;						\
	va_list ap;							\
									\
	if (pre_names_device(path))					\
		return (pre_open_device(flags));			\
	if (pre_needs_mode(flags)) {					\
		va_start(ap, flags);					\
		mode = (mode_t)va_arg(ap, unsigned);			\
		va_end(ap);						\
	}								\
	return (REAL(name) args);					\
}									\
extern __typeof__(name) name

#define	PRE_PATH	(const char *path, int flags, ...)
#define	PRE_PATH_AT	(int dir, const char *path, int flags, ...)

PRE_OPEN(open, PRE_PATH, (path, flags, mode));
PRE_OPEN(open64, PRE_PATH, (path, flags, mode));
PRE_OPEN(openat, PRE_PATH_AT, (dir, path, flags, mode));
PRE_OPEN(openat64, PRE_PATH_AT, (dir, path, flags, mode));

EXPORT int
__open_2(const char *path, int flags)
{
	if (pre_needs_mode(flags))
		abort();
	return (open(path, flags));
}

EXPORT int
__open64_2(const char *path, int flags)
{
	if (pre_needs_mode(flags))
		abort();
	return (open64(path, flags));
}

EXPORT int
__openat_2(int dir, const char *path, int flags)
{
	if (pre_needs_mode(flags))
		abort();
	return (openat(dir, path, flags));
}

EXPORT int
__openat64_2(int dir, const char *path, int flags)
{
	if (pre_needs_mode(flags))
		abort();
	return (openat64(dir, path, flags));
}

/* An ioctl that gives an int: of a socket, or with fd -1 of the device. */
static int
pre_ask_int(int fd, int op, unsigned long cmd, int *value)
{
	vsc_request_t req = {
		.vq_version	= VSC_VERSION,
		.vq_op		= (uint32_t)op,
		.vq_arg		= { (int32_t)cmd }
	};
	struct iovec to = { value, sizeof (*value) }, from;
	vsc_reply_t rep;
	int saved = errno, err;

	if ((err = pre_request(&req, fd, &rep, NULL, false)) != 0)
		return (pre_fail(err));
	/* As the system would: with EFAULT. */
	from.iov_base = rep.vp_data;
	from.iov_len = sizeof (*value);
	if (process_vm_writev(getpid(), &from, 1, &to, 1, 0) < 0)
		return (-1);
	errno = saved;
	return (0);
}

EXPORT int
ioctl(int fd, unsigned long cmd, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	switch (cmd) {
	case IOCTL_VM_SOCKETS_GET_LOCAL_CID:
		if (pre_is_device(fd))
			return (pre_ask_int(-1, VSC_LOCAL_CID, cmd, arg));
		break;
	case SIOCOUTQ:
		if (pre_ours(fd))
			return (pre_ask_int(fd, VSC_IOCTL, cmd, arg));
		break;
	case FIONREAD:
		/* What can be read is in the pair. */
		if (pre_kind(fd) == PRE_UNCONNECTED)
			return (pre_ask_int(fd, VSC_IOCTL, cmd, arg));
		break;
	}
	return (REAL(ioctl)(fd, cmd, arg));
}

/*
 * Data.
 */

/*
 * Whether a send call with these flags may go on to the pair: 0 or errno.
 * `addressed' if it says where to.
 */
static int
pre_check_send(int fd, int flags, bool addressed)
{
	switch (pre_kind(fd)) {
	case PRE_UNCONNECTED:
		return (addressed ? EOPNOTSUPP : ENOTCONN);
	case PRE_CONNECTED:
		return ((flags & MSG_OOB) != 0 ? EOPNOTSUPP : 0);
	default:
		return (0);
	}
}

/* The same for a receive call; tells whether the socket is ours. */
static int
pre_check_recv(int fd, int flags, bool *ours)
{
	pre_kind_t kind = pre_kind(fd);

	*ours = (kind != PRE_OTHER);
	if (kind == PRE_OTHER)
		return (0);
	if (kind == PRE_UNCONNECTED)
		return (ENOTCONN);
	if ((flags & MSG_OOB) != 0)
		return (EOPNOTSUPP);
	return ((flags & MSG_ERRQUEUE) != 0 ? EAGAIN : 0);
}

/*
 * What a receive call has returned; an end of file may be a reset.  One that
 * has no room for data does not wait for any: it is made with MSG_DONTWAIT.
 */
static ssize_t
pre_received(int fd, bool ours, size_t len, ssize_t n)
{
	if (ours && len == 0 && n < 0 && errno == EAGAIN)
		return (0);
	if (!ours || n != 0 || len == 0)
		return (n);
	return (pre_simple(fd, VSC_ERROR, 0, 0, NULL, 0));
}

/* Whether it is a pair of records, for which MSG_EOR has to be looked after. */
static bool
pre_records(int fd)
{
	socklen_t len = sizeof (int);
	int saved = errno, type;
	bool records;

	records = REAL(getsockopt)(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	    type == SOCK_SEQPACKET && pre_ours(fd);
	errno = saved;
	return (records);
}

/* Sends a record with the mark that stands for MSG_EOR. */
static ssize_t
pre_send_marked(int fd, const struct iovec *iov, size_t iovlen, int flags)
{
	union {
		struct cmsghdr	cu_hdr;
		char		cu_buf[CMSG_SPACE(sizeof (int))];
	} cu = { .cu_buf = { 0 } };
	struct msghdr mh = {
		.msg_iov	= (struct iovec *)(uintptr_t)iov,
		.msg_iovlen	= iovlen,
		.msg_control	= cu.cu_buf,
		.msg_controllen	= sizeof (cu.cu_buf)
	};
	struct cmsghdr *cm = CMSG_FIRSTHDR(&mh);
	int mark, saved;
	ssize_t n;

	if ((mark = eventfd(0, EFD_CLOEXEC)) == -1)
		return (-1);
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof (int));
	(void) memcpy(CMSG_DATA(cm), &mark, sizeof (int));
	n = REAL(sendmsg)(fd, &mh, flags);
	saved = errno;
	(void) close(mark);
	errno = saved;
	return (n);
}

/* Takes the mark out of a message; true: there was one. */
static bool
pre_take_mark(struct msghdr *mh)
{
	struct cmsghdr *cm;
	bool marked = false;
	int mark;

	for (cm = CMSG_FIRSTHDR(mh); cm != NULL; cm = CMSG_NXTHDR(mh, cm)) {
		if (cm->cmsg_level == SOL_SOCKET &&
		    cm->cmsg_type == SCM_RIGHTS &&
		    cm->cmsg_len == CMSG_LEN(sizeof (int))) {
			(void) memcpy(&mark, CMSG_DATA(cm), sizeof (int));
			(void) close(mark);
			marked = true;
		}
	}
	return (marked);
}

EXPORT ssize_t
send(int fd, const void *buf, size_t len, int flags)
{
	struct iovec iov = { (void *)(uintptr_t)buf, len };
	int err = pre_check_send(fd, flags, false);

	if (err != 0)
		return (pre_fail(err));
	if ((flags & MSG_EOR) != 0 && pre_records(fd))
		return (pre_send_marked(fd, &iov, 1, flags));
	return (REAL(send)(fd, buf, len, flags));
}

EXPORT ssize_t
sendto(int fd, const void *buf, size_t len, int flags,
    const struct sockaddr *addr, socklen_t alen)
{
	struct iovec iov = { (void *)(uintptr_t)buf, len };
	int err = pre_check_send(fd, flags, addr != NULL && alen != 0);

	if (err != 0)
		return (pre_fail(err));
	if ((flags & MSG_EOR) != 0 && pre_records(fd))
		return (pre_send_marked(fd, &iov, 1, flags));
	return (REAL(sendto)(fd, buf, len, flags, addr, alen));
}

/* The pair would pass on descriptors and credentials; vsock has neither. */
EXPORT ssize_t
sendmsg(int fd, const struct msghdr *msg, int flags)
{
	int err = pre_check_send(fd, flags,
	    msg != NULL && msg->msg_namelen != 0);

	if (err == 0 && msg != NULL && msg->msg_controllen != 0 &&
	    pre_ours(fd))
		err = EOPNOTSUPP;
	if (err != 0)
		return (pre_fail(err));
	if ((flags & MSG_EOR) != 0 && msg != NULL && pre_records(fd))
		return (pre_send_marked(fd, msg->msg_iov, msg->msg_iovlen,
		    flags));
	return (REAL(sendmsg)(fd, msg, flags));
}

EXPORT int
sendmmsg(int fd, struct mmsghdr *msgs, unsigned count, int flags)
{
	unsigned i;
	ssize_t n;

	if (!pre_ours(fd))
		return (REAL(sendmmsg)(fd, msgs, count, flags));
	for (i = 0; i < count && i < UIO_MAXIOV; i++) {
		n = sendmsg(fd, &msgs[i].msg_hdr, flags);
		if (n < 0)
			return (i > 0 ? (int)i : -1);
		msgs[i].msg_len = (unsigned)n;
	}
	return ((int)i);
}

EXPORT ssize_t
sendfile(int fd, int from, off_t *offset, size_t count)
{
	int err = pre_check_send(fd, 0, false);

	return (err != 0 ? pre_fail(err) :
	    REAL(sendfile)(fd, from, offset, count));
}

EXPORT ssize_t
sendfile64(int fd, int from, off64_t *offset, size_t count)
{
	int err = pre_check_send(fd, 0, false);

	return (err != 0 ? pre_fail(err) :
	    REAL(sendfile64)(fd, from, offset, count));
}

EXPORT ssize_t
write(int fd, const void *buf, size_t len)
{
	int err = pre_check_send(fd, 0, false);

	return (err != 0 ? pre_fail(err) : REAL(write)(fd, buf, len));
}

EXPORT ssize_t
writev(int fd, const struct iovec *iov, int n)
{
	int err = pre_check_send(fd, 0, false);

	return (err != 0 ? pre_fail(err) : REAL(writev)(fd, iov, n));
}

EXPORT ssize_t
recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *addr,
    socklen_t *alen)
{
	bool ours;
	int err = pre_check_recv(fd, flags, &ours);
	ssize_t n;

	if (err != 0)
		return (pre_fail(err));
	if (!ours)
		return (REAL(recvfrom)(fd, buf, len, flags, addr, alen));
	if (len == 0)
		flags |= MSG_DONTWAIT;
	n = pre_received(fd, ours, len, REAL(recv)(fd, buf, len, flags));
	/* Data on a connection does not tell where it comes from. */
	if (n >= 0 && addr != NULL && alen != NULL)
		*alen = 0;
	return (n);
}

EXPORT ssize_t
recv(int fd, void *buf, size_t len, int flags)
{
	bool ours;
	int err = pre_check_recv(fd, flags, &ours);

	if (err != 0)
		return (pre_fail(err));
	if (ours && len == 0)
		flags |= MSG_DONTWAIT;
	return (pre_received(fd, ours, len, REAL(recv)(fd, buf, len, flags)));
}

EXPORT ssize_t
recvmsg(int fd, struct msghdr *msg, int flags)
{
	union {
		struct cmsghdr	cu_hdr;
		char		cu_buf[CMSG_SPACE(sizeof (int))];
	} cu;
	bool ours, records;
	int err = pre_check_recv(fd, flags, &ours);
	struct msghdr m;
	size_t len = 0;
	ssize_t n;

	if (err != 0)
		return (pre_fail(err));
	if (!ours || msg == NULL)
		return (REAL(recvmsg)(fd, msg, flags));
	m = *msg;
	m.msg_name = NULL;
	m.msg_namelen = 0;
	if ((records = pre_records(fd))) {
		m.msg_control = cu.cu_buf;
		m.msg_controllen = CMSG_LEN(sizeof (int));
	}
	for (size_t i = 0; i < msg->msg_iovlen; i++)
		len += msg->msg_iov[i].iov_len;
	if (len == 0)
		flags |= MSG_DONTWAIT;
	n = pre_received(fd, ours, len, REAL(recvmsg)(fd, &m, flags));
	if (n < 0)
		return (n);
	if (records) {
		if (pre_take_mark(&m))
			m.msg_flags |= MSG_EOR;
		m.msg_flags &= ~(MSG_CTRUNC | MSG_CMSG_CLOEXEC);
		m.msg_controllen = 0;
	}
	msg->msg_namelen = 0;
	msg->msg_controllen = m.msg_controllen;
	msg->msg_flags = m.msg_flags;
	return (n);
}

/* The time is looked at after each message, as the system does it. */
EXPORT int
recvmmsg(int fd, struct mmsghdr *msgs, unsigned count, int flags,
    struct timespec *timeout)
{
	struct timespec start, now;
	long long ns = 0;
	unsigned i;
	ssize_t n;

	if (!pre_ours(fd))
		return (REAL(recvmmsg)(fd, msgs, count, flags, timeout));
	(void) clock_gettime(CLOCK_MONOTONIC, &start);
	for (i = 0; i < count && i < UIO_MAXIOV; i++) {
		if (i > 0 && (flags & MSG_WAITFORONE) != 0)
			flags |= MSG_DONTWAIT;
		n = recvmsg(fd, &msgs[i].msg_hdr, flags & ~MSG_WAITFORONE);
		if (n < 0)
			return (i > 0 ? (int)i : -1);
		msgs[i].msg_len = (unsigned)n;
		if (timeout == NULL)
			continue;
		(void) clock_gettime(CLOCK_MONOTONIC, &now);
		ns = (now.tv_sec - start.tv_sec) * 1000000000LL +
		    now.tv_nsec - start.tv_nsec;
		if (ns >= timeout->tv_sec * 1000000000LL + timeout->tv_nsec)
			return ((int)i + 1);
	}
	return ((int)i);
}

EXPORT ssize_t
read(int fd, void *buf, size_t len)
{
	bool ours;
	int err = pre_check_recv(fd, 0, &ours);

	if (err != 0)
		return (pre_fail(err));
	if (ours && len == 0)
		return (recv(fd, buf, 0, 0));
	return (pre_received(fd, ours, len, REAL(read)(fd, buf, len)));
}

EXPORT ssize_t
readv(int fd, const struct iovec *iov, int n)
{
	bool ours;
	int err = pre_check_recv(fd, 0, &ours);
	size_t len = 0;

	if (err != 0)
		return (pre_fail(err));
	if (!ours)
		return (REAL(readv)(fd, iov, n));
	for (int i = 0; i < n; i++)
		len += iov[i].iov_len;
	if (len == 0)
		return (recv(fd, NULL, 0, 0));
	return (pre_received(fd, ours, len, REAL(readv)(fd, iov, n)));
}

EXPORT ssize_t
__read_chk(int fd, void *buf, size_t len, size_t size)
{
	if (len > size)
		abort();
	return (read(fd, buf, len));
}

EXPORT ssize_t
__recv_chk(int fd, void *buf, size_t len, size_t size, int flags)
{
	if (len > size)
		abort();
	return (recv(fd, buf, len, flags));
}

EXPORT ssize_t
__recvfrom_chk(int fd, void *buf, size_t len, size_t size, int flags,
    struct sockaddr *addr, socklen_t *alen)
{
	if (len > size)
		abort();
	return (recvfrom(fd, buf, len, flags, addr, alen));
}

/* The way by which a program avoids libc's socket(). */
EXPORT long
syscall(long nr, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (nr == SYS_socket && (int)a[0] == AF_VSOCK)
		return (socket((int)a[0], (int)a[1], (int)a[2]));
	return (REAL(syscall)(nr, a[0], a[1], a[2], a[3], a[4], a[5]));
}
