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
 * History: mistakes that others have made with this protocol, each with a test
 * that would have found it, named after it.  Those that are not here, and why:
 *
 *	CVE-2019-18960, CVE-2021-32846	hv_bad_addr, hv_bad_packet_len,
 *	    CVE-2021-32847		hv_tx_split, hv_long_chain
 *	CVE-2022-26354			hv_bad_*: after each, the ring is used
 *	CVE-2018-14625			hv_destroy_under_traffic
 *	CVE-2025-39718			viosock_rx_lengths
 *	CVE-2026-74613			viosock_detach_busy, viosock_detach_load
 *	CVE-2026-23069			vio_peer_credit
 *	CVE-2026-53132, small packets	vio_rec_flood, vsock_rec_small,
 *	    (2019)			vsock_small_messages
 *	CVE-2025-40231			every test: the fake kernel knows the
 *					order of locks
 *	CVE-2025-38461, -38462		vsock_transport_goes, modules that are
 *					used can't be unloaded
 *	overhead accounting (2026)	sim: what was written is what is read
 *	CVE-2024-50169, CVE-2024-53117,	there is no sockmap and no MSG_ZEROCOPY
 *	    -53118, CVE-2025-21670,
 *	    CVE-2026-53365, -63970,
 *	    coalescing (2026)
 *	CVE-2024-53103, CVE-2025-38403,	there is no Hyper-V and no VMCI
 *	    CVE-2026-64115,
 *	    CVE-2025-41237, -41239
 *	CVE-2024-43873			a device without features has streams
 *					only: vio_rec_features
 *	CVE-2025-40248			sim: timers run out while packets are
 *					under way
 *	CVE-2026-90138			an error of the listener is no matter
 *					of those that it accepts: there is none
 *	length of used tx buffers	hv_reap(), in every test
 *	    (Linux 5.15.15)
 */

#include <sys/kmem.h>
#include <sys/param.h>
#include <sys/sysmacros.h>
#include <sys/thread.h>
#include <sys/proc.h>
#include <sys/disp.h>
#include <fktest.h>
#include "hv_guest.h"
#include "ktest.h"

#define	CID	3
#define	GPORT	5000
#define	HPORT	1234

#define	OP(x)	VIRTIO_VSOCK_OP_##x

static hv_guest_t *
begin(fsk_file_t **lp)
{
	hv_guest_t *g;

	hv_begin();
	g = hv_guest_boot(CID, HV_F_VERSION_1);
	*lp = hv_listen(HPORT, 5);
	return (g);
}

static void
end(hv_guest_t *g, fsk_file_t *l)
{
	hv_expect_none(g);
	VERIFY0(HV_RINGS(g, "broken"));
	VERIFY0(fsk_close(l));
	hv_guest_destroy(g);
	hv_end();
}

static int
bind_to(fsk_file_t *f, uint32_t port)
{
	struct sockaddr_vm svm = {
		.svm_family	= AF_VSOCK,
		.svm_cid	= VMADDR_CID_ANY,
		.svm_port	= port
	};

	return (fsk_bind(f, &svm, sizeof (svm)));
}

/* What is not said in a header is 0, and not what was there before. */
KTEST(history_cve_2023_52842)
{
	fsk_file_t *l;
	hv_guest_t *g = begin(&l);
	virtio_vsock_hdr_t hdr;

	hv_send_op(g, OP(CREDIT_REQUEST), GPORT, HPORT);
	hdr = hv_expect(g, OP(RST), GPORT, HPORT);
	VERIFY0(hdr.vvh_len);
	VERIFY0(hdr.vvh_flags);
	VERIFY0(hdr.vvh_buf_alloc);
	VERIFY0(hdr.vvh_fwd_cnt);
	end(g, l);
}

static void
set_buffers(void *arg)
{
	fsk_file_t *f = arg;
	uint64_t bytes;

	for (uint_t i = 0; i < 20; i++) {
		bytes = 256 << (i % 8);
		VERIFY0(fsk_setsockopt(f, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE,
		    &bytes, sizeof (bytes)));
	}
	thread_exit();
}

