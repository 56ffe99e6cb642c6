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
 * Receiving: the queue between su_recv and recv.
 *
 * su_recv appends to the module's list (so_rcv_head) under so_lock.  Data is
 * appended to data, so that boundaries vanish; a message with a header begins
 * an element of its own.  The one reader (so_readlocked) moves that list to
 * its own (so_rcvq_head), takes elements off it, and puts back what it did not
 * consume.  Only the reader, and whoever keeps readers out, changes its list;
 * it does so under so_lock as well, because poll looks at it.
 *
 * so_rcv_queued counts the bytes of data on both lists.  At sopp_rxhiwat the
 * module is told to stop (nothing is dropped), and so_flowctrld remembers it;
 * when a read leaves less than sopp_rxlowat, sd_clr_flowctrl is called in the
 * reader's thread.  Flushing the queue or changing the levels calls nothing.
 */

#include <sys/strsun.h>
#include <sys/tihdr.h>
#include "sockfs_impl.h"

/* A first block shorter than this has its message pulled up. */
#define	SOCKFS_PULL_LEN	64

/*
 * Become the reader.  Called with so_lock held, which is dropped while
 * waiting: EWOULDBLOCK instead of waiting, or EINTR.
 */
int
sockfs_lock_read(sonode_t *so, boolean_t nonblock)
{
	ASSERT(MUTEX_HELD(&so->so_lock));
	while (so->so_readlocked) {
		if (nonblock)
			return (EWOULDBLOCK);
		if (cv_wait_sig(&so->so_read_cv, &so->so_lock) == 0)
			return (EINTR);
	}
	so->so_readlocked = B_TRUE;
	return (0);
}

void
sockfs_unlock_read(sonode_t *so)
{
	ASSERT(MUTEX_HELD(&so->so_lock));
	ASSERT(so->so_readlocked);
	so->so_readlocked = B_FALSE;
	cv_signal(&so->so_read_cv);
}

void
sockfs_wakeup_reader(sonode_t *so)
{
	ASSERT(MUTEX_HELD(&so->so_lock));
	if (so->so_rcv_wakeup) {
		so->so_rcv_wakeup = B_FALSE;
		cv_signal(&so->so_rcv_cv);
	}
}

/*
 * Whether a read would not wait: there is something (and its notification is
 * not being held back by the push timer), or there never will be.
 */
boolean_t
sockfs_have_data(const sonode_t *so)
{
	ASSERT(MUTEX_HELD(&so->so_lock));
	return ((!so->so_rcv_timing &&
	    (so->so_rcv_head != NULL || so->so_rcvq_head != NULL)) ||
	    (so->so_state & SS_CANTRCVMORE) != 0);
}

/* Stops the push timer; so_lock is dropped meanwhile. */
void
sockfs_rcv_timer_cancel(sonode_t *so)
{
	timeout_id_t tid = so->so_rcv_timer;

	ASSERT(MUTEX_HELD(&so->so_lock));
	if (!so->so_rcv_timing)
		return;
	so->so_rcv_timing = B_FALSE;
	mutex_exit(&so->so_lock);
	(void) untimeout(tid);
	mutex_enter(&so->so_lock);
}

static void
sockfs_rcv_timeout(void *arg)
{
	sonode_t *so = arg;

	mutex_enter(&so->so_lock);
	so->so_rcv_timing = B_FALSE;
	if (so->so_rcv_queued > 0)
		sockfs_notify_data(so);
	else
		mutex_exit(&so->so_lock);
}

static void
sockfs_free_list(mblk_t *mp)
{
	mblk_t *next;

	for (; mp != NULL; mp = next) {
		next = mp->b_next;
		mp->b_next = mp->b_prev = NULL;
		freemsg(mp);
	}
}

/*
 * Throws away all that is queued.  There must be no reader.  As in the real
 * kernel the messages are freed under so_lock, and the module is not told.
 */
void
sockfs_rcv_flush(sonode_t *so)
{
	ASSERT(MUTEX_HELD(&so->so_lock));
	sockfs_free_list(so->so_rcvq_head);
	sockfs_free_list(so->so_rcv_head);
	so->so_rcvq_head = so->so_rcvq_last = NULL;
	so->so_rcv_head = so->so_rcv_last = NULL;
	so->so_rcv_queued = 0;
}

