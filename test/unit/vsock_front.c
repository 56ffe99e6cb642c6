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
 * The front end: sockets through the fake sockfs above, and below either the
 * loopback transport or the backend of vsock_mock.c.  Time is virtual.
 */

#include <sys/types.h>
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/sysmacros.h>
#include <sys/errno.h>
#include <sys/debug.h>
#include <sys/kmem.h>
#include <sys/stream.h>
#include <sys/strsun.h>
#include <sys/poll.h>
#include <sys/filio.h>
#include <sys/time.h>
#include <sys/thread.h>
#include <sys/proc.h>
#include <sys/zone.h>
#include <sys/cred.h>
#include <sys/priv.h>
#include <sys/fk.h>
#include <sys/disp.h>
#include <sys/socket.h>
#include <sys/vsock_transport.h>
#include <net/vsock.h>
#include "fakekernel.h"
#include "fktest.h"
#include "fakesock.h"
#include "ktest.h"
#include "vsock_mock.h"

#define	PORT	5000

static void
begin(void)
{
	VERIFY0(fsk_sockconfig(AF_VSOCK, SOCK_STREAM, 0, "vsock"));
	VERIFY0(fsk_sockconfig(AF_VSOCK, SOCK_SEQPACKET, 0, "vsock"));
	VERIFY0(fk_modload("vsock"));
	mock_mode = MOCK_ACCEPT;
	mock_last = NULL;
}

static uint64_t
kst(const char *name)
{
	uint64_t value;

	VERIFY0(fk_kstat_value("vsock", 0, "vsock", name, &value));
	return (value);
}

/* Nothing is left, and the module can go. */
static void
end(void)
{
	int error;

	VERIFY0(fsk_sockunconfig(AF_VSOCK, SOCK_STREAM, 0));
	VERIFY0(fsk_sockunconfig(AF_VSOCK, SOCK_SEQPACKET, 0));
	error = fk_modunload("vsock");
	VERIFY(error == 0 || error == ENOENT);
}

static void
advance_ms(uint64_t ms)
{
	fk_time_advance(MSEC2NSEC(ms));
	fk_quiesce();
}

static int
bind_to(fsk_file_t *so, uint32_t cid, uint32_t port)
{
	struct sockaddr_vm svm = {
		.svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port
	};

	return (fsk_bind(so, &svm, sizeof (svm)));
}

static void
expect_name(fsk_file_t *so, uint32_t cid, uint32_t port)
{
	struct sockaddr_vm svm = { 0 };
	uint32_t len = sizeof (svm);

	VERIFY0(fsk_getsockname(so, &svm, &len));
	VERIFY3U(len, ==, sizeof (svm));
	VERIFY3U(svm.svm_family, ==, AF_VSOCK);
	VERIFY3U(svm.svm_cid, ==, cid);
	VERIFY3U(svm.svm_port, ==, port);
}

static uint32_t
port_of(fsk_file_t *so)
{
	struct sockaddr_vm svm = { 0 };
	uint32_t len = sizeof (svm);

	VERIFY0(fsk_getsockname(so, &svm, &len));
	return (svm.svm_port);
}

static void
expect_peer(fsk_file_t *so, uint32_t cid, uint32_t port)
{
	struct sockaddr_vm svm = { 0 };
	uint32_t len = sizeof (svm);

	VERIFY0(fsk_getpeername(so, &svm, &len));
	VERIFY3U(svm.svm_cid, ==, cid);
	VERIFY3U(svm.svm_port, ==, port);
}

static void
send_all(fsk_file_t *so, const char *s)
{
	size_t done;

	VERIFY0(fsk_send(so, s, strlen(s), 0, &done));
	VERIFY3U(done, ==, strlen(s));
}

static void
expect_recv(fsk_file_t *so, const char *s)
{
	char buf[256];
	size_t done;

	VERIFY0(fsk_recv(so, buf, sizeof (buf), 0, &done));
	VERIFY3U(done, ==, strlen(s));
	VERIFY0(bcmp(buf, s, done));
}

static void
expect_error(fsk_file_t *so, int error)
{
	char c;
	size_t done;

	VERIFY3S(fsk_recv(so, &c, 1, MSG_DONTWAIT, &done), ==, error);
	VERIFY0(done);
}

static int
send_error(fsk_file_t *so)
{
	size_t done;

	return (fsk_send(so, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL, &done));
}

/* A connection of the mock guest with us: both its ends. */
static fsk_file_t *
guest_connects(fsk_file_t *listener, uint32_t lport, uint32_t rport,
    mock_tc_t **mtp)
{
	VERIFY0(mock_request(rport, lport, mtp));
	return (mock_accept(listener));
}

KTEST(vsock_bind)
{
	fsk_file_t *a, *b;
	struct sockaddr_vm svm = {
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY,
		.svm_port = PORT
	};

	begin();
	a = mock_socket(VMADDR_PORT_ANY);
	expect_name(a, VMADDR_CID_ANY, VMADDR_PORT_ANY);
	VERIFY3S(fsk_bind(a, &svm, sizeof (svm) - 1), ==, EINVAL);
	VERIFY3S(fsk_bind(a, NULL, 0), ==, EINVAL);
	svm.svm_family = AF_INET;
	VERIFY3S(fsk_bind(a, &svm, sizeof (svm)), ==, EINVAL);
	svm.svm_family = AF_VSOCK;
	svm.svm_flags = 0x80;
	VERIFY3S(fsk_bind(a, &svm, sizeof (svm)), ==, EINVAL);

	/* CIDs that are not ours */
	VERIFY3S(bind_to(a, VMADDR_CID_HYPERVISOR, PORT), ==, EADDRNOTAVAIL);
	VERIFY3S(bind_to(a, VMADDR_CID_HOST, PORT), ==, EADDRNOTAVAIL);
	VERIFY3S(bind_to(a, 99, PORT), ==, EADDRNOTAVAIL);
	VERIFY0(bind_to(a, VMADDR_CID_LOCAL, PORT));
	expect_name(a, VMADDR_CID_LOCAL, PORT);
	VERIFY3S(bind_to(a, VMADDR_CID_LOCAL, PORT + 1), ==, EINVAL);

	b = mock_socket(VMADDR_PORT_ANY);
	VERIFY3S(bind_to(b, VMADDR_CID_LOCAL, PORT), ==, EADDRINUSE);
	VERIFY3S(bind_to(b, VMADDR_CID_ANY, PORT), ==, EADDRINUSE);
	mock_attach(GLOBAL_ZONEID);
	/* Two different addresses, one port */
	VERIFY0(bind_to(b, VMADDR_CID_HOST, PORT));
	VERIFY0(fsk_close(b));
	b = mock_socket(VMADDR_PORT_ANY);
	VERIFY0(bind_to(b, VMADDR_CID_ANY, VMADDR_PORT_ANY));
	VERIFY3U(port_of(b), >=, 1024);
	VERIFY3U(port_of(b), !=, VMADDR_PORT_ANY);
	VERIFY0(fsk_close(b));
	VERIFY0(fsk_close(a));

	/* and the port is free again */
	a = mock_socket(PORT);
	VERIFY0(fsk_close(a));
	mock_detach();
	end();
}

