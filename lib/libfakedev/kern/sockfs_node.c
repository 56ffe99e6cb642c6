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
 * Life and death of a socket, and the file on it.
 *
 * Every call on a file is on so_calls while it runs, so that fsk_interrupt()
 * finds the threads to be interrupted, and fsk_close() those it has to wait
 * for: when sd_close is called, no other downcall runs or will come.
 *
 * A socket made by fsk_socket_as() has a process of its own, in its zone and
 * with its credentials, and every call on the file is made in it.
 */

#include "sockfs_impl.h"
#include <sys/limits.h>

/*
 * Waits, at most so many ticks (0: for ever).  0 when woken, EINTR, or EAGAIN
 * when the time is over.
 */
int
sockfs_cv_wait(kcondvar_t *cv, kmutex_t *lock, clock_t ticks)
{
	clock_t rv;

	if (ticks == 0)
		rv = cv_wait_sig(cv, lock);
	else
		rv = cv_reltimedwait_sig(cv, lock, ticks, TR_CLOCK_TICK);
	if (rv == 0)
		return (EINTR);
	return (rv == -1 ? EAGAIN : 0);
}

/* EINVAL: more than IOV_MAX pieces, or more bytes than a ssize_t holds. */
int
sockfs_uio_init(sockfs_uio_t *su, const fsk_iov_t *iov, int iovcnt, int fmode)
{
	ssize_t total = 0;
	int i;

	if (iovcnt < 0 || iovcnt > IOV_MAX)
		return (EINVAL);
	for (i = 0; i < iovcnt; i++) {
		if (iov[i].fi_len > (size_t)(LONG_MAX - total))
			return (EINVAL);
		total += iov[i].fi_len;
	}
	su->su_iov = su->su_small;
	su->su_iovcnt = iovcnt;
	if (iovcnt > SOCKFS_UIO_SMALL)
		su->su_iov = kmem_alloc(iovcnt * sizeof (iovec_t), KM_SLEEP);
	for (i = 0; i < iovcnt; i++) {
		su->su_iov[i].iov_base = iov[i].fi_base;
		su->su_iov[i].iov_len = iov[i].fi_len;
	}
	bzero(&su->su_uio, sizeof (su->su_uio));
	su->su_uio.uio_iov = su->su_iov;
	su->su_uio.uio_iovcnt = iovcnt;
	su->su_uio.uio_segflg = UIO_USERSPACE;
	su->su_uio.uio_fmode = fmode;
	su->su_uio.uio_resid = total;
	return (0);
}

void
sockfs_uio_fini(sockfs_uio_t *su)
{
	if (su->su_iov != su->su_small)
		kmem_free(su->su_iov, su->su_iovcnt * sizeof (iovec_t));
}

/*
 * Begins a call on the file; EBADF if it is being closed.  The call record is
 * the caller's until sockfs_leave().
 */
int
sockfs_enter(fsk_file_t *f, sockfs_call_t *call)
{
	sonode_t *so = FTOSO(f);

	if (so->so_magic != SONODE_LIVE)
		panic("call on file %p, which has been closed", (void *)f);
	sockfs_nolocks("a system call");
	fk_maysleep("a system call");

	mutex_enter(&so->so_flock);
	if (so->so_fclosing) {
		mutex_exit(&so->so_flock);
		return (EBADF);
	}
	call->sc_thread = curthread;
	call->sc_fmode = so->so_fmode;
	list_insert_tail(&so->so_calls, call);
	mutex_exit(&so->so_flock);

	call->sc_proc = NULL;
	if (so->so_proc != NULL)
		call->sc_proc = fk_proc_switch(so->so_proc);
	return (0);
}

/* Ends a call; returns `error'. */
int
sockfs_leave(fsk_file_t *f, sockfs_call_t *call, int error)
{
	sonode_t *so = FTOSO(f);

	sockfs_nolocks("the end of a system call");
	if (call->sc_proc != NULL)
		(void) fk_proc_switch(call->sc_proc);
	mutex_enter(&so->so_flock);
	list_remove(&so->so_calls, call);
	if (so->so_fclosing)
		cv_broadcast(&so->so_fcv);
	mutex_exit(&so->so_flock);
	fk_thread_clear_interrupt();
	return (error);
}

