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
 * The traffic engine.
 *
 * Commands
 * --------
 *
 * A command is a line "ID NAME key=value ...", its reply is a line "ID ok
 * key=value ..." or "ID error errno=NAME where=CALL ...".  Each command has a
 * thread of its own, so that it may block for as long as the socket call does
 * that it stands for; replies come in the order in which commands end.
 *
 *	listen port [type] [size] [backlog]	-> fd
 *	accept fd			-> fd cid port local (our own CID)
 *	connect cid port [type] [size] [wait]	-> fd ms (error: ms as well)
 *	send fd seed bytes [offset] [msg]	-> bytes
 *	recv fd seed [bytes] [offset] [msg]	-> bytes eof
 *	put fd seed bytes [flags]	-> bytes
 *	get fd seed [room] [flags]	-> bytes trunc eor
 *	progress fd			-> sent received, by send and recv
 *	shutdown fd how=rd|wr|rdwr
 *	close fd
 *	option fd name [value]		-> value
 *	serve port [type]		-> server
 *	served server	-> conns open sent received errors [errno where at]
 *	run cid port [type] [count] [seconds] [parallel] [hold] [seed] [max]
 *	    [msg]			-> conns sent received ms
 *	sh cmd=REST OF THE LINE		-> status out
 *	exit
 *
 * "type" is stream (the default) or seqpacket; "size" is that of the buffer
 * (SO_VM_SOCKETS_BUFFER_SIZE), "wait" the timeout of the connect (0: that of a
 * new socket).  `recv' without "bytes" reads to the end.  `out'
 * is percent-encoded.  `put' and `get' are one sendmsg() and one recvmsg(), the
 * latter with "room" bytes of buffer, of a message with the pattern from offset
 * 0 on; "flags" are of eor, peek, trunc, waitall and dontwait, with commas
 * between; the bytes are what the call has returned.
 *
 * Data
 * ----
 *
 * What goes over a connection is a function of a 64-bit seed and the offset
 * (pattern_fill()), so that each side knows what must arrive, byte for byte,
 * wherever it starts.  The sizes of the messages it is sent in are a function
 * of the seed as well (message_size()): for records the receiver checks them.
 * They are spread evenly over the powers of two up to "msg".
 *
 * Bulk traffic
 * ------------
 *
 * `run' is the client of `serve'.  The client begins each connection with a
 * header (header_t) that says how many bytes go which way, from which seeds,
 * and how the connection ends; both directions then move at once, each sender
 * a thread of its own:
 *
 *	HF_CLIENT_WR	the client shuts down its sending half after its last
 *			byte; the server expects the end there, maybe long
 *			before its own last byte
 *	HF_SERVER_WR	the same with the sides swapped
 *	HF_SERVER_CLOSE	the server closes first, else the client
 *
 * The first deviation (a wrong byte, a missing or early end, any errno) ends the
 * connection and, for `run', the run: an error reply says what it was and at
 * which byte.  Of several connections the first is kept, or the first with data
 * that is wrong: EBADMSG; EMSGSIZE, the length of a record; EOVERFLOW, too much.
 *
 * Locking: out_lock is held for the writing of one reply; fails are kept under
 * the lock of the server or run they belong to; all else is atomic counters.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/vm_sockets.h>

#include "traffic.h"

#define	SERVE_BACKLOG	1024		/* SOMAXCONN is 128 in some headers */
#define	CONNECT_WAIT	60		/* seconds a slow peer is given */
#define	LINE_LEN	4096		/* longest command */
#define	MAX_FD		4096		/* fds that `progress' knows */
#define	MAX_SERVERS	64
#define	STACK_SIZE	(256 * 1024)
#define	RECV_SIZE	(64 * 1024)	/* a read from a stream, at most */
#define	DEF_MSG		(64 * 1024)
#define	MAX_MSG		(16 * 1024 * 1024)

#define	GOLDEN		0x9e3779b97f4a7c15ULL

/* The first thing that went wrong. */
typedef struct fail {
	int		f_errno;	/* 0: nothing did */
	const char	*f_where;
	uint64_t	f_at;		/* offset in the stream, if it is one */
} fail_t;

typedef struct progress {
	_Atomic uint64_t	pr_sent;
	_Atomic uint64_t	pr_received;
} progress_t;

#define	HEADER_MAGIC	0x4b434f5356464152ULL

#define	HF_CLIENT_WR	0x1
#define	HF_SERVER_WR	0x2
#define	HF_SERVER_CLOSE	0x4
#define	HF_MASK		0x7

/* How a connection of `run' begins.  Both sides are little endian. */
typedef struct header {
	uint64_t	h_magic;
	uint64_t	h_flags;
	uint64_t	h_up_seed;	/* client to server */
	uint64_t	h_up;		/* bytes */
	uint64_t	h_down_seed;	/* server to client */
	uint64_t	h_down;		/* bytes */
	uint64_t	h_msg;
} header_t;

/* One direction of one connection. */
typedef struct flow {
	int		fl_fd;
	bool		fl_records;	/* SOCK_SEQPACKET */
	uint64_t	fl_seed;
	uint64_t	fl_offset;	/* of the first byte, in the pattern */
	uint64_t	fl_bytes;	/* to move; UINT64_MAX: to the end */
	uint64_t	fl_msg;
	bool		fl_shut;	/* sender: shut down afterwards */
	_Atomic uint64_t *fl_count;	/* bytes moved are added here */
	uint64_t	fl_done;	/* bytes moved */
	bool		fl_eof;		/* receiver: saw the end */
	fail_t		fl_fail;
} flow_t;

