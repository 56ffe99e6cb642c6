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
 * The fake vmm: what it offers, and what it does not let pass.
 */

#include <sys/types.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/kmem.h>
#include <sys/mman.h>
#include <sys/ksynch.h>
#include <sys/param.h>
#include <sys/thread.h>
#include <sys/vmm_drv.h>
#include <sys/disp.h>
#include <sys/fk.h>
#include <fakevmm.h>
#include "ktest.h"

#define	VT_GPA		0x100000
#define	VT_PAGES	4

/* A VM with memory at VT_GPA, read-only memory above it, and a hold of it. */
static uint8_t vt_mem[VT_PAGES * 4096] __attribute__((__aligned__(4096)));
static uint8_t vt_rom[4096] __attribute__((__aligned__(4096)));
static fvm_t *vt_vm;
static vmm_hold_t *vt_hold;

/* What the expire function of vt_sign() found out. */
static kmutex_t vt_lock;
static kcondvar_t vt_cv;
static bool vt_expired;
static bool vt_released;
static uint64_t vt_msi_addr, vt_msi_msg;

static void
vt_msi(void *arg, uint64_t addr, uint64_t msg)
{
	KT_ASSERT(arg == &vt_msi_addr);
	vt_msi_addr = addr;
	vt_msi_msg = msg;
}

static void
vt_create(void)
{
	file_t *fp;

	mutex_init(&vt_lock, NULL, MUTEX_DEFAULT, NULL);
	cv_init(&vt_cv, NULL, CV_DEFAULT, NULL);
	KT_OK(fvm_create("test", vt_msi, &vt_msi_addr, &vt_vm));
	KT_OK(fvm_map(vt_vm, VT_GPA, vt_mem, sizeof (vt_mem), true));
	KT_OK(fvm_map(vt_vm, VT_GPA + sizeof (vt_mem), vt_rom, sizeof (vt_rom),
	    false));
	fp = getf(fvm_fd(vt_vm));
	KT_ASSERT(fp != NULL);
	KT_OK(vmm_drv_hold(fp, CRED(), &vt_hold));
	releasef(fvm_fd(vt_vm));
}

static void
vt_destroy(void)
{
	vmm_drv_rele(vt_hold);
	fvm_destroy(vt_vm);
	cv_destroy(&vt_cv);
	mutex_destroy(&vt_lock);
}

static boolean_t
vt_expire(void *arg)
{
	mutex_enter(&vt_lock);
	vt_expired = true;
	cv_broadcast(&vt_cv);
	mutex_exit(&vt_lock);
	return (arg == NULL ? B_FALSE : B_TRUE);
}

static vmm_lease_t *
vt_sign(void)
{
	vmm_lease_t *lease = vmm_drv_lease_sign(vt_hold, vt_expire, NULL);

	KT_ASSERT(lease != NULL);
	return (lease);
}

KTEST(vmm_hold)
{
	static const vnodeops_t ops = { .vnop_name = "other" };
	vnode_t vn = { .v_op = &ops, .v_type = VREG };
	file_t file = { .f_vnode = &vn };
	vmm_hold_t *hold;

	KT_EQ(vmm_drv_hold(&file, CRED(), &hold), ENXIO);
	vn.v_type = VCHR;
	KT_EQ(vmm_drv_hold(&file, CRED(), &hold), ENOENT);
	vt_create();
	KT_ASSERT(!vmm_drv_release_reqd(vt_hold));
	vt_destroy();
}

KTEST(vmm_map)
{
	vt_create();
	KT_EQ(fvm_map(vt_vm, 0, vt_mem, 0, true), EINVAL);
	KT_EQ(fvm_map(vt_vm, 1, vt_mem, PAGESIZE, true), EINVAL);
	KT_EQ(fvm_map(vt_vm, 0, vt_mem + 1, PAGESIZE, true), EINVAL);
	KT_EQ(fvm_map(vt_vm, 0, vt_mem, PAGESIZE - 1, true), EINVAL);
	KT_EQ(fvm_map(vt_vm, -(uint64_t)PAGESIZE, vt_mem, 2 * PAGESIZE, true),
	    EINVAL);
	KT_EQ(fvm_map(vt_vm, VT_GPA, vt_mem, PAGESIZE, true), EEXIST);
	KT_EQ(fvm_map(vt_vm, VT_GPA - PAGESIZE, vt_mem, 2 * PAGESIZE, true),
	    EEXIST);
	KT_EQ(fvm_map(vt_vm, VT_GPA + sizeof (vt_mem), vt_mem, PAGESIZE, true),
	    EEXIST);
	KT_OK(fvm_map(vt_vm, VT_GPA - PAGESIZE, vt_rom, PAGESIZE, true));
	vt_destroy();
}

