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
 * The host services of the fake kernel, on Linux: see fkhost.h.
 *
 * Everything is a thin layer over one libc call, except stacks: the frames that
 * the kernel side found by following frame pointers are turned into functions
 * and lines by addr2line(1) when that is installed.  That happens only on the
 * way to abort().
 *
 * TURNS
 *
 * Between fkh_turns_begin() and fkh_turns_end() threads run one at a time, and
 * who does follows from a seed: so a run that takes nothing else from outside
 * can be repeated.  The one that has the turn gives it up when it waits, ends,
 * or comes to fkh_turn(), and then only if a number says so.  A futex is a note
 * of who waits on what (ft_wait), and all of what is below belongs to who has
 * the turn.
 *
 * A thread that ends takes its time to go, and its memory with it.  Whoever has
 * the turn next sees to it that it has gone, so that its memory is free at the
 * same moment every time.
 *
 * If everybody waits nobody will ever come to wake them: that is fatal.
 */

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <linux/futex.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <fkhost.h>

#define	FKH_NSEC	1000000000ULL

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define	FKH_ASAN	1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define	FKH_ASAN	1
#endif
#ifdef	FKH_ASAN
#include <sanitizer/asan_interface.h>
#endif

typedef struct fkh_thread {
	pthread_t	ft_pthread;
	void		(*ft_func)(void *);
	void		*ft_arg;
	char		ft_name[16];	/* the host's limit */
	/* Turns. */
	struct fkh_thread *ft_next;
	uint32_t	ft_id;
	uint32_t	ft_turn;	/* futex: it has the turn */
	uint32_t	*ft_wait;	/* what it waits on */
	uint32_t	ft_ended;
} fkh_thread_t;

#define	FKH_TURN_ODDS	16		/* of giving it up, for no reason */

bool fkh_turns;
static fkh_thread_t fkh_first;		/* called fkh_turns_begin() */
static fkh_thread_t *fkh_threads;	/* all that take turns */
static uint32_t fkh_nthreads;		/* that there ever were */
static fkh_thread_t *fkh_going;		/* it has ended, and not yet gone */
static uint64_t fkh_random;
static uint64_t fkh_turns_seen;
static __thread fkh_thread_t *fkh_self;

static void fkh_turn_pass(void);

static long
fkh_futex(uint32_t *addr, int op, uint32_t val, const struct timespec *ts)
{
	return (syscall(SYS_futex, addr, op | FUTEX_PRIVATE_FLAG, val, ts,
	    NULL, FUTEX_BITSET_MATCH_ANY));
}

int
fkh_futex_wait(uint32_t *addr, uint32_t val, uint64_t deadline)
{
	struct timespec ts, *tsp = NULL;

	if (fkh_turns) {
		if (__atomic_load_n(addr, __ATOMIC_RELAXED) == val) {
			fkh_self->ft_wait = addr;
			fkh_turn_pass();
		}
		return (0);
	}
	if (deadline != 0) {
		ts.tv_sec = deadline / FKH_NSEC;
		ts.tv_nsec = deadline % FKH_NSEC;
		tsp = &ts;
	}
	if (fkh_futex(addr, FUTEX_WAIT_BITSET, val, tsp) == -1 &&
	    errno == ETIMEDOUT)
		return (1);
	return (0);
}

void
fkh_futex_wake(uint32_t *addr, int howmany)
{
	fkh_thread_t *ft;

	if (fkh_turns) {
		for (ft = fkh_threads; ft != NULL && howmany > 0;
		    ft = ft->ft_next) {
			if (ft->ft_wait == addr) {
				ft->ft_wait = NULL;
				howmany--;
			}
		}
		return;
	}
	(void) fkh_futex(addr, FUTEX_WAKE, howmany, NULL);
}

static void
fkh_die(const char *what, int err)
{
	(void) fprintf(stderr, "fake kernel: %s: %s\n", what, strerror(err));
	abort();
}

/*
 * Turns
 */

/* xorshift64* */
static uint32_t
fkh_rnd(uint32_t n)
{
	fkh_random ^= fkh_random >> 12;
	fkh_random ^= fkh_random << 25;
	fkh_random ^= fkh_random >> 27;
	return ((uint32_t)((fkh_random * 0x2545f4914f6cdd1dULL) >> 33) % n);
}

/* One of those who don't wait. */
static fkh_thread_t *
fkh_turn_choose(void)
{
	fkh_thread_t *ft, *chosen = NULL;
	uint32_t n = 0;

	for (ft = fkh_threads; ft != NULL; ft = ft->ft_next) {
		if (ft->ft_wait == NULL && !ft->ft_ended && fkh_rnd(++n) == 0)
			chosen = ft;
	}
	if (chosen == NULL)
		fkh_die("every thread waits", EDEADLK);
	/* FNV-1a */
	fkh_turns_seen = (fkh_turns_seen ^ chosen->ft_id) * 0x100000001b3ULL;
	return (chosen);
}

