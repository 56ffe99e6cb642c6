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
 * The fake virtio framework, as a driver sees it: see virtio.h for the rules,
 * virtio_impl.h for the parts and their locks.
 *
 * Everything that the driver hands over is looked up in lists or by state:
 * vio_phase() says whether a function may be called now, vic_state who has a
 * chain.  What is left when the virtio_t goes was leaked.
 *
 * Rings.  The driver's side owns vq_avail_idx and vq_used_idx; what the device
 * can see is the avail ring, written when a chain is submitted, and its index,
 * written when the queue is flushed.  vq_inflight[] finds a chain by the head
 * that the used ring names, and nothing else of what the device says is
 * believed, not even that it ever stops.
 *
 * Descriptors that are free are in a stack.  So the one that was freed last is
 * used first, which makes a device that still looks at it see the difference.
 */

#include "virtio_impl.h"

#define	VIO_INTR_PRI	5

/* Bits of the transport that this framework has nothing to do with. */
#define	VIO_F_TRANSPORT	(((1ULL << 41) - 1) & ~((1ULL << 24) - 1))
#define	VIO_F_KNOWN	(FVIO_F_INDIRECT | FVIO_F_VERSION_1)

struct virtio_queue {
	virtio_t	*vq_vio;
	uint16_t	vq_index;
	uint16_t	vq_size;
	const char	*vq_name;
	ddi_intr_handler_t *vq_func;
	void		*vq_arg;
	bool		vq_indirect;
	uint_t		vq_max_segs;
	virtio_dma_t	*vq_dma;
	vring_desc_t	*vq_desc;
	vring_avail_t	*vq_avail;
	vring_used_t	*vq_used;
	fvio_ring_t	vq_ring;

	kmutex_t	vq_lock;	/* protects, to the next comment */
	uint16_t	vq_avail_idx;	/* next to fill, may be unpublished */
	uint16_t	vq_used_idx;	/* next to look at */
	bool		vq_broken;
	uint_t		vq_nactive;	/* chains the device has */
	virtio_chain_t	**vq_inflight;	/* by head */

	kmutex_t	vq_idlock;
	uint_t		vq_nids;	/* descriptors that are free */
	uint16_t	*vq_ids;
	uint_t		vq_nchains;	/* that exist */
};

typedef enum {
	VIC_DRIVER = 0x64727672,
	VIC_DEVICE = 0x64657663,
	VIC_FREED = 0x67676e65
} virtio_chain_state_t;

typedef struct virtio_seg {
	virtio_dma_t	*vs_dma;
	uint32_t	vs_binding;
	uint64_t	vs_pa;
	size_t		vs_len;
} virtio_seg_t;

/* Belongs to whoever has it; vic_state changes under vq_lock. */
struct virtio_chain {
	virtio_chain_state_t vic_state;
	virtio_queue_t	*vic_queue;
	void		*vic_data;
	size_t		vic_received;
	virtio_dma_t	*vic_table;	/* indirect */
	uint16_t	*vic_id;	/* descriptors: one, or of each seg */
	uint_t		vic_nsegs;
	virtio_seg_t	vic_seg[];	/* vq_max_segs */
};

static const ddi_dma_attr_t virtio_dma_attr_queue = {
	.dma_attr_version	= DMA_ATTR_V0,
	.dma_attr_addr_lo	= 0,
	.dma_attr_addr_hi	= 0xffffffff000,
	.dma_attr_count_max	= 0xffffffff,
	.dma_attr_align		= 4096,
	.dma_attr_burstsizes	= 1,
	.dma_attr_minxfer	= 1,
	.dma_attr_maxxfer	= 0xffffffff,
	.dma_attr_seg		= 0xffffffff,
	.dma_attr_sgllen	= 1,
	.dma_attr_granular	= 1
};

static const ddi_dma_attr_t virtio_dma_attr_table = {
	.dma_attr_version	= DMA_ATTR_V0,
	.dma_attr_addr_lo	= 0,
	.dma_attr_addr_hi	= UINT64_MAX,
	.dma_attr_count_max	= 0xffffffff,
	.dma_attr_align		= sizeof (vring_desc_t),
	.dma_attr_burstsizes	= 1,
	.dma_attr_minxfer	= 1,
	.dma_attr_maxxfer	= 0xffffffff,
	.dma_attr_seg		= 0xffffffff,
	.dma_attr_sgllen	= 1,
	.dma_attr_granular	= 1
};

