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
 * What several parts of vsockd need of the machine that it runs on.
 */

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "vsockd.h"

#define	VSD_BACKLOG	128

void
vsd_log(const char *fmt, ...)
{
	char buf[512];
	va_list ap;

	va_start(ap, fmt);
	(void) vsnprintf(buf, sizeof (buf), fmt, ap);
	va_end(ap);
	(void) fprintf(stderr, "vsockd: %s\n", buf);
}

const char *
vsd_parse_cid(const char *text, uint64_t *cidp)
{
	unsigned long long cid;
	char *end;

	if (text == NULL || *text < '0' || *text > '9')
		return ("cid is not a number");
	errno = 0;
	cid = strtoull(text, &end, 0);
	if (errno != 0 || *end != '\0')
		return ("cid is not a number");
	if (cid <= 2 || cid >= UINT32_MAX)
		return ("cid is a reserved one");
	*cidp = cid;
	return (NULL);
}

/* Whether somebody listens at that address. */
static bool
vsd_alive(const struct sockaddr_un *sun, int type)
{
	bool alive;
	int fd;

	if ((fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) ==
	    -1)
		return (true);
	alive = (connect(fd, (const struct sockaddr *)sun, sizeof (*sun)) ==
	    0 || errno != ECONNREFUSED);
	(void) close(fd);
	return (alive);
}

int
vsd_listen(const char *path, int type, mode_t mode)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const struct sockaddr *sa = (const struct sockaddr *)&sun;
	struct stat st;
	mode_t umask_was;
	int fd, err;

	if (strlen(path) >= sizeof (sun.sun_path)) {
		vsd_log("%s: path too long for a socket", path);
		return (-1);
	}
	(void) strcpy(sun.sun_path, path);
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1) {
		vsd_log("socket: %s", strerror(errno));
		return (-1);
	}
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	    !vsd_alive(&sun, type))
		(void) unlink(path);
	umask_was = umask(0777 & ~mode);
	err = bind(fd, sa, sizeof (sun)) == 0 ? 0 : errno;
	(void) umask(umask_was);
	if (err == 0 && ((err = confine_give(path)) != 0 ||
	    (err = listen(fd, VSD_BACKLOG) == 0 ? 0 : errno) != 0))
		(void) unlink(path);
	if (err != 0) {
		vsd_log("%s: %s", path, strerror(err));
		(void) close(fd);
		return (-1);
	}
	return (fd);
}
