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
 * Sockets of applications.
 *
 *	application	|	vsockd
 *			|
 *	read, write ----+--- va_fd --- pump --- va_file (fsk_*)
 *	  (one end of	|   (the other)			 |
 *	   a Unix pair)	|			simulated kernel
 *
 * The pump moves data between the two until either cannot take or give more.
 * Then it waits: for va_fd by epoll(7), edge-triggered, so that no call is
 * needed to change what is waited for; for va_file by fsk_pollnotify(), which
 * may come on any thread.  Both put the socket on the run queue (once), and
 * app_run() goes round that.  A socket has app_turn chunks in each direction
 * when its turn comes, and goes back to the end of the queue if it could use
 * more.  Data that one side has given and the other not taken waits in a
 * buffer of the socket (vab), and as long as it does nothing more is read from
 * the side where it came from; so a slow reader slows its writer down, and a
 * socket that is idle has no buffers.
 *
 * States, and what becomes of them:
 *
 *	IDLE	    connect --> CONNECTING --+--> CONNECTED
 *	  ^				     |
 *	  +-------------- failed ------------+
 *	IDLE	    listen --> LISTENING
 *
 * CONNECTING: an application that does not wait must not find its end
 * writable.  So vsockd, which is sent that end with the request, writes to it
 * until it is not (the filler), and takes exactly that out again when the
 * attempt has ended either way.
 *
 * LISTENING: the application's end is filled as well, for good.  The byte that
 * tells of connections is written when there is one to accept, and the last
 * such byte was followed by a request: the library reads it, and then asks
 * (va_told).
 *
 * CONNECTED, from application to kernel: the end of file on va_fd means that
 * the application has shut down its sending side, or closed.  Both are passed
 * on when all data has been.  An error of the kernel (EPIPE) shuts down our
 * receiving side, so that the application's next write fails.  From kernel to
 * application: the end of file is passed on as a shutdown.  So is a reset,
 * after the data that came before it, but va_error then tells that it was
 * none; the library asks for that when a read returns 0.
 *
 * A socket of SOCK_SEQPACKET (va_records) has a pair of that type, and what is
 * moved at a time is one record.  The pair would take longer records from the
 * application than the connection can carry.  It takes none that are longer
 * than the send buffer of the application's end, so that is set to what can be
 * sent (app_limit()), when the socket is connected and when its options change.
 * If the peer has made its buffer smaller since then, or a record is short but
 * too long all the same (the system does not make send buffers of less than
 * 4608 bytes), it cannot be refused any more, and the connection is ended.
 * Longer records than APP_RECORD are not taken from applications: each needs
 * memory in one piece in the system.
 *
 * The application has closed when its end is gone, the last descriptor of it
 * in whatever process.  That, and as well a shutdown of both directions, makes
 * va_fd hang up.  The two are told apart by the name of the application's end:
 * it can be bound again if and only if the end is gone.  Then what is left for
 * the kernel is sent, what comes from it is dropped, and the socket closed.  If
 * it is to linger, a thread of its own does the closing, and whoever wants to
 * know when the connection has ended (va_waiters) is told.
 *
 * Locking: app_lock covers the run queue, va_queued and va_closed.  The rest
 * belongs to the main thread.
 */

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/types.h>
#include <linux/sockios.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <fakekernel.h>
#include "translate.h"
#include "vsockd.h"

#define	APP_CHUNK	65536	/* bytes moved at a time */
#define	APP_TURN	4	/* chunks, in each direction, in a turn */
#define	APP_SNDBUF	65536	/* of both ends of a pair */
#define	APP_HASH	1024

#define	APP_RECORD	(2U << 20)	/* from applications, at most */
#define	APP_RECORD_MAX	(16U << 20)	/* that a socket can have received */
#define	APP_UNIX_EXTRA	32		/* that a Unix socket adds to one */

typedef enum {
	APP_IDLE,
	APP_CONNECTING,
	APP_LISTENING,
	APP_CONNECTED
} app_state_t;

/* Data taken from one side and not yet given to the other. */
typedef struct app_buf {
	uint8_t		*ab_data;	/* NULL: none */
	size_t		ab_off;
	size_t		ab_len;
	bool		ab_eor;		/* of a record */
} app_buf_t;

