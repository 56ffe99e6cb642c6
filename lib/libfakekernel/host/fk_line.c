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
 * Lines, and how threads sleep that wait for nothing else: see fkhost.h.
 *
 * A processor that has nothing to run waits for interrupts, and handles one
 * before the thread that it leads to runs: there, on the same processor.  A
 * host has threads instead, and a thread for each line would have to be woken
 * up to wake up another, mostly on another processor.  So a thread that goes to
 * sleep may be an idler, which waits for the lines' eventfds itself and calls
 * their functions meanwhile, until somebody wakes it up: as a rule one of these
 * functions.  As there need not be an idler, there are servers, threads that do
 * nothing else.
 *
 * All wait in epoll_wait(2) for the same set of eventfds, edge-triggered, where
 * each write wakes one: the host takes the one that came last.  That is the
 * thread that went to sleep last, whose data are in a cache, and who is likely
 * to be the one that the interrupt is for.  The eventfds are never read.  There
 * are no more than FKH_IDLERS at a time: to wake one up costs more than others.
 *
 * WAKING
 *
 * The word on which a thread sleeps says how it does that.  Who wakes it
 * replaces that by what the word is to be: so what he has to do is known at
 * once, and the thread may be gone afterwards.
 *
 *	FKH_FUTEX	it sleeps on the word, or is about to
 *	FKH_IDLER	it waits for lines: to be woken up by a signal, which is
 *			blocked but in epoll_pwait(2), so that one that comes
 *			early is not lost, and one too late does no harm
 *	FKH_AWAKE	it is in a function, or polls, and looks at the word
 *			after that
 *
 * POLLING
 *
 * To wake up a processor that has gone to sleep takes longer than most of what
 * there is to be done afterwards.  So before an idler waits in earnest it polls
 * for a while, one at a time, where neither an event nor a wake-up costs the
 * other side anything.  How long depends on whether it is of any use:
 * FKH_POLL_MAX if what was waited for last came in time.  If it did not, the
 * other side may need the very processor that polls; then half of that, down to
 * nothing, but for a try now and then.  Without lines it polls just the same,
 * and then sleeps on its word.
 *
 * A server that waits would be woken up all the same.  So as long as idlers
 * come and go the servers do not wait for events, but look every millisecond
 * (FKH_PARK) whether that is still so.  Meanwhile what happens while no thread
 * sleeps is dealt with when one does, or a little later.  A program with a loop
 * of its own, that waits in it for the set of eventfds (fkh_line_fd()), is an
 * idler for this purpose.
 *
 * LINES
 *
 * A line's function is called by one thread at a time.  If it is due meanwhile,
 * that is noted (fl_again), and afterwards the line is made due anew: so nobody
 * is kept by a line that is written to without end.
 *
 * fkh_line_lock protects the table of lines, whose slots have a generation: an
 * event may be on its way to a thread when its line is removed.  The servers
 * are made with the first line, and stay.
 */

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <fkhost.h>

#define	FKH_SIGWAKE	(SIGRTMAX - 1)
#define	FKH_SERVERS	2
#define	FKH_SERVE	16	/* lines in fkh_line_serve() */

typedef struct fkh_line {
	int		fl_fd;		/* -1: the slot is free */
	uint32_t	fl_gen;
	bool		fl_running;
	bool		fl_again;
	void		(*fl_func)(void *);
	void		*fl_arg;
} fkh_line_t;

static pthread_mutex_t fkh_line_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t fkh_line_cv = PTHREAD_COND_INITIALIZER;
static fkh_line_t *fkh_line;
static size_t fkh_nslots;
static _Atomic(size_t) fkh_nlines;	/* that are in use */
static int fkh_epfd = -1;		/* set once, before fkh_nlines is */

/* A thread's word, while it sleeps. */
#define	FKH_FUTEX		0
#define	FKH_IDLER		UINT32_MAX
#define	FKH_AWAKE		(UINT32_MAX - 1)

/* Nanoseconds for which an idler polls. */
#define	FKH_POLL_MIN		10000
#define	FKH_POLL_MAX		50000
#define	FKH_POLL_TRY		32	/* if it is no use, once in so many */
#define	FKH_PARK		1000000
static _Atomic(uint64_t) fkh_poll_ns;
static _Atomic(uint32_t) fkh_poll_tries;
#define	FKH_IDLERS		2
static _Atomic(uint32_t) fkh_nidlers;
static _Atomic(uint64_t) fkh_idles;	/* so many times somebody looked */
static atomic_flag fkh_polling = ATOMIC_FLAG_INIT;	/* one idler does */

static _Thread_local bool fkh_prepared;
static _Thread_local sigset_t fkh_mask;

static void
fkh_woken(int sig)
{
}

/*
 * The line is due as soon as its eventfd has anything in it, and each time that
 * somebody writes to it.
 */
static int
fkh_line_arm(size_t slot, int op)
{
	struct epoll_event ev = {
		.events = EPOLLIN | EPOLLET,
		.data.u64 = (uint64_t)fkh_line[slot].fl_gen << 32 | slot
	};

	return (epoll_ctl(fkh_epfd, op, fkh_line[slot].fl_fd, &ev));
}

