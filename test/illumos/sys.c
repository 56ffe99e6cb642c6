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
 * System calls: see illumos.h.
 */

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/vm_sockets.h>
#include <fakekernel.h>
#include <zone.h>

#include "illumos.h"

#define	ILL_ERESTART	91

#define	ILL_AT_FDCWD	0xffd19553U
#define	ILL_SOV_SOCKBSD	3

#define	ILL_O_NONBLOCK	0x80
#define	ILL_O_APPEND	0x08
#define	ILL_O_CREAT	0x100
#define	ILL_O_TRUNC	0x200
#define	ILL_O_EXCL	0x400
#define	ILL_O_NOCTTY	0x800
#define	ILL_O_CLOEXEC	0x800000

#define	ILL_F_DUPFD	0
#define	ILL_F_SETFD	2
#define	ILL_F_GETFL	3
#define	ILL_F_SETFL	4
#define	ILL_F_DUP2FD	9

#define	ILL_MAP_SHARED	1
#define	ILL_MAP_PRIVATE	2
#define	ILL_MAP_ANON	0x100

#define	ILL_SOL_SOCKET	0xffff

#define	ILL_POLLRDHUP	0x4000

#define	ILL_WEXITED	1
#define	ILL_CLD_EXITED	1

ill_result_t
ill_syscall(int number, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
    uint64_t e, uint64_t f)
{
	register uint64_t r10 __asm__("r10") = d;
	register uint64_t r8 __asm__("r8") = e;
	register uint64_t r9 __asm__("r9") = f;
	uint64_t rax = (uint64_t)number;
	uint64_t rdx = c;
	ill_result_t ir;
	bool failed;

	__asm__ volatile("syscall"
	    : "+a" (rax), "+d" (rdx), "=@ccc" (failed), "+r" (r10), "+r" (r8),
	    "+r" (r9), "+D" (a), "+S" (b)
	    : : "rcx", "r11", "memory");
	ir.ir_value = (int64_t)rax;
	ir.ir_value2 = (int64_t)rdx;
	ir.ir_errno = failed ? (int)rax : 0;
	return (ir);
}

int64_t
ill_call(int number, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
    uint64_t e, uint64_t f)
{
	ill_result_t ir;

	/* After a signal with SA_RESTART it is the C library that calls again. */
	do {
		ir = ill_syscall(number, a, b, c, d, e, f);
	} while (ir.ir_errno == ILL_ERESTART);
	if (ir.ir_errno == 0)
		return (ir.ir_value);
	errno = fk_errno_to_host(ir.ir_errno);
	return (-1);
}

#define	ARG(x)			((uint64_t)(uintptr_t)(x))
#define	CALL1(n, a)		ill_call(n, ARG(a), 0, 0, 0, 0, 0)
#define	CALL2(n, a, b)		ill_call(n, ARG(a), ARG(b), 0, 0, 0, 0)
#define	CALL3(n, a, b, c)	ill_call(n, ARG(a), ARG(b), ARG(c), 0, 0, 0)
#define	CALL4(n, a, b, c, d)	\
	ill_call(n, ARG(a), ARG(b), ARG(c), ARG(d), 0, 0)
#define	CALL5(n, a, b, c, d, e)	\
	ill_call(n, ARG(a), ARG(b), ARG(c), ARG(d), ARG(e), 0)
#define	CALL6(n, a, b, c, d, e, f)	\
	ill_call(n, ARG(a), ARG(b), ARG(c), ARG(d), ARG(e), ARG(f))

/*
 * Files.
 */

/* The few devices whose names are known to programs. */
static const char *
path_in(const char *path)
{
	if (strcmp(path, "/dev/null") == 0)
		return ("/devices/pseudo/mm@0:null");
	if (strcmp(path, "/dev/vsock") == 0)
		return ("/devices/pseudo/vsock@0:vsock");
	return (path);
}

