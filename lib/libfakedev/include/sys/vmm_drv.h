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

#ifndef _SYS_VMM_DRV_H
#define	_SYS_VMM_DRV_H

/*
 * vmm_drv: what bhyve's kernel part offers to the backends of its devices.
 * Interface as in the gate; behaviour, with checks, in vmm_drv.c.
 *
 * A backend holds a VM (vmm_drv_hold) as long as it serves it.  To touch the
 * guest's memory it signs a lease, holds pages under it, one by one, and
 * releases every page before it breaks the lease.  When the VM wants all
 * leases back it calls their `expire' functions, which return B_FALSE to say
 * that the lease will be broken soon by its owner, or B_TRUE to have it broken
 * at once (no page is held then); until all are broken the VM stands still.
 */

#include <sys/types.h>
#include <sys/file.h>
#include <sys/cred.h>
#include <sys/stdbool.h>

struct vmm_hold;
typedef struct vmm_hold vmm_hold_t;
struct vmm_lease;
typedef struct vmm_lease vmm_lease_t;
struct vmm_page;
typedef struct vmm_page vmm_page_t;

/* Not dirty by being held for writing, only by vmm_drv_page_mark_dirty(). */
#define	VMPF_DEFER_DIRTY	(1 << 0)

/*
 * Called on the thread of a virtual CPU: I/O port or address, size in bytes of
 * the access, and the value, in or out.  0, or ESRCH: not handled here.
 */
typedef int (*vmm_drv_iop_cb_t)(void *, bool in, uint16_t port, uint8_t bytes,
    uint32_t *val);
typedef int (*vmm_drv_mmio_cb_t)(void *, bool write, uint64_t addr, int bytes,
    uint64_t *val);

/*
 * ENXIO, the file is no character device; ENOENT, not that of a VM; EBUSY, the
 * VM is being destroyed.
 */
extern int vmm_drv_hold(file_t *, cred_t *, vmm_hold_t **);
/* No lease and no hook may be left. */
extern void vmm_drv_rele(vmm_hold_t *);
/* Whether the VM waits for this hold to be released. */
extern boolean_t vmm_drv_release_reqd(vmm_hold_t *);

/*
 * May sleep while an exclusive operation on the VM is under way.  NULL when
 * the release of the hold was requested.
 */
extern vmm_lease_t *vmm_drv_lease_sign(vmm_hold_t *,
    boolean_t (*expire)(void *), void *);
extern void vmm_drv_lease_break(vmm_hold_t *, vmm_lease_t *);
extern boolean_t vmm_drv_lease_expired(vmm_lease_t *);

/*
 * The page at that guest physical address, which is page aligned; NULL if
 * there is none that allows PROT_READ, PROT_WRITE or both.
 */
extern vmm_page_t *vmm_drv_page_hold(vmm_lease_t *, uintptr_t gpa, int prot);
extern vmm_page_t *vmm_drv_page_hold_ext(vmm_lease_t *, uintptr_t gpa, int prot,
    int flags);
extern void vmm_drv_page_release(vmm_page_t *);
extern void vmm_drv_page_release_chain(vmm_page_t *);
extern const void *vmm_drv_page_readable(const vmm_page_t *);
extern void *vmm_drv_page_writable(const vmm_page_t *);
extern void vmm_drv_page_mark_dirty(vmm_page_t *);
extern void vmm_drv_page_chain(vmm_page_t *, vmm_page_t *to_chain);
extern vmm_page_t *vmm_drv_page_next(const vmm_page_t *);

/* Send a message-signalled interrupt: 0 or an errno. */
extern int vmm_drv_msi(vmm_lease_t *, uint64_t addr, uint64_t msg);

/*
 * Hooks are exclusive operations.  EINVAL, port 0 or size 0; EEXIST, taken;
 * mmio_unhook() returns 0 or ENOENT.  The cookie is cleared by unhook.
 */
extern int vmm_drv_ioport_hook(vmm_hold_t *, uint16_t port, vmm_drv_iop_cb_t,
    void *, void **cookie);
extern void vmm_drv_ioport_unhook(vmm_hold_t *, void **cookie);
extern int vmm_drv_mmio_hook(vmm_hold_t *, uint64_t addr, uint32_t size,
    vmm_drv_mmio_cb_t, void *, void **cookie);
extern int vmm_drv_mmio_unhook(vmm_hold_t *, void **cookie);

#endif	/* _SYS_VMM_DRV_H */
