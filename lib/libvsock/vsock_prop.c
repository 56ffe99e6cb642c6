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
 * Properties, as text.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "vsock_impl.h"

typedef enum prop_kind {
	PROP_BOOL,		/* on, off */
	PROP_SIZE,		/* bytes; K and M are understood */
	PROP_NUMBER,
	PROP_PORTS		/* with commas between; "" is none */
} prop_kind_t;

static const struct {
	const char	*pr_name;
	uint32_t	pr_prop;	/* VSOCK_PROP_* */
	prop_kind_t	pr_kind;
} props[] = {
	{ "connect-timeout",	VSOCK_PROP_CONNECT_TIMEOUT,	PROP_NUMBER },
	{ "extra-priv-ports",	VSOCK_PROP_EXTRA_PRIV_PORTS,	PROP_PORTS },
	{ "loopback",		VSOCK_PROP_LOOPBACK,		PROP_BOOL },
	{ "max-buf",		VSOCK_PROP_MAX_BUF,		PROP_SIZE },
	{ "max-conns",		VSOCK_PROP_MAX_CONNS,		PROP_NUMBER },
	{ "max-peer-conns",	VSOCK_PROP_MAX_PEER_CONNS,	PROP_NUMBER },
	{ "max-pending",	VSOCK_PROP_MAX_PENDING,		PROP_NUMBER },
	{ "max-zone-buf",	VSOCK_PROP_MAX_ZONE_BUF,	PROP_SIZE },
	{ "msg-cost",		VSOCK_PROP_MSG_COST,		PROP_SIZE },
	{ "recv-buf",		VSOCK_PROP_RECV_BUF,		PROP_SIZE },
	{ "reply-rate",		VSOCK_PROP_REPLY_RATE,		PROP_NUMBER },
	{ "send-buf",		VSOCK_PROP_SEND_BUF,		PROP_SIZE }
};

#define	PROP_COUNT	(sizeof (props) / sizeof (props[0]))

const char *
vsock_prop_name(unsigned i)
{
	return (i < PROP_COUNT ? props[i].pr_name : NULL);
}

/* Its place in the table, or PROP_COUNT. */
static size_t
prop_find(const char *name)
{
	size_t i;

	for (i = 0; i < PROP_COUNT; i++) {
		if (strcmp(props[i].pr_name, name) == 0)
			break;
	}
	return (i);
}

static void
prop_text(prop_kind_t kind, uint64_t value, char *buf)
{
	if (kind == PROP_BOOL) {
		(void) strcpy(buf, value != 0 ? "on" : "off");
	} else {
		(void) snprintf(buf, VSOCK_PROPLEN, "%llu",
		    (unsigned long long)value);
	}
}

static void
prop_ports_text(const vsock_prop_io_t *vpi, char *buf)
{
	size_t len = 0;
	uint32_t i;

	buf[0] = '\0';
	for (i = 0; i < vpi->vpi_nports && i < VSOCK_MAX_EXTRA_PORTS; i++) {
		len += (size_t)snprintf(buf + len, VSOCK_PROPLEN - len,
		    "%s%u", i == 0 ? "" : ",", vpi->vpi_ports[i]);
	}
}

int
vsock_prop_zone(vsock_handle_t *vh, const char *zone)
{
	return (vsp_zone(zone, &vh->vh_zoneid));
}

int
vsock_prop_read(vsock_handle_t *vh, const char *name, vsock_prop_info_t *info)
{
	vsock_prop_io_t vpi = { .vpi_zoneid = vh->vh_zoneid };
	size_t i = prop_find(name);
	prop_kind_t kind;
	int err;

	if (i == PROP_COUNT)
		return (ESRCH);
	kind = props[i].pr_kind;
	vpi.vpi_prop = props[i].pr_prop;
	err = vsp_prop(vh->vh_platform, VSOCK_IOC_GETPROP, &vpi);
	if (err != 0)
		return (err);
	info->vpi_name = props[i].pr_name;
	if (kind == PROP_PORTS) {
		prop_ports_text(&vpi, info->vpi_value);
		info->vpi_default[0] = '\0';
	} else {
		prop_text(kind, vpi.vpi_value, info->vpi_value);
		prop_text(kind, vpi.vpi_default, info->vpi_default);
	}
	if (kind == PROP_BOOL) {
		(void) strcpy(info->vpi_possible, "on,off");
	} else {
		(void) snprintf(info->vpi_possible, VSOCK_PROPLEN,
		    "%llu-%llu", (unsigned long long)vpi.vpi_min,
		    (unsigned long long)vpi.vpi_max);
	}
	return (0);
}

