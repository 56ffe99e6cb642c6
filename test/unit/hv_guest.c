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
 * The hand-made guest of hv_guest.h.
 *
 * Its rings are placed so that their parts begin near the end of a page, and
 * the elements of the used ring lie across one.  A guest is used by one thread;
 * only the interrupt count is written by others.
 */

#include <sys/cred.h>
#include <sys/file.h>
#include <sys/kmem.h>
#include <sys/param.h>
#include <sys/sysmacros.h>
#include <fkhost.h>
#include "hv_guest.h"

#define	HV_RING_AREA	0x8000		/* for each ring */
#define	HV_HEAP		0x20000		/* hv_alloc() */
#define	HV_TXHEAP	0x300000	/* packets to be sent */
#define	HV_MSI_ADDR	0xfee00000

/* ThreadSanitizer does not look: a guest needs no permission. */
#define	HV_UNSEEN	__attribute__((no_sanitize("thread"), noinline))

static hv_guest_t *hv_guests;
int hv_socktype = SOCK_STREAM;

/*
 * Memory
 */

static volatile uint8_t *
hv_hva(hv_guest_t *g, uint64_t gpa, size_t len)
{
	VERIFY3U(gpa, >=, HV_RAM);
	VERIFY3U(gpa + len, <=, HV_RAM + HV_RAM_SIZE);
	return (g->hg_mem + (gpa - HV_RAM));
}

HV_UNSEEN void
hv_poke(hv_guest_t *g, uint64_t gpa, const void *buf, size_t len)
{
	volatile uint8_t *p = hv_hva(g, gpa, len);
	const uint8_t *b = buf;

	for (size_t i = 0; i < len; i++)
		p[i] = b[i];
}

HV_UNSEEN void
hv_peek(hv_guest_t *g, uint64_t gpa, void *buf, size_t len)
{
	volatile uint8_t *p = hv_hva(g, gpa, len);
	uint8_t *b = buf;

	for (size_t i = 0; i < len; i++)
		b[i] = p[i];
}

HV_UNSEEN void
hv_poke16(hv_guest_t *g, uint64_t gpa, uint16_t val)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	*(volatile uint16_t *)hv_hva(g, gpa, sizeof (val)) = val;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

HV_UNSEEN uint16_t
hv_peek16(hv_guest_t *g, uint64_t gpa)
{
	uint16_t val = *(volatile uint16_t *)hv_hva(g, gpa, sizeof (val));

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return (val);
}

uint64_t
hv_alloc(hv_guest_t *g, size_t len)
{
	uint64_t gpa = g->hg_brk;

	g->hg_brk += roundup(len, 64);
	VERIFY3U(g->hg_brk, <=, HV_RAM + HV_TXHEAP);
	return (gpa);
}

uint64_t
hv_txalloc(hv_guest_t *g, size_t len)
{
	uint64_t gpa;

	if (g->hg_txbrk + len + 7 > HV_RAM + HV_RAM_SIZE)
		g->hg_txbrk = HV_RAM + HV_TXHEAP;
	gpa = g->hg_txbrk;
	g->hg_txbrk += len + 7;
	return (gpa);
}

/*
 * The device
 */

void
hv_begin(void)
{
	VERIFY0(fsk_sockconfig(AF_VSOCK, SOCK_STREAM, 0, "vsock"));
	VERIFY0(fsk_sockconfig(AF_VSOCK, SOCK_SEQPACKET, 0, "vsock"));
	VERIFY0(fk_modload("vsockhv"));
}

void
hv_end(void)
{
	hv_settle();
	VERIFY3P(hv_guests, ==, NULL);
	VERIFY0(fsk_sockunconfig(AF_VSOCK, SOCK_STREAM, 0));
	VERIFY0(fsk_sockunconfig(AF_VSOCK, SOCK_SEQPACKET, 0));
	VERIFY0(fk_modunload("vsockhv"));
}