/* An option that the transport is told of, while the socket gets one. */
KTEST(history_cve_2021_26708)
{
	static const uint32_t cids[] = { CID, VMADDR_CID_LOCAL, 99 };
	struct sockaddr_vm svm = {
		.svm_family	= AF_VSOCK,
		.svm_port	= GPORT
	};
	fsk_file_t *l, *f;
	hv_guest_t *g = begin(&l);
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);

	for (uint_t i = 0; i < 150; i++) {
		VERIFY0(fsk_socket(AF_VSOCK, SOCK_STREAM, 0, &f));
		fsk_set_nonblock(f, true);
		(void) thread_create(NULL, 0, set_buffers, f, 0, &p0, TS_RUN,
		    minclsyspri);
		for (uint_t j = 0; j < ARRAY_SIZE(cids); j++) {
			svm.svm_cid = cids[(i + j) % ARRAY_SIZE(cids)];
			(void) fsk_connect(f, &svm, sizeof (svm));
		}
		hv_settle();
		VERIFY0(fsk_close(f));
		while (hv_recv(g, p))
			continue;
	}
	kmem_free(p, sizeof (*p));
	end(g, l);
}

/* An attempt that was given up is answered when the answer to it comes. */
KTEST(history_cve_2022_48786)
{
	fsk_file_t *l, *f;
	hv_guest_t *g = begin(&l);
	uint32_t port;

	f = hv_connect(CID, GPORT);
	port = hv_port(f);
	(void) hv_expect(g, OP(REQUEST), GPORT, port);
	VERIFY0(fsk_close(f));
	(void) hv_expect(g, OP(RST), GPORT, port);
	hv_send_op(g, OP(RESPONSE), GPORT, port);
	(void) hv_expect(g, OP(RST), GPORT, port);
	hv_send_data(g, GPORT, port, "late", 4);
	(void) hv_expect(g, OP(RST), GPORT, port);
	/* The port is free. */
	f = hv_listen(port, 1);
	VERIFY0(fsk_close(f));
	end(g, l);
}

/*
 * A socket whose attempt by one transport has failed, and which tries another:
 * it has its address all the time, and nothing of the former.
 */
KTEST(history_cve_2025_21756)
{
	struct sockaddr_vm svm = {
		.svm_family	= AF_VSOCK,
		.svm_cid	= CID,
		.svm_port	= GPORT
	};
	fsk_file_t *l, *f, *o;
	hv_guest_t *g = begin(&l);
	uint8_t byte;
	size_t n;

	VERIFY0(fsk_socket(AF_VSOCK, SOCK_STREAM, 0, &f));
	VERIFY0(fsk_socket(AF_VSOCK, SOCK_STREAM, 0, &o));
	fsk_set_nonblock(f, true);
	VERIFY0(bind_to(f, 5555));
	VERIFY3S(fsk_connect(f, &svm, sizeof (svm)), ==, EINPROGRESS);
	(void) hv_expect(g, OP(REQUEST), GPORT, 5555);
	hv_send_op(g, OP(RST), GPORT, 5555);
	VERIFY3S(bind_to(o, 5555), ==, EADDRINUSE);
	/* CVE-2024-50264, CVE-2025-21666: whatever it answers. */
	svm.svm_cid = VMADDR_CID_LOCAL;
	(void) fsk_connect(f, &svm, sizeof (svm));
	svm.svm_cid = 99;
	VERIFY3S(fsk_connect(f, &svm, sizeof (svm)), !=, 0);
	VERIFY3S(fsk_recv(f, &byte, 1, 0, &n), !=, EWOULDBLOCK);
	(void) fsk_poll(f, 1);
	/* CVE-2025-21669: the first transport has nothing to do with it. */
	hv_send_data(g, GPORT, 5555, "x", 1);
	(void) hv_expect(g, OP(RST), GPORT, 5555);
	VERIFY3S(bind_to(o, 5555), ==, EADDRINUSE);
	VERIFY0(fsk_close(f));
	VERIFY0(bind_to(o, 5555));
	VERIFY0(fsk_close(o));
	end(g, l);
}

