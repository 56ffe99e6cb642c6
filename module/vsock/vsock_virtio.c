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
 * WHAT THE TWO VIRTIO BACKENDS HAVE IN COMMON
 *
 * This turns the operations of a vsock transport into packets and packets into
 * upcalls; sys/vsock_virtio.h says between whom.  There is one vsock_vio_t for
 * a device, and one vio_conn_t (tc) for a connection.
 *
 *	vto_connect  vto_send  vto_consumed  vto_shutdown  vto_reset
 *	     |          |           |             |            |
 *	     v          v           v             v            v
 *	+--------------------------- tc ---------------------------+
 *	| REQUEST  | queue of    | CREDIT    | SHUTDOWN |   RST    |
 *	| RESPONSE | mblks       | UPDATE    |          |          |
 *	+----------------------------|-----------------------------+
 *	      ready list: tc <-> tc <-> tc	     answers to nobody: RST[]
 *	                             |                      |
 *	                             +----------+-----------+
 *	                                        v
 *	                               vsock_vio_tx_next()
 *
 * What a connection has to say, other than data, is a bit in tc_pend: it needs
 * no memory, and saying it twice before it was sent is saying it once.  A flood
 * of CREDIT_REQUESTs costs one bit.
 *
 * WHAT IS SENT, AND WHEN
 *
 * A tc that could send a packet now is on the ready list, any other is not;
 * vio_sched() sees to that after every change.  The list is served in turn, one
 * packet a turn, but those that owe an answer come first.  For one tc the order
 * is: RST, which replaces everything else; REQUEST; RESPONSE; SHUTDOWN, that of
 * the sending half after the last byte; data, as far as there is credit;
 * CREDIT_REQUEST; CREDIT_UPDATE.  Every packet carries the current credit, so
 * any of them stands for a CREDIT_UPDATE.
 *
 * CREDIT
 *
 * To the peer: at most tc_peer_buf bytes that it has not said to have consumed
 * (tc_peer_fwd), all counters modulo 2^32.  A peer that claims to have consumed
 * what it never got, or shrinks its buffer below what is under way, has just no
 * room.
 *
 * A receiver pays for packets as well as for bytes, and Linux resets peers that
 * stay within the credit but queue too many small packets (about one for every
 * 576 bytes of its buffer, since 2026).  So no more than one small packet
 * (below VIO_TX_SMALL) for every 2048 bytes of its buffer is under way; larger
 * ones pay for themselves.  What has to wait is coalesced meanwhile.  As the
 * window is not exhausted, a peer may see no reason to send an update: it is
 * asked, by a CREDIT_REQUEST, at once, again whenever it turns out to have
 * consumed something but not enough, and again when there is more to send.
 *
 * A peer need not be as good as we are at telling when something was consumed
 * (vsock_up_starved()): it may answer once, and never tell.  So whoever has
 * something to send and may not is on a list (vv_stuck), and if he is still on
 * it a period later (VIO_STUCK_MS), the peer is asked again.  It may also be
 * that it waits for more before it consumes anything (SO_RCVLOWAT), and that it
 * waits for what we hold back: so one more small packet may go each period,
 * with all that was gathered, up to twice the limit (tc_tx_over).
 *
 * From the peer: it may send up to tc_edge, the furthest point that was ever
 * advertised (a smaller buffer takes nothing back).  What comes beyond ends the
 * connection with ENOBUFS.  How many packets that is does not matter here: the
 * front end gathers small messages that nobody reads.
 *
 * RECORDS
 *
 * On a connection of VIRTIO_VSOCK_TYPE_SEQPACKET what vto_send() brings is a
 * record.  Its bytes go as there is credit, in as many packets as that and the
 * ring demand; the last has VIRTIO_VSOCK_SEQ_EOM, and _EOR if the record is
 * marked.  tc_qhead has the record that is being sent, tc_records those behind
 * it; tc_qbytes counts all.  Records are not gathered, and small ones are
 * limited by their number as well (vcp_sndmsgs).  A record that is larger than
 * the peer's buffer could not arrive, so vto_maxrec() forbids it; if the peer
 * has made its buffer smaller since then, that is its own fault.
 *
 * From the peer, packets are passed on as the pieces they are, with their
 * flags.  One may be empty, to end a record; alone it is nothing.
 *
 * HOW A WRITER STOPS
 *
 * vto_send() takes whatever comes, and says "full" once vcp_sndbuf bytes (or
 * the records for that), or more than the peer has credit for, are queued.
 * tc_full remembers that somebody may wait; when less than half of that is
 * queued, and less than there is credit for, vsock_up_writable() is called.
 * Both the queue and the credit change under vv_lock, which is what keeps the
 * wake-up from being lost.
 *
 * ANSWERS, AND THEIR BUDGET
 *
 * A packet for nobody is answered by an RST, kept in an array (vv_rst), once
 * for as many as come before it is sent, and unless it is a request no more
 * than so many a second (vsock_transport_reply_rate()); a connection that the
 * peer asked for, or broke, by a RESPONSE or RST of its tc.  vv_nreplies counts
 * both until they are sent.  At VIO_REPLY_MAX the backend is told to take no
 * more packets (vsock_vio_rx_ready()) until half of them are gone.  The other
 * direction goes on.  What we send on our own account is not counted: it is
 * bounded by the connections that exist.
 *
 * A peer may have such a budget as well (Linux does), and if both are used up
 * at a time neither takes what the other has to send.  So answers don't wait
 * behind requests of our own: if both sides ask for more connections than rings
 * and budgets hold, each answers those that it has taken before it asks for
 * more, and there are never more of them than a ring held.  A closed connection
 * could do that, with thousands of small packets on their way to it and as many
 * updates of credit to its peer, if each were answered.
 *
 * A tc whose connection was released before its RST was sent stays on the ready
 * list as an orphan.  One whose REQUEST was never sent needs no RST.  A peer
 * that takes nothing but answers would leave orphans behind for as long as it
 * likes, so they count as connections that it has (vsock_transport_orphans()).
 *
 * LOCKING
 *
 * vv_lock protects all of vsock_vio_t and of its tcs.  It is held for short
 * times only: nothing but small blocks is copied under it.  The ring behind it
 * takes one packet at a time anyway.
 *
 * The lock order is: the front end's connection lock, vv_lock.  No upcall and
 * no vvo function is called with vv_lock held, but for vsock_conn_hold().  All
 * upcalls that have an order come from vsock_vio_rx(), which one thread at a
 * time runs.
 */

#include <sys/types.h>
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/sysmacros.h>
#include <sys/errno.h>
#include <sys/debug.h>
#include <sys/byteorder.h>
#include <sys/kmem.h>
#include <sys/ksynch.h>
#include <sys/list.h>
#include <sys/kstat.h>
#include <sys/sdt.h>
#include <sys/time.h>
#include <sys/stream.h>
#include <sys/strsubr.h>
#include <sys/strsun.h>
#include <sys/zone.h>
#include <sys/ddi.h>
#include <sys/sunddi.h>
#include <sys/vsock_transport.h>
#include <sys/vsock_virtio.h>
#include <sys/vsock_ioctl.h>
#include <sys/virtio_vsock.h>
#include <net/vsock.h>

#define	VIO_RST_MAX	256	/* answers to nobody that can wait */
#define	VIO_REPLY_MAX	128	/* answers that stop reception */

#define	VIO_TX_SMALL	1024	/* a packet below this is "small" */
#define	VIO_TX_PER_SMALL 2048	/* peer's buffer for each of them */
#define	VIO_STUCK_MS	100	/* what we want to send has to wait */
#define	VIO_STUCK_MAX	64	/* so many peers are asked at a time */
#define	VIO_COALESCE	1024	/* a message up to this may be copied ... */
#define	VIO_COALESCE_BLK 4096	/* ... into a block of this size */

/* What the transport can carry. */
#define	VIO_TYPES	(VSOCK_TYPE_STREAM | VSOCK_TYPE_SEQPACKET)

/* Statistics, by their kstat names; those of the operations in wire order. */
#define	VIO_STATS(_)							\
	_(RX_PACKETS,		"rx_packets")				\
	_(RX_BYTES,		"rx_bytes")				\
	_(RX_OP,		"rx_invalid")				\
	_(RX_REQUEST,		"rx_request")				\
	_(RX_RESPONSE,		"rx_response")				\
	_(RX_RST,		"rx_rst")				\
	_(RX_SHUTDOWN,		"rx_shutdown")				\
	_(RX_RW,		"rx_rw")				\
	_(RX_CREDIT_UPDATE,	"rx_credit_update")			\
	_(RX_CREDIT_REQUEST,	"rx_credit_request")			\
	_(TX_PACKETS,		"tx_packets")				\
	_(TX_BYTES,		"tx_bytes")				\
	_(TX_OP,		"tx_invalid")				\
	_(TX_REQUEST,		"tx_request")				\
	_(TX_RESPONSE,		"tx_response")				\
	_(TX_RST,		"tx_rst")				\
	_(TX_SHUTDOWN,		"tx_shutdown")				\
	_(TX_RW,		"tx_rw")				\
	_(TX_CREDIT_UPDATE,	"tx_credit_update")			\
	_(TX_CREDIT_REQUEST,	"tx_credit_request")			\
	/* bad in themselves */						\
	_(BAD_CID_BITS,		"bad_cid_bits")				\
	_(BAD_SRC_CID,		"bad_src_cid")				\
	_(BAD_DST_CID,		"bad_dst_cid")				\
	_(BAD_TYPE,		"bad_type")				\
	_(BAD_OP,		"bad_op")				\
	_(BAD_LEN,		"bad_len")				\
	_(BAD_FLAGS,		"bad_flags")				\
	/* bad where they came */					\
	_(NO_CONN,		"no_conn")				\
	_(RST_NO_CONN,		"rst_no_conn")				\
	_(DUP_REQUEST,		"dup_request")				\
	_(DUP_RESPONSE,		"dup_response")				\
	_(BAD_STATE,		"bad_state")				\
	_(STALE,		"stale")				\
	_(BAD_CREDIT,		"bad_credit")				\
	_(OVER_CREDIT,		"over_credit")				\
	_(EMPTY_DATA,		"empty_data")				\
	_(DATA_AFTER_SHUTDOWN,	"data_after_shutdown")			\
	/* not the peer's fault */					\
	_(REFUSED,		"refused")				\
	_(RX_NOMEM,		"rx_nomem")				\
	_(RX_STOPPED,		"rx_stopped")				\
	_(RST_LOST,		"rst_lost")				\
	_(RST_LIMITED,		"rst_limited")				\
	_(TX_NOMEM,		"tx_nomem")

