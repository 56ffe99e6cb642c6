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
 * The limits of vsock_limit.c: each is met, is counted, and hurts nobody but
 * who has met it.  Time is virtual.
 */

#include <sys/types.h>
#include <sys/param.h>
#include <sys/sysmacros.h>
#include <sys/errno.h>
#include <sys/debug.h>
#include <sys/kmem.h>
#include <sys/time.h>
#include <sys/zone.h>
#include <sys/socket.h>
#include <sys/vsock_transport.h>
#include <sys/vsock_ioctl.h>
#include <net/vsock.h>
#include "fakekernel.h"
#include "fktest.h"
#include "fakesock.h"
#include "hv_guest.h"
#include "ktest.h"
#include "vsock_mock.h"

#define	PORT	5000
#define	KIB	1024ULL
#define	MIB	(1024 * KIB)

#define	OP(x)	VIRTIO_VSOCK_OP_##x

static void
begin(void)
{
	VERIFY0(fsk_sockconfig(AF_VSOCK, SOCK_STREAM, 0, "vsock"));
	VERIFY0(fsk_sockconfig(AF_VSOCK, SOCK_SEQPACKET, 0, "vsock"));
	VERIFY0(fk_modload("vsock"));
	mock_mode = MOCK_ACCEPT;
	mock_attach(GLOBAL_ZONEID);
}

/* Nothing is left, and the module can go. */
static void
end(void)
{
	int error;

	mock_detach();
	VERIFY0(fsk_sockunconfig(AF_VSOCK, SOCK_STREAM, 0));
	VERIFY0(fsk_sockunconfig(AF_VSOCK, SOCK_SEQPACKET, 0));
	error = fk_modunload("vsock");
	VERIFY(error == 0 || error == ENOENT);
}

/* Set a property of the global zone. */
static void
limit(uint32_t prop, uint64_t value)
{
	vsock_prop_io_t vpi = { .vpi_prop = prop, .vpi_value = value };
	fk_file_t *dev;

	VERIFY0(fk_open("/dev/vsock", &dev));
	VERIFY0(fk_ioctl(dev, VSOCK_IOC_SETPROP, (intptr_t)&vpi, NULL));
	VERIFY0(fk_close(dev));
}

static uint64_t
zone_stat(const char *name)
{
	uint64_t value;

	VERIFY0(fk_kstat_value("vsock", 0, "vsock", name, &value));
	return (value);
}

/* A guest's connection that was accepted. */
static fsk_file_t *
guest_connects(fsk_file_t *l, uint32_t rport, mock_tc_t **mtp)
{
	VERIFY0(mock_request(rport, PORT, mtp));
	return (mock_accept(l));
}

static void
reset(mock_tc_t *mt)
{
	vsock_up_reset(mt->mt_conn, ECONNRESET);
	VERIFY3U(mt->mt_releases, ==, 1);
	mock_free(mt);
}

KTEST(limit_conns)
{
	mock_tc_t *in[2], *mt;
	fsk_file_t *l, *so[2], *a, *b;

	begin();
	limit(VSOCK_PROP_MAX_CONNS, 4);
	l = mock_listener(PORT, 5);
	so[0] = guest_connects(l, 1, &in[0]);
	so[1] = guest_connects(l, 2, &in[1]);
	/* Both ends of this one count. */
	a = mock_socket(VMADDR_PORT_ANY);
	VERIFY0(mock_connect(a, VMADDR_CID_LOCAL, PORT));
	b = mock_accept(l);
	VERIFY3U(zone_stat("connections"), ==, 4);
	VERIFY0(zone_stat("over_conns"));

	VERIFY3S(mock_request(3, PORT, &mt), ==, ENOBUFS);
	VERIFY0(fsk_close(a));
	VERIFY0(fsk_close(b));
	VERIFY0(fsk_close(so[1]));
	reset(in[1]);
	so[1] = mock_socket(VMADDR_PORT_ANY);
	VERIFY3U(zone_stat("connections"), ==, 1);
	VERIFY3U(zone_stat("over_conns"), ==, 1);

	/* Ours likewise: the first end of the second would be the fourth. */
	VERIFY0(mock_connect(so[1], MOCK_CID, PORT));
	in[1] = mock_last;
	a = mock_socket(VMADDR_PORT_ANY);
	VERIFY0(mock_connect(a, MOCK_CID, PORT));
	mt = mock_last;
	b = mock_socket(VMADDR_PORT_ANY);
	VERIFY3S(mock_connect(b, VMADDR_CID_LOCAL, PORT), ==, ENOBUFS);
	VERIFY3U(zone_stat("connections"), ==, 3);
	VERIFY3U(zone_stat("over_conns"), ==, 2);
	/* Those there are go on, and one that goes makes room. */
	mock_send(in[0], 100);
	VERIFY3U(in[0]->mt_given, ==, 100);
	reset(mt);
	VERIFY0(fsk_close(a));
	VERIFY0(mock_request(3, PORT, &mt));
	reset(mt);
	reset(in[0]);
	reset(in[1]);
	VERIFY0(fsk_close(so[0]));
	VERIFY0(fsk_close(so[1]));
	VERIFY0(fsk_close(b));
	VERIFY0(fsk_close(l));
	VERIFY0(zone_stat("connections"));
	VERIFY0(zone_stat("buf_bytes"));
	end();
}

