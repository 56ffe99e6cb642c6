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
 * The fake sockfs: sending, receiving and flow control.  The numbers are those
 * of the table in doc/sockfs.md.
 */

#include <sys/filio.h>
#include "sockfs_toy.h"

static int
queued(fsk_file_t *f)
{
	int n = -1;

	VERIFY0(fsk_ioctl(f, FIONREAD, (intptr_t)&n, NULL));
	return (n);
}

static char buf[4096];

/* recv of that many bytes answers `error' and `done'; out flags returned. */
static int
recv_is(fsk_file_t *f, size_t len, int flags, int error, size_t done)
{
	fsk_iov_t iov = { .fi_base = buf, .fi_len = len };
	size_t got;

	VERIFY3S(fsk_recvv(f, &iov, 1, &flags, &got), ==, error);
	VERIFY3U(got, ==, done);
	return (error == 0 ? flags : 0);
}

static void
send_is(fsk_file_t *f, size_t len, int flags, int error, size_t done)
{
	size_t sent;

	VERIFY3S(fsk_send(f, buf, len, flags, &sent), ==, error);
	VERIFY3U(sent, ==, done);
}

static void
set_timeo(fsk_file_t *f, int name, long ms)
{
	struct timeval tv = { .tv_sec = ms / 1000,
	    .tv_usec = ms % 1000 * 1000 };

	VERIFY0(fsk_setsockopt(f, SOL_SOCKET, name, &tv, sizeof (tv)));
	toy.t_log[0] = '\0';
}

/* 20, 27, 57 */
TOY_TEST(send_checks)
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_socket(SOCK_STREAM, &ts);

	/* Whether it is connected is for the module to say. */
	toy.t_send = ENOTCONN;
	send_is(f, 10, 0, ENOTCONN, 0);
	toy_expect("send(10,8)");
	toy.t_send = 0;

	ts->ts_up->su_txq_full(ts->ts_upper, B_TRUE);
	ts->ts_up->su_set_error(ts->ts_upper, EIO);
	send_is(f, 10, 0, EIO, 0);
	send_is(f, 10, MSG_DONTWAIT, EWOULDBLOCK, 0);
	send_is(f, 10, MSG_OOB, EOPNOTSUPP, 0);
	ts->ts_up->su_set_error(ts->ts_upper, EIO);
	ts->ts_up->su_opctl(ts->ts_upper, SOCK_OPCTL_SHUT_SEND, 0);
	VERIFY(!fsk_sigpipe(f));
	send_is(f, 10, MSG_NOSIGNAL, EPIPE, 0);
	VERIFY(!fsk_sigpipe(f));
	send_is(f, 10, 0, EPIPE, 0);
	VERIFY(fsk_sigpipe(f));
	VERIFY(!fsk_sigpipe(f));
	toy_expect("");
	/* The error is still there. */
	VERIFY3S(fsk_ioctl(f, FIONREAD, (intptr_t)buf, NULL), ==, EIO);
	VERIFY0(fsk_close(f));
}

/* 21, 22, 28 */
TOY_TEST(send_chunks)
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_connected(SOCK_STREAM, &ts);
	fsk_iov_t iov[12];
	size_t i, done;

	for (i = 0; i < sizeof (buf); i++)
		buf[i] = i * 7;
	send_is(f, 4096, 0, 0, 4096);
	toy_expect("send(4096,8)");
	send_is(f, 0, 0, 0, 0);
	toy_expect("send(0,8)");

	toy_prop(ts, SOCKOPT_MAXPSZ, 100);
	toy_prop(ts, SOCKOPT_MAXBLK, 40);
	toy_prop(ts, SOCKOPT_WROFF, 8);
	toy_prop(ts, SOCKOPT_TAIL, 4);
	toy.t_nsent = 0;
	/* 252 bytes from many places. */
	for (i = 0; i < 12; i++) {
		iov[i].fi_base = buf + i * 21;
		iov[i].fi_len = 21;
	}
	VERIFY0(fsk_sendv(f, iov, 12, MSG_XPG4_2, &done));
	VERIFY3U(done, ==, 252);
	toy_expect("send(40+40+20,8000) send(40+40+20,8000) "
	    "send(40+12,8000)");
	VERIFY3U(toy.t_headroom, ==, 8);
	VERIFY3U(toy.t_tailroom, >=, 4);
	VERIFY3U(toy.t_nsent, ==, 252);
	VERIFY0(bcmp(toy.t_sent, buf, 252));
	VERIFY3S(fsk_sendv(f, iov, 1025, 0, &done), ==, EINVAL);
	VERIFY0(fsk_close(f));

	f = toy_connected(SOCK_SEQPACKET, &ts);
	toy_prop(ts, SOCKOPT_MAXPSZ, 100);
	send_is(f, 101, 0, EMSGSIZE, 0);
	toy_expect("");
	send_is(f, 100, 0, 0, 100);
	toy_expect("send(100,8)");
	VERIFY0(fsk_close(f));
}

