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
 * The front end of vhost-user, with the toy driver of fvio_toy.h: against our
 * own back-end (vhost_user.h) with a device that this plays, and against one
 * that says wrong things.
 *
 * fu_lock covers what the device is told; whoever tells wakes fu_cv, also the
 * driver's handlers, and tests wait for it.
 */

#include <vhost_user.h>
#include <sys/condvar.h>
#include "fvio_peer.h"
#include "fvio_toy.h"

#define	FU_HANG		30	/* seconds */
#define	FU_FEATURES	(FVIO_F_VERSION_1 | FVIO_F_INDIRECT | 0x3)

static struct {
	kmutex_t	fu_lock;
	kcondvar_t	fu_cv;
	const char	*fu_path;
	vhu_t		*fu_vhu;
	uint64_t	fu_cid;
	uint64_t	fu_features;
	uint_t		fu_resets;
	uint_t		fu_kicks;
	uint_t		fu_logs;
	bool		fu_runs[2];
	vhu_ring_t	fu_ring[2];
	uint_t		fu_nregions;
	vhu_region_t	fu_region[VHU_MAX_REGIONS];
} fu;

/* Wait until it is true, with the lock held. */
#define	FU_AWAIT(e)	do {						\
	clock_t __end = ddi_get_lbolt() + FU_HANG * hz;			\
	while (!(e))							\
		KT_GE(cv_timedwait(&fu.fu_cv, &fu.fu_lock, __end), 0);	\
} while (0)

static void
fu_tell(uint_t *count)
{
	mutex_enter(&fu.fu_lock);
	if (count != NULL)
		(*count)++;
	cv_broadcast(&fu.fu_cv);
	mutex_exit(&fu.fu_lock);
}

static void
fu_handler(uint_t q)
{
	fu_tell(NULL);
}

static int
fu_attach(void *arg)
{
	return (0);
}

static void
fu_detach(void *arg)
{
	mutex_enter(&fu.fu_lock);
	fu.fu_nregions = 0;
	fu.fu_runs[0] = fu.fu_runs[1] = false;
	mutex_exit(&fu.fu_lock);
}

static int
fu_get_features(void *arg, uint64_t *featuresp)
{
	*featuresp = FU_FEATURES;
	return (0);
}

static int
fu_set_features(void *arg, uint64_t features)
{
	fu.fu_features = features;
	return (0);
}

static int
fu_set_memory(void *arg, const vhu_region_t *r, unsigned n)
{
	bcopy(r, fu.fu_region, n * sizeof (*r));
	fu.fu_nregions = n;
	return (0);
}

static int
fu_ring_start(void *arg, unsigned i, const vhu_ring_t *ring)
{
	mutex_enter(&fu.fu_lock);
	fu.fu_ring[i] = *ring;
	fu.fu_runs[i] = true;
	cv_broadcast(&fu.fu_cv);
	mutex_exit(&fu.fu_lock);
	return (0);
}

static int
fu_ring_stop(void *arg, unsigned i, uint16_t *idxp)
{
	mutex_enter(&fu.fu_lock);
	fu.fu_runs[i] = false;
	mutex_exit(&fu.fu_lock);
	*idxp = 0;
	return (0);
}

static int
fu_ring_kick(void *arg, unsigned i)
{
	fu_tell(&fu.fu_kicks);
	return (0);
}

static int
fu_reset(void *arg)
{
	fu_tell(&fu.fu_resets);
	return (0);
}

static int
fu_get_config(void *arg, uint32_t off, void *buf, uint32_t len)
{
	if (off != 0 || len != sizeof (fu.fu_cid))
		return (ERANGE);
	bcopy(&fu.fu_cid, buf, len);
	return (0);
}

static void
fu_back_log(void *arg, const char *text)
{
	panic("the back-end says: %s", text);
}

static const vhu_ops_t fu_ops = {
	.vo_nrings	= 2,
	.vo_attach	= fu_attach,
	.vo_detach	= fu_detach,
	.vo_get_features = fu_get_features,
	.vo_set_features = fu_set_features,
	.vo_set_memory	= fu_set_memory,
	.vo_ring_start	= fu_ring_start,
	.vo_ring_stop	= fu_ring_stop,
	.vo_ring_kick	= fu_ring_kick,
	.vo_reset	= fu_reset,
	.vo_get_config	= fu_get_config,
	.vo_log		= fu_back_log
};

static void
fu_log(const char *text)
{
	fu_tell(&fu.fu_logs);
}

