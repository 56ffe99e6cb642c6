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

#ifndef _SYS_VSOCK_TRANSPORT_H
#define	_SYS_VSOCK_TRANSPORT_H

/*
 * VSOCK TRANSPORTS: THE FRONT END <-> BACKEND INTERFACE
 *
 * The front end (module vsock) has the sockets, their ports, options, tables,
 * states and timers.  A backend knows how to talk to a hypervisor, or to a
 * guest.  This header is all that they know of each other.  It speaks of
 * connections and of streams of mblks; packets, credit, rings and channels are
 * the backend's own business.  Private: front end and backends are built from
 * the same source.
 *
 * OBJECTS
 *
 *	provider	a backend as such: its name, the direction it reaches
 *			in, and its operations.  Registered once, when the
 *			backend's module has loaded and its device exists.
 *	transport	one peer reached through a provider: the host, one
 *			guest, or ourselves.  It has the CIDs of both sides and
 *			belongs to one zone, whose sockets alone may use it.
 *	connection	a socket, and the connection it has or is about to get;
 *			vsock_conn_t to the backend, which has an object of its
 *			own for it, `tc' (for "transport connection"), opaque
 *			to the front end.
 *
 *	application   socket(2) ...                          application
 *	     |                                                    |
 *	   sockfs                                               sockfs
 *	     | downcalls  ^ upcalls                               |
 *	   +-v------------|----+                            +-----+-----+
 *	   |    front end      |                            | front end |
 *	   +-|------------^----+                            +-----------+
 *	     | vto_*()    | vsock_up_*()
 *	   +-v------------|----+   whatever the hypervisor  +-----------+
 *	   |     backend       | <------------------------> |   peer    |
 *	   +-------------------+   offers                   +-----------+
 *
 * A BACKEND'S LIFE, IN ORDER
 *
 *  1. In attach(9E) or _init(9E): vsock_provider_register().  From now on the
 *     provider's direction counts as present in routing.
 *  2. When there is somebody to talk to: vsock_transport_register().  From now
 *     on connects may come (vto_connect) and requests may be reported.
 *  3. vsock_transport_reset() when the peer lost its state but will be back:
 *     every connection ends with an error, listeners stay.
 *  4. vsock_transport_unregister() when it is gone: every connection ends, and
 *     when the call returns every tc has been released.
 *  5. vsock_provider_unregister(), EBUSY while it has transports.
 *
 * A CONNECTION'S LIFE
 *
 * Active, from here to the peer:
 *
 *	front end				backend
 *	vto_connect(arg, conn, params, &tc)  ->	allocates tc, asks the peer
 *					    <-	vsock_up_established(conn)
 *			or, refused:	    <-	vsock_up_reset(conn, errno)
 *	vto_send(tc, mp, flags) ...	    ->	vsock_up_data(conn, mp, flags)
 *
 * Passive, from the peer to here:
 *
 *	front end				backend
 *	vsock_up_request()		    <-	the peer asks for a port
 *	  finds the listener, makes a
 *	  connection nobody sees yet
 *	  (or refuses: errno)		    ->	errno: tells the peer, done
 *						allocates tc
 *	vsock_up_accept(conn, tc)	    <-	(may negotiate first)
 *	  hands it to the application
 *	  (or refuses: errno)		    ->	errno: frees tc, tells the peer
 *						0: tells the peer "accepted"
 *
 * Other threads may use the connection before vsock_up_accept() has returned:
 * tc must be ready for every operation when the call is made, and what is sent
 * meanwhile must reach the peer after the news that it was accepted.
 *
 * The end: each direction may be shut by either side (vto_shutdown,
 * vsock_up_shutdown).  When the front end is done with an open connection it
 * calls vto_shutdown() for both halves, after which the backend delivers what
 * it still has, tells the peer, and reports vsock_up_reset(conn, 0) when the
 * peer has acknowledged.  The front end limits how long that may take; when it
 * loses patience, or the socket must go at once, it calls vto_reset().  In
 * every case the last operation on tc is vto_release(), once, after which the
 * front end knows tc no more.
 *
 * OWNERSHIP
 *
 * conn and tc belong together from vto_connect() or vsock_up_accept() until
 * vto_release() returns: so long each is valid to the other side.  A hold
 * (vsock_conn_lookup(), vsock_conn_hold()) keeps vto_release() from being
 * called: a backend holds conn while it makes an upcall, or works on tc without
 * a lock that its vto_release() takes.  When the connection has ended and the
 * last hold goes, vto_release() is called, by whoever lets go.
 *
 * An operation is called with a hold.  A connection that ended may still be
 * held and upcalls made for it: they are harmless.
 *
 * An mblk passed in either direction belongs to the one it was passed to,
 * whatever comes of it.  Messages are M_DATA, b_next is NULL.
 *
 * RECORDS
 *
 * A connection of VSOCK_TYPE_STREAM is a sequence of bytes, and how they are
 * cut into messages says nothing.  On one of VSOCK_TYPE_SEQPACKET they are
 * records, and each arrives as a whole or not at all.
 *
 *	to the peer	One vto_send() is one record, complete: its flags have
 *			VSOCK_MSG_EOM.  A backend may cut it into pieces, to
 *			fit packets, or what the peer has room for; whatever it
 *			does to say so, the peer must know the last one.  A
 *			record is no larger than vto_maxrec() has allowed.
 *	from the peer	vsock_up_data() may be given a record piece by piece,
 *			in order; the last has VSOCK_MSG_EOM.  Pieces of two
 *			records must not mix.  The front end keeps them until
 *			the record is complete, and forgets them if the peer
 *			shuts its sending half, or the connection ends, before
 *			that.  Until then their bytes are not consumed, so that
 *			a record larger than vcp_rcvbuf cannot arrive.
 *
 * VSOCK_MSG_EOR, on the last piece, is a mark that the sender's application put
 * (MSG_EOR) and the receiver's sees; to a backend that has no way to tell, it
 * may get lost.  There are no empty records: to a receiver they would look like
 * the end.  For how many bytes are consumed, only bytes count.
 *
 * A backend whose medium keeps the boundaries of messages has little to do; one
 * that moves bytes (as Hyper-V does) needs a header for each record, or leaves
 * VSOCK_TYPE_SEQPACKET out of vtr_types.
 *
 * CONTEXT AND LOCKING
 *
 * The front end holds no lock when it calls an operation, but for
 * vto_tx_ready(), which it calls with the connection's lock held; and a
 * backend holds no lock when it calls the front end, but for
 * vsock_conn_hold().  Both sides may call from within a call: a vto_send() of
 * the loopback transport is a vsock_up_data() of the other end.
 *
 * Operations are called from threads that may sleep (KM_SLEEP) but never wait
 * for the peer: an application is never blocked inside a backend.  Upcalls are
 * made from threads that may sleep; for a connection that there is, and if it
 * is a stream, also by interrupt handlers (below LOCK_LEVEL): all but
 * vsock_up_request() and _accept(), vsock_conn_lookup() and _rele() included.
 * What the front end calls from within, vto_consumed() and vto_release(), must
 * do then.
 *
 * For one tc, vto_send(), vto_shutdown() and vto_consumed() may run at the same
 * time in several threads, and no operation runs during or after
 * vto_release().  For one conn, the backend keeps the order of what the peer
 * said: it doesn't make two of vsock_up_established, _data, _shutdown and
 * _reset at a time, except that vsock_up_data may be called by several threads
 * when their order is as good as any (several local writers).
 */

