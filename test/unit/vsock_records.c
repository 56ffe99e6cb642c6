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
 * SOCK_SEQPACKET in the front end, on the mock backend and on loopback.
 */

#include <sys/types.h>
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/sysmacros.h>
#include <sys/errno.h>
#include <sys/debug.h>
#include <sys/kmem.h>
#include <sys/poll.h>
#include <sys/proc.h>
#include <sys/zone.h>
#include <sys/fk.h>
#include <sys/disp.h>
#include <sys/filio.h>
#include <sys/socket.h>
#include <sys/strsubr.h>
#include <sys/vsock_transport.h>
#include <net/vsock.h>
#include "fakekernel.h"
#include "fktest.h"
#include "fakesock.h"
#include "ktest.h"
#include "vsock_mock.h"

#define	PORT	5000
#define	EOM	VSOCK_MSG_EOM
#define	MARK	(VSOCK_MSG_EOM | VSOCK_MSG_EOR)

static void
begin(void)
{
	VERIFY0(fsk_sockconfig(AF_VSOCK, SOCK_STREAM, 0, "vsock"));
	VERIFY0(fsk_sockconfig(AF_VSOCK, SOCK_SEQPACKET, 0, "vsock"));
	VERIFY0(fk_modload("vsock"));
	mock_mode = MOCK_ACCEPT;
	mock_last = NULL;
	mock_attach(GLOBAL_ZONEID);
}

static uint64_t
kst(const char *name)
{
	uint64_t value;

	VERIFY0(fk_kstat_value("vsock", 0, "vsock", name, &value));
	return (value);
}

static void
end(void)
{
	int error;

	mock_detach();
	VERIFY0(fsk_sockunconfig(AF_VSOCK, SOCK_STREAM, 0));
	VERIFY0(fsk_sockunconfig(AF_VSOCK, SOCK_SEQPACKET, 0));
	error = fk_modunload("vsock");
	VERIFY(error == 0 || error == ENOENT);
}

static fsk_file_t *
rec_listener(uint32_t port)
{
	fsk_file_t *l = mock_socket_type(SOCK_SEQPACKET, port);

	VERIFY0(fsk_listen(l, 5));
	return (l);
}

/* A connection of the mock guest: both its ends. */
static fsk_file_t *
rec_open(mock_tc_t **mtp, uint64_t rcvbuf)
{
	fsk_file_t *l = rec_listener(PORT), *so;

	if (rcvbuf != 0) {
		VERIFY0(fsk_setsockopt(l, AF_VSOCK,
		    SO_VM_SOCKETS_BUFFER_MIN_SIZE, &rcvbuf, sizeof (rcvbuf)));
		VERIFY0(fsk_setsockopt(l, AF_VSOCK,
		    SO_VM_SOCKETS_BUFFER_MAX_SIZE, &rcvbuf, sizeof (rcvbuf)));
		VERIFY0(fsk_setsockopt(l, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE,
		    &rcvbuf, sizeof (rcvbuf)));
	}
	VERIFY0(mock_request_type(1, PORT, VSOCK_TYPE_SEQPACKET, mtp));
	so = mock_accept(l);
	fsk_set_nonblock(so, true);
	VERIFY0(fsk_close(l));
	return (so);
}

static void
rec_close(fsk_file_t *so, mock_tc_t *mt)
{
	VERIFY0(fsk_close(so));
	vsock_up_reset(mt->mt_conn, 0);
	VERIFY3U(mt->mt_releases, ==, 1);
	mock_free(mt);
}

/* Receive with room for so much: how much came, and what flags. */
static size_t
rec_recv(fsk_file_t *so, uint8_t *buf, size_t room, int flags, int *flagsp)
{
	fsk_iov_t iov = { .fi_base = buf, .fi_len = room };
	size_t n;

	VERIFY0(fsk_recvv(so, &iov, 1, &flags, &n));
	*flagsp = flags;
	return (n);
}

/* The next record is this part of the pattern, with these flags. */
static void
rec_expect(fsk_file_t *so, uint64_t offset, size_t len, int expected)
{
	uint8_t *buf = kmem_alloc(len + 1, KM_SLEEP);
	int flags;
	size_t i;

	VERIFY3U(rec_recv(so, buf, len + 1, 0, &flags), ==, len);
	VERIFY3S(flags, ==, expected);
	for (i = 0; i < len; i++)
		VERIFY3U(buf[i], ==, mock_pattern(offset + i));
	kmem_free(buf, len + 1);
}