static int second_answer;
static uint_t second_count;

static void
second_hook(toy_sock_t *ts, const char *op)
{
	toy.t_send = (++second_count == 2) ? second_answer : 0;
}

/* 23, 27: the second chunk fails. */
TOY_TEST(send_fails)
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_connected(SOCK_STREAM, &ts);
	fsk_iov_t iov[2] = { { buf, 100 }, { (void *)16, 100 } };
	static const struct {
		int answer;
		int error;
	} cases[] = {
		{ EWOULDBLOCK, 0 }, { EINTR, 0 }, { ENOMEM, 0 },
		{ ENOBUFS, ENOBUFS }, { EPIPE, EPIPE }
	};
	size_t done;
	uint_t i;

	toy_prop(ts, SOCKOPT_MAXPSZ, 100);
	toy.t_hook = second_hook;
	for (i = 0; i < 5; i++) {
		second_answer = cases[i].answer;
		second_count = 0;
		send_is(f, 250, 0, cases[i].error, 100);
		toy_expect("send(100,8) send(100,8)");
	}
	VERIFY(fsk_sigpipe(f));

	/* No memory for the first, and for the second. */
	second_answer = 0;
	toy.t_hook = NULL;
	toy.t_send = 0;
	fk_fail_nth(1);
	send_is(f, 250, 0, ENOMEM, 0);
	fk_fail_nth(2);
	send_is(f, 250, 0, 0, 100);
	toy_expect("send(100,8)");

	/* A bad address: what went before it is sent. */
	VERIFY3S(fsk_sendv(f, iov, 2, 0, &done), ==, EFAULT);
	VERIFY3U(done, ==, 100);
	toy_expect("send(100,8)");
	VERIFY0(fsk_close(f));
}

