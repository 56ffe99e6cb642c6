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
 * What a zone may see and reach of what is the global zone's: nothing.  It is
 * tried from inside the zone.
 */

#include <sys/types.h>
#include <sys/param.h>
#include <sys/sysmacros.h>
#include <sys/errno.h>
#include <sys/debug.h>
#include <sys/cred.h>
#include <sys/file.h>
#include <sys/kstat.h>
#include <sys/poll.h>
#include <sys/zone.h>
#include <sys/socket.h>
#include <net/vsock.h>
#include "fakekernel.h"
#include "fktest.h"
#include "fakesock.h"
#include "hv_guest.h"
#include "ktest.h"
#include "viosock_host.h"

#define	GPORT	5000
#define	HPORT	1234

#define	OP(x)	VIRTIO_VSOCK_OP_##x

/* The zone, and the global zone, see this kstat or don't. */
static void
expect_kstat(zone_t *zone, const char *module, int instance, const char *name,
    boolean_t seen)
{
	kstat_t *ksp;

	ksp = kstat_hold_byname((char *)module, instance, (char *)name,
	    GLOBAL_ZONEID);
	VERIFY(ksp != NULL);
	kstat_rele(ksp);
	ksp = kstat_hold_byname((char *)module, instance, (char *)name,
	    zone->zone_id);
	VERIFY3S(ksp != NULL, ==, seen);
	if (ksp != NULL)
		kstat_rele(ksp);
}

/* The CID that a program of the zone is told. */
static uint32_t
zone_cid(zone_t *zone)
{
	cred_t *cr = fk_cred_create(60001, 60001, zone, B_FALSE);
	fk_file_t *dev;
	uint32_t cid;

	VERIFY0(fk_open_as("/dev/vsock", FREAD, cr, &dev));
	VERIFY0(fk_ioctl(dev, IOCTL_VM_SOCKETS_GET_LOCAL_CID, (intptr_t)&cid,
	    NULL));
	VERIFY0(fk_close(dev));
	crfree(cr);
	return (cid);
}

static fsk_file_t *
zone_socket(zone_t *zone)
{
	fsk_file_t *so;

	VERIFY0(fsk_socket_as(zone->zone_id, true, AF_VSOCK, SOCK_STREAM, 0,
	    &so));
	return (so);
}

static int
zone_connect(zone_t *zone, uint32_t cid, uint32_t port)
{
	struct sockaddr_vm svm = {
		.svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port
	};
	fsk_file_t *so = zone_socket(zone);
	int error;

	error = fsk_connect(so, &svm, sizeof (svm));
	VERIFY0(fsk_close(so));
	return (error);
}

static int
zone_bind(fsk_file_t *so, uint32_t cid, uint32_t port)
{
	struct sockaddr_vm svm = {
		.svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port
	};

	return (fsk_bind(so, &svm, sizeof (svm)));
}

/* The global zone has a guest, with a connection. */
KTEST(access_zone_guest)
{
	fsk_file_t *l, *so, *zl;
	hv_guest_t *g;
	zone_t *zone;

	hv_begin();
	g = hv_guest_boot(3, HV_F_VERSION_1);
	zone = fk_zone_create("a");
	l = hv_listen(HPORT, 5);
	so = hv_open(g, l, GPORT, HPORT);

	expect_kstat(zone, "vsockhv", g->hg_instance, "rings", B_FALSE);
	expect_kstat(zone, "vsockhv", g->hg_instance, "packets", B_FALSE);
	expect_kstat(zone, "vsock_transport", 0, "bhyve1", B_FALSE);
	expect_kstat(zone, "vsock_transport", 0, "vsocklo0", B_FALSE);
	expect_kstat(zone, "vsock", 0, "vsock", B_FALSE);
	expect_kstat(zone, "vsock", 0, "connections", B_FALSE);
	expect_kstat(zone, "vsock", zone->zone_id, "connections", B_TRUE);

	VERIFY3U(zone_cid(zone), ==, VMADDR_CID_LOCAL);
	VERIFY3S(zone_connect(zone, 3, GPORT), ==, EAFNOSUPPORT);
	VERIFY3S(zone_connect(zone, VMADDR_CID_HOST, HPORT), ==, EAFNOSUPPORT);
	VERIFY3S(zone_connect(zone, VMADDR_CID_LOCAL, HPORT), ==, ECONNRESET);

	/* Nor does the guest reach the zone. */
	VERIFY0(fsk_close(l));
	zl = zone_socket(zone);
	VERIFY3S(zone_bind(zl, VMADDR_CID_HOST, HPORT), ==, EADDRNOTAVAIL);
	VERIFY0(zone_bind(zl, VMADDR_CID_ANY, HPORT));
	VERIFY0(fsk_listen(zl, 5));
	hv_send_op(g, OP(REQUEST), GPORT + 1, HPORT);
	(void) hv_expect(g, OP(RST), GPORT + 1, HPORT);
	VERIFY0(fsk_poll(zl, POLLIN));

	hv_check_alive(g, so, GPORT, HPORT);
	VERIFY0(fsk_close(zl));
	fk_zone_shutdown(zone);
	hv_check_alive(g, so, GPORT, HPORT);
	fk_zone_destroy(zone);
	VERIFY0(fsk_close(so));
	hv_guest_destroy(g);
	hv_end();
}

/* This system is a guest, and its host the global zone's to talk to. */
KTEST(access_zone_device)
{
	vh_host_t *h = vh_boot();
	fsk_file_t *zl;
	zone_t *zone;

	zone = fk_zone_create("a");
	expect_kstat(zone, "viosock", VH_INSTANCE, "rings", B_FALSE);
	expect_kstat(zone, "viosock", VH_INSTANCE, "packets", B_FALSE);
	expect_kstat(zone, "vsock_transport", 0, "virtio0", B_FALSE);
	VERIFY3U(vh_local_cid(), ==, VH_CID);
	VERIFY3U(zone_cid(zone), ==, VMADDR_CID_LOCAL);
	VERIFY3S(zone_connect(zone, VMADDR_CID_HOST, HPORT), ==, EAFNOSUPPORT);
	VERIFY3S(zone_connect(zone, VMADDR_CID_HYPERVISOR, HPORT), ==,
	    EAFNOSUPPORT);
	VERIFY3S(zone_connect(zone, VH_CID, HPORT), ==, EAFNOSUPPORT);
	zl = zone_socket(zone);
	VERIFY3S(zone_bind(zl, VH_CID, GPORT), ==, EADDRNOTAVAIL);
	VERIFY0(zone_bind(zl, VMADDR_CID_ANY, GPORT));
	VERIFY0(fsk_listen(zl, 5));
	vh_send_op(h, OP(REQUEST), HPORT, GPORT);
	(void) vh_expect(h, OP(RST), HPORT, GPORT);
	VERIFY0(fsk_poll(zl, POLLIN));
	VERIFY0(fsk_close(zl));
	fk_zone_shutdown(zone);
	fk_zone_destroy(zone);
	vh_check_new(h);
	vh_halt(h);
}