KTEST(vsock_privileged_port)
{
	fsk_file_t *so;

	begin();
	VERIFY0(fsk_socket_as(GLOBAL_ZONEID, false, AF_VSOCK, SOCK_STREAM, 0,
	    &so));
	VERIFY3S(bind_to(so, VMADDR_CID_ANY, 1023), ==, EACCES);
	VERIFY3S(bind_to(so, VMADDR_CID_ANY, 0), ==, EACCES);
	/* 65536 + 22: not to be taken for 22 */
	VERIFY0(bind_to(so, VMADDR_CID_ANY, 65558));
	VERIFY0(fsk_close(so));
	so = mock_socket(VMADDR_PORT_ANY);
	VERIFY0(bind_to(so, VMADDR_CID_ANY, 0));
	expect_name(so, VMADDR_CID_ANY, 0);
	VERIFY0(fsk_close(so));
	end();
}

KTEST(vsock_listen_rules)
{
	fsk_file_t *so, *new;

	begin();
	so = mock_socket(VMADDR_PORT_ANY);
	VERIFY3S(fsk_listen(so, 5), ==, EINVAL);
	VERIFY3S(fsk_accept(so, NULL, NULL, &new), ==, EINVAL);
	VERIFY0(bind_to(so, VMADDR_CID_ANY, PORT));
	VERIFY0(fsk_listen(so, 5));
	VERIFY0(fsk_listen(so, 7));
	VERIFY3S(mock_connect(so, VMADDR_CID_LOCAL, PORT), ==, EINVAL);
	fsk_set_nonblock(so, true);
	VERIFY3S(fsk_accept(so, NULL, NULL, &new), ==, EWOULDBLOCK);
	VERIFY3S(send_error(so), ==, ENOTCONN);
	VERIFY0(fsk_close(so));
	end();
}

KTEST(vsock_loopback)
{
	fsk_file_t *l, *a, *b;
	struct sockaddr_vm svm;
	uint32_t len = sizeof (svm);

	begin();
	l = mock_listener(PORT, 5);
	a = mock_socket(VMADDR_PORT_ANY);
	VERIFY3S(fsk_poll(l, POLLIN), ==, 0);
	VERIFY0(mock_connect(a, VMADDR_CID_LOCAL, PORT));
	VERIFY3S(fsk_poll(l, POLLIN), ==, POLLIN);
	/* The client may talk before it is accepted. */
	send_all(a, "early");
	VERIFY0(fsk_accept(l, &svm, &len, &b));
	VERIFY3U(svm.svm_cid, ==, VMADDR_CID_LOCAL);
	VERIFY3U(svm.svm_port, ==, port_of(a));
	expect_name(b, VMADDR_CID_LOCAL, PORT);
	expect_peer(b, VMADDR_CID_LOCAL, port_of(a));
	expect_peer(a, VMADDR_CID_LOCAL, PORT);
	expect_recv(b, "early");
	send_all(b, "answer");
	expect_recv(a, "answer");
	VERIFY3S(mock_connect(a, VMADDR_CID_LOCAL, PORT), ==, EISCONN);
	VERIFY3U(kst("connections"), ==, 2);

	/* half-close: one direction ends, the other goes on */
	send_all(a, "last");
	VERIFY0(fsk_shutdown(a, SHUT_WR));
	VERIFY3S(send_error(a), ==, EPIPE);
	expect_recv(b, "last");
	expect_error(b, 0);
	send_all(b, "more");
	expect_recv(a, "more");
	VERIFY0(fsk_close(b));
	expect_error(a, 0);
	fk_quiesce();
	VERIFY3U(kst("connections"), ==, 0);
	VERIFY0(fsk_close(a));
	VERIFY0(fsk_close(l));
	end();
}

KTEST(vsock_loopback_refused)
{
	fsk_file_t *l, *a, *b;

	begin();
	a = mock_socket(VMADDR_PORT_ANY);
	VERIFY3S(mock_connect(a, VMADDR_CID_LOCAL, PORT), ==, ECONNRESET);
	/* bound, not listening */
	l = mock_socket(PORT);
	VERIFY3S(mock_connect(a, VMADDR_CID_LOCAL, PORT), ==, ECONNRESET);
	/* The refused socket is as good as new. */
	VERIFY0(fsk_listen(l, 5));
	VERIFY0(mock_connect(a, VMADDR_CID_LOCAL, PORT));
	b = mock_accept(l);
	send_all(a, "hello");
	expect_recv(b, "hello");
	VERIFY3U(kst("refused_in"), ==, 2);
	VERIFY0(fsk_close(a));
	VERIFY0(fsk_close(b));
	VERIFY0(fsk_close(l));
	end();
}

KTEST(vsock_route)
{
	fsk_file_t *l, *a, *b;
	fk_file_t *dev;
	uint32_t cid = 0;

	begin();
	a = mock_socket(VMADDR_PORT_ANY);
	VERIFY0(fk_open("/dev/vsock", &dev));
	VERIFY0(fk_ioctl(dev, IOCTL_VM_SOCKETS_GET_LOCAL_CID, (intptr_t)&cid,
	    NULL));
	VERIFY3U(cid, ==, VMADDR_CID_LOCAL);
	VERIFY3S(fk_ioctl(dev, IOCTL_VM_SOCKETS_GET_LOCAL_CID, 1, NULL), ==,
	    EFAULT);
	VERIFY3S(fk_ioctl(dev, FIONREAD, (intptr_t)&cid, NULL), ==, ENOTTY);

	VERIFY3S(mock_connect(a, VMADDR_CID_HYPERVISOR, PORT), ==,
	    EAFNOSUPPORT);
	VERIFY3S(mock_connect(a, VMADDR_CID_HOST, PORT), ==, EAFNOSUPPORT);
	VERIFY3S(mock_connect(a, MOCK_CID, PORT), ==, EAFNOSUPPORT);
	VERIFY3S(mock_connect(a, VMADDR_CID_ANY, PORT), ==, EAFNOSUPPORT);
	VERIFY3U(kst("no_backend"), ==, 4);

	mock_attach(GLOBAL_ZONEID);
	VERIFY0(fk_ioctl(dev, IOCTL_VM_SOCKETS_GET_LOCAL_CID, (intptr_t)&cid,
	    NULL));
	VERIFY3U(cid, ==, VMADDR_CID_HOST);
	VERIFY3S(mock_connect(a, VMADDR_CID_HYPERVISOR, PORT), ==,
	    EAFNOSUPPORT);
	VERIFY3S(mock_connect(a, MOCK_CID + 1, PORT), ==, EAFNOSUPPORT);
	/* We are the host: 2 is ourselves. */
	l = mock_listener(PORT, 5);
	VERIFY0(mock_connect(a, VMADDR_CID_HOST, PORT));
	b = mock_accept(l);
	expect_name(b, VMADDR_CID_HOST, PORT);
	expect_peer(a, VMADDR_CID_HOST, PORT);
	VERIFY0(fsk_close(b));
	VERIFY0(fsk_close(a));
	a = mock_socket(VMADDR_PORT_ANY);
	VERIFY0(mock_connect(a, MOCK_CID, 1234));
	expect_peer(a, MOCK_CID, 1234);
	VERIFY3U(mock_last->mt_params.vcp_tuple.vt_lcid, ==, VMADDR_CID_HOST);
	VERIFY3U(mock_last->mt_params.vcp_tuple.vt_lport, ==, port_of(a));
	vsock_up_reset(mock_last->mt_conn, 0);
	VERIFY3U(mock_last->mt_releases, ==, 1);
	mock_free(mock_last);

	VERIFY0(fsk_close(a));
	VERIFY0(fsk_close(l));
	VERIFY0(fk_close(dev));
	mock_detach();
	end();
}

