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

#ifndef _NODE_H
#define	_NODE_H

/*
 * /dev/vsockhv as bhyve's device sees it: what it gets when it calls open(2),
 * ioctl(2), poll(2), close(2) and pthread_create(3C).  Two kinds: one that
 * keeps the rules of sys/vsockhv.h and writes down what was asked of it, and
 * the driver itself, in the fake kernel.
 */

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* The calls, under the names that the device is compiled with. */
extern int node_open(const char *, int, ...);
extern int node_ioctl(int, unsigned long, ...);
extern int node_poll(struct pollfd *, nfds_t, int);
extern int node_close(int);
extern int node_thread(pthread_t *, const pthread_attr_t *,
    void *(*)(void *), void *);

/* For the next node_open(): the driver itself (attached thread), or not. */
extern void node_begin(bool driver);
/* The VM is gone: the device's thread ends, the node is closed. */
extern void node_end(void);

/*
 * Only of the one that writes things down.
 */
#define	NODE_FEATURES	0x130000007ULL	/* what it offers */

/* The commands since the last call, one a line; a buffer of the node's. */
extern const char *node_log(void);
/* This command fails with this errno, once. */
extern void node_fail(int cmd, int error);
/* VSOCKHV_VERSION says so. */
extern void node_version(int);
/* Interrupts that userland must raise. */
extern void node_intr(uint32_t bits);
/* How often VSOCKHV_INTR_POLL has said VSOCKHV_INTR_RESET. */
extern unsigned node_resets_seen(void);
/* Wait until the device has looked at them, and waits for more. */
extern void node_idle(void);

#endif	/* _NODE_H */
