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
 * VIOSOCK: THE DRIVER OF A VIRTIO SOCKET DEVICE
 *
 * We are a guest, and this is the way to our host.  What packets mean is
 * vsock_virtio's business (sys/vsock_virtio.h), which is shared with the
 * hypervisor's side; what is left is to move them through the device's three
 * queues.
 *
 *	+---------------------------------------+
 *	|  vsock, vsock_virtio                  |
 *	+--^------------------------------|-----+
 *	   | vsock_vio_rx                 | vsock_vio_tx_next
 *	+--|-----------+   pauses   +-----v-----+
 *	| worker "in"  |----------->|  worker   |
 *	|              |            |  "out"    |
 *	+--^-------^---+            +-----|--^--+
 *	   |copy   |                      |  |copied
 *	+--|--+ +--|----+              +--v--|--+
 *	| rx  | | event |              |   tx   |
 *	+-----+ +-------+              +--------+
 *
 * There is one host, so one device is enough: a second one does not attach.
 *
 * WORKERS
 *
 * There are two threads, one a direction: each may copy while the other does,
 * and data does not wait for the acknowledgements that go the other way.  They
 * are threads rather than tasks because they can be woken without allocating
 * anything, and because their timed wait is the timer that we need.
 *
 * A worker does a bounded amount of work at a time, and says what it waits for
 * next (viosock_next_t).  What is not data (events, a change of configuration)
 * is done by "in", between packets.
 *
 * Nobody waits until a worker has been woken up and runs, if he can do its work
 * himself and nobody is at it (viosock_worker_lend(), viw_busy).  What he would
 * have to wait for he leaves to the worker.  For "out", that is the thread that
 * brings what there is to be sent: in a stream the copy to the device is then
 * made while the data is still in the cache of the processor that wrote it.
 * When the sender is faster than the device, somebody is at it, or the buffers
 * are all out: then messages gather in vsock_virtio, and go as few packets.
 *
 * For "in", it is the interrupt handler, as far as an interrupt handler may:
 * packets that need not wait for memory (vsock_vio_rx_light()), and not many of
 * them (VIOSOCK_INTR_BATCH).  At the first other packet (vis_rx_held), or if
 * there are more, it wakes the worker up.
 *
 * BUFFERS
 *
 * All memory for the device is allocated by attach(9E), its amount fixed: see
 * viosock_queues[].  It is about 4 megabytes, for 32 packets each way of the
 * greatest size: what a large packet saves in wake-ups and locks is much more
 * than what a great number of small ones could hold.  More of them would go
 * through the cache in turn, to its harm.
 *
 * A receive or event buffer is one descriptor.  Payload is
 * copied out of it and the buffer goes straight back: data may sit in a socket
 * for hours, and buffers on loan to sockets would let one that nobody reads
 * stop all others, and keep the driver from detaching.
 *
 * A packet to be sent is copied into a transmit buffer: one descriptor for its
 * header and, if there is payload, one for that.  That is the shape in which
 * the most devices have ever expected it; legacy ones insist on it.  It is one
 * copy between vsock_virtio's mblks and the host, as there is on the way in.
 *
 * NOTIFICATIONS AND INTERRUPTS
 *
 * Several packets are made available for one notification.  While "in" is at
 * work the receive queue's interrupts are off.  Those of the transmit queue are
 * on only while "out" has something to send and all buffers are the device's;
 * otherwise buffers are taken back when there is something to send next.
 *
 * Switching a queue's interrupts on is not a barrier against what the device
 * did just before: so the queue is looked at once more.  In the other
 * direction, the framework reads "no notifications, please" without a barrier
 * after it has made buffers available, and the device may have changed its mind
 * just then.  A notification lost in this way is made up for by a timer, the
 * worker's timed wait: if transmit buffers have not come back for a while the
 * device is notified again, and so it is, once, when nothing was received for a
 * while after receive buffers were returned.
 *
 * A HOSTILE HOST
 *
 * The host can do with its guest what it likes, but a broken device should not
 * bring us down.  The framework sees to ids and indices.  Here, a length is
 * clamped to the buffer and then checked, and a header is read once, into
 * memory of our own.  Each way in which something can be wrong, and everything
 * that we can run out of, has a counter (kstat viosock:N:rings, and
 * viosock:N:packets for what is wrong with packets).
 *
 * Nothing is allocated without a bound: what sockets may buffer is bounded by
 * credit, answers by vsock_virtio's budget (vsock_vio_rx_ready()): while that
 * is used up nothing is received, until viosock_rx_kick() says that it goes on.
 *
 * OUR CID
 *
 * The device says who we are.  When it says so anew (a transport reset, after a
 * migration; or a change of configuration), "in" stops "out", and all
 * connections end; listeners stay, and are reached by the new CID.  If the new
 * one is not a valid CID the transport is taken down until there is one that
 * is.
 *
 * LOCKING
 *
 * Each worker has a lock, viw_lock, for what it is asked to do; it is held for
 * short times only, also by interrupt handlers, and before any lock of the
 * framework's.  Nothing is called with it held but the framework.  vis_vio,
 * vis_cid and the buffers of rx and event belong to "in", the transmit buffers
 * to who works for "out" (viw_busy); "in" changes vis_vio while "out" is
 * paused, and calls vsock_vio_reset() and _detach() only then.  "out" is not
 * paused, and does not end, before whoever works for it has finished.
 *
 * The end: both workers stop, "in" first, as it may be waiting for "out" to
 * pause.  From then on nothing is submitted, handlers touch nothing but
 * viw_lock, and what vsock_virtio asks for only sets a flag.  Then everything
 * else goes, in the reverse of the order in which it came.
 */

#include <sys/types.h>
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/sysmacros.h>
#include <sys/atomic.h>
#include <sys/byteorder.h>
#include <sys/conf.h>
#include <sys/debug.h>
#include <sys/devops.h>
#include <sys/disp.h>
#include <sys/errno.h>
#include <sys/kmem.h>
#include <sys/ksynch.h>
#include <sys/kstat.h>
#include <sys/list.h>
#include <sys/modctl.h>
#include <sys/proc.h>
#include <sys/sdt.h>
#include <sys/stream.h>
#include <sys/strsun.h>
#include <sys/thread.h>
#include <sys/zone.h>
#include <sys/ddi.h>
#include <sys/sunddi.h>
#include <sys/virtio_vsock.h>
#include <sys/vsock_transport.h>
#include <sys/vsock_virtio.h>
#include <net/vsock.h>

#include "virtio.h"

/*
 * Sizes and numbers of buffers, at most.  One has room for the largest packet
 * that is usual, whose payload begins at a cache line: the header before that
 * is no multiple of one.
 */
#define	VIOSOCK_PAYLOAD		VIRTIO_VSOCK_MAX_PAYLOAD
#define	VIOSOCK_PACKET		(VIRTIO_VSOCK_HDR_SIZE + VIOSOCK_PAYLOAD)
#define	VIOSOCK_ALIGN		64
#define	VIOSOCK_SKIP		(VIOSOCK_ALIGN - VIRTIO_VSOCK_HDR_SIZE)
#define	VIOSOCK_RX_BUFS		32
#define	VIOSOCK_TX_BUFS		32
#define	VIOSOCK_EVENT_SIZE	sizeof (virtio_vsock_event_t)
#define	VIOSOCK_EVENT_BUFS	8

