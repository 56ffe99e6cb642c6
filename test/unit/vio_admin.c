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
 * What vsock_virtio shows of itself: credit and packets of a connection in the
 * list, captured packets as they are on the wire, probes for what is dropped.
 */

#include <sys/errno.h>
#include <sys/kmem.h>
#include <sys/kstat.h>
#include <sys/sysmacros.h>
#include <sys/vsock_kstat.h>
#include <sys/vsock_ioctl.h>
#include "hv_guest.h"
#include "ktest.h"
#include "probe.h"

#define	GPORT	5000
#define	HPORT	1234

#define	OP(x)	VIRTIO_VSOCK_OP_##x

#define	LIST_MAX	8

/* What the list says of the connection with this port of the guest. */
static vsock_kconn_t
list_conn(uint32_t gport)
{
	vsock_kconn_t list[LIST_MAX], found = { 0 };
	kstat_t *ksp;
	uint_t i;

	ksp = kstat_hold_byname("vsock", 0, "connections", GLOBAL_ZONEID);
	VERIFY(ksp != NULL);
	KSTAT_ENTER(ksp);
	VERIFY0(KSTAT_UPDATE(ksp, KSTAT_READ));
	VERIFY3U(ksp->ks_data_size, <=, sizeof (list));
	VERIFY0(KSTAT_SNAPSHOT(ksp, list, KSTAT_READ));
	for (i = 0; i < ksp->ks_ndata && list[i].vkc_size != 0; i++) {
		if (list[i].vkc_rport == gport)
			found = list[i];
	}
	KSTAT_EXIT(ksp);
	kstat_rele(ksp);
	VERIFY3U(found.vkc_size, ==, sizeof (found));
	return (found);
}

KTEST(vio_kstat_connection)
{
	uint8_t *data = kmem_zalloc(65536, KM_SLEEP);
	virtio_vsock_hdr_t hdr;
	fsk_file_t *l, *so;
	vsock_kconn_t kc;
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);
	hv_guest_t *g;
	size_t n;

	hv_begin();
	g = hv_guest_boot(3, HV_F_VERSION_1 | HV_F_EVENT_IDX);
	l = hv_listen(HPORT, 5);
	g->hg_buf_alloc = 10000;
	so = hv_open(g, l, GPORT, HPORT);

	/* REQUEST and RESPONSE. */
	kc = list_conn(GPORT);
	VERIFY3U(kc.vkc_state, ==, VSOCK_S_CONNECTED);
	VERIFY3U(kc.vkc_lcid, ==, 2);
	VERIFY3U(kc.vkc_lport, ==, HPORT);
	VERIFY3U(kc.vkc_rcid, ==, 3);
	VERIFY3U(kc.vkc_rx_packets, ==, 1);
	VERIFY3U(kc.vkc_tx_packets, ==, 1);
	VERIFY3U(kc.vkc_rx_credit, ==, 256 * 1024);
	VERIFY3U(kc.vkc_tx_credit, ==, 10000);

	hv_send_data(g, GPORT, HPORT, data, 700);
	hv_send_data(g, GPORT, HPORT, data, 300);
	/* More than there is credit for. */
	VERIFY0(fsk_send(so, data, 12000, 0, &n));
	VERIFY3U(n, ==, 12000);
	hv_settle();
	kc = list_conn(GPORT);
	VERIFY3U(kc.vkc_rx_bytes, ==, 1000);
	VERIFY3U(kc.vkc_rx_msgs, ==, 2);
	VERIFY3U(kc.vkc_rx_packets, ==, 3);
	VERIFY3U(kc.vkc_rx_queued, ==, 1000);
	VERIFY3U(kc.vkc_rx_credit, ==, 256 * 1024 - 1000);
	VERIFY3U(kc.vkc_tx_bytes, ==, 12000);
	VERIFY3U(kc.vkc_tx_queued, ==, 2000);
	VERIFY0(kc.vkc_tx_credit);
	VERIFY3U(kc.vkc_flags, ==, VKC_TX_FULL);
	VERIFY3U(kc.vkc_tx_stalls, ==, 1);
	VERIFY0(kc.vkc_rx_stalls);

	/* The guest waits, and is given what was read; so are we. */
	hv_read(so, data, 1000);
	hv_send_op(g, OP(CREDIT_REQUEST), GPORT, HPORT);
	hdr = hv_pkt(g, OP(CREDIT_UPDATE), GPORT, HPORT);
	hdr.vvh_fwd_cnt = 10000;
	hv_send(g, &hdr, NULL);
	kc = list_conn(GPORT);
	VERIFY3U(kc.vkc_rx_stalls, ==, 1);
	VERIFY0(kc.vkc_rx_queued);
	VERIFY3U(kc.vkc_rx_credit, ==, 256 * 1024);
	VERIFY0(kc.vkc_tx_queued);
	VERIFY3U(kc.vkc_tx_credit, ==, 8000);
	VERIFY0(kc.vkc_flags);

	while (hv_recv(g, p))
		;
	VERIFY0(fsk_close(so));
	(void) hv_expect(g, OP(SHUTDOWN), GPORT, HPORT);
	hv_send_op(g, OP(RST), GPORT, HPORT);
	VERIFY0(fsk_close(l));
	hv_guest_destroy(g);
	hv_end();
	kmem_free(p, sizeof (*p));
	kmem_free(data, 65536);
}

