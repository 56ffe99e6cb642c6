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
 * vsock_virtio: packets, credit, the states of a connection and the answers to
 * what should not have come; through vsockhv and a hand-made guest.
 */

#include <sys/kmem.h>
#include <sys/sysmacros.h>
#include "hv_guest.h"
#include "ktest.h"

#define	GPORT	5000
#define	HPORT	1234

#define	OP(x)	VIRTIO_VSOCK_OP_##x

/* A guest with one connection, a listener, and a second connection. */
typedef struct vio_setup {
	hv_guest_t	*v_guest;
	fsk_file_t	*v_listener;
	fsk_file_t	*v_sock;
	fsk_file_t	*v_other;
} vio_setup_t;

static hv_guest_t *
vio_begin(vio_setup_t *v)
{
	hv_begin();
	v->v_guest = hv_guest_boot(3, HV_F_VERSION_1 | HV_F_EVENT_IDX);
	v->v_listener = hv_listen(HPORT, 5);
	v->v_sock = hv_open(v->v_guest, v->v_listener, GPORT, HPORT);
	v->v_other = hv_open(v->v_guest, v->v_listener, GPORT + 1, HPORT);
	return (v->v_guest);
}

static void
vio_end(vio_setup_t *v)
{
	hv_expect_none(v->v_guest);
	hv_check_alive(v->v_guest, v->v_other, GPORT + 1, HPORT);
	VERIFY0(HV_RINGS(v->v_guest, "broken"));
	VERIFY0(fsk_close(v->v_sock));
	VERIFY0(fsk_close(v->v_other));
	VERIFY0(fsk_close(v->v_listener));
	hv_guest_destroy(v->v_guest);
	hv_end();
}

static void
vio_alive(vio_setup_t *v)
{
	hv_check_alive(v->v_guest, v->v_sock, GPORT, HPORT);
}

/* An unknown type is answered with an RST of that type, and harms nobody. */
KTEST(vio_bad_type)
{
	static const uint16_t types[] = { 0, 2, 3, 0xffff };
	virtio_vsock_hdr_t hdr;
	vio_setup_t v;
	hv_guest_t *g = vio_begin(&v);

	for (uint_t i = 0; i < ARRAY_SIZE(types); i++) {
		hdr = hv_pkt(g, OP(RW), GPORT, HPORT);
		hdr.vvh_type = types[i];
		hdr.vvh_len = 4;
		hv_send(g, &hdr, "evil");
		hdr = hv_expect(g, OP(RST), GPORT, HPORT);
		VERIFY3U(hdr.vvh_type, ==, types[i]);
		VERIFY0(hdr.vvh_buf_alloc);
		VERIFY0(hdr.vvh_fwd_cnt);
		/* But an RST is not. */
		hdr = hv_pkt(g, OP(RST), GPORT, HPORT);
		hdr.vvh_type = types[i];
		hv_send(g, &hdr, NULL);
		hv_expect_none(g);
	}
	VERIFY3U(HV_PACKETS(g, "bad_type"), ==, 2 * ARRAY_SIZE(types));
	vio_alive(&v);
	vio_end(&v);
}

/* An unknown op is dropped on a connection, refused elsewhere. */
KTEST(vio_bad_op)
{
	static const uint16_t ops[] = { 0, 8, 9, 0xffff };
	vio_setup_t v;
	hv_guest_t *g = vio_begin(&v);

	for (uint_t i = 0; i < ARRAY_SIZE(ops); i++) {
		hv_send_op(g, ops[i], GPORT, HPORT);
		hv_expect_none(g);
		hv_send_op(g, ops[i], GPORT + 2, HPORT);
		(void) hv_expect(g, OP(RST), GPORT + 2, HPORT);
	}
	VERIFY3U(HV_PACKETS(g, "bad_op"), ==, ARRAY_SIZE(ops));
	VERIFY3U(HV_PACKETS(g, "no_conn"), ==, ARRAY_SIZE(ops));
	vio_alive(&v);
	vio_end(&v);
}

KTEST(vio_bad_cid)
{
	static const struct {
		uint64_t src;
		uint64_t dst;
		const char *stat;
		boolean_t answer;
	} cases[] = {
		{ 4, 2, "bad_src_cid", B_TRUE },
		{ 2, 2, "bad_src_cid", B_TRUE },
		{ 1, 2, "bad_src_cid", B_TRUE },
		{ 0, 0, "bad_src_cid", B_TRUE },
		{ 0xffffffff, 2, "bad_src_cid", B_TRUE },
		{ 3, 3, "bad_dst_cid", B_TRUE },
		{ 3, 1, "bad_dst_cid", B_TRUE },
		{ 3, 0, "bad_dst_cid", B_TRUE },
		{ 3, 4, "bad_dst_cid", B_TRUE },
		{ 0x100000003, 2, "bad_cid_bits", B_FALSE },
		{ 3, 0x100000002, "bad_cid_bits", B_FALSE },
		{ 0x8000000000000003, 2, "bad_cid_bits", B_FALSE }
	};
	static const uint16_t ops[] = {
		OP(REQUEST), OP(RW), OP(RST), OP(SHUTDOWN), OP(CREDIT_UPDATE)
	};
	virtio_vsock_hdr_t hdr;
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);
	uint64_t before;
	vio_setup_t v;
	hv_guest_t *g = vio_begin(&v);

	for (uint_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (uint_t j = 0; j < ARRAY_SIZE(ops); j++) {
			before = HV_PACKETS(g, cases[i].stat);
			hdr = hv_pkt(g, ops[j], GPORT, HPORT);
			hdr.vvh_src_cid = cases[i].src;
			hdr.vvh_dst_cid = cases[i].dst;
			hdr.vvh_flags = (ops[j] == OP(SHUTDOWN)) ? 3 : 0;
			hdr.vvh_buf_alloc = 0;
			hdr.vvh_len = (ops[j] == OP(RW)) ? 3 : 0;
			hv_send(g, &hdr, "bad");
			VERIFY3U(HV_PACKETS(g, cases[i].stat), ==, before + 1);
			if (!cases[i].answer || ops[j] == OP(RST)) {
				hv_expect_none(g);
				continue;
			}
			VERIFY(hv_recv(g, p));
			VERIFY3U(p->p_hdr.vvh_op, ==, OP(RST));
			VERIFY3U(p->p_hdr.vvh_src_cid, ==, cases[i].dst);
			VERIFY3U(p->p_hdr.vvh_dst_cid, ==, cases[i].src);
			VERIFY3U(p->p_hdr.vvh_src_port, ==, HPORT);
			VERIFY3U(p->p_hdr.vvh_dst_port, ==, GPORT);
		}
	}
	vio_alive(&v);
	vio_end(&v);
	kmem_free(p, sizeof (*p));
}