KTEST(vsock_register_rules)
{
	static const struct {
		uint32_t local, remote;
		int error;
	} t[] = {
		{ 2, 0, EINVAL }, { 2, 1, EINVAL }, { 2, 2, EINVAL },
		{ 2, VMADDR_CID_ANY, EINVAL }, { 1, 9, EINVAL },
		{ 2, MOCK_CID, EADDRINUSE }
	};
	vsock_transport_reg_t reg = {
		.vtr_name = "mock1", .vtr_types = VSOCK_TYPE_STREAM
	};
	static const vsock_provider_reg_t bad = {
		.vpr_version = VSOCK_TRANSPORT_VERSION + 1, .vpr_name = "bad"
	};
	static const vsock_provider_reg_t again = {
		.vpr_version = VSOCK_TRANSPORT_VERSION, .vpr_name = "again",
		.vpr_dir = VSOCK_DIR_TO_GUEST
	};
	vsock_provider_t *vp;
	vsock_transport_t *vtp;
	uint_t i;

	begin();
	VERIFY3S(vsock_provider_register(&bad, &vp), ==, EINVAL);
	mock_attach(GLOBAL_ZONEID);
	VERIFY0(vsock_provider_register(&again, &vp));
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		reg.vtr_local_cid = t[i].local;
		reg.vtr_remote_cid = t[i].remote;
		VERIFY3S(vsock_transport_register(vp, &reg, &vtp), ==,
		    t[i].error);
	}
	reg.vtr_local_cid = VMADDR_CID_HOST;
	reg.vtr_remote_cid = 9;
	reg.vtr_name = "mock0";
	VERIFY3S(vsock_transport_register(vp, &reg, &vtp), ==, EEXIST);
	reg.vtr_name = "mock1";
	reg.vtr_zoneid = 77;
	VERIFY3S(vsock_transport_register(vp, &reg, &vtp), ==, ENXIO);
	reg.vtr_zoneid = GLOBAL_ZONEID;
	VERIFY0(vsock_transport_register(vp, &reg, &vtp));
	VERIFY3S(vsock_provider_unregister(vp), ==, EBUSY);
	vsock_transport_unregister(vtp);
	VERIFY0(vsock_provider_unregister(vp));
	mock_detach();
	end();
}

KTEST(vsock_connect_timeout)
{
	fsk_file_t *so;
	int error;
	uint32_t len = sizeof (error);
	struct timeval tv = { 0, 500000 };

	begin();
	mock_attach(GLOBAL_ZONEID);
	mock_mode = MOCK_MUTE;
	so = mock_socket(VMADDR_PORT_ANY);
	fsk_set_nonblock(so, true);
	VERIFY3S(mock_connect(so, MOCK_CID, PORT), ==, EINPROGRESS);
	VERIFY3S(mock_connect(so, MOCK_CID, PORT), ==, EALREADY);
	VERIFY3S(fsk_poll(so, POLLOUT), ==, 0);
	VERIFY3S(send_error(so), ==, ENOTCONN);
	advance_ms(1900);
	VERIFY3S(fsk_poll(so, POLLOUT), ==, 0);
	VERIFY0(mock_last->mt_resets);
	advance_ms(200);
	VERIFY3S(fsk_poll(so, POLLOUT), ==, POLLOUT);
	VERIFY0(fsk_getsockopt(so, SOL_SOCKET, SO_ERROR, &error, &len));
	VERIFY3S(error, ==, ETIMEDOUT);
	VERIFY3U(mock_last->mt_resets, ==, 1);
	VERIFY3U(mock_last->mt_releases, ==, 1);
	VERIFY3U(kst("connections"), ==, 0);
	mock_free(mock_last);
	VERIFY0(fsk_close(so));

	/* as long as was asked for */
	so = mock_socket(VMADDR_PORT_ANY);
	fsk_set_nonblock(so, true);
	VERIFY0(fsk_setsockopt(so, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT,
	    &tv, sizeof (tv)));
	VERIFY3S(mock_connect(so, MOCK_CID, PORT), ==, EINPROGRESS);
	advance_ms(450);
	VERIFY0(mock_last->mt_resets);
	advance_ms(100);
	VERIFY3U(mock_last->mt_resets, ==, 1);
	mock_free(mock_last);
	VERIFY0(fsk_close(so));
	mock_detach();
	end();
}

KTEST(vsock_connect_outcomes)
{
	fsk_file_t *so;

	begin();
	mock_attach(GLOBAL_ZONEID);
	so = mock_socket(VMADDR_PORT_ANY);
	mock_mode = MOCK_FAIL;
	mock_errno = ENETDOWN;
	VERIFY3S(mock_connect(so, MOCK_CID, PORT), ==, ENETDOWN);
	mock_mode = MOCK_ACCEPT;
	VERIFY0(mock_connect(so, MOCK_CID, PORT));
	send_all(so, "hello");
	VERIFY3U(mock_sent_bytes(mock_last), ==, 5);
	vsock_up_reset(mock_last->mt_conn, 0);
	mock_free(mock_last);
	VERIFY0(fsk_close(so));

	so = mock_socket(VMADDR_PORT_ANY);
	mock_mode = MOCK_REFUSE;
	VERIFY3S(mock_connect(so, MOCK_CID, PORT), ==, ECONNRESET);
	VERIFY3U(mock_last->mt_releases, ==, 1);
	mock_free(mock_last);
	VERIFY0(fsk_close(so));

	/* closed before there was an answer */
	so = mock_socket(VMADDR_PORT_ANY);
	mock_mode = MOCK_MUTE;
	fsk_set_nonblock(so, true);
	VERIFY3S(mock_connect(so, MOCK_CID, PORT), ==, EINPROGRESS);
	VERIFY0(fsk_close(so));
	VERIFY3U(mock_last->mt_resets, ==, 1);
	VERIFY3U(mock_last->mt_releases, ==, 1);
	mock_free(mock_last);
	mock_detach();
	end();
}

