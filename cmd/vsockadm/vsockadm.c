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
 * vsockadm: administer VM sockets.
 *
 * A table of commands, each of which takes its options, opens the system
 * (libvsock), and prints records (output.c) or does something.  0: done; 1:
 * that failed; 2: wrong usage.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/vsock_ioctl.h>
#include <sys/vsock_kstat.h>
#include "vsockadm.h"

typedef struct command {
	const char	*c_name;
	int		(*c_func)(int, char **);
	const char	*c_usage;
} command_t;

static const command_t commands[];
static const command_t *command;	/* NULL: not known yet */
static const char *where;		/* which system; NULL: the one */
static unsigned ntop_flags;		/* of addresses */

void
die(const char *fmt, ...)
{
	va_list ap;

	(void) fflush(stdout);
	(void) fprintf(stderr, "vsockadm: ");
	va_start(ap, fmt);
	(void) vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void) fprintf(stderr, "\n");
	exit(EXIT_FAILURE);
}

static void
usage_line(const command_t *c, const char *begin)
{
	const char *option = vsock_where_option();

	(void) fprintf(stderr, "%s vsockadm ", begin);
	if (option != NULL)
		(void) fprintf(stderr, "[--%s path] ", option);
	(void) fprintf(stderr, "%s%s%s\n", c->c_name,
	    c->c_usage[0] != '\0' ? " " : "", c->c_usage);
}

void
usage(const char *fmt, ...)
{
	const command_t *c;
	va_list ap;

	(void) fprintf(stderr, "vsockadm: ");
	va_start(ap, fmt);
	(void) vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void) fprintf(stderr, "\n");
	if (command != NULL) {
		usage_line(command, "usage:");
	} else {
		for (c = commands; c->c_name != NULL; c++)
			usage_line(c, c == commands ? "usage:" : "      ");
	}
	exit(EXIT_USAGE);
}

static vsock_handle_t *
open_system(void)
{
	vsock_handle_t *vh;
	int err;

	if ((err = vsock_open(where, &vh)) == ENXIO &&
	    vsock_where_option() != NULL)
		usage("which system? --%s is needed", vsock_where_option());
	if (err != 0 && where != NULL)
		die("%s: %s", where, strerror(err));
	if (err != 0)
		die("no system to talk to: %s", strerror(err));
	return (vh);
}

/* A list has been walked: print what is left, and look at the outcome. */
static int
finish(vsock_handle_t *vh, output_t *o, int err)
{
	vsock_close(vh);
	if (err != 0)
		die("%s", strerror(err));
	output_end(o);
	return (EXIT_SUCCESS);
}

/*
 * The options of the commands that print: the output.  `flags' are the letters
 * of those that the command has: n, addresses as numbers; another one sets
 * *flagp or, if it has an argument, *argp.  Operands are left.
 */
static output_t *
show_options(int argc, char **argv, const field_t *fields,
    const char *defaults, const char *flags, bool *flagp, const char **argp)
{
	const char *names = NULL;
	bool parseable = false;
	char spec[16];
	int c;

	(void) snprintf(spec, sizeof (spec), ":po:%s", flags);
	while ((c = getopt(argc, argv, spec)) != -1) {
		switch (c) {
		case 'n':
			ntop_flags = VSOCK_NTOP_NUMERIC;
			break;
		case 'o':
			names = optarg;
			break;
		case 'p':
			parseable = true;
			break;
		case ':':
			usage("option -%c requires an argument", optopt);
		case '?':
			usage("unknown option -%c", optopt);
		default:
			if (argp != NULL)
				*argp = optarg;
			else
				*flagp = true;
			break;
		}
	}
	return (output_create(fields, names, defaults, parseable));
}

/* At most so many operands. */
static void
operands(int argc, int max)
{
	if (argc - optind > max)
		usage("too many operands");
}

/*
 * Connections
 */

#define	KCONN(f)	((const vsock_kconn_t *)(f))

static void
conn_state(const void *rec, char *buf)
{
	(void) strcpy(buf, vsock_state_name(KCONN(rec)->vkc_state));
}

static void
conn_type(const void *rec, char *buf)
{
	(void) strcpy(buf, vsock_type_name(KCONN(rec)->vkc_type));
}

