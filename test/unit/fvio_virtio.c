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
 * The fake virtio framework: what works, and what panics.
 */

#include <sys/disp.h>
#include "fvio_toy.h"

/*
 * Initialisation.
 */

KTEST(fvio_attach_detach)
{
	int i;

	ft_create(0);
	for (i = 1; i <= 3; i++) {
		ft_attach();
		KT_EQ(ft.ft_starts, i);
		KT_EQ(ft.ft_stops, i - 1);
		KT_OK(fvio_detach(ft.ft_dev));
		KT_EQ(ft.ft_stops, i);
	}
	fvio_destroy(ft.ft_dev);
}

KTEST(fvio_features_modern)
{
	ft_begin();
	KT_ASSERT(virtio_modern(ft.ft_vio));
	/* Of what was offered, what was wanted and what the framework adds. */
	KT_EQ(ft.ft_accepted, FVIO_F_INDIRECT | FVIO_F_VERSION_1 | 0x1);
	KT_EQ(virtio_features(ft.ft_vio), (uint32_t)FVIO_F_INDIRECT | 0x1);
	KT_ASSERT(virtio_features_present(ft.ft_vio, 0x1));
	KT_ASSERT(!virtio_features_present(ft.ft_vio, 0x2));
	/* All of them, not any. */
	KT_ASSERT(!virtio_features_present(ft.ft_vio, 0x3));
	ft_end();
}

KTEST(fvio_features_legacy)
{
	ft_create(FVIO_LEGACY);
	ft.ft_want = 1ULL << 50;
	KT_EQ(fvio_attach(ft.ft_dev), ENXIO);
	ft.ft_want = 0x3;
	ft_attach();
	KT_ASSERT(!virtio_modern(ft.ft_vio));
	KT_EQ(ft.ft_accepted, FVIO_F_INDIRECT | 0x3);
	KT_EQ(virtio_dev_getgen(ft.ft_vio), 0);
	ft_end();
}

KTEST(fvio_attach_refused)
{
	ft_create(0);
	ft.ft_refuse = B_TRUE;
	KT_EQ(fvio_attach(ft.ft_dev), ENXIO);
	KT_EQ(ft.ft_stops, 0);
	ft.ft_refuse = B_FALSE;
	ft.ft_qsize[FT_OUT] = 0;
	KT_EQ(fvio_attach(ft.ft_dev), ENXIO);
	ft.ft_qsize[FT_OUT] = FT_QSIZE;
	ft_attach();
	ft_end();
}

/* Every failure that is possible is asked for, until there is none. */
KTEST(fvio_attach_failures)
{
	uint64_t n, tried, failed;
	int err;

	ft_create(0);
	for (n = 1; ; n++) {
		fk_fail_nth(n);
		err = fvio_attach(ft.ft_dev);
		fk_fail_nth(0);
		fk_fail_counts(&tried, &failed);
		if (failed != n)
			break;
		KT_EQ(err, ENXIO);
	}
	KT_OK(err);
	/* init, features, two queues, complete, enable. */
	KT_GE(n, 7);
	ft_end();
}

KTEST(fvio_quiesced)
{
	ft_begin();
	(void) ft_submit(FT_IN, ft_dma(64));
	KT_OK(fvio_quiesce(ft.ft_dev));
	KT_EQ(ft.ft_stops, 1);
	ft_end();
	KT_EQ(ft.ft_stops, 1);
}

static void
ft_config_tear(void)
{
	/* Changes between the halves, once. */
	ft.ft_config_hook = NULL;
	(void) memset(ft.ft_config, 0xff, sizeof (ft.ft_config));
	ft.ft_gen++;
}

KTEST(fvio_config)
{
	ft_begin();
	ft.ft_config[0] = 0x11;
	ft.ft_config[1] = 0x22;
	ft.ft_config[7] = 0x88;
	KT_EQ(virtio_dev_get8(ft.ft_vio, 1), 0x22);
	KT_EQ(virtio_dev_get16(ft.ft_vio, 0), 0x2211);
	KT_EQ(virtio_dev_get32(ft.ft_vio, 4), 0x88000000);
	KT_ASSERT(virtio_dev_get64(ft.ft_vio, 0) == 0x8800000000002211ULL);
	ft.ft_config_hook = ft_config_tear;
	KT_ASSERT(virtio_dev_get64(ft.ft_vio, 0) == UINT64_MAX);
	ft_end();
}