/* A record with a packet of virtio in it. */
typedef struct vio_captured {
	vsock_capture_rec_t	vc_rec;
	vsock_mon_hdr_t		vc_mon;
	virtio_vsock_hdr_t	vc_hdr;
	uint8_t			vc_data[100];
} vio_captured_t;

/* The next packet: from the guest or from us, with so many bytes of payload. */
static const uint8_t *
captured(fk_file_t *dev, uint_t mon, uint16_t op, boolean_t from_guest,
    uint32_t len)
{
	static vio_captured_t vc;
	size_t done, size;

	size = P2ROUNDUP(offsetof(vio_captured_t, vc_data) + len, 8);
	VERIFY0(fk_read(dev, &vc, size, true, &done));
	VERIFY3U(done, ==, size);
	VERIFY3U(vc.vc_mon.vmh_op, ==, mon);
	VERIFY3U(vc.vc_mon.vmh_transport, ==, VSOCK_MON_TRANSPORT_VIRTIO);
	VERIFY3U(vc.vc_mon.vmh_len, ==, sizeof (vc.vc_hdr));
	VERIFY3U(vc.vc_mon.vmh_src_cid, ==, from_guest ? 3 : 2);
	VERIFY3U(vc.vc_mon.vmh_dst_cid, ==, from_guest ? 2 : 3);
	VERIFY3U(vc.vc_mon.vmh_src_port, ==, from_guest ? GPORT : HPORT);
	VERIFY3U(vc.vc_mon.vmh_dst_port, ==, from_guest ? HPORT : GPORT);
	VERIFY3U(vc.vc_hdr.vvh_op, ==, op);
	VERIFY3U(vc.vc_hdr.vvh_src_port, ==, vc.vc_mon.vmh_src_port);
	VERIFY3U(vc.vc_rec.vcr_len, ==, sizeof (vc.vc_mon) +
	    sizeof (vc.vc_hdr) + len);
	return (vc.vc_data);
}

KTEST(vio_capture)
{
	vsock_capture_io_t vci = { 0 };
	virtio_vsock_hdr_t hdr;
	fsk_file_t *l, *so;
	fk_file_t *dev;
	hv_guest_t *g;
	size_t done;
	char c;

	hv_begin();
	g = hv_guest_boot(3, HV_F_VERSION_1 | HV_F_EVENT_IDX);
	VERIFY0(fk_open("/dev/vsock", &dev));
	VERIFY0(fk_ioctl(dev, VSOCK_IOC_CAPTURE, (intptr_t)&vci, NULL));
	l = hv_listen(HPORT, 5);
	so = hv_open(g, l, GPORT, HPORT);
	(void) captured(dev, VSOCK_MON_CONNECT, OP(REQUEST), B_TRUE, 0);
	(void) captured(dev, VSOCK_MON_CONNECT, OP(RESPONSE), B_FALSE, 0);
	hv_send_data(g, GPORT, HPORT, "from guest", 10);
	VERIFY0(bcmp(captured(dev, VSOCK_MON_PAYLOAD, OP(RW), B_TRUE, 10),
	    "from guest", 10));
	hv_write(so, "to guest", 8);
	hv_settle();
	VERIFY0(bcmp(captured(dev, VSOCK_MON_PAYLOAD, OP(RW), B_FALSE, 8),
	    "to guest", 8));
	hv_send_op(g, OP(CREDIT_REQUEST), GPORT, HPORT);
	(void) captured(dev, VSOCK_MON_CONTROL, OP(CREDIT_REQUEST), B_TRUE, 0);
	(void) captured(dev, VSOCK_MON_CONTROL, OP(CREDIT_UPDATE), B_FALSE, 0);

	/* What is not accepted is seen all the same, also without payload. */
	hv_send_op(g, 77, GPORT, HPORT);
	(void) captured(dev, VSOCK_MON_UNKNOWN, 77, B_TRUE, 0);
	hdr = hv_pkt(g, OP(RW), GPORT, HPORT);
	hdr.vvh_len = VIRTIO_VSOCK_MAX_PAYLOAD + 1;
	hv_send(g, &hdr, NULL);
	(void) captured(dev, VSOCK_MON_PAYLOAD, OP(RW), B_TRUE, 0);
	(void) captured(dev, VSOCK_MON_DISCONNECT, OP(RST), B_FALSE, 0);
	VERIFY3S(fk_read(dev, &c, 1, true, &done), ==, EAGAIN);
	VERIFY0(fk_close(dev));
	VERIFY0(fsk_close(so));
	VERIFY0(fsk_close(l));
	hv_guest_destroy(g);
	hv_end();
}

