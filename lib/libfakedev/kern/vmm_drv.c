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
 * The fake vmm: a virtual machine of which nothing exists but its memory and
 * its interrupts.
 *
 *	host program			module under test
 *	fvm_create(), fvm_map()		vmm_drv_hold()
 *	    |				    |
 *	  fvm_t --- fv_holds ----------- vmm_hold_t
 *	    |				    |
 *	    +------ fv_leases ---------- vmm_lease_t --- vmm_page_t ...
 *
 * An exclusive operation (mapping memory, hooks, destruction) expires every
 * lease, waits until all are broken, keeps new ones from being signed, and
 * then has the VM for itself: as in the real one.  So with a lease in hand the
 * table of memory does not change, and looking up a page needs no lock.
 *
 * Every rule of vmm_drv.h is checked, and breaking one is a panic: pages held
 * when a lease is broken, leases or hooks left when a hold is released,
 * anything used after it was given back, unaligned addresses, access that the
 * page was not held for.
 *
 * Locking: fv_lock covers the VM's lists, its state and its hooks.  vl_lock
 * covers the pages of one lease.  Neither is held when the other is taken, nor
 * when expire functions, hooks or the host are called.  A lease that is broken
 * while an exclusive operation goes through the leases stays in the list, of
 * no use to the module any more, and is freed by that operation; so, as in the
 * real vmm, an expire function may run while the owner breaks the lease.
 *
 * Pages are structures of the lease: those not in use wait in vl_free, so that
 * the data path allocates nothing once it is warm.
 */

#include <sys/types.h>
#include <sys/errno.h>
#include <sys/debug.h>
#include <sys/kmem.h>
#include <sys/mutex.h>
#include <sys/condvar.h>
#include <sys/list.h>
#include <sys/param.h>
#include <sys/sysmacros.h>
#include <sys/systm.h>
#include <sys/cmn_err.h>
#include <sys/mman.h>
#include <sys/file.h>
#include <sys/cred.h>
#include <sys/vnode.h>
#include <sys/fk.h>
#include <sys/vmm_drv.h>
#include <fakevmm.h>

#define	FVM_REGIONS	64

#define	VMM_HOLD_MAGIC	0x686f6c64	/* "hold" */
#define	VMM_LEASE_MAGIC	0x6c656173	/* "leas" */
#define	VMM_PAGE_HELD	0x70616765	/* "page" */
#define	VMM_GONE	0x676f6e65	/* "gone" */

typedef struct fvm_region {
	uint64_t	fr_gpa;
	uint64_t	fr_len;
	uint8_t		*fr_hva;
	int		fr_prot;
} fvm_region_t;

struct fvm {
	kmutex_t	fv_lock;
	kcondvar_t	fv_cv;		/* anything below has changed */
	bool		fv_excl;	/* an exclusive operation is on */
	bool		fv_destroy;
	uint_t		fv_running;	/* hooks being called */
	list_t		fv_holds;
	list_t		fv_leases;
	list_t		fv_hooks;
	uint_t		fv_nregions;
	fvm_region_t	fv_regions[FVM_REGIONS];	/* by fr_gpa */
	fvm_msi_f	fv_msi;
	void		*fv_msi_arg;
	char		*fv_name;
	fk_file_t	*fv_file;
};

struct vmm_hold {
	uint32_t	vh_magic;
	bool		vh_release;	/* is requested */
	uint_t		vh_nleases;
	uint_t		vh_nhooks;
	fvm_t		*vh_vm;
	list_node_t	vh_node;
};

struct vmm_page {
	uint32_t	vp_magic;
	int		vp_prot;
	int		vp_flags;
	vmm_lease_t	*vp_lease;
	uint8_t		*vp_hva;
	vmm_page_t	*vp_next;	/* chain, or vl_free */
};

struct vmm_lease {
	uint32_t	vl_magic;
	bool		vl_expired;
	bool		vl_asked;	/* its expire function is running */
	fvm_t		*vl_vm;
	vmm_hold_t	*vl_hold;	/* until it is broken */
	boolean_t	(*vl_expire)(void *);
	void		*vl_arg;
	list_node_t	vl_node;
	kmutex_t	vl_lock;
	uint_t		vl_npages;	/* held */
	vmm_page_t	*vl_free;
};

