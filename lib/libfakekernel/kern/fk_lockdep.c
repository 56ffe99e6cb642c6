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
 * The order of locks.
 *
 * Every lock has a class, the place where it was initialised.  When a thread
 * takes a lock while it holds others, each pair (class held, class taken) is an
 * edge of a graph; the first time an edge is seen it is recorded with the
 * stack.  An edge that closes a cycle is a deadlock waiting to happen, and
 * panics at once, whether or not the threads ever meet: both stacks are shown.
 * A trylock cannot deadlock and makes no edge (but what is taken under it
 * does).
 *
 * Two locks of one class have no order between them, so that holding both
 * panics, unless fk_lock_allow_nested() has said that the address gives it.
 *
 * Classes also remember with which stack one of their locks was first taken in
 * an interrupt handler, and was first held across a sleep.  A lock for which
 * both are true lets an interrupt wait for a sleeper.
 *
 * All of this is done only when the kernel was booted with checks.  Whether an
 * edge is known is looked up without a lock.
 */

#include "fk_impl.h"

#define	FK_CLASSES	1024
#define	FK_ALLOWED	16

typedef struct fk_edge {
	struct fk_edge	*fe_next;
	uint32_t	fe_from;
	uint32_t	fe_to;
	char		fe_thread[32];
	void		*fe_stack[FK_STACK];
} fk_edge_t;

typedef struct fk_classinfo {
	fk_lockclass_t	*ci_class;
	fk_edge_t	*ci_edges;	/* from this class */
	bool		ci_visited;
	bool		ci_nested;	/* ascending addresses are allowed */
	bool		ci_intr;	/* taken in an interrupt handler */
	bool		ci_slept;	/* held across a sleep */
	void		*ci_intrstack[FK_STACK];
	void		*ci_sleptstack[FK_STACK];
	/* Of fk_lockclass_named() and fk_lockclass_func(). */
	fk_lockclass_t	ci_own;
	void		*ci_func;
	char		ci_name[64];
} fk_classinfo_t;

static fk_lk_t fk_lockdep_lock;	/* protects all below */
static fk_classinfo_t *fk_class[FK_CLASSES];
static uint32_t fk_nclasses = 1;	/* 0 means: not registered */
static uint64_t fk_edges[FK_CLASSES][FK_CLASSES / 64];	/* read without */
static const char *fk_allowed[FK_ALLOWED];

/* Does the class's expression end in this member's name? */
static bool
fk_class_matches(const fk_lockclass_t *lc, const char *name)
{
	size_t n = strlen(name), len = strlen(lc->lc_name);
	char before;

	if (len < n || strcmp(lc->lc_name + len - n, name) != 0)
		return (false);
	before = len == n ? '&' : lc->lc_name[len - n - 1];
	return (before == '&' || before == '>' || before == '.');
}

/* The lock is held. */
static fk_classinfo_t *
fk_class_add(fk_lockclass_t *lc)
{
	fk_classinfo_t *ci;
	uint32_t i;

	if (fk_nclasses == FK_CLASSES)
		panic("too many lock classes");
	ci = fkh_alloc(sizeof (*ci));
	bzero(ci, sizeof (*ci));
	if (lc == NULL)
		lc = &ci->ci_own;
	ci->ci_class = lc;
	if (lc->lc_name != NULL) {
		for (i = 0; i < FK_ALLOWED && fk_allowed[i] != NULL; i++) {
			if (fk_class_matches(lc, fk_allowed[i]))
				ci->ci_nested = true;
		}
	}
	fk_class[fk_nclasses] = ci;
	__atomic_store_n(&lc->lc_id, fk_nclasses, __ATOMIC_RELEASE);
	fk_nclasses++;
	return (ci);
}

static fk_classinfo_t *
fk_class_get(fk_lockclass_t *lc)
{
	uint32_t id = __atomic_load_n(&lc->lc_id, __ATOMIC_ACQUIRE);

	if (id != 0)
		return (fk_class[id]);
	fk_lock(&fk_lockdep_lock);
	if (lc->lc_id == 0)
		(void) fk_class_add(lc);
	fk_unlock(&fk_lockdep_lock);
	return (fk_class[lc->lc_id]);
}

