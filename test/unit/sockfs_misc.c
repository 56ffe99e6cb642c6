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
 * The fake sockfs: options, ioctls and polling.  The numbers are those of the
 * table in doc/sockfs.md.
 */

#include <sys/filio.h>
#include <sys/sockio.h>
#include "sockfs_toy.h"

/* 47 */
TOY_TEST(setsockopt)
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_socket(SOCK_STREAM, &ts);
	struct timeval tv = { .tv_sec = 3, .tv_usec = 500000 };
	uint32_t len = sizeof (tv);
	int val = 42;

	VERIFY0(fsk_setsockopt(f, SOL_SOCKET, SO_RCVBUF, &val, 4));
	VERIFY0(fsk_setsockopt(f, TOY_FAMILY, 3, &val, 4));
	VERIFY0(fsk_setsockopt(f, TOY_FAMILY, 3, NULL, 4));
	VERIFY0(fsk_setsockopt(f, TOY_FAMILY, 3, &val, 0));
	toy_expect("setsockopt(ffff,1002,4:42) setsockopt(c8,3,4:42) "
	    "setsockopt(c8,3,0:1) setsockopt(c8,3,0:1)");
	VERIFY3S(fsk_setsockopt(f, SOL_SOCKET, 1, (void *)16, 4), ==, EFAULT);
	VERIFY3S(fsk_setsockopt(f, SOL_SOCKET, 1, &val, 8193), ==, EINVAL);
	VERIFY3S(fsk_setsockopt(f, SOL_SOCKET, SO_RCVTIMEO, &val, 4), ==,
	    EINVAL);
	toy_expect("");

	/* Kept, and passed on; what the module says is what is returned. */
	toy.t_setopt = ENOPROTOOPT;
	VERIFY3S(fsk_setsockopt(f, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof (tv)),
	    ==, ENOPROTOOPT);
	toy_expect("setsockopt(ffff,1005,16:3)");
	toy.t_setopt = 0;
	bzero(&tv, sizeof (tv));
	VERIFY0(fsk_getsockopt(f, SOL_SOCKET, SO_SNDTIMEO, &tv, &len));
	VERIFY3S(tv.tv_sec, ==, 3);
	VERIFY3S(tv.tv_usec, ==, 500000);
	VERIFY0(fsk_getsockopt(f, SOL_SOCKET, SO_RCVTIMEO, &tv, &len));
	VERIFY0(tv.tv_sec);

	ts->ts_up->su_opctl(ts->ts_upper, SOCK_OPCTL_SHUT_SEND, 0);
	VERIFY3S(fsk_setsockopt(f, TOY_FAMILY, 3, &val, 4), ==, EINVAL);
	toy_expect("");
	VERIFY0(fsk_close(f));
}

static int
getopt_int(fsk_file_t *f, int level, int name, int error)
{
	uint32_t len = sizeof (int);
	int val = -1;

	VERIFY3S(fsk_getsockopt(f, level, name, &val, &len), ==, error);
	if (error == 0)
		VERIFY3U(len, ==, sizeof (int));
	return (val);
}

