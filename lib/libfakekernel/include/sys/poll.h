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

#ifndef _SYS_POLL_H
#define	_SYS_POLL_H

/*
 * poll(2).  pollwakeup() calls whoever listens to the pollhead (<sys/fk.h>),
 * in the caller's thread: call it without the locks that chpoll(9E) takes.
 */

#include <sys/types.h>

#define	POLLIN		0x0001
#define	POLLPRI		0x0002
#define	POLLOUT		0x0004
#define	POLLRDNORM	0x0040
#define	POLLWRNORM	POLLOUT
#define	POLLRDBAND	0x0080
#define	POLLWRBAND	0x0100
#define	POLLRDHUP	0x4000
#define	POLLNORM	POLLRDNORM
#define	POLLERR		0x0008
#define	POLLHUP		0x0010
#define	POLLNVAL	0x0020
#define	POLLREMOVE	0x0800
#define	POLLONESHOT	0x1000
#define	POLLET		0x2000
#define	POLLRDDATA	0x0200
#define	POLLNOERR	0x0400
#define	POLLCLOSED	0x8000

typedef struct pollfd {
	int	fd;
	short	events;
	short	revents;
} pollfd_t;

typedef struct pollhead {
	struct fk_pollwait	*ph_list; /* listeners */
} pollhead_t;

extern void pollwakeup(pollhead_t *, short);
extern void pollhead_clean(pollhead_t *);

#endif	/* _SYS_POLL_H */
