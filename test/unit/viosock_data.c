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
 * viosock: traffic; on the hand-made host, which behaves well here, but for
 * being slow.
 */

#include <sys/ddi.h>
#include <sys/kmem.h>
#include <sys/param.h>
#include <sys/sunddi.h>
#include <sys/sysmacros.h>
#include <sys/disp.h>
#include <sys/thread.h>
#include "viosock_host.h"
#include "ktest.h"

#define	GPORT	100
#define	HPORT	5000

#define	OP(x)	VIRTIO_VSOCK_OP_##x

#define	MSEC	1000000ULL

/* What is in the stream at this offset. */
static uint8_t
vda_byte(uint64_t off)
{
	return ((uint8_t)((off * 2654435761U) >> 11 ^ off));
}

static void
vda_fill(uint8_t *buf, size_t len, uint64_t off)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = vda_byte(off + i);
}

static void
vda_check(const uint8_t *buf, size_t len, uint64_t off)
{
	for (size_t i = 0; i < len; i++)
		VERIFY3U(buf[i], ==, vda_byte(off + i));
}

/* Write as much as the socket takes. */
static size_t
vda_write(fsk_file_t *f, uint64_t off, size_t len)
{
	uint8_t *buf = kmem_alloc(len, KM_SLEEP);
	size_t n;
	int err;

	vda_fill(buf, len, off);
	err = fsk_send(f, buf, len, 0, &n);
	if (err != 0) {
		VERIFY3S(err, ==, EWOULDBLOCK);
		VERIFY0(n);
	}
	kmem_free(buf, len);
	return (n);
}

static size_t
vda_read(fsk_file_t *f, uint64_t off, size_t len)
{
	uint8_t *buf = kmem_alloc(len, KM_SLEEP);
	size_t n;
	int err;

	err = fsk_recv(f, buf, len, 0, &n);
	if (err != 0) {
		VERIFY3S(err, ==, EWOULDBLOCK);
		VERIFY0(n);
	}
	vda_check(buf, n, off);
	kmem_free(buf, len);
	return (n);
}

/*
 * Both directions at once through one connection, by sizes that fit nothing.
 */
static void
vda_traffic(vh_host_t *h, fsk_file_t *f, uint64_t total, uint_t step)
{
	uint64_t gsent = 0, grcvd = 0, hsent = 0, hrcvd = 0;
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);
	uint8_t *buf = kmem_alloc(4096, KM_SLEEP);
	virtio_vsock_hdr_t hdr;
	uint_t rounds = 0;

	h->vh_fwd_cnt = 0;
	while (grcvd < total || hrcvd < total) {
		VERIFY3U(++rounds, <, 100000);
		gsent += vda_write(f, gsent, MIN(total - gsent, step));

		/* As far as it may, in packets of any size. */
		for (uint_t i = 0; i < 40 && hsent < total; i++) {
			uint32_t n = (rounds * 977 + i * 131) % 4053;

			n = MIN(n, total - hsent);
			n = MIN(n, h->vh_peer_buf -
			    (uint32_t)(hsent - h->vh_peer_fwd));
			if (n == 0)
				continue;
			vda_fill(buf, n, hsent);
			hdr = vh_pkt(h, OP(RW), HPORT, GPORT);
			hdr.vvh_len = n;
			if (!vh_queue(h, &hdr, buf))
				break;
			hsent += n;
		}
		vh_intr(h, VH_RX);
		grcvd += vda_read(f, grcvd, 3 * step / 2);

		while (vh_recv(h, p)) {
			if (p->p_hdr.vvh_op == OP(CREDIT_REQUEST)) {
				vh_send_op(h, OP(CREDIT_UPDATE), HPORT, GPORT);
				continue;
			}
			if (p->p_hdr.vvh_op == OP(CREDIT_UPDATE))
				continue;
			VERIFY3U(p->p_hdr.vvh_op, ==, OP(RW));
			vda_check(p->p_data, p->p_hdr.vvh_len, hrcvd);
			hrcvd += p->p_hdr.vvh_len;
			VERIFY3U(hrcvd - h->vh_fwd_cnt, <=, h->vh_buf_alloc);
		}
		if (h->vh_fwd_cnt != hrcvd) {
			h->vh_fwd_cnt = (uint32_t)hrcvd;
			vh_send_op(h, OP(CREDIT_UPDATE), HPORT, GPORT);
		}
	}
	VERIFY3U(grcvd, ==, total);
	VERIFY3U(hrcvd, ==, total);
	kmem_free(buf, 4096);
	kmem_free(p, sizeof (*p));
}

