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

#ifndef _VIRTIO_H
#define	_VIRTIO_H

/*
 * The virtio framework: what a driver of a virtio device calls.  Interface as
 * in the gate (2026); behind it, in virtio.c, is no PCI bus but the device of
 * <fakevirtio.h>.  The real framework forgives a lot; this one panics.  What
 * the two have in common is told where it matters, and every rule below is
 * checked.
 *
 * THE LIFE OF AN INSTANCE
 *
 *	virtio_init()			dip of an instance that is attaching
 *	virtio_init_features()		negotiates; once
 *	  virtio_dev_get*(), virtio_features_present() from here on
 *	  virtio_queue_alloc()		each queue, now or never
 *	  virtio_register_cfgchange_handler()
 *	virtio_init_complete()		vectors; DRIVER_OK
 *	  virtio_intr_pri(), mutex_init() with it
 *	  virtio_dma_alloc(), virtio_chain_alloc() ...
 *	virtio_interrupts_enable()	poll once after it
 *	...
 *	virtio_shutdown()		no submit after this
 *	virtio_interrupts_disable()	holding no mutex that a handler takes
 *	  virtio_queue_evacuate()	until NULL, for each queue
 *	  virtio_chain_free(), virtio_dma_free()   all of them
 *	virtio_fini()			the last: the handlers are gone after it
 *
 * A driver that fails half-way calls virtio_fini(vio, B_TRUE) wherever it is,
 * with the chains and the DMA memory freed.  virtio_dma_alloc() is possible
 * from virtio_init() on, virtio_chain_alloc() from virtio_queue_alloc() on,
 * submitting from virtio_init_complete() on.
 *
 * Any function that returns something that can be NULL or DDI_FAILURE may fail
 * because a test wants it to (fk_fail_nth()), also those that seem too simple
 * for it, and also with KM_SLEEP.  The exceptions are virtio_queue_poll() and
 * virtio_queue_evacuate().
 *
 * QUEUES AND CHAINS
 *
 * A queue has as many descriptors as the device says.  With force_direct, or
 * when indirect descriptors were not negotiated, each append takes one of them,
 * until virtio_chain_clear() or virtio_chain_free() gives them back, and fails
 * when there is none, or when the chain has max_segs already.  Otherwise each
 * chain takes one for all of its life, and has a table of max_segs: append
 * fails when that is full, virtio_chain_alloc() when all are taken.
 *
 * What is appended is DMA memory of the same virtio_t, within one cookie, and
 * not empty.  A chain is the driver's or, from virtio_chain_submit() until
 * virtio_queue_poll() or virtio_queue_evacuate() returns it, the device's: then
 * it may not be submitted, appended to, cleared or freed; nor may the memory.
 * An empty chain may not be submitted.
 *
 * virtio_chain_received_length() is what the device said: anything.
 *
 * virtio_queue_flush() and the flag of virtio_chain_submit() make chains that
 * were submitted visible to the device, and notify it if it wants that.  As in
 * the real framework there is no barrier between the two, so that a
 * notification can get lost.
 *
 * Submitting, polling, flushing and virtio_queue_no_interrupt() take a lock of
 * the queue: the driver may hold its own.  virtio_chain_clear() and
 * virtio_chain_free() do not, and only one thread at a time may use a chain.
 *
 * A DEVICE THAT LIES
 *
 * When the used ring names a chain that the device does not have, the real
 * framework panics, and a host can so panic its guest: a defect, which is to be
 * fixed there, because no driver can do anything about it.  Here the queue is
 * broken from then on: virtio_queue_poll() returns NULL for ever,
 * virtio_queue_evacuate() works, the device is told by fo_broken() and
 * fvio_broken() tells.  The real framework also looks at no more than 16 bits
 * of the number; here all 32 count.
 *
 * INTERRUPTS
 *
 * A handler gets the argument of virtio_queue_alloc() or
 * virtio_register_cfgchange_handler(), and the virtio_t.  It runs in interrupt
 * context: no KM_SLEEP, no cv_wait().  Handlers of two queues can run at the
 * same time.  virtio_interrupts_disable() does not wait for one that runs, and
 * one may still come after it; virtio_fini() waits.  While interrupts are not
 * enabled they are lost, so the driver looks at every queue after enabling them
 * and after virtio_queue_no_interrupt(viq, B_FALSE).
 *
 * The real framework disables interrupts with its mutex held, which its handler
 * of an interrupt that all queues share takes, and the kernel spins until no
 * handler runs: as long as the device can interrupt, they may wait for each
 * other.  So it must have been shut down before; then there is none that could
 * be about to begin.
 *
 * DMA MEMORY
 *
 * Zeroed, at least as aligned as the attributes say, in at most as many cookies
 * as they say; never fewer than there may be: with dma_attr_sgllen > 1 each
 * page is a cookie of its own until the last.  virtio_dma_bind() is for memory
 * that the driver got elsewhere; as that is nothing the device can see, a copy
 * is made by virtio_dma_sync(): DDI_DMA_SYNC_FORDEV towards the device, the
 * other two towards the driver.  virtio_dma_unbind() copies nothing.
 *
 * CONTEXT
 *
 * May sleep, and so are not for handlers: the virtio_init functions and
 * virtio_fini(), virtio_shutdown(), virtio_device_reset(),
 * virtio_queue_alloc(), virtio_interrupts_*(), virtio_dma_free(),
 * virtio_chain_free() of an indirect chain, and what is given KM_SLEEP.  The
 * others may be called by a handler.
 */

