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

/*
 * sockfs: addresses, options, and the calls between it and a socket module.
 */

#include <sys/types.h>
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/socket.h>
#include <sys/socket_proto.h>
#include <sys/socketvar.h>
#include <sys/tihdr.h>
#include "abi.h"

/* Types */
UNSIGNED(socklen_t, 4);
UNSIGNED(sa_family_t, 2);
UNSIGNED(sock_connid_t, 8);
SIZE(sock_upper_handle_t, 8);
SIZE(sock_lower_handle_t, 8);
SIZE(sockaddr_maxalign_t, 8);

SIZE(struct sockaddr, 16);
MEMBER(struct sockaddr, sa_family, 0, 2);
MEMBER(struct sockaddr, sa_data, 2, 14);

SIZE(struct sockaddr_storage, 256);
MEMBER(struct sockaddr_storage, ss_family, 0, 2);
MEMBER(struct sockaddr_storage, _ss_pad1, 2, 6);
MEMBER(struct sockaddr_storage, _ss_align, 8, 8);
MEMBER(struct sockaddr_storage, _ss_pad2, 16, 240);

SIZE(struct linger, 8);
MEMBER(struct linger, l_onoff, 0, 4);
MEMBER(struct linger, l_linger, 4, 4);

SIZE(struct nmsghdr, 48);
MEMBER(struct nmsghdr, msg_name, 0, 8);
MEMBER(struct nmsghdr, msg_namelen, 8, 4);
MEMBER(struct nmsghdr, msg_iov, 16, 8);
MEMBER(struct nmsghdr, msg_iovlen, 24, 4);
MEMBER(struct nmsghdr, msg_control, 32, 8);
MEMBER(struct nmsghdr, msg_controllen, 40, 4);
MEMBER(struct nmsghdr, msg_flags, 44, 4);

SIZE(struct cmsghdr, 12);
MEMBER(struct cmsghdr, cmsg_len, 0, 4);
MEMBER(struct cmsghdr, cmsg_level, 4, 4);
MEMBER(struct cmsghdr, cmsg_type, 8, 4);

SIZE(struct so_snd_bufinfo, 32);
MEMBER(struct so_snd_bufinfo, sbi_wroff, 0, 2);
MEMBER(struct so_snd_bufinfo, sbi_maxblk, 8, 8);
MEMBER(struct so_snd_bufinfo, sbi_maxpsz, 16, 8);
MEMBER(struct so_snd_bufinfo, sbi_tail, 24, 2);

SIZE(struct sock_proto_props, 96);
MEMBER(struct sock_proto_props, sopp_flags, 0, 4);
MEMBER(struct sock_proto_props, sopp_wroff, 4, 2);
MEMBER(struct sock_proto_props, sopp_txhiwat, 8, 8);
MEMBER(struct sock_proto_props, sopp_txlowat, 16, 8);
MEMBER(struct sock_proto_props, sopp_rxhiwat, 24, 8);
MEMBER(struct sock_proto_props, sopp_rxlowat, 32, 8);
MEMBER(struct sock_proto_props, sopp_maxblk, 40, 8);
MEMBER(struct sock_proto_props, sopp_maxpsz, 48, 8);
MEMBER(struct sock_proto_props, sopp_minpsz, 56, 8);
MEMBER(struct sock_proto_props, sopp_tail, 64, 2);
MEMBER(struct sock_proto_props, sopp_zcopyflag, 68, 4);
MEMBER(struct sock_proto_props, sopp_oobinline, 72, 4);
MEMBER(struct sock_proto_props, sopp_rcvtimer, 76, 4);
MEMBER(struct sock_proto_props, sopp_rcvthresh, 80, 4);
MEMBER(struct sock_proto_props, sopp_maxaddrlen, 84, 4);
MEMBER(struct sock_proto_props, sopp_loopback, 88, 4);

SIZE(sock_downcalls_t, 136);
MEMBER(sock_downcalls_t, sd_activate, 0, 8);
MEMBER(sock_downcalls_t, sd_accept, 8, 8);
MEMBER(sock_downcalls_t, sd_bind, 16, 8);
MEMBER(sock_downcalls_t, sd_listen, 24, 8);
MEMBER(sock_downcalls_t, sd_connect, 32, 8);
MEMBER(sock_downcalls_t, sd_getpeername, 40, 8);
MEMBER(sock_downcalls_t, sd_getsockname, 48, 8);
MEMBER(sock_downcalls_t, sd_getsockopt, 56, 8);
MEMBER(sock_downcalls_t, sd_setsockopt, 64, 8);
MEMBER(sock_downcalls_t, sd_send, 72, 8);
MEMBER(sock_downcalls_t, sd_send_uio, 80, 8);
MEMBER(sock_downcalls_t, sd_recv_uio, 88, 8);
MEMBER(sock_downcalls_t, sd_poll, 96, 8);
MEMBER(sock_downcalls_t, sd_shutdown, 104, 8);
MEMBER(sock_downcalls_t, sd_clr_flowctrl, 112, 8);
MEMBER(sock_downcalls_t, sd_ioctl, 120, 8);
MEMBER(sock_downcalls_t, sd_close, 128, 8);

