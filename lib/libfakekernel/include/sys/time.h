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

#ifndef _SYS_TIME_H
#define	_SYS_TIME_H

/*
 * Time.  gethrtime(9F), ddi_get_lbolt(9F), timeout(9F) and every timed wait
 * share one clock, which is the host's monotonic clock or, when the kernel was
 * booted so, one that only fk_time_advance() moves.
 */

#include <sys/types.h>

struct timeval {
	time_t		tv_sec;
	suseconds_t	tv_usec;
};

#define	SEC			1
#define	MILLISEC		1000
#define	MICROSEC		1000000
#define	NANOSEC			1000000000LL

#define	MSEC2NSEC(m)		((hrtime_t)(m) * (NANOSEC / MILLISEC))
#define	NSEC2MSEC(n)		((n) / (NANOSEC / MILLISEC))
#define	USEC2NSEC(m)		((hrtime_t)(m) * (NANOSEC / MICROSEC))
#define	NSEC2USEC(n)		((n) / (NANOSEC / MICROSEC))
#define	NSEC2SEC(n)		((n) / (NANOSEC / SEC))
#define	SEC2NSEC(m)		((hrtime_t)(m) * (NANOSEC / SEC))

#define	CLOCK_REALTIME		3
#define	CLOCK_MONOTONIC		4

/* Clock ticks a second, and the same as other units. */
extern int hz;
extern int usec_per_tick;
extern int nsec_per_tick;
extern int msec_per_tick;

#define	TICK_TO_SEC(tick)	((tick) / hz)
#define	SEC_TO_TICK(sec)	((sec) * hz)
#define	TICK_TO_MSEC(tick)	((tick) * msec_per_tick)
#define	TICK_TO_USEC(tick)	((tick) * usec_per_tick)
#define	TICK_TO_NSEC(tick)	((hrtime_t)(tick) * nsec_per_tick)
#define	MSEC_TO_TICK(msec)	((msec) / msec_per_tick)
#define	MSEC_TO_TICK_ROUNDUP(msec)	\
	((msec) == 0 ? 0 : ((((msec) - 1) / msec_per_tick) + 1))
#define	USEC_TO_TICK(usec)	((usec) / usec_per_tick)
#define	USEC_TO_TICK_ROUNDUP(usec)	\
	((usec) == 0 ? 0 : ((((usec) - 1) / usec_per_tick) + 1))
#define	NSEC_TO_TICK(nsec)	((nsec) / nsec_per_tick)
#define	NSEC_TO_TICK_ROUNDUP(nsec)	\
	((nsec) == 0 ? 0 : ((((nsec) - 1) / nsec_per_tick) + 1))
#define	TIMEVAL_TO_TICK(tvp)	\
	(SEC_TO_TICK((tvp)->tv_sec) + USEC_TO_TICK((tvp)->tv_usec))

/* Nanoseconds since an arbitrary moment; any context. */
extern hrtime_t gethrtime(void);
extern hrtime_t gethrtime_unscaled(void);
extern void scalehrtime(hrtime_t *);
/* Wall-clock time; any context. */
extern void gethrestime(timespec_t *);
extern time_t gethrestime_sec(void);

extern hrtime_t ts2hrt(const timestruc_t *);
extern void hrt2ts(hrtime_t, timestruc_t *);

#endif	/* _SYS_TIME_H */
