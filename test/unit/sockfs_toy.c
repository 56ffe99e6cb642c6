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
 * The toy socket module: see sockfs_toy.h.
 */

#include <sys/disp.h>
#include <sys/cmn_err.h>
#include "sockfs_toy.h"

toy_t toy;

static uint_t toy_nlive;

static void
toy_log(toy_sock_t *ts, const char *op, const char *fmt, ...)
{
	char line[128];
	va_list ap;

	va_start(ap, fmt);
	(void) vsnprintf(line, sizeof (line), fmt, ap);
	va_end(ap);
	mutex_enter(&toy.t_lock);
	if (toy.t_log[0] != '\0')
		(void) strlcat(toy.t_log, " ", sizeof (toy.t_log));
	(void) strlcat(toy.t_log, op, sizeof (toy.t_log));
	(void) strlcat(toy.t_log, line, sizeof (toy.t_log));
	mutex_exit(&toy.t_lock);
	if (toy.t_hook != NULL)
		toy.t_hook(ts, op);
}

void
toy_expect(const char *want)
{
	mutex_enter(&toy.t_lock);
	if (strcmp(toy.t_log, want) != 0)
		panic("downcalls: \"%s\" instead of \"%s\"", toy.t_log, want);
	toy.t_log[0] = '\0';
	mutex_exit(&toy.t_lock);
}

static toy_sock_t *
toy_sock_alloc(void)
{
	toy_sock_t *ts = kmem_zalloc(sizeof (*ts), KM_SLEEP);

	mutex_enter(&toy.t_lock);
	toy_nlive++;
	toy.t_last = ts;
	mutex_exit(&toy.t_lock);
	return (ts);
}

static void
toy_sock_free(toy_sock_t *ts)
{
	mutex_enter(&toy.t_lock);
	toy_nlive--;
	mutex_exit(&toy.t_lock);
	kmem_free(ts, sizeof (*ts));
}

static void
toy_activate(sock_lower_handle_t lower, sock_upper_handle_t upper,
    sock_upcalls_t *up, int flags, cred_t *cr)
{
	toy_sock_t *ts = (toy_sock_t *)lower;

	ts->ts_upper = upper;
	ts->ts_up = up;
	toy_log(ts, "activate", "");
}

static int
toy_accept(sock_lower_handle_t lower, sock_lower_handle_t newlower,
    sock_upper_handle_t upper, cred_t *cr)
{
	toy_sock_t *ts = (toy_sock_t *)newlower;

	mutex_enter(&toy.t_lock);
	ts->ts_upper = upper;
	mutex_exit(&toy.t_lock);
	toy_log(ts, "accept", "");
	return (toy.t_accept);
}

static int
toy_bind(sock_lower_handle_t lower, struct sockaddr *sa, socklen_t len,
    cred_t *cr)
{
	toy_log((toy_sock_t *)lower, "bind", "(%s,%u)",
	    sa == NULL ? "NULL" : "sa", len);
	return (toy.t_bind);
}

static int
toy_listen(sock_lower_handle_t lower, int backlog, cred_t *cr)
{
	toy_sock_t *ts = (toy_sock_t *)lower;

	toy_log(ts, "listen", "(%d)", backlog);
	if (toy.t_listen == 0 && !toy.t_silent)
		ts->ts_up->su_opctl(ts->ts_upper, SOCK_OPCTL_ENAB_ACCEPT,
		    backlog);
	return (toy.t_listen);
}

static int
toy_connect(sock_lower_handle_t lower, const struct sockaddr *sa,
    socklen_t len, sock_connid_t *idp, cred_t *cr)
{
	toy_sock_t *ts = (toy_sock_t *)lower;

	*idp = SOCK_CONNID_BUMP(ts->ts_connid);
	toy_log(ts, "connect", "(%s,%u)", sa == NULL ? "NULL" : "sa", len);
	return (toy.t_connect);
}