SIZE(sock_upcalls_t, 96);
MEMBER(sock_upcalls_t, su_newconn, 0, 8);
MEMBER(sock_upcalls_t, su_connected, 8, 8);
MEMBER(sock_upcalls_t, su_disconnected, 16, 8);
MEMBER(sock_upcalls_t, su_opctl, 24, 8);
MEMBER(sock_upcalls_t, su_recv, 32, 8);
MEMBER(sock_upcalls_t, su_set_proto_props, 40, 8);
MEMBER(sock_upcalls_t, su_txq_full, 48, 8);
MEMBER(sock_upcalls_t, su_signal_oob, 56, 8);
MEMBER(sock_upcalls_t, su_zcopy_notify, 64, 8);
MEMBER(sock_upcalls_t, su_set_error, 72, 8);
MEMBER(sock_upcalls_t, su_closed, 80, 8);
MEMBER(sock_upcalls_t, su_get_vnode, 88, 8);

SIZE(smod_reg_t, 48);
MEMBER(smod_reg_t, smod_version, 0, 4);
MEMBER(smod_reg_t, smod_name, 8, 8);
MEMBER(smod_reg_t, smod_uc_version, 16, 8);
MEMBER(smod_reg_t, smod_dc_version, 24, 8);
MEMBER(smod_reg_t, smod_proto_create_func, 32, 8);
MEMBER(smod_reg_t, __smod_priv, 40, 8);

SIZE(struct modlsockmod, 24);
MEMBER(struct modlsockmod, sockmod_modops, 0, 8);
MEMBER(struct modlsockmod, sockmod_linkinfo, 8, 8);
MEMBER(struct modlsockmod, sockmod_reg_info, 16, 8);

/* <sys/socket_impl.h> */
CONST(_SS_MAXSIZE, 256);
CONST(_SS_ALIGNSIZE, 8);
CONST(_SS_PAD1SIZE, 6);
CONST(_SS_PAD2SIZE, 0xf0);