#include <sys/types.h>
#include <sys/stream.h>
#include <sys/zone.h>

#ifdef	__cplusplus
extern "C" {
#endif

#define	VSOCK_TRANSPORT_VERSION	3

#define	VSOCK_NAMELEN	32	/* of a provider or transport; with NUL */

typedef struct vsock_provider vsock_provider_t;
typedef struct vsock_transport vsock_transport_t;
typedef struct vsock_conn vsock_conn_t;

/* Where a provider's peers are, seen from this system. */
typedef enum vsock_dir {
	VSOCK_DIR_LOCAL,	/* this system itself */
	VSOCK_DIR_TO_HOST,	/* we are a guest: the hypervisor's system */
	VSOCK_DIR_TO_GUEST	/* we are the hypervisor: one of our guests */
} vsock_dir_t;

/* Socket types, as a mask. */
#define	VSOCK_TYPE_STREAM	0x1
#define	VSOCK_TYPE_SEQPACKET	0x2

/* Flags of messages of VSOCK_TYPE_SEQPACKET; see RECORDS above. */
#define	VSOCK_MSG_EOM		0x1	/* the record ends here */
#define	VSOCK_MSG_EOR		0x2	/* ... and is marked; with EOM only */

/* Halves of a connection, as a mask: what its owner will not do any more. */
#define	VSOCK_SHUT_RECV		0x1
#define	VSOCK_SHUT_SEND		0x2
#define	VSOCK_SHUT_BOTH		(VSOCK_SHUT_RECV | VSOCK_SHUT_SEND)

/* Who talks to whom, from our side. */
typedef struct vsock_tuple {
	uint32_t	vt_lcid;
	uint32_t	vt_lport;
	uint32_t	vt_rcid;
	uint32_t	vt_rport;
} vsock_tuple_t;

/* What a backend has to know of a connection at its start. */
typedef struct vsock_conn_params {
	vsock_tuple_t	vcp_tuple;
	uint_t		vcp_type;	/* one VSOCK_TYPE_* */
	/*
	 * How many bytes the peer may send that the application has not
	 * consumed (vto_consumed); a backend without flow control of that kind
	 * takes it for the size of its ring.
	 */
	uint32_t	vcp_rcvbuf;
	/*
	 * How many bytes vto_send() may leave queued before it is "full"; and
	 * how many records.
	 */
	uint32_t	vcp_sndbuf;
	uint32_t	vcp_sndmsgs;
} vsock_conn_params_t;

/* What a backend knows of a connection: for statistics; 0: not known. */
typedef struct vsock_conn_stats {
	uint64_t	vcs_rx_packets;
	uint64_t	vcs_tx_packets;
	uint64_t	vcs_tx_queued;	/* bytes, of vto_send(), not sent yet */
	uint32_t	vcs_rx_credit;	/* bytes the peer may still send */
	uint32_t	vcs_tx_credit;	/* bytes it will still take */
} vsock_conn_stats_t;

typedef struct vsock_transport_ops {
	/*
	 * Ask the peer for a connection.  On success the outcome follows by
	 * vsock_up_established() or vsock_up_reset(), possibly before the call
	 * returns; *tcp must be set before either.  The front end has a timer
	 * of its own.  An errno means that it cannot even be tried, or that it
	 * was refused at once (ECONNRESET: nobody listens; ESOCKTNOSUPPORT: the
	 * peer turned out not to have the type): *tcp is left NULL, and
	 * vto_release() will not be called.
	 */
	int	(*vto_connect)(void *arg, vsock_conn_t *conn,
	    const vsock_conn_params_t *, void **tcp);

	/*
	 * Queue a message for the peer, which will get it after everything
	 * that was queued before.  It is always taken.  Returns B_FALSE if no
	 * more should come until vsock_up_writable(): the peer has no room, or
	 * vcp_sndbuf bytes or vcp_sndmsgs records are queued.  `flags' are
	 * VSOCK_MSG_*: 0 on a stream.
	 */
	boolean_t (*vto_send)(void *tc, mblk_t *mp, uint_t flags);

	/*
	 * How many bytes may a record have that is given to vto_send() now, so
	 * that the peer can receive it?  Only for VSOCK_TYPE_SEQPACKET, and may
	 * be NULL in a backend without it.  (That it is not more than our own
	 * receive buffer, the front end sees to.)
	 */
	size_t	(*vto_maxrec)(void *tc);

	/*
	 * Would vto_send() now return B_TRUE?  If not, vsock_up_writable() is
	 * sure to be called when that changes.  Called with the connection's
	 * lock held: it may take the backend's locks, may not sleep for
	 * anything else, and makes no upcall.
	 */
	boolean_t (*vto_tx_ready)(void *tc);

	/*
	 * How many bytes given to vto_send() the peer has not taken yet.
	 */
	size_t	(*vto_unsent)(void *tc);

	/*
	 * The application has consumed so many bytes more of what
	 * vsock_up_data() gave.  The front end gathers small amounts, and sees
	 * to it that what is not yet reported here never keeps the peer from
	 * sending: the backend should pass it on at once.
	 */
	void	(*vto_consumed)(void *tc, size_t bytes);

	/*
	 * The size of the receive buffer (vcp_rcvbuf) has been changed: by the
	 * application, or as it was too small for a fast reader.
	 */
	void	(*vto_rcvbuf)(void *tc, uint32_t bytes);

	/*
	 * We will not send (VSOCK_SHUT_SEND: the peer sees the end of the
	 * stream after all that was queued), or not receive any more.  Bits
	 * add up over the calls.
	 */
	void	(*vto_shutdown)(void *tc, uint_t how);

	/*
	 * Abort: drop what is queued and tell the peer so.  The front end
	 * calls nothing but vto_release() afterwards.
	 */
	void	(*vto_reset)(void *tc);

	/*
	 * The connection has ended and nobody holds it: tc is the backend's to
	 * free, and conn is not valid to it any more.
	 */
	void	(*vto_release)(void *tc);

	/*
	 * Fill in the statistics of an open connection; the structure is zero.
	 * May be NULL: nothing is known.
	 */
	void	(*vto_stats)(void *tc, vsock_conn_stats_t *);
} vsock_transport_ops_t;

typedef struct vsock_provider_reg {
	uint_t		vpr_version;	/* VSOCK_TRANSPORT_VERSION */
	const char	*vpr_name;	/* the backend's module: "vsockhv" */
	vsock_dir_t	vpr_dir;
	const vsock_transport_ops_t *vpr_ops;
} vsock_provider_reg_t;

typedef struct vsock_transport_reg {
	const char	*vtr_name;	/* unique on the system: "bhyve0" */
	uint_t		vtr_types;	/* VSOCK_TYPE_* it can carry */
	/*
	 * VSOCK_DIR_TO_GUEST: VMADDR_CID_HOST, and the guest's CID.
	 * VSOCK_DIR_TO_HOST: our CID, and VMADDR_CID_HOST.
	 */
	uint32_t	vtr_local_cid;
	uint32_t	vtr_remote_cid;
	zoneid_t	vtr_zoneid;
	void		*vtr_arg;	/* first argument of vto_connect() */
} vsock_transport_reg_t;

/*
 * Register a backend.  0; EINVAL, wrong version or direction; EEXIST, the name
 * is taken, or there is a provider VSOCK_DIR_TO_HOST already (a guest has one
 * host).  The structure and its ops must stay until it is unregistered.  May
 * sleep.
 */
extern int vsock_provider_register(const vsock_provider_reg_t *,
    vsock_provider_t **);

/* 0; EBUSY while a transport of it is registered.  May sleep. */
extern int vsock_provider_unregister(vsock_provider_t *);

/*
 * Register a peer.  0; EINVAL, a CID that is reserved for others; EEXIST, the
 * name is taken; EADDRINUSE, the CID is that of another transport of the
 * system, in whatever zone, or our own; ENXIO, no such zone.  Nothing of the
 * structure is kept but vtr_arg.  May sleep.
 */
extern int vsock_transport_register(vsock_provider_t *,
    const vsock_transport_reg_t *, vsock_transport_t **);

/*
 * The peer is gone.  Every connection ends with ECONNRESET; when the call
 * returns, each tc has been released, and no operation is running or will be
 * called.  May sleep.  Not to be called from within an operation.
 */
extern void vsock_transport_unregister(vsock_transport_t *);

/*
 * The peer has lost its connections (device reset, migration): every one ends
 * with ECONNRESET and is released, as above.  `local_cid' is our CID from now
 * on (VSOCK_DIR_TO_HOST; otherwise what it was).  May sleep.  Connections that
 * are made while it runs may end as well.
 */
extern void vsock_transport_reset(vsock_transport_t *, uint32_t local_cid);

/*
 * Which local ports the peer may connect to: `n' ranges, copied; n == 0 with
 * ranges == NULL lifts the restriction, n == 0 otherwise admits none.  Existing
 * connections stay.  0; EINVAL, more than VSOCK_MAX_PORT_RANGES, or first >
 * last.  May sleep.
 */
typedef struct vsock_port_range {
	uint32_t	vpr_first;
	uint32_t	vpr_last;
} vsock_port_range_t;
#define	VSOCK_MAX_PORT_RANGES	64
extern int vsock_transport_set_ports(vsock_transport_t *,
    const vsock_port_range_t *, uint_t n);

/*
 * A backend may have to keep something of connections that it has released, as
 * there is something the peer must be told: so many more of them, or less.
 * They count as connections of the peer, of which there is a limit.  Any
 * context, with any lock held.
 */
extern void vsock_transport_orphans(vsock_transport_t *, int n);

/*
 * How many packets a second that belong to no connection may be answered, at
 * least 1: a limit, for a backend to which such can come.  The transport is
 * registered.  Any thread, with any lock held.
 */
extern uint_t vsock_transport_reply_rate(vsock_transport_t *);

/*
 * UPCALLS.  See above for their context and order.
 */

/*
 * The peer asks for a connection to vt_lport.  vt_lcid and vt_rcid have been
 * checked by the backend to be the transport's.  0: *connp, with a hold, and
 * *params are what to do it with; vsock_up_accept() or vsock_up_reset()
 * follows.  ECONNREFUSED, nobody listens there; EACCES, the port is not one of
 * vsock_transport_set_ports(); EEXIST, there is such a connection;
 * ESOCKTNOSUPPORT, the listener is of another type, or vtr_types has not that
 * one; ENOBUFS, a limit of connections; ENETDOWN, the zone is being halted;
 * ENOMEM.  May sleep.
 */
extern int vsock_up_request(vsock_transport_t *, const vsock_tuple_t *,
    uint_t type, vsock_conn_t **connp, vsock_conn_params_t *params);

/*
 * Give the connection to the application.  0: it is the application's, and the
 * backend keeps the hold it has until it has told the peer.  ECONNREFUSED, the
 * queue is full, too many of the peer's wait, or the listener has closed: conn
 * is no more, the hold included, and no operation was or will be called on tc.
 */
extern int vsock_up_accept(vsock_conn_t *, void *tc);

/* The peer has accepted: for a connection of vto_connect(). */
extern void vsock_up_established(vsock_conn_t *);

/*
 * The peer sent this; not empty, and `flags' is 0, on a stream.  Of a record it
 * is a piece, and may be NULL if all that is left to say is that the record
 * ends (VSOCK_MSG_EOM).
 */
extern void vsock_up_data(vsock_conn_t *, mblk_t *, uint_t flags);

/*
 * The peer says that it waits for room: vto_consumed() is called with whatever
 * was consumed and not yet reported, however little; if nothing was, or not
 * all, it is called once more as soon as the application has read.  For a
 * backend whose peer may want to know more than it needs to know
 * (virtio's CREDIT_REQUEST).
 */
extern void vsock_up_starved(vsock_conn_t *);

/*
 * The peer's own receive buffer has so many bytes, from now on.  Some peers
 * never have more under way than that (Linux since 2026), however large
 * vcp_rcvbuf is: the front end reports with vto_consumed() early enough for
 * these.  For a backend that does not say it, vcp_rcvbuf is what counts.
 */
extern void vsock_up_peerbuf(vsock_conn_t *, uint32_t bytes);

/* vto_send() was "full" and is no more. */
extern void vsock_up_writable(vsock_conn_t *);

/*
 * The peer will not receive or not send any more (VSOCK_SHUT_*; it is the peer
 * that VSOCK_SHUT_SEND speaks of here).  Bits add up.
 */
extern void vsock_up_shutdown(vsock_conn_t *, uint_t how);

/*
 * The connection has ended, or was refused (before it was established).  0: in
 * good order, after both sides had said that they were through.  Otherwise the
 * errno for the application: ECONNRESET; EPROTO, the peer broke the protocol;
 * ENOBUFS, it sent more than it was allowed to.
 */
extern void vsock_up_reset(vsock_conn_t *, int error);

/*
 * Find the connection of the transport with this tuple, with a hold, and its
 * tc.  NULL: there is none.  O(1).
 */
extern vsock_conn_t *vsock_conn_lookup(vsock_transport_t *,
    const vsock_tuple_t *, void **tcp);

/*
 * Hold a connection whose tc has not been released: for a backend that finds
 * tc in a structure of its own, under the lock under which its vto_release()
 * removes it there.  B_FALSE: it is about to be released, leave it alone.
 */
extern boolean_t vsock_conn_hold(vsock_conn_t *);

/* Let go; may call vto_release(), so: with no lock held. */
extern void vsock_conn_rele(vsock_conn_t *);

/*
 * PACKET CAPTURE
 *
 * A backend shows every packet that passes, in either direction, before it is
 * judged, to vsock_capture(): but only if vsock_capturing() says that somebody
 * looks, which is all that it costs otherwise.  One that has no packets shows
 * what would be some.
 */
typedef struct vsock_packet {
	uint64_t	vpk_src_cid;
	uint64_t	vpk_dst_cid;
	uint32_t	vpk_src_port;
	uint32_t	vpk_dst_port;
	uint16_t	vpk_op;		/* VSOCK_MON_* of sys/vsock_ioctl.h */
	uint16_t	vpk_kind;	/* VSOCK_MON_TRANSPORT_*: of vpk_hdr */
	const void	*vpk_hdr;	/* as on the wire; NULL: none */
	size_t		vpk_hdrlen;
	const mblk_t	*vpk_data;	/* the payload; NULL: none */
} vsock_packet_t;

extern uint_t vsock_ncaptures;		/* private to what follows */

/*
 * Is anybody looking?  Any context.  A plain load, on the path of data; a
 * packet that passes while this changes may be in a capture or not.
 */
static inline boolean_t
vsock_capturing(void)
{
	return (__atomic_load_n(&vsock_ncaptures, __ATOMIC_RELAXED) != 0);
}

/*
 * Copy the packet to those who look.  Does not sleep but for locks; with any
 * lock of the backend's held under which it makes no upcall.
 */
extern void vsock_capture(vsock_transport_t *, const vsock_packet_t *);

#ifdef	__cplusplus
}
#endif

#endif	/* _SYS_VSOCK_TRANSPORT_H */
