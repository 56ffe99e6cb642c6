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
 * vsockperf: how fast sockets are.
 *
 *	vsockperf [-c] [-g CLIENTS] [-i IDLE] [-n ROUNDS]
 *	    TEST KIND [SIZE] [MILLISECONDS]
 *
 * TEST is one of
 *
 *	up		the client sends messages of SIZE bytes to the server:
 *			MiB/s, as the receiver sees it
 *	flood		as up, but the first client does nothing but send on
 *			FLOODERS connections, messages of FLOOD_SIZE bytes
 *	down		the server sends
 *	rtt		SIZE bytes there and back: microseconds, the median,
 *			and the 99th percentile
 *	connect		connect, a byte each way, close: times a second, with
 *			SIZE threads on either side
 *	idle		SIZE connections that nobody uses: bytes of kernel
 *			memory for each, on the server's side
 *	alone		one thread sends SIZE bytes and receives them itself,
 *			ALONE_ROUNDS times in alone_round(), always in the same
 *			way: to count instructions.  Of kinds in one process
 *	copy		memory copied in pieces of SIZE: MiB/s.  KIND is unused
 *	eventfd		a byte there and back, by eventfds: as rtt
 *
 * and KIND one of the kinds of sockets of ends.c.  The figures are printed on
 * one line, with blanks between them.  With -c, lines with a name and a number
 * follow: what it has cost each process, and the statistics of its kernel.
 *
 *	-g		so many clients, each a process, and with vsock a guest
 *			of its own; of "up": the sum of all, the slowest, and
 *			the fastest, and likewise of "flood", where the first
 *			counts for the sum only.  No other test knows of that
 *	-i		so many other connections are open meanwhile
 *	-n		the test is done so many times, with a line for each
 *
 * The server is a process, the client another, or both are threads of one for
 * kinds that cannot be shared.  They are in step by a pipe each way: what is
 * measured begins when both are ready.
 */

#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "perf.h"

#define	MAX_SAMPLES	1000000
#define	MAX_THREADS	64
#define	ALONE_ROUNDS	2000
#define	OPENERS		16	/* threads that open idle connections */

typedef struct side {
	const perf_kind_t *si_kind;
	bool		si_server;
	unsigned	si_others;	/* sides there are of the other kind */
	int		si_from;	/* of them: bytes to be in step */
	int		si_to;
	perf_sock_t	*si_listener;
	perf_sock_t	**si_idle;
} side_t;

typedef struct test {
	const char	*te_name;
	void		(*te_server)(side_t *);
	void		(*te_client)(side_t *);
} test_t;

static size_t size = 65536;
static uint64_t duration = 1000000000;		/* ns */
static const test_t *test;
static bool costs;
static unsigned rounds = 1;
static uint64_t received;			/* bytes, of streams */

static uint64_t
now(void)
{
	struct timespec ts;

	(void) clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec);
}

static void
tell(side_t *si)
{
	for (unsigned i = 0; i < si->si_others; i++) {
		if (write(si->si_to, "", 1) != 1)
			perf_die("pipe", errno);
	}
}

static void
hear(side_t *si)
{
	char byte;

	for (unsigned i = 0; i < si->si_others; i++) {
		if (read(si->si_from, &byte, 1) != 1)
			exit(1);	/* the other has said why */
	}
}

static void *
buffer(size_t len)
{
	void *p;

	if (posix_memalign(&p, 4096, len) != 0)
		perf_die("memory", ENOMEM);
	(void) memset(p, 'x', len);
	return (p);
}

/*
 * Threads that do the same, all at once; the first is the caller.
 */
typedef struct worker {
	side_t		*wo_side;
	void		(*wo_func)(struct worker *);
	unsigned	wo_index;
	pthread_t	wo_thread;
	perf_sock_t	*wo_sock;
	uint64_t	wo_count;
	uint64_t	wo_start;	/* times */
	uint64_t	wo_end;
} worker_t;

