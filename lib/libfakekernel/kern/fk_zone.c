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
 * Credentials, privileges and zones.
 *
 * A credential is not changed once it is shared.  Privileges are one set, a bit
 * for each.
 *
 * Zone-specific data: each registered key has an entry in each zone, with the
 * data and how far its callbacks have come.  Callbacks are called with no lock
 * held; a flag in the entry says that one runs, and whoever needs the next step
 * waits for it.  Keys are gone through in the order in which they were made.
 *
 * fk_zones_lock protects the lists of zones and of keys; zone_lock the zone's
 * entries and references.  Order: fk_zones_lock, zone_lock.
 */

#include "fk_impl.h"
#include <sys/zone.h>
#include <sys/cred.h>
#include <sys/policy.h>
#include <sys/sunddi.h>
#include <sys/ddi.h>

struct cred {
	uint_t		cr_ref;		/* atomic */
	uid_t		cr_uid;
	gid_t		cr_gid;
	zone_t		*cr_zone;
	uint64_t	cr_privs;
};

#define	FK_PRIV_ALL	((1UL << PRIV_FK_COUNT) - 1)

typedef enum {
	ZSD_CREATE,
	ZSD_SHUTDOWN,
	ZSD_DESTROY
} fk_zsd_step_t;

typedef struct fk_zsd_key {
	list_node_t	zk_node;
	zone_key_t	zk_key;
	void		*(*zk_create)(zoneid_t);
	void		(*zk_shutdown)(zoneid_t, void *);
	void		(*zk_destroy)(zoneid_t, void *);
} fk_zsd_key_t;

typedef struct fk_zsd {
	list_node_t	zd_node;
	fk_zsd_key_t	zd_key;		/* a copy */
	void		*zd_data;
	bool		zd_busy;	/* a callback runs */
	uint_t		zd_done;	/* bits of fk_zsd_step_t */
} fk_zsd_t;

zone_t zone0;
zone_t *global_zone = &zone0;
struct cred *kcred;

static kmutex_t fk_zones_lock;
static list_t fk_zones;
static list_t fk_zsd_keys;
static zone_key_t fk_zsd_lastkey;
static zoneid_t fk_lastzone;

/*
 * Credentials.
 */
cred_t *
fk_cred_create(uid_t uid, gid_t gid, zone_t *zone, boolean_t priv)
{
	cred_t *cr = fkh_alloc(sizeof (*cr));

	cr->cr_ref = 1;
	cr->cr_uid = uid;
	cr->cr_gid = gid;
	cr->cr_zone = zone;
	cr->cr_privs = priv ? FK_PRIV_ALL : 0;
	if (zone != &zone0)
		zone_hold(zone);
	return (cr);
}

void
crhold(cred_t *cr)
{
	(void) __atomic_add_fetch(&cr->cr_ref, 1, __ATOMIC_RELAXED);
}

void
crfree(cred_t *cr)
{
	uint_t left = __atomic_sub_fetch(&cr->cr_ref, 1, __ATOMIC_ACQ_REL);

	if (left == UINT_MAX)
		panic("crfree: no reference");
	if (left != 0)
		return;
	if (cr->cr_zone != &zone0)
		zone_rele(cr->cr_zone);
	fkh_free(cr);
}

cred_t *
crdup(cred_t *cr)
{
	cred_t *new = fk_cred_create(cr->cr_uid, cr->cr_gid, cr->cr_zone,
	    B_FALSE);

	new->cr_privs = cr->cr_privs;
	return (new);
}

cred_t *
crget(void)
{
	return (crdup(kcred));
}

cred_t *
fk_curcred(void)
{
	return (curproc->p_cred);
}

cred_t *
crgetcred(void)
{
	crhold(CRED());
	return (CRED());
}

cred_t *
ddi_get_cred(void)
{
	return (CRED());
}

cred_t *
zone_kcred(void)
{
	return (curzone->zone_kcred);
}

uid_t
crgetuid(const cred_t *cr)
{
	return (cr->cr_uid);
}