KTEST(limit_peer_conns)
{
	uint64_t max;
	mock_tc_t *in[3], *mt;
	fsk_file_t *l, *so[3], *a[4], *b[4];
	uint_t i;

	begin();
	limit(VSOCK_PROP_MAX_PEER_CONNS, 3);
	VERIFY0(fk_kstat_value("vsock_transport", 0, "mock0",
	    "max_connections", &max));
	VERIFY3U(max, ==, 3);
	VERIFY0(fk_kstat_value("vsock_transport", 0, "vsocklo0",
	    "max_connections", &max));
	VERIFY0(max);
	l = mock_listener(PORT, 5);
	for (i = 0; i < 3; i++)
		so[i] = guest_connects(l, i, &in[i]);
	VERIFY3S(mock_request(3, PORT, &mt), ==, ENOBUFS);
	a[0] = mock_socket(VMADDR_PORT_ANY);
	VERIFY3S(mock_connect(a[0], MOCK_CID, PORT), ==, ENOBUFS);
	VERIFY3U(zone_stat("over_peer_conns"), ==, 2);
	VERIFY0(fsk_close(a[0]));
	/* It is his, not the zone's. */
	for (i = 0; i < 4; i++) {
		a[i] = mock_socket(VMADDR_PORT_ANY);
		VERIFY0(mock_connect(a[i], VMADDR_CID_LOCAL, PORT));
		b[i] = mock_accept(l);
	}
	for (i = 0; i < 4; i++) {
		VERIFY0(fsk_close(a[i]));
		VERIFY0(fsk_close(b[i]));
	}
	/* What a backend has yet to tell the peer of counts. */
	reset(in[0]);
	vsock_transport_orphans(mock_transport, 1);
	VERIFY3S(mock_request(0, PORT, &mt), ==, ENOBUFS);
	vsock_transport_orphans(mock_transport, -1);
	VERIFY0(fsk_close(so[0]));
	so[0] = guest_connects(l, 0, &in[0]);
	VERIFY3U(zone_stat("over_peer_conns"), ==, 3);
	for (i = 0; i < 3; i++) {
		reset(in[i]);
		VERIFY0(fsk_close(so[i]));
	}
	VERIFY0(fsk_close(l));
	end();
}

KTEST(limit_pending)
{
	mock_tc_t *in[3], *mt;
	fsk_file_t *l, *other, *so, *a, *b;
	uint_t i;

	begin();
	limit(VSOCK_PROP_MAX_PENDING, 3);
	l = mock_listener(PORT, 100);
	other = mock_listener(PORT + 1, 100);
	for (i = 0; i < 3; i++)
		VERIFY0(mock_request(i, PORT, &in[i]));
	VERIFY3S(mock_request(3, PORT, &mt), ==, ECONNREFUSED);
	VERIFY3S(mock_request(3, PORT + 1, &mt), ==, ECONNREFUSED);
	VERIFY3U(zone_stat("over_pending"), ==, 2);
	/* Others find room in the same queue. */
	a = mock_socket(VMADDR_PORT_ANY);
	VERIFY0(mock_connect(a, VMADDR_CID_LOCAL, PORT));

	/* What was accepted does not count. */
	so = mock_accept(l);
	VERIFY0(mock_request(3, PORT + 1, &mt));
	/* Nor does what ended; but it does as long as it can be accepted. */
	reset(mt);
	VERIFY3S(mock_request(3, PORT + 1, &mt), ==, ECONNREFUSED);
	b = mock_accept(other);
	VERIFY0(fsk_close(b));
	/* Nor what never will be. */
	VERIFY0(fsk_close(l));
	for (i = 1; i < 3; i++)
		reset(in[i]);
	for (i = 1; i < 3; i++)
		VERIFY0(mock_request(i, PORT + 1, &in[i]));
	VERIFY0(mock_request(3, PORT + 1, &mt));
	VERIFY3U(zone_stat("over_pending"), ==, 3);
	VERIFY0(fsk_close(other));
	reset(mt);
	for (i = 0; i < 3; i++)
		reset(in[i]);
	VERIFY0(fsk_close(so));
	VERIFY0(fsk_close(a));
	end();
}

