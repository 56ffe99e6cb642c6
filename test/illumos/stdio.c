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
 * Memory, and as much of FILE as the programs use: a file descriptor, or a
 * growing piece of memory.  No locks: a FILE is used by one thread.
 */

#include <sys/mman.h>
#include <sys/wait.h>
#include <errno.h>
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "illumos.h"

#define	MAX_FDS		256	/* of a process, as illumos has it */

struct _IO_FILE {
	int	f_fd;		/* -1: memory */
	bool	f_failed;	/* a write(2) has */
	pid_t	f_pid;		/* of popen(3C) */
	size_t	f_pos;		/* input that was read by the caller, */
	size_t	f_end;		/* ... and all there is */
	char	**f_memp;	/* of open_memstream(3C) */
	size_t	*f_lenp;
	size_t	f_size;
	char	f_buf[1024];
};

static struct _IO_FILE stdout_file = { .f_fd = 1 };
static struct _IO_FILE stderr_file = { .f_fd = 2 };
FILE *const stdout = &stdout_file;
FILE *const stderr = &stderr_file;

void
ill_console(const char *text)
{
	(void) write(2, text, strlen(text));
	(void) write(2, "\n", 1);
}

void
ill_die(const char *what)
{
	ill_console(what);
	_exit(99);
}

void
abort(void)
{
	ill_die("aborted");
}

void
exit(int status)
{
	_exit(status);
}

/*
 * Options of one letter, with an argument of its own or without.
 */
char *optarg;
int optind = 1, optopt;

int
getopt(int argc, char *const argv[], const char *options)
{
	const char *found;

	if (optind >= argc || argv[optind][0] != '-' ||
	    argv[optind][1] == '\0')
		return (-1);
	optopt = (unsigned char)argv[optind++][1];
	found = strchr(options, optopt);
	if (found == NULL)
		return ('?');
	if (found[1] == ':' && optind >= argc)
		return (options[0] == ':' ? ':' : '?');
	if (found[1] == ':')
		optarg = argv[optind++];
	return (*found);
}

/*
 * Memory: blocks of powers of two, with their size class before them.
 */

#define	MEM_MIN		6		/* 64 bytes */
#define	MEM_MAX		26
#define	MEM_CHUNK	(1 << 20)

typedef struct block {
	uint64_t	bl_class;
	struct block	*bl_next;
} block_t;

static block_t *mem_free[MEM_MAX + 1];
static pthread_mutex_t mem_lock;

/* For fork(2): the child has but one thread, which must not find it locked. */
void
ill_mem_lock(void)
{
	(void) pthread_mutex_lock(&mem_lock);
}

void
ill_mem_unlock(void)
{
	(void) pthread_mutex_unlock(&mem_lock);
}

void *
malloc(size_t size)
{
	size_t class = MEM_MIN, chunk;
	block_t *bl;
	uint8_t *p;

	while (((size_t)1 << class) < size + sizeof (block_t))
		class++;
	if (class > MEM_MAX)
		return (NULL);
	(void) pthread_mutex_lock(&mem_lock);
	if (mem_free[class] == NULL) {
		chunk = (size_t)1 << class;
		if (chunk < MEM_CHUNK)
			chunk = MEM_CHUNK;
		p = mmap(NULL, chunk, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			ill_die("out of memory");
		for (size_t i = 0; i < chunk; i += (size_t)1 << class) {
			bl = (block_t *)(p + i);
			bl->bl_class = class;
			bl->bl_next = mem_free[class];
			mem_free[class] = bl;
		}
	}
	bl = mem_free[class];
	mem_free[class] = bl->bl_next;
	(void) pthread_mutex_unlock(&mem_lock);
	return (bl + 1);
}

void
free(void *p)
{
	block_t *bl = (block_t *)p - 1;

	if (p == NULL)
		return;
	(void) pthread_mutex_lock(&mem_lock);
	bl->bl_next = mem_free[bl->bl_class];
	mem_free[bl->bl_class] = bl;
	(void) pthread_mutex_unlock(&mem_lock);
}

void *
calloc(size_t n, size_t size)
{
	void *p = malloc(n * size);

	return (p == NULL ? NULL : memset(p, 0, n * size));
}

void *
realloc(void *old, size_t size)
{
	size_t room = old == NULL ? 0 :
	    ((size_t)1 << ((block_t *)old)[-1].bl_class) - sizeof (block_t);
	void *p;

	if (size <= room)
		return (old);
	if ((p = malloc(size)) != NULL && old != NULL) {
		(void) memcpy(p, old, room);
		free(old);
	}
	return (p);
}

/*
 * Streams.
 */

FILE *
fdopen(int fd, const char *mode)
{
	FILE *f = calloc(1, sizeof (*f));

	f->f_fd = fd;
	return (f);
}

/* To be written, from its start. */
FILE *
fopen(const char *path, const char *mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC);

	return (fd == -1 ? NULL : fdopen(fd, mode));
}

FILE *
open_memstream(char **memp, size_t *lenp)
{
	FILE *f = fdopen(-1, "w");

	f->f_memp = memp;
	f->f_lenp = lenp;
	f->f_size = 256;
	*memp = malloc(f->f_size);
	**memp = '\0';
	*lenp = 0;
	return (f);
}

static void
put(FILE *f, const char *text, size_t len)
{
	ssize_t n;

	if (f->f_fd == -1) {
		while (*f->f_lenp + len + 1 > f->f_size)
			f->f_size *= 2;
		*f->f_memp = realloc(*f->f_memp, f->f_size);
		(void) memcpy(*f->f_memp + *f->f_lenp, text, len);
		*f->f_lenp += len;
		(*f->f_memp)[*f->f_lenp] = '\0';
		return;
	}
	for (; len > 0; text += n, len -= n) {
		if ((n = write(f->f_fd, text, len)) == -1) {
			f->f_failed = true;
			return;
		}
	}
}

