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
 * Upcalls, but for su_recv, and what they wake.
 *
 * An upcall is legal from sd_activate (or, for a connection that came in, from
 * su_newconn) until su_closed, or until sd_close has returned something other
 * than EINPROGRESS.  Outside of that it panics: in the real kernel it would
 * use freed memory.  The same for one that has not returned by then.
 *
 * The functions sockfs_notify_*() are called with so_lock held and drop it:
 * pollers are woken without it.
 */

#include "sockfs_impl.h"

static void (*sockfs_newconn_hook)(void *);
static void *sockfs_newconn_arg;

sonode_t *
sockfs_upcall_enter(sock_upper_handle_t handle, const char *what)
{
	sonode_t *so = (sonode_t *)handle;

	if (so->so_magic != SONODE_LIVE)
		panic("%s: socket %p is gone", what, (void *)so);
	if (!so->so_protoref)
		panic("%s: socket %p is closed", what, (void *)so);
	atomic_inc_32(&so->so_upcalls);
	return (so);
}

void
sockfs_upcall_exit(sonode_t *so)
{
	atomic_dec_32(&so->so_upcalls);
}

/*
 * Where a module may not come with locks of its own: what is called from there
 * can come back for them.
 */
void
sockfs_nolocks(const char *what)
{
	if (curthread->t_nheld != 0 && fk_held_count(curthread) != 0)
		panic("%s with a lock held", what);
}

/* The pending error, which is pending no more. */
int
sockfs_take_error(sonode_t *so)
{
	int error = so->so_error;

	ASSERT(MUTEX_HELD(&so->so_lock));
	so->so_error = 0;
	return (error);
}

static void
sockfs_wakeup_writer(sonode_t *so)
{
	ASSERT(MUTEX_HELD(&so->so_lock));
	if (so->so_snd_wakeup) {
		so->so_snd_wakeup = B_FALSE;
		cv_broadcast(&so->so_snd_cv);
	}
}

/* The last time that readers are woken; 0 if it was before. */
static short
sockfs_last_rx(sonode_t *so)
{
	ASSERT(MUTEX_HELD(&so->so_lock));
	if (so->so_state & SS_SENTLASTREADSIG)
		return (0);
	so->so_state |= SS_SENTLASTREADSIG;
	so->so_pollin = B_FALSE;
	sockfs_rcv_timer_cancel(so);
	sockfs_wakeup_reader(so);
	return (POLLIN | POLLRDNORM | POLLRDHUP);
}

static short
sockfs_last_tx(sonode_t *so)
{
	ASSERT(MUTEX_HELD(&so->so_lock));
	if (so->so_state & SS_SENTLASTWRITESIG)
		return (0);
	so->so_state |= SS_SENTLASTWRITESIG;
	sockfs_wakeup_writer(so);
	return (POLLOUT);
}

static void
sockfs_notify(sonode_t *so, short events)
{
	ASSERT(MUTEX_HELD(&so->so_lock));
	mutex_exit(&so->so_lock);
	if (events != 0)
		pollwakeup(&so->so_pollhead, events);
}

/*
 * Something can be read or accepted.  Pollers are woken only if one has looked
 * and found nothing since they were last woken.
 */
static void
sockfs_notify_in(sonode_t *so)
{
	short events = 0;

	ASSERT(MUTEX_HELD(&so->so_lock));
	if (so->so_pollin) {
		so->so_pollin = B_FALSE;
		events = POLLIN | POLLRDNORM;
	}
	sockfs_notify(so, events);
}

void
sockfs_notify_data(sonode_t *so)
{
	sockfs_wakeup_reader(so);
	sockfs_notify_in(so);
}

void
fsk_inject_newconn(void (*func)(void *), void *arg)
{
	sockfs_newconn_hook = func;
	sockfs_newconn_arg = arg;
}

