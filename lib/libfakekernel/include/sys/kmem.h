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

#ifndef _SYS_KMEM_H
#define	_SYS_KMEM_H

/*
 * Kernel memory.
 *
 * kmem_alloc() with KM_SLEEP sleeps until there is memory: thread context
 * only.  With KM_NOSLEEP it may return NULL, and does so on purpose when the
 * failure injector says so.  Every buffer is aligned to 16 bytes, filled with
 * a pattern (0xbaddcafe, as in the real allocator with its debug flags) when
 * checks are on, and must be freed with the size it was allocated with.
 */

#include <sys/types.h>

#define	KM_SLEEP		0x0000
#define	KM_NOSLEEP		0x0001
#define	KM_PANIC		0x0002
#define	KM_PUSHPAGE		0x0004
#define	KM_NORMALPRI		0x0008
#define	KM_NOSLEEP_LAZY		(KM_NOSLEEP | KM_NORMALPRI)
#define	KM_VMFLAGS		0x00ff
#define	KM_FLAGS		0xffff

#define	KMC_NOTOUCH		0x00010000
#define	KMC_NODEBUG		0x00020000
#define	KMC_NOMAGAZINE		0x00040000
#define	KMC_NOHASH		0x00080000
#define	KMC_QCACHE		0x00100000

struct vmem;
typedef struct kmem_cache kmem_cache_t;

extern void *kmem_alloc(size_t, int);
extern void *kmem_zalloc(size_t, int);
extern void kmem_free(void *, size_t);
extern void *kmem_alloc_tryhard(size_t, size_t *, int);

/*
 * Object caches.  The constructor (0 or -1) is run with the kmem flags of the
 * allocation; objects stay constructed while they are in the cache.
 */
extern kmem_cache_t *kmem_cache_create(char *, size_t, size_t,
    int (*)(void *, void *, int), void (*)(void *, void *), void (*)(void *),
    void *, struct vmem *, int);
extern void kmem_cache_destroy(kmem_cache_t *);
extern void *kmem_cache_alloc(kmem_cache_t *, int);
extern void kmem_cache_free(kmem_cache_t *, void *);
extern void kmem_cache_reap_soon(kmem_cache_t *);
extern void kmem_reap(void);

#endif	/* _SYS_KMEM_H */
