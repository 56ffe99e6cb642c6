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
 * The control socket: requests of programs under vsockrun, and of vsockadm
 * (control.h).
 *
 * A connection carries one request and its reply.  All happens in the event
 * loop, and nothing is waited for: a connection whose request has not come yet
 * is just an event, one that waits for the end of a connection attempt is on
 * the list of that socket, and replies that do not fit are dropped, which they
 * only do if the client is not one of ours.
 *
 * Only processes of our own user, or root's, are listened to.  A request is as
 * hostile as any other input; but all that it can name is a socket whose
 * descriptor it has.
 */

#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <fakekernel.h>
#include "translate.h"
#include <sys/vsock_ioctl.h>
#include "vsockd.h"

struct vsd_ctl {
	vsd_event_t	vc_event;	/* must be first */
	int		vc_fd;
	uid_t		vc_uid;
	vsd_ctl_t	*vc_next;	/* in a list: ctl_idle, or a socket's */
	vsd_ctl_t	**vc_prevp;
	bool		vc_waits;	/* it is a socket's */
};

static vsd_ctl_t *ctl_idle;	/* clients that have not asked yet */

static int ctl_listen = -1;
static int ctl_spare = -1;	/* for when there are no descriptors left */
static const char *ctl_path;

static void
ctl_remove(vsd_ctl_t *c)
{
	*c->vc_prevp = c->vc_next;
	if (c->vc_next != NULL)
		c->vc_next->vc_prevp = c->vc_prevp;
}

static void
ctl_insert(vsd_ctl_t *c, vsd_ctl_t **head)
{
	c->vc_next = *head;
	c->vc_prevp = head;
	if (c->vc_next != NULL)
		c->vc_next->vc_prevp = &c->vc_next;
	*head = c;
}

static void
ctl_free(vsd_ctl_t *c)
{
	ctl_remove(c);
	(void) close(c->vc_fd);
	free(c);
}

void
ctl_wait(vsd_ctl_t *c, vsd_ctl_t **head)
{
	ctl_remove(c);
	ctl_insert(c, head);
	c->vc_waits = true;
}

/* Sends the reply, and a descriptor unless it is -1; the client is done. */
static void
ctl_reply(vsd_ctl_t *c, vsc_reply_t *rep, int fd)
{
	union {
		struct cmsghdr	cu_hdr;
		char		cu_buf[CMSG_SPACE(sizeof (int))];
	} cu = { .cu_buf = { 0 } };
	struct iovec iov = { rep, sizeof (*rep) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cm;

	if (fd != -1) {
		mh.msg_control = cu.cu_buf;
		mh.msg_controllen = sizeof (cu.cu_buf);
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof (int));
		(void) memcpy(CMSG_DATA(cm), &fd, sizeof (int));
	}
	(void) sendmsg(c->vc_fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL);
	ctl_free(c);
}

void
ctl_connected(vsd_ctl_t *c, int err)
{
	vsc_reply_t rep = { .vp_error = err };

	ctl_reply(c, &rep, -1);
}

static void
ctl_kstat_line(void *arg, const char *module, int instance, const char *name,
    const char *stat, uint64_t val)
{
	(void) fprintf(arg, "%s:%d:%s:%s %llu\n", module, instance, name, stat,
	    (unsigned long long)val);
}

/*
 * A file with all statistics, and what the kernel has allocated, to be read from
 * its start.
 */
static int
ctl_kstat(int *fdp)
{
	uint64_t bytes, allocations;
	int fd, err = 0;
	FILE *fp;

	if ((fd = memfd_create("kstat", MFD_CLOEXEC)) == -1)
		return (errno);
	if ((fp = fdopen(fd, "w")) == NULL) {
		(void) close(fd);
		return (ENOMEM);
	}
	fk_kstat_walk(ctl_kstat_line, fp);
	fk_kmem_usage(&bytes, &allocations);
	ctl_kstat_line(fp, "vsockd", 0, "kmem", "bytes", bytes);
	ctl_kstat_line(fp, "vsockd", 0, "kmem", "allocations", allocations);
	if (fflush(fp) != 0 || lseek(fd, 0, SEEK_SET) != 0 ||
	    (*fdp = fcntl(fd, F_DUPFD_CLOEXEC, 0)) == -1)
		err = errno;
	(void) fclose(fp);
	return (err);
}

static int
ctl_local_cid(vsc_reply_t *rep)
{
	uint32_t cid = 0;
	int err = xl_local_cid(&cid);

	(void) memcpy(rep->vp_data, &cid, sizeof (cid));
	rep->vp_len = sizeof (cid);
	return (err);
}

static void
ctl_kstat_raw_one(void *arg, int instance, const void *data, size_t size)
{
	const vsc_kraw_t vk = { .vk_instance = instance, .vk_size = size };
	FILE *fp = arg;

	(void) fwrite(&vk, sizeof (vk), 1, fp);
	(void) fwrite(data, 1, size, fp);
}