/*
 * Interrupts.
 */

KTEST(fvio_interrupt_each)
{
	ft_begin();
	fvio_raise(ft.ft_dev, FT_IN);
	fvio_raise(ft.ft_dev, FVIO_CONFIG);
	fk_quiesce();
	KT_EQ(FT_INTRS(FT_IN), 1);
	KT_EQ(FT_INTRS(FT_OUT), 0);
	KT_EQ(FT_INTRS(FVIO_CONFIG), 1);
	fvio_interrupt(ft.ft_dev, FT_OUT);
	KT_EQ(FT_INTRS(FT_OUT), 1);
	/* A queue that the driver does not use. */
	fvio_raise(ft.ft_dev, 2);
	KT_EQ(fvio_interrupts(ft.ft_dev, 2), 0);
	KT_EQ(fvio_interrupts(ft.ft_dev, FT_OUT), 1);
	ft_end();
	/* The one that comes late. */
	KT_EQ(FT_INTRS(FT_IN), 2);
	KT_EQ(FT_INTRS(FVIO_CONFIG), 2);
}

KTEST(fvio_interrupt_lost)
{
	ft_create(0);
	ft.ft_noenable = B_TRUE;
	ft_attach();
	fvio_raise(ft.ft_dev, FT_IN);
	fvio_interrupt(ft.ft_dev, FT_OUT);
	KT_OK(virtio_interrupts_enable(ft.ft_vio));
	KT_OK(virtio_interrupts_enable(ft.ft_vio));
	fk_quiesce();
	KT_EQ(FT_INTRS(FT_IN), 0);
	KT_EQ(FT_INTRS(FT_OUT), 0);
	fvio_interrupt(ft.ft_dev, FT_OUT);
	KT_EQ(FT_INTRS(FT_OUT), 1);
	ft_end();
}

static void
ft_handler_again(uint_t q)
{
	if (FT_INTRS(FT_IN) < 5)
		fvio_raise(ft.ft_dev, FT_IN);
}

/* One that comes while the handler runs is not lost. */
KTEST(fvio_interrupt_again)
{
	ft.ft_handler = ft_handler_again;
	ft_begin();
	fvio_interrupt(ft.ft_dev, FT_IN);
	KT_EQ(FT_INTRS(FT_IN), 5);
	ft.ft_handler = NULL;
	ft_end();
}

static void
ft_handler_sleeps(uint_t q)
{
	kmem_free(kmem_alloc(8, KM_SLEEP), 8);
}

KTEST_PANICS(fvio_handler_sleeps, "kmem_alloc")
{
	ft.ft_handler = ft_handler_sleeps;
	ft_begin();
	fvio_interrupt(ft.ft_dev, FT_IN);
}

KTEST_PANICS(fvio_disable_with_lock, "a virtio interrupt handler")
{
	ft_begin();
	fvio_interrupt(ft.ft_dev, FT_IN);
	virtio_shutdown(ft.ft_vio);
	mutex_enter(&ft.ft_lock);
	virtio_interrupts_disable(ft.ft_vio);
}

/* The device may be interrupting. */
KTEST_PANICS(fvio_disable_before_shutdown, "virtio_interrupts_disable: called")
{
	ft_begin();
	virtio_interrupts_disable(ft.ft_vio);
}

/*
 * Chains.
 */

