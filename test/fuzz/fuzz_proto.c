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
 * The protocol, from either side: a peer that speaks it (as the guest of
 * vsockhv, or as the host of viosock), by and large, in any order, with
 * sockets on the other side; and an oracle.
 *
 * The oracle knows of each connection what was said so far, and so what may be
 * said next.  Nothing here waits: after each step everything that is due has
 * happened.  It finds
 *
 *	what the module says	a packet that its state doesn't allow, data
 *				beyond our credit, other data than was written,
 *				credit that goes back or exceeds what we sent,
 *				a buffer that shrinks or grows too much
 *	what it doesn't say	a REQUEST or an end without an answer; data
 *				that could go; a full buffer's room, when it
 *				has been read, also to a peer that has no more
 *				under way than its own buffer holds
 *	what the socket reads	other data than we sent, or an end before it
 */

#include <sys/kmem.h>
#include <sys/param.h>
#include <sys/sysmacros.h>
#include <sys/vsock_ioctl.h>
#include <fktest.h>
#include "../unit/viosock_host.h"
#include "fuzz.h"

#define	CID		3
#define	LISTENER	1000		/* a port that is listened to ... */
#define	NOBODY		1001		/* ... and one that isn't */
#define	PPORT		5000		/* ours */
#define	CONNS		4
#define	BACKLOG		8
#define	OPS		300
#define	MAXDATA		3900		/* in a packet of ours */
#define	TX_SMALL	1024		/* VIO_TX_SMALL of vsock_virtio.c */
#define	DEFBUF		4096		/* receive buffer that nobody has set */
#define	GROWTH		4		/* VSOCK_BUF_GROWTH: it may grow */

#define	OP(x)		VIRTIO_VSOCK_OP_##x
#define	SHUT_BOTH	(VIRTIO_VSOCK_SHUTDOWN_RECEIVE | \
			    VIRTIO_VSOCK_SHUTDOWN_SEND)

typedef enum state {
	NONE,
	ASKED,			/* we have sent a REQUEST */
	CONNECTING,		/* we have got one */
	OPEN,
	DEAD			/* there was an RST */
} state_t;

typedef struct conn {
	state_t		c_state;
	fsk_file_t	*c_sock;
	uint32_t	c_pport;	/* ours */
	uint32_t	c_mport;	/* the module's */
	boolean_t	c_answer;	/* an RST is due for what nobody got */
	boolean_t	c_reset;	/* the socket may have lost data */

	/* From us to the socket. */
	uint32_t	c_sent;
	uint32_t	c_read;
	uint32_t	c_fwd;		/* what the module says */
	uint32_t	c_edge;		/* the furthest that it ever allowed */
	uint32_t	c_buf;		/* its buffer: at first, and now */
	uint32_t	c_buf0;
	uint_t		c_ourshut;
	boolean_t	c_norecv;	/* shutdown(), by the socket */

	/* From the socket to us. */
	uint32_t	c_written;
	uint32_t	c_got;
	uint32_t	c_ourbuf;
	uint32_t	c_ourfwd;
	uint32_t	c_ouredge;
	uint_t		c_shut;		/* what the module said */
	boolean_t	c_nosend;	/* shutdown(), by the socket */
} conn_t;

static hv_guest_t *guest;	/* we are it, or ... */
static vh_host_t *host;		/* ... this */
static hv_packet_t *packet;
static fsk_file_t *listener;
static conn_t conns[CONNS];

void
fuzz_init(void)
{
	vsock_prop_io_t vpi = {
		.vpi_prop	= VSOCK_PROP_RECV_BUF,
		.vpi_value	= DEFBUF
	};
	fk_file_t *dev;
	int rv;

	hv_begin();
	VERIFY0(fk_modload("viosock"));
	VERIFY0(fk_open("/dev/vsock", &dev));
	VERIFY0(fk_ioctl(dev, VSOCK_IOC_SETPROP, (intptr_t)&vpi, &rv));
	VERIFY0(fk_close(dev));
	packet = kmem_alloc(sizeof (*packet), KM_SLEEP);
}

void
fuzz_fini(void)
{
	kmem_free(packet, sizeof (*packet));
	hv_settle();
	VERIFY0(fk_modunload("viosock"));
	hv_end();
}

static uint8_t
pattern(const conn_t *c, uint32_t off)
{
	return ((uint8_t)(off * 7 + (off >> 8) * 13 + (c - conns)));
}

