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
 * Threads and processes.
 *
 * A thread is one of three kinds: made by thread_create() or lwp_create(),
 * attached by the host program, or the clock's.  Those of the first kind are
 * counted for fk_quiesce(); their kthread_t stays until somebody has joined the
 * host's thread, which is done when the next thread is made, or at shutdown.
 *
 * fk_threads_lock protects the lists of threads and processes; a
 * kthread_t that was taken off the list is touched only by who did that.
 */

#include "fk_impl.h"
#include <sys/cpuvar.h>
#include <sys/disp.h>
#include <sys/zone.h>
#include <sys/sunddi.h>

__thread kthread_t *fk_curthread;

bool fk_checks;
bool fk_running;
bool fk_virtual;

pri_t minclsyspri = MINCLSYSPRI;
pri_t maxclsyspri = MAXCLSYSPRI;
int ncpus;
int ncpus_online;
int max_ncpus;
pgcnt_t physmem = 1 << 20;
char hw_serial[] = "0";

struct proc p0;

static fk_lk_t fk_threads_lock;
static kthread_t *fk_threads;
static kt_did_t fk_lastdid;
static kmutex_t fk_join_lock;		/* protects t_exited */
static kcondvar_t fk_join_cv;
static int64_t fk_dead_bytes;		/* kmem balance of threads gone */
static int64_t fk_dead_allocs;

static proc_t *fk_procs;
static pid_t fk_lastpid;
static proc_t *fk_hostproc;		/* of the host program's threads */

static uint64_t fk_turns_seen;

static void (*fk_hooks[8])(void);	/* of fk_at_shutdown() */
static uint_t fk_nhooks;

static _Noreturn void fk_thread_end(void);

/*
 * Threads.
 */
kthread_t *
fk_kthread_alloc(const char *name, proc_t *p)
{
	kthread_t *t = fkh_alloc(sizeof (*t));

	bzero(t, sizeof (*t));
	(void) strlcpy(t->t_name, name, sizeof (t->t_name));
	t->t_procp = p;
	t->t_state = TS_ONPROC;
	fk_lock(&fk_threads_lock);
	t->t_did = ++fk_lastdid;
	t->t_next = fk_threads;
	if (fk_threads != NULL)
		fk_threads->t_prev = t;
	fk_threads = t;
	fk_unlock(&fk_threads_lock);
	return (t);
}

/* Off the list; the lock is held. */
static void
fk_kthread_unlink(kthread_t *t)
{
	if (t->t_prev == NULL)
		fk_threads = t->t_next;
	else
		t->t_prev->t_next = t->t_next;
	if (t->t_next != NULL)
		t->t_next->t_prev = t->t_prev;
	fk_dead_bytes += t->t_kmem_bytes;
	fk_dead_allocs += t->t_kmem_allocs;
}

static void
fk_kthread_free(kthread_t *t)
{
	if (t->t_lwp != NULL)
		fkh_free(t->t_lwp);
	fkh_free(t);
}

/* Free what threads that have ended left behind. */
static void
fk_threads_reap(void)
{
	kthread_t *t;

	for (;;) {
		fk_lock(&fk_threads_lock);
		for (t = fk_threads; t != NULL; t = t->t_next) {
			if (__atomic_load_n(&t->t_exited, __ATOMIC_ACQUIRE))
				break;
		}
		if (t != NULL)
			fk_kthread_unlink(t);
		fk_unlock(&fk_threads_lock);
		if (t == NULL)
			break;
		/* It has only to leave. */
		fkh_thread_join(t->t_host);
		fk_kthread_free(t);
	}
}

void
fk_kmem_usage(uint64_t *bytes, uint64_t *allocations)
{
	kthread_t *t;
	int64_t b, n;

	fk_lock(&fk_threads_lock);
	b = fk_dead_bytes;
	n = fk_dead_allocs;
	for (t = fk_threads; t != NULL; t = t->t_next) {
		b += FK_LOAD(&t->t_kmem_bytes);
		n += FK_LOAD(&t->t_kmem_allocs);
	}
	fk_unlock(&fk_threads_lock);
	*bytes = b;
	*allocations = n;
}

