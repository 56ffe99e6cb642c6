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
 * Mutexes, readers/writer locks, and the lists of held locks.
 *
 * A mutex is a futex word and the thread that holds it.  Each thread lists the
 * locks that it holds (t_held, touched by the thread alone): exiting a lock
 * looks it up there, from the end, so that a thread that does not hold the lock
 * is found out even for readers.
 *
 * The magic number of a lock is a constant mixed with its address: zeroed
 * memory, memory that was freed, and a copy of a lock are not locks.
 *
 * A readers/writer lock is one word: how many readers hold it, whether a writer
 * does (RW_HELD), whether a writer waits (RW_WANTED; that keeps new readers
 * out), and whether anybody does (RW_WAIT).  Who waits, waits for rw_seq to
 * change.  The exit that wakes the others touches the lock after it has given
 * it up; fk_rw_buckets keep rw_destroy() from overtaking it.
 */

#include "fk_impl.h"

#define	FK_MUTEX_MAGIC	0x4d757478U
#define	FK_RW_MAGIC	0x52776c6bU
#define	FK_MAGIC(c, p)	((uint32_t)((c) ^ ((uintptr_t)(p) >> 3)))

#define	RW_HELD		0x80000000U
#define	RW_WANTED	0x40000000U
#define	RW_WAIT		0x20000000U
#define	RW_READERS	0x1fffffffU

#define	FK_SPIN		100

#define	FK_RW_BUCKETS	64

static struct {
	fk_lk_t		rb_lock;
	char		rb_pad[60];
} fk_rw_buckets[FK_RW_BUCKETS];

void
fk_lock_slow(uint32_t *w)
{
	uint32_t seen;
	int i;

	for (i = 0; i < FK_SPIN && !fkh_turns; i++) {
		seen = FK_LOAD(w);
		if (seen == 0 && fk_word_trylock(w))
			return;
		if (seen == 2)
			break;
		__builtin_ia32_pause();
	}
	while (__atomic_exchange_n(w, 2, __ATOMIC_ACQUIRE) != 0)
		(void) fkh_futex_wait(w, 2, 0);
}

/*
 * Held locks.
 */
void
fk_held_full(void)
{
	panic("more than %d locks held", FK_HELD_MAX);
}

fk_held_t *
fk_held_find(kthread_t *t, const void *lock)
{
	uint_t i;

	for (i = t->t_nheld; i > 0; i--) {
		if (t->t_held[i - 1].fh_lock == lock)
			return (&t->t_held[i - 1]);
	}
	return (NULL);
}

bool
fk_held_pull(kthread_t *t, void *lock)
{
	fk_held_t *fh = fk_held_find(t, lock);

	if (fh == NULL)
		return (false);
	t->t_nheld--;
	for (; fh != &t->t_held[t->t_nheld]; fh++)
		*fh = fh[1];
	return (true);
}

uint_t
fk_held_count(kthread_t *t)
{
	uint_t i, n = 0;

	for (i = 0; i < t->t_nheld; i++) {
		if (t->t_held[i].fh_kind != FK_PSEUDO)
			n++;
	}
	return (n);
}

void
fk_held_print(kthread_t *t)
{
	char what[192], name[128];
	fk_held_t *fh;
	uint_t i;

	for (i = 0; i < t->t_nheld; i++) {
		fh = &t->t_held[i];
		(void) snprintf(what, sizeof (what),
		    "thread %s holds %p, %s, taken at", t->t_name,
		    fh->fh_lock, fk_lockclass_print(fh->fh_class, name,
		    sizeof (name)));
		fk_stack_print(what, fh->fh_stack, FK_HELD_STACK);
	}
}

/* The lock is not what it should be: say how. */
static _Noreturn void
fk_lock_bad(const char *func, const void *lock, const fk_lockclass_t *lc,
    const char *what, kthread_t *owner)
{
	char name[128];

	fk_panic_begin("%s: %s: %p%s%s", func, what, lock,
	    lc == NULL ? "" : ", ",
	    lc == NULL ? "" : fk_lockclass_print(lc, name, sizeof (name)));
	if (owner != NULL && owner != curthread)
		fk_held_print(owner);
	fk_panic_end();
}

/*
 * Mutexes.
 */
void
fk_mutex_init(kmutex_t *mp, char *name, kmutex_type_t type, void *arg,
    fk_lockclass_t *lc)
{
	if (mp->m_magic == FK_MAGIC(FK_MUTEX_MAGIC, mp))
		fk_lock_bad("mutex_init", mp, mp->m_class,
		    "already initialised", NULL);
	mp->m_state = 0;
	mp->m_owner = NULL;
	mp->m_class = lc;
	mp->m_magic = FK_MAGIC(FK_MUTEX_MAGIC, mp);
}

