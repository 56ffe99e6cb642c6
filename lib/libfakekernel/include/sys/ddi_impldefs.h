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

#ifndef _SYS_DDI_IMPLDEFS_H
#define	_SYS_DDI_IMPLDEFS_H

/*
 * The insides of dev_info_t, for the fake kernel and for the buses of
 * libfakedev.
 */

#include <sys/types.h>
#include <sys/dditypes.h>
#include <sys/devops.h>
#include <sys/list.h>

struct fk_driver;

typedef struct fk_prop {
	list_node_t	fp_node;
	char		*fp_name;
	void		*fp_value;
	size_t		fp_len;
	int		fp_type;
} fk_prop_t;

struct dev_info {
	list_node_t	devi_node;
	char		devi_name[32];	/* of the node */
	int		devi_instance;
	dev_info_t	*devi_parent;
	struct fk_driver *devi_driver;
	void		*devi_driver_data;
	void		*devi_parent_data; /* of the bus */
	list_t		devi_minors;
	list_t		devi_props;
	_Bool		devi_attached;
	_Bool		devi_busy;	/* is being attached or detached */
	uint_t		devi_holds;	/* opens */
};

#define	DEVI(dip)	(dip)

#endif	/* _SYS_DDI_IMPLDEFS_H */