/* Counters are modulo 2^32. */
static uint32_t
left(uint32_t edge, uint32_t cnt)
{
	return ((int32_t)(edge - cnt) > 0 ? edge - cnt : 0);
}

/*
 * Us
 */

static virtio_vsock_hdr_t
peer_pkt(conn_t *c, uint16_t op)
{
	virtio_vsock_hdr_t hdr;

	if (guest != NULL)
		hdr = hv_pkt(guest, op, c->c_pport, c->c_mport);
	else
		hdr = vh_pkt(host, op, c->c_pport, c->c_mport);
	hdr.vvh_buf_alloc = c->c_ourbuf;
	hdr.vvh_fwd_cnt = c->c_ourfwd;
	return (hdr);
}

static void
peer_send(conn_t *c, const virtio_vsock_hdr_t *hdr, const void *data)
{
	/* What it will know of our credit, if it is listening. */
	if ((c->c_state == ASKED || c->c_state == CONNECTING ||
	    c->c_state == OPEN) && hdr->vvh_op != OP(RST) &&
	    (int32_t)(c->c_ourfwd + c->c_ourbuf - c->c_ouredge) > 0)
		c->c_ouredge = c->c_ourfwd + c->c_ourbuf;
	if (guest != NULL)
		hv_send(guest, hdr, data);
	else
		vh_send(host, hdr, data);
}

static boolean_t
peer_recv(void)
{
	return (guest != NULL ? hv_recv(guest, packet) :
	    vh_recv(host, packet));
}

static conn_t *
peer_find(const virtio_vsock_hdr_t *hdr)
{
	for (conn_t *c = conns; c < conns + CONNS; c++) {
		if (c->c_pport == hdr->vvh_dst_port &&
		    (c->c_mport == hdr->vvh_src_port ||
		    (hdr->vvh_op == OP(REQUEST) && c->c_state == NONE)))
			return (c);
	}
	panic("a packet from port %u to port %u, op %u", hdr->vvh_src_port,
	    hdr->vvh_dst_port, hdr->vvh_op);
}

static void
got_data(conn_t *c, uint32_t len)
{
	VERIFY3U(c->c_state, ==, OPEN);
	VERIFY0(c->c_shut & VIRTIO_VSOCK_SHUTDOWN_SEND);
	VERIFY3U(len, >, 0);
	VERIFY3U(len, <=, left(c->c_ouredge, c->c_got));
	VERIFY3U(len, <=, c->c_written - c->c_got);
	for (uint32_t i = 0; i < len; i++)
		VERIFY3U(packet->p_data[i], ==, pattern(c, c->c_got + i));
	c->c_got += len;
}

/* Take what the module has to say, and judge it. */
static void
drain(void)
{
	virtio_vsock_hdr_t *hdr = &packet->p_hdr;
	conn_t *c;

	while (peer_recv()) {
		c = peer_find(hdr);
		switch (hdr->vvh_op) {
		case OP(REQUEST):
			VERIFY3U(c->c_state, ==, NONE);
			VERIFY3P(c->c_sock, !=, NULL);
			c->c_state = CONNECTING;
			c->c_mport = hdr->vvh_src_port;
			break;
		case OP(RESPONSE):
			VERIFY3U(c->c_state, ==, ASKED);
			VERIFY3U(c->c_mport, ==, LISTENER);
			c->c_state = OPEN;
			break;
		case OP(RST):
			/* Either it ends, or nobody was there. */
			if (c->c_state == NONE || c->c_state == DEAD)
				VERIFY(c->c_answer);
			else
				c->c_state = DEAD;
			c->c_answer = B_FALSE;
			continue;
		case OP(SHUTDOWN):
			VERIFY3U(c->c_state, ==, OPEN);
			VERIFY3U(hdr->vvh_flags, !=, 0);
			VERIFY0(hdr->vvh_flags & ~SHUT_BOTH);
			VERIFY0(c->c_shut & ~hdr->vvh_flags);
			c->c_shut = hdr->vvh_flags;
			if (c->c_sock != NULL) {
				VERIFY((c->c_shut &
				    VIRTIO_VSOCK_SHUTDOWN_SEND) == 0 ||
				    c->c_nosend);
				VERIFY((c->c_shut &
				    VIRTIO_VSOCK_SHUTDOWN_RECEIVE) == 0 ||
				    c->c_norecv);
			}
			/* Nothing was forgotten. */
			VERIFY((c->c_shut & VIRTIO_VSOCK_SHUTDOWN_SEND) == 0 ||
			    c->c_got == c->c_written || (c->c_ourshut &
			    VIRTIO_VSOCK_SHUTDOWN_RECEIVE) != 0);
			break;
		case OP(RW):
			got_data(c, hdr->vvh_len);
			break;
		case OP(CREDIT_UPDATE):
		case OP(CREDIT_REQUEST):
			VERIFY3U(c->c_state, ==, OPEN);
			break;
		default:
			panic("op %u", hdr->vvh_op);
		}
		if (hdr->vvh_op != OP(RW))
			VERIFY0(hdr->vvh_len);
		/* Its credit. */
		VERIFY3S((int32_t)(hdr->vvh_fwd_cnt - c->c_fwd), >=, 0);
		VERIFY3S((int32_t)(c->c_sent - hdr->vvh_fwd_cnt), >=, 0);
		if (c->c_sock != NULL && !c->c_norecv)
			VERIFY3U(left(hdr->vvh_fwd_cnt, c->c_read), ==, 0);
		c->c_fwd = hdr->vvh_fwd_cnt;
		if (c->c_buf0 == 0)
			c->c_buf0 = hdr->vvh_buf_alloc;
		VERIFY3U(hdr->vvh_buf_alloc, >=, c->c_buf);
		VERIFY3U(hdr->vvh_buf_alloc, <=, GROWTH * c->c_buf0);
		c->c_buf = hdr->vvh_buf_alloc;
		if ((int32_t)(c->c_fwd + hdr->vvh_buf_alloc - c->c_edge) > 0)
			c->c_edge = c->c_fwd + hdr->vvh_buf_alloc;
	}
}