void
fsk_interrupt(fsk_file_t *f)
{
	sonode_t *so = FTOSO(f);
	sockfs_call_t *call;

	mutex_enter(&so->so_flock);
	for (call = list_head(&so->so_calls); call != NULL;
	    call = list_next(&so->so_calls, call))
		fk_thread_interrupt(call->sc_thread);
	mutex_exit(&so->so_flock);
}

/* Gives the socket a file, with these credentials, in that process or none. */
void
sockfs_set_file(sonode_t *so, cred_t *cr, proc_t *p)
{
	crhold(cr);
	so->so_cred = cr;
	if (p != NULL)
		fk_proc_hold(p);
	so->so_proc = p;
}

/* A socket that has no module's half yet; it takes over the hold on sp. */
sonode_t *
sockfs_alloc(sockparams_t *sp, int family, int type, int protocol, int kmflag)
{
	sonode_t *so;

	if ((so = kmem_zalloc(sizeof (*so), kmflag)) == NULL)
		return (NULL);
	so->so_magic = SONODE_LIVE;
	so->so_refs = 1;
	so->so_sp = sp;
	so->so_family = family;
	so->so_type = type;
	so->so_protocol = protocol;
	so->so_props.sopp_rxhiwat = SOCKET_RECVHIWATER;
	so->so_props.sopp_rxlowat = SOCKET_RECVLOWATER;
	so->so_props.sopp_maxpsz = INFPSZ;
	so->so_props.sopp_maxblk = INFPSZ;
	so->so_props.sopp_maxaddrlen = sizeof (struct sockaddr_storage);

	mutex_init(&so->so_flock, NULL, MUTEX_DEFAULT, NULL);
	cv_init(&so->so_fcv, NULL, CV_DEFAULT, NULL);
	list_create(&so->so_calls, sizeof (sockfs_call_t),
	    offsetof(sockfs_call_t, sc_node));
	mutex_init(&so->so_lock, NULL, MUTEX_DEFAULT, NULL);
	cv_init(&so->so_state_cv, NULL, CV_DEFAULT, NULL);
	cv_init(&so->so_read_cv, NULL, CV_DEFAULT, NULL);
	cv_init(&so->so_rcv_cv, NULL, CV_DEFAULT, NULL);
	cv_init(&so->so_snd_cv, NULL, CV_DEFAULT, NULL);
	cv_init(&so->so_acceptq_cv, NULL, CV_DEFAULT, NULL);
	list_create(&so->so_acceptq, sizeof (sonode_t),
	    offsetof(sonode_t, so_node));
	return (so);
}

/* The last reference is gone.  B_TRUE: the module has been unloaded. */
static boolean_t
sockfs_destroy(sonode_t *so)
{
	sockparams_t *sp = so->so_sp;

	VERIFY(!so->so_protoref);
	if (so->so_rcv_timer != 0)
		(void) untimeout(so->so_rcv_timer);
	pollwakeup(&so->so_pollhead, POLLERR);
	pollhead_clean(&so->so_pollhead);
	VERIFY3U(so->so_rcv_queued, ==, 0);

	if (so->so_peercred != NULL)
		crfree(so->so_peercred);
	list_destroy(&so->so_acceptq);
	list_destroy(&so->so_calls);
	cv_destroy(&so->so_acceptq_cv);
	cv_destroy(&so->so_snd_cv);
	cv_destroy(&so->so_rcv_cv);
	cv_destroy(&so->so_read_cv);
	cv_destroy(&so->so_state_cv);
	mutex_destroy(&so->so_lock);
	cv_destroy(&so->so_fcv);
	mutex_destroy(&so->so_flock);
	sockfs_bury(so);
	return (sockfs_sp_rele(sp));
}

/*
 * Drops a reference.  B_TRUE: that was the last one of the last socket, and
 * the module has been unloaded.
 */
boolean_t
sockfs_rele(sonode_t *so)
{
	boolean_t last;

	mutex_enter(&so->so_lock);
	VERIFY3U(so->so_refs, >, 0);
	last = (--so->so_refs == 0);
	mutex_exit(&so->so_lock);
	return (last && sockfs_destroy(so));
}

/*
 * The module gives up its part in the socket; its reference becomes the
 * caller's.  An upcall that runs now would go on with what is about to be
 * freed.
 */