/* Puts a message of `size' bytes of data at the end of the module's list. */
static void
sockfs_rcv_enqueue(sonode_t *so, mblk_t *mp, size_t size)
{
	mblk_t *last;

	ASSERT(MUTEX_HELD(&so->so_lock));
	for (last = mp; last->b_cont != NULL; last = last->b_cont)
		;
	so->so_rcv_queued += size;
	if (so->so_rcv_head == NULL) {
		so->so_rcv_head = so->so_rcv_last = mp;
	} else if (DB_TYPE(mp) == M_DATA &&
	    DB_TYPE(so->so_rcv_last) == M_DATA) {
		so->so_rcv_last->b_prev->b_cont = mp;
	} else {
		so->so_rcv_last->b_next = mp;
		so->so_rcv_last = mp;
	}
	so->so_rcv_last->b_prev = last;
}

/*
 * Moves the module's list to the end of the reader's.  A single message of
 * data is joined to data; a list of several is not.
 */
static void
sockfs_rcv_splice(sonode_t *so)
{
	mblk_t *head = so->so_rcv_head;
	mblk_t *last = so->so_rcv_last;

	ASSERT(MUTEX_HELD(&so->so_lock));
	if (head == NULL)
		return;
	so->so_rcv_head = so->so_rcv_last = NULL;

	if (so->so_rcvq_head == NULL) {
		so->so_rcvq_head = head;
		so->so_rcvq_last = last;
	} else if (head->b_next == NULL && DB_TYPE(head) == M_DATA &&
	    DB_TYPE(so->so_rcvq_last) == M_DATA) {
		so->so_rcvq_last->b_prev->b_cont = head;
		so->so_rcvq_last->b_prev = head->b_prev;
		head->b_prev = NULL;
	} else {
		so->so_rcvq_last->b_next = head;
		so->so_rcvq_last = last;
	}
}

/* Takes the first element off the reader's list; *lastp: its last block. */
static mblk_t *
sockfs_rcv_take(sonode_t *so, mblk_t **lastp)
{
	mblk_t *mp = so->so_rcvq_head;

	ASSERT(MUTEX_HELD(&so->so_lock));
	so->so_rcvq_head = mp->b_next;
	if (so->so_rcvq_head == NULL)
		so->so_rcvq_last = NULL;
	*lastp = mp->b_prev;
	mp->b_next = mp->b_prev = NULL;
	return (mp);
}

static void
sockfs_rcv_putback(sonode_t *so, mblk_t *mp, mblk_t *last)
{
	ASSERT(MUTEX_HELD(&so->so_lock));
	mp->b_next = so->so_rcvq_head;
	mp->b_prev = last;
	if (so->so_rcvq_head == NULL)
		so->so_rcvq_last = mp;
	so->so_rcvq_head = mp;
}

/*
 * Copies out what there is room for.  What is left is returned, NULL if
 * nothing is; blocks that are used up, or empty, are freed.  On EFAULT all of
 * the message is freed.
 */
static mblk_t *
sockfs_rcv_copyout(mblk_t *mp, uio_t *uio, int *errorp)
{
	ssize_t room = uio->uio_resid;
	mblk_t *next;

	do {
		ssize_t n = MIN(room, MBLKL(mp));

		if (n > 0) {
			*errorp = uiomove(mp->b_rptr, n, UIO_READ, uio);
			if (*errorp != 0) {
				freemsg(mp);
				return (NULL);
			}
			mp->b_rptr += n;
			room -= n;
		}
		while (mp != NULL && MBLKL(mp) == 0) {
			next = mp->b_cont;
			freeb(mp);
			mp = next;
		}
	} while (mp != NULL && room > 0);

	*errorp = 0;
	return (mp);
}

/*
 * After a read: lets the module go on if it was stopped and there is room
 * again.  so_lock is dropped for the call.
 */
static void
sockfs_rcv_flowcheck(sonode_t *so)
{
	ASSERT(MUTEX_HELD(&so->so_lock));
	if (!so->so_flowctrld ||
	    (ssize_t)so->so_rcv_queued >= so->so_props.sopp_rxlowat)
		return;
	so->so_flowctrld = B_FALSE;
	if (so->so_down->sd_clr_flowctrl == NULL)
		return;
	mutex_exit(&so->so_lock);
	SO_DOWNCALL(so);
	so->so_down->sd_clr_flowctrl(so->so_lower);
	mutex_enter(&so->so_lock);
}

