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
 * vsockhv: the device as the program sees it that emulates it, from open(2) to
 * close(2), and what becomes of it when the VM is paused, reset or destroyed.
 */

#include <sys/atomic.h>
#include <sys/disp.h>
#include <sys/kmem.h>
#include <sys/poll.h>
#include <sys/proc.h>
#include <sys/sysmacros.h>
#include <sys/thread.h>
#include "hv_guest.h"
#include "ktest.h"

#define	GPORT	5000
#define	HPORT	1234

/* What VSOCKHV_CREATE wants, and refuses. */
KTEST(hv_create)
{
	static const uint64_t reserved[] = {
		0, 1, 2, 0xffffffff, 0x100000003ULL, UINT64_MAX
	};
	vsockhv_create_t vc = { 0 };
	hv_guest_t *g, other;
	uint64_t features;
	fvm_t *vm;
	int rv;

	hv_begin();
	bzero(&other, sizeof (other));
	VERIFY0(fk_open("/dev/vsockhv", &other.hg_dev));
	VERIFY0(fk_ioctl(other.hg_dev, VSOCKHV_VERSION, 0, &rv));
	VERIFY3S(rv, ==, VSOCKHV_CURRENT_VERSION);

	/* Nothing works before. */
	VERIFY3S(hv_ioctl(&other, VSOCKHV_GET_FEATURES, (intptr_t)&features),
	    ==, ENXIO);
	VERIFY3S(hv_ioctl(&other, VSOCKHV_RESET, 0), ==, ENXIO);
	VERIFY3S(hv_ioctl(&other, VSOCKHV_RING_KICK, 0), ==, ENXIO);

	VERIFY0(fvm_create("other", NULL, NULL, &vm));
	vc.vc_vmfd = fvm_fd(vm);
	for (uint_t i = 0; i < ARRAY_SIZE(reserved); i++) {
		vc.vc_guest_cid = reserved[i];
		VERIFY3S(hv_ioctl(&other, VSOCKHV_CREATE, (intptr_t)&vc), ==,
		    EINVAL);
	}
	vc.vc_guest_cid = 3;
	vc.vc_vmfd = 12345;
	VERIFY3S(hv_ioctl(&other, VSOCKHV_CREATE, (intptr_t)&vc), ==, EBADF);
	/* A file that is no VM. */
	vc.vc_vmfd = fk_file_fd(other.hg_dev);
	VERIFY3S(hv_ioctl(&other, VSOCKHV_CREATE, (intptr_t)&vc), ==, ENOENT);
	VERIFY3S(hv_ioctl(&other, VSOCKHV_CREATE, 0), ==, EFAULT);

	/* A CID is taken once, and free when its device is closed. */
	g = hv_guest_create(3);
	vc.vc_vmfd = fvm_fd(vm);
	VERIFY3S(hv_ioctl(&other, VSOCKHV_CREATE, (intptr_t)&vc), ==,
	    EADDRINUSE);
	hv_guest_destroy(g);
	VERIFY0(hv_ioctl(&other, VSOCKHV_CREATE, (intptr_t)&vc));
	VERIFY3S(hv_ioctl(&other, VSOCKHV_CREATE, (intptr_t)&vc), ==, EEXIST);
	VERIFY3S(hv_ioctl(&other, 0x12345, 0), ==, ENOTTY);

	/* In use. */
	VERIFY3S(fk_modunload("vsockhv"), ==, EBUSY);
	VERIFY0(fk_close(other.hg_dev));
	fvm_destroy(vm);
	hv_end();
}

