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
 * The fake kernel: kernel memory, failure injection, messages, transfers from
 * and to user memory, lists, trees and identifier spaces.
 */

#include <sys/types.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/kmem.h>
#include <sys/ksynch.h>
#include <sys/stream.h>
#include <sys/strsun.h>
#include <sys/uio.h>
#include <sys/list.h>
#include <sys/avl.h>
#include <sys/id_space.h>
#include <sys/random.h>
#include <sys/sysmacros.h>
#include <sys/taskq.h>
#include <sys/sunddi.h>
#include <sys/file.h>
#include <sys/strsubr.h>
#include <sys/fk.h>
#include <fkhost.h>
#include "ktest.h"

/*
 * Kernel memory.
 */
KTEST(fk_kmem_basics)
{
	uint64_t bytes, allocs, bytes2, allocs2;
	uchar_t *p, *q;
	int i;

	fk_kmem_usage(&bytes, &allocs);
	p = kmem_alloc(100, KM_SLEEP);
	KT_ASSERT(IS_P2ALIGNED(p, 16));
	for (i = 0; i < 100; i++)
		KT_NE(p[i], 0);
	q = kmem_zalloc(33, KM_NOSLEEP);
	for (i = 0; i < 33; i++)
		KT_EQ(q[i], 0);
	fk_kmem_usage(&bytes2, &allocs2);
	KT_EQ(bytes2 - bytes, 133);
	KT_EQ(allocs2 - allocs, 2);
	kmem_free(q, 33);
	kmem_free(p, 100);
	fk_kmem_usage(&bytes2, &allocs2);
	KT_EQ(bytes2, bytes);
	KT_EQ(allocs2, allocs);
	KT_ASSERT(kmem_alloc(0, KM_SLEEP) == NULL);
	kmem_free(NULL, 0);
}

KTEST(fk_kmem_asprintf)
{
	char *s = kmem_asprintf("%s-%d", "abc", 42);

	KT_STREQ(s, "abc-42");
	strfree(s);
}

KTEST_PANICS(fk_kmem_wrong_size, "wrong size")
{
	kmem_free(kmem_alloc(16, KM_SLEEP), 17);
}

KTEST_PANICS(fk_kmem_double_free, "freed twice")
{
	void *p = kmem_alloc(16, KM_SLEEP);

	kmem_free(p, 16);
	kmem_free(p, 16);
}

KTEST_PANICS(fk_kmem_free_null, "kmem_free(NULL, 8)")
{
	kmem_free(NULL, 8);
}

static void
poke(uchar_t *p, size_t at)
{
	fkh_poison(p, at + 1, false);
	p[at] = 1;
}

KTEST_PANICS(fk_kmem_overrun, "written to behind its end")
{
	uchar_t *p = kmem_alloc(20, KM_SLEEP);

	poke(p, 20);
	kmem_free(p, 20);
}

KTEST_PANICS(fk_kmem_use_after_free, "written to after it had been freed")
{
	uchar_t *p = kmem_alloc(20, KM_SLEEP);

	kmem_free(p, 20);
	poke(p, 3);
}

KTEST_PANICS(fk_kmem_leak, "1 allocations (24 bytes) leaked")
{
	(void) kmem_alloc(24, KM_SLEEP);
}

typedef struct obj {
	kmutex_t	o_lock;
	uint64_t	o_magic;
} obj_t;

static int obj_made, obj_unmade;

static int
obj_ctor(void *buf, void *arg, int flags)
{
	obj_t *o = buf;

	if (arg != NULL && *(int *)arg != 0)
		return (-1);
	mutex_init(&o->o_lock, NULL, MUTEX_DEFAULT, NULL);
	o->o_magic = 7;
	obj_made++;
	return (0);
}

static void
obj_dtor(void *buf, void *arg)
{
	obj_t *o = buf;

	mutex_destroy(&o->o_lock);
	obj_unmade++;
}

KTEST(fk_kmem_cache)
{
	int fail = 0;
	kmem_cache_t *kc = kmem_cache_create("objs", sizeof (obj_t), 64,
	    obj_ctor, obj_dtor, NULL, &fail, NULL, 0);
	obj_t *o = kmem_cache_alloc(kc, KM_SLEEP);

	KT_ASSERT(IS_P2ALIGNED(o, 64));
	KT_EQ(o->o_magic, 7);
	mutex_enter(&o->o_lock);
	mutex_exit(&o->o_lock);
	kmem_cache_free(kc, o);
	fail = 1;
	KT_ASSERT(kmem_cache_alloc(kc, KM_NOSLEEP) == NULL);
	kmem_cache_destroy(kc);
	KT_EQ(obj_made, 1);
	KT_EQ(obj_unmade, 1);
}