/* What belongs to no connection is refused, but an RST. */
KTEST(vio_no_conn)
{
	vio_setup_t v;
	hv_guest_t *g = vio_begin(&v);
	virtio_vsock_hdr_t hdr;

	for (uint16_t op = OP(RESPONSE); op <= OP(CREDIT_REQUEST); op++) {
		hv_send_op(g, op, GPORT + 2, HPORT);
		if (op == OP(RST)) {
			hv_expect_none(g);
			continue;
		}
		hdr = hv_expect(g, OP(RST), GPORT + 2, HPORT);
		VERIFY0(hdr.vvh_buf_alloc);
		VERIFY0(hdr.vvh_fwd_cnt);
	}
	hv_send_data(g, GPORT + 2, HPORT, "data", 4);
	(void) hv_expect(g, OP(RST), GPORT + 2, HPORT);
	hv_send_data(g, GPORT, HPORT + 7, "data", 4);
	(void) hv_expect(g, OP(RST), GPORT, HPORT + 7);
	VERIFY3U(HV_PACKETS(g, "no_conn"), ==, 7);
	VERIFY3U(HV_PACKETS(g, "rst_no_conn"), ==, 1);
	vio_alive(&v);
	vio_end(&v);
}

/* What makes no sense on a connection is counted, and nothing else. */
KTEST(vio_duplicates)
{
	virtio_vsock_hdr_t hdr;
	vio_setup_t v;
	hv_guest_t *g = vio_begin(&v);

	/* Its credit is not believed either: data goes on. */
	hdr = hv_pkt(g, OP(REQUEST), GPORT, HPORT);
	hdr.vvh_buf_alloc = 0;
	hv_send(g, &hdr, NULL);
	hv_expect_none(g);
	vio_alive(&v);
	hdr.vvh_op = OP(RESPONSE);
	hv_send(g, &hdr, NULL);
	hv_expect_none(g);
	vio_alive(&v);
	VERIFY3U(HV_PACKETS(g, "dup_request"), ==, 1);
	VERIFY3U(HV_PACKETS(g, "dup_response"), ==, 1);

	hv_send_data(g, GPORT, HPORT, NULL, 0);
	VERIFY3U(HV_PACKETS(g, "empty_data"), ==, 1);
	hv_read_end(v.v_sock, EWOULDBLOCK);
	vio_alive(&v);

	/* After the end of the stream. */
	hdr = hv_pkt(g, OP(SHUTDOWN), GPORT, HPORT);
	hdr.vvh_flags = VIRTIO_VSOCK_SHUTDOWN_SEND;
	hv_send(g, &hdr, NULL);
	hv_send_data(g, GPORT, HPORT, "more", 4);
	VERIFY3U(HV_PACKETS(g, "data_after_shutdown"), ==, 1);
	hv_read_end(v.v_sock, 0);
	vio_end(&v);
}

/* Data beyond the credit ends the connection; up to it, it does not. */
KTEST(vio_over_credit)
{
	virtio_vsock_hdr_t hdr;
	vio_setup_t v;
	hv_guest_t *g = vio_begin(&v);
	uint8_t *data = kmem_zalloc(65536, KM_SLEEP);
	uint32_t left, port;
	fsk_file_t *f;

	f = hv_connect(3, 77);
	port = hv_port(f);
	hdr = hv_expect(g, OP(REQUEST), 77, port);
	hv_send_op(g, OP(RESPONSE), 77, port);
	for (left = hdr.vvh_buf_alloc; left != 0; ) {
		uint32_t n = MIN(left, 65536);

		hv_send_data(g, 77, port, data, n);
		left -= n;
	}
	hv_expect_none(g);
	VERIFY0(HV_PACKETS(g, "over_credit"));
	hv_send_data(g, 77, port, data, 1);
	VERIFY3U(HV_PACKETS(g, "over_credit"), ==, 1);
	(void) hv_expect(g, OP(RST), 77, port);
	/* What was within it can be read. */
	for (left = hdr.vvh_buf_alloc; left != 0; left -= MIN(left, 65536))
		hv_read(f, data, MIN(left, 65536));
	hv_read_end(f, ENOBUFS);
	VERIFY0(fsk_close(f));

	/* In one packet. */
	f = hv_connect(3, 77);
	port = hv_port(f);
	hdr = hv_expect(g, OP(REQUEST), 77, port);
	hv_send_op(g, OP(RESPONSE), 77, port);
	for (left = hdr.vvh_buf_alloc; left > 100; ) {
		uint32_t n = MIN(left - 100, 65536);

		hv_send_data(g, 77, port, data, n);
		left -= n;
	}
	hv_send_data(g, 77, port, data, 101);
	VERIFY3U(HV_PACKETS(g, "over_credit"), ==, 2);
	(void) hv_expect(g, OP(RST), 77, port);
	VERIFY0(fsk_close(f));
	kmem_free(data, 65536);
	vio_alive(&v);
	vio_end(&v);
}