static void
rec_expect_error(fsk_file_t *so, int error)
{
	uint8_t byte;
	size_t n;

	VERIFY3S(fsk_recv(so, &byte, 1, MSG_DONTWAIT, &n), ==, error);
	VERIFY0(n);
}

static int
rec_send(fsk_file_t *so, size_t len, int flags)
{
	uint8_t *buf = kmem_zalloc(len + 1, KM_SLEEP);
	size_t n;
	int error;

	error = fsk_send(so, buf, len, flags | MSG_NOSIGNAL, &n);
	VERIFY3U(n, ==, error == 0 ? len : 0);
	kmem_free(buf, len + 1);
	return (error);
}

static uint64_t
rec_max(fsk_file_t *so)
{
	uint64_t bytes;
	uint32_t len = sizeof (bytes);

	VERIFY0(fsk_getsockopt(so, SOL_VSOCK, SO_VSOCK_MAX_RECORD, &bytes,
	    &len));
	VERIFY3U(len, ==, sizeof (bytes));
	return (bytes);
}

/* Both types have the same ports, and do not connect with each other. */
KTEST(vsock_rec_types)
{
	struct sockaddr_vm svm = {
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY,
		.svm_port = PORT
	};
	fsk_file_t *sl, *rl, *so;
	mock_tc_t *mt;
	uint32_t len;
	int type;

	begin();
	VERIFY3S(fsk_socket(AF_VSOCK, SOCK_DGRAM, 0, &so), ==, EPROTOTYPE);
	sl = mock_listener(PORT, 5);
	rl = rec_listener(PORT + 1);
	so = mock_socket_type(SOCK_SEQPACKET, VMADDR_PORT_ANY);
	VERIFY3S(fsk_bind(so, &svm, sizeof (svm)), ==, EADDRINUSE);
	len = sizeof (type);
	VERIFY0(fsk_getsockopt(so, SOL_SOCKET, SO_TYPE, &type, &len));
	VERIFY3S(type, ==, SOCK_SEQPACKET);

	/* What a refused connect leaves can connect elsewhere. */
	VERIFY3S(mock_connect(so, VMADDR_CID_LOCAL, PORT), ==, ECONNRESET);
	VERIFY0(mock_connect(so, VMADDR_CID_LOCAL, PORT + 1));
	VERIFY0(fsk_close(so));
	so = mock_socket(VMADDR_PORT_ANY);
	VERIFY3S(mock_connect(so, VMADDR_CID_LOCAL, PORT + 1), ==, ECONNRESET);
	VERIFY0(mock_connect(so, VMADDR_CID_LOCAL, PORT));
	VERIFY0(fsk_close(so));

	VERIFY3S(mock_request_type(1, PORT, VSOCK_TYPE_SEQPACKET, &mt), ==,
	    ESOCKTNOSUPPORT);
	VERIFY3S(mock_request_type(1, PORT + 1, VSOCK_TYPE_STREAM, &mt), ==,
	    ESOCKTNOSUPPORT);
	VERIFY0(fsk_close(sl));
	VERIFY0(fsk_close(rl));

	/* A transport may not have the type. */
	mock_detach();
	mock_types = VSOCK_TYPE_STREAM;
	mock_attach(GLOBAL_ZONEID);
	so = mock_socket_type(SOCK_SEQPACKET, VMADDR_PORT_ANY);
	VERIFY3S(mock_connect(so, MOCK_CID, PORT), ==, ESOCKTNOSUPPORT);
	VERIFY0(fsk_close(so));
	rl = rec_listener(PORT);
	VERIFY3S(mock_request_type(1, PORT, VSOCK_TYPE_SEQPACKET, &mt), ==,
	    ESOCKTNOSUPPORT);
	VERIFY0(fsk_close(rl));
	end();
}