/* A hook of I/O ports (one port) or of memory. */
typedef struct fvm_hook {
	vmm_hold_t	*fh_hold;
	bool		fh_mmio;
	uint64_t	fh_addr;
	uint64_t	fh_size;
	vmm_drv_iop_cb_t fh_iop;
	vmm_drv_mmio_cb_t fh_mmio_cb;
	void		*fh_arg;
	list_node_t	fh_node;
} fvm_hook_t;

static int
fvm_vop_close(vnode_t *vp, int flag, int count, offset_t off, cred_t *cr,
    caller_context_t *ct)
{
	return (0);
}

static void
fvm_vop_inactive(vnode_t *vp, cred_t *cr, caller_context_t *ct)
{
	vn_free(vp);
}

static vnodeops_t fvm_vnodeops = {
	.vnop_name	= "fvm",
	.vop_close	= fvm_vop_close,
	.vop_inactive	= fvm_vop_inactive
};

/* The module has no more right to the lease; frees it unless `keep'. */
static void
fvm_lease_break_locked(vmm_lease_t *lease, bool keep)
{
	fvm_t *vm = lease->vl_vm;
	vmm_page_t *page;

	VERIFY(MUTEX_HELD(&vm->fv_lock));
	if (lease->vl_magic == VMM_LEASE_MAGIC) {
		if (lease->vl_npages != 0) {
			panic("VM %s: a lease was broken with %u pages held",
			    vm->fv_name, lease->vl_npages);
		}
		lease->vl_magic = VMM_GONE;
		if (lease->vl_hold != NULL)
			lease->vl_hold->vh_nleases--;
		lease->vl_hold = NULL;
		cv_broadcast(&vm->fv_cv);
	}
	if (keep)
		return;

	list_remove(&vm->fv_leases, lease);
	while ((page = lease->vl_free) != NULL) {
		lease->vl_free = page->vp_next;
		kmem_free(page, sizeof (*page));
	}
	mutex_destroy(&lease->vl_lock);
	kmem_free(lease, sizeof (*lease));
}

/* Ends with the VM for the caller alone, and fv_lock held. */
static void
fvm_excl_enter(fvm_t *vm)
{
	vmm_lease_t *lease, *next;
	boolean_t sync;

	fk_maysleep("an exclusive operation on a VM");
	mutex_enter(&vm->fv_lock);
	while (vm->fv_excl)
		cv_wait(&vm->fv_cv, &vm->fv_lock);
	vm->fv_excl = true;

	/* Meanwhile nobody else adds to the list of leases or frees one. */
	for (lease = list_head(&vm->fv_leases); lease != NULL;
	    lease = list_next(&vm->fv_leases, lease)) {
		if (lease->vl_magic == VMM_GONE)
			continue;
		__atomic_store_n(&lease->vl_expired, true, __ATOMIC_RELAXED);
		lease->vl_asked = true;
		mutex_exit(&vm->fv_lock);
		sync = lease->vl_expire(lease->vl_arg);
		mutex_enter(&vm->fv_lock);
		lease->vl_asked = false;
		if (sync) {
			fvm_lease_break_locked(lease, true);
		} else if (lease->vl_hold == NULL &&
		    lease->vl_magic != VMM_GONE) {
			panic("VM %s: released with a lease left",
			    vm->fv_name);
		}
	}
	for (;;) {
		for (lease = list_head(&vm->fv_leases); lease != NULL;
		    lease = next) {
			next = list_next(&vm->fv_leases, lease);
			if (lease->vl_magic == VMM_GONE)
				fvm_lease_break_locked(lease, false);
		}
		if (list_is_empty(&vm->fv_leases) && vm->fv_running == 0)
			break;
		cv_wait(&vm->fv_cv, &vm->fv_lock);
	}
}

static void
fvm_excl_exit(fvm_t *vm)
{
	VERIFY(vm->fv_excl);
	vm->fv_excl = false;
	cv_broadcast(&vm->fv_cv);
	mutex_exit(&vm->fv_lock);
}

/*
 * The host's side.
 */

