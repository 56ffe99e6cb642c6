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
 * System calls, but for the transfer of data.
 *
 * They check what sockfs checks, in its order, and call the module: with no
 * lock held, with copies of what the caller gave.  What sockfs leaves to the
 * module is left to it.
 */

#include <sys/filio.h>
#include <sys/sockio.h>
#include <sys/ddi.h>
#include <sys/sunddi.h>
#include <sys/time.h>
#include "sockfs_impl.h"

/* ioctls of STREAMS: of their numbers, and one that has its own errno. */
#define	STR		('S' << 8)
#define	I_CANPUT	(STR | 042)

static int
sockfs_socket(int family, int type, int protocol, cred_t *cr, proc_t *p,
    fsk_file_t **fp)
{
	sonode_t *so;
	int error;

	if (type & ~(SOCK_TYPE_MASK | SOCK_NONBLOCK | SOCK_NDELAY |
	    SOCK_CLOEXEC | SOCK_CLOFORK))
		return (EINVAL);
	error = sockfs_create(family, type & SOCK_TYPE_MASK, protocol, cr, &so);
	if (error != 0)
		return (error);
	sockfs_set_file(so, cr, p);
	if (type & (SOCK_NONBLOCK | SOCK_NDELAY))
		fsk_set_nonblock(SOTOF(so), true);
	*fp = SOTOF(so);
	return (0);
}

int
fsk_socket(int family, int type, int protocol, fsk_file_t **fp)
{
	sockfs_nolocks("a system call");
	return (sockfs_socket(family, type, protocol, CRED(), NULL, fp));
}

int
fsk_socket_as(int zoneid, bool priv, int family, int type, int protocol,
    fsk_file_t **fp)
{
	zone_t *zone;
	cred_t *cr;
	proc_t *p, *old;
	int error;

	sockfs_nolocks("a system call");
	if ((zone = zone_find_by_id(zoneid)) == NULL)
		return (EINVAL);
	cr = fk_cred_create(priv ? 0 : 60001, priv ? 0 : 60001, zone,
	    priv ? B_TRUE : B_FALSE);
	if (!priv)
		fk_cred_addpriv(cr, PRIV_NET_ACCESS);
	p = fk_proc_create(zone, cr, "fsk");
	zone_rele(zone);
	old = fk_proc_switch(p);
	error = sockfs_socket(family, type, protocol, cr, p, fp);
	(void) fk_proc_switch(old);
	fk_proc_rele(p);
	crfree(cr);
	return (error);
}

/* As F_SETFL and FIONBIO do: the file's flags, and a bit of the state. */
static void
sockfs_set_fmode(sonode_t *so, int fmode)
{
	mutex_enter(&so->so_lock);
	so->so_state &= ~(SS_NDELAY | SS_NONBLOCK);
	if (fmode & FNDELAY)
		so->so_state |= SS_NDELAY;
	if (fmode & FNONBLOCK)
		so->so_state |= SS_NONBLOCK;
	mutex_exit(&so->so_lock);
	mutex_enter(&so->so_flock);
	so->so_fmode = fmode;
	mutex_exit(&so->so_flock);
}

void
fsk_set_nonblock(fsk_file_t *f, bool nonblock)
{
	sockfs_set_fmode(FTOSO(f), nonblock ? FNONBLOCK : 0);
}

/*
 * A copy of an address of the caller's; NULL if it has no length.  EINVAL:
 * longer than 8192; EFAULT.
 */
static int
sockfs_copyin_name(const void *addr, uint32_t len, struct sockaddr **sap)
{
	*sap = NULL;
	if (len == 0)
		return (0);
	if (len > SO_MAXARGSIZE)
		return (EINVAL);
	*sap = kmem_alloc(len, KM_SLEEP);
	if (copyin(addr, *sap, len) != 0) {
		kmem_free(*sap, len);
		return (EFAULT);
	}
	return (0);
}

