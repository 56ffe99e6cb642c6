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
 * conform: what the socket calls do with AF_VSOCK, row by row.
 *
 *	conform serve PORT
 *	conform run [-o CID] [-q CID] [-H CID] CID PORT [ROW]...
 *	conform list
 *
 * A row is a number and a line of text for what its calls have answered; the
 * numbers are those of the table in doc/conformance.md.  The same program runs
 * on Linux and on illumos, whose results are compared (table.py).  It says
 * nothing about what is right.
 *
 * `run' runs the rows, each in a process of its own, which is killed if it
 * takes too long: its result is then "hangs".  What the other end of a
 * connection has to do is done by `serve', on the system at CID, which takes
 * commands over a connection to PORT for each row; so one end of everything is
 * on the system that is looked at and the other is where one likes.  The
 * options tell what a program cannot find out: -o the system's own CID, if it
 * is a guest; -q a CID from which no answer ever comes; -H, on Linux, to be
 * the host of a guest with that CID that never answers.  A row that needs what
 * there is not has the result "-".
 *
 * Only what POSIX has, <net/vsock.h>, and a few names behind #ifdef are used.
 */

#include <sys/types.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <net/vsock.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#ifdef	__linux__
#include <linux/vhost.h>
#include "../linux/guard.h"
#endif

#define	ROW_SECONDS	30	/* until a row hangs */
#define	WAIT_MS		10000	/* for what is sure to come */
#define	NOTHING_MS	200	/* for what should not */
#define	FULL_MS		600	/* for room where there is none */
#define	SHORT_MS	100	/* timeouts that are to run out */
#define	LINE_LEN	256
#define	RESULT_LEN	1024

#define	CID_NONE	((unsigned)-2)
#define	CID_NOBODY	99

static unsigned own_cid = CID_NONE;
static unsigned quiet_cid = CID_NONE;
static unsigned peer_cid;
static unsigned peer_port;

/*
 * In a row's process: the result so far, the connection to the peer.
 */
static char result[RESULT_LEN];
static int result_fd;
static FILE *control_in;
static int control_fd = -1;
static volatile sig_atomic_t signals;

static void say(const char *, ...)
    __attribute__((__format__(__printf__, 1, 2)));

/* Adds to the result. */
static void
say(const char *fmt, ...)
{
	size_t used = strlen(result);
	va_list ap;

	if (used != 0 && used < sizeof (result) - 3) {
		(void) strcpy(result + used, ", ");
		used += 2;
	}
	va_start(ap, fmt);
	(void) vsnprintf(result + used, sizeof (result) - used, fmt, ap);
	va_end(ap);
}

static void finish(void) __attribute__((__noreturn__));

static void
finish(void)
{
	(void) !write(result_fd, result, strlen(result));
	_exit(0);
}

/* The row cannot go on, which is not a result of it. */
static void give_up(const char *what) __attribute__((__noreturn__));

static void
give_up(const char *what)
{
	say("FAILED %s: %s", what, strerror(errno));
	finish();
}

static void
need(bool there)
{
	if (!there) {
		result[0] = '\0';
		say("-");
		finish();
	}
}

/*
 * Names.
 */

#define	NAME(e)		{ e, #e }

static const struct {
	int		en_errno;
	const char	*en_name;
} errno_names[] = {
	NAME(EACCES), NAME(EADDRINUSE), NAME(EADDRNOTAVAIL),
	NAME(EAFNOSUPPORT), NAME(EAGAIN), NAME(EALREADY), NAME(EBADF),
	NAME(ECONNREFUSED), NAME(ECONNRESET), NAME(EFAULT),
	NAME(EHOSTUNREACH), NAME(EINPROGRESS), NAME(EINTR), NAME(EINVAL),
	NAME(EIO), NAME(EISCONN), NAME(EMFILE), NAME(EMSGSIZE),
	NAME(ENETDOWN), NAME(ENETUNREACH), NAME(ENOBUFS), NAME(ENODEV),
	NAME(ENOENT), NAME(ENOMEM), NAME(ENOPROTOOPT), NAME(ENOTCONN),
	NAME(ENOTSOCK), NAME(ENOTTY), NAME(ENXIO), NAME(EOPNOTSUPP),
	NAME(EPERM), NAME(EPIPE), NAME(EPROTO), NAME(EPROTONOSUPPORT),
	NAME(EPROTOTYPE), NAME(ERANGE), NAME(ESOCKTNOSUPPORT),
	NAME(ETIMEDOUT)
};

static const char *
errno_name(int err)
{
	static char other[32];
	size_t i;

	for (i = 0; i < sizeof (errno_names) / sizeof (errno_names[0]); i++) {
		if (errno_names[i].en_errno == err)
			return (errno_names[i].en_name);
	}
	(void) snprintf(other, sizeof (other), "errno %d", err);
	return (other);
}

/* The result of a call that gives 0. */
static int
say_call(int rc)
{
	int err = errno;

	if (rc == 0)
		say("ok");
	else if (rc < 0)
		say("%s", errno_name(err));
	else
		say("%d", rc);
	errno = err;
	return (rc);
}

/* ... and of one that gives a count. */
static ssize_t
say_count(ssize_t n)
{
	int err = errno;

	if (n < 0)
		say("%s", errno_name(err));
	else
		say("%ld", (long)n);
	errno = err;
	return (n);
}

#ifdef	POLLRDHUP
#define	RDHUP	POLLRDHUP
#else
#define	RDHUP	0
#endif
#define	EVENTS	(POLLIN | POLLOUT | RDHUP)

static void
say_events(short revents)
{
	static const struct {
		short		pn_event;
		const char	*pn_name;
	} names[] = {
		{ POLLIN, "IN" }, { POLLOUT, "OUT" }, { RDHUP, "RDHUP" },
		{ POLLERR, "ERR" }, { POLLHUP, "HUP" }, { POLLNVAL, "NVAL" }
	};
	char text[64] = "";
	size_t i;

	for (i = 0; i < sizeof (names) / sizeof (names[0]); i++) {
		if ((revents & names[i].pn_event) != 0) {
			if (text[0] != '\0')
				(void) strcat(text, "+");
			(void) strcat(text, names[i].pn_name);
		}
	}
	say("%s", text[0] != '\0' ? text : "none");
}

/*
 * Calls.
 */

static short
poll_for(int fd, short events, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	return (poll(&pfd, 1, ms) == 1 ? pfd.revents : 0);
}

/* Waits for one of the events, then tells all there are. */
static void
say_poll_after(int fd, short event)
{
	(void) poll_for(fd, event, WAIT_MS);
	say_events(poll_for(fd, EVENTS, 0));
}

static int
new_socket_of(int type)
{
	int fd = socket(AF_VSOCK, type, 0);

	if (fd == -1)
		give_up("socket");
	return (fd);
}

static int
new_socket(void)
{
	return (new_socket_of(SOCK_STREAM));
}

static void
set_address(struct sockaddr_vm *svm, unsigned cid, unsigned port)
{
	(void) memset(svm, 0, sizeof (*svm));
	svm->svm_family = AF_VSOCK;
	svm->svm_cid = cid;
	svm->svm_port = port;
}

static int
bind_to(int fd, unsigned cid, unsigned port)
{
	struct sockaddr_vm svm;

	set_address(&svm, cid, port);
	return (bind(fd, (struct sockaddr *)&svm, sizeof (svm)));
}

static int
set_connect_timeout(int fd, long ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	return (setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &tv,
	    sizeof (tv)));
}

/*
 * The peer answers, though it may take its time, and so do we; whose peer_cid
 * is 0 serves.
 */
static int
connect_to(int fd, unsigned cid, unsigned port)
{
	struct sockaddr_vm svm;

	if (cid == peer_cid || peer_cid == 0)
		(void) set_connect_timeout(fd, WAIT_MS);
	set_address(&svm, cid, port);
	return (connect(fd, (struct sockaddr *)&svm, sizeof (svm)));
}

static unsigned
port_of(int fd)
{
	struct sockaddr_vm svm;
	socklen_t len = sizeof (svm);

	if (getsockname(fd, (struct sockaddr *)&svm, &len) != 0)
		give_up("getsockname");
	return (svm.svm_port);
}

/* A CID as what it is to us: results are to be the same in all places. */
static const char *
cid_name(unsigned cid)
{
	if (cid == VMADDR_CID_ANY)
		return ("any");
	if (cid == peer_cid)
		return ("peer");
	if (cid == own_cid || (own_cid == CID_NONE && cid == VMADDR_CID_HOST))
		return ("own");
	return (cid == VMADDR_CID_LOCAL ? "local" : "other");
}

static const char *
port_name(unsigned port)
{
	if (port == VMADDR_PORT_ANY)
		return ("any");
	return (port < 1024 ? "low" : "high");
}

static void
say_name(int rc, const struct sockaddr_vm *svm, socklen_t len)
{
	if (rc != 0) {
		(void) say_call(rc);
		return;
	}
	if (len != sizeof (*svm) || svm->svm_family != AF_VSOCK ||
	    svm->svm_reserved1 != 0)
		say("not an address");
	say("%s:%s", cid_name(svm->svm_cid), port_name(svm->svm_port));
	if (svm->svm_flags != 0)
		say("flags %u", svm->svm_flags);
}

static void
say_sockname(int fd)
{
	struct sockaddr_vm svm;
	socklen_t len = sizeof (svm);
	int rc = getsockname(fd, (struct sockaddr *)&svm, &len);

	say_name(rc, &svm, len);
}

static void
say_peername(int fd)
{
	struct sockaddr_vm svm;
	socklen_t len = sizeof (svm);
	int rc = getpeername(fd, (struct sockaddr *)&svm, &len);

	say_name(rc, &svm, len);
}

static void
set_nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	if (fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK :
	    flags & ~O_NONBLOCK) == -1)
		give_up("fcntl");
}

static int
set_timeout(int fd, int name, long ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	return (setsockopt(fd, SOL_SOCKET, name, &tv, sizeof (tv)));
}

static int
set_u64(int fd, int name, uint64_t value)
{
	return (setsockopt(fd, AF_VSOCK, name, &value, sizeof (value)));
}

static void
say_u64(int fd, int name)
{
	uint64_t value = 0;
	socklen_t len = sizeof (value);

	if (getsockopt(fd, AF_VSOCK, name, &value, &len) != 0)
		(void) say_call(-1);
	else
		say("%llu", (unsigned long long)value);
}

static int
set_int(int fd, int name, int value)
{
	return (setsockopt(fd, SOL_SOCKET, name, &value, sizeof (value)));
}

