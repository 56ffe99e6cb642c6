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
 * The fake sockfs: what a module may not do.  Each case must panic with the
 * words beside it.  The numbers are those of the table in doc/sockfs.md.
 */

#include "sockfs_toy.h"

/* 53: upcalls after a close that was complete. */
TOY_PANICS(recv_after_close, "su_recv: socket")
{
	toy_sock_t *ts, copy;
	fsk_file_t *keep = toy_socket(SOCK_STREAM, NULL);
	fsk_file_t *f = toy_connected(SOCK_STREAM, &ts);

	VERIFY3P(keep, !=, NULL);
	copy = *ts;
	VERIFY0(fsk_close(f));
	(void) toy_recv(&copy, toy_data(1, 0));
}

TOY_PANICS(upcall_after_closed, "su_txq_full: socket")
{
	toy_sock_t *ts, copy;
	fsk_file_t *keep = toy_socket(SOCK_STREAM, NULL);
	fsk_file_t *f = toy_connected(SOCK_STREAM, &ts);

	VERIFY3P(keep, !=, NULL);
	copy = *ts;
	toy.t_close = EINPROGRESS;
	VERIFY0(fsk_close(f));
	toy_closed(ts);
	copy.ts_up->su_txq_full(copy.ts_upper, B_FALSE);
}

static void
early_hook(toy_sock_t *ts, const char *op)
{
	if (strcmp(op, "close") == 0)
		ts->ts_up->su_closed(ts->ts_upper);
}

/* 52: su_closed, and an sd_close that says it is done as well. */
TOY_PANICS(closed_twice, "was released before")
{
	fsk_file_t *f = toy_connected(SOCK_STREAM, NULL);

	toy.t_hook = early_hook;
	(void) fsk_close(f);
}

static toy_sock_t *running_sock;

static void
running_notify(void *arg)
{
	/* An upcall is on its way in this thread. */
	running_sock->ts_up->su_closed(running_sock->ts_upper);
}

/* 53: su_closed while another upcall has not returned. */
TOY_PANICS(closed_in_upcall, "an upcall is running")
{
	fsk_file_t *f = toy_connected(SOCK_STREAM, &running_sock);

	toy.t_close = EINPROGRESS;
	fsk_pollnotify(f, running_notify, NULL);
	running_sock->ts_up->su_txq_full(running_sock->ts_upper, B_FALSE);
}

/* 56: the last su_closed lets the module be unloaded under itself. */
TOY_PANICS(unloaded_in_closed, "unloaded under its caller")
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_connected(SOCK_STREAM, &ts);

	toy.t_close = EINPROGRESS;
	VERIFY0(fsk_close(f));
	toy_closed(ts);
}

/* 60: a module's lock held where it may not be. */
TOY_PANICS(lock_recv, "su_recv with a lock held")
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_connected(SOCK_STREAM, &ts);
	mblk_t *mp = toy_data(1, 0);

	VERIFY3P(f, !=, NULL);
	mutex_enter(&toy.t_lock);
	VERIFY3S(toy_recv(ts, NULL), >, 0);	/* a probe may be made */
	(void) toy_recv(ts, mp);
}

TOY_PANICS(lock_newconn, "su_newconn with a lock held")
{
	toy_sock_t *ls;
	fsk_file_t *f = toy_listener(5, &ls);
	sock_upcalls_t *up;

	VERIFY3P(f, !=, NULL);
	mutex_enter(&toy.t_lock);
	(void) ls->ts_up->su_newconn(ls->ts_upper, (sock_lower_handle_t)ls,
	    NULL, NULL, -1, &up);
}

TOY_PANICS(lock_closed, "su_closed with a lock held")
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_connected(SOCK_STREAM, &ts);

	toy.t_close = EINPROGRESS;
	VERIFY0(fsk_close(f));
	mutex_enter(&toy.t_lock);
	ts->ts_up->su_closed(ts->ts_upper);
}

static void
lock_hook(toy_sock_t *ts, const char *op)
{
	mutex_enter(&toy.t_lock);
}

TOY_PANICS(lock_return, "the end of a system call with a lock held")
{
	fsk_file_t *f = toy_connected(SOCK_STREAM, NULL);

	toy.t_hook = lock_hook;
	(void) fsk_bind(f, NULL, 0);
}

/* 44: what su_recv does not take. */
TOY_PANICS(recv_size, "size == data")
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_connected(SOCK_STREAM, &ts);
	int error;

	VERIFY3P(f, !=, NULL);
	(void) ts->ts_up->su_recv(ts->ts_upper, toy_data(10, 0), 9, 0, &error,
	    NULL);
}

TOY_PANICS(recv_empty, "an empty message on a stream")
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_connected(SOCK_STREAM, &ts);

	VERIFY3P(f, !=, NULL);
	(void) toy_recv(ts, toy_data(0, 0));
}

TOY_PANICS(recv_header, "a header without data")
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_connected(SOCK_STREAM, &ts);
	mblk_t *mp = toy_record(T_DATA_IND, 0, 0, 0);

	VERIFY3P(f, !=, NULL);
	freemsg(mp->b_cont);
	mp->b_cont = NULL;
	(void) toy_recv(ts, mp);
}

TOY_PANICS(recv_prim, "header of type 3")
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_connected(SOCK_STREAM, &ts);

	VERIFY3P(f, !=, NULL);
	(void) toy_recv(ts, toy_record(3, 0, 1, 0));
}

TOY_PANICS(recv_chain, "mp->b_next == ")
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_connected(SOCK_STREAM, &ts);
	mblk_t *mp = toy_data(1, 0);

	VERIFY3P(f, !=, NULL);
	mp->b_next = toy_data(1, 0);
	(void) toy_recv(ts, mp);
}

TOY_PANICS(props, "(0x4000 == 0x0)")
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_connected(SOCK_STREAM, &ts);

	VERIFY3P(f, !=, NULL);
	toy_prop(ts, 0x4000, 0);
}

TOY_PANICS(maxpsz, "sopp_maxpsz")
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_connected(SOCK_STREAM, &ts);

	VERIFY3P(f, !=, NULL);
	toy_prop(ts, SOCKOPT_MAXPSZ, 0);
}

/* 8: a close that goes on, of a socket that was not made. */
TOY_PANICS(create_close, "socket that was never made")
{
	fsk_file_t *f;

	toy.t_setopt = ENOPROTOOPT;
	toy.t_close = EINPROGRESS;
	(void) fsk_socket(TOY_FAMILY, SOCK_STREAM, 5, &f);
}

/* A negative errno. */
TOY_PANICS(errno, ">= 0")
{
	fsk_file_t *f = toy_connected(SOCK_STREAM, NULL);

	toy.t_bind = -EINVAL;
	(void) fsk_bind(f, NULL, 0);
}