static const char *const vio_phase_names[VIO_NPHASES] = {
	"after virtio_init()",
	"after virtio_init_features()",
	"after virtio_init_complete()",
	"after virtio_shutdown()",
	"after initialisation has failed"
};

/* Panics unless the function may be called in this phase. */
static void
vio_phase(const virtio_t *vio, const char *func, uint_t allowed)
{
	const uint_t phase = VRING_ACQUIRE(&vio->vio_phase);

	if ((phase & allowed) == 0)
		panic("%s: called in the wrong phase: %s", func,
		    vio_phase_names[ddi_ffs(phase) - 1]);
}

static void
vio_set_phase(virtio_t *vio, uint_t phase)
{
	VRING_RELEASE(&vio->vio_phase, phase);
}

static const fvio_ops_t *
vio_ops(const virtio_t *vio)
{
	return (vio->vio_dev->fvio_ops);
}

static void *
vio_arg(const virtio_t *vio)
{
	return (vio->vio_dev->fvio_arg);
}

/*
 * The beginning.
 */
virtio_t *
virtio_init(dev_info_t *dip)
{
	fvio_t *dev = ddi_get_parent_data(dip);
	virtio_t *vio;

	fk_maysleep("virtio_init");
	if (dev == NULL || dev->fvio_dip != dip)
		panic("virtio_init: not a virtio device");
	if (dev->fvio_vio != NULL)
		panic("virtio_init: called already");
	if (fk_fail_now())
		return (NULL);
	vio = kmem_zalloc(sizeof (*vio), KM_SLEEP);
	vio->vio_dev = dev;
	vio->vio_dip = dip;
	vio->vio_modern = (dev->fvio_flags & FVIO_LEGACY) == 0;
	mutex_init(&vio->vio_lock, NULL, MUTEX_DRIVER, NULL);
	list_create(&vio->vio_dmas, sizeof (virtio_dma_t),
	    offsetof(virtio_dma_t, vd_node));
	dev->fvio_vio = vio;
	VRING_STORE(&dev->fvio_broken, 0);
	vio_set_phase(vio, VIO_STARTED);
	return (vio);
}

boolean_t
virtio_init_features(virtio_t *vio, uint64_t wanted, boolean_t allow_indirect)
{
	uint64_t offered;

	vio_phase(vio, "virtio_init_features", VIO_STARTED);
	if ((wanted & VIO_F_TRANSPORT & ~VIO_F_KNOWN) != 0)
		panic("virtio_init_features: bits of the transport: %lx",
		    (ulong_t)wanted);
	if (fk_fail_now() || (!vio->vio_modern && wanted > UINT32_MAX)) {
		vio_set_phase(vio, VIO_FAILED);
		return (B_FALSE);
	}
	offered = vio_ops(vio)->fo_features(vio_arg(vio));
	if (allow_indirect)
		wanted |= FVIO_F_INDIRECT;
	if (vio->vio_modern)
		wanted |= FVIO_F_VERSION_1;
	else
		offered &= UINT32_MAX;
	vio->vio_features = offered & wanted;
	vio_set_phase(vio, VIO_NEGOTIATED);
	return (B_TRUE);
}

boolean_t
virtio_features_present(virtio_t *vio, uint64_t mask)
{
	vio_phase(vio, "virtio_features_present",
	    VIO_NEGOTIATED | VIO_RUNNING | VIO_SHUTDOWN | VIO_FAILED);
	return ((vio->vio_features & mask) == mask);
}

uint32_t
virtio_features(virtio_t *vio)
{
	vio_phase(vio, "virtio_features",
	    VIO_NEGOTIATED | VIO_RUNNING | VIO_SHUTDOWN | VIO_FAILED);
	return ((uint32_t)vio->vio_features);
}

boolean_t
virtio_modern(virtio_t *vio)
{
	return (vio->vio_modern);
}

void
virtio_register_cfgchange_handler(virtio_t *vio, ddi_intr_handler_t *func,
    void *arg)
{
	vio_phase(vio, "virtio_register_cfgchange_handler",
	    VIO_STARTED | VIO_NEGOTIATED);
	if (vio->vio_cfg_func != NULL)
		panic("virtio_register_cfgchange_handler: called already");
	vio->vio_cfg_func = func;
	vio->vio_cfg_arg = arg;
}