KTEST(hv_features)
{
	const uint64_t offered = VIRTIO_VSOCK_F_STREAM |
	    VIRTIO_VSOCK_F_SEQPACKET | VIRTIO_VSOCK_F_NO_IMPLIED_STREAM |
	    HV_F_INDIRECT | HV_F_EVENT_IDX | HV_F_VERSION_1;
	uint64_t features;
	hv_guest_t *g;
	fsk_file_t *l, *f;

	hv_begin();
	g = hv_guest_create(3);
	VERIFY0(hv_ioctl(g, VSOCKHV_GET_FEATURES, (intptr_t)&features));
	VERIFY3U(features, ==, offered);
	features |= 1 << 3;
	VERIFY3S(hv_ioctl(g, VSOCKHV_SET_FEATURES, (intptr_t)&features), ==,
	    EINVAL);
	l = hv_listen(HPORT, 5);

	/* All, none of vsock's, only the stream: streams. */
	hv_driver_start(g, offered);
	VERIFY3S(hv_ioctl(g, VSOCKHV_SET_FEATURES, (intptr_t)&features), ==,
	    EINVAL);
	features = 0;
	VERIFY3S(hv_ioctl(g, VSOCKHV_SET_FEATURES, (intptr_t)&features), ==,
	    EBUSY);
	f = hv_open(g, l, GPORT, HPORT);
	hv_check_alive(g, f, GPORT, HPORT);
	VERIFY0(fsk_close(f));
	VERIFY0(hv_ioctl(g, VSOCKHV_RESET, 0));
	hv_driver_start(g, 0);
	f = hv_open(g, l, GPORT, HPORT);
	hv_check_alive(g, f, GPORT, HPORT);
	VERIFY0(fsk_close(f));
	VERIFY0(hv_ioctl(g, VSOCKHV_RESET, 0));
	hv_driver_start(g, VIRTIO_VSOCK_F_STREAM);
	f = hv_open(g, l, GPORT, HPORT);
	hv_check_alive(g, f, GPORT, HPORT);
	VERIFY0(fsk_close(f));

	/* Streams are not implied, and were not accepted. */
	VERIFY0(hv_ioctl(g, VSOCKHV_RESET, 0));
	hv_driver_start(g, VIRTIO_VSOCK_F_NO_IMPLIED_STREAM);
	hv_send_op(g, VIRTIO_VSOCK_OP_REQUEST, GPORT, HPORT);
	(void) hv_expect(g, VIRTIO_VSOCK_OP_RST, GPORT, HPORT);
	VERIFY3U(HV_PACKETS(g, "bad_type"), ==, 1);

	VERIFY0(fsk_close(l));
	hv_guest_destroy(g);
	hv_end();
}

KTEST(hv_ring_args)
{
	static const struct {
		uint_t index;
		uint_t qsize;
		uint64_t desc;
		uint64_t avail;
		uint64_t used;
	} bad[] = {
		{ 3, 64, HV_RAM, HV_RAM, HV_RAM },
		{ 0, 0, HV_RAM, HV_RAM, HV_RAM },
		{ 0, 63, HV_RAM, HV_RAM, HV_RAM },
		{ 0, 65535, HV_RAM, HV_RAM, HV_RAM },
		{ 0, 64, HV_RAM + 8, HV_RAM, HV_RAM },
		{ 0, 64, HV_RAM, HV_RAM + 1, HV_RAM },
		{ 0, 64, HV_RAM, HV_RAM, HV_RAM + 2 },
		{ 0, 64, 0, HV_RAM, HV_RAM },
		{ 0, 64, HV_RAM, 0, HV_RAM },
		{ 0, 64, HV_RAM, HV_RAM, 0 },
		{ 0, 64, HV_RAM + HV_RAM_SIZE + 4096, HV_RAM, HV_RAM },
		{ 0, 64, HV_RAM, HV_RAM, HV_ROM },
		{ 0, 1024, HV_ROM, HV_RAM, HV_RAM },
		{ 0, 64, UINT64_MAX - 15, HV_RAM, HV_RAM },
		{ 0, 64, HV_RAM, UINT64_MAX - 15, HV_RAM },
		{ 0, 64, HV_RAM, HV_RAM, UINT64_MAX - 15 }
	};
	vsockhv_ring_state_t vrs = { 0 };
	vsockhv_ring_msi_t msi = { .vrm_index = 3 };
	hv_guest_t *g;

	hv_begin();
	g = hv_guest_create(3);
	for (uint_t i = 0; i < ARRAY_SIZE(bad); i++) {
		vsockhv_ring_init_t vri = {
			.vri_index	= bad[i].index,
			.vri_qsize	= bad[i].qsize,
			.vri_desc	= bad[i].desc,
			.vri_avail	= bad[i].avail,
			.vri_used	= bad[i].used
		};

		VERIFY3S(hv_ioctl(g, VSOCKHV_RING_INIT, (intptr_t)&vri), ==,
		    EINVAL);
	}

	for (int i = 0; i < VIRTIO_VSOCK_NQUEUES; i++) {
		VERIFY3S(hv_ioctl(g, VSOCKHV_RING_KICK, i), ==, ENXIO);
		VERIFY3S(hv_ioctl(g, VSOCKHV_RING_PAUSE, i), ==, ENXIO);
		VERIFY3S(hv_ioctl(g, VSOCKHV_RING_RESUME, i), ==, ENXIO);
		vrs.vri_index = i;
		VERIFY3S(hv_ioctl(g, VSOCKHV_RING_GET_STATE, (intptr_t)&vrs),
		    ==, ENXIO);
		VERIFY0(hv_ioctl(g, VSOCKHV_RING_RESET, i));
	}
	VERIFY3S(hv_ioctl(g, VSOCKHV_SEND_RESET, 0), ==, ENXIO);
	VERIFY3S(hv_ioctl(g, VSOCKHV_RING_KICK, 3), ==, EINVAL);
	VERIFY3S(hv_ioctl(g, VSOCKHV_RING_KICK, -1), ==, EINVAL);
	VERIFY3S(hv_ioctl(g, VSOCKHV_RING_SET_MSI, (intptr_t)&msi), ==,
	    EINVAL);
	VERIFY3S(hv_ioctl(g, VSOCKHV_RING_SET_MSI, 0), ==, EFAULT);
	vrs.vri_index = 3;
	VERIFY3S(hv_ioctl(g, VSOCKHV_RING_GET_STATE, (intptr_t)&vrs), ==,
	    EINVAL);

	VERIFY0(hv_ring_init(g, HV_RX));
	VERIFY3S(hv_ring_init(g, HV_RX), ==, EBUSY);
	vrs.vri_index = HV_RX;
	VERIFY3S(hv_ioctl(g, VSOCKHV_RING_GET_STATE, (intptr_t)&vrs), ==,
	    EBUSY);
	VERIFY0(hv_ioctl(g, VSOCKHV_RING_RESET, HV_RX));
	VERIFY0(hv_ring_init(g, HV_RX));
	hv_guest_destroy(g);
	hv_end();
}

