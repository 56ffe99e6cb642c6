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
 * VSOCKHV: VIRTIO SOCKET DEVICES FOR BHYVE'S GUESTS
 *
 * Every open of /dev/vsockhv is the socket device of one guest (vsockhv_t); the
 * ioctls of sys/vsockhv.h make it so, and pass on what the guest's driver does.
 * This file has the driver, the ioctls and interrupts; vsockhv_ring.c has the
 * rings.  What packets mean is vsock_virtio's business (sys/vsock_virtio.h).
 *
 *	  bhyve				      applications
 *	    | ioctl, poll			   |
 *	+---v------------------------------+  +----v------+
 *	|  vsockhv_t                       |  |  vsock    |
 *	|   ring 1: worker ---- vsock_vio_rx ->           |
 *	|   ring 0: worker <--- vsock_vio_tx_next         |
 *	|   ring 2: (ioctl)                |  |           |
 *	+---|------------------------------+  +-----------+
 *	    | vmm_drv: leases, pages, MSI
 *	+---v-------+
 *	|  guest    |	ring 0: rx, to the guest;  1: tx, from it;  2: event
 *	+-----------+
 *
 * WORKERS
 *
 * Rings 0 and 1 have a worker thread each from VSOCKHV_RING_INIT until the ring
 * is reset.  They are kernel threads, not threads of the process that opened
 * the device: all they use is kernel memory and, under a lease, guest memory,
 * which belongs to the VM and not to the process.  A process cannot go away
 * without close(9E) being called, which waits for them.  The event ring is used
 * so seldom that the ioctl does it.
 *
 * A worker sleeps until hr_kick is set: by the guest (VSOCKHV_RING_KICK), by
 * vsock_virtio (there is something to send, or room for answers again), or when
 * the ring begins.  It then does a bounded amount of work, and again if there
 * is more.  While it does, the guest is told not to notify; the guest gets one
 * interrupt for each batch at most.
 *
 * What there is to be done need not wait until a worker has been woken up and
 * runs, if nobody is at it (hr_working) and the ring is mapped, so that there
 * is nothing to wait for: the thread that brings something to be sent fills
 * ring 0 itself, and the one that kicks takes from ring 1 what it finds there
 * (vsockhv_ring_lend_begin(), _end()).  The latter is a processor of the
 * guest's that stands still meanwhile, for as long as it takes to copy what the
 * guest itself has put there: VSOCKHV_TURN_WORK at most, which is what a stream
 * may have under way, and 50 to 100 us.  So the guest that sends is who pays
 * for it.  With less the worker would be woken up in the middle of most of what
 * a stream sends, and compete for a processor with who sends and who reads.
 * What is left, an error included, is the worker's: whoever does its work may
 * be in the middle of what has to end first.
 *
 * LEASES
 *
 * Guest memory may be touched under a lease only, and an exclusive operation on
 * the VM (pause, destruction, a change of its memory map) waits until every
 * lease is broken.  So nobody who needs a lease may wait for anything that can
 * take long:
 *
 *  - A ring keeps its lease, and its mapping, between batches.  Who works on it
 *    sets hr_busy.  While that is not set the lease can be broken, and the
 *    pages be released, by whoever asks (vsockhv_expire()): a worker that
 *    sleeps, or hands packets to sockets, is never waited for.
 *
 *  - With hr_busy set a worker, or who does its work, takes short locks,
 *    allocates without sleeping, copies, and looks after each chain whether the
 *    lease has expired.  Data from the guest is copied into mblks of our own; a
 *    batch of packets is passed to vsock_vio_rx(), which may allocate and wake
 *    readers up, after the ring has been left.
 *
 * A lease that was broken is signed again, and the ring mapped again, when
 * there is work next.  That waits for the exclusive operation to end; nothing
 * but the ring waits with it.
 *
 * WHAT A BAD GUEST CAN DO
 *
 * Each of its mistakes has a counter of its own (kstat vsockhv:N:rings, and
 * vsockhv:N:packets for what is wrong with packets).  A mistake that leaves the
 * ring sound costs it the packet, and the connection, if there is a header that
 * names one; the chain is given back.  Anything that shows the ring to be
 * corrupt (a bad index, address, direction or chain) stops both workers, resets
 * all of its connections, and sets VSOCKHV_INTR_RESET: the guest must reset the
 * device, which it may do as often as it likes.  Nothing is ever tried twice on
 * a chain that was found bad.
 *
 * Its memory here is bounded: a batch (VSOCKHV_BATCH packets), what sockets may
 * buffer, and the answers that vsock_virtio allows to wait.
 *
 * LOCKING
 *
 *	vsockhv_lock	keeps a device from being freed while vsockhv_expire()
 *			looks at it.
 *	vh_lock		serialises ioctls; protects vh_hold, vh_vio, vh_features
 *			and the set-up of rings.  Workers never take it.
 *	vh_vio_lock	protects vh_vio_users and vh_vio_resets, which keep a
 *			worker's use of vsock_virtio and vsock_vio_reset()
 *			apart.
 *	hr_lock		protects what a worker is asked to do, hr_working,
 *			hr_lease and hr_busy.  hr_working keeps others from its
 *			work; a worker neither parks nor ends while they are at
 *			it.  hr_busy gives its owner the mapping, the indices
 *			and the rest of the ring.
 *	vh_intr_lock	protects vh_intr.
 *
 * The others are taken after vh_lock; hr_lock also after vsockhv_lock.  hr_lock
 * is held when a lease is broken, and taken by the callback that tells of its
 * expiry; it is not held when one is signed.  A worker calls vsock_virtio with
 * none of them, an ioctl with vh_lock alone.
 *
 * WHO MAY
 *
 * The node is for root.  A service that trusts a CID trusts whoever may open
 * this node; a guest belongs to the zone that created its device, and only that
 * zone's sockets can be reached by it, or reach it.
 */