int
fputc(int c, FILE *f)
{
	char byte = (char)c;

	put(f, &byte, 1);
	return (c);
}

int
putchar(int c)
{
	return (fputc(c, stdout));
}

static int
vput(FILE *f, const char *fmt, va_list ap)
{
	char *text;
	int len = vasprintf(&text, fmt, ap);

	if (len >= 0) {
		put(f, text, len);
		free(text);
	}
	return (len);
}

/* Under their own names musl prints into memory with them. */
int
ill_vfprintf(FILE *f, const char *fmt, va_list ap)
{
	return (vput(f, fmt, ap));
}

size_t
ill_fwrite(const void *data, size_t size, size_t n, FILE *f)
{
	put(f, data, size * n);
	return (f->f_failed ? 0 : n);
}

int
ferror(FILE *f)
{
	return (f->f_failed);
}

int
fprintf(FILE *f, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vput(f, fmt, ap);
	va_end(ap);
	return (len);
}

int
printf(const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vput(stdout, fmt, ap);
	va_end(ap);
	return (len);
}

int
getc(FILE *f)
{
	ssize_t n;

	if (f->f_pos == f->f_end) {
		do {
			n = read(f->f_fd, f->f_buf, sizeof (f->f_buf));
		} while (n == -1 && errno == EINTR);
		if (n <= 0)
			return (EOF);
		f->f_pos = 0;
		f->f_end = n;
	}
	return ((unsigned char)f->f_buf[f->f_pos++]);
}

char *
fgets(char *line, int size, FILE *f)
{
	int byte, n = 0;

	while (n < size - 1 && (byte = getc(f)) != EOF) {
		line[n++] = (char)byte;
		if (byte == '\n')
			break;
	}
	line[n] = '\0';
	return (n > 0 ? line : NULL);
}

/* Output is never kept back. */
int
fflush(FILE *f)
{
	return (0);
}

int
fclose(FILE *f)
{
	if (f->f_fd != -1)
		(void) close(f->f_fd);
	free(f);
	return (0);
}

/*
 * Runs a line of commands.c: its output.  Errors go to the console.
 *
 * As nothing is executed, nothing is closed by itself: the child has no use for
 * the connections of other threads, whose ends would not be seen.  Nor must it
 * have the pipe of another popen(), so one comes after the other.
 */
FILE *
popen(const char *line, const char *mode)
{
	static pthread_mutex_t lock;
	int fds[2];
	FILE *f;
	pid_t pid;

	(void) pthread_mutex_lock(&lock);
	if (pipe(fds) == -1) {
		(void) pthread_mutex_unlock(&lock);
		return (NULL);
	}
	pid = fork();
	if (pid == 0) {
		(void) dup2(fds[1], STDOUT_FILENO);
		for (int fd = STDERR_FILENO + 1; fd < MAX_FDS; fd++)
			(void) close(fd);
		_exit(ill_command(strdup(line)));
	}
	(void) close(fds[1]);
	(void) pthread_mutex_unlock(&lock);
	if (pid == -1) {
		(void) close(fds[0]);
		return (NULL);
	}
	f = fdopen(fds[0], "r");
	f->f_pid = pid;
	return (f);
}

int
pclose(FILE *f)
{
	pid_t pid = f->f_pid;
	int status;

	(void) fclose(f);
	return (waitpid(pid, &status, 0) == -1 ? -1 : status);
}

static void __attribute__((noreturn))
complain(int status, const char *fmt, va_list ap, const char *why)
{
	(void) vput(stderr, fmt, ap);
	(void) fprintf(stderr, "%s%s\n", why == NULL ? "" : ": ",
	    why == NULL ? "" : why);
	_exit(status);
}

void
err(int status, const char *fmt, ...)
{
	const char *why = strerrorname_np(errno);
	va_list ap;

	va_start(ap, fmt);
	complain(status, fmt, ap, why);
}

void
perror(const char *what)
{
	(void) fprintf(stderr, "%s: %s\n", what, strerror(errno));
}

char *
strerror(int number)
{
	const char *name = strerrorname_np(number);

	return ((char *)(uintptr_t)(name == NULL ? "another error" : name));
}

void
errx(int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(status, fmt, ap, NULL);
}

/* Those that tests ask for. */
const char *
strerrorname_np(int number)
{
	static const struct {
		int		en_number;
		const char	*en_name;
	} table[] = {
#define	E(name)	{ name, #name }
		E(EACCES), E(EADDRINUSE), E(EADDRNOTAVAIL), E(EAFNOSUPPORT),
		E(EAGAIN), E(EALREADY), E(EBADF), E(EBADMSG), E(EBUSY),
		E(ECONNABORTED), E(ECONNREFUSED), E(ECONNRESET), E(EEXIST),
		E(EFAULT), E(EINPROGRESS), E(EINTR), E(EINVAL), E(EIO),
		E(EISCONN), E(EMFILE), E(EMSGSIZE), E(ENETDOWN), E(ENOBUFS),
		E(ENODEV), E(ENOENT), E(ENOMEM), E(ENOPROTOOPT), E(ENOSYS),
		E(ENOTCONN), E(ENOTTY), E(ENXIO), E(EOPNOTSUPP), E(EOVERFLOW),
		E(EPERM), E(EPIPE), E(EPROTO), E(EPROTONOSUPPORT),
		E(EPROTOTYPE), E(ESOCKTNOSUPPORT), E(ETIMEDOUT)
#undef E
	};

	for (size_t i = 0; i < sizeof (table) / sizeof (table[0]); i++) {
		if (table[i].en_number == number)
			return (table[i].en_name);
	}
	return (NULL);
}