/* From both sides, with every end of it. */
KTEST(hv_connections)
{
	hv_guest_t *g;
	fsk_file_t *l, *f;
	virtio_vsock_hdr_t hdr;
	uint32_t port;

	hv_begin();
	g = hv_guest_boot(3, HV_F_VERSION_1);
	l = hv_listen(HPORT, 5);

	/* The guest connects, and closes first. */
	f = hv_open(g, l, GPORT, HPORT);
	hv_check_alive(g, f, GPORT, HPORT);
	hdr = hv_pkt(g, VIRTIO_VSOCK_OP_SHUTDOWN, GPORT, HPORT);
	hdr.vvh_flags = 3;
	hv_send(g, &hdr, NULL);
	(void) hv_expect(g, VIRTIO_VSOCK_OP_RST, GPORT, HPORT);
	hv_read_end(f, 0);
	VERIFY0(fsk_close(f));
	hv_expect_none(g);

	/* The same ports again at once; the host closes first. */
	f = hv_open(g, l, GPORT, HPORT);
	hv_write(f, "bye", 3);
	VERIFY0(fsk_close(f));
	hv_expect_data(g, GPORT, HPORT, "bye", 3);
	hdr = hv_expect(g, VIRTIO_VSOCK_OP_SHUTDOWN, GPORT, HPORT);
	VERIFY3U(hdr.vvh_flags, ==, 3);
	hv_send_op(g, VIRTIO_VSOCK_OP_RST, GPORT, HPORT);
	hv_expect_none(g);

	/* The host connects. */
	f = hv_connect(3, 77);
	port = hv_port(f);
	hdr = hv_expect(g, VIRTIO_VSOCK_OP_REQUEST, 77, port);
	VERIFY3U(hdr.vvh_buf_alloc, >, 0);
	VERIFY3U(hdr.vvh_type, ==, VIRTIO_VSOCK_TYPE_STREAM);
	hv_send_op(g, VIRTIO_VSOCK_OP_RESPONSE, 77, port);
	hv_check_alive(g, f, 77, port);

	/* Halves. */
	VERIFY0(fsk_shutdown(f, SHUT_WR));
	hdr = hv_expect(g, VIRTIO_VSOCK_OP_SHUTDOWN, 77, port);
	VERIFY3U(hdr.vvh_flags, ==, VIRTIO_VSOCK_SHUTDOWN_SEND);
	hv_send_data(g, 77, port, "last", 4);
	hdr = hv_pkt(g, VIRTIO_VSOCK_OP_SHUTDOWN, 77, port);
	hdr.vvh_flags = VIRTIO_VSOCK_SHUTDOWN_SEND;
	hv_send(g, &hdr, NULL);
	hv_read(f, "last", 4);
	hv_read_end(f, 0);
	VERIFY0(fsk_close(f));
	hdr = hv_expect(g, VIRTIO_VSOCK_OP_SHUTDOWN, 77, port);
	VERIFY3U(hdr.vvh_flags, ==, 3);
	hv_send_op(g, VIRTIO_VSOCK_OP_RST, 77, port);

	/* Refused. */
	f = hv_connect(3, 78);
	port = hv_port(f);
	(void) hv_expect(g, VIRTIO_VSOCK_OP_REQUEST, 78, port);
	hv_send_op(g, VIRTIO_VSOCK_OP_RST, 78, port);
	VERIFY0(fsk_close(f));
	hv_expect_none(g);
	hv_send_op(g, VIRTIO_VSOCK_OP_REQUEST, GPORT, HPORT + 1);
	hdr = hv_expect(g, VIRTIO_VSOCK_OP_RST, GPORT, HPORT + 1);
	VERIFY0(hdr.vvh_buf_alloc);
	VERIFY0(hdr.vvh_fwd_cnt);
	VERIFY3U(HV_PACKETS(g, "refused"), ==, 1);

	/* The device goes while there is a connection. */
	f = hv_open(g, l, GPORT, HPORT);
	hv_guest_destroy(g);
	hv_read_end(f, ECONNRESET);
	VERIFY0(fsk_close(f));
	VERIFY0(fsk_close(l));
	hv_end();
}

