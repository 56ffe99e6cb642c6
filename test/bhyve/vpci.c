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
 * The stand-in for bhyve: see vpci.h.  vpci_lock protects the interrupts; the
 * rest belongs to the test's thread, or is under the device's own lock.
 */

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vmmapi.h>
#include "debug.h"
#include "virtio.h"
#include "vpci.h"

#define	VPCI_LOW(x)	((uint32_t)(x))
#define	VPCI_HIGH(x)	((uint32_t)((x) >> 32))

static pthread_mutex_t	vpci_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t	vpci_cv = PTHREAD_COND_INITIALIZER;
static unsigned		vpci_msix[VPCI_VECTORS];
static bool		vpci_intx;
static char		vpci_text[4096];

static struct pci_devinst vpci_pi;
static struct msix_table_entry vpci_table[VPCI_VECTORS];
static const char *const *vpci_config_strings;
static int		vpci_vmfd;

/*
 * WHAT THE DEVICE CALLS
 */

void
vpci_message(const char *fmt, ...)
{
	size_t len;
	va_list ap;

	(void) pthread_mutex_lock(&vpci_lock);
	len = strlen(vpci_text);
	va_start(ap, fmt);
	(void) vsnprintf(vpci_text + len, sizeof (vpci_text) - len - 1, fmt,
	    ap);
	va_end(ap);
	(void) strcat(vpci_text, "\n");
	(void) pthread_mutex_unlock(&vpci_lock);
}

const char *
get_config_value_node(const nvlist_t *nvl, const char *name)
{
	size_t len = strlen(name);

	for (const char *const *s = vpci_config_strings; *s != NULL; s++) {
		if (strncmp(*s, name, len) == 0 && (*s)[len] == '=')
			return (*s + len + 1);
	}
	return (NULL);
}

bool
get_config_bool_default(const char *path, bool def)
{
	return (def);
}

int
vm_get_device_fd(struct vmctx *ctx)
{
	return (vpci_vmfd);
}

int
pci_msix_enabled(struct pci_devinst *pi)
{
	return (pi->pi_msix.enabled);
}

/* As in bhyve, one that is masked is lost. */
void
pci_generate_msix(struct pci_devinst *pi, int vector)
{
	if (!pi->pi_msix.enabled || pi->pi_msix.function_mask ||
	    vector >= pi->pi_msix.table_count ||
	    (pi->pi_msix.table[vector].vector_control &
	    PCIM_MSIX_VCTRL_MASK) != 0)
		return;
	(void) pthread_mutex_lock(&vpci_lock);
	vpci_msix[vector]++;
	(void) pthread_cond_broadcast(&vpci_cv);
	(void) pthread_mutex_unlock(&vpci_lock);
}

static void
vpci_lintr_set(bool level)
{
	(void) pthread_mutex_lock(&vpci_lock);
	vpci_intx = level;
	(void) pthread_cond_broadcast(&vpci_cv);
	(void) pthread_mutex_unlock(&vpci_lock);
}

void
pci_lintr_assert(struct pci_devinst *pi)
{
	vpci_lintr_set(true);
}

void
pci_set_cfgdata8(struct pci_devinst *pi, int off, uint8_t val)
{
	pi->pi_cfgdata[off] = val;
}

static void
vpci_set_cfgdata16(struct pci_devinst *pi, int off, uint16_t val)
{
	pci_set_cfgdata8(pi, off, (uint8_t)val);
	pci_set_cfgdata8(pi, off + 1, (uint8_t)(val >> 8));
}

/*
 * THE VIRTIO LAYER
 */

void
vi_softc_linkup(struct virtio_softc *vs, struct virtio_consts *vc, void *arg,
    struct pci_devinst *pi, struct vqueue_info *queues)
{
	assert((void *)vs == arg);
	vs->vs_vc = vc;
	vs->vs_pi = pi;
	vs->vs_queues = queues;
	pi->pi_arg = vs;
	for (int i = 0; i < vc->vc_nvq; i++)
		queues[i].vq_num = (uint16_t)i;
}

void
vi_reset_dev(struct virtio_softc *vs)
{
	for (int i = 0; i < vs->vs_vc->vc_nvq; i++) {
		struct vqueue_info *vq = &vs->vs_queues[i];

		vq->vq_flags = 0;
		vq->vq_msix_idx = VIRTIO_MSI_NO_VECTOR;
		vq->vq_desc_gpa = vq->vq_avail_gpa = vq->vq_used_gpa = 0;
	}
	vs->vs_negotiated_caps = 0;
	vs->vs_curq = 0;
	vs->vs_isr = 0;
	vpci_lintr_set(false);
	vs->vs_msix_cfg_idx = VIRTIO_MSI_NO_VECTOR;
}

