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
 * The toy device and its driver: see fvio_toy.h.
 *
 * ft_lock is what a driver's lock is: the handlers take it.
 */

#include <sys/modctl.h>
#include "fvio_toy.h"

ft_t ft;

const ddi_dma_attr_t ft_attr = {
	.dma_attr_version	= DMA_ATTR_V0,
	.dma_attr_addr_hi	= UINT64_MAX,
	.dma_attr_count_max	= 0xffffffff,
	.dma_attr_align		= 1,
	.dma_attr_burstsizes	= 1,
	.dma_attr_minxfer	= 1,
	.dma_attr_maxxfer	= 0xffffffff,
	.dma_attr_seg		= 0xffffffff,
	.dma_attr_sgllen	= 1,
	.dma_attr_granular	= 1
};

const ddi_dma_attr_t ft_sgattr = {
	.dma_attr_version	= DMA_ATTR_V0,
	.dma_attr_addr_hi	= UINT64_MAX,
	.dma_attr_count_max	= 0xffffffff,
	.dma_attr_align		= 1,
	.dma_attr_burstsizes	= 1,
	.dma_attr_minxfer	= 1,
	.dma_attr_maxxfer	= 0xffffffff,
	.dma_attr_seg		= 0xffffffff,
	.dma_attr_sgllen	= 4,
	.dma_attr_granular	= 1
};

/*
 * The device.
 */
static uint64_t
ft_features(void *arg)
{
	return (ft.ft_offer);
}

static uint16_t
ft_queue_size(void *arg, unsigned queue)
{
	return (ft.ft_qsize[queue]);
}

static bool
ft_config(void *arg, uint32_t off, void *buf, uint32_t len)
{
	if (off > sizeof (ft.ft_config) || len > sizeof (ft.ft_config) - off)
		return (false);
	bcopy(ft.ft_config + off, buf, len);
	if (ft.ft_config_hook != NULL)
		ft.ft_config_hook();
	return (true);
}

static uint8_t
ft_config_gen(void *arg)
{
	return (ft.ft_gen);
}

static bool
ft_start(void *arg, uint64_t features, const fvio_ring_t *rings)
{
	uint_t i;

	ft.ft_starts++;
	if (ft.ft_refuse)
		return (false);
	ft.ft_accepted = features;
	for (i = 0; i < FVIO_QUEUES; i++) {
		if (rings[i].fr_size != 0)
			fvio_vq_init(&ft.ft_vq[i], &rings[i]);
	}
	return (true);
}

static void
ft_stop(void *arg)
{
	ft.ft_stops++;
	if (ft.ft_stop_hook != NULL)
		ft.ft_stop_hook();
}

static void
ft_notify(void *arg, unsigned queue)
{
	ft.ft_notified[queue]++;
}

static void
ft_broken(void *arg, unsigned queue, uint32_t id)
{
	ft.ft_nbroken++;
	ft.ft_broken_id = id;
}

static const fvio_ops_t ft_ops = {
	.fo_features	= ft_features,
	.fo_queue_size	= ft_queue_size,
	.fo_config	= ft_config,
	.fo_config_gen	= ft_config_gen,
	.fo_start	= ft_start,
	.fo_stop	= ft_stop,
	.fo_notify	= ft_notify,
	.fo_broken	= ft_broken
};

/*
 * The driver.
 */

static const char *const ft_names[FVIO_QUEUES] = { "in", "out", "event" };

static uint_t
ft_intr(caddr_t arg, caddr_t vio)
{
	const uint_t q = (uint_t)(uintptr_t)arg;

	VERIFY3P(vio, ==, ft.ft_vio);
	mutex_enter(&ft.ft_lock);
	atomic_inc_32(&ft.ft_intrs[q]);
	mutex_exit(&ft.ft_lock);
	if (ft.ft_handler != NULL)
		ft.ft_handler(q);
	return (DDI_INTR_CLAIMED);
}

static uint_t
ft_cfgchange(caddr_t arg, caddr_t vio)
{
	VERIFY3P(arg, ==, &ft);
	atomic_inc_32(&ft.ft_intrs[FVIO_CONFIG]);
	if (ft.ft_handler != NULL)
		ft.ft_handler(FVIO_CONFIG);
	return (DDI_INTR_CLAIMED);
}

static int
ftoy_attach(dev_info_t *dip, ddi_attach_cmd_t cmd)
{
	virtio_t *vio;
	boolean_t locked = B_FALSE;
	uint_t q;

	VERIFY3S(cmd, ==, DDI_ATTACH);
	if ((vio = virtio_init(dip)) == NULL)
		return (DDI_FAILURE);
	ft.ft_vio = vio;
	if (!virtio_init_features(vio, ft.ft_want, ft.ft_indirect))
		goto fail;
	for (q = 0; q < ft.ft_nqueues; q++) {
		ft.ft_q[q] = virtio_queue_alloc(vio, q, ft_names[q], ft_intr,
		    (void *)(uintptr_t)q, q != FT_OUT || ft.ft_direct,
		    q != FT_OUT ? 2 : ft.ft_segs);
		if (ft.ft_q[q] == NULL)
			goto fail;
	}
	virtio_register_cfgchange_handler(vio, ft_cfgchange, &ft);
	if (virtio_init_complete(vio, VIRTIO_ANY_INTR_TYPE) != DDI_SUCCESS)
		goto fail;
	mutex_init(&ft.ft_lock, NULL, MUTEX_DRIVER, virtio_intr_pri(vio));
	locked = B_TRUE;
	if (!ft.ft_noenable && virtio_interrupts_enable(vio) != DDI_SUCCESS)
		goto fail;
	return (DDI_SUCCESS);

fail:
	virtio_fini(vio, B_TRUE);
	if (locked)
		mutex_destroy(&ft.ft_lock);
	return (DDI_FAILURE);
}

