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

#ifndef _SYS_STREAM_H
#define	_SYS_STREAM_H

/*
 * Messages.  An mblk_t points into the buffer of a dblk_t, which several may
 * share; b_cont chains the blocks of a message, b_next and b_prev messages.
 *
 * Allocation never sleeps, except allocb_wait() and allocb_tryhard(); it may
 * fail, and does so on purpose when the failure injector says so.
 */

#include <sys/types.h>
#include <sys/kmem.h>
#include <sys/uio.h>
#include <sys/cred.h>
#include <sys/poll.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
typedef struct free_rtn {
	void	(*free_func)();
	caddr_t	free_arg;
} frtn_t;
#pragma GCC diagnostic pop

typedef struct msgb {
	struct msgb	*b_next;
	struct msgb	*b_prev;
	struct msgb	*b_cont;
	unsigned char	*b_rptr;
	unsigned char	*b_wptr;
	struct datab	*b_datap;
	unsigned char	b_band;
	unsigned char	b_tag;
	unsigned short	b_flag;
	queue_t		*b_queue;
} mblk_t;

typedef struct datab {
	frtn_t		*db_frtnp;
	unsigned char	*db_base;
	unsigned char	*db_lim;
	unsigned char	db_ref;		/* atomic */
	unsigned char	db_type;
	unsigned char	db_flags;
	unsigned char	db_struioflag;
	pid_t		db_cpid;
	size_t		db_allocsize;	/* of structure and buffer */
	void		*db_pad[3];	/* illumos has its own way to free */
	intptr_t	db_cksumstart;
	intptr_t	db_cksumend;
	intptr_t	db_cksumstuff;
	union {
		double enforce_alignment;
		unsigned char data[8];
		struct {
			union {
				uint32_t u32;
				uint16_t u16;
			} cksum_val;
			uint16_t flags;
			uint16_t pad;
		} cksum;
	} db_struioun;
	void		*db_fthdr;
	cred_t		*db_credp;
} dblk_t;

#define	db_struiobase	db_struioun.data

#define	DBLK_REFMAX	255U

#define	MSGMARK		0x01
#define	MSGNOLOOP	0x02
#define	MSGDELIM	0x04
#define	MSGMARKNEXT	0x10
#define	MSGNOTMARKNEXT	0x20
#define	MSGWAITSYNC	0x40

#define	M_DATA		0x00
#define	M_PROTO		0x01
#define	M_BREAK		0x08
#define	M_PASSFP	0x09
#define	M_SIG		0x0b
#define	M_DELAY		0x0c
#define	M_CTL		0x0d
#define	M_IOCTL		0x0e
#define	M_SETOPTS	0x10
#define	M_IOCACK	0x81
#define	M_IOCNAK	0x82
#define	M_PCPROTO	0x83
#define	M_PCSIG		0x84
#define	M_READ		0x85
#define	M_FLUSH		0x86
#define	M_HANGUP	0x89
#define	M_ERROR		0x8a
#define	M_COPYIN	0x8b
#define	M_COPYOUT	0x8c
#define	M_IOCDATA	0x8d

#define	QPCTL		0x80
#define	INFPSZ		(-1)

#define	BPRI_LO		1
#define	BPRI_MED	2
#define	BPRI_HI		3

#define	datamsg(type)	\
	((type) == M_DATA || (type) == M_PROTO || (type) == M_PCPROTO || \
	(type) == M_DELAY)

/* The second argument is ignored. */
extern mblk_t *allocb(size_t, uint_t);
/* The last freeb() calls the function of frtn, in that thread. */
extern mblk_t *esballoc(uchar_t *, size_t, uint_t, frtn_t *);
extern mblk_t *desballoc(uchar_t *, size_t, uint_t, frtn_t *);
extern void freeb(mblk_t *);
extern void freemsg(mblk_t *);
extern mblk_t *dupb(mblk_t *);
extern mblk_t *dupmsg(mblk_t *);
extern mblk_t *dupmsg_noloan(mblk_t *);
extern mblk_t *copyb(mblk_t *);
extern mblk_t *copymsg(mblk_t *);
extern void linkb(mblk_t *, mblk_t *);
extern mblk_t *unlinkb(mblk_t *);
extern mblk_t *rmvb(mblk_t *, mblk_t *);
extern int pullupmsg(mblk_t *, ssize_t);
extern mblk_t *msgpullup(mblk_t *, ssize_t);
extern int adjmsg(mblk_t *, ssize_t);
extern size_t msgdsize(mblk_t *);
extern mblk_t *reallocb(mblk_t *, size_t, uint_t);

struct streamtab;

#endif	/* _SYS_STREAM_H */
