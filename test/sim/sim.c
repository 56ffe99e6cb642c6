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
 * an interrupt, time, or a fault; after each, all threads of the kernel have
 * come to rest.  Some applications have threads of their own, which block.  At
 * last faults end, everything flows, and then
 *
 *	every stream that was not reset has arrived, byte for byte
 *	every connection that is open still works in both directions
 *	every blocked call ends when the peer is gone
 *	nothing is left in the kernel
 *
 * A stream that ended without an error has been read to its last byte.  One may
 * be reset only if there was a fault that does that.
 */

#include <sys/kmem.h>
#include <sys/param.h>
#include <sys/sysmacros.h>
#include <sys/thread.h>
#include <sys/proc.h>
#include <sys/disp.h>
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
	uint32_t	p_cid;		/* where to */
	uint32_t	p_port;		/* of the one who connects */
	boolean_t	p_accepted;
	boolean_t	p_aborted;	/* closed before it was connected */
	uint64_t	p_faults;	/* faults_now(), before */
	end_t		p_end[2];	/* who connects, who accepts */
} pair_t;

static uint64_t sim_state;
static uint64_t sim_faults;		/* those of fk_fail_nth() apart */
static hv_guest_t *guest;
static vh_host_t *host;
static hv_packet_t *packet;
static fsk_file_t *listener;
static pair_t *pairs;
static uint_t npairs;

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
	return (sim_faults + failed);
}

/* May it have been reset? */
static boolean_t
tainted(const pair_t *p)
{
	return (!p->p_accepted || p->p_aborted || faults_now() != p->p_faults);
}

/* A socket, with a buffer that is soon full or not. */
static fsk_file_t *
app_socket(void)
{
	uint64_t bytes = 128ULL << rnd(12);
	fsk_file_t *f;

	VERIFY0(fsk_socket(AF_VSOCK, SOCK_STREAM, 0, &f));
	fsk_set_nonblock(f, true);
	VERIFY0(fsk_setsockopt(f, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &bytes,
	    sizeof (bytes)));
	return (f);
}

/*
 * The wire
 */

/* One packet from viosock to vsockhv; B_FALSE: there is none, or no room. */
static boolean_t
wire_up(void)
{
	fvio_elem_t *fe;
	boolean_t ok;
	uint32_t id, len;

	while (hv_used(guest, HV_TX, &id, &len))
		continue;
	if (!host->vh_running || guest->hg_ring[HV_TX].hr_out >= INFLIGHT)
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
	}
	kmem_free(fe, sizeof (*fe));
	return (ok);
}

/* The other way. */
static boolean_t
wire_down(void)
{
	if (!host->vh_running || fvio_vq_avail(&host->vh_vq[VH_RX]) == 0 ||
	    !hv_recv(guest, packet))
		return (B_FALSE);
	VERIFY3U(packet->p_hdr.vvh_dst_cid, ==, GCID);
	packet->p_hdr.vvh_dst_cid = VH_CID;
	VERIFY(vh_queue(host, &packet->p_hdr, packet->p_hdr.vvh_len == 0 ?
	    NULL : packet->p_data));
	return (B_TRUE);
}

static void
wire_intr(uint_t queue)
{
	if (host->vh_running)
		vh_intr(host, queue);
}

/* Everything that can move does: B_FALSE, nothing did. */
static boolean_t
wire_flow(void)
{
	boolean_t moved = B_FALSE;

	while (wire_up())
		moved = B_TRUE;
	(void) hv_notify(guest, HV_TX);
	hv_settle();
	while (wire_down())
		moved = B_TRUE;
	for (uint_t i = 0; i < VIRTIO_VSOCK_NQUEUES; i++)
		wire_intr(i);
	hv_settle();
	return (moved);
}

/*
 * Applications
 */