#include <sys/types.h>
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/sysmacros.h>
#include <sys/atomic.h>
#include <sys/conf.h>
#include <sys/cred.h>
#include <sys/debug.h>
#include <sys/errno.h>
#include <sys/file.h>
#include <sys/id_space.h>
#include <sys/kmem.h>
#include <sys/kstat.h>
#include <sys/modctl.h>
#include <sys/open.h>
#include <sys/poll.h>
#include <sys/stat.h>
#include <sys/zone.h>
#include <sys/ddi.h>
#include <sys/sunddi.h>
#include <net/vsock.h>

#include "vsockhv_impl.h"

#define	VSOCKHV_CTL_MINOR	0

/* Offered.  A driver that accepts none of the first three gets streams. */
#define	VSOCKHV_FEATURES						\
	(VIRTIO_VSOCK_F_STREAM | VIRTIO_VSOCK_F_SEQPACKET |		\
	VIRTIO_VSOCK_F_NO_IMPLIED_STREAM |				\
	VIRTIO_F_RING_INDIRECT_DESC | VIRTIO_F_RING_EVENT_IDX |		\
	VIRTIO_F_VERSION_1)

#define	VSOCKHV_STAT_NAME(id, name)	name,

static const char *const vsockhv_stat_names[VHS_COUNT] = {
	VSOCKHV_STATS(VSOCKHV_STAT_NAME)
};

static kmutex_t		vsockhv_lock;
static void		*vsockhv_state;
static id_space_t	*vsockhv_minors;
static dev_info_t	*vsockhv_dip;
static vsock_provider_t	*vsockhv_provider;

/*
 * STATISTICS AND INTERRUPTS
 */

void
vsockhv_stat(vsockhv_t *vh, vsockhv_stat_t stat)
{
	atomic_inc_64(&vh->vh_stat[stat]);
}

static int
vsockhv_kstat_update(kstat_t *ksp, int rw)
{
	vsockhv_t *vh = ksp->ks_private;
	kstat_named_t *kn = ksp->ks_data;

	if (rw == KSTAT_WRITE)
		return (EACCES);
	for (uint_t i = 0; i < VHS_COUNT; i++)
		kn[i].value.ui64 = atomic_add_64_nv(&vh->vh_stat[i], 0);
	return (0);
}

