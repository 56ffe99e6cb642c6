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
 * Threads on lwps, as much of pthreads as the programs use.
 *
 * The base of %fs leads to a thread's tcb_t, whose first word leads to itself
 * and which has its errno; libmd's code finds its stack protector's canary at
 * %fs:0x28.  Locks are words that are waited for with short pauses: nothing
 * that is measured depends on them.  Stacks are kept for threads to come; a
 * thread's last instructions, after it has said that it is done with its own,
 * use none.
 */

#include <sys/mman.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "illumos.h"

#define	STACK_SIZE	(256 * 1024)

#define	ILL_FSBASE	0
#define	ILL_SETPRIVATE	0
#define	ILL_GETCONTEXT	0
#define	ILL_UC_SIGMASK	0x01
#define	ILL_UC_CPU	0x04
#define	ILL_LWP_DETACHED 0x40

/* Indices into a ucontext_t's registers. */
#define	ILL_REG_RDI	8
#define	ILL_REG_RIP	17
#define	ILL_REG_RSP	20
#define	ILL_REG_FSBASE	26
#define	ILL_NREG	28

typedef struct ill_ucontext {
	uint64_t	uc_flags;
	void		*uc_link;
	uint32_t	uc_sigmask[4];
	uint64_t	uc_stack[3];
	uint64_t	uc_pad;		/* the registers are at a multiple of 16 */
	uint64_t	uc_gregs[ILL_NREG];
	uint8_t		uc_rest[2048];
} ill_ucontext_t;

typedef struct tcb {
	struct tcb	*tcb_self;
	void		*(*tcb_func)(void *);
	void		*tcb_arg;
	int		tcb_errno;
	uint32_t	tcb_detached;
	uint64_t	tcb_pad;
	uint64_t	tcb_canary;	/* at 0x28 */
	struct tcb	*tcb_next;	/* of the pool */
	uint32_t	tcb_done;	/* has returned */
	uint32_t	tcb_busy;	/* its stack is in use */
} tcb_t;

_Static_assert(offsetof(tcb_t, tcb_canary) == 0x28, "canary");

static tcb_t main_tcb;
static tcb_t *pool;		/* all that there ever were */
static uint32_t pool_lock;

static tcb_t *
tcb_self(void)
{
	tcb_t *tcb;

	__asm__ volatile("movq %%fs:0, %0" : "=r" (tcb));
	return (tcb);
}

void
ill_thread_init(void)
{
	main_tcb.tcb_self = &main_tcb;
	if (ill_syscall(ILL_LWP_PRIVATE, ILL_SETPRIVATE, ILL_FSBASE,
	    (uintptr_t)&main_tcb, 0, 0, 0).ir_errno != 0)
		ill_die("lwp_private");
}

int *
__errno_location(void)
{
	return (&tcb_self()->tcb_errno);
}

/* musl's name of it for itself. */
extern int *___errno_location(void)
    __attribute__((const, alias("__errno_location")));

extern void __stack_chk_fail(void);
void
__stack_chk_fail(void)
{
	ill_die("stack smashed");
}

void
ill_pause(void)
{
	struct timespec ts = { .tv_nsec = 1000000 };

	(void) nanosleep(&ts, NULL);
}

static void
word_lock(uint32_t *word)
{
	unsigned int tries = 0;

	while (__atomic_exchange_n(word, 1, __ATOMIC_ACQUIRE) != 0) {
		if (++tries < 100)
			(void) ill_syscall(ILL_YIELD, 0, 0, 0, 0, 0, 0);
		else
			ill_pause();
	}
}

static void
word_unlock(uint32_t *word)
{
	__atomic_store_n(word, 0, __ATOMIC_RELEASE);
}

static void
thread_main(tcb_t *tcb)
{
	bool detached;

	(void) tcb->tcb_func(tcb->tcb_arg);
	detached = __atomic_load_n(&tcb->tcb_detached, __ATOMIC_ACQUIRE) != 0;
	__atomic_store_n(&tcb->tcb_done, 1, __ATOMIC_RELEASE);
	/* Of one that is not detached, pthread_join() says that. */
	__asm__ volatile(
	    "testl %1, %1\n\t"
	    "jz 1f\n\t"
	    "movl $0, %0\n"
	    "1:\tmovl %2, %%eax\n\t"
	    "syscall\n\t"
	    "hlt"
	    : "=m" (tcb->tcb_busy)
	    : "r" ((int)detached), "i" (ILL_LWP_EXIT) : "rax", "memory");
	__builtin_unreachable();
}

/* A tcb at the upper end of a stack that nobody uses. */
static tcb_t *
tcb_alloc(void)
{
	uint8_t *stack;
	tcb_t *tcb;

	word_lock(&pool_lock);
	for (tcb = pool; tcb != NULL; tcb = tcb->tcb_next) {
		if (__atomic_load_n(&tcb->tcb_busy, __ATOMIC_ACQUIRE) == 0)
			break;
	}
	if (tcb == NULL) {
		stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (stack == MAP_FAILED)
			ill_die("no memory for a stack");
		tcb = (tcb_t *)(stack + STACK_SIZE - 256);
		tcb->tcb_self = tcb;
		tcb->tcb_next = pool;
		pool = tcb;
	}
	tcb->tcb_busy = 1;
	tcb->tcb_done = 0;
	word_unlock(&pool_lock);
	return (tcb);
}