/*
 * There is nothing to read: a pending error, the end of the data, or wait.
 * -1: look again; otherwise what the read returns (0: end).  All of it, and
 * the look at the queue before it, is under one hold of so_lock: data that
 * arrives before the end was signalled is never overlooked.
 */
static int
sockfs_rcv_wait(sonode_t *so, const uio_t *uio, boolean_t nonblock, int flags)
{
	int error;

	ASSERT(MUTEX_HELD(&so->so_lock));
	if (so->so_error != 0) {
		error = so->so_error;
		if (!(flags & MSG_PEEK))
			so->so_error = 0;
		return (error);
	}
	if ((so->so_state & SS_CANTRCVMORE) || uio->uio_resid == 0)
		return (0);
	if (nonblock)
		return (EWOULDBLOCK);
	if (so->so_state & SS_CLOSING)
		return (EINTR);

	so->so_rcv_wakeup = B_TRUE;
	so->so_rcv_wanted = uio->uio_resid;
	error = sockfs_cv_wait(&so->so_rcv_cv, &so->so_lock, so->so_rcvtimeo);
	so->so_rcv_wakeup = B_FALSE;
	so->so_rcv_wanted = 0;
	return (error != 0 ? error : -1);
}

/*
 * Reads one element of the queue (and, of plain data, what has been queued
 * meanwhile), waiting for it if need be.  *protop is its header or NULL;
 * *morep tells that not all of it was read.  The caller is the reader, and
 * holds so_lock, which is dropped to wait and to copy.
 */
static int
sockfs_dequeue(sonode_t *so, uio_t *uio, boolean_t nonblock, int flags,
    mblk_t **protop, boolean_t *morep)
{
	boolean_t progress = B_FALSE;
	mblk_t *mp, *last = NULL;
	ssize_t resid;
	size_t size;
	int error;

	ASSERT(MUTEX_HELD(&so->so_lock));
	*protop = NULL;
	*morep = B_FALSE;
again:
	sockfs_rcv_splice(so);
	if (so->so_rcvq_head == NULL || (so->so_rcv_timing &&
	    so->so_rcv_queued < so->so_props.sopp_rcvthresh)) {
		if (progress)
			return (0);
		error = sockfs_rcv_wait(so, uio, nonblock, flags);
		if (error == -1)
			goto again;
		return (error);
	}

	if (flags & MSG_PEEK) {
		mp = so->so_rcvq_head;
		mutex_exit(&so->so_lock);
		if ((last = dupmsg(mp)) == NULL)
			last = copymsg(mp);
		if ((mp = last) == NULL) {
			mutex_enter(&so->so_lock);
			return (ENOSR);
		}
	} else {
		mp = sockfs_rcv_take(so, &last);
		mutex_exit(&so->so_lock);
	}

	if (DB_TYPE(mp) != M_DATA) {
		mblk_t *data = mp->b_cont;

		mp->b_cont = NULL;
		*protop = mp;
		mp = data;
	}
	if (MBLKL(mp) < SOCKFS_PULL_LEN && mp->b_cont != NULL &&
	    pullupmsg(mp, -1) == 1)
		last = mp;
	resid = uio->uio_resid;
	mp = sockfs_rcv_copyout(mp, uio, &error);
	if (error != 0) {
		/*
		 * The bytes are gone, and so_rcv_queued still counts them:
		 * that is what the real one does.
		 */
		freemsg(*protop);
		*protop = NULL;
		mutex_enter(&so->so_lock);
		return (error);
	}
	size = resid - uio->uio_resid;
	progress = (size > 0);

	mutex_enter(&so->so_lock);
	if (progress && !(flags & MSG_PEEK)) {
		so->so_rcv_queued -= size;
		sockfs_rcv_flowcheck(so);
	}
	if (mp != NULL) {
		*morep = B_TRUE;
		size = msgdsize(mp);
		if (flags & (MSG_PEEK | MSG_TRUNC)) {
			mutex_exit(&so->so_lock);
			freemsg(mp);
			mutex_enter(&so->so_lock);
			if (!(flags & MSG_PEEK)) {
				so->so_rcv_queued -= size;
				sockfs_rcv_flowcheck(so);
			}
		} else if (progress && size == 0) {
			freemsg(mp);
			*morep = B_FALSE;
		} else {
			sockfs_rcv_putback(so, mp, last);
		}
	}
	if (progress && *protop == NULL && uio->uio_resid > 0 &&
	    !(flags & MSG_PEEK) && so->so_rcv_head != NULL)
		goto again;
	return (0);
}

