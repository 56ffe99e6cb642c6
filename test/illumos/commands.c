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
 * What there is instead of a shell and programs: a line is
 *
 *	COMMAND [ARGUMENT...] [<FILE] [>FILE]
 *
 * and the commands are in the table at the end.  Each runs in a process of its
 * own, made by popen(3C), with the caller's user id 0 and all privileges.
 */

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sha256.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/vm_sockets.h>
#include <sys/vsockhv.h>

#include "illumos.h"

#define	MAX_ARGS	32

#define	ILL_MODLOAD	0
#define	ILL_MODUNLOAD	1
#define	ILL_MODINFO	2
#define	ILL_MI_INFO_ALL	2

#define	ILL_GET_LOCAL_CID	(0x20000000 | (7 << 8) | 0xb9)
#define	VSOCK_NODE	"/devices/pseudo/vsock@0:vsock"
#define	PCI_BUS		"/devices/pci@0,0"
#define	VSOCKHV_NODE	"/devices/pseudo/vsockhv@0:vsockhv"

#define	ILL_A_REBOOT	1
#define	ILL_AD_HALT	0
#define	ILL_AD_BOOT	1
#define	ILL_A_SHUTDOWN	2

/* struct modinfo, as much as is looked at. */
typedef struct ill_modinfo {
	int32_t		mi_info;
	int32_t		mi_state;
	int32_t		mi_id;
	int32_t		mi_nextid;
	void		*mi_base;
	uint64_t	mi_size;
	int32_t		mi_rev;
	int32_t		mi_loadcnt;
	char		mi_name[32];
	uint8_t		mi_rest[1024];
} ill_modinfo_t;

/* The id of a module that is loaded, or 0. */
static int
module_id(const char *name)
{
	ill_modinfo_t mi = { .mi_info = ILL_MI_INFO_ALL };

	/* Each time, the one with the next higher id. */
	for (;;) {
		mi.mi_info = ILL_MI_INFO_ALL;
		if (ill_call(ILL_MODCTL, ILL_MODINFO, mi.mi_id,
		    (uintptr_t)&mi, 0, 0, 0) == -1)
			return (0);
		if (strcmp(mi.mi_name, name) == 0)
			return (mi.mi_id);
	}
}

static int
cmd_loaded(int argc, char **argv)
{
	(void) printf("%d\n", module_id(argv[1]) != 0);
	return (0);
}

static int
cmd_load(int argc, char **argv)
{
	int id;

	if (ill_call(ILL_MODCTL, ILL_MODLOAD, 1, (uintptr_t)argv[1],
	    (uintptr_t)&id, 0, 0) == -1)
		err(1, "%s", argv[1]);
	return (0);
}

/* A driver detaches first, if it will. */
static int
module_unload(const char *name)
{
	int id = module_id(name);

	if (id == 0) {
		errno = ENOENT;
		return (-1);
	}
	return ((int)ill_call(ILL_MODCTL, ILL_MODUNLOAD, id, 0, 0, 0, 0));
}

static int
cmd_unload(int argc, char **argv)
{
	if (module_unload(argv[1]) == -1)
		err(1, "%s", argv[1]);
	return (0);
}

/*
 * So many times: a socket loads the module, which cannot be unloaded while the
 * socket is open, and goes when it is closed.
 */
static int
cmd_sockets(int argc, char **argv)
{
	for (int i = 0; i < atoi(argv[1]); i++) {
		int fd = socket(AF_VSOCK, SOCK_STREAM, 0);

		if (fd == -1)
			err(1, "socket");
		if (module_id("vsock") == 0)
			errx(1, "vsock is not there");
		if (module_unload("vsock") != -1 || errno != EBUSY)
			err(1, "unloading it while it is in use");
		(void) close(fd);
		if (module_id("vsock") != 0)
			errx(1, "vsock is still there after %d", i);
	}
	return (0);
}

/* Bind as a user without privileges: "ok", or the errno. */
static int
cmd_privport(int argc, char **argv)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK,
		.svm_port = atoi(argv[1]),
		.svm_cid = VMADDR_CID_ANY
	};
	int fd;

	if (setuid(100) == -1)
		err(1, "setuid");
	if ((fd = socket(AF_VSOCK, SOCK_STREAM, 0)) == -1)
		err(1, "socket");
	if (bind(fd, (struct sockaddr *)&addr, sizeof (addr)) == -1)
		(void) printf("%s\n", strerrorname_np(errno));
	else
		(void) printf("ok\n");
	return (0);
}

