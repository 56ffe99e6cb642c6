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
 * vsockd as the device side of vhost-user: a monitor that sends any messages,
 * with any descriptors, and writes what it likes into the guest's memory.
 */

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fakekernel.h>
#include "vhost_user_impl.h"
#include "vsockd.h"
#include "../fuzz.h"

#define	CID		3
#define	MEMSIZE		0x40000
#define	GPA		0x100000
#define	UADDR		0x7f0000000000ULL
#define	OPS		100

static char dir[64], path[sizeof (((struct sockaddr_un *)0)->sun_path)];
static int memfd, evfd;
static uint8_t *mem;

/* The event loop is not needed. */
int
vsd_event_add(int fd, uint32_t events, vsd_event_t *ve)
{
	return (ENOTSUP);
}

void
fuzz_init(void)
{
	static char spec[128];
	int err;

	err = fk_modload("vsockhv");
	assert(err == 0);
	(void) snprintf(dir, sizeof (dir), "/tmp/fuzz-vhu.XXXXXX");
	if (mkdtemp(dir) == NULL)
		abort();
	(void) snprintf(path, sizeof (path), "%s/s", dir);
	(void) snprintf(spec, sizeof (spec), "cid=%d,socket=%s", CID, path);
	if (guest_parse(spec) != NULL || guest_start_all() != 0)
		abort();
	memfd = memfd_create("guest", MFD_CLOEXEC);
	evfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (memfd == -1 || evfd == -1 || ftruncate(memfd, MEMSIZE) != 0)
		abort();
	mem = mmap(NULL, MEMSIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memfd,
	    0);
	if (mem == MAP_FAILED)
		abort();
}

void
fuzz_fini(void)
{
	guest_stop_all();
	(void) rmdir(dir);
	(void) munmap(mem, MEMSIZE);
	(void) close(memfd);
	(void) close(evfd);
	(void) fk_modunload("vsockhv");
}

