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
 * Socket calls in any order, on many sockets of both types, over the loopback
 * transport, and a model of what they answer.
 *
 * Nothing blocks; and after a call whatever follows from it has happened.  So
 * the model is exact where it matters: what can be read is what was sent and
 * not read yet, in order and, of records, one at a time; when there is an end,
 * and when an error; what poll(2) says is what a call would do.
 *
 * Or the calls come from several threads at a time (fuzz_threads()), and the
 * model knows no more than what holds in whatever order they take effect:
 *
 *	a stream	one thread writes each way, one reads; what it reads
 *			is what was written, from the beginning, and no more
 *	records		everybody writes and reads at both ends.  A record
 *			comes once and as a whole; to one reader, those of one
 *			writer come in order
 *	a listener	everybody connects to it and accepts
 *	at the end	what is left is read: unless somebody has shut what
 *			it came by, it is all that there was
 */

#include <sys/disp.h>
#include <sys/kmem.h>
#include <sys/param.h>
#include <sys/poll.h>
#include <sys/proc.h>
#include <sys/sysmacros.h>
#include <sys/thread.h>
#include <fktest.h>
#include "../unit/hv_guest.h"
#include "fuzz.h"

#define	PORT		3000
#define	PORTS		4
#define	SOCKS		10
#define	OPS		300
#define	BACKLOG		3
#define	MAXDATA		8192
#define	MAXRECS		4096		/* records in a direction */
#define	THREADS		4
#define	CALLS		200		/* of a thread */

typedef enum state {
	CLOSED,
	FRESH,
	BOUND,
	LISTENING,
	FAILED,			/* an attempt to connect has */
	CONNECTED
} state_t;

/* What goes from one end of a connection to the other. */
typedef struct flow {
	uint32_t	f_sent;
	uint32_t	f_read;
	uint32_t	f_reclen[MAXRECS];
	uint_t		f_nrecs;
	uint_t		f_readrecs;
	boolean_t	f_nosend;	/* the sender has shut, or gone */
	boolean_t	f_norecv;	/* the receiver has */
	uint8_t		f_seed;
} flow_t;

/* A connection; both ends have it, or one and the queue of a listener. */
typedef struct pair {
	flow_t		p_flow[2];	/* from end 0, from end 1 */
	uint_t		p_refs;
} pair_t;

typedef struct sock {
	state_t		s_state;
	fsk_file_t	*s_file;
	int		s_type;
	uint32_t	s_port;		/* 0: none that we chose */
	pair_t		*s_pair;
	uint_t		s_end;
	uint_t		s_waiting;	/* a listener's queue */
	pair_t		*s_queue[BACKLOG + 2];
	boolean_t	s_both;		/* shutdown() of both halves */
} sock_t;

static sock_t socks[SOCKS];
static uint8_t *buffer;
static uint8_t seed;

void
fuzz_init(void)
{
	hv_begin();
	buffer = kmem_alloc(MAXDATA + 1, KM_SLEEP);
}

void
fuzz_fini(void)
{
	kmem_free(buffer, MAXDATA + 1);
	hv_end();
}

static uint8_t
pattern(const flow_t *f, uint32_t off)
{
	return ((uint8_t)(off * 7 + (off >> 8) * 13 + f->f_seed));
}

static void
pair_rele(pair_t *p)
{
	if (--p->p_refs == 0)
		kmem_free(p, sizeof (*p));
}

static sock_t *
by_port(uint32_t port)
{
	for (sock_t *s = socks; s < socks + SOCKS; s++) {
		if (s->s_state != CLOSED && s->s_port == port)
			return (s);
	}
	return (NULL);
}

static flow_t *
sends(sock_t *s)
{
	return (&s->s_pair->p_flow[s->s_end]);
}

static flow_t *
reads(sock_t *s)
{
	return (&s->s_pair->p_flow[!s->s_end]);
}

