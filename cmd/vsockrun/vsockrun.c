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
 * vsockrun: run a program whose AF_VSOCK sockets live in a vsockd.
 *
 *	vsockrun [--control PATH] -- COMMAND [ARG]...
 *	vsockrun [--control PATH] --kstat
 *
 * The work is done by a library that the program is made to load
 * (preload.c).  So it must be one that loads libraries: a static one is
 * refused, as it would not notice.  To be sure that no socket of the machine's
 * own AF_VSOCK is opened, by whatever way the library does not see, the
 * program and its children are also put under a seccomp filter: socket(2) and
 * socketpair(2) with that family fail with EAFNOSUPPORT, the ways around these
 * two calls (io_uring, other ABIs) with ENOSYS, and what /dev/vsock would tell
 * of the machine with ENOTTY.
 */

#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/vm_sockets.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "../vsockd/control.h"

#define	EXIT_USAGE	2
#define	EXIT_CANNOT	126	/* as the shell has it */
#define	EXIT_NOTFOUND	127

#define	RUN_LIBRARY	"../lib/libvsockrun.so"	/* from our own folder */
#define	RUN_MAX_SCRIPTS	4	/* interpreters of interpreters */

static void die(int, const char *, ...)
    __attribute__((__noreturn__, __format__(__printf__, 2, 3)));

static void
die(int status, const char *fmt, ...)
{
	va_list ap;

	(void) fprintf(stderr, "vsockrun: ");
	va_start(ap, fmt);
	(void) vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void) fprintf(stderr, "\n");
	exit(status);
}

static void
usage(void)
{
	die(EXIT_USAGE, "usage: vsockrun [--control PATH] -- COMMAND "
	    "[ARG]...\n       vsockrun [--control PATH] --kstat\n"
	    "PATH is $VSOCK_CONTROL unless it is given");
}

/*
 * The seccomp filter.
 */

#if defined(__x86_64__)
#define	RUN_ARCH	AUDIT_ARCH_X86_64
#define	RUN_ABI_BIT	0x40000000	/* system calls of the x32 ABI */
#elif defined(__aarch64__)
#define	RUN_ARCH	AUDIT_ARCH_AARCH64
#define	RUN_ABI_BIT	0x80000000
#else
#error "which architecture is this?"
#endif

#define	LOAD(field)	\
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
/* Jump so many instructions if (not) ... */
#define	IF(op, val, yes, no)	\
	BPF_JUMP(BPF_JMP | BPF_K | (op), (val), (yes), (no))
#define	RETURN(val)	BPF_STMT(BPF_RET | BPF_K, (val))

static void
run_filter(void)
{
	struct sock_filter code[] = {
		LOAD(arch),
		IF(BPF_JEQ, RUN_ARCH, 0, 11),
		LOAD(nr),
		IF(BPF_JSET, RUN_ABI_BIT, 9, 0),
		IF(BPF_JEQ, __NR_io_uring_setup, 8, 0),
		IF(BPF_JEQ, __NR_ioctl, 4, 0),
		IF(BPF_JEQ, __NR_socket, 1, 0),
		IF(BPF_JEQ, __NR_socketpair, 0, 4),
		LOAD(args[0]),		/* its lower half: what is looked at */
		IF(BPF_JEQ, AF_VSOCK, 4, 2),
		LOAD(args[1]),
		IF(BPF_JEQ, IOCTL_VM_SOCKETS_GET_LOCAL_CID, 3, 0),
		RETURN(SECCOMP_RET_ALLOW),
		RETURN(SECCOMP_RET_ERRNO | ENOSYS),
		RETURN(SECCOMP_RET_ERRNO | EAFNOSUPPORT),
		RETURN(SECCOMP_RET_ERRNO | ENOTTY)
	};
	const struct sock_fprog prog = {
		.len	= sizeof (code) / sizeof (code[0]),
		.filter	= code
	};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) != 0)
		die(EXIT_CANNOT, "seccomp: %s", strerror(errno));
}