/* Which ports the guest may reach. */
KTEST(hv_ports)
{
	vsockhv_ports_t ports = {
		.vp_restrict = 1, .vp_n = 1,
		.vp_range = { { HPORT, HPORT } }
	};
	hv_guest_t *g;
	fsk_file_t *l, *m, *f;

	hv_begin();
	g = hv_guest_boot(3, HV_F_VERSION_1);
	l = hv_listen(HPORT, 5);
	m = hv_listen(HPORT + 1, 5);
	VERIFY0(hv_ioctl(g, VSOCKHV_SET_PORTS, (intptr_t)&ports));
	f = hv_open(g, l, GPORT, HPORT);
	hv_send_op(g, VIRTIO_VSOCK_OP_REQUEST, GPORT, HPORT + 1);
	(void) hv_expect(g, VIRTIO_VSOCK_OP_RST, GPORT, HPORT + 1);
	hv_check_alive(g, f, GPORT, HPORT);
	VERIFY0(fsk_close(f));
	(void) hv_expect(g, VIRTIO_VSOCK_OP_SHUTDOWN, GPORT, HPORT);
	hv_send_op(g, VIRTIO_VSOCK_OP_RST, GPORT, HPORT);

	/* Nothing; then everything. */
	ports.vp_n = 0;
	VERIFY0(hv_ioctl(g, VSOCKHV_SET_PORTS, (intptr_t)&ports));
	hv_send_op(g, VIRTIO_VSOCK_OP_REQUEST, GPORT, HPORT);
	(void) hv_expect(g, VIRTIO_VSOCK_OP_RST, GPORT, HPORT);
	ports.vp_restrict = 0;
	VERIFY0(hv_ioctl(g, VSOCKHV_SET_PORTS, (intptr_t)&ports));
	f = hv_open(g, m, GPORT, HPORT + 1);

	ports.vp_n = 1;
	VERIFY3S(hv_ioctl(g, VSOCKHV_SET_PORTS, (intptr_t)&ports), ==, EINVAL);
	ports.vp_restrict = 1;
	ports.vp_n = VSOCKHV_MAX_PORTS + 1;
	VERIFY3S(hv_ioctl(g, VSOCKHV_SET_PORTS, (intptr_t)&ports), ==, EINVAL);
	VERIFY0(fsk_close(f));
	VERIFY0(fsk_close(m));
	VERIFY0(fsk_close(l));
	hv_guest_destroy(g);
	hv_end();
}

/* Without an MSI the program is told; each ring has its bit. */
KTEST(hv_interrupts)
{
	vsockhv_ring_msi_t msi = { 0 };
	hv_guest_t *g;
	fsk_file_t *l, *f;

	hv_begin();
	g = hv_guest_boot(3, HV_F_VERSION_1);
	l = hv_listen(HPORT, 5);
	f = hv_open(g, l, GPORT, HPORT);
	VERIFY0(hv_intr(g));
	VERIFY0(fk_poll(g->hg_dev, POLLRDBAND));
	for (uint_t i = 0; i < VIRTIO_VSOCK_NQUEUES; i++) {
		msi.vrm_index = i;
		VERIFY0(hv_ioctl(g, VSOCKHV_RING_SET_MSI, (intptr_t)&msi));
	}
	hv_send_data(g, GPORT, HPORT, "a", 1);
	VERIFY3U(hv_intr(g), ==, 1U << HV_TX);
	VERIFY3S(fk_poll(g->hg_dev, POLLRDBAND | POLLIN), ==, POLLRDBAND);
	hv_write(f, "b", 1);
	hv_settle();
	VERIFY3U(hv_intr(g), ==, 1U << HV_TX | 1U << HV_RX);
	VERIFY0(hv_ioctl(g, VSOCKHV_RING_INTR_CLR, HV_TX));
	VERIFY3U(hv_intr(g), ==, 1U << HV_RX);
	VERIFY0(hv_ioctl(g, VSOCKHV_RESET, 0));
	VERIFY0(hv_intr(g));
	VERIFY0(fk_poll(g->hg_dev, POLLRDBAND));
	VERIFY0(fsk_close(f));
	VERIFY0(fsk_close(l));
	hv_guest_destroy(g);
	hv_end();
}

