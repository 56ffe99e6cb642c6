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
 * Kernel memory.
 *
 * Every buffer has a header in front of it that tells its size and that it is
 * alive; freeing checks both.  That, and the counters of each thread, is all
 * there is without checks: the memory is the host's malloc().
 *
 *	+--------------+----------------+------------------+---------+
 *	| fk_kmdebug_t | fk_kmheader_t  | the buffer       | redzone |
 *	+--------------+----------------+------------------+---------+
 *	  with checks                                        with checks
 *
 * With checks a buffer is also on a list, with the stack of its allocation; is
 * filled with a pattern when it is allocated and with another when it is freed;
 * has a red zone behind it; and stays in quarantine for a while after it was
 * freed, so that both a write to it and a second kmem_free() are seen.  Under
 * AddressSanitizer memory in quarantine is poisoned, and a read is seen as
 * well.
 *
 * A cache keeps up to FK_CACHE_MAX constructed objects (none with checks, where
 * each allocation constructs and each free destroys).  Those are not counted as
 * being in use.
 */

#include "fk_impl.h"

#define	FK_KM_ALIVE	0x616c6976U
#define	FK_KM_FREED	0x66726565U
#define	FK_KM_UNINIT	0xba		/* new memory */
#define	FK_KM_DEAD	0xde		/* freed memory */
#define	FK_KM_RED	0xbb		/* behind the buffer */
#define	FK_REDZONE	16
#define	FK_QUARANTINE	4096		/* buffers */
#define	FK_QUARANTINE_BYTES	(64 << 20)
#define	FK_CACHE_MAX	64

typedef struct fk_kmheader {
	size_t		kh_size;
	uint32_t	kh_magic;
	uint32_t	kh_offset;	/* of the header in host memory */
} fk_kmheader_t;

typedef struct fk_kmdebug {
	list_node_t	kd_node;
	char		kd_thread[32];
	void		*kd_alloc[FK_STACK];
	void		*kd_free[FK_STACK];
} fk_kmdebug_t;

struct kmem_cache {
	list_node_t	kc_node;
	char		kc_name[32];
	size_t		kc_size;
	size_t		kc_align;
	int		(*kc_ctor)(void *, void *, int);
	void		(*kc_dtor)(void *, void *);
	void		*kc_private;
	fk_lk_t		kc_lock;	/* protects the rest */
	uint64_t	kc_live;
	uint_t		kc_nfree;
	void		*kc_free[FK_CACHE_MAX];
};

static fk_lk_t fk_km_lock;		/* protects the two lists */
static list_t fk_km_live;
static list_t fk_km_quarantine;
static uint_t fk_km_nquarantine;
static size_t fk_km_bquarantine;

static fk_lk_t fk_fail_lock;		/* protects the rest of fk_fail_* */
static uint64_t fk_fail_countdown;
static uint32_t fk_fail_onein;
static uint64_t fk_fail_state;
static uint64_t fk_fail_tried;
static uint64_t fk_fail_failed;
uint32_t fk_fail_armed;

/*
 * Failure injection.
 */
static void
fk_fail_arm(void)
{
	FK_STORE(&fk_fail_armed,
	    fk_fail_countdown != 0 || fk_fail_onein != 0);
}

void
fk_fail_init(uint64_t seed)
{
	fk_fail_state = seed * 2 + 1;
	fk_fail_countdown = 0;
	fk_fail_onein = 0;
	fk_fail_tried = 0;
	fk_fail_failed = 0;
	fk_fail_arm();
}

void
fk_fail_nth(uint64_t n)
{
	fk_lock(&fk_fail_lock);
	fk_fail_countdown = n;
	fk_fail_arm();
	fk_unlock(&fk_fail_lock);
}

void
fk_fail_random(uint32_t n)
{
	fk_lock(&fk_fail_lock);
	fk_fail_onein = n;
	fk_fail_arm();
	fk_unlock(&fk_fail_lock);
}

void
fk_fail_counts(uint64_t *tried, uint64_t *failed)
{
	fk_lock(&fk_fail_lock);
	*tried = fk_fail_tried;
	*failed = fk_fail_failed;
	fk_unlock(&fk_fail_lock);
}