KTEST(fvio_direct)
{
	virtio_dma_t *vd[2];
	virtio_chain_t *vic, *full;
	fvio_elem_t elem;
	char buf[32];
	int i;

	ft_begin();
	for (i = 0; i < 2; i++)
		vd[i] = ft_dma(16);
	vic = ft_chain(FT_IN, vd[0]);
	KT_OK(virtio_chain_append(vic, virtio_dma_cookie_pa(vd[1], 0), 8,
	    VIRTIO_DIR_DEVICE_WRITES));
	/* max_segs. */
	KT_EQ(virtio_chain_append(vic, virtio_dma_cookie_pa(vd[1], 0), 8,
	    VIRTIO_DIR_DEVICE_WRITES), DDI_FAILURE);

	/* Nothing to be seen before it is flushed. */
	virtio_chain_submit(vic, B_FALSE);
	KT_EQ(virtio_queue_nactive(ft.ft_q[FT_IN]), 1);
	KT_EQ(fvio_vq_avail(&ft.ft_vq[FT_IN]), 0);
	KT_EQ(ft.ft_notified[FT_IN], 0);
	virtio_queue_flush(ft.ft_q[FT_IN]);
	KT_EQ(ft.ft_notified[FT_IN], 1);
	KT_ASSERT(fvio_vq_pop(&ft.ft_vq[FT_IN], &elem));
	KT_ASSERT(!fvio_vq_pop(&ft.ft_vq[FT_IN], &elem));
	KT_EQ(elem.fe_nsegs, 2);
	KT_EQ(elem.fe_seg[1].fs_len, 8);
	KT_EQ(fvio_elem_write(&elem, 4, "0123456789abcdefghij", 20), 20);
	KT_EQ(fvio_elem_write(&elem, 4, "0123456789abcdefghijk", 21), 20);
	KT_EQ(fvio_elem_read(&elem, 0, buf, 1), 0);

	KT_ASSERT(virtio_queue_poll(ft.ft_q[FT_IN]) == NULL);
	fvio_vq_push(&ft.ft_vq[FT_IN], elem.fe_id, 12345);
	KT_ASSERT(virtio_queue_poll(ft.ft_q[FT_IN]) == vic);
	KT_EQ(virtio_chain_received_length(vic), 12345);
	KT_ASSERT(virtio_queue_poll(ft.ft_q[FT_IN]) == NULL);
	KT_EQ(virtio_queue_nactive(ft.ft_q[FT_IN]), 0);
	KT_MEMEQ(virtio_dma_va(vd[0], 4), "0123456789ab", 12);
	KT_MEMEQ(virtio_dma_va(vd[1], 0), "cdefghij", 8);

	/* Each segment takes one of the eight descriptors. */
	virtio_chain_clear(vic);
	virtio_chain_free(vic);
	full = virtio_chain_alloc(ft.ft_q[FT_IN], KM_SLEEP);
	for (i = 0; i < 2; i++)
		(void) ft_submit(FT_IN, ft_dma(1));
	for (i = 0; i < FT_QSIZE - 2; i++)
		(void) ft_submit(FT_IN, ft_dma(1));
	KT_EQ(virtio_chain_append(full, virtio_dma_cookie_pa(vd[1], 0), 8,
	    VIRTIO_DIR_DEVICE_WRITES), DDI_FAILURE);
	virtio_chain_free(full);
	for (i = 0; i < 2; i++)
		virtio_dma_free(vd[i]);
	ft_end();
}

KTEST(fvio_indirect)
{
	virtio_dma_t *vd = NULL;
	virtio_chain_t *vic;
	fvio_elem_t elem;
	char buf[32];
	int i, round;

	ft_begin();
	vd = ft_dma(32);
	(void) strcpy(virtio_dma_va(vd, 0), "the quick brown fox jumps");
	vic = virtio_chain_alloc(ft.ft_q[FT_OUT], KM_SLEEP);
	for (round = 0; round < 20; round++) {
		for (i = 0; i < 4; i++) {
			KT_OK(virtio_chain_append(vic,
			    virtio_dma_cookie_pa(vd, 0) + 8 * i, 8,
			    VIRTIO_DIR_DEVICE_READS));
		}
		KT_EQ(virtio_chain_append(vic, virtio_dma_cookie_pa(vd, 0), 8,
		    VIRTIO_DIR_DEVICE_READS), DDI_FAILURE);
		virtio_chain_submit(vic, B_TRUE);
		KT_ASSERT(fvio_vq_pop(&ft.ft_vq[FT_OUT], &elem));
		KT_EQ(elem.fe_nsegs, 4);
		KT_EQ(fvio_elem_read(&elem, 4, buf, sizeof (buf)), 28);
		KT_STREQ(buf, "quick brown fox jumps");
		fvio_vq_push(&ft.ft_vq[FT_OUT], elem.fe_id, 0);
		KT_ASSERT(virtio_queue_poll(ft.ft_q[FT_OUT]) == vic);
		virtio_chain_clear(vic);
	}
	virtio_chain_free(vic);

	/* A chain for each descriptor, and no more. */
	for (i = 0; i < FT_QSIZE; i++)
		(void) ft_submit(FT_OUT, ft_dma(8));
	KT_ASSERT(virtio_chain_alloc(ft.ft_q[FT_OUT], KM_SLEEP) == NULL);
	virtio_dma_free(vd);
	ft_end();
}

