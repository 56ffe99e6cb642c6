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

#ifndef _SOCKFS_TOY_H
#define	_SOCKFS_TOY_H

/*
 * A socket module that does what the test says, to test the fake sockfs with.
 *
 * It keeps a log of the downcalls, which toy_expect() compares and clears;
 * each answers what the test has put in its place in `toy', and calls
 * toy.t_hook before it does.  Upcalls are made by the test itself.
 */

#include <sys/types.h>
#include <sys/systm.h>
#include <sys/sysmacros.h>
#include <sys/debug.h>
#include <sys/errno.h>
#include <sys/file.h>
#include <sys/kmem.h>
#include <sys/ksynch.h>
#include <sys/modctl.h>
#include <sys/stream.h>
#include <sys/strsun.h>
#include <sys/tihdr.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/fk.h>
#include <fakesock.h>
#include "ktest.h"

#define	TOY_FAMILY	200

typedef struct toy_sock {
	sock_upper_handle_t	ts_upper;
	sock_upcalls_t		*ts_up;
	sock_connid_t		ts_connid;
} toy_sock_t;

typedef struct toy {
	kmutex_t	t_lock;
	char		t_log[1024];
	uint8_t		t_sent[65536];	/* what sd_send was given */
	size_t		t_nsent;
	toy_sock_t	*t_last;	/* the one created last */
	uint_t		t_mode;		/* of sockets to be created */
	boolean_t	t_nocreate;	/* create answers NULL, with t_create */
	boolean_t	t_silent;	/* listen, shutdown make no upcall */
	boolean_t	t_racing;	/* new connections may go at once */
	int		t_create;
	int		t_accept;
	int		t_bind;
	int		t_listen;
	int		t_connect;
	int		t_peername;
	int		t_sockname;
	int		t_getopt;
	int		t_setopt;
	int		t_send;
	int		t_shutdown;
	int		t_ioctl;
	int		t_close;
	int		t_fini;
	uint_t		t_headroom;	/* of the last block sent */
	uint_t		t_tailroom;
	void		(*t_hook)(toy_sock_t *, const char *);
} toy_t;

extern toy_t toy;
extern const fk_module_t toy_modules[];

/* Every answer 0, and SOCK_STREAM and SOCK_SEQPACKET of the family. */
extern void toy_setup(void);
extern void toy_teardown(void);

/* A test between the two, and one that must panic. */
#define	TOY_TEST(name)							\
	static void test_##name(void);					\
	KTEST(sockfs_##name)						\
	{								\
		toy_setup();						\
		test_##name();						\
		toy_teardown();						\
	}								\
	static void							\
	test_##name(void)

#define	TOY_PANICS(name, text)						\
	static void panic_##name(void);					\
	KTEST_PANICS(sockfs_panic_##name, text)				\
	{								\
		toy_setup();						\
		panic_##name();						\
	}								\
	static void							\
	panic_##name(void)

/* The log must be this; it is empty afterwards. */
extern void toy_expect(const char *);

/* A file of the family, and its module's half. */
extern fsk_file_t *toy_socket(int type, toy_sock_t **);
/* The same, listening. */
extern fsk_file_t *toy_listener(int backlog, toy_sock_t **);
/* The same, connected. */
extern fsk_file_t *toy_connected(int type, toy_sock_t **);
/* A connection comes in: NULL if it is refused. */
extern toy_sock_t *toy_newconn(toy_sock_t *);

/* Data, or a record with that header, for su_recv: bytes from `c' on. */
extern mblk_t *toy_data(size_t, uint8_t c);
extern mblk_t *toy_record(int prim, int more, size_t, uint8_t c);
/* su_recv: ENOSPC exactly when it returns -1. */
extern ssize_t toy_recv(toy_sock_t *, mblk_t *);
/* su_set_proto_props of one property. */
extern void toy_prop(toy_sock_t *, uint_t flag, ssize_t);
/* The end of one that has answered EINPROGRESS to sd_close. */
extern void toy_closed(toy_sock_t *);

/* A call in a thread of its own. */
typedef struct toy_thread {
	void		(*tt_func)(struct toy_thread *);
	fsk_file_t	*tt_file;
	fsk_file_t	*tt_newfile;
	int		tt_flags;
	size_t		tt_len;
	uint8_t		tt_buf[256];
	int		tt_error;
	size_t		tt_done;
	boolean_t	tt_finished;
	kt_did_t	tt_did;
} toy_thread_t;

extern void toy_start(toy_thread_t *, void (*)(toy_thread_t *), fsk_file_t *);
extern void toy_join(toy_thread_t *);
extern void toy_do_send(toy_thread_t *);
extern void toy_do_recv(toy_thread_t *);
extern void toy_do_accept(toy_thread_t *);
extern void toy_do_connect(toy_thread_t *);
extern void toy_do_poll(toy_thread_t *);

#endif	/* _SOCKFS_TOY_H */