KTEST_PANICS(fk_kmem_cache_destroy_live, "has 1 objects that were not freed")
{
	kmem_cache_t *kc = kmem_cache_create("objs", sizeof (obj_t), 0,
	    NULL, NULL, NULL, NULL, NULL, 0);

	(void) kmem_cache_alloc(kc, KM_SLEEP);
	kmem_cache_destroy(kc);
}

KTEST_PANICS(fk_kmem_cache_double_free, "freed twice")
{
	kmem_cache_t *kc = kmem_cache_create("objs", sizeof (obj_t), 0,
	    NULL, NULL, NULL, NULL, NULL, 0);
	void *o = kmem_cache_alloc(kc, KM_SLEEP);

	kmem_cache_free(kc, o);
	kmem_cache_free(kc, o);
}

/*
 * Failure injection.
 */
KTEST(fk_fail_the_nth)
{
	void *p[4];
	uint64_t tried, failed;
	int i;

	fk_fail_nth(3);
	for (i = 0; i < 4; i++) {
		p[i] = kmem_alloc(8, KM_NOSLEEP);
		KT_EQ(p[i] == NULL, i == 2);
	}
	fk_fail_counts(&tried, &failed);
	KT_EQ(tried, 3);
	KT_EQ(failed, 1);
	for (i = 0; i < 4; i++) {
		if (p[i] != NULL)
			kmem_free(p[i], 8);
	}
	fk_fail_nth(1);
	p[0] = kmem_alloc(8, KM_SLEEP);
	KT_ASSERT(p[0] != NULL);
	kmem_free(p[0], 8);
	KT_ASSERT(allocb(10, BPRI_MED) == NULL);
	fk_fail_nth(1);
	KT_EQ(taskq_dispatch(system_taskq, nulltask, NULL, TQ_NOSLEEP),
	    TASKQID_INVALID);
	fk_fail_nth(1);
	KT_ASSERT(fk_fail_now());
	KT_ASSERT(!fk_fail_now());
}

KTEST(fk_fail_at_random)
{
	int i, failed = 0;
	void *p;

	fk_fail_random(4);
	for (i = 0; i < 4000; i++) {
		p = kmem_alloc(8, KM_NOSLEEP);
		if (p == NULL)
			failed++;
		else
			kmem_free(p, 8);
	}
	fk_fail_random(0);
	KT_GT(failed, 800);
	KT_LT(failed, 1200);
	p = kmem_alloc(8, KM_NOSLEEP);
	KT_ASSERT(p != NULL);
	kmem_free(p, 8);
}

/* The same seed, the same numbers. */
KTEST(fk_random_repeats)
{
	static const uint8_t first[8] = {
		0xb4, 0xa9, 0xf0, 0x03, 0x9d, 0xfd, 0xf1, 0x09
	};
	uint8_t buf[8];

	KT_OK(random_get_pseudo_bytes(buf, sizeof (buf)));
	KT_MEMEQ(buf, first, sizeof (first));
}

/*
 * Messages.
 */
static mblk_t *
msg(const char *s)
{
	mblk_t *mp = allocb(strlen(s) + 4, BPRI_MED);

	mp->b_rptr += 4;
	mp->b_wptr = mp->b_rptr + strlen(s);
	bcopy(s, mp->b_rptr, strlen(s));
	return (mp);
}

/* Three blocks. */
static mblk_t *
msg3(const char *a, const char *b, const char *c)
{
	mblk_t *mp = msg(a);

	linkb(mp, msg(b));
	linkb(mp, msg(c));
	return (mp);
}

/* The blocks' contents, each followed by a bar. */
static const char *
msgstr(mblk_t *mp)
{
	static char buf[128];
	size_t n = 0;

	for (; mp != NULL; mp = mp->b_cont) {
		bcopy(mp->b_rptr, buf + n, MBLKL(mp));
		n += MBLKL(mp);
		buf[n++] = '|';
	}
	buf[n] = '\0';
	return (buf);
}

