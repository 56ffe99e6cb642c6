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

#ifndef _VHOST_USER_H
#define	_VHOST_USER_H

/*
 * The device side ("back-end") of the vhost-user protocol: a virtual machine
 * monitor connects to a Unix socket, hands over its guest's memory, and tells
 * which rings lie where.  This part knows the protocol and nothing of the
 * device; that is behind vhu_ops_t.
 *
 * One vhu_t serves one listening socket, one peer at a time, on one thread; a
 * peer may go away and another come as often as they like.  Everything that a
 * peer says is checked; one that says something wrong is disconnected, with a
 * line in the log.
 */

#include <stdint.h>
#include <stddef.h>

#ifdef	__cplusplus
extern "C" {
#endif

#define	VHU_MAX_RINGS	8
#define	VHU_MAX_REGIONS	8

typedef struct vhu vhu_t;

/* Guest memory, mapped here for reading and writing; page aligned. */
typedef struct vhu_region {
	uint64_t	vr_gpa;
	void		*vr_hva;
	size_t		vr_len;
} vhu_region_t;

/*
 * A split ring.  Where a driver stopped, or left off before, the avail index
 * is the peer's word and the used index what the ring in memory says: neither
 * can be trusted.
 */
typedef struct vhu_ring {
	uint16_t	vr_size;
	uint16_t	vr_avail_idx;	/* next to take */
	uint16_t	vr_used_idx;	/* next to put */
	uint64_t	vr_desc;	/* guest physical addresses */
	uint64_t	vr_avail;
	uint64_t	vr_used;
} vhu_ring_t;

/*
 * The device.  Its functions are called by the one thread of the vhu_t, which
 * is attached to the fake kernel; `arg' is what vhu_create() was given.  Those
 * that return int: 0, or an errno of the host, which disconnects the peer; but
 * an error of vo_ring_kick means that the ring is broken, and the peer is told.
 *
 * vo_attach	A peer is here; nothing else is called before.
 * vo_detach	It has gone: guest memory may not be touched any more when this
 *		returns.
 * vo_set_memory  Replaces all guest memory; what was there before is not
 *		touched any more when this returns, and if it fails nothing is.
 *		No ring is running.
 * vo_ring_start, vo_ring_stop	Stopping gives the index of the next entry of
 *		the avail ring; guest memory is not touched for the ring until
 *		it is started again.
 * vo_reset	The driver has reset the device; all rings are stopped.
 */
typedef struct vhu_ops {
	unsigned	vo_nrings;	/* those of the back-end, from 0 on */
	int	(*vo_attach)(void *arg);
	void	(*vo_detach)(void *arg);
	int	(*vo_get_features)(void *arg, uint64_t *);
	int	(*vo_set_features)(void *arg, uint64_t);
	int	(*vo_set_memory)(void *arg, const vhu_region_t *, unsigned);
	int	(*vo_ring_start)(void *arg, unsigned, const vhu_ring_t *);
	int	(*vo_ring_stop)(void *arg, unsigned, uint16_t *avail_idx);
	int	(*vo_ring_kick)(void *arg, unsigned);
	int	(*vo_reset)(void *arg);
	/* Fills in so much of the configuration space; ERANGE beyond it. */
	int	(*vo_get_config)(void *arg, uint32_t off, void *, uint32_t len);
	void	(*vo_log)(void *arg, const char *);
} vhu_ops_t;

/*
 * Takes over the listening socket.  Peers are served from vhu_start() on,
 * which returns an errno of the host.  vhu_destroy() disconnects the peer,
 * waits until the thread has ended, and frees.
 */
extern vhu_t *vhu_create(int listenfd, const vhu_ops_t *, void *arg);
extern int vhu_start(vhu_t *);
extern void vhu_destroy(vhu_t *);

/* Interrupt the guest for that ring.  Any thread; does not block. */
extern void vhu_call(vhu_t *, unsigned ring);

#ifdef	__cplusplus
}
#endif

#endif	/* _VHOST_USER_H */
