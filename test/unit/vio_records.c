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
 * SOCK_SEQPACKET in vsock_virtio and vsockhv: packets of records; through a
 * hand-made guest.
 */

#include <sys/kmem.h>
#include <sys/sysmacros.h>
#include "hv_guest.h"
#include "ktest.h"

#define	GPORT	5000
#define	HPORT	1234

#define	OP(x)	VIRTIO_VSOCK_OP_##x
#define	EOM	VIRTIO_VSOCK_SEQ_EOM
#define	EOR	VIRTIO_VSOCK_SEQ_EOR

typedef struct vir_setup {
	hv_guest_t	*v_guest;
	fsk_file_t	*v_listener;
	fsk_file_t	*v_sock;
	uint8_t		*v_data;	/* 256 KiB, no two bytes in a row */
} vir_setup_t;

#define	DATA	(256 * 1024)

/* A guest that has accepted SEQPACKET, with a connection of the type. */
static hv_guest_t *
vir_begin(vir_setup_t *v, uint32_t buf_alloc)
{
	hv_guest_t *g;

	hv_begin();
	hv_socktype = SOCK_SEQPACKET;
	v->v_data = kmem_alloc(DATA, KM_SLEEP);
	for (uint_t i = 0; i < DATA; i++)
		v->v_data[i] = (uint8_t)(i + (i >> 8) * 3);
	v->v_guest = g = hv_guest_boot(3, HV_F_VERSION_1 | HV_F_EVENT_IDX |
	    VIRTIO_VSOCK_F_SEQPACKET);
	g->hg_type = VIRTIO_VSOCK_TYPE_SEQPACKET;
	g->hg_buf_alloc = buf_alloc;
	v->v_listener = hv_listen(HPORT, 5);
	v->v_sock = hv_open(g, v->v_listener, GPORT, HPORT);
	return (g);
}

static void
vir_end(vir_setup_t *v)
{
	hv_expect_none(v->v_guest);
	VERIFY0(HV_RINGS(v->v_guest, "broken"));
	VERIFY0(fsk_close(v->v_sock));
	VERIFY0(fsk_close(v->v_listener));
	hv_guest_destroy(v->v_guest);
	kmem_free(v->v_data, DATA);
	hv_end();
}

/* The guest has consumed so much. */
static void
vir_update(hv_guest_t *g, uint32_t fwd_cnt)
{
	g->hg_fwd_cnt = fwd_cnt;
	hv_send_op(g, OP(CREDIT_UPDATE), GPORT, HPORT);
}

static int
vir_send(fsk_file_t *f, const void *data, size_t len, int flags)
{
	size_t n;

	return (fsk_send(f, data, len, flags | MSG_NOSIGNAL, &n));
}

/* Whether the host can connect to the guest with a type. */
static void
check_connect(hv_guest_t *g, int type, boolean_t ok)
{
	struct sockaddr_vm svm = {
		.svm_family = AF_VSOCK, .svm_cid = 3, .svm_port = 77
	};
	virtio_vsock_hdr_t hdr;
	fsk_file_t *f;

	VERIFY0(fsk_socket(AF_VSOCK, type, 0, &f));
	fsk_set_nonblock(f, true);
	VERIFY3S(fsk_connect(f, &svm, sizeof (svm)), ==,
	    ok ? EINPROGRESS : ESOCKTNOSUPPORT);
	if (ok) {
		hdr = hv_expect(g, OP(REQUEST), 77, hv_port(f));
		VERIFY3U(hdr.vvh_type, ==, type == SOCK_STREAM ?
		    VIRTIO_VSOCK_TYPE_STREAM : VIRTIO_VSOCK_TYPE_SEQPACKET);
	}
	VERIFY0(fsk_close(f));
	if (ok)
		(void) hv_expect(g, OP(RST), 77, hdr.vvh_src_port);
	hv_expect_none(g);
}

