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

#ifndef _SYS_CRED_H
#define	_SYS_CRED_H

/*
 * Credentials.  They carry user, group, zone and privileges; crdup() gives one
 * that can be changed, and <sys/fk.h> has the calls that change it.
 */

#include <sys/types.h>

struct proc;
struct zone;

extern struct cred *kcred;

extern struct cred *fk_curcred(void);
#define	CRED()		(fk_curcred())

extern void crhold(cred_t *);
extern void crfree(cred_t *);
/* A copy with one reference. */
extern cred_t *crdup(cred_t *);
extern cred_t *crget(void);
/* That of the current process, held. */
extern cred_t *crgetcred(void);
extern cred_t *zone_kcred(void);

extern uid_t crgetuid(const cred_t *);
extern uid_t crgetruid(const cred_t *);
extern uid_t crgetsuid(const cred_t *);
extern gid_t crgetgid(const cred_t *);
extern gid_t crgetrgid(const cred_t *);
extern gid_t crgetsgid(const cred_t *);
extern zoneid_t crgetzoneid(const cred_t *);
extern projid_t crgetprojid(const cred_t *);
extern uint_t crgetref(const cred_t *);
extern struct zone *crgetzone(const cred_t *);
extern void crsetzone(cred_t *, struct zone *);
extern int crsetugid(cred_t *, uid_t, gid_t);
extern int crcmp(const cred_t *, const cred_t *);

#endif	/* _SYS_CRED_H */