/* Reading gives credit back, as often as needed. */
KTEST(vio_credit_returned)
{
	virtio_vsock_hdr_t hdr;
	vio_setup_t v;
	hv_guest_t *g = vio_begin(&v);
	uint8_t *data = kmem_zalloc(65536, KM_SLEEP);
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);
	uint32_t port, sent = 0, edge, total = 0;
	fsk_file_t *f;

	f = hv_connect(3, 77);
	port = hv_port(f);
	hdr = hv_expect(g, OP(REQUEST), 77, port);
	edge = hdr.vvh_buf_alloc;
	hv_send_op(g, OP(RESPONSE), 77, port);
	while (total < 8 * 1024 * 1024) {
		while (edge - sent >= 10000) {
			hv_send_data(g, 77, port, data, 10000);
			sent += 10000;
			hv_read(f, data, 10000);
			total += 10000;
		}
		VERIFY(hv_recv(g, p));
		VERIFY3U(p->p_hdr.vvh_op, ==, OP(CREDIT_UPDATE));
		VERIFY3U((uint32_t)(sent - p->p_hdr.vvh_fwd_cnt), <=,
		    p->p_hdr.vvh_buf_alloc);
		edge = p->p_hdr.vvh_fwd_cnt + p->p_hdr.vvh_buf_alloc;
	}
	VERIFY0(HV_PACKETS(g, "over_credit"));
	while (hv_recv(g, p))
		VERIFY3U(p->p_hdr.vvh_op, ==, OP(CREDIT_UPDATE));
	VERIFY0(fsk_close(f));
	(void) hv_expect(g, OP(SHUTDOWN), 77, port);
	hv_send_op(g, OP(RST), 77, port);
	kmem_free(p, sizeof (*p));
	kmem_free(data, 65536);
	vio_end(&v);
}

/*
 * A peer that never has more under way than its own buffer would hold (as
 * Linux does), which is smaller than ours, or becomes so, can always go on when
 * the application has read everything.
 */
KTEST(vio_peer_capped)
{
	static const uint32_t caps[] = { 1, 2, 500, 4096, 65536, 262144 };
	vio_setup_t v;
	hv_guest_t *g = vio_begin(&v);
	uint8_t *data = kmem_zalloc(65536, KM_SLEEP);
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);
	fsk_file_t *f;

	f = hv_open(g, v.v_listener, 77, HPORT);
	/* It grows: the peer does not care. */
	for (uint_t i = 0; i < 256; i++) {
		hv_send_data(g, 77, HPORT, data, 65536);
		hv_read(f, data, 65536);
		while (hv_recv(g, p))
			VERIFY3U(p->p_hdr.vvh_op, ==, OP(CREDIT_UPDATE));
	}
	VERIFY3U(p->p_hdr.vvh_buf_alloc, ==, 1 << 20);
	for (uint_t i = 0; i < 6 * ARRAY_SIZE(caps); i++) {
		uint32_t cap = caps[i % ARRAY_SIZE(caps)], sent, n;
		boolean_t told = B_FALSE;

		while (hv_recv(g, p))
			continue;
		g->hg_buf_alloc = cap;
		for (sent = 0; sent < cap; sent += n) {
			n = MIN(cap - sent, 65536);
			hv_send_data(g, 77, HPORT, data, n);
		}
		hv_settle();
		for (sent = 0; sent < cap; sent += n) {
			n = MIN(cap - sent, 65536);
			hv_read(f, data, n);
		}
		hv_settle();
		while (hv_recv(g, p)) {
			VERIFY3U(p->p_hdr.vvh_op, ==, OP(CREDIT_UPDATE));
			told = B_TRUE;
		}
		VERIFY(told);
	}
	VERIFY0(fsk_close(f));
	(void) hv_expect(g, OP(SHUTDOWN), 77, HPORT);
	hv_send_op(g, OP(RST), 77, HPORT);
	kmem_free(p, sizeof (*p));
	kmem_free(data, 65536);
	vio_end(&v);
}

/* Take data packets as long as there are any: how many bytes. */
static size_t
drain(hv_guest_t *g, uint_t *npackets)
{
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);
	size_t bytes = 0;
	uint_t n = 0;

	while (hv_recv(g, p)) {
		if (p->p_hdr.vvh_op != OP(RW))
			continue;
		bytes += p->p_hdr.vvh_len;
		n++;
	}
	kmem_free(p, sizeof (*p));
	if (npackets != NULL)
		*npackets = n;
	return (bytes);
}

static void
update(hv_guest_t *g, uint32_t gport, uint32_t hport, uint32_t buf_alloc,
    uint32_t fwd_cnt)
{
	virtio_vsock_hdr_t hdr = hv_pkt(g, OP(CREDIT_UPDATE), gport, hport);

	hdr.vvh_buf_alloc = buf_alloc;
	hdr.vvh_fwd_cnt = fwd_cnt;
	hv_send(g, &hdr, NULL);
}

/* The guest's credit is never exceeded, whatever it says. */
KTEST(vio_peer_credit)
{
	vio_setup_t v;
	hv_guest_t *g = vio_begin(&v);
	uint8_t *data = kmem_zalloc(65536, KM_SLEEP);
	fsk_file_t *f;
	size_t n;

	g->hg_buf_alloc = 4096;
	f = hv_open(g, v.v_listener, 80, HPORT);
	VERIFY0(fsk_send(f, data, 20000, 0, &n));
	VERIFY3U(n, ==, 20000);
	VERIFY3U(drain(g, NULL), ==, 4096);
	/* Full: until there is less than the guest has room for. */
	VERIFY3S(fsk_send(f, data, 1, 0, &n), ==, EWOULDBLOCK);

	update(g, 80, HPORT, 4096, 1000);
	VERIFY3U(drain(g, NULL), ==, 1000);
	/* Shrinks below what is under way; then back. */
	update(g, 80, HPORT, 100, 2000);
	VERIFY0(drain(g, NULL));
	update(g, 80, HPORT, 0, 5096);
	VERIFY0(drain(g, NULL));
	update(g, 80, HPORT, 4096, 5096);
	VERIFY3U(drain(g, NULL), ==, 4096);
	VERIFY0(HV_PACKETS(g, "bad_credit"));

	/* Backwards, and ahead of what was sent: no credit, counted. */
	update(g, 80, HPORT, 1 << 20, 5000);
	VERIFY3U(HV_PACKETS(g, "bad_credit"), ==, 1);
	n = drain(g, NULL);
	VERIFY3U(n, ==, 20000 - 4096 - 1000 - 4096);
	hv_write(f, data, 100);
	VERIFY3U(drain(g, NULL), ==, 100);
	update(g, 80, HPORT, 4096, 20101);
	VERIFY3U(HV_PACKETS(g, "bad_credit"), ==, 2);
	VERIFY0(fsk_send(f, data, 100, 0, &n));
	VERIFY0(drain(g, NULL));
	update(g, 80, HPORT, 0xffffffff, 20100 + 0x70000000);
	VERIFY0(drain(g, NULL));
	/* The truth helps, as does a window of any size. */
	update(g, 80, HPORT, 0xffffffff, 20100);
	VERIFY3U(drain(g, NULL), ==, 100);
	VERIFY0(fsk_send(f, data, 65536, 0, &n));
	VERIFY3U(drain(g, NULL), ==, n);

	VERIFY0(fsk_close(f));
	(void) hv_expect(g, OP(SHUTDOWN), 80, HPORT);
	hv_send_op(g, OP(RST), 80, HPORT);
	g->hg_buf_alloc = 65536;
	kmem_free(data, 65536);
	vio_alive(&v);
	vio_end(&v);
}