static void
do_bind(fuzz_t *fz, sock_t *s)
{
	struct sockaddr_vm svm = {
		.svm_family	= AF_VSOCK,
		.svm_cid	= fuzz_below(fz, 2) ? VMADDR_CID_ANY :
		    VMADDR_CID_LOCAL,
		.svm_port	= PORT + fuzz_below(fz, PORTS)
	};
	int err = fsk_bind(s->s_file, &svm, sizeof (svm));

	if (s->s_state != FRESH) {
		VERIFY3S(err, ==, EINVAL);
	} else if (by_port(svm.svm_port) != NULL) {
		VERIFY3S(err, ==, EADDRINUSE);
	} else if (err == 0) {
		s->s_state = BOUND;
		s->s_port = svm.svm_port;
	} else {
		/* A connection from there is closing, or being accepted. */
		VERIFY3S(err, ==, EADDRINUSE);
	}
}

static void
do_listen(sock_t *s)
{
	int err = fsk_listen(s->s_file, BACKLOG);

	switch (s->s_state) {
	case BOUND:
		VERIFY0(err);
		s->s_state = LISTENING;
		break;
	case LISTENING:
		break;
	case FAILED:
		/* It may have got an address. */
		if (err == 0)
			s->s_state = LISTENING;
		break;
	default:
		VERIFY3S(err, !=, 0);
		break;
	}
}

static void
do_connect(fuzz_t *fz, sock_t *s)
{
	struct sockaddr_vm svm = {
		.svm_family	= AF_VSOCK,
		.svm_cid	= VMADDR_CID_LOCAL,
		.svm_port	= PORT + fuzz_below(fz, PORTS)
	};
	sock_t *l = by_port(svm.svm_port);
	int err, soerr;
	uint32_t len = sizeof (soerr);

	err = fsk_connect(s->s_file, &svm, sizeof (svm));
	hv_settle();
	switch (s->s_state) {
	case CONNECTED:
		/* Until it was reset, perhaps. */
		VERIFY3S(err, !=, 0);
		VERIFY3S(err, !=, EINPROGRESS);
		return;
	case LISTENING:
		VERIFY3S(err, !=, 0);
		VERIFY3S(err, !=, EINPROGRESS);
		return;
	default:
		break;
	}
	if (err == EINPROGRESS) {
		VERIFY0(fsk_getsockopt(s->s_file, SOL_SOCKET, SO_ERROR,
		    &soerr, &len));
		err = soerr;
	}
	if (err != 0) {
		/* Only a listener that is there and has room has to answer. */
		VERIFY(l == NULL || l->s_state != LISTENING ||
		    l->s_type != s->s_type || l->s_waiting >= BACKLOG ||
		    s->s_state == FAILED || l == s);
		s->s_state = FAILED;
		return;
	}
	VERIFY3P(l, !=, NULL);
	VERIFY3S(l->s_state, ==, LISTENING);
	VERIFY3S(l->s_type, ==, s->s_type);
	VERIFY3U(l->s_waiting, <, BACKLOG + 2);
	s->s_pair = kmem_zalloc(sizeof (pair_t), KM_SLEEP);
	s->s_pair->p_refs = 2;
	s->s_pair->p_flow[0].f_seed = seed++;
	s->s_pair->p_flow[1].f_seed = seed++;
	s->s_end = 0;
	s->s_state = CONNECTED;
	l->s_queue[l->s_waiting++] = s->s_pair;
}

static void
do_accept(sock_t *l, sock_t *s)
{
	fsk_file_t *f;
	int err;

	err = fsk_accept(l->s_file, NULL, NULL, &f);
	if (l->s_state != LISTENING) {
		VERIFY3S(err, !=, 0);
		return;
	}
	if (l->s_waiting == 0) {
		VERIFY3S(err, ==, EWOULDBLOCK);
		return;
	}
	VERIFY0(err);
	fsk_set_nonblock(f, true);
	s->s_file = f;
	s->s_type = l->s_type;
	s->s_state = CONNECTED;
	s->s_pair = l->s_queue[0];
	s->s_end = 1;
	s->s_port = 0;
	l->s_waiting--;
	for (uint_t i = 0; i < l->s_waiting; i++)
		l->s_queue[i] = l->s_queue[i + 1];
}

