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

#ifndef _SYS_SIGNAL_H
#define	_SYS_SIGNAL_H

/*
 * Signals, as far as kernel modules have to do with them.
 */

#include <sys/types.h>

#define	SIGHUP		1
#define	SIGINT		2
#define	SIGQUIT		3
#define	SIGKILL		9
#define	SIGPIPE		13
#define	SIGALRM		14
#define	SIGTERM		15
#define	SIGURG		21
#define	SIGPOLL		22
#define	SIGIO		SIGPOLL

typedef struct {
	uint32_t	__sigbits[4];
} sigset_t;

typedef struct {
	uint32_t	__sigbits[3];
} k_sigset_t;

#define	sigfillset(s)	\
	((s)->__sigbits[0] = (s)->__sigbits[1] = (s)->__sigbits[2] = ~0U)
#define	sigemptyset(s)	\
	((s)->__sigbits[0] = (s)->__sigbits[1] = (s)->__sigbits[2] = 0)

#endif	/* _SYS_SIGNAL_H */
