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
 * WHICH TRANSPORT LEADS WHERE
 *
 * The registry of providers and transports, and the choice of a transport for
 * a destination.  All of it is behind vsock_route_lock, taken as reader by a
 * connect and as writer when a backend or a peer comes or goes; nothing of it
 * is on the path of data.
 *
 * A destination CID is looked up in this order, the first that fits decides:
 *
 *   1. VMADDR_CID_LOCAL, or our own CID as a guest	loopback
 *   2. VMADDR_CID_HYPERVISOR, VMADDR_CID_HOST		the transport to the
 *							host if we are a guest
 *      VMADDR_CID_HOST, and we are a hypervisor only	loopback
 *   3. a guest's CID					its transport
 *   4. anything else					EAFNOSUPPORT
 *
 * VMADDR_FLAG_TO_HOST keeps an address that is not one of the host's from
 * being taken for a guest.
 *
 * A transport belongs to one zone and is seen in that zone only; CIDs are
 * unique on the system, so that a guest can't be impersonated from a zone.
 */

#include <sys/types.h>
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/sysmacros.h>
#include <sys/errno.h>
#include <sys/debug.h>
#include <sys/kmem.h>
#include <sys/atomic.h>
#include <sys/rwlock.h>
#include <sys/vsock_impl.h>

static krwlock_t vsock_route_lock;
static list_t vsock_providers;
static list_t vsock_transports;

void
vsock_route_init(void)
{
	rw_init(&vsock_route_lock, NULL, RW_DRIVER, NULL);
	list_create(&vsock_providers, sizeof (vsock_provider_t),
	    offsetof(vsock_provider_t, vp_link));
	list_create(&vsock_transports, sizeof (vsock_transport_t),
	    offsetof(vsock_transport_t, vtp_link));
}

void
vsock_route_fini(void)
{
	list_destroy(&vsock_transports);
	list_destroy(&vsock_providers);
	rw_destroy(&vsock_route_lock);
}

/*
 * Are there providers other than the loopback?
 */
boolean_t
vsock_route_busy(void)
{
	vsock_provider_t *vp;

	rw_enter(&vsock_route_lock, RW_READER);
	for (vp = list_head(&vsock_providers); vp != NULL;
	    vp = list_next(&vsock_providers, vp)) {
		if (vp->vp_reg->vpr_dir != VSOCK_DIR_LOCAL)
			break;
	}
	rw_exit(&vsock_route_lock);
	return (vp != NULL);
}

/*
 * The first transport of a direction in a zone, with this remote CID if it is
 * not VMADDR_CID_ANY.  Called with vsock_route_lock held.
 */
static vsock_transport_t *
vsock_transport_find(vsock_zone_t *vz, vsock_dir_t dir, uint32_t cid)
{
	vsock_transport_t *vtp;

	ASSERT(RW_LOCK_HELD(&vsock_route_lock));
	for (vtp = list_head(&vsock_transports); vtp != NULL;
	    vtp = list_next(&vsock_transports, vtp)) {
		if (vtp->vtp_zone == vz && vtp->vtp_dir == dir &&
		    (cid == VMADDR_CID_ANY || vtp->vtp_remote_cid == cid))
			break;
	}
	return (vtp);
}

/*
 * Does the zone run guests?  The global zone does as soon as a backend for that
 * exists, so that programs may listen before the first guest starts.
 */
static boolean_t
vsock_is_hypervisor(vsock_zone_t *vz)
{
	vsock_provider_t *vp;

	ASSERT(RW_LOCK_HELD(&vsock_route_lock));
	if (vz->vz_zoneid != GLOBAL_ZONEID) {
		return (vsock_transport_find(vz, VSOCK_DIR_TO_GUEST,
		    VMADDR_CID_ANY) != NULL);
	}
	for (vp = list_head(&vsock_providers); vp != NULL;
	    vp = list_next(&vsock_providers, vp)) {
		if (vp->vp_reg->vpr_dir == VSOCK_DIR_TO_GUEST)
			return (B_TRUE);
	}
	return (B_FALSE);
}

/*
 * The transport that leads to an address, held until vsock_transport_rele(), or
 * EAFNOSUPPORT.
 */
