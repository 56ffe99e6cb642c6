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

#ifndef _NET_VSOCK_H
#define	_NET_VSOCK_H

/*
 * AF_VSOCK: sockets between a hypervisor and its guests.  Source compatible
 * with Linux's <linux/vm_sockets.h>: the names, the structure and the option
 * numbers are the same; the value of AF_VSOCK is illumos's own.  vsock(4P).
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/ioccom.h>
#include <sys/filio.h>

#ifdef	__cplusplus
extern "C" {
#endif

/*
 * <sys/socket.h> of a gate that knows the family defines it.  33 would be the
 * next free number upstream, but it is AF_LX_NETLINK in SmartOS and OmniOS.
 */
#ifndef	AF_VSOCK
#define	AF_VSOCK	34
#define	PF_VSOCK	AF_VSOCK
#endif

/* Levels for [gs]etsockopt(3SOCKET): AF_VSOCK for the options below. */
#define	SOL_VSOCK	287	/* options that only illumos has */

/* Context identifiers (CIDs): who. */
#define	VMADDR_CID_ANY		((unsigned int)-1) /* any of our own; bind */
#define	VMADDR_CID_HYPERVISOR	0	/* reserved for the hypervisor */
#define	VMADDR_CID_LOCAL	1	/* this system, by loopback */
#define	VMADDR_CID_HOST		2	/* the hypervisor's system */

/* Ports: those below 1024 need PRIV_NET_PRIVADDR to be bound. */
#define	VMADDR_PORT_ANY		((unsigned int)-1) /* bind: pick a free one */

/* svm_flags */
#define	VMADDR_FLAG_TO_HOST	0x01	/* route through the host */

struct sockaddr_vm {
	sa_family_t	svm_family;	/* AF_VSOCK */
	unsigned short	svm_reserved1;	/* 0 */
	unsigned int	svm_port;	/* host byte order */
	unsigned int	svm_cid;	/* host byte order */
	unsigned char	svm_flags;	/* VMADDR_FLAG_* */
	unsigned char	svm_zero[sizeof (struct sockaddr) -
	    sizeof (sa_family_t) - sizeof (unsigned short) -
	    sizeof (unsigned int) - sizeof (unsigned int) -
	    sizeof (unsigned char)];	/* 0 */
};

/*
 * Options at level AF_VSOCK.  The first three are uint64_t: bytes of received
 * data that the socket may hold, and the bounds between which that is kept.
 */
#define	SO_VM_SOCKETS_BUFFER_SIZE		0
#define	SO_VM_SOCKETS_BUFFER_MIN_SIZE		1
#define	SO_VM_SOCKETS_BUFFER_MAX_SIZE		2
#define	SO_VM_SOCKETS_PEER_HOST_VM_ID		3	/* VMCI only */
#define	SO_VM_SOCKETS_TRUSTED			5	/* VMCI only */
#define	SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD	6	/* struct timeval */
#define	SO_VM_SOCKETS_NONBLOCK_TXRX		7	/* VMCI only */
#define	SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW	8	/* struct timeval */
#define	SO_VM_SOCKETS_CONNECT_TIMEOUT	SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD

/* Options at level SOL_VSOCK */
#define	SO_VSOCK_MAX_RECORD	1	/* uint64_t, to be read: bytes in the */
					/* largest record that can be sent */

/*
 * ioctl(2) of /dev/vsock: unsigned int *, the CID of this system as others see
 * it: what the host gave us if we are a guest, else VMADDR_CID_HOST if we run
 * guests, else VMADDR_CID_LOCAL, or VMADDR_CID_ANY without any transport.
 */
#define	IOCTL_VM_SOCKETS_GET_LOCAL_CID	_IO(7, 0xb9)

/*
 * ioctl(2) of a connected socket: int *, how many bytes can be read (FIONREAD),
 * and how many were sent but not yet given to the peer (the value of TIOCOUTQ).
 */
#ifndef	SIOCINQ
#define	SIOCINQ		FIONREAD
#endif
#ifndef	SIOCOUTQ
#define	SIOCOUTQ	(('t' << 8) | 115)
#endif

#ifdef	__cplusplus
}
#endif

#endif	/* _NET_VSOCK_H */