KTEST(vsock_request)
{
	fsk_file_t *l, *so, *so2;
	mock_tc_t *mt, *mt2;
	char buf[16];
	size_t done;

	begin();
	mock_attach(GLOBAL_ZONEID);
	VERIFY3S(mock_request(1, PORT, &mt), ==, ECONNREFUSED);
	l = mock_listener(PORT, 0);
	VERIFY0(mock_request(1, PORT, &mt));
	VERIFY3S(mock_request(1, PORT, &mt2), ==, EEXIST);
	/* listen(0) has room for one. */
	VERIFY3S(mock_request(2, PORT, &mt2), ==, ECONNREFUSED);
	mock_send(mt, 10);
	so = mock_accept(l);
	expect_peer(so, MOCK_CID, 1);
	expect_name(so, VMADDR_CID_HOST, PORT);
	VERIFY0(fsk_recv(so, buf, sizeof (buf), 0, &done));
	VERIFY3U(done, ==, 10);
	send_all(so, "hello");
	VERIFY3U(mock_sent_bytes(mt), ==, 5);
	so2 = guest_connects(l, PORT, 2, &mt2);

	/* Gone before it was accepted: accept(2) succeeds all the same. */
	vsock_up_reset(mt2->mt_conn, ECONNRESET);
	VERIFY3U(mt2->mt_releases, ==, 1);
	mock_free(mt2);
	expect_error(so2, ECONNRESET);
	VERIFY0(fsk_close(so2));

	/* Waits in a queue that is closed. */
	VERIFY0(mock_request(3, PORT, &mt2));
	VERIFY0(fsk_close(l));
	VERIFY3U(mt2->mt_shut, ==, VSOCK_SHUT_BOTH);
	vsock_up_reset(mt2->mt_conn, 0);
	mock_free(mt2);
	VERIFY3S(mock_request(4, PORT, &mt2), ==, ECONNREFUSED);

	vsock_up_reset(mt->mt_conn, 0);
	mock_free(mt);
	VERIFY0(fsk_close(so));
	mock_detach();
	end();
}

KTEST(vsock_allowed_ports)
{
	static const vsock_port_range_t ranges[] = {
		{ 10, 19 }, { PORT, PORT }
	};
	static const vsock_port_range_t bad[] = { { 2, 1 } };
	fsk_file_t *l, *l2;
	mock_tc_t *mt;

	begin();
	mock_attach(GLOBAL_ZONEID);
	l = mock_listener(PORT, 5);
	l2 = mock_listener(PORT + 1, 5);
	VERIFY3S(vsock_transport_set_ports(mock_transport, bad, 1), ==,
	    EINVAL);
	VERIFY0(vsock_transport_set_ports(mock_transport, ranges, 2));
	VERIFY3S(mock_request(1, PORT + 1, &mt), ==, EACCES);
	VERIFY3S(mock_request(1, 9, &mt), ==, EACCES);
	VERIFY3S(mock_request(1, 19, &mt), ==, ECONNREFUSED);
	VERIFY3U(kst("refused_port"), ==, 2);
	VERIFY0(mock_request(1, PORT, &mt));
	/* A connection that exists isn't touched by a change. */
	VERIFY0(vsock_transport_set_ports(mock_transport, ranges, 0));
	VERIFY0(mt->mt_releases);
	vsock_up_reset(mt->mt_conn, 0);
	mock_free(mt);
	VERIFY3S(mock_request(1, PORT, &mt), ==, EACCES);
	VERIFY0(vsock_transport_set_ports(mock_transport, NULL, 0));
	VERIFY0(mock_request(1, PORT + 1, &mt));
	vsock_up_reset(mt->mt_conn, 0);
	mock_free(mt);
	VERIFY0(fsk_close(l));
	VERIFY0(fsk_close(l2));
	mock_detach();
	end();
}

KTEST(vsock_peer_shutdown)
{
	fsk_file_t *l, *so;
	mock_tc_t *mt;
	char buf[64];
	size_t done;

	begin();
	mock_attach(GLOBAL_ZONEID);
	l = mock_listener(PORT, 5);
	so = guest_connects(l, PORT, 1, &mt);
	mock_send(mt, 20);
	vsock_up_shutdown(mt->mt_conn, VSOCK_SHUT_SEND);
	VERIFY3S(fsk_poll(so, POLLIN | POLLRDHUP), ==, POLLIN | POLLRDHUP);
	VERIFY0(fsk_recv(so, buf, sizeof (buf), 0, &done));
	VERIFY3U(done, ==, 20);
	expect_error(so, 0);
	send_all(so, "still");
	vsock_up_shutdown(mt->mt_conn, VSOCK_SHUT_RECV);
	VERIFY3S(send_error(so), ==, EPIPE);
	VERIFY0(fsk_close(so));
	VERIFY3U(mt->mt_shut, ==, VSOCK_SHUT_BOTH);
	vsock_up_reset(mt->mt_conn, 0);
	VERIFY3U(mt->mt_releases, ==, 1);
	mock_free(mt);
	VERIFY0(fsk_close(l));
	mock_detach();
	end();
}

KTEST(vsock_reset)
{
	fsk_file_t *l, *so;
	mock_tc_t *mt;
	char buf[64];
	size_t done;

	begin();
	mock_attach(GLOBAL_ZONEID);
	l = mock_listener(PORT, 5);
	so = guest_connects(l, PORT, 1, &mt);
	mock_send(mt, 20);
	vsock_up_reset(mt->mt_conn, ECONNRESET);
	mock_free(mt);
	/* what came before, then the error, once, then the end */
	VERIFY0(fsk_recv(so, buf, sizeof (buf), 0, &done));
	VERIFY3U(done, ==, 20);
	expect_error(so, ECONNRESET);
	expect_error(so, 0);
	VERIFY3S(send_error(so), ==, EPIPE);
	VERIFY3U(kst("resets"), ==, 1);
	VERIFY0(fsk_close(so));
	VERIFY0(fsk_close(l));
	mock_detach();
	end();
}

KTEST(vsock_close_handshake)
{
	fsk_file_t *l, *so;
	mock_tc_t *mt;

	begin();
	mock_attach(GLOBAL_ZONEID);
	so = mock_socket(PORT);
	VERIFY0(mock_connect(so, MOCK_CID, 1));
	mt = mock_last;
	VERIFY0(fsk_close(so));
	VERIFY3U(mt->mt_shut, ==, VSOCK_SHUT_BOTH);
	VERIFY0(mt->mt_releases);
	VERIFY3U(kst("connections"), ==, 1);
	/* Neither the port nor the module is free yet. */
	so = mock_socket(VMADDR_PORT_ANY);
	VERIFY3S(bind_to(so, VMADDR_CID_ANY, PORT), ==, EADDRINUSE);
	VERIFY3S(fk_modunload("vsock"), ==, EBUSY);
	/* Late data is of no use to anybody. */
	mock_send(mt, 100);
	vsock_up_reset(mt->mt_conn, 0);
	VERIFY3U(mt->mt_releases, ==, 1);
	VERIFY0(mt->mt_resets);
	mock_free(mt);
	VERIFY0(bind_to(so, VMADDR_CID_ANY, PORT));
	VERIFY0(fsk_close(so));

	/* A peer that doesn't answer is reset after 8 s. */
	l = mock_listener(PORT, 5);
	so = guest_connects(l, PORT, 1, &mt);
	VERIFY0(fsk_close(so));
	advance_ms(7900);
	VERIFY0(mt->mt_resets);
	advance_ms(200);
	VERIFY3U(mt->mt_resets, ==, 1);
	VERIFY3U(mt->mt_releases, ==, 1);
	VERIFY3U(kst("close_timeouts"), ==, 1);
	mock_free(mt);
	VERIFY0(fsk_close(l));
	mock_detach();
	end();
}