#define	VIOSOCK_BATCH		64	/* packets a worker handles at a time */
#define	VIOSOCK_INTR_BATCH	8	/* ... an interrupt handler */
#define	VIOSOCK_BATCH_OF(who)						\
	((who) == VIOSOCK_INTR ? VIOSOCK_INTR_BATCH : VIOSOCK_BATCH)
#define	VIOSOCK_FLUSH		16	/* packets for one notification */

#define	VIOSOCK_NOMEM_MS	10	/* memory comes back without telling */
#define	VIOSOCK_WATCH_MS	100	/* no device should take that long */

/* Statistics, by their kstat names. */
#define	VIOSOCK_STATS(_)						\
	_(RX_INTR,		"rx_intr")				\
	_(TX_INTR,		"tx_intr")				\
	_(EVENT_INTR,		"event_intr")				\
	_(CONFIG_INTR,		"config_intr")				\
	_(RX_CHAINS,		"rx_chains")				\
	_(TX_CHAINS,		"tx_chains")				\
	_(TX_FLUSHES,		"tx_flushes")				\
	_(EVENTS,		"events")				\
	_(RESETS,		"resets")				\
	_(CID_CHANGES,		"cid_changes")				\
	/* the device's fault */					\
	_(RX_SHORT,		"rx_short")				\
	_(RX_LONG,		"rx_long")				\
	_(EVENT_BAD_LEN,	"event_bad_len")			\
	_(EVENT_UNKNOWN,	"event_unknown")			\
	_(BAD_CID,		"bad_cid")				\
	_(CID_REFUSED,		"cid_refused")				\
	/* dropped, or had to wait */					\
	_(RX_DOWN,		"rx_down")				\
	_(RX_REMINDED,		"rx_reminded")				\
	_(TX_FULL,		"tx_full")				\
	_(TX_NODESC,		"tx_nodesc")				\
	_(TX_REMINDED,		"tx_reminded")

#define	VIOSOCK_STAT_ENUM(id, name)	VIS_##id,
#define	VIOSOCK_STAT_NAME(id, name)	name,

typedef enum viosock_stat {
	VIOSOCK_STATS(VIOSOCK_STAT_ENUM)
	VIS_COUNT
} viosock_stat_t;

static const char *const viosock_stat_names[VIS_COUNT] = {
	VIOSOCK_STATS(VIOSOCK_STAT_NAME)
};

typedef struct viosock_buf {
	list_node_t	vib_link;	/* vis_tx_free */
	virtio_dma_t	*vib_dma;
	virtio_chain_t	*vib_chain;
	uint32_t	vib_payload;	/* tx: bytes after the header */
} viosock_buf_t;

typedef struct viosock_queue {
	virtio_queue_t	*viq_queue;
	uint_t		viq_nbufs;
	viosock_buf_t	*viq_bufs;
} viosock_queue_t;

/* What a worker waits for when it has done what there was to do. */
typedef enum viosock_next {
	VIOSOCK_WAIT,		/* to be woken up */
	VIOSOCK_WATCH,		/* that, or that nothing happens for a while */
	VIOSOCK_RETRY,		/* memory */
	VIOSOCK_MORE		/* nothing: there is more to do */
} viosock_next_t;

struct viosock;

/* Who does the work of a worker. */
typedef enum viosock_who {
	VIOSOCK_WORKER,
	VIOSOCK_LATE,		/* it, as nothing happened in VIOSOCK_WATCH */
	VIOSOCK_OTHER,		/* another thread */
	VIOSOCK_INTR		/* an interrupt handler */
} viosock_who_t;

typedef struct viosock_worker {
	struct viosock	*viw_dev;
	viosock_next_t	(*viw_func)(struct viosock *, viosock_who_t);
	kt_did_t	viw_thread;
	kmutex_t	viw_lock;
	kcondvar_t	viw_cv;
	boolean_t	viw_busy;	/* somebody runs viw_func */
	viosock_next_t	viw_next;	/* what that came to */
	boolean_t	viw_timed;	/* the worker waits for VIOSOCK_WATCH */
	boolean_t	viw_lent;	/* others have run viw_func meanwhile */
	boolean_t	viw_work;	/* there may be something to do */
	boolean_t	viw_stop;	/* it is to end, or has not begun */
	boolean_t	viw_pause;	/* ... or to stand still */
	boolean_t	viw_paused;	/* which it does */
} viosock_worker_t;

typedef struct viosock {
	dev_info_t	*vis_dip;
	int		vis_instance;
	virtio_t	*vis_virtio;
	vsock_provider_t *vis_provider;
	viosock_queue_t	vis_queue[VIRTIO_VSOCK_NQUEUES];
	kstat_t		*vis_kstat;
	uint64_t	vis_stat[VIS_COUNT];	/* atomic */
	boolean_t	vis_config;	/* it has changed; in's viw_lock */

	viosock_worker_t vis_in;
	uint_t		vis_types;	/* VSOCK_TYPE_* */
	uint32_t	vis_cid;
	vsock_vio_t	*vis_vio;	/* NULL: we have no valid CID */
	virtio_chain_t	*vis_rx_held;	/* received, and not looked into */
	boolean_t	vis_rx_returned; /* buffers, since the last reminder */

	viosock_worker_t vis_out;
	list_t		vis_tx_free;
	viosock_buf_t	*vis_tx_held;	/* is filled, but got no descriptors */
	boolean_t	vis_tx_intr;	/* interrupts are on */
} viosock_t;

/* How far attach(9E) has come, for undoing it. */
typedef enum viosock_stage {
	VIOSOCK_STAGE_INIT,		/* the framework has been entered */
	VIOSOCK_STAGE_LIVE,		/* the device is; we have our locks */
	VIOSOCK_STAGE_PROVIDER,		/* registered with the front end */
	VIOSOCK_STAGE_TRANSPORT,	/* sockets can reach us */
	VIOSOCK_STAGE_RUNNING		/* everything */
} viosock_stage_t;

static uint_t viosock_rx_intr(caddr_t, caddr_t);
static uint_t viosock_tx_intr(caddr_t, caddr_t);
static uint_t viosock_event_intr(caddr_t, caddr_t);