static void
fk_thread_main(void *arg)
{
	kthread_t *t = arg;

	curthread = t;
	t->t_stacktop = fkh_stack_top();
	t->t_startfn(t->t_startarg);
	fk_thread_end();
}

/* The host's thread starts here when its kthread_t is complete. */
static void
fk_thread_start(kthread_t *t)
{
	void *host;

	t->t_counted = true;
	fk_active_inc();
	/*
	 * The lock keeps the reaper away from a thread that ends before its
	 * host thread is known.
	 */
	fk_lock(&fk_threads_lock);
	host = fkh_thread_create(t->t_name, fk_thread_main, t);
	t->t_host = host;
	fk_unlock(&fk_threads_lock);
}

/* Any context: used by taskq_dispatch() as well. */
kthread_t *
fk_kthread_create(const char *name, void (*func)(void *), void *arg, proc_t *p,
    pri_t pri)
{
	kthread_t *t;

	fk_threads_reap();
	t = fk_kthread_alloc(name, p);
	t->t_pri = pri;
	t->t_startfn = func;
	t->t_startarg = arg;
	fk_thread_start(t);
	return (t);
}

kthread_t *
thread_create(caddr_t stk, size_t stksize, fk_anyfunc_t func, void *arg,
    size_t len, proc_t *p, int state, pri_t pri)
{
	ASSERT0(len);
	fk_maysleep("thread_create");
	return (fk_kthread_create("thread", (void (*)(void *))func, arg, p,
	    pri));
}

/* The end of a thread of the kernel. */
static _Noreturn void
fk_thread_end(void)
{
	kthread_t *t = curthread;

	if (fk_held_count(t) != 0)
		panic("thread %s exits with locks held", t->t_name);
	mutex_enter(&fk_join_lock);
	__atomic_store_n(&t->t_exited, true, __ATOMIC_RELEASE);
	cv_broadcast(&fk_join_cv);
	mutex_exit(&fk_join_lock);
	fk_active_dec();
	curthread = NULL;
	fkh_thread_exit();
}

void
thread_exit(void)
{
	if (!fk_self()->t_counted)
		panic("thread_exit: not a thread of the kernel");
	fk_thread_end();
}

/* Has the thread ended?  The join lock is held. */
static bool
fk_thread_ended(kt_did_t did)
{
	kthread_t *t;
	bool ended;

	fk_lock(&fk_threads_lock);
	for (t = fk_threads; t != NULL && t->t_did != did; t = t->t_next)
		;
	ended = t == NULL || FK_LOAD(&t->t_exited);
	fk_unlock(&fk_threads_lock);
	return (ended);
}

void
thread_join(kt_did_t did)
{
	fk_maysleep("thread_join");
	mutex_enter(&fk_join_lock);
	while (!fk_thread_ended(did))
		cv_wait(&fk_join_cv, &fk_join_lock);
	mutex_exit(&fk_join_lock);
}

int
thread_setname(kthread_t *t, const char *name)
{
	(void) strlcpy(t->t_name, name, sizeof (t->t_name));
	if (t == curthread)
		fkh_thread_setname(t->t_name);
	return (0);
}

int
thread_vsetname(kthread_t *t, const char *fmt, ...)
{
	char name[sizeof (t->t_name)];
	__va_list ap;

	va_start(ap, fmt);
	(void) vsnprintf(name, sizeof (name), fmt, ap);
	va_end(ap);
	return (thread_setname(t, name));
}

static void
fk_lwp_alloc(kthread_t *t, void (*func)(void *))
{
	klwp_t *lwp = fkh_alloc(sizeof (*lwp));

	bzero(lwp, sizeof (*lwp));
	lwp->lwp_thread = t;
	lwp->lwp_procp = t->t_procp;
	lwp->lwp_func = func;
	t->t_lwp = lwp;
}

void
fk_thread_attach(const char *name)
{
	kthread_t *t;

	if (curthread != NULL)
		panic("fk_thread_attach: attached already");
	if (!fk_running)
		panic("fk_thread_attach: the kernel is not running");
	if (fkh_turns)
		panic("fk_thread_attach: it takes no turns");
	t = fk_kthread_alloc(name, fk_hostproc);
	t->t_stacktop = fkh_stack_top();
	t->t_hostid = fkh_thread_id();
	fk_lwp_alloc(t, NULL);
	curthread = t;
}

