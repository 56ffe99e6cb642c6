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
 * mdserve [-p PORT] FOLDER: hands guests their metadata.
 *
 * A guest with the CID N may read the files in FOLDER/N, and no others: that
 * the peer's CID is true is what the hypervisor vouches for.  The default port,
 * 600, is one that needs a privilege to be bound, so that a guest knows that it
 * does not talk to just any program of the host.  mdget is the other end.
 *
 * A connection carries one request, a line:
 *
 *	NAME			a file: letters, digits, "-", "_" and ".", the
 *				latter not first; NAME_SIZE - 1 at most
 *	(empty)			the names of all files
 *
 * and its answer, "ok LENGTH" on a line and then LENGTH bytes; or "no" on a
 * line: there is no such file.  Anything else closes the connection.
 *
 * Each connection has a thread.  A guest is not trusted: it may have MAX_CONNS
 * of them, further ones are closed; and what takes longer than TIMEOUT seconds
 * ends.  So a guest can do no harm but to itself.
 *
 * Locking: guests_lock protects guests, the connections of each guest.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "metadata.h"

#define	MAX_CONNS	4	/* of one guest */
#define	MAX_GUESTS	1024	/* with a connection at the same time */
#define	TIMEOUT		10	/* seconds a peer may let us wait */
#define	MAX_LIST	65536	/* bytes of all names */

typedef struct {
	int		c_fd;
	unsigned int	c_cid;
} conn_t;

static struct {
	unsigned int	g_cid;
	unsigned int	g_count;	/* 0: the entry is free */
} guests[MAX_GUESTS];
static pthread_mutex_t guests_lock = PTHREAD_MUTEX_INITIALIZER;

static const char *root;

/* Counts a connection in: false if the guest has too many. */
static bool
guest_enter(unsigned int cid)
{
	int i, found = -1;
	bool ok;

	(void) pthread_mutex_lock(&guests_lock);
	for (i = 0; i < MAX_GUESTS; i++) {
		if (guests[i].g_count != 0 && guests[i].g_cid == cid) {
			found = i;
			break;
		}
		if (guests[i].g_count == 0 && found == -1)
			found = i;
	}
	ok = found != -1 && guests[found].g_count < MAX_CONNS;
	if (ok) {
		guests[found].g_cid = cid;
		guests[found].g_count++;
	}
	(void) pthread_mutex_unlock(&guests_lock);
	return (ok);
}

static void
guest_leave(unsigned int cid)
{
	int i;

	(void) pthread_mutex_lock(&guests_lock);
	for (i = 0; i < MAX_GUESTS; i++) {
		if (guests[i].g_count != 0 && guests[i].g_cid == cid) {
			guests[i].g_count--;
			break;
		}
	}
	(void) pthread_mutex_unlock(&guests_lock);
}

/* Whether the monotonic clock has passed a time. */
static bool
is_late(const struct timespec *deadline)
{
	struct timespec now;

	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec > deadline->tv_sec ||
	    (now.tv_sec == deadline->tv_sec &&
	    now.tv_nsec > deadline->tv_nsec));
}

/* Sends all of it: false if the peer does not take it. */
static bool
send_all(int fd, const char *buf, size_t len, const struct timespec *deadline)
{
	ssize_t n;

	for (; len > 0; buf += n, len -= n) {
		if (is_late(deadline))
			return (false);
		n = send(fd, buf, len, MSG_NOSIGNAL);
		if (n <= 0)
			return (false);
	}
	return (true);
}

/* Reads the request: false if that is none. */
static bool
get_request(int fd, char *name, const struct timespec *deadline)
{
	size_t len = 0;
	ssize_t n;
	char *end;

	do {
		if (len == NAME_SIZE || is_late(deadline))
			return (false);
		n = recv(fd, name + len, NAME_SIZE - len, 0);
		if (n <= 0)
			return (false);
		end = memchr(name + len, '\n', n);
		len += n;
	} while (end == NULL);
	*end = '\0';
	return (*name == '\0' || metadata_is_name(name));
}