#define	VIO_STAT_ENUM(id, name)	VST_##id,
#define	VIO_STAT_NAME(id, name)	name,

typedef enum vio_stat {
	VIO_STATS(VIO_STAT_ENUM)
	VST_COUNT
} vio_stat_t;

static const char *const vio_stat_names[VST_COUNT] = {
	VIO_STATS(VIO_STAT_NAME)
};

/*
 * How many packets lie before which points of the stream: a few runs, each with
 * the offset of its end.  A run is given up when its end has been consumed, so
 * vr_total errs on the safe side, by one run at most.
 */
#define	VIO_NRUNS	4

typedef struct vio_runs {
	uint32_t	vr_total;
	uint32_t	vr_n;
	struct {
		uint32_t vr_end;
		uint32_t vr_count;
	} vr_run[VIO_NRUNS];
} vio_runs_t;

typedef enum vio_state {
	VIO_CONNECTING,		/* REQUEST is to be sent, or was */
	VIO_OPEN,
	VIO_CLOSED		/* nothing more but, perhaps, an RST */
} vio_state_t;

/* tc_pend: control packets to be sent */
#define	VIO_P_REQUEST	0x01
#define	VIO_P_RESPONSE	0x02
#define	VIO_P_RST	0x04
#define	VIO_P_UPDATE	0x08
#define	VIO_P_ASK	0x10	/* CREDIT_REQUEST */

/* tc_ask: the CREDIT_REQUEST for small packets */
typedef enum vio_ask {
	VIO_ASK_NONE,
	VIO_ASK_SENT,
	VIO_ASK_ANSWERED	/* asks again if there is more to send */
} vio_ask_t;

typedef struct vio_conn {
	list_node_t	tc_node;	/* vv_ready */
	list_node_t	tc_stuck_node;	/* vv_stuck */
	vsock_vio_t	*tc_vio;
	vsock_conn_t	*tc_conn;	/* NULL: an orphan */
	vsock_tuple_t	tc_tuple;
	vio_state_t	tc_state;
	uint16_t	tc_type;	/* on the wire */
	uint8_t		tc_pend;
	uint8_t		tc_shut;	/* halves we shut: asked for ... */
	uint8_t		tc_shut_sent;	/* ... and told the peer */
	uint8_t		tc_peer_shut;
	uint8_t		tc_ask;
	boolean_t	tc_stuck;	/* for a period or more */
	boolean_t	tc_held_back;	/* the front end is still deciding */
	boolean_t	tc_reply;	/* counted in vv_nreplies */
	boolean_t	tc_full;	/* owes vsock_up_writable() */

	/* to the peer */
	uint64_t	tc_tx_packets;
	uint32_t	tc_tx_cnt;
	uint32_t	tc_peer_buf;
	uint32_t	tc_peer_fwd;
	uint32_t	tc_sndbuf;
	uint32_t	tc_sndmsgs;
	vio_runs_t	tc_tx_small;
	uint32_t	tc_tx_over;	/* so many more may be under way */
	size_t		tc_qbytes;
	mblk_t		*tc_qhead;	/* blocks, by b_cont */
	mblk_t		*tc_qtail;
	mblk_t		*tc_qroom;	/* tc_qtail, if we may append to it */
	/* ... of records: tc_qhead is the first, these are the others */
	size_t		tc_recleft;	/* bytes in tc_qhead */
	uint32_t	tc_recflags;	/* of tc_qhead, on the wire */
	mblk_t		*tc_records;	/* by b_next; MSGDELIM: marked */
	mblk_t		*tc_reclast;
	uint_t		tc_nrecords;	/* tc_qhead included */

	/* from the peer */
	uint64_t	tc_rx_packets;
	uint32_t	tc_rx_cnt;
	uint32_t	tc_fwd_cnt;
	uint32_t	tc_buf_alloc;
	uint32_t	tc_edge;
	boolean_t	tc_inrecord;	/* the last piece did not end it */
} vio_conn_t;

/* An RST that belongs to no connection. */
typedef struct vio_rst {
	uint32_t	vrs_src_cid;
	uint32_t	vrs_dst_cid;
	uint32_t	vrs_src_port;
	uint32_t	vrs_dst_port;
	uint16_t	vrs_type;
} vio_rst_t;

struct vsock_vio {
	kmutex_t	vv_lock;
	vsock_transport_t *vv_transport;
	const vsock_vio_ops_t *vv_ops;
	void		*vv_arg;
	uint32_t	vv_local_cid;
	uint32_t	vv_remote_cid;
	uint_t		vv_types;

	list_t		vv_ready;
	list_t		vv_stuck;	/* queues that have to wait */
	timeout_id_t	vv_stuck_tid;	/* 0: not needed */
	uint_t		vv_rst_head;
	uint_t		vv_nrst;
	boolean_t	vv_rst_turn;	/* it is the turn of vv_rst */
	uint_t		vv_nreplies;
	boolean_t	vv_rx_stopped;
	hrtime_t	vv_stray_time;	/* see vio_stray_ok() */
	hrtime_t	vv_stray_left;

	kstat_t		*vv_kstat;
	kstat_named_t	vv_stat[VST_COUNT];
	vio_rst_t	vv_rst[VIO_RST_MAX];
};

/* What is to be done once vv_lock has been left. */
typedef struct vio_todo {
	boolean_t	vt_tx_kick;
	boolean_t	vt_rx_kick;
	boolean_t	vt_writable;
	boolean_t	vt_established;
	boolean_t	vt_starved;
	boolean_t	vt_peerbuf;	/* has changed, to: */
	uint32_t	vt_peerbytes;
	mblk_t		*vt_data;
	uint_t		vt_flags;	/* of vt_data, or alone */
	uint_t		vt_shutdown;
	boolean_t	vt_reset;
	int		vt_error;	/* of vt_reset */
} vio_todo_t;

static void
vio_stat(vsock_vio_t *vv, vio_stat_t stat, uint64_t n)
{
	ASSERT(MUTEX_HELD(&vv->vv_lock));
	ASSERT3U(stat, <, VST_COUNT);

	vv->vv_stat[stat].value.ui64 += n;
}

/* Count something that ought not to happen. */
static void
vio_oddity(vsock_vio_t *vv, vio_stat_t stat, const virtio_vsock_hdr_t *hdr)
{
	vio_stat(vv, stat, 1);
	DTRACE_PROBE3(vsock__virtio__oddity, vsock_vio_t *, vv, const char *,
	    vio_stat_names[stat], const virtio_vsock_hdr_t *, hdr);
}

/* The tuple of a packet from the peer, whose header is in our byte order. */
static vsock_tuple_t
vio_rx_tuple(const virtio_vsock_hdr_t *hdr)
{
	vsock_tuple_t tuple = {
		.vt_lcid	= (uint32_t)hdr->vvh_dst_cid,
		.vt_lport	= hdr->vvh_dst_port,
		.vt_rcid	= (uint32_t)hdr->vvh_src_cid,
		.vt_rport	= hdr->vvh_src_port
	};

	return (tuple);
}

/* A packet goes no further than this, for the reason `stat'. */
static void
vio_dropped(vio_stat_t stat, const virtio_vsock_hdr_t *hdr)
{
	vsock_tuple_t tuple = vio_rx_tuple(hdr);

	DTRACE_PROBE4(vsock__drop__in, vsock_conn_t *, NULL,
	    const vsock_tuple_t *, &tuple, size_t, hdr->vvh_len,
	    const char *, vio_stat_names[stat]);
}

static void
vio_drop(vsock_vio_t *vv, vio_stat_t stat, const virtio_vsock_hdr_t *hdr)
{
	vio_oddity(vv, stat, hdr);
	vio_dropped(stat, hdr);
}

/* Somebody looks: a packet, its header as it is in the ring. */
static void
vio_capture(vsock_vio_t *vv, const virtio_vsock_hdr_t *wire, const mblk_t *mp)
{
	vsock_packet_t vpk = {
		.vpk_src_cid	= LE_64(wire->vvh_src_cid),
		.vpk_dst_cid	= LE_64(wire->vvh_dst_cid),
		.vpk_src_port	= LE_32(wire->vvh_src_port),
		.vpk_dst_port	= LE_32(wire->vvh_dst_port),
		.vpk_kind	= VSOCK_MON_TRANSPORT_VIRTIO,
		.vpk_hdr	= wire,
		.vpk_hdrlen	= sizeof (*wire),
		.vpk_data	= mp
	};

	switch (LE_16(wire->vvh_op)) {
	case VIRTIO_VSOCK_OP_REQUEST:
	case VIRTIO_VSOCK_OP_RESPONSE:
		vpk.vpk_op = VSOCK_MON_CONNECT;
		break;
	case VIRTIO_VSOCK_OP_RST:
	case VIRTIO_VSOCK_OP_SHUTDOWN:
		vpk.vpk_op = VSOCK_MON_DISCONNECT;
		break;
	case VIRTIO_VSOCK_OP_RW:
		vpk.vpk_op = VSOCK_MON_PAYLOAD;
		break;
	case VIRTIO_VSOCK_OP_CREDIT_UPDATE:
	case VIRTIO_VSOCK_OP_CREDIT_REQUEST:
		vpk.vpk_op = VSOCK_MON_CONTROL;
		break;
	default:
		vpk.vpk_op = VSOCK_MON_UNKNOWN;
		break;
	}
	vsock_capture(vv->vv_transport, &vpk);
}

