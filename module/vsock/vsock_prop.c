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
 * PROPERTIES OF A ZONE
 *
 * What an administrator may change, in sys/vsock_ioctl.h.  They belong to a
 * zone, are what the module was built with when the zone starts, and are
 * forgotten when it halts: what is to last is set again at boot.  The global
 * zone may set those of any: they limit what a zone can use, and its own
 * administrator does not have the privilege.
 *
 * Numbers have a range, which may depend on other properties: no default may
 * exceed the greatest size, and the greatest size no default.
 *
 * vz_prop_lock protects vz_props and is held for nothing else.  It is taken
 * when a socket is made, bound or connected, never for data.  The property
 * "loopback" is not stored: it is whether there is a loopback transport, which
 * vz_lo_lock keeps from changing.
 */

#include <sys/types.h>
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/sysmacros.h>
#include <sys/errno.h>
#include <sys/debug.h>
#include <sys/vsock_impl.h>

#define	PROP_CONNECT_MAX	(24 * 60 * 60 * MILLISEC)

/* Defaults of limits. */
#define	PROP_CONNS		(512 * 1024)
#define	PROP_PEER_CONNS		(128 * 1024)
#define	PROP_PENDING		4096
#define	PROP_ZONE_BUF		(4ULL << 30)
#define	PROP_ZONE_BUF_MAX	(1ULL << 40)
#define	PROP_REPLY_RATE		10000
#define	PROP_REPLY_RATE_MAX	MICROSEC

void
vsock_prop_init(vsock_zone_t *vz)
{
	vsock_props_t *vpr = &vz->vz_props;

	mutex_init(&vz->vz_lo_lock, NULL, MUTEX_DEFAULT, NULL);
	mutex_init(&vz->vz_prop_lock, NULL, MUTEX_DEFAULT, NULL);
	vpr->vpr_recv_buf = VSOCK_BUF_DEFAULT;
	vpr->vpr_send_buf = VSOCK_BUF_DEFAULT;
	vpr->vpr_max_buf = VSOCK_BUF_CEILING;
	vpr->vpr_connect_ms = VSOCK_CONNECT_TIMEOUT;
	vpr->vpr_max_conns = PROP_CONNS;
	vpr->vpr_max_peer_conns = PROP_PEER_CONNS;
	vpr->vpr_max_pending = PROP_PENDING;
	vpr->vpr_max_zone_buf = PROP_ZONE_BUF;
	vpr->vpr_msg_cost = VSOCK_SMALL;
	vpr->vpr_reply_rate = PROP_REPLY_RATE;
}

void
vsock_prop_fini(vsock_zone_t *vz)
{
	mutex_destroy(&vz->vz_prop_lock);
	mutex_destroy(&vz->vz_lo_lock);
}

/* What a new socket begins with. */
void
vsock_prop_get(vsock_zone_t *vz, vsock_props_t *vpr)
{
	mutex_enter(&vz->vz_prop_lock);
	*vpr = vz->vz_props;
	mutex_exit(&vz->vz_prop_lock);
}

/*
 * Does it take a privilege to bind to this port?
 */
boolean_t
vsock_prop_port_priv(vsock_zone_t *vz, uint32_t port)
{
	vsock_props_t *vpr = &vz->vz_props;
	uint_t i;

	if (port < VSOCK_PORT_UNPRIV)
		return (B_TRUE);
	mutex_enter(&vz->vz_prop_lock);
	for (i = 0; i < vpr->vpr_nports; i++) {
		if (vpr->vpr_ports[i] == port)
			break;
	}
	port = (i < vpr->vpr_nports);
	mutex_exit(&vz->vz_prop_lock);
	return (port != 0);
}

/*
 * The member that has a number, with default and range as they are now.
 */
static uint64_t *
vsock_prop_number(vsock_props_t *vpr, vsock_prop_io_t *vpi)
{
	switch (vpi->vpi_prop) {
	case VSOCK_PROP_RECV_BUF:
	case VSOCK_PROP_SEND_BUF:
		vpi->vpi_default = VSOCK_BUF_DEFAULT;
		vpi->vpi_min = VSOCK_GATHER;
		vpi->vpi_max = vpr->vpr_max_buf;
		return (vpi->vpi_prop == VSOCK_PROP_RECV_BUF ?
		    &vpr->vpr_recv_buf : &vpr->vpr_send_buf);
	case VSOCK_PROP_MAX_BUF:
		vpi->vpi_default = VSOCK_BUF_CEILING;
		vpi->vpi_min = MAX(vpr->vpr_recv_buf, vpr->vpr_send_buf);
		vpi->vpi_max = VSOCK_BUF_CEILING;
		return (&vpr->vpr_max_buf);
	case VSOCK_PROP_CONNECT_TIMEOUT:
		vpi->vpi_default = VSOCK_CONNECT_TIMEOUT;
		vpi->vpi_min = 1;
		vpi->vpi_max = PROP_CONNECT_MAX;
		return (&vpr->vpr_connect_ms);
	case VSOCK_PROP_MAX_CONNS:
		vpi->vpi_default = PROP_CONNS;
		vpi->vpi_max = INT32_MAX;
		return (&vpr->vpr_max_conns);
	case VSOCK_PROP_MAX_PEER_CONNS:
		vpi->vpi_default = PROP_PEER_CONNS;
		vpi->vpi_max = INT32_MAX;
		return (&vpr->vpr_max_peer_conns);
	case VSOCK_PROP_MAX_PENDING:
		vpi->vpi_default = PROP_PENDING;
		vpi->vpi_max = INT32_MAX;
		return (&vpr->vpr_max_pending);
	case VSOCK_PROP_MAX_ZONE_BUF:
		vpi->vpi_default = PROP_ZONE_BUF;
		vpi->vpi_max = PROP_ZONE_BUF_MAX;
		return (&vpr->vpr_max_zone_buf);
	case VSOCK_PROP_MSG_COST:
		vpi->vpi_default = VSOCK_SMALL;
		vpi->vpi_min = 64;
		vpi->vpi_max = 64 * 1024;
		return (&vpr->vpr_msg_cost);
	case VSOCK_PROP_REPLY_RATE:
		vpi->vpi_default = PROP_REPLY_RATE;
		vpi->vpi_min = 1;
		vpi->vpi_max = PROP_REPLY_RATE_MAX;
		return (&vpr->vpr_reply_rate);
	default:
		return (NULL);
	}
}

