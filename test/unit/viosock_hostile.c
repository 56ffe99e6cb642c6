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
 * viosock: a host that does what it should not.  What is wrong is counted, and
 * costs no more than the connection it happens to, if any.
 */

#include <sys/kmem.h>
#include <sys/param.h>
#include <sys/sysmacros.h>
#include "viosock_host.h"
#include "ktest.h"

#define	GPORT	100
#define	HPORT	5000

#define	OP(x)	VIRTIO_VSOCK_OP_##x

/* A host, a listener, and a connection that must survive. */
typedef struct vev {
	vh_host_t	*v_host;
	fsk_file_t	*v_listener;
	fsk_file_t	*v_sock;
	uint64_t	v_bytes;	/* memory in use */
} vev_t;

static vh_host_t *
vev_begin(vev_t *v)
{
	uint64_t allocs;

	v->v_host = vh_boot();
	v->v_listener = hv_listen(GPORT, 5);
	v->v_sock = vh_open(v->v_host, v->v_listener, HPORT, GPORT);
	vh_check_alive(v->v_host, v->v_sock, HPORT, GPORT);
	fk_kmem_usage(&v->v_bytes, &allocs);
	return (v->v_host);
}

static void
vev_end(vev_t *v)
{
	vh_host_t *h = v->v_host;
	uint64_t bytes, allocs;

	vh_expect_none(h);
	vh_check_alive(h, v->v_sock, HPORT, GPORT);
	vh_check_new(h);
	/* No buffer got lost, nor anything else. */
	VERIFY3U(fvio_vq_avail(&h->vh_vq[VH_RX]), ==, VH_RXBUFS);
	VERIFY3U(fvio_vq_avail(&h->vh_vq[VH_EV]), ==, 8);
	VERIFY0(fvio_broken(h->vh_dev));
	fk_kmem_usage(&bytes, &allocs);
	VERIFY3U(bytes, <, v->v_bytes + 65536);
	VERIFY0(fsk_close(v->v_sock));
	VERIFY0(fsk_close(v->v_listener));
	vh_halt(h);
}

/* A second connection for each case, which may die. */
KTEST(viosock_rx_lengths)
{
	static const struct {
		uint32_t used;		/* what the device says */
		uint32_t len;		/* what the header says */
		const char *kstat;
		const char *stat;
		boolean_t dies;
	} cases[] = {
		{ 0, 0, "rings", "rx_short", B_FALSE },
		{ 1, 0, "rings", "rx_short", B_FALSE },
		{ 43, 0, "rings", "rx_short", B_FALSE },
		{ 44, 1, "packets", "bad_len", B_TRUE },
		{ 45, 2, "packets", "bad_len", B_TRUE },
		{ 4096, 4053, "packets", "bad_len", B_TRUE },
		{ VH_RXSIZE, 0x10001, "packets", "bad_len", B_TRUE },
		{ 4096, 0x10000, "packets", "bad_len", B_TRUE },
		{ 4096, 0x7fffffff, "packets", "bad_len", B_TRUE },
		{ 4096, 0xffffffff, "packets", "bad_len", B_TRUE },
		{ 4096, 0xffffffd4, "packets", "bad_len", B_TRUE },
		{ VH_RXSIZE + 1, 0x10001, "packets", "bad_len", B_TRUE },
		{ VH_RXSIZE + 1, 4, "rings", "rx_long", B_FALSE },
		{ 0x20000, 4052, "rings", "rx_long", B_FALSE },
		{ 0x80000000, 4, "rings", "rx_long", B_FALSE },
		{ 0xffffffff, 4, "rings", "rx_long", B_FALSE },
		{ 0xffffffff, 0xffffffff, "packets", "bad_len", B_TRUE },
		/* More than is needed is fine. */
		{ 4096, 4, "packets", "rx_rw", B_FALSE }
	};
	vev_t v;
	vh_host_t *h = vev_begin(&v);
	uint8_t *buf = kmem_zalloc(4096, KM_SLEEP);

	for (uint_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fsk_file_t *f = vh_open(h, v.v_listener, HPORT + 1, GPORT);
		virtio_vsock_hdr_t hdr = vh_pkt(h, OP(RW), HPORT + 1, GPORT);
		uint64_t before = vh_stat(cases[i].kstat, cases[i].stat);

		hdr.vvh_len = cases[i].len;
		bcopy(&hdr, buf, sizeof (hdr));
		VERIFY(vh_queue_raw(h, buf, 4096, cases[i].used));
		vh_intr(h, VH_RX);
		VERIFY3U(vh_stat(cases[i].kstat, cases[i].stat), ==,
		    before + 1);
		if (cases[i].dies) {
			(void) vh_expect(h, OP(RST), HPORT + 1, GPORT);
			hv_read_end(f, EPROTO);
		} else {
			if (cases[i].len != 0) {
				hv_read(f, buf + VIRTIO_VSOCK_HDR_SIZE,
				    cases[i].len);
			}
			hv_read_end(f, EWOULDBLOCK);
			vh_send_op(h, OP(RST), HPORT + 1, GPORT);
		}
		VERIFY0(fsk_close(f));
		vh_expect_none(h);
	}
	kmem_free(buf, 4096);
	vev_end(&v);
}