void
sockfs_proto_rele(sonode_t *so, const char *what)
{
	boolean_t held;

	mutex_enter(&so->so_lock);
	held = so->so_protoref;
	so->so_protoref = B_FALSE;
	mutex_exit(&so->so_lock);
	if (!held)
		panic("%s: socket %p was released before", what, (void *)so);
	if (atomic_add_32_nv(&so->so_upcalls, 0) != 0)
		panic("%s: an upcall is running on socket %p", what,
		    (void *)so);
}

/*
 * Has the module make its half.  Takes over the hold on the entry.  What the
 * module answers, ENOMEM if it does not say; EPROTONOSUPPORT if it does not
 * take the protocol that its entry does not name.
 */
static int
sockfs_create_sp(sockparams_t *sp, int family, int type, int protocol,
    cred_t *cr, sonode_t **sop)
{
	sonode_t *so;
	int error = 0;

	so = sockfs_alloc(sp, family, type, protocol, KM_SLEEP);
	so->so_lower = sp->sp_smod->sm_create(family, type, protocol,
	    &so->so_down, &so->so_mode, &error, SOCKET_SLEEP, cr);
	if (so->so_lower == NULL) {
		(void) sockfs_rele(so);
		SO_ERRNO_OK(error);
		return (error != 0 ? error : ENOMEM);
	}
	VERIFY3P(so->so_down, !=, NULL);
	VERIFY(so->so_down->sd_send != NULL ||
	    so->so_down->sd_send_uio != NULL);
	/* Out-of-band data, and a queue in the module, are not offered. */
	VERIFY0(so->so_mode & SM_EXDATA);
	VERIFY3P(so->so_down->sd_recv_uio, ==, NULL);
	VERIFY3P(so->so_down->sd_poll, ==, NULL);

	so->so_protoref = B_TRUE;
	so->so_refs++;
	so->so_down->sd_activate(so->so_lower, (sock_upper_handle_t)so,
	    &sockfs_upcalls, 0, cr);
	if (protocol != sp->sp_protocol && so->so_down->sd_setsockopt(
	    so->so_lower, SOL_SOCKET, SO_PROTOTYPE, &protocol,
	    sizeof (protocol), cr) != 0) {
		if (so->so_down->sd_close(so->so_lower, 0, cr) == EINPROGRESS)
			panic("sd_close of a socket that was never made "
			    "answers EINPROGRESS");
		sockfs_proto_rele(so, "sd_close");
		mutex_enter(&so->so_lock);
		sockfs_rcv_flush(so);
		so->so_refs--;
		mutex_exit(&so->so_lock);
		(void) sockfs_rele(so);
		return (EPROTONOSUPPORT);
	}
	*sop = so;
	return (0);
}

/* socket(2) without the file. */
int
sockfs_create(int family, int type, int protocol, cred_t *cr, sonode_t **sop)
{
	sockparams_t *sp;
	int first, error;

	first = error = sockfs_lookup(family, type, protocol, &sp);
	if (error != 0)
		error = sockfs_lookup(family, type, 0, &sp);
	if (error == 0)
		error = sockfs_create_sp(sp, family, type, protocol, cr, sop);
	if (first != 0 && (error == EPROTONOSUPPORT || error == EPROTOTYPE ||
	    error == ENOPROTOOPT))
		error = first;
	return (error);
}

/*
 * The end of a socket as far as its user is concerned: what is queued is
 * thrown away, what waits to be accepted is closed, and the module is told.
 * The caller's reference stays.
 */
int
sockfs_close(sonode_t *so, int flag, cred_t *cr)
{
	sonode_t *nso;
	int error;

	mutex_enter(&so->so_lock);
	so->so_state |= SS_CLOSING;
	sockfs_rcv_flush(so);
	while ((nso = list_remove_head(&so->so_acceptq)) != NULL) {
		so->so_acceptq_len--;
		mutex_exit(&so->so_lock);
		(void) sockfs_close(nso, 0, cr);
		(void) sockfs_rele(nso);
		mutex_enter(&so->so_lock);
	}
	mutex_exit(&so->so_lock);

	SO_DOWNCALL(so);
	error = so->so_down->sd_close(so->so_lower, flag, cr);
	SO_ERRNO_OK(error);
	if (error == EINPROGRESS)
		return (0);
	sockfs_proto_rele(so, "sd_close");
	(void) sockfs_rele(so);
	return (error);
}
