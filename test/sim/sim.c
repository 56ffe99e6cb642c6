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
 * Both systems in one process, in virtual time, and everything that happens
 * decided by a seed.
 *
 *	sockets	    viosock <--rings--> wire <--rings--> vsockhv     sockets
 *
 * There is one front end, with the device of a guest and with a guest of its
 * own; what it sends to the one comes back by the other.  The wire is this
 * program: it is viosock's device and vsockhv's guest (of viosock_host.h and
 * hv_guest.h), takes packets from one ring and puts them into the other, with
 * the CIDs exchanged, whenever the seed says so; and it interrupts and notifies
 * when the seed says so, early or late.
 *
 * A run: many steps, each of which is a call of an application, some packets,
 * an interrupt, time, or a fault; after most of them all threads of the kernel
 * have come to rest.  Some applications have threads of their own, which block.
 * At last faults end, everything flows, and then
 *
 *	every stream that was not reset has arrived, byte for byte
 *	every connection that is open still works in both directions
 *	every blocked call ends when the peer is gone
 *	nothing is left in the kernel
 *
 * A stream that ended without an error has been read to its last byte.  One may
 * be reset only if there was a fault that does that.
 *
 * Instead of a seed there can be a case: a short script, always the same, with
 * one fault before one of its steps; and then again the end, as above.  The
 * cases are every fault before every step; a few in a row are steps from all
 * over the script.
 *
 * The hypervisor's half may be in a zone, as is the device of its guest then.
 */

#include <sys/cred.h>
#include <sys/kmem.h>
#include <sys/param.h>
#include <sys/sysmacros.h>
#include <sys/thread.h>
#include <sys/proc.h>
#include <sys/disp.h>
#include <sys/zone.h>
#include <fktest.h>
#include "../unit/viosock_host.h"
#include "sim.h"

#define	GCID		3		/* of vsockhv's guest */
#define	PORT		1000
#define	STEPS		600
#define	PAIRS		24		/* connections of a run */
#define	FLOOD		400		/* attempts, in each direction */
#define	FLOODED		1001		/* the port they are for */
#define	INFLIGHT	8		/* packets in the ring of vsockhv */
#define	MAXDATA		20000		/* written or read at a time */
#define	BIG		200000		/* written by a thread */

/* Which half: of the hypervisor, or of the guest. */
#define	HV		0
#define	GUEST		1

#define	NTH		8		/* allocations that may fail next */

typedef enum fault {
	F_TIME,			/* timers run out */
	F_LEASE,		/* of vsockhv's on guest memory */
	F_NOTIFY,		/* what viosock tells its device is lost */
	F_INTR,			/* what the device tells viosock is lost */
	F_BOOT,			/* the guest boots again */
	F_DETACH,		/* viosock is detached, and attached later */
	F_MIGRATE,		/* transport reset */
	F_DEATH,		/* the guest dies; later there is another */
	F_KILL,			/* a program is killed */
	F_ZONE,			/* the hypervisor's zone is halted */
	F_NOMEM			/* the n-th allocation from here on fails */
} fault_t;

#define	FAULTS		(F_NOMEM + NTH)

#define	MS(n)		((n) * (uint64_t)(NANOSEC / MILLISEC))

/* One end of a connection. */
typedef struct end {
	fsk_file_t	*e_file;
	uint64_t	e_written;
	uint64_t	e_read;
	boolean_t	e_closed;
	boolean_t	e_shut;		/* shutdown(SHUT_WR) */
	boolean_t	e_eof;
	int		e_error;
	/* Threads: decided, wanted, and running. */
	boolean_t	e_begun;
	boolean_t	e_reader;
	boolean_t	e_writer;
	uint32_t	e_threads;	/* atomic */
} end_t;

typedef struct pair {
	uint_t		p_id;
	uint32_t	p_cid;		/* where to: HV's, or GUEST's */
	uint32_t	p_port;		/* of the one who connects */
	boolean_t	p_accepted;
	boolean_t	p_aborted;	/* closed before it was connected */
	uint64_t	p_faults;	/* faults_now(), before */
	end_t		p_end[2];	/* who connects, who accepts */
} pair_t;

static boolean_t scripted;		/* a case, not a seed */
static uint64_t sim_state;
static uint64_t sim_faults;		/* atomic; without fk_fail_nth()'s */
static hv_guest_t *guest;
static vh_host_t *host;
static hv_packet_t *packet;
static zone_t *zone;			/* of HV; NULL: the global one */
static fsk_file_t *listeners[2];	/* of HV, of GUEST if that is another */
static pair_t *pairs;
static uint_t npairs;
static kmutex_t app_lock;		/* what threads say of their ends */