/* The handlers get their vectors: false, there are none. */
static bool
vio_vectors_set(virtio_t *vio)
{
	fvio_vector_t *vec = vio->vio_dev->fvio_vec;
	virtio_queue_t *viq;
	bool any = vio->vio_cfg_func != NULL;
	uint_t i;

	fvio_vector_set(&vec[FVIO_CONFIG], vio->vio_cfg_func,
	    vio->vio_cfg_arg, vio);
	for (i = 0; i < FVIO_QUEUES; i++) {
		viq = vio->vio_queue[i];
		if (viq == NULL || viq->vq_func == NULL)
			continue;
		fvio_vector_set(&vec[i], viq->vq_func, viq->vq_arg, vio);
		any = true;
	}
	return (any);
}

int
virtio_init_complete(virtio_t *vio, int types)
{
	fvio_ring_t rings[FVIO_QUEUES] = { 0 };
	uint_t i;

	fk_maysleep("virtio_init_complete");
	vio_phase(vio, "virtio_init_complete", VIO_NEGOTIATED);
	for (i = 0; i < FVIO_QUEUES; i++) {
		if (vio->vio_queue[i] != NULL)
			rings[i] = vio->vio_queue[i]->vq_ring;
	}
	if (!vio_vectors_set(vio))
		panic("virtio_init_complete: there is no handler");
	if (fk_fail_now() || (types != VIRTIO_ANY_INTR_TYPE &&
	    (types & DDI_INTR_TYPE_MSIX) == 0) ||
	    !vio_ops(vio)->fo_start(vio_arg(vio), vio->vio_features, rings)) {
		vio_set_phase(vio, VIO_FAILED);
		return (DDI_FAILURE);
	}
	VRING_STORE(&vio->vio_started, true);
	vio_set_phase(vio, VIO_RUNNING);
	return (DDI_SUCCESS);
}

void *
virtio_intr_pri(virtio_t *vio)
{
	vio_phase(vio, "virtio_intr_pri", VIO_RUNNING | VIO_SHUTDOWN);
	return (DDI_INTR_PRI(VIO_INTR_PRI));
}

int
virtio_interrupts_enable(virtio_t *vio)
{
	fk_maysleep("virtio_interrupts_enable");
	vio_phase(vio, "virtio_interrupts_enable", VIO_RUNNING);
	if (vio->vio_intr_enabled)
		return (DDI_SUCCESS);
	if (fk_fail_now())
		return (DDI_FAILURE);
	vio->vio_intr_enabled = true;
	fvio_vectors_enable(vio->vio_dev);
	return (DDI_SUCCESS);
}

static void
vio_interrupts_off(virtio_t *vio)
{
	if (!vio->vio_intr_enabled)
		return;
	vio->vio_intr_enabled = false;
	fvio_vectors_disable(vio->vio_dev);
}

void
virtio_interrupts_disable(virtio_t *vio)
{
	fk_maysleep("virtio_interrupts_disable");
	if (vio->vio_intr_enabled)
		vio_phase(vio, "virtio_interrupts_disable", VIO_SHUTDOWN);
	vio_interrupts_off(vio);
}

/*
 * The end.
 */

static void
vio_device_stop(virtio_t *vio)
{
	if (vio->vio_started) {
		VRING_STORE(&vio->vio_started, false);
		vio_ops(vio)->fo_stop(vio_arg(vio));
	}
}

void
virtio_device_reset(virtio_t *vio)
{
	fk_maysleep("virtio_device_reset");
	vio_phase(vio, "virtio_device_reset", VIO_RUNNING | VIO_SHUTDOWN);
	vio_device_stop(vio);
}

int
virtio_quiesce(virtio_t *vio)
{
	vio_device_stop(vio);
	return (DDI_SUCCESS);
}

void
virtio_shutdown(virtio_t *vio)
{
	virtio_queue_t *viq;
	uint_t i;

	fk_maysleep("virtio_shutdown");
	mutex_enter(&vio->vio_lock);
	vio_set_phase(vio, VIO_SHUTDOWN);
	/* Who was about to submit or poll has, or will see it. */
	for (i = 0; i < FVIO_QUEUES; i++) {
		viq = vio->vio_queue[i];
		if (viq != NULL) {
			mutex_enter(&viq->vq_lock);
			mutex_exit(&viq->vq_lock);
		}
	}
	mutex_exit(&vio->vio_lock);
	vio_device_stop(vio);
}