KTEST(viosock_traffic)
{
	vh_host_t *h = vh_boot();
	fsk_file_t *l = hv_listen(GPORT, 5), *f;

	f = vh_open(h, l, HPORT, GPORT);
	vda_traffic(h, f, 4 << 20, 50000);
	vh_check_alive(h, f, HPORT, GPORT);
	VERIFY0(fsk_close(f));
	VERIFY0(fsk_close(l));
	vh_halt(h);
}

/* The same when one in ten allocations fails. */
KTEST(viosock_traffic_nomem)
{
	vh_host_t *h = vh_boot();
	fsk_file_t *l = hv_listen(GPORT, 5), *f;
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);
	uint8_t *buf = kmem_alloc(20000, KM_SLEEP);
	uint64_t gsent = 0, hrcvd = 0;
	uint_t rounds;
	size_t n;

	/* To the host: nothing is lost, it only takes longer. */
	f = vh_open(h, l, HPORT, GPORT);
	while (hrcvd < 1 << 20 || VH_RINGS("tx_nodesc") == 0) {
		VERIFY3U(gsent, <, 16 << 20);
		vda_fill(buf, 20000, gsent);
		fk_fail_random(10);
		(void) fsk_send(f, buf, 20000, 0, &n);
		gsent += n;
		for (rounds = 0; rounds < 20; rounds++) {
			fk_time_advance(10 * MSEC);
			while (vh_recv(h, p)) {
				if (p->p_hdr.vvh_op != OP(RW))
					continue;
				vda_check(p->p_data, p->p_hdr.vvh_len, hrcvd);
				hrcvd += p->p_hdr.vvh_len;
			}
		}
		fk_fail_random(0);
		h->vh_fwd_cnt = (uint32_t)hrcvd;
		vh_send_op(h, OP(CREDIT_UPDATE), HPORT, GPORT);
	}
	kmem_free(buf, 20000);
	vh_send_op(h, OP(RST), HPORT, GPORT);
	VERIFY0(fsk_close(f));

	/* From the host: a packet lost is a connection lost, but only that. */
	h->vh_fwd_cnt = 0;
	for (rounds = 0; rounds < 50; rounds++) {
		uint8_t byte = vda_byte(0);

		/* An interrupt handler leaves it to the worker. */
		f = vh_open(h, l, HPORT, GPORT);
		fk_fail_nth(1);
		vh_send_data(h, HPORT, GPORT, &byte, 1);
		fk_fail_nth(0);
		hv_read(f, &byte, 1);

		fk_fail_random(1);
		vh_send_data(h, HPORT, GPORT, &byte, 1);
		fk_fail_random(0);
		fk_time_advance(10 * MSEC);
		hv_settle();
		(void) vh_expect(h, OP(RST), HPORT, GPORT);
		hv_read_end(f, ECONNRESET);
		VERIFY0(fsk_close(f));
	}
	VERIFY3U(VH_PACKETS("rx_nomem"), ==, 50);
	vh_expect_none(h);
	vh_check_new(h);
	kmem_free(p, sizeof (*p));
	VERIFY0(fsk_close(l));
	vh_halt(h);
}

/*
 * What an interrupt handler delivers itself, and what it leaves: the packets
 * after the first few, and all from one that opens a connection.
 */
KTEST(viosock_intr_data)
{
	vh_host_t *h = vh_boot();
	fsk_file_t *l = hv_listen(GPORT, 5), *f, *new;
	virtio_vsock_hdr_t hdr;
	uint8_t buf[12 * 10], got[sizeof (buf)];
	size_t n;

	f = vh_open(h, l, HPORT, GPORT);
	hdr = vh_pkt(h, OP(RW), HPORT, GPORT);
	hdr.vvh_len = 10;
	vda_fill(buf, sizeof (buf), 0);
	for (uint_t i = 0; i < 12; i++)
		VERIFY(vh_queue(h, &hdr, buf + 10 * i));
	fvio_interrupt(h->vh_dev, VH_RX);
	VERIFY0(fsk_recv(f, got, sizeof (got), MSG_DONTWAIT, &n));
	VERIFY3U(n, >=, 8 * 10);
	VERIFY0(bcmp(got, buf, n));
	hv_settle();
	if (n < sizeof (buf))
		hv_read(f, buf + n, sizeof (buf) - n);

	VERIFY(vh_queue(h, &hdr, buf));
	hdr = vh_pkt(h, OP(REQUEST), HPORT + 1, GPORT);
	VERIFY(vh_queue(h, &hdr, NULL));
	hdr = vh_pkt(h, OP(RW), HPORT, GPORT);
	hdr.vvh_len = 10;
	VERIFY(vh_queue(h, &hdr, buf + 10));
	fvio_interrupt(h->vh_dev, VH_RX);
	VERIFY0(fsk_recv(f, got, 10, MSG_DONTWAIT, &n));
	VERIFY3U(n, ==, 10);
	VERIFY0(bcmp(got, buf, 10));
	hv_settle();
	hv_read(f, buf + 10, 10);
	(void) vh_expect(h, OP(RESPONSE), HPORT + 1, GPORT);
	VERIFY0(fsk_accept(l, NULL, NULL, &new));

	VERIFY0(fsk_close(new));
	VERIFY0(fsk_close(f));
	VERIFY0(fsk_close(l));
	vh_halt(h);
}

