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
 * VSOCKHV: RINGS
 *
 * The device's side of split virtqueues in a guest's memory, and the workers
 * that serve them.  vsockhv.c has the overview, and the locking.
 *
 * A ring is used between vsockhv_ring_enter() and vsockhv_ring_leave() only.
 * In between there is a lease, the pages of the ring are mapped, and hr_busy is
 * set.  Nothing in between waits for anything but short locks.  Other pages of
 * the guest are held one at a time, while something is copied from or to them.
 *
 * Everything in guest memory may change at any time.  An index, a descriptor,
 * a header is read once, into a variable of ours, and then checked; it is never
 * looked at again.
 */

#include <sys/types.h>
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/sysmacros.h>
#include <sys/atomic.h>
#include <sys/debug.h>
#include <sys/disp.h>
#include <sys/errno.h>
#include <sys/byteorder.h>
#include <sys/kmem.h>
#include <sys/mman.h>
#include <sys/proc.h>
#include <sys/sdt.h>
#include <sys/stream.h>
#include <sys/strsun.h>
#include <sys/ddi.h>
#include <sys/sunddi.h>
#include <net/vsock.h>

#include "vsockhv_impl.h"

/* Split virtqueues, as in VIRTIO 1.3, 2.7. */
#define	VRING_DESC_F_NEXT		0x1
#define	VRING_DESC_F_WRITE		0x2
#define	VRING_DESC_F_INDIRECT		0x4
#define	VRING_AVAIL_F_NO_INTERRUPT	0x1
#define	VRING_USED_F_NO_NOTIFY		0x1

typedef struct vring_desc {
	uint64_t	vd_addr;
	uint32_t	vd_len;
	uint16_t	vd_flags;
	uint16_t	vd_next;
} vring_desc_t;

#define	VRING_DESC_SIZE(q)	((size_t)(q) * sizeof (vring_desc_t))
#define	VRING_AVAIL_FLAGS	0
#define	VRING_AVAIL_IDX		2
#define	VRING_AVAIL_RING(i)	(4 + 2 * (size_t)(i))
#define	VRING_AVAIL_USED_EVENT(q) VRING_AVAIL_RING(q)
#define	VRING_AVAIL_SIZE(q)	(VRING_AVAIL_RING(q) + 2)
#define	VRING_USED_FLAGS	0
#define	VRING_USED_IDX		2
#define	VRING_USED_RING(i)	(4 + 8 * (size_t)(i))
#define	VRING_USED_AVAIL_EVENT(q) VRING_USED_RING(q)
#define	VRING_USED_SIZE(q)	(VRING_USED_RING(q) + 2)

/*
 * LEASE AND MAPPING
 */

static void *
vsockhv_ring_addr(const vsockhv_ring_t *hr, vsockhv_part_t part, size_t off)
{
	const vsockhv_region_t *hg = &hr->hr_region[part];

	ASSERT(hr->hr_busy);
	ASSERT3U(off, <, hg->hg_len);

	off += hg->hg_gpa & PAGEOFFSET;
	return ((char *)hg->hg_pages[off / PAGESIZE] + (off & PAGEOFFSET));
}

static uint16_t
vsockhv_ring_get16(const vsockhv_ring_t *hr, vsockhv_part_t part, size_t off)
{
	volatile uint16_t *p = vsockhv_ring_addr(hr, part, off);

	return (LE_16(*p));
}

static void
vsockhv_ring_put16(const vsockhv_ring_t *hr, size_t off, uint16_t val)
{
	volatile uint16_t *p = vsockhv_ring_addr(hr, VHP_USED, off);

	*p = LE_16(val);
}

static void
vsockhv_ring_put32(const vsockhv_ring_t *hr, size_t off, uint32_t val)
{
	volatile uint32_t *p = vsockhv_ring_addr(hr, VHP_USED, off);

	*p = LE_32(val);
}

/*
 * Let go of the ring's pages; the lease may be broken then.
 */
static void
vsockhv_ring_unmap(vsockhv_ring_t *hr)
{
	if (hr->hr_pages != NULL) {
		vmm_drv_page_release_chain(hr->hr_pages);
		hr->hr_pages = NULL;
	}
}

static void
vsockhv_ring_break(vsockhv_ring_t *hr)
{
	ASSERT(MUTEX_HELD(&hr->hr_lock));
	ASSERT(!hr->hr_busy);

	if (hr->hr_lease != NULL) {
		vsockhv_ring_unmap(hr);
		vmm_drv_lease_break(hr->hr_dev->vh_hold, hr->hr_lease);
		hr->hr_lease = NULL;
	}
}

/*
 * The VM wants the lease back.  If nobody is using it, it can be had at once
 * (B_TRUE).  Otherwise whoever does will notice before long, and break it; or
 * has just done so.
 */
boolean_t
vsockhv_ring_expire(vsockhv_ring_t *hr)
{
	boolean_t now = B_FALSE;

	mutex_enter(&hr->hr_lock);
	if (hr->hr_lease != NULL && !hr->hr_busy &&
	    vmm_drv_lease_expired(hr->hr_lease)) {
		vsockhv_ring_unmap(hr);
		hr->hr_lease = NULL;
		now = B_TRUE;
	}
	mutex_exit(&hr->hr_lock);
	return (now);
}

/*
 * Map every page of the ring.  B_FALSE: one of them is not the guest's; some
 * may be mapped.
 */
static boolean_t
vsockhv_ring_map(vsockhv_ring_t *hr, vmm_lease_t *lease)
{
	vmm_page_t *last = NULL, *page;

	ASSERT3P(hr->hr_pages, ==, NULL);
	vsockhv_stat(hr->hr_dev, VHS_MAPS);

	for (uint_t part = 0; part < VHP_COUNT; part++) {
		vsockhv_region_t *hg = &hr->hr_region[part];
		uint64_t gpa = hg->hg_gpa & PAGEMASK;
		int prot = PROT_READ;

		if (part == VHP_USED)
			prot |= PROT_WRITE;
		for (uint_t i = 0; i < hg->hg_npages; i++, gpa += PAGESIZE) {
			page = vmm_drv_page_hold(lease, gpa, prot);
			if (page == NULL)
				return (B_FALSE);
			if (last == NULL)
				hr->hr_pages = page;
			else
				vmm_drv_page_chain(last, page);
			last = page;
			hg->hg_pages[i] = (part == VHP_USED) ?
			    vmm_drv_page_writable(page) :
			    (void *)(uintptr_t)vmm_drv_page_readable(page);
		}
	}
	return (B_TRUE);
}