/* <sys/socket.h> */
CONST(SOCK_DGRAM, 1);
CONST(SOCK_STREAM, 2);
CONST(SOCK_RAW, 4);
CONST(SOCK_RDM, 5);
CONST(SOCK_SEQPACKET, 6);
CONST(SOCK_TYPE_MASK, 0xffff);
CONST(SOCK_CLOEXEC, 0x080000);
CONST(SOCK_NONBLOCK, 0x100000);
CONST(SOCK_NDELAY, 0x200000);
CONST(SOCK_CLOFORK, 0x400000);
CONST(SO_DEBUG, 0x0001);
CONST(SO_ACCEPTCONN, 0x0002);
CONST(SO_REUSEADDR, 0x0004);
CONST(SO_KEEPALIVE, 0x0008);
CONST(SO_DONTROUTE, 0x0010);
CONST(SO_BROADCAST, 0x0020);
CONST(SO_USELOOPBACK, 0x0040);
CONST(SO_LINGER, 0x0080);
CONST(SO_OOBINLINE, 0x0100);
CONST(SO_DGRAM_ERRIND, 0x0200);
CONST(SO_RECVUCRED, 0x0400);
CONST(SO_SND_COPYAVOID, 0x0800);
CONST(SO_SND_BUFINFO, 0x1000);
CONST(SO_SNDBUF, 0x1001);
CONST(SO_RCVBUF, 0x1002);
CONST(SO_SNDLOWAT, 0x1003);
CONST(SO_RCVLOWAT, 0x1004);
CONST(SO_SNDTIMEO, 0x1005);
CONST(SO_RCVTIMEO, 0x1006);
CONST(SO_ERROR, 0x1007);
CONST(SO_TYPE, 0x1008);
CONST(SO_PROTOTYPE, 0x1009);
CONST(SO_PROTOCOL, 0x1009);
CONST(SO_ANON_MLP, 0x100a);
CONST(SO_MAC_EXEMPT, 0x100b);
CONST(SO_DOMAIN, 0x100c);
CONST(SO_RCVPSH, 0x100d);
CONST(SO_SECATTR, 0x1011);
CONST(SO_TIMESTAMP, 0x1013);
CONST(SO_ALLZONES, 0x1014);
CONST(SO_EXCLBIND, 0x1015);
CONST(SO_MAC_IMPLICIT, 0x1016);
CONST(SO_VRRP, 0x1017);
CONST(SO_DONTLINGER, (-129));
CONST(SOCKET_SLEEP, 0);
CONST(SOCKET_NOSLEEP, 1);
CONST(SOL_SOCKET, 0xffff);
CONST(SOL_ROUTE, 0xfffe);
CONST(SOL_PACKET, 0xfffd);
CONST(SOL_FILTER, 0xfffc);
CONST(AF_UNSPEC, 0);
CONST(AF_UNIX, 1);
CONST(AF_LOCAL, 1);
CONST(AF_FILE, 1);
CONST(AF_INET, 2);
CONST(AF_IMPLINK, 3);
CONST(AF_PUP, 4);
CONST(AF_CHAOS, 5);
CONST(AF_NS, 6);
CONST(AF_NBS, 7);
CONST(AF_ECMA, 8);
CONST(AF_DATAKIT, 9);
CONST(AF_CCITT, 10);
CONST(AF_SNA, 11);
CONST(AF_DECnet, 12);
CONST(AF_DLI, 13);
CONST(AF_LAT, 14);
CONST(AF_HYLINK, 15);
CONST(AF_APPLETALK, 16);
CONST(AF_NIT, 17);
CONST(AF_802, 18);
CONST(AF_OSI, 19);
CONST(AF_X25, 20);
CONST(AF_OSINET, 21);
CONST(AF_GOSIP, 22);
CONST(AF_IPX, 23);
CONST(AF_ROUTE, 24);
CONST(AF_LINK, 25);
CONST(AF_INET6, 26);
CONST(AF_KEY, 27);
CONST(AF_NCA, 28);
CONST(AF_POLICY, 29);
CONST(AF_INET_OFFLOAD, 30);
CONST(AF_TRILL, 31);
CONST(AF_PACKET, 0x20);
CONST(SOMAXCONN, 128);
CONST(MSG_OOB, 0x1);
CONST(MSG_PEEK, 0x2);
CONST(MSG_DONTROUTE, 0x4);
CONST(MSG_EOR, 0x8);
CONST(MSG_CTRUNC, 0x10);
CONST(MSG_TRUNC, 0x20);
CONST(MSG_WAITALL, 0x40);
CONST(MSG_DONTWAIT, 0x80);
CONST(MSG_NOTIFICATION, 0x100);
CONST(MSG_NOSIGNAL, 0x200);
CONST(MSG_DUPCTRL, 0x800);
CONST(MSG_CMSG_CLOEXEC, 0x1000);
CONST(MSG_CMSG_CLOFORK, 0x2000);
CONST(MSG_XPG4_2, 0x8000);
CONST(MSG_MBLK_QUICKRELE, 0x10000000);
CONST(MSG_USERSPACE, 0x20000000);
CONST(SHUT_RD, 0);
CONST(SHUT_WR, 1);
CONST(SHUT_RDWR, 2);

/* <sys/socket_proto.h> */
CONST(SOCKOPT_WROFF, 0x0001);
CONST(SOCKOPT_RCVHIWAT, 0x0002);
CONST(SOCKOPT_RCVLOWAT, 0x0004);
CONST(SOCKOPT_MAXBLK, 0x0008);
CONST(SOCKOPT_TAIL, 0x0010);
CONST(SOCKOPT_ZCOPY, 0x0020);
CONST(SOCKOPT_MAXPSZ, 0x0040);
CONST(SOCKOPT_OOBINLINE, 0x0080);
CONST(SOCKOPT_RCVTIMER, 0x0100);
CONST(SOCKOPT_RCVTHRESH, 0x0200);
CONST(SOCKOPT_MAXADDRLEN, 0x0400);
CONST(SOCKOPT_MINPSZ, 0x0800);
CONST(SOCKOPT_LOOPBACK, 0x1000);
CONST(SOCK_OPCTL_ENAB_ACCEPT, 0);
CONST(SOCK_OPCTL_SHUT_SEND, 1);
CONST(SOCK_OPCTL_SHUT_RECV, 2);
CONST(SOCK_UC_VERSION, 0x60);
CONST(SOCK_DC_VERSION, 0x88);
CONST(SOCKET_RECVHIWATER, 0xc000);
CONST(SOCKET_RECVLOWATER, 0x400);
CONST(SOCKET_NO_RCVTIMER, 0);
CONST(SOCKET_TIMER_INTERVAL, 0x32);