struct vsd_app {
	vsd_event_t	va_event;	/* must be first */
	uint64_t	va_id;
	vsd_app_t	*va_next;	/* hash chain */
	vsd_app_t	*va_run_next;
	bool		va_queued;
	app_state_t	va_state;
	bool		va_records;	/* SOCK_SEQPACKET */
	int		va_fd;
	int		va_appfd;	/* its other end while CONNECTING */
	fsk_file_t	*va_file;
	/* What epoll has said of va_fd, until it turned out to be over. */
	bool		va_fd_in;
	bool		va_fd_out;
	bool		va_fd_hup;
	bool		va_gone;	/* the application has closed */
	bool		va_told;	/* LISTENING: a byte was sent */
	bool		va_up_eof;	/* no more comes from va_fd */
	bool		va_up_done;	/* ... and va_file has been told */
	bool		va_down_eof;	/* no more comes from va_file */
	bool		va_down_done;	/* ... and va_fd has been told */
	app_buf_t	va_up;		/* to va_file */
	app_buf_t	va_down;	/* to va_fd */
	int		va_error;	/* a reset, for app_error() */
	int		va_so_error;	/* a failed connect, for SO_ERROR */
	size_t		va_filler;	/* bytes of it */
	bool		va_linger;	/* SO_LINGER is on */
	bool		va_closing;	/* va_closer is at work */
	bool		va_closed;	/* ... and done; app_lock */
	pthread_t	va_closer;
	vsd_ctl_t	*va_waiters;	/* for the end of CONNECTING, or all */
};

static uint64_t app_instance;
static uint64_t app_last_id;
static vsd_app_t *app_hash[APP_HASH];
static uint8_t app_chunk[APP_CHUNK];
static uint8_t app_record[APP_RECORD_MAX];
static int app_mark = -1;		/* what MSG_EOR is sent with */

static pthread_mutex_t app_lock = PTHREAD_MUTEX_INITIALIZER;
static vsd_app_t *app_head, **app_tail = &app_head;
static int app_eventfd = -1;
static pthread_t app_thread;

static void
app_queue(vsd_app_t *a)
{
	const uint64_t one = 1;
	bool wake = false;

	(void) pthread_mutex_lock(&app_lock);
	if (!a->va_queued) {
		wake = (app_head == NULL &&
		    !pthread_equal(pthread_self(), app_thread));
		a->va_queued = true;
		a->va_run_next = NULL;
		*app_tail = a;
		app_tail = &a->va_run_next;
	}
	(void) pthread_mutex_unlock(&app_lock);
	if (wake)
		(void) !write(app_eventfd, &one, sizeof (one));
}

/* sockfs has woken those that poll the socket: any thread. */
static void
app_notify(void *arg)
{
	app_queue(arg);
}

static void
app_woken(vsd_event_t *ve, uint32_t events)
{
	uint64_t count;

	(void) !read(app_eventfd, &count, sizeof (count));
}

static void
app_event(vsd_event_t *ve, uint32_t events)
{
	vsd_app_t *a = (vsd_app_t *)ve;

	if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		a->va_fd_in = true;
	if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0)
		a->va_fd_out = true;
	if ((events & EPOLLHUP) != 0)
		a->va_fd_hup = true;
	app_queue(a);
}

/*
 * Names.
 */

static socklen_t
app_name(struct sockaddr_un *sun, uint64_t id, const char *suffix)
{
	int n;

	(void) memset(sun, 0, sizeof (*sun));
	sun->sun_family = AF_UNIX;
	n = snprintf(sun->sun_path + 1, sizeof (sun->sun_path) - 1,
	    VSC_NAME "%016llx/%llu%s", (unsigned long long)app_instance,
	    (unsigned long long)id, suffix);
	return ((socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n));
}

static vsd_app_t *
app_find_name(const struct sockaddr_un *sun, socklen_t len)
{
	struct sockaddr_un want;
	unsigned long long instance, id;
	char path[sizeof (sun->sun_path) + 1];
	vsd_app_t *a;

	if (len > sizeof (*sun) || !vsc_name_ours(sun, len))
		return (NULL);
	(void) memset(path, 0, sizeof (path));
	(void) memcpy(path, sun->sun_path + 1,
	    len - offsetof(struct sockaddr_un, sun_path) - 1);
	if (sscanf(path, VSC_NAME "%16llx/%llu", &instance, &id) != 2 ||
	    len != app_name(&want, id, "") || memcmp(sun, &want, len) != 0)
		return (NULL);
	for (a = app_hash[id % APP_HASH]; a != NULL; a = a->va_next) {
		if (a->va_id == id)
			break;
	}
	return (a);
}

