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
 * What the front end offers for administration and observation: statistics and
 * probes, properties, packet capture; through /dev/vsock, the loopback
 * transport and the backend of vsock_mock.c.  Time is virtual.
 */

#include <sys/types.h>
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/sysmacros.h>
#include <sys/errno.h>
#include <sys/debug.h>
#include <sys/kmem.h>
#include <sys/atomic.h>
#include <sys/kstat.h>
#include <sys/poll.h>
#include <sys/file.h>
#include <sys/time.h>
#include <sys/thread.h>
#include <sys/proc.h>
#include <sys/disp.h>
#include <sys/zone.h>
#include <sys/cred.h>
#include <sys/priv.h>
#include <sys/fk.h>
#include <sys/socket.h>
#include <sys/vsock_transport.h>
#include <sys/vsock_kstat.h>
#include <sys/vsock_ioctl.h>
#include <net/vsock.h>
#include "fakekernel.h"
#include "fktest.h"
#include "fakesock.h"
#include "ktest.h"
#include "probe.h"
#include "vsock_mock.h"

#define	PORT	5000

static void
begin(void)
{
	VERIFY0(fsk_sockconfig(AF_VSOCK, SOCK_STREAM, 0, "vsock"));
	VERIFY0(fk_modload("vsock"));
	mock_mode = MOCK_ACCEPT;
	mock_last = NULL;
}

/* Nothing is left, and the module can go. */
static void
end(void)
{
	int error;

	VERIFY0(fsk_sockunconfig(AF_VSOCK, SOCK_STREAM, 0));
	error = fk_modunload("vsock");
	VERIFY(error == 0 || error == ENOENT);
}

static uint64_t
transport_stat(const char *name, const char *stat)
{
	uint64_t value;

	VERIFY0(fk_kstat_value("vsock_transport", 0, name, stat, &value));
	return (value);
}

static void
send_all(fsk_file_t *so, const void *data, size_t len)
{
	size_t done;

	VERIFY0(fsk_send(so, data, len, 0, &done));
	VERIFY3U(done, ==, len);
}

static void
recv_all(fsk_file_t *so, void *buf, size_t len)
{
	size_t done, got = 0;

	while (got < len) {
		VERIFY0(fsk_recv(so, (char *)buf + got, len - got, 0, &done));
		VERIFY3U(done, !=, 0);
		got += done;
	}
}

static uint32_t
port_of(fsk_file_t *so)
{
	struct sockaddr_vm svm = { 0 };
	uint32_t len = sizeof (svm);

	VERIFY0(fsk_getsockname(so, &svm, &len));
	return (svm.svm_port);
}

/* The two ends of a loopback connection, and the listener. */
static void
loop_open(fsk_file_t **lp, fsk_file_t **ap, fsk_file_t **bp)
{
	*lp = mock_listener(PORT, 5);
	*ap = mock_socket(VMADDR_PORT_ANY);
	VERIFY0(mock_connect(*ap, VMADDR_CID_LOCAL, PORT));
	*bp = mock_accept(*lp);
}

static fk_file_t *
dev_open(void)
{
	fk_file_t *dev;

	VERIFY0(fk_open("/dev/vsock", &dev));
	return (dev);
}

/*
 * The list of connections
 */

#define	LIST_MAX	300

typedef struct conn_list {
	uint_t		cl_n;
	vsock_kconn_t	cl_conn[LIST_MAX];
} conn_list_t;

/* As a zone sees it; ENOENT, it does not. */
static int
list_read(int instance, zoneid_t viewer, conn_list_t *cl)
{
	kstat_t *ksp;
	uint_t i;

	bzero(cl, sizeof (*cl));
	ksp = kstat_hold_byname("vsock", instance, "connections", viewer);
	if (ksp == NULL)
		return (ENOENT);
	VERIFY3U(ksp->ks_type, ==, KSTAT_TYPE_RAW);
	KSTAT_ENTER(ksp);
	VERIFY3S(KSTAT_UPDATE(ksp, KSTAT_WRITE), ==, EACCES);
	VERIFY0(KSTAT_UPDATE(ksp, KSTAT_READ));
	VERIFY3U(ksp->ks_data_size, <=, sizeof (cl->cl_conn));
	VERIFY0(KSTAT_SNAPSHOT(ksp, cl->cl_conn, KSTAT_READ));
	for (i = 0; i < ksp->ks_ndata && cl->cl_conn[i].vkc_size != 0; i++)
		VERIFY3U(cl->cl_conn[i].vkc_size, ==, sizeof (vsock_kconn_t));
	KSTAT_EXIT(ksp);
	kstat_rele(ksp);
	cl->cl_n = i;
	return (0);
}

/* The one with these local and remote ports; there must be one. */
static const vsock_kconn_t *
list_find(const conn_list_t *cl, uint32_t lport, uint32_t rport)
{
	const vsock_kconn_t *found = NULL;
	uint_t i;

	for (i = 0; i < cl->cl_n; i++) {
		if (cl->cl_conn[i].vkc_lport == lport &&
		    cl->cl_conn[i].vkc_rport == rport) {
			VERIFY3P(found, ==, NULL);
			found = &cl->cl_conn[i];
		}
	}
	VERIFY(found != NULL);
	return (found);
}

