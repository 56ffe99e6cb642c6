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
 * The ktest module that the gate gets (illumos/files, vsock_test.c), on the
 * fake kernel: each of its tests must pass.
 */

#include <sys/cmn_err.h>
#include <sys/debug.h>
#include <sys/systm.h>
#include <sys/socket.h>
#include <net/vsock.h>
#include "gate/sys/ktest.h"
#include "hv_guest.h"

#define	GATE_TESTS	32

/* The runner's names, of which the other header has some for itself. */
#include "ktest.h"

struct ktest_ctx {
	uint_t	kc_passed;
	uint_t	kc_failed;
};

FK_MODULE_DECL(vsock_test);

static const char *const gate_depends[] = { "vsock", NULL };

static const fk_module_t gate_modules[] = {
	{
		.fm_name	= "vsock_test",
		.fm_init	= vsock_test_init,
		.fm_fini	= vsock_test_fini,
		.fm_info	= vsock_test_info,
		.fm_depends	= gate_depends
	},
	{ .fm_name = NULL }
};
KTEST_MODULES(gate_modules);

static struct {
	const char *name;
	ktest_fn_t func;
} gate_tests[GATE_TESTS];
static uint_t gate_ntests;
static boolean_t gate_registered;

int
ktest_create_module(const char *name, ktest_module_hdl_t **kmp)
{
	*kmp = NULL;
	return (0);
}

int
ktest_add_suite(ktest_module_hdl_t *km, const char *name,
    ktest_suite_hdl_t **ksp)
{
	*ksp = NULL;
	return (0);
}

int
ktest_add_test(ktest_suite_hdl_t *ks, const char *name, ktest_fn_t func,
    int flags)
{
	VERIFY3U(gate_ntests, <, GATE_TESTS);
	gate_tests[gate_ntests].name = name;
	gate_tests[gate_ntests++].func = func;
	return (0);
}

int
ktest_register_module(ktest_module_hdl_t *km)
{
	gate_registered = B_TRUE;
	return (0);
}

void
ktest_unregister_module(const char *name)
{
	gate_registered = B_FALSE;
}

void
ktest_free_module(ktest_module_hdl_t *km)
{
}

void
ktest_result_pass(ktest_ctx_hdl_t *kc, int line)
{
	kc->kc_passed++;
}

void
ktest_result_fail(ktest_ctx_hdl_t *kc, int line, const char *what, uint64_t l,
    uint64_t r)
{
	kc->kc_failed++;
	cmn_err(CE_NOTE, "vsock_test.c:%d: %s (0x%llx, 0x%llx)", line, what,
	    (unsigned long long)l, (unsigned long long)r);
}

KTEST(gate_ktest)
{
	hv_begin();
	VERIFY0(fk_modload("vsock_test"));
	VERIFY(gate_registered);
	VERIFY3U(gate_ntests, >, 0);
	for (uint_t i = 0; i < gate_ntests; i++) {
		struct ktest_ctx kc = { 0, 0 };

		gate_tests[i].func(&kc);
		if (kc.kc_passed != 1 || kc.kc_failed != 0)
			kt_fail(__FILE__, __LINE__, "%s", gate_tests[i].name);
		hv_settle();
	}
	VERIFY0(fk_modunload("vsock_test"));
	VERIFY(!gate_registered);
	hv_end();
}
