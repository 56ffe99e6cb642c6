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
 * The virtio framework, and what of DMA it has to be told.
 */

#include <sys/types.h>
#include <sys/ddi.h>
#include <sys/sunddi.h>
#include <sys/ddidmareq.h>
#include "virtio.h"
#include "abi.h"

/* Types that are the kernel's own business */
OPAQUE(virtio_t);
OPAQUE(virtio_queue_t);
OPAQUE(virtio_chain_t);
OPAQUE(virtio_dma_t);

SIZE(ddi_dma_attr_t, 80);
MEMBER(ddi_dma_attr_t, dma_attr_version, 0, 4);
MEMBER(ddi_dma_attr_t, dma_attr_addr_lo, 8, 8);
MEMBER(ddi_dma_attr_t, dma_attr_addr_hi, 16, 8);
MEMBER(ddi_dma_attr_t, dma_attr_count_max, 24, 8);
MEMBER(ddi_dma_attr_t, dma_attr_align, 32, 8);
MEMBER(ddi_dma_attr_t, dma_attr_burstsizes, 40, 4);
MEMBER(ddi_dma_attr_t, dma_attr_minxfer, 44, 4);
MEMBER(ddi_dma_attr_t, dma_attr_maxxfer, 48, 8);
MEMBER(ddi_dma_attr_t, dma_attr_seg, 56, 8);
MEMBER(ddi_dma_attr_t, dma_attr_sgllen, 64, 4);
MEMBER(ddi_dma_attr_t, dma_attr_granular, 68, 4);
MEMBER(ddi_dma_attr_t, dma_attr_flags, 72, 4);

/* <virtio.h> */
CONST(VIRTIO_DIR_DEVICE_WRITES, 1);
CONST(VIRTIO_DIR_DEVICE_READS, 2);
CONST(VIRTIO_ANY_INTR_TYPE, 0);

/* <sys/ddidmareq.h> */
CONST(DMA_ATTR_V0, 0);
CONST(DMA_ATTR_VERSION, 0);
CONST(DDI_DMA_FORCE_PHYSICAL, 0x0100);
CONST(DDI_DMA_FLAGERR, 0x0200);
CONST(DDI_DMA_RELAXED_ORDERING, 0x0400);
CONST(DDI_DMA_WRITE, 0x0001);
CONST(DDI_DMA_READ, 0x0002);
CONST(DDI_DMA_RDWR, 3);
CONST(DDI_DMA_REDZONE, 0x0004);
CONST(DDI_DMA_PARTIAL, 0x0008);
CONST(DDI_DMA_CONSISTENT, 0x0010);
CONST(DDI_DMA_EXCLUSIVE, 0x0020);
CONST(DDI_DMA_STREAMING, 0x0040);
CONST(DDI_DMA_MAPPED, 0);
CONST(DDI_DMA_PARTIAL_MAP, 1);
CONST(DDI_DMA_NORESOURCES, (-1));
CONST(DDI_DMA_NOMAPPING, (-2));
CONST(DDI_DMA_TOOBIG, (-3));
CONST(DDI_DMA_TOOSMALL, (-4));
CONST(DDI_DMA_LOCKED, (-5));
CONST(DDI_DMA_BADLIMITS, (-6));
CONST(DDI_DMA_STALE, (-7));
CONST(DDI_DMA_BADATTR, (-8));
CONST(DDI_DMA_INUSE, (-9));
CONST(DDI_DMA_USE_PHYSICAL, (-10));
CONST(DDI_DMA_SYNC_FORDEV, 0x0);
CONST(DDI_DMA_SYNC_FORCPU, 0x1);
CONST(DDI_DMA_SYNC_FORKERNEL, 0x2);

