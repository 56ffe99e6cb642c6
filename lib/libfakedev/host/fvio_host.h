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

#ifndef _FVIO_HOST_H
#define	_FVIO_HOST_H

/*
 * What the devices behind a vhost interface have in common: the rings 0 and 1
 * are somebody else's, who is notified and interrupts by eventfd; the event
 * ring is ours.
 *
 *	driver -- notify --> fvh_kick[] --> the device
 *	driver <- handler -- line <-------- fvh_call[] <-- the device
 *
 * The interrupts of a ring are a line of the fake kernel (fk_line_add()).  An
 * event that is raised while the driver has no buffer there is kept, and is
 * delivered when it has; several become one.
 *
 * fvh_lock protects the event ring.  Under it only functions are called that a
 * device may call while it is notified.
 */

#include <pthread.h>
#include <stdbool.h>
#include <fakekernel.h>
#include <fakevirtio.h>

#define	FVH_RINGS	2	/* rx, tx */
#define	FVH_EVENT	2
#define	FVH_QSIZE	128	/* of each ring: what QEMU has */

typedef struct fvh fvh_t;

typedef struct fvh_ring {
	fvh_t		*fr_host;
	unsigned	fr_index;
	int		fr_kick;	/* eventfd */
	int		fr_call;	/* eventfd */
	fk_line_t	*fr_line;
} fvh_ring_t;

struct fvh {
	fvio_t		*fvh_dev;
	unsigned	fvh_nrings;	/* that are there */
	fvh_ring_t	fvh_ring[FVH_RINGS];
	pthread_mutex_t	fvh_lock;
	bool		fvh_running;	/* there is an event ring */
	bool		fvh_pending;	/* a reset is to be told */
	fvio_vq_t	fvh_event;
};

/*
 * For a device that is there, but not attached: 0 or an errno of the host.
 * fvh_fini() is for either case.
 */
extern int fvh_init(fvh_t *, fvio_t *);
extern void fvh_fini(fvh_t *);
/* From fo_start, fo_stop and fo_notify. */
extern void fvh_start(fvh_t *, const fvio_ring_t *);
extern void fvh_stop(fvh_t *);
extern void fvh_notify(fvh_t *, unsigned queue);
/* The transport reset event. */
extern void fvh_transport_reset(fvh_t *);

/* Of the features offered by a device, those that the driver may see. */
extern uint64_t fvh_features(uint64_t);
/* For fo_config: from the configuration space of a device with this CID. */
extern bool fvh_config(uint64_t cid, uint32_t off, void *, uint32_t len);
/* Where in this process that "physical" address is. */
extern uint64_t fvh_uaddr(uint64_t pa);

#endif	/* _FVIO_HOST_H */