static int
toy_getpeername(sock_lower_handle_t lower, struct sockaddr *sa,
    socklen_t *lenp, cred_t *cr)
{
	toy_log((toy_sock_t *)lower, "getpeername", "(%u)", *lenp);
	if (toy.t_peername == 0) {
		*lenp = 16;
		bzero(sa, *lenp);
		sa->sa_family = TOY_FAMILY;
		sa->sa_data[13] = 'p';
	}
	return (toy.t_peername);
}

static int
toy_getsockname(sock_lower_handle_t lower, struct sockaddr *sa,
    socklen_t *lenp, cred_t *cr)
{
	toy_log((toy_sock_t *)lower, "getsockname", "(%u)", *lenp);
	if (toy.t_sockname == 0) {
		*lenp = 16;
		bzero(sa, *lenp);
		sa->sa_family = TOY_FAMILY;
		sa->sa_data[13] = 's';
	}
	return (toy.t_sockname);
}

/* Every option is an int, 77. */
static int
toy_getsockopt(sock_lower_handle_t lower, int level, int name, void *val,
    socklen_t *lenp, cred_t *cr)
{
	int value = 77;

	toy_log((toy_sock_t *)lower, "getsockopt", "(%x,%x,%u)", level, name,
	    *lenp);
	if (toy.t_getopt == 0) {
		bcopy(&value, val, sizeof (value));
		*lenp = sizeof (value);
	}
	return (toy.t_getopt);
}

static int
toy_setsockopt(sock_lower_handle_t lower, int level, int name,
    const void *val, socklen_t len, cred_t *cr)
{
	toy_log((toy_sock_t *)lower, "setsockopt", "(%x,%x,%u:%d)", level,
	    name, len, *(const int *)val);
	return (toy.t_setopt);
}

/* Logs the lengths of the blocks and the flags, and keeps the bytes. */
static int
toy_send(sock_lower_handle_t lower, mblk_t *mp, struct nmsghdr *msg,
    cred_t *cr)
{
	char blocks[64] = "", one[16];
	mblk_t *bp;

	VERIFY3P(mp->b_next, ==, NULL);
	mutex_enter(&toy.t_lock);
	for (bp = mp; bp != NULL; bp = bp->b_cont) {
		(void) snprintf(one, sizeof (one), "%s%ld",
		    bp == mp ? "" : "+", (long)MBLKL(bp));
		(void) strlcat(blocks, one, sizeof (blocks));
		toy.t_headroom = MBLKHEAD(bp);
		toy.t_tailroom = MBLKTAIL(bp);
		if (toy.t_send == 0) {
			VERIFY3U(toy.t_nsent + MBLKL(bp), <=,
			    sizeof (toy.t_sent));
			bcopy(bp->b_rptr, toy.t_sent + toy.t_nsent, MBLKL(bp));
			toy.t_nsent += MBLKL(bp);
		}
	}
	mutex_exit(&toy.t_lock);
	freemsg(mp);
	toy_log((toy_sock_t *)lower, "send", "(%s,%x)", blocks,
	    msg->msg_flags);
	return (toy.t_send);
}

static int
toy_shutdown(sock_lower_handle_t lower, int how, cred_t *cr)
{
	toy_sock_t *ts = (toy_sock_t *)lower;

	toy_log(ts, "shutdown", "(%d)", how);
	if (toy.t_shutdown != 0 || toy.t_silent)
		return (toy.t_shutdown);
	if (how != SHUT_WR)
		ts->ts_up->su_opctl(ts->ts_upper, SOCK_OPCTL_SHUT_RECV, 0);
	if (how != SHUT_RD)
		ts->ts_up->su_opctl(ts->ts_upper, SOCK_OPCTL_SHUT_SEND, 0);
	return (0);
}

static void
toy_clr_flowctrl(sock_lower_handle_t lower)
{
	toy_log((toy_sock_t *)lower, "clr_flowctrl", "");
}

static int
toy_ioctl(sock_lower_handle_t lower, int cmd, intptr_t arg, int mode,
    int32_t *rvalp, cred_t *cr)
{
	toy_log((toy_sock_t *)lower, "ioctl", "(%x)", cmd);
	*rvalp = 5;
	return (toy.t_ioctl);
}

