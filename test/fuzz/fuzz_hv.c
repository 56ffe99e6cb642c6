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
 * vsockhv and a guest that does what it likes with the rings, also while they
 * are looked at, and a program that issues the ioctls in any order.  Beside it
 * there is a guest that behaves, for which all must go on.
 *
 * A processor of the guest (scribble()) writes one place in its memory again
 * and again, two values by turns, while the device reads what is there.
 */

#include <sys/kmem.h>
#include <sys/param.h>
#include <sys/sysmacros.h>
#include <fkhost.h>
#include <fktest.h>
#include "../unit/hv_guest.h"
#include "fuzz.h"

#define	CID		3
#define	CID_WITNESS	4
#define	HPORT		1000
#define	HPORT_WITNESS	2000
#define	GPORT		5000
#define	SOCKS		8
#define	OPS		400		/* of an input */

/*
 * What the other processor writes, or NULL; it has seen that when sc_seen says
 * so.
 */
static struct {
	volatile uint16_t *sc_place;
	uint16_t	sc_value[2];
	uint32_t	sc_asked;	/* futex */
	uint32_t	sc_seen;	/* futex */
	boolean_t	sc_stop;
	void		*sc_thread;
} scribbler;

static hv_guest_t *witness;
static fsk_file_t *witness_sock;

/* ThreadSanitizer does not look: a guest needs no permission. */
static __attribute__((no_sanitize("thread"), noinline)) void
scribble_main(void *arg)
{
	volatile uint16_t *place = NULL;
	uint16_t value[2];
	uint32_t asked, seen = 0;

	for (;;) {
		asked = __atomic_load_n(&scribbler.sc_asked, __ATOMIC_ACQUIRE);
		if (asked != seen) {
			if (scribbler.sc_stop)
				return;
			place = scribbler.sc_place;
			value[0] = scribbler.sc_value[0];
			value[1] = scribbler.sc_value[1];
			seen = asked;
			__atomic_store_n(&scribbler.sc_seen, seen,
			    __ATOMIC_RELEASE);
			fkh_futex_wake(&scribbler.sc_seen, 1);
		} else if (place == NULL) {
			(void) fkh_futex_wait(&scribbler.sc_asked, seen, 0);
		} else {
			*place = value[0];
			*place = value[1];
		}
	}
}

/* From now on that place; or none. */
static void
scribble(hv_guest_t *g, uint64_t gpa, uint16_t one, uint16_t two)
{
	uint32_t asked, seen;

	scribbler.sc_place = g == NULL ? NULL :
	    (volatile uint16_t *)(g->hg_mem + (gpa - HV_RAM));
	scribbler.sc_value[0] = one;
	scribbler.sc_value[1] = two;
	asked = __atomic_add_fetch(&scribbler.sc_asked, 1, __ATOMIC_RELEASE);
	fkh_futex_wake(&scribbler.sc_asked, 1);
	while ((seen = __atomic_load_n(&scribbler.sc_seen,
	    __ATOMIC_ACQUIRE)) != asked)
		(void) fkh_futex_wait(&scribbler.sc_seen, seen, 0);
}

/* A descriptor, an index, what is in a ring; or what a packet begins with. */
static void
fuzz_scribble(fuzz_t *fz, hv_guest_t *g)
{
	hv_ring_t *r = &g->hg_ring[fuzz_below(fz, VIRTIO_VSOCK_NQUEUES)];
	uint64_t gpa;
	uint16_t one;

	switch (fuzz_below(fz, 5)) {
	case 0: case 1:
		gpa = r->hr_desc + 2 * (fuzz_u16(fz) % (8 * r->hr_qsize));
		break;
	case 2:
		gpa = r->hr_avail + 2 * fuzz_below(fz, 2 + r->hr_qsize);
		break;
	case 3:
		gpa = r->hr_used + 2 * fuzz_byte(fz);
		break;
	default:
		gpa = roundup(g->hg_txbrk, 2) + 2 * fuzz_below(fz, 64);
		break;
	}
	one = hv_peek16(g, gpa);
	scribble(g, gpa, one, fuzz_below(fz, 2) == 0 ? fuzz_u16(fz) :
	    one + fuzz_byte(fz));
}

