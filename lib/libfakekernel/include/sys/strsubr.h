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

#ifndef _SYS_STRSUBR_H
#define	_SYS_STRSUBR_H

/*
 * The parts of the STREAMS framework that code without queues uses.
 */

#include <sys/types.h>
#include <sys/stream.h>
#include <sys/vnode.h>
#include <sys/kstat.h>
#include <sys/proc.h>

#define	STR_NOSIG	0x10
#define	STR_NOERROR	0x20

extern mblk_t *allocb_cred(size_t, cred_t *, pid_t);
extern mblk_t *allocb_tmpl(size_t, const mblk_t *);
/* Sleeps; *errorp is set to EINTR and NULL returned if interrupted. */
extern mblk_t *allocb_wait(size_t, uint_t, uint_t, int *);
extern mblk_t *allocb_cred_wait(size_t, uint_t, int *, cred_t *, pid_t);
extern mblk_t *esballoca(uchar_t *, size_t, uint_t, frtn_t *);
extern mblk_t *desballoca(uchar_t *, size_t, uint_t, frtn_t *);
extern void freemsgchain(mblk_t *);
extern mblk_t *copymsgchain(mblk_t *);
extern size_t xmsgsize(mblk_t *);
extern cred_t *msg_getcred(const mblk_t *, pid_t *);
extern void mblk_setcred(mblk_t *, cred_t *, pid_t);

#endif	/* _SYS_STRSUBR_H */
