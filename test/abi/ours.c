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
 * Our own: what programs, guests and hosts see of us.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <net/vsock.h>
#include <sys/virtio_vsock.h>
#include <sys/vsockhv.h>
#include <sys/vsock_ioctl.h>
#include <sys/vsock_kstat.h>
#include "abi.h"

SIZE(struct sockaddr_vm, 16);
MEMBER(struct sockaddr_vm, svm_family, 0, 2);
MEMBER(struct sockaddr_vm, svm_reserved1, 2, 2);
MEMBER(struct sockaddr_vm, svm_port, 4, 4);
MEMBER(struct sockaddr_vm, svm_cid, 8, 4);
MEMBER(struct sockaddr_vm, svm_flags, 12, 1);
MEMBER(struct sockaddr_vm, svm_zero, 13, 3);

SIZE(virtio_vsock_hdr_t, 44);
MEMBER(virtio_vsock_hdr_t, vvh_src_cid, 0, 8);
MEMBER(virtio_vsock_hdr_t, vvh_dst_cid, 8, 8);
MEMBER(virtio_vsock_hdr_t, vvh_src_port, 16, 4);
MEMBER(virtio_vsock_hdr_t, vvh_dst_port, 20, 4);
MEMBER(virtio_vsock_hdr_t, vvh_len, 24, 4);
MEMBER(virtio_vsock_hdr_t, vvh_type, 28, 2);
MEMBER(virtio_vsock_hdr_t, vvh_op, 30, 2);
MEMBER(virtio_vsock_hdr_t, vvh_flags, 32, 4);
MEMBER(virtio_vsock_hdr_t, vvh_buf_alloc, 36, 4);
MEMBER(virtio_vsock_hdr_t, vvh_fwd_cnt, 40, 4);

SIZE(virtio_vsock_event_t, 4);
MEMBER(virtio_vsock_event_t, vve_id, 0, 4);

SIZE(vsockhv_create_t, 16);
MEMBER(vsockhv_create_t, vc_guest_cid, 0, 8);
MEMBER(vsockhv_create_t, vc_vmfd, 8, 4);
MEMBER(vsockhv_create_t, vc_pad, 12, 4);

SIZE(vsockhv_ring_init_t, 32);
MEMBER(vsockhv_ring_init_t, vri_index, 0, 2);
MEMBER(vsockhv_ring_init_t, vri_qsize, 2, 2);
MEMBER(vsockhv_ring_init_t, vri_avail_idx, 4, 2);
MEMBER(vsockhv_ring_init_t, vri_used_idx, 6, 2);
MEMBER(vsockhv_ring_init_t, vri_desc, 8, 8);
MEMBER(vsockhv_ring_init_t, vri_avail, 16, 8);
MEMBER(vsockhv_ring_init_t, vri_used, 24, 8);

SIZE(vsockhv_ring_msi_t, 24);
MEMBER(vsockhv_ring_msi_t, vrm_index, 0, 2);
MEMBER(vsockhv_ring_msi_t, vrm_pad, 2, 6);
MEMBER(vsockhv_ring_msi_t, vrm_addr, 8, 8);
MEMBER(vsockhv_ring_msi_t, vrm_msg, 16, 8);

SIZE(vsockhv_ports_t, 520);
MEMBER(vsockhv_ports_t, vp_restrict, 0, 4);
MEMBER(vsockhv_ports_t, vp_n, 4, 4);
MEMBER(vsockhv_ports_t, vp_range, 8, 512);

SIZE(vsock_prop_io_t, 176);
MEMBER(vsock_prop_io_t, vpi_prop, 0, 4);
MEMBER(vsock_prop_io_t, vpi_nports, 4, 4);
MEMBER(vsock_prop_io_t, vpi_value, 8, 8);
MEMBER(vsock_prop_io_t, vpi_default, 16, 8);
MEMBER(vsock_prop_io_t, vpi_min, 24, 8);
MEMBER(vsock_prop_io_t, vpi_max, 32, 8);
MEMBER(vsock_prop_io_t, vpi_ports, 40, 128);
MEMBER(vsock_prop_io_t, vpi_zoneid, 168, 4);

