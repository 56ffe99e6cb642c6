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
} fkh_thread_t;

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
	(void) fkh_futex(addr, FUTEX_WAKE, howmany, NULL);
}

static void
fkh_die(const char *what, int err)
{
	(void) fprintf(stderr, "fake kernel: %s: %s\n", what, strerror(err));
	abort();
}

static void *
fkh_thread_start(void *arg)
{
	fkh_thread_t *ft = arg;

	(void) pthread_setname_np(pthread_self(), ft->ft_name);
	ft->ft_func(ft->ft_arg);
	return (NULL);
}

void *
fkh_thread_create(const char *name, void (*func)(void *), void *arg)
{
	fkh_thread_t *ft = fkh_alloc(sizeof (*ft));
	int err;

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
	pthread_exit(NULL);
}

void
fkh_thread_join(void *arg)
{
	fkh_thread_t *ft = arg;

	(void) pthread_join(ft->ft_pthread, NULL);
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
	int cpu = sched_getcpu();

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