/*
 * What the device knows of viosock's queues.  It looks at one when it has been
 * told, until there is nothing more; what is lost (once only, until it has
 * been told again) it does not know.  It may be one that never says what it has
 * sent.
 */
static struct {
	uint32_t	w_told;		/* vh_notifies() */
	boolean_t	w_awake;
	boolean_t	w_lost;
	boolean_t	w_deaf;		/* the next interrupt is lost */
} wire[VIRTIO_VSOCK_NQUEUES];
static boolean_t wire_silent;

/* xorshift64* */
static uint32_t
rnd(uint32_t n)
{
	sim_state ^= sim_state >> 12;
	sim_state ^= sim_state << 25;
	sim_state ^= sim_state >> 27;
	return ((uint32_t)((sim_state * 0x2545f4914f6cdd1dULL) >> 33) % n);
}

static uint8_t
pattern(const pair_t *p, uint_t from, uint64_t off)
{
	return ((uint8_t)(off * 7 + (off >> 8) * 13 + p->p_id * 5 + from));
}

/* How many faults there were that may reset a connection. */
static uint64_t
faults_now(void)
{
	uint64_t tried, failed;

	fk_fail_counts(&tried, &failed);
	return (__atomic_load_n(&sim_faults, __ATOMIC_RELAXED) + failed);
}

/* Another one that may. */
static void
faulted(void)
{
	__atomic_add_fetch(&sim_faults, 1, __ATOMIC_RELAXED);
}

/* May it have been reset? */
static boolean_t
tainted(const pair_t *p)
{
	return (!p->p_accepted || p->p_aborted || faults_now() != p->p_faults);
}

/* A socket, with a buffer that is soon full or not; in the script, it is. */
static fsk_file_t *
app_socket(uint_t half)
{
	uint64_t bytes = 128ULL << (scripted ? 6 : rnd(12));
	fsk_file_t *f;

	VERIFY0(fsk_socket_as(half == HV && zone != NULL ? zone->zone_id : 0,
	    true, AF_VSOCK, SOCK_STREAM, 0, &f));
	fsk_set_nonblock(f, true);
	VERIFY0(fsk_setsockopt(f, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &bytes,
	    sizeof (bytes)));
	return (f);
}

static fsk_file_t *
app_listen(uint_t half, uint32_t port, int backlog)
{
	struct sockaddr_vm svm = {
		.svm_family	= AF_VSOCK,
		.svm_cid	= VMADDR_CID_ANY,
		.svm_port	= port
	};
	fsk_file_t *f;

	if (half == GUEST && zone == NULL)
		return (NULL);
	f = app_socket(half);
	VERIFY0(fsk_bind(f, &svm, sizeof (svm)));
	VERIFY0(fsk_listen(f, backlog));
	return (f);
}

/* Is it connected? */
static boolean_t
app_connected(end_t *e)
{
	struct sockaddr_vm svm;
	uint32_t len = sizeof (svm);

	return (fsk_getpeername(e->e_file, &svm, &len) == 0);
}

/* Which half an end is in. */
static uint_t
app_half(const pair_t *p, uint_t me)
{
	return ((p->p_cid == GCID) == (me == 0) ? HV : GUEST);
}

/*
 * The wire
 */

/* Has the device been told that there is something in that queue? */
static boolean_t
wire_awake(uint_t queue)
{
	uint32_t told = vh_notifies(host, queue);

	if (told != wire[queue].w_told) {
		wire[queue].w_told = told;
		wire[queue].w_awake = B_TRUE;
		wire[queue].w_lost = B_FALSE;
	}
	return (wire[queue].w_awake);
}

