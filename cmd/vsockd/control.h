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

#ifndef _CONTROL_H
#define	_CONTROL_H

/*
 * What vsockrun and its library say to vsockd.
 *
 * An AF_VSOCK socket of a program under vsockrun is one end of a Unix socket
 * pair of the same type; vsockd has the other end, and moves the data between
 * that and the real thing, a socket in its simulated kernel.  Whatever is not data goes
 * over the control socket (SOCK_SEQPACKET): one connection, one request, one
 * reply.  The numbers in both (families, types, options, errno) are Linux's.
 *
 * Which socket a request is for is told by the program's end itself, sent
 * along (SCM_RIGHTS).  It has an abstract name, given by vsockd,
 *
 *	\0vsockd/INSTANCE/NUMBER
 *
 * by which everybody who has the descriptor, however it came to him, can see
 * what it is: nobody needs to remember.  vsockd's end has no name at first,
 * and when the socket is connected it gets one of its own,
 *
 *	\0vsockd/INSTANCE/NUMBER/c
 *
 * which is how getpeername(2) tells the library that it is connected.
 *
 * A pair of SOCK_SEQPACKET keeps the boundaries of records by itself, and
 * refuses records that are longer than the send buffer of the program's end
 * (less 32 bytes), which vsockd sets accordingly when it is connected.  But it
 * does not know MSG_EOR: a record that has it comes with a descriptor
 * (SCM_RIGHTS), in both directions, and it doesn't matter of what.
 *
 * A listening socket is readable, by a byte from vsockd, while connections
 * wait.  accept(2) asks for a connection, and if there is none waits until it
 * sees the byte; it is vsockd that takes it away.
 *
 * Options that concern the movement of data (timeouts, SO_RCVLOWAT, SO_LINGER)
 * are set for the pair as well.  A program that closes a socket for which it
 * wants to linger tells so afterwards, by the name, and waits for the reply.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define	VSC_VERSION		1
#define	VSC_MAX_DATA		256

#define	VSC_NAME		"vsockd/"

enum {
	VSC_SOCKET = 1,		/* family, type, protocol: a socket */
	VSC_BIND,		/* address in data */
	VSC_LISTEN,		/* backlog */
	VSC_ACCEPT,		/* 1: took a byte; a socket, address in data */
	VSC_CONNECT,		/* 1: do not wait; address in data */
	VSC_GETSOCKNAME,	/* address in data */
	VSC_GETPEERNAME,	/* address in data */
	VSC_GETSOCKOPT,		/* level, option, greatest length */
	VSC_SETSOCKOPT,		/* level, option; value in data */
	VSC_SHUTDOWN,		/* how; the same is then done to the pair */
	VSC_ERROR,		/* why there is an end of file: error */
	VSC_KSTAT,		/* a file with all statistics */
	VSC_IOCTL,		/* FIONREAD, SIOCOUTQ: int in data */
	VSC_LOCAL_CID,		/* no socket: uint32_t in data */
	VSC_CLOSED,		/* no socket, its name in data: after its end */
	/*
	 * "MODULE:NAME" in data: a file with all raw kstats of that name, each
	 * after a vsc_kraw_t.
	 */
	VSC_KSTAT_RAW,
	/*
	 * /dev/vsock of the simulated machine: command; its argument, a
	 * structure, in data and back.  VSOCK_IOC_*PROP only; the privileges
	 * are those of root, or of any user.
	 */
	VSC_DEV_IOCTL,
	/* vsock_capture_io_t in data: a socket from which records come */
	VSC_CAPTURE
};

typedef struct vsc_kraw {
	int32_t		vk_instance;
	uint32_t	vk_pad;
	uint64_t	vk_size;	/* bytes that follow */
} vsc_kraw_t;

typedef struct vsc_request {
	uint32_t	vq_version;
	uint32_t	vq_op;
	int32_t		vq_arg[3];
	uint32_t	vq_len;		/* of vq_data */
	uint8_t		vq_data[VSC_MAX_DATA];
} vsc_request_t;

typedef struct vsc_reply {
	int32_t		vp_error;	/* 0 or errno */
	uint32_t	vp_len;		/* of vp_data */
	uint8_t		vp_data[VSC_MAX_DATA];
} vsc_reply_t;

/* Whether that is the name of an end of one of our pairs. */
static inline bool
vsc_name_ours(const struct sockaddr_un *sun, socklen_t len)
{
	const size_t n = sizeof (VSC_NAME) - 1;

	return (len > offsetof(struct sockaddr_un, sun_path) + 1 + n &&
	    sun->sun_family == AF_UNIX && sun->sun_path[0] == '\0' &&
	    memcmp(sun->sun_path + 1, VSC_NAME, n) == 0);
}

#endif	/* _CONTROL_H */
