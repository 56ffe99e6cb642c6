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
 * VIRTIO SOCKET DEVICE
 *
 *	-s N,virtio-vsock,cid=3[,ports=22:1024-2047]
 *
 * The rings, the packets and the sockets are the kernel's: this is the PCI
 * function in front of /dev/vsockhv (sys/vsockhv.h), of which there is one open
 * per function.
 *
 *	guest's driver		    here			kernel
 *	--------------		    ----			------
 *	features		vc_apply_features	-> SET_FEATURES
 *	queue_enable		vc_qinit		-> RING_INIT
 *	queue_notify		vc_qnotify		-> RING_KICK
 *	queue_msix_vector,	vc_set_msix,
 *	the MSI-X table,	vc_update_msix,
 *	MSI-X enable and mask	pe_lintrupdate		-> RING_SET_MSI
 *	status = 0		vc_reset		-> RESET
 *	guest_cid		vc_cfgread
 *	interrupt		intr thread		<- INTR_POLL, INTR_CLR
 *
 * The function is a modern one (VIRTIO 1): there has never been another kind of
 * socket device, and PCI id 1af4:1053 is all that drivers look for.
 *
 * INTERRUPTS
 *
 * With MSI-X the kernel sends them itself, to the address and with the message
 * that RING_SET_MSI told it last.  The intr thread raises the others: INTx; and
 * those that came due while their vector was masked, which wait in vvs_pending
 * until it is unmasked.  (Guests mask a vector for the moment in which they
 * move it to another CPU.  What is due just then must not be lost: nothing else
 * would make the guest look at the ring.)
 *
 * ERRORS OF THE GUEST
 *
 * A ring that cannot be set up, or that the kernel found corrupt, ends the work
 * of the device until the guest resets it (DEVICE_NEEDS_RESET), as often as it
 * likes.  vi_error() would end it for the life of the VM.
 *
 * PAUSE, RESUME, MEMORY
 *
 * A VM that is paused, resumed or destroyed takes its memory back from the
 * kernel's rings by itself (leases, see vmm_drv.h): as for the other devices
 * whose rings are in the kernel there is nothing to be done here.
 *
 * LOCKING
 *
 * vvs_mtx is the lock of the virtio layer (vs_mtx), which holds it when it
 * calls us, but for vc_update_msix and pe_lintrupdate.  The intr thread takes
 * it for what it does between two calls of poll(2).
 */

#include <sys/param.h>
#include <sys/types.h>
#include <sys/ioctl.h>
#include <sys/linker_set.h>
#include <sys/virtio_vsock.h>
#include <sys/vsockhv.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pthread_np.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <machine/vmm.h>
#include <vmmapi.h>

#include "bhyverun.h"
#include "config.h"
#include "debug.h"
#include "pci_emul.h"
#include "virtio.h"

#define	VTVSOCK_NODE		"/dev/vsockhv"

#define	VTVSOCK_QSIZE		256
#define	VTVSOCK_EVENT_QSIZE	16

#define	VTVSOCK_CID_MIN		3
#define	VTVSOCK_CID_MAX		(UINT32_MAX - 1)

typedef struct pci_vtvsock_softc {
	struct virtio_softc	vvs_vs;		/* must be the first */
	struct virtio_consts	vvs_consts;
	struct vqueue_info	vvs_queues[VIRTIO_VSOCK_NQUEUES];
	pthread_mutex_t		vvs_mtx;
	pthread_cond_t		vvs_reset_cv;	/* vvs_dead is false again */
	uint64_t		vvs_cid;
	int			vvs_fd;		/* /dev/vsockhv */
	bool			vvs_msix;	/* enabled, and not masked */
	uint32_t		vvs_pending;	/* rings, while masked */
	bool			vvs_dead;	/* until the guest resets it */
	bool			vvs_complained;
} pci_vtvsock_softc_t;

static const uint16_t pci_vtvsock_qsize[VIRTIO_VSOCK_NQUEUES] = {
	[VIRTIO_VSOCK_QUEUE_RX]		= VTVSOCK_QSIZE,
	[VIRTIO_VSOCK_QUEUE_TX]		= VTVSOCK_QSIZE,
	[VIRTIO_VSOCK_QUEUE_EVENT]	= VTVSOCK_EVENT_QSIZE
};

static virtio_capstr_t pci_vtvsock_caps[] = {
	{ VIRTIO_VSOCK_F_STREAM,	"VIRTIO_VSOCK_F_STREAM" },
	{ VIRTIO_VSOCK_F_SEQPACKET,	"VIRTIO_VSOCK_F_SEQPACKET" },
	{ VIRTIO_VSOCK_F_NO_IMPLIED_STREAM, "VIRTIO_VSOCK_F_NO_IMPLIED_STREAM" }
};