static void
vsockhv_kstat_create(vsockhv_t *vh, zoneid_t zoneid)
{
	kstat_t *ksp;
	kstat_named_t *kn;

	ksp = kstat_create_zone("vsockhv", vh->vh_minor, "rings", "misc",
	    KSTAT_TYPE_NAMED, VHS_COUNT, 0, zoneid);
	if (ksp == NULL)
		return;
	kn = ksp->ks_data;
	for (uint_t i = 0; i < VHS_COUNT; i++) {
		kstat_named_init(&kn[i], vsockhv_stat_names[i],
		    KSTAT_DATA_UINT64);
	}
	if (zoneid != GLOBAL_ZONEID)
		kstat_zone_add(ksp, GLOBAL_ZONEID);
	ksp->ks_private = vh;
	ksp->ks_update = vsockhv_kstat_update;
	kstat_install(ksp);
	vh->vh_kstat = ksp;
}

/*
 * Interrupts (VSOCKHV_INTR_POLL) that userland has to deliver.
 */
void
vsockhv_intr(vsockhv_t *vh, uint32_t bits)
{
	boolean_t wake;

	mutex_enter(&vh->vh_intr_lock);
	wake = (bits & ~vh->vh_intr) != 0;
	vh->vh_intr |= bits;
	mutex_exit(&vh->vh_intr_lock);

	if (wake) {
		vsockhv_stat(vh, VHS_INTR_POLL);
		pollwakeup(&vh->vh_pollhead, POLLRDBAND);
	}
}

static void
vsockhv_intr_clear(vsockhv_t *vh, uint32_t bits)
{
	mutex_enter(&vh->vh_intr_lock);
	vh->vh_intr &= ~bits;
	mutex_exit(&vh->vh_intr_lock);
}

/*
 * The lease of a ring has expired.  The VM may be about to call this when the
 * owner breaks the lease, and do so when the device is gone: so the argument is
 * not a pointer.
 */
boolean_t
vsockhv_expire(void *id)
{
	boolean_t now = B_FALSE;
	vsockhv_t *vh;

	mutex_enter(&vsockhv_lock);
	vh = ddi_get_soft_state(vsockhv_state, VSOCKHV_ID_MINOR(id));
	if (vh != NULL)
		now = vsockhv_ring_expire(&vh->vh_ring[VSOCKHV_ID_RING(id)]);
	mutex_exit(&vsockhv_lock);
	return (now);
}

/*
 * WHAT VSOCK_VIRTIO ASKS FOR
 */

static void
vsockhv_tx_kick(void *arg)
{
	vsockhv_t *vh = arg;

	vsockhv_ring_wakeup(&vh->vh_ring[VIRTIO_VSOCK_QUEUE_RX]);
}

static void
vsockhv_tx_now(void *arg)
{
	vsockhv_t *vh = arg;
	vsockhv_ring_t *hr = &vh->vh_ring[VIRTIO_VSOCK_QUEUE_RX];

	if (vsockhv_ring_lend_begin(hr))
		vsockhv_ring_lend_end(hr);
}

static void
vsockhv_rx_kick(void *arg)
{
	vsockhv_t *vh = arg;

	vsockhv_ring_wakeup(&vh->vh_ring[VIRTIO_VSOCK_QUEUE_TX]);
}

static const vsock_vio_ops_t vsockhv_vio_ops = {
	.vvo_tx_kick	= vsockhv_tx_kick,
	.vvo_tx_now	= vsockhv_tx_now,
	.vvo_rx_kick	= vsockhv_rx_kick
};

/*
 * IOCTLS
 */

static int
vsockhv_ioc_create(vsockhv_t *vh, void *data, int md, cred_t *cr)
{
	char name[VSOCK_NAMELEN];
	vsock_vio_reg_t vvr = {
		.vvr_provider	= vsockhv_provider,
		.vvr_module	= "vsockhv",
		.vvr_instance	= (int)vh->vh_minor,
		.vvr_name	= name,
		.vvr_local_cid	= VMADDR_CID_HOST,
		.vvr_zoneid	= crgetzoneid(cr),
		.vvr_types	= vsock_vio_types(0),
		.vvr_ops	= &vsockhv_vio_ops,
		.vvr_arg	= vh
	};
	vsockhv_create_t vc;
	vmm_hold_t *hold;
	file_t *fp;
	int err;

	ASSERT(MUTEX_HELD(&vh->vh_lock));

	if (ddi_copyin(data, &vc, sizeof (vc), md) != 0)
		return (EFAULT);
	if (vh->vh_vio != NULL)
		return (EEXIST);
	if (vc.vc_guest_cid <= VMADDR_CID_HOST ||
	    vc.vc_guest_cid >= VMADDR_CID_ANY)
		return (EINVAL);

	if ((fp = getf(vc.vc_vmfd)) == NULL)
		return (EBADF);
	err = vmm_drv_hold(fp, cr, &hold);
	releasef(vc.vc_vmfd);
	if (err != 0)
		return (err);

	(void) snprintf(name, sizeof (name), "bhyve%u", (uint_t)vh->vh_minor);
	vvr.vvr_remote_cid = (uint32_t)vc.vc_guest_cid;
	err = vsock_vio_attach(&vvr, &vh->vh_vio);
	if (err != 0) {
		vmm_drv_rele(hold);
		return (err);
	}
	vh->vh_hold = hold;
	vsockhv_kstat_create(vh, vvr.vvr_zoneid);
	return (0);
}