/* 24, 25, 26: writers that wait. */
TOY_TEST(send_waits)
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_connected(SOCK_STREAM, &ts);
	toy_thread_t w = { .tt_len = 10 }, w2 = { .tt_len = 20 };

	ts->ts_up->su_txq_full(ts->ts_upper, B_TRUE);
	toy_start(&w, toy_do_send, f);
	fsk_interrupt(f);
	toy_join(&w);
	VERIFY3S(w.tt_error, ==, EINTR);

	toy_start(&w, toy_do_send, f);
	ts->ts_up->su_txq_full(ts->ts_upper, B_FALSE);
	toy_join(&w);
	VERIFY0(w.tt_error);
	toy_expect("send(10,8)");

	/* An error does not end the wait, and is not looked at after it. */
	ts->ts_up->su_txq_full(ts->ts_upper, B_TRUE);
	toy_start(&w, toy_do_send, f);
	ts->ts_up->su_set_error(ts->ts_upper, EIO);
	fk_quiesce();
	toy_expect("");
	ts->ts_up->su_txq_full(ts->ts_upper, B_FALSE);
	toy_join(&w);
	VERIFY0(w.tt_error);
	toy_expect("send(10,8)");
	send_is(f, 10, 0, EIO, 0);

	set_timeo(f, SO_SNDTIMEO, 500);
	ts->ts_up->su_txq_full(ts->ts_upper, B_TRUE);
	toy_start(&w, toy_do_send, f);
	fk_time_advance(NANOSEC);
	toy_join(&w);
	VERIFY3S(w.tt_error, ==, EAGAIN);
	set_timeo(f, SO_SNDTIMEO, 0);

	/* The end of sending wakes a writer... */
	toy_start(&w, toy_do_send, f);
	ts->ts_up->su_opctl(ts->ts_upper, SOCK_OPCTL_SHUT_SEND, 0);
	toy_join(&w);
	VERIFY3S(w.tt_error, ==, EPIPE);
	VERIFY0(fsk_close(f));

	/*
	 * ...but not one that has been woken for nothing before: su_txq_full
	 * must follow, and the writer goes to the module.
	 */
	f = toy_connected(SOCK_STREAM, &ts);
	ts->ts_up->su_txq_full(ts->ts_upper, B_TRUE);
	toy_start(&w, toy_do_send, f);
	ts->ts_up->su_set_error(ts->ts_upper, EIO);
	fk_quiesce();
	ts->ts_up->su_opctl(ts->ts_upper, SOCK_OPCTL_SHUT_SEND, 0);
	fk_quiesce();
	toy_expect("");
	ts->ts_up->su_txq_full(ts->ts_upper, B_FALSE);
	toy_join(&w);
	VERIFY0(w.tt_error);
	toy_expect("send(10,8)");
	VERIFY0(fsk_close(f));

	/* Nor the second of two when the first has left. */
	f = toy_connected(SOCK_STREAM, &ts);
	ts->ts_up->su_txq_full(ts->ts_upper, B_TRUE);
	set_timeo(f, SO_SNDTIMEO, 500);
	toy_start(&w, toy_do_send, f);
	set_timeo(f, SO_SNDTIMEO, 0);
	toy_start(&w2, toy_do_send, f);
	fk_time_advance(NANOSEC);
	toy_join(&w);
	VERIFY3S(w.tt_error, ==, EAGAIN);
	(void) ts->ts_up->su_disconnected(ts->ts_upper, 1, ECONNRESET);
	fk_quiesce();
	toy_expect("");
	ts->ts_up->su_txq_full(ts->ts_upper, B_FALSE);
	toy_join(&w2);
	toy_expect("send(20,8)");
	VERIFY0(fsk_close(f));
}

/* 29, 31, 57 */
TOY_TEST(recv_order)
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_socket(SOCK_STREAM, &ts);
	toy_thread_t r = { .tt_len = 10 };

	(void) recv_is(f, 10, 0, ENOTCONN, 0);
	ts->ts_up->su_connected(ts->ts_upper, 1, NULL, -1);
	(void) recv_is(f, 10, MSG_DONTWAIT, EWOULDBLOCK, 0);
	(void) recv_is(f, 0, 0, 0, 0);
	(void) recv_is(f, 10, MSG_OOB, EOPNOTSUPP, 0);

	toy_start(&r, toy_do_recv, f);
	fsk_interrupt(f);
	toy_join(&r);
	VERIFY3S(r.tt_error, ==, EINTR);
	set_timeo(f, SO_RCVTIMEO, 500);
	toy_start(&r, toy_do_recv, f);
	fk_time_advance(NANOSEC);
	toy_join(&r);
	VERIFY3S(r.tt_error, ==, EAGAIN);
	set_timeo(f, SO_RCVTIMEO, 0);
	toy_start(&r, toy_do_recv, f);
	VERIFY3S(toy_recv(ts, toy_data(4, 'a')), >, 0);
	toy_join(&r);
	VERIFY0(r.tt_error);
	VERIFY3U(r.tt_done, ==, 4);

	/* Data first, then the error, once, then the end. */
	VERIFY3S(toy_recv(ts, toy_data(4, 'a')), >, 0);
	(void) ts->ts_up->su_disconnected(ts->ts_upper, 1, ECONNRESET);
	(void) recv_is(f, 3, 0, 0, 3);
	(void) recv_is(f, 3, 0, 0, 1);
	(void) recv_is(f, 3, MSG_PEEK, ECONNRESET, 0);
	(void) recv_is(f, 3, 0, ECONNRESET, 0);
	(void) recv_is(f, 3, 0, 0, 0);
	send_is(f, 10, 0, EPIPE, 0);
	VERIFY0(fsk_close(f));

	/* The end wakes a reader. */
	f = toy_connected(SOCK_STREAM, &ts);
	toy_start(&r, toy_do_recv, f);
	ts->ts_up->su_opctl(ts->ts_upper, SOCK_OPCTL_SHUT_RECV, 0);
	toy_join(&r);
	VERIFY0(r.tt_error);
	VERIFY0(r.tt_done);
	VERIFY0(fsk_close(f));
}

