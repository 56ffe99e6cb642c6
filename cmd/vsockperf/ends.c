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
 * The kinds of sockets that vsockperf measures: ours, through the calls of the
 * fake sockfs, over shared-memory virtqueues between two processes or over
 * loopback; and those of the machine that they are compared with.
 *
 * The processes of ours are what two vsockds are, without the pump and the
 * control socket: the same modules, the same ways to a device.
 */

#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fakekernel.h>
#include <fakesock.h>
#include <sys/vsock_ioctl.h>
#include "modules.h"
#include "perf.h"
#include "vsockd.h"

#define	PORT		1234
#define	GUEST_CID	3
#define	HOST_CID	2
#define	LOCAL_CID	1

#define	ILL_AF_VSOCK	34
#define	ILL_SOCK_STREAM	2
#define	ILL_MSG_NOSIGNAL 0x200

struct perf_sock {
	union {
		int		ps_fd;
		fsk_file_t	*ps_file;
	};
};

char perf_dir[64];
unsigned perf_clients = 1;
unsigned perf_client;
size_t perf_idle;

void
perf_die(const char *what, int error)
{
	(void) fprintf(stderr, "vsockperf: %s: %s\n", what, strerror(error));
	exit(1);
}

static perf_sock_t *
sock_new(void)
{
	perf_sock_t *ps = calloc(1, sizeof (*ps));

	if (ps == NULL)
		perf_die("memory", ENOMEM);
	return (ps);
}

/*
 * Sockets of the machine.
 */

static void
host_nothing(bool server)
{
}

static void
host_no_thread(void)
{
}

static void
host_stats(const char *side)
{
}

static uint64_t
host_memory(void)
{
	return (0);
}

static void
host_check(int rv, const char *what)
{
	if (rv == -1)
		perf_die(what, errno);
}

static perf_sock_t *
host_accept(perf_sock_t *l)
{
	perf_sock_t *ps = sock_new();
	int one = 1;

	ps->ps_fd = accept(l->ps_fd, NULL, NULL);
	host_check(ps->ps_fd, "accept");
	(void) setsockopt(ps->ps_fd, IPPROTO_TCP, TCP_NODELAY, &one,
	    sizeof (one));
	return (ps);
}

static void
host_send(perf_sock_t *ps, const void *buf, size_t len)
{
	const uint8_t *p = buf;

	while (len > 0) {
		ssize_t n = send(ps->ps_fd, p, len, MSG_NOSIGNAL);

		host_check((int)(n == -1 ? -1 : 0), "send");
		p += n;
		len -= (size_t)n;
	}
}

static size_t
host_recv(perf_sock_t *ps, void *buf, size_t len)
{
	ssize_t n = recv(ps->ps_fd, buf, len, 0);

	/* That is how the client of TCP ends a connection. */
	if (n == -1 && errno == ECONNRESET)
		return (0);
	host_check((int)(n == -1 ? -1 : 0), "recv");
	return ((size_t)n);
}

static void
host_close(perf_sock_t *ps)
{
	(void) close(ps->ps_fd);
	free(ps);
}

static struct sockaddr_un
unix_addr(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	(void) snprintf(sun.sun_path, sizeof (sun.sun_path), "%s/unix",
	    perf_dir);
	return (sun);
}

static perf_sock_t *
unix_listen(void)
{
	struct sockaddr_un sun = unix_addr();
	perf_sock_t *ps = sock_new();

	ps->ps_fd = socket(AF_UNIX, SOCK_STREAM, 0);
	host_check(ps->ps_fd, "socket");
	host_check(bind(ps->ps_fd, (struct sockaddr *)&sun, sizeof (sun)),
	    "bind");
	host_check(listen(ps->ps_fd, 128), "listen");
	return (ps);
}

static perf_sock_t *
unix_connect(void)
{
	struct sockaddr_un sun = unix_addr();
	perf_sock_t *ps = sock_new();

	ps->ps_fd = socket(AF_UNIX, SOCK_STREAM, 0);
	host_check(ps->ps_fd, "socket");
	host_check(connect(ps->ps_fd, (struct sockaddr *)&sun, sizeof (sun)),
	    "connect");
	return (ps);
}

/* The port is left in a file for the client. */
static void
tcp_path(char *path, size_t size)
{
	(void) snprintf(path, size, "%s/port", perf_dir);
}

