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
 * The corners of the socket API that the front end answers for: forms of
 * addresses, options, SIOCOUTQ, lingering, and what a halted zone does to those
 * who wait.  Sockets and backend are those of vsock_front.c.
 */

#include <sys/types.h>
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/sysmacros.h>
#include <sys/errno.h>
#include <sys/debug.h>
#include <sys/stream.h>
#include <sys/poll.h>
#include <sys/filio.h>
#include <sys/time.h>
#include <sys/thread.h>
#include <sys/proc.h>
#include <sys/zone.h>
#include <sys/cred.h>
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

static void
advance_ms(uint64_t ms)
{
	fk_time_advance(MSEC2NSEC(ms));
	fk_quiesce();
}

/* A connection of the mock guest with us. */
static fsk_file_t *
connected(uint32_t rport, mock_tc_t **mtp)
{
	fsk_file_t *l, *so;

	l = mock_listener(PORT, 5);
	VERIFY0(mock_request(rport, PORT, mtp));
	so = mock_accept(l);
	VERIFY0(fsk_close(l));
	return (so);
}

/* The guest's answer to our end of it. */
static void
finish(fsk_file_t *so, mock_tc_t *mt)
{
	vsock_up_reset(mt->mt_conn, 0);
	mock_free(mt);
	if (so != NULL)
		VERIFY0(fsk_close(so));
}

static int
set_int(fsk_file_t *so, int name, int value)
{
	return (fsk_setsockopt(so, SOL_SOCKET, name, &value, sizeof (value)));
}

static int
get_int(fsk_file_t *so, int name)
{
	int value = -1;
	uint32_t len = sizeof (value);

	VERIFY0(fsk_getsockopt(so, SOL_SOCKET, name, &value, &len));
	VERIFY3U(len, ==, sizeof (value));
	return (value);
}

static int
set_size(fsk_file_t *so, int name, uint64_t value)
{
	return (fsk_setsockopt(so, AF_VSOCK, name, &value, sizeof (value)));
}

static uint64_t
get_size(fsk_file_t *so, int name)
{
	uint64_t value = 0;
	uint32_t len = sizeof (value);

	VERIFY0(fsk_getsockopt(so, AF_VSOCK, name, &value, &len));
	VERIFY3U(len, ==, sizeof (value));
	return (value);
}

/* What a read that does not wait gives: bytes, or an errno as a negative. */
static ssize_t
read_now(fsk_file_t *so, size_t len)
{
	char buf[256];
	size_t done;
	int error;

	VERIFY3U(len, <=, sizeof (buf));
	error = fsk_recv(so, buf, len, MSG_DONTWAIT, &done);
	return (error != 0 ? -error : (ssize_t)done);
}

/* A thread that makes one call which may wait. */
typedef struct call {
	fsk_file_t	*c_so;
	size_t		c_len;
	size_t		c_done;
	int		c_error;
	boolean_t	c_over;
	kt_did_t	c_did;
} call_t;

static void
call_start(call_t *c, void (*func)(void *), fsk_file_t *so, size_t len)
{
	bzero(c, sizeof (*c));
	c->c_so = so;
	c->c_len = len;
	c->c_did = thread_create(NULL, 0, func, c, 0, &p0, TS_RUN,
	    minclsyspri)->t_did;
	fk_quiesce();
}

static void
call_recv(void *arg)
{
	call_t *c = arg;
	char buf[256];

	c->c_error = fsk_recv(c->c_so, buf, c->c_len, 0, &c->c_done);
	c->c_over = B_TRUE;
	thread_exit();
}

static void
call_send(void *arg)
{
	call_t *c = arg;
	char buf[256] = { 0 };

	c->c_error = fsk_send(c->c_so, buf, c->c_len, MSG_NOSIGNAL,
	    &c->c_done);
	c->c_over = B_TRUE;
	thread_exit();
}

static void
call_connect(void *arg)
{
	call_t *c = arg;

	c->c_error = mock_connect(c->c_so, MOCK_CID, PORT);
	c->c_over = B_TRUE;
	thread_exit();
}

static void
call_close(void *arg)
{
	call_t *c = arg;

	c->c_error = fsk_close(c->c_so);
	c->c_over = B_TRUE;
	thread_exit();
}