static void
fkh_turn_give(fkh_thread_t *ft)
{
	__atomic_store_n(&ft->ft_turn, 1, __ATOMIC_RELEASE);
	(void) fkh_futex(&ft->ft_turn, FUTEX_WAKE, 1, NULL);
}

static void
fkh_turn_take(fkh_thread_t *self)
{
	while (__atomic_load_n(&self->ft_turn, __ATOMIC_ACQUIRE) == 0)
		(void) fkh_futex(&self->ft_turn, FUTEX_WAIT_BITSET, 0, NULL);
	__atomic_store_n(&self->ft_turn, 0, __ATOMIC_RELAXED);
	if (fkh_going != NULL) {
		(void) pthread_join(fkh_going->ft_pthread, NULL);
		fkh_going = NULL;
	}
}

/* Somebody's turn; perhaps ours. */
static void
fkh_turn_pass(void)
{
	fkh_thread_t *self = fkh_self, *ft = fkh_turn_choose();

	if (ft != self) {
		fkh_turn_give(ft);
		fkh_turn_take(self);
	}
}

void
fkh_turn(void)
{
	if (fkh_rnd(FKH_TURN_ODDS) == 0)
		fkh_turn_pass();
}

static void
fkh_turn_add(fkh_thread_t *ft)
{
	ft->ft_id = ++fkh_nthreads;
	ft->ft_next = fkh_threads;
	fkh_threads = ft;
}

void
fkh_turns_begin(uint64_t seed)
{
	fkh_random = seed * 0x9e3779b97f4a7c15ULL + 1;
	fkh_turns_seen = 0xcbf29ce484222325ULL;
	fkh_nthreads = 0;
	(void) memset(&fkh_first, 0, sizeof (fkh_first));
	fkh_self = &fkh_first;
	fkh_turn_add(fkh_self);
	fkh_turns = true;
}

uint64_t
fkh_turns_end(void)
{
	fkh_turns = false;
	fkh_threads = NULL;
	return (fkh_turns_seen);
}

static void *
fkh_thread_start(void *arg)
{
	fkh_thread_t *ft = arg;

	if (fkh_turns) {
		fkh_self = ft;
		fkh_turn_take(ft);
	}
	(void) pthread_setname_np(pthread_self(), ft->ft_name);
	ft->ft_func(ft->ft_arg);
	fkh_thread_exit();
}

void *
fkh_thread_create(const char *name, void (*func)(void *), void *arg)
{
	fkh_thread_t *ft = fkh_alloc(sizeof (*ft));
	int err;

	(void) memset(ft, 0, sizeof (*ft));
	if (fkh_turns)
		fkh_turn_add(ft);
	ft->ft_func = func;
	ft->ft_arg = arg;
	(void) snprintf(ft->ft_name, sizeof (ft->ft_name), "%s", name);
	err = pthread_create(&ft->ft_pthread, NULL, fkh_thread_start, ft);
	if (err != 0)
		fkh_die("cannot create a thread", err);
	return (ft);
}

void
fkh_thread_exit(void)
{
	if (fkh_turns) {
		fkh_self->ft_ended = 1;
		fkh_futex_wake(&fkh_self->ft_ended, INT_MAX);
		fkh_going = fkh_self;
		fkh_turn_give(fkh_turn_choose());
	}
	pthread_exit(NULL);
}

void
fkh_thread_join(void *arg)
{
	fkh_thread_t *ft = arg, **ftp;

	if (fkh_turns) {
		while (!ft->ft_ended)
			(void) fkh_futex_wait(&ft->ft_ended, 0, 0);
		for (ftp = &fkh_threads; *ftp != ft; ftp = &(*ftp)->ft_next)
			continue;
		*ftp = ft->ft_next;
	} else {
		(void) pthread_join(ft->ft_pthread, NULL);
	}
	free(ft);
}

void
fkh_thread_setname(const char *name)
{
	char buf[16];

	(void) snprintf(buf, sizeof (buf), "%s", name);
	(void) pthread_setname_np(pthread_self(), buf);
}

void *
fkh_stack_top(void)
{
	pthread_attr_t attr;
	void *base;
	size_t size;

	if (pthread_getattr_np(pthread_self(), &attr) != 0)
		return (NULL);
	(void) pthread_attr_getstack(&attr, &base, &size);
	(void) pthread_attr_destroy(&attr);
	return ((char *)base + size);
}

