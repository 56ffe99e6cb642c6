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
#ifndef	_PERF_H
#define	_PERF_H

/*
 * vsockperf: what the tests (vsockperf.c) know of the kinds of sockets that
 * they are run on (ends.c).
 *
 * A test has two sides, each a thread, of one process or of two: the server,
 * which listens, and the client, which connects.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct perf_sock perf_sock_t;

/* What a socket is made of.  All calls block; a failure ends the process. */
typedef struct perf_kind {
	const char	*pk_name;
	const char	*pk_text;
	/* Both sides are in one process. */
	bool		pk_single;
	/*
	 * Begin, in the process of this side: before the first socket.  The
	 * server's is done before the client's begins.
	 */
	void		(*pk_begin)(bool server);
	void		(*pk_end)(bool server);
	/* A thread that did not call pk_begin() itself. */
	void		(*pk_thread)(void);
	void		(*pk_thread_end)(void);
	perf_sock_t	*(*pk_listen)(void);
	perf_sock_t	*(*pk_accept)(perf_sock_t *);
	perf_sock_t	*(*pk_connect)(void);
	void		(*pk_send)(perf_sock_t *, const void *, size_t);
	/* Up to so many bytes, at least one; 0: the end. */
	size_t		(*pk_recv)(perf_sock_t *, void *, size_t);
	void		(*pk_close)(perf_sock_t *);
	/* Print the kernel's statistics: SIDE:NAME VALUE on a line each. */
	void		(*pk_stats)(const char *side);
	/* What the kernel's memory allocators have given out; 0: unknown. */
	uint64_t	(*pk_memory)(void);
} perf_kind_t;

extern const perf_kind_t perf_kinds[];		/* pk_name NULL: the end */

/* Where files of the test may be made. */
extern char perf_dir[];

/* How many clients there are, and which one this is, in its process. */
extern unsigned perf_clients;
extern unsigned perf_client;

/* How many connections there are that nobody uses. */
extern size_t perf_idle;

extern void perf_die(const char *what, int error) __attribute__((noreturn));

#endif	/* _PERF_H */
