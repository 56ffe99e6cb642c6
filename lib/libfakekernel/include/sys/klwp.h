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

#ifndef _SYS_KLWP_H
#define	_SYS_KLWP_H

/*
 * Light-weight processes: threads of a user process.
 */

#include <sys/types.h>

struct _klwp {
	kthread_t	*lwp_thread;
	struct proc	*lwp_procp;
	void		*lwp_brand;
	int		lwp_errno;
	void		(*lwp_func)(void *);
};

#define	lwptot(lwp)	((lwp)->lwp_thread)
#define	lwptoproc(lwp)	((lwp)->lwp_procp)

#endif	/* _SYS_KLWP_H */
