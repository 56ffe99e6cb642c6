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

#ifndef _SYS_ZONE_H
#define	_SYS_ZONE_H

/*
 * Zones, and zone-specific data.
 *
 * The create callback of a key runs for every zone that exists when the key is
 * created and, for each key, when a zone is made; shutdown, then destroy, when
 * the zone goes or the key is deleted.  Callbacks may sleep; no lock of the
 * zone code is held.  <sys/fk.h> makes and destroys zones.
 */

#include <sys/types.h>
#include <sys/ksynch.h>
#include <sys/list.h>
#include <sys/cred.h>
#include <sys/proc.h>

#define	MAX_ZONEID	9999
#define	MIN_ZONEID	0
#define	GLOBAL_ZONEID	0
#define	ALL_ZONES	(-1)
#define	ZONENAME_MAX	64
#define	GLOBAL_ZONENAME	"global"

typedef enum zone_status {
	ZONE_IS_UNINITIALIZED = 0,
	ZONE_IS_INITIALIZED,
	ZONE_IS_READY,
	ZONE_IS_BOOTING,
	ZONE_IS_RUNNING,
	ZONE_IS_SHUTTING_DOWN,
	ZONE_IS_EMPTY,
	ZONE_IS_DOWN,
	ZONE_IS_DYING,
	ZONE_IS_DEAD
} zone_status_t;

typedef uint_t zone_key_t;

#define	ZONE_KEY_UNINITIALIZED	0

struct zone {
	char		*zone_name;
	zoneid_t	zone_id;
	kmutex_t	zone_lock;
	uint_t		zone_ref;	/* under zone_lock */
	zone_status_t	zone_status;	/* under zonehash_lock */
	list_t		zone_zsd;	/* under zone_lock */
	kcondvar_t	zone_cv;
	struct cred	*zone_kcred;
	list_node_t	zone_linkage;
	char		zone_namebuf[ZONENAME_MAX];
};

extern zone_t zone0;
extern zone_t *global_zone;

#define	INGLOBALZONE(p)		((p)->p_zone == global_zone)
#define	HASZONEACCESS(p, id)	\
	((p)->p_zone->zone_id == (id) || INGLOBALZONE(p))

extern void zone_hold(zone_t *);
extern void zone_rele(zone_t *);
/* Held; NULL if there is none, or it is going. */
extern zone_t *zone_find_by_id(zoneid_t);
extern zone_t *zone_find_by_name(char *);
extern zoneid_t getzoneid(void);
extern zone_status_t zone_status_get(zone_t *);
/* Calls for each zone until one call returns nonzero; returns that. */
extern int zone_walk(int (*)(zone_t *, void *), void *);

extern void zone_key_create(zone_key_t *, void *(*)(zoneid_t),
    void (*)(zoneid_t, void *), void (*)(zoneid_t, void *));
/* 0, or -1 if there is no such key. */
extern int zone_key_delete(zone_key_t);
/* NULL if the zone has no data under the key. */
extern void *zone_getspecific(zone_key_t, zone_t *);
extern int zone_setspecific(zone_key_t, zone_t *, const void *);

#endif	/* _SYS_ZONE_H */