/*
 * Begin to use the ring: sign a lease and map it, unless that is still so from
 * the last time.  May wait for an exclusive operation on the VM to end.  ENXIO,
 * the VM is going away; EFAULT, the ring is not in the guest's memory.
 */
static int
vsockhv_ring_enter(vsockhv_ring_t *hr)
{
	vmm_lease_t *lease;

	mutex_enter(&hr->hr_lock);
	ASSERT(!hr->hr_busy);
	if (hr->hr_lease == NULL) {
		mutex_exit(&hr->hr_lock);
		lease = vmm_drv_lease_sign(hr->hr_dev->vh_hold,
		    vsockhv_expire, VSOCKHV_RING_ID(hr));
		if (lease == NULL)
			return (ENXIO);
		if (!vsockhv_ring_map(hr, lease)) {
			vsockhv_ring_unmap(hr);
			vmm_drv_lease_break(hr->hr_dev->vh_hold, lease);
			return (EFAULT);
		}
		mutex_enter(&hr->hr_lock);
		hr->hr_lease = lease;
	}
	hr->hr_busy = B_TRUE;
	mutex_exit(&hr->hr_lock);
	return (0);
}

/*
 * Likewise, but only if there is nothing to wait for and nothing to be mapped.
 */
static boolean_t
vsockhv_ring_tryenter(vsockhv_ring_t *hr)
{
	boolean_t ok;

	mutex_enter(&hr->hr_lock);
	ASSERT(!hr->hr_busy);
	ok = (hr->hr_lease != NULL && !vmm_drv_lease_expired(hr->hr_lease));
	if (ok)
		hr->hr_busy = B_TRUE;
	mutex_exit(&hr->hr_lock);
	return (ok);
}

/* One of the two; EAGAIN if the ring can't be had at once. */
static int
vsockhv_ring_begin(vsockhv_ring_t *hr, boolean_t lent)
{
	if (!lent)
		return (vsockhv_ring_enter(hr));
	return (vsockhv_ring_tryenter(hr) ? 0 : EAGAIN);
}

static void
vsockhv_ring_leave(vsockhv_ring_t *hr)
{
	mutex_enter(&hr->hr_lock);
	ASSERT(hr->hr_busy);
	hr->hr_busy = B_FALSE;
	if (vmm_drv_lease_expired(hr->hr_lease))
		vsockhv_ring_break(hr);
	mutex_exit(&hr->hr_lock);
}

/*
 * COPYING
 *
 * Between buffers of ours and segments of a chain.  A cursor remembers how far
 * it has come, and keeps the page it is on.
 */

typedef struct vsockhv_cursor {
	vsockhv_ring_t	*hu_ring;
	const vsockhv_seg_t *hu_seg;
	uint_t		hu_left;	/* segments, this one included */
	uint32_t	hu_off;		/* in this one */
	boolean_t	hu_write;
	uint64_t	hu_gpa;		/* of the page */
	vmm_page_t	*hu_page;
} vsockhv_cursor_t;

static void
vsockhv_cursor_init(vsockhv_cursor_t *hu, vsockhv_ring_t *hr,
    const vsockhv_seg_t *segs, uint_t n, boolean_t write)
{
	bzero(hu, sizeof (*hu));
	hu->hu_ring = hr;
	hu->hu_seg = segs;
	hu->hu_left = n;
	hu->hu_write = write;
}

static void
vsockhv_cursor_fini(vsockhv_cursor_t *hu)
{
	if (hu->hu_page != NULL) {
		vmm_drv_page_release(hu->hu_page);
		hu->hu_page = NULL;
	}
}

/*
 * Copy the next `len' bytes, which the segments are known to have.  B_FALSE: an
 * address is not that of memory.
 */
static boolean_t
vsockhv_cursor_copy(vsockhv_cursor_t *hu, void *buf, size_t len)
{
	char *p = buf;

	while (len > 0) {
		uint64_t gpa, off;
		size_t n;

		ASSERT3U(hu->hu_left, >, 0);
		if (hu->hu_off == hu->hu_seg->hs_len) {
			hu->hu_seg++;
			hu->hu_left--;
			hu->hu_off = 0;
			continue;
		}
		gpa = hu->hu_seg->hs_gpa + hu->hu_off;
		off = gpa & PAGEOFFSET;
		n = MIN(len, hu->hu_seg->hs_len - hu->hu_off);
		n = MIN(n, PAGESIZE - off);
		if (hu->hu_page == NULL || hu->hu_gpa != gpa - off) {
			vsockhv_cursor_fini(hu);
			hu->hu_gpa = gpa - off;
			hu->hu_page = vmm_drv_page_hold(hu->hu_ring->hr_lease,
			    hu->hu_gpa, hu->hu_write ?
			    PROT_READ | PROT_WRITE : PROT_READ);
			if (hu->hu_page == NULL)
				return (B_FALSE);
		}
		if (hu->hu_write) {
			bcopy(p, (char *)vmm_drv_page_writable(hu->hu_page) +
			    off, n);
		} else {
			bcopy((const char *)vmm_drv_page_readable(hu->hu_page) +
			    off, p, n);
		}
		hu->hu_off += n;
		p += n;
		len -= n;
	}
	return (B_TRUE);
}

/*
 * CHAINS
 */

static int
vsockhv_chain_bad(vsockhv_ring_t *hr, vsockhv_stat_t stat, uint64_t what)
{
	vsockhv_stat(hr->hr_dev, stat);
	DTRACE_PROBE3(vsockhv__bad__chain, vsockhv_ring_t *, hr,
	    vsockhv_stat_t, stat, uint64_t, what);
	return (EPROTO);
}