static void
hv_msi(void *arg, uint64_t addr, uint64_t msg)
{
	hv_guest_t *g = arg;

	VERIFY3U(addr, ==, HV_MSI_ADDR);
	VERIFY3U(msg, <, VIRTIO_VSOCK_NQUEUES);
	__atomic_add_fetch(&g->hg_ring[msg].hr_msis, 1, __ATOMIC_RELAXED);
}

int
hv_ioctl(hv_guest_t *g, int cmd, intptr_t arg)
{
	int rv = 0;

	return (fk_ioctl(g->hg_dev, cmd, arg, &rv));
}

uint64_t
hv_stat(hv_guest_t *g, const char *name, const char *stat)
{
	uint64_t val;

	VERIFY0(fk_kstat_value("vsockhv", g->hg_instance, name, stat, &val));
	return (val);
}

uint32_t
hv_intr(hv_guest_t *g)
{
	uint32_t intr;

	VERIFY0(hv_ioctl(g, VSOCKHV_INTR_POLL, (intptr_t)&intr));
	return (intr);
}

/* The instance whose kstats no other guest of ours has. */
static int
hv_instance(void)
{
	uint64_t val;
	hv_guest_t *g;

	for (int i = 1; i < 1000; i++) {
		for (g = hv_guests; g != NULL; g = g->hg_next) {
			if (g->hg_instance == i)
				break;
		}
		if (g == NULL && fk_kstat_value("vsockhv", i, "rings", "kicks",
		    &val) == 0)
			return (i);
	}
	panic("no kstats");
}

hv_guest_t *
hv_guest_create(uint32_t cid)
{
	return (hv_guest_create_as(cid, kcred));
}

hv_guest_t *
hv_guest_create_as(uint32_t cid, cred_t *cr)
{
	vsockhv_create_t vc = { .vc_guest_cid = cid };
	hv_guest_t *g;

	g = kmem_zalloc(sizeof (*g), KM_SLEEP);
	g->hg_cid = cid;
	g->hg_mem = fkh_shmem_create("guest", HV_RAM_SIZE + PAGESIZE,
	    &g->hg_memfd);
	g->hg_brk = g->hg_brk0 = HV_RAM + HV_HEAP;
	g->hg_txbrk = HV_RAM + HV_TXHEAP;
	g->hg_nrx = 8;
	g->hg_rxbuf = 4096;
	g->hg_rxpiece = 4096;
	g->hg_buf_alloc = 64 * 1024;
	g->hg_type = VIRTIO_VSOCK_TYPE_STREAM;
	for (uint_t i = 0; i < VIRTIO_VSOCK_NQUEUES; i++) {
		uint64_t area = HV_RAM + i * HV_RING_AREA;

		g->hg_ring[i].hr_qsize = HV_QSIZE;
		g->hg_ring[i].hr_desc = area + 0xe00;
		g->hg_ring[i].hr_avail = area + 0x3ff0;
		g->hg_ring[i].hr_used = area + 0x5ff8;
	}

	VERIFY0(fvm_create("guest", hv_msi, g, &g->hg_vm));
	VERIFY0(fvm_map(g->hg_vm, HV_RAM, g->hg_mem, HV_RAM_SIZE, true));
	VERIFY0(fvm_map(g->hg_vm, HV_ROM, g->hg_mem + HV_RAM_SIZE, PAGESIZE,
	    false));
	VERIFY0(fk_open_as("/dev/vsockhv", FREAD | FWRITE, cr, &g->hg_dev));
	vc.vc_vmfd = fvm_fd(g->hg_vm);
	VERIFY0(hv_ioctl(g, VSOCKHV_CREATE, (intptr_t)&vc));
	g->hg_instance = hv_instance();
	g->hg_next = hv_guests;
	hv_guests = g;
	return (g);
}