#include <sys/types.h>
#include <sys/dditypes.h>
#include <sys/ddidmareq.h>
#include <sys/ddi_intr.h>

#ifdef	__cplusplus
extern "C" {
#endif

typedef struct virtio virtio_t;
typedef struct virtio_queue virtio_queue_t;
typedef struct virtio_chain virtio_chain_t;
typedef struct virtio_dma virtio_dma_t;

typedef enum virtio_direction {
	VIRTIO_DIR_DEVICE_WRITES = 1,
	VIRTIO_DIR_DEVICE_READS
} virtio_direction_t;

/* For virtio_init_complete(): any DDI_INTR_TYPE_* will do. */
#define	VIRTIO_ANY_INTR_TYPE	0

/* NULL, it cannot be used. */
extern virtio_t *virtio_init(dev_info_t *);
/*
 * The features that the driver wants: B_FALSE, the device does not agree, or it
 * is a legacy one and there are bits above 31.  With allow_indirect the
 * framework uses indirect descriptors if the device can.
 */
extern boolean_t virtio_init_features(virtio_t *, uint64_t wanted,
    boolean_t allow_indirect);
/* The types of interrupt: DDI_SUCCESS or DDI_FAILURE. */
extern int virtio_init_complete(virtio_t *, int intr_types);
extern void virtio_fini(virtio_t *, boolean_t failed);
/* For quiesce(9E), and for nothing else. */
extern int virtio_quiesce(virtio_t *);
extern void virtio_shutdown(virtio_t *);
extern void virtio_device_reset(virtio_t *);

extern void virtio_register_cfgchange_handler(virtio_t *,
    ddi_intr_handler_t *, void *);
extern void *virtio_intr_pri(virtio_t *);
extern int virtio_interrupts_enable(virtio_t *);
extern void virtio_interrupts_disable(virtio_t *);

/* Configuration space: in the byte order of the processor. */
extern uint8_t virtio_dev_getgen(virtio_t *);
extern uint8_t virtio_dev_get8(virtio_t *, uintptr_t);
extern uint16_t virtio_dev_get16(virtio_t *, uintptr_t);
extern uint32_t virtio_dev_get32(virtio_t *, uintptr_t);
extern uint64_t virtio_dev_get64(virtio_t *, uintptr_t);
/* A socket device has nothing to write. */
extern void virtio_dev_put8(virtio_t *, uintptr_t, uint8_t);
extern void virtio_dev_put16(virtio_t *, uintptr_t, uint16_t);
extern void virtio_dev_put32(virtio_t *, uintptr_t, uint32_t);

/* Whether all of these were negotiated; the lower 32 of what was. */
extern boolean_t virtio_features_present(virtio_t *, uint64_t mask);
extern uint32_t virtio_features(virtio_t *);
extern boolean_t virtio_modern(virtio_t *);

extern virtio_queue_t *virtio_queue_alloc(virtio_t *, uint16_t,
    const char *, ddi_intr_handler_t *, void *, boolean_t force_direct,
    uint_t max_segs);
extern virtio_chain_t *virtio_queue_poll(virtio_queue_t *);
extern virtio_chain_t *virtio_queue_evacuate(virtio_queue_t *);
extern void virtio_queue_flush(virtio_queue_t *);
extern void virtio_queue_no_interrupt(virtio_queue_t *, boolean_t);
extern uint_t virtio_queue_nactive(virtio_queue_t *);
extern uint_t virtio_queue_size(virtio_queue_t *);

extern virtio_chain_t *virtio_chain_alloc(virtio_queue_t *, int kmflag);
extern void virtio_chain_clear(virtio_chain_t *);
extern void virtio_chain_free(virtio_chain_t *);
extern int virtio_chain_append(virtio_chain_t *, uint64_t pa, size_t,
    virtio_direction_t);
extern void *virtio_chain_data(virtio_chain_t *);
extern void virtio_chain_data_set(virtio_chain_t *, void *);
extern void virtio_chain_submit(virtio_chain_t *, boolean_t flush);
extern size_t virtio_chain_received_length(virtio_chain_t *);

extern virtio_dma_t *virtio_dma_alloc(virtio_t *, size_t,
    const ddi_dma_attr_t *, int dmaflags, int kmflag);
extern virtio_dma_t *virtio_dma_alloc_nomem(virtio_t *,
    const ddi_dma_attr_t *, int kmflag);
extern void virtio_dma_free(virtio_dma_t *);
extern int virtio_dma_bind(virtio_dma_t *, void *, size_t, int dmaflags,
    int kmflag);
extern void virtio_dma_unbind(virtio_dma_t *);
extern void virtio_dma_sync(virtio_dma_t *, int);
extern void *virtio_dma_va(virtio_dma_t *, size_t);
extern size_t virtio_dma_size(virtio_dma_t *);
extern uint_t virtio_dma_ncookies(virtio_dma_t *);
extern uint64_t virtio_dma_cookie_pa(virtio_dma_t *, uint_t);
extern size_t virtio_dma_cookie_size(virtio_dma_t *, uint_t);

#ifdef	__cplusplus
}
#endif

#endif	/* _VIRTIO_H */