static int
toy_close(sock_lower_handle_t lower, int flag, cred_t *cr)
{
	toy_sock_t *ts = (toy_sock_t *)lower;
	int error = toy.t_close;

	toy_log(ts, "close", "(%x)", flag & (FNDELAY | FNONBLOCK));
	if (error != EINPROGRESS)
		toy_sock_free(ts);
	return (error);
}

void
toy_closed(toy_sock_t *ts)
{
	sock_upper_handle_t upper = ts->ts_upper;
	sock_upcalls_t *up = ts->ts_up;

	toy_sock_free(ts);
	up->su_closed(upper);
}

static sock_downcalls_t toy_downcalls = {
	.sd_activate =		toy_activate,
	.sd_accept =		toy_accept,
	.sd_bind =		toy_bind,
	.sd_listen =		toy_listen,
	.sd_connect =		toy_connect,
	.sd_getpeername =	toy_getpeername,
	.sd_getsockname =	toy_getsockname,
	.sd_getsockopt =	toy_getsockopt,
	.sd_setsockopt =	toy_setsockopt,
	.sd_send =		toy_send,
	.sd_shutdown =		toy_shutdown,
	.sd_clr_flowctrl =	toy_clr_flowctrl,
	.sd_ioctl =		toy_ioctl,
	.sd_close =		toy_close
};

static sock_lower_handle_t
toy_create(int family, int type, int protocol, sock_downcalls_t **dcp,
    uint_t *modep, int *errorp, int flags, cred_t *cr)
{
	toy_sock_t *ts;

	VERIFY3S(flags, ==, SOCKET_SLEEP);
	if (toy.t_nocreate) {
		*errorp = toy.t_create;
		toy_log(NULL, "create", "(%d,%d,%d)", family, type, protocol);
		return (NULL);
	}
	ts = toy_sock_alloc();
	toy_log(ts, "create", "(%d,%d,%d)", family, type, protocol);
	*dcp = &toy_downcalls;
	*modep = toy.t_mode;
	if (type == SOCK_SEQPACKET)
		*modep |= SM_ATOMIC;
	return ((sock_lower_handle_t)ts);
}

toy_sock_t *
toy_newconn(toy_sock_t *listener)
{
	toy_sock_t *ts = toy_sock_alloc();
	sock_upper_handle_t upper;
	sock_upcalls_t *up = NULL;

	ts->ts_up = listener->ts_up;
	upper = listener->ts_up->su_newconn(listener->ts_upper,
	    (sock_lower_handle_t)ts, &toy_downcalls, kcred, 123, &up);
	if (upper == NULL) {
		toy_sock_free(ts);
		return (NULL);
	}
	VERIFY3P(up, ==, listener->ts_up);
	if (!toy.t_racing) {
		mutex_enter(&toy.t_lock);
		ts->ts_upper = upper;
		mutex_exit(&toy.t_lock);
	}
	return (ts);
}

mblk_t *
toy_data(size_t len, uint8_t c)
{
	mblk_t *mp = allocb(len, BPRI_MED);
	size_t i;

	VERIFY3P(mp, !=, NULL);
	for (i = 0; i < len; i++)
		*mp->b_wptr++ = c + i;
	return (mp);
}

mblk_t *
toy_record(int prim, int more, size_t len, uint8_t c)
{
	mblk_t *mp = allocb(sizeof (union T_primitives), BPRI_MED);
	union T_primitives *tp;

	VERIFY3P(mp, !=, NULL);
	DB_TYPE(mp) = M_PROTO;
	tp = (union T_primitives *)mp->b_rptr;
	bzero(tp, sizeof (*tp));
	mp->b_wptr += sizeof (*tp);
	tp->type = prim;
	tp->data_ind.MORE_flag = prim == T_UNITDATA_IND ? 0 : more;
	mp->b_cont = toy_data(len, c);
	return (mp);
}

ssize_t
toy_recv(toy_sock_t *ts, mblk_t *mp)
{
	ssize_t space;
	int error = -1;

	space = ts->ts_up->su_recv(ts->ts_upper, mp,
	    mp == NULL ? 0 : msgdsize(mp), 0, &error, NULL);
	VERIFY3S(error, ==, space == -1 ? ENOSPC : 0);
	return (space);
}

