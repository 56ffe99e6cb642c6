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

#ifndef _KTEST_H
#define	_KTEST_H

/*
 * Unit tests of kernel code, on the fake kernel.
 *
 *	KTEST(name)
 *	{
 *		KT_EQ(foo(1), 2);
 *	}
 *
 * Each test runs in a process of its own, where a kernel has been booted with
 * all checks and virtual time, and is shut down (which panics about whatever
 * was left) when the test returns.  KTEST_REAL() is the same in real time.
 * KTEST_PANICS() must end in a panic whose output has the text in it.
 *
 * KTEST_MODULES() offers the modules of a table (that ends with an fm_name of
 * NULL) to the kernels of all tests.
 *
 * The runner (host/runner.c) includes this as well: plain C types only.
 */

#include <stdbool.h>
#include <fakekernel.h>

typedef struct ktest {
	struct ktest	*kt_next;
	const char	*kt_name;
	void		(*kt_func)(void);
	bool		kt_real;	/* real time */
	const char	*kt_panics;	/* NULL: it must not */
} ktest_t;

typedef struct ktest_modules {
	struct ktest_modules	*km_next;
	const fk_module_t	*km_table;
} ktest_modules_t;

extern void kt_register(ktest_t *);
extern void kt_register_modules(ktest_modules_t *);

#define	KT_DEFINE(name, real, panics)					\
	static void name(void);						\
	static ktest_t name##_ktest = {					\
		.kt_name = #name,					\
		.kt_func = name,					\
		.kt_real = real,					\
		.kt_panics = panics					\
	};								\
	__attribute__((__constructor__))				\
	static void							\
	name##_register(void)						\
	{								\
		kt_register(&name##_ktest);				\
	}								\
	static void							\
	name(void)

#define	KTEST(name)			KT_DEFINE(name, false, NULL)
#define	KTEST_REAL(name)		KT_DEFINE(name, true, NULL)
#define	KTEST_PANICS(name, text)	KT_DEFINE(name, false, text)

#define	KTEST_MODULES(table)						\
	static ktest_modules_t table##_ktest = { .km_table = table };	\
	__attribute__((__constructor__))				\
	static void							\
	table##_register(void)						\
	{								\
		kt_register_modules(&table##_ktest);			\
	}								\
	extern int table##_ktest_end

/* Ends the test: it has failed. */
extern _Noreturn void kt_fail(const char *file, int line, const char *fmt, ...)
    __attribute__((__format__(__printf__, 3, 4)));

#define	KT_ASSERT(e)							\
	((void)((e) || (kt_fail(__FILE__, __LINE__, "%s", #e), 0)))

#define	KT_CMP(a, op, b)	do {					\
	long long __kt_a = (long long)(a), __kt_b = (long long)(b);	\
	if (!(__kt_a op __kt_b))					\
		kt_fail(__FILE__, __LINE__, "%s: %lld and %lld",	\
		    "" #a " " #op " " #b, __kt_a, __kt_b);		\
} while (0)

#define	KT_EQ(a, b)		KT_CMP(a, ==, b)
#define	KT_NE(a, b)		KT_CMP(a, !=, b)
#define	KT_LT(a, b)		KT_CMP(a, <, b)
#define	KT_LE(a, b)		KT_CMP(a, <=, b)
#define	KT_GT(a, b)		KT_CMP(a, >, b)
#define	KT_GE(a, b)		KT_CMP(a, >=, b)
#define	KT_OK(e)		KT_CMP(e, ==, 0)

#define	KT_STREQ(a, b)	do {						\
	const char *__kt_a = (a), *__kt_b = (b);			\
	if (__builtin_strcmp(__kt_a, __kt_b) != 0)			\
		kt_fail(__FILE__, __LINE__, "%s: \"%s\", not \"%s\"", #a, \
		    __kt_a, __kt_b);					\
} while (0)

#define	KT_MEMEQ(a, b, n)						\
	((void)(__builtin_memcmp((a), (b), (n)) == 0 ||			\
	    (kt_fail(__FILE__, __LINE__, "%s and %s differ", #a, #b), 0)))

#endif	/* _KTEST_H */