/* A header of random bytes, many times. */
KTEST(viosock_rx_garbage)
{
	vev_t v;
	vh_host_t *h = vev_begin(&v);
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);
	uint8_t buf[256];
	uint32_t x = 12345;

	for (uint_t i = 0; i < 2000; i++) {
		virtio_vsock_hdr_t *hdr = (virtio_vsock_hdr_t *)buf;

		for (uint_t j = 0; j < sizeof (buf); j++) {
			x = x * 1103515245 + 12345;
			buf[j] = (uint8_t)(x >> 16);
		}
		/* Now and then, something that gets a little further. */
		if (i % 2 == 0) {
			hdr->vvh_src_cid = VMADDR_CID_HOST;
			hdr->vvh_dst_cid = VH_CID;
		}
		if (i % 4 == 0)
			hdr->vvh_len %= 256;
		if (i % 6 == 0)
			hdr->vvh_type = VIRTIO_VSOCK_TYPE_STREAM;
		if (i % 12 == 0)
			hdr->vvh_op %= 8;
		VERIFY(vh_queue_raw(h, buf, sizeof (buf), x % 300));
		vh_intr(h, VH_RX);
		while (vh_recv(h, p))
			VERIFY3U(p->p_hdr.vvh_op, ==, OP(RST));
	}
	kmem_free(p, sizeof (*p));
	vev_end(&v);
}

/* For somebody else, or from somebody else. */
KTEST(viosock_rx_cids)
{
	static const struct {
		uint64_t src;
		uint64_t dst;
		const char *stat;
		boolean_t answer;
	} cases[] = {
		{ 2, 2, "bad_dst_cid", B_TRUE },
		{ 2, 1, "bad_dst_cid", B_TRUE },
		{ 2, 8, "bad_dst_cid", B_TRUE },
		{ 2, 0xffffffff, "bad_dst_cid", B_TRUE },
		{ 0, 8, "bad_dst_cid", B_TRUE },
		{ 1, VH_CID, "bad_src_cid", B_TRUE },
		{ 3, VH_CID, "bad_src_cid", B_TRUE },
		{ VH_CID, VH_CID, "bad_src_cid", B_TRUE },
		{ 0xffffffff, VH_CID, "bad_src_cid", B_TRUE },
		{ 0x100000002, VH_CID, "bad_cid_bits", B_FALSE },
		{ 2, 0x100000000 | VH_CID, "bad_cid_bits", B_FALSE },
		{ 0x8000000000000000, VH_CID, "bad_cid_bits", B_FALSE }
	};
	static const uint16_t ops[] = {
		OP(REQUEST), OP(RESPONSE), OP(RST), OP(SHUTDOWN), OP(RW),
		OP(CREDIT_UPDATE)
	};
	vev_t v;
	vh_host_t *h = vev_begin(&v);
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);

	for (uint_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (uint_t j = 0; j < ARRAY_SIZE(ops); j++) {
			uint64_t before = VH_PACKETS(cases[i].stat);
			virtio_vsock_hdr_t hdr;

			hdr = vh_pkt(h, ops[j], HPORT, GPORT);
			hdr.vvh_src_cid = cases[i].src;
			hdr.vvh_dst_cid = cases[i].dst;
			hdr.vvh_buf_alloc = 0;
			hdr.vvh_flags = 3;
			hdr.vvh_len = (ops[j] == OP(RW)) ? 3 : 0;
			vh_send(h, &hdr, "bad");
			VERIFY3U(VH_PACKETS(cases[i].stat), ==, before + 1);
			if (!cases[i].answer || ops[j] == OP(RST)) {
				vh_expect_none(h);
				continue;
			}
			VERIFY(vh_recv(h, p));
			VERIFY3U(p->p_hdr.vvh_op, ==, OP(RST));
			VERIFY3U(p->p_hdr.vvh_dst_cid, ==, cases[i].src);
			VERIFY3U(p->p_hdr.vvh_dst_port, ==, HPORT);
		}
	}
	kmem_free(p, sizeof (*p));
	vev_end(&v);
}