void
toy_prop(toy_sock_t *ts, uint_t flag, ssize_t value)
{
	struct sock_proto_props props;

	bzero(&props, sizeof (props));
	props.sopp_flags = flag;
	switch (flag) {
	case SOCKOPT_RCVHIWAT:
		props.sopp_rxhiwat = value;
		break;
	case SOCKOPT_RCVLOWAT:
		props.sopp_rxlowat = value;
		break;
	case SOCKOPT_MAXBLK:
		props.sopp_maxblk = value;
		break;
	case SOCKOPT_MAXPSZ:
		props.sopp_maxpsz = value;
		break;
	case SOCKOPT_WROFF:
		props.sopp_wroff = value;
		break;
	case SOCKOPT_TAIL:
		props.sopp_tail = value;
		break;
	case SOCKOPT_RCVTIMER:
		props.sopp_rcvtimer = value;
		break;
	case SOCKOPT_RCVTHRESH:
		props.sopp_rcvthresh = value;
		break;
	case SOCKOPT_MAXADDRLEN:
		props.sopp_maxaddrlen = value;
		break;
	}
	ts->ts_up->su_set_proto_props(ts->ts_upper, &props);
	VERIFY0(props.sopp_flags);
}

fsk_file_t *
toy_socket(int type, toy_sock_t **tsp)
{
	fsk_file_t *f;

	VERIFY0(fsk_socket(TOY_FAMILY, type, 0, &f));
	if (tsp != NULL)
		*tsp = toy.t_last;
	toy.t_log[0] = '\0';
	return (f);
}

fsk_file_t *
toy_listener(int backlog, toy_sock_t **tsp)
{
	fsk_file_t *f = toy_socket(SOCK_STREAM, tsp);

	VERIFY0(fsk_listen(f, backlog));
	toy.t_log[0] = '\0';
	return (f);
}

fsk_file_t *
toy_connected(int type, toy_sock_t **tsp)
{
	toy_sock_t *ts;
	fsk_file_t *f = toy_socket(type, &ts);

	ts->ts_up->su_connected(ts->ts_upper, ++ts->ts_connid, kcred, 123);
	if (tsp != NULL)
		*tsp = ts;
	return (f);
}

static void
toy_thread(void *arg)
{
	toy_thread_t *tt = arg;

	tt->tt_func(tt);
	mutex_enter(&toy.t_lock);
	tt->tt_finished = B_TRUE;
	mutex_exit(&toy.t_lock);
	thread_exit();
}

/* Starts it, and waits until it sleeps or has ended. */
void
toy_start(toy_thread_t *tt, void (*func)(toy_thread_t *), fsk_file_t *f)
{
	tt->tt_func = func;
	tt->tt_file = f;
	tt->tt_finished = B_FALSE;
	tt->tt_did = thread_create(NULL, 0, toy_thread, tt, 0, &p0, TS_RUN,
	    minclsyspri)->t_did;
	fk_quiesce();
}

void
toy_join(toy_thread_t *tt)
{
	thread_join(tt->tt_did);
	VERIFY(tt->tt_finished);
}

void
toy_do_send(toy_thread_t *tt)
{
	tt->tt_error = fsk_send(tt->tt_file, tt->tt_buf, tt->tt_len,
	    tt->tt_flags, &tt->tt_done);
}

void
toy_do_recv(toy_thread_t *tt)
{
	fsk_iov_t iov = { .fi_base = tt->tt_buf, .fi_len = tt->tt_len };

	tt->tt_error = fsk_recvv(tt->tt_file, &iov, 1, &tt->tt_flags,
	    &tt->tt_done);
}

void
toy_do_accept(toy_thread_t *tt)
{
	tt->tt_error = fsk_accept(tt->tt_file, NULL, NULL, &tt->tt_newfile);
}

void
toy_do_connect(toy_thread_t *tt)
{
	struct sockaddr sa = { .sa_family = TOY_FAMILY };

	tt->tt_error = fsk_connect(tt->tt_file, &sa, sizeof (sa));
}

