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
 * bhyve's device (bhyve/pci_virtio_vsock.c) between a guest's driver, which
 * does what Linux's does, and /dev/vsockhv: either one that writes down what is
 * asked of it (node.c), or the driver itself.
 *
 * bhyve_test [TEXT]: the tests whose name contains the text.  Each is run in a
 * child and has 60 seconds.
 */

#include <sys/mman.h>
#include <sys/wait.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fakekernel.h>
#include <fakevmm.h>
#include <sys/virtio_vsock.h>
#include <sys/vsockhv.h>
#include "../../cmd/vsockd/modules.h"
#include "node.h"
#include "vpci.h"

#define	VMFD		77
#define	CONFIG_VECTOR	0
#define	VECTOR(ring)	((ring) + 1)
#define	MSI_ADDR(v)	(0x1fee00000ULL + (uint64_t)(v) * 0x1000)
#define	MSI_MSG(v)	(0x30U + (unsigned)(v))

#define	S_ACK		1
#define	S_DRIVER	2
#define	S_DRIVER_OK	4
#define	S_FEATURES_OK	8
#define	S_NEEDS_RESET	64

#define	F_VERSION_1	(1ULL << 32)

#define	RX		VIRTIO_VSOCK_QUEUE_RX
#define	TX		VIRTIO_VSOCK_QUEUE_TX
#define	EVENT		VIRTIO_VSOCK_QUEUE_EVENT
#define	NRINGS		VIRTIO_VSOCK_NQUEUES

static const char *const config[] = { "cid=3", NULL };

static void fail(int, const char *, ...)
    __attribute__((noreturn, format(printf, 2, 3)));

static void
fail(int line, const char *fmt, ...)
{
	va_list ap;

	(void) fprintf(stderr, "line %d: ", line);
	va_start(ap, fmt);
	(void) vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void) fputc('\n', stderr);
	exit(1);
}