static uint64_t
bufsize(fsk_file_t *so)
{
	uint64_t bytes = 0;
	uint32_t len = sizeof (bytes);

	VERIFY0(fsk_getsockopt(so, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &bytes,
	    &len));
	return (bytes);
}

static void
setbuf(fsk_file_t *so, uint64_t bytes)
{
	VERIFY0(fsk_setsockopt(so, AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE,
	    &bytes, sizeof (bytes)));
	VERIFY0(fsk_setsockopt(so, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &bytes,
	    sizeof (bytes)));
}

/* A connection that is over and was not read has its buffers all the same. */
KTEST(limit_buf)
{
	mock_tc_t *in[4], *mt;
	fsk_file_t *l, *so[5], *a, *b;
	char buf[100];
	size_t done;
	uint_t i;

	begin();
	/* Each has twice 256 KiB; and there are two transports. */
	limit(VSOCK_PROP_MAX_ZONE_BUF, 2 * MIB);
	l = mock_listener(PORT, 5);
	for (i = 0; i < 4; i++) {
		so[i] = guest_connects(l, i, &in[i]);
		VERIFY3U(in[i]->mt_params.vcp_rcvbuf, ==, 256 * KIB);
		VERIFY3U(in[i]->mt_params.vcp_sndbuf, ==, 256 * KIB);
		VERIFY3U(in[i]->mt_params.vcp_sndmsgs, ==, 513);
	}
	VERIFY3U(zone_stat("buf_bytes"), ==, 2 * MIB);
	VERIFY0(zone_stat("over_buf"));
	mock_send(in[3], 100);
	reset(in[3]);

	so[4] = guest_connects(l, 4, &mt);
	VERIFY3U(mt->mt_params.vcp_rcvbuf, ==, 4096);
	VERIFY3U(mt->mt_params.vcp_sndbuf, ==, 4096);
	VERIFY3U(mt->mt_params.vcp_sndmsgs, ==, 9);
	VERIFY3U(zone_stat("over_buf"), ==, 1);
	VERIFY3U(zone_stat("buf_bytes"), ==, 2 * MIB + 8 * KIB);
	/* It can be used, and is what it is, whatever it was set to. */
	mock_send(mt, 100);
	VERIFY0(fsk_recv(so[4], buf, 100, 0, &done));
	VERIFY3U(done, ==, 100);
	VERIFY3U(bufsize(so[4]), ==, 256 * KIB);
	setbuf(so[4], 512 * KIB);
	VERIFY3U(mt->mt_params.vcp_rcvbuf, ==, 4096);
	VERIFY3U(bufsize(so[4]), ==, 512 * KIB);
	VERIFY3U(zone_stat("buf_bytes"), ==, 2 * MIB + 8 * KIB);
	/* Smaller is always possible. */
	setbuf(so[4], 2048);
	VERIFY3U(mt->mt_params.vcp_rcvbuf, ==, 2048);
	VERIFY3U(zone_stat("buf_bytes"), ==, 2 * MIB + 6 * KIB);

	/* Whoever has less than his share is not concerned. */
	a = mock_socket(VMADDR_PORT_ANY);
	VERIFY0(mock_connect(a, VMADDR_CID_LOCAL, PORT));
	b = mock_accept(l);
	VERIFY3U(zone_stat("buf_bytes"), ==, 3 * MIB + 6 * KIB);
	setbuf(b, 512 * KIB);
	/* Now he has more. */
	VERIFY3U(zone_stat("buf_bytes"), ==, 3 * MIB + 6 * KIB);
	VERIFY0(fsk_close(a));
	VERIFY0(fsk_close(b));
	VERIFY3U(zone_stat("buf_bytes"), ==, 2 * MIB + 6 * KIB);

	/* What nobody can read any more is free. */
	VERIFY0(fsk_close(so[3]));
	VERIFY3U(zone_stat("buf_bytes"), ==, 3 * MIB / 2 + 6 * KIB);
	setbuf(so[4], 256 * KIB);
	VERIFY3U(mt->mt_params.vcp_rcvbuf, ==, 256 * KIB);
	reset(mt);
	VERIFY0(fsk_close(so[4]));
	for (i = 0; i < 3; i++) {
		reset(in[i]);
		VERIFY0(fsk_close(so[i]));
	}
	VERIFY0(fsk_close(l));
	VERIFY0(zone_stat("buf_bytes"));
	end();
}