KTEST(vsock_kstat_connections)
{
	conn_list_t *cl = kmem_alloc(sizeof (*cl), KM_SLEEP);
	fsk_file_t *l, *a, *b, *idle;
	const vsock_kconn_t *vkc;
	char buf[100];

	begin();
	VERIFY0(list_read(0, GLOBAL_ZONEID, cl));
	VERIFY0(cl->cl_n);

	/* One that has nothing is not there. */
	idle = mock_socket(VMADDR_PORT_ANY);
	loop_open(&l, &a, &b);
	send_all(a, "hello", 5);
	send_all(a, "you", 3);
	recv_all(b, buf, 8);
	send_all(b, "fine", 4);
	VERIFY0(list_read(0, GLOBAL_ZONEID, cl));
	VERIFY3U(cl->cl_n, ==, 3);

	vkc = list_find(cl, PORT, VMADDR_PORT_ANY);
	VERIFY3U(vkc->vkc_state, ==, VSOCK_S_LISTEN);
	VERIFY3U(vkc->vkc_lcid, ==, VMADDR_CID_ANY);
	VERIFY3U(vkc->vkc_rcid, ==, VMADDR_CID_ANY);
	VERIFY0(vkc->vkc_transport[0]);
	VERIFY0(vkc->vkc_rx_bytes);

	vkc = list_find(cl, port_of(a), PORT);
	VERIFY3U(vkc->vkc_state, ==, VSOCK_S_CONNECTED);
	VERIFY3U(vkc->vkc_type, ==, VSOCK_TYPE_STREAM);
	VERIFY3U(vkc->vkc_lcid, ==, VMADDR_CID_LOCAL);
	VERIFY3U(vkc->vkc_rcid, ==, VMADDR_CID_LOCAL);
	VERIFY0(strcmp(vkc->vkc_transport, "vsocklo0"));
	VERIFY3U(vkc->vkc_tx_bytes, ==, 8);
	VERIFY3U(vkc->vkc_tx_msgs, ==, 2);
	VERIFY3U(vkc->vkc_rx_bytes, ==, 4);
	VERIFY3U(vkc->vkc_rx_msgs, ==, 1);
	VERIFY3U(vkc->vkc_rx_queued, ==, 4);
	VERIFY3U(vkc->vkc_rx_credit, ==, 256 * 1024 - 4);
	VERIFY3U(vkc->vkc_rcvbuf, ==, 256 * 1024);
	VERIFY0(vkc->vkc_flags);

	vkc = list_find(cl, PORT, port_of(a));
	VERIFY3U(vkc->vkc_state, ==, VSOCK_S_CONNECTED);
	VERIFY3U(vkc->vkc_rx_bytes, ==, 8);
	VERIFY3U(vkc->vkc_tx_bytes, ==, 4);
	VERIFY3U(vkc->vkc_tx_credit, ==, 256 * 1024 - 4);

	/* The counters of the transport are those of both ends. */
	VERIFY3U(transport_stat("vsocklo0", "direction"), ==,
	    VSOCK_KDIR_LOCAL);
	VERIFY3U(transport_stat("vsocklo0", "local_cid"), ==, 1);
	VERIFY3U(transport_stat("vsocklo0", "connections"), ==, 2);
	VERIFY3U(transport_stat("vsocklo0", "connects"), ==, 1);
	VERIFY3U(transport_stat("vsocklo0", "accepts"), ==, 1);
	VERIFY3U(transport_stat("vsocklo0", "tx_bytes"), ==, 12);
	VERIFY3U(transport_stat("vsocklo0", "tx_messages"), ==, 3);
	VERIFY3U(transport_stat("vsocklo0", "rx_bytes"), ==, 12);
	VERIFY3U(transport_stat("vsocklo0", "rx_messages"), ==, 3);

	VERIFY0(fsk_shutdown(a, SHUT_WR));
	VERIFY0(list_read(0, GLOBAL_ZONEID, cl));
	VERIFY3U(list_find(cl, port_of(a), PORT)->vkc_state, ==,
	    VSOCK_S_SHUT_SEND);
	VERIFY3U(list_find(cl, PORT, port_of(a))->vkc_state, ==,
	    VSOCK_S_SHUT_RECV);
	VERIFY0(fsk_close(a));
	VERIFY0(fsk_close(b));
	VERIFY0(list_read(0, GLOBAL_ZONEID, cl));
	VERIFY3U(cl->cl_n, ==, 1);
	/* They stay when the connections have gone. */
	VERIFY0(transport_stat("vsocklo0", "connections"));
	VERIFY3U(transport_stat("vsocklo0", "tx_bytes"), ==, 12);

	VERIFY3S(mock_connect(idle, VMADDR_CID_LOCAL, PORT + 1), ==,
	    ECONNRESET);
	VERIFY3U(transport_stat("vsocklo0", "refused_out"), ==, 1);
	VERIFY3U(transport_stat("vsocklo0", "refused_in"), ==, 1);
	VERIFY0(list_read(0, GLOBAL_ZONEID, cl));
	VERIFY3U(cl->cl_n, ==, 2);
	VERIFY3U(list_find(cl, port_of(idle), VMADDR_PORT_ANY)->vkc_state, ==,
	    VSOCK_S_BOUND);
	VERIFY0(fsk_close(idle));
	VERIFY0(fsk_close(l));
	end();
	kmem_free(cl, sizeof (*cl));
}

/* Stalls are counted once each, and shown while they last. */
KTEST(vsock_kstat_stalls)
{
	conn_list_t *cl = kmem_alloc(sizeof (*cl), KM_SLEEP);
	const vsock_kconn_t *vkc;
	fsk_file_t *so;
	mock_tc_t *mt;
	size_t done;

	begin();
	mock_attach(GLOBAL_ZONEID);
	so = mock_socket(VMADDR_PORT_ANY);
	VERIFY0(mock_connect(so, MOCK_CID, PORT));
	mt = mock_last;
	mt->mt_full = B_TRUE;
	send_all(so, "x", 1);
	VERIFY3S(fsk_send(so, "y", 1, MSG_DONTWAIT, &done), ==, EWOULDBLOCK);
	vsock_up_starved(mt->mt_conn);
	VERIFY0(list_read(0, GLOBAL_ZONEID, cl));
	vkc = list_find(cl, port_of(so), PORT);
	VERIFY3U(vkc->vkc_flags, ==, VKC_TX_FULL);
	VERIFY3U(vkc->vkc_tx_stalls, ==, 1);
	VERIFY3U(vkc->vkc_rx_stalls, ==, 1);
	VERIFY0(strcmp(vkc->vkc_transport, "mock0"));
	/* The mock does not know more. */
	VERIFY0(vkc->vkc_tx_packets);

	mt->mt_full = B_FALSE;
	vsock_up_writable(mt->mt_conn);
	send_all(so, "y", 1);
	VERIFY0(list_read(0, GLOBAL_ZONEID, cl));
	vkc = list_find(cl, port_of(so), PORT);
	VERIFY0(vkc->vkc_flags);
	VERIFY3U(vkc->vkc_tx_stalls, ==, 1);
	VERIFY3U(vkc->vkc_tx_bytes, ==, 2);
	VERIFY3U(transport_stat("mock0", "remote_cid"), ==, MOCK_CID);
	VERIFY3U(transport_stat("mock0", "direction"), ==,
	    VSOCK_KDIR_TO_GUEST);

	vsock_up_reset(mt->mt_conn, ECONNRESET);
	VERIFY3U(transport_stat("mock0", "resets"), ==, 1);
	mock_free(mt);
	VERIFY0(fsk_close(so));
	mock_detach();
	end();
	kmem_free(cl, sizeof (*cl));
}

/* More in one bucket than are looked at at a time; and a list that shrinks. */
KTEST(vsock_kstat_many)
{
	conn_list_t *cl = kmem_alloc(sizeof (*cl), KM_SLEEP);
	fsk_file_t *so[200];
	kstat_t *ksp;
	uint_t i;

	begin();
	for (i = 0; i < ARRAY_SIZE(so); i++)
		so[i] = mock_listener(PORT + 256 * i, 1);
	VERIFY0(list_read(0, GLOBAL_ZONEID, cl));
	VERIFY3U(cl->cl_n, ==, ARRAY_SIZE(so));
	for (i = 0; i < ARRAY_SIZE(so); i++)
		(void) list_find(cl, PORT + 256 * i, VMADDR_PORT_ANY);

	/* Between the count and the list. */
	ksp = kstat_hold_byname("vsock", 0, "connections", GLOBAL_ZONEID);
	KSTAT_ENTER(ksp);
	VERIFY0(KSTAT_UPDATE(ksp, KSTAT_READ));
	KSTAT_EXIT(ksp);
	VERIFY0(fsk_close(so[0]));
	KSTAT_ENTER(ksp);
	VERIFY0(KSTAT_SNAPSHOT(ksp, cl->cl_conn, KSTAT_READ));
	KSTAT_EXIT(ksp);
	VERIFY3U(cl->cl_conn[ARRAY_SIZE(so) - 2].vkc_size, !=, 0);
	VERIFY0(cl->cl_conn[ARRAY_SIZE(so) - 1].vkc_size);
	/* One more than were counted does not find room. */
	KSTAT_ENTER(ksp);
	VERIFY0(KSTAT_UPDATE(ksp, KSTAT_READ));
	KSTAT_EXIT(ksp);
	so[0] = mock_listener(PORT, 1);
	bzero(cl, sizeof (*cl));
	KSTAT_ENTER(ksp);
	VERIFY0(KSTAT_SNAPSHOT(ksp, cl->cl_conn, KSTAT_READ));
	KSTAT_EXIT(ksp);
	VERIFY0(cl->cl_conn[ARRAY_SIZE(so) - 1].vkc_size);
	kstat_rele(ksp);
	for (i = 0; i < ARRAY_SIZE(so); i++)
		VERIFY0(fsk_close(so[i]));
	end();
	kmem_free(cl, sizeof (*cl));
}