int
fvm_create(const char *name, fvm_msi_f msi, void *arg, fvm_t **vmp)
{
	vnode_t *vp;
	fvm_t *vm;
	int err;

	vm = kmem_zalloc(sizeof (*vm), KM_SLEEP);
	mutex_init(&vm->fv_lock, NULL, MUTEX_DEFAULT, NULL);
	cv_init(&vm->fv_cv, NULL, CV_DEFAULT, NULL);
	list_create(&vm->fv_holds, sizeof (vmm_hold_t),
	    offsetof(vmm_hold_t, vh_node));
	list_create(&vm->fv_leases, sizeof (vmm_lease_t),
	    offsetof(vmm_lease_t, vl_node));
	list_create(&vm->fv_hooks, sizeof (fvm_hook_t),
	    offsetof(fvm_hook_t, fh_node));
	vm->fv_msi = msi;
	vm->fv_msi_arg = arg;
	vm->fv_name = kmem_asprintf("%s", name);

	vp = vn_alloc(KM_SLEEP);
	vn_setops(vp, &fvm_vnodeops);
	vp->v_type = VCHR;
	vp->v_data = vm;
	err = fk_file_create(vp, FREAD | FWRITE, CRED(), &vm->fv_file);
	VERIFY0(err);
	*vmp = vm;
	return (0);
}

int
fvm_fd(fvm_t *vm)
{
	return (fk_file_fd(vm->fv_file));
}

int
fvm_map(fvm_t *vm, uint64_t gpa, void *hva, size_t len, bool writable)
{
	fvm_region_t *r;
	uint_t i;
	int err = 0;

	if (len == 0 || gpa + len < gpa || ((uintptr_t)hva & PAGEOFFSET) != 0 ||
	    (gpa & PAGEOFFSET) != 0 || (len & PAGEOFFSET) != 0)
		return (EINVAL);

	fvm_excl_enter(vm);
	for (i = 0; i < vm->fv_nregions; i++) {
		r = &vm->fv_regions[i];
		if (gpa < r->fr_gpa + r->fr_len)
			break;
	}
	if (i < vm->fv_nregions && gpa + len > vm->fv_regions[i].fr_gpa) {
		err = EEXIST;
	} else if (vm->fv_nregions == FVM_REGIONS) {
		err = EINVAL;
	} else {
		r = &vm->fv_regions[i];
		bcopy(r, r + 1, (vm->fv_nregions - i) * sizeof (*r));
		vm->fv_nregions++;
		r->fr_gpa = gpa;
		r->fr_len = len;
		r->fr_hva = hva;
		r->fr_prot = PROT_READ | (writable ? PROT_WRITE : 0);
	}
	fvm_excl_exit(vm);
	return (err);
}

void
fvm_unmap_all(fvm_t *vm)
{
	fvm_excl_enter(vm);
	vm->fv_nregions = 0;
	fvm_excl_exit(vm);
}

void
fvm_expire_leases(fvm_t *vm)
{
	fvm_excl_enter(vm);
	fvm_excl_exit(vm);
}

void
fvm_destroy(fvm_t *vm)
{
	vmm_hold_t *hold;

	mutex_enter(&vm->fv_lock);
	VERIFY(!vm->fv_destroy);
	vm->fv_destroy = true;
	for (hold = list_head(&vm->fv_holds); hold != NULL;
	    hold = list_next(&vm->fv_holds, hold))
		hold->vh_release = true;
	cv_broadcast(&vm->fv_cv);
	mutex_exit(&vm->fv_lock);

	fvm_excl_enter(vm);
	fvm_excl_exit(vm);

	mutex_enter(&vm->fv_lock);
	while (!list_is_empty(&vm->fv_holds))
		cv_wait(&vm->fv_cv, &vm->fv_lock);
	mutex_exit(&vm->fv_lock);

	VERIFY0(fk_close(vm->fv_file));
	list_destroy(&vm->fv_hooks);
	list_destroy(&vm->fv_leases);
	list_destroy(&vm->fv_holds);
	cv_destroy(&vm->fv_cv);
	mutex_destroy(&vm->fv_lock);
	strfree(vm->fv_name);
	kmem_free(vm, sizeof (*vm));
}

/* The hook that covers the access, counted as running; or NULL. */
static fvm_hook_t *
fvm_hook_enter(fvm_t *vm, bool mmio, uint64_t addr, uint64_t size)
{
	fvm_hook_t *h;

	mutex_enter(&vm->fv_lock);
	while (vm->fv_excl)
		cv_wait(&vm->fv_cv, &vm->fv_lock);
	for (h = list_head(&vm->fv_hooks); h != NULL;
	    h = list_next(&vm->fv_hooks, h)) {
		if (h->fh_mmio == mmio && addr >= h->fh_addr &&
		    size <= h->fh_size &&
		    addr - h->fh_addr <= h->fh_size - size) {
			vm->fv_running++;
			break;
		}
	}
	mutex_exit(&vm->fv_lock);
	return (h);
}

