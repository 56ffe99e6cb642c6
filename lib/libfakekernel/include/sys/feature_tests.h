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

#ifndef _SYS_FEATURE_TESTS_H
#define	_SYS_FEATURE_TESTS_H

/*
 * What the environment is: an LP64 kernel with a C11 compiler.
 */

#define	_STDC_C99
#define	_STDC_C11
#define	__EXTENSIONS__	1

#ifndef	_NORETURN_KYWD
#define	_NORETURN_KYWD	_Noreturn
#endif

#endif	/* _SYS_FEATURE_TESTS_H */