/*
 * Add the piece of memory that a descriptor stands for.
 */
static int
vsockhv_chain_add(vsockhv_ring_t *hr, const vring_desc_t *vd,
    vsockhv_chain_t *hc)
{
	boolean_t write = (vd->vd_flags & VRING_DESC_F_WRITE) != 0;
	vsockhv_seg_t *hs;

	if (write != (hr->hr_index != VIRTIO_VSOCK_QUEUE_TX))
		return (vsockhv_chain_bad(hr, VHS_BAD_DESC_DIR, vd->vd_addr));
	if (vd->vd_len == 0)
		return (vsockhv_chain_bad(hr, VHS_BAD_DESC_LEN, vd->vd_addr));
	if (vd->vd_addr + (vd->vd_len - 1) < vd->vd_addr)
		return (vsockhv_chain_bad(hr, VHS_BAD_ADDR, vd->vd_addr));
	/* A chain has as many descriptors as the ring, at most. */
	if (hc->hc_nsegs == hr->hr_qsize)
		return (vsockhv_chain_bad(hr, VHS_BAD_CHAIN, hc->hc_head));

	hs = &hr->hr_segs[hc->hc_nsegs++];
	hs->hs_gpa = vd->vd_addr;
	hs->hs_len = vd->vd_len;
	hc->hc_len += vd->vd_len;
	return (0);
}

static vring_desc_t
vsockhv_desc_decode(const vring_desc_t *wire)
{
	vring_desc_t vd = {
		.vd_addr	= LE_64(wire->vd_addr),
		.vd_len		= LE_32(wire->vd_len),
		.vd_flags	= LE_16(wire->vd_flags),
		.vd_next	= LE_16(wire->vd_next)
	};

	return (vd);
}

/*
 * Follow the chain in an indirect table.
 */
static int
vsockhv_chain_indirect(vsockhv_ring_t *hr, const vring_desc_t *table,
    vsockhv_chain_t *hc)
{
	uint32_t n = table->vd_len / sizeof (vring_desc_t), next = 0;
	vsockhv_cursor_t hu;
	vsockhv_seg_t where;
	vring_desc_t vd;
	int err;

	if ((hr->hr_features & VIRTIO_F_RING_INDIRECT_DESC) == 0)
		return (vsockhv_chain_bad(hr, VHS_BAD_INDIR, hc->hc_head));
	if ((table->vd_flags & VRING_DESC_F_NEXT) != 0)
		return (vsockhv_chain_bad(hr, VHS_BAD_INDIR_NEXT, hc->hc_head));
	if (n == 0 || n > hr->hr_qsize ||
	    n * sizeof (vring_desc_t) != table->vd_len) {
		return (vsockhv_chain_bad(hr, VHS_BAD_INDIR_LEN,
		    table->vd_len));
	}
	if (table->vd_addr + (table->vd_len - 1) < table->vd_addr)
		return (vsockhv_chain_bad(hr, VHS_BAD_ADDR, table->vd_addr));

	where.hs_gpa = table->vd_addr;
	where.hs_len = sizeof (vring_desc_t);
	vsockhv_cursor_init(&hu, hr, &where, 1, B_FALSE);
	for (;;) {
		/* The page is kept from one descriptor to the next. */
		where.hs_gpa = table->vd_addr + next * sizeof (vring_desc_t);
		hu.hu_off = 0;
		if (!vsockhv_cursor_copy(&hu, &vd, sizeof (vd))) {
			err = vsockhv_chain_bad(hr, VHS_BAD_ADDR, where.hs_gpa);
			break;
		}
		vd = vsockhv_desc_decode(&vd);
		if ((vd.vd_flags & VRING_DESC_F_INDIRECT) != 0) {
			err = vsockhv_chain_bad(hr, VHS_BAD_INDIR_NEST,
			    hc->hc_head);
			break;
		}
		err = vsockhv_chain_add(hr, &vd, hc);
		if (err != 0 || (vd.vd_flags & VRING_DESC_F_NEXT) == 0)
			break;
		next = vd.vd_next;
		if (next >= n) {
			err = vsockhv_chain_bad(hr, VHS_BAD_NEXT, next);
			break;
		}
	}
	vsockhv_cursor_fini(&hu);
	return (err);
}

/*
 * Look at the next chain of the avail ring; vsockhv_chain_done() takes it.  0;
 * EAGAIN, there is none; EPROTO, the ring is corrupt.  Every step adds a
 * segment or ends, so a loop is found when there are too many.
 */
static int
vsockhv_chain_peek(vsockhv_ring_t *hr, vsockhv_chain_t *hc)
{
	uint16_t avail, next;
	vring_desc_t vd;
	int err;

	avail = vsockhv_ring_get16(hr, VHP_AVAIL, VRING_AVAIL_IDX) -
	    hr->hr_avail_idx;
	if (avail == 0)
		return (EAGAIN);
	if (avail > hr->hr_qsize)
		return (vsockhv_chain_bad(hr, VHS_BAD_AVAIL_IDX, avail));
	/* The index before what it stands for. */
	membar_consumer();

	next = vsockhv_ring_get16(hr, VHP_AVAIL,
	    VRING_AVAIL_RING(hr->hr_avail_idx & (hr->hr_qsize - 1)));
	if (next >= hr->hr_qsize)
		return (vsockhv_chain_bad(hr, VHS_BAD_HEAD, next));
	bzero(hc, sizeof (*hc));
	hc->hc_head = next;

	for (;;) {
		/* Aligned: a descriptor is never on two pages. */
		bcopy(vsockhv_ring_addr(hr, VHP_DESC, VRING_DESC_SIZE(next)),
		    &vd, sizeof (vd));
		vd = vsockhv_desc_decode(&vd);
		if ((vd.vd_flags & VRING_DESC_F_INDIRECT) != 0)
			return (vsockhv_chain_indirect(hr, &vd, hc));
		if ((err = vsockhv_chain_add(hr, &vd, hc)) != 0)
			return (err);
		if ((vd.vd_flags & VRING_DESC_F_NEXT) == 0)
			return (0);
		next = vd.vd_next;
		if (next >= hr->hr_qsize)
			return (vsockhv_chain_bad(hr, VHS_BAD_NEXT, next));
	}
}