/*
 * Addresses
 */

KTEST(vsock_address_forms)
{
	struct {
		struct sockaddr_vm svm;
		char more[16];
	} addr = {
		.svm.svm_family = AF_VSOCK,
		.svm.svm_cid = VMADDR_CID_ANY,
		.svm.svm_port = PORT
	};
	struct sockaddr_vm *svm = &addr.svm;
	char shortname[4];
	fsk_file_t *so;
	uint32_t len, i;

	begin();
	mock_attach(GLOBAL_ZONEID);

	/* The length: whatever is shorter is refused, longer is all right. */
	so = mock_socket(VMADDR_PORT_ANY);
	for (len = 0; len < sizeof (*svm); len++) {
		VERIFY3S(fsk_bind(so, svm, len), ==, EINVAL);
		VERIFY3S(fsk_connect(so, svm, len), ==, EINVAL);
	}
	VERIFY0(fsk_bind(so, svm, sizeof (addr)));
	VERIFY0(fsk_close(so));

	/* Padding is not looked at, nor is the reserved field. */
	so = mock_socket(VMADDR_PORT_ANY);
	svm->svm_reserved1 = 7;
	for (i = 0; i < sizeof (svm->svm_zero); i++)
		svm->svm_zero[i] = 0xff;
	VERIFY0(fsk_bind(so, svm, sizeof (*svm)));
	/* and never comes back. */
	len = sizeof (*svm);
	VERIFY0(fsk_getsockname(so, svm, &len));
	VERIFY3U(svm->svm_reserved1, ==, 0);
	for (i = 0; i < sizeof (svm->svm_zero); i++)
		VERIFY0(svm->svm_zero[i]);
	/* A name is cut off at the room there is, and its length told. */
	len = sizeof (shortname);
	VERIFY0(fsk_getsockname(so, shortname, &len));
	VERIFY3U(len, ==, sizeof (*svm));
	VERIFY0(fsk_close(so));

	/* Flags: the one there is, and no other. */
	for (i = 1; i < 0x100; i <<= 1) {
		so = mock_socket(VMADDR_PORT_ANY);
		svm->svm_cid = VMADDR_CID_ANY;
		svm->svm_flags = i;
		VERIFY3S(fsk_bind(so, svm, sizeof (*svm)), ==,
		    i == VMADDR_FLAG_TO_HOST ? 0 : EINVAL);
		svm->svm_cid = MOCK_CID;
		/* To the host: not to the guest of that CID. */
		VERIFY3S(fsk_connect(so, svm, sizeof (*svm)), ==,
		    i == VMADDR_FLAG_TO_HOST ? EAFNOSUPPORT : EINVAL);
		VERIFY0(fsk_close(so));
	}
	mock_detach();
	end();
}

/*
 * A socket whose connect was refused at once is as good as new; one that had to
 * wait for the refusal could never send again, and is refused itself.
 */
KTEST(vsock_connect_again)
{
	fsk_file_t *so;

	begin();
	mock_attach(GLOBAL_ZONEID);
	so = mock_socket(VMADDR_PORT_ANY);
	mock_mode = MOCK_FAIL;
	mock_errno = ECONNRESET;
	VERIFY3S(mock_connect(so, MOCK_CID, PORT), ==, ECONNRESET);
	mock_mode = MOCK_ACCEPT;
	VERIFY0(mock_connect(so, MOCK_CID, PORT));
	VERIFY3S(mock_connect(so, MOCK_CID, PORT), ==, EISCONN);
	finish(so, mock_last);

	so = mock_socket(VMADDR_PORT_ANY);
	mock_mode = MOCK_MUTE;
	fsk_set_nonblock(so, true);
	VERIFY3S(mock_connect(so, MOCK_CID, PORT), ==, EINPROGRESS);
	vsock_up_reset(mock_last->mt_conn, ECONNRESET);
	mock_free(mock_last);
	VERIFY3S(fsk_poll(so, POLLOUT), ==, POLLOUT);
	VERIFY3S(get_int(so, SO_ERROR), ==, ECONNRESET);
	mock_mode = MOCK_ACCEPT;
	VERIFY3S(mock_connect(so, MOCK_CID, PORT), ==, EINVAL);
	VERIFY0(fsk_close(so));
	mock_detach();
	end();
}

