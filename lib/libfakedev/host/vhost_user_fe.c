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
 * The vhost-user protocol, the monitor's side, for the fake virtio framework: a
 * device that is behind a Unix socket.
 *
 *	vfe_connect()	connect, features, protocol features, CID
 *	vfe_setup()	memory, rings: when the driver is there
 *	vfe_thread()	waits for the back-end's end, and for its return
 *
 * Every message is sent and, if it has a reply, answered before the next one;
 * with REPLY_ACK (which our own back-end has) each has.  A back-end that does
 * not answer for VFE_TIMEOUT seconds is one that has gone.
 *
 * A ring goes on, after the back-end was replaced, where the used ring says
 * that the old one was: what it had taken but not returned is done again.
 *
 * Locking: vf_lock covers the connection and what the driver has set up.  It is
 * not taken by fo_notify and fo_config, which may come with the driver's locks
 * held: the CID is atomic.
 */

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fakekernel.h>
#include "fvio_host.h"
#include "vhost_user_impl.h"

#define	VFE_TIMEOUT	10	/* seconds */
#define	VFE_RETRY	100	/* milliseconds between attempts to connect */
#define	VFE_CONFIG_SIZE	8	/* guest_cid */
#define	VFE_WANTED	\
	(VHU_PROTO_REPLY_ACK | VHU_PROTO_CONFIG | VHU_PROTO_RESET_DEVICE)

typedef struct vfe {
	fvh_t		vf_host;
	fvio_t		*vf_dev;
	struct sockaddr_un vf_addr;
	void		(*vf_log)(const char *);
	pthread_t	vf_thread;
	bool		vf_have_thread;
	int		vf_stop;	/* eventfd */
	uint64_t	vf_cid;		/* atomic */
	uint8_t		vf_gen;		/* atomic */

	pthread_mutex_t	vf_lock;	/* protects the rest */
	int		vf_sock;	/* -1: no back-end */
	uint64_t	vf_offered;
	uint64_t	vf_proto;
	bool		vf_running;	/* between fo_start and fo_stop */
	uint64_t	vf_features;
	fvio_ring_t	vf_ring[FVIO_QUEUES];
} vfe_t;

/*
 * Messages: all return 0 or an errno, after which the back-end is of no use.
 */

static int
vfe_recv(vfe_t *vf, void *buf, size_t len)
{
	int err = vhu_recv(vf->vf_sock, buf, len);

	return (err == EAGAIN ? ETIMEDOUT : err);
}

/* Sends, and receives the reply: if `replied', or if everything has one. */
static int
vfe_request(vfe_t *vf, uint32_t request, uint32_t size, vhu_msg_t *m,
    const int *fds, int nfds, bool replied)
{
	const bool ack = !replied && (vf->vf_proto & VHU_PROTO_REPLY_ACK) != 0;
	int err;

	m->vm_hdr.vh_request = request;
	m->vm_hdr.vh_flags = VHU_VERSION | (ack ? VHU_F_NEED_REPLY : 0);
	m->vm_hdr.vh_size = size;
	if ((err = vhu_send(vf->vf_sock, m, fds, nfds)) != 0)
		return (err);
	if (!ack && !replied)
		return (0);
	if ((err = vfe_recv(vf, &m->vm_hdr, sizeof (m->vm_hdr))) != 0)
		return (err);
	if (m->vm_hdr.vh_request != request ||
	    m->vm_hdr.vh_flags != (VHU_VERSION | VHU_F_REPLY) ||
	    m->vm_hdr.vh_size != (ack ? sizeof (m->vm_u64) : size))
		return (EPROTO);
	if ((err = vfe_recv(vf, &m->vm_u64, m->vm_hdr.vh_size)) != 0)
		return (err);
	return (ack && m->vm_u64 != 0 ? EPROTO : 0);
}

static int
vfe_simple(vfe_t *vf, uint32_t request)
{
	vhu_msg_t m = { 0 };

	return (vfe_request(vf, request, 0, &m, NULL, 0, false));
}

static int
vfe_set_u64(vfe_t *vf, uint32_t request, uint64_t val)
{
	vhu_msg_t m = { .vm_u64 = val };

	return (vfe_request(vf, request, sizeof (val), &m, NULL, 0, false));
}

static int
vfe_get_u64(vfe_t *vf, uint32_t request, uint64_t *valp)
{
	vhu_msg_t m = {
		.vm_hdr.vh_request = request,
		.vm_hdr.vh_flags = VHU_VERSION
	};
	int err;

	/* The only requests whose reply is longer than they are. */
	if ((err = vhu_send(vf->vf_sock, &m, NULL, 0)) != 0 ||
	    (err = vfe_recv(vf, &m.vm_hdr, sizeof (m.vm_hdr))) != 0)
		return (err);
	if (m.vm_hdr.vh_request != request ||
	    m.vm_hdr.vh_size != sizeof (m.vm_u64))
		return (EPROTO);
	err = vfe_recv(vf, &m.vm_u64, sizeof (m.vm_u64));
	*valp = m.vm_u64;
	return (err);
}