uid_t
crgetruid(const cred_t *cr)
{
	return (cr->cr_uid);
}

uid_t
crgetsuid(const cred_t *cr)
{
	return (cr->cr_uid);
}

gid_t
crgetgid(const cred_t *cr)
{
	return (cr->cr_gid);
}

gid_t
crgetrgid(const cred_t *cr)
{
	return (cr->cr_gid);
}

gid_t
crgetsgid(const cred_t *cr)
{
	return (cr->cr_gid);
}

zoneid_t
crgetzoneid(const cred_t *cr)
{
	return (cr->cr_zone->zone_id);
}

zone_t *
crgetzone(const cred_t *cr)
{
	return (cr->cr_zone);
}

projid_t
crgetprojid(const cred_t *cr)
{
	return (0);
}

uint_t
crgetref(const cred_t *cr)
{
	return (FK_LOAD(&cr->cr_ref));
}

int
crcmp(const cred_t *a, const cred_t *b)
{
	return (a->cr_uid != b->cr_uid || a->cr_gid != b->cr_gid ||
	    a->cr_zone != b->cr_zone || a->cr_privs != b->cr_privs);
}

static void
fk_cred_mine(cred_t *cr)
{
	if (FK_LOAD(&cr->cr_ref) != 1)
		panic("a shared credential is changed");
}

void
crsetzone(cred_t *cr, zone_t *zone)
{
	fk_cred_mine(cr);
	if (zone != &zone0)
		zone_hold(zone);
	if (cr->cr_zone != &zone0)
		zone_rele(cr->cr_zone);
	cr->cr_zone = zone;
}

int
crsetugid(cred_t *cr, uid_t uid, gid_t gid)
{
	fk_cred_mine(cr);
	cr->cr_uid = uid;
	cr->cr_gid = gid;
	return (0);
}

void
fk_cred_addpriv(cred_t *cr, int priv)
{
	fk_cred_mine(cr);
	cr->cr_privs |= 1UL << priv;
}

void
fk_cred_delpriv(cred_t *cr, int priv)
{
	fk_cred_mine(cr);
	cr->cr_privs &= ~(1UL << priv);
}

void
fk_cred_init(void)
{
	kcred = fk_cred_create(0, 0, &zone0, B_TRUE);
}

void
fk_cred_fini(void)
{
	if (kcred->cr_ref != 1)
		panic("shutdown: %u references to kcred leaked",
		    kcred->cr_ref - 1);
	crfree(kcred);
	kcred = NULL;
}

/*
 * Policy.
 */
boolean_t
priv_policy_only(const cred_t *cr, int priv, boolean_t all)
{
	uint64_t want = all || priv == PRIV_ALL ? FK_PRIV_ALL : 1UL << priv;

	return ((cr->cr_privs & want) == want);
}

int
priv_policy(const cred_t *cr, int priv, boolean_t all, int err,
    const char *reason)
{
	return (priv_policy_only(cr, priv, all) ? 0 : err);
}

int
secpolicy_net_privaddr(const cred_t *cr, in_port_t port, int proto)
{
	return (priv_policy(cr, PRIV_NET_PRIVADDR, B_FALSE, EACCES, NULL));
}

int
secpolicy_basic_net_access(const cred_t *cr)
{
	return (priv_policy(cr, PRIV_NET_ACCESS, B_FALSE, EACCES, NULL));
}

int
secpolicy_net_config(const cred_t *cr, boolean_t checkonly)
{
	return (priv_policy(cr, PRIV_SYS_NET_CONFIG, B_FALSE, EPERM, NULL));
}

int
secpolicy_ip_config(const cred_t *cr, boolean_t checkonly)
{
	return (priv_policy(cr, PRIV_SYS_IP_CONFIG, B_FALSE, EPERM, NULL));
}

int
secpolicy_dl_config(const cred_t *cr)
{
	return (priv_policy(cr, PRIV_SYS_DL_CONFIG, B_FALSE, EPERM, NULL));
}