/* 48 */
TOY_TEST(getsockopt)
{
	static const int zeroes[] = {
		SO_DEBUG, SO_REUSEADDR, SO_KEEPALIVE, SO_DONTROUTE,
		SO_BROADCAST, SO_USELOOPBACK, SO_OOBINLINE, SO_DGRAM_ERRIND,
		SO_SNDBUF, SO_RCVBUF
	};
	toy_sock_t *ts;
	fsk_file_t *f = toy_socket(SOCK_STREAM, &ts);
	struct linger linger = { 1, 1 };
	uint32_t len = sizeof (linger);
	char big[16];
	uint_t i;

	ts->ts_up->su_set_error(ts->ts_upper, EIO);
	VERIFY3S(getopt_int(f, SOL_SOCKET, SO_ERROR, 0), ==, EIO);
	VERIFY0(getopt_int(f, SOL_SOCKET, SO_ERROR, 0));
	VERIFY3S(getopt_int(f, SOL_SOCKET, SO_TYPE, 0), ==, SOCK_STREAM);
	VERIFY3S(getopt_int(f, SOL_SOCKET, SO_DOMAIN, 0), ==, TOY_FAMILY);
	toy_expect("");
	VERIFY3S(getopt_int(f, SOL_SOCKET, SO_PROTOTYPE, 0), ==, 77);
	VERIFY3S(getopt_int(f, SOL_SOCKET, SO_SNDBUF, 0), ==, 77);
	VERIFY3S(getopt_int(f, TOY_FAMILY, 9, 0), ==, 77);
	toy_expect("getsockopt(ffff,1009,4) getsockopt(ffff,1001,4) "
	    "getsockopt(c8,9,4)");

	toy.t_getopt = ENOPROTOOPT;
	for (i = 0; i < sizeof (zeroes) / sizeof (zeroes[0]); i++)
		VERIFY0(getopt_int(f, SOL_SOCKET, zeroes[i], 0));
	VERIFY0(fsk_getsockopt(f, SOL_SOCKET, SO_LINGER, &linger, &len));
	VERIFY0(linger.l_onoff);
	VERIFY3U(len, ==, sizeof (linger));
	(void) getopt_int(f, SOL_SOCKET, SO_PROTOTYPE, ENOPROTOOPT);
	(void) getopt_int(f, TOY_FAMILY, 9, ENOPROTOOPT);
	toy.t_log[0] = '\0';

	len = 2;
	VERIFY3S(fsk_getsockopt(f, SOL_SOCKET, SO_SNDBUF, big, &len), ==,
	    EINVAL);
	VERIFY3S(fsk_getsockopt(f, SOL_SOCKET, SO_TYPE, big, &len), ==,
	    EINVAL);
	len = 8193;
	VERIFY3S(fsk_getsockopt(f, TOY_FAMILY, 1, big, &len), ==, EINVAL);
	toy_expect("");
	len = sizeof (big);
	toy.t_getopt = 0;
	VERIFY0(fsk_getsockopt(f, TOY_FAMILY, 1, big, &len));
	VERIFY3U(len, ==, 4);
	VERIFY0(fsk_close(f));
}

/* 49, 58 */
TOY_TEST(ioctl)
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_socket(SOCK_STREAM, &ts);
	int val = -1, rval = -1, zone, pid;
	size_t done;

	VERIFY0(fsk_ioctl(f, FIONREAD, (intptr_t)&val, &rval));
	VERIFY0(val);
	VERIFY0(rval);
	VERIFY3S(toy_recv(ts, toy_data(17, 0)), >, 0);
	VERIFY0(fsk_ioctl(f, FIONREAD, (intptr_t)&val, &rval));
	VERIFY3S(val, ==, 17);
	VERIFY3S(fsk_ioctl(f, FIONREAD, 16, &rval), ==, EFAULT);
	VERIFY3S(fsk_ioctl(f, SIOCATMARK, (intptr_t)&val, &rval), ==, EINVAL);
	VERIFY3S(fsk_ioctl(f, ('S' << 8) | 042, 0, &rval), ==, EOPNOTSUPP);
	VERIFY3S(fsk_ioctl(f, ('S' << 8) | 1, 0, &rval), ==, EINVAL);
	val = 99;
	VERIFY0(fsk_ioctl(f, FIOSETOWN, (intptr_t)&val, &rval));
	val = 0;
	VERIFY0(fsk_ioctl(f, SIOCGPGRP, (intptr_t)&val, &rval));
	VERIFY3S(val, ==, 99);
	VERIFY0(fsk_ioctl(f, FIOASYNC, (intptr_t)&val, &rval));
	toy_expect("");
	VERIFY0(fsk_ioctl(f, 4242, 0, &rval));
	VERIFY3S(rval, ==, 5);
	toy.t_ioctl = ENOTTY;
	VERIFY3S(fsk_ioctl(f, 4242, 0, &rval), ==, ENOTTY);
	toy_expect("ioctl(1092) ioctl(1092)");

	/* Any of them takes the pending error. */
	ts->ts_up->su_set_error(ts->ts_upper, EIO);
	VERIFY3S(fsk_ioctl(f, FIOASYNC, (intptr_t)&val, &rval), ==, EIO);
	VERIFY0(fsk_ioctl(f, FIOASYNC, (intptr_t)&val, &rval));
	ts->ts_up->su_set_error(ts->ts_upper, EIO);
	VERIFY3S(fsk_getpeerucred(f, &zone, &pid), ==, EIO);

	VERIFY3S(fsk_getpeerucred(f, &zone, &pid), ==, ENOTCONN);
	ts->ts_up->su_connected(ts->ts_upper, 1, NULL, -1);
	VERIFY3S(fsk_getpeerucred(f, &zone, &pid), ==, EINVAL);
	ts->ts_up->su_connected(ts->ts_upper, 1, kcred, 123);
	VERIFY0(fsk_getpeerucred(f, &zone, &pid));
	VERIFY3S(zone, ==, GLOBAL_ZONEID);
	VERIFY3S(pid, ==, 123);

	VERIFY0(fsk_recv(f, toy.t_sent, 100, 0, &done));
	VERIFY3U(done, ==, 17);
	val = 1;
	VERIFY0(fsk_ioctl(f, FIONBIO, (intptr_t)&val, &rval));
	VERIFY3S(fsk_recv(f, toy.t_sent, 100, 0, &done), ==, EWOULDBLOCK);
	(void) ts->ts_up->su_disconnected(ts->ts_upper, 1, 0);
	VERIFY3S(fsk_getpeerucred(f, &zone, &pid), ==, ENOTCONN);
	VERIFY0(fsk_close(f));
}

