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
 * THE LOOPBACK TRANSPORT
 *
 * Both ends of a connection are ours: a message that one sends is received by
 * the other, in the sender's thread, without being copied, and there is nothing
 * in between.  What a virtio backend does with credit is here a count of the
 * bytes that were given to an end and not consumed by its application: when it
 * reaches the end's receive buffer, the other end is told to stop.  It may
 * exceed it by what each writer has in hand, VSOCK_MAXPSZ, or one record.
 *
 *	lo_pipe_t
 *	+------------------------+------------------------+
 *	| lp_end[0]: connected   | lp_end[1]: accepted    |
 *	|   le_conn, le_given... |   le_conn, le_given... |
 *	+------------------------+------------------------+
 *
 * The accepted end may be in use by its application before vto_connect() has
 * told the connecting end that it is connected.  What is sent meanwhile, and
 * that it was shut, is kept in the pipe (lp_held, le_pending) until then.
 *
 * As on the wire, the connection has ended, in good order, as soon as one side
 * has shut both halves.
 *
 * There are no packets; what a capture sees, once, is what an end would have
 * sent: the request and its answer, each message, shutdown and reset.
 *
 * LOCKING
 *
 * lp_lock protects the pipe; the pipe lives until both ends were released.  It
 * is taken with a vc_lock held (lo_tx_ready()), and with it held only
 * vsock_conn_hold() is called.
 */

#include <sys/types.h>
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/sunddi.h>
#include <sys/errno.h>
#include <sys/debug.h>
#include <sys/kmem.h>
#include <sys/stream.h>
#include <sys/strsubr.h>
#include <sys/strsun.h>
#include <sys/sdt.h>
#include <sys/vsock_impl.h>

typedef struct lo_end {
	struct lo_pipe	*le_pipe;
	vsock_tuple_t	le_tuple;
	vsock_conn_t	*le_conn;	/* NULL after vto_release() */
	uint32_t	le_rcvbuf;	/* bytes */
	uint64_t	le_given;	/* bytes, so far */
	uint64_t	le_consumed;	/* bytes, so far */
	boolean_t	le_full;	/* the other end waits for room */
	uint_t		le_shut;	/* VSOCK_SHUT_*, by this end */
	uint_t		le_pending;	/* of these, not yet reported */
} lo_end_t;

typedef struct lo_pipe {
	vsock_transport_t *lp_transport;
	kmutex_t	lp_lock;
	boolean_t	lp_open;	/* lp_end[0] knows it is connected */
	uint_t		lp_refs;	/* ends not released */
	mblk_t		*lp_held;	/* from lp_end[1], before that: by */
	mblk_t		*lp_heldlast;	/* b_next; MSGDELIM: VSOCK_MSG_EOR */
	boolean_t	lp_records;	/* VSOCK_TYPE_SEQPACKET */
	lo_end_t	lp_end[2];
} lo_pipe_t;

typedef struct lo {
	vsock_transport_t *lo_transport;
} lo_t;

static vsock_provider_t *lo_provider;

/*
 * Somebody looks: what would be a packet from vt_lcid to vt_rcid.
 */
static void
lo_capture(vsock_transport_t *vtp, const vsock_tuple_t *vt, uint16_t op,
    const mblk_t *mp)
{
	vsock_packet_t vpk = {
		.vpk_src_cid	= vt->vt_lcid,
		.vpk_dst_cid	= vt->vt_rcid,
		.vpk_src_port	= vt->vt_lport,
		.vpk_dst_port	= vt->vt_rport,
		.vpk_op		= op,
		.vpk_kind	= VSOCK_MON_TRANSPORT_NONE,
		.vpk_data	= mp
	};

	vsock_capture(vtp, &vpk);
}

static lo_end_t *
lo_other(lo_end_t *le)
{
	lo_pipe_t *lp = le->le_pipe;

	return (le == &lp->lp_end[0] ? &lp->lp_end[1] : &lp->lp_end[0]);
}

/*
 * The connection of an end, with a hold, or NULL if it is no more.
 */
static vsock_conn_t *
lo_hold(lo_end_t *le)
{
	ASSERT(MUTEX_HELD(&le->le_pipe->lp_lock));
	if (le->le_conn != NULL && vsock_conn_hold(le->le_conn))
		return (le->le_conn);
	return (NULL);
}

/*
 * How many bytes there is room for at an end.
 */
static uint32_t
lo_credit(const lo_end_t *le)
{
	uint64_t there = le->le_given - le->le_consumed;

	ASSERT(MUTEX_HELD(&le->le_pipe->lp_lock));
	return (there < le->le_rcvbuf ? le->le_rcvbuf - (uint32_t)there : 0);
}

