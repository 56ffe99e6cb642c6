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
 * WHAT A PEER AND A ZONE MAY TAKE
 *
 * A peer decides how many connections it asks for, how much it sends and in how
 * many packets, and how little of what it is sent it takes.  Each of that ends
 * at a number, which is a property (vsock_prop.c), and has a statistic of the
 * zone that counts how often it was met:
 *
 *	connections of the zone		max-conns	over_conns
 *	connections of a peer		max-peer-conns	over_peer_conns
 *	... not yet accepted		max-pending	over_pending
 *	buffers of a socket, bytes	recv-buf, send-buf, max-buf
 *	... messages in them		msg-cost	over_msgs
 *	buffers of the zone, bytes	max-zone-buf	over_buf
 *	answers to strays		reply-rate	rst_limited
 *
 * The last statistic is the backend's, as only it sees packets.
 *
 * Connections are counted where they are attached to a transport.  Those of a
 * peer are those of its transport, and include what a backend keeps of released
 * ones (vsock_transport_orphans()).  Loopback has no limit of its own: whoever
 * connects to himself needs a file descriptor for it.
 *
 * BUFFERS
 *
 * What counts is not what is in a buffer but what may get into it: what a peer
 * has been told that it may send can't be taken back, and nothing has to be
 * counted on the path of data.  A connection is charged for both of its buffers
 * when it begins, and for its receive buffer when that grows, until the socket
 * is closed and the connection is over: so long can there be something in it.
 *
 * If the charges of a zone are above its limit, connections that begin get
 * buffers of VSOCK_BUF_SCANTY bytes, and no buffer grows; but only those of a
 * transport that has more than its share of the limit, of which each transport
 * of the zone has one.  So whoever takes a lot harms himself, and no more than
 * twice the limit, and VSOCK_BUF_SCANTY twice for each connection, can be in
 * buffers.  The price is that many connections that need little are given less
 * than they could have.
 *
 * A small message costs more than its bytes.  How many may be queued follows
 * from the size of the buffer, one for msg-cost bytes of it: received ones
 * beyond that are gathered (vsock_conn.c), records to be sent have to wait
 * (vcp_sndmsgs).  So there is a limit for the zone's as well.
 *
 * An account (vsock_account_t) has what the connections of a transport take.
 * What was received is in a socket until its owner reads it, which may be after
 * the transport has gone: so sockets hold it as well, and a peer that connects,
 * sends and resets does not get a new one each time.
 *
 * LOCKING
 *
 * Counts are atomic.  vc_lock protects what a socket has: vc_account,
 * vc_charged and VCF_PENDING.
 */

#include <sys/types.h>
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/sysmacros.h>
#include <sys/errno.h>
#include <sys/debug.h>
#include <sys/kmem.h>
#include <sys/atomic.h>
#include <sys/vsock_impl.h>

/* With one reference; may sleep. */
vsock_account_t *
vsock_account_create(void)
{
	vsock_account_t *va = kmem_zalloc(sizeof (*va), KM_SLEEP);

	va->va_refs = 1;
	return (va);
}

void
vsock_account_rele(vsock_account_t *va)
{
	if (atomic_dec_uint_nv(&va->va_refs) != 0)
		return;
	VERIFY0(va->va_pending);
	VERIFY0(va->va_buf);
	kmem_free(va, sizeof (*va));
}

/*
 * How many connections the transport's peer may have; 0: any number.
 */
uint64_t
vsock_limit_peer_conns(const vsock_transport_t *vtp)
{
	if (vtp->vtp_dir == VSOCK_DIR_LOCAL)
		return (0);
	return (vsock_prop_limit(vtp->vtp_zone, VSOCK_PROP_MAX_PEER_CONNS));
}

/*
 * May there be one connection more?  0, and it counts in the statistic of the
 * zone, which is the number there is; ENOBUFS.  Called with vtp_lock held,
 * under which the caller counts those of the transport.
 */
int
vsock_limit_conn(vsock_transport_t *vtp)
{
	vsock_zone_t *vz = vtp->vtp_zone;
	uint64_t max = vsock_limit_peer_conns(vtp);

	ASSERT(MUTEX_HELD(&vtp->vtp_lock));
	if (max != 0 && (uint64_t)vtp->vtp_nconns +
	    atomic_or_uint_nv(&vtp->vtp_orphans, 0) >= max) {
		VSOCK_STAT(vz, over_peer_conns, 1);
		return (ENOBUFS);
	}
	max = vsock_prop_limit(vz, VSOCK_PROP_MAX_CONNS);
	if (atomic_add_64_nv(&vz->vz_stats.vst_connections.value.ui64, 1) >
	    max) {
		VSOCK_STAT(vz, connections, -1);
		VSOCK_STAT(vz, over_conns, 1);
		return (ENOBUFS);
	}
	return (0);
}

void
vsock_transport_orphans(vsock_transport_t *vtp, int n)
{
	atomic_add_int(&vtp->vtp_orphans, n);
}