/* Opens the folder of a guest; -1 if it has none. */
static int
open_folder(unsigned int cid)
{
	char path[4096];
	int n;

	n = snprintf(path, sizeof (path), "%s/%u", root, cid);
	if (n < 0 || (size_t)n >= sizeof (path))
		return (-1);
	return (open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

static void
send_file(int fd, int folder, const char *name,
    const struct timespec *deadline)
{
	char buf[16384];
	struct stat st;
	off_t left;
	ssize_t n;
	int file;

	/* Not waiting for what is no file. */
	file = openat(folder, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (file == -1 || fstat(file, &st) == -1 || !S_ISREG(st.st_mode)) {
		(void) send_all(fd, "no\n", 3, deadline);
	} else {
		n = snprintf(buf, sizeof (buf), "ok %jd\n",
		    (intmax_t)st.st_size);
		if (send_all(fd, buf, n, deadline)) {
			for (left = st.st_size; left > 0; left -= n) {
				n = read(file, buf, left < (off_t)sizeof (buf) ?
				    (size_t)left : sizeof (buf));
				/* The peer misses bytes, and knows. */
				if (n <= 0 || !send_all(fd, buf, n, deadline))
					break;
			}
		}
	}
	if (file != -1)
		(void) close(file);
}

static void
send_list(int fd, int folder, const struct timespec *deadline)
{
	char head[32];
	char *list;
	size_t len = 0;
	struct dirent *entry;
	DIR *dir;
	int n;

	if ((list = malloc(MAX_LIST)) == NULL)
		return;
	if ((dir = fdopendir(folder)) == NULL) {
		(void) close(folder);
		free(list);
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (!metadata_is_name(entry->d_name))
			continue;
		n = snprintf(list + len, MAX_LIST - len, "%s\n", entry->d_name);
		if ((size_t)n >= MAX_LIST - len)
			break;
		len += n;
	}
	n = snprintf(head, sizeof (head), "ok %zu\n", len);
	if (send_all(fd, head, n, deadline))
		(void) send_all(fd, list, len, deadline);
	(void) closedir(dir);
	free(list);
}

static void *
serve(void *arg)
{
	conn_t *conn = arg;
	const struct timeval second = { .tv_sec = 1 };
	struct timespec deadline;
	char name[NAME_SIZE];
	int folder;

	(void) clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += TIMEOUT;
	if (setsockopt(conn->c_fd, SOL_SOCKET, SO_RCVTIMEO, &second,
	    sizeof (second)) == -1 || setsockopt(conn->c_fd, SOL_SOCKET,
	    SO_SNDTIMEO, &second, sizeof (second)) == -1) {
		warn("setsockopt");
	} else if (get_request(conn->c_fd, name, &deadline)) {
		folder = open_folder(conn->c_cid);
		if (folder == -1) {
			(void) send_all(conn->c_fd, "no\n", 3, &deadline);
		} else if (*name == '\0') {
			send_list(conn->c_fd, folder, &deadline);
		} else {
			send_file(conn->c_fd, folder, name, &deadline);
			(void) close(folder);
		}
	}
	(void) close(conn->c_fd);
	guest_leave(conn->c_cid);
	free(conn);
	return (NULL);
}

int
main(int argc, char *argv[])
{
	struct sockaddr_vm addr;
	socklen_t len;
	pthread_attr_t attr;
	pthread_t thread;
	conn_t *conn;
	unsigned int port = METADATA_PORT;
	int c, fd, listener;

	while ((c = getopt(argc, argv, "p:")) != -1) {
		if (c != 'p' || !metadata_parse_port(optarg, &port))
			errx(2, "usage: mdserve [-p PORT] FOLDER");
	}
	if (argc - optind != 1)
		errx(2, "usage: mdserve [-p PORT] FOLDER");
	root = argv[optind];

	if ((listener = socket(AF_VSOCK, SOCK_STREAM, 0)) == -1)
		err(1, "socket");
	memset(&addr, 0, sizeof (addr));
	addr.svm_family = AF_VSOCK;
	addr.svm_cid = VMADDR_CID_ANY;
	addr.svm_port = port;
	if (bind(listener, (struct sockaddr *)&addr, sizeof (addr)) == -1)
		err(1, "bind to port %u", port);
	if (listen(listener, SOMAXCONN) == -1)
		err(1, "listen");
	if (pthread_attr_init(&attr) != 0 ||
	    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) != 0)
		errx(1, "no threads");
	(void) puts("mdserve: ready");
	(void) fflush(stdout);

	for (;;) {
		len = sizeof (addr);
		fd = accept(listener, (struct sockaddr *)&addr, &len);
		if (fd == -1) {
			/* The peer may be gone already; else wait for memory */
			if (errno != ECONNABORTED && errno != EINTR) {
				warn("accept");
				(void) sleep(1);
			}
			continue;
		}
		if (!guest_enter(addr.svm_cid)) {
			(void) close(fd);
			continue;
		}
		if ((conn = malloc(sizeof (*conn))) != NULL) {
			conn->c_fd = fd;
			conn->c_cid = addr.svm_cid;
			if (pthread_create(&thread, &attr, serve, conn) == 0)
				continue;
			free(conn);
		}
		warnx("no memory for another connection");
		guest_leave(addr.svm_cid);
		(void) close(fd);
	}
}