int
secpolicy_net(const cred_t *cr, int otype, boolean_t checkonly)
{
	return (priv_policy(cr, PRIV_SYS_NET_CONFIG, B_FALSE, EPERM, NULL));
}

int
secpolicy_net_rawaccess(const cred_t *cr)
{
	return (priv_policy(cr, PRIV_NET_RAWACCESS, B_FALSE, EACCES, NULL));
}

int
secpolicy_net_observability(const cred_t *cr)
{
	return (priv_policy(cr, PRIV_NET_OBSERVABILITY, B_FALSE, EACCES,
	    NULL));
}

int
secpolicy_sys_config(const cred_t *cr, boolean_t checkonly)
{
	return (priv_policy(cr, PRIV_SYS_CONFIG, B_FALSE, EPERM, NULL));
}

int
secpolicy_sys_devices(const cred_t *cr)
{
	return (priv_policy(cr, PRIV_SYS_DEVICES, B_FALSE, EPERM, NULL));
}

int
secpolicy_hwmanip(const cred_t *cr)
{
	return (priv_policy(cr, PRIV_ALL, B_FALSE, EPERM, NULL));
}

int
secpolicy_zone_admin(const cred_t *cr, boolean_t checkonly)
{
	return (priv_policy(cr, PRIV_ALL, B_FALSE, EPERM, NULL));
}

int
secpolicy_zone_config(const cred_t *cr)
{
	return (priv_policy(cr, PRIV_ALL, B_FALSE, EPERM, NULL));
}

int
secpolicy_proc_owner(const cred_t *cr, const cred_t *target, int mode)
{
	return (priv_policy(cr, PRIV_PROC_OWNER, B_FALSE, EPERM, NULL));
}

int
drv_priv(cred_t *cr)
{
	return (secpolicy_sys_devices(cr));
}

/*
 * Zones.
 */
void
zone_hold(zone_t *zone)
{
	mutex_enter(&zone->zone_lock);
	zone->zone_ref++;
	mutex_exit(&zone->zone_lock);
}

void
zone_rele(zone_t *zone)
{
	mutex_enter(&zone->zone_lock);
	if (zone->zone_ref == 0)
		panic("zone_rele: zone %s has no reference", zone->zone_name);
	if (--zone->zone_ref == 1)
		cv_broadcast(&zone->zone_cv);
	mutex_exit(&zone->zone_lock);
}

zone_status_t
zone_status_get(zone_t *zone)
{
	return (FK_LOAD(&zone->zone_status));
}

zoneid_t
getzoneid(void)
{
	return (curzone->zone_id);
}

static zone_t *
fk_zone_find(zoneid_t id, const char *name)
{
	zone_t *zone;

	mutex_enter(&fk_zones_lock);
	for (zone = list_head(&fk_zones); zone != NULL;
	    zone = list_next(&fk_zones, zone)) {
		if (zone->zone_status <= ZONE_IS_SHUTTING_DOWN &&
		    (name == NULL ? zone->zone_id == id :
		    strcmp(zone->zone_name, name) == 0)) {
			zone_hold(zone);
			break;
		}
	}
	mutex_exit(&fk_zones_lock);
	return (zone);
}

zone_t *
zone_find_by_id(zoneid_t id)
{
	return (fk_zone_find(id, NULL));
}

zone_t *
zone_find_by_name(char *name)
{
	return (fk_zone_find(0, name));
}

/* The zone after this one (NULL: the first), held; the hold of this is kept. */
static zone_t *
fk_zone_next(zone_t *zone)
{
	mutex_enter(&fk_zones_lock);
	zone = zone == NULL ? list_head(&fk_zones) :
	    list_next(&fk_zones, zone);
	if (zone != NULL)
		zone_hold(zone);
	mutex_exit(&fk_zones_lock);
	return (zone);
}