void
toy_do_poll(toy_thread_t *tt)
{
	short revents = 0;

	tt->tt_error = fsk_poll_wait(tt->tt_file, tt->tt_flags, -1, &revents);
	tt->tt_done = revents;
}

/*
 * The module, and some that sockfs must refuse.
 */
#define	TOY_PRIV	((__smod_priv_t *)&toy)

#define	TOY_MODULE(name, smodname, version, ucsize, priv)		\
static struct smod_reg_s name##_reg = {					\
	.smod_version =		(version),				\
	.smod_name =		(smodname),				\
	.smod_uc_version =	(ucsize),				\
	.smod_dc_version =	SOCK_DC_VERSION,			\
	.smod_proto_create_func = toy_create,				\
	.__smod_priv =		(priv)					\
};									\
static struct modlsockmod name##_sockmod = {				\
	.sockmod_modops =	&mod_sockmodops,			\
	.sockmod_linkinfo =	"toy sockets",				\
	.sockmod_reg_info =	&name##_reg				\
};									\
static struct modlinkage name##_linkage = {				\
	.ml_rev =		MODREV_1,				\
	.ml_linkage =		{ &name##_sockmod, NULL }		\
};									\
int									\
name##_init(void)							\
{									\
	toy_log(NULL, "init", "");					\
	return (mod_install(&name##_linkage));				\
}									\
int									\
name##_fini(void)							\
{									\
	toy_log(NULL, "fini", "");					\
	if (toy_nlive != 0)						\
		return (EBUSY);						\
	return (toy.t_fini != 0 ? toy.t_fini :				\
	    mod_remove(&name##_linkage));				\
}									\
int									\
name##_info(struct modinfo *mip)					\
{									\
	return (mod_info(&name##_linkage, mip));			\
}									\
struct modinfo

FK_MODULE_DECL(toy);
FK_MODULE_DECL(toyname);
FK_MODULE_DECL(toyver);
FK_MODULE_DECL(toysize);
FK_MODULE_DECL(toypriv);

TOY_MODULE(toy, "toy", SOCKMOD_VERSION, SOCK_UC_VERSION, NULL);
TOY_MODULE(toyname, "toy", SOCKMOD_VERSION, SOCK_UC_VERSION, NULL);
TOY_MODULE(toyver, "toyver", SOCKMOD_VERSION_1, SOCK_UC_VERSION, NULL);
TOY_MODULE(toysize, "toysize", SOCKMOD_VERSION, SOCK_UC_VERSION + 8, NULL);
TOY_MODULE(toypriv, "toypriv", SOCKMOD_VERSION, SOCK_UC_VERSION, TOY_PRIV);

#define	TOY_ENTRY(name)	\
	{ .fm_name = #name, .fm_init = name##_init, .fm_fini = name##_fini, \
	.fm_info = name##_info }

const fk_module_t toy_modules[] = {
	TOY_ENTRY(toy),
	TOY_ENTRY(toyname),
	TOY_ENTRY(toyver),
	TOY_ENTRY(toysize),
	TOY_ENTRY(toypriv),
	{ .fm_name = NULL }
};

KTEST_MODULES(toy_modules);

void
toy_setup(void)
{
	bzero(&toy, sizeof (toy));
	mutex_init(&toy.t_lock, NULL, MUTEX_DEFAULT, NULL);
	toy.t_mode = SM_CONNREQUIRED;
	VERIFY0(fsk_sockconfig(TOY_FAMILY, SOCK_STREAM, 0, "toy"));
	VERIFY0(fsk_sockconfig(TOY_FAMILY, SOCK_SEQPACKET, 0, "toy"));
}

/* Every socket is closed by now. */
void
toy_teardown(void)
{
	VERIFY0(fsk_sockunconfig(TOY_FAMILY, SOCK_STREAM, 0));
	VERIFY0(fsk_sockunconfig(TOY_FAMILY, SOCK_SEQPACKET, 0));
	VERIFY0(toy_nlive);
	mutex_destroy(&toy.t_lock);
}