/* A file with the raw kstats of a name, to be read from its start. */
static int
ctl_kstat_raw(const vsc_request_t *q, int *fdp)
{
	char module[sizeof (q->vq_data) + 1], *name;
	int fd, err = 0;
	FILE *fp;

	(void) memcpy(module, q->vq_data, q->vq_len);
	module[q->vq_len] = '\0';
	if ((name = strchr(module, ':')) == NULL)
		return (EINVAL);
	*name++ = '\0';
	if ((fd = memfd_create("kstat", MFD_CLOEXEC)) == -1)
		return (errno);
	if ((fp = fdopen(fd, "w")) == NULL) {
		(void) close(fd);
		return (ENOMEM);
	}
	fk_kstat_walk_raw(module, name, ctl_kstat_raw_one, fp);
	if (fflush(fp) != 0 || ferror(fp) || lseek(fd, 0, SEEK_SET) != 0 ||
	    (*fdp = fcntl(fd, F_DUPFD_CLOEXEC, 0)) == -1)
		err = errno;
	(void) fclose(fp);
	return (err);
}

/* Only what is known to have an argument of a known size is passed on. */
static int
ctl_ioctl(const vsd_ctl_t *c, const vsc_request_t *q, vsc_reply_t *rep)
{
	vsock_prop_io_t vpi;
	fk_file_t *dev;
	int err;

	switch (q->vq_arg[0]) {
	case VSOCK_IOC_GETPROP:
	case VSOCK_IOC_SETPROP:
	case VSOCK_IOC_RESETPROP:
		break;
	default:
		return (ENOTTY);
	}
	if (q->vq_len != sizeof (vpi))
		return (EINVAL);
	(void) memcpy(&vpi, q->vq_data, sizeof (vpi));
	err = fk_open_priv("/dev/vsock", c->vc_uid == 0, &dev);
	if (err != 0)
		return (fk_errno_to_host(err));
	err = fk_ioctl(dev, q->vq_arg[0], (intptr_t)&vpi, NULL);
	(void) fk_close(dev);
	(void) memcpy(rep->vp_data, &vpi, sizeof (vpi));
	rep->vp_len = sizeof (vpi);
	return (fk_errno_to_host(err));
}

static int
ctl_capture(const vsd_ctl_t *c, const vsc_request_t *q, int *fdp)
{
	vsock_capture_io_t vci;

	if (q->vq_len != sizeof (vci))
		return (EINVAL);
	(void) memcpy(&vci, q->vq_data, sizeof (vci));
	return (cap_start(&vci, c->vc_uid == 0, fdp));
}

/*
 * Does what is asked for: 0 or errno.  EINPROGRESS with `*waits' set: the reply
 * comes later.
 */
static int
ctl_request(vsd_ctl_t *c, const vsc_request_t *q, int fd, vsc_reply_t *rep,
    int *newfd, bool *waits)
{
	const int32_t *arg = q->vq_arg;
	vsd_app_t *a = NULL;
	int err;

	if (q->vq_version != VSC_VERSION || q->vq_len > sizeof (q->vq_data))
		return (EINVAL);
	if (q->vq_op == VSC_SOCKET)
		return (app_socket(arg[0], arg[1], arg[2], c->vc_uid == 0,
		    newfd));
	if (q->vq_op == VSC_KSTAT)
		return (ctl_kstat(newfd));
	if (q->vq_op == VSC_LOCAL_CID)
		return (ctl_local_cid(rep));
	if (q->vq_op == VSC_CLOSED) {
		*waits = true;
		return (app_closed(q->vq_data, q->vq_len, c));
	}
	if (q->vq_op == VSC_KSTAT_RAW)
		return (ctl_kstat_raw(q, newfd));
	if (q->vq_op == VSC_DEV_IOCTL)
		return (ctl_ioctl(c, q, rep));
	if (q->vq_op == VSC_CAPTURE)
		return (ctl_capture(c, q, newfd));
	if (fd == -1 || (a = app_find(fd)) == NULL)
		return (EBADF);

	rep->vp_len = sizeof (rep->vp_data);
	switch (q->vq_op) {
	case VSC_BIND:
		err = app_bind(a, q->vq_data, q->vq_len);
		break;
	case VSC_LISTEN:
		err = app_listen(a, arg[0], fd);
		break;
	case VSC_ACCEPT:
		return (app_accept(a, arg[0] != 0, rep->vp_data, &rep->vp_len,
		    newfd));
	case VSC_CONNECT:
		*waits = (arg[0] == 0);
		err = app_connect(a, q->vq_data, q->vq_len, fd,
		    *waits ? c : NULL);
		break;
	case VSC_GETSOCKNAME:
		return (app_getsockname(a, rep->vp_data, &rep->vp_len));
	case VSC_GETPEERNAME:
		return (app_getpeername(a, rep->vp_data, &rep->vp_len));
	case VSC_GETSOCKOPT:
		if (arg[2] < 0)
			return (EINVAL);
		if ((uint32_t)arg[2] < rep->vp_len)
			rep->vp_len = (uint32_t)arg[2];
		return (app_getsockopt(a, arg[0], arg[1], rep->vp_data,
		    &rep->vp_len));
	case VSC_SETSOCKOPT:
		err = app_setsockopt(a, arg[0], arg[1], q->vq_data, q->vq_len);
		app_limit(a, fd);
		break;
	case VSC_IOCTL:
		rep->vp_len = sizeof (int);
		return (app_ioctl(a, (uint32_t)arg[0], (int *)rep->vp_data));
	case VSC_SHUTDOWN:
		err = app_shutdown(a, arg[0]);
		break;
	case VSC_ERROR:
		err = app_error(a);
		break;
	default:
		err = EINVAL;
		break;
	}
	rep->vp_len = 0;
	return (err);
}