/* Which types a guest has follows from what it has accepted, and when. */
KTEST(vio_rec_features)
{
	static const struct {
		uint64_t features;
		boolean_t stream;
		boolean_t records;
	} cases[] = {
		{ 0, B_TRUE, B_FALSE },
		{ VIRTIO_VSOCK_F_STREAM, B_TRUE, B_FALSE },
		{ VIRTIO_VSOCK_F_SEQPACKET, B_TRUE, B_TRUE },
		{ VIRTIO_VSOCK_F_STREAM | VIRTIO_VSOCK_F_SEQPACKET, B_TRUE,
		    B_TRUE },
		{ VIRTIO_VSOCK_F_NO_IMPLIED_STREAM, B_FALSE, B_FALSE },
		{ VIRTIO_VSOCK_F_SEQPACKET | VIRTIO_VSOCK_F_NO_IMPLIED_STREAM,
		    B_FALSE, B_TRUE },
		{ VIRTIO_VSOCK_F_STREAM | VIRTIO_VSOCK_F_SEQPACKET |
		    VIRTIO_VSOCK_F_NO_IMPLIED_STREAM, B_TRUE, B_TRUE }
	};
	struct sockaddr_vm svm = {
		.svm_family = AF_VSOCK, .svm_cid = 3, .svm_port = 77
	};
	fsk_file_t *l, *f;
	hv_guest_t *g;

	hv_begin();
	g = hv_guest_create(3);

	/* Before it has accepted anything. */
	VERIFY0(fsk_socket(AF_VSOCK, SOCK_SEQPACKET, 0, &f));
	VERIFY3S(fsk_connect(f, &svm, sizeof (svm)), ==, ESOCKTNOSUPPORT);
	VERIFY0(fsk_close(f));
	hv_socktype = SOCK_SEQPACKET;
	l = hv_listen(HPORT, 5);

	for (uint_t i = 0; i < ARRAY_SIZE(cases); i++) {
		hv_driver_start(g, cases[i].features | HV_F_VERSION_1);
		check_connect(g, SOCK_STREAM, cases[i].stream);
		check_connect(g, SOCK_SEQPACKET, cases[i].records);
		g->hg_type = VIRTIO_VSOCK_TYPE_SEQPACKET;
		hv_send_op(g, OP(REQUEST), 9, HPORT);
		if (cases[i].records) {
			(void) hv_expect(g, OP(RESPONSE), 9, HPORT);
			VERIFY0(fsk_close(hv_accept(l)));
			(void) hv_expect(g, OP(SHUTDOWN), 9, HPORT);
		} else {
			(void) hv_expect(g, OP(RST), 9, HPORT);
		}
		g->hg_type = VIRTIO_VSOCK_TYPE_STREAM;
		VERIFY0(hv_ioctl(g, VSOCKHV_RESET, 0));
	}
	/* Nothing is left of it. */
	VERIFY0(fsk_socket(AF_VSOCK, SOCK_SEQPACKET, 0, &f));
	VERIFY3S(fsk_connect(f, &svm, sizeof (svm)), ==, ESOCKTNOSUPPORT);
	VERIFY0(fsk_close(f));
	VERIFY0(fsk_close(l));
	hv_guest_destroy(g);
	hv_end();
}

/* The two types do not mix: neither when connecting nor later. */
KTEST(vio_rec_types)
{
	virtio_vsock_hdr_t hdr;
	vir_setup_t v;
	hv_guest_t *g = vir_begin(&v, 65536);
	fsk_file_t *l;

	hv_socktype = SOCK_STREAM;
	l = hv_listen(HPORT + 1, 5);
	hv_send_op(g, OP(REQUEST), GPORT + 1, HPORT + 1);
	hdr = hv_expect(g, OP(RST), GPORT + 1, HPORT + 1);
	VERIFY3U(hdr.vvh_type, ==, VIRTIO_VSOCK_TYPE_SEQPACKET);
	g->hg_type = VIRTIO_VSOCK_TYPE_STREAM;
	hv_send_op(g, OP(REQUEST), GPORT + 1, HPORT);
	hdr = hv_expect(g, OP(RST), GPORT + 1, HPORT);
	VERIFY3U(hdr.vvh_type, ==, VIRTIO_VSOCK_TYPE_STREAM);

	hv_send_data(g, GPORT, HPORT, "evil", 4);
	hdr = hv_expect(g, OP(RST), GPORT, HPORT);
	VERIFY3U(hdr.vvh_type, ==, VIRTIO_VSOCK_TYPE_STREAM);
	VERIFY3U(HV_PACKETS(g, "bad_type"), ==, 1);
	g->hg_type = VIRTIO_VSOCK_TYPE_SEQPACKET;
	hv_read_end(v.v_sock, EWOULDBLOCK);
	hv_check_alive(g, v.v_sock, GPORT, HPORT);
	VERIFY0(fsk_close(l));
	vir_end(&v);
}

