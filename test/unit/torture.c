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
 * Everything at once: many threads make connections, use, shut and close them,
 * while drivers come and go, devices are reset, guests die, a zone is halted
 * and modules are loaded and unloaded.
 *
 *	sockets of threads <--> viosock <-- wire --> vsockhv <--> sockets
 *
 * The sockets are in a table, as files are in that of a process: any thread may
 * use one while another closes it, and the last one to let go ends it.  One
 * thread (the test's own) is the wire, as that of the simulation (test/sim);
 * it also does what happens to the devices.  Nothing is checked of the data:
 * here it counts that nothing panics, that nobody waits for ever, and that
 * nothing is left.
 *
 * The others are threads of the host, as the kernel's would keep hv_settle()
 * waiting.
 */

#include <sys/cred.h>
#include <sys/kmem.h>
#include <sys/modctl.h>
#include <sys/param.h>
#include <sys/poll.h>
#include <sys/sysmacros.h>
#include <sys/zone.h>
#include <fkhost.h>
#include <fktest.h>
#include "viosock_host.h"
#include "ktest.h"

#define	GCID		3
#define	PORT		1000
#define	THREADS		6
#define	EVENTS		60
#define	ROUNDS		6		/* of the wire, between events */
#define	CALLS		10		/* of a thread in a round, at most */
#define	FILES		24
#define	MAXDATA		3000

typedef struct tort_slot {
	fsk_file_t	*ts_file;
	uint_t		ts_refs;	/* 0: free */
	boolean_t	ts_closed;
} tort_slot_t;

typedef struct tort {
	kmutex_t	t_lock;
	tort_slot_t	t_slot[FILES];
	/* No thread is ahead of the wire by more than a round. */
	kcondvar_t	t_cv;
	uint_t		t_round;
	boolean_t	t_stop;
	uint_t		t_threads;	/* that have not ended */
	/* who listens, and in which zone HV's half of all is */
	zone_t		*t_zone;
	fsk_file_t	*t_listener[2];
	/* the wire */
	vh_host_t	*t_host;
	hv_guest_t	*t_guest;
	hv_packet_t	*t_packet;
	uint32_t	t_unloads;
} tort_t;

typedef struct tort_thread {
	tort_t		*tt_tort;
	uint64_t	tt_random;
	void		*tt_host;
	uint8_t		tt_buf[MAXDATA];
} tort_thread_t;

/* xorshift64* */
static uint32_t
tort_rnd(uint64_t *state, uint32_t n)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return ((uint32_t)((*state * 0x2545f4914f6cdd1dULL) >> 33) % n);
}

/*
 * The table of files
 */

static tort_slot_t *
tort_hold(tort_t *t, uint_t i)
{
	tort_slot_t *ts = &t->t_slot[i];

	mutex_enter(&t->t_lock);
	if (ts->ts_refs == 0 || ts->ts_closed)
		ts = NULL;
	else
		ts->ts_refs++;
	mutex_exit(&t->t_lock);
	return (ts);
}

static void
tort_rele(tort_t *t, tort_slot_t *ts)
{
	fsk_file_t *f = NULL;

	mutex_enter(&t->t_lock);
	if (--ts->ts_refs == 0)
		f = ts->ts_file;
	mutex_exit(&t->t_lock);
	if (f != NULL)
		VERIFY0(fsk_close(f));
}

/* Whoever waits with it waits no more, also if he began to after the close. */
static void
tort_close(tort_t *t, uint_t i)
{
	tort_slot_t *ts = &t->t_slot[i];
	boolean_t open;

	mutex_enter(&t->t_lock);
	if (ts->ts_refs == 0) {
		mutex_exit(&t->t_lock);
		return;
	}
	ts->ts_refs++;
	open = !ts->ts_closed;
	ts->ts_closed = B_TRUE;
	mutex_exit(&t->t_lock);
	fsk_interrupt(ts->ts_file);
	tort_rele(t, ts);
	if (open)
		tort_rele(t, ts);
}