static void
vio_queue_free(virtio_queue_t *viq)
{
	if (viq->vq_nchains != 0)
		panic("virtio_fini: %u chains of queue %s were not freed, %u "
		    "of them the device has", viq->vq_nchains, viq->vq_name,
		    viq->vq_nactive);
	virtio_dma_free(viq->vq_dma);
	kmem_free(viq->vq_inflight,
	    viq->vq_size * sizeof (*viq->vq_inflight));
	kmem_free(viq->vq_ids, viq->vq_size * sizeof (*viq->vq_ids));
	mutex_destroy(&viq->vq_idlock);
	mutex_destroy(&viq->vq_lock);
	kmem_free(viq, sizeof (*viq));
}

void
virtio_fini(virtio_t *vio, boolean_t failed)
{
	virtio_dma_t *vd;
	uint_t i, n = 0;

	fk_maysleep("virtio_fini");
	vio_interrupts_off(vio);
	fvio_vectors_clear(vio->vio_dev);
	vio_device_stop(vio);
	for (i = 0; i < FVIO_QUEUES; i++) {
		if (vio->vio_queue[i] != NULL)
			vio_queue_free(vio->vio_queue[i]);
	}
	for (vd = list_head(&vio->vio_dmas); vd != NULL;
	    vd = list_next(&vio->vio_dmas, vd))
		n++;
	if (n != 0)
		panic("virtio_fini: DMA memory was not freed: %u times", n);
	vio->vio_dev->fvio_vio = NULL;
	list_destroy(&vio->vio_dmas);
	mutex_destroy(&vio->vio_lock);
	kmem_free(vio, sizeof (*vio));
}

/*
 * Configuration space.
 */
uint8_t
virtio_dev_getgen(virtio_t *vio)
{
	if (!vio->vio_modern || vio_ops(vio)->fo_config_gen == NULL)
		return (0);
	return (vio_ops(vio)->fo_config_gen(vio_arg(vio)));
}

static void
vio_config(virtio_t *vio, uintptr_t off, void *buf, uint32_t len)
{
	if (off > UINT32_MAX || !vio_ops(vio)->fo_config(vio_arg(vio),
	    (uint32_t)off, buf, len))
		panic("virtio_dev_get: %u bytes at %lu are not there", len,
		    off);
}

uint8_t
virtio_dev_get8(virtio_t *vio, uintptr_t off)
{
	uint8_t v;

	vio_config(vio, off, &v, sizeof (v));
	return (v);
}

uint16_t
virtio_dev_get16(virtio_t *vio, uintptr_t off)
{
	uint16_t v;

	vio_config(vio, off, &v, sizeof (v));
	return (v);
}

uint32_t
virtio_dev_get32(virtio_t *vio, uintptr_t off)
{
	uint32_t v;

	vio_config(vio, off, &v, sizeof (v));
	return (v);
}

/* As two accesses of a bus are: not at once, but as often as it takes. */
uint64_t
virtio_dev_get64(virtio_t *vio, uintptr_t off)
{
	uint32_t lo, hi, again;
	uint8_t gen;

	do {
		gen = virtio_dev_getgen(vio);
		lo = virtio_dev_get32(vio, off);
		hi = virtio_dev_get32(vio, off + sizeof (lo));
		again = virtio_dev_get32(vio, off);
	} while (virtio_dev_getgen(vio) != gen || again != lo);
	return ((uint64_t)hi << 32 | lo);
}

void
virtio_dev_put8(virtio_t *vio, uintptr_t off, uint8_t v)
{
	vio_phase(vio, "virtio_dev_put8", VIO_RUNNING);
}

void
virtio_dev_put16(virtio_t *vio, uintptr_t off, uint16_t v)
{
	vio_phase(vio, "virtio_dev_put16", VIO_RUNNING);
}

void
virtio_dev_put32(virtio_t *vio, uintptr_t off, uint32_t v)
{
	vio_phase(vio, "virtio_dev_put32", VIO_RUNNING);
}

/*
 * Queues.
 */
