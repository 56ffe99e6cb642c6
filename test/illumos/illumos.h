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

#ifndef _ILLUMOS_H
#define	_ILLUMOS_H

/*
 * A POSIX of the size that the test programs need, on illumos's system calls.
 *
 * The programs of test/linux and test/conformance are compiled, unchanged,
 * against the headers of musl (a package) and linked with what of musl makes no
 * system calls (strings, numbers, printf into memory).  What does make them is
 * here:
 *
 *	sys.c		files, processes, sockets: from Linux's numbers, which
 *			are those of the headers, to illumos's and back
 *	signal.c	signals and what sends them
 *	thread.c	threads, on lwps
 *	kstat.c		libkstat
 *	stdio.c		as much of FILE as is used; memory
 *	commands.c	what popen(3C) runs: there is no shell and no other
 *			program on the system
 *	guest.c		a guest of vsockhv, played by a program
 *	dtrace.c	a little of dtrace(8)
 *	init.c		process 1: prepares the system and runs the agent
 *
 * Errors of our own making end in ill_die(): a test program need not survive
 * them.
 */

#include <sys/types.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdint.h>

/* illumos's system calls, by their numbers there. */
#define	ILL_EXIT		1
#define	ILL_READ		3
#define	ILL_WRITE		4
#define	ILL_CLOSE		6
#define	ILL_LSEEK		19
#define	ILL_GETPID		20
#define	ILL_MOUNT		21
#define	ILL_SETUID		23
#define	ILL_ALARM		27
#define	ILL_KILL		37
#define	ILL_PIPE		42
#define	ILL_IOCTL		54
#define	ILL_UADMIN		55
#define	ILL_FCNTL		62
#define	ILL_FSTATAT		66
#define	ILL_OPENAT		68
#define	ILL_GETDENTS		81
#define	ILL_SIGACTION		98
#define	ILL_CONTEXT		100
#define	ILL_WAITID		107
#define	ILL_MMAP		115
#define	ILL_READV		121
#define	ILL_WRITEV		122
#define	ILL_SYSTEMINFO		139
#define	ILL_FORKSYS		142
#define	ILL_YIELD		146
#define	ILL_MODCTL		152
#define	ILL_SETITIMER		158
#define	ILL_LWP_CREATE		159
#define	ILL_LWP_EXIT		160
#define	ILL_LWP_PRIVATE		166
#define	ILL_POLLSYS		183
#define	ILL_CLOCK_GETTIME	191
#define	ILL_NANOSLEEP		199
#define	ILL_ZONE		227
#define	ILL_SO_SOCKET		230
#define	ILL_SO_SOCKETPAIR	231
#define	ILL_BIND		232
#define	ILL_LISTEN		233
#define	ILL_ACCEPT		234
#define	ILL_CONNECT		235
#define	ILL_SHUTDOWN		236
#define	ILL_RECVFROM		238
#define	ILL_RECVMSG		239
#define	ILL_SENDMSG		241
#define	ILL_SENDTO		242
#define	ILL_GETPEERNAME		243
#define	ILL_GETSOCKNAME		244
#define	ILL_GETSOCKOPT		245
#define	ILL_SETSOCKOPT		246
#define	ILL_SOCKCONFIG		247

#define	ILL_AF_VSOCK		34
#define	ILL_SOCK_STREAM		2
#define	ILL_SOCK_SEQPACKET	6

/* What a system call says: its values, or an errno of illumos. */
typedef struct ill_result {
	int64_t	ir_value;
	int64_t	ir_value2;	/* forksys, pipe */
	int	ir_errno;	/* 0: success */
} ill_result_t;

extern ill_result_t ill_syscall(int number, uint64_t, uint64_t, uint64_t,
    uint64_t, uint64_t, uint64_t);

/*
 * The same for those whose value is all there is to say: -1, and errno, of
 * Linux, is set.
 */
extern int64_t ill_call(int number, uint64_t, uint64_t, uint64_t, uint64_t,
    uint64_t, uint64_t);

/* An ioctl of illumos's number. */
extern int ill_ioctl(int fd, int cmd, void *arg);

/* Print to the console, and end the process. */
extern void ill_die(const char *what) __attribute__((noreturn));
/* Print a line to the console. */
extern void ill_console(const char *text);

/* thread.c: the main thread's part. */
extern void ill_thread_init(void);
/* Wait without using the processor for long. */
extern void ill_pause(void);

/* stdio.c: vfprintf() and fwrite() of the programs. */
extern int ill_vfprintf(FILE *, const char *, va_list);
extern size_t ill_fwrite(const void *, size_t, size_t, FILE *);
/* stdio.c: around a fork(2). */
extern void ill_mem_lock(void);
extern void ill_mem_unlock(void);

/* Of glibc; musl has none.  NULL: unknown to the tests. */
extern const char *strerrorname_np(int);

/* The main() of test/linux/vcat.c. */
extern int vcat_main(int, char **);

/* The main() of test/conformance/conform.c. */
extern int conform_main(int, char **);

/* The main() of cmd/vsockadm. */
extern int vsockadm_main(int, char **);

/* guest.c */
extern int hvguest_main(int, char **);

/* dtrace.c */
extern int dtrace_main(int, char **);

/* commands.c: run a command line; its exit status. */
extern int ill_command(char *line);

#endif	/* _ILLUMOS_H */