typedef struct server {
	int			sv_fd;
	bool			sv_records;
	_Atomic uint64_t	sv_conns;	/* ever accepted */
	_Atomic uint64_t	sv_open;
	_Atomic uint64_t	sv_sent;
	_Atomic uint64_t	sv_received;
	_Atomic uint64_t	sv_errors;
	pthread_mutex_t		sv_lock;
	fail_t			sv_fail;	/* the first */
} server_t;

typedef struct server_conn {
	server_t	*sc_server;
	int		sc_fd;
} server_conn_t;

typedef struct run {
	uint32_t		ru_cid;
	uint32_t		ru_port;
	int			ru_type;
	uint64_t		ru_count;	/* connections, of each */
						/* worker if ru_hold */
	uint64_t		ru_deadline;	/* ms, or 0 */
	uint64_t		ru_seed;
	uint64_t		ru_max;		/* bytes each way */
	uint64_t		ru_msg;
	bool			ru_hold;	/* open all, then use all */
	pthread_barrier_t	ru_barrier;
	_Atomic uint64_t	ru_ticket;
	_Atomic uint64_t	ru_conns;
	_Atomic uint64_t	ru_sent;
	_Atomic uint64_t	ru_received;
	atomic_bool		ru_stop;
	pthread_mutex_t		ru_lock;
	fail_t			ru_fail;
} run_t;

typedef struct command {
	char	*c_id;
	char	*c_name;
	char	*c_args;		/* "key=value key=value" */
	char	c_line[LINE_LEN];
} command_t;

static int out_fd = -1;
static pthread_mutex_t out_lock = PTHREAD_MUTEX_INITIALIZER;
static progress_t progress[MAX_FD];
static server_t servers[MAX_SERVERS];
static atomic_uint server_count;

/* Never fails: without memory there is no test. */
static void *
xmalloc(size_t size)
{
	void *p = malloc(size);

	if (p == NULL) {
		(void) fprintf(stderr, "traffic: out of memory\n");
		abort();
	}
	return (p);
}

static void
thread_start(pthread_t *tp, bool detached, void *(*func)(void *), void *arg)
{
	pthread_attr_t attr;
	int err;

	(void) pthread_attr_init(&attr);
	(void) pthread_attr_setstacksize(&attr, STACK_SIZE);
	if (detached) {
		(void) pthread_attr_setdetachstate(&attr,
		    PTHREAD_CREATE_DETACHED);
	}
	err = pthread_create(tp, &attr, func, arg);
	(void) pthread_attr_destroy(&attr);
	if (err != 0) {
		(void) fprintf(stderr, "traffic: no thread: %s\n",
		    strerror(err));
		abort();
	}
}

static uint64_t
now_ms(void)
{
	struct timespec ts;

	(void) clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

/* Is it data that is wrong, for which the end of a peer is no excuse? */
static bool
fail_data(int err)
{
	return (err == EBADMSG || err == EMSGSIZE || err == EOVERFLOW);
}

/* What came first is kept, but for wrong data, which counts for more. */
static void
fail_set(fail_t *f, int err, const char *where, uint64_t at)
{
	if (f->f_errno == 0 || (fail_data(err) && !fail_data(f->f_errno))) {
		f->f_errno = err;
		f->f_where = where;
		f->f_at = at;
	}
}

/*
 * The pattern.
 */

/* The n-th number of the sequence of `seed' (splitmix64). */
static uint64_t
number(uint64_t seed, uint64_t n)
{
	uint64_t x = seed + (n + 1) * GOLDEN;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return (x ^ (x >> 31));
}

static void
pattern_fill(uint64_t seed, uint64_t offset, uint8_t *buf, size_t len)
{
	while (len > 0) {
		uint64_t word = number(seed, offset / 8);
		size_t skip = offset % 8;
		size_t n = 8 - skip;

		if (n > len)
			n = len;
		(void) memcpy(buf, (uint8_t *)&word + skip, n);
		buf += n;
		offset += n;
		len -= n;
	}
}

/* The index of the first byte that is not the pattern's, or len. */
static size_t
pattern_check(uint64_t seed, uint64_t offset, const uint8_t *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		uint64_t word = number(seed, (offset + done) / 8);
		size_t skip = (offset + done) % 8;
		size_t n = 8 - skip;

		if (n > len - done)
			n = len - done;
		if (memcmp(buf + done, (uint8_t *)&word + skip, n) != 0) {
			while (buf[done] == ((uint8_t *)&word)[skip]) {
				done++;
				skip++;
			}
			return (done);
		}
		done += n;
	}
	return (len);
}

/* A number from 1 to max, small ones as likely as large ones. */
static uint64_t
spread(uint64_t random, uint64_t max)
{
	unsigned int bits = 64 - __builtin_clzll(max);
	uint64_t size;

	size = (1ULL << (random % bits)) | (random >> 8);
	size &= (2ULL << (random % bits)) - 1;
	return (size > max ? max : size);
}

/* The size of the n-th message of the stream of `seed'. */
static uint64_t
message_size(uint64_t seed, uint64_t n, uint64_t max)
{
	return (spread(number(~seed, n), max));
}

/*
 * Moving data.
 */