/* 30: one reader at a time. */
TOY_TEST(recv_one)
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_connected(SOCK_STREAM, &ts);
	toy_thread_t r = { .tt_len = 10, .tt_flags = MSG_WAITALL };
	toy_thread_t r2 = { .tt_len = 3 };

	toy_start(&r, toy_do_recv, f);
	toy_start(&r2, toy_do_recv, f);
	VERIFY3S(toy_recv(ts, toy_data(8, 'a')), >, 0);
	fk_quiesce();
	(void) recv_is(f, 3, MSG_DONTWAIT, EWOULDBLOCK, 0);
	VERIFY3S(toy_recv(ts, toy_data(8, 'i')), >, 0);
	toy_join(&r);
	toy_join(&r2);
	VERIFY3U(r.tt_done, ==, 10);
	VERIFY0(bcmp(r.tt_buf, "abcdefghij", 10));
	VERIFY3U(r2.tt_done, ==, 3);
	VERIFY0(bcmp(r2.tt_buf, "klm", 3));
	VERIFY0(fsk_close(f));
}

/* 32, 33: data runs together, records do not. */
TOY_TEST(recv_records)
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_connected(SOCK_STREAM, &ts);

	VERIFY3S(toy_recv(ts, toy_data(70, 0)), >, 0);
	VERIFY3S(toy_recv(ts, toy_data(70, 70)), >, 0);
	VERIFY0(recv_is(f, 100, 0, 0, 100));
	VERIFY3S(toy_recv(ts, toy_data(10, 140)), >, 0);
	VERIFY0(recv_is(f, 100, 0, 0, 50));
	VERIFY3U((uint8_t)buf[0], ==, 100);
	VERIFY3U((uint8_t)buf[49], ==, 149);

	/* A record in pieces; the end comes with the last. */
	VERIFY3S(toy_recv(ts, toy_record(T_DATA_IND, 0, 10, 0)), >, 0);
	VERIFY3S(toy_recv(ts, toy_record(T_DATA_IND, 1, 10, 10)), >, 0);
	VERIFY3S(toy_recv(ts, toy_record(T_OPTDATA_IND, 0, 10, 20)), >, 0);
	VERIFY3S(toy_recv(ts, toy_record(T_UNITDATA_IND, 0, 10, 30)), >, 0);
	VERIFY3S(queued(f), ==, 40);
	VERIFY0(recv_is(f, 4, 0, 0, 4));
	VERIFY3S(recv_is(f, 100, 0, 0, 6), ==, MSG_EOR);
	VERIFY0(recv_is(f, 100, 0, 0, 10));
	VERIFY3S(recv_is(f, 100, 0, 0, 10), ==, MSG_EOR);
	VERIFY3U(buf[9], ==, 29);
	VERIFY0(recv_is(f, 100, 0, 0, 10));
	VERIFY3S(queued(f), ==, 0);
	VERIFY0(fsk_close(f));
}