int
zone_walk(int (*func)(zone_t *, void *), void *arg)
{
	zone_t *zone = NULL, *next;
	int ret = 0;

	while (ret == 0 && (next = fk_zone_next(zone)) != NULL) {
		if (zone != NULL)
			zone_rele(zone);
		zone = next;
		ret = func(zone, arg);
	}
	if (zone != NULL)
		zone_rele(zone);
	return (ret);
}

/*
 * Zone-specific data.
 */
static fk_zsd_t *
fk_zsd_find(zone_t *zone, zone_key_t key)
{
	fk_zsd_t *zd;

	ASSERT(MUTEX_HELD(&zone->zone_lock));
	for (zd = list_head(&zone->zone_zsd); zd != NULL;
	    zd = list_next(&zone->zone_zsd, zd)) {
		if (zd->zd_key.zk_key == key)
			break;
	}
	return (zd);
}

static void
fk_zsd_add(zone_t *zone, const fk_zsd_key_t *zk)
{
	fk_zsd_t *zd = kmem_zalloc(sizeof (*zd), KM_SLEEP);

	zd->zd_key = *zk;
	mutex_enter(&zone->zone_lock);
	list_insert_tail(&zone->zone_zsd, zd);
	mutex_exit(&zone->zone_lock);
}

/*
 * One step for one zone and key, once.  The entry stays while a callback runs,
 * since whoever removes it has gone through here before.
 */
static void
fk_zsd_step(zone_t *zone, zone_key_t key, fk_zsd_step_t step)
{
	fk_zsd_t *zd;
	const fk_zsd_key_t *zk;

	mutex_enter(&zone->zone_lock);
	while ((zd = fk_zsd_find(zone, key)) != NULL && zd->zd_busy)
		cv_wait(&zone->zone_cv, &zone->zone_lock);
	if (zd == NULL || (zd->zd_done & (1 << step)) != 0) {
		mutex_exit(&zone->zone_lock);
		return;
	}
	zd->zd_busy = true;
	mutex_exit(&zone->zone_lock);

	zk = &zd->zd_key;
	if (step == ZSD_CREATE && zk->zk_create != NULL)
		zd->zd_data = zk->zk_create(zone->zone_id);
	else if (step == ZSD_SHUTDOWN && zk->zk_shutdown != NULL)
		zk->zk_shutdown(zone->zone_id, zd->zd_data);
	else if (step == ZSD_DESTROY && zk->zk_destroy != NULL)
		zk->zk_destroy(zone->zone_id, zd->zd_data);

	mutex_enter(&zone->zone_lock);
	zd->zd_busy = false;
	zd->zd_done |= 1 << step;
	if (step == ZSD_DESTROY)
		zd->zd_data = NULL;
	cv_broadcast(&zone->zone_cv);
	mutex_exit(&zone->zone_lock);
}

static void
fk_zsd_remove(zone_t *zone, zone_key_t key)
{
	fk_zsd_t *zd;

	mutex_enter(&zone->zone_lock);
	zd = fk_zsd_find(zone, key);
	if (zd != NULL)
		list_remove(&zone->zone_zsd, zd);
	mutex_exit(&zone->zone_lock);
	if (zd != NULL)
		kmem_free(zd, sizeof (*zd));
}

/* One step of every key of the zone. */
static void
fk_zsd_zone(zone_t *zone, fk_zsd_step_t step)
{
	zone_key_t key = 0;
	fk_zsd_t *zd;

	for (;;) {
		mutex_enter(&zone->zone_lock);
		for (zd = list_head(&zone->zone_zsd); zd != NULL;
		    zd = list_next(&zone->zone_zsd, zd)) {
			if (zd->zd_key.zk_key > key)
				break;
		}
		if (zd != NULL)
			key = zd->zd_key.zk_key;
		mutex_exit(&zone->zone_lock);
		if (zd == NULL)
			break;
		fk_zsd_step(zone, key, step);
	}
}

/* One step of the key in every zone. */
static int
fk_zsd_walk_create(zone_t *zone, void *arg)
{
	fk_zsd_step(zone, *(zone_key_t *)arg, ZSD_CREATE);
	return (0);
}