KTEST(fk_allocb)
{
	mblk_t *mp = allocb(100, BPRI_MED);

	KT_ASSERT(mp->b_rptr == DB_BASE(mp) && mp->b_wptr == mp->b_rptr);
	KT_GE(MBLKSIZE(mp), 100);
	KT_EQ(DB_TYPE(mp), M_DATA);
	KT_EQ(DB_REF(mp), 1);
	KT_EQ(MBLKTAIL(mp), MBLKSIZE(mp));
	mp->b_wptr += 10;
	mp->b_rptr += 3;
	KT_EQ(MBLKL(mp), 7);
	KT_EQ(MBLKHEAD(mp), 3);
	KT_EQ(msgdsize(mp), 7);
	freemsg(mp);
}

static int esb_freed;

static void
esb_free(caddr_t arg)
{
	esb_freed += *(int *)(void *)arg;
}

KTEST(fk_esballoc)
{
	static uchar_t buf[16];
	int one = 1;
	frtn_t frtn = { esb_free, (caddr_t)&one };
	mblk_t *mp, *dup;

	fk_fail_nth(1);
	KT_ASSERT(desballoc(buf, sizeof (buf), 0, &frtn) == NULL);
	KT_EQ(esb_freed, 0);
	mp = desballoc(buf, sizeof (buf), 0, &frtn);
	KT_ASSERT(DB_BASE(mp) == buf && DB_LIM(mp) == buf + 16);
	dup = dupb(mp);
	freeb(mp);
	KT_EQ(esb_freed, 0);
	freeb(dup);
	KT_EQ(esb_freed, 1);
}

KTEST(fk_dupmsg_copymsg)
{
	mblk_t *mp = msg3("ab", "cde", "f"), *dup, *copy;

	dup = dupmsg(mp);
	copy = copymsg(mp);
	KT_EQ(DB_REF(mp), 2);
	KT_EQ(DB_REF(copy), 1);
	KT_EQ(MBLKHEAD(copy), 4);
	mp->b_rptr[0] = 'X';
	KT_STREQ(msgstr(dup), "Xb|cde|f|");
	KT_STREQ(msgstr(copy), "ab|cde|f|");
	freemsg(mp);
	KT_STREQ(msgstr(dup), "Xb|cde|f|");
	KT_EQ(DB_REF(dup), 1);
	/* A failure in the middle leaves nothing behind. */
	fk_fail_nth(3);
	KT_ASSERT(dupmsg(dup) == NULL);
	KT_EQ(DB_REF(dup), 1);
	fk_fail_nth(2);
	KT_ASSERT(copymsg(dup) == NULL);
	freemsg(dup);
	freemsg(copy);
}

KTEST(fk_dupb_many)
{
	mblk_t *mp = msg("x"), *dup[300];
	int i;

	for (i = 0; i < 300; i++) {
		dup[i] = dupb(mp);
		KT_EQ(dup[i]->b_rptr[0], 'x');
	}
	KT_EQ(DB_REF(mp), DBLK_REFMAX);
	for (i = 0; i < 300; i++)
		freeb(dup[i]);
	KT_EQ(DB_REF(mp), 1);
	freeb(mp);
}

KTEST(fk_pullupmsg)
{
	mblk_t *mp = msg3("ab", "cde", "f"), *first = mp;

	KT_EQ(pullupmsg(mp, 2), 1);
	KT_STREQ(msgstr(mp), "ab|cde|f|");
	KT_EQ(pullupmsg(mp, 7), 0);
	fk_fail_nth(1);
	KT_EQ(pullupmsg(mp, 4), 0);
	KT_STREQ(msgstr(mp), "ab|cde|f|");
	KT_EQ(pullupmsg(mp, 4), 1);
	KT_ASSERT(mp == first);
	KT_STREQ(msgstr(mp), "abcd|e|f|");
	KT_EQ(pullupmsg(mp, -1), 1);
	KT_STREQ(msgstr(mp), "abcdef|");
	freemsg(mp);
	/* Up to a block of another type. */
	mp = msg3("ab", "cd", "ef");
	DB_TYPE(mp->b_cont->b_cont) = M_PROTO;
	KT_EQ(xmsgsize(mp), 4);
	KT_EQ(pullupmsg(mp, 5), 0);
	KT_EQ(pullupmsg(mp, -1), 1);
	KT_STREQ(msgstr(mp), "abcd|ef|");
	freemsg(mp);
}