int
open(const char *path, int flags, ...)
{
	static const struct {
		int	linux_flag;
		int	illumos;
	} table[] = {
		{ O_NONBLOCK,	ILL_O_NONBLOCK },
		{ O_APPEND,	ILL_O_APPEND },
		{ O_CREAT,	ILL_O_CREAT },
		{ O_TRUNC,	ILL_O_TRUNC },
		{ O_EXCL,	ILL_O_EXCL },
		{ O_NOCTTY,	ILL_O_NOCTTY },
		{ O_CLOEXEC,	ILL_O_CLOEXEC }
	};
	int in = flags & O_ACCMODE;

	for (size_t i = 0; i < sizeof (table) / sizeof (table[0]); i++) {
		if ((flags & table[i].linux_flag) != 0)
			in |= table[i].illumos;
	}
	return ((int)CALL4(ILL_OPENAT, ILL_AT_FDCWD, path_in(path), in,
	    0666));
}

int
close(int fd)
{
	return ((int)CALL1(ILL_CLOSE, fd));
}

ssize_t
read(int fd, void *buf, size_t len)
{
	return (CALL3(ILL_READ, fd, buf, len));
}

ssize_t
write(int fd, const void *buf, size_t len)
{
	return (CALL3(ILL_WRITE, fd, buf, len));
}

ssize_t
readv(int fd, const struct iovec *iov, int n)
{
	return (CALL3(ILL_READV, fd, iov, n));
}

ssize_t
writev(int fd, const struct iovec *iov, int n)
{
	return (CALL3(ILL_WRITEV, fd, iov, n));
}

off_t
lseek(int fd, off_t offset, int whence)
{
	return (CALL3(ILL_LSEEK, fd, offset, whence));
}

int
pipe(int fds[2])
{
	return ((int)CALL2(ILL_PIPE, fds, 0));
}

int
dup2(int from, int to)
{
	return ((int)CALL3(ILL_FCNTL, from, ILL_F_DUP2FD, to));
}

int
dup(int fd)
{
	return ((int)CALL3(ILL_FCNTL, fd, ILL_F_DUPFD, 0));
}

int
fcntl(int fd, int cmd, ...)
{
	int64_t rv;
	va_list ap;
	long arg;

	va_start(ap, cmd);
	arg = va_arg(ap, long);
	va_end(ap);
	switch (cmd) {
	case F_GETFL:
		rv = CALL3(ILL_FCNTL, fd, ILL_F_GETFL, 0);
		if (rv == -1)
			return (-1);
		return ((int)(rv & O_ACCMODE) |
		    ((rv & ILL_O_NONBLOCK) != 0 ? O_NONBLOCK : 0));
	case F_SETFL:
		return ((int)CALL3(ILL_FCNTL, fd, ILL_F_SETFL,
		    (arg & O_NONBLOCK) != 0 ? ILL_O_NONBLOCK : 0));
	case F_SETFD:
		return ((int)CALL3(ILL_FCNTL, fd, ILL_F_SETFD, arg));
	case F_DUPFD:
		return ((int)CALL3(ILL_FCNTL, fd, ILL_F_DUPFD, arg));
	default:
		errno = EINVAL;
		return (-1);
	}
}

int
ill_ioctl(int fd, int cmd, void *arg)
{
	return ((int)CALL3(ILL_IOCTL, fd, cmd, arg));
}

int
ioctl(int fd, int cmd, ...)
{
	static const struct {
		unsigned	linux_cmd;
		unsigned	illumos;
	} table[] = {
		{ FIONREAD,			0x4004667f },
		{ FIONBIO,			0x8004667e },
		{ TIOCOUTQ,			0x7473 },
		{ TIOCGWINSZ,			0x5468 },
		{ IOCTL_VM_SOCKETS_GET_LOCAL_CID, 0x200007b9 }
	};
	va_list ap;
	void *arg;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	for (size_t i = 0; i < sizeof (table) / sizeof (table[0]); i++) {
		if (table[i].linux_cmd == (unsigned)cmd)
			return (ill_ioctl(fd, (int)table[i].illumos, arg));
	}
	/* Ours have the same numbers everywhere. */
	return (ill_ioctl(fd, cmd, arg));
}