/* The type of the pair. */
static int
app_unix_type(bool records)
{
	return ((records ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_CLOEXEC);
}

vsd_app_t *
app_find(int fd)
{
	struct sockaddr_un sun;
	socklen_t len = sizeof (sun);

	if (getsockname(fd, (struct sockaddr *)&sun, &len) != 0)
		return (NULL);
	return (app_find_name(&sun, len));
}

/* Whether the application's end is gone. */
static bool
app_is_gone(vsd_app_t *a)
{
	struct sockaddr_un sun;
	socklen_t len = app_name(&sun, a->va_id, "");
	bool gone;
	int fd;

	/* Names of sockets of another type would be others. */
	if ((fd = socket(AF_UNIX, app_unix_type(a->va_records), 0)) == -1)
		return (false);
	gone = (bind(fd, (struct sockaddr *)&sun, len) == 0);
	(void) close(fd);
	return (gone);
}

/*
 * Birth and death.
 */

/* The system doubles it, and has a limit for those without privileges. */
static void
app_sndbuf(int fd, size_t bytes)
{
	const int n = (int)((bytes + 1) / 2);

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &n, sizeof (n)) != 0)
		(void) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &n, sizeof (n));
}

void
app_limit(vsd_app_t *a, int fd)
{
	uint64_t max;

	if (!a->va_records || fd == -1 || xl_max_record(a->va_file, &max) != 0)
		return;
	if (max > APP_RECORD)
		max = APP_RECORD;
	app_sndbuf(fd, (size_t)max + APP_UNIX_EXTRA);
}

/* Takes over `file', also on failure: 0 or errno. */
static int
app_create(fsk_file_t *file, bool records, app_state_t state, vsd_app_t **ap,
    int *fdp)
{
	const int sndbuf = APP_SNDBUF;
	struct sockaddr_un sun;
	socklen_t len;
	vsd_app_t *a;
	int fds[2], err;

	if ((a = calloc(1, sizeof (*a))) == NULL) {
		(void) fsk_close(file);
		return (ENOMEM);
	}
	if (socketpair(AF_UNIX, app_unix_type(records), 0, fds) != 0) {
		err = errno;
		(void) fsk_close(file);
		free(a);
		return (err);
	}
	a->va_event.ve_func = app_event;
	a->va_id = ++app_last_id;
	a->va_state = state;
	a->va_records = records;
	a->va_fd = fds[0];
	a->va_appfd = -1;
	a->va_file = file;
	(void) setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &sndbuf,
	    sizeof (sndbuf));
	(void) setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &sndbuf,
	    sizeof (sndbuf));

	len = app_name(&sun, a->va_id, "");
	err = bind(fds[1], (struct sockaddr *)&sun, len) == 0 ? 0 : errno;
	if (err == 0) {
		err = vsd_event_add(a->va_fd,
		    EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, &a->va_event);
	}
	if (err != 0) {
		(void) close(fds[0]);
		(void) close(fds[1]);
		(void) fsk_close(file);
		free(a);
		return (err);
	}
	a->va_next = app_hash[a->va_id % APP_HASH];
	app_hash[a->va_id % APP_HASH] = a;
	fsk_pollnotify(file, app_notify, a);
	*ap = a;
	*fdp = fds[1];
	return (0);
}

/* No event of it is being handled, and it is not on the run queue. */
static void
app_free(vsd_app_t *a)
{
	vsd_app_t **pp;

	for (pp = &app_hash[a->va_id % APP_HASH]; *pp != a;
	    pp = &(*pp)->va_next)
		continue;
	*pp = a->va_next;
	while (a->va_waiters != NULL)
		ctl_connected(a->va_waiters, a->va_gone ? 0 : ECONNABORTED);
	(void) close(a->va_fd);
	if (a->va_appfd != -1)
		(void) close(a->va_appfd);
	free(a->va_up.ab_data);
	free(a->va_down.ab_data);
	free(a);
}

/* The thread that closes a socket which lingers. */
static void *
app_closer(void *arg)
{
	vsd_app_t *a = arg;

	fk_thread_attach("linger");
	xl_close(a->va_file, true);
	fk_thread_detach();
	(void) pthread_mutex_lock(&app_lock);
	a->va_closed = true;
	(void) pthread_mutex_unlock(&app_lock);
	app_queue(a);
	return (NULL);
}