/* Off the list, and gone. */
static void
fk_kthread_destroy(kthread_t *t)
{
	fk_lock(&fk_threads_lock);
	fk_kthread_unlink(t);
	fk_unlock(&fk_threads_lock);
	fk_kthread_free(t);
}

void
fk_thread_detach(void)
{
	kthread_t *t = fk_self();

	if (t->t_counted)
		panic("fk_thread_detach: a thread of the kernel");
	if (fk_held_count(t) != 0)
		panic("fk_thread_detach: locks held");
	curthread = NULL;
	fk_kthread_destroy(t);
}

/*
 * Lines.  Whatever thread the host has call the function is another one for the
 * kernel meanwhile, as an interrupt thread is.
 */
struct fk_line {
	kthread_t	*fl_thread;
	void		(*fl_func)(void *);
	void		*fl_arg;
	uint64_t	fl_host;
};

static void
fk_line_run(void *arg)
{
	static __thread void *stacktop;
	fk_line_t *fl = arg;
	kthread_t *t = fl->fl_thread, *pinned = curthread;

	if (stacktop == NULL)
		stacktop = fkh_stack_top();
	t->t_stacktop = stacktop;
	curthread = t;
	fl->fl_func(fl->fl_arg);
	if (fk_held_count(t) != 0)
		panic("%s: the function returned with a lock held", t->t_name);
	fk_wake(t);
	curthread = pinned;
}

int
fk_line_add(int eventfd, const char *name, void (*func)(void *), void *arg,
    fk_line_t **flp)
{
	fk_line_t *fl = fkh_alloc(sizeof (*fl));
	int err;

	fl->fl_func = func;
	fl->fl_arg = arg;
	fl->fl_thread = fk_kthread_alloc(name, fk_hostproc);
	fk_lwp_alloc(fl->fl_thread, NULL);
	*flp = fl;
	err = fkh_line_add(eventfd, fk_line_run, fl, &fl->fl_host);
	if (err != 0) {
		fk_kthread_destroy(fl->fl_thread);
		fkh_free(fl);
	}
	return (fk_errno_from_host(err));
}

void
fk_line_remove(fk_line_t *fl)
{
	fkh_line_remove(fl->fl_host);
	fk_kthread_destroy(fl->fl_thread);
	fkh_free(fl);
}

int
fk_line_fd(void)
{
	return (fkh_line_fd());
}

void
fk_line_serve(void)
{
	fkh_line_serve();
}

void
fk_intr_enter(void)
{
	fk_self()->t_intr++;
}

void
fk_intr_exit(void)
{
	kthread_t *t = fk_self();

	VERIFY(t->t_intr != 0);
	t->t_intr--;
	if (t->t_intr == 0 && fk_held_count(t) != 0)
		panic("an interrupt handler returned with a lock held");
}

int
servicing_interrupt(void)
{
	return (fk_self()->t_intr != 0);
}

void
kpreempt_disable(void)
{
}

void
kpreempt_enable(void)
{
}

void
fk_yield(void)
{
	fkh_yield();
}

cpu_t *
fk_cpu(void)
{
	static cpu_t cpus[64];
	int i = fkh_cpu() % (int)ARRAY_SIZE(cpus);

	FK_STORE(&cpus[i].cpu_id, i);
	FK_STORE(&cpus[i].cpu_seqid, (uint_t)i);
	return (&cpus[i]);
}

/*
 * Processes.
 */
static void
fk_proc_init(proc_t *p, const char *name, zone_t *zone, cred_t *cr)
{
	mutex_init(&p->p_lock, NULL, MUTEX_DEFAULT, NULL);
	mutex_init(&p->p_crlock, NULL, MUTEX_DEFAULT, NULL);
	cv_init(&p->p_lwpexit, NULL, CV_DEFAULT, NULL);
	zone_hold(zone);
	crhold(cr);
	p->p_zone = zone;
	p->p_cred = cr;
	p->p_refcnt = 1;
	(void) strlcpy(p->p_user.u_comm, name, sizeof (p->p_user.u_comm));
	(void) strlcpy(p->p_user.u_psargs, name, sizeof (p->p_user.u_psargs));
}