static perf_sock_t *
tcp_listen(void)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	socklen_t len = sizeof (sin);
	perf_sock_t *ps = sock_new();
	char path[128];
	int one = 1;
	FILE *f;

	ps->ps_fd = socket(AF_INET, SOCK_STREAM, 0);
	host_check(ps->ps_fd, "socket");
	(void) setsockopt(ps->ps_fd, SOL_SOCKET, SO_REUSEADDR, &one,
	    sizeof (one));
	host_check(bind(ps->ps_fd, (struct sockaddr *)&sin, sizeof (sin)),
	    "bind");
	host_check(listen(ps->ps_fd, 128), "listen");
	host_check(getsockname(ps->ps_fd, (struct sockaddr *)&sin, &len),
	    "getsockname");
	tcp_path(path, sizeof (path));
	if ((f = fopen(path, "w")) == NULL)
		perf_die(path, errno);
	(void) fprintf(f, "%u\n", ntohs(sin.sin_port));
	(void) fclose(f);
	return (ps);
}

static perf_sock_t *
tcp_connect(void)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	static unsigned int port;
	perf_sock_t *ps = sock_new();
	struct linger reset = { .l_onoff = 1 };
	char path[128];
	int one = 1;
	FILE *f;

	if (port == 0) {
		tcp_path(path, sizeof (path));
		if ((f = fopen(path, "r")) == NULL ||
		    fscanf(f, "%u", &port) != 1)
			perf_die(path, errno);
		(void) fclose(f);
	}
	sin.sin_port = htons((uint16_t)port);
	ps->ps_fd = socket(AF_INET, SOCK_STREAM, 0);
	host_check(ps->ps_fd, "socket");
	(void) setsockopt(ps->ps_fd, IPPROTO_TCP, TCP_NODELAY, &one,
	    sizeof (one));
	/* Or the ports run out, waiting. */
	(void) setsockopt(ps->ps_fd, SOL_SOCKET, SO_LINGER, &reset,
	    sizeof (reset));
	host_check(connect(ps->ps_fd, (struct sockaddr *)&sin, sizeof (sin)),
	    "connect");
	return (ps);
}

/*
 * Ours.
 */

static uint32_t vsock_server_cid;

static void
vsock_check(int error, const char *what)
{
	if (error != 0)
		perf_die(what, fk_errno_to_host(error));
}

/*
 * As many connections as there will be have all the buffers that they want: by
 * default the zone does not commit so much memory.
 */
static void
vsock_commit(void)
{
	vsock_prop_io_t vpi = {
		.vpi_prop	= VSOCK_PROP_MAX_ZONE_BUF,
		.vpi_value	= (perf_idle + 1024) << 20
	};
	fk_file_t *file;
	int rval;

	vsock_check(fk_open("/dev/vsock", &file), "/dev/vsock");
	vsock_check(fk_ioctl(file, VSOCK_IOC_SETPROP, (intptr_t)&vpi, &rval),
	    "max-zone-buf");
	(void) fk_close(file);
}

static void
vsock_boot(void)
{
	const fk_config_t config = {
		.fc_seed = 1,
		.fc_modules = vsock_modules
	};

	fk_boot(&config);
	vsock_check(fk_modload("vsock"), "vsock");
	if (perf_idle != 0)
		vsock_commit();
	vsock_check(fsk_sockconfig(ILL_AF_VSOCK, ILL_SOCK_STREAM, 0, "vsock"),
	    "sockconfig");
}

static void
vsock_halt(void)
{
	(void) fsk_sockunconfig(ILL_AF_VSOCK, ILL_SOCK_STREAM, 0);
	fk_shutdown();
}

static void
vsock_host_begin(void)
{
	char *spec;

	vsock_boot();
	vsock_check(fk_modload("vsockhv"), "vsockhv");
	for (unsigned i = 0; i < perf_clients; i++) {
		/* It is kept. */
		if (asprintf(&spec, "cid=%u,socket=%s/vm%u", GUEST_CID + i,
		    perf_dir, i) == -1 || guest_parse(spec) != NULL)
			perf_die("guest", EINVAL);
	}
	if (guest_start_all() != 0)
		perf_die("guest", EINVAL);
}

static void
vsock_guest_begin(void)
{
	static char spec[160];

	vsock_boot();
	(void) snprintf(spec, sizeof (spec), "vhost-user,socket=%s/vm%u",
	    perf_dir, perf_client);
	if (device_parse(spec) != NULL || device_start() != 0)
		perf_die("device", EINVAL);
}

/*
 * The hypervisor's side has to be there before the guest's: so the server is
 * always the host.
 */
static void
vsock_pair_begin(bool server)
{
	vsock_server_cid = HOST_CID;
	if (server)
		vsock_host_begin();
	else
		vsock_guest_begin();
}

static void
vsock_pair_end(bool server)
{
	if (server)
		guest_stop_all();
	else
		device_stop();
	vsock_halt();
}

static void
vsock_loopback_begin(bool server)
{
	vsock_server_cid = LOCAL_CID;
	if (server)
		vsock_boot();
}

static void
vsock_loopback_end(bool server)
{
	if (server)
		vsock_halt();
}

static void
vsock_thread(void)
{
	fk_thread_attach("vsockperf");
}