/* To the guest: cut into packets, of which the last one has the flags. */
KTEST(vio_rec_send)
{
	vir_setup_t v;
	hv_guest_t *g = vir_begin(&v, DATA);
	uint32_t fwd = 0;

	VERIFY0(vir_send(v.v_sock, v.v_data, 1, MSG_XPG4_2));
	VERIFY0(vir_send(v.v_sock, v.v_data + 1, 3, MSG_XPG4_2 | MSG_EOR));
	VERIFY0(vir_send(v.v_sock, v.v_data, 0, MSG_XPG4_2));
	VERIFY0(vir_send(v.v_sock, v.v_data + 4, 100000, MSG_XPG4_2));
	VERIFY0(vir_send(v.v_sock, v.v_data, 4052, MSG_XPG4_2 | MSG_EOR));
	VERIFY0(vir_send(v.v_sock, v.v_data, 4053, MSG_XPG4_2 | MSG_EOR));
	hv_expect_record(g, GPORT, HPORT, v.v_data, 1, EOM);
	hv_expect_record(g, GPORT, HPORT, v.v_data + 1, 3, EOM | EOR);
	hv_expect_record(g, GPORT, HPORT, v.v_data + 4, 100000, EOM);
	/* What a receive buffer holds, and a byte more. */
	hv_expect_record(g, GPORT, HPORT, v.v_data, 4052, EOM | EOR);
	hv_expect_record(g, GPORT, HPORT, v.v_data, 4053, EOM | EOR);
	hv_expect_none(g);
	vir_update(g, fwd += 4 + 100000 + 4052 + 4053);

	/* All that the guest can hold; and not one byte more. */
	VERIFY3S(vir_send(v.v_sock, v.v_data, DATA, 0), ==, 0);
	hv_expect_record(g, GPORT, HPORT, v.v_data, DATA, EOM | EOR);
	vir_update(g, fwd += DATA);
	g->hg_buf_alloc = 100;
	vir_update(g, fwd);
	VERIFY3S(vir_send(v.v_sock, v.v_data, 101, 0), ==, EMSGSIZE);
	VERIFY0(vir_send(v.v_sock, v.v_data, 100, 0));
	hv_expect_record(g, GPORT, HPORT, v.v_data, 100, EOM | EOR);
	vir_update(g, fwd + 100);
	vir_end(&v);
}

/* A record goes as there is credit, and the end with its last byte. */
KTEST(vio_rec_credit)
{
	virtio_vsock_hdr_t hdr;
	vir_setup_t v;
	hv_guest_t *g = vir_begin(&v, 10000);
	uint32_t fwd;

	VERIFY0(vir_send(v.v_sock, v.v_data, 6000, MSG_XPG4_2));
	VERIFY0(vir_send(v.v_sock, v.v_data, 10000, MSG_XPG4_2 | MSG_EOR));
	VERIFY3S(vir_send(v.v_sock, v.v_data, 1, 0), ==, EWOULDBLOCK);
	VERIFY0(fsk_poll(v.v_sock, POLLOUT));
	hv_expect_record(g, GPORT, HPORT, v.v_data, 6000, EOM);
	hv_expect_data(g, GPORT, HPORT, v.v_data, 4000);
	hv_expect_none(g);
	vir_update(g, 6000);
	hv_expect_record(g, GPORT, HPORT, v.v_data + 4000, 6000, EOM | EOR);
	hv_expect_none(g);
	vir_update(g, 16000);
	VERIFY3S(fsk_poll(v.v_sock, POLLOUT), ==, POLLOUT);

	/* The end of sending comes after the last record. */
	VERIFY0(vir_send(v.v_sock, v.v_data, 10000, MSG_XPG4_2));
	hv_expect_record(g, GPORT, HPORT, v.v_data, 10000, EOM);
	vir_update(g, 20000);
	VERIFY0(vir_send(v.v_sock, v.v_data, 10000, MSG_XPG4_2));
	VERIFY0(fsk_shutdown(v.v_sock, SHUT_WR));
	hv_expect_data(g, GPORT, HPORT, v.v_data, 4000);
	hv_expect_none(g);
	for (fwd = 20000; fwd < 26000; fwd += 2000) {
		vir_update(g, fwd + 2000);
		hv_expect_record(g, GPORT, HPORT, v.v_data + fwd - 16000, 2000,
		    fwd == 24000 ? EOM : 0);
	}
	hdr = hv_expect(g, OP(SHUTDOWN), GPORT, HPORT);
	VERIFY3U(hdr.vvh_flags, ==, VIRTIO_VSOCK_SHUTDOWN_SEND);

	/* A reset in the middle: nothing more comes. */
	VERIFY0(fsk_close(v.v_sock));
	(void) hv_expect(g, OP(SHUTDOWN), GPORT, HPORT);
	hv_send_op(g, OP(RST), GPORT, HPORT);
	g->hg_fwd_cnt = 0;
	v.v_sock = hv_open(g, v.v_listener, GPORT, HPORT);
	VERIFY0(vir_send(v.v_sock, v.v_data, 9000, MSG_XPG4_2));
	VERIFY0(vir_send(v.v_sock, v.v_data, 9000, MSG_XPG4_2));
	hv_expect_record(g, GPORT, HPORT, v.v_data, 9000, EOM);
	hv_expect_data(g, GPORT, HPORT, v.v_data, 1000);
	hv_send_op(g, OP(RST), GPORT, HPORT);
	hv_expect_none(g);
	hv_read_end(v.v_sock, ECONNRESET);
	vir_end(&v);
}

