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

#ifndef _FAKESOCK_H
#define	_FAKESOCK_H

/*
 * The fake sockfs from above: socket system calls for a host program or a
 * test.  They are what the illumos system calls of the same names are, below
 * libsocket: families, types, options, flags and errno have illumos's numbers,
 * addresses are illumos's structures, and what a call answers in which state
 * is what sockfs and the socket module answer.
 *
 * A call that may block does so unless fsk_nonblock is set for the file
 * (fsk_set_nonblock()) or MSG_DONTWAIT is given; a blocked call is ended with
 * EINTR by fsk_interrupt().  Unless said otherwise each returns 0 or an
 * illumos errno.  Callers are attached threads (fk_thread_attach()).
 */

#include <stdint.h>
#include <stddef.h>
#include <stdbool.h>

#ifdef	__cplusplus
extern "C" {
#endif

typedef struct fsk_file fsk_file_t;	/* an open file that is a socket */

typedef struct fsk_iov {
	void	*fi_base;
	size_t	fi_len;
} fsk_iov_t;

/*
 * sock2path: which module serves (family, type, protocol), until the kernel is
 * shut down.  0, EEXIST, ENAMETOOLONG, ENOSPC (32 lines); to take it back: 0,
 * ENXIO, EBUSY (it has sockets).
 */
extern int fsk_sockconfig(int family, int type, int protocol,
    const char *module);
extern int fsk_sockunconfig(int family, int type, int protocol);

/*
 * zoneid 0 is the global zone; priv: all privileges, else those of any user.
 */
extern int fsk_socket(int family, int type, int protocol, fsk_file_t **);
extern int fsk_socket_as(int zoneid, bool priv, int family, int type,
    int protocol, fsk_file_t **);
extern void fsk_set_nonblock(fsk_file_t *, bool);
extern int fsk_bind(fsk_file_t *, const void *addr, uint32_t len);
extern int fsk_listen(fsk_file_t *, int backlog);
/* addr may be NULL; *lenp is in: room, out: full length. */
extern int fsk_accept(fsk_file_t *, void *addr, uint32_t *lenp, fsk_file_t **);
extern int fsk_connect(fsk_file_t *, const void *addr, uint32_t len);
extern int fsk_getsockname(fsk_file_t *, void *addr, uint32_t *lenp);
extern int fsk_getpeername(fsk_file_t *, void *addr, uint32_t *lenp);
extern int fsk_getsockopt(fsk_file_t *, int level, int name, void *val,
    uint32_t *lenp);
extern int fsk_setsockopt(fsk_file_t *, int level, int name, const void *val,
    uint32_t len);
/* *donep is how much was sent or received; set whatever is returned. */
extern int fsk_sendv(fsk_file_t *, const fsk_iov_t *, int iovcnt, int flags,
    size_t *donep);
extern int fsk_send(fsk_file_t *, const void *, size_t, int flags,
    size_t *donep);
/* *flagsp is in: MSG_*, out: MSG_TRUNC, MSG_EOR...  0 and *donep 0 is EOF. */
extern int fsk_recvv(fsk_file_t *, const fsk_iov_t *, int iovcnt, int *flagsp,
    size_t *donep);
extern int fsk_recv(fsk_file_t *, void *, size_t, int flags, size_t *donep);
extern int fsk_shutdown(fsk_file_t *, int how);
extern int fsk_ioctl(fsk_file_t *, int cmd, intptr_t arg, int *rvalp);
/* The last close: the file may not be used by any thread afterwards. */
extern int fsk_close(fsk_file_t *);

/* Ends the calls that now block on the file with EINTR, as a signal does. */
extern void fsk_interrupt(fsk_file_t *);
/* Whether the last call on the file raised SIGPIPE; clears it. */
extern bool fsk_sigpipe(fsk_file_t *);

/*
 * poll(2) of one file: what of `events' (illumos POLL*, POLLHUP and POLLERR
 * implied) is true now.
 */
extern short fsk_poll(fsk_file_t *, short events);
/* Blocks until one is; 0, or ETIME after timeout_ms (-1: never), or EINTR. */
extern int fsk_poll_wait(fsk_file_t *, short events, int timeout_ms,
    short *revents);
/*
 * `func' is called whenever sockfs wakes pollers of the file, from the thread
 * that does so, with no sockfs lock held: it may not call back into the fake
 * kernel and may not block; it notes the fact and has another thread look.
 * NULL ends it: when this returns no call is running or will come.  Wake-ups
 * for data are gated as for poll(2): one is sure to come only for what
 * fsk_poll() said was not there when it was last called.
 */
extern void fsk_pollnotify(fsk_file_t *, void (*func)(void *), void *arg);

/*
 * The zone and process of the peer, as getpeerucred(3C) has them: ENOTSUP,
 * ENOTCONN, EINVAL when the module did not say; a pending error as an ioctl.
 */
extern int fsk_getpeerucred(fsk_file_t *, int *zoneidp, int *pidp);

/*
 * For tests: calls the function whenever a connection has been queued and
 * su_newconn has not returned yet, in the module's thread with no lock of
 * sockfs's.  It can do, or wait for, what another thread would do to the new
 * socket in that time.  NULL ends it.
 */
extern void fsk_inject_newconn(void (*func)(void *), void *arg);

#ifdef	__cplusplus
}
#endif

#endif	/* _FAKESOCK_H */