static int
vsockhv_ioc_set_features(vsockhv_t *vh, uint64_t features)
{
	if ((features & ~VSOCKHV_FEATURES) != 0)
		return (EINVAL);
	for (uint_t i = 0; i < VIRTIO_VSOCK_NQUEUES; i++) {
		if (vh->vh_ring[i].hr_setup)
			return (EBUSY);
	}
	vh->vh_features = features;
	vsock_vio_set_types(vh->vh_vio, vsock_vio_types(features));
	return (0);
}

static void
vsockhv_ioc_reset(vsockhv_t *vh)
{
	for (uint16_t i = 0; i < VIRTIO_VSOCK_NQUEUES; i++) {
		vsockhv_ring_reset(&vh->vh_ring[i]);
		vsockhv_ring_set_msi(&vh->vh_ring[i], 0, 0);
	}
	/* In this order: what is connected meanwhile must suit the next one. */
	vh->vh_features = 0;
	vsock_vio_set_types(vh->vh_vio, vsock_vio_types(0));
	vsock_vio_reset(vh->vh_vio, VMADDR_CID_HOST);
	vsockhv_intr_clear(vh, UINT32_MAX);
}

static int
vsockhv_ioc_set_ports(vsockhv_t *vh, const vsockhv_ports_t *vp)
{
	vsock_port_range_t range[VSOCKHV_MAX_PORTS];

	if (vp->vp_n > VSOCKHV_MAX_PORTS ||
	    (vp->vp_restrict == 0 && vp->vp_n != 0))
		return (EINVAL);
	for (uint_t i = 0; i < vp->vp_n; i++) {
		range[i].vpr_first = vp->vp_range[i].vp_first;
		range[i].vpr_last = vp->vp_range[i].vp_last;
	}
	return (vsock_transport_set_ports(vsock_vio_transport(vh->vh_vio),
	    vp->vp_restrict != 0 ? range : NULL, vp->vp_n));
}

/*
 * Commands whose argument is a ring's index.  *lentp: a ring that the caller is
 * to serve when he has let go of vh_lock.
 */
static int
vsockhv_ioc_ring(vsockhv_t *vh, int cmd, intptr_t data, vsockhv_ring_t **lentp)
{
	boolean_t mine = B_FALSE;
	int err;

	vsockhv_ring_t *hr;

	if (data < 0 || data >= VIRTIO_VSOCK_NQUEUES)
		return (EINVAL);
	hr = &vh->vh_ring[data];

	switch (cmd) {
	case VSOCKHV_RING_RESET:
		vsockhv_ring_reset(hr);
		return (0);
	case VSOCKHV_RING_KICK:
		err = vsockhv_ring_kick(hr, &mine);
		if (mine)
			*lentp = hr;
		return (err);
	case VSOCKHV_RING_PAUSE:
		return (vsockhv_ring_pause(hr));
	case VSOCKHV_RING_RESUME:
		return (vsockhv_ring_resume(hr));
	default:
		ASSERT3S(cmd, ==, VSOCKHV_RING_INTR_CLR);
		vsockhv_intr_clear(vh, 1U << data);
		return (0);
	}
}