static void
do_send(fuzz_t *fz, sock_t *s)
{
	size_t len = 1 + fuzz_byte(fz) * (1 + fuzz_below(fz, 32)), n = 0;
	flow_t *f;
	int err;

	len = MIN(len, MAXDATA);
	if (s->s_state == CONNECTED) {
		f = sends(s);
		if (f->f_nrecs == MAXRECS)
			return;
		for (size_t i = 0; i < len; i++)
			buffer[i] = pattern(f, f->f_sent + (uint32_t)i);
	}
	err = fsk_send(s->s_file, buffer, len, 0, &n);
	hv_settle();
	if (s->s_state != CONNECTED) {
		VERIFY3S(err, !=, 0);
		VERIFY0(n);
		return;
	}
	if (f->f_nosend || f->f_norecv) {
		VERIFY3S(err, !=, 0);
		VERIFY3S(err, !=, EWOULDBLOCK);
		VERIFY0(n);
		return;
	}
	VERIFY(err == 0 || err == EWOULDBLOCK);
	VERIFY((err == 0) == (n != 0));
	if (s->s_type == SOCK_SEQPACKET && n != 0) {
		VERIFY3U(n, ==, len);
		f->f_reclen[f->f_nrecs++] = (uint32_t)n;
	}
	f->f_sent += (uint32_t)n;
}

static void
do_recv(fuzz_t *fz, sock_t *s)
{
	size_t len = 1 + fuzz_byte(fz) * (1 + fuzz_below(fz, 32)), n = 0;
	boolean_t peek = fuzz_below(fz, 4) == 0;
	fsk_iov_t iov = { .fi_base = buffer };
	int err, flags = peek ? MSG_PEEK : 0;
	uint32_t left, reclen = 0;
	flow_t *f;

	iov.fi_len = len = MIN(len, MAXDATA);
	err = fsk_recvv(s->s_file, &iov, 1, &flags, &n);
	hv_settle();
	if (s->s_state != CONNECTED) {
		VERIFY0(n);
		return;
	}
	f = reads(s);
	left = f->f_sent - f->f_read;
	if (s->s_type == SOCK_SEQPACKET && left != 0)
		left = reclen = f->f_reclen[f->f_readrecs];
	if (f->f_norecv) {
		VERIFY0(n);
		return;
	}
	if (left == 0) {
		VERIFY0(n);
		if (f->f_nosend)
			VERIFY3S(err, !=, EWOULDBLOCK);
		else
			VERIFY3S(err, ==, EWOULDBLOCK);
		return;
	}
	VERIFY0(err);
	VERIFY3U(n, >, 0);
	VERIFY3U(n, <=, len);
	VERIFY3U(n, <=, left);
	for (size_t i = 0; i < n; i++)
		VERIFY3U(buffer[i], ==, pattern(f, f->f_read + (uint32_t)i));
	if (s->s_type == SOCK_SEQPACKET) {
		VERIFY3U(n, ==, MIN(len, reclen));
		VERIFY3S((flags & MSG_TRUNC) != 0, ==, len < reclen);
	}
	if (peek)
		return;
	if (s->s_type == SOCK_SEQPACKET) {
		f->f_read += reclen;
		f->f_readrecs++;
	} else {
		f->f_read += (uint32_t)n;
	}
}

static void
do_shutdown(fuzz_t *fz, sock_t *s)
{
	int how = fuzz_below(fz, 3), err;

	err = fsk_shutdown(s->s_file, how);
	hv_settle();
	if (s->s_state != CONNECTED) {
		VERIFY3S(err, !=, 0);
		return;
	}
	if (err != 0) {
		/* It is over. */
		VERIFY(reads(s)->f_nosend && sends(s)->f_norecv);
		return;
	}
	if (how != SHUT_WR)
		reads(s)->f_norecv = B_TRUE;
	if (how != SHUT_RD)
		sends(s)->f_nosend = B_TRUE;
	/* With both halves shut by one side, the other need not agree. */
	if (reads(s)->f_norecv && sends(s)->f_nosend)
		s->s_both = B_TRUE;
}