/*
 * What kind of program is it?
 */

/* Whether the ELF file asks for a dynamic linker. */
static bool
run_elf_dynamic(int fd, const char *path)
{
	Elf64_Ehdr eh;
	Elf64_Phdr ph;

	if (pread(fd, &eh, sizeof (eh), 0) != sizeof (eh))
		return (false);
	if (eh.e_ident[EI_CLASS] != ELFCLASS64)
		die(EXIT_CANNOT, "%s: not a 64-bit program", path);
	if (eh.e_phentsize != sizeof (ph))
		return (false);
	for (unsigned i = 0; i < eh.e_phnum; i++) {
		if (pread(fd, &ph, sizeof (ph),
		    (off_t)(eh.e_phoff + i * sizeof (ph))) != sizeof (ph))
			return (false);
		if (ph.p_type == PT_INTERP)
			return (true);
	}
	return (false);
}

/* Ends us if the file, or the interpreter of the script, is static. */
static void
run_check(const char *path, int depth)
{
	char head[256], *interp;
	ssize_t n;
	int fd;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		die(EXIT_CANNOT, "%s: %s", path, strerror(errno));
	if ((n = pread(fd, head, sizeof (head) - 1, 0)) < 0)
		die(EXIT_CANNOT, "%s: %s", path, strerror(errno));
	head[n] = '\0';
	if (strncmp(head, "#!", 2) == 0) {
		interp = strtok(head + 2, " \t\n");
		if (interp == NULL || depth == RUN_MAX_SCRIPTS)
			die(EXIT_CANNOT, "%s: bad interpreter", path);
		run_check(interp, depth + 1);
	} else if (strncmp(head, ELFMAG, SELFMAG) == 0 &&
	    !run_elf_dynamic(fd, path)) {
		die(EXIT_CANNOT, "%s is statically linked: it would not use "
		    "our sockets", path);
	}
	(void) close(fd);
}

/* The file that execvp(3) would run. */
static void
run_find(const char *command, char *path, size_t size)
{
	const char *dirs = getenv("PATH"), *end;
	struct stat st;

	if (strchr(command, '/') != NULL) {
		(void) snprintf(path, size, "%s", command);
		return;
	}
	for (; dirs != NULL && *dirs != '\0';
	    dirs = *end == ':' ? end + 1 : end) {
		end = strchrnul(dirs, ':');
		if ((size_t)snprintf(path, size, "%.*s/%s",
		    (int)(end - dirs), end == dirs ? "." : dirs, command) <
		    size && access(path, X_OK) == 0 && stat(path, &st) == 0 &&
		    S_ISREG(st.st_mode))
			return;
	}
	die(EXIT_NOTFOUND, "%s: not found", command);
}

static void
run_preload(void)
{
	char self[PATH_MAX], lib[PATH_MAX * 2], all[PATH_MAX * 4];
	const char *others = getenv("LD_PRELOAD");
	char real[PATH_MAX], *slash;
	ssize_t n;

	if ((n = readlink("/proc/self/exe", self, sizeof (self) - 1)) < 0)
		die(EXIT_CANNOT, "/proc/self/exe: %s", strerror(errno));
	self[n] = '\0';
	if ((slash = strrchr(self, '/')) != NULL)
		slash[1] = '\0';
	(void) snprintf(lib, sizeof (lib), "%s" RUN_LIBRARY, self);
	if (realpath(lib, real) == NULL)
		die(EXIT_CANNOT, "%s: %s", lib, strerror(errno));
	if (strpbrk(real, " :") != NULL)
		die(EXIT_CANNOT, "%s: LD_PRELOAD cannot name this file", real);
	if (others != NULL && *others != '\0') {
		if ((size_t)snprintf(all, sizeof (all), "%s:%s", real,
		    others) >= sizeof (all))
			die(EXIT_CANNOT, "LD_PRELOAD is too long");
	} else {
		(void) snprintf(all, sizeof (all), "%s", real);
	}
	if (setenv("LD_PRELOAD", all, 1) != 0)
		die(EXIT_CANNOT, "%s", strerror(errno));
}

