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

#ifndef _VIRTIO_IMPL_H
#define	_VIRTIO_IMPL_H

/*
 * Shared among the files of the fake virtio framework:
 *
 *	virtio.c	what a driver calls: virtio_t, queues, chains
 *	virtio_dma.c	DMA memory
 *	fvio.c		what a device and the host program call: fvio_t,
 *			interrupts, the device's side of a ring
 *
 * An fvio_t is a device; a virtio_t is there from virtio_init() to
 * virtio_fini() and is what a driver does with it.
 *
 * Locks, in the order in which they may be taken:
 *
 *	vio_lock	the state of a virtio_t, its list of DMA memory; not
 *			held when the device is called
 *	vq_lock		a ring; held when the device is notified
 *	vq_idlock	descriptors of a ring that are free
 *	fv_lock		of a vector: whether the handler runs, and has to
 *	fvd_lock	which pages of DMA memory are taken
 *
 * None of them is held when a handler is called.
 */

#include <sys/types.h>
#include <sys/atomic.h>
#include <sys/cmn_err.h>
#include <sys/condvar.h>
#include <sys/ddi.h>
#include <sys/debug.h>
#include <sys/errno.h>
#include <sys/kmem.h>
#include <sys/list.h>
#include <sys/mutex.h>
#include <sys/param.h>
#include <sys/stdbool.h>
#include <sys/sunddi.h>
#include <sys/sysmacros.h>
#include <sys/systm.h>
#include <sys/fk.h>
#include <fakevirtio.h>
#include <fkhost.h>
#include "virtio.h"

/*
 * A split ring in memory, little endian as is all this runs on.
 */
#define	VRING_DESC_F_NEXT	1
#define	VRING_DESC_F_WRITE	2
#define	VRING_DESC_F_INDIRECT	4

#define	VRING_AVAIL_F_NO_INTERRUPT 1
#define	VRING_USED_F_NO_NOTIFY	1

typedef struct vring_desc {
	uint64_t	vd_addr;
	uint32_t	vd_len;
	uint16_t	vd_flags;
	uint16_t	vd_next;
} vring_desc_t;

typedef struct vring_avail {
	uint16_t	va_flags;
	uint16_t	va_idx;
	uint16_t	va_ring[];
} vring_avail_t;

typedef struct vring_used_elem {
	uint32_t	vue_id;
	uint32_t	vue_len;
} vring_used_elem_t;

typedef struct vring_used {
	uint16_t	vu_flags;
	uint16_t	vu_idx;
	vring_used_elem_t vu_ring[];
} vring_used_t;

/* What the other side may read or write at any time. */
#define	VRING_LOAD(p)		__atomic_load_n((p), __ATOMIC_RELAXED)
#define	VRING_ACQUIRE(p)	__atomic_load_n((p), __ATOMIC_ACQUIRE)
#define	VRING_STORE(p, v)	__atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define	VRING_RELEASE(p, v)	__atomic_store_n((p), (v), __ATOMIC_RELEASE)

/*
 * fvio.c
 */

#define	FVIO_VECTORS	(FVIO_QUEUES + 1)

typedef struct fvio_vector {
	kmutex_t	fv_lock;
	kcondvar_t	fv_cv;		/* the thread: fv_pending, fv_exit */
	kcondvar_t	fv_idle_cv;	/* !fv_running */
	kt_did_t	fv_did;
	bool		fv_exit;
	bool		fv_enabled;
	bool		fv_pending;
	bool		fv_running;
	ddi_intr_handler_t *fv_func;	/* NULL: none */
	void		*fv_arg;
	virtio_t	*fv_vio;
	uint64_t	fv_count;
} fvio_vector_t;

struct fvio {
	dev_info_t	*fvio_dip;
	const fvio_ops_t *fvio_ops;
	void		*fvio_arg;
	uint_t		fvio_flags;
	uint32_t	fvio_broken;	/* atomic */
	virtio_t	*fvio_vio;	/* of the driver that is attached */
	fvio_vector_t	fvio_vec[FVIO_VECTORS];
};

/* Let the vector have a handler, before interrupts are enabled. */
extern void fvio_vector_set(fvio_vector_t *, ddi_intr_handler_t *, void *arg,
    virtio_t *);
extern void fvio_vectors_enable(fvio_t *);
extern void fvio_vectors_disable(fvio_t *);
/* Waits until no handler is called any more, and forgets them all. */
extern void fvio_vectors_clear(fvio_t *);

/*
 * virtio.c
 */

/* The phases of a virtio_t, one bit each; see vio_phase_names[]. */
#define	VIO_STARTED	0x01	/* virtio_init() */
#define	VIO_NEGOTIATED	0x02	/* virtio_init_features() */
#define	VIO_RUNNING	0x04	/* virtio_init_complete() */
#define	VIO_SHUTDOWN	0x08	/* virtio_shutdown() */
#define	VIO_FAILED	0x10	/* one of the init functions failed */
#define	VIO_NPHASES	5

struct virtio {
	fvio_t		*vio_dev;
	dev_info_t	*vio_dip;
	kmutex_t	vio_lock;
	uint_t		vio_phase;	/* atomic */
	bool		vio_modern;
	bool		vio_started;	/* between fo_start and fo_stop */
	bool		vio_intr_enabled;
	uint64_t	vio_features;
	virtio_queue_t	*vio_queue[FVIO_QUEUES];
	ddi_intr_handler_t *vio_cfg_func;
	void		*vio_cfg_arg;
	list_t		vio_dmas;
};

/*
 * virtio_dma.c
 */

struct virtio_dma {
	virtio_t	*vd_vio;
	list_node_t	vd_node;	/* vio_dmas */
	ddi_dma_attr_t	vd_attr;
	bool		vd_own;		/* has memory of its own */
	bool		vd_bound;	/* all below is there */
	int		vd_flags;	/* DDI_DMA_* */
	caddr_t		vd_va;		/* the driver's */
	size_t		vd_size;
	caddr_t		vd_mem;		/* the device's; vd_va if own */
	uint64_t	vd_pa;
	uint_t		vd_ncookies;
	uint32_t	vd_binding;	/* which this is: never twice */
	uint32_t	vd_inflight;	/* segments the device has; atomic */
};

extern void fvio_dma_init(void);
extern void fvio_dma_fini(void);
/* Whose memory that is, all of it; or NULL. */
extern virtio_dma_t *fvio_dma_find(uint64_t pa, size_t len);
/* Is it within one cookie? */
extern bool fvio_dma_in_cookie(virtio_dma_t *, uint64_t pa, size_t len);

#endif	/* _VIRTIO_IMPL_H */