/* Functions */
FUNC(void, virtio_fini, (virtio_t *, boolean_t));
FUNC(virtio_t *, virtio_init, (dev_info_t *));
FUNC(boolean_t, virtio_init_features, (virtio_t *, uint64_t, boolean_t));
FUNC(int, virtio_init_complete, (virtio_t *, int));
FUNC(int, virtio_quiesce, (virtio_t *));
FUNC(void, virtio_shutdown, (virtio_t *));
FUNC(void, virtio_register_cfgchange_handler, (virtio_t *,
    ddi_intr_handler_t *, void *));
FUNC(void *, virtio_intr_pri, (virtio_t *));
FUNC(void, virtio_device_reset, (virtio_t *));
FUNC(uint8_t, virtio_dev_getgen, (virtio_t *));
FUNC(uint8_t, virtio_dev_get8, (virtio_t *, uintptr_t));
FUNC(uint16_t, virtio_dev_get16, (virtio_t *, uintptr_t));
FUNC(uint32_t, virtio_dev_get32, (virtio_t *, uintptr_t));
FUNC(uint64_t, virtio_dev_get64, (virtio_t *, uintptr_t));
FUNC(void, virtio_dev_put8, (virtio_t *, uintptr_t, uint8_t));
FUNC(void, virtio_dev_put16, (virtio_t *, uintptr_t, uint16_t));
FUNC(void, virtio_dev_put32, (virtio_t *, uintptr_t, uint32_t));
FUNC(boolean_t, virtio_features_present, (virtio_t *, uint64_t));
FUNC(boolean_t, virtio_modern, (virtio_t *));
FUNC(virtio_queue_t *, virtio_queue_alloc, (virtio_t *, uint16_t, const char *,
    ddi_intr_handler_t *, void *, boolean_t, uint_t));
FUNC(virtio_chain_t *, virtio_queue_poll, (virtio_queue_t *));
FUNC(virtio_chain_t *, virtio_queue_evacuate, (virtio_queue_t *));
FUNC(void, virtio_queue_flush, (virtio_queue_t *));
FUNC(void, virtio_queue_no_interrupt, (virtio_queue_t *, boolean_t));
FUNC(uint_t, virtio_queue_nactive, (virtio_queue_t *));
FUNC(uint_t, virtio_queue_size, (virtio_queue_t *));
FUNC(virtio_chain_t *, virtio_chain_alloc, (virtio_queue_t *, int));
FUNC(void, virtio_chain_clear, (virtio_chain_t *));
FUNC(void, virtio_chain_free, (virtio_chain_t *));
FUNC(int, virtio_chain_append, (virtio_chain_t *, uint64_t, size_t,
    virtio_direction_t));
FUNC(void *, virtio_chain_data, (virtio_chain_t *));
FUNC(void, virtio_chain_data_set, (virtio_chain_t *, void *));
FUNC(void, virtio_chain_submit, (virtio_chain_t *, boolean_t));
FUNC(size_t, virtio_chain_received_length, (virtio_chain_t *));
FUNC(int, virtio_interrupts_enable, (virtio_t *));
FUNC(void, virtio_interrupts_disable, (virtio_t *));
FUNC(virtio_dma_t *, virtio_dma_alloc, (virtio_t *, size_t,
    const ddi_dma_attr_t *, int, int));
FUNC(virtio_dma_t *, virtio_dma_alloc_nomem, (virtio_t *,
    const ddi_dma_attr_t *, int));
FUNC(void, virtio_dma_free, (virtio_dma_t *));
FUNC(int, virtio_dma_bind, (virtio_dma_t *, void *, size_t, int, int));
FUNC(void, virtio_dma_unbind, (virtio_dma_t *));
FUNC(void, virtio_dma_sync, (virtio_dma_t *, int));
FUNC(void *, virtio_dma_va, (virtio_dma_t *, size_t));
FUNC(size_t, virtio_dma_size, (virtio_dma_t *));
FUNC(uint_t, virtio_dma_ncookies, (virtio_dma_t *));
FUNC(uint64_t, virtio_dma_cookie_pa, (virtio_dma_t *, uint_t));
FUNC(size_t, virtio_dma_cookie_size, (virtio_dma_t *, uint_t));
