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
 * vsockhv: what is in the rings, good and bad.
 */

#include <sys/kmem.h>
#include <sys/sysmacros.h>
#include "hv_guest.h"
#include "ktest.h"

#define	GPORT	5000
#define	HPORT	1234

static uint8_t *
pattern(size_t len)
{
	uint8_t *p = kmem_alloc(len, KM_SLEEP);

	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(i * 7 + (i >> 8));
	return (p);
}

/*
 * A packet of `len' bytes, as one chain in pieces of these sizes, must arrive.
 */
static void
send_split(hv_guest_t *g, fsk_file_t *f, const uint8_t *data, uint32_t len,
    uint32_t slack, const uint32_t *pieces, uint_t npieces)
{
	virtio_vsock_hdr_t hdr = hv_pkt(g, VIRTIO_VSOCK_OP_RW, GPORT, HPORT);
	uint64_t gpa = hv_txalloc(g, VIRTIO_VSOCK_HDR_SIZE + len + slack);
	hv_packet_t *p;

	hdr.vvh_len = len;
	hv_poke(g, gpa, &hdr, VIRTIO_VSOCK_HDR_SIZE);
	hv_poke(g, gpa + VIRTIO_VSOCK_HDR_SIZE, data, len);
	(void) hv_chain(g, HV_TX, gpa, VIRTIO_VSOCK_HDR_SIZE + len + slack,
	    pieces, npieces);
	hv_flush(g);
	hv_read(f, data, len);

	/* Take the credit updates. */
	p = kmem_alloc(sizeof (*p), KM_SLEEP);
	while (hv_recv(g, p)) {
		VERIFY3U(p->p_hdr.vvh_op, ==,
		    VIRTIO_VSOCK_OP_CREDIT_UPDATE);
	}
	kmem_free(p, sizeof (*p));
}

static void
split_with(uint64_t features)
{
	hv_guest_t *g = hv_guest_boot(3, features);
	fsk_file_t *l = hv_listen(HPORT, 5);
	fsk_file_t *f = hv_open(g, l, GPORT, HPORT);
	uint8_t *data = pattern(64 * 1024);
	static const uint32_t one = 1, big = 1 << 20;
	static const uint32_t hdr_data[] = { 44, 1 << 20 };
	static const uint32_t pages[] = { 44, 4096 };
	static const uint32_t odd[] = { 7, 1, 31, 9, 4099, 3, 4095 };
	static const uint32_t tail[] = { 43, 2, 1 << 20 };

	/* Byte by byte over 45 descriptors. */
	send_split(g, f, data, 1, 0, &one, 1);
	/* Header and data in one. */
	send_split(g, f, data, 1, 0, &big, 1);
	send_split(g, f, data, 5000, 0, &big, 1);
	send_split(g, f, data, 64 * 1024, 0, &big, 1);
	/* Header, data. */
	send_split(g, f, data, 100, 0, hdr_data, 2);
	send_split(g, f, data, 64 * 1024, 0, hdr_data, 2);
	/* Header, and a page each. */
	send_split(g, f, data, 64 * 1024, 0, pages, 2);
	send_split(g, f, data, 4097, 0, pages, 2);
	/* Wherever it pleases. */
	for (uint32_t len = 1; len < 60000; len = len * 3 + 1)
		send_split(g, f, data, len, 0, odd, 7);
	send_split(g, f, data, 3000, 0, tail, 3);
	/* More room than the packet has. */
	send_split(g, f, data, 10, 5000, hdr_data, 2);
	send_split(g, f, data, 10, 9, &one, 1);

	VERIFY0(HV_RINGS(g, "broken"));
	hv_check_alive(g, f, GPORT, HPORT);
	VERIFY0(fsk_close(f));
	VERIFY0(fsk_close(l));
	kmem_free(data, 64 * 1024);
	hv_guest_destroy(g);
}

KTEST(hv_tx_split)
{
	hv_begin();
	split_with(HV_F_VERSION_1);
	hv_end();
}

KTEST(hv_tx_split_indirect)
{
	hv_begin();
	split_with(HV_F_VERSION_1 | HV_F_INDIRECT);
	hv_end();
}

