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
 * Loadable modules.
 *
 * The modules are linked into the program; "loading" one is what modctl does
 * after the text is in memory: load and hold those it depends on, call _init,
 * attach the pseudo instance of a driver.  Unloading detaches every instance of
 * a driver, calls _fini and releases the dependencies; if _fini refuses, the
 * module stays (and its driver is attached again by the next open).
 *
 * fk_mod_lock protects the list and the counts.  mod_busy marks a module that
 * is being loaded or unloaded; the lock is dropped meanwhile and others wait.
 */

#include "fk_impl.h"
#include <sys/modctl.h>

static kmutex_t fk_mod_lock;
static kcondvar_t fk_mod_cv;		/* mod_busy has been cleared */
static modctl_t *fk_modules;
static const fk_module_t *fk_modtable;
static int fk_mod_lastid;
static __thread modctl_t *fk_mod_current;	/* whose _init or _fini runs */

static int
fk_misc_nothing(struct modlmisc *ml, struct modlinkage *linkage)
{
	return (0);
}

struct mod_ops mod_miscops = {
	.modm_install	= fk_misc_nothing,
	.modm_remove	= fk_misc_nothing,
	.modm_info	= nulldev
};

/*
 * What a module's _init, _fini and _info call.
 */
static struct mod_ops *
fk_linkage_ops(void *linkage)
{
	return (*(struct mod_ops **)linkage);
}

int
mod_install(struct modlinkage *ml)
{
	modctl_t *mp = fk_mod_current;
	int i, err = 0;

	if (mp == NULL)
		panic("mod_install: not called from _init");
	if (ml->ml_rev != MODREV_1 || ml->ml_linkage[0] == NULL)
		return (EINVAL);
	mp->mod_linkage = ml;
	for (i = 0; ml->ml_linkage[i] != NULL && err == 0; i++)
		err = fk_linkage_ops(ml->ml_linkage[i])->modm_install(
		    ml->ml_linkage[i], ml);
	if (err != 0) {
		/* The last one was the one that failed. */
		for (i -= 2; i >= 0; i--)
			(void) fk_linkage_ops(ml->ml_linkage[i])->modm_remove(
			    ml->ml_linkage[i], ml);
		mp->mod_linkage = NULL;
	}
	return (err);
}

int
mod_remove(struct modlinkage *ml)
{
	int i, err = 0;

	if (fk_mod_current == NULL || fk_mod_current->mod_linkage != ml)
		panic("mod_remove: not called from _fini");
	for (i = 0; ml->ml_linkage[i] != NULL && err == 0; i++)
		err = fk_linkage_ops(ml->ml_linkage[i])->modm_remove(
		    ml->ml_linkage[i], ml);
	if (err != 0) {
		for (i -= 2; i >= 0; i--)
			VERIFY0(fk_linkage_ops(ml->ml_linkage[i])->
			    modm_install(ml->ml_linkage[i], ml));
	}
	return (err);
}

/* 1 is success, as everywhere in _info. */
int
mod_info(struct modlinkage *ml, struct modinfo *mip)
{
	struct modlmisc *any;
	int i;

	bzero(mip->mi_msinfo, sizeof (mip->mi_msinfo));
	mip->mi_rev = ml->ml_rev;
	for (i = 0; ml->ml_linkage[i] != NULL; i++) {
		any = ml->ml_linkage[i];
		(void) strlcpy(mip->mi_msinfo[i].msi_linkinfo,
		    any->misc_linkinfo, MODMAXLINKINFOLEN);
	}
	return (1);
}

struct modctl *
mod_getctl(struct modlinkage *ml)
{
	modctl_t *mp;

	if (fk_mod_current != NULL && fk_mod_current->mod_linkage == ml)
		return (fk_mod_current);
	mutex_enter(&fk_mod_lock);
	for (mp = fk_modules; mp != NULL && mp->mod_linkage != ml;
	    mp = mp->mod_next)
		;
	mutex_exit(&fk_mod_lock);
	return (mp);
}

