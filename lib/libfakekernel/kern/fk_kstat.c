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
 * Kernel statistics.
 *
 * A kstat is found, held while it is read, and cannot be deleted until it is
 * released.  fk_kstat_lock protects the list and the holds; reading takes the
 * kstat's own lock (ks_lock) without it.  What is allocated with ks_lock held
 * is so without sleeping, since it may be a lock of interrupt handlers.
 */

#include "fk_impl.h"
#include <sys/kstat.h>

#define	FK_KSTAT_ZONES	16

typedef struct fk_kstat {
	kstat_t		fs_kstat;
	list_node_t	fs_node;
	uint_t		fs_holds;
	bool		fs_deleting;
	zoneid_t	fs_zones[FK_KSTAT_ZONES];
	uint_t		fs_nzones;
} fk_kstat_t;

static kmutex_t fk_kstat_lock;
static kcondvar_t fk_kstat_cv;
static list_t fk_kstats;
static kid_t fk_kstat_lastid;

void
kstat_set_string(char *dst, const char *src)
{
	bzero(dst, KSTAT_STRLEN);
	(void) strlcpy(dst, src, KSTAT_STRLEN);
}

/* The zones in which it is visible; the lock is held. */
static bool
fk_kstat_visible(fk_kstat_t *fs, zoneid_t zoneid)
{
	uint_t i;

	if (zoneid == ALL_ZONES)
		return (true);
	for (i = 0; i < fs->fs_nzones; i++) {
		if (fs->fs_zones[i] == zoneid || fs->fs_zones[i] == ALL_ZONES)
			return (true);
	}
	return (false);
}

static fk_kstat_t *
fk_kstat_find(const char *module, int instance, const char *name,
    zoneid_t zoneid)
{
	fk_kstat_t *fs;

	for (fs = list_head(&fk_kstats); fs != NULL;
	    fs = list_next(&fk_kstats, fs)) {
		if (!fs->fs_deleting && fs->fs_kstat.ks_instance == instance &&
		    strcmp(fs->fs_kstat.ks_module, module) == 0 &&
		    strcmp(fs->fs_kstat.ks_name, name) == 0 &&
		    fk_kstat_visible(fs, zoneid))
			break;
	}
	return (fs);
}

static int
fk_kstat_default_update(kstat_t *ksp, int rw)
{
	return (rw == KSTAT_WRITE ? EACCES : 0);
}

static int
fk_kstat_default_snapshot(kstat_t *ksp, void *buf, int rw)
{
	ksp->ks_snaptime = gethrtime();
	if (rw == KSTAT_WRITE)
		return (EACCES);
	bcopy(ksp->ks_data, buf, ksp->ks_data_size);
	return (0);
}