static int
vsockhv_ioc_device(vsockhv_t *vh, int cmd, intptr_t data, int md,
    vsockhv_ring_t **lentp)
{
	void *ptr = (void *)data;
	union {
		uint64_t features;
		uint32_t intr;
		vsockhv_ring_init_t init;
		vsockhv_ring_msi_t msi;
		vsockhv_ports_t ports;
	} u;
	int err;

	switch (cmd) {
	case VSOCKHV_GET_FEATURES:
		u.features = VSOCKHV_FEATURES;
		if (ddi_copyout(&u.features, ptr, sizeof (u.features), md) != 0)
			return (EFAULT);
		return (0);
	case VSOCKHV_SET_FEATURES:
		if (ddi_copyin(ptr, &u.features, sizeof (u.features), md) != 0)
			return (EFAULT);
		return (vsockhv_ioc_set_features(vh, u.features));
	case VSOCKHV_RESET:
		vsockhv_ioc_reset(vh);
		return (0);
	case VSOCKHV_SEND_RESET:
		return (vsockhv_event_reset(vh));
	case VSOCKHV_SET_PORTS:
		if (ddi_copyin(ptr, &u.ports, sizeof (u.ports), md) != 0)
			return (EFAULT);
		return (vsockhv_ioc_set_ports(vh, &u.ports));
	case VSOCKHV_RING_INIT:
		if (ddi_copyin(ptr, &u.init, sizeof (u.init), md) != 0)
			return (EFAULT);
		if (u.init.vri_index >= VIRTIO_VSOCK_NQUEUES)
			return (EINVAL);
		return (vsockhv_ring_init(&vh->vh_ring[u.init.vri_index],
		    &u.init));
	case VSOCKHV_RING_GET_STATE:
		if (ddi_copyin(ptr, &u.init, sizeof (u.init), md) != 0)
			return (EFAULT);
		if (u.init.vri_index >= VIRTIO_VSOCK_NQUEUES)
			return (EINVAL);
		err = vsockhv_ring_get_state(&vh->vh_ring[u.init.vri_index],
		    &u.init);
		if (err == 0 &&
		    ddi_copyout(&u.init, ptr, sizeof (u.init), md) != 0)
			err = EFAULT;
		return (err);
	case VSOCKHV_RING_SET_MSI:
		if (ddi_copyin(ptr, &u.msi, sizeof (u.msi), md) != 0)
			return (EFAULT);
		if (u.msi.vrm_index >= VIRTIO_VSOCK_NQUEUES)
			return (EINVAL);
		vsockhv_ring_set_msi(&vh->vh_ring[u.msi.vrm_index],
		    u.msi.vrm_addr, u.msi.vrm_msg);
		return (0);
	case VSOCKHV_RING_RESET:
	case VSOCKHV_RING_KICK:
	case VSOCKHV_RING_PAUSE:
	case VSOCKHV_RING_RESUME:
	case VSOCKHV_RING_INTR_CLR:
		return (vsockhv_ioc_ring(vh, cmd, data, lentp));
	case VSOCKHV_INTR_POLL:
		mutex_enter(&vh->vh_intr_lock);
		u.intr = vh->vh_intr;
		mutex_exit(&vh->vh_intr_lock);
		if (ddi_copyout(&u.intr, ptr, sizeof (u.intr), md) != 0)
			return (EFAULT);
		return (0);
	default:
		return (ENOTTY);
	}
}

static int
vsockhv_ioctl(dev_t dev, int cmd, intptr_t data, int md, cred_t *cr, int *rv)
{
	vsockhv_ring_t *lent = NULL;
	vsockhv_t *vh;
	int err;

	vh = ddi_get_soft_state(vsockhv_state, getminor(dev));
	if (vh == NULL)
		return (ENXIO);
	if (cmd == VSOCKHV_VERSION) {
		*rv = VSOCKHV_CURRENT_VERSION;
		return (0);
	}

	mutex_enter(&vh->vh_lock);
	if (cmd == VSOCKHV_CREATE)
		err = vsockhv_ioc_create(vh, (void *)data, md, cr);
	else if (vh->vh_vio == NULL || vmm_drv_release_reqd(vh->vh_hold))
		err = ENXIO;
	else
		err = vsockhv_ioc_device(vh, cmd, data, md, &lent);
	mutex_exit(&vh->vh_lock);
	if (lent != NULL)
		vsockhv_ring_lend_end(lent);
	return (err);
}