KTEST(fvio_not_indirect)
{
	fvio_elem_t elem;

	ft_create(0);
	ft.ft_direct = B_TRUE;
	ft_attach();
	(void) ft_submit(FT_OUT, ft_dma(8));
	KT_ASSERT(fvio_vq_pop(&ft.ft_vq[FT_OUT], &elem));
	KT_EQ(elem.fe_nsegs, 1);
	ft_end();
}

/* Out of order, with a ring that goes round many times. */
KTEST(fvio_ring)
{
	static fvio_elem_t elem[FT_QSIZE];
	virtio_dma_t *vd[FT_QSIZE];
	virtio_chain_t *vic;
	uint_t round, i, n;

	ft_begin();
	for (i = 0; i < FT_QSIZE; i++) {
		vd[i] = ft_dma(4);
		(void) ft_submit(FT_IN, vd[i]);
	}
	for (round = 0; round < 70000 / FT_QSIZE; round++) {
		n = 1 + round % FT_QSIZE;
		for (i = 0; i < n; i++)
			KT_ASSERT(fvio_vq_pop(&ft.ft_vq[FT_IN], &elem[i]));
		for (i = n; i > 0; i--) {
			(void) fvio_elem_write(&elem[i - 1], 0, &round,
			    sizeof (round));
			fvio_vq_push(&ft.ft_vq[FT_IN], elem[i - 1].fe_id, n);
		}
		for (i = 0; i < n; i++) {
			vic = virtio_queue_poll(ft.ft_q[FT_IN]);
			KT_ASSERT(vic != NULL);
			KT_EQ(virtio_chain_received_length(vic), n);
			KT_MEMEQ(virtio_dma_va(virtio_chain_data(vic), 0),
			    &round, sizeof (round));
			virtio_chain_submit(vic, i == n - 1);
		}
		KT_ASSERT(virtio_queue_poll(ft.ft_q[FT_IN]) == NULL);
	}
	KT_EQ(virtio_queue_nactive(ft.ft_q[FT_IN]), FT_QSIZE);
	ft_end();
}

KTEST(fvio_suppression)
{
	ft_begin();
	KT_ASSERT(fvio_vq_wants_intr(&ft.ft_vq[FT_IN]));
	virtio_queue_no_interrupt(ft.ft_q[FT_IN], B_TRUE);
	KT_ASSERT(!fvio_vq_wants_intr(&ft.ft_vq[FT_IN]));
	virtio_queue_no_interrupt(ft.ft_q[FT_IN], B_FALSE);
	KT_ASSERT(fvio_vq_wants_intr(&ft.ft_vq[FT_IN]));
	fvio_vq_no_notify(&ft.ft_vq[FT_IN], true);
	(void) ft_submit(FT_IN, ft_dma(8));
	KT_EQ(ft.ft_notified[FT_IN], 0);
	fvio_vq_no_notify(&ft.ft_vq[FT_IN], false);
	virtio_queue_flush(ft.ft_q[FT_IN]);
	KT_EQ(ft.ft_notified[FT_IN], 1);
	ft_end();
}