/*
 * Take the chain that was looked at, and put it into the used ring, with so
 * many bytes written.  The guest sees it when it is published.
 */
static void
vsockhv_chain_done(vsockhv_ring_t *hr, const vsockhv_chain_t *hc, uint32_t len)
{
	size_t off = VRING_USED_RING(hr->hr_used_idx & (hr->hr_qsize - 1));

	hr->hr_avail_idx++;
	vsockhv_ring_put32(hr, off, hc->hc_head);
	vsockhv_ring_put32(hr, off + sizeof (uint32_t), len);
	hr->hr_used_idx++;
}

/*
 * Show the guest what was put into the used ring, and interrupt it if it wants
 * to know.
 */
static void
vsockhv_ring_publish(vsockhv_ring_t *hr)
{
	uint16_t old = hr->hr_used_pub, new = hr->hr_used_idx, event;
	uint64_t addr, msg;

	if (old == new)
		return;
	membar_producer();
	vsockhv_ring_put16(hr, VRING_USED_IDX, new);
	hr->hr_used_pub = new;

	/* The guest writes its wish, then reads our index; we, the reverse. */
	membar_enter();
	if ((hr->hr_features & VIRTIO_F_RING_EVENT_IDX) != 0) {
		event = vsockhv_ring_get16(hr, VHP_AVAIL,
		    VRING_AVAIL_USED_EVENT(hr->hr_qsize));
		if ((uint16_t)(new - event - 1) >= (uint16_t)(new - old))
			return;
	} else if ((vsockhv_ring_get16(hr, VHP_AVAIL, VRING_AVAIL_FLAGS) &
	    VRING_AVAIL_F_NO_INTERRUPT) != 0) {
		return;
	}

	mutex_enter(&hr->hr_lock);
	addr = hr->hr_msi_addr;
	msg = hr->hr_msi_msg;
	mutex_exit(&hr->hr_lock);
	if (addr != 0) {
		vsockhv_stat(hr->hr_dev, VHS_INTR_MSI);
		(void) vmm_drv_msi(hr->hr_lease, addr, msg);
	} else {
		vsockhv_intr(hr->hr_dev, 1U << hr->hr_index);
	}
}

/*
 * Ask the guest to notify us of the next chain.  B_TRUE: there is one already.
 */
static boolean_t
vsockhv_notify_enable(vsockhv_ring_t *hr)
{
	if ((hr->hr_features & VIRTIO_F_RING_EVENT_IDX) != 0) {
		vsockhv_ring_put16(hr, VRING_USED_AVAIL_EVENT(hr->hr_qsize),
		    hr->hr_avail_idx);
	} else {
		vsockhv_ring_put16(hr, VRING_USED_FLAGS, 0);
	}
	membar_enter();
	return (vsockhv_ring_get16(hr, VHP_AVAIL, VRING_AVAIL_IDX) !=
	    hr->hr_avail_idx);
}

/*
 * We are looking anyway.  With event indices it is enough not to move ours.
 */
static void
vsockhv_notify_disable(vsockhv_ring_t *hr)
{
	if ((hr->hr_features & VIRTIO_F_RING_EVENT_IDX) == 0)
		vsockhv_ring_put16(hr, VRING_USED_FLAGS,
		    VRING_USED_F_NO_NOTIFY);
}

/*
 * WORK
 *
 * Both functions do a bounded amount of work; less from the guest if `lent', by
 * a thread that is not the worker and must not wait.  They return 0, nothing is
 * left to be done until somebody kicks; EAGAIN, there is more; ENOMEM, there is
 * more but no memory; EPROTO, the ring is corrupt.
 */

/*
 * Read the packet in a chain.  B_FALSE: an address is bad.  Otherwise the chain
 * can be returned, and *takenp tells whether `hp' has something.
 */
static boolean_t
vsockhv_tx_packet(vsockhv_ring_t *hr, const vsockhv_chain_t *hc,
    vsockhv_packet_t *hp, boolean_t *takenp)
{
	vsockhv_t *vh = hr->hr_dev;
	vsockhv_cursor_t hu;
	boolean_t ok;
	uint32_t len;

	*takenp = B_FALSE;
	if (hc->hc_len < VIRTIO_VSOCK_HDR_SIZE) {
		vsockhv_stat(vh, VHS_TX_SHORT);
		return (B_TRUE);
	}
	vsockhv_cursor_init(&hu, hr, hr->hr_segs, hc->hc_nsegs, B_FALSE);
	ok = vsockhv_cursor_copy(&hu, &hp->hp_hdr, VIRTIO_VSOCK_HDR_SIZE);
	if (!ok)
		goto done;
	*takenp = B_TRUE;
	hp->hp_verdict = VHV_GOOD;
	hp->hp_data = NULL;

	len = LE_32(hp->hp_hdr.vvh_len);
	if (len > VIRTIO_VSOCK_MAX_PAYLOAD) {
		vsockhv_stat(vh, VHS_TX_TOO_BIG);
		hp->hp_verdict = VHV_BADLEN;
	} else if (len > hc->hc_len - VIRTIO_VSOCK_HDR_SIZE) {
		vsockhv_stat(vh, VHS_TX_BAD_LEN);
		hp->hp_verdict = VHV_BADLEN;
	} else if (len > 0) {
		hp->hp_data = allocb(len, BPRI_MED);
		if (hp->hp_data == NULL) {
			vsockhv_stat(vh, VHS_NOMEM);
			hp->hp_verdict = VHV_NOMEM;
			goto done;
		}
		ok = vsockhv_cursor_copy(&hu, hp->hp_data->b_wptr, len);
		hp->hp_data->b_wptr += len;
		if (!ok) {
			freeb(hp->hp_data);
			hp->hp_data = NULL;
			*takenp = B_FALSE;
		}
	}
done:
	vsockhv_cursor_fini(&hu);
	return (ok);
}

