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
 * The hand-made host of viosock_host.h.
 */

#include <sys/kmem.h>
#include <sys/param.h>
#include <sys/sysmacros.h>
#include "viosock_host.h"

/*
 * The device
 */

static uint64_t
vh_op_features(void *arg)
{
	vh_host_t *h = arg;

	return (h->vh_offer);
}

static uint16_t
vh_op_queue_size(void *arg, unsigned queue)
{
	vh_host_t *h = arg;

	return (h->vh_qsize[queue]);
}

static bool
vh_op_config(void *arg, uint32_t off, void *buf, uint32_t len)
{
	vh_host_t *h = arg;

	if (off > sizeof (h->vh_cid) || len > sizeof (h->vh_cid) - off)
		return (false);
	bcopy((char *)&h->vh_cid + off, buf, len);
	return (true);
}

static bool
vh_op_start(void *arg, uint64_t features, const fvio_ring_t *rings)
{
	vh_host_t *h = arg;

	if (h->vh_refuse)
		return (false);
	mutex_enter(&h->vh_lock);
	h->vh_features = features;
	for (uint_t i = 0; i < FVIO_QUEUES; i++) {
		VERIFY3U(rings[i].fr_size, ==, h->vh_qsize[i]);
		fvio_vq_init(&h->vh_vq[i], &rings[i]);
	}
	h->vh_running = B_TRUE;
	mutex_exit(&h->vh_lock);
	return (true);
}

static void
vh_op_stop(void *arg)
{
	vh_host_t *h = arg;

	mutex_enter(&h->vh_lock);
	VERIFY(h->vh_running);
	h->vh_running = B_FALSE;
	mutex_exit(&h->vh_lock);
}

static void
vh_op_notify(void *arg, unsigned queue)
{
	vh_host_t *h = arg;

	__atomic_add_fetch(&h->vh_notifies[queue], 1, __ATOMIC_RELAXED);
}

static const fvio_ops_t vh_ops = {
	.fo_features	= vh_op_features,
	.fo_queue_size	= vh_op_queue_size,
	.fo_config	= vh_op_config,
	.fo_start	= vh_op_start,
	.fo_stop	= vh_op_stop,
	.fo_notify	= vh_op_notify
};

void
vh_begin(void)
{
	VERIFY0(fsk_sockconfig(AF_VSOCK, SOCK_STREAM, 0, "vsock"));
	VERIFY0(fsk_sockconfig(AF_VSOCK, SOCK_SEQPACKET, 0, "vsock"));
	VERIFY0(fk_modload("viosock"));
}

void
vh_end(void)
{
	hv_settle();
	VERIFY0(fsk_sockunconfig(AF_VSOCK, SOCK_STREAM, 0));
	VERIFY0(fsk_sockunconfig(AF_VSOCK, SOCK_SEQPACKET, 0));
	VERIFY0(fk_modunload("viosock"));
}

vh_host_t *
vh_create(int instance, unsigned flags)
{
	vh_host_t *h = kmem_zalloc(sizeof (*h), KM_SLEEP);

	mutex_init(&h->vh_lock, NULL, MUTEX_DRIVER, NULL);
	h->vh_offer = VH_FEATURES;
	if ((flags & FVIO_LEGACY) == 0)
		h->vh_offer |= FVIO_F_VERSION_1;
	for (uint_t i = 0; i < FVIO_QUEUES; i++)
		h->vh_qsize[i] = VH_QSIZE;
	h->vh_cid = VH_CID;
	h->vh_buf_alloc = 256 * 1024;
	h->vh_type = VIRTIO_VSOCK_TYPE_STREAM;
	h->vh_dev = fvio_create("viosock", instance, &vh_ops, h, flags);
	return (h);
}

void
vh_destroy(vh_host_t *h)
{
	fvio_destroy(h->vh_dev);
	VERIFY(!h->vh_running);
	mutex_destroy(&h->vh_lock);
	kmem_free(h, sizeof (*h));
}

vh_host_t *
vh_boot(void)
{
	vh_host_t *h;

	vh_begin();
	h = vh_create(VH_INSTANCE, 0);
	VERIFY0(fvio_attach(h->vh_dev));
	hv_settle();
	return (h);
}

void
vh_halt(vh_host_t *h)
{
	VERIFY0(fvio_detach(h->vh_dev));
	vh_destroy(h);
	vh_end();
}

uint64_t
vh_stat(const char *name, const char *stat)
{
	uint64_t val;

	VERIFY0(fk_kstat_value("viosock", VH_INSTANCE, name, stat, &val));
	return (val);
}

uint32_t
vh_local_cid(void)
{
	uint32_t cid = 0;
	fk_file_t *f;
	int rv;

	VERIFY0(fk_open("/dev/vsock", &f));
	VERIFY0(fk_ioctl(f, IOCTL_VM_SOCKETS_GET_LOCAL_CID, (intptr_t)&cid,
	    &rv));
	VERIFY0(fk_close(f));
	return (cid);
}

