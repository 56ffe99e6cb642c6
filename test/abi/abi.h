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

#ifndef _ABI_H
#define	_ABI_H

/*
 * What illumos is, as the modules take it to be.  The tables in this folder
 * are compiled against the headers of the fake kernel (make check-build) and
 * against those of a gate (make illumos): what compiles with both is the same
 * in both.  test/abi/complete finds what a module uses and no table has.
 *
 *	CONST		a constant, and its value
 *	STRING		a constant that is a string
 *	SIGNED		an integer type, and its size in bytes
 *	UNSIGNED
 *	SIZE		any type, likewise
 *	MEMBER		a structure's member, its offset and its size
 *	OPAQUE		a type that is its kernel's own business inside
 *	MACRO		a macro, or what may be one, not constant: its type
 *	FUNC		a function: what it returns, its name, what it takes
 *	VAR		a variable, of a type
 */

#ifdef	__cplusplus
extern "C" {
#endif

#define	CONST(name, value)	\
	_Static_assert((name) == (value), #name " is not " #value)

#define	STRING(name, value)	\
	_Static_assert(__builtin_strcmp(name, value) == 0, "" #name \
	    " is not " #value)

#define	SIZE(type, size)	\
	_Static_assert(sizeof (type) == (size), "" #type \
	    " is not of " #size " bytes")

#define	SIGNED(type, size)	\
	SIZE(type, size); \
	_Static_assert((type)-1 < (type)1, #type " is not signed")

#define	UNSIGNED(type, size)	\
	SIZE(type, size); \
	_Static_assert((type)-1 >= (type)1, #type " is not unsigned")

#define	MEMBER(type, name, offset, size)	\
	_Static_assert(__builtin_offsetof(type, name) == (offset), "" #type \
	    "." #name " is not at " #offset); \
	_Static_assert(sizeof (((type *)0)->name) == (size), "" #type \
	    "." #name " is not of " #size " bytes")

#define	OPAQUE(type)		SIZE(type *, 8)

#define	MACRO(type, expr)	\
	_Static_assert( \
	    __builtin_types_compatible_p(__typeof__(expr), type), "" #expr \
	    " is not of type " #type)

/*
 * It must have been declared; and a second declaration, which we make, must not
 * contradict the first.
 */
#define	FUNC(type, name, args)	\
	SIZE(&(name), 8); \
	/* CSTYLED */ \
	extern type (name)args

#define	VAR(type, name)		\
	SIZE(&(name), 8); \
	extern type name

/* Old functions that take anything, and nobody says what. */
#pragma GCC diagnostic ignored "-Wstrict-prototypes"

/* The values in the tables are not of the types of the constants. */
#pragma GCC diagnostic ignored "-Wsign-compare"

#ifdef	__cplusplus
}
#endif

#endif	/* _ABI_H */
