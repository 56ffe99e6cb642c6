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

#ifndef _SYS_VSOCK_IOCTL_H
#define	_SYS_VSOCK_IOCTL_H

/*
 * What /dev/vsock does for programs that administer and observe: properties of
 * the caller's zone, and packet capture.  Private between the driver and
 * libvsock; the one public ioctl(2) of the device is in <net/vsock.h>.
 *
 * Structures are of the same layout for 32-bit and 64-bit programs.  EFAULT, a
 * bad address; ENOTTY, an unknown command; ENXIO, the caller's zone is being
 * halted.
 */

#include <sys/types.h>

#ifdef	__cplusplus
extern "C" {
#endif

#define	VSOCK_IOC		(('v' << 24) | ('s' << 16) | ('k' << 8))

/*
 * PROPERTIES
 *
 * They are a zone's, and last until it is halted.  Those of buffers and the
 * timeout are what a new socket begins with, and, of VSOCK_PROP_MAX_BUF, what
 * no socket can exceed by asking; sockets that exist keep what they have.
 */
typedef enum vsock_prop {
	/*
	 * 1: a zone has a loopback transport.  Set to 0, its connections end
	 * with ECONNRESET.
	 */
	VSOCK_PROP_LOOPBACK,
	VSOCK_PROP_RECV_BUF,		/* bytes */
	VSOCK_PROP_SEND_BUF,		/* bytes */
	VSOCK_PROP_MAX_BUF,		/* bytes; at least the two above */
	VSOCK_PROP_CONNECT_TIMEOUT,	/* milliseconds */
	/*
	 * Ports, none below 1024, that can be bound only with the privilege
	 * for those.
	 */
	VSOCK_PROP_EXTRA_PRIV_PORTS,
	/* Limits: see vsock_limit.c. */
	VSOCK_PROP_MAX_CONNS,		/* of the zone */
	VSOCK_PROP_MAX_PEER_CONNS,	/* of a guest, or with the host */
	VSOCK_PROP_MAX_PENDING,		/* of a peer, not accepted yet */
	VSOCK_PROP_MAX_ZONE_BUF,	/* bytes */
	VSOCK_PROP_MSG_COST,		/* bytes */
	VSOCK_PROP_REPLY_RATE,		/* per second, to each peer */
	VSOCK_NPROPS
} vsock_prop_t;

#define	VSOCK_MAX_EXTRA_PORTS	32

typedef struct vsock_prop_io {
	uint32_t	vpi_prop;	/* in: VSOCK_PROP_* */
	uint32_t	vpi_nports;	/* of vpi_ports */
	uint64_t	vpi_value;	/* of every other property */
	uint64_t	vpi_default;	/* out; of a list: 0 */
	uint64_t	vpi_min;	/* out; of a list: of the ports in it */
	uint64_t	vpi_max;	/* out */
	uint32_t	vpi_ports[VSOCK_MAX_EXTRA_PORTS];
	int32_t		vpi_zoneid;	/* in: whose; 0, the caller's */
	uint32_t	vpi_pad;
} vsock_prop_io_t;

/*
 * vsock_prop_io_t *.  EINVAL, no such property; EPERM, another zone, and the
 * caller's is not the global one; ENXIO, no such zone.  Anybody may.
 */
#define	VSOCK_IOC_GETPROP	(VSOCK_IOC | 1)
/*
 * vsock_prop_io_t *, which is not changed.  EPERM, as above, or no
 * PRIV_SYS_NET_CONFIG, which only the global zone has on most systems; ENXIO;
 * EINVAL, no such property, too many ports, or one that is there twice; ERANGE,
 * not between the least and the greatest value.
 */
#define	VSOCK_IOC_SETPROP	(VSOCK_IOC | 2)
/* The same, to the default: only vpi_prop and vpi_zoneid are looked at. */
#define	VSOCK_IOC_RESETPROP	(VSOCK_IOC | 3)

/*
 * PACKET CAPTURE
 *
 * vsock_capture_io_t *: the open file becomes a capture of all packets that
 * transports of the caller's zone, or in the global zone of all zones, receive
 * and send, until it is closed.  EACCES, no PRIV_NET_RAWACCESS; EBUSY, it is
 * one; EINVAL, a size that is not possible; EAGAIN, the zone has
 * VSOCK_MAX_CAPTURES already.
 *
 * read(2) then gives as many records as fit, whole ones, and waits for the
 * first, unless O_NONBLOCK is set (EAGAIN); EINVAL, the buffer is smaller than
 * the first record (VSOCK_CAPTURE_MAXREC always suffices), or the file is no
 * capture.  poll(2) tells when there are records.
 */
#define	VSOCK_IOC_CAPTURE	(VSOCK_IOC | 4)

typedef struct vsock_capture_io {
	uint32_t	vci_bufsize;	/* bytes that can wait; 0: default */
	uint32_t	vci_snaplen;	/* bytes kept of a packet; 0: all */
} vsock_capture_io_t;

#define	VSOCK_MAX_CAPTURES	8	/* of a zone */
#define	VSOCK_CAPTURE_MINBUF	(256 * 1024)
#define	VSOCK_CAPTURE_DEFBUF	(2 * 1024 * 1024)
#define	VSOCK_CAPTURE_MAXBUF	(8 * 1024 * 1024)
#define	VSOCK_CAPTURE_MAXSNAP	(64 * 1024 + 128)

/* A record: this, vcr_caplen bytes of the packet, and zeros up to vcr_size. */
typedef struct vsock_capture_rec {
	uint32_t	vcr_size;	/* a multiple of 8 */
	uint32_t	vcr_caplen;
	uint32_t	vcr_len;	/* of the packet as it was */
	uint32_t	vcr_nsec;	/* when: of vcr_sec */
	int64_t		vcr_sec;	/* since 1970 */
	uint64_t	vcr_drops;	/* packets lost so far */
} vsock_capture_rec_t;

#define	VSOCK_CAPTURE_MAXREC	\
	(VSOCK_CAPTURE_MAXSNAP + sizeof (vsock_capture_rec_t))

/*
 * The packet begins with what Linux's vsockmon device has before each packet,
 * which is what LINKTYPE_VSOCK of pcap means.  Little endian.  The header of
 * the transport, if it has one, follows, and then the payload.
 */
typedef struct vsock_mon_hdr {
	uint64_t	vmh_src_cid;
	uint64_t	vmh_dst_cid;
	uint32_t	vmh_src_port;
	uint32_t	vmh_dst_port;
	uint16_t	vmh_op;		/* VSOCK_MON_* */
	uint16_t	vmh_transport;	/* VSOCK_MON_TRANSPORT_* */
	uint16_t	vmh_len;	/* of the transport's header */
	uint8_t		vmh_reserved[2];
} vsock_mon_hdr_t;

#define	VSOCK_MON_UNKNOWN	0
#define	VSOCK_MON_CONNECT	1	/* request, and its acceptance */
#define	VSOCK_MON_DISCONNECT	2	/* shutdown, reset, refusal */
#define	VSOCK_MON_CONTROL	3
#define	VSOCK_MON_PAYLOAD	4

#define	VSOCK_MON_TRANSPORT_UNKNOWN 0
#define	VSOCK_MON_TRANSPORT_NONE 1	/* no header */
#define	VSOCK_MON_TRANSPORT_VIRTIO 2	/* virtio_vsock_hdr_t */

#define	VSOCK_LINKTYPE		271	/* of pcap */

#ifdef	__cplusplus
}
#endif

#endif	/* _SYS_VSOCK_IOCTL_H */