/*
 * Who sends does the work himself, if nobody is at it and the ring is mapped:
 * the guest has the packet when send(3SOCKET) returns.  If the ring turns out
 * to be corrupt then, the worker sees to it.
 */
KTEST(hv_tx_now)
{
	hv_guest_t *g;
	fsk_file_t *l, *f;
	uint32_t id, len;
	hv_ring_t *r;

	hv_begin();
	g = hv_guest_boot(3, HV_F_VERSION_1);
	l = hv_listen(HPORT, 5);
	f = hv_open(g, l, GPORT, HPORT);
	hv_settle();
	for (uint_t i = 0; i < 5; i++) {
		hv_write(f, "now", 3);
		VERIFY(hv_used(g, HV_RX, &id, &len));
		VERIFY3U(len, ==, VIRTIO_VSOCK_HDR_SIZE + 3);
	}

	/* Without a lease it is left to the worker. */
	fvm_expire_leases(g->hg_vm);
	hv_write(f, "now", 3);
	hv_settle();
	VERIFY(hv_used(g, HV_RX, &id, &len));

	r = &g->hg_ring[HV_RX];
	hv_poke16(g, r->hr_avail + 2, r->hr_avail_idx + HV_QSIZE + 1);
	hv_write(f, "never", 5);
	hv_settle();
	VERIFY3U(HV_RINGS(g, "bad_avail_idx"), ==, 1);
	VERIFY3U(HV_RINGS(g, "broken"), ==, 1);
	VERIFY3U(hv_intr(g) & VSOCKHV_INTR_RESET, ==, VSOCKHV_INTR_RESET);
	hv_read_end(f, ECONNRESET);
	VERIFY0(fsk_close(f));
	VERIFY0(fsk_close(l));
	hv_guest_destroy(g);
	hv_end();
}

/* A paused ring is left alone; its indices are enough to go on elsewhere. */
KTEST(hv_pause)
{
	virtio_vsock_hdr_t hdr;
	vsockhv_ring_state_t vrs;
	hv_guest_t *g;
	fsk_file_t *l, *f;
	uint32_t id, len;

	hv_begin();
	g = hv_guest_boot(3, HV_F_VERSION_1);
	l = hv_listen(HPORT, 5);
	f = hv_open(g, l, GPORT, HPORT);
	hdr = hv_pkt(g, VIRTIO_VSOCK_OP_RW, GPORT, HPORT);

	for (uint_t i = 0; i < VIRTIO_VSOCK_NQUEUES; i++)
		VERIFY0(hv_ioctl(g, VSOCKHV_RING_PAUSE, i));
	hdr.vvh_len = 2;
	hv_queue(g, &hdr, "hi");
	hv_kick(g, HV_TX);
	hv_write(f, "ho", 2);
	hv_kick(g, HV_RX);
	hv_settle();
	VERIFY(!hv_used(g, HV_TX, &id, &len));
	VERIFY(!hv_used(g, HV_RX, &id, &len));
	hv_read_end(f, EWOULDBLOCK);

	/* The memory may go and come back meanwhile. */
	fvm_unmap_all(g->hg_vm);
	VERIFY0(fvm_map(g->hg_vm, HV_RAM, g->hg_mem, HV_RAM_SIZE, true));

	for (uint_t i = 0; i < VIRTIO_VSOCK_NQUEUES; i++) {
		hv_ring_t *r = &g->hg_ring[i];

		bzero(&vrs, sizeof (vrs));
		vrs.vri_index = i;
		VERIFY0(hv_ioctl(g, VSOCKHV_RING_GET_STATE, (intptr_t)&vrs));
		VERIFY3U(vrs.vri_index, ==, i);
		VERIFY3U(vrs.vri_qsize, ==, HV_QSIZE);
		VERIFY3U(vrs.vri_desc, ==, r->hr_desc);
		VERIFY3U(vrs.vri_avail, ==, r->hr_avail);
		VERIFY3U(vrs.vri_used, ==, r->hr_used);
		VERIFY3U(vrs.vri_used_idx, ==, r->hr_used_idx);
		VERIFY3U(vrs.vri_avail_idx, ==,
		    (uint16_t)(r->hr_avail_idx - r->hr_out));
		if (i == HV_TX) {
			/* Begin anew at that place. */
			VERIFY0(hv_ioctl(g, VSOCKHV_RING_RESET, i));
			VERIFY0(hv_ioctl(g, VSOCKHV_RING_INIT,
			    (intptr_t)&vrs));
		} else {
			VERIFY0(hv_ioctl(g, VSOCKHV_RING_RESUME, i));
		}
	}
	hv_settle();
	VERIFY(hv_used(g, HV_TX, &id, &len));
	hv_read(f, "hi", 2);
	hv_expect_data(g, GPORT, HPORT, "ho", 2);
	hv_check_alive(g, f, GPORT, HPORT);
	VERIFY0(fsk_close(f));
	VERIFY0(fsk_close(l));
	hv_guest_destroy(g);
	hv_end();
}

