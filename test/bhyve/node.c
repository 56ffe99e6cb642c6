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
 * See node.h.  node_lock protects everything.
 */

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fakekernel.h>
#include <sys/virtio_vsock.h>
#include <sys/vsockhv.h>
#include "node.h"

#define	NODE_FD		1000

static pthread_mutex_t	node_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t	node_cv = PTHREAD_COND_INITIALIZER;

static bool		node_driver;
static fk_file_t	*node_file;	/* the driver's */
static bool		node_is_open;
static bool		node_gone;
static pthread_t	node_tid;
static bool		node_has_tid;

/* The other kind. */
static char		node_text[2][16384];	/* written down; given out */
static int		node_fail_cmd;
static int		node_fail_errno;
static int		node_vers;
static bool		node_created;
static bool		node_ring[VIRTIO_VSOCK_NQUEUES];
static uint32_t		node_bits;
static unsigned		node_resets;
static bool		node_polls;	/* the device's thread, with no bits */

static void node_say(const char *, ...) __attribute__((format(printf, 1, 2)));

static void
node_say(const char *fmt, ...)
{
	size_t len = strlen(node_text[0]);
	va_list ap;

	va_start(ap, fmt);
	(void) vsnprintf(node_text[0] + len, sizeof (node_text[0]) - len, fmt,
	    ap);
	va_end(ap);
}

void
node_begin(bool driver)
{
	node_driver = driver;
	node_gone = false;
	node_text[0][0] = '\0';
	node_fail_cmd = 0;
	node_vers = VSOCKHV_CURRENT_VERSION;
	node_created = false;
	(void) memset(node_ring, 0, sizeof (node_ring));
	node_bits = 0;
	node_resets = 0;
	node_polls = false;
}

void
node_end(void)
{
	(void) pthread_mutex_lock(&node_lock);
	node_gone = true;
	(void) pthread_cond_broadcast(&node_cv);
	(void) pthread_mutex_unlock(&node_lock);
	if (node_has_tid)
		(void) pthread_join(node_tid, NULL);
	node_has_tid = false;
	if (node_is_open)
		(void) node_close(NODE_FD);
}

/*
 * Threads: the device's own is the fake kernel's as well.
 */

typedef struct node_start {
	void *(*ns_func)(void *);
	void *ns_arg;
} node_start_t;

static void *
node_thread_main(void *arg)
{
	node_start_t ns = *(node_start_t *)arg;

	free(arg);
	if (node_driver)
		fk_thread_attach("vsockhv intr");
	(void) ns.ns_func(ns.ns_arg);
	if (node_driver)
		fk_thread_detach();
	return (NULL);
}

int
node_thread(pthread_t *tidp, const pthread_attr_t *attr,
    void *(*func)(void *), void *arg)
{
	node_start_t *ns = malloc(sizeof (*ns));
	int err;

	ns->ns_func = func;
	ns->ns_arg = arg;
	err = pthread_create(&node_tid, attr, node_thread_main, ns);
	assert(err == 0);
	node_has_tid = true;
	*tidp = node_tid;
	return (0);
}

/*
 * Files.
 */

int
node_open(const char *path, int flags, ...)
{
	assert(strcmp(path, "/dev/vsockhv") == 0 && !node_is_open);
	if (node_fail_cmd == -1) {
		errno = node_fail_errno;
		return (-1);
	}
	if (node_driver) {
		int err = fk_open(path, &node_file);

		if (err != 0) {
			errno = fk_errno_to_host(err);
			return (-1);
		}
	}
	node_is_open = true;
	return (NODE_FD);
}

int
node_close(int fd)
{
	assert(fd == NODE_FD && node_is_open);
	node_is_open = false;
	if (node_driver)
		(void) fk_close(node_file);
	else
		node_say("close\n");
	return (0);
}

/*
 * The rules of sys/vsockhv.h: an errno, or 0.
 */
