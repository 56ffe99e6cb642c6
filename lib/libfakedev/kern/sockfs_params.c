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
 * Which module serves which socket, and the modules.
 *
 * sockparams are the lines of /etc/sock2path.d: (family, type, protocol) ->
 * name of a module, loaded when the first socket asks for it.  Each entry that
 * has sockets holds the module; when the last socket of the last entry is
 * gone, the thread that released it tries to unload the module on the spot.
 */

#include <sys/modctl.h>
#include "sockfs_impl.h"

#define	SOCKFS_MAXCONF	32

static krwlock_t sockfs_conf_lock;
static sockparams_t sockfs_conf[SOCKFS_MAXCONF];
static kmutex_t sockfs_smod_lock;
static list_t sockfs_smods;		/* sockfs_smod_t */
static uint32_t sockfs_state;		/* 0, 1: being initialised, 2 */

/* The kernel has unloaded the modules and stops. */
static void
sockfs_fini(void)
{
	int i;

	for (i = 0; i < SOCKFS_MAXCONF; i++) {
		if (sockfs_conf[i].sp_used)
			mutex_destroy(&sockfs_conf[i].sp_lock);
	}
	bzero(sockfs_conf, sizeof (sockfs_conf));
	list_destroy(&sockfs_smods);
	mutex_destroy(&sockfs_smod_lock);
	rw_destroy(&sockfs_conf_lock);
	(void) atomic_swap_32(&sockfs_state, 0);
}

/*
 * The first that has to do with sockfs brings it up: a module that installs
 * itself, or a line of sock2path.
 */
static void
sockfs_init(void)
{
	if (atomic_cas_32(&sockfs_state, 0, 1) == 0) {
		fk_at_shutdown(sockfs_fini);
		rw_init(&sockfs_conf_lock, NULL, RW_DEFAULT, NULL);
		mutex_init(&sockfs_smod_lock, NULL, MUTEX_DEFAULT, NULL);
		list_create(&sockfs_smods, sizeof (sockfs_smod_t),
		    offsetof(sockfs_smod_t, sm_node));
		(void) atomic_swap_32(&sockfs_state, 2);
	}
	while (atomic_cas_32(&sockfs_state, 2, 2) != 2)
		;
}

static sockfs_smod_t *
sockfs_smod_find(const char *name)
{
	sockfs_smod_t *sm;

	ASSERT(MUTEX_HELD(&sockfs_smod_lock));
	for (sm = list_head(&sockfs_smods); sm != NULL;
	    sm = list_next(&sockfs_smods, sm)) {
		if (strcmp(sm->sm_name, name) == 0)
			break;
	}
	return (sm);
}

/* Finds the module, loading it if need be, and holds it.  NULL: no such. */
static sockfs_smod_t *
sockfs_smod_hold(const char *name)
{
	sockfs_smod_t *sm;

	for (;;) {
		mutex_enter(&sockfs_smod_lock);
		if ((sm = sockfs_smod_find(name)) != NULL)
			sm->sm_refs++;
		mutex_exit(&sockfs_smod_lock);
		if (sm != NULL)
			return (sm);
		if (modload(SOCKMOD_PATH, name) == -1) {
			cmn_err(CE_CONT, "modload of %s/%s failed\n",
			    SOCKMOD_PATH, name);
			return (NULL);
		}
	}
}

/* B_TRUE: that was the last hold, and the module could be unloaded. */
static boolean_t
sockfs_smod_rele(sockfs_smod_t *sm, char *name)
{
	boolean_t last;

	mutex_enter(&sockfs_smod_lock);
	VERIFY3U(sm->sm_refs, >, 0);
	last = (--sm->sm_refs == 0);
	mutex_exit(&sockfs_smod_lock);
	return (last && mod_remove_by_name(name) == 0);
}

static sockparams_t *
sockfs_sp_find(int family, int type, int protocol)
{
	sockparams_t *sp;
	int i;

	ASSERT(RW_LOCK_HELD(&sockfs_conf_lock));
	for (i = 0; i < SOCKFS_MAXCONF; i++) {
		sp = &sockfs_conf[i];
		if (sp->sp_used && sp->sp_family == family &&
		    sp->sp_type == type && sp->sp_protocol == protocol)
			return (sp);
	}
	return (NULL);
}