/* The guest's driver resets the device: connections end, listeners stay. */
KTEST(hv_reset)
{
	hv_guest_t *g;
	fsk_file_t *l, *f, *c;
	uint32_t id, len, port;

	hv_begin();
	g = hv_guest_boot(3, HV_F_VERSION_1);
	l = hv_listen(HPORT, 5);
	f = hv_open(g, l, GPORT, HPORT);
	hv_write(f, "lost", 4);
	VERIFY0(hv_ioctl(g, VSOCKHV_RESET, 0));
	hv_read_end(f, ECONNRESET);
	VERIFY0(fsk_close(f));
	/* A connect waits for the driver to come back. */
	c = hv_connect(3, 77);
	hv_driver_start(g, HV_F_VERSION_1);
	(void) hv_expect(g, VIRTIO_VSOCK_OP_REQUEST, 77, hv_port(c));
	port = hv_port(c);
	VERIFY0(fsk_close(c));
	(void) hv_expect(g, VIRTIO_VSOCK_OP_RST, 77, port);
	f = hv_open(g, l, GPORT, HPORT);
	hv_check_alive(g, f, GPORT, HPORT);

	/* The program asks for it, by the event ring. */
	VERIFY0(hv_ioctl(g, VSOCKHV_SEND_RESET, 0));
	VERIFY(hv_used(g, HV_EV, &id, &len));
	VERIFY3U(len, ==, sizeof (virtio_vsock_event_t));
	hv_read_end(f, ECONNRESET);
	VERIFY0(fsk_close(f));
	hv_expect_none(g);
	f = hv_open(g, l, GPORT, HPORT);
	hv_check_alive(g, f, GPORT, HPORT);
	for (uint_t i = 0; i < 3; i++)
		VERIFY0(hv_ioctl(g, VSOCKHV_SEND_RESET, 0));
	VERIFY3S(hv_ioctl(g, VSOCKHV_SEND_RESET, 0), ==, EAGAIN);
	VERIFY0(fsk_close(f));
	VERIFY0(fsk_close(l));
	hv_guest_destroy(g);
	hv_end();
}

/*
 * Traffic, by a thread that plays guest and host at once and knows nothing of
 * what happens meanwhile: each round it queues what the rings take, and goes on
 * when the host has answered.  It ends when told, or when the device did.
 */
typedef struct traffic {
	hv_guest_t	*t_guest;
	fsk_file_t	*t_sock;
	kt_did_t	t_did;
	volatile uint32_t t_stop;
	uint32_t	t_edge;		/* how far the guest may send */
	volatile uint32_t t_rounds;	/* in which something came through */
} traffic_t;