void
hv_guest_destroy(hv_guest_t *g)
{
	hv_guest_t **gp;

	for (gp = &hv_guests; *gp != g; gp = &(*gp)->hg_next)
		continue;
	*gp = g->hg_next;
	if (g->hg_dev != NULL)
		VERIFY0(fk_close(g->hg_dev));
	if (g->hg_vm != NULL)
		fvm_destroy(g->hg_vm);
	fkh_shmem_destroy(g->hg_mem, HV_RAM_SIZE + PAGESIZE, g->hg_memfd);
	kmem_free(g, sizeof (*g));
}

int
hv_ring_init(hv_guest_t *g, uint_t ring)
{
	hv_ring_t *r = &g->hg_ring[ring];
	vsockhv_ring_init_t vri = {
		.vri_index	= ring,
		.vri_qsize	= r->hr_qsize,
		.vri_avail_idx	= r->hr_avail_idx,
		.vri_used_idx	= r->hr_used_idx,
		.vri_desc	= r->hr_desc,
		.vri_avail	= r->hr_avail,
		.vri_used	= r->hr_used
	};

	return (hv_ioctl(g, VSOCKHV_RING_INIT, (intptr_t)&vri));
}

void
hv_driver_start(hv_guest_t *g, uint64_t features)
{
	uint64_t gpa;

	VERIFY0(hv_ioctl(g, VSOCKHV_SET_FEATURES, (intptr_t)&features));
	g->hg_features = features;
	for (uint_t i = 0; i < VIRTIO_VSOCK_NQUEUES; i++) {
		hv_ring_t *r = &g->hg_ring[i];
		vsockhv_ring_msi_t msi = {
			.vrm_index	= i,
			.vrm_addr	= HV_MSI_ADDR,
			.vrm_msg	= i
		};

		for (gpa = r->hr_desc;
		    gpa < HV_RAM + (i + 1) * HV_RING_AREA; gpa += 2)
			hv_poke16(g, gpa, 0);
		r->hr_avail_idx = r->hr_used_idx = r->hr_kick_idx = 0;
		r->hr_next_desc = r->hr_out = 0;
		VERIFY0(hv_ring_init(g, i));
		VERIFY0(hv_ioctl(g, VSOCKHV_RING_SET_MSI, (intptr_t)&msi));
	}
	hv_settle();
	hv_rx_post(g, g->hg_nrx);
	for (uint_t i = 0; i < 4; i++)
		(void) hv_chain(g, HV_EV, hv_alloc(g, 4), 4, NULL, 0);
}

hv_guest_t *
hv_guest_boot(uint32_t cid, uint64_t features)
{
	hv_guest_t *g = hv_guest_create(cid);

	g->hg_indirect = (features & HV_F_INDIRECT) != 0;
	hv_driver_start(g, features);
	return (g);
}

/*
 * Rings
 */

void
hv_desc(hv_guest_t *g, uint_t ring, uint_t i, uint64_t gpa, uint32_t len,
    uint16_t flags, uint16_t next)
{
	hv_wire_desc_t wd = { gpa, len, flags, next };

	hv_poke(g, g->hg_ring[ring].hr_desc + i * sizeof (wd), &wd,
	    sizeof (wd));
}

void
hv_avail(hv_guest_t *g, uint_t ring, uint16_t head)
{
	hv_ring_t *r = &g->hg_ring[ring];

	hv_poke16(g, r->hr_avail + 4 + 2 * (r->hr_avail_idx % r->hr_qsize),
	    head);
	r->hr_avail_idx++;
	r->hr_out++;
	hv_poke16(g, r->hr_avail + 2, r->hr_avail_idx);
}

void
hv_kick(hv_guest_t *g, uint_t ring)
{
	VERIFY0(hv_ioctl(g, VSOCKHV_RING_KICK, ring));
}