/* A writer that was stopped is woken up when there is room. */
KTEST(vio_writable)
{
	vio_setup_t v;
	hv_guest_t *g = vio_begin(&v);
	uint8_t *data = kmem_zalloc(65536, KM_SLEEP);
	size_t n, sent = 0, got = 0;
	fsk_file_t *f;

	f = hv_open(g, v.v_listener, 80, HPORT);
	for (uint_t round = 0; round < 50; round++) {
		while (fsk_send(f, data, 10000, 0, &n) == 0)
			sent += n;
		VERIFY0(fsk_poll(f, POLLOUT) & POLLOUT);
		VERIFY3U(sent - got, <=, 1024 * 1024);
		n = drain(g, NULL);
		VERIFY3U(n, <=, 65536);
		got += n;
		if (n == 0) {
			VERIFY3U(got, >, 0);
		}
		update(g, 80, HPORT, 65536, got);
		n = drain(g, NULL);
		got += n;
		update(g, 80, HPORT, 65536, got);
		while (sent != got) {
			n = drain(g, NULL);
			VERIFY3U(n, !=, 0);
			got += n;
			update(g, 80, HPORT, 65536, got);
		}
		VERIFY3S(fsk_poll(f, POLLOUT) & POLLOUT, ==, POLLOUT);
	}
	VERIFY0(fsk_close(f));
	(void) hv_expect(g, OP(SHUTDOWN), 80, HPORT);
	hv_send_op(g, OP(RST), 80, HPORT);
	kmem_free(data, 65536);
	vio_end(&v);
}

/*
 * Small writes: few packets under way, the rest gathered, and the guest asked
 * when only that holds it up.
 */
KTEST(vio_small_packets)
{
	vio_setup_t v;
	hv_guest_t *g = vio_begin(&v);
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);
	uint_t n, asked = 0, bytes = 0;

	hv_rx_post(g, HV_QSIZE);
	for (uint_t i = 0; i < 1000; i++) {
		hv_write(v.v_sock, "x", 1);
		if (i < 50)
			hv_settle();
	}
	for (n = 0; hv_recv(g, p); ) {
		if (p->p_hdr.vvh_op == OP(CREDIT_REQUEST)) {
			asked++;
			continue;
		}
		VERIFY3U(p->p_hdr.vvh_op, ==, OP(RW));
		bytes += p->p_hdr.vvh_len;
		n++;
	}
	/* One for every 2048 bytes of its 65536. */
	VERIFY3U(n, ==, 32);
	VERIFY3U(bytes, <, 1000);
	VERIFY3U(asked, ==, 1);

	/* The answer lets the rest go, in one piece. */
	update(g, GPORT, HPORT, 65536, bytes);
	VERIFY3U(drain(g, &n), ==, 1000 - bytes);
	VERIFY3U(n, ==, 1);
	update(g, GPORT, HPORT, 65536, 1000);

	/* What is large was never held up. */
	uint8_t *data = kmem_zalloc(65536, KM_SLEEP);
	hv_write(v.v_sock, data, 65536);
	VERIFY3U(drain(g, NULL), ==, 65536);
	kmem_free(data, 65536);
	kmem_free(p, sizeof (*p));
	vio_end(&v);
}

/*
 * The guest answers when it has consumed nothing yet, and does not tell when it
 * has: it is asked again.
 */
KTEST(vio_stuck)
{
	vio_setup_t v;
	hv_guest_t *g = vio_begin(&v);
	uint8_t *data = kmem_zalloc(65536 + 9, KM_SLEEP);
	size_t sent;
	uint_t n;

	hv_rx_post(g, HV_QSIZE);
	for (sent = 0; sent < 32; sent++) {
		hv_write(v.v_sock, "x", 1);
		VERIFY3U(drain(g, NULL), ==, 1);
	}
	/* One more is let go each period; it may wait for that. */
	for (; sent < 64; sent++) {
		hv_write(v.v_sock, "x", 1);
		(void) hv_expect(g, OP(CREDIT_REQUEST), GPORT, HPORT);
		update(g, GPORT, HPORT, 65536, 0);
		hv_expect_none(g);
		fk_time_advance(MSEC2NSEC(200));
		VERIFY3U(drain(g, NULL), ==, 1);
	}
	hv_write(v.v_sock, "yz", 2);
	(void) hv_expect(g, OP(CREDIT_REQUEST), GPORT, HPORT);
	update(g, GPORT, HPORT, 65536, 0);
	hv_expect_none(g);
	/* What was left of a period, and then one after the other. */
	fk_time_advance(MSEC2NSEC(100));
	hv_expect_none(g);
	for (n = 0; n < 3; n++) {
		fk_time_advance(MSEC2NSEC(100));
		(void) hv_expect(g, OP(CREDIT_REQUEST), GPORT, HPORT);
		hv_expect_none(g);
	}
	/* It has consumed something, but that is not enough: ask at once. */
	update(g, GPORT, HPORT, 65536, 1);
	(void) hv_expect(g, OP(CREDIT_REQUEST), GPORT, HPORT);
	update(g, GPORT, HPORT, 65536, 64);
	hv_expect_data(g, GPORT, HPORT, "yz", 2);
	update(g, GPORT, HPORT, 65536, 66);

	/* Likewise if it is bytes that we have no credit for. */
	hv_write(v.v_sock, data, 65536 + 9);
	VERIFY3U(drain(g, NULL), ==, 65536);
	hv_expect_none(g);
	fk_time_advance(MSEC2NSEC(200));
	(void) hv_expect(g, OP(CREDIT_REQUEST), GPORT, HPORT);
	update(g, GPORT, HPORT, 65536, 66 + 65536);
	VERIFY3U(drain(g, NULL), ==, 9);
	update(g, GPORT, HPORT, 65536, 66 + 65536 + 9);

	/* With nothing to send, nothing is asked. */
	fk_time_advance(NANOSEC);
	hv_expect_none(g);
	VERIFY0(fk_timeouts_pending());
	kmem_free(data, 65536 + 9);
	vio_end(&v);
}

