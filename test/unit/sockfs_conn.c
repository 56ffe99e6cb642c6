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
 * The fake sockfs: modules and their sockets, from socket(2) to close(2),
 * without data.  The numbers are those of the table in doc/sockfs.md.
 */

#include "sockfs_toy.h"

static const struct sockaddr toy_sa = { .sa_family = TOY_FAMILY };

/* 1: which module; the errno when there is none. */
TOY_TEST(lookup)
{
	fsk_file_t *f;

	VERIFY3S(fsk_socket(201, SOCK_STREAM, 0, &f), ==, EAFNOSUPPORT);
	VERIFY3S(fsk_socket(201, SOCK_STREAM, 5, &f), ==, EAFNOSUPPORT);
	VERIFY3S(fsk_socket(TOY_FAMILY, SOCK_DGRAM, 0, &f), ==, EPROTOTYPE);
	VERIFY3S(fsk_socket(TOY_FAMILY, SOCK_DGRAM, 5, &f), ==,
	    EPROTONOSUPPORT);
	toy_expect("");

	VERIFY3S(fsk_sockconfig(TOY_FAMILY, SOCK_STREAM, 0, "toy"), ==,
	    EEXIST);
	VERIFY3S(fsk_sockunconfig(TOY_FAMILY, SOCK_DGRAM, 0), ==, ENXIO);
	VERIFY0(fsk_sockconfig(202, SOCK_STREAM, 0, "nonesuch"));
	VERIFY3S(fsk_socket(202, SOCK_STREAM, 0, &f), ==, ENXIO);
	VERIFY0(fsk_sockunconfig(202, SOCK_STREAM, 0));

	f = toy_socket(SOCK_STREAM, NULL);
	VERIFY3S(fsk_sockunconfig(TOY_FAMILY, SOCK_STREAM, 0), ==, EBUSY);
	VERIFY0(fsk_close(f));
	VERIFY3S(fsk_socket(TOY_FAMILY, SOCK_STREAM | 0x10000, 0, &f), ==,
	    EINVAL);
}

/* 2: modules that are refused. */
TOY_TEST(register)
{
	static const char *const bad[] = {
		"toyname", "toyver", "toysize", "toypriv"
	};
	fsk_file_t *f;
	uint_t i;

	for (i = 0; i < 4; i++) {
		VERIFY0(fsk_sockconfig(203, SOCK_STREAM, 0, bad[i]));
		VERIFY3S(fsk_socket(203, SOCK_STREAM, 0, &f), ==, ENXIO);
		/* It tries again with protocol 0, whatever the errno. */
		toy_expect("init init");
		VERIFY0(fsk_sockunconfig(203, SOCK_STREAM, 0));
	}
}

/* 3, 56: what the module sees of the making of a socket, and of the last. */
TOY_TEST(create)
{
	fsk_file_t *f, *g;

	VERIFY0(fsk_socket(TOY_FAMILY, SOCK_STREAM, 0, &f));
	toy_expect("init create(200,2,0) activate");
	VERIFY0(fsk_socket(TOY_FAMILY, SOCK_SEQPACKET, 0, &g));
	toy_expect("create(200,6,0) activate");
	VERIFY0(fsk_close(f));
	toy_expect("close(0)");
	VERIFY0(fsk_close(g));
	toy_expect("close(0) fini");

	/* A protocol that the entry does not name is put to the module. */
	VERIFY0(fsk_socket(TOY_FAMILY, SOCK_STREAM, 5, &f));
	toy_expect("init create(200,2,5) activate setsockopt(ffff,1009,4:5)");
	VERIFY0(fsk_close(f));
	toy_expect("close(0) fini");
	toy.t_setopt = ENOPROTOOPT;
	VERIFY3S(fsk_socket(TOY_FAMILY, SOCK_STREAM, 5, &f), ==,
	    EPROTONOSUPPORT);
	toy_expect("init create(200,2,5) activate setsockopt(ffff,1009,4:5) "
	    "close(0) fini");
	toy.t_setopt = 0;
	VERIFY0(fsk_sockconfig(TOY_FAMILY, SOCK_STREAM, 7, "toy"));
	VERIFY0(fsk_socket(TOY_FAMILY, SOCK_STREAM, 7, &f));
	toy_expect("init create(200,2,7) activate");
	VERIFY0(fsk_close(f));
	VERIFY0(fsk_sockunconfig(TOY_FAMILY, SOCK_STREAM, 7));
	toy_expect("close(0) fini");

	toy.t_nocreate = B_TRUE;
	VERIFY3S(fsk_socket(TOY_FAMILY, SOCK_STREAM, 0, &f), ==, ENOMEM);
	toy_expect("init create(200,2,0) fini");
	toy.t_create = EACCES;
	VERIFY3S(fsk_socket(TOY_FAMILY, SOCK_STREAM, 0, &f), ==, EACCES);
	toy_expect("init create(200,2,0) fini");
	toy.t_create = EPROTOTYPE;
	VERIFY3S(fsk_socket(TOY_FAMILY, SOCK_STREAM, 5, &f), ==,
	    EPROTONOSUPPORT);
	toy_expect("init create(200,2,5) fini");
	toy.t_nocreate = B_FALSE;

	/* A module that does not want to go stays. */
	toy.t_fini = EBUSY;
	f = toy_socket(SOCK_STREAM, NULL);
	VERIFY0(fsk_close(f));
	toy_expect("close(0) fini");
	f = toy_socket(SOCK_STREAM, NULL);
	toy.t_fini = 0;
	VERIFY0(fsk_close(f));
	toy_expect("close(0) fini");
}

