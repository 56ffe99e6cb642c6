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

#ifndef _SYS_PRIV_NAMES_H
#define	_SYS_PRIV_NAMES_H

/*
 * The numbers of the privileges that the fake kernel knows.  In the real kernel
 * they are generated, and no number has a meaning outside it.
 */

typedef enum priv {
	PRIV_FILE_DAC_READ,
	PRIV_FILE_DAC_WRITE,
	PRIV_NET_ACCESS,
	PRIV_NET_BINDMLP,
	PRIV_NET_ICMPACCESS,
	PRIV_NET_MAC_AWARE,
	PRIV_NET_OBSERVABILITY,
	PRIV_NET_PRIVADDR,
	PRIV_NET_RAWACCESS,
	PRIV_PROC_FORK,
	PRIV_PROC_OWNER,
	PRIV_PROC_ZONE,
	PRIV_SYS_CONFIG,
	PRIV_SYS_DEVICES,
	PRIV_SYS_DL_CONFIG,
	PRIV_SYS_IP_CONFIG,
	PRIV_SYS_NET_CONFIG,
	PRIV_SYS_PPP_CONFIG,
	PRIV_SYS_RES_CONFIG,
	PRIV_FK_COUNT
} priv_t;

#endif	/* _SYS_PRIV_NAMES_H */