static int
get_int(int fd, int name)
{
	int value = -1;
	socklen_t len = sizeof (value);

	if (getsockopt(fd, SOL_SOCKET, name, &value, &len) != 0)
		return (-errno);
	return (value);
}

static void
say_int(int fd, int name)
{
	int value = get_int(fd, name);

	if (value < 0)
		say("%s", errno_name(-value));
	else
		say("%d", value);
}

static void
say_so_error(int fd)
{
	int value = get_int(fd, SO_ERROR);

	if (value < 0)
		say("SO_ERROR fails: %s", errno_name(-value));
	else
		say("SO_ERROR %s", value == 0 ? "0" : errno_name(value));
}

static void
on_signal(int signo)
{
	signals++;
}

static void
catch(int signo, int flags)
{
	struct sigaction sa;

	(void) memset(&sa, 0, sizeof (sa));
	sa.sa_handler = on_signal;
	sa.sa_flags = flags;
	(void) sigaction(signo, &sa, NULL);
}

/* SIGALRM again and again: one that comes before the call is not enough. */
static void
start_alarm(int flags)
{
	struct itimerval it;

	catch(SIGALRM, flags);
	(void) memset(&it, 0, sizeof (it));
	it.it_value.tv_usec = SHORT_MS * 1000;
	it.it_interval = it.it_value;
	(void) setitimer(ITIMER_REAL, &it, NULL);
}

static void
stop_alarm(void)
{
	struct itimerval it;
	int err = errno;

	(void) memset(&it, 0, sizeof (it));
	(void) setitimer(ITIMER_REAL, &it, NULL);
	errno = err;
}

/* An address at which there is no memory. */
static void *
bad_pointer(void)
{
	static void *page;

	if (page == NULL) {
		page = mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANON, -1,
		    0);
		if (page == MAP_FAILED)
			give_up("mmap");
	}
	return (page);
}

/*
 * The peer: a command and its reply, a number.
 */

static void
peer_open(void)
{
	if (control_fd != -1)
		return;
	control_fd = new_socket();
	if (connect_to(control_fd, peer_cid, peer_port) != 0 ||
	    (control_in = fdopen(dup(control_fd), "r")) == NULL)
		give_up("connection to the peer");
}

/* Its reply: a number, or an errno as a negative number. */
static long peer_try(const char *, ...)
    __attribute__((__format__(__printf__, 1, 2)));
static long peer(const char *, ...)
    __attribute__((__format__(__printf__, 1, 2)));

static long
peer_ask(const char *fmt, va_list ap)
{
	char line[LINE_LEN];
	size_t len;

	peer_open();
	(void) vsnprintf(line, sizeof (line) - 1, fmt, ap);
	(void) strcat(line, "\n");
	len = strlen(line);
	if (send(control_fd, line, len, 0) != (ssize_t)len ||
	    fgets(line, sizeof (line), control_in) == NULL)
		give_up("the peer");
	return (atol(line));
}

static long
peer_try(const char *fmt, ...)
{
	va_list ap;
	long n;

	va_start(ap, fmt);
	n = peer_ask(fmt, ap);
	va_end(ap);
	return (n);
}

static long
peer(const char *fmt, ...)
{
	va_list ap;
	long n;

	va_start(ap, fmt);
	n = peer_ask(fmt, ap);
	va_end(ap);
	if (n < 0) {
		errno = (int)-n;
		say("%s", fmt);
		give_up("a command for the peer");
	}
	return (n);
}

/* A connection to the peer. */
static int
connected_of(int type)
{
	long port;
	int fd;

	port = peer_try("listen %d 8", type == SOCK_STREAM ? 0 : 1);
	need(port >= 0);
	fd = new_socket_of(type);
	if (connect_to(fd, peer_cid, (unsigned)port) != 0)
		give_up("connect");
	(void) peer("accept");
	return (fd);
}

static int
connected(void)
{
	return (connected_of(SOCK_STREAM));
}

static int
listening(int backlog)
{
	int fd = new_socket();

	if (bind_to(fd, VMADDR_CID_ANY, VMADDR_PORT_ANY) != 0 ||
	    listen(fd, backlog) != 0)
		give_up("listen");
	return (fd);
}

/* A connection from the peer. */
static int
accepted(int lfd)
{
	int fd;

	(void) peer("connect %u", port_of(lfd));
	if ((fd = accept(lfd, NULL, NULL)) == -1)
		give_up("accept");
	return (fd);
}

/* Waits until so many bytes can be read without waiting. */
static void
wait_data(int fd, size_t count)
{
	static char buf[65536];
	int tries;

	for (tries = 0; tries < WAIT_MS / 10; tries++) {
		if (recv(fd, buf, count, MSG_PEEK | MSG_DONTWAIT) ==
		    (ssize_t)count)
			return;
		(void) poll(NULL, 0, 10);
	}
	errno = ETIMEDOUT;
	give_up("data");
}

/* Sends until no more is taken, not even a byte. */
static size_t
fill(int fd)
{
	static char buf[65536];
	size_t sent = 0, len = sizeof (buf);
	ssize_t n;

	for (;;) {
		n = send(fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0) {
			sent += (size_t)n;
			len = sizeof (buf);
		} else if (n == 0 || errno != EAGAIN) {
			give_up("send");
		} else if (poll_for(fd, POLLOUT, FULL_MS) == 0) {
			if (len == 1)
				return (sent);
			len = 1;
		}
	}
}

/*
 * socket, bind, listen
 */

static int
say_socket(int type, int protocol)
{
	int fd = socket(AF_VSOCK, type, protocol);

	(void) say_call(fd == -1 ? -1 : 0);
	return (fd);
}

static void
row_socket(void)
{
	(void) say_socket(SOCK_STREAM, 0);
	(void) say_socket(SOCK_STREAM, PF_VSOCK);
}

static void
row_socket_protocol(void)
{
	(void) say_socket(SOCK_STREAM, 77);
}

static void
row_socket_seqpacket(void)
{
	(void) say_socket(SOCK_SEQPACKET, 0);
}

static void
row_socket_types(void)
{
	(void) say_socket(SOCK_RAW, 0);
	(void) say_socket(SOCK_RDM, 0);
}

static void
row_socket_dgram(void)
{
	(void) say_socket(SOCK_DGRAM, 0);
}

static void
row_socketpair(void)
{
	int fds[2];

	(void) say_call(socketpair(AF_VSOCK, SOCK_STREAM, 0, fds));
}

/* Calls bind or connect with malformed addresses. */
static void
malformed(int (*call)(int, const struct sockaddr *, socklen_t))
{
	struct sockaddr_vm svm;
	struct sockaddr *sa = (struct sockaddr *)&svm;
	int fd = new_socket();

	set_address(&svm, VMADDR_CID_LOCAL, 5);
	(void) say_call(call(fd, sa, sizeof (svm) - 1));
	(void) say_call(call(fd, sa, sizeof (sa_family_t)));
	svm.svm_family = AF_INET;
	(void) say_call(call(fd, sa, sizeof (svm)));
	set_address(&svm, VMADDR_CID_LOCAL, 5);
	svm.svm_flags = 0x80;
	(void) say_call(call(fd, sa, sizeof (svm)));
}

static void
row_bind_malformed(void)
{
	malformed(bind);
}

static void
row_bind_again(void)
{
	unsigned port = (unsigned)peer("free");
	int fd = new_socket();

	(void) say_call(bind_to(fd, VMADDR_CID_ANY, VMADDR_PORT_ANY));
	(void) say_call(bind_to(fd, VMADDR_CID_ANY, VMADDR_PORT_ANY));
	fd = new_socket();
	if (connect_to(fd, peer_cid, port) == 0)
		say("connected");
	(void) say_call(bind_to(fd, VMADDR_CID_ANY, VMADDR_PORT_ANY));
}

static void
row_bind_own(void)
{
	(void) say_call(bind_to(new_socket(), VMADDR_CID_ANY, 20001));
	if (own_cid != CID_NONE)
		(void) say_call(bind_to(new_socket(), own_cid, 20002));
}

static void
row_bind_host(void)
{
	need(own_cid == CID_NONE);
	(void) say_call(bind_to(new_socket(), VMADDR_CID_HOST, 20001));
}

static void
row_bind_host_as_guest(void)
{
	need(own_cid != CID_NONE);
	(void) say_call(bind_to(new_socket(), VMADDR_CID_HOST, 20001));
}

static void
row_bind_local(void)
{
	(void) say_call(bind_to(new_socket(), VMADDR_CID_LOCAL, 20001));
}

static void
row_bind_foreign(void)
{
	(void) say_call(bind_to(new_socket(), VMADDR_CID_HYPERVISOR, 20001));
	(void) say_call(bind_to(new_socket(), CID_NOBODY, 20001));
}

static void
row_bind_privileged(void)
{
	int fd;

	if (setuid(65534) != 0)
		give_up("setuid");
	if ((fd = say_socket(SOCK_STREAM, 0)) == -1)
		return;
	(void) say_call(bind_to(fd, VMADDR_CID_ANY, 1023));
	(void) say_call(bind_to(fd, VMADDR_CID_ANY, 1024));
}

static void
row_bind_port0(void)
{
	int fd = new_socket();

	(void) say_call(bind_to(fd, VMADDR_CID_ANY, 0));
	say("port %u", port_of(fd));
}

static void
row_bind_in_use(void)
{
	int fd = new_socket();

	(void) say_call(bind_to(fd, VMADDR_CID_LOCAL, 20001));
	(void) say_call(bind_to(new_socket(), VMADDR_CID_LOCAL, 20001));
	(void) say_call(bind_to(new_socket(), VMADDR_CID_ANY, 20001));
	fd = new_socket();
	(void) say_call(bind_to(fd, VMADDR_CID_ANY, 20002));
	(void) say_call(bind_to(new_socket(), VMADDR_CID_LOCAL, 20002));
}

static void
row_bind_two_cids(void)
{
	(void) say_call(bind_to(new_socket(), VMADDR_CID_LOCAL, 20001));
	(void) say_call(bind_to(new_socket(), own_cid != CID_NONE ? own_cid :
	    VMADDR_CID_HOST, 20001));
}

static void
row_bind_any(void)
{
	int fd = new_socket();

	(void) say_call(bind_to(fd, VMADDR_CID_ANY, VMADDR_PORT_ANY));
	say_sockname(fd);
}