int
fsk_bind(fsk_file_t *f, const void *addr, uint32_t len)
{
	sonode_t *so = FTOSO(f);
	sockfs_call_t call;
	struct sockaddr *sa;
	boolean_t shut;
	int error;

	if ((error = sockfs_enter(f, &call)) != 0)
		return (error);
	if ((error = sockfs_copyin_name(addr, len, &sa)) != 0)
		return (sockfs_leave(f, &call, error));
	mutex_enter(&so->so_lock);
	shut = (so->so_state & SS_CANTSENDMORE) != 0;
	mutex_exit(&so->so_lock);
	if (shut) {
		error = EINVAL;
	} else {
		error = so->so_down->sd_bind(so->so_lower, sa, len,
		    so->so_cred);
		SO_ERRNO_OK(error);
	}
	if (sa != NULL)
		kmem_free(sa, len);
	return (sockfs_leave(f, &call, error));
}

int
fsk_listen(fsk_file_t *f, int backlog)
{
	sonode_t *so = FTOSO(f);
	sockfs_call_t call;
	int error;

	if ((error = sockfs_enter(f, &call)) != 0)
		return (error);
	if (backlog < 0)
		backlog = 0;
	if (backlog >= (INT_MAX - 1) / 3)
		backlog = INT_MAX;
	else
		backlog = backlog * 3 / 2 + 1;
	error = so->so_down->sd_listen(so->so_lower, backlog, so->so_cred);
	SO_ERRNO_OK(error);
	return (sockfs_leave(f, &call, error));
}

/* Takes the first connection off the queue, waiting for one if need be. */
static int
sockfs_acceptq_take(sonode_t *so, boolean_t nonblock, sonode_t **nsop)
{
	sonode_t *nso;
	int error = 0;

	mutex_enter(&so->so_lock);
	if (!(so->so_state & SS_ACCEPTCONN)) {
		mutex_exit(&so->so_lock);
		return (so->so_type == SOCK_DGRAM || so->so_type == SOCK_RAW ?
		    EOPNOTSUPP : EINVAL);
	}
	while ((nso = list_remove_head(&so->so_acceptq)) == NULL) {
		if (nonblock)
			error = EWOULDBLOCK;
		else if ((so->so_state & SS_CLOSING) ||
		    cv_wait_sig(&so->so_acceptq_cv, &so->so_lock) == 0)
			error = EINTR;
		if (error != 0)
			break;
	}
	if (nso != NULL)
		so->so_acceptq_len--;
	mutex_exit(&so->so_lock);
	*nsop = nso;
	return (error);
}

/*
 * The address of a socket to the caller: truncated to *lenp, which becomes the
 * full length.
 */
static int
sockfs_copyout_name(const struct sockaddr *sa, uint32_t salen, void *addr,
    uint32_t *lenp)
{
	uint32_t len = MIN(*lenp, salen);

	if (addr == NULL || len == 0)
		salen = 0;
	else if (copyout(sa, addr, len) != 0)
		return (EFAULT);
	*lenp = salen;
	return (0);
}

/* Which of the two downcalls, and with room for how long an address. */
static int
sockfs_get_name(sonode_t *so, int (*get)(sock_lower_handle_t,
    struct sockaddr *, socklen_t *, cred_t *), uint32_t room, cred_t *cr,
    void *addr, uint32_t *lenp)
{
	struct sockaddr *sa = kmem_alloc(room, KM_SLEEP);
	uint32_t len = room;
	int error;

	SO_DOWNCALL(so);
	error = get(so->so_lower, sa, &len, cr);
	SO_ERRNO_OK(error);
	if (error == 0) {
		VERIFY3U(len, <=, room);
		error = sockfs_copyout_name(sa, len, addr, lenp);
	}
	kmem_free(sa, room);
	return (error);
}

static uint32_t
sockfs_maxaddrlen(sonode_t *so)
{
	uint32_t len;

	mutex_enter(&so->so_lock);
	len = so->so_props.sopp_maxaddrlen;
	mutex_exit(&so->so_lock);
	return (len);
}