/* The socket of a connection that came in, with what it has of its listener. */
static sonode_t *
sockfs_newconn_alloc(sonode_t *so, sock_lower_handle_t lower,
    sock_downcalls_t *down, cred_t *peer, pid_t pid)
{
	sonode_t *nso;

	nso = sockfs_alloc(so->so_sp, so->so_family, so->so_type,
	    so->so_protocol, KM_NOSLEEP);
	if (nso == NULL)
		return (NULL);
	sockfs_sp_hold(nso->so_sp);
	nso->so_lower = lower;
	nso->so_down = down;
	nso->so_protoref = B_TRUE;
	nso->so_refs++;
	if (peer != NULL) {
		crhold(peer);
		nso->so_peercred = peer;
		nso->so_peerpid = pid;
	}
	mutex_enter(&so->so_lock);
	nso->so_mode = so->so_mode;
	nso->so_state = SS_ISCONNECTED | (so->so_state & SS_ASYNC);
	nso->so_props = so->so_props;
	nso->so_rcvtimeo = so->so_rcvtimeo;
	nso->so_sndtimeo = so->so_sndtimeo;
	nso->so_pgrp = so->so_pgrp;
	mutex_exit(&so->so_lock);
	return (nso);
}

/*
 * NULL: no listener, its queue is full or it is being closed, or there is no
 * memory.  The backlog is looked at before the socket is made, so that two
 * connections at a time can exceed it by one.
 */
static sock_upper_handle_t
sockfs_su_newconn(sock_upper_handle_t handle, sock_lower_handle_t lower,
    sock_downcalls_t *down, cred_t *peer, pid_t pid, sock_upcalls_t **upp)
{
	sonode_t *so = sockfs_upcall_enter(handle, "su_newconn");
	sonode_t *nso = NULL;
	boolean_t refused;

	sockfs_nolocks("su_newconn");
	VERIFY3P(lower, !=, NULL);
	mutex_enter(&so->so_lock);
	refused = (!(so->so_state & SS_ACCEPTCONN) ||
	    so->so_acceptq_len >= so->so_backlog);
	mutex_exit(&so->so_lock);
	if (!refused)
		nso = sockfs_newconn_alloc(so, lower, down, peer, pid);
	if (nso == NULL) {
		sockfs_upcall_exit(so);
		return (NULL);
	}

	*upp = &sockfs_upcalls;
	mutex_enter(&so->so_lock);
	if (so->so_state & SS_CLOSING) {
		mutex_exit(&so->so_lock);
		sockfs_proto_rele(nso, "su_newconn");
		(void) sockfs_rele(nso);
		(void) sockfs_rele(nso);
		sockfs_upcall_exit(so);
		return (NULL);
	}
	/* From here on it can be accepted and closed at any time. */
	so->so_acceptq_len++;
	list_insert_tail(&so->so_acceptq, nso);
	cv_signal(&so->so_acceptq_cv);
	sockfs_notify_in(so);
	if (sockfs_newconn_hook != NULL)
		sockfs_newconn_hook(sockfs_newconn_arg);
	sockfs_upcall_exit(so);
	return ((sock_upper_handle_t)nso);
}

static void
sockfs_su_connected(sock_upper_handle_t handle, sock_connid_t id, cred_t *peer,
    pid_t pid)
{
	sonode_t *so = sockfs_upcall_enter(handle, "su_connected");
	cred_t *old = NULL;

	mutex_enter(&so->so_lock);
	if (peer != NULL) {
		crhold(peer);
		old = so->so_peercred;
		so->so_peercred = peer;
		so->so_peerpid = pid;
	}
	so->so_connid = id;
	so->so_state |= SS_ISCONNECTED;
	cv_broadcast(&so->so_state_cv);
	sockfs_notify(so, POLLOUT);
	if (old != NULL)
		crfree(old);
	sockfs_upcall_exit(so);
}

