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

#ifndef _SYS_VIRTIO_VSOCK_H
#define	_SYS_VIRTIO_VSOCK_H

/*
 * The virtio socket device as it is on the wire and in the rings: VIRTIO 1.3,
 * section 5.10.  All fields are little endian.
 */

#include <sys/types.h>

#ifdef	__cplusplus
extern "C" {
#endif

#define	VIRTIO_DEV_VSOCK	19

/* Feature bits (masks) */
#define	VIRTIO_VSOCK_F_STREAM		(1ULL << 0)
#define	VIRTIO_VSOCK_F_SEQPACKET	(1ULL << 1)
#define	VIRTIO_VSOCK_F_NO_IMPLIED_STREAM (1ULL << 2)

/* Queues; each seen from the driver */
#define	VIRTIO_VSOCK_QUEUE_RX		0	/* device writes */
#define	VIRTIO_VSOCK_QUEUE_TX		1	/* device reads */
#define	VIRTIO_VSOCK_QUEUE_EVENT	2	/* device writes */
#define	VIRTIO_VSOCK_NQUEUES		3

/* Configuration space: one 64-bit field */
#define	VIRTIO_VSOCK_CFG_GUEST_CID	0x00

/* vvh_type */
#define	VIRTIO_VSOCK_TYPE_STREAM	1
#define	VIRTIO_VSOCK_TYPE_SEQPACKET	2

/* vvh_op */
#define	VIRTIO_VSOCK_OP_INVALID		0
#define	VIRTIO_VSOCK_OP_REQUEST		1
#define	VIRTIO_VSOCK_OP_RESPONSE	2
#define	VIRTIO_VSOCK_OP_RST		3
#define	VIRTIO_VSOCK_OP_SHUTDOWN	4
#define	VIRTIO_VSOCK_OP_RW		5
#define	VIRTIO_VSOCK_OP_CREDIT_UPDATE	6
#define	VIRTIO_VSOCK_OP_CREDIT_REQUEST	7

/* vvh_flags of VIRTIO_VSOCK_OP_SHUTDOWN: the sender will not ... any more */
#define	VIRTIO_VSOCK_SHUTDOWN_RECEIVE	0x1
#define	VIRTIO_VSOCK_SHUTDOWN_SEND	0x2

/* vvh_flags of VIRTIO_VSOCK_OP_RW on a VIRTIO_VSOCK_TYPE_SEQPACKET socket */
#define	VIRTIO_VSOCK_SEQ_EOM		0x1
#define	VIRTIO_VSOCK_SEQ_EOR		0x2

/*
 * The specification has no limit for vvh_len; this is the one everybody uses.
 */
#define	VIRTIO_VSOCK_MAX_PAYLOAD	(64 * 1024)

#pragma pack(1)
typedef struct virtio_vsock_hdr {
	uint64_t	vvh_src_cid;	/* upper 32 bits zero */
	uint64_t	vvh_dst_cid;	/* upper 32 bits zero */
	uint32_t	vvh_src_port;
	uint32_t	vvh_dst_port;
	uint32_t	vvh_len;	/* bytes of payload after the header */
	uint16_t	vvh_type;
	uint16_t	vvh_op;
	uint32_t	vvh_flags;
	uint32_t	vvh_buf_alloc;	/* sender's receive buffer, bytes */
	uint32_t	vvh_fwd_cnt;	/* bytes it consumed so far, mod 2^32 */
} virtio_vsock_hdr_t;

typedef struct virtio_vsock_event {
	uint32_t	vve_id;
} virtio_vsock_event_t;
#pragma pack()

#define	VIRTIO_VSOCK_HDR_SIZE	44	/* sizeof (virtio_vsock_hdr_t) */

#define	VIRTIO_VSOCK_EVENT_RESET	0	/* transport reset */

#ifdef	__cplusplus
}
#endif

#endif	/* _SYS_VIRTIO_VSOCK_H */