kstat_t *
kstat_create_zone(const char *module, int instance, const char *name,
    const char *class, uchar_t type, uint_t ndata, uchar_t flags,
    zoneid_t zoneid)
{
	fk_kstat_t *fs;
	kstat_t *ksp;
	size_t size = ndata;
	char defname[KSTAT_STRLEN];

	fk_maysleep("kstat_create");
	if (type == KSTAT_TYPE_NAMED)
		size *= sizeof (kstat_named_t);
	else if (type != KSTAT_TYPE_RAW)
		panic("kstat_create: type %d is not supported", type);
	if (strlen(module) >= KSTAT_STRLEN ||
	    (name != NULL && strlen(name) >= KSTAT_STRLEN))
		panic("kstat_create: %s:%s: name is too long", module,
		    name == NULL ? "" : name);
	if (name == NULL) {
		(void) snprintf(defname, sizeof (defname), "%s%d", module,
		    instance);
		name = defname;
	}
	fs = kmem_zalloc(sizeof (*fs), KM_SLEEP);
	ksp = &fs->fs_kstat;
	ksp->ks_crtime = gethrtime();
	kstat_set_string(ksp->ks_module, module);
	kstat_set_string(ksp->ks_name, name);
	kstat_set_string(ksp->ks_class, class);
	ksp->ks_instance = instance;
	ksp->ks_type = type;
	ksp->ks_flags = flags | KSTAT_FLAG_INVALID;
	ksp->ks_ndata = ndata;
	ksp->ks_data_size = size;
	ksp->ks_update = fk_kstat_default_update;
	ksp->ks_snapshot = fk_kstat_default_snapshot;
	if ((flags & KSTAT_FLAG_VIRTUAL) == 0)
		ksp->ks_data = kmem_zalloc(size, KM_SLEEP);
	fs->fs_zones[0] = zoneid;
	fs->fs_nzones = 1;
	mutex_enter(&fk_kstat_lock);
	if (fk_kstat_find(module, instance, name, zoneid) != NULL) {
		mutex_exit(&fk_kstat_lock);
		cmn_err(CE_WARN, "kstat_create(%s, %d, %s): exists", module,
		    instance, name);
		if ((flags & KSTAT_FLAG_VIRTUAL) == 0)
			kmem_free(ksp->ks_data, size);
		kmem_free(fs, sizeof (*fs));
		return (NULL);
	}
	ksp->ks_kid = ++fk_kstat_lastid;
	list_insert_tail(&fk_kstats, fs);
	mutex_exit(&fk_kstat_lock);
	return (ksp);
}

kstat_t *
kstat_create(const char *module, int instance, const char *name,
    const char *class, uchar_t type, uint_t ndata, uchar_t flags)
{
	return (kstat_create_zone(module, instance, name, class, type, ndata,
	    flags, ALL_ZONES));
}

void
kstat_install(kstat_t *ksp)
{
	if (ksp->ks_data == NULL && ksp->ks_update == fk_kstat_default_update)
		panic("kstat_install: %s:%s has no data", ksp->ks_module,
		    ksp->ks_name);
	mutex_enter(&fk_kstat_lock);
	ksp->ks_flags &= ~KSTAT_FLAG_INVALID;
	mutex_exit(&fk_kstat_lock);
}

void
kstat_delete(kstat_t *ksp)
{
	fk_kstat_t *fs = (fk_kstat_t *)ksp;

	if (ksp == NULL)
		return;
	fk_maysleep("kstat_delete");
	if (ksp->ks_lock != NULL && mutex_owned(ksp->ks_lock))
		panic("kstat_delete: %s:%s: ks_lock is held", ksp->ks_module,
		    ksp->ks_name);
	mutex_enter(&fk_kstat_lock);
	fs->fs_deleting = true;
	while (fs->fs_holds != 0)
		cv_wait(&fk_kstat_cv, &fk_kstat_lock);
	list_remove(&fk_kstats, fs);
	mutex_exit(&fk_kstat_lock);
	if ((ksp->ks_flags & KSTAT_FLAG_VIRTUAL) == 0)
		kmem_free(ksp->ks_data, ksp->ks_data_size);
	kmem_free(fs, sizeof (*fs));
}

void
kstat_delete_byname(const char *module, int instance, const char *name)
{
	fk_kstat_t *fs;

	mutex_enter(&fk_kstat_lock);
	fs = fk_kstat_find(module, instance, name, ALL_ZONES);
	mutex_exit(&fk_kstat_lock);
	if (fs != NULL)
		kstat_delete(&fs->fs_kstat);
}

void
kstat_named_init(kstat_named_t *kn, const char *name, uchar_t type)
{
	if (strlen(name) >= KSTAT_STRLEN)
		panic("kstat_named_init: %s: name is too long", name);
	bzero(kn, sizeof (*kn));
	kstat_set_string(kn->name, name);
	kn->data_type = type;
}

void
kstat_named_setstr(kstat_named_t *kn, const char *s)
{
	if (kn->data_type != KSTAT_DATA_STRING)
		panic("kstat_named_setstr: %s is not a string", kn->name);
	KSTAT_NAMED_STR_PTR(kn) = __DECONST(char *, s);
	KSTAT_NAMED_STR_BUFLEN(kn) = s == NULL ? 0 : strlen(s) + 1;
}

