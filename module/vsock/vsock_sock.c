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
 * VSOCK SOCKETS
 *
 * What sockfs asks of us, the sock_downcalls_t: arguments are checked and
 * translated here, the work is done in vsock_conn.c.  The lower handle of
 * sockfs is a vsock_conn_t, with one reference that vsock_sd_close() drops.
 *
 * sockfs holds no lock in a downcall, and has its own queue for received data
 * (sd_recv_uio and sd_poll are NULL): see vsock.c for how its flow control goes
 * together with ours.
 */

#include <sys/types.h>
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/sysmacros.h>
#include <sys/errno.h>
#include <sys/debug.h>
#include <sys/stream.h>
#include <sys/strsun.h>
#include <sys/cred.h>
#include <sys/policy.h>
#include <sys/time.h>
#include <sys/file.h>
#include <sys/sdt.h>
#include <sys/sunddi.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/vsock_impl.h>

/*
 * socket(2).  EPROTONOSUPPORT, ESOCKTNOSUPPORT; EACCES, no PRIV_NET_ACCESS;
 * EAFNOSUPPORT, there is no transport at all in the zone.
 */
sock_lower_handle_t
vsock_create(int family, int type, int proto, sock_downcalls_t **dcp,
    uint_t *smodep, int *errorp, int flags, cred_t *cr)
{
	vsock_zone_t *vz;
	vsock_conn_t *vc = NULL;
	uint_t vtype;

	if (proto != 0 && proto != PF_VSOCK) {
		*errorp = EPROTONOSUPPORT;
		return (NULL);
	}
	if (family != AF_VSOCK ||
	    (type != SOCK_STREAM && type != SOCK_SEQPACKET)) {
		*errorp = ESOCKTNOSUPPORT;
		return (NULL);
	}
	vtype = (type == SOCK_STREAM) ? VSOCK_TYPE_STREAM :
	    VSOCK_TYPE_SEQPACKET;
	if (secpolicy_basic_net_access(cr) != 0) {
		*errorp = EACCES;
		return (NULL);
	}
	vz = vsock_zone_hold_cred(cr);
	if (vz == NULL || !vsock_route_any(vz))
		*errorp = EAFNOSUPPORT;
	else if ((vc = vsock_conn_create(vz, vtype, flags)) == NULL)
		*errorp = ENOMEM;
	if (vz != NULL)
		vsock_zone_rele(vz);
	if (vc == NULL)
		return (NULL);

	*dcp = &vsock_downcalls;
	*smodep = SM_CONNREQUIRED | SM_ACCEPTSUPP;
	/* What sendfile(3EXT) sends has no boundaries. */
	if (vtype == VSOCK_TYPE_STREAM)
		*smodep |= SM_BYTESTREAM | SM_SENDFILESUPP;
	else
		*smodep |= SM_ATOMIC;
	*errorp = 0;
	return ((sock_lower_handle_t)vc);
}

static void
vsock_sd_activate(sock_lower_handle_t lower, sock_upper_handle_t upper,
    sock_upcalls_t *upcalls, int flags, cred_t *cr)
{
	vsock_conn_t *vc = (vsock_conn_t *)lower;

	mutex_enter(&vc->vc_lock);
	vc->vc_upper = upper;
	vc->vc_upcalls = upcalls;
	vsock_conn_props(vc);
	mutex_exit(&vc->vc_lock);
}

/*
 * A connection of the listener's queue is accepted.  This may come before
 * su_newconn() has returned and told us the upper handle.
 */
static int
vsock_sd_accept(sock_lower_handle_t llower, sock_lower_handle_t lower,
    sock_upper_handle_t upper, cred_t *cr)
{
	vsock_conn_t *lc = (vsock_conn_t *)llower;
	vsock_conn_t *vc = (vsock_conn_t *)lower;

	mutex_enter(&vc->vc_lock);
	vsock_limit_accepted(vc);
	vsock_conn_upper(vc, upper, lc->vc_upcalls);
	mutex_exit(&vc->vc_lock);
	return (0);
}

/*
 * EINVAL unless it is a complete address of the family with no unknown flags.
 */
static int
vsock_addr_check(const struct sockaddr *sa, socklen_t len)
{
	const struct sockaddr_vm *svm = (const struct sockaddr_vm *)sa;

	if (sa == NULL || len < sizeof (*svm) ||
	    svm->svm_family != AF_VSOCK ||
	    (svm->svm_flags & ~VMADDR_FLAG_TO_HOST) != 0)
		return (EINVAL);
	return (0);
}

