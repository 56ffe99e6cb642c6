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

#ifndef _SOCKFS_IMPL_H
#define	_SOCKFS_IMPL_H

/*
 * The fake sockfs, inside.
 *
 * It stands between fakesock.h (system calls) and a socket module (upcalls and
 * downcalls, <sys/socket_proto.h>) and does what sockfs does for a module
 * without STREAMS: doc/sockfs.md lists what, line by line.
 *
 *	sockfs_params.c		which module serves which socket; the modules
 *	sockfs_node.c		life and death of a socket, its file, polling
 *	sockfs_sops.c		system calls but for the transfer of data
 *	sockfs_send.c		sending
 *	sockfs_recv.c		the receive queue: recv and su_recv
 *	sockfs_upcalls.c	the other upcalls
 *
 * One structure, the sonode, is both the socket and the open file on it (the
 * real kernel has a vnode and a file_t as well).  A socket that waits to be
 * accepted has no file yet.
 *
 * References: the file (or, before accept, the accept queue) has one, and the
 * module one, until sd_close has returned something other than EINPROGRESS or
 * the module has called su_closed.  Whoever drops the last destroys the
 * sonode, and, if it was the module's last socket, tries to unload the module.
 *
 * With checks on (fk_checks), a dead sonode is not freed but kept, poisoned, on
 * a list of its module until the module is unloaded (or SOCKFS_MAXDEAD others
 * have died since), so that an upcall that comes too late panics instead of
 * hitting whatever has been allocated there.
 *
 * Locks, in the order in which they are taken; a module's locks come before
 * all of them, and none is held across a downcall:
 *
 *	sockfs_conf_lock	the table of sockparams
 *	sp_lock			one entry: its references, its module
 *	sockfs_smod_lock	the list of modules, their references
 *	sm_lock			one module's dead sockets
 *	so_flock		the file: calls in progress
 *	so_lock			the socket
 *
 * so_flock and so_lock are never held together.  A module is loaded and
 * unloaded with none of them held.
 */

#include <sys/types.h>
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/debug.h>
#include <sys/errno.h>
#include <sys/kmem.h>
#include <sys/ksynch.h>
#include <sys/atomic.h>
#include <sys/sysmacros.h>
#include <sys/list.h>
#include <sys/cred.h>
#include <sys/file.h>
#include <sys/uio.h>
#include <sys/stream.h>
#include <sys/fk.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/socket_proto.h>
#include <fakesock.h>

typedef struct sockfs_smod {
	list_node_t		sm_node;	/* sockfs_smod_lock */
	const char		*sm_name;
	so_proto_create_func_t	sm_create;
	uint32_t		sm_refs;	/* sockfs_smod_lock: entries */
	kmutex_t		sm_lock;
	list_t			sm_dead;	/* sm_lock: sonodes */
	uint32_t		sm_ndead;	/* sm_lock */
} sockfs_smod_t;

#define	SOCKFS_MAXDEAD		16384

/* A line of sock2path.  sockfs_conf_lock protects the entry, except: */
typedef struct sockparams {
	boolean_t		sp_used;
	int			sp_family;
	int			sp_type;
	int			sp_protocol;
	char			sp_modname[MODMAXNAMELEN];
	kmutex_t		sp_lock;
	uint32_t		sp_refs;	/* sp_lock: sockets, lookups */
	sockfs_smod_t		*sp_smod;	/* sp_lock; held */
} sockparams_t;

/* A thread that is inside a call on the file. */
typedef struct sockfs_call {
	list_node_t	sc_node;
	kthread_t	*sc_thread;
	proc_t		*sc_proc;	/* the process it came from */
	int		sc_fmode;	/* FNDELAY, FNONBLOCK at the start */
} sockfs_call_t;

/* Scattered memory of the caller, as a uio. */
#define	SOCKFS_UIO_SMALL	8
typedef struct sockfs_uio {
	uio_t		su_uio;
	iovec_t		*su_iov;
	int		su_iovcnt;
	iovec_t		su_small[SOCKFS_UIO_SMALL];
} sockfs_uio_t;