/*
 * From the guest: take a batch of packets, give the chains back, and when the
 * ring has been left pass the packets on.  The work is added to *workp.
 * EAGAIN: there may be more, and the guest will not kick.
 */
static int
vsockhv_tx_batch(vsockhv_ring_t *hr, boolean_t lent, size_t *workp)
{
	vsockhv_t *vh = hr->hr_dev;
	vsockhv_chain_t hc;
	uint_t n = 0;
	size_t work = 0;
	boolean_t taken;
	int ret = EAGAIN, err;

	/* Until there is room for answers; we are kicked then. */
	if (!vsock_vio_rx_ready(vh->vh_vio))
		return (0);
	if ((err = vsockhv_ring_begin(hr, lent)) != 0)
		return (err);
	vsockhv_notify_disable(hr);

	while (n < VSOCKHV_BATCH && work < VSOCKHV_BATCH_WORK &&
	    !vmm_drv_lease_expired(hr->hr_lease)) {
		err = vsockhv_chain_peek(hr, &hc);
		if (err == EAGAIN)
			break;
		if (err == 0 &&
		    !vsockhv_tx_packet(hr, &hc, &hr->hr_batch[n], &taken))
			err = vsockhv_chain_bad(hr, VHS_BAD_ADDR, hc.hc_head);
		if (err != 0) {
			ret = err;
			break;
		}
		work += hc.hc_nsegs * VSOCKHV_SEG_WORK;
		if (taken) {
			if (hr->hr_batch[n].hp_data != NULL)
				work += MBLKL(hr->hr_batch[n].hp_data);
			n++;
		}
		vsockhv_stat(vh, VHS_TX_CHAINS);
		vsockhv_chain_done(hr, &hc, 0);
	}
	/*
	 * Whoever sends small packets has the next one ready when these have
	 * been passed on, and need not kick for that.
	 */
	if (ret == EAGAIN &&
	    (work == 0 || *workp + work >= VSOCKHV_TURN_WORK)) {
		if (vsockhv_notify_enable(hr))
			vsockhv_notify_disable(hr);
		else
			ret = 0;
	}
	vsockhv_ring_publish(hr);
	vsockhv_ring_leave(hr);

	for (uint_t i = 0; i < n; i++) {
		vsockhv_packet_t *hp = &hr->hr_batch[i];

		switch (hp->hp_verdict) {
		case VHV_GOOD:
			vsock_vio_rx(vh->vh_vio, &hp->hp_hdr, hp->hp_data);
			break;
		case VHV_BADLEN:
			vsock_vio_rx_badlen(vh->vh_vio, &hp->hp_hdr);
			break;
		case VHV_NOMEM:
			vsock_vio_rx_nomem(vh->vh_vio, &hp->hp_hdr);
			break;
		}
	}
	*workp += work;
	return (ret);
}

static int
vsockhv_tx_work(vsockhv_ring_t *hr, boolean_t lent)
{
	size_t before, work = 0;
	int err;

	do {
		before = work;
		err = vsockhv_tx_batch(hr, lent, &work);
	} while (err == EAGAIN && work > before && work < VSOCKHV_TURN_WORK);
	return (err);
}

/* Write a packet into a chain that has room for it. */
static boolean_t
vsockhv_rx_packet(vsockhv_ring_t *hr, const vsockhv_chain_t *hc,
    virtio_vsock_hdr_t *hdr, mblk_t *data)
{
	vsockhv_cursor_t hu;
	boolean_t ok;

	vsockhv_cursor_init(&hu, hr, hr->hr_segs, hc->hc_nsegs, B_TRUE);
	ok = vsockhv_cursor_copy(&hu, hdr, VIRTIO_VSOCK_HDR_SIZE);
	for (; ok && data != NULL; data = data->b_cont)
		ok = vsockhv_cursor_copy(&hu, data->b_rptr, MBLKL(data));
	vsockhv_cursor_fini(&hu);
	return (ok);
}

/*
 * To the guest: fill its buffers, as long as there is something to send.
 */
static int
vsockhv_rx_work(vsockhv_ring_t *hr, boolean_t lent)
{
	vsockhv_t *vh = hr->hr_dev;
	virtio_vsock_hdr_t hdr;
	vsockhv_chain_t hc;
	size_t work = 0, room;
	uint32_t len;
	mblk_t *data;
	boolean_t ok;
	int ret = EAGAIN, err;

	if (!vsock_vio_tx_pending(vh->vh_vio))
		return (0);
	if ((err = vsockhv_ring_begin(hr, lent)) != 0)
		return (err);
	vsockhv_notify_disable(hr);

	while (work < VSOCKHV_TURN_WORK &&
	    !vmm_drv_lease_expired(hr->hr_lease)) {
		err = vsockhv_chain_peek(hr, &hc);
		if (err == EAGAIN) {
			if (vsockhv_notify_enable(hr)) {
				vsockhv_notify_disable(hr);
				continue;
			}
			ret = 0;
			break;
		}
		if (err != 0) {
			ret = err;
			break;
		}
		work += hc.hc_nsegs * VSOCKHV_SEG_WORK;
		len = 0;
		if (hc.hc_len > VIRTIO_VSOCK_HDR_SIZE) {
			room = MIN(hc.hc_len - VIRTIO_VSOCK_HDR_SIZE,
			    VIRTIO_VSOCK_MAX_PAYLOAD);
			if (!vsock_vio_tx_next(vh->vh_vio, room, &hdr, &data)) {
				ret = vsock_vio_tx_pending(vh->vh_vio) ?
				    ENOMEM : 0;
				break;
			}
			len = VIRTIO_VSOCK_HDR_SIZE + LE_32(hdr.vvh_len);
			ok = vsockhv_rx_packet(hr, &hc, &hdr, data);
			freemsg(data);
			if (!ok) {
				ret = vsockhv_chain_bad(hr, VHS_BAD_ADDR,
				    hc.hc_head);
				break;
			}
			work += len;
		} else {
			/* Of no use: back, as it is. */
			vsockhv_stat(vh, VHS_RX_SMALL);
		}
		vsockhv_stat(vh, VHS_RX_CHAINS);
		vsockhv_chain_done(hr, &hc, len);
	}
	if (ret == EAGAIN && !vsock_vio_tx_pending(vh->vh_vio))
		ret = 0;
	vsockhv_ring_publish(hr);
	vsockhv_ring_leave(hr);
	return (ret);
}

