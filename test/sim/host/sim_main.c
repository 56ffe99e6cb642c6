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
 * sim [-cpt] FIRST COUNT: the simulation of sim.c for so many seeds (-c: cases;
 * COUNT 0 is all that there are), each in a child with a kernel of its own and
 * a minute to run (SIM_SECONDS).  Two run at a time.  One that fails is named,
 * after what its child had to say.
 *
 * Threads take turns, so a run is repeated by its number; with -t it prints a
 * hash of which thread ran when, which has to be the same each time.  With -p
 * they run at the same time, as in reality.
 */

#include <sys/types.h>
#include <sys/wait.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <fakekernel.h>
#include <fktest.h>
#include "../../../cmd/vsockd/modules.h"
#include "../sim.h"

#ifdef __SANITIZE_THREAD__
#define	SIM_SECONDS	600
#else
#define	SIM_SECONDS	60
#endif
#define	SIM_JOBS	2

static bool sim_is_case;
static bool sim_parallel;
static bool sim_trace;

static struct {
	pid_t		sj_pid;		/* 0: none */
	unsigned long	sj_number;
} sim_jobs[SIM_JOBS];

static const char *
sim_name(void)
{
	return (sim_is_case ? "case" : "seed");
}

static void
sim_child(unsigned long number)
{
	const fk_config_t fc = {
		.fc_checks = true,
		.fc_virtual_time = true,
		.fc_turns = !sim_parallel,
		.fc_seed = number,
		.fc_modules = vsock_modules
	};
	cpu_set_t cpus;

	(void) alarm(SIM_SECONDS);
	if (!sim_parallel) {
		/* A turn passes sooner to a thread of the same processor. */
		CPU_ZERO(&cpus);
		CPU_SET(sched_getcpu(), &cpus);
		(void) sched_setaffinity(0, sizeof (cpus), &cpus);
	}
	fk_boot(&fc);
	sim_run(number, sim_is_case);
	fk_shutdown();
	if (sim_trace) {
		(void) printf("%s %lu: %016llx\n", sim_name(), number,
		    (unsigned long long)fk_turns_hash());
		(void) fflush(stdout);
	}
	_exit(0);
}

static void
sim_start(int job, unsigned long number)
{
	pid_t pid;

	(void) fflush(NULL);
	if ((pid = fork()) == 0)
		sim_child(number);
	if (pid == -1) {
		perror("fork");
		exit(1);
	}
	sim_jobs[job].sj_pid = pid;
	sim_jobs[job].sj_number = number;
}

/* Wait for one; whether it has failed. */
static bool
sim_wait(void)
{
	int status, job;
	pid_t pid;

	while ((pid = wait(&status)) == -1) {
		if (errno != EINTR) {
			perror("wait");
			exit(1);
		}
	}
	for (job = 0; sim_jobs[job].sj_pid != pid; job++)
		continue;
	sim_jobs[job].sj_pid = 0;
	if (status == 0)
		return (false);
	(void) printf("FAILED sim/%s-%lu: status 0x%x\n", sim_name(),
	    sim_jobs[job].sj_number, (unsigned)status);
	(void) fflush(stdout);
	return (true);
}

int
main(int argc, char **argv)
{
	unsigned long first, count, n, failed = 0;
	int opt, job;

	while ((opt = getopt(argc, argv, "cpt")) != -1) {
		switch (opt) {
		case 'c':
			sim_is_case = true;
			break;
		case 'p':
			sim_parallel = true;
			break;
		case 't':
			sim_trace = true;
			break;
		default:
			return (2);
		}
	}
	if (argc - optind != 2) {
		(void) fprintf(stderr, "usage: %s [-cpt] FIRST COUNT\n",
		    argv[0]);
		return (2);
	}
	first = strtoul(argv[optind], NULL, 0);
	count = strtoul(argv[optind + 1], NULL, 0);
	if (sim_is_case && count == 0)
		count = sim_cases() - first;
	for (n = 0; n < count + SIM_JOBS; n++) {
		if (n >= SIM_JOBS && n - SIM_JOBS < count)
			failed += sim_wait();
		if (n >= count)
			continue;
		for (job = 0; sim_jobs[job].sj_pid != 0; job++)
			continue;
		sim_start(job, first + n);
	}
	if (failed == 0)
		(void) printf("ok sim/%ss (%lu from %lu)\n", sim_name(), count,
		    first);
	return (failed != 0);
}
