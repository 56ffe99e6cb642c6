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

#ifndef _SYS_POLICY_H
#define	_SYS_POLICY_H

/*
 * Who may do what: 0, or the errno (EPERM, EACCES) for the caller.  Each asks
 * for one privilege of <sys/priv_names.h>.  Any context.
 */

#include <sys/types.h>
#include <sys/cred.h>
#include <sys/priv.h>

typedef uint16_t in_port_t;

extern boolean_t priv_policy_only(const cred_t *, int, boolean_t);
extern int priv_policy(const cred_t *, int, boolean_t, int, const char *);

#define	PRIV_POLICY(cred, priv, all, err, reason)	\
	priv_policy((cred), (priv), (all), (err), (reason))
#define	PRIV_POLICY_ONLY(cred, priv, all)		\
	priv_policy_only((cred), (priv), (all))

/* PRIV_NET_PRIVADDR: EACCES; the port is not looked at. */
extern int secpolicy_net_privaddr(const cred_t *, in_port_t, int);
/* PRIV_NET_ACCESS: EACCES. */
extern int secpolicy_basic_net_access(const cred_t *);
/* PRIV_SYS_NET_CONFIG, or PRIV_SYS_CONFIG when only checking. */
extern int secpolicy_net_config(const cred_t *, boolean_t);
extern int secpolicy_ip_config(const cred_t *, boolean_t);
extern int secpolicy_dl_config(const cred_t *);
extern int secpolicy_net(const cred_t *, int, boolean_t);
extern int secpolicy_net_rawaccess(const cred_t *);
extern int secpolicy_net_observability(const cred_t *);
extern int secpolicy_sys_config(const cred_t *, boolean_t);
extern int secpolicy_sys_devices(const cred_t *);
/* Every privilege: EPERM. */
extern int secpolicy_hwmanip(const cred_t *);
extern int secpolicy_zone_admin(const cred_t *, boolean_t);
extern int secpolicy_zone_config(const cred_t *);
extern int secpolicy_proc_owner(const cred_t *, const cred_t *, int);

#endif	/* _SYS_POLICY_H */
