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

#ifndef _SYS_CPUVAR_H
#define	_SYS_CPUVAR_H

/*
 * Processors: how many there are, and which one runs the caller.
 */

#include <sys/types.h>
#include <sys/param.h>

typedef struct cpu {
	processorid_t	cpu_id;
	uint_t		cpu_seqid;
} cpu_t;

extern cpu_t *fk_cpu(void);

#define	CPU		(fk_cpu())

#endif	/* _SYS_CPUVAR_H */