static void *
worker_main(void *arg)
{
	worker_t *wo = arg;

	wo->wo_side->si_kind->pk_thread();
	wo->wo_func(wo);
	wo->wo_side->si_kind->pk_thread_end();
	return (NULL);
}

static void
workers_run(side_t *si, worker_t *wo, unsigned n, void (*func)(worker_t *))
{
	for (unsigned i = 0; i < n; i++) {
		wo[i].wo_side = si;
		wo[i].wo_func = func;
		wo[i].wo_index = i;
		if (i != 0 && pthread_create(&wo[i].wo_thread, NULL,
		    worker_main, &wo[i]) != 0)
			perf_die("thread", EAGAIN);
	}
	func(&wo[0]);
	for (unsigned i = 1; i < n; i++)
		(void) pthread_join(wo[i].wo_thread, NULL);
}

/*
 * Streams.
 */
#define	FLOODERS	16
#define	FLOOD_SIZE	64

static void
stream_send(side_t *si, perf_sock_t *ps, size_t len)
{
	uint64_t until = now() + duration;
	void *buf = buffer(len);
	size_t n = 0;

	/* The clock is not looked at for each of the small ones. */
	do {
		si->si_kind->pk_send(ps, buf, len);
	} while ((++n * len) % 65536 >= len || now() < until);
	si->si_kind->pk_close(ps);
	free(buf);
}

static void
stream_recv(worker_t *wo)
{
	const perf_kind_t *pk = wo->wo_side->si_kind;
	size_t room = size < 65536 ? 65536 : size;
	void *buf = buffer(room);
	size_t n;

	n = pk->pk_recv(wo->wo_sock, buf, room);
	wo->wo_start = now();
	while (n != 0) {
		n = pk->pk_recv(wo->wo_sock, buf, room);
		wo->wo_count += n;
	}
	wo->wo_end = now();
	pk->pk_close(wo->wo_sock);
	free(buf);
}

static double
rate(uint64_t bytes, uint64_t start, uint64_t end)
{
	return ((double)bytes * 1e9 / (1 << 20) / (double)(end - start));
}

/*
 * `floods' of the connections flood: these say so first.
 */
static void
streams_server(side_t *si, unsigned n, unsigned floods)
{
	worker_t *wo = calloc(n + floods, sizeof (*wo));
	uint64_t start = UINT64_MAX, end = 0, bytes = 0;
	double least = 0, most = 0, r;
	unsigned i, good = 0, bad = n;
	perf_sock_t *ps;
	char byte;

	/* The floods are the last of wo[]. */
	for (i = 0; i < n + floods; i++) {
		ps = si->si_kind->pk_accept(si->si_listener);
		(void) si->si_kind->pk_recv(ps, &byte, 1);
		wo[byte == 'f' ? bad++ : good++].wo_sock = ps;
	}
	for (i = 0; i < n + floods; i++)
		si->si_kind->pk_send(wo[i].wo_sock, "", 1);
	workers_run(si, wo, n + floods, stream_recv);
	for (i = 0; i < n + floods; i++) {
		bytes += wo[i].wo_count;
		start = wo[i].wo_start < start ? wo[i].wo_start : start;
		end = wo[i].wo_end > end ? wo[i].wo_end : end;
		if (i >= n)
			continue;
		r = rate(wo[i].wo_count, wo[i].wo_start, wo[i].wo_end);
		least = i == 0 || r < least ? r : least;
		most = r > most ? r : most;
	}
	(void) printf("%.1f", rate(bytes, start, end));
	if (n > 1)
		(void) printf(" %.2f %.2f", least, most);
	(void) printf("\n");
	received += bytes;
	free(wo);
}

static void
streams_client(side_t *si, const char *kind, size_t len)
{
	perf_sock_t *ps = si->si_kind->pk_connect();
	char byte;

	si->si_kind->pk_send(ps, kind, 1);
	(void) si->si_kind->pk_recv(ps, &byte, 1);
	stream_send(si, ps, len);
}

static void
up_server(side_t *si)
{
	streams_server(si, si->si_others, 0);
}

static void
up_client(side_t *si)
{
	streams_client(si, "u", size);
}