/*
 * What a header says about the end of the record, given whether all of it was
 * read: MSG_EOR now, or (kept in the state) with the last piece.  Headers have
 * been checked by su_recv.  so_lock is held.
 */
static int
sockfs_record_end(sonode_t *so, mblk_t *proto, boolean_t more)
{
	union T_primitives *tp;

	ASSERT(MUTEX_HELD(&so->so_lock));
	if (proto == NULL) {
		if (more || !(so->so_state & SS_SAVEDEOR))
			return (0);
		so->so_state &= ~SS_SAVEDEOR;
		return (MSG_EOR);
	}
	tp = (union T_primitives *)proto->b_rptr;
	if (tp->type == T_UNITDATA_IND)
		return (0);
	so->so_state &= ~SS_SAVEDEOR;
	if ((tp->type == T_DATA_IND ? tp->data_ind.MORE_flag :
	    tp->optdata_ind.DATA_flag) & 1)
		return (0);
	if (!more)
		return (MSG_EOR);
	so->so_state |= SS_SAVEDEOR;
	return (0);
}

/*
 * recv(2) without a name and without control data.  *flagsp is in: MSG_*, out:
 * MSG_EOR, MSG_TRUNC, MSG_CTRUNC.
 */
static int
sockfs_recvmsg(sonode_t *so, uio_t *uio, int fmode, int *flagsp)
{
	int flags = *flagsp & (MSG_OOB | MSG_PEEK | MSG_WAITALL | MSG_DONTWAIT);
	boolean_t nonblock = SO_NONBLOCK(fmode) || (flags & MSG_DONTWAIT);
	boolean_t more, again;
	union T_primitives *tp;
	t_scalar_t prim, optlen;
	mblk_t *proto;
	ssize_t resid;
	int error;

	*flagsp = 0;
	mutex_enter(&so->so_lock);
	if ((so->so_mode & SM_CONNREQUIRED) &&
	    !(so->so_state & (SS_ISCONNECTED | SS_CANTRCVMORE))) {
		mutex_exit(&so->so_lock);
		return (ENOTCONN);
	}
	if (flags & MSG_PEEK)
		flags &= ~MSG_WAITALL;
	if (so->so_mode & SM_ATOMIC)
		flags |= MSG_TRUNC;
	if (flags & MSG_OOB) {
		mutex_exit(&so->so_lock);
		return (EOPNOTSUPP);
	}
	if ((error = sockfs_lock_read(so, nonblock)) != 0) {
		mutex_exit(&so->so_lock);
		return (error);
	}

	do {
		again = B_FALSE;
		resid = uio->uio_resid;
		error = sockfs_dequeue(so, uio, nonblock, flags, &proto, &more);
		if (error != 0)
			break;
		if (more && (so->so_mode & SM_ATOMIC))
			*flagsp |= MSG_TRUNC;
		prim = T_DATA_IND;
		optlen = 0;
		if (proto != NULL) {
			tp = (union T_primitives *)proto->b_rptr;
			prim = tp->type;
			if (prim == T_UNITDATA_IND)
				optlen = tp->unitdata_ind.OPT_length;
			else if (prim == T_OPTDATA_IND)
				optlen = tp->optdata_ind.OPT_length;
		}
		if (optlen != 0)
			*flagsp |= MSG_CTRUNC;
		*flagsp |= sockfs_record_end(so, proto, more);
		if ((flags & MSG_WAITALL) && !(*flagsp & MSG_EOR) &&
		    uio->uio_resid != resid && uio->uio_resid > 0 &&
		    prim != T_UNITDATA_IND)
			again = B_TRUE;
		freemsg(proto);
	} while (again);

	sockfs_unlock_read(so);
	mutex_exit(&so->so_lock);
	return (error);
}

int
fsk_recvv(fsk_file_t *f, const fsk_iov_t *iov, int iovcnt, int *flagsp,
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
	len = su.su_uio.uio_resid;
	error = sockfs_recvmsg(so, &su.su_uio, call.sc_fmode, flagsp);
	*donep = len - su.su_uio.uio_resid;
	if ((error == EINTR || error == EWOULDBLOCK) && *donep != 0)
		error = 0;
	sockfs_uio_fini(&su);
	return (sockfs_leave(f, &call, error));
}

int
fsk_recv(fsk_file_t *f, void *buf, size_t len, int flags, size_t *donep)
{
	fsk_iov_t iov = { .fi_base = buf, .fi_len = len };

	return (fsk_recvv(f, &iov, 1, &flags, donep));
}