/*
 * A guest that consumes nothing before it has all of a message (SO_RCVLOWAT),
 * which was written byte by byte: it gets it.
 */
KTEST(vio_small_unread)
{
	vio_setup_t v;
	hv_guest_t *g = vio_begin(&v);
	uint_t bytes;

	hv_rx_post(g, HV_QSIZE);
	for (uint_t i = 0; i < 1000; i++) {
		hv_write(v.v_sock, "x", 1);
		if (i < 50)
			hv_settle();
	}
	bytes = drain(g, NULL);
	VERIFY3U(bytes, <, 1000);
	update(g, GPORT, HPORT, 65536, 0);
	hv_expect_none(g);
	fk_time_advance(MSEC2NSEC(200));
	bytes += drain(g, NULL);
	VERIFY3U(bytes, ==, 1000);
	update(g, GPORT, HPORT, 65536, 1000);
	hv_expect_none(g);
	vio_end(&v);
}

/* A guest that has asked is told of the next byte that is consumed. */
KTEST(vio_starved)
{
	virtio_vsock_hdr_t hdr;
	vio_setup_t v;
	hv_guest_t *g = vio_begin(&v);

	hv_send_data(g, GPORT, HPORT, "0123456789", 10);
	hv_read(v.v_sock, "01", 2);
	hv_expect_none(g);
	hv_send_op(g, OP(CREDIT_REQUEST), GPORT, HPORT);
	hdr = hv_expect(g, OP(CREDIT_UPDATE), GPORT, HPORT);
	VERIFY3U(hdr.vvh_fwd_cnt, ==, 2);
	hv_expect_none(g);
	hv_read(v.v_sock, "2", 1);
	hdr = hv_expect(g, OP(CREDIT_UPDATE), GPORT, HPORT);
	VERIFY3U(hdr.vvh_fwd_cnt, ==, 3);
	hv_read(v.v_sock, "3456789", 7);
	hv_expect_none(g);
	hv_send_op(g, OP(CREDIT_REQUEST), GPORT, HPORT);
	hdr = hv_expect(g, OP(CREDIT_UPDATE), GPORT, HPORT);
	VERIFY3U(hdr.vvh_fwd_cnt, ==, 10);
	hv_expect_none(g);
	vio_end(&v);
}

/* A flood of CREDIT_REQUESTs costs one answer when nobody takes them. */
KTEST(vio_credit_request_flood)
{
	vio_setup_t v;
	hv_guest_t *g = vio_begin(&v);
	uint64_t before, after, allocs;
	uint32_t id, len;

	hv_send_op(g, OP(CREDIT_REQUEST), GPORT, HPORT);
	(void) hv_expect(g, OP(CREDIT_UPDATE), GPORT, HPORT);

	/* Fill up the rx ring. */
	for (uint_t i = 0; i < 8; i++)
		hv_send_op(g, OP(CREDIT_REQUEST), GPORT, HPORT);
	hv_send_op(g, OP(CREDIT_REQUEST), GPORT, HPORT);
	fk_kmem_usage(&before, &allocs);
	for (uint_t i = 0; i < 5000; i++)
		hv_send_op(g, OP(CREDIT_REQUEST), GPORT, HPORT);
	fk_kmem_usage(&after, &allocs);
	VERIFY3U(after, <=, before + 4096);
	for (uint_t i = 0; i < 8; i++) {
		VERIFY(hv_used(g, HV_RX, &id, &len));
		hv_avail(g, HV_RX, id);
	}
	(void) hv_notify(g, HV_RX);
	(void) hv_expect(g, OP(CREDIT_UPDATE), GPORT, HPORT);
	hv_expect_none(g);
	vio_end(&v);
}

/* While the host is connecting. */
KTEST(vio_connecting)
{
	static const uint16_t ops[] = {
		OP(REQUEST), OP(RW), OP(SHUTDOWN), OP(CREDIT_UPDATE),
		OP(CREDIT_REQUEST), 99
	};
	vio_setup_t v;
	hv_guest_t *g = vio_begin(&v);
	uint32_t port, len;
	int error;
	fsk_file_t *f;

	for (uint_t i = 0; i < ARRAY_SIZE(ops); i++) {
		f = hv_connect(3, 77);
		port = hv_port(f);
		(void) hv_expect(g, OP(REQUEST), 77, port);
		hv_send_op(g, ops[i], 77, port);
		(void) hv_expect(g, OP(RST), 77, port);
		len = sizeof (error);
		VERIFY0(fsk_getsockopt(f, SOL_SOCKET, SO_ERROR, &error, &len));
		VERIFY3S(error, ==, EPROTO);
		VERIFY0(fsk_close(f));
	}
	VERIFY3U(HV_PACKETS(g, "bad_state"), ==, ARRAY_SIZE(ops));

	/* INVALID is no answer; RST is. */
	f = hv_connect(3, 77);
	port = hv_port(f);
	(void) hv_expect(g, OP(REQUEST), 77, port);
	hv_send_op(g, OP(INVALID), 77, port);
	hv_expect_none(g);
	VERIFY3U(HV_PACKETS(g, "bad_op"), ==, 1);
	hv_send_op(g, OP(RST), 77, port);
	len = sizeof (error);
	VERIFY0(fsk_getsockopt(f, SOL_SOCKET, SO_ERROR, &error, &len));
	VERIFY3S(error, ==, ECONNRESET);
	VERIFY0(fsk_close(f));
	hv_expect_none(g);
	vio_end(&v);
}

