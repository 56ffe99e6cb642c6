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

#ifndef _FK_IMPL_H
#define	_FK_IMPL_H

/*
 * Shared among the files of the fake kernel.
 *
 * Its own structures are protected by fk_lock()s, plain futex locks that are
 * never held across a call out of the file, and are invisible to the lock
 * checks.  Memory that stands for what a module has allocated comes from
 * kmem_alloc(), so that fk_shutdown() can tell when it was not freed; memory
 * that is the kernel's own comes from the host.
 */

#include <sys/types.h>
#include <sys/param.h>
#include <sys/sysmacros.h>
#include <sys/debug.h>
#include <sys/cmn_err.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/mutex.h>
#include <sys/rwlock.h>
#include <sys/condvar.h>
#include <sys/thread.h>
#include <sys/proc.h>
#include <sys/kmem.h>
#include <sys/time.h>
#include <sys/list.h>
#include <sys/fk.h>
#include <fkhost.h>

/* Set between fk_boot() and fk_shutdown(). */
extern bool fk_running;
extern bool fk_virtual;

/*
 * Locks of the fake kernel itself.
 */
typedef struct fk_lk {
	uint32_t	lk_word;	/* 0 free, 1 held, 2 held and waited */
} fk_lk_t;

extern void fk_lock_slow(uint32_t *);

