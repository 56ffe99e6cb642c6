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

#ifndef _STUB_VIRTIO_H
#define	_STUB_VIRTIO_H

/*
 * The part of bhyve's virtio layer (of 2026) that a modern device sees, with
 * the same names and meaning; vpci.c is behind it.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "pci_emul.h"

#define	VIRTIO_MSI_NO_VECTOR	0xffff
#define	VIRTIO_PCI_ISR_INTR	0x01
#define	VIRTIO_PCI_ISR_CONFIG	0x02
#define	VTCFG_STATUS_DRIVER_OK	0x04
#define	VTCFG_STATUS_FEATURES_OK 0x08
#define	VTCFG_STATUS_NEEDS_RST	0x40
#define	VQ_ENABLED		0x02

struct vqueue_info;

typedef enum virtio_mode {
	VIRTIO_MODE_UNSET,
	VIRTIO_MODE_LEGACY,
	VIRTIO_MODE_TRANSITIONAL,
	VIRTIO_MODE_MODERN
} virtio_mode_t;

typedef struct virtio_capstr {
	uint64_t	vp_flag;
	const char	*vp_name;
} virtio_capstr_t;

struct virtio_consts {
	const char *vc_name;
	int	vc_nvq;
	size_t	vc_cfgsize;
	void	(*vc_reset)(void *);
	void	(*vc_qinit)(void *, uint64_t, bool);
	void	(*vc_qnotify)(void *, struct vqueue_info *);
	int	(*vc_cfgread)(void *, int, int, uint32_t *);
	int	(*vc_cfgwrite)(void *, int, int, uint32_t);
	void	(*vc_apply_features)(void *, uint64_t *);
	void	(*vc_set_msix)(void *, int);
	void	(*vc_update_msix)(void *, uint64_t);
	uint64_t vc_hv_caps_modern;
	size_t	vc_ncapstr;
	virtio_capstr_t *vc_capstr;
};

struct virtio_softc {
	struct virtio_consts *vs_vc;
	pthread_mutex_t *vs_mtx;
	struct pci_devinst *vs_pi;
	uint64_t vs_negotiated_caps;
	struct vqueue_info *vs_queues;
	int	vs_curq;
	uint8_t	vs_status;
	uint8_t	vs_isr;
	uint16_t vs_msix_cfg_idx;
	uint32_t vs_dfselect;
	uint32_t vs_gfselect;
};

struct vqueue_info {
	uint16_t vq_qsize;
	uint16_t vq_num;
	uint16_t vq_flags;
	uint16_t vq_msix_idx;
	uint64_t vq_desc_gpa;
	uint64_t vq_avail_gpa;
	uint64_t vq_used_gpa;
};

extern void vi_softc_linkup(struct virtio_softc *, struct virtio_consts *,
    void *, struct pci_devinst *, struct vqueue_info *);
extern bool vi_intr_init(struct virtio_softc *, bool use_msix);
extern void vi_pci_init(struct pci_devinst *, virtio_mode_t, uint16_t legacy,
    uint16_t device_id, uint8_t class);
extern bool vi_pcibar_setup(struct virtio_softc *);
extern void vi_reset_dev(struct virtio_softc *);
extern void vi_set_debug(struct virtio_softc *, bool);
extern void vq_interrupt(struct virtio_softc *, struct vqueue_info *);
extern void vq_devcfg_changed(struct virtio_softc *);

extern int vi_pci_cfgread(struct pci_devinst *, int, int, uint32_t *);
extern int vi_pci_cfgwrite(struct pci_devinst *, int, int, uint32_t);
extern uint64_t vi_pci_read(struct pci_devinst *, int, uint64_t, int);
extern void vi_pci_write(struct pci_devinst *, int, uint64_t, int, uint64_t);

#endif	/* _STUB_VIRTIO_H */