static void
row_bind_reuse(void)
{
	int fd = new_socket();

	(void) say_call(set_int(fd, SO_REUSEADDR, 1));
	(void) say_call(bind_to(fd, VMADDR_CID_ANY, 20001));
	fd = new_socket();
	(void) say_call(set_int(fd, SO_REUSEADDR, 1));
	(void) say_call(bind_to(fd, VMADDR_CID_ANY, 20001));
}

static void
row_bind_after_listener(void)
{
	int lfd = listening(4);
	unsigned port = port_of(lfd);

	(void) accepted(lfd);
	(void) close(lfd);
	(void) say_call(bind_to(new_socket(), VMADDR_CID_ANY, port));
}

static void
row_bind_seqpacket(void)
{
	int fd = socket(AF_VSOCK, SOCK_SEQPACKET, 0);

	if (fd == -1) {
		(void) say_call(-1);
		return;
	}
	(void) say_call(bind_to(fd, VMADDR_CID_ANY, 20001));
	(void) say_call(bind_to(new_socket(), VMADDR_CID_ANY, 20001));
}

static void
row_listen_unbound(void)
{
	(void) say_call(listen(new_socket(), 1));
}

static void
row_listen_connected(void)
{
	int fd = connected();

	(void) say_call(listen(fd, 1));
	(void) shutdown(fd, SHUT_RDWR);
	(void) say_call(listen(fd, 1));
}

static void
row_listen_again(void)
{
	(void) say_call(listen(listening(1), 2));
}

static void
row_listen_odd(void)
{
	int fd = listening(1);

	(void) say_call(listen(fd, -1));
	(void) say_call(listen(fd, 0x7fffffff));
	(void) close(accepted(fd));
}

/* How many connections of the peer wait before one is refused. */
static void
row_listen_none(void)
{
	int fd = listening(0), n;

	for (n = 0; n < 8; n++) {
		if (peer_try("connect %u", port_of(fd)) < 0)
			break;
	}
	say("%d fit", n);
}

/*
 * accept
 */

static int
say_accept(int fd)
{
	int new = accept(fd, NULL, NULL);

	(void) say_call(new == -1 ? -1 : 0);
	return (new);
}

static void
row_accept_unlistened(void)
{
	int fd = new_socket();

	(void) say_accept(fd);
	(void) bind_to(fd, VMADDR_CID_ANY, VMADDR_PORT_ANY);
	(void) say_accept(fd);
	(void) say_accept(connected());
}

static void
row_accept_nonblock(void)
{
	int fd = listening(1);

	set_nonblock(fd, true);
	(void) say_accept(fd);
}

static void
row_accept_timeout(void)
{
	int fd = listening(1);

	(void) set_timeout(fd, SO_RCVTIMEO, SHORT_MS);
	(void) say_accept(fd);
}

static void
row_accept_signal(void)
{
	int fd = listening(1);

	start_alarm(0);
	(void) say_accept(fd);
}

static void
row_accept_ended(void)
{
	int lfd = listening(1), fd;
	char buf[16];

	(void) peer("connect %u", port_of(lfd));
	(void) peer("send 3");
	(void) peer("close");
	(void) poll(NULL, 0, NOTHING_MS);
	if ((fd = say_accept(lfd)) == -1)
		return;
	(void) say_count(recv(fd, buf, sizeof (buf), 0));
	(void) say_count(recv(fd, buf, sizeof (buf), 0));
}

