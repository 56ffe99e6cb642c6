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

#ifndef _SYS_SOCKET_PROTO_H_
#define	_SYS_SOCKET_PROTO_H_

/*
 * The interface between sockfs ("upper") and a socket module ("lower").
 *
 * Downcalls are made by the thread in the system call, without any lock of
 * sockfs.  Upcalls take the socket's lock; the module may make them from
 * threads and from ordinary interrupts.  doc/sockfs.md says which rule of
 * either is enforced here.
 */

#include <sys/socket.h>
#include <sys/stream.h>
#include <sys/vnode.h>

#ifdef	__cplusplus
extern "C" {
#endif

/* Numbers the attempts to connect; 0 is before the first. */
typedef uint64_t sock_connid_t;

#define	SOCK_CONNID_INIT(id)		{ (id) = 0; }
#define	SOCK_CONNID_BUMP(id)		(++(id))
#define	SOCK_CONNID_LT(id1, id2)	((int64_t)((id1) - (id2)) < 0)

/* What su_set_proto_props() sets; sopp_flags selects. */
struct sock_proto_props {
	uint_t		sopp_flags;	/* SOCKOPT_* */
	ushort_t	sopp_wroff;	/* headroom of each block, bytes */
	ssize_t		sopp_txhiwat;
	ssize_t		sopp_txlowat;
	ssize_t		sopp_rxhiwat;	/* alarm level of the queue, bytes */
	ssize_t		sopp_rxlowat;	/* below it the alarm ends */
	ssize_t		sopp_maxblk;	/* of a block; INFPSZ: no limit */
	ssize_t		sopp_maxpsz;	/* of a message; INFPSZ: no limit */
	ssize_t		sopp_minpsz;
	ushort_t	sopp_tail;	/* tailroom of each block, bytes */
	uint_t		sopp_zcopyflag;
	boolean_t	sopp_oobinline;
	uint_t		sopp_rcvtimer;	/* delay of notification, ms */
	uint32_t	sopp_rcvthresh;	/* notify at once from here, bytes */
	socklen_t	sopp_maxaddrlen;
	boolean_t	sopp_loopback;
};

#define	SOCKOPT_WROFF		0x0001
#define	SOCKOPT_RCVHIWAT	0x0002
#define	SOCKOPT_RCVLOWAT	0x0004
#define	SOCKOPT_MAXBLK		0x0008
#define	SOCKOPT_TAIL		0x0010
#define	SOCKOPT_ZCOPY		0x0020
#define	SOCKOPT_MAXPSZ		0x0040
#define	SOCKOPT_OOBINLINE	0x0080
#define	SOCKOPT_RCVTIMER	0x0100
#define	SOCKOPT_RCVTHRESH	0x0200
#define	SOCKOPT_MAXADDRLEN	0x0400
#define	SOCKOPT_MINPSZ		0x0800
#define	SOCKOPT_LOOPBACK	0x1000

typedef struct sock_upcalls_s sock_upcalls_t;
typedef struct sock_downcalls_s sock_downcalls_t;

typedef struct __sock_upper_handle *sock_upper_handle_t;
typedef struct __sock_lower_handle *sock_lower_handle_t;

struct sock_downcalls_s {
	void	(*sd_activate)(sock_lower_handle_t, sock_upper_handle_t,
		    sock_upcalls_t *, int, cred_t *);
	int	(*sd_accept)(sock_lower_handle_t, sock_lower_handle_t,
		    sock_upper_handle_t, cred_t *);
	int	(*sd_bind)(sock_lower_handle_t, struct sockaddr *, socklen_t,
		    cred_t *);
	int	(*sd_listen)(sock_lower_handle_t, int, cred_t *);
	int	(*sd_connect)(sock_lower_handle_t, const struct sockaddr *,
		    socklen_t, sock_connid_t *, cred_t *);
	int	(*sd_getpeername)(sock_lower_handle_t, struct sockaddr *,
		    socklen_t *, cred_t *);
	int	(*sd_getsockname)(sock_lower_handle_t, struct sockaddr *,
		    socklen_t *, cred_t *);
	int	(*sd_getsockopt)(sock_lower_handle_t, int, int, void *,
		    socklen_t *, cred_t *);
	int	(*sd_setsockopt)(sock_lower_handle_t, int, int, const void *,
		    socklen_t, cred_t *);
	int	(*sd_send)(sock_lower_handle_t, mblk_t *, struct nmsghdr *,
		    cred_t *);
	int	(*sd_send_uio)(sock_lower_handle_t, uio_t *, struct nmsghdr *,
		    cred_t *);
	int	(*sd_recv_uio)(sock_lower_handle_t, uio_t *, struct nmsghdr *,
		    cred_t *);
	short	(*sd_poll)(sock_lower_handle_t, short, int, cred_t *);
	int	(*sd_shutdown)(sock_lower_handle_t, int, cred_t *);
	void	(*sd_clr_flowctrl)(sock_lower_handle_t);
	int	(*sd_ioctl)(sock_lower_handle_t, int, intptr_t, int,
		    int32_t *, cred_t *);
	int	(*sd_close)(sock_lower_handle_t, int, cred_t *);
};

/*
 * Makes the module's half of a socket: family, type, protocol, where to put
 * the downcalls, the SM_* and the errno, SOCKET_SLEEP or SOCKET_NOSLEEP, who
 * asks.  NULL with the errno set, if it does not.
 */
typedef sock_lower_handle_t (*so_proto_create_func_t)(int, int, int,
    sock_downcalls_t **, uint_t *, int *, int, cred_t *);

/* For the slots of a module that does not have the operation: EOPNOTSUPP. */
extern int sock_accept_notsupp(sock_lower_handle_t, sock_lower_handle_t,
    sock_upper_handle_t, cred_t *);
extern int sock_bind_notsupp(sock_lower_handle_t, struct sockaddr *,
    socklen_t, cred_t *);
extern int sock_listen_notsupp(sock_lower_handle_t, int, cred_t *);
extern int sock_connect_notsupp(sock_lower_handle_t,
    const struct sockaddr *, socklen_t, sock_connid_t *, cred_t *);
extern int sock_getpeername_notsupp(sock_lower_handle_t, struct sockaddr *,
    socklen_t *, cred_t *);
extern int sock_getsockname_notsupp(sock_lower_handle_t, struct sockaddr *,
    socklen_t *, cred_t *);
extern int sock_getsockopt_notsupp(sock_lower_handle_t, int, int, void *,
    socklen_t *, cred_t *);
extern int sock_setsockopt_notsupp(sock_lower_handle_t, int, int,
    const void *, socklen_t, cred_t *);
extern int sock_shutdown_notsupp(sock_lower_handle_t, int, cred_t *);
extern void sock_clr_flowctrl_notsupp(sock_lower_handle_t);
extern int sock_ioctl_notsupp(sock_lower_handle_t, int, intptr_t, int,
    int32_t *, cred_t *);
extern int sock_close_notsupp(sock_lower_handle_t, int, cred_t *);

typedef enum sock_opctl_action {
	SOCK_OPCTL_ENAB_ACCEPT = 0,	/* argument: the backlog */
	SOCK_OPCTL_SHUT_SEND,
	SOCK_OPCTL_SHUT_RECV
} sock_opctl_action_t;

struct sock_upcalls_s {
	sock_upper_handle_t (*su_newconn)(sock_upper_handle_t,
	    sock_lower_handle_t, sock_downcalls_t *, cred_t *, pid_t,
	    sock_upcalls_t **);
	void	(*su_connected)(sock_upper_handle_t, sock_connid_t, cred_t *,
	    pid_t);
	int	(*su_disconnected)(sock_upper_handle_t, sock_connid_t, int);
	void	(*su_opctl)(sock_upper_handle_t, sock_opctl_action_t,
	    uintptr_t);
	ssize_t	(*su_recv)(sock_upper_handle_t, mblk_t *, size_t, int,
		    int *, boolean_t *);
	void	(*su_set_proto_props)(sock_upper_handle_t,
		    struct sock_proto_props *);
	void	(*su_txq_full)(sock_upper_handle_t, boolean_t);
	void	(*su_signal_oob)(sock_upper_handle_t, ssize_t);
	void	(*su_zcopy_notify)(sock_upper_handle_t);
	void	(*su_set_error)(sock_upper_handle_t, int);
	/* The upper handle may be gone when this returns. */
	void	(*su_closed)(sock_upper_handle_t);
	/* Held; may be called with any lock of the module. */
	vnode_t *(*su_get_vnode)(sock_upper_handle_t);
};

#define	SOCK_UC_VERSION		sizeof (sock_upcalls_t)
#define	SOCK_DC_VERSION		sizeof (sock_downcalls_t)

/* Defaults of a new socket */
#define	SOCKET_RECVHIWATER	(48 * 1024)
#define	SOCKET_RECVLOWATER	1024

#define	SOCKET_NO_RCVTIMER	0
#define	SOCKET_TIMER_INTERVAL	50

#ifdef	__cplusplus
}
#endif

#endif	/* _SYS_SOCKET_PROTO_H_ */