/* A send is a record, with a mark if the application wants it. */
KTEST(vsock_rec_send)
{
	uint64_t bytes = 16 * 1024 * 1024;
	fsk_file_t *so;
	mock_tc_t *mt;

	begin();
	so = rec_open(&mt, 0);
	VERIFY0(rec_send(so, 1, MSG_XPG4_2));
	VERIFY0(rec_send(so, 100000, MSG_XPG4_2 | MSG_EOR));
	/* A program that is not XPG4.2 always has one. */
	VERIFY0(rec_send(so, 262144, 0));
	/* There are no empty records. */
	VERIFY0(rec_send(so, 0, MSG_XPG4_2));
	VERIFY3U(mt->mt_nrecords, ==, 3);
	VERIFY3U(mt->mt_reclen[0], ==, 1);
	VERIFY3U(mt->mt_recflags[0], ==, EOM);
	VERIFY3U(mt->mt_reclen[1], ==, 100000);
	VERIFY3U(mt->mt_recflags[1], ==, MARK);
	VERIFY3U(mt->mt_reclen[2], ==, 262144);
	VERIFY3U(mt->mt_recflags[2], ==, MARK);

	/* Our buffer is a limit, and the peer's is. */
	VERIFY3U(rec_max(so), ==, 262144);
	VERIFY3S(rec_send(so, 262145, 0), ==, EMSGSIZE);
	mock_maxrec = 1000;
	VERIFY3U(rec_max(so), ==, 1000);
	VERIFY3S(rec_send(so, 1001, 0), ==, EMSGSIZE);
	VERIFY0(rec_send(so, 1000, 0));
	mock_maxrec = SIZE_MAX;
	VERIFY0(fsk_setsockopt(so, AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE,
	    &bytes, sizeof (bytes)));
	bytes = 1024 * 1024;
	VERIFY0(fsk_setsockopt(so, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &bytes,
	    sizeof (bytes)));
	VERIFY3U(rec_max(so), ==, 1024 * 1024);
	VERIFY0(rec_send(so, 1024 * 1024, 0));
	VERIFY3U(mt->mt_nrecords, ==, 5);
	VERIFY3U(mt->mt_reclen[4], ==, 1024 * 1024);

	/* Flow control, shutdown. */
	mt->mt_full = B_TRUE;
	VERIFY0(rec_send(so, 10, 0));
	VERIFY3S(rec_send(so, 10, 0), ==, EWOULDBLOCK);
	mt->mt_full = B_FALSE;
	vsock_up_writable(mt->mt_conn);
	VERIFY0(fsk_shutdown(so, SHUT_WR));
	VERIFY3S(rec_send(so, 10, 0), ==, EPIPE);
	VERIFY3U(mt->mt_nrecords, ==, 6);
	rec_close(so, mt);
	end();
}

/* A record is never sent in part, even when memory is short. */
KTEST(vsock_rec_send_nomem)
{
	fsk_file_t *so;
	mock_tc_t *mt;
	uint_t nth, n = 0;
	int error;

	begin();
	so = rec_open(&mt, 0);
	for (nth = 1; nth < 20; nth++) {
		fk_fail_nth(nth);
		error = rec_send(so, 200000, 0);
		fk_fail_nth(0);
		VERIFY(error == 0 || error == ENOMEM);
		if (error == 0)
			n++;
		VERIFY3U(mt->mt_nrecords, ==, n);
		if (n != 0)
			VERIFY3U(mt->mt_reclen[n - 1], ==, 200000);
	}
	VERIFY3U(n, <, 19);
	rec_close(so, mt);
	end();
}

/* What is received: boundaries, marks, the rest of a record, flags of recv. */
KTEST(vsock_rec_recv)
{
	uint8_t buf[64];
	fsk_file_t *so;
	mock_tc_t *mt;
	int flags, n;

	begin();
	so = rec_open(&mt, 0);
	rec_expect_error(so, EWOULDBLOCK);
	mock_piece(mt, 3, EOM);
	mock_piece(mt, 600, MARK);
	mock_piece(mt, 7, EOM);
	rec_expect(so, 0, 3, 0);
	rec_expect(so, 3, 600, MSG_EOR);
	rec_expect(so, 603, 7, 0);

	/* In pieces: nothing is seen before the end. */
	mock_piece(mt, 10, 0);
	mock_piece(mt, 70000, 0);
	rec_expect_error(so, EWOULDBLOCK);
	VERIFY0(fsk_poll(so, POLLIN));
	VERIFY0(fsk_ioctl(so, FIONREAD, (intptr_t)&n, NULL));
	VERIFY0(n);
	mock_piece(mt, 1, MARK);
	VERIFY3S(fsk_poll(so, POLLIN), ==, POLLIN);
	rec_expect(so, 610, 70011, MSG_EOR);
	/* The end alone, and what is nothing at all. */
	mock_piece(mt, 5, 0);
	vsock_up_data(mt->mt_conn, NULL, EOM);
	vsock_up_data(mt->mt_conn, NULL, MARK);
	vsock_up_data(mt->mt_conn, NULL, 0);
	rec_expect(so, 70621, 5, 0);
	rec_expect_error(so, EWOULDBLOCK);

	/* No room: the rest is lost, the next record is not. */
	mock_piece(mt, 50, MARK);
	mock_piece(mt, 60, EOM);
	VERIFY3U(rec_recv(so, buf, 20, 0, &flags), ==, 20);
	VERIFY3S(flags, ==, MSG_TRUNC);
	VERIFY3U(rec_recv(so, buf, 60, 0, &flags), ==, 60);
	VERIFY0(flags);
	VERIFY3U(buf[0], ==, mock_pattern(70676));

	/* MSG_PEEK leaves everything; MSG_WAITALL joins nothing. */
	mock_piece(mt, 10, EOM);
	mock_piece(mt, 10, EOM);
	mock_piece(mt, 10, MARK);
	for (n = 0; n < 3; n++) {
		VERIFY3U(rec_recv(so, buf, 64, MSG_PEEK, &flags), ==, 10);
		VERIFY0(flags);
	}
	VERIFY3U(rec_recv(so, buf, 4, MSG_PEEK, &flags), ==, 4);
	VERIFY3S(flags, ==, MSG_TRUNC);
	VERIFY3U(rec_recv(so, buf, 64, MSG_WAITALL, &flags), ==, 10);
	VERIFY0(flags);
	VERIFY3U(rec_recv(so, buf, 64, MSG_WAITALL, &flags), ==, 10);
	VERIFY0(flags);
	VERIFY3U(rec_recv(so, buf, 64, MSG_WAITALL, &flags), ==, 10);
	VERIFY3S(flags, ==, MSG_EOR);
	VERIFY3U(mt->mt_consumed, ==, mt->mt_given);
	VERIFY0(kst("partial_records"));
	rec_close(so, mt);
	end();
}