/* The application has closed, and all its data is in the kernel. */
static void
app_close(vsd_app_t *a)
{
	fsk_pollnotify(a->va_file, NULL, NULL);
	a->va_closing = (pthread_create(&a->va_closer, NULL, app_closer, a) ==
	    0);
}

static void
app_destroy(vsd_app_t *a)
{
	vsd_app_t **pp;

	if (a->va_closing) {
		(void) pthread_join(a->va_closer, NULL);
	} else {
		fsk_pollnotify(a->va_file, NULL, NULL);
		xl_close(a->va_file, false);
	}

	(void) pthread_mutex_lock(&app_lock);
	for (pp = &app_head; *pp != NULL; pp = &(*pp)->va_run_next) {
		if (*pp == a) {
			*pp = a->va_run_next;
			if (app_tail == &a->va_run_next)
				app_tail = pp;
			break;
		}
	}
	(void) pthread_mutex_unlock(&app_lock);
	app_free(a);
}

/*
 * The pump.
 */

static bool
app_keep(app_buf_t *ab, const uint8_t *data, size_t len, bool eor)
{
	if (len == 0)
		return (true);
	ab->ab_eor = eor;
	if ((ab->ab_data = malloc(len)) == NULL)
		return (false);
	(void) memcpy(ab->ab_data, data, len);
	ab->ab_off = 0;
	ab->ab_len = len;
	return (true);
}

static void
app_drop(app_buf_t *ab)
{
	free(ab->ab_data);
	ab->ab_data = NULL;
}

/* The kernel takes no more: the application's writes are to fail. */
static void
app_up_fail(vsd_app_t *a)
{
	app_drop(&a->va_up);
	a->va_up_eof = a->va_up_done = true;
	(void) shutdown(a->va_fd, SHUT_RD);
}

/* The application takes no more. */
static void
app_down_fail(vsd_app_t *a)
{
	app_drop(&a->va_down);
	a->va_down_done = true;
	if (!a->va_down_eof)
		(void) xl_shutdown(a->va_file, SHUT_RD);
}

/* Neither side will get what the other sends: an end for both. */
static void
app_fail(vsd_app_t *a, int err)
{
	a->va_error = err;
	app_up_fail(a);
	app_down_fail(a);
	(void) shutdown(a->va_fd, SHUT_RDWR);
	(void) xl_shutdown(a->va_file, SHUT_RDWR);
}

/* A message of the pair: sent or received, and its mark for MSG_EOR. */
static ssize_t
app_unix_send(int fd, const uint8_t *data, size_t len, bool eor)
{
	union {
		struct cmsghdr	cu_hdr;
		char		cu_buf[CMSG_SPACE(sizeof (int))];
	} cu = { .cu_buf = { 0 } };
	struct iovec iov = { (void *)(uintptr_t)data, len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cm;

	if (eor) {
		mh.msg_control = cu.cu_buf;
		mh.msg_controllen = sizeof (cu.cu_buf);
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof (int));
		(void) memcpy(CMSG_DATA(cm), &app_mark, sizeof (int));
	}
	return (sendmsg(fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL));
}

static ssize_t
app_unix_recv(int fd, uint8_t *buf, size_t len, bool *eorp)
{
	union {
		struct cmsghdr	cu_hdr;
		char		cu_buf[CMSG_SPACE(sizeof (int))];
	} cu;				/* room for one descriptor only */
	struct iovec iov = { buf, len };
	struct msghdr mh = {
		.msg_iov	= &iov,
		.msg_iovlen	= 1,
		.msg_control	= cu.cu_buf,
		.msg_controllen	= CMSG_LEN(sizeof (int))
	};
	struct cmsghdr *cm;
	ssize_t n;
	int mark;

	*eorp = false;
	n = recvmsg(fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n >= 0 && (cm = CMSG_FIRSTHDR(&mh)) != NULL &&
	    cm->cmsg_level == SOL_SOCKET && cm->cmsg_type == SCM_RIGHTS &&
	    cm->cmsg_len == CMSG_LEN(sizeof (int))) {
		(void) memcpy(&mark, CMSG_DATA(cm), sizeof (int));
		(void) close(mark);
		*eorp = true;
	}
	return (n);
}

/*
 * Whether a read of nothing from the pair is its end; otherwise it was an empty
 * record, of which there are none here.
 */