static void
fk_proc_fini(proc_t *p)
{
	zone_rele(p->p_zone);
	crfree(p->p_cred);
	cv_destroy(&p->p_lwpexit);
	mutex_destroy(&p->p_crlock);
	mutex_destroy(&p->p_lock);
}

proc_t *
fk_proc_create(zone_t *zone, cred_t *cr, const char *name)
{
	proc_t *p = fkh_alloc(sizeof (*p));

	bzero(p, sizeof (*p));
	fk_proc_init(p, name, zone, cr);
	fk_lock(&fk_threads_lock);
	p->p_pid = ++fk_lastpid;
	p->p_next = fk_procs;
	fk_procs = p;
	fk_unlock(&fk_threads_lock);
	return (p);
}

void
fk_proc_hold(proc_t *p)
{
	fk_lock(&fk_threads_lock);
	p->p_refcnt++;
	fk_unlock(&fk_threads_lock);
}

void
fk_proc_rele(proc_t *p)
{
	proc_t **pp;

	fk_lock(&fk_threads_lock);
	if (--p->p_refcnt != 0) {
		fk_unlock(&fk_threads_lock);
		return;
	}
	for (pp = &fk_procs; *pp != p; pp = &(*pp)->p_next)
		;
	*pp = p->p_next;
	fk_unlock(&fk_threads_lock);
	if (p->p_lwpcnt != 0)
		panic("process %s has lwps", p->p_user.u_comm);
	fk_proc_fini(p);
	fkh_free(p);
}

proc_t *
fk_proc_switch(proc_t *p)
{
	kthread_t *t = fk_self();
	proc_t *old = t->t_procp;

	t->t_procp = p;
	if (t->t_lwp != NULL)
		t->t_lwp->lwp_procp = p;
	return (old);
}

proc_t *
prfind(pid_t pid)
{
	proc_t *p;

	fk_lock(&fk_threads_lock);
	for (p = fk_procs; p != NULL && p->p_pid != pid; p = p->p_next)
		;
	fk_unlock(&fk_threads_lock);
	return (p);
}

pid_t
ddi_get_pid(void)
{
	return (curproc->p_pid);
}

static void
fk_lwp_main(void *arg)
{
	klwp_t *lwp = curthread->t_lwp;

	/* Stopped until lwp_create_done(). */
	mutex_enter(&lwp->lwp_procp->p_lock);
	while (curthread->t_state == TS_STOPPED)
		cv_wait(&lwp->lwp_procp->p_lwpexit, &lwp->lwp_procp->p_lock);
	mutex_exit(&lwp->lwp_procp->p_lock);
	lwp->lwp_func(arg);
	mutex_enter(&lwp->lwp_procp->p_lock);
	lwp_exit();
}

klwp_t *
lwp_create(fk_anyfunc_t func, caddr_t arg, size_t len, proc_t *p, int state,
    int pri, const k_sigset_t *hold, int cid, id_t lwpid)
{
	kthread_t *t;
	klwp_t *lwp;

	ASSERT0(len);
	ASSERT3S(state, ==, TS_STOPPED);
	fk_maysleep("lwp_create");
	mutex_enter(&p->p_lock);
	if ((p->p_flag & (SEXITING | SEXITLWPS)) != 0) {
		mutex_exit(&p->p_lock);
		return (NULL);
	}
	p->p_lwpcnt++;
	mutex_exit(&p->p_lock);
	fk_threads_reap();
	t = fk_kthread_alloc("lwp", p);
	t->t_pri = pri;
	t->t_cid = cid;
	t->t_state = TS_STOPPED;
	fk_lwp_alloc(t, (void (*)(void *))func);
	lwp = t->t_lwp;
	t->t_startfn = fk_lwp_main;
	t->t_startarg = arg;
	fk_thread_start(t);
	return (lwp);
}

void
lwp_create_done(kthread_t *t)
{
	proc_t *p = ttoproc(t);

	ASSERT(MUTEX_HELD(&p->p_lock));
	t->t_state = TS_ONPROC;
	cv_broadcast(&p->p_lwpexit);
}

void
lwp_exit(void)
{
	kthread_t *t = fk_self();
	proc_t *p = ttoproc(t);

	ASSERT(MUTEX_HELD(&p->p_lock));
	if (!t->t_counted || t->t_lwp == NULL)
		panic("lwp_exit: not an lwp");
	p->p_lwpcnt--;
	cv_broadcast(&p->p_lwpexit);
	mutex_exit(&p->p_lock);
	fk_thread_end();
}