virtio_queue_t *
virtio_queue_alloc(virtio_t *vio, uint16_t index, const char *name,
    ddi_intr_handler_t *func, void *arg, boolean_t force_direct,
    uint_t max_segs)
{
	virtio_queue_t *viq;
	virtio_dma_t *vd;
	size_t descs, driver, device;
	uint16_t size = 0;
	uint_t i;

	fk_maysleep("virtio_queue_alloc");
	vio_phase(vio, "virtio_queue_alloc", VIO_NEGOTIATED);
	if (max_segs == 0)
		panic("virtio_queue_alloc: no segments");
	if (index < FVIO_QUEUES) {
		if (vio->vio_queue[index] != NULL)
			panic("virtio_queue_alloc: queue %u exists", index);
		size = vio_ops(vio)->fo_queue_size(vio_arg(vio), index);
	}
	if (size == 0) {
		dev_err(vio->vio_dip, CE_WARN, "!there is no queue %u", index);
		return (NULL);
	}
	VERIFY(ISP2(size));

	descs = size * sizeof (vring_desc_t);
	driver = P2ROUNDUP(descs + sizeof (vring_avail_t) +
	    size * sizeof (uint16_t), (size_t)PAGESIZE);
	device = sizeof (vring_used_t) + size * sizeof (vring_used_elem_t);
	vd = virtio_dma_alloc(vio, driver + device, &virtio_dma_attr_queue,
	    DDI_DMA_RDWR | DDI_DMA_CONSISTENT, KM_SLEEP);
	if (vd == NULL)
		return (NULL);

	viq = kmem_zalloc(sizeof (*viq), KM_SLEEP);
	viq->vq_vio = vio;
	viq->vq_index = index;
	viq->vq_size = size;
	viq->vq_name = name;
	viq->vq_func = func;
	viq->vq_arg = arg;
	viq->vq_indirect = !force_direct &&
	    (vio->vio_features & FVIO_F_INDIRECT) != 0;
	viq->vq_max_segs = max_segs;
	viq->vq_dma = vd;
	viq->vq_desc = virtio_dma_va(vd, 0);
	viq->vq_avail = virtio_dma_va(vd, descs);
	viq->vq_used = virtio_dma_va(vd, driver);
	viq->vq_ring.fr_size = size;
	viq->vq_ring.fr_desc = virtio_dma_cookie_pa(vd, 0);
	viq->vq_ring.fr_avail = viq->vq_ring.fr_desc + descs;
	viq->vq_ring.fr_used = viq->vq_ring.fr_desc + driver;
	mutex_init(&viq->vq_lock, NULL, MUTEX_DRIVER, NULL);
	mutex_init(&viq->vq_idlock, NULL, MUTEX_DRIVER, NULL);
	viq->vq_inflight = kmem_zalloc(size * sizeof (*viq->vq_inflight),
	    KM_SLEEP);
	viq->vq_ids = kmem_zalloc(size * sizeof (*viq->vq_ids), KM_SLEEP);
	for (i = size; i > 0; i--)
		viq->vq_ids[viq->vq_nids++] = (uint16_t)(i - 1);
	vio->vio_queue[index] = viq;
	return (viq);
}

static bool
vio_id_alloc(virtio_queue_t *viq, uint16_t *idp)
{
	bool ok;

	mutex_enter(&viq->vq_idlock);
	ok = viq->vq_nids != 0 && !fk_fail_now();
	if (ok)
		*idp = viq->vq_ids[--viq->vq_nids];
	mutex_exit(&viq->vq_idlock);
	return (ok);
}

static void
vio_id_free(virtio_queue_t *viq, uint16_t id)
{
	mutex_enter(&viq->vq_idlock);
	viq->vq_ids[viq->vq_nids++] = id;
	mutex_exit(&viq->vq_idlock);
}

uint_t
virtio_queue_size(virtio_queue_t *viq)
{
	return (viq->vq_size);
}

uint_t
virtio_queue_nactive(virtio_queue_t *viq)
{
	uint_t n;

	mutex_enter(&viq->vq_lock);
	n = viq->vq_nactive;
	mutex_exit(&viq->vq_lock);
	return (n);
}

void
virtio_queue_no_interrupt(virtio_queue_t *viq, boolean_t no)
{
	vio_phase(viq->vq_vio, "virtio_queue_no_interrupt",
	    VIO_RUNNING | VIO_SHUTDOWN);
	mutex_enter(&viq->vq_lock);
	VRING_STORE(&viq->vq_avail->va_flags,
	    no ? VRING_AVAIL_F_NO_INTERRUPT : 0);
	mutex_exit(&viq->vq_lock);
}

