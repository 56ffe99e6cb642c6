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
 * A stand-in for bhyve's vmm: see vmmtest.h.  It has the interface of
 * vmm_drv.h, and of a VM nothing but memory, leases and MSIs.
 *
 * vt_lock covers all of a VM.  It is not held when expire functions are called:
 * a lease that is asked to expire stays, with vl_asked set, even if its owner
 * breaks it meanwhile.
 */

#include <sys/types.h>
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/sysmacros.h>
#include <sys/errno.h>
#include <sys/atomic.h>
#include <sys/debug.h>
#include <sys/kmem.h>
#include <sys/ksynch.h>
#include <sys/list.h>
#include <sys/file.h>
#include <sys/open.h>
#include <sys/cred.h>
#include <sys/stat.h>
#include <sys/mman.h>
#include <sys/vnode.h>
#include <sys/conf.h>
#include <sys/devops.h>
#include <sys/modctl.h>
#include <sys/id_space.h>
#include <sys/ddi.h>
#include <sys/sunddi.h>
#include <sys/vmm_drv.h>
#include "vmmtest.h"

#define	VMT_MAXMEM	(64UL << 20)
#define	VMT_MINORS	32

typedef struct vmt {
	kmutex_t	vt_lock;
	kcondvar_t	vt_cv;
	boolean_t	vt_gone;	/* destroyed */
	boolean_t	vt_excl;	/* no new leases */
	uint_t		vt_nholds;
	list_t		vt_leases;
	uint64_t	vt_msis;
	caddr_t		vt_mem;
	size_t		vt_size;
	ddi_umem_cookie_t vt_cookie;
} vmt_t;

struct vmm_hold {
	vmt_t		*vh_vm;
};

struct vmm_lease {
	list_node_t	vl_link;
	vmt_t		*vl_vm;
	boolean_t	(*vl_func)(void *);
	void		*vl_arg;
	boolean_t	vl_expired;
	boolean_t	vl_asked;	/* its function is being called */
	boolean_t	vl_broken;
	uint_t		vl_npages;
};

struct vmm_page {
	vmm_lease_t	*vp_lease;
	vmm_page_t	*vp_next;
	caddr_t		vp_addr;
	int		vp_prot;
};

static void *vmt_state;
static dev_info_t *vmt_dip;
static major_t vmt_major;
static id_space_t *vmt_ids;

/*
 * vmm_drv.h
 */

int
vmm_drv_hold(file_t *fp, cred_t *cr, vmm_hold_t **holdp)
{
	vnode_t *vp = fp->f_vnode;
	vmt_t *vt;

	if (vp->v_type != VCHR || getmajor(vp->v_rdev) != vmt_major)
		return (EBADF);
	vt = ddi_get_soft_state(vmt_state, getminor(vp->v_rdev));
	if (vt == NULL)
		return (ENOENT);
	mutex_enter(&vt->vt_lock);
	if (vt->vt_gone || vt->vt_mem == NULL) {
		mutex_exit(&vt->vt_lock);
		return (EBUSY);
	}
	vt->vt_nholds++;
	mutex_exit(&vt->vt_lock);
	*holdp = kmem_alloc(sizeof (vmm_hold_t), KM_SLEEP);
	(*holdp)->vh_vm = vt;
	return (0);
}

void
vmm_drv_rele(vmm_hold_t *hold)
{
	vmt_t *vt = hold->vh_vm;

	kmem_free(hold, sizeof (*hold));
	mutex_enter(&vt->vt_lock);
	vt->vt_nholds--;
	cv_broadcast(&vt->vt_cv);
	mutex_exit(&vt->vt_lock);
}

boolean_t
vmm_drv_release_reqd(vmm_hold_t *hold)
{
	return (hold->vh_vm->vt_gone);
}

vmm_lease_t *
vmm_drv_lease_sign(vmm_hold_t *hold, boolean_t (*func)(void *), void *arg)
{
	vmt_t *vt = hold->vh_vm;
	vmm_lease_t *vl = kmem_zalloc(sizeof (*vl), KM_SLEEP);

	vl->vl_vm = vt;
	vl->vl_func = func;
	vl->vl_arg = arg;
	mutex_enter(&vt->vt_lock);
	while (vt->vt_excl && !vt->vt_gone)
		cv_wait(&vt->vt_cv, &vt->vt_lock);
	if (vt->vt_gone) {
		mutex_exit(&vt->vt_lock);
		kmem_free(vl, sizeof (*vl));
		return (NULL);
	}
	list_insert_tail(&vt->vt_leases, vl);
	mutex_exit(&vt->vt_lock);
	return (vl);
}