static void
row_accept_address(void)
{
	struct sockaddr_vm svm;
	socklen_t len = sizeof (svm);
	int lfd = listening(1), fd;
	long port;

	set_nonblock(lfd, true);
	(void) peer("connect %u", port_of(lfd));
	port = peer("port");
	(void) poll_for(lfd, POLLIN, WAIT_MS);
	if ((fd = accept(lfd, (struct sockaddr *)&svm, &len)) == -1)
		give_up("accept");
	say_name(0, &svm, len);
	say("%s", (long)svm.svm_port == port ? "same port" : "another port");
	say("%sblocking", (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0 ? "non-" : "");
}

static void
row_accept_shutdown(void)
{
	int fd = listening(1);

	(void) say_call(shutdown(fd, SHUT_RDWR));
	(void) close(accepted(fd));
	say("ok");
}

/*
 * connect
 */

static void
row_connect_malformed(void)
{
	malformed(connect);
}

static void
row_connect_unspec(void)
{
	struct sockaddr_vm svm;
	int fd = new_socket();

	set_address(&svm, VMADDR_CID_LOCAL, 5);
	svm.svm_family = AF_UNSPEC;
	(void) say_call(connect(fd, (struct sockaddr *)&svm, sizeof (svm)));
	fd = connected();
	(void) say_call(connect(fd, (struct sockaddr *)&svm, sizeof (svm)));
	say_peername(fd);
}

static void
row_connect_listening(void)
{
	(void) say_call(connect_to(listening(1), peer_cid,
	    (unsigned)peer("free")));
}

static void
row_connect_seqpacket(void)
{
	int fd = socket(AF_VSOCK, SOCK_SEQPACKET, 0);
	long port;

	if (fd == -1) {
		(void) say_call(-1);
		return;
	}
	port = peer_try("listen 1 8");
	need(port >= 0);
	(void) say_call(connect_to(fd, peer_cid, (unsigned)port));
}

static void
row_connect_nobody(void)
{
	need(own_cid == CID_NONE);
	(void) say_call(connect_to(new_socket(), CID_NOBODY, 5));
}

static void
row_connect_silent(void)
{
	int fd = new_socket();

	need(quiet_cid != CID_NONE);
	(void) set_connect_timeout(fd, SHORT_MS);
	(void) say_call(connect_to(fd, quiet_cid, 5));
}

static void
row_connect_refused(void)
{
	(void) say_call(connect_to(new_socket(), peer_cid,
	    (unsigned)peer("free")));
	(void) say_call(connect_to(new_socket(), peer_cid,
	    (unsigned)peer("bound")));
}

static void
row_connect_backlog(void)
{
	unsigned port = (unsigned)peer("listen 0 1");
	int n;

	for (n = 0; n < 16; n++) {
		if (connect_to(new_socket(), peer_cid, port) != 0)
			break;
	}
	(void) say_call(n < 16 ? -1 : 0);
}

static void
row_connect_unknown(void)
{
	int fd = new_socket();

	need(own_cid != CID_NONE);
	(void) set_connect_timeout(fd, NOTHING_MS);
	(void) say_call(connect_to(fd, VMADDR_CID_HYPERVISOR, 5));
	fd = new_socket();
	(void) set_connect_timeout(fd, NOTHING_MS);
	(void) say_call(connect_to(fd, CID_NOBODY, 5));
}

/* To a listener here, by one of our names. */
static void
connect_self(unsigned cid)
{
	int lfd = listening(1), fd = new_socket(), new;
	char byte;

	if (say_call(connect_to(fd, cid, port_of(lfd))) != 0)
		return;
	if ((new = accept(lfd, NULL, NULL)) == -1)
		give_up("accept");
	(void) send(fd, "x", 1, 0);
	(void) say_count(recv(new, &byte, 1, 0));
}

static void
row_connect_own(void)
{
	need(own_cid != CID_NONE);
	connect_self(own_cid);
}

static void
row_connect_any(void)
{
	int fd = new_socket();

	(void) set_connect_timeout(fd, NOTHING_MS);
	(void) say_call(connect_to(fd, VMADDR_CID_ANY, 5));
}

static void
row_connect_host_self(void)
{
	need(own_cid == CID_NONE);
	connect_self(VMADDR_CID_HOST);
}

static void
row_connect_port_any(void)
{
	(void) say_call(connect_to(new_socket(), peer_cid, VMADDR_PORT_ANY));
}

static void
row_connect_to_host(void)
{
	struct sockaddr_vm svm;
	int fd = new_socket();

	set_address(&svm, peer_cid, (unsigned)peer("listen 0 8"));
	svm.svm_flags = VMADDR_FLAG_TO_HOST;
	(void) say_call(connect(fd, (struct sockaddr *)&svm, sizeof (svm)));
}

/*
 * Starts a connect; whether it is known at once how it ends is a matter of
 * speed, so that must not show: 0, or the errno that is left at the end.
 */
static int
connect_nonblock(int fd, unsigned port)
{
	set_nonblock(fd, true);
	if (connect_to(fd, peer_cid, port) == 0)
		return (0);
	if (errno != EINPROGRESS)
		return (errno);
	(void) poll_for(fd, POLLOUT, WAIT_MS);
	return (get_int(fd, SO_ERROR));
}

/* The first answer of a peer that takes its time, or of loopback. */
static void
row_connect_nonblock(void)
{
	unsigned port = (unsigned)peer("listen 0 8");
	int fd = new_socket(), err;

	set_nonblock(fd, true);
	/*
	 * Nothing answers a host here, and loopback does at once; of a guest's
	 * host one cannot tell.
	 */
	if (own_cid == CID_NONE)
		(void) say_call(connect_to(fd, quiet_cid != CID_NONE ?
		    quiet_cid : peer_cid, port));
	fd = new_socket();
	err = connect_nonblock(fd, port);
	say("%s", err == 0 ? "ok" : errno_name(err));
	say_so_error(fd);
	say_peername(fd);
}

/* A connect that goes on. */
static int
pending(void)
{
	int fd = new_socket();

	need(quiet_cid != CID_NONE);
	(void) set_connect_timeout(fd, 2 * NOTHING_MS);
	set_nonblock(fd, true);
	if (connect_to(fd, quiet_cid, 5) == 0 || errno != EINPROGRESS)
		give_up("connect");
	return (fd);
}

static void
row_connect_pending(void)
{
	(void) say_call(connect_to(pending(), quiet_cid, 5));
}

static void
row_connect_pending_block(void)
{
	int fd = pending();

	set_nonblock(fd, false);
	(void) say_call(connect_to(fd, quiet_cid, 5));
}

static void
row_connect_connected(void)
{
	unsigned port = (unsigned)peer("free");
	int fd = connected();

	(void) say_call(connect_to(fd, peer_cid, port));
	(void) peer("close");
	(void) poll_for(fd, POLLIN, WAIT_MS);
	(void) say_call(connect_to(fd, peer_cid, port));
}

static void
row_connect_shut(void)
{
	int fd = connected();

	(void) shutdown(fd, SHUT_RDWR);
	(void) say_call(connect_to(fd, peer_cid, (unsigned)peer("free")));
}

static void
row_connect_async_refused(void)
{
	unsigned port = (unsigned)peer("free");
	int fd = new_socket(), err;

	err = connect_nonblock(fd, port);
	say("%s", err == 0 ? "ok" : errno_name(err));
	say_so_error(fd);
	port = (unsigned)peer("listen 0 8");
	set_nonblock(fd, false);
	(void) say_call(connect_to(fd, peer_cid, port));
}

static void
row_connect_retry(void)
{
	unsigned port;
	int fd = new_socket();

	(void) bind_to(fd, VMADDR_CID_ANY, 20001);
	(void) say_call(connect_to(fd, peer_cid, (unsigned)peer("free")));
	port = (unsigned)peer("listen 0 8");
	(void) say_call(connect_to(fd, peer_cid, port));
	say("port %u", port_of(fd));
}

static void
row_connect_signal(void)
{
	int fd = new_socket();

	need(quiet_cid != CID_NONE);
	(void) set_connect_timeout(fd, 10 * SHORT_MS);
	start_alarm(0);
	(void) say_call(connect_to(fd, quiet_cid, 5));
	stop_alarm();
	(void) say_call(connect_to(fd, peer_cid,
	    (unsigned)peer("listen 0 8")));
}

/*
 * Names
 */

static void
row_sockname_unbound(void)
{
	say_sockname(new_socket());
}

static void
row_sockname_client(void)
{
	say_sockname(connected());
}

static void
row_sockname_child(void)
{
	int lfd = listening(1), fd = accepted(lfd);

	say_sockname(fd);
	say("%s", port_of(fd) == port_of(lfd) ? "the listener's port" :
	    "another port");
}

static void
row_peername(void)
{
	int fd = connected();

	say_peername(fd);
	(void) peer("close");
	(void) poll_for(fd, POLLIN, WAIT_MS);
	say_peername(fd);
}

static void
row_peername_none(void)
{
	say_peername(new_socket());
	say_peername(listening(1));
}

static void
row_peername_shut(void)
{
	int fd = connected();

	(void) shutdown(fd, SHUT_RD);
	say_peername(fd);
	(void) shutdown(fd, SHUT_WR);
	say_peername(fd);
}

/*
 * shutdown
 */

static void
row_shutdown_how(void)
{
	int fd = connected();

	(void) say_call(shutdown(fd, 3));
	(void) say_call(shutdown(fd, -1));
}

static void
row_shutdown_none(void)
{
	(void) say_call(shutdown(new_socket(), SHUT_RDWR));
	(void) say_call(shutdown(listening(1), SHUT_RD));
}

static void
row_shutdown_connecting(void)
{
	(void) say_call(shutdown(pending(), SHUT_RDWR));
}

static void
row_shutdown_twice(void)
{
	int fd = connected();

	(void) say_call(shutdown(fd, SHUT_WR));
	(void) say_call(shutdown(fd, SHUT_WR));
	say("the peer reads %ld", peer("eof"));
	(void) say_call(shutdown(fd, SHUT_RD));
	say("the peer's send: %s", errno_name((int)-peer_try("fail")));
}

static void
row_shutdown_ended(void)
{
	int fd = connected();

	(void) peer("close");
	(void) poll_for(fd, POLLIN, WAIT_MS);
	(void) say_call(shutdown(fd, SHUT_RDWR));
}

/*
 * send
 */

static void
row_send_unconnected(void)
{
	(void) say_count(send(new_socket(), "x", 1, MSG_NOSIGNAL));
	(void) say_count(send(listening(1), "x", 1, MSG_NOSIGNAL));
}

static void
row_send_oob(void)
{
	(void) say_count(send(connected(), "x", 1, MSG_OOB));
}

static void
row_sendto(void)
{
	struct sockaddr_vm svm;
	struct sockaddr *sa = (struct sockaddr *)&svm;

	set_address(&svm, peer_cid, 5);
	(void) say_count(sendto(connected(), "x", 1, 0, sa, sizeof (svm)));
	(void) say_count(sendto(new_socket(), "x", 1, 0, sa, sizeof (svm)));
}

/* Sends until it fails, for the peer's part may take a while. */
static void
say_send_error(int fd, int flags)
{
	int tries;

	for (tries = 0; tries < WAIT_MS / 10; tries++) {
		if (send(fd, "x", 1, flags) < 0) {
			(void) say_call(-1);
			return;
		}
		(void) poll(NULL, 0, 10);
	}
	say("no error");
}

static void
row_send_shut(void)
{
	int fd = connected();

	(void) shutdown(fd, SHUT_WR);
	say_send_error(fd, MSG_NOSIGNAL);
	fd = connected();
	(void) peer("shut rd");
	say_send_error(fd, MSG_NOSIGNAL);
}

static void
row_send_sigpipe(void)
{
	int fd = connected();

	catch(SIGPIPE, 0);
	(void) peer("close");
	say_send_error(fd, MSG_NOSIGNAL);
	say("%d signals", (int)signals);
	say_send_error(fd, 0);
	say("%d signals", (int)signals);
	(void) say_count(write(fd, "x", 1));
	say("%d signals", (int)signals);
}

static void
row_send_seqpacket_pipe(void)
{
	int fd = socket(AF_VSOCK, SOCK_SEQPACKET, 0);

	if (fd == -1) {
		(void) say_call(-1);
		return;
	}
	(void) close(fd);
	fd = connected_of(SOCK_SEQPACKET);
	catch(SIGPIPE, 0);
	(void) peer("close");
	say_send_error(fd, 0);
	say("%d signals", (int)signals);
}

static void
row_send_nothing(void)
{
	int fd = connected();

	(void) say_count(send(fd, "", 0, 0));
	(void) say_count(write(fd, "", 0));
	(void) send(fd, "x", 1, 0);
	(void) shutdown(fd, SHUT_WR);
	say("the peer reads %ld", peer("eof"));
}

static void
row_send_full(void)
{
	int fd = connected();
	char byte = 0;

	(void) fill(fd);
	(void) say_count(send(fd, &byte, 1, MSG_DONTWAIT));
	set_nonblock(fd, true);
	(void) say_count(write(fd, &byte, 1));
	set_nonblock(fd, false);
	(void) set_timeout(fd, SO_SNDTIMEO, SHORT_MS);
	(void) say_count(send(fd, &byte, 1, 0));
}

static void
row_send_signal(void)
{
	const size_t len = 16 << 20;
	char *buf = calloc(1, len);
	int fd = connected();
	ssize_t n;

	start_alarm(0);
	n = send(fd, buf, len, 0);
	stop_alarm();
	if (n < 0)
		(void) say_call(-1);
	else
		say("%s", n < (ssize_t)len ? "short" : "all");
}

static void
row_send_fault(void)
{
	int fd = connected();

	(void) say_count(send(fd, bad_pointer(), 10, 0));
	(void) say_count(send(fd, "after", 5, 0));
	(void) shutdown(fd, SHUT_WR);
	say("the peer reads %ld", peer("eof"));
}

/*
 * recv
 */

static ssize_t
say_recv(int fd, size_t len, int flags)
{
	static char buf[1 << 19];

	return (say_count(recv(fd, buf, len, flags)));
}

static void
row_recv_unconnected(void)
{
	(void) say_recv(new_socket(), 1, 0);
}

static void
row_recv_listening(void)
{
	(void) say_recv(listening(1), 1, 0);
}

static void
row_recv_ended(void)
{
	int fd = connected();

	(void) peer("close");
	(void) poll_for(fd, POLLIN, WAIT_MS);
	(void) say_recv(fd, 1, 0);
	(void) say_recv(fd, 1, 0);
}

static void
row_recv_shut(void)
{
	int fd = connected();

	(void) peer("send 5");
	wait_data(fd, 5);
	(void) shutdown(fd, SHUT_RD);
	(void) say_recv(fd, 10, 0);
}

static void
row_recv_peer_shut(void)
{
	int fd = connected();

	(void) peer("send 5");
	(void) peer("shut wr");
	(void) poll_for(fd, RDHUP != 0 ? RDHUP : POLLIN, WAIT_MS);
	(void) say_recv(fd, 10, 0);
	(void) say_recv(fd, 10, 0);
	(void) say_count(send(fd, "x", 1, MSG_NOSIGNAL));
}

static void
row_recv_nothing(void)
{
	int fd = connected();

	(void) say_recv(fd, 0, 0);
	(void) peer("send 5");
	wait_data(fd, 5);
	(void) say_recv(fd, 0, 0);
	(void) say_recv(fd, 10, 0);
}

static void
row_recv_oob(void)
{
	(void) say_recv(connected(), 1, MSG_OOB);
	(void) say_recv(new_socket(), 1, MSG_OOB);
}

static void
row_recv_empty(void)
{
	int fd = connected();

	(void) say_recv(fd, 1, MSG_DONTWAIT);
	(void) set_timeout(fd, SO_RCVTIMEO, SHORT_MS);
	(void) say_recv(fd, 1, 0);
	set_nonblock(fd, true);
	(void) say_recv(fd, 1, 0);
}

static void
row_recv_signal(void)
{
	int fd = connected();

	start_alarm(0);
	(void) say_recv(fd, 1, 0);
	stop_alarm();
	(void) peer("later %d 1", 5 * SHORT_MS);
	start_alarm(SA_RESTART);
	(void) say_recv(fd, 1, 0);
	stop_alarm();
}

static void
row_recv_peek(void)
{
	int fd = connected();
	char buf[16];

	(void) peer("send 5");
	wait_data(fd, 5);
	(void) say_recv(fd, 3, MSG_PEEK);
	(void) say_recv(fd, 2, 0);
	(void) recv(fd, buf, sizeof (buf), MSG_PEEK);
	say("byte %d", buf[0]);
	(void) say_recv(fd, 10, 0);
}

static void
row_recv_waitall(void)
{
	int fd = connected();

	(void) peer("send 3");
	wait_data(fd, 3);
	(void) peer("later %d 4", SHORT_MS);
	(void) say_recv(fd, 7, MSG_WAITALL);
	(void) peer("send 5");
	(void) peer("shut wr");
	(void) say_recv(fd, 10, MSG_WAITALL);
}

static void
row_recv_waitall_big(void)
{
	int fd = connected();

	(void) peer("later %d 300000", SHORT_MS);
	(void) say_recv(fd, 300000, MSG_WAITALL);
}

static void
row_recv_trunc(void)
{
	int fd = connected();
	char buf[16] = "";

	(void) peer("send 5");
	wait_data(fd, 5);
	(void) say_count(recv(fd, buf, 2, MSG_TRUNC));
	say("bytes %d %d", buf[0], buf[1]);
	(void) say_recv(fd, 10, 0);
}

static void
row_recv_fault(void)
{
	int fd = connected();

	(void) peer("send 5");
	wait_data(fd, 5);
	(void) say_count(recv(fd, bad_pointer(), 5, 0));
	(void) say_recv(fd, 10, MSG_DONTWAIT);
}

static void
row_recv_errqueue(void)
{
#ifdef	MSG_ERRQUEUE
	(void) say_recv(connected(), 1, MSG_ERRQUEUE);
#else
	need(false);
#endif
}

static void
row_recvfrom(void)
{
	struct sockaddr_vm svm;
	socklen_t len = sizeof (svm);
	int fd = connected();
	char buf[16];

	(void) peer("send 5");
	(void) say_count(recvfrom(fd, buf, 5, 0, (struct sockaddr *)&svm,
	    &len));
	say("length %u", (unsigned)len);
}

/*
 * poll
 */

static void
row_poll_fresh(void)
{
	say_events(poll_for(new_socket(), EVENTS, 0));
}

static void
row_poll_connecting(void)
{
	say_events(poll_for(pending(), EVENTS, 0));
}

static void
row_poll_refused(void)
{
	int fd = pending();

	say_poll_after(fd, POLLOUT);
	say_so_error(fd);
}

static void
row_poll_listening(void)
{
	int fd = listening(1);

	say_events(poll_for(fd, EVENTS, 0));
	(void) peer("connect %u", port_of(fd));
	say_poll_after(fd, POLLIN);
}

static void
row_poll_rcvlowat(void)
{
	int fd = connected();

	(void) say_call(set_int(fd, SO_RCVLOWAT, 10));
	(void) peer("send 5");
	say_events(poll_for(fd, POLLIN, NOTHING_MS));
	(void) peer("send 5");
	say_events(poll_for(fd, POLLIN, WAIT_MS));
}

static void
row_poll_connected(void)
{
	int fd = connected();

	say_events(poll_for(fd, EVENTS, 0));
	(void) fill(fd);
	say_events(poll_for(fd, EVENTS, 0));
	(void) peer("drain");
	say_poll_after(fd, POLLOUT);
}

static void
row_poll_shut_half(void)
{
	int fd = connected();

	(void) peer("shut wr");
	say_poll_after(fd, POLLIN);
	fd = connected();
	(void) shutdown(fd, SHUT_RD);
	say_poll_after(fd, POLLIN);
}

static void
row_poll_shut_both(void)
{
	int fd = connected();

	(void) shutdown(fd, SHUT_RDWR);
	say_poll_after(fd, POLLHUP);
	fd = connected();
	(void) peer("shut wr");
	(void) poll_for(fd, POLLIN, WAIT_MS);
	(void) shutdown(fd, SHUT_WR);
	say_poll_after(fd, POLLHUP);
}

static void
row_poll_ended(void)
{
	int fd = connected();

	(void) peer("close");
	say_poll_after(fd, POLLIN);
}

/*
 * Options
 */

static void
row_buffer_size(void)
{
	int fd = connected();

	(void) say_call(set_u64(fd, SO_VM_SOCKETS_BUFFER_SIZE, 1));
	say_u64(fd, SO_VM_SOCKETS_BUFFER_SIZE);
	(void) say_call(set_u64(fd, SO_VM_SOCKETS_BUFFER_SIZE, 1 << 30));
	say_u64(fd, SO_VM_SOCKETS_BUFFER_SIZE);
}

static void
row_buffer_bounds(void)
{
	int fd = new_socket();

	(void) say_call(set_u64(fd, SO_VM_SOCKETS_BUFFER_MAX_SIZE, 4096));
	say_u64(fd, SO_VM_SOCKETS_BUFFER_SIZE);
	(void) say_call(set_u64(fd, SO_VM_SOCKETS_BUFFER_SIZE, 1000));
	(void) say_call(set_u64(fd, SO_VM_SOCKETS_BUFFER_MIN_SIZE, 2000));
	say_u64(fd, SO_VM_SOCKETS_BUFFER_SIZE);
	(void) say_call(set_u64(fd, SO_VM_SOCKETS_BUFFER_MIN_SIZE, 8192));
	say_u64(fd, SO_VM_SOCKETS_BUFFER_MIN_SIZE);
	say_u64(fd, SO_VM_SOCKETS_BUFFER_SIZE);
}

static void
row_buffer_short(void)
{
	uint64_t value = 1000;
	int fd = new_socket(), name;

	for (name = SO_VM_SOCKETS_BUFFER_SIZE;
	    name <= SO_VM_SOCKETS_BUFFER_MAX_SIZE; name++)
		(void) say_call(setsockopt(fd, AF_VSOCK, name, &value, 4));
}

static void
row_buffer_huge(void)
{
	int fd = new_socket();

	(void) say_call(set_u64(fd, SO_VM_SOCKETS_BUFFER_MAX_SIZE, 1ULL << 40));
	(void) say_call(set_u64(fd, SO_VM_SOCKETS_BUFFER_SIZE, 1ULL << 33));
	say_u64(fd, SO_VM_SOCKETS_BUFFER_SIZE);
}

static void
row_vmci_options(void)
{
	static const int names[] = {
		SO_VM_SOCKETS_PEER_HOST_VM_ID, SO_VM_SOCKETS_TRUSTED,
		SO_VM_SOCKETS_NONBLOCK_TXRX
	};
	int fd = new_socket();
	size_t i;

	for (i = 0; i < sizeof (names) / sizeof (names[0]); i++) {
		(void) say_call(set_u64(fd, names[i], 1));
		say_u64(fd, names[i]);
	}
}

static void
row_set_connect_timeout(void)
{
	static const struct timeval odd[] = {
		{ 0, 0 }, { -1, 0 }, { 1, -1 }, { 1, 1000000 },
		{ INT64_MAX / 2, 0 }, { 3, 500000 }
	};
	struct timeval tv;
	socklen_t len;
	int fd = new_socket(), name = SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD;
	size_t i;

	for (;;) {
		for (i = 0; i < sizeof (odd) / sizeof (odd[0]); i++) {
			(void) say_call(setsockopt(fd, AF_VSOCK, name, &odd[i],
			    sizeof (odd[i])));
		}
		(void) say_call(setsockopt(fd, AF_VSOCK, name, &odd[0], 4));
		len = sizeof (tv);
		(void) say_call(getsockopt(fd, AF_VSOCK, name, &tv, &len));
		say("%ld.%06ld", (long)tv.tv_sec, (long)tv.tv_usec);
		if (name == SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW)
			break;
		name = SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW;
	}
}

static void
row_levels(void)
{
	int fd = new_socket(), value = 1;
	socklen_t len = sizeof (value);

	(void) say_call(setsockopt(fd, IPPROTO_TCP, 1, &value,
	    sizeof (value)));
	(void) say_call(getsockopt(fd, IPPROTO_TCP, 1, &value, &len));
	(void) say_call(setsockopt(fd, AF_VSOCK, 77, &value, sizeof (value)));
	(void) say_call(getsockopt(fd, AF_VSOCK, 77, &value, &len));
	(void) say_call(getsockopt(fd, SOL_VSOCK, 1, &value, &len));
}

static void
row_get_buffer(void)
{
	int fd = new_socket(), name;
	uint64_t value[2];
	socklen_t len;

	for (name = SO_VM_SOCKETS_BUFFER_SIZE;
	    name <= SO_VM_SOCKETS_BUFFER_MAX_SIZE; name++) {
		say_u64(fd, name);
		len = 4;
		(void) say_call(getsockopt(fd, AF_VSOCK, name, value, &len));
		len = sizeof (value);
		(void) getsockopt(fd, AF_VSOCK, name, value, &len);
		say("length %u", (unsigned)len);
	}
}

static void
row_get_connect_timeout(void)
{
	struct timeval tv = { 0, 0 };
	socklen_t len = sizeof (tv);
	int fd = new_socket();

	(void) say_call(getsockopt(fd, AF_VSOCK,
	    SO_VM_SOCKETS_CONNECT_TIMEOUT, &tv, &len));
	say("%ld.%06ld, length %u", (long)tv.tv_sec, (long)tv.tv_usec,
	    (unsigned)len);
	len = 8;
	(void) say_call(getsockopt(fd, AF_VSOCK,
	    SO_VM_SOCKETS_CONNECT_TIMEOUT, &tv, &len));
}

static void
row_rcvlowat(void)
{
	int fd = connected();

	say_int(fd, SO_RCVLOWAT);
	(void) say_call(set_int(fd, SO_RCVLOWAT, 1 << 30));
	(void) say_call(set_int(fd, SO_RCVLOWAT, 0));
	say_int(fd, SO_RCVLOWAT);
	(void) say_call(set_int(fd, SO_RCVLOWAT, 1000));
	say_int(fd, SO_RCVLOWAT);
}

static void
row_generic_buffers(void)
{
	int fd = connected();

	(void) say_call(set_int(fd, SO_SNDBUF, 30000));
	say_int(fd, SO_SNDBUF);
	(void) say_call(set_int(fd, SO_RCVBUF, 30000));
	say_int(fd, SO_RCVBUF);
	say_u64(fd, SO_VM_SOCKETS_BUFFER_SIZE);
}

static void
row_linger_timeouts(void)
{
	struct linger linger = { 1, 5 };
	struct timeval tv;
	socklen_t len = sizeof (linger);
	int fd = connected();

	(void) say_call(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, len));
	(void) memset(&linger, 0, sizeof (linger));
	(void) say_call(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len));
	say("%s %d", linger.l_onoff != 0 ? "on" : "off", linger.l_linger);
	(void) say_call(set_timeout(fd, SO_RCVTIMEO, 1500));
	(void) say_call(set_timeout(fd, SO_SNDTIMEO, 2500));
	len = sizeof (tv);
	(void) say_call(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, &len));
	say("%ld.%06ld", (long)tv.tv_sec, (long)tv.tv_usec);
	len = sizeof (tv);
	(void) say_call(getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, &len));
	say("%ld.%06ld", (long)tv.tv_sec, (long)tv.tv_usec);
}