/* The host may call itself 0, and be called so. */
KTEST(viosock_hypervisor_cid)
{
	vh_host_t *h = vh_boot();
	fsk_file_t *l = hv_listen(GPORT, 5), *f;
	virtio_vsock_hdr_t hdr;
	struct sockaddr_vm svm;
	uint32_t len = sizeof (svm), gport;
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);

	f = hv_connect(VMADDR_CID_HYPERVISOR, HPORT);
	gport = hv_port(f);
	VERIFY(vh_recv(h, p));
	VERIFY3U(p->p_hdr.vvh_op, ==, OP(REQUEST));
	VERIFY3U(p->p_hdr.vvh_dst_cid, ==, VMADDR_CID_HYPERVISOR);
	/* From 2 is from somebody else. */
	vh_send_op(h, OP(RESPONSE), HPORT, gport);
	(void) vh_expect(h, OP(RST), HPORT, gport);
	VERIFY3S(fsk_poll(f, POLLOUT) & POLLOUT, ==, 0);
	hdr = vh_pkt(h, OP(RESPONSE), HPORT, gport);
	hdr.vvh_src_cid = VMADDR_CID_HYPERVISOR;
	vh_send(h, &hdr, NULL);
	vh_expect_none(h);
	hv_write(f, "hello", 5);
	VERIFY(vh_recv(h, p));
	VERIFY3U(p->p_hdr.vvh_dst_cid, ==, VMADDR_CID_HYPERVISOR);
	VERIFY0(bcmp(p->p_data, "hello", 5));
	VERIFY0(fsk_close(f));
	VERIFY(vh_recv(h, p));
	VERIFY3U(p->p_hdr.vvh_op, ==, OP(SHUTDOWN));
	hdr.vvh_op = OP(RST);
	vh_send(h, &hdr, NULL);

	hdr = vh_pkt(h, OP(REQUEST), HPORT, GPORT);
	hdr.vvh_src_cid = VMADDR_CID_HYPERVISOR;
	vh_send(h, &hdr, NULL);
	VERIFY(vh_recv(h, p));
	VERIFY3U(p->p_hdr.vvh_op, ==, OP(RESPONSE));
	VERIFY3U(p->p_hdr.vvh_dst_cid, ==, VMADDR_CID_HYPERVISOR);
	f = hv_accept(l);
	VERIFY0(fsk_getpeername(f, &svm, &len));
	VERIFY3U(svm.svm_cid, ==, VMADDR_CID_HYPERVISOR);
	VERIFY0(VH_PACKETS("bad_src_cid"));
	VERIFY0(fsk_close(f));
	VERIFY0(fsk_close(l));
	kmem_free(p, sizeof (*p));
	vh_halt(h);
}

/*
 * Several packets a notification, and no interrupt but when all buffers are
 * out.  Small writes that had to wait are sent as few packets.
 */
KTEST(viosock_tx_batch)
{
	vh_host_t *h = vh_boot();
	fsk_file_t *l = hv_listen(GPORT, 5), *f;
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);
	uint32_t kicks;
	uint64_t sent = 0, rcvd = 0;
	uint_t packets = 0;

	h->vh_buf_alloc = 8 << 20;
	f = vh_open(h, l, HPORT, GPORT);
	VERIFY(!fvio_vq_wants_intr(&h->vh_vq[VH_TX]));

	sent = vda_write(f, 0, 250000);
	hv_settle();
	VERIFY3U(fvio_vq_avail(&h->vh_vq[VH_TX]), ==, 4);
	VERIFY0(VH_RINGS("tx_full"));
	VERIFY(!fvio_vq_wants_intr(&h->vh_vq[VH_TX]));
	kicks = vh_notifies(h, VH_TX);
	VERIFY3U(kicks, <=, VH_RINGS("tx_flushes"));
	while (vh_recv(h, p)) {
		VERIFY3U(p->p_hdr.vvh_op, ==, OP(RW));
		vda_check(p->p_data, p->p_hdr.vvh_len, rcvd);
		rcvd += p->p_hdr.vvh_len;
	}
	VERIFY3U(rcvd, ==, sent);
	vh_check_alive(h, f, HPORT, GPORT);

	/*
	 * 1000 writes of 10 bytes to a host that takes its time: it has room
	 * for a few small packets, the rest waits for it together.
	 */
	h->vh_buf_alloc = 16384;
	h->vh_fwd_cnt = (uint32_t)rcvd + 4;
	vh_send_op(h, OP(CREDIT_UPDATE), HPORT, GPORT);
	vh_expect_none(h);
	sent = rcvd = 0;
	for (uint_t i = 0; i < 1000; i++) {
		VERIFY3U(vda_write(f, sent, 10), ==, 10);
		sent += 10;
	}
	while (rcvd < sent) {
		VERIFY(vh_recv(h, p));
		if (p->p_hdr.vvh_op == OP(CREDIT_REQUEST)) {
			h->vh_fwd_cnt += (uint32_t)rcvd - packets;
			packets = (uint32_t)rcvd;
			vh_send_op(h, OP(CREDIT_UPDATE), HPORT, GPORT);
			continue;
		}
		VERIFY3U(p->p_hdr.vvh_op, ==, OP(RW));
		vda_check(p->p_data, p->p_hdr.vvh_len, rcvd);
		rcvd += p->p_hdr.vvh_len;
	}
	VERIFY3U(VH_PACKETS("tx_rw"), <, 100);
	VERIFY0(fsk_close(f));
	VERIFY0(fsk_close(l));
	kmem_free(p, sizeof (*p));
	vh_halt(h);
}