bool
fk_fail_decide(void)
{
	bool fail = false;

	fk_lock(&fk_fail_lock);
	fk_fail_tried++;
	if (fk_fail_countdown != 0 && --fk_fail_countdown == 0) {
		fail = true;
		fk_fail_arm();
	}
	if (fk_fail_onein != 0) {
		/* A linear congruential generator; its high bits are good. */
		fk_fail_state = fk_fail_state * 6364136223846793005UL +
		    1442695040888963407UL;
		if ((fk_fail_state >> 33) % fk_fail_onein == 0)
			fail = true;
	}
	if (fail)
		fk_fail_failed++;
	fk_unlock(&fk_fail_lock);
	return (fail);
}

bool
fk_fail_now(void)
{
	return (fk_fail());
}

/*
 * Buffers.
 */
static fk_kmheader_t *
fk_km_header(void *buf)
{
	return ((fk_kmheader_t *)buf - 1);
}

static fk_kmdebug_t *
fk_km_debug(fk_kmheader_t *kh)
{
	return ((fk_kmdebug_t *)kh - 1);
}

static void
fk_km_count(int64_t bytes, int64_t allocs)
{
	kthread_t *t = curthread;

	FK_STORE(&t->t_kmem_bytes, t->t_kmem_bytes + bytes);
	FK_STORE(&t->t_kmem_allocs, t->t_kmem_allocs + allocs);
}

static void *
fk_km_alloc(size_t size, size_t align)
{
	size_t before = sizeof (fk_kmheader_t);
	fk_kmheader_t *kh;
	fk_kmdebug_t *kd;
	char *mem;

	if (fk_checks)
		before += sizeof (fk_kmdebug_t);
	before = P2ROUNDUP(before, align);
	if (align <= 16)
		mem = fkh_alloc(before + size + FK_REDZONE);
	else
		mem = fkh_alloc_aligned(align, before + size + FK_REDZONE);
	kh = fk_km_header(mem + before);
	kh->kh_size = size;
	kh->kh_magic = FK_KM_ALIVE;
	kh->kh_offset = (char *)kh - mem;
	fk_km_count(size, 1);
	if (fk_checks) {
		kd = fk_km_debug(kh);
		(void) strlcpy(kd->kd_thread, curthread->t_name,
		    sizeof (kd->kd_thread));
		(void) fk_stack_get(kd->kd_alloc, FK_STACK);
		list_link_init(&kd->kd_node);
		(void) memset(mem + before, FK_KM_UNINIT, size);
		(void) memset(mem + before + size, FK_KM_RED, FK_REDZONE);
		fkh_poison(mem + before + size, FK_REDZONE, true);
		fk_lock(&fk_km_lock);
		list_insert_tail(&fk_km_live, kd);
		fk_unlock(&fk_km_lock);
	}
	return (mem + before);
}

static _Noreturn void
fk_km_bad(const char *what, void *buf, size_t size, bool stacks)
{
	fk_kmheader_t *kh = fk_km_header(buf);
	fk_kmdebug_t *kd;

	fk_panic_begin("kmem_free(%p, %lu): %s", buf, size, what);
	if (fk_checks && stacks) {
		kd = fk_km_debug(kh);
		fk_message("allocated by thread %s with size %lu",
		    kd->kd_thread, kh->kh_size);
		fk_stack_print("allocated at", kd->kd_alloc, FK_STACK);
		if (kh->kh_magic == FK_KM_FREED)
			fk_stack_print("freed at", kd->kd_free, FK_STACK);
	}
	fk_panic_end();
}

static bool
fk_km_filled(const void *buf, int byte, size_t size)
{
	const uchar_t *p = buf;
	size_t i;

	for (i = 0; i < size; i++) {
		if (p[i] != byte)
			return (false);
	}
	return (true);
}

/* Give a buffer that was in quarantine to the host; the lock is held. */
static void
fk_km_release(fk_kmdebug_t *kd)
{
	fk_kmheader_t *kh = (fk_kmheader_t *)(kd + 1);
	char *buf = (char *)(kh + 1);

	list_remove(&fk_km_quarantine, kd);
	fk_km_nquarantine--;
	fk_km_bquarantine -= kh->kh_size;
	fkh_poison(buf, kh->kh_size, false);
	if (!fk_km_filled(buf, FK_KM_DEAD, kh->kh_size))
		fk_km_bad("memory was written to after it had been freed",
		    buf, kh->kh_size, true);
	fkh_free((char *)kh - kh->kh_offset);
}

