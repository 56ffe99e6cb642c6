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

#ifndef _STUB_CONFIG_H
#define	_STUB_CONFIG_H

#include <stdbool.h>

typedef struct nvlist nvlist_t;

/* The value of "pci.B.S.F.<name>", NULL if there is none. */
extern const char *get_config_value_node(const nvlist_t *, const char *name);
extern bool get_config_bool_default(const char *path, bool);

#endif	/* _STUB_CONFIG_H */