/* One packet from viosock to vsockhv; B_FALSE: there is none, or no room. */
static boolean_t
wire_up(void)
{
	fvio_elem_t *fe;
	boolean_t ok;
	uint32_t id, len;

	if (!host->vh_running)
		return (B_FALSE);
	while (hv_used(guest, HV_TX, &id, &len))
		continue;
	if (guest->hg_ring[HV_TX].hr_out >= INFLIGHT || !wire_awake(VH_TX))
		return (B_FALSE);
	fe = kmem_alloc(sizeof (*fe), KM_SLEEP);
	ok = fvio_vq_pop(&host->vh_vq[VH_TX], fe);
	if (ok) {
		VERIFY3U(fvio_elem_read(fe, 0, &packet->p_hdr,
		    VIRTIO_VSOCK_HDR_SIZE), ==, VIRTIO_VSOCK_HDR_SIZE);
		VERIFY3U(fvio_elem_read(fe, VIRTIO_VSOCK_HDR_SIZE,
		    packet->p_data, sizeof (packet->p_data)), ==,
		    packet->p_hdr.vvh_len);
		fvio_vq_push(&host->vh_vq[VH_TX], fe->fe_id, 0);
		VERIFY3U(packet->p_hdr.vvh_src_cid, ==, VH_CID);
		packet->p_hdr.vvh_src_cid = GCID;
		hv_queue(guest, &packet->p_hdr, packet->p_hdr.vvh_len == 0 ?
		    NULL : packet->p_data);
	} else {
		wire[VH_TX].w_awake = B_FALSE;
	}
	kmem_free(fe, sizeof (*fe));
	return (ok);
}

/* The other way. */
static boolean_t
wire_down(void)
{
	if (!host->vh_running || !wire_awake(VH_RX))
		return (B_FALSE);
	if (fvio_vq_avail(&host->vh_vq[VH_RX]) == 0) {
		wire[VH_RX].w_awake = B_FALSE;
		return (B_FALSE);
	}
	if (!hv_recv(guest, packet))
		return (B_FALSE);
	VERIFY3U(packet->p_hdr.vvh_dst_cid, ==, GCID);
	packet->p_hdr.vvh_dst_cid = VH_CID;
	VERIFY(vh_queue(host, &packet->p_hdr, packet->p_hdr.vvh_len == 0 ?
	    NULL : packet->p_data));
	return (B_TRUE);
}

/* An event: there is only the transport reset. */
static boolean_t
wire_event(void)
{
	uint32_t id, len;

	if (!host->vh_running || fvio_vq_avail(&host->vh_vq[VH_EV]) == 0 ||
	    !hv_used(guest, HV_EV, &id, &len))
		return (B_FALSE);
	(void) hv_chain(guest, HV_EV, hv_alloc(guest, 4), 4, NULL, 0);
	/* What was begun since then ends as well. */
	faulted();
	vh_event(host, VIRTIO_VSOCK_EVENT_RESET, len);
	for (pair_t *p = pairs; p < pairs + npairs; p++) {
		for (uint_t me = 0; me < 2; me++) {
			VERIFY(p->p_end[me].e_file == NULL ||
			    app_half(p, me) != GUEST ||
			    !app_connected(&p->p_end[me]));
		}
	}
	return (B_TRUE);
}

static void
wire_intr(uint_t queue)
{
	if (!host->vh_running || (queue == VH_TX && wire_silent))
		return;
	if (wire[queue].w_deaf)
		wire[queue].w_deaf = B_FALSE;
	else
		vh_intr(host, queue);
}

/* vsockhv is told what there is. */
static void
wire_notify(void)
{
	if (host->vh_running)
		(void) hv_notify(guest, HV_TX);
}

/* Everything that can move does: B_FALSE, nothing did. */
static boolean_t
wire_flow(void)
{
	boolean_t moved = B_FALSE;

	while (wire_up())
		moved = B_TRUE;
	wire_notify();
	hv_settle();
	while (wire_down() || wire_event())
		moved = B_TRUE;
	for (uint_t i = 0; i < VIRTIO_VSOCK_NQUEUES; i++)
		wire_intr(i);
	hv_settle();
	return (moved);
}

/*
 * Applications
 */

static void
app_mark(boolean_t *flag, boolean_t val)
{
	mutex_enter(&app_lock);
	*flag = val;
	mutex_exit(&app_lock);
}

/* What came, from the other end of the pair. */
static void
app_got_locked(pair_t *p, uint_t me, const uint8_t *buf, size_t n, int err)
{
	end_t *e = &p->p_end[me], *o = &p->p_end[!me];

	for (size_t i = 0; i < n; i++)
		VERIFY3U(buf[i], ==, pattern(p, !me, e->e_read + i));
	e->e_read += n;
	if (n != 0 || err == EWOULDBLOCK || err == ENOTCONN || err == EINTR)
		return;
	if (err != 0) {
		/* A connection that nobody has taken may be refused. */
		if (!tainted(p))
			panic("connection %u, end %u: error %d", p->p_id, me,
			    err);
		e->e_error = err;
		return;
	}
	e->e_eof = B_TRUE;
	/* It was told that this is all; and so it is. */
	if (e->e_error == 0 && !tainted(p)) {
		VERIFY(o->e_closed || o->e_shut);
		VERIFY3U(e->e_read, ==, o->e_written);
	}
}

