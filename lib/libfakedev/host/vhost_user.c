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
 * The vhost-user protocol, device side.
 *
 *	VMM ---- Unix socket: messages, file descriptors ----> vhu_serve()
 *	guest -- kick eventfd of a ring ---------------------> vo_ring_kick()
 *	guest <- call eventfd of a ring ---------------------- vhu_call()
 *
 * The thread waits for its socket; the kicks of a ring that runs are a line of
 * the fake kernel (fk_line_add()).  A message is a header and a payload whose
 * size the header tells; vhu_requests[] says which sizes and how many
 * descriptors each request has, and which function it is for.  A ring runs
 * while it is started (it has a kick descriptor; getting its base stops it) and
 * enabled; vhu_ring_update() brings about what these two say.
 *
 * Ring addresses are in the peer's own address space.  The memory table gives
 * for each piece of memory where it is for the peer, and where for the guest.
 *
 * VHOST_USER_PROTOCOL_F_STATUS is not offered: peers send status 0 whenever
 * they stop a device, and so also when a virtual machine only pauses.
 *
 * A peer may shrink the file behind its memory while it is mapped here, and
 * touching that is a SIGBUS.  The handler puts a page of zeros there: the
 * guest, whose memory it was, gets nonsense and everybody else nothing.
 *
 * Locking: vu_lock covers vu_conn, and the call and err descriptors against
 * vhu_call() and vhu_kick().  The rest belongs to the thread.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/eventfd.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fakekernel.h>
#include <vhost_user.h>
#include "vhost_user_impl.h"

#define	VHU_PROTO_OFFERED	(VHU_PROTO_MQ | VHU_PROTO_REPLY_ACK | \
	    VHU_PROTO_CONFIG | VHU_PROTO_RESET_DEVICE)

typedef struct vhu_vring {
	vhu_t		*vv_vhu;
	unsigned	vv_index;
	bool		vv_started;
	bool		vv_enabled;
	bool		vv_running;
	bool		vv_have_addr;
	uint16_t	vv_size;
	uint16_t	vv_base;
	uint64_t	vv_desc;	/* the peer's addresses */
	uint64_t	vv_avail;
	uint64_t	vv_used;
	int		vv_kick;
	fk_line_t	*vv_line;	/* vv_running: of that */
	int		vv_call;	/* vu_lock */
	int		vv_err;		/* vu_lock */
} vhu_vring_t;

struct vhu {
	const vhu_ops_t	*vu_ops;
	void		*vu_arg;
	int		vu_listen;
	int		vu_stop;	/* eventfd */
	pthread_t	vu_thread;
	bool		vu_have_thread;
	pthread_mutex_t	vu_lock;
	int		vu_conn;
	uint64_t	vu_offered;
	uint64_t	vu_proto;
	vhu_vring_t	vu_ring[VHU_MAX_RINGS];
	unsigned	vu_nregions;
	vhu_region_t	vu_region[VHU_MAX_REGIONS];
	uint64_t	vu_uaddr[VHU_MAX_REGIONS];
};

static void vhu_log(vhu_t *, const char *, ...)
    __attribute__((__format__(__printf__, 2, 3)));
static int vhu_bad(vhu_t *, const char *, ...)
    __attribute__((__format__(__printf__, 2, 3)));

static void
vhu_vlog(vhu_t *v, const char *fmt, va_list ap)
{
	char buf[256];

	(void) vsnprintf(buf, sizeof (buf), fmt, ap);
	v->vu_ops->vo_log(v->vu_arg, buf);
}

static void
vhu_log(vhu_t *v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vhu_vlog(v, fmt, ap);
	va_end(ap);
}

/* The peer has said something wrong. */
static int
vhu_bad(vhu_t *v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vhu_vlog(v, fmt, ap);
	va_end(ap);
	return (EINVAL);
}

/*
 * Mapped guest memory, of every vhu_t, for the handler of SIGBUS.
 */

#define	VHU_MAPS	1024

static struct {
	atomic_uintptr_t	vm_base;	/* 0: free, 1: being filled */
	atomic_size_t		vm_len;
} vhu_maps[VHU_MAPS];
static pthread_once_t vhu_sigbus_once = PTHREAD_ONCE_INIT;