static void
flow_count(flow_t *fl, uint64_t bytes)
{
	fl->fl_done += bytes;
	(void) atomic_fetch_add(fl->fl_count, bytes);
}

/* Sends all of a flow; fl_fail says how that went. */
static void
flow_send(flow_t *fl)
{
	uint8_t *buf = xmalloc(fl->fl_msg);
	uint64_t n = 0;

	while (fl->fl_done < fl->fl_bytes && fl->fl_fail.f_errno == 0) {
		uint64_t left = fl->fl_bytes - fl->fl_done;
		uint64_t size = message_size(fl->fl_seed, n++, fl->fl_msg);
		uint64_t sent = 0;

		if (size > left)
			size = left;
		pattern_fill(fl->fl_seed, fl->fl_offset + fl->fl_done, buf,
		    size);
		while (sent < size) {
			ssize_t rv = send(fl->fl_fd, buf + sent, size - sent,
			    MSG_NOSIGNAL);

			if (rv == -1 && errno == EINTR)
				continue;
			if (rv == -1) {
				fail_set(&fl->fl_fail, errno, "send",
				    fl->fl_done);
				break;
			}
			if (fl->fl_records && (uint64_t)rv != size) {
				fail_set(&fl->fl_fail, EMSGSIZE, "send",
				    fl->fl_done);
				break;
			}
			sent += rv;
			flow_count(fl, rv);
		}
	}
	free(buf);
	if (fl->fl_fail.f_errno == 0 && fl->fl_shut &&
	    shutdown(fl->fl_fd, SHUT_WR) == -1)
		fail_set(&fl->fl_fail, errno, "shutdown", fl->fl_done);
}

/*
 * Receives the bytes of a flow, or to the end if that is what fl_bytes says,
 * and checks each.  An end before them is EPIPE, a wrong byte EBADMSG, a
 * record of the wrong length EMSGSIZE.
 */
static void
flow_recv(flow_t *fl)
{
	size_t room = fl->fl_records ? fl->fl_msg + 1 : RECV_SIZE;
	uint8_t *buf = xmalloc(room);
	bool to_end = (fl->fl_bytes == UINT64_MAX);
	uint64_t n = 0;

	while (fl->fl_done < fl->fl_bytes && fl->fl_fail.f_errno == 0) {
		uint64_t left = fl->fl_bytes - fl->fl_done;
		uint64_t want = room;
		uint64_t expect = 0;
		size_t good;
		ssize_t rv;

		if (fl->fl_records) {
			expect = message_size(fl->fl_seed, n, fl->fl_msg);
			if (expect > left)
				expect = left;
		} else {
			/* Sizes other than the sender's, so that both vary. */
			want = spread(number(fl->fl_seed ^ GOLDEN, n), room);
			if (want > left)
				want = left;
		}
		rv = recv(fl->fl_fd, buf, want, 0);
		if (rv == -1 && errno == EINTR)
			continue;
		if (rv == -1) {
			fail_set(&fl->fl_fail, errno, "recv", fl->fl_done);
			break;
		}
		if (rv == 0) {
			fl->fl_eof = true;
			if (!to_end) {
				fail_set(&fl->fl_fail, EPIPE, "recv",
				    fl->fl_done);
			}
			break;
		}
		n++;
		good = pattern_check(fl->fl_seed, fl->fl_offset + fl->fl_done,
		    buf, rv);
		if (good != (size_t)rv) {
			fail_set(&fl->fl_fail, EBADMSG, "recv",
			    fl->fl_done + good);
		} else if (fl->fl_records && !to_end &&
		    (uint64_t)rv != expect) {
			fail_set(&fl->fl_fail, EMSGSIZE, "recv", fl->fl_done);
		}
		flow_count(fl, rv);
	}
	free(buf);
}

/* Expects the end of what the peer sends, and nothing before it. */
static void
flow_expect_end(flow_t *fl)
{
	uint8_t byte;
	ssize_t rv;

	do {
		rv = recv(fl->fl_fd, &byte, sizeof (byte), 0);
	} while (rv == -1 && errno == EINTR);
	if (rv == -1)
		fail_set(&fl->fl_fail, errno, "recv of the end", fl->fl_done);
	else if (rv != 0)
		fail_set(&fl->fl_fail, EOVERFLOW, "recv of the end",
		    fl->fl_done);
	else
		fl->fl_eof = true;
}

/*
 * The sending half of a connection.  When it fails the receiving one must not
 * wait for ever.
 */
static void *
flow_sender(void *arg)
{
	flow_t *fl = arg;

	flow_send(fl);
	if (fl->fl_fail.f_errno != 0)
		(void) shutdown(fl->fl_fd, SHUT_RDWR);
	return (NULL);
}

/*
 * Both halves of a connection at once, then its end: the receiver sees the
 * peer's if `early' right after the last byte, if `late' after our own last
 * byte.  When either half fails it makes the other fail as well: the sender
 * then with EPIPE, which is not what is reported.
 */
static void
exchange(flow_t *out, flow_t *in, bool early, bool late, fail_t *fail)
{
	pthread_t sender;

	thread_start(&sender, false, flow_sender, out);
	flow_recv(in);
	if (in->fl_fail.f_errno == 0 && early)
		flow_expect_end(in);
	if (in->fl_fail.f_errno != 0)
		(void) shutdown(in->fl_fd, SHUT_RDWR);
	(void) pthread_join(sender, NULL);
	if (in->fl_fail.f_errno == 0 && out->fl_fail.f_errno == 0 &&
	    !early && late)
		flow_expect_end(in);
	if (out->fl_fail.f_errno != 0 && !fail_data(in->fl_fail.f_errno) &&
	    (in->fl_fail.f_errno == 0 || out->fl_fail.f_errno != EPIPE))
		*fail = out->fl_fail;
	else
		*fail = in->fl_fail;
}