/* Connections that nobody accepts, and a listener that goes. */
KTEST(history_cve_2024_53119)
{
	fsk_file_t *l;
	hv_guest_t *g = begin(&l);
	uint_t n = 0, ended = 0;
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);

	for (uint_t i = 0; i < 5; i++)
		hv_send_op(g, OP(REQUEST), GPORT + i, HPORT);
	while (hv_recv(g, p)) {
		VERIFY3U(p->p_hdr.vvh_op, ==, OP(RESPONSE));
		n++;
	}
	VERIFY3U(n, ==, 5);
	VERIFY0(fsk_close(l));
	while (hv_recv(g, p)) {
		VERIFY3U(p->p_hdr.vvh_op, ==, OP(SHUTDOWN));
		hv_send_op(g, OP(RST), p->p_hdr.vvh_dst_port, HPORT);
		ended++;
	}
	VERIFY3U(ended, ==, n);
	kmem_free(p, sizeof (*p));
	l = hv_listen(HPORT, 5);
	end(g, l);
}

/* A port that is found for a socket is one that it can have. */
KTEST(history_cve_2025_38618)
{
	fsk_file_t *l, *f;
	hv_guest_t *g = begin(&l);
	uint32_t port;

	for (uint_t i = 0; i < 1000; i++) {
		VERIFY0(fsk_socket(AF_VSOCK, SOCK_STREAM, 0, &f));
		VERIFY0(bind_to(f, VMADDR_PORT_ANY));
		port = hv_port(f);
		VERIFY3U(port, >=, 1024);
		VERIFY3U(port, !=, VMADDR_PORT_ANY);
		VERIFY0(fsk_close(f));
	}
	end(g, l);
}

/* A peer that claims to have room for everything: we don't keep everything. */
KTEST(history_cve_2026_23086)
{
	fsk_file_t *l, *f;
	hv_guest_t *g = begin(&l);
	uint64_t before, after, allocs;
	uint8_t *data = kmem_zalloc(65536, KM_SLEEP);
	size_t n, sent = 0;

	g->hg_buf_alloc = UINT32_MAX;
	g->hg_rxkeep = B_TRUE;
	f = hv_open(g, l, GPORT, HPORT);
	fk_kmem_usage(&before, &allocs);
	while (fsk_send(f, data, 65536, 0, &n) == 0) {
		sent += n;
		VERIFY3U(sent, <, 1 << 20);
		hv_settle();
	}
	fk_kmem_usage(&after, &allocs);
	VERIFY3U(after, <, before + (1 << 20));
	kmem_free(data, 65536);
	hv_send_op(g, OP(RST), GPORT, HPORT);
	VERIFY0(fsk_close(f));
	g->hg_rxkeep = B_FALSE;
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);
	while (hv_recv(g, p))
		continue;
	kmem_free(p, sizeof (*p));
	end(g, l);
}

/* What was refused for its address is not in the listener's queue. */
KTEST(history_cve_2026_46214)
{
	fsk_file_t *l, *f;
	hv_guest_t *g = begin(&l);
	virtio_vsock_hdr_t hdr;
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);

	for (uint_t i = 0; i < 50; i++) {
		hdr = hv_pkt(g, OP(REQUEST), GPORT + i, HPORT);
		hdr.vvh_dst_cid = (i % 2 == 0) ? 77 : VMADDR_CID_LOCAL;
		hv_send(g, &hdr, NULL);
		VERIFY(hv_recv(g, p));
		VERIFY3U(p->p_hdr.vvh_op, ==, OP(RST));
	}
	kmem_free(p, sizeof (*p));
	f = hv_open(g, l, GPORT, HPORT);
	hv_check_alive(g, f, GPORT, HPORT);
	hv_send_op(g, OP(RST), GPORT, HPORT);
	VERIFY0(fsk_close(f));
	end(g, l);
}

