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
 * The fake virtio framework, as a device and the host program see it: the node
 * in the device tree, interrupts, and the device's side of a ring.
 *
 * Interrupts.  A vector is pending or not, and its handler runs or not.  The
 * one that finds it pending and not running runs it, until it is not pending
 * any more: the vector's own thread, or one in fvio_interrupt().  So a handler
 * never runs twice at a time and no interrupt that comes meanwhile is lost.
 *
 * The order of locks between "a handler runs" and "waits for, or disables,
 * handlers" is recorded with a pseudo-lock: who holds a mutex that a handler
 * takes may not do the latter.
 */

#include "virtio_impl.h"
#include <sys/disp.h>

static fk_lockclass_t fvio_intr_class = {
	"a virtio interrupt handler", __FILE__, __LINE__, 0
};

/*
 * Vectors.
 */

/* Runs the handler if it has to be; fv_lock is held, and dropped meanwhile. */
static void
fvio_vector_run(fvio_vector_t *vec)
{
	ASSERT(MUTEX_HELD(&vec->fv_lock));
	if (vec->fv_running)
		return;
	vec->fv_running = true;
	while (vec->fv_pending) {
		vec->fv_pending = false;
		vec->fv_count++;
		mutex_exit(&vec->fv_lock);
		fk_intr_enter();
		fk_lockdep_enter(vec, &fvio_intr_class);
		(void) vec->fv_func(vec->fv_arg, (caddr_t)vec->fv_vio);
		fk_lockdep_exit(vec);
		fk_intr_exit();
		mutex_enter(&vec->fv_lock);
	}
	vec->fv_running = false;
	cv_broadcast(&vec->fv_idle_cv);
}

static void
fvio_vector_thread(void *arg)
{
	fvio_vector_t *vec = arg;

	mutex_enter(&vec->fv_lock);
	while (!vec->fv_exit) {
		if (vec->fv_pending && !vec->fv_running)
			fvio_vector_run(vec);
		else
			cv_wait(&vec->fv_cv, &vec->fv_lock);
	}
	mutex_exit(&vec->fv_lock);
	thread_exit();
}

static void
fvio_vector_create(fvio_vector_t *vec)
{
	mutex_init(&vec->fv_lock, NULL, MUTEX_DRIVER, NULL);
	cv_init(&vec->fv_cv, NULL, CV_DRIVER, NULL);
	cv_init(&vec->fv_idle_cv, NULL, CV_DRIVER, NULL);
	vec->fv_did = thread_create(NULL, 0, fvio_vector_thread, vec, 0, &p0,
	    TS_RUN, maxclsyspri)->t_did;
}

static void
fvio_vector_destroy(fvio_vector_t *vec)
{
	mutex_enter(&vec->fv_lock);
	vec->fv_exit = true;
	cv_broadcast(&vec->fv_cv);
	mutex_exit(&vec->fv_lock);
	thread_join(vec->fv_did);
	cv_destroy(&vec->fv_idle_cv);
	cv_destroy(&vec->fv_cv);
	mutex_destroy(&vec->fv_lock);
}

void
fvio_vector_set(fvio_vector_t *vec, ddi_intr_handler_t *func, void *arg,
    virtio_t *vio)
{
	mutex_enter(&vec->fv_lock);
	vec->fv_func = func;
	vec->fv_arg = arg;
	vec->fv_vio = vio;
	mutex_exit(&vec->fv_lock);
}

void
fvio_vectors_enable(fvio_t *dev)
{
	fvio_vector_t *vec;
	uint_t i;

	for (i = 0; i < FVIO_VECTORS; i++) {
		vec = &dev->fvio_vec[i];
		mutex_enter(&vec->fv_lock);
		vec->fv_enabled = vec->fv_func != NULL;
		mutex_exit(&vec->fv_lock);
	}
}

void
fvio_vectors_disable(fvio_t *dev)
{
	fvio_vector_t *vec;
	uint_t i;

	fk_lockdep_enter(dev, &fvio_intr_class);
	fk_lockdep_exit(dev);
	for (i = 0; i < FVIO_VECTORS; i++) {
		fvio_raise(dev, i);
		vec = &dev->fvio_vec[i];
		mutex_enter(&vec->fv_lock);
		vec->fv_enabled = false;
		mutex_exit(&vec->fv_lock);
	}
}

void
fvio_vectors_clear(fvio_t *dev)
{
	fvio_vector_t *vec;
	uint_t i;

	fk_lockdep_enter(dev, &fvio_intr_class);
	fk_lockdep_exit(dev);
	for (i = 0; i < FVIO_VECTORS; i++) {
		vec = &dev->fvio_vec[i];
		mutex_enter(&vec->fv_lock);
		while (vec->fv_pending || vec->fv_running)
			cv_wait(&vec->fv_idle_cv, &vec->fv_lock);
		vec->fv_func = NULL;
		mutex_exit(&vec->fv_lock);
	}
}