/*
 * Who sends does the work himself, if nobody is at it: the packet is in the
 * queue, and the device notified, when send(3SOCKET) returns.
 */
KTEST(viosock_tx_now)
{
	vh_host_t *h = vh_boot();
	fsk_file_t *l = hv_listen(GPORT, 5), *f;
	uint32_t kicks;

	f = vh_open(h, l, HPORT, GPORT);
	hv_settle();
	for (uint_t i = 0; i < 5; i++) {
		kicks = vh_notifies(h, VH_TX);
		VERIFY3U(vda_write(f, 10 * i, 10), ==, 10);
		VERIFY3U(fvio_vq_avail(&h->vh_vq[VH_TX]), ==, i + 1);
		VERIFY3U(vh_notifies(h, VH_TX), >, kicks);
	}
	for (uint_t i = 0; i < 5; i++) {
		hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);

		VERIFY(vh_recv(h, p));
		VERIFY3U(p->p_hdr.vvh_op, ==, OP(RW));
		VERIFY3U(p->p_hdr.vvh_len, ==, 10);
		vda_check(p->p_data, 10, 10 * i);
		kmem_free(p, sizeof (*p));
	}
	vh_check_alive(h, f, HPORT, GPORT);
	VERIFY0(fsk_close(f));
	VERIFY0(fsk_close(l));
	vh_halt(h);
}

/* Fill every transmit buffer with RSTs: answers to packets for nobody. */
static uint_t
vda_fill_tx(vh_host_t *h)
{
	uint16_t avail;
	uint_t n = 0;

	do {
		avail = fvio_vq_avail(&h->vh_vq[VH_TX]);
		vh_send_op(h, OP(CREDIT_UPDATE), 6000 + n, 7000);
		n++;
	} while (fvio_vq_avail(&h->vh_vq[VH_TX]) != avail);
	return (n);
}

/*
 * The device takes nothing: reception goes on until the answers that wait are
 * too many, then stops, and goes on when there is room again.
 */
KTEST(viosock_rx_budget)
{
	vh_host_t *h = vh_boot();
	fsk_file_t *l = hv_listen(GPORT, 5), *f;
	virtio_vsock_hdr_t hdr;
	uint_t n, taken = 0;

	f = vh_open(h, l, HPORT, GPORT);
	n = vda_fill_tx(h);
	VERIFY3U(VH_RINGS("tx_full"), >, 0);
	VERIFY(fvio_vq_wants_intr(&h->vh_vq[VH_TX]));
	/* It still receives. */
	vh_send_data(h, HPORT, GPORT, "still", 5);
	hv_read(f, "still", 5);

	/* Until it does not. */
	while (VH_PACKETS("rx_stopped") == 0) {
		vh_send_op(h, OP(CREDIT_UPDATE), 6000 + n++, 7000);
		VERIFY3U(n, <, 1000);
	}
	hdr = vh_pkt(h, OP(RW), HPORT, GPORT);
	hdr.vvh_len = 5;
	while (vh_queue(h, &hdr, "later"))
		taken++;
	vh_intr(h, VH_RX);
	VERIFY3U(taken, >, 0);
	VERIFY3U(taken, <=, VH_RXBUFS);
	hv_read_end(f, EWOULDBLOCK);
	VERIFY3U(VH_PACKETS("rx_stopped"), ==, 1);

	/* The device takes them, in order, and all goes on. */
	for (uint_t i = 0; i < n; i++)
		(void) vh_expect(h, OP(RST), 6000 + i, 7000);
	for (uint_t i = 0; i < taken; i++)
		hv_read(f, "later", 5);
	VERIFY0(VH_PACKETS("rst_lost"));
	VERIFY3U(fvio_vq_avail(&h->vh_vq[VH_RX]), ==, VH_RXBUFS);
	vh_check_new(h);
	VERIFY0(fsk_close(f));
	VERIFY0(fsk_close(l));
	vh_halt(h);
}

