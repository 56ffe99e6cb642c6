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
 * See vsock_mock.h.  The operations only note what they were called with; the
 * lock of a mock_tc_t protects that, and is held across nothing.
 */

#include <sys/types.h>
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/debug.h>
#include <sys/kmem.h>
#include <sys/stream.h>
#include <sys/strsun.h>
#include <sys/socket.h>
#include <sys/vsock_transport.h>
#include <net/vsock.h>
#include "vsock_mock.h"

mock_mode_t mock_mode;
int mock_errno;
uint_t mock_types = VSOCK_TYPE_STREAM | VSOCK_TYPE_SEQPACKET;
size_t mock_maxrec = SIZE_MAX;
mock_tc_t *mock_last;
vsock_transport_t *mock_transport;
static vsock_provider_t *mock_provider;

static mock_tc_t *
mock_tc_create(vsock_conn_t *conn, const vsock_conn_params_t *params)
{
	mock_tc_t *mt;

	mt = kmem_zalloc(sizeof (*mt), KM_SLEEP);
	mutex_init(&mt->mt_lock, NULL, MUTEX_DRIVER, NULL);
	mt->mt_conn = conn;
	mt->mt_params = *params;
	return (mt);
}

void
mock_free(mock_tc_t *mt)
{
	freemsg(mt->mt_sent);
	mutex_destroy(&mt->mt_lock);
	kmem_free(mt, sizeof (*mt));
}

static int
mock_op_connect(void *arg, vsock_conn_t *conn,
    const vsock_conn_params_t *params, void **tcp)
{
	mock_tc_t *mt;

	if (mock_mode == MOCK_FAIL)
		return (mock_errno);
	mt = mock_tc_create(conn, params);
	*tcp = mock_last = mt;
	if (mock_mode == MOCK_ACCEPT)
		vsock_up_established(conn);
	else if (mock_mode == MOCK_REFUSE)
		vsock_up_reset(conn, ECONNRESET);
	return (0);
}

static boolean_t
mock_op_send(void *tc, mblk_t *mp, uint_t flags)
{
	mock_tc_t *mt = tc;
	boolean_t full;

	mutex_enter(&mt->mt_lock);
	if (mt->mt_params.vcp_type == VSOCK_TYPE_STREAM) {
		VERIFY0(flags);
	} else {
		VERIFY((flags & VSOCK_MSG_EOM) != 0);
		VERIFY3U(mt->mt_nrecords, <, MOCK_RECORDS);
		mt->mt_reclen[mt->mt_nrecords] = msgdsize(mp);
		mt->mt_recflags[mt->mt_nrecords++] = flags;
	}
	if (mt->mt_sent == NULL)
		mt->mt_sent = mp;
	else
		linkb(mt->mt_sent, mp);
	full = mt->mt_full;
	mutex_exit(&mt->mt_lock);
	return (!full);
}

static boolean_t
mock_op_tx_ready(void *tc)
{
	mock_tc_t *mt = tc;
	boolean_t full;

	mutex_enter(&mt->mt_lock);
	full = mt->mt_full;
	mutex_exit(&mt->mt_lock);
	return (!full);
}

static size_t
mock_op_maxrec(void *tc)
{
	return (mock_maxrec);
}

static size_t
mock_op_unsent(void *tc)
{
	return (((mock_tc_t *)tc)->mt_unsent);
}

static void
mock_op_consumed(void *tc, size_t bytes)
{
	mock_tc_t *mt = tc;
	boolean_t starved;

	mutex_enter(&mt->mt_lock);
	mt->mt_consumed += bytes;
	VERIFY3U(mt->mt_consumed, <=, mt->mt_given);
	starved = mt->mt_starved;
	mt->mt_starved = B_FALSE;
	mutex_exit(&mt->mt_lock);
	if (starved)
		vsock_up_starved(mt->mt_conn);
}

static void
mock_op_rcvbuf(void *tc, uint32_t bytes)
{
	((mock_tc_t *)tc)->mt_params.vcp_rcvbuf = bytes;
}

static void
mock_op_shutdown(void *tc, uint_t how)
{
	((mock_tc_t *)tc)->mt_shut |= how;
}

static void
mock_op_reset(void *tc)
{
	((mock_tc_t *)tc)->mt_resets++;
}

static void
mock_op_release(void *tc)
{
	((mock_tc_t *)tc)->mt_releases++;
}

static const vsock_transport_ops_t mock_ops = {
	.vto_connect	= mock_op_connect,
	.vto_send	= mock_op_send,
	.vto_maxrec	= mock_op_maxrec,
	.vto_tx_ready	= mock_op_tx_ready,
	.vto_unsent	= mock_op_unsent,
	.vto_consumed	= mock_op_consumed,
	.vto_rcvbuf	= mock_op_rcvbuf,
	.vto_shutdown	= mock_op_shutdown,
	.vto_reset	= mock_op_reset,
	.vto_release	= mock_op_release
};

