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

#ifndef _SYS_DDI_INTR_H
#define	_SYS_DDI_INTR_H

/*
 * Interrupts: what handlers look like.  How a driver gets them is the business
 * of its bus, in libfakedev.
 */

#include <sys/types.h>

#define	DDI_INTR_NOTFOUND	1
#define	DDI_INTR_CLAIMED	1
#define	DDI_INTR_UNCLAIMED	0

#define	DDI_INTR_TYPE_FIXED	0x1
#define	DDI_INTR_TYPE_MSI	0x2
#define	DDI_INTR_TYPE_MSIX	0x4

#define	DDI_INTR_PRI_MIN	1
#define	DDI_INTR_PRI_MAX	12

/* An interrupt priority, as mutex_init(9F) wants it. */
#define	DDI_INTR_PRI(pri)	(void *)((uintptr_t)(pri))

typedef uint_t (ddi_intr_handler_t)(caddr_t arg1, caddr_t arg2);

#endif	/* _SYS_DDI_INTR_H */
