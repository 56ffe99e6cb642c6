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
 * Linked lists, balanced trees, identifier spaces.
 *
 * A list is circular through its head.  A tree is an AVL tree whose nodes know
 * their height (0 is that of a leaf, -1 that of nothing) and their parent;
 * after a change the path to the root is rebalanced.  Callers lock.
 */

#include "fk_impl.h"
#include <sys/avl.h>
#include <sys/id_space.h>

static list_node_t *
fk_list_node(list_t *l, void *obj)
{
	return ((list_node_t *)((char *)obj + l->list_offset));
}

static void *
fk_list_obj(list_t *l, list_node_t *n)
{
	return (n == &l->list_head ? NULL : (char *)n - l->list_offset);
}

void
list_create(list_t *l, size_t size, size_t offset)
{
	VERIFY3U(size, >=, offset + sizeof (list_node_t));
	l->list_size = size;
	l->list_offset = offset;
	l->list_head.list_next = l->list_head.list_prev = &l->list_head;
}

void
list_destroy(list_t *l)
{
	VERIFY(list_is_empty(l));
	l->list_head.list_next = l->list_head.list_prev = NULL;
}

static void
fk_list_insert(list_t *l, list_node_t *after, void *obj)
{
	list_node_t *n = fk_list_node(l, obj);

	n->list_prev = after;
	n->list_next = after->list_next;
	after->list_next->list_prev = n;
	after->list_next = n;
}

void
list_insert_after(list_t *l, void *obj, void *new)
{
	fk_list_insert(l, obj == NULL ? &l->list_head : fk_list_node(l, obj),
	    new);
}

void
list_insert_before(list_t *l, void *obj, void *new)
{
	fk_list_insert(l, obj == NULL ? l->list_head.list_prev :
	    fk_list_node(l, obj)->list_prev, new);
}

void
list_insert_head(list_t *l, void *obj)
{
	fk_list_insert(l, &l->list_head, obj);
}

void
list_insert_tail(list_t *l, void *obj)
{
	fk_list_insert(l, l->list_head.list_prev, obj);
}

void
list_remove(list_t *l, void *obj)
{
	list_node_t *n = fk_list_node(l, obj);

	VERIFY(list_link_active(n));
	n->list_prev->list_next = n->list_next;
	n->list_next->list_prev = n->list_prev;
	n->list_next = n->list_prev = NULL;
}

void *
list_remove_head(list_t *l)
{
	void *obj = list_head(l);

	if (obj != NULL)
		list_remove(l, obj);
	return (obj);
}

void *
list_remove_tail(list_t *l)
{
	void *obj = list_tail(l);

	if (obj != NULL)
		list_remove(l, obj);
	return (obj);
}

void *
list_head(list_t *l)
{
	return (fk_list_obj(l, l->list_head.list_next));
}

void *
list_tail(list_t *l)
{
	return (fk_list_obj(l, l->list_head.list_prev));
}

void *
list_next(list_t *l, void *obj)
{
	return (fk_list_obj(l, fk_list_node(l, obj)->list_next));
}

void *
list_prev(list_t *l, void *obj)
{
	return (fk_list_obj(l, fk_list_node(l, obj)->list_prev));
}

int
list_is_empty(list_t *l)
{
	return (l->list_head.list_next == &l->list_head);
}

void
list_link_init(list_node_t *n)
{
	n->list_next = n->list_prev = NULL;
}

int
list_link_active(list_node_t *n)
{
	EQUIV(n->list_next == NULL, n->list_prev == NULL);
	return (n->list_next != NULL);
}

void
list_link_replace(list_node_t *old, list_node_t *new)
{
	VERIFY(list_link_active(old));
	VERIFY(!list_link_active(new));
	*new = *old;
	new->list_prev->list_next = new;
	new->list_next->list_prev = new;
	list_link_init(old);
}

void
list_move_tail(list_t *dst, list_t *src)
{
	void *obj;

	VERIFY3U(dst->list_offset, ==, src->list_offset);
	while ((obj = list_remove_head(src)) != NULL)
		list_insert_tail(dst, obj);
}