void
fvio_raise(fvio_t *dev, unsigned queue)
{
	fvio_vector_t *vec = &dev->fvio_vec[queue];

	VERIFY3U(queue, <, FVIO_VECTORS);
	mutex_enter(&vec->fv_lock);
	if (vec->fv_enabled && !vec->fv_pending) {
		vec->fv_pending = true;
		cv_broadcast(&vec->fv_cv);
	}
	mutex_exit(&vec->fv_lock);
}

void
fvio_interrupt(fvio_t *dev, unsigned queue)
{
	fvio_vector_t *vec = &dev->fvio_vec[queue];

	VERIFY3U(queue, <, FVIO_VECTORS);
	mutex_enter(&vec->fv_lock);
	if (vec->fv_enabled) {
		vec->fv_pending = true;
		fvio_vector_run(vec);
	}
	mutex_exit(&vec->fv_lock);
}

uint64_t
fvio_interrupts(fvio_t *dev, unsigned queue)
{
	fvio_vector_t *vec = &dev->fvio_vec[queue];
	uint64_t n;

	VERIFY3U(queue, <, FVIO_VECTORS);
	mutex_enter(&vec->fv_lock);
	n = vec->fv_count;
	mutex_exit(&vec->fv_lock);
	return (n);
}

uint32_t
fvio_broken(fvio_t *dev)
{
	return (VRING_LOAD(&dev->fvio_broken));
}

/*
 * Devices.
 */
fvio_t *
fvio_create(const char *driver, int instance, const fvio_ops_t *ops, void *arg,
    unsigned flags)
{
	fvio_t *dev = kmem_zalloc(sizeof (*dev), KM_SLEEP);
	uint_t i;

	fvio_dma_init();
	dev->fvio_ops = ops;
	dev->fvio_arg = arg;
	dev->fvio_flags = flags;
	for (i = 0; i < FVIO_VECTORS; i++)
		fvio_vector_create(&dev->fvio_vec[i]);
	VERIFY0(fk_devi_create(driver, "pci1af4,1053", instance,
	    &dev->fvio_dip));
	ddi_set_parent_data(dev->fvio_dip, dev);
	return (dev);
}

void
fvio_destroy(fvio_t *dev)
{
	uint_t i;

	fk_devi_destroy(dev->fvio_dip);
	if (dev->fvio_ops->fo_destroy != NULL)
		dev->fvio_ops->fo_destroy(dev->fvio_arg);
	for (i = 0; i < FVIO_VECTORS; i++)
		fvio_vector_destroy(&dev->fvio_vec[i]);
	fvio_dma_fini();
	kmem_free(dev, sizeof (*dev));
}

int
fvio_attach(fvio_t *dev)
{
	int err = fk_devi_attach(dev->fvio_dip);
	const virtio_t *vio = dev->fvio_vio;

	if (err == 0 && (vio == NULL || vio->vio_phase != VIO_RUNNING))
		panic("fvio_attach: the driver has attached, but not "
		    "initialised the device");
	if (err != 0 && vio != NULL)
		panic("fvio_attach: the driver has not attached, and not "
		    "called virtio_fini()");
	return (err);
}

int
fvio_detach(fvio_t *dev)
{
	int err = fk_devi_detach(dev->fvio_dip);

	if (err == 0 && dev->fvio_vio != NULL)
		panic("fvio_detach: the driver has detached, and not called "
		    "virtio_fini()");
	return (err);
}

int
fvio_quiesce(fvio_t *dev)
{
	int err = fk_devi_quiesce(dev->fvio_dip);

	if (err == 0 && dev->fvio_vio != NULL && dev->fvio_vio->vio_started)
		panic("fvio_quiesce: the device runs on");
	return (err);
}

dev_info_t *
fvio_dip(fvio_t *dev)
{
	return (dev->fvio_dip);
}

/*
 * The device's side of a ring.
 */
static void *
fvio_mem(uint64_t pa, size_t len, const char *what)
{
	void *va = fvio_pa(pa, len);

	if (va == NULL)
		panic("virtio device: %s of %lu bytes at %lx: no DMA memory",
		    what, len, (ulong_t)pa);
	return (va);
}

static vring_avail_t *
fvio_vq_availp(const fvio_vq_t *vq)
{
	return (fvio_mem(vq->fq_ring.fr_avail, sizeof (vring_avail_t) +
	    vq->fq_ring.fr_size * sizeof (uint16_t), "avail ring"));
}

static vring_used_t *
fvio_vq_usedp(const fvio_vq_t *vq)
{
	return (fvio_mem(vq->fq_ring.fr_used, sizeof (vring_used_t) +
	    vq->fq_ring.fr_size * sizeof (vring_used_elem_t), "used ring"));
}

void
fvio_vq_init(fvio_vq_t *vq, const fvio_ring_t *ring)
{
	vq->fq_ring = *ring;
	vq->fq_avail_idx = 0;
	vq->fq_used_idx = 0;
}