KTEST(vsock_close_unsent)
{
	fsk_file_t *l, *so;
	mock_tc_t *mt;
	uint_t i;

	begin();
	mock_attach(GLOBAL_ZONEID);
	l = mock_listener(PORT, 5);
	so = guest_connects(l, PORT, 1, &mt);
	mt->mt_unsent = 1000;
	VERIFY0(fsk_close(so));
	/* It takes its time, but it takes. */
	for (i = 0; i < 40; i++) {
		advance_ms(8100);
		VERIFY0(mt->mt_resets);
		if (i % 10 == 9)
			mt->mt_unsent -= 10;
	}
	/* It takes no more. */
	for (i = 0; i < 20 && mt->mt_resets == 0; i++)
		advance_ms(8100);
	VERIFY3U(i, >=, 13);
	VERIFY3U(mt->mt_resets, ==, 1);
	VERIFY3U(mt->mt_releases, ==, 1);
	mock_free(mt);

	/* Who takes the last of it has as long to say that as anybody. */
	for (i = 0; i < 2; i++) {
		so = guest_connects(l, PORT, 2 + i, &mt);
		mt->mt_unsent = 1000;
		VERIFY0(fsk_close(so));
		advance_ms(7900);
		mt->mt_unsent = 500;
		if (i == 1)
			advance_ms(8000);
		mt->mt_unsent = 0;
		advance_ms(200);
		VERIFY0(mt->mt_resets);
		advance_ms(7700);
		VERIFY0(mt->mt_resets);
		advance_ms(300);
		VERIFY3U(mt->mt_resets, ==, 1);
		mock_free(mt);
	}
	VERIFY0(fsk_close(l));
	mock_detach();
	end();
}

/* A thread that writes until it can't. */
typedef struct writer {
	fsk_file_t	*w_so;
	size_t		w_bytes;
	int		w_error;
	kt_did_t	w_did;
} writer_t;

static void
writer_main(void *arg)
{
	writer_t *w = arg;
	char buf[1000];
	size_t done, i;

	do {
		for (i = 0; i < sizeof (buf); i++)
			buf[i] = (char)mock_pattern(w->w_bytes + i);
		w->w_error = fsk_send(w->w_so, buf, sizeof (buf), MSG_NOSIGNAL,
		    &done);
		w->w_bytes += done;
	} while (w->w_error == 0);
	thread_exit();
}

static void
writer_start(writer_t *w, fsk_file_t *so)
{
	bzero(w, sizeof (*w));
	w->w_so = so;
	w->w_did = thread_create(NULL, 0, writer_main, w, 0, &p0, TS_RUN,
	    minclsyspri)->t_did;
}

KTEST(vsock_tx_full)
{
	fsk_file_t *l, *so;
	mock_tc_t *mt;
	writer_t w;
	size_t before;

	begin();
	mock_attach(GLOBAL_ZONEID);
	l = mock_listener(PORT, 5);
	so = guest_connects(l, PORT, 1, &mt);
	mt->mt_full = B_TRUE;
	/* What brings it to full is taken. */
	VERIFY0(send_error(so));
	VERIFY3S(send_error(so), ==, EWOULDBLOCK);
	VERIFY3S(fsk_poll(so, POLLOUT), ==, 0);
	mt->mt_full = B_FALSE;
	vsock_up_writable(mt->mt_conn);
	VERIFY3S(fsk_poll(so, POLLOUT), ==, POLLOUT);
	VERIFY0(send_error(so));

	/* A writer that sleeps, goes on, sleeps, and is woken by the end. */
	mt->mt_full = B_TRUE;
	writer_start(&w, so);
	fk_quiesce();
	before = mock_sent_bytes(mt);
	VERIFY3U(before, >, 0);
	vsock_up_writable(mt->mt_conn);
	fk_quiesce();
	VERIFY3U(mock_sent_bytes(mt), >, before);
	vsock_up_reset(mt->mt_conn, ECONNRESET);
	thread_join(w.w_did);
	VERIFY3S(w.w_error, ==, EPIPE);
	mock_free(mt);
	VERIFY0(fsk_close(so));
	VERIFY0(fsk_close(l));
	mock_detach();
	end();
}

/*
 * What the front end reports must be such that the peer, who stops at rcvbuf
 * bytes, can always go on when the application has read everything, be it by a
 * byte, which gets it all of the window; and that it is never told more than
 * was read.
 */
static void
credit_run(uint64_t rcvbuf, uint64_t seed)
{
	fsk_file_t *l, *so;
	mock_tc_t *mt;
	uint64_t given = 0, taken = 0, window, n, i, x = seed;
	uint8_t *buf;
	size_t done;
	uint_t round;
	int error;

	l = mock_listener(PORT, 5);
	VERIFY0(fsk_setsockopt(l, AF_VSOCK, SO_VM_SOCKETS_BUFFER_MIN_SIZE,
	    &rcvbuf, sizeof (rcvbuf)));
	VERIFY0(fsk_setsockopt(l, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &rcvbuf,
	    sizeof (rcvbuf)));
	so = guest_connects(l, PORT, 1, &mt);
	VERIFY3U(mt->mt_params.vcp_rcvbuf, ==, rcvbuf);
	buf = kmem_alloc(rcvbuf, KM_SLEEP);

	for (round = 0; round < 2000; round++) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		window = rcvbuf - (mt->mt_given - mt->mt_consumed);
		VERIFY3U(window, <=, rcvbuf);
		if ((x >> 33) % 2 == 0 && window > 0) {
			n = 1 + (x >> 34) % window;
			if ((x >> 60) % 4 != 0)
				n = MIN(n, 1 + (x >> 40) % 16);
			mock_send(mt, n);
			given += n;
		} else {
			n = 1 + (x >> 34) % rcvbuf;
			if ((x >> 60) % 4 == 0)
				n = rcvbuf;
			error = fsk_recv(so, buf, n, MSG_DONTWAIT, &done);
			VERIFY(error == (done == 0 ? EWOULDBLOCK : 0));
			for (i = 0; i < done; i++) {
				VERIFY3U(buf[i], ==,
				    mock_pattern(taken + i));
			}
			taken += done;
		}
		VERIFY3U(mt->mt_consumed, <=, taken);
		if (taken == given) {
			window = rcvbuf - (mt->mt_given - mt->mt_consumed);
			VERIFY3U(window, >=, 1);
			if (window < rcvbuf / 4) {
				mock_send(mt, 1);
				given++;
				VERIFY3U(mt->mt_given - mt->mt_consumed, ==, 1);
			}
		}
	}
	kmem_free(buf, rcvbuf);
	vsock_up_reset(mt->mt_conn, 0);
	mock_free(mt);
	VERIFY0(fsk_close(so));
	VERIFY0(fsk_close(l));
}