/* A record that is not complete when the peer is through does not exist. */
KTEST(vsock_rec_partial)
{
	fsk_file_t *so;
	mock_tc_t *mt;

	begin();
	so = rec_open(&mt, 0);
	mock_piece(mt, 10, EOM);
	mock_piece(mt, 1000, 0);
	mock_piece(mt, 10, 0);
	vsock_up_shutdown(mt->mt_conn, VSOCK_SHUT_SEND);
	/* What comes after it is nothing either. */
	vsock_up_data(mt->mt_conn, NULL, EOM);
	mock_piece(mt, 10, EOM);
	rec_expect(so, 0, 10, 0);
	rec_expect_error(so, 0);
	VERIFY3U(kst("partial_records"), ==, 1);
	VERIFY0(rec_send(so, 5, 0));
	rec_close(so, mt);

	so = rec_open(&mt, 0);
	mock_piece(mt, 10, EOM);
	mock_piece(mt, 10, 0);
	vsock_up_reset(mt->mt_conn, ECONNRESET);
	rec_expect(so, 0, 10, 0);
	rec_expect_error(so, ECONNRESET);
	rec_expect_error(so, 0);
	VERIFY3U(kst("partial_records"), ==, 2);
	VERIFY0(fsk_close(so));
	mock_free(mt);

	so = rec_open(&mt, 0);
	mock_piece(mt, 10, 0);
	rec_close(so, mt);
	VERIFY3U(kst("partial_records"), ==, 3);

	/* We do not want to receive: all that comes is consumed. */
	so = rec_open(&mt, 0);
	mock_piece(mt, 10, EOM);
	mock_piece(mt, 1000, 0);
	VERIFY0(fsk_shutdown(so, SHUT_RD));
	VERIFY3U(mt->mt_consumed, ==, 1010);
	mock_piece(mt, 1000, 0);
	mock_piece(mt, 1000, EOM);
	VERIFY3U(mt->mt_consumed, ==, mt->mt_given);
	rec_expect_error(so, 0);
	VERIFY3U(kst("partial_records"), ==, 4);
	rec_close(so, mt);
	end();
}

/*
 * The window: the peer sends pieces of any size into it, of records as large as
 * it; or waits until all of the record has room (`whole').  The application
 * reads when it likes, or waits until so much is queued.  When it has read
 * everything that is complete, the peer has been told of everything but the
 * pieces that it has sent of the next record.
 */
