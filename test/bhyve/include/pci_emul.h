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

#ifndef _STUB_PCI_EMUL_H
#define	_STUB_PCI_EMUL_H

/*
 * The part of bhyve's PCI emulation that a virtio device sees: names and
 * meaning are bhyve's, what is behind them is vpci.c.
 */

#include <stdint.h>
#include "config.h"

#define	__unused	__attribute__((unused))

#define	PCIR_VENDOR		0x00
#define	PCIR_DEVICE		0x02
#define	PCIR_REVID		0x08
#define	PCIR_SUBCLASS		0x0a
#define	PCIR_CLASS		0x0b
#define	PCIR_SUBVEND_0		0x2c
#define	PCIR_SUBDEV_0		0x2e
#define	PCIC_SIMPLECOMM		0x07
#define	PCIS_SIMPLECOMM_OTHER	0x80
#define	PCIM_MSIX_VCTRL_MASK	0x1

#define	MSIX_TABLE_ENTRY_SIZE	16

struct vmctx;
struct pci_devinst;

struct pci_devemu {
	const char *pe_emu;
	int	(*pe_init)(struct pci_devinst *, nvlist_t *);
	int	(*pe_cfgwrite)(struct pci_devinst *, int, int, uint32_t);
	int	(*pe_cfgread)(struct pci_devinst *, int, int, uint32_t *);
	void	(*pe_barwrite)(struct pci_devinst *, int, uint64_t, int,
	    uint64_t);
	uint64_t (*pe_barread)(struct pci_devinst *, int, uint64_t, int);
	void	(*pe_lintrupdate)(struct pci_devinst *);
};

extern const struct pci_devemu *vpci_devemu;
#define	PCI_EMUL_SET(x)	const struct pci_devemu *vpci_devemu = &(x)

struct msix_table_entry {
	uint64_t addr;
	uint32_t msg_data;
	uint32_t vector_control;
};

struct pci_devinst {
	struct vmctx *pi_vmctx;
	struct {
		int	enabled;
		int	table_count;
		int	function_mask;
		struct msix_table_entry *table;
	} pi_msix;
	void	*pi_arg;
	uint8_t	pi_cfgdata[256];
};

extern int pci_msix_enabled(struct pci_devinst *);
extern void pci_generate_msix(struct pci_devinst *, int vector);
extern void pci_lintr_assert(struct pci_devinst *);
extern void pci_set_cfgdata8(struct pci_devinst *, int off, uint8_t);

#endif	/* _STUB_PCI_EMUL_H */