int
pthread_attr_init(pthread_attr_t *attr)
{
	(void) memset(attr, 0, sizeof (*attr));
	return (0);
}

int
pthread_attr_destroy(pthread_attr_t *attr)
{
	return (0);
}

/* All are of the same size here. */
int
pthread_attr_setstacksize(pthread_attr_t *attr, size_t size)
{
	return (size <= STACK_SIZE ? 0 : EINVAL);
}

int
pthread_attr_setdetachstate(pthread_attr_t *attr, int state)
{
	*(int *)attr = (state == PTHREAD_CREATE_DETACHED);
	return (0);
}

int
pthread_create(pthread_t *tp, const pthread_attr_t *attr,
    void *(*func)(void *), void *arg)
{
	static ill_ucontext_t uc;
	static uint32_t uc_lock;
	tcb_t *tcb = tcb_alloc();
	uint64_t *sp = (uint64_t *)((uintptr_t)tcb & ~63ULL);
	ill_result_t ir;
	int32_t id;

	tcb->tcb_func = func;
	tcb->tcb_arg = arg;
	tcb->tcb_detached = (attr != NULL && *(const int *)attr != 0);
	*--sp = 0;

	word_lock(&uc_lock);
	if (ill_syscall(ILL_CONTEXT, ILL_GETCONTEXT, (uintptr_t)&uc, 0, 0, 0,
	    0).ir_errno != 0)
		ill_die("getcontext");
	uc.uc_flags = ILL_UC_SIGMASK | ILL_UC_CPU;
	uc.uc_gregs[ILL_REG_RIP] = (uintptr_t)thread_main;
	uc.uc_gregs[ILL_REG_RSP] = (uintptr_t)sp;
	uc.uc_gregs[ILL_REG_RDI] = (uintptr_t)tcb;
	uc.uc_gregs[ILL_REG_FSBASE] = (uintptr_t)tcb;
	*tp = (pthread_t)tcb;
	ir = ill_syscall(ILL_LWP_CREATE, (uintptr_t)&uc, ILL_LWP_DETACHED,
	    (uintptr_t)&id, 0, 0, 0);
	word_unlock(&uc_lock);
	if (ir.ir_errno != 0)
		tcb->tcb_busy = 0;
	return (ir.ir_errno == 0 ? 0 : EAGAIN);
}

int
pthread_join(pthread_t thread, void **valp)
{
	tcb_t *tcb = (tcb_t *)thread;

	while (__atomic_load_n(&tcb->tcb_done, __ATOMIC_ACQUIRE) == 0)
		ill_pause();
	/*
	 * It may still be about to exit, which takes a few instructions that
	 * do not use its stack; the pool's next user is not as fast as that.
	 */
	ill_pause();
	__atomic_store_n(&tcb->tcb_busy, 0, __ATOMIC_RELEASE);
	return (0);
}

int
pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *attr)
{
	(void) memset(m, 0, sizeof (*m));
	return (0);
}

int
pthread_mutex_destroy(pthread_mutex_t *m)
{
	return (0);
}

int
pthread_mutex_lock(pthread_mutex_t *m)
{
	word_lock((uint32_t *)m);
	return (0);
}

int
pthread_mutex_unlock(pthread_mutex_t *m)
{
	word_unlock((uint32_t *)m);
	return (0);
}

typedef struct barrier {
	uint32_t	ba_lock;
	uint32_t	ba_n;
	uint32_t	ba_waiting;
	uint32_t	ba_round;
} barrier_t;

int
pthread_barrier_init(pthread_barrier_t *b, const pthread_barrierattr_t *attr,
    unsigned n)
{
	barrier_t *ba = (barrier_t *)b;

	(void) memset(ba, 0, sizeof (*ba));
	ba->ba_n = n;
	return (0);
}

int
pthread_barrier_destroy(pthread_barrier_t *b)
{
	return (0);
}

int
pthread_barrier_wait(pthread_barrier_t *b)
{
	barrier_t *ba = (barrier_t *)b;
	uint32_t round;

	word_lock(&ba->ba_lock);
	round = ba->ba_round;
	if (++ba->ba_waiting == ba->ba_n) {
		ba->ba_waiting = 0;
		__atomic_store_n(&ba->ba_round, round + 1, __ATOMIC_RELEASE);
		word_unlock(&ba->ba_lock);
		return (PTHREAD_BARRIER_SERIAL_THREAD);
	}
	word_unlock(&ba->ba_lock);
	while (__atomic_load_n(&ba->ba_round, __ATOMIC_ACQUIRE) == round)
		ill_pause();
	return (0);
}