/* Called with vt_lock held. */
static void
vmt_lease_break(vmm_lease_t *vl)
{
	vmt_t *vt = vl->vl_vm;

	VERIFY0(vl->vl_npages);
	VERIFY(!vl->vl_broken);
	vl->vl_broken = B_TRUE;
	if (!vl->vl_asked) {
		list_remove(&vt->vt_leases, vl);
		kmem_free(vl, sizeof (*vl));
	}
	cv_broadcast(&vt->vt_cv);
}

void
vmm_drv_lease_break(vmm_hold_t *hold, vmm_lease_t *vl)
{
	vmt_t *vt = hold->vh_vm;

	mutex_enter(&vt->vt_lock);
	vmt_lease_break(vl);
	mutex_exit(&vt->vt_lock);
}

boolean_t
vmm_drv_lease_expired(vmm_lease_t *vl)
{
	return (vl->vl_expired);
}

vmm_page_t *
vmm_drv_page_hold(vmm_lease_t *vl, uintptr_t gpa, int prot)
{
	vmt_t *vt = vl->vl_vm;
	vmm_page_t *vp;

	VERIFY0(gpa & PAGEOFFSET);
	VERIFY(!vl->vl_broken);
	if (gpa >= vt->vt_size)
		return (NULL);
	vp = kmem_zalloc(sizeof (*vp), KM_SLEEP);
	vp->vp_lease = vl;
	vp->vp_addr = vt->vt_mem + gpa;
	vp->vp_prot = prot;
	atomic_inc_uint(&vl->vl_npages);
	return (vp);
}

void
vmm_drv_page_release(vmm_page_t *vp)
{
	VERIFY3P(vp->vp_next, ==, NULL);
	atomic_dec_uint(&vp->vp_lease->vl_npages);
	kmem_free(vp, sizeof (*vp));
}

void
vmm_drv_page_release_chain(vmm_page_t *vp)
{
	vmm_page_t *next;

	for (; vp != NULL; vp = next) {
		next = vp->vp_next;
		vp->vp_next = NULL;
		vmm_drv_page_release(vp);
	}
}

const void *
vmm_drv_page_readable(const vmm_page_t *vp)
{
	VERIFY((vp->vp_prot & PROT_READ) != 0);
	return (vp->vp_addr);
}

void *
vmm_drv_page_writable(const vmm_page_t *vp)
{
	VERIFY((vp->vp_prot & PROT_WRITE) != 0);
	return (vp->vp_addr);
}

void
vmm_drv_page_chain(vmm_page_t *vp, vmm_page_t *to)
{
	VERIFY3P(vp->vp_next, ==, NULL);
	vp->vp_next = to;
}

vmm_page_t *
vmm_drv_page_next(const vmm_page_t *vp)
{
	return (vp->vp_next);
}

int
vmm_drv_msi(vmm_lease_t *vl, uint64_t addr, uint64_t msg)
{
	vmt_t *vt = vl->vl_vm;

	mutex_enter(&vt->vt_lock);
	vt->vt_msis++;
	cv_broadcast(&vt->vt_cv);
	mutex_exit(&vt->vt_lock);
	return (0);
}

/*
 * Expire all leases, and wait until they are broken.
 */
static void
vmt_exclusive(vmt_t *vt, boolean_t destroy)
{
	vmm_lease_t *vl, *next;
	boolean_t sync;

	mutex_enter(&vt->vt_lock);
	while (vt->vt_excl)
		cv_wait(&vt->vt_cv, &vt->vt_lock);
	vt->vt_excl = B_TRUE;
	if (destroy)
		vt->vt_gone = B_TRUE;
	for (vl = list_head(&vt->vt_leases); vl != NULL; vl = next) {
		vl->vl_expired = B_TRUE;
		vl->vl_asked = B_TRUE;
		mutex_exit(&vt->vt_lock);
		sync = vl->vl_func(vl->vl_arg);
		mutex_enter(&vt->vt_lock);
		if (sync)
			vmt_lease_break(vl);
		vl->vl_asked = B_FALSE;
		next = list_next(&vt->vt_leases, vl);
		if (vl->vl_broken) {
			list_remove(&vt->vt_leases, vl);
			kmem_free(vl, sizeof (*vl));
		}
	}
	while (!list_is_empty(&vt->vt_leases))
		cv_wait(&vt->vt_cv, &vt->vt_lock);
	vt->vt_excl = B_FALSE;
	cv_broadcast(&vt->vt_cv);
	mutex_exit(&vt->vt_lock);
}