static int
vfe_set_state(vfe_t *vf, uint32_t request, unsigned ring, uint32_t num)
{
	vhu_msg_t m = { .vm_state = { .vs_index = ring, .vs_num = num } };

	return (vfe_request(vf, request, sizeof (m.vm_state), &m, NULL, 0,
	    request == VHU_GET_VRING_BASE));
}

static int
vfe_set_fd(vfe_t *vf, uint32_t request, unsigned ring, int fd)
{
	vhu_msg_t m = { .vm_u64 = ring };

	return (vfe_request(vf, request, sizeof (m.vm_u64), &m, &fd, 1,
	    false));
}

static int
vfe_set_memory(vfe_t *vf)
{
	vhu_msg_t m = { .vm_mem = { .vm_n = 1 } };
	uint64_t pa;
	size_t len;
	void *va;
	int fd;

	fvio_dma_area(&pa, &va, &len, &fd);
	m.vm_mem.vm_region[0].vmr_gpa = pa;
	m.vm_mem.vm_region[0].vmr_size = len;
	m.vm_mem.vm_region[0].vmr_uaddr = (uintptr_t)va;
	return (vfe_request(vf, VHU_SET_MEM_TABLE,
	    offsetof(vhu_mem_t, vm_region) + sizeof (m.vm_mem.vm_region[0]),
	    &m, &fd, 1, false));
}

static int
vfe_get_config(vfe_t *vf, uint64_t *cidp)
{
	vhu_msg_t m = { .vm_config = { .vc_size = VFE_CONFIG_SIZE } };
	int err;

	err = vfe_request(vf, VHU_GET_CONFIG, offsetof(vhu_config_t, vc_data) +
	    VFE_CONFIG_SIZE, &m, NULL, 0, true);
	*cidp = 0;
	for (unsigned i = 0; i < VFE_CONFIG_SIZE && err == 0; i++)
		*cidp |= (uint64_t)m.vm_config.vc_data[i] << (8 * i);
	return (err);
}

/*
 * The connection.
 */

static void
vfe_disconnect(vfe_t *vf)
{
	if (vf->vf_sock == -1)
		return;
	/* The thread may wait for it. */
	(void) shutdown(vf->vf_sock, SHUT_RDWR);
	(void) close(vf->vf_sock);
	vf->vf_sock = -1;
}

/* Up to the point where the device could be given to a driver. */
static int
vfe_connect(vfe_t *vf, uint64_t *cidp)
{
	const struct timeval tv = { .tv_sec = VFE_TIMEOUT };
	uint64_t proto;
	int err;

	vf->vf_proto = 0;
	vf->vf_sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (vf->vf_sock == -1)
		return (errno);
	err = setsockopt(vf->vf_sock, SOL_SOCKET, SO_RCVTIMEO, &tv,
	    sizeof (tv)) == 0 && connect(vf->vf_sock,
	    (const struct sockaddr *)&vf->vf_addr, sizeof (vf->vf_addr)) == 0 ?
	    0 : errno;
	if (err == 0)
		err = vfe_get_u64(vf, VHU_GET_FEATURES, &vf->vf_offered);
	if (err == 0 && (vf->vf_offered & VHU_FEATURE_PROTOCOL) == 0)
		err = EPROTO;
	if (err == 0)
		err = vfe_get_u64(vf, VHU_GET_PROTOCOL_FEATURES, &proto);
	if (err == 0 && (proto & VHU_PROTO_CONFIG) == 0)
		err = EPROTO;
	if (err == 0)
		err = vfe_set_u64(vf, VHU_SET_PROTOCOL_FEATURES,
		    proto & VFE_WANTED);
	if (err == 0) {
		vf->vf_proto = proto & VFE_WANTED;
		err = vfe_simple(vf, VHU_SET_OWNER);
	}
	if (err == 0)
		err = vfe_get_config(vf, cidp);
	if (err != 0)
		vfe_disconnect(vf);
	return (err);
}