/* A port is used again as soon as nothing is left of who had it. */
KTEST(vsock_port_reuse)
{
	struct sockaddr_vm svm = {
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY,
		.svm_port = PORT
	};
	fsk_file_t *l, *so, *other;
	mock_tc_t *mt;

	begin();
	mock_attach(GLOBAL_ZONEID);
	l = mock_listener(PORT, 5);
	VERIFY0(mock_request(1, PORT, &mt));
	so = mock_accept(l);
	other = mock_socket(VMADDR_PORT_ANY);
	VERIFY0(set_int(other, SO_REUSEADDR, 1));
	VERIFY3S(fsk_bind(other, &svm, sizeof (svm)), ==, EADDRINUSE);
	/* Accepted connections don't keep their listener's port. */
	VERIFY0(fsk_close(l));
	VERIFY0(fsk_bind(other, &svm, sizeof (svm)));
	VERIFY0(fsk_close(other));
	finish(so, mt);
	mock_detach();
	end();
}

/*
 * Options
 */

KTEST(vsock_generic_options)
{
	static const int readonly[] = {
		SO_TYPE, SO_DOMAIN, SO_ERROR, SO_ACCEPTCONN
	};
	fsk_file_t *l, *so;
	mock_tc_t *mt;
	uint_t i;
	int n = 1;
	uint32_t len;

	begin();
	mock_attach(GLOBAL_ZONEID);
	so = mock_socket(VMADDR_PORT_ANY);
	VERIFY3S(get_int(so, SO_TYPE), ==, SOCK_STREAM);
	VERIFY3S(get_int(so, SO_DOMAIN), ==, AF_VSOCK);
	VERIFY3S(get_int(so, SO_PROTOCOL), ==, 0);
	VERIFY3S(get_int(so, SO_ACCEPTCONN), ==, 0);
	VERIFY3S(get_int(so, SO_ERROR), ==, 0);
	VERIFY3S(get_int(so, SO_RCVLOWAT), ==, 1);
	for (i = 0; i < ARRAY_SIZE(readonly); i++)
		VERIFY3S(set_int(so, readonly[i], 1), ==, ENOPROTOOPT);
	VERIFY3S(fsk_setsockopt(so, SOL_VSOCK, 1, &n, sizeof (n)), ==,
	    ENOPROTOOPT);
	len = sizeof (n);
	VERIFY3S(fsk_getsockopt(so, SOL_VSOCK, 1, &n, &len), ==, ENOPROTOOPT);
	VERIFY0(set_int(so, SO_SNDBUF, 100000));
	VERIFY3S(get_int(so, SO_SNDBUF), ==, 100000);
	VERIFY3S(set_int(so, SO_SNDBUF, -1), ==, EINVAL);
	VERIFY0(fsk_close(so));

	l = mock_listener(PORT, 5);
	VERIFY3S(get_int(l, SO_ACCEPTCONN), !=, 0);
	VERIFY0(mock_request(1, PORT, &mt));
	so = mock_accept(l);
	VERIFY3S(get_int(so, SO_ACCEPTCONN), ==, 0);
	/* An error is told once. */
	vsock_up_reset(mt->mt_conn, ECONNRESET);
	mock_free(mt);
	VERIFY3S(get_int(so, SO_ERROR), ==, ECONNRESET);
	VERIFY3S(get_int(so, SO_ERROR), ==, 0);
	VERIFY0(fsk_close(so));
	VERIFY0(fsk_close(l));
	mock_detach();
	end();
}