static void
credit_run(uint64_t rcvbuf, uint64_t seed, boolean_t whole)
{
	uint64_t window, left = 0, part = 0, queued = 0, n, x = seed;
	uint8_t *buf = kmem_alloc(rcvbuf, KM_SLEEP);
	fsk_file_t *so;
	mock_tc_t *mt;
	size_t done;
	uint_t round;

	so = rec_open(&mt, rcvbuf);
	VERIFY3U(mt->mt_params.vcp_rcvbuf, ==, rcvbuf);
	for (round = 0; round < 500; round++) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		if (left == 0) {
			left = 1 + (x >> 20) % rcvbuf;
			if ((x >> 50) % 3 != 0)
				left = MIN(left, 1 + (x >> 20) % 64);
			part = 0;
		}
		window = rcvbuf - (mt->mt_given - mt->mt_consumed);
		VERIFY3U(window, <=, rcvbuf);
		if (window > 0 && (!whole || window >= left) &&
		    ((x >> 33) % 2 == 0 || queued == 0)) {
			n = 1 + (x >> 34) % MIN(window, left);
			if (whole)
				n = left;
			part += n;
			left -= n;
			mock_piece(mt, n, left == 0 ? EOM : 0);
			if (left == 0)
				queued += part;
		} else {
			/* If the peer can't go on, we can. */
			VERIFY3U(queued, >, 0);
			VERIFY0(fsk_recv(so, buf, rcvbuf, 0, &done));
			VERIFY3U(done, >, 0);
			queued -= done;
		}
		if (queued == 0) {
			VERIFY3U(mt->mt_given - mt->mt_consumed, ==,
			    left == 0 ? 0 : part);
		}
	}
	rec_close(so, mt);
	kmem_free(buf, rcvbuf);
}

KTEST(vsock_rec_credit)
{
	static const uint64_t sizes[] = { 2, 3, 7, 128, 4096, 65536, 262144 };
	uint_t i;

	begin();
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		credit_run(sizes[i], i + 1, B_FALSE);
		credit_run(sizes[i], i + 100, B_FALSE);
		credit_run(sizes[i], i + 200, B_TRUE);
	}
	end();
}

/*
 * The state in which constant levels get stuck: the application has read all
 * there is, and the piece that closes the window is not the last of its record.
 */
KTEST(vsock_rec_credit_closed)
{
	fsk_file_t *so;
	mock_tc_t *mt;

	begin();
	so = rec_open(&mt, 8);
	mock_piece(mt, 2, EOM);
	rec_expect(so, 0, 2, 0);
	VERIFY3U(mt->mt_consumed, ==, 2);
	mock_piece(mt, 2, EOM);
	mock_piece(mt, 6, 0);
	VERIFY3U(mt->mt_given - mt->mt_consumed, ==, 8);
	rec_expect(so, 2, 2, 0);
	VERIFY3U(mt->mt_given - mt->mt_consumed, ==, 6);
	mock_piece(mt, 1, EOM);
	rec_expect(so, 4, 7, 0);
	VERIFY3U(mt->mt_consumed, ==, mt->mt_given);
	rec_close(so, mt);
	end();
}

#define	WINDOW	65536		/* for vsock_rec_small */

/*
 * As many of the smallest records as the window has bytes, which nobody reads:
 * a few bytes each; all arrive, with their marks, when somebody does.  The same
 * for the smallest pieces.
 */
KTEST(vsock_rec_small)
{
	uint64_t before, after, allocs, i;
	fsk_file_t *so;
	mock_tc_t *mt;
	uint8_t buf[600];
	int flags, n;

	begin();
	so = rec_open(&mt, WINDOW);
	fk_kmem_usage(&before, &allocs);
	for (i = 0; i < WINDOW; i++)
		mock_piece(mt, 1, i % 3 == 0 ? MARK : EOM);
	fk_kmem_usage(&after, &allocs);
	VERIFY3U(after - before, <, WINDOW * 5);
	VERIFY3U(kst("packed_records"), >, WINDOW - 1000);
	for (i = 0; i < WINDOW; i++) {
		VERIFY3U(rec_recv(so, buf, sizeof (buf), 0, &flags), ==, 1);
		VERIFY3U(buf[0], ==, mock_pattern(i));
		VERIFY3S(flags, ==, i % 3 == 0 ? MSG_EOR : 0);
		VERIFY3U(mt->mt_consumed, ==, i + 1);
	}
	rec_expect_error(so, EWOULDBLOCK);

	/* All sizes around that which is small. */
	for (i = 0; i < 250; i++)
		mock_piece(mt, 200, EOM);
	for (i = 1; i <= 530; i += 10)
		mock_piece(mt, i, MARK);
	for (i = 0; i < 250; i++)
		VERIFY3U(rec_recv(so, buf, sizeof (buf), 0, &flags), ==, 200);
	for (i = 1; i <= 530; i += 10) {
		VERIFY3U(rec_recv(so, buf, sizeof (buf), 0, &flags), ==, i);
		VERIFY3S(flags, ==, MSG_EOR);
		VERIFY3U(buf[0], ==, mock_pattern(mt->mt_consumed - i));
	}
	VERIFY3U(mt->mt_consumed, ==, mt->mt_given);

	fk_kmem_usage(&before, &allocs);
	for (i = 0; i < WINDOW - 1; i++)
		mock_piece(mt, 1, i % 600 == 599 ? EOM : 0);
	fk_kmem_usage(&after, &allocs);
	VERIFY3U(after - before, <, WINDOW * 5);
	mock_piece(mt, 1, EOM);
	for (i = 0; i < WINDOW / 600; i++)
		VERIFY3U(rec_recv(so, buf, sizeof (buf), 0, &flags), ==, 600);
	VERIFY3U(rec_recv(so, buf, sizeof (buf), 0, &flags), ==,
	    WINDOW % 600);
	VERIFY0(fsk_ioctl(so, FIONREAD, (intptr_t)&n, NULL));
	VERIFY0(n);
	VERIFY3U(mt->mt_consumed, ==, mt->mt_given);
	rec_close(so, mt);
	end();
}