/* Receive buffers of every shape; big packets are cut to their size. */
KTEST(hv_rx_split)
{
	static const struct {
		uint32_t size;
		uint32_t piece;
	} shapes[] = {
		{ 45, 45 }, { 45, 7 }, { 46, 44 }, { 60, 11 }, { 4096, 4096 },
		{ 3776, 3776 }, { 4096 + 44, 44 }, { 65580, 65580 },
		{ 65580, 16395 }, { 100000, 50001 }
	};
	uint8_t *data = pattern(20000);

	hv_begin();
	for (uint_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		hv_guest_t *g = hv_guest_create(3);
		fsk_file_t *l = hv_listen(HPORT, 5), *f;
		size_t len = MIN(20000, (shapes[i].size - 44) * 300);

		g->hg_buf_alloc = 1 << 24;
		g->hg_rxbuf = shapes[i].size;
		g->hg_rxpiece = shapes[i].piece;
		g->hg_ring[HV_RX].hr_qsize =
		    shapes[i].size / shapes[i].piece > 7 ? 1024 : 64;
		if (g->hg_ring[HV_RX].hr_qsize == 1024) {
			/* It needs more room. */
			g->hg_ring[HV_RX].hr_desc = hv_alloc(g, 0x8000);
			g->hg_ring[HV_RX].hr_avail = hv_alloc(g, 0x1000);
			g->hg_ring[HV_RX].hr_used = hv_alloc(g, 0x3000);
		}
		hv_driver_start(g, HV_F_VERSION_1);
		f = hv_open(g, l, GPORT, HPORT);
		hv_write(f, data, len);
		hv_expect_data(g, GPORT, HPORT, data, len);
		hv_expect_none(g);
		VERIFY0(HV_RINGS(g, "broken"));
		VERIFY0(HV_RINGS(g, "rx_small"));
		VERIFY0(fsk_close(f));
		VERIFY0(fsk_close(l));
		hv_guest_destroy(g);
	}
	kmem_free(data, 20000);
	hv_end();
}

/*
 * One guest whose ring is made bad, and another that must not notice.
 */
typedef struct bad_setup {
	hv_guest_t	*b_bad;
	hv_guest_t	*b_good;
	fsk_file_t	*b_listener;
	fsk_file_t	*b_bad_sock;
	fsk_file_t	*b_good_sock;
	uint64_t	b_buf;		/* some memory of b_bad */
} bad_setup_t;

static void
bad_begin(bad_setup_t *b, uint64_t features)
{
	b->b_bad = hv_guest_boot(3, features);
	b->b_good = hv_guest_boot(4, features);
	b->b_listener = hv_listen(HPORT, 5);
	b->b_bad_sock = hv_open(b->b_bad, b->b_listener, GPORT, HPORT);
	b->b_good_sock = hv_open(b->b_good, b->b_listener, GPORT, HPORT);
	b->b_buf = hv_alloc(b->b_bad, 8192);
	b->b_bad->hg_indirect = B_FALSE;
}

/*
 * The ring was found bad, for this reason and no other: the connection is gone,
 * the guest is asked for a reset, nothing spins.  After the reset it works.
 */
static void
bad_end(bad_setup_t *b, const char *stat)
{
	static const char *const all[] = {
		"bad_avail_idx", "bad_head", "bad_next", "bad_chain",
		"bad_desc_len", "bad_desc_dir", "bad_addr", "bad_indir",
		"bad_indir_len", "bad_indir_nest", "bad_indir_next",
		"bad_event", "tx_short", "tx_bad_len", "tx_too_big"
	};
	hv_guest_t *g = b->b_bad;
	fsk_file_t *f;

	hv_settle();
	for (uint_t i = 0; i < ARRAY_SIZE(all); i++) {
		VERIFY3U(HV_RINGS(g, all[i]), ==,
		    strcmp(all[i], stat) == 0 ? 1 : 0);
	}
	VERIFY3U(HV_RINGS(g, "broken"), ==, 1);
	VERIFY3U(hv_intr(g) & VSOCKHV_INTR_RESET, !=, 0);
	hv_read_end(b->b_bad_sock, ECONNRESET);
	VERIFY0(fsk_close(b->b_bad_sock));

	/* It stays so, whatever the guest does. */
	hv_kick(g, HV_TX);
	hv_kick(g, HV_RX);
	hv_settle();
	VERIFY3U(HV_RINGS(g, stat), ==, 1);

	hv_check_alive(b->b_good, b->b_good_sock, GPORT, HPORT);

	VERIFY0(hv_ioctl(g, VSOCKHV_RESET, 0));
	VERIFY0(hv_intr(g));
	hv_driver_start(g, HV_F_VERSION_1);
	f = hv_open(g, b->b_listener, GPORT, HPORT);
	hv_check_alive(g, f, GPORT, HPORT);

	VERIFY0(fsk_close(f));
	VERIFY0(fsk_close(b->b_good_sock));
	VERIFY0(fsk_close(b->b_listener));
	hv_guest_destroy(b->b_good);
	hv_guest_destroy(g);
}