/*
 * A device that never returns a transmit buffer: writers wait, but can close;
 * and it can be detached.
 */
KTEST(viosock_tx_stuck)
{
	vh_host_t *h = vh_boot();
	fsk_file_t *l = hv_listen(GPORT, 5), *f;
	uint64_t sent = 0, bytes, used, n;

	h->vh_buf_alloc = INT32_MAX;
	f = vh_open(h, l, HPORT, GPORT);
	(void) vda_fill_tx(h);
	fk_kmem_usage(&bytes, &n);
	while ((n = vda_write(f, sent, 100000)) != 0) {
		sent += n;
		VERIFY3U(sent, <, 16 << 20);
	}
	hv_settle();
	VERIFY3S(fsk_poll(f, POLLOUT) & POLLOUT, ==, 0);
	/* What waits has a bound, and so does what is done about it. */
	n = VH_RINGS("tx_reminded");
	fk_time_advance(1000 * MSEC);
	hv_settle();
	VERIFY3U(VH_RINGS("tx_reminded"), >, n);
	VERIFY3U(VH_RINGS("tx_reminded"), <=, n + 11);
	fk_kmem_usage(&used, &n);
	VERIFY3U(used - bytes, <, sent + (1 << 20));

	VERIFY0(fsk_close(f));
	for (uint_t i = 0; i < 20; i++) {
		fk_time_advance(8000 * MSEC);
		hv_settle();
	}
	fk_kmem_usage(&used, &n);
	VERIFY3U(used, <, bytes + 65536);
	VERIFY0(fsk_close(l));
	vh_halt(h);
}

/*
 * A notification that the device did not get, or an interrupt that we did not.
 */
KTEST(viosock_lost_notification)
{
	vh_host_t *h = vh_boot();
	fsk_file_t *l = hv_listen(GPORT, 5), *f;
	virtio_vsock_hdr_t hdr;
	uint32_t kicks;

	f = vh_open(h, l, HPORT, GPORT);
	fk_time_advance(1000 * MSEC);
	hv_settle();
	VERIFY0(VH_RINGS("tx_reminded"));

	/* The device was told not to be told, when it was not looking. */
	fvio_vq_no_notify(&h->vh_vq[VH_TX], true);
	kicks = vh_notifies(h, VH_TX);
	hv_write(f, "lost", 4);
	hv_settle();
	fvio_vq_no_notify(&h->vh_vq[VH_TX], false);
	VERIFY3U(vh_notifies(h, VH_TX), ==, kicks);
	fk_time_advance(150 * MSEC);
	hv_settle();
	VERIFY3U(vh_notifies(h, VH_TX), ==, kicks + 1);
	VERIFY3U(VH_RINGS("tx_reminded"), ==, 1);
	vh_expect_data(h, HPORT, GPORT, "lost", 4);
	fk_time_advance(1000 * MSEC);
	hv_settle();
	VERIFY3U(VH_RINGS("tx_reminded"), ==, 1);

	/* Receive buffers that were returned. */
	fk_time_advance(1000 * MSEC);
	hv_settle();
	fvio_vq_no_notify(&h->vh_vq[VH_RX], true);
	kicks = vh_notifies(h, VH_RX);
	vh_send_data(h, HPORT, GPORT, "abc", 3);
	fvio_vq_no_notify(&h->vh_vq[VH_RX], false);
	VERIFY3U(vh_notifies(h, VH_RX), ==, kicks);
	fk_time_advance(150 * MSEC);
	hv_settle();
	VERIFY3U(vh_notifies(h, VH_RX), ==, kicks + 1);
	/* Once: an idle driver is idle. */
	fk_time_advance(10000 * MSEC);
	hv_settle();
	VERIFY3U(vh_notifies(h, VH_RX), ==, kicks + 1);
	hv_read(f, "abc", 3);

	/* An interrupt that got lost, shortly after another packet. */
	vh_send_data(h, HPORT, GPORT, "one", 3);
	hdr = vh_pkt(h, OP(RW), HPORT, GPORT);
	hdr.vvh_len = 3;
	VERIFY(vh_queue(h, &hdr, "two"));
	hv_settle();
	hv_read(f, "one", 3);
	hv_read_end(f, EWOULDBLOCK);
	fk_time_advance(150 * MSEC);
	hv_settle();
	hv_read(f, "two", 3);
	VERIFY0(fsk_close(f));
	VERIFY0(fsk_close(l));
	vh_halt(h);
}

