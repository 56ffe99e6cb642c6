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
 * Runs the unit tests: unit [TEXT], those whose name contains the text.
 *
 * Each test is run in a child, two of them at a time, and has 60 seconds, or more
 * under ThreadSanitizer, which is slow.  The child's output is kept, and shown
 * if the test fails: that is, if the child does not end with 0 or, for a test
 * that must panic, does not abort after having written the expected text.  The
 * last line is "N passed, N failed", and the exit status 1 if any failed.
 */

#include <sys/types.h>
#include <sys/wait.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../ktest.h"

#define	RUN_CHILDREN	2
#ifdef __SANITIZE_THREAD__
#define	RUN_TIMEOUT	600		/* seconds */
#else
#define	RUN_TIMEOUT	60
#endif
#define	RUN_OUTPUT	(1 << 20)	/* kept of a test, bytes */
#define	RUN_MODULES	64
#define	RUN_SEED	0x5eedUL

typedef struct run {
	const ktest_t	*r_test;	/* NULL: free */
	pid_t		r_pid;
	int		r_fd;
	time_t		r_deadline;
	bool		r_hung;
	size_t		r_len;
	char		*r_output;
} run_t;

static ktest_t *run_tests;
static ktest_modules_t *run_modules;
static run_t run_slots[RUN_CHILDREN];
static int run_passed, run_failed;

/* Sorted by name. */
void
kt_register(ktest_t *kt)
{
	ktest_t **ktp = &run_tests;

	while (*ktp != NULL && strcmp((*ktp)->kt_name, kt->kt_name) < 0)
		ktp = &(*ktp)->kt_next;
	kt->kt_next = *ktp;
	*ktp = kt;
}

void
kt_register_modules(ktest_modules_t *km)
{
	km->km_next = run_modules;
	run_modules = km;
}

void
kt_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	(void) fprintf(stderr, "%s:%d: ", file, line);
	va_start(ap, fmt);
	(void) vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void) fputc('\n', stderr);
	_exit(1);
}

static time_t
run_now(void)
{
	struct timespec ts;

	(void) clock_gettime(CLOCK_MONOTONIC, &ts);
	return (ts.tv_sec);
}

/* In the child. */
static void
run_child(const ktest_t *kt)
{
	static fk_module_t modules[RUN_MODULES + 1];
	fk_config_t fc = {
		.fc_checks = true,
		.fc_virtual_time = !kt->kt_real,
		.fc_seed = RUN_SEED,
		.fc_modules = modules
	};
	const ktest_modules_t *km;
	const fk_module_t *fm;
	int n = 0;

	for (km = run_modules; km != NULL; km = km->km_next) {
		for (fm = km->km_table; fm->fm_name != NULL; fm++) {
			if (n == RUN_MODULES)
				abort();
			modules[n++] = *fm;
		}
	}
	fk_boot(&fc);
	kt->kt_func();
	fk_shutdown();
	exit(0);
}

static void
run_start(run_t *r, const ktest_t *kt)
{
	int fds[2];

	(void) fflush(NULL);
	if (pipe(fds) != 0) {
		perror("pipe");
		exit(1);
	}
	r->r_pid = fork();
	if (r->r_pid == -1) {
		perror("fork");
		exit(1);
	}
	if (r->r_pid == 0) {
		(void) dup2(fds[1], STDOUT_FILENO);
		(void) dup2(fds[1], STDERR_FILENO);
		(void) close(fds[0]);
		(void) close(fds[1]);
		run_child(kt);
	}
	(void) close(fds[1]);
	r->r_test = kt;
	r->r_fd = fds[0];
	r->r_deadline = run_now() + RUN_TIMEOUT;
	r->r_hung = false;
	r->r_len = 0;
}

