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

#ifndef _SYS_BYTEORDER_H
#define	_SYS_BYTEORDER_H

/*
 * Byte order (the machine is little endian).
 */

#include <sys/types.h>

#define	BSWAP_8(x)	((uint8_t)(x))
#define	BSWAP_16(x)	__builtin_bswap16((uint16_t)(x))
#define	BSWAP_32(x)	__builtin_bswap32((uint32_t)(x))
#define	BSWAP_64(x)	__builtin_bswap64((uint64_t)(x))

#define	LE_8(x)		((uint8_t)(x))
#define	LE_16(x)	((uint16_t)(x))
#define	LE_32(x)	((uint32_t)(x))
#define	LE_64(x)	((uint64_t)(x))
#define	BE_8(x)		((uint8_t)(x))
#define	BE_16(x)	BSWAP_16(x)
#define	BE_32(x)	BSWAP_32(x)
#define	BE_64(x)	BSWAP_64(x)

#define	LE_IN8(a)	(*(const uint8_t *)(a))
#define	LE_IN16(a)	(*(const uint16_t *)(a))
#define	LE_IN32(a)	(*(const uint32_t *)(a))
#define	LE_IN64(a)	(*(const uint64_t *)(a))
#define	LE_OUT16(a, v)	(*(uint16_t *)(a) = (v))
#define	LE_OUT32(a, v)	(*(uint32_t *)(a) = (v))
#define	LE_OUT64(a, v)	(*(uint64_t *)(a) = (v))
#define	BE_IN16(a)	BSWAP_16(*(const uint16_t *)(a))
#define	BE_IN32(a)	BSWAP_32(*(const uint32_t *)(a))
#define	BE_IN64(a)	BSWAP_64(*(const uint64_t *)(a))
#define	BE_OUT16(a, v)	(*(uint16_t *)(a) = BSWAP_16(v))
#define	BE_OUT32(a, v)	(*(uint32_t *)(a) = BSWAP_32(v))
#define	BE_OUT64(a, v)	(*(uint64_t *)(a) = BSWAP_64(v))

#define	htons(x)	BE_16(x)
#define	ntohs(x)	BE_16(x)
#define	htonl(x)	BE_32(x)
#define	ntohl(x)	BE_32(x)
#define	htonll(x)	BE_64(x)
#define	ntohll(x)	BE_64(x)

#endif	/* _SYS_BYTEORDER_H */