/*
 * Is there room at an end?  If not, whoever asks will be told.
 */
static boolean_t
lo_has_room(lo_end_t *le)
{
	ASSERT(MUTEX_HELD(&le->le_pipe->lp_lock));
	if (lo_credit(le) != 0 || le->le_conn == NULL)
		return (B_TRUE);
	le->le_full = B_TRUE;
	return (B_FALSE);
}

static void
lo_deliver(lo_end_t *le, mblk_t *mp, uint_t flags)
{
	vsock_conn_t *conn;

	mutex_enter(&le->le_pipe->lp_lock);
	conn = lo_hold(le);
	mutex_exit(&le->le_pipe->lp_lock);
	if (conn == NULL) {
		DTRACE_PROBE4(vsock__drop__out, vsock_conn_t *, NULL,
		    const vsock_tuple_t *, &lo_other(le)->le_tuple, size_t,
		    msgdsize(mp), const char *, "peer gone");
		freemsg(mp);
		return;
	}
	vsock_up_data(conn, mp, flags);
	vsock_conn_rele(conn);
}

static boolean_t
lo_send(void *tc, mblk_t *mp, uint_t flags)
{
	lo_end_t *le = tc, *to = lo_other(le);
	lo_pipe_t *lp = le->le_pipe;
	boolean_t room;

	if (vsock_capturing()) {
		lo_capture(lp->lp_transport, &le->le_tuple, VSOCK_MON_PAYLOAD,
		    mp);
	}
	mutex_enter(&lp->lp_lock);
	to->le_given += msgdsize(mp);
	room = lo_has_room(to);
	if (!lp->lp_open) {
		ASSERT3P(le, ==, &lp->lp_end[1]);
		mp->b_flag &= ~MSGDELIM;
		if ((flags & VSOCK_MSG_EOR) != 0)
			mp->b_flag |= MSGDELIM;
		if (lp->lp_held == NULL)
			lp->lp_held = mp;
		else
			lp->lp_heldlast->b_next = mp;
		lp->lp_heldlast = mp;
		mp = NULL;
	}
	mutex_exit(&lp->lp_lock);
	if (mp != NULL)
		lo_deliver(to, mp, flags);
	return (room);
}

static boolean_t
lo_tx_ready(void *tc)
{
	lo_end_t *to = lo_other(tc);
	boolean_t room;

	mutex_enter(&to->le_pipe->lp_lock);
	room = lo_has_room(to);
	mutex_exit(&to->le_pipe->lp_lock);
	return (room);
}

/*
 * Any record would arrive, but none should that a peer elsewhere, with the same
 * buffer, could not receive.
 */
static size_t
lo_maxrec(void *tc)
{
	lo_end_t *to = lo_other(tc);
	size_t bytes;

	mutex_enter(&to->le_pipe->lp_lock);
	bytes = to->le_rcvbuf;
	mutex_exit(&to->le_pipe->lp_lock);
	return (bytes);
}

static size_t
lo_unsent(void *tc)
{
	return (0);
}

/*
 * An end has got room, by consuming or by a larger buffer.
 */
static void
lo_room(lo_end_t *le, size_t consumed, uint32_t rcvbuf)
{
	lo_pipe_t *lp = le->le_pipe;
	vsock_conn_t *conn = NULL;

	mutex_enter(&lp->lp_lock);
	le->le_consumed += consumed;
	if (rcvbuf != 0)
		le->le_rcvbuf = rcvbuf;
	if (le->le_full) {
		le->le_full = B_FALSE;
		if (lo_has_room(le))
			conn = lo_hold(lo_other(le));
	}
	mutex_exit(&lp->lp_lock);
	if (conn != NULL) {
		vsock_up_writable(conn);
		vsock_conn_rele(conn);
	}
}

static void
lo_consumed(void *tc, size_t bytes)
{
	lo_room(tc, bytes, 0);
}

static void
lo_rcvbuf(void *tc, uint32_t bytes)
{
	lo_room(tc, 0, bytes);
}

/*
 * Report to the other end that this one has shut what is pending.
 */