typedef struct rec_writer {
	fsk_file_t	*rw_so;
	int		rw_error;
} rec_writer_t;

static void
rec_writer_main(void *arg)
{
	rec_writer_t *rw = arg;
	size_t n;

	rw->rw_error = fsk_send(rw->rw_so, "x", 1, MSG_NOSIGNAL, &n);
	thread_exit();
}

/*
 * Records that are kept here come before the end, whatever it is; but a writer
 * hears of that at once.
 */
static void
small_end(int error)
{
	rec_writer_t rw = { 0 };
	kt_did_t did;
	fsk_file_t *so;
	mock_tc_t *mt;
	uint8_t buf[10];
	uint_t i;
	int flags;

	so = rec_open(&mt, 0);
	fsk_set_nonblock(so, false);
	for (i = 0; i < 2000; i++)
		mock_piece(mt, 1, EOM);
	mt->mt_full = B_TRUE;
	VERIFY0(rec_send(so, 1, 0));
	rw.rw_so = so;
	did = thread_create(NULL, 0, rec_writer_main, &rw, 0, &p0, TS_RUN,
	    minclsyspri)->t_did;
	fk_quiesce();
	if (error == 0)
		vsock_up_shutdown(mt->mt_conn, VSOCK_SHUT_SEND);
	vsock_up_reset(mt->mt_conn, error);
	VERIFY3U(mt->mt_releases, ==, 1);
	mock_free(mt);
	thread_join(did);
	VERIFY3S(rw.rw_error, ==, EPIPE);
	for (i = 0; i < 2000; i++) {
		VERIFY3U(rec_recv(so, buf, sizeof (buf), 0, &flags), ==, 1);
		VERIFY3U(buf[0], ==, mock_pattern(i));
	}
	rec_expect_error(so, error);
	rec_expect_error(so, 0);
	VERIFY3S(rec_send(so, 1, 0), ==, EPIPE);
	VERIFY0(fsk_close(so));
}

KTEST(vsock_rec_small_end)
{
	fsk_file_t *so;
	mock_tc_t *mt;
	uint_t i;

	begin();
	small_end(0);
	small_end(ECONNRESET);

	/* Nobody will read them. */
	so = rec_open(&mt, 0);
	for (i = 0; i < 2000; i++)
		mock_piece(mt, 1, EOM);
	VERIFY0(mt->mt_consumed);
	VERIFY0(fsk_shutdown(so, SHUT_RD));
	VERIFY3U(mt->mt_consumed, ==, 2000);
	rec_expect_error(so, 0);
	rec_close(so, mt);
	so = rec_open(&mt, 0);
	for (i = 0; i < 2000; i++)
		mock_piece(mt, 1, EOM);
	rec_close(so, mt);
	end();
}

/* Records are never lost or cut for want of memory. */
KTEST(vsock_rec_nomem)
{
	uint64_t sent = 0, taken = 0;
	fsk_file_t *so;
	mock_tc_t *mt;
	uint8_t buf[1000];
	int flags;
	size_t n;
	uint_t i, j;

	begin();
	so = rec_open(&mt, 0);
	for (i = 0; i < 4000; i++) {
		mblk_t *mp;

		/* The blocks of the peer's data are the backend's business. */
		mp = allocb_wait(1 + i % 40, BPRI_MED, STR_NOSIG, NULL);
		for (j = 0; j < 1 + i % 40; j++)
			*mp->b_wptr++ = mock_pattern(sent++);
		mt->mt_given = sent;
		fk_fail_random(3);
		vsock_up_data(mt->mt_conn, mp, i % 5 == 4 ? EOM : 0);
		fk_fail_random(0);
	}
	for (i = 0; i < 800; i++) {
		fk_fail_random(3);
		n = rec_recv(so, buf, sizeof (buf), 0, &flags);
		fk_fail_random(0);
		VERIFY0(flags);
		for (j = 0; j < n; j++)
			VERIFY3U(buf[j], ==, mock_pattern(taken + j));
		taken += n;
		VERIFY3U(n, ==, 5 * (5 * i % 40) + 15);
	}
	VERIFY3U(taken, ==, sent);
	rec_close(so, mt);
	end();
}

