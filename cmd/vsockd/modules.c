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
 * The modules of this tree, as fk_boot() wants them: for vsockd and for the
 * unit tests.
 */

#include <fakekernel.h>
#include "modules.h"

FK_MODULE_DECL(vsock);
FK_MODULE_DECL(vsockhv);
FK_MODULE_DECL(viosock);

static const char *const vsock_depends[] = { "vsock", NULL };

const fk_module_t vsock_modules[] = {
	{
		.fm_name	= "vsock",
		.fm_init	= vsock_init,
		.fm_fini	= vsock_fini,
		.fm_info	= vsock_info,
		.fm_pseudo	= true
	},
	{
		.fm_name	= "vsockhv",
		.fm_init	= vsockhv_init,
		.fm_fini	= vsockhv_fini,
		.fm_info	= vsockhv_info,
		.fm_depends	= vsock_depends,
		.fm_pseudo	= true
	},
	{
		.fm_name	= "viosock",
		.fm_init	= viosock_init,
		.fm_fini	= viosock_fini,
		.fm_info	= viosock_info,
		.fm_depends	= vsock_depends
	},
	{ .fm_name = NULL }
};