static const struct viosock_queue_desc {
	const char	*vqd_name;
	ddi_intr_handler_t *vqd_intr;
	uint_t		vqd_segs;	/* descriptors of a buffer */
	uint_t		vqd_nbufs;	/* at most */
	size_t		vqd_skip;	/* not used, at a buffer's beginning */
	size_t		vqd_size;	/* of what follows */
	uint_t		vqd_dmaflags;
} viosock_queues[VIRTIO_VSOCK_NQUEUES] = {
	[VIRTIO_VSOCK_QUEUE_RX] = {
		.vqd_name	= "rx",
		.vqd_intr	= viosock_rx_intr,
		.vqd_segs	= 1,
		.vqd_nbufs	= VIOSOCK_RX_BUFS,
		.vqd_skip	= VIOSOCK_SKIP,
		.vqd_size	= VIOSOCK_PACKET,
		.vqd_dmaflags	= DDI_DMA_READ | DDI_DMA_STREAMING
	},
	[VIRTIO_VSOCK_QUEUE_TX] = {
		.vqd_name	= "tx",
		.vqd_intr	= viosock_tx_intr,
		.vqd_segs	= 2,
		.vqd_nbufs	= VIOSOCK_TX_BUFS,
		.vqd_skip	= VIOSOCK_SKIP,
		.vqd_size	= VIOSOCK_PACKET,
		.vqd_dmaflags	= DDI_DMA_WRITE | DDI_DMA_STREAMING
	},
	[VIRTIO_VSOCK_QUEUE_EVENT] = {
		.vqd_name	= "event",
		.vqd_intr	= viosock_event_intr,
		.vqd_segs	= 1,
		.vqd_nbufs	= VIOSOCK_EVENT_BUFS,
		.vqd_size	= VIOSOCK_EVENT_SIZE,
		.vqd_dmaflags	= DDI_DMA_READ | DDI_DMA_CONSISTENT
	}
};

/* Every buffer is in one piece. */
static const ddi_dma_attr_t viosock_dma_attr = {
	.dma_attr_version	= DMA_ATTR_V0,
	.dma_attr_addr_lo	= 0,
	.dma_attr_addr_hi	= 0xFFFFFFFFFFFFFFFF,
	.dma_attr_count_max	= 0x00000000FFFFFFFF,
	.dma_attr_align		= VIOSOCK_ALIGN,
	.dma_attr_burstsizes	= 1,
	.dma_attr_minxfer	= 1,
	.dma_attr_maxxfer	= 0x00000000FFFFFFFF,
	.dma_attr_seg		= 0x00000000FFFFFFFF,
	.dma_attr_sgllen	= 1,
	.dma_attr_granular	= 1,
	.dma_attr_flags		= 0
};

/*
 * What we accept of what the device offers, and what we try if it turns out
 * that this won't do: there are devices that offer NO_IMPLIED_STREAM and then
 * refuse a driver that has accepted it.
 */
static const uint64_t viosock_features[] = {
	VIRTIO_VSOCK_F_STREAM | VIRTIO_VSOCK_F_SEQPACKET |
	    VIRTIO_VSOCK_F_NO_IMPLIED_STREAM,
	VIRTIO_VSOCK_F_STREAM | VIRTIO_VSOCK_F_SEQPACKET
};

static void *viosock_state;

/*
 * STATISTICS
 */

static void
viosock_stat(viosock_t *vis, viosock_stat_t stat)
{
	atomic_inc_64(&vis->vis_stat[stat]);
}

/* Count something that ought not to happen. */
static void
viosock_oddity(viosock_t *vis, viosock_stat_t stat, uint64_t what)
{
	viosock_stat(vis, stat);
	DTRACE_PROBE3(viosock__oddity, viosock_t *, vis, const char *,
	    viosock_stat_names[stat], uint64_t, what);
}

static int
viosock_kstat_update(kstat_t *ksp, int rw)
{
	viosock_t *vis = ksp->ks_private;
	kstat_named_t *kn = ksp->ks_data;

	if (rw == KSTAT_WRITE)
		return (EACCES);
	for (uint_t i = 0; i < VIS_COUNT; i++)
		kn[i].value.ui64 = atomic_add_64_nv(&vis->vis_stat[i], 0);
	return (0);
}

static void
viosock_kstat_create(viosock_t *vis)
{
	kstat_t *ksp;
	kstat_named_t *kn;

	ksp = kstat_create_zone("viosock", vis->vis_instance, "rings", "misc",
	    KSTAT_TYPE_NAMED, VIS_COUNT, 0, GLOBAL_ZONEID);
	if (ksp == NULL)
		return;
	kn = ksp->ks_data;
	for (uint_t i = 0; i < VIS_COUNT; i++) {
		kstat_named_init(&kn[i], viosock_stat_names[i],
		    KSTAT_DATA_UINT64);
	}
	ksp->ks_private = vis;
	ksp->ks_update = viosock_kstat_update;
	kstat_install(ksp);
	vis->vis_kstat = ksp;
}

/*
 * WORKERS
 */

static void
viosock_worker_kick_locked(viosock_worker_t *viw)
{
	ASSERT(MUTEX_HELD(&viw->viw_lock));

	if (!viw->viw_work) {
		viw->viw_work = B_TRUE;
		cv_broadcast(&viw->viw_cv);
	}
}

static void
viosock_worker_kick(viosock_worker_t *viw)
{
	mutex_enter(&viw->viw_lock);
	viosock_worker_kick_locked(viw);
	mutex_exit(&viw->viw_lock);
}

/* Run the function; viw_lock is held, and dropped meanwhile. */
static void
viosock_worker_run(viosock_worker_t *viw, viosock_who_t who)
{
	viosock_next_t next;

	ASSERT(MUTEX_HELD(&viw->viw_lock));
	ASSERT(!viw->viw_busy);

	viw->viw_work = B_FALSE;
	viw->viw_busy = B_TRUE;
	mutex_exit(&viw->viw_lock);
	next = viw->viw_func(viw->viw_dev, who);
	mutex_enter(&viw->viw_lock);
	viw->viw_busy = B_FALSE;
	viw->viw_next = next;
}

/*
 * As viosock_worker_kick(), but if nobody is at work the caller does it.  He
 * leaves to the worker what there is to wait for; and, in an interrupt handler,
 * what the worker has been asked for before, as it may be something else.
 */
static void
viosock_worker_lend_locked(viosock_worker_t *viw, viosock_who_t who)
{
	ASSERT(MUTEX_HELD(&viw->viw_lock));

	if (viw->viw_busy || viw->viw_stop || viw->viw_pause ||
	    (who == VIOSOCK_INTR && viw->viw_work)) {
		viosock_worker_kick_locked(viw);
		return;
	}
	viw->viw_lent = B_TRUE;
	viosock_worker_run(viw, who);
	if (viw->viw_work || viw->viw_stop || viw->viw_pause ||
	    (viw->viw_next == VIOSOCK_WATCH ? !viw->viw_timed :
	    viw->viw_next != VIOSOCK_WAIT))
		cv_broadcast(&viw->viw_cv);
}

static void
viosock_worker_lend(viosock_worker_t *viw)
{
	mutex_enter(&viw->viw_lock);
	viosock_worker_lend_locked(viw, servicing_interrupt() ? VIOSOCK_INTR :
	    VIOSOCK_OTHER);
	mutex_exit(&viw->viw_lock);
}

/*
 * Wait for what the function has said; B_TRUE if that was a time, and it has
 * passed without anything being done.
 */
