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

#ifndef _SYS_SOCKET_IMPL_H
#define	_SYS_SOCKET_IMPL_H

/*
 * Socket addresses: the generic form, and room for the largest.
 */

#include <sys/types.h>

#ifdef	__cplusplus
extern "C" {
#endif

#ifndef	_SA_FAMILY_T
#define	_SA_FAMILY_T
typedef uint16_t	sa_family_t;
#endif

struct sockaddr {
	sa_family_t	sa_family;
	char		sa_data[14];
};

#define	_SS_MAXSIZE	256

typedef double	sockaddr_maxalign_t;

#define	_SS_ALIGNSIZE	(sizeof (sockaddr_maxalign_t))
#define	_SS_PAD1SIZE	(_SS_ALIGNSIZE - sizeof (sa_family_t))
#define	_SS_PAD2SIZE	(_SS_MAXSIZE - (sizeof (sa_family_t) + \
			    _SS_PAD1SIZE + _SS_ALIGNSIZE))

struct sockaddr_storage {
	sa_family_t		ss_family;
	char			_ss_pad1[_SS_PAD1SIZE];
	sockaddr_maxalign_t	_ss_align;
	char			_ss_pad2[_SS_PAD2SIZE];
};

#ifdef	__cplusplus
}
#endif

#endif	/* _SYS_SOCKET_IMPL_H */
