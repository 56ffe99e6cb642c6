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
 * The machine as a guest: the socket device of --device, and viosock for it.
 *
 *	viosock --- fake virtio framework --- vhost_user_fe.c --- a back-end
 *				       or --- vhost_kernel.c --- this Linux
 *
 * There is at most one, instance 0.  Its events are handled by threads of the
 * framework; all functions here run on the main thread.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fakekernel.h>
#include <fakevirtio.h>
#include "vsockd.h"

#define	DEVICE_DRIVER	"viosock"
#define	DEVICE_INSTANCE	0

static bool device_given;
static bool device_vhost;	/* or else vhost-user */
static const char *device_path;
static uint64_t device_cid;	/* only of vhost */
static fvio_t *device;

const char *
device_parse(char *spec)
{
	char *const keys[] = {
		"vhost-user", "vhost", "socket", "path", "cid", NULL
	};
	const char *socket = NULL, *path = NULL, *wrong;
	bool user = false, vhost = false;
	char *val;

	if (device_given)
		return ("there can be only one");
	device_given = true;
	while (*spec != '\0') {
		switch (getsubopt(&spec, keys, &val)) {
		case 0:
			user = true;
			break;
		case 1:
			vhost = true;
			break;
		case 2:
			socket = val;
			break;
		case 3:
			path = val;
			break;
		case 4:
			if ((wrong = vsd_parse_cid(val, &device_cid)) != NULL)
				return (wrong);
			break;
		default:
			return ("vhost-user or vhost, and what belongs to it");
		}
	}
	if (user == vhost)
		return ("vhost-user or vhost is needed");
	if (user && (socket == NULL || *socket == '\0' || path != NULL ||
	    device_cid != 0))
		return ("for vhost-user, socket is needed, and nothing else");
	if (vhost && (path == NULL || *path == '\0' || socket != NULL ||
	    device_cid == 0))
		return ("for vhost, path and cid are needed, and nothing else");
	device_vhost = vhost;
	device_path = user ? socket : path;
	return (NULL);
}

static void
device_log(const char *text)
{
	vsd_log("device: %s", text);
}

int
device_start(void)
{
	int err;

	if (!device_given)
		return (0);
	err = device_vhost ?
	    fvio_vhost_create(DEVICE_DRIVER, DEVICE_INSTANCE, device_path,
	    device_cid, device_log, &device) :
	    fvio_vhost_user_create(DEVICE_DRIVER, DEVICE_INSTANCE, device_path,
	    device_log, &device);
	if (err != 0) {
		vsd_log("device: %s: %s", device_path, strerror(err));
		return (-1);
	}
	err = fvio_attach(device);
	if (err != 0) {
		vsd_log("device: " DEVICE_DRIVER " does not attach");
		fvio_destroy(device);
		device = NULL;
	}
	return (err == 0 ? 0 : -1);
}

void
device_stop(void)
{
	if (device == NULL)
		return;
	/* If it does not detach the shutdown of the kernel ends in a panic. */
	if (fvio_detach(device) == 0)
		fvio_destroy(device);
	else
		vsd_log("device: " DEVICE_DRIVER " does not detach");
	device = NULL;
}