/*
 * Records, to the host and from it: cut as buffers demand.  One that was not
 * complete when the host lost its connections never is.
 */
KTEST(viosock_records)
{
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);
	uint8_t *data = kmem_alloc(100000, KM_SLEEP);
	virtio_vsock_hdr_t hdr;
	fsk_file_t *l, *f;
	uint_t i, npackets = 0;
	vh_host_t *h;

	for (i = 0; i < 100000; i++)
		data[i] = (uint8_t)(i + i / 256);
	vh_begin();
	h = vh_create(VH_INSTANCE, 0);
	h->vh_offer |= VIRTIO_VSOCK_F_SEQPACKET;
	h->vh_type = VIRTIO_VSOCK_TYPE_SEQPACKET;
	VERIFY0(fvio_attach(h->vh_dev));
	hv_socktype = SOCK_SEQPACKET;
	l = hv_listen(GPORT, 5);
	f = vh_open(h, l, 9, GPORT);

	hv_write(f, data, 100000);
	hv_write(f, data, 1);
	for (i = 0; i < 100000; i += p->p_hdr.vvh_len) {
		VERIFY(vh_recv(h, p));
		VERIFY3U(p->p_hdr.vvh_op, ==, OP(RW));
		VERIFY3U(p->p_hdr.vvh_type, ==, VIRTIO_VSOCK_TYPE_SEQPACKET);
		VERIFY3U(p->p_hdr.vvh_len, <=, 100000 - i);
		VERIFY0(bcmp(p->p_data, data + i, p->p_hdr.vvh_len));
		VERIFY3U(p->p_hdr.vvh_flags, ==,
		    i + p->p_hdr.vvh_len == 100000 ?
		    VIRTIO_VSOCK_SEQ_EOM | VIRTIO_VSOCK_SEQ_EOR : 0);
		npackets++;
	}
	VERIFY3U(npackets, >, 1);
	VERIFY(vh_recv(h, p));
	VERIFY3U(p->p_hdr.vvh_len, ==, 1);
	VERIFY3U(p->p_hdr.vvh_flags, ==,
	    VIRTIO_VSOCK_SEQ_EOM | VIRTIO_VSOCK_SEQ_EOR);

	for (i = 0; i < 20000; i += 4000) {
		hdr = vh_pkt(h, OP(RW), 9, GPORT);
		hdr.vvh_len = 4000;
		hdr.vvh_flags = (i == 16000) ?
		    VIRTIO_VSOCK_SEQ_EOM | VIRTIO_VSOCK_SEQ_EOR : 0;
		vh_send(h, &hdr, data + i);
	}
	hv_read_record(f, data, 20000, B_TRUE);
	(void) vh_expect(h, OP(CREDIT_UPDATE), 9, GPORT);
	vh_send_data(h, 9, GPORT, data, 7);
	hdr.vvh_flags = 0;
	vh_send(h, &hdr, data);
	vh_event(h, VIRTIO_VSOCK_EVENT_RESET, sizeof (virtio_vsock_event_t));
	hv_read_record(f, data, 7, B_FALSE);
	hv_read_end(f, ECONNRESET);
	VERIFY0(fsk_close(f));
	VERIFY0(fsk_close(l));
	VERIFY0(fvio_detach(h->vh_dev));
	vh_destroy(h);
	vh_end();
	kmem_free(data, 100000);
	kmem_free(p, sizeof (*p));
}

/*
 * The host forgets everything in mid-transfer: connections end, listeners do
 * not, and the guest may have another CID.
 */