static void
vio_runs_add(vio_runs_t *vr, uint32_t end, uint32_t limit)
{
	uint32_t last = vr->vr_n - 1;

	if (vr->vr_n == 0 || (vr->vr_n < VIO_NRUNS &&
	    vr->vr_run[last].vr_count >= limit / VIO_NRUNS)) {
		last = vr->vr_n++;
		vr->vr_run[last].vr_count = 0;
	}
	vr->vr_run[last].vr_end = end;
	vr->vr_run[last].vr_count++;
	vr->vr_total++;
}

/* All before `cnt' has been consumed. */
static void
vio_runs_expire(vio_runs_t *vr, uint32_t cnt)
{
	uint32_t gone = 0;

	while (gone < vr->vr_n &&
	    (int32_t)(cnt - vr->vr_run[gone].vr_end) >= 0) {
		vr->vr_total -= vr->vr_run[gone].vr_count;
		gone++;
	}
	if (gone == 0)
		return;
	vr->vr_n -= gone;
	for (uint32_t i = 0; i < vr->vr_n; i++)
		vr->vr_run[i] = vr->vr_run[i + gone];
}

/* How many bytes the peer has room for. */
static uint32_t
vio_credit(const vio_conn_t *tc)
{
	uint32_t inflight = tc->tc_tx_cnt - tc->tc_peer_fwd;

	/* Beyond that, the peer claims to have got what was never sent. */
	if (inflight > INT32_MAX || inflight >= tc->tc_peer_buf)
		return (0);
	return (tc->tc_peer_buf - inflight);
}

static uint32_t
vio_small_limit(const vio_conn_t *tc)
{
	return (MAX(1, tc->tc_peer_buf / VIO_TX_PER_SMALL));
}

static boolean_t
vio_is_records(const vio_conn_t *tc)
{
	return (tc->tc_type == VIRTIO_VSOCK_TYPE_SEQPACKET);
}

/*
 * Is so much queued, a share of the most it may be (1: all of that)?
 */
static boolean_t
vio_queue_full(const vio_conn_t *tc, uint_t share)
{
	return (tc->tc_qbytes >= (tc->tc_sndbuf + share - 1) / share ||
	    tc->tc_nrecords >= (tc->tc_sndmsgs + share - 1) / share);
}

/*
 * How many bytes of the queue may go in one packet, and whether that is a small
 * one.  0: none, now.
 */
static uint32_t
vio_data_ready(const vio_conn_t *tc, boolean_t *smallp)
{
	uint32_t n;

	n = (uint32_t)MIN(vio_is_records(tc) ? tc->tc_recleft : tc->tc_qbytes,
	    VIRTIO_VSOCK_MAX_PAYLOAD);
	n = MIN(n, vio_credit(tc));
	*smallp = (n > 0 && n < VIO_TX_SMALL);
	if (*smallp && tc->tc_tx_small.vr_total >= vio_small_limit(tc) +
	    tc->tc_tx_over)
		return (0);
	return (n);
}

/* The halves whose shutdown can be told now. */
static uint_t
vio_shutdown_ready(const vio_conn_t *tc)
{
	uint_t due = tc->tc_shut & ~tc->tc_shut_sent;

	if ((due & VSOCK_SHUT_SEND) != 0 && tc->tc_qbytes != 0)
		return (0);
	return (due);
}

static boolean_t
vio_can_send(const vio_conn_t *tc)
{
	boolean_t small;

	if (tc->tc_held_back)
		return (B_FALSE);
	if ((tc->tc_pend &
	    (VIO_P_RST | VIO_P_REQUEST | VIO_P_RESPONSE)) != 0)
		return (B_TRUE);
	if (tc->tc_state != VIO_OPEN)
		return (B_FALSE);
	return (tc->tc_pend != 0 || vio_shutdown_ready(tc) != 0 ||
	    vio_data_ready(tc, &small) != 0);
}

static boolean_t
vio_tx_idle(vsock_vio_t *vv)
{
	return (vv->vv_nrst == 0 && list_is_empty(&vv->vv_ready));
}

static void vio_stuck_timer(void *);

static void
vio_stuck_arm(vsock_vio_t *vv)
{
	ASSERT(MUTEX_HELD(&vv->vv_lock));

	if (vv->vv_stuck_tid == 0) {
		vv->vv_stuck_tid = timeout(vio_stuck_timer, vv,
		    drv_usectohz(VIO_STUCK_MS * 1000));
	}
}

/* What is stuck because it is small may go, once. */
static void
vio_stuck_over(vio_conn_t *tc)
{
	boolean_t small;

	if (vio_data_ready(tc, &small) == 0 && small &&
	    tc->tc_tx_over < vio_small_limit(tc))
		tc->tc_tx_over++;
}

static void
vio_unstuck(vio_conn_t *tc)
{
	if (list_link_active(&tc->tc_stuck_node))
		list_remove(&tc->tc_vio->vv_stuck, tc);
	tc->tc_stuck = B_FALSE;
}

/*
 * Bring the lists, and what depends on queue and credit, up to date after tc
 * has changed.
 */
static void
vio_sched(vio_conn_t *tc, vio_todo_t *todo)
{
	vsock_vio_t *vv = tc->tc_vio;
	boolean_t small;

	ASSERT(MUTEX_HELD(&vv->vv_lock));

	if (tc->tc_state == VIO_OPEN && tc->tc_qbytes != 0 &&
	    vio_data_ready(tc, &small) == 0) {
		if (tc->tc_ask == VIO_ASK_NONE && (small || tc->tc_stuck)) {
			tc->tc_ask = VIO_ASK_SENT;
			tc->tc_pend |= VIO_P_ASK;
		}
		if (!list_link_active(&tc->tc_stuck_node)) {
			list_insert_tail(&vv->vv_stuck, tc);
			vio_stuck_arm(vv);
		}
	} else {
		tc->tc_ask = VIO_ASK_NONE;
		tc->tc_pend &= ~VIO_P_ASK;
		vio_unstuck(tc);
	}

	if (!vio_can_send(tc)) {
		if (list_link_active(&tc->tc_node))
			list_remove(&vv->vv_ready, tc);
	} else if (tc->tc_reply || !list_link_active(&tc->tc_node)) {
		if (vio_tx_idle(vv))
			todo->vt_tx_kick = B_TRUE;
		if (list_link_active(&tc->tc_node))
			list_remove(&vv->vv_ready, tc);
		/* Answers don't wait for what we say on our own account. */
		if (tc->tc_reply)
			list_insert_head(&vv->vv_ready, tc);
		else
			list_insert_tail(&vv->vv_ready, tc);
	}

	if (tc->tc_full && tc->tc_state == VIO_OPEN &&
	    !vio_queue_full(tc, 2) && tc->tc_qbytes < vio_credit(tc)) {
		tc->tc_full = B_FALSE;
		todo->vt_writable = B_TRUE;
	}
}

/*
 * A period has passed: ask the peers of those that have been waiting for all of
 * it, in turn.  A callout: may be in interrupt context.
 */
static void
vio_stuck_timer(void *arg)
{
	vsock_vio_t *vv = arg;
	vio_todo_t todo = { 0 };
	vio_conn_t *tc, *last;
	uint_t n = 0;

	mutex_enter(&vv->vv_lock);
	if ((last = list_tail(&vv->vv_stuck)) != NULL) {
		do {
			tc = list_remove_head(&vv->vv_stuck);
			list_insert_tail(&vv->vv_stuck, tc);
			if (tc->tc_stuck) {
				tc->tc_ask = VIO_ASK_NONE;
				vio_stuck_over(tc);
			}
			tc->tc_stuck = B_TRUE;
			vio_sched(tc, &todo);
		} while (tc != last && ++n < VIO_STUCK_MAX);
	}
	mutex_exit(&vv->vv_lock);

	if (todo.vt_tx_kick)
		vv->vv_ops->vvo_tx_kick(vv->vv_arg);

	/* From here on vio_free() does not wait for us. */
	mutex_enter(&vv->vv_lock);
	vv->vv_stuck_tid = 0;
	if (!list_is_empty(&vv->vv_stuck))
		vio_stuck_arm(vv);
	mutex_exit(&vv->vv_lock);
}

static void
vio_queue_drop(vio_conn_t *tc, const char *why)
{
	if (tc->tc_qbytes != 0) {
		DTRACE_PROBE4(vsock__drop__out, vsock_conn_t *, tc->tc_conn,
		    const vsock_tuple_t *, &tc->tc_tuple, size_t,
		    tc->tc_qbytes, const char *, why);
	}
	freemsg(tc->tc_qhead);
	tc->tc_qhead = tc->tc_qtail = tc->tc_qroom = NULL;
	tc->tc_qbytes = 0;
	freemsgchain(tc->tc_records);
	tc->tc_records = tc->tc_reclast = NULL;
	tc->tc_recleft = 0;
	tc->tc_nrecords = 0;
}

/* The next record becomes the first, if there is none. */
static void
vio_queue_record(vio_conn_t *tc)
{
	mblk_t *mp = tc->tc_records;

	if (tc->tc_qhead != NULL || mp == NULL)
		return;
	tc->tc_records = mp->b_next;
	if (tc->tc_records == NULL)
		tc->tc_reclast = NULL;
	mp->b_next = NULL;
	tc->tc_recflags = VIRTIO_VSOCK_SEQ_EOM;
	if ((mp->b_flag & MSGDELIM) != 0)
		tc->tc_recflags |= VIRTIO_VSOCK_SEQ_EOR;
	tc->tc_recleft = msgdsize(mp);
	tc->tc_qhead = mp;
}