/*
 * Loading.
 */
static modctl_t *
fk_mod_find(const char *name)
{
	modctl_t *mp;

	ASSERT(MUTEX_HELD(&fk_mod_lock));
	for (mp = fk_modules; mp != NULL; mp = mp->mod_next) {
		if (strcmp(mp->mod_modname, name) == 0)
			break;
	}
	return (mp);
}

/* The module's entry in the list, made if it is known at all; not busy. */
static modctl_t *
fk_mod_get(const char *name)
{
	const fk_module_t *fm;
	modctl_t *mp;

	while ((mp = fk_mod_find(name)) != NULL && mp->mod_busy)
		cv_wait(&fk_mod_cv, &fk_mod_lock);
	if (mp != NULL || fk_modtable == NULL)
		return (mp);
	for (fm = fk_modtable; fm->fm_name != NULL; fm++) {
		if (strcmp(fm->fm_name, name) == 0)
			break;
	}
	if (fm->fm_name == NULL)
		return (NULL);
	mp = fkh_alloc(sizeof (*mp));
	bzero(mp, sizeof (*mp));
	mp->mod_fm = fm;
	mp->mod_modname = __DECONST(char *, fm->fm_name);
	mp->mod_id = ++fk_mod_lastid;
	mp->mod_next = fk_modules;
	fk_modules = mp;
	return (mp);
}

static void
fk_mod_unbusy(modctl_t *mp)
{
	mp->mod_busy = false;
	cv_broadcast(&fk_mod_cv);
}

/* Release the first n dependencies; the lock is not held. */
static void
fk_mod_rele_deps(const fk_module_t *fm, int n)
{
	while (n-- > 0)
		fk_mod_rele(fm->fm_depends[n]);
}

static int
fk_mod_hold_deps(const fk_module_t *fm, int *np)
{
	int err = 0;

	*np = 0;
	if (fm->fm_depends == NULL)
		return (0);
	while (fm->fm_depends[*np] != NULL) {
		err = fk_mod_hold(fm->fm_depends[*np]);
		if (err != 0)
			break;
		(*np)++;
	}
	return (err);
}

/* Call one of the module's functions in its name. */
static int
fk_mod_call(modctl_t *mp, int (*func)(void))
{
	modctl_t *saved = fk_mod_current;
	int err;

	fk_mod_current = mp;
	err = func();
	fk_mod_current = saved;
	if (fk_held_count(curthread) != 0)
		panic("module %s: _init or _fini returned with a lock held",
		    mp->mod_modname);
	return (err);
}

int
fk_mod_hold(const char *name)
{
	modctl_t *mp;
	int err, ndeps;

	fk_maysleep("modload");
	mutex_enter(&fk_mod_lock);
	mp = fk_mod_get(name);
	if (mp == NULL) {
		mutex_exit(&fk_mod_lock);
		return (ENOENT);
	}
	if (mp->mod_installed) {
		mp->mod_ref++;
		mutex_exit(&fk_mod_lock);
		return (0);
	}
	mp->mod_busy = true;
	mutex_exit(&fk_mod_lock);

	err = fk_mod_hold_deps(mp->mod_fm, &ndeps);
	if (err == 0)
		err = fk_mod_call(mp, mp->mod_fm->fm_init);
	if (err != 0)
		fk_mod_rele_deps(mp->mod_fm, ndeps);

	mutex_enter(&fk_mod_lock);
	if (err == 0) {
		mp->mod_installed = true;
		mp->mod_loadcnt++;
		mp->mod_ref++;
	}
	fk_mod_unbusy(mp);
	mutex_exit(&fk_mod_lock);
	return (err);
}

void
fk_mod_rele(const char *name)
{
	modctl_t *mp;

	mutex_enter(&fk_mod_lock);
	mp = fk_mod_find(name);
	if (mp == NULL || mp->mod_ref == 0)
		panic("fk_mod_rele: module %s is not held", name);
	mp->mod_ref--;
	mutex_exit(&fk_mod_lock);
}

