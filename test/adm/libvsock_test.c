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
 * libvsock, with a platform that tells what the test wants: addresses and
 * GUIDs, records that are whole or not, properties as text.
 *
 * Prints "ok NAME" or "FAILED NAME: why", and how many there were.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/vsock_ioctl.h>
#include <sys/vsock_kstat.h>
#include "../../lib/libvsock/libvsock.h"
#include "../../lib/libvsock/vsock_platform.h"

#define	NELEM(a)	(sizeof (a) / sizeof ((a)[0]))

static jmp_buf test_failed;
static char test_why[2048];

#define	CHECK(e)							\
	do {								\
		if (!(e)) {						\
			(void) snprintf(test_why, sizeof (test_why),	\
			    "line %d: %s", __LINE__, #e);		\
			longjmp(test_failed, 1);			\
		}							\
	} while (0)

#define	CHECK_STR(a, b)							\
	do {								\
		if (strcmp((a), (b)) != 0) {				\
			(void) snprintf(test_why, sizeof (test_why),	\
			    "line %d: \"%s\" is not \"%s\"", __LINE__,	\
			    (a), (b));					\
			longjmp(test_failed, 1);			\
		}							\
	} while (0)

/*
 * The platform
 */

static const void *fake_raw;
static size_t fake_rawlen;
static vsock_prop_io_t fake_prop;	/* in and out */
static int fake_cmd;
static int fake_error;
static int fake_pipe[2];

static const struct {
	const char	*fk_module;
	int		fk_instance;
	const char	*fk_name;
	const char	*fk_stat;
	uint64_t	fk_value;
} fake_stats[] = {
	{ "vsock", 0, "vsock", "sockets", 7 },
	{ "vsock_transport", 0, "virtio0", "direction", 1 },
	{ "vsock_transport", 0, "virtio0", "local_cid", 3 },
	{ "vsock_transport", 0, "virtio0", "remote_cid", 2 },
	{ "vsock_transport", 0, "virtio0", "rx_bytes", 1ULL << 40 },
	{ "vsock_transport", 0, "virtio0", "from_the_future", 1 },
	{ "vsock_transport", 0, "bhyve0", "direction", 2 },
	{ "vsock_transport", 0, "bhyve0", "remote_cid", 9 },
	{ "viosock", 0, "packets", "rx_packets", 5 },
	{ "vsock_transport", 4, "vsocklo4", "direction", 0 }
};

const char *const vsp_where_option = "where";

int
vsp_open(const char *where, vsock_platform_t **vpp)
{
	*vpp = NULL;
	return (where == NULL ? 0 : ENXIO);
}

void
vsp_close(vsock_platform_t *vp)
{
}

int
vsp_kstat_named(vsock_platform_t *vp, int (*func)(void *, const char *, int,
    const char *, const char *, uint64_t), void *arg)
{
	int err = 0;

	for (size_t i = 0; i < NELEM(fake_stats) && err == 0; i++) {
		err = func(arg, fake_stats[i].fk_module,
		    fake_stats[i].fk_instance, fake_stats[i].fk_name,
		    fake_stats[i].fk_stat, fake_stats[i].fk_value);
	}
	return (err);
}

int
vsp_kstat_raw(vsock_platform_t *vp, const char *module, const char *name,
    int (*func)(void *, const void *, size_t), void *arg)
{
	CHECK_STR(module, "vsock");
	CHECK_STR(name, "connections");
	return (func(arg, fake_raw, fake_rawlen));
}

int
vsp_zone(const char *zone, int32_t *idp)
{
	if (strcmp(zone, "web") != 0)
		return (ENXIO);
	*idp = 42;
	return (0);
}

int
vsp_prop(vsock_platform_t *vp, int cmd, vsock_prop_io_t *vpi)
{
	fake_cmd = cmd;
	if (cmd == VSOCK_IOC_GETPROP) {
		fake_prop.vpi_prop = vpi->vpi_prop;
		fake_prop.vpi_zoneid = vpi->vpi_zoneid;
		*vpi = fake_prop;
	} else {
		fake_prop = *vpi;
	}
	return (fake_error);
}

int
vsp_capture(vsock_platform_t *vp, const vsock_capture_io_t *vci, int *fdp)
{
	if (fake_error == 0)
		CHECK(pipe(fake_pipe) == 0);
	*fdp = fake_pipe[0];
	return (fake_error);
}

static vsock_handle_t *
handle(void)
{
	vsock_handle_t *vh;

	CHECK(vsock_open("nowhere", &vh) == ENXIO);
	CHECK(vsock_open(NULL, &vh) == 0);
	return (vh);
}

/*
 * Addresses
 */

static void
test_address_text(void)
{
	static const struct {
		uint32_t	cid;
		uint32_t	port;
		const char	*names;
		const char	*numbers;
	} t[] = {
		{ 0, 1, "hypervisor:1", "0:1" },
		{ 1, 0, "local:0", "1:0" },
		{ 2, 22, "host:22", "2:22" },
		{ 3, 1024, "3:1024", "3:1024" },
		{ UINT32_MAX, UINT32_MAX, "any:any", "any:any" },
		{ UINT32_MAX - 1, UINT32_MAX - 1, "4294967294:4294967294",
		    "4294967294:4294967294" }
	};
	char buf[VSOCK_ADDRSTRLEN + 1];
	vsock_addr_t va, back;

	for (size_t i = 0; i < NELEM(t); i++) {
		va.va_cid = t[i].cid;
		va.va_port = t[i].port;
		(void) memset(buf, '!', sizeof (buf));
		CHECK_STR(vsock_addr_ntop(&va, 0, buf), t[i].names);
		CHECK(buf[VSOCK_ADDRSTRLEN] == '!');
		CHECK(vsock_addr_pton(buf, &back) == 0);
		CHECK(back.va_cid == va.va_cid && back.va_port == va.va_port);
		CHECK_STR(vsock_addr_ntop(&va, VSOCK_NTOP_NUMERIC, buf),
		    t[i].numbers);
		CHECK(vsock_addr_pton(buf, &back) == 0);
		CHECK(back.va_cid == va.va_cid && back.va_port == va.va_port);
	}
	CHECK(vsock_addr_pton("0x10:0xFFFFFFFE", &va) == 0);
	CHECK(va.va_cid == 16 && va.va_port == UINT32_MAX - 1);
	CHECK(vsock_addr_pton("4294967295:4294967295", &va) == 0);
	CHECK(va.va_cid == UINT32_MAX && va.va_port == UINT32_MAX);
}

static void
test_address_bad(void)
{
	static const char *const bad[] = {
		"", ":", "1", "1:", ":1", "1:1:1", " 1:1", "1 :1", "1: 1",
		"1:1 ", "-1:1", "+1:1", "1:-1", "4294967296:1",
		"1:4294967296", "18446744073709551617:1", "Local:1",
		"localhost:1", "loc:1", "0x:1", "0xg:1", "1:0x100000000",
		"1a:1", "any", "host:hypervisor", "1:any2", "1.0:1"
	};
	vsock_addr_t va = { 77, 78 };

	for (size_t i = 0; i < NELEM(bad); i++) {
		(void) snprintf(test_why, sizeof (test_why), "%s", bad[i]);
		if (vsock_addr_pton(bad[i], &va) != EINVAL)
			longjmp(test_failed, 1);
	}
	CHECK(va.va_cid == 77 && va.va_port == 78);
}

static void
test_guid_port(void)
{
	static const struct {
		uint32_t	port;
		const char	*guid;
	} t[] = {
		{ 0, "00000000-facb-11e6-bd58-64006a7986d3" },
		{ 22, "00000016-facb-11e6-bd58-64006a7986d3" },
		{ 0xc0ffee01, "c0ffee01-facb-11e6-bd58-64006a7986d3" },
		{ UINT32_MAX, "ffffffff-facb-11e6-bd58-64006a7986d3" }
	};
	char guid[VSOCK_GUIDSTRLEN];
	uint32_t port;

	for (size_t i = 0; i < NELEM(t); i++) {
		vsock_port_to_guid(t[i].port, guid);
		CHECK_STR(guid, t[i].guid);
		CHECK(vsock_guid_to_port(guid, &port) == 0);
		CHECK(port == t[i].port);
	}
	CHECK(vsock_guid_to_port("C0FFEE02-FACB-11E6-BD58-64006A7986D3",
	    &port) == 0 && port == 0xc0ffee02);
	/* The service of something else; and no GUIDs. */
	CHECK(vsock_guid_to_port("00000016-facb-11e6-bd58-64006a7986d4",
	    &port) == ENOENT);
	CHECK(vsock_guid_to_port("00000016-facb-11e6-bd58-64006a7986d",
	    &port) == EINVAL);
	CHECK(vsock_guid_to_port("00000016-facb-11e6-bd58-64006a7986d3 ",
	    &port) == EINVAL);
	CHECK(vsock_guid_to_port("0000016-facb-11e6-bd58-64006a7986d33",
	    &port) == EINVAL);
	CHECK(vsock_guid_to_port("0000001g-facb-11e6-bd58-64006a7986d3",
	    &port) == EINVAL);
	CHECK(vsock_guid_to_port("", &port) == EINVAL);
}

static void
test_guid_cid(void)
{
	static const struct {
		uint32_t	cid;
		const char	*guid;
	} t[] = {
		{ UINT32_MAX, "00000000-0000-0000-0000-000000000000" },
		{ 1, "e0e16197-dd56-4a10-9195-5ee7a155a838" },
		{ 2, "a42e7cda-d03f-480c-9cc2-a4de20abb878" }
	};
	char guid[VSOCK_GUIDSTRLEN];
	uint32_t cid;

	for (size_t i = 0; i < NELEM(t); i++) {
		CHECK(vsock_cid_to_guid(t[i].cid, guid) == 0);
		CHECK_STR(guid, t[i].guid);
		CHECK(vsock_guid_to_cid(guid, &cid) == 0);
		CHECK(cid == t[i].cid);
	}
	CHECK(vsock_cid_to_guid(0, guid) == ENOENT);
	CHECK(vsock_cid_to_guid(3, guid) == ENOENT);
	/* All children of a host: no CID. */
	CHECK(vsock_guid_to_cid("90db8b89-0d35-4f79-8ce9-49ea0ac8b7cd",
	    &cid) == ENOENT);
	CHECK(vsock_guid_to_cid("host", &cid) == EINVAL);
}

/*
 * Lists
 */

typedef struct seen {
	unsigned	s_n;
	unsigned	s_stop;		/* at this one; 0: never */
	vsock_kconn_t	s_conn[4];
	vsock_transport_info_t s_transport[4];
	uint64_t	s_sum;
} seen_t;

static int
see_conn(const vsock_kconn_t *kc, void *arg)
{
	seen_t *s = arg;

	CHECK(s->s_n < NELEM(s->s_conn));
	s->s_conn[s->s_n++] = *kc;
	return (s->s_n == s->s_stop ? ECANCELED : 0);
}

static void
test_connections(void)
{
	struct {
		vsock_kconn_t	a;
		uint64_t	a_more[2];	/* of a later version */
		vsock_kconn_t	b;
		vsock_kconn_t	end;
		vsock_kconn_t	beyond;
	} raw;
	vsock_handle_t *vh = handle();
	seen_t s = { 0 };

	(void) memset(&raw, 0, sizeof (raw));
	raw.a.vkc_size = sizeof (raw.a) + sizeof (raw.a_more);
	raw.a.vkc_lport = 1;
	(void) memset(raw.a.vkc_transport, 'x', sizeof (raw.a.vkc_transport));
	raw.b.vkc_size = sizeof (raw.b);
	raw.b.vkc_lport = 2;
	raw.beyond.vkc_size = sizeof (raw.beyond);
	fake_raw = &raw;
	fake_rawlen = sizeof (raw);
	CHECK(vsock_walk_conns(vh, see_conn, &s) == 0);
	CHECK(s.s_n == 2);
	CHECK(s.s_conn[0].vkc_lport == 1 && s.s_conn[1].vkc_lport == 2);
	CHECK(strlen(s.s_conn[0].vkc_transport) ==
	    sizeof (raw.a.vkc_transport) - 1);

	s.s_n = 0;
	s.s_stop = 1;
	CHECK(vsock_walk_conns(vh, see_conn, &s) == ECANCELED);
	CHECK(s.s_n == 1);
	s.s_stop = 0;

	/* Sizes that are not possible: too small, and too large. */
	raw.b.vkc_size = sizeof (raw.b) - 1;
	s.s_n = 0;
	CHECK(vsock_walk_conns(vh, see_conn, &s) == EPROTO);
	raw.b.vkc_size = 3 * sizeof (raw.b) + 1;
	s.s_n = 0;
	CHECK(vsock_walk_conns(vh, see_conn, &s) == EPROTO);
	CHECK(s.s_n == 1);
	fake_rawlen = 0;
	s.s_n = 0;
	CHECK(vsock_walk_conns(vh, see_conn, &s) == 0 && s.s_n == 0);
	vsock_close(vh);
}

static int
see_transport(const vsock_transport_info_t *vti, void *arg)
{
	seen_t *s = arg;

	CHECK(s->s_n < NELEM(s->s_transport));
	s->s_transport[s->s_n++] = *vti;
	return (s->s_n == s->s_stop ? ECANCELED : 0);
}

static void
test_transports(void)
{
	vsock_handle_t *vh = handle();
	seen_t s = { 0 };

	CHECK(vsock_walk_transports(vh, see_transport, &s) == 0);
	CHECK(s.s_n == 3);
	CHECK_STR(s.s_transport[0].vti_name, "virtio0");
	CHECK(s.s_transport[0].vti_local_cid == 3);
	CHECK(s.s_transport[0].vti_rx_bytes == 1ULL << 40);
	CHECK_STR(vsock_direction_name(s.s_transport[0].vti_direction),
	    "to-host");
	CHECK_STR(s.s_transport[1].vti_name, "bhyve0");
	CHECK(s.s_transport[1].vti_remote_cid == 9);
	CHECK(s.s_transport[1].vti_local_cid == 0);
	CHECK(s.s_transport[2].vti_zoneid == 4);
	s.s_n = 0;
	s.s_stop = 2;
	CHECK(vsock_walk_transports(vh, see_transport, &s) == ECANCELED);
	CHECK(s.s_n == 2);
	vsock_close(vh);
}

static int
see_stat(const vsock_stat_t *vs, void *arg)
{
	seen_t *s = arg;

	s->s_n++;
	s->s_sum += vs->vs_value;
	return (0);
}

static void
test_stats(void)
{
	vsock_handle_t *vh = handle();
	seen_t s = { 0 };

	CHECK(vsock_walk_stats(vh, see_stat, &s) == 0);
	CHECK(s.s_n == NELEM(fake_stats));
	CHECK(s.s_sum == 7 + 1 + 3 + 2 + (1ULL << 40) + 1 + 2 + 9 + 5);
	CHECK(vsp_wanted("vsock") && vsp_wanted("vsockhv"));
	CHECK(!vsp_wanted("vsockd") && !vsp_wanted("unix"));
	vsock_close(vh);
}

static void
test_names(void)
{
	CHECK_STR(vsock_state_name(VSOCK_S_LISTEN), "listen");
	CHECK_STR(vsock_state_name(VSOCK_S_CLOSED), "closed");
	CHECK_STR(vsock_state_name(VSOCK_S_MAX), "unknown");
	CHECK_STR(vsock_state_name(UINT32_MAX), "unknown");
	CHECK_STR(vsock_type_name(1), "stream");
	CHECK_STR(vsock_type_name(3), "stream,seqpacket");
	CHECK_STR(vsock_type_name(4), "unknown");
	CHECK_STR(vsock_direction_name(99), "unknown");
}

/*
 * Properties
 */

static void
test_prop_read(void)
{
	vsock_handle_t *vh = handle();
	vsock_prop_info_t info;
	unsigned n;

	(void) memset(&fake_prop, 0, sizeof (fake_prop));
	fake_prop.vpi_value = 1;
	CHECK(vsock_prop_read(vh, "loopback", &info) == 0);
	CHECK(fake_prop.vpi_prop == VSOCK_PROP_LOOPBACK);
	CHECK_STR(info.vpi_value, "on");
	CHECK_STR(info.vpi_default, "off");
	fake_prop.vpi_value = 12345;
	fake_prop.vpi_min = 1;
	fake_prop.vpi_max = 99999;
	CHECK(vsock_prop_read(vh, "send-buf", &info) == 0);
	CHECK_STR(info.vpi_value, "12345");
	CHECK_STR(info.vpi_possible, "1-99999");

	/* The longest list; and one that claims to be longer. */
	for (n = 0; n < VSOCK_MAX_EXTRA_PORTS; n++)
		fake_prop.vpi_ports[n] = UINT32_MAX - 1 - n;
	fake_prop.vpi_nports = VSOCK_MAX_EXTRA_PORTS;
	CHECK(vsock_prop_read(vh, "extra-priv-ports", &info) == 0);
	CHECK(strlen(info.vpi_value) == 32 * 11 - 1);
	fake_prop.vpi_nports = UINT32_MAX;
	CHECK(vsock_prop_read(vh, "extra-priv-ports", &info) == 0);
	CHECK(strlen(info.vpi_value) == 32 * 11 - 1);
	fake_prop.vpi_nports = 0;
	CHECK(vsock_prop_read(vh, "extra-priv-ports", &info) == 0);
	CHECK_STR(info.vpi_value, "");

	CHECK(fake_prop.vpi_zoneid == 0);
	CHECK(vsock_prop_zone(vh, "bew") == ENXIO);
	CHECK(vsock_prop_zone(vh, "web") == 0);
	CHECK(vsock_prop_read(vh, "send-buf", &info) == 0);
	CHECK(fake_prop.vpi_zoneid == 42);
	CHECK(vsock_prop_read(vh, "loop", &info) == ESRCH);
	CHECK(vsock_prop_reset(vh, "") == ESRCH);
	for (n = 0; vsock_prop_name(n) != NULL; n++)
		CHECK(vsock_prop_read(vh, vsock_prop_name(n), &info) == 0);
	CHECK(n == VSOCK_NPROPS);
	fake_error = EPERM;
	CHECK(vsock_prop_reset(vh, "max-buf") == EPERM);
	CHECK(fake_cmd == VSOCK_IOC_RESETPROP);
	CHECK(fake_prop.vpi_prop == VSOCK_PROP_MAX_BUF);
	fake_error = 0;
	vsock_close(vh);
}

static void
test_prop_write(void)
{
	static const struct {
		const char	*name;
		const char	*text;
		int		error;
		uint64_t	value;
	} t[] = {
		{ "loopback", "on", 0, 1 },
		{ "loopback", "off", 0, 0 },
		{ "loopback", "1", EINVAL, 0 },
		{ "loopback", "", EINVAL, 0 },
		{ "recv-buf", "4096", 0, 4096 },
		{ "recv-buf", "64K", 0, 65536 },
		{ "recv-buf", "2m", 0, 2 << 20 },
		{ "recv-buf", "18446744073709551615", 0, UINT64_MAX },
		{ "recv-buf", "18446744073709551616", ERANGE, 0 },
		{ "recv-buf", "18014398509481984K", ERANGE, 0 },
		{ "recv-buf", "64KB", EINVAL, 0 },
		{ "recv-buf", "-1", EINVAL, 0 },
		{ "recv-buf", " 1", EINVAL, 0 },
		{ "recv-buf", "K", EINVAL, 0 },
		{ "connect-timeout", "1500", 0, 1500 },
		{ "connect-timeout", "2K", EINVAL, 0 },
		{ "no-such", "1", ESRCH, 0 },
		{ "extra-priv-ports", "1,", EINVAL, 0 },
		{ "extra-priv-ports", ",1", EINVAL, 0 },
		{ "extra-priv-ports", "1;2", EINVAL, 0 },
		{ "extra-priv-ports", "4294967296", ERANGE, 0 }
	};
	vsock_handle_t *vh = handle();
	char list[300] = "5000";

	for (size_t i = 0; i < NELEM(t); i++) {
		(void) snprintf(test_why, sizeof (test_why), "%s=%s",
		    t[i].name, t[i].text);
		if (vsock_prop_write(vh, t[i].name, t[i].text) != t[i].error ||
		    (t[i].error == 0 && (fake_prop.vpi_value != t[i].value ||
		    fake_cmd != VSOCK_IOC_SETPROP)))
			longjmp(test_failed, 1);
	}
	CHECK(vsock_prop_write(vh, "extra-priv-ports", "7000,8000") == 0);
	CHECK(fake_prop.vpi_nports == 2 && fake_prop.vpi_ports[0] == 7000 &&
	    fake_prop.vpi_ports[1] == 8000);
	CHECK(vsock_prop_write(vh, "extra-priv-ports", "") == 0);
	CHECK(fake_prop.vpi_nports == 0);
	for (unsigned i = 1; i < VSOCK_MAX_EXTRA_PORTS; i++)
		(void) strcat(list, ",5000");
	CHECK(vsock_prop_write(vh, "extra-priv-ports", list) == 0);
	CHECK(fake_prop.vpi_nports == VSOCK_MAX_EXTRA_PORTS);
	(void) strcat(list, ",5000");
	CHECK(vsock_prop_write(vh, "extra-priv-ports", list) == EINVAL);
	vsock_close(vh);
}

/*
 * Capture
 */

static void
snoop_feed(const void *data, size_t len)
{
	CHECK(write(fake_pipe[1], data, len) == (ssize_t)len);
}

static void
test_snoop(void)
{
	struct {
		vsock_capture_rec_t	rec;
		char			data[16];
	} r = { { .vcr_size = sizeof (r), .vcr_caplen = 11 }, "hello world" };
	vsock_handle_t *vh = handle();
	const vsock_capture_rec_t *rec;
	vsock_snoop_t *vsn;
	const uint8_t *data;

	fake_error = EACCES;
	CHECK(vsock_snoop_open(vh, 0, 0, &vsn) == EACCES);
	fake_error = 0;
	CHECK(vsock_snoop_open(vh, 0, 0, &vsn) == 0);
	CHECK(vsock_snoop_fd(vsn) == fake_pipe[0]);
	CHECK(!vsock_snoop_ready(vsn));

	/* Two, and some of a third; whose rest comes later, in two pieces. */
	snoop_feed(&r, sizeof (r));
	r.data[0] = 'H';
	snoop_feed(&r, sizeof (r));
	r.data[0] = 'J';
	snoop_feed(&r, 10);
	CHECK(vsock_snoop_next(vsn, &rec, &data) == 0);
	CHECK(rec->vcr_caplen == 11 && memcmp(data, "hello world", 11) == 0);
	CHECK(vsock_snoop_ready(vsn));
	CHECK(vsock_snoop_next(vsn, &rec, &data) == 0);
	CHECK(memcmp(data, "Hello world", 11) == 0);
	CHECK(!vsock_snoop_ready(vsn));
	snoop_feed((char *)&r + 10, sizeof (r) - 10);
	CHECK(vsock_snoop_next(vsn, &rec, &data) == 0);
	CHECK(memcmp(data, "Jello world", 11) == 0);
	snoop_feed(&r, 10);
	(void) close(fake_pipe[1]);
	CHECK(vsock_snoop_next(vsn, &rec, &data) == EPIPE);
	vsock_snoop_close(vsn);
	vsock_close(vh);
}

static void
test_snoop_bad(void)
{
	static const vsock_capture_rec_t bad[] = {
		{ .vcr_size = 0 },
		{ .vcr_size = sizeof (vsock_capture_rec_t) - 8 },
		{ .vcr_size = sizeof (vsock_capture_rec_t), .vcr_caplen = 1 },
		{ .vcr_size = sizeof (vsock_capture_rec_t),
		    .vcr_caplen = UINT32_MAX }
	};
	static char junk[4 * VSOCK_CAPTURE_MAXREC];
	vsock_handle_t *vh = handle();
	const vsock_capture_rec_t *rec;
	vsock_snoop_t *vsn;
	const uint8_t *data;
	pid_t pid;

	for (size_t i = 0; i < NELEM(bad); i++) {
		CHECK(vsock_snoop_open(vh, 0, 0, &vsn) == 0);
		snoop_feed(&bad[i], sizeof (bad[i]));
		CHECK(vsock_snoop_next(vsn, &rec, &data) == EPROTO);
		(void) close(fake_pipe[1]);
		vsock_snoop_close(vsn);
	}
	/* Not a multiple of 8. */
	CHECK(vsock_snoop_open(vh, 0, 0, &vsn) == 0);
	((vsock_capture_rec_t *)(void *)junk)->vcr_size = sizeof (*rec) + 1;
	snoop_feed(junk, sizeof (*rec) + 1);
	CHECK(vsock_snoop_next(vsn, &rec, &data) == EPROTO);
	(void) close(fake_pipe[1]);
	vsock_snoop_close(vsn);

	/* Longer than any: more of it comes than there is room for. */
	CHECK(vsock_snoop_open(vh, 0, 0, &vsn) == 0);
	((vsock_capture_rec_t *)(void *)junk)->vcr_size = 1U << 31;
	if ((pid = fork()) == 0) {
		(void) close(fake_pipe[0]);
		(void) !write(fake_pipe[1], junk, sizeof (junk));
		_exit(0);
	}
	CHECK(pid != -1);
	(void) close(fake_pipe[1]);
	CHECK(vsock_snoop_next(vsn, &rec, &data) == EPROTO);
	vsock_snoop_close(vsn);
	vsock_close(vh);
}

static const struct {
	const char	*t_name;
	void		(*t_func)(void);
} tests[] = {
	{ "address_text",	test_address_text },
	{ "address_bad",	test_address_bad },
	{ "guid_port",		test_guid_port },
	{ "guid_cid",		test_guid_cid },
	{ "connections",	test_connections },
	{ "transports",		test_transports },
	{ "stats",		test_stats },
	{ "names",		test_names },
	{ "prop_read",		test_prop_read },
	{ "prop_write",		test_prop_write },
	{ "snoop",		test_snoop },
	{ "snoop_bad",		test_snoop_bad }
};

int
main(void)
{
	volatile unsigned failed = 0;

	for (volatile size_t i = 0; i < NELEM(tests); i++) {
		if (setjmp(test_failed) == 0) {
			tests[i].t_func();
			(void) printf("ok libvsock/%s\n", tests[i].t_name);
		} else {
			failed++;
			(void) printf("FAILED libvsock/%s: %s\n",
			    tests[i].t_name, test_why);
		}
		(void) fflush(stdout);
	}
	(void) printf("%zu passed, %u failed\n", NELEM(tests) - failed,
	    failed);
	return (failed != 0);
}
