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
 * VSOCK: SOCKETS BETWEEN A HYPERVISOR AND ITS GUESTS
 *
 * The front end of AF_VSOCK: a socket module of sockfs, and the driver of
 * /dev/vsock, in one.  It knows sockets, ports and connections; how the peer is
 * reached is the business of backends, modules that register here as described
 * in sys/vsock_transport.h.
 *
 *	vsock.c			module linkage, zones
 *	vsock_dev.c		/dev/vsock
 *	vsock_prop.c		properties of a zone
 *	vsock_limit.c		what a peer and a zone may take
 *	vsock_kstat.c		statistics
 *	vsock_snoop.c		packet capture
 *	vsock_sock.c		from sockfs: sock_downcalls_t
 *	vsock_conn.c		sockets and connections: states, tables, timers,
 *				to sockfs: sock_upcalls_t
 *	vsock_route.c		providers, transports, which one leads where
 *	vsock_loopback.c	the transport to ourselves
 *	vsock_virtio.c		what the virtio backends have in common; the
 *				front end doesn't know it
 *
 * FLOW CONTROL TOWARDS THE PEER
 *
 * Received data is queued in sockfs, which knows how much of it the application
 * has read but tells only when asked, or when it was once asked while the queue
 * was at its high-water mark H or above, and the queue has fallen below the
 * low-water mark (sd_clr_flowctrl).  The peer has to be told what was consumed
 * in time, or it stops for ever.  What works is this: the peer is allowed B
 * bytes that haven't been reported as consumed (vc_rcvbuf); both of sockfs's
 * marks are H = B - t (vc_hiwat), with t about B / 4; after each message, if t
 * bytes or more may be unreported, sockfs is asked, and if they are, reported;
 * and in sd_clr_flowctrl() whatever is unreported is reported.  If the peer has
 * run out of its B bytes, then either at least H of them are in the queue, and
 * sd_clr_flowctrl() will come, or more than t of them are not, and were
 * reported when the last of them arrived.  With H = B there would be a state in
 * which neither holds.
 *
 * That is for streams.  Of records, part of those B bytes may be here and not
 * in sockfs's queue: pieces of a record that is not complete (vsock_conn.c).
 * One of them may close the window without anything being given to sockfs.  So
 * after every piece sockfs is made to call sd_clr_flowctrl() at the next read,
 * whatever is in its queue (H = 1 for one look, and L above all that can be
 * there), and then asked how much there is (H above that as well): what was
 * consumed until then is reported now, what is consumed later when
 * sd_clr_flowctrl() comes, which does the same again.  It is exact, so a peer
 * that waits until a whole record has room is served as well, as long as its
 * records are not larger than B.  The price is a report for every record that
 * is read.
 *
 * What B has to be depends on how long the news of what was consumed takes to
 * reach the peer: if the reader is faster than that, the peer waits for the
 * news again and again.  So B grows, up to VSOCK_BUF_GROWTH times what it was,
 * as long as the reader of a stream takes all that comes, and nobody has set B
 * (vsock_rx_grow()).  A reader who stops later cannot leave more than that in
 * the queue.  H and t follow, and whatever order of changes the backend is
 * told, the last is the one that is true (vsock_conn_tellbuf()): a peer with a
 * smaller B than ours might wait for a report that would never come.
 *
 * There are peers that do not use all of B: a Linux of 2026 never has more
 * under way than its own buffer has room for, which may be less than ours.  In
 * H = W - t, and t about W / 4, W is the smaller of the two (vc_peerbuf), if
 * the backend tells what the peer's is.  For a peer that does use all of B the
 * argument above holds as well, with a lower H than it would need.
 *
 * FLOW CONTROL TOWARDS THE APPLICATION
 *
 * A backend takes every message, and says if no more should come; then sockfs
 * is told so (su_txq_full).  Between the backend's answer and our telling
 * sockfs the backend may have got room again and said so, hence it is asked
 * again with vc_lock held, under which both kinds of news are passed on.  When
 * a connection ends, sockfs is first told that and then that there is room: a
 * writer that was missed by the former is woken by the latter, and fails.
 *
 * LOCKING
 *
 * In the order in which they are taken:
 *
 *	ks_lock			of kstats, while they are read
 *	vz_lo_lock		the loopback of a zone comes or goes
 *	vsock_route_lock	providers and transports; the CIDs
 *	vsock_zones_lock	the list of zones
 *	vc_lock			a socket.  Two are never held at a time
 *	vb_lock			a bucket of a table
 *	vtp_lock		a transport: counts, ports
 *	vsock_snoop_lock	the list of captures, for every packet
 *	vsn_lock		the ring of a capture
 *	vz_prop_lock		properties
 *
 * vc_lock is held across the upcalls su_set_proto_props, su_txq_full, su_opctl,
 * su_connected, and su_recv without data, which take sockfs's so_lock, and
 * across vto_tx_ready(), which takes a backend's lock.  It is not held across
 * su_recv with data, su_newconn and su_disconnected: vc_inupcall counts those
 * that are under way, and sd_close() waits for them.  No lock is held when a
 * backend is called otherwise.
 *
 * A vsock_conn_t has two counts.  vc_refs keeps the memory: one is sockfs's,
 * from creation to sd_close(); one the transport's, while attached; others are
 * of threads that found it in a table, and of its timer.  vc_tcholds keeps the
 * backend's object vc_tc, and with it vc_tp: one from the time the connection
 * is attached to when it ends; others are of calls under way.  When it falls to
 * zero, vto_release() is called.
 *
 * A transport can't go while connections are attached to it (vtp_nconns) or
 * vsock_route() has given it out (vtp_users).  A zone's data goes with the last
 * socket and transport of the zone.
 *
 * The module can't be unloaded while there are sockets or connections, closed
 * ones that wait for their peers included, or a backend is registered.
 */