static void
fvm_hook_exit(fvm_t *vm)
{
	mutex_enter(&vm->fv_lock);
	vm->fv_running--;
	cv_broadcast(&vm->fv_cv);
	mutex_exit(&vm->fv_lock);
}

int
fvm_ioport(fvm_t *vm, bool in, uint16_t port, uint8_t bytes, uint32_t *val)
{
	fvm_hook_t *h = fvm_hook_enter(vm, false, port, 1);
	int err;

	if (h == NULL)
		return (ESRCH);
	err = h->fh_iop(h->fh_arg, in, port, bytes, val);
	fvm_hook_exit(vm);
	return (err);
}

int
fvm_mmio(fvm_t *vm, bool write, uint64_t addr, int bytes, uint64_t *val)
{
	fvm_hook_t *h = fvm_hook_enter(vm, true, addr, bytes);
	int err;

	if (h == NULL)
		return (ESRCH);
	err = h->fh_mmio_cb(h->fh_arg, write, addr, bytes, val);
	fvm_hook_exit(vm);
	return (err);
}

/*
 * The module's side: holds.
 */

int
vmm_drv_hold(file_t *fp, cred_t *cr, vmm_hold_t **holdp)
{
	vnode_t *vp = fp->f_vnode;
	vmm_hold_t *hold;
	fvm_t *vm;

	if (vp->v_type != VCHR)
		return (ENXIO);
	if (vp->v_op != &fvm_vnodeops)
		return (ENOENT);
	vm = vp->v_data;

	hold = kmem_zalloc(sizeof (*hold), KM_SLEEP);
	hold->vh_magic = VMM_HOLD_MAGIC;
	hold->vh_vm = vm;
	mutex_enter(&vm->fv_lock);
	if (vm->fv_destroy) {
		mutex_exit(&vm->fv_lock);
		kmem_free(hold, sizeof (*hold));
		return (EBUSY);
	}
	list_insert_tail(&vm->fv_holds, hold);
	mutex_exit(&vm->fv_lock);
	*holdp = hold;
	return (0);
}

void
vmm_drv_rele(vmm_hold_t *hold)
{
	vmm_lease_t *lease;
	fvm_t *vm;

	VERIFY3U(hold->vh_magic, ==, VMM_HOLD_MAGIC);
	vm = hold->vh_vm;
	mutex_enter(&vm->fv_lock);
	/* What an expire function is about to give back isn't waited for. */
	for (lease = list_head(&vm->fv_leases); lease != NULL;
	    lease = list_next(&vm->fv_leases, lease)) {
		if (lease->vl_hold == hold && lease->vl_asked) {
			lease->vl_hold = NULL;
			hold->vh_nleases--;
		}
	}
	if (hold->vh_nleases != 0 || hold->vh_nhooks != 0) {
		panic("VM %s: released with %u leases and %u hooks left",
		    vm->fv_name, hold->vh_nleases, hold->vh_nhooks);
	}
	hold->vh_magic = VMM_GONE;
	list_remove(&vm->fv_holds, hold);
	cv_broadcast(&vm->fv_cv);
	mutex_exit(&vm->fv_lock);
	kmem_free(hold, sizeof (*hold));
}

boolean_t
vmm_drv_release_reqd(vmm_hold_t *hold)
{
	boolean_t res;

	VERIFY3U(hold->vh_magic, ==, VMM_HOLD_MAGIC);
	mutex_enter(&hold->vh_vm->fv_lock);
	res = hold->vh_release ? B_TRUE : B_FALSE;
	mutex_exit(&hold->vh_vm->fv_lock);
	return (res);
}

/*
 * Leases.
 */

vmm_lease_t *
vmm_drv_lease_sign(vmm_hold_t *hold, boolean_t (*expire)(void *), void *arg)
{
	vmm_lease_t *lease;
	fvm_t *vm;

	fk_maysleep("vmm_drv_lease_sign()");
	VERIFY3U(hold->vh_magic, ==, VMM_HOLD_MAGIC);
	VERIFY(expire != NULL);
	vm = hold->vh_vm;

	lease = kmem_zalloc(sizeof (*lease), KM_SLEEP);
	lease->vl_magic = VMM_LEASE_MAGIC;
	lease->vl_vm = vm;
	lease->vl_hold = hold;
	lease->vl_expire = expire;
	lease->vl_arg = arg;
	mutex_init(&lease->vl_lock, NULL, MUTEX_DEFAULT, NULL);

	mutex_enter(&vm->fv_lock);
	while (vm->fv_excl && !hold->vh_release)
		cv_wait(&vm->fv_cv, &vm->fv_lock);
	if (hold->vh_release) {
		mutex_exit(&vm->fv_lock);
		mutex_destroy(&lease->vl_lock);
		kmem_free(lease, sizeof (*lease));
		return (NULL);
	}
	hold->vh_nleases++;
	list_insert_tail(&vm->fv_leases, lease);
	mutex_exit(&vm->fv_lock);
	return (lease);
}

