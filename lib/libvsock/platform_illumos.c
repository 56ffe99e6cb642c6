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
 * The system is the one that runs us: libkstat, and /dev/vsock.
 */

#include <sys/types.h>
#include <errno.h>
#include <fcntl.h>
#include <kstat.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <stropts.h>
#include <zone.h>
#include "vsock_platform.h"

#define	VSP_DEVICE	"/dev/vsock"

struct vsock_platform {
	kstat_ctl_t	*vp_kstat;
	int		vp_fd;
};

const char *const vsp_where_option = NULL;

int
vsp_open(const char *where, vsock_platform_t **vpp)
{
	vsock_platform_t *vp;
	int err;

	if (where != NULL)
		return (EINVAL);
	if ((vp = calloc(1, sizeof (*vp))) == NULL)
		return (ENOMEM);
	/* This also has the module loaded, which makes the kstats. */
	if ((vp->vp_fd = open(VSP_DEVICE, O_RDONLY | O_CLOEXEC)) == -1) {
		err = errno;
		free(vp);
		return (err);
	}
	if ((vp->vp_kstat = kstat_open()) == NULL) {
		err = errno;
		(void) close(vp->vp_fd);
		free(vp);
		return (err);
	}
	*vpp = vp;
	return (0);
}

void
vsp_close(vsock_platform_t *vp)
{
	(void) kstat_close(vp->vp_kstat);
	(void) close(vp->vp_fd);
	free(vp);
}

/* The number, if it is one. */
static bool
vsp_number(const kstat_named_t *kn, uint64_t *value)
{
	switch (kn->data_type) {
	case KSTAT_DATA_INT32:
		*value = (uint64_t)kn->value.i32;
		return (true);
	case KSTAT_DATA_UINT32:
		*value = kn->value.ui32;
		return (true);
	case KSTAT_DATA_INT64:
	case KSTAT_DATA_UINT64:
		*value = kn->value.ui64;
		return (true);
	default:
		return (false);
	}
}

/*
 * Kstats come and go: one that cannot be read any more (ENXIO) is none.  The
 * chain is brought up to date for every walk.
 */
static int
vsp_kstat_begin(vsock_platform_t *vp)
{
	return (kstat_chain_update(vp->vp_kstat) == -1 ? errno : 0);
}

int
vsp_kstat_named(vsock_platform_t *vp, int (*func)(void *, const char *, int,
    const char *, const char *, uint64_t), void *arg)
{
	const kstat_named_t *kn;
	uint64_t value;
	kstat_t *ksp;
	uint_t i;
	int err;

	err = vsp_kstat_begin(vp);
	for (ksp = vp->vp_kstat->kc_chain; ksp != NULL && err == 0;
	    ksp = ksp->ks_next) {
		if (ksp->ks_type != KSTAT_TYPE_NAMED ||
		    !vsp_wanted(ksp->ks_module))
			continue;
		if (kstat_read(vp->vp_kstat, ksp, NULL) == -1) {
			err = errno == ENXIO ? 0 : errno;
			continue;
		}
		kn = ksp->ks_data;
		for (i = 0; i < ksp->ks_ndata && err == 0; i++) {
			if (vsp_number(&kn[i], &value)) {
				err = func(arg, ksp->ks_module,
				    ksp->ks_instance, ksp->ks_name,
				    kn[i].name, value);
			}
		}
	}
	return (err);
}

int
vsp_kstat_raw(vsock_platform_t *vp, const char *module, const char *name,
    int (*func)(void *, const void *, size_t), void *arg)
{
	kstat_t *ksp;
	int err;

	err = vsp_kstat_begin(vp);
	for (ksp = vp->vp_kstat->kc_chain; ksp != NULL && err == 0;
	    ksp = ksp->ks_next) {
		if (ksp->ks_type != KSTAT_TYPE_RAW ||
		    strcmp(ksp->ks_module, module) != 0 ||
		    strcmp(ksp->ks_name, name) != 0)
			continue;
		if (kstat_read(vp->vp_kstat, ksp, NULL) == -1)
			err = errno == ENXIO ? 0 : errno;
		else
			err = func(arg, ksp->ks_data, ksp->ks_data_size);
	}
	return (err);
}

int
vsp_zone(const char *zone, int32_t *idp)
{
	zoneid_t id = getzoneidbyname(zone);

	if (id == -1)
		return (ENXIO);
	*idp = id;
	return (0);
}

int
vsp_prop(vsock_platform_t *vp, int cmd, vsock_prop_io_t *vpi)
{
	return (ioctl(vp->vp_fd, cmd, vpi) == -1 ? errno : 0);
}

int
vsp_capture(vsock_platform_t *vp, const vsock_capture_io_t *vci, int *fdp)
{
	vsock_capture_io_t io = *vci;
	int fd, err;

	if ((fd = open(VSP_DEVICE, O_RDONLY | O_CLOEXEC)) == -1)
		return (errno);
	if (ioctl(fd, VSOCK_IOC_CAPTURE, &io) == -1) {
		err = errno;
		(void) close(fd);
		return (err);
	}
	*fdp = fd;
	return (0);
}