static int
sockfs_su_disconnected(sock_upper_handle_t handle, sock_connid_t id, int error)
{
	sonode_t *so = sockfs_upcall_enter(handle, "su_disconnected");
	boolean_t was_connected;
	cred_t *peer;
	short events;

	SO_ERRNO_OK(error);
	mutex_enter(&so->so_lock);
	was_connected = (so->so_state & SS_ISCONNECTED) != 0;
	so->so_connid = id;
	so->so_state &= ~SS_ISCONNECTED;
	so->so_state |= SS_CANTRCVMORE | SS_CANTSENDMORE;
	so->so_error = error;
	peer = so->so_peercred;
	so->so_peercred = NULL;
	cv_broadcast(&so->so_state_cv);
	events = sockfs_last_tx(so);
	events |= sockfs_last_rx(so);
	if (was_connected)
		events = (events | POLLHUP) & ~POLLOUT;
	sockfs_notify(so, events);
	if (peer != NULL)
		crfree(peer);
	sockfs_upcall_exit(so);
	return (0);
}

static void
sockfs_su_opctl(sock_upper_handle_t handle, sock_opctl_action_t action,
    uintptr_t arg)
{
	sonode_t *so = sockfs_upcall_enter(handle, "su_opctl");

	mutex_enter(&so->so_lock);
	switch (action) {
	case SOCK_OPCTL_ENAB_ACCEPT:
		so->so_state |= SS_ACCEPTCONN;
		so->so_backlog = (uint_t)arg;
		mutex_exit(&so->so_lock);
		break;
	case SOCK_OPCTL_SHUT_SEND:
		so->so_state |= SS_CANTSENDMORE;
		sockfs_notify(so, sockfs_last_tx(so));
		break;
	case SOCK_OPCTL_SHUT_RECV:
		so->so_state |= SS_CANTRCVMORE;
		sockfs_notify(so, sockfs_last_rx(so));
		break;
	default:
		panic("su_opctl: action %d", action);
	}
	sockfs_upcall_exit(so);
}

#define	SOCKFS_SOPP	(SOCKOPT_WROFF | SOCKOPT_RCVHIWAT | \
    SOCKOPT_RCVLOWAT | SOCKOPT_MAXBLK | SOCKOPT_TAIL | SOCKOPT_ZCOPY | \
    SOCKOPT_MAXPSZ | SOCKOPT_OOBINLINE | SOCKOPT_RCVTIMER | \
    SOCKOPT_RCVTHRESH | SOCKOPT_MAXADDRLEN | SOCKOPT_MINPSZ | \
    SOCKOPT_LOOPBACK)

/* What is set holds from the next send or read on; nothing is woken. */
static void
sockfs_su_set_proto_props(sock_upper_handle_t handle,
    struct sock_proto_props *sp)
{
	sonode_t *so = sockfs_upcall_enter(handle, "su_set_proto_props");
	struct sock_proto_props *pp = &so->so_props;
	uint_t flags = sp->sopp_flags;

	VERIFY0(flags & ~SOCKFS_SOPP);
	mutex_enter(&so->so_lock);
	if (flags & SOCKOPT_MAXBLK) {
		VERIFY(sp->sopp_maxblk == INFPSZ || sp->sopp_maxblk > 0);
		pp->sopp_maxblk = sp->sopp_maxblk;
	}
	if (flags & SOCKOPT_MAXPSZ) {
		VERIFY(sp->sopp_maxpsz == INFPSZ || sp->sopp_maxpsz > 0);
		pp->sopp_maxpsz = sp->sopp_maxpsz;
	}
	if (flags & SOCKOPT_RCVHIWAT) {
		VERIFY3S(sp->sopp_rxhiwat, <=, INT_MAX);
		pp->sopp_rxhiwat = sp->sopp_rxhiwat;
	}
	if (flags & SOCKOPT_MAXADDRLEN) {
		VERIFY3U(sp->sopp_maxaddrlen, >, 0);
		pp->sopp_maxaddrlen = sp->sopp_maxaddrlen;
	}
	if (flags & SOCKOPT_RCVLOWAT)
		pp->sopp_rxlowat = sp->sopp_rxlowat;
	if (flags & SOCKOPT_WROFF)
		pp->sopp_wroff = sp->sopp_wroff;
	if (flags & SOCKOPT_TAIL)
		pp->sopp_tail = sp->sopp_tail;
	if (flags & SOCKOPT_MINPSZ)
		pp->sopp_minpsz = sp->sopp_minpsz;
	if (flags & SOCKOPT_ZCOPY)
		pp->sopp_zcopyflag = sp->sopp_zcopyflag;
	if (flags & SOCKOPT_OOBINLINE)
		pp->sopp_oobinline = sp->sopp_oobinline;
	if (flags & SOCKOPT_RCVTIMER)
		pp->sopp_rcvtimer = sp->sopp_rcvtimer;
	if (flags & SOCKOPT_RCVTHRESH)
		pp->sopp_rcvthresh = sp->sopp_rcvthresh;
	if (flags & SOCKOPT_LOOPBACK)
		pp->sopp_loopback = sp->sopp_loopback;
	mutex_exit(&so->so_lock);
	/* As a DEBUG kernel does: fill it in anew each time. */
	sp->sopp_flags = 0;
	sockfs_upcall_exit(so);
}