/* As much of it as anybody looks at. */
typedef struct ill_stat {
	uint64_t	is_dev;
	uint64_t	is_ino;
	uint32_t	is_mode;
	uint32_t	is_nlink;
	uint32_t	is_uid;
	uint32_t	is_gid;
	uint64_t	is_rdev;
	int64_t		is_size;
	uint64_t	is_rest[16];
} ill_stat_t;

static int
stat_out(const ill_stat_t *is, struct stat *st)
{
	(void) memset(st, 0, sizeof (*st));
	st->st_dev = is->is_dev;
	st->st_ino = is->is_ino;
	st->st_mode = is->is_mode;
	st->st_rdev = is->is_rdev;
	st->st_size = is->is_size;
	return (0);
}

int
stat(const char *path, struct stat *st)
{
	ill_stat_t is;

	if (CALL4(ILL_FSTATAT, ILL_AT_FDCWD, path_in(path), &is, 0) == -1)
		return (-1);
	return (stat_out(&is, st));
}

int
fstat(int fd, struct stat *st)
{
	ill_stat_t is;

	if (CALL4(ILL_FSTATAT, fd, NULL, &is, 0) == -1)
		return (-1);
	return (stat_out(&is, st));
}

void *
mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	int in = (flags & MAP_SHARED) != 0 ? ILL_MAP_SHARED : ILL_MAP_PRIVATE;

	if ((flags & MAP_ANONYMOUS) != 0)
		in |= ILL_MAP_ANON;
	return ((void *)CALL6(ILL_MMAP, addr, len, prot, in, fd, offset));
}

/*
 * Processes and time.
 */

void
_exit(int status)
{
	for (;;)
		(void) CALL1(ILL_EXIT, status);
}

pid_t
getpid(void)
{
	return ((pid_t)ill_syscall(ILL_GETPID, 0, 0, 0, 0, 0, 0).ir_value);
}

/* zone(), ZONE_LOOKUP: a name, and not a number as in libc. */
zoneid_t
getzoneidbyname(const char *name)
{
	return ((zoneid_t)CALL2(ILL_ZONE, 6, name));
}

int
kill(pid_t pid, int sig)
{
	return ((int)CALL2(ILL_KILL, pid, sig));
}

int
setuid(uid_t uid)
{
	return ((int)CALL1(ILL_SETUID, uid));
}

/* Only the calling thread is in the child. */
pid_t
fork(void)
{
	ill_result_t ir;

	ill_mem_lock();
	ir = ill_syscall(ILL_FORKSYS, 0, 0, 0, 0, 0, 0);
	ill_mem_unlock();
	if (ir.ir_errno != 0) {
		errno = fk_errno_to_host(ir.ir_errno);
		return (-1);
	}
	return (ir.ir_value2 != 0 ? 0 : (pid_t)ir.ir_value);
}

pid_t
waitpid(pid_t pid, int *statusp, int options)
{
	struct {
		int32_t	ii_signo;
		int32_t	ii_code;
		int32_t	ii_errno;
		int32_t	ii_pad;
		int32_t	ii_pid;
		int32_t	ii_pad2;
		int64_t	ii_utime;
		int32_t	ii_status;
		int32_t	ii_rest[64];
	} info;

	/* P_PID is 0, P_ALL 7. */
	if (CALL4(ILL_WAITID, pid > 0 ? 0 : 7, pid, &info, ILL_WEXITED) == -1)
		return (-1);
	if (statusp != NULL) {
		*statusp = info.ii_code == ILL_CLD_EXITED ?
		    (info.ii_status & 0xff) << 8 : (info.ii_status & 0x7f);
	}
	return (info.ii_pid);
}

int
clock_gettime(clockid_t clock, struct timespec *ts)
{
	/* CLOCK_REALTIME is 3 there, CLOCK_HIGHRES 4. */
	return ((int)CALL2(ILL_CLOCK_GETTIME, clock == CLOCK_REALTIME ? 3 : 4,
	    ts));
}

int
gettimeofday(struct timeval *tv, void *zone)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_REALTIME, &ts) == -1)
		return (-1);
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return (0);
}

int
nanosleep(const struct timespec *ts, struct timespec *left)
{
	return ((int)CALL2(ILL_NANOSLEEP, ts, left));
}

