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

#ifndef _SYS_FK_USDT_H
#define	_SYS_FK_USDT_H

/*
 * USDT probes for Linux tracers.
 *
 * A probe is one nop and an ELF note (section .note.stapsdt, owner "stapsdt",
 * type 3) that gives its address, the address of the section .stapsdt.base (so
 * that a tracer can correct for prelinking), the address of a semaphore (none:
 * 0), and three strings: provider, name, and where the arguments are ("size@
 * operand", in assembler syntax; a negative size is a signed value).  All
 * arguments are passed as 64-bit values.
 *
 * The assembler spells the name: the .irpc goes through its characters and
 * turns two underscores into a dash.
 */

#define	FK_USDT_NOTE(name, args, ...)					\
	__asm__ __volatile__(						\
	    "990:	nop\n"						\
	    "	.pushsection .note.stapsdt, \"\", @note\n"		\
	    "	.balign 4\n"						\
	    "	.4byte 992f-991f, 994f-993f, 3\n"			\
	    "991:	.asciz \"stapsdt\"\n"				\
	    "992:	.balign 4\n"					\
	    "993:	.8byte 990b, _.stapsdt.base, 0\n"		\
	    "	.asciz \"sdt\"\n"					\
	    "	.set .Lfk_us, 0\n"					\
	    "	.irpc c, " #name "\n"					\
	    "	.ifc \\c, _\n"						\
	    "	.if .Lfk_us\n"						\
	    "	.ascii \"-\"\n"						\
	    "	.set .Lfk_us, 0\n"					\
	    "	.else\n"						\
	    "	.set .Lfk_us, 1\n"					\
	    "	.endif\n"						\
	    "	.else\n"						\
	    "	.if .Lfk_us\n"						\
	    "	.ascii \"_\"\n"						\
	    "	.set .Lfk_us, 0\n"					\
	    "	.endif\n"						\
	    "	.ascii \"\\c\"\n"					\
	    "	.endif\n"						\
	    "	.endr\n"						\
	    "	.byte 0\n"						\
	    "	.asciz \"" args "\"\n"					\
	    "994:	.balign 4\n"					\
	    "	.popsection\n"						\
	    "	.ifndef _.stapsdt.base\n"				\
	    "	.pushsection .stapsdt.base, \"aG\", @progbits, "	\
	    ".stapsdt.base, comdat\n"					\
	    "	.weak _.stapsdt.base\n"					\
	    "	.hidden _.stapsdt.base\n"				\
	    "_.stapsdt.base:	.space 1\n"				\
	    "	.size _.stapsdt.base, 1\n"				\
	    "	.popsection\n"						\
	    "	.endif\n"						\
	    : : __VA_ARGS__)

#define	FK_USDT_ARG(n, a)	[fka##n] "nor" ((long)(a))

#define	FK_USDT0(name)							\
	FK_USDT_NOTE(name, "", "i" (0))
#define	FK_USDT1(name, a1)						\
	FK_USDT_NOTE(name, "8@%[fka1]", FK_USDT_ARG(1, a1))
#define	FK_USDT2(name, a1, a2)						\
	FK_USDT_NOTE(name, "8@%[fka1] 8@%[fka2]",			\
	    FK_USDT_ARG(1, a1), FK_USDT_ARG(2, a2))
#define	FK_USDT3(name, a1, a2, a3)					\
	FK_USDT_NOTE(name, "8@%[fka1] 8@%[fka2] 8@%[fka3]",		\
	    FK_USDT_ARG(1, a1), FK_USDT_ARG(2, a2), FK_USDT_ARG(3, a3))
#define	FK_USDT4(name, a1, a2, a3, a4)					\
	FK_USDT_NOTE(name, "8@%[fka1] 8@%[fka2] 8@%[fka3] 8@%[fka4]",	\
	    FK_USDT_ARG(1, a1), FK_USDT_ARG(2, a2), FK_USDT_ARG(3, a3),	\
	    FK_USDT_ARG(4, a4))
#define	FK_USDT5(name, a1, a2, a3, a4, a5)				\
	FK_USDT_NOTE(name, "8@%[fka1] 8@%[fka2] 8@%[fka3] 8@%[fka4] "	\
	    "8@%[fka5]",						\
	    FK_USDT_ARG(1, a1), FK_USDT_ARG(2, a2), FK_USDT_ARG(3, a3),	\
	    FK_USDT_ARG(4, a4), FK_USDT_ARG(5, a5))
#define	FK_USDT6(name, a1, a2, a3, a4, a5, a6)				\
	FK_USDT_NOTE(name, "8@%[fka1] 8@%[fka2] 8@%[fka3] 8@%[fka4] "	\
	    "8@%[fka5] 8@%[fka6]",					\
	    FK_USDT_ARG(1, a1), FK_USDT_ARG(2, a2), FK_USDT_ARG(3, a3),	\
	    FK_USDT_ARG(4, a4), FK_USDT_ARG(5, a5), FK_USDT_ARG(6, a6))
#define	FK_USDT7(name, a1, a2, a3, a4, a5, a6, a7)			\
	FK_USDT_NOTE(name, "8@%[fka1] 8@%[fka2] 8@%[fka3] 8@%[fka4] "	\
	    "8@%[fka5] 8@%[fka6] 8@%[fka7]",				\
	    FK_USDT_ARG(1, a1), FK_USDT_ARG(2, a2), FK_USDT_ARG(3, a3),	\
	    FK_USDT_ARG(4, a4), FK_USDT_ARG(5, a5), FK_USDT_ARG(6, a6),	\
	    FK_USDT_ARG(7, a7))
#define	FK_USDT8(name, a1, a2, a3, a4, a5, a6, a7, a8)			\
	FK_USDT_NOTE(name, "8@%[fka1] 8@%[fka2] 8@%[fka3] 8@%[fka4] "	\
	    "8@%[fka5] 8@%[fka6] 8@%[fka7] 8@%[fka8]",			\
	    FK_USDT_ARG(1, a1), FK_USDT_ARG(2, a2), FK_USDT_ARG(3, a3),	\
	    FK_USDT_ARG(4, a4), FK_USDT_ARG(5, a5), FK_USDT_ARG(6, a6),	\
	    FK_USDT_ARG(7, a7), FK_USDT_ARG(8, a8))

#endif	/* _SYS_FK_USDT_H */