KTEST(hv_bad_avail_idx)
{
	bad_setup_t b;
	hv_ring_t *r;

	hv_begin();
	bad_begin(&b, HV_F_VERSION_1);
	r = &b.b_bad->hg_ring[HV_TX];
	hv_poke16(b.b_bad, r->hr_avail + 2, r->hr_avail_idx + HV_QSIZE + 1);
	hv_kick(b.b_bad, HV_TX);
	bad_end(&b, "bad_avail_idx");

	/* Back is very far ahead. */
	bad_begin(&b, HV_F_VERSION_1 | HV_F_EVENT_IDX);
	r = &b.b_bad->hg_ring[HV_TX];
	hv_poke16(b.b_bad, r->hr_avail + 2, r->hr_avail_idx - 1);
	hv_kick(b.b_bad, HV_TX);
	bad_end(&b, "bad_avail_idx");
	hv_end();
}

KTEST(hv_bad_head)
{
	bad_setup_t b;

	hv_begin();
	bad_begin(&b, HV_F_VERSION_1);
	hv_avail(b.b_bad, HV_TX, HV_QSIZE);
	hv_kick(b.b_bad, HV_TX);
	bad_end(&b, "bad_head");
	hv_end();
}

KTEST(hv_bad_next)
{
	bad_setup_t b;

	hv_begin();
	bad_begin(&b, HV_F_VERSION_1);
	hv_desc(b.b_bad, HV_TX, 5, b.b_buf, 44, HV_D_NEXT, HV_QSIZE);
	hv_avail(b.b_bad, HV_TX, 5);
	hv_kick(b.b_bad, HV_TX);
	bad_end(&b, "bad_next");
	hv_end();
}

KTEST(hv_bad_loop)
{
	bad_setup_t b;

	hv_begin();
	/* To itself. */
	bad_begin(&b, HV_F_VERSION_1);
	hv_desc(b.b_bad, HV_TX, 5, b.b_buf, 1, HV_D_NEXT, 5);
	hv_avail(b.b_bad, HV_TX, 5);
	hv_kick(b.b_bad, HV_TX);
	bad_end(&b, "bad_chain");

	/* In a circle of two. */
	bad_begin(&b, HV_F_VERSION_1);
	hv_desc(b.b_bad, HV_TX, 5, b.b_buf, 1, HV_D_NEXT, 6);
	hv_desc(b.b_bad, HV_TX, 6, b.b_buf, 1, HV_D_NEXT, 5);
	hv_avail(b.b_bad, HV_TX, 5);
	hv_kick(b.b_bad, HV_TX);
	bad_end(&b, "bad_chain");

	/* In the rx ring. */
	bad_begin(&b, HV_F_VERSION_1);
	for (uint_t i = 0; i < HV_QSIZE; i++) {
		hv_desc(b.b_bad, HV_RX, i, b.b_buf, 1,
		    HV_D_NEXT | HV_D_WRITE, i ^ 1);
	}
	hv_write(b.b_bad_sock, "x", 1);
	bad_end(&b, "bad_chain");

	/* In an indirect table. */
	bad_begin(&b, HV_F_VERSION_1 | HV_F_INDIRECT);
	const hv_wire_desc_t table[2] = {
		{ b.b_buf, 1, HV_D_NEXT, 1 },
		{ b.b_buf, 1, HV_D_NEXT, 0 }
	};
	hv_poke(b.b_bad, b.b_buf + 4096, table, sizeof (table));
	hv_desc(b.b_bad, HV_TX, 5, b.b_buf + 4096, sizeof (table),
	    HV_D_INDIRECT, 0);
	hv_avail(b.b_bad, HV_TX, 5);
	hv_kick(b.b_bad, HV_TX);
	bad_end(&b, "bad_chain");
	hv_end();
}