/* Queue a record, which is not empty. */
static void
vio_queue_putrec(vio_conn_t *tc, mblk_t *mp, uint_t flags)
{
	mp->b_flag &= ~MSGDELIM;
	if ((flags & VSOCK_MSG_EOR) != 0)
		mp->b_flag |= MSGDELIM;
	if (tc->tc_records == NULL)
		tc->tc_records = mp;
	else
		tc->tc_reclast->b_next = mp;
	tc->tc_reclast = mp;
	tc->tc_qbytes += msgdsize(mp);
	tc->tc_nrecords++;
	vio_queue_record(tc);
}

/* Queue one block, which is not empty. */
static void
vio_queue_block(vio_conn_t *tc, mblk_t *mp)
{
	size_t len = MBLKL(mp);
	mblk_t *room = tc->tc_qroom;

	ASSERT3P(mp->b_cont, ==, NULL);

	tc->tc_qbytes += len;
	if (tc->tc_qhead == NULL) {
		tc->tc_qhead = tc->tc_qtail = mp;
		tc->tc_qroom = NULL;
		return;
	}

	/* What has to wait may as well be gathered. */
	if (len <= VIO_COALESCE) {
		if (room != NULL && (size_t)MBLKTAIL(room) >= len) {
			bcopy(mp->b_rptr, room->b_wptr, len);
			room->b_wptr += len;
			freeb(mp);
			return;
		}
		room = allocb(VIO_COALESCE_BLK, BPRI_MED);
		if (room != NULL) {
			bcopy(mp->b_rptr, room->b_wptr, len);
			room->b_wptr += len;
			freeb(mp);
			mp = room;
		}
		tc->tc_qroom = room;
	} else {
		tc->tc_qroom = NULL;
	}
	tc->tc_qtail->b_cont = mp;
	tc->tc_qtail = mp;
}

/*
 * Take exactly `len' bytes off the queue.  NULL: no memory, nothing was taken.
 */
static mblk_t *
vio_queue_take(vio_conn_t *tc, size_t len)
{
	mblk_t *head = tc->tc_qhead, *last = NULL, *mp, *part;
	size_t left = len;

	ASSERT3U(len, >, 0);
	ASSERT3U(len, <=, tc->tc_qbytes);

	for (mp = head; left > 0 && left >= (size_t)MBLKL(mp);
	    mp = mp->b_cont) {
		left -= MBLKL(mp);
		last = mp;
	}
	if (left > 0) {
		part = dupb(mp);
		if (part == NULL)
			return (NULL);
		part->b_wptr = part->b_rptr + left;
		mp->b_rptr += left;
		/* The block is shared now. */
		if (tc->tc_qroom == mp)
			tc->tc_qroom = NULL;
		if (last == NULL)
			head = part;
		else
			last->b_cont = part;
	} else {
		last->b_cont = NULL;
	}
	tc->tc_qhead = mp;
	if (mp == NULL)
		tc->tc_qtail = tc->tc_qroom = NULL;
	tc->tc_qbytes -= len;
	if (vio_is_records(tc)) {
		tc->tc_recleft -= len;
		if (mp == NULL) {
			tc->tc_nrecords--;
			vio_queue_record(tc);
		}
	}
	return (head);
}

/* The answer that tc is about to give counts against the budget. */
static void
vio_reply_begin(vio_conn_t *tc)
{
	if (!tc->tc_reply) {
		tc->tc_reply = B_TRUE;
		tc->tc_vio->vv_nreplies++;
	}
}

static void
vio_reply_end(vsock_vio_t *vv, vio_todo_t *todo)
{
	ASSERT3U(vv->vv_nreplies, >, 0);

	vv->vv_nreplies--;
	if (vv->vv_rx_stopped && vv->vv_nreplies <= VIO_REPLY_MAX / 2) {
		vv->vv_rx_stopped = B_FALSE;
		todo->vt_rx_kick = B_TRUE;
	}
}

static vio_conn_t *
vio_conn_create(vsock_vio_t *vv, vsock_conn_t *conn,
    const vsock_conn_params_t *params)
{
	vio_conn_t *tc;

	tc = kmem_zalloc(sizeof (*tc), KM_SLEEP);
	list_link_init(&tc->tc_node);
	list_link_init(&tc->tc_stuck_node);
	tc->tc_vio = vv;
	tc->tc_conn = conn;
	tc->tc_tuple = params->vcp_tuple;
	tc->tc_type = (params->vcp_type == VSOCK_TYPE_STREAM) ?
	    VIRTIO_VSOCK_TYPE_STREAM : VIRTIO_VSOCK_TYPE_SEQPACKET;
	tc->tc_sndbuf = params->vcp_sndbuf;
	tc->tc_sndmsgs = params->vcp_sndmsgs;
	tc->tc_buf_alloc = MIN(params->vcp_rcvbuf, INT32_MAX);
	return (tc);
}

/* Free tc, which is not on the ready list. */
static void
vio_conn_free(vio_conn_t *tc, vio_todo_t *todo)
{
	ASSERT(MUTEX_HELD(&tc->tc_vio->vv_lock));
	ASSERT(!list_link_active(&tc->tc_node));

	vio_unstuck(tc);
	if (tc->tc_reply)
		vio_reply_end(tc->tc_vio, todo);
	vio_queue_drop(tc, "released");
	kmem_free(tc, sizeof (*tc));
}

static void
vio_orphan_free(vio_conn_t *tc, vio_todo_t *todo)
{
	vsock_vio_t *vv = tc->tc_vio;

	if (vv->vv_transport != NULL)
		vsock_transport_orphans(vv->vv_transport, -1);
	vio_conn_free(tc, todo);
}

/* The connection is over; with `rst', the peer is told. */
static void
vio_close(vio_conn_t *tc, boolean_t rst)
{
	ASSERT(MUTEX_HELD(&tc->tc_vio->vv_lock));

	vio_queue_drop(tc, "connection over");
	tc->tc_state = VIO_CLOSED;
	tc->tc_full = B_FALSE;
	tc->tc_pend = rst ? VIO_P_RST : 0;
}

/* Do what could not be done under the lock. */
static void
vio_finish(vsock_vio_t *vv, vsock_conn_t *conn, const vio_todo_t *todo)
{
	ASSERT(MUTEX_NOT_HELD(&vv->vv_lock));

	if (todo->vt_established)
		vsock_up_established(conn);
	if (todo->vt_peerbuf)
		vsock_up_peerbuf(conn, todo->vt_peerbytes);
	if (todo->vt_data != NULL || todo->vt_flags != 0)
		vsock_up_data(conn, todo->vt_data, todo->vt_flags);
	if (todo->vt_shutdown != 0)
		vsock_up_shutdown(conn, todo->vt_shutdown);
	if (todo->vt_reset)
		vsock_up_reset(conn, todo->vt_error);
	if (todo->vt_writable)
		vsock_up_writable(conn);
	if (todo->vt_starved)
		vsock_up_starved(conn);
	if (todo->vt_rx_kick)
		vv->vv_ops->vvo_rx_kick(vv->vv_arg);
	if (todo->vt_tx_kick)
		vv->vv_ops->vvo_tx_now(vv->vv_arg);
}

/*
 * OPERATIONS OF THE TRANSPORT
 */

static int
vio_op_connect(void *arg, vsock_conn_t *conn,
    const vsock_conn_params_t *params, void **tcp)
{
	vsock_vio_t *vv = arg;
	vio_todo_t todo = { 0 };
	vio_conn_t *tc;

	tc = vio_conn_create(vv, conn, params);
	mutex_enter(&vv->vv_lock);
	if ((params->vcp_type & vv->vv_types) == 0) {
		vio_conn_free(tc, &todo);
		mutex_exit(&vv->vv_lock);
		return (ESOCKTNOSUPPORT);
	}
	*tcp = tc;
	tc->tc_state = VIO_CONNECTING;
	tc->tc_pend = VIO_P_REQUEST;
	vio_sched(tc, &todo);
	mutex_exit(&vv->vv_lock);

	vio_finish(vv, conn, &todo);
	return (0);
}

static boolean_t
vio_op_send(void *arg, mblk_t *mp, uint_t flags)
{
	vio_conn_t *tc = arg;
	vsock_vio_t *vv = tc->tc_vio;
	vio_todo_t todo = { 0 };
	boolean_t more = B_TRUE;
	mblk_t *next;

	mutex_enter(&vv->vv_lock);
	if (tc->tc_state != VIO_OPEN || (tc->tc_shut & VSOCK_SHUT_SEND) != 0 ||
	    (tc->tc_peer_shut & VSOCK_SHUT_RECV) != 0) {
		mutex_exit(&vv->vv_lock);
		DTRACE_PROBE4(vsock__drop__out, vsock_conn_t *, tc->tc_conn,
		    const vsock_tuple_t *, &tc->tc_tuple, size_t,
		    msgdsize(mp), const char *, "not open");
		freemsg(mp);
		return (B_TRUE);
	}
	if (vio_is_records(tc)) {
		vio_queue_putrec(tc, mp, flags);
		mp = NULL;
	}
	for (; mp != NULL; mp = next) {
		next = mp->b_cont;
		mp->b_cont = NULL;
		if (MBLKL(mp) > 0)
			vio_queue_block(tc, mp);
		else
			freeb(mp);
	}
	if (vio_queue_full(tc, 1) || tc->tc_qbytes > vio_credit(tc)) {
		tc->tc_full = B_TRUE;
		more = B_FALSE;
	}
	if (tc->tc_ask == VIO_ASK_ANSWERED)
		tc->tc_ask = VIO_ASK_NONE;
	vio_sched(tc, &todo);
	mutex_exit(&vv->vv_lock);

	vio_finish(vv, tc->tc_conn, &todo);
	return (more);
}