/*
 * A REQUEST that was not sent yet: what comes for its ports means another
 * connection, and when it is given up the guest never hears of it.
 */
KTEST(vio_request_unsent)
{
	static const uint16_t ops[] = {
		OP(RST), OP(RW), OP(SHUTDOWN), OP(RESPONSE)
	};
	hv_guest_t *g;
	fsk_file_t *f;
	uint32_t port;

	hv_begin();
	g = hv_guest_create(3);
	g->hg_nrx = 0;
	hv_driver_start(g, HV_F_VERSION_1);
	f = hv_connect(3, 77);
	port = hv_port(f);
	for (uint_t i = 0; i < ARRAY_SIZE(ops); i++)
		hv_send_op(g, ops[i], 77, port);
	VERIFY3U(HV_PACKETS(g, "stale"), ==, ARRAY_SIZE(ops));
	hv_rx_post(g, 4);
	(void) hv_expect(g, OP(REQUEST), 77, port);
	hv_expect_none(g);
	hv_send_op(g, OP(RESPONSE), 77, port);
	hv_check_alive(g, f, 77, port);
	VERIFY0(fsk_close(f));
	hv_guest_destroy(g);

	g = hv_guest_create(3);
	g->hg_nrx = 0;
	hv_driver_start(g, HV_F_VERSION_1);
	for (uint_t i = 0; i < 100; i++) {
		f = hv_connect(3, 77);
		VERIFY0(fsk_close(f));
	}
	hv_rx_post(g, 8);
	hv_expect_none(g);
	hv_guest_destroy(g);
	hv_end();
}

/* SHUTDOWN: sticky bits, in any order, and what is no bit. */
KTEST(vio_shutdown_bits)
{
	static const struct {
		uint32_t first;
		uint32_t second;
	} pairs[] = {
		{ 1, 2 }, { 2, 1 }, { 3, 3 }, { 1, 3 }, { 2, 3 }
	};
	static const uint8_t zeros[5000];
	virtio_vsock_hdr_t hdr;
	vio_setup_t v;
	hv_guest_t *g = vio_begin(&v);
	fsk_file_t *f;
	size_t n;

	for (uint_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		f = hv_open(g, v.v_listener, 80, HPORT);
		hv_send_data(g, 80, HPORT, "tail", 4);
		hdr = hv_pkt(g, OP(SHUTDOWN), 80, HPORT);
		hdr.vvh_flags = pairs[i].first;
		hv_send(g, &hdr, NULL);
		if (pairs[i].first != 3) {
			hv_expect_none(g);
			if (pairs[i].first == 1) {
				VERIFY3S(fsk_send(f, "x", 1, MSG_NOSIGNAL, &n),
				    ==, EPIPE);
			}
			hdr.vvh_flags = pairs[i].second;
			hv_send(g, &hdr, NULL);
		}
		(void) hv_expect(g, OP(RST), 80, HPORT);
		/* The ports are free again, and the data is still there. */
		hv_send_op(g, OP(REQUEST), 80, HPORT);
		(void) hv_expect(g, OP(RESPONSE), 80, HPORT);
		hv_read(f, "tail", 4);
		hv_read_end(f, 0);
		VERIFY0(fsk_close(f));
		f = hv_accept(v.v_listener);
		hv_check_alive(g, f, 80, HPORT);
		hv_send_op(g, OP(RST), 80, HPORT);
		hv_read_end(f, ECONNRESET);
		VERIFY0(fsk_close(f));
	}

	/* What waits for a guest that will not receive is dropped. */
	g->hg_buf_alloc = 100;
	f = hv_open(g, v.v_listener, 80, HPORT);
	VERIFY0(fsk_send(f, zeros, sizeof (zeros), 0, &n));
	hv_expect_data(g, 80, HPORT, zeros, 100);
	hdr = hv_pkt(g, OP(SHUTDOWN), 80, HPORT);
	hdr.vvh_flags = VIRTIO_VSOCK_SHUTDOWN_RECEIVE;
	hv_send(g, &hdr, NULL);
	VERIFY0(fsk_close(f));
	(void) hv_expect(g, OP(SHUTDOWN), 80, HPORT);
	hv_send_op(g, OP(RST), 80, HPORT);
	g->hg_buf_alloc = 65536;

	VERIFY0(HV_PACKETS(g, "bad_flags"));
	hdr = hv_pkt(g, OP(SHUTDOWN), GPORT, HPORT);
	hv_send(g, &hdr, NULL);
	hdr.vvh_flags = 0xfffffffc;
	hv_send(g, &hdr, NULL);
	VERIFY3U(HV_PACKETS(g, "bad_flags"), ==, 2);
	hv_expect_none(g);
	vio_alive(&v);
	vio_end(&v);
}

