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

#ifndef _SYS_MODCTL_H
#define	_SYS_MODCTL_H

/*
 * Loadable modules.  A linkage's mod_ops say what installing it means: those of
 * drivers and miscellaneous modules are here, a framework (sockfs) brings its
 * own.  They are called with the linkage structure and its modlinkage: 0 or an
 * errno.
 */

#include <sys/types.h>
#include <sys/devops.h>

#define	MODREV_1		1
#define	MODMAXNAMELEN		32
#define	MODMAXLINKINFOLEN	32
#define	MODMAXLINK		10

struct modlinkage;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
struct mod_ops {
	int	(*modm_install)();
	int	(*modm_remove)();
	int	(*modm_info)();
};
#pragma GCC diagnostic pop

struct modldrv {
	struct mod_ops	*drv_modops;
	char		*drv_linkinfo;
	struct dev_ops	*drv_dev_ops;
};

struct modlmisc {
	struct mod_ops	*misc_modops;
	char		*misc_linkinfo;
};

struct smod_reg_s;

struct modlsockmod {
	struct mod_ops		*sockmod_modops;
	char			*sockmod_linkinfo;
	struct smod_reg_s	*sockmod_reg_info;
};

struct modlinkage {
	int	ml_rev;
	void	*ml_linkage[7];
};

struct modspecific_info {
	char	msi_linkinfo[MODMAXLINKINFOLEN];
	int	msi_p0;
};

struct modinfo {
	int		mi_info;
	int		mi_state;
	int		mi_id;
	int		mi_nextid;
	caddr_t		mi_base;
	size_t		mi_size;
	int		mi_rev;
	int		mi_loadcnt;
	char		mi_name[MODMAXNAMELEN];
	struct modspecific_info mi_msinfo[MODMAXLINK];
};

/* A module that has been loaded, or is being so. */
struct modctl {
	const struct fk_module	*mod_fm;
	struct modctl		*mod_next;
	char			*mod_modname;
	struct modlinkage	*mod_linkage;
	int			mod_id;
	int			mod_loadcnt;
	uint_t			mod_ref;	/* holds, under mod_lock */
	_Bool			mod_installed;
	_Bool			mod_busy;	/* loading or unloading */
};

typedef struct modctl modctl_t;
typedef int modid_t;

extern struct mod_ops mod_driverops;
extern struct mod_ops mod_miscops;
/* Of the socket framework. */
extern struct mod_ops mod_sockmodops;

extern int _init(void);
extern int _fini(void);
extern int _info(struct modinfo *);

/* From a module's _init, _fini and _info. */
extern int mod_install(struct modlinkage *);
extern int mod_remove(struct modlinkage *);
extern int mod_info(struct modlinkage *, struct modinfo *);

/* The module whose linkage this is; NULL. */
extern struct modctl *mod_getctl(struct modlinkage *);
/* Loads "subdir", "name": its id, or -1. */
extern int modload(const char *, const char *);
extern modctl_t *mod_hold_by_name(const char *);
extern void mod_release_mod(modctl_t *);
/* What the unloading of a module is: 0, ENOENT, EBUSY or _fini's errno. */
extern int mod_remove_by_name(char *);

#endif	/* _SYS_MODCTL_H */