/*
 * Sockets.
 */

/* Sets the size of the buffer, unless it is 0. */
static int
vsock_size(int fd, uint64_t size)
{
	if (size == 0)
		return (0);
	return (setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE, &size,
	    sizeof (size)) == -1 ? -1 :
	    setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &size,
	    sizeof (size)));
}

/*
 * A connected socket, or -1 and errno.  `wait' is how many seconds the peer may
 * take to answer, 0: as many as by default.
 */
static int
vsock_connect(uint32_t cid, uint32_t port, int type, uint64_t size,
    time_t wait)
{
	const struct timeval timeout = { .tv_sec = wait };
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK,
		.svm_port = port,
		.svm_cid = cid
	};
	int err, fd;

	if ((fd = socket(AF_VSOCK, type | SOCK_CLOEXEC, 0)) == -1)
		return (-1);
	if (vsock_size(fd, size) == -1 ||
	    (wait != 0 && setsockopt(fd, AF_VSOCK,
	    SO_VM_SOCKETS_CONNECT_TIMEOUT, &timeout, sizeof (timeout)) == -1) ||
	    connect(fd, (struct sockaddr *)&addr, sizeof (addr)) == -1) {
		err = errno;
		(void) close(fd);
		errno = err;
		return (-1);
	}
	return (fd);
}

/* A listening socket, or -1 and errno. */
static int
vsock_listen(uint32_t port, int type, int backlog, uint64_t size)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK,
		.svm_port = port,
		.svm_cid = VMADDR_CID_ANY
	};
	int err, fd;

	if ((fd = socket(AF_VSOCK, type | SOCK_CLOEXEC, 0)) == -1)
		return (-1);
	if (vsock_size(fd, size) == -1 ||
	    bind(fd, (struct sockaddr *)&addr, sizeof (addr)) == -1 ||
	    listen(fd, backlog) == -1) {
		err = errno;
		(void) close(fd);
		errno = err;
		return (-1);
	}
	return (fd);
}

/* An accepted socket and the peer's address, or -1 and errno. */
static int
vsock_accept(int lfd, struct sockaddr_vm *addr)
{
	socklen_t len = sizeof (*addr);
	int fd;

	do {
		fd = accept4(lfd, (struct sockaddr *)addr, &len, SOCK_CLOEXEC);
	} while (fd == -1 && errno == EINTR);
	return (fd);
}

/*
 * Bulk traffic: the server.
 */

static void *
server_conn(void *arg)
{
	server_conn_t *sc = arg;
	server_t *sv = sc->sc_server;
	fail_t fail = { 0 };
	header_t h;
	ssize_t rv;

	do {
		rv = recv(sc->sc_fd, &h, sizeof (h), MSG_WAITALL);
	} while (rv == -1 && errno == EINTR);
	if (rv == -1) {
		fail_set(&fail, errno, "recv of the header", 0);
	} else if (rv != sizeof (h)) {
		fail_set(&fail, EPIPE, "recv of the header", rv);
	} else if (h.h_magic != HEADER_MAGIC ||
	    (h.h_flags & ~HF_MASK) != 0 || h.h_msg == 0 ||
	    h.h_msg > MAX_MSG) {
		fail_set(&fail, EBADMSG, "recv of the header", rv);
	} else {
		flow_t out = {
			.fl_fd = sc->sc_fd,
			.fl_records = sv->sv_records,
			.fl_seed = h.h_down_seed,
			.fl_bytes = h.h_down,
			.fl_msg = h.h_msg,
			.fl_shut = (h.h_flags & HF_SERVER_WR) != 0,
			.fl_count = &sv->sv_sent
		};
		flow_t in = {
			.fl_fd = sc->sc_fd,
			.fl_records = sv->sv_records,
			.fl_seed = h.h_up_seed,
			.fl_bytes = h.h_up,
			.fl_msg = h.h_msg,
			.fl_count = &sv->sv_received
		};

		exchange(&out, &in, (h.h_flags & HF_CLIENT_WR) != 0,
		    (h.h_flags & HF_SERVER_CLOSE) == 0, &fail);
	}
	(void) close(sc->sc_fd);
	if (fail.f_errno != 0) {
		(void) pthread_mutex_lock(&sv->sv_lock);
		fail_set(&sv->sv_fail, fail.f_errno, fail.f_where, fail.f_at);
		(void) pthread_mutex_unlock(&sv->sv_lock);
		(void) atomic_fetch_add(&sv->sv_errors, 1);
	}
	(void) atomic_fetch_sub(&sv->sv_open, 1);
	free(sc);
	return (NULL);
}