bool
vi_intr_init(struct virtio_softc *vs, bool use_msix)
{
	assert(use_msix && vs->vs_vc->vc_nvq + 1 == VPCI_VECTORS);
	(void) pthread_mutex_lock(vs->vs_mtx);
	vi_reset_dev(vs);
	(void) pthread_mutex_unlock(vs->vs_mtx);
	vs->vs_pi->pi_msix.table = vpci_table;
	vs->vs_pi->pi_msix.table_count = VPCI_VECTORS;
	return (true);
}

void
vi_pci_init(struct pci_devinst *pi, virtio_mode_t mode, uint16_t legacy,
    uint16_t device_id, uint8_t class)
{
	assert(mode == VIRTIO_MODE_MODERN && device_id < 0x40);
	vpci_set_cfgdata16(pi, PCIR_VENDOR, 0x1af4);
	vpci_set_cfgdata16(pi, PCIR_DEVICE, 0x1040 + device_id);
	vpci_set_cfgdata16(pi, PCIR_SUBVEND_0, 0x1af4);
	vpci_set_cfgdata16(pi, PCIR_SUBDEV_0, 0x1040 + device_id);
	pci_set_cfgdata8(pi, PCIR_REVID, 1);
	pci_set_cfgdata8(pi, PCIR_CLASS, class);
}

bool
vi_pcibar_setup(struct virtio_softc *vs)
{
	return (true);
}

void
vi_set_debug(struct virtio_softc *vs, bool debug)
{
	assert(!debug);
}

static void
vi_interrupt(struct virtio_softc *vs, uint8_t isr, uint16_t vector)
{
	if ((vs->vs_status & VTCFG_STATUS_DRIVER_OK) == 0)
		return;
	if (pci_msix_enabled(vs->vs_pi)) {
		pci_generate_msix(vs->vs_pi, vector);
	} else {
		vs->vs_isr |= isr;
		pci_lintr_assert(vs->vs_pi);
	}
}

void
vq_interrupt(struct virtio_softc *vs, struct vqueue_info *vq)
{
	vi_interrupt(vs, VIRTIO_PCI_ISR_INTR, vq->vq_msix_idx);
}

void
vq_devcfg_changed(struct virtio_softc *vs)
{
	vi_interrupt(vs, VIRTIO_PCI_ISR_CONFIG, vs->vs_msix_cfg_idx);
}

int
vi_pci_cfgread(struct pci_devinst *pi, int off, int size, uint32_t *val)
{
	*val = 0;
	for (int i = 0; i < size; i++)
		*val |= (uint32_t)pi->pi_cfgdata[off + i] << (8 * i);
	return (0);
}

/* A driver writes no registers that belong to the device. */
int
vi_pci_cfgwrite(struct pci_devinst *pi, int off, int size, uint32_t val)
{
	abort();
}

/* Half of a 64-bit register. */
static void
vi_set_half(uint64_t *reg, bool high, uint32_t val)
{
	if (high)
		*reg = (uint64_t)val << 32 | VPCI_LOW(*reg);
	else
		*reg = (uint64_t)VPCI_HIGH(*reg) << 32 | val;
}

static uint32_t
vi_half(uint64_t reg, uint32_t select)
{
	return (select == 0 ? VPCI_LOW(reg) : select == 1 ? VPCI_HIGH(reg) : 0);
}

static uint64_t
vi_common_read(struct virtio_softc *vs, uint64_t off)
{
	struct vqueue_info *vq = &vs->vs_queues[vs->vs_curq];

	switch (off) {
	case VPCI_C_DF:
		return (vi_half(vs->vs_vc->vc_hv_caps_modern,
		    vs->vs_dfselect));
	case VPCI_C_MSIX:
		return (vs->vs_msix_cfg_idx);
	case VPCI_C_NUMQ:
		return (vs->vs_vc->vc_nvq);
	case VPCI_C_STATUS:
		return (vs->vs_status);
	case VPCI_C_QSIZE:
		return (vq->vq_qsize);
	case VPCI_C_QMSIX:
		return (vq->vq_msix_idx);
	case VPCI_C_QENABLE:
		return ((vq->vq_flags & VQ_ENABLED) != 0);
	case VPCI_C_QNOFF:
		return (vs->vs_curq);
	default:
		abort();
	}
}