static void
row_so_error(void)
{
	int fd = pending();

	(void) poll_for(fd, POLLOUT, WAIT_MS);
	say_so_error(fd);
	say_so_error(fd);
}

static void
row_generic_options(void)
{
	int lfd = listening(1), fd = new_socket();

	say("%s", get_int(fd, SO_TYPE) == SOCK_STREAM ? "stream" : "other");
	say("%s", get_int(fd, SO_DOMAIN) == AF_VSOCK ? "vsock" : "other");
	say_int(fd, SO_PROTOCOL);
	say("%s", get_int(fd, SO_ACCEPTCONN) > 0 ? "listens" : "no");
	say("%s", get_int(lfd, SO_ACCEPTCONN) > 0 ? "listens" : "no");
	(void) say_call(set_int(fd, SO_TYPE, 1));
	(void) say_call(set_int(fd, SO_DOMAIN, 1));
	(void) say_call(set_int(fd, SO_ACCEPTCONN, 1));
	(void) say_call(set_int(fd, SO_ERROR, 1));
}

static void
row_peercred(void)
{
#ifdef	SO_PEERCRED
	int cred[3] = { 0, 0, 0 };
	socklen_t len = sizeof (cred);

	(void) say_call(getsockopt(connected(), SOL_SOCKET, SO_PEERCRED, cred,
	    &len));
	say("%d %d %d", cred[0], cred[1], cred[2]);
#else
	need(false);
#endif
}