static bool
app_unix_ended(const vsd_app_t *a)
{
	struct pollfd pfd = { .fd = a->va_fd, .events = POLLRDHUP };
	int unread;

	return (!a->va_records ||
	    (ioctl(a->va_fd, FIONREAD, &unread) == 0 && unread == 0 &&
	    poll(&pfd, 1, 0) == 1));
}

/*
 * Gives data to the kernel: how much it took, less than `len' only if it takes
 * no more now (the socket will have another turn when it does), or ever.  A
 * record is taken as a whole or not at all.
 */
static size_t
app_up_send(vsd_app_t *a, const uint8_t *data, size_t len, bool eor)
{
	size_t done = 0, n;
	int err;

	while (done < len) {
		n = 0;
		if (!a->va_records) {
			err = xl_send(a->va_file, data + done, len - done, &n);
		} else {
			err = xl_send_record(a->va_file, data, len, eor);
			if (err == 0)
				n = len;
		}
		done += n;
		if (err == EAGAIN) {
			if (xl_writable(a->va_file))
				app_queue(a);
			break;
		}
		if (err == EMSGSIZE) {
			app_fail(a, err);
			break;
		}
		if (err != 0) {
			app_up_fail(a);
			break;
		}
	}
	return (done);
}

/* One step from application to kernel; false: no further now. */
static bool
app_up(vsd_app_t *a)
{
	app_buf_t *ab = &a->va_up;
	uint8_t *buf = app_chunk;
	bool eor = false;
	size_t done;
	ssize_t n;

	if (a->va_up_done)
		return (false);
	if (ab->ab_data != NULL) {
		done = app_up_send(a, ab->ab_data + ab->ab_off,
		    ab->ab_len - ab->ab_off, ab->ab_eor);
		if (ab->ab_data == NULL)
			return (false);
		ab->ab_off += done;
		if (ab->ab_off < ab->ab_len)
			return (false);
		app_drop(ab);
		return (true);
	}
	if (a->va_up_eof) {
		(void) xl_shutdown(a->va_file, SHUT_WR);
		a->va_up_done = true;
		return (false);
	}
	if (!a->va_fd_in)
		return (false);
	if (!a->va_records) {
		n = recv(a->va_fd, buf, sizeof (app_chunk), MSG_DONTWAIT);
	} else {
		buf = app_record;
		n = app_unix_recv(a->va_fd, buf, sizeof (app_record), &eor);
	}
	if (n < 0 && errno == EAGAIN) {
		a->va_fd_in = false;
		return (false);
	}
	if (n == 0 && !app_unix_ended(a))
		return (true);
	if (n <= 0) {
		/* Also ECONNRESET: it has closed without reading all. */
		a->va_up_eof = true;
		return (true);
	}
	done = app_up_send(a, buf, (size_t)n, eor);
	if (a->va_up_done)
		return (false);
	if (!app_keep(ab, buf + done, (size_t)n - done, eor)) {
		app_up_fail(a);
		return (false);
	}
	return (ab->ab_data == NULL);
}

/* As app_up_send(). */
static size_t
app_down_send(vsd_app_t *a, const uint8_t *data, size_t len, bool eor)
{
	bool raised = false;
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = app_unix_send(a->va_fd, data + done, len - done, eor);
		if (n >= 0) {
			done += (size_t)n;
		} else if (errno == EAGAIN) {
			a->va_fd_out = false;
			break;
		} else if (errno == EMSGSIZE && !raised) {
			app_sndbuf(a->va_fd, len + APP_UNIX_EXTRA);
			raised = true;
		} else if (errno == EMSGSIZE || errno == ENOBUFS) {
			/* The system has no room for the record. */
			app_fail(a, errno);
			break;
		} else {
			app_down_fail(a);
			break;
		}
	}
	return (done);
}