/* What /dev/vsock says is our CID. */
static int
cmd_localcid(int argc, char **argv)
{
	unsigned int cid;
	int fd;

	if ((fd = open(VSOCK_NODE, O_RDONLY)) == -1)
		err(1, VSOCK_NODE);
	if (ill_ioctl(fd, ILL_GET_LOCAL_CID, &cid) == -1)
		err(1, "ioctl");
	(void) printf("%u\n", cid);
	return (0);
}

/* Opening a path attaches what it leads to: "ok", or the errno. */
static int
cmd_open(int argc, char **argv)
{
	int fd = open(argv[1], O_RDONLY);

	(void) printf("%s\n", fd != -1 ? "ok" : strerrorname_np(errno));
	return (0);
}

/*
 * Reading the bus's folder attaches what is on it and has a driver, as devfsadm
 * would have done.
 */
static int
cmd_attach(int argc, char **argv)
{
	char buf[8192];
	int64_t n;
	int fd;

	if ((fd = open(PCI_BUS, O_RDONLY)) == -1)
		err(1, PCI_BUS);
	while ((n = ill_call(ILL_GETDENTS, fd, (uintptr_t)buf, sizeof (buf),
	    0, 0, 0)) > 0)
		continue;
	if (n == -1)
		err(1, "getdents");
	return (0);
}

static int
cmd_size(int argc, char **argv)
{
	struct stat st;

	if (stat(argv[1], &st) == -1)
		err(1, "%s", argv[1]);
	(void) printf("%lld\n", (long long)st.st_size);
	return (0);
}

/*
 * Every ioctl without a VM: each must fail as its description says.
 */
static int
cmd_vsockhv(int argc, char **argv)
{
	static const struct {
		int	c_cmd;
		int	c_errno;
	} cmds[] = {
		{ VSOCKHV_GET_FEATURES,		ENXIO },
		{ VSOCKHV_SET_FEATURES,		ENXIO },
		{ VSOCKHV_RESET,		ENXIO },
		{ VSOCKHV_SEND_RESET,		ENXIO },
		{ VSOCKHV_SET_PORTS,		ENXIO },
		{ VSOCKHV_RING_INIT,		ENXIO },
		{ VSOCKHV_RING_RESET,		ENXIO },
		{ VSOCKHV_RING_KICK,		ENXIO },
		{ VSOCKHV_RING_SET_MSI,		ENXIO },
		{ VSOCKHV_RING_PAUSE,		ENXIO },
		{ VSOCKHV_RING_RESUME,		ENXIO },
		{ VSOCKHV_RING_GET_STATE,	ENXIO },
		{ VSOCKHV_RING_INTR_CLR,	ENXIO },
		{ VSOCKHV_INTR_POLL,		ENXIO }
	};
	vsockhv_create_t vc = { .vc_guest_cid = 3, .vc_vmfd = 1 };
	uint8_t buf[4096] = { 0 };
	int fd;

	if ((fd = open(VSOCKHV_NODE, O_RDWR)) == -1)
		err(1, VSOCKHV_NODE);
	if (ill_ioctl(fd, VSOCKHV_VERSION, NULL) != VSOCKHV_CURRENT_VERSION)
		errx(1, "the version");
	for (size_t i = 0; i < sizeof (cmds) / sizeof (cmds[0]); i++) {
		if (ill_ioctl(fd, cmds[i].c_cmd, buf) != -1 ||
		    errno != cmds[i].c_errno)
			err(1, "command %x", cmds[i].c_cmd);
	}
	/* The console is not a VM; nor is what is not open anything. */
	if (ill_ioctl(fd, VSOCKHV_CREATE, &vc) != -1 || errno != EBADF)
		err(1, "a VM that is none");
	vc.vc_vmfd = 999;
	if (ill_ioctl(fd, VSOCKHV_CREATE, &vc) != -1 || errno != EBADF)
		err(1, "a VM that is not open");
	vc.vc_guest_cid = 2;
	if (ill_ioctl(fd, VSOCKHV_CREATE, &vc) != -1 || errno != EINVAL)
		err(1, "a reserved CID");
	return (0);
}