static void
app_got(pair_t *p, uint_t me, const uint8_t *buf, size_t n, int err)
{
	mutex_enter(&app_lock);
	app_got_locked(p, me, buf, n, err);
	mutex_exit(&app_lock);
}

static void
app_sent(pair_t *p, uint_t me, size_t n, int err)
{
	end_t *e = &p->p_end[me], *o = &p->p_end[!me];

	mutex_enter(&app_lock);
	e->e_written += n;
	if (err != 0 && err != EWOULDBLOCK && err != ENOTCONN &&
	    err != EINTR && err != ENOMEM && !o->e_closed && !e->e_shut) {
		if (!tainted(p))
			panic("connection %u, end %u: error %d on send",
			    p->p_id, me, err);
		e->e_error = err;
	}
	mutex_exit(&app_lock);
}

typedef struct thread_arg {
	pair_t	*ta_pair;
	uint_t	ta_me;
} thread_arg_t;

/* Reads until there is nothing more to come. */
static void
app_reader(void *arg)
{
	thread_arg_t *ta = arg;
	end_t *e = &ta->ta_pair->p_end[ta->ta_me];
	uint8_t *buf = kmem_alloc(MAXDATA, KM_SLEEP);
	size_t n;
	int err;

	do {
		err = fsk_recv(e->e_file, buf, MAXDATA, 0, &n);
		app_got(ta->ta_pair, ta->ta_me, buf, n, err);
	} while (err == 0 && n != 0);
	kmem_free(buf, MAXDATA);
	kmem_free(ta, sizeof (*ta));
	__atomic_sub_fetch(&e->e_threads, 1, __ATOMIC_RELEASE);
	thread_exit();
}

/* Writes what does not fit. */
static void
app_writer(void *arg)
{
	thread_arg_t *ta = arg;
	pair_t *p = ta->ta_pair;
	end_t *e = &p->p_end[ta->ta_me];
	uint8_t *buf = kmem_alloc(BIG, KM_SLEEP);
	size_t n;
	int err;

	for (size_t i = 0; i < BIG; i++)
		buf[i] = pattern(p, ta->ta_me, e->e_written + i);
	err = fsk_send(e->e_file, buf, BIG, 0, &n);
	app_sent(p, ta->ta_me, n, err);
	kmem_free(buf, BIG);
	kmem_free(ta, sizeof (*ta));
	__atomic_sub_fetch(&e->e_threads, 1, __ATOMIC_RELEASE);
	thread_exit();
}

static uint_t
app_threads(end_t *e)
{
	return (__atomic_load_n(&e->e_threads, __ATOMIC_ACQUIRE));
}

static void
app_thread(pair_t *p, uint_t me, void (*func)(void *))
{
	thread_arg_t *ta = kmem_alloc(sizeof (*ta), KM_SLEEP);

	ta->ta_pair = p;
	ta->ta_me = me;
	__atomic_add_fetch(&p->p_end[me].e_threads, 1, __ATOMIC_RELAXED);
	(void) thread_create(NULL, 0, func, ta, 0, &p0, TS_RUN, minclsyspri);
}

/* An end that is connected: who uses it? */
static void
app_begin(pair_t *p, uint_t me)
{
	end_t *e = &p->p_end[me];

	if (e->e_begun || !app_connected(e))
		return;
	e->e_begun = B_TRUE;
	fsk_set_nonblock(e->e_file, false);
	if (scripted) {
		e->e_reader = (p->p_id == 0 && me == 1);
		e->e_writer = (p->p_id == 0 && me == 0);
	} else {
		e->e_reader = (rnd(4) == 0);
		e->e_writer = (rnd(8) == 0);
	}
	if (e->e_reader)
		app_thread(p, me, app_reader);
	if (e->e_writer)
		app_thread(p, me, app_writer);
}

static void
app_connect(uint_t half)
{
	pair_t *p;
	struct sockaddr_vm svm = {
		.svm_family	= AF_VSOCK,
		.svm_cid	= half == HV ? GCID : VMADDR_CID_HOST,
		.svm_port	= PORT
	};
	fsk_file_t *f;
	int err;

	/* Without a device, CID 2 is the loopback, or nobody. */
	if (npairs == PAIRS || !host->vh_running)
		return;
	f = app_socket(half);
	err = fsk_connect(f, &svm, sizeof (svm));
	if (err != 0 && err != EINPROGRESS) {
		/* No memory. */
		VERIFY(faults_now() != 0);
		VERIFY0(fsk_close(f));
		return;
	}
	p = &pairs[npairs];
	p->p_id = npairs++;
	p->p_cid = svm.svm_cid;
	p->p_port = hv_port(f);
	p->p_faults = faults_now();
	p->p_end[0].e_file = f;
}