/* A device that lies: the driver is not told of what it never gave. */
KTEST(fvio_unknown_id)
{
	virtio_chain_t *vic;
	fvio_vq_t *vq = &ft.ft_vq[FT_IN];

	ft_begin();
	vic = ft_submit(FT_IN, ft_dma(8));
	fvio_vq_push(vq, 0, 8);
	fvio_vq_push(vq, 0x10000, 8);
	KT_ASSERT(virtio_queue_poll(ft.ft_q[FT_IN]) == vic);
	virtio_chain_submit(vic, B_TRUE);
	KT_ASSERT(virtio_queue_poll(ft.ft_q[FT_IN]) == NULL);
	KT_EQ(ft.ft_nbroken, 1);
	KT_EQ(ft.ft_broken_id, 0x10000);
	KT_EQ(fvio_broken(ft.ft_dev), 1 << FT_IN);
	/* For good, also when it comes to its senses. */
	fvio_vq_set_used(vq, 1, 0, 8);
	KT_ASSERT(virtio_queue_poll(ft.ft_q[FT_IN]) == NULL);
	KT_EQ(ft.ft_nbroken, 1);
	ft_end();
}

KTEST(fvio_used_jumps)
{
	int i, n;

	ft_begin();
	for (i = 0; i < 3; i++)
		(void) ft_submit(FT_IN, ft_dma(8));
	for (i = 0; i < FT_QSIZE; i++)
		fvio_vq_set_used(&ft.ft_vq[FT_IN], i, i, 8);
	fvio_vq_set_used_idx(&ft.ft_vq[FT_IN], 1000);
	for (n = 0; n < 1000; n++) {
		virtio_chain_t *vic = virtio_queue_poll(ft.ft_q[FT_IN]);

		if (vic == NULL)
			break;
		virtio_dma_free(virtio_chain_data(vic));
		virtio_chain_free(vic);
	}
	KT_EQ(n, 3);
	KT_EQ(fvio_broken(ft.ft_dev), 1 << FT_IN);
	ft_end();
}

/*
 * A device that is busy on a thread of its own, and a driver that gives its
 * buffers back in the handler, until it is detached.
 */
static boolean_t ft_down;		/* ft_lock */
static boolean_t ft_busy_stop;		/* atomic */
static uint32_t ft_busy_count;		/* atomic */
static kt_did_t ft_busy_thread;

/* The device is reset: no sooner does it stop. */
static void
ft_busy_end(void)
{
	__atomic_store_n(&ft_busy_stop, B_TRUE, __ATOMIC_RELEASE);
	thread_join(ft_busy_thread);
}

static void
ft_busy_handler(uint_t q)
{
	virtio_chain_t *vic;

	if (q != FT_IN)
		return;
	mutex_enter(&ft.ft_lock);
	while (!ft_down && (vic = virtio_queue_poll(ft.ft_q[FT_IN])) != NULL) {
		atomic_inc_32(&ft_busy_count);
		virtio_chain_submit(vic, B_TRUE);
	}
	mutex_exit(&ft.ft_lock);
}

static void
ft_busy_device(void *arg)
{
	fvio_elem_t *elem = kmem_alloc(sizeof (*elem), KM_SLEEP);

	while (!__atomic_load_n(&ft_busy_stop, __ATOMIC_ACQUIRE)) {
		if (!fvio_vq_pop(&ft.ft_vq[FT_IN], elem)) {
			fk_yield();
			continue;
		}
		(void) fvio_elem_write(elem, 0, "data", 4);
		fvio_vq_push(&ft.ft_vq[FT_IN], elem->fe_id, 4);
		if (fvio_vq_wants_intr(&ft.ft_vq[FT_IN]))
			fvio_raise(ft.ft_dev, FT_IN);
	}
	kmem_free(elem, sizeof (*elem));
	thread_exit();
}

KTEST_REAL(fvio_busy)
{
	uint32_t was;
	int i, j;

	ft.ft_handler = ft_busy_handler;
	ft.ft_stop_hook = ft_busy_end;
	ft_create(0);
	for (i = 0; i < 50; i++) {
		ft_attach();
		for (j = 0; j < FT_QSIZE; j++)
			(void) ft_submit(FT_IN, ft_dma(64));
		ft_busy_stop = B_FALSE;
		ft_busy_thread = thread_create(NULL, 0, ft_busy_device, NULL,
		    0, &p0, TS_RUN, minclsyspri)->t_did;
		was = __atomic_load_n(&ft_busy_count, __ATOMIC_RELAXED);
		while (__atomic_load_n(&ft_busy_count,
		    __ATOMIC_RELAXED) < was + 100)
			fk_yield();
		mutex_enter(&ft.ft_lock);
		ft_down = B_TRUE;
		mutex_exit(&ft.ft_lock);
		KT_OK(fvio_detach(ft.ft_dev));
		ft_down = B_FALSE;
	}
	fvio_destroy(ft.ft_dev);
}

