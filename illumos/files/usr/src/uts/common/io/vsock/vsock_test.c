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
 * ktest(9) of what vsock_virtio (sys/vsock_virtio.h) does with packets, right
 * and wrong ones, and with credit.  The tests are a backend: a device whose
 * guest is the test, which gives vsock_vio_rx() a packet and looks at what
 * vsock_vio_tx_next() has to say to it.  All of it happens in this thread.
 */

#include <sys/types.h>
#include <sys/byteorder.h>
#include <sys/cred.h>
#include <sys/errno.h>
#include <sys/kmem.h>
#include <sys/modctl.h>
#include <sys/socket.h>
#include <sys/stream.h>
#include <sys/strsubr.h>
#include <sys/strsun.h>
#include <sys/sunddi.h>
#include <sys/sysmacros.h>
#include <sys/vsock_virtio.h>
#include <sys/zone.h>
#include <sys/ksocket.h>
#include <sys/ktest.h>
#include <net/vsock.h>

#define	VT_CID		0x7ffffff0	/* the guest's */
#define	VT_GPORT	5000
#define	VT_BUF		65536		/* room that the guest has */

#define	OP(x)		VIRTIO_VSOCK_OP_##x

/* A device, and a connection from the guest to a socket of ours. */
typedef struct vt {
	vsock_provider_t *vt_provider;
	vsock_vio_t	*vt_vio;
	ksocket_t	vt_listener;
	uint32_t	vt_port;	/* its */
	ksocket_t	vt_sock;	/* accepted */
	uint32_t	vt_window;	/* bytes we may send, as told */
} vt_t;

static void
vt_kick(void *arg)
{
}

static const vsock_vio_ops_t vt_ops = {
	.vvo_tx_kick	= vt_kick,
	.vvo_tx_now	= vt_kick,
	.vvo_rx_kick	= vt_kick
};

static const vsock_provider_reg_t vt_provider_reg = {
	.vpr_version	= VSOCK_TRANSPORT_VERSION,
	.vpr_name	= "vsock_test",
	.vpr_dir	= VSOCK_DIR_TO_GUEST,
	.vpr_ops	= &vsock_vio_tops
};

/* A header in our byte order, from the guest's port to ours. */
static virtio_vsock_hdr_t
vt_hdr(const vt_t *vt, uint16_t op)
{
	virtio_vsock_hdr_t hdr = {
		.vvh_src_cid	= VT_CID,
		.vvh_dst_cid	= VMADDR_CID_HOST,
		.vvh_src_port	= VT_GPORT,
		.vvh_dst_port	= vt->vt_port,
		.vvh_type	= VIRTIO_VSOCK_TYPE_STREAM,
		.vvh_op		= op,
		.vvh_buf_alloc	= VT_BUF
	};

	return (hdr);
}

static virtio_vsock_hdr_t
vt_swap(const virtio_vsock_hdr_t *h)
{
	virtio_vsock_hdr_t hdr = {
		.vvh_src_cid	= LE_64(h->vvh_src_cid),
		.vvh_dst_cid	= LE_64(h->vvh_dst_cid),
		.vvh_src_port	= LE_32(h->vvh_src_port),
		.vvh_dst_port	= LE_32(h->vvh_dst_port),
		.vvh_len	= LE_32(h->vvh_len),
		.vvh_type	= LE_16(h->vvh_type),
		.vvh_op		= LE_16(h->vvh_op),
		.vvh_flags	= LE_32(h->vvh_flags),
		.vvh_buf_alloc	= LE_32(h->vvh_buf_alloc),
		.vvh_fwd_cnt	= LE_32(h->vvh_fwd_cnt)
	};

	return (hdr);
}

/* From the guest, with vvh_len zeros. */
static void
vt_give(vt_t *vt, const virtio_vsock_hdr_t *h)
{
	virtio_vsock_hdr_t wire = vt_swap(h);
	mblk_t *mp = NULL;

	if (h->vvh_len != 0) {
		mp = allocb_wait(h->vvh_len, BPRI_LO, STR_NOSIG, NULL);
		bzero(mp->b_wptr, h->vvh_len);
		mp->b_wptr += h->vvh_len;
	}
	vsock_vio_rx(vt->vt_vio, &wire, mp);
}