KTEST(vsock_credit)
{
	static const uint64_t sizes[] = { 2, 3, 7, 128, 4096, 65536, 262144 };
	uint_t i;

	begin();
	mock_attach(GLOBAL_ZONEID);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		credit_run(sizes[i], i + 1);
		credit_run(sizes[i], i + 100);
	}
	mock_detach();
	end();
}

/*
 * Give so many bytes; read them, and those that were there before, with the
 * reader `behind' by so many.
 */
static void
grow_run(fsk_file_t *so, mock_tc_t *mt, size_t before, size_t total,
    size_t behind)
{
	uint8_t *buf = kmem_alloc(65536, KM_SLEEP);
	size_t given = 0, queued = before, done;

	while (given < total || queued > 0) {
		if (given < total) {
			mock_send(mt, 65536);
			given += 65536;
			queued += 65536;
		}
		while (queued > (given < total ? behind : 0)) {
			VERIFY0(fsk_recv(so, buf, 65536, MSG_DONTWAIT, &done));
			queued -= done;
		}
	}
	kmem_free(buf, 65536);
}

/*
 * A receive buffer that was not set grows while the reader keeps up, up to a
 * bound; what the application is told of it stays.
 */
KTEST(vsock_rcvbuf_grows)
{
	fsk_file_t *l, *so;
	mock_tc_t *mt;
	uint64_t v = 262144;
	uint32_t len;

	begin();
	mock_attach(GLOBAL_ZONEID);
	l = mock_listener(PORT, 5);

	/* A slow reader's does not. */
	so = guest_connects(l, PORT, 1, &mt);
	grow_run(so, mt, 0, 16 << 20, 3 * 65536);
	VERIFY3U(mt->mt_params.vcp_rcvbuf, ==, 262144);
	/* A fast one's does, in steps. */
	grow_run(so, mt, 0, 512 << 10, 0);
	VERIFY3U(mt->mt_params.vcp_rcvbuf, ==, 262144);
	grow_run(so, mt, 0, 1 << 20, 0);
	VERIFY3U(mt->mt_params.vcp_rcvbuf, ==, 2 * 262144);
	grow_run(so, mt, 0, 16 << 20, 0);
	VERIFY3U(mt->mt_params.vcp_rcvbuf, ==, 4 * 262144);
	len = sizeof (v);
	VERIFY0(fsk_getsockopt(so, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &v,
	    &len));
	VERIFY3U(v, ==, 262144);
	/* The peer may use all of it, and go on when it has been read. */
	for (uint_t i = 0; i < 16; i++)
		mock_send(mt, 65536);
	VERIFY3U(mt->mt_given - mt->mt_consumed, ==, 4 * 262144);
	grow_run(so, mt, 4 * 262144, 0, 0);
	VERIFY3U(mt->mt_given - mt->mt_consumed, <=, 4 * 262144 - 65536);
	grow_run(so, mt, 0, 65536, 0);
	VERIFY3U(mt->mt_given - mt->mt_consumed, <=, 65536);

	/* Set, it is what it was set to. */
	VERIFY0(fsk_setsockopt(so, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &v,
	    sizeof (v)));
	VERIFY3U(mt->mt_params.vcp_rcvbuf, ==, 262144);
	grow_run(so, mt, 0, 16 << 20, 0);
	VERIFY3U(mt->mt_params.vcp_rcvbuf, ==, 262144);
	vsock_up_reset(mt->mt_conn, 0);
	mock_free(mt);
	VERIFY0(fsk_close(so));

	/* Nor if it was set for the listener. */
	VERIFY0(fsk_setsockopt(l, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &v,
	    sizeof (v)));
	so = guest_connects(l, PORT, 2, &mt);
	grow_run(so, mt, 0, 16 << 20, 0);
	VERIFY3U(mt->mt_params.vcp_rcvbuf, ==, 262144);
	vsock_up_reset(mt->mt_conn, 0);
	mock_free(mt);
	VERIFY0(fsk_close(so));
	VERIFY0(fsk_close(l));
	mock_detach();
	end();
}

/* A peer that sends bytes one at a time costs what it sent, not much more. */
KTEST(vsock_small_messages)
{
	fsk_file_t *l, *so;
	mock_tc_t *mt;
	uint64_t before, after, allocs, taken = 0, i;
	uint8_t buf[1000];
	size_t done;
	int n;

	begin();
	mock_attach(GLOBAL_ZONEID);
	l = mock_listener(PORT, 5);
	so = guest_connects(l, PORT, 1, &mt);
	fk_kmem_usage(&before, &allocs);
	for (i = 0; i < 200000; i++)
		mock_send(mt, 1);
	fk_kmem_usage(&after, &allocs);
	VERIFY3U(after - before, <, 200000 * 3);

	/* All is there, in order, though sockfs did not have all of it. */
	while (taken < 200000) {
		VERIFY0(fsk_recv(so, buf, sizeof (buf), MSG_DONTWAIT, &done));
		VERIFY3U(done, >, 0);
		for (i = 0; i < done; i++)
			VERIFY3U(buf[i], ==, mock_pattern(taken + i));
		taken += done;
	}
	VERIFY0(fsk_ioctl(so, FIONREAD, (intptr_t)&n, NULL));
	VERIFY0(n);
	VERIFY3U(mt->mt_given - mt->mt_consumed, <=, 262144 - 65536);

	/* What is held back comes out before the end of the stream. */
	for (i = 0; i < 2000; i++)
		mock_send(mt, 1);
	vsock_up_shutdown(mt->mt_conn, VSOCK_SHUT_SEND);
	for (taken = 0; taken < 2000; taken += done) {
		VERIFY0(fsk_recv(so, buf, sizeof (buf), MSG_DONTWAIT, &done));
		VERIFY3U(done, >, 0);
	}
	expect_error(so, 0);
	vsock_up_reset(mt->mt_conn, 0);
	mock_free(mt);
	VERIFY0(fsk_close(so));
	VERIFY0(fsk_close(l));
	mock_detach();
	end();
}

/*
 * A peer asks while the reader, who has taken all that sockfs had, is about to
 * give sockfs what was held back: it is told of the first byte of that.
 */