/* One attempt failed for want of room elsewhere: the next begins anew. */
KTEST(limit_buf_again)
{
	mock_tc_t *mt;
	fsk_file_t *so;

	begin();
	limit(VSOCK_PROP_MAX_ZONE_BUF, 0);
	so = mock_socket(VMADDR_PORT_ANY);
	mock_mode = MOCK_REFUSE;
	VERIFY3S(mock_connect(so, MOCK_CID, PORT), ==, ECONNRESET);
	VERIFY3U(mock_last->mt_params.vcp_rcvbuf, ==, 4096);
	mock_free(mock_last);
	VERIFY0(fsk_close(so));

	so = mock_socket(VMADDR_PORT_ANY);
	mock_mode = MOCK_FAIL;
	mock_errno = ECONNRESET;
	VERIFY3S(mock_connect(so, MOCK_CID, PORT), ==, ECONNRESET);
	VERIFY3U(zone_stat("over_buf"), ==, 2);
	limit(VSOCK_PROP_MAX_ZONE_BUF, MIB);
	mock_mode = MOCK_ACCEPT;
	VERIFY0(mock_connect(so, MOCK_CID, PORT));
	mt = mock_last;
	VERIFY3U(mt->mt_params.vcp_rcvbuf, ==, 256 * KIB);
	VERIFY3U(mt->mt_params.vcp_sndbuf, ==, 256 * KIB);
	VERIFY3U(zone_stat("buf_bytes"), ==, 512 * KIB);
	reset(mt);
	VERIFY0(fsk_close(so));
	end();
}

/* A reader that keeps up: his buffer grows if it may. */
static void
keep_up(fsk_file_t *so, mock_tc_t *mt)
{
	char *buf = kmem_alloc(64 * KIB, KM_SLEEP);
	size_t done, got;
	uint_t i;

	for (i = 0; i < 100; i++) {
		mock_send(mt, 64 * KIB);
		for (got = 0; got < 64 * KIB; got += done) {
			VERIFY0(fsk_recv(so, buf, 64 * KIB - got, 0, &done));
			VERIFY3U(done, !=, 0);
		}
	}
	kmem_free(buf, 64 * KIB);
}

KTEST(limit_buf_growth)
{
	fsk_file_t *l, *so;
	mock_tc_t *mt;
	uint64_t over;

	begin();
	limit(VSOCK_PROP_MAX_ZONE_BUF, 600 * KIB);
	l = mock_listener(PORT, 5);
	so = guest_connects(l, 1, &mt);
	keep_up(so, mt);
	VERIFY3U(mt->mt_params.vcp_rcvbuf, ==, 256 * KIB);
	/* It is not tried at every turn. */
	over = zone_stat("over_buf");
	VERIFY3U(over, >, 0);
	VERIFY3U(over, <, 10);
	VERIFY3U(zone_stat("buf_bytes"), ==, 512 * KIB);
	limit(VSOCK_PROP_MAX_ZONE_BUF, 2 * MIB);
	keep_up(so, mt);
	VERIFY3U(mt->mt_params.vcp_rcvbuf, ==, MIB);
	VERIFY3U(zone_stat("buf_bytes"), ==, MIB + 256 * KIB);
	reset(mt);
	VERIFY0(fsk_close(so));
	VERIFY0(fsk_close(l));
	end();
}