static void
sockfs_su_txq_full(sock_upper_handle_t handle, boolean_t full)
{
	sonode_t *so = sockfs_upcall_enter(handle, "su_txq_full");

	mutex_enter(&so->so_lock);
	so->so_snd_qfull = full;
	if (full) {
		mutex_exit(&so->so_lock);
	} else {
		so->so_snd_wakeup = B_FALSE;
		cv_broadcast(&so->so_snd_cv);
		sockfs_notify(so, POLLOUT);
	}
	sockfs_upcall_exit(so);
}

static void
sockfs_su_set_error(sock_upper_handle_t handle, int error)
{
	sonode_t *so = sockfs_upcall_enter(handle, "su_set_error");

	VERIFY3S(error, >, 0);
	mutex_enter(&so->so_lock);
	so->so_error = error;
	sockfs_wakeup_writer(so);
	sockfs_wakeup_reader(so);
	so->so_pollin = B_FALSE;
	sockfs_notify(so, POLLOUT | POLLIN | POLLRDNORM);
	sockfs_upcall_exit(so);
}

/*
 * The module is done with a socket whose sd_close it answered with
 * EINPROGRESS (or will).  It must not be unloaded by that: the thread returns
 * into it.
 */
static void
sockfs_su_closed(sock_upper_handle_t handle)
{
	sonode_t *so = sockfs_upcall_enter(handle, "su_closed");

	sockfs_nolocks("su_closed");
	sockfs_upcall_exit(so);
	sockfs_proto_rele(so, "su_closed");
	if (sockfs_rele(so))
		panic("su_closed: the module was unloaded under its caller");
}

/* What is not offered: see doc/sockfs.md. */
static void
sockfs_su_signal_oob(sock_upper_handle_t handle, ssize_t offset)
{
	panic("su_signal_oob: there is no out-of-band data");
}

static void
sockfs_su_zcopy_notify(sock_upper_handle_t handle)
{
	panic("su_zcopy_notify: there is no zero-copy send");
}

static vnode_t *
sockfs_su_get_vnode(sock_upper_handle_t handle)
{
	panic("su_get_vnode: sockets have no vnode here");
}

sock_upcalls_t sockfs_upcalls = {
	.su_newconn =		sockfs_su_newconn,
	.su_connected =		sockfs_su_connected,
	.su_disconnected =	sockfs_su_disconnected,
	.su_opctl =		sockfs_su_opctl,
	.su_recv =		sockfs_su_recv,
	.su_set_proto_props =	sockfs_su_set_proto_props,
	.su_txq_full =		sockfs_su_txq_full,
	.su_signal_oob =	sockfs_su_signal_oob,
	.su_zcopy_notify =	sockfs_su_zcopy_notify,
	.su_set_error =		sockfs_su_set_error,
	.su_closed =		sockfs_su_closed,
	.su_get_vnode =		sockfs_su_get_vnode
};
