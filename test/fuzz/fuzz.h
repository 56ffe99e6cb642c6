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

#ifndef _FUZZ_H
#define	_FUZZ_H

/*
 * Fuzzers on the fake kernel.
 *
 * Each is a program with what is below on the side of the kernel (fuzz_*.c),
 * and libFuzzer on the other (host/fuzz_main.c).  An input is a string of bytes
 * from which a fuzzer takes its decisions, one after another, until there are
 * none left.  The kernel is booted with virtual time.  After an input there is
 * nothing left of what it made; now and then the kernel is shut down, and says
 * if that is not so.
 *
 * A mistake is a panic: of the fake kernel, a VERIFY of the fuzzer, or a
 * sanitizer's.
 */

#include <stdint.h>
#include <stddef.h>
#include <stdbool.h>

typedef struct fuzz {
	const uint8_t	*fz_data;
	size_t		fz_left;
} fuzz_t;

/* After the kernel was booted, and before it is shut down. */
extern void fuzz_init(void);
extern void fuzz_fini(void);
extern void fuzz_one(fuzz_t *);

static inline bool
fuzz_more(const fuzz_t *fz)
{
	return (fz->fz_left != 0);
}

/* The next byte; 0 if there is none. */
static inline uint8_t
fuzz_byte(fuzz_t *fz)
{
	if (fz->fz_left == 0)
		return (0);
	fz->fz_left--;
	return (*fz->fz_data++);
}

static inline uint16_t
fuzz_u16(fuzz_t *fz)
{
	uint16_t lo = fuzz_byte(fz);

	return (lo | (uint16_t)fuzz_byte(fz) << 8);
}

static inline uint32_t
fuzz_u32(fuzz_t *fz)
{
	uint32_t lo = fuzz_u16(fz);

	return (lo | (uint32_t)fuzz_u16(fz) << 16);
}

static inline uint64_t
fuzz_u64(fuzz_t *fz)
{
	uint64_t lo = fuzz_u32(fz);

	return (lo | (uint64_t)fuzz_u32(fz) << 32);
}

/* A number below n, which is at most 256. */
static inline uint32_t
fuzz_below(fuzz_t *fz, uint32_t n)
{
	return (fuzz_byte(fz) % n);
}

/*
 * A number of at most 32 bits where the ends of ranges are: mostly small, near
 * a power of two, or near the largest.
 */
static inline uint32_t
fuzz_edge(fuzz_t *fz)
{
	uint8_t kind = fuzz_byte(fz);

	switch (kind >> 6) {
	case 0:
		return (kind & 0x3f);
	case 1:
		return ((1U << (kind & 0x1f)) - 1 + fuzz_below(fz, 3));
	case 2:
		return (UINT32_MAX - (kind & 0x3f));
	default:
		return (fuzz_u32(fz));
	}
}

#endif	/* _FUZZ_H */
