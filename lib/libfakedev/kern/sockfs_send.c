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
 * Sending.
 *
 * The data is copied into messages of at most sopp_maxpsz bytes, made of
 * blocks of at most sopp_maxblk, and each is handed to sd_send; the module
 * owns it whatever it answers.  The module stops writers with su_txq_full().
 *
 * Two weaknesses of the real kernel are kept, so that a module that relies on
 * what is not there fails here too.  A writer that has waited goes to sd_send
 * without another look at the socket's state.  And all but su_txq_full(FALSE)
 * wake writers only if so_snd_wakeup is set, one bit for all of them, which
 * the first writer to leave clears while others still wait.
 */

#include "sockfs_impl.h"

/*
 * Waits until the module takes data.  so_lock is held.  EPIPE, EWOULDBLOCK,
 * EAGAIN (SO_SNDTIMEO), EINTR.
 */
static int
sockfs_snd_wait(sonode_t *so, boolean_t nonblock)
{
	int error = 0;

	ASSERT(MUTEX_HELD(&so->so_lock));
	so->so_snd_wakeup = B_TRUE;
	while (so->so_snd_qfull && error == 0) {
		if (so->so_state & SS_CANTSENDMORE)
			error = EPIPE;
		else if (nonblock)
			error = EWOULDBLOCK;
		else if (so->so_state & SS_CLOSING)
			error = EINTR;
		else
			error = sockfs_cv_wait(&so->so_snd_cv, &so->so_lock,
			    so->so_sndtimeo);
	}
	so->so_snd_wakeup = B_FALSE;
	return (error);
}

/*
 * Copies one message in.  NULL with *errorp ENOMEM or EFAULT; if memory runs
 * out after the first block, the message is what there is.  A uio of no bytes
 * makes one empty block.
 */
static mblk_t *
sockfs_snd_copyin(uio_t *uio, const struct sock_proto_props *pp, int *errorp)
{
	ssize_t left = uio->uio_resid;
	mblk_t *head = NULL, **tailp = &head, *mp;
	ssize_t maxblk, n;

	*errorp = 0;
	if (pp->sopp_maxpsz != INFPSZ)
		left = MIN(left, pp->sopp_maxpsz);
	maxblk = (pp->sopp_maxblk == INFPSZ) ? left : pp->sopp_maxblk;

	do {
		n = MIN(left, maxblk);
		mp = allocb(pp->sopp_wroff + n + pp->sopp_tail, BPRI_MED);
		if (mp == NULL) {
			*errorp = ENOMEM;
			break;
		}
		mp->b_rptr += pp->sopp_wroff;
		mp->b_wptr = mp->b_rptr + n;
		*tailp = mp;
		tailp = &mp->b_cont;
		if ((*errorp = uiomove(mp->b_rptr, n, UIO_WRITE, uio)) != 0) {
			freemsg(head);
			return (NULL);
		}
		left -= n;
	} while (left > 0);
	return (head);
}

static int
sockfs_sendmsg(sonode_t *so, uio_t *uio, int fmode, int flags)
{
	boolean_t nonblock = SO_NONBLOCK(fmode) || (flags & MSG_DONTWAIT);
	struct sock_proto_props props;
	struct nmsghdr msg;
	ssize_t resid;
	mblk_t *mp;
	int error = 0;

	bzero(&msg, sizeof (msg));
	msg.msg_flags = flags;

	mutex_enter(&so->so_lock);
	if ((so->so_mode & SM_ATOMIC) && so->so_props.sopp_maxpsz != INFPSZ &&
	    uio->uio_resid > so->so_props.sopp_maxpsz)
		error = EMSGSIZE;
	while (error == 0) {
		if (so->so_state & SS_CANTSENDMORE)
			error = EPIPE;
		else if (so->so_error != 0)
			error = sockfs_take_error(so);
		else if (flags & MSG_OOB)
			error = EOPNOTSUPP;
		else if (so->so_snd_qfull)
			error = sockfs_snd_wait(so, nonblock);
		if (error != 0)
			break;
		props = so->so_props;
		mutex_exit(&so->so_lock);

		SO_DOWNCALL(so);
		resid = uio->uio_resid;
		if (so->so_down->sd_send_uio != NULL) {
			error = so->so_down->sd_send_uio(so->so_lower, uio,
			    &msg, so->so_cred);
		} else {
			mp = sockfs_snd_copyin(uio, &props, &error);
			if (mp != NULL) {
				error = so->so_down->sd_send(so->so_lower, mp,
				    &msg, so->so_cred);
				if (error != 0)
					uio->uio_resid = resid;
			}
		}
		SO_ERRNO_OK(error);
		if (error != 0 || uio->uio_resid == 0)
			return (error);
		mutex_enter(&so->so_lock);
	}
	mutex_exit(&so->so_lock);
	return (error);
}

int
fsk_sendv(fsk_file_t *f, const fsk_iov_t *iov, int iovcnt, int flags,
    size_t *donep)
{
	sonode_t *so = FTOSO(f);
	sockfs_uio_t su;
	sockfs_call_t call;
	ssize_t len;
	int error;

	*donep = 0;
	if ((error = sockfs_enter(f, &call)) != 0)
		return (error);
	error = sockfs_uio_init(&su, iov, iovcnt, call.sc_fmode);
	if (error != 0)
		return (sockfs_leave(f, &call, error));

	/* A program that is not XPG4.2 ends a record with every send. */
	if (!(flags & MSG_XPG4_2))
		flags |= MSG_EOR;
	len = su.su_uio.uio_resid;
	error = sockfs_sendmsg(so, &su.su_uio, call.sc_fmode, flags);
	*donep = len - su.su_uio.uio_resid;
	if ((error == EINTR || error == ENOMEM || error == EWOULDBLOCK) &&
	    *donep != 0)
		error = 0;
	if (error == EPIPE && !(flags & MSG_NOSIGNAL)) {
		mutex_enter(&so->so_flock);
		so->so_sigpipe = B_TRUE;
		mutex_exit(&so->so_flock);
	}
	sockfs_uio_fini(&su);
	return (sockfs_leave(f, &call, error));
}

int
fsk_send(fsk_file_t *f, const void *buf, size_t len, int flags, size_t *donep)
{
	fsk_iov_t iov = { .fi_base = (void *)buf, .fi_len = len };

	return (fsk_sendv(f, &iov, 1, flags, donep));
}

bool
fsk_sigpipe(fsk_file_t *f)
{
	sonode_t *so = FTOSO(f);
	bool raised;

	mutex_enter(&so->so_flock);
	raised = so->so_sigpipe;
	so->so_sigpipe = B_FALSE;
	mutex_exit(&so->so_flock);
	return (raised);
}