int
fsk_accept(fsk_file_t *f, void *addr, uint32_t *lenp, fsk_file_t **nfp)
{
	sonode_t *so = FTOSO(f);
	sockfs_call_t call;
	sonode_t *nso;
	uint_t state;
	int error;

	if ((error = sockfs_enter(f, &call)) != 0)
		return (error);
	error = sockfs_acceptq_take(so, SO_NONBLOCK(call.sc_fmode), &nso);
	if (error != 0)
		return (sockfs_leave(f, &call, error));
	error = so->so_down->sd_accept(so->so_lower, nso->so_lower,
	    (sock_upper_handle_t)nso, so->so_cred);
	SO_ERRNO_OK(error);
	if (error == 0 && addr != NULL && *lenp != 0) {
		error = sockfs_get_name(nso, nso->so_down->sd_getpeername,
		    sockfs_maxaddrlen(so), so->so_cred, addr, lenp);
		VERIFY(error == 0 || error == EFAULT || error == EINVAL ||
		    error == ENOTCONN);
		if (error != 0 && error != EFAULT)
			error = ECONNABORTED;
	}
	if (error != 0) {
		(void) sockfs_close(nso, 0, so->so_cred);
		(void) sockfs_rele(nso);
		return (sockfs_leave(f, &call, error));
	}
	sockfs_set_file(nso, so->so_cred, so->so_proc);
	mutex_enter(&so->so_lock);
	state = so->so_state;
	mutex_exit(&so->so_lock);
	if (state & SS_NONBLOCK)
		sockfs_set_fmode(nso, FNONBLOCK);
	else if (state & SS_NDELAY)
		sockfs_set_fmode(nso, FNDELAY);
	*nfp = SOTOF(nso);
	return (sockfs_leave(f, &call, 0));
}

/*
 * The module has begun an attempt to connect: waits for the report of this
 * attempt or of a later one.
 */
static int
sockfs_wait_connected(sonode_t *so, boolean_t nonblock, sock_connid_t id)
{
	int error = 0;

	mutex_enter(&so->so_lock);
	if (SOCK_CONNID_LT(so->so_connid, id))
		so->so_error = 0;
	while (error == 0 && SOCK_CONNID_LT(so->so_connid, id)) {
		if (nonblock)
			error = EINPROGRESS;
		else if ((so->so_state & SS_CLOSING) ||
		    cv_wait_sig(&so->so_state_cv, &so->so_lock) == 0)
			error = EINTR;
	}
	if (error == 0 && (error = sockfs_take_error(so)) == 0 &&
	    !(so->so_state & SS_ISCONNECTED))
		error = ECONNREFUSED;
	mutex_exit(&so->so_lock);
	return (error);
}

int
fsk_connect(fsk_file_t *f, const void *addr, uint32_t len)
{
	sonode_t *so = FTOSO(f);
	sockfs_call_t call;
	struct sockaddr *sa;
	boolean_t unspec;
	sock_connid_t id = (sock_connid_t)-1;
	int error;

	if ((error = sockfs_enter(f, &call)) != 0)
		return (error);
	if ((error = sockfs_copyin_name(addr, len, &sa)) != 0)
		return (sockfs_leave(f, &call, error));
	mutex_enter(&so->so_lock);
	error = sockfs_take_error(so);
	mutex_exit(&so->so_lock);
	if (error == 0) {
		unspec = (sa == NULL || (len >= sizeof (sa_family_t) &&
		    sa->sa_family == AF_UNSPEC));
		error = so->so_down->sd_connect(so->so_lower,
		    unspec ? NULL : sa, unspec ? 0 : len, &id, so->so_cred);
		SO_ERRNO_OK(error);
		if (error == EINPROGRESS) {
			if (id == (sock_connid_t)-1)
				panic("sd_connect: EINPROGRESS without an id");
			error = sockfs_wait_connected(so,
			    SO_NONBLOCK(call.sc_fmode), id);
		}
	}
	if (sa != NULL)
		kmem_free(sa, len);
	return (sockfs_leave(f, &call, error));
}

