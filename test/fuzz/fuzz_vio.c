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
 * viosock and a host that does what it likes: with the rings, the lengths it
 * claims to have written, packets, events and its configuration.  Afterwards
 * the driver can be attached anew and works.
 */

#include <sys/kmem.h>
#include <sys/param.h>
#include <sys/sysmacros.h>
#include <fktest.h>
#include "../unit/viosock_host.h"
#include "fuzz.h"

#define	GPORT		1000
#define	HPORT		5000
#define	SOCKS		8
#define	OPS		400

/*
 * The device has lied about what it used, and so can't know any more what is
 * there to be used.
 */
static boolean_t lied[FVIO_QUEUES];

void
fuzz_init(void)
{
	vh_begin();
}

void
fuzz_fini(void)
{
	vh_end();
}

/* A packet as it should be, but for a few fields and for what is told of it. */
static void
fuzz_packet(fuzz_t *fz, vh_host_t *h)
{
	uint8_t what = fuzz_byte(fz), buf[4096] = { 0 };
	virtio_vsock_hdr_t hdr = vh_pkt(h, fuzz_below(fz, 10),
	    HPORT + (what & 3), GPORT + (what >> 2 & 1));
	uint32_t len, used;

	if ((what & 0x10) != 0)
		hdr.vvh_len = fuzz_edge(fz);
	else if (hdr.vvh_op == VIRTIO_VSOCK_OP_RW)
		hdr.vvh_len = fuzz_byte(fz) * 15;
	if ((what & 0x20) != 0)
		hdr.vvh_flags = fuzz_edge(fz);
	if ((what & 0x40) != 0) {
		hdr.vvh_buf_alloc = fuzz_edge(fz);
		hdr.vvh_fwd_cnt = fuzz_edge(fz);
	}
	if (what >= 0xf0) {
		hdr.vvh_type = fuzz_byte(fz);
		hdr.vvh_src_cid = fuzz_u64(fz);
		hdr.vvh_dst_cid = fuzz_edge(fz);
	} else if (what >= 0xa0) {
		hdr.vvh_type = VIRTIO_VSOCK_TYPE_SEQPACKET;
	}
	len = used = VIRTIO_VSOCK_HDR_SIZE + MIN(hdr.vvh_len,
	    sizeof (buf) - VIRTIO_VSOCK_HDR_SIZE);
	if ((what & 0x80) != 0 && (what & 8) != 0)
		used = fuzz_edge(fz);
	bcopy(&hdr, buf, VIRTIO_VSOCK_HDR_SIZE);
	if (!lied[VH_RX])
		(void) vh_queue_raw(h, buf, len, used);
}

/* What was sent is taken, or not. */
static void
fuzz_take(fuzz_t *fz, vh_host_t *h)
{
	fvio_elem_t *fe = kmem_alloc(sizeof (*fe), KM_SLEEP);

	for (uint_t n = fuzz_below(fz, 32); n > 0; n--) {
		if (lied[VH_TX] || !fvio_vq_pop(&h->vh_vq[VH_TX], fe))
			break;
		fvio_vq_push(&h->vh_vq[VH_TX], fe->fe_id,
		    fuzz_below(fz, 8) == 0 ? fuzz_edge(fz) : 0);
	}
	kmem_free(fe, sizeof (*fe));
}

static void
fuzz_event(fuzz_t *fz, vh_host_t *h)
{
	virtio_vsock_event_t event = { .vve_id = fuzz_below(fz, 2) };
	fvio_elem_t *fe = kmem_alloc(sizeof (*fe), KM_SLEEP);

	if (!lied[VH_EV] && fvio_vq_pop(&h->vh_vq[VH_EV], fe)) {
		(void) fvio_elem_write(fe, 0, &event, sizeof (event));
		fvio_vq_push(&h->vh_vq[VH_EV], fe->fe_id,
		    fuzz_below(fz, 4) == 0 ? fuzz_edge(fz) : sizeof (event));
	}
	kmem_free(fe, sizeof (*fe));
}

static void
fuzz_ring(fuzz_t *fz, vh_host_t *h)
{
	uint_t queue = fuzz_below(fz, FVIO_QUEUES);
	fvio_vq_t *vq = &h->vh_vq[queue];
	uint32_t id;

	switch (fuzz_below(fz, 4)) {
	case 0:
		lied[queue] = B_TRUE;
		fvio_vq_set_used_idx(vq, fuzz_u16(fz));
		break;
	case 1:
		id = fuzz_edge(fz);
		fvio_vq_set_used(vq, fuzz_byte(fz) % VH_QSIZE, id,
		    fuzz_edge(fz));
		break;
	case 2:
		lied[queue] = B_TRUE;
		fvio_vq_push(vq, fuzz_byte(fz), fuzz_edge(fz));
		break;
	default:
		fvio_vq_no_notify(vq, fuzz_below(fz, 2) != 0);
		break;
	}
}

