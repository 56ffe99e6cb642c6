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
 * Message blocks.
 *
 * A data block and its buffer are one allocation; each message block is
 * another, because the one that allocb() made may be freed before a duplicate
 * of it is.  The reference count of a data block is changed atomically, all
 * else in a message belongs to whoever has the message.
 */

#include "fk_impl.h"
#include <sys/stream.h>
#include <sys/strsun.h>
#include <sys/strsubr.h>

#define	FK_MBLK_ALIGN	16

static mblk_t *
fk_mblk_alloc(int flags)
{
	mblk_t *mp = kmem_alloc(sizeof (*mp), flags);

	if (mp != NULL)
		bzero(mp, sizeof (*mp));
	return (mp);
}

static mblk_t *
fk_allocb(size_t size, int flags)
{
	size_t asize = sizeof (dblk_t) + P2ROUNDUP(MAX(size, 1), 8);
	mblk_t *mp;
	dblk_t *db;

	db = kmem_alloc(asize, flags);
	if (db == NULL)
		return (NULL);
	mp = fk_mblk_alloc(flags | FK_KM_NOFAIL);
	bzero(db, sizeof (*db));
	db->db_base = (uchar_t *)(db + 1);
	db->db_lim = (uchar_t *)db + asize;
	db->db_ref = 1;
	db->db_type = M_DATA;
	db->db_cpid = -1;
	db->db_allocsize = asize;
	mp->b_datap = db;
	mp->b_rptr = mp->b_wptr = db->db_base;
	return (mp);
}

mblk_t *
allocb(size_t size, uint_t pri)
{
	return (fk_allocb(size, KM_NOSLEEP));
}

mblk_t *
allocb_wait(size_t size, uint_t pri, uint_t flags, int *errorp)
{
	fk_maysleep("allocb_wait");
	if (errorp != NULL)
		*errorp = 0;
	return (fk_allocb(size, KM_SLEEP));
}

void
mblk_setcred(mblk_t *mp, cred_t *cr, pid_t pid)
{
	dblk_t *db = mp->b_datap;

	if (cr != NULL)
		crhold(cr);
	if (db->db_credp != NULL)
		crfree(db->db_credp);
	db->db_credp = cr;
	db->db_cpid = pid;
}

mblk_t *
allocb_cred(size_t size, cred_t *cr, pid_t pid)
{
	mblk_t *mp = allocb(size, BPRI_MED);

	if (mp != NULL)
		mblk_setcred(mp, cr, pid);
	return (mp);
}

mblk_t *
allocb_cred_wait(size_t size, uint_t flags, int *errorp, cred_t *cr, pid_t pid)
{
	mblk_t *mp = allocb_wait(size, BPRI_MED, flags, errorp);

	mblk_setcred(mp, cr, pid);
	return (mp);
}

mblk_t *
allocb_tmpl(size_t size, const mblk_t *tmpl)
{
	mblk_t *mp = allocb(size, BPRI_MED);

	if (mp != NULL && DB_CRED(tmpl) != NULL)
		mblk_setcred(mp, DB_CRED(tmpl), DB_CPID(tmpl));
	return (mp);
}

cred_t *
msg_getcred(const mblk_t *mp, pid_t *pidp)
{
	for (; mp != NULL; mp = mp->b_cont) {
		if (DB_CRED(mp) == NULL)
			continue;
		if (pidp != NULL)
			*pidp = DB_CPID(mp);
		return (DB_CRED(mp));
	}
	if (pidp != NULL)
		*pidp = -1;
	return (NULL);
}

mblk_t *
esballoc(uchar_t *base, size_t size, uint_t pri, frtn_t *frtn)
{
	mblk_t *mp;

	mp = fk_allocb(0, KM_NOSLEEP);
	if (mp == NULL)
		return (NULL);
	mp->b_datap->db_base = base;
	mp->b_datap->db_lim = base + size;
	mp->b_datap->db_frtnp = frtn;
	mp->b_rptr = mp->b_wptr = base;
	return (mp);
}