/*
 * Credit for what was never sent: nothing is, until it makes sense again.
 * Credit that is taken back: so much less is sent.
 */
KTEST(viosock_rx_credit)
{
	static const uint32_t fwd[] = { 0x80000000, 0x7fffffff, 100, 1000000 };
	vev_t v;
	vh_host_t *h = vev_begin(&v);
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);
	uint32_t good = h->vh_buf_alloc;

	for (uint_t i = 0; i < ARRAY_SIZE(fwd); i++) {
		uint64_t before = VH_PACKETS("bad_credit");

		h->vh_fwd_cnt = fwd[i];
		vh_send_op(h, OP(CREDIT_UPDATE), HPORT, GPORT);
		VERIFY3U(VH_PACKETS("bad_credit"), >, before);
		hv_write(v.v_sock, "x", 1);
		vh_expect_none(h);
		h->vh_fwd_cnt = 4 + i;
		vh_send_op(h, OP(CREDIT_UPDATE), HPORT, GPORT);
		vh_expect_data(h, HPORT, GPORT, "x", 1);
	}
	h->vh_fwd_cnt = 0x100000000 - good;
	vh_send_op(h, OP(CREDIT_UPDATE), HPORT, GPORT);
	hv_write(v.v_sock, "x", 1);
	vh_expect_none(h);
	h->vh_fwd_cnt = 0;
	vh_send_op(h, OP(CREDIT_UPDATE), HPORT, GPORT);
	vh_expect_data(h, HPORT, GPORT, "x", 1);
	/* A buffer smaller than what is under way, or none. */
	for (uint_t i = 0; i < 3; i++) {
		h->vh_fwd_cnt = 4;
		h->vh_buf_alloc = i;
		vh_send_op(h, OP(CREDIT_UPDATE), HPORT, GPORT);
		VERIFY0(fsk_poll(v.v_sock, POLLOUT) & POLLERR);
		h->vh_buf_alloc = good;
		vh_send_op(h, OP(CREDIT_UPDATE), HPORT, GPORT);
		vh_check_alive(h, v.v_sock, HPORT, GPORT);
	}
	/* It sends more than it may. */
	fsk_file_t *f = vh_open(h, v.v_listener, HPORT + 1, GPORT);
	uint32_t total = 0;

	h->vh_fwd_cnt = 0;
	while (VH_PACKETS("over_credit") == 0) {
		vh_send_data(h, HPORT + 1, GPORT, p->p_data, 4000);
		total += 4000;
		VERIFY3U(total, <, 16 << 20);
	}
	(void) vh_expect(h, OP(RST), HPORT + 1, GPORT);
	VERIFY0(fsk_close(f));
	kmem_free(p, sizeof (*p));
	vev_end(&v);
}

/*
 * Floods: of packets that carry nothing, of single bytes that nobody reads, of
 * RSTs, of requests.  Memory has a bound, others are served.
 */
KTEST(viosock_rx_floods)
{
	vev_t v;
	vh_host_t *h = vev_begin(&v);
	hv_packet_t *p = kmem_zalloc(sizeof (*p), KM_SLEEP);
	fsk_file_t *f = vh_open(h, v.v_listener, HPORT + 1, GPORT);
	uint64_t bytes, allocs;
	virtio_vsock_hdr_t hdr;

	for (uint_t op = 0; op < 4; op++) {
		hdr = vh_pkt(h, OP(RW), HPORT + 1, GPORT);
		if (op == 1)
			hdr.vvh_len = 1;
		if (op == 2)
			hdr.vvh_op = OP(RST);
		if (op == 3)
			hdr.vvh_op = OP(REQUEST);
		for (uint_t i = 0; i < 20000; i++) {
			if (op >= 2)
				hdr.vvh_src_port = 10000 + i;
			if (vh_queue(h, &hdr, p->p_data))
				continue;
			/* Full: let it work. */
			vh_intr(h, VH_RX);
			while (vh_recv(h, p))
				continue;
			bzero(p->p_data, 1);
		}
		vh_intr(h, VH_RX);
		while (vh_recv(h, p))
			continue;
		bzero(p->p_data, 1);
		fk_kmem_usage(&bytes, &allocs);
		VERIFY3U(bytes, <, v.v_bytes + (1 << 20));
		vh_check_alive(h, v.v_sock, HPORT, GPORT);
	}
	VERIFY3U(VH_PACKETS("empty_data"), >, 15000);
	VERIFY3U(VH_PACKETS("rst_no_conn"), >, 15000);
	VERIFY3U(VH_PACKETS("refused"), >, 15000);
	VERIFY0(VH_PACKETS("over_credit"));
	vh_send_op(h, OP(RST), HPORT + 1, GPORT);
	VERIFY0(fsk_close(f));
	/* Those that were let in. */
	while (fsk_accept(v.v_listener, NULL, NULL, &f) == 0)
		VERIFY0(fsk_close(f));
	while (vh_recv(h, p)) {
		if (p->p_hdr.vvh_op == OP(SHUTDOWN)) {
			vh_send_op(h, OP(RST), p->p_hdr.vvh_dst_port,
			    p->p_hdr.vvh_src_port);
		}
	}
	kmem_free(p, sizeof (*p));
	vev_end(&v);
}