static int
vfe_setup_ring(vfe_t *vf, unsigned i)
{
	const fvio_ring_t *ring = &vf->vf_ring[i];
	const uint16_t *used = fvio_pa(ring->fr_used, 2 * sizeof (*used));
	vhu_msg_t m = {
		.vm_addr = {
			.va_index	= i,
			.va_desc	= fvh_uaddr(ring->fr_desc),
			.va_used	= fvh_uaddr(ring->fr_used),
			.va_avail	= fvh_uaddr(ring->fr_avail)
		}
	};
	int err;

	err = vfe_set_state(vf, VHU_SET_VRING_NUM, i, ring->fr_size);
	if (err == 0)
		err = vfe_set_state(vf, VHU_SET_VRING_BASE, i,
		    __atomic_load_n(&used[1], __ATOMIC_ACQUIRE));
	if (err == 0)
		err = vfe_request(vf, VHU_SET_VRING_ADDR, sizeof (m.vm_addr),
		    &m, NULL, 0, false);
	if (err == 0)
		err = vfe_set_fd(vf, VHU_SET_VRING_CALL, i,
		    vf->vf_host.fvh_ring[i].fr_call);
	if (err == 0)
		err = vfe_set_fd(vf, VHU_SET_VRING_KICK, i,
		    vf->vf_host.fvh_ring[i].fr_kick);
	if (err == 0)
		err = vfe_set_state(vf, VHU_SET_VRING_ENABLE, i, 1);
	return (err);
}

/* The back-end begins to work for the driver. */
static int
vfe_setup(vfe_t *vf)
{
	int err;

	if (vf->vf_sock == -1)
		return (ENOTCONN);
	err = (vf->vf_features & ~vf->vf_offered) != 0 ? EPROTO : 0;
	if (err == 0)
		err = vfe_set_u64(vf, VHU_SET_FEATURES,
		    vf->vf_features | VHU_FEATURE_PROTOCOL);
	if (err == 0)
		err = vfe_set_memory(vf);
	for (unsigned i = 0; i < FVH_RINGS && err == 0; i++) {
		if (vf->vf_ring[i].fr_size != 0)
			err = vfe_setup_ring(vf, i);
	}
	return (err);
}

static void
vfe_logf(vfe_t *vf, const char *what, int err)
{
	char buf[256];

	(void) snprintf(buf, sizeof (buf), "%s: %s%s%s",
	    vf->vf_addr.sun_path, what, err == 0 ? "" : ": ",
	    err == 0 ? "" : strerror(err));
	vf->vf_log(buf);
}

/* The back-end has ended, or nobody knows what it thinks. */
static void
vfe_gone(vfe_t *vf, int err)
{
	vfe_logf(vf, "the device has gone", err);
	vfe_disconnect(vf);
	fvh_transport_reset(&vf->vf_host);
}

/* Tries whether there is a new back-end. */
static void
vfe_reconnect(vfe_t *vf)
{
	uint64_t cid;
	int err;

	if (vfe_connect(vf, &cid) != 0)
		return;
	__atomic_store_n(&vf->vf_cid, cid, __ATOMIC_RELEASE);
	(void) __atomic_add_fetch(&vf->vf_gen, 1, __ATOMIC_RELEASE);
	vfe_logf(vf, "the device is back", 0);
	fvio_raise(vf->vf_dev, FVIO_CONFIG);
	fvh_transport_reset(&vf->vf_host);
	if (vf->vf_running && (err = vfe_setup(vf)) != 0)
		vfe_gone(vf, err);
}

/* What the thread finds on the connection, with nobody waiting for a reply. */
static void
vfe_check(vfe_t *vf)
{
	struct pollfd pfd = { .fd = vf->vf_sock, .events = POLLIN };

	/* A back-end does not speak unasked. */
	if (vf->vf_sock != -1 && poll(&pfd, 1, 0) > 0)
		vfe_gone(vf, 0);
}

static void *
vfe_thread(void *arg)
{
	vfe_t *vf = arg;
	struct pollfd pfd[2];

	fk_thread_attach("vhost_user_fe");
	pfd[0].fd = vf->vf_stop;
	pfd[0].events = pfd[1].events = POLLIN;
	do {
		(void) pthread_mutex_lock(&vf->vf_lock);
		if (vf->vf_sock == -1)
			vfe_reconnect(vf);
		else
			vfe_check(vf);
		pfd[1].fd = vf->vf_sock;
		(void) pthread_mutex_unlock(&vf->vf_lock);
		pfd[0].revents = 0;
		(void) poll(pfd, 2, pfd[1].fd == -1 ? VFE_RETRY : -1);
	} while (pfd[0].revents == 0);
	fk_thread_detach();
	return (NULL);
}

/*
 * The device.
 */

static uint64_t
vfe_features(void *arg)
{
	vfe_t *vf = arg;
	uint64_t features;

	(void) pthread_mutex_lock(&vf->vf_lock);
	features = fvh_features(vf->vf_offered);
	(void) pthread_mutex_unlock(&vf->vf_lock);
	return (features);
}

