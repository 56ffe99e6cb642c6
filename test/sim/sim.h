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

#ifndef _SIM_H
#define	_SIM_H

#include <stdint.h>
#include <stdbool.h>

/*
 * A run of the simulation, in a kernel that has been booted for it: that of a
 * seed, or one of sim_cases().
 */
extern void sim_run(uint64_t number, bool is_case);
extern uint64_t sim_cases(void);

#endif	/* _SIM_H */