int
vsock_route(vsock_zone_t *vz, const struct sockaddr_vm *svm,
    vsock_transport_t **vtpp)
{
	vsock_transport_t *host, *vtp = NULL;
	uint32_t cid = svm->svm_cid;

	rw_enter(&vsock_route_lock, RW_READER);
	host = vsock_transport_find(vz, VSOCK_DIR_TO_HOST, VMADDR_CID_ANY);
	if (cid == VMADDR_CID_LOCAL ||
	    (host != NULL && cid == host->vtp_local_cid))
		vtp = vz->vz_loopback;
	else if (cid == VMADDR_CID_HYPERVISOR || cid == VMADDR_CID_HOST) {
		vtp = host;
		if (vtp == NULL && cid == VMADDR_CID_HOST &&
		    vsock_is_hypervisor(vz))
			vtp = vz->vz_loopback;
	} else if (cid != VMADDR_CID_ANY &&
	    (svm->svm_flags & VMADDR_FLAG_TO_HOST) == 0) {
		vtp = vsock_transport_find(vz, VSOCK_DIR_TO_GUEST, cid);
	}
	if (vtp != NULL) {
		mutex_enter(&vtp->vtp_lock);
		vtp->vtp_users++;
		mutex_exit(&vtp->vtp_lock);
	}
	rw_exit(&vsock_route_lock);
	*vtpp = vtp;
	return (vtp != NULL ? 0 : EAFNOSUPPORT);
}

void
vsock_transport_rele(vsock_transport_t *vtp)
{
	mutex_enter(&vtp->vtp_lock);
	if (--vtp->vtp_users == 0)
		cv_broadcast(&vtp->vtp_cv);
	mutex_exit(&vtp->vtp_lock);
}

/*
 * Is there, or will there be, any transport in the zone?
 */
boolean_t
vsock_route_any(vsock_zone_t *vz)
{
	vsock_transport_t *vtp;
	boolean_t any;

	rw_enter(&vsock_route_lock, RW_READER);
	for (vtp = list_head(&vsock_transports); vtp != NULL;
	    vtp = list_next(&vsock_transports, vtp)) {
		if (vtp->vtp_zone == vz)
			break;
	}
	any = (vtp != NULL || vsock_is_hypervisor(vz));
	rw_exit(&vsock_route_lock);
	return (any);
}

/*
 * Our CID to the transport's peer, which changes when a guest is migrated.
 */
uint32_t
vsock_transport_local_cid(vsock_transport_t *vtp)
{
	uint32_t cid;

	rw_enter(&vsock_route_lock, RW_READER);
	cid = vtp->vtp_local_cid;
	rw_exit(&vsock_route_lock);
	return (cid);
}

/*
 * The CID of this system as others see it.
 */
uint32_t
vsock_local_cid(vsock_zone_t *vz)
{
	vsock_transport_t *host;
	uint32_t cid = VMADDR_CID_ANY;

	rw_enter(&vsock_route_lock, RW_READER);
	host = vsock_transport_find(vz, VSOCK_DIR_TO_HOST, VMADDR_CID_ANY);
	if (host != NULL)
		cid = host->vtp_local_cid;
	else if (vsock_is_hypervisor(vz))
		cid = VMADDR_CID_HOST;
	else if (vz->vz_loopback != NULL)
		cid = VMADDR_CID_LOCAL;
	rw_exit(&vsock_route_lock);
	return (cid);
}

/*
 * May a socket of the zone be bound to this CID?
 */
boolean_t
vsock_cid_is_local(vsock_zone_t *vz, uint32_t cid)
{
	vsock_transport_t *host;
	boolean_t local;

	if (cid == VMADDR_CID_ANY)
		return (B_TRUE);
	rw_enter(&vsock_route_lock, RW_READER);
	host = vsock_transport_find(vz, VSOCK_DIR_TO_HOST, VMADDR_CID_ANY);
	local = ((cid == VMADDR_CID_LOCAL && vz->vz_loopback != NULL) ||
	    (cid == VMADDR_CID_HOST && vsock_is_hypervisor(vz)) ||
	    (host != NULL && cid == host->vtp_local_cid));
	rw_exit(&vsock_route_lock);
	return (local);
}

int
vsock_provider_register(const vsock_provider_reg_t *reg,
    vsock_provider_t **vpp)
{
	vsock_provider_t *vp, *o;

	if (reg->vpr_version != VSOCK_TRANSPORT_VERSION ||
	    reg->vpr_dir < VSOCK_DIR_LOCAL || reg->vpr_dir > VSOCK_DIR_TO_GUEST)
		return (EINVAL);

	vp = kmem_zalloc(sizeof (*vp), KM_SLEEP);
	vp->vp_reg = reg;
	rw_enter(&vsock_route_lock, RW_WRITER);
	for (o = list_head(&vsock_providers); o != NULL;
	    o = list_next(&vsock_providers, o)) {
		if (strcmp(o->vp_reg->vpr_name, reg->vpr_name) == 0 ||
		    (reg->vpr_dir != VSOCK_DIR_TO_GUEST &&
		    o->vp_reg->vpr_dir == reg->vpr_dir)) {
			rw_exit(&vsock_route_lock);
			kmem_free(vp, sizeof (*vp));
			return (EEXIST);
		}
	}
	list_insert_tail(&vsock_providers, vp);
	rw_exit(&vsock_route_lock);
	*vpp = vp;
	return (0);
}