void
fkh_yield(void)
{
	if (fkh_turns)
		fkh_turn_pass();
	else
		(void) sched_yield();
}

int
fkh_ncpus(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return (n < 1 ? 1 : (int)n);
}

int
fkh_cpu(void)
{
	int cpu = fkh_turns ? 0 : sched_getcpu();

	return (cpu < 0 ? 0 : cpu);
}

static uint64_t
fkh_gettime(clockid_t id)
{
	struct timespec ts;

	(void) clock_gettime(id, &ts);
	return (ts.tv_sec * FKH_NSEC + ts.tv_nsec);
}

uint64_t
fkh_clock(void)
{
	return (fkh_gettime(CLOCK_MONOTONIC));
}

uint64_t
fkh_wallclock(void)
{
	return (fkh_gettime(CLOCK_REALTIME));
}

void *
fkh_alloc(size_t size)
{
	void *p = malloc(size);

	if (p == NULL)
		fkh_die("out of memory", ENOMEM);
	return (p);
}

void *
fkh_alloc_aligned(size_t align, size_t size)
{
	void *p;
	int err = posix_memalign(&p, align, size);

	if (err != 0)
		fkh_die("out of memory", err);
	return (p);
}

void
fkh_free(void *p)
{
	free(p);
}

void
fkh_poison(void *p, size_t size, bool on)
{
#ifdef	FKH_ASAN
	if (on)
		__asan_poison_memory_region(p, size);
	else
		__asan_unpoison_memory_region(p, size);
#endif
}

void *
fkh_shmem_create(const char *name, size_t size, int *fdp)
{
	void *va;
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd == -1 || ftruncate(fd, (off_t)size) != 0)
		fkh_die("shared memory", errno);
	va = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (va == MAP_FAILED)
		fkh_die("shared memory", errno);
	*fdp = fd;
	return (va);
}

void
fkh_shmem_destroy(void *va, size_t size, int fd)
{
	(void) munmap(va, size);
	(void) close(fd);
}

void
fkh_write_stderr(const char *s, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(STDERR_FILENO, s, len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		s += n;
		len -= n;
	}
}

size_t
fkh_vsnprintf(char *buf, size_t len, const char *fmt, va_list ap)
{
	int n = vsnprintf(buf, len, fmt, ap);

	return (n < 0 ? 0 : n);
}

static int
fkh_find_base(struct dl_phdr_info *info, size_t size, void *arg)
{
	/* The first object is the program itself. */
	*(uintptr_t *)arg = info->dlpi_addr;
	return (1);
}

/* Runs addr2line with the addresses; false if that does not work. */
static bool
fkh_symbolize(void *const *pc, int n)
{
	char addrs[64][24], exe[64];
	char *argv[64 + 8];
	uintptr_t base = 0;
	pid_t pid;
	int i, argc = 0, status;

	if (n > 64)
		n = 64;
	(void) dl_iterate_phdr(fkh_find_base, &base);
	(void) snprintf(exe, sizeof (exe), "/proc/%d/exe", (int)getpid());
	argv[argc++] = "addr2line";
	argv[argc++] = "-apfs";
	argv[argc++] = "-e";
	argv[argc++] = exe;
	for (i = 0; i < n; i++) {
		/* Return addresses: one back is within the call. */
		(void) snprintf(addrs[i], sizeof (addrs[i]), "%#lx",
		    (unsigned long)((uintptr_t)pc[i] - base - 1));
		argv[argc++] = addrs[i];
	}
	argv[argc] = NULL;
	pid = fork();
	if (pid == -1)
		return (false);
	if (pid == 0) {
		(void) dup2(STDERR_FILENO, STDOUT_FILENO);
		(void) close(STDERR_FILENO);
		(void) execvp(argv[0], argv);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) == -1) {
		if (errno != EINTR)
			return (false);
	}
	return (status == 0);
}

void
fkh_print_backtrace(void *const *pc, int n)
{
	char line[32];
	int i, len;

	if (n == 0 || fkh_symbolize(pc, n))
		return;
	for (i = 0; i < n; i++) {
		len = snprintf(line, sizeof (line), "%p\n", pc[i]);
		fkh_write_stderr(line, len);
	}
}

void
fkh_abort(void)
{
	abort();
}

void
fkh_boot(void)
{
	/*
	 * Message buffers are large and short-lived: keep the memory rather
	 * than giving it back to the host and faulting it in again.
	 */
	(void) mallopt(M_MMAP_THRESHOLD, 64 << 20);
	(void) mallopt(M_TRIM_THRESHOLD, 256 << 20);
}