SIZE(vsock_capture_io_t, 8);
MEMBER(vsock_capture_io_t, vci_bufsize, 0, 4);
MEMBER(vsock_capture_io_t, vci_snaplen, 4, 4);

SIZE(vsock_capture_rec_t, 32);
MEMBER(vsock_capture_rec_t, vcr_size, 0, 4);
MEMBER(vsock_capture_rec_t, vcr_caplen, 4, 4);
MEMBER(vsock_capture_rec_t, vcr_len, 8, 4);
MEMBER(vsock_capture_rec_t, vcr_nsec, 12, 4);
MEMBER(vsock_capture_rec_t, vcr_sec, 16, 8);
MEMBER(vsock_capture_rec_t, vcr_drops, 24, 8);

SIZE(vsock_mon_hdr_t, 32);
MEMBER(vsock_mon_hdr_t, vmh_src_cid, 0, 8);
MEMBER(vsock_mon_hdr_t, vmh_dst_cid, 8, 8);
MEMBER(vsock_mon_hdr_t, vmh_src_port, 16, 4);
MEMBER(vsock_mon_hdr_t, vmh_dst_port, 20, 4);
MEMBER(vsock_mon_hdr_t, vmh_op, 24, 2);
MEMBER(vsock_mon_hdr_t, vmh_transport, 26, 2);
MEMBER(vsock_mon_hdr_t, vmh_len, 28, 2);
MEMBER(vsock_mon_hdr_t, vmh_reserved, 30, 2);

SIZE(vsock_kconn_t, 168);
MEMBER(vsock_kconn_t, vkc_size, 0, 4);
MEMBER(vsock_kconn_t, vkc_state, 4, 4);
MEMBER(vsock_kconn_t, vkc_type, 8, 4);
MEMBER(vsock_kconn_t, vkc_zoneid, 12, 4);
MEMBER(vsock_kconn_t, vkc_lcid, 16, 4);
MEMBER(vsock_kconn_t, vkc_lport, 20, 4);
MEMBER(vsock_kconn_t, vkc_rcid, 24, 4);
MEMBER(vsock_kconn_t, vkc_rport, 28, 4);
MEMBER(vsock_kconn_t, vkc_rcvbuf, 32, 4);
MEMBER(vsock_kconn_t, vkc_sndbuf, 36, 4);
MEMBER(vsock_kconn_t, vkc_rx_credit, 40, 4);
MEMBER(vsock_kconn_t, vkc_tx_credit, 44, 4);
MEMBER(vsock_kconn_t, vkc_flags, 48, 4);
MEMBER(vsock_kconn_t, vkc_pad, 52, 4);
MEMBER(vsock_kconn_t, vkc_rx_bytes, 56, 8);
MEMBER(vsock_kconn_t, vkc_rx_msgs, 64, 8);
MEMBER(vsock_kconn_t, vkc_rx_packets, 72, 8);
MEMBER(vsock_kconn_t, vkc_rx_queued, 80, 8);
MEMBER(vsock_kconn_t, vkc_rx_stalls, 88, 8);
MEMBER(vsock_kconn_t, vkc_tx_bytes, 96, 8);
MEMBER(vsock_kconn_t, vkc_tx_msgs, 104, 8);
MEMBER(vsock_kconn_t, vkc_tx_packets, 112, 8);
MEMBER(vsock_kconn_t, vkc_tx_queued, 120, 8);
MEMBER(vsock_kconn_t, vkc_tx_stalls, 128, 8);
MEMBER(vsock_kconn_t, vkc_transport, 136, 32);