mblk_t *
desballoc(uchar_t *base, size_t size, uint_t pri, frtn_t *frtn)
{
	return (esballoc(base, size, pri, frtn));
}

mblk_t *
esballoca(uchar_t *base, size_t size, uint_t pri, frtn_t *frtn)
{
	return (esballoc(base, size, pri, frtn));
}

mblk_t *
desballoca(uchar_t *base, size_t size, uint_t pri, frtn_t *frtn)
{
	return (esballoc(base, size, pri, frtn));
}

static void
fk_dblk_rele(dblk_t *db)
{
	frtn_t *frtn;
	uchar_t ref;

	ref = __atomic_fetch_sub(&db->db_ref, 1, __ATOMIC_ACQ_REL);
	if (ref == 0)
		panic("freeb: data block %p has no reference", db);
	if (ref != 1)
		return;
	frtn = db->db_frtnp;
	if (db->db_credp != NULL)
		crfree(db->db_credp);
	kmem_free(db, db->db_allocsize);
	if (frtn != NULL)
		frtn->free_func(frtn->free_arg);
}

void
freeb(mblk_t *mp)
{
	if (mp->b_next != NULL || mp->b_prev != NULL)
		panic("freeb: message block %p is on a list", mp);
	fk_dblk_rele(mp->b_datap);
	kmem_free(mp, sizeof (*mp));
}

void
freemsg(mblk_t *mp)
{
	mblk_t *next;

	for (; mp != NULL; mp = next) {
		next = mp->b_cont;
		freeb(mp);
	}
}

void
freemsgchain(mblk_t *mp)
{
	mblk_t *next;

	for (; mp != NULL; mp = next) {
		next = mp->b_next;
		mp->b_next = NULL;
		freemsg(mp);
	}
}