static void
vhu_sigbus(int sig, siginfo_t *si, void *uc)
{
	uintptr_t addr = (uintptr_t)si->si_addr, base;
	const uintptr_t pagesize = 4096;
	int saved = errno;

	for (int i = 0; i < VHU_MAPS; i++) {
		base = atomic_load(&vhu_maps[i].vm_base);
		if (base <= 1 || addr - base >= vhu_maps[i].vm_len)
			continue;
		if (mmap((void *)(addr & ~(pagesize - 1)), pagesize,
		    PROT_READ | PROT_WRITE,
		    MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
		    MAP_FAILED)
			break;
		errno = saved;
		return;
	}
	(void) signal(SIGBUS, SIG_DFL);
}

static void
vhu_sigbus_init(void)
{
	struct sigaction sa = {
		.sa_sigaction	= vhu_sigbus,
		.sa_flags	= SA_SIGINFO
	};

	(void) sigaction(SIGBUS, &sa, NULL);
}

static void *
vhu_map(int fd, uint64_t offset, uint64_t len)
{
	uintptr_t unused;
	void *addr;
	int i;

	for (i = 0; i < VHU_MAPS; i++) {
		unused = 0;
		if (atomic_compare_exchange_strong(&vhu_maps[i].vm_base,
		    &unused, 1))
			break;
	}
	if (i == VHU_MAPS)
		return (NULL);
	addr = mmap(NULL, len, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_NORESERVE, fd, (off_t)offset);
	if (addr == MAP_FAILED) {
		vhu_maps[i].vm_base = 0;
		return (NULL);
	}
	vhu_maps[i].vm_len = len;
	vhu_maps[i].vm_base = (uintptr_t)addr;
	return (addr);
}

static void
vhu_unmap(void *addr, uint64_t len)
{
	for (int i = 0; i < VHU_MAPS; i++) {
		if (vhu_maps[i].vm_base == (uintptr_t)addr)
			vhu_maps[i].vm_base = 0;
	}
	(void) munmap(addr, len);
}

static void
vhu_unmap_regions(const vhu_region_t *r, unsigned n)
{
	while (n-- > 0)
		vhu_unmap(r[n].vr_hva, r[n].vr_len);
}

static void
vhu_close(int *fdp)
{
	if (*fdp != -1)
		(void) close(*fdp);
	*fdp = -1;
}

/*
 * Rings.
 */

void
vhu_call(vhu_t *v, unsigned ring)
{
	const uint64_t one = 1;

	if (ring >= v->vu_ops->vo_nrings)
		return;
	(void) pthread_mutex_lock(&v->vu_lock);
	if (v->vu_ring[ring].vv_call != -1) {
		/* Full is as good as written: it will be read. */
		(void) !write(v->vu_ring[ring].vv_call, &one, sizeof (one));
	}
	(void) pthread_mutex_unlock(&v->vu_lock);
}

/*
 * So many bytes at that address of the peer: the guest physical address, and
 * where it is here.
 */
static bool
vhu_translate(const vhu_t *v, uint64_t uaddr, uint64_t len, uint64_t *gpa,
    void **hva)
{
	const vhu_region_t *r;
	uint64_t off;

	for (unsigned i = 0; i < v->vu_nregions; i++) {
		r = &v->vu_region[i];
		off = uaddr - v->vu_uaddr[i];
		if (off < r->vr_len && len <= r->vr_len - off) {
			*gpa = r->vr_gpa + off;
			*hva = (uint8_t *)r->vr_hva + off;
			return (true);
		}
	}
	return (false);
}

/* A ring was kicked: in whatever thread serves the line. */
static void
vhu_kick(void *arg)
{
	vhu_vring_t *vv = arg;
	vhu_t *v = vv->vv_vhu;
	const uint64_t one = 1;

	if (v->vu_ops->vo_ring_kick(v->vu_arg, vv->vv_index) == 0)
		return;
	(void) pthread_mutex_lock(&v->vu_lock);
	if (vv->vv_err != -1)
		(void) !write(vv->vv_err, &one, sizeof (one));
	(void) pthread_mutex_unlock(&v->vu_lock);
}

static int
vhu_ring_start(vhu_t *v, unsigned idx)
{
	vhu_vring_t *vv = &v->vu_ring[idx];
	vhu_ring_t ring = {
		.vr_size	= vv->vv_size,
		.vr_avail_idx	= vv->vv_base
	};
	const uint64_t n = vv->vv_size;
	_Atomic uint16_t *used_idx;
	void *hva;
	int err;

	if (n == 0 || !vv->vv_have_addr)
		return (vhu_bad(v, "ring %u: started without %s", idx,
		    n == 0 ? "a size" : "addresses"));
	if (!vhu_translate(v, vv->vv_desc, 16 * n, &ring.vr_desc, &hva) ||
	    !vhu_translate(v, vv->vv_avail, 6 + 2 * n, &ring.vr_avail, &hva) ||
	    !vhu_translate(v, vv->vv_used, 6 + 8 * n, &ring.vr_used, &hva))
		return (vhu_bad(v, "ring %u: not in guest memory", idx));
	if (((uintptr_t)hva & 3) != 0)
		return (vhu_bad(v, "ring %u: not aligned", idx));
	used_idx = (_Atomic uint16_t *)hva + 1;
	ring.vr_used_idx = atomic_load(used_idx);

	if ((err = v->vu_ops->vo_ring_start(v->vu_arg, idx, &ring)) != 0) {
		vhu_log(v, "ring %u: start: %s", idx, strerror(err));
		return (err);
	}
	/* What was kicked before is noticed as well. */
	err = fk_errno_to_host(fk_line_add(vv->vv_kick, "vhost_user_kick",
	    vhu_kick, vv, &vv->vv_line));
	if (err != 0) {
		(void) v->vu_ops->vo_ring_stop(v->vu_arg, idx, &vv->vv_base);
		return (vhu_bad(v, "ring %u: kick: %s", idx, strerror(err)));
	}
	vv->vv_running = true;
	return (0);
}

static int
vhu_ring_stop(vhu_t *v, unsigned idx)
{
	vhu_vring_t *vv = &v->vu_ring[idx];
	int err;

	vv->vv_running = false;
	fk_line_remove(vv->vv_line);
	err = v->vu_ops->vo_ring_stop(v->vu_arg, idx, &vv->vv_base);
	if (err != 0)
		vhu_log(v, "ring %u: stop: %s", idx, strerror(err));
	return (err);
}

static int
vhu_ring_update(vhu_t *v, unsigned idx)
{
	vhu_vring_t *vv = &v->vu_ring[idx];
	bool run = vv->vv_started && vv->vv_enabled;

	if (run == vv->vv_running)
		return (0);
	return (run ? vhu_ring_start(v, idx) : vhu_ring_stop(v, idx));
}

/* Stop all; `restart' says whether they are to run on later. */
static int
vhu_rings_stop(vhu_t *v, bool restart)
{
	int err = 0;

	for (unsigned i = 0; i < v->vu_ops->vo_nrings && err == 0; i++) {
		if (v->vu_ring[i].vv_running)
			err = vhu_ring_stop(v, i);
		if (!restart) {
			v->vu_ring[i].vv_started = false;
			vhu_close(&v->vu_ring[i].vv_kick);
		}
	}
	return (err);
}

/* The ring of a message, if it exists and is not running. */
static vhu_vring_t *
vhu_idle_ring(vhu_t *v, uint32_t idx)
{
	if (idx >= v->vu_ops->vo_nrings) {
		(void) vhu_bad(v, "there is no ring %u", idx);
		return (NULL);
	}
	if (v->vu_ring[idx].vv_running) {
		(void) vhu_bad(v, "ring %u is running", idx);
		return (NULL);
	}
	return (&v->vu_ring[idx]);
}

/*
 * Requests: 0, or an errno, and the peer has been told of in the log.
 */

static int
vhu_reply_u64(vhu_msg_t *m, uint64_t val)
{
	m->vm_u64 = val;
	m->vm_hdr.vh_size = sizeof (m->vm_u64);
	m->vm_reply = true;
	return (0);
}

static int
vhu_get_features(vhu_t *v, vhu_msg_t *m)
{
	return (vhu_reply_u64(m, v->vu_offered | VHU_FEATURE_PROTOCOL));
}

static int
vhu_set_features(vhu_t *v, vhu_msg_t *m)
{
	uint64_t features = m->vm_u64 & ~VHU_FEATURE_PROTOCOL;
	int err;

	if ((features & ~v->vu_offered) != 0)
		return (vhu_bad(v, "features 0x%llx were not offered",
		    (unsigned long long)(features & ~v->vu_offered)));
	err = v->vu_ops->vo_set_features(v->vu_arg, features);
	if (err != 0) {
		vhu_log(v, "features 0x%llx: %s",
		    (unsigned long long)features, strerror(err));
		return (err);
	}
	/* A peer that does not know about it never enables a ring. */
	if ((m->vm_u64 & VHU_FEATURE_PROTOCOL) == 0) {
		for (unsigned i = 0; i < v->vu_ops->vo_nrings; i++) {
			v->vu_ring[i].vv_enabled = true;
			if ((err = vhu_ring_update(v, i)) != 0)
				return (err);
		}
	}
	return (0);
}

static int
vhu_set_owner(vhu_t *v, vhu_msg_t *m)
{
	return (0);
}

static int
vhu_reset(vhu_t *v, vhu_msg_t *m)
{
	int err = vhu_rings_stop(v, false);

	for (unsigned i = 0; i < v->vu_ops->vo_nrings; i++) {
		v->vu_ring[i].vv_enabled = false;
		v->vu_ring[i].vv_base = 0;
	}
	if (err == 0 && (err = v->vu_ops->vo_reset(v->vu_arg)) != 0)
		vhu_log(v, "reset: %s", strerror(err));
	return (err);
}

/* Checks a memory table against itself and the files behind it. */
static int
vhu_mem_check(vhu_t *v, const vhu_msg_t *m)
{
	const vhu_mem_t *mem = &m->vm_mem;
	struct stat st;

	if (mem->vm_n > VHU_MAX_REGIONS ||
	    m->vm_nfds != (int)mem->vm_n || m->vm_hdr.vh_size <
	    offsetof(vhu_mem_t, vm_region) +
	    mem->vm_n * sizeof (mem->vm_region[0]))
		return (vhu_bad(v, "%u memory regions, %d descriptors, "
		    "%u bytes", mem->vm_n, m->vm_nfds, m->vm_hdr.vh_size));

	for (uint32_t i = 0; i < mem->vm_n; i++) {
		const uint64_t gpa = mem->vm_region[i].vmr_gpa;
		const uint64_t size = mem->vm_region[i].vmr_size;
		const uint64_t uaddr = mem->vm_region[i].vmr_uaddr;
		const uint64_t off = mem->vm_region[i].vmr_offset;

		if (size == 0 || ((gpa | size | uaddr | off) & 4095) != 0 ||
		    gpa + size < gpa || uaddr + size < uaddr ||
		    off + size < off || off + size > INT64_MAX)
			return (vhu_bad(v, "memory region %u: bad", i));
		if (fstat(m->vm_fd[i], &st) != 0 || !S_ISREG(st.st_mode) ||
		    off + size > (uint64_t)st.st_size)
			return (vhu_bad(v, "memory region %u: not in its file",
			    i));
		for (uint32_t j = 0; j < i; j++) {
			const uint64_t gpa2 = mem->vm_region[j].vmr_gpa;
			const uint64_t size2 = mem->vm_region[j].vmr_size;
			const uint64_t uaddr2 = mem->vm_region[j].vmr_uaddr;

			if ((gpa < gpa2 + size2 && gpa2 < gpa + size) ||
			    (uaddr < uaddr2 + size2 && uaddr2 < uaddr + size))
				return (vhu_bad(v, "memory regions %u and %u "
				    "overlap", j, i));
		}
	}
	return (0);
}

static int
vhu_set_mem_table(vhu_t *v, vhu_msg_t *m)
{
	const vhu_mem_t *mem = &m->vm_mem;
	vhu_region_t region[VHU_MAX_REGIONS];
	int err;

	if ((err = vhu_mem_check(v, m)) != 0)
		return (err);
	for (uint32_t i = 0; i < mem->vm_n; i++) {
		region[i].vr_gpa = mem->vm_region[i].vmr_gpa;
		region[i].vr_len = mem->vm_region[i].vmr_size;
		region[i].vr_hva = vhu_map(m->vm_fd[i],
		    mem->vm_region[i].vmr_offset, region[i].vr_len);
		if (region[i].vr_hva == NULL) {
			vhu_log(v, "memory region %u: cannot be mapped", i);
			vhu_unmap_regions(region, i);
			return (ENOMEM);
		}
	}

	if ((err = vhu_rings_stop(v, true)) == 0)
		err = v->vu_ops->vo_set_memory(v->vu_arg, region, mem->vm_n);
	if (err != 0) {
		vhu_log(v, "memory table: %s", strerror(err));
		vhu_unmap_regions(region, mem->vm_n);
		return (err);
	}
	vhu_unmap_regions(v->vu_region, v->vu_nregions);
	v->vu_nregions = mem->vm_n;
	(void) memcpy(v->vu_region, region, sizeof (region));
	for (uint32_t i = 0; i < mem->vm_n; i++)
		v->vu_uaddr[i] = mem->vm_region[i].vmr_uaddr;

	for (unsigned i = 0; i < v->vu_ops->vo_nrings && err == 0; i++)
		err = vhu_ring_update(v, i);
	return (err);
}

static int
vhu_set_vring_num(vhu_t *v, vhu_msg_t *m)
{
	const uint32_t num = m->vm_state.vs_num;
	vhu_vring_t *vv;

	if ((vv = vhu_idle_ring(v, m->vm_state.vs_index)) == NULL)
		return (EINVAL);
	if (num == 0 || num > VHU_MAX_QSIZE || (num & (num - 1)) != 0)
		return (vhu_bad(v, "a ring of %u entries", num));
	vv->vv_size = (uint16_t)num;
	return (0);
}

static int
vhu_set_vring_addr(vhu_t *v, vhu_msg_t *m)
{
	vhu_vring_t *vv;

	if ((vv = vhu_idle_ring(v, m->vm_addr.va_index)) == NULL)
		return (EINVAL);
	if (m->vm_addr.va_flags != 0)
		return (vhu_bad(v, "a log was not offered"));
	vv->vv_desc = m->vm_addr.va_desc;
	vv->vv_avail = m->vm_addr.va_avail;
	vv->vv_used = m->vm_addr.va_used;
	vv->vv_have_addr = true;
	return (0);
}

static int
vhu_set_vring_base(vhu_t *v, vhu_msg_t *m)
{
	vhu_vring_t *vv;

	if ((vv = vhu_idle_ring(v, m->vm_state.vs_index)) == NULL)
		return (EINVAL);
	if (m->vm_state.vs_num > UINT16_MAX)
		return (vhu_bad(v, "a ring at %u", m->vm_state.vs_num));
	vv->vv_base = (uint16_t)m->vm_state.vs_num;
	return (0);
}

static int
vhu_get_vring_base(vhu_t *v, vhu_msg_t *m)
{
	const uint32_t idx = m->vm_state.vs_index;
	vhu_vring_t *vv;
	int err;

	if (idx >= v->vu_ops->vo_nrings)
		return (vhu_bad(v, "there is no ring %u", idx));
	vv = &v->vu_ring[idx];
	vv->vv_started = false;
	err = vhu_ring_update(v, idx);
	vhu_close(&vv->vv_kick);
	if (err != 0)
		return (err);
	m->vm_state.vs_num = vv->vv_base;
	m->vm_hdr.vh_size = sizeof (m->vm_state);
	m->vm_reply = true;
	return (0);
}

/*
 * The ring and the descriptor of a kick, call or err message; a descriptor of
 * -1 for none.  Only an eventfd will do: it has no file type, and does not
 * block when told so.
 */
static int
vhu_vring_fd(vhu_t *v, vhu_msg_t *m, vhu_vring_t **vvp, int *fdp)
{
	const uint64_t idx = m->vm_u64 & VHU_VRING_INDEX;
	const bool nofd = (m->vm_u64 & VHU_VRING_NOFD) != 0;
	struct stat st;

	if ((m->vm_u64 & ~(uint64_t)(VHU_VRING_INDEX | VHU_VRING_NOFD)) != 0 ||
	    idx >= v->vu_ops->vo_nrings)
		return (vhu_bad(v, "there is no ring %llu",
		    (unsigned long long)m->vm_u64));
	if (m->vm_nfds != (nofd ? 0 : 1))
		return (vhu_bad(v, "request %u with %d descriptors",
		    m->vm_hdr.vh_request, m->vm_nfds));
	if (!nofd && (fstat(m->vm_fd[0], &st) != 0 ||
	    (st.st_mode & S_IFMT) != 0 ||
	    fcntl(m->vm_fd[0], F_SETFL, O_RDWR | O_NONBLOCK) != 0))
		return (vhu_bad(v, "request %u: not an eventfd",
		    m->vm_hdr.vh_request));
	*vvp = &v->vu_ring[idx];
	*fdp = -1;
	if (!nofd) {
		*fdp = m->vm_fd[0];
		m->vm_fd[0] = -1;
	}
	return (0);
}

static int
vhu_set_vring_kick(vhu_t *v, vhu_msg_t *m)
{
	vhu_vring_t *vv;
	int fd, err;

	if ((err = vhu_vring_fd(v, m, &vv, &fd)) != 0)
		return (err);
	if (fd == -1)
		return (vhu_bad(v, "a ring without notifications"));
	/* A ring that runs goes on with the new one. */
	vv->vv_started = false;
	err = vhu_ring_update(v, vv->vv_index);
	vhu_close(&vv->vv_kick);
	vv->vv_kick = fd;
	if (err != 0)
		return (err);
	vv->vv_started = true;
	return (vhu_ring_update(v, vv->vv_index));
}

static int
vhu_set_vring_call(vhu_t *v, vhu_msg_t *m)
{
	vhu_vring_t *vv;
	int fd, err;

	if ((err = vhu_vring_fd(v, m, &vv, &fd)) != 0)
		return (err);
	(void) pthread_mutex_lock(&v->vu_lock);
	vhu_close(&vv->vv_call);
	vv->vv_call = fd;
	(void) pthread_mutex_unlock(&v->vu_lock);
	return (0);
}

static int
vhu_set_vring_err(vhu_t *v, vhu_msg_t *m)
{
	vhu_vring_t *vv;
	int fd, err;

	if ((err = vhu_vring_fd(v, m, &vv, &fd)) != 0)
		return (err);
	(void) pthread_mutex_lock(&v->vu_lock);
	vhu_close(&vv->vv_err);
	vv->vv_err = fd;
	(void) pthread_mutex_unlock(&v->vu_lock);
	return (0);
}

static int
vhu_get_protocol_features(vhu_t *v, vhu_msg_t *m)
{
	return (vhu_reply_u64(m, VHU_PROTO_OFFERED));
}

static int
vhu_set_protocol_features(vhu_t *v, vhu_msg_t *m)
{
	if ((m->vm_u64 & ~VHU_PROTO_OFFERED) != 0)
		return (vhu_bad(v, "protocol features 0x%llx were not offered",
		    (unsigned long long)(m->vm_u64 & ~VHU_PROTO_OFFERED)));
	v->vu_proto = m->vm_u64;
	return (0);
}

static int
vhu_get_queue_num(vhu_t *v, vhu_msg_t *m)
{
	return (vhu_reply_u64(m, v->vu_ops->vo_nrings));
}

static int
vhu_set_vring_enable(vhu_t *v, vhu_msg_t *m)
{
	const uint32_t idx = m->vm_state.vs_index;

	if (idx >= v->vu_ops->vo_nrings || m->vm_state.vs_num > 1)
		return (vhu_bad(v, "ring %u enabled to %u", idx,
		    m->vm_state.vs_num));
	v->vu_ring[idx].vv_enabled = (m->vm_state.vs_num == 1);
	return (vhu_ring_update(v, idx));
}

static int
vhu_get_config(vhu_t *v, vhu_msg_t *m)
{
	vhu_config_t *c = &m->vm_config;

	if (c->vc_size > VHU_MAX_CONFIG || m->vm_hdr.vh_size !=
	    offsetof(vhu_config_t, vc_data) + c->vc_size)
		return (vhu_bad(v, "%u bytes of configuration in a message of "
		    "%u", c->vc_size, m->vm_hdr.vh_size));
	m->vm_reply = true;
	if (v->vu_ops->vo_get_config(v->vu_arg, c->vc_offset, c->vc_data,
	    c->vc_size) != 0)
		m->vm_hdr.vh_size = 0;	/* how this fails in the protocol */
	return (0);
}

/*
 * What a request looks like: the function for it, the least and the greatest
 * size of its payload, the greatest number of descriptors, and the protocol
 * feature that it is part of.
 */
typedef struct vhu_request {
	int		(*vr_func)(vhu_t *, vhu_msg_t *);
	uint32_t	vr_min;
	uint32_t	vr_max;
	int		vr_fds;
	uint64_t	vr_proto;
} vhu_request_t;

#define	VHU_FIXED(func, size, fds, proto) \
	{ (func), (size), (size), (fds), (proto) }

static const vhu_request_t vhu_requests[] = {
	[VHU_GET_FEATURES] = VHU_FIXED(vhu_get_features, 0, 0, 0),
	[VHU_SET_FEATURES] = VHU_FIXED(vhu_set_features, 8, 0, 0),
	[VHU_SET_OWNER] = VHU_FIXED(vhu_set_owner, 0, 0, 0),
	[VHU_RESET_OWNER] = VHU_FIXED(vhu_reset, 0, 0, 0),
	[VHU_SET_MEM_TABLE] = { vhu_set_mem_table,
	    offsetof(vhu_mem_t, vm_region), sizeof (vhu_mem_t),
	    VHU_MAX_REGIONS, 0 },
	[VHU_SET_VRING_NUM] = VHU_FIXED(vhu_set_vring_num,
	    sizeof (vhu_state_t), 0, 0),
	[VHU_SET_VRING_ADDR] = VHU_FIXED(vhu_set_vring_addr,
	    sizeof (vhu_addr_t), 0, 0),
	[VHU_SET_VRING_BASE] = VHU_FIXED(vhu_set_vring_base,
	    sizeof (vhu_state_t), 0, 0),
	[VHU_GET_VRING_BASE] = VHU_FIXED(vhu_get_vring_base,
	    sizeof (vhu_state_t), 0, 0),
	[VHU_SET_VRING_KICK] = VHU_FIXED(vhu_set_vring_kick, 8, 1, 0),
	[VHU_SET_VRING_CALL] = VHU_FIXED(vhu_set_vring_call, 8, 1, 0),
	[VHU_SET_VRING_ERR] = VHU_FIXED(vhu_set_vring_err, 8, 1, 0),
	[VHU_GET_PROTOCOL_FEATURES] =
	    VHU_FIXED(vhu_get_protocol_features, 0, 0, 0),
	[VHU_SET_PROTOCOL_FEATURES] =
	    VHU_FIXED(vhu_set_protocol_features, 8, 0, 0),
	[VHU_GET_QUEUE_NUM] = VHU_FIXED(vhu_get_queue_num, 0, 0, VHU_PROTO_MQ),
	[VHU_SET_VRING_ENABLE] = VHU_FIXED(vhu_set_vring_enable,
	    sizeof (vhu_state_t), 0, 0),
	[VHU_GET_CONFIG] = { vhu_get_config, offsetof(vhu_config_t, vc_data),
	    sizeof (vhu_config_t), 0, VHU_PROTO_CONFIG },
	[VHU_RESET_DEVICE] = VHU_FIXED(vhu_reset, 0, 0,
	    VHU_PROTO_RESET_DEVICE)
};

#define	VHU_NREQUESTS	(sizeof (vhu_requests) / sizeof (vhu_requests[0]))

/*
 * The conversation.
 */

int
vhu_recv(int fd, void *buf, size_t len)
{
	ssize_t n;

	for (; len > 0; len -= (size_t)n, buf = (uint8_t *)buf + n) {
		n = recv(fd, buf, len, 0);
		if (n == 0)
			return (EPIPE);
		if (n < 0 && errno != EINTR)
			return (errno);
		if (n < 0)
			n = 0;
	}
	return (0);
}

/*
 * Receives the header and the descriptors that come with its first byte; as
 * vhu_recv().
 */
static int
vhu_recv_header(vhu_t *v, vhu_msg_t *m)
{
	union {
		struct cmsghdr	cu_hdr;
		char		cu_buf[CMSG_SPACE(VHU_MAX_FDS * sizeof (int))];
	} cu;
	struct iovec iov = {
		.iov_base	= &m->vm_hdr,
		.iov_len	= sizeof (m->vm_hdr)
	};
	struct msghdr mh = {
		.msg_iov	= &iov,
		.msg_iovlen	= 1,
		.msg_control	= cu.cu_buf,
		.msg_controllen	= sizeof (cu.cu_buf)
	};
	struct cmsghdr *cm;
	ssize_t n;

	do {
		n = recvmsg(v->vu_conn, &mh, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return (errno);
	if (n == 0)
		return (EPIPE);
	for (cm = CMSG_FIRSTHDR(&mh); cm != NULL; cm = CMSG_NXTHDR(&mh, cm)) {
		if (cm->cmsg_level != SOL_SOCKET ||
		    cm->cmsg_type != SCM_RIGHTS)
			continue;
		m->vm_nfds = (int)((cm->cmsg_len - CMSG_LEN(0)) /
		    sizeof (int));
		(void) memcpy(m->vm_fd, CMSG_DATA(cm),
		    (size_t)m->vm_nfds * sizeof (int));
	}
	if ((mh.msg_flags & MSG_CTRUNC) != 0)
		return (vhu_bad(v, "too many descriptors"));
	return (vhu_recv(v->vu_conn, (uint8_t *)&m->vm_hdr + n,
	    sizeof (m->vm_hdr) - (size_t)n));
}

int
vhu_send(int fd, const vhu_msg_t *m, const int *fds, int nfds)
{
	union {
		struct cmsghdr	cu_hdr;
		char		cu_buf[CMSG_SPACE(VHU_MAX_FDS * sizeof (int))];
	} cu = { 0 };
	struct iovec iov[2] = {
		{ (void *)&m->vm_hdr, sizeof (m->vm_hdr) },
		{ (void *)&m->vm_u64, m->vm_hdr.vh_size }
	};
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n;

	if (nfds != 0) {
		mh.msg_control = cu.cu_buf;
		mh.msg_controllen = CMSG_SPACE((size_t)nfds * sizeof (int));
		cu.cu_hdr.cmsg_level = SOL_SOCKET;
		cu.cu_hdr.cmsg_type = SCM_RIGHTS;
		cu.cu_hdr.cmsg_len = CMSG_LEN((size_t)nfds * sizeof (int));
		(void) memcpy(CMSG_DATA(&cu.cu_hdr), fds,
		    (size_t)nfds * sizeof (int));
	}
	do {
		n = sendmsg(fd, &mh, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return (n == (ssize_t)(iov[0].iov_len + iov[1].iov_len) ? 0 : EPIPE);
}

static int
vhu_send_reply(vhu_t *v, vhu_msg_t *m)
{
	m->vm_hdr.vh_flags = VHU_VERSION | VHU_F_REPLY;
	return (vhu_send(v->vu_conn, m, NULL, 0));
}

/* Receives a message into `m', finds out what it is, does it, replies. */
static int
vhu_message_body(vhu_t *v, vhu_msg_t *m)
{
	const vhu_request_t *r;
	bool need_reply;
	uint32_t req, size;
	int err, err2;

	if ((err = vhu_recv_header(v, m)) != 0)
		return (err);
	req = m->vm_hdr.vh_request;
	size = m->vm_hdr.vh_size;
	need_reply = (m->vm_hdr.vh_flags & VHU_F_NEED_REPLY) != 0 &&
	    (v->vu_proto & VHU_PROTO_REPLY_ACK) != 0;

	if ((m->vm_hdr.vh_flags & (VHU_VERSION_MASK | VHU_F_REPLY)) !=
	    VHU_VERSION)
		return (vhu_bad(v, "request %u with flags 0x%x", req,
		    m->vm_hdr.vh_flags));
	if (req >= VHU_NREQUESTS || vhu_requests[req].vr_func == NULL)
		return (vhu_bad(v, "unknown request %u", req));
	r = &vhu_requests[req];
	if ((r->vr_proto & ~v->vu_proto) != 0)
		return (vhu_bad(v, "request %u was not negotiated", req));
	if (size < r->vr_min || size > r->vr_max || m->vm_nfds > r->vr_fds)
		return (vhu_bad(v, "request %u with %u bytes, %d descriptors",
		    req, size, m->vm_nfds));
	if ((err = vhu_recv(v->vu_conn, &m->vm_u64, size)) != 0)
		return (err);

	err = r->vr_func(v, m);
	if (need_reply && !m->vm_reply)
		(void) vhu_reply_u64(m, err == 0 ? 0 : 1);
	if (m->vm_reply && (err2 = vhu_send_reply(v, m)) != 0)
		return (err2);
	return (err);
}

static int
vhu_message(vhu_t *v)
{
	vhu_msg_t m;
	int err;

	(void) memset(&m, 0, sizeof (m));
	err = vhu_message_body(v, &m);
	for (int i = 0; i < m.vm_nfds; i++)
		vhu_close(&m.vm_fd[i]);
	return (err);
}

/* Serves the peer until it goes, or has to; false: until vhu_destroy(). */
static bool
vhu_serve(vhu_t *v)
{
	struct pollfd pfd[2] = {
		{ .fd = v->vu_stop, .events = POLLIN },
		{ .fd = v->vu_conn, .events = POLLIN }
	};
	int err = 0;

	do {
		if (poll(pfd, 2, -1) < 0) {
			assert(errno == EINTR);
			continue;
		}
		if (pfd[0].revents != 0)
			return (false);
		if (pfd[1].revents != 0)
			err = vhu_message(v);
	} while (err == 0);

	if (err != EPIPE && err != ECONNRESET)
		vhu_log(v, "disconnected: %s", strerror(err));
	return (true);
}

/* The peer has gone: no more kicks, and the device may go as well. */
static void
vhu_unplug(vhu_t *v)
{
	for (unsigned i = 0; i < VHU_MAX_RINGS; i++) {
		if (v->vu_ring[i].vv_running)
			fk_line_remove(v->vu_ring[i].vv_line);
		v->vu_ring[i].vv_running = false;
	}
	v->vu_ops->vo_detach(v->vu_arg);
}

static void
vhu_vring_init(vhu_t *v, unsigned idx)
{
	const vhu_vring_t none = {
		.vv_vhu		= v,
		.vv_index	= idx,
		.vv_kick	= -1,
		.vv_call	= -1,
		.vv_err		= -1
	};

	v->vu_ring[idx] = none;
}

static void
vhu_disconnect(vhu_t *v)
{
	(void) pthread_mutex_lock(&v->vu_lock);
	vhu_close(&v->vu_conn);
	for (unsigned i = 0; i < VHU_MAX_RINGS; i++) {
		vhu_close(&v->vu_ring[i].vv_kick);
		vhu_close(&v->vu_ring[i].vv_call);
		vhu_close(&v->vu_ring[i].vv_err);
		vhu_vring_init(v, i);
	}
	(void) pthread_mutex_unlock(&v->vu_lock);
	vhu_unmap_regions(v->vu_region, v->vu_nregions);
	v->vu_nregions = 0;
	v->vu_proto = 0;
}

/* Waits for a peer; false: vhu_destroy() came first. */
static bool
vhu_accept(vhu_t *v)
{
	struct pollfd pfd[2] = {
		{ .fd = v->vu_stop, .events = POLLIN },
		{ .fd = v->vu_listen, .events = POLLIN }
	};
	int fd;

	for (;;) {
		if (poll(pfd, 2, -1) < 0) {
			assert(errno == EINTR);
			continue;
		}
		if (pfd[0].revents != 0)
			return (false);
		fd = accept4(v->vu_listen, NULL, NULL, SOCK_CLOEXEC);
		if (fd == -1) {
			vhu_log(v, "accept: %s", strerror(errno));
			/* Out of descriptors or memory: not for ever. */
			if (poll(pfd, 1, 1000) > 0)
				return (false);
			continue;
		}
		(void) pthread_mutex_lock(&v->vu_lock);
		v->vu_conn = fd;
		(void) pthread_mutex_unlock(&v->vu_lock);
		return (true);
	}
}

static void *
vhu_thread(void *arg)
{
	vhu_t *v = arg;
	bool more = true;
	int err;

	fk_thread_attach("vhost_user");
	while (more && vhu_accept(v)) {
		err = v->vu_ops->vo_attach(v->vu_arg);
		if (err == 0) {
			err = v->vu_ops->vo_get_features(v->vu_arg,
			    &v->vu_offered);
			if (err == 0)
				more = vhu_serve(v);
			vhu_unplug(v);
		}
		if (err != 0)
			vhu_log(v, "no device: %s", strerror(err));
		vhu_disconnect(v);
	}
	fk_thread_detach();
	return (NULL);
}

vhu_t *
vhu_create(int listenfd, const vhu_ops_t *ops, void *arg)
{
	vhu_t *v;

	assert(ops->vo_nrings <= VHU_MAX_RINGS);
	(void) pthread_once(&vhu_sigbus_once, vhu_sigbus_init);
	if ((v = calloc(1, sizeof (*v))) == NULL)
		return (NULL);
	v->vu_ops = ops;
	v->vu_arg = arg;
	v->vu_listen = listenfd;
	v->vu_conn = -1;
	(void) pthread_mutex_init(&v->vu_lock, NULL);
	for (unsigned i = 0; i < VHU_MAX_RINGS; i++)
		vhu_vring_init(v, i);
	if ((v->vu_stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) == -1) {
		free(v);
		return (NULL);
	}
	return (v);
}

int
vhu_start(vhu_t *v)
{
	int err = pthread_create(&v->vu_thread, NULL, vhu_thread, v);

	v->vu_have_thread = (err == 0);
	return (err);
}

void
vhu_destroy(vhu_t *v)
{
	const uint64_t one = 1;

	if (v->vu_have_thread) {
		(void) !write(v->vu_stop, &one, sizeof (one));
		/* It may be in the middle of a message. */
		(void) pthread_mutex_lock(&v->vu_lock);
		if (v->vu_conn != -1)
			(void) shutdown(v->vu_conn, SHUT_RDWR);
		(void) pthread_mutex_unlock(&v->vu_lock);
		(void) pthread_join(v->vu_thread, NULL);
	}
	(void) close(v->vu_listen);
	(void) close(v->vu_stop);
	(void) pthread_mutex_destroy(&v->vu_lock);
	free(v);
}
