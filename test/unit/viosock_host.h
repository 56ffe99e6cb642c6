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

#ifndef _VIOSOCK_HOST_H
#define	_VIOSOCK_HOST_H

/*
 * A host made by hand: a socket device that does exactly what a test says, step
 * by step, right or wrong, with viosock as its driver.  As for the guest of
 * hv_guest.h, whose sockets and helpers are used here as well, hv_settle() lets
 * the driver do all that it can do; nothing here waits for an event.
 *
 * Interrupt handlers run on the test's thread.  A host is used by one thread
 * at a time; only the notifications are counted by others.  If that thread is
 * not the one that attaches and detaches, vh_lock keeps vh_running as it is.
 */

#include <sys/types.h>
#include <sys/mutex.h>
#include <fakevirtio.h>
#include "hv_guest.h"

#define	VH_RX		VIRTIO_VSOCK_QUEUE_RX
#define	VH_TX		VIRTIO_VSOCK_QUEUE_TX
#define	VH_EV		VIRTIO_VSOCK_QUEUE_EVENT

#define	VH_CID		7		/* of the guest, at first */
#define	VH_QSIZE	128
#define	VH_RXBUFS	32		/* of the driver */
#define	VH_RXSIZE	(44 + 65536)	/* of each */
#define	VH_FEATURES	\
	(VIRTIO_VSOCK_F_STREAM | VIRTIO_VSOCK_F_NO_IMPLIED_STREAM)

#define	VH_INSTANCE	0

typedef struct vh_host {
	fvio_t		*vh_dev;
	uint64_t	vh_offer;	/* features */
	uint64_t	vh_features;	/* accepted */
	uint16_t	vh_qsize[FVIO_QUEUES];
	uint64_t	vh_cid;
	boolean_t	vh_refuse;	/* fo_start says no */
	kmutex_t	vh_lock;	/* held while it starts and stops */
	boolean_t	vh_running;
	fvio_vq_t	vh_vq[FVIO_QUEUES];
	uint32_t	vh_notifies[FVIO_QUEUES];	/* atomic */
	/* What vh_pkt() says of our credit, and the type of the socket. */
	uint32_t	vh_buf_alloc;
	uint32_t	vh_fwd_cnt;
	uint16_t	vh_type;
	/* What vh_expect_data() found of the driver's. */
	uint32_t	vh_peer_buf;
	uint32_t	vh_peer_fwd;
} vh_host_t;

/* Load the front end; and unload everything, with nothing left. */
extern void vh_begin(void);
extern void vh_end(void);

/* A device; flags are those of fvio_create().  Not attached. */
extern vh_host_t *vh_create(int instance, unsigned flags);
extern void vh_destroy(vh_host_t *);
/* vh_begin(), vh_create() with VH_FEATURES, and attach; and the reverse. */
extern vh_host_t *vh_boot(void);
extern void vh_halt(vh_host_t *);

extern uint64_t vh_stat(const char *name, const char *stat);
#define	VH_RINGS(stat)		vh_stat("rings", stat)
#define	VH_PACKETS(stat)	vh_stat("packets", stat)

/* The CID that /dev/vsock tells programs. */
extern uint32_t vh_local_cid(void);

extern uint32_t vh_notifies(vh_host_t *, unsigned queue);
/* Interrupt, if the driver wants it; and settle. */
extern void vh_intr(vh_host_t *, unsigned queue);

/* A header from hport to gport, with our credit. */
extern virtio_vsock_hdr_t vh_pkt(vh_host_t *, uint16_t op, uint32_t hport,
    uint32_t gport);
/* Put a packet into a receive buffer, without telling; false: there is none. */
extern boolean_t vh_queue(vh_host_t *, const virtio_vsock_hdr_t *,
    const void *);
/* The same with any contents and any length told. */
extern boolean_t vh_queue_raw(vh_host_t *, const void *, size_t len,
    uint32_t used);
/* Send, tell, and settle.  vh_send_data(): of that type, one record. */
extern void vh_send(vh_host_t *, const virtio_vsock_hdr_t *, const void *);
extern void vh_send_op(vh_host_t *, uint16_t op, uint32_t hport,
    uint32_t gport);
extern void vh_send_data(vh_host_t *, uint32_t hport, uint32_t gport,
    const void *, uint32_t len);

/* The next packet from the driver; its buffer is given back. */
extern boolean_t vh_recv(vh_host_t *, hv_packet_t *);
/* It must be this one; its header. */
extern virtio_vsock_hdr_t vh_expect(vh_host_t *, uint16_t op, uint32_t hport,
    uint32_t gport);
extern void vh_expect_none(vh_host_t *);
/* Receive `len' bytes of data, in however many packets, and compare. */
extern void vh_expect_data(vh_host_t *, uint32_t hport, uint32_t gport,
    const void *, size_t len);

/* An event, of which `used' bytes are said to be filled. */
extern void vh_event(vh_host_t *, uint32_t id, uint32_t used);
/* The device gives the guest another CID. */
extern void vh_set_cid(vh_host_t *, uint64_t cid);

/* A connection to a listener of the guest, or from the guest to us. */
extern fsk_file_t *vh_open(vh_host_t *, fsk_file_t *listener, uint32_t hport,
    uint32_t gport);
extern fsk_file_t *vh_accept(vh_host_t *, uint32_t hport, uint32_t *gportp);
/* Both ends can still talk: a few bytes go there and back. */
extern void vh_check_alive(vh_host_t *, fsk_file_t *, uint32_t hport,
    uint32_t gport);
/* New connections can be made, both ways, and be closed again. */
extern void vh_check_new(vh_host_t *);

#endif	/* _VIOSOCK_HOST_H */
