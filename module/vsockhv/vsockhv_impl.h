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

#ifndef _VSOCKHV_IMPL_H
#define	_VSOCKHV_IMPL_H

/*
 * Shared by the two files of vsockhv; vsockhv.c explains how the parts work
 * together and which lock protects what.
 */

#include <sys/types.h>
#include <sys/ksynch.h>
#include <sys/kstat.h>
#include <sys/poll.h>
#include <sys/stream.h>
#include <sys/thread.h>
#include <sys/vmm_drv.h>
#include <sys/vsock_virtio.h>
#include <sys/vsockhv.h>

#ifdef	__cplusplus
extern "C" {
#endif

#define	VIRTIO_F_RING_INDIRECT_DESC	(1ULL << 28)
#define	VIRTIO_F_RING_EVENT_IDX		(1ULL << 29)
#define	VIRTIO_F_VERSION_1		(1ULL << 32)

/*
 * Statistics of a device, by their kstat names.  What is rx and tx here is
 * seen from the guest, as its rings are.
 */
#define	VSOCKHV_STATS(_)						\
	_(TX_CHAINS,		"tx_chains")				\
	_(RX_CHAINS,		"rx_chains")				\
	_(KICKS,		"kicks")				\
	_(INTR_MSI,		"intr_msi")				\
	_(INTR_POLL,		"intr_poll")				\
	_(MAPS,			"maps")					\
	_(NOMEM,		"nomem")				\
	/* cost the guest a packet or a buffer */			\
	_(TX_SHORT,		"tx_short")				\
	_(TX_BAD_LEN,		"tx_bad_len")				\
	_(TX_TOO_BIG,		"tx_too_big")				\
	_(RX_SMALL,		"rx_small")				\
	/* stop the device */						\
	_(BAD_AVAIL_IDX,	"bad_avail_idx")			\
	_(BAD_HEAD,		"bad_head")				\
	_(BAD_NEXT,		"bad_next")				\
	_(BAD_CHAIN,		"bad_chain")				\
	_(BAD_DESC_LEN,		"bad_desc_len")				\
	_(BAD_DESC_DIR,		"bad_desc_dir")				\
	_(BAD_ADDR,		"bad_addr")				\
	_(BAD_INDIR,		"bad_indir")				\
	_(BAD_INDIR_LEN,	"bad_indir_len")			\
	_(BAD_INDIR_NEST,	"bad_indir_nest")			\
	_(BAD_INDIR_NEXT,	"bad_indir_next")			\
	_(BAD_EVENT,		"bad_event")				\
	_(MAP_FAILED,		"map_failed")				\
	_(BROKEN,		"broken")

#define	VSOCKHV_STAT_ENUM(id, name)	VHS_##id,

typedef enum vsockhv_stat {
	VSOCKHV_STATS(VSOCKHV_STAT_ENUM)
	VHS_COUNT
} vsockhv_stat_t;

/* The parts of a split virtqueue. */
typedef enum vsockhv_part {
	VHP_DESC,
	VHP_AVAIL,
	VHP_USED,
	VHP_COUNT
} vsockhv_part_t;

typedef struct vsockhv_region {
	uint64_t	hg_gpa;
	size_t		hg_len;
	uint_t		hg_npages;
	void		**hg_pages;	/* where they are mapped */
} vsockhv_region_t;

/* A piece of a chain; address and length were checked not to overflow. */
typedef struct vsockhv_seg {
	uint64_t	hs_gpa;
	uint32_t	hs_len;
} vsockhv_seg_t;

/* A chain that was taken from the avail ring, checked and copied. */
typedef struct vsockhv_chain {
	uint16_t	hc_head;
	uint_t		hc_nsegs;
	uint64_t	hc_len;		/* of all */
} vsockhv_chain_t;

/* A packet on its way from the ring to vsock_vio_rx(). */
typedef enum vsockhv_verdict {
	VHV_GOOD,
	VHV_BADLEN,
	VHV_NOMEM
} vsockhv_verdict_t;

typedef struct vsockhv_packet {
	virtio_vsock_hdr_t hp_hdr;
	vsockhv_verdict_t hp_verdict;
	mblk_t		*hp_data;
} vsockhv_packet_t;

#define	VSOCKHV_BATCH		64		/* packets at a time */
#define	VSOCKHV_BATCH_WORK	(128 * 1024)	/* and about so many bytes */
#define	VSOCKHV_TURN_WORK	(1024 * 1024)	/* without a break */
#define	VSOCKHV_SEG_WORK	64		/* a segment counts as bytes */

struct vsockhv;

typedef struct vsockhv_ring {
	struct vsockhv	*hr_dev;
	uint16_t	hr_index;	/* VIRTIO_VSOCK_QUEUE_* */

	kmutex_t	hr_lock;
	kcondvar_t	hr_cv;
	boolean_t	hr_setup;
	boolean_t	hr_kick;	/* there may be work */
	boolean_t	hr_working;	/* somebody does it */
	int		hr_failed;	/* how, if it wasn't the worker; or 0 */
	boolean_t	hr_stop;	/* the worker is to end */
	boolean_t	hr_pause;	/* ... or to let go of the ring */
	boolean_t	hr_parked;	/* which it has done */
	boolean_t	hr_dead;	/* broken: until it is reset */
	kt_did_t	hr_worker;
	uint64_t	hr_msi_addr;
	uint64_t	hr_msi_msg;

	/* The lease, and what is mapped under it. */
	vmm_lease_t	*hr_lease;
	boolean_t	hr_busy;	/* somebody is using it */
	vmm_page_t	*hr_pages;

	/* Constant while the ring is set up. */
	uint16_t	hr_qsize;
	uint64_t	hr_features;
	vsockhv_region_t hr_region[VHP_COUNT];
	vsockhv_seg_t	*hr_segs;	/* qsize of them */
	vsockhv_packet_t *hr_batch;	/* VSOCKHV_BATCH of them */

	/* Belong to whoever has the ring (hr_busy). */
	uint16_t	hr_avail_idx;
	uint16_t	hr_used_idx;	/* next to be written ... */
	uint16_t	hr_used_pub;	/* ... and published */
} vsockhv_ring_t;

typedef struct vsockhv {
	minor_t		vh_minor;
	kmutex_t	vh_lock;
	vmm_hold_t	*vh_hold;
	vsock_vio_t	*vh_vio;
	uint64_t	vh_features;
	kstat_t		*vh_kstat;

	kmutex_t	vh_vio_lock;
	kcondvar_t	vh_vio_cv;
	uint_t		vh_vio_users;	/* workers, or one who resets */
	uint_t		vh_vio_resets;	/* wanted: nobody else enters */

	kmutex_t	vh_intr_lock;
	uint32_t	vh_intr;	/* for VSOCKHV_INTR_POLL */
	struct pollhead	vh_pollhead;

	uint64_t	vh_stat[VHS_COUNT];	/* atomic */
	vsockhv_ring_t	vh_ring[VIRTIO_VSOCK_NQUEUES];
} vsockhv_t;

/*
 * A ring, for those who may outlive it: the argument of vsockhv_expire().
 */
#define	VSOCKHV_RING_ID(hr)	\
	((void *)((uintptr_t)(hr)->hr_dev->vh_minor << 2 | (hr)->hr_index))
#define	VSOCKHV_ID_MINOR(id)	((minor_t)((uintptr_t)(id) >> 2))
#define	VSOCKHV_ID_RING(id)	((uint_t)(uintptr_t)(id) & 3)

extern boolean_t vsockhv_expire(void *);
extern void vsockhv_stat(vsockhv_t *, vsockhv_stat_t);
extern void vsockhv_intr(vsockhv_t *, uint32_t);

extern void vsockhv_ring_create(vsockhv_t *, uint16_t);
extern void vsockhv_ring_destroy(vsockhv_ring_t *);
extern int vsockhv_ring_init(vsockhv_ring_t *, const vsockhv_ring_init_t *);
extern void vsockhv_ring_reset(vsockhv_ring_t *);
extern int vsockhv_ring_kick(vsockhv_ring_t *, boolean_t *);
extern boolean_t vsockhv_ring_expire(vsockhv_ring_t *);
extern void vsockhv_ring_wakeup(vsockhv_ring_t *);
extern boolean_t vsockhv_ring_lend_begin(vsockhv_ring_t *);
extern void vsockhv_ring_lend_end(vsockhv_ring_t *);
extern int vsockhv_ring_pause(vsockhv_ring_t *);
extern int vsockhv_ring_resume(vsockhv_ring_t *);
extern int vsockhv_ring_get_state(vsockhv_ring_t *, vsockhv_ring_state_t *);
extern void vsockhv_ring_set_msi(vsockhv_ring_t *, uint64_t, uint64_t);
extern int vsockhv_event_reset(vsockhv_t *);

#ifdef	__cplusplus
}
#endif

#endif	/* _VSOCKHV_IMPL_H */
