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
 * The vsock provider:
 *
 *	send			vsockinfo_t *, size_t length
 *	receive			vsockinfo_t *, size_t length
 *	connect-established	vsockinfo_t *, vsockaddrinfo_t *
 *	connect-refused		vsockinfo_t *, vsockaddrinfo_t *, int errno
 *	accept-established	vsockinfo_t *, vsockaddrinfo_t *
 *	accept-refused		vsockaddrinfo_t *, int errno
 *	drop-in			vsockaddrinfo_t *, size_t length, const char *
 *	drop-out		vsockaddrinfo_t *, size_t length, const char *
 *	state-change		vsockinfo_t *, int from, int to
 *
 * The string of a drop is the reason: stringof(args[2]).  States are those of
 * vsock_state_string.
 */

#pragma D depends_on module vsock
#pragma D depends_on provider vsock

inline int VSOCK_STATE_IDLE = 0;
#pragma D binding "1.14" VSOCK_STATE_IDLE
inline int VSOCK_STATE_BOUND = 1;
#pragma D binding "1.14" VSOCK_STATE_BOUND
inline int VSOCK_STATE_LISTEN = 2;
#pragma D binding "1.14" VSOCK_STATE_LISTEN
inline int VSOCK_STATE_EMBRYO = 3;
#pragma D binding "1.14" VSOCK_STATE_EMBRYO
inline int VSOCK_STATE_CONNECTING = 4;
#pragma D binding "1.14" VSOCK_STATE_CONNECTING
inline int VSOCK_STATE_CONNECTED = 5;
#pragma D binding "1.14" VSOCK_STATE_CONNECTED
inline int VSOCK_STATE_SHUT_SEND = 6;
#pragma D binding "1.14" VSOCK_STATE_SHUT_SEND
inline int VSOCK_STATE_SHUT_RECV = 7;
#pragma D binding "1.14" VSOCK_STATE_SHUT_RECV
inline int VSOCK_STATE_SHUT_BOTH = 8;
#pragma D binding "1.14" VSOCK_STATE_SHUT_BOTH
inline int VSOCK_STATE_CLOSING = 9;
#pragma D binding "1.14" VSOCK_STATE_CLOSING
inline int VSOCK_STATE_CLOSED = 10;
#pragma D binding "1.14" VSOCK_STATE_CLOSED

inline string vsock_state_string[int32_t state] =
	state == VSOCK_STATE_IDLE ? "state-idle" :
	state == VSOCK_STATE_BOUND ? "state-bound" :
	state == VSOCK_STATE_LISTEN ? "state-listen" :
	state == VSOCK_STATE_EMBRYO ? "state-embryo" :
	state == VSOCK_STATE_CONNECTING ? "state-connecting" :
	state == VSOCK_STATE_CONNECTED ? "state-connected" :
	state == VSOCK_STATE_SHUT_SEND ? "state-shut-send" :
	state == VSOCK_STATE_SHUT_RECV ? "state-shut-recv" :
	state == VSOCK_STATE_SHUT_BOTH ? "state-shut-both" :
	state == VSOCK_STATE_CLOSING ? "state-closing" :
	state == VSOCK_STATE_CLOSED ? "state-closed" :
	"<unknown>";
#pragma D binding "1.14" vsock_state_string

/*
 * A socket.
 */
typedef struct vsockinfo {
	uintptr_t vs_addr;		/* identifies it */
	int32_t vs_state;		/* vsock_state_string[] */
	string vs_type;			/* "stream", "seqpacket" */
	uint32_t vs_lcid;		/* of its connection */
	uint32_t vs_lport;
	uint32_t vs_rcid;
	uint32_t vs_rport;
	uint32_t vs_rcvbuf;		/* buffers, bytes */
	uint32_t vs_sndbuf;
} vsockinfo_t;

/*
 * Who talks to whom, from our side; all 0 if that is not known.
 */
typedef struct vsockaddrinfo {
	uint32_t vsa_lcid;
	uint32_t vsa_lport;
	uint32_t vsa_rcid;
	uint32_t vsa_rport;
} vsockaddrinfo_t;

#pragma D binding "1.14" translator
translator vsockinfo_t < vsock_conn_t *V > {
	vs_addr = (uintptr_t)V;
	vs_state = V ? (int32_t)V->vc_state : VSOCK_STATE_CLOSED;
	vs_type = V == NULL ? "<unknown>" :
	    V->vc_type == 1 ? "stream" : "seqpacket";
	vs_lcid = V ? V->vc_tuple.vt_lcid : 0;
	vs_lport = V ? V->vc_tuple.vt_lport : 0;
	vs_rcid = V ? V->vc_tuple.vt_rcid : 0;
	vs_rport = V ? V->vc_tuple.vt_rport : 0;
	vs_rcvbuf = V ? V->vc_rcvbuf : 0;
	vs_sndbuf = V ? V->vc_sndbuf : 0;
};

#pragma D binding "1.14" translator
translator vsockaddrinfo_t < vsock_tuple_t *T > {
	vsa_lcid = T ? T->vt_lcid : 0;
	vsa_lport = T ? T->vt_lport : 0;
	vsa_rcid = T ? T->vt_rcid : 0;
	vsa_rport = T ? T->vt_rport : 0;
};