/*
 * EINVAL, bad address, or bound before; EADDRNOTAVAIL, not our CID, or no port
 * left; EACCES, privileged port; EADDRINUSE.
 */
static int
vsock_sd_bind(sock_lower_handle_t lower, struct sockaddr *sa, socklen_t len,
    cred_t *cr)
{
	vsock_conn_t *vc = (vsock_conn_t *)lower;
	struct sockaddr_vm *svm = (struct sockaddr_vm *)sa;
	int error;

	if ((error = vsock_addr_check(sa, len)) != 0)
		return (error);
	if (!vsock_cid_is_local(vc->vc_zone, svm->svm_cid))
		return (EADDRNOTAVAIL);
	/*
	 * The policy's port is 16 bits wide, and it knows services of TCP by
	 * theirs: none of ours above 1023 is to be taken for one.
	 */
	if (vsock_prop_port_priv(vc->vc_zone, svm->svm_port) &&
	    secpolicy_net_privaddr(cr, svm->svm_port < VSOCK_PORT_UNPRIV ?
	    (in_port_t)svm->svm_port : 0, 0) != 0)
		return (EACCES);

	mutex_enter(&vc->vc_lock);
	error = vsock_conn_bind(vc, svm->svm_cid, svm->svm_port);
	mutex_exit(&vc->vc_lock);
	return (error);
}

/*
 * EINVAL unless bound, or listening already.
 */
static int
vsock_sd_listen(sock_lower_handle_t lower, int backlog, cred_t *cr)
{
	vsock_conn_t *vc = (vsock_conn_t *)lower;
	int error = 0;

	mutex_enter(&vc->vc_lock);
	if (vc->vc_state == VSOCK_S_BOUND && vc->vc_tp == NULL)
		vsock_conn_setstate(vc, VSOCK_S_LISTEN);
	if (vc->vc_state == VSOCK_S_LISTEN) {
		vc->vc_upcalls->su_opctl(vc->vc_upper, SOCK_OPCTL_ENAB_ACCEPT,
		    (uintptr_t)backlog);
	} else {
		error = EINVAL;
	}
	mutex_exit(&vc->vc_lock);
	return (error);
}

/*
 * EINVAL, bad address (AF_UNSPEC, which dissolves connections elsewhere, is
 * one); else see vsock_conn_connect().
 */
static int
vsock_sd_connect(sock_lower_handle_t lower, const struct sockaddr *sa,
    socklen_t len, sock_connid_t *idp, cred_t *cr)
{
	int error;

	if ((error = vsock_addr_check(sa, len)) != 0)
		return (error);
	return (vsock_conn_connect((vsock_conn_t *)lower,
	    (const struct sockaddr_vm *)sa, idp));
}

static int
vsock_addr_put(struct sockaddr *sa, socklen_t *lenp, uint32_t cid,
    uint32_t port)
{
	struct sockaddr_vm svm = { 0 };

	svm.svm_family = AF_VSOCK;
	svm.svm_cid = cid;
	svm.svm_port = port;
	bcopy(&svm, sa, MIN(*lenp, sizeof (svm)));
	*lenp = sizeof (svm);
	return (0);
}

/*
 * Works for a connection that has ended, too: accept(2) needs that.  ENOTCONN
 * if it never was one.
 */
static int
vsock_sd_getpeername(sock_lower_handle_t lower, struct sockaddr *sa,
    socklen_t *lenp, cred_t *cr)
{
	vsock_conn_t *vc = (vsock_conn_t *)lower;
	vsock_tuple_t vt;
	boolean_t was;

	mutex_enter(&vc->vc_lock);
	was = (vc->vc_flags & VCF_WASCONN) != 0;
	vt = vc->vc_tuple;
	mutex_exit(&vc->vc_lock);
	if (!was)
		return (ENOTCONN);
	return (vsock_addr_put(sa, lenp, vt.vt_rcid, vt.vt_rport));
}

static int
vsock_sd_getsockname(sock_lower_handle_t lower, struct sockaddr *sa,
    socklen_t *lenp, cred_t *cr)
{
	vsock_conn_t *vc = (vsock_conn_t *)lower;
	uint32_t cid, port;

	mutex_enter(&vc->vc_lock);
	cid = vc->vc_bound_cid;
	port = vc->vc_bound_port;
	mutex_exit(&vc->vc_lock);
	return (vsock_addr_put(sa, lenp, cid, port));
}