static void
flood_thread(worker_t *wo)
{
	streams_client(wo->wo_side, "f", FLOOD_SIZE);
}

static void
flood_server(side_t *si)
{
	streams_server(si, si->si_others - 1, FLOODERS);
}

static void
flood_client(side_t *si)
{
	worker_t *wo;

	if (perf_client != 0) {
		up_client(si);
		return;
	}
	wo = calloc(FLOODERS, sizeof (*wo));
	workers_run(si, wo, FLOODERS, flood_thread);
	free(wo);
}

static void
down_server(side_t *si)
{
	stream_send(si, si->si_kind->pk_accept(si->si_listener), size);
}

static void
down_client(side_t *si)
{
	worker_t wo = { .wo_side = si };

	wo.wo_sock = si->si_kind->pk_connect();
	stream_recv(&wo);
	(void) printf("%.1f\n", rate(wo.wo_count, wo.wo_start, wo.wo_end));
	received += wo.wo_count;
}

/*
 * Round trips.
 */

static int
compare(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x < *y ? -1 : *x > *y);
}

static void
print_percentiles(uint32_t *samples, size_t n)
{
	qsort(samples, n, sizeof (*samples), compare);
	(void) printf("%.2f %.2f\n", samples[n / 2] / 1e3,
	    samples[n * 99 / 100] / 1e3);
}

static void
recv_all(side_t *si, perf_sock_t *ps, void *buf, size_t len)
{
	size_t done = 0, n;

	while (done < len) {
		n = si->si_kind->pk_recv(ps, (char *)buf + done, len - done);
		if (n == 0)
			perf_die("recv", EPIPE);
		done += n;
	}
}

static void
rtt_server(side_t *si)
{
	perf_sock_t *ps = si->si_kind->pk_accept(si->si_listener);
	void *buf = buffer(size);
	size_t done, n;

	for (;;) {
		for (done = 0; done < size; done += n) {
			n = si->si_kind->pk_recv(ps, (char *)buf + done,
			    size - done);
			if (n == 0)
				break;
		}
		if (done < size)
			break;
		si->si_kind->pk_send(ps, buf, size);
	}
	si->si_kind->pk_close(ps);
	free(buf);
}

static void
rtt_client(side_t *si)
{
	perf_sock_t *ps = si->si_kind->pk_connect();
	uint32_t *samples = buffer(MAX_SAMPLES * sizeof (*samples));
	uint64_t until = now() + duration, start, end;
	void *buf = buffer(size);
	size_t n = 0;

	do {
		start = now();
		si->si_kind->pk_send(ps, buf, size);
		recv_all(si, ps, buf, size);
		end = now();
		samples[n++] = (uint32_t)(end - start);
	} while (end < until && n < MAX_SAMPLES);
	si->si_kind->pk_close(ps);
	print_percentiles(samples, n);
	free(samples);
	free(buf);
}

/*
 * Connections.
 */

static void
connect_serve(worker_t *wo)
{
	side_t *si = wo->wo_side;
	perf_sock_t *ps;
	char byte;
	bool more;

	do {
		ps = si->si_kind->pk_accept(si->si_listener);
		recv_all(si, ps, &byte, 1);
		more = (byte != 'e');
		si->si_kind->pk_send(ps, &byte, 1);
		(void) si->si_kind->pk_recv(ps, &byte, 1);
		si->si_kind->pk_close(ps);
	} while (more);
}

/* The last connection of a thread ends one of the server's threads. */
static void
connect_thread(worker_t *wo)
{
	side_t *si = wo->wo_side;
	uint64_t until = now() + duration;
	char byte = 'x';

	do {
		perf_sock_t *ps = si->si_kind->pk_connect();

		if (now() >= until)
			byte = 'e';
		si->si_kind->pk_send(ps, &byte, 1);
		recv_all(si, ps, &byte, 1);
		si->si_kind->pk_close(ps);
		wo->wo_count++;
	} while (byte != 'e');
}