static int
fk_zsd_walk_shutdown(zone_t *zone, void *arg)
{
	fk_zsd_step(zone, *(zone_key_t *)arg, ZSD_SHUTDOWN);
	return (0);
}

static int
fk_zsd_walk_destroy(zone_t *zone, void *arg)
{
	fk_zsd_step(zone, *(zone_key_t *)arg, ZSD_DESTROY);
	fk_zsd_remove(zone, *(zone_key_t *)arg);
	return (0);
}

void
zone_key_create(zone_key_t *keyp, void *(*create)(zoneid_t),
    void (*shutdown)(zoneid_t, void *), void (*destroy)(zoneid_t, void *))
{
	fk_zsd_key_t *zk;
	zone_t *zone;

	fk_maysleep("zone_key_create");
	zk = kmem_zalloc(sizeof (*zk), KM_SLEEP);
	zk->zk_create = create;
	zk->zk_shutdown = shutdown;
	zk->zk_destroy = destroy;
	mutex_enter(&fk_zones_lock);
	zk->zk_key = ++fk_zsd_lastkey;
	/* Callbacks may look the key up. */
	*keyp = zk->zk_key;
	list_insert_tail(&fk_zsd_keys, zk);
	for (zone = list_head(&fk_zones); zone != NULL;
	    zone = list_next(&fk_zones, zone)) {
		if (zone->zone_status <= ZONE_IS_RUNNING)
			fk_zsd_add(zone, zk);
	}
	mutex_exit(&fk_zones_lock);
	(void) zone_walk(fk_zsd_walk_create, keyp);
}

int
zone_key_delete(zone_key_t key)
{
	fk_zsd_key_t *zk;

	fk_maysleep("zone_key_delete");
	mutex_enter(&fk_zones_lock);
	for (zk = list_head(&fk_zsd_keys); zk != NULL && zk->zk_key != key;
	    zk = list_next(&fk_zsd_keys, zk))
		;
	if (zk != NULL)
		list_remove(&fk_zsd_keys, zk);
	mutex_exit(&fk_zones_lock);
	if (zk == NULL)
		return (-1);
	(void) zone_walk(fk_zsd_walk_shutdown, &key);
	(void) zone_walk(fk_zsd_walk_destroy, &key);
	kmem_free(zk, sizeof (*zk));
	return (0);
}

void *
zone_getspecific(zone_key_t key, zone_t *zone)
{
	fk_zsd_t *zd;
	void *data;

	mutex_enter(&zone->zone_lock);
	zd = fk_zsd_find(zone, key);
	data = zd == NULL ? NULL : zd->zd_data;
	mutex_exit(&zone->zone_lock);
	return (data);
}

int
zone_setspecific(zone_key_t key, zone_t *zone, const void *data)
{
	fk_zsd_t *zd;

	mutex_enter(&zone->zone_lock);
	zd = fk_zsd_find(zone, key);
	if (zd != NULL)
		zd->zd_data = __DECONST(void *, data);
	mutex_exit(&zone->zone_lock);
	return (zd == NULL ? -1 : 0);
}

/*
 * Making and destroying zones.
 */
static void
fk_zone_setup(zone_t *zone, const char *name, zoneid_t id)
{
	(void) strlcpy(zone->zone_namebuf, name, sizeof (zone->zone_namebuf));
	zone->zone_name = zone->zone_namebuf;
	zone->zone_id = id;
	zone->zone_ref = 1;
	mutex_init(&zone->zone_lock, NULL, MUTEX_DEFAULT, NULL);
	cv_init(&zone->zone_cv, NULL, CV_DEFAULT, NULL);
	list_create(&zone->zone_zsd, sizeof (fk_zsd_t),
	    offsetof(fk_zsd_t, zd_node));
}

static void
fk_zone_teardown(zone_t *zone)
{
	list_destroy(&zone->zone_zsd);
	cv_destroy(&zone->zone_cv);
	mutex_destroy(&zone->zone_lock);
}