KTEST(vsock_starved_held)
{
	fsk_file_t *l, *so;
	mock_tc_t *mt;
	uint8_t buf[2000];
	uint64_t told;
	size_t done;
	int n;

	begin();
	mock_attach(GLOBAL_ZONEID);
	l = mock_listener(PORT, 5);
	so = guest_connects(l, PORT, 1, &mt);
	for (uint_t i = 0; i < 1000; i++)
		mock_send(mt, 1);
	VERIFY0(fsk_ioctl(so, FIONREAD, (intptr_t)&n, NULL));
	VERIFY3S(n, <, 1000);

	mt->mt_starved = B_TRUE;
	VERIFY0(fsk_recv(so, buf, n, MSG_DONTWAIT, &done));
	VERIFY3U(done, ==, n);
	VERIFY(!mt->mt_starved);
	told = mt->mt_consumed;
	VERIFY3U(told, >=, n);
	VERIFY0(fsk_recv(so, buf, 1, MSG_DONTWAIT, &done));
	VERIFY3U(done, ==, 1);
	VERIFY3U(mt->mt_consumed, ==, n + 1);

	VERIFY0(fsk_recv(so, buf, sizeof (buf), MSG_DONTWAIT, &done));
	VERIFY3U(n + 1 + done, ==, 1000);
	vsock_up_reset(mt->mt_conn, 0);
	mock_free(mt);
	VERIFY0(fsk_close(so));
	VERIFY0(fsk_close(l));
	mock_detach();
	end();
}

KTEST(vsock_shut_rd)
{
	fsk_file_t *l, *so;
	mock_tc_t *mt;

	begin();
	mock_attach(GLOBAL_ZONEID);
	l = mock_listener(PORT, 5);
	so = guest_connects(l, PORT, 1, &mt);
	mock_send(mt, 1000);
	VERIFY0(fsk_shutdown(so, SHUT_RD));
	VERIFY3U(mt->mt_shut, ==, VSOCK_SHUT_RECV);
	expect_error(so, 0);
	/* What is discarded doesn't fill the window. */
	VERIFY3U(mt->mt_consumed, ==, 1000);
	mock_send(mt, 100000);
	mock_send(mt, 100000);
	VERIFY3U(mt->mt_given - mt->mt_consumed, <=, 65536);
	send_all(so, "out");
	VERIFY3S(fsk_shutdown(so, 3), ==, EINVAL);
	VERIFY0(fsk_close(so));
	vsock_up_reset(mt->mt_conn, 0);
	mock_free(mt);
	VERIFY0(fsk_close(l));
	mock_detach();
	end();
}

KTEST(vsock_transport_goes)
{
	fsk_file_t *l, *so, *so2;
	mock_tc_t *mt, *mt2;

	begin();
	mock_attach(GLOBAL_ZONEID);
	l = mock_listener(PORT, 5);
	so = guest_connects(l, PORT, 1, &mt);
	VERIFY0(mock_request(2, PORT, &mt2));

	/* It lost its connections, and is still there. */
	vsock_transport_reset(mock_transport, VMADDR_CID_HOST);
	VERIFY3U(mt->mt_releases, ==, 1);
	VERIFY3U(mt2->mt_releases, ==, 1);
	VERIFY0(mt->mt_resets);
	mock_free(mt);
	mock_free(mt2);
	expect_error(so, ECONNRESET);
	VERIFY0(fsk_close(so));
	so2 = mock_accept(l);
	expect_error(so2, ECONNRESET);
	VERIFY0(fsk_close(so2));
	so = guest_connects(l, PORT, 1, &mt);

	/* It goes; a connection being made goes with it. */
	mock_mode = MOCK_MUTE;
	so2 = mock_socket(VMADDR_PORT_ANY);
	fsk_set_nonblock(so2, true);
	VERIFY3S(mock_connect(so2, MOCK_CID, PORT), ==, EINPROGRESS);
	mock_guest_detach();
	VERIFY3U(mt->mt_releases, ==, 1);
	VERIFY3U(mock_last->mt_releases, ==, 1);
	mock_free(mt);
	mock_free(mock_last);
	expect_error(so, ECONNRESET);
	VERIFY3S(fsk_poll(so2, POLLIN), ==, POLLIN);
	VERIFY0(fsk_close(so));
	VERIFY0(fsk_close(so2));
	so = mock_socket(VMADDR_PORT_ANY);
	VERIFY3S(mock_connect(so, MOCK_CID, PORT), ==, EAFNOSUPPORT);
	VERIFY0(fsk_close(so));
	VERIFY0(fsk_close(l));
	mock_detach();
	end();
}

KTEST(vsock_options)
{
	fsk_file_t *l, *so;
	mock_tc_t *mt;
	uint64_t v;
	struct timeval tv;
	uint32_t len;
	int n;

	begin();
	mock_attach(GLOBAL_ZONEID);
	l = mock_listener(PORT, 5);
	so = guest_connects(l, PORT, 1, &mt);
	len = sizeof (v);
	VERIFY0(fsk_getsockopt(so, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &v,
	    &len));
	VERIFY3U(v, ==, 262144);
	len = sizeof (v);
	VERIFY0(fsk_getsockopt(so, AF_VSOCK, SO_VM_SOCKETS_BUFFER_MIN_SIZE, &v,
	    &len));
	VERIFY3U(v, ==, 128);
	len = 4;
	VERIFY3S(fsk_getsockopt(so, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &v,
	    &len), ==, EINVAL);
	/* clamped, and the backend hears of it at once */
	v = 1;
	VERIFY0(fsk_setsockopt(so, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &v,
	    sizeof (v)));
	VERIFY3U(mt->mt_params.vcp_rcvbuf, ==, 128);
	v = 1 << 20;
	VERIFY0(fsk_setsockopt(so, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &v,
	    sizeof (v)));
	VERIFY3U(mt->mt_params.vcp_rcvbuf, ==, 262144);
	VERIFY0(fsk_setsockopt(so, AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE, &v,
	    sizeof (v)));
	VERIFY0(fsk_setsockopt(so, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &v,
	    sizeof (v)));
	VERIFY3U(mt->mt_params.vcp_rcvbuf, ==, 1 << 20);
	v = UINT64_MAX;
	VERIFY0(fsk_setsockopt(so, AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE, &v,
	    sizeof (v)));
	VERIFY0(fsk_setsockopt(so, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &v,
	    sizeof (v)));
	VERIFY3U(mt->mt_params.vcp_rcvbuf, ==, 16 << 20);

	tv.tv_sec = -1;
	tv.tv_usec = 0;
	VERIFY3S(fsk_setsockopt(so, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT,
	    &tv, sizeof (tv)), ==, ERANGE);
	tv.tv_sec = 5;
	VERIFY0(fsk_setsockopt(so, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW,
	    &tv, sizeof (tv)));
	bzero(&tv, sizeof (tv));
	len = sizeof (tv);
	VERIFY0(fsk_getsockopt(so, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT,
	    &tv, &len));
	VERIFY3S(tv.tv_sec, ==, 5);
	VERIFY3S(fsk_setsockopt(so, AF_VSOCK, SO_VM_SOCKETS_PEER_HOST_VM_ID,
	    &v, sizeof (v)), ==, ENOPROTOOPT);
	VERIFY3S(fsk_setsockopt(so, 6, 1, &v, sizeof (v)), ==, ENOPROTOOPT);

	n = 30000;
	VERIFY0(fsk_setsockopt(so, SOL_SOCKET, SO_RCVBUF, &n, sizeof (n)));
	VERIFY3U(mt->mt_params.vcp_rcvbuf, ==, 40000);
	len = sizeof (n);
	VERIFY0(fsk_getsockopt(so, SOL_SOCKET, SO_RCVBUF, &n, &len));
	VERIFY3S(n, ==, 30000);
	n = 1;
	VERIFY0(fsk_setsockopt(so, SOL_SOCKET, SO_REUSEADDR, &n, sizeof (n)));
	vsock_up_reset(mt->mt_conn, 0);
	mock_free(mt);
	VERIFY0(fsk_close(so));
	VERIFY0(fsk_close(l));
	mock_detach();
	end();
}