static void *
server_main(void *arg)
{
	server_t *sv = arg;
	struct sockaddr_vm addr;
	pthread_t thread;
	int fd;

	while ((fd = vsock_accept(sv->sv_fd, &addr)) != -1) {
		server_conn_t *sc = xmalloc(sizeof (*sc));

		sc->sc_server = sv;
		sc->sc_fd = fd;
		(void) atomic_fetch_add(&sv->sv_open, 1);
		(void) atomic_fetch_add(&sv->sv_conns, 1);
		thread_start(&thread, true, server_conn, sc);
	}
	(void) pthread_mutex_lock(&sv->sv_lock);
	fail_set(&sv->sv_fail, errno, "accept", 0);
	(void) pthread_mutex_unlock(&sv->sv_lock);
	(void) atomic_fetch_add(&sv->sv_errors, 1);
	return (NULL);
}

/*
 * Bulk traffic: the client.
 */

/* Uses an open connection, as the n-th of the run, and closes it. */
static void
run_conn(run_t *ru, uint64_t n, int fd, fail_t *fail)
{
	uint64_t seed = number(ru->ru_seed, n);
	bool records = (ru->ru_type == SOCK_SEQPACKET);
	header_t h = {
		.h_magic = HEADER_MAGIC,
		.h_flags = number(seed, 0) & HF_MASK,
		.h_up_seed = number(seed, 1),
		.h_up = spread(number(seed, 2), ru->ru_max),
		.h_down_seed = number(seed, 3),
		.h_down = spread(number(seed, 4), ru->ru_max),
		.h_msg = ru->ru_msg
	};
	flow_t out = {
		.fl_fd = fd,
		.fl_records = records,
		.fl_seed = h.h_up_seed,
		.fl_bytes = h.h_up,
		.fl_msg = h.h_msg,
		.fl_shut = (h.h_flags & HF_CLIENT_WR) != 0,
		.fl_count = &ru->ru_sent
	};
	flow_t in = {
		.fl_fd = fd,
		.fl_records = records,
		.fl_seed = h.h_down_seed,
		.fl_bytes = h.h_down,
		.fl_msg = h.h_msg,
		.fl_count = &ru->ru_received
	};

	if (send(fd, &h, sizeof (h), MSG_NOSIGNAL) != sizeof (h)) {
		fail_set(fail, errno, "send of the header", 0);
	} else {
		exchange(&out, &in, (h.h_flags & HF_SERVER_WR) != 0,
		    (h.h_flags & HF_SERVER_CLOSE) != 0, fail);
	}
	if (close(fd) == -1)
		fail_set(fail, errno, "close", 0);
}

static bool
run_done(run_t *ru)
{
	return (atomic_load(&ru->ru_stop) ||
	    (ru->ru_deadline != 0 && now_ms() >= ru->ru_deadline));
}

/*
 * A worker makes one connection after another.  With ru_hold each makes the
 * same number of them, in step: those of all workers are open before the first
 * is used.
 */
static void *
run_worker(void *arg)
{
	run_t *ru = arg;
	uint64_t done, n;

	for (done = 0; ; done++) {
		fail_t fail = { 0 };
		int err, fd;

		if (ru->ru_hold) {
			if (done == ru->ru_count)
				break;
		} else if (run_done(ru)) {
			break;
		}
		n = atomic_fetch_add(&ru->ru_ticket, 1);
		if (!ru->ru_hold && n >= ru->ru_count)
			break;

		fd = vsock_connect(ru->ru_cid, ru->ru_port, ru->ru_type, 0,
		    CONNECT_WAIT);
		err = errno;
		if (ru->ru_hold)
			(void) pthread_barrier_wait(&ru->ru_barrier);
		if (fd == -1)
			fail_set(&fail, err, "connect", 0);
		else
			run_conn(ru, n, fd, &fail);
		if (fail.f_errno != 0) {
			(void) pthread_mutex_lock(&ru->ru_lock);
			fail_set(&ru->ru_fail, fail.f_errno, fail.f_where,
			    fail.f_at);
			(void) pthread_mutex_unlock(&ru->ru_lock);
			atomic_store(&ru->ru_stop, true);
		} else {
			(void) atomic_fetch_add(&ru->ru_conns, 1);
		}
	}
	return (NULL);
}

/*
 * Commands: arguments and replies.
 */

static void __attribute__((format(printf, 2, 3)))
reply(const command_t *c, const char *fmt, ...)
{
	char *text, *line;
	size_t done = 0, len;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) == -1)
		abort();
	va_end(ap);
	if (asprintf(&line, "%s %s\n", c->c_id, text) == -1)
		abort();
	len = strlen(line);
	(void) pthread_mutex_lock(&out_lock);
	while (done < len) {
		ssize_t rv = write(out_fd, line + done, len - done);

		if (rv == -1 && errno == EINTR)
			continue;
		if (rv == -1)
			exit(1);	/* nobody listens any more */
		done += rv;
	}
	(void) pthread_mutex_unlock(&out_lock);
	free(line);
	free(text);
}

static void
reply_fail(const command_t *c, const fail_t *f)
{
	const char *name = strerrorname_np(f->f_errno);

	reply(c, "error errno=%s where=%s at=%llu",
	    name != NULL ? name : "unknown", f->f_where,
	    (unsigned long long)f->f_at);
}

static void
reply_errno(const command_t *c, const char *where)
{
	fail_t f = { .f_errno = errno, .f_where = where };

	reply_fail(c, &f);
}