static void
lo_tell_shut(lo_end_t *le)
{
	lo_pipe_t *lp = le->le_pipe;
	vsock_conn_t *conn, *other;
	uint_t how, shut;

	mutex_enter(&lp->lp_lock);
	how = le->le_pending;
	le->le_pending = 0;
	shut = le->le_shut;
	conn = lo_hold(le);
	other = lo_hold(lo_other(le));
	mutex_exit(&lp->lp_lock);

	if (other != NULL) {
		if (how != 0)
			vsock_up_shutdown(other, how);
		if (shut == VSOCK_SHUT_BOTH)
			vsock_up_reset(other, 0);
		vsock_conn_rele(other);
	}
	if (conn != NULL) {
		if (shut == VSOCK_SHUT_BOTH)
			vsock_up_reset(conn, 0);
		vsock_conn_rele(conn);
	}
}

static void
lo_shutdown(void *tc, uint_t how)
{
	lo_end_t *le = tc;
	boolean_t open;

	if (vsock_capturing()) {
		lo_capture(le->le_pipe->lp_transport, &le->le_tuple,
		    VSOCK_MON_DISCONNECT, NULL);
	}
	mutex_enter(&le->le_pipe->lp_lock);
	le->le_shut |= how;
	le->le_pending |= how;
	open = le->le_pipe->lp_open;
	mutex_exit(&le->le_pipe->lp_lock);
	if (open)
		lo_tell_shut(le);
}

static void
lo_reset(void *tc)
{
	lo_end_t *le = tc, *to = lo_other(le);
	vsock_conn_t *conn;

	if (vsock_capturing()) {
		lo_capture(le->le_pipe->lp_transport, &le->le_tuple,
		    VSOCK_MON_DISCONNECT, NULL);
	}
	mutex_enter(&to->le_pipe->lp_lock);
	conn = lo_hold(to);
	mutex_exit(&to->le_pipe->lp_lock);
	if (conn != NULL) {
		vsock_up_reset(conn, ECONNRESET);
		vsock_conn_rele(conn);
	}
}

static void
lo_stats(void *tc, vsock_conn_stats_t *vcs)
{
	lo_end_t *le = tc, *to = lo_other(le);

	mutex_enter(&le->le_pipe->lp_lock);
	vcs->vcs_rx_credit = lo_credit(le);
	vcs->vcs_tx_credit = lo_credit(to);
	mutex_exit(&le->le_pipe->lp_lock);
}

static void
lo_free(lo_pipe_t *lp)
{
	freemsgchain(lp->lp_held);
	mutex_destroy(&lp->lp_lock);
	kmem_free(lp, sizeof (*lp));
}

static void
lo_release(void *tc)
{
	lo_end_t *le = tc;
	lo_pipe_t *lp = le->le_pipe;
	boolean_t last;

	mutex_enter(&lp->lp_lock);
	le->le_conn = NULL;
	last = (--lp->lp_refs == 0);
	mutex_exit(&lp->lp_lock);
	if (last)
		lo_free(lp);
}

/*
 * The connecting end has been told: give it what the other one sent before, and
 * let both talk freely.
 */
static void
lo_open(lo_pipe_t *lp)
{
	lo_end_t *from = &lp->lp_end[1];
	mblk_t *mp;
	uint_t flags;

	mutex_enter(&lp->lp_lock);
	while (lp->lp_held != NULL) {
		mp = lp->lp_held;
		lp->lp_held = mp->b_next;
		mp->b_next = NULL;
		flags = lp->lp_records ? VSOCK_MSG_EOM : 0;
		if ((mp->b_flag & MSGDELIM) != 0)
			flags |= VSOCK_MSG_EOR;
		mutex_exit(&lp->lp_lock);
		lo_deliver(&lp->lp_end[0], mp, flags);
		mutex_enter(&lp->lp_lock);
	}
	lp->lp_open = B_TRUE;
	mutex_exit(&lp->lp_lock);
	lo_tell_shut(from);
}