/* The next packet to the guest; its payload is forgotten. */
static boolean_t
vt_take(vt_t *vt, virtio_vsock_hdr_t *h)
{
	virtio_vsock_hdr_t wire;
	mblk_t *mp;

	if (!vsock_vio_tx_next(vt->vt_vio, VIRTIO_VSOCK_MAX_PAYLOAD, &wire,
	    &mp))
		return (B_FALSE);
	freemsg(mp);
	*h = vt_swap(&wire);
	return (B_TRUE);
}

/* There must be this packet for that port of the guest, and no other. */
static boolean_t
vt_answer(vt_t *vt, uint16_t op, uint32_t gport)
{
	virtio_vsock_hdr_t h;

	return (vt_take(vt, &h) && h.vvh_op == op &&
	    h.vvh_src_cid == VMADDR_CID_HOST && h.vvh_dst_cid == VT_CID &&
	    h.vvh_dst_port == gport && !vsock_vio_tx_pending(vt->vt_vio));
}

static void
vt_fini(vt_t *vt)
{
	if (vt->vt_sock != NULL)
		(void) ksocket_close(vt->vt_sock, CRED());
	if (vt->vt_listener != NULL)
		(void) ksocket_close(vt->vt_listener, CRED());
	if (vt->vt_vio != NULL)
		vsock_vio_detach(vt->vt_vio);
	if (vt->vt_provider != NULL)
		(void) vsock_provider_unregister(vt->vt_provider);
}

/*
 * The device alone.
 */
static int
vt_init_device(vt_t *vt)
{
	vsock_vio_reg_t vvr = {
		.vvr_module	= "vsock_test",
		.vvr_name	= "vsock_test0",
		.vvr_local_cid	= VMADDR_CID_HOST,
		.vvr_remote_cid	= VT_CID,
		.vvr_zoneid	= GLOBAL_ZONEID,
		.vvr_ops	= &vt_ops
	};
	int err;

	bzero(vt, sizeof (*vt));
	err = vsock_provider_register(&vt_provider_reg, &vt->vt_provider);
	if (err != 0)
		return (err);
	vvr.vvr_provider = vt->vt_provider;
	vvr.vvr_arg = vt;
	if ((err = vsock_vio_attach(&vvr, &vt->vt_vio)) != 0)
		return (err);
	vsock_vio_set_types(vt->vt_vio, VSOCK_TYPE_STREAM);
	return (0);
}

/*
 * And a connection.  EPROTO, it was not made as it should be.
 */
static int
vt_init(vt_t *vt)
{
	struct sockaddr_vm svm = {
		.svm_family	= AF_VSOCK,
		.svm_cid	= VMADDR_CID_ANY,
		.svm_port	= VMADDR_PORT_ANY
	};
	socklen_t len = sizeof (svm);
	virtio_vsock_hdr_t h;
	int err;

	if ((err = vt_init_device(vt)) != 0 ||
	    (err = ksocket_socket(&vt->vt_listener, AF_VSOCK, SOCK_STREAM, 0,
	    KSOCKET_SLEEP, CRED())) != 0 ||
	    (err = ksocket_bind(vt->vt_listener, (struct sockaddr *)&svm,
	    len, CRED())) != 0 ||
	    (err = ksocket_listen(vt->vt_listener, 1, CRED())) != 0 ||
	    (err = ksocket_getsockname(vt->vt_listener,
	    (struct sockaddr *)&svm, &len, CRED())) != 0)
		return (err);
	vt->vt_port = svm.svm_port;

	h = vt_hdr(vt, OP(REQUEST));
	vt_give(vt, &h);
	if (!vt_take(vt, &h) || h.vvh_op != OP(RESPONSE) ||
	    h.vvh_src_port != vt->vt_port || h.vvh_dst_port != VT_GPORT ||
	    h.vvh_fwd_cnt != 0 || h.vvh_buf_alloc == 0)
		return (EPROTO);
	vt->vt_window = h.vvh_buf_alloc;
	return (ksocket_accept(vt->vt_listener, NULL, NULL, &vt->vt_sock,
	    CRED()));
}

/*
 * Is the connection alive?  The guest asks for our credit, and is told.
 */
static boolean_t
vt_alive(vt_t *vt)
{
	virtio_vsock_hdr_t h = vt_hdr(vt, OP(CREDIT_REQUEST));

	vt_give(vt, &h);
	return (vt_answer(vt, OP(CREDIT_UPDATE), VT_GPORT));
}

/*
 * PACKETS
 */