uint_t
vsock_transport_reply_rate(vsock_transport_t *vtp)
{
	return ((uint_t)vsock_prop_limit(vtp->vtp_zone,
	    VSOCK_PROP_REPLY_RATE));
}

/*
 * May a connection be queued, to be accepted?  If so it counts, until
 * vsock_limit_accepted().  Called with vc_lock held.
 */
boolean_t
vsock_limit_pending(vsock_conn_t *vc)
{
	vsock_account_t *va = vc->vc_account;

	ASSERT(MUTEX_HELD(&vc->vc_lock));
	if (atomic_inc_uint_nv(&va->va_pending) >
	    vsock_prop_limit(vc->vc_zone, VSOCK_PROP_MAX_PENDING)) {
		atomic_dec_uint(&va->va_pending);
		VSOCK_STAT(vc->vc_zone, over_pending, 1);
		return (B_FALSE);
	}
	vc->vc_flags |= VCF_PENDING;
	return (B_TRUE);
}

/*
 * It was accepted, or will not be, or was never to be.  Called with vc_lock
 * held.
 */
void
vsock_limit_accepted(vsock_conn_t *vc)
{
	ASSERT(MUTEX_HELD(&vc->vc_lock));
	if ((vc->vc_flags & VCF_PENDING) != 0) {
		vc->vc_flags &= ~VCF_PENDING;
		atomic_dec_uint(&vc->vc_account->va_pending);
	}
}

/* Charge a socket with so many bytes more, or less. */
static void
vsock_limit_charge(vsock_conn_t *vc, int64_t bytes)
{
	vc->vc_charged += bytes;
	atomic_add_64(&vc->vc_account->va_buf, bytes);
	VSOCK_STAT(vc->vc_zone, buf_bytes, bytes);
}

/* Was the last charge too much? */
static boolean_t
vsock_limit_over(vsock_conn_t *vc)
{
	vsock_zone_t *vz = vc->vc_zone;
	uint64_t max = vsock_prop_limit(vz, VSOCK_PROP_MAX_ZONE_BUF);
	uint_t shares = MAX(1, atomic_or_uint_nv(&vz->vz_ntransports, 0));
	uint64_t all, his;

	all = atomic_add_64_nv(&vz->vz_stats.vst_buf_bytes.value.ui64, 0);
	his = atomic_add_64_nv(&vc->vc_account->va_buf, 0);
	if (all <= max || his <= max / shares)
		return (B_FALSE);
	VSOCK_STAT(vz, over_buf, 1);
	return (B_TRUE);
}

/* Give everything back. */
static void
vsock_limit_discharge(vsock_conn_t *vc)
{
	vsock_account_t *va = vc->vc_account;

	if (va == NULL)
		return;
	vsock_limit_charge(vc, -(int64_t)vc->vc_charged);
	vc->vc_account = NULL;
	vsock_account_rele(va);
}

/*
 * A connection begins, on the transport it is attached to, with a receive
 * buffer of so many bytes and vc_sndbuf.  B_FALSE: it is charged for, and must
 * have, no more than VSOCK_BUF_SCANTY for each.  Called with vc_lock held.
 */
boolean_t
vsock_limit_open(vsock_conn_t *vc, uint32_t rcvbuf)
{
	ASSERT(MUTEX_HELD(&vc->vc_lock));
	vsock_limit_discharge(vc);
	vc->vc_account = vc->vc_tp->vtp_account;
	atomic_inc_uint(&vc->vc_account->va_refs);
	vsock_limit_charge(vc, (int64_t)rcvbuf + vc->vc_sndbuf);
	if (!vsock_limit_over(vc))
		return (B_TRUE);
	vsock_limit_charge(vc, MIN(rcvbuf, VSOCK_BUF_SCANTY) +
	    MIN(vc->vc_sndbuf, VSOCK_BUF_SCANTY) - (int64_t)vc->vc_charged);
	return (B_FALSE);
}

/*
 * May the receive buffer be changed from vc_rcvbuf to this?  If so, it is
 * charged for.  Called with vc_lock held.
 */
boolean_t
vsock_limit_rcvbuf(vsock_conn_t *vc, uint32_t rcvbuf)
{
	int64_t more = (int64_t)rcvbuf - vc->vc_rcvbuf;

	ASSERT(MUTEX_HELD(&vc->vc_lock));
	if (vc->vc_account == NULL)
		return (B_TRUE);
	vsock_limit_charge(vc, more);
	if (more <= 0 || !vsock_limit_over(vc))
		return (B_TRUE);
	vsock_limit_charge(vc, -more);
	return (B_FALSE);
}

/*
 * Nobody has the socket any more, nor holds vc_lock.
 */
void
vsock_limit_free(vsock_conn_t *vc)
{
	ASSERT0(vc->vc_flags & VCF_PENDING);
	vsock_limit_discharge(vc);
}
