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

#ifndef	_VMMTEST_H
#define	_VMMTEST_H

/*
 * A stand-in for bhyve's vmm, for tests of vsockhv on a real kernel: between
 * its driver (vmm/vmm.c) and the program that plays the guest (guest.c).
 *
 * An open of the node is a VM.  Its memory, from guest physical address 0 on,
 * is mapped by mmap(2) of the node.
 */

/* The size of its memory, in bytes, by value; once. */
#define	VMT_MEMORY	(('v' << 8) | 1)
/*
 * vmt_msi_t *: wait until more MSIs have come than vm_seen; how many did.  An
 * end after vm_ms milliseconds is no error.
 */
#define	VMT_MSI_WAIT	(('v' << 8) | 2)
/*
 * Expire all leases, wait until they are broken, and go on: what changes of a
 * VM do.
 */
#define	VMT_EXCLUSIVE	(('v' << 8) | 3)
/*
 * Destroy the VM: expire all leases, ask for the holds to be released.  Returns
 * when the leases are broken.
 */
#define	VMT_DESTROY	(('v' << 8) | 4)

typedef struct vmt_msi {
	unsigned long long vm_seen;
	unsigned int	vm_ms;
	unsigned int	vm_pad;
} vmt_msi_t;

#endif	/* _VMMTEST_H */
