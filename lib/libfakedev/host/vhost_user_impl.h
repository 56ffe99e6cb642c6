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

#ifndef _VHOST_USER_IMPL_H
#define	_VHOST_USER_IMPL_H

/*
 * The messages of the vhost-user protocol, for both sides: vhost_user.c is the
 * device ("back-end"), vhost_user_fe.c the monitor ("front-end").
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vhost_user.h>

#define	VHU_VERSION		0x1	/* of the header; bits 0 and 1 */
#define	VHU_VERSION_MASK	0x3
#define	VHU_F_REPLY		0x4
#define	VHU_F_NEED_REPLY	0x8

#define	VHU_FEATURE_PROTOCOL	(1ULL << 30)

#define	VHU_PROTO_MQ		(1ULL << 0)
#define	VHU_PROTO_REPLY_ACK	(1ULL << 3)
#define	VHU_PROTO_CONFIG	(1ULL << 9)
#define	VHU_PROTO_RESET_DEVICE	(1ULL << 13)
#define	VHU_VRING_INDEX		0xff	/* of a kick, call or err message */
#define	VHU_VRING_NOFD		0x100

#define	VHU_MAX_QSIZE		32768
#define	VHU_MAX_CONFIG		256
#define	VHU_MAX_FDS		VHU_MAX_REGIONS

enum {
	VHU_GET_FEATURES	= 1,
	VHU_SET_FEATURES	= 2,
	VHU_SET_OWNER		= 3,
	VHU_RESET_OWNER		= 4,
	VHU_SET_MEM_TABLE	= 5,
	VHU_SET_VRING_NUM	= 8,
	VHU_SET_VRING_ADDR	= 9,
	VHU_SET_VRING_BASE	= 10,
	VHU_GET_VRING_BASE	= 11,
	VHU_SET_VRING_KICK	= 12,
	VHU_SET_VRING_CALL	= 13,
	VHU_SET_VRING_ERR	= 14,
	VHU_GET_PROTOCOL_FEATURES = 15,
	VHU_SET_PROTOCOL_FEATURES = 16,
	VHU_GET_QUEUE_NUM	= 17,
	VHU_SET_VRING_ENABLE	= 18,
	VHU_GET_CONFIG		= 24,
	VHU_RESET_DEVICE	= 34
};

typedef struct vhu_state {
	uint32_t	vs_index;
	uint32_t	vs_num;
} vhu_state_t;

typedef struct vhu_addr {
	uint32_t	va_index;
	uint32_t	va_flags;
	uint64_t	va_desc;	/* the peer's addresses */
	uint64_t	va_used;
	uint64_t	va_avail;
	uint64_t	va_log;
} vhu_addr_t;

typedef struct vhu_mem {
	uint32_t	vm_n;
	uint32_t	vm_pad;
	struct {
		uint64_t vmr_gpa;
		uint64_t vmr_size;
		uint64_t vmr_uaddr;
		uint64_t vmr_offset;
	} vm_region[VHU_MAX_REGIONS];
} vhu_mem_t;

typedef struct vhu_config {
	uint32_t	vc_offset;
	uint32_t	vc_size;
	uint32_t	vc_flags;
	uint8_t		vc_data[VHU_MAX_CONFIG];
} vhu_config_t;

typedef struct vhu_msg {
	struct {
		uint32_t vh_request;
		uint32_t vh_flags;
		uint32_t vh_size;
	} vm_hdr;
	union {			/* follows the header without a gap */
		uint64_t	vm_u64;
		vhu_state_t	vm_state;
		vhu_addr_t	vm_addr;
		vhu_mem_t	vm_mem;
		vhu_config_t	vm_config;
	};
	/* Not on the wire. */
	int	vm_fd[VHU_MAX_FDS];	/* -1 once taken */
	int	vm_nfds;
	bool	vm_reply;		/* the payload is one, of vh_size */
} vhu_msg_t;

/* Receives so many bytes: 0; EPIPE at the end; or an errno. */
extern int vhu_recv(int fd, void *, size_t);
/*
 * Sends header and payload, of vh_size, with the descriptors: 0 or an errno.
 * It goes at once, or the peer is in trouble.
 */
extern int vhu_send(int fd, const vhu_msg_t *, const int *fds, int nfds);

#endif	/* _VHOST_USER_IMPL_H */