/* <net/vsock.h> */
CONST(AF_VSOCK, 34);
CONST(SOL_VSOCK, 287);
CONST(VMADDR_CID_ANY, 0xffffffff);
CONST(VMADDR_CID_HYPERVISOR, 0);
CONST(VMADDR_CID_LOCAL, 1);
CONST(VMADDR_CID_HOST, 2);
CONST(VMADDR_PORT_ANY, 0xffffffff);
CONST(VMADDR_FLAG_TO_HOST, 1);
CONST(SO_VM_SOCKETS_BUFFER_SIZE, 0);
CONST(SO_VM_SOCKETS_BUFFER_MIN_SIZE, 1);
CONST(SO_VM_SOCKETS_BUFFER_MAX_SIZE, 2);
CONST(SO_VM_SOCKETS_PEER_HOST_VM_ID, 3);
CONST(SO_VM_SOCKETS_TRUSTED, 5);
CONST(SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD, 6);
CONST(SO_VM_SOCKETS_NONBLOCK_TXRX, 7);
CONST(SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW, 8);
CONST(SO_VM_SOCKETS_CONNECT_TIMEOUT, 6);
CONST(SO_VSOCK_MAX_RECORD, 1);
CONST(IOCTL_VM_SOCKETS_GET_LOCAL_CID, 0x200007b9);
CONST(SIOCINQ, 0x4004667f);
CONST(SIOCOUTQ, 0x7473);

/* <sys/virtio_vsock.h> */
CONST(VIRTIO_DEV_VSOCK, 19);
CONST(VIRTIO_VSOCK_F_STREAM, 1);
CONST(VIRTIO_VSOCK_F_SEQPACKET, 2);
CONST(VIRTIO_VSOCK_F_NO_IMPLIED_STREAM, 4);
CONST(VIRTIO_VSOCK_QUEUE_RX, 0);
CONST(VIRTIO_VSOCK_QUEUE_TX, 1);
CONST(VIRTIO_VSOCK_QUEUE_EVENT, 2);
CONST(VIRTIO_VSOCK_NQUEUES, 3);
CONST(VIRTIO_VSOCK_CFG_GUEST_CID, 0);
CONST(VIRTIO_VSOCK_TYPE_STREAM, 1);
CONST(VIRTIO_VSOCK_TYPE_SEQPACKET, 2);
CONST(VIRTIO_VSOCK_OP_INVALID, 0);
CONST(VIRTIO_VSOCK_OP_REQUEST, 1);
CONST(VIRTIO_VSOCK_OP_RESPONSE, 2);
CONST(VIRTIO_VSOCK_OP_RST, 3);
CONST(VIRTIO_VSOCK_OP_SHUTDOWN, 4);
CONST(VIRTIO_VSOCK_OP_RW, 5);
CONST(VIRTIO_VSOCK_OP_CREDIT_UPDATE, 6);
CONST(VIRTIO_VSOCK_OP_CREDIT_REQUEST, 7);
CONST(VIRTIO_VSOCK_SHUTDOWN_RECEIVE, 1);
CONST(VIRTIO_VSOCK_SHUTDOWN_SEND, 2);
CONST(VIRTIO_VSOCK_SEQ_EOM, 1);
CONST(VIRTIO_VSOCK_SEQ_EOR, 2);
CONST(VIRTIO_VSOCK_MAX_PAYLOAD, 65536);
CONST(VIRTIO_VSOCK_HDR_SIZE, 44);
CONST(VIRTIO_VSOCK_EVENT_RESET, 0);

/* <sys/vsockhv.h> */
CONST(VSOCKHV_IOC, 0x565300);
CONST(VSOCKHV_VERSION, 0x565301);
CONST(VSOCKHV_CREATE, 0x565302);
CONST(VSOCKHV_GET_FEATURES, 0x565303);
CONST(VSOCKHV_SET_FEATURES, 0x565304);
CONST(VSOCKHV_RESET, 0x565305);
CONST(VSOCKHV_SEND_RESET, 0x565306);
CONST(VSOCKHV_SET_PORTS, 0x565307);
CONST(VSOCKHV_RING_INIT, 0x565310);
CONST(VSOCKHV_RING_RESET, 0x565311);
CONST(VSOCKHV_RING_KICK, 0x565312);
CONST(VSOCKHV_RING_SET_MSI, 0x565313);
CONST(VSOCKHV_RING_PAUSE, 0x565314);
CONST(VSOCKHV_RING_RESUME, 0x565315);
CONST(VSOCKHV_RING_GET_STATE, 0x565316);
CONST(VSOCKHV_RING_INTR_CLR, 0x565317);
CONST(VSOCKHV_INTR_POLL, 0x565320);
CONST(VSOCKHV_CURRENT_VERSION, 1);
CONST(VSOCKHV_MAX_QSIZE, 32768);
CONST(VSOCKHV_INTR_RESET, 0x80000000);
CONST(VSOCKHV_MAX_PORTS, 64);