/* 4 */
TOY_TEST(defaults)
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_socket(SOCK_STREAM, &ts);
	struct so_snd_bufinfo sbi;
	uint32_t len = sizeof (sbi);
	struct sockaddr sa;

	VERIFY0(fsk_getsockopt(f, SOL_SOCKET, SO_SND_BUFINFO, &sbi, &len));
	VERIFY3S(sbi.sbi_maxblk, ==, -1);
	VERIFY3S(sbi.sbi_maxpsz, ==, -1);
	VERIFY0(sbi.sbi_wroff);
	VERIFY0(sbi.sbi_tail);
	VERIFY3S(toy_recv(ts, NULL), ==, 49152);
	len = sizeof (sa);
	VERIFY0(fsk_getsockname(f, &sa, &len));
	toy_expect("getsockname(256)");
	VERIFY0(fsk_close(f));
}

/* 5 */
TOY_TEST(bind)
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_socket(SOCK_STREAM, &ts);

	VERIFY0(fsk_bind(f, &toy_sa, sizeof (toy_sa)));
	VERIFY0(fsk_bind(f, &toy_sa, 1));
	VERIFY0(fsk_bind(f, NULL, 0));
	toy_expect("bind(sa,16) bind(sa,1) bind(NULL,0)");
	VERIFY3S(fsk_bind(f, &toy_sa, 8193), ==, EINVAL);
	VERIFY3S(fsk_bind(f, (void *)16, 16), ==, EFAULT);
	toy_expect("");
	toy.t_bind = EADDRINUSE;
	VERIFY3S(fsk_bind(f, &toy_sa, 16), ==, EADDRINUSE);
	toy_expect("bind(sa,16)");
	ts->ts_up->su_opctl(ts->ts_upper, SOCK_OPCTL_SHUT_SEND, 0);
	VERIFY3S(fsk_bind(f, &toy_sa, 16), ==, EINVAL);
	toy_expect("");
	VERIFY0(fsk_close(f));
}

/* 6, 7 */
TOY_TEST(listen)
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_socket(SOCK_STREAM, &ts), *nf;
	uint32_t len = sizeof (int);
	int val;

	VERIFY3S(fsk_accept(f, NULL, NULL, &nf), ==, EINVAL);
	toy.t_silent = B_TRUE;
	VERIFY0(fsk_listen(f, -5));
	VERIFY0(fsk_listen(f, 0));
	VERIFY0(fsk_listen(f, 5));
	VERIFY0(fsk_listen(f, INT_MAX));
	toy_expect("listen(1) listen(1) listen(8) listen(2147483647)");
	VERIFY3S(fsk_accept(f, NULL, NULL, &nf), ==, EINVAL);
	VERIFY3P(toy_newconn(ts), ==, NULL);
	VERIFY0(fsk_getsockopt(f, SOL_SOCKET, SO_ACCEPTCONN, &val, &len));
	VERIFY0(val);
	toy.t_silent = B_FALSE;
	VERIFY0(fsk_listen(f, 0));
	toy_expect("listen(1)");
	VERIFY0(fsk_getsockopt(f, SOL_SOCKET, SO_ACCEPTCONN, &val, &len));
	VERIFY3S(val, ==, SO_ACCEPTCONN);
	fsk_set_nonblock(f, true);
	VERIFY3S(fsk_accept(f, NULL, NULL, &nf), ==, EWOULDBLOCK);
	VERIFY0(fsk_close(f));
	toy_expect("close(80) fini");
}