KTEST(hv_bad_desc_len)
{
	bad_setup_t b;

	hv_begin();
	bad_begin(&b, HV_F_VERSION_1);
	hv_desc(b.b_bad, HV_TX, 5, b.b_buf, 44, HV_D_NEXT, 6);
	hv_desc(b.b_bad, HV_TX, 6, b.b_buf, 0, 0, 0);
	hv_avail(b.b_bad, HV_TX, 5);
	hv_kick(b.b_bad, HV_TX);
	bad_end(&b, "bad_desc_len");
	hv_end();
}

KTEST(hv_bad_desc_dir)
{
	bad_setup_t b;

	hv_begin();
	bad_begin(&b, HV_F_VERSION_1);
	hv_desc(b.b_bad, HV_TX, 5, b.b_buf, 44, HV_D_NEXT, 6);
	hv_desc(b.b_bad, HV_TX, 6, b.b_buf, 44, HV_D_WRITE, 0);
	hv_avail(b.b_bad, HV_TX, 5);
	hv_kick(b.b_bad, HV_TX);
	bad_end(&b, "bad_desc_dir");

	/* A readable one where the host writes. */
	bad_begin(&b, HV_F_VERSION_1);
	for (uint_t i = 0; i < HV_QSIZE; i++)
		hv_desc(b.b_bad, HV_RX, i, b.b_buf, 4096, 0, 0);
	hv_write(b.b_bad_sock, "x", 1);
	bad_end(&b, "bad_desc_dir");
	hv_end();
}

static void
bad_addr(uint64_t gpa, uint32_t len)
{
	bad_setup_t b;

	bad_begin(&b, HV_F_VERSION_1);
	hv_desc(b.b_bad, HV_TX, 5, gpa, len, 0, 0);
	hv_avail(b.b_bad, HV_TX, 5);
	hv_kick(b.b_bad, HV_TX);
	bad_end(&b, "bad_addr");

	bad_begin(&b, HV_F_VERSION_1);
	for (uint_t i = 0; i < HV_QSIZE; i++)
		hv_desc(b.b_bad, HV_RX, i, gpa, len, HV_D_WRITE, 0);
	hv_write(b.b_bad_sock, "x", 1);
	bad_end(&b, "bad_addr");
}

KTEST(hv_bad_addr)
{
	bad_setup_t b;

	hv_begin();
	bad_addr(0, 44 + 1);
	bad_addr(HV_RAM - 1, 44 + 1);
	bad_addr(HV_RAM + HV_RAM_SIZE - 43, 44 + 1);
	bad_addr(UINT64_MAX - 10, 44 + 1);
	bad_addr(UINT64_MAX - 43, 44 + 1);

	/* Data outside, with the header inside. */
	bad_begin(&b, HV_F_VERSION_1);
	virtio_vsock_hdr_t hdr = hv_pkt(b.b_bad, VIRTIO_VSOCK_OP_RW, GPORT,
	    HPORT);
	hdr.vvh_len = 10;
	hv_poke(b.b_bad, b.b_buf, &hdr, sizeof (hdr));
	hv_desc(b.b_bad, HV_TX, 5, b.b_buf, 44, HV_D_NEXT, 6);
	hv_desc(b.b_bad, HV_TX, 6, HV_RAM + HV_RAM_SIZE - 5, 10, 0, 0);
	hv_avail(b.b_bad, HV_TX, 5);
	hv_kick(b.b_bad, HV_TX);
	bad_end(&b, "bad_addr");

	/* Memory that cannot be written. */
	bad_begin(&b, HV_F_VERSION_1);
	for (uint_t i = 0; i < HV_QSIZE; i++)
		hv_desc(b.b_bad, HV_RX, i, HV_ROM, 4096, HV_D_WRITE, 0);
	hv_write(b.b_bad_sock, "x", 1);
	bad_end(&b, "bad_addr");

	/* A table outside. */
	bad_begin(&b, HV_F_VERSION_1 | HV_F_INDIRECT);
	hv_desc(b.b_bad, HV_TX, 5, HV_RAM - 16, 32, HV_D_INDIRECT, 0);
	hv_avail(b.b_bad, HV_TX, 5);
	hv_kick(b.b_bad, HV_TX);
	bad_end(&b, "bad_addr");

	bad_begin(&b, HV_F_VERSION_1 | HV_F_INDIRECT);
	hv_desc(b.b_bad, HV_TX, 5, UINT64_MAX - 15, 32, HV_D_INDIRECT, 0);
	hv_avail(b.b_bad, HV_TX, 5);
	hv_kick(b.b_bad, HV_TX);
	bad_end(&b, "bad_addr");
	hv_end();
}