/*
 * An ioctl whose failure can only mean that the VM is on its way out (ENXIO),
 * or that something is wrong with us.
 */
static void
pci_vtvsock_ioctl(pci_vtvsock_softc_t *sc, int cmd, const char *name,
    intptr_t arg)
{
	if (ioctl(sc->vvs_fd, cmd, arg) != 0 && errno != ENXIO)
		EPRINTLN("virtio-vsock: %s: %s", name, strerror(errno));
}

/*
 * Have the guest's driver reset the device.  What it is told may be lost: it
 * writes the status itself, and hears of a change only once it is ready.  So
 * this is called again whenever it notifies the device.
 */
static void
pci_vtvsock_needs_reset(pci_vtvsock_softc_t *sc, const char *why)
{
	struct virtio_softc *vs = &sc->vvs_vs;

	sc->vvs_dead = true;
	/* A guest may do this as often as it likes, but fill no log. */
	if (!sc->vvs_complained) {
		sc->vvs_complained = true;
		EPRINTLN("virtio-vsock: guest %llu: %s; its driver must reset "
		    "the device (not reported again)",
		    (unsigned long long)sc->vvs_cid, why);
	}
	if ((vs->vs_status & VTCFG_STATUS_NEEDS_RST) == 0) {
		vs->vs_status |= VTCFG_STATUS_NEEDS_RST;
		vq_devcfg_changed(vs);
	}
}

static void
pci_vtvsock_reset(void *arg)
{
	pci_vtvsock_softc_t *sc = arg;

	pci_vtvsock_ioctl(sc, VSOCKHV_RESET, "VSOCKHV_RESET", 0);
	vi_reset_dev(&sc->vvs_vs);
	for (int i = 0; i < VIRTIO_VSOCK_NQUEUES; i++)
		sc->vvs_queues[i].vq_qsize = pci_vtvsock_qsize[i];
	sc->vvs_pending = 0;
	sc->vvs_dead = false;
	(void) pthread_cond_broadcast(&sc->vvs_reset_cv);
}

static void
pci_vtvsock_apply_features(void *arg, uint64_t *featuresp)
{
	pci_vtvsock_softc_t *sc = arg;

	if (ioctl(sc->vvs_fd, VSOCKHV_SET_FEATURES, featuresp) != 0)
		pci_vtvsock_needs_reset(sc, "features refused");
}

static void
pci_vtvsock_qinit(void *arg, uint64_t pfn __unused, bool modern __unused)
{
	pci_vtvsock_softc_t *sc = arg;
	int n = sc->vvs_vs.vs_curq;
	const struct vqueue_info *vq = &sc->vvs_queues[n];
	vsockhv_ring_init_t vri = {
		.vri_index	= (uint16_t)n,
		.vri_qsize	= vq->vq_qsize,
		.vri_desc	= vq->vq_desc_gpa,
		.vri_avail	= vq->vq_avail_gpa,
		.vri_used	= vq->vq_used_gpa
	};

	/* The size is the guest's to reduce, no more. */
	if (vq->vq_qsize > pci_vtvsock_qsize[n] ||
	    ioctl(sc->vvs_fd, VSOCKHV_RING_INIT, &vri) != 0)
		pci_vtvsock_needs_reset(sc, "bad ring");
}

static void
pci_vtvsock_qnotify(void *arg, struct vqueue_info *vq)
{
	pci_vtvsock_softc_t *sc = arg;

	if (sc->vvs_dead) {
		pci_vtvsock_needs_reset(sc, "ring does not work");
		return;
	}
	pci_vtvsock_ioctl(sc, VSOCKHV_RING_KICK, "VSOCKHV_RING_KICK",
	    vq->vq_num);
}

/* The configuration space is the CID: a little-endian 64-bit number. */
static int
pci_vtvsock_cfgread(void *arg, int off, int size, uint32_t *retval)
{
	pci_vtvsock_softc_t *sc = arg;
	uint64_t val = sc->vvs_cid >> (8 * off);

	*retval = (uint32_t)(val & ((1ULL << (8 * size)) - 1));
	return (0);
}

/*
 * INTERRUPTS
 */

/*
 * The MSI-X table's entry of a ring, if an interrupt can be sent by it now.
 */