/*
 * The options of level AF_VSOCK.  ENOPROTOOPT, unknown; EINVAL, short buffer.
 */
static int
vsock_getopt(vsock_conn_t *vc, int name, void *val, socklen_t *lenp)
{
	struct timeval tv;
	uint64_t bytes;

	switch (name) {
	case SO_VM_SOCKETS_BUFFER_SIZE:
		bytes = vc->vc_rcvset;
		break;
	case SO_VM_SOCKETS_BUFFER_MIN_SIZE:
		bytes = vc->vc_rcvmin;
		break;
	case SO_VM_SOCKETS_BUFFER_MAX_SIZE:
		bytes = vc->vc_rcvmax;
		break;
	case SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD:
	case SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW:
		if (*lenp < sizeof (tv))
			return (EINVAL);
		tv.tv_sec = vc->vc_connect_ms / MILLISEC;
		tv.tv_usec = (vc->vc_connect_ms % MILLISEC) * 1000;
		bcopy(&tv, val, sizeof (tv));
		*lenp = sizeof (tv);
		return (0);
	default:
		return (ENOPROTOOPT);
	}
	if (*lenp < sizeof (bytes))
		return (EINVAL);
	bcopy(&bytes, val, sizeof (bytes));
	*lenp = sizeof (bytes);
	return (0);
}

static int
vsock_getopt_int(int n, void *val, socklen_t *lenp)
{
	if (*lenp < sizeof (n))
		return (EINVAL);
	bcopy(&n, val, sizeof (n));
	*lenp = sizeof (n);
	return (0);
}

static int
vsock_getopt_linger(const vsock_conn_t *vc, void *val, socklen_t *lenp)
{
	if (*lenp < sizeof (vc->vc_linger))
		return (EINVAL);
	bcopy(&vc->vc_linger, val, sizeof (vc->vc_linger));
	*lenp = sizeof (vc->vc_linger);
	return (0);
}

/*
 * SO_RCVBUF: what can be queued.  Of a stream, the peer is told a third more.
 */
static int
vsock_rcvbuf(const vsock_conn_t *vc)
{
	return (vc->vc_type == VSOCK_TYPE_STREAM ?
	    vsock_conn_hiwat(vc, vc->vc_rcvset) : vc->vc_rcvset);
}

/*
 * The largest record that can be sent now, if vc_rcvbuf is that; the caller has
 * a hold.
 */
static uint64_t
vsock_maxrec(vsock_conn_t *vc, uint32_t rcvbuf)
{
	size_t peer = vc->vc_tp->vtp_ops->vto_maxrec(vc->vc_tc);

	return (MIN(rcvbuf, peer));
}

/*
 * The options of level SOL_VSOCK.  ENOPROTOOPT, unknown; EINVAL, short buffer;
 * ENOTCONN.
 */
static int
vsock_getopt_own(vsock_conn_t *vc, int name, void *val, socklen_t *lenp)
{
	uint32_t rcvbuf;
	uint64_t bytes;

	if (name != SO_VSOCK_MAX_RECORD || vc->vc_type != VSOCK_TYPE_SEQPACKET)
		return (ENOPROTOOPT);
	if (*lenp < sizeof (bytes))
		return (EINVAL);
	mutex_enter(&vc->vc_lock);
	if (!vsock_conn_can_send(vc)) {
		mutex_exit(&vc->vc_lock);
		return (ENOTCONN);
	}
	VERIFY(vsock_conn_hold(vc));
	rcvbuf = vc->vc_rcvbuf;
	mutex_exit(&vc->vc_lock);
	bytes = vsock_maxrec(vc, rcvbuf);
	vsock_conn_rele(vc);
	bcopy(&bytes, val, sizeof (bytes));
	*lenp = sizeof (bytes);
	return (0);
}

/*
 * ENOPROTOOPT makes sockfs answer for what it knows itself.
 */