/* 34 */
TOY_TEST(recv_atomic)
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_connected(SOCK_SEQPACKET, &ts);

	VERIFY3S(toy_recv(ts, toy_record(T_DATA_IND, 0, 100, 0)), >, 0);
	VERIFY3S(toy_recv(ts, toy_record(T_DATA_IND, 0, 0, 0)), >, 0);
	VERIFY3S(toy_recv(ts, toy_record(T_DATA_IND, 0, 10, 'a')), >, 0);
	VERIFY3S(recv_is(f, 30, MSG_PEEK, 0, 30), ==, MSG_TRUNC);
	VERIFY3S(recv_is(f, 30, 0, 0, 30), ==, MSG_TRUNC);
	VERIFY3S(queued(f), ==, 10);
	VERIFY3S(recv_is(f, 30, 0, 0, 0), ==, MSG_EOR);
	VERIFY3S(recv_is(f, 30, MSG_PEEK, 0, 10), ==, MSG_EOR);
	VERIFY3S(recv_is(f, 30, MSG_WAITALL, 0, 10), ==, MSG_EOR);
	VERIFY3S(buf[0], ==, 'a');
	(void) recv_is(f, 30, MSG_DONTWAIT, EWOULDBLOCK, 0);
	VERIFY0(fsk_close(f));
}

/* 35, 36 */
TOY_TEST(recv_peek_waitall)
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_connected(SOCK_STREAM, &ts);
	toy_thread_t r = { .tt_len = 20, .tt_flags = MSG_WAITALL };

	toy_prop(ts, SOCKOPT_RCVHIWAT, 10);
	VERIFY3S(toy_recv(ts, toy_data(10, 'a')), ==, -1);
	VERIFY0(recv_is(f, 20, MSG_PEEK | MSG_WAITALL, 0, 10));
	VERIFY3S(queued(f), ==, 10);
	toy_expect("");

	toy_start(&r, toy_do_recv, f);
	toy_expect("clr_flowctrl");
	VERIFY3S(queued(f), ==, 0);
	fsk_interrupt(f);
	toy_join(&r);
	VERIFY0(r.tt_error);
	VERIFY3U(r.tt_done, ==, 10);

	r.tt_flags = MSG_WAITALL;
	toy_start(&r, toy_do_recv, f);
	VERIFY3S(toy_recv(ts, toy_data(5, 'k')), ==, 5);
	fk_quiesce();
	ts->ts_up->su_opctl(ts->ts_upper, SOCK_OPCTL_SHUT_RECV, 0);
	toy_join(&r);
	VERIFY0(r.tt_error);
	VERIFY3U(r.tt_done, ==, 5);
	VERIFY0(fsk_close(f));

	/* An error hides what has been read. */
	f = toy_connected(SOCK_STREAM, &ts);
	VERIFY3S(toy_recv(ts, toy_data(5, 'k')), >, 0);
	r.tt_flags = MSG_WAITALL;
	toy_start(&r, toy_do_recv, f);
	ts->ts_up->su_set_error(ts->ts_upper, ECONNRESET);
	toy_join(&r);
	VERIFY3S(r.tt_error, ==, ECONNRESET);
	VERIFY3U(r.tt_done, ==, 5);
	VERIFY0(fsk_close(f));
}