/* A client's request has come, or its end. */
static void
ctl_event(vsd_event_t *ve, uint32_t events)
{
	vsd_ctl_t *c = (vsd_ctl_t *)ve;
	union {
		struct cmsghdr	cu_hdr;
		char		cu_buf[CMSG_SPACE(sizeof (int))];
	} cu;				/* room for one descriptor only */
	vsc_request_t req;
	vsc_reply_t rep = { 0 };
	struct iovec iov = { &req, sizeof (req) };
	struct msghdr mh = {
		.msg_iov	= &iov,
		.msg_iovlen	= 1,
		.msg_control	= cu.cu_buf,
		.msg_controllen	= CMSG_LEN(sizeof (int))
	};
	int fd = -1, newfd = -1, err;
	struct cmsghdr *cm;
	bool waits = false;
	ssize_t n;

	n = recvmsg(c->vc_fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && (cm = CMSG_FIRSTHDR(&mh)) != NULL &&
	    cm->cmsg_level == SOL_SOCKET && cm->cmsg_type == SCM_RIGHTS &&
	    cm->cmsg_len == CMSG_LEN(sizeof (int)))
		(void) memcpy(&fd, CMSG_DATA(cm), sizeof (int));

	/* One that waits has nothing more to say. */
	if (n != sizeof (req) || c->vc_waits) {
		if (fd != -1)
			(void) close(fd);
		ctl_free(c);
		return;
	}
	err = ctl_request(c, &req, fd, &rep, &newfd, &waits);
	if (err != EINPROGRESS || !waits) {
		rep.vp_error = err;
		if (err != 0 || rep.vp_len > sizeof (rep.vp_data))
			rep.vp_len = 0;
		ctl_reply(c, &rep, newfd);
	}
	if (fd != -1)
		(void) close(fd);
	if (newfd != -1)
		(void) close(newfd);
}

static void
ctl_client(vsd_event_t *ve, uint32_t events)
{
	struct ucred cred;
	socklen_t len = sizeof (cred);
	vsd_ctl_t *c;
	int fd;

	fd = accept4(ctl_listen, NULL, NULL, SOCK_CLOEXEC);
	if (fd == -1) {
		if (errno != EMFILE && errno != ENFILE)
			return;
		/* Have it see an end rather than wait. */
		vsd_log("too many open files");
		(void) close(ctl_spare);
		if ((fd = accept(ctl_listen, NULL, NULL)) != -1)
			(void) close(fd);
		ctl_spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
		return;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0 ||
	    (cred.uid != 0 && cred.uid != geteuid()) ||
	    (c = calloc(1, sizeof (*c))) == NULL) {
		(void) close(fd);
		return;
	}
	c->vc_event.ve_func = ctl_event;
	c->vc_fd = fd;
	c->vc_uid = cred.uid;
	ctl_insert(c, &ctl_idle);
	if (vsd_event_add(fd, EPOLLIN, &c->vc_event) != 0)
		ctl_free(c);
}

int
ctl_init(const char *path)
{
	static vsd_event_t ev = { .ve_func = ctl_client };

	if ((ctl_spare = open("/dev/null", O_RDONLY | O_CLOEXEC)) == -1)
		return (errno);
	ctl_listen = vsd_listen(path, SOCK_SEQPACKET, S_IRUSR | S_IWUSR);
	if (ctl_listen == -1)
		return (EADDRINUSE);
	ctl_path = path;
	return (vsd_event_add(ctl_listen, EPOLLIN, &ev));
}

void
ctl_fini(void)
{
	while (ctl_idle != NULL)
		ctl_free(ctl_idle);
	if (ctl_listen != -1) {
		(void) close(ctl_listen);
		(void) unlink(ctl_path);
	}
	if (ctl_spare != -1)
		(void) close(ctl_spare);
}