static boolean_t
viosock_worker_wait(viosock_worker_t *viw)
{
	boolean_t watch = (viw->viw_next == VIOSOCK_WATCH);
	clock_t left;

	ASSERT(MUTEX_HELD(&viw->viw_lock));

	if (viw->viw_next == VIOSOCK_WAIT) {
		cv_wait(&viw->viw_cv, &viw->viw_lock);
		return (B_FALSE);
	}
	viw->viw_timed = watch;
	viw->viw_lent = B_FALSE;
	left = cv_reltimedwait(&viw->viw_cv, &viw->viw_lock,
	    drv_usectohz(1000 * (watch ? VIOSOCK_WATCH_MS : VIOSOCK_NOMEM_MS)),
	    TR_CLOCK_TICK);
	viw->viw_timed = B_FALSE;
	return (left == -1 && !viw->viw_lent);
}

static void
viosock_worker(void *arg)
{
	viosock_worker_t *viw = arg;
	boolean_t late = B_FALSE;

	mutex_enter(&viw->viw_lock);
	for (;;) {
		if (viw->viw_busy) {
			cv_wait(&viw->viw_cv, &viw->viw_lock);
		} else if (viw->viw_stop) {
			break;
		} else if (viw->viw_pause) {
			viw->viw_paused = B_TRUE;
			cv_broadcast(&viw->viw_cv);
			cv_wait(&viw->viw_cv, &viw->viw_lock);
			viw->viw_paused = B_FALSE;
		} else if (viw->viw_work || viw->viw_next == VIOSOCK_MORE ||
		    late) {
			viosock_worker_run(viw, late && !viw->viw_work &&
			    viw->viw_next == VIOSOCK_WATCH ? VIOSOCK_LATE :
			    VIOSOCK_WORKER);
			late = B_FALSE;
		} else {
			late = viosock_worker_wait(viw);
		}
	}
	mutex_exit(&viw->viw_lock);
	thread_exit();
}

static void
viosock_worker_init(viosock_t *vis, viosock_worker_t *viw,
    viosock_next_t (*func)(viosock_t *, viosock_who_t))
{
	viw->viw_dev = vis;
	viw->viw_func = func;
	viw->viw_stop = B_TRUE;
	mutex_init(&viw->viw_lock, NULL, MUTEX_DRIVER,
	    virtio_intr_pri(vis->vis_virtio));
	cv_init(&viw->viw_cv, NULL, CV_DRIVER, NULL);
}

static void
viosock_worker_fini(viosock_worker_t *viw)
{
	cv_destroy(&viw->viw_cv);
	mutex_destroy(&viw->viw_lock);
}

static void
viosock_worker_start(viosock_worker_t *viw)
{
	kthread_t *t;

	mutex_enter(&viw->viw_lock);
	viw->viw_stop = B_FALSE;
	viw->viw_work = B_TRUE;
	mutex_exit(&viw->viw_lock);
	t = thread_create(NULL, 0, viosock_worker, viw, 0, &p0, TS_RUN,
	    minclsyspri);
	viw->viw_thread = t->t_did;
}

static void
viosock_worker_stop(viosock_worker_t *viw)
{
	mutex_enter(&viw->viw_lock);
	viw->viw_stop = B_TRUE;
	cv_broadcast(&viw->viw_cv);
	mutex_exit(&viw->viw_lock);
	thread_join(viw->viw_thread);
}

/* Returns when the worker does nothing, and will not until it is resumed. */
static void
viosock_worker_pause(viosock_worker_t *viw)
{
	mutex_enter(&viw->viw_lock);
	viw->viw_pause = B_TRUE;
	cv_broadcast(&viw->viw_cv);
	while (!viw->viw_paused)
		cv_wait(&viw->viw_cv, &viw->viw_lock);
	mutex_exit(&viw->viw_lock);
}

static void
viosock_worker_resume(viosock_worker_t *viw)
{
	mutex_enter(&viw->viw_lock);
	viw->viw_pause = B_FALSE;
	viw->viw_work = B_TRUE;
	cv_broadcast(&viw->viw_cv);
	mutex_exit(&viw->viw_lock);
}

/*
 * INTERRUPTS, AND WHAT VSOCK_VIRTIO ASKS FOR
 */

/* We are the worker, for a moment; unless the end has come. */
static uint_t
viosock_rx_intr(caddr_t arg0, caddr_t arg1)
{
	viosock_t *vis = (viosock_t *)arg0;
	viosock_worker_t *viw = &vis->vis_in;

	viosock_stat(vis, VIS_RX_INTR);
	mutex_enter(&viw->viw_lock);
	if (!viw->viw_stop)
		viosock_worker_lend_locked(viw, VIOSOCK_INTR);
	mutex_exit(&viw->viw_lock);
	return (DDI_INTR_CLAIMED);
}

/*
 * Have the worker look, and spare us further interrupts of the queue until it
 * has: in this order, as it switches them on again.
 */
static uint_t
viosock_tx_intr(caddr_t arg0, caddr_t arg1)
{
	viosock_t *vis = (viosock_t *)arg0;
	viosock_worker_t *viw = &vis->vis_out;

	viosock_stat(vis, VIS_TX_INTR);
	mutex_enter(&viw->viw_lock);
	if (!viw->viw_stop) {
		virtio_queue_no_interrupt(
		    vis->vis_queue[VIRTIO_VSOCK_QUEUE_TX].viq_queue, B_TRUE);
		viosock_worker_kick_locked(viw);
	}
	mutex_exit(&viw->viw_lock);
	return (DDI_INTR_CLAIMED);
}

/* These are rare, and stay switched on. */
static uint_t
viosock_event_intr(caddr_t arg0, caddr_t arg1)
{
	viosock_t *vis = (viosock_t *)arg0;

	viosock_stat(vis, VIS_EVENT_INTR);
	viosock_worker_kick(&vis->vis_in);
	return (DDI_INTR_CLAIMED);
}

static uint_t
viosock_config_intr(caddr_t arg0, caddr_t arg1)
{
	viosock_t *vis = (viosock_t *)arg0;
	viosock_worker_t *viw = &vis->vis_in;

	viosock_stat(vis, VIS_CONFIG_INTR);
	mutex_enter(&viw->viw_lock);
	vis->vis_config = B_TRUE;
	viosock_worker_kick_locked(viw);
	mutex_exit(&viw->viw_lock);
	return (DDI_INTR_CLAIMED);
}

static void
viosock_tx_kick(void *arg)
{
	viosock_t *vis = arg;

	viosock_worker_kick(&vis->vis_out);
}

static void
viosock_tx_now(void *arg)
{
	viosock_t *vis = arg;

	viosock_worker_lend(&vis->vis_out);
}

static void
viosock_rx_kick(void *arg)
{
	viosock_t *vis = arg;

	viosock_worker_kick(&vis->vis_in);
}

static const vsock_vio_ops_t viosock_vio_ops = {
	.vvo_tx_kick	= viosock_tx_kick,
	.vvo_tx_now	= viosock_tx_now,
	.vvo_rx_kick	= viosock_rx_kick
};

/*
 * BUFFERS
 */

