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

#ifndef _SYS_SOCKET_H
#define	_SYS_SOCKET_H

/*
 * The socket interface as the kernel sees it.  Every number is illumos's: what
 * a host program means by its own numbers is translated before it gets here.
 */

#include <sys/types.h>
#include <sys/uio.h>
#include <sys/socket_impl.h>

#ifdef	__cplusplus
extern "C" {
#endif

#ifndef	_SOCKLEN_T
#define	_SOCKLEN_T
typedef	uint32_t	socklen_t;
#endif

/* Types */
#define	SOCK_DGRAM	1
#define	SOCK_STREAM	2
#define	SOCK_RAW	4
#define	SOCK_RDM	5
#define	SOCK_SEQPACKET	6
#define	SOCK_TYPE_MASK	0xffff

#define	SOCK_CLOEXEC	0x080000
#define	SOCK_NONBLOCK	0x100000
#define	SOCK_NDELAY	0x200000
#define	SOCK_CLOFORK	0x400000

/* Options of level SOL_SOCKET */
#define	SO_DEBUG	0x0001
#define	SO_ACCEPTCONN	0x0002
#define	SO_REUSEADDR	0x0004
#define	SO_KEEPALIVE	0x0008
#define	SO_DONTROUTE	0x0010
#define	SO_BROADCAST	0x0020
#define	SO_USELOOPBACK	0x0040
#define	SO_LINGER	0x0080
#define	SO_OOBINLINE	0x0100
#define	SO_DGRAM_ERRIND	0x0200
#define	SO_RECVUCRED	0x0400
#define	SO_SND_COPYAVOID 0x0800
#define	SO_SND_BUFINFO	0x1000
#define	SO_SNDBUF	0x1001
#define	SO_RCVBUF	0x1002
#define	SO_SNDLOWAT	0x1003
#define	SO_RCVLOWAT	0x1004
#define	SO_SNDTIMEO	0x1005
#define	SO_RCVTIMEO	0x1006
#define	SO_ERROR	0x1007
#define	SO_TYPE		0x1008
#define	SO_PROTOTYPE	0x1009
#define	SO_PROTOCOL	SO_PROTOTYPE
#define	SO_ANON_MLP	0x100a
#define	SO_MAC_EXEMPT	0x100b
#define	SO_DOMAIN	0x100c
#define	SO_RCVPSH	0x100d
#define	SO_SECATTR	0x1011
#define	SO_TIMESTAMP	0x1013
#define	SO_ALLZONES	0x1014
#define	SO_EXCLBIND	0x1015
#define	SO_MAC_IMPLICIT	0x1016
#define	SO_VRRP		0x1017

#define	SO_DONTLINGER	(~SO_LINGER)

/* What SO_SND_BUFINFO answers: how sockfs would cut a message. */
struct so_snd_bufinfo {
	ushort_t	sbi_wroff;
	ssize_t		sbi_maxblk;
	ssize_t		sbi_maxpsz;
	ushort_t	sbi_tail;
};

struct linger {
	int	l_onoff;
	int	l_linger;		/* seconds */
};

/* kmem flags of a socket module's create function */
#define	SOCKET_SLEEP	KM_SLEEP
#define	SOCKET_NOSLEEP	KM_NOSLEEP

/* Levels */
#define	SOL_SOCKET	0xffff
#define	SOL_ROUTE	0xfffe
#define	SOL_PACKET	0xfffd
#define	SOL_FILTER	0xfffc

/* Families */
#define	AF_UNSPEC	0
#define	AF_UNIX		1
#define	AF_LOCAL	AF_UNIX
#define	AF_FILE		AF_UNIX
#define	AF_INET		2
#define	AF_IMPLINK	3
#define	AF_PUP		4
#define	AF_CHAOS	5
#define	AF_NS		6
#define	AF_NBS		7
#define	AF_ECMA		8
#define	AF_DATAKIT	9
#define	AF_CCITT	10
#define	AF_SNA		11
#define	AF_DECnet	12
#define	AF_DLI		13
#define	AF_LAT		14
#define	AF_HYLINK	15
#define	AF_APPLETALK	16
#define	AF_NIT		17
#define	AF_802		18
#define	AF_OSI		19
#define	AF_X25		20
#define	AF_OSINET	21
#define	AF_GOSIP	22
#define	AF_IPX		23
#define	AF_ROUTE	24
#define	AF_LINK		25
#define	AF_INET6	26
#define	AF_KEY		27
#define	AF_NCA		28
#define	AF_POLICY	29
#define	AF_INET_OFFLOAD	30
#define	AF_TRILL	31
#define	AF_PACKET	32
#define	AF_MAX		32

#define	SOMAXCONN	128

struct msghdr {
	void		*msg_name;
	socklen_t	msg_namelen;
	struct iovec	*msg_iov;
	int		msg_iovlen;
	void		*msg_control;
	socklen_t	msg_controllen;
	int		msg_flags;
};

#define	nmsghdr		msghdr

#define	MSG_OOB			0x1
#define	MSG_PEEK		0x2
#define	MSG_DONTROUTE		0x4
#define	MSG_EOR			0x8
#define	MSG_CTRUNC		0x10
#define	MSG_TRUNC		0x20
#define	MSG_WAITALL		0x40
#define	MSG_DONTWAIT		0x80
#define	MSG_NOTIFICATION	0x100
#define	MSG_NOSIGNAL		0x200
#define	MSG_DUPCTRL		0x800
#define	MSG_CMSG_CLOEXEC	0x1000
#define	MSG_CMSG_CLOFORK	0x2000
#define	MSG_XPG4_2		0x8000
#define	MSG_MBLK_QUICKRELE	0x10000000
#define	MSG_USERSPACE		0x20000000

#define	SHUT_RD		0
#define	SHUT_WR		1
#define	SHUT_RDWR	2

struct cmsghdr {
	socklen_t	cmsg_len;
	int		cmsg_level;
	int		cmsg_type;
};

#ifdef	__cplusplus
}
#endif

#endif	/* _SYS_SOCKET_H */
