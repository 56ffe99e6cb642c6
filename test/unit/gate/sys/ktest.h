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

#ifndef _SYS_KTEST_H
#define	_SYS_KTEST_H

/*
 * ktest(9) as far as a module of the gate needs it; gate_ktest.c runs the
 * tests.
 */

#include <sys/types.h>

typedef struct ktest_ctx ktest_ctx_hdl_t;
typedef struct ktest_module ktest_module_hdl_t;
typedef struct ktest_suite ktest_suite_hdl_t;
typedef void (*ktest_fn_t)(ktest_ctx_hdl_t *);

#define	KTEST_FLAG_NONE	0

extern int ktest_create_module(const char *, ktest_module_hdl_t **);
extern int ktest_add_suite(ktest_module_hdl_t *, const char *,
    ktest_suite_hdl_t **);
extern int ktest_add_test(ktest_suite_hdl_t *, const char *, ktest_fn_t, int);
extern int ktest_register_module(ktest_module_hdl_t *);
extern void ktest_unregister_module(const char *);
extern void ktest_free_module(ktest_module_hdl_t *);
extern void ktest_result_pass(ktest_ctx_hdl_t *, int line);
extern void ktest_result_fail(ktest_ctx_hdl_t *, int line, const char *,
    uint64_t, uint64_t);

#define	KT_PASS(ctx)	ktest_result_pass((ctx), __LINE__)

#define	KT_CMPG(l, op, r, type, ctx, label)				\
	do {								\
		type __l = (type)(l), __r = (type)(r);			\
		if (!(__l op __r)) {					\
			ktest_result_fail((ctx), __LINE__,		\
			    "" #l " " #op " " #r, (uint64_t)__l,	\
			    (uint64_t)__r);				\
			goto label;					\
		}							\
	} while (0)

#define	KT_ASSERTG(e, ctx, label)					\
	KT_CMPG((e), ==, B_TRUE, boolean_t, ctx, label)
#define	KT_ASSERT0G(e, ctx, label)	KT_CMPG(e, ==, 0, uint64_t, ctx, label)
#define	KT_ASSERT3SG(l, op, r, ctx, label)				\
	KT_CMPG(l, op, r, int64_t, ctx, label)
#define	KT_ASSERT3UG(l, op, r, ctx, label)				\
	KT_CMPG(l, op, r, uint64_t, ctx, label)
#define	KT_EASSERT0G(e, ctx, label)	KT_ASSERT0G(e, ctx, label)

#endif	/* _SYS_KTEST_H */