static fsk_file_t *
zone_listener(zone_t *zone, uint32_t port)
{
	struct sockaddr_vm svm = {
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY,
		.svm_port = port
	};
	fsk_file_t *so;

	VERIFY0(fsk_socket_as(zone->zone_id, true, AF_VSOCK, SOCK_STREAM, 0,
	    &so));
	VERIFY0(fsk_bind(so, &svm, sizeof (svm)));
	VERIFY0(fsk_listen(so, 5));
	return (so);
}

KTEST(vsock_kstat_zones)
{
	conn_list_t *cl = kmem_alloc(sizeof (*cl), KM_SLEEP);
	fsk_file_t *gl, *zl;
	zone_t *zone;
	kstat_t *ksp;
	int id;

	begin();
	zone = fk_zone_create("a");
	id = zone->zone_id;
	gl = mock_listener(PORT, 5);
	zl = zone_listener(zone, PORT + 1);

	VERIFY0(list_read(0, GLOBAL_ZONEID, cl));
	VERIFY3U(cl->cl_n, ==, 1);
	VERIFY0(list_find(cl, PORT, VMADDR_PORT_ANY)->vkc_zoneid);
	VERIFY0(list_read(id, GLOBAL_ZONEID, cl));
	VERIFY3U(cl->cl_n, ==, 1);
	VERIFY3S(list_find(cl, PORT + 1, VMADDR_PORT_ANY)->vkc_zoneid, ==, id);
	VERIFY0(list_read(id, id, cl));
	VERIFY3U(cl->cl_n, ==, 1);
	/* What is not its own the zone does not see. */
	VERIFY3S(list_read(0, id, cl), ==, ENOENT);
	VERIFY3P(kstat_hold_byname("vsock_transport", 0, "vsocklo0", id), ==,
	    NULL);
	ksp = kstat_hold_byname("vsock_transport", id, "vsocklo1", id);
	VERIFY(ksp != NULL);
	kstat_rele(ksp);

	VERIFY0(fsk_close(zl));
	fk_zone_shutdown(zone);
	fk_zone_destroy(zone);
	VERIFY3S(list_read(id, GLOBAL_ZONEID, cl), ==, ENOENT);
	VERIFY0(fsk_close(gl));
	end();
	kmem_free(cl, sizeof (*cl));
}

/*
 * Probes
 */

static const char *const probes[] = {
	"vsock-send", "vsock-receive", "vsock-accept-established",
	"vsock-accept-refused", "vsock-connect-established",
	"vsock-connect-refused", "vsock-state-change", "vsock-drop-in",
	"vsock-drop-out"
};

/* How often each was hit, in that order: all of them at once. */
static void
expect_hits(uint_t send, uint_t receive, uint_t accepted, uint_t not_accepted,
    uint_t connected, uint_t not_connected, uint_t state, uint_t in, uint_t out)
{
	const uint_t expected[] = {
		send, receive, accepted, not_accepted, connected,
		not_connected, state, in, out
	};
	uint_t i, n;

	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		n = probe_hits(probes[i]);
		if (n != expected[i]) {
			kt_fail(__FILE__, __LINE__, "%s: %u hits, not %u",
			    probes[i], n, expected[i]);
		}
	}
}

KTEST(vsock_probes)
{
	fsk_file_t *l, *a, *b;
	mock_tc_t *mt;
	char buf[8];
	uint_t i;

	begin();
	for (i = 0; i < ARRAY_SIZE(probes); i++)
		VERIFY3U(probe_on(probes[i]), !=, 0);

	/* bound, listen; bound, connecting, connected; embryo, connected */
	loop_open(&l, &a, &b);
	expect_hits(0, 0, 1, 0, 1, 0, 7, 0, 0);
	send_all(a, "hello", 5);
	expect_hits(1, 1, 0, 0, 0, 0, 0, 0, 0);
	VERIFY3S(probe_arg("vsock-send", 2), ==, 5);
	VERIFY3S(probe_arg("vsock-receive", 2), ==, 5);
	VERIFY3S(probe_arg("vsock-send", 0), !=,
	    probe_arg("vsock-receive", 0));
	recv_all(b, buf, 5);
	VERIFY0(fsk_shutdown(a, SHUT_WR));
	expect_hits(0, 0, 0, 0, 0, 0, 2, 0, 0);
	VERIFY3S(probe_arg("vsock-state-change", 1), ==, VSOCK_S_CONNECTED);
	VERIFY3S(probe_arg("vsock-state-change", 2), ==, VSOCK_S_SHUT_RECV);
	VERIFY0(fsk_close(a));
	VERIFY0(fsk_close(b));
	VERIFY0(fsk_close(l));
	for (i = 0; i < ARRAY_SIZE(probes); i++)
		(void) probe_hits(probes[i]);

	/* Refused: by nobody listening (both sides are ours), by no route. */
	a = mock_socket(VMADDR_PORT_ANY);
	VERIFY3S(mock_connect(a, VMADDR_CID_LOCAL, PORT), ==, ECONNRESET);
	expect_hits(0, 0, 0, 1, 0, 1, 3, 0, 0);
	VERIFY3S(probe_arg("vsock-accept-refused", 2), ==, ECONNREFUSED);
	VERIFY3S(probe_arg("vsock-connect-refused", 2), ==, ECONNRESET);
	VERIFY3S(mock_connect(a, MOCK_CID, PORT), ==, EAFNOSUPPORT);
	expect_hits(0, 0, 0, 0, 0, 1, 0, 0, 0);
	VERIFY3S(probe_arg("vsock-connect-refused", 2), ==, EAFNOSUPPORT);

	/*
	 * The peer refuses (bound, connecting, bound), and sends what it may
	 * not.  A socket that was refused is of no more use.
	 */
	VERIFY0(fsk_close(a));
	a = mock_socket(VMADDR_PORT_ANY);
	(void) probe_hits("vsock-state-change");
	mock_attach(GLOBAL_ZONEID);
	mock_mode = MOCK_REFUSE;
	VERIFY3S(mock_connect(a, MOCK_CID, PORT), ==, ECONNRESET);
	expect_hits(0, 0, 0, 0, 0, 1, 3, 0, 0);
	mock_free(mock_last);
	VERIFY0(fsk_close(a));
	a = mock_socket(VMADDR_PORT_ANY);
	(void) probe_hits("vsock-state-change");
	mock_mode = MOCK_ACCEPT;
	VERIFY0(mock_connect(a, MOCK_CID, PORT));
	mt = mock_last;
	vsock_up_shutdown(mt->mt_conn, VSOCK_SHUT_SEND);
	expect_hits(0, 0, 0, 0, 1, 0, 4, 0, 0);
	mock_send(mt, 7);
	expect_hits(0, 0, 0, 0, 0, 0, 0, 1, 0);
	VERIFY3S(probe_arg("vsock-drop-in", 2), ==, 7);
	VERIFY0(strcmp((const char *)probe_arg("vsock-drop-in", 3),
	    "after its end"));
	vsock_up_reset(mt->mt_conn, 0);
	mock_free(mt);
	VERIFY0(fsk_close(a));
	mock_detach();
	end();
}

/*
 * Properties
 */

static int
prop_io(fk_file_t *dev, int cmd, uint32_t prop, vsock_prop_io_t *vpi)
{
	vpi->vpi_prop = prop;
	return (fk_ioctl(dev, cmd, (intptr_t)vpi, NULL));
}

static int
prop_set(fk_file_t *dev, uint32_t prop, uint64_t value)
{
	vsock_prop_io_t vpi = { .vpi_value = value };

	return (prop_io(dev, VSOCK_IOC_SETPROP, prop, &vpi));
}