/* The bounds of the buffer's size move it; the upper one is the stronger. */
KTEST(vsock_buffer_bounds)
{
	fsk_file_t *so;
	mock_tc_t *mt;

	begin();
	mock_attach(GLOBAL_ZONEID);
	so = connected(1, &mt);
	VERIFY0(set_size(so, SO_VM_SOCKETS_BUFFER_MAX_SIZE, 100000));
	VERIFY3U(get_size(so, SO_VM_SOCKETS_BUFFER_SIZE), ==, 100000);
	VERIFY3U(mt->mt_params.vcp_rcvbuf, ==, 100000);
	VERIFY0(set_size(so, SO_VM_SOCKETS_BUFFER_SIZE, 5000));
	VERIFY0(set_size(so, SO_VM_SOCKETS_BUFFER_MIN_SIZE, 8000));
	VERIFY3U(get_size(so, SO_VM_SOCKETS_BUFFER_SIZE), ==, 8000);
	VERIFY3U(mt->mt_params.vcp_rcvbuf, ==, 8000);
	VERIFY0(set_size(so, SO_VM_SOCKETS_BUFFER_MIN_SIZE, 200000));
	VERIFY3U(get_size(so, SO_VM_SOCKETS_BUFFER_MIN_SIZE), ==, 200000);
	VERIFY3U(get_size(so, SO_VM_SOCKETS_BUFFER_SIZE), ==, 100000);
	VERIFY3U(mt->mt_params.vcp_rcvbuf, ==, 100000);
	finish(so, mt);
	mock_detach();
	end();
}

KTEST(vsock_timeouts)
{
	struct timeval tv = { 0, 300000 };
	fsk_file_t *so;
	mock_tc_t *mt;
	call_t c;

	begin();
	mock_attach(GLOBAL_ZONEID);
	so = connected(1, &mt);
	VERIFY0(fsk_setsockopt(so, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof (tv)));
	VERIFY0(fsk_setsockopt(so, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof (tv)));
	call_start(&c, call_recv, so, 1);
	advance_ms(250);
	VERIFY(!c.c_over);
	advance_ms(100);
	thread_join(c.c_did);
	VERIFY3S(c.c_error, ==, EAGAIN);

	mt->mt_full = B_TRUE;
	call_start(&c, call_send, so, 1);
	thread_join(c.c_did);
	VERIFY0(c.c_error);
	call_start(&c, call_send, so, 1);
	advance_ms(250);
	VERIFY(!c.c_over);
	advance_ms(100);
	thread_join(c.c_did);
	VERIFY3S(c.c_error, ==, EAGAIN);
	finish(so, mt);
	mock_detach();
	end();
}

KTEST(vsock_rcvlowat)
{
	fsk_file_t *so;
	mock_tc_t *mt;
	call_t c;
	int n;

	begin();
	mock_attach(GLOBAL_ZONEID);
	so = connected(1, &mt);
	VERIFY3S(set_int(so, SO_RCVLOWAT, -1), ==, EINVAL);
	VERIFY3S(set_int(so, SO_RCVLOWAT, 262145), ==, EINVAL);
	VERIFY0(set_int(so, SO_RCVLOWAT, 0));
	VERIFY3S(get_int(so, SO_RCVLOWAT), ==, 1);
	VERIFY0(set_int(so, SO_RCVLOWAT, 100));
	VERIFY3S(get_int(so, SO_RCVLOWAT), ==, 100);

	/* Who waits is not told of less, */
	call_start(&c, call_recv, so, 200);
	mock_send(mt, 60);
	mock_send(mt, 39);
	fk_quiesce();
	VERIFY(!c.c_over);
	VERIFY0(fsk_ioctl(so, FIONREAD, (intptr_t)&n, NULL));
	VERIFY3S(n, ==, 99);
	mock_send(mt, 1);
	thread_join(c.c_did);
	VERIFY0(c.c_error);
	VERIFY3U(c.c_done, ==, 100);

	/* who does not wait is, */
	mock_send(mt, 5);
	VERIFY3S(fsk_poll(so, POLLIN), ==, POLLIN);
	VERIFY3S(read_now(so, 200), ==, 5);

	/* and so is one who wants no more than that, */
	call_start(&c, call_recv, so, 4);
	mock_send(mt, 3);
	fk_quiesce();
	VERIFY(!c.c_over);
	mock_send(mt, 1);
	thread_join(c.c_did);
	VERIFY3U(c.c_done, ==, 4);

	/* or if there is no more to come, */
	call_start(&c, call_recv, so, 200);
	mock_send(mt, 10);
	fk_quiesce();
	VERIFY(!c.c_over);
	vsock_up_shutdown(mt->mt_conn, VSOCK_SHUT_SEND);
	thread_join(c.c_did);
	VERIFY0(c.c_error);
	VERIFY3U(c.c_done, ==, 10);
	VERIFY3S(read_now(so, 200), ==, 0);
	finish(so, mt);

	/* for whatever reason. */
	so = connected(1, &mt);
	VERIFY0(set_int(so, SO_RCVLOWAT, 100));
	call_start(&c, call_recv, so, 200);
	mock_send(mt, 10);
	fk_quiesce();
	VERIFY(!c.c_over);
	vsock_up_reset(mt->mt_conn, ECONNRESET);
	mock_free(mt);
	thread_join(c.c_did);
	VERIFY0(c.c_error);
	VERIFY3U(c.c_done, ==, 10);
	VERIFY3S(read_now(so, 200), ==, -ECONNRESET);
	VERIFY0(fsk_close(so));

	/* What the peer may send is always enough. */
	so = connected(1, &mt);
	VERIFY0(set_size(so, SO_VM_SOCKETS_BUFFER_SIZE, 400));
	VERIFY0(set_int(so, SO_RCVLOWAT, 400));
	mock_send(mt, 300);
	VERIFY3S(read_now(so, 256), ==, 256);
	VERIFY3S(read_now(so, 256), ==, 44);
	call_start(&c, call_recv, so, 256);
	VERIFY3U(mt->mt_given - mt->mt_consumed, <=, 100);
	mock_send(mt, 400 - (mt->mt_given - mt->mt_consumed));
	thread_join(c.c_did);
	VERIFY3U(c.c_done, ==, 256);
	finish(so, mt);
	mock_detach();
	end();
}

