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

#ifndef _FAKEVIRTIO_H
#define	_FAKEVIRTIO_H

/*
 * The fake virtio framework from below: a virtio device (of type 19, a socket
 * device) to which a driver attaches that was written to <virtio.h>.
 *
 *	driver (module/viosock)
 *	    |	virtio.h
 *	virtio.c			checks everything, owns the rings
 *	    |	fvio_ops_t		^ fvio_raise(), fvio_interrupt()
 *	the device			fvio_pa(), fvio_vq_pop() ...
 *
 * There are three devices: one that a unit test plays, calling what is below;
 * the front end of vhost-user (fvio_vhost_user_create()); and Linux's own vhost
 * (fvio_vhost_create()).
 *
 * All DMA memory, the rings too, is in one shared memory object of the process,
 * so that a device in another process can map it; its "physical" addresses
 * begin above 4 GB.
 *
 * errno are illumos's, unless said otherwise.  Callers are attached threads
 * (fk_thread_attach()) unless said otherwise.
 */

#include <stdint.h>
#include <stddef.h>
#include <stdbool.h>

#ifdef	__cplusplus
extern "C" {
#endif

/* Bits of the transport that a device may offer. */
#define	FVIO_F_INDIRECT		(1ULL << 28)
#define	FVIO_F_VERSION_1	(1ULL << 32)

/* Flags of fvio_create(). */
#define	FVIO_LEGACY	0x1	/* no VERSION_1, no feature above bit 31 */

#define	FVIO_QUEUES	3	/* at most */

typedef struct fvio fvio_t;

/* A ring that the driver has set up; addresses are "physical". */
typedef struct fvio_ring {
	uint16_t	fr_size;	/* 0: the driver does not use it */
	uint64_t	fr_desc;
	uint64_t	fr_avail;
	uint64_t	fr_used;
} fvio_ring_t;

/*
 * The device.  `arg' is what fvio_create() was given.
 *
 * fo_features	What the device offers.  For a modern device that should
 *		include FVIO_F_VERSION_1.
 * fo_queue_size  Entries of that ring, a power of two; 0, there is none.
 * fo_config	Reads so many bytes of the configuration space (little endian):
 *		false beyond its end, which panics.  Any thread.
 * fo_config_gen  Its generation: changes whenever it does.  NULL: always 0.
 * fo_start	DRIVER_OK, with what was negotiated, and rings[FVIO_QUEUES]:
 *		false, and virtio_init_complete() fails.
 * fo_stop	The device is reset: DMA memory is not touched any more when
 *		this returns, until fo_start.  Called once for each fo_start.
 * fo_notify	The driver notifies: any thread, perhaps an interrupt handler,
 *		and with locks of the driver and the ring held: may not block,
 *		and of the functions below may only call fvio_raise(),
 *		fvio_pa() and fvio_vq_*().
 * fo_broken	The framework found a used ring in which no sense can be made
 *		(see virtio.h), with that id: it will not look at it any more.
 *		Called as fo_notify.  May be NULL.
 * fo_destroy	fvio_destroy() was called; frees `arg'.  May be NULL.
 *
 * The others are called by a thread that may sleep and holds no lock but those
 * of the framework, that of virtio_init() and its kin.
 */
typedef struct fvio_ops {
	uint64_t (*fo_features)(void *arg);
	uint16_t (*fo_queue_size)(void *arg, unsigned queue);
	bool	(*fo_config)(void *arg, uint32_t off, void *, uint32_t len);
	uint8_t	(*fo_config_gen)(void *arg);
	bool	(*fo_start)(void *arg, uint64_t features, const fvio_ring_t *);
	void	(*fo_stop)(void *arg);
	void	(*fo_notify)(void *arg, unsigned queue);
	void	(*fo_broken)(void *arg, unsigned queue, uint32_t id);
	void	(*fo_destroy)(void *arg);
} fvio_ops_t;

/*
 * A device, and a node in the device tree for instance `instance' of the named
 * driver.  The driver is not attached.
 */
extern fvio_t *fvio_create(const char *driver, int instance,
    const fvio_ops_t *, void *arg, unsigned flags);
/* The driver must be detached. */
extern void fvio_destroy(fvio_t *);

/*
 * attach(9E): 0, or ENXIO, the driver refuses (or there is none).  detach(9E):
 * 0 or EBUSY.  quiesce(9E), which must leave the device at rest: 0 or EIO;
 * after it the driver can only be detached.
 */
extern int fvio_attach(fvio_t *);
extern int fvio_detach(fvio_t *);
extern int fvio_quiesce(fvio_t *);

/* The driver's node, for tests that call its entry points themselves. */
struct dev_info;
extern struct dev_info *fvio_dip(fvio_t *);

/*
 * Interrupts.  Each queue whose driver gave a handler has a vector with a
 * thread of its own, and so has the change of configuration: handlers of
 * different queues run at the same time, one handler never twice at a time.
 *
 * fvio_raise() wakes that thread: any context, also with the driver's locks
 * held.  fvio_interrupt() runs the handler on the calling thread, which holds
 * no lock, and returns when it has: for a device with a thread for each ring.
 *
 * While the driver has interrupts disabled they are lost, as they are with
 * MSI-X vectors that were not programmed.  On the other hand
 * virtio_interrupts_disable() raises each of them one last time, so that every
 * detach meets a handler that comes late.
 */
#define	FVIO_CONFIG	FVIO_QUEUES	/* the configuration has changed */

extern void fvio_raise(fvio_t *, unsigned queue);
extern void fvio_interrupt(fvio_t *, unsigned queue);

/* How often the driver's handler was called. */
extern uint64_t fvio_interrupts(fvio_t *, unsigned queue);
/* Rings that the framework does not look at any more: a bit for each. */
extern uint32_t fvio_broken(fvio_t *);

/*
 * DMA memory.  fvio_pa() gives the address of `len' bytes at that "physical"
 * address, NULL if that is not all in DMA memory (that is allocated: which the
 * hardware would not know).  fvio_dma_area() gives where all of it is: for
 * mapping it elsewhere; the descriptor stays the framework's.  Any thread.
 */
extern void *fvio_pa(uint64_t pa, size_t len);
extern void fvio_dma_area(uint64_t *pa, void **va, size_t *len, int *fd);

/*
 * The device's side of a ring, for devices in this process.  It believes what
 * the driver writes: what is wrong there (an address that is no DMA memory, a
 * chain without an end) panics, as the driver is what is tested.
 *
 * fvio_vq_pop() takes the next chain from the avail ring, false: there is none.
 * fvio_vq_push() puts a chain into the used ring, without an interrupt.
 * fvio_vq_avail() is how many chains wait to be taken.  The caller sees to it
 * that only one thread at a time uses a ring.
 */
#define	FVIO_SEGS	256

typedef struct fvio_seg {
	void		*fs_va;
	uint64_t	fs_pa;
	uint32_t	fs_len;
	bool		fs_write;	/* by the device */
} fvio_seg_t;

typedef struct fvio_elem {
	uint16_t	fe_id;		/* head */
	unsigned	fe_nsegs;
	fvio_seg_t	fe_seg[FVIO_SEGS];
} fvio_elem_t;

typedef struct fvio_vq {
	fvio_ring_t	fq_ring;
	uint16_t	fq_avail_idx;	/* next to take */
	uint16_t	fq_used_idx;	/* next to put */
} fvio_vq_t;

/* For a ring that fo_start was given: begins with index 0. */
extern void fvio_vq_init(fvio_vq_t *, const fvio_ring_t *);
extern uint16_t fvio_vq_avail(const fvio_vq_t *);
extern bool fvio_vq_pop(fvio_vq_t *, fvio_elem_t *);
extern void fvio_vq_push(fvio_vq_t *, uint32_t id, uint32_t len);
/* Copy between a buffer and the segments for the device: how much that was. */
extern size_t fvio_elem_read(const fvio_elem_t *, size_t off, void *, size_t);
extern size_t fvio_elem_write(const fvio_elem_t *, size_t off, const void *,
    size_t);
/* Tell the driver whether it should notify; and whether it wants interrupts. */
extern void fvio_vq_no_notify(fvio_vq_t *, bool);
extern bool fvio_vq_wants_intr(const fvio_vq_t *);
/* Write what one likes: the used index, and an entry of the used ring. */
extern void fvio_vq_set_used_idx(fvio_vq_t *, uint16_t);
extern void fvio_vq_set_used(fvio_vq_t *, uint16_t slot, uint32_t id,
    uint32_t len);

/*
 * The front end of vhost-user: the device is behind a Unix socket.  The rings
 * for data are there, the event ring is here, as in QEMU.  When the back end
 * goes away the driver gets a transport reset event and nothing happens on the
 * rings; the front end connects again as often as it takes, and when a back end
 * is there tells the driver that the configuration has changed (its CID may
 * have) with another transport reset, and lets the rings run again.
 *
 * `log' is called with a line of text from any thread.  Returns an errno of the
 * host: of connect(2); EPROTO, the back end said something wrong, or cannot do
 * what is needed.
 */
extern int fvio_vhost_user_create(const char *driver, int instance,
    const char *path, void (*log)(const char *), fvio_t **);

/*
 * Linux vhost (/dev/vhost-vsock or one like it): the driver's host is Linux
 * itself, for which this is the guest `cid'.  Returns an errno of the host: of
 * open(2) and ioctl(2); EADDRINUSE, there is a guest of that CID.
 */
extern int fvio_vhost_create(const char *driver, int instance,
    const char *path, uint64_t cid, void (*log)(const char *), fvio_t **);

#ifdef	__cplusplus
}
#endif

#endif	/* _FAKEVIRTIO_H */