int
fsk_getsockname(fsk_file_t *f, void *addr, uint32_t *lenp)
{
	sonode_t *so = FTOSO(f);
	sockfs_call_t call;
	int error;

	if (addr == NULL && *lenp != 0)
		return (EFAULT);
	if ((error = sockfs_enter(f, &call)) != 0)
		return (error);
	error = sockfs_get_name(so, so->so_down->sd_getsockname,
	    sockfs_maxaddrlen(so), so->so_cred, addr, lenp);
	return (sockfs_leave(f, &call, error));
}

int
fsk_getpeername(fsk_file_t *f, void *addr, uint32_t *lenp)
{
	sonode_t *so = FTOSO(f);
	sockfs_call_t call;
	int error;

	if (addr == NULL && *lenp != 0)
		return (EFAULT);
	if ((error = sockfs_enter(f, &call)) != 0)
		return (error);
	mutex_enter(&so->so_lock);
	if (!(so->so_state & SS_ISCONNECTED))
		error = ENOTCONN;
	else if (so->so_state & SS_CANTSENDMORE)
		error = EINVAL;
	mutex_exit(&so->so_lock);
	if (error == 0)
		error = sockfs_get_name(so, so->so_down->sd_getpeername,
		    sockfs_maxaddrlen(so), so->so_cred, addr, lenp);
	return (sockfs_leave(f, &call, error));
}

static void
sockfs_ticks_to_tv(clock_t ticks, struct timeval *tv)
{
	clock_t usec = drv_hztousec(ticks);

	tv->tv_sec = usec / MICROSEC;
	tv->tv_usec = usec % MICROSEC;
}

/*
 * What sockfs answers of SOL_SOCKET.  -1: ask the module; EINVAL: no room for
 * the value of an option that sockfs knows.
 */
static int
sockfs_getopt_common(sonode_t *so, int name, void *val, socklen_t *lenp)
{
	socklen_t need = sizeof (int32_t);
	struct so_snd_bufinfo *sbi = val;
	int32_t value = 0;
	int rv = 0;

	switch (name) {
	case SO_ERROR:
	case SO_TYPE:
	case SO_DOMAIN:
	case SO_ACCEPTCONN:
		break;
	case SO_RCVTIMEO:
	case SO_SNDTIMEO:
		need = sizeof (struct timeval);
		break;
	case SO_SND_BUFINFO:
		need = sizeof (*sbi);
		break;
	case SO_LINGER:
		need = sizeof (struct linger);
		rv = -1;
		break;
	case SO_DEBUG:
	case SO_REUSEADDR:
	case SO_KEEPALIVE:
	case SO_DONTROUTE:
	case SO_BROADCAST:
	case SO_USELOOPBACK:
	case SO_OOBINLINE:
	case SO_SNDBUF:
	case SO_RCVBUF:
	case SO_DGRAM_ERRIND:
		rv = -1;
		break;
	default:
		return (-1);
	}
	if (*lenp < need)
		return (EINVAL);
	if (rv == -1)
		return (rv);

	mutex_enter(&so->so_lock);
	switch (name) {
	case SO_ERROR:
		value = sockfs_take_error(so);
		break;
	case SO_TYPE:
		value = so->so_type;
		break;
	case SO_DOMAIN:
		value = so->so_family;
		break;
	case SO_ACCEPTCONN:
		if (so->so_state & SS_ACCEPTCONN)
			value = SO_ACCEPTCONN;
		break;
	case SO_RCVTIMEO:
		sockfs_ticks_to_tv(so->so_rcvtimeo, val);
		break;
	case SO_SNDTIMEO:
		sockfs_ticks_to_tv(so->so_sndtimeo, val);
		break;
	case SO_SND_BUFINFO:
		sbi->sbi_wroff = so->so_props.sopp_wroff;
		sbi->sbi_maxblk = so->so_props.sopp_maxblk;
		sbi->sbi_maxpsz = so->so_props.sopp_maxpsz;
		sbi->sbi_tail = so->so_props.sopp_tail;
		break;
	}
	mutex_exit(&so->so_lock);
	if (need == sizeof (value))
		bcopy(&value, val, need);
	*lenp = need;
	return (0);
}