/* A third party can't say anything in a connection of others. */
KTEST(history_cve_2026_99122)
{
	fsk_file_t *l, *f;
	hv_guest_t *g = begin(&l), *other;
	virtio_vsock_hdr_t hdr;
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);

	other = hv_guest_boot(CID + 1, HV_F_VERSION_1);
	f = hv_open(g, l, GPORT, HPORT);
	for (uint_t i = 0; i < 4; i++) {
		hdr = hv_pkt(other, (i & 1) ? OP(RST) : OP(RW), GPORT, HPORT);
		hdr.vvh_len = (i & 1) ? 0 : 4;
		if ((i & 2) != 0)
			hdr.vvh_src_cid = CID;
		hv_send(other, &hdr, "evil");
	}
	while (hv_recv(other, p))
		VERIFY3U(p->p_hdr.vvh_op, ==, OP(RST));
	kmem_free(p, sizeof (*p));
	hv_check_alive(g, f, GPORT, HPORT);
	hv_send_op(g, OP(RST), GPORT, HPORT);
	VERIFY0(fsk_close(f));
	hv_guest_destroy(other);
	end(g, l);
}

/* A peer that accepts, sends and closes at once: the attempt was a success. */
KTEST(history_cve_2026_99213)
{
	fsk_file_t *l, *f;
	hv_guest_t *g = begin(&l);
	virtio_vsock_hdr_t hdr;
	uint32_t port, len = sizeof (int);
	int err = -1;

	f = hv_connect(CID, GPORT);
	port = hv_port(f);
	(void) hv_expect(g, OP(REQUEST), GPORT, port);
	hdr = hv_pkt(g, OP(RESPONSE), GPORT, port);
	hv_queue(g, &hdr, NULL);
	hdr = hv_pkt(g, OP(RW), GPORT, port);
	hdr.vvh_len = 3;
	hv_queue(g, &hdr, "bye");
	hdr = hv_pkt(g, OP(SHUTDOWN), GPORT, port);
	hdr.vvh_flags = VIRTIO_VSOCK_SHUTDOWN_RECEIVE |
	    VIRTIO_VSOCK_SHUTDOWN_SEND;
	hv_queue(g, &hdr, NULL);
	hv_flush(g);
	(void) hv_expect(g, OP(RST), GPORT, port);
	VERIFY0(fsk_getsockopt(f, SOL_SOCKET, SO_ERROR, &err, &len));
	VERIFY0(err);
	hv_read(f, "bye", 3);
	hv_read_end(f, 0);
	VERIFY0(fsk_close(f));
	end(g, l);
}

/*
 * Linux 6.5.13: the peer has closed, the socket here has not been yet, and the
 * peer comes again from the same port.
 */
KTEST(history_same_port_again)
{
	fsk_file_t *l, *f, *again;
	hv_guest_t *g = begin(&l);
	virtio_vsock_hdr_t hdr;

	f = hv_open(g, l, GPORT, HPORT);
	hdr = hv_pkt(g, OP(SHUTDOWN), GPORT, HPORT);
	hdr.vvh_flags = VIRTIO_VSOCK_SHUTDOWN_RECEIVE |
	    VIRTIO_VSOCK_SHUTDOWN_SEND;
	hv_send(g, &hdr, NULL);
	(void) hv_expect(g, OP(RST), GPORT, HPORT);
	again = hv_open(g, l, GPORT, HPORT);
	hv_check_alive(g, again, GPORT, HPORT);
	hv_read_end(f, 0);
	VERIFY0(fsk_close(f));
	hv_check_alive(g, again, GPORT, HPORT);
	hv_send_op(g, OP(RST), GPORT, HPORT);
	VERIFY0(fsk_close(again));
	end(g, l);
}