mblk_t *
dupb(mblk_t *mp)
{
	dblk_t *db = mp->b_datap;
	mblk_t *new;
	uchar_t ref;

	new = fk_mblk_alloc(KM_NOSLEEP);
	if (new == NULL)
		return (NULL);
	ref = __atomic_load_n(&db->db_ref, __ATOMIC_RELAXED);
	do {
		/* As many as fit; the rest is copied. */
		if (ref == DBLK_REFMAX) {
			kmem_free(new, sizeof (*new));
			return (copyb(mp));
		}
	} while (!__atomic_compare_exchange_n(&db->db_ref, &ref, ref + 1,
	    false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	new->b_datap = db;
	new->b_rptr = mp->b_rptr;
	new->b_wptr = mp->b_wptr;
	new->b_band = mp->b_band;
	new->b_flag = mp->b_flag;
	return (new);
}

/* A copy has the same room in front of the data. */
mblk_t *
copyb(mblk_t *mp)
{
	mblk_t *new = allocb(MBLKSIZE(mp), BPRI_MED);

	if (new == NULL)
		return (NULL);
	new->b_rptr += MBLKHEAD(mp);
	new->b_wptr = new->b_rptr + MBLKL(mp);
	bcopy(mp->b_rptr, new->b_rptr, MBLKL(mp));
	DB_TYPE(new) = DB_TYPE(mp);
	new->b_band = mp->b_band;
	new->b_flag = mp->b_flag;
	if (DB_CRED(mp) != NULL)
		mblk_setcred(new, DB_CRED(mp), DB_CPID(mp));
	return (new);
}

/* Every block of the message by the function, or nothing. */
static mblk_t *
fk_msg_each(mblk_t *mp, mblk_t *(*func)(mblk_t *))
{
	mblk_t *head = NULL, **tailp = &head;

	for (; mp != NULL; mp = mp->b_cont) {
		*tailp = func(mp);
		if (*tailp == NULL) {
			freemsg(head);
			return (NULL);
		}
		tailp = &(*tailp)->b_cont;
	}
	return (head);
}

mblk_t *
dupmsg(mblk_t *mp)
{
	return (fk_msg_each(mp, dupb));
}

mblk_t *
dupmsg_noloan(mblk_t *mp)
{
	return (fk_msg_each(mp, dupb));
}

mblk_t *
copymsg(mblk_t *mp)
{
	return (fk_msg_each(mp, copyb));
}

mblk_t *
copymsgchain(mblk_t *mp)
{
	mblk_t *head = NULL, **tailp = &head;

	for (; mp != NULL; mp = mp->b_next) {
		*tailp = copymsg(mp);
		if (*tailp == NULL) {
			freemsgchain(head);
			return (NULL);
		}
		tailp = &(*tailp)->b_next;
	}
	return (head);
}

void
linkb(mblk_t *mp, mblk_t *tail)
{
	while (mp->b_cont != NULL)
		mp = mp->b_cont;
	mp->b_cont = tail;
}

mblk_t *
unlinkb(mblk_t *mp)
{
	mblk_t *rest = mp->b_cont;

	mp->b_cont = NULL;
	return (rest);
}

/* (mblk_t *)-1 if the block is not in the message. */
mblk_t *
rmvb(mblk_t *mp, mblk_t *bp)
{
	mblk_t *head = mp, **mpp;

	for (mpp = &head; *mpp != NULL; mpp = &(*mpp)->b_cont) {
		if (*mpp == bp) {
			*mpp = bp->b_cont;
			bp->b_cont = NULL;
			return (head);
		}
	}
	return ((mblk_t *)-1);
}

/* Bytes in the blocks at the beginning that have the type of the first. */
size_t
xmsgsize(mblk_t *mp)
{
	uchar_t type = DB_TYPE(mp);
	size_t n = 0;

	for (; mp != NULL && DB_TYPE(mp) == type; mp = mp->b_cont)
		n += MBLKL(mp);
	return (n);
}

size_t
msgsize(mblk_t *mp)
{
	size_t n = 0;

	for (; mp != NULL; mp = mp->b_cont)
		n += MBLKL(mp);
	return (n);
}

size_t
msgdsize(mblk_t *mp)
{
	size_t n = 0;

	for (; mp != NULL; mp = mp->b_cont) {
		if (DB_TYPE(mp) == M_DATA)
			n += MBLKL(mp);
	}
	return (n);
}

/* Copy n bytes from the front of the message; what is then empty is freed. */
static mblk_t *
fk_msg_consume(mblk_t *mp, uchar_t *to, size_t n)
{
	mblk_t *next;
	size_t len;

	while (mp != NULL && n > 0) {
		len = MIN(n, (size_t)MBLKL(mp));
		bcopy(mp->b_rptr, to, len);
		to += len;
		n -= len;
		mp->b_rptr += len;
		next = mp->b_cont;
		if (mp->b_rptr == mp->b_wptr) {
			freeb(mp);
			mp = next;
		}
	}
	return (mp);
}

/*
 * The first `len' bytes (-1: all of the first block's type) into one block,
 * which stays the first.  1, or 0 and nothing has changed.
 */
int
pullupmsg(mblk_t *mp, ssize_t len)
{
	mblk_t *new, old;
	dblk_t *db;

	if (len == -1) {
		if (mp->b_cont == NULL && IS_P2ALIGNED(mp->b_rptr, 8))
			return (1);
		len = xmsgsize(mp);
	} else {
		if (len <= MBLKL(mp))
			return (1);
		if ((size_t)len > xmsgsize(mp))
			return (0);
	}
	new = allocb(len, BPRI_MED);
	if (new == NULL)
		return (0);
	DB_TYPE(new) = DB_TYPE(mp);
	if (DB_CRED(mp) != NULL)
		mblk_setcred(new, DB_CRED(mp), DB_CPID(mp));

	/* The new block and the caller's exchange their data. */
	old = *mp;
	db = new->b_datap;
	mp->b_datap = db;
	mp->b_rptr = db->db_base;
	mp->b_wptr = db->db_base + len;
	new->b_datap = old.b_datap;
	new->b_rptr = old.b_rptr;
	new->b_wptr = old.b_wptr;
	new->b_cont = old.b_cont;
	mp->b_cont = fk_msg_consume(new, mp->b_rptr, len);
	return (1);
}

/* As pullupmsg(), but a new message; the old one stays. */
mblk_t *
msgpullup(mblk_t *mp, ssize_t len)
{
	size_t total = xmsgsize(mp), n = 0;
	mblk_t *new, *rest = mp;
	uchar_t type = DB_TYPE(mp);

	if (len == -1)
		len = total;
	else if ((size_t)len > total)
		return (NULL);
	new = allocb(len, BPRI_MED);
	if (new == NULL)
		return (NULL);
	DB_TYPE(new) = type;
	new->b_flag = mp->b_flag;
	new->b_band = mp->b_band;
	while (len > 0) {
		n = MIN(MBLKL(rest), len);
		bcopy(rest->b_rptr, new->b_wptr, n);
		new->b_wptr += n;
		len -= n;
		if (n < (size_t)MBLKL(rest))
			break;
		rest = rest->b_cont;
		n = 0;
	}
	if (rest == NULL)
		return (new);
	new->b_cont = dupmsg(rest);
	if (new->b_cont == NULL) {
		freemsg(new);
		return (NULL);
	}
	new->b_cont->b_rptr += n;
	return (new);
}

/*
 * Removes bytes from the front, or (negative) from the end of the blocks that
 * have the type of the first or the last.  1, or 0 if there are not so many.
 */
int
adjmsg(mblk_t *mp, ssize_t len)
{
	mblk_t *bp, *first;
	size_t n, run;
	uchar_t type;

	if (len >= 0) {
		if ((size_t)len > xmsgsize(mp))
			return (0);
		for (bp = mp; len > 0; bp = bp->b_cont) {
			n = MIN((size_t)MBLKL(bp), (size_t)len);
			bp->b_rptr += n;
			len -= n;
		}
		/* Empty blocks behind the first are taken out. */
		while ((bp = mp->b_cont) != NULL && bp->b_rptr >= bp->b_wptr &&
		    DB_TYPE(bp) == DB_TYPE(mp)) {
			mp->b_cont = bp->b_cont;
			freeb(bp);
		}
		return (1);
	}

	/* The run of blocks of one type at the end. */
	len = -len;
	first = mp;
	type = DB_TYPE(mp);
	run = 0;
	for (bp = mp; bp != NULL; bp = bp->b_cont) {
		if (DB_TYPE(bp) != type) {
			first = bp;
			type = DB_TYPE(bp);
			run = 0;
		}
		run += MBLKL(bp);
	}
	if ((size_t)len > run)
		return (0);
	run -= len;
	for (bp = first; bp != NULL; bp = bp->b_cont) {
		n = MIN((size_t)MBLKL(bp), run);
		bp->b_wptr = bp->b_rptr + n;
		run -= n;
		if (run == 0) {
			/* What follows is empty, except the message's first. */
			freemsg(bp->b_cont);
			bp->b_cont = NULL;
		}
	}
	return (1);
}

mblk_t *
reallocb(mblk_t *mp, size_t size, uint_t copy)
{
	mblk_t *new;

	if (DB_REF(mp) == 1 && (size_t)MBLKSIZE(mp) >= size &&
	    (!copy || (size_t)MBLKHEAD(mp) + size <= (size_t)MBLKSIZE(mp)))
		return (mp);
	new = allocb(size, BPRI_MED);
	if (new == NULL)
		return (NULL);
	if (copy) {
		bcopy(mp->b_rptr, new->b_rptr, MIN(size, (size_t)MBLKL(mp)));
		new->b_wptr += MIN(size, (size_t)MBLKL(mp));
	}
	DB_TYPE(new) = DB_TYPE(mp);
	new->b_cont = mp->b_cont;
	mp->b_cont = NULL;
	freeb(mp);
	return (new);
}

void
mcopymsg(mblk_t *mp, void *buf)
{
	(void) fk_msg_consume(mp, buf, msgsize(mp));
}