static boolean_t
vio_op_tx_ready(void *arg)
{
	vio_conn_t *tc = arg;
	vsock_vio_t *vv = tc->tc_vio;
	boolean_t ready = B_TRUE;

	mutex_enter(&vv->vv_lock);
	if (tc->tc_state == VIO_OPEN &&
	    (tc->tc_peer_shut & VSOCK_SHUT_RECV) == 0) {
		if (vio_queue_full(tc, 1) || tc->tc_qbytes >= vio_credit(tc))
			tc->tc_full = B_TRUE;
		ready = !tc->tc_full;
	}
	mutex_exit(&vv->vv_lock);
	return (ready);
}

static size_t
vio_op_maxrec(void *arg)
{
	vio_conn_t *tc = arg;
	size_t bytes;

	mutex_enter(&tc->tc_vio->vv_lock);
	bytes = tc->tc_peer_buf;
	mutex_exit(&tc->tc_vio->vv_lock);
	return (bytes);
}

static size_t
vio_op_unsent(void *arg)
{
	vio_conn_t *tc = arg;
	size_t bytes;

	mutex_enter(&tc->tc_vio->vv_lock);
	bytes = tc->tc_qbytes;
	mutex_exit(&tc->tc_vio->vv_lock);
	return (bytes);
}

static void
vio_op_consumed(void *arg, size_t bytes)
{
	vio_conn_t *tc = arg;
	vsock_vio_t *vv = tc->tc_vio;
	vio_todo_t todo = { 0 };

	mutex_enter(&vv->vv_lock);
	ASSERT3U(bytes, <=, (uint32_t)(tc->tc_rx_cnt - tc->tc_fwd_cnt));
	tc->tc_fwd_cnt += (uint32_t)bytes;
	if (tc->tc_state == VIO_OPEN &&
	    (tc->tc_peer_shut & VSOCK_SHUT_SEND) == 0) {
		tc->tc_pend |= VIO_P_UPDATE;
		vio_sched(tc, &todo);
	}
	mutex_exit(&vv->vv_lock);

	vio_finish(vv, tc->tc_conn, &todo);
}

static void
vio_op_rcvbuf(void *arg, uint32_t bytes)
{
	vio_conn_t *tc = arg;
	vsock_vio_t *vv = tc->tc_vio;
	vio_todo_t todo = { 0 };

	mutex_enter(&vv->vv_lock);
	tc->tc_buf_alloc = MIN(bytes, INT32_MAX);
	if (tc->tc_state == VIO_OPEN) {
		tc->tc_pend |= VIO_P_UPDATE;
		vio_sched(tc, &todo);
	}
	mutex_exit(&vv->vv_lock);

	vio_finish(vv, tc->tc_conn, &todo);
}

static void
vio_op_shutdown(void *arg, uint_t how)
{
	vio_conn_t *tc = arg;
	vsock_vio_t *vv = tc->tc_vio;
	vio_todo_t todo = { 0 };

	mutex_enter(&vv->vv_lock);
	tc->tc_shut |= how;
	vio_sched(tc, &todo);
	mutex_exit(&vv->vv_lock);

	vio_finish(vv, tc->tc_conn, &todo);
}

static void
vio_op_reset(void *arg)
{
	vio_conn_t *tc = arg;
	vsock_vio_t *vv = tc->tc_vio;
	vio_todo_t todo = { 0 };

	mutex_enter(&vv->vv_lock);
	if (tc->tc_state != VIO_CLOSED) {
		/* A peer that was never asked need not be told. */
		vio_close(tc, (tc->tc_pend & VIO_P_REQUEST) == 0);
		vio_sched(tc, &todo);
	}
	mutex_exit(&vv->vv_lock);

	vio_finish(vv, tc->tc_conn, &todo);
}

static void
vio_op_release(void *arg)
{
	vio_conn_t *tc = arg;
	vsock_vio_t *vv = tc->tc_vio;
	vio_todo_t todo = { 0 };

	mutex_enter(&vv->vv_lock);
	tc->tc_conn = NULL;
	if ((tc->tc_pend & VIO_P_RST) != 0) {
		ASSERT(list_link_active(&tc->tc_node));
		vsock_transport_orphans(vv->vv_transport, 1);
	} else {
		if (list_link_active(&tc->tc_node))
			list_remove(&vv->vv_ready, tc);
		vio_conn_free(tc, &todo);
	}
	mutex_exit(&vv->vv_lock);

	vio_finish(vv, NULL, &todo);
}

static void
vio_op_stats(void *arg, vsock_conn_stats_t *vcs)
{
	vio_conn_t *tc = arg;
	vsock_vio_t *vv = tc->tc_vio;

	mutex_enter(&vv->vv_lock);
	vcs->vcs_rx_packets = tc->tc_rx_packets;
	vcs->vcs_tx_packets = tc->tc_tx_packets;
	vcs->vcs_tx_queued = tc->tc_qbytes;
	vcs->vcs_rx_credit = tc->tc_edge - tc->tc_rx_cnt;
	vcs->vcs_tx_credit = vio_credit(tc);
	mutex_exit(&vv->vv_lock);
}

const vsock_transport_ops_t vsock_vio_tops = {
	.vto_connect	= vio_op_connect,
	.vto_send	= vio_op_send,
	.vto_maxrec	= vio_op_maxrec,
	.vto_tx_ready	= vio_op_tx_ready,
	.vto_unsent	= vio_op_unsent,
	.vto_consumed	= vio_op_consumed,
	.vto_rcvbuf	= vio_op_rcvbuf,
	.vto_shutdown	= vio_op_shutdown,
	.vto_reset	= vio_op_reset,
	.vto_release	= vio_op_release,
	.vto_stats	= vio_op_stats
};

/*
 * TO THE PEER
 */

static void
vio_hdr_conn(vio_conn_t *tc, uint16_t op, uint32_t flags, uint32_t len,
    virtio_vsock_hdr_t *hdr)
{
	uint32_t edge = tc->tc_fwd_cnt + tc->tc_buf_alloc;

	hdr->vvh_src_cid = LE_64((uint64_t)tc->tc_tuple.vt_lcid);
	hdr->vvh_dst_cid = LE_64((uint64_t)tc->tc_tuple.vt_rcid);
	hdr->vvh_src_port = LE_32(tc->tc_tuple.vt_lport);
	hdr->vvh_dst_port = LE_32(tc->tc_tuple.vt_rport);
	hdr->vvh_len = LE_32(len);
	hdr->vvh_type = LE_16(tc->tc_type);
	hdr->vvh_op = LE_16(op);
	hdr->vvh_flags = LE_32(flags);
	hdr->vvh_buf_alloc = LE_32(tc->tc_buf_alloc);
	hdr->vvh_fwd_cnt = LE_32(tc->tc_fwd_cnt);

	tc->tc_pend &= ~VIO_P_UPDATE;
	if ((int32_t)(edge - tc->tc_edge) > 0)
		tc->tc_edge = edge;
	tc->tc_tx_packets++;
	vio_stat(tc->tc_vio, VST_TX_OP + op, 1);
}

/*
 * The next packet of tc.  B_FALSE: there is no memory for it now.
 */
static boolean_t
vio_build(vio_conn_t *tc, size_t maxpayload, virtio_vsock_hdr_t *hdr,
    mblk_t **mpp, vio_todo_t *todo)
{
	vsock_vio_t *vv = tc->tc_vio;
	uint32_t len, flags = 0;
	boolean_t small;
	uint_t shut;

	ASSERT(vio_can_send(tc));

	if ((tc->tc_pend & VIO_P_RST) != 0) {
		tc->tc_pend = 0;
		vio_hdr_conn(tc, VIRTIO_VSOCK_OP_RST, 0, 0, hdr);
	} else if ((tc->tc_pend & VIO_P_REQUEST) != 0) {
		tc->tc_pend &= ~VIO_P_REQUEST;
		vio_hdr_conn(tc, VIRTIO_VSOCK_OP_REQUEST, 0, 0, hdr);
		return (B_TRUE);
	} else if ((tc->tc_pend & VIO_P_RESPONSE) != 0) {
		tc->tc_pend &= ~VIO_P_RESPONSE;
		vio_hdr_conn(tc, VIRTIO_VSOCK_OP_RESPONSE, 0, 0, hdr);
	} else if ((shut = vio_shutdown_ready(tc)) != 0) {
		/* The bits are sticky: repeating the earlier is harmless. */
		tc->tc_shut_sent |= shut;
		vio_hdr_conn(tc, VIRTIO_VSOCK_OP_SHUTDOWN, tc->tc_shut_sent,
		    0, hdr);
		return (B_TRUE);
	} else if ((len = vio_data_ready(tc, &small)) != 0) {
		len = (uint32_t)MIN(len, maxpayload);
		if (vio_is_records(tc) && len == tc->tc_recleft)
			flags = tc->tc_recflags;
		*mpp = vio_queue_take(tc, len);
		if (*mpp == NULL) {
			vio_stat(vv, VST_TX_NOMEM, 1);
			return (B_FALSE);
		}
		tc->tc_tx_cnt += len;
		if (small)
			vio_runs_add(&tc->tc_tx_small, tc->tc_tx_cnt,
			    vio_small_limit(tc));
		vio_stat(vv, VST_TX_BYTES, len);
		vio_hdr_conn(tc, VIRTIO_VSOCK_OP_RW, flags, len, hdr);
		return (B_TRUE);
	} else if ((tc->tc_pend & VIO_P_ASK) != 0) {
		tc->tc_pend &= ~VIO_P_ASK;
		vio_hdr_conn(tc, VIRTIO_VSOCK_OP_CREDIT_REQUEST, 0, 0, hdr);
		return (B_TRUE);
	} else {
		vio_hdr_conn(tc, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, 0, hdr);
		return (B_TRUE);
	}

	/* It was an answer. */
	if (tc->tc_reply) {
		tc->tc_reply = B_FALSE;
		vio_reply_end(vv, todo);
	}
	return (B_TRUE);
}