uint32_t
vh_notifies(vh_host_t *h, unsigned queue)
{
	return (__atomic_load_n(&h->vh_notifies[queue], __ATOMIC_RELAXED));
}

void
vh_intr(vh_host_t *h, unsigned queue)
{
	if (fvio_vq_wants_intr(&h->vh_vq[queue]))
		fvio_interrupt(h->vh_dev, queue);
	hv_settle();
}

/*
 * To the driver
 */

virtio_vsock_hdr_t
vh_pkt(vh_host_t *h, uint16_t op, uint32_t hport, uint32_t gport)
{
	virtio_vsock_hdr_t hdr = {
		.vvh_src_cid	= VMADDR_CID_HOST,
		.vvh_dst_cid	= h->vh_cid,
		.vvh_src_port	= hport,
		.vvh_dst_port	= gport,
		.vvh_type	= h->vh_type,
		.vvh_op		= op,
		.vvh_buf_alloc	= h->vh_buf_alloc,
		.vvh_fwd_cnt	= h->vh_fwd_cnt
	};

	return (hdr);
}

boolean_t
vh_queue_raw(vh_host_t *h, const void *buf, size_t len, uint32_t used)
{
	fvio_elem_t *fe = kmem_alloc(sizeof (*fe), KM_SLEEP);
	boolean_t ok;

	ok = fvio_vq_pop(&h->vh_vq[VH_RX], fe);
	if (ok) {
		VERIFY3U(fe->fe_nsegs, ==, 1);
		VERIFY(fe->fe_seg[0].fs_write);
		VERIFY3U(fvio_elem_write(fe, 0, buf, len), ==, len);
		fvio_vq_push(&h->vh_vq[VH_RX], fe->fe_id, used);
	}
	kmem_free(fe, sizeof (*fe));
	return (ok);
}

boolean_t
vh_queue(vh_host_t *h, const virtio_vsock_hdr_t *hdr, const void *data)
{
	uint32_t len = (data == NULL) ? 0 : hdr->vvh_len;
	uint8_t buf[4096];

	VERIFY3U(VIRTIO_VSOCK_HDR_SIZE + len, <=, sizeof (buf));
	bcopy(hdr, buf, VIRTIO_VSOCK_HDR_SIZE);
	if (data != NULL)
		bcopy(data, buf + VIRTIO_VSOCK_HDR_SIZE, len);
	len += VIRTIO_VSOCK_HDR_SIZE;
	return (vh_queue_raw(h, buf, len, len));
}

void
vh_send(vh_host_t *h, const virtio_vsock_hdr_t *hdr, const void *data)
{
	VERIFY(vh_queue(h, hdr, data));
	vh_intr(h, VH_RX);
}

void
vh_send_op(vh_host_t *h, uint16_t op, uint32_t hport, uint32_t gport)
{
	virtio_vsock_hdr_t hdr = vh_pkt(h, op, hport, gport);

	vh_send(h, &hdr, NULL);
}

void
vh_send_data(vh_host_t *h, uint32_t hport, uint32_t gport, const void *data,
    uint32_t len)
{
	virtio_vsock_hdr_t hdr = vh_pkt(h, VIRTIO_VSOCK_OP_RW, hport, gport);

	hdr.vvh_len = len;
	if (h->vh_type == VIRTIO_VSOCK_TYPE_SEQPACKET)
		hdr.vvh_flags = VIRTIO_VSOCK_SEQ_EOM;
	vh_send(h, &hdr, data);
}

void
vh_event(vh_host_t *h, uint32_t id, uint32_t used)
{
	virtio_vsock_event_t event = { .vve_id = id };
	fvio_elem_t *fe = kmem_alloc(sizeof (*fe), KM_SLEEP);

	VERIFY(fvio_vq_pop(&h->vh_vq[VH_EV], fe));
	VERIFY3U(fvio_elem_write(fe, 0, &event, sizeof (event)), ==,
	    sizeof (event));
	fvio_vq_push(&h->vh_vq[VH_EV], fe->fe_id, used);
	kmem_free(fe, sizeof (*fe));
	vh_intr(h, VH_EV);
}

void
vh_set_cid(vh_host_t *h, uint64_t cid)
{
	h->vh_cid = cid;
	fvio_interrupt(h->vh_dev, FVIO_CONFIG);
	hv_settle();
}

/*
 * From the driver
 */

boolean_t
vh_recv(vh_host_t *h, hv_packet_t *p)
{
	fvio_elem_t *fe = kmem_alloc(sizeof (*fe), KM_SLEEP);
	boolean_t ok;

	hv_settle();
	ok = fvio_vq_pop(&h->vh_vq[VH_TX], fe);
	if (ok) {
		/* A header by itself, as everybody expects it. */
		VERIFY3U(fe->fe_nsegs, <=, 2);
		VERIFY3U(fe->fe_seg[0].fs_len, ==, VIRTIO_VSOCK_HDR_SIZE);
		VERIFY3U(fvio_elem_read(fe, 0, &p->p_hdr,
		    VIRTIO_VSOCK_HDR_SIZE), ==, VIRTIO_VSOCK_HDR_SIZE);
		VERIFY3U(p->p_hdr.vvh_len, <=, sizeof (p->p_data));
		VERIFY3U(fvio_elem_read(fe, VIRTIO_VSOCK_HDR_SIZE, p->p_data,
		    sizeof (p->p_data)), ==, p->p_hdr.vvh_len);
		fvio_vq_push(&h->vh_vq[VH_TX], fe->fe_id, 0);
		vh_intr(h, VH_TX);
		h->vh_peer_buf = p->p_hdr.vvh_buf_alloc;
		h->vh_peer_fwd = p->p_hdr.vvh_fwd_cnt;
	}
	kmem_free(fe, sizeof (*fe));
	return (ok);
}