/* A number, in part a text: what follows it is *endp.  EINVAL; ERANGE. */
static int
prop_number(const char *s, const char **endp, uint64_t *np)
{
	char *end;

	if (*s < '0' || *s > '9')
		return (EINVAL);
	errno = 0;
	*np = strtoull(s, &end, 10);
	if (errno != 0)
		return (ERANGE);
	*endp = end;
	return (0);
}

static int
prop_size(const char *s, uint64_t *np)
{
	const char *end;
	uint64_t unit = 1;
	int err;

	if ((err = prop_number(s, &end, np)) != 0)
		return (err);
	if (*end == 'K' || *end == 'k')
		unit = 1024;
	else if (*end == 'M' || *end == 'm')
		unit = 1024 * 1024;
	if (unit != 1)
		end++;
	if (*end != '\0')
		return (EINVAL);
	if (*np > UINT64_MAX / unit)
		return (ERANGE);
	*np *= unit;
	return (0);
}

static int
prop_ports(const char *s, vsock_prop_io_t *vpi)
{
	const char *end;
	uint64_t port;
	int err;

	if (*s == '\0')
		return (0);
	for (;;) {
		if (vpi->vpi_nports == VSOCK_MAX_EXTRA_PORTS)
			return (EINVAL);
		if ((err = prop_number(s, &end, &port)) != 0)
			return (err);
		if (port > UINT32_MAX)
			return (ERANGE);
		vpi->vpi_ports[vpi->vpi_nports++] = (uint32_t)port;
		if (*end == '\0')
			return (0);
		if (*end != ',')
			return (EINVAL);
		s = end + 1;
	}
}

/* The value, from text. */
static int
prop_parse(prop_kind_t kind, const char *s, vsock_prop_io_t *vpi)
{
	const char *end;
	int err;

	switch (kind) {
	case PROP_BOOL:
		if (strcmp(s, "on") != 0 && strcmp(s, "off") != 0)
			return (EINVAL);
		vpi->vpi_value = (strcmp(s, "on") == 0);
		return (0);
	case PROP_SIZE:
		return (prop_size(s, &vpi->vpi_value));
	case PROP_NUMBER:
		err = prop_number(s, &end, &vpi->vpi_value);
		return (err == 0 && *end != '\0' ? EINVAL : err);
	case PROP_PORTS:
		return (prop_ports(s, vpi));
	}
	return (EINVAL);
}

int
vsock_prop_write(vsock_handle_t *vh, const char *name, const char *value)
{
	vsock_prop_io_t vpi = { .vpi_zoneid = vh->vh_zoneid };
	size_t i = prop_find(name);
	int err;

	if (i == PROP_COUNT)
		return (ESRCH);
	vpi.vpi_prop = props[i].pr_prop;
	if ((err = prop_parse(props[i].pr_kind, value, &vpi)) != 0)
		return (err);
	return (vsp_prop(vh->vh_platform, VSOCK_IOC_SETPROP, &vpi));
}

int
vsock_prop_reset(vsock_handle_t *vh, const char *name)
{
	vsock_prop_io_t vpi = { .vpi_zoneid = vh->vh_zoneid };
	size_t i = prop_find(name);

	if (i == PROP_COUNT)
		return (ESRCH);
	vpi.vpi_prop = props[i].pr_prop;
	return (vsp_prop(vh->vh_platform, VSOCK_IOC_RESETPROP, &vpi));
}
