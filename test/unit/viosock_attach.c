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
 * viosock: attach, detach, features, CIDs; on the hand-made host.
 */

#include <sys/ddi.h>
#include <sys/kmem.h>
#include <sys/sunddi.h>
#include <sys/sysmacros.h>
#include "viosock_host.h"
#include "ktest.h"

#define	OP(x)	VIRTIO_VSOCK_OP_##x

/* What a driver that is there, or is not, looks like to programs. */
static void
vat_check_down(void)
{
	struct sockaddr_vm svm = {
		.svm_family	= AF_VSOCK,
		.svm_cid	= VMADDR_CID_HOST,
		.svm_port	= 1234
	};
	fsk_file_t *f;

	VERIFY3U(vh_local_cid(), ==, VMADDR_CID_LOCAL);
	VERIFY0(fsk_socket(AF_VSOCK, SOCK_STREAM, 0, &f));
	VERIFY3S(fsk_connect(f, &svm, sizeof (svm)), ==, EAFNOSUPPORT);
	VERIFY0(fsk_close(f));
}

KTEST(viosock_attach_detach)
{
	vh_host_t *h;

	vh_begin();
	vat_check_down();
	h = vh_create(VH_INSTANCE, 0);
	for (uint_t i = 0; i < 5; i++) {
		VERIFY0(fvio_attach(h->vh_dev));
		hv_settle();
		VERIFY3U(vh_local_cid(), ==, VH_CID);
		VERIFY3U(fvio_vq_avail(&h->vh_vq[VH_RX]), ==, VH_RXBUFS);
		VERIFY3U(fvio_vq_avail(&h->vh_vq[VH_EV]), ==, 8);
		vh_check_new(h);
		VERIFY0(fvio_detach(h->vh_dev));
		vat_check_down();
	}
	vh_destroy(h);
	vh_end();
}

/* It is not detached for want of memory, as it has no open nodes. */
KTEST(viosock_no_autodetach)
{
	vh_host_t *h = vh_boot();

	VERIFY3S(ddi_prop_get_int(DDI_DEV_T_ANY, fvio_dip(h->vh_dev),
	    DDI_PROP_DONTPASS, DDI_NO_AUTODETACH, 0), ==, 1);
	vh_halt(h);
}

/* There is one host: the second device is refused, and can have a turn. */
KTEST(viosock_second)
{
	vh_host_t *h = vh_boot();
	vh_host_t *other = vh_create(VH_INSTANCE + 1, 0);

	other->vh_cid = VH_CID + 1;
	VERIFY3S(fvio_attach(other->vh_dev), ==, ENXIO);
	VERIFY3U(vh_local_cid(), ==, VH_CID);
	vh_check_new(h);

	VERIFY0(fvio_detach(h->vh_dev));
	VERIFY0(fvio_attach(other->vh_dev));
	VERIFY3U(vh_local_cid(), ==, VH_CID + 1);
	vh_check_new(other);
	VERIFY0(fvio_detach(other->vh_dev));
	vh_destroy(other);
	vh_destroy(h);
	vh_end();
}

/* Sockets of the type can be connected, or not. */
static void
check_type(vh_host_t *h, int type, boolean_t ok)
{
	struct sockaddr_vm svm = {
		.svm_family	= AF_VSOCK,
		.svm_cid	= VMADDR_CID_HOST,
		.svm_port	= 9
	};
	fsk_file_t *f;

	if (ok) {
		hv_socktype = type;
		h->vh_type = (type == SOCK_STREAM) ?
		    VIRTIO_VSOCK_TYPE_STREAM : VIRTIO_VSOCK_TYPE_SEQPACKET;
		vh_check_new(h);
		return;
	}
	VERIFY0(fsk_socket(AF_VSOCK, type, 0, &f));
	VERIFY3S(fsk_connect(f, &svm, sizeof (svm)), ==, ESOCKTNOSUPPORT);
	VERIFY0(fsk_close(f));
	vh_expect_none(h);
}

/*
 * No bit, or STREAM: streams.  SEQPACKET: records, and streams.
 * NO_IMPLIED_STREAM is accepted, and believed.
 */