/*
 * The workers' use of vsock_virtio, which must not meet a reset of its
 * connections.  No lock is held in between: sockets are called.
 */
static void
vsockhv_vio_enter(vsockhv_t *vh)
{
	mutex_enter(&vh->vh_vio_lock);
	while (vh->vh_vio_resets != 0)
		cv_wait(&vh->vh_vio_cv, &vh->vh_vio_lock);
	vh->vh_vio_users++;
	mutex_exit(&vh->vh_vio_lock);
}

/* Likewise, without waiting: the caller may be in use of it already. */
static boolean_t
vsockhv_vio_tryenter(vsockhv_t *vh)
{
	boolean_t ok;

	mutex_enter(&vh->vh_vio_lock);
	ok = (vh->vh_vio_resets == 0);
	if (ok)
		vh->vh_vio_users++;
	mutex_exit(&vh->vh_vio_lock);
	return (ok);
}

static void
vsockhv_vio_exit(vsockhv_t *vh)
{
	mutex_enter(&vh->vh_vio_lock);
	vh->vh_vio_users--;
	cv_broadcast(&vh->vh_vio_cv);
	mutex_exit(&vh->vh_vio_lock);
}

/*
 * Reset the guest's connections while there may be workers.
 */
static void
vsockhv_conns_reset(vsockhv_t *vh)
{
	mutex_enter(&vh->vh_vio_lock);
	vh->vh_vio_resets++;
	while (vh->vh_vio_users != 0)
		cv_wait(&vh->vh_vio_cv, &vh->vh_vio_lock);
	vh->vh_vio_users++;
	mutex_exit(&vh->vh_vio_lock);

	vsock_vio_reset(vh->vh_vio, VMADDR_CID_HOST);

	mutex_enter(&vh->vh_vio_lock);
	vh->vh_vio_users--;
	vh->vh_vio_resets--;
	cv_broadcast(&vh->vh_vio_cv);
	mutex_exit(&vh->vh_vio_lock);
}

/*
 * A ring was found corrupt: both workers stop, and the guest is asked to reset
 * the device.  Its connections are of no use any more.
 */
static void
vsockhv_broken(vsockhv_t *vh)
{
	vsockhv_stat(vh, VHS_BROKEN);
	for (uint_t i = 0; i < VIRTIO_VSOCK_NQUEUES; i++) {
		vsockhv_ring_t *hr = &vh->vh_ring[i];

		mutex_enter(&hr->hr_lock);
		hr->hr_dead = B_TRUE;
		cv_broadcast(&hr->hr_cv);
		mutex_exit(&hr->hr_lock);
	}
	vsockhv_conns_reset(vh);
	vsockhv_intr(vh, VSOCKHV_INTR_RESET);
}

static int
vsockhv_ring_work(vsockhv_ring_t *hr, boolean_t lent)
{
	int err;

	if (!lent)
		vsockhv_vio_enter(hr->hr_dev);
	else if (!vsockhv_vio_tryenter(hr->hr_dev))
		return (EAGAIN);
	if (hr->hr_index == VIRTIO_VSOCK_QUEUE_TX)
		err = vsockhv_tx_work(hr, lent);
	else
		err = vsockhv_rx_work(hr, lent);
	vsockhv_vio_exit(hr->hr_dev);
	return (err);
}

/*
 * Have the worker's work done: by the caller, if nobody is at it and there is
 * nothing to wait for.  What is left, errors included, is the worker's.
 * B_TRUE: it is the caller's, who has to call vsockhv_ring_lend_end(); until
 * then the ring is not reset.
 */
boolean_t
vsockhv_ring_lend_begin(vsockhv_ring_t *hr)
{
	boolean_t mine;

	ASSERT3U(hr->hr_index, !=, VIRTIO_VSOCK_QUEUE_EVENT);

	mutex_enter(&hr->hr_lock);
	mine = (hr->hr_setup && !hr->hr_working && !hr->hr_stop &&
	    !hr->hr_pause && !hr->hr_dead && hr->hr_failed == 0);
	if (mine)
		hr->hr_working = B_TRUE;
	else
		cv_broadcast(&hr->hr_cv);
	hr->hr_kick = !mine;
	mutex_exit(&hr->hr_lock);
	return (mine);
}

void
vsockhv_ring_lend_end(vsockhv_ring_t *hr)
{
	int err = vsockhv_ring_work(hr, B_TRUE);

	mutex_enter(&hr->hr_lock);
	hr->hr_working = B_FALSE;
	if (err == EPROTO)
		hr->hr_failed = err;
	else if (err != 0)
		hr->hr_kick = B_TRUE;
	if (hr->hr_kick || hr->hr_failed != 0 || hr->hr_stop || hr->hr_pause ||
	    hr->hr_dead)
		cv_broadcast(&hr->hr_cv);
	mutex_exit(&hr->hr_lock);
}