/* Everything has been said: should there have been more? */
static void
check_silence(void)
{
	uint32_t n;

	for (conn_t *c = conns; c < conns + CONNS; c++) {
		VERIFY3U(c->c_state, !=, ASKED);
		VERIFY(!c->c_answer);
		if (c->c_state != OPEN)
			continue;
		VERIFY3U(c->c_ourshut, !=, SHUT_BOTH);
		if ((c->c_ourshut & VIRTIO_VSOCK_SHUTDOWN_RECEIVE) == 0) {
			n = MIN(c->c_written - c->c_got,
			    left(c->c_ouredge, c->c_got));
			/* Our buffer may have become smaller. */
			n = MIN(n, left(c->c_ourfwd + c->c_ourbuf, c->c_got));
			VERIFY3U(n, <, TX_SMALL);
		}
		/* It has all been read: there is room. */
		if (c->c_sock != NULL && c->c_read == c->c_sent &&
		    !c->c_norecv && (c->c_ourshut &
		    VIRTIO_VSOCK_SHUTDOWN_SEND) == 0) {
			VERIFY3U(left(c->c_edge, c->c_sent), >, 0);
			VERIFY(c->c_ourbuf == 0 ||
			    left(c->c_fwd + c->c_ourbuf, c->c_sent) > 0);
		}
	}
}

static void
do_request(fuzz_t *fz, conn_t *c)
{
	virtio_vsock_hdr_t hdr;
	boolean_t there = fuzz_below(fz, 8) != 0;

	c->c_mport = there ? LISTENER : NOBODY;
	c->c_ourbuf = 1 + fuzz_byte(fz) * (1 + fuzz_byte(fz));
	c->c_state = ASKED;
	hdr = peer_pkt(c, OP(REQUEST));
	peer_send(c, &hdr, NULL);
	drain();
	if (!there) {
		VERIFY3U(c->c_state, ==, DEAD);
		return;
	}
	VERIFY3U(c->c_state, ==, OPEN);
	VERIFY0(fsk_accept(listener, NULL, NULL, &c->c_sock));
	fsk_set_nonblock(c->c_sock, true);
}

static void
do_connect(conn_t *c)
{
	c->c_sock = hv_connect(guest != NULL ? CID : VMADDR_CID_HOST,
	    c->c_pport);
	drain();
	VERIFY3U(c->c_state, ==, CONNECTING);
	VERIFY3U(c->c_mport, ==, hv_port(c->c_sock));
}

