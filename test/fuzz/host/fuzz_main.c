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
 * libFuzzer's side of the fuzzers of the kernel: see fuzz.h.
 */

#include <fakekernel.h>
#include <stdlib.h>
#include "../../../cmd/vsockd/modules.h"
#include "../fuzz.h"

#define	FUZZ_SEED	0x5eedUL
#define	FUZZ_ROUND	64		/* inputs */

extern int LLVMFuzzerInitialize(int *, char ***);
extern int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static unsigned fuzz_inputs;		/* since the kernel was booted */

/* The kernel panics about whatever is left. */
static void
fuzz_end(void)
{
	if (fuzz_inputs != 0) {
		fuzz_inputs = 0;
		fuzz_fini();
		fk_shutdown();
	}
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return (atexit(fuzz_end));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const fk_config_t fc = {
		.fc_checks = true,
		.fc_virtual_time = true,
		.fc_seed = FUZZ_SEED,
		.fc_modules = vsock_modules
	};
	fuzz_t fz = { .fz_data = data, .fz_left = size };

	if (fuzz_inputs++ == 0) {
		fk_boot(&fc);
		fuzz_init();
	}
	fuzz_one(&fz);
	if (fuzz_inputs == FUZZ_ROUND)
		fuzz_end();
	return (0);
}
