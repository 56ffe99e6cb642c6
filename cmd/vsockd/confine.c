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
 * What vsockd gives up when it has started: it takes input from guests, and if
 * one of them gets hold of it, it should not get hold of more.
 *
 * With --user it is no longer root: it becomes that user when all that is not
 * opened by name later has been opened.  The sockets are the user's then, as
 * it is the user's programs that may connect.
 *
 * A filter (seccomp(2)) on all threads denies, with EPERM, the calls by which a
 * process runs other programs, gets at other processes, changes who it is or
 * what the system looks like, or talks to the kernel in ways that have nothing
 * to do with sockets and memory; and new privileges are out of reach.  It is a
 * list of what is denied and not of what is allowed, as the C library has a say
 * in that.
 */

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>
#include "vsockd.h"

#define	DENY(nr)	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1), \
			BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)

static struct sock_filter confine_filter[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	    offsetof(struct seccomp_data, arch)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	/* The numbers of x32 begin here. */
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),

	/* Other programs, other processes. */
	DENY(SYS_execve),
	DENY(SYS_execveat),
	DENY(SYS_fork),
	DENY(SYS_vfork),
#ifndef	__SANITIZE_ADDRESS__
	/* LeakSanitizer stops our threads with it when we end. */
	DENY(SYS_ptrace),
#endif
	DENY(SYS_process_vm_readv),
	DENY(SYS_process_vm_writev),
	DENY(SYS_pidfd_getfd),
	DENY(SYS_kcmp),
	/* Who we are. */
	DENY(SYS_setuid),
	DENY(SYS_setgid),
	DENY(SYS_setreuid),
	DENY(SYS_setregid),
	DENY(SYS_setresuid),
	DENY(SYS_setresgid),
	DENY(SYS_setgroups),
	DENY(SYS_capset),
	DENY(SYS_personality),
	/* The system. */
	DENY(SYS_mount),
	DENY(SYS_umount2),
	DENY(SYS_pivot_root),
	DENY(SYS_chroot),
	DENY(SYS_unshare),
	DENY(SYS_setns),
	DENY(SYS_init_module),
	DENY(SYS_finit_module),
	DENY(SYS_delete_module),
	DENY(SYS_kexec_load),
	DENY(SYS_kexec_file_load),
	DENY(SYS_reboot),
	DENY(SYS_swapon),
	DENY(SYS_swapoff),
	DENY(SYS_sethostname),
	DENY(SYS_setdomainname),
	DENY(SYS_settimeofday),
	DENY(SYS_clock_settime),
	DENY(SYS_adjtimex),
	DENY(SYS_acct),
	DENY(SYS_quotactl),
	DENY(SYS_ioperm),
	DENY(SYS_iopl),
	DENY(SYS_mknod),
	DENY(SYS_mknodat),
	DENY(SYS_open_by_handle_at),
	/* The kernel's more remote corners. */
	DENY(SYS_bpf),
	DENY(SYS_perf_event_open),
	DENY(SYS_userfaultfd),
	DENY(SYS_io_uring_setup),
	DENY(SYS_keyctl),
	DENY(SYS_add_key),
	DENY(SYS_request_key),

	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
};

/* To be: NULL, the one who has started us. */
static const char *confine_name;
static uid_t confine_uid;
static gid_t confine_gid;

const char *
confine_parse(const char *name)
{
	const struct passwd *pw;

	errno = 0;
	if ((pw = getpwnam(name)) == NULL)
		return (errno == 0 ? "there is no such user" :
		    strerror(errno));
	if (geteuid() != 0 && pw->pw_uid != geteuid())
		return ("only root can be another user");
	if (geteuid() != 0)
		return (NULL);
	confine_name = name;
	confine_uid = pw->pw_uid;
	confine_gid = pw->pw_gid;
	return (NULL);
}

int
confine_give(const char *path)
{
	if (confine_name == NULL)
		return (0);
	return (lchown(path, confine_uid, confine_gid) == 0 ? 0 : errno);
}

int
confine_user(void)
{
	if (confine_name == NULL)
		return (0);
	if (initgroups(confine_name, confine_gid) != 0 ||
	    setresgid(confine_gid, confine_gid, confine_gid) != 0 ||
	    setresuid(confine_uid, confine_uid, confine_uid) != 0)
		return (errno);
	return (0);
}

int
confine(void)
{
	const struct sock_fprog prog = {
		.len	= sizeof (confine_filter) / sizeof (confine_filter[0]),
		.filter	= confine_filter
	};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return (errno);
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
	    SECCOMP_FILTER_FLAG_TSYNC, &prog) != 0)
		return (errno);
	return (0);
}
