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

#ifndef _SYS_VMEM_H
#define	_SYS_VMEM_H

/*
 * Flags of vmem(9F) that other interfaces share.
 */

#include <sys/types.h>

#define	VM_SLEEP		0x00000000
#define	VM_NOSLEEP		0x00000001
#define	VM_PANIC		0x00000002
#define	VM_PUSHPAGE		0x00000004

typedef struct vmem vmem_t;

#endif	/* _SYS_VMEM_H */