int
poll(struct pollfd *fds, nfds_t n, int ms)
{
	struct timespec ts = {
		.tv_sec = ms / 1000,
		.tv_nsec = (ms % 1000) * 1000000L
	};

	int rv;

	/* The other bits that anybody uses have the same values. */
	for (nfds_t i = 0; i < n; i++) {
		if ((fds[i].events & POLLRDHUP) != 0)
			fds[i].events ^= POLLRDHUP | ILL_POLLRDHUP;
	}
	rv = (int)CALL4(ILL_POLLSYS, fds, n, ms < 0 ? NULL : &ts, NULL);
	for (nfds_t i = 0; i < n; i++) {
		if ((fds[i].events & ILL_POLLRDHUP) != 0)
			fds[i].events ^= POLLRDHUP | ILL_POLLRDHUP;
		if ((fds[i].revents & ILL_POLLRDHUP) != 0)
			fds[i].revents ^= POLLRDHUP | ILL_POLLRDHUP;
	}
	return (rv);
}

/* Of one descriptor, to be read, without a limit. */
int
pselect(int n, fd_set *in, fd_set *out, fd_set *other,
    const struct timespec *ts, const sigset_t *mask)
{
	struct pollfd pfd = { .fd = n - 1, .events = POLLIN };

	if (n < 1 || !FD_ISSET(n - 1, in) || out != NULL || other != NULL ||
	    ts != NULL)
		ill_die("pselect: not what it is used for");
	return (poll(&pfd, 1, -1));
}

int
isatty(int fd)
{
	return (0);
}

/*
 * Sockets.
 */

static int
family_in(int family)
{
	return (family == AF_VSOCK ? ILL_AF_VSOCK : family);
}

static int
type_in(int type)
{
	switch (type) {
	case SOCK_STREAM:
		return (ILL_SOCK_STREAM);
	case SOCK_DGRAM:
		return (1);
	case SOCK_RAW:
		return (4);
	default:
		return (type == SOCK_SEQPACKET ? ILL_SOCK_SEQPACKET : type);
	}
}

static const struct {
	int	linux_flag;
	int	illumos;
} msgflags[] = {
	{ MSG_OOB,	0x1 },
	{ MSG_PEEK,	0x2 },
	{ MSG_EOR,	0x8 },
	{ MSG_CTRUNC,	0x10 },
	{ MSG_TRUNC,	0x20 },
	{ MSG_WAITALL,	0x40 },
	{ MSG_DONTWAIT,	0x80 },
	{ MSG_NOSIGNAL,	0x200 },
	{ MSG_ERRQUEUE,	0x400 }		/* there is none: a bit without use */
};

static int
msgflags_in(int flags)
{
	int in = 0;

	for (size_t i = 0; i < sizeof (msgflags) / sizeof (msgflags[0]); i++) {
		if ((flags & msgflags[i].linux_flag) != 0)
			in |= msgflags[i].illumos;
	}
	return (in);
}

static int
msgflags_out(int flags)
{
	int out = 0;

	for (size_t i = 0; i < sizeof (msgflags) / sizeof (msgflags[0]); i++) {
		if ((flags & msgflags[i].illumos) != 0)
			out |= msgflags[i].linux_flag;
	}
	return (out);
}

/* A copy of an address with illumos's family. */
static const void *
addr_in(const struct sockaddr *addr, socklen_t len,
    struct sockaddr_storage *copy)
{
	if (addr == NULL || len < sizeof (sa_family_t) || len > sizeof (*copy))
		return (addr);
	(void) memcpy(copy, addr, len);
	copy->ss_family = (sa_family_t)family_in(copy->ss_family);
	return (copy);
}

static int
addr_out(int rv, struct sockaddr *addr, const socklen_t *lenp)
{
	if (rv != -1 && addr != NULL && *lenp >= sizeof (sa_family_t) &&
	    addr->sa_family == ILL_AF_VSOCK)
		addr->sa_family = AF_VSOCK;
	return (rv);
}