KTEST(vmm_pages)
{
	vmm_page_t *page, *page2;
	vmm_lease_t *lease;

	vt_create();
	lease = vt_sign();
	for (uint_t i = 0; i < VT_PAGES; i++) {
		page = vmm_drv_page_hold(lease, VT_GPA + i * PAGESIZE,
		    PROT_READ | PROT_WRITE);
		KT_ASSERT(page != NULL);
		KT_ASSERT(vmm_drv_page_readable(page) == vt_mem + i * PAGESIZE);
		KT_ASSERT(vmm_drv_page_writable(page) == vt_mem + i * PAGESIZE);
		vmm_drv_page_release(page);
	}
	KT_ASSERT(vmm_drv_page_hold(lease, 0, PROT_READ) == NULL);
	KT_ASSERT(vmm_drv_page_hold(lease, VT_GPA - PAGESIZE, PROT_READ) ==
	    NULL);
	KT_ASSERT(vmm_drv_page_hold(lease, VT_GPA + sizeof (vt_mem) + PAGESIZE,
	    PROT_READ) == NULL);
	KT_ASSERT(vmm_drv_page_hold(lease, -(uintptr_t)PAGESIZE, PROT_READ) ==
	    NULL);

	/* Memory that cannot be written. */
	KT_ASSERT(vmm_drv_page_hold(lease, VT_GPA + sizeof (vt_mem),
	    PROT_WRITE) == NULL);
	page = vmm_drv_page_hold(lease, VT_GPA + sizeof (vt_mem), PROT_READ);
	KT_ASSERT(vmm_drv_page_readable(page) == vt_rom);
	vmm_drv_page_release(page);

	/* The same page twice, and as a chain. */
	page = vmm_drv_page_hold_ext(lease, VT_GPA, PROT_WRITE,
	    VMPF_DEFER_DIRTY);
	page2 = vmm_drv_page_hold(lease, VT_GPA, PROT_READ);
	vmm_drv_page_mark_dirty(page);
	vmm_drv_page_chain(page, page2);
	KT_ASSERT(vmm_drv_page_next(page) == page2);
	KT_ASSERT(vmm_drv_page_next(page2) == NULL);
	vmm_drv_page_release_chain(page);

	vmm_drv_lease_break(vt_hold, lease);
	vt_destroy();
}

KTEST(vmm_msi)
{
	vmm_lease_t *lease;

	vt_create();
	lease = vt_sign();
	KT_OK(vmm_drv_msi(lease, 0xfee00000, 17));
	KT_EQ(vt_msi_addr, 0xfee00000);
	KT_EQ(vt_msi_msg, 17);
	vmm_drv_lease_break(vt_hold, lease);
	vt_destroy();
}

/* Holds a page until its lease expires; then signs a new one. */
static void
vt_worker(void *arg)
{
	vmm_lease_t *lease = arg;
	vmm_page_t *page;

	page = vmm_drv_page_hold(lease, VT_GPA, PROT_READ);
	mutex_enter(&vt_lock);
	while (!vt_expired)
		cv_wait(&vt_cv, &vt_lock);
	vt_released = true;
	mutex_exit(&vt_lock);
	KT_ASSERT(vmm_drv_lease_expired(lease));
	vmm_drv_page_release(page);
	vmm_drv_lease_break(vt_hold, lease);

	/* Until the exclusive operation is over. */
	lease = vt_sign();
	KT_ASSERT(!vmm_drv_lease_expired(lease));
	vmm_drv_lease_break(vt_hold, lease);
}

static kthread_t *
vt_thread(void (*func)(void *), void *arg)
{
	return (thread_create(NULL, 0, func, arg, 0, &p0, TS_RUN,
	    minclsyspri));
}

