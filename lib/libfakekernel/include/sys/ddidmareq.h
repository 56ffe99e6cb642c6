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

#ifndef _SYS_DDIDMAREQ_H
#define	_SYS_DDIDMAREQ_H

/*
 * DMA: what a device can do, and how memory is used.  How a driver gets memory
 * for it is the business of its bus, in libfakedev.
 */

#include <sys/types.h>

#define	DMA_ATTR_V0		0
#define	DMA_ATTR_VERSION	DMA_ATTR_V0

typedef struct ddi_dma_attr {
	uint_t		dma_attr_version;
	uint64_t	dma_attr_addr_lo;
	uint64_t	dma_attr_addr_hi;	/* the last address it can do */
	uint64_t	dma_attr_count_max;	/* of a cookie, less 1 */
	uint64_t	dma_attr_align;
	uint_t		dma_attr_burstsizes;
	uint32_t	dma_attr_minxfer;
	uint64_t	dma_attr_maxxfer;
	uint64_t	dma_attr_seg;		/* a cookie does not cross it */
	int		dma_attr_sgllen;	/* the most cookies */
	uint32_t	dma_attr_granular;
	uint_t		dma_attr_flags;
} ddi_dma_attr_t;

#define	DDI_DMA_FORCE_PHYSICAL	0x0100
#define	DDI_DMA_FLAGERR		0x0200
#define	DDI_DMA_RELAXED_ORDERING 0x0400

#define	DDI_DMA_DONTWAIT	((int (*)(caddr_t))0)
#define	DDI_DMA_SLEEP		((int (*)(caddr_t))1)

/* Directions and kinds. */
#define	DDI_DMA_WRITE		0x0001	/* the device reads */
#define	DDI_DMA_READ		0x0002	/* the device writes */
#define	DDI_DMA_RDWR		(DDI_DMA_READ | DDI_DMA_WRITE)
#define	DDI_DMA_REDZONE		0x0004
#define	DDI_DMA_PARTIAL		0x0008
#define	DDI_DMA_CONSISTENT	0x0010
#define	DDI_DMA_EXCLUSIVE	0x0020
#define	DDI_DMA_STREAMING	0x0040

#define	DDI_DMA_MAPPED		0
#define	DDI_DMA_PARTIAL_MAP	1
#define	DDI_DMA_NORESOURCES	(-1)
#define	DDI_DMA_NOMAPPING	(-2)
#define	DDI_DMA_TOOBIG		(-3)
#define	DDI_DMA_TOOSMALL	(-4)
#define	DDI_DMA_LOCKED		(-5)
#define	DDI_DMA_BADLIMITS	(-6)
#define	DDI_DMA_STALE		(-7)
#define	DDI_DMA_BADATTR		(-8)
#define	DDI_DMA_INUSE		(-9)
#define	DDI_DMA_USE_PHYSICAL	(-10)

#define	DDI_DMA_SYNC_FORDEV	0x0
#define	DDI_DMA_SYNC_FORCPU	0x1
#define	DDI_DMA_SYNC_FORKERNEL	0x2

#endif	/* _SYS_DDIDMAREQ_H */