/* Why there is no entry. */
static int
sockfs_sp_errno(int family, int protocol)
{
	int i, error = EAFNOSUPPORT;

	ASSERT(RW_LOCK_HELD(&sockfs_conf_lock));
	for (i = 0; i < SOCKFS_MAXCONF; i++) {
		if (!sockfs_conf[i].sp_used ||
		    sockfs_conf[i].sp_family != family)
			continue;
		if (sockfs_conf[i].sp_protocol == protocol)
			return (EPROTOTYPE);
		error = EPROTONOSUPPORT;
	}
	return (error);
}

void
sockfs_sp_hold(sockparams_t *sp)
{
	mutex_enter(&sp->sp_lock);
	sp->sp_refs++;
	mutex_exit(&sp->sp_lock);
}

/* B_TRUE: the module has been unloaded. */
boolean_t
sockfs_sp_rele(sockparams_t *sp)
{
	sockfs_smod_t *sm = NULL;
	char name[MODMAXNAMELEN];

	mutex_enter(&sp->sp_lock);
	VERIFY3U(sp->sp_refs, >, 0);
	if (--sp->sp_refs == 0) {
		sm = sp->sp_smod;
		sp->sp_smod = NULL;
		(void) strlcpy(name, sp->sp_modname, sizeof (name));
	}
	mutex_exit(&sp->sp_lock);
	return (sm != NULL && sockfs_smod_rele(sm, name));
}

/*
 * The entry for exactly that triple, held, and with its module loaded.
 * EAFNOSUPPORT, EPROTONOSUPPORT, EPROTOTYPE; ENXIO: the module does not load.
 */
int
sockfs_lookup(int family, int type, int protocol, sockparams_t **spp)
{
	sockparams_t *sp;
	sockfs_smod_t *sm;
	boolean_t loaded;
	int error;

	*spp = NULL;
	sockfs_init();
	rw_enter(&sockfs_conf_lock, RW_READER);
	if ((sp = sockfs_sp_find(family, type, protocol)) == NULL) {
		error = sockfs_sp_errno(family, protocol);
		rw_exit(&sockfs_conf_lock);
		return (error);
	}
	sockfs_sp_hold(sp);
	rw_exit(&sockfs_conf_lock);

	mutex_enter(&sp->sp_lock);
	loaded = (sp->sp_smod != NULL);
	mutex_exit(&sp->sp_lock);
	if (!loaded) {
		if ((sm = sockfs_smod_hold(sp->sp_modname)) == NULL) {
			(void) sockfs_sp_rele(sp);
			return (ENXIO);
		}
		/* Somebody else may have done the same meanwhile. */
		mutex_enter(&sp->sp_lock);
		if (sp->sp_smod == NULL) {
			sp->sp_smod = sm;
			sm = NULL;
		}
		mutex_exit(&sp->sp_lock);
		if (sm != NULL)
			(void) sockfs_smod_rele(sm, sp->sp_modname);
	}
	*spp = sp;
	return (0);
}

/* ENAMETOOLONG, EEXIST; ENOSPC: the table is of a fixed size. */
int
fsk_sockconfig(int family, int type, int protocol, const char *module)
{
	sockparams_t *sp;
	int i;

	if (strlen(module) >= sizeof (sp->sp_modname))
		return (ENAMETOOLONG);
	sockfs_init();
	rw_enter(&sockfs_conf_lock, RW_WRITER);
	if (sockfs_sp_find(family, type, protocol) != NULL) {
		rw_exit(&sockfs_conf_lock);
		return (EEXIST);
	}
	for (i = 0; i < SOCKFS_MAXCONF && sockfs_conf[i].sp_used; i++)
		;
	if (i == SOCKFS_MAXCONF) {
		rw_exit(&sockfs_conf_lock);
		return (ENOSPC);
	}
	sp = &sockfs_conf[i];
	sp->sp_used = B_TRUE;
	sp->sp_family = family;
	sp->sp_type = type;
	sp->sp_protocol = protocol;
	(void) strlcpy(sp->sp_modname, module, sizeof (sp->sp_modname));
	mutex_init(&sp->sp_lock, NULL, MUTEX_DEFAULT, NULL);
	rw_exit(&sockfs_conf_lock);
	return (0);
}