/* We say something, right or wrong. */
static void
do_packet(fuzz_t *fz, conn_t *c)
{
	state_t was = c->c_state;
	uint16_t op = fuzz_below(fz, 8);
	virtio_vsock_hdr_t hdr;
	uint8_t *data = packet->p_data;
	uint32_t room = left(c->c_edge, c->c_sent), len = 0;
	boolean_t dies = B_FALSE;

	/* Most of the time, data; and when we are asked, an answer. */
	if (was == OPEN && fuzz_below(fz, 4) != 0)
		op = OP(RW);
	else if (was == CONNECTING && fuzz_below(fz, 4) != 0)
		op = OP(RESPONSE);
	if (was == NONE && op == OP(REQUEST))
		return;
	hdr = peer_pkt(c, op);

	switch (op) {
	case OP(SHUTDOWN):
		hdr.vvh_flags = fuzz_below(fz, 4);
		if (was != OPEN)
			break;
		c->c_ourshut |= hdr.vvh_flags;
		dies = (c->c_ourshut == SHUT_BOTH);
		break;
	case OP(RW):
		len = 1 + fuzz_byte(fz) * (1 + fuzz_below(fz, 16));
		len = MIN(len, MAXDATA);
		if (was == OPEN && len > room) {
			if (room != 0 && fuzz_below(fz, 16) != 0)
				len = room;
			else if ((c->c_ourshut &
			    VIRTIO_VSOCK_SHUTDOWN_SEND) == 0)
				dies = B_TRUE;
		}
		hdr.vvh_len = len;
		for (uint32_t i = 0; i < len; i++)
			data[i] = pattern(c, c->c_sent + i);
		if (was == OPEN && !dies && (c->c_ourshut &
		    VIRTIO_VSOCK_SHUTDOWN_SEND) == 0) {
			c->c_sent += len;
			/* It says at once that these are gone. */
		}
		break;
	case OP(RST):
		if (was == OPEN || was == CONNECTING)
			c->c_state = DEAD;
		break;
	case OP(RESPONSE):
		if (was == CONNECTING) {
			c->c_ourbuf = 1 + fuzz_byte(fz) * (1 + fuzz_byte(fz));
			hdr = peer_pkt(c, op);
			c->c_state = OPEN;
			/* As it said in its REQUEST. */
		}
		break;
	case OP(REQUEST):
		if (was == DEAD)
			return;
		break;
	default:
		break;
	}

	if (was == CONNECTING && op != OP(RESPONSE) && op != OP(RST) &&
	    op != OP(INVALID))
		dies = B_TRUE;
	if ((was == NONE || was == DEAD) && op != OP(RST))
		c->c_answer = B_TRUE;
	if (dies)
		c->c_reset = (op != OP(SHUTDOWN));
	if (op == OP(RST))
		c->c_reset = B_TRUE;
	peer_send(c, &hdr, len == 0 ? NULL : data);
	drain();
	if (dies)
		VERIFY3U(c->c_state, ==, DEAD);
}

/* We have consumed something, and perhaps changed our mind on the rest. */
static void
do_consume(fuzz_t *fz, conn_t *c)
{
	virtio_vsock_hdr_t hdr;
	uint32_t n;

	if (c->c_state != OPEN)
		return;
	n = c->c_got - c->c_ourfwd;
	if (fuzz_below(fz, 2) == 0) {
		uint32_t some = fuzz_byte(fz);

		n = MIN(n, some);
	}
	c->c_ourfwd += n;
	if (fuzz_below(fz, 8) == 0)
		c->c_ourbuf = fuzz_u16(fz);
	hdr = peer_pkt(c, OP(CREDIT_UPDATE));
	peer_send(c, &hdr, NULL);
	drain();
}

static void
do_read(fuzz_t *fz, conn_t *c)
{
	uint8_t buf[2048];
	size_t want = 1 + fuzz_byte(fz) * 8, n;
	int err;

	do {
		err = fsk_recv(c->c_sock, buf, want, 0, &n);
		for (size_t i = 0; i < n; i++) {
			VERIFY3U(buf[i], ==, pattern(c,
			    c->c_read + (uint32_t)i));
		}
		c->c_read += (uint32_t)n;
		VERIFY3U(c->c_sent - c->c_read, <=, INT32_MAX);
	} while (fuzz_below(fz, 4) != 0 && n != 0);
	if (c->c_norecv || c->c_reset)
		goto out;
	/* Before all has been read there is neither an end nor nothing. */
	if (err == EWOULDBLOCK && c->c_state == OPEN)
		VERIFY3U(c->c_read, ==, c->c_sent);
	if (err == 0 && n == 0)
		VERIFY3U(c->c_read, ==, c->c_sent);
out:
	drain();
}

