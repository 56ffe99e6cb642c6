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
 * What devices behind a vhost interface have in common: see fvio_host.h.
 */

#include <sys/eventfd.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <fakekernel.h>
#include "fvio_host.h"

static void
fvh_interrupt(void *arg)
{
	fvh_ring_t *fr = arg;

	fvio_interrupt(fr->fr_host->fvh_dev, fr->fr_index);
}

static void
fvh_signal(int fd)
{
	const uint64_t one = 1;

	/* Full is as good as written: it will be read. */
	(void) !write(fd, &one, sizeof (one));
}

static void
fvh_ring_fini(fvh_ring_t *fr)
{
	if (fr->fr_kick != -1)
		(void) close(fr->fr_kick);
	if (fr->fr_call != -1)
		(void) close(fr->fr_call);
}

static int
fvh_ring_init(fvh_t *fvh, unsigned i)
{
	fvh_ring_t *fr = &fvh->fvh_ring[i];
	int err;

	fr->fr_host = fvh;
	fr->fr_index = i;
	fr->fr_kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fr->fr_call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = fr->fr_kick == -1 || fr->fr_call == -1 ? errno :
	    fk_errno_to_host(fk_line_add(fr->fr_call, "virtio_intr",
	    fvh_interrupt, fr, &fr->fr_line));
	if (err != 0)
		fvh_ring_fini(fr);
	else
		fvh->fvh_nrings++;
	return (err);
}

int
fvh_init(fvh_t *fvh, fvio_t *dev)
{
	int err = 0;

	(void) memset(fvh, 0, sizeof (*fvh));
	fvh->fvh_dev = dev;
	(void) pthread_mutex_init(&fvh->fvh_lock, NULL);
	for (unsigned i = 0; i < FVH_RINGS && err == 0; i++)
		err = fvh_ring_init(fvh, i);
	return (err);
}

void
fvh_fini(fvh_t *fvh)
{
	fvh_ring_t *fr;

	while (fvh->fvh_nrings > 0) {
		fr = &fvh->fvh_ring[--fvh->fvh_nrings];
		fk_line_remove(fr->fr_line);
		fvh_ring_fini(fr);
	}
	(void) pthread_mutex_destroy(&fvh->fvh_lock);
}

/*
 * The event ring.
 */

/* Tells the driver if there is something to tell; the lock is held. */
static void
fvh_deliver(fvh_t *fvh)
{
	static const uint8_t reset[4];	/* the event 0 */
	fvio_elem_t elem;

	if (!fvh->fvh_running || !fvh->fvh_pending ||
	    !fvio_vq_pop(&fvh->fvh_event, &elem))
		return;
	fvh->fvh_pending = false;
	fvio_vq_push(&fvh->fvh_event, elem.fe_id,
	    (uint32_t)fvio_elem_write(&elem, 0, reset, sizeof (reset)));
	if (fvio_vq_wants_intr(&fvh->fvh_event))
		fvio_raise(fvh->fvh_dev, FVH_EVENT);
}

void
fvh_transport_reset(fvh_t *fvh)
{
	(void) pthread_mutex_lock(&fvh->fvh_lock);
	fvh->fvh_pending = true;
	fvh_deliver(fvh);
	(void) pthread_mutex_unlock(&fvh->fvh_lock);
}

void
fvh_start(fvh_t *fvh, const fvio_ring_t *rings)
{
	(void) pthread_mutex_lock(&fvh->fvh_lock);
	fvh->fvh_running = rings[FVH_EVENT].fr_size != 0;
	fvh->fvh_pending = false;
	fvio_vq_init(&fvh->fvh_event, &rings[FVH_EVENT]);
	(void) pthread_mutex_unlock(&fvh->fvh_lock);
}

void
fvh_stop(fvh_t *fvh)
{
	(void) pthread_mutex_lock(&fvh->fvh_lock);
	fvh->fvh_running = false;
	(void) pthread_mutex_unlock(&fvh->fvh_lock);
}

void
fvh_notify(fvh_t *fvh, unsigned queue)
{
	if (queue < FVH_RINGS) {
		fvh_signal(fvh->fvh_ring[queue].fr_kick);
		return;
	}
	(void) pthread_mutex_lock(&fvh->fvh_lock);
	fvh_deliver(fvh);
	(void) pthread_mutex_unlock(&fvh->fvh_lock);
}

/*
 * Translations.
 */

/* What belongs to the device type, and what the framework knows. */
uint64_t
fvh_features(uint64_t features)
{
	return (features & (((1ULL << 24) - 1) | FVIO_F_INDIRECT |
	    FVIO_F_VERSION_1));
}

bool
fvh_config(uint64_t cid, uint32_t off, void *buf, uint32_t len)
{
	uint8_t config[sizeof (cid)];

	for (unsigned i = 0; i < sizeof (config); i++)
		config[i] = (uint8_t)(cid >> (8 * i));
	if (off > sizeof (config) || len > sizeof (config) - off)
		return (false);
	(void) memcpy(buf, config + off, len);
	return (true);
}

uint64_t
fvh_uaddr(uint64_t pa)
{
	uint64_t base;
	size_t len;
	void *va;
	int fd;

	fvio_dma_area(&base, &va, &len, &fd);
	return ((uintptr_t)va + (pa - base));
}