#include <sys/types.h>
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/sysmacros.h>
#include <sys/errno.h>
#include <sys/debug.h>
#include <sys/kmem.h>
#include <sys/atomic.h>
#include <sys/stat.h>
#include <sys/cred.h>
#include <sys/conf.h>
#include <sys/devops.h>
#include <sys/modctl.h>
#include <sys/ddi.h>
#include <sys/sunddi.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/vsock_impl.h>

static zone_key_t vsock_zone_key;
static kmutex_t vsock_zones_lock;
static list_t vsock_zones;
static dev_info_t *vsock_dip;

/*
 * Zones
 */

static vsock_bucket_t *
vsock_buckets_create(uint_t n, size_t offset)
{
	vsock_bucket_t *vb = kmem_zalloc(n * sizeof (*vb), KM_SLEEP);
	uint_t i;

	for (i = 0; i < n; i++) {
		mutex_init(&vb[i].vb_lock, NULL, MUTEX_DEFAULT, NULL);
		list_create(&vb[i].vb_list, sizeof (vsock_conn_t), offset);
	}
	return (vb);
}

static void
vsock_buckets_destroy(vsock_bucket_t *vb, uint_t n)
{
	uint_t i;

	for (i = 0; i < n; i++) {
		list_destroy(&vb[i].vb_list);
		mutex_destroy(&vb[i].vb_lock);
	}
	kmem_free(vb, n * sizeof (*vb));
}

static void *
vsock_zone_create(zoneid_t zoneid)
{
	vsock_zone_t *vz;

	vz = kmem_zalloc(sizeof (*vz), KM_SLEEP);
	vz->vz_zoneid = zoneid;
	vz->vz_refs = 1;
	vsock_prop_init(vz);
	vz->vz_nbuckets = (zoneid == GLOBAL_ZONEID) ? VSOCK_GLOBAL_BUCKETS :
	    VSOCK_BUCKETS;
	vz->vz_bound = vsock_buckets_create(vz->vz_nbuckets,
	    offsetof(vsock_conn_t, vc_bound_link));
	vz->vz_conns = vsock_buckets_create(vz->vz_nbuckets,
	    offsetof(vsock_conn_t, vc_conn_link));
	vsock_kstat_zone_create(vz);
	VERIFY0(vsock_loopback_add(vz));
	mutex_enter(&vsock_zones_lock);
	list_insert_tail(&vsock_zones, vz);
	mutex_exit(&vsock_zones_lock);
	return (vz);
}

/*
 * The zone is halted: nobody in it is left waiting for a peer.
 */
static void
vsock_zone_shutdown(zoneid_t zoneid, void *arg)
{
	vsock_zone_t *vz = arg;

	atomic_inc_uint(&vz->vz_shutdown);
	vsock_loopback_remove(vz);
	vsock_conn_end_all(vz, NULL, ECONNRESET);
}

static void
vsock_zone_destroy(zoneid_t zoneid, void *arg)
{
	vsock_zone_t *vz = arg;

	vsock_loopback_remove(vz);
	mutex_enter(&vsock_zones_lock);
	list_remove(&vsock_zones, vz);
	mutex_exit(&vsock_zones_lock);
	vsock_kstat_zone_delete(vz);
	vsock_zone_rele(vz);
}

void
vsock_zone_hold(vsock_zone_t *vz)
{
	atomic_inc_uint(&vz->vz_refs);
}

void
vsock_zone_rele(vsock_zone_t *vz)
{
	if (atomic_dec_uint_nv(&vz->vz_refs) != 0)
		return;
	vsock_buckets_destroy(vz->vz_bound, vz->vz_nbuckets);
	vsock_buckets_destroy(vz->vz_conns, vz->vz_nbuckets);
	vsock_prop_fini(vz);
	kmem_free(vz, sizeof (*vz));
}

/*
 * Is the zone being halted?  Then nothing new begins in it.
 */
boolean_t
vsock_zone_halted(vsock_zone_t *vz)
{
	return (atomic_or_uint_nv(&vz->vz_shutdown, 0) != 0);
}

/*
 * The zone's data, held; NULL if there is no such zone, or it is being halted.
 */