/*
 * DMA memory.
 */

KTEST(fvio_dma)
{
	virtio_dma_t *vd = NULL;
	uint64_t pa, base;
	size_t len;
	void *va;
	int fd;

	ft_begin();
	fvio_dma_area(&base, &va, &len, &fd);
	KT_GE(base, 1ULL << 32);
	KT_GE(fd, 0);
	vd = ft_dma(10000);
	KT_EQ(virtio_dma_size(vd), 10000);
	KT_EQ(virtio_dma_ncookies(vd), 1);
	KT_EQ(virtio_dma_cookie_size(vd, 0), 10000);
	pa = virtio_dma_cookie_pa(vd, 0);
	KT_ASSERT(fvio_pa(pa, 10000) == virtio_dma_va(vd, 0));
	KT_ASSERT(fvio_pa(pa + 9999, 1) == virtio_dma_va(vd, 9999));
	KT_ASSERT((char *)fvio_pa(pa, 1) == (char *)va + (pa - base));
	KT_ASSERT(fvio_pa(pa + 9999, 2) == NULL);
	KT_ASSERT(fvio_pa(0, 1) == NULL);
	KT_EQ(*(char *)virtio_dma_va(vd, 5000), 0);
	virtio_dma_free(vd);
	KT_ASSERT(fvio_pa(pa, 1) == NULL);
	ft_end();
}

KTEST(fvio_dma_cookies)
{
	virtio_dma_t *vd;
	uint_t i;

	ft_begin();
	vd = virtio_dma_alloc(ft.ft_vio, 5 * 4096 + 7, &ft_sgattr,
	    DDI_DMA_READ | DDI_DMA_STREAMING, KM_NOSLEEP);
	KT_ASSERT(vd != NULL);
	KT_EQ(virtio_dma_ncookies(vd), 4);
	for (i = 0; i < 3; i++)
		KT_EQ(virtio_dma_cookie_size(vd, i), 4096);
	KT_EQ(virtio_dma_cookie_size(vd, 3), 2 * 4096 + 7);
	virtio_dma_free(vd);
	ft_end();
}

KTEST(fvio_dma_limits)
{
	ddi_dma_attr_t attr = ft_attr;

	ft_begin();
	attr.dma_attr_addr_hi = UINT32_MAX;
	KT_ASSERT(virtio_dma_alloc(ft.ft_vio, 8, &attr, DDI_DMA_READ,
	    KM_SLEEP) == NULL);
	attr.dma_attr_addr_hi = UINT64_MAX;
	attr.dma_attr_maxxfer = 8;
	KT_ASSERT(virtio_dma_alloc(ft.ft_vio, 9, &attr, DDI_DMA_READ,
	    KM_SLEEP) == NULL);
	/* More than there is; and then all that there is is free. */
	KT_ASSERT(virtio_dma_alloc(ft.ft_vio, 1 << 30, &ft_attr, DDI_DMA_READ,
	    KM_SLEEP) == NULL);
	virtio_dma_free(ft_dma(200 << 20));
	virtio_dma_free(ft_dma(200 << 20));
	ft_end();
}

/* Memory that is nobody's DMA memory moves when it is synchronised. */
KTEST(fvio_dma_bind)
{
	virtio_dma_t *vd;
	char buf[32] = "mine", *dev;

	ft_begin();
	vd = virtio_dma_alloc_nomem(ft.ft_vio, &ft_attr, KM_SLEEP);
	KT_OK(virtio_dma_bind(vd, buf, sizeof (buf), DDI_DMA_RDWR, KM_SLEEP));
	KT_ASSERT(virtio_dma_va(vd, 0) == buf);
	dev = fvio_pa(virtio_dma_cookie_pa(vd, 0), sizeof (buf));
	KT_STREQ(dev, "");
	virtio_dma_sync(vd, DDI_DMA_SYNC_FORDEV);
	KT_STREQ(dev, "mine");
	(void) strcpy(dev, "yours");
	KT_STREQ(buf, "mine");
	virtio_dma_sync(vd, DDI_DMA_SYNC_FORKERNEL);
	KT_STREQ(buf, "yours");
	virtio_dma_unbind(vd);
	KT_OK(virtio_dma_bind(vd, buf + 1, 4, DDI_DMA_WRITE, KM_NOSLEEP));
	virtio_dma_free(vd);
	ft_end();
}