static void
vio_build_rst(vsock_vio_t *vv, virtio_vsock_hdr_t *hdr, vio_todo_t *todo)
{
	const vio_rst_t *vrs = &vv->vv_rst[vv->vv_rst_head];

	bzero(hdr, sizeof (*hdr));
	hdr->vvh_src_cid = LE_64((uint64_t)vrs->vrs_src_cid);
	hdr->vvh_dst_cid = LE_64((uint64_t)vrs->vrs_dst_cid);
	hdr->vvh_src_port = LE_32(vrs->vrs_src_port);
	hdr->vvh_dst_port = LE_32(vrs->vrs_dst_port);
	hdr->vvh_type = LE_16(vrs->vrs_type);
	hdr->vvh_op = LE_16(VIRTIO_VSOCK_OP_RST);

	vv->vv_rst_head = (vv->vv_rst_head + 1) % VIO_RST_MAX;
	vv->vv_nrst--;
	vio_reply_end(vv, todo);
	vio_stat(vv, VST_TX_RST, 1);
}

boolean_t
vsock_vio_tx_pending(vsock_vio_t *vv)
{
	boolean_t pending;

	mutex_enter(&vv->vv_lock);
	pending = !vio_tx_idle(vv);
	mutex_exit(&vv->vv_lock);
	return (pending);
}

boolean_t
vsock_vio_tx_next(vsock_vio_t *vv, size_t maxpayload, virtio_vsock_hdr_t *hdr,
    mblk_t **mpp)
{
	vio_todo_t todo = { 0 };
	vsock_conn_t *conn = NULL;
	vio_conn_t *tc;

	ASSERT3U(maxpayload, >, 0);
	*mpp = NULL;

	mutex_enter(&vv->vv_lock);
	tc = list_head(&vv->vv_ready);
	if (vv->vv_nrst != 0 && (tc == NULL || vv->vv_rst_turn)) {
		vio_build_rst(vv, hdr, &todo);
		vv->vv_rst_turn = B_FALSE;
	} else if (tc != NULL && vio_build(tc, maxpayload, hdr, mpp, &todo)) {
		vv->vv_rst_turn = B_TRUE;
		list_remove(&vv->vv_ready, tc);
		if (tc->tc_conn == NULL) {
			vio_orphan_free(tc, &todo);
		} else {
			vio_sched(tc, &todo);
			/* The caller is here already. */
			todo.vt_tx_kick = B_FALSE;
			if (todo.vt_writable && vsock_conn_hold(tc->tc_conn))
				conn = tc->tc_conn;
			else
				todo.vt_writable = B_FALSE;
		}
	} else {
		mutex_exit(&vv->vv_lock);
		return (B_FALSE);
	}
	vio_stat(vv, VST_TX_PACKETS, 1);
	mutex_exit(&vv->vv_lock);

	if (vsock_capturing())
		vio_capture(vv, hdr, *mpp);
	vio_finish(vv, conn, &todo);
	if (conn != NULL)
		vsock_conn_rele(conn);
	return (B_TRUE);
}

/*
 * FROM THE PEER
 */

/* The header, in our byte order. */
static virtio_vsock_hdr_t
vio_hdr_decode(const virtio_vsock_hdr_t *wire)
{
	virtio_vsock_hdr_t hdr = {
		.vvh_src_cid	= LE_64(wire->vvh_src_cid),
		.vvh_dst_cid	= LE_64(wire->vvh_dst_cid),
		.vvh_src_port	= LE_32(wire->vvh_src_port),
		.vvh_dst_port	= LE_32(wire->vvh_dst_port),
		.vvh_len	= LE_32(wire->vvh_len),
		.vvh_type	= LE_16(wire->vvh_type),
		.vvh_op		= LE_16(wire->vvh_op),
		.vvh_flags	= LE_32(wire->vvh_flags),
		.vvh_buf_alloc	= LE_32(wire->vvh_buf_alloc),
		.vvh_fwd_cnt	= LE_32(wire->vvh_fwd_cnt)
	};

	return (hdr);
}

/*
 * May another packet that nobody has asked for be answered?  A second's worth
 * of answers gathers while none is given; vv_stray_left is that, in the time
 * that it takes.
 */
static boolean_t
vio_stray_ok(vsock_vio_t *vv)
{
	hrtime_t cost = NANOSEC / vsock_transport_reply_rate(vv->vv_transport);
	hrtime_t now = gethrtime();

	ASSERT(MUTEX_HELD(&vv->vv_lock));

	vv->vv_stray_left = MIN(NANOSEC,
	    vv->vv_stray_left + now - vv->vv_stray_time);
	vv->vv_stray_time = now;
	if (vv->vv_stray_left < cost) {
		vio_stat(vv, VST_RST_LIMITED, 1);
		return (B_FALSE);
	}
	vv->vv_stray_left -= cost;
	return (B_TRUE);
}

/*
 * Answer a packet that belongs to no connection, unless it is an RST itself.
 */
static void
vio_answer_rst(vsock_vio_t *vv, const virtio_vsock_hdr_t *hdr,
    vio_todo_t *todo)
{
	vio_rst_t *vrs;

	ASSERT(MUTEX_HELD(&vv->vv_lock));

	if (hdr->vvh_op == VIRTIO_VSOCK_OP_RST)
		return;
	for (uint_t i = 0; i < vv->vv_nrst; i++) {
		vrs = &vv->vv_rst[(vv->vv_rst_head + i) % VIO_RST_MAX];
		if (vrs->vrs_src_port == hdr->vvh_dst_port &&
		    vrs->vrs_dst_port == hdr->vvh_src_port &&
		    vrs->vrs_src_cid == hdr->vvh_dst_cid &&
		    vrs->vrs_dst_cid == hdr->vvh_src_cid &&
		    vrs->vrs_type == hdr->vvh_type)
			return;
	}
	if (vv->vv_nrst == VIO_RST_MAX) {
		vio_stat(vv, VST_RST_LOST, 1);
		return;
	}
	if (hdr->vvh_op != VIRTIO_VSOCK_OP_REQUEST && !vio_stray_ok(vv))
		return;
	if (vio_tx_idle(vv))
		todo->vt_tx_kick = B_TRUE;
	vrs = &vv->vv_rst[(vv->vv_rst_head + vv->vv_nrst) % VIO_RST_MAX];
	vrs->vrs_src_cid = (uint32_t)hdr->vvh_dst_cid;
	vrs->vrs_dst_cid = (uint32_t)hdr->vvh_src_cid;
	vrs->vrs_src_port = hdr->vvh_dst_port;
	vrs->vrs_dst_port = hdr->vvh_src_port;
	vrs->vrs_type = hdr->vvh_type;
	vv->vv_nrst++;
	vv->vv_nreplies++;
}

/*
 * May the peer call itself that?  The host may, in both of its roles, as we may
 * call it either.
 */
static boolean_t
vio_src_ok(const vsock_vio_t *vv, uint64_t cid)
{
	return (cid == vv->vv_remote_cid || (cid == VMADDR_CID_HYPERVISOR &&
	    vv->vv_remote_cid == VMADDR_CID_HOST));
}

/* The type of its socket, VSOCK_TYPE_*; 0: there is no such type. */
static uint_t
vio_type(const virtio_vsock_hdr_t *hdr)
{
	switch (hdr->vvh_type) {
	case VIRTIO_VSOCK_TYPE_STREAM:
		return (VSOCK_TYPE_STREAM);
	case VIRTIO_VSOCK_TYPE_SEQPACKET:
		return (VSOCK_TYPE_SEQPACKET);
	default:
		return (0);
	}
}

/*
 * Is it from where, to where and of a kind that it may be?  If not, it is
 * counted and answered.
 */
static boolean_t
vio_rx_check(vsock_vio_t *vv, const virtio_vsock_hdr_t *hdr, vio_todo_t *todo)
{

	ASSERT(MUTEX_HELD(&vv->vv_lock));

	vio_stat(vv, VST_RX_PACKETS, 1);
	if (((hdr->vvh_src_cid | hdr->vvh_dst_cid) >> 32) != 0) {
		/* There are no such addresses: nowhere to answer to. */
		vio_drop(vv, VST_BAD_CID_BITS, hdr);
		return (B_FALSE);
	}
	if (!vio_src_ok(vv, hdr->vvh_src_cid)) {
		vio_drop(vv, VST_BAD_SRC_CID, hdr);
		vio_answer_rst(vv, hdr, todo);
		return (B_FALSE);
	}
	if (hdr->vvh_dst_cid != vv->vv_local_cid) {
		vio_drop(vv, VST_BAD_DST_CID, hdr);
		vio_answer_rst(vv, hdr, todo);
		return (B_FALSE);
	}
	if ((vio_type(hdr) & vv->vv_types) == 0) {
		vio_drop(vv, VST_BAD_TYPE, hdr);
		vio_answer_rst(vv, hdr, todo);
		return (B_FALSE);
	}
	if (hdr->vvh_op <= VIRTIO_VSOCK_OP_CREDIT_REQUEST)
		vio_stat(vv, VST_RX_OP + hdr->vvh_op, 1);
	return (B_TRUE);
}

/* Every packet of a connection says what its sender has room for. */
static void
vio_rx_credit(vio_conn_t *tc, const virtio_vsock_hdr_t *hdr, vio_todo_t *todo)
{
	uint32_t consumed = hdr->vvh_fwd_cnt - tc->tc_peer_fwd;
	uint32_t was = tc->tc_peer_buf;

	tc->tc_peer_buf = MIN(hdr->vvh_buf_alloc, INT32_MAX);
	todo->vt_peerbuf = (tc->tc_peer_buf != was);
	todo->vt_peerbytes = tc->tc_peer_buf;
	if ((int32_t)consumed < 0 ||
	    (uint32_t)(tc->tc_tx_cnt - hdr->vvh_fwd_cnt) > INT32_MAX)
		vio_oddity(tc->tc_vio, VST_BAD_CREDIT, hdr);
	tc->tc_peer_fwd = hdr->vvh_fwd_cnt;
	vio_runs_expire(&tc->tc_tx_small, tc->tc_peer_fwd);
	if (tc->tc_tx_small.vr_total < vio_small_limit(tc))
		tc->tc_tx_over = 0;
	if (tc->tc_ask == VIO_ASK_NONE || (tc->tc_pend & VIO_P_ASK) != 0)
		return;
	tc->tc_ask = (consumed != 0 ? VIO_ASK_NONE : VIO_ASK_ANSWERED);
}