void
fuzz_init(void)
{
	fsk_file_t *l;

	scribbler.sc_asked = scribbler.sc_seen = 0;
	scribbler.sc_stop = B_FALSE;
	scribbler.sc_thread = fkh_thread_create("scribble", scribble_main,
	    NULL);

	hv_begin();
	witness = hv_guest_boot(CID_WITNESS, HV_F_VERSION_1);
	l = hv_listen(HPORT_WITNESS, 1);
	witness_sock = hv_open(witness, l, GPORT, HPORT_WITNESS);
	VERIFY0(fsk_close(l));
}

void
fuzz_fini(void)
{
	VERIFY0(fsk_close(witness_sock));
	hv_guest_destroy(witness);
	hv_end();
	scribbler.sc_stop = B_TRUE;
	__atomic_add_fetch(&scribbler.sc_asked, 1, __ATOMIC_RELEASE);
	fkh_futex_wake(&scribbler.sc_asked, 1);
	fkh_thread_join(scribbler.sc_thread);
}

/* An address in guest memory, near the end of it or of a page, or anywhere. */
static uint64_t
fuzz_gpa(fuzz_t *fz)
{
	switch (fuzz_below(fz, 8)) {
	case 0:
		return (fuzz_u64(fz));
	case 1:
		return (HV_RAM + HV_RAM_SIZE - fuzz_byte(fz));
	case 2:
		return (HV_ROM + fuzz_u16(fz));
	case 3:
		return (UINT64_MAX - fuzz_u16(fz));
	case 4:
		return (HV_RAM + fuzz_byte(fz) * PAGESIZE - fuzz_below(fz, 50));
	default:
		return (HV_RAM + fuzz_u16(fz) * 16);
	}
}

/* Write into the ring: a descriptor, the avail ring, any 16 bits. */
static void
fuzz_ring(fuzz_t *fz, hv_guest_t *g)
{
	uint_t ring = fuzz_below(fz, VIRTIO_VSOCK_NQUEUES);
	hv_ring_t *r = &g->hg_ring[ring];
	uint64_t gpa;
	uint32_t len;

	switch (fuzz_below(fz, 5)) {
	case 0:
		gpa = fuzz_gpa(fz);
		len = fuzz_edge(fz);
		hv_desc(g, ring, fuzz_byte(fz) % r->hr_qsize, gpa, len,
		    fuzz_below(fz, 16), fuzz_byte(fz));
		break;
	case 1:
		hv_poke16(g, r->hr_avail + 4 +
		    2 * (r->hr_avail_idx % r->hr_qsize), fuzz_u16(fz));
		break;
	case 2:
		r->hr_avail_idx += fuzz_byte(fz);
		hv_poke16(g, r->hr_avail + 2, r->hr_avail_idx);
		break;
	case 3:
		hv_poke16(g, r->hr_avail, fuzz_byte(fz));
		break;
	default:
		gpa = r->hr_desc + fuzz_u16(fz) % 0x7000;
		hv_poke16(g, gpa, fuzz_u16(fz));
		break;
	}
}

/* A packet as it should be, but for a few fields; in pieces of any size. */
static void
fuzz_packet(fuzz_t *fz, hv_guest_t *g)
{
	uint8_t what = fuzz_byte(fz);
	virtio_vsock_hdr_t hdr = hv_pkt(g, fuzz_below(fz, 10),
	    GPORT + (what & 3), HPORT + (what >> 2 & 1));
	uint32_t room, pieces[4];
	uint64_t gpa;

	if ((what & 0x10) != 0)
		hdr.vvh_len = fuzz_edge(fz);
	else if (hdr.vvh_op == VIRTIO_VSOCK_OP_RW)
		hdr.vvh_len = fuzz_byte(fz) * 32;
	if ((what & 0x20) != 0)
		hdr.vvh_flags = fuzz_edge(fz);
	if ((what & 0x40) != 0) {
		hdr.vvh_buf_alloc = fuzz_edge(fz);
		hdr.vvh_fwd_cnt = fuzz_edge(fz);
	}
	if (what >= 0xf0) {
		hdr.vvh_type = fuzz_byte(fz);
		hdr.vvh_src_cid = fuzz_u64(fz);
		hdr.vvh_dst_cid = fuzz_edge(fz);
	} else if (what >= 0xa0) {
		hdr.vvh_type = VIRTIO_VSOCK_TYPE_SEQPACKET;
	}
	room = MIN(hdr.vvh_len, 0x11000);
	if ((what & 0x80) != 0)
		room = fuzz_u16(fz) % 0x3000;
	gpa = hv_txalloc(g, VIRTIO_VSOCK_HDR_SIZE + room);
	hv_poke(g, gpa, &hdr, VIRTIO_VSOCK_HDR_SIZE);
	for (uint_t i = 0; i < 4; i++)
		pieces[i] = 1 + fuzz_byte(fz) * (1 + fuzz_below(fz, 16));
	pieces[3] = MAX(pieces[3], 0x2000);
	(void) hv_chain(g, HV_TX, gpa, VIRTIO_VSOCK_HDR_SIZE + room, pieces,
	    4);
}