boolean_t
hv_notify(hv_guest_t *g, uint_t ring)
{
	hv_ring_t *r = &g->hg_ring[ring];
	uint16_t new = r->hr_avail_idx, old = r->hr_kick_idx, event;

	r->hr_kick_idx = new;
	if ((g->hg_features & HV_F_EVENT_IDX) != 0) {
		event = hv_peek16(g, r->hr_used + 4 + 8 * r->hr_qsize);
		if ((uint16_t)(new - event - 1) >= (uint16_t)(new - old))
			return (B_FALSE);
	} else if ((hv_peek16(g, r->hr_used) & 1) != 0) {
		return (B_FALSE);
	}
	hv_kick(g, ring);
	return (B_TRUE);
}

boolean_t
hv_used(hv_guest_t *g, uint_t ring, uint32_t *id, uint32_t *len)
{
	hv_ring_t *r = &g->hg_ring[ring];
	uint64_t gpa = r->hr_used + 4 + 8 * (r->hr_used_idx % r->hr_qsize);

	if (hv_peek16(g, r->hr_used + 2) == r->hr_used_idx)
		return (B_FALSE);
	VERIFY3U(r->hr_out, >, 0);
	r->hr_out--;
	r->hr_used_idx++;
	hv_peek(g, gpa, id, sizeof (*id));
	hv_peek(g, gpa + 4, len, sizeof (*len));
	VERIFY3U(*id, <, r->hr_qsize);
	/* Interrupt for the next one. */
	if ((g->hg_features & HV_F_EVENT_IDX) != 0) {
		hv_poke16(g, r->hr_avail + 4 + 2 * r->hr_qsize,
		    r->hr_used_idx);
	}
	return (B_TRUE);
}

uint16_t
hv_chain(hv_guest_t *g, uint_t ring, uint64_t gpa, uint32_t len,
    const uint32_t *pieces, uint_t npieces)
{
	const uint16_t dir = (ring == HV_TX) ? 0 : HV_D_WRITE;
	hv_ring_t *r = &g->hg_ring[ring];
	uint_t first = r->hr_next_desc, n = 0, slot;
	uint64_t table = 0;
	uint32_t size;

	/* A table that lies across two pages. */
	if (g->hg_indirect) {
		table = hv_txalloc(g, (r->hr_qsize + 1) *
		    sizeof (hv_wire_desc_t) + PAGESIZE);
		table = roundup(table, PAGESIZE) - sizeof (hv_wire_desc_t);
	}
	do {
		size = len;
		if (npieces != 0)
			size = MIN(len, pieces[MIN(n, npieces - 1)]);
		len -= size;
		if (g->hg_indirect) {
			hv_wire_desc_t wd = { gpa, size,
			    dir | (len != 0 ? HV_D_NEXT : 0), n + 1 };

			hv_poke(g, table + n * sizeof (wd), &wd, sizeof (wd));
		} else {
			slot = (first + n) % r->hr_qsize;
			hv_desc(g, ring, slot, gpa, size,
			    dir | (len != 0 ? HV_D_NEXT : 0),
			    (slot + 1) % r->hr_qsize);
		}
		gpa += size;
		n++;
		VERIFY3U(n, <=, r->hr_qsize);
	} while (len != 0);
	if (g->hg_indirect) {
		hv_desc(g, ring, first, table, n * sizeof (hv_wire_desc_t),
		    HV_D_INDIRECT, 0);
		n = 1;
	}
	r->hr_next_desc = (first + n) % r->hr_qsize;
	hv_avail(g, ring, first);
	return (first);
}

void
hv_rx_post(hv_guest_t *g, uint_t n)
{
	hv_ring_t *r = &g->hg_ring[HV_RX];
	boolean_t indirect = g->hg_indirect;
	uint64_t gpa;

	/* They stay where they are, and the tables of hv_chain() do not. */
	g->hg_indirect = B_FALSE;
	while (r->hr_out < n) {
		gpa = hv_alloc(g, g->hg_rxbuf + 64) + 21;
		g->hg_rxaddr[hv_chain(g, HV_RX, gpa, g->hg_rxbuf,
		    &g->hg_rxpiece, 1)] = gpa;
	}
	g->hg_indirect = indirect;
	(void) hv_notify(g, HV_RX);
}

