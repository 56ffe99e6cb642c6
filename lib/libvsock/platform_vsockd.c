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
 * The system is a vsockd, "where" the path of its control socket, in the
 * environment as VSOCK_CONTROL.  Each request is a connection of its own.
 */

#include <sys/socket.h>
#include <sys/un.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "vsock_platform.h"
#include "../../cmd/vsockd/control.h"

struct vsock_platform {
	struct sockaddr_un	vp_addr;
};

const char *const vsp_where_option = "control";

/* A connection: 0 or errno. */
static int
vsp_connect(vsock_platform_t *vp, int *sp)
{
	int s, err = 0;

	if ((s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) == -1)
		return (errno);
	if (connect(s, (struct sockaddr *)&vp->vp_addr,
	    sizeof (vp->vp_addr)) != 0) {
		err = errno;
		(void) close(s);
	}
	*sp = s;
	return (err);
}

/*
 * A request and its reply: 0 or errno.  *fdp is the descriptor that came along;
 * one that is asked for (fdp not NULL) must come.
 */
static int
vsp_request(vsock_platform_t *vp, vsc_request_t *req, vsc_reply_t *rep,
    int *fdp)
{
	union {
		struct cmsghdr	cu_hdr;
		char		cu_buf[CMSG_SPACE(sizeof (int))];
	} cu;
	struct iovec iov = { rep, sizeof (*rep) };
	struct msghdr mh = {
		.msg_iov	= &iov,
		.msg_iovlen	= 1,
		.msg_control	= cu.cu_buf,
		.msg_controllen	= sizeof (cu.cu_buf)
	};
	struct cmsghdr *cm;
	ssize_t n;
	int s, fd = -1, err;

	req->vq_version = VSC_VERSION;
	if ((err = vsp_connect(vp, &s)) != 0)
		return (err);
	if (send(s, req, sizeof (*req), MSG_NOSIGNAL) != sizeof (*req)) {
		err = errno;
		(void) close(s);
		return (err);
	}
	do {
		n = recvmsg(s, &mh, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	err = n < 0 ? errno : 0;
	(void) close(s);
	if (n > 0 && (cm = CMSG_FIRSTHDR(&mh)) != NULL &&
	    cm->cmsg_level == SOL_SOCKET && cm->cmsg_type == SCM_RIGHTS &&
	    cm->cmsg_len == CMSG_LEN(sizeof (int)))
		(void) memcpy(&fd, CMSG_DATA(cm), sizeof (fd));
	if (err == 0 && n != sizeof (*rep))
		err = EPIPE;
	if (err == 0)
		err = rep->vp_error;
	if (err == 0 && fdp != NULL && fd == -1)
		err = EPROTO;
	if (err == 0 && fdp != NULL)
		*fdp = fd;
	else if (fd != -1)
		(void) close(fd);
	return (err);
}

/* The same, and the descriptor is a file. */
static int
vsp_request_file(vsock_platform_t *vp, vsc_request_t *req, FILE **fpp)
{
	vsc_reply_t rep;
	int fd, err;

	if ((err = vsp_request(vp, req, &rep, &fd)) != 0)
		return (err);
	if ((*fpp = fdopen(fd, "r")) == NULL) {
		err = errno;
		(void) close(fd);
	}
	return (err);
}

int
vsp_open(const char *where, vsock_platform_t **vpp)
{
	vsock_platform_t *vp;
	int s, err;

	if (where == NULL && (where = getenv("VSOCK_CONTROL")) == NULL)
		return (ENXIO);
	if (strlen(where) >= sizeof (vp->vp_addr.sun_path))
		return (ENAMETOOLONG);
	if ((vp = calloc(1, sizeof (*vp))) == NULL)
		return (ENOMEM);
	vp->vp_addr.sun_family = AF_UNIX;
	(void) strcpy(vp->vp_addr.sun_path, where);
	/* Is it there? */
	if ((err = vsp_connect(vp, &s)) != 0) {
		free(vp);
		return (err);
	}
	(void) close(s);
	*vpp = vp;
	return (0);
}

void
vsp_close(vsock_platform_t *vp)
{
	free(vp);
}

/* A line "module:instance:name:statistic value". */
static bool
vsp_line(char *line, char **module, int *instance, char **name, char **stat,
    uint64_t *value)
{
	char *inst, *val;

	*module = line;
	if ((inst = strchr(line, ':')) == NULL)
		return (false);
	*inst++ = '\0';
	if ((*name = strchr(inst, ':')) == NULL)
		return (false);
	*(*name)++ = '\0';
	if ((val = strrchr(*name, ' ')) == NULL)
		return (false);
	*val++ = '\0';
	if ((*stat = strrchr(*name, ':')) == NULL)
		return (false);
	*(*stat)++ = '\0';
	*instance = atoi(inst);
	*value = strtoull(val, NULL, 10);
	return (true);
}

int
vsp_kstat_named(vsock_platform_t *vp, int (*func)(void *, const char *, int,
    const char *, const char *, uint64_t), void *arg)
{
	vsc_request_t req = { .vq_op = VSC_KSTAT };
	char *module, *name, *stat;
	char line[256];
	uint64_t value;
	int instance, err;
	FILE *fp;

	if ((err = vsp_request_file(vp, &req, &fp)) != 0)
		return (err);
	while (err == 0 && fgets(line, sizeof (line), fp) != NULL) {
		if (!vsp_line(line, &module, &instance, &name, &stat, &value))
			err = EPROTO;
		else if (vsp_wanted(module))
			err = func(arg, module, instance, name, stat, value);
	}
	(void) fclose(fp);
	return (err);
}

int
vsp_kstat_raw(vsock_platform_t *vp, const char *module, const char *name,
    int (*func)(void *, const void *, size_t), void *arg)
{
	vsc_request_t req = { .vq_op = VSC_KSTAT_RAW };
	vsc_kraw_t vk;
	void *data;
	FILE *fp;
	int err;

	req.vq_len = (uint32_t)snprintf((char *)req.vq_data,
	    sizeof (req.vq_data), "%s:%s", module, name);
	if ((err = vsp_request_file(vp, &req, &fp)) != 0)
		return (err);
	while (err == 0 && fread(&vk, sizeof (vk), 1, fp) == 1) {
		if ((data = malloc(vk.vk_size)) == NULL)
			err = ENOMEM;
		else if (fread(data, 1, vk.vk_size, fp) != vk.vk_size)
			err = EPROTO;
		else
			err = func(arg, data, vk.vk_size);
		free(data);
	}
	(void) fclose(fp);
	return (err);
}

/* A vsockd has no names for zones. */
int
vsp_zone(const char *zone, int32_t *idp)
{
	char *end;
	long id;

	errno = 0;
	id = strtol(zone, &end, 10);
	if (*zone < '0' || *zone > '9' || *end != '\0' || errno != 0 ||
	    id > INT32_MAX)
		return (ENXIO);
	*idp = (int32_t)id;
	return (0);
}

int
vsp_prop(vsock_platform_t *vp, int cmd, vsock_prop_io_t *vpi)
{
	vsc_request_t req = {
		.vq_op	= VSC_DEV_IOCTL,
		.vq_arg	= { cmd },
		.vq_len	= sizeof (*vpi)
	};
	vsc_reply_t rep;
	int err;

	(void) memcpy(req.vq_data, vpi, sizeof (*vpi));
	if ((err = vsp_request(vp, &req, &rep, NULL)) != 0)
		return (err);
	if (rep.vp_len != sizeof (*vpi))
		return (EPROTO);
	(void) memcpy(vpi, rep.vp_data, sizeof (*vpi));
	return (0);
}

int
vsp_capture(vsock_platform_t *vp, const vsock_capture_io_t *vci, int *fdp)
{
	vsc_request_t req = { .vq_op = VSC_CAPTURE, .vq_len = sizeof (*vci) };
	vsc_reply_t rep;

	(void) memcpy(req.vq_data, vci, sizeof (*vci));
	return (vsp_request(vp, &req, &rep, fdp));
}