#define	CHECK(cond)							\
	do {								\
		if (!(cond))						\
			fail(__LINE__, "%s", #cond);			\
	} while (0)

#define	CHECK_EQ(a, b)							\
	do {								\
		unsigned long long a_ = (a), b_ = (b);			\
		if (a_ != b_)						\
			fail(__LINE__, "%s is 0x%llx, not 0x%llx", #a,	\
			    a_, b_);					\
	} while (0)

/* What was asked of the node since the last time. */
#define	CHECK_LOG(text)							\
	do {								\
		const char *log_ = node_log();				\
		if (strcmp(log_, (text)) != 0)				\
			fail(__LINE__, "asked for\n%snot\n%s", log_,	\
			    (text));					\
	} while (0)

#define	CHECK_SAYS(text)						\
	do {								\
		if (strstr(vpci_messages(), (text)) == NULL)		\
			fail(__LINE__, "says \"%s\"", vpci_messages());	\
	} while (0)

/*
 * THE GUEST'S DRIVER
 */

static uint32_t
common_read(unsigned off, int size)
{
	return ((uint32_t)vpci_read(VPCI_MODERN_BAR, VPCI_COMMON + off, size));
}

static void
common_write(unsigned off, int size, uint32_t val)
{
	vpci_write(VPCI_MODERN_BAR, VPCI_COMMON + off, size, val);
}

static void
common_write64(unsigned off, uint64_t val)
{
	common_write(off, 4, (uint32_t)val);
	common_write(off + 4, 4, (uint32_t)(val >> 32));
}

static void
drv_status(uint8_t bits)
{
	common_write(VPCI_C_STATUS, 1, common_read(VPCI_C_STATUS, 1) | bits);
}

static void
drv_reset(void)
{
	common_write(VPCI_C_STATUS, 1, 0);
	CHECK_EQ(common_read(VPCI_C_STATUS, 1), 0);
}

static uint64_t
drv_device_features(void)
{
	uint64_t features;

	common_write(VPCI_C_DFSELECT, 4, 0);
	features = common_read(VPCI_C_DF, 4);
	common_write(VPCI_C_DFSELECT, 4, 1);
	return (features | (uint64_t)common_read(VPCI_C_DF, 4) << 32);
}

/* Reset, look at the device, accept features: up to probe. */
static void
drv_begin(uint64_t features)
{
	drv_reset();
	drv_status(S_ACK);
	drv_status(S_DRIVER);
	features &= drv_device_features();
	common_write(VPCI_C_GFSELECT, 4, 0);
	common_write(VPCI_C_GF, 4, (uint32_t)features);
	common_write(VPCI_C_GFSELECT, 4, 1);
	common_write(VPCI_C_GF, 4, (uint32_t)(features >> 32));
	drv_status(S_FEATURES_OK);
	CHECK((common_read(VPCI_C_STATUS, 1) & S_FEATURES_OK) != 0);
}

/* MSI-X on: all masked, the table filled, unmasked. */
static void
drv_msix(void)
{
	vpci_msix_enable(true, true);
	for (int v = 0; v < VPCI_VECTORS; v++)
		vpci_msix_entry(v, 0, 0, true);
	vpci_msix_enable(true, false);
	common_write(VPCI_C_MSIX, 2, CONFIG_VECTOR);
	CHECK_EQ(common_read(VPCI_C_MSIX, 2), CONFIG_VECTOR);
	for (int v = 0; v < VPCI_VECTORS; v++)
		vpci_msix_entry(v, MSI_ADDR(v), MSI_MSG(v), false);
}

/* Size and addresses; enabled later. */
static void
drv_ring(int ring, uint16_t size, uint64_t desc, uint64_t avail, uint64_t used)
{
	common_write(VPCI_C_QSELECT, 2, (uint32_t)ring);
	CHECK(common_read(VPCI_C_QSIZE, 2) != 0);
	CHECK_EQ(common_read(VPCI_C_QENABLE, 2), 0);
	common_write(VPCI_C_QSIZE, 2, size);
	common_write64(VPCI_C_QDESC, desc);
	common_write64(VPCI_C_QAVAIL, avail);
	common_write64(VPCI_C_QUSED, used);
}

static void
drv_vector(int ring, uint16_t vector, uint16_t back)
{
	common_write(VPCI_C_QSELECT, 2, (uint32_t)ring);
	common_write(VPCI_C_QMSIX, 2, vector);
	CHECK_EQ(common_read(VPCI_C_QMSIX, 2), back);
}

static void
drv_enable(int ring)
{
	common_write(VPCI_C_QSELECT, 2, (uint32_t)ring);
	common_write(VPCI_C_QENABLE, 2, 1);
	CHECK_EQ(common_read(VPCI_C_QENABLE, 2), 1);
}

static void
drv_notify(int ring)
{
	uint32_t off;

	common_write(VPCI_C_QSELECT, 2, (uint32_t)ring);
	off = common_read(VPCI_C_QNOFF, 2);
	vpci_write(VPCI_MODERN_BAR, VPCI_NOTIFY + off * VPCI_NOTIFY_MULTIPLIER,
	    2, (uint32_t)ring);
}

static uint64_t
drv_cid(void)
{
	uint64_t lo = vpci_read(VPCI_MODERN_BAR, VPCI_DEVICE, 4);

	return (lo | vpci_read(VPCI_MODERN_BAR, VPCI_DEVICE + 4, 4) << 32);
}

/* Everything, with rings that are nowhere; ready. */
static void
drv_start(bool msix)
{
	drv_begin(F_VERSION_1 | VIRTIO_VSOCK_F_STREAM);
	if (msix)
		drv_msix();
	for (int i = 0; i < NRINGS; i++) {
		drv_ring(i, 16, 0x1000, 0x2000, 0x3000);
		if (msix)
			drv_vector(i, VECTOR(i), VECTOR(i));
	}
	for (int i = 0; i < NRINGS; i++)
		drv_enable(i);
	drv_status(S_DRIVER_OK);
}

static void
begin(void)
{
	node_begin(false);
	CHECK_EQ(vpci_attach(config, VMFD), 0);
	CHECK_LOG("create cid=3 vmfd=77\nports 0\n");
}

/* A device with a driver. */
static void
begin_started(bool msix)
{
	begin();
	drv_start(msix);
	(void) node_log();
}

static void
end(void)
{
	node_end();
	vpci_detach();
}

/*
 * OPTIONS AND THE NODE
 */

static void
test_options(void)
{
	static const struct {
		const char *cid;
		const char *ports;
		const char *says;	/* refused */
		const char *log;	/* accepted */
	} cases[] = {
		{ "x=1", NULL, "cid is required", NULL },
		{ "cid=", NULL, "not a number", NULL },
		{ "cid=2", NULL, "not a number", NULL },
		{ "cid=-3", NULL, "not a number", NULL },
		{ "cid= 3", NULL, "not a number", NULL },
		{ "cid=3x", NULL, "not a number", NULL },
		{ "cid=4294967295", NULL, "not a number", NULL },
		{ "cid=99999999999999999999", NULL, "not a number", NULL },
		{ "cid=4294967294", NULL, NULL,
		    "create cid=4294967294 vmfd=77\nports 0\n" },
		{ "cid=0x10", NULL, NULL,
		    "create cid=16 vmfd=77\nports 0\n" },
		{ "cid=3", "ports=", "not a list", NULL },
		{ "cid=3", "ports=:", "not a list", NULL },
		{ "cid=3", "ports=22:", "not a list", NULL },
		{ "cid=3", "ports=22-", "not a list", NULL },
		{ "cid=3", "ports=22-21", "not a list", NULL },
		{ "cid=3", "ports=22;23", "not a list", NULL },
		{ "cid=3", "ports=4294967295", "not a list", NULL },
		{ "cid=3", "ports=none", NULL,
		    "create cid=3 vmfd=77\nports 1\n" },
		{ "cid=3", "ports=22:1024-2047:0", NULL,
		    "create cid=3 vmfd=77\nports 1 22-22 1024-2047 0-0\n" }
	};

	for (size_t i = 0; i < sizeof (cases) / sizeof (cases[0]); i++) {
		const char *opts[] = { cases[i].cid, cases[i].ports, NULL };

		node_begin(false);
		if (cases[i].says != NULL) {
			CHECK(vpci_attach(opts, VMFD) != 0);
			CHECK_SAYS(cases[i].says);
			CHECK_LOG("");
		} else {
			CHECK_EQ(vpci_attach(opts, VMFD), 0);
			CHECK_LOG(cases[i].log);
		}
		end();
	}
}

static void
test_too_many_ports(void)
{
	char ports[1024] = "ports=1";
	const char *opts[] = { "cid=3", ports, NULL };

	for (int i = 1; i < VSOCKHV_MAX_PORTS; i++)
		(void) strcat(ports, ":1");
	node_begin(false);
	CHECK_EQ(vpci_attach(opts, VMFD), 0);
	end();
	(void) strcat(ports, ":1");
	node_begin(false);
	CHECK(vpci_attach(opts, VMFD) != 0);
	CHECK_SAYS("more than 64");
	end();
}

static void
test_node(void)
{
	node_begin(false);
	node_fail(-1, ENOENT);
	CHECK(vpci_attach(config, VMFD) != 0);
	CHECK_SAYS("/dev/vsockhv: No such file");
	end();

	node_begin(false);
	node_version(VSOCKHV_CURRENT_VERSION + 1);
	CHECK(vpci_attach(config, VMFD) != 0);
	CHECK_SAYS("version");
	CHECK_LOG("close\n");
	end();

	node_begin(false);
	node_fail(VSOCKHV_CREATE, EADDRINUSE);
	CHECK(vpci_attach(config, VMFD) != 0);
	CHECK_SAYS("cid 3: Address already in use");
	CHECK_LOG("close\n");
	end();

	node_begin(false);
	node_fail(VSOCKHV_SET_PORTS, EINVAL);
	CHECK(vpci_attach(config, VMFD) != 0);
	CHECK_LOG("create cid=3 vmfd=77\nclose\n");
	end();
}

/*
 * A LINUX GUEST PROBES THE DEVICE
 */

static void
test_probe(void)
{
	begin();

	/* The PCI bus finds it. */
	CHECK_EQ(vpci_config(0x00, 4), 0x10531af4);
	CHECK_EQ(vpci_config(0x2c, 4), 0x10531af4);
	CHECK_EQ(vpci_config(0x08, 1), 1);
	CHECK_EQ(vpci_config(0x0a, 2), 0x0780);
	CHECK_LOG("");

	/* The virtio bus: reset, features. */
	drv_begin(F_VERSION_1 | VIRTIO_VSOCK_F_STREAM |
	    VIRTIO_VSOCK_F_SEQPACKET | 1ULL << 33);
	CHECK_EQ(drv_device_features(), NODE_FEATURES);
	CHECK_LOG("reset\nfeatures 100000003\n");

	/* Vectors, and rings, which run only at the end. */
	CHECK_EQ(common_read(VPCI_C_NUMQ, 2), 3);
	drv_msix();
	CHECK_LOG("msi 0 0 0\nmsi 1 0 0\nmsi 2 0 0\n");
	drv_ring(RX, 128, 0x123456789000, 0x2000, 0xabcdef0004);
	drv_vector(RX, VECTOR(RX), VECTOR(RX));
	drv_ring(TX, 256, 0x5000, 0x6000, 0x7000);
	drv_vector(TX, VECTOR(TX), VECTOR(TX));
	drv_ring(EVENT, 8, 0x8000, 0x9000, 0xa000);
	drv_vector(EVENT, VECTOR(EVENT), VECTOR(EVENT));
	CHECK_LOG("msi 0 1fee01000 31\nmsi 1 1fee02000 32\n"
	    "msi 2 1fee03000 33\n");
	for (int i = 0; i < NRINGS; i++)
		drv_enable(i);
	CHECK_LOG("ring 0 size 128 at 0 0 desc 123456789000 avail 2000 "
	    "used abcdef0004\n"
	    "ring 1 size 256 at 0 0 desc 5000 avail 6000 used 7000\n"
	    "ring 2 size 8 at 0 0 desc 8000 avail 9000 used a000\n");

	/* Who are we? */
	CHECK_EQ(drv_cid(), 3);

	/* Not before the driver is ready. */
	drv_notify(RX);
	CHECK_LOG("");
	drv_status(S_DRIVER_OK);
	CHECK_EQ(common_read(VPCI_C_STATUS, 1),
	    S_ACK | S_DRIVER | S_FEATURES_OK | S_DRIVER_OK);
	drv_notify(RX);
	drv_notify(EVENT);
	drv_notify(TX);
	CHECK_LOG("kick 0\nkick 2\nkick 1\n");

	/* The driver goes; another one comes. */
	drv_reset();
	CHECK_LOG("reset\n");
	drv_start(true);
	CHECK_LOG("reset\nfeatures 100000001\n"
	    "msi 0 0 0\nmsi 1 0 0\nmsi 2 0 0\n"
	    "msi 0 0 0\nmsi 1 0 0\nmsi 2 0 0\n"
	    "msi 0 1fee01000 31\nmsi 1 1fee02000 32\nmsi 2 1fee03000 33\n"
	    "ring 0 size 16 at 0 0 desc 1000 avail 2000 used 3000\n"
	    "ring 1 size 16 at 0 0 desc 1000 avail 2000 used 3000\n"
	    "ring 2 size 16 at 0 0 desc 1000 avail 2000 used 3000\n");
	CHECK_EQ(*vpci_messages(), '\0');
	end();
}

/* The CID, in pieces of every size; and it cannot be written. */
static void
test_config(void)
{
	static const char *const big[] = { "cid=0xf1e2d3c4", NULL };

	node_begin(false);
	CHECK_EQ(vpci_attach(big, VMFD), 0);
	CHECK_EQ(drv_cid(), 0xf1e2d3c4);
	for (unsigned i = 0; i < 8; i++) {
		CHECK_EQ(vpci_read(VPCI_MODERN_BAR, VPCI_DEVICE + i, 1),
		    (0xf1e2d3c4ULL >> (8 * i)) & 0xff);
	}
	CHECK_EQ(vpci_read(VPCI_MODERN_BAR, VPCI_DEVICE + 2, 2), 0xf1e2);
	CHECK_EQ(vpci_read(VPCI_MODERN_BAR, VPCI_DEVICE + 6, 4), 0xffffffff);
	vpci_write(VPCI_MODERN_BAR, VPCI_DEVICE, 4, 5);
	CHECK_EQ(drv_cid(), 0xf1e2d3c4);
	end();
}

/* A driver may make a ring smaller; a reset makes it what it was. */
static void
test_ring_size(void)
{
	uint32_t size[NRINGS];

	begin();
	for (int i = 0; i < NRINGS; i++) {
		common_write(VPCI_C_QSELECT, 2, (uint32_t)i);
		size[i] = common_read(VPCI_C_QSIZE, 2);
		/* Linux puts eight buffers into the event ring. */
		CHECK(size[i] >= 8 && size[i] <= VSOCKHV_MAX_QSIZE);
	}
	drv_start(false);
	drv_reset();
	for (int i = 0; i < NRINGS; i++) {
		common_write(VPCI_C_QSELECT, 2, (uint32_t)i);
		CHECK_EQ(common_read(VPCI_C_QSIZE, 2), size[i]);
	}
	end();
}

/*
 * INTERRUPTS
 */

/* Without MSI-X: INTx, and its status register. */
static void
test_intx(void)
{
	begin_started(false);
	CHECK(!vpci_lintr());
	node_intr(1U << RX);
	vpci_lintr_wait();
	node_idle();
	CHECK_LOG("clear 0\n");
	CHECK_EQ(vpci_read(VPCI_MODERN_BAR, VPCI_ISR, 1), 1);
	CHECK(!vpci_lintr());
	CHECK_EQ(vpci_read(VPCI_MODERN_BAR, VPCI_ISR, 1), 0);

	node_intr(1U << TX | 1U << EVENT);
	node_idle();
	CHECK(vpci_lintr());
	CHECK_LOG("clear 1\nclear 2\n");
	end();
}

/* A vector that is moved to another CPU: masked, rewritten, unmasked. */
static void
test_msix_masked(void)
{
	begin_started(true);
	vpci_msix_entry(VECTOR(RX), MSI_ADDR(9), MSI_MSG(9), true);
	node_intr(1U << RX);
	node_idle();
	CHECK_EQ(vpci_msix_count(VECTOR(RX)), 0);
	(void) node_log();
	vpci_msix_entry(VECTOR(RX), MSI_ADDR(9), MSI_MSG(9), false);
	/* Four writes to the entry: the last one unmasks it. */
	CHECK_LOG("msi 0 0 0\nmsi 0 0 0\nmsi 0 0 0\nmsi 0 1fee09000 39\n");
	CHECK_EQ(vpci_msix_count(VECTOR(RX)), 1);

	/* Once; and no other vector. */
	vpci_msix_entry(VECTOR(RX), MSI_ADDR(9), MSI_MSG(9), true);
	vpci_msix_entry(VECTOR(RX), MSI_ADDR(9), MSI_MSG(9), false);
	CHECK_EQ(vpci_msix_count(VECTOR(RX)), 1);
	CHECK_EQ(vpci_msix_count(VECTOR(TX)), 0);
	CHECK(!vpci_lintr());
	end();
}

/* The whole function masked. */
static void
test_msix_function_mask(void)
{
	begin_started(true);
	vpci_msix_enable(true, true);
	CHECK_LOG("msi 0 0 0\nmsi 1 0 0\nmsi 2 0 0\n");
	node_intr(1U << TX);
	node_idle();
	CHECK_LOG("clear 1\n");
	CHECK_EQ(vpci_msix_count(VECTOR(TX)), 0);
	vpci_msix_enable(true, false);
	CHECK_LOG("msi 0 1fee01000 31\nmsi 1 1fee02000 32\n"
	    "msi 2 1fee03000 33\n");
	CHECK_EQ(vpci_msix_count(VECTOR(TX)), 1);
	CHECK_EQ(vpci_msix_count(VECTOR(RX)), 0);
	end();
}

/* What was pending does not survive a reset. */
static void
test_msix_pending_reset(void)
{
	begin_started(true);
	vpci_msix_enable(true, true);
	node_intr(1U << TX);
	node_idle();
	drv_start(true);
	CHECK_EQ(vpci_msix_count(VECTOR(TX)), 0);
	end();
}

/* A vector that does not exist. */
static void
test_msix_bad_vector(void)
{
	begin_started(true);
	drv_vector(RX, 0x7fff, 0xffff);
	drv_vector(TX, VPCI_VECTORS, 0xffff);
	CHECK_LOG("msi 0 0 0\nmsi 1 0 0\n");
	drv_vector(TX, VPCI_VECTORS - 1, VPCI_VECTORS - 1);
	CHECK_LOG("msi 1 1fee03000 33\n");
	node_intr(1U << RX);
	node_idle();
	end();
}

/*
 * A BAD GUEST
 */

/* The kernel finds a ring corrupt: the guest is told, and may reset. */
static void
test_needs_reset(void)
{
	for (unsigned i = 1; i <= 3; i++) {
		if (i == 1)
			begin();
		drv_start(true);
		node_intr(VSOCKHV_INTR_RESET | 1U << RX);
		vpci_msix_wait(CONFIG_VECTOR, i);
		CHECK((common_read(VPCI_C_STATUS, 1) & S_NEEDS_RESET) != 0);
		/* What the ring had for the guest came as well. */
		CHECK_EQ(vpci_msix_count(VECTOR(RX)), i);
		(void) node_log();
		/* Nothing goes on, */
		drv_notify(RX);
		CHECK_LOG("");
		CHECK_EQ(vpci_msix_count(CONFIG_VECTOR), i);
		/* until it is reset; and nobody has been asking meanwhile. */
		drv_reset();
		CHECK_EQ(node_resets_seen(), i);
		CHECK_LOG("reset\n");
		node_idle();
	}
	drv_start(true);
	(void) node_log();
	drv_notify(RX);
	CHECK_LOG("kick 0\n");
	/* It has been said once. */
	CHECK_SAYS("guest 3: corrupt ring");
	CHECK(strchr(vpci_messages(), '\n')[1] == '\0');
	end();
}

/*
 * A ring that cannot be set up: the driver does not know yet, and overwrites
 * the status; so it hears of it when it is ready and notifies the device.
 */
static void
test_bad_ring(void)
{
	begin();
	drv_begin(F_VERSION_1);
	drv_msix();
	drv_ring(RX, 16, 0x1001, 0x2000, 0x3000);
	(void) node_log();
	node_fail(VSOCKHV_RING_INIT, EINVAL);
	drv_enable(RX);
	CHECK_SAYS("bad ring");
	CHECK((common_read(VPCI_C_STATUS, 1) & S_NEEDS_RESET) != 0);
	CHECK_EQ(vpci_msix_count(CONFIG_VECTOR), 0);
	common_write(VPCI_C_STATUS, 1, S_ACK | S_DRIVER | S_FEATURES_OK |
	    S_DRIVER_OK);
	drv_notify(RX);
	CHECK((common_read(VPCI_C_STATUS, 1) & S_NEEDS_RESET) != 0);
	CHECK_EQ(vpci_msix_count(CONFIG_VECTOR), 1);
	CHECK_LOG("");
	drv_reset();
	drv_start(true);
	(void) node_log();
	drv_notify(RX);
	CHECK_LOG("kick 0\n");
	end();
}

/* Larger than it was offered. */
static void
test_ring_too_big(void)
{
	begin();
	drv_begin(F_VERSION_1);
	drv_ring(EVENT, 32768, 0x1000, 0x2000, 0x3000);
	(void) node_log();
	drv_enable(EVENT);
	CHECK_LOG("");
	CHECK((common_read(VPCI_C_STATUS, 1) & S_NEEDS_RESET) != 0);
	end();
}

/* Features that change under running rings. */
static void
test_features_late(void)
{
	begin_started(true);
	common_write(VPCI_C_STATUS, 1, S_ACK | S_DRIVER | S_DRIVER_OK);
	drv_status(S_FEATURES_OK);
	CHECK_LOG("features 100000001\n");
	CHECK_SAYS("features refused");
	CHECK_EQ(vpci_msix_count(CONFIG_VECTOR), 1);
	end();
}

/* The VM goes while the driver is at work: no more, and no complaints. */
static void
test_vm_gone(void)
{
	begin_started(true);
	node_end();
	node_begin(false);
	CHECK_EQ(*vpci_messages(), '\0');
	vpci_detach();
}

/*
 * THE DRIVER ITSELF
 */

#define	RAM		0x40000000ULL
#define	RAM_SIZE	(1UL << 20)
#define	QSIZE		16
#define	RX_BUF		4096

/* Offsets in RAM. */
#define	Q_DESC(r)	(0x10000UL * (unsigned)(r))
#define	Q_AVAIL(r)	(Q_DESC(r) + 0x1000)
#define	Q_USED(r)	(Q_DESC(r) + 0x3000)
#define	RX_BUFS		0x40000UL
#define	TX_BUF		0x80000UL

static pthread_mutex_t msi_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t msi_cv = PTHREAD_COND_INITIALIZER;
static unsigned msi_count[VPCI_VECTORS];
static uint8_t *ram;

static void
msi(void *arg, uint64_t addr, uint64_t msg)
{
	(void) pthread_mutex_lock(&msi_lock);
	for (int v = 0; v < VPCI_VECTORS; v++) {
		if (addr == MSI_ADDR(v) && msg == MSI_MSG(v))
			msi_count[v]++;
	}
	(void) pthread_cond_broadcast(&msi_cv);
	(void) pthread_mutex_unlock(&msi_lock);
}

/*
 * Guest memory.  ThreadSanitizer is not to see this: a guest needs no
 * permission.
 */
#define	RAM_ACCESS	__attribute__((noinline, no_sanitize("thread")))

static RAM_ACCESS void
ram_copy(void *dst, const void *src, size_t len)
{
	volatile uint8_t *d = dst;
	const volatile uint8_t *s = src;

	while (len-- > 0)
		*d++ = *s++;
}

static RAM_ACCESS void
ram_clear(void)
{
	for (volatile uint8_t *d = ram; d < ram + RAM_SIZE; d++)
		*d = 0;
}

/* x86 keeps the order; it is the compiler that must. */
#define	RAM_BARRIER()	__asm__ volatile("" ::: "memory")

static RAM_ACCESS uint16_t
ram_get16(unsigned long off)
{
	uint16_t val = *(volatile uint16_t *)(void *)(ram + off);

	RAM_BARRIER();
	return (val);
}

static RAM_ACCESS void
ram_set16(unsigned long off, uint16_t val)
{
	RAM_BARRIER();
	*(volatile uint16_t *)(void *)(ram + off) = val;
}

static void
ram_desc(int ring, unsigned i, uint64_t addr, uint32_t len, uint16_t flags)
{
	struct {
		uint64_t addr;
		uint32_t len;
		uint16_t flags;
		uint16_t next;
	} desc = { addr, len, flags, 0 };

	ram_copy(ram + Q_DESC(ring) + 16 * i, &desc, sizeof (desc));
}

/* Make the descriptor available; the index is published. */
static void
ram_avail(int ring, uint16_t head)
{
	uint16_t idx = ram_get16(Q_AVAIL(ring) + 2);

	ram_set16(Q_AVAIL(ring) + 4 + 2UL * (idx % QSIZE), head);
	ram_set16(Q_AVAIL(ring) + 2, idx + 1);
}

/* Wait for the interrupt that says that the used index is so far. */
static void
ram_wait_used(int ring, uint16_t idx)
{
	(void) pthread_mutex_lock(&msi_lock);
	while (ram_get16(Q_USED(ring) + 2) != idx)
		(void) pthread_cond_wait(&msi_cv, &msi_lock);
	(void) pthread_mutex_unlock(&msi_lock);
}

static void
ram_start(void)
{
	ram_clear();
	drv_begin(~0ULL & ~(1ULL << 29));	/* no EVENT_IDX */
	drv_msix();
	for (int i = 0; i < NRINGS; i++) {
		drv_ring(i, QSIZE, RAM + Q_DESC(i), RAM + Q_AVAIL(i),
		    RAM + Q_USED(i));
		drv_vector(i, VECTOR(i), VECTOR(i));
	}
	for (int i = 0; i < NRINGS; i++)
		drv_enable(i);
	CHECK_EQ(drv_cid(), 3);
	drv_status(S_DRIVER_OK);
	for (unsigned i = 0; i < QSIZE; i++) {
		ram_desc(RX, i, RAM + RX_BUFS + i * RX_BUF, RX_BUF, 2);
		ram_avail(RX, (uint16_t)i);
	}
	drv_notify(RX);
}

/* Ask for a connection to a port that nobody listens on. */
static void
ram_request(uint32_t port)
{
	virtio_vsock_hdr_t hdr = {
		.vvh_src_cid	= 3,
		.vvh_dst_cid	= 2,
		.vvh_src_port	= port,
		.vvh_dst_port	= 1234,
		.vvh_type	= VIRTIO_VSOCK_TYPE_STREAM,
		.vvh_op		= VIRTIO_VSOCK_OP_REQUEST,
		.vvh_buf_alloc	= 65536
	};

	ram_copy(ram + TX_BUF, &hdr, sizeof (hdr));
	ram_desc(TX, 0, RAM + TX_BUF, sizeof (hdr), 0);
	ram_avail(TX, 0);
	drv_notify(TX);
}

/* It is refused. */
static void
ram_refused(uint32_t port)
{
	uint16_t idx = ram_get16(Q_USED(RX) + 2);
	virtio_vsock_hdr_t hdr;
	uint16_t head;

	ram_request(port);
	ram_wait_used(RX, idx + 1);

	head = ram_get16(Q_USED(RX) + 4 + 8UL * (idx % QSIZE));
	CHECK(head < QSIZE);
	ram_copy(&hdr, ram + RX_BUFS + head * RX_BUF, sizeof (hdr));
	CHECK_EQ(hdr.vvh_op, VIRTIO_VSOCK_OP_RST);
	CHECK_EQ(hdr.vvh_src_cid, 2);
	CHECK_EQ(hdr.vvh_dst_cid, 3);
	CHECK_EQ(hdr.vvh_src_port, 1234);
	CHECK_EQ(hdr.vvh_dst_port, port);
}

static void
test_driver(void)
{
	fk_config_t fc = {
		.fc_checks	= true,
		.fc_seed	= 1,
		.fc_modules	= vsock_modules
	};
	const char *again[] = { "cid=3", NULL };
	fvm_t *vm;

	ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(ram != MAP_FAILED);
	fk_boot(&fc);
	CHECK_EQ(fvm_create("guest", msi, NULL, &vm), 0);
	CHECK_EQ(fvm_map(vm, RAM, ram, RAM_SIZE, true), 0);

	node_begin(true);
	CHECK_EQ(vpci_attach(again, fvm_fd(vm)), 0);
	ram_start();
	CHECK(msi_count[VECTOR(RX)] == 0);
	ram_refused(5000);
	CHECK(msi_count[VECTOR(RX)] != 0);

	/* Reboot. */
	ram_start();
	ram_refused(5001);

	/* More available than there is: corrupt. */
	ram_set16(Q_AVAIL(TX) + 2, 0x4000);
	drv_notify(TX);
	vpci_msix_wait(CONFIG_VECTOR, 1);
	CHECK((common_read(VPCI_C_STATUS, 1) & S_NEEDS_RESET) != 0);
	ram_start();
	CHECK((common_read(VPCI_C_STATUS, 1) & S_NEEDS_RESET) == 0);
	ram_refused(5002);

	/* A ring outside of memory. */
	drv_begin(F_VERSION_1);
	drv_ring(TX, QSIZE, RAM + RAM_SIZE, RAM, RAM);
	drv_enable(TX);
	CHECK((common_read(VPCI_C_STATUS, 1) & S_NEEDS_RESET) != 0);
	ram_start();
	ram_refused(5003);

	/* Without MSI-X the device's thread raises INTx. */
	vpci_msix_enable(false, false);
	ram_request(5004);
	vpci_lintr_wait();

	end();
	fvm_destroy(vm);
	fk_shutdown();
	(void) munmap(ram, RAM_SIZE);
}

/*
 * RUNNING THEM
 */

static const struct {
	const char	*name;
	void		(*func)(void);
} tests[] = {
	{ "options",		test_options },
	{ "too_many_ports",	test_too_many_ports },
	{ "node",		test_node },
	{ "probe",		test_probe },
	{ "config",		test_config },
	{ "ring_size",		test_ring_size },
	{ "intx",		test_intx },
	{ "msix_masked",	test_msix_masked },
	{ "msix_function_mask",	test_msix_function_mask },
	{ "msix_pending_reset",	test_msix_pending_reset },
	{ "msix_bad_vector",	test_msix_bad_vector },
	{ "needs_reset",	test_needs_reset },
	{ "bad_ring",		test_bad_ring },
	{ "ring_too_big",	test_ring_too_big },
	{ "features_late",	test_features_late },
	{ "vm_gone",		test_vm_gone },
	{ "driver",		test_driver }
};

int
main(int argc, char **argv)
{
	int passed = 0, failed = 0, status;
	pid_t pid;

	for (size_t i = 0; i < sizeof (tests) / sizeof (tests[0]); i++) {
		if (argc > 1 && strstr(tests[i].name, argv[1]) == NULL)
			continue;
		(void) fflush(NULL);
		if ((pid = fork()) == 0) {
			(void) alarm(60);
			tests[i].func();
			exit(0);
		}
		if (pid != -1 && waitpid(pid, &status, 0) == pid &&
		    status == 0) {
			(void) printf("ok bhyve/%s\n", tests[i].name);
			passed++;
		} else {
			(void) printf("FAILED bhyve/%s\n", tests[i].name);
			failed++;
		}
	}
	(void) printf("%d passed, %d failed\n", passed, failed);
	return (failed != 0 || passed == 0);
}
