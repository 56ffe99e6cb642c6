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

#ifndef _LIBVSOCK_H
#define	_LIBVSOCK_H

/*
 * VM sockets for programs that administer and observe them: addresses as text,
 * Hyper-V's names of them, and what the module of a system knows and can be
 * told.  Private: vsockadm(8) is the interface.
 *
 * Functions return 0 or an errno unless said otherwise.  Those that take no
 * handle are re-entrant; a handle is for one thread at a time.
 */

#include <sys/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef	__cplusplus
extern "C" {
#endif

/*
 * ADDRESSES
 *
 * "CID:PORT", both decimal numbers or, of a CID, a name: any (-1), hypervisor
 * (0), local (1), host (2); of a port: any (-1).  Numbers can be hexadecimal
 * (0x...) when read.
 */
typedef struct vsock_addr {
	uint32_t	va_cid;
	uint32_t	va_port;
} vsock_addr_t;

#define	VSOCK_ADDRSTRLEN	24	/* the longest, with NUL */

/* As numbers, even those that have a name; but not -1. */
#define	VSOCK_NTOP_NUMERIC	0x1

/* Writes at most VSOCK_ADDRSTRLEN bytes to the buffer, and returns it. */
extern char *vsock_cid_ntop(uint32_t, unsigned flags, char *);
extern char *vsock_port_ntop(uint32_t, unsigned flags, char *);
extern char *vsock_addr_ntop(const vsock_addr_t *, unsigned flags, char *);

/* EINVAL: that is none. */
extern int vsock_cid_pton(const char *, uint32_t *);
extern int vsock_port_pton(const char *, uint32_t *);
extern int vsock_addr_pton(const char *, vsock_addr_t *);

/*
 * HYPER-V
 *
 * A service's GUID is PPPPPPPP-facb-11e6-bd58-64006a7986d3, where P is the
 * port.  Of the GUIDs of virtual machines those for any, local and host are
 * always the same; others are given by Hyper-V, and no CID belongs to them.
 */
#define	VSOCK_GUIDSTRLEN	37	/* with NUL; lower case */

extern void vsock_port_to_guid(uint32_t, char *);
/* EINVAL, not a GUID; ENOENT, not that of a port. */
extern int vsock_guid_to_port(const char *, uint32_t *);
/* ENOENT, it has none. */
extern int vsock_cid_to_guid(uint32_t, char *);
/* EINVAL, not a GUID; ENOENT, not that of a CID. */
extern int vsock_guid_to_cid(const char *, uint32_t *);

/*
 * A SYSTEM
 */
typedef struct vsock_handle vsock_handle_t;

/*
 * "where" is NULL, or which system to talk to, if the platform has a choice.
 * vsock_where_option() is the name of the option for that, NULL if it has not.
 * ENXIO, there is a choice, and nothing says which; others, it does not answer.
 */
extern int vsock_open(const char *where, vsock_handle_t **);
extern void vsock_close(vsock_handle_t *);
extern const char *vsock_where_option(void);

/*
 * LISTS
 *
 * The function is called for each until it returns nonzero; that, or an errno,
 * is the result.
 */

/* <sys/vsock_kstat.h> */
struct vsock_kconn;
typedef int (*vsock_conn_func_t)(const struct vsock_kconn *, void *);
extern int vsock_walk_conns(vsock_handle_t *, vsock_conn_func_t, void *);
extern const char *vsock_state_name(uint32_t);
/* Of one type, or of a mask of them: "stream", "seqpacket", "stream,..." */
extern const char *vsock_type_name(uint32_t);

typedef struct vsock_transport_info {
	char		vti_name[32];
	int		vti_zoneid;
	uint64_t	vti_direction;	/* VSOCK_KDIR_* */
	uint64_t	vti_types;
	uint64_t	vti_local_cid;
	uint64_t	vti_remote_cid;
	uint64_t	vti_restricted;
	uint64_t	vti_max_connections;
	uint64_t	vti_connections;
	uint64_t	vti_connects;
	uint64_t	vti_accepts;
	uint64_t	vti_refused_out;
	uint64_t	vti_refused_in;
	uint64_t	vti_resets;
	uint64_t	vti_rx_bytes;
	uint64_t	vti_rx_messages;
	uint64_t	vti_tx_bytes;
	uint64_t	vti_tx_messages;
} vsock_transport_info_t;

typedef int (*vsock_transport_func_t)(const vsock_transport_info_t *, void *);
extern int vsock_walk_transports(vsock_handle_t *, vsock_transport_func_t,
    void *);
extern const char *vsock_direction_name(uint64_t);

/* A number of a named kstat of one of the modules of vsock. */
typedef struct vsock_stat {
	const char	*vs_module;
	int		vs_instance;
	const char	*vs_name;
	const char	*vs_stat;
	uint64_t	vs_value;
} vsock_stat_t;

typedef int (*vsock_stat_func_t)(const vsock_stat_t *, void *);
extern int vsock_walk_stats(vsock_handle_t *, vsock_stat_func_t, void *);

/*
 * PROPERTIES, as text
 */
#define	VSOCK_PROPLEN	512

typedef struct vsock_prop_info {
	const char	*vpi_name;
	char		vpi_value[VSOCK_PROPLEN];	/* "": empty list */
	char		vpi_default[VSOCK_PROPLEN];
	char		vpi_possible[VSOCK_PROPLEN];
} vsock_prop_info_t;

/* The names, in order: NULL after the last. */
extern const char *vsock_prop_name(unsigned);
/*
 * From now on they are those of that zone, by name or number, and not those of
 * the caller's: in the global zone.  ENXIO, there is no such zone.
 */
extern int vsock_prop_zone(vsock_handle_t *, const char *zone);
/*
 * ESRCH, no such property; EINVAL, not a value for it; ERANGE, out of range;
 * EPERM; ENXIO, the zone has gone, or has never been there.
 */
extern int vsock_prop_read(vsock_handle_t *, const char *name,
    vsock_prop_info_t *);
extern int vsock_prop_write(vsock_handle_t *, const char *name,
    const char *value);
extern int vsock_prop_reset(vsock_handle_t *, const char *name);

/*
 * CAPTURE
 */
typedef struct vsock_snoop vsock_snoop_t;
struct vsock_capture_rec;

/*
 * Bytes; 0: the default, or whole packets.  EINVAL; EACCES; EAGAIN, too many.
 */
extern int vsock_snoop_open(vsock_handle_t *, uint32_t bufsize,
    uint32_t snaplen, vsock_snoop_t **);
extern void vsock_snoop_close(vsock_snoop_t *);
/* What select(3C) tells of, when vsock_snoop_ready() is not true. */
extern int vsock_snoop_fd(const vsock_snoop_t *);
extern bool vsock_snoop_ready(const vsock_snoop_t *);
/*
 * The next packet, in memory that is valid until the next call.  EINTR;
 * EPIPE, the system has gone; EPROTO, it makes no sense.
 */
extern int vsock_snoop_next(vsock_snoop_t *,
    const struct vsock_capture_rec **, const uint8_t **);

#ifdef	__cplusplus
}
#endif

#endif	/* _LIBVSOCK_H */
