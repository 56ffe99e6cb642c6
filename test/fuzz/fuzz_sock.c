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
 */

#include <sys/kmem.h>
#include <sys/param.h>
#include <sys/poll.h>
#include <sys/sysmacros.h>
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

void
fuzz_one(fuzz_t *fz)
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
	fk_time_advance(60ULL * NANOSEC);
	VERIFY0(fk_timeouts_pending());
}