static void
tort_install(tort_t *t, fsk_file_t *f)
{
	tort_slot_t *ts;

	mutex_enter(&t->t_lock);
	for (ts = t->t_slot; ts < t->t_slot + FILES; ts++) {
		if (ts->ts_refs == 0) {
			ts->ts_file = f;
			ts->ts_refs = 1;
			ts->ts_closed = B_FALSE;
			break;
		}
	}
	mutex_exit(&t->t_lock);
	if (ts == t->t_slot + FILES)
		VERIFY0(fsk_close(f));
}

/*
 * Applications
 */

static int
tort_socket(zone_t *zone, fsk_file_t **fp)
{
	return (fsk_socket_as(zone == NULL ? 0 : zone->zone_id, true, AF_VSOCK,
	    SOCK_STREAM, 0, fp));
}

static void
tort_connect(tort_thread_t *tt)
{
	static const uint32_t cids[] = {
		GCID, VMADDR_CID_HOST, VMADDR_CID_LOCAL
	};
	struct sockaddr_vm svm = {
		.svm_family	= AF_VSOCK,
		.svm_cid	= cids[tort_rnd(&tt->tt_random, 3)],
		.svm_port	= PORT
	};
	fsk_file_t *f;

	if (tort_socket(NULL, &f) != 0)
		return;
	fsk_set_nonblock(f, true);
	(void) fsk_connect(f, &svm, sizeof (svm));
	tort_install(tt->tt_tort, f);
}

static void
tort_accept(tort_thread_t *tt)
{
	fsk_file_t *f;

	if (fsk_accept(tt->tt_tort->t_listener[1], NULL, NULL, &f) != 0)
		return;
	/* Some wait for what comes. */
	fsk_set_nonblock(f, tort_rnd(&tt->tt_random, 2) != 0);
	tort_install(tt->tt_tort, f);
}

static void
tort_call(tort_thread_t *tt)
{
	uint_t slot = tort_rnd(&tt->tt_random, FILES);
	uint32_t what = tort_rnd(&tt->tt_random, 32);
	size_t n, len = 1 + tort_rnd(&tt->tt_random, MAXDATA);
	tort_t *t = tt->tt_tort;
	struct sockaddr_vm svm;
	uint32_t svmlen = sizeof (svm);
	tort_slot_t *ts;

	if (what < 5) {
		tort_connect(tt);
		return;
	}
	if (what < 9) {
		tort_accept(tt);
		return;
	}
	if (what < 11) {
		tort_close(t, slot);
		return;
	}
	if ((ts = tort_hold(t, slot)) == NULL)
		return;
	if (what < 19) {
		(void) fsk_send(ts->ts_file, tt->tt_buf, len, MSG_DONTWAIT,
		    &n);
	} else if (what < 26) {
		(void) fsk_recv(ts->ts_file, tt->tt_buf, len, MSG_DONTWAIT,
		    &n);
	} else if (what < 28) {
		(void) fsk_recv(ts->ts_file, tt->tt_buf, len, 0, &n);
	} else if (what < 30) {
		(void) fsk_shutdown(ts->ts_file, tort_rnd(&tt->tt_random, 3));
	} else if (what < 31) {
		(void) fsk_poll(ts->ts_file, POLLIN | POLLOUT);
	} else {
		(void) fsk_getpeername(ts->ts_file, &svm, &svmlen);
	}
	tort_rele(t, ts);
}

static void
tort_main(void *arg)
{
	tort_thread_t *tt = arg;
	tort_t *t = tt->tt_tort;
	uint_t round = 0;
	boolean_t stop;

	fk_thread_attach("torture");
	do {
		for (uint_t i = 0; i < CALLS; i++)
			tort_call(tt);
		mutex_enter(&t->t_lock);
		while (t->t_round == round && !t->t_stop)
			cv_wait(&t->t_cv, &t->t_lock);
		round = t->t_round;
		stop = t->t_stop;
		mutex_exit(&t->t_lock);
	} while (!stop);
	mutex_enter(&t->t_lock);
	t->t_threads--;
	mutex_exit(&t->t_lock);
	fk_thread_detach();
}

/*
 * HV's half: in a zone perhaps, with somebody who accepts and says something.
 */

