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

#ifndef _TRANSLATE_H
#define	_TRANSLATE_H

/*
 * Socket calls into the simulated kernel with the numbers and structures of
 * Linux.  Each returns 0 or a Linux errno; none blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <fakesock.h>

/* sock2path: have the socket module serve the family; 0 or errno. */
extern int xl_sockconfig(void);
extern void xl_sockunconfig(void);

extern int xl_socket(int domain, int type, int protocol, bool priv,
    fsk_file_t **);
extern int xl_bind(fsk_file_t *, const void *addr, uint32_t len);
extern int xl_listen(fsk_file_t *, int backlog);
/* *lenp is in: room, out: length. */
extern int xl_accept(fsk_file_t *, void *addr, uint32_t *lenp, fsk_file_t **);
extern int xl_connect(fsk_file_t *, const void *addr, uint32_t len);
extern int xl_getsockname(fsk_file_t *, void *addr, uint32_t *lenp);
extern int xl_getpeername(fsk_file_t *, void *addr, uint32_t *lenp);
extern int xl_getsockopt(fsk_file_t *, int level, int name, void *val,
    uint32_t *lenp);
extern int xl_setsockopt(fsk_file_t *, int level, int name, const void *val,
    uint32_t len);
extern int xl_shutdown(fsk_file_t *, int how);
/* FIONREAD, SIOCOUTQ; ENOTTY. */
extern int xl_ioctl(fsk_file_t *, unsigned cmd, int *);
/* What /dev/vsock says. */
extern int xl_local_cid(uint32_t *);
/* The last close; `lingers': it may block if the socket is to. */
extern void xl_close(fsk_file_t *, bool lingers);
extern int xl_send(fsk_file_t *, const void *, size_t, size_t *donep);
/* 0 and *donep 0: end of file. */
extern int xl_recv(fsk_file_t *, void *, size_t, size_t *donep);
/*
 * SOCK_SEQPACKET: one record, all or nothing; `eor' is MSG_EOR.  EMSGSIZE, it
 * can't be sent, or has no room.  xl_max_record() is the largest that can be
 * sent; ENOTCONN.
 */
extern int xl_send_record(fsk_file_t *, const void *, size_t, bool eor);
extern int xl_recv_record(fsk_file_t *, void *, size_t, size_t *donep,
    bool *eorp);
extern int xl_max_record(fsk_file_t *, uint64_t *);
/*
 * Whether it can be read (or accepted from), or written; also when an error or
 * the end would be the result.
 */
extern bool xl_readable(fsk_file_t *);
extern bool xl_writable(fsk_file_t *);

#endif	/* _TRANSLATE_H */