static void
run_finish(run_t *r)
{
	const ktest_t *kt = r->r_test;
	int status;
	bool ok;

	(void) close(r->r_fd);
	while (waitpid(r->r_pid, &status, 0) == -1) {
		if (errno != EINTR) {
			perror("waitpid");
			exit(1);
		}
	}
	r->r_output[r->r_len] = '\0';
	if (kt->kt_panics == NULL)
		ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	else
		ok = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT &&
		    strstr(r->r_output, "panic[") != NULL &&
		    strstr(r->r_output, kt->kt_panics) != NULL;
	if (ok) {
		run_passed++;
		(void) printf("ok %s\n", kt->kt_name);
	} else {
		run_failed++;
		(void) printf("FAILED %s\n", kt->kt_name);
		(void) fwrite(r->r_output, 1, r->r_len, stdout);
		if (r->r_hung)
			(void) printf("(no end after %d seconds)\n",
			    RUN_TIMEOUT);
		else if (WIFSIGNALED(status))
			(void) printf("(signal %d)\n", WTERMSIG(status));
		else
			(void) printf("(exit status %d)\n",
			    WEXITSTATUS(status));
		if (kt->kt_panics != NULL)
			(void) printf("(expected a panic with \"%s\")\n",
			    kt->kt_panics);
	}
	r->r_test = NULL;
}

static void
run_read(run_t *r)
{
	char rest[4096];
	ssize_t n;

	if (r->r_len < RUN_OUTPUT)
		n = read(r->r_fd, r->r_output + r->r_len,
		    RUN_OUTPUT - r->r_len);
	else
		n = read(r->r_fd, rest, sizeof (rest));
	if (n <= 0)
		run_finish(r);
	else if (r->r_len < RUN_OUTPUT)
		r->r_len += n;
}

/* Wait for output, the end or the timeout of the children that run. */
static void
run_wait(void)
{
	struct pollfd pfd[RUN_CHILDREN];
	int i;

	for (i = 0; i < RUN_CHILDREN; i++) {
		pfd[i].fd = run_slots[i].r_test == NULL ? -1 :
		    run_slots[i].r_fd;
		pfd[i].events = POLLIN;
		pfd[i].revents = 0;
	}
	(void) poll(pfd, RUN_CHILDREN, 1000);
	for (i = 0; i < RUN_CHILDREN; i++) {
		if (run_slots[i].r_test == NULL)
			continue;
		if (pfd[i].revents != 0) {
			run_read(&run_slots[i]);
		} else if (!run_slots[i].r_hung &&
		    run_now() > run_slots[i].r_deadline) {
			run_slots[i].r_hung = true;
			(void) kill(run_slots[i].r_pid, SIGKILL);
		}
	}
}

static bool
run_busy(void)
{
	int i;

	for (i = 0; i < RUN_CHILDREN; i++) {
		if (run_slots[i].r_test != NULL)
			return (true);
	}
	return (false);
}

int
main(int argc, char **argv)
{
	const ktest_t *kt;
	int i;

	if (argc > 2) {
		(void) fprintf(stderr, "usage: %s [TEXT]\n", argv[0]);
		return (2);
	}
	for (i = 0; i < RUN_CHILDREN; i++) {
		run_slots[i].r_output = malloc(RUN_OUTPUT + 1);
		if (run_slots[i].r_output == NULL) {
			perror("malloc");
			return (1);
		}
	}
	for (kt = run_tests; kt != NULL; kt = kt->kt_next) {
		if (argc == 2 && strstr(kt->kt_name, argv[1]) == NULL)
			continue;
		for (i = 0; run_slots[i].r_test != NULL; ) {
			if (++i == RUN_CHILDREN) {
				run_wait();
				i = 0;
			}
		}
		run_start(&run_slots[i], kt);
	}
	while (run_busy())
		run_wait();
	for (i = 0; i < RUN_CHILDREN; i++)
		free(run_slots[i].r_output);
	(void) printf("%d passed, %d failed\n", run_passed, run_failed);
	return (run_failed != 0);
}