static void
connect_server(side_t *si)
{
	worker_t *wo = calloc(size, sizeof (*wo));

	workers_run(si, wo, (unsigned)size, connect_serve);
	free(wo);
}

static void
connect_client(side_t *si)
{
	worker_t *wo = calloc(size, sizeof (*wo));
	uint64_t start = now(), n = 0;

	workers_run(si, wo, (unsigned)size, connect_thread);
	for (size_t i = 0; i < size; i++)
		n += wo[i].wo_count;
	(void) printf("%.0f\n", (double)n * 1e9 / (double)(now() - start));
	free(wo);
}

/*
 * Connections that nobody uses.  Each begins with a byte from the server, so
 * that no more than OPENERS of them are in the listener's queue.
 */

static void
idle_accept(side_t *si, size_t n)
{
	si->si_idle = calloc(n + 1, sizeof (perf_sock_t *));
	for (size_t i = 0; i < n; i++) {
		si->si_idle[i] = si->si_kind->pk_accept(si->si_listener);
		si->si_kind->pk_send(si->si_idle[i], "", 1);
	}
}

static size_t idle_next, idle_count;

static void
idle_opener(worker_t *wo)
{
	side_t *si = wo->wo_side;
	char byte;
	size_t i;

	while ((i = __atomic_fetch_add(&idle_next, 1, __ATOMIC_RELAXED)) <
	    idle_count) {
		si->si_idle[i] = si->si_kind->pk_connect();
		recv_all(si, si->si_idle[i], &byte, 1);
	}
}

static void
idle_connect(side_t *si, size_t n)
{
	worker_t wo[OPENERS] = { 0 };

	si->si_idle = calloc(n + 1, sizeof (perf_sock_t *));
	idle_next = 0;
	idle_count = n;
	workers_run(si, wo, OPENERS, idle_opener);
}

static void
idle_close(side_t *si)
{
	for (size_t i = 0; si->si_idle[i] != NULL; i++)
		si->si_kind->pk_close(si->si_idle[i]);
	free(si->si_idle);
}

static void
idle_server(side_t *si)
{
	uint64_t before = si->si_kind->pk_memory();

	idle_accept(si, size);
	hear(si);
	(void) printf("%.0f\n", (double)(si->si_kind->pk_memory() - before) /
	    (double)size);
	tell(si);
	idle_close(si);
}

static void
idle_client(side_t *si)
{
	idle_connect(si, size);
	tell(si);
	hear(si);
	idle_close(si);
}

/*
 * One thread with both ends.  What is called before is the same every time, so
 * that memory is where it was, and so is what comes after.
 */

static void alone_round(const perf_kind_t *, perf_sock_t *, perf_sock_t *,
    void *) __attribute__((noinline));

static void
alone_round(const perf_kind_t *pk, perf_sock_t *from, perf_sock_t *to,
    void *buf)
{
	pk->pk_send(from, buf, size);
	for (size_t n = 0; n < size; )
		n += pk->pk_recv(to, buf, size - n);
}

static void
alone_test(const perf_kind_t *pk)
{
	perf_sock_t *listener, *from, *to;
	void *buf = buffer(size);

	pk->pk_begin(true);
	listener = pk->pk_listen();
	from = pk->pk_connect();
	to = pk->pk_accept(listener);
	for (unsigned i = 0; i < ALONE_ROUNDS; i++)
		alone_round(pk, from, to, buf);
	pk->pk_close(from);
	pk->pk_close(to);
	pk->pk_close(listener);
	pk->pk_end(true);
	(void) printf("%u\n", ALONE_ROUNDS);
	free(buf);
}

/*
 * What there is to compare with, other than sockets.
 */

static void
copy_test(void)
{
	/* Larger than any cache that a socket's buffers could stay in. */
	size_t room = 64 << 20, offset = 0;
	uint8_t *from = buffer(room), *to = buffer(room);
	uint64_t start = now(), until = start + duration;
	uint64_t bytes = 0;

	do {
		for (int i = 0; i < 64; i++) {
			(void) memcpy(to + offset, from + offset, size);
			offset = (offset + size) % (room - size);
			bytes += size;
		}
	} while (now() < until);
	(void) printf("%.1f\n", (double)bytes * 1e9 / (1 << 20) /
	    (double)(now() - start));
	free(from);
	free(to);
}