/* Options that can be asked for even if the module has them not: zero. */
static int
sockfs_getopt_default(int name, void *val, socklen_t *lenp)
{
	switch (name) {
	case SO_LINGER:
		*lenp = sizeof (struct linger);
		break;
	case SO_DEBUG:
	case SO_REUSEADDR:
	case SO_KEEPALIVE:
	case SO_DONTROUTE:
	case SO_BROADCAST:
	case SO_USELOOPBACK:
	case SO_OOBINLINE:
	case SO_DGRAM_ERRIND:
	case SO_SNDBUF:
	case SO_RCVBUF:
		*lenp = sizeof (int32_t);
		break;
	default:
		return (ENOPROTOOPT);
	}
	bzero(val, *lenp);
	return (0);
}

int
fsk_getsockopt(fsk_file_t *f, int level, int name, void *val, uint32_t *lenp)
{
	sonode_t *so = FTOSO(f);
	sockfs_call_t call;
	socklen_t size = *lenp, len = size;
	void *kval = NULL;
	int error;

	if ((error = sockfs_enter(f, &call)) != 0)
		return (error);
	if (size > SO_MAXARGSIZE)
		return (sockfs_leave(f, &call, EINVAL));
	if (size != 0)
		kval = kmem_alloc(size, KM_SLEEP);
	error = -1;
	if (level == SOL_SOCKET)
		error = sockfs_getopt_common(so, name, kval, &len);
	if (error == -1) {
		SO_DOWNCALL(so);
		error = so->so_down->sd_getsockopt(so->so_lower, level, name,
		    kval, &len, so->so_cred);
		SO_ERRNO_OK(error);
		if (error == ENOPROTOOPT && level == SOL_SOCKET)
			error = sockfs_getopt_default(name, kval, &len);
	}
	if (error == 0) {
		len = MIN(len, size);
		if (val == NULL)
			len = 0;
		else if (len != 0 && copyout(kval, val, len) != 0)
			error = EFAULT;
		if (error == 0)
			*lenp = len;
	}
	if (kval != NULL)
		kmem_free(kval, size);
	return (sockfs_leave(f, &call, error));
}

/* sockfs keeps the timeouts, and tells the module as well. */
static int
sockfs_setopt_timeo(sonode_t *so, int name, const void *val, socklen_t len)
{
	struct timeval tv;
	clock_t ticks;

	if (len != sizeof (tv))
		return (EINVAL);
	bcopy(val, &tv, sizeof (tv));
	ticks = drv_usectohz(tv.tv_sec * MICROSEC + tv.tv_usec);
	mutex_enter(&so->so_lock);
	if (name == SO_RCVTIMEO)
		so->so_rcvtimeo = ticks;
	else
		so->so_sndtimeo = ticks;
	mutex_exit(&so->so_lock);
	return (0);
}

int
fsk_setsockopt(fsk_file_t *f, int level, int name, const void *val,
    uint32_t len)
{
	sonode_t *so = FTOSO(f);
	sockfs_call_t call;
	int one = 1;
	void *kval = NULL;
	boolean_t shut;
	int error;

	if ((error = sockfs_enter(f, &call)) != 0)
		return (error);
	if (val == NULL)
		len = 0;
	if (len > SO_MAXARGSIZE)
		return (sockfs_leave(f, &call, EINVAL));
	if (len != 0) {
		kval = kmem_alloc(len, KM_SLEEP);
		if (copyin(val, kval, len) != 0)
			error = EFAULT;
	}
	mutex_enter(&so->so_lock);
	shut = (so->so_state & SS_CANTSENDMORE) != 0;
	mutex_exit(&so->so_lock);
	if (error == 0 && shut)
		error = EINVAL;
	if (error == 0 && level == SOL_SOCKET &&
	    (name == SO_RCVTIMEO || name == SO_SNDTIMEO))
		error = sockfs_setopt_timeo(so, name, kval, len);
	if (error == 0) {
		SO_DOWNCALL(so);
		error = so->so_down->sd_setsockopt(so->so_lower, level, name,
		    kval != NULL ? kval : &one, len, so->so_cred);
		SO_ERRNO_OK(error);
	}
	if (kval != NULL)
		kmem_free(kval, len);
	return (sockfs_leave(f, &call, error));
}