/*
 * The node
 */

static int
vmt_open(dev_t *devp, int flag, int otyp, cred_t *cr)
{
	minor_t minor;
	vmt_t *vt;

	if (otyp != OTYP_CHR || getminor(*devp) != 0)
		return (ENXIO);
	minor = id_alloc(vmt_ids);
	if (ddi_soft_state_zalloc(vmt_state, minor) != DDI_SUCCESS) {
		id_free(vmt_ids, minor);
		return (ENXIO);
	}
	vt = ddi_get_soft_state(vmt_state, minor);
	mutex_init(&vt->vt_lock, NULL, MUTEX_DRIVER, NULL);
	cv_init(&vt->vt_cv, NULL, CV_DRIVER, NULL);
	list_create(&vt->vt_leases, sizeof (vmm_lease_t),
	    offsetof(vmm_lease_t, vl_link));
	*devp = makedevice(getmajor(*devp), minor);
	return (0);
}

static int
vmt_close(dev_t dev, int flag, int otyp, cred_t *cr)
{
	minor_t minor = getminor(dev);
	vmt_t *vt = ddi_get_soft_state(vmt_state, minor);

	vmt_exclusive(vt, B_TRUE);
	mutex_enter(&vt->vt_lock);
	while (vt->vt_nholds != 0)
		cv_wait(&vt->vt_cv, &vt->vt_lock);
	mutex_exit(&vt->vt_lock);
	if (vt->vt_mem != NULL)
		ddi_umem_free(vt->vt_cookie);
	list_destroy(&vt->vt_leases);
	cv_destroy(&vt->vt_cv);
	mutex_destroy(&vt->vt_lock);
	ddi_soft_state_free(vmt_state, minor);
	id_free(vmt_ids, minor);
	return (0);
}

static int
vmt_memory(vmt_t *vt, size_t size)
{
	if (vt->vt_mem != NULL || size == 0 || size > VMT_MAXMEM ||
	    (size & PAGEOFFSET) != 0)
		return (EINVAL);
	vt->vt_mem = ddi_umem_alloc(size, DDI_UMEM_SLEEP, &vt->vt_cookie);
	vt->vt_size = size;
	return (0);
}

static int
vmt_msi_wait(vmt_t *vt, intptr_t arg, int mode)
{
	clock_t until;
	vmt_msi_t vm;
	int error = 0;

	if (ddi_copyin((void *)arg, &vm, sizeof (vm), mode) != 0)
		return (EFAULT);
	until = ddi_get_lbolt() + drv_usectohz((clock_t)vm.vm_ms * 1000);
	mutex_enter(&vt->vt_lock);
	while (vt->vt_msis <= vm.vm_seen && error == 0) {
		clock_t rv = cv_timedwait_sig(&vt->vt_cv, &vt->vt_lock, until);

		if (rv == 0)
			error = EINTR;
		else if (rv == -1)
			break;
	}
	vm.vm_seen = vt->vt_msis;
	mutex_exit(&vt->vt_lock);
	if (error == 0 &&
	    ddi_copyout(&vm, (void *)arg, sizeof (vm), mode) != 0)
		error = EFAULT;
	return (error);
}

static int
vmt_ioctl(dev_t dev, int cmd, intptr_t arg, int mode, cred_t *cr, int *rvalp)
{
	vmt_t *vt = ddi_get_soft_state(vmt_state, getminor(dev));

	switch (cmd) {
	case VMT_MEMORY:
		return (vmt_memory(vt, (size_t)arg));
	case VMT_MSI_WAIT:
		return (vmt_msi_wait(vt, arg, mode));
	case VMT_EXCLUSIVE:
		vmt_exclusive(vt, B_FALSE);
		return (0);
	case VMT_DESTROY:
		vmt_exclusive(vt, B_TRUE);
		return (0);
	default:
		return (ENOTTY);
	}
}

