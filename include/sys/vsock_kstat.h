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

#ifndef _SYS_VSOCK_KSTAT_H
#define	_SYS_VSOCK_KSTAT_H

/*
 * The statistics of vsock that are more than a name and a number, as programs
 * read them.  Private between the module and libvsock.
 *
 *	vsock:ZONE:vsock			named: counters of a zone
 *	vsock:ZONE:connections			raw: vsock_kconn_t[]
 *	vsock_transport:ZONE:NAME		named: one for each transport
 *
 * ZONE is a zone's number.  A zone sees its own, the global zone all of them.
 */

#include <sys/types.h>

#ifdef	__cplusplus
extern "C" {
#endif

#define	VSOCK_KSTAT_MODULE	"vsock"
#define	VSOCK_KSTAT_CONNS	"connections"
#define	VSOCK_KSTAT_TRANSPORT	"vsock_transport"

#define	VSOCK_KNAMELEN		32	/* of a transport, with NUL */

/*
 * What a socket can be in.  The table of transitions is in vsock_conn.c.
 */
typedef enum vsock_state {
	VSOCK_S_IDLE,		/* fresh */
	VSOCK_S_BOUND,		/* has a port */
	VSOCK_S_LISTEN,
	VSOCK_S_EMBRYO,		/* requested by a peer, not yet accepted */
	VSOCK_S_CONNECTING,
	VSOCK_S_CONNECTED,	/* both directions open */
	VSOCK_S_SHUT_SEND,	/* open; nothing more can be sent */
	VSOCK_S_SHUT_RECV,	/* open; nothing more can be received */
	VSOCK_S_SHUT_BOTH,	/* both, the peer has not acknowledged */
	VSOCK_S_CLOSING,	/* the socket was closed, the peer lags */
	VSOCK_S_CLOSED,		/* final */
	VSOCK_S_MAX
} vsock_state_t;

/* vkc_flags */
#define	VKC_TX_FULL	0x1	/* writers are stopped */

/*
 * A socket with a port, or a connection.  "rx" is from the peer to us.  Sockets
 * that change while the list is made may be missing, or in it twice.
 */
typedef struct vsock_kconn {
	uint32_t	vkc_size;	/* of the record; 0: the end */
	uint32_t	vkc_state;	/* VSOCK_S_* */
	uint32_t	vkc_type;	/* 1: stream, 2: seqpacket */
	int32_t		vkc_zoneid;
	uint32_t	vkc_lcid;	/* as with getsockname(3SOCKET) */
	uint32_t	vkc_lport;
	uint32_t	vkc_rcid;	/* both -1: there is no peer */
	uint32_t	vkc_rport;
	uint32_t	vkc_rcvbuf;	/* bytes */
	uint32_t	vkc_sndbuf;	/* bytes */
	uint32_t	vkc_rx_credit;	/* bytes the peer may still send */
	uint32_t	vkc_tx_credit;	/* bytes it will still take */
	uint32_t	vkc_flags;	/* VKC_* */
	uint32_t	vkc_pad;
	uint64_t	vkc_rx_bytes;
	uint64_t	vkc_rx_msgs;
	uint64_t	vkc_rx_packets;	/* 0: the transport has none */
	uint64_t	vkc_rx_queued;	/* bytes, at most, the reader has not */
	uint64_t	vkc_rx_stalls;	/* how often the peer said it waits */
	uint64_t	vkc_tx_bytes;
	uint64_t	vkc_tx_msgs;
	uint64_t	vkc_tx_packets;
	uint64_t	vkc_tx_queued;	/* bytes the peer has not taken */
	uint64_t	vkc_tx_stalls;	/* how often writers were stopped */
	char		vkc_transport[VSOCK_KNAMELEN];	/* "": none */
} vsock_kconn_t;

/* The statistic "direction" of a transport. */
#define	VSOCK_KDIR_LOCAL	0	/* to this system itself */
#define	VSOCK_KDIR_TO_HOST	1	/* this system is a guest */
#define	VSOCK_KDIR_TO_GUEST	2	/* this system is the host */

#ifdef	__cplusplus
}
#endif

#endif	/* _SYS_VSOCK_KSTAT_H */
