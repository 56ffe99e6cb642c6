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
 * From Linux to illumos and back: the one place of vsockd that knows illumos's
 * numbers.  Structures need no conversion: sockaddr_vm, linger, timeval and
 * the integers are laid out alike, only the family in an address differs.
 */

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/sockios.h>
#include <errno.h>
#include <string.h>
#include <fakekernel.h>
#include "translate.h"

#define	ILL_AF_VSOCK		34
#define	ILL_AF_NONE		255	/* a family that there is not */

#define	ILL_SOCK_DGRAM		1
#define	ILL_SOCK_STREAM		2
#define	ILL_SOCK_RAW		4
#define	ILL_SOCK_RDM		5
#define	ILL_SOCK_SEQPACKET	6

#define	ILL_SOL_SOCKET		0xffff
#define	XL_SOL_VSOCK		287	/* in both */

#define	ILL_FIONREAD		0x4004667f
#define	ILL_SIOCOUTQ		0x7473
#define	ILL_GET_LOCAL_CID	0x200007b9

#define	ILL_SO_VSOCK_MAX_RECORD	1

#define	ILL_MSG_EOR		0x8
#define	ILL_MSG_TRUNC		0x20
#define	ILL_MSG_DONTWAIT	0x80
#define	ILL_MSG_NOSIGNAL	0x200
#define	ILL_MSG_XPG4_2		0x8000

/* Of every send: MSG_EOR is sent if it is asked for, and only then. */
#define	XL_MSG_SEND	\
	(ILL_MSG_DONTWAIT | ILL_MSG_NOSIGNAL | ILL_MSG_XPG4_2)

#define	ILL_POLLIN		0x0001
#define	ILL_POLLOUT		0x0004
#define	ILL_POLLERR		0x0008
#define	ILL_POLLHUP		0x0010

#define	XL_MODULE		"vsock"

typedef enum {
	XL_RAW,		/* as it is */
	XL_BOOL,	/* illumos gives the option's own bit, Linux 1 */
	XL_ERRNO,
	XL_TYPE,
	XL_DOMAIN,
	XL_LINGER	/* its first member is as XL_BOOL */
} xl_kind_t;

static const struct {
	int		xo_linux;
	int		xo_illumos;
	xl_kind_t	xo_kind;
} xl_options[] = {
	{ SO_DEBUG,		0x0001,	XL_BOOL },
	{ SO_ACCEPTCONN,	0x0002,	XL_BOOL },
	{ SO_REUSEADDR,		0x0004,	XL_BOOL },
	{ SO_KEEPALIVE,		0x0008,	XL_BOOL },
	{ SO_DONTROUTE,		0x0010,	XL_BOOL },
	{ SO_BROADCAST,		0x0020,	XL_BOOL },
	{ SO_LINGER,		0x0080,	XL_LINGER },
	{ SO_OOBINLINE,		0x0100,	XL_BOOL },
	{ SO_SNDBUF,		0x1001,	XL_RAW },
	{ SO_RCVBUF,		0x1002,	XL_RAW },
	{ SO_SNDLOWAT,		0x1003,	XL_RAW },
	{ SO_RCVLOWAT,		0x1004,	XL_RAW },
	{ SO_ERROR,		0x1007,	XL_ERRNO },
	{ SO_TYPE,		0x1008,	XL_TYPE },
	{ SO_PROTOCOL,		0x1009,	XL_RAW },
	{ SO_DOMAIN,		0x100c,	XL_DOMAIN }
};

static const struct {
	int	xt_linux;
	int	xt_illumos;
} xl_types[] = {
	{ SOCK_STREAM,		ILL_SOCK_STREAM },
	{ SOCK_DGRAM,		ILL_SOCK_DGRAM },
	{ SOCK_RAW,		ILL_SOCK_RAW },
	{ SOCK_RDM,		ILL_SOCK_RDM },
	{ SOCK_SEQPACKET,	ILL_SOCK_SEQPACKET }
};

#define	NELEM(a)	(sizeof (a) / sizeof ((a)[0]))

static int
xl_family_in(int family)
{
	switch (family) {
	case AF_VSOCK:
		return (ILL_AF_VSOCK);
	case AF_UNSPEC:
		return (family);
	default:
		return (ILL_AF_NONE);
	}
}