/* 8, 11, 12 */
TOY_TEST(accept)
{
	toy_sock_t *ls, *a, *b;
	fsk_file_t *f = toy_listener(1, &ls), *fa, *fb;
	toy_thread_t tt = { 0 };
	struct sockaddr sa;
	uint32_t len = 4;
	size_t done;
	char c;

	/* The backlog is 2 then. */
	toy_prop(ls, SOCKOPT_RCVHIWAT, 5000);
	a = toy_newconn(ls);
	b = toy_newconn(ls);
	VERIFY(a != NULL && b != NULL);
	VERIFY3P(toy_newconn(ls), ==, NULL);
	/* Upcalls may come before accept. */
	VERIFY3S(toy_recv(a, toy_data(1, 'a')), ==, 4999);
	VERIFY3S(toy_recv(b, toy_data(1, 'b')), ==, 4999);
	VERIFY0(fsk_accept(f, NULL, NULL, &fa));
	toy_expect("accept");
	fsk_set_nonblock(f, true);
	VERIFY0(fsk_accept(f, &sa, &len, &fb));
	toy_expect("accept getpeername(256)");
	VERIFY3U(len, ==, 16);
	VERIFY3U(sa.sa_family, ==, TOY_FAMILY);
	VERIFY0(fsk_recv(fa, &c, 1, 0, &done));
	VERIFY3S(c, ==, 'a');
	VERIFY0(fsk_recv(fb, &c, 1, 0, &done));
	VERIFY3S(c, ==, 'b');
	VERIFY3S(fsk_recv(fb, &c, 1, 0, &done), ==, EWOULDBLOCK);
	fsk_set_nonblock(f, false);

	/* A pending error is not accept's; a connection and a signal are. */
	ls->ts_up->su_set_error(ls->ts_upper, EIO);
	toy_start(&tt, toy_do_accept, f);
	VERIFY(!tt.tt_finished);
	fsk_interrupt(f);
	toy_join(&tt);
	VERIFY3S(tt.tt_error, ==, EINTR);
	bzero(&tt, sizeof (tt));
	toy_start(&tt, toy_do_accept, f);
	VERIFY3P(toy_newconn(ls), !=, NULL);
	toy_join(&tt);
	VERIFY0(tt.tt_error);
	VERIFY0(fsk_close(tt.tt_newfile));
	fk_fail_nth(1);
	VERIFY3P(toy_newconn(ls), ==, NULL);

	VERIFY0(fsk_close(fa));
	VERIFY0(fsk_close(fb));
	VERIFY0(fsk_close(f));
}

/* 9, 10 */
TOY_TEST(accept_fails)
{
	toy_sock_t *ls;
	fsk_file_t *f = toy_listener(5, &ls), *nf;
	struct sockaddr sa;
	uint32_t len = sizeof (sa);

	VERIFY3P(toy_newconn(ls), !=, NULL);
	toy.t_accept = EPROTO;
	VERIFY3S(fsk_accept(f, NULL, NULL, &nf), ==, EPROTO);
	toy_expect("accept close(0)");
	toy.t_accept = 0;
	toy.t_peername = ENOTCONN;
	VERIFY3P(toy_newconn(ls), !=, NULL);
	VERIFY3S(fsk_accept(f, &sa, &len, &nf), ==, ECONNABORTED);
	toy_expect("accept getpeername(256) close(0)");
	VERIFY3P(toy_newconn(ls), !=, NULL);
	VERIFY0(fsk_accept(f, NULL, NULL, &nf));
	VERIFY0(fsk_close(nf));
	VERIFY0(fsk_close(f));
}

static void
race_accept(void *arg)
{
	fsk_file_t *nf;

	VERIFY0(fsk_accept(arg, NULL, NULL, &nf));
	VERIFY0(fsk_close(nf));
}