static int
lo_connect(void *arg, vsock_conn_t *conn, const vsock_conn_params_t *params,
    void **tcp)
{
	lo_t *lo = arg;
	const vsock_tuple_t *vt = &params->vcp_tuple;
	vsock_conn_params_t otherparams;
	vsock_conn_t *other;
	vsock_tuple_t back;
	lo_pipe_t *lp;
	uint_t i;
	int error;

	back.vt_lcid = vt->vt_rcid;
	back.vt_lport = vt->vt_rport;
	back.vt_rcid = vt->vt_lcid;
	back.vt_rport = vt->vt_lport;
	if (vsock_capturing())
		lo_capture(lo->lo_transport, vt, VSOCK_MON_CONNECT, NULL);
	error = vsock_up_request(lo->lo_transport, &back, params->vcp_type,
	    &other, &otherparams);
	if (error != 0) {
		if (vsock_capturing()) {
			lo_capture(lo->lo_transport, &back,
			    VSOCK_MON_DISCONNECT, NULL);
		}
		return (error == ENOMEM || error == ENOBUFS ? ENOBUFS :
		    ECONNRESET);
	}

	lp = kmem_zalloc(sizeof (*lp), KM_SLEEP);
	mutex_init(&lp->lp_lock, NULL, MUTEX_DRIVER, NULL);
	lp->lp_transport = lo->lo_transport;
	lp->lp_refs = 2;
	lp->lp_records = (params->vcp_type == VSOCK_TYPE_SEQPACKET);
	for (i = 0; i < 2; i++)
		lp->lp_end[i].le_pipe = lp;
	lp->lp_end[0].le_tuple = *vt;
	lp->lp_end[0].le_conn = conn;
	lp->lp_end[0].le_rcvbuf = params->vcp_rcvbuf;
	lp->lp_end[1].le_tuple = back;
	lp->lp_end[1].le_conn = other;
	lp->lp_end[1].le_rcvbuf = otherparams.vcp_rcvbuf;

	/* Before anything that the accepting end sends, if it accepts. */
	if (vsock_capturing())
		lo_capture(lo->lo_transport, &back, VSOCK_MON_CONNECT, NULL);
	if (vsock_up_accept(other, &lp->lp_end[1]) != 0) {
		if (vsock_capturing()) {
			lo_capture(lo->lo_transport, &back,
			    VSOCK_MON_DISCONNECT, NULL);
		}
		lo_free(lp);
		return (ECONNRESET);
	}
	*tcp = &lp->lp_end[0];
	vsock_up_established(conn);
	lo_open(lp);
	vsock_conn_rele(other);
	return (0);
}

static const vsock_transport_ops_t lo_ops = {
	.vto_connect	= lo_connect,
	.vto_send	= lo_send,
	.vto_maxrec	= lo_maxrec,
	.vto_tx_ready	= lo_tx_ready,
	.vto_unsent	= lo_unsent,
	.vto_consumed	= lo_consumed,
	.vto_rcvbuf	= lo_rcvbuf,
	.vto_shutdown	= lo_shutdown,
	.vto_reset	= lo_reset,
	.vto_release	= lo_release,
	.vto_stats	= lo_stats
};

static const vsock_provider_reg_t lo_reg = {
	.vpr_version	= VSOCK_TRANSPORT_VERSION,
	.vpr_name	= "vsocklo",
	.vpr_dir	= VSOCK_DIR_LOCAL,
	.vpr_ops	= &lo_ops
};

int
vsock_loopback_init(void)
{
	return (vsock_provider_register(&lo_reg, &lo_provider));
}

void
vsock_loopback_fini(void)
{
	VERIFY0(vsock_provider_unregister(lo_provider));
}

/*
 * Give a zone its loopback transport, if it has none.  ENXIO, the zone is being
 * halted.
 */
int
vsock_loopback_add(vsock_zone_t *vz)
{
	vsock_transport_reg_t reg = { 0 };
	char name[VSOCK_NAMELEN];
	int error = 0;
	lo_t *lo;

	mutex_enter(&vz->vz_lo_lock);
	if (vsock_zone_halted(vz))
		error = ENXIO;
	if (error != 0 || vz->vz_loopback != NULL) {
		mutex_exit(&vz->vz_lo_lock);
		return (error);
	}
	(void) snprintf(name, sizeof (name), "vsocklo%d", (int)vz->vz_zoneid);
	lo = kmem_zalloc(sizeof (*lo), KM_SLEEP);
	reg.vtr_name = name;
	reg.vtr_types = VSOCK_TYPE_STREAM | VSOCK_TYPE_SEQPACKET;
	reg.vtr_local_cid = VMADDR_CID_LOCAL;
	reg.vtr_remote_cid = VMADDR_CID_LOCAL;
	reg.vtr_zoneid = vz->vz_zoneid;
	reg.vtr_arg = lo;
	error = vsock_transport_add(lo_provider, &reg, vz, &lo->lo_transport);
	mutex_exit(&vz->vz_lo_lock);
	if (error != 0)
		kmem_free(lo, sizeof (*lo));
	return (error);
}

/*
 * Take it away, if it has one: its connections end with ECONNRESET.
 */
void
vsock_loopback_remove(vsock_zone_t *vz)
{
	lo_t *lo;

	mutex_enter(&vz->vz_lo_lock);
	if (vz->vz_loopback != NULL) {
		lo = vz->vz_loopback->vtp_arg;
		vsock_transport_unregister(lo->lo_transport);
		kmem_free(lo, sizeof (*lo));
	}
	mutex_exit(&vz->vz_lo_lock);
}