/*
 * What a module may hand to su_recv: data, or a header that sockfs knows
 * followed by data.  An empty message on a stream would be read as its end.
 */
static void
sockfs_rcv_check(const sonode_t *so, const mblk_t *mp, size_t size)
{
	const union T_primitives *tp;
	const mblk_t *bp;
	size_t data = 0;

	VERIFY3P(mp->b_next, ==, NULL);
	VERIFY3P(mp->b_prev, ==, NULL);
	bp = mp;
	if (DB_TYPE(mp) == M_PROTO) {
		VERIFY(__TPI_PRIM_ISALIGNED(mp->b_rptr));
		VERIFY3U(MBLKL(mp), >=, sizeof (tp->type));
		tp = (const union T_primitives *)mp->b_rptr;
		switch (tp->type) {
		case T_DATA_IND:
			VERIFY3U(MBLKL(mp), >=, sizeof (tp->data_ind));
			break;
		case T_OPTDATA_IND:
			VERIFY3U(MBLKL(mp), >=, sizeof (tp->optdata_ind));
			break;
		case T_UNITDATA_IND:
			VERIFY3U(MBLKL(mp), >=, sizeof (tp->unitdata_ind));
			break;
		default:
			panic("su_recv: header of type %d", tp->type);
		}
		bp = mp->b_cont;
		if (bp == NULL)
			panic("su_recv: a header without data");
	}
	for (; bp != NULL; bp = bp->b_cont) {
		VERIFY3U(DB_TYPE(bp), ==, M_DATA);
		VERIFY3P(bp->b_rptr, <=, bp->b_wptr);
		data += MBLKL(bp);
	}
	VERIFY3U(size, ==, data);
	if (size == 0 && DB_TYPE(mp) == M_DATA && !(so->so_mode & SM_ATOMIC))
		panic("su_recv: an empty message on a stream");
}

/*
 * Room up to the high-water mark; none arms the call of sd_clr_flowctrl.
 */
static ssize_t
sockfs_rcv_space(sonode_t *so, int *errorp)
{
	int space = so->so_props.sopp_rxhiwat - so->so_rcv_queued;

	ASSERT(MUTEX_HELD(&so->so_lock));
	if (space > 0)
		return (space);
	so->so_flowctrld = B_TRUE;
	*errorp = ENOSPC;
	return (-1);
}

ssize_t
sockfs_su_recv(sock_upper_handle_t handle, mblk_t *mp, size_t size, int flags,
    int *errorp, boolean_t *pushp)
{
	sonode_t *so = sockfs_upcall_enter(handle, "su_recv");
	boolean_t push = (pushp == NULL || *pushp);
	ssize_t space;

	VERIFY3S(flags, ==, 0);
	VERIFY3P(errorp, !=, NULL);
	*errorp = 0;
	if (mp == NULL) {
		VERIFY0(size);
		mutex_enter(&so->so_lock);
		space = sockfs_rcv_space(so, errorp);
		mutex_exit(&so->so_lock);
		sockfs_upcall_exit(so);
		return (space);
	}

	sockfs_nolocks("su_recv");
	sockfs_rcv_check(so, mp, size);
	mutex_enter(&so->so_lock);
	if (so->so_state & (SS_CANTRCVMORE | SS_CLOSING)) {
		freemsg(mp);
		mutex_exit(&so->so_lock);
		sockfs_upcall_exit(so);
		return (0);
	}
	sockfs_rcv_enqueue(so, mp, size);
	space = sockfs_rcv_space(so, errorp);
	if (push || so->so_rcv_queued >= so->so_props.sopp_rcvthresh ||
	    so->so_rcv_queued >= so->so_rcv_wanted) {
		if (pushp != NULL)
			*pushp = B_TRUE;
		sockfs_rcv_timer_cancel(so);
		sockfs_notify_data(so);		/* drops so_lock */
	} else {
		if (!so->so_rcv_timing &&
		    so->so_props.sopp_rcvtimer != SOCKET_NO_RCVTIMER) {
			so->so_rcv_timing = B_TRUE;
			so->so_rcv_timer = timeout(sockfs_rcv_timeout, so,
			    MSEC_TO_TICK(so->so_props.sopp_rcvtimer));
		}
		mutex_exit(&so->so_lock);
	}
	sockfs_upcall_exit(so);
	return (space);
}