static const vsock_provider_reg_t mock_reg = {
	.vpr_version	= VSOCK_TRANSPORT_VERSION,
	.vpr_name	= "mock",
	.vpr_dir	= VSOCK_DIR_TO_GUEST,
	.vpr_ops	= &mock_ops
};

void
mock_attach(zoneid_t zoneid)
{
	vsock_transport_reg_t reg = {
		.vtr_name	= "mock0",
		.vtr_types	= mock_types,
		.vtr_local_cid	= VMADDR_CID_HOST,
		.vtr_remote_cid	= MOCK_CID,
		.vtr_zoneid	= zoneid
	};

	VERIFY0(vsock_provider_register(&mock_reg, &mock_provider));
	VERIFY0(vsock_transport_register(mock_provider, &reg, &mock_transport));
}

void
mock_guest_detach(void)
{
	vsock_transport_unregister(mock_transport);
	mock_transport = NULL;
}

void
mock_detach(void)
{
	if (mock_transport != NULL)
		mock_guest_detach();
	VERIFY0(vsock_provider_unregister(mock_provider));
}

int
mock_request_type(uint32_t rport, uint32_t lport, uint_t type, mock_tc_t **mtp)
{
	vsock_tuple_t vt = {
		.vt_lcid = VMADDR_CID_HOST, .vt_lport = lport,
		.vt_rcid = MOCK_CID, .vt_rport = rport
	};
	vsock_conn_params_t params;
	vsock_conn_t *conn;
	mock_tc_t *mt;
	int error;

	error = vsock_up_request(mock_transport, &vt, type, &conn, &params);
	if (error != 0)
		return (error);
	mt = mock_tc_create(conn, &params);
	error = vsock_up_accept(conn, mt);
	if (error != 0) {
		mock_free(mt);
		return (error);
	}
	vsock_conn_rele(conn);
	*mtp = mt;
	return (0);
}

int
mock_request(uint32_t rport, uint32_t lport, mock_tc_t **mtp)
{
	return (mock_request_type(rport, lport, VSOCK_TYPE_STREAM, mtp));
}

uint8_t
mock_pattern(uint64_t offset)
{
	return ((uint8_t)(offset * 7 + (offset >> 8) * 13 + (offset >> 16)));
}

void
mock_send(mock_tc_t *mt, size_t len)
{
	mock_piece(mt, len, 0);
}

void
mock_piece(mock_tc_t *mt, size_t len, uint_t flags)
{
	mblk_t *mp;
	size_t i;

	mp = allocb(len, BPRI_MED);
	VERIFY(mp != NULL);
	mutex_enter(&mt->mt_lock);
	for (i = 0; i < len; i++)
		*mp->b_wptr++ = mock_pattern(mt->mt_given + i);
	mt->mt_given += len;
	mutex_exit(&mt->mt_lock);
	vsock_up_data(mt->mt_conn, mp, flags);
}

size_t
mock_sent_bytes(mock_tc_t *mt)
{
	size_t n;

	mutex_enter(&mt->mt_lock);
	n = (mt->mt_sent == NULL ? 0 : msgdsize(mt->mt_sent));
	mutex_exit(&mt->mt_lock);
	return (n);
}

fsk_file_t *
mock_socket_type(int type, uint32_t lport)
{
	struct sockaddr_vm svm = {
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY,
		.svm_port = lport
	};
	fsk_file_t *so;

	VERIFY0(fsk_socket(AF_VSOCK, type, 0, &so));
	if (lport != VMADDR_PORT_ANY)
		VERIFY0(fsk_bind(so, &svm, sizeof (svm)));
	return (so);
}

fsk_file_t *
mock_socket(uint32_t lport)
{
	return (mock_socket_type(SOCK_STREAM, lport));
}

fsk_file_t *
mock_listener(uint32_t lport, int backlog)
{
	fsk_file_t *so = mock_socket(lport);

	VERIFY0(fsk_listen(so, backlog));
	return (so);
}

int
mock_connect(fsk_file_t *so, uint32_t cid, uint32_t port)
{
	struct sockaddr_vm svm = {
		.svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port
	};

	return (fsk_connect(so, &svm, sizeof (svm)));
}

fsk_file_t *
mock_accept(fsk_file_t *listener)
{
	fsk_file_t *so;

	VERIFY0(fsk_accept(listener, NULL, NULL, &so));
	return (so);
}
