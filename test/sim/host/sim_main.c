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
 * sim FIRST COUNT: the simulation of sim.c for so many seeds, each in a child
 * with a kernel of its own, which has a minute.  A seed that fails is named,
 * after what its child had to say.
 */

#include <sys/types.h>
#include <sys/wait.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <fakekernel.h>
#include "../../../cmd/vsockd/modules.h"
#include "../sim.h"

#define	SIM_SECONDS	60

static void
sim_child(unsigned long seed)
{
	const fk_config_t fc = {
		.fc_checks = true,
		.fc_virtual_time = true,
		.fc_seed = seed,
		.fc_modules = vsock_modules
	};

	(void) alarm(SIM_SECONDS);
	fk_boot(&fc);
	sim_run(seed);
	fk_shutdown();
	_exit(0);
}

int
main(int argc, char **argv)
{
	unsigned long first, count, seed, failed = 0;
	int status;
	pid_t pid;

	if (argc != 3) {
		(void) fprintf(stderr, "usage: %s FIRST COUNT\n", argv[0]);
		return (2);
	}
	first = strtoul(argv[1], NULL, 0);
	count = strtoul(argv[2], NULL, 0);
	for (seed = first; seed < first + count; seed++) {
		(void) fflush(NULL);
		if ((pid = fork()) == 0)
			sim_child(seed);
		if (pid == -1) {
			perror("fork");
			return (1);
		}
		while (waitpid(pid, &status, 0) == -1) {
			if (errno != EINTR) {
				perror("waitpid");
				return (1);
			}
		}
		if (status != 0) {
			failed++;
			(void) printf("FAILED sim/seed-%lu: status 0x%x\n",
			    seed, (unsigned)status);
		}
	}
	if (failed == 0)
		(void) printf("ok sim (%lu seeds from %lu)\n", count, first);
	return (failed != 0);
}