/* Takes the chain with that head from the device; NULL, it has none such. */
static virtio_chain_t *
vio_take(virtio_queue_t *viq, uint32_t id)
{
	virtio_chain_t *vic;
	uint_t i;

	ASSERT(MUTEX_HELD(&viq->vq_lock));
	if (id >= viq->vq_size || (vic = viq->vq_inflight[id]) == NULL)
		return (NULL);
	viq->vq_inflight[id] = NULL;
	viq->vq_nactive--;
	for (i = 0; i < vic->vic_nsegs; i++)
		atomic_dec_32(&vic->vic_seg[i].vs_dma->vd_inflight);
	if (vic->vic_table != NULL)
		atomic_dec_32(&vic->vic_table->vd_inflight);
	vic->vic_state = VIC_DRIVER;
	return (vic);
}

virtio_chain_t *
virtio_queue_poll(virtio_queue_t *viq)
{
	virtio_t *vio = viq->vq_vio;
	const vring_used_elem_t *elem;
	virtio_chain_t *vic = NULL;
	uint32_t id;

	vio_phase(vio, "virtio_queue_poll", VIO_RUNNING | VIO_SHUTDOWN);
	mutex_enter(&viq->vq_lock);
	if (VRING_LOAD(&vio->vio_phase) == VIO_SHUTDOWN || viq->vq_broken ||
	    VRING_ACQUIRE(&viq->vq_used->vu_idx) == viq->vq_used_idx) {
		mutex_exit(&viq->vq_lock);
		return (NULL);
	}
	elem = &viq->vq_used->vu_ring[viq->vq_used_idx % viq->vq_size];
	id = VRING_LOAD(&elem->vue_id);
	vic = vio_take(viq, id);
	if (vic != NULL) {
		vic->vic_received = VRING_LOAD(&elem->vue_len);
		viq->vq_used_idx++;
	} else {
		viq->vq_broken = true;
		atomic_or_32(&vio->vio_dev->fvio_broken,
		    1U << viq->vq_index);
		if (vio_ops(vio)->fo_broken != NULL)
			vio_ops(vio)->fo_broken(vio_arg(vio), viq->vq_index,
			    id);
	}
	mutex_exit(&viq->vq_lock);
	return (vic);
}

virtio_chain_t *
virtio_queue_evacuate(virtio_queue_t *viq)
{
	virtio_chain_t *vic = NULL;
	uint_t i;

	vio_phase(viq->vq_vio, "virtio_queue_evacuate", VIO_SHUTDOWN);
	mutex_enter(&viq->vq_lock);
	for (i = 0; i < viq->vq_size && vic == NULL; i++)
		vic = vio_take(viq, i);
	if (vic != NULL)
		vic->vic_received = 0;
	mutex_exit(&viq->vq_lock);
	return (vic);
}

/*
 * The device sees what was submitted, and is told unless it does not want to
 * be.  Its flag may be read before our index is seen by it.
 */
static void
vio_flush(virtio_queue_t *viq)
{
	virtio_t *vio = viq->vq_vio;

	ASSERT(MUTEX_HELD(&viq->vq_lock));
	VRING_RELEASE(&viq->vq_avail->va_idx, viq->vq_avail_idx);
	if ((VRING_LOAD(&viq->vq_used->vu_flags) &
	    VRING_USED_F_NO_NOTIFY) == 0 && VRING_LOAD(&vio->vio_started))
		vio_ops(vio)->fo_notify(vio_arg(vio), viq->vq_index);
}

void
virtio_queue_flush(virtio_queue_t *viq)
{
	mutex_enter(&viq->vq_lock);
	vio_phase(viq->vq_vio, "virtio_queue_flush", VIO_RUNNING);
	vio_flush(viq);
	mutex_exit(&viq->vq_lock);
}

/*
 * Chains.
 */

/* Panics unless the driver has the chain. */
static void
vio_chain_check(const virtio_chain_t *vic, const char *func)
{
	const virtio_chain_state_t state = VRING_LOAD(&vic->vic_state);

	if (state == VIC_DEVICE)
		panic("%s: the device has the chain", func);
	if (state != VIC_DRIVER)
		panic("%s: not a chain, or it was freed", func);
}

static size_t
vio_chain_size(const virtio_queue_t *viq)
{
	return (sizeof (virtio_chain_t) +
	    viq->vq_max_segs * sizeof (virtio_seg_t));
}

/* How many descriptors of the ring a chain can have. */
static size_t
vio_chain_nids(const virtio_queue_t *viq)
{
	return (viq->vq_indirect ? 1 : viq->vq_max_segs);
}