static const struct msix_table_entry *
pci_vtvsock_msix_entry(pci_vtvsock_softc_t *sc, uint16_t vector)
{
	const struct pci_devinst *pi = sc->vvs_vs.vs_pi;
	const struct msix_table_entry *mte;

	if (!sc->vvs_msix || vector >= pi->pi_msix.table_count)
		return (NULL);
	mte = &pi->pi_msix.table[vector];
	if ((mte->vector_control & PCIM_MSIX_VCTRL_MASK) != 0)
		return (NULL);
	return (mte);
}

/*
 * Tell the kernel where to send the interrupts of a ring.
 */
static void
pci_vtvsock_set_msix(void *arg, int ring)
{
	pci_vtvsock_softc_t *sc = arg;
	struct pci_devinst *pi = sc->vvs_vs.vs_pi;
	struct vqueue_info *vq = &sc->vvs_queues[ring];
	vsockhv_ring_msi_t vrm = { .vrm_index = (uint16_t)ring };
	const struct msix_table_entry *mte;

	/* What the guest will read back if there is no such vector. */
	if (vq->vq_msix_idx >= pi->pi_msix.table_count)
		vq->vq_msix_idx = VIRTIO_MSI_NO_VECTOR;

	mte = pci_vtvsock_msix_entry(sc, vq->vq_msix_idx);
	if (mte != NULL) {
		vrm.vrm_addr = mte->addr;
		vrm.vrm_msg = mte->msg_data;
	}
	pci_vtvsock_ioctl(sc, VSOCKHV_RING_SET_MSI, "VSOCKHV_RING_SET_MSI",
	    (intptr_t)&vrm);

	if (mte != NULL && (sc->vvs_pending & (1U << ring)) != 0) {
		sc->vvs_pending &= ~(1U << ring);
		pci_generate_msix(pi, vq->vq_msix_idx);
	}
}

/* An entry of the MSI-X table was written. */
static void
pci_vtvsock_update_msix(void *arg, uint64_t off)
{
	pci_vtvsock_softc_t *sc = arg;
	uint64_t vector = off / MSIX_TABLE_ENTRY_SIZE;

	(void) pthread_mutex_lock(&sc->vvs_mtx);
	for (int i = 0; i < VIRTIO_VSOCK_NQUEUES; i++) {
		if (sc->vvs_msix && sc->vvs_queues[i].vq_msix_idx == vector)
			pci_vtvsock_set_msix(sc, i);
	}
	(void) pthread_mutex_unlock(&sc->vvs_mtx);
}

/* MSI-X may have been enabled, disabled, masked or unmasked as a whole. */
static void
pci_vtvsock_lintrupdate(struct pci_devinst *pi)
{
	pci_vtvsock_softc_t *sc = pi->pi_arg;
	bool on = pci_msix_enabled(pi) && pi->pi_msix.function_mask == 0;

	(void) pthread_mutex_lock(&sc->vvs_mtx);
	if (on != sc->vvs_msix) {
		sc->vvs_msix = on;
		for (int i = 0; i < VIRTIO_VSOCK_NQUEUES; i++)
			pci_vtvsock_set_msix(sc, i);
	}
	(void) pthread_mutex_unlock(&sc->vvs_mtx);
}

static void
pci_vtvsock_interrupt(pci_vtvsock_softc_t *sc, int ring)
{
	struct virtio_softc *vs = &sc->vvs_vs;
	struct vqueue_info *vq = &sc->vvs_queues[ring];

	if (pci_msix_enabled(vs->vs_pi) &&
	    pci_vtvsock_msix_entry(sc, vq->vq_msix_idx) == NULL)
		sc->vvs_pending |= 1U << ring;
	else
		vq_interrupt(vs, vq);
}

/*
 * Raise what the kernel left to us.  False: the VM is going away.
 */
static bool
pci_vtvsock_intr(pci_vtvsock_softc_t *sc)
{
	uint32_t intr;

	if (ioctl(sc->vvs_fd, VSOCKHV_INTR_POLL, &intr) != 0)
		return (false);

	for (int i = 0; i < VIRTIO_VSOCK_NQUEUES; i++) {
		if ((intr & (1U << i)) == 0)
			continue;
		/* First: what comes due from here on is a new interrupt. */
		pci_vtvsock_ioctl(sc, VSOCKHV_RING_INTR_CLR,
		    "VSOCKHV_RING_INTR_CLR", i);
		pci_vtvsock_interrupt(sc, i);
	}

	/* This bit stays set, and the rings are silent, until it is reset. */
	if ((intr & VSOCKHV_INTR_RESET) != 0) {
		pci_vtvsock_needs_reset(sc, "corrupt ring");
		while (sc->vvs_dead)
			(void) pthread_cond_wait(&sc->vvs_reset_cv,
			    &sc->vvs_mtx);
	}
	return (true);
}

