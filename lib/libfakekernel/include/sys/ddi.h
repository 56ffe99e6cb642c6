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

#ifndef _SYS_DDI_H
#define	_SYS_DDI_H

/*
 * Conversions of the device driver interface; min() and max().
 */

#include <sys/types.h>
#include <sys/sysmacros.h>
#include <sys/systm.h>

#ifndef	min
#define	min(a, b)	((a) < (b) ? (a) : (b))
#endif
#ifndef	max
#define	max(a, b)	((a) < (b) ? (b) : (a))
#endif

/* Functions for drivers; <sys/sysmacros.h> has macros of these names. */
#undef	getmajor
#undef	getminor
#undef	makedevice
extern major_t getmajor(dev_t);
extern minor_t getminor(dev_t);
extern dev_t makedevice(major_t, minor_t);

extern clock_t drv_hztousec(clock_t);
extern clock_t drv_usectohz(clock_t);
extern void drv_usecwait(clock_t);
extern int drv_priv(cred_t *);
extern int drv_getparm(unsigned int, void *);

#endif	/* _SYS_DDI_H */