/* Give a receive or event buffer to the device; seen with the next flush. */
static void
viosock_buf_return(viosock_buf_t *vib)
{
	virtio_dma_sync(vib->vib_dma, DDI_DMA_SYNC_FORDEV);
	virtio_chain_submit(vib->vib_chain, B_FALSE);
}

static void
viosock_bufs_return(viosock_queue_t *viq)
{
	for (uint_t i = 0; i < viq->viq_nbufs; i++)
		viosock_buf_return(&viq->viq_bufs[i]);
	virtio_queue_flush(viq->viq_queue);
}

/*
 * Allocate the buffers of a queue; those that the device will write get their
 * descriptor once and for all.  B_FALSE: some are missing.
 */
static boolean_t
viosock_bufs_alloc(viosock_t *vis, uint_t queue)
{
	const struct viosock_queue_desc *vqd = &viosock_queues[queue];
	viosock_queue_t *viq = &vis->vis_queue[queue];

	viq->viq_nbufs = MIN(vqd->vqd_nbufs,
	    virtio_queue_size(viq->viq_queue) / vqd->vqd_segs);
	if (viq->viq_nbufs == 0)
		return (B_FALSE);
	viq->viq_bufs = kmem_zalloc(viq->viq_nbufs * sizeof (viosock_buf_t),
	    KM_SLEEP);
	for (uint_t i = 0; i < viq->viq_nbufs; i++) {
		viosock_buf_t *vib = &viq->viq_bufs[i];

		list_link_init(&vib->vib_link);
		vib->vib_dma = virtio_dma_alloc(vis->vis_virtio,
		    vqd->vqd_skip + vqd->vqd_size, &viosock_dma_attr,
		    vqd->vqd_dmaflags, KM_SLEEP);
		if (vib->vib_dma == NULL)
			return (B_FALSE);
		VERIFY3U(virtio_dma_ncookies(vib->vib_dma), ==, 1);
		vib->vib_chain = virtio_chain_alloc(viq->viq_queue, KM_SLEEP);
		if (vib->vib_chain == NULL)
			return (B_FALSE);
		virtio_chain_data_set(vib->vib_chain, vib);
		if (queue == VIRTIO_VSOCK_QUEUE_TX) {
			list_insert_tail(&vis->vis_tx_free, vib);
		} else if (virtio_chain_append(vib->vib_chain,
		    virtio_dma_cookie_pa(vib->vib_dma, 0) + vqd->vqd_skip,
		    vqd->vqd_size, VIRTIO_DIR_DEVICE_WRITES) != DDI_SUCCESS) {
			return (B_FALSE);
		}
	}
	return (B_TRUE);
}

/* Free them, as many as there are.  The device has been shut down. */
static void
viosock_bufs_free(viosock_t *vis, uint_t queue)
{
	viosock_queue_t *viq = &vis->vis_queue[queue];

	if (viq->viq_bufs == NULL)
		return;
	while (virtio_queue_evacuate(viq->viq_queue) != NULL)
		continue;
	for (uint_t i = 0; i < viq->viq_nbufs; i++) {
		viosock_buf_t *vib = &viq->viq_bufs[i];

		if (list_link_active(&vib->vib_link))
			list_remove(&vis->vis_tx_free, vib);
		if (vib->vib_chain != NULL)
			virtio_chain_free(vib->vib_chain);
		if (vib->vib_dma != NULL)
			virtio_dma_free(vib->vib_dma);
	}
	kmem_free(viq->viq_bufs, viq->viq_nbufs * sizeof (viosock_buf_t));
	viq->viq_bufs = NULL;
}

/*
 * TO THE HOST
 */

/* Take back what the device has sent: how many buffers. */
static uint_t
viosock_tx_reclaim(viosock_t *vis)
{
	virtio_queue_t *viq = vis->vis_queue[VIRTIO_VSOCK_QUEUE_TX].viq_queue;
	virtio_chain_t *vic;
	uint_t n = 0;

	while ((vic = virtio_queue_poll(viq)) != NULL) {
		list_insert_head(&vis->vis_tx_free, virtio_chain_data(vic));
		n++;
	}
	return (n);
}

/* Its descriptors, of which there may be no more for the moment. */
static boolean_t
viosock_tx_describe(viosock_buf_t *vib)
{
	uint64_t pa = virtio_dma_cookie_pa(vib->vib_dma, 0) + VIOSOCK_SKIP;

	virtio_chain_clear(vib->vib_chain);
	return (virtio_chain_append(vib->vib_chain, pa, VIRTIO_VSOCK_HDR_SIZE,
	    VIRTIO_DIR_DEVICE_READS) == DDI_SUCCESS &&
	    (vib->vib_payload == 0 || virtio_chain_append(vib->vib_chain,
	    pa + VIRTIO_VSOCK_HDR_SIZE, vib->vib_payload,
	    VIRTIO_DIR_DEVICE_READS) == DDI_SUCCESS));
}

/*
 * Put packets into the queue while there are any, and buffers, but no more than
 * `batch'.  VIOSOCK_WATCH: all buffers are with the device.
 */
static viosock_next_t
viosock_tx_fill(viosock_t *vis, uint_t batch)
{
	virtio_queue_t *viq = vis->vis_queue[VIRTIO_VSOCK_QUEUE_TX].viq_queue;
	viosock_next_t next = VIOSOCK_MORE;
	virtio_vsock_hdr_t hdr;
	viosock_buf_t *vib;
	mblk_t *mp;
	uint_t n;

	for (n = 0; n < batch; n++) {
		vib = vis->vis_tx_held;
		if (vib == NULL) {
			if (list_is_empty(&vis->vis_tx_free)) {
				next = vsock_vio_tx_pending(vis->vis_vio) ?
				    VIOSOCK_WATCH : VIOSOCK_WAIT;
				break;
			}
			if (!vsock_vio_tx_next(vis->vis_vio,
			    VIOSOCK_PAYLOAD, &hdr, &mp)) {
				next = vsock_vio_tx_pending(vis->vis_vio) ?
				    VIOSOCK_RETRY : VIOSOCK_WAIT;
				break;
			}
			vib = list_remove_head(&vis->vis_tx_free);
			vib->vib_payload = LE_32(hdr.vvh_len);
			bcopy(&hdr, virtio_dma_va(vib->vib_dma, VIOSOCK_SKIP),
			    VIRTIO_VSOCK_HDR_SIZE);
			if (mp != NULL) {
				mcopymsg(mp, virtio_dma_va(vib->vib_dma,
				    VIOSOCK_ALIGN));
			}
		}
		if (!viosock_tx_describe(vib)) {
			viosock_stat(vis, VIS_TX_NODESC);
			vis->vis_tx_held = vib;
			next = VIOSOCK_RETRY;
			break;
		}
		vis->vis_tx_held = NULL;
		viosock_stat(vis, VIS_TX_CHAINS);
		virtio_dma_sync(vib->vib_dma, DDI_DMA_SYNC_FORDEV);
		virtio_chain_submit(vib->vib_chain, B_FALSE);
		if ((n + 1) % VIOSOCK_FLUSH == 0) {
			viosock_stat(vis, VIS_TX_FLUSHES);
			virtio_queue_flush(viq);
		}
	}
	if (n % VIOSOCK_FLUSH != 0) {
		viosock_stat(vis, VIS_TX_FLUSHES);
		virtio_queue_flush(viq);
	}
	return (next);
}