KTEST(viosock_transport_reset)
{
	vh_host_t *h = vh_boot();
	fsk_file_t *l = hv_listen(GPORT, 5), *f[4], *c;
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);
	uint32_t gport;

	for (uint_t round = 0; round < 20; round++) {
		uint64_t sent = 0, n;

		f[0] = vh_open(h, l, HPORT, GPORT);
		f[1] = vh_open(h, l, HPORT + 1, GPORT);
		f[2] = vh_accept(h, HPORT + 2, &gport);
		/* Written, but not taken; received, but not read; neither. */
		while ((n = vda_write(f[0], sent, 50000)) != 0)
			sent += n;
		for (uint_t i = 0; i < 10; i++)
			vh_send_data(h, HPORT + 1, GPORT, "data", 4);
		/* Asked, but not answered. */
		f[3] = hv_connect(VMADDR_CID_HOST, HPORT + 3);

		h->vh_cid = VH_CID + round % 3;
		vh_event(h, VIRTIO_VSOCK_EVENT_RESET,
		    sizeof (virtio_vsock_event_t));
		VERIFY3U(VH_RINGS("resets"), ==, round + 1);
		VERIFY3U(fvio_vq_avail(&h->vh_vq[VH_EV]), ==, 8);
		VERIFY3U(vh_local_cid(), ==, h->vh_cid);
		/* What was in the ring is from the life before. */
		while (vh_recv(h, p))
			continue;

		VERIFY3S(fsk_poll(f[0], POLLIN | POLLOUT), !=, 0);
		hv_read_end(f[0], ECONNRESET);
		for (uint_t i = 0; i < 10; i++)
			hv_read(f[1], "data", 4);
		hv_read_end(f[1], ECONNRESET);
		hv_read_end(f[2], ECONNRESET);
		for (uint_t i = 0; i < ARRAY_SIZE(f); i++)
			VERIFY0(fsk_close(f[i]));
		vh_expect_none(h);

		c = vh_open(h, l, HPORT, GPORT);
		vh_check_alive(h, c, HPORT, GPORT);
		vh_send_op(h, OP(RST), HPORT, GPORT);
		VERIFY0(fsk_close(c));
		vh_check_new(h);
	}
	VERIFY0(fsk_close(l));
	kmem_free(p, sizeof (*p));
	vh_halt(h);
}

/*
 * Detach with all that can be under way: data in sockets that nobody reads and
 * in the rings, writers that wait, connects.
 */
KTEST(viosock_detach_busy)
{
	vh_host_t *h;
	fsk_file_t *l, *f[5];
	uint32_t gport;

	vh_begin();
	h = vh_create(VH_INSTANCE, 0);
	h->vh_buf_alloc = 1 << 20;
	l = hv_listen(GPORT, 5);
	for (uint_t round = 0; round < 200; round++) {
		uint64_t sent = 0, n;
		virtio_vsock_hdr_t hdr;

		VERIFY0(fvio_attach(h->vh_dev));
		hv_settle();
		f[0] = vh_open(h, l, HPORT, GPORT);
		for (uint_t i = 0; i < 30; i++)
			vh_send_data(h, HPORT, GPORT, "slow", 4);
		f[1] = vh_open(h, l, HPORT + 1, GPORT);
		f[2] = vh_accept(h, HPORT + 2, &gport);
		while ((n = vda_write(f[1], sent, 70000)) != 0)
			sent += n;
		f[3] = hv_connect(VMADDR_CID_HOST, HPORT + 3);
		/* Nobody accepts this one. */
		vh_send_op(h, OP(REQUEST), HPORT + 4, GPORT);
		/* Received, but the driver has not been told. */
		hdr = vh_pkt(h, OP(RW), HPORT, GPORT);
		hdr.vvh_len = 4;
		for (uint_t i = 0; i < round % 20; i++)
			VERIFY(vh_queue(h, &hdr, "slow"));
		if (round % 2 == 0)
			fvio_raise(h->vh_dev, VH_RX);

		VERIFY0(fvio_detach(h->vh_dev));
		VERIFY(!h->vh_running);
		for (uint_t i = 0; i < 30; i++)
			hv_read(f[0], "slow", 4);
		hv_read_end(f[1], ECONNRESET);
		hv_read_end(f[2], ECONNRESET);
		f[4] = hv_accept(l);
		hv_read_end(f[4], ECONNRESET);
		for (uint_t i = 0; i < ARRAY_SIZE(f); i++)
			VERIFY0(fsk_close(f[i]));
	}
	VERIFY0(fsk_close(l));
	vh_destroy(h);
	vh_end();
}

/*
 * The same with threads: a host that sends all it may, readers and writers,
 * while the driver comes and goes.
 */

#define	VDA_CONNS	3

typedef struct vda_load {
	vh_host_t	*vl_host;
	boolean_t	vl_stop;
	fsk_file_t	*vl_listener;
	uint64_t	vl_bytes;	/* received by the guest; atomic */
	uint64_t	vl_conns;
} vda_load_t;

static boolean_t
vda_stopped(vda_load_t *vl)
{
	return (__atomic_load_n(&vl->vl_stop, __ATOMIC_RELAXED));
}