static void
do_close(sock_t *s)
{
	VERIFY0(fsk_close(s->s_file));
	hv_settle();
	if (s->s_state == CONNECTED) {
		sends(s)->f_nosend = B_TRUE;
		reads(s)->f_norecv = B_TRUE;
		pair_rele(s->s_pair);
	}
	for (uint_t i = 0; i < s->s_waiting; i++) {
		s->s_queue[i]->p_flow[1].f_nosend = B_TRUE;
		s->s_queue[i]->p_flow[0].f_norecv = B_TRUE;
		pair_rele(s->s_queue[i]);
	}
	bzero(s, sizeof (*s));
}

static void
do_poll(sock_t *s)
{
	short rev = fsk_poll(s->s_file, POLLIN | POLLOUT);
	flow_t *f;

	switch (s->s_state) {
	case LISTENING:
		VERIFY3S((rev & POLLIN) != 0, ==, s->s_waiting != 0);
		break;
	case CONNECTED:
		f = reads(s);
		if (f->f_sent != f->f_read || f->f_nosend || f->f_norecv)
			VERIFY((rev & POLLIN) != 0);
		else
			VERIFY0(rev & POLLIN);
		f = sends(s);
		if (f->f_nosend || f->f_norecv)
			VERIFY((rev & (POLLOUT | POLLHUP | POLLERR)) != 0);
		else if (f->f_sent == f->f_read)
			VERIFY((rev & POLLOUT) != 0);
		break;
	default:
		break;
	}
}

static void
do_name(sock_t *s)
{
	struct sockaddr_vm svm;
	uint32_t len = sizeof (svm);
	int err = fsk_getpeername(s->s_file, &svm, &len);

	if (s->s_state != CONNECTED)
		VERIFY3S(err, ==, ENOTCONN);
	len = sizeof (svm);
	VERIFY0(fsk_getsockname(s->s_file, &svm, &len));
	VERIFY3U(len, ==, sizeof (svm));
	if (s->s_port != 0)
		VERIFY3U(svm.svm_port, ==, s->s_port);
}

/* Options change what fits, and nothing else. */
static void
do_option(fuzz_t *fz, sock_t *s)
{
	static const int names[] = {
		SO_VM_SOCKETS_BUFFER_SIZE, SO_VM_SOCKETS_BUFFER_MIN_SIZE,
		SO_VM_SOCKETS_BUFFER_MAX_SIZE
	};
	uint64_t val = fuzz_edge(fz);
	int ival = (int)fuzz_edge(fz);

	/* Small ones only before there are data that they have to hold. */
	if (s->s_type == SOCK_SEQPACKET)
		return;
	if (fuzz_below(fz, 2) == 0) {
		(void) fsk_setsockopt(s->s_file, AF_VSOCK,
		    names[fuzz_below(fz, ARRAY_SIZE(names))], &val,
		    sizeof (val));
	} else {
		(void) fsk_setsockopt(s->s_file, SOL_SOCKET,
		    fuzz_below(fz, 2) ? SO_RCVBUF : SO_SNDBUF, &ival,
		    sizeof (ival));
	}
}

/*
 * Threads
 */

/* A direction of the stream, or of the records. */
typedef struct way {
	fsk_file_t	*y_from;
	fsk_file_t	*y_to;
	uint32_t	y_shut;		/* atomic: somebody may have */
	uint32_t	y_over;		/* atomic: its sender's end has been */
	/* the stream */
	uint32_t	y_offered;	/* atomic: to be written, at most */
	uint32_t	y_written;	/* by its writer alone */
	uint32_t	y_read;		/* by its reader alone */
	/* records, by their writer */
	uint32_t	y_sent[THREADS];
	uint32_t	y_seen[THREADS][CALLS];	/* atomic */
} way_t;

/* What a record begins with. */
typedef struct record {
	uint32_t	r_writer;
	uint32_t	r_seq;
	uint32_t	r_len;
} record_t;

typedef struct worker {
	fuzz_t		w_fz;
	uint_t		w_id;
	uint8_t		w_buf[MAXDATA];
	uint32_t	w_next[2][THREADS];	/* r_seq of records, at least */
} worker_t;

static way_t stream[2], records[2];
static fsk_file_t *shared;		/* a listener */
static uint32_t nconnects, naccepts;	/* atomic */

