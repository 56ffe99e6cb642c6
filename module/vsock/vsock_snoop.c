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
 * PACKET CAPTURE
 *
 * An open of /dev/vsock that has issued VSOCK_IOC_CAPTURE is a capture
 * (vsock_snoop_t): a ring of bytes that is filled with the records of
 * sys/vsock_ioctl.h by whoever sends or receives, and emptied by read(2).  What
 * finds no room is counted and lost: a capture never holds up a connection.
 *
 *	backend: vsock_capturing()?  vsock_capture()
 *					|	      vsn_tail	     vsn_head
 *					v		 v	        v
 *	record = | head | vsockmon | header | payload |--+--------------+--
 *							   ring		 |
 *							      read(2) <--+
 *
 * Without a capture, all this costs is a look at vsock_ncaptures.
 *
 * The records lie end to end in the ring, whichever way round: each is a
 * multiple of 8 bytes, and so is the ring.  The record at vsn_head is not
 * overwritten while it is there, so that read(2) copies it out with no lock
 * held and gives up its place afterwards.  One thread at a time reads
 * (vsn_reading).
 *
 * LOCKING
 *
 * vsock_snoop_lock protects the list of captures: taken as reader to look at
 * the packet, as writer to add and to remove.  vsn_lock, taken after that,
 * protects the marks of a ring.  Nothing else is called with either held but
 * pollwakeup() with the former.  They may be taken with a backend's locks held.
 */

#include <sys/types.h>
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/sysmacros.h>
#include <sys/errno.h>
#include <sys/debug.h>
#include <sys/kmem.h>
#include <sys/atomic.h>
#include <sys/byteorder.h>
#include <sys/ksynch.h>
#include <sys/time.h>
#include <sys/file.h>
#include <sys/poll.h>
#include <sys/uio.h>
#include <sys/stream.h>
#include <sys/strsun.h>
#include <sys/vsock_impl.h>

#define	SNOOP_ALIGN	8

struct vsock_snoop {
	list_node_t	vsn_link;	/* vsock_snoops */
	vsock_zone_t	*vsn_zone;	/* held; whose it is */
	uint32_t	vsn_snaplen;
	uint8_t		*vsn_ring;
	size_t		vsn_size;

	kmutex_t	vsn_lock;
	kcondvar_t	vsn_cv;		/* not empty, or not vsn_reading */
	boolean_t	vsn_reading;
	size_t		vsn_head;	/* the first record */
	size_t		vsn_used;	/* bytes from there on */
	uint64_t	vsn_drops;
	struct pollhead	vsn_pollhead;
};

uint_t vsock_ncaptures;			/* changes under vsock_snoop_lock */

static krwlock_t vsock_snoop_lock;
static list_t vsock_snoops;

void
vsock_snoop_init(void)
{
	rw_init(&vsock_snoop_lock, NULL, RW_DRIVER, NULL);
	list_create(&vsock_snoops, sizeof (vsock_snoop_t),
	    offsetof(vsock_snoop_t, vsn_link));
}

void
vsock_snoop_fini(void)
{
	list_destroy(&vsock_snoops);
	rw_destroy(&vsock_snoop_lock);
}

/*
 * Begin a capture: see VSOCK_IOC_CAPTURE for errors.
 */
int
vsock_snoop_start(vsock_zone_t *vz, const vsock_capture_io_t *vci,
    vsock_snoop_t **vsnp)
{
	uint32_t size = vci->vci_bufsize, snap = vci->vci_snaplen;
	vsock_snoop_t *vsn, *o;
	uint_t n = 0;

	CTASSERT(sizeof (vsock_capture_rec_t) % SNOOP_ALIGN == 0);
	CTASSERT(VSOCK_CAPTURE_MINBUF > VSOCK_CAPTURE_MAXREC);

	if (size == 0)
		size = VSOCK_CAPTURE_DEFBUF;
	if (snap == 0)
		snap = VSOCK_CAPTURE_MAXSNAP;
	if (size < VSOCK_CAPTURE_MINBUF || size > VSOCK_CAPTURE_MAXBUF ||
	    snap < sizeof (vsock_mon_hdr_t) || snap > VSOCK_CAPTURE_MAXSNAP)
		return (EINVAL);

	vsn = kmem_zalloc(sizeof (*vsn), KM_SLEEP);
	vsn->vsn_zone = vz;
	vsn->vsn_snaplen = snap;
	vsn->vsn_size = P2ALIGN(size, SNOOP_ALIGN);
	vsn->vsn_ring = kmem_alloc(vsn->vsn_size, KM_SLEEP);
	mutex_init(&vsn->vsn_lock, NULL, MUTEX_DRIVER, NULL);
	cv_init(&vsn->vsn_cv, NULL, CV_DRIVER, NULL);
	vsock_zone_hold(vz);

	rw_enter(&vsock_snoop_lock, RW_WRITER);
	for (o = list_head(&vsock_snoops); o != NULL;
	    o = list_next(&vsock_snoops, o)) {
		if (o->vsn_zone == vz)
			n++;
	}
	/* Even the one that is too many: it goes as any other. */
	list_insert_tail(&vsock_snoops, vsn);
	atomic_inc_uint(&vsock_ncaptures);
	rw_exit(&vsock_snoop_lock);
	if (n >= VSOCK_MAX_CAPTURES) {
		vsock_snoop_stop(vsn);
		return (EAGAIN);
	}
	*vsnp = vsn;
	return (0);
}