KTEST(fk_msgpullup)
{
	mblk_t *mp = msg3("ab", "cde", "f"), *new;

	new = msgpullup(mp, 3);
	KT_STREQ(msgstr(new), "abc|de|f|");
	KT_STREQ(msgstr(mp), "ab|cde|f|");
	freemsg(new);
	new = msgpullup(mp, 5);
	KT_STREQ(msgstr(new), "abcde|f|");
	freemsg(new);
	new = msgpullup(mp, -1);
	KT_STREQ(msgstr(new), "abcdef|");
	freemsg(new);
	KT_ASSERT(msgpullup(mp, 7) == NULL);
	fk_fail_nth(2);
	KT_ASSERT(msgpullup(mp, 3) == NULL);
	freemsg(mp);
}

KTEST(fk_adjmsg)
{
	mblk_t *mp = msg3("ab", "cde", "f");

	KT_EQ(adjmsg(mp, 7), 0);
	KT_EQ(adjmsg(mp, -7), 0);
	KT_EQ(adjmsg(mp, 1), 1);
	KT_STREQ(msgstr(mp), "b|cde|f|");
	KT_EQ(adjmsg(mp, 3), 1);
	KT_EQ(msgdsize(mp), 2);
	KT_ASSERT(MBLKL(mp) == 0);
	freemsg(mp);
	mp = msg3("ab", "cde", "f");
	KT_EQ(adjmsg(mp, -1), 1);
	KT_STREQ(msgstr(mp), "ab|cde|");
	KT_EQ(adjmsg(mp, -4), 1);
	KT_STREQ(msgstr(mp), "a|");
	KT_EQ(adjmsg(mp, -1), 1);
	KT_EQ(MBLKL(mp), 0);
	freemsg(mp);
}

KTEST(fk_msg_links)
{
	mblk_t *mp = msg3("a", "b", "c"), *mid = mp->b_cont, *rest;

	KT_ASSERT(rmvb(mp, mid) == mp);
	KT_STREQ(msgstr(mp), "a|c|");
	KT_ASSERT(mid->b_cont == NULL);
	KT_ASSERT(rmvb(mp, mid) == (mblk_t *)-1);
	freeb(mid);
	rest = unlinkb(mp);
	KT_STREQ(msgstr(rest), "c|");
	KT_STREQ(msgstr(mp), "a|");
	freemsg(rest);
	freemsg(mp);
}

KTEST(fk_mcopymsg)
{
	char buf[6];

	mcopymsg(msg3("ab", "cde", "f"), buf);
	KT_MEMEQ(buf, "abcdef", 6);
}

KTEST(fk_msg_cred)
{
	cred_t *cr = fk_cred_create(5, 6, global_zone, B_FALSE);
	mblk_t *mp = allocb_cred(10, cr, 77), *copy;
	pid_t pid;

	KT_EQ(crgetref(cr), 2);
	copy = copyb(mp);
	KT_ASSERT(msg_getcred(copy, &pid) == cr);
	KT_EQ(pid, 77);
	freemsg(copy);
	freemsg(mp);
	KT_EQ(crgetref(cr), 1);
	crfree(cr);
}

KTEST_PANICS(fk_freeb_twice, "freed twice")
{
	mblk_t *mp = msg("x"), *dup = dupb(mp);

	KT_ASSERT(dup != NULL);
	freeb(mp);
	kmem_free(mp, sizeof (*mp));
}

KTEST_PANICS(fk_freeb_on_list, "is on a list")
{
	mblk_t *mp = msg("x");

	mp->b_next = msg("y");
	freemsg(mp);
}

KTEST_PANICS(fk_allocb_wait_intr, "allocb_wait: may sleep")
{
	fk_intr_enter();
	(void) allocb_wait(10, BPRI_MED, 0, NULL);
}

/*
 * User memory.
 */