/* Events of unknown kinds and sizes, and more of them than there are buffers */
KTEST(viosock_events)
{
	static const struct {
		uint32_t id;
		uint32_t used;
		const char *stat;
	} cases[] = {
		{ 1, 4, "event_unknown" },
		{ 0xffffffff, 4, "event_unknown" },
		{ 0x80000000, 4, "event_unknown" },
		{ 0, 0, "event_bad_len" },
		{ 0, 3, "event_bad_len" },
		{ 0, 5, "event_bad_len" },
		{ 0, 0xffffffff, "event_bad_len" }
	};
	vev_t v;
	vh_host_t *h = vev_begin(&v);

	for (uint_t i = 0; i < 20 * ARRAY_SIZE(cases); i++) {
		uint_t c = i % ARRAY_SIZE(cases);
		uint64_t before = VH_RINGS(cases[c].stat);

		vh_event(h, cases[c].id, cases[c].used);
		VERIFY3U(VH_RINGS(cases[c].stat), ==, before + 1);
	}
	VERIFY0(VH_RINGS("resets"));
	VERIFY3U(VH_RINGS("events"), ==, 20 * ARRAY_SIZE(cases));

	/* A hundred resets: the connection dies, once. */
	for (uint_t i = 0; i < 100; i++)
		vh_event(h, VIRTIO_VSOCK_EVENT_RESET, 4);
	VERIFY3U(VH_RINGS("resets"), ==, 100);
	hv_read_end(v.v_sock, ECONNRESET);
	VERIFY0(fsk_close(v.v_sock));
	v.v_sock = vh_open(h, v.v_listener, HPORT, GPORT);
	vev_end(&v);
}

/*
 * Used rings in which no sense can be made.  The framework breaks the queue;
 * the driver lives on without it, its sockets can be closed, and it detaches.
 */
KTEST(viosock_bad_used)
{
	for (uint_t queue = 0; queue < FVIO_QUEUES; queue++) {
		for (uint_t what = 0; what < 5; what++) {
			vev_t v;
			vh_host_t *h = vev_begin(&v);
			fvio_vq_t *vq = &h->vh_vq[queue];
			uint16_t slot = vq->fq_used_idx % VH_QSIZE;
			fsk_file_t *f;
			size_t n;

			switch (what) {
			case 0:		/* never submitted */
				fvio_vq_set_used(vq, slot, VH_QSIZE - 1, 44);
				if (queue == VH_RX)
					fvio_vq_set_used(vq, slot, VH_QSIZE,
					    44);
				fvio_vq_set_used_idx(vq, vq->fq_used_idx + 1);
				break;
			case 1:		/* beyond the ring */
				fvio_vq_set_used(vq, slot, 0x10000, 44);
				fvio_vq_set_used_idx(vq, vq->fq_used_idx + 1);
				break;
			case 2:
				fvio_vq_set_used(vq, slot, 0xffffffff, 44);
				fvio_vq_set_used_idx(vq, vq->fq_used_idx + 1);
				break;
			case 3:		/* jumps: old entries make sense */
				fvio_vq_set_used_idx(vq, vq->fq_used_idx +
				    30000);
				break;
			case 4:		/* ... or back */
				fvio_vq_set_used_idx(vq, vq->fq_used_idx - 1);
				break;
			}
			fvio_interrupt(h->vh_dev, queue);
			hv_settle();
			/* Transmit buffers are looked at when there is need. */
			hv_write(v.v_sock, "x", 1);
			hv_settle();
			if (what < 3) {
				VERIFY3U(fvio_broken(h->vh_dev), ==,
				    1U << queue);
			}
			(void) fsk_send(v.v_sock, "more", 4, 0, &n);
			fk_time_advance(1000 * 1000000ULL);
			hv_settle();
			f = hv_connect(VMADDR_CID_HOST, HPORT + 1);
			fk_time_advance(20 * 1000000000ULL);
			hv_settle();
			VERIFY0(fsk_close(f));
			VERIFY0(fsk_close(v.v_sock));
			VERIFY0(fsk_close(v.v_listener));
			fk_time_advance(20 * 1000000000ULL);
			vh_halt(h);
		}
	}
}