/*
 * Packets
 */

virtio_vsock_hdr_t
hv_pkt(hv_guest_t *g, uint16_t op, uint32_t gport, uint32_t hport)
{
	virtio_vsock_hdr_t hdr = {
		.vvh_src_cid	= g->hg_cid,
		.vvh_dst_cid	= VMADDR_CID_HOST,
		.vvh_src_port	= gport,
		.vvh_dst_port	= hport,
		.vvh_type	= g->hg_type,
		.vvh_op		= op,
		.vvh_buf_alloc	= g->hg_buf_alloc,
		.vvh_fwd_cnt	= g->hg_fwd_cnt
	};

	return (hdr);
}

void
hv_queue(hv_guest_t *g, const virtio_vsock_hdr_t *hdr, const void *data)
{
	uint32_t len = (data == NULL) ? 0 : hdr->vvh_len;
	const uint32_t pieces[] = { VIRTIO_VSOCK_HDR_SIZE, MAX(len, 1) };
	uint64_t gpa = hv_txalloc(g, VIRTIO_VSOCK_HDR_SIZE + len);

	hv_poke(g, gpa, hdr, VIRTIO_VSOCK_HDR_SIZE);
	hv_poke(g, gpa + VIRTIO_VSOCK_HDR_SIZE, data, len);
	(void) hv_chain(g, HV_TX, gpa, VIRTIO_VSOCK_HDR_SIZE + len, pieces, 2);
}

uint_t
hv_reap(hv_guest_t *g)
{
	uint32_t id, len;
	uint_t n = 0;

	(void) hv_notify(g, HV_TX);
	hv_settle();
	while (hv_used(g, HV_TX, &id, &len)) {
		VERIFY0(len);
		n++;
	}
	return (n);
}

void
hv_flush(hv_guest_t *g)
{
	(void) hv_reap(g);
	VERIFY0(g->hg_ring[HV_TX].hr_out);
}

void
hv_send(hv_guest_t *g, const virtio_vsock_hdr_t *hdr, const void *data)
{
	hv_queue(g, hdr, data);
	hv_flush(g);
}

void
hv_send_op(hv_guest_t *g, uint16_t op, uint32_t gport, uint32_t hport)
{
	virtio_vsock_hdr_t hdr = hv_pkt(g, op, gport, hport);

	hv_send(g, &hdr, NULL);
}

void
hv_send_data(hv_guest_t *g, uint32_t gport, uint32_t hport, const void *data,
    uint32_t len)
{
	virtio_vsock_hdr_t hdr = hv_pkt(g, VIRTIO_VSOCK_OP_RW, gport, hport);

	hdr.vvh_len = len;
	if (g->hg_type == VIRTIO_VSOCK_TYPE_SEQPACKET)
		hdr.vvh_flags = VIRTIO_VSOCK_SEQ_EOM;
	hv_send(g, &hdr, data);
}

void
hv_send_piece(hv_guest_t *g, uint32_t gport, uint32_t hport, const void *data,
    uint32_t len, uint32_t flags)
{
	virtio_vsock_hdr_t hdr = hv_pkt(g, VIRTIO_VSOCK_OP_RW, gport, hport);

	hdr.vvh_len = len;
	hdr.vvh_flags = flags;
	hv_send(g, &hdr, len == 0 ? NULL : data);
}

