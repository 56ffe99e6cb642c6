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

#ifndef _SYS_VNODE_H
#define	_SYS_VNODE_H

/*
 * Vnodes, reduced to what a socket or a device file needs: a type, a reference
 * count, private data and a handful of operations.  An operation that is NULL
 * gives ENOSYS.
 */

#include <sys/types.h>
#include <sys/mutex.h>
#include <sys/cred.h>
#include <sys/uio.h>
#include <sys/poll.h>
#include <sys/debug.h>

typedef enum vtype {
	VNON = 0,
	VREG = 1,
	VDIR = 2,
	VBLK = 3,
	VCHR = 4,
	VLNK = 5,
	VFIFO = 6,
	VDOOR = 7,
	VPROC = 8,
	VSOCK = 9,
	VPORT = 10,
	VBAD = 11
} vtype_t;

typedef struct caller_context caller_context_t;

typedef struct vnodeops {
	const char	*vnop_name;
	int	(*vop_open)(vnode_t **, int, cred_t *, caller_context_t *);
	int	(*vop_close)(vnode_t *, int, int, offset_t, cred_t *,
		    caller_context_t *);
	int	(*vop_read)(vnode_t *, uio_t *, int, cred_t *,
		    caller_context_t *);
	int	(*vop_write)(vnode_t *, uio_t *, int, cred_t *,
		    caller_context_t *);
	int	(*vop_ioctl)(vnode_t *, int, intptr_t, int, cred_t *, int *,
		    caller_context_t *);
	int	(*vop_poll)(vnode_t *, short, int, short *,
		    struct pollhead **, caller_context_t *);
	/* The last reference is gone, and v_count is still 1. */
	void	(*vop_inactive)(vnode_t *, cred_t *, caller_context_t *);
} vnodeops_t;

struct vnode {
	kmutex_t	v_lock;
	uint_t		v_flag;
	uint_t		v_count;	/* under v_lock */
	void		*v_data;
	const vnodeops_t *v_op;
	enum vtype	v_type;
	dev_t		v_rdev;
};

extern int fop_open(vnode_t **, int, cred_t *, caller_context_t *);
extern int fop_close(vnode_t *, int, int, offset_t, cred_t *,
    caller_context_t *);
extern int fop_read(vnode_t *, uio_t *, int, cred_t *, caller_context_t *);
extern int fop_write(vnode_t *, uio_t *, int, cred_t *, caller_context_t *);
extern int fop_ioctl(vnode_t *, int, intptr_t, int, cred_t *, int *,
    caller_context_t *);
extern int fop_poll(vnode_t *, short, int, short *, struct pollhead **,
    caller_context_t *);
extern void fop_inactive(vnode_t *, cred_t *, caller_context_t *);

#define	VOP_OPEN(vpp, mode, cr, ct)		fop_open(vpp, mode, cr, ct)
#define	VOP_CLOSE(vp, f, c, o, cr, ct)		fop_close(vp, f, c, o, cr, ct)
#define	VOP_READ(vp, uio, iof, cr, ct)		fop_read(vp, uio, iof, cr, ct)
#define	VOP_WRITE(vp, uio, iof, cr, ct)		fop_write(vp, uio, iof, cr, ct)
#define	VOP_IOCTL(vp, cmd, a, f, cr, rvp, ct)	\
	fop_ioctl(vp, cmd, a, f, cr, rvp, ct)
#define	VOP_POLL(vp, events, anyyet, reventsp, phpp, ct)	\
	fop_poll(vp, events, anyyet, reventsp, phpp, ct)
#define	VOP_INACTIVE(vp, cr, ct)		fop_inactive(vp, cr, ct)

/* One reference; v_op, v_data and v_type are for the caller to set. */
extern vnode_t *vn_alloc(int);
extern void vn_reinit(vnode_t *);
extern void vn_free(vnode_t *);
extern void vn_rele(vnode_t *);
extern void fk_vn_hold(vnode_t *);
extern void vn_setops(vnode_t *, vnodeops_t *);

#define	VN_HOLD(vp)	fk_vn_hold(vp)
#define	VN_RELE(vp)	vn_rele(vp)

#endif	/* _SYS_VNODE_H */
