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

#ifndef _PROBE_H
#define	_PROBE_H

/*
 * Do probes fire?  A USDT probe is switched on as a tracer does it: the nop, of
 * which an ELF note tells the place, is replaced by a breakpoint.  Hits are
 * counted, and the arguments of the last one kept, by a signal handler.  For
 * x86-64.  Plain C types: for kernel code and for the host.
 */

#include <stdbool.h>
#include <stdint.h>

/* Switch on every site of the probe, which must have one: how many. */
extern unsigned probe_on(const char *name);
/* How often it was hit since it was switched on, or this was last asked. */
extern unsigned probe_hits(const char *name);
/*
 * An argument (0: the first) of the last hit.  Of a kind that this does not
 * understand: the test ends.
 */
extern int64_t probe_arg(const char *name, unsigned arg);

#endif	/* _PROBE_H */