boolean_t
hv_recv(hv_guest_t *g, hv_packet_t *p)
{
	uint32_t id, len;

	hv_settle();
	if (!hv_used(g, HV_RX, &id, &len))
		return (B_FALSE);
	VERIFY3U(len, >=, VIRTIO_VSOCK_HDR_SIZE);
	hv_peek(g, g->hg_rxaddr[id], &p->p_hdr, VIRTIO_VSOCK_HDR_SIZE);
	VERIFY3U(len, ==, VIRTIO_VSOCK_HDR_SIZE + p->p_hdr.vvh_len);
	hv_peek(g, g->hg_rxaddr[id] + VIRTIO_VSOCK_HDR_SIZE, p->p_data,
	    p->p_hdr.vvh_len);
	if (!g->hg_rxkeep) {
		hv_avail(g, HV_RX, id);
		(void) hv_notify(g, HV_RX);
	}
	return (B_TRUE);
}

static void
hv_check_addr(hv_guest_t *g, const virtio_vsock_hdr_t *hdr, uint32_t gport,
    uint32_t hport)
{
	VERIFY3U(hdr->vvh_src_cid, ==, VMADDR_CID_HOST);
	VERIFY3U(hdr->vvh_dst_cid, ==, g->hg_cid);
	VERIFY3U(hdr->vvh_src_port, ==, hport);
	VERIFY3U(hdr->vvh_dst_port, ==, gport);
}

virtio_vsock_hdr_t
hv_expect(hv_guest_t *g, uint16_t op, uint32_t gport, uint32_t hport)
{
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);
	virtio_vsock_hdr_t hdr;

	VERIFY(hv_recv(g, p));
	hdr = p->p_hdr;
	kmem_free(p, sizeof (*p));
	VERIFY3U(hdr.vvh_op, ==, op);
	hv_check_addr(g, &hdr, gport, hport);
	return (hdr);
}

void
hv_expect_none(hv_guest_t *g)
{
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);

	if (hv_recv(g, p))
		panic("unexpected packet, op %u", p->p_hdr.vvh_op);
	kmem_free(p, sizeof (*p));
}

void
hv_expect_data(hv_guest_t *g, uint32_t gport, uint32_t hport, const void *data,
    size_t len)
{
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);
	const uint8_t *b = data;
	size_t done = 0;

	while (done < len) {
		VERIFY(hv_recv(g, p));
		if (p->p_hdr.vvh_op == VIRTIO_VSOCK_OP_CREDIT_UPDATE)
			continue;
		VERIFY3U(p->p_hdr.vvh_op, ==, VIRTIO_VSOCK_OP_RW);
		hv_check_addr(g, &p->p_hdr, gport, hport);
		VERIFY3U(p->p_hdr.vvh_len, <=, len - done);
		VERIFY0(bcmp(p->p_data, b + done, p->p_hdr.vvh_len));
		done += p->p_hdr.vvh_len;
	}
	kmem_free(p, sizeof (*p));
}

void
hv_expect_record(hv_guest_t *g, uint32_t gport, uint32_t hport,
    const void *data, size_t len, uint32_t flags)
{
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);
	const uint8_t *b = data;
	size_t done = 0;

	while (done < len) {
		VERIFY(hv_recv(g, p));
		if (p->p_hdr.vvh_op == VIRTIO_VSOCK_OP_CREDIT_UPDATE)
			continue;
		VERIFY3U(p->p_hdr.vvh_op, ==, VIRTIO_VSOCK_OP_RW);
		VERIFY3U(p->p_hdr.vvh_type, ==, VIRTIO_VSOCK_TYPE_SEQPACKET);
		hv_check_addr(g, &p->p_hdr, gport, hport);
		VERIFY3U(p->p_hdr.vvh_len, <=, len - done);
		VERIFY0(bcmp(p->p_data, b + done, p->p_hdr.vvh_len));
		done += p->p_hdr.vvh_len;
		VERIFY3U(p->p_hdr.vvh_flags, ==, done < len ? 0 : flags);
	}
	kmem_free(p, sizeof (*p));
}

/*
 * Sockets of the host
 */

static fsk_file_t *
hv_socket(void)
{
	fsk_file_t *f;

	VERIFY0(fsk_socket(AF_VSOCK, hv_socktype, 0, &f));
	fsk_set_nonblock(f, true);
	return (f);
}