static void
fuzz_ioctl(fuzz_t *fz, hv_guest_t *g)
{
	union {
		vsockhv_ring_init_t	init;
		vsockhv_ring_msi_t	msi;
		vsockhv_ports_t		ports;
		vsockhv_create_t	create;
		uint64_t		features;
		uint32_t		intr;
	} u = { 0 };
	uint_t ring = fuzz_below(fz, VIRTIO_VSOCK_NQUEUES + 1);

	switch (fuzz_below(fz, 16)) {
	case 0:
		u.init.vri_index = ring;
		u.init.vri_qsize = 1U << fuzz_below(fz, 17);
		u.init.vri_avail_idx = fuzz_u16(fz);
		u.init.vri_used_idx = fuzz_u16(fz);
		u.init.vri_desc = fuzz_gpa(fz);
		u.init.vri_avail = fuzz_gpa(fz);
		u.init.vri_used = fuzz_gpa(fz);
		(void) hv_ioctl(g, VSOCKHV_RING_INIT, (intptr_t)&u);
		break;
	case 1:
		if (ring < VIRTIO_VSOCK_NQUEUES)
			(void) hv_ring_init(g, ring);
		break;
	case 2:
		(void) hv_ioctl(g, VSOCKHV_RING_RESET, ring);
		break;
	case 3:
		(void) hv_ioctl(g, VSOCKHV_RING_PAUSE, ring);
		break;
	case 4:
		(void) hv_ioctl(g, VSOCKHV_RING_RESUME, ring);
		break;
	case 5:
		u.init.vri_index = ring;
		if (hv_ioctl(g, VSOCKHV_RING_GET_STATE, (intptr_t)&u) == 0 &&
		    ring < VIRTIO_VSOCK_NQUEUES &&
		    hv_ioctl(g, VSOCKHV_RING_RESET, ring) == 0)
			(void) hv_ioctl(g, VSOCKHV_RING_INIT, (intptr_t)&u);
		break;
	case 6:
		(void) hv_ioctl(g, VSOCKHV_RESET, 0);
		break;
	case 7:
		(void) hv_ioctl(g, VSOCKHV_SEND_RESET, 0);
		break;
	case 8:
		u.features = (fuzz_byte(fz) & 7) |
		    (uint64_t)fuzz_byte(fz) << 28;
		(void) hv_ioctl(g, VSOCKHV_SET_FEATURES, (intptr_t)&u);
		break;
	case 9:
		u.msi.vrm_index = ring;
		(void) hv_ioctl(g, VSOCKHV_RING_SET_MSI, (intptr_t)&u);
		break;
	case 10:
		u.ports.vp_restrict = fuzz_below(fz, 2);
		u.ports.vp_n = fuzz_below(fz, VSOCKHV_MAX_PORTS + 2);
		for (uint_t i = 0; i < MIN(u.ports.vp_n, 3); i++) {
			u.ports.vp_range[i].vp_first = fuzz_u16(fz);
			u.ports.vp_range[i].vp_last = fuzz_u16(fz);
		}
		(void) hv_ioctl(g, VSOCKHV_SET_PORTS, (intptr_t)&u);
		break;
	case 11:
		u.create.vc_guest_cid = CID;
		u.create.vc_vmfd = fvm_fd(g->hg_vm);
		(void) hv_ioctl(g, VSOCKHV_CREATE, (intptr_t)&u);
		break;
	case 12:
		(void) hv_ioctl(g, VSOCKHV_RING_INTR_CLR, ring);
		(void) hv_ioctl(g, VSOCKHV_INTR_POLL, (intptr_t)&u);
		break;
	case 13:
		(void) hv_ioctl(g, VSOCKHV_IOC | fuzz_byte(fz), 8);
		break;
	default:
		/* The device as it should be, so that it goes on. */
		(void) hv_ioctl(g, VSOCKHV_RESET, 0);
		hv_driver_start(g, HV_F_VERSION_1 |
		    (fuzz_below(fz, 2) != 0 ? HV_F_INDIRECT : 0));
		break;
	}
}