/* Send to every connection, and answer as a host does. */
static void
vda_host(vda_load_t *vl, hv_packet_t *p, uint_t round)
{
	vh_host_t *h = vl->vl_host;
	virtio_vsock_hdr_t hdr;
	fvio_elem_t *fe;
	boolean_t intr[2] = { B_FALSE, B_FALSE };

	fe = kmem_alloc(sizeof (*fe), KM_SLEEP);
	mutex_enter(&h->vh_lock);
	if (h->vh_running) {
		for (uint_t i = 0; i < VDA_CONNS; i++) {
			hdr = vh_pkt(h, (round % 5 == 0) ? OP(REQUEST) : OP(RW),
			    HPORT + i, GPORT);
			hdr.vvh_len = (round % 5 == 0) ? 0 : 1 + round % 900;
			(void) vh_queue(h, &hdr,
			    (round % 5 == 0) ? NULL : p->p_data);
		}
		while (fvio_vq_pop(&h->vh_vq[VH_TX], fe)) {
			VERIFY3U(fvio_elem_read(fe, 0, &hdr,
			    VIRTIO_VSOCK_HDR_SIZE), ==, VIRTIO_VSOCK_HDR_SIZE);
			fvio_vq_push(&h->vh_vq[VH_TX], fe->fe_id, 0);
			if (hdr.vvh_op != OP(SHUTDOWN) &&
			    hdr.vvh_op != OP(REQUEST))
				continue;
			hdr = vh_pkt(h, OP(RST), hdr.vvh_dst_port,
			    hdr.vvh_src_port);
			(void) vh_queue(h, &hdr, NULL);
		}
		intr[VH_RX] = fvio_vq_wants_intr(&h->vh_vq[VH_RX]);
		intr[VH_TX] = fvio_vq_wants_intr(&h->vh_vq[VH_TX]);
		for (uint_t i = 0; i < ARRAY_SIZE(intr); i++) {
			if (intr[i])
				fvio_raise(h->vh_dev, i);
		}
	}
	mutex_exit(&h->vh_lock);
	kmem_free(fe, sizeof (*fe));
}

static void
vda_host_thread(void *arg)
{
	vda_load_t *vl = arg;
	hv_packet_t *p = kmem_zalloc(sizeof (*p), KM_SLEEP);

	for (uint_t round = 0; !vda_stopped(vl); round++)
		vda_host(vl, p, round);
	kmem_free(p, sizeof (*p));
	thread_exit();
}

/* Accept, talk until it ends, and again. */
static void
vda_app_thread(void *arg)
{
	vda_load_t *vl = arg;
	uint8_t *buf = kmem_zalloc(8192, KM_SLEEP);
	fsk_file_t *f;
	size_t n;

	while (!vda_stopped(vl)) {
		if (fsk_accept(vl->vl_listener, NULL, NULL, &f) != 0) {
			delay(1);
			continue;
		}
		__atomic_add_fetch(&vl->vl_conns, 1, __ATOMIC_RELAXED);
		fsk_set_nonblock(f, true);
		for (uint_t i = 0; i < 200; i++) {
			int err = fsk_recv(f, buf, 300, 0, &n);

			__atomic_add_fetch(&vl->vl_bytes, n, __ATOMIC_RELAXED);
			if ((err == 0 && n == 0) ||
			    (err != 0 && err != EWOULDBLOCK))
				break;
			err = fsk_send(f, buf, 8192, 0, &n);
			if (err != 0 && err != EWOULDBLOCK)
				break;
		}
		VERIFY0(fsk_close(f));
	}
	kmem_free(buf, 8192);
	thread_exit();
}

KTEST_REAL(viosock_detach_load)
{
	vda_load_t vl = { 0 };
	kt_did_t tid[3];
	uint64_t conns;

	vh_begin();
	vl.vl_host = vh_create(VH_INSTANCE, 0);
	for (uint_t i = 0; i < FVIO_QUEUES; i++)
		vl.vl_host->vh_qsize[i] = 16;
	vl.vl_listener = hv_listen(GPORT, 10);
	for (uint_t i = 0; i < ARRAY_SIZE(tid); i++) {
		tid[i] = thread_create(NULL, 0, i == 0 ? vda_host_thread :
		    vda_app_thread, &vl, 0, &p0, TS_RUN, minclsyspri)->t_did;
	}
	for (uint_t round = 0; round < 200; round++) {
		VERIFY0(fvio_attach(vl.vl_host->vh_dev));
		/* Once with traffic for certain, then at any time. */
		conns = __atomic_load_n(&vl.vl_conns, __ATOMIC_RELAXED);
		while (round % 20 == 0 &&
		    __atomic_load_n(&vl.vl_conns, __ATOMIC_RELAXED) == conns)
			delay(1);
		VERIFY0(fvio_detach(vl.vl_host->vh_dev));
	}
	__atomic_store_n(&vl.vl_stop, B_TRUE, __ATOMIC_RELAXED);
	for (uint_t i = 0; i < ARRAY_SIZE(tid); i++)
		thread_join(tid[i]);
	VERIFY3U(vl.vl_bytes, >, 0);
	VERIFY0(fsk_close(vl.vl_listener));
	vh_destroy(vl.vl_host);
	vh_end();
}