static void
tort_half_begin(tort_t *t, boolean_t zoned)
{
	struct sockaddr_vm svm = {
		.svm_family	= AF_VSOCK,
		.svm_cid	= VMADDR_CID_ANY,
		.svm_port	= PORT
	};
	cred_t *cr;

	t->t_zone = zoned ? fk_zone_create("hv") : NULL;
	cr = fk_cred_create(0, 0, zoned ? t->t_zone : global_zone, B_TRUE);
	t->t_guest = hv_guest_create_as(GCID, cr);
	crfree(cr);
	t->t_listener[0] = NULL;
	if (!zoned)
		return;
	VERIFY0(tort_socket(t->t_zone, &t->t_listener[0]));
	fsk_set_nonblock(t->t_listener[0], true);
	VERIFY0(fsk_bind(t->t_listener[0], &svm, sizeof (svm)));
	VERIFY0(fsk_listen(t->t_listener[0], 4));
}

static void
tort_half_end(tort_t *t)
{
	if (t->t_zone != NULL) {
		fk_zone_shutdown(t->t_zone);
		VERIFY0(fsk_close(t->t_listener[0]));
	}
	hv_guest_destroy(t->t_guest);
	if (t->t_zone != NULL)
		fk_zone_destroy(t->t_zone);
}

static void
tort_half_serve(tort_t *t)
{
	fsk_file_t *f;
	size_t n;

	if (t->t_zone == NULL ||
	    fsk_accept(t->t_listener[0], NULL, NULL, &f) != 0)
		return;
	fsk_set_nonblock(f, true);
	(void) fsk_send(f, t->t_packet->p_data, MAXDATA, 0, &n);
	(void) fsk_recv(f, t->t_packet->p_data, MAXDATA, 0, &n);
	VERIFY0(fsk_close(f));
}

/*
 * The wire
 */

static void
tort_wire(tort_t *t)
{
	vh_host_t *h = t->t_host;
	hv_guest_t *g = t->t_guest;
	virtio_vsock_hdr_t *hdr = &t->t_packet->p_hdr;
	fvio_elem_t *fe = kmem_alloc(sizeof (*fe), KM_SLEEP);
	uint32_t id, len;

	while (hv_used(g, HV_TX, &id, &len))
		continue;
	while (g->hg_ring[HV_TX].hr_out < 8 &&
	    fvio_vq_pop(&h->vh_vq[VH_TX], fe)) {
		(void) fvio_elem_read(fe, 0, hdr, VIRTIO_VSOCK_HDR_SIZE);
		(void) fvio_elem_read(fe, VIRTIO_VSOCK_HDR_SIZE,
		    t->t_packet->p_data, sizeof (t->t_packet->p_data));
		fvio_vq_push(&h->vh_vq[VH_TX], fe->fe_id, 0);
		hdr->vvh_src_cid = GCID;
		hv_queue(g, hdr, hdr->vvh_len == 0 ? NULL :
		    t->t_packet->p_data);
	}
	(void) hv_notify(g, HV_TX);
	while (fvio_vq_avail(&h->vh_vq[VH_RX]) != 0 &&
	    hv_recv(g, t->t_packet)) {
		hdr->vvh_dst_cid = VH_CID;
		VERIFY(vh_queue(h, hdr, hdr->vvh_len == 0 ? NULL :
		    t->t_packet->p_data));
	}
	for (uint_t i = 0; i < VIRTIO_VSOCK_NQUEUES; i++) {
		if (fvio_vq_wants_intr(&h->vh_vq[i]))
			fvio_raise(h->vh_dev, i);
	}
	kmem_free(fe, sizeof (*fe));
}

/* Let the threads go on, or end. */
static void
tort_round(tort_t *t, boolean_t stop)
{
	mutex_enter(&t->t_lock);
	t->t_round++;
	t->t_stop = stop;
	cv_broadcast(&t->t_cv);
	mutex_exit(&t->t_lock);
}

static void
tort_start(tort_t *t)
{
	hv_guest_t *g = t->t_guest;

	VERIFY0(hv_ioctl(g, VSOCKHV_RESET, 0));
	g->hg_brk = g->hg_brk0;
	hv_driver_start(g, HV_F_VERSION_1);
	VERIFY0(fvio_attach(t->t_host->vh_dev));
}