KTEST(viosock_features)
{
	static const struct {
		uint64_t offer;
		uint64_t accept;
		boolean_t stream;
		boolean_t records;
	} cases[] = {
		{ 0, 0, B_TRUE, B_FALSE },
		{ VIRTIO_VSOCK_F_STREAM, VIRTIO_VSOCK_F_STREAM, B_TRUE,
		    B_FALSE },
		{ VIRTIO_VSOCK_F_SEQPACKET, VIRTIO_VSOCK_F_SEQPACKET, B_TRUE,
		    B_TRUE },
		{ VIRTIO_VSOCK_F_STREAM | VIRTIO_VSOCK_F_SEQPACKET,
		    VIRTIO_VSOCK_F_STREAM | VIRTIO_VSOCK_F_SEQPACKET, B_TRUE,
		    B_TRUE },
		{ VIRTIO_VSOCK_F_STREAM | VIRTIO_VSOCK_F_NO_IMPLIED_STREAM,
		    VIRTIO_VSOCK_F_STREAM | VIRTIO_VSOCK_F_NO_IMPLIED_STREAM,
		    B_TRUE, B_FALSE },
		{ VIRTIO_VSOCK_F_STREAM | VIRTIO_VSOCK_F_SEQPACKET |
		    VIRTIO_VSOCK_F_NO_IMPLIED_STREAM,
		    VIRTIO_VSOCK_F_STREAM | VIRTIO_VSOCK_F_SEQPACKET |
		    VIRTIO_VSOCK_F_NO_IMPLIED_STREAM, B_TRUE, B_TRUE },
		{ VIRTIO_VSOCK_F_NO_IMPLIED_STREAM, 0, B_FALSE, B_FALSE },
		{ VIRTIO_VSOCK_F_SEQPACKET | VIRTIO_VSOCK_F_NO_IMPLIED_STREAM,
		    VIRTIO_VSOCK_F_SEQPACKET | VIRTIO_VSOCK_F_NO_IMPLIED_STREAM,
		    B_FALSE, B_TRUE },
		/* Nothing that we do not know. */
		{ 0xfffffff8 & ~FVIO_F_INDIRECT, 0, B_TRUE, B_FALSE }
	};
	static const unsigned flags[] = { 0, FVIO_LEGACY };

	vh_begin();
	for (uint_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (uint_t j = 0; j < ARRAY_SIZE(flags); j++) {
			vh_host_t *h = vh_create(VH_INSTANCE, flags[j]);
			uint64_t v1 = (flags[j] == 0) ? FVIO_F_VERSION_1 : 0;

			h->vh_offer = cases[i].offer | v1;
			if (!cases[i].stream && !cases[i].records) {
				VERIFY3S(fvio_attach(h->vh_dev), ==, ENXIO);
				vh_destroy(h);
				continue;
			}
			VERIFY0(fvio_attach(h->vh_dev));
			VERIFY3U(h->vh_features, ==, cases[i].accept | v1);
			check_type(h, SOCK_STREAM, cases[i].stream);
			check_type(h, SOCK_SEQPACKET, cases[i].records);
			VERIFY0(fvio_detach(h->vh_dev));
			vh_destroy(h);
		}
	}
	vh_end();
}

KTEST(viosock_queue_sizes)
{
	static const struct {
		uint16_t size[FVIO_QUEUES];
		boolean_t ok;
	} cases[] = {
		{ { 1, 2, 1 }, B_TRUE },
		{ { 2, 4, 2 }, B_TRUE },
		{ { 1024, 1024, 1024 }, B_TRUE },
		{ { 1, 1, 1 }, B_FALSE },
		{ { 0, 128, 128 }, B_FALSE },
		{ { 128, 0, 128 }, B_FALSE },
		{ { 128, 128, 0 }, B_FALSE }
	};

	vh_begin();
	for (uint_t i = 0; i < ARRAY_SIZE(cases); i++) {
		vh_host_t *h = vh_create(VH_INSTANCE, 0);

		bcopy(cases[i].size, h->vh_qsize, sizeof (h->vh_qsize));
		if (!cases[i].ok) {
			VERIFY3S(fvio_attach(h->vh_dev), ==, ENXIO);
		} else {
			VERIFY0(fvio_attach(h->vh_dev));
			hv_settle();
			/* What is pinned has a bound of our own. */
			VERIFY3U(fvio_vq_avail(&h->vh_vq[VH_RX]), ==,
			    MIN(cases[i].size[VH_RX], VH_RXBUFS));
			VERIFY3U(fvio_vq_avail(&h->vh_vq[VH_EV]), ==,
			    MIN(cases[i].size[VH_EV], 8));
			vh_check_new(h);
			VERIFY0(fvio_detach(h->vh_dev));
		}
		vh_destroy(h);
	}
	vh_end();
}

static const uint64_t vat_bad_cids[] = {
	0, 1, 2, 0xffffffff, 0x100000000, 0x100000007, 0xffffffffffffffff,
	0x8000000000000003
};