static boolean_t
app_accept(fsk_file_t *listener)
{
	struct sockaddr_vm svm;
	uint32_t len = sizeof (svm);
	fsk_file_t *f;
	pair_t *p;

	if (listener == NULL || fsk_accept(listener, &svm, &len, &f) != 0)
		return (B_FALSE);
	for (p = pairs; p < pairs + npairs; p++) {
		if (p->p_port == svm.svm_port && !p->p_accepted &&
		    p->p_cid != svm.svm_cid)
			break;
	}
	VERIFY3P(p, !=, pairs + npairs);
	app_mark(&p->p_accepted, B_TRUE);
	p->p_end[1].e_file = f;
	return (B_TRUE);
}

static boolean_t
app_accept_any(void)
{
	return (app_accept(listeners[HV]) || app_accept(listeners[GUEST]));
}

static void
app_read(pair_t *p, uint_t me)
{
	end_t *e = &p->p_end[me];
	uint8_t *buf;
	size_t n;
	int err;

	if (e->e_file == NULL)
		return;
	app_begin(p, me);
	if (e->e_reader || e->e_eof)
		return;
	buf = kmem_alloc(MAXDATA, KM_SLEEP);
	err = fsk_recv(e->e_file, buf, 1 + rnd(MAXDATA), MSG_DONTWAIT, &n);
	app_got(p, me, buf, n, err);
	kmem_free(buf, MAXDATA);
}

static void
app_write(pair_t *p, uint_t me, size_t len)
{
	end_t *e = &p->p_end[me];
	uint8_t *buf;
	size_t n;
	int err;

	if (e->e_file == NULL || e->e_writer || e->e_shut)
		return;
	buf = kmem_alloc(len, KM_SLEEP);
	for (size_t i = 0; i < len; i++)
		buf[i] = pattern(p, me, e->e_written + i);
	err = fsk_send(e->e_file, buf, len, MSG_DONTWAIT, &n);
	app_sent(p, me, n, err);
	kmem_free(buf, len);
}

static void
app_shut(pair_t *p, uint_t me)
{
	end_t *e = &p->p_end[me];

	if (e->e_file == NULL || e->e_writer || e->e_shut)
		return;
	app_mark(&e->e_shut, B_TRUE);
	if (fsk_shutdown(e->e_file, SHUT_WR) != 0)
		app_mark(&e->e_shut, B_FALSE);
}

static void
app_close(pair_t *p, uint_t me)
{
	end_t *e = &p->p_end[me];

	if (e->e_file == NULL || app_threads(e) != 0)
		return;
	if (!app_connected(e))
		app_mark(&p->p_aborted, B_TRUE);
	app_mark(&e->e_closed, B_TRUE);
	VERIFY0(fsk_close(e->e_file));
	e->e_file = NULL;
}

/* The program that has it is killed: whatever it does, it does no more. */
static void
app_kill(pair_t *p, uint_t me)
{
	end_t *e = &p->p_end[me];

	if (e->e_file == NULL)
		return;
	while (app_threads(e) != 0) {
		fsk_interrupt(e->e_file);
		hv_settle();
	}
	app_close(p, me);
}

/* All that was written is read. */
static void
flow(void)
{
	uint64_t before, after = 0;
	uint_t quiet = 0;

	do {
		before = after;
		(void) wire_flow();
		while (app_accept_any())
			continue;
		after = 0;
		for (pair_t *p = pairs; p < pairs + npairs; p++) {
			for (uint_t me = 0; me < 2; me++) {
				app_read(p, me);
				mutex_enter(&app_lock);
				after += p->p_end[me].e_read +
				    p->p_end[me].e_eof;
				mutex_exit(&app_lock);
			}
		}
		/*
		 * Some is only told after a while, in which viosock is not
		 * interrupted.
		 */
		if (wire_flow() || after != before) {
			quiet = 0;
		} else {
			fk_time_advance(MS(150));
			quiet++;
		}
	} while (quiet < 3);
}

/*
 * Both systems ask for many connections at a time, more than the rings hold and
 * more than they may owe answers.  All are accepted, or refused if there is no
 * listener, and none times out.
 */