/* One step from kernel to application; false: no further now. */
static bool
app_down(vsd_app_t *a)
{
	app_buf_t *ab = &a->va_down;
	uint8_t *buf = a->va_records ? app_record : app_chunk;
	size_t done, n = 0;
	bool eor = false;
	int err;

	if (ab->ab_data != NULL && !a->va_down_done) {
		if (!a->va_fd_out)
			return (false);
		done = app_down_send(a, ab->ab_data + ab->ab_off,
		    ab->ab_len - ab->ab_off, ab->ab_eor);
		if (ab->ab_data == NULL)
			return (true);
		ab->ab_off += done;
		if (ab->ab_off < ab->ab_len)
			return (false);
		app_drop(ab);
		return (true);
	}
	if (a->va_down_eof) {
		if (!a->va_down_done)
			(void) shutdown(a->va_fd, SHUT_WR);
		a->va_down_done = true;
		return (false);
	}
	if (!a->va_fd_out && !a->va_down_done)
		return (false);
	if (a->va_records) {
		err = xl_recv_record(a->va_file, buf, sizeof (app_record), &n,
		    &eor);
	} else {
		err = xl_recv(a->va_file, buf, sizeof (app_chunk), &n);
	}
	if (err == EAGAIN)
		return (xl_readable(a->va_file));
	if (err != 0) {
		a->va_error = err;
		app_up_fail(a);
	}
	if (err != 0 || n == 0) {
		a->va_down_eof = true;
		return (true);
	}
	if (a->va_down_done)
		return (true);	/* nobody wants it */
	done = app_down_send(a, buf, n, eor);
	if (a->va_down_done)
		return (true);
	if (!app_keep(ab, buf + done, n - done, eor)) {
		a->va_error = ENOMEM;
		app_down_fail(a);
		app_up_fail(a);
		return (true);
	}
	return (ab->ab_data == NULL);
}

static void
app_pump(vsd_app_t *a)
{
	bool up = true, down = true;

	for (int i = 0; i < APP_TURN && (up || down); i++) {
		down = down && app_down(a);
		up = up && app_up(a);
	}
	if (up || down)
		app_queue(a);
}

/*
 * Connecting.
 */

/* Until the application's end is not writable. */
static void
app_fill(vsd_app_t *a, int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };
	ssize_t n;

	while (poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLOUT) != 0) {
		n = send(fd, app_chunk, sizeof (app_chunk) / 4,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n <= 0)
			break;
		a->va_filler += (size_t)n;
	}
}

static void
app_drain(vsd_app_t *a)
{
	size_t want;
	ssize_t n;

	while (a->va_filler > 0) {
		want = a->va_filler < sizeof (app_chunk) ? a->va_filler :
		    sizeof (app_chunk);
		n = recv(a->va_fd, app_chunk, want, MSG_DONTWAIT);
		if (n <= 0)
			break;
		a->va_filler -= (size_t)n;
	}
	a->va_filler = 0;
}

/* CONNECTING is over: 0, or why it failed. */
static void
app_connect_done(vsd_app_t *a, int err)
{
	struct sockaddr_un sun;
	socklen_t len;

	if (err == 0) {
		a->va_state = APP_CONNECTED;
		a->va_fd_in = a->va_fd_out = true;
		app_limit(a, a->va_appfd);
		/* The name first: once it can write, it may. */
		len = app_name(&sun, a->va_id, "/c");
		if (bind(a->va_fd, (struct sockaddr *)&sun, len) != 0)
			vsd_log("bind: %s", strerror(errno));
		app_queue(a);
	} else {
		a->va_state = APP_IDLE;
		if (a->va_waiters == NULL)
			a->va_so_error = err;
	}
	app_drain(a);
	if (a->va_appfd != -1)
		(void) close(a->va_appfd);
	a->va_appfd = -1;
	while (a->va_waiters != NULL)
		ctl_connected(a->va_waiters, err);
}

static void
app_check_connect(vsd_app_t *a)
{
	uint8_t addr[VSC_MAX_DATA];
	uint32_t len = sizeof (addr);
	int so_error = 0, err;
	bool over;

	/* This first: after it, whatever changes is notified. */
	over = xl_writable(a->va_file);
	over = xl_readable(a->va_file) || over;

	/* EINVAL: connected, and the peer wants no data any more. */
	err = xl_getpeername(a->va_file, addr, &len);
	if (err == 0 || err == EINVAL) {
		app_connect_done(a, 0);
		return;
	}
	len = sizeof (so_error);
	err = xl_getsockopt(a->va_file, SOL_SOCKET, SO_ERROR, &so_error, &len);
	if (err == 0 && so_error != 0)
		app_connect_done(a, so_error);
	else if (over)
		app_connect_done(a, ECONNRESET);
}

/* LISTENING: have the application's end readable if there is a connection. */
static void
app_check_accept(vsd_app_t *a)
{
	if (!a->va_told && xl_readable(a->va_file)) {
		a->va_told = (send(a->va_fd, "", 1,
		    MSG_DONTWAIT | MSG_NOSIGNAL) == 1);
	}
}

