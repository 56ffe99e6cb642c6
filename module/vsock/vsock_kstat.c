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
 * STATISTICS
 *
 *	vsock:ZONE:vsock		vsock_stats_t: events in a zone
 *	vsock_transport:ZONE:NAME	vsock_transport_kstat_t: a transport
 *	vsock:ZONE:connections		a list of what has a port or a peer
 *
 * The first is counted as it happens, with atomic operations.  So are the
 * events of a transport, and its traffic, of which there are several counters
 * (vtp_traffic) that are added up when the kstat is read.
 *
 * The list is made when it is read, from the two tables of the zone, a bucket
 * at a time: references are taken under vb_lock, and each socket is looked at
 * under its own lock after that.  Nothing stops meanwhile, so it is no snapshot
 * of one moment.  ks_update counts, ks_snapshot fills in as many as were
 * counted, and ends with records of size 0 if there are fewer by then.
 *
 * LOCKING
 *
 * vz_conns_kslock and vtk_lock, the ks_lock of kstats, are taken before any
 * other lock of the module.
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
#include <sys/kstat.h>
#include <sys/zone.h>
#include <sys/vsock_impl.h>

/* How many sockets of a bucket are looked at between two holds of its lock. */
#define	KSTAT_BATCH	32

#define	VTK_STATS(_)							\
	_(direction)		/* VSOCK_KDIR_* */			\
	_(types)		/* 1: stream, 2: seqpacket; a mask */	\
	_(local_cid)							\
	_(remote_cid)							\
	_(restricted)		/* 1: not to all ports */		\
	_(max_connections)	/* 0: any number */			\
	_(connections)		/* now */				\
	_(orphans)		/* the peer is to be told of, now */	\
	_(connects)		/* established by us */			\
	_(accepts)		/* established by the peer */		\
	_(refused_out)		/* our attempts that failed */		\
	_(refused_in)		/* those of the peer */			\
	_(resets)		/* ended with an error */		\
	_(rx_bytes)							\
	_(rx_messages)							\
	_(tx_bytes)							\
	_(tx_messages)

