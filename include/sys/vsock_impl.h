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

#ifndef _SYS_VSOCK_IMPL_H
#define	_SYS_VSOCK_IMPL_H

/*
 * Shared by the files of the vsock module.  The theory of operation and the
 * locking are told in vsock.c.
 */

#include <sys/types.h>
#include <sys/param.h>
#include <sys/list.h>
#include <sys/mutex.h>
#include <sys/condvar.h>
#include <sys/zone.h>
#include <sys/cred.h>
#include <sys/conf.h>
#include <sys/kstat.h>
#include <sys/poll.h>
#include <sys/sunddi.h>
#include <sys/uio.h>
#include <sys/stream.h>
#include <sys/socket.h>
#include <sys/socket_proto.h>
#include <sys/vsock_transport.h>
#include <sys/vsock_kstat.h>
#include <sys/vsock_ioctl.h>
#include <net/vsock.h>

#ifdef	__cplusplus
extern "C" {
#endif

#define	VSOCK_MODNAME		"vsock"

/* Ports below need PRIV_NET_PRIVADDR. */
#define	VSOCK_PORT_UNPRIV	1024

#define	VSOCK_CONNECT_TIMEOUT	2000	/* ms; SO_VM_SOCKETS_CONNECT_TIMEOUT */
#define	VSOCK_CLOSE_TIMEOUT	8000	/* ms for the peer to acknowledge */
/*
 * How many of these may pass while the peer of a closed socket takes nothing
 * of what the application had written.
 */
#define	VSOCK_CLOSE_PERIODS	15

/* Bytes; the default, and the bounds of the bounds. */
#define	VSOCK_BUF_DEFAULT	(256 * 1024)
#define	VSOCK_BUF_MIN_DEFAULT	128
#define	VSOCK_BUF_FLOOR		2
#define	VSOCK_BUF_CEILING	(16 * 1024 * 1024)

/*
 * To how many times its size a receive buffer that nobody has set may grow
 * while its reader keeps up, and after how many of its lengths it is doubled.
 */
#define	VSOCK_BUF_GROWTH	4
#define	VSOCK_BUF_PATIENCE	4

/* What a connection has beyond the limit of buffers, bytes, each way. */
#define	VSOCK_BUF_SCANTY	4096

/* What sockfs puts into one message for sd_send, bytes; of a stream. */
#define	VSOCK_MAXPSZ		(64 * 1024)

/* Of records: levels of sockfs that its queue never reaches.  See vsock.c. */
#define	VSOCK_HIWAT_RECORDS	(1 << 30)

/*
 * A received message smaller than VSOCK_SMALL counts as small; when so many
 * messages stand in a receive queue that their bookkeeping would outweigh the
 * data, small ones are gathered into blocks of VSOCK_GATHER bytes.
 */
#define	VSOCK_SMALL		512
#define	VSOCK_GATHER		4096

/* How long a reader waits when fewer bytes than SO_RCVLOWAT are there, ms. */
#define	VSOCK_LOWAT_TIMEOUT	(3600 * 1000)

/*
 * The tables of a zone: of ports, one of which is bound for each connect, and
 * of connections.  The global zone's, which has all the guests, is for a
 * hundred thousand of each.
 */
#define	VSOCK_BUCKETS		1024
#define	VSOCK_GLOBAL_BUCKETS	(16 * VSOCK_BUCKETS)

typedef struct vsock_bucket {
	kmutex_t	vb_lock;
	list_t		vb_list;
} vsock_bucket_t;

typedef struct vsock_stats {
	kstat_named_t	vst_sockets;		/* now open or closing */
	kstat_named_t	vst_connections;	/* now in the table */
	kstat_named_t	vst_connects;		/* established by us */
	kstat_named_t	vst_accepts;		/* established by a peer */
	kstat_named_t	vst_refused_out;	/* our attempts that failed */
	kstat_named_t	vst_refused_in;		/* requests of peers, */
	kstat_named_t	vst_refused_port;	/* ... port not permitted */
	kstat_named_t	vst_connect_timeouts;
	kstat_named_t	vst_close_timeouts;
	kstat_named_t	vst_resets;		/* ended with an error */
	kstat_named_t	vst_no_backend;		/* no transport for a CID */
	kstat_named_t	vst_over_conns;		/* limits, in vsock_limit.c: */
	kstat_named_t	vst_over_peer_conns;	/* how often each was met */
	kstat_named_t	vst_over_pending;
	kstat_named_t	vst_over_buf;
	kstat_named_t	vst_over_msgs;
	kstat_named_t	vst_buf_bytes;		/* now, of all connections */
	kstat_named_t	vst_packed_records;	/* had to wait for the reader */
	kstat_named_t	vst_partial_records;	/* never completed */
	kstat_named_t	vst_captured;		/* packets, in all captures, */
	kstat_named_t	vst_capture_drops;	/* ... that found no room */
} vsock_stats_t;

/* See vsock_prop.c. */
typedef struct vsock_props {
	uint64_t	vpr_recv_buf;
	uint64_t	vpr_send_buf;
	uint64_t	vpr_max_buf;
	uint64_t	vpr_connect_ms;
	uint64_t	vpr_max_conns;
	uint64_t	vpr_max_peer_conns;
	uint64_t	vpr_max_pending;
	uint64_t	vpr_max_zone_buf;
	uint64_t	vpr_msg_cost;
	uint64_t	vpr_reply_rate;
	uint32_t	vpr_nports;
	uint32_t	vpr_ports[VSOCK_MAX_EXTRA_PORTS];
} vsock_props_t;

/* Of each zone. */
typedef struct vsock_zone {
	list_node_t	vz_link;		/* vsock_zones */
	zoneid_t	vz_zoneid;
	uint_t		vz_refs;		/* atomic */
	uint_t		vz_shutdown;		/* atomic */
	uint_t		vz_ntransports;		/* atomic */
	kmutex_t	vz_lo_lock;		/* one at a time changes */
	vsock_transport_t *vz_loopback;		/* vsock_route_lock */
	kmutex_t	vz_prop_lock;
	vsock_props_t	vz_props;
	vsock_stats_t	vz_stats;
	kstat_t		*vz_kstat;
	kmutex_t	vz_conns_kslock;	/* its ks_lock */
	kstat_t		*vz_conns_kstat;
	uint_t		vz_nbuckets;		/* of each of these tables */
	vsock_bucket_t	*vz_bound;		/* by port */
	vsock_bucket_t	*vz_conns;		/* by tuple */
} vsock_zone_t;

#define	VSOCK_STAT(vz, name, n)	\
	atomic_add_64(&(vz)->vz_stats.vst_##name.value.ui64, (n))

/*
 * Traffic of a transport.  A connection counts in one of several places, each
 * of a cache line, so that connections do not share one; they are added up when
 * somebody asks.
 */
#define	VSOCK_NTRAFFIC	8

typedef struct vsock_traffic {
	uint64_t	vtf_rx_bytes;		/* atomic, all of them */
	uint64_t	vtf_rx_msgs;
	uint64_t	vtf_tx_bytes;
	uint64_t	vtf_tx_msgs;
	uint64_t	vtf_pad[4];
} vsock_traffic_t;

/* Events of a transport; as in vsock_stats_t. */
typedef struct vsock_events {
	uint64_t	vev_connects;		/* atomic, all of them */
	uint64_t	vev_accepts;
	uint64_t	vev_refused_out;
	uint64_t	vev_refused_in;
	uint64_t	vev_resets;
} vsock_events_t;

typedef struct vsock_transport_kstat vsock_transport_kstat_t;

/*
 * What connections of a transport take, those included that it has no more: it
 * is the transport's, and theirs.
 */
typedef struct vsock_account {
	uint_t		va_refs;		/* atomic, all of them */
	uint_t		va_pending;		/* not accepted yet */
	uint64_t	va_buf;			/* bytes of buffers */
} vsock_account_t;

struct vsock_provider {
	list_node_t	vp_link;		/* vsock_providers */
	const vsock_provider_reg_t *vp_reg;
	uint_t		vp_ntransports;
};

struct vsock_transport {
	list_node_t	vtp_link;		/* vsock_transports */
	char		vtp_name[VSOCK_NAMELEN];
	vsock_provider_t *vtp_provider;
	const vsock_transport_ops_t *vtp_ops;	/* of the provider */
	vsock_dir_t	vtp_dir;		/* of the provider */
	void		*vtp_arg;
	vsock_zone_t	*vtp_zone;		/* held */
	uint_t		vtp_types;
	vsock_account_t	*vtp_account;		/* held */
	uint_t		vtp_orphans;		/* atomic */
	uint32_t	vtp_local_cid;
	uint32_t	vtp_remote_cid;

	kmutex_t	vtp_lock;
	kcondvar_t	vtp_cv;			/* vtp_users, vtp_nconns */
	boolean_t	vtp_gone;		/* no new connections */
	uint_t		vtp_users;		/* holds of vsock_route() */
	uint_t		vtp_nconns;		/* attached connections */
	vsock_port_range_t *vtp_ports;
	uint_t		vtp_nports;
	boolean_t	vtp_restricted;

	vsock_events_t	vtp_events;
	vsock_traffic_t	vtp_traffic[VSOCK_NTRAFFIC];
	vsock_transport_kstat_t *vtp_kstat;	/* NULL: there is none */
};

#define	VSOCK_EVENT(vtp, name)	\
	atomic_inc_64(&(vtp)->vtp_events.vev_##name)

/* vc_flags */
#define	VCF_CLOSED	0x0001	/* sd_close() was called (or never opened) */
#define	VCF_WASCONN	0x0002	/* has been connected: vc_tuple is valid */
#define	VCF_RXBUSY	0x0004	/* a thread is in vsock_rx_run() */
#define	VCF_RXHOLD	0x0008	/* what vc_rxq has waits for the reader */
#define	VCF_RXSHUT	0x0010	/* shutdown(SHUT_RD): discard what comes */
#define	VCF_EOF		0x0020	/* the reader is to be told the end, */
#define	VCF_EOF_TOLD	0x0040	/* ... and was */
#define	VCF_END		0x0080	/* the end of the connection likewise */
#define	VCF_END_TOLD	0x0100
#define	VCF_TXFULL	0x0200	/* su_txq_full(B_TRUE) */
#define	VCF_PEER_RECV	0x0400	/* the peer has shut its half */
#define	VCF_PEER_SEND	0x0800
#define	VCF_LOCAL_RECV	0x1000	/* we have shut ours */
#define	VCF_LOCAL_SEND	0x2000
#define	VCF_IN_BOUND	0x4000	/* in vz_bound */
#define	VCF_IN_CONNS	0x8000	/* in vz_conns */
#define	VCF_RXCHECK	0x10000	/* see what the reader has taken */
#define	VCF_TXEND_TOLD	0x20000	/* writers were told of the end */
#define	VCF_RCVFIXED	0x40000	/* vc_rcvbuf was set */
#define	VCF_PENDING	0x80000	/* counts in va_pending */
#define	VCF_SCANTY	0x100000 /* buffers of VSOCK_BUF_SCANTY */
#define	VCF_CONNECT	0x200000 /* vto_connect() is at it: vc_tc is its */

/*
 * A socket, and its connection.
 */
struct vsock_conn {
	kmutex_t	vc_lock;
	kcondvar_t	vc_cv;		/* vc_inupcall, vc_tcholds went to 0 */
	uint_t		vc_refs;	/* atomic; memory */
	uint_t		vc_tcholds;	/* atomic; keeps vc_tc, 0: none */
	uint_t		vc_flags;
	vsock_state_t	vc_state;
	uint_t		vc_type;	/* VSOCK_TYPE_* */
	int		vc_end_error;	/* for VCF_END */

	vsock_zone_t	*vc_zone;	/* held */
	vsock_transport_t *vc_tp;	/* attached to; with vc_tcholds */
	void		*vc_tc;		/* the backend's; with vc_tcholds */
	struct vsock_conn *vc_listener;	/* of an embryo; held */

	uint32_t	vc_bound_cid;	/* sockaddr_vm of getsockname */
	uint32_t	vc_bound_port;
	vsock_tuple_t	vc_tuple;
	list_node_t	vc_bound_link;
	list_node_t	vc_conn_link;

	sock_upper_handle_t vc_upper;	/* NULL: no upcalls */
	sock_upcalls_t	*vc_upcalls;
	sock_connid_t	vc_connid;
	uint_t		vc_inupcall;	/* upcalls made without vc_lock */

	uint32_t	vc_rcvbuf;	/* what the peer is told, bytes */
	uint32_t	vc_rcvset;	/* what it began with, or was set to */
	uint32_t	vc_rcvgrow;	/* what it may grow to by itself */
	uint32_t	vc_rxkept;	/* bytes; the reader has kept up */
	uint32_t	vc_peerbuf;	/* the peer's, 0: not known */
	uint32_t	vc_hiwat;	/* sockfs's levels; see vsock.c */
	uint32_t	vc_rxleast;	/* bytes to be reported at once */
	uint64_t	vc_rcvmin;
	uint64_t	vc_rcvmax;
	uint32_t	vc_rcvlowat;	/* SO_RCVLOWAT, bytes */
	uint32_t	vc_sndbuf;
	uint32_t	vc_msgcost;	/* bytes of buffer, of a message */
	uint32_t	vc_connect_ms;
	vsock_account_t	*vc_account;	/* of the last transport; held */
	uint64_t	vc_charged;	/* bytes, in its va_buf */
	struct linger	vc_linger;

	uint64_t	vc_delivered;	/* bytes that su_recv() has taken */
	uint64_t	vc_consumed;	/* bytes reported by vto_consumed() */
	mblk_t		*vc_rxq;	/* for su_recv(); see vsock_conn.c */
	mblk_t		*vc_rxtail;
	size_t		vc_rxlen;	/* bytes in vc_rxq */
	mblk_t		*vc_part;	/* of a record that is not complete */
	mblk_t		*vc_parttail;
	size_t		vc_partlen;	/* bytes in vc_part */
	uint_t		vc_rxmsgs;	/* messages su_recv() may have queued */

	timeout_id_t	vc_tid;
	hrtime_t	vc_deadline;	/* 0: none */
	uint_t		vc_stalls;	/* periods without progress */
	size_t		vc_unsent;	/* at the last of them */

	uint64_t	vc_rx_bytes;	/* so far; vc_lock, as for all */
	uint64_t	vc_rx_msgs;
	uint64_t	vc_tx_bytes;
	uint64_t	vc_tx_msgs;
	uint_t		vc_starved;	/* how often the peer said it waits */
	uint_t		vc_txfull;	/* how often writers were stopped */
};

/* vsock.c: the module, zones */
extern vsock_zone_t *vsock_zone_hold_cred(const cred_t *);
extern vsock_zone_t *vsock_zone_hold_id(zoneid_t);
extern void vsock_zone_hold(vsock_zone_t *);
extern void vsock_zone_rele(vsock_zone_t *);
extern boolean_t vsock_zone_halted(vsock_zone_t *);

/* vsock_dev.c: /dev/vsock */
extern struct cb_ops vsock_cb_ops;
extern void vsock_dev_init(void);
extern void vsock_dev_fini(void);

/* vsock_prop.c: properties of a zone */
extern void vsock_prop_init(vsock_zone_t *);
extern void vsock_prop_fini(vsock_zone_t *);
extern void vsock_prop_get(vsock_zone_t *, vsock_props_t *);
extern uint64_t vsock_prop_limit(vsock_zone_t *, vsock_prop_t);
extern boolean_t vsock_prop_port_priv(vsock_zone_t *, uint32_t port);
extern int vsock_prop_ioctl(vsock_zone_t *, int cmd, vsock_prop_io_t *);

/* vsock_limit.c: limits */
extern vsock_account_t *vsock_account_create(void);
extern void vsock_account_rele(vsock_account_t *);
extern uint64_t vsock_limit_peer_conns(const vsock_transport_t *);
extern int vsock_limit_conn(vsock_transport_t *);
extern boolean_t vsock_limit_pending(vsock_conn_t *);
extern void vsock_limit_accepted(vsock_conn_t *);
extern boolean_t vsock_limit_open(vsock_conn_t *, uint32_t rcvbuf);
extern boolean_t vsock_limit_rcvbuf(vsock_conn_t *, uint32_t rcvbuf);
extern void vsock_limit_free(vsock_conn_t *);

/* vsock_snoop.c: packet capture */
typedef struct vsock_snoop vsock_snoop_t;
extern void vsock_snoop_init(void);
extern void vsock_snoop_fini(void);
extern int vsock_snoop_start(vsock_zone_t *, const vsock_capture_io_t *,
    vsock_snoop_t **);
extern void vsock_snoop_stop(vsock_snoop_t *);
extern int vsock_snoop_read(vsock_snoop_t *, struct uio *);
extern int vsock_snoop_poll(vsock_snoop_t *, short, int, short *,
    struct pollhead **);

/* vsock_kstat.c: statistics */
extern void vsock_kstat_zone_create(vsock_zone_t *);
extern void vsock_kstat_zone_delete(vsock_zone_t *);
extern void vsock_kstat_transport_create(vsock_transport_t *);
extern void vsock_kstat_transport_delete(vsock_transport_t *);
extern void vsock_count_rx(vsock_conn_t *, size_t len);
extern void vsock_count_tx(vsock_conn_t *, size_t len);

/* vsock_sock.c: sockets */
extern sock_downcalls_t vsock_downcalls;
extern sock_lower_handle_t vsock_create(int, int, int, sock_downcalls_t **,
    uint_t *, int *, int, cred_t *);

/* vsock_conn.c: connections */
extern void vsock_conn_init(void);
extern void vsock_conn_fini(void);
extern boolean_t vsock_conn_busy(void);
extern vsock_conn_t *vsock_conn_create(vsock_zone_t *, uint_t type, int);
extern void vsock_conn_ref(vsock_conn_t *);
extern void vsock_conn_unref(vsock_conn_t *);
extern void vsock_conn_setstate(vsock_conn_t *, vsock_state_t);
extern int vsock_conn_bind(vsock_conn_t *, uint32_t cid, uint32_t port);
extern int vsock_conn_connect(vsock_conn_t *, const struct sockaddr_vm *,
    sock_connid_t *);
extern int vsock_conn_attach(vsock_conn_t *, vsock_transport_t *,
    const vsock_tuple_t *);
extern void vsock_conn_end(vsock_conn_t *, int error, boolean_t tellpeer);
extern void vsock_conn_end_all(vsock_zone_t *, vsock_transport_t *, int error);
extern void vsock_conn_close(vsock_conn_t *, int linger);
extern int vsock_conn_shutdown(vsock_conn_t *, uint_t how);
extern uint32_t vsock_conn_hiwat(const vsock_conn_t *, uint32_t rcvbuf);
extern void vsock_conn_setbuf(vsock_conn_t *, uint32_t rcvbuf);
extern void vsock_conn_tellbuf(vsock_conn_t *);
extern void vsock_conn_props(vsock_conn_t *);
extern void vsock_conn_upper(vsock_conn_t *, sock_upper_handle_t,
    sock_upcalls_t *);
extern void vsock_conn_tx_check(vsock_conn_t *);
extern void vsock_conn_read(vsock_conn_t *);
extern boolean_t vsock_conn_can_send(const vsock_conn_t *);

/* vsock_route.c: providers, transports, which one leads where */
extern void vsock_route_init(void);
extern void vsock_route_fini(void);
extern boolean_t vsock_route_busy(void);
extern int vsock_route(vsock_zone_t *, const struct sockaddr_vm *,
    vsock_transport_t **);
extern boolean_t vsock_route_any(vsock_zone_t *);
extern boolean_t vsock_cid_is_local(vsock_zone_t *, uint32_t cid);
extern uint32_t vsock_local_cid(vsock_zone_t *);
extern int vsock_transport_add(vsock_provider_t *,
    const vsock_transport_reg_t *, vsock_zone_t *, vsock_transport_t **);
extern void vsock_transport_rele(vsock_transport_t *);
extern uint32_t vsock_transport_local_cid(vsock_transport_t *);
extern boolean_t vsock_transport_admits(vsock_transport_t *, uint32_t port);

/* vsock_loopback.c: the transport to ourselves */
extern int vsock_loopback_init(void);
extern void vsock_loopback_fini(void);
extern int vsock_loopback_add(vsock_zone_t *);
extern void vsock_loopback_remove(vsock_zone_t *);

#ifdef	__cplusplus
}
#endif

#endif	/* _SYS_VSOCK_IMPL_H */