static void
vi_status_write(struct virtio_softc *vs, uint8_t status)
{
	if (status == 0) {
		vs->vs_vc->vc_reset(vs);
	} else if ((vs->vs_status & VTCFG_STATUS_FEATURES_OK) == 0 &&
	    (status & VTCFG_STATUS_FEATURES_OK) != 0) {
		vs->vs_vc->vc_apply_features(vs, &vs->vs_negotiated_caps);
	}
	vs->vs_status = status;
}

static void
vi_common_write(struct virtio_softc *vs, uint64_t off, uint64_t val)
{
	struct vqueue_info *vq = &vs->vs_queues[vs->vs_curq];

	switch (off) {
	case VPCI_C_DFSELECT:
		vs->vs_dfselect = (uint32_t)val;
		break;
	case VPCI_C_GFSELECT:
		vs->vs_gfselect = (uint32_t)val;
		break;
	case VPCI_C_GF:
		if (vs->vs_gfselect < 2)
			vi_set_half(&vs->vs_negotiated_caps,
			    vs->vs_gfselect == 1, (uint32_t)val);
		vs->vs_negotiated_caps &= vs->vs_vc->vc_hv_caps_modern;
		break;
	case VPCI_C_MSIX:
		vs->vs_msix_cfg_idx = (uint16_t)val;
		break;
	case VPCI_C_STATUS:
		vi_status_write(vs, (uint8_t)val);
		break;
	case VPCI_C_QSELECT:
		if (val < (uint64_t)vs->vs_vc->vc_nvq)
			vs->vs_curq = (int)val;
		break;
	case VPCI_C_QSIZE:
		if ((val & (val - 1)) == 0)
			vq->vq_qsize = (uint16_t)val;
		break;
	case VPCI_C_QMSIX:
		vq->vq_msix_idx = (uint16_t)val;
		vs->vs_vc->vc_set_msix(vs, vs->vs_curq);
		break;
	case VPCI_C_QENABLE:
		if ((vq->vq_flags & VQ_ENABLED) == 0 && val == 1) {
			vs->vs_vc->vc_qinit(vs, 0, true);
			vq->vq_flags |= VQ_ENABLED;
		}
		break;
	case VPCI_C_QDESC:
	case VPCI_C_QDESC + 4:
		vi_set_half(&vq->vq_desc_gpa, off != VPCI_C_QDESC,
		    (uint32_t)val);
		break;
	case VPCI_C_QAVAIL:
	case VPCI_C_QAVAIL + 4:
		vi_set_half(&vq->vq_avail_gpa, off != VPCI_C_QAVAIL,
		    (uint32_t)val);
		break;
	case VPCI_C_QUSED:
	case VPCI_C_QUSED + 4:
		vi_set_half(&vq->vq_used_gpa, off != VPCI_C_QUSED,
		    (uint32_t)val);
		break;
	default:
		abort();
	}
}

static void
vi_notify(struct virtio_softc *vs, uint64_t off, uint64_t val)
{
	struct vqueue_info *vq;

	if ((vs->vs_status & VTCFG_STATUS_DRIVER_OK) == 0 ||
	    off != val * VPCI_NOTIFY_MULTIPLIER ||
	    val >= (uint64_t)vs->vs_vc->vc_nvq)
		return;
	vq = &vs->vs_queues[val];
	if ((vq->vq_flags & VQ_ENABLED) != 0)
		vs->vs_vc->vc_qnotify(vs, vq);
}

uint64_t
vi_pci_read(struct pci_devinst *pi, int bar, uint64_t off, int size)
{
	struct virtio_softc *vs = pi->pi_arg;
	uint32_t val = ~0U;
	uint64_t ret;

	assert(bar == VPCI_MODERN_BAR);
	(void) pthread_mutex_lock(vs->vs_mtx);
	if (off >= VPCI_ISR) {
		ret = vs->vs_isr;
		vs->vs_isr = 0;
		vpci_lintr_set(false);
	} else if (off >= VPCI_DEVICE) {
		off -= VPCI_DEVICE;
		if (off + (unsigned)size <= vs->vs_vc->vc_cfgsize)
			(void) vs->vs_vc->vc_cfgread(vs, (int)off, size, &val);
		ret = val;
	} else {
		assert(off < VPCI_NOTIFY);
		ret = vi_common_read(vs, off);
	}
	(void) pthread_mutex_unlock(vs->vs_mtx);
	return (ret);
}