/*
 * A writer of small records is stopped by their number, and all arrive; no more
 * of them are under way than the guest can be expected to hold.
 */
KTEST(vio_rec_small_out)
{
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);
	uint64_t before, after, allocs;
	vir_setup_t v;
	hv_guest_t *g = vir_begin(&v, 65536);
	uint_t sent = 0, got = 0, out;

	fk_kmem_usage(&before, &allocs);
	while (vir_send(v.v_sock, v.v_data + sent, 1, MSG_XPG4_2) == 0)
		sent++;
	fk_kmem_usage(&after, &allocs);
	VERIFY3U(sent, >=, 512);
	VERIFY3U(sent, <, 1000);
	VERIFY3U(after - before, <, 512 * 1024);
	while (got < sent) {
		for (out = 0; hv_recv(g, p); ) {
			if (p->p_hdr.vvh_op == OP(CREDIT_REQUEST))
				continue;
			VERIFY3U(p->p_hdr.vvh_op, ==, OP(RW));
			VERIFY3U(p->p_hdr.vvh_len, ==, 1);
			VERIFY3U(p->p_hdr.vvh_flags, ==, EOM);
			VERIFY3U(p->p_data[0], ==, v.v_data[got]);
			got++;
			out++;
		}
		VERIFY3U(out, >, 0);
		VERIFY3U(out, <=, 65536 / 2048);
		vir_update(g, got);
	}
	VERIFY3S(fsk_poll(v.v_sock, POLLOUT), ==, POLLOUT);
	while (hv_recv(g, p))
		VERIFY3U(p->p_hdr.vvh_op, ==, OP(CREDIT_REQUEST));
	kmem_free(p, sizeof (*p));
	vir_end(&v);
}

