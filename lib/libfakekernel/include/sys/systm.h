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

#ifndef _SYS_SYSTM_H
#define	_SYS_SYSTM_H

/*
 * What the kernel offers to everybody: copying between kernel and user, time,
 * timeouts, strings.
 *
 * copyin(9F) and friends: a user address is a host address; one below 4096, or
 * in a range that a test has declared bad, is a fault.  They may sleep (a user
 * page may have to be brought in): not in interrupt context.
 */

#include <sys/types.h>
#include <sys/param.h>
#include <sys/time.h>
#include <sys/cmn_err.h>
#include <sys/debug.h>
#include <sys/proc.h>
#include <sys/thread.h>

/* Copying from and to user addresses: 0 or -1. */
extern int copyin(const void *, void *, size_t);
extern int copyout(const void *, void *, size_t);
/* The same with an errno: 0 or EFAULT. */
extern int xcopyin(const void *, void *, size_t);
extern int xcopyout(const void *, void *, size_t);
/* 0, EFAULT, ENAMETOOLONG. */
extern int copyinstr(const char *, char *, size_t, size_t *);
extern int copyoutstr(const char *, char *, size_t, size_t *);
extern int fuword8(const void *, uint8_t *);
extern int fuword32(const void *, uint32_t *);
extern int fuword64(const void *, uint64_t *);
extern int suword8(void *, uint8_t);
extern int suword32(void *, uint32_t);
extern int suword64(void *, uint64_t);
/* Between two kernel addresses: 0 or EFAULT. */
extern int kcopy(const void *, void *, size_t);

extern void bcopy(const void *, void *, size_t);
extern void bzero(void *, size_t);
extern int bcmp(const void *, const void *, size_t);
extern void ovbcopy(const void *, void *, size_t);
extern void *memcpy(void *, const void *, size_t);
extern void *memmove(void *, const void *, size_t);
extern void *memset(void *, int, size_t);
extern int memcmp(const void *, const void *, size_t);

extern size_t strlen(const char *);
extern char *strcpy(char *, const char *);
extern char *strncpy(char *, const char *, size_t);
extern size_t strlcpy(char *, const char *, size_t) __asm__("fk_strlcpy");
extern size_t strlcat(char *, const char *, size_t) __asm__("fk_strlcat");
extern char *strcat(char *, const char *);
extern int strcmp(const char *, const char *);
extern int strncmp(const char *, const char *, size_t);
extern int strcasecmp(const char *, const char *);
extern int strncasecmp(const char *, const char *, size_t);
extern char *strchr(const char *, int);
extern char *strrchr(const char *, int);
extern char *strstr(const char *, const char *);
extern char *strpbrk(const char *, const char *);
extern size_t strspn(const char *, const char *);
extern size_t strcspn(const char *, const char *);

extern char *kmem_asprintf(const char *, ...)
    __attribute__((__format__(__printf__, 1, 2)));
extern void strfree(char *);

extern void uniqtime(struct timeval *);

/* Ticks since boot. */
extern clock_t ddi_get_lbolt(void);
extern int64_t ddi_get_lbolt64(void);

/* Sleeps; thread context. */
extern void delay(clock_t);
extern int delay_sig(clock_t);

/*
 * Timeouts.  The function runs once, on a thread in soft interrupt context
 * (it may enter mutexes, it may not sleep), that many ticks from now.
 * untimeout() stops one that has not begun and waits for the end of one that
 * runs (unless it is the one that calls): ticks that were left, 0 if it had
 * just been run, -1 if there is no such timeout.
 */
extern timeout_id_t timeout(void (*)(void *), void *, clock_t);
extern timeout_id_t realtime_timeout(void (*)(void *), void *, clock_t);
extern clock_t untimeout(timeout_id_t);
/* Type, function, argument, expiration and resolution in ns, flags. */
extern callout_id_t timeout_generic(int, void (*)(void *), void *, hrtime_t,
    hrtime_t, int);
extern callout_id_t timeout_default(void (*)(void *), void *, clock_t);
extern callout_id_t realtime_timeout_default(void (*)(void *), void *,
    clock_t);
/* With nowait one that runs is not waited for. */
extern hrtime_t untimeout_generic(callout_id_t, int);
extern clock_t untimeout_default(callout_id_t, int);

/* The system call's error, as a return value: the errno. */
extern uint_t set_errno(uint_t);

/* Does nothing, fails, succeeds: for tables of entry points. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
extern int nulldev();
extern int nodev();
#pragma GCC diagnostic pop

extern char hw_serial[];
extern pgcnt_t physmem;

#endif	/* _SYS_SYSTM_H */