#define	IN	(POLLIN | POLLRDNORM)
#define	ALL	(IN | POLLOUT | POLLWRBAND | POLLRDBAND | POLLPRI | POLLRDHUP)

/* 50 */
TOY_TEST(poll)
{
	toy_sock_t *ts, *ls;
	fsk_file_t *f = toy_socket(SOCK_STREAM, &ts), *l;
	size_t done;
	char c;

	VERIFY0(fsk_poll(f, ALL));
	ts->ts_up->su_connected(ts->ts_upper, 1, NULL, -1);
	VERIFY3S(fsk_poll(f, ALL), ==, POLLOUT | POLLWRBAND);
	ts->ts_up->su_txq_full(ts->ts_upper, B_TRUE);
	VERIFY3S(fsk_poll(f, ALL), ==, POLLWRBAND);
	VERIFY3S(toy_recv(ts, toy_data(1, 0)), >, 0);
	VERIFY3S(fsk_poll(f, ALL), ==, IN | POLLWRBAND);
	VERIFY3S(fsk_poll(f, POLLRDNORM), ==, POLLRDNORM);
	/* An error is all there is then, and stays. */
	ts->ts_up->su_set_error(ts->ts_upper, EIO);
	VERIFY3S(fsk_poll(f, ALL), ==, IN | POLLOUT);
	VERIFY3S(fsk_poll(f, POLLOUT), ==, POLLOUT);
	VERIFY3S(fsk_poll(f, POLLWRBAND), ==, POLLWRBAND);
	VERIFY0(fsk_recv(f, &c, 1, 0, &done));
	VERIFY3S(fsk_recv(f, &c, 1, 0, &done), ==, EIO);
	ts->ts_up->su_txq_full(ts->ts_upper, B_FALSE);
	/* The peer has sent its last. */
	ts->ts_up->su_opctl(ts->ts_upper, SOCK_OPCTL_SHUT_RECV, 0);
	VERIFY3S(fsk_poll(f, ALL), ==, IN | POLLOUT | POLLWRBAND | POLLRDHUP);
	/* An orderly end of both is no hang-up; a disconnect is. */
	ts->ts_up->su_opctl(ts->ts_upper, SOCK_OPCTL_SHUT_SEND, 0);
	VERIFY3S(fsk_poll(f, ALL), ==, IN | POLLOUT | POLLWRBAND | POLLRDHUP);
	(void) ts->ts_up->su_disconnected(ts->ts_upper, 1, 0);
	VERIFY3S(fsk_poll(f, ALL), ==, IN | POLLRDHUP | POLLHUP);
	VERIFY3S(fsk_poll(f, 0), ==, POLLHUP);
	VERIFY0(fsk_close(f));

	/* An attempt to connect that fails. */
	f = toy_socket(SOCK_STREAM, &ts);
	(void) ts->ts_up->su_disconnected(ts->ts_upper, 1, ECONNREFUSED);
	VERIFY3S(fsk_poll(f, ALL), ==, IN | POLLOUT);
	VERIFY3S(fsk_recv(f, &c, 1, 0, &done), ==, ECONNREFUSED);
	VERIFY3S(fsk_poll(f, IN), ==, IN | POLLHUP);
	VERIFY0(fsk_close(f));

	l = toy_listener(5, &ls);
	VERIFY0(fsk_poll(l, ALL));
	VERIFY3P(toy_newconn(ls), !=, NULL);
	VERIFY3S(fsk_poll(l, ALL), ==, IN);
	VERIFY0(fsk_close(l));

	/* Where no connection is needed, one can always send. */
	toy.t_mode = 0;
	f = toy_socket(SOCK_STREAM, &ts);
	VERIFY3S(fsk_poll(f, ALL), ==, POLLOUT | POLLWRBAND);
	VERIFY0(fsk_close(f));
}

static void
count(void *arg)
{
	++*(uint_t *)arg;
}

