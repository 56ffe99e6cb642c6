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

#ifndef _SYS_STRSUN_H
#define	_SYS_STRSUN_H

/*
 * Arithmetic on message blocks.
 */

#include <sys/types.h>
#include <sys/stream.h>

#define	DB_BASE(mp)	((mp)->b_datap->db_base)
#define	DB_LIM(mp)	((mp)->b_datap->db_lim)
#define	DB_REF(mp)	((mp)->b_datap->db_ref)
#define	DB_TYPE(mp)	((mp)->b_datap->db_type)
#define	DB_FLAGS(mp)	((mp)->b_datap->db_flags)
#define	DB_CPID(mp)	((mp)->b_datap->db_cpid)
#define	DB_CRED(mp)	((mp)->b_datap->db_credp)

#define	_PTRDIFF(a, b)	((intptr_t)((uintptr_t)(a) - (uintptr_t)(b)))
#define	MBLKL(mp)	_PTRDIFF((mp)->b_wptr, (mp)->b_rptr)
#define	MBLKSIZE(mp)	_PTRDIFF(DB_LIM(mp), DB_BASE(mp))
#define	MBLKHEAD(mp)	_PTRDIFF((mp)->b_rptr, DB_BASE(mp))
#define	MBLKTAIL(mp)	_PTRDIFF(DB_LIM(mp), (mp)->b_wptr)
#define	MBLKIN(mp, off, len)	\
	(((off) <= MBLKL(mp)) && (((mp)->b_rptr + (off) + (len)) <= \
	(mp)->b_wptr))

/* Bytes in all blocks, whatever their type. */
extern size_t msgsize(mblk_t *);
/* Copies the message to the address, and frees it. */
extern void mcopymsg(mblk_t *, void *);

#endif	/* _SYS_STRSUN_H */
