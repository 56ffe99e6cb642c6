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

#ifndef _FKHOST_H
#define	_FKHOST_H

/*
 * What the fake kernel needs of its host: the only way from lib/.../kern/ to
 * POSIX.  Plain C types; every function may be called from any host thread.
 */

#include <stdint.h>
#include <stddef.h>
#include <stdbool.h>

/*
 * Futexes.  fkh_futex_wait() sleeps while *addr is val: 0 when woken or when
 * the value differed, 1 when `deadline' (of fkh_clock(), 0: none) has passed.
 */
extern int fkh_futex_wait(uint32_t *addr, uint32_t val, uint64_t deadline);
extern void fkh_futex_wake(uint32_t *addr, int howmany);

/*
 * Lines.  `func' is called whenever something was written to the eventfd, in
 * one thread at a time; once for what was written before it was called.  It may
 * be a thread that is in fkh_sleep(): so the function should be through soon,
 * and not wait for what that thread might do when it wakes up.  0, or an errno
 * of the host: there is no memory, or the descriptor won't do.  When
 * fkh_line_remove() returns no call is running or will come; it is not to be
 * called from one.  The eventfd remains the caller's, and is not read.
 */
extern int fkh_line_add(int eventfd, void (*func)(void *), void *arg,
    uint64_t *linep);
extern void fkh_line_remove(uint64_t);
/*
 * A descriptor, of the set of all lines, that is readable when one may be due,
 * or -1; and calls the functions of some of those, in this thread.
 */
extern int fkh_line_fd(void);
extern void fkh_line_serve(void);

/*
 * Sleep until fkh_wakeup(), unless that has come since *word was set to 0.  An
 * `idler' may be used for lines meanwhile.  Who wakes a thread up, once, has
 * *word set to `value', which is small and not 0; `thread' is the number of an
 * idler, fkh_thread_id().  The thread may have ended when that returns.
 */
extern uint32_t fkh_thread_id(void);
extern void fkh_sleep(uint32_t *word, bool idler);
extern void fkh_wakeup(uint32_t *word, uint32_t value, uint32_t thread);

/* Threads.  The function runs on a new thread; never fails. */
extern void *fkh_thread_create(const char *name, void (*func)(void *), void *);
extern _Noreturn void fkh_thread_exit(void);
extern void fkh_thread_join(void *);
/* The upper end of the calling thread's stack. */
extern void *fkh_stack_top(void);
extern void fkh_thread_setname(const char *);
extern void fkh_yield(void);
extern int fkh_ncpus(void);

/*
 * From here on threads run one at a time, in an order that follows from the
 * seed, and so does the caller; until the end, when there is no other thread.
 * Nobody may wait with a deadline.  Returns a hash of who ran when.
 */
extern void fkh_turns_begin(uint64_t seed);
extern uint64_t fkh_turns_end(void);
extern bool fkh_turns;
/* Meanwhile: somebody else may run now. */
extern void fkh_turn(void);
extern int fkh_cpu(void);

/* Nanoseconds of the monotonic clock, and of the wall clock since 1970. */
extern uint64_t fkh_clock(void);
extern uint64_t fkh_wallclock(void);

/* Memory; NULL only if the host has none. */
extern void *fkh_alloc(size_t);
extern void *fkh_alloc_aligned(size_t align, size_t);
extern void fkh_free(void *);
/* Tell AddressSanitizer, if it is there, that memory may not be touched. */
extern void fkh_poison(void *, size_t, bool);

/*
 * Memory, zeroed and page aligned, that other processes can map as well, by
 * the descriptor: the host commits it when it is touched.  Never fails.
 */
extern void *fkh_shmem_create(const char *name, size_t, int *fdp);
extern void fkh_shmem_destroy(void *, size_t, int fd);

/* Messages. */
extern void fkh_write_stderr(const char *, size_t);
extern size_t fkh_vsnprintf(char *, size_t, const char *, __builtin_va_list);
/* Return addresses, as functions and lines if the host can. */
extern void fkh_print_backtrace(void *const *, int);
extern _Noreturn void fkh_abort(void);

/* Once, before anything else. */
extern void fkh_boot(void);

#endif	/* _FKHOST_H */