static uint8_t
record_byte(const record_t *r, uint32_t off)
{
	return ((uint8_t)(off * 7 + r->r_writer * 31 + r->r_seq * 13));
}

static boolean_t
way_shut(way_t *y)
{
	return (__atomic_load_n(&y->y_shut, __ATOMIC_ACQUIRE) != 0);
}

static boolean_t
way_over(way_t *y)
{
	return (__atomic_load_n(&y->y_over, __ATOMIC_ACQUIRE) != 0);
}

static void
stream_write(worker_t *w, way_t *y)
{
	uint32_t len = 1 + fuzz_byte(&w->w_fz) * (1 + fuzz_byte(&w->w_fz) % 32);
	boolean_t over = way_over(y);
	size_t n;
	int err;

	for (uint32_t i = 0; i < len; i++)
		w->w_buf[i] = (uint8_t)((y->y_written + i) * 7);
	__atomic_store_n(&y->y_offered, y->y_written + len, __ATOMIC_RELEASE);
	err = fsk_send(y->y_from, w->w_buf, len, 0, &n);
	VERIFY3U(n, <=, len);
	if (over)
		VERIFY0(n);
	else
		VERIFY(err == 0 || err == EWOULDBLOCK || way_shut(y));
	y->y_written += (uint32_t)n;
}

/* B_FALSE: there was nothing. */
static boolean_t
stream_read(worker_t *w, way_t *y)
{
	uint32_t len = 1 + fuzz_byte(&w->w_fz) * (1 + fuzz_byte(&w->w_fz) % 32);
	size_t n;
	int err;

	err = fsk_recv(y->y_to, w->w_buf, len, 0, &n);
	for (size_t i = 0; i < n; i++) {
		VERIFY3U(w->w_buf[i], ==,
		    (uint8_t)((y->y_read + (uint32_t)i) * 7));
	}
	y->y_read += (uint32_t)n;
	VERIFY3U(y->y_read, <=,
	    __atomic_load_n(&y->y_offered, __ATOMIC_ACQUIRE));
	if (n == 0 && err != EWOULDBLOCK)
		VERIFY(way_shut(y));
	return (n != 0);
}

static void
records_write(worker_t *w, way_t *y)
{
	record_t r = {
		.r_writer	= w->w_id,
		.r_seq		= y->y_sent[w->w_id],
		.r_len		= sizeof (r) + fuzz_byte(&w->w_fz) * 8
	};
	size_t n;
	int err;

	for (uint32_t i = sizeof (r); i < r.r_len; i++)
		w->w_buf[i] = record_byte(&r, i);
	bcopy(&r, w->w_buf, sizeof (r));
	err = fsk_send(y->y_from, w->w_buf, r.r_len, 0, &n);
	if (err == 0) {
		VERIFY3U(n, ==, r.r_len);
		y->y_sent[w->w_id]++;
	} else {
		VERIFY0(n);
		VERIFY(err == EWOULDBLOCK || way_shut(y));
	}
}

static boolean_t
records_read(worker_t *w, way_t *y)
{
	fsk_iov_t iov = { .fi_base = w->w_buf, .fi_len = sizeof (w->w_buf) };
	uint32_t *next = w->w_next[y - records];
	int err, flags = 0;
	record_t r;
	size_t n;

	err = fsk_recvv(y->y_to, &iov, 1, &flags, &n);
	if (n == 0) {
		VERIFY(err == EWOULDBLOCK || way_shut(y));
		return (B_FALSE);
	}
	VERIFY3U(n, >=, sizeof (r));
	bcopy(w->w_buf, &r, sizeof (r));
	VERIFY3U(r.r_len, ==, n);
	VERIFY3U(r.r_writer, <, THREADS);
	VERIFY3U(r.r_seq, <, CALLS);
	for (uint32_t i = sizeof (r); i < r.r_len; i++)
		VERIFY3U(w->w_buf[i], ==, record_byte(&r, i));
	VERIFY3U(r.r_seq, >=, next[r.r_writer]);
	next[r.r_writer] = r.r_seq + 1;
	VERIFY0(__atomic_exchange_n(&y->y_seen[r.r_writer][r.r_seq], 1,
	    __ATOMIC_RELAXED));
	return (B_TRUE);
}

