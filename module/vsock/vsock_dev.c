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
 * /DEV/VSOCK
 *
 * A clone: every open is a minor of its own (vsock_open_t), so that a capture
 * belongs to the open file that started it.  The node is there for everybody;
 * what takes a privilege asks for it, with the credentials of the caller and
 * not of who opened it.
 *
 * vso_lock protects vso_snoop, which is set once and stays until the last
 * close: read(2) and poll(2) need no lock afterwards, as close(9E) is not
 * called while they run.
 */

#include <sys/types.h>
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/sysmacros.h>
#include <sys/errno.h>
#include <sys/debug.h>
#include <sys/kmem.h>
#include <sys/file.h>
#include <sys/open.h>
#include <sys/cred.h>
#include <sys/policy.h>
#include <sys/id_space.h>
#include <sys/conf.h>
#include <sys/ddi.h>
#include <sys/sunddi.h>
#include <sys/vsock_impl.h>

typedef struct vsock_open {
	kmutex_t	vso_lock;
	vsock_snoop_t	*vso_snoop;	/* NULL: it is no capture */
} vsock_open_t;

static void *vsock_opens;		/* by minor */
static id_space_t *vsock_minors;

void
vsock_dev_init(void)
{
	VERIFY0(ddi_soft_state_init(&vsock_opens, sizeof (vsock_open_t), 0));
	vsock_minors = id_space_create("vsock_minors", 1, L_MAXMIN32);
}

void
vsock_dev_fini(void)
{
	id_space_destroy(vsock_minors);
	ddi_soft_state_fini(&vsock_opens);
}

static int
vsock_open(dev_t *devp, int flag, int otyp, cred_t *cr)
{
	vsock_open_t *vso;
	id_t minor;

	if (otyp != OTYP_CHR)
		return (EINVAL);
	if ((minor = id_allocff_nosleep(vsock_minors)) == -1)
		return (EBUSY);
	if (ddi_soft_state_zalloc(vsock_opens, minor) != DDI_SUCCESS) {
		id_free(vsock_minors, minor);
		return (ENOMEM);
	}
	vso = ddi_get_soft_state(vsock_opens, minor);
	mutex_init(&vso->vso_lock, NULL, MUTEX_DRIVER, NULL);
	*devp = makedevice(getmajor(*devp), minor);
	return (0);
}

static int
vsock_close(dev_t dev, int flag, int otyp, cred_t *cr)
{
	minor_t minor = getminor(dev);
	vsock_open_t *vso = ddi_get_soft_state(vsock_opens, minor);

	if (vso->vso_snoop != NULL)
		vsock_snoop_stop(vso->vso_snoop);
	mutex_destroy(&vso->vso_lock);
	ddi_soft_state_free(vsock_opens, minor);
	id_free(vsock_minors, minor);
	return (0);
}

static int
vsock_ioc_local_cid(vsock_zone_t *vz, void *arg, int mode)
{
	uint32_t cid = vsock_local_cid(vz);

	return (ddi_copyout(&cid, arg, sizeof (cid), mode) == 0 ? 0 : EFAULT);
}

static int
vsock_ioc_prop(vsock_zone_t *vz, int cmd, void *arg, int mode, cred_t *cr)
{
	vsock_zone_t *other = NULL;
	vsock_prop_io_t vpi;
	int error;

	CTASSERT(sizeof (vsock_prop_io_t) == 176);

	if (cmd != VSOCK_IOC_GETPROP &&
	    (error = secpolicy_net_config(cr, B_FALSE)) != 0)
		return (error);
	if (ddi_copyin(arg, &vpi, sizeof (vpi), mode) != 0)
		return (EFAULT);
	if (vpi.vpi_zoneid != 0 && vpi.vpi_zoneid != vz->vz_zoneid) {
		if (vz->vz_zoneid != GLOBAL_ZONEID)
			return (EPERM);
		if ((other = vsock_zone_hold_id(vpi.vpi_zoneid)) == NULL)
			return (ENXIO);
	}
	error = vsock_prop_ioctl(other != NULL ? other : vz, cmd, &vpi);
	if (other != NULL)
		vsock_zone_rele(other);
	if (error == 0 && cmd == VSOCK_IOC_GETPROP &&
	    ddi_copyout(&vpi, arg, sizeof (vpi), mode) != 0)
		error = EFAULT;
	return (error);
}