/* From the guest: pieces, flags, and credit for every record that is read. */
KTEST(vio_rec_recv)
{
	virtio_vsock_hdr_t hdr;
	vir_setup_t v;
	hv_guest_t *g = vir_begin(&v, 65536);

	hv_send_piece(g, GPORT, HPORT, v.v_data, 1, EOM);
	hv_send_piece(g, GPORT, HPORT, v.v_data + 1, 65536, 0);
	hv_send_piece(g, GPORT, HPORT, v.v_data + 65537, 10, EOM | EOR);
	/* A mark alone is not one, and other bits are nothing. */
	hv_send_piece(g, GPORT, HPORT, v.v_data, 10, EOR);
	hv_send_piece(g, GPORT, HPORT, v.v_data + 10, 10, EOM | 0xfffffffc);
	hv_expect_none(g);
	hv_read_record(v.v_sock, v.v_data, 1, B_FALSE);
	hdr = hv_expect(g, OP(CREDIT_UPDATE), GPORT, HPORT);
	VERIFY3U(hdr.vvh_fwd_cnt, ==, 1);
	hv_read_record(v.v_sock, v.v_data + 1, 65546, B_TRUE);
	hdr = hv_expect(g, OP(CREDIT_UPDATE), GPORT, HPORT);
	VERIFY3U(hdr.vvh_fwd_cnt, ==, 65547);
	hv_read_record(v.v_sock, v.v_data, 20, B_FALSE);
	hdr = hv_expect(g, OP(CREDIT_UPDATE), GPORT, HPORT);
	VERIFY3U(hdr.vvh_fwd_cnt, ==, 65567);

	/* Empty packets: the end of something, or nothing. */
	hv_send_piece(g, GPORT, HPORT, v.v_data, 10, 0);
	hv_send_piece(g, GPORT, HPORT, NULL, 0, 0);
	VERIFY3U(HV_PACKETS(g, "empty_data"), ==, 1);
	hv_read_end(v.v_sock, EWOULDBLOCK);
	hv_send_piece(g, GPORT, HPORT, NULL, 0, EOM | EOR);
	VERIFY3U(HV_PACKETS(g, "empty_data"), ==, 1);
	hv_read_record(v.v_sock, v.v_data, 10, B_TRUE);
	(void) hv_expect(g, OP(CREDIT_UPDATE), GPORT, HPORT);
	hv_send_piece(g, GPORT, HPORT, NULL, 0, EOM);
	VERIFY3U(HV_PACKETS(g, "empty_data"), ==, 2);
	hv_read_end(v.v_sock, EWOULDBLOCK);

	/* A half record, and then the end. */
	hv_send_piece(g, GPORT, HPORT, v.v_data, 10, EOM);
	hv_send_piece(g, GPORT, HPORT, v.v_data, 10, 0);
	hdr = hv_pkt(g, OP(SHUTDOWN), GPORT, HPORT);
	hdr.vvh_flags = VIRTIO_VSOCK_SHUTDOWN_SEND;
	hv_send(g, &hdr, NULL);
	hv_send_piece(g, GPORT, HPORT, v.v_data, 10, EOM);
	VERIFY3U(HV_PACKETS(g, "data_after_shutdown"), ==, 1);
	hv_read_record(v.v_sock, v.v_data, 10, B_FALSE);
	hv_read_end(v.v_sock, 0);
	vir_end(&v);
}

/*
 * The window: a record of just that size arrives, in pieces, while others are
 * in the queue; one more byte is too much, complete or not.
 */
KTEST(vio_rec_over_credit)
{
	vir_setup_t v;
	hv_guest_t *g = vir_begin(&v, 65536);
	uint32_t sent;

	for (sent = 0; sent < DATA; sent += 65536) {
		hv_send_piece(g, GPORT, HPORT, v.v_data + sent, 65536,
		    sent == DATA - 65536 ? EOM : 0);
	}
	VERIFY0(HV_PACKETS(g, "over_credit"));
	hv_expect_none(g);
	hv_read_record(v.v_sock, v.v_data, DATA, B_FALSE);
	(void) hv_expect(g, OP(CREDIT_UPDATE), GPORT, HPORT);

	/* Never to be completed: the window ends it. */
	hv_send_piece(g, GPORT, HPORT, v.v_data, 100, EOM);
	for (sent = 100; sent < DATA; sent += 65436)
		hv_send_piece(g, GPORT, HPORT, v.v_data, MIN(65436,
		    DATA - sent), 0);
	VERIFY0(HV_PACKETS(g, "over_credit"));
	hv_send_piece(g, GPORT, HPORT, v.v_data, 1, EOM);
	VERIFY3U(HV_PACKETS(g, "over_credit"), ==, 1);
	(void) hv_expect(g, OP(RST), GPORT, HPORT);
	hv_read_record(v.v_sock, v.v_data, 100, B_FALSE);
	hv_read_end(v.v_sock, ENOBUFS);
	vir_end(&v);
}

/*
 * A guest that sends as many records as it can, empty ones or of one byte, in
 * one packet each or in several: what that costs is bounded, and nobody else
 * suffers.
 */
