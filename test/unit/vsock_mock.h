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

#ifndef _VSOCK_MOCK_H
#define	_VSOCK_MOCK_H

/*
 * A backend for tests: one guest (MOCK_CID) whose side of every connection is
 * played by the test, step by step.  It has nothing of virtio: what passes the
 * front end <-> backend interface is all there is.
 */

#include <sys/types.h>
#include <sys/vsock_transport.h>
#include <net/vsock.h>
#include "fakesock.h"

#define	MOCK_CID	7
#define	MOCK_RECORDS	64	/* of SOCK_SEQPACKET, that can be sent */

typedef struct mock_tc {
	kmutex_t	mt_lock;
	vsock_conn_t	*mt_conn;
	vsock_conn_params_t mt_params;
	mblk_t		*mt_sent;	/* what the application sent */
	uint_t		mt_nrecords;	/* if these were records: */
	size_t		mt_reclen[MOCK_RECORDS];
	uint_t		mt_recflags[MOCK_RECORDS];	/* VSOCK_MSG_* */
	boolean_t	mt_full;	/* what vto_send() answers */
	uint64_t	mt_given;	/* bytes of vsock_up_data() */
	uint64_t	mt_consumed;
	boolean_t	mt_starved;	/* says so when told of the next */
	uint_t		mt_shut;
	uint_t		mt_resets;
	uint_t		mt_releases;
	size_t		mt_unsent;	/* what vto_unsent() answers */
} mock_tc_t;

/* What the next vto_connect() does. */
typedef enum mock_mode {
	MOCK_MUTE,		/* nothing */
	MOCK_ACCEPT,		/* vsock_up_established() at once */
	MOCK_REFUSE,		/* vsock_up_reset(ECONNRESET) at once */
	MOCK_FAIL		/* returns mock_errno */
} mock_mode_t;

extern mock_mode_t mock_mode;
extern int mock_errno;
extern uint_t mock_types;	/* VSOCK_TYPE_*, for mock_attach() */
extern size_t mock_maxrec;	/* what vto_maxrec() answers */
extern mock_tc_t *mock_last;	/* of the last vto_connect() */
extern vsock_transport_t *mock_transport;

/* Register the backend and its guest, in the zone; and take both away. */
extern void mock_attach(zoneid_t);
extern void mock_detach(void);
/* The guest alone. */
extern void mock_guest_detach(void);

/* The guest connects to a port; the errno of the refusal. */
extern int mock_request(uint32_t rport, uint32_t lport, mock_tc_t **);
/* The same with a VSOCK_TYPE_*. */
extern int mock_request_type(uint32_t rport, uint32_t lport, uint_t type,
    mock_tc_t **);
/* The guest sends `len' bytes, a pattern that continues, in one message. */
extern void mock_send(mock_tc_t *, size_t len);
/* The same for a piece of a record, with its VSOCK_MSG_*. */
extern void mock_piece(mock_tc_t *, size_t len, uint_t flags);
/* The byte at an offset of the pattern. */
extern uint8_t mock_pattern(uint64_t offset);
/* Free what was released. */
extern void mock_free(mock_tc_t *);
extern size_t mock_sent_bytes(mock_tc_t *);

/* A stream socket, bound if lport is not VMADDR_PORT_ANY. */
extern fsk_file_t *mock_socket(uint32_t lport);
/* The same with a SOCK_*. */
extern fsk_file_t *mock_socket_type(int type, uint32_t lport);
extern fsk_file_t *mock_listener(uint32_t lport, int backlog);
extern int mock_connect(fsk_file_t *, uint32_t cid, uint32_t port);
extern fsk_file_t *mock_accept(fsk_file_t *);

#endif	/* _VSOCK_MOCK_H */