uint16_t
fvio_vq_avail(const fvio_vq_t *vq)
{
	uint16_t n;

	n = VRING_ACQUIRE(&fvio_vq_availp(vq)->va_idx) - vq->fq_avail_idx;
	if (n > vq->fq_ring.fr_size)
		panic("virtio device: %u chains in a ring of %u", n,
		    vq->fq_ring.fr_size);
	return (n);
}

/* Goes along descriptors i, ... of a table of n. */
static void
fvio_walk(const vring_desc_t *table, uint_t n, uint_t i, fvio_elem_t *elem,
    bool indirect)
{
	const vring_desc_t *desc;
	fvio_seg_t *seg;
	uint_t count = 0;

	do {
		if (i >= n || count++ == n || elem->fe_nsegs == FVIO_SEGS)
			panic("virtio device: descriptor %u of %u", i, n);
		desc = &table[i];
		if ((desc->vd_flags & VRING_DESC_F_INDIRECT) != 0) {
			if (indirect || count != 1 || desc->vd_len == 0 ||
			    desc->vd_flags != VRING_DESC_F_INDIRECT)
				panic("virtio device: indirect descriptor");
			fvio_walk(fvio_mem(desc->vd_addr, desc->vd_len,
			    "table"), desc->vd_len / sizeof (*desc), 0, elem,
			    true);
			return;
		}
		seg = &elem->fe_seg[elem->fe_nsegs++];
		seg->fs_pa = desc->vd_addr;
		seg->fs_len = desc->vd_len;
		seg->fs_va = fvio_mem(seg->fs_pa, seg->fs_len, "buffer");
		seg->fs_write = (desc->vd_flags & VRING_DESC_F_WRITE) != 0;
		i = desc->vd_next;
	} while ((desc->vd_flags & VRING_DESC_F_NEXT) != 0);
}

bool
fvio_vq_pop(fvio_vq_t *vq, fvio_elem_t *elem)
{
	const uint_t size = vq->fq_ring.fr_size;
	vring_avail_t *avail = fvio_vq_availp(vq);

	if (fvio_vq_avail(vq) == 0)
		return (false);
	elem->fe_id = VRING_LOAD(&avail->va_ring[vq->fq_avail_idx % size]);
	elem->fe_nsegs = 0;
	fvio_walk(fvio_mem(vq->fq_ring.fr_desc, size * sizeof (vring_desc_t),
	    "descriptors"), size, elem->fe_id, elem, false);
	vq->fq_avail_idx++;
	return (true);
}

void
fvio_vq_set_used(fvio_vq_t *vq, uint16_t slot, uint32_t id, uint32_t len)
{
	vring_used_elem_t *ue;

	ue = &fvio_vq_usedp(vq)->vu_ring[slot % vq->fq_ring.fr_size];
	VRING_STORE(&ue->vue_id, id);
	VRING_STORE(&ue->vue_len, len);
}

void
fvio_vq_set_used_idx(fvio_vq_t *vq, uint16_t idx)
{
	vq->fq_used_idx = idx;
	VRING_RELEASE(&fvio_vq_usedp(vq)->vu_idx, idx);
}

void
fvio_vq_push(fvio_vq_t *vq, uint32_t id, uint32_t len)
{
	fvio_vq_set_used(vq, vq->fq_used_idx, id, len);
	fvio_vq_set_used_idx(vq, vq->fq_used_idx + 1);
}

void
fvio_vq_no_notify(fvio_vq_t *vq, bool no)
{
	VRING_STORE(&fvio_vq_usedp(vq)->vu_flags,
	    no ? VRING_USED_F_NO_NOTIFY : 0);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

bool
fvio_vq_wants_intr(const fvio_vq_t *vq)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return ((VRING_LOAD(&fvio_vq_availp(vq)->va_flags) &
	    VRING_AVAIL_F_NO_INTERRUPT) == 0);
}

/* Between a buffer and the segments of one direction. */
static size_t
fvio_elem_copy(const fvio_elem_t *elem, bool write, size_t off, void *buf,
    size_t len)
{
	const fvio_seg_t *seg;
	size_t done = 0, n;
	uint_t i;

	for (i = 0; i < elem->fe_nsegs && done < len; i++) {
		seg = &elem->fe_seg[i];
		if (seg->fs_write != write)
			continue;
		if (off >= seg->fs_len) {
			off -= seg->fs_len;
			continue;
		}
		n = MIN(seg->fs_len - off, len - done);
		if (write)
			bcopy((caddr_t)buf + done, (caddr_t)seg->fs_va + off,
			    n);
		else
			bcopy((caddr_t)seg->fs_va + off, (caddr_t)buf + done,
			    n);
		done += n;
		off = 0;
	}
	return (done);
}

size_t
fvio_elem_read(const fvio_elem_t *elem, size_t off, void *buf, size_t len)
{
	return (fvio_elem_copy(elem, false, off, buf, len));
}

size_t
fvio_elem_write(const fvio_elem_t *elem, size_t off, const void *buf,
    size_t len)
{
	return (fvio_elem_copy(elem, true, off, __DECONST(void *, buf), len));
}
