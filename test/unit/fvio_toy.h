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

#ifndef _FVIO_TOY_H
#define	_FVIO_TOY_H

/*
 * For tests of the fake virtio framework: a device, and a driver for it, that
 * do what a test says.
 *
 * The driver has two queues, "in" (0: its segments are written by the device)
 * and "out" (1), or if asked to a third one that is as the first, and counts
 * what its handlers are called.  attach(9E) goes
 * through all of the initialisation, detach(9E) through its reverse; between
 * the two a test uses the framework itself, with ft.ft_vio and ft.ft_q[].
 */

#include <sys/types.h>
#include <sys/atomic.h>
#include <sys/debug.h>
#include <sys/errno.h>
#include <sys/kmem.h>
#include <sys/sunddi.h>
#include <sys/systm.h>
#include <sys/fk.h>
#include <fakevirtio.h>
#include "virtio.h"
#include "ktest.h"

#define	FT_IN		0
#define	FT_OUT		1
#define	FT_EVENT	2
#define	FT_QSIZE	8

typedef struct ft {
	/* The device. */
	fvio_t		*ft_dev;
	uint64_t	ft_offer;
	uint64_t	ft_accepted;
	uint16_t	ft_qsize[FVIO_QUEUES];
	uint8_t		ft_config[8];
	uint8_t		ft_gen;
	void		(*ft_config_hook)(void);	/* at each read */
	boolean_t	ft_refuse;	/* fo_start */
	void		(*ft_stop_hook)(void);		/* fo_stop */
	uint_t		ft_starts;
	uint_t		ft_stops;
	uint_t		ft_notified[FVIO_QUEUES];
	uint_t		ft_nbroken;
	uint32_t	ft_broken_id;
	fvio_vq_t	ft_vq[FVIO_QUEUES];

	/* The driver. */
	uint64_t	ft_want;
	boolean_t	ft_indirect;	/* is allowed */
	boolean_t	ft_direct;	/* is forced, for "out" */
	boolean_t	ft_noenable;	/* leave interrupts disabled */
	uint_t		ft_segs;	/* of "out" */
	virtio_t	*ft_vio;
	uint_t		ft_nqueues;
	virtio_queue_t	*ft_q[FVIO_QUEUES];
	kmutex_t	ft_lock;
	uint32_t	ft_intrs[FVIO_QUEUES + 1];	/* atomic */
	void		(*ft_handler)(uint_t);	/* called by each handler */
	boolean_t	ft_keep;	/* detach: leave the chains alone */
} ft_t;

extern ft_t ft;

/* How often the handler was called. */
#define	FT_INTRS(q)	__atomic_load_n(&ft.ft_intrs[q], __ATOMIC_ACQUIRE)

extern const ddi_dma_attr_t ft_attr;	/* one cookie */
extern const ddi_dma_attr_t ft_sgattr;	/* four */

/* What is usual, for a driver of some other device (ft_dev). */
extern void ft_init(void);
/* A device; what the test wants different is set between the two. */
extern void ft_create(uint_t flags);
extern void ft_attach(void);
/* Both, with a modern device and indirect descriptors. */
extern void ft_begin(void);
/* Detach and destroy. */
extern void ft_end(void);

/* DMA memory, and a chain for it, submitted and flushed. */
extern virtio_dma_t *ft_dma(size_t);
extern virtio_chain_t *ft_chain(uint_t q, virtio_dma_t *);
extern virtio_chain_t *ft_submit(uint_t q, virtio_dma_t *);

#endif	/* _FVIO_TOY_H */