modctl_t *
mod_hold_by_name(const char *name)
{
	modctl_t *mp;

	if (fk_mod_hold(name) != 0)
		return (NULL);
	mutex_enter(&fk_mod_lock);
	mp = fk_mod_find(name);
	mutex_exit(&fk_mod_lock);
	return (mp);
}

void
mod_release_mod(modctl_t *mp)
{
	fk_mod_rele(mp->mod_modname);
}

int
fk_modload(const char *name)
{
	modctl_t *mp;
	int err;

	err = fk_mod_hold(name);
	if (err != 0)
		return (err);
	mutex_enter(&fk_mod_lock);
	mp = fk_mod_find(name);
	mutex_exit(&fk_mod_lock);
	if (mp->mod_fm->fm_pseudo)
		err = fk_drv_attach_pseudo(name);
	fk_mod_rele(name);
	return (err);
}

int
modload(const char *subdir, const char *name)
{
	modctl_t *mp;
	int id = -1;

	if (fk_modload(name) != 0)
		return (-1);
	mutex_enter(&fk_mod_lock);
	mp = fk_mod_find(name);
	if (mp != NULL)
		id = mp->mod_id;
	mutex_exit(&fk_mod_lock);
	return (id);
}

/*
 * Unloading.
 */
int
mod_remove_by_name(char *name)
{
	const fk_module_t *fm;
	modctl_t *mp;
	int err, ndeps = 0;

	fk_maysleep("modunload");
	mutex_enter(&fk_mod_lock);
	mp = fk_mod_find(name);
	if (mp == NULL || !mp->mod_installed) {
		mutex_exit(&fk_mod_lock);
		return (ENOENT);
	}
	if (mp->mod_busy || mp->mod_ref != 0) {
		mutex_exit(&fk_mod_lock);
		return (EBUSY);
	}
	mp->mod_busy = true;
	mutex_exit(&fk_mod_lock);

	fm = mp->mod_fm;
	err = fk_drv_detach_all(name);
	if (err == 0)
		err = fk_mod_call(mp, fm->fm_fini);
	if (err == 0 && fm->fm_depends != NULL) {
		while (fm->fm_depends[ndeps] != NULL)
			ndeps++;
		fk_mod_rele_deps(fm, ndeps);
	}

	mutex_enter(&fk_mod_lock);
	if (err == 0) {
		mp->mod_installed = false;
		mp->mod_linkage = NULL;
	}
	fk_mod_unbusy(mp);
	mutex_exit(&fk_mod_lock);
	return (err);
}

int
fk_modunload(const char *name)
{
	return (mod_remove_by_name(__DECONST(char *, name)));
}

void
fk_mod_init(const fk_module_t *table)
{
	mutex_init(&fk_mod_lock, NULL, MUTEX_DEFAULT, NULL);
	cv_init(&fk_mod_cv, NULL, CV_DEFAULT, NULL);
	fk_modtable = table;
}

/* Unload all, those that others depend on last. */
void
fk_mod_fini(void)
{
	modctl_t *mp, *stuck;
	bool progress;
	int err = 0;

	do {
		progress = false;
		stuck = NULL;
		for (mp = fk_modules; mp != NULL; mp = mp->mod_next) {
			if (!mp->mod_installed)
				continue;
			err = mod_remove_by_name(mp->mod_modname);
			if (err == 0)
				progress = true;
			else
				stuck = mp;
		}
	} while (progress && stuck != NULL);
	if (stuck != NULL)
		panic("shutdown: module %s cannot be unloaded (%u holds, "
		    "error %d)", stuck->mod_modname, stuck->mod_ref, err);
	while ((mp = fk_modules) != NULL) {
		fk_modules = mp->mod_next;
		fkh_free(mp);
	}
	fk_modtable = NULL;
	cv_destroy(&fk_mod_cv);
	mutex_destroy(&fk_mod_lock);
}