static fk_lockclass_t *
fk_class_own(const char *kind, const char *name, void *func)
{
	char buf[64];
	fk_classinfo_t *ci = NULL;
	uint32_t i;

	if (name != NULL)
		(void) snprintf(buf, sizeof (buf), "%s %s", kind, name);
	else
		(void) snprintf(buf, sizeof (buf), "%s %p", kind, func);
	fk_lock(&fk_lockdep_lock);
	for (i = 1; i < fk_nclasses; i++) {
		ci = fk_class[i];
		if (ci->ci_class == &ci->ci_own && ci->ci_func == func &&
		    strcmp(ci->ci_name, buf) == 0)
			break;
	}
	if (i == fk_nclasses) {
		ci = fk_class_add(NULL);
		ci->ci_func = func;
		(void) strlcpy(ci->ci_name, buf, sizeof (ci->ci_name));
		ci->ci_own.lc_name = ci->ci_name;
	}
	fk_unlock(&fk_lockdep_lock);
	return (ci->ci_class);
}

fk_lockclass_t *
fk_lockclass_named(const char *kind, const char *name)
{
	return (fk_class_own(kind, name, NULL));
}

fk_lockclass_t *
fk_lockclass_func(const char *kind, void *func)
{
	return (fk_class_own(kind, NULL, func));
}

void
fk_lock_allow_nested(const char *name)
{
	uint32_t i;

	fk_lock(&fk_lockdep_lock);
	for (i = 0; i < FK_ALLOWED && fk_allowed[i] != NULL; i++)
		;
	if (i == FK_ALLOWED)
		panic("fk_lock_allow_nested: too many");
	fk_allowed[i] = name;
	for (i = 1; i < fk_nclasses; i++) {
		if (fk_class_matches(fk_class[i]->ci_class, name))
			fk_class[i]->ci_nested = true;
	}
	fk_unlock(&fk_lockdep_lock);
}

/* What the class is called, and where that is. */
const char *
fk_lockclass_print(const fk_lockclass_t *lc, char *buf, size_t len)
{
	if (lc->lc_file == NULL)
		(void) snprintf(buf, len, "%s", lc->lc_name);
	else
		(void) snprintf(buf, len, "%s (%s:%d)", lc->lc_name,
		    lc->lc_file, lc->lc_line);
	return (buf);
}

static bool
fk_edge_known(uint32_t from, uint32_t to)
{
	return ((FK_LOAD(&fk_edges[from][to / 64]) >> (to % 64)) & 1);
}

/* Depth first: is there a way from one class to the other? */
static bool
fk_path(uint32_t from, uint32_t to, fk_edge_t **path, uint_t depth,
    uint_t *lenp)
{
	fk_edge_t *fe;

	fk_class[from]->ci_visited = true;
	for (fe = fk_class[from]->ci_edges; fe != NULL; fe = fe->fe_next) {
		if (depth == FK_CLASSES || fk_class[fe->fe_to]->ci_visited)
			continue;
		path[depth] = fe;
		*lenp = depth + 1;
		if (fe->fe_to == to ||
		    fk_path(fe->fe_to, to, path, depth + 1, lenp))
			return (true);
	}
	return (false);
}

static _Noreturn void
fk_cycle(const fk_held_t *fh, const fk_lockclass_t *lc, fk_edge_t **path,
    uint_t len)
{
	char what[256], taken[128], held[128];
	fk_lockclass_t *from, *to;
	uint_t i;

	fk_panic_begin("lock order: %s is taken with %s held, but elsewhere "
	    "it is the other way round",
	    fk_lockclass_print(lc, taken, sizeof (taken)),
	    fk_lockclass_print(fh->fh_class, held, sizeof (held)));
	for (i = 0; i < len; i++) {
		from = fk_class[path[i]->fe_from]->ci_class;
		to = fk_class[path[i]->fe_to]->ci_class;
		(void) snprintf(what, sizeof (what),
		    "thread %s took %s with %s held at",
		    path[i]->fe_thread, to->lc_name, from->lc_name);
		fk_stack_print(what, path[i]->fe_stack, FK_STACK);
	}
	fk_panic_end();
}