/*
 * Trees.  An avl_index_t is the address of the parent with the side in its
 * lowest bit.
 */
static avl_node_t *
fk_avl_node(avl_tree_t *tree, const void *obj)
{
	return ((avl_node_t *)((uintptr_t)obj + tree->avl_offset));
}

static void *
fk_avl_obj(avl_tree_t *tree, avl_node_t *n)
{
	return (n == NULL ? NULL : (char *)n - tree->avl_offset);
}

static int
fk_avl_height(const avl_node_t *n)
{
	return (n == NULL ? -1 : n->avl_height);
}

static void
fk_avl_measure(avl_node_t *n)
{
	n->avl_height = 1 + MAX(fk_avl_height(n->avl_child[0]),
	    fk_avl_height(n->avl_child[1]));
}

/* `new' takes the place of `old' below old's parent. */
static void
fk_avl_replace(avl_tree_t *tree, avl_node_t *old, avl_node_t *new)
{
	avl_node_t *parent = old->avl_parent;

	if (parent == NULL)
		tree->avl_root = new;
	else
		parent->avl_child[parent->avl_child[1] == old] = new;
	if (new != NULL)
		new->avl_parent = parent;
}

/* The child on that side goes up, the node goes down to the other side. */
static avl_node_t *
fk_avl_rotate(avl_tree_t *tree, avl_node_t *n, int side)
{
	avl_node_t *up = n->avl_child[side], *mid = up->avl_child[!side];

	fk_avl_replace(tree, n, up);
	n->avl_child[side] = mid;
	if (mid != NULL)
		mid->avl_parent = n;
	up->avl_child[!side] = n;
	n->avl_parent = up;
	fk_avl_measure(n);
	fk_avl_measure(up);
	return (up);
}

static void
fk_avl_rebalance(avl_tree_t *tree, avl_node_t *n)
{
	avl_node_t *c;
	int side, diff;

	for (; n != NULL; n = n->avl_parent) {
		fk_avl_measure(n);
		diff = fk_avl_height(n->avl_child[1]) -
		    fk_avl_height(n->avl_child[0]);
		if (ABS(diff) <= 1)
			continue;
		side = diff > 0;
		c = n->avl_child[side];
		if (fk_avl_height(c->avl_child[!side]) >
		    fk_avl_height(c->avl_child[side]))
			(void) fk_avl_rotate(tree, c, !side);
		n = fk_avl_rotate(tree, n, side);
	}
}

void
avl_create(avl_tree_t *tree, int (*compar)(const void *, const void *),
    size_t size, size_t offset)
{
	VERIFY3U(size, >=, offset + sizeof (avl_node_t));
	tree->avl_root = NULL;
	tree->avl_compar = compar;
	tree->avl_offset = offset;
	tree->avl_numnodes = 0;
	tree->avl_size = size;
}

void
avl_destroy(avl_tree_t *tree)
{
	VERIFY(tree->avl_root == NULL);
	VERIFY0(tree->avl_numnodes);
}

void *
avl_find(avl_tree_t *tree, const void *obj, avl_index_t *where)
{
	avl_node_t *n, *parent = NULL;
	int cmp = 0, side = 0;

	for (n = tree->avl_root; n != NULL; n = n->avl_child[side]) {
		cmp = tree->avl_compar(obj, fk_avl_obj(tree, n));
		VERIFY(cmp >= -1 && cmp <= 1);
		if (cmp == 0)
			return (fk_avl_obj(tree, n));
		side = cmp > 0;
		parent = n;
	}
	if (where != NULL)
		*where = (avl_index_t)parent | side;
	return (NULL);
}

void
avl_insert(avl_tree_t *tree, void *obj, avl_index_t where)
{
	avl_node_t *n = fk_avl_node(tree, obj);
	avl_node_t *parent = (avl_node_t *)(where & ~(avl_index_t)1);

	n->avl_child[0] = n->avl_child[1] = NULL;
	n->avl_parent = parent;
	n->avl_height = 0;
	if (parent == NULL) {
		VERIFY(tree->avl_root == NULL);
		tree->avl_root = n;
	} else {
		VERIFY(parent->avl_child[where & 1] == NULL);
		parent->avl_child[where & 1] = n;
	}
	tree->avl_numnodes++;
	fk_avl_rebalance(tree, parent);
}