static void
fu_back_start(uint64_t cid)
{
	fu.fu_cid = cid;
	fu.fu_vhu = vhu_create(fvp_listen(fu.fu_path), &fu_ops, NULL);
	KT_OK(vhu_start(fu.fu_vhu));
}

static void
fu_begin(void)
{
	mutex_init(&fu.fu_lock, NULL, MUTEX_DEFAULT, NULL);
	cv_init(&fu.fu_cv, NULL, CV_DEFAULT, NULL);
	fu.fu_path = fvp_path();
	ft_init();
	ft.ft_nqueues = 3;
}

static void
fu_end(void)
{
	fvp_unlink(fu.fu_path);
	cv_destroy(&fu.fu_cv);
	mutex_destroy(&fu.fu_lock);
}

/* A back-end, and the driver attached to it. */
static void
fu_boot(uint64_t cid)
{
	fu_begin();
	fu_back_start(cid);
	KT_OK(fvio_vhost_user_create("ftoy", 0, fu.fu_path, fu_log,
	    &ft.ft_dev));
	ft_attach();
	ft.ft_handler = fu_handler;
}

static void
fu_halt(void)
{
	ft_end();
	vhu_destroy(fu.fu_vhu);
	fu_end();
}

/* The device's side of a ring, as the back-end was told of it. */
static fvio_vq_t
fu_vq(uint_t i)
{
	fvio_vq_t vq;

	vq.fq_ring.fr_size = fu.fu_ring[i].vr_size;
	vq.fq_ring.fr_desc = fu.fu_ring[i].vr_desc;
	vq.fq_ring.fr_avail = fu.fu_ring[i].vr_avail;
	vq.fq_ring.fr_used = fu.fu_ring[i].vr_used;
	vq.fq_avail_idx = fu.fu_ring[i].vr_avail_idx;
	vq.fq_used_idx = fu.fu_ring[i].vr_used_idx;
	return (vq);
}

KTEST_REAL(fvio_user_data)
{
	virtio_chain_t *vic;
	virtio_dma_t *vd;
	fvio_elem_t elem;
	fvio_vq_t vq;
	const char *seen;

	fu_boot(0x123456789aULL);
	KT_ASSERT(virtio_dev_get64(ft.ft_vio, 0) == 0x123456789aULL);
	KT_EQ(fu.fu_features, FVIO_F_VERSION_1 | FVIO_F_INDIRECT | 0x1);
	KT_ASSERT(fu.fu_runs[0] && fu.fu_runs[1]);
	KT_EQ(fu.fu_nregions, 1);

	vd = ft_dma(16);
	(void) strcpy(virtio_dma_va(vd, 0), "hello");
	vic = ft_submit(FT_OUT, vd);
	mutex_enter(&fu.fu_lock);
	FU_AWAIT(fu.fu_kicks != 0);
	mutex_exit(&fu.fu_lock);
	vq = fu_vq(FT_OUT);
	KT_ASSERT(fvio_vq_pop(&vq, &elem));
	KT_EQ(elem.fe_seg[0].fs_len, 16);
	/* It is the same memory. */
	seen = (const char *)fu.fu_region[0].vr_hva +
	    (elem.fe_seg[0].fs_pa - fu.fu_region[0].vr_gpa);
	KT_ASSERT(seen != virtio_dma_va(vd, 0));
	KT_STREQ(seen, "hello");

	fvio_vq_push(&vq, elem.fe_id, 0);
	vhu_call(fu.fu_vhu, FT_OUT);
	mutex_enter(&fu.fu_lock);
	FU_AWAIT(FT_INTRS(FT_OUT) != 0);
	mutex_exit(&fu.fu_lock);
	KT_ASSERT(virtio_queue_poll(ft.ft_q[FT_OUT]) == vic);
	virtio_dma_free(vd);
	virtio_chain_free(vic);
	fu_halt();
	KT_EQ(fu.fu_resets, 1);
	KT_EQ(fu.fu_logs, 0);
}

KTEST_REAL(fvio_user_attach_again)
{
	int i;

	fu_boot(7);
	for (i = 0; i < 20; i++) {
		(void) ft_submit(FT_IN, ft_dma(64));
		KT_OK(fvio_detach(ft.ft_dev));
		KT_ASSERT(!fu.fu_runs[0] && !fu.fu_runs[1]);
		ft_attach();
		KT_ASSERT(fu.fu_runs[0] && fu.fu_runs[1]);
		KT_EQ(fu.fu_ring[0].vr_avail_idx, 0);
	}
	fu_halt();
	KT_EQ(fu.fu_resets, 21);
	KT_EQ(fu.fu_logs, 0);
}

