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

#ifndef _SYS_IOCCOM_H
#define	_SYS_IOCCOM_H

/*
 * How ioctl commands are made: direction, size, group and number.
 */

#include <sys/types.h>

#define	IOCPARM_MASK	0xff
#define	IOC_VOID	0x20000000
#define	IOC_OUT		0x40000000
#define	IOC_IN		0x80000000
#define	IOC_INOUT	(IOC_IN | IOC_OUT)

#define	__FK_IOC(dir, x, y, n)	\
	((int)((uint32_t)((dir) | (((n) & IOCPARM_MASK) << 16) | \
	((x) << 8) | (y))))

#define	_IO(x, y)		(IOC_VOID | ((x) << 8) | (y))
#define	_IOR(x, y, t)		__FK_IOC(IOC_OUT, x, y, sizeof (t))
#define	_IORN(x, y, n)		__FK_IOC(IOC_OUT, x, y, n)
#define	_IOW(x, y, t)		__FK_IOC(IOC_IN, x, y, sizeof (t))
#define	_IOWN(x, y, n)		__FK_IOC(IOC_IN, x, y, n)
#define	_IOWR(x, y, t)		__FK_IOC(IOC_INOUT, x, y, sizeof (t))
#define	_IOWRN(x, y, n)		__FK_IOC(IOC_INOUT, x, y, n)

#endif	/* _SYS_IOCCOM_H */
