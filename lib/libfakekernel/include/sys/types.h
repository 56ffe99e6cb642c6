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

#ifndef _SYS_TYPES_H
#define	_SYS_TYPES_H

/*
 * The types of the illumos kernel, LP64.  The fixed-width integers come from
 * the compiler's own <stdint.h>, the only kind of foreign header that kernel
 * code gets to see.
 */

#include <stdint.h>
#include <stddef.h>

#define	_LP64			1
#define	_LITTLE_ENDIAN		1
#define	_BIT_FIELDS_LTOH	1

typedef enum { B_FALSE = 0, B_TRUE = 1 } boolean_t;

typedef unsigned char	uchar_t;
typedef unsigned short	ushort_t;
typedef unsigned int	uint_t;
typedef unsigned long	ulong_t;
typedef long long	longlong_t;
typedef unsigned long long u_longlong_t;

typedef char		*caddr_t;
typedef long		ssize_t;
typedef long		off_t;
typedef long		off64_t;
typedef longlong_t	offset_t;
typedef u_longlong_t	u_offset_t;
typedef u_longlong_t	len_t;
typedef u_longlong_t	diskaddr_t;
typedef long		daddr_t;
typedef ulong_t		pgcnt_t;
typedef ulong_t		pfn_t;
typedef uint64_t	paddr_t;
typedef long		time_t;
typedef long		clock_t;
typedef long		suseconds_t;
typedef int		clockid_t;
typedef longlong_t	hrtime_t;
typedef int		id_t;
typedef id_t		zoneid_t;
typedef id_t		projid_t;
typedef id_t		taskid_t;
typedef id_t		poolid_t;
typedef int		pid_t;
typedef uint_t		uid_t;
typedef uint_t		gid_t;
typedef uint_t		mode_t;
typedef uint_t		nlink_t;
typedef ulong_t		ino_t;
typedef ulong_t		dev_t;
typedef uint_t		major_t;
typedef uint_t		minor_t;
typedef uint_t		useconds_t;
typedef uint32_t	socklen_t;
typedef short		pri_t;
typedef short		index_t;
typedef ushort_t	o_mode_t;
typedef int		processorid_t;
typedef int		psetid_t;
typedef uint64_t	kt_did_t;
typedef void		*timeout_id_t;
typedef uint64_t	callout_id_t;
typedef uint_t		model_t;
typedef ulong_t		nfds_t;

typedef struct cred	cred_t;
typedef struct vnode	vnode_t;
typedef struct proc	proc_t;
typedef struct _kthread	kthread_t;
typedef struct _klwp	klwp_t;
typedef struct zone	zone_t;
typedef struct file	file_t;
typedef struct queue	queue_t;

#define	P_MYID		(-1)

#include <sys/time_impl.h>

#endif	/* _SYS_TYPES_H */