/* Small messages beyond the limit are gathered, and none is lost. */
KTEST(limit_msgs)
{
	char *buf = kmem_alloc(KIB, KM_SLEEP);
	fsk_file_t *l, *so, *rich;
	mock_tc_t *mt, *mrich;
	size_t done, got = 0;
	uint_t i;

	begin();
	l = mock_listener(PORT, 5);
	rich = guest_connects(l, 1, &mrich);
	VERIFY0(fsk_close(l));
	limit(VSOCK_PROP_MSG_COST, 64 * KIB);
	l = mock_listener(PORT, 5);
	so = guest_connects(l, 2, &mt);
	VERIFY3U(mt->mt_params.vcp_sndmsgs, ==, 5);
	/* 16 may always be. */
	for (i = 0; i < 20; i++) {
		mock_send(mt, 1);
		mock_send(mrich, 1);
	}
	VERIFY0(zone_stat("over_msgs"));
	for (; i < 500; i++) {
		mock_send(mt, 1);
		mock_send(mrich, 1);
	}
	VERIFY3U(zone_stat("over_msgs"), ==, 1);
	while (got < 500) {
		VERIFY0(fsk_recv(so, buf, KIB, 0, &done));
		for (i = 0; i < done; i++)
			VERIFY3U((uint8_t)buf[i], ==, mock_pattern(got + i));
		got += done;
	}
	reset(mt);
	reset(mrich);
	VERIFY0(fsk_close(so));
	VERIFY0(fsk_close(rich));
	VERIFY0(fsk_close(l));
	end();
	kmem_free(buf, KIB);
}

/*
 * Through virtio: what the backend does of it
 */

#define	GPORT	5000
#define	HPORT	1234

/* Records that wait for the guest are limited by their number. */
KTEST(limit_msgs_sent)
{
	hv_guest_t *g;
	fsk_file_t *l, *so;
	size_t done;
	uint_t i;

	hv_begin();
	limit(VSOCK_PROP_MSG_COST, 64 * KIB);
	hv_socktype = SOCK_SEQPACKET;
	g = hv_guest_create(3);
	g->hg_type = VIRTIO_VSOCK_TYPE_SEQPACKET;
	hv_driver_start(g, HV_F_VERSION_1 | VIRTIO_VSOCK_F_SEQPACKET);
	l = hv_listen(HPORT, 5);
	g->hg_buf_alloc = 100;
	so = hv_open(g, l, GPORT, HPORT);
	for (i = 0; fsk_send(so, "0123456789", 10, 0, &done) == 0; i++)
		hv_settle();
	/* One small packet may be under way to such a buffer. */
	VERIFY3U(i, ==, 1 + 5);
	VERIFY0(fsk_close(so));
	VERIFY0(fsk_close(l));
	hv_guest_destroy(g);
	hv_socktype = SOCK_STREAM;
	hv_end();
}

/*
 * A guest that connects and connects, and never acknowledges that a connection
 * was closed, has so many and no more; another guest is not concerned.
 */
KTEST(limit_guest_conns)
{
	hv_guest_t *g, *other;
	fsk_file_t *l;
	uint_t i;

	hv_begin();
	limit(VSOCK_PROP_MAX_PEER_CONNS, 20);
	g = hv_guest_boot(3, HV_F_VERSION_1);
	other = hv_guest_boot(4, HV_F_VERSION_1);
	l = hv_listen(HPORT, 5);
	for (i = 0; i < 20; i++) {
		VERIFY0(fsk_close(hv_open(g, l, GPORT + i, HPORT)));
		(void) hv_expect(g, OP(SHUTDOWN), GPORT + i, HPORT);
	}
	hv_send_op(g, OP(REQUEST), GPORT + 20, HPORT);
	(void) hv_expect(g, OP(RST), GPORT + 20, HPORT);
	VERIFY3U(zone_stat("over_peer_conns"), ==, 1);
	VERIFY0(fsk_close(hv_open(other, l, GPORT, HPORT)));
	(void) hv_expect(other, OP(SHUTDOWN), GPORT, HPORT);
	/* One that goes makes room for another. */
	hv_send_op(g, OP(RST), GPORT, HPORT);
	VERIFY0(fsk_close(hv_open(g, l, GPORT + 20, HPORT)));
	VERIFY0(fsk_close(l));
	hv_guest_destroy(g);
	hv_guest_destroy(other);
	hv_end();
}

/*
 * A guest that takes the answers to its requests, and nothing else: what it is
 * to be told of connections that were given up is not kept without end.
 */