/* Frees what there is of a chain. */
static void
vio_chain_free(virtio_queue_t *viq, virtio_chain_t *vic)
{
	if (vic->vic_table != NULL)
		virtio_dma_free(vic->vic_table);
	if (vic->vic_id != NULL)
		kmem_free(vic->vic_id,
		    vio_chain_nids(viq) * sizeof (*vic->vic_id));
	kmem_free(vic, vio_chain_size(viq));
}

/* The table of an indirect chain, and the descriptor for it. */
static bool
vio_chain_table(virtio_queue_t *viq, virtio_chain_t *vic, int kmflag)
{
	vring_desc_t *desc;

	vic->vic_table = virtio_dma_alloc(viq->vq_vio,
	    viq->vq_max_segs * sizeof (vring_desc_t), &virtio_dma_attr_table,
	    DDI_DMA_WRITE | DDI_DMA_CONSISTENT, kmflag);
	if (vic->vic_table == NULL || !vio_id_alloc(viq, &vic->vic_id[0]))
		return (false);
	desc = &viq->vq_desc[vic->vic_id[0]];
	desc->vd_addr = virtio_dma_cookie_pa(vic->vic_table, 0);
	desc->vd_len = 0;
	desc->vd_flags = VRING_DESC_F_INDIRECT;
	desc->vd_next = 0;
	return (true);
}

virtio_chain_t *
virtio_chain_alloc(virtio_queue_t *viq, int kmflag)
{
	virtio_chain_t *vic;

	vio_phase(viq->vq_vio, "virtio_chain_alloc",
	    VIO_NEGOTIATED | VIO_RUNNING);
	if (fk_fail_now() ||
	    (vic = kmem_zalloc(vio_chain_size(viq), kmflag)) == NULL)
		return (NULL);
	vic->vic_queue = viq;
	vic->vic_id = kmem_zalloc(vio_chain_nids(viq) * sizeof (*vic->vic_id),
	    kmflag);
	if (vic->vic_id == NULL ||
	    (viq->vq_indirect && !vio_chain_table(viq, vic, kmflag))) {
		vio_chain_free(viq, vic);
		return (NULL);
	}
	vic->vic_state = VIC_DRIVER;
	mutex_enter(&viq->vq_idlock);
	viq->vq_nchains++;
	mutex_exit(&viq->vq_idlock);
	return (vic);
}

static void
vio_chain_clear(virtio_queue_t *viq, virtio_chain_t *vic)
{
	if (viq->vq_indirect) {
		viq->vq_desc[vic->vic_id[0]].vd_len = 0;
		bzero(virtio_dma_va(vic->vic_table, 0),
		    virtio_dma_size(vic->vic_table));
		vic->vic_nsegs = 0;
	} else {
		while (vic->vic_nsegs > 0)
			vio_id_free(viq, vic->vic_id[--vic->vic_nsegs]);
	}
}

void
virtio_chain_clear(virtio_chain_t *vic)
{
	vio_chain_check(vic, "virtio_chain_clear");
	vio_chain_clear(vic->vic_queue, vic);
}

void
virtio_chain_free(virtio_chain_t *vic)
{
	virtio_queue_t *viq = vic->vic_queue;

	vio_chain_check(vic, "virtio_chain_free");
	vio_chain_clear(viq, vic);
	if (viq->vq_indirect)
		vio_id_free(viq, vic->vic_id[0]);
	mutex_enter(&viq->vq_idlock);
	viq->vq_nchains--;
	mutex_exit(&viq->vq_idlock);
	vic->vic_state = VIC_FREED;
	vio_chain_free(viq, vic);
}

/* The memory of a segment, or panics. */
static virtio_dma_t *
vio_append_check(virtio_chain_t *vic, uint64_t pa, size_t len,
    virtio_direction_t dir)
{
	virtio_dma_t *vd;

	vio_chain_check(vic, "virtio_chain_append");
	if (dir != VIRTIO_DIR_DEVICE_WRITES && dir != VIRTIO_DIR_DEVICE_READS)
		panic("virtio_chain_append: direction %d", dir);
	if (len == 0 || len > UINT32_MAX)
		panic("virtio_chain_append: %lu bytes", len);
	vd = fvio_dma_find(pa, len);
	if (vd == NULL || vd->vd_vio != vic->vic_queue->vq_vio)
		panic("virtio_chain_append: %lu bytes at %lx are not DMA "
		    "memory", len, (ulong_t)pa);
	if (!fvio_dma_in_cookie(vd, pa, len))
		panic("virtio_chain_append: more than one cookie");
	if ((vd->vd_flags & (dir == VIRTIO_DIR_DEVICE_WRITES ?
	    DDI_DMA_READ : DDI_DMA_WRITE)) == 0)
		panic("virtio_chain_append: the DMA memory was not bound for "
		    "that direction");
	return (vd);
}