static viosock_next_t
viosock_tx_work(viosock_t *vis, viosock_who_t who)
{
	virtio_queue_t *viq = vis->vis_queue[VIRTIO_VSOCK_QUEUE_TX].viq_queue;
	viosock_next_t next = VIOSOCK_WAIT;

	if (vis->vis_tx_intr) {
		virtio_queue_no_interrupt(viq, B_TRUE);
		vis->vis_tx_intr = B_FALSE;
	}
	if (viosock_tx_reclaim(vis) == 0 && who == VIOSOCK_LATE &&
	    virtio_queue_nactive(viq) != 0) {
		viosock_stat(vis, VIS_TX_REMINDED);
		virtio_queue_flush(viq);
	}

	if (vis->vis_vio != NULL)
		next = viosock_tx_fill(vis, VIOSOCK_BATCH_OF(who));
	if (next == VIOSOCK_WATCH) {
		viosock_stat(vis, VIS_TX_FULL);
		vis->vis_tx_intr = B_TRUE;
		virtio_queue_no_interrupt(viq, B_FALSE);
		if (viosock_tx_reclaim(vis) != 0)
			next = VIOSOCK_MORE;
	}
	if (next == VIOSOCK_WAIT && virtio_queue_nactive(viq) != 0)
		next = VIOSOCK_WATCH;
	return (next);
}

/*
 * OUR CID
 */

/*
 * What the device says our CID is; VMADDR_CID_ANY if we could not have that.
 */
static uint32_t
viosock_cid_read(viosock_t *vis)
{
	uint64_t cid;

	cid = virtio_dev_get64(vis->vis_virtio, VIRTIO_VSOCK_CFG_GUEST_CID);
	if (cid <= VMADDR_CID_HOST || cid >= VMADDR_CID_ANY) {
		viosock_oddity(vis, VIS_BAD_CID, cid);
		return (VMADDR_CID_ANY);
	}
	return ((uint32_t)cid);
}

/* As whom sockets will reach the host.  Errors: of vsock_vio_attach(). */
static int
viosock_transport_attach(viosock_t *vis, uint32_t cid)
{
	char name[VSOCK_NAMELEN];
	vsock_vio_reg_t vvr = {
		.vvr_provider	= vis->vis_provider,
		.vvr_module	= "viosock",
		.vvr_instance	= vis->vis_instance,
		.vvr_name	= name,
		.vvr_local_cid	= cid,
		.vvr_remote_cid	= VMADDR_CID_HOST,
		.vvr_zoneid	= GLOBAL_ZONEID,
		.vvr_types	= vis->vis_types,
		.vvr_ops	= &viosock_vio_ops,
		.vvr_arg	= vis
	};

	(void) snprintf(name, sizeof (name), "virtio%d", vis->vis_instance);
	vis->vis_cid = cid;
	return (vsock_vio_attach(&vvr, &vis->vis_vio));
}

/*
 * The device has lost its connections, or (`reset' is B_FALSE) may have given
 * us another CID.
 */
static void
viosock_cid_update(viosock_t *vis, boolean_t reset)
{
	uint32_t cid = viosock_cid_read(vis);
	boolean_t valid = (cid != VMADDR_CID_ANY);

	if (vis->vis_vio == NULL ? !valid :
	    (valid && cid == vis->vis_cid && !reset))
		return;

	viosock_worker_pause(&vis->vis_out);
	if (vis->vis_tx_held != NULL) {
		list_insert_head(&vis->vis_tx_free, vis->vis_tx_held);
		vis->vis_tx_held = NULL;
	}
	if (valid && cid != vis->vis_cid)
		viosock_stat(vis, VIS_CID_CHANGES);
	if (vis->vis_vio == NULL) {
		if (viosock_transport_attach(vis, cid) != 0)
			viosock_oddity(vis, VIS_CID_REFUSED, cid);
	} else if (!valid) {
		vsock_vio_detach(vis->vis_vio);
		vis->vis_vio = NULL;
	} else {
		vis->vis_cid = cid;
		vsock_vio_reset(vis->vis_vio, cid);
	}
	viosock_worker_resume(&vis->vis_out);
}

/*
 * FROM THE HOST
 */

/*
 * Events.  The device may take the return of a buffer as a sign that we have
 * done what it said: so they are returned last.  B_TRUE: there may be more.
 */
static boolean_t
viosock_event_work(viosock_t *vis)
{
	virtio_queue_t *viq =
	    vis->vis_queue[VIRTIO_VSOCK_QUEUE_EVENT].viq_queue;
	boolean_t reset = B_FALSE;
	virtio_vsock_event_t event;
	virtio_chain_t *vic;
	uint_t n;

	for (n = 0; n < VIOSOCK_EVENT_BUFS &&
	    (vic = virtio_queue_poll(viq)) != NULL; n++) {
		viosock_buf_t *vib = virtio_chain_data(vic);
		size_t len = virtio_chain_received_length(vic);

		viosock_stat(vis, VIS_EVENTS);
		virtio_dma_sync(vib->vib_dma, DDI_DMA_SYNC_FORCPU);
		bcopy(virtio_dma_va(vib->vib_dma, 0), &event, sizeof (event));
		if (len != sizeof (event)) {
			viosock_oddity(vis, VIS_EVENT_BAD_LEN, len);
		} else if (LE_32(event.vve_id) != VIRTIO_VSOCK_EVENT_RESET) {
			viosock_oddity(vis, VIS_EVENT_UNKNOWN,
			    LE_32(event.vve_id));
		} else {
			viosock_stat(vis, VIS_RESETS);
			reset = B_TRUE;
		}
		viosock_buf_return(vib);
	}
	if (reset)
		viosock_cid_update(vis, B_TRUE);
	if (n != 0)
		virtio_queue_flush(viq);
	return (n == VIOSOCK_EVENT_BUFS);
}

/*
 * What the device has received: check it, copy it, return the buffer, and pass
 * on the copy.  B_FALSE: it is for the worker.
 */
