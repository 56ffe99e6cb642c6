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

#ifndef _VSOCK_PLATFORM_H
#define	_VSOCK_PLATFORM_H

/*
 * What libvsock asks of the platform: a way to the kstats of a system and to
 * its /dev/vsock.  One of platform_*.c is built in.
 *
 *	platform_illumos.c	libkstat, and the device
 *	platform_vsockd.c	the control socket of a vsockd
 *
 * Functions return 0 or an errno of the platform.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/vsock_ioctl.h>

typedef struct vsock_platform vsock_platform_t;

/* See vsock_where_option(). */
extern const char *const vsp_where_option;

extern int vsp_open(const char *where, vsock_platform_t **);
extern void vsp_close(vsock_platform_t *);

/*
 * Every number of every named kstat of the modules that vsp_wanted() is true
 * for; those of one kstat one after another.  Until the function returns
 * nonzero: that is the result.
 */
extern bool vsp_wanted(const char *module);
extern int vsp_kstat_named(vsock_platform_t *, int (*func)(void *,
    const char *module, int instance, const char *name, const char *stat,
    uint64_t value), void *);

/* The data of every raw kstat of that name, in the same way. */
extern int vsp_kstat_raw(vsock_platform_t *, const char *module,
    const char *name, int (*func)(void *, const void *data, size_t), void *);

/* The number of a zone, by number or name.  ENXIO, there is none. */
extern int vsp_zone(const char *, int32_t *);

/* VSOCK_IOC_*PROP */
extern int vsp_prop(vsock_platform_t *, int cmd, vsock_prop_io_t *);

/* A descriptor that gives records: VSOCK_IOC_CAPTURE. */
extern int vsp_capture(vsock_platform_t *, const vsock_capture_io_t *,
    int *fdp);

#endif	/* _VSOCK_PLATFORM_H */