int
virtio_chain_append(virtio_chain_t *vic, uint64_t pa, size_t len,
    virtio_direction_t dir)
{
	virtio_queue_t *viq = vic->vic_queue;
	virtio_dma_t *vd = vio_append_check(vic, pa, len, dir);
	vring_desc_t *table = viq->vq_indirect ?
	    virtio_dma_va(vic->vic_table, 0) : viq->vq_desc;
	const uint_t n = vic->vic_nsegs;
	uint16_t prev = 0, id = (uint16_t)n;

	mutex_enter(&viq->vq_lock);
	if (n == viq->vq_max_segs ||
	    (!viq->vq_indirect && !vio_id_alloc(viq, &id))) {
		mutex_exit(&viq->vq_lock);
		return (DDI_FAILURE);
	}
	if (n != 0) {
		prev = viq->vq_indirect ? n - 1 : vic->vic_id[n - 1];
		if (dir == VIRTIO_DIR_DEVICE_READS &&
		    (table[prev].vd_flags & VRING_DESC_F_WRITE) != 0)
			panic("virtio_chain_append: what the device reads "
			    "comes before what it writes");
		table[prev].vd_flags |= VRING_DESC_F_NEXT;
		table[prev].vd_next = id;
	}
	table[id].vd_addr = pa;
	table[id].vd_len = (uint32_t)len;
	table[id].vd_flags = dir == VIRTIO_DIR_DEVICE_WRITES ?
	    VRING_DESC_F_WRITE : 0;
	table[id].vd_next = 0;
	if (viq->vq_indirect)
		viq->vq_desc[vic->vic_id[0]].vd_len += sizeof (vring_desc_t);
	else
		vic->vic_id[n] = id;
	vic->vic_seg[n].vs_dma = vd;
	vic->vic_seg[n].vs_binding = vd->vd_binding;
	vic->vic_seg[n].vs_pa = pa;
	vic->vic_seg[n].vs_len = len;
	vic->vic_nsegs++;
	mutex_exit(&viq->vq_lock);
	return (DDI_SUCCESS);
}

void *
virtio_chain_data(virtio_chain_t *vic)
{
	return (vic->vic_data);
}

void
virtio_chain_data_set(virtio_chain_t *vic, void *data)
{
	vic->vic_data = data;
}

/* Is the memory still what was appended?  The device has it from now on. */
static void
vio_seg_submit(const virtio_seg_t *vs)
{
	virtio_dma_t *vd = fvio_dma_find(vs->vs_pa, vs->vs_len);

	if (vd == NULL || vd != vs->vs_dma || vd->vd_binding != vs->vs_binding)
		panic("virtio_chain_submit: DMA memory that was freed");
	atomic_inc_32(&vd->vd_inflight);
}

void
virtio_chain_submit(virtio_chain_t *vic, boolean_t flush)
{
	virtio_queue_t *viq = vic->vic_queue;
	virtio_t *vio = viq->vq_vio;
	uint16_t head;
	uint_t i;

	mutex_enter(&viq->vq_lock);
	vio_phase(vio, "virtio_chain_submit", VIO_RUNNING);
	vio_chain_check(vic, "virtio_chain_submit");
	if (vic->vic_nsegs == 0)
		panic("virtio_chain_submit: an empty chain");
	for (i = 0; i < vic->vic_nsegs; i++)
		vio_seg_submit(&vic->vic_seg[i]);
	if (vic->vic_table != NULL)
		atomic_inc_32(&vic->vic_table->vd_inflight);
	head = vic->vic_id[0];
	VERIFY3P(viq->vq_inflight[head], ==, NULL);
	viq->vq_inflight[head] = vic;
	viq->vq_nactive++;
	vic->vic_state = VIC_DEVICE;
	VRING_STORE(&viq->vq_avail->va_ring[viq->vq_avail_idx % viq->vq_size],
	    head);
	viq->vq_avail_idx++;
	if (flush)
		vio_flush(viq);
	mutex_exit(&viq->vq_lock);
}

size_t
virtio_chain_received_length(virtio_chain_t *vic)
{
	vio_chain_check(vic, "virtio_chain_received_length");
	return (vic->vic_received);
}