KTEST(vsock_loopback_full)
{
	fsk_file_t *l, *a, *b;
	writer_t w;
	uint8_t buf[5000];
	uint64_t taken = 0, stopped, i;
	size_t done;

	begin();
	l = mock_listener(PORT, 5);
	a = mock_socket(VMADDR_PORT_ANY);
	VERIFY0(mock_connect(a, VMADDR_CID_LOCAL, PORT));
	b = mock_accept(l);
	writer_start(&w, a);
	fk_quiesce();
	stopped = w.w_bytes;
	VERIFY3U(stopped, >=, 262144);
	VERIFY3U(stopped, <=, 262144 + 65536);

	while (taken < 5000000) {
		VERIFY0(fsk_recv(b, buf, sizeof (buf), 0, &done));
		for (i = 0; i < done; i++)
			VERIFY3U(buf[i], ==, mock_pattern(taken + i));
		taken += done;
	}
	/* The reader goes: the writer hears of it. */
	VERIFY0(fsk_close(b));
	thread_join(w.w_did);
	VERIFY3S(w.w_error, ==, EPIPE);
	VERIFY0(fsk_close(a));
	VERIFY0(fsk_close(l));
	end();
}

/*
 * The accepted end talks, and even closes, before the connecting one has been
 * told that it is connected.
 */
static void
early_server(void *arg)
{
	fsk_file_t *so = mock_accept(arg);

	send_all(so, "at ");
	send_all(so, "once");
	VERIFY0(fsk_close(so));
}

KTEST(vsock_loopback_early)
{
	fsk_file_t *l, *a;

	begin();
	l = mock_listener(PORT, 5);
	a = mock_socket(VMADDR_PORT_ANY);
	fsk_inject_newconn(early_server, l);
	VERIFY0(mock_connect(a, VMADDR_CID_LOCAL, PORT));
	fsk_inject_newconn(NULL, NULL);
	expect_recv(a, "at once");
	expect_error(a, 0);
	VERIFY3U(kst("connections"), ==, 0);
	VERIFY0(fsk_close(a));
	VERIFY0(fsk_close(l));
	end();
}

/* The same for a request of a guest. */
KTEST(vsock_request_early)
{
	fsk_file_t *l;
	mock_tc_t *mt;

	begin();
	mock_attach(GLOBAL_ZONEID);
	l = mock_listener(PORT, 5);
	fsk_inject_newconn(early_server, l);
	VERIFY0(mock_request(1, PORT, &mt));
	fsk_inject_newconn(NULL, NULL);
	VERIFY3U(mock_sent_bytes(mt), ==, 7);
	VERIFY3U(mt->mt_shut, ==, VSOCK_SHUT_BOTH);
	vsock_up_reset(mt->mt_conn, 0);
	VERIFY3U(mt->mt_releases, ==, 1);
	mock_free(mt);
	VERIFY0(fsk_close(l));
	mock_detach();
	end();
}

KTEST(vsock_create_rules)
{
	fsk_file_t *so;

	begin();
	VERIFY3S(fsk_socket(AF_VSOCK, SOCK_DGRAM, 0, &so), ==, EPROTOTYPE);
	VERIFY3S(fsk_socket(AF_VSOCK, SOCK_STREAM, 6, &so), ==,
	    EPROTONOSUPPORT);
	VERIFY0(fsk_socket(AF_VSOCK, SOCK_STREAM, PF_VSOCK, &so));
	VERIFY0(fsk_close(so));
	end();
}

/* Without PRIV_NET_ACCESS there are no sockets. */
KTEST(vsock_create_denied)
{
	fsk_file_t *so;
	cred_t *cr;
	proc_t *p, *old;

	begin();
	cr = fk_cred_create(60001, 60001, global_zone, B_FALSE);
	p = fk_proc_create(global_zone, cr, "denied");
	old = fk_proc_switch(p);
	VERIFY3S(fsk_socket(AF_VSOCK, SOCK_STREAM, 0, &so), ==, EACCES);
	(void) fk_proc_switch(old);
	fk_proc_rele(p);
	crfree(cr);
	end();
}

static fsk_file_t *
zone_socket(zone_t *zone)
{
	fsk_file_t *so;

	VERIFY0(fsk_socket_as(zone->zone_id, true, AF_VSOCK, SOCK_STREAM, 0,
	    &so));
	return (so);
}

static fsk_file_t *
zone_listener(zone_t *zone, uint32_t port)
{
	fsk_file_t *so = zone_socket(zone);

	VERIFY0(bind_to(so, VMADDR_CID_ANY, port));
	VERIFY0(fsk_listen(so, 5));
	return (so);
}

KTEST(vsock_zones)
{
	fsk_file_t *gl, *gs, *zl, *zs, *zr, *so;
	mock_tc_t *mt;
	zone_t *zone;

	begin();
	zone = fk_zone_create("a");
	gl = mock_listener(PORT, 5);
	zl = zone_listener(zone, PORT);

	/* Each has a loopback of its own. */
	zs = zone_socket(zone);
	VERIFY0(mock_connect(zs, VMADDR_CID_LOCAL, PORT));
	VERIFY0(fsk_poll(gl, POLLIN));
	zr = mock_accept(zl);
	send_all(zs, "inside");
	expect_recv(zr, "inside");

	/* The guest belongs to the zone it was made in. */
	mock_attach(zone->zone_id);
	gs = mock_socket(VMADDR_PORT_ANY);
	VERIFY3S(mock_connect(gs, MOCK_CID, PORT), ==, EAFNOSUPPORT);
	VERIFY0(mock_request(1, PORT, &mt));
	VERIFY0(fsk_poll(gl, POLLIN));
	so = mock_accept(zl);
	send_all(so, "hello");
	VERIFY3U(mock_sent_bytes(mt), ==, 5);

	/* The zone is halted: nobody waits for anything any more. */
	fk_zone_shutdown(zone);
	expect_error(so, ECONNRESET);
	VERIFY3U(mt->mt_resets, ==, 1);
	VERIFY3U(mt->mt_releases, ==, 1);
	mock_free(mt);
	expect_error(zr, ECONNRESET);
	expect_error(zs, ECONNRESET);
	VERIFY3S(mock_request(2, PORT + 1, &mt), ==, ECONNREFUSED);
	mock_detach();
	VERIFY0(fsk_close(so));
	VERIFY0(fsk_close(zr));
	VERIFY0(fsk_close(zs));
	VERIFY0(fsk_close(zl));
	fk_zone_destroy(zone);

	VERIFY0(mock_connect(gs, VMADDR_CID_LOCAL, PORT));
	VERIFY0(fsk_close(gs));
	VERIFY0(fsk_close(gl));
	end();
}