int
socket(int family, int type, int protocol)
{
	int flags = type & (SOCK_CLOEXEC | SOCK_NONBLOCK);
	int in = type_in(type & ~flags);

	if ((flags & SOCK_CLOEXEC) != 0)
		in |= 0x080000;
	if ((flags & SOCK_NONBLOCK) != 0)
		in |= 0x100000;
	/* The family's number is also accepted as the protocol's. */
	return ((int)CALL5(ILL_SO_SOCKET, family_in(family), in,
	    protocol == AF_VSOCK ? 0 : protocol, NULL, ILL_SOV_SOCKBSD));
}

int
socketpair(int family, int type, int protocol, int fds[2])
{
	int err;

	if ((fds[0] = socket(family, type, protocol)) == -1)
		return (-1);
	if ((fds[1] = socket(family, type, protocol)) == -1 ||
	    CALL1(ILL_SO_SOCKETPAIR, fds) == -1) {
		err = errno;
		(void) close(fds[0]);
		(void) close(fds[1]);
		errno = err;
		return (-1);
	}
	return (0);
}

int
bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct sockaddr_storage copy;

	return ((int)CALL4(ILL_BIND, fd, addr_in(addr, len, &copy), len,
	    ILL_SOV_SOCKBSD));
}

int
listen(int fd, int backlog)
{
	return ((int)CALL3(ILL_LISTEN, fd, backlog, ILL_SOV_SOCKBSD));
}

int
accept4(int fd, struct sockaddr *addr, socklen_t *lenp, int flags)
{
	int in = 0;

	if ((flags & SOCK_CLOEXEC) != 0)
		in |= 0x080000;
	if ((flags & SOCK_NONBLOCK) != 0)
		in |= 0x100000;
	return (addr_out((int)CALL5(ILL_ACCEPT, fd, addr, lenp,
	    ILL_SOV_SOCKBSD, in), addr, lenp));
}

int
accept(int fd, struct sockaddr *addr, socklen_t *lenp)
{
	return (accept4(fd, addr, lenp, 0));
}

int
connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct sockaddr_storage copy;

	return ((int)CALL4(ILL_CONNECT, fd, addr_in(addr, len, &copy), len,
	    ILL_SOV_SOCKBSD));
}

int
shutdown(int fd, int how)
{
	return ((int)CALL3(ILL_SHUTDOWN, fd, how, ILL_SOV_SOCKBSD));
}

ssize_t
send(int fd, const void *buf, size_t len, int flags)
{
	return (CALL6(ILL_SENDTO, fd, buf, len, msgflags_in(flags), NULL, 0));
}

ssize_t
recv(int fd, void *buf, size_t len, int flags)
{
	return (CALL6(ILL_RECVFROM, fd, buf, len, msgflags_in(flags), NULL,
	    NULL));
}

ssize_t
sendto(int fd, const void *buf, size_t len, int flags,
    const struct sockaddr *addr, socklen_t addrlen)
{
	struct sockaddr_storage copy;

	return (CALL6(ILL_SENDTO, fd, buf, len, msgflags_in(flags),
	    addr_in(addr, addrlen, &copy), addrlen));
}

ssize_t
recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *addr,
    socklen_t *lenp)
{
	ssize_t n = CALL6(ILL_RECVFROM, fd, buf, len, msgflags_in(flags), addr,
	    lenp);

	(void) addr_out(n == -1 ? -1 : 0, addr, lenp);
	return (n);
}

/* What sendmsg and recvmsg take. */
typedef struct ill_msghdr {
	void		*im_name;
	uint32_t	im_namelen;
	void		*im_iov;
	int32_t		im_iovlen;
	void		*im_control;
	uint32_t	im_controllen;
	int32_t		im_flags;
} ill_msghdr_t;

#define	ILL_MSG_XPG4_2	0x8000		/* it is one of these */

static ill_msghdr_t
msghdr_in(const struct msghdr *mh)
{
	return ((ill_msghdr_t){
		.im_name	= mh->msg_name,
		.im_namelen	= mh->msg_namelen,
		.im_iov		= mh->msg_iov,
		.im_iovlen	= (int32_t)mh->msg_iovlen,
		.im_control	= mh->msg_control,
		.im_controllen	= (uint32_t)mh->msg_controllen
	});
}