/* The peer broke the rules: end the connection on both sides. */
static void
vio_rx_abort(vio_conn_t *tc, int error, vio_todo_t *todo)
{
	vio_close(tc, B_TRUE);
	vio_reply_begin(tc);
	todo->vt_reset = B_TRUE;
	todo->vt_error = error;
}

/* Data for an open connection; the mblk stays the caller's if not in *todo. */
static void
vio_rx_data(vio_conn_t *tc, const virtio_vsock_hdr_t *hdr, mblk_t **mpp,
    vio_todo_t *todo)
{
	vsock_vio_t *vv = tc->tc_vio;
	uint32_t len = hdr->vvh_len;
	uint_t flags = 0;

	/* A mark without an end means nothing, nor do other bits. */
	if (vio_is_records(tc) &&
	    (hdr->vvh_flags & VIRTIO_VSOCK_SEQ_EOM) != 0) {
		flags = VSOCK_MSG_EOM;
		if ((hdr->vvh_flags & VIRTIO_VSOCK_SEQ_EOR) != 0)
			flags |= VSOCK_MSG_EOR;
	}
	if (len == 0 && (flags == 0 || !tc->tc_inrecord)) {
		vio_oddity(vv, VST_EMPTY_DATA, hdr);
		return;
	}
	if ((tc->tc_peer_shut & VSOCK_SHUT_SEND) != 0) {
		/* It has said that the stream is over, and so it is. */
		vio_drop(vv, VST_DATA_AFTER_SHUTDOWN, hdr);
		return;
	}
	if (len > tc->tc_edge - tc->tc_rx_cnt) {
		vio_drop(vv, VST_OVER_CREDIT, hdr);
		vio_rx_abort(tc, ENOBUFS, todo);
		return;
	}
	vio_stat(vv, VST_RX_BYTES, len);
	tc->tc_rx_cnt += len;
	tc->tc_inrecord = (flags == 0);
	if ((tc->tc_shut & VSOCK_SHUT_RECV) != 0) {
		/* Nobody will read it; nor may it use up the window. */
		DTRACE_PROBE4(vsock__drop__in, vsock_conn_t *, tc->tc_conn,
		    const vsock_tuple_t *, &tc->tc_tuple, size_t, len,
		    const char *, "not receiving");
		tc->tc_fwd_cnt += len;
		tc->tc_pend |= VIO_P_UPDATE;
		return;
	}
	todo->vt_flags = flags;
	todo->vt_data = *mpp;
	*mpp = NULL;
}

static void
vio_rx_shutdown(vio_conn_t *tc, const virtio_vsock_hdr_t *hdr,
    vio_todo_t *todo)
{
	uint_t how = hdr->vvh_flags & VSOCK_SHUT_BOTH;

	CTASSERT(VIRTIO_VSOCK_SHUTDOWN_RECEIVE == VSOCK_SHUT_RECV);
	CTASSERT(VIRTIO_VSOCK_SHUTDOWN_SEND == VSOCK_SHUT_SEND);

	if (how == 0 || how != hdr->vvh_flags)
		vio_oddity(tc->tc_vio, VST_BAD_FLAGS, hdr);
	todo->vt_shutdown = how & ~tc->tc_peer_shut;
	tc->tc_peer_shut |= how;
	if ((tc->tc_peer_shut & VSOCK_SHUT_RECV) != 0) {
		vio_queue_drop(tc, "peer does not receive");
		tc->tc_full = B_FALSE;
	}
	if (tc->tc_peer_shut == VSOCK_SHUT_BOTH)
		vio_rx_abort(tc, 0, todo);
}

static void
vio_rx_connecting(vio_conn_t *tc, const virtio_vsock_hdr_t *hdr,
    vio_todo_t *todo)
{
	vsock_vio_t *vv = tc->tc_vio;

	if ((tc->tc_pend & VIO_P_REQUEST) != 0) {
		/* The peer does not know yet: it means one before this. */
		vio_drop(vv, VST_STALE, hdr);
		return;
	}
	switch (hdr->vvh_op) {
	case VIRTIO_VSOCK_OP_RESPONSE:
		vio_rx_credit(tc, hdr, todo);
		tc->tc_state = VIO_OPEN;
		todo->vt_established = B_TRUE;
		break;
	case VIRTIO_VSOCK_OP_RST:
		vio_close(tc, B_FALSE);
		todo->vt_reset = B_TRUE;
		todo->vt_error = ECONNRESET;
		break;
	case VIRTIO_VSOCK_OP_INVALID:
		vio_drop(vv, VST_BAD_OP, hdr);
		break;
	default:
		vio_drop(vv, VST_BAD_STATE, hdr);
		vio_rx_abort(tc, EPROTO, todo);
		break;
	}
}

static void
vio_rx_open(vio_conn_t *tc, const virtio_vsock_hdr_t *hdr, mblk_t **mpp,
    vio_todo_t *todo)
{
	vsock_vio_t *vv = tc->tc_vio;

	switch (hdr->vvh_op) {
	case VIRTIO_VSOCK_OP_REQUEST:
		vio_drop(vv, VST_DUP_REQUEST, hdr);
		break;
	case VIRTIO_VSOCK_OP_RESPONSE:
		vio_drop(vv, VST_DUP_RESPONSE, hdr);
		break;
	case VIRTIO_VSOCK_OP_RST:
		todo->vt_reset = B_TRUE;
		if ((tc->tc_peer_shut & VSOCK_SHUT_SEND) == 0 &&
		    tc->tc_shut_sent != VSOCK_SHUT_BOTH)
			todo->vt_error = ECONNRESET;
		vio_close(tc, B_FALSE);
		break;
	case VIRTIO_VSOCK_OP_SHUTDOWN:
		vio_rx_credit(tc, hdr, todo);
		vio_rx_shutdown(tc, hdr, todo);
		break;
	case VIRTIO_VSOCK_OP_RW:
		vio_rx_credit(tc, hdr, todo);
		vio_rx_data(tc, hdr, mpp, todo);
		break;
	case VIRTIO_VSOCK_OP_CREDIT_UPDATE:
		vio_rx_credit(tc, hdr, todo);
		break;
	case VIRTIO_VSOCK_OP_CREDIT_REQUEST:
		vio_rx_credit(tc, hdr, todo);
		tc->tc_pend |= VIO_P_UPDATE;
		todo->vt_starved = B_TRUE;
		break;
	default:
		vio_drop(vv, VST_BAD_OP, hdr);
		break;
	}
}

/* A REQUEST for which there is no connection yet. */
static void
vio_rx_request(vsock_vio_t *vv, const virtio_vsock_hdr_t *hdr)
{
	vsock_tuple_t tuple = vio_rx_tuple(hdr);
	vsock_conn_params_t params;
	vio_todo_t todo = { 0 };
	vsock_conn_t *conn;
	vio_conn_t *tc;
	int err;

	err = vsock_up_request(vv->vv_transport, &tuple, vio_type(hdr), &conn,
	    &params);
	if (err != 0) {
		mutex_enter(&vv->vv_lock);
		vio_stat(vv, VST_REFUSED, 1);
		vio_answer_rst(vv, hdr, &todo);
		mutex_exit(&vv->vv_lock);
		vio_finish(vv, NULL, &todo);
		return;
	}

	tc = vio_conn_create(vv, conn, &params);
	tc->tc_state = VIO_OPEN;
	tc->tc_held_back = B_TRUE;
	tc->tc_rx_packets = 1;
	tc->tc_peer_buf = MIN(hdr->vvh_buf_alloc, INT32_MAX);
	tc->tc_peer_fwd = hdr->vvh_fwd_cnt;

	err = vsock_up_accept(conn, tc);
	mutex_enter(&vv->vv_lock);
	if (err != 0) {
		vio_conn_free(tc, &todo);
		vio_stat(vv, VST_REFUSED, 1);
		vio_answer_rst(vv, hdr, &todo);
		mutex_exit(&vv->vv_lock);
		vio_finish(vv, NULL, &todo);
		return;
	}
	/* It may have been reset already: then tc_pend says so. */
	if (tc->tc_state == VIO_OPEN)
		tc->tc_pend |= VIO_P_RESPONSE;
	todo.vt_peerbuf = B_TRUE;
	todo.vt_peerbytes = tc->tc_peer_buf;
	vio_reply_begin(tc);
	tc->tc_held_back = B_FALSE;
	vio_sched(tc, &todo);
	mutex_exit(&vv->vv_lock);
	vio_finish(vv, conn, &todo);
	vsock_conn_rele(conn);
}

boolean_t
vsock_vio_rx_light(const virtio_vsock_hdr_t *wire)
{
	/* Whoever makes connections or delivers records waits for memory. */
	return (LE_16(wire->vvh_type) == VIRTIO_VSOCK_TYPE_STREAM &&
	    LE_16(wire->vvh_op) != VIRTIO_VSOCK_OP_REQUEST);
}

