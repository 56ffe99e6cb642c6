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

#ifndef _SYS_SOCKETVAR_H
#define	_SYS_SOCKETVAR_H

/*
 * What a socket module needs of sockfs beside the calls: how to register, and
 * the bits of a socket's mode.  The state bits are here for their numbers; the
 * socket itself is private to sockfs.
 */

#include <sys/types.h>
#include <sys/stream.h>
#include <sys/cred.h>
#include <sys/vnode.h>
#include <sys/file.h>
#include <sys/param.h>
#include <sys/zone.h>
#include <sys/modctl.h>
#include <sys/socket.h>
#include <sys/socket_proto.h>

#ifdef	__cplusplus
extern "C" {
#endif

struct sonode;

/* State */
#define	SS_ISCONNECTED		0x00000001
#define	SS_ISCONNECTING		0x00000002
#define	SS_ISDISCONNECTING	0x00000004
#define	SS_CANTSENDMORE		0x00000008
#define	SS_CANTRCVMORE		0x00000010
#define	SS_ISBOUND		0x00000020
#define	SS_NDELAY		0x00000040
#define	SS_NONBLOCK		0x00000080
#define	SS_ASYNC		0x00000100
#define	SS_ACCEPTCONN		0x00000200
#define	SS_SAVEDEOR		0x00000800
#define	SS_CLOSING		0x00010000
#define	SS_SENTLASTREADSIG	0x01000000
#define	SS_SENTLASTWRITESIG	0x02000000

/* Mode: what kind of socket it is; the module says so when it makes one. */
#define	SM_PRIV			0x001
#define	SM_ATOMIC		0x002	/* messages, not a stream of bytes */
#define	SM_ADDR			0x004
#define	SM_CONNREQUIRED		0x008	/* no transfer before a connection */
#define	SM_FDPASSING		0x010
#define	SM_EXDATA		0x020	/* has out-of-band data */
#define	SM_OPTDATA		0x040
#define	SM_BYTESTREAM		0x080	/* no MSG_EOR on write(2) */
#define	SM_ACCEPTOR_ID		0x100
#define	SM_KERNEL		0x200
#define	SM_ACCEPTSUPP		0x400
#define	SM_SENDFILESUPP		0x800

/* Versions of the socket interface: which one the program uses. */
#define	SOV_STREAM	0
#define	SOV_DEFAULT	1
#define	SOV_SOCKSTREAM	2
#define	SOV_SOCKBSD	3
#define	SOV_XPG4_2	4

/* Longest address or option that is copied in, bytes. */
#define	SO_MAXARGSIZE	8192

#define	SOCKMOD_VERSION_1	1
#define	SOCKMOD_VERSION		2

#define	SOCKMOD_PATH	"socketmod"

typedef struct __smod_priv_s __smod_priv_t;

typedef struct smod_reg_s {
	int			smod_version;	/* SOCKMOD_VERSION */
	char			*smod_name;	/* that of the module */
	size_t			smod_uc_version;	/* SOCK_UC_VERSION */
	size_t			smod_dc_version;	/* SOCK_DC_VERSION */
	so_proto_create_func_t	smod_proto_create_func;
	__smod_priv_t		*__smod_priv;	/* NULL */
} smod_reg_t;

#ifdef	__cplusplus
}
#endif

#endif	/* _SYS_SOCKETVAR_H */