static int
vmt_devmap(dev_t dev, devmap_cookie_t dhp, offset_t off, size_t len,
    size_t *maplen, uint_t model)
{
	vmt_t *vt = ddi_get_soft_state(vmt_state, getminor(dev));
	int error;

	if (vt->vt_mem == NULL || off != 0 || len > vt->vt_size)
		return (EINVAL);
	error = devmap_umem_setup(dhp, vmt_dip, NULL, vt->vt_cookie, 0, len,
	    PROT_READ | PROT_WRITE | PROT_USER, DEVMAP_DEFAULTS, NULL);
	if (error == 0)
		*maplen = len;
	return (error);
}

static struct cb_ops vmt_cb_ops = {
	.cb_open	= vmt_open,
	.cb_close	= vmt_close,
	.cb_strategy	= nodev,
	.cb_print	= nodev,
	.cb_dump	= nodev,
	.cb_read	= nodev,
	.cb_write	= nodev,
	.cb_ioctl	= vmt_ioctl,
	.cb_devmap	= vmt_devmap,
	.cb_mmap	= nodev,
	.cb_segmap	= ddi_devmap_segmap,
	.cb_chpoll	= nochpoll,
	.cb_prop_op	= ddi_prop_op,
	.cb_flag	= D_NEW | D_MP | D_DEVMAP,
	.cb_rev		= CB_REV,
	.cb_aread	= nodev,
	.cb_awrite	= nodev
};

static int
vmt_attach(dev_info_t *dip, ddi_attach_cmd_t cmd)
{
	if (cmd != DDI_ATTACH || vmt_dip != NULL)
		return (DDI_FAILURE);
	if (ddi_create_minor_node(dip, "vmm", S_IFCHR, 0, DDI_PSEUDO, 0) !=
	    DDI_SUCCESS)
		return (DDI_FAILURE);
	vmt_dip = dip;
	vmt_major = ddi_driver_major(dip);
	return (DDI_SUCCESS);
}

static int
vmt_detach(dev_info_t *dip, ddi_detach_cmd_t cmd)
{
	if (cmd != DDI_DETACH)
		return (DDI_FAILURE);
	ddi_remove_minor_node(dip, NULL);
	vmt_dip = NULL;
	return (DDI_SUCCESS);
}

static int
vmt_getinfo(dev_info_t *dip, ddi_info_cmd_t cmd, void *arg, void **resultp)
{
	switch (cmd) {
	case DDI_INFO_DEVT2DEVINFO:
		*resultp = vmt_dip;
		return (vmt_dip == NULL ? DDI_FAILURE : DDI_SUCCESS);
	case DDI_INFO_DEVT2INSTANCE:
		*resultp = NULL;
		return (DDI_SUCCESS);
	default:
		return (DDI_FAILURE);
	}
}

static struct dev_ops vmt_dev_ops = {
	.devo_rev	= DEVO_REV,
	.devo_getinfo	= vmt_getinfo,
	.devo_identify	= nulldev,
	.devo_probe	= nulldev,
	.devo_attach	= vmt_attach,
	.devo_detach	= vmt_detach,
	.devo_reset	= nodev,
	.devo_cb_ops	= &vmt_cb_ops,
	.devo_quiesce	= ddi_quiesce_not_needed
};

static struct modldrv vmt_modldrv = {
	.drv_modops	= &mod_driverops,
	.drv_linkinfo	= "stand-in for vmm",
	.drv_dev_ops	= &vmt_dev_ops
};

static struct modlinkage vmt_modlinkage = {
	.ml_rev		= MODREV_1,
	.ml_linkage	= { &vmt_modldrv, NULL }
};

int
_init(void)
{
	int err;

	err = ddi_soft_state_init(&vmt_state, sizeof (vmt_t), VMT_MINORS);
	if (err != 0)
		return (err);
	vmt_ids = id_space_create("vmmtest", 1, VMT_MINORS);
	if ((err = mod_install(&vmt_modlinkage)) != 0) {
		id_space_destroy(vmt_ids);
		ddi_soft_state_fini(&vmt_state);
	}
	return (err);
}

int
_fini(void)
{
	int err;

	if ((err = mod_remove(&vmt_modlinkage)) != 0)
		return (err);
	id_space_destroy(vmt_ids);
	ddi_soft_state_fini(&vmt_state);
	return (0);
}

int
_info(struct modinfo *modinfop)
{
	return (mod_info(&vmt_modlinkage, modinfop));
}
