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

#ifndef _SYS_MODEL_H
#define	_SYS_MODEL_H

/*
 * Data models of user programs: always the kernel's own, LP64.
 */

#include <sys/types.h>

#define	DATAMODEL_MASK		0x0FF00000
#define	DATAMODEL_ILP32		0x00100000
#define	DATAMODEL_LP64		0x00200000
#define	DATAMODEL_NATIVE	DATAMODEL_LP64
#define	DATAMODEL_NONE		0

extern model_t get_udatamodel(void);

#define	STRUCT_DECL(s, u)	\
	struct s u##__buf; struct s *u##__ptr = &u##__buf
#define	STRUCT_INIT(u, m)	((void)(m))
#define	STRUCT_BUF(u)		(u##__ptr)
#define	STRUCT_SIZE(u)		(sizeof (*u##__ptr))
#define	STRUCT_FGET(u, f)	(u##__ptr->f)
#define	STRUCT_FSET(u, f, v)	(u##__ptr->f = (v))

#endif	/* _SYS_MODEL_H */