KTEST(vmm_expire)
{
	kt_did_t did;

	vt_create();
	did = vt_thread(vt_worker, vt_sign())->t_did;
	fk_quiesce();
	fvm_expire_leases(vt_vm);
	KT_ASSERT(vt_released);
	thread_join(did);

	/* Memory only changes when nobody can be looking. */
	vt_expired = vt_released = false;
	did = vt_thread(vt_worker, vt_sign())->t_did;
	fk_quiesce();
	fvm_unmap_all(vt_vm);
	KT_ASSERT(vt_released);
	thread_join(did);
	vt_destroy();
}

KTEST(vmm_expire_sync)
{
	vt_create();
	KT_ASSERT(vmm_drv_lease_sign(vt_hold, vt_expire, &vt_expired) != NULL);
	fvm_expire_leases(vt_vm);
	KT_ASSERT(vt_expired);
	vt_destroy();
}

static void
vt_holder(void *arg)
{
	vmm_lease_t *lease = arg;
	vmm_hold_t *hold;
	file_t *fp;

	mutex_enter(&vt_lock);
	while (!vt_expired)
		cv_wait(&vt_cv, &vt_lock);
	mutex_exit(&vt_lock);
	KT_ASSERT(vmm_drv_release_reqd(vt_hold));
	fp = getf(fvm_fd(vt_vm));
	KT_EQ(vmm_drv_hold(fp, CRED(), &hold), EBUSY);
	releasef(fvm_fd(vt_vm));
	vmm_drv_lease_break(vt_hold, lease);
	KT_ASSERT(vmm_drv_lease_sign(vt_hold, vt_expire, NULL) == NULL);
	vt_released = true;
	vmm_drv_rele(vt_hold);
}

KTEST(vmm_destroy)
{
	kt_did_t did;

	vt_create();
	did = vt_thread(vt_holder, vt_sign())->t_did;
	fk_quiesce();
	fvm_destroy(vt_vm);
	KT_ASSERT(vt_released);
	thread_join(did);
	cv_destroy(&vt_cv);
	mutex_destroy(&vt_lock);
}

static int
vt_iop(void *arg, bool in, uint16_t port, uint8_t bytes, uint32_t *val)
{
	*(uint_t *)arg = port;
	*val += bytes;
	return (in ? 0 : EIO);
}

static int
vt_mmio(void *arg, bool write, uint64_t addr, int bytes, uint64_t *val)
{
	*val = addr;
	return (0);
}

KTEST(vmm_hooks)
{
	void *iop, *mmio, *more;
	uint32_t val = 1;
	uint64_t val64;
	uint_t port;

	vt_create();
	KT_EQ(fvm_ioport(vt_vm, true, 80, 4, &val), ESRCH);
	KT_EQ(vmm_drv_ioport_hook(vt_hold, 0, vt_iop, &port, &iop), EINVAL);
	KT_OK(vmm_drv_ioport_hook(vt_hold, 80, vt_iop, &port, &iop));
	KT_EQ(vmm_drv_ioport_hook(vt_hold, 80, vt_iop, &port, &more), EEXIST);
	KT_OK(fvm_ioport(vt_vm, true, 80, 4, &val));
	KT_EQ(port, 80);
	KT_EQ(val, 5);
	KT_EQ(fvm_ioport(vt_vm, false, 80, 4, &val), EIO);
	KT_EQ(fvm_ioport(vt_vm, false, 81, 4, &val), ESRCH);

	KT_EQ(vmm_drv_mmio_hook(vt_hold, 4096, 0, vt_mmio, NULL, &mmio),
	    EINVAL);
	KT_OK(vmm_drv_mmio_hook(vt_hold, 4096, 8, vt_mmio, NULL, &mmio));
	KT_EQ(vmm_drv_mmio_hook(vt_hold, 4103, 8, vt_mmio, NULL, &more),
	    EEXIST);
	KT_OK(fvm_mmio(vt_vm, true, 4100, 4, &val64));
	KT_EQ(val64, 4100);
	KT_EQ(fvm_mmio(vt_vm, true, 4102, 4, &val64), ESRCH);
	KT_EQ(fvm_mmio(vt_vm, true, 4092, 4, &val64), ESRCH);

	vmm_drv_ioport_unhook(vt_hold, &iop);
	KT_ASSERT(iop == NULL);
	KT_EQ(fvm_ioport(vt_vm, true, 80, 4, &val), ESRCH);
	KT_OK(vmm_drv_mmio_unhook(vt_hold, &mmio));
	KT_EQ(vmm_drv_mmio_unhook(vt_hold, &mmio), ENOENT);
	vt_destroy();
}