KTEST(vsock_siocoutq)
{
	fsk_file_t *so, *l;
	mock_tc_t *mt;
	int n = -1;

	begin();
	mock_attach(GLOBAL_ZONEID);
	so = mock_socket(VMADDR_PORT_ANY);
	VERIFY3S(fsk_ioctl(so, SIOCOUTQ, (intptr_t)&n, NULL), ==, EOPNOTSUPP);
	VERIFY3S(fsk_ioctl(so, IOCTL_VM_SOCKETS_GET_LOCAL_CID, (intptr_t)&n,
	    NULL), ==, ENOTTY);
	VERIFY0(fsk_close(so));
	l = mock_listener(PORT, 5);
	VERIFY3S(fsk_ioctl(l, SIOCOUTQ, (intptr_t)&n, NULL), ==, EINVAL);
	VERIFY0(fsk_close(l));

	so = connected(1, &mt);
	mt->mt_unsent = 1234;
	VERIFY0(fsk_ioctl(so, SIOCOUTQ, (intptr_t)&n, NULL));
	VERIFY3S(n, ==, 1234);
	VERIFY3S(fsk_ioctl(so, SIOCOUTQ, 1, NULL), ==, EFAULT);
	/* Nothing is under way when all is over. */
	vsock_up_reset(mt->mt_conn, 0);
	mock_free(mt);
	VERIFY0(fsk_ioctl(so, SIOCOUTQ, (intptr_t)&n, NULL));
	VERIFY0(n);
	VERIFY0(fsk_close(so));
	mock_detach();
	end();
}

/*
 * Lingering
 */

static fsk_file_t *
lingering(mock_tc_t **mtp, int seconds)
{
	struct linger linger = { 1, seconds };
	fsk_file_t *so = connected(1, mtp);

	VERIFY0(fsk_setsockopt(so, SOL_SOCKET, SO_LINGER, &linger,
	    sizeof (linger)));
	return (so);
}