static int
node_command(int cmd, intptr_t arg)
{
	const vsockhv_create_t *vc;
	const vsockhv_ring_init_t *vri;
	const vsockhv_ring_msi_t *vrm;
	const vsockhv_ports_t *vp;
	uint64_t features;

	switch (cmd) {
	case VSOCKHV_CREATE:
		vc = (const vsockhv_create_t *)arg;
		node_say("create cid=%llu vmfd=%d\n",
		    (unsigned long long)vc->vc_guest_cid, vc->vc_vmfd);
		if (node_created)
			return (EEXIST);
		node_created = true;
		return (0);
	case VSOCKHV_GET_FEATURES:
		*(uint64_t *)arg = NODE_FEATURES;
		return (0);
	case VSOCKHV_SET_FEATURES:
		features = *(const uint64_t *)arg;
		node_say("features %llx\n", (unsigned long long)features);
		for (int i = 0; i < VIRTIO_VSOCK_NQUEUES; i++) {
			if (node_ring[i])
				return (EBUSY);
		}
		return ((features & ~NODE_FEATURES) != 0 ? EINVAL : 0);
	case VSOCKHV_SET_PORTS:
		vp = (const vsockhv_ports_t *)arg;
		node_say("ports %u", vp->vp_restrict);
		for (unsigned i = 0; i < vp->vp_n; i++) {
			node_say(" %u-%u", vp->vp_range[i].vp_first,
			    vp->vp_range[i].vp_last);
		}
		node_say("\n");
		return (0);
	case VSOCKHV_RESET:
		node_say("reset\n");
		(void) memset(node_ring, 0, sizeof (node_ring));
		node_bits = 0;
		return (0);
	case VSOCKHV_RING_INIT:
		vri = (const vsockhv_ring_init_t *)arg;
		node_say("ring %u size %u at %u %u desc %llx avail %llx "
		    "used %llx\n", vri->vri_index, vri->vri_qsize,
		    vri->vri_avail_idx, vri->vri_used_idx,
		    (unsigned long long)vri->vri_desc,
		    (unsigned long long)vri->vri_avail,
		    (unsigned long long)vri->vri_used);
		if (vri->vri_index >= VIRTIO_VSOCK_NQUEUES)
			return (EINVAL);
		if (node_ring[vri->vri_index])
			return (EBUSY);
		node_ring[vri->vri_index] = true;
		return (0);
	case VSOCKHV_RING_SET_MSI:
		vrm = (const vsockhv_ring_msi_t *)arg;
		node_say("msi %u %llx %llx\n", vrm->vrm_index,
		    (unsigned long long)vrm->vrm_addr,
		    (unsigned long long)vrm->vrm_msg);
		return (vrm->vrm_index < VIRTIO_VSOCK_NQUEUES ? 0 : EINVAL);
	case VSOCKHV_RING_KICK:
		node_say("kick %d\n", (int)arg);
		return (node_ring[arg] ? 0 : ENXIO);
	case VSOCKHV_RING_INTR_CLR:
		node_say("clear %d\n", (int)arg);
		node_bits &= ~(1U << arg);
		return (0);
	case VSOCKHV_INTR_POLL:
		if ((node_bits & VSOCKHV_INTR_RESET) != 0)
			node_resets++;
		*(uint32_t *)arg = node_bits;
		return (0);
	default:
		return (ENOTTY);
	}
}

int
node_ioctl(int fd, unsigned long cmd, ...)
{
	int err, rval = 0;
	intptr_t arg;
	va_list ap;

	va_start(ap, cmd);
	arg = va_arg(ap, intptr_t);
	va_end(ap);
	assert(fd == NODE_FD && node_is_open);

	(void) pthread_mutex_lock(&node_lock);
	if (node_gone) {
		err = ENXIO;
	} else if (node_driver) {
		(void) pthread_mutex_unlock(&node_lock);
		err = fk_errno_to_host(fk_ioctl(node_file, (int)cmd, arg,
		    &rval));
		(void) pthread_mutex_lock(&node_lock);
	} else if ((int)cmd == VSOCKHV_VERSION) {
		err = 0;
		rval = node_vers;
	} else if ((int)cmd == node_fail_cmd) {
		err = node_fail_errno;
		node_fail_cmd = 0;
	} else if ((int)cmd != VSOCKHV_CREATE && !node_created) {
		err = ENXIO;
	} else {
		err = node_command((int)cmd, arg);
	}
	(void) pthread_mutex_unlock(&node_lock);
	if (err != 0) {
		errno = err;
		return (-1);
	}
	return (rval);
}

/*
 * The driver's node is asked again every now and then if the VM is still there;
 * no test waits for that but the end of one.
 */
int
node_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	assert(n == 1 && fds->fd == NODE_FD && fds->events == POLLRDBAND &&
	    timeout == -1);
	(void) pthread_mutex_lock(&node_lock);
	while (!node_gone && node_bits == 0) {
		if (node_driver) {
			short revents;
			int err;

			(void) pthread_mutex_unlock(&node_lock);
			err = fk_poll_wait(node_file, POLLRDBAND, 50, &revents);
			(void) pthread_mutex_lock(&node_lock);
			if (err == 0)
				break;
		} else {
			node_polls = true;
			(void) pthread_cond_broadcast(&node_cv);
			(void) pthread_cond_wait(&node_cv, &node_lock);
			node_polls = false;
		}
	}
	(void) pthread_mutex_unlock(&node_lock);
	fds->revents = POLLRDBAND;
	return (1);
}

/*
 * For the test.
 */

const char *
node_log(void)
{
	(void) pthread_mutex_lock(&node_lock);
	(void) strcpy(node_text[1], node_text[0]);
	node_text[0][0] = '\0';
	(void) pthread_mutex_unlock(&node_lock);
	return (node_text[1]);
}

void
node_fail(int cmd, int error)
{
	(void) pthread_mutex_lock(&node_lock);
	node_fail_cmd = cmd;
	node_fail_errno = error;
	(void) pthread_mutex_unlock(&node_lock);
}

void
node_version(int vers)
{
	node_vers = vers;
}

void
node_intr(uint32_t bits)
{
	(void) pthread_mutex_lock(&node_lock);
	node_bits |= bits;
	(void) pthread_cond_broadcast(&node_cv);
	(void) pthread_mutex_unlock(&node_lock);
}

unsigned
node_resets_seen(void)
{
	unsigned n;

	(void) pthread_mutex_lock(&node_lock);
	n = node_resets;
	(void) pthread_mutex_unlock(&node_lock);
	return (n);
}

void
node_idle(void)
{
	(void) pthread_mutex_lock(&node_lock);
	while (!node_polls || node_bits != 0)
		(void) pthread_cond_wait(&node_cv, &node_lock);
	(void) pthread_mutex_unlock(&node_lock);
}
