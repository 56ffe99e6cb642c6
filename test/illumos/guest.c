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
 * A guest, played by a program: the driver's side of a virtio socket device on
 * the memory of a VM of the stand-in for vmm (vmmtest.h).
 *
 *	hvguest CID [disturb]
 *
 * It accepts connections on every port and sends back what it receives.  A few
 * ports are commands instead; a connection to them is refused when they have
 * been carried out:
 *
 *	1		end, in good order
 *	2		destroy the VM while everything is open, then end
 *	10000 + N	connect to port N of the host, and send back what comes
 *
 * With `disturb', a second thread keeps expiring the leases of the VM, and
 * pausing and resuming rings.
 *
 * One thread does all of the guest's work; the other only makes ioctls.
 */

#include <sys/mman.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/vsockhv.h>
#include <sys/virtio_vsock.h>

#include "illumos.h"
#include "vmmtest.h"

#define	VMM_NODE	"/devices/pseudo/vmm@0:vmm"
#define	VSOCKHV_NODE	"/devices/pseudo/vsockhv@0:vsockhv"

#define	MEM_SIZE	(16UL << 20)
#define	QSIZE		128
#define	RING_STEP	0x10000		/* from ring to ring */
#define	RING_AVAIL	0x4000
#define	RING_USED	0x8000
#define	RX_BASE		0x100000
#define	RX_SIZE		4096
#define	TX_BASE		0x400000
#define	TX_SIZE		(16 * 1024)
#define	TX_DATA		(TX_SIZE - VIRTIO_VSOCK_HDR_SIZE)

#define	DESC_F_WRITE	2

#define	NCONNS		64
#define	BUF_ALLOC	(64 * 1024)
#define	HOST_CID	2

#define	PORT_END	1
#define	PORT_DESTROY	2
#define	PORT_CONNECT	10000

typedef struct desc {
	uint64_t	de_addr;
	uint32_t	de_len;
	uint16_t	de_flags;
	uint16_t	de_next;
} desc_t;

typedef struct avail {
	uint16_t	av_flags;
	uint16_t	av_idx;
	uint16_t	av_ring[QSIZE];
} avail_t;

typedef struct used {
	uint16_t	us_flags;
	uint16_t	us_idx;
	struct {
		uint32_t us_id;
		uint32_t us_len;
	} us_ring[QSIZE];
} used_t;

typedef struct ring {
	desc_t		*ri_desc;
	avail_t		*ri_avail;
	used_t		*ri_used;
	uint16_t	ri_seen;	/* of the used ring */
} ring_t;

typedef struct conn {
	bool		co_used;
	bool		co_open;
	bool		co_peer_done;	/* it will not send any more */
	bool		co_done;	/* we have said so */
	uint32_t	co_gport;
	uint32_t	co_hport;
	uint32_t	co_rx_cnt;	/* bytes that came */
	uint32_t	co_tx_cnt;	/* bytes that went, and are consumed */
	uint32_t	co_told;	/* of them, as told by fwd_cnt */
	uint32_t	co_peer_buf;
	uint32_t	co_peer_fwd;
	uint8_t		co_buf[BUF_ALLOC];
} conn_t;

static int vmfd, hvfd;
static uint32_t cid;
static uint8_t *mem;
static ring_t rings[VIRTIO_VSOCK_NQUEUES];
static uint16_t tx_free[QSIZE];
static unsigned int ntx_free;
static conn_t conns[NCONNS];
static uint32_t ending;

static void
hv_ioctl(int cmd, void *arg, const char *what)
{
	if (ill_ioctl(hvfd, cmd, arg) == -1)
		err(1, "%s", what);
}

static void
notify(int ring)
{
	hv_ioctl(VSOCKHV_RING_KICK, (void *)(uintptr_t)ring, "kick");
}

static void
make_available(int ring, uint16_t id)
{
	avail_t *av = rings[ring].ri_avail;

	av->av_ring[av->av_idx % QSIZE] = id;
	__atomic_store_n(&av->av_idx, av->av_idx + 1, __ATOMIC_SEQ_CST);
}

static void
ring_start(int ring, uint16_t flags, uint64_t base, uint32_t size)
{
	uint64_t gpa = (uint64_t)ring * RING_STEP;
	ring_t *ri = &rings[ring];
	vsockhv_ring_init_t vri = {
		.vri_index = ring,
		.vri_qsize = QSIZE,
		.vri_desc = gpa,
		.vri_avail = gpa + RING_AVAIL,
		.vri_used = gpa + RING_USED
	};
	vsockhv_ring_msi_t vrm = {
		.vrm_index = ring,
		.vrm_addr = 0xfee00000,
		.vrm_msg = ring
	};

	ri->ri_desc = (desc_t *)(mem + vri.vri_desc);
	ri->ri_avail = (avail_t *)(mem + vri.vri_avail);
	ri->ri_used = (used_t *)(mem + vri.vri_used);
	for (uint16_t i = 0; i < QSIZE; i++) {
		ri->ri_desc[i].de_addr = base + (uint64_t)i * size;
		ri->ri_desc[i].de_len = size;
		ri->ri_desc[i].de_flags = flags;
	}
	hv_ioctl(VSOCKHV_RING_SET_MSI, &vrm, "MSI");
	hv_ioctl(VSOCKHV_RING_INIT, &vri, "ring");
}

static void
send_packet(uint32_t gport, uint32_t hport, uint16_t op, uint32_t flags,
    conn_t *co, uint32_t len)
{
	uint16_t id = tx_free[--ntx_free];
	uint8_t *p = mem + TX_BASE + (size_t)id * TX_SIZE;
	virtio_vsock_hdr_t hdr = {
		.vvh_src_cid = cid,
		.vvh_dst_cid = HOST_CID,
		.vvh_src_port = gport,
		.vvh_dst_port = hport,
		.vvh_len = len,
		.vvh_type = VIRTIO_VSOCK_TYPE_STREAM,
		.vvh_op = op,
		.vvh_flags = flags
	};

	for (uint32_t i = 0; i < len; i++) {
		p[sizeof (hdr) + i] =
		    co->co_buf[(co->co_tx_cnt + i) % BUF_ALLOC];
	}
	if (co != NULL) {
		co->co_tx_cnt += len;
		co->co_told = co->co_tx_cnt;
		hdr.vvh_buf_alloc = BUF_ALLOC;
		hdr.vvh_fwd_cnt = co->co_told;
	}
	(void) memcpy(p, &hdr, sizeof (hdr));
	rings[VIRTIO_VSOCK_QUEUE_TX].ri_desc[id].de_len = sizeof (hdr) + len;
	make_available(VIRTIO_VSOCK_QUEUE_TX, id);
}

static conn_t *
conn_find(uint32_t gport, uint32_t hport)
{
	for (size_t i = 0; i < NCONNS; i++) {
		if (conns[i].co_used && conns[i].co_gport == gport &&
		    conns[i].co_hport == hport)
			return (&conns[i]);
	}
	return (NULL);
}

static conn_t *
conn_new(uint32_t gport, uint32_t hport)
{
	for (size_t i = 0; i < NCONNS; i++) {
		conn_t *co = &conns[i];

		if (co->co_used)
			continue;
		(void) memset(co, 0, offsetof(conn_t, co_buf));
		co->co_used = true;
		co->co_gport = gport;
		co->co_hport = hport;
		return (co);
	}
	return (NULL);
}

static void
request(const virtio_vsock_hdr_t *hdr)
{
	static uint32_t next_port = 50000;
	uint32_t port = hdr->vvh_dst_port;
	conn_t *co;

	if (port > 2 && port < PORT_CONNECT) {
		if ((co = conn_new(port, hdr->vvh_src_port)) == NULL)
			errx(1, "too many connections");
		co->co_open = true;
		co->co_peer_buf = hdr->vvh_buf_alloc;
		co->co_peer_fwd = hdr->vvh_fwd_cnt;
		send_packet(port, co->co_hport, VIRTIO_VSOCK_OP_RESPONSE, 0,
		    co, 0);
		return;
	}
	switch (port) {
	case PORT_END:
		ending = PORT_END;
		break;
	case PORT_DESTROY:
		ending = PORT_DESTROY;
		return;
	default:
		if ((co = conn_new(next_port++, port - PORT_CONNECT)) == NULL)
			errx(1, "too many connections");
		send_packet(co->co_gport, co->co_hport,
		    VIRTIO_VSOCK_OP_REQUEST, 0, co, 0);
		break;
	}
	send_packet(port, hdr->vvh_src_port, VIRTIO_VSOCK_OP_RST, 0, NULL, 0);
}

static void
received(const uint8_t *p, uint32_t len)
{
	virtio_vsock_hdr_t hdr;
	conn_t *co;

	if (len < sizeof (hdr))
		errx(1, "a packet of %u bytes", len);
	(void) memcpy(&hdr, p, sizeof (hdr));
	if (hdr.vvh_src_cid != HOST_CID || hdr.vvh_dst_cid != cid ||
	    hdr.vvh_len != len - sizeof (hdr))
		errx(1, "a packet that is not for us, or of another length");
	co = conn_find(hdr.vvh_dst_port, hdr.vvh_src_port);
	if (co == NULL) {
		if (hdr.vvh_op == VIRTIO_VSOCK_OP_REQUEST)
			request(&hdr);
		else if (hdr.vvh_op != VIRTIO_VSOCK_OP_RST)
			send_packet(hdr.vvh_dst_port, hdr.vvh_src_port,
			    VIRTIO_VSOCK_OP_RST, 0, NULL, 0);
		return;
	}
	co->co_peer_buf = hdr.vvh_buf_alloc;
	co->co_peer_fwd = hdr.vvh_fwd_cnt;
	switch (hdr.vvh_op) {
	case VIRTIO_VSOCK_OP_RESPONSE:
		co->co_open = true;
		break;
	case VIRTIO_VSOCK_OP_RST:
		co->co_used = false;
		break;
	case VIRTIO_VSOCK_OP_SHUTDOWN:
		if ((hdr.vvh_flags & VIRTIO_VSOCK_SHUTDOWN_SEND) != 0)
			co->co_peer_done = true;
		if (hdr.vvh_flags == (VIRTIO_VSOCK_SHUTDOWN_SEND |
		    VIRTIO_VSOCK_SHUTDOWN_RECEIVE)) {
			co->co_used = false;
			send_packet(co->co_gport, co->co_hport,
			    VIRTIO_VSOCK_OP_RST, 0, co, 0);
		}
		break;
	case VIRTIO_VSOCK_OP_RW:
		if (co->co_rx_cnt + hdr.vvh_len - co->co_told > BUF_ALLOC)
			errx(1, "data beyond the credit");
		for (uint32_t i = 0; i < hdr.vvh_len; i++) {
			co->co_buf[(co->co_rx_cnt + i) % BUF_ALLOC] =
			    p[sizeof (hdr) + i];
		}
		co->co_rx_cnt += hdr.vvh_len;
		break;
	case VIRTIO_VSOCK_OP_CREDIT_REQUEST:
		send_packet(co->co_gport, co->co_hport,
		    VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, co, 0);
		break;
	default:
		break;
	}
}

/* Send back what there is credit for: whether anything was sent. */
static bool
echo(conn_t *co)
{
	uint32_t have = co->co_rx_cnt - co->co_tx_cnt;
	uint32_t room = co->co_peer_buf - (co->co_tx_cnt - co->co_peer_fwd);
	uint32_t n = have < room ? have : room;

	if (!co->co_used || !co->co_open || ntx_free < QSIZE / 2)
		return (false);
	if (n > TX_DATA)
		n = TX_DATA;
	if (n > 0) {
		send_packet(co->co_gport, co->co_hport, VIRTIO_VSOCK_OP_RW, 0,
		    co, n);
		return (true);
	}
	if (co->co_peer_done && !co->co_done && have == 0) {
		co->co_done = true;
		send_packet(co->co_gport, co->co_hport,
		    VIRTIO_VSOCK_OP_SHUTDOWN, VIRTIO_VSOCK_SHUTDOWN_SEND, co,
		    0);
		return (true);
	}
	return (false);
}

/* All there is to do, for now: whether there was anything. */
static bool
work(void)
{
	ring_t *rx = &rings[VIRTIO_VSOCK_QUEUE_RX];
	ring_t *tx = &rings[VIRTIO_VSOCK_QUEUE_TX];
	bool rx_busy = false, tx_busy = false;

	while (tx->ri_seen !=
	    __atomic_load_n(&tx->ri_used->us_idx, __ATOMIC_ACQUIRE)) {
		tx_free[ntx_free++] = (uint16_t)
		    tx->ri_used->us_ring[tx->ri_seen++ % QSIZE].us_id;
	}
	while (ntx_free > QSIZE / 4 && rx->ri_seen !=
	    __atomic_load_n(&rx->ri_used->us_idx, __ATOMIC_ACQUIRE)) {
		uint32_t id = rx->ri_used->us_ring[rx->ri_seen % QSIZE].us_id;

		if (id >= QSIZE)
			errx(1, "descriptor %u", id);
		received(mem + RX_BASE + (size_t)id * RX_SIZE,
		    rx->ri_used->us_ring[rx->ri_seen % QSIZE].us_len);
		rx->ri_seen++;
		make_available(VIRTIO_VSOCK_QUEUE_RX, (uint16_t)id);
		rx_busy = true;
	}
	for (size_t i = 0; i < NCONNS; i++) {
		while (echo(&conns[i]))
			tx_busy = true;
	}
	if (rx_busy)
		notify(VIRTIO_VSOCK_QUEUE_RX);
	if (rx_busy || tx_busy)
		notify(VIRTIO_VSOCK_QUEUE_TX);
	return (rx_busy || tx_busy);
}

static void *
disturb(void *arg)
{
	while (__atomic_load_n(&ending, __ATOMIC_ACQUIRE) == 0) {
		if (ill_ioctl(vmfd, VMT_EXCLUSIVE, NULL) == -1)
			err(1, "exclusive");
		for (uintptr_t i = 0; i < 2; i++) {
			hv_ioctl(VSOCKHV_RING_PAUSE, (void *)i, "pause");
			hv_ioctl(VSOCKHV_RING_RESUME, (void *)i, "resume");
		}
		ill_pause();
	}
	return (NULL);
}

int
hvguest_main(int argc, char **argv)
{
	vsockhv_create_t vc = { 0 };
	vmt_msi_t msi = { .vm_ms = 100 };
	uint64_t features;
	pthread_t thread;
	bool disturbed = (argc > 2);

	cid = (uint32_t)atoi(argv[1]);
	if ((vmfd = open(VMM_NODE, O_RDWR)) == -1)
		err(1, VMM_NODE);
	if ((hvfd = open(VSOCKHV_NODE, O_RDWR)) == -1)
		err(1, VSOCKHV_NODE);
	if (ill_ioctl(vmfd, VMT_MEMORY, (void *)MEM_SIZE) == -1)
		err(1, "memory");
	mem = mmap(NULL, MEM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, vmfd,
	    0);
	if (mem == MAP_FAILED)
		err(1, "mmap");
	vc.vc_guest_cid = cid;
	vc.vc_vmfd = vmfd;
	hv_ioctl(VSOCKHV_CREATE, &vc, "create");
	hv_ioctl(VSOCKHV_GET_FEATURES, &features, "features");
	features &= 1ULL << 32;			/* VERSION_1 */
	hv_ioctl(VSOCKHV_SET_FEATURES, &features, "set features");
	for (uint16_t i = 0; i < QSIZE; i++)
		tx_free[ntx_free++] = i;
	ring_start(VIRTIO_VSOCK_QUEUE_TX, 0, TX_BASE, TX_SIZE);
	ring_start(VIRTIO_VSOCK_QUEUE_RX, DESC_F_WRITE, RX_BASE, RX_SIZE);
	for (uint16_t i = 0; i < QSIZE; i++)
		make_available(VIRTIO_VSOCK_QUEUE_RX, i);
	notify(VIRTIO_VSOCK_QUEUE_RX);
	if (disturbed && pthread_create(&thread, NULL, disturb, NULL) != 0)
		errx(1, "no thread");

	while (ending == 0) {
		if (!work() && ill_ioctl(vmfd, VMT_MSI_WAIT, &msi) == -1)
			err(1, "wait");
	}
	if (ending == PORT_END) {
		/* Let the answer go. */
		notify(VIRTIO_VSOCK_QUEUE_TX);
		while (work())
			continue;
	}
	if (disturbed)
		(void) pthread_join(thread, NULL);
	if (ending == PORT_DESTROY) {
		if (ill_ioctl(vmfd, VMT_DESTROY, NULL) == -1)
			err(1, "destroy");
		if (ill_ioctl(hvfd, VSOCKHV_RING_KICK, NULL) != -1 ||
		    errno != ENXIO)
			err(1, "kick without a VM");
	}
	(void) close(hvfd);
	(void) close(vmfd);
	return (0);
}