/* <sys/socketvar.h> */
CONST(SS_ISCONNECTED, 0x00000001);
CONST(SS_ISCONNECTING, 0x00000002);
CONST(SS_ISDISCONNECTING, 0x00000004);
CONST(SS_CANTSENDMORE, 0x00000008);
CONST(SS_CANTRCVMORE, 0x00000010);
CONST(SS_ISBOUND, 0x00000020);
CONST(SS_NDELAY, 0x00000040);
CONST(SS_NONBLOCK, 0x00000080);
CONST(SS_ASYNC, 0x00000100);
CONST(SS_ACCEPTCONN, 0x00000200);
CONST(SS_SAVEDEOR, 0x00000800);
CONST(SS_CLOSING, 0x00010000);
CONST(SS_SENTLASTREADSIG, 0x01000000);
CONST(SS_SENTLASTWRITESIG, 0x02000000);
CONST(SM_PRIV, 0x001);
CONST(SM_ATOMIC, 0x002);
CONST(SM_ADDR, 0x004);
CONST(SM_CONNREQUIRED, 0x008);
CONST(SM_FDPASSING, 0x010);
CONST(SM_EXDATA, 0x020);
CONST(SM_OPTDATA, 0x040);
CONST(SM_BYTESTREAM, 0x080);
CONST(SM_ACCEPTOR_ID, 0x100);
CONST(SM_KERNEL, 0x200);
CONST(SM_ACCEPTSUPP, 0x400);
CONST(SM_SENDFILESUPP, 0x800);
CONST(SOV_STREAM, 0);
CONST(SOV_DEFAULT, 1);
CONST(SOV_SOCKSTREAM, 2);
CONST(SOV_SOCKBSD, 3);
CONST(SOV_XPG4_2, 4);
CONST(SO_MAXARGSIZE, 8192);
CONST(SOCKMOD_VERSION_1, 1);
CONST(SOCKMOD_VERSION, 2);

/* <sys/tihdr.h> */
CONST(T_DATA_IND, 14);
CONST(T_EXDATA_IND, 15);
CONST(T_UNITDATA_IND, 20);
CONST(T_OPTDATA_IND, 0x1002);
SIGNED(t_scalar_t, 4);
SIZE(struct T_data_ind, 8);
MEMBER(struct T_data_ind, PRIM_type, 0, 4);
MEMBER(struct T_data_ind, MORE_flag, 4, 4);
SIZE(struct T_unitdata_ind, 20);
MEMBER(struct T_unitdata_ind, PRIM_type, 0, 4);
MEMBER(struct T_unitdata_ind, SRC_length, 4, 4);
MEMBER(struct T_unitdata_ind, SRC_offset, 8, 4);
MEMBER(struct T_unitdata_ind, OPT_length, 12, 4);
MEMBER(struct T_unitdata_ind, OPT_offset, 16, 4);

/* Functions */
FUNC(int, sock_accept_notsupp, (sock_lower_handle_t, sock_lower_handle_t,
    sock_upper_handle_t, cred_t *));
FUNC(int, sock_bind_notsupp, (sock_lower_handle_t, struct sockaddr *,
    socklen_t, cred_t *));
FUNC(int, sock_close_notsupp, (sock_lower_handle_t, int, cred_t *));
FUNC(void, sock_clr_flowctrl_notsupp, (sock_lower_handle_t));
FUNC(int, sock_connect_notsupp, (sock_lower_handle_t, const struct sockaddr *,
    socklen_t, sock_connid_t *, cred_t *));
FUNC(int, sock_getpeername_notsupp, (sock_lower_handle_t, struct sockaddr *,
    socklen_t *, cred_t *));
FUNC(int, sock_getsockname_notsupp, (sock_lower_handle_t, struct sockaddr *,
    socklen_t *, cred_t *));
FUNC(int, sock_getsockopt_notsupp, (sock_lower_handle_t, int, int, void *,
    socklen_t *, cred_t *));
FUNC(int, sock_ioctl_notsupp, (sock_lower_handle_t, int, intptr_t, int,
    int32_t *, cred_t *));
FUNC(int, sock_listen_notsupp, (sock_lower_handle_t, int, cred_t *));
FUNC(int, sock_setsockopt_notsupp, (sock_lower_handle_t, int, int,
    const void *, socklen_t, cred_t *));
FUNC(int, sock_shutdown_notsupp, (sock_lower_handle_t, int, cred_t *));

/* Variables */
VAR(struct mod_ops, mod_sockmodops);