static void
eventfd_echo(int from, int to)
{
	uint64_t value;

	while (read(from, &value, sizeof (value)) == sizeof (value)) {
		if (write(to, &value, sizeof (value)) != sizeof (value))
			break;
	}
}

static void
eventfd_test(void)
{
	uint32_t *samples = buffer(MAX_SAMPLES * sizeof (*samples));
	int there = eventfd(0, 0), back = eventfd(0, 0);
	uint64_t until = now() + duration, start, end, value = 1;
	pid_t pid = fork();
	size_t n = 0;

	if (pid == 0) {
		eventfd_echo(there, back);
		exit(0);
	}
	do {
		start = now();
		if (write(there, &value, sizeof (value)) != sizeof (value) ||
		    read(back, &value, sizeof (value)) != sizeof (value))
			perf_die("eventfd", errno);
		end = now();
		samples[n++] = (uint32_t)(end - start);
	} while (end < until && n < MAX_SAMPLES);
	(void) kill(pid, 9);
	(void) waitpid(pid, NULL, 0);
	print_percentiles(samples, n);
	free(samples);
}

static const test_t tests[] = {
	{ "up",		up_server,	up_client },
	{ "flood",	flood_server,	flood_client },
	{ "down",	down_server,	down_client },
	{ "rtt",	rtt_server,	rtt_client },
	{ "connect",	connect_server,	connect_client },
	{ "idle",	idle_server,	idle_client },
	{ "alone",	NULL,		NULL },
	{ .te_name = NULL }
};