/* One end: what comes to it, and what goes. */
static void
ways_shut(fuzz_t *fz, way_t *ways, uint_t me)
{
	int how = fuzz_below(fz, 3);

	if (how != SHUT_WR)
		__atomic_store_n(&ways[!me].y_shut, 1, __ATOMIC_RELEASE);
	if (how != SHUT_RD)
		__atomic_store_n(&ways[me].y_shut, 1, __ATOMIC_RELEASE);
	if (fsk_shutdown(ways[me].y_from, how) == 0 && how != SHUT_RD)
		__atomic_store_n(&ways[me].y_over, 1, __ATOMIC_RELEASE);
}

static void
shared_connect(worker_t *w)
{
	struct sockaddr_vm svm = {
		.svm_family	= AF_VSOCK,
		.svm_cid	= VMADDR_CID_LOCAL,
		.svm_port	= PORT
	};
	fsk_file_t *f;
	size_t n;
	int err;

	VERIFY0(fsk_socket(AF_VSOCK, SOCK_STREAM, 0, &f));
	fsk_set_nonblock(f, true);
	__atomic_add_fetch(&nconnects, 1, __ATOMIC_SEQ_CST);
	err = fsk_connect(f, &svm, sizeof (svm));
	VERIFY(err == 0 || err == EINPROGRESS || err == ECONNRESET);
	if (fuzz_below(&w->w_fz, 2) == 0)
		(void) fsk_send(f, "hello", 5, 0, &n);
	VERIFY0(fsk_close(f));
}

static void
shared_accept(worker_t *w)
{
	fsk_file_t *f;
	char buf[8];
	size_t n;

	if (fsk_accept(shared, NULL, NULL, &f) != 0)
		return;
	VERIFY3U(__atomic_add_fetch(&naccepts, 1, __ATOMIC_SEQ_CST), <=,
	    __atomic_load_n(&nconnects, __ATOMIC_SEQ_CST));
	fsk_set_nonblock(f, true);
	(void) fsk_recv(f, buf, sizeof (buf), 0, &n);
	VERIFY(n == 0 || (n == 5 && bcmp(buf, "hello", 5) == 0));
	VERIFY0(fsk_close(f));
}

static void
worker(void *arg)
{
	worker_t *w = arg;
	fuzz_t *fz = &w->w_fz;
	uint_t calls = 0, way;

	while (fuzz_more(fz) && calls++ < CALLS) {
		way = fuzz_below(fz, 2);
		switch (fuzz_below(fz, 16)) {
		case 0: case 1: case 2: case 3:
			/* Threads 0 and 1 have the one way, the others... */
			if (w->w_id % 2 == 0)
				stream_write(w, &stream[w->w_id / 2]);
			else
				(void) stream_read(w, &stream[w->w_id / 2]);
			break;
		case 4: case 5: case 6:
			records_write(w, &records[way]);
			break;
		case 7: case 8: case 9:
			(void) records_read(w, &records[way]);
			break;
		case 10: case 11:
			shared_connect(w);
			break;
		case 12: case 13:
			shared_accept(w);
			break;
		case 14:
			(void) fsk_poll(stream[way].y_from, POLLIN | POLLOUT);
			(void) fsk_poll(records[way].y_to, POLLIN | POLLOUT);
			(void) fsk_poll(shared, POLLIN);
			break;
		default:
			/* Near the end of what it does. */
			if (fz->fz_left < 16) {
				ways_shut(fz, fuzz_below(fz, 2) == 0 ?
				    stream : records, way);
			}
			break;
		}
	}
	thread_exit();
}

/* A connection to the listener, both of its ends. */
static void
ways_open(way_t *ways, int type)
{
	struct sockaddr_vm svm = {
		.svm_family	= AF_VSOCK,
		.svm_cid	= VMADDR_CID_LOCAL,
		.svm_port	= PORT
	};
	fsk_file_t *l, *end[2];

	bzero(ways, 2 * sizeof (*ways));
	hv_socktype = type;
	l = hv_listen(PORT, 1);
	hv_socktype = SOCK_STREAM;
	VERIFY0(fsk_socket(AF_VSOCK, type, 0, &end[0]));
	VERIFY0(fsk_connect(end[0], &svm, sizeof (svm)));
	fsk_set_nonblock(end[0], true);
	end[1] = hv_accept(l);
	VERIFY0(fsk_close(l));
	for (uint_t i = 0; i < 2; i++) {
		ways[i].y_from = end[i];
		ways[i].y_to = end[!i];
	}
}

