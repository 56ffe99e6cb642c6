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
 * bhyve's memory and interrupts for other drivers: vmm_drv.
 */

#include <sys/types.h>
#include <sys/file.h>
#include <sys/cred.h>
#include <sys/mman.h>
#include <sys/vmm_drv.h>
#include "abi.h"

/* Types that are the kernel's own business */
OPAQUE(vmm_hold_t);
OPAQUE(vmm_lease_t);
OPAQUE(vmm_page_t);

/* <sys/vmm_drv.h> */
CONST(VMPF_DEFER_DIRTY, 1);

/* <sys/mman.h> */
CONST(PROT_NONE, 0x0);
CONST(PROT_READ, 0x1);
CONST(PROT_WRITE, 0x2);
CONST(PROT_EXEC, 0x4);

/* Functions */
FUNC(int, vmm_drv_hold, (file_t *, cred_t *, vmm_hold_t **));
FUNC(void, vmm_drv_rele, (vmm_hold_t *));
FUNC(boolean_t, vmm_drv_release_reqd, (vmm_hold_t *));
FUNC(vmm_lease_t *, vmm_drv_lease_sign, (vmm_hold_t *, boolean_t (*)(void *),
    void *));
FUNC(void, vmm_drv_lease_break, (vmm_hold_t *, vmm_lease_t *));
FUNC(boolean_t, vmm_drv_lease_expired, (vmm_lease_t *));
FUNC(vmm_page_t *, vmm_drv_page_hold, (vmm_lease_t *, uintptr_t, int));
FUNC(vmm_page_t *, vmm_drv_page_hold_ext, (vmm_lease_t *, uintptr_t, int, int));
FUNC(void, vmm_drv_page_release, (vmm_page_t *));
FUNC(void, vmm_drv_page_release_chain, (vmm_page_t *));
FUNC(const void *, vmm_drv_page_readable, (const vmm_page_t *));
FUNC(void *, vmm_drv_page_writable, (const vmm_page_t *));
FUNC(void, vmm_drv_page_mark_dirty, (vmm_page_t *));
FUNC(void, vmm_drv_page_chain, (vmm_page_t *, vmm_page_t *));
FUNC(vmm_page_t *, vmm_drv_page_next, (const vmm_page_t *));
FUNC(int, vmm_drv_msi, (vmm_lease_t *, uint64_t, uint64_t));
FUNC(int, vmm_drv_ioport_hook, (vmm_hold_t *, uint16_t, vmm_drv_iop_cb_t,
    void *, void **));
FUNC(void, vmm_drv_ioport_unhook, (vmm_hold_t *, void **));