void
vmm_drv_lease_break(vmm_hold_t *hold, vmm_lease_t *lease)
{
	VERIFY3U(hold->vh_magic, ==, VMM_HOLD_MAGIC);
	VERIFY3U(lease->vl_magic, ==, VMM_LEASE_MAGIC);
	VERIFY3P(lease->vl_hold, ==, hold);
	mutex_enter(&hold->vh_vm->fv_lock);
	fvm_lease_break_locked(lease, hold->vh_vm->fv_excl);
	mutex_exit(&hold->vh_vm->fv_lock);
}

boolean_t
vmm_drv_lease_expired(vmm_lease_t *lease)
{
	VERIFY3U(lease->vl_magic, ==, VMM_LEASE_MAGIC);
	return (__atomic_load_n(&lease->vl_expired, __ATOMIC_RELAXED) ?
	    B_TRUE : B_FALSE);
}

/*
 * Pages.
 */

vmm_page_t *
vmm_drv_page_hold_ext(vmm_lease_t *lease, uintptr_t gpa, int prot, int flags)
{
	const fvm_region_t *r = NULL;
	vmm_page_t *page;
	fvm_t *vm;
	uint_t i;

	VERIFY3U(lease->vl_magic, ==, VMM_LEASE_MAGIC);
	VERIFY0(gpa & PAGEOFFSET);
	VERIFY(prot != PROT_NONE);
	VERIFY0(prot & ~(PROT_READ | PROT_WRITE));
	VERIFY0(flags & ~VMPF_DEFER_DIRTY);

	vm = lease->vl_vm;
	for (i = 0; i < vm->fv_nregions; i++) {
		r = &vm->fv_regions[i];
		if (gpa - r->fr_gpa < r->fr_len)
			break;
	}
	if (i == vm->fv_nregions || (prot & ~r->fr_prot) != 0)
		return (NULL);

	mutex_enter(&lease->vl_lock);
	lease->vl_npages++;
	if ((page = lease->vl_free) != NULL)
		lease->vl_free = page->vp_next;
	mutex_exit(&lease->vl_lock);
	if (page == NULL)
		page = kmem_alloc(sizeof (*page), KM_SLEEP);

	page->vp_magic = VMM_PAGE_HELD;
	page->vp_prot = prot;
	page->vp_flags = flags;
	page->vp_lease = lease;
	page->vp_hva = r->fr_hva + (gpa - r->fr_gpa);
	page->vp_next = NULL;
	return (page);
}

vmm_page_t *
vmm_drv_page_hold(vmm_lease_t *lease, uintptr_t gpa, int prot)
{
	return (vmm_drv_page_hold_ext(lease, gpa, prot, 0));
}

void
vmm_drv_page_release(vmm_page_t *page)
{
	vmm_lease_t *lease;

	VERIFY3U(page->vp_magic, ==, VMM_PAGE_HELD);
	VERIFY3P(page->vp_next, ==, NULL);
	lease = page->vp_lease;
	VERIFY3U(lease->vl_magic, ==, VMM_LEASE_MAGIC);

	page->vp_magic = VMM_GONE;
	mutex_enter(&lease->vl_lock);
	VERIFY3U(lease->vl_npages, >, 0);
	lease->vl_npages--;
	page->vp_next = lease->vl_free;
	lease->vl_free = page;
	mutex_exit(&lease->vl_lock);
}

void
vmm_drv_page_release_chain(vmm_page_t *page)
{
	vmm_page_t *next;

	for (; page != NULL; page = next) {
		VERIFY3U(page->vp_magic, ==, VMM_PAGE_HELD);
		next = page->vp_next;
		page->vp_next = NULL;
		vmm_drv_page_release(page);
	}
}

/* Panics unless the page is held, under a lease, for that access. */
static void
fvm_page_check(const vmm_page_t *page, int prot)
{
	VERIFY3U(page->vp_magic, ==, VMM_PAGE_HELD);
	VERIFY3U(page->vp_lease->vl_magic, ==, VMM_LEASE_MAGIC);
	VERIFY((page->vp_prot & prot) == prot);
}