static void
conn_local(const void *rec, char *buf)
{
	const vsock_addr_t va = {
		.va_cid = KCONN(rec)->vkc_lcid, .va_port = KCONN(rec)->vkc_lport
	};

	(void) vsock_addr_ntop(&va, ntop_flags, buf);
}

static void
conn_remote(const void *rec, char *buf)
{
	const vsock_addr_t va = {
		.va_cid = KCONN(rec)->vkc_rcid, .va_port = KCONN(rec)->vkc_rport
	};

	if (KCONN(rec)->vkc_state < VSOCK_S_EMBRYO)
		buf[0] = '\0';
	else
		(void) vsock_addr_ntop(&va, ntop_flags, buf);
}

static void
conn_txfull(const void *rec, char *buf)
{
	(void) strcpy(buf, (KCONN(rec)->vkc_flags & VKC_TX_FULL) != 0 ?
	    "yes" : "no");
}

static void
conn_guid(const void *rec, char *buf)
{
	vsock_port_to_guid(KCONN(rec)->vkc_lport, buf);
}

#define	K32(name, width, member)	\
	{ name, width, FIELD_U32, offsetof(vsock_kconn_t, vkc_##member), NULL }
#define	K64(name, width, member)	\
	{ name, width, FIELD_U64, offsetof(vsock_kconn_t, vkc_##member), NULL }
#define	FUNC(name, width, func)		\
	{ name, width, FIELD_FUNC, 0, func }
#define	END				\
	{ NULL, 0, FIELD_FUNC, 0, NULL }

static const field_t conn_fields[] = {
	FUNC("LOCAL", 22, conn_local),
	FUNC("REMOTE", 22, conn_remote),
	FUNC("STATE", 10, conn_state),
	FUNC("TYPE", 9, conn_type),
	{ "TRANSPORT", 12, FIELD_TEXT, offsetof(vsock_kconn_t, vkc_transport),
	    NULL },
	{ "ZONE", 4, FIELD_INT, offsetof(vsock_kconn_t, vkc_zoneid), NULL },
	K64("RXBYTES", 10, rx_bytes),
	K64("TXBYTES", 10, tx_bytes),
	K64("RXMSGS", 8, rx_msgs),
	K64("TXMSGS", 8, tx_msgs),
	K64("RXPKTS", 8, rx_packets),
	K64("TXPKTS", 8, tx_packets),
	K64("RXQ", 8, rx_queued),
	K64("TXQ", 8, tx_queued),
	K32("RXCREDIT", 8, rx_credit),
	K32("TXCREDIT", 8, tx_credit),
	K64("RXSTALLS", 8, rx_stalls),
	K64("TXSTALLS", 8, tx_stalls),
	FUNC("TXFULL", 6, conn_txfull),
	K32("RCVBUF", 8, rcvbuf),
	K32("SNDBUF", 8, sndbuf),
	END
};

static const field_t listener_fields[] = {
	FUNC("LOCAL", 22, conn_local),
	FUNC("TYPE", 9, conn_type),
	{ "ZONE", 4, FIELD_INT, offsetof(vsock_kconn_t, vkc_zoneid), NULL },
	K32("PORT", 10, lport),
	K32("RCVBUF", 8, rcvbuf),
	K32("SNDBUF", 8, sndbuf),
	FUNC("GUID", 36, conn_guid),
	END
};

static int
connection_one(const vsock_kconn_t *kc, void *arg)
{
	if (kc->vkc_state >= VSOCK_S_EMBRYO)
		output_line(arg, kc);
	return (0);
}

static int
socket_one(const vsock_kconn_t *kc, void *arg)
{
	output_line(arg, kc);
	return (0);
}

static int
do_show_connection(int argc, char **argv)
{
	vsock_handle_t *vh;
	bool all = false;
	output_t *o;

	o = show_options(argc, argv, conn_fields,
	    "local,remote,state,transport,rxbytes,txbytes", "an", &all,
	    NULL);
	operands(argc, 0);
	vh = open_system();
	return (finish(vh, o, vsock_walk_conns(vh,
	    all ? socket_one : connection_one, o)));
}

static int
listener_one(const vsock_kconn_t *kc, void *arg)
{
	if (kc->vkc_state == VSOCK_S_LISTEN)
		output_line(arg, kc);
	return (0);
}

static int
do_show_listener(int argc, char **argv)
{
	vsock_handle_t *vh;
	output_t *o;

	o = show_options(argc, argv, listener_fields, "local,type,zone", "n",
	    NULL, NULL);
	operands(argc, 0);
	vh = open_system();
	return (finish(vh, o, vsock_walk_conns(vh, listener_one, o)));
}

/*
 * Transports
 */

#define	TINFO(f)	((const vsock_transport_info_t *)(f))

static void
transport_direction(const void *rec, char *buf)
{
	(void) strcpy(buf, vsock_direction_name(TINFO(rec)->vti_direction));
}

static void
transport_types(const void *rec, char *buf)
{
	(void) strcpy(buf, vsock_type_name((uint32_t)TINFO(rec)->vti_types));
}

static void
transport_local(const void *rec, char *buf)
{
	(void) vsock_cid_ntop((uint32_t)TINFO(rec)->vti_local_cid, ntop_flags,
	    buf);
}

static void
transport_remote(const void *rec, char *buf)
{
	(void) vsock_cid_ntop((uint32_t)TINFO(rec)->vti_remote_cid, ntop_flags,
	    buf);
}

static void
transport_restricted(const void *rec, char *buf)
{
	(void) strcpy(buf, TINFO(rec)->vti_restricted != 0 ? "yes" : "no");
}

#define	T64(name, width, member)	\
	{ name, width, FIELD_U64, offsetof(vsock_transport_info_t,	\
	    vti_##member), NULL }

static const field_t transport_fields[] = {
	{ "NAME", 12, FIELD_TEXT, offsetof(vsock_transport_info_t, vti_name),
	    NULL },
	{ "ZONE", 4, FIELD_INT, offsetof(vsock_transport_info_t, vti_zoneid),
	    NULL },
	FUNC("DIRECTION", 9, transport_direction),
	FUNC("LOCAL", 10, transport_local),
	FUNC("REMOTE", 10, transport_remote),
	FUNC("TYPES", 16, transport_types),
	FUNC("RESTRICTED", 10, transport_restricted),
	T64("CONNS", 6, connections),
	T64("MAXCONNS", 8, max_connections),
	T64("CONNECTS", 8, connects),
	T64("ACCEPTS", 8, accepts),
	T64("REFUSEDOUT", 10, refused_out),
	T64("REFUSEDIN", 9, refused_in),
	T64("RESETS", 8, resets),
	T64("RXBYTES", 12, rx_bytes),
	T64("TXBYTES", 12, tx_bytes),
	T64("RXMSGS", 10, rx_messages),
	T64("TXMSGS", 10, tx_messages),
	END
};

typedef struct named {
	output_t	*n_output;
	const char	*n_name;	/* NULL: all */
	bool		n_nonzero;	/* only what is not 0 */
	bool		n_found;
} named_t;

static int
transport_one(const vsock_transport_info_t *vti, void *arg)
{
	named_t *n = arg;

	if (n->n_name != NULL && strcmp(n->n_name, vti->vti_name) != 0)
		return (0);
	n->n_found = true;
	output_line(n->n_output, vti);
	return (0);
}

static int
do_show_transport(int argc, char **argv)
{
	named_t n = { 0 };
	vsock_handle_t *vh;
	int err;

	n.n_output = show_options(argc, argv, transport_fields,
	    "name,direction,local,remote,types,conns,rxbytes,txbytes", "n",
	    NULL, NULL);
	operands(argc, 1);
	n.n_name = argv[optind];
	vh = open_system();
	err = vsock_walk_transports(vh, transport_one, &n);
	if (err == 0 && n.n_name != NULL && !n.n_found)
		die("%s: no such transport", n.n_name);
	return (finish(vh, n.n_output, err));
}

/*
 * Statistics
 */

#define	STAT(f)		((const vsock_stat_t *)(f))

static void
stat_module(const void *rec, char *buf)
{
	(void) snprintf(buf, FIELD_MAX, "%s", STAT(rec)->vs_module);
}

static void
stat_name(const void *rec, char *buf)
{
	(void) snprintf(buf, FIELD_MAX, "%s", STAT(rec)->vs_name);
}

static void
stat_statistic(const void *rec, char *buf)
{
	(void) snprintf(buf, FIELD_MAX, "%s", STAT(rec)->vs_stat);
}

static const field_t stat_fields[] = {
	FUNC("MODULE", 16, stat_module),
	{ "INSTANCE", 8, FIELD_INT, offsetof(vsock_stat_t, vs_instance), NULL },
	FUNC("NAME", 16, stat_name),
	FUNC("STATISTIC", 20, stat_statistic),
	{ "VALUE", 12, FIELD_U64, offsetof(vsock_stat_t, vs_value), NULL },
	END
};

static int
stat_one(const vsock_stat_t *vs, void *arg)
{
	named_t *n = arg;

	if (n->n_name != NULL && strcmp(n->n_name, vs->vs_name) != 0 &&
	    strcmp(n->n_name, vs->vs_module) != 0)
		return (0);
	n->n_found = true;
	if (!n->n_nonzero || vs->vs_value != 0)
		output_line(n->n_output, vs);
	return (0);
}

static int
do_show_stats(int argc, char **argv)
{
	named_t n = { 0 };
	vsock_handle_t *vh;
	int err;

	n.n_output = show_options(argc, argv, stat_fields,
	    "module,instance,name,statistic,value", "z", &n.n_nonzero,
	    NULL);
	operands(argc, 1);
	n.n_name = argv[optind];
	vh = open_system();
	err = vsock_walk_stats(vh, stat_one, &n);
	if (err == 0 && n.n_name != NULL && !n.n_found)
		die("%s: no such statistics", n.n_name);
	return (finish(vh, n.n_output, err));
}

/*
 * Properties
 */

static void
prop_name(const void *rec, char *buf)
{
	(void) strcpy(buf, ((const vsock_prop_info_t *)rec)->vpi_name);
}

static const field_t prop_fields[] = {
	FUNC("PROPERTY", 16, prop_name),
	{ "VALUE", 10, FIELD_TEXT, offsetof(vsock_prop_info_t, vpi_value),
	    NULL },
	{ "DEFAULT", 10, FIELD_TEXT, offsetof(vsock_prop_info_t, vpi_default),
	    NULL },
	{ "POSSIBLE", 20, FIELD_TEXT,
	    offsetof(vsock_prop_info_t, vpi_possible), NULL },
	END
};

static void
prop_failed(const char *name, int err)
{
	switch (err) {
	case ESRCH:
		die("%s: no such property", name);
	case EINVAL:
		die("%s: not a value for it", name);
	case ERANGE:
		die("%s: value out of range", name);
	case EPERM:
		die("%s: permission denied", name);
	case ENXIO:
		die("%s: no such zone", name);
	default:
		die("%s: %s", name, strerror(err));
	}
}

/* The system, with the properties of that zone, or NULL, our own. */
static vsock_handle_t *
open_zone(const char *zone)
{
	vsock_handle_t *vh = open_system();

	if (zone != NULL && vsock_prop_zone(vh, zone) != 0)
		die("%s: no such zone", zone);
	return (vh);
}

static int
do_get_prop(int argc, char **argv)
{
	vsock_prop_info_t info;
	const char *zone = NULL;
	vsock_handle_t *vh;
	const char *name;
	output_t *o;
	unsigned i;
	int err;

	o = show_options(argc, argv, prop_fields,
	    "property,value,default,possible", "z:", NULL, &zone);
	vh = open_zone(zone);
	for (i = 0; ; i++) {
		name = (optind < argc) ? argv[optind + (int)i] :
		    vsock_prop_name(i);
		if (name == NULL)
			break;
		if ((err = vsock_prop_read(vh, name, &info)) != 0)
			prop_failed(name, err);
		output_line(o, &info);
	}
	return (finish(vh, o, 0));
}

/* The options of the commands that set properties: whose, or NULL. */
static const char *
zone_option(int argc, char **argv)
{
	const char *zone = NULL;
	int c;

	while ((c = getopt(argc, argv, ":z:")) != -1) {
		if (c == ':')
			usage("option -%c requires an argument", optopt);
		if (c == '?')
			usage("unknown option -%c", optopt);
		zone = optarg;
	}
	if (optind == argc)
		usage("which property?");
	return (zone);
}

static int
do_set_prop(int argc, char **argv)
{
	const char *zone = zone_option(argc, argv);
	vsock_handle_t *vh;
	char *value;
	int i, err;

	for (i = optind; i < argc; i++) {
		if (strchr(argv[i], '=') == NULL)
			usage("%s: there is no value", argv[i]);
	}
	vh = open_zone(zone);
	for (i = optind; i < argc; i++) {
		value = strchr(argv[i], '=');
		*value++ = '\0';
		if ((err = vsock_prop_write(vh, argv[i], value)) != 0)
			prop_failed(argv[i], err);
	}
	vsock_close(vh);
	return (EXIT_SUCCESS);
}

static int
do_reset_prop(int argc, char **argv)
{
	const char *zone = zone_option(argc, argv);
	vsock_handle_t *vh = open_zone(zone);
	int i, err;

	for (i = optind; i < argc; i++) {
		if ((err = vsock_prop_reset(vh, argv[i])) != 0)
			prop_failed(argv[i], err);
	}
	vsock_close(vh);
	return (EXIT_SUCCESS);
}

/*
 * Capture
 */

/* The number that is the argument of an option, between two others. */
static unsigned long
number(int option, unsigned long min, unsigned long max)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(optarg, &end, 10);
	if (*optarg < '0' || *optarg > '9' || *end != '\0' || errno != 0 ||
	    n < min || n > max)
		usage("option -%c: not a number between %lu and %lu", option,
		    min, max);
	return (n);
}

static int
do_snoop(int argc, char **argv)
{
	unsigned long count = 0;
	uint32_t bufsize = 0, snaplen = 0;
	const char *path = NULL;
	vsock_handle_t *vh;
	int c, status;

	while ((c = getopt(argc, argv, ":b:c:s:w:")) != -1) {
		switch (c) {
		case 'b':
			bufsize = (uint32_t)number(c, VSOCK_CAPTURE_MINBUF,
			    VSOCK_CAPTURE_MAXBUF);
			break;
		case 'c':
			count = number(c, 1, UINT32_MAX);
			break;
		case 's':
			snaplen = (uint32_t)number(c, sizeof (vsock_mon_hdr_t),
			    VSOCK_CAPTURE_MAXSNAP);
			break;
		case 'w':
			path = optarg;
			break;
		case ':':
			usage("option -%c requires an argument", optopt);
		default:
			usage("unknown option -%c", optopt);
		}
	}
	operands(argc, 0);
	vh = open_system();
	status = snoop(vh, path, count, bufsize, snaplen);
	vsock_close(vh);
	return (status);
}

static const command_t commands[] = {
	{ "show-transport", do_show_transport,
	    "[-n] [[-p] -o field,...] [transport]" },
	{ "show-connection", do_show_connection,
	    "[-an] [[-p] -o field,...]" },
	{ "show-listener", do_show_listener, "[-n] [[-p] -o field,...]" },
	{ "show-stats", do_show_stats, "[-z] [[-p] -o field,...] [name]" },
	{ "get-prop", do_get_prop,
	    "[-z zone] [[-p] -o field,...] [property...]" },
	{ "set-prop", do_set_prop, "[-z zone] property=value..." },
	{ "reset-prop", do_reset_prop, "[-z zone] property..." },
	{ "snoop", do_snoop,
	    "[-b bufsize] [-c count] [-s snaplen] [-w file]" },
	{ NULL, NULL, NULL }
};

/* --OPTION WHERE or --OPTION=WHERE before the command: how many arguments. */
static int
where_option(int argc, char **argv)
{
	const char *option = vsock_where_option();
	size_t len;

	if (option == NULL || argc < 2 || strncmp(argv[1], "--", 2) != 0)
		return (0);
	len = strlen(option);
	if (strncmp(argv[1] + 2, option, len) != 0)
		return (0);
	if (argv[1][2 + len] == '=') {
		where = argv[1] + 2 + len + 1;
		return (1);
	}
	if (argv[1][2 + len] != '\0')
		return (0);
	if (argc < 3)
		usage("option --%s requires an argument", option);
	where = argv[2];
	return (2);
}

int
main(int argc, char **argv)
{
	const command_t *c;
	int n = where_option(argc, argv);

	argc -= n;
	argv += n;
	if (argc < 2)
		usage("which command?");
	for (c = commands; c->c_name != NULL; c++) {
		if (strcmp(c->c_name, argv[1]) == 0)
			break;
	}
	if (c->c_name == NULL)
		usage("unknown command \"%s\"", argv[1]);
	command = c;
	return (c->c_func(argc - 1, argv + 1));
}