static void
traffic_run(void *arg)
{
	traffic_t *t = arg;
	hv_guest_t *g = t->t_guest;
	uint8_t *buf = kmem_zalloc(16384, KM_SLEEP);
	virtio_vsock_hdr_t hdr;
	uint32_t id, len, intr, sent = 0;
	size_t n;

	while (atomic_add_32_nv(&t->t_stop, 0) == 0 &&
	    hv_ioctl(g, VSOCKHV_INTR_POLL, (intptr_t)&intr) == 0) {
		hdr = hv_pkt(g, VIRTIO_VSOCK_OP_RW, GPORT, HPORT);
		while (hv_used(g, HV_TX, &id, &len))
			continue;
		if (g->hg_ring[HV_TX].hr_out < 8 &&
		    t->t_edge - sent >= 4000) {
			hdr.vvh_len = 4000;
			hv_queue(g, &hdr, buf);
			sent += 4000;
			(void) hv_ioctl(g, VSOCKHV_RING_KICK, HV_TX);
		}
		if (fsk_recv(t->t_sock, buf, 16384, 0, &n) == 0 && n != 0)
			atomic_inc_32(&t->t_rounds);
		(void) fsk_send(t->t_sock, buf, 8192, MSG_NOSIGNAL, &n);
		while (hv_used(g, HV_RX, &id, &len)) {
			hv_peek(g, g->hg_rxaddr[id], &hdr, sizeof (hdr));
			g->hg_fwd_cnt += hdr.vvh_len;
			t->t_edge = hdr.vvh_fwd_cnt + hdr.vvh_buf_alloc;
			hv_avail(g, HV_RX, id);
			(void) hv_ioctl(g, VSOCKHV_RING_KICK, HV_RX);
		}
	}
	kmem_free(buf, 16384);
	thread_exit();
}

static void
traffic_stop(traffic_t *t)
{
	atomic_inc_32(&t->t_stop);
	thread_join(t->t_did);
}

/* Until so many more rounds have been made. */
static void
traffic_wait(traffic_t *t, uint32_t rounds)
{
	uint32_t until = atomic_add_32_nv(&t->t_rounds, 0) + rounds;

	while ((int32_t)(atomic_add_32_nv(&t->t_rounds, 0) - until) < 0)
		continue;
}

/* A guest, a listener, and a connection that is busy already. */
static hv_guest_t *
traffic_setup(traffic_t *t, uint64_t features, fsk_file_t **lp, fsk_file_t **fp)
{
	hv_guest_t *g = hv_guest_boot(3, features);
	virtio_vsock_hdr_t hdr;

	*lp = hv_listen(HPORT, 5);
	hv_send_op(g, VIRTIO_VSOCK_OP_REQUEST, GPORT, HPORT);
	hdr = hv_expect(g, VIRTIO_VSOCK_OP_RESPONSE, GPORT, HPORT);
	*fp = hv_accept(*lp);

	bzero(t, sizeof (*t));
	t->t_guest = g;
	t->t_sock = *fp;
	t->t_edge = hdr.vvh_buf_alloc;
	t->t_did = thread_create(NULL, 0, traffic_run, t, 0, &p0, TS_RUN,
	    minclsyspri)->t_did;
	traffic_wait(t, 10);
	return (g);
}

KTEST(hv_expire_under_traffic)
{
	hv_guest_t *g;
	fsk_file_t *l, *f;
	traffic_t t;
	uint64_t maps;

	hv_begin();
	g = traffic_setup(&t, HV_F_VERSION_1, &l, &f);
	maps = HV_RINGS(g, "maps");
	for (uint_t i = 0; i < 100; i++) {
		fvm_expire_leases(g->hg_vm);
		traffic_wait(&t, 5);
	}
	traffic_stop(&t);
	VERIFY3U(HV_RINGS(g, "maps"), >, maps + 10);
	VERIFY0(HV_PACKETS(g, "over_credit"));
	VERIFY0(HV_RINGS(g, "broken"));
	VERIFY0(fsk_close(f));
	VERIFY0(fsk_close(l));
	hv_guest_destroy(g);
	hv_end();
}

KTEST(hv_pause_under_traffic)
{
	hv_guest_t *g;
	fsk_file_t *l, *f;
	traffic_t t;

	hv_begin();
	g = traffic_setup(&t, HV_F_VERSION_1 | HV_F_EVENT_IDX, &l, &f);
	for (uint_t i = 0; i < 100; i++) {
		VERIFY0(hv_ioctl(g, VSOCKHV_RING_PAUSE, HV_TX));
		VERIFY0(hv_ioctl(g, VSOCKHV_RING_PAUSE, HV_RX));
		VERIFY0(hv_ioctl(g, VSOCKHV_RING_RESUME, HV_TX));
		VERIFY0(hv_ioctl(g, VSOCKHV_RING_RESUME, HV_RX));
		traffic_wait(&t, 1);
	}
	traffic_stop(&t);
	VERIFY0(HV_RINGS(g, "broken"));
	VERIFY0(fsk_close(f));
	VERIFY0(fsk_close(l));
	hv_guest_destroy(g);
	hv_end();
}

