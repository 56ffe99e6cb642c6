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

#ifndef _SYS_STRSUBR_H
#define	_SYS_STRSUBR_H

/*
 * The parts of the STREAMS framework that code without queues uses.
 */

#include <sys/types.h>
#include <sys/stream.h>
#include <sys/vnode.h>
#include <sys/kstat.h>
#include <sys/proc.h>

#endif	/* _SYS_STRSUBR_H */