/* illumos's struct sockaddr_vm. */
typedef struct vm_addr {
	uint16_t	va_family;
	uint16_t	va_reserved;
	uint32_t	va_port;
	uint32_t	va_cid;
	uint32_t	va_rest;
} vm_addr_t;

static perf_sock_t *
vsock_socket(void)
{
	perf_sock_t *ps = sock_new();

	vsock_check(fsk_socket(ILL_AF_VSOCK, ILL_SOCK_STREAM, 0,
	    &ps->ps_file), "socket");
	return (ps);
}

static perf_sock_t *
vsock_listen(void)
{
	vm_addr_t va = {
		.va_family = ILL_AF_VSOCK,
		.va_port = PORT,
		.va_cid = UINT32_MAX
	};
	perf_sock_t *ps = vsock_socket();

	vsock_check(fsk_bind(ps->ps_file, &va, sizeof (va)), "bind");
	vsock_check(fsk_listen(ps->ps_file, 128), "listen");
	return (ps);
}

static perf_sock_t *
vsock_accept(perf_sock_t *l)
{
	perf_sock_t *ps = sock_new();

	vsock_check(fsk_accept(l->ps_file, NULL, NULL, &ps->ps_file),
	    "accept");
	return (ps);
}

static perf_sock_t *
vsock_connect(void)
{
	vm_addr_t va = {
		.va_family = ILL_AF_VSOCK,
		.va_port = PORT,
		.va_cid = vsock_server_cid
	};
	perf_sock_t *ps = vsock_socket();

	vsock_check(fsk_connect(ps->ps_file, &va, sizeof (va)), "connect");
	return (ps);
}

static void
vsock_send(perf_sock_t *ps, const void *buf, size_t len)
{
	const uint8_t *p = buf;
	size_t n;

	while (len > 0) {
		vsock_check(fsk_send(ps->ps_file, p, len, ILL_MSG_NOSIGNAL,
		    &n), "send");
		p += n;
		len -= n;
	}
}

static size_t
vsock_recv(perf_sock_t *ps, void *buf, size_t len)
{
	size_t n;

	vsock_check(fsk_recv(ps->ps_file, buf, len, 0, &n), "recv");
	return (n);
}

static void
vsock_close(perf_sock_t *ps)
{
	(void) fsk_close(ps->ps_file);
	free(ps);
}

static void
vsock_stat(void *arg, const char *module, int instance, const char *name,
    const char *stat, uint64_t value)
{
	if (value != 0) {
		(void) printf("%s:%s:%d:%s:%s %llu\n", (const char *)arg,
		    module, instance, name, stat, (unsigned long long)value);
	}
}

static void
vsock_stats(const char *side)
{
	fk_kstat_walk(vsock_stat, (void *)side);
}

static uint64_t
vsock_memory(void)
{
	uint64_t bytes, allocations;

	fk_kmem_usage(&bytes, &allocations);
	return (bytes);
}

#define	HOST_KIND							\
	.pk_begin	= host_nothing,					\
	.pk_end		= host_nothing,					\
	.pk_thread	= host_no_thread,				\
	.pk_thread_end	= host_no_thread,				\
	.pk_accept	= host_accept,					\
	.pk_send	= host_send,					\
	.pk_recv	= host_recv,					\
	.pk_close	= host_close,					\
	.pk_stats	= host_stats,					\
	.pk_memory	= host_memory

#define	VSOCK_KIND							\
	.pk_thread	= vsock_thread,					\
	.pk_thread_end	= fk_thread_detach,				\
	.pk_listen	= vsock_listen,					\
	.pk_accept	= vsock_accept,					\
	.pk_connect	= vsock_connect,				\
	.pk_send	= vsock_send,					\
	.pk_recv	= vsock_recv,					\
	.pk_close	= vsock_close,					\
	.pk_stats	= vsock_stats,					\
	.pk_memory	= vsock_memory

const perf_kind_t perf_kinds[] = {
	{
		.pk_name	= "vsock",
		.pk_text	= "guest (client) and hypervisor (server)",
		.pk_begin	= vsock_pair_begin,
		.pk_end		= vsock_pair_end,
		VSOCK_KIND
	},
	{
		.pk_name	= "loopback",
		.pk_text	= "vsock to itself",
		.pk_single	= true,
		.pk_begin	= vsock_loopback_begin,
		.pk_end		= vsock_loopback_end,
		VSOCK_KIND
	},
	{
		.pk_name	= "unix",
		.pk_text	= "the machine's AF_UNIX",
		.pk_listen	= unix_listen,
		.pk_connect	= unix_connect,
		HOST_KIND
	},
	{
		.pk_name	= "tcp",
		.pk_text	= "the machine's TCP, over its loopback",
		.pk_listen	= tcp_listen,
		.pk_connect	= tcp_connect,
		HOST_KIND
	},
	{ .pk_name = NULL }
};
