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

#ifndef _SYS_AUTOCONF_H
#define	_SYS_AUTOCONF_H

/*
 * Major numbers of drivers.
 */

#include <sys/types.h>
#include <sys/devops.h>

#define	DDI_MAJOR_T_NONE	((major_t)-1)

extern major_t ddi_name_to_major(const char *);
extern char *ddi_major_to_name(major_t);

#endif	/* _SYS_AUTOCONF_H */