int
vsock_provider_unregister(vsock_provider_t *vp)
{
	rw_enter(&vsock_route_lock, RW_WRITER);
	if (vp->vp_ntransports != 0) {
		rw_exit(&vsock_route_lock);
		return (EBUSY);
	}
	list_remove(&vsock_providers, vp);
	rw_exit(&vsock_route_lock);
	kmem_free(vp, sizeof (*vp));
	return (0);
}

static boolean_t
vsock_cid_reserved(uint32_t cid)
{
	return (cid <= VMADDR_CID_HOST || cid == VMADDR_CID_ANY);
}

static boolean_t
vsock_cids_valid(vsock_dir_t dir, const vsock_transport_reg_t *reg)
{
	switch (dir) {
	case VSOCK_DIR_LOCAL:
		return (reg->vtr_local_cid == VMADDR_CID_LOCAL &&
		    reg->vtr_remote_cid == VMADDR_CID_LOCAL);
	case VSOCK_DIR_TO_HOST:
		return (!vsock_cid_reserved(reg->vtr_local_cid) &&
		    reg->vtr_remote_cid == VMADDR_CID_HOST);
	case VSOCK_DIR_TO_GUEST:
		return (reg->vtr_local_cid == VMADDR_CID_HOST &&
		    !vsock_cid_reserved(reg->vtr_remote_cid));
	}
	return (B_FALSE);
}

/*
 * The CID by which a transport is known, system wide.
 */
static uint32_t
vsock_transport_cid(const vsock_transport_t *vtp)
{
	return (vtp->vtp_dir == VSOCK_DIR_TO_GUEST ? vtp->vtp_remote_cid :
	    vtp->vtp_local_cid);
}

/*
 * vsock_transport_register() for a zone that the caller holds.
 */
int
vsock_transport_add(vsock_provider_t *vp, const vsock_transport_reg_t *reg,
    vsock_zone_t *vz, vsock_transport_t **vtpp)
{
	vsock_dir_t dir = vp->vp_reg->vpr_dir;
	vsock_transport_t *vtp, *o;
	int error = 0;

	if (!vsock_cids_valid(dir, reg) ||
	    strlen(reg->vtr_name) >= VSOCK_NAMELEN)
		return (EINVAL);

	vtp = kmem_zalloc(sizeof (*vtp), KM_SLEEP);
	(void) strlcpy(vtp->vtp_name, reg->vtr_name, VSOCK_NAMELEN);
	vtp->vtp_provider = vp;
	vtp->vtp_ops = vp->vp_reg->vpr_ops;
	vtp->vtp_dir = dir;
	vtp->vtp_arg = reg->vtr_arg;
	vtp->vtp_types = reg->vtr_types;
	vtp->vtp_local_cid = reg->vtr_local_cid;
	vtp->vtp_remote_cid = reg->vtr_remote_cid;
	vtp->vtp_zone = vz;
	vtp->vtp_account = vsock_account_create();
	vsock_zone_hold(vz);
	mutex_init(&vtp->vtp_lock, NULL, MUTEX_DRIVER, NULL);
	cv_init(&vtp->vtp_cv, NULL, CV_DRIVER, NULL);

	rw_enter(&vsock_route_lock, RW_WRITER);
	for (o = list_head(&vsock_transports); o != NULL;
	    o = list_next(&vsock_transports, o)) {
		if (strcmp(o->vtp_name, vtp->vtp_name) == 0) {
			error = EEXIST;
			break;
		}
		if (dir != VSOCK_DIR_LOCAL && o->vtp_dir != VSOCK_DIR_LOCAL &&
		    vsock_transport_cid(o) == vsock_transport_cid(vtp)) {
			error = EADDRINUSE;
			break;
		}
	}
	if (error == 0) {
		list_insert_tail(&vsock_transports, vtp);
		vp->vp_ntransports++;
		atomic_inc_uint(&vz->vz_ntransports);
		if (dir == VSOCK_DIR_LOCAL)
			vz->vz_loopback = vtp;
		/* Before anybody can use it: the caller's vto_ need it. */
		*vtpp = vtp;
	}
	rw_exit(&vsock_route_lock);
	if (error != 0) {
		mutex_destroy(&vtp->vtp_lock);
		cv_destroy(&vtp->vtp_cv);
		vsock_account_rele(vtp->vtp_account);
		vsock_zone_rele(vz);
		kmem_free(vtp, sizeof (*vtp));
		return (error);
	}
	vsock_kstat_transport_create(vtp);
	return (0);
}