/* What ends in a panic. */

KTEST_PANICS(vmm_panic_unaligned, "gpa & ")
{
	vt_create();
	(void) vmm_drv_page_hold(vt_sign(), VT_GPA + 1, PROT_READ);
}

KTEST_PANICS(vmm_panic_no_prot, "prot != PROT_NONE")
{
	vt_create();
	(void) vmm_drv_page_hold(vt_sign(), VT_GPA, PROT_NONE);
}

KTEST_PANICS(vmm_panic_break_page, "broken with 1 pages held")
{
	vmm_lease_t *lease;

	vt_create();
	lease = vt_sign();
	(void) vmm_drv_page_hold(lease, VT_GPA, PROT_READ);
	vmm_drv_lease_break(vt_hold, lease);
}

KTEST_PANICS(vmm_panic_sync_break_page, "broken with 1 pages held")
{
	vmm_lease_t *lease;

	vt_create();
	lease = vmm_drv_lease_sign(vt_hold, vt_expire, &vt_expired);
	(void) vmm_drv_page_hold(lease, VT_GPA, PROT_READ);
	fvm_expire_leases(vt_vm);
}

KTEST_PANICS(vmm_panic_rele_lease, "1 leases and 0 hooks left")
{
	vt_create();
	(void) vt_sign();
	vmm_drv_rele(vt_hold);
}

KTEST_PANICS(vmm_panic_rele_hook, "0 leases and 1 hooks left")
{
	void *cookie;

	vt_create();
	KT_OK(vmm_drv_ioport_hook(vt_hold, 80, vt_iop, NULL, &cookie));
	vmm_drv_rele(vt_hold);
}

KTEST_PANICS(vmm_panic_released_twice, "page->vp_magic ==")
{
	vmm_page_t *page;

	vt_create();
	page = vmm_drv_page_hold(vt_sign(), VT_GPA, PROT_READ);
	vmm_drv_page_release(page);
	vmm_drv_page_release(page);
}

KTEST_PANICS(vmm_panic_read_released, "page->vp_magic ==")
{
	vmm_page_t *page;

	vt_create();
	page = vmm_drv_page_hold(vt_sign(), VT_GPA, PROT_READ);
	vmm_drv_page_release(page);
	(void) vmm_drv_page_readable(page);
}

KTEST_PANICS(vmm_panic_release_chained, "page->vp_next ==")
{
	vmm_page_t *page;
	vmm_lease_t *lease;

	vt_create();
	lease = vt_sign();
	page = vmm_drv_page_hold(lease, VT_GPA, PROT_READ);
	vmm_drv_page_chain(page, vmm_drv_page_hold(lease, VT_GPA, PROT_READ));
	vmm_drv_page_release(page);
}

KTEST_PANICS(vmm_panic_write_readable, "page->vp_prot")
{
	vt_create();
	(void) vmm_drv_page_writable(vmm_drv_page_hold(vt_sign(), VT_GPA,
	    PROT_READ));
}

KTEST_PANICS(vmm_panic_read_writable, "page->vp_prot")
{
	vt_create();
	(void) vmm_drv_page_readable(vmm_drv_page_hold(vt_sign(), VT_GPA,
	    PROT_WRITE));
}

KTEST_PANICS(vmm_panic_mark_dirty, "VMPF_DEFER_DIRTY")
{
	vt_create();
	vmm_drv_page_mark_dirty(vmm_drv_page_hold(vt_sign(), VT_GPA,
	    PROT_WRITE));
}

/* A broken lease that an exclusive operation still knows of. */
static boolean_t
vt_expire_break(void *arg)
{
	vmm_lease_t *lease = *(vmm_lease_t **)arg;

	vmm_drv_lease_break(vt_hold, lease);
	(void) vmm_drv_page_hold(lease, VT_GPA, PROT_READ);
	return (B_FALSE);
}

KTEST_PANICS(vmm_panic_hold_broken, "lease->vl_magic ==")
{
	vmm_lease_t *lease;

	vt_create();
	lease = vmm_drv_lease_sign(vt_hold, vt_expire_break, &lease);
	fvm_expire_leases(vt_vm);
}

KTEST_PANICS(vmm_panic_sign_intr, "vmm_drv_lease_sign")
{
	vt_create();
	fk_intr_enter();
	(void) vt_sign();
}