vsock_zone_t *
vsock_zone_hold_id(zoneid_t zoneid)
{
	vsock_zone_t *vz;

	mutex_enter(&vsock_zones_lock);
	for (vz = list_head(&vsock_zones); vz != NULL;
	    vz = list_next(&vsock_zones, vz)) {
		if (vz->vz_zoneid == zoneid && !vsock_zone_halted(vz)) {
			vsock_zone_hold(vz);
			break;
		}
	}
	mutex_exit(&vsock_zones_lock);
	return (vz);
}

vsock_zone_t *
vsock_zone_hold_cred(const cred_t *cr)
{
	return (vsock_zone_hold_id(crgetzoneid(cr)));
}

/*
 * The device's node; what it does is in vsock_dev.c.
 */

static int
vsock_attach(dev_info_t *dip, ddi_attach_cmd_t cmd)
{
	if (cmd != DDI_ATTACH)
		return (DDI_FAILURE);
	if (ddi_create_minor_node(dip, VSOCK_MODNAME, S_IFCHR, 0, DDI_PSEUDO,
	    0) != DDI_SUCCESS)
		return (DDI_FAILURE);
	vsock_dip = dip;
	ddi_report_dev(dip);
	return (DDI_SUCCESS);
}

static int
vsock_detach(dev_info_t *dip, ddi_detach_cmd_t cmd)
{
	if (cmd != DDI_DETACH)
		return (DDI_FAILURE);
	ddi_remove_minor_node(dip, NULL);
	vsock_dip = NULL;
	return (DDI_SUCCESS);
}

static int
vsock_getinfo(dev_info_t *dip, ddi_info_cmd_t cmd, void *arg, void **result)
{
	switch (cmd) {
	case DDI_INFO_DEVT2DEVINFO:
		*result = vsock_dip;
		return (vsock_dip != NULL ? DDI_SUCCESS : DDI_FAILURE);
	case DDI_INFO_DEVT2INSTANCE:
		*result = NULL;
		return (DDI_SUCCESS);
	default:
		return (DDI_FAILURE);
	}
}

static struct dev_ops vsock_dev_ops = {
	.devo_rev		= DEVO_REV,
	.devo_refcnt		= 0,
	.devo_getinfo		= vsock_getinfo,
	.devo_identify		= nulldev,
	.devo_probe		= nulldev,
	.devo_attach		= vsock_attach,
	.devo_detach		= vsock_detach,
	.devo_reset		= nodev,
	.devo_cb_ops		= &vsock_cb_ops,
	.devo_bus_ops		= NULL,
	.devo_power		= NULL,
	.devo_quiesce		= ddi_quiesce_not_needed
};

static smod_reg_t vsock_smod = {
	.smod_version		= SOCKMOD_VERSION,
	.smod_name		= VSOCK_MODNAME,
	.smod_uc_version	= SOCK_UC_VERSION,
	.smod_dc_version	= SOCK_DC_VERSION,
	.smod_proto_create_func	= vsock_create,
	.__smod_priv		= NULL
};

static struct modldrv vsock_modldrv = {
	.drv_modops		= &mod_driverops,
	.drv_linkinfo		= "VM sockets",
	.drv_dev_ops		= &vsock_dev_ops
};

static struct modlsockmod vsock_modlsockmod = {
	.sockmod_modops		= &mod_sockmodops,
	.sockmod_linkinfo	= "AF_VSOCK socket module",
	.sockmod_reg_info	= &vsock_smod
};

static struct modlinkage vsock_modlinkage = {
	.ml_rev			= MODREV_1,
	.ml_linkage		= { &vsock_modldrv, &vsock_modlsockmod, NULL }
};

static void
vsock_teardown(void)
{
	(void) zone_key_delete(vsock_zone_key);
	vsock_loopback_fini();
	vsock_dev_fini();
	vsock_snoop_fini();
	vsock_route_fini();
	list_destroy(&vsock_zones);
	mutex_destroy(&vsock_zones_lock);
	vsock_conn_fini();
}

int
_init(void)
{
	int error;

	mutex_init(&vsock_zones_lock, NULL, MUTEX_DRIVER, NULL);
	list_create(&vsock_zones, sizeof (vsock_zone_t),
	    offsetof(vsock_zone_t, vz_link));
	vsock_conn_init();
	vsock_route_init();
	vsock_snoop_init();
	vsock_dev_init();
	VERIFY0(vsock_loopback_init());
	zone_key_create(&vsock_zone_key, vsock_zone_create,
	    vsock_zone_shutdown, vsock_zone_destroy);

	if ((error = mod_install(&vsock_modlinkage)) != 0)
		vsock_teardown();
	return (error);
}

int
_fini(void)
{
	int error;

	if (vsock_conn_busy() || vsock_route_busy())
		return (EBUSY);
	if ((error = mod_remove(&vsock_modlinkage)) == 0)
		vsock_teardown();
	return (error);
}

int
_info(struct modinfo *modinfop)
{
	return (mod_info(&vsock_modlinkage, modinfop));
}