/* The value of `key', up to a blank (in buf), or NULL. */
static const char *
arg_string(const command_t *c, const char *key, char *buf, size_t size)
{
	size_t keylen = strlen(key);
	const char *p = c->c_args;

	while (*p != '\0') {
		size_t len = strcspn(p, " ");

		if (len > keylen && p[keylen] == '=' &&
		    strncmp(p, key, keylen) == 0) {
			(void) snprintf(buf, size, "%.*s",
			    (int)(len - keylen - 1), p + keylen + 1);
			return (buf);
		}
		p += len;
		p += strspn(p, " ");
	}
	return (NULL);
}

static uint64_t
arg(const command_t *c, const char *key, uint64_t def)
{
	char buf[32];
	const char *s = arg_string(c, key, buf, sizeof (buf));

	return (s != NULL ? strtoull(s, NULL, 0) : def);
}

static int
arg_type(const command_t *c)
{
	char buf[16];
	const char *s = arg_string(c, "type", buf, sizeof (buf));

	return (s != NULL && strcmp(s, "seqpacket") == 0 ?
	    SOCK_SEQPACKET : SOCK_STREAM);
}

/* Whether the socket is one of records. */
static bool
is_records(int fd)
{
	socklen_t len = sizeof (int);
	int type;

	return (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	    type == SOCK_SEQPACKET);
}

static progress_t *
progress_of(int fd)
{
	if (fd < 0 || fd >= MAX_FD) {
		(void) fprintf(stderr, "traffic: fd %d\n", fd);
		abort();
	}
	return (&progress[fd]);
}

static void
progress_clear(int fd)
{
	progress_t *pr = progress_of(fd);

	atomic_store(&pr->pr_sent, 0);
	atomic_store(&pr->pr_received, 0);
}

/*
 * Commands.
 */

static void
cmd_listen(command_t *c)
{
	int fd = vsock_listen(arg(c, "port", 0), arg_type(c),
	    arg(c, "backlog", SOMAXCONN), arg(c, "size", 0));

	if (fd == -1)
		reply_errno(c, "listen");
	else
		reply(c, "ok fd=%d", fd);
}

static void
cmd_accept(command_t *c)
{
	struct sockaddr_vm addr, local;
	socklen_t len = sizeof (local);
	int fd = vsock_accept(arg(c, "fd", 0), &addr);

	if (fd == -1) {
		reply_errno(c, "accept");
		return;
	}
	if (getsockname(fd, (struct sockaddr *)&local, &len) == -1) {
		reply_errno(c, "getsockname");
		(void) close(fd);
		return;
	}
	progress_clear(fd);
	reply(c, "ok fd=%d cid=%u port=%u local=%u", fd, addr.svm_cid,
	    addr.svm_port, local.svm_cid);
}

static void
cmd_connect(command_t *c)
{
	uint64_t start = now_ms();
	int fd = vsock_connect(arg(c, "cid", 0), arg(c, "port", 0),
	    arg_type(c), arg(c, "size", 0), arg(c, "wait", CONNECT_WAIT));
	unsigned long long ms = now_ms() - start;
	int err = errno;

	if (fd == -1) {
		const char *name = strerrorname_np(err);

		reply(c, "error errno=%s where=connect ms=%llu",
		    name != NULL ? name : "unknown", ms);
		return;
	}
	progress_clear(fd);
	reply(c, "ok fd=%d ms=%llu", fd, ms);
}

static void
cmd_send(command_t *c)
{
	int fd = arg(c, "fd", -1);
	flow_t fl = {
		.fl_fd = fd,
		.fl_records = is_records(fd),
		.fl_seed = arg(c, "seed", 0),
		.fl_offset = arg(c, "offset", 0),
		.fl_bytes = arg(c, "bytes", 0),
		.fl_msg = arg(c, "msg", DEF_MSG),
		.fl_count = &progress_of(fd)->pr_sent
	};

	flow_send(&fl);
	if (fl.fl_fail.f_errno != 0)
		reply_fail(c, &fl.fl_fail);
	else
		reply(c, "ok bytes=%llu", (unsigned long long)fl.fl_done);
}

static void
cmd_recv(command_t *c)
{
	int fd = arg(c, "fd", -1);
	flow_t fl = {
		.fl_fd = fd,
		.fl_records = is_records(fd),
		.fl_seed = arg(c, "seed", 0),
		.fl_offset = arg(c, "offset", 0),
		.fl_bytes = arg(c, "bytes", UINT64_MAX),
		.fl_msg = arg(c, "msg", DEF_MSG),
		.fl_count = &progress_of(fd)->pr_received
	};

	flow_recv(&fl);
	if (fl.fl_fail.f_errno != 0) {
		reply_fail(c, &fl.fl_fail);
	} else {
		reply(c, "ok bytes=%llu eof=%d",
		    (unsigned long long)fl.fl_done, fl.fl_eof);
	}
}

/* "flags": MSG_*. */
static int
arg_flags(const command_t *c)
{
	static const struct {
		const char	*f_name;
		int		f_flag;
	} names[] = {
		{ "eor",	MSG_EOR },
		{ "peek",	MSG_PEEK },
		{ "trunc",	MSG_TRUNC },
		{ "waitall",	MSG_WAITALL },
		{ "dontwait",	MSG_DONTWAIT }
	};
	char buf[64], *p = buf, *word;
	int flags = 0;
	size_t i;

	if (arg_string(c, "flags", buf, sizeof (buf)) == NULL)
		return (0);
	while ((word = strsep(&p, ",")) != NULL) {
		for (i = 0; i < sizeof (names) / sizeof (names[0]); i++) {
			if (strcmp(word, names[i].f_name) == 0)
				flags |= names[i].f_flag;
		}
	}
	return (flags);
}