static void
do_write(fuzz_t *fz, conn_t *c)
{
	size_t want = 1 + fuzz_byte(fz) * (1 + fuzz_below(fz, 32)), n;
	uint8_t *buf = kmem_alloc(want, KM_SLEEP);
	int err;

	for (size_t i = 0; i < want; i++)
		buf[i] = pattern(c, c->c_written + (uint32_t)i);
	/* The module may send before the call has returned. */
	err = fsk_send(c->c_sock, buf, want, 0, &n);
	kmem_free(buf, want);
	c->c_written += (uint32_t)n;
	if (c->c_state == OPEN && !c->c_nosend && (c->c_ourshut &
	    VIRTIO_VSOCK_SHUTDOWN_RECEIVE) == 0)
		VERIFY(err == 0 || err == EWOULDBLOCK);
	else if (err == 0)
		VERIFY(c->c_state == DEAD);
	drain();
}

static void
do_socket(fuzz_t *fz, conn_t *c)
{
	int how;

	if (c->c_sock == NULL)
		return;
	switch (fuzz_below(fz, 8)) {
	case 0: case 1: case 2:
		do_read(fz, c);
		break;
	case 3: case 4: case 5:
		do_write(fz, c);
		break;
	case 6:
		how = fuzz_below(fz, 3);
		if (fsk_shutdown(c->c_sock, how) == 0) {
			c->c_norecv |= (how != SHUT_WR);
			c->c_nosend |= (how != SHUT_RD);
		}
		drain();
		break;
	default:
		VERIFY0(fsk_close(c->c_sock));
		c->c_sock = NULL;
		drain();
		break;
	}
}

static void
do_forget(conn_t *c)
{
	uint32_t pport = c->c_pport;

	if (c->c_sock != NULL)
		VERIFY0(fsk_close(c->c_sock));
	drain();
	bzero(c, sizeof (*c));
	c->c_pport = pport;
}

void
fuzz_one(fuzz_t *fz)
{
	virtio_vsock_hdr_t hdr;
	uint64_t bufsize;
	uint_t ops = 0;

	bzero(conns, sizeof (conns));
	for (uint_t i = 0; i < CONNS; i++)
		conns[i].c_pport = PPORT + i;
	if (fuzz_below(fz, 2) == 0) {
		guest = hv_guest_boot(CID, HV_F_VERSION_1);
	} else {
		host = vh_create(VH_INSTANCE, 0);
		VERIFY0(fvio_attach(host->vh_dev));
		hv_settle();
	}
	listener = hv_listen(LISTENER, BACKLOG);
	/* Buffers that are soon full; or that grow. */
	bufsize = 128 << fuzz_below(fz, 12);
	if (bufsize != 128 << 11) {
		VERIFY0(fsk_setsockopt(listener, AF_VSOCK,
		    SO_VM_SOCKETS_BUFFER_SIZE, &bufsize, sizeof (bufsize)));
	}

	while (fuzz_more(fz) && ops++ < OPS) {
		conn_t *c = &conns[fuzz_below(fz, CONNS)];
		uint_t what = fuzz_below(fz, 32);

		if (what == 0) {
			fk_time_advance(fuzz_byte(fz) * 40ULL *
			    (NANOSEC / MILLISEC));
			drain();
		} else if (what == 1) {
			do_packet(fz, c);
		} else if (c->c_state == NONE && c->c_sock == NULL) {
			if (fuzz_below(fz, 2) == 0)
				do_request(fz, c);
			else
				do_connect(c);
		} else if (c->c_state == DEAD && what < 8) {
			do_forget(c);
		} else if (what < 12) {
			do_packet(fz, c);
		} else if (what < 16) {
			do_consume(fz, c);
		} else {
			do_socket(fz, c);
		}
		check_silence();
	}

	/* All ends, whether it was over or not. */
	for (conn_t *c = conns; c < conns + CONNS; c++) {
		if (c->c_sock != NULL)
			VERIFY0(fsk_close(c->c_sock));
		c->c_sock = NULL;
		drain();
		if (c->c_state == OPEN || c->c_state == CONNECTING) {
			hdr = peer_pkt(c, OP(RST));
			c->c_state = DEAD;
			peer_send(c, &hdr, NULL);
		}
	}
	drain();
	VERIFY0(fsk_close(listener));
	if (guest != NULL) {
		hv_guest_destroy(guest);
		guest = NULL;
	} else {
		VERIFY0(fvio_detach(host->vh_dev));
		vh_destroy(host);
		host = NULL;
	}
	VERIFY0(fk_timeouts_pending());
}