/* 13: all of a connection's life before su_newconn returns. */
TOY_TEST(newconn_race)
{
	toy_sock_t *ls;
	fsk_file_t *f = toy_listener(5, &ls);

	toy.t_racing = B_TRUE;
	fsk_inject_newconn(race_accept, f);
	VERIFY3P(toy_newconn(ls), !=, NULL);
	toy_expect("accept close(0)");
	fsk_inject_newconn(NULL, NULL);
	VERIFY0(fsk_close(f));
}

#define	CHURN	300

static void
churn_accept(toy_thread_t *tt)
{
	fsk_file_t *nf;

	while ((tt->tt_error = fsk_accept(tt->tt_file, NULL, NULL, &nf)) == 0) {
		tt->tt_done++;
		VERIFY0(fsk_close(nf));
	}
}

static void
churn_newconn(toy_thread_t *tt)
{
	uint_t i;

	for (i = 0; i < CHURN; i++)
		VERIFY3P(toy_newconn((toy_sock_t *)tt->tt_file), !=, NULL);
}

/* 8, 13, 54: many at once. */
TOY_TEST(churn)
{
	toy_thread_t in[2] = { 0 }, acc[2] = { 0 };
	toy_sock_t *ls;
	fsk_file_t *f = toy_listener(INT_MAX, &ls);
	uint_t i;

	toy.t_racing = B_TRUE;
	for (i = 0; i < 2; i++)
		toy_start(&acc[i], churn_accept, f);
	for (i = 0; i < 2; i++)
		toy_start(&in[i], churn_newconn, (fsk_file_t *)ls);
	for (i = 0; i < 2; i++)
		toy_join(&in[i]);
	fk_quiesce();
	toy.t_log[0] = '\0';
	VERIFY0(fsk_close(f));
	for (i = 0; i < 2; i++) {
		toy_join(&acc[i]);
		VERIFY3S(acc[i].tt_error, ==, EINTR);
	}
	VERIFY3U(acc[0].tt_done + acc[1].tt_done, ==, 2 * CHURN);
	toy_expect("close(0) fini");
}

static toy_sock_t *flush_listener;
static uint_t flush_children;

static void
flush_hook(toy_sock_t *ts, const char *op)
{
	if (strcmp(op, "close") != 0)
		return;
	if (ts == flush_listener)
		VERIFY3U(flush_children, ==, 2);
	else
		flush_children++;
	/* It takes no more. */
	VERIFY3P(toy_newconn(flush_listener), ==, NULL);
}

/* 14: connections nobody accepted, then the listener. */
TOY_TEST(listener_close)
{
	toy_sock_t *ls;
	fsk_file_t *f = toy_listener(5, &ls);

	VERIFY3P(toy_newconn(ls), !=, NULL);
	VERIFY3P(toy_newconn(ls), !=, NULL);
	flush_listener = ls;
	flush_children = 0;
	toy.t_hook = flush_hook;
	VERIFY0(fsk_close(f));
	toy.t_hook = NULL;
	toy_expect("close(0) close(0) close(0) fini");
}

static void
connect_hook(toy_sock_t *ts, const char *op)
{
	if (strcmp(op, "connect") != 0)
		return;
	if (toy.t_racing)
		ts->ts_up->su_connected(ts->ts_upper, ts->ts_connid, NULL, -1);
	else
		ts->ts_up->su_set_error(ts->ts_upper, EIO);
}

