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
 * Linux vhost, for the fake virtio framework: the rings are worked on by the
 * kernel of the host, which finds them in this process's memory, and for which
 * this process is a virtual machine.
 *
 * While the driver is not attached, the device only keeps the CID.  Closing it
 * is the only way to tell Linux that the guest has gone, so that is done when
 * the driver stops it; it is opened again at once.
 *
 * Locking: none.  vk_fd is changed only by fo_start and fo_stop, which never
 * run at the same time, and is used by nobody else.
 */

#include <sys/ioctl.h>
#include <linux/vhost.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "fvio_host.h"

typedef struct vk {
	fvh_t		vk_host;
	char		*vk_path;
	uint64_t	vk_cid;
	void		(*vk_log)(const char *);
	int		vk_fd;		/* -1: not open */
	uint64_t	vk_offered;
} vk_t;

static int
vk_ioctl(vk_t *vk, unsigned long cmd, void *arg)
{
	return (ioctl(vk->vk_fd, cmd, arg) == 0 ? 0 : errno);
}

static void
vk_close(vk_t *vk)
{
	if (vk->vk_fd != -1)
		(void) close(vk->vk_fd);
	vk->vk_fd = -1;
}

/* Opens the device and takes the CID: 0 or an errno. */
static int
vk_open(vk_t *vk)
{
	int err;

	if ((vk->vk_fd = open(vk->vk_path, O_RDWR | O_CLOEXEC)) == -1)
		return (errno);
	err = vk_ioctl(vk, VHOST_SET_OWNER, NULL);
	if (err == 0)
		err = vk_ioctl(vk, VHOST_GET_FEATURES, &vk->vk_offered);
	if (err == 0)
		err = vk_ioctl(vk, VHOST_VSOCK_SET_GUEST_CID, &vk->vk_cid);
	if (err != 0)
		vk_close(vk);
	return (err);
}

static int
vk_set_memory(vk_t *vk)
{
	union {
		struct vhost_memory	vm_head;
		char			vm_buf[sizeof (struct vhost_memory) +
		    sizeof (struct vhost_memory_region)];
	} vm;
	struct vhost_memory_region *r = vm.vm_head.regions;
	uint64_t pa;
	size_t len;
	void *va;
	int fd;

	(void) memset(&vm, 0, sizeof (vm));
	vm.vm_head.nregions = 1;
	fvio_dma_area(&pa, &va, &len, &fd);
	r->guest_phys_addr = pa;
	r->memory_size = len;
	r->userspace_addr = (uintptr_t)va;
	return (vk_ioctl(vk, VHOST_SET_MEM_TABLE, &vm));
}

static int
vk_setup_ring(vk_t *vk, unsigned i, const fvio_ring_t *ring)
{
	struct vhost_vring_state num = { .index = i, .num = ring->fr_size };
	struct vhost_vring_state base = { .index = i };
	struct vhost_vring_addr addr = {
		.index		= i,
		.desc_user_addr	= fvh_uaddr(ring->fr_desc),
		.used_user_addr	= fvh_uaddr(ring->fr_used),
		.avail_user_addr = fvh_uaddr(ring->fr_avail)
	};
	struct vhost_vring_file kick = {
		.index		= i,
		.fd		= vk->vk_host.fvh_ring[i].fr_kick
	};
	struct vhost_vring_file call = {
		.index		= i,
		.fd		= vk->vk_host.fvh_ring[i].fr_call
	};
	int err;

	err = vk_ioctl(vk, VHOST_SET_VRING_NUM, &num);
	if (err == 0)
		err = vk_ioctl(vk, VHOST_SET_VRING_BASE, &base);
	if (err == 0)
		err = vk_ioctl(vk, VHOST_SET_VRING_ADDR, &addr);
	if (err == 0)
		err = vk_ioctl(vk, VHOST_SET_VRING_CALL, &call);
	if (err == 0)
		err = vk_ioctl(vk, VHOST_SET_VRING_KICK, &kick);
	return (err);
}

/*
 * The device.
 */

static uint64_t
vk_features(void *arg)
{
	const vk_t *vk = arg;

	return (fvh_features(vk->vk_offered));
}

static uint16_t
vk_queue_size(void *arg, unsigned queue)
{
	return (FVH_QSIZE);
}

static bool
vk_config(void *arg, uint32_t off, void *buf, uint32_t len)
{
	const vk_t *vk = arg;

	return (fvh_config(vk->vk_cid, off, buf, len));
}

static void
vk_logf(vk_t *vk, const char *what, int err)
{
	char buf[256];

	(void) snprintf(buf, sizeof (buf), "%s: %s%s%s", vk->vk_path, what,
	    err == 0 ? "" : ": ", err == 0 ? "" : strerror(err));
	vk->vk_log(buf);
}

static bool
vk_start(void *arg, uint64_t features, const fvio_ring_t *rings)
{
	vk_t *vk = arg;
	int err = 0, on = 1;

	if (vk->vk_fd == -1)
		err = vk_open(vk);
	if (err == 0)
		err = vk_ioctl(vk, VHOST_SET_FEATURES, &features);
	if (err == 0)
		err = vk_set_memory(vk);
	for (unsigned i = 0; i < FVH_RINGS && err == 0; i++)
		err = vk_setup_ring(vk, i, &rings[i]);
	if (err == 0) {
		fvh_start(&vk->vk_host, rings);
		err = vk_ioctl(vk, VHOST_VSOCK_SET_RUNNING, &on);
	}
	if (err != 0) {
		vk_logf(vk, "the device does not start", err);
		fvh_stop(&vk->vk_host);
	}
	return (err == 0);
}

static void
vk_stop(void *arg)
{
	vk_t *vk = arg;
	int err;

	fvh_stop(&vk->vk_host);
	vk_close(vk);
	if ((err = vk_open(vk)) != 0)
		vk_logf(vk, "cannot open it again", err);
}

static void
vk_notify(void *arg, unsigned queue)
{
	vk_t *vk = arg;

	fvh_notify(&vk->vk_host, queue);
}

static void
vk_broken(void *arg, unsigned queue, uint32_t id)
{
	vk_logf(arg, "the device returned what it did not have", 0);
}

static void
vk_destroy(void *arg)
{
	vk_t *vk = arg;

	fvh_fini(&vk->vk_host);
	vk_close(vk);
	free(vk->vk_path);
	free(vk);
}

static const fvio_ops_t vk_ops = {
	.fo_features	= vk_features,
	.fo_queue_size	= vk_queue_size,
	.fo_config	= vk_config,
	.fo_start	= vk_start,
	.fo_stop	= vk_stop,
	.fo_notify	= vk_notify,
	.fo_broken	= vk_broken,
	.fo_destroy	= vk_destroy
};

int
fvio_vhost_create(const char *driver, int instance, const char *path,
    uint64_t cid, void (*log)(const char *), fvio_t **devp)
{
	vk_t *vk;
	fvio_t *dev;
	int err;

	if ((vk = calloc(1, sizeof (*vk))) == NULL ||
	    (vk->vk_path = strdup(path)) == NULL) {
		free(vk);
		return (ENOMEM);
	}
	vk->vk_cid = cid;
	vk->vk_log = log;
	if ((err = vk_open(vk)) != 0) {
		free(vk->vk_path);
		free(vk);
		return (err);
	}
	dev = fvio_create(driver, instance, &vk_ops, vk, 0);
	if ((err = fvh_init(&vk->vk_host, dev)) != 0) {
		fvio_destroy(dev);
		return (err);
	}
	*devp = dev;
	return (0);
}