static void
vsockhv_worker(void *arg)
{
	vsockhv_ring_t *hr = arg;
	int err;

	mutex_enter(&hr->hr_lock);
	for (;;) {
		if (hr->hr_working) {
			cv_wait(&hr->hr_cv, &hr->hr_lock);
			continue;
		}
		if (hr->hr_stop)
			break;
		if (hr->hr_pause || hr->hr_dead) {
			vsockhv_ring_break(hr);
			hr->hr_parked = B_TRUE;
			cv_broadcast(&hr->hr_cv);
			cv_wait(&hr->hr_cv, &hr->hr_lock);
			hr->hr_parked = B_FALSE;
			continue;
		}
		if (!hr->hr_kick && hr->hr_failed == 0) {
			cv_wait(&hr->hr_cv, &hr->hr_lock);
			continue;
		}
		hr->hr_working = B_TRUE;
		if ((err = hr->hr_failed) == 0) {
			hr->hr_kick = B_FALSE;
			mutex_exit(&hr->hr_lock);
			err = vsockhv_ring_work(hr, B_FALSE);
		} else {
			hr->hr_failed = 0;
			mutex_exit(&hr->hr_lock);
		}
		if (err == EFAULT)
			vsockhv_stat(hr->hr_dev, VHS_MAP_FAILED);
		if (err == EFAULT || err == EPROTO)
			vsockhv_broken(hr->hr_dev);

		mutex_enter(&hr->hr_lock);
		hr->hr_working = B_FALSE;
		if (err == EAGAIN) {
			hr->hr_kick = B_TRUE;
		} else if (err == ENOMEM && !hr->hr_kick && !hr->hr_stop &&
		    !hr->hr_pause) {
			/* Memory comes back without telling. */
			(void) cv_reltimedwait(&hr->hr_cv, &hr->hr_lock,
			    drv_usectohz(10 * 1000), TR_CLOCK_TICK);
			hr->hr_kick = B_TRUE;
		}
	}
	vsockhv_ring_break(hr);
	mutex_exit(&hr->hr_lock);
	thread_exit();
}

/*
 * Tell the guest's driver that all connections are gone and that it shall read
 * its CID anew.
 */
int
vsockhv_event_reset(vsockhv_t *vh)
{
	vsockhv_ring_t *hr = &vh->vh_ring[VIRTIO_VSOCK_QUEUE_EVENT];
	virtio_vsock_event_t event = {
		.vve_id	= LE_32(VIRTIO_VSOCK_EVENT_RESET)
	};
	vsockhv_cursor_t hu;
	vsockhv_chain_t hc;
	int err;

	ASSERT(MUTEX_HELD(&vh->vh_lock));
	if (!hr->hr_setup)
		return (ENXIO);
	if (hr->hr_pause || hr->hr_dead)
		return (EAGAIN);

	/* Only if it can be told ... */
	if ((err = vsockhv_ring_enter(hr)) != 0)
		return (err);
	err = vsockhv_chain_peek(hr, &hc);
	vsockhv_ring_leave(hr);

	/* ... and before it is: what it does then must not be lost. */
	if (err == 0) {
		vsockhv_conns_reset(vh);
		if ((err = vsockhv_ring_enter(hr)) != 0)
			return (err);
		err = vsockhv_chain_peek(hr, &hc);
		if (err == 0 && hc.hc_len < sizeof (event))
			err = vsockhv_chain_bad(hr, VHS_BAD_EVENT, hc.hc_len);
		if (err == 0) {
			vsockhv_cursor_init(&hu, hr, hr->hr_segs, hc.hc_nsegs,
			    B_TRUE);
			if (!vsockhv_cursor_copy(&hu, &event, sizeof (event)))
				err = vsockhv_chain_bad(hr, VHS_BAD_ADDR,
				    hc.hc_head);
			vsockhv_cursor_fini(&hu);
		}
		if (err == 0) {
			vsockhv_chain_done(hr, &hc, sizeof (event));
			vsockhv_ring_publish(hr);
		}
		vsockhv_ring_leave(hr);
	}
	if (err == EPROTO)
		vsockhv_broken(vh);
	return (err);
}

/*
 * LIFE OF A RING
 *
 * All of these but vsockhv_ring_wakeup() are called with vh_lock held.
 */

void
vsockhv_ring_create(vsockhv_t *vh, uint16_t index)
{
	vsockhv_ring_t *hr = &vh->vh_ring[index];

	hr->hr_dev = vh;
	hr->hr_index = index;
	mutex_init(&hr->hr_lock, NULL, MUTEX_DRIVER, NULL);
	cv_init(&hr->hr_cv, NULL, CV_DRIVER, NULL);
}

void
vsockhv_ring_destroy(vsockhv_ring_t *hr)
{
	ASSERT(!hr->hr_setup);
	cv_destroy(&hr->hr_cv);
	mutex_destroy(&hr->hr_lock);
}

static void
vsockhv_ring_free(vsockhv_ring_t *hr)
{
	for (uint_t i = 0; i < VHP_COUNT; i++) {
		vsockhv_region_t *hg = &hr->hr_region[i];

		kmem_free(hg->hg_pages, hg->hg_npages * sizeof (void *));
		bzero(hg, sizeof (*hg));
	}
	kmem_free(hr->hr_segs, hr->hr_qsize * sizeof (vsockhv_seg_t));
	hr->hr_segs = NULL;
	if (hr->hr_batch != NULL) {
		kmem_free(hr->hr_batch,
		    VSOCKHV_BATCH * sizeof (vsockhv_packet_t));
		hr->hr_batch = NULL;
	}
	hr->hr_qsize = 0;
}