/* 15, 16 */
TOY_TEST(connect)
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_socket(SOCK_STREAM, &ts);
	struct sockaddr unspec = { .sa_family = AF_UNSPEC };
	toy_thread_t tt = { 0 };
	short rev;

	ts->ts_up->su_set_error(ts->ts_upper, EIO);
	VERIFY3S(fsk_connect(f, &toy_sa, 16), ==, EIO);
	toy_expect("");
	VERIFY0(fsk_connect(f, &toy_sa, 16));
	VERIFY0(fsk_connect(f, &unspec, 16));
	VERIFY0(fsk_connect(f, NULL, 0));
	toy_expect("connect(sa,16) connect(NULL,0) connect(NULL,0)");
	toy.t_connect = ENETUNREACH;
	VERIFY3S(fsk_connect(f, &toy_sa, 16), ==, ENETUNREACH);

	/* In the background, until the module says. */
	toy.t_connect = EINPROGRESS;
	fsk_set_nonblock(f, true);
	VERIFY3S(fsk_connect(f, &toy_sa, 16), ==, EINPROGRESS);
	fsk_set_nonblock(f, false);
	VERIFY0(fsk_poll(f, POLLOUT | POLLIN));
	ts->ts_up->su_connected(ts->ts_upper, ts->ts_connid, NULL, -1);
	rev = fsk_poll(f, POLLOUT | POLLIN);
	VERIFY3S(rev, ==, POLLOUT);
	VERIFY0(fsk_close(f));

	/* Reports of earlier attempts do not count; old errors go. */
	f = toy_socket(SOCK_STREAM, &ts);
	toy.t_hook = connect_hook;
	toy_start(&tt, toy_do_connect, f);
	toy.t_hook = NULL;
	ts->ts_up->su_connected(ts->ts_upper, ts->ts_connid - 1, NULL, -1);
	fk_quiesce();
	VERIFY(!tt.tt_finished);
	ts->ts_up->su_connected(ts->ts_upper, ts->ts_connid, NULL, -1);
	toy_join(&tt);
	VERIFY0(tt.tt_error);
	VERIFY0(fsk_close(f));

	/* A signal ends the wait, not the attempt. */
	f = toy_socket(SOCK_STREAM, &ts);
	bzero(&tt, sizeof (tt));
	toy_start(&tt, toy_do_connect, f);
	fsk_interrupt(f);
	toy_join(&tt);
	VERIFY3S(tt.tt_error, ==, EINTR);
	ts->ts_up->su_connected(ts->ts_upper, ts->ts_connid, NULL, -1);
	VERIFY3S(fsk_poll(f, POLLOUT), ==, POLLOUT);
	VERIFY0(fsk_close(f));

	/* Reported before the downcall has returned. */
	f = toy_socket(SOCK_STREAM, &ts);
	toy.t_hook = connect_hook;
	toy.t_racing = B_TRUE;
	VERIFY0(fsk_connect(f, &toy_sa, 16));
	toy.t_hook = NULL;
	VERIFY0(fsk_close(f));
}

/* 16, 17, 18: attempts that fail, and what is left of the socket. */
TOY_TEST(connect_fails)
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_socket(SOCK_STREAM, &ts);
	toy_thread_t tt = { 0 };
	size_t done;
	char c;

	toy.t_connect = EINPROGRESS;
	toy_start(&tt, toy_do_connect, f);
	(void) ts->ts_up->su_disconnected(ts->ts_upper, ts->ts_connid,
	    ETIMEDOUT);
	toy_join(&tt);
	VERIFY3S(tt.tt_error, ==, ETIMEDOUT);
	bzero(&tt, sizeof (tt));
	toy_start(&tt, toy_do_connect, f);
	(void) ts->ts_up->su_disconnected(ts->ts_upper, ts->ts_connid, 0);
	toy_join(&tt);
	VERIFY3S(tt.tt_error, ==, ECONNREFUSED);

	/* It can be connected, and is of no use. */
	bzero(&tt, sizeof (tt));
	toy_start(&tt, toy_do_connect, f);
	ts->ts_up->su_connected(ts->ts_upper, ts->ts_connid, NULL, -1);
	toy_join(&tt);
	VERIFY0(tt.tt_error);
	VERIFY3S(fsk_send(f, "x", 1, 0, &done), ==, EPIPE);
	VERIFY(fsk_sigpipe(f));
	VERIFY0(fsk_recv(f, &c, 1, 0, &done));
	VERIFY0(done);
	VERIFY0(toy_recv(ts, toy_data(1, 'x')));
	VERIFY0(fsk_close(f));

	/* Without an error it takes a pending one away. */
	f = toy_connected(SOCK_STREAM, &ts);
	ts->ts_up->su_set_error(ts->ts_upper, EIO);
	(void) ts->ts_up->su_disconnected(ts->ts_upper, 1, 0);
	VERIFY0(fsk_recv(f, &c, 1, 0, &done));
	VERIFY0(fsk_close(f));
}