/* A request for a port that nobody listens on. */
static void
vt_refused_test(ktest_ctx_hdl_t *ctx)
{
	virtio_vsock_hdr_t h;
	vt_t vt;

	KT_EASSERT0G(vt_init_device(&vt), ctx, out);
	vt.vt_port = 1;
	h = vt_hdr(&vt, OP(REQUEST));
	vt_give(&vt, &h);
	KT_ASSERTG(vt_answer(&vt, OP(RST), VT_GPORT), ctx, out);
	KT_PASS(ctx);
out:
	vt_fini(&vt);
}

/* What belongs to no connection is answered with a reset; a reset is not. */
static void
vt_stray_test(ktest_ctx_hdl_t *ctx)
{
	static const uint16_t ops[] = {
		OP(RESPONSE), OP(SHUTDOWN), OP(RW), OP(CREDIT_UPDATE),
		OP(CREDIT_REQUEST), OP(INVALID), 8, 0xffff
	};
	virtio_vsock_hdr_t h;
	vt_t vt;

	KT_EASSERT0G(vt_init(&vt), ctx, out);
	for (uint_t i = 0; i < ARRAY_SIZE(ops); i++) {
		h = vt_hdr(&vt, ops[i]);
		h.vvh_src_port = VT_GPORT + 1;
		h.vvh_len = (ops[i] == OP(RW)) ? 10 : 0;
		vt_give(&vt, &h);
		KT_ASSERTG(vt_answer(&vt, OP(RST), VT_GPORT + 1), ctx, out);
	}
	h = vt_hdr(&vt, OP(RST));
	h.vvh_src_port = VT_GPORT + 1;
	vt_give(&vt, &h);
	KT_ASSERT0G(vsock_vio_tx_pending(vt.vt_vio), ctx, out);
	KT_ASSERTG(vt_alive(&vt), ctx, out);
	KT_PASS(ctx);
out:
	vt_fini(&vt);
}

/* A guest that says it is another, or speaks to another; unknown types. */
static void
vt_bad_header_test(ktest_ctx_hdl_t *ctx)
{
	static const struct {
		uint64_t src;
		uint64_t dst;
		uint16_t type;
		boolean_t answer;
	} cases[] = {
		{ VT_CID + 1, VMADDR_CID_HOST, 1, B_TRUE },
		{ VMADDR_CID_HOST, VMADDR_CID_HOST, 1, B_TRUE },
		{ VT_CID, VMADDR_CID_LOCAL, 1, B_TRUE },
		{ VT_CID, VT_CID, 1, B_TRUE },
		/* There are no such addresses: nowhere to answer to. */
		{ VT_CID | 1ULL << 32, VMADDR_CID_HOST, 1, B_FALSE },
		{ VT_CID, VMADDR_CID_HOST | 1ULL << 63, 1, B_FALSE },
		{ VT_CID, VMADDR_CID_HOST, 0, B_TRUE },
		{ VT_CID, VMADDR_CID_HOST, 3, B_TRUE }
	};
	virtio_vsock_hdr_t h;
	vt_t vt;

	KT_EASSERT0G(vt_init(&vt), ctx, out);
	for (uint_t i = 0; i < ARRAY_SIZE(cases); i++) {
		h = vt_hdr(&vt, OP(RW));
		h.vvh_src_cid = cases[i].src;
		h.vvh_dst_cid = cases[i].dst;
		h.vvh_type = cases[i].type;
		h.vvh_len = 1;
		vt_give(&vt, &h);
		if (cases[i].answer) {
			KT_ASSERTG(vt_take(&vt, &h), ctx, out);
			KT_ASSERT3UG(h.vvh_op, ==, OP(RST), ctx, out);
			KT_ASSERT3UG(h.vvh_src_cid, ==, cases[i].dst, ctx,
			    out);
			KT_ASSERT3UG(h.vvh_dst_cid, ==, cases[i].src, ctx,
			    out);
			KT_ASSERT3UG(h.vvh_type, ==, cases[i].type, ctx, out);
		}
		KT_ASSERT0G(vsock_vio_tx_pending(vt.vt_vio), ctx, out);
	}
	/* None of it was the connection's. */
	KT_ASSERTG(vt_alive(&vt), ctx, out);
	KT_PASS(ctx);
out:
	vt_fini(&vt);
}