KTEST(hv_bad_indirect)
{
	static const uint32_t lens[] = { 0, 1, 15, 17, (HV_QSIZE + 1) * 16,
	    0xfffffff0 };
	bad_setup_t b;

	hv_begin();
	/* Not negotiated. */
	bad_begin(&b, HV_F_VERSION_1);
	hv_desc(b.b_bad, HV_TX, 5, b.b_buf, 16, HV_D_INDIRECT, 0);
	hv_avail(b.b_bad, HV_TX, 5);
	hv_kick(b.b_bad, HV_TX);
	bad_end(&b, "bad_indir");

	for (uint_t i = 0; i < ARRAY_SIZE(lens); i++) {
		bad_begin(&b, HV_F_VERSION_1 | HV_F_INDIRECT);
		hv_desc(b.b_bad, HV_TX, 5, b.b_buf, lens[i], HV_D_INDIRECT, 0);
		hv_avail(b.b_bad, HV_TX, 5);
		hv_kick(b.b_bad, HV_TX);
		bad_end(&b, "bad_indir_len");
	}

	/* With a next. */
	bad_begin(&b, HV_F_VERSION_1 | HV_F_INDIRECT);
	hv_desc(b.b_bad, HV_TX, 5, b.b_buf, 16, HV_D_INDIRECT | HV_D_NEXT, 6);
	hv_avail(b.b_bad, HV_TX, 5);
	hv_kick(b.b_bad, HV_TX);
	bad_end(&b, "bad_indir_next");

	/* A table in a table. */
	bad_begin(&b, HV_F_VERSION_1 | HV_F_INDIRECT);
	hv_wire_desc_t wd = { b.b_buf, 16, HV_D_INDIRECT, 0 };
	hv_poke(b.b_bad, b.b_buf, &wd, sizeof (wd));
	hv_desc(b.b_bad, HV_TX, 5, b.b_buf, 16, HV_D_INDIRECT, 0);
	hv_avail(b.b_bad, HV_TX, 5);
	hv_kick(b.b_bad, HV_TX);
	bad_end(&b, "bad_indir_nest");

	/* Next beyond the table. */
	bad_begin(&b, HV_F_VERSION_1 | HV_F_INDIRECT);
	wd.wd_addr = b.b_buf;
	wd.wd_flags = HV_D_NEXT;
	wd.wd_next = 1;
	hv_poke(b.b_bad, b.b_buf, &wd, sizeof (wd));
	hv_desc(b.b_bad, HV_TX, 5, b.b_buf, 16, HV_D_INDIRECT, 0);
	hv_avail(b.b_bad, HV_TX, 5);
	hv_kick(b.b_bad, HV_TX);
	bad_end(&b, "bad_next");
	hv_end();
}

/* As long as the ring has descriptors, and one longer. */
KTEST(hv_long_chain)
{
	static const uint32_t one = 1;
	uint8_t *data = pattern(HV_QSIZE);
	hv_guest_t *g;
	fsk_file_t *l, *f;

	hv_begin();
	g = hv_guest_boot(3, HV_F_VERSION_1);
	l = hv_listen(HPORT, 5);
	f = hv_open(g, l, GPORT, HPORT);
	send_split(g, f, data, HV_QSIZE - 44, 0, &one, 1);
	VERIFY0(HV_RINGS(g, "broken"));
	VERIFY0(fsk_close(f));
	VERIFY0(fsk_close(l));
	hv_guest_destroy(g);
	kmem_free(data, HV_QSIZE);
	hv_end();
}