/* 46 */
TOY_TEST(names)
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_socket(SOCK_STREAM, &ts);
	struct sockaddr sa;
	uint32_t len = sizeof (sa);

	VERIFY3S(fsk_getpeername(f, &sa, &len), ==, ENOTCONN);
	toy_expect("");
	VERIFY0(fsk_getsockname(f, &sa, &len));
	VERIFY3S(sa.sa_data[13], ==, 's');
	toy_prop(ts, SOCKOPT_MAXADDRLEN, 20);
	VERIFY0(fsk_getsockname(f, &sa, &len));
	toy_expect("getsockname(256) getsockname(20)");
	ts->ts_up->su_connected(ts->ts_upper, 1, NULL, -1);
	len = 4;
	sa.sa_data[13] = 'x';
	VERIFY0(fsk_getpeername(f, &sa, &len));
	VERIFY3U(len, ==, 16);
	VERIFY3S(sa.sa_data[13], ==, 'x');
	len = sizeof (sa);
	VERIFY0(fsk_getpeername(f, &sa, &len));
	VERIFY3S(sa.sa_data[13], ==, 'p');
	ts->ts_up->su_opctl(ts->ts_upper, SOCK_OPCTL_SHUT_SEND, 0);
	VERIFY3S(fsk_getpeername(f, &sa, &len), ==, EINVAL);
	VERIFY0(fsk_getsockname(f, &sa, &len));
	VERIFY3S(fsk_getsockname(f, NULL, &len), ==, EFAULT);
	VERIFY0(fsk_close(f));
}

static void
closed_hook(toy_sock_t *ts, const char *op)
{
	if (strcmp(op, "close") == 0)
		toy_closed(ts);
}

/* 52, 53 */
TOY_TEST(close)
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_connected(SOCK_STREAM, &ts), *keep;

	keep = toy_socket(SOCK_STREAM, NULL);
	VERIFY3S(toy_recv(ts, toy_data(10, 'a')), >, 0);
	toy.t_close = EIO;
	VERIFY3S(fsk_close(f), ==, EIO);

	/* The module goes on for a while. */
	f = toy_connected(SOCK_STREAM, &ts);
	toy.t_close = EINPROGRESS;
	VERIFY0(fsk_close(f));
	VERIFY0(toy_recv(ts, toy_data(10, 'a')));
	ts->ts_up->su_txq_full(ts->ts_upper, B_TRUE);
	ts->ts_up->su_txq_full(ts->ts_upper, B_FALSE);
	(void) ts->ts_up->su_disconnected(ts->ts_upper, 1, ECONNRESET);
	toy_closed(ts);

	/* su_closed before sd_close has returned. */
	f = toy_connected(SOCK_STREAM, &ts);
	toy.t_hook = closed_hook;
	VERIFY0(fsk_close(f));
	toy.t_hook = NULL;
	toy.t_close = 0;
	VERIFY0(fsk_close(keep));
}

/* 54: close(2) ends other threads' calls, and waits for them. */
TOY_TEST(close_interrupts)
{
	fsk_file_t *f = toy_connected(SOCK_STREAM, NULL);
	toy_thread_t reader = { 0 }, poller = { 0 };

	reader.tt_len = 10;
	toy_start(&reader, toy_do_recv, f);
	poller.tt_flags = POLLIN;
	toy_start(&poller, toy_do_poll, f);
	VERIFY(!reader.tt_finished && !poller.tt_finished);
	VERIFY0(fsk_close(f));
	toy_join(&reader);
	toy_join(&poller);
	VERIFY3S(reader.tt_error, ==, EINTR);
	VERIFY3S(poller.tt_error, ==, EINTR);
	toy_expect("close(0) fini");
}

static zoneid_t hook_zoneid;

static void
zone_hook(toy_sock_t *ts, const char *op)
{
	hook_zoneid = getzoneid();
}

/* 55: calls are made in the socket's zone, the close anywhere. */
TOY_TEST(zone)
{
	zone_t *zone = fk_zone_create("toyzone");
	fsk_file_t *f;

	toy.t_hook = zone_hook;
	VERIFY0(fsk_socket_as(zone->zone_id, false, TOY_FAMILY, SOCK_STREAM, 0,
	    &f));
	VERIFY3S(hook_zoneid, ==, zone->zone_id);
	hook_zoneid = -1;
	VERIFY0(fsk_bind(f, &toy_sa, 16));
	VERIFY3S(hook_zoneid, ==, zone->zone_id);
	VERIFY3S(getzoneid(), ==, GLOBAL_ZONEID);
	VERIFY0(fsk_close(f));
	VERIFY3S(hook_zoneid, ==, GLOBAL_ZONEID);
	VERIFY3S(fsk_socket_as(4711, true, TOY_FAMILY, SOCK_STREAM, 0, &f), ==,
	    EINVAL);
	toy.t_hook = NULL;
	fk_zone_shutdown(zone);
	fk_zone_destroy(zone);
}