static void
fk_km_quarantine_put(fk_kmheader_t *kh, void *buf)
{
	fk_kmdebug_t *kd = fk_km_debug(kh);

	(void) fk_stack_get(kd->kd_free, FK_STACK);
	(void) memset(buf, FK_KM_DEAD, kh->kh_size);
	fkh_poison(buf, kh->kh_size, true);
	fk_lock(&fk_km_lock);
	list_remove(&fk_km_live, kd);
	list_insert_tail(&fk_km_quarantine, kd);
	fk_km_nquarantine++;
	fk_km_bquarantine += kh->kh_size;
	while (fk_km_nquarantine > FK_QUARANTINE ||
	    fk_km_bquarantine > FK_QUARANTINE_BYTES)
		fk_km_release(list_head(&fk_km_quarantine));
	fk_unlock(&fk_km_lock);
}

/* `size' is SIZE_MAX if the caller does not know. */
static void
fk_km_free(void *buf, size_t size)
{
	fk_kmheader_t *kh = fk_km_header(buf);

	(void) fk_self();
	if (kh->kh_magic == FK_KM_FREED)
		fk_km_bad("freed twice", buf, size, true);
	if (kh->kh_magic != FK_KM_ALIVE)
		fk_km_bad("not memory of kmem_alloc", buf, size, false);
	if (size != kh->kh_size && size != SIZE_MAX)
		fk_km_bad("wrong size", buf, size, true);
	kh->kh_magic = FK_KM_FREED;
	fk_km_count(-kh->kh_size, -1);
	if (!fk_checks) {
		fkh_free((char *)kh - kh->kh_offset);
		return;
	}
	fkh_poison((char *)buf + kh->kh_size, FK_REDZONE, false);
	if (!fk_km_filled((char *)buf + kh->kh_size, FK_KM_RED, FK_REDZONE))
		fk_km_bad("written to behind its end", buf, size, true);
	fk_scan_freed(buf, kh->kh_size);
	fk_km_quarantine_put(kh, buf);
}

/* What may sleep must not be called where one may not; what may fail, may. */
static bool
fk_km_admit(int flags, const char *what)
{
	if ((flags & KM_NOSLEEP) != 0)
		return ((flags & FK_KM_NOFAIL) != 0 || !fk_fail());
	fk_maysleep(what);
	if (fk_checks)
		fk_lockdep_sleep(curthread, NULL, what);
	return (true);
}

void *
kmem_alloc(size_t size, int flags)
{
	(void) fk_self();
	if (!fk_km_admit(flags, "kmem_alloc(KM_SLEEP)") || size == 0)
		return (NULL);
	return (fk_km_alloc(size, 16));
}

void *
kmem_zalloc(size_t size, int flags)
{
	void *buf;

	(void) fk_self();
	if (!fk_km_admit(flags, "kmem_zalloc(KM_SLEEP)") || size == 0)
		return (NULL);
	buf = fk_km_alloc(size, 16);
	bzero(buf, size);
	return (buf);
}

void
kmem_free(void *buf, size_t size)
{
	if (buf == NULL && size == 0)
		return;
	if (buf == NULL)
		panic("kmem_free(NULL, %lu)", size);
	fk_km_free(buf, size);
}

void *
kmem_alloc_tryhard(size_t size, size_t *asize, int flags)
{
	*asize = size;
	return (kmem_alloc(size, flags));
}

static char *
fk_vasprintf(const char *fmt, __va_list ap)
{
	__va_list again;
	size_t len;
	char *s;

	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, again) + 1;
	va_end(again);
	s = kmem_alloc(len, KM_SLEEP);
	(void) vsnprintf(s, len, fmt, ap);
	return (s);
}

char *
kmem_asprintf(const char *fmt, ...)
{
	__va_list ap;
	char *s;

	va_start(ap, fmt);
	s = fk_vasprintf(fmt, ap);
	va_end(ap);
	return (s);
}

void
strfree(char *s)
{
	kmem_free(s, strlen(s) + 1);
}

/*
 * Caches.
 */
kmem_cache_t *
kmem_cache_create(char *name, size_t size, size_t align,
    int (*ctor)(void *, void *, int), void (*dtor)(void *, void *),
    void (*reclaim)(void *), void *private, struct vmem *vmp, int flags)
{
	kmem_cache_t *kc = kmem_zalloc(sizeof (*kc), KM_SLEEP);

	VERIFY(align == 0 || ISP2(align));
	(void) strlcpy(kc->kc_name, name, sizeof (kc->kc_name));
	kc->kc_size = size;
	kc->kc_align = MAX(align, 16);
	kc->kc_ctor = ctor;
	kc->kc_dtor = dtor;
	kc->kc_private = private;
	return (kc);
}