KTEST(hv_reset_under_traffic)
{
	hv_guest_t *g;
	fsk_file_t *l, *f;
	traffic_t t;

	hv_begin();
	for (uint_t i = 0; i < 20; i++) {
		g = traffic_setup(&t, HV_F_VERSION_1, &l, &f);
		VERIFY0(hv_ioctl(g, VSOCKHV_RESET, 0));
		traffic_stop(&t);
		VERIFY0(HV_RINGS(g, "broken"));
		VERIFY0(fsk_close(f));
		hv_driver_start(g, HV_F_VERSION_1);
		g->hg_fwd_cnt = 0;
		f = hv_open(g, l, GPORT, HPORT);
		hv_check_alive(g, f, GPORT, HPORT);
		VERIFY0(fsk_close(f));
		VERIFY0(fsk_close(l));
		hv_guest_destroy(g);
	}
	hv_end();
}

/* Connections are reset while both workers are busy with them. */
KTEST(hv_event_under_traffic)
{
	hv_guest_t *g;
	fsk_file_t *l, *f;
	traffic_t t;
	uint32_t id, len;

	hv_begin();
	for (uint_t i = 0; i < 20; i++) {
		g = traffic_setup(&t, HV_F_VERSION_1, &l, &f);
		for (uint_t j = 0; j < 4; j++)
			VERIFY0(hv_ioctl(g, VSOCKHV_SEND_RESET, 0));
		traffic_stop(&t);
		for (uint_t j = 0; j < 4; j++)
			VERIFY(hv_used(g, HV_EV, &id, &len));
		VERIFY0(HV_RINGS(g, "broken"));
		VERIFY0(fsk_close(f));
		VERIFY0(fsk_close(l));
		hv_guest_destroy(g);
	}
	hv_end();
}

/* The ring is made bad in the middle of it. */
KTEST(hv_break_under_traffic)
{
	hv_guest_t *g;
	fsk_file_t *l, *f;
	traffic_t t;

	hv_begin();
	for (uint_t i = 0; i < 20; i++) {
		g = traffic_setup(&t, HV_F_VERSION_1, &l, &f);
		for (uint_t j = 0; j < HV_QSIZE; j++)
			hv_desc(g, HV_RX, j, 0, 4096, HV_D_WRITE, 0);
		while ((hv_intr(g) & VSOCKHV_INTR_RESET) == 0)
			continue;
		traffic_stop(&t);
		VERIFY3U(HV_RINGS(g, "bad_addr"), ==, 1);
		VERIFY0(fsk_close(f));
		VERIFY0(fsk_close(l));
		hv_guest_destroy(g);
	}
	hv_end();
}

static void
vm_destroy(void *arg)
{
	fvm_destroy(arg);
	thread_exit();
}

KTEST(hv_destroy_under_traffic)
{
	hv_guest_t *g;
	fsk_file_t *l, *f;
	kt_did_t did;
	traffic_t t;

	hv_begin();
	for (uint_t i = 0; i < 20; i++) {
		g = traffic_setup(&t, HV_F_VERSION_1, &l, &f);
		did = thread_create(NULL, 0, vm_destroy, g->hg_vm, 0, &p0,
		    TS_RUN, minclsyspri)->t_did;
		g->hg_vm = NULL;
		/* It ends when the device says that the VM is gone. */
		thread_join(t.t_did);
		VERIFY3S(hv_ioctl(g, VSOCKHV_RING_KICK, HV_TX), ==, ENXIO);
		VERIFY3S(hv_ioctl(g, VSOCKHV_RESET, 0), ==, ENXIO);
		hv_guest_destroy(g);
		thread_join(did);
		VERIFY0(fsk_close(f));
		VERIFY0(fsk_close(l));
	}
	hv_end();
}

/*
 * What an idle connection costs in the kernel: the modules, and sockfs for the
 * socket; the debugging of the fake kernel's kmem isn't counted.
 */
#define	HV_MANY	1000

KTEST(hv_connection_memory)
{
	static fsk_file_t *so[HV_MANY];
	uint64_t before, after, n;
	fsk_file_t *l;
	hv_guest_t *g;

	hv_begin();
	g = hv_guest_boot(3, HV_F_VERSION_1);
	l = hv_listen(1000, 10);
	fk_kmem_usage(&before, &n);
	for (uint_t i = 0; i < HV_MANY; i++)
		so[i] = hv_open(g, l, 2000 + i, 1000);
	hv_settle();
	fk_kmem_usage(&after, &n);
	VERIFY3U((after - before) / HV_MANY, <, 2048);
	for (uint_t i = 0; i < HV_MANY; i++)
		VERIFY0(fsk_close(so[i]));
	VERIFY0(fsk_close(l));
	hv_guest_destroy(g);
	hv_end();
}