static int
vsock_sd_getsockopt(sock_lower_handle_t lower, int level, int name, void *val,
    socklen_t *lenp, cred_t *cr)
{
	vsock_conn_t *vc = (vsock_conn_t *)lower;
	int error = ENOPROTOOPT;

	if (level == SOL_VSOCK)
		return (vsock_getopt_own(vc, name, val, lenp));
	mutex_enter(&vc->vc_lock);
	if (level == AF_VSOCK) {
		error = vsock_getopt(vc, name, val, lenp);
	} else if (level == SOL_SOCKET) {
		if (name == SO_RCVBUF)
			error = vsock_getopt_int(vsock_rcvbuf(vc), val, lenp);
		else if (name == SO_SNDBUF)
			error = vsock_getopt_int(vc->vc_sndbuf, val, lenp);
		else if (name == SO_RCVLOWAT)
			error = vsock_getopt_int(vc->vc_rcvlowat, val, lenp);
		else if (name == SO_PROTOTYPE)
			error = vsock_getopt_int(0, val, lenp);
		else if (name == SO_LINGER)
			error = vsock_getopt_linger(vc, val, lenp);
	}
	mutex_exit(&vc->vc_lock);
	return (error);
}

/*
 * Change the receive buffer and tell the backend, whose peer may know more or
 * less room at once.
 */
static void
vsock_set_rcvbuf(vsock_conn_t *vc, uint64_t bytes)
{
	vsock_props_t props;
	uint32_t rcvbuf;

	vsock_prop_get(vc->vc_zone, &props);
	mutex_enter(&vc->vc_lock);
	/* If the bounds are the wrong way round, the upper one counts. */
	bytes = MIN(MAX(bytes, vc->vc_rcvmin), vc->vc_rcvmax);
	rcvbuf = (uint32_t)MIN(MAX(bytes, VSOCK_BUF_FLOOR), props.vpr_max_buf);
	vc->vc_flags |= VCF_RCVFIXED;
	vsock_conn_setbuf(vc, rcvbuf);
	mutex_exit(&vc->vc_lock);
	if (vsock_conn_hold(vc)) {
		vsock_conn_tellbuf(vc);
		vsock_conn_rele(vc);
	}
	vsock_conn_read(vc);
}

static int
vsock_setopt(vsock_conn_t *vc, int name, const void *val, socklen_t len)
{
	vsock_props_t props;
	struct timeval tv;
	uint64_t bytes, ms;

	switch (name) {
	case SO_VM_SOCKETS_BUFFER_SIZE:
	case SO_VM_SOCKETS_BUFFER_MIN_SIZE:
	case SO_VM_SOCKETS_BUFFER_MAX_SIZE:
		if (len < sizeof (bytes))
			return (EINVAL);
		bcopy(val, &bytes, sizeof (bytes));
		mutex_enter(&vc->vc_lock);
		if (name == SO_VM_SOCKETS_BUFFER_MIN_SIZE)
			vc->vc_rcvmin = bytes;
		else if (name == SO_VM_SOCKETS_BUFFER_MAX_SIZE)
			vc->vc_rcvmax = bytes;
		if (name != SO_VM_SOCKETS_BUFFER_SIZE)
			bytes = vc->vc_rcvset;
		mutex_exit(&vc->vc_lock);
		vsock_set_rcvbuf(vc, bytes);
		return (0);
	case SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD:
	case SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW:
		if (len < sizeof (tv))
			return (EINVAL);
		bcopy(val, &tv, sizeof (tv));
		if (tv.tv_sec < 0 || tv.tv_usec < 0 || tv.tv_usec >= MICROSEC ||
		    tv.tv_sec > INT_MAX / MILLISEC - 1)
			return (ERANGE);
		ms = tv.tv_sec * MILLISEC + (tv.tv_usec + 999) / 1000;
		vsock_prop_get(vc->vc_zone, &props);
		mutex_enter(&vc->vc_lock);
		vc->vc_connect_ms = (ms != 0 ? ms : props.vpr_connect_ms);
		mutex_exit(&vc->vc_lock);
		return (0);
	default:
		return (ENOPROTOOPT);
	}
}

/*
 * How much must have come before a reader is told.  EINVAL, more than the peer
 * may send.
 */
static int
vsock_set_rcvlowat(vsock_conn_t *vc, uint32_t bytes)
{
	int error = 0;

	mutex_enter(&vc->vc_lock);
	if (bytes > vc->vc_rcvbuf) {
		error = EINVAL;
	} else {
		vc->vc_rcvlowat = MAX(bytes, 1);
		vsock_conn_props(vc);
	}
	mutex_exit(&vc->vc_lock);
	return (error);
}

/*
 * Whether, and for how many seconds, close(2) waits for the end.
 */