/* Call the function of a line that is due. */
static void
fkh_line_deliver(uint64_t which)
{
	const size_t slot = (uint32_t)which;
	void (*func)(void *);
	fkh_line_t *fl;
	void *arg;

	(void) pthread_mutex_lock(&fkh_line_lock);
	fl = &fkh_line[slot];
	fl->fl_again = true;
	if (fl->fl_fd == -1 || fl->fl_gen != which >> 32 || fl->fl_running) {
		(void) pthread_mutex_unlock(&fkh_line_lock);
		return;
	}
	fl->fl_running = true;
	fl->fl_again = false;
	func = fl->fl_func;
	arg = fl->fl_arg;
	(void) pthread_mutex_unlock(&fkh_line_lock);

	func(arg);

	(void) pthread_mutex_lock(&fkh_line_lock);
	fl = &fkh_line[slot];		/* the table may have moved */
	fl->fl_running = false;
	if (fl->fl_fd == -1)
		(void) pthread_cond_broadcast(&fkh_line_cv);
	else if (fl->fl_again)
		(void) fkh_line_arm(slot, EPOLL_CTL_MOD);
	(void) pthread_mutex_unlock(&fkh_line_lock);
}

/*
 * Keeps out of the way of idlers that come again and again.
 */
static void *
fkh_line_server(void *arg)
{
	const struct timespec ts = { .tv_nsec = FKH_PARK };
	struct epoll_event ev;
	uint64_t seen, now = fkh_idles;

	for (;;) {
		seen = now;
		if (epoll_wait(fkh_epfd, &ev, 1, -1) == 1)
			fkh_line_deliver(ev.data.u64);
		while ((now = fkh_idles) != seen) {
			seen = now;
			(void) nanosleep(&ts, NULL);
		}
	}
	return (NULL);
}

/* What is there for good, with the first line: 0 or an errno. */
static int
fkh_line_init(void)
{
	struct sigaction sa = { .sa_handler = fkh_woken };
	pthread_t thread;
	sigset_t all, old;
	int err = 0;

	if (fkh_epfd != -1)
		return (0);
	if (sigaction(FKH_SIGWAKE, &sa, NULL) != 0 ||
	    (fkh_epfd = epoll_create1(EPOLL_CLOEXEC)) == -1)
		return (errno);
	/* Signals are for the program's own threads, but for faults. */
	(void) sigfillset(&all);
	(void) sigdelset(&all, SIGBUS);
	(void) sigdelset(&all, SIGSEGV);
	(void) sigdelset(&all, SIGFPE);
	(void) sigdelset(&all, SIGILL);
	(void) pthread_sigmask(SIG_SETMASK, &all, &old);
	for (int i = 0; i < FKH_SERVERS && err == 0; i++) {
		err = pthread_create(&thread, NULL, fkh_line_server, NULL);
		if (err == 0)
			(void) pthread_detach(thread);
	}
	(void) pthread_sigmask(SIG_SETMASK, &old, NULL);
	return (err);
}

/* A free slot; or the number of them, if there is none and no memory. */
static size_t
fkh_line_slot(void)
{
	size_t slot, n;
	fkh_line_t *new;

	for (slot = 0; slot < fkh_nslots; slot++) {
		if (fkh_line[slot].fl_fd == -1 && !fkh_line[slot].fl_running)
			return (slot);
	}
	n = 2 * fkh_nslots + 8;
	if ((new = realloc(fkh_line, n * sizeof (*new))) == NULL)
		return (slot);
	(void) memset(&new[slot], 0, (n - slot) * sizeof (*new));
	for (size_t i = slot; i < n; i++)
		new[i].fl_fd = -1;
	fkh_line = new;
	fkh_nslots = n;
	return (slot);
}

int
fkh_line_add(int fd, void (*func)(void *), void *arg, uint64_t *linep)
{
	fkh_line_t *fl;
	size_t slot;
	int err;

	(void) pthread_mutex_lock(&fkh_line_lock);
	if ((err = fkh_line_init()) == 0 &&
	    (slot = fkh_line_slot()) == fkh_nslots)
		err = ENOMEM;
	if (err == 0) {
		fl = &fkh_line[slot];
		fl->fl_fd = fd;
		fl->fl_gen++;
		fl->fl_func = func;
		fl->fl_arg = arg;
		fl->fl_again = false;
		*linep = (uint64_t)fl->fl_gen << 32 | slot;
		if (fkh_line_arm(slot, EPOLL_CTL_ADD) != 0) {
			err = errno;
			fl->fl_fd = -1;
		} else {
			fkh_nlines++;
		}
	}
	(void) pthread_mutex_unlock(&fkh_line_lock);
	return (err);
}