static int
prop_reset(fk_file_t *dev, uint32_t prop)
{
	vsock_prop_io_t vpi = { 0 };

	return (prop_io(dev, VSOCK_IOC_RESETPROP, prop, &vpi));
}

static void
expect_prop(fk_file_t *dev, uint32_t prop, uint64_t value, uint64_t def,
    uint64_t min, uint64_t max)
{
	vsock_prop_io_t vpi = { 0 };

	VERIFY0(prop_io(dev, VSOCK_IOC_GETPROP, prop, &vpi));
	VERIFY3U(vpi.vpi_value, ==, value);
	VERIFY3U(vpi.vpi_default, ==, def);
	VERIFY3U(vpi.vpi_min, ==, min);
	VERIFY3U(vpi.vpi_max, ==, max);
	VERIFY0(vpi.vpi_nports);
}

static uint64_t
get_bufsize(fsk_file_t *so, int name)
{
	uint64_t bytes = 0;
	uint32_t len = sizeof (bytes);

	VERIFY0(fsk_getsockopt(so, AF_VSOCK, name, &bytes, &len));
	return (bytes);
}

#define	MIB	(1024 * 1024)

KTEST(vsock_prop_buffers)
{
	uint64_t want = 64 * MIB;
	fsk_file_t *so, *old;
	fk_file_t *dev;

	begin();
	dev = dev_open();
	old = mock_socket(VMADDR_PORT_ANY);
	expect_prop(dev, VSOCK_PROP_RECV_BUF, MIB / 4, MIB / 4, 4096, 16 * MIB);
	expect_prop(dev, VSOCK_PROP_SEND_BUF, MIB / 4, MIB / 4, 4096, 16 * MIB);
	expect_prop(dev, VSOCK_PROP_MAX_BUF, 16 * MIB, 16 * MIB, MIB / 4,
	    16 * MIB);

	VERIFY3S(prop_set(dev, VSOCK_PROP_RECV_BUF, 4095), ==, ERANGE);
	VERIFY3S(prop_set(dev, VSOCK_PROP_RECV_BUF, 16 * MIB + 1), ==, ERANGE);
	VERIFY3S(prop_set(dev, VSOCK_PROP_RECV_BUF, (1ULL << 32) + 4096), ==,
	    ERANGE);
	VERIFY0(prop_set(dev, VSOCK_PROP_RECV_BUF, MIB));
	VERIFY0(prop_set(dev, VSOCK_PROP_SEND_BUF, 8192));
	/* The greatest is not below the others. */
	expect_prop(dev, VSOCK_PROP_MAX_BUF, 16 * MIB, 16 * MIB, MIB,
	    16 * MIB);
	VERIFY3S(prop_set(dev, VSOCK_PROP_MAX_BUF, MIB - 1), ==, ERANGE);
	VERIFY0(prop_set(dev, VSOCK_PROP_MAX_BUF, 2 * MIB));
	VERIFY3S(prop_set(dev, VSOCK_PROP_SEND_BUF, 2 * MIB + 1), ==, ERANGE);

	/* What there is keeps what it has. */
	VERIFY3U(get_bufsize(old, SO_VM_SOCKETS_BUFFER_SIZE), ==, MIB / 4);
	so = mock_socket(VMADDR_PORT_ANY);
	VERIFY3U(get_bufsize(so, SO_VM_SOCKETS_BUFFER_SIZE), ==, MIB);
	VERIFY3U(get_bufsize(so, SO_VM_SOCKETS_BUFFER_MAX_SIZE), ==, MIB);
	VERIFY0(fsk_setsockopt(so, AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE,
	    &want, sizeof (want)));
	VERIFY0(fsk_setsockopt(so, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &want,
	    sizeof (want)));
	VERIFY3U(get_bufsize(so, SO_VM_SOCKETS_BUFFER_SIZE), ==, 2 * MIB);
	VERIFY0(fsk_close(so));

	VERIFY0(prop_set(dev, VSOCK_PROP_RECV_BUF, 4096));
	VERIFY0(prop_set(dev, VSOCK_PROP_MAX_BUF, 8192));
	/* Its default is above what is now the greatest. */
	VERIFY3S(prop_reset(dev, VSOCK_PROP_RECV_BUF), ==, ERANGE);
	so = mock_socket(VMADDR_PORT_ANY);
	VERIFY3U(get_bufsize(so, SO_VM_SOCKETS_BUFFER_SIZE), ==, 4096);
	VERIFY3U(get_bufsize(so, SO_VM_SOCKETS_BUFFER_MAX_SIZE), ==, 8192);
	VERIFY0(fsk_close(so));
	VERIFY0(prop_reset(dev, VSOCK_PROP_MAX_BUF));
	VERIFY0(prop_reset(dev, VSOCK_PROP_RECV_BUF));
	VERIFY0(prop_reset(dev, VSOCK_PROP_SEND_BUF));
	expect_prop(dev, VSOCK_PROP_RECV_BUF, MIB / 4, MIB / 4, 4096, 16 * MIB);
	expect_prop(dev, VSOCK_PROP_SEND_BUF, MIB / 4, MIB / 4, 4096, 16 * MIB);
	VERIFY0(fsk_close(old));
	VERIFY0(fk_close(dev));
	end();
}

KTEST(vsock_prop_connect_timeout)
{
	struct timeval tv;
	uint32_t len = sizeof (tv);
	fsk_file_t *so;
	fk_file_t *dev;

	begin();
	dev = dev_open();
	expect_prop(dev, VSOCK_PROP_CONNECT_TIMEOUT, 2000, 2000, 1, 86400000);
	VERIFY3S(prop_set(dev, VSOCK_PROP_CONNECT_TIMEOUT, 0), ==, ERANGE);
	VERIFY3S(prop_set(dev, VSOCK_PROP_CONNECT_TIMEOUT, 86400001), ==,
	    ERANGE);
	VERIFY0(prop_set(dev, VSOCK_PROP_CONNECT_TIMEOUT, 7500));
	mock_attach(GLOBAL_ZONEID);
	mock_mode = MOCK_MUTE;
	so = mock_socket(VMADDR_PORT_ANY);
	VERIFY0(fsk_getsockopt(so, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &tv,
	    &len));
	VERIFY3S(tv.tv_sec, ==, 7);
	VERIFY3S(tv.tv_usec, ==, 500000);
	/* That is how long it takes. */
	fsk_set_nonblock(so, true);
	VERIFY3S(mock_connect(so, MOCK_CID, PORT), ==, EINPROGRESS);
	fk_time_advance(MSEC2NSEC(7400));
	fk_quiesce();
	VERIFY3S(mock_connect(so, MOCK_CID, PORT), ==, EALREADY);
	fk_time_advance(MSEC2NSEC(200));
	fk_quiesce();
	VERIFY3S(mock_connect(so, MOCK_CID, PORT), ==, ETIMEDOUT);
	mock_free(mock_last);
	VERIFY0(fsk_close(so));

	/* 0 is the zone's, not the built-in default. */
	so = mock_socket(VMADDR_PORT_ANY);
	tv.tv_sec = tv.tv_usec = 0;
	VERIFY0(fsk_setsockopt(so, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &tv,
	    sizeof (tv)));
	VERIFY0(fsk_getsockopt(so, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &tv,
	    &len));
	VERIFY3S(tv.tv_sec, ==, 7);
	VERIFY0(fsk_close(so));
	VERIFY0(fk_close(dev));
	mock_detach();
	end();
}

