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

#ifndef _HV_GUEST_H
#define	_HV_GUEST_H

/*
 * A guest made by hand: a VM with some memory, a socket device (/dev/vsockhv)
 * and a driver for it that does exactly what a test says, step by step, right
 * or wrong.  hv_settle() lets the host do all that it can do; then the rings
 * are looked at.  So nothing here ever waits for an event.
 *
 * Guest memory, by guest physical address:
 *
 *	HV_RAM		rings, and what hv_alloc() gives out
 *	HV_ROM		a page that cannot be written
 *
 * and nothing else.
 */

#include <sys/types.h>
#include <sys/debug.h>
#include <sys/errno.h>
#include <sys/fk.h>
#include <sys/socket.h>
#include <sys/systm.h>
#include <sys/virtio_vsock.h>
#include <sys/vsockhv.h>
#include <net/vsock.h>
#include <fakesock.h>
#include <fakevmm.h>

#define	HV_RAM		0x40000000ULL
#define	HV_RAM_SIZE	(4ULL << 20)
#define	HV_ROM		0x80000000ULL

#define	HV_F_INDIRECT	(1ULL << 28)
#define	HV_F_EVENT_IDX	(1ULL << 29)
#define	HV_F_VERSION_1	(1ULL << 32)

#define	HV_D_NEXT	1
#define	HV_D_WRITE	2
#define	HV_D_INDIRECT	4

#define	HV_RX		VIRTIO_VSOCK_QUEUE_RX
#define	HV_TX		VIRTIO_VSOCK_QUEUE_TX
#define	HV_EV		VIRTIO_VSOCK_QUEUE_EVENT

#define	HV_QSIZE	64
#define	HV_QSIZE_MAX	1024

typedef struct hv_wire_desc {
	uint64_t	wd_addr;
	uint32_t	wd_len;
	uint16_t	wd_flags;
	uint16_t	wd_next;
} hv_wire_desc_t;

typedef struct hv_ring {
	uint_t		hr_qsize;
	uint64_t	hr_desc;
	uint64_t	hr_avail;
	uint64_t	hr_used;
	uint16_t	hr_avail_idx;
	uint16_t	hr_used_idx;	/* next to be looked at */
	uint16_t	hr_kick_idx;	/* avail_idx when we last kicked */
	uint_t		hr_next_desc;
	uint_t		hr_out;		/* chains the host has */
	uint32_t	hr_msis;	/* that came */
} hv_ring_t;

typedef struct hv_guest {
	struct hv_guest	*hg_next;
	uint32_t	hg_cid;
	int		hg_instance;	/* of its kstats */
	fvm_t		*hg_vm;
	fk_file_t	*hg_dev;
	uint8_t		*hg_mem;	/* RAM, and the ROM behind it */
	int		hg_memfd;
	uint64_t	hg_brk;		/* of hv_alloc() ... */
	uint64_t	hg_brk0;	/* ... at first */
	uint64_t	hg_txbrk;	/* of what hv_queue() writes */
	boolean_t	hg_indirect;	/* hv_chain() makes tables */
	uint64_t	hg_features;
	hv_ring_t	hg_ring[3];
	uint_t		hg_nrx;		/* receive buffers, at first */
	boolean_t	hg_rxkeep;	/* hv_recv() does not post them again */
	uint32_t	hg_rxbuf;	/* size of receive buffers ... */
	uint32_t	hg_rxpiece;	/* ... in pieces of */
	uint64_t	hg_rxaddr[HV_QSIZE_MAX];	/* by head */
	/* What hv_pkt() says of our credit, and the type of the socket. */
	uint32_t	hg_buf_alloc;
	uint32_t	hg_fwd_cnt;
	uint16_t	hg_type;
} hv_guest_t;

/* A packet as it was received. */
typedef struct hv_packet {
	virtio_vsock_hdr_t p_hdr;
	uint8_t		p_data[VIRTIO_VSOCK_MAX_PAYLOAD];
} hv_packet_t;

/* Load the modules; and unload them, with nothing left. */
extern void hv_begin(void);
extern void hv_end(void);

/* A VM and its device; no features are set, no rings set up. */
extern hv_guest_t *hv_guest_create(uint32_t cid);
/* The same, by a program with these credentials, in their zone. */
extern hv_guest_t *hv_guest_create_as(uint32_t cid, struct cred *);
/* The same with features, and all rings set up and running. */
extern hv_guest_t *hv_guest_boot(uint32_t cid, uint64_t features);
/* Close the device, destroy the VM. */
extern void hv_guest_destroy(hv_guest_t *);

extern int hv_ioctl(hv_guest_t *, int cmd, intptr_t arg);
/* What a driver does: accept these features and set the rings up. */
extern void hv_driver_start(hv_guest_t *, uint64_t features);
extern int hv_ring_init(hv_guest_t *, uint_t ring);
extern uint32_t hv_intr(hv_guest_t *);
extern uint64_t hv_stat(hv_guest_t *, const char *name, const char *stat);
#define	HV_RINGS(g, stat)	hv_stat(g, "rings", stat)
#define	HV_PACKETS(g, stat)	hv_stat(g, "packets", stat)