void
kstat_zone_add(kstat_t *ksp, zoneid_t zoneid)
{
	fk_kstat_t *fs = (fk_kstat_t *)ksp;

	mutex_enter(&fk_kstat_lock);
	if (fs->fs_nzones == FK_KSTAT_ZONES)
		panic("kstat_zone_add: too many zones");
	fs->fs_zones[fs->fs_nzones++] = zoneid;
	mutex_exit(&fk_kstat_lock);
}

void
kstat_zone_remove(kstat_t *ksp, zoneid_t zoneid)
{
	fk_kstat_t *fs = (fk_kstat_t *)ksp;
	uint_t i;

	mutex_enter(&fk_kstat_lock);
	for (i = 0; i < fs->fs_nzones && fs->fs_zones[i] != zoneid; i++)
		;
	if (i == fs->fs_nzones)
		panic("kstat_zone_remove: not in zone %d", zoneid);
	fs->fs_zones[i] = fs->fs_zones[--fs->fs_nzones];
	mutex_exit(&fk_kstat_lock);
}

int
kstat_zone_find(kstat_t *ksp, zoneid_t zoneid)
{
	int found;

	mutex_enter(&fk_kstat_lock);
	found = fk_kstat_visible((fk_kstat_t *)ksp, zoneid);
	mutex_exit(&fk_kstat_lock);
	return (found);
}

kstat_t *
kstat_hold_byname(const char *module, int instance, const char *name,
    zoneid_t zoneid)
{
	fk_kstat_t *fs;

	mutex_enter(&fk_kstat_lock);
	fs = fk_kstat_find(module, instance, name, zoneid);
	if (fs != NULL)
		fs->fs_holds++;
	mutex_exit(&fk_kstat_lock);
	return (fs == NULL ? NULL : &fs->fs_kstat);
}

void
kstat_rele(kstat_t *ksp)
{
	fk_kstat_t *fs = (fk_kstat_t *)ksp;

	mutex_enter(&fk_kstat_lock);
	VERIFY3U(fs->fs_holds, !=, 0);
	fs->fs_holds--;
	cv_broadcast(&fk_kstat_cv);
	mutex_exit(&fk_kstat_lock);
}

/*
 * Reading: a copy of the data, as the kstat driver makes it; NULL if there is
 * none or it cannot be read.  *sizep is the size of the copy.
 */
static void *
fk_kstat_read(kstat_t *ksp, size_t *sizep)
{
	void *buf = NULL;

	if ((ksp->ks_flags & KSTAT_FLAG_INVALID) != 0)
		return (NULL);
	KSTAT_ENTER(ksp);
	if (KSTAT_UPDATE(ksp, KSTAT_READ) == 0 && ksp->ks_data_size != 0) {
		*sizep = ksp->ks_data_size;
		buf = kmem_alloc(*sizep, KM_NOSLEEP | FK_KM_NOFAIL);
		if (KSTAT_SNAPSHOT(ksp, buf, KSTAT_READ) != 0) {
			kmem_free(buf, *sizep);
			buf = NULL;
		}
	}
	KSTAT_EXIT(ksp);
	return (buf);
}

static bool
fk_kstat_number(const kstat_named_t *kn, uint64_t *valp)
{
	switch (kn->data_type) {
	case KSTAT_DATA_INT32:
		*valp = kn->value.i32;
		return (true);
	case KSTAT_DATA_UINT32:
		*valp = kn->value.ui32;
		return (true);
	case KSTAT_DATA_INT64:
	case KSTAT_DATA_UINT64:
	case KSTAT_DATA_LONG:
	case KSTAT_DATA_ULONG:
		*valp = kn->value.ui64;
		return (true);
	}
	return (false);
}