KTEST(fvio_failures)
{
	virtio_chain_t *vic;
	virtio_dma_t *vd;
	uint64_t pa;

	ft_begin();
	fk_fail_nth(1);
	KT_ASSERT(virtio_chain_alloc(ft.ft_q[FT_IN], KM_SLEEP) == NULL);
	/* The chain, its table, the descriptor for it. */
	fk_fail_nth(2);
	KT_ASSERT(virtio_chain_alloc(ft.ft_q[FT_OUT], KM_SLEEP) == NULL);
	fk_fail_nth(3);
	KT_ASSERT(virtio_chain_alloc(ft.ft_q[FT_OUT], KM_SLEEP) == NULL);
	fk_fail_nth(1);
	KT_ASSERT(virtio_dma_alloc(ft.ft_vio, 8, &ft_attr, DDI_DMA_READ,
	    KM_SLEEP) == NULL);
	fk_fail_nth(1);
	KT_ASSERT(virtio_dma_alloc_nomem(ft.ft_vio, &ft_attr, KM_SLEEP) ==
	    NULL);
	vd = ft_dma(8);
	pa = virtio_dma_cookie_pa(vd, 0);
	vic = virtio_chain_alloc(ft.ft_q[FT_IN], KM_SLEEP);
	fk_fail_nth(1);
	KT_EQ(virtio_chain_append(vic, pa, 8, VIRTIO_DIR_DEVICE_WRITES),
	    DDI_FAILURE);
	KT_OK(virtio_chain_append(vic, pa, 8, VIRTIO_DIR_DEVICE_WRITES));
	virtio_chain_free(vic);
	virtio_dma_free(vd);
	ft_end();
}

/*
 * Phases.
 */

KTEST_PANICS(fvio_phase_queue, "virtio_queue_alloc: called in the wrong phase")
{
	ft_begin();
	(void) virtio_queue_alloc(ft.ft_vio, 2, "late", NULL, NULL, B_TRUE, 1);
}

KTEST_PANICS(fvio_phase_features, "virtio_init_features: called in the wrong")
{
	ft_begin();
	(void) virtio_init_features(ft.ft_vio, 0, B_TRUE);
}

KTEST_PANICS(fvio_phase_evacuate, "virtio_queue_evacuate: called in the wrong")
{
	ft_begin();
	(void) virtio_queue_evacuate(ft.ft_q[0]);
}

KTEST_PANICS(fvio_phase_submit, "wrong phase: after virtio_shutdown()")
{
	virtio_chain_t *vic;

	ft_begin();
	vic = ft_chain(FT_IN, ft_dma(8));
	virtio_shutdown(ft.ft_vio);
	virtio_chain_submit(vic, B_TRUE);
}

KTEST_PANICS(fvio_phase_flush, "virtio_queue_flush: called in the wrong phase")
{
	ft_begin();
	virtio_shutdown(ft.ft_vio);
	KT_ASSERT(virtio_queue_poll(ft.ft_q[0]) == NULL);
	virtio_queue_flush(ft.ft_q[0]);
}

KTEST_PANICS(fvio_phase_init, "virtio_init: called already")
{
	ft_begin();
	(void) virtio_init(fvio_dip(ft.ft_dev));
}

KTEST_PANICS(fvio_transport_bits, "bits of the transport")
{
	ft_create(0);
	ft.ft_want = 1ULL << 29;
	ft_attach();
}

/*
 * Chains and memory that are not the driver's.
 */

KTEST_PANICS(fvio_submit_twice, "virtio_chain_submit: the device has the chain")
{
	ft_begin();
	virtio_chain_submit(ft_submit(FT_IN, ft_dma(8)), B_TRUE);
}