static void
vh_check_addr(vh_host_t *h, const virtio_vsock_hdr_t *hdr, uint32_t hport,
    uint32_t gport)
{
	VERIFY3U(hdr->vvh_src_cid, ==, h->vh_cid);
	VERIFY3U(hdr->vvh_dst_cid, ==, VMADDR_CID_HOST);
	VERIFY3U(hdr->vvh_src_port, ==, gport);
	VERIFY3U(hdr->vvh_dst_port, ==, hport);
}

virtio_vsock_hdr_t
vh_expect(vh_host_t *h, uint16_t op, uint32_t hport, uint32_t gport)
{
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);
	virtio_vsock_hdr_t hdr;

	VERIFY(vh_recv(h, p));
	hdr = p->p_hdr;
	kmem_free(p, sizeof (*p));
	VERIFY3U(hdr.vvh_op, ==, op);
	vh_check_addr(h, &hdr, hport, gport);
	return (hdr);
}

void
vh_expect_none(vh_host_t *h)
{
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);

	if (vh_recv(h, p))
		panic("unexpected packet, op %u", p->p_hdr.vvh_op);
	kmem_free(p, sizeof (*p));
}

void
vh_expect_data(vh_host_t *h, uint32_t hport, uint32_t gport, const void *data,
    size_t len)
{
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);
	const uint8_t *b = data;
	size_t done = 0;

	while (done < len) {
		VERIFY(vh_recv(h, p));
		if (p->p_hdr.vvh_op == VIRTIO_VSOCK_OP_CREDIT_UPDATE)
			continue;
		VERIFY3U(p->p_hdr.vvh_op, ==, VIRTIO_VSOCK_OP_RW);
		vh_check_addr(h, &p->p_hdr, hport, gport);
		VERIFY3U(p->p_hdr.vvh_len, <=, len - done);
		VERIFY0(bcmp(p->p_data, b + done, p->p_hdr.vvh_len));
		done += p->p_hdr.vvh_len;
	}
	kmem_free(p, sizeof (*p));
}

/*
 * Connections
 */

fsk_file_t *
vh_open(vh_host_t *h, fsk_file_t *listener, uint32_t hport, uint32_t gport)
{
	virtio_vsock_hdr_t hdr;

	vh_send_op(h, VIRTIO_VSOCK_OP_REQUEST, hport, gport);
	hdr = vh_expect(h, VIRTIO_VSOCK_OP_RESPONSE, hport, gport);
	VERIFY3U(hdr.vvh_buf_alloc, >, 0);
	VERIFY0(hdr.vvh_fwd_cnt);
	VERIFY0(hdr.vvh_len);
	return (hv_accept(listener));
}

fsk_file_t *
vh_accept(vh_host_t *h, uint32_t hport, uint32_t *gportp)
{
	fsk_file_t *f = hv_connect(VMADDR_CID_HOST, hport);
	uint32_t gport = hv_port(f);

	(void) vh_expect(h, VIRTIO_VSOCK_OP_REQUEST, hport, gport);
	vh_send_op(h, VIRTIO_VSOCK_OP_RESPONSE, hport, gport);
	*gportp = gport;
	return (f);
}

void
vh_check_alive(vh_host_t *h, fsk_file_t *f, uint32_t hport, uint32_t gport)
{
	vh_send_data(h, hport, gport, "ping", 4);
	hv_read(f, "ping", 4);
	hv_write(f, "pong", 4);
	vh_expect_data(h, hport, gport, "pong", 4);
}

/* The guest closes; and the host agrees. */
static void
vh_close(vh_host_t *h, fsk_file_t *f, uint32_t hport, uint32_t gport)
{
	VERIFY0(fsk_close(f));
	(void) vh_expect(h, VIRTIO_VSOCK_OP_SHUTDOWN, hport, gport);
	vh_send_op(h, VIRTIO_VSOCK_OP_RST, hport, gport);
	vh_expect_none(h);
}

void
vh_check_new(vh_host_t *h)
{
	fsk_file_t *l = hv_listen(7777, 1), *f;
	uint32_t gport;

	f = vh_open(h, l, 4001, 7777);
	vh_check_alive(h, f, 4001, 7777);
	vh_close(h, f, 4001, 7777);
	VERIFY0(fsk_close(l));

	f = vh_accept(h, 4002, &gport);
	vh_check_alive(h, f, 4002, gport);
	vh_close(h, f, 4002, gport);
}
