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

#ifndef _SYS_UIO_H
#define	_SYS_UIO_H

/*
 * Descriptions of a transfer to or from scattered memory.
 *
 * uiomove(9F) of user memory: EFAULT for an address below 4096 or one that a
 * test has declared bad, after everything before it was moved; may sleep, so
 * not in interrupt context.
 */

#include <sys/types.h>

typedef struct iovec {
	caddr_t	iov_base;
	size_t	iov_len;
} iovec_t;

typedef enum uio_rw { UIO_READ, UIO_WRITE } uio_rw_t;
typedef enum uio_seg { UIO_USERSPACE, UIO_SYSSPACE, UIO_USERISPACE } uio_seg_t;

typedef union {
	longlong_t	_f;
} lloff_t;

typedef struct uio {
	iovec_t		*uio_iov;
	int		uio_iovcnt;
	lloff_t		_uio_offset;
	uio_seg_t	uio_segflg;
	uint16_t	uio_fmode;
	uint16_t	uio_extflg;
	lloff_t		_uio_limit;
	ssize_t		uio_resid;
} uio_t;

#define	uio_loffset	_uio_offset._f
#define	uio_offset	_uio_offset._f
#define	uio_llimit	_uio_limit._f

#define	UIO_COPY_DEFAULT	0x0000
#define	UIO_COPY_CACHED		0x0001
#define	UIO_ASYNC		0x0002
#define	UIO_XUIO		0x0004

extern int uiomove(void *, size_t, enum uio_rw, uio_t *);
/* The same without advancing the uio; *cbytes is what was moved. */
extern int uiocopy(void *, size_t, enum uio_rw, uio_t *, size_t *);
extern void uioskip(uio_t *, size_t);
extern int uiodup(uio_t *, uio_t *, iovec_t *, int);
extern int ureadc(int, uio_t *);
extern int uwritec(uio_t *);

#endif	/* _SYS_UIO_H */
