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

#ifndef _SYS_INT_FMTIO_H
#define	_SYS_INT_FMTIO_H

/*
 * printf(9F) formats of the fixed-width integers (LP64).
 */

#define	PRId8		"d"
#define	PRId16		"d"
#define	PRId32		"d"
#define	PRId64		"ld"
#define	PRIu8		"u"
#define	PRIu16		"u"
#define	PRIu32		"u"
#define	PRIu64		"lu"
#define	PRIx8		"x"
#define	PRIx16		"x"
#define	PRIx32		"x"
#define	PRIx64		"lx"
#define	PRIX64		"lX"
#define	PRIuPTR		"lu"
#define	PRIxPTR		"lx"

#endif	/* _SYS_INT_FMTIO_H */