static inline void
fk_mutex_valid(const kmutex_t *mp, const char *func)
{
	if (__builtin_expect(mp->m_magic != FK_MAGIC(FK_MUTEX_MAGIC, mp), 0))
		fk_lock_bad(func, mp, NULL, "not initialised, or destroyed",
		    NULL);
}

void
mutex_destroy(kmutex_t *mp)
{
	fk_mutex_valid(mp, "mutex_destroy");
	if (FK_LOAD(&mp->m_state) != 0) {
		/* The holder may destroy its own lock if no one waits. */
		if (FK_LOAD(&mp->m_owner) != curthread ||
		    FK_LOAD(&mp->m_state) != 1)
			fk_lock_bad("mutex_destroy", mp, mp->m_class,
			    "lock is held", FK_LOAD(&mp->m_owner));
		(void) fk_held_pop(curthread, mp);
		fk_wake(curthread);
	}
	mp->m_magic = 0;
	mp->m_class = NULL;
}

void
mutex_enter(kmutex_t *mp)
{
	kthread_t *t = fk_self();

	fk_mutex_valid(mp, "mutex_enter");
	if (FK_LOAD(&mp->m_owner) == t)
		fk_lock_bad("mutex_enter", mp, mp->m_class,
		    "recursive mutex_enter", NULL);
	if (fk_checks)
		fk_lockdep_check(t, mp, mp->m_class);
	fk_turn();
	if (!fk_word_trylock(&mp->m_state)) {
		fk_wake(t);
		fk_lock_slow(&mp->m_state);
	}
	FK_STORE(&mp->m_owner, t);
	fk_held_push(t, mp, mp->m_class, FK_MUTEX);
}

int
mutex_tryenter(kmutex_t *mp)
{
	kthread_t *t = fk_self();

	fk_mutex_valid(mp, "mutex_tryenter");
	if (!fk_word_trylock(&mp->m_state))
		return (0);
	FK_STORE(&mp->m_owner, t);
	fk_held_push(t, mp, mp->m_class, FK_MUTEX);
	return (1);
}

void
mutex_exit(kmutex_t *mp)
{
	kthread_t *t = fk_self();

	fk_mutex_valid(mp, "mutex_exit");
	if (FK_LOAD(&mp->m_owner) != t)
		fk_lock_bad("mutex_exit", mp, mp->m_class,
		    "not held by this thread", FK_LOAD(&mp->m_owner));
	(void) fk_held_pop(t, mp);
	FK_STORE(&mp->m_owner, NULL);
	fk_word_unlock(&mp->m_state);
	fk_wake(t);
	fk_turn();
}

int
mutex_owned(const kmutex_t *mp)
{
	fk_mutex_valid(mp, "mutex_owned");
	return (FK_LOAD(&mp->m_owner) == curthread);
}

kthread_t *
mutex_owner(const kmutex_t *mp)
{
	fk_mutex_valid(mp, "mutex_owner");
	return (FK_LOAD(&mp->m_owner));
}

/*
 * Readers/writer locks.
 */
void
fk_rw_init(krwlock_t *rw, char *name, krw_type_t type, void *arg,
    fk_lockclass_t *lc)
{
	if (rw->rw_magic == FK_MAGIC(FK_RW_MAGIC, rw))
		fk_lock_bad("rw_init", rw, rw->rw_class,
		    "already initialised", NULL);
	rw->rw_state = 0;
	rw->rw_seq = 0;
	rw->rw_wrowner = NULL;
	rw->rw_class = lc;
	rw->rw_magic = FK_MAGIC(FK_RW_MAGIC, rw);
}

static inline void
fk_rw_valid(const krwlock_t *rw, const char *func)
{
	if (__builtin_expect(rw->rw_magic != FK_MAGIC(FK_RW_MAGIC, rw), 0))
		fk_lock_bad(func, rw, NULL, "not initialised, or destroyed",
		    NULL);
}

static fk_lk_t *
fk_rw_bucket(krwlock_t *rw)
{
	return (&fk_rw_buckets[((uintptr_t)rw / sizeof (*rw)) %
	    FK_RW_BUCKETS].rb_lock);
}