KTEST(limit_orphans)
{
	uint64_t orphans;
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);
	hv_guest_t *g;
	fsk_file_t *l;
	uint_t i, open = 0;

	hv_begin();
	limit(VSOCK_PROP_MAX_PEER_CONNS, 20);
	g = hv_guest_create(3);
	g->hg_nrx = 0;
	g->hg_rxkeep = B_TRUE;
	hv_driver_start(g, HV_F_VERSION_1);
	l = hv_listen(HPORT, 5);
	for (i = 0; i < 400; i++) {
		hv_send_op(g, OP(REQUEST), GPORT + i, HPORT);
		hv_rx_post(g, 1);
		hv_settle();
		VERIFY(hv_recv(g, p));
		if (zone_stat("accepts") != open) {
			VERIFY0(fsk_close(hv_accept(l)));
			open++;
		}
		/* It is given up. */
		fk_time_advance(MSEC2NSEC(8100));
		fk_quiesce();
		VERIFY0(zone_stat("connections"));
		VERIFY0(fk_kstat_value("vsock_transport", 0, "bhyve1",
		    "orphans", &orphans));
		VERIFY3U(orphans, <=, 20);
	}
	/* It has to take what it is told before it can have others. */
	VERIFY3U(orphans, >=, 19);
	VERIFY3U(zone_stat("over_peer_conns"), >, 0);
	/* Taken, they are gone, and one can connect again. */
	while (hv_recv(g, p))
		;
	g->hg_rxkeep = B_FALSE;
	hv_rx_post(g, 8);
	hv_settle();
	while (hv_recv(g, p))
		VERIFY3U(p->p_hdr.vvh_op, ==, OP(RST));
	VERIFY0(fk_kstat_value("vsock_transport", 0, "bhyve1", "orphans",
	    &orphans));
	VERIFY0(orphans);
	VERIFY0(fsk_close(hv_open(g, l, 1, HPORT)));
	VERIFY0(fsk_close(l));
	hv_guest_destroy(g);
	hv_end();
	kmem_free(p, sizeof (*p));
}

/* So many packets for no connection are answered, and no more. */
KTEST(limit_replies)
{
	hv_guest_t *g, *other;
	hv_packet_t *p = kmem_alloc(sizeof (*p), KM_SLEEP);
	fsk_file_t *l, *so, *so2;
	uint_t i, n;

	hv_begin();
	limit(VSOCK_PROP_REPLY_RATE, 10);
	g = hv_guest_boot(3, HV_F_VERSION_1);
	other = hv_guest_boot(4, HV_F_VERSION_1);
	l = hv_listen(HPORT, 5);
	so = hv_open(g, l, GPORT, HPORT);
	so2 = hv_open(other, l, GPORT, HPORT);
	for (i = n = 0; i < 25; i++) {
		hv_send_op(g, OP(CREDIT_UPDATE), 100 + i, HPORT);
		while (hv_recv(g, p)) {
			VERIFY3U(p->p_hdr.vvh_op, ==, OP(RST));
			n++;
		}
	}
	VERIFY3U(n, ==, 10);
	VERIFY3U(HV_PACKETS(g, "no_conn"), ==, 25);
	VERIFY3U(HV_PACKETS(g, "rst_limited"), ==, 15);
	/* What has a connection goes on, requests are answered. */
	hv_check_alive(g, so, GPORT, HPORT);
	hv_send_op(g, OP(REQUEST), 7, HPORT + 1);
	(void) hv_expect(g, OP(RST), 7, HPORT + 1);
	/* The other guest has answers of its own. */
	hv_send_op(other, OP(RW), 7, HPORT);
	(void) hv_expect(other, OP(RST), 7, HPORT);
	hv_check_alive(other, so2, GPORT, HPORT);
	VERIFY0(HV_PACKETS(other, "rst_limited"));

	/* They come back, one by one, and don't gather for ever. */
	fk_time_advance(MSEC2NSEC(100));
	hv_send_op(g, OP(RW), 7, HPORT);
	(void) hv_expect(g, OP(RST), 7, HPORT);
	hv_send_op(g, OP(RW), 7, HPORT);
	hv_expect_none(g);
	fk_time_advance(MSEC2NSEC(100 * 1000));
	for (i = n = 0; i < 25; i++) {
		hv_send_op(g, OP(SHUTDOWN), 100 + i, HPORT);
		while (hv_recv(g, p))
			n++;
	}
	VERIFY3U(n, ==, 10);
	VERIFY3U(HV_PACKETS(g, "rst_limited"), ==, 31);
	VERIFY0(fsk_close(so));
	VERIFY0(fsk_close(so2));
	VERIFY0(fsk_close(l));
	hv_guest_destroy(g);
	hv_guest_destroy(other);
	hv_end();
	kmem_free(p, sizeof (*p));
}

