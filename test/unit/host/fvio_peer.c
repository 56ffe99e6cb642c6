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
 * See fvio_peer.h.  The back-end does not look at what it is told, and has no
 * device; the numbers are those of the vhost-user protocol.
 */

#include <sys/socket.h>
#include <sys/un.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../fvio_peer.h"

#define	FVP_GET_FEATURES	1
#define	FVP_GET_VRING_BASE	11
#define	FVP_GET_PROTOCOL	15
#define	FVP_GET_CONFIG		24

#define	FVP_VERSION	1
#define	FVP_REPLY	4
#define	FVP_NEED_REPLY	8

#define	FVP_FEATURES	(1ULL << 32 | 1ULL << 30 | 1ULL << 28 | 0x3)
#define	FVP_PROTOCOL	(1ULL << 3 | 1ULL << 9)	/* REPLY_ACK, CONFIG */

struct fvp {
	pthread_t	fp_thread;
	int		fp_listen;
	unsigned	fp_at;
	fvp_fault_t	fp_fault;
	unsigned	fp_count;
};

typedef struct fvp_msg {
	uint32_t	fm_request;
	uint32_t	fm_flags;
	uint32_t	fm_size;
	uint8_t		fm_data[512];
} fvp_msg_t;

#define	FVP_HEADER	(3 * sizeof (uint32_t))

static void
fvp_die(const char *what)
{
	perror(what);
	abort();
}

const char *
fvp_path(void)
{
	static char path[64];

	(void) snprintf(path, sizeof (path), "/tmp/fvio.%d", (int)getpid());
	return (path);
}

void
fvp_unlink(const char *path)
{
	(void) unlink(path);
}

int
fvp_listen(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void) unlink(path);
	(void) snprintf(sun.sun_path, sizeof (sun.sun_path), "%s", path);
	if (fd == -1 || bind(fd, (const struct sockaddr *)&sun,
	    sizeof (sun)) != 0 || listen(fd, 1) != 0)
		fvp_die(path);
	return (fd);
}

static void
fvp_u64(fvp_msg_t *m, uint64_t val)
{
	m->fm_size = sizeof (val);
	(void) memcpy(m->fm_data, &val, sizeof (val));
}

/* The right reply: false, there is none. */
static bool
fvp_reply(fvp_msg_t *m)
{
	switch (m->fm_request) {
	case FVP_GET_FEATURES:
		fvp_u64(m, FVP_FEATURES);
		break;
	case FVP_GET_PROTOCOL:
		fvp_u64(m, FVP_PROTOCOL);
		break;
	case FVP_GET_CONFIG:
	case FVP_GET_VRING_BASE:
		break;
	default:
		if ((m->fm_flags & FVP_NEED_REPLY) == 0)
			return (false);
		fvp_u64(m, 0);
		break;
	}
	m->fm_flags = FVP_VERSION | FVP_REPLY;
	return (true);
}

static void
fvp_spoil(fvp_msg_t *m, fvp_fault_t fault)
{
	switch (fault) {
	case FVP_SIZE:
		m->fm_size += 4;
		break;
	case FVP_REQUEST:
		m->fm_request++;
		break;
	default:
		if (m->fm_request == FVP_GET_CONFIG)
			m->fm_size = 0;
		else
			m->fm_data[0] = 1;
		break;
	}
}

static void *
fvp_thread(void *arg)
{
	fvp_t *fp = arg;
	fvp_msg_t m;
	int fd = accept(fp->fp_listen, NULL, NULL);

	if (fd == -1)
		fvp_die("accept");
	/* Who tries again is refused. */
	(void) close(fp->fp_listen);
	/* Descriptors that come with a message are dropped by the host. */
	while (recv(fd, &m, FVP_HEADER, MSG_WAITALL) == FVP_HEADER) {
		if (m.fm_size > sizeof (m.fm_data) || (m.fm_size != 0 &&
		    recv(fd, m.fm_data, m.fm_size, MSG_WAITALL) !=
		    (ssize_t)m.fm_size))
			break;
		fp->fp_count++;
		if (fp->fp_count == fp->fp_at && fp->fp_fault == FVP_CLOSE)
			break;
		if (!fvp_reply(&m))
			continue;
		if (fp->fp_count == fp->fp_at)
			fvp_spoil(&m, fp->fp_fault);
		if (send(fd, &m, FVP_HEADER + m.fm_size, MSG_NOSIGNAL) < 0)
			break;
	}
	(void) close(fd);
	return (NULL);
}

fvp_t *
fvp_start(const char *path, unsigned at, fvp_fault_t fault)
{
	fvp_t *fp = calloc(1, sizeof (*fp));

	if (fp == NULL)
		fvp_die("calloc");
	fp->fp_listen = fvp_listen(path);
	fp->fp_at = at;
	fp->fp_fault = fault;
	if (pthread_create(&fp->fp_thread, NULL, fvp_thread, fp) != 0)
		fvp_die("pthread_create");
	return (fp);
}

unsigned
fvp_stop(fvp_t *fp)
{
	unsigned count;

	(void) pthread_join(fp->fp_thread, NULL);
	count = fp->fp_count;
	free(fp);
	return (count);
}