/* A copy of an address with illumos's family; too long ones stay as is. */
static const void *
xl_addr_in(const void *addr, uint32_t len, struct sockaddr_storage *copy)
{
	if (len < sizeof (sa_family_t) || len > sizeof (*copy))
		return (addr);
	(void) memcpy(copy, addr, len);
	copy->ss_family = (sa_family_t)xl_family_in(copy->ss_family);
	return (copy);
}

static void
xl_addr_out(void *addr, uint32_t len)
{
	struct sockaddr *sa = addr;

	if (len >= sizeof (sa->sa_family) && sa->sa_family == ILL_AF_VSOCK)
		sa->sa_family = AF_VSOCK;
}

int
xl_sockconfig(void)
{
	int err;

	err = fsk_sockconfig(ILL_AF_VSOCK, ILL_SOCK_STREAM, 0, XL_MODULE);
	if (err == 0) {
		err = fsk_sockconfig(ILL_AF_VSOCK, ILL_SOCK_SEQPACKET, 0,
		    XL_MODULE);
	}
	return (fk_errno_to_host(err));
}

void
xl_sockunconfig(void)
{
	(void) fsk_sockunconfig(ILL_AF_VSOCK, ILL_SOCK_STREAM, 0);
	(void) fsk_sockunconfig(ILL_AF_VSOCK, ILL_SOCK_SEQPACKET, 0);
}

int
xl_socket(int domain, int type, int protocol, bool priv, fsk_file_t **fp)
{
	int err;

	for (size_t i = 0; i < NELEM(xl_types); i++) {
		if (xl_types[i].xt_linux != type)
			continue;
		/* The family's number is also accepted as the protocol's. */
		err = fsk_socket_as(0, priv, xl_family_in(domain),
		    xl_types[i].xt_illumos, protocol == AF_VSOCK ? 0 : protocol,
		    fp);
		if (err != 0)
			return (fk_errno_to_host(err));
		fsk_set_nonblock(*fp, true);
		return (0);
	}
	return (ESOCKTNOSUPPORT);
}

int
xl_bind(fsk_file_t *f, const void *addr, uint32_t len)
{
	struct sockaddr_storage copy;

	return (fk_errno_to_host(fsk_bind(f, xl_addr_in(addr, len, &copy),
	    len)));
}

int
xl_listen(fsk_file_t *f, int backlog)
{
	return (fk_errno_to_host(fsk_listen(f, backlog)));
}

int
xl_accept(fsk_file_t *f, void *addr, uint32_t *lenp, fsk_file_t **newp)
{
	int err = fsk_accept(f, addr, lenp, newp);

	if (err == 0) {
		fsk_set_nonblock(*newp, true);
		xl_addr_out(addr, *lenp);
	}
	return (fk_errno_to_host(err));
}

int
xl_connect(fsk_file_t *f, const void *addr, uint32_t len)
{
	struct sockaddr_storage copy;

	return (fk_errno_to_host(fsk_connect(f, xl_addr_in(addr, len, &copy),
	    len)));
}

int
xl_getsockname(fsk_file_t *f, void *addr, uint32_t *lenp)
{
	int err = fsk_getsockname(f, addr, lenp);

	if (err == 0)
		xl_addr_out(addr, *lenp);
	return (fk_errno_to_host(err));
}

int
xl_getpeername(fsk_file_t *f, void *addr, uint32_t *lenp)
{
	int err = fsk_getpeername(f, addr, lenp);

	if (err == 0)
		xl_addr_out(addr, *lenp);
	return (fk_errno_to_host(err));
}

/* The option's illumos numbers; false: there is no such option. */
static bool
xl_option(int *levelp, int *namep, xl_kind_t *kindp)
{
	if (*levelp == AF_VSOCK || *levelp == XL_SOL_VSOCK) {
		if (*levelp == AF_VSOCK)
			*levelp = ILL_AF_VSOCK;
		*kindp = XL_RAW;
		return (true);
	}
	if (*levelp != SOL_SOCKET)
		return (false);
	for (size_t i = 0; i < NELEM(xl_options); i++) {
		if (xl_options[i].xo_linux == *namep) {
			*levelp = ILL_SOL_SOCKET;
			*namep = xl_options[i].xo_illumos;
			*kindp = xl_options[i].xo_kind;
			return (true);
		}
	}
	return (false);
}