static void
ways_close(way_t *ways)
{
	VERIFY0(fsk_close(ways[0].y_from));
	VERIFY0(fsk_close(ways[1].y_from));
}

static void
fuzz_threads(fuzz_t *fz)
{
	worker_t *w = kmem_zalloc(THREADS * sizeof (*w), KM_SLEEP);
	size_t share = fz->fz_left / THREADS;

	ways_open(stream, SOCK_STREAM);
	ways_open(records, SOCK_SEQPACKET);
	nconnects = naccepts = 0;
	shared = hv_listen(PORT, BACKLOG);
	for (uint_t i = 0; i < THREADS; i++) {
		w[i].w_id = i;
		w[i].w_fz.fz_data = fz->fz_data + i * share;
		w[i].w_fz.fz_left = share;
		(void) thread_create(NULL, 0, worker, &w[i], 0, &p0, TS_RUN,
		    minclsyspri);
	}
	hv_settle();
	for (uint_t i = 0; i < 2; i++) {
		while (stream_read(&w[0], &stream[i]))
			hv_settle();
		if (!way_shut(&stream[i]))
			VERIFY3U(stream[i].y_read, ==, stream[i].y_written);
		bzero(w[0].w_next, sizeof (w[0].w_next));
		while (records_read(&w[0], &records[i]))
			hv_settle();
		if (way_shut(&records[i]))
			continue;
		for (uint_t j = 0; j < THREADS; j++) {
			for (uint_t k = 0; k < records[i].y_sent[j]; k++)
				VERIFY3U(records[i].y_seen[j][k], ==, 1);
		}
	}
	ways_close(stream);
	ways_close(records);
	VERIFY0(fsk_close(shared));
	kmem_free(w, THREADS * sizeof (*w));
}

static void
fuzz_calls(fuzz_t *fz)
{
	uint_t ops = 0;

	bzero(socks, sizeof (socks));
	while (fuzz_more(fz) && ops++ < OPS) {
		sock_t *s = &socks[fuzz_below(fz, SOCKS)], *l;

		if (s->s_state == CLOSED) {
			l = &socks[fuzz_below(fz, SOCKS)];
			if (l->s_state != CLOSED) {
				do_accept(l, s);
				continue;
			}
			s->s_type = fuzz_below(fz, 3) == 0 ? SOCK_SEQPACKET :
			    SOCK_STREAM;
			VERIFY0(fsk_socket(AF_VSOCK, s->s_type, 0,
			    &s->s_file));
			fsk_set_nonblock(s->s_file, true);
			s->s_state = FRESH;
			continue;
		}
		switch (fuzz_below(fz, 16)) {
		case 0: case 1:
			do_bind(fz, s);
			break;
		case 2:
			do_listen(s);
			break;
		case 3: case 4:
			do_connect(fz, s);
			break;
		case 5: case 6: case 7:
			do_send(fz, s);
			break;
		case 8: case 9: case 10:
			do_recv(fz, s);
			break;
		case 11:
			do_shutdown(fz, s);
			break;
		case 12:
			do_close(s);
			break;
		case 13:
			do_poll(s);
			break;
		case 14:
			do_name(s);
			break;
		default:
			do_option(fz, s);
			break;
		}
	}
	for (sock_t *s = socks; s < socks + SOCKS; s++) {
		if (s->s_state != CLOSED)
			do_close(s);
	}
}

void
fuzz_one(fuzz_t *fz)
{
	if (fz->fz_left != 0 && *fz->fz_data >= 0xc0)
		fuzz_threads(fz);
	else
		fuzz_calls(fz);
	fk_time_advance(60ULL * NANOSEC);
	VERIFY0(fk_timeouts_pending());
}