/*
 * A limit, as it is now.
 */
uint64_t
vsock_prop_limit(vsock_zone_t *vz, vsock_prop_t prop)
{
	vsock_prop_io_t vpi = { .vpi_prop = prop };
	uint64_t limit;

	mutex_enter(&vz->vz_prop_lock);
	limit = *vsock_prop_number(&vz->vz_props, &vpi);
	mutex_exit(&vz->vz_prop_lock);
	return (limit);
}

/*
 * EINVAL, too many, or one is there twice; ERANGE, one is not to be protected.
 */
static int
vsock_prop_ports_check(const vsock_prop_io_t *vpi)
{
	uint_t i, j;

	if (vpi->vpi_nports > VSOCK_MAX_EXTRA_PORTS)
		return (EINVAL);
	for (i = 0; i < vpi->vpi_nports; i++) {
		if (vpi->vpi_ports[i] < VSOCK_PORT_UNPRIV ||
		    vpi->vpi_ports[i] == VMADDR_PORT_ANY)
			return (ERANGE);
		for (j = 0; j < i; j++) {
			if (vpi->vpi_ports[i] == vpi->vpi_ports[j])
				return (EINVAL);
		}
	}
	return (0);
}

static int
vsock_prop_loopback(vsock_zone_t *vz, int cmd, vsock_prop_io_t *vpi)
{
	if (cmd == VSOCK_IOC_GETPROP) {
		vpi->vpi_default = vpi->vpi_max = 1;
		mutex_enter(&vz->vz_lo_lock);
		vpi->vpi_value = (vz->vz_loopback != NULL);
		mutex_exit(&vz->vz_lo_lock);
		return (0);
	}
	if (cmd == VSOCK_IOC_RESETPROP || vpi->vpi_value == 1)
		return (vsock_loopback_add(vz));
	if (vpi->vpi_value != 0)
		return (ERANGE);
	vsock_loopback_remove(vz);
	return (0);
}

/*
 * VSOCK_IOC_GETPROP, _SETPROP and _RESETPROP, for a caller who may.
 */
int
vsock_prop_ioctl(vsock_zone_t *vz, int cmd, vsock_prop_io_t *vpi)
{
	vsock_props_t *vpr = &vz->vz_props;
	vsock_prop_io_t now = {
		.vpi_prop = vpi->vpi_prop,
		.vpi_zoneid = vpi->vpi_zoneid
	};
	uint64_t *num;
	int error = 0;

	if (vpi->vpi_prop >= VSOCK_NPROPS)
		return (EINVAL);
	if (vpi->vpi_prop == VSOCK_PROP_LOOPBACK) {
		if (cmd == VSOCK_IOC_GETPROP)
			*vpi = now;
		return (vsock_prop_loopback(vz, cmd, vpi));
	}

	mutex_enter(&vz->vz_prop_lock);
	if ((num = vsock_prop_number(vpr, &now)) != NULL) {
		if (cmd == VSOCK_IOC_GETPROP) {
			now.vpi_value = *num;
			*vpi = now;
		} else {
			if (cmd == VSOCK_IOC_SETPROP)
				now.vpi_value = vpi->vpi_value;
			else
				now.vpi_value = now.vpi_default;
			if (now.vpi_value < now.vpi_min ||
			    now.vpi_value > now.vpi_max)
				error = ERANGE;
			else
				*num = now.vpi_value;
		}
	} else if (cmd == VSOCK_IOC_GETPROP) {
		now.vpi_min = VSOCK_PORT_UNPRIV;
		now.vpi_max = VMADDR_PORT_ANY - 1;
		now.vpi_nports = vpr->vpr_nports;
		bcopy(vpr->vpr_ports, now.vpi_ports, sizeof (now.vpi_ports));
		*vpi = now;
	} else if (cmd == VSOCK_IOC_RESETPROP) {
		vpr->vpr_nports = 0;
		bzero(vpr->vpr_ports, sizeof (vpr->vpr_ports));
	} else if ((error = vsock_prop_ports_check(vpi)) == 0) {
		vpr->vpr_nports = vpi->vpi_nports;
		bzero(vpr->vpr_ports, sizeof (vpr->vpr_ports));
		bcopy(vpi->vpi_ports, vpr->vpr_ports,
		    vpi->vpi_nports * sizeof (vpr->vpr_ports[0]));
	}
	mutex_exit(&vz->vz_prop_lock);
	return (error);
}
