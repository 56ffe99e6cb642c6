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

#ifndef _SYS_VSOCKHV_H
#define	_SYS_VSOCKHV_H

/*
 * /dev/vsockhv: the virtio socket devices of this hypervisor's guests.  One
 * open is one device of one guest; private between the driver and the program
 * that emulates the guest's PCI function (bhyve).
 *
 * That program opens the node, checks VSOCKHV_VERSION, and issues
 * VSOCKHV_CREATE.  It passes on what the guest's driver does to the device:
 * the features it accepts, the rings it sets up (VSOCKHV_RING_INIT), their
 * notifications (VSOCKHV_RING_KICK) and interrupts (VSOCKHV_RING_SET_MSI), and
 * a reset of the device (VSOCKHV_RESET).  Closing ends everything.
 *
 * All commands but VERSION and CREATE fail with ENXIO before VSOCKHV_CREATE or
 * after the VM has gone; EFAULT, a bad address; ENOTTY, an unknown command;
 * EINVAL, a bad argument.
 */

#include <sys/types.h>

#ifdef	__cplusplus
extern "C" {
#endif

#define	VSOCKHV_IOC		(('V' << 16) | ('S' << 8))

/* None; returns VSOCKHV_CURRENT_VERSION as the value of ioctl(2). */
#define	VSOCKHV_VERSION		(VSOCKHV_IOC | 0x01)
/*
 * vsockhv_create_t *.  EINVAL, a reserved CID; EADDRINUSE, a CID in use on
 * this system; EEXIST, done before; EBADF, ENXIO, ENOENT, EBUSY: not a VM, or
 * one on its way out.
 */
#define	VSOCKHV_CREATE		(VSOCKHV_IOC | 0x02)
/* uint64_t *: what the device offers. */
#define	VSOCKHV_GET_FEATURES	(VSOCKHV_IOC | 0x03)
/*
 * uint64_t *: what the driver accepted.  EINVAL, more than was offered; EBUSY,
 * a ring is set up.
 */
#define	VSOCKHV_SET_FEATURES	(VSOCKHV_IOC | 0x04)
/*
 * None.  The guest's driver has reset the device: rings are given up, features
 * forgotten, connections reset.  Returns when no guest memory is touched any
 * more.
 */
#define	VSOCKHV_RESET		(VSOCKHV_IOC | 0x05)
/*
 * None.  Ask the guest's driver, by the event ring, to drop its connections
 * and read the CID anew; connections are reset here.  For a VM that was
 * resumed elsewhere.  ENXIO, there is no event ring; EAGAIN, no buffer in it.
 */
#define	VSOCKHV_SEND_RESET	(VSOCKHV_IOC | 0x06)
/*
 * vsockhv_ports_t *: which ports of this system the guest may connect to.  See
 * vsock_transport_set_ports().
 */
#define	VSOCKHV_SET_PORTS	(VSOCKHV_IOC | 0x07)

/*
 * vsockhv_ring_init_t *.  Starts the ring at the given indices (0 for a new
 * one); it runs at once if it has work.  EINVAL, size not a power of two of at
 * most VSOCKHV_MAX_QSIZE, an address not aligned, or outside guest memory;
 * EBUSY, it is set up.
 */
#define	VSOCKHV_RING_INIT	(VSOCKHV_IOC | 0x10)
/* Ring index by value, here and below.  Gives the ring up, waits for that. */
#define	VSOCKHV_RING_RESET	(VSOCKHV_IOC | 0x11)
/*
 * The guest has notified the device.  The caller may be used to take what is in
 * the ring, as long as that takes no longer than some 64 KiB do.  Ring not set
 * up: ENXIO.
 */
#define	VSOCKHV_RING_KICK	(VSOCKHV_IOC | 0x12)
/* vsockhv_ring_msi_t *; address 0: no MSI, VSOCKHV_INTR_POLL tells. */
#define	VSOCKHV_RING_SET_MSI	(VSOCKHV_IOC | 0x13)
/*
 * Stop where a chain ends, keep the indices, touch no guest memory until
 * VSOCKHV_RING_RESUME.  Returns when that is so.
 */
#define	VSOCKHV_RING_PAUSE	(VSOCKHV_IOC | 0x14)
#define	VSOCKHV_RING_RESUME	(VSOCKHV_IOC | 0x15)
/* vsockhv_ring_state_t *, vri_index is in; the ring is paused, else EBUSY. */
#define	VSOCKHV_RING_GET_STATE	(VSOCKHV_IOC | 0x16)
#define	VSOCKHV_RING_INTR_CLR	(VSOCKHV_IOC | 0x17)
/*
 * uint32_t *: bit per ring whose interrupt is due and has no MSI, and
 * VSOCKHV_INTR_RESET if the device has found a ring corrupt and wants to be
 * reset (DEVICE_NEEDS_RESET).  poll(2) reports POLLRDBAND when it changes.
 */
#define	VSOCKHV_INTR_POLL	(VSOCKHV_IOC | 0x20)

#define	VSOCKHV_CURRENT_VERSION	1
#define	VSOCKHV_MAX_QSIZE	32768
#define	VSOCKHV_INTR_RESET	(1U << 31)
#define	VSOCKHV_MAX_PORTS	64

typedef struct vsockhv_create {
	uint64_t	vc_guest_cid;
	int32_t		vc_vmfd;	/* of the VM's device node */
	uint32_t	vc_pad;
} vsockhv_create_t;

typedef struct vsockhv_ring_init {
	uint16_t	vri_index;	/* VIRTIO_VSOCK_QUEUE_* */
	uint16_t	vri_qsize;
	uint16_t	vri_avail_idx;	/* next to take from the avail ring */
	uint16_t	vri_used_idx;	/* next to put into the used ring */
	uint64_t	vri_desc;	/* guest physical addresses */
	uint64_t	vri_avail;
	uint64_t	vri_used;
} vsockhv_ring_init_t;

typedef vsockhv_ring_init_t vsockhv_ring_state_t;

typedef struct vsockhv_ring_msi {
	uint16_t	vrm_index;
	uint16_t	vrm_pad[3];
	uint64_t	vrm_addr;
	uint64_t	vrm_msg;
} vsockhv_ring_msi_t;

typedef struct vsockhv_ports {
	uint32_t	vp_restrict;	/* 0: every port, vp_n is 0 */
	uint32_t	vp_n;
	struct {
		uint32_t vp_first;
		uint32_t vp_last;
	} vp_range[VSOCKHV_MAX_PORTS];
} vsockhv_ports_t;

#ifdef	__cplusplus
}
#endif

#endif	/* _SYS_VSOCKHV_H */
