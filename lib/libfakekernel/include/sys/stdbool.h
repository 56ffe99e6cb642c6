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

#ifndef _SYS_STDBOOL_H
#define	_SYS_STDBOOL_H

/*
 * bool, true and false for the kernel.
 */

#ifndef	__cplusplus
#define	bool	_Bool
#define	true	1
#define	false	0
#endif
#define	__bool_true_false_are_defined	1

#endif	/* _SYS_STDBOOL_H */