/*
 * A turn of one socket.
 */
static void
app_turn(vsd_app_t *a)
{
	bool closed;

	if (a->va_closing) {
		(void) pthread_mutex_lock(&app_lock);
		closed = a->va_closed;
		(void) pthread_mutex_unlock(&app_lock);
		if (closed)
			app_destroy(a);
		return;
	}
	if (a->va_fd_hup) {
		a->va_fd_hup = false;
		if (app_is_gone(a)) {
			a->va_gone = true;
			if (a->va_state == APP_CONNECTED)
				app_down_fail(a);
		}
	}
	switch (a->va_state) {
	case APP_CONNECTING:
		if (!a->va_gone)
			app_check_connect(a);
		break;
	case APP_LISTENING:
		app_check_accept(a);
		break;
	case APP_CONNECTED:
		app_pump(a);
		break;
	case APP_IDLE:
		break;
	}
	if (a->va_gone && (a->va_state != APP_CONNECTED || a->va_up_done)) {
		if (a->va_linger && a->va_state == APP_CONNECTED)
			app_close(a);
		if (!a->va_closing)
			app_destroy(a);
	}
}

bool
app_pending(void)
{
	bool res;

	(void) pthread_mutex_lock(&app_lock);
	res = (app_head != NULL);
	(void) pthread_mutex_unlock(&app_lock);
	return (res);
}

/* Gives a turn to each socket that is on the queue now. */
void
app_run(void)
{
	vsd_app_t *a, *last = NULL;
	bool more = true;

	(void) pthread_mutex_lock(&app_lock);
	for (a = app_head; a != NULL; a = a->va_run_next)
		last = a;
	while (last != NULL && more) {
		a = app_head;
		more = (a != last);
		if ((app_head = a->va_run_next) == NULL)
			app_tail = &app_head;
		a->va_queued = false;
		(void) pthread_mutex_unlock(&app_lock);
		app_turn(a);
		(void) pthread_mutex_lock(&app_lock);
	}
	(void) pthread_mutex_unlock(&app_lock);
}

/*
 * Requests.
 */

int
app_socket(int domain, int type, int protocol, bool priv, int *fdp)
{
	fsk_file_t *file;
	vsd_app_t *a;
	int err;

	if ((err = xl_socket(domain, type, protocol, priv, &file)) != 0)
		return (err);
	return (app_create(file, type == SOCK_SEQPACKET, APP_IDLE, &a, fdp));
}

int
app_bind(vsd_app_t *a, const void *addr, uint32_t len)
{
	return (xl_bind(a->va_file, addr, len));
}

int
app_listen(vsd_app_t *a, int backlog, int fd)
{
	int err = xl_listen(a->va_file, backlog);

	if (err == 0) {
		if (a->va_state != APP_LISTENING)
			app_fill(a, fd);
		a->va_state = APP_LISTENING;
		app_queue(a);
	}
	return (err);
}

int
app_accept(vsd_app_t *a, bool told, void *addr, uint32_t *lenp, int *fdp)
{
	fsk_file_t *file;
	vsd_app_t *new;
	int unread, err;

	/* The byte has to go with the connection that it tells of. */
	if (a->va_told && !told &&
	    ioctl(a->va_fd, SIOCOUTQ, &unread) == 0 && unread != 0)
		return (EAGAIN);
	a->va_told = false;
	err = xl_accept(a->va_file, addr, lenp, &file);
	if (err == 0) {
		err = app_create(file, a->va_records, APP_CONNECTING, &new,
		    fdp);
		if (err == 0) {
			app_limit(new, *fdp);
			new->va_linger = a->va_linger;
			app_connect_done(new, 0);
		}
	}
	if (a->va_state == APP_LISTENING)
		app_check_accept(a);
	return (err);
}

int
app_connect(vsd_app_t *a, const void *addr, uint32_t len, int fd,
    vsd_ctl_t *waiter)
{
	int err;

	if (a->va_state == APP_CONNECTING) {
		if (waiter == NULL)
			return (EALREADY);
	} else {
		err = xl_connect(a->va_file, addr, len);
		if (err != 0 && err != EINPROGRESS)
			return (err);
		a->va_so_error = 0;
		if (a->va_records)
			a->va_appfd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (err == 0) {
			app_connect_done(a, 0);
			return (0);
		}
		a->va_state = APP_CONNECTING;
		app_queue(a);
	}
	if (waiter != NULL)
		ctl_wait(waiter, &a->va_waiters);
	else
		app_fill(a, fd);
	return (EINPROGRESS);
}