static void
fk_cache_drop(kmem_cache_t *kc, void *obj)
{
	if (kc->kc_dtor != NULL)
		kc->kc_dtor(obj, kc->kc_private);
	fk_km_free(obj, kc->kc_size);
}

void
kmem_cache_reap_soon(kmem_cache_t *kc)
{
	void *obj;

	for (;;) {
		fk_lock(&kc->kc_lock);
		obj = kc->kc_nfree == 0 ? NULL : kc->kc_free[--kc->kc_nfree];
		fk_unlock(&kc->kc_lock);
		if (obj == NULL)
			break;
		fk_km_count(kc->kc_size, 1);
		fk_cache_drop(kc, obj);
	}
}

void
kmem_cache_destroy(kmem_cache_t *kc)
{
	if (kc->kc_live != 0)
		panic("kmem_cache_destroy: %s has %lu objects that were not "
		    "freed", kc->kc_name, kc->kc_live);
	kmem_cache_reap_soon(kc);
	kmem_free(kc, sizeof (*kc));
}

void *
kmem_cache_alloc(kmem_cache_t *kc, int flags)
{
	void *obj = NULL;

	(void) fk_self();
	if (!fk_km_admit(flags, "kmem_cache_alloc(KM_SLEEP)"))
		return (NULL);
	fk_lock(&kc->kc_lock);
	if (kc->kc_nfree != 0)
		obj = kc->kc_free[--kc->kc_nfree];
	kc->kc_live++;
	fk_unlock(&kc->kc_lock);
	if (obj != NULL) {
		fk_km_count(kc->kc_size, 1);
		return (obj);
	}
	obj = fk_km_alloc(kc->kc_size, kc->kc_align);
	if (kc->kc_ctor != NULL &&
	    kc->kc_ctor(obj, kc->kc_private, flags) != 0) {
		fk_km_free(obj, kc->kc_size);
		fk_lock(&kc->kc_lock);
		kc->kc_live--;
		fk_unlock(&kc->kc_lock);
		return (NULL);
	}
	return (obj);
}

void
kmem_cache_free(kmem_cache_t *kc, void *obj)
{
	fk_kmheader_t *kh = fk_km_header(obj);
	bool keep;

	if (kh->kh_magic != FK_KM_ALIVE || kh->kh_size != kc->kc_size)
		fk_km_bad(kh->kh_magic == FK_KM_FREED ? "freed twice" :
		    "not an object of this cache", obj, kc->kc_size, false);
	fk_lock(&kc->kc_lock);
	if (kc->kc_live == 0)
		panic("kmem_cache_free: %s has no object that is allocated",
		    kc->kc_name);
	kc->kc_live--;
	keep = !fk_checks && kc->kc_nfree < FK_CACHE_MAX;
	if (keep)
		kc->kc_free[kc->kc_nfree++] = obj;
	fk_unlock(&kc->kc_lock);
	if (keep)
		fk_km_count(-(int64_t)kc->kc_size, -1);
	else
		fk_cache_drop(kc, obj);
}

void
kmem_reap(void)
{
}

void
fk_kmem_init(void)
{
	list_create(&fk_km_live, sizeof (fk_kmdebug_t),
	    offsetof(fk_kmdebug_t, kd_node));
	list_create(&fk_km_quarantine, sizeof (fk_kmdebug_t),
	    offsetof(fk_kmdebug_t, kd_node));
}

/* At the end nothing may be left. */
void
fk_kmem_fini(void)
{
	uint64_t bytes, allocs;
	fk_kmdebug_t *kd;
	uint_t n = 0;

	fk_kmem_usage(&bytes, &allocs);
	if (allocs != 0) {
		fk_panic_begin("shutdown: %lu allocations (%lu bytes) leaked",
		    allocs, bytes);
		for (kd = list_head(&fk_km_live); kd != NULL && n++ < 10;
		    kd = list_next(&fk_km_live, kd)) {
			fk_message("%lu bytes, thread %s",
			    ((fk_kmheader_t *)(kd + 1))->kh_size,
			    kd->kd_thread);
			fk_stack_print("allocated at", kd->kd_alloc, FK_STACK);
		}
		fk_panic_end();
	}
	fk_lock(&fk_km_lock);
	while ((kd = list_head(&fk_km_quarantine)) != NULL)
		fk_km_release(kd);
	fk_unlock(&fk_km_lock);
	list_destroy(&fk_km_quarantine);
	list_destroy(&fk_km_live);
}
