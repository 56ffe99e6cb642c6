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
 * Addresses, as text and as Hyper-V has them.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "libvsock.h"

#define	ADDR_ANY	UINT32_MAX	/* of both */

static const struct {
	uint32_t	ac_cid;
	const char	*ac_name;
	const char	*ac_guid;	/* of Hyper-V's VM; NULL: none */
} addr_cids[] = {
	{ ADDR_ANY, "any", "00000000-0000-0000-0000-000000000000" },
	{ 0, "hypervisor", NULL },
	{ 1, "local", "e0e16197-dd56-4a10-9195-5ee7a155a838" },
	{ 2, "host", "a42e7cda-d03f-480c-9cc2-a4de20abb878" }
};

#define	ADDR_NCIDS	(sizeof (addr_cids) / sizeof (addr_cids[0]))

/* What follows the port in the GUID of a service. */
static const char addr_service[] = "-facb-11e6-bd58-64006a7986d3";

#define	ADDR_PORTLEN	8		/* hexadecimal digits of a port */

static int
addr_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	if (c >= 'a' && c <= 'f')
		return (c - 'a' + 10);
	if (c >= 'A' && c <= 'F')
		return (c - 'A' + 10);
	return (-1);
}

/* Digits of a base, all of the text, that make at most 32 bits. */
static int
addr_number(const char *s, size_t len, unsigned base, uint32_t *np)
{
	uint64_t n = 0;
	int digit;

	if (len == 0)
		return (EINVAL);
	for (size_t i = 0; i < len; i++) {
		digit = addr_digit(s[i]);
		if (digit < 0 || digit >= (int)base)
			return (EINVAL);
		n = n * base + (unsigned)digit;
		if (n > UINT32_MAX)
			return (EINVAL);
	}
	*np = (uint32_t)n;
	return (0);
}

static int
addr_number_any(const char *s, size_t len, uint32_t *np)
{
	if (len > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		return (addr_number(s + 2, len - 2, 16, np));
	return (addr_number(s, len, 10, np));
}

static bool
addr_is(const char *s, size_t len, const char *name)
{
	return (strlen(name) == len && strncmp(s, name, len) == 0);
}

static int
addr_cid(const char *s, size_t len, uint32_t *cidp)
{
	for (size_t i = 0; i < ADDR_NCIDS; i++) {
		if (addr_is(s, len, addr_cids[i].ac_name)) {
			*cidp = addr_cids[i].ac_cid;
			return (0);
		}
	}
	return (addr_number_any(s, len, cidp));
}

static int
addr_port(const char *s, size_t len, uint32_t *portp)
{
	if (addr_is(s, len, "any")) {
		*portp = ADDR_ANY;
		return (0);
	}
	return (addr_number_any(s, len, portp));
}

char *
vsock_cid_ntop(uint32_t cid, unsigned flags, char *buf)
{
	for (size_t i = 0; i < ADDR_NCIDS; i++) {
		if (addr_cids[i].ac_cid == cid &&
		    (cid == ADDR_ANY || (flags & VSOCK_NTOP_NUMERIC) == 0)) {
			(void) strcpy(buf, addr_cids[i].ac_name);
			return (buf);
		}
	}
	(void) snprintf(buf, VSOCK_ADDRSTRLEN, "%u", cid);
	return (buf);
}

char *
vsock_port_ntop(uint32_t port, unsigned flags, char *buf)
{
	if (port == ADDR_ANY)
		(void) strcpy(buf, "any");
	else
		(void) snprintf(buf, VSOCK_ADDRSTRLEN, "%u", port);
	return (buf);
}

char *
vsock_addr_ntop(const vsock_addr_t *va, unsigned flags, char *buf)
{
	size_t len;

	(void) vsock_cid_ntop(va->va_cid, flags, buf);
	len = strlen(buf);
	buf[len] = ':';
	(void) vsock_port_ntop(va->va_port, flags, buf + len + 1);
	return (buf);
}

int
vsock_cid_pton(const char *s, uint32_t *cidp)
{
	return (addr_cid(s, strlen(s), cidp));
}

int
vsock_port_pton(const char *s, uint32_t *portp)
{
	return (addr_port(s, strlen(s), portp));
}

int
vsock_addr_pton(const char *s, vsock_addr_t *va)
{
	const char *colon = strchr(s, ':');
	vsock_addr_t addr;

	if (colon == NULL ||
	    addr_cid(s, (size_t)(colon - s), &addr.va_cid) != 0 ||
	    vsock_port_pton(colon + 1, &addr.va_port) != 0)
		return (EINVAL);
	*va = addr;
	return (0);
}

/*
 * Hyper-V
 */

/* Of lower case; EINVAL, not a GUID. */
static int
addr_guid(const char *s, char *guid)
{
	for (size_t i = 0; i < VSOCK_GUIDSTRLEN - 1; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (s[i] != '-')
				return (EINVAL);
		} else if (addr_digit(s[i]) < 0) {
			return (EINVAL);
		}
		guid[i] = s[i];
		if (s[i] >= 'A' && s[i] <= 'F')
			guid[i] = (char)(s[i] - 'A' + 'a');
	}
	guid[VSOCK_GUIDSTRLEN - 1] = '\0';
	return (s[VSOCK_GUIDSTRLEN - 1] == '\0' ? 0 : EINVAL);
}

void
vsock_port_to_guid(uint32_t port, char *guid)
{
	(void) snprintf(guid, VSOCK_GUIDSTRLEN, "%08x%s", port, addr_service);
}

int
vsock_guid_to_port(const char *s, uint32_t *portp)
{
	char guid[VSOCK_GUIDSTRLEN];

	if (addr_guid(s, guid) != 0)
		return (EINVAL);
	if (strcmp(guid + ADDR_PORTLEN, addr_service) != 0)
		return (ENOENT);
	return (addr_number(guid, ADDR_PORTLEN, 16, portp));
}

int
vsock_cid_to_guid(uint32_t cid, char *guid)
{
	for (size_t i = 0; i < ADDR_NCIDS; i++) {
		if (addr_cids[i].ac_cid == cid &&
		    addr_cids[i].ac_guid != NULL) {
			(void) strcpy(guid, addr_cids[i].ac_guid);
			return (0);
		}
	}
	return (ENOENT);
}

int
vsock_guid_to_cid(const char *s, uint32_t *cidp)
{
	char guid[VSOCK_GUIDSTRLEN];

	if (addr_guid(s, guid) != 0)
		return (EINVAL);
	for (size_t i = 0; i < ADDR_NCIDS; i++) {
		if (addr_cids[i].ac_guid != NULL &&
		    strcmp(addr_cids[i].ac_guid, guid) == 0) {
			*cidp = addr_cids[i].ac_cid;
			return (0);
		}
	}
	return (ENOENT);
}