static inline bool
fk_word_trylock(uint32_t *w)
{
	uint32_t free = 0;

	return (__atomic_compare_exchange_n(w, &free, 1, false,
	    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
}

static inline void
fk_word_lock(uint32_t *w)
{
	if (!fk_word_trylock(w))
		fk_lock_slow(w);
}

static inline void
fk_word_unlock(uint32_t *w)
{
	if (__atomic_exchange_n(w, 0, __ATOMIC_RELEASE) == 2)
		fkh_futex_wake(w, 1);
}

static inline void
fk_lock(fk_lk_t *lk)
{
	fk_word_lock(&lk->lk_word);
}

static inline void
fk_unlock(fk_lk_t *lk)
{
	fk_word_unlock(&lk->lk_word);
}

/* Here, as everywhere, another thread might run; with fc_turns it may. */
static inline void
fk_turn(void)
{
	if (__builtin_expect(fkh_turns, 0))
		fkh_turn();
}

#define	FK_LOAD(p)	__atomic_load_n((p), __ATOMIC_RELAXED)
#define	FK_STORE(p, v)	__atomic_store_n((p), (v), __ATOMIC_RELAXED)

/*
 * Stacks: the return addresses of the caller and its callers.
 */
#define	FK_STACK	16

extern int fk_stack_get(void **, int)
    __attribute__((__noinline__, __no_sanitize__("address", "undefined"),
    __no_sanitize__("thread")));
extern void fk_stack_print(const char *what, void *const *, int max);

/*
 * A panic in parts: begin, any number of messages and stacks, end.  Only one
 * thread gets past the beginning.
 */
extern void fk_panic_begin(const char *, ...)
    __attribute__((__format__(__printf__, 1, 2)));
extern void fk_message(const char *, ...)
    __attribute__((__format__(__printf__, 1, 2)));
extern _Noreturn void fk_panic_end(void);

/*
 * Locks: the list of those that a thread holds, and the checks of order.
 */
#define	FK_MUTEX	0x1
#define	FK_RDLOCK	0x2
#define	FK_WRLOCK	0x4
#define	FK_PSEUDO	0x8

extern void fk_held_full(void);
extern bool fk_held_pull(kthread_t *, void *);
extern fk_held_t *fk_held_find(kthread_t *, const void *);
extern void fk_held_print(kthread_t *);
/* Before a lock is waited for: is the order right? */
extern void fk_lockdep_check(kthread_t *, void *, fk_lockclass_t *);
/* The thread is about to sleep; `but' is the lock that it gives up. */
extern void fk_lockdep_sleep(kthread_t *, void *but, const char *what);
/* A class for things that are not locks, by kind and name or address. */
extern fk_lockclass_t *fk_lockclass_named(const char *kind, const char *name);
extern fk_lockclass_t *fk_lockclass_func(const char *kind, void *func);
extern const char *fk_lockclass_print(const fk_lockclass_t *, char *, size_t);
extern void fk_lockdep_fini(void);

static inline void
fk_held_push(kthread_t *t, void *lock, fk_lockclass_t *lc, uint_t kind)
{
	fk_held_t *fh = &t->t_held[t->t_nheld];

	if (__builtin_expect(t->t_nheld++ == FK_HELD_MAX, 0))
		fk_held_full();
	fh->fh_lock = lock;
	fh->fh_class = lc;
	fh->fh_kind = kind;
	if (__builtin_expect(fk_checks, 0))
		(void) fk_stack_get(fh->fh_stack, FK_HELD_STACK);
}

/* False if the thread does not hold the lock.  It is the last, as a rule. */
static inline bool
fk_held_pop(kthread_t *t, void *lock)
{
	if (__builtin_expect(t->t_nheld == 0 ||
	    t->t_held[t->t_nheld - 1].fh_lock != lock, 0))
		return (fk_held_pull(t, lock));
	t->t_nheld--;
	return (true);
}

/* Panics if the buffer holds a lock or condition variable that is alive. */
extern void fk_scan_freed(void *, size_t);

/* The current thread; panics if the host did not attach it. */
static inline kthread_t *
fk_self(void)
{
	kthread_t *t = curthread;

	if (__builtin_expect(t == NULL, 0))
		panic("a thread that is not attached called the fake kernel");
	return (t);
}

/*
 * Sleeping.
 */
#define	FK_WAKE_SIGNAL	1
#define	FK_WAKE_TIMEOUT	2
#define	FK_WAKE_INTR	3

/*
 * Gives up the mutex and sleeps until woken, until the clock says `deadline'
 * (0: for ever), or until interrupted if `sig'.  Returns one of the above.
 */
extern int fk_cv_sleep(kcondvar_t *, kmutex_t *, hrtime_t deadline, bool sig,
    const char *what);
/* Wakes the thread if it (still) sleeps on the condition variable. */
extern bool fk_cv_wake(kthread_t *, kcondvar_t *, uint32_t why);

/* Whom the current thread has signalled, and not let run: before it waits. */
extern void fk_wake_noted(kthread_t *);

static inline void
fk_wake(kthread_t *self)
{
	if (__builtin_expect(self->t_wakes != NULL, 0))
		fk_wake_noted(self);
}

extern void fk_active_inc(void);
extern void fk_active_dec(void);
extern void fk_thread_idle(kthread_t *);

/*
 * The clock's queue.  Entries with a thread wake it; others are callouts.
 */
extern void fk_clock_init(void);
extern void fk_clock_fini(void);
extern void fk_clock_sleep(kthread_t *, kcondvar_t *, hrtime_t);
/* Waits until nothing is due. */
extern void fk_clock_drain(void);

/*
 * Initialisation and its reverse, of each file.
 */
extern void fk_thread_init(void);
extern void fk_thread_fini(void);
extern kthread_t *fk_kthread_alloc(const char *, proc_t *);
extern kthread_t *fk_kthread_create(const char *, void (*)(void *), void *,
    proc_t *, pri_t);
extern void fk_kmem_init(void);
extern void fk_kmem_fini(void);
extern void fk_cred_init(void);
extern void fk_cred_fini(void);
extern void fk_zone_init(void);
extern void fk_zone_fini(void);
extern void fk_taskq_init(void);
extern void fk_taskq_fini(void);
extern void fk_mod_init(const fk_module_t *);
extern void fk_mod_fini(void);
extern void fk_ddi_init(void);
extern void fk_ddi_fini(void);
extern void fk_file_init(void);
extern void fk_file_fini(void);
extern void fk_kstat_init(void);
extern void fk_kstat_fini(void);
extern void fk_random_init(uint64_t);
extern void fk_fail_init(uint64_t);

/* A kmem flag: no failure injection, for what may not fail. */
#define	FK_KM_NOFAIL	0x8000

/*
 * Should an allocation that may fail do so?  Inline for the usual case, that
 * nobody asked for it.
 */
extern uint32_t fk_fail_armed;
extern bool fk_fail_decide(void);

static inline bool
fk_fail(void)
{
	return (__builtin_expect(FK_LOAD(&fk_fail_armed) != 0, 0) &&
	    fk_fail_decide());
}

/*
 * Drivers, for modctl.  fk_drv_attach_pseudo() makes instance 0 of a pseudo
 * driver if there is none: 0 or ENXIO.  fk_drv_detach_all() detaches every
 * instance of a driver: 0 or EBUSY.
 */
extern int fk_drv_attach_pseudo(const char *);
extern int fk_drv_detach_all(const char *);

/* Devices, for files: the device of a minor node, its driver loaded. */
extern int fk_dev_lookup(const char *, dev_info_t **, dev_t *);
extern void fk_dev_rele(dev_info_t *);
extern struct cb_ops *fk_dev_cb(dev_info_t *);

#endif	/* _FK_IMPL_H */