static boolean_t
viosock_rx_packet(viosock_t *vis, virtio_chain_t *vic, viosock_who_t who)
{
	viosock_buf_t *vib = virtio_chain_data(vic);
	size_t received = virtio_chain_received_length(vic);
	virtio_vsock_hdr_t hdr;
	boolean_t badlen, nomem = B_FALSE;
	mblk_t *mp = NULL;
	uint32_t len;

	if (received > VIOSOCK_PACKET) {
		viosock_oddity(vis, VIS_RX_LONG, received);
		received = VIOSOCK_PACKET;
	}
	if (received < VIRTIO_VSOCK_HDR_SIZE) {
		viosock_stat(vis, VIS_RX_CHAINS);
		viosock_oddity(vis, VIS_RX_SHORT, received);
		viosock_buf_return(vib);
		return (B_TRUE);
	}
	virtio_dma_sync(vib->vib_dma, DDI_DMA_SYNC_FORCPU);
	bcopy(virtio_dma_va(vib->vib_dma, VIOSOCK_SKIP), &hdr,
	    VIRTIO_VSOCK_HDR_SIZE);
	len = LE_32(hdr.vvh_len);
	badlen = (len > received - VIRTIO_VSOCK_HDR_SIZE);
	if (who == VIOSOCK_INTR && (badlen || !vsock_vio_rx_light(&hdr)))
		return (B_FALSE);
	if (!badlen && len != 0) {
		mp = allocb(len, BPRI_MED);
		if (mp != NULL) {
			bcopy(virtio_dma_va(vib->vib_dma, VIOSOCK_ALIGN),
			    mp->b_wptr, len);
			mp->b_wptr += len;
		} else if (who == VIOSOCK_INTR) {
			return (B_FALSE);
		} else {
			nomem = B_TRUE;
		}
	}
	viosock_stat(vis, VIS_RX_CHAINS);
	viosock_buf_return(vib);

	if (vis->vis_vio == NULL) {
		viosock_stat(vis, VIS_RX_DOWN);
		freemsg(mp);
	} else if (badlen) {
		vsock_vio_rx_badlen(vis->vis_vio, &hdr);
	} else if (nomem) {
		vsock_vio_rx_nomem(vis->vis_vio, &hdr);
	} else {
		vsock_vio_rx(vis->vis_vio, &hdr, mp);
	}
	return (B_TRUE);
}

/*
 * Packets, as long as their answers can be queued.
 */
static viosock_next_t
viosock_rx_work(viosock_t *vis, viosock_who_t who)
{
	virtio_queue_t *viq = vis->vis_queue[VIRTIO_VSOCK_QUEUE_RX].viq_queue;
	viosock_next_t next = VIOSOCK_MORE;
	boolean_t intr = B_FALSE;
	virtio_chain_t *vic;
	uint_t n = 0;

	virtio_queue_no_interrupt(viq, B_TRUE);
	while (n < VIOSOCK_BATCH_OF(who)) {
		if (vis->vis_vio != NULL && !vsock_vio_rx_ready(vis->vis_vio)) {
			next = VIOSOCK_WAIT;
			break;
		}
		vic = vis->vis_rx_held;
		vis->vis_rx_held = NULL;
		if (vic == NULL)
			vic = virtio_queue_poll(viq);
		if (vic == NULL && intr) {
			next = VIOSOCK_WAIT;
			break;
		}
		if ((vic == NULL) != intr) {
			intr = (vic == NULL);
			virtio_queue_no_interrupt(viq, !intr);
		}
		if (vic != NULL) {
			if (!viosock_rx_packet(vis, vic, who)) {
				vis->vis_rx_held = vic;
				break;
			}
			if (++n % VIOSOCK_FLUSH == 0)
				virtio_queue_flush(viq);
		}
	}
	if (n % VIOSOCK_FLUSH != 0)
		virtio_queue_flush(viq);
	if (n != 0)
		vis->vis_rx_returned = B_TRUE;
	return (next);
}

static viosock_next_t
viosock_in_work(viosock_t *vis, viosock_who_t who)
{
	viosock_worker_t *viw = &vis->vis_in;
	viosock_next_t next;
	boolean_t config, more = B_FALSE;

	if (who == VIOSOCK_LATE) {
		viosock_stat(vis, VIS_RX_REMINDED);
		vis->vis_rx_returned = B_FALSE;
		virtio_queue_flush(
		    vis->vis_queue[VIRTIO_VSOCK_QUEUE_RX].viq_queue);
	}

	if (who != VIOSOCK_INTR) {
		mutex_enter(&viw->viw_lock);
		config = vis->vis_config;
		vis->vis_config = B_FALSE;
		mutex_exit(&viw->viw_lock);

		if (config)
			viosock_cid_update(vis, B_FALSE);
		more = viosock_event_work(vis);
	}
	next = viosock_rx_work(vis, who);
	if (more)
		next = VIOSOCK_MORE;
	if (next == VIOSOCK_WAIT && vis->vis_rx_returned)
		next = VIOSOCK_WATCH;
	return (next);
}

/*
 * ATTACH AND DETACH
 */

/*
 * The framework's handle, with features negotiated, or NULL.
 */
static virtio_t *
viosock_negotiate(dev_info_t *dip)
{
	virtio_t *vio;

	for (uint_t i = 0; i < ARRAY_SIZE(viosock_features); i++) {
		if ((vio = virtio_init(dip)) == NULL)
			return (NULL);
		if (virtio_init_features(vio, viosock_features[i], B_FALSE))
			return (vio);
		virtio_fini(vio, B_TRUE);
	}
	return (NULL);
}

/* Which socket types the device has. */
static uint_t
viosock_types(virtio_t *vio)
{
	static const uint64_t bits[] = {
		VIRTIO_VSOCK_F_STREAM, VIRTIO_VSOCK_F_SEQPACKET,
		VIRTIO_VSOCK_F_NO_IMPLIED_STREAM
	};
	uint64_t features = 0;

	for (uint_t i = 0; i < ARRAY_SIZE(bits); i++) {
		if (virtio_features_present(vio, bits[i]))
			features |= bits[i];
	}
	return (vsock_vio_types(features));
}

/* Undo what attach(9E) has done up to this stage. */
static void
viosock_teardown(viosock_t *vis, viosock_stage_t stage)
{
	switch (stage) {
	case VIOSOCK_STAGE_RUNNING:
		viosock_worker_stop(&vis->vis_in);
		viosock_worker_stop(&vis->vis_out);
		/* FALLTHROUGH */
	case VIOSOCK_STAGE_TRANSPORT:
		if (vis->vis_vio != NULL)
			vsock_vio_detach(vis->vis_vio);
		/* FALLTHROUGH */
	case VIOSOCK_STAGE_PROVIDER:
		VERIFY0(vsock_provider_unregister(vis->vis_provider));
		/* FALLTHROUGH */
	case VIOSOCK_STAGE_LIVE:
		/*
		 * Handlers come until now, and wake nobody any more.  Their
		 * interrupts are not disabled earlier, and left to
		 * virtio_fini(): the framework does it with the mutex held
		 * that its handler of shared interrupts takes, and spins until
		 * no handler runs, which it may do for ever while the device
		 * can still interrupt.
		 */
		virtio_shutdown(vis->vis_virtio);
		for (uint_t i = 0; i < VIRTIO_VSOCK_NQUEUES; i++)
			viosock_bufs_free(vis, i);
		virtio_fini(vis->vis_virtio, stage != VIOSOCK_STAGE_RUNNING);
		/* There are no handlers any more. */
		if (vis->vis_kstat != NULL)
			kstat_delete(vis->vis_kstat);
		list_destroy(&vis->vis_tx_free);
		viosock_worker_fini(&vis->vis_out);
		viosock_worker_fini(&vis->vis_in);
		break;
	case VIOSOCK_STAGE_INIT:
		virtio_fini(vis->vis_virtio, B_TRUE);
		break;
	}
	ddi_set_driver_private(vis->vis_dip, NULL);
	ddi_soft_state_free(viosock_state, vis->vis_instance);
}