static void
app_flood(boolean_t there)
{
	fsk_file_t **socks, *l[2], *f;
	struct sockaddr_vm svm = { .svm_family = AF_VSOCK };
	uint32_t len;
	int err;

	for (uint_t half = 0; there && half < 2; half++)
		l[half] = app_listen(half, FLOODED, 2 * FLOOD);
	socks = kmem_alloc(2 * FLOOD * sizeof (*socks), KM_SLEEP);
	for (uint_t i = 0; i < 2 * FLOOD; i++) {
		svm.svm_cid = (i % 2 == HV) ? GCID : VMADDR_CID_HOST;
		svm.svm_port = FLOODED;
		socks[i] = app_socket(i % 2);
		VERIFY3S(fsk_connect(socks[i], &svm, sizeof (svm)), ==,
		    EINPROGRESS);
	}
	hv_settle();
	flow();
	for (uint_t i = 0; i < 2 * FLOOD; i++) {
		len = sizeof (err);
		VERIFY0(fsk_getsockopt(socks[i], SOL_SOCKET, SO_ERROR, &err,
		    &len));
		VERIFY3S(err, ==, there ? 0 : ECONNRESET);
		len = sizeof (svm);
		VERIFY3S(fsk_getpeername(socks[i], &svm, &len), ==,
		    there ? 0 : ENOTCONN);
		VERIFY0(fsk_close(socks[i]));
		if (there) {
			f = l[zone == NULL || i % 2 == GUEST ? HV : GUEST];
			VERIFY0(fsk_accept(f, NULL, NULL, &f));
			VERIFY0(fsk_close(f));
		}
	}
	flow();
	for (uint_t half = 0; there && half < 2; half++) {
		if (l[half] != NULL)
			VERIFY0(fsk_close(l[half]));
	}
	kmem_free(socks, 2 * FLOOD * sizeof (*socks));
}

/*
 * The device, its driver, and the guest as such
 */

/* The driver goes, or the guest does without a word. */
static void
device_stop(void)
{
	faulted();
	if (host->vh_running)
		VERIFY0(fvio_detach(host->vh_dev));
}

/* With a driver that has just begun, on both sides of the wire. */
static void
device_start(void)
{
	faulted();
	VERIFY0(hv_ioctl(guest, VSOCKHV_RESET, 0));
	guest->hg_brk = guest->hg_brk0;
	hv_driver_start(guest, HV_F_VERSION_1);
	hv_settle();
	/* It may not, if there is no memory: another time. */
	(void) fvio_attach(host->vh_dev);
	hv_settle();
	bzero(wire, sizeof (wire));
	for (uint_t i = 0; i < VIRTIO_VSOCK_NQUEUES; i++)
		wire[i].w_awake = B_TRUE;
}

static void
guest_create(void)
{
	cred_t *cr = fk_cred_create(0, 0, zone != NULL ? zone : global_zone,
	    B_TRUE);

	guest = hv_guest_create_as(GCID, cr);
	crfree(cr);
}

/* HV's half: a zone perhaps, who listens, and a guest that does not run yet. */
static void
hv_half_begin(boolean_t zoned)
{
	zone = zoned ? fk_zone_create("hv") : NULL;
	guest_create();
	listeners[HV] = app_listen(HV, PORT, PAIRS);
}

static void
hv_half_end(void)
{
	VERIFY0(fsk_close(listeners[HV]));
	hv_guest_destroy(guest);
	if (zone != NULL)
		fk_zone_destroy(zone);
}

/*
 * Faults
 */

/* Nobody in the zone waits any more; then all that it had is closed. */
static void
fault_zone(void)
{
	if (zone == NULL)
		return;
	faulted();
	fk_zone_shutdown(zone);
	hv_settle();
	for (pair_t *p = pairs; p < pairs + npairs; p++) {
		for (uint_t me = 0; me < 2; me++) {
			if (app_half(p, me) != HV)
				continue;
			VERIFY0(app_threads(&p->p_end[me]));
			app_close(p, me);
		}
	}
	device_stop();
	hv_half_end();
	hv_half_begin(B_TRUE);
}

static void
fault_notify(uint_t queue)
{
	if (wire[queue].w_awake || wire[queue].w_lost ||
	    wire[queue].w_told == vh_notifies(host, queue))
		return;
	/* One: if viosock has said it again already, that is heard. */
	wire[queue].w_lost = B_TRUE;
	wire[queue].w_told++;
}