static void
send_message(int fd, vhu_msg_t *m, uint32_t size, int nfds, int with)
{
	union {
		struct cmsghdr	cu_hdr;
		char		cu_buf[CMSG_SPACE(sizeof (int) * VHU_MAX_FDS)];
	} cu = { .cu_buf = { 0 } };
	struct iovec iov = { m, sizeof (m->vm_hdr) + size };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cm;
	int fds[VHU_MAX_FDS];

	if (nfds != 0) {
		for (int i = 0; i < nfds; i++)
			fds[i] = with;
		mh.msg_control = cu.cu_buf;
		mh.msg_controllen = CMSG_SPACE(sizeof (int) * (size_t)nfds);
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof (int) * (size_t)nfds);
		(void) memcpy(CMSG_DATA(cm), fds, sizeof (int) * (size_t)nfds);
	}
	(void) sendmsg(fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static uint64_t
fuzz_uaddr(fuzz_t *fz)
{
	if (fuzz_below(fz, 8) == 0)
		return (fuzz_u64(fz));
	return (UADDR + fuzz_u16(fz) * 4);
}

static void
fuzz_message(fuzz_t *fz, int fd)
{
	static const uint32_t requests[] = {
		VHU_SET_VRING_NUM, VHU_SET_VRING_ADDR, VHU_SET_VRING_BASE,
		VHU_SET_VRING_KICK, VHU_SET_VRING_CALL, VHU_SET_VRING_ERR,
		VHU_SET_MEM_TABLE, VHU_SET_FEATURES, VHU_GET_VRING_BASE,
		VHU_SET_VRING_ENABLE, VHU_GET_CONFIG, VHU_RESET_DEVICE,
		VHU_SET_PROTOCOL_FEATURES, VHU_SET_OWNER, VHU_RESET_OWNER,
		VHU_GET_PROTOCOL_FEATURES
	};
	uint8_t what = fuzz_byte(fz);
	uint32_t size = sizeof (uint64_t);
	int nfds = 0, with = evfd;
	vhu_msg_t m;

	(void) memset(&m, 0, sizeof (m));
	m.vm_hdr.vh_request = requests[what & 15];
	m.vm_hdr.vh_flags = VHU_VERSION;
	if ((what & 0x10) != 0)
		m.vm_hdr.vh_flags |= VHU_F_NEED_REPLY;
	switch (m.vm_hdr.vh_request) {
	case VHU_SET_VRING_NUM:
		m.vm_state.vs_index = fuzz_below(fz, 3);
		m.vm_state.vs_num = 1U << fuzz_below(fz, 17);
		break;
	case VHU_SET_VRING_BASE:
	case VHU_GET_VRING_BASE:
	case VHU_SET_VRING_ENABLE:
		m.vm_state.vs_index = fuzz_below(fz, 3);
		m.vm_state.vs_num = fuzz_edge(fz);
		break;
	case VHU_SET_VRING_ADDR:
		size = sizeof (m.vm_addr);
		m.vm_addr.va_index = fuzz_below(fz, 3);
		m.vm_addr.va_desc = fuzz_uaddr(fz);
		m.vm_addr.va_avail = fuzz_uaddr(fz);
		m.vm_addr.va_used = fuzz_uaddr(fz);
		break;
	case VHU_SET_VRING_KICK:
	case VHU_SET_VRING_CALL:
	case VHU_SET_VRING_ERR:
		m.vm_u64 = fuzz_below(fz, 3);
		nfds = 1;
		if (fuzz_below(fz, 8) == 0) {
			m.vm_u64 |= VHU_VRING_NOFD;
			nfds = 0;
		}
		break;
	case VHU_SET_MEM_TABLE:
		m.vm_mem.vm_n = 1;
		m.vm_mem.vm_region[0].vmr_gpa = GPA;
		m.vm_mem.vm_region[0].vmr_size = MEMSIZE;
		m.vm_mem.vm_region[0].vmr_uaddr = UADDR;
		nfds = 1;
		if (fuzz_below(fz, 4) == 0) {
			m.vm_mem.vm_n = fuzz_below(fz, VHU_MAX_REGIONS + 2);
			nfds = fuzz_below(fz, VHU_MAX_FDS + 1);
			for (int i = 0; i < VHU_MAX_REGIONS; i++) {
				m.vm_mem.vm_region[i].vmr_gpa =
				    fuzz_edge(fz) & ~0xfffU;
				m.vm_mem.vm_region[i].vmr_size =
				    fuzz_u64(fz) >> fuzz_below(fz, 64);
				m.vm_mem.vm_region[i].vmr_uaddr =
				    UADDR + fuzz_u32(fz);
				m.vm_mem.vm_region[i].vmr_offset =
				    fuzz_byte(fz) * 4096;
			}
		}
		with = memfd;
		size = 8 + 32 * m.vm_mem.vm_n;
		if (size > sizeof (m.vm_mem))
			size = sizeof (m.vm_mem);
		break;
	case VHU_GET_CONFIG:
		m.vm_config.vc_offset = fuzz_below(fz, 10);
		m.vm_config.vc_size = fuzz_edge(fz) % 300;
		size = 12 + m.vm_config.vc_size;
		if (size > sizeof (m.vm_config))
			size = sizeof (m.vm_config);
		break;
	case VHU_SET_FEATURES:
		m.vm_u64 = 1ULL << 32 | VHU_FEATURE_PROTOCOL |
		    (fuzz_below(fz, 8) != 0 ? 0 : fuzz_u64(fz));
		break;
	case VHU_SET_PROTOCOL_FEATURES:
		m.vm_u64 = fuzz_u16(fz);
		break;
	default:
		size = 0;
		break;
	}
	/* Some of it wrong. */
	if ((what & 0xe0) == 0xe0) {
		m.vm_hdr.vh_request = fuzz_byte(fz);
		m.vm_hdr.vh_flags = fuzz_byte(fz);
		size = fuzz_u16(fz) % sizeof (m.vm_mem);
		nfds = fuzz_below(fz, VHU_MAX_FDS + 1);
		if (fuzz_below(fz, 2) == 0)
			with = fd;
	}
	m.vm_hdr.vh_size = size;
	if ((what & 0xe0) == 0xc0)
		m.vm_hdr.vh_size = fuzz_edge(fz);
	send_message(fd, &m, size, nfds, with);
}

/* Wait until everything was looked at, or the connection is over. */
static void
settle(int fd)
{
	vhu_msg_t m = {
		.vm_hdr = { VHU_GET_FEATURES, VHU_VERSION, 0 }
	};
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	uint8_t reply[4096];
	int n;

	send_message(fd, &m, 0, 0, -1);
	(void) shutdown(fd, SHUT_WR);
	for (;;) {
		n = poll(&pfd, 1, 60000);
		/* The engine has a timer. */
		if (n == -1 && errno == EINTR)
			continue;
		if (n != 1)
			break;
		if (recv(fd, reply, sizeof (reply), 0) <= 0)
			return;
	}
	abort();
}

void
fuzz_one(fuzz_t *fz)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const uint64_t one = 1;
	unsigned ops = 0, off;
	int fd;

	(void) strcpy(sun.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1 || connect(fd, (struct sockaddr *)&sun,
	    sizeof (sun)) != 0)
		abort();
	(void) memset(mem, 0, MEMSIZE);
	while (fuzz_more(fz) && ops++ < OPS) {
		switch (fuzz_below(fz, 4)) {
		case 0:
			off = (fuzz_u16(fz) * 4) % MEMSIZE;
			for (unsigned n = fuzz_below(fz, 24); n > 0; n--)
				mem[off++ % MEMSIZE] = fuzz_byte(fz);
			break;
		case 1:
			(void) !write(evfd, &one, sizeof (one));
			break;
		default:
			fuzz_message(fz, fd);
			break;
		}
	}
	settle(fd);
	(void) close(fd);
}