KTEST_PANICS(fvio_free_submitted, "virtio_chain_free: the device has")
{
	ft_begin();
	virtio_chain_free(ft_submit(FT_IN, ft_dma(8)));
}

KTEST_PANICS(fvio_clear_submitted, "virtio_chain_clear: the device has")
{
	ft_begin();
	virtio_chain_clear(ft_submit(FT_OUT, ft_dma(8)));
}

KTEST_PANICS(fvio_append_submitted, "virtio_chain_append: the device has")
{
	virtio_dma_t *vd = NULL;

	ft_begin();
	vd = ft_dma(8);
	(void) virtio_chain_append(ft_submit(FT_OUT, vd),
	    virtio_dma_cookie_pa(vd, 0), 8, VIRTIO_DIR_DEVICE_READS);
}

KTEST_PANICS(fvio_submit_empty, "an empty chain")
{
	ft_begin();
	virtio_chain_submit(virtio_chain_alloc(ft.ft_q[FT_OUT], KM_SLEEP),
	    B_TRUE);
}

KTEST_PANICS(fvio_append_nothing, "virtio_chain_append: 0 bytes")
{
	virtio_dma_t *vd;

	ft_begin();
	vd = ft_dma(8);
	(void) virtio_chain_append(ft_chain(FT_OUT, vd),
	    virtio_dma_cookie_pa(vd, 0), 0, VIRTIO_DIR_DEVICE_READS);
}

KTEST_PANICS(fvio_append_not_dma, "are not DMA memory")
{
	virtio_dma_t *vd;

	ft_begin();
	vd = ft_dma(8);
	(void) virtio_chain_append(ft_chain(FT_OUT, vd),
	    virtio_dma_cookie_pa(vd, 0), 9, VIRTIO_DIR_DEVICE_READS);
}

KTEST_PANICS(fvio_append_cookies, "more than one cookie")
{
	virtio_dma_t *vd;

	ft_begin();
	vd = virtio_dma_alloc(ft.ft_vio, 8192, &ft_sgattr, DDI_DMA_WRITE,
	    KM_SLEEP);
	(void) virtio_chain_append(virtio_chain_alloc(ft.ft_q[FT_OUT],
	    KM_SLEEP), virtio_dma_cookie_pa(vd, 0), 8192,
	    VIRTIO_DIR_DEVICE_READS);
}

KTEST_PANICS(fvio_append_direction, "not bound for that direction")
{
	virtio_dma_t *vd;

	ft_begin();
	vd = virtio_dma_alloc(ft.ft_vio, 8, &ft_attr, DDI_DMA_READ, KM_SLEEP);
	(void) ft_chain(FT_OUT, vd);
}

KTEST_PANICS(fvio_dma_free_submitted, "chains that the device has")
{
	virtio_dma_t *vd;

	ft_begin();
	vd = ft_dma(8);
	(void) ft_submit(FT_IN, vd);
	virtio_dma_free(vd);
}

KTEST_PANICS(fvio_dma_unbind_submitted, "chains that the device has")
{
	virtio_dma_t *vd;
	char buf[8];

	ft_begin();
	vd = virtio_dma_alloc_nomem(ft.ft_vio, &ft_attr, KM_SLEEP);
	KT_OK(virtio_dma_bind(vd, buf, sizeof (buf), DDI_DMA_RDWR, KM_SLEEP));
	(void) ft_submit(FT_IN, vd);
	virtio_dma_unbind(vd);
}

KTEST_PANICS(fvio_dma_freed, "DMA memory that was freed")
{
	virtio_dma_t *vd;
	virtio_chain_t *vic;

	ft_begin();
	vd = ft_dma(8);
	vic = ft_chain(FT_IN, vd);
	virtio_dma_free(vd);
	virtio_chain_submit(vic, B_TRUE);
}

KTEST_PANICS(fvio_chain_leak, "1 chains of queue in were not freed, 1 of them")
{
	ft_begin();
	(void) ft_submit(FT_IN, ft_dma(8));
	ft.ft_keep = B_TRUE;
	ft_end();
}

KTEST_PANICS(fvio_dma_leak, "DMA memory was not freed")
{
	ft_begin();
	(void) ft_dma(8);
	ft_end();
}