static uint16_t
vfe_queue_size(void *arg, unsigned queue)
{
	return (FVH_QSIZE);
}

static bool
vfe_config(void *arg, uint32_t off, void *buf, uint32_t len)
{
	const vfe_t *vf = arg;

	return (fvh_config(__atomic_load_n(&vf->vf_cid, __ATOMIC_ACQUIRE),
	    off, buf, len));
}

static uint8_t
vfe_config_gen(void *arg)
{
	const vfe_t *vf = arg;

	return (__atomic_load_n(&vf->vf_gen, __ATOMIC_ACQUIRE));
}

static bool
vfe_start(void *arg, uint64_t features, const fvio_ring_t *rings)
{
	vfe_t *vf = arg;
	int err;

	(void) pthread_mutex_lock(&vf->vf_lock);
	vf->vf_features = features;
	(void) memcpy(vf->vf_ring, rings, sizeof (vf->vf_ring));
	err = vfe_setup(vf);
	vf->vf_running = (err == 0);
	if (err == 0)
		fvh_start(&vf->vf_host, rings);
	else
		vfe_logf(vf, "the device does not start", err);
	(void) pthread_mutex_unlock(&vf->vf_lock);
	return (err == 0);
}

static void
vfe_stop(void *arg)
{
	vfe_t *vf = arg;
	int err = 0;

	(void) pthread_mutex_lock(&vf->vf_lock);
	vf->vf_running = false;
	fvh_stop(&vf->vf_host);
	for (unsigned i = 0; i < FVH_RINGS && vf->vf_sock != -1 && err == 0;
	    i++)
		err = vfe_set_state(vf, VHU_GET_VRING_BASE, i, 0);
	if (err == 0 && vf->vf_sock != -1 &&
	    (vf->vf_proto & VHU_PROTO_RESET_DEVICE) != 0)
		err = vfe_simple(vf, VHU_RESET_DEVICE);
	if (err != 0)
		vfe_gone(vf, err);
	(void) pthread_mutex_unlock(&vf->vf_lock);
}

static void
vfe_notify(void *arg, unsigned queue)
{
	vfe_t *vf = arg;

	fvh_notify(&vf->vf_host, queue);
}

static void
vfe_broken(void *arg, unsigned queue, uint32_t id)
{
	vfe_logf(arg, "the device returned what it did not have", 0);
}

static void
vfe_destroy(void *arg)
{
	const uint64_t one = 1;
	vfe_t *vf = arg;

	if (vf->vf_have_thread) {
		(void) !write(vf->vf_stop, &one, sizeof (one));
		(void) pthread_join(vf->vf_thread, NULL);
	}
	fvh_fini(&vf->vf_host);
	vfe_disconnect(vf);
	(void) close(vf->vf_stop);
	(void) pthread_mutex_destroy(&vf->vf_lock);
	free(vf);
}

static const fvio_ops_t vfe_ops = {
	.fo_features	= vfe_features,
	.fo_queue_size	= vfe_queue_size,
	.fo_config	= vfe_config,
	.fo_config_gen	= vfe_config_gen,
	.fo_start	= vfe_start,
	.fo_stop	= vfe_stop,
	.fo_notify	= vfe_notify,
	.fo_broken	= vfe_broken,
	.fo_destroy	= vfe_destroy
};

int
fvio_vhost_user_create(const char *driver, int instance, const char *path,
    void (*log)(const char *), fvio_t **devp)
{
	vfe_t *vf;
	int err;

	if (strlen(path) >= sizeof (vf->vf_addr.sun_path))
		return (ENAMETOOLONG);
	if ((vf = calloc(1, sizeof (*vf))) == NULL)
		return (ENOMEM);
	vf->vf_addr.sun_family = AF_UNIX;
	(void) strcpy(vf->vf_addr.sun_path, path);
	vf->vf_log = log;
	vf->vf_stop = eventfd(0, EFD_CLOEXEC);
	err = vf->vf_stop == -1 ? errno : vfe_connect(vf, &vf->vf_cid);
	if (err != 0) {
		(void) close(vf->vf_stop);
		free(vf);
		return (err);
	}
	(void) pthread_mutex_init(&vf->vf_lock, NULL);
	vf->vf_dev = fvio_create(driver, instance, &vfe_ops, vf, 0);
	err = fvh_init(&vf->vf_host, vf->vf_dev);
	if (err == 0)
		err = pthread_create(&vf->vf_thread, NULL, vfe_thread, vf);
	vf->vf_have_thread = (err == 0);
	if (err != 0) {
		fvio_destroy(vf->vf_dev);
		return (err);
	}
	*devp = vf->vf_dev;
	return (0);
}