/*
 * What costs a packet, but not the ring: too short, or lying about its length.
 */
KTEST(hv_bad_packet_len)
{
	static const struct {
		uint32_t hdrlen;
		uint32_t chain;
		const char *stat;
	} cases[] = {
		{ 0, 43, "tx_short" },
		{ 0, 1, "tx_short" },
		{ 1, 44, "tx_bad_len" },
		{ 101, 144, "tx_bad_len" },
		{ 65536, 65536 + 43, "tx_bad_len" },
		{ 65537, 65537 + 44, "tx_too_big" },
		{ 0xffffffff, 144, "tx_too_big" }
	};

	hv_begin();
	for (uint_t i = 0; i < ARRAY_SIZE(cases); i++) {
		hv_guest_t *g = hv_guest_boot(3, HV_F_VERSION_1);
		fsk_file_t *l = hv_listen(HPORT, 5);
		fsk_file_t *f = hv_open(g, l, GPORT, HPORT);
		fsk_file_t *other = hv_open(g, l, GPORT + 1, HPORT);
		virtio_vsock_hdr_t hdr = hv_pkt(g, VIRTIO_VSOCK_OP_RW, GPORT,
		    HPORT);
		uint64_t gpa = hv_alloc(g, 70000);

		hdr.vvh_len = cases[i].hdrlen;
		hv_poke(g, gpa, &hdr, sizeof (hdr));
		(void) hv_chain(g, HV_TX, gpa, cases[i].chain, NULL, 0);
		hv_flush(g);
		VERIFY3U(HV_RINGS(g, cases[i].stat), ==, 1);
		VERIFY0(HV_RINGS(g, "broken"));
		if (cases[i].chain >= 44) {
			VERIFY3U(HV_PACKETS(g, "bad_len"), ==, 1);
			(void) hv_expect(g, VIRTIO_VSOCK_OP_RST, GPORT, HPORT);
			hv_read_end(f, EPROTO);
		} else {
			hv_check_alive(g, f, GPORT, HPORT);
		}
		hv_check_alive(g, other, GPORT + 1, HPORT);
		VERIFY0(fsk_close(f));
		VERIFY0(fsk_close(other));
		VERIFY0(fsk_close(l));
		hv_guest_destroy(g);
	}
	hv_end();
}

/* Buffers too small for a byte come back empty; then the packet is sent. */
KTEST(hv_rx_small)
{
	hv_guest_t *g;
	fsk_file_t *l, *f;
	uint32_t id, len;

	hv_begin();
	g = hv_guest_boot(3, HV_F_VERSION_1);
	l = hv_listen(HPORT, 5);
	f = hv_open(g, l, GPORT, HPORT);
	/* Of the buffers that are posted, the next four get too short. */
	for (uint_t i = 0; i < 4; i++) {
		uint_t slot = (g->hg_ring[HV_RX].hr_used_idx + i) % 8;

		hv_desc(g, HV_RX, slot, g->hg_rxaddr[slot], 41 + i,
		    HV_D_WRITE, 0);
	}
	hv_write(f, "data", 4);
	hv_settle();
	for (uint_t i = 0; i < 4; i++) {
		VERIFY(hv_used(g, HV_RX, &id, &len));
		VERIFY0(len);
	}
	hv_expect_data(g, GPORT, HPORT, "data", 4);
	VERIFY3U(HV_RINGS(g, "rx_small"), ==, 4);
	VERIFY0(fsk_close(f));
	VERIFY0(fsk_close(l));
	hv_guest_destroy(g);
	hv_end();
}

/*
 * Notifications are not lost, nor asked for without need, and interrupts come
 * when they should: with and without event indices.
 */