static void
cmd_put(command_t *c)
{
	size_t len = arg(c, "bytes", 0);
	uint8_t *buf = xmalloc(len + 1);
	struct iovec iov = { buf, len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t rv;

	pattern_fill(arg(c, "seed", 0), 0, buf, len);
	do {
		rv = sendmsg(arg(c, "fd", -1), &mh,
		    arg_flags(c) | MSG_NOSIGNAL);
	} while (rv == -1 && errno == EINTR);
	if (rv == -1)
		reply_errno(c, "sendmsg");
	else
		reply(c, "ok bytes=%zd", rv);
	free(buf);
}

static void
cmd_get(command_t *c)
{
	size_t room = arg(c, "room", DEF_MSG), got;
	uint8_t *buf = xmalloc(room + 1);
	struct iovec iov = { buf, room };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t rv;

	do {
		rv = recvmsg(arg(c, "fd", -1), &mh, arg_flags(c));
	} while (rv == -1 && errno == EINTR);
	got = (rv > 0 && (size_t)rv > room) ? room : (size_t)rv;
	if (rv > 0 && pattern_check(arg(c, "seed", 0), 0, buf, got) != got) {
		errno = EBADMSG;
		rv = -1;
	}
	if (rv == -1) {
		reply_errno(c, "recvmsg");
	} else {
		reply(c, "ok bytes=%zd trunc=%d eor=%d", rv,
		    (mh.msg_flags & MSG_TRUNC) != 0,
		    (mh.msg_flags & MSG_EOR) != 0);
	}
	free(buf);
}

static void
cmd_progress(command_t *c)
{
	progress_t *pr = progress_of(arg(c, "fd", -1));

	reply(c, "ok sent=%llu received=%llu",
	    (unsigned long long)atomic_load(&pr->pr_sent),
	    (unsigned long long)atomic_load(&pr->pr_received));
}

static void
cmd_shutdown(command_t *c)
{
	char buf[8];
	const char *s = arg_string(c, "how", buf, sizeof (buf));
	int how = SHUT_RDWR;

	if (s != NULL && strcmp(s, "rd") == 0)
		how = SHUT_RD;
	else if (s != NULL && strcmp(s, "wr") == 0)
		how = SHUT_WR;
	if (shutdown(arg(c, "fd", -1), how) == -1)
		reply_errno(c, "shutdown");
	else
		reply(c, "ok");
}

static void
cmd_close(command_t *c)
{
	if (close(arg(c, "fd", -1)) == -1)
		reply_errno(c, "close");
	else
		reply(c, "ok");
}

static void
cmd_option(command_t *c)
{
	static const struct {
		const char	*o_name;
		int		o_number;
	} options[] = {
		{ "size",	SO_VM_SOCKETS_BUFFER_SIZE },
		{ "min",	SO_VM_SOCKETS_BUFFER_MIN_SIZE },
		{ "max",	SO_VM_SOCKETS_BUFFER_MAX_SIZE }
	};
	char buf[16];
	const char *s = arg_string(c, "name", buf, sizeof (buf));
	int fd = arg(c, "fd", -1);
	size_t i;

	for (i = 0; i < sizeof (options) / sizeof (options[0]); i++) {
		int number = options[i].o_number;
		uint64_t value = arg(c, "value", 0);
		socklen_t len = sizeof (value);

		if (s == NULL || strcmp(s, options[i].o_name) != 0)
			continue;
		if (value != 0 && setsockopt(fd, AF_VSOCK, number, &value,
		    len) == -1) {
			reply_errno(c, "setsockopt");
			return;
		}
		if (getsockopt(fd, AF_VSOCK, number, &value, &len) == -1) {
			reply_errno(c, "getsockopt");
			return;
		}
		reply(c, "ok value=%llu", (unsigned long long)value);
		return;
	}
	errno = ENOPROTOOPT;
	reply_errno(c, "option");
}

static void
cmd_serve(command_t *c)
{
	int fd, type = arg_type(c);
	pthread_t thread;
	unsigned int i;
	server_t *sv;

	fd = vsock_listen(arg(c, "port", 0), type, SERVE_BACKLOG, 0);
	if (fd == -1) {
		reply_errno(c, "listen");
		return;
	}
	if ((i = atomic_fetch_add(&server_count, 1)) >= MAX_SERVERS) {
		(void) fprintf(stderr, "traffic: too many servers\n");
		abort();
	}
	sv = &servers[i];
	(void) pthread_mutex_init(&sv->sv_lock, NULL);
	sv->sv_fd = fd;
	sv->sv_records = (type == SOCK_SEQPACKET);
	thread_start(&thread, true, server_main, sv);
	reply(c, "ok server=%u", i);
}

static void
cmd_served(command_t *c)
{
	unsigned int i = arg(c, "server", 0);
	server_t *sv = &servers[i % MAX_SERVERS];
	const char *name = NULL;
	fail_t f;

	(void) pthread_mutex_lock(&sv->sv_lock);
	f = sv->sv_fail;
	(void) pthread_mutex_unlock(&sv->sv_lock);
	if (f.f_errno != 0)
		name = strerrorname_np(f.f_errno);
	reply(c, "ok conns=%llu open=%llu sent=%llu received=%llu "
	    "errors=%llu errno=%s at=%llu where=%s",
	    (unsigned long long)atomic_load(&sv->sv_conns),
	    (unsigned long long)atomic_load(&sv->sv_open),
	    (unsigned long long)atomic_load(&sv->sv_sent),
	    (unsigned long long)atomic_load(&sv->sv_received),
	    (unsigned long long)atomic_load(&sv->sv_errors),
	    name != NULL ? name : "none", (unsigned long long)f.f_at,
	    f.f_where != NULL ? f.f_where : "nowhere");
}

static void
cmd_run(command_t *c)
{
	uint64_t parallel = arg(c, "parallel", 1);
	uint64_t seconds = arg(c, "seconds", 0);
	uint64_t start = now_ms(), i;
	run_t ru = {
		.ru_cid = arg(c, "cid", 0),
		.ru_port = arg(c, "port", 0),
		.ru_type = arg_type(c),
		.ru_count = arg(c, "count", UINT64_MAX),
		.ru_deadline = seconds != 0 ? start + seconds * 1000 : 0,
		.ru_seed = arg(c, "seed", 0),
		.ru_max = arg(c, "max", DEF_MSG),
		.ru_msg = arg(c, "msg", DEF_MSG),
		.ru_hold = arg(c, "hold", 0) != 0
	};
	pthread_t *workers = xmalloc(parallel * sizeof (pthread_t));

	if (ru.ru_hold) {
		ru.ru_count /= parallel;
		(void) pthread_barrier_init(&ru.ru_barrier, NULL, parallel);
	}
	(void) pthread_mutex_init(&ru.ru_lock, NULL);
	for (i = 0; i < parallel; i++)
		thread_start(&workers[i], false, run_worker, &ru);
	for (i = 0; i < parallel; i++)
		(void) pthread_join(workers[i], NULL);
	free(workers);
	if (ru.ru_hold)
		(void) pthread_barrier_destroy(&ru.ru_barrier);
	(void) pthread_mutex_destroy(&ru.ru_lock);

	if (ru.ru_fail.f_errno != 0) {
		reply_fail(c, &ru.ru_fail);
		return;
	}
	reply(c, "ok conns=%llu sent=%llu received=%llu ms=%llu",
	    (unsigned long long)atomic_load(&ru.ru_conns),
	    (unsigned long long)atomic_load(&ru.ru_sent),
	    (unsigned long long)atomic_load(&ru.ru_received),
	    (unsigned long long)(now_ms() - start));
}

/* Its output goes into the reply; what is not plain is percent-encoded. */
static void
cmd_sh(command_t *c)
{
	const char *cmd = strstr(c->c_args, "cmd=");
	char *out = NULL;
	size_t outlen = 0;
	FILE *text, *pipe;
	int byte, status;

	if (cmd == NULL || (pipe = popen(cmd + 4, "re")) == NULL) {
		reply_errno(c, "popen");
		return;
	}
	if ((text = open_memstream(&out, &outlen)) == NULL)
		abort();
	while ((byte = getc(pipe)) != EOF) {
		if (byte > ' ' && byte < 0x7f && byte != '%')
			(void) fputc(byte, text);
		else
			(void) fprintf(text, "%%%02x", byte);
	}
	status = pclose(pipe);
	(void) fclose(text);
	reply(c, "ok status=%d out=%s",
	    WIFEXITED(status) ? WEXITSTATUS(status) : 255, out);
	free(out);
}

static const struct {
	const char	*ct_name;
	void		(*ct_func)(command_t *);
} command_table[] = {
	{ "accept",	cmd_accept },
	{ "close",	cmd_close },
	{ "connect",	cmd_connect },
	{ "get",	cmd_get },
	{ "listen",	cmd_listen },
	{ "option",	cmd_option },
	{ "progress",	cmd_progress },
	{ "put",	cmd_put },
	{ "recv",	cmd_recv },
	{ "run",	cmd_run },
	{ "send",	cmd_send },
	{ "serve",	cmd_serve },
	{ "served",	cmd_served },
	{ "sh",		cmd_sh },
	{ "shutdown",	cmd_shutdown }
};

static void *
command_main(void *arg)
{
	command_t *c = arg;
	size_t i;

	for (i = 0; i < sizeof (command_table) / sizeof (command_table[0]);
	    i++) {
		if (strcmp(c->c_name, command_table[i].ct_name) == 0) {
			command_table[i].ct_func(c);
			free(c);
			return (NULL);
		}
	}
	errno = ENOSYS;
	reply_errno(c, "command");
	free(c);
	return (NULL);
}

void
traffic_serve(int infd, int outfd)
{
	static const char ready[] = "ready\n";
	char line[LINE_LEN];
	pthread_t thread;
	FILE *in;

	out_fd = outfd;
	if ((in = fdopen(infd, "r")) == NULL ||
	    write(outfd, ready, sizeof (ready) - 1) != sizeof (ready) - 1)
		return;
	while (fgets(line, sizeof (line), in) != NULL) {
		command_t *c = xmalloc(sizeof (*c));
		char *p = c->c_line;

		(void) strcpy(p, line);
		p[strcspn(p, "\r\n")] = '\0';
		c->c_id = strsep(&p, " ");
		c->c_name = p != NULL ? strsep(&p, " ") : "";
		c->c_args = p != NULL ? p : "";
		if (strcmp(c->c_name, "exit") == 0) {
			free(c);
			break;
		}
		thread_start(&thread, true, command_main, c);
	}
}