/* 38, 39, 40, 41 */
TOY_TEST(flowctrl)
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_connected(SOCK_STREAM, &ts);

	toy_prop(ts, SOCKOPT_RCVHIWAT, 100);
	toy_prop(ts, SOCKOPT_RCVLOWAT, 50);
	VERIFY3S(toy_recv(ts, toy_data(60, 0)), ==, 40);
	VERIFY3S(toy_recv(ts, NULL), ==, 40);
	(void) recv_is(f, 30, 0, 0, 30);
	toy_expect("");
	VERIFY3S(toy_recv(ts, toy_data(70, 0)), ==, -1);
	VERIFY3S(toy_recv(ts, toy_data(1, 0)), ==, -1);
	VERIFY3S(toy_recv(ts, NULL), ==, -1);
	VERIFY3S(queued(f), ==, 101);
	/* Down to 50, which is not below 50; then below; once. */
	(void) recv_is(f, 51, 0, 0, 51);
	toy_expect("");
	(void) recv_is(f, 1, 0, 0, 1);
	toy_expect("clr_flowctrl");
	(void) recv_is(f, 49, 0, 0, 49);
	toy_expect("");
	VERIFY3S(toy_recv(ts, NULL), ==, 100);

	/* New levels say nothing by themselves; a probe arms. */
	VERIFY3S(toy_recv(ts, toy_data(10, 0)), ==, 90);
	toy_prop(ts, SOCKOPT_RCVHIWAT, 5);
	(void) recv_is(f, 1, 0, 0, 1);
	toy_expect("");
	VERIFY3S(toy_recv(ts, NULL), ==, -1);
	toy_prop(ts, SOCKOPT_RCVHIWAT, 1000);
	toy_expect("");
	VERIFY3S(toy_recv(ts, NULL), ==, 991);
	(void) recv_is(f, 1, 0, 0, 1);
	toy_expect("clr_flowctrl");

	/* Nor does a flush. */
	toy_prop(ts, SOCKOPT_RCVHIWAT, 5);
	VERIFY3S(toy_recv(ts, NULL), ==, -1);
	VERIFY0(fsk_shutdown(f, SHUT_RD));
	toy_expect("shutdown(0)");
	VERIFY3S(queued(f), ==, 0);
	/* What comes now is dropped. */
	VERIFY0(toy_recv(ts, toy_data(10, 0)));
	VERIFY3S(queued(f), ==, 0);
	VERIFY0(fsk_close(f));
	toy_expect("close(0) fini");

	/* The rest of a record that is thrown away counts as read. */
	f = toy_connected(SOCK_SEQPACKET, &ts);
	toy_prop(ts, SOCKOPT_RCVHIWAT, 100);
	toy_prop(ts, SOCKOPT_RCVLOWAT, 50);
	VERIFY3S(toy_recv(ts, toy_record(T_DATA_IND, 0, 100, 0)), ==, -1);
	VERIFY3S(recv_is(f, 1, 0, 0, 1), ==, MSG_TRUNC);
	toy_expect("clr_flowctrl");
	VERIFY0(fsk_close(f));
}

/* 42: a bad address loses the data, and its room for ever. */
TOY_TEST(recv_fault)
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_connected(SOCK_STREAM, &ts);
	size_t done;

	VERIFY3S(toy_recv(ts, toy_data(100, 0)), ==, 49052);
	VERIFY3S(fsk_recv(f, (void *)16, 10, 0, &done), ==, EFAULT);
	VERIFY0(done);
	VERIFY3S(queued(f), ==, 100);
	VERIFY3S(toy_recv(ts, NULL), ==, 49052);
	(void) recv_is(f, 10, MSG_DONTWAIT, EWOULDBLOCK, 0);
	VERIFY0(fsk_close(f));
}

/* 43: notifications that are held back. */
TOY_TEST(push)
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_connected(SOCK_STREAM, &ts);
	toy_thread_t r = { .tt_len = 50 };
	boolean_t push = B_FALSE;
	int error;

	toy_prop(ts, SOCKOPT_RCVTHRESH, 20);
	toy_prop(ts, SOCKOPT_RCVTIMER, 50);
	toy_start(&r, toy_do_recv, f);
	VERIFY3S(ts->ts_up->su_recv(ts->ts_upper, toy_data(10, 0), 10, 0,
	    &error, &push), >, 0);
	VERIFY(!push);
	fk_quiesce();
	VERIFY(!r.tt_finished);
	VERIFY0(fsk_poll(f, POLLIN));
	fk_time_advance(MSEC2NSEC(100));
	toy_join(&r);
	VERIFY3U(r.tt_done, ==, 10);

	/* Enough of it is not held back. */
	toy_start(&r, toy_do_recv, f);
	VERIFY3S(ts->ts_up->su_recv(ts->ts_upper, toy_data(10, 0), 10, 0,
	    &error, &push), >, 0);
	VERIFY(!push);
	VERIFY3S(ts->ts_up->su_recv(ts->ts_upper, toy_data(10, 0), 10, 0,
	    &error, &push), >, 0);
	VERIFY(push);
	toy_join(&r);
	VERIFY3U(r.tt_done, ==, 20);

	/* Nor is what a reader has asked for. */
	r.tt_len = 5;
	toy_start(&r, toy_do_recv, f);
	push = B_FALSE;
	VERIFY3S(ts->ts_up->su_recv(ts->ts_upper, toy_data(10, 0), 10, 0,
	    &error, &push), >, 0);
	VERIFY(push);
	toy_join(&r);
	VERIFY3U(r.tt_done, ==, 5);

	/* A timer that runs at the close is no harm. */
	push = B_FALSE;
	VERIFY3S(ts->ts_up->su_recv(ts->ts_upper, toy_data(1, 0), 1, 0,
	    &error, &push), >, 0);
	VERIFY0(fsk_close(f));
	fk_time_advance(MSEC2NSEC(100));
}