static int
vsock_ioc_capture(vsock_zone_t *vz, vsock_open_t *vso, void *arg, int mode,
    cred_t *cr)
{
	vsock_capture_io_t vci;
	int error;

	if ((error = secpolicy_net_rawaccess(cr)) != 0)
		return (error);
	if (ddi_copyin(arg, &vci, sizeof (vci), mode) != 0)
		return (EFAULT);
	mutex_enter(&vso->vso_lock);
	if (vso->vso_snoop != NULL)
		error = EBUSY;
	else
		error = vsock_snoop_start(vz, &vci, &vso->vso_snoop);
	mutex_exit(&vso->vso_lock);
	return (error);
}

/*
 * The commands of <net/vsock.h> and <sys/vsock_ioctl.h>, where their errors
 * are.
 */
static int
vsock_ioctl(dev_t dev, int cmd, intptr_t arg, int mode, cred_t *cr, int *rvalp)
{
	vsock_open_t *vso = ddi_get_soft_state(vsock_opens, getminor(dev));
	vsock_zone_t *vz;
	int error;

	if ((vz = vsock_zone_hold_cred(cr)) == NULL)
		return (ENXIO);
	switch (cmd) {
	case IOCTL_VM_SOCKETS_GET_LOCAL_CID:
		error = vsock_ioc_local_cid(vz, (void *)arg, mode);
		break;
	case VSOCK_IOC_GETPROP:
	case VSOCK_IOC_SETPROP:
	case VSOCK_IOC_RESETPROP:
		error = vsock_ioc_prop(vz, cmd, (void *)arg, mode, cr);
		break;
	case VSOCK_IOC_CAPTURE:
		error = vsock_ioc_capture(vz, vso, (void *)arg, mode, cr);
		break;
	default:
		error = ENOTTY;
		break;
	}
	vsock_zone_rele(vz);
	return (error);
}

/* The capture of an open file, or NULL. */
static vsock_snoop_t *
vsock_dev_snoop(dev_t dev)
{
	vsock_open_t *vso = ddi_get_soft_state(vsock_opens, getminor(dev));
	vsock_snoop_t *vsn;

	mutex_enter(&vso->vso_lock);
	vsn = vso->vso_snoop;
	mutex_exit(&vso->vso_lock);
	return (vsn);
}

static int
vsock_read(dev_t dev, struct uio *uio, cred_t *cr)
{
	vsock_snoop_t *vsn = vsock_dev_snoop(dev);

	return (vsn != NULL ? vsock_snoop_read(vsn, uio) : EINVAL);
}

static int
vsock_chpoll(dev_t dev, short events, int anyyet, short *reventsp,
    struct pollhead **phpp)
{
	vsock_snoop_t *vsn = vsock_dev_snoop(dev);

	if (vsn == NULL)
		return (EINVAL);
	return (vsock_snoop_poll(vsn, events, anyyet, reventsp, phpp));
}

struct cb_ops vsock_cb_ops = {
	.cb_open		= vsock_open,
	.cb_close		= vsock_close,
	.cb_strategy		= nodev,
	.cb_print		= nodev,
	.cb_dump		= nodev,
	.cb_read		= vsock_read,
	.cb_write		= nodev,
	.cb_ioctl		= vsock_ioctl,
	.cb_devmap		= nodev,
	.cb_mmap		= nodev,
	.cb_segmap		= nodev,
	.cb_chpoll		= vsock_chpoll,
	.cb_prop_op		= ddi_prop_op,
	.cb_str			= NULL,
	.cb_flag		= D_MP | D_64BIT,
	.cb_rev			= CB_REV,
	.cb_aread		= nodev,
	.cb_awrite		= nodev
};
