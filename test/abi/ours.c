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
CONST(IOCTL_VM_SOCKETS_GET_LOCAL_CID, 0x200007b9);

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
