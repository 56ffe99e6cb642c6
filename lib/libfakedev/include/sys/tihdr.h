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

#ifndef _SYS_TIHDR_H
#define	_SYS_TIHDR_H

/*
 * The TPI messages a socket module may put before data that it hands to
 * su_recv(): they make a record of it.
 */

#include <sys/types.h>

#ifdef	__cplusplus
extern "C" {
#endif

typedef int32_t		t_scalar_t;
typedef uint32_t	t_uscalar_t;

#define	T_DATA_IND	14
#define	T_EXDATA_IND	15
#define	T_UNITDATA_IND	20
#define	T_OPTDATA_IND	0x1002

struct T_data_ind {
	t_scalar_t	PRIM_type;	/* T_DATA_IND */
	t_scalar_t	MORE_flag;	/* bit 0: the record goes on */
};

struct T_unitdata_ind {
	t_scalar_t	PRIM_type;	/* T_UNITDATA_IND */
	t_scalar_t	SRC_length;
	t_scalar_t	SRC_offset;
	t_scalar_t	OPT_length;
	t_scalar_t	OPT_offset;
};

struct T_optdata_ind {
	t_scalar_t	PRIM_type;	/* T_OPTDATA_IND */
	t_scalar_t	DATA_flag;	/* bit 0: the record goes on */
	t_scalar_t	OPT_length;
	t_scalar_t	OPT_offset;
};

union T_primitives {
	t_scalar_t		type;
	struct T_data_ind	data_ind;
	struct T_unitdata_ind	unitdata_ind;
	struct T_optdata_ind	optdata_ind;
};

/* Whether a primitive may begin at the address. */
#define	__TPI_ALIGN_SIZE	(sizeof (t_scalar_t))
#define	__TPI_PRIM_ISALIGNED(p)	\
	(((uintptr_t)(p) & (__TPI_ALIGN_SIZE - 1)) == 0)

#ifdef	__cplusplus
}
#endif

#endif	/* _SYS_TIHDR_H */
