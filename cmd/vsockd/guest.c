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
 * Guests: for each --guest, the device that a virtual machine monitor connects
 * to with vhost-user.
 *
 *	QEMU --- vhost_user.c --- guest.c --- /dev/vsockhv, fake vmm
 *
 * This plays the part of bhyve's PCI emulation.  While a peer is connected
 * there is a VM (fvm_t, its memory is the peer's) and an open /dev/vsockhv for
 * it.  Without one there is neither: connecting to the CID of such a guest
 * fails with EAFNOSUPPORT, as it does on illumos when the VM does not run.  The
 * CID stays reserved, as only --guest gives them out and no two may have the
 * same.
 *
 * vhost-user has no message that reliably says that the guest's driver has
 * reset the device: a VM that is paused and one whose driver starts anew both
 * stop the rings and start them again.  They are told apart by where a ring
 * starts: where it stopped, with the same addresses, it goes on, with every
 * connection alive; anywhere else, or with other features, it is a new driver,
 * and the device is reset first.  (The event ring is the monitor's.)
 *
 * All functions but guest_msi() run on the guest's thread, or on the main
 * thread while there is none.
 */

#include <sys/stat.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <fakekernel.h>
#include <fakevmm.h>
#include <vhost_user.h>
#include <sys/vsockhv.h>
#include "vsockd.h"

#define	GUEST_RINGS	2	/* rx, tx; the event ring stays with the peer */
#define	GUEST_MSI_ADDR	0xfee00000	/* the message is the ring's index */

typedef enum {
	GUEST_RING_NONE,
	GUEST_RING_RUNS,
	GUEST_RING_STOPPED	/* may go on from where it was */
} guest_ring_state_t;

struct vsd_guest {
	vsd_guest_t	*vg_next;
	uint64_t	vg_cid;
	char		*vg_path;
	vsockhv_ports_t	vg_ports;	/* of ours, that it may connect to */
	bool		vg_bound;	/* the file at vg_path is ours */
	vhu_t		*vg_vhu;
	fvm_t		*vg_vm;
	fk_file_t	*vg_file;	/* /dev/vsockhv */
	uint64_t	vg_features;
	guest_ring_state_t vg_state[GUEST_RINGS];
	vhu_ring_t	vg_ring[GUEST_RINGS];	/* stopped: where it was */
};

static vsd_guest_t *guests;

static int
guest_ioctl(vsd_guest_t *g, int cmd, intptr_t arg)
{
	int rval;

	return (fk_errno_to_host(fk_ioctl(g->vg_file, cmd, arg, &rval)));
}

static void
guest_log(void *arg, const char *text)
{
	const vsd_guest_t *g = arg;

	vsd_log("guest %llu: %s", (unsigned long long)g->vg_cid, text);
}

/* The device interrupts: any thread. */
static void
guest_msi(void *arg, uint64_t addr, uint64_t msg)
{
	vsd_guest_t *g = arg;

	vhu_call(g->vg_vhu, (unsigned)msg);
}

static void
guest_detach(void *arg)
{
	vsd_guest_t *g = arg;

	if (g->vg_file != NULL)
		(void) fk_close(g->vg_file);
	g->vg_file = NULL;
	if (g->vg_vm != NULL)
		fvm_destroy(g->vg_vm);
	g->vg_vm = NULL;
}

static int
guest_attach(void *arg)
{
	vsd_guest_t *g = arg;
	vsockhv_create_t create = { .vc_guest_cid = g->vg_cid };
	char name[32];
	int err, version = 0;

	(void) snprintf(name, sizeof (name), "guest%llu",
	    (unsigned long long)g->vg_cid);
	g->vg_features = 0;
	for (unsigned i = 0; i < GUEST_RINGS; i++)
		g->vg_state[i] = GUEST_RING_NONE;

	err = fvm_create(name, guest_msi, g, &g->vg_vm);
	if (err == 0)
		err = fk_open("/dev/vsockhv", &g->vg_file);
	if (err == 0)
		err = fk_ioctl(g->vg_file, VSOCKHV_VERSION, 0, &version);
	if (err != 0) {
		guest_detach(g);
		return (fk_errno_to_host(err));
	}
	create.vc_vmfd = fvm_fd(g->vg_vm);
	err = version == VSOCKHV_CURRENT_VERSION ?
	    guest_ioctl(g, VSOCKHV_CREATE, (intptr_t)&create) : ENOTSUP;
	/* Nothing comes from it before it has rings. */
	if (err == 0 && g->vg_ports.vp_restrict != 0)
		err = guest_ioctl(g, VSOCKHV_SET_PORTS,
		    (intptr_t)&g->vg_ports);
	if (err != 0)
		guest_detach(g);
	return (err);
}

static int
guest_get_features(void *arg, uint64_t *featuresp)
{
	return (guest_ioctl(arg, VSOCKHV_GET_FEATURES, (intptr_t)featuresp));
}

static int
guest_reset(void *arg)
{
	vsd_guest_t *g = arg;
	int err;

	if ((err = guest_ioctl(g, VSOCKHV_RESET, 0)) != 0)
		return (err);
	for (unsigned i = 0; i < GUEST_RINGS; i++)
		g->vg_state[i] = GUEST_RING_NONE;
	return (0);
}

static int
guest_set_features(void *arg, uint64_t features)
{
	vsd_guest_t *g = arg;
	int err = 0;

	/* The same again is no news, and may come with rings at rest. */
	if (features == g->vg_features)
		return (0);
	for (unsigned i = 0; i < GUEST_RINGS && err == 0; i++) {
		if (g->vg_state[i] == GUEST_RING_RUNS)
			return (EBUSY);
		if (g->vg_state[i] == GUEST_RING_STOPPED)
			err = guest_reset(g);
	}
	if (err == 0)
		err = guest_ioctl(g, VSOCKHV_SET_FEATURES, (intptr_t)&features);
	if (err == 0)
		g->vg_features = features;
	return (err);
}

static int
guest_set_memory(void *arg, const vhu_region_t *r, unsigned n)
{
	vsd_guest_t *g = arg;
	int err = 0;

	fvm_unmap_all(g->vg_vm);
	for (unsigned i = 0; i < n && err == 0; i++)
		err = fvm_map(g->vg_vm, r[i].vr_gpa, r[i].vr_hva, r[i].vr_len,
		    true);
	if (err != 0)
		fvm_unmap_all(g->vg_vm);
	return (fk_errno_to_host(err));
}

/* Sets up a ring that the device does not have. */
static int
guest_ring_init(vsd_guest_t *g, unsigned idx)
{
	const vhu_ring_t *ring = &g->vg_ring[idx];
	vsockhv_ring_init_t init = {
		.vri_index	= (uint16_t)idx,
		.vri_qsize	= ring->vr_size,
		.vri_avail_idx	= ring->vr_avail_idx,
		.vri_used_idx	= ring->vr_used_idx,
		.vri_desc	= ring->vr_desc,
		.vri_avail	= ring->vr_avail,
		.vri_used	= ring->vr_used
	};
	vsockhv_ring_msi_t msi = {
		.vrm_index	= (uint16_t)idx,
		.vrm_addr	= GUEST_MSI_ADDR,
		.vrm_msg	= idx
	};
	int err;

	err = guest_ioctl(g, VSOCKHV_RING_SET_MSI, (intptr_t)&msi);
	if (err == 0)
		err = guest_ioctl(g, VSOCKHV_RING_INIT, (intptr_t)&init);
	if (err == 0)
		g->vg_state[idx] = GUEST_RING_RUNS;
	return (err);
}

static int
guest_ring_start(void *arg, unsigned idx, const vhu_ring_t *ring)
{
	vsd_guest_t *g = arg;
	const vhu_ring_t *was = &g->vg_ring[idx];
	guest_ring_state_t other[GUEST_RINGS];
	uint64_t features = g->vg_features;
	int err;

	if (g->vg_state[idx] == GUEST_RING_STOPPED &&
	    was->vr_size == ring->vr_size &&
	    was->vr_avail_idx == ring->vr_avail_idx &&
	    was->vr_desc == ring->vr_desc && was->vr_avail == ring->vr_avail &&
	    was->vr_used == ring->vr_used) {
		err = guest_ioctl(g, VSOCKHV_RING_RESUME, (intptr_t)idx);
		if (err == 0)
			g->vg_state[idx] = GUEST_RING_RUNS;
		return (err);
	}
	if (g->vg_state[idx] == GUEST_RING_STOPPED) {
		/* A new driver; what it has set up already is kept. */
		(void) memcpy(other, g->vg_state, sizeof (other));
		if ((err = guest_reset(g)) == 0)
			err = guest_ioctl(g, VSOCKHV_SET_FEATURES,
			    (intptr_t)&features);
		for (unsigned i = 0; i < GUEST_RINGS && err == 0; i++) {
			if (other[i] == GUEST_RING_RUNS)
				err = guest_ring_init(g, i);
		}
		if (err != 0)
			return (err);
	}
	g->vg_ring[idx] = *ring;
	return (guest_ring_init(g, idx));
}

static int
guest_ring_stop(void *arg, unsigned idx, uint16_t *avail_idx)
{
	vsd_guest_t *g = arg;
	vsockhv_ring_state_t st = { .vri_index = (uint16_t)idx };
	int err;

	err = guest_ioctl(g, VSOCKHV_RING_PAUSE, (intptr_t)idx);
	if (err == 0)
		err = guest_ioctl(g, VSOCKHV_RING_GET_STATE, (intptr_t)&st);
	if (err != 0)
		return (err);
	g->vg_ring[idx].vr_avail_idx = st.vri_avail_idx;
	g->vg_ring[idx].vr_used_idx = st.vri_used_idx;
	g->vg_state[idx] = GUEST_RING_STOPPED;
	*avail_idx = st.vri_avail_idx;
	return (0);
}

static int
guest_ring_kick(void *arg, unsigned idx)
{
	return (guest_ioctl(arg, VSOCKHV_RING_KICK, (intptr_t)idx));
}

/* The configuration space is the CID: a little-endian 64-bit number. */
static int
guest_get_config(void *arg, uint32_t off, void *buf, uint32_t len)
{
	const vsd_guest_t *g = arg;
	uint8_t config[sizeof (g->vg_cid)];

	for (unsigned i = 0; i < sizeof (config); i++)
		config[i] = (uint8_t)(g->vg_cid >> (8 * i));
	if (off > sizeof (config) || len > sizeof (config) - off)
		return (ERANGE);
	(void) memcpy(buf, config + off, len);
	return (0);
}

static const vhu_ops_t guest_ops = {
	.vo_nrings	= GUEST_RINGS,
	.vo_attach	= guest_attach,
	.vo_detach	= guest_detach,
	.vo_get_features = guest_get_features,
	.vo_set_features = guest_set_features,
	.vo_set_memory	= guest_set_memory,
	.vo_ring_start	= guest_ring_start,
	.vo_ring_stop	= guest_ring_stop,
	.vo_ring_kick	= guest_ring_kick,
	.vo_reset	= guest_reset,
	.vo_get_config	= guest_get_config,
	.vo_log		= guest_log
};

/*
 * The option.
 */

/* A port, or two with a '-' in between: added to those there are. */
static const char *
guest_parse_ports(const char *text, vsockhv_ports_t *vp)
{
	unsigned long first, last;
	char *end;

	if (vp->vp_n == VSOCKHV_MAX_PORTS)
		return ("too many ranges of ports");
	if (text == NULL || *text < '0' || *text > '9')
		return ("allow is not a port or a range of ports");
	errno = 0;
	first = last = strtoul(text, &end, 10);
	if (*end == '-' && end[1] >= '0' && end[1] <= '9')
		last = strtoul(end + 1, &end, 10);
	if (errno != 0 || *end != '\0' || first > last || last > UINT32_MAX)
		return ("allow is not a port or a range of ports");
	vp->vp_restrict = 1;
	vp->vp_range[vp->vp_n].vp_first = (uint32_t)first;
	vp->vp_range[vp->vp_n].vp_last = (uint32_t)last;
	vp->vp_n++;
	return (NULL);
}

const char *
guest_parse(char *spec)
{
	char *const keys[] = { "cid", "socket", "allow", NULL };
	vsockhv_ports_t ports = { 0 };
	const char *wrong;
	uint64_t cid = 0;
	vsd_guest_t *g, **gp;
	char *val, *path = NULL;

	while (*spec != '\0') {
		switch (getsubopt(&spec, keys, &val)) {
		case 0:
			if ((wrong = vsd_parse_cid(val, &cid)) != NULL)
				return (wrong);
			break;
		case 1:
			if (val == NULL || *val == '\0')
				return ("socket is not a path");
			path = val;
			break;
		case 2:
			if ((wrong = guest_parse_ports(val, &ports)) != NULL)
				return (wrong);
			break;
		default:
			/* Another one after "allow". */
			if (ports.vp_n == 0 || *val < '0' || *val > '9')
				return ("only cid, socket and allow are known");
			if ((wrong = guest_parse_ports(val, &ports)) != NULL)
				return (wrong);
			break;
		}
	}
	if (cid == 0 || path == NULL)
		return ("cid and socket are both needed");
	for (gp = &guests; (g = *gp) != NULL; gp = &g->vg_next) {
		if (g->vg_cid == cid)
			return ("another guest has this cid");
		if (strcmp(g->vg_path, path) == 0)
			return ("another guest has this socket");
	}
	if ((g = calloc(1, sizeof (*g))) == NULL)
		return ("out of memory");
	g->vg_cid = cid;
	g->vg_path = path;
	g->vg_ports = ports;
	*gp = g;
	return (NULL);
}

int
guest_start_all(void)
{
	vsd_guest_t *g;
	int fd, err;

	for (g = guests; g != NULL; g = g->vg_next) {
		fd = vsd_listen(g->vg_path, SOCK_STREAM, S_IRUSR | S_IWUSR);
		if (fd == -1)
			return (-1);
		g->vg_bound = true;
		if ((g->vg_vhu = vhu_create(fd, &guest_ops, g)) == NULL) {
			(void) close(fd);
			vsd_log("%s: out of memory", g->vg_path);
			return (-1);
		}
		if ((err = vhu_start(g->vg_vhu)) != 0) {
			vsd_log("%s: %s", g->vg_path, strerror(err));
			return (-1);
		}
	}
	return (0);
}

void
guest_stop_all(void)
{
	vsd_guest_t *g;

	while ((g = guests) != NULL) {
		guests = g->vg_next;
		if (g->vg_vhu != NULL)
			vhu_destroy(g->vg_vhu);
		if (g->vg_bound)
			(void) unlink(g->vg_path);
		free(g);
	}
}
