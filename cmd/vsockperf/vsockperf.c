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
 *	vsockperf [-c] TEST KIND [SIZE] [MILLISECONDS]
 *
 * TEST is one of
 *
 *	up		the client sends messages of SIZE bytes to the server:
 *			MiB/s, as the receiver sees it
 *	down		the server sends
 *	rtt		SIZE bytes there and back: microseconds, the median,
 *			and the 99th percentile
 *	connect		connect, a byte each way, close: times a second
 *	idle		SIZE connections that nobody uses: bytes of kernel
 *			memory for each, on the server's side
 *	copy		memory copied in pieces of SIZE: MiB/s.  KIND is unused
 *	eventfd		a byte there and back, by eventfds: as rtt
 *
 * and KIND one of the kinds of sockets of ends.c.  The figures are printed on
 * one line, with blanks between them.  With -c, lines with a name and a number
 * follow: what it has cost each process, and the statistics of its kernel.
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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "perf.h"

#define	MAX_SAMPLES	1000000

typedef struct side {
	const perf_kind_t *si_kind;
	bool		si_server;
	int		si_from;	/* of the other: bytes to be in step */
	int		si_to;
	perf_sock_t	*si_listener;
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
static uint64_t received;			/* bytes, of a stream */

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
	if (write(si->si_to, "", 1) != 1)
		perf_die("pipe", errno);
}

static void
hear(side_t *si)
{
	char byte;

	if (read(si->si_from, &byte, 1) != 1)
		exit(1);	/* the other has said why */
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
 * Streams.
 */

static void
stream_send(side_t *si, perf_sock_t *ps)
{
	uint64_t until = now() + duration;
	void *buf = buffer(size);
	size_t n = 0;

	/* The clock is not looked at for each of the small ones. */
	do {
		si->si_kind->pk_send(ps, buf, size);
	} while ((++n * size) % 65536 >= size || now() < until);
	si->si_kind->pk_close(ps);
	free(buf);
}

static void
stream_recv(side_t *si, perf_sock_t *ps)
{
	size_t room = size < 65536 ? 65536 : size;
	void *buf = buffer(room);
	uint64_t start, bytes = 0;
	size_t n;

	n = si->si_kind->pk_recv(ps, buf, room);
	start = now();
	while (n != 0) {
		n = si->si_kind->pk_recv(ps, buf, room);
		bytes += n;
	}
	(void) printf("%.1f\n", (double)bytes * 1e9 / (1 << 20) /
	    (double)(now() - start));
	received = bytes;
	si->si_kind->pk_close(ps);
	free(buf);
}

static void
up_server(side_t *si)
{
	stream_recv(si, si->si_kind->pk_accept(si->si_listener));
}

static void
up_client(side_t *si)
{
	stream_send(si, si->si_kind->pk_connect());
}

static void
down_server(side_t *si)
{
	stream_send(si, si->si_kind->pk_accept(si->si_listener));
}

static void
down_client(side_t *si)
{
	stream_recv(si, si->si_kind->pk_connect());
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
connect_server(side_t *si)
{
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

static void
connect_client(side_t *si)
{
	uint64_t start = now(), until = start + duration;
	uint64_t n = 0;
	char byte = 'x';

	do {
		perf_sock_t *ps = si->si_kind->pk_connect();

		if (now() >= until)
			byte = 'e';
		si->si_kind->pk_send(ps, &byte, 1);
		recv_all(si, ps, &byte, 1);
		si->si_kind->pk_close(ps);
		n++;
	} while (byte != 'e');
	(void) printf("%.0f\n", (double)n * 1e9 / (double)(now() - start));
}

static void
idle_server(side_t *si)
{
	perf_sock_t **ps = calloc(size, sizeof (*ps));
	uint64_t before = si->si_kind->pk_memory();

	for (size_t i = 0; i < size; i++) {
		ps[i] = si->si_kind->pk_accept(si->si_listener);
		si->si_kind->pk_send(ps[i], "", 1);
	}
	hear(si);
	(void) printf("%.0f\n", (double)(si->si_kind->pk_memory() - before) /
	    (double)size);
	tell(si);
	for (size_t i = 0; i < size; i++)
		si->si_kind->pk_close(ps[i]);
	free(ps);
}

static void
idle_client(side_t *si)
{
	perf_sock_t **ps = calloc(size, sizeof (*ps));
	char byte;

	/* One after the other, or the listener's queue is too short. */
	for (size_t i = 0; i < size; i++) {
		ps[i] = si->si_kind->pk_connect();
		recv_all(si, ps[i], &byte, 1);
	}
	tell(si);
	hear(si);
	for (size_t i = 0; i < size; i++)
		si->si_kind->pk_close(ps[i]);
	free(ps);
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
	{ "down",	down_server,	down_client },
	{ "rtt",	rtt_server,	rtt_client },
	{ "connect",	connect_server,	connect_client },
	{ "idle",	idle_server,	idle_client },
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
		test->te_server(si);
		pk->pk_close(si->si_listener);
	} else {
		tell(si);
		test->te_client(si);
	}
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
	int up[2], down[2], status = 0;
	side_t server = { .si_kind = pk, .si_server = true };
	side_t client = { .si_kind = pk };
	pthread_t thread;
	pid_t pid;

	if (pipe(up) == -1 || pipe(down) == -1)
		perf_die("pipe", errno);
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
	if ((pid = fork()) == -1)
		perf_die("fork", errno);
	if (pid == 0) {
		(void) close(up[0]);
		(void) close(down[1]);
		(void) side_main(&client);
		exit(0);
	}
	(void) close(up[1]);
	(void) close(down[0]);
	(void) side_main(&server);
	(void) waitpid(pid, &status, 0);
	return (status == 0 ? 0 : 1);
}

int
main(int argc, char **argv)
{
	const perf_kind_t *pk;
	char command[96];
	int status;

	if (argc >= 2 && strcmp(argv[1], "-c") == 0) {
		costs = true;
		argc--;
		argv++;
	}
	if (argc >= 4)
		size = strtoull(argv[3], NULL, 0);
	if (argc >= 5)
		duration = strtoull(argv[4], NULL, 0) * 1000000;
	if (argc >= 2 && strcmp(argv[1], "copy") == 0) {
		copy_test();
		return (0);
	}
	if (argc >= 2 && strcmp(argv[1], "eventfd") == 0) {
		eventfd_test();
		return (0);
	}
	for (test = tests; argc >= 3 && test->te_name != NULL; test++) {
		if (strcmp(test->te_name, argv[1]) == 0)
			break;
	}
	for (pk = perf_kinds; argc >= 3 && pk->pk_name != NULL; pk++) {
		if (strcmp(pk->pk_name, argv[2]) == 0)
			break;
	}
	if (argc < 3 || test->te_name == NULL || pk->pk_name == NULL ||
	    size == 0) {
		(void) fprintf(stderr,
		    "usage: vsockperf [-c] TEST KIND [SIZE] [MILLISECONDS]\n");
		for (pk = perf_kinds; pk->pk_name != NULL; pk++) {
			(void) fprintf(stderr, "    %-8s  %s\n", pk->pk_name,
			    pk->pk_text);
		}
		return (2);
	}
	(void) strcpy(perf_dir, "/tmp/vsockperf.XXXXXX");
	if (mkdtemp(perf_dir) == NULL)
		perf_die(perf_dir, errno);
	status = run(pk);
	(void) snprintf(command, sizeof (command), "rm -rf %s", perf_dir);
	(void) system(command);
	return (status);
}