/*
 * ioctl
 */

static int
say_ioctl(int fd, unsigned long cmd, int *value)
{
	int rc = ioctl(fd, cmd, value);

	(void) say_call(rc == 0 ? 0 : -1);
	return (rc);
}

static void
row_siocoutq(void)
{
	int fd = connected(), n = -1;
	size_t sent;

	(void) say_ioctl(new_socket(), SIOCOUTQ, &n);
	(void) say_ioctl(listening(1), SIOCOUTQ, &n);
	if (say_ioctl(fd, SIOCOUTQ, &n) != 0)
		return;
	say("%d", n);
	sent = fill(fd);
	(void) say_ioctl(fd, SIOCOUTQ, &n);
	say("%s", n > 0 && (size_t)n < sent ? "some" : "none or all");
}

static void
row_fionread(void)
{
	int fd = connected(), n = -1;

	(void) say_ioctl(new_socket(), FIONREAD, &n);
	(void) say_ioctl(listening(1), FIONREAD, &n);
	(void) peer("send 5");
	wait_data(fd, 5);
	if (say_ioctl(fd, FIONREAD, &n) == 0)
		say("%d", n);
}

static void
row_ioctl_other(void)
{
	struct termios tio;
	int fd = connected(), n = 1;

	(void) say_call(ioctl(fd, TIOCGWINSZ, &tio) == 0 ? 0 : -1);
	(void) say_ioctl(fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &n);
	(void) say_ioctl(fd, FIONBIO, &n);
	say("%sblocking", (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0 ? "non-" : "");
}

static void
row_device(void)
{
	struct termios tio;
	unsigned cid = 0;
	int fd = open("/dev/vsock", O_RDONLY);

	if (fd == -1)
		give_up("/dev/vsock");
	(void) say_call(ioctl(fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid));
	say("%s", cid_name(cid));
	(void) say_call(ioctl(fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID,
	    bad_pointer()));
	(void) say_call(ioctl(fd, TIOCGWINSZ, &tio) == 0 ? 0 : -1);
}

/*
 * Records
 */

/* A connection of records, or the reason that there is none. */
static int
records(void)
{
	int fd = socket(AF_VSOCK, SOCK_SEQPACKET, 0);

	if (fd == -1) {
		(void) say_call(-1);
		finish();
	}
	(void) close(fd);
	return (connected_of(SOCK_SEQPACKET));
}

/* Receives a record: its length, and the flags it came with. */
static void
say_record(int fd, size_t len, int flags)
{
	static char buf[1 << 17];
	struct iovec iov = { buf, len };
	struct msghdr mh;

	(void) memset(&mh, 0, sizeof (mh));
	mh.msg_iov = &iov;
	mh.msg_iovlen = 1;
	if (say_count(recvmsg(fd, &mh, flags)) < 0)
		return;
	if ((mh.msg_flags & MSG_EOR) != 0)
		say("EOR");
	if ((mh.msg_flags & MSG_TRUNC) != 0)
		say("TRUNC");
}

static void
row_record_big(void)
{
	static char buf[1 << 19];
	int fd = records();

	(void) say_count(send(fd, buf, sizeof (buf), 0));
}

static void
row_record_eor(void)
{
	int fd = records();

	(void) peer("record 5 1");
	say_record(fd, 10, 0);
	(void) peer("record 5 0");
	say_record(fd, 10, 0);
}

static void
row_record_peek(void)
{
	int fd = records();

	(void) peer("record 5 0");
	(void) poll_for(fd, POLLIN, WAIT_MS);
	say_record(fd, 2, MSG_PEEK);
	say_record(fd, 2, MSG_PEEK | MSG_TRUNC);
	say_record(fd, 10, 0);
}

static void
row_record_trunc(void)
{
	int fd = records();

	(void) peer("record 5 0");
	(void) peer("record 3 0");
	say_record(fd, 2, 0);
	say_record(fd, 10, 0);
}

static void
row_record_trunc_length(void)
{
	int fd = records();

	(void) peer("record 5 0");
	say_record(fd, 2, MSG_TRUNC);
}

static void
row_record_waitall(void)
{
	int fd = records();

	(void) peer("record 5 0");
	say_record(fd, 10, MSG_WAITALL);
}

static void
row_record_large(void)
{
	int fd = records();

	(void) peer("record 100000 0");
	say_record(fd, 1 << 17, 0);
}

static void
row_record_empty(void)
{
	int fd = records();

	(void) say_count(send(fd, "", 0, 0));
	(void) send(fd, "abc", 3, 0);
	say("the peer reads %ld", peer("one"));
}

/*
 * The rest
 */

static void
row_dup(void)
{
	int fd = connected(), copy = dup(fd);
	pid_t pid;

	(void) close(fd);
	(void) say_count(send(copy, "abc", 3, 0));
	(void) fflush(stdout);
	if ((pid = fork()) == 0) {
		(void) send(copy, "defg", 4, 0);
		_exit(0);
	}
	(void) waitpid(pid, NULL, 0);
	(void) close(copy);
	say("the peer reads %ld", peer("eof"));
}

static void
row_read_write(void)
{
	int fd = connected();
	char a[4], b[8];
	struct iovec iov[2] = { { a, sizeof (a) }, { b, sizeof (b) } };

	(void) say_count(writev(fd, iov, 2));
	(void) peer("send 6");
	wait_data(fd, 6);
	(void) say_count(readv(fd, iov, 2));
	(void) peer("send 6");
	wait_data(fd, 6);
	(void) say_count(read(fd, b, sizeof (b)));
	(void) peer("close");
	(void) say_count(read(fd, b, sizeof (b)));
}

static void
row_descriptors(void)
{
	union {
		struct cmsghdr	cu_hdr;
		char		cu_buf[CMSG_SPACE(sizeof (int))];
	} cu;
	struct iovec iov = { "x", 1 };
	struct msghdr mh;
	struct cmsghdr *cm;
	int fd = connected();

	(void) memset(&cu, 0, sizeof (cu));
	(void) memset(&mh, 0, sizeof (mh));
	mh.msg_iov = &iov;
	mh.msg_iovlen = 1;
	mh.msg_control = &cu;
	mh.msg_controllen = sizeof (cu);
	cm = CMSG_FIRSTHDR(&mh);
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof (int));
	(void) memcpy(CMSG_DATA(cm), &fd, sizeof (fd));
	(void) say_count(sendmsg(fd, &mh, 0));
}

static void
row_address_padding(void)
{
	struct sockaddr_vm svm;
	int fd = new_socket();

	set_address(&svm, VMADDR_CID_ANY, VMADDR_PORT_ANY);
	svm.svm_reserved1 = 7;
	(void) memset(svm.svm_zero, 0xff, sizeof (svm.svm_zero));
	(void) say_call(bind(fd, (struct sockaddr *)&svm, sizeof (svm)));
	say_sockname(fd);
}

static void
row_address_long(void)
{
	struct {
		struct sockaddr_vm svm;
		char more[64];
	} addr;

	(void) memset(&addr, 0xff, sizeof (addr));
	set_address(&addr.svm, VMADDR_CID_ANY, VMADDR_PORT_ANY);
	(void) say_call(bind(new_socket(), (struct sockaddr *)&addr.svm,
	    sizeof (addr)));
}

static void
row_address_short_room(void)
{
	struct sockaddr_vm svm;
	socklen_t len = 4;
	int fd = new_socket();

	(void) memset(&svm, 0xff, sizeof (svm));
	(void) say_call(getsockname(fd, (struct sockaddr *)&svm, &len));
	say("length %u, family %s", (unsigned)len,
	    svm.svm_family == AF_VSOCK ? "vsock" : "other");
	say("%s", svm.svm_port == (unsigned)-1 ? "no more" : "more");
}

static void
row_reuse_after_close(void)
{
	int fd = listening(1);
	unsigned port = port_of(fd);

	(void) close(fd);
	(void) say_call(bind_to(new_socket(), VMADDR_CID_ANY, port));
	/* What the peer has acknowledged is over. */
	fd = new_socket();
	(void) bind_to(fd, VMADDR_CID_ANY, 20002);
	(void) connect_to(fd, peer_cid, (unsigned)peer("listen 0 8"));
	(void) peer("accept");
	(void) peer("close");
	(void) poll_for(fd, POLLIN, WAIT_MS);
	(void) close(fd);
	fd = new_socket();
	say("%s", bind_to(fd, VMADDR_CID_ANY, 20002) == 0 ? "ok" :
	    errno_name(errno));
}

static void
row_option_after_shutdown(void)
{
	int fd = connected();

	(void) shutdown(fd, SHUT_WR);
	(void) poll(NULL, 0, NOTHING_MS);
	(void) say_call(set_u64(fd, SO_VM_SOCKETS_BUFFER_SIZE, 5000));
	(void) say_call(set_timeout(fd, SO_RCVTIMEO, 1000));
}

static void
row_close_unsent(void)
{
	int fd = connected();
	size_t sent = fill(fd);

	(void) close(fd);
	say("%s", peer("eof") == (long)sent ? "the peer reads all" :
	    "some is lost");
}

static void
row_linger_unsent(void)
{
	struct linger linger = { 1, 3 };
	struct timeval start, now;
	int fd = connected();
	size_t sent;
	long ms;

	(void) setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger,
	    sizeof (linger));
	sent = fill(fd);
	(void) peer("eoflater %d", 2 * NOTHING_MS);
	(void) gettimeofday(&start, NULL);
	(void) say_call(close(fd));
	(void) gettimeofday(&now, NULL);
	ms = (now.tv_sec - start.tv_sec) * 1000 +
	    (now.tv_usec - start.tv_usec) / 1000;
	say("%s", ms >= NOTHING_MS ? "waits" : "does not wait");
	say("%s", peer("count") == (long)sent ? "the peer reads all" :
	    "some is lost");
}