static int
bind_user(uint32_t port)
{
	struct sockaddr_vm svm = {
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY,
		.svm_port = port
	};
	fsk_file_t *so;
	int error;

	VERIFY0(fsk_socket_as(GLOBAL_ZONEID, false, AF_VSOCK, SOCK_STREAM, 0,
	    &so));
	error = fsk_bind(so, &svm, sizeof (svm));
	VERIFY0(fsk_close(so));
	return (error);
}

KTEST(vsock_prop_ports)
{
	vsock_prop_io_t vpi = { 0 };
	fsk_file_t *so;
	fk_file_t *dev;
	uint_t i;

	begin();
	dev = dev_open();
	VERIFY0(prop_io(dev, VSOCK_IOC_GETPROP, VSOCK_PROP_EXTRA_PRIV_PORTS,
	    &vpi));
	VERIFY0(vpi.vpi_nports);
	VERIFY3U(vpi.vpi_min, ==, 1024);
	VERIFY3U(vpi.vpi_max, ==, VMADDR_PORT_ANY - 1);
	VERIFY0(bind_user(70000));

	vpi.vpi_nports = 2;
	vpi.vpi_ports[0] = 70000;
	vpi.vpi_ports[1] = 2049;
	VERIFY0(prop_io(dev, VSOCK_IOC_SETPROP, VSOCK_PROP_EXTRA_PRIV_PORTS,
	    &vpi));
	VERIFY3S(bind_user(70000), ==, EACCES);
	VERIFY3S(bind_user(2049), ==, EACCES);
	VERIFY0(bind_user(70001));
	VERIFY3S(bind_user(80), ==, EACCES);
	so = mock_socket(70000);
	VERIFY0(fsk_close(so));

	/* Nothing of a list that is not accepted counts. */
	vpi.vpi_ports[0] = 3000;
	vpi.vpi_ports[1] = 1023;
	VERIFY3S(prop_io(dev, VSOCK_IOC_SETPROP, VSOCK_PROP_EXTRA_PRIV_PORTS,
	    &vpi), ==, ERANGE);
	vpi.vpi_ports[1] = VMADDR_PORT_ANY;
	VERIFY3S(prop_io(dev, VSOCK_IOC_SETPROP, VSOCK_PROP_EXTRA_PRIV_PORTS,
	    &vpi), ==, ERANGE);
	vpi.vpi_ports[1] = 3000;
	VERIFY3S(prop_io(dev, VSOCK_IOC_SETPROP, VSOCK_PROP_EXTRA_PRIV_PORTS,
	    &vpi), ==, EINVAL);
	vpi.vpi_nports = VSOCK_MAX_EXTRA_PORTS + 1;
	VERIFY3S(prop_io(dev, VSOCK_IOC_SETPROP, VSOCK_PROP_EXTRA_PRIV_PORTS,
	    &vpi), ==, EINVAL);
	vpi.vpi_nports = UINT32_MAX;
	VERIFY3S(prop_io(dev, VSOCK_IOC_SETPROP, VSOCK_PROP_EXTRA_PRIV_PORTS,
	    &vpi), ==, EINVAL);
	VERIFY0(bind_user(3000));
	VERIFY3S(bind_user(70000), ==, EACCES);

	for (i = 0; i < VSOCK_MAX_EXTRA_PORTS; i++)
		vpi.vpi_ports[i] = 5000 + i;
	vpi.vpi_nports = VSOCK_MAX_EXTRA_PORTS;
	VERIFY0(prop_io(dev, VSOCK_IOC_SETPROP, VSOCK_PROP_EXTRA_PRIV_PORTS,
	    &vpi));
	bzero(&vpi, sizeof (vpi));
	VERIFY0(prop_io(dev, VSOCK_IOC_GETPROP, VSOCK_PROP_EXTRA_PRIV_PORTS,
	    &vpi));
	VERIFY3U(vpi.vpi_nports, ==, VSOCK_MAX_EXTRA_PORTS);
	VERIFY3U(vpi.vpi_ports[31], ==, 5031);
	VERIFY3S(bind_user(5031), ==, EACCES);
	VERIFY0(prop_reset(dev, VSOCK_PROP_EXTRA_PRIV_PORTS));
	VERIFY0(bind_user(5031));
	VERIFY0(fk_close(dev));
	end();
}

KTEST(vsock_prop_loopback)
{
	fsk_file_t *l, *a, *b, *so;
	fk_file_t *dev;
	uint32_t cid;
	char c;
	size_t done;

	begin();
	dev = dev_open();
	expect_prop(dev, VSOCK_PROP_LOOPBACK, 1, 1, 0, 1);
	VERIFY0(prop_set(dev, VSOCK_PROP_LOOPBACK, 1));
	VERIFY3S(prop_set(dev, VSOCK_PROP_LOOPBACK, 2), ==, ERANGE);
	loop_open(&l, &a, &b);

	VERIFY0(prop_set(dev, VSOCK_PROP_LOOPBACK, 0));
	expect_prop(dev, VSOCK_PROP_LOOPBACK, 0, 1, 0, 1);
	VERIFY0(prop_set(dev, VSOCK_PROP_LOOPBACK, 0));
	VERIFY3S(fsk_recv(a, &c, 1, MSG_DONTWAIT, &done), ==, ECONNRESET);
	VERIFY3S(fsk_recv(b, &c, 1, MSG_DONTWAIT, &done), ==, ECONNRESET);
	VERIFY3S(fsk_socket(AF_VSOCK, SOCK_STREAM, 0, &so), ==, EAFNOSUPPORT);
	VERIFY0(fk_ioctl(dev, IOCTL_VM_SOCKETS_GET_LOCAL_CID, (intptr_t)&cid,
	    NULL));
	VERIFY3U(cid, ==, VMADDR_CID_ANY);
	/* A hypervisor's guests are yet to come. */
	mock_attach(GLOBAL_ZONEID);
	so = mock_socket(VMADDR_PORT_ANY);
	VERIFY3S(mock_connect(so, VMADDR_CID_LOCAL, PORT), ==, EAFNOSUPPORT);
	VERIFY3S(mock_connect(so, VMADDR_CID_HOST, PORT), ==, EAFNOSUPPORT);
	VERIFY0(fsk_close(so));
	mock_guest_detach();
	so = mock_socket(VMADDR_PORT_ANY);
	VERIFY0(fsk_close(so));
	mock_detach();
	VERIFY3S(fsk_socket(AF_VSOCK, SOCK_STREAM, 0, &so), ==, EAFNOSUPPORT);

	/* The listener has survived. */
	VERIFY0(prop_reset(dev, VSOCK_PROP_LOOPBACK));
	VERIFY0(fsk_close(a));
	VERIFY0(fsk_close(b));
	a = mock_socket(VMADDR_PORT_ANY);
	VERIFY0(mock_connect(a, VMADDR_CID_LOCAL, PORT));
	b = mock_accept(l);
	send_all(a, "x", 1);
	recv_all(b, &c, 1);
	VERIFY0(fsk_close(a));
	VERIFY0(fsk_close(b));
	VERIFY0(fsk_close(l));
	VERIFY0(fk_close(dev));
	end();
}

static fk_file_t *
zone_dev(zone_t *zone, int priv)
{
	cred_t *cr = fk_cred_create(60001, 60001, zone, B_FALSE);
	fk_file_t *dev;

	if (priv >= 0)
		fk_cred_addpriv(cr, priv);
	VERIFY0(fk_open_as("/dev/vsock", FREAD, cr, &dev));
	crfree(cr);
	return (dev);
}