/*
 * THE DRIVER
 */

static int
vsockhv_chpoll(dev_t dev, short events, int anyyet, short *reventsp,
    struct pollhead **phpp)
{
	vsockhv_t *vh;

	vh = ddi_get_soft_state(vsockhv_state, getminor(dev));
	if (vh == NULL)
		return (ENXIO);

	*reventsp = 0;
	mutex_enter(&vh->vh_intr_lock);
	if (vh->vh_intr != 0)
		*reventsp = events & POLLRDBAND;
	mutex_exit(&vh->vh_intr_lock);
	if ((*reventsp == 0 && !anyyet) || (events & POLLET) != 0)
		*phpp = &vh->vh_pollhead;
	return (0);
}

static int
vsockhv_open(dev_t *devp, int flag, int otype, cred_t *cr)
{
	vsockhv_t *vh;
	id_t minor;

	if (otype != OTYP_CHR)
		return (EINVAL);
	if (getminor(*devp) != VSOCKHV_CTL_MINOR)
		return (ENXIO);

	if ((minor = id_alloc_nosleep(vsockhv_minors)) == -1)
		return (EBUSY);
	mutex_enter(&vsockhv_lock);
	if (ddi_soft_state_zalloc(vsockhv_state, minor) != DDI_SUCCESS) {
		mutex_exit(&vsockhv_lock);
		id_free(vsockhv_minors, minor);
		return (ENOMEM);
	}
	vh = ddi_get_soft_state(vsockhv_state, minor);
	vh->vh_minor = (minor_t)minor;
	mutex_init(&vh->vh_lock, NULL, MUTEX_DRIVER, NULL);
	mutex_init(&vh->vh_intr_lock, NULL, MUTEX_DRIVER, NULL);
	mutex_init(&vh->vh_vio_lock, NULL, MUTEX_DRIVER, NULL);
	cv_init(&vh->vh_vio_cv, NULL, CV_DRIVER, NULL);
	for (uint16_t i = 0; i < VIRTIO_VSOCK_NQUEUES; i++)
		vsockhv_ring_create(vh, i);
	mutex_exit(&vsockhv_lock);

	*devp = makedevice(getmajor(*devp), (minor_t)minor);
	return (0);
}

static int
vsockhv_close(dev_t dev, int flag, int otype, cred_t *cr)
{
	minor_t minor = getminor(dev);
	vsockhv_t *vh;

	if (otype != OTYP_CHR)
		return (EINVAL);
	if ((vh = ddi_get_soft_state(vsockhv_state, minor)) == NULL)
		return (ENXIO);

	mutex_enter(&vh->vh_lock);
	for (uint_t i = 0; i < VIRTIO_VSOCK_NQUEUES; i++)
		vsockhv_ring_reset(&vh->vh_ring[i]);
	if (vh->vh_vio != NULL) {
		vsock_vio_detach(vh->vh_vio);
		vmm_drv_rele(vh->vh_hold);
		if (vh->vh_kstat != NULL)
			kstat_delete(vh->vh_kstat);
	}
	mutex_exit(&vh->vh_lock);

	pollhead_clean(&vh->vh_pollhead);
	mutex_enter(&vsockhv_lock);
	for (uint_t i = 0; i < VIRTIO_VSOCK_NQUEUES; i++)
		vsockhv_ring_destroy(&vh->vh_ring[i]);
	cv_destroy(&vh->vh_vio_cv);
	mutex_destroy(&vh->vh_vio_lock);
	mutex_destroy(&vh->vh_intr_lock);
	mutex_destroy(&vh->vh_lock);
	ddi_soft_state_free(vsockhv_state, minor);
	mutex_exit(&vsockhv_lock);
	id_free(vsockhv_minors, minor);
	return (0);
}

static int
vsockhv_attach(dev_info_t *dip, ddi_attach_cmd_t cmd)
{
	static const vsock_provider_reg_t vpr = {
		.vpr_version	= VSOCK_TRANSPORT_VERSION,
		.vpr_name	= "vsockhv",
		.vpr_dir	= VSOCK_DIR_TO_GUEST,
		.vpr_ops	= &vsock_vio_tops
	};

	if (cmd != DDI_ATTACH)
		return (DDI_FAILURE);

	if (vsock_provider_register(&vpr, &vsockhv_provider) != 0)
		return (DDI_FAILURE);
	if (ddi_create_minor_node(dip, "vsockhv", S_IFCHR, VSOCKHV_CTL_MINOR,
	    DDI_PSEUDO, 0) != DDI_SUCCESS) {
		VERIFY0(vsock_provider_unregister(vsockhv_provider));
		return (DDI_FAILURE);
	}
	vsockhv_dip = dip;
	ddi_report_dev(dip);
	return (DDI_SUCCESS);
}