/*
 * The rows.
 */

typedef struct row {
	const char	*r_id;
	const char	*r_text;
	void		(*r_func)(void);
} row_t;

static const row_t rows[] = {
	{ "A1", "socket: stream, protocol 0 or PF_VSOCK", row_socket },
	{ "A2", "socket: another protocol", row_socket_protocol },
	{ "A3", "socket: seqpacket", row_socket_seqpacket },
	{ "A4", "socket: raw, rdm", row_socket_types },
	{ "A5", "socket: dgram", row_socket_dgram },
	{ "A7", "socketpair", row_socketpair },
	{ "A8", "bind: short, other family, unknown flag",
	    row_bind_malformed },
	{ "A9", "bind: twice, after a failed connect", row_bind_again },
	{ "A10", "bind: any CID, a guest's own", row_bind_own },
	{ "A11", "bind: CID 2, a host", row_bind_host },
	{ "A12", "bind: CID 2, a guest only", row_bind_host_as_guest },
	{ "A13", "bind: CID 1", row_bind_local },
	{ "A14", "bind: CID 0, a foreign CID", row_bind_foreign },
	{ "A15", "bind: ports 1023, 1024 without the privilege",
	    row_bind_privileged },
	{ "A16", "bind: port 0", row_bind_port0 },
	{ "A17", "bind: port in use, the same CID or any", row_bind_in_use },
	{ "A18", "bind: one port, two CIDs", row_bind_two_cids },
	{ "A19", "bind: any port", row_bind_any },
	{ "A20", "bind: port in use, SO_REUSEADDR", row_bind_reuse },
	{ "A22", "bind: port of accepted connections only",
	    row_bind_after_listener },
	{ "A23", "bind: stream, port of a seqpacket socket",
	    row_bind_seqpacket },
	{ "A26", "listen: unbound", row_listen_unbound },
	{ "A27", "listen: connected, shut down", row_listen_connected },
	{ "A28", "listen: again", row_listen_again },
	{ "A29", "listen: backlog negative, huge", row_listen_odd },
	{ "A30", "listen: backlog 0", row_listen_none },
	{ "A31", "accept: fresh, bound, connected", row_accept_unlistened },
	{ "A33", "accept: none, non-blocking", row_accept_nonblock },
	{ "A34", "accept: none, SO_RCVTIMEO", row_accept_timeout },
	{ "A35", "accept: signal", row_accept_signal },
	{ "A36", "accept: the peer has closed; recv, recv",
	    row_accept_ended },
	{ "A37", "accept: address; the listener is non-blocking",
	    row_accept_address },
	{ "A38", "accept: after shutdown", row_accept_shutdown },
	{ "A39", "connect: short, other family, unknown flag",
	    row_connect_malformed },
	{ "A40", "connect: AF_UNSPEC, fresh and connected",
	    row_connect_unspec },
	{ "A42", "connect: listening", row_connect_listening },
	{ "A45", "connect: seqpacket", row_connect_seqpacket },
	{ "A48", "connect: host, no such guest", row_connect_nobody },
	{ "A49", "connect: the guest's driver does not run",
	    row_connect_silent },
	{ "A50", "connect: nobody there, bound only", row_connect_refused },
	{ "A51", "connect: backlog full", row_connect_backlog },
	{ "A52", "connect: guest, CID 0, unknown CID", row_connect_unknown },
	{ "A53", "connect: guest, own CID", row_connect_own },
	{ "A56", "connect: any CID", row_connect_any },
	{ "A57", "connect: host, CID 2", row_connect_host_self },
	{ "A59", "connect: any port", row_connect_port_any },
	{ "A60", "connect: VMADDR_FLAG_TO_HOST", row_connect_to_host },
	{ "A61", "connect: non-blocking", row_connect_nonblock },
	{ "A62", "connect: under way, non-blocking", row_connect_pending },
	{ "A63", "connect: under way, blocking", row_connect_pending_block },
	{ "A64", "connect: connected, peer closed", row_connect_connected },
	{ "A65", "connect: after shutdown", row_connect_shut },
	{ "A66", "connect: refused, non-blocking; again",
	    row_connect_async_refused },
	{ "A67", "connect: refused; again", row_connect_retry },
	{ "A68", "connect: signal; again", row_connect_signal },
	{ "A69", "connect: timeout", row_connect_silent },
	{ "A71", "getsockname: unbound", row_sockname_unbound },
	{ "A72", "getsockname: connected", row_sockname_client },
	{ "A73", "getsockname: accepted", row_sockname_child },
	{ "A74", "getpeername: connected, peer closed", row_peername },
	{ "A75", "getpeername: fresh, listening", row_peername_none },
	{ "A76", "getpeername: after shutdown of one half, both",
	    row_peername_shut },
	{ "A77", "shutdown: 3, -1", row_shutdown_how },
	{ "A78", "shutdown: fresh, listening", row_shutdown_none },
	{ "A79", "shutdown: connecting", row_shutdown_connecting },
	{ "A80", "shutdown: one half after the other", row_shutdown_twice },
	{ "A81", "shutdown: peer closed", row_shutdown_ended },
	{ "A82", "send: fresh, listening", row_send_unconnected },
	{ "A83", "send: MSG_OOB", row_send_oob },
	{ "A84", "sendto: connected, fresh", row_sendto },
	{ "A85", "send: shut here, shut there", row_send_shut },
	{ "A86", "send: peer closed, SIGPIPE", row_send_sigpipe },
	{ "A87", "send: seqpacket, SIGPIPE", row_send_seqpacket_pipe },
	{ "A88", "send: nothing", row_send_nothing },
	{ "A89", "send: no room, DONTWAIT, O_NONBLOCK, SO_SNDTIMEO",
	    row_send_full },
	{ "A90", "send: signal after some bytes", row_send_signal },
	{ "A91", "send: seqpacket, larger than the buffers",
	    row_record_big },
	{ "A96", "send: bad pointer", row_send_fault },
	{ "A98", "recv: fresh", row_recv_unconnected },
	{ "A99", "recv: listening", row_recv_listening },
	{ "A100", "recv: peer closed", row_recv_ended },
	{ "A101", "recv: after shutdown, data is there", row_recv_shut },
	{ "A102", "recv: the peer has shut its half; send",
	    row_recv_peer_shut },
	{ "A103", "recv: no room", row_recv_nothing },
	{ "A104", "recv: MSG_OOB, connected and fresh", row_recv_oob },
	{ "A105", "recv: nothing, DONTWAIT, SO_RCVTIMEO, O_NONBLOCK",
	    row_recv_empty },
	{ "A106", "recv: signal, with and without SA_RESTART",
	    row_recv_signal },
	{ "A107", "recv: MSG_PEEK", row_recv_peek },
	{ "A108", "recv: seqpacket, MSG_PEEK", row_record_peek },
	{ "A110", "recv: MSG_WAITALL, and the end", row_recv_waitall },
	{ "A111", "recv: MSG_WAITALL, more than the buffer",
	    row_recv_waitall_big },
	{ "A112", "recv: MSG_TRUNC", row_recv_trunc },
	{ "A113", "recv: seqpacket, record cut off", row_record_trunc },
	{ "A114", "recv: seqpacket, MSG_TRUNC", row_record_trunc_length },
	{ "A115", "recv: seqpacket, MSG_WAITALL", row_record_waitall },
	{ "A116", "recv: seqpacket, MSG_EOR", row_record_eor },
	{ "A119", "recv: bad pointer", row_recv_fault },
	{ "A123", "recv: MSG_ERRQUEUE", row_recv_errqueue },
	{ "A124", "recvfrom: address", row_recvfrom },
	{ "A125", "poll: fresh", row_poll_fresh },
	{ "A126", "poll: connecting", row_poll_connecting },
	{ "A127", "poll: connect has failed", row_poll_refused },
	{ "A128", "poll: listening, a connection", row_poll_listening },
	{ "A129", "poll: SO_RCVLOWAT, half, all", row_poll_rcvlowat },
	{ "A131", "poll: connected, no room, room again",
	    row_poll_connected },
	{ "A132", "poll: shut for receiving, there and here",
	    row_poll_shut_half },
	{ "A133", "poll: both halves shut", row_poll_shut_both },
	{ "A134", "poll: peer closed", row_poll_ended },
	{ "A137", "set BUFFER_SIZE: 1, 1 GiB", row_buffer_size },
	{ "A138", "set BUFFER_MIN_SIZE, BUFFER_MAX_SIZE",
	    row_buffer_bounds },
	{ "A139", "set BUFFER_*: short", row_buffer_short },
	{ "A140", "set BUFFER_SIZE: 8 GiB", row_buffer_huge },
	{ "A141", "set, get PEER_HOST_VM_ID, TRUSTED, NONBLOCK_TXRX",
	    row_vmci_options },
	{ "A142", "set CONNECT_TIMEOUT, old and new",
	    row_set_connect_timeout },
	{ "A143", "set, get: other levels, other options", row_levels },
	{ "A145", "get BUFFER_*", row_get_buffer },
	{ "A146", "get CONNECT_TIMEOUT", row_get_connect_timeout },
	{ "A148", "SO_RCVLOWAT", row_rcvlowat },
	{ "A149", "SO_SNDBUF, SO_RCVBUF", row_generic_buffers },
	{ "A150", "SO_LINGER, SO_RCVTIMEO, SO_SNDTIMEO",
	    row_linger_timeouts },
	{ "A151", "SO_ERROR", row_so_error },
	{ "A152", "SO_TYPE, SO_DOMAIN, SO_PROTOCOL, SO_ACCEPTCONN",
	    row_generic_options },
	{ "A153", "SO_PEERCRED", row_peercred },
	{ "A154", "SIOCOUTQ", row_siocoutq },
	{ "A155", "FIONREAD", row_fionread },
	{ "A156", "ioctl: others, FIONBIO", row_ioctl_other },
	{ "A157", "/dev/vsock", row_device },
	{ "A160", "dup, fork", row_dup },
	{ "B1", "read, readv, write, writev", row_read_write },
	{ "B2", "sendmsg: SCM_RIGHTS", row_descriptors },
	{ "B3", "bind: svm_reserved1, svm_zero", row_address_padding },
	{ "B4", "bind: long", row_address_long },
	{ "B5", "getsockname: little room", row_address_short_room },
	{ "B6", "bind: port of a closed listener, connection",
	    row_reuse_after_close },
	{ "B7", "setsockopt: after shutdown", row_option_after_shutdown },
	{ "B8", "close: unsent data", row_close_unsent },
	{ "B9", "close: unsent data, SO_LINGER", row_linger_unsent },
	{ "B10", "seqpacket: a record of 100000 bytes", row_record_large },
	{ "B11", "seqpacket: an empty record", row_record_empty }
};