static void
expect_drop(const char *probe, size_t len, const char *why)
{
	VERIFY3U(probe_hits(probe), ==, 1);
	VERIFY3S(probe_arg(probe, 2), ==, len);
	KT_STREQ((const char *)probe_arg(probe, 3), why);
}

KTEST(vio_probes_drop)
{
	virtio_vsock_hdr_t hdr;
	fsk_file_t *l, *so;
	hv_guest_t *g;
	uint8_t *data = kmem_zalloc(65536, KM_SLEEP);
	size_t n;

	hv_begin();
	VERIFY3U(probe_on("vsock-drop-in"), !=, 0);
	VERIFY3U(probe_on("vsock-drop-out"), !=, 0);
	g = hv_guest_boot(3, HV_F_VERSION_1 | HV_F_EVENT_IDX);
	l = hv_listen(HPORT, 5);
	g->hg_buf_alloc = 10000;
	so = hv_open(g, l, GPORT, HPORT);
	hv_check_alive(g, so, GPORT, HPORT);
	VERIFY0(probe_hits("vsock-drop-in"));

	hdr = hv_pkt(g, OP(RW), GPORT, HPORT);
	hdr.vvh_src_cid = 4;
	hdr.vvh_len = 5;
	hv_send(g, &hdr, "wrong");
	expect_drop("vsock-drop-in", 5, "bad_src_cid");
	hv_send_data(g, GPORT + 1, HPORT, "nobody", 6);
	expect_drop("vsock-drop-in", 6, "no_conn");
	hv_send_op(g, OP(RESPONSE), GPORT, HPORT);
	expect_drop("vsock-drop-in", 0, "dup_response");
	VERIFY0(fsk_shutdown(so, SHUT_RD));
	hv_send_data(g, GPORT, HPORT, "unwanted", 8);
	expect_drop("vsock-drop-in", 8, "not receiving");

	/* What it has no room for is lost when it goes. */
	VERIFY0(fsk_send(so, data, 12000, 0, &n));
	VERIFY3U(n, ==, 12000);
	hv_settle();
	VERIFY0(probe_hits("vsock-drop-out"));
	hv_send_op(g, OP(RST), GPORT, HPORT);
	/* hv_check_alive() has sent a few bytes, and had them read. */
	VERIFY3U(probe_hits("vsock-drop-out"), ==, 1);
	KT_STREQ((const char *)probe_arg("vsock-drop-out", 3),
	    "connection over");
	VERIFY3S(probe_arg("vsock-drop-out", 2), >=, 2000);

	/* A length that is not true: once, also if the address is bad, too. */
	hdr = hv_pkt(g, OP(RW), GPORT, HPORT);
	hdr.vvh_len = VIRTIO_VSOCK_MAX_PAYLOAD + 1;
	hv_send(g, &hdr, NULL);
	expect_drop("vsock-drop-in", VIRTIO_VSOCK_MAX_PAYLOAD + 1, "bad_len");
	hdr.vvh_src_cid = 4;
	hv_send(g, &hdr, NULL);
	expect_drop("vsock-drop-in", VIRTIO_VSOCK_MAX_PAYLOAD + 1,
	    "bad_src_cid");

	VERIFY0(fsk_close(so));
	VERIFY0(fsk_close(l));
	hv_guest_destroy(g);
	hv_end();
	kmem_free(data, 65536);
}