static void
fk_edge_add(kthread_t *t, const fk_held_t *fh, fk_lockclass_t *lc)
{
	static fk_edge_t *path[FK_CLASSES];
	uint32_t from = fh->fh_class->lc_id, to = lc->lc_id, i;
	fk_edge_t *fe;
	uint_t len = 0;

	fk_lock(&fk_lockdep_lock);
	if (fk_edge_known(from, to)) {
		fk_unlock(&fk_lockdep_lock);
		return;
	}
	for (i = 1; i < fk_nclasses; i++)
		fk_class[i]->ci_visited = false;
	if (fk_path(to, from, path, 0, &len))
		fk_cycle(fh, lc, path, len);
	fe = fkh_alloc(sizeof (*fe));
	fe->fe_from = from;
	fe->fe_to = to;
	(void) strlcpy(fe->fe_thread, t->t_name, sizeof (fe->fe_thread));
	(void) fk_stack_get(fe->fe_stack, FK_STACK);
	fe->fe_next = fk_class[from]->ci_edges;
	fk_class[from]->ci_edges = fe;
	FK_STORE(&fk_edges[from][to / 64],
	    fk_edges[from][to / 64] | 1UL << (to % 64));
	fk_unlock(&fk_lockdep_lock);
}

static _Noreturn void
fk_intr_conflict(fk_classinfo_t *ci, const char *what)
{
	char name[128];

	fk_panic_begin("%s: %s is held across a sleep, and taken in an "
	    "interrupt handler", what,
	    fk_lockclass_print(ci->ci_class, name, sizeof (name)));
	fk_stack_print("taken in an interrupt handler at", ci->ci_intrstack,
	    FK_STACK);
	fk_stack_print("held across a sleep at", ci->ci_sleptstack, FK_STACK);
	fk_panic_end();
}

/*
 * Note one of the two facts about a class, the first time; panic if the other
 * is true as well.
 */
static void
fk_class_note(fk_classinfo_t *ci, bool *fact, void **stack, bool *other,
    const char *what)
{
	if (FK_LOAD(fact))
		return;
	fk_lock(&fk_lockdep_lock);
	(void) fk_stack_get(stack, FK_STACK);
	FK_STORE(fact, true);
	if (FK_LOAD(other))
		fk_intr_conflict(ci, what);
	fk_unlock(&fk_lockdep_lock);
}

void
fk_lockdep_check(kthread_t *t, void *lock, fk_lockclass_t *lc)
{
	fk_classinfo_t *ci = fk_class_get(lc);
	const fk_held_t *fh;
	char name[128];
	uint_t i;

	if (t->t_intr != 0)
		fk_class_note(ci, &ci->ci_intr, ci->ci_intrstack,
		    &ci->ci_slept, "mutex_enter");
	for (i = 0; i < t->t_nheld; i++) {
		fh = &t->t_held[i];
		if (fh->fh_class == lc) {
			if (ci->ci_nested &&
			    (uintptr_t)fh->fh_lock < (uintptr_t)lock)
				continue;
			panic("lock order: %p is taken with another of its "
			    "class held: %p, %s", lock, fh->fh_lock,
			    fk_lockclass_print(lc, name, sizeof (name)));
		}
		(void) fk_class_get(fh->fh_class);
		if (!fk_edge_known(fh->fh_class->lc_id, lc->lc_id))
			fk_edge_add(t, fh, lc);
	}
}

void
fk_lockdep_sleep(kthread_t *t, void *but, const char *what)
{
	fk_classinfo_t *ci;
	uint_t i;

	for (i = 0; i < t->t_nheld; i++) {
		if (t->t_held[i].fh_lock == but ||
		    t->t_held[i].fh_kind == FK_PSEUDO)
			continue;
		ci = fk_class_get(t->t_held[i].fh_class);
		fk_class_note(ci, &ci->ci_slept, ci->ci_sleptstack,
		    &ci->ci_intr, what);
	}
}

void
fk_lockdep_enter(void *what, fk_lockclass_t *lc)
{
	kthread_t *t = fk_self();

	if (!fk_checks)
		return;
	fk_lockdep_check(t, what, lc);
	fk_held_push(t, what, lc, FK_PSEUDO);
}

void
fk_lockdep_exit(void *what)
{
	if (fk_checks)
		(void) fk_held_pop(fk_self(), what);
}

/* Everything is forgotten: the next boot starts anew. */
void
fk_lockdep_fini(void)
{
	fk_classinfo_t *ci;
	fk_edge_t *fe;
	uint32_t i;

	for (i = 1; i < fk_nclasses; i++) {
		ci = fk_class[i];
		while ((fe = ci->ci_edges) != NULL) {
			ci->ci_edges = fe->fe_next;
			fkh_free(fe);
		}
		ci->ci_class->lc_id = 0;
		fkh_free(ci);
		fk_class[i] = NULL;
	}
	fk_nclasses = 1;
	bzero(fk_edges, sizeof (fk_edges));
	bzero(fk_allowed, sizeof (fk_allowed));
}
