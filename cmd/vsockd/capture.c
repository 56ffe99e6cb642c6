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
 * Packet captures.
 *
 *	vsockadm  <---  Unix pair  <--- pump --- /dev/vsock, capturing
 *
 * The client has one end of a socket pair, and reads from it what it would read
 * from the device: records.  The pump moves them in the event loop, as long as
 * the client takes them; what it does not take waits in the module's ring, and
 * is lost when that is full.  fk_pollnotify(), on any thread, tells through an
 * eventfd that a ring has something again, epoll(7), edge-triggered, that a
 * client has room.  A capture ends when the client's end is closed.
 */

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <fakekernel.h>
#include <sys/vsock_ioctl.h>
#include "vsockd.h"

#define	CAP_CHUNK	(128 * 1024)	/* bytes moved at a time */
#define	CAP_TURN	8		/* chunks in a turn */
#define	CAP_POLLIN	0x0001		/* illumos's */

typedef struct vsd_capture {
	vsd_event_t	vca_event;	/* must be first */
	struct vsd_capture *vca_next;
	struct vsd_capture **vca_prevp;
	int		vca_fd;
	fk_file_t	*vca_file;
	size_t		vca_off;	/* in vca_buf: not yet sent ... */
	size_t		vca_len;	/* ... up to here */
	uint8_t		vca_buf[CAP_CHUNK];
} vsd_capture_t;

static vsd_capture_t *cap_list;
static int cap_eventfd = -1;

/* Some ring has something.  Any thread. */
static void
cap_notify(void *arg)
{
	const uint64_t one = 1;

	(void) !write(cap_eventfd, &one, sizeof (one));
}

static void
cap_free(vsd_capture_t *c)
{
	*c->vca_prevp = c->vca_next;
	if (c->vca_next != NULL)
		c->vca_next->vca_prevp = c->vca_prevp;
	(void) close(c->vca_fd);
	(void) fk_close(c->vca_file);
	free(c);
}

/* Move what can be moved; the capture may be gone afterwards. */
static void
cap_run(vsd_capture_t *c)
{
	ssize_t n;

	for (int turn = 0; turn < CAP_TURN; ) {
		if (c->vca_off == c->vca_len) {
			c->vca_off = c->vca_len = 0;
			if (fk_read(c->vca_file, c->vca_buf, CAP_CHUNK, true,
			    &c->vca_len) != 0 || c->vca_len == 0)
				return;
			turn++;
		}
		n = send(c->vca_fd, c->vca_buf + c->vca_off,
		    c->vca_len - c->vca_off, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n >= 0) {
			c->vca_off += (size_t)n;
		} else if (errno != EINTR) {
			if (errno != EAGAIN)
				cap_free(c);
			return;
		}
	}
	/* The others first. */
	cap_notify(NULL);
}

static void
cap_woken(vsd_event_t *ve, uint32_t events)
{
	vsd_capture_t *c, *next;
	uint64_t count;

	(void) !read(cap_eventfd, &count, sizeof (count));
	for (c = cap_list; c != NULL; c = next) {
		next = c->vca_next;
		cap_run(c);
	}
}

/* The client has gone, or has room. */
static void
cap_event(vsd_event_t *ve, uint32_t events)
{
	vsd_capture_t *c = (vsd_capture_t *)ve;

	if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		cap_free(c);
	else
		cap_run(c);
}

int
cap_start(const struct vsock_capture_io *vci, bool priv, int *fdp)
{
	vsock_capture_io_t io = *vci;
	vsd_capture_t *c;
	int fds[2], err;

	if ((c = calloc(1, sizeof (*c))) == NULL)
		return (ENOMEM);
	err = fk_open_priv("/dev/vsock", priv, &c->vca_file);
	if (err != 0) {
		free(c);
		return (fk_errno_to_host(err));
	}
	err = fk_errno_to_host(fk_ioctl(c->vca_file, VSOCK_IOC_CAPTURE,
	    (intptr_t)&io, NULL));
	if (err == 0 &&
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		err = errno;
	if (err != 0) {
		(void) fk_close(c->vca_file);
		free(c);
		return (err);
	}
	c->vca_fd = fds[0];
	c->vca_event.ve_func = cap_event;
	c->vca_next = cap_list;
	c->vca_prevp = &cap_list;
	if (c->vca_next != NULL)
		c->vca_next->vca_prevp = &c->vca_next;
	cap_list = c;
	err = vsd_event_add(c->vca_fd,
	    EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, &c->vca_event);
	if (err != 0) {
		(void) close(fds[1]);
		cap_free(c);
		return (err);
	}
	fk_pollnotify(c->vca_file, CAP_POLLIN, cap_notify, NULL);
	/* For what came before that. */
	cap_notify(NULL);
	*fdp = fds[1];
	return (0);
}

int
cap_init(void)
{
	static vsd_event_t ev = { .ve_func = cap_woken };

	cap_eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (cap_eventfd == -1)
		return (errno);
	return (vsd_event_add(cap_eventfd, EPOLLIN, &ev));
}

void
cap_fini(void)
{
	while (cap_list != NULL)
		cap_free(cap_list);
	if (cap_eventfd != -1)
		(void) close(cap_eventfd);
}
