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

#ifndef _SYS_DISP_H
#define	_SYS_DISP_H

/*
 * The dispatcher.
 */

#include <sys/types.h>
#include <sys/thread.h>

#define	MINCLSYSPRI	60
#define	MAXCLSYSPRI	99

extern pri_t minclsyspri;
extern pri_t maxclsyspri;

extern void kpreempt_disable(void);
extern void kpreempt_enable(void);

extern int servicing_interrupt(void);

#endif	/* _SYS_DISP_H */
