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

#ifndef _SYS_SDT_H
#define	_SYS_SDT_H

/*
 * Statically defined probes: of provider "sdt", with the name's double
 * underscores as dashes, like on illumos.  Here they are USDT probes
 * (<sys/fk_usdt.h>).
 */

#include <sys/fk_usdt.h>

#define	DTRACE_PROBE(name)						\
	FK_USDT0(name)
#define	DTRACE_PROBE1(name, t1, a1)					\
	FK_USDT1(name, a1)
#define	DTRACE_PROBE2(name, t1, a1, t2, a2)				\
	FK_USDT2(name, a1, a2)
#define	DTRACE_PROBE3(name, t1, a1, t2, a2, t3, a3)			\
	FK_USDT3(name, a1, a2, a3)
#define	DTRACE_PROBE4(name, t1, a1, t2, a2, t3, a3, t4, a4)		\
	FK_USDT4(name, a1, a2, a3, a4)
#define	DTRACE_PROBE5(name, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5)	\
	FK_USDT5(name, a1, a2, a3, a4, a5)
#define	DTRACE_PROBE6(name, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5,	\
    t6, a6)								\
	FK_USDT6(name, a1, a2, a3, a4, a5, a6)
#define	DTRACE_PROBE7(name, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5,	\
    t6, a6, t7, a7)							\
	FK_USDT7(name, a1, a2, a3, a4, a5, a6, a7)
#define	DTRACE_PROBE8(name, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5,	\
    t6, a6, t7, a7, t8, a8)						\
	FK_USDT8(name, a1, a2, a3, a4, a5, a6, a7, a8)

#endif	/* _SYS_SDT_H */
