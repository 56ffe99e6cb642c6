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

#ifndef _SYS_KSOCKET_H
#define	_SYS_KSOCKET_H

/*
 * ksocket on the fake sockfs, as far as a ktest module of the gate needs it.
 */

#include <sys/cred.h>
#include <sys/socket.h>
#include <fakesock.h>

#define	KSOCKET_SLEEP	0

typedef fsk_file_t *ksocket_t;

static inline int
ksocket_socket(ksocket_t *ksp, int domain, int type, int protocol, int flags,
    cred_t *cr)
{
	return (fsk_socket(domain, type, protocol, ksp));
}

static inline int
ksocket_bind(ksocket_t ks, struct sockaddr *sa, socklen_t len, cred_t *cr)
{
	return (fsk_bind(ks, sa, len));
}

static inline int
ksocket_listen(ksocket_t ks, int backlog, cred_t *cr)
{
	return (fsk_listen(ks, backlog));
}

static inline int
ksocket_accept(ksocket_t ks, struct sockaddr *sa, socklen_t *lenp,
    ksocket_t *nksp, cred_t *cr)
{
	return (fsk_accept(ks, sa, lenp, nksp));
}

static inline int
ksocket_getsockname(ksocket_t ks, struct sockaddr *sa, socklen_t *lenp,
    cred_t *cr)
{
	return (fsk_getsockname(ks, sa, lenp));
}

static inline int
ksocket_send(ksocket_t ks, void *buf, size_t len, int flags, size_t *sent,
    cred_t *cr)
{
	return (fsk_send(ks, buf, len, flags, sent));
}

static inline int
ksocket_recv(ksocket_t ks, void *buf, size_t len, int flags, size_t *recvd,
    cred_t *cr)
{
	return (fsk_recv(ks, buf, len, flags, recvd));
}

static inline int
ksocket_close(ksocket_t ks, cred_t *cr)
{
	return (fsk_close(ks));
}

#endif	/* _SYS_KSOCKET_H */