int
fsk_shutdown(fsk_file_t *f, int how)
{
	sonode_t *so = FTOSO(f);
	sockfs_call_t call;
	boolean_t connected;
	int error;

	if ((error = sockfs_enter(f, &call)) != 0)
		return (error);
	mutex_enter(&so->so_lock);
	connected = (so->so_state & SS_ISCONNECTED) != 0;
	mutex_exit(&so->so_lock);
	if (!connected)
		return (sockfs_leave(f, &call, ENOTCONN));
	error = so->so_down->sd_shutdown(so->so_lower, how, so->so_cred);
	SO_ERRNO_OK(error);
	if (error == 0 && how != SHUT_WR) {
		/* Not even a signal ends the wait for the reader to leave. */
		mutex_enter(&so->so_lock);
		while (so->so_readlocked)
			cv_wait(&so->so_read_cv, &so->so_lock);
		sockfs_rcv_flush(so);
		cv_signal(&so->so_read_cv);
		mutex_exit(&so->so_lock);
	}
	return (sockfs_leave(f, &call, error));
}

/*
 * The ioctls that sockfs answers.  -1: ask the module.  *fmodep is what the
 * file's flags become.
 */
static int
sockfs_ioctl_common(sonode_t *so, int cmd, void *arg, int *fmodep)
{
	int32_t value = 0;

	switch (cmd) {
	case FIONBIO:
	case FIOASYNC:
	case SIOCSPGRP:
	case FIOSETOWN:
		if (copyin(arg, &value, sizeof (value)) != 0)
			return (EFAULT);
		break;
	case SIOCATMARK:
		return (EINVAL);
	}

	mutex_enter(&so->so_lock);
	switch (cmd) {
	case FIONBIO:
		*fmodep &= ~FNDELAY;
		so->so_state &= ~SS_NDELAY;
		if (value != 0) {
			*fmodep |= FNDELAY;
			so->so_state |= SS_NDELAY;
		}
		break;
	case FIOASYNC:
		so->so_state &= ~SS_ASYNC;
		if (value != 0)
			so->so_state |= SS_ASYNC;
		break;
	case SIOCSPGRP:
	case FIOSETOWN:
		so->so_pgrp = value;
		break;
	case SIOCGPGRP:
	case FIOGETOWN:
		value = so->so_pgrp;
		break;
	case FIONREAD:
		value = MIN(so->so_rcv_queued, INT_MAX);
		break;
	default:
		mutex_exit(&so->so_lock);
		if ((cmd & ~0xff) != STR)
			return (-1);
		return (cmd == I_CANPUT ? EOPNOTSUPP : EINVAL);
	}
	mutex_exit(&so->so_lock);

	if ((cmd == FIONREAD || cmd == SIOCGPGRP || cmd == FIOGETOWN) &&
	    copyout(&value, arg, sizeof (value)) != 0)
		return (EFAULT);
	return (0);
}