KTEST(fk_copyin_copyout)
{
	char user[32] = "user", kernel[32];

	KT_OK(copyin(user, kernel, 5));
	KT_STREQ(kernel, "user");
	KT_EQ(copyin((void *)0x10, kernel, 1), -1);
	KT_EQ(copyout(kernel, NULL, 1), -1);
	KT_OK(copyout(kernel, NULL, 0));
	KT_EQ(ddi_copyin((void *)(uintptr_t)-8, kernel, 16, 0), -1);
	fk_bad_address(user + 8, 4);
	KT_OK(copyin(user, kernel, 8));
	KT_EQ(copyin(user, kernel, 9), -1);
	KT_EQ(copyin(user + 11, kernel, 1), -1);
	KT_OK(copyin(user + 12, kernel, 1));
	KT_OK(ddi_copyin(user, kernel, 32, FKIOCTL));
	KT_EQ(ddi_copyin(user, kernel, 32, 0), -1);
	fk_bad_address(user + 8, 0);
	KT_OK(copyin(user, kernel, 32));
}

KTEST(fk_uiomove)
{
	char a[4] = "abcd", b[4] = "efgh", buf[8];
	iovec_t iov[3] = {
		{ .iov_base = a, .iov_len = 4 },
		{ .iov_base = NULL, .iov_len = 0 },
		{ .iov_base = b, .iov_len = 4 }
	};
	uio_t uio = {
		.uio_iov = iov,
		.uio_iovcnt = 3,
		.uio_segflg = UIO_USERSPACE,
		.uio_resid = 8
	};
	size_t n;

	KT_OK(uiocopy(buf, 6, UIO_WRITE, &uio, &n));
	KT_EQ(n, 6);
	KT_MEMEQ(buf, "abcdef", 6);
	KT_EQ(uio.uio_resid, 8);
	KT_OK(uiomove(buf, 3, UIO_WRITE, &uio));
	KT_MEMEQ(buf, "abc", 3);
	KT_EQ(uio.uio_resid, 5);
	KT_EQ(uio.uio_loffset, 3);
	uioskip(&uio, 2);
	KT_EQ(uio.uio_resid, 3);
	/* As far as it goes, then the fault. */
	fk_bad_address(b + 2, 1);
	KT_EQ(uiomove(buf, 3, UIO_WRITE, &uio), EFAULT);
	KT_MEMEQ(buf, "f", 1);
	KT_EQ(uio.uio_resid, 2);
	fk_bad_address(b + 2, 0);
	KT_OK(uiomove("XY", 2, UIO_READ, &uio));
	KT_MEMEQ(b, "efXY", 4);
	KT_OK(uiomove(buf, 1, UIO_WRITE, &uio));
	KT_EQ(uio.uio_resid, 0);
}

KTEST_PANICS(fk_copyin_intr, "copyin: may sleep, in interrupt context")
{
	char c = 0, d;

	fk_intr_enter();
	(void) copyin(&c, &d, 1);
}

/*
 * Containers.
 */
typedef struct item {
	int		i_value;
	list_node_t	i_list;
	avl_node_t	i_avl;
} item_t;

KTEST(fk_list)
{
	item_t items[4];
	list_t list;
	int i;

	list_create(&list, sizeof (item_t), offsetof(item_t, i_list));
	KT_ASSERT(list_is_empty(&list));
	for (i = 0; i < 4; i++) {
		items[i].i_value = i;
		list_link_init(&items[i].i_list);
	}
	list_insert_tail(&list, &items[1]);
	list_insert_head(&list, &items[0]);
	list_insert_after(&list, &items[1], &items[3]);
	list_insert_before(&list, &items[3], &items[2]);
	for (i = 0; i < 4; i++)
		KT_ASSERT(list_link_active(&items[i].i_list));
	KT_ASSERT(list_head(&list) == &items[0]);
	KT_ASSERT(list_next(&list, &items[1]) == &items[2]);
	KT_ASSERT(list_next(&list, &items[3]) == NULL);
	KT_ASSERT(list_prev(&list, &items[0]) == NULL);
	list_remove(&list, &items[1]);
	KT_ASSERT(!list_link_active(&items[1].i_list));
	KT_ASSERT(list_next(&list, &items[0]) == &items[2]);
	KT_ASSERT(list_remove_tail(&list) == &items[3]);
	KT_ASSERT(list_remove_head(&list) == &items[0]);
	KT_ASSERT(list_remove_head(&list) == &items[2]);
	KT_ASSERT(list_remove_head(&list) == NULL);
	list_destroy(&list);
}

#define	AVL_ITEMS	1000

static int
item_compar(const void *a, const void *b)
{
	return (AVL_CMP(((const item_t *)a)->i_value,
	    ((const item_t *)b)->i_value));
}