void
vsock_vio_rx(vsock_vio_t *vv, const virtio_vsock_hdr_t *wire, mblk_t *mp)
{
	virtio_vsock_hdr_t hdr = vio_hdr_decode(wire);
	vsock_tuple_t tuple = vio_rx_tuple(&hdr);
	vio_todo_t todo = { 0 };
	vsock_conn_t *conn = NULL;
	vio_conn_t *tc = NULL;
	boolean_t request = B_FALSE;
	void *arg;

	if (vsock_capturing())
		vio_capture(vv, wire, mp);
	ASSERT3U(hdr.vvh_len, <=, VIRTIO_VSOCK_MAX_PAYLOAD);
	ASSERT3U(hdr.vvh_len, ==, mp == NULL ? 0 : msgdsize(mp));

	mutex_enter(&vv->vv_lock);
	if (vio_rx_check(vv, &hdr, &todo)) {
		mutex_exit(&vv->vv_lock);
		conn = vsock_conn_lookup(vv->vv_transport, &tuple, &arg);
		if (conn != NULL)
			tc = arg;
		mutex_enter(&vv->vv_lock);
		if (tc != NULL)
			tc->tc_rx_packets++;
		if (tc != NULL && tc->tc_type != hdr.vvh_type) {
			vio_drop(vv, VST_BAD_TYPE, &hdr);
			vio_answer_rst(vv, &hdr, &todo);
		} else if (tc != NULL && tc->tc_state == VIO_CONNECTING) {
			vio_rx_connecting(tc, &hdr, &todo);
			vio_sched(tc, &todo);
		} else if (tc != NULL && tc->tc_state == VIO_OPEN) {
			vio_rx_open(tc, &hdr, &mp, &todo);
			vio_sched(tc, &todo);
		} else if (hdr.vvh_op == VIRTIO_VSOCK_OP_RST) {
			vio_stat(vv, VST_RST_NO_CONN, 1);
		} else if (hdr.vvh_op == VIRTIO_VSOCK_OP_REQUEST) {
			request = B_TRUE;
		} else {
			vio_drop(vv, VST_NO_CONN, &hdr);
			vio_answer_rst(vv, &hdr, &todo);
		}
	}
	mutex_exit(&vv->vv_lock);

	freemsg(mp);
	vio_finish(vv, conn, &todo);
	if (conn != NULL)
		vsock_conn_rele(conn);
	if (request)
		vio_rx_request(vv, &hdr);
}

/*
 * A packet of which only the header is to be had.
 */
static void
vio_rx_lost(vsock_vio_t *vv, const virtio_vsock_hdr_t *wire, vio_stat_t stat,
    int error)
{
	virtio_vsock_hdr_t hdr = vio_hdr_decode(wire);
	vsock_tuple_t tuple = vio_rx_tuple(&hdr);
	vio_todo_t todo = { 0 };
	vsock_conn_t *conn = NULL;
	vio_conn_t *tc = NULL;
	void *arg;

	if (vsock_capturing())
		vio_capture(vv, wire, NULL);
	mutex_enter(&vv->vv_lock);
	vio_oddity(vv, stat, &hdr);
	if (vio_rx_check(vv, &hdr, &todo)) {
		vio_dropped(stat, &hdr);
		mutex_exit(&vv->vv_lock);
		conn = vsock_conn_lookup(vv->vv_transport, &tuple, &arg);
		if (conn != NULL)
			tc = arg;
		mutex_enter(&vv->vv_lock);
		if (tc == NULL || tc->tc_state == VIO_CLOSED) {
			vio_answer_rst(vv, &hdr, &todo);
		} else if (hdr.vvh_op == VIRTIO_VSOCK_OP_RST) {
			vio_close(tc, B_FALSE);
			todo.vt_reset = B_TRUE;
			todo.vt_error = ECONNRESET;
			vio_sched(tc, &todo);
		} else if ((tc->tc_pend & VIO_P_REQUEST) == 0) {
			vio_rx_abort(tc, error, &todo);
			vio_sched(tc, &todo);
		}
	}
	mutex_exit(&vv->vv_lock);

	vio_finish(vv, conn, &todo);
	if (conn != NULL)
		vsock_conn_rele(conn);
}

void
vsock_vio_rx_nomem(vsock_vio_t *vv, const virtio_vsock_hdr_t *wire)
{
	vio_rx_lost(vv, wire, VST_RX_NOMEM, ECONNRESET);
}

void
vsock_vio_rx_badlen(vsock_vio_t *vv, const virtio_vsock_hdr_t *wire)
{
	vio_rx_lost(vv, wire, VST_BAD_LEN, EPROTO);
}

boolean_t
vsock_vio_rx_ready(vsock_vio_t *vv)
{
	boolean_t ready;

	mutex_enter(&vv->vv_lock);
	if (!vv->vv_rx_stopped && vv->vv_nreplies >= VIO_REPLY_MAX) {
		vv->vv_rx_stopped = B_TRUE;
		vio_stat(vv, VST_RX_STOPPED, 1);
	}
	ready = !vv->vv_rx_stopped;
	mutex_exit(&vv->vv_lock);
	return (ready);
}

/*
 * THE DEVICE
 */

/* Forget what was to be sent on behalf of no connection. */
static void
vio_forget(vsock_vio_t *vv)
{
	vio_todo_t todo = { 0 };
	vio_conn_t *tc, *next;

	mutex_enter(&vv->vv_lock);
	for (; vv->vv_nrst != 0; vv->vv_nrst--)
		vio_reply_end(vv, &todo);
	for (tc = list_head(&vv->vv_ready); tc != NULL; tc = next) {
		next = list_next(&vv->vv_ready, tc);
		if (tc->tc_conn == NULL) {
			list_remove(&vv->vv_ready, tc);
			vio_orphan_free(tc, &todo);
		}
	}
	mutex_exit(&vv->vv_lock);
	vio_finish(vv, NULL, &todo);
}

void
vsock_vio_reset(vsock_vio_t *vv, uint32_t local_cid)
{
	mutex_enter(&vv->vv_lock);
	vv->vv_local_cid = local_cid;
	mutex_exit(&vv->vv_lock);

	vsock_transport_reset(vv->vv_transport, local_cid);
	vio_forget(vv);
}

void
vsock_vio_set_types(vsock_vio_t *vv, uint_t types)
{
	mutex_enter(&vv->vv_lock);
	vv->vv_types = types & VIO_TYPES;
	mutex_exit(&vv->vv_lock);
}

uint_t
vsock_vio_types(uint64_t features)
{
	uint_t types = 0;

	if ((features & VIRTIO_VSOCK_F_STREAM) != 0 ||
	    (features & VIRTIO_VSOCK_F_NO_IMPLIED_STREAM) == 0)
		types |= VSOCK_TYPE_STREAM;
	if ((features & VIRTIO_VSOCK_F_SEQPACKET) != 0)
		types |= VSOCK_TYPE_SEQPACKET;
	return (types);
}

vsock_transport_t *
vsock_vio_transport(vsock_vio_t *vv)
{
	return (vv->vv_transport);
}

static void
vio_free(vsock_vio_t *vv)
{
	timeout_id_t tid;

	/* vv_stuck is empty: the timer won't arm itself again. */
	mutex_enter(&vv->vv_lock);
	ASSERT(list_is_empty(&vv->vv_stuck));
	tid = vv->vv_stuck_tid;
	mutex_exit(&vv->vv_lock);
	if (tid != 0)
		(void) untimeout(tid);
	if (vv->vv_kstat != NULL)
		kstat_delete(vv->vv_kstat);
	list_destroy(&vv->vv_stuck);
	list_destroy(&vv->vv_ready);
	mutex_destroy(&vv->vv_lock);
	kmem_free(vv, sizeof (*vv));
}

int
vsock_vio_attach(const vsock_vio_reg_t *vvr, vsock_vio_t **vvp)
{
	vsock_transport_reg_t reg = {
		.vtr_name	= vvr->vvr_name,
		.vtr_types	= VIO_TYPES,
		.vtr_local_cid	= vvr->vvr_local_cid,
		.vtr_remote_cid	= vvr->vvr_remote_cid,
		.vtr_zoneid	= vvr->vvr_zoneid
	};
	vsock_vio_t *vv;
	int err;

	vv = kmem_zalloc(sizeof (*vv), KM_SLEEP);
	mutex_init(&vv->vv_lock, NULL, MUTEX_DRIVER, NULL);
	list_create(&vv->vv_ready, sizeof (vio_conn_t),
	    offsetof(vio_conn_t, tc_node));
	list_create(&vv->vv_stuck, sizeof (vio_conn_t),
	    offsetof(vio_conn_t, tc_stuck_node));
	vv->vv_ops = vvr->vvr_ops;
	vv->vv_arg = vvr->vvr_arg;
	vv->vv_local_cid = vvr->vvr_local_cid;
	vv->vv_remote_cid = vvr->vvr_remote_cid;
	vv->vv_types = vvr->vvr_types & VIO_TYPES;
	vv->vv_stray_left = NANOSEC;
	vv->vv_stray_time = gethrtime();
	for (uint_t i = 0; i < VST_COUNT; i++) {
		kstat_named_init(&vv->vv_stat[i], vio_stat_names[i],
		    KSTAT_DATA_UINT64);
	}

	vv->vv_kstat = kstat_create_zone(vvr->vvr_module, vvr->vvr_instance,
	    "packets", "misc", KSTAT_TYPE_NAMED, VST_COUNT, KSTAT_FLAG_VIRTUAL,
	    vvr->vvr_zoneid);
	if (vv->vv_kstat != NULL) {
		vv->vv_kstat->ks_data = vv->vv_stat;
		vv->vv_kstat->ks_lock = &vv->vv_lock;
		if (vvr->vvr_zoneid != GLOBAL_ZONEID)
			kstat_zone_add(vv->vv_kstat, GLOBAL_ZONEID);
		kstat_install(vv->vv_kstat);
	}

	reg.vtr_arg = vv;
	err = vsock_transport_register(vvr->vvr_provider, &reg,
	    &vv->vv_transport);
	if (err != 0) {
		vio_free(vv);
		return (err);
	}
	*vvp = vv;
	return (0);
}

void
vsock_vio_detach(vsock_vio_t *vv)
{
	vsock_transport_unregister(vv->vv_transport);
	vv->vv_transport = NULL;
	vio_forget(vv);
	vio_free(vv);
}
