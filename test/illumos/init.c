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
 * Process 1 of the test system: makes it fit for the tests, and then runs the
 * agent, the traffic engine of test/linux, on the second serial line.
 *
 * Everything is said on the console; "vsock-test:" begins what is ours.
 */

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "illumos.h"
#include "guard.h"
#include "traffic.h"

#define	ILL_MS_DATA		0x0004
#define	ILL_MS_OVERLAY		0x0080

#define	ILL_TCSETSF		(('T' << 8) | 16)
#define	ILL_TCGETS		(('T' << 8) | 13)
#define	ILL_CS8			0x30
#define	ILL_CREAD		0x80
#define	ILL_CLOCAL		0x800
#define	ILL_B38400		15

#define	SYSNAME			1	/* of systeminfo(2) */

typedef struct ill_termios {
	uint32_t	c_iflag;
	uint32_t	c_oflag;
	uint32_t	c_cflag;
	uint32_t	c_lflag;
	uint8_t		c_cc[19];
} ill_termios_t;

extern int main(void);

/* The name of the second serial port depends on the machine. */
static const char *const lines[] = {
	"/devices/pci@0,0/isa@1/asy@1,2f8:b",
	"/devices/pci@0,0/isa@1f/asy@1,2f8:b"
};

/* The agent asks; a Linux that runs this does not get that far. */
bool
guard_is_guest(void)
{
	return (true);
}

bool
guard_is_vsockrun(void)
{
	return (false);
}

static void
must(int64_t rv, const char *what)
{
	if (rv == -1) {
		(void) fprintf(stderr, "vsock-test: %s failed\n", what);
		(void) ill_command(strdup("halt"));
		_exit(1);
	}
}

/* A raw line, as it is without line discipline. */
static int
open_line(void)
{
	ill_termios_t tio = {
		.c_cflag = ILL_B38400 | ILL_CS8 | ILL_CREAD | ILL_CLOCAL
	};
	int fd;

	for (size_t i = 0; i < sizeof (lines) / sizeof (lines[0]); i++) {
		if ((fd = open(lines[i], O_RDWR | O_NOCTTY)) == -1)
			continue;
		must(ill_ioctl(fd, ILL_TCSETSF, &tio), "setting the line up");
		return (fd);
	}
	return (-1);
}

int
main(void)
{
	char sysname[8] = "";
	int fd;

	/* Nothing that a Linux would take amiss, and then we are sure. */
	if (ill_syscall(ILL_SYSTEMINFO, SYSNAME, (uintptr_t)sysname,
	    sizeof (sysname), 0, 0, 0).ir_errno != 0 ||
	    strcmp(sysname, "SunOS") != 0)
		return (1);
	ill_thread_init();

	fd = open("/devices/pseudo/cn@0:console", O_RDWR);
	if (fd != 0 || dup2(0, 1) != 1 || dup2(0, 2) != 2)
		_exit(1);
	must(ill_call(ILL_MOUNT, (uintptr_t)"swap", (uintptr_t)"/tmp",
	    ILL_MS_DATA | ILL_MS_OVERLAY, (uintptr_t)"tmpfs", 0, 0), "mount");
	must(ill_call(ILL_SOCKCONFIG, 0, ILL_AF_VSOCK, ILL_SOCK_STREAM, 0,
	    (uintptr_t)"vsock", 0), "sockconfig");
	must(ill_call(ILL_SOCKCONFIG, 0, ILL_AF_VSOCK, ILL_SOCK_SEQPACKET, 0,
	    (uintptr_t)"vsock", 0), "sockconfig");
	must(fd = open_line(), "opening the line");
	if (ill_command(strdup("attach")) != 0)
		(void) fprintf(stderr, "vsock-test: no devices\n");
	(void) fprintf(stderr, "vsock-test: up\n");
	traffic_serve(fd, fd);
	must(-1, "the agent");
	return (1);
}
