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

#ifndef _SYS_CMN_ERR_H
#define	_SYS_CMN_ERR_H

/*
 * Messages and panic.  cmn_err(9F) writes to the host's standard error; a
 * panic writes its message, the stacks it knows of and aborts the process.
 *
 * Some of these have the name of a libc function but another type, so they get
 * a linker symbol of their own.
 */

#include <sys/types.h>
#include <sys/va_list.h>
#include <sys/dditypes.h>

#define	CE_CONT		0
#define	CE_NOTE		1
#define	CE_WARN		2
#define	CE_PANIC	3
#define	CE_IGNORE	4

#define	__FK_FORMAT(f, a)	__attribute__((__format__(__printf__, f, a)))

extern void cmn_err(int, const char *, ...) __FK_FORMAT(2, 3);
extern void vcmn_err(int, const char *, __va_list) __FK_FORMAT(2, 0);
extern void zcmn_err(zoneid_t, int, const char *, ...) __FK_FORMAT(3, 4);
extern void vzcmn_err(zoneid_t, int, const char *, __va_list)
    __FK_FORMAT(3, 0);
extern void dev_err(dev_info_t *, int, char *, ...) __FK_FORMAT(3, 4);
extern void vdev_err(dev_info_t *, int, const char *, __va_list)
    __FK_FORMAT(3, 0);

extern _Noreturn void panic(const char *, ...) __FK_FORMAT(1, 2);
extern _Noreturn void vpanic(const char *, __va_list) __FK_FORMAT(1, 0);

extern void printf(const char *, ...) __asm__("fk_printf")
    __FK_FORMAT(1, 2);
extern size_t snprintf(char *, size_t, const char *, ...)
    __asm__("fk_snprintf") __FK_FORMAT(3, 4);
extern size_t vsnprintf(char *, size_t, const char *, __va_list)
    __asm__("fk_vsnprintf") __FK_FORMAT(3, 0);
extern char *sprintf(char *, const char *, ...)
    __asm__("fk_sprintf") __FK_FORMAT(2, 3);
extern char *vsprintf(char *, const char *, __va_list)
    __asm__("fk_vsprintf") __FK_FORMAT(2, 0);

/* Set once a panic has begun. */
extern char *panicstr;

#endif	/* _SYS_CMN_ERR_H */
