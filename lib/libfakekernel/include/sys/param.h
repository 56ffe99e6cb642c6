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

#ifndef _SYS_PARAM_H
#define	_SYS_PARAM_H

/*
 * System parameters.
 */

#include <sys/types.h>

#define	NBBY		8
#define	MAXPATHLEN	1024
#define	MAXNAMELEN	256

/* Not constant: a module doesn't know them before it runs. */
extern const unsigned long _pagesize;
extern const unsigned int _pageshift;
extern const unsigned long _pageoffset;
extern const unsigned long long _pagemask;

#define	PAGESIZE	_pagesize
#define	PAGESHIFT	_pageshift
#define	PAGEOFFSET	_pageoffset
#define	PAGEMASK	_pagemask

#define	DEV_BSIZE	512
#define	DEV_BSHIFT	9

#define	SHRT_MAX	32767
#define	USHRT_MAX	65535
#define	INT_MIN		(-2147483647 - 1)
#define	INT_MAX		2147483647
#define	UINT_MAX	4294967295U
#define	LONG_MIN	(-9223372036854775807L - 1)
#define	LONG_MAX	9223372036854775807L
#define	ULONG_MAX	18446744073709551615UL

extern size_t ptob(pgcnt_t);
extern pgcnt_t btop(size_t);
extern pgcnt_t btopr(size_t);

/* Processors of the host, for sizing. */
extern int ncpus;
extern int ncpus_online;
extern int max_ncpus;

#endif	/* _SYS_PARAM_H */