zone_t *
fk_zone_create(const char *name)
{
	zone_t *zone = fkh_alloc(sizeof (*zone));
	fk_zsd_key_t *zk;

	fk_maysleep("fk_zone_create");
	bzero(zone, sizeof (*zone));
	mutex_enter(&fk_zones_lock);
	fk_zone_setup(zone, name, ++fk_lastzone);
	zone->zone_status = ZONE_IS_INITIALIZED;
	for (zk = list_head(&fk_zsd_keys); zk != NULL;
	    zk = list_next(&fk_zsd_keys, zk))
		fk_zsd_add(zone, zk);
	list_insert_tail(&fk_zones, zone);
	mutex_exit(&fk_zones_lock);
	zone->zone_kcred = fk_cred_create(0, 0, zone, B_TRUE);
	fk_zsd_zone(zone, ZSD_CREATE);
	FK_STORE(&zone->zone_status, ZONE_IS_RUNNING);
	return (zone);
}

void
fk_zone_shutdown(zone_t *zone)
{
	fk_maysleep("fk_zone_shutdown");
	FK_STORE(&zone->zone_status, ZONE_IS_SHUTTING_DOWN);
	FK_STORE(&zone->zone_status, ZONE_IS_EMPTY);
	fk_zsd_zone(zone, ZSD_SHUTDOWN);
	FK_STORE(&zone->zone_status, ZONE_IS_DOWN);
}

void
fk_zone_destroy(zone_t *zone)
{
	fk_zsd_t *zd;

	fk_maysleep("fk_zone_destroy");
	if (zone_status_get(zone) != ZONE_IS_DOWN)
		panic("fk_zone_destroy: zone %s is not down", zone->zone_name);
	FK_STORE(&zone->zone_status, ZONE_IS_DYING);
	fk_zsd_zone(zone, ZSD_DESTROY);
	crfree(zone->zone_kcred);
	mutex_enter(&zone->zone_lock);
	while (zone->zone_ref > 1)
		cv_wait(&zone->zone_cv, &zone->zone_lock);
	mutex_exit(&zone->zone_lock);
	mutex_enter(&fk_zones_lock);
	list_remove(&fk_zones, zone);
	mutex_exit(&fk_zones_lock);
	while ((zd = list_remove_head(&zone->zone_zsd)) != NULL)
		kmem_free(zd, sizeof (*zd));
	fk_zone_teardown(zone);
	fkh_free(zone);
}

void
fk_zone_init(void)
{
	mutex_init(&fk_zones_lock, NULL, MUTEX_DEFAULT, NULL);
	list_create(&fk_zones, sizeof (zone_t), offsetof(zone_t,
	    zone_linkage));
	list_create(&fk_zsd_keys, sizeof (fk_zsd_key_t),
	    offsetof(fk_zsd_key_t, zk_node));
	fk_lastzone = GLOBAL_ZONEID;
	fk_zone_setup(&zone0, GLOBAL_ZONENAME, GLOBAL_ZONEID);
	zone0.zone_status = ZONE_IS_RUNNING;
	zone0.zone_kcred = kcred;
	list_insert_tail(&fk_zones, &zone0);
}

void
fk_zone_fini(void)
{
	zone_t *zone;

	zone = list_remove_head(&fk_zones);
	VERIFY(zone == &zone0);
	if (!list_is_empty(&fk_zones)) {
		zone = list_head(&fk_zones);
		panic("shutdown: zone %s exists", zone->zone_name);
	}
	if (!list_is_empty(&fk_zsd_keys))
		panic("shutdown: a zone key was not deleted");
	if (zone0.zone_ref != 1)
		panic("shutdown: %u references to the global zone leaked",
		    zone0.zone_ref - 1);
	fk_zone_teardown(&zone0);
	list_destroy(&fk_zsd_keys);
	list_destroy(&fk_zones);
	mutex_destroy(&fk_zones_lock);
}