#define	NROWS	(sizeof (rows) / sizeof (rows[0]))

static void
run_row(const row_t *row)
{
	char line[RESULT_LEN];
	struct pollfd pfd;
	size_t len = 0;
	ssize_t n;
	int fds[2];
	pid_t pid;

	(void) fflush(stdout);
	if (pipe(fds) != 0 || (pid = fork()) == -1) {
		perror("conform");
		exit(1);
	}
	if (pid == 0) {
		(void) close(fds[0]);
		result_fd = fds[1];
		row->r_func();
		finish();
	}
	(void) close(fds[1]);
	pfd.fd = fds[0];
	pfd.events = POLLIN;
	for (;;) {
		if (poll(&pfd, 1, ROW_SECONDS * 1000) != 1) {
			(void) strcpy(line, "hangs");
			break;
		}
		n = read(fds[0], line + len, sizeof (line) - 1 - len);
		if (n <= 0) {
			line[len] = '\0';
			break;
		}
		len += (size_t)n;
	}
	(void) close(fds[0]);
	(void) kill(pid, SIGKILL);
	(void) waitpid(pid, NULL, 0);
	(void) printf("%s\t%s\n", row->r_id, line[0] != '\0' ? line : "ended");
}

/*
 * The peer: the other end of a row's connections.
 */

static void
fill_pattern(char *buf, size_t len, size_t offset)
{
	size_t i;

	for (i = 0; i < len; i++)
		buf[i] = (char)((offset + i) % 100);
}

static long
serve_send(int fd, size_t count)
{
	static char buf[65536];
	size_t sent = 0, len;
	ssize_t n;

	while (sent < count) {
		len = count - sent < sizeof (buf) ? count - sent :
		    sizeof (buf);
		fill_pattern(buf, len, sent);
		if ((n = send(fd, buf, len, MSG_NOSIGNAL)) < 0)
			return (-errno);
		sent += (size_t)n;
	}
	return ((long)count);
}

static long
serve_eof(int fd)
{
	static char buf[65536];
	long total = 0;
	ssize_t n;

	while ((n = recv(fd, buf, sizeof (buf), 0)) > 0)
		total += n;
	return (n < 0 ? -errno : total);
}

static long
serve_drain(int fd)
{
	static char buf[65536];
	long total = 0;
	ssize_t n;

	while (poll_for(fd, POLLIN, NOTHING_MS) != 0 &&
	    (n = recv(fd, buf, sizeof (buf), MSG_DONTWAIT)) > 0)
		total += n;
	return (total);
}

static long
serve_fail(int fd)
{
	int tries;

	for (tries = 0; tries < WAIT_MS / 10; tries++) {
		if (send(fd, "x", 1, MSG_NOSIGNAL) < 0)
			return (-errno);
		(void) poll(NULL, 0, 10);
	}
	return (0);
}

/* A socket with a port, which listens unless `backlog' is negative. */
static long
serve_listen(int *lfdp, int seqpacket, int backlog)
{
	*lfdp = socket(AF_VSOCK, seqpacket ? SOCK_SEQPACKET : SOCK_STREAM, 0);
	if (*lfdp == -1 ||
	    bind_to(*lfdp, VMADDR_CID_ANY, VMADDR_PORT_ANY) != 0 ||
	    (backlog >= 0 && listen(*lfdp, backlog) != 0))
		return (-errno);
	return ((long)port_of(*lfdp));
}

static long
serve_record(int fd, size_t len, bool eor)
{
	static char buf[1 << 17];
	ssize_t n;

	n = send(fd, buf, len, MSG_NOSIGNAL | (eor ? MSG_EOR : 0));
	return (n < 0 ? -errno : n);
}

/* The system that the control connection comes from. */
static unsigned
cid_of_peer(int fd)
{
	struct sockaddr_vm svm;
	socklen_t len = sizeof (svm);

	if (getpeername(fd, (struct sockaddr *)&svm, &len) != 0)
		return (CID_NONE);
	return (svm.svm_cid);
}

static void
reply(int control, long n)
{
	char line[32];

	(void) snprintf(line, sizeof (line), "%ld\n", n);
	(void) send(control, line, strlen(line), MSG_NOSIGNAL);
}

static void
serve_row(int control)
{
	static int lfd = -1, fd = -1;
	char line[LINE_LEN], word[LINE_LEN], byte[16];
	long a, b, n, counted = 0;
	FILE *in = fdopen(dup(control), "r");

	(void) alarm(2 * ROW_SECONDS);
	while (in != NULL && fgets(line, sizeof (line), in) != NULL) {
		a = b = 0;
		if (sscanf(line, "%s %ld %ld", word, &a, &b) < 1)
			break;
		n = 0;
		if (strcmp(word, "listen") == 0) {
			n = serve_listen(&lfd, (int)a, (int)b);
		} else if (strcmp(word, "bound") == 0) {
			n = serve_listen(&lfd, 0, -1);
		} else if (strcmp(word, "free") == 0) {
			n = serve_listen(&lfd, 0, -1);
			(void) close(lfd);
		} else if (strcmp(word, "accept") == 0) {
			fd = accept(lfd, NULL, NULL);
			n = fd == -1 ? -errno : 0;
		} else if (strcmp(word, "connect") == 0) {
			fd = new_socket();
			n = connect_to(fd, cid_of_peer(control),
			    (unsigned)a) != 0 ? -errno : 0;
		} else if (strcmp(word, "port") == 0) {
			n = (long)port_of(fd);
		} else if (strcmp(word, "send") == 0) {
			n = serve_send(fd, (size_t)a);
		} else if (strcmp(word, "later") == 0) {
			reply(control, 0);
			(void) poll(NULL, 0, (int)a);
			(void) serve_send(fd, (size_t)b);
			continue;
		} else if (strcmp(word, "record") == 0) {
			n = serve_record(fd, (size_t)a, b != 0);
		} else if (strcmp(word, "one") == 0) {
			n = recv(fd, byte, sizeof (byte), 0);
		} else if (strcmp(word, "eof") == 0) {
			n = serve_eof(fd);
		} else if (strcmp(word, "eoflater") == 0) {
			reply(control, 0);
			(void) poll(NULL, 0, (int)a);
			counted = serve_eof(fd);
			continue;
		} else if (strcmp(word, "count") == 0) {
			n = counted;
		} else if (strcmp(word, "drain") == 0) {
			n = serve_drain(fd);
		} else if (strcmp(word, "fail") == 0) {
			n = serve_fail(fd);
		} else if (strcmp(word, "shut") == 0) {
			n = shutdown(fd, strstr(line, "rd") != NULL ?
			    SHUT_RD : SHUT_WR) != 0 ? -errno : 0;
		} else if (strcmp(word, "close") == 0) {
			n = close(fd) != 0 ? -errno : 0;
		} else {
			n = -ENOTTY;
		}
		reply(control, n);
	}
	_exit(0);
}

static int
serve(unsigned port)
{
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0), control;

	if (fd == -1 || bind_to(fd, VMADDR_CID_ANY, port) != 0 ||
	    listen(fd, 8) != 0) {
		perror("conform: serve");
		return (1);
	}
	(void) signal(SIGCHLD, SIG_IGN);
	(void) printf("serving\n");
	(void) fflush(stdout);
	while ((control = accept(fd, NULL, NULL)) != -1) {
		if (fork() == 0) {
			(void) close(fd);
			serve_row(control);
		}
		(void) close(control);
	}
	perror("conform: accept");
	return (1);
}

static int
usage(void)
{
	(void) fprintf(stderr, "usage: conform serve PORT\n"
	    "       conform run [-o CID] [-q CID] [-H CID] CID PORT "
	    "[ROW]...\n"
	    "       conform list\n");
	return (2);
}

/* Become the host of a guest that will never say anything. */
static void
host_of(unsigned cid)
{
#ifdef	__linux__
	uint64_t cid64 = cid;
	int fd = open("/dev/vhost-vsock", O_RDWR);

	if (fd == -1 || ioctl(fd, VHOST_VSOCK_SET_GUEST_CID, &cid64) != 0) {
		perror("conform: /dev/vhost-vsock");
		exit(1);
	}
#else
	(void) fprintf(stderr, "conform: -H is for Linux\n");
	exit(1);
#endif
	quiet_cid = cid;
}

static int
run(int argc, char **argv)
{
	size_t i;
	int c, j;

	while ((c = getopt(argc, argv, "o:q:H:")) != -1) {
		switch (c) {
		case 'o':
			own_cid = (unsigned)strtoul(optarg, NULL, 0);
			break;
		case 'q':
			quiet_cid = (unsigned)strtoul(optarg, NULL, 0);
			break;
		case 'H':
			host_of((unsigned)strtoul(optarg, NULL, 0));
			break;
		default:
			return (usage());
		}
	}
	if (argc - optind < 2)
		return (usage());
	peer_cid = (unsigned)strtoul(argv[optind], NULL, 0);
	peer_port = (unsigned)strtoul(argv[optind + 1], NULL, 0);
	for (i = 0; i < NROWS; i++) {
		for (j = optind + 2; j < argc; j++) {
			if (strcmp(argv[j], rows[i].r_id) == 0)
				break;
		}
		if (j < argc || argc == optind + 2)
			run_row(&rows[i]);
	}
	return (0);
}

static int
list(void)
{
	size_t i;

	for (i = 0; i < NROWS; i++)
		(void) printf("%s\t%s\n", rows[i].r_id, rows[i].r_text);
	return (0);
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "list") == 0)
		return (list());
#ifdef	__linux__
	if (!guard_is_guest() && !guard_is_vsockrun()) {
		(void) fprintf(stderr, "conform: not in a test machine, nor "
		    "under vsockrun\n");
		return (1);
	}
#endif
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		return (serve((unsigned)strtoul(argv[2], NULL, 0)));
	if (argc > 3 && strcmp(argv[1], "run") == 0)
		return (run(argc - 1, argv + 1));
	return (usage());
}