/* Their ranges, which depend on nothing; and all are kept apart. */
KTEST(limit_props)
{
	static const struct {
		uint32_t prop;
		uint64_t def, min, max;
	} props[] = {
		{ VSOCK_PROP_MAX_CONNS, 524288, 0, INT32_MAX },
		{ VSOCK_PROP_MAX_PEER_CONNS, 131072, 0, INT32_MAX },
		{ VSOCK_PROP_MAX_PENDING, 4096, 0, INT32_MAX },
		{ VSOCK_PROP_MAX_ZONE_BUF, 4096 * MIB, 0, MIB * MIB },
		{ VSOCK_PROP_MSG_COST, 512, 64, 65536 },
		{ VSOCK_PROP_REPLY_RATE, 10000, 1, 1000000 }
	};
	vsock_prop_io_t vpi = { 0 };
	fk_file_t *dev;
	uint_t i;

	begin();
	VERIFY0(fk_open("/dev/vsock", &dev));
	for (i = 0; i < ARRAY_SIZE(props); i++) {
		vpi.vpi_prop = props[i].prop;
		VERIFY0(fk_ioctl(dev, VSOCK_IOC_GETPROP, (intptr_t)&vpi, NULL));
		VERIFY3U(vpi.vpi_value, ==, props[i].def);
		VERIFY3U(vpi.vpi_default, ==, props[i].def);
		VERIFY3U(vpi.vpi_min, ==, props[i].min);
		VERIFY3U(vpi.vpi_max, ==, props[i].max);
		vpi.vpi_value = props[i].max + 1;
		VERIFY3S(fk_ioctl(dev, VSOCK_IOC_SETPROP, (intptr_t)&vpi, NULL),
		    ==, ERANGE);
		limit(props[i].prop, props[i].min + i);
	}
	for (i = 0; i < ARRAY_SIZE(props); i++) {
		vpi.vpi_prop = props[i].prop;
		VERIFY0(fk_ioctl(dev, VSOCK_IOC_GETPROP, (intptr_t)&vpi, NULL));
		VERIFY3U(vpi.vpi_value, ==, props[i].min + i);
	}
	VERIFY0(fk_close(dev));
	end();
}

/*
 * The listener's buffer is changed while a connection is on its way to it: what
 * sockfs is told of the connection is what the connection has.
 */
KTEST(limit_listener_buf)
{
	static const uint64_t sizes[] = { 4096, MIB };
	vsock_tuple_t vt = {
		.vt_lcid = VMADDR_CID_HOST, .vt_lport = PORT,
		.vt_rcid = MOCK_CID
	};
	mock_tc_t *mt;
	fsk_file_t *l, *so;
	char *buf = kmem_alloc(16 * KIB, KM_SLEEP);
	size_t done;
	uint_t i, n;

	begin();
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		l = mock_listener(PORT, 5);
		vt.vt_rport = i;
		mt = kmem_zalloc(sizeof (*mt), KM_SLEEP);
		mutex_init(&mt->mt_lock, NULL, MUTEX_DRIVER, NULL);
		VERIFY0(vsock_up_request(mock_transport, &vt,
		    VSOCK_TYPE_STREAM, &mt->mt_conn, &mt->mt_params));
		setbuf(l, sizes[i]);
		VERIFY0(vsock_up_accept(mt->mt_conn, mt));
		vsock_conn_rele(mt->mt_conn);
		so = mock_accept(l);
		VERIFY3U(bufsize(so), ==, 256 * KIB);
		for (n = 0; n < 10; n++) {
			mock_send(mt, 16 * KIB);
			VERIFY0(fsk_recv(so, buf, 16 * KIB, 0, &done));
			VERIFY3U(done, ==, 16 * KIB);
		}
		/* It is told of in steps of a quarter of its buffer. */
		VERIFY3U(mt->mt_consumed, ==, 128 * KIB);
		reset(mt);
		VERIFY0(fsk_close(so));
		VERIFY0(fsk_close(l));
	}
	end();
	kmem_free(buf, 16 * KIB);
}