/* ENXIO: no such line; EBUSY: it has sockets. */
int
fsk_sockunconfig(int family, int type, int protocol)
{
	sockparams_t *sp;
	int error = 0;

	sockfs_init();
	rw_enter(&sockfs_conf_lock, RW_WRITER);
	if ((sp = sockfs_sp_find(family, type, protocol)) == NULL) {
		error = ENXIO;
	} else {
		mutex_enter(&sp->sp_lock);
		if (sp->sp_refs != 0)
			error = EBUSY;
		mutex_exit(&sp->sp_lock);
	}
	if (error == 0) {
		mutex_destroy(&sp->sp_lock);
		bzero(sp, sizeof (*sp));
	}
	rw_exit(&sockfs_conf_lock);
	return (error);
}

/*
 * A socket has died: with checks on, keep what is left of it for as long as its
 * module can remember it.
 */
void
sockfs_bury(sonode_t *so)
{
	sockfs_smod_t *sm = so->so_sp->sp_smod;
	sonode_t *old = NULL;

	so->so_magic = SONODE_DEAD;
	if (!fk_checks) {
		kmem_free(so, sizeof (*so));
		return;
	}
	mutex_enter(&sm->sm_lock);
	list_insert_tail(&sm->sm_dead, so);
	if (sm->sm_ndead == SOCKFS_MAXDEAD)
		old = list_remove_head(&sm->sm_dead);
	else
		sm->sm_ndead++;
	mutex_exit(&sm->sm_lock);
	if (old != NULL)
		kmem_free(old, sizeof (*old));
}

/*
 * The module linkage: what mod_install() and mod_remove() call for a
 * modlsockmod.
 */
static int
sockfs_mod_install(struct modlsockmod *ml, struct modlinkage *mlp)
{
	const smod_reg_t *reg = ml->sockmod_reg_info;
	const char *name = mod_getctl(mlp)->mod_modname;
	sockfs_smod_t *sm;

	sockfs_init();
	if (strcmp(name, reg->smod_name) != 0) {
		cmn_err(CE_CONT, "socket module %s calls itself %s\n", name,
		    reg->smod_name);
		return (EINVAL);
	}
	if (reg->smod_version != SOCKMOD_VERSION ||
	    reg->smod_dc_version != SOCK_DC_VERSION ||
	    reg->smod_uc_version != SOCK_UC_VERSION) {
		cmn_err(CE_WARN, "socket module %s: version mismatch", name);
		return (EINVAL);
	}
	if (reg->smod_proto_create_func == NULL || reg->__smod_priv != NULL)
		return (EINVAL);

	sm = kmem_zalloc(sizeof (*sm), KM_SLEEP);
	sm->sm_name = reg->smod_name;
	sm->sm_create = reg->smod_proto_create_func;
	mutex_init(&sm->sm_lock, NULL, MUTEX_DEFAULT, NULL);
	list_create(&sm->sm_dead, sizeof (sonode_t),
	    offsetof(sonode_t, so_node));
	mutex_enter(&sockfs_smod_lock);
	VERIFY3P(sockfs_smod_find(name), ==, NULL);
	list_insert_tail(&sockfs_smods, sm);
	mutex_exit(&sockfs_smod_lock);
	return (0);
}

static int
sockfs_mod_remove(struct modlsockmod *ml, struct modlinkage *mlp)
{
	sockfs_smod_t *sm;
	sonode_t *so;

	mutex_enter(&sockfs_smod_lock);
	sm = sockfs_smod_find(ml->sockmod_reg_info->smod_name);
	if (sm == NULL || sm->sm_refs != 0) {
		mutex_exit(&sockfs_smod_lock);
		return (sm == NULL ? ENXIO : EBUSY);
	}
	list_remove(&sockfs_smods, sm);
	mutex_exit(&sockfs_smod_lock);

	while ((so = list_remove_head(&sm->sm_dead)) != NULL)
		kmem_free(so, sizeof (*so));
	list_destroy(&sm->sm_dead);
	mutex_destroy(&sm->sm_lock);
	kmem_free(sm, sizeof (*sm));
	return (0);
}

static int
sockfs_mod_info(struct modlsockmod *ml, struct modlinkage *mlp, int *p0)
{
	*p0 = -1;
	return (0);
}

struct mod_ops mod_sockmodops = {
	.modm_install =	sockfs_mod_install,
	.modm_remove =	sockfs_mod_remove,
	.modm_info =	sockfs_mod_info
};