KTEST(vsock_linger)
{
	struct linger linger = { 0, -1 };
	uint32_t len = sizeof (linger);
	fsk_file_t *so;
	mock_tc_t *mt;
	call_t c;

	begin();
	mock_attach(GLOBAL_ZONEID);
	so = lingering(&mt, 3);
	VERIFY0(fsk_getsockopt(so, SOL_SOCKET, SO_LINGER, &linger, &len));
	VERIFY3S(linger.l_onoff, !=, 0);
	VERIFY3S(linger.l_linger, ==, 3);
	linger.l_linger = -1;
	VERIFY3S(fsk_setsockopt(so, SOL_SOCKET, SO_LINGER, &linger,
	    sizeof (linger)), ==, EINVAL);
	VERIFY3S(fsk_setsockopt(so, SOL_SOCKET, SO_LINGER, &linger,
	    sizeof (linger) - 1), ==, EINVAL);

	/* The peer acknowledges. */
	call_start(&c, call_close, so, 0);
	VERIFY3U(mt->mt_shut, ==, VSOCK_SHUT_BOTH);
	VERIFY(!c.c_over);
	finish(NULL, mt);
	thread_join(c.c_did);
	VERIFY0(c.c_error);

	/* It doesn't: the close goes on in the background. */
	so = lingering(&mt, 3);
	call_start(&c, call_close, so, 0);
	advance_ms(2900);
	VERIFY(!c.c_over);
	advance_ms(200);
	thread_join(c.c_did);
	VERIFY0(c.c_error);
	VERIFY0(mt->mt_releases);
	advance_ms(5000);
	VERIFY3U(mt->mt_resets, ==, 1);
	VERIFY3U(mt->mt_releases, ==, 1);
	mock_free(mt);

	/* No time to wait, and no wish to. */
	so = lingering(&mt, 0);
	VERIFY0(fsk_close(so));
	VERIFY3U(mt->mt_shut, ==, VSOCK_SHUT_BOTH);
	VERIFY0(mt->mt_resets);
	finish(NULL, mt);
	so = lingering(&mt, 3);
	fsk_set_nonblock(so, true);
	VERIFY0(fsk_close(so));
	finish(NULL, mt);
	mock_detach();
	end();
}

/*
 * Zones
 */

static fsk_file_t *
zone_socket(zone_t *zone, uint32_t port)
{
	struct sockaddr_vm svm = {
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY,
		.svm_port = port
	};
	fsk_file_t *so;

	VERIFY0(fsk_socket_as(zone->zone_id, true, AF_VSOCK, SOCK_STREAM, 0,
	    &so));
	VERIFY0(fsk_bind(so, &svm, sizeof (svm)));
	return (so);
}

KTEST(vsock_zone_names)
{
	vsock_transport_reg_t reg = {
		.vtr_name = "again1", .vtr_types = VSOCK_TYPE_STREAM,
		.vtr_local_cid = VMADDR_CID_HOST, .vtr_remote_cid = MOCK_CID,
		.vtr_zoneid = GLOBAL_ZONEID
	};
	static const vsock_provider_reg_t again = {
		.vpr_version = VSOCK_TRANSPORT_VERSION, .vpr_name = "again",
		.vpr_dir = VSOCK_DIR_TO_GUEST
	};
	vsock_provider_t *vp;
	vsock_transport_t *vtp;
	fsk_file_t *so[3];
	zone_t *a, *b;
	uint_t i;

	begin();
	a = fk_zone_create("a");
	b = fk_zone_create("b");
	mock_attach(a->zone_id);
	/* One port, three zones. */
	so[0] = mock_socket(PORT);
	so[1] = zone_socket(a, PORT);
	so[2] = zone_socket(b, PORT);
	for (i = 0; i < ARRAY_SIZE(so); i++)
		VERIFY0(fsk_listen(so[i], 1));
	for (i = 0; i < ARRAY_SIZE(so); i++)
		VERIFY0(fsk_close(so[i]));

	/* One CID, one guest, in whatever zone it is. */
	VERIFY0(vsock_provider_register(&again, &vp));
	VERIFY3S(vsock_transport_register(vp, &reg, &vtp), ==, EADDRINUSE);
	reg.vtr_zoneid = b->zone_id;
	VERIFY3S(vsock_transport_register(vp, &reg, &vtp), ==, EADDRINUSE);
	reg.vtr_remote_cid = MOCK_CID + 1;
	VERIFY0(vsock_transport_register(vp, &reg, &vtp));
	/* Neither zone reaches the other's. */
	so[0] = zone_socket(a, VMADDR_PORT_ANY);
	VERIFY3S(mock_connect(so[0], MOCK_CID + 1, PORT), ==, EAFNOSUPPORT);
	so[1] = zone_socket(b, VMADDR_PORT_ANY);
	VERIFY3S(mock_connect(so[1], MOCK_CID, PORT), ==, EAFNOSUPPORT);
	VERIFY0(fsk_close(so[0]));
	VERIFY0(fsk_close(so[1]));
	vsock_transport_unregister(vtp);
	VERIFY0(vsock_provider_unregister(vp));
	mock_detach();
	fk_zone_shutdown(a);
	fk_zone_shutdown(b);
	fk_zone_destroy(a);
	fk_zone_destroy(b);
	end();
}