/* After our own SHUTDOWN of both halves an RST is the good end. */
KTEST(vio_rst_ends)
{
	virtio_vsock_hdr_t hdr;
	vio_setup_t v;
	hv_guest_t *g = vio_begin(&v);
	uint8_t *data = kmem_zalloc(5000, KM_SLEEP);
	fsk_file_t *f;

	f = hv_open(g, v.v_listener, 80, HPORT);
	hdr = hv_pkt(g, OP(SHUTDOWN), 80, HPORT);
	hdr.vvh_flags = VIRTIO_VSOCK_SHUTDOWN_SEND;
	hv_send(g, &hdr, NULL);
	hv_send_op(g, OP(RST), 80, HPORT);
	hv_read_end(f, 0);
	VERIFY0(fsk_close(f));

	f = hv_open(g, v.v_listener, 80, HPORT);
	VERIFY0(fsk_shutdown(f, SHUT_RDWR));
	hdr = hv_expect(g, OP(SHUTDOWN), 80, HPORT);
	VERIFY3U(hdr.vvh_flags, ==, 3);
	hv_send_op(g, OP(RST), 80, HPORT);
	hv_read_end(f, 0);
	VERIFY0(fsk_close(f));

	/* Crossing SHUTDOWNs: both answer, neither is answered. */
	f = hv_open(g, v.v_listener, 80, HPORT);
	VERIFY0(fsk_close(f));
	hv_settle();
	hdr = hv_pkt(g, OP(SHUTDOWN), 80, HPORT);
	hdr.vvh_flags = 3;
	hv_send(g, &hdr, NULL);
	hv_send_op(g, OP(RST), 80, HPORT);
	(void) hv_expect(g, OP(SHUTDOWN), 80, HPORT);
	(void) hv_expect(g, OP(RST), 80, HPORT);
	hv_expect_none(g);
	VERIFY3U(HV_PACKETS(g, "rst_no_conn"), ==, 1);

	/* The last byte goes before the SHUTDOWN, however long it takes. */
	g->hg_buf_alloc = 4096;
	f = hv_open(g, v.v_listener, 80, HPORT);
	hv_write(f, data, 5000);
	VERIFY0(fsk_shutdown(f, SHUT_WR));
	hv_expect_data(g, 80, HPORT, data, 4096);
	hv_expect_none(g);
	update(g, 80, HPORT, 4096, 500);
	hv_expect_data(g, 80, HPORT, data, 500);
	hv_expect_none(g);
	update(g, 80, HPORT, 4096, 4096);
	hv_expect_data(g, 80, HPORT, data, 404);
	hdr = hv_expect(g, OP(SHUTDOWN), 80, HPORT);
	VERIFY3U(hdr.vvh_flags, ==, VIRTIO_VSOCK_SHUTDOWN_SEND);
	hv_send_op(g, OP(RST), 80, HPORT);
	hv_read_end(f, ECONNRESET);
	VERIFY0(fsk_close(f));
	g->hg_buf_alloc = 65536;
	kmem_free(data, 5000);
	vio_end(&v);
}

/*
 * Answers to one who is nobody are one as long as it waits: what is under way
 * to a connection that is no more doesn't use up the budget.  Otherwise two
 * systems that both have much of that under way would both stop receiving, and
 * never send what makes the other go on.
 */
KTEST(vio_answer_once)
{
	const uint_t n = 5 * HV_QSIZE;
	virtio_vsock_hdr_t hdr;
	hv_guest_t *g;

	hv_begin();
	g = hv_guest_create(3);
	g->hg_nrx = 0;
	hv_driver_start(g, HV_F_VERSION_1);
	hdr = hv_pkt(g, OP(RW), GPORT, HPORT);
	hdr.vvh_len = 4;
	for (uint_t i = 0; i < n; i++)
		hv_send(g, &hdr, "late");
	VERIFY3U(HV_PACKETS(g, "no_conn"), ==, n);
	VERIFY0(HV_PACKETS(g, "rx_stopped"));
	hv_send_op(g, OP(RW), GPORT, HPORT + 1);
	hv_rx_post(g, 8);
	(void) hv_expect(g, OP(RST), GPORT, HPORT);
	(void) hv_expect(g, OP(RST), GPORT, HPORT + 1);
	hv_expect_none(g);
	/* It has been said: the next time it is said again. */
	hv_send_op(g, OP(RW), GPORT, HPORT);
	(void) hv_expect(g, OP(RST), GPORT, HPORT);
	hv_expect_none(g);
	hv_guest_destroy(g);
	hv_end();
}

/*
 * N7, N8: with no room for answers the host stops taking packets, and no more;
 * with room it goes on.
 */
KTEST(vio_reply_budget)
{
	hv_guest_t *g;
	fsk_file_t *l, *f;
	virtio_vsock_hdr_t hdr;
	uint64_t before, after, allocs;
	uint_t sent = 0, answers = 0, accepted = 0;

	hv_begin();
	g = hv_guest_create(3);
	g->hg_nrx = 1;
	g->hg_rxkeep = B_TRUE;
	hv_driver_start(g, HV_F_VERSION_1 | HV_F_EVENT_IDX);
	l = hv_listen(HPORT, 5);
	f = hv_open(g, l, GPORT, HPORT);
	fk_kmem_usage(&before, &allocs);

	/* Refused requests, data for nobody, requests that are accepted. */
	for (uint_t i = 0; i < 3 * HV_QSIZE; i++) {
		hdr = hv_pkt(g, i % 3 == 0 ? OP(RW) : OP(REQUEST), 9000 + i,
		    HPORT + i % 2);
		if (g->hg_ring[HV_TX].hr_out == HV_QSIZE)
			(void) hv_reap(g);
		if (g->hg_ring[HV_TX].hr_out == HV_QSIZE)
			break;
		hv_queue(g, &hdr, NULL);
		sent++;
	}
	(void) hv_reap(g);
	VERIFY3U(g->hg_ring[HV_TX].hr_out, >, 0);
	VERIFY3U(HV_PACKETS(g, "rx_stopped"), ==, 1);
	VERIFY0(HV_PACKETS(g, "rst_lost"));
	VERIFY3U(HV_PACKETS(g, "rx_packets"), <=, 1 + 2 * HV_QSIZE +
	    HV_QSIZE);
	fk_kmem_usage(&after, &allocs);
	VERIFY3U(after, <=, before + 64 * 1024);

	/* Kicking does not help it. */
	hv_kick(g, HV_TX);
	(void) hv_reap(g);
	VERIFY3U(g->hg_ring[HV_TX].hr_out, >, 0);

	/* Room: everything is answered, and all packets are taken. */
	g->hg_rxkeep = B_FALSE;
	hv_rx_post(g, 8);
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);
	while (hv_recv(g, p)) {
		if (p->p_hdr.vvh_op == OP(RESPONSE))
			accepted++;
		else
			VERIFY3U(p->p_hdr.vvh_op, ==, OP(RST));
		answers++;
	}
	kmem_free(p, sizeof (*p));
	hv_flush(g);
	VERIFY3U(answers, ==, sent);
	VERIFY3U(accepted, >, 0);
	VERIFY3U(accepted, <, 20);
	hv_check_alive(g, f, GPORT, HPORT);
	VERIFY0(fsk_close(f));
	VERIFY0(fsk_close(l));
	hv_guest_destroy(g);
	hv_end();
}

/*
 * What we answer goes before what we ask: if both sides ask for hundreds of
 * connections, neither may wait for the other.
 */