void
avl_insert_here(avl_tree_t *tree, void *new, void *here, int direction)
{
	avl_node_t *n = fk_avl_node(tree, here);
	int side = direction;

	/* As a leaf: right there, or at the near end of what is there. */
	if (n->avl_child[side] != NULL) {
		n = n->avl_child[side];
		while (n->avl_child[!side] != NULL)
			n = n->avl_child[!side];
		side = !side;
	}
	avl_insert(tree, new, (avl_index_t)n | side);
}

void
avl_add(avl_tree_t *tree, void *obj)
{
	avl_index_t where = 0;

	VERIFY(avl_find(tree, obj, &where) == NULL);
	avl_insert(tree, obj, where);
}

void
avl_remove(avl_tree_t *tree, void *obj)
{
	avl_node_t *n = fk_avl_node(tree, obj), *next, *from, *child;

	if (n->avl_child[0] != NULL && n->avl_child[1] != NULL) {
		/* Its successor, which has no left child, takes its place. */
		next = n->avl_child[1];
		while (next->avl_child[0] != NULL)
			next = next->avl_child[0];
		from = next->avl_parent == n ? next : next->avl_parent;
		fk_avl_replace(tree, next, next->avl_child[1]);
		fk_avl_replace(tree, n, next);
		next->avl_child[0] = n->avl_child[0];
		next->avl_child[1] = n->avl_child[1];
		next->avl_child[0]->avl_parent = next;
		if (next->avl_child[1] != NULL)
			next->avl_child[1]->avl_parent = next;
	} else {
		from = n->avl_parent;
		child = n->avl_child[n->avl_child[0] == NULL];
		fk_avl_replace(tree, n, child);
	}
	VERIFY(tree->avl_numnodes != 0);
	tree->avl_numnodes--;
	fk_avl_rebalance(tree, from);
}

static void *
fk_avl_end(avl_tree_t *tree, int side)
{
	avl_node_t *n = tree->avl_root;

	while (n != NULL && n->avl_child[side] != NULL)
		n = n->avl_child[side];
	return (fk_avl_obj(tree, n));
}

void *
avl_first(avl_tree_t *tree)
{
	return (fk_avl_end(tree, 0));
}

void *
avl_last(avl_tree_t *tree)
{
	return (fk_avl_end(tree, 1));
}

void *
avl_walk(avl_tree_t *tree, void *obj, int side)
{
	avl_node_t *n, *from;

	if (obj == NULL)
		return (NULL);
	n = fk_avl_node(tree, obj);
	if (n->avl_child[side] != NULL) {
		n = n->avl_child[side];
		while (n->avl_child[!side] != NULL)
			n = n->avl_child[!side];
		return (fk_avl_obj(tree, n));
	}
	do {
		from = n;
		n = n->avl_parent;
	} while (n != NULL && n->avl_child[side] == from);
	return (fk_avl_obj(tree, n));
}

void *
avl_nearest(avl_tree_t *tree, avl_index_t where, int direction)
{
	avl_node_t *n = (avl_node_t *)(where & ~(avl_index_t)1);

	if (n == NULL)
		return (NULL);
	if ((int)(where & 1) != direction)
		return (fk_avl_obj(tree, n));
	return (avl_walk(tree, fk_avl_obj(tree, n), direction));
}

ulong_t
avl_numnodes(avl_tree_t *tree)
{
	return (tree->avl_numnodes);
}

boolean_t
avl_is_empty(avl_tree_t *tree)
{
	return (tree->avl_numnodes == 0);
}

void *
avl_destroy_nodes(avl_tree_t *tree, void **cookie)
{
	void *obj = avl_first(tree);

	if (obj != NULL)
		avl_remove(tree, obj);
	*cookie = obj;
	return (obj);
}