int
fsk_ioctl(fsk_file_t *f, int cmd, intptr_t arg, int *rvalp)
{
	sonode_t *so = FTOSO(f);
	sockfs_call_t call;
	int32_t rval = 0;
	int fmode, error;

	if ((error = sockfs_enter(f, &call)) != 0)
		return (error);
	mutex_enter(&so->so_lock);
	error = sockfs_take_error(so);
	mutex_exit(&so->so_lock);
	if (error != 0)
		return (sockfs_leave(f, &call, error));

	fmode = call.sc_fmode;
	error = sockfs_ioctl_common(so, cmd, (void *)arg, &fmode);
	if (error == -1) {
		SO_DOWNCALL(so);
		error = so->so_down->sd_ioctl(so->so_lower, cmd, arg,
		    FREAD | FWRITE | fmode | FNATIVE, &rval, so->so_cred);
		SO_ERRNO_OK(error);
	} else if (cmd == FIONBIO && error == 0) {
		mutex_enter(&so->so_flock);
		so->so_fmode = fmode;
		mutex_exit(&so->so_flock);
	}
	if (rvalp != NULL)
		*rvalp = rval;
	return (sockfs_leave(f, &call, error));
}

int
fsk_getpeerucred(fsk_file_t *f, int *zoneidp, int *pidp)
{
	sonode_t *so = FTOSO(f);
	sockfs_call_t call;
	int error;

	if ((error = sockfs_enter(f, &call)) != 0)
		return (error);
	mutex_enter(&so->so_lock);
	if ((error = sockfs_take_error(so)) == 0) {
		if (!(so->so_mode & SM_CONNREQUIRED))
			error = ENOTSUP;
		else if (!(so->so_state & SS_ISCONNECTED))
			error = ENOTCONN;
		else if (so->so_peercred == NULL)
			error = EINVAL;
	}
	if (error == 0) {
		*zoneidp = crgetzoneid(so->so_peercred);
		*pidp = so->so_peerpid;
	}
	mutex_exit(&so->so_lock);
	return (sockfs_leave(f, &call, error));
}

/* Which of the events are true. */
static short
sockfs_events(const sonode_t *so, short events)
{
	const uint_t last = SS_SENTLASTREADSIG | SS_SENTLASTWRITESIG;
	const short in = POLLIN | POLLRDNORM;
	short rev = 0;

	ASSERT(MUTEX_HELD(&so->so_lock));
	/* An error is something to be read, and to be written. */
	if (so->so_error != 0 && (events & (in | POLLOUT)) != 0)
		return (events & (in | POLLOUT));

	if (!(so->so_mode & SM_CONNREQUIRED) ||
	    (so->so_state & SS_ISCONNECTED)) {
		rev |= POLLWRBAND;
		if (!so->so_snd_qfull)
			rev |= POLLOUT;
	}
	if (so->so_acceptq_len != 0 || sockfs_have_data(so))
		rev |= in;
	if (so->so_state & SS_SENTLASTREADSIG)
		rev |= POLLRDHUP;
	rev &= events;
	if ((so->so_state & (last | SS_ISCONNECTED)) == last)
		rev |= POLLHUP;
	return (rev);
}

short
fsk_poll(fsk_file_t *f, short events)
{
	sonode_t *so = FTOSO(f);
	short rev;

	mutex_enter(&so->so_lock);
	rev = sockfs_events(so, events);
	if ((events & ~rev & (POLLIN | POLLRDNORM)) != 0)
		so->so_pollin = B_TRUE;
	mutex_exit(&so->so_lock);
	return (rev);
}

/* A thread in fsk_poll_wait(). */
typedef struct sockfs_poller {
	fk_pollwait_t	spl_wait;
	kmutex_t	spl_lock;
	kcondvar_t	spl_cv;
	boolean_t	spl_woken;	/* spl_lock */
} sockfs_poller_t;

static void
sockfs_poll_wakeup(void *arg, short events)
{
	sockfs_poller_t *spl = arg;

	mutex_enter(&spl->spl_lock);
	spl->spl_woken = B_TRUE;
	cv_signal(&spl->spl_cv);
	mutex_exit(&spl->spl_lock);
}