KTEST(vio_answers_first)
{
	vio_setup_t v;
	hv_guest_t *g = vio_begin(&v);
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);
	fsk_file_t *f[20];
	uint_t n;

	/* All receive buffers are full; others wait. */
	for (n = 0; n < 20; n++)
		f[n] = hv_connect(3, 6000 + n);
	hv_settle();
	for (n = 0; n < 5; n++) {
		virtio_vsock_hdr_t hdr = hv_pkt(g, OP(REQUEST), 7000 + n,
		    HPORT);

		hv_queue(g, &hdr, NULL);
	}
	hv_flush(g);
	for (n = 0; n < g->hg_nrx; n++) {
		VERIFY(hv_recv(g, p));
		VERIFY3U(p->p_hdr.vvh_op, ==, OP(REQUEST));
	}
	for (n = 0; n < 5; n++) {
		VERIFY(hv_recv(g, p));
		VERIFY3U(p->p_hdr.vvh_op, ==, OP(RESPONSE));
	}
	for (n = g->hg_nrx; n < 20; n++) {
		VERIFY(hv_recv(g, p));
		VERIFY3U(p->p_hdr.vvh_op, ==, OP(REQUEST));
	}
	hv_expect_none(g);
	for (n = 0; n < 20; n++)
		VERIFY0(fsk_close(f[n]));
	while (hv_recv(g, p))
		VERIFY3U(p->p_hdr.vvh_op, ==, OP(RST));
	for (n = 0; n < 5; n++)
		hv_send_op(g, OP(RST), 7000 + n, HPORT);
	kmem_free(p, sizeof (*p));
	vio_end(&v);
}

/*
 * Connections that end while the guest takes no packets: it gets what it was
 * owed when it does, and nothing is left behind.
 */
KTEST(vio_orphans)
{
	hv_guest_t *g;
	fsk_file_t *l, *f[20];
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);
	uint_t n = 0;

	hv_begin();
	g = hv_guest_boot(3, HV_F_VERSION_1);
	l = hv_listen(HPORT, 20);
	for (uint_t i = 0; i < 20; i++)
		f[i] = hv_open(g, l, 6000 + i, HPORT);
	/* Unaccepted ones are reset with their listener. */
	for (uint_t i = 0; i < 5; i++) {
		hv_send_op(g, OP(REQUEST), 7000 + i, HPORT);
		(void) hv_expect(g, OP(RESPONSE), 7000 + i, HPORT);
	}
	/* The guest takes no more, and is done with its connections. */
	for (uint_t i = 0; i < 20; i++) {
		virtio_vsock_hdr_t hdr = hv_pkt(g, OP(SHUTDOWN), 6000 + i,
		    HPORT);

		hdr.vvh_flags = 3;
		hv_send(g, &hdr, NULL);
		VERIFY0(fsk_close(f[i]));
	}
	VERIFY0(fsk_close(l));
	while (hv_recv(g, p)) {
		if (p->p_hdr.vvh_op == OP(RST))
			n++;
	}
	VERIFY3U(n, >=, 20);
	hv_expect_none(g);
	hv_guest_destroy(g);
	kmem_free(p, sizeof (*p));
	hv_end();
}

/* Connections take turns, one packet each. */
KTEST(vio_fair)
{
	vio_setup_t v;
	hv_guest_t *g = vio_begin(&v);
	uint8_t *data = kmem_zalloc(64000, KM_SLEEP);
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);
	uint32_t last = 0;
	uint_t same = 0, n = 0;

	hv_write(v.v_sock, data, 64000);
	hv_write(v.v_other, data, 64000);
	while (hv_recv(g, p)) {
		VERIFY3U(p->p_hdr.vvh_op, ==, OP(RW));
		/* The first write had the eight buffers there were alone. */
		if (p->p_hdr.vvh_dst_port == last && n > 8 && n < 22)
			same++;
		last = p->p_hdr.vvh_dst_port;
		n++;
	}
	VERIFY3U(n, ==, 32);
	VERIFY0(same);
	kmem_free(p, sizeof (*p));
	kmem_free(data, 64000);
	update(g, GPORT, HPORT, 65536, 64000);
	update(g, GPORT + 1, HPORT, 65536, 64000);
	vio_end(&v);
}

/* No memory: a connection is lost at most, and what was to be sent is not. */
KTEST(vio_nomem)
{
	vio_setup_t v;
	hv_guest_t *g = vio_begin(&v);
	uint8_t *data = kmem_zalloc(40000, KM_SLEEP);
	virtio_vsock_hdr_t hdr;

	/* The first that may fail is the block for the data. */
	hdr = hv_pkt(g, OP(RW), GPORT, HPORT);
	hdr.vvh_len = 100;
	hv_queue(g, &hdr, data);
	fk_fail_nth(1);
	hv_flush(g);
	fk_fail_nth(0);
	VERIFY3U(HV_RINGS(g, "nomem"), ==, 1);
	VERIFY3U(HV_PACKETS(g, "rx_nomem"), ==, 1);
	(void) hv_expect(g, OP(RST), GPORT, HPORT);
	hv_read_end(v.v_sock, ECONNRESET);

	/* To the guest: while it lasts nothing goes, then everything. */
	g->hg_rxkeep = B_TRUE;
	for (uint_t i = 0; i < 8; i++) {
		hv_send_op(g, OP(CREDIT_REQUEST), GPORT + 1, HPORT);
		(void) hv_expect(g, OP(CREDIT_UPDATE), GPORT + 1, HPORT);
		if (g->hg_ring[HV_RX].hr_out == 0)
			break;
	}
	g->hg_rxkeep = B_FALSE;
	hv_write(v.v_other, data, 40000);
	hv_settle();
	fk_fail_random(1);
	hv_rx_post(g, 8);
	hv_settle();
	VERIFY3U(HV_PACKETS(g, "tx_nomem"), >=, 1);
	VERIFY0(HV_PACKETS(g, "tx_rw"));
	fk_fail_random(0);
	fk_time_advance(20 * 1000 * 1000);
	hv_expect_data(g, GPORT + 1, HPORT, data, 40000);
	update(g, GPORT + 1, HPORT, 65536, 40000);
	kmem_free(data, 40000);
	vio_end(&v);
}
