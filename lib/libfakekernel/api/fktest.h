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

#ifndef _FKTEST_H
#define	_FKTEST_H

/*
 * Control of the fake kernel for tests and benches, on either side: only
 * integer types of the compiler.
 */

#include <stdint.h>
#include <stddef.h>
#include <stdbool.h>

/*
 * Failure of allocations that may fail: KM_NOSLEEP, allocb() and its kin,
 * TQ_NOSLEEP, DMA.  fk_fail_nth(n) makes the n-th from now (1: the next) of
 * any thread fail, once; 0 takes that back.  fk_fail_random(n) lets one in n
 * fail on average, decided by the kernel's seed; 0 takes that back.
 */
extern void fk_fail_nth(uint64_t);
extern void fk_fail_random(uint32_t);
/* How many allocations that may fail were made, and how many did fail. */
extern void fk_fail_counts(uint64_t *tried, uint64_t *failed);
/* For allocators outside this library (DMA): shall this one fail? */
extern bool fk_fail_now(void);

/*
 * A user address range that is not mapped: touching it is EFAULT.  The length
 * 0 takes back the range at that base.
 */
extern void fk_bad_address(const void *, size_t);

/*
 * Several locks of one class may be held at a time, taken in ascending order
 * of address.  The class is that of the locks whose initialiser's expression
 * ends in this name ("vc_lock" for mutex_init(&conn->vc_lock, ...)).
 */
extern void fk_lock_allow_nested(const char *name);

/*
 * Wait until no thread of the kernel (of a taskq, or made by thread_create()
 * or lwp_create()) is running: each sleeps on a condition variable or has
 * ended.  The caller holds no lock.
 */
extern void fk_quiesce(void);

/* With fc_turns, after fk_shutdown(): a hash of which thread ran when. */
extern uint64_t fk_turns_hash(void);

/* Timeouts that have not run. */
extern uint64_t fk_timeouts_pending(void);

/* Write a message to stderr, and the current thread's stack. */
extern void fk_backtrace(const char *);

#endif	/* _FKTEST_H */