/* Height and order of a subtree. */
static int
avl_verify(avl_tree_t *tree, avl_node_t *n)
{
	int l, r;

	if (n == NULL)
		return (-1);
	l = avl_verify(tree, n->avl_child[0]);
	r = avl_verify(tree, n->avl_child[1]);
	KT_LE(ABS(l - r), 1);
	return (1 + MAX(l, r));
}

KTEST(fk_avl)
{
	item_t *items = kmem_zalloc(AVL_ITEMS * sizeof (item_t), KM_SLEEP);
	item_t *it, find;
	avl_tree_t tree;
	avl_index_t where;
	void *cookie = NULL;
	int i;

	avl_create(&tree, item_compar, sizeof (item_t),
	    offsetof(item_t, i_avl));
	/* 7 has no factor in common with 1000: each value comes once. */
	for (i = 0; i < AVL_ITEMS; i++) {
		items[i].i_value = i * 7 % AVL_ITEMS * 2;
		avl_add(&tree, &items[i]);
	}
	(void) avl_verify(&tree, tree.avl_root);
	KT_EQ(avl_numnodes(&tree), AVL_ITEMS);
	for (i = 0, it = avl_first(&tree); it != NULL;
	    it = AVL_NEXT(&tree, it), i++)
		KT_EQ(it->i_value, 2 * i);
	KT_EQ(i, AVL_ITEMS);
	find.i_value = 501;
	KT_ASSERT(avl_find(&tree, &find, &where) == NULL);
	it = avl_nearest(&tree, where, AVL_BEFORE);
	KT_EQ(it->i_value, 500);
	it = avl_nearest(&tree, where, AVL_AFTER);
	KT_EQ(it->i_value, 502);
	for (i = 0; i < AVL_ITEMS; i += 3) {
		avl_remove(&tree, &items[i]);
		(void) avl_verify(&tree, tree.avl_root);
	}
	for (i = 0; i < AVL_ITEMS; i++) {
		find.i_value = items[i].i_value;
		it = avl_find(&tree, &find, NULL);
		KT_ASSERT(it == (i % 3 == 0 ? NULL : &items[i]));
	}
	while (avl_destroy_nodes(&tree, &cookie) != NULL)
		;
	avl_destroy(&tree);
	kmem_free(items, AVL_ITEMS * sizeof (item_t));
}

KTEST(fk_id_space)
{
	id_space_t *is = id_space_create("ids", 1, 4);

	KT_EQ(id_alloc(is), 1);
	KT_EQ(id_alloc(is), 2);
	id_free(is, 1);
	KT_EQ(id_alloc(is), 3);
	KT_EQ(id_alloc_nosleep(is), 1);
	KT_EQ(id_alloc_nosleep(is), -1);
	id_free(is, 3);
	id_free(is, 2);
	KT_EQ(id_allocff(is), 2);
	KT_EQ(id_alloc_specific_nosleep(is, 2), -1);
	KT_EQ(id_alloc_specific_nosleep(is, 3), 3);
	id_free(is, 1);
	id_free(is, 2);
	id_free(is, 3);
	id_space_destroy(is);
}

KTEST_PANICS(fk_id_space_leak, "identifiers were not freed")
{
	id_space_t *is = id_space_create("ids", 1, 4);

	(void) id_alloc(is);
	id_space_destroy(is);
}

KTEST(fk_strings)
{
	char buf[8];
	u_longlong_t ull;
	long l;
	char *end;

	KT_EQ(strlcpy(buf, "abcdefghij", sizeof (buf)), 10);
	KT_STREQ(buf, "abcdefg");
	KT_EQ(strlcpy(buf, "ab", sizeof (buf)), 2);
	KT_EQ(strlcat(buf, "cdefghij", sizeof (buf)), 10);
	KT_STREQ(buf, "abcdefg");
	KT_EQ(snprintf(buf, sizeof (buf), "%d-%s", 12345, "xyz"), 9);
	KT_STREQ(buf, "12345-x");
	KT_OK(ddi_strtoull("0x1fz", &end, 0, &ull));
	KT_EQ(ull, 31);
	KT_STREQ(end, "z");
	KT_EQ(ddi_strtoull("99999999999999999999", NULL, 10, &ull), ERANGE);
	KT_EQ(ddi_strtoull("x", NULL, 10, &ull), EINVAL);
	KT_OK(ddi_strtol("-12", NULL, 10, &l));
	KT_EQ(l, -12);
}