void
fk_proc_exit(proc_t *p)
{
	kthread_t *t;

	mutex_enter(&p->p_lock);
	p->p_flag |= SEXITLWPS | SEXITING;
	fk_lock(&fk_threads_lock);
	for (t = fk_threads; t != NULL; t = t->t_next) {
		if (t->t_procp == p && t->t_counted && !FK_LOAD(&t->t_exited))
			fk_thread_interrupt(t);
	}
	fk_unlock(&fk_threads_lock);
	while (p->p_lwpcnt != 0)
		cv_wait(&p->p_lwpexit, &p->p_lock);
	mutex_exit(&p->p_lock);
}

/*
 * Boot and shutdown.
 */
void
fk_boot(const fk_config_t *fc)
{
	kthread_t *t;

	if (fk_running)
		panic("fk_boot: running already");
	fkh_boot();
	if (fc->fc_turns) {
		VERIFY(fc->fc_virtual_time);
		fkh_turns_begin(fc->fc_seed);
	}
	fk_checks = fc->fc_checks;
	fk_virtual = fc->fc_virtual_time;
	ncpus = ncpus_online = max_ncpus = fkh_ncpus();
	fk_running = true;

	t = fk_kthread_alloc("boot", &p0);
	t->t_stacktop = fkh_stack_top();
	t->t_hostid = fkh_thread_id();
	fk_lwp_alloc(t, NULL);
	curthread = t;
	mutex_init(&fk_join_lock, NULL, MUTEX_DEFAULT, NULL);
	cv_init(&fk_join_cv, NULL, CV_DEFAULT, NULL);

	fk_random_init(fc->fc_seed);
	fk_fail_init(fc->fc_seed);
	fk_kmem_init();
	fk_cred_init();
	fk_zone_init();
	fk_proc_init(&p0, "sched", global_zone, kcred);
	fk_hostproc = fk_proc_create(global_zone, kcred, "host");
	(void) fk_proc_switch(fk_hostproc);
	fk_clock_init();
	fk_taskq_init();
	fk_kstat_init();
	fk_file_init();
	fk_ddi_init();
	fk_mod_init(fc->fc_modules);
}

void
fk_at_shutdown(void (*func)(void))
{
	fk_lock(&fk_threads_lock);
	if (fk_nhooks == ARRAY_SIZE(fk_hooks))
		panic("fk_at_shutdown: too many");
	fk_hooks[fk_nhooks++] = func;
	fk_unlock(&fk_threads_lock);
}

void
fk_shutdown(void)
{
	kthread_t *t;

	fk_maysleep("fk_shutdown");
	fk_file_fini();
	fk_mod_fini();
	while (fk_nhooks != 0)
		fk_hooks[--fk_nhooks]();
	fk_ddi_fini();
	fk_taskq_fini();
	fk_quiesce();
	fk_clock_fini();
	fk_kstat_fini();
	(void) fk_proc_switch(&p0);
	fk_proc_rele(fk_hostproc);
	if (fk_procs != NULL)
		panic("shutdown: process %s exists",
		    fk_procs->p_user.u_comm);
	fk_threads_reap();
	fk_lock(&fk_threads_lock);
	for (t = fk_threads; t != NULL; t = t->t_next) {
		if (t->t_counted)
			panic("shutdown: thread %s has not ended", t->t_name);
	}
	fk_unlock(&fk_threads_lock);
	fk_proc_fini(&p0);
	fk_zone_fini();
	fk_cred_fini();
	fk_kmem_fini();
	mutex_destroy(&fk_join_lock);
	cv_destroy(&fk_join_cv);
	curthread = NULL;
	while ((t = fk_threads) != NULL) {
		fk_kthread_unlink(t);
		fk_kthread_free(t);
	}
	fk_dead_bytes = fk_dead_allocs = 0;
	fk_lockdep_fini();
	fk_running = false;
	if (fkh_turns)
		fk_turns_seen = fkh_turns_end();
}

uint64_t
fk_turns_hash(void)
{
	return (fk_turns_seen);
}