KTEST(vsock_prop_rules)
{
	fk_file_t *dev, *user, *net, *zdev;
	vsock_prop_io_t vpi = { 0 };
	zone_t *zone, *other;

	begin();
	dev = dev_open();
	user = zone_dev(global_zone, -1);
	net = zone_dev(global_zone, PRIV_SYS_NET_CONFIG);
	VERIFY3S(prop_set(user, VSOCK_PROP_LOOPBACK, 0), ==, EPERM);
	VERIFY3S(prop_reset(user, VSOCK_PROP_LOOPBACK), ==, EPERM);
	expect_prop(user, VSOCK_PROP_LOOPBACK, 1, 1, 0, 1);
	VERIFY0(prop_set(net, VSOCK_PROP_CONNECT_TIMEOUT, 100));
	expect_prop(user, VSOCK_PROP_CONNECT_TIMEOUT, 100, 2000, 1, 86400000);

	VERIFY3S(prop_io(dev, VSOCK_IOC_GETPROP, VSOCK_NPROPS, &vpi), ==,
	    EINVAL);
	VERIFY3S(prop_io(dev, VSOCK_IOC_SETPROP, UINT32_MAX, &vpi), ==,
	    EINVAL);
	VERIFY3S(prop_io(dev, VSOCK_IOC_RESETPROP, VSOCK_NPROPS, &vpi), ==,
	    EINVAL);
	VERIFY3S(fk_ioctl(dev, VSOCK_IOC_GETPROP, 8, NULL), ==, EFAULT);
	VERIFY3S(fk_ioctl(dev, VSOCK_IOC_SETPROP, 8, NULL), ==, EFAULT);
	VERIFY3S(fk_ioctl(dev, VSOCK_IOC_CAPTURE + 1, (intptr_t)&vpi, NULL),
	    ==, ENOTTY);

	/* A zone has its own, and its administrator need not be ours. */
	zone = fk_zone_create("a");
	zdev = zone_dev(zone, PRIV_SYS_NET_CONFIG);
	expect_prop(zdev, VSOCK_PROP_CONNECT_TIMEOUT, 2000, 2000, 1, 86400000);
	VERIFY0(prop_set(zdev, VSOCK_PROP_LOOPBACK, 0));
	expect_prop(dev, VSOCK_PROP_LOOPBACK, 1, 1, 0, 1);

	/* The global zone's can set those of any, and nobody else. */
	vpi.vpi_zoneid = zone->zone_id;
	vpi.vpi_value = 3000;
	VERIFY0(prop_io(dev, VSOCK_IOC_SETPROP, VSOCK_PROP_CONNECT_TIMEOUT,
	    &vpi));
	expect_prop(dev, VSOCK_PROP_CONNECT_TIMEOUT, 100, 2000, 1, 86400000);
	expect_prop(zdev, VSOCK_PROP_CONNECT_TIMEOUT, 3000, 2000, 1, 86400000);
	VERIFY0(prop_io(user, VSOCK_IOC_GETPROP, VSOCK_PROP_CONNECT_TIMEOUT,
	    &vpi));
	VERIFY3U(vpi.vpi_value, ==, 3000);
	VERIFY3S(vpi.vpi_zoneid, ==, zone->zone_id);
	VERIFY3S(prop_io(user, VSOCK_IOC_RESETPROP, VSOCK_PROP_CONNECT_TIMEOUT,
	    &vpi), ==, EPERM);
	VERIFY0(prop_io(zdev, VSOCK_IOC_RESETPROP, VSOCK_PROP_CONNECT_TIMEOUT,
	    &vpi));
	expect_prop(zdev, VSOCK_PROP_CONNECT_TIMEOUT, 2000, 2000, 1, 86400000);
	other = fk_zone_create("b");
	vpi.vpi_zoneid = other->zone_id;
	VERIFY3S(prop_io(zdev, VSOCK_IOC_GETPROP, VSOCK_PROP_LOOPBACK, &vpi),
	    ==, EPERM);
	VERIFY3S(prop_io(zdev, VSOCK_IOC_SETPROP, VSOCK_PROP_LOOPBACK, &vpi),
	    ==, EPERM);
	VERIFY0(prop_io(dev, VSOCK_IOC_GETPROP, VSOCK_PROP_LOOPBACK, &vpi));
	VERIFY3U(vpi.vpi_value, ==, 1);
	fk_zone_shutdown(other);
	VERIFY3S(prop_io(dev, VSOCK_IOC_GETPROP, VSOCK_PROP_LOOPBACK, &vpi),
	    ==, ENXIO);
	fk_zone_destroy(other);
	VERIFY3S(prop_io(dev, VSOCK_IOC_GETPROP, VSOCK_PROP_LOOPBACK, &vpi),
	    ==, ENXIO);
	vpi.vpi_zoneid = -1;
	VERIFY3S(prop_io(dev, VSOCK_IOC_GETPROP, VSOCK_PROP_LOOPBACK, &vpi),
	    ==, ENXIO);

	fk_zone_shutdown(zone);
	/* There is nothing to be turned on any more. */
	VERIFY3S(prop_set(zdev, VSOCK_PROP_LOOPBACK, 1), ==, ENXIO);
	VERIFY0(fk_close(zdev));
	fk_zone_destroy(zone);
	VERIFY0(fk_close(net));
	VERIFY0(fk_close(user));
	VERIFY0(fk_close(dev));
	end();
}

/*
 * Capture
 */

static int
capture_start(fk_file_t *dev, uint32_t bufsize, uint32_t snaplen)
{
	vsock_capture_io_t vci = {
		.vci_bufsize = bufsize, .vci_snaplen = snaplen
	};

	return (fk_ioctl(dev, VSOCK_IOC_CAPTURE, (intptr_t)&vci, NULL));
}

/* A record and the packet in it, both at the start of a buffer. */
typedef struct cap_packet {
	vsock_capture_rec_t	cp_rec;
	vsock_mon_hdr_t		cp_mon;
	uint8_t			cp_data[VSOCK_CAPTURE_MAXSNAP];
} cap_packet_t;

/* The next record, alone. */
static void
capture_next(fk_file_t *dev, cap_packet_t *cp, uint_t op)
{
	vsock_capture_rec_t *rec = &cp->cp_rec;
	size_t done, len;

	/* Exactly as much as a record with no payload, or one with much. */
	for (len = sizeof (*rec) + sizeof (cp->cp_mon); ; len += 8) {
		int error = fk_read(dev, cp, len, true, &done);

		if (error == 0)
			break;
		VERIFY3S(error, ==, EINVAL);
		VERIFY3U(len, <, sizeof (*cp));
	}
	VERIFY3U(done, ==, len);
	VERIFY3U(rec->vcr_size, ==, len);
	VERIFY0(rec->vcr_size % 8);
	VERIFY3U(rec->vcr_caplen, <=, rec->vcr_len);
	VERIFY3U(rec->vcr_size - sizeof (*rec) - rec->vcr_caplen, <, 8);
	VERIFY3U(rec->vcr_nsec, <, NANOSEC);
	VERIFY3U(cp->cp_mon.vmh_op, ==, op);
	VERIFY0(cp->cp_mon.vmh_reserved[0] | cp->cp_mon.vmh_reserved[1]);
}

static void
capture_empty(fk_file_t *dev)
{
	char c;
	size_t done;

	VERIFY3S(fk_read(dev, &c, 1, true, &done), ==, EAGAIN);
	VERIFY0(fk_poll(dev, POLLIN));
}