/* A length that was not true costs the connection. */
static void
vt_bad_length_test(ktest_ctx_hdl_t *ctx)
{
	virtio_vsock_hdr_t h, wire;
	size_t done;
	char c;
	vt_t vt;

	KT_EASSERT0G(vt_init(&vt), ctx, out);
	h = vt_hdr(&vt, OP(RW));
	h.vvh_len = VIRTIO_VSOCK_MAX_PAYLOAD + 1;
	wire = vt_swap(&h);
	vsock_vio_rx_badlen(vt.vt_vio, &wire);
	KT_ASSERTG(vt_answer(&vt, OP(RST), VT_GPORT), ctx, out);
	KT_ASSERT3SG(ksocket_recv(vt.vt_sock, &c, 1, MSG_DONTWAIT, &done,
	    CRED()), ==, EPROTO, ctx, out);
	KT_PASS(ctx);
out:
	vt_fini(&vt);
}

/*
 * CREDIT
 */

/* Send without waiting; how much was taken. */
static size_t
vt_send(vt_t *vt, void *buf, size_t len)
{
	size_t done = 0;

	(void) ksocket_send(vt->vt_sock, buf, len, MSG_DONTWAIT, &done,
	    CRED());
	return (done);
}

/* Bytes of data that the guest gets now. */
static size_t
vt_drain(vt_t *vt)
{
	virtio_vsock_hdr_t h;
	size_t total = 0;

	while (vt_take(vt, &h)) {
		if (h.vvh_op == OP(RW))
			total += h.vvh_len;
	}
	return (total);
}

/* We never send more than the guest has room for. */
static void
vt_tx_credit_test(ktest_ctx_hdl_t *ctx)
{
	virtio_vsock_hdr_t h;
	void *buf = kmem_zalloc(VT_BUF, KM_SLEEP);
	size_t sent;
	vt_t vt;

	KT_EASSERT0G(vt_init(&vt), ctx, out);

	/* Room for a quarter of what we have to send. */
	h = vt_hdr(&vt, OP(CREDIT_UPDATE));
	h.vvh_buf_alloc = VT_BUF / 4;
	vt_give(&vt, &h);
	sent = vt_send(&vt, buf, VT_BUF);
	KT_ASSERT3UG(sent, ==, VT_BUF, ctx, out);
	KT_ASSERT3UG(vt_drain(&vt), ==, VT_BUF / 4, ctx, out);
	KT_ASSERT0G(vt_drain(&vt), ctx, out);

	/* It has read half of that. */
	h.vvh_fwd_cnt = VT_BUF / 8;
	vt_give(&vt, &h);
	KT_ASSERT3UG(vt_drain(&vt), ==, VT_BUF / 8, ctx, out);

	/* More than it ever got: not to be believed. */
	h.vvh_fwd_cnt = VT_BUF;
	vt_give(&vt, &h);
	KT_ASSERT0G(vt_drain(&vt), ctx, out);

	/* All read, and its buffer grows: the rest. */
	h.vvh_fwd_cnt = VT_BUF * 3 / 8;
	h.vvh_buf_alloc = VT_BUF;
	vt_give(&vt, &h);
	KT_ASSERT3UG(vt_drain(&vt), ==, VT_BUF * 5 / 8, ctx, out);
	KT_PASS(ctx);
out:
	vt_fini(&vt);
	kmem_free(buf, VT_BUF);
}

/* A guest that sends more than we have room for loses the connection. */
static void
vt_rx_over_test(ktest_ctx_hdl_t *ctx)
{
	virtio_vsock_hdr_t h;
	uint32_t left;
	vt_t vt;

	KT_EASSERT0G(vt_init(&vt), ctx, out);
	for (left = vt.vt_window; left > 0; left -= h.vvh_len) {
		h = vt_hdr(&vt, OP(RW));
		h.vvh_len = MIN(left, VIRTIO_VSOCK_MAX_PAYLOAD);
		vt_give(&vt, &h);
	}
	/* To the last byte; and not one more. */
	KT_ASSERTG(vt_alive(&vt), ctx, out);
	h = vt_hdr(&vt, OP(RW));
	h.vvh_len = 1;
	vt_give(&vt, &h);
	KT_ASSERTG(vt_answer(&vt, OP(RST), VT_GPORT), ctx, out);
	KT_PASS(ctx);
out:
	vt_fini(&vt);
}