/* The privilege to use the network is asked for in every zone. */
KTEST(vsock_zone_denied)
{
	fsk_file_t *so;
	zone_t *zone;
	cred_t *cr;
	proc_t *p, *old;

	begin();
	zone = fk_zone_create("a");
	cr = fk_cred_create(60001, 60001, zone, B_FALSE);
	p = fk_proc_create(zone, cr, "denied");
	old = fk_proc_switch(p);
	VERIFY3S(fsk_socket(AF_VSOCK, SOCK_STREAM, 0, &so), ==, EACCES);
	(void) fk_proc_switch(old);
	fk_proc_rele(p);
	crfree(cr);
	VERIFY0(fsk_socket_as(zone->zone_id, false, AF_VSOCK, SOCK_STREAM, 0,
	    &so));
	VERIFY0(fsk_close(so));
	fk_zone_shutdown(zone);
	fk_zone_destroy(zone);
	end();
}

/* A zone is halted: whoever waits for a peer is woken, and can only close. */
KTEST(vsock_zone_sleepers)
{
	fsk_file_t *l, *reader, *writer, *client, *so;
	mock_tc_t *rt, *wt, *ct;
	call_t r, w, c;
	proc_t *p, *old;
	zone_t *zone;
	cred_t *cr;

	begin();
	zone = fk_zone_create("a");
	cr = fk_cred_create(0, 0, zone, B_TRUE);
	p = fk_proc_create(zone, cr, "late");
	mock_attach(zone->zone_id);
	l = zone_socket(zone, PORT);
	VERIFY0(fsk_listen(l, 5));
	VERIFY0(mock_request(1, PORT, &rt));
	reader = mock_accept(l);
	VERIFY0(mock_request(2, PORT, &wt));
	writer = mock_accept(l);
	client = zone_socket(zone, VMADDR_PORT_ANY);

	call_start(&r, call_recv, reader, 10);
	wt->mt_full = B_TRUE;
	call_start(&w, call_send, writer, 1);
	thread_join(w.c_did);
	call_start(&w, call_send, writer, 1);
	mock_mode = MOCK_MUTE;
	call_start(&c, call_connect, client, 0);
	ct = mock_last;
	VERIFY(!r.c_over && !w.c_over && !c.c_over);

	fk_zone_shutdown(zone);
	thread_join(r.c_did);
	thread_join(w.c_did);
	thread_join(c.c_did);
	VERIFY3S(r.c_error, ==, ECONNRESET);
	VERIFY3S(w.c_error, ==, EPIPE);
	VERIFY3S(c.c_error, ==, ECONNRESET);
	VERIFY3U(rt->mt_releases, ==, 1);
	VERIFY3U(wt->mt_releases, ==, 1);
	VERIFY3U(ct->mt_releases, ==, 1);
	mock_free(rt);
	mock_free(wt);
	mock_free(ct);
	old = fk_proc_switch(p);
	VERIFY3S(fsk_socket(AF_VSOCK, SOCK_STREAM, 0, &so), ==, EAFNOSUPPORT);
	(void) fk_proc_switch(old);
	fk_proc_rele(p);
	crfree(cr);
	VERIFY3S(mock_request(3, PORT, &rt), ==, ENETDOWN);
	mock_detach();
	VERIFY0(fsk_close(reader));
	VERIFY0(fsk_close(writer));
	VERIFY0(fsk_close(client));
	VERIFY0(fsk_close(l));
	fk_zone_destroy(zone);
	end();
}
