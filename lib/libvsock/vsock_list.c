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
 * Handles, and what a system's kstats tell.
 */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vsock_kstat.h>
#include "vsock_impl.h"

int
vsock_open(const char *where, vsock_handle_t **vhp)
{
	vsock_handle_t *vh;
	int err;

	if ((vh = calloc(1, sizeof (*vh))) == NULL)
		return (ENOMEM);
	if ((err = vsp_open(where, &vh->vh_platform)) != 0) {
		free(vh);
		return (err);
	}
	*vhp = vh;
	return (0);
}

void
vsock_close(vsock_handle_t *vh)
{
	vsp_close(vh->vh_platform);
	free(vh);
}

const char *
vsock_where_option(void)
{
	return (vsp_where_option);
}

bool
vsp_wanted(const char *module)
{
	static const char *const modules[] = {
		VSOCK_KSTAT_MODULE, VSOCK_KSTAT_TRANSPORT, "vsockhv", "viosock"
	};

	for (size_t i = 0; i < sizeof (modules) / sizeof (modules[0]); i++) {
		if (strcmp(module, modules[i]) == 0)
			return (true);
	}
	return (false);
}

/*
 * Names
 */

const char *
vsock_state_name(uint32_t state)
{
	static const char *const names[VSOCK_S_MAX] = {
		[VSOCK_S_IDLE]		= "idle",
		[VSOCK_S_BOUND]		= "bound",
		[VSOCK_S_LISTEN]	= "listen",
		[VSOCK_S_EMBRYO]	= "embryo",
		[VSOCK_S_CONNECTING]	= "connecting",
		[VSOCK_S_CONNECTED]	= "connected",
		[VSOCK_S_SHUT_SEND]	= "shut-send",
		[VSOCK_S_SHUT_RECV]	= "shut-recv",
		[VSOCK_S_SHUT_BOTH]	= "shut-both",
		[VSOCK_S_CLOSING]	= "closing",
		[VSOCK_S_CLOSED]	= "closed"
	};

	return (state < VSOCK_S_MAX ? names[state] : "unknown");
}

const char *
vsock_type_name(uint32_t types)
{
	static const char *const names[] = {
		"none", "stream", "seqpacket", "stream,seqpacket"
	};

	return (types < sizeof (names) / sizeof (names[0]) ? names[types] :
	    "unknown");
}

const char *
vsock_direction_name(uint64_t direction)
{
	switch (direction) {
	case VSOCK_KDIR_LOCAL:
		return ("local");
	case VSOCK_KDIR_TO_HOST:
		return ("to-host");
	case VSOCK_KDIR_TO_GUEST:
		return ("to-guest");
	default:
		return ("unknown");
	}
}

/*
 * Connections
 */

typedef struct list_conns {
	vsock_conn_func_t lc_func;
	void		*lc_arg;
} list_conns_t;

static int
list_conns(void *arg, const void *data, size_t size)
{
	const list_conns_t *lc = arg;
	const char *p = data;
	vsock_kconn_t kc;
	int err;

	/* A module that knows more has longer records. */
	while (size >= sizeof (kc)) {
		(void) memcpy(&kc, p, sizeof (kc));
		if (kc.vkc_size == 0)
			break;
		if (kc.vkc_size < sizeof (kc) || kc.vkc_size > size)
			return (EPROTO);
		kc.vkc_transport[sizeof (kc.vkc_transport) - 1] = '\0';
		if ((err = lc->lc_func(&kc, lc->lc_arg)) != 0)
			return (err);
		p += kc.vkc_size;
		size -= kc.vkc_size;
	}
	return (0);
}

int
vsock_walk_conns(vsock_handle_t *vh, vsock_conn_func_t func, void *arg)
{
	list_conns_t lc = { .lc_func = func, .lc_arg = arg };

	return (vsp_kstat_raw(vh->vh_platform, VSOCK_KSTAT_MODULE,
	    VSOCK_KSTAT_CONNS, list_conns, &lc));
}

/*
 * Statistics
 */

typedef struct list_stats {
	vsock_stat_func_t ls_func;
	void		*ls_arg;
} list_stats_t;

static int
list_stats(void *arg, const char *module, int instance, const char *name,
    const char *stat, uint64_t value)
{
	const list_stats_t *ls = arg;
	const vsock_stat_t vs = {
		.vs_module	= module,
		.vs_instance	= instance,
		.vs_name	= name,
		.vs_stat	= stat,
		.vs_value	= value
	};

	return (ls->ls_func(&vs, ls->ls_arg));
}

int
vsock_walk_stats(vsock_handle_t *vh, vsock_stat_func_t func, void *arg)
{
	list_stats_t ls = { .ls_func = func, .ls_arg = arg };

	return (vsp_kstat_named(vh->vh_platform, list_stats, &ls));
}

/*
 * Transports: put together from their statistics, which come one by one.
 */

#define	TI(name)	{ #name, offsetof(vsock_transport_info_t, vti_##name) }

static const struct {
	const char	*lt_stat;
	size_t		lt_offset;
} list_tstats[] = {
	TI(direction), TI(types), TI(local_cid), TI(remote_cid),
	TI(restricted), TI(max_connections), TI(connections), TI(connects),
	TI(accepts), TI(refused_out), TI(refused_in), TI(resets),
	TI(rx_bytes), TI(rx_messages), TI(tx_bytes), TI(tx_messages)
};

typedef struct list_transports {
	vsock_transport_func_t lt_func;
	void		*lt_arg;
	bool		lt_begun;	/* lt_info is of one */
	vsock_transport_info_t lt_info;
} list_transports_t;

static int
list_transport_end(list_transports_t *lt)
{
	int err = 0;

	if (lt->lt_begun)
		err = lt->lt_func(&lt->lt_info, lt->lt_arg);
	lt->lt_begun = false;
	return (err);
}

static int
list_transports(void *arg, const char *module, int instance, const char *name,
    const char *stat, uint64_t value)
{
	list_transports_t *lt = arg;
	vsock_transport_info_t *vti = &lt->lt_info;
	int err;

	if (strcmp(module, VSOCK_KSTAT_TRANSPORT) != 0)
		return (0);
	if (!lt->lt_begun || vti->vti_zoneid != instance ||
	    strcmp(vti->vti_name, name) != 0) {
		if ((err = list_transport_end(lt)) != 0)
			return (err);
		(void) memset(vti, 0, sizeof (*vti));
		(void) snprintf(vti->vti_name, sizeof (vti->vti_name), "%s",
		    name);
		vti->vti_zoneid = instance;
		lt->lt_begun = true;
	}
	for (size_t i = 0; i < sizeof (list_tstats) / sizeof (list_tstats[0]);
	    i++) {
		if (strcmp(stat, list_tstats[i].lt_stat) == 0) {
			*(uint64_t *)(void *)((char *)vti +
			    list_tstats[i].lt_offset) = value;
		}
	}
	return (0);
}

int
vsock_walk_transports(vsock_handle_t *vh, vsock_transport_func_t func,
    void *arg)
{
	list_transports_t lt = { .lt_func = func, .lt_arg = arg };
	int err;

	err = vsp_kstat_named(vh->vh_platform, list_transports, &lt);
	return (err != 0 ? err : list_transport_end(&lt));
}