const void *
vmm_drv_page_readable(const vmm_page_t *page)
{
	fvm_page_check(page, PROT_READ);
	return (page->vp_hva);
}

void *
vmm_drv_page_writable(const vmm_page_t *page)
{
	fvm_page_check(page, PROT_WRITE);
	return (page->vp_hva);
}

void
vmm_drv_page_mark_dirty(vmm_page_t *page)
{
	fvm_page_check(page, PROT_WRITE);
	VERIFY((page->vp_flags & VMPF_DEFER_DIRTY) != 0);
}

void
vmm_drv_page_chain(vmm_page_t *page, vmm_page_t *to_chain)
{
	fvm_page_check(page, 0);
	fvm_page_check(to_chain, 0);
	VERIFY3P(page->vp_next, ==, NULL);
	page->vp_next = to_chain;
}

vmm_page_t *
vmm_drv_page_next(const vmm_page_t *page)
{
	fvm_page_check(page, 0);
	return (page->vp_next);
}

int
vmm_drv_msi(vmm_lease_t *lease, uint64_t addr, uint64_t msg)
{
	fvm_t *vm;

	VERIFY3U(lease->vl_magic, ==, VMM_LEASE_MAGIC);
	vm = lease->vl_vm;
	vm->fv_msi(vm->fv_msi_arg, addr, msg);
	return (0);
}

/*
 * Hooks.
 */

static int
fvm_hook(vmm_hold_t *hold, const fvm_hook_t *want, void **cookie)
{
	fvm_hook_t *h, *new;
	fvm_t *vm;

	VERIFY3U(hold->vh_magic, ==, VMM_HOLD_MAGIC);
	vm = hold->vh_vm;
	new = kmem_alloc(sizeof (*new), KM_SLEEP);
	bcopy(want, new, sizeof (*new));
	new->fh_hold = hold;

	fvm_excl_enter(vm);
	for (h = list_head(&vm->fv_hooks); h != NULL;
	    h = list_next(&vm->fv_hooks, h)) {
		if (h->fh_mmio == new->fh_mmio &&
		    new->fh_addr < h->fh_addr + h->fh_size &&
		    h->fh_addr < new->fh_addr + new->fh_size)
			break;
	}
	if (h == NULL) {
		list_insert_tail(&vm->fv_hooks, new);
		hold->vh_nhooks++;
	}
	fvm_excl_exit(vm);

	if (h != NULL) {
		kmem_free(new, sizeof (*new));
		return (EEXIST);
	}
	*cookie = new;
	return (0);
}

static void
fvm_unhook(vmm_hold_t *hold, void **cookie)
{
	fvm_hook_t *h = *cookie;
	fvm_t *vm;

	VERIFY3U(hold->vh_magic, ==, VMM_HOLD_MAGIC);
	VERIFY3P(h->fh_hold, ==, hold);
	vm = hold->vh_vm;
	fvm_excl_enter(vm);
	list_remove(&vm->fv_hooks, h);
	hold->vh_nhooks--;
	fvm_excl_exit(vm);
	kmem_free(h, sizeof (*h));
	*cookie = NULL;
}

int
vmm_drv_ioport_hook(vmm_hold_t *hold, uint16_t port, vmm_drv_iop_cb_t func,
    void *arg, void **cookie)
{
	const fvm_hook_t hook = {
		.fh_addr	= port,
		.fh_size	= 1,
		.fh_iop		= func,
		.fh_arg		= arg
	};

	if (port == 0)
		return (EINVAL);
	return (fvm_hook(hold, &hook, cookie));
}

void
vmm_drv_ioport_unhook(vmm_hold_t *hold, void **cookie)
{
	fvm_unhook(hold, cookie);
}

int
vmm_drv_mmio_hook(vmm_hold_t *hold, uint64_t addr, uint32_t size,
    vmm_drv_mmio_cb_t func, void *arg, void **cookie)
{
	const fvm_hook_t hook = {
		.fh_mmio	= true,
		.fh_addr	= addr,
		.fh_size	= size,
		.fh_mmio_cb	= func,
		.fh_arg		= arg
	};

	if (size == 0 || addr + size < addr)
		return (EINVAL);
	return (fvm_hook(hold, &hook, cookie));
}

int
vmm_drv_mmio_unhook(vmm_hold_t *hold, void **cookie)
{
	if (*cookie == NULL)
		return (ENOENT);
	fvm_unhook(hold, cookie);
	return (0);
}