/* Options: the buffer that is set is the one that there is. */
KTEST(vsock_rec_options)
{
	uint64_t bytes;
	uint32_t len;
	fsk_file_t *so, *st;
	mock_tc_t *mt;
	int n;

	begin();
	so = rec_open(&mt, 0);
	len = sizeof (n);
	VERIFY0(fsk_getsockopt(so, SOL_SOCKET, SO_RCVBUF, &n, &len));
	VERIFY3S(n, ==, 262144);
	n = 10000;
	VERIFY0(fsk_setsockopt(so, SOL_SOCKET, SO_RCVBUF, &n, sizeof (n)));
	VERIFY3U(mt->mt_params.vcp_rcvbuf, ==, 10000);
	VERIFY0(fsk_getsockopt(so, SOL_SOCKET, SO_RCVBUF, &n, &len));
	VERIFY3S(n, ==, 10000);
	/* What the smaller one does not hold was sent before. */
	mock_piece(mt, 20000, EOM);
	rec_expect(so, 0, 20000, 0);
	VERIFY3U(mt->mt_consumed, ==, 20000);

	len = sizeof (n);
	VERIFY3S(fsk_getsockopt(so, SOL_VSOCK, SO_VSOCK_MAX_RECORD, &bytes,
	    &len), ==, EINVAL);
	len = sizeof (bytes);
	VERIFY3S(fsk_getsockopt(so, SOL_VSOCK, 99, &bytes, &len), ==,
	    ENOPROTOOPT);
	st = mock_socket(VMADDR_PORT_ANY);
	VERIFY3S(fsk_getsockopt(st, SOL_VSOCK, SO_VSOCK_MAX_RECORD, &bytes,
	    &len), ==, ENOPROTOOPT);
	VERIFY0(fsk_close(st));
	st = mock_socket_type(SOCK_SEQPACKET, VMADDR_PORT_ANY);
	VERIFY3S(fsk_getsockopt(st, SOL_VSOCK, SO_VSOCK_MAX_RECORD, &bytes,
	    &len), ==, ENOTCONN);
	VERIFY0(fsk_close(st));
	rec_close(so, mt);
	end();
}

/* Loopback. */
KTEST(vsock_rec_loopback)
{
	static const size_t sizes[] = { 1, 2, 511, 512, 65536, 70000, 262144 };
	fsk_file_t *l, *a, *b;
	uint8_t *buf = kmem_alloc(262145, KM_SLEEP);
	uint64_t sent = 0, taken = 0;
	uint_t i, j;
	int flags;
	size_t n;

	begin();
	l = rec_listener(PORT);
	a = mock_socket_type(SOCK_SEQPACKET, VMADDR_PORT_ANY);
	VERIFY0(mock_connect(a, VMADDR_CID_LOCAL, PORT));
	b = mock_accept(l);
	fsk_set_nonblock(a, true);
	fsk_set_nonblock(b, true);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		VERIFY0(rec_send(a, sizes[i], i % 2 == 0 ? MSG_XPG4_2 :
		    MSG_EOR));
		VERIFY0(rec_send(b, sizes[i], MSG_XPG4_2));
		VERIFY3U(rec_recv(b, buf, 262145, 0, &flags), ==, sizes[i]);
		VERIFY3S(flags, ==, i % 2 == 0 ? 0 : MSG_EOR);
		VERIFY3U(rec_recv(a, buf, 262145, 0, &flags), ==, sizes[i]);
		VERIFY0(flags);
	}
	VERIFY3S(rec_send(a, 262145, 0), ==, EMSGSIZE);

	/* Small ones, until the reader must read; nothing is lost. */
	while (fsk_send(a, buf, 1 + sent % 7, 0, &n) == 0)
		sent++;
	VERIFY3U(sent, >, 50000);
	for (taken = 0; taken < sent; taken++) {
		VERIFY3U(rec_recv(b, buf, 10, 0, &flags), ==, 1 + taken % 7);
	}
	rec_expect_error(b, EWOULDBLOCK);
	VERIFY3S(fsk_poll(a, POLLOUT), ==, POLLOUT);

	/* One end closes: what it had sent is there, and then the end. */
	for (j = 0; j < 3000; j++)
		VERIFY0(rec_send(a, 3, MSG_XPG4_2));
	VERIFY0(fsk_close(a));
	for (j = 0; j < 3000; j++)
		VERIFY3U(rec_recv(b, buf, 10, 0, &flags), ==, 3);
	rec_expect_error(b, 0);
	VERIFY0(fsk_close(b));
	VERIFY0(fsk_close(l));
	kmem_free(buf, 262145);
	end();
}