/* The reset event: in the next buffer. */
static void
fu_expect_reset(virtio_chain_t *vic)
{
	mutex_enter(&fu.fu_lock);
	FU_AWAIT(virtio_queue_poll(ft.ft_q[FT_EVENT]) == vic);
	mutex_exit(&fu.fu_lock);
	KT_EQ(virtio_chain_received_length(vic), 4);
	KT_EQ(*(uint32_t *)virtio_dma_va(virtio_chain_data(vic), 0), 0);
}

/* The back-end goes, and another one comes. */
KTEST_REAL(fvio_user_restart)
{
	virtio_chain_t *in, *ev;
	fvio_elem_t elem;
	fvio_vq_t vq;
	int i;

	fu_boot(7);
	ev = ft_submit(FT_EVENT, ft_dma(4));
	/* Three buffers, of which one has come back and two are taken. */
	for (i = 0; i < 3; i++)
		in = ft_submit(FT_IN, ft_dma(64));
	vq = fu_vq(FT_IN);
	for (i = 0; i < 3; i++)
		KT_ASSERT(fvio_vq_pop(&vq, &elem));
	fvio_vq_push(&vq, elem.fe_id, 1);
	KT_ASSERT(virtio_queue_poll(ft.ft_q[FT_IN]) == in);
	virtio_dma_free(virtio_chain_data(in));
	virtio_chain_free(in);

	vhu_destroy(fu.fu_vhu);
	fu_expect_reset(ev);
	KT_EQ(FT_INTRS(FVIO_CONFIG), 0);
	KT_EQ(virtio_dev_get64(ft.ft_vio, 0), 7);
	/* It can be told only when there is a buffer again. */
	fu_back_start(8);
	mutex_enter(&fu.fu_lock);
	FU_AWAIT(fu.fu_runs[0] && fu.fu_runs[1]);
	FU_AWAIT(FT_INTRS(FVIO_CONFIG) != 0);
	mutex_exit(&fu.fu_lock);
	KT_EQ(virtio_dev_get64(ft.ft_vio, 0), 8);
	KT_EQ(virtio_dev_getgen(ft.ft_vio), 1);
	virtio_chain_submit(ev, B_TRUE);
	fu_expect_reset(ev);
	virtio_chain_submit(ev, B_TRUE);

	/* What it had taken is to be done again. */
	KT_EQ(fu.fu_ring[FT_IN].vr_avail_idx, 1);
	KT_EQ(fu.fu_ring[FT_IN].vr_used_idx, 1);
	vq = fu_vq(FT_IN);
	KT_EQ(fvio_vq_avail(&vq), 2);
	KT_EQ(fu.fu_logs, 2);
	fu_halt();
}

/* Detached, and attached again, while there is no back-end. */
KTEST_REAL(fvio_user_absent)
{
	fu_boot(7);
	vhu_destroy(fu.fu_vhu);
	mutex_enter(&fu.fu_lock);
	FU_AWAIT(fu.fu_logs == 1);
	mutex_exit(&fu.fu_lock);
	KT_OK(fvio_detach(ft.ft_dev));
	KT_EQ(fvio_attach(ft.ft_dev), ENXIO);
	fu_back_start(8);
	mutex_enter(&fu.fu_lock);
	FU_AWAIT(fu.fu_logs == 3);
	mutex_exit(&fu.fu_lock);
	ft_attach();
	fu_halt();
}

KTEST_REAL(fvio_user_no_socket)
{
	fu_begin();
	KT_NE(fvio_vhost_user_create("ftoy", 0, fu.fu_path, fu_log,
	    &ft.ft_dev), 0);
	fu_end();
}

/* Attach and detach: each message in turn is answered wrongly. */
KTEST_REAL(fvio_user_faults)
{
	fvp_fault_t fault;
	uint_t at, n, attached;
	fvp_t *fp;

	fu_begin();
	for (fault = 0; fault < FVP_FAULTS; fault++) {
		at = attached = n = 0;
		do {
			fp = fvp_start(fu.fu_path, ++at, fault);
			if (fvio_vhost_user_create("ftoy", 0, fu.fu_path,
			    fu_log, &ft.ft_dev) == 0) {
				if (fvio_attach(ft.ft_dev) == 0) {
					attached++;
					KT_OK(fvio_detach(ft.ft_dev));
				}
				fvio_destroy(ft.ft_dev);
			}
			n = fvp_stop(fp);
		} while (at <= n);
		/* What is asked at the end does not matter any more. */
		KT_GE(attached, 1);
		KT_GE(n, 20);
	}
	fu_end();
}
