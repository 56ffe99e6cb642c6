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

#ifndef _SYS_VSOCK_VIRTIO_H
#define	_SYS_VSOCK_VIRTIO_H

/*
 * WHAT THE TWO VIRTIO BACKENDS HAVE IN COMMON
 *
 * viosock (the driver's side of a virtio socket device) and vsockhv (the
 * device's side) move the same packets through different ends of the same
 * rings.  Everything but the rings is written once, in module/vsock/
 * vsock_virtio.c: packet headers, credit, the order of what is sent, the
 * SHUTDOWN/RST handshake, the answers to bad packets, and the budget that
 * bounds those answers.  It implements the operations of a vsock transport
 * (sys/vsock_transport.h) on top of what a backend offers here.
 *
 *	front end   <- vsock_up_*()              vto_*() ->
 *	------------------------------------------------------
 *	vsock_virtio:	vsock_vio_rx()      vsock_vio_tx_next()
 *	------------------------------------------------------
 *	backend:	from the peer       to the peer
 *			one thread          one thread
 *
 * A backend has one thread (or handler) at a time that takes packets from the
 * peer and gives them to vsock_vio_rx(), and one that asks
 * vsock_vio_tx_next() for packets and puts them into a ring.  Neither is ever
 * blocked in here for longer than a lock or an allocation takes.  The latter is
 * a thread of the backend's, or one that brings something to be sent and finds
 * nobody at it (vvo_tx_now()): what it brings has not to wait until another
 * thread has been woken up and runs.
 */

#include <sys/types.h>
#include <sys/stream.h>
#include <sys/virtio_vsock.h>
#include <sys/vsock_transport.h>

#ifdef	__cplusplus
extern "C" {
#endif

typedef struct vsock_vio vsock_vio_t;	/* one per device */

/*
 * What vsock_virtio asks of a backend.  Called with no lock held, from threads
 * and, but for vvo_tx_now(), from callouts (timeout(9F)): must not sleep but
 * for a lock, nor call back.
 */
typedef struct vsock_vio_ops {
	/* vsock_vio_tx_next() has something to give. */
	void	(*vvo_tx_kick)(void *arg);
	/*
	 * Likewise; and the caller, which is any thread, would rather do what
	 * is to be done than wait for somebody to be woken up; from within
	 * vsock_vio_rx() of a light packet it may be an interrupt handler.  May
	 * call
	 * vsock_vio_tx_next(), in as far as nobody else does; even from within
	 * vsock_vio_rx() or vsock_vio_reset().
	 */
	void	(*vvo_tx_now)(void *arg);
	/* vsock_vio_rx_ready() was B_FALSE and is B_TRUE again. */
	void	(*vvo_rx_kick)(void *arg);
} vsock_vio_ops_t;

typedef struct vsock_vio_reg {
	vsock_provider_t *vvr_provider;	/* registered with vsock_vio_tops */
	const char	*vvr_module;	/* for the kstat: "vsockhv" */
	int		vvr_instance;	/* for the kstat */
	const char	*vvr_name;	/* of the transport: "bhyve0" */
	uint32_t	vvr_local_cid;
	/* VMADDR_CID_HOST stands for VMADDR_CID_HYPERVISOR as well. */
	uint32_t	vvr_remote_cid;
	zoneid_t	vvr_zoneid;
	uint_t		vvr_types;	/* as of vsock_vio_set_types() */
	const vsock_vio_ops_t *vvr_ops;
	void		*vvr_arg;
} vsock_vio_reg_t;

/* The operations a virtio backend registers its provider with. */
extern const vsock_transport_ops_t vsock_vio_tops;

/*
 * Create and register a transport.  Errors: those of
 * vsock_transport_register().  A named kstat <module>:<instance>:packets is
 * installed, with a counter for every kind of packet and every way in which
 * one can be bad.  May sleep.
 */
extern int vsock_vio_attach(const vsock_vio_reg_t *, vsock_vio_t **);

/*
 * Unregister and free.  The caller has made sure that vsock_vio_rx() and
 * vsock_vio_tx_next() are not running and will not be called; the vvo
 * functions may be called until it returns.  May sleep.
 */
extern void vsock_vio_detach(vsock_vio_t *);

/*
 * The device was reset: end all connections (ECONNRESET) and forget what was
 * to be sent.  Same rule for the two threads.  May sleep.
 */
extern void vsock_vio_reset(vsock_vio_t *, uint32_t local_cid);

/*
 * Which types were negotiated (VSOCK_TYPE_*): connections of others are not
 * made any more.  Those that there are stay until vsock_vio_reset().
 */
extern void vsock_vio_set_types(vsock_vio_t *, uint_t types);

/*
 * The types that follow from what was negotiated of VIRTIO_VSOCK_F_*: without
 * any it is streams.
 */
extern uint_t vsock_vio_types(uint64_t features);

/* The transport, for vsock_transport_set_ports(). */
extern vsock_transport_t *vsock_vio_transport(vsock_vio_t *);

/*
 * May the backend take another packet from the peer?  B_FALSE: so many answers
 * wait to be sent that the peer has to take them first; vvo_rx_kick() tells
 * when to go on.  (VIRTIO 1.3, 5.10.6.1: the other direction does go on.)
 */
extern boolean_t vsock_vio_rx_ready(vsock_vio_t *);

/*
 * A packet from the peer: the header as it was in the ring, already copied out
 * of the peer's reach, and the payload (NULL if vvh_len is 0), of exactly
 * vvh_len bytes, which is consumed.  The backend has checked that vvh_len is
 * covered by what it received and at most VIRTIO_VSOCK_MAX_PAYLOAD; everything
 * else about the header is checked here.  May sleep, unless the packet is
 * light.
 */
extern void vsock_vio_rx(vsock_vio_t *, const virtio_vsock_hdr_t *, mblk_t *);

/*
 * Is this packet one for which vsock_vio_rx() may be called by an interrupt
 * handler (below LOCK_LEVEL)?  All of a stream are but the one that opens it.
 * The header is in wire order, and need not make sense.
 */
extern boolean_t vsock_vio_rx_light(const virtio_vsock_hdr_t *);

/*
 * Count a packet that the backend had to drop for want of memory, after the
 * header was read: its connection cannot go on and is reset.
 */
extern void vsock_vio_rx_nomem(vsock_vio_t *, const virtio_vsock_hdr_t *);

/*
 * Count a packet whose vvh_len is above VIRTIO_VSOCK_MAX_PAYLOAD or not covered
 * by what was received; its connection is reset (EPROTO).
 */
extern void vsock_vio_rx_badlen(vsock_vio_t *, const virtio_vsock_hdr_t *);

/* Is there something to send?  Cheap. */
extern boolean_t vsock_vio_tx_pending(vsock_vio_t *);

/*
 * The next packet to send, with at most `maxpayload' bytes of payload (> 0):
 * fills the header, in wire order, and *mpp, the payload, of exactly vvh_len
 * bytes (NULL if 0), which is the caller's to free.  B_FALSE: there is nothing
 * to send; or, if vsock_vio_tx_pending() still says so, no memory: try again a
 * little later.  Connections take turns.  A packet that was taken counts as
 * sent.  Does not sleep.
 */
extern boolean_t vsock_vio_tx_next(vsock_vio_t *, size_t maxpayload,
    virtio_vsock_hdr_t *, mblk_t **mpp);

#ifdef	__cplusplus
}
#endif

#endif	/* _SYS_VSOCK_VIRTIO_H */