static int
vsockhv_detach(dev_info_t *dip, ddi_detach_cmd_t cmd)
{
	if (cmd != DDI_DETACH)
		return (DDI_FAILURE);

	/* A device that is open has a transport. */
	if (vsock_provider_unregister(vsockhv_provider) != 0)
		return (DDI_FAILURE);
	ddi_remove_minor_node(dip, NULL);
	vsockhv_dip = NULL;
	return (DDI_SUCCESS);
}

static int
vsockhv_getinfo(dev_info_t *dip, ddi_info_cmd_t cmd, void *arg, void **result)
{
	switch (cmd) {
	case DDI_INFO_DEVT2DEVINFO:
		*result = vsockhv_dip;
		return (DDI_SUCCESS);
	case DDI_INFO_DEVT2INSTANCE:
		*result = NULL;
		return (DDI_SUCCESS);
	default:
		return (DDI_FAILURE);
	}
}

static struct cb_ops vsockhv_cb_ops = {
	.cb_open	= vsockhv_open,
	.cb_close	= vsockhv_close,
	.cb_strategy	= nodev,
	.cb_print	= nodev,
	.cb_dump	= nodev,
	.cb_read	= nodev,
	.cb_write	= nodev,
	.cb_ioctl	= vsockhv_ioctl,
	.cb_devmap	= nodev,
	.cb_mmap	= nodev,
	.cb_segmap	= nodev,
	.cb_chpoll	= vsockhv_chpoll,
	.cb_prop_op	= ddi_prop_op,
	.cb_flag	= D_MP | D_NEW,
	.cb_rev		= CB_REV,
	.cb_aread	= nodev,
	.cb_awrite	= nodev
};

static struct dev_ops vsockhv_dev_ops = {
	.devo_rev	= DEVO_REV,
	.devo_getinfo	= vsockhv_getinfo,
	.devo_identify	= nulldev,
	.devo_probe	= nulldev,
	.devo_attach	= vsockhv_attach,
	.devo_detach	= vsockhv_detach,
	.devo_reset	= nodev,
	.devo_cb_ops	= &vsockhv_cb_ops,
	.devo_power	= ddi_power,
	.devo_quiesce	= ddi_quiesce_not_needed
};

static struct modldrv vsockhv_modldrv = {
	.drv_modops	= &mod_driverops,
	.drv_linkinfo	= "virtio socket devices for bhyve",
	.drv_dev_ops	= &vsockhv_dev_ops
};

static struct modlinkage vsockhv_modlinkage = {
	.ml_rev		= MODREV_1,
	.ml_linkage	= { &vsockhv_modldrv, NULL }
};

int
_init(void)
{
	int err;

	err = ddi_soft_state_init(&vsockhv_state, sizeof (vsockhv_t), 0);
	if (err != 0)
		return (err);
	vsockhv_minors = id_space_create("vsockhv_minors",
	    VSOCKHV_CTL_MINOR + 1, UINT16_MAX);
	mutex_init(&vsockhv_lock, NULL, MUTEX_DRIVER, NULL);

	if ((err = mod_install(&vsockhv_modlinkage)) != 0) {
		mutex_destroy(&vsockhv_lock);
		id_space_destroy(vsockhv_minors);
		ddi_soft_state_fini(&vsockhv_state);
	}
	return (err);
}

int
_fini(void)
{
	int err;

	if ((err = mod_remove(&vsockhv_modlinkage)) != 0)
		return (err);
	mutex_destroy(&vsockhv_lock);
	id_space_destroy(vsockhv_minors);
	ddi_soft_state_fini(&vsockhv_state);
	return (0);
}

int
_info(struct modinfo *modinfop)
{
	return (mod_info(&vsockhv_modlinkage, modinfop));
}