void
fkh_line_remove(uint64_t line)
{
	const size_t slot = (uint32_t)line;

	(void) pthread_mutex_lock(&fkh_line_lock);
	(void) epoll_ctl(fkh_epfd, EPOLL_CTL_DEL, fkh_line[slot].fl_fd, NULL);
	fkh_line[slot].fl_fd = -1;
	/* The slot may be another line's when this one has come to rest. */
	while (fkh_line[slot].fl_running &&
	    fkh_line[slot].fl_gen == line >> 32)
		(void) pthread_cond_wait(&fkh_line_cv, &fkh_line_lock);
	fkh_nlines--;
	(void) pthread_mutex_unlock(&fkh_line_lock);
}

int
fkh_line_fd(void)
{
	int fd, err;

	(void) pthread_mutex_lock(&fkh_line_lock);
	err = fkh_line_init();
	fd = fkh_epfd;
	(void) pthread_mutex_unlock(&fkh_line_lock);
	return (err == 0 ? fd : -1);
}

void
fkh_line_serve(void)
{
	struct epoll_event ev[FKH_SERVE];
	int n;

	fkh_idles++;
	n = epoll_wait(fkh_epfd, ev, FKH_SERVE, 0);
	for (int i = 0; i < n; i++)
		fkh_line_deliver(ev[i].data.u64);
}

/*
 * Sleeping.
 */
uint32_t
fkh_thread_id(void)
{
	return ((uint32_t)syscall(SYS_gettid));
}

/* FKH_SIGWAKE comes only where the thread waits with fkh_mask. */
static void
fkh_prepare(void)
{
	sigset_t set;

	(void) sigemptyset(&set);
	(void) sigaddset(&set, FKH_SIGWAKE);
	(void) pthread_sigmask(SIG_BLOCK, &set, &fkh_mask);
	(void) sigdelset(&fkh_mask, FKH_SIGWAKE);
	fkh_prepared = true;
}

static bool
fkh_change(uint32_t *word, uint32_t from, uint32_t to)
{
	return (__atomic_compare_exchange_n(word, &from, to, false,
	    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
}

/* An event that was taken is to be delivered in any case. */
static void
fkh_serve(uint32_t *word, const struct epoll_event *ev)
{
	(void) fkh_change(word, FKH_IDLER, FKH_AWAKE);
	fkh_line_deliver(ev->data.u64);
}

/*
 * Look for events, if there are lines, and at the word, for some time; false:
 * nobody woke us up.
 */
static bool
fkh_poll(uint32_t *word)
{
	uint64_t ns = fkh_poll_ns, end;
	const bool try = (ns == 0);
	struct epoll_event ev;
	bool woken;

	if (try && ++fkh_poll_tries % FKH_POLL_TRY == 0)
		ns = FKH_POLL_MAX;
	if (ns == 0 || atomic_flag_test_and_set(&fkh_polling))
		return (false);
	end = fkh_clock() + ns;
	do {
		if (fkh_nlines == 0)
			__builtin_ia32_pause();
		else if (epoll_wait(fkh_epfd, &ev, 1, 0) == 1)
			fkh_serve(word, &ev);
		woken = (__atomic_load_n(word, __ATOMIC_ACQUIRE) != FKH_AWAKE);
	} while (!woken && fkh_clock() < end);
	atomic_flag_clear(&fkh_polling);
	if (woken)
		fkh_poll_ns = FKH_POLL_MAX;
	else
		fkh_poll_ns = try || ns / 2 < FKH_POLL_MIN ? 0 : ns / 2;
	return (woken);
}

static bool
fkh_idler_begin(void)
{
	if (++fkh_nidlers <= FKH_IDLERS)
		return (true);
	fkh_nidlers--;
	return (false);
}

/* Without lines, and if it is no use to poll, the word is FKH_FUTEX again. */
static void
fkh_idle(uint32_t *word)
{
	struct epoll_event ev;

	if (!fkh_change(word, FKH_FUTEX, FKH_AWAKE))
		return;
	fkh_idles++;
	if (fkh_poll(word))
		return;
	if (fkh_nlines == 0) {
		(void) fkh_change(word, FKH_AWAKE, FKH_FUTEX);
		return;
	}
	if (!fkh_prepared)
		fkh_prepare();
	while (fkh_change(word, FKH_AWAKE, FKH_IDLER)) {
		do {
			if (epoll_pwait(fkh_epfd, &ev, 1, -1, &fkh_mask) == 1)
				fkh_serve(word, &ev);
		} while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == FKH_IDLER);
	}
}

void
fkh_sleep(uint32_t *word, bool idler)
{
	if (idler && fkh_idler_begin()) {
		fkh_idle(word);
		fkh_nidlers--;
	}
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == FKH_FUTEX)
		(void) fkh_futex_wait(word, FKH_FUTEX, 0);
}

void
fkh_wakeup(uint32_t *word, uint32_t value, uint32_t thread)
{
	switch (__atomic_exchange_n(word, value, __ATOMIC_SEQ_CST)) {
	case FKH_FUTEX:
		fkh_futex_wake(word, 1);
		break;
	case FKH_IDLER:
		(void) syscall(SYS_tgkill, getpid(), (int)thread, FKH_SIGWAKE);
		break;
	default:
		break;
	}
}