void
vi_pci_write(struct pci_devinst *pi, int bar, uint64_t off, int size,
    uint64_t val)
{
	struct virtio_softc *vs = pi->pi_arg;

	if (bar == VPCI_MSIX_BAR) {
		struct msix_table_entry *mte =
		    &vpci_table[off / MSIX_TABLE_ENTRY_SIZE];

		assert(size == 4);
		switch (off % MSIX_TABLE_ENTRY_SIZE) {
		case 0:
		case 4:
			vi_set_half(&mte->addr, off % MSIX_TABLE_ENTRY_SIZE !=
			    0, (uint32_t)val);
			break;
		case 8:
			mte->msg_data = (uint32_t)val;
			break;
		default:
			mte->vector_control = (uint32_t)val;
			break;
		}
		vs->vs_vc->vc_update_msix(vs, off);
		return;
	}

	assert(bar == VPCI_MODERN_BAR);
	(void) pthread_mutex_lock(vs->vs_mtx);
	if (off >= VPCI_DEVICE) {
		/* Nobody has a vc_cfgwrite. */
		assert(vs->vs_vc->vc_cfgwrite == NULL);
	} else if (off >= VPCI_NOTIFY) {
		vi_notify(vs, off - VPCI_NOTIFY, val);
	} else {
		vi_common_write(vs, off, val);
	}
	(void) pthread_mutex_unlock(vs->vs_mtx);
}

/*
 * WHAT THE TEST CALLS
 */

int
vpci_attach(const char *const *config, int vmfd)
{
	vpci_config_strings = config;
	vpci_vmfd = vmfd;
	return (vpci_devemu->pe_init(&vpci_pi, NULL));
}

/*
 * bhyve's devices live as long as the process: there is nothing to be called.
 */
void
vpci_detach(void)
{
	free(vpci_pi.pi_arg);
	(void) memset(&vpci_pi, 0, sizeof (vpci_pi));
	(void) memset(vpci_table, 0, sizeof (vpci_table));
	(void) memset(vpci_msix, 0, sizeof (vpci_msix));
	vpci_intx = false;
	vpci_text[0] = '\0';
}

const char *
vpci_messages(void)
{
	return (vpci_text);
}

uint64_t
vpci_read(int bar, uint64_t off, int size)
{
	return (vpci_devemu->pe_barread(&vpci_pi, bar, off, size));
}

void
vpci_write(int bar, uint64_t off, int size, uint64_t val)
{
	vpci_devemu->pe_barwrite(&vpci_pi, bar, off, size, val);
}

uint32_t
vpci_config(int off, int size)
{
	uint32_t val;

	(void) vpci_devemu->pe_cfgread(&vpci_pi, off, size, &val);
	return (val);
}

void
vpci_msix_enable(bool enable, bool mask)
{
	vpci_pi.pi_msix.enabled = enable;
	vpci_pi.pi_msix.function_mask = mask;
	vpci_devemu->pe_lintrupdate(&vpci_pi);
}

void
vpci_msix_entry(int vector, uint64_t addr, uint32_t msg, bool mask)
{
	uint64_t off = (uint64_t)vector * MSIX_TABLE_ENTRY_SIZE;

	vpci_write(VPCI_MSIX_BAR, off, 4, VPCI_LOW(addr));
	vpci_write(VPCI_MSIX_BAR, off + 4, 4, VPCI_HIGH(addr));
	vpci_write(VPCI_MSIX_BAR, off + 8, 4, msg);
	vpci_write(VPCI_MSIX_BAR, off + 12, 4, mask ? PCIM_MSIX_VCTRL_MASK : 0);
}

unsigned
vpci_msix_count(int vector)
{
	unsigned count;

	(void) pthread_mutex_lock(&vpci_lock);
	count = vpci_msix[vector];
	(void) pthread_mutex_unlock(&vpci_lock);
	return (count);
}

bool
vpci_lintr(void)
{
	bool level;

	(void) pthread_mutex_lock(&vpci_lock);
	level = vpci_intx;
	(void) pthread_mutex_unlock(&vpci_lock);
	return (level);
}

void
vpci_msix_wait(int vector, unsigned count)
{
	(void) pthread_mutex_lock(&vpci_lock);
	while (vpci_msix[vector] < count)
		(void) pthread_cond_wait(&vpci_cv, &vpci_lock);
	(void) pthread_mutex_unlock(&vpci_lock);
}

void
vpci_lintr_wait(void)
{
	(void) pthread_mutex_lock(&vpci_lock);
	while (!vpci_intx)
		(void) pthread_cond_wait(&vpci_cv, &vpci_lock);
	(void) pthread_mutex_unlock(&vpci_lock);
}