#define	VTK_MEMBER(name)	kstat_named_t vtk_##name;
#define	VTK_INIT(name)	\
	kstat_named_init(&vtk->vtk_stats.vtk_##name, #name, KSTAT_DATA_UINT64);

typedef struct vtk_stats {
	VTK_STATS(VTK_MEMBER)
} vtk_stats_t;

struct vsock_transport_kstat {
	kmutex_t	vtk_lock;
	kstat_t		*vtk_kstat;
	vsock_transport_t *vtk_transport;
	vtk_stats_t	vtk_stats;
};

/*
 * Traffic.  Called with vc_lock held, and a hold: vc_tp is there.
 */

static vsock_traffic_t *
vsock_traffic(vsock_conn_t *vc)
{
	ASSERT(MUTEX_HELD(&vc->vc_lock));
	return (&vc->vc_tp->vtp_traffic[((uintptr_t)vc / sizeof (*vc)) %
	    VSOCK_NTRAFFIC]);
}

/* A message has been received. */
void
vsock_count_rx(vsock_conn_t *vc, size_t len)
{
	vsock_traffic_t *vtf = vsock_traffic(vc);

	vc->vc_rx_bytes += len;
	vc->vc_rx_msgs++;
	atomic_add_64(&vtf->vtf_rx_bytes, len);
	atomic_inc_64(&vtf->vtf_rx_msgs);
}

/* A message is about to be sent. */
void
vsock_count_tx(vsock_conn_t *vc, size_t len)
{
	vsock_traffic_t *vtf = vsock_traffic(vc);

	vc->vc_tx_bytes += len;
	vc->vc_tx_msgs++;
	atomic_add_64(&vtf->vtf_tx_bytes, len);
	atomic_inc_64(&vtf->vtf_tx_msgs);
}

/* Install a kstat that its zone and the global zone see. */
static void
vsock_kstat_install(kstat_t *ksp, zoneid_t zoneid)
{
	if (zoneid != GLOBAL_ZONEID)
		kstat_zone_add(ksp, GLOBAL_ZONEID);
	kstat_install(ksp);
}

/*
 * Transports
 */

static int
vsock_transport_update(kstat_t *ksp, int rw)
{
	vsock_transport_kstat_t *vtk = ksp->ks_private;
	vsock_transport_t *vtp = vtk->vtk_transport;
	vtk_stats_t *st = &vtk->vtk_stats;
	vsock_events_t *vev = &vtp->vtp_events;
	uint64_t rxb = 0, rxm = 0, txb = 0, txm = 0;
	uint_t i;

	if (rw == KSTAT_WRITE)
		return (EACCES);

	CTASSERT(VSOCK_KDIR_LOCAL == VSOCK_DIR_LOCAL);
	CTASSERT(VSOCK_KDIR_TO_HOST == VSOCK_DIR_TO_HOST);
	CTASSERT(VSOCK_KDIR_TO_GUEST == VSOCK_DIR_TO_GUEST);

	for (i = 0; i < VSOCK_NTRAFFIC; i++) {
		vsock_traffic_t *vtf = &vtp->vtp_traffic[i];

		rxb += atomic_add_64_nv(&vtf->vtf_rx_bytes, 0);
		rxm += atomic_add_64_nv(&vtf->vtf_rx_msgs, 0);
		txb += atomic_add_64_nv(&vtf->vtf_tx_bytes, 0);
		txm += atomic_add_64_nv(&vtf->vtf_tx_msgs, 0);
	}
	st->vtk_direction.value.ui64 = vtp->vtp_dir;
	st->vtk_types.value.ui64 = vtp->vtp_types;
	st->vtk_local_cid.value.ui64 = vsock_transport_local_cid(vtp);
	st->vtk_remote_cid.value.ui64 = vtp->vtp_remote_cid;
	st->vtk_max_connections.value.ui64 =
	    vsock_limit_peer_conns(vtp);
	mutex_enter(&vtp->vtp_lock);
	st->vtk_restricted.value.ui64 = vtp->vtp_restricted;
	st->vtk_connections.value.ui64 = vtp->vtp_nconns;
	mutex_exit(&vtp->vtp_lock);
	st->vtk_orphans.value.ui64 = atomic_or_uint_nv(&vtp->vtp_orphans, 0);
	st->vtk_connects.value.ui64 = atomic_add_64_nv(&vev->vev_connects, 0);
	st->vtk_accepts.value.ui64 = atomic_add_64_nv(&vev->vev_accepts, 0);
	st->vtk_refused_out.value.ui64 =
	    atomic_add_64_nv(&vev->vev_refused_out, 0);
	st->vtk_refused_in.value.ui64 =
	    atomic_add_64_nv(&vev->vev_refused_in, 0);
	st->vtk_resets.value.ui64 = atomic_add_64_nv(&vev->vev_resets, 0);
	st->vtk_rx_bytes.value.ui64 = rxb;
	st->vtk_rx_messages.value.ui64 = rxm;
	st->vtk_tx_bytes.value.ui64 = txb;
	st->vtk_tx_messages.value.ui64 = txm;
	return (0);
}

void
vsock_kstat_transport_create(vsock_transport_t *vtp)
{
	zoneid_t zoneid = vtp->vtp_zone->vz_zoneid;
	vsock_transport_kstat_t *vtk;
	kstat_t *ksp;

	ksp = kstat_create_zone(VSOCK_KSTAT_TRANSPORT, zoneid, vtp->vtp_name,
	    "net", KSTAT_TYPE_NAMED,
	    sizeof (vtk_stats_t) / sizeof (kstat_named_t), KSTAT_FLAG_VIRTUAL,
	    zoneid);
	if (ksp == NULL)
		return;
	vtk = kmem_zalloc(sizeof (*vtk), KM_SLEEP);
	mutex_init(&vtk->vtk_lock, NULL, MUTEX_DEFAULT, NULL);
	vtk->vtk_kstat = ksp;
	vtk->vtk_transport = vtp;
	VTK_STATS(VTK_INIT)
	ksp->ks_data = &vtk->vtk_stats;
	ksp->ks_lock = &vtk->vtk_lock;
	ksp->ks_private = vtk;
	ksp->ks_update = vsock_transport_update;
	vtp->vtp_kstat = vtk;
	vsock_kstat_install(ksp, zoneid);
}

void
vsock_kstat_transport_delete(vsock_transport_t *vtp)
{
	vsock_transport_kstat_t *vtk = vtp->vtp_kstat;

	if (vtk == NULL)
		return;
	kstat_delete(vtk->vtk_kstat);
	mutex_destroy(&vtk->vtk_lock);
	kmem_free(vtk, sizeof (*vtk));
}

/*
 * The list of connections
 */

typedef struct vsock_kfill {
	vsock_kconn_t	*vkf_next;
	size_t		vkf_left;	/* records */
} vsock_kfill_t;

/* Look at a socket that has a reference. */
static void
vsock_kstat_conn(vsock_conn_t *vc, boolean_t attached, vsock_kfill_t *vkf)
{
	vsock_kconn_t *vkc = vkf->vkf_next;
	vsock_conn_stats_t vcs = { 0 };
	boolean_t held = B_FALSE;

	mutex_enter(&vc->vc_lock);
	/* What has a connection is found by that, and else by its port. */
	if (attached != ((vc->vc_flags & VCF_IN_CONNS) != 0) ||
	    (!attached && (vc->vc_flags & VCF_IN_BOUND) == 0)) {
		mutex_exit(&vc->vc_lock);
		return;
	}
	vkf->vkf_next++;
	vkf->vkf_left--;
	vkc->vkc_size = sizeof (*vkc);
	vkc->vkc_state = vc->vc_state;
	vkc->vkc_type = vc->vc_type;
	vkc->vkc_zoneid = vc->vc_zone->vz_zoneid;
	vkc->vkc_lcid = vc->vc_bound_cid;
	vkc->vkc_lport = vc->vc_bound_port;
	vkc->vkc_rcid = VMADDR_CID_ANY;
	vkc->vkc_rport = VMADDR_PORT_ANY;
	vkc->vkc_rcvbuf = vc->vc_rcvbuf;
	vkc->vkc_sndbuf = vc->vc_sndbuf;
	if ((vc->vc_flags & VCF_TXFULL) != 0)
		vkc->vkc_flags |= VKC_TX_FULL;
	if (attached) {
		vkc->vkc_lcid = vc->vc_tuple.vt_lcid;
		vkc->vkc_rcid = vc->vc_tuple.vt_rcid;
		vkc->vkc_rport = vc->vc_tuple.vt_rport;
		vkc->vkc_rx_bytes = vc->vc_rx_bytes;
		vkc->vkc_rx_msgs = vc->vc_rx_msgs;
		vkc->vkc_rx_queued = vc->vc_delivered - vc->vc_consumed +
		    vc->vc_rxlen;
		vkc->vkc_rx_stalls = vc->vc_starved;
		vkc->vkc_tx_bytes = vc->vc_tx_bytes;
		vkc->vkc_tx_msgs = vc->vc_tx_msgs;
		vkc->vkc_tx_stalls = vc->vc_txfull;
		/* While it is in the table it has a hold, and so a transport */
		(void) strlcpy(vkc->vkc_transport, vc->vc_tp->vtp_name,
		    sizeof (vkc->vkc_transport));
		/* Not before its backend's object is there for certain. */
		if (vc->vc_state >= VSOCK_S_CONNECTED &&
		    vc->vc_tp->vtp_ops->vto_stats != NULL)
			held = vsock_conn_hold(vc);
	}
	mutex_exit(&vc->vc_lock);

	if (held) {
		vc->vc_tp->vtp_ops->vto_stats(vc->vc_tc, &vcs);
		vsock_conn_rele(vc);
	}
	vkc->vkc_rx_packets = vcs.vcs_rx_packets;
	vkc->vkc_tx_packets = vcs.vcs_tx_packets;
	vkc->vkc_tx_queued = vcs.vcs_tx_queued;
	vkc->vkc_rx_credit = vcs.vcs_rx_credit;
	vkc->vkc_tx_credit = vcs.vcs_tx_credit;
}

static void
vsock_kstat_bucket(vsock_bucket_t *vb, boolean_t attached, vsock_kfill_t *vkf)
{
	vsock_conn_t *batch[KSTAT_BATCH], *vc;
	size_t done = 0, skip;
	uint_t i, n;

	do {
		n = 0;
		skip = done;
		mutex_enter(&vb->vb_lock);
		for (vc = list_head(&vb->vb_list); vc != NULL &&
		    n < MIN(KSTAT_BATCH, vkf->vkf_left);
		    vc = list_next(&vb->vb_list, vc)) {
			if (skip != 0) {
				skip--;
				continue;
			}
			vsock_conn_ref(vc);
			batch[n++] = vc;
		}
		mutex_exit(&vb->vb_lock);
		for (i = 0; i < n; i++) {
			vsock_kstat_conn(batch[i], attached, vkf);
			vsock_conn_unref(batch[i]);
		}
		done += n;
	} while (n == KSTAT_BATCH);
}

static size_t
vsock_kstat_count(vsock_bucket_t *vb, uint_t nbuckets)
{
	vsock_conn_t *vc;
	size_t n = 0;
	uint_t i;

	for (i = 0; i < nbuckets; i++) {
		mutex_enter(&vb[i].vb_lock);
		for (vc = list_head(&vb[i].vb_list); vc != NULL;
		    vc = list_next(&vb[i].vb_list, vc))
			n++;
		mutex_exit(&vb[i].vb_lock);
	}
	return (n);
}

static int
vsock_conns_update(kstat_t *ksp, int rw)
{
	vsock_zone_t *vz = ksp->ks_private;

	if (rw == KSTAT_WRITE)
		return (EACCES);
	ksp->ks_ndata = vsock_kstat_count(vz->vz_bound, vz->vz_nbuckets) +
	    vsock_kstat_count(vz->vz_conns, vz->vz_nbuckets);
	ksp->ks_data_size = ksp->ks_ndata * sizeof (vsock_kconn_t);
	return (0);
}

static int
vsock_conns_snapshot(kstat_t *ksp, void *buf, int rw)
{
	vsock_zone_t *vz = ksp->ks_private;
	vsock_kfill_t vkf = {
		.vkf_next	= buf,
		.vkf_left	= ksp->ks_data_size / sizeof (vsock_kconn_t)
	};
	uint_t i;

	if (rw == KSTAT_WRITE)
		return (EACCES);
	ksp->ks_snaptime = gethrtime();
	bzero(buf, ksp->ks_data_size);
	for (i = 0; i < vz->vz_nbuckets; i++)
		vsock_kstat_bucket(&vz->vz_bound[i], B_FALSE, &vkf);
	for (i = 0; i < vz->vz_nbuckets; i++)
		vsock_kstat_bucket(&vz->vz_conns[i], B_TRUE, &vkf);
	return (0);
}

static void
vsock_kstat_conns_create(vsock_zone_t *vz)
{
	kstat_t *ksp;

	CTASSERT(sizeof (vsock_kconn_t) == 168);
	CTASSERT(VSOCK_KNAMELEN == VSOCK_NAMELEN);

	ksp = kstat_create_zone(VSOCK_KSTAT_MODULE, vz->vz_zoneid,
	    VSOCK_KSTAT_CONNS, "net", KSTAT_TYPE_RAW, 0,
	    KSTAT_FLAG_VAR_SIZE | KSTAT_FLAG_VIRTUAL, vz->vz_zoneid);
	vz->vz_conns_kstat = ksp;
	if (ksp == NULL)
		return;
	ksp->ks_lock = &vz->vz_conns_kslock;
	ksp->ks_private = vz;
	ksp->ks_update = vsock_conns_update;
	ksp->ks_snapshot = vsock_conns_snapshot;
	vsock_kstat_install(ksp, vz->vz_zoneid);
}

/*
 * Zones
 */

void
vsock_kstat_zone_create(vsock_zone_t *vz)
{
	static const char *const names[] = {
		"sockets", "connections", "connects", "accepts", "refused_out",
		"refused_in", "refused_port", "connect_timeouts",
		"close_timeouts", "resets", "no_backend", "over_conns",
		"over_peer_conns", "over_pending", "over_buf", "over_msgs",
		"buf_bytes", "packed_records", "partial_records", "captured",
		"capture_drops"
	};
	kstat_named_t *stats = (kstat_named_t *)&vz->vz_stats;
	kstat_t *ksp;
	uint_t i;

	CTASSERT(sizeof (names) / sizeof (names[0]) ==
	    sizeof (vz->vz_stats) / sizeof (kstat_named_t));

	mutex_init(&vz->vz_conns_kslock, NULL, MUTEX_DEFAULT, NULL);
	for (i = 0; i < ARRAY_SIZE(names); i++)
		kstat_named_init(&stats[i], names[i], KSTAT_DATA_UINT64);

	ksp = kstat_create_zone(VSOCK_KSTAT_MODULE, vz->vz_zoneid,
	    VSOCK_MODNAME, "net", KSTAT_TYPE_NAMED, ARRAY_SIZE(names),
	    KSTAT_FLAG_VIRTUAL, vz->vz_zoneid);
	vz->vz_kstat = ksp;
	if (ksp != NULL) {
		ksp->ks_data = stats;
		vsock_kstat_install(ksp, vz->vz_zoneid);
	}
	vsock_kstat_conns_create(vz);
}

/* The zone's data may live on: sockets still count. */
void
vsock_kstat_zone_delete(vsock_zone_t *vz)
{
	if (vz->vz_conns_kstat != NULL)
		kstat_delete(vz->vz_conns_kstat);
	if (vz->vz_kstat != NULL)
		kstat_delete(vz->vz_kstat);
	mutex_destroy(&vz->vz_conns_kslock);
}