static const vsock_provider_reg_t viosock_provider_reg = {
	.vpr_version	= VSOCK_TRANSPORT_VERSION,
	.vpr_name	= "viosock",
	.vpr_dir	= VSOCK_DIR_TO_HOST,
	.vpr_ops	= &vsock_vio_tops
};

static int
viosock_attach(dev_info_t *dip, ddi_attach_cmd_t cmd)
{
	int instance = ddi_get_instance(dip);
	viosock_stage_t stage = VIOSOCK_STAGE_INIT;
	viosock_t *vis;
	virtio_t *vio;
	uint32_t cid;
	int err;

	if (cmd != DDI_ATTACH)
		return (DDI_FAILURE);

	if ((vio = viosock_negotiate(dip)) == NULL) {
		dev_err(dip, CE_WARN, "failed to start virtio init");
		return (DDI_FAILURE);
	}
	if (ddi_soft_state_zalloc(viosock_state, instance) != DDI_SUCCESS) {
		virtio_fini(vio, B_TRUE);
		return (DDI_FAILURE);
	}
	vis = ddi_get_soft_state(viosock_state, instance);
	vis->vis_dip = dip;
	vis->vis_instance = instance;
	vis->vis_virtio = vio;
	ddi_set_driver_private(dip, vis);

	if ((vis->vis_types = viosock_types(vio)) == 0) {
		dev_err(dip, CE_WARN, "device has no stream sockets");
		goto fail;
	}
	if ((cid = viosock_cid_read(vis)) == VMADDR_CID_ANY) {
		dev_err(dip, CE_WARN, "device has no valid CID for us");
		goto fail;
	}
	for (uint_t i = 0; i < VIRTIO_VSOCK_NQUEUES; i++) {
		const struct viosock_queue_desc *vqd = &viosock_queues[i];

		vis->vis_queue[i].viq_queue = virtio_queue_alloc(vio, i,
		    vqd->vqd_name, vqd->vqd_intr, vis, B_TRUE, vqd->vqd_segs);
		if (vis->vis_queue[i].viq_queue == NULL) {
			dev_err(dip, CE_WARN, "could not set up the %s queue",
			    vqd->vqd_name);
			goto fail;
		}
	}
	virtio_register_cfgchange_handler(vio, viosock_config_intr, vis);
	if (virtio_init_complete(vio, VIRTIO_ANY_INTR_TYPE) != DDI_SUCCESS) {
		dev_err(dip, CE_WARN, "failed to complete virtio init");
		goto fail;
	}

	viosock_worker_init(vis, &vis->vis_in, viosock_in_work);
	viosock_worker_init(vis, &vis->vis_out, viosock_tx_work);
	list_create(&vis->vis_tx_free, sizeof (viosock_buf_t),
	    offsetof(viosock_buf_t, vib_link));
	viosock_kstat_create(vis);
	stage = VIOSOCK_STAGE_LIVE;
	virtio_queue_no_interrupt(
	    vis->vis_queue[VIRTIO_VSOCK_QUEUE_TX].viq_queue, B_TRUE);
	for (uint_t i = 0; i < VIRTIO_VSOCK_NQUEUES; i++) {
		if (!viosock_bufs_alloc(vis, i)) {
			dev_err(dip, CE_WARN, "no buffers for the %s queue",
			    viosock_queues[i].vqd_name);
			goto fail;
		}
	}

	err = vsock_provider_register(&viosock_provider_reg,
	    &vis->vis_provider);
	if (err != 0) {
		dev_err(dip, CE_WARN, "there is another way to the host");
		goto fail;
	}
	stage = VIOSOCK_STAGE_PROVIDER;
	if ((err = viosock_transport_attach(vis, cid)) != 0) {
		dev_err(dip, CE_WARN, "CID %u cannot be used: error %d", cid,
		    err);
		goto fail;
	}
	stage = VIOSOCK_STAGE_TRANSPORT;
	if (virtio_interrupts_enable(vio) != DDI_SUCCESS) {
		dev_err(dip, CE_WARN, "failed to enable interrupts");
		goto fail;
	}

	/* Nothing can fail from here. */
	viosock_bufs_return(&vis->vis_queue[VIRTIO_VSOCK_QUEUE_EVENT]);
	viosock_bufs_return(&vis->vis_queue[VIRTIO_VSOCK_QUEUE_RX]);
	vis->vis_rx_returned = B_TRUE;
	viosock_worker_start(&vis->vis_out);
	viosock_worker_start(&vis->vis_in);

	/*
	 * There is no minor node that could be open and show that we are in
	 * use; and nobody wants us to detach for want of memory.
	 */
	(void) ddi_prop_update_int(DDI_DEV_T_NONE, dip, DDI_NO_AUTODETACH, 1);
	ddi_report_dev(dip);
	return (DDI_SUCCESS);

fail:
	viosock_teardown(vis, stage);
	return (DDI_FAILURE);
}

/*
 * Connections that there are end.
 */
static int
viosock_detach(dev_info_t *dip, ddi_detach_cmd_t cmd)
{
	if (cmd != DDI_DETACH)
		return (DDI_FAILURE);

	viosock_teardown(ddi_get_driver_private(dip), VIOSOCK_STAGE_RUNNING);
	return (DDI_SUCCESS);
}

static int
viosock_quiesce(dev_info_t *dip)
{
	viosock_t *vis = ddi_get_driver_private(dip);

	if (vis == NULL)
		return (DDI_FAILURE);
	return (virtio_quiesce(vis->vis_virtio));
}

static struct dev_ops viosock_dev_ops = {
	.devo_rev	= DEVO_REV,
	.devo_getinfo	= ddi_no_info,
	.devo_identify	= nulldev,
	.devo_probe	= nulldev,
	.devo_attach	= viosock_attach,
	.devo_detach	= viosock_detach,
	.devo_reset	= nodev,
	.devo_power	= ddi_power,
	.devo_quiesce	= viosock_quiesce
};

static struct modldrv viosock_modldrv = {
	.drv_modops	= &mod_driverops,
	.drv_linkinfo	= "virtio socket driver",
	.drv_dev_ops	= &viosock_dev_ops
};

static struct modlinkage viosock_modlinkage = {
	.ml_rev		= MODREV_1,
	.ml_linkage	= { &viosock_modldrv, NULL }
};

int
_init(void)
{
	int err;

	err = ddi_soft_state_init(&viosock_state, sizeof (viosock_t), 0);
	if (err != 0)
		return (err);
	if ((err = mod_install(&viosock_modlinkage)) != 0)
		ddi_soft_state_fini(&viosock_state);
	return (err);
}

int
_fini(void)
{
	int err;

	if ((err = mod_remove(&viosock_modlinkage)) != 0)
		return (err);
	ddi_soft_state_fini(&viosock_state);
	return (0);
}

int
_info(struct modinfo *modinfop)
{
	return (mod_info(&viosock_modlinkage, modinfop));
}