fsk_file_t *
hv_listen(uint32_t port, int backlog)
{
	struct sockaddr_vm svm = {
		.svm_family	= AF_VSOCK,
		.svm_cid	= VMADDR_CID_ANY,
		.svm_port	= port
	};
	fsk_file_t *f = hv_socket();

	VERIFY0(fsk_bind(f, &svm, sizeof (svm)));
	VERIFY0(fsk_listen(f, backlog));
	return (f);
}

fsk_file_t *
hv_accept(fsk_file_t *listener)
{
	fsk_file_t *f;

	VERIFY0(fsk_accept(listener, NULL, NULL, &f));
	fsk_set_nonblock(f, true);
	return (f);
}

fsk_file_t *
hv_connect(uint32_t cid, uint32_t port)
{
	struct sockaddr_vm svm = {
		.svm_family	= AF_VSOCK,
		.svm_cid	= cid,
		.svm_port	= port
	};
	fsk_file_t *f = hv_socket();

	VERIFY3S(fsk_connect(f, &svm, sizeof (svm)), ==, EINPROGRESS);
	return (f);
}

uint32_t
hv_port(fsk_file_t *f)
{
	struct sockaddr_vm svm;
	uint32_t len = sizeof (svm);

	VERIFY0(fsk_getsockname(f, &svm, &len));
	return (svm.svm_port);
}

void
hv_read(fsk_file_t *f, const void *data, size_t len)
{
	const uint8_t *b = data;
	uint8_t buf[1024];
	size_t done = 0, n;

	while (done < len) {
		VERIFY0(fsk_recv(f, buf, MIN(sizeof (buf), len - done), 0, &n));
		VERIFY3U(n, >, 0);
		VERIFY0(bcmp(buf, b + done, n));
		done += n;
	}
}

void
hv_read_end(fsk_file_t *f, int error)
{
	uint8_t byte;
	size_t n;

	VERIFY3S(fsk_recv(f, &byte, 1, 0, &n), ==, error);
	VERIFY0(n);
}

void
hv_write(fsk_file_t *f, const void *data, size_t len)
{
	size_t n;

	VERIFY0(fsk_send(f, data, len, 0, &n));
	VERIFY3U(n, ==, len);
}

void
hv_read_record(fsk_file_t *f, const void *data, size_t len, boolean_t eor)
{
	uint8_t *buf = kmem_alloc(len + 1, KM_SLEEP);
	fsk_iov_t iov = { .fi_base = buf, .fi_len = len + 1 };
	int flags = 0;
	size_t n;

	VERIFY0(fsk_recvv(f, &iov, 1, &flags, &n));
	VERIFY3U(n, ==, len);
	VERIFY3S(flags, ==, eor ? MSG_EOR : 0);
	VERIFY0(bcmp(buf, data, len));
	kmem_free(buf, len + 1);
}

fsk_file_t *
hv_open(hv_guest_t *g, fsk_file_t *listener, uint32_t gport, uint32_t hport)
{
	virtio_vsock_hdr_t hdr;

	hv_send_op(g, VIRTIO_VSOCK_OP_REQUEST, gport, hport);
	hdr = hv_expect(g, VIRTIO_VSOCK_OP_RESPONSE, gport, hport);
	VERIFY3U(hdr.vvh_buf_alloc, >, 0);
	VERIFY0(hdr.vvh_fwd_cnt);
	VERIFY0(hdr.vvh_len);
	return (hv_accept(listener));
}

void
hv_check_alive(hv_guest_t *g, fsk_file_t *f, uint32_t gport, uint32_t hport)
{
	hv_send_data(g, gport, hport, "ping", 4);
	hv_read(f, "ping", 4);
	hv_write(f, "pong", 4);
	hv_expect_data(g, gport, hport, "pong", 4);
}