static void
fuzz_socket(fuzz_t *fz, fsk_file_t *l, fsk_file_t **socks)
{
	fsk_file_t **sp = &socks[fuzz_below(fz, SOCKS)];
	struct sockaddr_vm svm = {
		.svm_family	= AF_VSOCK,
		.svm_cid	= VMADDR_CID_HOST,
		.svm_port	= HPORT + fuzz_below(fz, 4)
	};
	uint8_t buf[4096] = { 0 };
	size_t n;

	if (*sp == NULL) {
		if (fuzz_below(fz, 2) == 0) {
			VERIFY0(fsk_socket(AF_VSOCK, SOCK_STREAM, 0, sp));
			fsk_set_nonblock(*sp, true);
			(void) fsk_connect(*sp, &svm, sizeof (svm));
		} else if (fsk_accept(l, NULL, NULL, sp) == 0) {
			fsk_set_nonblock(*sp, true);
		} else {
			*sp = NULL;
		}
		return;
	}
	switch (fuzz_below(fz, 4)) {
	case 0:
		(void) fsk_send(*sp, buf, fuzz_u16(fz) % sizeof (buf), 0, &n);
		break;
	case 1:
		(void) fsk_recv(*sp, buf, fuzz_u16(fz) % sizeof (buf), 0, &n);
		break;
	case 2:
		(void) fsk_shutdown(*sp, fuzz_below(fz, 3));
		break;
	default:
		VERIFY0(fsk_close(*sp));
		*sp = NULL;
		break;
	}
}

void
fuzz_one(fuzz_t *fz)
{
	vh_host_t *h = vh_create(VH_INSTANCE, 0);
	fsk_file_t *l = hv_listen(GPORT, 3);
	fsk_file_t *socks[SOCKS] = { NULL };
	boolean_t attached;
	uint_t ops = 0;

	bzero(lied, sizeof (lied));
	h->vh_offer = fuzz_byte(fz) & 7;
	if (fuzz_below(fz, 4) != 0)
		h->vh_offer |= VH_FEATURES | FVIO_F_VERSION_1;
	if (fuzz_below(fz, 8) == 0)
		h->vh_cid = fuzz_edge(fz);
	attached = (fvio_attach(h->vh_dev) == 0);
	hv_settle();
	while (attached && fuzz_more(fz) && ops++ < OPS) {
		switch (fuzz_below(fz, 16)) {
		case 0:
			fuzz_ring(fz, h);
			break;
		case 1: case 2: case 3: case 4: case 5:
			fuzz_packet(fz, h);
			break;
		case 6:
			fuzz_take(fz, h);
			break;
		case 7:
			fuzz_event(fz, h);
			break;
		case 8: case 9:
			fvio_raise(h->vh_dev, fuzz_below(fz, FVIO_QUEUES + 1));
			break;
		case 10:
			hv_settle();
			break;
		case 11: case 12:
			fuzz_socket(fz, l, socks);
			break;
		case 13:
			switch (fuzz_below(fz, 8)) {
			case 0:
				h->vh_cid = fuzz_u64(fz);
				fvio_raise(h->vh_dev, FVIO_CONFIG);
				break;
			case 1:
				fk_fail_nth(1 + fuzz_below(fz, 16));
				break;
			case 2:
				fk_time_advance(fuzz_byte(fz) * 20 *
				    (NANOSEC / MILLISEC));
				break;
			case 3:
				attached = (fvio_detach(h->vh_dev) != 0);
				break;
			case 4:
				h->vh_cid = VH_CID;
				break;
			default:
				break;
			}
			break;
		default:
			fvio_raise(h->vh_dev, VH_RX);
			hv_settle();
			break;
		}
	}
	fk_fail_nth(0);
	hv_settle();
	for (uint_t i = 0; i < SOCKS; i++) {
		if (socks[i] != NULL)
			VERIFY0(fsk_close(socks[i]));
	}
	VERIFY0(fsk_close(l));
	if (attached)
		VERIFY0(fvio_detach(h->vh_dev));
	fk_time_advance(60ULL * NANOSEC);

	h->vh_offer = VH_FEATURES | FVIO_F_VERSION_1;
	h->vh_cid = VH_CID;
	VERIFY0(fvio_attach(h->vh_dev));
	hv_settle();
	vh_check_new(h);
	VERIFY0(fvio_detach(h->vh_dev));
	vh_destroy(h);
}