static int
vsock_set_linger(vsock_conn_t *vc, const void *val, socklen_t len)
{
	struct linger linger;

	if (len < sizeof (linger))
		return (EINVAL);
	bcopy(val, &linger, sizeof (linger));
	if (linger.l_linger < 0)
		return (EINVAL);
	linger.l_onoff = (linger.l_onoff != 0 ? SO_LINGER : 0);
	mutex_enter(&vc->vc_lock);
	vc->vc_linger = linger;
	mutex_exit(&vc->vc_lock);
	return (0);
}

/*
 * SO_RCVBUF counts what can be queued, SO_VM_SOCKETS_BUFFER_SIZE what the peer
 * is told, which is a third more on a stream.
 */
static int
vsock_sd_setsockopt(sock_lower_handle_t lower, int level, int name,
    const void *val, socklen_t len, cred_t *cr)
{
	vsock_conn_t *vc = (vsock_conn_t *)lower;
	vsock_props_t props;
	int n;

	if (level == AF_VSOCK)
		return (vsock_setopt(vc, name, val, len));
	if (level != SOL_SOCKET)
		return (ENOPROTOOPT);

	switch (name) {
	case SO_RCVTIMEO:
	case SO_SNDTIMEO:
		/* Done by sockfs. */
		return (0);
	case SO_REUSEADDR:
	case SO_KEEPALIVE:
	case SO_DONTROUTE:
	case SO_DEBUG:
		/* Harmless, and without a meaning here. */
		return (len < sizeof (n) ? EINVAL : 0);
	case SO_LINGER:
		return (vsock_set_linger(vc, val, len));
	case SO_RCVBUF:
	case SO_SNDBUF:
	case SO_RCVLOWAT:
	case SO_PROTOTYPE:
		if (len < sizeof (n))
			return (EINVAL);
		bcopy(val, &n, sizeof (n));
		if (n < 0)
			return (EINVAL);
		break;
	default:
		return (ENOPROTOOPT);
	}
	if (name == SO_PROTOTYPE)
		return (n == 0 || n == PF_VSOCK ? 0 : EPROTONOSUPPORT);
	if (name == SO_RCVLOWAT)
		return (vsock_set_rcvlowat(vc, n));
	if (name == SO_RCVBUF) {
		vsock_set_rcvbuf(vc, vc->vc_type == VSOCK_TYPE_STREAM ?
		    n + (uint64_t)n / 3 : (uint64_t)n);
		return (0);
	}
	vsock_prop_get(vc->vc_zone, &props);
	mutex_enter(&vc->vc_lock);
	vc->vc_sndbuf = MAX(VSOCK_GATHER, MIN((uint32_t)n,
	    props.vpr_max_buf));
	mutex_exit(&vc->vc_lock);
	return (0);
}

/*
 * ENOTCONN, never connected; EPIPE, not open for sending any more; EISCONN,
 * EOPNOTSUPP, an address was given, or control data, of which none has a
 * meaning here; EMSGSIZE, a record that is too large.  mp is consumed.  Nothing
 * is sent for an empty message.
 */
static int
vsock_sd_send(sock_lower_handle_t lower, mblk_t *mp, struct nmsghdr *msg,
    cred_t *cr)
{
	vsock_conn_t *vc = (vsock_conn_t *)lower;
	size_t len = msgdsize(mp);
	uint32_t rcvbuf;
	uint_t flags = 0;
	int error = 0;

	mutex_enter(&vc->vc_lock);
	rcvbuf = vc->vc_rcvbuf;
	if (!vsock_conn_can_send(vc)) {
		error = (vc->vc_flags & VCF_WASCONN) != 0 ? EPIPE : ENOTCONN;
		if (msg->msg_namelen != 0 && error == ENOTCONN)
			error = EOPNOTSUPP;
	} else if (msg->msg_namelen != 0) {
		error = EISCONN;
	} else if (msg->msg_controllen != 0) {
		error = EOPNOTSUPP;
	} else {
		VERIFY(vsock_conn_hold(vc));
		if (len != 0 && vc->vc_type == VSOCK_TYPE_STREAM)
			vsock_count_tx(vc, len);
	}
	mutex_exit(&vc->vc_lock);
	if (error != 0) {
		freemsg(mp);
		return (error);
	}

	if (vc->vc_type == VSOCK_TYPE_SEQPACKET) {
		flags = VSOCK_MSG_EOM;
		if ((msg->msg_flags & MSG_EOR) != 0)
			flags |= VSOCK_MSG_EOR;
		if (len > vsock_maxrec(vc, rcvbuf))
			error = EMSGSIZE;
		if (error == 0 && len != 0) {
			mutex_enter(&vc->vc_lock);
			vsock_count_tx(vc, len);
			mutex_exit(&vc->vc_lock);
		}
	}
	if (error != 0 || len == 0) {
		freemsg(mp);
	} else {
		DTRACE_PROBE3(vsock__send, vsock_conn_t *, vc, mblk_t *, mp,
		    size_t, len);
		if (!vc->vc_tp->vtp_ops->vto_send(vc->vc_tc, mp, flags))
			vsock_conn_tx_check(vc);
	}
	vsock_conn_rele(vc);
	return (error);
}