ssize_t
sendmsg(int fd, const struct msghdr *mh, int flags)
{
	ill_msghdr_t im = msghdr_in(mh);

	return (CALL3(ILL_SENDMSG, fd, &im,
	    msgflags_in(flags) | ILL_MSG_XPG4_2));
}

ssize_t
recvmsg(int fd, struct msghdr *mh, int flags)
{
	ill_msghdr_t im = msghdr_in(mh);
	ssize_t n = CALL3(ILL_RECVMSG, fd, &im,
	    msgflags_in(flags) | ILL_MSG_XPG4_2);

	if (n != -1) {
		mh->msg_namelen = im.im_namelen;
		mh->msg_controllen = im.im_controllen;
		mh->msg_flags = msgflags_out(im.im_flags);
	}
	return (n);
}

int
getsockname(int fd, struct sockaddr *addr, socklen_t *lenp)
{
	return (addr_out((int)CALL4(ILL_GETSOCKNAME, fd, addr, lenp,
	    ILL_SOV_SOCKBSD), addr, lenp));
}

int
getpeername(int fd, struct sockaddr *addr, socklen_t *lenp)
{
	return (addr_out((int)CALL4(ILL_GETPEERNAME, fd, addr, lenp,
	    ILL_SOV_SOCKBSD), addr, lenp));
}

/* The option's illumos numbers. */
static bool
option_in(int *levelp, int *namep)
{
	static const struct {
		int	linux_name;
		int	illumos;
	} table[] = {
		{ SO_ACCEPTCONN,	0x0002 },
		{ SO_REUSEADDR,		0x0004 },
		{ SO_LINGER,		0x0080 },
		{ SO_SNDBUF,		0x1001 },
		{ SO_RCVBUF,		0x1002 },
		{ SO_RCVLOWAT,		0x1004 },
		{ SO_SNDTIMEO,		0x1005 },
		{ SO_RCVTIMEO,		0x1006 },
		{ SO_ERROR,		0x1007 },
		{ SO_TYPE,		0x1008 },
		{ SO_PROTOCOL,		0x1009 },
		{ SO_DOMAIN,		0x100c }
	};

	if (*levelp == AF_VSOCK) {
		*levelp = ILL_AF_VSOCK;
		return (true);
	}
	if (*levelp != SOL_SOCKET)
		return (false);
	*levelp = ILL_SOL_SOCKET;
	for (size_t i = 0; i < sizeof (table) / sizeof (table[0]); i++) {
		if (table[i].linux_name == *namep) {
			*namep = table[i].illumos;
			return (true);
		}
	}
	return (false);
}

int
getsockopt(int fd, int level, int name, void *val, socklen_t *lenp)
{
	int linux_name = name, *n = val;

	if (!option_in(&level, &name)) {
		errno = ENOPROTOOPT;
		return (-1);
	}
	if (CALL6(ILL_GETSOCKOPT, fd, level, name, val, lenp,
	    ILL_SOV_SOCKBSD) == -1)
		return (-1);
	if (level != ILL_SOL_SOCKET || *lenp != sizeof (*n))
		return (0);
	switch (linux_name) {
	case SO_ERROR:
		*n = fk_errno_to_host(*n);
		break;
	case SO_ACCEPTCONN:
	case SO_REUSEADDR:
		*n = (*n != 0);
		break;
	case SO_TYPE:
		*n = (*n == ILL_SOCK_SEQPACKET ? SOCK_SEQPACKET : SOCK_STREAM);
		break;
	case SO_DOMAIN:
		*n = (*n == ILL_AF_VSOCK ? AF_VSOCK : *n);
		break;
	default:
		break;
	}
	return (0);
}

int
setsockopt(int fd, int level, int name, const void *val, socklen_t len)
{
	if (!option_in(&level, &name)) {
		errno = ENOPROTOOPT;
		return (-1);
	}
	return ((int)CALL6(ILL_SETSOCKOPT, fd, level, name, val, len,
	    ILL_SOV_SOCKBSD));
}