static void *
pci_vtvsock_intr_thread(void *arg)
{
	pci_vtvsock_softc_t *sc = arg;
	bool more = true;

	while (more) {
		struct pollfd pfd = {
			.fd	= sc->vvs_fd,
			.events	= POLLRDBAND
		};

		if (poll(&pfd, 1, -1) == -1 && errno != EINTR &&
		    errno != EAGAIN) {
			EPRINTLN("virtio-vsock: poll: %s", strerror(errno));
			break;
		}
		(void) pthread_mutex_lock(&sc->vvs_mtx);
		more = pci_vtvsock_intr(sc);
		(void) pthread_mutex_unlock(&sc->vvs_mtx);
	}
	return (NULL);
}

/*
 * INITIALISATION
 */

/*
 * A number of at most `max', and what follows it.
 */
static bool
pci_vtvsock_number(const char *str, uint32_t max, uint32_t *valp,
    const char **endp)
{
	unsigned long long val;
	char *end;

	/* strtoull() takes signs and white space. */
	if (*str < '0' || *str > '9')
		return (false);
	errno = 0;
	val = strtoull(str, &end, 0);
	if (errno != 0 || val > max)
		return (false);
	*valp = (uint32_t)val;
	*endp = end;
	return (true);
}

static bool
pci_vtvsock_parse_cid(nvlist_t *nvl, uint64_t *cidp)
{
	const char *str = get_config_value_node(nvl, "cid");
	const char *end;
	uint32_t cid;

	if (str == NULL) {
		EPRINTLN("virtio-vsock: cid is required");
		return (false);
	}
	if (!pci_vtvsock_number(str, VTVSOCK_CID_MAX, &cid, &end) ||
	    *end != '\0' || cid < VTVSOCK_CID_MIN) {
		EPRINTLN("virtio-vsock: cid '%s' is not a number from %u to %u",
		    str, VTVSOCK_CID_MIN, VTVSOCK_CID_MAX);
		return (false);
	}
	*cidp = cid;
	return (true);
}

/*
 * ports=22:1024-2047 are the ports of this system that the guest may connect
 * to; "none" is none, and without the option there is no restriction.
 */
static bool
pci_vtvsock_parse_ports(nvlist_t *nvl, vsockhv_ports_t *vp)
{
	const char *str = get_config_value_node(nvl, "ports");
	const char *next = str;

	(void) memset(vp, 0, sizeof (*vp));
	if (str == NULL)
		return (true);
	vp->vp_restrict = 1;
	if (strcmp(str, "none") == 0)
		return (true);

	for (;;) {
		uint32_t first, last;

		if (vp->vp_n == VSOCKHV_MAX_PORTS) {
			EPRINTLN("virtio-vsock: more than %d ranges of ports",
			    VSOCKHV_MAX_PORTS);
			return (false);
		}
		if (!pci_vtvsock_number(next, UINT32_MAX - 1, &first, &next))
			break;
		last = first;
		if (*next == '-' && !pci_vtvsock_number(next + 1,
		    UINT32_MAX - 1, &last, &next))
			break;
		if (first > last)
			break;
		vp->vp_range[vp->vp_n].vp_first = first;
		vp->vp_range[vp->vp_n].vp_last = last;
		vp->vp_n++;
		if (*next == '\0')
			return (true);
		if (*next++ != ':')
			break;
	}
	EPRINTLN("virtio-vsock: ports '%s' is not a list of ports and ranges",
	    str);
	return (false);
}

/*
 * Make the kernel's side of the device.
 */