/*
 * EINVAL, not a half; ENOTCONN.
 */
static int
vsock_sd_shutdown(sock_lower_handle_t lower, int how, cred_t *cr)
{
	static const uint_t halves[] = {
		[SHUT_RD]	= VSOCK_SHUT_RECV,
		[SHUT_WR]	= VSOCK_SHUT_SEND,
		[SHUT_RDWR]	= VSOCK_SHUT_BOTH
	};

	if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
		return (EINVAL);
	return (vsock_conn_shutdown((vsock_conn_t *)lower, halves[how]));
}

static void
vsock_sd_clr_flowctrl(sock_lower_handle_t lower)
{
	vsock_conn_read((vsock_conn_t *)lower);
}

/*
 * SIOCOUTQ: bytes that the peer has not been given yet.  sockfs knows FIONREAD
 * and the like itself.  ENOTTY; EFAULT; EINVAL, the socket listens; EOPNOTSUPP,
 * it has never been connected.
 */
static int
vsock_sd_ioctl(sock_lower_handle_t lower, int cmd, intptr_t arg, int mode,
    int32_t *rvalp, cred_t *cr)
{
	vsock_conn_t *vc = (vsock_conn_t *)lower;
	boolean_t was, listens;
	int bytes = 0;

	if (cmd != SIOCOUTQ)
		return (ENOTTY);
	mutex_enter(&vc->vc_lock);
	was = (vc->vc_flags & VCF_WASCONN) != 0;
	listens = (vc->vc_state == VSOCK_S_LISTEN);
	mutex_exit(&vc->vc_lock);
	if (!was)
		return (listens ? EINVAL : EOPNOTSUPP);
	if (vsock_conn_hold(vc)) {
		if (vc->vc_tc != NULL) {
			bytes = (int)MIN(
			    vc->vc_tp->vtp_ops->vto_unsent(vc->vc_tc), INT_MAX);
		}
		vsock_conn_rele(vc);
	}
	if (ddi_copyout(&bytes, (void *)arg, sizeof (bytes), mode) != 0)
		return (EFAULT);
	return (0);
}

/*
 * Always done when it returns, as far as sockfs is concerned.  A non-blocking
 * socket does not linger.
 */
static int
vsock_sd_close(sock_lower_handle_t lower, int flag, cred_t *cr)
{
	vsock_conn_t *vc = (vsock_conn_t *)lower;
	int linger = 0;

	mutex_enter(&vc->vc_lock);
	if (vc->vc_linger.l_onoff != 0 && (flag & (FNDELAY | FNONBLOCK)) == 0)
		linger = vc->vc_linger.l_linger;
	mutex_exit(&vc->vc_lock);
	vsock_conn_close(vc, linger);
	return (0);
}

sock_downcalls_t vsock_downcalls = {
	.sd_activate		= vsock_sd_activate,
	.sd_accept		= vsock_sd_accept,
	.sd_bind		= vsock_sd_bind,
	.sd_listen		= vsock_sd_listen,
	.sd_connect		= vsock_sd_connect,
	.sd_getpeername		= vsock_sd_getpeername,
	.sd_getsockname		= vsock_sd_getsockname,
	.sd_getsockopt		= vsock_sd_getsockopt,
	.sd_setsockopt		= vsock_sd_setsockopt,
	.sd_send		= vsock_sd_send,
	.sd_shutdown		= vsock_sd_shutdown,
	.sd_clr_flowctrl	= vsock_sd_clr_flowctrl,
	.sd_ioctl		= vsock_sd_ioctl,
	.sd_close		= vsock_sd_close
};