/*
 * Identifier spaces: a bitmap and where to look next.
 */
struct id_space {
	kmutex_t	is_lock;
	kcondvar_t	is_cv;
	id_t		is_low;
	id_t		is_high;
	id_t		is_next;
	uint_t		is_used;
	uchar_t		*is_map;
};

id_space_t *
id_space_create(const char *name, id_t low, id_t high)
{
	id_space_t *is = kmem_zalloc(sizeof (*is), KM_SLEEP);

	VERIFY3S(low, >=, 0);
	VERIFY3S(low, <, high);
	mutex_init(&is->is_lock, NULL, MUTEX_DEFAULT, NULL);
	cv_init(&is->is_cv, NULL, CV_DEFAULT, NULL);
	is->is_low = is->is_next = low;
	is->is_high = high;
	is->is_map = kmem_zalloc((high - low + NBBY - 1) / NBBY, KM_SLEEP);
	return (is);
}

void
id_space_destroy(id_space_t *is)
{
	if (is->is_used != 0)
		panic("id_space_destroy: %u identifiers were not freed",
		    is->is_used);
	kmem_free(is->is_map, (is->is_high - is->is_low + NBBY - 1) / NBBY);
	cv_destroy(&is->is_cv);
	mutex_destroy(&is->is_lock);
	kmem_free(is, sizeof (*is));
}

/* The lock is held. */
static bool
fk_id_take(id_space_t *is, id_t id)
{
	uint_t bit = id - is->is_low;
	uchar_t mask = 1 << (bit % NBBY);

	if ((is->is_map[bit / NBBY] & mask) != 0)
		return (false);
	is->is_map[bit / NBBY] |= mask;
	is->is_used++;
	return (true);
}

/* The first free one from `from' on, round and round; the lock is held. */
static id_t
fk_id_search(id_space_t *is, id_t from)
{
	id_t id = from;

	if (is->is_used == (uint_t)(is->is_high - is->is_low))
		return (-1);
	while (!fk_id_take(is, id)) {
		if (++id == is->is_high)
			id = is->is_low;
	}
	return (id);
}

static id_t
fk_id_alloc(id_space_t *is, bool first, bool sleep)
{
	id_t id;

	if (sleep)
		fk_maysleep("id_alloc");
	mutex_enter(&is->is_lock);
	while ((id = fk_id_search(is, first ? is->is_low : is->is_next)) ==
	    -1 && sleep)
		cv_wait(&is->is_cv, &is->is_lock);
	if (id != -1 && !first)
		is->is_next = id + 1 == is->is_high ? is->is_low : id + 1;
	mutex_exit(&is->is_lock);
	return (id);
}

id_t
id_alloc(id_space_t *is)
{
	return (fk_id_alloc(is, false, true));
}

id_t
id_alloc_nosleep(id_space_t *is)
{
	return (fk_id_alloc(is, false, false));
}

id_t
id_allocff(id_space_t *is)
{
	return (fk_id_alloc(is, true, true));
}

id_t
id_allocff_nosleep(id_space_t *is)
{
	return (fk_id_alloc(is, true, false));
}

id_t
id_alloc_specific_nosleep(id_space_t *is, id_t id)
{
	bool ok = false;

	mutex_enter(&is->is_lock);
	if (id >= is->is_low && id < is->is_high)
		ok = fk_id_take(is, id);
	mutex_exit(&is->is_lock);
	return (ok ? id : -1);
}

void
id_free(id_space_t *is, id_t id)
{
	uint_t bit = id - is->is_low;
	uchar_t mask = 1 << (bit % NBBY);

	VERIFY(id >= is->is_low && id < is->is_high);
	mutex_enter(&is->is_lock);
	if ((is->is_map[bit / NBBY] & mask) == 0)
		panic("id_free: %d is not allocated", id);
	is->is_map[bit / NBBY] &= ~mask;
	is->is_used--;
	cv_signal(&is->is_cv);
	mutex_exit(&is->is_lock);
}