int
xl_getsockopt(fsk_file_t *f, int level, int name, void *val, uint32_t *lenp)
{
	xl_kind_t kind;
	int err, num;

	if (!xl_option(&level, &name, &kind))
		return (ENOPROTOOPT);
	err = fsk_getsockopt(f, level, name, val, lenp);
	if (err != 0 || kind == XL_RAW || *lenp < sizeof (num))
		return (fk_errno_to_host(err));

	(void) memcpy(&num, val, sizeof (num));
	switch (kind) {
	case XL_BOOL:
	case XL_LINGER:
		num = (num != 0);
		break;
	case XL_ERRNO:
		num = fk_errno_to_host(num);
		break;
	case XL_DOMAIN:
		num = (num == ILL_AF_VSOCK ? AF_VSOCK : num);
		break;
	case XL_TYPE:
		for (size_t i = 0; i < NELEM(xl_types); i++) {
			if (xl_types[i].xt_illumos == num) {
				num = xl_types[i].xt_linux;
				break;
			}
		}
		break;
	case XL_RAW:
		break;
	}
	(void) memcpy(val, &num, sizeof (num));
	return (0);
}

int
xl_setsockopt(fsk_file_t *f, int level, int name, const void *val,
    uint32_t len)
{
	xl_kind_t kind;

	if (!xl_option(&level, &name, &kind))
		return (ENOPROTOOPT);
	return (fk_errno_to_host(fsk_setsockopt(f, level, name, val, len)));
}

int
xl_shutdown(fsk_file_t *f, int how)
{
	return (fk_errno_to_host(fsk_shutdown(f, how)));
}

int
xl_ioctl(fsk_file_t *f, unsigned cmd, int *value)
{
	switch (cmd) {
	case FIONREAD:
		cmd = ILL_FIONREAD;
		break;
	case SIOCOUTQ:
		cmd = ILL_SIOCOUTQ;
		break;
	default:
		return (ENOTTY);
	}
	return (fk_errno_to_host(fsk_ioctl(f, (int)cmd, (intptr_t)value,
	    NULL)));
}

int
xl_local_cid(uint32_t *cidp)
{
	fk_file_t *dev;
	int err = fk_open("/dev/vsock", &dev);

	if (err == 0) {
		err = fk_ioctl(dev, ILL_GET_LOCAL_CID, (intptr_t)cidp, NULL);
		(void) fk_close(dev);
	}
	return (fk_errno_to_host(err));
}

void
xl_close(fsk_file_t *f, bool lingers)
{
	/* A non-blocking one would not. */
	if (lingers)
		fsk_set_nonblock(f, false);
	(void) fsk_close(f);
}

int
xl_send(fsk_file_t *f, const void *buf, size_t len, size_t *donep)
{
	return (fk_errno_to_host(fsk_send(f, buf, len, XL_MSG_SEND, donep)));
}

int
xl_send_record(fsk_file_t *f, const void *buf, size_t len, bool eor)
{
	size_t done;

	return (fk_errno_to_host(fsk_send(f, buf, len,
	    XL_MSG_SEND | (eor ? ILL_MSG_EOR : 0), &done)));
}

int
xl_recv(fsk_file_t *f, void *buf, size_t len, size_t *donep)
{
	return (fk_errno_to_host(fsk_recv(f, buf, len, ILL_MSG_DONTWAIT,
	    donep)));
}

int
xl_recv_record(fsk_file_t *f, void *buf, size_t len, size_t *donep, bool *eorp)
{
	fsk_iov_t iov = { .fi_base = buf, .fi_len = len };
	int flags = ILL_MSG_DONTWAIT;
	int err = fsk_recvv(f, &iov, 1, &flags, donep);

	if (err == 0 && (flags & ILL_MSG_TRUNC) != 0)
		return (EMSGSIZE);
	*eorp = (flags & ILL_MSG_EOR) != 0;
	return (fk_errno_to_host(err));
}

int
xl_max_record(fsk_file_t *f, uint64_t *bytesp)
{
	uint32_t len = sizeof (*bytesp);

	return (fk_errno_to_host(fsk_getsockopt(f, XL_SOL_VSOCK,
	    ILL_SO_VSOCK_MAX_RECORD, bytesp, &len)));
}

bool
xl_readable(fsk_file_t *f)
{
	return (fsk_poll(f, ILL_POLLIN) != 0);
}

bool
xl_writable(fsk_file_t *f)
{
	return (fsk_poll(f, ILL_POLLOUT) != 0);
}