typedef struct sonode {
	uint32_t		so_magic;	/* SONODE_LIVE, SONODE_DEAD */
	uint32_t		so_upcalls;	/* atomic: running now */
	list_node_t		so_node;	/* accept queue; dead sockets */

	/* These do not change once the socket is visible. */
	sockparams_t		*so_sp;
	int			so_family;
	int			so_type;
	int			so_protocol;
	uint_t			so_mode;	/* SM_* */
	sock_lower_handle_t	so_lower;
	sock_downcalls_t	*so_down;
	cred_t			*so_cred;	/* the file's; NULL: no file */
	proc_t			*so_proc;	/* calls are made in it; NULL */

	kmutex_t		so_flock;
	/* so_flock */
	kcondvar_t		so_fcv;		/* calls have ended */
	list_t			so_calls;	/* sockfs_call_t */
	int			so_fmode;	/* FNDELAY, FNONBLOCK */
	boolean_t		so_fclosing;
	boolean_t		so_sigpipe;
	struct sockfs_notify	*so_notify;	/* fsk_pollnotify() */

	pollhead_t		so_pollhead;

	kmutex_t		so_lock;
	/* so_lock */
	uint_t			so_refs;
	boolean_t		so_protoref;	/* the module has its one */
	uint_t			so_state;	/* SS_* */
	boolean_t		so_readlocked;
	boolean_t		so_flowctrld;
	boolean_t		so_snd_qfull;
	boolean_t		so_rcv_wakeup;
	boolean_t		so_snd_wakeup;
	boolean_t		so_pollin;	/* a poller waits for POLLIN */
	int			so_error;
	sock_connid_t		so_connid;
	struct sock_proto_props	so_props;
	clock_t			so_sndtimeo;	/* ticks; 0: none */
	clock_t			so_rcvtimeo;
	pid_t			so_pgrp;
	cred_t			*so_peercred;
	pid_t			so_peerpid;

	kcondvar_t		so_state_cv;	/* connect */
	kcondvar_t		so_read_cv;	/* so_readlocked */
	kcondvar_t		so_rcv_cv;	/* data */
	kcondvar_t		so_snd_cv;	/* so_snd_qfull */
	kcondvar_t		so_acceptq_cv;	/* connections */

	list_t			so_acceptq;
	uint_t			so_acceptq_len;
	uint_t			so_backlog;

	/*
	 * Received: what the module has queued, and what the one reader has
	 * taken over and not consumed.  Elements are linked by b_next, and
	 * b_prev of an element's head points to the last block of its b_cont
	 * chain.
	 */
	mblk_t			*so_rcv_head;
	mblk_t			*so_rcv_last;
	mblk_t			*so_rcvq_head;
	mblk_t			*so_rcvq_last;
	uint_t			so_rcv_queued;	/* M_DATA bytes on both */
	uint_t			so_rcv_wanted;	/* by the reader that waits */
	boolean_t		so_rcv_timing;	/* the push timer runs */
	timeout_id_t		so_rcv_timer;	/* the last, 0: none yet */
} sonode_t;

#define	SONODE_LIVE	0x50de11fe
#define	SONODE_DEAD	0x50dedead

#define	FTOSO(f)	((sonode_t *)(f))
#define	SOTOF(so)	((fsk_file_t *)(so))

#define	SO_NONBLOCK(fm)	(((fm) & (FNDELAY | FNONBLOCK)) != 0)

/*
 * A downcall: the module may be called now.  None of sockfs's locks is held,
 * and what comes back as an errno is one.
 */
#define	SO_DOWNCALL(so)	do {						\
	VERIFY(MUTEX_NOT_HELD(&(so)->so_lock));				\
	VERIFY(MUTEX_NOT_HELD(&(so)->so_flock));			\
} while (0)
#define	SO_ERRNO_OK(error)	VERIFY3S((error), >=, 0)

/* sockfs_params.c */
extern int sockfs_lookup(int, int, int, sockparams_t **);
extern void sockfs_sp_hold(sockparams_t *);
extern boolean_t sockfs_sp_rele(sockparams_t *);
extern void sockfs_bury(sonode_t *);

/* sockfs_node.c */
extern int sockfs_cv_wait(kcondvar_t *, kmutex_t *, clock_t);
extern int sockfs_uio_init(sockfs_uio_t *, const fsk_iov_t *, int, int);
extern void sockfs_uio_fini(sockfs_uio_t *);
extern int sockfs_enter(fsk_file_t *, sockfs_call_t *);
extern int sockfs_leave(fsk_file_t *, sockfs_call_t *, int);
extern void sockfs_set_file(sonode_t *, cred_t *, proc_t *);
extern sonode_t *sockfs_alloc(sockparams_t *, int, int, int, int);
extern boolean_t sockfs_rele(sonode_t *);
extern void sockfs_proto_rele(sonode_t *, const char *);
extern int sockfs_create(int, int, int, cred_t *, sonode_t **);
extern int sockfs_close(sonode_t *, int, cred_t *);

/* sockfs_recv.c */
extern void sockfs_rcv_flush(sonode_t *);
extern int sockfs_lock_read(sonode_t *, boolean_t);
extern void sockfs_unlock_read(sonode_t *);
extern void sockfs_rcv_timer_cancel(sonode_t *);
extern void sockfs_wakeup_reader(sonode_t *);
extern boolean_t sockfs_have_data(const sonode_t *);
extern ssize_t sockfs_su_recv(sock_upper_handle_t, mblk_t *, size_t, int,
    int *, boolean_t *);

/* sockfs_upcalls.c */
extern sock_upcalls_t sockfs_upcalls;
extern sonode_t *sockfs_upcall_enter(sock_upper_handle_t, const char *);
extern void sockfs_upcall_exit(sonode_t *);
extern void sockfs_nolocks(const char *);
extern void sockfs_notify_data(sonode_t *);
extern int sockfs_take_error(sonode_t *);

#endif	/* _SOCKFS_IMPL_H */