KTEST(vsock_capture_loopback)
{
	cap_packet_t *cp = kmem_alloc(sizeof (*cp), KM_SLEEP);
	fsk_file_t *l, *a, *b;
	fk_file_t *dev;
	uint32_t port;

	begin();
	dev = dev_open();
	VERIFY0(capture_start(dev, 0, 0));
	capture_empty(dev);
	loop_open(&l, &a, &b);
	port = port_of(a);
	VERIFY3S(fk_poll(dev, POLLIN | POLLOUT), ==, POLLIN);

	capture_next(dev, cp, VSOCK_MON_CONNECT);
	VERIFY3U(cp->cp_rec.vcr_len, ==, sizeof (vsock_mon_hdr_t));
	VERIFY3U(cp->cp_mon.vmh_src_cid, ==, 1);
	VERIFY3U(cp->cp_mon.vmh_src_port, ==, port);
	VERIFY3U(cp->cp_mon.vmh_dst_cid, ==, 1);
	VERIFY3U(cp->cp_mon.vmh_dst_port, ==, PORT);
	VERIFY3U(cp->cp_mon.vmh_transport, ==, VSOCK_MON_TRANSPORT_NONE);
	VERIFY0(cp->cp_mon.vmh_len);
	capture_next(dev, cp, VSOCK_MON_CONNECT);
	VERIFY3U(cp->cp_mon.vmh_src_port, ==, PORT);
	VERIFY3U(cp->cp_mon.vmh_dst_port, ==, port);
	capture_empty(dev);

	send_all(a, "hello", 5);
	capture_next(dev, cp, VSOCK_MON_PAYLOAD);
	VERIFY3U(cp->cp_mon.vmh_src_port, ==, port);
	VERIFY3U(cp->cp_rec.vcr_len, ==, sizeof (vsock_mon_hdr_t) + 5);
	VERIFY3U(cp->cp_rec.vcr_caplen, ==, cp->cp_rec.vcr_len);
	VERIFY0(bcmp(cp->cp_data, "hello\0\0\0", 8));
	VERIFY0(fsk_shutdown(b, SHUT_WR));
	capture_next(dev, cp, VSOCK_MON_DISCONNECT);
	VERIFY3U(cp->cp_mon.vmh_src_port, ==, PORT);
	VERIFY0(fsk_close(a));
	capture_next(dev, cp, VSOCK_MON_DISCONNECT);
	VERIFY3U(cp->cp_mon.vmh_src_port, ==, port);
	VERIFY0(fsk_close(b));
	VERIFY0(fsk_close(l));

	/* Nobody listens: asked, and refused. */
	a = mock_socket(VMADDR_PORT_ANY);
	VERIFY3S(mock_connect(a, VMADDR_CID_LOCAL, PORT), ==, ECONNRESET);
	capture_next(dev, cp, VSOCK_MON_CONNECT);
	VERIFY3U(cp->cp_mon.vmh_dst_port, ==, PORT);
	capture_next(dev, cp, VSOCK_MON_DISCONNECT);
	VERIFY3U(cp->cp_mon.vmh_src_port, ==, PORT);
	capture_empty(dev);
	VERIFY0(cp->cp_rec.vcr_drops);
	VERIFY0(fsk_close(a));
	VERIFY0(fk_close(dev));
	end();
	kmem_free(cp, sizeof (*cp));
}

/* The ring is filled, emptied and filled again, across its end. */
KTEST(vsock_capture_ring)
{
	size_t size = 64 * 1024, done, drops = 0;
	uint8_t *data = kmem_alloc(size, KM_SLEEP);
	uint8_t *buf = kmem_alloc(VSOCK_CAPTURE_MAXBUF, KM_SLEEP);
	const vsock_capture_rec_t *rec;
	uint64_t value, seen = 0;
	fsk_file_t *l, *a, *b;
	fk_file_t *dev;
	uint_t round;
	size_t i, off;

	begin();
	loop_open(&l, &a, &b);
	dev = dev_open();
	VERIFY0(capture_start(dev, VSOCK_CAPTURE_MINBUF + 7, 0));
	for (round = 0; round < 60; round++) {
		/* Some of them do not fit. */
		for (i = 0; i < 12; i++) {
			size_t len = 20001 + round * 37 + i * 1000;

			(void) memset(data, (int)(round * 12 + i), len);
			send_all(a, data, len);
			recv_all(b, data, len);
		}
		VERIFY0(fk_read(dev, buf, VSOCK_CAPTURE_MAXBUF, true, &done));
		for (off = 0; off < done; off += rec->vcr_size) {
			rec = (const vsock_capture_rec_t *)(buf + off);
			VERIFY3U(rec->vcr_size, <=, done - off);
			VERIFY3U(rec->vcr_caplen, ==, rec->vcr_len);
			VERIFY3U(rec->vcr_drops, >=, drops);
			drops = rec->vcr_drops;
			/* All bytes of a packet are the same. */
			const uint8_t *p = buf + off + sizeof (*rec) +
			    sizeof (vsock_mon_hdr_t);
			size_t len = rec->vcr_len - sizeof (vsock_mon_hdr_t);

			for (i = 1; i < len; i++)
				VERIFY3U(p[i], ==, p[0]);
			seen++;
		}
		VERIFY3U(off, ==, done);
		capture_empty(dev);
	}
	VERIFY3U(drops, !=, 0);
	VERIFY0(fk_kstat_value("vsock", 0, "vsock", "captured", &value));
	VERIFY3U(value, ==, seen);
	VERIFY0(fk_kstat_value("vsock", 0, "vsock", "capture_drops", &value));
	VERIFY3U(value, >=, drops);
	VERIFY3U(value + seen, ==, 60 * 12);
	VERIFY0(fsk_close(a));
	VERIFY0(fsk_close(b));
	VERIFY0(fsk_close(l));
	VERIFY0(fk_close(dev));
	end();
	kmem_free(buf, VSOCK_CAPTURE_MAXBUF);
	kmem_free(data, size);
}

