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
 * Downcalls of a module that does not have the operation.  There is none for
 * sending (the real one leaks the message) and none for polling (its errno is
 * taken for events): a module that used those would not link here.
 */

#include "sockfs_impl.h"

int
sock_accept_notsupp(sock_lower_handle_t lower, sock_lower_handle_t newlower,
    sock_upper_handle_t newupper, cred_t *cr)
{
	return (EOPNOTSUPP);
}

int
sock_bind_notsupp(sock_lower_handle_t lower, struct sockaddr *sa,
    socklen_t len, cred_t *cr)
{
	return (EOPNOTSUPP);
}

int
sock_listen_notsupp(sock_lower_handle_t lower, int backlog, cred_t *cr)
{
	return (EOPNOTSUPP);
}

int
sock_connect_notsupp(sock_lower_handle_t lower, const struct sockaddr *sa,
    socklen_t len, sock_connid_t *idp, cred_t *cr)
{
	return (EOPNOTSUPP);
}

int
sock_getpeername_notsupp(sock_lower_handle_t lower, struct sockaddr *sa,
    socklen_t *lenp, cred_t *cr)
{
	return (EOPNOTSUPP);
}

int
sock_getsockname_notsupp(sock_lower_handle_t lower, struct sockaddr *sa,
    socklen_t *lenp, cred_t *cr)
{
	return (EOPNOTSUPP);
}

int
sock_getsockopt_notsupp(sock_lower_handle_t lower, int level, int name,
    void *val, socklen_t *lenp, cred_t *cr)
{
	return (EOPNOTSUPP);
}

int
sock_setsockopt_notsupp(sock_lower_handle_t lower, int level, int name,
    const void *val, socklen_t len, cred_t *cr)
{
	return (EOPNOTSUPP);
}

int
sock_shutdown_notsupp(sock_lower_handle_t lower, int how, cred_t *cr)
{
	return (EOPNOTSUPP);
}

void
sock_clr_flowctrl_notsupp(sock_lower_handle_t lower)
{
}

int
sock_ioctl_notsupp(sock_lower_handle_t lower, int cmd, intptr_t arg, int mode,
    int32_t *rvalp, cred_t *cr)
{
	return (EOPNOTSUPP);
}

int
sock_close_notsupp(sock_lower_handle_t lower, int flag, cred_t *cr)
{
	return (EOPNOTSUPP);
}