KTEST(viosock_bad_cid_attach)
{
	vh_host_t *h;

	vh_begin();
	h = vh_create(VH_INSTANCE, 0);
	for (uint_t i = 0; i < ARRAY_SIZE(vat_bad_cids); i++) {
		h->vh_cid = vat_bad_cids[i];
		VERIFY3S(fvio_attach(h->vh_dev), ==, ENXIO);
		vat_check_down();
	}
	h->vh_cid = 3;
	VERIFY0(fvio_attach(h->vh_dev));
	VERIFY3U(vh_local_cid(), ==, 3);
	vh_check_new(h);
	VERIFY0(fvio_detach(h->vh_dev));
	h->vh_refuse = B_TRUE;
	VERIFY3S(fvio_attach(h->vh_dev), ==, ENXIO);
	vh_destroy(h);
	vh_end();
}

/*
 * Another CID: connections end, listeners stay; one that cannot be takes the
 * transport down until there is one that can.
 */
KTEST(viosock_cid_change)
{
	vh_host_t *h = vh_boot();
	fsk_file_t *l = hv_listen(100, 5), *f;

	f = vh_open(h, l, 5000, 100);
	vh_set_cid(h, VH_CID);
	vh_check_alive(h, f, 5000, 100);
	VERIFY0(VH_RINGS("cid_changes"));

	vh_set_cid(h, 12);
	VERIFY3U(VH_RINGS("cid_changes"), ==, 1);
	VERIFY3U(vh_local_cid(), ==, 12);
	hv_read_end(f, ECONNRESET);
	VERIFY0(fsk_close(f));
	vh_expect_none(h);
	f = vh_open(h, l, 5000, 100);
	vh_check_alive(h, f, 5000, 100);

	for (uint_t i = 0; i < ARRAY_SIZE(vat_bad_cids); i++) {
		vh_set_cid(h, vat_bad_cids[i]);
		vat_check_down();
		vh_send_op(h, OP(REQUEST), 5001, 100);
		VERIFY3U(VH_RINGS("rx_down"), ==, i + 1);
		vh_expect_none(h);
	}
	VERIFY3U(VH_RINGS("bad_cid"), ==, ARRAY_SIZE(vat_bad_cids));
	hv_read_end(f, ECONNRESET);
	VERIFY0(fsk_close(f));

	vh_set_cid(h, 13);
	VERIFY3U(vh_local_cid(), ==, 13);
	f = vh_open(h, l, 5000, 100);
	vh_check_alive(h, f, 5000, 100);
	vh_check_new(h);

	/* The same by an event. */
	h->vh_cid = 2;
	vh_event(h, VIRTIO_VSOCK_EVENT_RESET, sizeof (virtio_vsock_event_t));
	vat_check_down();
	hv_read_end(f, ECONNRESET);
	VERIFY0(fsk_close(f));
	h->vh_cid = 14;
	vh_event(h, VIRTIO_VSOCK_EVENT_RESET, sizeof (virtio_vsock_event_t));
	VERIFY3U(vh_local_cid(), ==, 14);
	f = vh_open(h, l, 5000, 100);
	vh_check_alive(h, f, 5000, 100);
	vh_check_new(h);

	/* Detach while it is down. */
	vh_set_cid(h, 0);
	vat_check_down();
	VERIFY0(fsk_close(f));
	VERIFY0(fsk_close(l));
	vh_halt(h);
}

/*
 * Every allocation and every call of attach that can fail fails once; what was
 * done is undone, or it was not needed.
 */
KTEST(viosock_attach_failures)
{
	uint64_t tried, failed, before, refused = 0, n;
	vh_host_t *h;

	vh_begin();
	for (n = 1; ; n++) {
		h = vh_create(VH_INSTANCE, 0);
		fk_fail_counts(&tried, &before);
		fk_fail_nth(n);
		if (fvio_attach(h->vh_dev) == 0) {
			fk_fail_nth(0);
			fk_fail_counts(&tried, &failed);
			hv_settle();
			vh_check_new(h);
			VERIFY0(fvio_detach(h->vh_dev));
		} else {
			fk_fail_nth(0);
			fk_fail_counts(&tried, &failed);
			VERIFY3U(failed, ==, before + 1);
			vat_check_down();
			refused++;
		}
		vh_destroy(h);
		if (failed == before)
			break;
	}
	/* Two for each buffer, at the least. */
	VERIFY3U(refused, >, 2 * VH_RXBUFS);
	vh_end();
}

KTEST(viosock_quiesce)
{
	vh_host_t *h = vh_boot();

	vh_check_new(h);
	VERIFY0(fvio_quiesce(h->vh_dev));
	VERIFY(!h->vh_running);
	vh_halt(h);
}