static void
early_server(void *arg)
{
	fsk_file_t *so = mock_accept(arg);

	VERIFY0(rec_send(so, 3, MSG_XPG4_2));
	VERIFY0(rec_send(so, 5, MSG_XPG4_2 | MSG_EOR));
	VERIFY0(rec_send(so, 7, MSG_XPG4_2));
	VERIFY0(fsk_close(so));
}

/* Boundaries are kept for an end that does not know that it is connected. */
KTEST(vsock_rec_loopback_early)
{
	fsk_file_t *l, *a;
	uint8_t buf[10];
	int flags;

	begin();
	l = rec_listener(PORT);
	a = mock_socket_type(SOCK_SEQPACKET, VMADDR_PORT_ANY);
	fsk_inject_newconn(early_server, l);
	VERIFY0(mock_connect(a, VMADDR_CID_LOCAL, PORT));
	fsk_inject_newconn(NULL, NULL);
	VERIFY3U(rec_recv(a, buf, sizeof (buf), 0, &flags), ==, 3);
	VERIFY0(flags);
	VERIFY3U(rec_recv(a, buf, sizeof (buf), 0, &flags), ==, 5);
	VERIFY3S(flags, ==, MSG_EOR);
	VERIFY3U(rec_recv(a, buf, sizeof (buf), 0, &flags), ==, 7);
	VERIFY0(flags);
	rec_expect_error(a, 0);
	VERIFY0(fsk_close(a));
	VERIFY0(fsk_close(l));
	end();
}

/*
 * Two writers and a reader, all at the same time: records do not mix.
 */
#define	BUSY_RECORDS	3000

static void
busy_writer(void *arg)
{
	uint8_t *buf = kmem_alloc(2000, KM_SLEEP);
	rec_writer_t *rw = arg;
	size_t n, len;
	uint_t i;

	for (i = 0; i < BUSY_RECORDS && rw->rw_error == 0; i++) {
		len = 1 + (i * 7919) % (i % 3 == 0 ? 2000 : 20);
		(void) memset(buf, (int)(len % 251), len);
		rw->rw_error = fsk_send(rw->rw_so, buf, len, MSG_NOSIGNAL, &n);
	}
	kmem_free(buf, 2000);
	thread_exit();
}

KTEST_REAL(vsock_rec_loopback_busy)
{
	rec_writer_t rw[2] = { { 0 }, { 0 } };
	fsk_file_t *l, *a, *b;
	uint8_t buf[2001];
	kt_did_t did[2];
	uint_t i, j;
	int flags;
	size_t n;

	begin();
	l = rec_listener(PORT);
	a = mock_socket_type(SOCK_SEQPACKET, VMADDR_PORT_ANY);
	VERIFY0(mock_connect(a, VMADDR_CID_LOCAL, PORT));
	b = mock_accept(l);
	for (i = 0; i < 2; i++) {
		rw[i].rw_so = a;
		did[i] = thread_create(NULL, 0, busy_writer, &rw[i], 0, &p0,
		    TS_RUN, minclsyspri)->t_did;
	}
	for (i = 0; i < 2 * BUSY_RECORDS; i++) {
		n = rec_recv(b, buf, sizeof (buf), 0, &flags);
		VERIFY3U(n, >, 0);
		VERIFY3S(flags, ==, MSG_EOR);
		for (j = 0; j < n; j++)
			VERIFY3U(buf[j], ==, n % 251);
	}
	for (i = 0; i < 2; i++) {
		thread_join(did[i]);
		VERIFY0(rw[i].rw_error);
	}
	VERIFY0(fsk_close(a));
	rec_expect_error(b, 0);
	VERIFY0(fsk_close(b));
	VERIFY0(fsk_close(l));
	end();
}