/* Something happens to the devices; afterwards they work again. */
static void
tort_event(tort_t *t, uint32_t what)
{
	switch (what) {
	case 0:
		/* Transport reset, of one side and then the other. */
		VERIFY0(hv_ioctl(t->t_guest, VSOCKHV_SEND_RESET, 0));
		VERIFY0(fvio_detach(t->t_host->vh_dev));
		break;
	case 1:
		/* Unloaded, and attached: it is loaded by that. */
		VERIFY0(fvio_detach(t->t_host->vh_dev));
		if (fk_modunload("viosock") == 0) {
			t->t_unloads++;
			VERIFY0(fk_modload("viosock"));
		}
		break;
	case 2:
		/* There is traffic, so this may not succeed. */
		VERIFY3S(fk_modunload("vsock"), ==, EBUSY);
		VERIFY3S(fk_modunload("vsockhv"), ==, EBUSY);
		VERIFY0(fvio_detach(t->t_host->vh_dev));
		break;
	case 3:
		VERIFY0(fvio_detach(t->t_host->vh_dev));
		tort_half_end(t);
		tort_half_begin(t, B_TRUE);
		break;
	default:
		/* The guest dies, without a word. */
		tort_half_end(t);
		tort_half_begin(t, B_FALSE);
		VERIFY0(fvio_detach(t->t_host->vh_dev));
		break;
	}
	tort_start(t);
}

KTEST_REAL(torture)
{
	tort_t *t;
	tort_thread_t *tt;
	uint64_t random = 1;
	uint_t threads;

	hv_begin();
	VERIFY0(fk_modload("viosock"));
	t = kmem_zalloc(sizeof (*t), KM_SLEEP);
	tt = kmem_zalloc(THREADS * sizeof (*tt), KM_SLEEP);
	mutex_init(&t->t_lock, NULL, MUTEX_DEFAULT, NULL);
	cv_init(&t->t_cv, NULL, CV_DEFAULT, NULL);
	t->t_packet = kmem_zalloc(sizeof (*t->t_packet), KM_SLEEP);
	t->t_host = vh_create(VH_INSTANCE, 0);
	t->t_listener[1] = hv_listen(PORT, 4);
	tort_half_begin(t, B_FALSE);
	tort_start(t);

	t->t_threads = THREADS;
	for (uint_t i = 0; i < THREADS; i++) {
		tt[i].tt_tort = t;
		tt[i].tt_random = i + 1;
		tt[i].tt_host = fkh_thread_create("torture", tort_main,
		    &tt[i]);
	}
	for (uint_t i = 0; i < EVENTS * ROUNDS; i++) {
		tort_round(t, B_FALSE);
		tort_wire(t);
		tort_half_serve(t);
		/* Who waits, does not for ever. */
		tort_close(t, tort_rnd(&random, FILES));
		if (i % ROUNDS == 0)
			tort_event(t, tort_rnd(&random, 5));
	}
	tort_round(t, B_TRUE);
	do {
		for (uint_t i = 0; i < FILES; i++)
			tort_close(t, i);
		mutex_enter(&t->t_lock);
		threads = t->t_threads;
		mutex_exit(&t->t_lock);
	} while (threads != 0);
	for (uint_t i = 0; i < THREADS; i++)
		fkh_thread_join(tt[i].tt_host);
	for (uint_t i = 0; i < FILES; i++)
		tort_close(t, i);
	VERIFY3U(t->t_unloads, >, 0);

	VERIFY0(fsk_close(t->t_listener[1]));
	VERIFY0(fvio_detach(t->t_host->vh_dev));
	tort_half_end(t);
	vh_destroy(t->t_host);
	kmem_free(t->t_packet, sizeof (*t->t_packet));
	cv_destroy(&t->t_cv);
	mutex_destroy(&t->t_lock);
	kmem_free(tt, THREADS * sizeof (*tt));
	kmem_free(t, sizeof (*t));
	hv_settle();
	VERIFY0(fk_modunload("viosock"));
	hv_end();
}