/* From F_NOMEM on: the first allocation, the second... */
static void
fault(uint_t which, pair_t *p, uint_t me)
{
	switch (which) {
	case F_TIME:
		faulted();
		fk_time_advance(MS(1000 + rnd(12000)));
		break;
	case F_LEASE:
		fvm_expire_leases(guest->hg_vm);
		break;
	case F_NOTIFY:
		fault_notify(VH_RX);
		fault_notify(VH_TX);
		break;
	case F_INTR:
		wire[VH_RX].w_deaf = B_TRUE;
		wire[VH_TX].w_deaf = B_TRUE;
		break;
	case F_BOOT:
		device_stop();
		device_start();
		break;
	case F_DETACH:
		device_stop();
		VERIFY0(hv_ioctl(guest, VSOCKHV_RESET, 0));
		break;
	case F_MIGRATE:
		if (!host->vh_running)
			break;
		faulted();
		/* There may be no room for it, or no memory. */
		(void) hv_ioctl(guest, VSOCKHV_SEND_RESET, 0);
		break;
	case F_DEATH:
		device_stop();
		fk_fail_nth(0);
		hv_guest_destroy(guest);
		guest_create();
		break;
	case F_KILL:
		app_kill(p, me);
		break;
	case F_ZONE:
		fk_fail_nth(0);
		fault_zone();
		break;
	default:
		fk_fail_nth(1 + which - F_NOMEM);
		break;
	}
}

static pair_t *
rnd_pair(void)
{
	return (&pairs[npairs == 0 ? 0 : rnd(npairs)]);
}

static void
step(boolean_t faults)
{
	pair_t *p = rnd_pair();
	uint_t me = rnd(2), n;

	switch (rnd(20)) {
	case 0: case 1:
		app_connect(rnd(2));
		break;
	case 2:
		(void) app_accept_any();
		break;
	case 3: case 4: case 5:
		app_read(p, me);
		break;
	case 6: case 7: case 8:
		app_write(p, me, 1 + rnd(rnd(3) == 0 ? MAXDATA : 100));
		break;
	case 9:
		if (rnd(3) == 0)
			app_shut(p, me);
		else if (rnd(3) == 0)
			app_close(p, me);
		break;
	case 10: case 11:
		for (n = 1 + rnd(10); n > 0 && wire_up(); n--)
			continue;
		break;
	case 12: case 13:
		for (n = 1 + rnd(10); n > 0 && wire_down(); n--)
			continue;
		break;
	case 14: case 15:
		wire_intr(rnd(VIRTIO_VSOCK_NQUEUES));
		break;
	case 16: case 17:
		wire_notify();
		break;
	case 18:
		fk_time_advance(MS(rnd(50)));
		break;
	default:
		if (faults && rnd(6) == 0)
			fault(rnd(FAULTS), rnd_pair(), rnd(2));
		else if (!host->vh_running && rnd(3) == 0)
			device_start();
		else
			(void) wire_event();
		break;
	}
	if (rnd(4) != 0)
		hv_settle();
}

/*
 * The script, a letter a step.  Two connections, one from each side; the first
 * has a thread that writes and one that reads, the other is used by turns.
 */
static const char script[] =
	"Cg"			/* connect: HV, GUEST */
	"undia" "undia"		/* up, notify, down, interrupt, accept */
	"rw" "undi" "r"		/* read, or begin to; write */
	"undi" "r" "undi" "rw"
	"undi" "l" "undi" "r"	/* much is written */
	"s" "undi" "r" "undi"	/* shutdown() by one side ... */
	"x" "undi" "r" "undi"	/* ... close() by the other ... */
	"y" "undi" "undi";	/* ... and by both */

#define	SCRIPT		(sizeof (script) - 1)
#define	SPREAD		29		/* no factor of that */

static void
script_step(char what)
{
	switch (what) {
	case 'C':
		app_connect(HV);
		break;
	case 'g':
		app_connect(GUEST);
		break;
	case 'u':
		while (wire_up())
			continue;
		break;
	case 'n':
		wire_notify();
		break;
	case 'd':
		while (wire_down() || wire_event())
			continue;
		break;
	case 'i':
		for (uint_t i = 0; i < VIRTIO_VSOCK_NQUEUES; i++)
			wire_intr(i);
		break;
	case 'a':
		while (app_accept_any())
			continue;
		break;
	default:
		for (uint_t i = 0; i < 2 * npairs; i++) {
			pair_t *p = &pairs[i / 2];
			uint_t me = i % 2;

			if (what == 'r')
				app_read(p, me);
			else if (what == 'w')
				app_write(p, me, 100);
			else if (what == 'l')
				app_write(p, me, MAXDATA);
			else if (what == 's' && me == 0)
				app_shut(p, me);
			else if ((what == 'x' && me == 1) || what == 'y')
				app_close(p, me);
		}
		break;
	}
	hv_settle();
}