static int
ftoy_detach(dev_info_t *dip, ddi_detach_cmd_t cmd)
{
	virtio_chain_t *vic;
	uint_t i;

	VERIFY3S(cmd, ==, DDI_DETACH);
	virtio_shutdown(ft.ft_vio);
	virtio_interrupts_disable(ft.ft_vio);
	for (i = 0; i < ft.ft_nqueues && !ft.ft_keep; i++) {
		while ((vic = virtio_queue_evacuate(ft.ft_q[i])) != NULL) {
			if (virtio_chain_data(vic) != NULL)
				virtio_dma_free(virtio_chain_data(vic));
			virtio_chain_free(vic);
		}
	}
	virtio_fini(ft.ft_vio, B_FALSE);
	mutex_destroy(&ft.ft_lock);
	return (DDI_SUCCESS);
}

static int
ftoy_quiesce(dev_info_t *dip)
{
	return (virtio_quiesce(ft.ft_vio));
}

static struct dev_ops ftoy_dev_ops = {
	.devo_rev	= DEVO_REV,
	.devo_attach	= ftoy_attach,
	.devo_detach	= ftoy_detach,
	.devo_quiesce	= ftoy_quiesce
};

static struct modldrv ftoy_modldrv = {
	.drv_modops	= &mod_driverops,
	.drv_linkinfo	= "toy virtio driver",
	.drv_dev_ops	= &ftoy_dev_ops
};

static struct modlinkage ftoy_linkage = {
	.ml_rev		= MODREV_1,
	.ml_linkage	= { &ftoy_modldrv, NULL }
};

static int
ftoy_init(void)
{
	return (mod_install(&ftoy_linkage));
}

static int
ftoy_fini(void)
{
	return (mod_remove(&ftoy_linkage));
}

static int
ftoy_info(struct modinfo *mip)
{
	return (mod_info(&ftoy_linkage, mip));
}

static const fk_module_t ftoy_modules[] = {
	{
		.fm_name = "ftoy",
		.fm_init = ftoy_init,
		.fm_fini = ftoy_fini,
		.fm_info = ftoy_info
	},
	{ .fm_name = NULL }
};
KTEST_MODULES(ftoy_modules);

/*
 * For tests.
 */
void
ft_init(void)
{
	ft.ft_want = 0x1;
	ft.ft_indirect = B_TRUE;
	ft.ft_segs = 4;
	ft.ft_nqueues = 2;
}

void
ft_create(uint_t flags)
{
	uint_t i;

	ft_init();
	ft.ft_offer = FVIO_F_INDIRECT | FVIO_F_VERSION_1 | 0x3;
	for (i = 0; i < 2; i++)
		ft.ft_qsize[i] = FT_QSIZE;
	ft.ft_dev = fvio_create("ftoy", 0, &ft_ops, NULL, flags);
}

void
ft_attach(void)
{
	KT_OK(fvio_attach(ft.ft_dev));
}

void
ft_begin(void)
{
	ft_create(0);
	ft_attach();
}

void
ft_end(void)
{
	KT_OK(fvio_detach(ft.ft_dev));
	fvio_destroy(ft.ft_dev);
}

virtio_dma_t *
ft_dma(size_t len)
{
	virtio_dma_t *vd = virtio_dma_alloc(ft.ft_vio, len, &ft_attr,
	    DDI_DMA_RDWR | DDI_DMA_CONSISTENT, KM_SLEEP);

	KT_ASSERT(vd != NULL);
	return (vd);
}

virtio_chain_t *
ft_chain(uint_t q, virtio_dma_t *vd)
{
	virtio_chain_t *vic = virtio_chain_alloc(ft.ft_q[q], KM_SLEEP);

	KT_ASSERT(vic != NULL);
	virtio_chain_data_set(vic, vd);
	KT_OK(virtio_chain_append(vic, virtio_dma_cookie_pa(vd, 0),
	    virtio_dma_cookie_size(vd, 0), q == FT_OUT ?
	    VIRTIO_DIR_DEVICE_READS : VIRTIO_DIR_DEVICE_WRITES));
	return (vic);
}

virtio_chain_t *
ft_submit(uint_t q, virtio_dma_t *vd)
{
	virtio_chain_t *vic = ft_chain(q, vd);

	virtio_chain_submit(vic, B_TRUE);
	return (vic);
}