int
fk_kstat_value(const char *module, int instance, const char *name,
    const char *stat, uint64_t *valp)
{
	kstat_t *ksp;
	kstat_named_t *kn;
	size_t size, i;
	int err = ENOENT;

	ksp = kstat_hold_byname(module, instance, name, GLOBAL_ZONEID);
	if (ksp == NULL)
		return (ENOENT);
	kn = ksp->ks_type == KSTAT_TYPE_NAMED ? fk_kstat_read(ksp, &size) :
	    NULL;
	if (kn != NULL) {
		for (i = 0; i < size / sizeof (*kn) && err != 0; i++) {
			if (strcmp(kn[i].name, stat) == 0 &&
			    fk_kstat_number(&kn[i], valp))
				err = 0;
		}
		kmem_free(kn, size);
	}
	kstat_rele(ksp);
	return (err);
}

/* The kstat with the lowest number above `kid', held. */
static kstat_t *
fk_kstat_next(kid_t kid)
{
	fk_kstat_t *fs;

	mutex_enter(&fk_kstat_lock);
	for (fs = list_head(&fk_kstats); fs != NULL;
	    fs = list_next(&fk_kstats, fs)) {
		if (fs->fs_kstat.ks_kid > kid && !fs->fs_deleting &&
		    fk_kstat_visible(fs, GLOBAL_ZONEID)) {
			fs->fs_holds++;
			break;
		}
	}
	mutex_exit(&fk_kstat_lock);
	return (fs == NULL ? NULL : &fs->fs_kstat);
}

void
fk_kstat_walk(void (*func)(void *, const char *, int, const char *,
    const char *, uint64_t), void *arg)
{
	kstat_t *ksp;
	kstat_named_t *kn;
	size_t size, i;
	uint64_t val;
	kid_t kid = 0;

	while ((ksp = fk_kstat_next(kid)) != NULL) {
		kid = ksp->ks_kid;
		kn = ksp->ks_type == KSTAT_TYPE_NAMED ?
		    fk_kstat_read(ksp, &size) : NULL;
		for (i = 0; kn != NULL && i < size / sizeof (*kn); i++) {
			if (fk_kstat_number(&kn[i], &val))
				func(arg, ksp->ks_module, ksp->ks_instance,
				    ksp->ks_name, kn[i].name, val);
		}
		if (kn != NULL)
			kmem_free(kn, size);
		kstat_rele(ksp);
	}
}

void
fk_kstat_walk_raw(const char *module, const char *name,
    void (*func)(void *, int, const void *, size_t), void *arg)
{
	kstat_t *ksp;
	size_t size;
	void *buf;
	kid_t kid = 0;

	while ((ksp = fk_kstat_next(kid)) != NULL) {
		kid = ksp->ks_kid;
		buf = NULL;
		if (ksp->ks_type == KSTAT_TYPE_RAW &&
		    strcmp(ksp->ks_module, module) == 0 &&
		    strcmp(ksp->ks_name, name) == 0)
			buf = fk_kstat_read(ksp, &size);
		if (buf != NULL) {
			func(arg, ksp->ks_instance, buf, size);
			kmem_free(buf, size);
		}
		kstat_rele(ksp);
	}
}

void
fk_kstat_init(void)
{
	mutex_init(&fk_kstat_lock, NULL, MUTEX_DEFAULT, NULL);
	cv_init(&fk_kstat_cv, NULL, CV_DEFAULT, NULL);
	list_create(&fk_kstats, sizeof (fk_kstat_t),
	    offsetof(fk_kstat_t, fs_node));
}

void
fk_kstat_fini(void)
{
	fk_kstat_t *fs = list_head(&fk_kstats);

	if (fs != NULL)
		panic("shutdown: kstat %s:%d:%s was not deleted",
		    fs->fs_kstat.ks_module, fs->fs_kstat.ks_instance,
		    fs->fs_kstat.ks_name);
	list_destroy(&fk_kstats);
	cv_destroy(&fk_kstat_cv);
	mutex_destroy(&fk_kstat_lock);
}
