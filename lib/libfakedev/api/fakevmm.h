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

#ifndef _FAKEVMM_H
#define	_FAKEVMM_H

/*
 * The fake vmm from above: a virtual machine as vmm_drv(9F) consumers see it,
 * made of memory that the host program maps and of interrupts that it delivers.
 * All addresses are guest physical; errno are illumos's.  Callers are attached
 * threads (fk_thread_attach()).
 */

#include <stdint.h>
#include <stddef.h>
#include <stdbool.h>

#ifdef	__cplusplus
extern "C" {
#endif

typedef struct fvm fvm_t;

/*
 * Called for vmm_drv_msi(): may not block, may not call the fake kernel.
 */
typedef void (*fvm_msi_f)(void *arg, uint64_t addr, uint64_t msg);

extern int fvm_create(const char *name, fvm_msi_f, void *arg, fvm_t **);
/*
 * What the device node of the VM is to a process: a file descriptor that
 * getf(9F) and vmm_drv_hold(9F) know.
 */
extern int fvm_fd(fvm_t *);
/*
 * Add host memory as guest memory; page aligned.  EINVAL, EEXIST (overlap).
 * The memory stays the caller's and must stay until it is unmapped.
 */
extern int fvm_map(fvm_t *, uint64_t gpa, void *hva, size_t len, bool writable);
/*
 * Remove all memory, as an exclusive operation on the VM: every lease is
 * expired first, and the call waits until they are broken.
 */
extern void fvm_unmap_all(fvm_t *);
/* Expire all leases and wait until they are broken; then let them be signed. */
extern void fvm_expire_leases(fvm_t *);
/*
 * The VM goes: holders are asked to release it (vmm_drv_release_reqd), leases
 * are expired; returns when the last vmm_drv_rele() has come.
 */
extern void fvm_destroy(fvm_t *);

/*
 * What a virtual CPU does to an I/O port or to a device's memory: what the
 * hook of vmm_drv_ioport_hook() or vmm_drv_mmio_hook() returns; ESRCH, no hook.
 */
extern int fvm_ioport(fvm_t *, bool in, uint16_t port, uint8_t bytes,
    uint32_t *val);
extern int fvm_mmio(fvm_t *, bool write, uint64_t addr, int bytes,
    uint64_t *val);

#ifdef	__cplusplus
}
#endif

#endif	/* _FAKEVMM_H */