int
vsock_transport_register(vsock_provider_t *vp,
    const vsock_transport_reg_t *reg, vsock_transport_t **vtpp)
{
	vsock_zone_t *vz;
	int error;

	if ((vz = vsock_zone_hold_id(reg->vtr_zoneid)) == NULL)
		return (ENXIO);
	error = vsock_transport_add(vp, reg, vz, vtpp);
	vsock_zone_rele(vz);
	return (error);
}

void
vsock_transport_unregister(vsock_transport_t *vtp)
{
	vsock_zone_t *vz = vtp->vtp_zone;

	vsock_kstat_transport_delete(vtp);
	rw_enter(&vsock_route_lock, RW_WRITER);
	list_remove(&vsock_transports, vtp);
	vtp->vtp_provider->vp_ntransports--;
	atomic_dec_uint(&vz->vz_ntransports);
	if (vz->vz_loopback == vtp)
		vz->vz_loopback = NULL;
	rw_exit(&vsock_route_lock);

	/* Whoever attaches before this is found by what follows. */
	mutex_enter(&vtp->vtp_lock);
	vtp->vtp_gone = B_TRUE;
	mutex_exit(&vtp->vtp_lock);

	vsock_conn_end_all(vz, vtp, ECONNRESET);

	mutex_enter(&vtp->vtp_lock);
	while (vtp->vtp_nconns != 0 || vtp->vtp_users != 0)
		cv_wait(&vtp->vtp_cv, &vtp->vtp_lock);
	if (vtp->vtp_ports != NULL) {
		kmem_free(vtp->vtp_ports,
		    vtp->vtp_nports * sizeof (vsock_port_range_t));
	}
	mutex_exit(&vtp->vtp_lock);
	mutex_destroy(&vtp->vtp_lock);
	cv_destroy(&vtp->vtp_cv);
	vsock_account_rele(vtp->vtp_account);
	vsock_zone_rele(vz);
	kmem_free(vtp, sizeof (*vtp));
}

void
vsock_transport_reset(vsock_transport_t *vtp, uint32_t local_cid)
{
	rw_enter(&vsock_route_lock, RW_WRITER);
	if (vtp->vtp_dir == VSOCK_DIR_TO_HOST && !vsock_cid_reserved(local_cid))
		vtp->vtp_local_cid = local_cid;
	rw_exit(&vsock_route_lock);
	vsock_conn_end_all(vtp->vtp_zone, vtp, ECONNRESET);
}

int
vsock_transport_set_ports(vsock_transport_t *vtp,
    const vsock_port_range_t *ranges, uint_t n)
{
	vsock_port_range_t *new = NULL, *old;
	uint_t i, nold;

	if (n > VSOCK_MAX_PORT_RANGES)
		return (EINVAL);
	for (i = 0; i < n; i++) {
		if (ranges[i].vpr_first > ranges[i].vpr_last)
			return (EINVAL);
	}
	if (n != 0) {
		new = kmem_alloc(n * sizeof (*new), KM_SLEEP);
		bcopy(ranges, new, n * sizeof (*new));
	}
	mutex_enter(&vtp->vtp_lock);
	old = vtp->vtp_ports;
	nold = vtp->vtp_nports;
	vtp->vtp_ports = new;
	vtp->vtp_nports = n;
	vtp->vtp_restricted = (ranges != NULL);
	mutex_exit(&vtp->vtp_lock);
	if (old != NULL)
		kmem_free(old, nold * sizeof (*old));
	return (0);
}

/*
 * May the transport's peer connect to this port of ours?
 */
boolean_t
vsock_transport_admits(vsock_transport_t *vtp, uint32_t port)
{
	boolean_t ok;
	uint_t i;

	mutex_enter(&vtp->vtp_lock);
	ok = !vtp->vtp_restricted;
	for (i = 0; !ok && i < vtp->vtp_nports; i++) {
		ok = (port >= vtp->vtp_ports[i].vpr_first &&
		    port <= vtp->vtp_ports[i].vpr_last);
	}
	mutex_exit(&vtp->vtp_lock);
	return (ok);
}
