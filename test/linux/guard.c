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
 * Where a program of these tests runs: see guard.h.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"

/* Whether a line of the file contains the text. */
static bool
file_contains(const char *path, const char *text)
{
	char line[4096];
	bool found = false;
	FILE *f;

	if ((f = fopen(path, "re")) == NULL)
		return (false);
	while (!found && fgets(line, sizeof (line), f) != NULL)
		found = (strstr(line, text) != NULL);
	(void) fclose(f);
	return (found);
}

bool
guard_is_guest(void)
{
	return (file_contains("/proc/cmdline", "vsockguest=1"));
}

/* The loader goes on without a preloaded library that it does not find. */
bool
guard_is_vsockrun(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return (getenv("VSOCK_CONTROL") != NULL && preload != NULL &&
	    strstr(preload, "vsockrun") != NULL &&
	    file_contains("/proc/self/maps", "vsockrun"));
}