/* 19, 51: who is woken, and when. */
TOY_TEST(pollnotify)
{
	toy_sock_t *ts, *ls;
	fsk_file_t *f = toy_connected(SOCK_STREAM, &ts), *l, *nf;
	uint_t n = 0;

	fsk_pollnotify(f, count, &n);
	/* Nobody has looked. */
	VERIFY3S(toy_recv(ts, toy_data(1, 0)), >, 0);
	VERIFY0(n);
	/* Somebody has, and found it. */
	VERIFY3S(fsk_poll(f, IN), ==, IN);
	VERIFY3S(toy_recv(ts, toy_data(1, 0)), >, 0);
	VERIFY0(n);
	VERIFY0(fsk_close(f));

	/* Somebody has, and did not: it comes, once. */
	f = toy_connected(SOCK_STREAM, &ts);
	n = 0;
	fsk_pollnotify(f, count, &n);
	VERIFY3S(fsk_poll(f, IN | POLLOUT), ==, POLLOUT);
	VERIFY3S(toy_recv(ts, toy_data(1, 0)), >, 0);
	VERIFY3U(n, ==, 1);
	VERIFY3S(toy_recv(ts, toy_data(1, 0)), >, 0);
	VERIFY3U(n, ==, 1);
	/* Those for writing always do, those of the end once. */
	ts->ts_up->su_txq_full(ts->ts_upper, B_TRUE);
	VERIFY3U(n, ==, 1);
	ts->ts_up->su_txq_full(ts->ts_upper, B_FALSE);
	ts->ts_up->su_txq_full(ts->ts_upper, B_FALSE);
	VERIFY3U(n, ==, 3);
	ts->ts_up->su_opctl(ts->ts_upper, SOCK_OPCTL_SHUT_RECV, 0);
	VERIFY3U(n, ==, 4);
	ts->ts_up->su_opctl(ts->ts_upper, SOCK_OPCTL_SHUT_RECV, 0);
	VERIFY3U(n, ==, 4);
	ts->ts_up->su_opctl(ts->ts_upper, SOCK_OPCTL_SHUT_SEND, 0);
	ts->ts_up->su_opctl(ts->ts_upper, SOCK_OPCTL_SHUT_SEND, 0);
	VERIFY3U(n, ==, 5);
	(void) ts->ts_up->su_disconnected(ts->ts_upper, 1, ECONNRESET);
	VERIFY3U(n, ==, 6);
	fsk_pollnotify(f, NULL, NULL);
	ts->ts_up->su_txq_full(ts->ts_upper, B_FALSE);
	VERIFY3U(n, ==, 6);
	VERIFY0(fsk_close(f));

	/* Connections are gated as data is. */
	l = toy_listener(5, &ls);
	n = 0;
	fsk_pollnotify(l, count, &n);
	VERIFY3P(toy_newconn(ls), !=, NULL);
	VERIFY0(n);
	VERIFY0(fsk_accept(l, NULL, NULL, &nf));
	VERIFY0(fsk_close(nf));
	VERIFY0(fsk_poll(l, IN));
	VERIFY3P(toy_newconn(ls), !=, NULL);
	VERIFY3P(toy_newconn(ls), !=, NULL);
	VERIFY3U(n, ==, 1);
	VERIFY0(fsk_close(l));
}

/* 50, 51: a thread that waits. */
TOY_TEST(poll_wait)
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_connected(SOCK_STREAM, &ts);
	toy_thread_t tt = { .tt_flags = IN };
	short rev = 0;

	VERIFY0(fsk_poll_wait(f, ALL, -1, &rev));
	VERIFY3S(rev, ==, POLLOUT | POLLWRBAND);
	VERIFY3S(fsk_poll_wait(f, IN, 0, &rev), ==, ETIME);
	toy_start(&tt, toy_do_poll, f);
	VERIFY(!tt.tt_finished);
	/* Woken for nothing it wants: it goes on waiting. */
	ts->ts_up->su_txq_full(ts->ts_upper, B_FALSE);
	fk_quiesce();
	VERIFY(!tt.tt_finished);
	VERIFY3S(toy_recv(ts, toy_data(1, 0)), >, 0);
	toy_join(&tt);
	VERIFY0(tt.tt_error);
	VERIFY3U(tt.tt_done, ==, IN);
	VERIFY0(fsk_close(f));

	f = toy_connected(SOCK_STREAM, &ts);
	toy_start(&tt, toy_do_poll, f);
	fsk_interrupt(f);
	toy_join(&tt);
	VERIFY3S(tt.tt_error, ==, EINTR);
	VERIFY0(fsk_close(f));
}
