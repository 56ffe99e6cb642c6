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

#ifndef _STUB_VPCI_H
#define	_STUB_VPCI_H

/*
 * A stand-in for bhyve: a PCI bus with one function, the device under test, and
 * the virtio layer between them.  A test plays the guest: it reads and writes
 * configuration space and BARs, and gets interrupts.  Where the real layer does
 * nothing for a guest that does something wrong, so does this one.
 */

#include <stdbool.h>
#include <stdint.h>

#define	VPCI_MSIX_BAR	1
#define	VPCI_MODERN_BAR	2

/* Where things are in VPCI_MODERN_BAR. */
#define	VPCI_COMMON	0x0000
#define	VPCI_NOTIFY	0x1000
#define	VPCI_DEVICE	0x2000
#define	VPCI_ISR	0x3000
#define	VPCI_NOTIFY_MULTIPLIER 4

/* VIRTIO 1.3, 4.1.4.3: offsets in VPCI_COMMON. */
#define	VPCI_C_DFSELECT	0
#define	VPCI_C_DF	4
#define	VPCI_C_GFSELECT	8
#define	VPCI_C_GF	12
#define	VPCI_C_MSIX	16
#define	VPCI_C_NUMQ	18
#define	VPCI_C_STATUS	20
#define	VPCI_C_QSELECT	22
#define	VPCI_C_QSIZE	24
#define	VPCI_C_QMSIX	26
#define	VPCI_C_QENABLE	28
#define	VPCI_C_QNOFF	30
#define	VPCI_C_QDESC	32
#define	VPCI_C_QAVAIL	40
#define	VPCI_C_QUSED	48

#define	VPCI_VECTORS	4

/*
 * "name=value" strings, NULL at the end.  What pe_init returns.
 */
extern int vpci_attach(const char *const *config, int vmfd);
/* Forget the function. */
extern void vpci_detach(void);
/* What the device has said since vpci_attach(). */
extern const char *vpci_messages(void);

/* The guest. */
extern uint64_t vpci_read(int bar, uint64_t off, int size);
extern void vpci_write(int bar, uint64_t off, int size, uint64_t val);
extern uint32_t vpci_config(int off, int size);
extern void vpci_msix_enable(bool enable, bool mask);
extern void vpci_msix_entry(int vector, uint64_t addr, uint32_t msg,
    bool mask);

/* Interrupts that came through the PCI layer, by vector; and INTx's level. */
extern unsigned vpci_msix_count(int vector);
extern bool vpci_lintr(void);
/* Wait until so many have come by this vector, or until INTx is raised. */
extern void vpci_msix_wait(int vector, unsigned count);
extern void vpci_lintr_wait(void);

#endif	/* _STUB_VPCI_H */