static bool
pci_vtvsock_open(pci_vtvsock_softc_t *sc, struct vmctx *ctx,
    const vsockhv_ports_t *vp)
{
	vsockhv_create_t vc = {
		.vc_guest_cid	= sc->vvs_cid,
		.vc_vmfd	= vm_get_device_fd(ctx)
	};
	int version;

	if ((sc->vvs_fd = open(VTVSOCK_NODE, O_RDWR)) == -1) {
		EPRINTLN("virtio-vsock: %s: %s", VTVSOCK_NODE, strerror(errno));
		return (false);
	}
	version = ioctl(sc->vvs_fd, VSOCKHV_VERSION, 0);
	if (version != VSOCKHV_CURRENT_VERSION) {
		EPRINTLN("virtio-vsock: %s has version %d, not %d",
		    VTVSOCK_NODE, version, VSOCKHV_CURRENT_VERSION);
	} else if (ioctl(sc->vvs_fd, VSOCKHV_CREATE, &vc) != 0) {
		EPRINTLN("virtio-vsock: cid %llu: %s",
		    (unsigned long long)sc->vvs_cid, strerror(errno));
	} else if (ioctl(sc->vvs_fd, VSOCKHV_GET_FEATURES,
	    &sc->vvs_consts.vc_hv_caps_modern) != 0 ||
	    ioctl(sc->vvs_fd, VSOCKHV_SET_PORTS, vp) != 0) {
		EPRINTLN("virtio-vsock: %s: %s", VTVSOCK_NODE, strerror(errno));
	} else {
		return (true);
	}
	(void) close(sc->vvs_fd);
	return (false);
}

static int
pci_vtvsock_init(struct pci_devinst *pi, nvlist_t *nvl)
{
	static const struct virtio_consts consts = {
		.vc_name	= "vtvsock",
		.vc_nvq		= VIRTIO_VSOCK_NQUEUES,
		.vc_cfgsize	= sizeof (uint64_t),
		.vc_reset	= pci_vtvsock_reset,
		.vc_qinit	= pci_vtvsock_qinit,
		.vc_qnotify	= pci_vtvsock_qnotify,
		.vc_cfgread	= pci_vtvsock_cfgread,
		.vc_apply_features = pci_vtvsock_apply_features,
		.vc_set_msix	= pci_vtvsock_set_msix,
		.vc_update_msix	= pci_vtvsock_update_msix,
		.vc_ncapstr	= sizeof (pci_vtvsock_caps) /
		    sizeof (pci_vtvsock_caps[0]),
		.vc_capstr	= pci_vtvsock_caps
	};
	pci_vtvsock_softc_t *sc;
	vsockhv_ports_t ports;
	pthread_t tid;

	if ((sc = calloc(1, sizeof (*sc))) == NULL) {
		EPRINTLN("virtio-vsock: out of memory");
		return (1);
	}
	sc->vvs_consts = consts;
	if (!pci_vtvsock_parse_cid(nvl, &sc->vvs_cid) ||
	    !pci_vtvsock_parse_ports(nvl, &ports) ||
	    !pci_vtvsock_open(sc, pi->pi_vmctx, &ports)) {
		free(sc);
		return (1);
	}
	(void) pthread_mutex_init(&sc->vvs_mtx, NULL);
	(void) pthread_cond_init(&sc->vvs_reset_cv, NULL);
	vi_set_debug(&sc->vvs_vs, get_config_bool_default("virtio.vsock.debug",
	    false));

	vi_softc_linkup(&sc->vvs_vs, &sc->vvs_consts, sc, pi, sc->vvs_queues);
	sc->vvs_vs.vs_mtx = &sc->vvs_mtx;
	for (int i = 0; i < VIRTIO_VSOCK_NQUEUES; i++)
		sc->vvs_queues[i].vq_qsize = pci_vtvsock_qsize[i];

	vi_pci_init(pi, VIRTIO_MODE_MODERN, 0, VIRTIO_DEV_VSOCK,
	    PCIC_SIMPLECOMM);
	pci_set_cfgdata8(pi, PCIR_SUBCLASS, PCIS_SIMPLECOMM_OTHER);

	/* With MSI-X the kernel interrupts by itself: always offer it. */
	if (!vi_intr_init(&sc->vvs_vs, true) ||
	    !vi_pcibar_setup(&sc->vvs_vs) ||
	    pthread_create(&tid, NULL, pci_vtvsock_intr_thread, sc) != 0) {
		EPRINTLN("virtio-vsock: cannot set up the PCI function");
		(void) close(sc->vvs_fd);
		(void) pthread_cond_destroy(&sc->vvs_reset_cv);
		(void) pthread_mutex_destroy(&sc->vvs_mtx);
		free(sc);
		return (1);
	}
	pthread_set_name_np(tid, "vsockhv intr");
	return (0);
}

static const struct pci_devemu pci_de_vvsock = {
	.pe_emu		= "virtio-vsock",
	.pe_init	= pci_vtvsock_init,
	.pe_cfgwrite	= vi_pci_cfgwrite,
	.pe_cfgread	= vi_pci_cfgread,
	.pe_barwrite	= vi_pci_write,
	.pe_barread	= vi_pci_read,
	.pe_lintrupdate	= pci_vtvsock_lintrupdate
};
PCI_EMUL_SET(pci_de_vvsock);