static void
notify_with(uint64_t features)
{
	hv_guest_t *g = hv_guest_boot(3, features);
	fsk_file_t *l = hv_listen(HPORT, 5);
	fsk_file_t *f = hv_open(g, l, GPORT, HPORT);
	hv_ring_t *rx = &g->hg_ring[HV_RX], *tx = &g->hg_ring[HV_TX];
	virtio_vsock_hdr_t hdr = hv_pkt(g, VIRTIO_VSOCK_OP_RW, GPORT, HPORT);
	uint32_t msis, id, len;

	/* Idle: the host wants to hear of a packet, and tells of its end. */
	msis = tx->hr_msis;
	hdr.vvh_len = 3;
	hv_queue(g, &hdr, "abc");
	VERIFY(hv_notify(g, HV_TX));
	hv_settle();
	VERIFY3U(tx->hr_msis, ==, msis + 1);
	VERIFY3U(hv_reap(g), ==, 1);
	hv_read(f, "abc", 3);

	/* Ten packets at a time: one notification, few interrupts. */
	msis = tx->hr_msis;
	for (uint_t i = 0; i < 10; i++)
		hv_queue(g, &hdr, "abc");
	VERIFY(hv_notify(g, HV_TX));
	hv_settle();
	VERIFY3U(tx->hr_msis, >, msis);
	VERIFY3U(tx->hr_msis, <=, msis + 10);
	VERIFY3U(hv_reap(g), ==, 10);

	/* A guest that does not want an interrupt gets none. */
	if ((features & HV_F_EVENT_IDX) != 0) {
		hv_poke16(g, tx->hr_avail + 4 + 2 * HV_QSIZE,
		    tx->hr_used_idx + 100);
	} else {
		hv_poke16(g, tx->hr_avail, 1);
	}
	msis = tx->hr_msis;
	hv_queue(g, &hdr, "abc");
	VERIFY(hv_notify(g, HV_TX));
	hv_settle();
	VERIFY3U(tx->hr_msis, ==, msis);
	VERIFY3U(hv_reap(g), ==, 1);

	/* Out of buffers: the host must hear of new ones, or all stands. */
	for (uint_t i = 0; i < 8; i++) {
		hv_write(f, "x", 1);
		hv_settle();
		VERIFY(hv_used(g, HV_RX, &id, &len));
	}
	msis = rx->hr_msis;
	hv_write(f, "y", 1);
	hv_settle();
	VERIFY(!hv_used(g, HV_RX, &id, &len));
	hv_avail(g, HV_RX, 0);
	VERIFY(hv_notify(g, HV_RX));
	hv_settle();
	VERIFY3U(rx->hr_msis, ==, msis + 1);
	VERIFY(hv_used(g, HV_RX, &id, &len));
	VERIFY3U(len, ==, 45);

	VERIFY0(fsk_close(f));
	VERIFY0(fsk_close(l));
	hv_guest_destroy(g);
}

KTEST(hv_notify_flags)
{
	hv_begin();
	notify_with(HV_F_VERSION_1);
	hv_end();
}

KTEST(hv_notify_event_idx)
{
	hv_begin();
	notify_with(HV_F_VERSION_1 | HV_F_EVENT_IDX);
	hv_end();
}

/* The 16-bit indices wrap. */
KTEST(hv_wrap)
{
	hv_guest_t *g = hv_guest_create(3);
	fsk_file_t *l, *f;
	uint64_t features = HV_F_VERSION_1 | HV_F_EVENT_IDX;

	hv_begin();
	VERIFY0(hv_ioctl(g, VSOCKHV_SET_FEATURES, (intptr_t)&features));
	g->hg_features = features;
	for (uint_t i = 0; i < 3; i++) {
		hv_ring_t *r = &g->hg_ring[i];

		r->hr_avail_idx = r->hr_used_idx = r->hr_kick_idx = 65530;
		hv_poke16(g, r->hr_avail + 2, 65530);
		hv_poke16(g, r->hr_used + 2, 65530);
		VERIFY0(hv_ring_init(g, i));
	}
	hv_settle();
	hv_rx_post(g, 8);
	l = hv_listen(HPORT, 5);
	f = hv_open(g, l, GPORT, HPORT);
	for (uint_t i = 0; i < 20; i++)
		hv_check_alive(g, f, GPORT, HPORT);
	VERIFY3U(g->hg_ring[HV_TX].hr_used_idx, <, 1000);
	VERIFY3U(g->hg_ring[HV_RX].hr_used_idx, <, 1000);
	VERIFY0(fsk_close(f));
	VERIFY0(fsk_close(l));
	hv_guest_destroy(g);
	hv_end();
}