/* Write so many bytes, that look random, to the standard output. */
static int
cmd_random(int argc, char **argv)
{
	static uint64_t buf[8192];
	uint64_t x = strtoull(argv[2], NULL, 0);
	size_t left = strtoull(argv[1], NULL, 0);

	while (left > 0) {
		size_t n = left < sizeof (buf) ? left : sizeof (buf);

		for (size_t i = 0; i < sizeof (buf) / sizeof (buf[0]); i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			buf[i] = x;
		}
		if (write(STDOUT_FILENO, buf, n) != (ssize_t)n)
			err(1, "write");
		left -= n;
	}
	return (0);
}

static int
cmd_sha256sum(int argc, char **argv)
{
	static uint8_t buf[65536];
	char text[SHA256_DIGEST_STRING_LENGTH];
	uint8_t digest[SHA256_DIGEST_LENGTH];
	SHA2_CTX ctx;
	ssize_t n;
	int fd;

	if ((fd = open(argv[1], O_RDONLY)) == -1)
		err(1, "%s", argv[1]);
	SHA256Init(&ctx);
	while ((n = read(fd, buf, sizeof (buf))) > 0)
		SHA256Update(&ctx, buf, n);
	if (n == -1)
		err(1, "%s", argv[1]);
	SHA256Final(digest, &ctx);
	for (size_t i = 0; i < sizeof (digest); i++)
		(void) snprintf(text + 2 * i, 3, "%02x", digest[i]);
	(void) printf("%s  %s\n", text, argv[1]);
	return (0);
}

static int
cmd_halt(int argc, char **argv)
{
	(void) ill_call(ILL_UADMIN, ILL_A_SHUTDOWN, ILL_AD_HALT, 0, 0, 0, 0);
	return (1);
}

static int
cmd_reboot(int argc, char **argv)
{
	(void) ill_call(ILL_UADMIN, ILL_A_SHUTDOWN, ILL_AD_BOOT, 0, 0, 0, 0);
	return (1);
}

static const struct {
	const char	*ct_name;
	int		ct_args;	/* at least */
	int		(*ct_func)(int, char **);
} command_table[] = {
	{ "attach",	0,	cmd_attach },
	{ "conform",	1,	conform_main },
	{ "dtrace",	2,	dtrace_main },
	{ "halt",	0,	cmd_halt },
	{ "hvguest",	1,	hvguest_main },
	{ "load",	1,	cmd_load },
	{ "loaded",	1,	cmd_loaded },
	{ "localcid",	0,	cmd_localcid },
	{ "open",	1,	cmd_open },
	{ "privport",	1,	cmd_privport },
	{ "random",	2,	cmd_random },
	{ "reboot",	0,	cmd_reboot },
	{ "sha256sum",	1,	cmd_sha256sum },
	{ "size",	1,	cmd_size },
	{ "sockets",	1,	cmd_sockets },
	{ "unload",	1,	cmd_unload },
	{ "vcat",	2,	vcat_main },
	{ "vsockadm",	0,	vsockadm_main },
	{ "vsockhv",	0,	cmd_vsockhv }
};

static void
redirect(const char *path, int flags, int fd)
{
	int from = open(path, flags);

	if (from == -1 || dup2(from, fd) == -1)
		err(1, "%s", path);
	(void) close(from);
}

int
ill_command(char *line)
{
	char *argv[MAX_ARGS + 1], *word;
	int argc = 0;

	while ((word = strsep(&line, " ")) != NULL) {
		if (*word == '\0')
			continue;
		if (*word == '<')
			redirect(word + 1, O_RDONLY, STDIN_FILENO);
		else if (*word == '>')
			redirect(word + 1, O_WRONLY | O_CREAT | O_TRUNC,
			    STDOUT_FILENO);
		else if (argc < MAX_ARGS)
			argv[argc++] = word;
	}
	argv[argc] = NULL;
	for (size_t i = 0; argc > 0 &&
	    i < sizeof (command_table) / sizeof (command_table[0]); i++) {
		if (strcmp(argv[0], command_table[i].ct_name) == 0 &&
		    argc > command_table[i].ct_args)
			return (command_table[i].ct_func(argc, argv));
	}
	errx(127, "no such command");
}