/*
 * --kstat: vsockd replies with a file.
 */
static void
run_kstat(const char *control)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	vsc_request_t req = { .vq_version = VSC_VERSION, .vq_op = VSC_KSTAT };
	vsc_reply_t rep;
	union {
		struct cmsghdr	cu_hdr;
		char		cu_buf[CMSG_SPACE(sizeof (int))];
	} cu;
	struct iovec iov = { &rep, sizeof (rep) };
	struct msghdr mh = {
		.msg_iov	= &iov,
		.msg_iovlen	= 1,
		.msg_control	= cu.cu_buf,
		.msg_controllen	= sizeof (cu.cu_buf)
	};
	char buf[65536];
	struct cmsghdr *cm;
	ssize_t n;
	int s, fd;

	(void) strcpy(sun.sun_path, control);
	s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (s == -1 ||
	    connect(s, (struct sockaddr *)&sun, sizeof (sun)) != 0 ||
	    send(s, &req, sizeof (req), MSG_NOSIGNAL) != sizeof (req))
		die(EXIT_FAILURE, "%s: %s", control, strerror(errno));
	if (recvmsg(s, &mh, MSG_CMSG_CLOEXEC) != sizeof (rep))
		die(EXIT_FAILURE, "%s: no reply", control);
	if (rep.vp_error != 0)
		die(EXIT_FAILURE, "%s", strerror(rep.vp_error));
	if ((cm = CMSG_FIRSTHDR(&mh)) == NULL || cm->cmsg_type != SCM_RIGHTS)
		die(EXIT_FAILURE, "%s: an empty reply", control);
	(void) memcpy(&fd, CMSG_DATA(cm), sizeof (fd));
	while ((n = read(fd, buf, sizeof (buf))) > 0) {
		if (fwrite(buf, 1, (size_t)n, stdout) != (size_t)n)
			break;
	}
	if (fflush(stdout) != 0)
		die(EXIT_FAILURE, "stdout: %s", strerror(errno));
}

int
main(int argc, char **argv)
{
	const struct option longopts[] = {
		{ "control",	required_argument,	NULL,	'c' },
		{ "kstat",	no_argument,		NULL,	'k' },
		{ NULL,		0,			NULL,	0 }
	};
	const size_t max_path = sizeof (((struct sockaddr_un *)0)->sun_path);
	const char *control = getenv("VSOCK_CONTROL");
	char path[PATH_MAX], real[PATH_MAX];
	bool kstat = false;
	int c;

	/* "+": options end where the command begins. */
	while ((c = getopt_long(argc, argv, "+", longopts, NULL)) != -1) {
		switch (c) {
		case 'c':
			control = optarg;
			break;
		case 'k':
			kstat = true;
			break;
		default:
			usage();
		}
	}
	if (control == NULL || *control == '\0' || kstat != (optind == argc))
		usage();
	/* The program may go to another folder. */
	if (realpath(control, real) == NULL)
		die(EXIT_FAILURE, "%s: %s", control, strerror(errno));
	if (strlen(real) >= max_path)
		die(EXIT_FAILURE, "%s: path too long for a socket", real);
	if (kstat) {
		run_kstat(real);
		return (EXIT_SUCCESS);
	}

	run_find(argv[optind], path, sizeof (path));
	run_check(path, 0);
	if (setenv("VSOCK_CONTROL", real, 1) != 0)
		die(EXIT_CANNOT, "%s", strerror(errno));
	run_preload();
	run_filter();
	(void) execv(path, argv + optind);
	die(errno == ENOENT ? EXIT_NOTFOUND : EXIT_CANNOT, "%s: %s", path,
	    strerror(errno));
}