KTEST(vio_rec_flood)
{
	uint64_t before, after, allocs;
	virtio_vsock_hdr_t hdr;
	vir_setup_t v;
	hv_guest_t *g = vir_begin(&v, 65536);
	const uint64_t window = 32768;
	uint32_t i;

	VERIFY0(fsk_close(v.v_sock));
	(void) hv_expect(g, OP(SHUTDOWN), GPORT, HPORT);
	hv_send_op(g, OP(RST), GPORT, HPORT);
	VERIFY0(fsk_setsockopt(v.v_listener, AF_VSOCK,
	    SO_VM_SOCKETS_BUFFER_SIZE, &window, sizeof (window)));
	v.v_sock = hv_open(g, v.v_listener, GPORT, HPORT);
	hdr = hv_pkt(g, OP(RW), GPORT, HPORT);
	hdr.vvh_flags = EOM;
	hv_send(g, &hdr, NULL);
	fk_kmem_usage(&before, &allocs);
	for (i = 0; i < 20000; i++) {
		hv_queue(g, &hdr, NULL);
		if (i % 32 == 31)
			hv_flush(g);
	}
	fk_kmem_usage(&after, &allocs);
	VERIFY3U(after, <=, before + 4096);
	VERIFY3U(HV_PACKETS(g, "empty_data"), ==, 20001);
	hv_read_end(v.v_sock, EWOULDBLOCK);

	/* Until the window is used up; all of it arrives. */
	for (i = 0; i < window; i++) {
		hdr.vvh_len = 1;
		hv_queue(g, &hdr, v.v_data + i % 251);
		if (i % 32 == 31)
			hv_flush(g);
	}
	fk_kmem_usage(&after, &allocs);
	VERIFY3U(after - before, <, 5 * window);
	hv_expect_none(g);
	for (i = 0; i < window; i++) {
		hv_read_record(v.v_sock, v.v_data + i % 251, 1, B_FALSE);
		if (i % 64 == 63) {
			hdr = hv_expect(g, OP(CREDIT_UPDATE), GPORT, HPORT);
			while (hdr.vvh_fwd_cnt != i + 1) {
				hdr = hv_expect(g, OP(CREDIT_UPDATE), GPORT,
				    HPORT);
			}
		}
	}
	hv_check_alive(g, v.v_sock, GPORT, HPORT);
	vir_end(&v);
}

/* No memory: the connection is lost, and its record; or it goes later. */
KTEST(vio_rec_nomem)
{
	virtio_vsock_hdr_t hdr;
	vir_setup_t v;
	hv_guest_t *g = vir_begin(&v, DATA);

	g->hg_rxkeep = B_TRUE;
	while (g->hg_ring[HV_RX].hr_out > 0) {
		hv_send_op(g, OP(CREDIT_REQUEST), GPORT, HPORT);
		(void) hv_expect(g, OP(CREDIT_UPDATE), GPORT, HPORT);
	}
	g->hg_rxkeep = B_FALSE;
	VERIFY0(vir_send(v.v_sock, v.v_data, 40000, MSG_XPG4_2));
	VERIFY0(vir_send(v.v_sock, v.v_data, 40000, MSG_XPG4_2));
	hv_settle();
	fk_fail_random(1);
	hv_rx_post(g, 8);
	hv_settle();
	VERIFY3U(HV_PACKETS(g, "tx_nomem"), >=, 1);
	fk_fail_random(0);
	fk_time_advance(20 * 1000 * 1000);
	hv_expect_record(g, GPORT, HPORT, v.v_data, 40000, EOM);
	hv_expect_record(g, GPORT, HPORT, v.v_data, 40000, EOM);

	hv_send_piece(g, GPORT, HPORT, v.v_data, 1000, 0);
	hdr = hv_pkt(g, OP(RW), GPORT, HPORT);
	hdr.vvh_len = 100;
	hdr.vvh_flags = EOM;
	hv_queue(g, &hdr, v.v_data);
	fk_fail_nth(1);
	hv_flush(g);
	fk_fail_nth(0);
	VERIFY3U(HV_PACKETS(g, "rx_nomem"), ==, 1);
	(void) hv_expect(g, OP(RST), GPORT, HPORT);
	hv_read_end(v.v_sock, ECONNRESET);
	vir_end(&v);
}