/*
 * The end of a capture that nobody reads or polls.
 */
void
vsock_snoop_stop(vsock_snoop_t *vsn)
{
	rw_enter(&vsock_snoop_lock, RW_WRITER);
	list_remove(&vsock_snoops, vsn);
	atomic_dec_uint(&vsock_ncaptures);
	rw_exit(&vsock_snoop_lock);

	pollhead_clean(&vsn->vsn_pollhead);
	mutex_destroy(&vsn->vsn_lock);
	cv_destroy(&vsn->vsn_cv);
	vsock_zone_rele(vsn->vsn_zone);
	kmem_free(vsn->vsn_ring, vsn->vsn_size);
	kmem_free(vsn, sizeof (*vsn));
}

/*
 * Copy into the ring at *posp, which is advanced, as far as *leftp allows.
 */
static void
vsock_snoop_put(vsock_snoop_t *vsn, size_t *posp, uint32_t *leftp,
    const void *data, size_t len)
{
	size_t n;

	len = MIN(len, *leftp);
	*leftp -= len;
	while (len != 0) {
		n = MIN(len, vsn->vsn_size - *posp);
		bcopy(data, vsn->vsn_ring + *posp, n);
		*posp = (*posp + n) % vsn->vsn_size;
		data = (const uint8_t *)data + n;
		len -= n;
	}
}

/*
 * B_TRUE: the ring was empty, and is no more.
 */
static boolean_t
vsock_snoop_packet(vsock_snoop_t *vsn, const vsock_packet_t *vpk,
    const vsock_mon_hdr_t *vmh, vsock_capture_rec_t *vcr)
{
	static const uint8_t zeros[SNOOP_ALIGN];
	uint32_t left;
	const mblk_t *mp;
	boolean_t first;
	size_t pos;

	vcr->vcr_caplen = MIN(vcr->vcr_len, vsn->vsn_snaplen);
	vcr->vcr_size = P2ROUNDUP(vcr->vcr_caplen + (uint32_t)sizeof (*vcr),
	    SNOOP_ALIGN);

	mutex_enter(&vsn->vsn_lock);
	if (vcr->vcr_size > vsn->vsn_size - vsn->vsn_used) {
		vsn->vsn_drops++;
		mutex_exit(&vsn->vsn_lock);
		VSOCK_STAT(vsn->vsn_zone, capture_drops, 1);
		return (B_FALSE);
	}
	vcr->vcr_drops = vsn->vsn_drops;
	pos = (vsn->vsn_head + vsn->vsn_used) % vsn->vsn_size;
	left = sizeof (*vcr);
	vsock_snoop_put(vsn, &pos, &left, vcr, sizeof (*vcr));
	left = vcr->vcr_caplen;
	vsock_snoop_put(vsn, &pos, &left, vmh, sizeof (*vmh));
	vsock_snoop_put(vsn, &pos, &left, vpk->vpk_hdr, vpk->vpk_hdrlen);
	for (mp = vpk->vpk_data; mp != NULL; mp = mp->b_cont)
		vsock_snoop_put(vsn, &pos, &left, mp->b_rptr, MBLKL(mp));
	left = vcr->vcr_size - vcr->vcr_caplen - sizeof (*vcr);
	vsock_snoop_put(vsn, &pos, &left, zeros, sizeof (zeros));
	first = (vsn->vsn_used == 0);
	vsn->vsn_used += vcr->vcr_size;
	if (first)
		cv_broadcast(&vsn->vsn_cv);
	mutex_exit(&vsn->vsn_lock);
	VSOCK_STAT(vsn->vsn_zone, captured, 1);
	return (first);
}