/* Let the host run until it has nothing to do any more. */
#define	hv_settle()		fk_quiesce()

/*
 * Memory.  These are not seen by ThreadSanitizer: a guest needs no permission.
 */
extern uint64_t hv_alloc(hv_guest_t *, size_t);
/* For a packet: at any address, a different one every time, reused soon. */
extern uint64_t hv_txalloc(hv_guest_t *, size_t);
extern void hv_poke(hv_guest_t *, uint64_t gpa, const void *, size_t);
extern void hv_peek(hv_guest_t *, uint64_t gpa, void *, size_t);
extern void hv_poke16(hv_guest_t *, uint64_t gpa, uint16_t);
extern uint16_t hv_peek16(hv_guest_t *, uint64_t gpa);

/* Rings, from the bottom up. */
extern void hv_desc(hv_guest_t *, uint_t ring, uint_t i, uint64_t gpa,
    uint32_t len, uint16_t flags, uint16_t next);
extern void hv_avail(hv_guest_t *, uint_t ring, uint16_t head);
/* Notify the host, if it wants to be; or anyway. */
extern boolean_t hv_notify(hv_guest_t *, uint_t ring);
extern void hv_kick(hv_guest_t *, uint_t ring);
extern boolean_t hv_used(hv_guest_t *, uint_t ring, uint32_t *id,
    uint32_t *len);
/*
 * Make a chain of the `len' bytes at gpa, in pieces of these sizes (the last
 * one is repeated; npieces 0: one piece), and make it available.
 */
extern uint16_t hv_chain(hv_guest_t *, uint_t ring, uint64_t gpa, uint32_t len,
    const uint32_t *pieces, uint_t npieces);

/* Post receive buffers until there are `n' (hg_rxbuf, hg_rxpiece). */
extern void hv_rx_post(hv_guest_t *, uint_t n);

/* A header from gport to hport, with our credit. */
extern virtio_vsock_hdr_t hv_pkt(hv_guest_t *, uint16_t op, uint32_t gport,
    uint32_t hport);
/* Put a packet into the tx ring. */
extern void hv_queue(hv_guest_t *, const virtio_vsock_hdr_t *, const void *);
/* Notify, settle, and take back chains from the tx ring: how many. */
extern uint_t hv_reap(hv_guest_t *);
/* All of them must come back. */
extern void hv_flush(hv_guest_t *);
extern void hv_send(hv_guest_t *, const virtio_vsock_hdr_t *, const void *);
extern void hv_send_op(hv_guest_t *, uint16_t op, uint32_t gport,
    uint32_t hport);
/* Of hg_type SEQPACKET, it is a record. */
extern void hv_send_data(hv_guest_t *, uint32_t gport, uint32_t hport,
    const void *, uint32_t len);

/* The next packet from the host; its buffer is posted again. */
extern boolean_t hv_recv(hv_guest_t *, hv_packet_t *);
/* It must be this one; its header. */
extern virtio_vsock_hdr_t hv_expect(hv_guest_t *, uint16_t op, uint32_t gport,
    uint32_t hport);
extern void hv_expect_none(hv_guest_t *);
/* Receive `len' bytes of data, in however many packets, and compare. */
extern void hv_expect_data(hv_guest_t *, uint32_t gport, uint32_t hport,
    const void *, size_t len);

/* A piece of a record; flags: VIRTIO_VSOCK_SEQ_*. */
extern void hv_send_piece(hv_guest_t *, uint32_t gport, uint32_t hport,
    const void *, uint32_t len, uint32_t flags);
/* Receive a record, in however many packets; these are the last one's flags. */
extern void hv_expect_record(hv_guest_t *, uint32_t gport, uint32_t hport,
    const void *, size_t len, uint32_t flags);

/* The host's side: sockets that never block, of this type (SOCK_STREAM). */
extern int hv_socktype;
extern fsk_file_t *hv_listen(uint32_t port, int backlog);
extern fsk_file_t *hv_accept(fsk_file_t *);
extern fsk_file_t *hv_connect(uint32_t cid, uint32_t port);
/* The port that the socket has here. */
extern uint32_t hv_port(fsk_file_t *);
extern void hv_read(fsk_file_t *, const void *, size_t);
extern void hv_write(fsk_file_t *, const void *, size_t);
/* Read a record; with MSG_EOR or not. */
extern void hv_read_record(fsk_file_t *, const void *, size_t, boolean_t eor);
/* Read: this errno; EOF is 0. */
extern void hv_read_end(fsk_file_t *, int error);

/* The guest connects to a listener: both ends are ready. */
extern fsk_file_t *hv_open(hv_guest_t *, fsk_file_t *listener, uint32_t gport,
    uint32_t hport);
/* Both ends can still talk: a few bytes go there and back. */
extern void hv_check_alive(hv_guest_t *, fsk_file_t *, uint32_t gport,
    uint32_t hport);

#endif	/* _HV_GUEST_H */
