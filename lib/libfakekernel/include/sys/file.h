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

#ifndef _SYS_FILE_H
#define	_SYS_FILE_H

/*
 * Open files.
 */

#include <sys/types.h>
#include <sys/mutex.h>
#include <sys/cred.h>
#include <sys/model.h>

struct file {
	kmutex_t	f_tlock;
	ushort_t	f_flag;
	ushort_t	f_flag2;
	struct vnode	*f_vnode;
	offset_t	f_offset;
	struct cred	*f_cred;
	int		f_count;
};

#define	FOPEN		0xffffffff
#define	FREAD		0x01
#define	FWRITE		0x02
#define	FNDELAY		0x04
#define	FAPPEND		0x08
#define	FNONBLOCK	0x80
#define	FEXCL		0x0400
#define	FASYNC		0x1000
#define	FNOCTTY		0x0800
#define	FMODELS		DATAMODEL_MASK
#define	FILP32		DATAMODEL_ILP32
#define	FLP64		DATAMODEL_LP64
#define	FNATIVE		DATAMODEL_NATIVE
#define	FKIOCTL		0x80000000
#define	FKLYR		0x40000000

/* The open file, held, or NULL. */
extern file_t *getf(int);
extern void releasef(int);

#endif	/* _SYS_FILE_H */