void
vsock_capture(vsock_transport_t *vtp, const vsock_packet_t *vpk)
{
	const vsock_mon_hdr_t vmh = {
		.vmh_src_cid	= LE_64(vpk->vpk_src_cid),
		.vmh_dst_cid	= LE_64(vpk->vpk_dst_cid),
		.vmh_src_port	= LE_32(vpk->vpk_src_port),
		.vmh_dst_port	= LE_32(vpk->vpk_dst_port),
		.vmh_op		= LE_16(vpk->vpk_op),
		.vmh_transport	= LE_16(vpk->vpk_kind),
		.vmh_len	= LE_16((uint16_t)vpk->vpk_hdrlen)
	};
	vsock_capture_rec_t vcr = { 0 };
	vsock_snoop_t *vsn;
	timespec_t now;
	const mblk_t *mp;

	gethrestime(&now);
	vcr.vcr_sec = now.tv_sec;
	vcr.vcr_nsec = (uint32_t)now.tv_nsec;
	vcr.vcr_len = (uint32_t)(sizeof (vmh) + vpk->vpk_hdrlen);
	for (mp = vpk->vpk_data; mp != NULL; mp = mp->b_cont)
		vcr.vcr_len += (uint32_t)MBLKL(mp);

	rw_enter(&vsock_snoop_lock, RW_READER);
	for (vsn = list_head(&vsock_snoops); vsn != NULL;
	    vsn = list_next(&vsock_snoops, vsn)) {
		if (vsn->vsn_zone->vz_zoneid != GLOBAL_ZONEID &&
		    vsn->vsn_zone != vtp->vtp_zone)
			continue;
		if (vsock_snoop_packet(vsn, vpk, &vmh, &vcr))
			pollwakeup(&vsn->vsn_pollhead, POLLIN | POLLRDNORM);
	}
	rw_exit(&vsock_snoop_lock);
}

/*
 * Copy the first record out.  0; EINVAL, there is no room for it; EFAULT.
 */
static int
vsock_snoop_move(vsock_snoop_t *vsn, uint32_t size, struct uio *uio)
{
	size_t pos = vsn->vsn_head, n;
	int error;

	if (size > uio->uio_resid)
		return (EINVAL);
	n = MIN(size, vsn->vsn_size - pos);
	error = uiomove(vsn->vsn_ring + pos, n, UIO_READ, uio);
	if (error == 0 && n < size)
		error = uiomove(vsn->vsn_ring, size - n, UIO_READ, uio);
	return (error);
}

/*
 * read(2): whole records.  EAGAIN, there is none and O_NONBLOCK is set; EINTR;
 * EINVAL, the first does not fit; EFAULT.
 */
int
vsock_snoop_read(vsock_snoop_t *vsn, struct uio *uio)
{
	boolean_t nonblock = (uio->uio_fmode & (FNONBLOCK | FNDELAY)) != 0;
	const vsock_capture_rec_t *vcr;
	uint_t moved = 0;
	uint32_t size;
	int error = 0;

	mutex_enter(&vsn->vsn_lock);
	while (vsn->vsn_reading || vsn->vsn_used == 0) {
		if (nonblock)
			error = EAGAIN;
		else if (cv_wait_sig(&vsn->vsn_cv, &vsn->vsn_lock) == 0)
			error = EINTR;
		if (error != 0) {
			mutex_exit(&vsn->vsn_lock);
			return (error);
		}
	}
	vsn->vsn_reading = B_TRUE;
	while (vsn->vsn_used != 0) {
		/* The ring is aligned, and so vcr_size is in one piece. */
		vcr = (const vsock_capture_rec_t *)(vsn->vsn_ring +
		    vsn->vsn_head);
		size = vcr->vcr_size;
		mutex_exit(&vsn->vsn_lock);
		error = vsock_snoop_move(vsn, size, uio);
		mutex_enter(&vsn->vsn_lock);
		if (error != 0)
			break;
		moved++;
		vsn->vsn_head = (vsn->vsn_head + size) % vsn->vsn_size;
		vsn->vsn_used -= size;
	}
	vsn->vsn_reading = B_FALSE;
	cv_broadcast(&vsn->vsn_cv);
	mutex_exit(&vsn->vsn_lock);
	/* That the next one did not fit is no error. */
	return (error == EINVAL && moved != 0 ? 0 : error);
}

int
vsock_snoop_poll(vsock_snoop_t *vsn, short events, int anyyet, short *reventsp,
    struct pollhead **phpp)
{
	mutex_enter(&vsn->vsn_lock);
	*reventsp = vsn->vsn_used != 0 ? events & (POLLIN | POLLRDNORM) : 0;
	mutex_exit(&vsn->vsn_lock);
	if ((*reventsp == 0 && !anyyet) || (events & POLLET) != 0)
		*phpp = &vsn->vsn_pollhead;
	return (0);
}