KTEST(vsock_capture_rules)
{
	fk_file_t *dev, *user, *raw, *more[VSOCK_MAX_CAPTURES];
	cap_packet_t *cp = kmem_alloc(sizeof (*cp), KM_SLEEP);
	fsk_file_t *l, *a, *b;
	short revents;
	size_t done;
	uint_t i;

	begin();
	dev = dev_open();
	user = zone_dev(global_zone, -1);
	raw = zone_dev(global_zone, PRIV_NET_RAWACCESS);
	VERIFY3S(capture_start(user, 0, 0), ==, EACCES);
	VERIFY3S(fk_read(dev, cp, sizeof (*cp), true, &done), ==, EINVAL);
	VERIFY3S(fk_poll_wait(dev, POLLIN, 0, &revents), ==, EINVAL);
	VERIFY3S(capture_start(raw, VSOCK_CAPTURE_MINBUF - 1, 0), ==, EINVAL);
	VERIFY3S(capture_start(raw, VSOCK_CAPTURE_MAXBUF + 1, 0), ==, EINVAL);
	VERIFY3S(capture_start(raw, 0, sizeof (vsock_mon_hdr_t) - 1), ==,
	    EINVAL);
	VERIFY3S(capture_start(raw, 0, VSOCK_CAPTURE_MAXSNAP + 1), ==, EINVAL);
	VERIFY3S(fk_ioctl(raw, VSOCK_IOC_CAPTURE, 8, NULL), ==, EFAULT);
	VERIFY0(capture_start(raw, VSOCK_CAPTURE_MINBUF,
	    sizeof (vsock_mon_hdr_t) + 2));
	VERIFY3S(capture_start(raw, 0, 0), ==, EBUSY);

	for (i = 0; i < VSOCK_MAX_CAPTURES - 1; i++) {
		more[i] = dev_open();
		VERIFY0(capture_start(more[i], VSOCK_CAPTURE_MINBUF, 0));
	}
	VERIFY3S(capture_start(dev, 0, 0), ==, EAGAIN);
	VERIFY0(fk_close(more[0]));
	VERIFY0(capture_start(dev, 0, 0));
	for (i = 1; i < VSOCK_MAX_CAPTURES - 1; i++)
		VERIFY0(fk_close(more[i]));

	/* Each sees everything, as much of it as it wants. */
	loop_open(&l, &a, &b);
	send_all(a, "hello", 5);
	for (i = 0; i < 2; i++) {
		capture_next(i == 0 ? dev : raw, cp, VSOCK_MON_CONNECT);
		capture_next(i == 0 ? dev : raw, cp, VSOCK_MON_CONNECT);
		/* In a buffer that is bad; the record is still there. */
		fk_bad_address(cp, sizeof (*cp));
		VERIFY3S(fk_read(i == 0 ? dev : raw, cp, sizeof (*cp), true,
		    &done), ==, EFAULT);
		fk_bad_address(cp, 0);
		capture_next(i == 0 ? dev : raw, cp, VSOCK_MON_PAYLOAD);
		VERIFY3U(cp->cp_rec.vcr_len, ==, sizeof (vsock_mon_hdr_t) + 5);
		VERIFY3U(cp->cp_rec.vcr_caplen, ==,
		    sizeof (vsock_mon_hdr_t) + (i == 0 ? 5 : 2));
		VERIFY0(bcmp(cp->cp_data, i == 0 ? "hello\0\0" : "he\0\0\0",
		    5));
	}
	VERIFY0(fsk_close(a));
	VERIFY0(fsk_close(b));
	VERIFY0(fsk_close(l));
	VERIFY0(fk_close(raw));
	VERIFY0(fk_close(user));
	VERIFY0(fk_close(dev));
	end();
	kmem_free(cp, sizeof (*cp));
}

/* A zone's capture shows the zone, the global one's every zone. */
KTEST(vsock_capture_zones)
{
	cap_packet_t *cp = kmem_alloc(sizeof (*cp), KM_SLEEP);
	fk_file_t *dev, *zdev;
	fsk_file_t *so, *zso;
	zone_t *zone;

	begin();
	zone = fk_zone_create("a");
	dev = dev_open();
	zdev = zone_dev(zone, PRIV_NET_RAWACCESS);
	VERIFY0(capture_start(dev, 0, 0));
	VERIFY0(capture_start(zdev, 0, 0));
	so = mock_socket(VMADDR_PORT_ANY);
	VERIFY3S(mock_connect(so, VMADDR_CID_LOCAL, PORT), ==, ECONNRESET);
	capture_next(dev, cp, VSOCK_MON_CONNECT);
	capture_next(dev, cp, VSOCK_MON_DISCONNECT);
	capture_empty(zdev);
	zso = zone_listener(zone, PORT);
	VERIFY0(fsk_close(zso));
	VERIFY0(fsk_socket_as(zone->zone_id, true, AF_VSOCK, SOCK_STREAM, 0,
	    &zso));
	VERIFY3S(mock_connect(zso, VMADDR_CID_LOCAL, PORT), ==, ECONNRESET);
	capture_next(dev, cp, VSOCK_MON_CONNECT);
	capture_next(zdev, cp, VSOCK_MON_CONNECT);
	VERIFY0(fsk_close(zso));
	VERIFY0(fsk_close(so));

	/* It is not in the way of a zone that is halted. */
	fk_zone_shutdown(zone);
	capture_next(zdev, cp, VSOCK_MON_DISCONNECT);
	VERIFY0(fk_close(zdev));
	fk_zone_destroy(zone);
	VERIFY0(fk_close(dev));
	end();
	kmem_free(cp, sizeof (*cp));
}

/* Readers that wait. */

typedef struct cap_reader {
	fk_file_t	*cr_dev;
	kmutex_t	cr_lock;
	kcondvar_t	cr_cv;
	boolean_t	cr_done;
	int		cr_error;
	size_t		cr_bytes;
	cap_packet_t	cr_packet;
} cap_reader_t;

static void
cap_reader(void *arg)
{
	cap_reader_t *cr = arg;
	size_t done;
	int error;

	error = fk_read(cr->cr_dev, &cr->cr_packet, sizeof (cr->cr_packet),
	    false, &done);
	mutex_enter(&cr->cr_lock);
	cr->cr_error = error;
	cr->cr_bytes = done;
	cr->cr_done = B_TRUE;
	cv_signal(&cr->cr_cv);
	mutex_exit(&cr->cr_lock);
	thread_exit();
}

static void
cap_reader_wait(cap_reader_t *cr)
{
	mutex_enter(&cr->cr_lock);
	while (!cr->cr_done)
		cv_wait(&cr->cr_cv, &cr->cr_lock);
	cr->cr_done = B_FALSE;
	mutex_exit(&cr->cr_lock);
}

static void
cap_notify(void *arg)
{
	atomic_inc_uint(arg);
}

KTEST(vsock_capture_waits)
{
	cap_reader_t *cr = kmem_zalloc(sizeof (*cr), KM_SLEEP);
	uint_t told = 0;
	kthread_t *t;
	fsk_file_t *so;

	begin();
	mutex_init(&cr->cr_lock, NULL, MUTEX_DEFAULT, NULL);
	cv_init(&cr->cr_cv, NULL, CV_DEFAULT, NULL);
	cr->cr_dev = dev_open();
	VERIFY0(capture_start(cr->cr_dev, 0, 0));
	fk_pollnotify(cr->cr_dev, POLLIN, cap_notify, &told);

	t = thread_create(NULL, 0, cap_reader, cr, 0, &p0, TS_RUN, minclsyspri);
	fk_quiesce();
	VERIFY(!cr->cr_done);
	fk_thread_interrupt(t);
	cap_reader_wait(cr);
	VERIFY3S(cr->cr_error, ==, EINTR);
	VERIFY0(cr->cr_bytes);
	VERIFY0(told);

	(void) thread_create(NULL, 0, cap_reader, cr, 0, &p0, TS_RUN,
	    minclsyspri);
	fk_quiesce();
	so = mock_socket(VMADDR_PORT_ANY);
	VERIFY3S(mock_connect(so, VMADDR_CID_LOCAL, PORT), ==, ECONNRESET);
	cap_reader_wait(cr);
	VERIFY0(cr->cr_error);
	VERIFY3U(cr->cr_bytes, >=, sizeof (vsock_capture_rec_t) +
	    sizeof (vsock_mon_hdr_t));
	VERIFY3U(cr->cr_packet.cp_mon.vmh_op, ==, VSOCK_MON_CONNECT);
	VERIFY3U(told, >=, 1);
	VERIFY0(fsk_close(so));
	VERIFY0(fk_close(cr->cr_dev));
	fk_quiesce();
	mutex_destroy(&cr->cr_lock);
	cv_destroy(&cr->cr_cv);
	kmem_free(cr, sizeof (*cr));
	end();
}

/* Every open is its own; the module stays as long as there is one. */
KTEST(vsock_dev_opens)
{
	fk_file_t *dev[100];
	uint_t i;

	begin();
	for (i = 0; i < ARRAY_SIZE(dev); i++)
		dev[i] = dev_open();
	VERIFY0(capture_start(dev[50], 0, 0));
	VERIFY0(fk_poll(dev[50], POLLIN));
	VERIFY3S(fk_modunload("vsock"), ==, EBUSY);
	for (i = 0; i < ARRAY_SIZE(dev); i++)
		VERIFY0(fk_close(dev[i]));
	end();
}