/* What was read is room again, and the guest is told when it asks. */
static void
vt_rx_credit_test(ktest_ctx_hdl_t *ctx)
{
	virtio_vsock_hdr_t h;
	char buf[100];
	size_t done;
	vt_t vt;

	KT_EASSERT0G(vt_init(&vt), ctx, out);
	h = vt_hdr(&vt, OP(RW));
	h.vvh_len = sizeof (buf);
	vt_give(&vt, &h);

	h = vt_hdr(&vt, OP(CREDIT_REQUEST));
	vt_give(&vt, &h);
	KT_ASSERTG(vt_take(&vt, &h), ctx, out);
	KT_ASSERT3UG(h.vvh_op, ==, OP(CREDIT_UPDATE), ctx, out);
	KT_ASSERT0G(h.vvh_fwd_cnt, ctx, out);

	KT_ASSERT0G(ksocket_recv(vt.vt_sock, buf, sizeof (buf), MSG_DONTWAIT,
	    &done, CRED()), ctx, out);
	KT_ASSERT3UG(done, ==, sizeof (buf), ctx, out);
	while (vt_take(&vt, &h))
		;
	h = vt_hdr(&vt, OP(CREDIT_REQUEST));
	vt_give(&vt, &h);
	do {
		KT_ASSERTG(vt_take(&vt, &h), ctx, out);
	} while (vsock_vio_tx_pending(vt.vt_vio));
	KT_ASSERT3UG(h.vvh_op, ==, OP(CREDIT_UPDATE), ctx, out);
	KT_ASSERT3UG(h.vvh_fwd_cnt, ==, sizeof (buf), ctx, out);
	KT_PASS(ctx);
out:
	vt_fini(&vt);
}

/* Answers that wait to be sent are bounded: reception pauses. */
static void
vt_budget_test(ktest_ctx_hdl_t *ctx)
{
	virtio_vsock_hdr_t h;
	uint_t given = 0, taken = 0;
	vt_t vt;

	KT_EASSERT0G(vt_init_device(&vt), ctx, out);
	vt.vt_port = 1;
	while (vsock_vio_rx_ready(vt.vt_vio) && given < 100000) {
		h = vt_hdr(&vt, OP(RW));
		h.vvh_src_port = given++;
		vt_give(&vt, &h);
	}
	KT_ASSERT3UG(given, <, 100000, ctx, out);
	while (vt_take(&vt, &h))
		taken++;
	KT_ASSERT3UG(taken, ==, given, ctx, out);
	KT_ASSERTG(vsock_vio_rx_ready(vt.vt_vio), ctx, out);
	KT_PASS(ctx);
out:
	vt_fini(&vt);
}

static struct modlmisc vsock_test_modlmisc = {
	.misc_modops	= &mod_miscops,
	.misc_linkinfo	= "vsock ktest module"
};

static struct modlinkage vsock_test_modlinkage = {
	.ml_rev		= MODREV_1,
	.ml_linkage	= { &vsock_test_modlmisc, NULL }
};

int
_init(void)
{
	static const struct {
		const char *suite;
		const char *name;
		ktest_fn_t func;
	} tests[] = {
		{ "packet", "refused_test", vt_refused_test },
		{ "packet", "stray_test", vt_stray_test },
		{ "packet", "bad_header_test", vt_bad_header_test },
		{ "packet", "bad_length_test", vt_bad_length_test },
		{ "packet", "budget_test", vt_budget_test },
		{ "credit", "tx_credit_test", vt_tx_credit_test },
		{ "credit", "rx_over_test", vt_rx_over_test },
		{ "credit", "rx_credit_test", vt_rx_credit_test }
	};
	ktest_module_hdl_t *km = NULL;
	ktest_suite_hdl_t *ks = NULL;
	const char *suite = "";
	int err;

	VERIFY0(ktest_create_module("vsock", &km));
	for (uint_t i = 0; i < ARRAY_SIZE(tests); i++) {
		if (strcmp(suite, tests[i].suite) != 0) {
			suite = tests[i].suite;
			VERIFY0(ktest_add_suite(km, suite, &ks));
		}
		VERIFY0(ktest_add_test(ks, tests[i].name, tests[i].func,
		    KTEST_FLAG_NONE));
	}
	if ((err = ktest_register_module(km)) != 0) {
		ktest_free_module(km);
		return (err);
	}
	if ((err = mod_install(&vsock_test_modlinkage)) != 0) {
		ktest_unregister_module("vsock");
		return (err);
	}
	return (0);
}

int
_fini(void)
{
	ktest_unregister_module("vsock");
	return (mod_remove(&vsock_test_modlinkage));
}

int
_info(struct modinfo *modinfop)
{
	return (mod_info(&vsock_test_modlinkage, modinfop));
}
