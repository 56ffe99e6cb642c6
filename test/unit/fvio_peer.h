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

#ifndef _FVIO_PEER_H
#define	_FVIO_PEER_H

/*
 * What tests of the front end of vhost-user need of the host: sockets, and a
 * back-end that misbehaves.  Plain C types: for kernel code and for the host.
 */

#include <stdbool.h>

/* A new path, of static memory, for a socket; and a listener there. */
extern const char *fvp_path(void);
extern int fvp_listen(const char *path);
extern void fvp_unlink(const char *path);

/*
 * A back-end for one connection.  It knows how to reply to everything, but does
 * something wrong with the `at'-th message (from 1 on):
 */
typedef enum fvp_fault {
	FVP_CLOSE,	/* end the connection */
	FVP_SIZE,	/* a reply of the wrong size */
	FVP_REQUEST,	/* the reply to something else */
	FVP_REFUSE,	/* say that it failed, where that is possible */
	FVP_FAULTS
} fvp_fault_t;

typedef struct fvp fvp_t;

extern fvp_t *fvp_start(const char *path, unsigned at, fvp_fault_t);
/* After the other side has gone: how many messages came. */
extern unsigned fvp_stop(fvp_t *);

#endif	/* _FVIO_PEER_H */