/* 45 */
TOY_TEST(shutdown)
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_socket(SOCK_STREAM, &ts);
	toy_thread_t r = { .tt_len = 50 };

	VERIFY3S(fsk_shutdown(f, SHUT_RD), ==, ENOTCONN);
	toy_expect("");
	ts->ts_up->su_connected(ts->ts_upper, 1, NULL, -1);
	toy.t_shutdown = EINVAL;
	VERIFY3S(fsk_shutdown(f, 17), ==, EINVAL);
	toy.t_shutdown = 0;
	toy_expect("shutdown(17)");
	VERIFY3S(toy_recv(ts, toy_data(10, 0)), >, 0);
	VERIFY0(fsk_shutdown(f, SHUT_WR));
	VERIFY3S(queued(f), ==, 10);
	send_is(f, 1, 0, EPIPE, 0);
	(void) recv_is(f, 10, 0, 0, 10);
	toy_start(&r, toy_do_recv, f);
	VERIFY0(fsk_shutdown(f, SHUT_RDWR));
	toy_join(&r);
	VERIFY0(r.tt_error);
	VERIFY0(r.tt_done);
	VERIFY0(fsk_close(f));
}

#define	FLOW_TOTAL	(1 << 20)

static kcondvar_t flow_cv;
static boolean_t flow_room;

static void
flow_hook(toy_sock_t *ts, const char *op)
{
	if (strcmp(op, "clr_flowctrl") != 0)
		return;
	mutex_enter(&toy.t_lock);
	toy.t_log[0] = '\0';
	flow_room = B_TRUE;
	cv_signal(&flow_cv);
	mutex_exit(&toy.t_lock);
}

/* The module's thread: sends until told to stop, and goes on when told so. */
static void
flow_producer(toy_thread_t *tt)
{
	toy_sock_t *ts = (toy_sock_t *)tt->tt_file;
	uint32_t sent = 0, n;

	while (sent < FLOW_TOTAL) {
		n = MIN(1 + sent % 777, FLOW_TOTAL - sent);
		if (toy_recv(ts, toy_data(n, sent)) == -1) {
			mutex_enter(&toy.t_lock);
			while (!flow_room)
				cv_wait(&flow_cv, &toy.t_lock);
			flow_room = B_FALSE;
			mutex_exit(&toy.t_lock);
		}
		sent += n;
	}
	ts->ts_up->su_opctl(ts->ts_upper, SOCK_OPCTL_SHUT_RECV, 0);
}

/* 31, 40: all that is sent arrives, in order, and then the end. */
TOY_TEST(flow)
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_connected(SOCK_STREAM, &ts);
	toy_thread_t tt = { 0 };
	uint32_t got = 0;
	size_t i, done;

	cv_init(&flow_cv, NULL, CV_DEFAULT, NULL);
	flow_room = B_FALSE;
	toy.t_hook = flow_hook;
	toy_prop(ts, SOCKOPT_RCVHIWAT, 5000);
	toy_prop(ts, SOCKOPT_RCVLOWAT, 5000);
	toy_start(&tt, flow_producer, (fsk_file_t *)ts);
	do {
		VERIFY0(fsk_recv(f, buf, 1 + got % 3000, 0, &done));
		for (i = 0; i < done; i++)
			VERIFY3U((uint8_t)buf[i], ==, (uint8_t)(got + i));
		got += done;
	} while (done != 0);
	VERIFY3U(got, ==, FLOW_TOTAL);
	toy_join(&tt);
	toy.t_hook = NULL;
	cv_destroy(&flow_cv);
	VERIFY0(fsk_close(f));
}