int
vsockhv_ring_init(vsockhv_ring_t *hr, const vsockhv_ring_init_t *vri)
{
	vsockhv_t *vh = hr->hr_dev;
	const uint32_t qsize = vri->vri_qsize;
	const struct {
		uint64_t gpa;
		size_t len;
		size_t align;
	} parts[VHP_COUNT] = {
		[VHP_DESC] = { vri->vri_desc, VRING_DESC_SIZE(qsize), 16 },
		[VHP_AVAIL] = { vri->vri_avail, VRING_AVAIL_SIZE(qsize), 2 },
		[VHP_USED] = { vri->vri_used, VRING_USED_SIZE(qsize), 4 }
	};
	kthread_t *t;
	int err;

	ASSERT(MUTEX_HELD(&vh->vh_lock));

	if (hr->hr_setup)
		return (EBUSY);
	if (qsize == 0 || qsize > VSOCKHV_MAX_QSIZE || !ISP2(qsize))
		return (EINVAL);
	for (uint_t i = 0; i < VHP_COUNT; i++) {
		if ((parts[i].gpa & (parts[i].align - 1)) != 0 ||
		    parts[i].gpa + parts[i].len < parts[i].gpa)
			return (EINVAL);
	}

	hr->hr_qsize = (uint16_t)qsize;
	hr->hr_features = vh->vh_features;
	for (uint_t i = 0; i < VHP_COUNT; i++) {
		vsockhv_region_t *hg = &hr->hr_region[i];

		hg->hg_gpa = parts[i].gpa;
		hg->hg_len = parts[i].len;
		hg->hg_npages = (uint_t)(((hg->hg_gpa & PAGEOFFSET) +
		    hg->hg_len + PAGEOFFSET) / PAGESIZE);
		hg->hg_pages = kmem_zalloc(hg->hg_npages * sizeof (void *),
		    KM_SLEEP);
	}
	hr->hr_segs = kmem_alloc(qsize * sizeof (vsockhv_seg_t), KM_SLEEP);
	if (hr->hr_index == VIRTIO_VSOCK_QUEUE_TX) {
		hr->hr_batch = kmem_alloc(
		    VSOCKHV_BATCH * sizeof (vsockhv_packet_t), KM_SLEEP);
	}
	hr->hr_avail_idx = vri->vri_avail_idx;
	hr->hr_used_idx = hr->hr_used_pub = vri->vri_used_idx;

	/* Can it be mapped at all? */
	if ((err = vsockhv_ring_enter(hr)) != 0) {
		vsockhv_ring_free(hr);
		return (err == EFAULT ? EINVAL : err);
	}
	vsockhv_ring_leave(hr);

	mutex_enter(&hr->hr_lock);
	hr->hr_setup = B_TRUE;
	hr->hr_kick = B_TRUE;
	hr->hr_stop = hr->hr_pause = hr->hr_parked = hr->hr_dead = B_FALSE;
	hr->hr_failed = 0;
	mutex_exit(&hr->hr_lock);
	if (hr->hr_index != VIRTIO_VSOCK_QUEUE_EVENT) {
		t = thread_create(NULL, 0, vsockhv_worker, hr, 0, &p0, TS_RUN,
		    minclsyspri);
		hr->hr_worker = t->t_did;
	}
	return (0);
}

void
vsockhv_ring_reset(vsockhv_ring_t *hr)
{
	ASSERT(MUTEX_HELD(&hr->hr_dev->vh_lock));

	if (!hr->hr_setup)
		return;
	if (hr->hr_index != VIRTIO_VSOCK_QUEUE_EVENT) {
		mutex_enter(&hr->hr_lock);
		hr->hr_stop = B_TRUE;
		cv_broadcast(&hr->hr_cv);
		mutex_exit(&hr->hr_lock);
		thread_join(hr->hr_worker);
	}
	mutex_enter(&hr->hr_lock);
	vsockhv_ring_break(hr);
	hr->hr_setup = B_FALSE;
	mutex_exit(&hr->hr_lock);
	vsockhv_ring_free(hr);
}

void
vsockhv_ring_wakeup(vsockhv_ring_t *hr)
{
	mutex_enter(&hr->hr_lock);
	hr->hr_kick = B_TRUE;
	cv_broadcast(&hr->hr_cv);
	mutex_exit(&hr->hr_lock);
}

/*
 * B_TRUE in *minep: see vsockhv_ring_lend_begin().
 */
int
vsockhv_ring_kick(vsockhv_ring_t *hr, boolean_t *minep)
{
	if (!hr->hr_setup)
		return (ENXIO);
	vsockhv_stat(hr->hr_dev, VHS_KICKS);
	if (hr->hr_index == VIRTIO_VSOCK_QUEUE_TX)
		*minep = vsockhv_ring_lend_begin(hr);
	else
		vsockhv_ring_wakeup(hr);
	return (0);
}

int
vsockhv_ring_pause(vsockhv_ring_t *hr)
{
	if (!hr->hr_setup)
		return (ENXIO);
	mutex_enter(&hr->hr_lock);
	hr->hr_pause = B_TRUE;
	if (hr->hr_index == VIRTIO_VSOCK_QUEUE_EVENT) {
		vsockhv_ring_break(hr);
	} else {
		cv_broadcast(&hr->hr_cv);
		while (!hr->hr_parked)
			cv_wait(&hr->hr_cv, &hr->hr_lock);
	}
	mutex_exit(&hr->hr_lock);
	return (0);
}

int
vsockhv_ring_resume(vsockhv_ring_t *hr)
{
	if (!hr->hr_setup)
		return (ENXIO);
	mutex_enter(&hr->hr_lock);
	hr->hr_pause = B_FALSE;
	hr->hr_kick = B_TRUE;
	cv_broadcast(&hr->hr_cv);
	mutex_exit(&hr->hr_lock);
	return (0);
}

int
vsockhv_ring_get_state(vsockhv_ring_t *hr, vsockhv_ring_state_t *vrs)
{
	int err = 0;

	if (!hr->hr_setup)
		return (ENXIO);
	mutex_enter(&hr->hr_lock);
	if (!hr->hr_pause) {
		err = EBUSY;
	} else {
		vrs->vri_index = hr->hr_index;
		vrs->vri_qsize = hr->hr_qsize;
		vrs->vri_avail_idx = hr->hr_avail_idx;
		vrs->vri_used_idx = hr->hr_used_idx;
		vrs->vri_desc = hr->hr_region[VHP_DESC].hg_gpa;
		vrs->vri_avail = hr->hr_region[VHP_AVAIL].hg_gpa;
		vrs->vri_used = hr->hr_region[VHP_USED].hg_gpa;
	}
	mutex_exit(&hr->hr_lock);
	return (err);
}

void
vsockhv_ring_set_msi(vsockhv_ring_t *hr, uint64_t addr, uint64_t msg)
{
	mutex_enter(&hr->hr_lock);
	hr->hr_msi_addr = addr;
	hr->hr_msi_msg = msg;
	mutex_exit(&hr->hr_lock);
}