/* What came, from the other end of the pair. */
static void
app_got(pair_t *p, uint_t me, const uint8_t *buf, size_t n, int err)
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
app_sent(pair_t *p, uint_t me, size_t n, int err)
{
	end_t *e = &p->p_end[me], *o = &p->p_end[!me];

	e->e_written += n;
	if (err == 0 || err == EWOULDBLOCK || err == ENOTCONN || err == EINTR ||
	    err == ENOMEM)
		return;
	if (!tainted(p) && !o->e_closed && !e->e_shut)
		panic("connection %u, end %u: error %d on send", p->p_id,
		    me, err);
	if (!o->e_closed && !e->e_shut)
		e->e_error = err;
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

/* Is it connected? */
static boolean_t
app_connected(end_t *e)
{
	struct sockaddr_vm svm;
	uint32_t len = sizeof (svm);

	return (fsk_getpeername(e->e_file, &svm, &len) == 0);
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
	if ((e->e_reader = (rnd(4) == 0)))
		app_thread(p, me, app_reader);
	if ((e->e_writer = (rnd(8) == 0)))
		app_thread(p, me, app_writer);
}

static void
app_connect(void)
{
	pair_t *p;
	struct sockaddr_vm svm = {
		.svm_family	= AF_VSOCK,
		.svm_cid	= rnd(2) ? GCID : VMADDR_CID_HOST,
		.svm_port	= PORT
	};
	fsk_file_t *f;
	int err;

	/* Without a device, CID 2 is the loopback. */
	if (npairs == PAIRS || !host->vh_running)
		return;
	f = app_socket();
	err = fsk_connect(f, &svm, sizeof (svm));
	if (err != EINPROGRESS) {
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
app_accept(void)
{
	struct sockaddr_vm svm;
	uint32_t len = sizeof (svm);
	fsk_file_t *f;
	pair_t *p;

	if (fsk_accept(listener, &svm, &len, &f) != 0)
		return (B_FALSE);
	for (p = pairs; p < pairs + npairs; p++) {
		if (p->p_port == svm.svm_port && !p->p_accepted &&
		    p->p_cid != svm.svm_cid)
			break;
	}
	VERIFY3P(p, !=, pairs + npairs);
	p->p_accepted = B_TRUE;
	p->p_end[1].e_file = f;
	return (B_TRUE);
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

	if (e->e_file == NULL || e->e_writer)
		return;
	if (fsk_shutdown(e->e_file, SHUT_WR) == 0)
		e->e_shut = B_TRUE;
}

static void
app_close(pair_t *p, uint_t me)
{
	end_t *e = &p->p_end[me];

	if (e->e_file == NULL || app_threads(e) != 0)
		return;
	if (!app_connected(e))
		p->p_aborted = B_TRUE;
	e->e_closed = B_TRUE;
	VERIFY0(fsk_close(e->e_file));
	e->e_file = NULL;
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
		while (app_accept())
			continue;
		after = 0;
		for (pair_t *p = pairs; p < pairs + npairs; p++) {
			for (uint_t me = 0; me < 2; me++) {
				app_read(p, me);
				after += p->p_end[me].e_read +
				    p->p_end[me].e_eof;
			}
		}
		/* Some is only told after a while. */
		if (wire_flow() || after != before) {
			quiet = 0;
		} else {
			fk_time_advance(MS(60));
			quiet++;
		}
	} while (quiet < 6);
}

/*
 * Both systems ask for many connections at a time, more than the rings hold and
 * more than they may owe answers.  All are accepted, or refused if there is no
 * listener, and none times out.
 */
static void
app_flood(boolean_t there)
{
	fsk_file_t **socks, *l = NULL, *f;
	struct sockaddr_vm svm = { .svm_family = AF_VSOCK };
	uint32_t len;
	int err;

	if (there)
		l = hv_listen(FLOODED, 2 * FLOOD);
	socks = kmem_alloc(2 * FLOOD * sizeof (*socks), KM_SLEEP);
	for (uint_t i = 0; i < 2 * FLOOD; i++) {
		svm.svm_cid = (i % 2 == 0) ? GCID : VMADDR_CID_HOST;
		svm.svm_port = FLOODED;
		socks[i] = app_socket();
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
			VERIFY0(fsk_accept(l, NULL, NULL, &f));
			VERIFY0(fsk_close(f));
		}
	}
	flow();
	if (there)
		VERIFY0(fsk_close(l));
	kmem_free(socks, 2 * FLOOD * sizeof (*socks));
}

/*
 * Faults
 */

/* The guest's driver resets its device, or it boots again. */
static void
fault_reset(void)
{
	sim_faults++;
	if (host->vh_running)
		VERIFY0(fvio_detach(host->vh_dev));
	VERIFY0(hv_ioctl(guest, VSOCKHV_RESET, 0));
	guest->hg_brk = guest->hg_brk0;
	hv_driver_start(guest, HV_F_VERSION_1);
	hv_settle();
	if (fvio_attach(host->vh_dev) != 0)
		return;		/* no memory: another time */
	hv_settle();
}

static void
fault(void)
{
	switch (rnd(4)) {
	case 0:
		fk_fail_nth(1 + rnd(20));
		break;
	case 1:
		fault_reset();
		break;
	case 2:
		/* Timers run out. */
		sim_faults++;
		fk_time_advance(MS(1000 + rnd(12000)));
		break;
	default:
		fvm_expire_leases(guest->hg_vm);
		break;
	}
}

static void
step(boolean_t faults)
{
	pair_t *p = &pairs[npairs == 0 ? 0 : rnd(npairs)];
	uint_t me = rnd(2), n;

	switch (rnd(20)) {
	case 0: case 1:
		app_connect();
		break;
	case 2:
		(void) app_accept();
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
		(void) hv_notify(guest, HV_TX);
		break;
	case 18:
		fk_time_advance(MS(rnd(50)));
		break;
	default:
		if (faults && rnd(6) == 0)
			fault();
		break;
	}
	hv_settle();
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

void
sim_run(uint64_t seed)
{
	boolean_t faults;
	uint64_t bytes;

	sim_state = seed * 0x9e3779b97f4a7c15ULL + 1;
	sim_faults = 0;
	npairs = 0;
	faults = (rnd(4) != 0);
	hv_begin();
	VERIFY0(fk_modload("viosock"));
	packet = kmem_alloc(sizeof (*packet), KM_SLEEP);
	pairs = kmem_zalloc(PAIRS * sizeof (pair_t), KM_SLEEP);
	guest = hv_guest_boot(GCID, HV_F_VERSION_1);
	host = vh_create(VH_INSTANCE, 0);
	/* Rings of all sizes. */
	for (uint_t i = 0; i < VIRTIO_VSOCK_NQUEUES; i++)
		host->vh_qsize[i] = 8 << rnd(6);
	VERIFY0(fvio_attach(host->vh_dev));
	hv_settle();
	listener = hv_listen(PORT, PAIRS);
	bytes = 128ULL << rnd(12);
	VERIFY0(fsk_setsockopt(listener, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE,
	    &bytes, sizeof (bytes)));

	if (rnd(8) == 0)
		app_flood(rnd(2));
	for (uint_t i = 0; i < STEPS; i++)
		step(faults);

	/* From here on all is well. */
	fk_fail_nth(0);
	if (!host->vh_running)
		fault_reset();
	flow();
	check();
	for (pair_t *p = pairs; p < pairs + npairs; p++) {
		app_write(p, 0, 1);
		app_write(p, 1, 1);
	}
	flow();
	check();

	/* Those who close, and then, without choice, those who waited. */
	sim_faults++;
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
	VERIFY0(fsk_close(listener));
	fk_time_advance(MS(60000));
	(void) wire_flow();

	VERIFY0(fvio_detach(host->vh_dev));
	vh_destroy(host);
	hv_guest_destroy(guest);
	kmem_free(pairs, PAIRS * sizeof (pair_t));
	kmem_free(packet, sizeof (*packet));
	VERIFY0(fk_timeouts_pending());
	VERIFY0(fk_modunload("viosock"));
	hv_end();
}