uint64_t
sim_cases(void)
{
	return (FAULTS * SCRIPT);
}

/* Is it as if nothing had ever happened to it? */
static boolean_t
sound(const pair_t *p)
{
	return (p->p_accepted && p->p_end[0].e_error == 0 &&
	    p->p_end[1].e_error == 0);
}

static void
check(void)
{
	for (pair_t *p = pairs; p < pairs + npairs; p++) {
		for (uint_t me = 0; me < 2; me++) {
			end_t *e = &p->p_end[me], *o = &p->p_end[!me];

			if (e->e_file == NULL || !sound(p))
				continue;
			if (!tainted(p)) {
				VERIFY3U(e->e_read, ==, o->e_written);
			} else {
				/* It may have been reset, which is seen. */
				VERIFY3U(e->e_read, <=, o->e_written);
				VERIFY(e->e_eof ||
				    e->e_read == o->e_written);
			}
		}
	}
}

static void
run_script(uint64_t number)
{
	for (uint_t i = 0; script[i] != '\0'; i++) {
		if (i == number / FAULTS * SPREAD % SCRIPT) {
			fault(number % FAULTS, &pairs[0], i % 2);
			hv_settle();
		}
		script_step(script[i]);
	}
}

static void
run_steps(void)
{
	boolean_t faults = (rnd(4) != 0);

	if (rnd(8) == 0)
		app_flood(rnd(2));
	wire_silent = (rnd(4) == 0);
	for (uint_t i = 0; i < STEPS; i++)
		step(faults);
}

void
sim_run(uint64_t number, bool is_case)
{
	scripted = is_case;
	sim_state = (scripted ? 1 : number) * 0x9e3779b97f4a7c15ULL + 1;
	sim_faults = 0;
	npairs = 0;
	hv_begin();
	VERIFY0(fk_modload("viosock"));
	mutex_init(&app_lock, NULL, MUTEX_DEFAULT, NULL);
	packet = kmem_alloc(sizeof (*packet), KM_SLEEP);
	pairs = kmem_zalloc(PAIRS * sizeof (pair_t), KM_SLEEP);
	hv_half_begin(scripted || rnd(2));
	listeners[GUEST] = app_listen(GUEST, PORT, PAIRS);
	host = vh_create(VH_INSTANCE, 0);
	/* Rings of all sizes. */
	for (uint_t i = 0; i < VIRTIO_VSOCK_NQUEUES; i++)
		host->vh_qsize[i] = 8 << rnd(6);
	wire_silent = B_FALSE;
	device_start();

	if (scripted)
		run_script(number);
	else
		run_steps();

	/* From here on all is well; but the last word may have been lost. */
	hv_settle();
	fk_fail_nth(0);
	fault(F_NOTIFY, NULL, 0);
	if (!host->vh_running)
		device_start();
	VERIFY(host->vh_running);
	flow();
	check();
	for (pair_t *p = pairs; p < pairs + npairs; p++) {
		app_write(p, 0, 1);
		app_write(p, 1, 1);
	}
	flow();
	check();

	/* Those who close, and then, without choice, those who waited. */
	faulted();
	for (uint_t n = 0; n < 4; n++) {
		for (pair_t *p = pairs; p < pairs + npairs; p++) {
			app_close(p, 0);
			app_close(p, 1);
			/* Both have threads: then the peer will not know. */
			if (p->p_end[0].e_file != NULL &&
			    p->p_end[1].e_file != NULL)
				(void) fsk_shutdown(p->p_end[0].e_file,
				    SHUT_RDWR);
		}
		flow();
	}
	for (pair_t *p = pairs; p < pairs + npairs; p++) {
		VERIFY3P(p->p_end[0].e_file, ==, NULL);
		VERIFY3P(p->p_end[1].e_file, ==, NULL);
	}
	if (listeners[GUEST] != NULL)
		VERIFY0(fsk_close(listeners[GUEST]));
	fk_time_advance(MS(60000));
	(void) wire_flow();

	VERIFY0(fvio_detach(host->vh_dev));
	vh_destroy(host);
	if (zone != NULL)
		fk_zone_shutdown(zone);
	hv_half_end();
	kmem_free(pairs, PAIRS * sizeof (pair_t));
	kmem_free(packet, sizeof (*packet));
	mutex_destroy(&app_lock);
	VERIFY0(fk_timeouts_pending());
	VERIFY0(fk_modunload("viosock"));
	hv_end();
}