/* <sys/vsock_ioctl.h> */
CONST(VSOCK_PROP_LOOPBACK, 0);
CONST(VSOCK_PROP_RECV_BUF, 1);
CONST(VSOCK_PROP_SEND_BUF, 2);
CONST(VSOCK_PROP_MAX_BUF, 3);
CONST(VSOCK_PROP_CONNECT_TIMEOUT, 4);
CONST(VSOCK_PROP_EXTRA_PRIV_PORTS, 5);
CONST(VSOCK_PROP_MAX_CONNS, 6);
CONST(VSOCK_PROP_MAX_PEER_CONNS, 7);
CONST(VSOCK_PROP_MAX_PENDING, 8);
CONST(VSOCK_PROP_MAX_ZONE_BUF, 9);
CONST(VSOCK_PROP_MSG_COST, 10);
CONST(VSOCK_PROP_REPLY_RATE, 11);
CONST(VSOCK_NPROPS, 12);
CONST(VSOCK_IOC, 0x76736b00);
CONST(VSOCK_MAX_EXTRA_PORTS, 32);
CONST(VSOCK_IOC_GETPROP, 0x76736b01);
CONST(VSOCK_IOC_SETPROP, 0x76736b02);
CONST(VSOCK_IOC_RESETPROP, 0x76736b03);
CONST(VSOCK_IOC_CAPTURE, 0x76736b04);
CONST(VSOCK_MAX_CAPTURES, 8);
CONST(VSOCK_CAPTURE_MINBUF, 0x40000);
CONST(VSOCK_CAPTURE_DEFBUF, 0x200000);
CONST(VSOCK_CAPTURE_MAXBUF, 0x800000);
CONST(VSOCK_CAPTURE_MAXSNAP, 0x10080);
CONST(VSOCK_CAPTURE_MAXREC, 0x100a0);
CONST(VSOCK_MON_UNKNOWN, 0);
CONST(VSOCK_MON_CONNECT, 1);
CONST(VSOCK_MON_DISCONNECT, 2);
CONST(VSOCK_MON_CONTROL, 3);
CONST(VSOCK_MON_PAYLOAD, 4);
CONST(VSOCK_MON_TRANSPORT_UNKNOWN, 0);
CONST(VSOCK_MON_TRANSPORT_NONE, 1);
CONST(VSOCK_MON_TRANSPORT_VIRTIO, 2);
CONST(VSOCK_LINKTYPE, 271);

/* <sys/vsock_kstat.h> */
CONST(VSOCK_S_IDLE, 0);
CONST(VSOCK_S_BOUND, 1);
CONST(VSOCK_S_LISTEN, 2);
CONST(VSOCK_S_EMBRYO, 3);
CONST(VSOCK_S_CONNECTING, 4);
CONST(VSOCK_S_CONNECTED, 5);
CONST(VSOCK_S_SHUT_SEND, 6);
CONST(VSOCK_S_SHUT_RECV, 7);
CONST(VSOCK_S_SHUT_BOTH, 8);
CONST(VSOCK_S_CLOSING, 9);
CONST(VSOCK_S_CLOSED, 10);
CONST(VSOCK_S_MAX, 11);
CONST(VSOCK_KNAMELEN, 32);
CONST(VKC_TX_FULL, 1);
CONST(VSOCK_KDIR_LOCAL, 0);
CONST(VSOCK_KDIR_TO_HOST, 1);
CONST(VSOCK_KDIR_TO_GUEST, 2);