static void
fuzz_socket(fuzz_t *fz, fsk_file_t *l, fsk_file_t **socks)
{
	fsk_file_t **sp = &socks[fuzz_below(fz, SOCKS)];
	struct sockaddr_vm svm = {
		.svm_family	= AF_VSOCK,
		.svm_cid	= CID,
		.svm_port	= GPORT + fuzz_below(fz, 4)
	};
	uint8_t buf[4096] = { 0 };
	size_t n;

	if (*sp == NULL) {
		if (fuzz_below(fz, 2) == 0) {
			VERIFY0(fsk_socket(AF_VSOCK, SOCK_STREAM, 0, sp));
			fsk_set_nonblock(*sp, true);
			(void) fsk_connect(*sp, &svm, sizeof (svm));
		} else if (fsk_accept(l, NULL, NULL, sp) == 0) {
			fsk_set_nonblock(*sp, true);
		} else {
			*sp = NULL;
		}
		return;
	}
	switch (fuzz_below(fz, 4)) {
	case 0:
		(void) fsk_send(*sp, buf, fuzz_u16(fz) % sizeof (buf), 0, &n);
		break;
	case 1:
		(void) fsk_recv(*sp, buf, fuzz_u16(fz) % sizeof (buf), 0, &n);
		break;
	case 2:
		(void) fsk_shutdown(*sp, fuzz_below(fz, 3));
		break;
	default:
		VERIFY0(fsk_close(*sp));
		*sp = NULL;
		break;
	}
}

void
fuzz_one(fuzz_t *fz)
{
	hv_guest_t *g = hv_guest_create(CID);
	fsk_file_t *l = hv_listen(HPORT, 3);
	fsk_file_t *socks[SOCKS] = { NULL };
	uint_t ops = 0;

	g->hg_type = VIRTIO_VSOCK_TYPE_STREAM;
	hv_driver_start(g, HV_F_VERSION_1 | (fuzz_below(fz, 2) != 0 ?
	    HV_F_INDIRECT : 0) | (fuzz_below(fz, 2) != 0 ?
	    HV_F_EVENT_IDX : 0));
	while (fuzz_more(fz) && ops++ < OPS) {
		switch (fuzz_below(fz, 16)) {
		case 0: case 1: case 2:
			fuzz_ring(fz, g);
			break;
		case 3: case 4: case 5: case 6:
			fuzz_packet(fz, g);
			break;
		case 7: case 8: case 9:
			(void) hv_ioctl(g, VSOCKHV_RING_KICK,
			    fuzz_below(fz, VIRTIO_VSOCK_NQUEUES + 1));
			break;
		case 10:
			hv_settle();
			break;
		case 11:
			fuzz_ioctl(fz, g);
			break;
		case 12: case 13:
			fuzz_socket(fz, l, socks);
			break;
		case 14:
			switch (fuzz_below(fz, 8)) {
			case 0:
				fvm_expire_leases(g->hg_vm);
				break;
			case 1:
				fk_fail_nth(1 + fuzz_below(fz, 16));
				break;
			case 2:
				fk_time_advance(fuzz_byte(fz) * 20 *
				    (NANOSEC / MILLISEC));
				break;
			case 3:
				fvm_unmap_all(g->hg_vm);
				(void) fvm_map(g->hg_vm, HV_RAM, g->hg_mem,
				    HV_RAM_SIZE, true);
				break;
			case 4: case 5:
				fuzz_scribble(fz, g);
				break;
			default:
				scribble(NULL, 0, 0, 0);
				break;
			}
			break;
		default:
			/* Have it look at what was queued: the usual case. */
			(void) hv_ioctl(g, VSOCKHV_RING_KICK, HV_TX);
			(void) hv_ioctl(g, VSOCKHV_RING_KICK, HV_RX);
			hv_settle();
			break;
		}
	}
	scribble(NULL, 0, 0, 0);
	fk_fail_nth(0);
	hv_settle();
	hv_check_alive(witness, witness_sock, GPORT, HPORT_WITNESS);
	witness->hg_fwd_cnt += 4;
	for (uint_t i = 0; i < SOCKS; i++) {
		if (socks[i] != NULL)
			VERIFY0(fsk_close(socks[i]));
	}
	VERIFY0(fsk_close(l));
	hv_guest_destroy(g);
	fk_time_advance(60ULL * NANOSEC);
	hv_expect_none(witness);
}
