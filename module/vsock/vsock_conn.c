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
 * VSOCK CONNECTIONS
 *
 * A vsock_conn_t is a socket and the connection it has.  This file has its life
 * from vsock_conn_create() to the last reference: the table of states, the
 * tables of bound ports and of connections, the timers, what a backend reports
 * (vsock_up_*), and what goes up to sockfs.  See vsock.c for the locking.
 *
 * STATES
 *
 *	IDLE -> BOUND -> LISTEN
 *	          |
 *	      CONNECTING        EMBRYO (made for a peer's request)
 *	          |                |
 *	          +-> CONNECTED <--+
 *	               |     |
 *	        SHUT_SEND   SHUT_RECV	one direction is through; which side
 *	               |     |		shut it doesn't matter
 *	              SHUT_BOTH
 *	                  |
 *	              CLOSING		the application has gone, the peer has
 *	                  |		not yet acknowledged
 *	               CLOSED
 *
 * An open connection may go to CLOSING or CLOSED from any of its states; one
 * that could not be established goes back to BOUND.
 *
 * RECEPTION
 *
 * What a backend gives is appended to vc_rxq; vsock_rx_run() moves it from
 * there to sockfs, one thread at a time (VCF_RXBUSY), so that order is kept
 * whoever brings it, and then tells sockfs about the end of the stream or of
 * the connection, which must come last.  Usually the queue is empty again
 * before vsock_up_data() returns.
 *
 * The queue also serves to gather small messages.  A peer may send a byte at a
 * time, and each byte would cost a message in sockfs's queue.  vc_rxmsgs is an
 * upper bound of the small messages there; when it passes vsock_rx_limit(),
 * further ones stay in vc_rxq, in blocks of VSOCK_GATHER bytes (VCF_RXHOLD),
 * until a block is full or the application reads.  To hear of that, sockfs's
 * flow control is armed by hand: the high-water mark is lowered to 1 for one
 * look at the queue.
 *
 * Records (VSOCK_TYPE_SEQPACKET)
 *
 *	vsock_up_data()
 *	   | pieces		      records
 *	+--v------+    +-----------------------------------+
 *	| vc_part |--->| vc_rxq: M_DATA - M_DATA - M_CTL.. |---> sockfs
 *	+---------+    +-----------------------------------+
 *
 * The pieces of a record come together in vc_part.  Complete, it goes to
 * vc_rxq, whose elements are linked by b_next: M_DATA is one record (MSGDELIM
 * in b_flag: with VSOCK_MSG_EOR), M_CTL a block in which small records are
 * packed, each with a vsock_packed_t before it.
 *
 * To sockfs a record goes with a header before it, because of which it stays
 * apart from others (SM_ATOMIC does the rest).  T_DATA_IND makes the reader see
 * MSG_EOR, so it is for VSOCK_MSG_EOR; the header for records without that is
 * T_UNITDATA_IND, as T_DATA_IND with MORE_flag would have MSG_WAITALL go on
 * into the next record.  It has to have an address, and gets the peer's.
 *
 * A record in sockfs costs two or three blocks more than its bytes, so small
 * ones have the same limit as small messages of streams, and those beyond it
 * stay in vc_rxq, packed, where a record of one byte takes three.  They go up
 * one by one as the reader makes room, and the end of the connection waits
 * until they have: all but its news for writers, who may not wait for a reader.
 * So a peer that fills its window with the smallest records, and an application
 * that doesn't read, cost three times the window at most, and nothing is lost.
 *
 * Empty records do not exist: see sys/vsock_transport.h.
 *
 * SO_RCVLOWAT is sockfs's threshold: a reader who waits is woken when so much,
 * or all that he wants, has come, or a timer runs out.  Others are not
 * affected.  The threshold is never above the high-water mark, so the peer can
 * always send enough to reach it.
 *
 * PROBES
 *
 * sdt probes of this module; what is counted (vsock_kstat.c) has one beside it.
 * `vt' is a vsock_tuple_t from our side, NULL if it is not known.
 *
 *	vsock-send		conn, mblk, bytes
 *	vsock-receive		conn, mblk, bytes
 *	vsock-accept-established conn, vt
 *	vsock-accept-refused	transport, vt, errno
 *	vsock-connect-established conn, vt
 *	vsock-connect-refused	conn, vt, errno
 *	vsock-state-change	conn, old state, new state
 *	vsock-drop-in		conn or NULL, vt, bytes, reason
 *	vsock-drop-out		conn or NULL, vt, bytes, reason
 *
 * The reason is a string.  The last two are also in the backends.  A connection
 * may be used, and traced so, before it is traced as established.
 */

#include <sys/types.h>
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/sysmacros.h>
#include <sys/errno.h>
#include <sys/debug.h>
#include <sys/kmem.h>
#include <sys/atomic.h>
#include <sys/time.h>
#include <sys/stream.h>
#include <sys/strsubr.h>
#include <sys/strsun.h>
#include <sys/tihdr.h>
#include <sys/taskq.h>
#include <sys/disp.h>
#include <sys/random.h>
#include <sys/sdt.h>
#include <sys/ddi.h>
#include <sys/sunddi.h>
#include <sys/vsock_impl.h>

static kmem_cache_t *vsock_conn_cache;
static taskq_t *vsock_taskq;
static uint_t vsock_nconns;		/* atomic; all there are */

static void vsock_timer_task(void *);

/* Before a small record that is packed: its length, and VSOCK_PACKED_EOR. */
typedef uint16_t vsock_packed_t;
#define	VSOCK_PACKED_EOR	0x8000
CTASSERT(VSOCK_SMALL <= VSOCK_PACKED_EOR);
CTASSERT(sizeof (vsock_packed_t) + VSOCK_SMALL <= VSOCK_GATHER);

/* The header of a record without VSOCK_MSG_EOR. */
typedef struct vsock_recind {
	struct T_unitdata_ind	vri_ind;
	struct sockaddr_vm	vri_src;
} vsock_recind_t;

#define	S(state)	(1U << VSOCK_S_##state)
#define	S_OPEN		(S(CONNECTED) | S(SHUT_SEND) | S(SHUT_RECV) | \
			    S(SHUT_BOTH))

/* Which states may follow. */
static const uint_t vsock_transitions[VSOCK_S_MAX] = {
	[VSOCK_S_IDLE]		= S(BOUND) | S(EMBRYO) | S(CLOSED),
	[VSOCK_S_BOUND]		= S(LISTEN) | S(CONNECTING) | S(CLOSED),
	[VSOCK_S_LISTEN]	= S(CLOSED),
	[VSOCK_S_EMBRYO]	= S(CONNECTED) | S(CLOSED),
	[VSOCK_S_CONNECTING]	= S(CONNECTED) | S(BOUND) | S(CLOSED),
	[VSOCK_S_CONNECTED]	= S(SHUT_SEND) | S(SHUT_RECV) | S(SHUT_BOTH) |
	    S(CLOSING) | S(CLOSED),
	[VSOCK_S_SHUT_SEND]	= S(SHUT_BOTH) | S(CLOSING) | S(CLOSED),
	[VSOCK_S_SHUT_RECV]	= S(SHUT_BOTH) | S(CLOSING) | S(CLOSED),
	[VSOCK_S_SHUT_BOTH]	= S(CLOSING) | S(CLOSED),
	[VSOCK_S_CLOSING]	= S(CLOSED),
	[VSOCK_S_CLOSED]	= 0
};

static boolean_t
vsock_conn_in(const vsock_conn_t *vc, uint_t states)
{
	return ((states & (1U << vc->vc_state)) != 0);
}

/*
 * The one place where a state changes.  Called with vc_lock held.
 */
void
vsock_conn_setstate(vsock_conn_t *vc, vsock_state_t state)
{
	vsock_state_t old = vc->vc_state;

	ASSERT(MUTEX_HELD(&vc->vc_lock));
	VERIFY((vsock_transitions[old] & (1U << state)) != 0);
	vc->vc_state = state;
	DTRACE_PROBE3(vsock__state__change, vsock_conn_t *, vc, int, old,
	    int, state);
}

/*
 * The state of an open connection that follows from who has shut what.
 */
static void
vsock_conn_shutstate(vsock_conn_t *vc)
{
	boolean_t nosend, norecv;
	vsock_state_t state;

	nosend = (vc->vc_flags & (VCF_LOCAL_SEND | VCF_PEER_RECV)) != 0;
	norecv = (vc->vc_flags & (VCF_LOCAL_RECV | VCF_PEER_SEND)) != 0;
	if (nosend && norecv)
		state = VSOCK_S_SHUT_BOTH;
	else if (nosend)
		state = VSOCK_S_SHUT_SEND;
	else if (norecv)
		state = VSOCK_S_SHUT_RECV;
	else
		state = VSOCK_S_CONNECTED;
	if (state != vc->vc_state)
		vsock_conn_setstate(vc, state);
}

/*
 * May the application still send?  Called with vc_lock held.
 */
boolean_t
vsock_conn_can_send(const vsock_conn_t *vc)
{
	return (vsock_conn_in(vc, S(CONNECTED) | S(SHUT_RECV)));
}

/*
 * Object and references
 */

static int
vsock_conn_ctor(void *buf, void *arg, int kmflag)
{
	vsock_conn_t *vc = buf;

	bzero(vc, sizeof (*vc));
	mutex_init(&vc->vc_lock, NULL, MUTEX_DEFAULT, NULL);
	cv_init(&vc->vc_cv, NULL, CV_DEFAULT, NULL);
	return (0);
}

static void
vsock_conn_dtor(void *buf, void *arg)
{
	vsock_conn_t *vc = buf;

	mutex_destroy(&vc->vc_lock);
	cv_destroy(&vc->vc_cv);
}

void
vsock_conn_init(void)
{
	vsock_conn_cache = kmem_cache_create("vsock_conn_cache",
	    sizeof (vsock_conn_t), 0, vsock_conn_ctor, vsock_conn_dtor, NULL,
	    NULL, NULL, 0);
	vsock_taskq = taskq_create("vsock_taskq", 1, minclsyspri, 4, INT_MAX,
	    TASKQ_PREPOPULATE);
}

/*
 * Are there any sockets or connections?
 */
boolean_t
vsock_conn_busy(void)
{
	return (atomic_or_uint_nv(&vsock_nconns, 0) != 0);
}

void
vsock_conn_fini(void)
{
	VERIFY0(vsock_nconns);
	taskq_destroy(vsock_taskq);
	kmem_cache_destroy(vsock_conn_cache);
}

/*
 * A new socket, with one reference and in state IDLE; NULL if kmflag is
 * KM_NOSLEEP and there is no memory.
 */
vsock_conn_t *
vsock_conn_create(vsock_zone_t *vz, uint_t type, int kmflag)
{
	vsock_props_t props;
	vsock_conn_t *vc;

	vc = kmem_cache_alloc(vsock_conn_cache, kmflag);
	if (vc == NULL)
		return (NULL);
	vc->vc_refs = 1;
	vc->vc_state = VSOCK_S_IDLE;
	vc->vc_type = type;
	vc->vc_zone = vz;
	vsock_zone_hold(vz);
	vc->vc_bound_cid = VMADDR_CID_ANY;
	vc->vc_bound_port = VMADDR_PORT_ANY;
	vsock_prop_get(vz, &props);
	vc->vc_rcvmin = VSOCK_BUF_MIN_DEFAULT;
	vc->vc_rcvmax = MAX(props.vpr_recv_buf,
	    MIN(VSOCK_BUF_DEFAULT, props.vpr_max_buf));
	vc->vc_rcvgrow = (uint32_t)MIN(props.vpr_max_buf,
	    (uint64_t)props.vpr_recv_buf * VSOCK_BUF_GROWTH);
	vc->vc_rcvlowat = 1;
	vc->vc_sndbuf = props.vpr_send_buf;
	vc->vc_msgcost = props.vpr_msg_cost;
	vc->vc_connect_ms = props.vpr_connect_ms;
	mutex_enter(&vc->vc_lock);
	vsock_conn_setbuf(vc, props.vpr_recv_buf);
	mutex_exit(&vc->vc_lock);
	atomic_inc_uint(&vsock_nconns);
	VSOCK_STAT(vz, sockets, 1);
	return (vc);
}

void
vsock_conn_ref(vsock_conn_t *vc)
{
	atomic_inc_uint(&vc->vc_refs);
}

void
vsock_conn_unref(vsock_conn_t *vc)
{
	vsock_zone_t *vz = vc->vc_zone;

	if (atomic_dec_uint_nv(&vc->vc_refs) != 0)
		return;

	VERIFY0(vc->vc_flags & (VCF_IN_BOUND | VCF_IN_CONNS));
	VERIFY0(vc->vc_tcholds);
	VERIFY0(vc->vc_inupcall);
	VERIFY3P(vc->vc_tid, ==, 0);
	freemsgchain(vc->vc_rxq);
	freemsg(vc->vc_part);
	vsock_limit_free(vc);

	/* Back to what the constructor made. */
	bzero((char *)vc + offsetof(struct vsock_conn, vc_refs),
	    sizeof (*vc) - offsetof(struct vsock_conn, vc_refs));
	kmem_cache_free(vsock_conn_cache, vc);
	VSOCK_STAT(vz, sockets, -1);
	vsock_zone_rele(vz);
	atomic_dec_uint(&vsock_nconns);
}

boolean_t
vsock_conn_hold(vsock_conn_t *vc)
{
	uint_t n = 1, was;

	/* Most of the time, 1 is right: it is attached, and not in use. */
	while ((was = atomic_cas_uint(&vc->vc_tcholds, n, n + 1)) != n) {
		if (was == 0)
			return (B_FALSE);
		n = was;
	}
	return (B_TRUE);
}

void
vsock_conn_rele(vsock_conn_t *vc)
{
	vsock_transport_t *vtp;

	if (atomic_dec_uint_nv(&vc->vc_tcholds) != 0)
		return;

	/* The attachment is over; its reference to vc is still there. */
	vtp = vc->vc_tp;
	if (vc->vc_tc != NULL)
		vtp->vtp_ops->vto_release(vc->vc_tc);
	mutex_enter(&vc->vc_lock);
	vc->vc_tc = NULL;
	vc->vc_tp = NULL;
	cv_broadcast(&vc->vc_cv);
	mutex_exit(&vc->vc_lock);
	mutex_enter(&vtp->vtp_lock);
	if (--vtp->vtp_nconns == 0)
		cv_broadcast(&vtp->vtp_cv);
	mutex_exit(&vtp->vtp_lock);
	vsock_conn_unref(vc);
}

/*
 * Tables
 */

static void vsock_conn_openbuf(vsock_conn_t *);

static vsock_bucket_t *
vsock_bound_bucket(vsock_zone_t *vz, uint32_t port)
{
	return (&vz->vz_bound[port % vz->vz_nbuckets]);
}

static vsock_bucket_t *
vsock_conn_bucket(vsock_zone_t *vz, const vsock_tuple_t *vt)
{
	uint32_t h;

	h = vt->vt_lport * 0x9e3779b1U;
	h = (h ^ (h >> 15) ^ vt->vt_rport) * 0x85ebca77U;
	h = (h ^ (h >> 13) ^ vt->vt_rcid) * 0xc2b2ae3dU;
	return (&vz->vz_conns[(h >> 16) % vz->vz_nbuckets]);
}

static boolean_t
vsock_tuple_equal(const vsock_tuple_t *a, const vsock_tuple_t *b)
{
	return (a->vt_lport == b->vt_lport && a->vt_rport == b->vt_rport &&
	    a->vt_rcid == b->vt_rcid && a->vt_lcid == b->vt_lcid);
}

/*
 * Takes a port, if nobody has it.
 */
static boolean_t
vsock_bound_insert(vsock_conn_t *vc, uint32_t cid, uint32_t port)
{
	vsock_bucket_t *vb = vsock_bound_bucket(vc->vc_zone, port);
	vsock_conn_t *o;

	mutex_enter(&vb->vb_lock);
	for (o = list_head(&vb->vb_list); o != NULL;
	    o = list_next(&vb->vb_list, o)) {
		if (o->vc_bound_port == port && (o->vc_bound_cid == cid ||
		    o->vc_bound_cid == VMADDR_CID_ANY ||
		    cid == VMADDR_CID_ANY)) {
			mutex_exit(&vb->vb_lock);
			return (B_FALSE);
		}
	}
	vc->vc_bound_cid = cid;
	vc->vc_bound_port = port;
	vc->vc_flags |= VCF_IN_BOUND;
	list_insert_head(&vb->vb_list, vc);
	mutex_exit(&vb->vb_lock);
	return (B_TRUE);
}

/*
 * Bind to a CID that is known to be ours, or VMADDR_CID_ANY, and a port, or a
 * free one above the privileged for VMADDR_PORT_ANY, found at random.  0;
 * EINVAL, the socket has an address or a connection; EADDRINUSE; EADDRNOTAVAIL,
 * no port found.  Called with vc_lock held.
 */
int
vsock_conn_bind(vsock_conn_t *vc, uint32_t cid, uint32_t port)
{
	uint_t tries;

	ASSERT(MUTEX_HELD(&vc->vc_lock));
	if (vc->vc_state != VSOCK_S_IDLE)
		return (EINVAL);
	if (port != VMADDR_PORT_ANY) {
		if (!vsock_bound_insert(vc, cid, port))
			return (EADDRINUSE);
		vsock_conn_setstate(vc, VSOCK_S_BOUND);
		return (0);
	}
	for (tries = 0; tries < 64; tries++) {
		(void) random_get_pseudo_bytes((uint8_t *)&port, sizeof (port));
		if (port < VSOCK_PORT_UNPRIV || port == VMADDR_PORT_ANY)
			continue;
		if (vsock_bound_insert(vc, cid, port)) {
			vsock_conn_setstate(vc, VSOCK_S_BOUND);
			return (0);
		}
	}
	return (EADDRNOTAVAIL);
}

/*
 * Gives the port back: the socket has been closed, and its connection, if it
 * had one, has ended.  Called with vc_lock held.
 */
static void
vsock_conn_unbind(vsock_conn_t *vc)
{
	vsock_bucket_t *vb;

	if ((vc->vc_flags & VCF_IN_BOUND) == 0)
		return;
	vb = vsock_bound_bucket(vc->vc_zone, vc->vc_bound_port);
	mutex_enter(&vb->vb_lock);
	list_remove(&vb->vb_list, vc);
	vc->vc_flags &= ~VCF_IN_BOUND;
	mutex_exit(&vb->vb_lock);
}

/*
 * The listener for a port, with a reference; NULL if there is none.
 */
static vsock_conn_t *
vsock_listener_lookup(vsock_zone_t *vz, uint32_t cid, uint32_t port)
{
	vsock_bucket_t *vb = vsock_bound_bucket(vz, port);
	vsock_conn_t *vc;

	mutex_enter(&vb->vb_lock);
	for (vc = list_head(&vb->vb_list); vc != NULL;
	    vc = list_next(&vb->vb_list, vc)) {
		if (vc->vc_bound_port == port && (vc->vc_bound_cid == cid ||
		    vc->vc_bound_cid == VMADDR_CID_ANY)) {
			vsock_conn_ref(vc);
			break;
		}
	}
	mutex_exit(&vb->vb_lock);
	return (vc);
}

/*
 * Enter the connection into the table, and count it with its transport, which
 * must be held or otherwise known to stay for the call.  On success the caller
 * has a hold (vsock_conn_rele).  0; EADDRINUSE, there is such a connection;
 * ENOBUFS, a limit; ENETDOWN, the transport or the zone is going: whoever ends
 * its connections looks into the bucket after that was noted.  Called with
 * vc_lock held.
 */
int
vsock_conn_attach(vsock_conn_t *vc, vsock_transport_t *vtp,
    const vsock_tuple_t *vt)
{
	vsock_bucket_t *vb = vsock_conn_bucket(vc->vc_zone, vt);
	vsock_conn_t *o;
	int error = 0;

	ASSERT(MUTEX_HELD(&vc->vc_lock));

	mutex_enter(&vb->vb_lock);
	for (o = list_head(&vb->vb_list); o != NULL;
	    o = list_next(&vb->vb_list, o)) {
		if (vsock_tuple_equal(&o->vc_tuple, vt)) {
			mutex_exit(&vb->vb_lock);
			return (EADDRINUSE);
		}
	}
	mutex_enter(&vtp->vtp_lock);
	if (vtp->vtp_gone || vsock_zone_halted(vc->vc_zone))
		error = ENETDOWN;
	else if ((error = vsock_limit_conn(vtp)) == 0)
		vtp->vtp_nconns++;
	mutex_exit(&vtp->vtp_lock);
	if (error == 0) {
		vc->vc_tuple = *vt;
		vc->vc_tp = vtp;
		vc->vc_tc = NULL;
		vc->vc_flags |= VCF_IN_CONNS;
		/* From here on others may get a hold. */
		VERIFY3U(atomic_inc_uint_nv(&vc->vc_tcholds), ==, 1);
		vsock_conn_ref(vc);
		list_insert_head(&vb->vb_list, vc);
	}
	mutex_exit(&vb->vb_lock);
	if (error == 0)
		vsock_conn_openbuf(vc);
	return (error);
}

static void
vsock_conn_unlist(vsock_conn_t *vc)
{
	vsock_bucket_t *vb;

	if ((vc->vc_flags & VCF_IN_CONNS) == 0)
		return;
	vb = vsock_conn_bucket(vc->vc_zone, &vc->vc_tuple);
	mutex_enter(&vb->vb_lock);
	list_remove(&vb->vb_list, vc);
	vc->vc_flags &= ~VCF_IN_CONNS;
	mutex_exit(&vb->vb_lock);
	VSOCK_STAT(vc->vc_zone, connections, -1);
}

vsock_conn_t *
vsock_conn_lookup(vsock_transport_t *vtp, const vsock_tuple_t *vt, void **tcp)
{
	vsock_bucket_t *vb = vsock_conn_bucket(vtp->vtp_zone, vt);
	vsock_conn_t *vc;

	mutex_enter(&vb->vb_lock);
	for (vc = list_head(&vb->vb_list); vc != NULL;
	    vc = list_next(&vb->vb_list, vc)) {
		if (vsock_tuple_equal(&vc->vc_tuple, vt))
			break;
	}
	if (vc != NULL && (vc->vc_tp != vtp || vc->vc_tc == NULL ||
	    !vsock_conn_hold(vc)))
		vc = NULL;
	if (vc != NULL)
		*tcp = vc->vc_tc;
	mutex_exit(&vb->vb_lock);
	return (vc);
}

/*
 * Timers.  A socket has one at a time.  The callout only hands over to the
 * taskq, where vc_deadline tells whether it is still wanted; so disarming is a
 * matter of vc_lock, and untimeout(9F) merely saves the wait.  A running timer
 * has a reference.
 */

static void
vsock_timer(void *arg)
{
	if (taskq_dispatch(vsock_taskq, vsock_timer_task, arg, TQ_NOSLEEP) ==
	    TASKQID_INVALID)
		(void) timeout(vsock_timer, arg, 1);
}

static void
vsock_timer_arm(vsock_conn_t *vc, uint_t ms)
{
	ASSERT(MUTEX_HELD(&vc->vc_lock));
	ASSERT3P(vc->vc_tid, ==, 0);
	vsock_conn_ref(vc);
	vc->vc_deadline = gethrtime() + MSEC2NSEC(ms);
	vc->vc_tid = timeout(vsock_timer, vc, drv_usectohz(ms * 1000L) + 1);
}

/*
 * Called with vc_lock held; what it returns goes to vsock_timer_cancel() after
 * the lock has been dropped.
 */
static timeout_id_t
vsock_timer_disarm(vsock_conn_t *vc)
{
	timeout_id_t tid = vc->vc_tid;

	ASSERT(MUTEX_HELD(&vc->vc_lock));
	vc->vc_tid = 0;
	vc->vc_deadline = 0;
	return (tid);
}

static void
vsock_timer_cancel(vsock_conn_t *vc, timeout_id_t tid)
{
	if (tid != 0 && untimeout(tid) != -1)
		vsock_conn_unref(vc);
}

/*
 * Reception
 */

static boolean_t
vsock_is_records(const vsock_conn_t *vc)
{
	return (vc->vc_type == VSOCK_TYPE_SEQPACKET);
}

/*
 * How many small messages may stand in sockfs's queue before they are gathered.
 */
static uint_t
vsock_rx_limit(const vsock_conn_t *vc)
{
	return (16 + vc->vc_rcvbuf / vc->vc_msgcost);
}

/*
 * Tell sockfs the levels that go with vc_rcvbuf, and the rest of what it has
 * to know of us.  Called with vc_lock held.
 */
void
vsock_conn_props(vsock_conn_t *vc)
{
	struct sock_proto_props sopp = { 0 };

	ASSERT(MUTEX_HELD(&vc->vc_lock));
	if (vc->vc_upper == NULL)
		return;
	sopp.sopp_flags = SOCKOPT_RCVHIWAT | SOCKOPT_RCVLOWAT |
	    SOCKOPT_RCVTHRESH | SOCKOPT_RCVTIMER | SOCKOPT_MAXBLK |
	    SOCKOPT_MAXPSZ | SOCKOPT_MINPSZ | SOCKOPT_WROFF |
	    SOCKOPT_MAXADDRLEN | SOCKOPT_LOOPBACK;
	sopp.sopp_rxhiwat = vc->vc_hiwat;
	sopp.sopp_rxlowat = vc->vc_hiwat;
	if (vc->vc_rcvlowat > 1 && (vc->vc_flags & VCF_END) == 0) {
		sopp.sopp_rcvthresh = MIN(vc->vc_rcvlowat, vc->vc_hiwat);
		sopp.sopp_rcvtimer = VSOCK_LOWAT_TIMEOUT;
	}
	if (vsock_is_records(vc)) {
		/*
		 * In one block: if it made several, and ran out of memory,
		 * sockfs would take what it has for a record.
		 */
		sopp.sopp_maxblk = INFPSZ;
		sopp.sopp_maxpsz = vc->vc_rcvbuf;
	} else {
		sopp.sopp_maxblk = VSOCK_MAXPSZ;
		sopp.sopp_maxpsz = VSOCK_MAXPSZ;
	}
	sopp.sopp_maxaddrlen = sizeof (struct sockaddr_vm);
	sopp.sopp_loopback = B_TRUE;
	vc->vc_upcalls->su_set_proto_props(vc->vc_upper, &sopp);
}

/*
 * sockfs's level for a receive buffer.
 */
uint32_t
vsock_conn_hiwat(const vsock_conn_t *vc, uint32_t rcvbuf)
{
	return (vsock_is_records(vc) ? VSOCK_HIWAT_RECORDS :
	    rcvbuf - MAX(1, MIN(rcvbuf / 4, 64 * 1024)));
}

/* The levels that go with vc_rcvbuf and vc_peerbuf: see vsock.c. */
static void
vsock_conn_levels(vsock_conn_t *vc)
{
	uint32_t window = vc->vc_rcvbuf;

	ASSERT(MUTEX_HELD(&vc->vc_lock));
	if (vc->vc_peerbuf != 0)
		window = MIN(window, MAX(vc->vc_peerbuf, VSOCK_BUF_FLOOR));
	vc->vc_hiwat = vsock_conn_hiwat(vc, window);
	vc->vc_rxleast = window - vc->vc_hiwat;
	vsock_conn_props(vc);
}

static void
vsock_conn_newbuf(vsock_conn_t *vc, uint32_t rcvbuf)
{
	vc->vc_rcvbuf = rcvbuf;
	vc->vc_rxkept = 0;
	vsock_conn_levels(vc);
}

/*
 * Set the receive buffer, in bytes; if there is, or was, a connection, it may
 * be that it can't be made larger.  Called with vc_lock held; if there is one,
 * vsock_conn_tellbuf() has to follow.
 */
void
vsock_conn_setbuf(vsock_conn_t *vc, uint32_t rcvbuf)
{
	vc->vc_rcvset = rcvbuf;
	if (vsock_limit_rcvbuf(vc, rcvbuf))
		vsock_conn_newbuf(vc, rcvbuf);
}

/*
 * A connection begins: with the buffers that were set, or with less.
 */
static void
vsock_conn_openbuf(vsock_conn_t *vc)
{
	uint32_t rcvbuf = vc->vc_rcvset;

	ASSERT(MUTEX_HELD(&vc->vc_lock));
	vc->vc_flags &= ~VCF_SCANTY;
	if (!vsock_limit_open(vc, rcvbuf)) {
		vc->vc_flags |= VCF_SCANTY;
		rcvbuf = MIN(rcvbuf, VSOCK_BUF_SCANTY);
	}
	if (vc->vc_rcvbuf != rcvbuf)
		vsock_conn_newbuf(vc, rcvbuf);
}

/*
 * What a backend has to know of a connection that begins.
 */
static void
vsock_conn_params(const vsock_conn_t *vc, vsock_conn_params_t *params)
{
	ASSERT(MUTEX_HELD(&vc->vc_lock));
	params->vcp_tuple = vc->vc_tuple;
	params->vcp_type = vc->vc_type;
	params->vcp_rcvbuf = vc->vc_rcvbuf;
	params->vcp_sndbuf = vc->vc_sndbuf;
	if ((vc->vc_flags & VCF_SCANTY) != 0)
		params->vcp_sndbuf = MIN(vc->vc_sndbuf, VSOCK_BUF_SCANTY);
	params->vcp_sndmsgs = 1 + params->vcp_sndbuf / vc->vc_msgcost;
}

/*
 * Tell the backend how large the receive buffer is: what it is told last, by
 * whichever thread, is what it is.  Called without vc_lock, and with a hold.
 */
void
vsock_conn_tellbuf(vsock_conn_t *vc)
{
	uint32_t told;

	mutex_enter(&vc->vc_lock);
	if ((vc->vc_flags & VCF_CONNECT) != 0 || vc->vc_tc == NULL) {
		mutex_exit(&vc->vc_lock);
		return;
	}
	do {
		told = vc->vc_rcvbuf;
		mutex_exit(&vc->vc_lock);
		vc->vc_tp->vtp_ops->vto_rcvbuf(vc->vc_tc, told);
		mutex_enter(&vc->vc_lock);
	} while (told != vc->vc_rcvbuf);
	mutex_exit(&vc->vc_lock);
}

/*
 * The reader of a stream has consumed so many bytes, and `queued' are left.  If
 * he keeps up with his peer, which goes on sending, it may be that the peer has
 * to wait for the news of that: give it more room.  B_TRUE:
 * vsock_conn_tellbuf() has to follow.
 */
static boolean_t
vsock_rx_grow(vsock_conn_t *vc, size_t bytes, size_t queued)
{
	uint32_t rcvbuf;

	ASSERT(MUTEX_HELD(&vc->vc_lock));
	if (vsock_is_records(vc) || (vc->vc_flags & VCF_RCVFIXED) != 0 ||
	    vc->vc_rcvbuf >= vc->vc_rcvgrow)
		return (B_FALSE);
	if (queued > vc->vc_rcvbuf / 4) {
		vc->vc_rxkept = 0;
		return (B_FALSE);
	}
	vc->vc_rxkept += (uint32_t)bytes;
	if (vc->vc_rxkept / VSOCK_BUF_PATIENCE < vc->vc_rcvbuf)
		return (B_FALSE);
	rcvbuf = MIN(vc->vc_rcvbuf * 2, vc->vc_rcvgrow);
	if (!vsock_limit_rcvbuf(vc, rcvbuf)) {
		vc->vc_rxkept = 0;
		return (B_FALSE);
	}
	vsock_conn_newbuf(vc, rcvbuf);
	return (B_TRUE);
}

/*
 * Tell the backend what the application has consumed, if that is at least
 * `least' bytes.  Called with vc_lock held, which is dropped meanwhile.
 */
static void
vsock_rx_report(vsock_conn_t *vc, uint32_t least)
{
	boolean_t grown = B_FALSE;
	int64_t bytes;
	ssize_t room;
	int error;

	ASSERT(MUTEX_HELD(&vc->vc_lock));
	bytes = vc->vc_delivered - vc->vc_consumed;
	if (vc->vc_upper == NULL || bytes < least)
		return;
	if ((vc->vc_flags & VCF_RXSHUT) == 0) {
		room = vc->vc_upcalls->su_recv(vc->vc_upper, NULL, 0, 0,
		    &error, NULL);
		/* Full: sd_clr_flowctrl() will be called, and look again. */
		if (room <= 0)
			return;
		bytes -= vc->vc_hiwat - room;
		vc->vc_rxmsgs = MIN(vc->vc_rxmsgs, vc->vc_hiwat - room);
		if (bytes < least)
			return;
		grown = vsock_rx_grow(vc, bytes, vc->vc_hiwat - room);
	}
	vc->vc_consumed += bytes;
	if (!vsock_conn_hold(vc))
		return;
	mutex_exit(&vc->vc_lock);
	if (vc->vc_tc != NULL)
		vc->vc_tp->vtp_ops->vto_consumed(vc->vc_tc, bytes);
	if (grown)
		vsock_conn_tellbuf(vc);
	vsock_conn_rele(vc);
	mutex_enter(&vc->vc_lock);
}

/*
 * Have sd_clr_flowctrl() called as soon as the application reads.  B_FALSE:
 * sockfs's queue is empty, there is nothing that it could read.
 */
static boolean_t
vsock_rx_arm(vsock_conn_t *vc)
{
	struct sock_proto_props sopp = { 0 };
	ssize_t room;
	int error;

	ASSERT(MUTEX_HELD(&vc->vc_lock));
	sopp.sopp_flags = SOCKOPT_RCVHIWAT;
	sopp.sopp_rxhiwat = 1;
	vc->vc_upcalls->su_set_proto_props(vc->vc_upper, &sopp);
	room = vc->vc_upcalls->su_recv(vc->vc_upper, NULL, 0, 0, &error, NULL);
	sopp.sopp_flags = SOCKOPT_RCVHIWAT;
	sopp.sopp_rxhiwat = vc->vc_hiwat;
	vc->vc_upcalls->su_set_proto_props(vc->vc_upper, &sopp);
	return (room <= 0);
}

/*
 * Report whatever was consumed, and have sd_clr_flowctrl() called when the
 * application reads next.  It is armed first: what is read before that is seen
 * by the report, what is read later tells.
 */
static void
vsock_rx_check(vsock_conn_t *vc)
{
	ASSERT(MUTEX_HELD(&vc->vc_lock));
	if (!vsock_rx_arm(vc) && (vc->vc_flags & VCF_RXHOLD) != 0) {
		/* All was read: give what was held back, and look again. */
		vc->vc_flags &= ~VCF_RXHOLD;
		vc->vc_flags |= VCF_RXCHECK;
	}
	vsock_rx_report(vc, 1);
}

/*
 * Append to a chain of blocks; small messages go into the free space of the
 * last one if it has some.
 */
static void
vsock_rx_append(mblk_t **headp, mblk_t **tailp, mblk_t *mp, size_t len)
{
	mblk_t *tail = *tailp, *bp;

	if (len < VSOCK_SMALL && tail != NULL) {
		if ((size_t)MBLKTAIL(tail) < len &&
		    (bp = allocb(VSOCK_GATHER, BPRI_MED)) != NULL) {
			tail->b_cont = bp;
			*tailp = tail = bp;
		}
		if ((size_t)MBLKTAIL(tail) >= len && DB_REF(tail) == 1) {
			for (bp = mp; bp != NULL; bp = bp->b_cont) {
				bcopy(bp->b_rptr, tail->b_wptr, MBLKL(bp));
				tail->b_wptr += MBLKL(bp);
			}
			freemsg(mp);
			return;
		}
	}
	if (*headp == NULL)
		*headp = mp;
	else
		tail->b_cont = mp;
	while (mp->b_cont != NULL)
		mp = mp->b_cont;
	*tailp = mp;
}

/*
 * Small messages are piling up in sockfs: do they have to wait here?
 */
static boolean_t
vsock_rx_hold(vsock_conn_t *vc)
{
	if ((vc->vc_flags & VCF_RXHOLD) == 0 &&
	    vc->vc_rxmsgs >= vsock_rx_limit(vc)) {
		if (vsock_rx_arm(vc)) {
			vc->vc_flags |= VCF_RXHOLD;
			VSOCK_STAT(vc->vc_zone, over_msgs, 1);
		} else {
			vc->vc_rxmsgs = 0;
		}
	}
	return ((vc->vc_flags & VCF_RXHOLD) != 0);
}

/*
 * All of a stream's vc_rxq, or NULL if there is nothing or it has to wait.
 */
static mblk_t *
vsock_rx_take(vsock_conn_t *vc, size_t *lenp)
{
	const boolean_t ends = (vc->vc_flags & (VCF_EOF | VCF_END)) != 0;
	mblk_t *mp = vc->vc_rxq;

	ASSERT(MUTEX_HELD(&vc->vc_lock));
	if (mp == NULL)
		return (NULL);
	if (!ends && vc->vc_rxlen < VSOCK_GATHER &&
	    ((vc->vc_flags & VCF_RXHOLD) != 0 || vc->vc_rxlen < VSOCK_SMALL) &&
	    vsock_rx_hold(vc))
		return (NULL);
	vc->vc_flags &= ~VCF_RXHOLD;
	*lenp = vc->vc_rxlen;
	vc->vc_rxq = vc->vc_rxtail = NULL;
	vc->vc_rxlen = 0;
	return (mp);
}

/*
 * Records
 */

/* Forget the pieces of a record that will not be complete. */
static void
vsock_rx_droppart(vsock_conn_t *vc)
{
	ASSERT(MUTEX_HELD(&vc->vc_lock));
	if (vc->vc_part == NULL)
		return;
	VSOCK_STAT(vc->vc_zone, partial_records, 1);
	freemsg(vc->vc_part);
	vc->vc_part = vc->vc_parttail = NULL;
	vc->vc_partlen = 0;
}

/* Forget all records that sockfs has not got: they count as consumed. */
static void
vsock_rx_droprecs(vsock_conn_t *vc)
{
	ASSERT(MUTEX_HELD(&vc->vc_lock));
	vc->vc_delivered += vc->vc_rxlen + vc->vc_partlen;
	freemsgchain(vc->vc_rxq);
	vc->vc_rxq = vc->vc_rxtail = NULL;
	vc->vc_rxlen = 0;
	vsock_rx_droppart(vc);
}

/* The end of vc_rxq, if it is a block with room for so many bytes, packed. */
static mblk_t *
vsock_rx_packroom(vsock_conn_t *vc, size_t len)
{
	mblk_t *tail = vc->vc_rxtail;

	if (DB_TYPE(tail) == M_CTL && (size_t)MBLKTAIL(tail) >= len)
		return (tail);
	if ((tail = allocb(VSOCK_GATHER, BPRI_MED)) == NULL)
		return (NULL);
	DB_TYPE(tail) = M_CTL;
	vc->vc_rxtail->b_next = tail;
	vc->vc_rxtail = tail;
	return (tail);
}

/* Append a complete record, which is not empty, to vc_rxq. */
static void
vsock_rx_putrec(vsock_conn_t *vc, mblk_t *mp, size_t len, boolean_t eor)
{
	vsock_packed_t vp;
	mblk_t *tail, *bp;

	ASSERT(MUTEX_HELD(&vc->vc_lock));
	vc->vc_rxlen += len;
	/* If something waits already, this will wait as well. */
	if (len < VSOCK_SMALL && vc->vc_rxq != NULL &&
	    (tail = vsock_rx_packroom(vc, sizeof (vp) + len)) != NULL) {
		vp = (vsock_packed_t)len | (eor ? VSOCK_PACKED_EOR : 0);
		bcopy(&vp, tail->b_wptr, sizeof (vp));
		tail->b_wptr += sizeof (vp);
		for (bp = mp; bp != NULL; bp = bp->b_cont) {
			bcopy(bp->b_rptr, tail->b_wptr, MBLKL(bp));
			tail->b_wptr += MBLKL(bp);
		}
		freemsg(mp);
		VSOCK_STAT(vc->vc_zone, packed_records, 1);
		return;
	}
	/* Pieces can be small, and the blocks they are in empty. */
	if (len < VSOCK_GATHER && mp->b_cont != NULL)
		(void) pullupmsg(mp, -1);
	mp->b_flag &= ~MSGDELIM;
	if (eor)
		mp->b_flag |= MSGDELIM;
	if (vc->vc_rxq == NULL)
		vc->vc_rxq = mp;
	else
		vc->vc_rxtail->b_next = mp;
	vc->vc_rxtail = mp;
}

/* A piece of a record has come. */
static void
vsock_rx_piece(vsock_conn_t *vc, mblk_t *mp, size_t len, uint_t flags)
{
	ASSERT(MUTEX_HELD(&vc->vc_lock));
	vc->vc_flags |= VCF_RXCHECK;
	if ((vc->vc_flags & VCF_RXSHUT) != 0) {
		/* Nobody will read it. */
		vc->vc_delivered += len;
		freemsg(mp);
		return;
	}
	if (len == 0) {
		freemsg(mp);
	} else {
		vsock_rx_append(&vc->vc_part, &vc->vc_parttail, mp, len);
		vc->vc_partlen += len;
	}
	if ((flags & VSOCK_MSG_EOM) == 0 || vc->vc_part == NULL)
		return;
	mp = vc->vc_part;
	len = vc->vc_partlen;
	vc->vc_part = vc->vc_parttail = NULL;
	vc->vc_partlen = 0;
	vsock_rx_putrec(vc, mp, len, (flags & VSOCK_MSG_EOR) != 0);
}

/*
 * Take the first record off vc_rxq, which is not empty: its length.  It is
 * *mpp, or, if that is NULL, what was copied to `small'.
 */
static size_t
vsock_rx_takerec(vsock_conn_t *vc, mblk_t **mpp, uint8_t *small,
    boolean_t *eorp)
{
	mblk_t *mp = vc->vc_rxq;
	vsock_packed_t vp;
	boolean_t gone = B_TRUE;
	size_t len;

	ASSERT(MUTEX_HELD(&vc->vc_lock));
	if (DB_TYPE(mp) == M_CTL) {
		bcopy(mp->b_rptr, &vp, sizeof (vp));
		mp->b_rptr += sizeof (vp);
		*eorp = (vp & VSOCK_PACKED_EOR) != 0;
		len = vp & ~VSOCK_PACKED_EOR;
		bcopy(mp->b_rptr, small, len);
		mp->b_rptr += len;
		gone = (MBLKL(mp) == 0);
		*mpp = NULL;
	} else {
		*eorp = (mp->b_flag & MSGDELIM) != 0;
		mp->b_flag &= ~MSGDELIM;
		len = msgdsize(mp);
		*mpp = mp;
	}
	if (gone) {
		vc->vc_rxq = mp->b_next;
		if (vc->vc_rxq == NULL)
			vc->vc_rxtail = NULL;
		mp->b_next = NULL;
		if (*mpp == NULL)
			freeb(mp);
	}
	vc->vc_rxlen -= len;
	return (len);
}

/* The header that makes a record of what follows it.  Sleeps. */
static mblk_t *
vsock_rx_header(const vsock_tuple_t *vt, boolean_t eor)
{
	struct T_data_ind *tdi;
	vsock_recind_t *vri;
	mblk_t *mp;

	if (eor) {
		mp = allocb_wait(sizeof (*tdi), BPRI_MED, STR_NOSIG, NULL);
		tdi = (struct T_data_ind *)mp->b_rptr;
		tdi->PRIM_type = T_DATA_IND;
		tdi->MORE_flag = 0;
		mp->b_wptr += sizeof (*tdi);
	} else {
		mp = allocb_wait(sizeof (*vri), BPRI_MED, STR_NOSIG, NULL);
		vri = (vsock_recind_t *)mp->b_rptr;
		bzero(vri, sizeof (*vri));
		vri->vri_ind.PRIM_type = T_UNITDATA_IND;
		vri->vri_ind.SRC_length = sizeof (vri->vri_src);
		vri->vri_ind.SRC_offset = offsetof(vsock_recind_t, vri_src);
		vri->vri_src.svm_family = AF_VSOCK;
		vri->vri_src.svm_cid = vt->vt_rcid;
		vri->vri_src.svm_port = vt->vt_rport;
		mp->b_wptr += sizeof (*vri);
	}
	DB_TYPE(mp) = M_PROTO;
	return (mp);
}

/*
 * Give the first record of vc_rxq to sockfs.  B_FALSE: there is none, or it has
 * to wait.  Called by vsock_rx_run().
 */
static boolean_t
vsock_rx_giverec(vsock_conn_t *vc)
{
	sock_upper_handle_t upper = vc->vc_upper;
	uint8_t small[VSOCK_SMALL];
	mblk_t *header, *mp;
	boolean_t eor;
	size_t len;
	int error;

	ASSERT(MUTEX_HELD(&vc->vc_lock));
	if (vc->vc_rxq == NULL || vsock_rx_hold(vc))
		return (B_FALSE);
	len = vsock_rx_takerec(vc, &mp, small, &eor);
	mutex_exit(&vc->vc_lock);

	if (mp == NULL) {
		mp = allocb_wait(len, BPRI_MED, STR_NOSIG, NULL);
		bcopy(small, mp->b_wptr, len);
		mp->b_wptr += len;
	}
	header = vsock_rx_header(&vc->vc_tuple, eor);
	header->b_cont = mp;
	(void) vc->vc_upcalls->su_recv(upper, header, len, 0, &error, NULL);

	mutex_enter(&vc->vc_lock);
	vc->vc_delivered += len;
	if (len < VSOCK_SMALL)
		vc->vc_rxmsgs++;
	vc->vc_flags |= VCF_RXCHECK;
	return (B_TRUE);
}

/*
 * Tell sockfs that the connection has ended.
 */
static void
vsock_rx_tell_end(vsock_conn_t *vc)
{
	sock_upper_handle_t upper = vc->vc_upper;

	ASSERT(MUTEX_HELD(&vc->vc_lock));
	vc->vc_flags |= VCF_END_TOLD;
	vc->vc_flags &= ~VCF_TXFULL;
	if (vc->vc_end_error != 0) {
		/* Nor is anything kept from the reader any more. */
		if (vc->vc_rcvlowat > 1)
			vsock_conn_props(vc);
		mutex_exit(&vc->vc_lock);
		(void) vc->vc_upcalls->su_disconnected(upper, vc->vc_connid,
		    vc->vc_end_error);
		mutex_enter(&vc->vc_lock);
	} else {
		vc->vc_upcalls->su_opctl(upper, SOCK_OPCTL_SHUT_RECV, 0);
		vc->vc_upcalls->su_opctl(upper, SOCK_OPCTL_SHUT_SEND, 0);
	}
	/* A writer that su_disconnected() didn't wake must be woken here. */
	vc->vc_upcalls->su_txq_full(upper, B_FALSE);
}

/*
 * The connection has ended, and records that wait for the reader keep that from
 * being told.  It must be told to writers, who may have to write before they
 * read.
 */
static void
vsock_rx_tell_writers(vsock_conn_t *vc)
{
	ASSERT(MUTEX_HELD(&vc->vc_lock));
	vc->vc_flags |= VCF_TXEND_TOLD;
	vc->vc_flags &= ~VCF_TXFULL;
	vc->vc_upcalls->su_opctl(vc->vc_upper, SOCK_OPCTL_SHUT_SEND, 0);
	vc->vc_upcalls->su_txq_full(vc->vc_upper, B_FALSE);
}

/*
 * Give sockfs what there is of a stream.  B_FALSE: nothing, or it has to wait.
 * Called by vsock_rx_run().
 */
static boolean_t
vsock_rx_give(vsock_conn_t *vc)
{
	sock_upper_handle_t upper = vc->vc_upper;
	boolean_t push;
	mblk_t *mp;
	size_t len;
	int error;

	if ((mp = vsock_rx_take(vc, &len)) == NULL)
		return (B_FALSE);
	push = (vc->vc_rcvlowat <= 1);
	mutex_exit(&vc->vc_lock);
	(void) vc->vc_upcalls->su_recv(upper, mp, len, 0, &error, &push);
	mutex_enter(&vc->vc_lock);
	vc->vc_delivered += len;
	if (len < VSOCK_SMALL)
		vc->vc_rxmsgs++;
	vsock_rx_report(vc, vc->vc_rxleast);
	return (B_TRUE);
}

/*
 * Bring sockfs up to date: what was received, the end of the stream, the end of
 * the connection, in this order; and, of records, the peer about what was read.
 * Called with vc_lock held, which is dropped meanwhile; vc_inupcall keeps
 * sd_close() from returning.
 */
static void
vsock_rx_run(vsock_conn_t *vc)
{
	ASSERT(MUTEX_HELD(&vc->vc_lock));
	if (vc->vc_upper == NULL || (vc->vc_flags & VCF_RXBUSY) != 0)
		return;
	vc->vc_flags |= VCF_RXBUSY;
	vc->vc_inupcall++;
	while (vc->vc_upper != NULL) {
		if (vsock_is_records(vc) ? vsock_rx_giverec(vc) :
		    vsock_rx_give(vc)) {
			continue;
		} else if ((vc->vc_flags & VCF_RXCHECK) != 0) {
			vc->vc_flags &= ~VCF_RXCHECK;
			vsock_rx_check(vc);
		} else if (vc->vc_rxq != NULL) {
			if ((vc->vc_flags & (VCF_END | VCF_TXEND_TOLD)) !=
			    VCF_END)
				break;
			vsock_rx_tell_writers(vc);
		} else if ((vc->vc_flags & (VCF_EOF | VCF_EOF_TOLD)) ==
		    VCF_EOF) {
			vc->vc_flags |= VCF_EOF_TOLD;
			vc->vc_upcalls->su_opctl(vc->vc_upper,
			    SOCK_OPCTL_SHUT_RECV, 0);
		} else if ((vc->vc_flags & (VCF_END | VCF_END_TOLD)) ==
		    VCF_END) {
			vsock_rx_tell_end(vc);
		} else {
			break;
		}
	}
	vc->vc_flags &= ~VCF_RXBUSY;
	if (--vc->vc_inupcall == 0)
		cv_broadcast(&vc->vc_cv);
}

void
vsock_up_data(vsock_conn_t *vc, mblk_t *mp, uint_t flags)
{
	size_t len = (mp == NULL) ? 0 : msgdsize(mp);

	mutex_enter(&vc->vc_lock);
	if (!vsock_conn_in(vc, S_OPEN) || (len == 0 && flags == 0) ||
	    (vc->vc_flags & VCF_EOF) != 0) {
		DTRACE_PROBE4(vsock__drop__in, vsock_conn_t *, vc,
		    const vsock_tuple_t *, &vc->vc_tuple, size_t, len,
		    const char *, vsock_conn_in(vc, S_OPEN) ?
		    "after its end" : "not open");
		mutex_exit(&vc->vc_lock);
		freemsg(mp);
		return;
	}
	DTRACE_PROBE3(vsock__receive, vsock_conn_t *, vc, mblk_t *, mp,
	    size_t, len);
	vsock_count_rx(vc, len);
	if (vsock_is_records(vc)) {
		vsock_rx_piece(vc, mp, len, flags);
	} else {
		vsock_rx_append(&vc->vc_rxq, &vc->vc_rxtail, mp, len);
		vc->vc_rxlen += len;
	}
	vsock_rx_run(vc);
	mutex_exit(&vc->vc_lock);
}

void
vsock_up_starved(vsock_conn_t *vc)
{
	mutex_enter(&vc->vc_lock);
	vc->vc_starved++;
	if (vc->vc_upper != NULL &&
	    (vc->vc_flags & (VCF_END | VCF_RXSHUT)) == 0) {
		/* After what another thread may be giving to sockfs now. */
		vc->vc_flags |= VCF_RXCHECK;
		vsock_rx_run(vc);
	}
	mutex_exit(&vc->vc_lock);
}

void
vsock_up_peerbuf(vsock_conn_t *vc, uint32_t bytes)
{
	mutex_enter(&vc->vc_lock);
	/* None at all is as little as can be. */
	vc->vc_peerbuf = MAX(bytes, 1);
	if (!vsock_is_records(vc)) {
		vsock_conn_levels(vc);
		/* What is queued may be above the new level. */
		vsock_rx_report(vc, vc->vc_rxleast);
	}
	mutex_exit(&vc->vc_lock);
}

/*
 * The application has read: sd_clr_flowctrl().
 */
void
vsock_conn_read(vsock_conn_t *vc)
{
	mutex_enter(&vc->vc_lock);
	vc->vc_flags &= ~VCF_RXHOLD;
	vsock_rx_report(vc, 1);
	/* He may read more, and there may be more to tell. */
	if (vsock_is_records(vc))
		vc->vc_flags |= VCF_RXCHECK;
	vsock_rx_run(vc);
	mutex_exit(&vc->vc_lock);
}

/*
 * Transmission
 */

/*
 * vto_send() has said "no more": stop the writers, if that is still so.  The
 * caller has a hold.
 */
void
vsock_conn_tx_check(vsock_conn_t *vc)
{
	mutex_enter(&vc->vc_lock);
	if (vc->vc_upper != NULL && vsock_conn_can_send(vc) &&
	    !vc->vc_tp->vtp_ops->vto_tx_ready(vc->vc_tc)) {
		if ((vc->vc_flags & VCF_TXFULL) == 0)
			vc->vc_txfull++;
		vc->vc_flags |= VCF_TXFULL;
		vc->vc_upcalls->su_txq_full(vc->vc_upper, B_TRUE);
	}
	mutex_exit(&vc->vc_lock);
}

/*
 * Let waiting writers go on, or fail.  Called with vc_lock held.
 */
static void
vsock_conn_tx_open(vsock_conn_t *vc)
{
	if ((vc->vc_flags & VCF_TXFULL) != 0 && vc->vc_upper != NULL) {
		vc->vc_flags &= ~VCF_TXFULL;
		vc->vc_upcalls->su_txq_full(vc->vc_upper, B_FALSE);
	}
}

void
vsock_up_writable(vsock_conn_t *vc)
{
	mutex_enter(&vc->vc_lock);
	vsock_conn_tx_open(vc);
	mutex_exit(&vc->vc_lock);
}

/*
 * Life
 */

/*
 * An attempt of ours that had a transport has failed.
 */
static void
vsock_refused_out(vsock_conn_t *vc, int error)
{
	ASSERT(MUTEX_HELD(&vc->vc_lock));
	VSOCK_STAT(vc->vc_zone, refused_out, 1);
	VSOCK_EVENT(vc->vc_tp, refused_out);
	DTRACE_PROBE3(vsock__connect__refused, vsock_conn_t *, vc,
	    const vsock_tuple_t *, &vc->vc_tuple, int, error);
}

/*
 * A peer's request has been refused.
 */
static void
vsock_refused_in(vsock_transport_t *vtp, const vsock_tuple_t *vt, int error)
{
	if (error == EACCES)
		VSOCK_STAT(vtp->vtp_zone, refused_port, 1);
	else
		VSOCK_STAT(vtp->vtp_zone, refused_in, 1);
	VSOCK_EVENT(vtp, refused_in);
	DTRACE_PROBE3(vsock__accept__refused, vsock_transport_t *, vtp,
	    const vsock_tuple_t *, vt, int, error);
}

/*
 * Connect a bound or fresh socket.  Errors: EAFNOSUPPORT, nothing leads there;
 * EALREADY, EISCONN, EINVAL as the state is, EINVAL also if an attempt has
 * failed before and sockfs was told so (su_disconnected()), as nothing could
 * be sent or received ever after; EADDRNOTAVAIL, bound to a CID that
 * can't be used for this; EADDRINUSE; ENOBUFS, a limit; those of
 * vto_connect().  EINPROGRESS,
 * with the generation of the attempt in *idp: it is under way, or over.
 */
int
vsock_conn_connect(vsock_conn_t *vc, const struct sockaddr_vm *svm,
    sock_connid_t *idp)
{
	vsock_zone_t *vz = vc->vc_zone;
	vsock_conn_params_t params = { 0 };
	vsock_transport_t *vtp;
	vsock_tuple_t vt;
	uint32_t lcid;
	int error;

	if ((error = vsock_route(vz, svm, &vtp)) != 0) {
		VSOCK_STAT(vz, no_backend, 1);
		DTRACE_PROBE3(vsock__connect__refused, vsock_conn_t *, vc,
		    const vsock_tuple_t *, NULL, int, error);
		return (error);
	}

	mutex_enter(&vc->vc_lock);
	/* A former attempt may not have been cleared away entirely. */
	while (vc->vc_tp != NULL && vsock_conn_in(vc, S(IDLE) | S(BOUND)))
		cv_wait(&vc->vc_cv, &vc->vc_lock);
	if (vc->vc_state == VSOCK_S_IDLE)
		error = vsock_conn_bind(vc, VMADDR_CID_ANY, VMADDR_PORT_ANY);
	else if (vc->vc_state == VSOCK_S_CONNECTING)
		error = EALREADY;
	else if (vc->vc_state == VSOCK_S_LISTEN ||
	    (vc->vc_flags & (VCF_LOCAL_SEND | VCF_LOCAL_RECV)) != 0)
		error = EINVAL;
	else if (vc->vc_state != VSOCK_S_BOUND)
		error = EISCONN;
	else if ((vc->vc_flags & VCF_END) != 0)
		error = EINVAL;
	if (error == 0 && (vtp->vtp_types & vc->vc_type) == 0)
		error = ESOCKTNOSUPPORT;
	if (error != 0)
		goto out;

	lcid = vtp->vtp_local_cid;
	if (vc->vc_bound_cid != VMADDR_CID_ANY) {
		if (vtp->vtp_dir == VSOCK_DIR_LOCAL) {
			lcid = vc->vc_bound_cid;
		} else if (lcid != vc->vc_bound_cid) {
			error = EADDRNOTAVAIL;
			goto out;
		}
	}
	vt.vt_lcid = lcid;
	vt.vt_lport = vc->vc_bound_port;
	vt.vt_rcid = svm->svm_cid;
	vt.vt_rport = svm->svm_port;
	if ((error = vsock_conn_attach(vc, vtp, &vt)) != 0)
		goto out;

	/* The hold of vsock_conn_attach() is ours; this is the attachment's. */
	VERIFY(vsock_conn_hold(vc));
	vsock_conn_setstate(vc, VSOCK_S_CONNECTING);
	vc->vc_delivered = vc->vc_consumed = 0;
	*idp = ++vc->vc_connid;
	vsock_conn_params(vc, &params);
	vc->vc_flags |= VCF_CONNECT;
	mutex_exit(&vc->vc_lock);

	error = vtp->vtp_ops->vto_connect(vtp->vtp_arg, vc, &params,
	    &vc->vc_tc);

	mutex_enter(&vc->vc_lock);
	vc->vc_flags &= ~VCF_CONNECT;
	if (error == 0) {
		boolean_t changed = (vc->vc_rcvbuf != params.vcp_rcvbuf);

		if (vc->vc_state == VSOCK_S_CONNECTING)
			vsock_timer_arm(vc, vc->vc_connect_ms);
		mutex_exit(&vc->vc_lock);
		if (changed)
			vsock_conn_tellbuf(vc);
		vsock_conn_rele(vc);
		vsock_transport_rele(vtp);
		return (EINPROGRESS);
	}
	if (vc->vc_state == VSOCK_S_CONNECTING) {
		vsock_refused_out(vc, error);
		vsock_conn_setstate(vc, VSOCK_S_BOUND);
		vsock_conn_unlist(vc);
		mutex_exit(&vc->vc_lock);
		vsock_conn_rele(vc);
	} else {
		mutex_exit(&vc->vc_lock);
	}
	vsock_conn_rele(vc);
	vsock_transport_rele(vtp);
	return (error);
out:
	mutex_exit(&vc->vc_lock);
	vsock_transport_rele(vtp);
	return (error);
}

void
vsock_up_established(vsock_conn_t *vc)
{
	timeout_id_t tid = 0;

	mutex_enter(&vc->vc_lock);
	if (vc->vc_state == VSOCK_S_CONNECTING) {
		vsock_conn_setstate(vc, VSOCK_S_CONNECTED);
		vc->vc_flags |= VCF_WASCONN;
		VSOCK_STAT(vc->vc_zone, connects, 1);
		VSOCK_EVENT(vc->vc_tp, connects);
		DTRACE_PROBE2(vsock__connect__established, vsock_conn_t *, vc,
		    const vsock_tuple_t *, &vc->vc_tuple);
		tid = vsock_timer_disarm(vc);
		if (vc->vc_upper != NULL)
			vc->vc_upcalls->su_connected(vc->vc_upper,
			    vc->vc_connid, NULL, -1);
	}
	mutex_exit(&vc->vc_lock);
	vsock_timer_cancel(vc, tid);
}

int
vsock_up_request(vsock_transport_t *vtp, const vsock_tuple_t *vt, uint_t type,
    vsock_conn_t **connp, vsock_conn_params_t *params)
{
	vsock_zone_t *vz = vtp->vtp_zone;
	vsock_conn_t *lc, *vc;
	int error;

	if (!vsock_transport_admits(vtp, vt->vt_lport)) {
		vsock_refused_in(vtp, vt, EACCES);
		return (EACCES);
	}
	if ((vtp->vtp_types & type) == 0) {
		VSOCK_STAT(vz, refused_in, 1);
		return (ESOCKTNOSUPPORT);
	}
	lc = vsock_listener_lookup(vz, vt->vt_lcid, vt->vt_lport);
	vc = (lc == NULL) ? NULL : vsock_conn_create(vz, type, KM_NOSLEEP);
	if (vc == NULL) {
		error = (lc == NULL) ? ECONNREFUSED : ENOMEM;
		goto refuse;
	}

	mutex_enter(&lc->vc_lock);
	if (lc->vc_state != VSOCK_S_LISTEN || lc->vc_type != type) {
		error = (lc->vc_state != VSOCK_S_LISTEN) ? ECONNREFUSED :
		    ESOCKTNOSUPPORT;
		mutex_exit(&lc->vc_lock);
		vsock_conn_unref(vc);
		goto refuse;
	}
	vc->vc_rcvmin = lc->vc_rcvmin;
	vc->vc_rcvmax = lc->vc_rcvmax;
	vc->vc_flags |= lc->vc_flags & VCF_RCVFIXED;
	vc->vc_rcvset = lc->vc_rcvset;
	vc->vc_rcvbuf = lc->vc_rcvbuf;
	vc->vc_hiwat = lc->vc_hiwat;
	vc->vc_rxleast = lc->vc_rxleast;
	vc->vc_rcvgrow = lc->vc_rcvgrow;
	vc->vc_rcvlowat = lc->vc_rcvlowat;
	vc->vc_sndbuf = lc->vc_sndbuf;
	vc->vc_msgcost = lc->vc_msgcost;
	vc->vc_connect_ms = lc->vc_connect_ms;
	vc->vc_linger = lc->vc_linger;
	mutex_exit(&lc->vc_lock);

	mutex_enter(&vc->vc_lock);
	error = vsock_conn_attach(vc, vtp, vt);
	if (error != 0) {
		mutex_exit(&vc->vc_lock);
		vsock_conn_unref(vc);
		if (error == EADDRINUSE)
			error = EEXIST;
		goto refuse;
	}
	vsock_conn_setstate(vc, VSOCK_S_EMBRYO);
	vc->vc_bound_cid = vt->vt_lcid;
	vc->vc_bound_port = vt->vt_lport;
	vc->vc_listener = lc;
	vsock_conn_params(vc, params);
	mutex_exit(&vc->vc_lock);
	*connp = vc;
	return (0);

refuse:
	if (lc != NULL)
		vsock_conn_unref(lc);
	vsock_refused_in(vtp, vt, error);
	return (error);
}

/*
 * A new connection has a socket in sockfs.  Both sd_accept() and su_newconn()
 * tell, and only the first is to be heard: others read vc_upcalls.  Its levels
 * are those that the listener has now.  Called with vc_lock held.
 */
void
vsock_conn_upper(vsock_conn_t *vc, sock_upper_handle_t upper,
    sock_upcalls_t *upcalls)
{
	ASSERT(MUTEX_HELD(&vc->vc_lock));
	if (vc->vc_upper != NULL)
		return;
	vc->vc_upper = upper;
	vc->vc_upcalls = upcalls;
	vsock_conn_props(vc);
}

/*
 * Hand a connection to the listener's queue in sockfs.  While su_newconn() runs
 * the listener's handle must stay, so its sd_close() waits (vc_inupcall); the
 * child may be accepted, used and closed before it returns.
 */
static boolean_t
vsock_conn_newconn(vsock_conn_t *lc, vsock_conn_t *vc)
{
	sock_upper_handle_t upper, newupper;
	sock_upcalls_t *upcalls = NULL;

	mutex_enter(&lc->vc_lock);
	if (lc->vc_state != VSOCK_S_LISTEN || lc->vc_upper == NULL) {
		mutex_exit(&lc->vc_lock);
		return (B_FALSE);
	}
	upper = lc->vc_upper;
	lc->vc_inupcall++;
	mutex_exit(&lc->vc_lock);

	newupper = lc->vc_upcalls->su_newconn(upper, (sock_lower_handle_t)vc,
	    &vsock_downcalls, NULL, -1, &upcalls);

	mutex_enter(&lc->vc_lock);
	if (--lc->vc_inupcall == 0)
		cv_broadcast(&lc->vc_cv);
	mutex_exit(&lc->vc_lock);
	if (newupper == NULL)
		return (B_FALSE);

	mutex_enter(&vc->vc_lock);
	if ((vc->vc_flags & VCF_CLOSED) == 0) {
		vsock_conn_upper(vc, newupper, upcalls);
		vsock_rx_run(vc);
	}
	mutex_exit(&vc->vc_lock);
	return (B_TRUE);
}

int
vsock_up_accept(vsock_conn_t *vc, void *tc)
{
	vsock_transport_t *vtp = vc->vc_tp;
	vsock_tuple_t vt = vc->vc_tuple;
	vsock_conn_t *lc;
	boolean_t room, ours;

	mutex_enter(&vc->vc_lock);
	if (vc->vc_state != VSOCK_S_EMBRYO) {
		/* The transport or the zone has gone meanwhile. */
		mutex_exit(&vc->vc_lock);
		vsock_refused_in(vtp, &vt, ECONNREFUSED);
		vsock_conn_rele(vc);
		return (ECONNREFUSED);
	}
	lc = vc->vc_listener;
	vc->vc_listener = NULL;
	vc->vc_tc = tc;
	VERIFY(vsock_conn_hold(vc));
	vsock_conn_setstate(vc, VSOCK_S_CONNECTED);
	vc->vc_flags |= VCF_WASCONN;
	room = vsock_limit_pending(vc);
	mutex_exit(&vc->vc_lock);

	if (room && vsock_conn_newconn(lc, vc)) {
		vsock_conn_unref(lc);
		VSOCK_STAT(vc->vc_zone, accepts, 1);
		VSOCK_EVENT(vtp, accepts);
		DTRACE_PROBE2(vsock__accept__established, vsock_conn_t *, vc,
		    const vsock_tuple_t *, &vt);
		return (0);
	}
	vsock_conn_unref(lc);

	mutex_enter(&vc->vc_lock);
	vsock_limit_accepted(vc);
	vc->vc_tc = NULL;
	ours = (vc->vc_state != VSOCK_S_CLOSED);
	if (ours) {
		vsock_conn_setstate(vc, VSOCK_S_CLOSED);
		vsock_conn_unlist(vc);
	}
	mutex_exit(&vc->vc_lock);
	if (ours)
		vsock_conn_rele(vc);
	/*
	 * The caller will free tc.  Whoever ended the connection, if it wasn't
	 * this function, may be about to use it: that is rare, and soon over.
	 */
	while (atomic_or_uint_nv(&vc->vc_tcholds, 0) != 1)
		delay(1);
	vsock_refused_in(vtp, &vt, ECONNREFUSED);
	vsock_conn_unref(vc);
	vsock_conn_rele(vc);
	return (ECONNREFUSED);
}

void
vsock_up_shutdown(vsock_conn_t *vc, uint_t how)
{
	mutex_enter(&vc->vc_lock);
	if (!vsock_conn_in(vc, S_OPEN)) {
		mutex_exit(&vc->vc_lock);
		return;
	}
	if ((how & VSOCK_SHUT_RECV) != 0)
		vc->vc_flags |= VCF_PEER_RECV;
	if ((how & VSOCK_SHUT_SEND) != 0) {
		vc->vc_flags |= VCF_PEER_SEND | VCF_EOF;
		vsock_rx_droppart(vc);
	}
	vsock_conn_shutstate(vc);
	if ((how & VSOCK_SHUT_RECV) != 0 && vc->vc_upper != NULL) {
		vc->vc_upcalls->su_opctl(vc->vc_upper, SOCK_OPCTL_SHUT_SEND, 0);
		vsock_conn_tx_open(vc);
	}
	vsock_rx_run(vc);
	mutex_exit(&vc->vc_lock);
}

/*
 * shutdown(3SOCKET): VSOCK_SHUT_*.  ENOTCONN, there is no open connection.
 */
int
vsock_conn_shutdown(vsock_conn_t *vc, uint_t how)
{
	size_t bytes = 0;

	mutex_enter(&vc->vc_lock);
	if (!vsock_conn_in(vc, S_OPEN)) {
		boolean_t was = (vc->vc_flags & VCF_WASCONN) != 0;

		mutex_exit(&vc->vc_lock);
		return (was ? 0 : ENOTCONN);
	}
	VERIFY(vsock_conn_hold(vc));
	if ((how & VSOCK_SHUT_SEND) != 0) {
		vc->vc_flags |= VCF_LOCAL_SEND;
		vc->vc_upcalls->su_opctl(vc->vc_upper, SOCK_OPCTL_SHUT_SEND, 0);
		vsock_conn_tx_open(vc);
	}
	if ((how & VSOCK_SHUT_RECV) != 0) {
		/* sockfs discards its queue, without telling. */
		vc->vc_flags |= VCF_LOCAL_RECV | VCF_RXSHUT;
		vc->vc_flags &= ~VCF_RXHOLD;
		vc->vc_upcalls->su_opctl(vc->vc_upper, SOCK_OPCTL_SHUT_RECV, 0);
		if (vsock_is_records(vc))
			vsock_rx_droprecs(vc);
		bytes = vc->vc_delivered - vc->vc_consumed;
		vc->vc_consumed = vc->vc_delivered;
	}
	vsock_conn_shutstate(vc);
	vsock_rx_run(vc);
	mutex_exit(&vc->vc_lock);

	if (bytes != 0)
		vc->vc_tp->vtp_ops->vto_consumed(vc->vc_tc, bytes);
	vc->vc_tp->vtp_ops->vto_shutdown(vc->vc_tc, how);
	vsock_conn_rele(vc);
	return (0);
}

/*
 * The end of a connection, for whatever reason; of a socket that has none it
 * does nothing.  `error' is for the application, 0 if all went well; `tellpeer'
 * if the peer doesn't know.  The caller has a reference or a hold, and no lock.
 */
void
vsock_conn_end(vsock_conn_t *vc, int error, boolean_t tellpeer)
{
	vsock_conn_t *lc = NULL;
	timeout_id_t tid;
	boolean_t embryo;

	mutex_enter(&vc->vc_lock);
	if (vsock_conn_in(vc, S(IDLE) | S(BOUND) | S(LISTEN) | S(CLOSED))) {
		mutex_exit(&vc->vc_lock);
		return;
	}
	embryo = (vc->vc_state == VSOCK_S_EMBRYO);
	if (embryo) {
		lc = vc->vc_listener;
		vc->vc_listener = NULL;
	} else if (vc->vc_state == VSOCK_S_CONNECTING) {
		vsock_refused_out(vc, error);
	} else if (error != 0) {
		VSOCK_STAT(vc->vc_zone, resets, 1);
		VSOCK_EVENT(vc->vc_tp, resets);
	}
	if (vc->vc_state == VSOCK_S_CONNECTING &&
	    (vc->vc_flags & VCF_CLOSED) == 0)
		vsock_conn_setstate(vc, VSOCK_S_BOUND);
	else
		vsock_conn_setstate(vc, VSOCK_S_CLOSED);
	vsock_conn_unlist(vc);
	if ((vc->vc_flags & VCF_CLOSED) != 0)
		vsock_conn_unbind(vc);
	tid = vsock_timer_disarm(vc);
	vc->vc_end_error = error;
	vc->vc_flags |= VCF_END;
	vsock_rx_droppart(vc);
	vsock_rx_run(vc);
	mutex_exit(&vc->vc_lock);

	vsock_timer_cancel(vc, tid);
	if (embryo) {
		/* Neither was it attached, nor does sockfs have it. */
		vsock_conn_unref(lc);
		vsock_conn_unref(vc);
		return;
	}
	if (tellpeer && vc->vc_tc != NULL)
		vc->vc_tp->vtp_ops->vto_reset(vc->vc_tc);
	vsock_conn_rele(vc);
}

void
vsock_up_reset(vsock_conn_t *vc, int error)
{
	vsock_conn_end(vc, error, B_FALSE);
}

/*
 * End all connections of a transport whose peer is gone; or, without one, all
 * of a zone.
 */
void
vsock_conn_end_all(vsock_zone_t *vz, vsock_transport_t *vtp, int error)
{
	vsock_bucket_t *vb;
	vsock_conn_t *vc;
	uint_t i;

	for (i = 0; i < vz->vz_nbuckets; i++) {
		vb = &vz->vz_conns[i];
		do {
			mutex_enter(&vb->vb_lock);
			for (vc = list_head(&vb->vb_list); vc != NULL;
			    vc = list_next(&vb->vb_list, vc)) {
				if (vtp == NULL || vc->vc_tp == vtp)
					break;
			}
			if (vc != NULL)
				vsock_conn_ref(vc);
			mutex_exit(&vb->vb_lock);
			if (vc != NULL) {
				vsock_conn_end(vc, error, vtp == NULL);
				vsock_conn_unref(vc);
			}
		} while (vc != NULL);
	}
}

/*
 * A closed socket's peer should have answered by now.  As long as it still
 * takes what the application had written, it is given more time: all of it, if
 * it has taken the last of that.
 */
static void
vsock_close_timeout(vsock_conn_t *vc)
{
	boolean_t progress;
	size_t unsent = 0;

	if (vsock_conn_hold(vc)) {
		if (vc->vc_tc != NULL)
			unsent = vc->vc_tp->vtp_ops->vto_unsent(vc->vc_tc);
		vsock_conn_rele(vc);
	}
	mutex_enter(&vc->vc_lock);
	if (vc->vc_state != VSOCK_S_CLOSING) {
		mutex_exit(&vc->vc_lock);
		return;
	}
	progress = (unsent != vc->vc_unsent);
	vc->vc_stalls = progress ? 0 : vc->vc_stalls + 1;
	vc->vc_unsent = unsent;
	if (progress ||
	    (unsent != 0 && vc->vc_stalls < VSOCK_CLOSE_PERIODS)) {
		vsock_timer_arm(vc, VSOCK_CLOSE_TIMEOUT);
		mutex_exit(&vc->vc_lock);
		return;
	}
	mutex_exit(&vc->vc_lock);
	VSOCK_STAT(vc->vc_zone, close_timeouts, 1);
	vsock_conn_end(vc, ETIMEDOUT, B_TRUE);
}

/*
 * In the taskq.  A callout comes a little early at times, never by as much as
 * the shortest timer is long.
 */
static void
vsock_timer_task(void *arg)
{
	vsock_conn_t *vc = arg;
	vsock_state_t state;
	boolean_t due;

	mutex_enter(&vc->vc_lock);
	due = (vc->vc_deadline != 0 &&
	    vc->vc_deadline - gethrtime() < MSEC2NSEC(20));
	if (due)
		(void) vsock_timer_disarm(vc);
	state = vc->vc_state;
	mutex_exit(&vc->vc_lock);

	if (due && state == VSOCK_S_CONNECTING) {
		VSOCK_STAT(vc->vc_zone, connect_timeouts, 1);
		vsock_conn_end(vc, ETIMEDOUT, B_TRUE);
	} else if (due && state == VSOCK_S_CLOSING) {
		vsock_close_timeout(vc);
	}
	vsock_conn_unref(vc);
}

/*
 * The application has closed the socket: sd_close().  Waits for upcalls that
 * are under way; none is made afterwards.  An open connection is closed in the
 * background; its end is waited for as many seconds as `linger' says, or until
 * there is a signal.  The reference that sockfs had is dropped.
 */
void
vsock_conn_close(vsock_conn_t *vc, int linger)
{
	clock_t until = ddi_get_lbolt() + drv_usectohz(MICROSEC) * linger;
	size_t unsent;
	mblk_t *mp;

	mutex_enter(&vc->vc_lock);
	vc->vc_flags |= VCF_CLOSED;
	vc->vc_upper = NULL;
	vsock_limit_accepted(vc);
	while (vc->vc_inupcall != 0)
		cv_wait(&vc->vc_cv, &vc->vc_lock);
	mp = vc->vc_rxq;
	if (mp != NULL) {
		DTRACE_PROBE4(vsock__drop__in, vsock_conn_t *, vc,
		    const vsock_tuple_t *, &vc->vc_tuple, size_t, vc->vc_rxlen,
		    const char *, "socket closed");
	}
	vc->vc_rxq = vc->vc_rxtail = NULL;
	vc->vc_rxlen = 0;
	vsock_rx_droppart(vc);

	if (vsock_conn_in(vc, S_OPEN)) {
		VERIFY(vsock_conn_hold(vc));
		vsock_conn_setstate(vc, VSOCK_S_CLOSING);
		vsock_timer_arm(vc, VSOCK_CLOSE_TIMEOUT);
		mutex_exit(&vc->vc_lock);
		vc->vc_tp->vtp_ops->vto_shutdown(vc->vc_tc, VSOCK_SHUT_BOTH);
		unsent = vc->vc_tp->vtp_ops->vto_unsent(vc->vc_tc);
		vsock_conn_rele(vc);
		mutex_enter(&vc->vc_lock);
		vc->vc_unsent = unsent;
		while (linger > 0 && vc->vc_tp != NULL) {
			if (cv_timedwait_sig(&vc->vc_cv, &vc->vc_lock,
			    until) <= 0)
				break;
		}
		mutex_exit(&vc->vc_lock);
	} else if (vc->vc_state == VSOCK_S_CONNECTING) {
		mutex_exit(&vc->vc_lock);
		vsock_conn_end(vc, ECONNABORTED, B_TRUE);
	} else {
		if (vc->vc_state != VSOCK_S_CLOSED)
			vsock_conn_setstate(vc, VSOCK_S_CLOSED);
		vsock_conn_unbind(vc);
		mutex_exit(&vc->vc_lock);
	}
	freemsgchain(mp);
	vsock_conn_unref(vc);
}