int
fsk_poll_wait(fsk_file_t *f, short events, int timeout_ms, short *revents)
{
	sonode_t *so = FTOSO(f);
	hrtime_t deadline = -1;
	sockfs_poller_t spl;
	sockfs_call_t call;
	int rv, error;

	if ((error = sockfs_enter(f, &call)) != 0)
		return (error);
	if (timeout_ms >= 0)
		deadline = gethrtime() + MSEC2NSEC(timeout_ms);
	mutex_init(&spl.spl_lock, NULL, MUTEX_DEFAULT, NULL);
	cv_init(&spl.spl_cv, NULL, CV_DEFAULT, NULL);
	spl.spl_woken = B_FALSE;
	fk_pollhead_listen(&so->so_pollhead, &spl.spl_wait,
	    events | POLLERR | POLLHUP, sockfs_poll_wakeup, &spl);

	while (error == 0 && (*revents = fsk_poll(f, events)) == 0) {
		mutex_enter(&spl.spl_lock);
		while (error == 0 && !spl.spl_woken) {
			if (deadline == -1)
				rv = cv_wait_sig(&spl.spl_cv, &spl.spl_lock);
			else
				rv = cv_timedwait_sig_hrtime(&spl.spl_cv,
				    &spl.spl_lock, deadline);
			if (rv == 0)
				error = EINTR;
			else if (rv == -1)
				error = ETIME;
		}
		spl.spl_woken = B_FALSE;
		mutex_exit(&spl.spl_lock);
	}

	fk_pollhead_unlisten(&spl.spl_wait);
	cv_destroy(&spl.spl_cv);
	mutex_destroy(&spl.spl_lock);
	return (sockfs_leave(f, &call, error));
}

/* A listener of fsk_pollnotify(). */
struct sockfs_notify {
	fk_pollwait_t	sn_wait;
	void		(*sn_func)(void *);
	void		*sn_arg;
};

static void
sockfs_notify_wakeup(void *arg, short events)
{
	struct sockfs_notify *sn = arg;

	sn->sn_func(sn->sn_arg);
}

void
fsk_pollnotify(fsk_file_t *f, void (*func)(void *), void *arg)
{
	sonode_t *so = FTOSO(f);
	struct sockfs_notify *sn = NULL, *old;

	if (func != NULL) {
		sn = kmem_zalloc(sizeof (*sn), KM_SLEEP);
		sn->sn_func = func;
		sn->sn_arg = arg;
	}
	mutex_enter(&so->so_flock);
	old = so->so_notify;
	so->so_notify = sn;
	mutex_exit(&so->so_flock);
	if (old != NULL) {
		fk_pollhead_unlisten(&old->sn_wait);
		kmem_free(old, sizeof (*old));
	}
	if (sn != NULL)
		fk_pollhead_listen(&so->so_pollhead, &sn->sn_wait, -1,
		    sockfs_notify_wakeup, sn);
}

int
fsk_close(fsk_file_t *f)
{
	sonode_t *so = FTOSO(f);
	sockfs_call_t call, *c;
	cred_t *cr = so->so_cred;
	proc_t *p = so->so_proc;
	int error;

	if ((error = sockfs_enter(f, &call)) != 0)
		return (error);
	mutex_enter(&so->so_flock);
	so->so_fclosing = B_TRUE;
	for (c = list_head(&so->so_calls); c != NULL;
	    c = list_next(&so->so_calls, c)) {
		if (c != &call)
			fk_thread_interrupt(c->sc_thread);
	}
	while (list_head(&so->so_calls) != list_tail(&so->so_calls))
		cv_wait(&so->so_fcv, &so->so_flock);
	mutex_exit(&so->so_flock);
	fsk_pollnotify(f, NULL, NULL);

	/*
	 * Whoever closes last does so in his own process (an exit, another
	 * that was given the file), not in the socket's.
	 */
	if (call.sc_proc != NULL) {
		(void) fk_proc_switch(call.sc_proc);
		call.sc_proc = NULL;
	}
	error = sockfs_close(so, FREAD | FWRITE | call.sc_fmode, cr);
	(void) sockfs_leave(f, &call, 0);
	so->so_cred = NULL;
	so->so_proc = NULL;
	(void) sockfs_rele(so);
	if (p != NULL)
		fk_proc_rele(p);
	crfree(cr);
	return (error);
}