int
app_getsockname(vsd_app_t *a, void *addr, uint32_t *lenp)
{
	return (xl_getsockname(a->va_file, addr, lenp));
}

int
app_getpeername(vsd_app_t *a, void *addr, uint32_t *lenp)
{
	return (xl_getpeername(a->va_file, addr, lenp));
}

int
app_getsockopt(vsd_app_t *a, int level, int name, void *val, uint32_t *lenp)
{
	int err;

	if (level == SOL_SOCKET && name == SO_ERROR && *lenp >= sizeof (err)) {
		if (a->va_state == APP_CONNECTING)
			app_check_connect(a);
		err = a->va_so_error;
		a->va_so_error = 0;
		if (err == 0)
			err = app_error(a);
		if (err != 0) {
			(void) memcpy(val, &err, sizeof (err));
			*lenp = sizeof (err);
			return (0);
		}
	}
	return (xl_getsockopt(a->va_file, level, name, val, lenp));
}

int
app_setsockopt(vsd_app_t *a, int level, int name, const void *val,
    uint32_t len)
{
	int err = xl_setsockopt(a->va_file, level, name, val, len);
	struct linger linger;

	if (err == 0 && level == SOL_SOCKET && name == SO_LINGER) {
		(void) memcpy(&linger, val, sizeof (linger));
		a->va_linger = (linger.l_onoff != 0 && linger.l_linger != 0);
	}
	return (err);
}

/* What is on its way from the application is not yet the kernel's. */
int
app_ioctl(vsd_app_t *a, unsigned cmd, int *value)
{
	int err = xl_ioctl(a->va_file, cmd, value), n;

	if (err == 0 && cmd == SIOCOUTQ && a->va_state == APP_CONNECTED &&
	    !a->va_up_done) {
		if (ioctl(a->va_fd, FIONREAD, &n) == 0)
			*value += n;
		if (a->va_up.ab_data != NULL)
			*value += (int)(a->va_up.ab_len - a->va_up.ab_off);
	}
	return (err);
}

int
app_closed(const void *name, uint32_t len, vsd_ctl_t *waiter)
{
	struct sockaddr_un sun;
	vsd_app_t *a;

	if (len > sizeof (sun))
		return (EINVAL);
	(void) memcpy(&sun, name, len);
	a = app_find_name(&sun, len);
	if (a == NULL || !a->va_linger || (!a->va_gone && !app_is_gone(a)))
		return (0);
	ctl_wait(waiter, &a->va_waiters);
	return (EINPROGRESS);
}

/*
 * What has been written is still on its way through the pair, and the end of
 * sending comes after it on the same way.
 */
int
app_shutdown(vsd_app_t *a, int how)
{
	uint8_t addr[VSC_MAX_DATA];
	uint32_t len = sizeof (addr);

	if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
		return (EINVAL);
	if (a->va_state != APP_CONNECTED)
		return (xl_shutdown(a->va_file, how));
	if (how == SHUT_WR)
		return (xl_getpeername(a->va_file, addr, &len) == ENOTCONN ?
		    ENOTCONN : 0);
	return (xl_shutdown(a->va_file, SHUT_RD));
}

int
app_error(vsd_app_t *a)
{
	int err = a->va_error;

	a->va_error = 0;
	return (err);
}

/*
 * Start and end.
 */

int
app_init(void)
{
	static vsd_event_t ev = { .ve_func = app_woken };

	app_thread = pthread_self();
	if (getrandom(&app_instance, sizeof (app_instance), 0) !=
	    sizeof (app_instance))
		return (EIO);
	if ((app_eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) == -1 ||
	    (app_mark = open("/dev/null", O_RDONLY | O_CLOEXEC)) == -1)
		return (errno);
	return (vsd_event_add(app_eventfd, EPOLLIN, &ev));
}

void
app_fini(void)
{
	for (unsigned i = 0; i < APP_HASH; i++) {
		while (app_hash[i] != NULL)
			app_destroy(app_hash[i]);
	}
	if (app_eventfd != -1)
		(void) close(app_eventfd);
	if (app_mark != -1)
		(void) close(app_mark);
}