/* What the process of this side has used, and what its kernel has counted. */
static void
print_costs(const side_t *si)
{
	const char *side = si->si_server ? "server" : "client";
	struct rusage ru;

	if (received != 0) {
		(void) printf("%s:bytes %llu\n", side,
		    (unsigned long long)received);
	}
	if (!si->si_kind->pk_single || si->si_server) {
		(void) getrusage(RUSAGE_SELF, &ru);
		(void) printf("%s:cpu %.3f\n%s:switches %ld\n", side,
		    (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
		    (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6,
		    side, ru.ru_nvcsw + ru.ru_nivcsw);
		si->si_kind->pk_stats(side);
	}
	(void) fflush(stdout);
}

/* One side from its beginning to its end. */
static void *
side_main(void *arg)
{
	side_t *si = arg;
	const perf_kind_t *pk = si->si_kind;
	bool thread = pk->pk_single && !si->si_server;

	if (!si->si_server)
		hear(si);
	if (thread)
		pk->pk_thread();
	pk->pk_begin(si->si_server);
	if (si->si_server) {
		si->si_listener = pk->pk_listen();
		tell(si);
		hear(si);
		if (perf_idle != 0)
			idle_accept(si, perf_idle);
		for (unsigned i = 0; i < rounds; i++)
			test->te_server(si);
	} else {
		tell(si);
		if (perf_idle != 0)
			idle_connect(si, perf_idle);
		for (unsigned i = 0; i < rounds; i++)
			test->te_client(si);
	}
	if (perf_idle != 0)
		idle_close(si);
	if (si->si_server)
		pk->pk_close(si->si_listener);
	(void) fflush(stdout);
	/* What was sent must have arrived; then the client's end goes first. */
	if (si->si_server) {
		if (costs)
			print_costs(si);
		tell(si);
		hear(si);
	} else {
		hear(si);
		if (costs)
			print_costs(si);
	}
	pk->pk_end(si->si_server);
	if (thread)
		pk->pk_thread_end();
	if (!si->si_server)
		tell(si);
	return (NULL);
}

static int
run(const perf_kind_t *pk)
{
	int up[2], down[2], status, failed = 0;
	side_t server = { .si_kind = pk, .si_server = true };
	side_t client = { .si_kind = pk, .si_others = 1 };
	pthread_t thread;
	pid_t pid;

	if (pipe(up) == -1 || pipe(down) == -1)
		perf_die("pipe", errno);
	server.si_others = perf_clients;
	server.si_from = up[0];
	server.si_to = down[1];
	client.si_from = down[0];
	client.si_to = up[1];

	if (pk->pk_single) {
		if (pthread_create(&thread, NULL, side_main, &client) != 0)
			perf_die("thread", EAGAIN);
		(void) side_main(&server);
		(void) pthread_join(thread, NULL);
		return (0);
	}
	for (perf_client = 0; perf_client < perf_clients; perf_client++) {
		if ((pid = fork()) == -1)
			perf_die("fork", errno);
		if (pid == 0) {
			(void) close(up[0]);
			(void) close(down[1]);
			(void) side_main(&client);
			exit(0);
		}
	}
	(void) close(up[1]);
	(void) close(down[0]);
	(void) side_main(&server);
	while (wait(&status) != -1 || errno == EINTR)
		failed |= status;
	return (failed == 0 ? 0 : 1);
}

static void
usage(void)
{
	(void) fprintf(stderr, "usage: vsockperf [-c] [-g CLIENTS] [-i IDLE] "
	    "[-n ROUNDS] TEST KIND [SIZE] [MILLISECONDS]\n");
	for (const perf_kind_t *pk = perf_kinds; pk->pk_name != NULL; pk++) {
		(void) fprintf(stderr, "    %-8s  %s\n", pk->pk_name,
		    pk->pk_text);
	}
	exit(2);
}

/* Every connection of the machine's is a descriptor. */
static void
many_files(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		(void) setrlimit(RLIMIT_NOFILE, &rl);
	}
}

int
main(int argc, char **argv)
{
	const perf_kind_t *pk;
	char command[96];
	int status = 0, c;

	while ((c = getopt(argc, argv, "cg:i:n:")) != -1) {
		switch (c) {
		case 'c':
			costs = true;
			break;
		case 'g':
			perf_clients = (unsigned)strtoul(optarg, NULL, 0);
			break;
		case 'i':
			perf_idle = strtoull(optarg, NULL, 0);
			break;
		case 'n':
			rounds = (unsigned)strtoul(optarg, NULL, 0);
			break;
		default:
			usage();
		}
	}
	argc -= optind;
	argv += optind;
	if (argc >= 3)
		size = strtoull(argv[2], NULL, 0);
	if (argc >= 4)
		duration = strtoull(argv[3], NULL, 0) * 1000000;
	if (argc >= 1 && strcmp(argv[0], "copy") == 0) {
		copy_test();
		return (0);
	}
	if (argc >= 1 && strcmp(argv[0], "eventfd") == 0) {
		eventfd_test();
		return (0);
	}
	if (argc < 2)
		usage();
	for (test = tests; test->te_name != NULL; test++) {
		if (strcmp(test->te_name, argv[0]) == 0)
			break;
	}
	for (pk = perf_kinds; pk->pk_name != NULL; pk++) {
		if (strcmp(pk->pk_name, argv[1]) == 0)
			break;
	}
	if (test->te_name == NULL || pk->pk_name == NULL || size == 0 ||
	    rounds == 0 || perf_clients == 0 ||
	    (perf_clients > 1 && (pk->pk_single || perf_idle != 0 ||
	    (test->te_server != up_server &&
	    test->te_server != flood_server))) ||
	    (perf_clients < 3 && test->te_server == flood_server) ||
	    (test->te_server == connect_server && size > MAX_THREADS) ||
	    (test->te_server == NULL && !pk->pk_single))
		usage();
	many_files();
	(void) strcpy(perf_dir, "/tmp/vsockperf.XXXXXX");
	if (mkdtemp(perf_dir) == NULL)
		perf_die(perf_dir, errno);
	if (test->te_server != NULL)
		status = run(pk);
	else
		alone_test(pk);
	(void) snprintf(command, sizeof (command), "rm -rf %s", perf_dir);
	(void) system(command);
	return (status);
}