void
rw_destroy(krwlock_t *rw)
{
	fk_rw_valid(rw, "rw_destroy");
	fk_lock(fk_rw_bucket(rw));
	fk_unlock(fk_rw_bucket(rw));
	if ((FK_LOAD(&rw->rw_state) & (RW_HELD | RW_READERS)) != 0)
		fk_lock_bad("rw_destroy", rw, rw->rw_class, "lock is held",
		    FK_LOAD(&rw->rw_wrowner));
	rw->rw_magic = 0;
	rw->rw_class = NULL;
}

/*
 * One attempt.  If it fails and `want' is set, the word says afterwards that
 * somebody waits, and if a writer does, which keeps new readers out.
 */
static bool
fk_rw_try(krwlock_t *rw, krw_t type, bool want)
{
	uint32_t busy, old = FK_LOAD(&rw->rw_state), new;
	bool ok;

	switch (type) {
	case RW_WRITER:
		busy = RW_HELD | RW_READERS;
		break;
	case RW_READER:
		busy = RW_HELD | RW_WANTED;
		break;
	default:
		busy = RW_HELD;
		break;
	}
	do {
		ok = (old & busy) == 0;
		if (ok && type == RW_WRITER)
			new = (old & RW_WAIT) | RW_HELD;
		else if (ok)
			new = old + 1;
		else if (want)
			new = old | RW_WAIT |
			    (type == RW_WRITER ? RW_WANTED : 0);
		else
			return (false);
	} while (!__atomic_compare_exchange_n(&rw->rw_state, &old, new, false,
	    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	return (ok);
}

/* Let those who wait look again. */
static void
fk_rw_wake(krwlock_t *rw)
{
	(void) __atomic_and_fetch(&rw->rw_state, ~RW_WAIT, __ATOMIC_RELAXED);
	(void) __atomic_add_fetch(&rw->rw_seq, 1, __ATOMIC_SEQ_CST);
	fkh_futex_wake(&rw->rw_seq, INT_MAX);
}

/* Give up one hold: RW_HELD or one reader. */
static void
fk_rw_leave(krwlock_t *rw, uint32_t hold)
{
	uint32_t old = FK_LOAD(&rw->rw_state);
	fk_lk_t *lk = fk_rw_bucket(rw);

	while ((old & RW_WAIT) == 0 || (old & RW_READERS) > 1) {
		if (__atomic_compare_exchange_n(&rw->rw_state, &old,
		    old - hold, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
			return;
	}
	fk_lock(lk);
	(void) __atomic_sub_fetch(&rw->rw_state, hold, __ATOMIC_RELEASE);
	fk_rw_wake(rw);
	fk_unlock(lk);
}

static void
fk_rw_got(kthread_t *t, krwlock_t *rw, krw_t type)
{
	if (type == RW_WRITER)
		FK_STORE(&rw->rw_wrowner, t);
	fk_held_push(t, rw, rw->rw_class,
	    type == RW_WRITER ? FK_WRLOCK : FK_RDLOCK);
}

void
rw_enter(krwlock_t *rw, krw_t type)
{
	kthread_t *t = fk_self();
	uint32_t seq;

	fk_rw_valid(rw, "rw_enter");
	if (fk_held_find(t, rw) != NULL)
		fk_lock_bad("rw_enter", rw, rw->rw_class,
		    "recursive rw_enter", NULL);
	if (fk_checks)
		fk_lockdep_check(t, rw, rw->rw_class);
	fk_turn();
	if (!fk_rw_try(rw, type, false)) {
		fk_wake(t);
		for (;;) {
			seq = __atomic_load_n(&rw->rw_seq, __ATOMIC_SEQ_CST);
			if (fk_rw_try(rw, type, true))
				break;
			(void) fkh_futex_wait(&rw->rw_seq, seq, 0);
		}
	}
	fk_rw_got(t, rw, type);
}

int
rw_tryenter(krwlock_t *rw, krw_t type)
{
	kthread_t *t = fk_self();

	fk_rw_valid(rw, "rw_tryenter");
	if (!fk_rw_try(rw, type, false))
		return (0);
	fk_rw_got(t, rw, type);
	return (1);
}

void
rw_exit(krwlock_t *rw)
{
	kthread_t *t = fk_self();

	fk_rw_valid(rw, "rw_exit");
	if (!fk_held_pop(t, rw))
		fk_lock_bad("rw_exit", rw, rw->rw_class,
		    "not held by this thread", FK_LOAD(&rw->rw_wrowner));
	if (FK_LOAD(&rw->rw_wrowner) == t) {
		FK_STORE(&rw->rw_wrowner, NULL);
		fk_rw_leave(rw, RW_HELD);
	} else {
		fk_rw_leave(rw, 1);
	}
	fk_turn();
}

void
rw_downgrade(krwlock_t *rw)
{
	kthread_t *t = fk_self();
	fk_held_t *fh;

	fk_rw_valid(rw, "rw_downgrade");
	if (FK_LOAD(&rw->rw_wrowner) != t)
		fk_lock_bad("rw_downgrade", rw, rw->rw_class,
		    "not held by this thread as writer",
		    FK_LOAD(&rw->rw_wrowner));
	fh = fk_held_find(t, rw);
	fh->fh_kind = FK_RDLOCK;
	FK_STORE(&rw->rw_wrowner, NULL);
	(void) __atomic_sub_fetch(&rw->rw_state, RW_HELD - 1,
	    __ATOMIC_RELEASE);
	fk_rw_wake(rw);
}

int
rw_tryupgrade(krwlock_t *rw)
{
	kthread_t *t = fk_self();
	fk_held_t *fh = fk_held_find(t, rw);
	uint32_t one = 1;

	fk_rw_valid(rw, "rw_tryupgrade");
	if (fh == NULL || fh->fh_kind != FK_RDLOCK)
		fk_lock_bad("rw_tryupgrade", rw, rw->rw_class,
		    "not held by this thread as reader",
		    FK_LOAD(&rw->rw_wrowner));
	if (!__atomic_compare_exchange_n(&rw->rw_state, &one, RW_HELD, false,
	    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return (0);
	FK_STORE(&rw->rw_wrowner, t);
	fh->fh_kind = FK_WRLOCK;
	return (1);
}

int
rw_read_held(krwlock_t *rw)
{
	fk_held_t *fh;

	fk_rw_valid(rw, "rw_read_held");
	fh = fk_held_find(fk_self(), rw);
	return (fh != NULL && fh->fh_kind == FK_RDLOCK);
}

int
rw_write_held(krwlock_t *rw)
{
	fk_rw_valid(rw, "rw_write_held");
	return (FK_LOAD(&rw->rw_wrowner) == fk_self());
}

int
rw_lock_held(krwlock_t *rw)
{
	fk_rw_valid(rw, "rw_lock_held");
	return (fk_held_find(fk_self(), rw) != NULL);
}

int
rw_read_locked(krwlock_t *rw)
{
	fk_rw_valid(rw, "rw_read_locked");
	return ((FK_LOAD(&rw->rw_state) & RW_READERS) != 0);
}

int
rw_iswriter(krwlock_t *rw)
{
	return ((FK_LOAD(&rw->rw_state) & RW_HELD) != 0);
}

kthread_t *
rw_owner(krwlock_t *rw)
{
	fk_rw_valid(rw, "rw_owner");
	return (FK_LOAD(&rw->rw_wrowner));
}

/*
 * Could this be the class of a lock?  Data can look like the magic of one, by
 * chance, once in some gigabytes.
 */
static bool
fk_lockclass_plausible(const fk_lockclass_t *lc)
{
	uintptr_t p = (uintptr_t)lc;

	return (p % _Alignof(fk_lockclass_t) == 0 && p >= PAGESIZE &&
	    p >> 47 == 0);
}

/*
 * Memory is freed: nothing in it may be a lock that was not destroyed.
 */
void
fk_scan_freed(void *buf, size_t size)
{
	uintptr_t p = (uintptr_t)buf, end = p + size;
	kmutex_t *mp;
	krwlock_t *rw;

	for (; p + sizeof (kmutex_t) <= end; p += sizeof (uint64_t)) {
		mp = (kmutex_t *)p;
		if (mp->m_magic == FK_MAGIC(FK_MUTEX_MAGIC, mp) &&
		    fk_lockclass_plausible(mp->m_class))
			fk_lock_bad("kmem_free", mp, mp->m_class,
			    FK_LOAD(&mp->m_state) != 0 ?
			    "memory has a held mutex in it" :
			    "memory has a mutex in it that was not destroyed",
			    FK_LOAD(&mp->m_owner));
		if (p + sizeof (krwlock_t) > end)
			continue;
		rw = (krwlock_t *)p;
		if (rw->rw_magic == FK_MAGIC(FK_RW_MAGIC, rw) &&
		    fk_lockclass_plausible(rw->rw_class))
			fk_lock_bad("kmem_free", rw, rw->rw_class,
			    "memory has a rwlock in it that was not destroyed",
			    FK_LOAD(&rw->rw_wrowner));
	}
}
