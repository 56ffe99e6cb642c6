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
 * As much of DTrace as shows that probes are there, and fire: what dtrace(8)
 * does, without its compiler.
 *
 *	dtrace probes MODULE
 *
 * prints provider and name of each probe of a module.
 *
 *	dtrace trace PROVIDER MODULE ARG NAME SUM FILE
 *
 * enables all probes of a provider in a module, with the one action
 * trace(argARG); then makes FILE; and ends when the values of the probes called
 * NAME add up to SUM.  For each probe that has fired it prints the name, how
 * often, and the sum of the values.  A probe that is in several functions is
 * several probes.
 *
 * The node of the dtrace driver is the interface of libdtrace, which is private
 * to illumos; what is declared here is in its <sys/dtrace.h>.
 */

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "illumos.h"

#define	DTRACE_NODE	"/devices/pseudo/dtrace@0:dtrace"
#define	SDT_NODE	"/devices/pseudo/sdt@0:sdt"

#define	DTRACEIOC_PROBES	0x64747202
#define	DTRACEIOC_BUFSNAP	0x64747204
#define	DTRACEIOC_ENABLE	0x64747206
#define	DTRACEIOC_EPROBE	0x64747208
#define	DTRACEIOC_GO		0x6474720c
#define	DTRACEIOC_STOP		0x6474720d

#define	DOF_SECT_ECBDESC	3
#define	DOF_SECT_PROBEDESC	4
#define	DOF_SECT_ACTDESC	5
#define	DOF_SECT_DIFOHDR	6
#define	DOF_SECT_DIF		7
#define	DOF_SECT_STRTAB		8
#define	DOF_SECT_OPTDESC	14
#define	DOF_NSECTS		7
#define	DOF_SECF_LOAD		1
#define	DOF_SECIDX_NONE		((uint32_t)-1)

#define	DTRACEACT_DIFEXPR	1
#define	DTRACEOPT_BUFSIZE	0
#define	DIF_VAR_ARG0		0x106
#define	DIF_OP_RET		35
#define	DIF_OP_LDGS		41

#define	BUFSIZE		(256 * 1024)	/* of each CPU */
#define	NCPU		8
#define	NEPIDS		128
#define	LIMIT_S		60		/* then it will not happen any more */

typedef struct probedesc {
	uint32_t	pd_id;
	char		pd_provider[64];
	char		pd_mod[64];
	char		pd_func[128];
	char		pd_name[64];
} probedesc_t;

typedef struct recdesc {
	uint16_t	rd_action;
	uint32_t	rd_size;
	uint32_t	rd_offset;
	uint16_t	rd_alignment;
	uint16_t	rd_format;
	uint64_t	rd_arg;
	uint64_t	rd_uarg;
} recdesc_t;

typedef struct eprobedesc {
	uint32_t	ed_epid;
	uint32_t	ed_probeid;
	uint64_t	ed_uarg;
	uint32_t	ed_size;
	int32_t		ed_nrecs;
	recdesc_t	ed_rec;
} eprobedesc_t;

typedef struct bufdesc {
	uint64_t	bd_size;
	uint32_t	bd_cpu;
	uint32_t	bd_errors;
	uint64_t	bd_drops;
	void		*bd_data;
	uint64_t	bd_oldest;
	uint64_t	bd_timestamp;
} bufdesc_t;

typedef struct dof_sec {
	uint32_t	ds_type;
	uint32_t	ds_align;
	uint32_t	ds_flags;
	uint32_t	ds_entsize;
	uint64_t	ds_offset;
	uint64_t	ds_size;
} dof_sec_t;

/*
 * The program, in the form in which the driver takes it: a header, the table of
 * the sections, and these.  Sections refer to others by their index.
 */
typedef struct dof {
	uint8_t		do_ident[16];
	uint32_t	do_flags;
	uint32_t	do_hdrsize;
	uint32_t	do_secsize;
	uint32_t	do_secnum;
	uint64_t	do_secoff;
	uint64_t	do_loadsz;
	uint64_t	do_filesz;
	uint64_t	do_pad;
	dof_sec_t	do_secs[DOF_NSECTS];
	struct {
		uint32_t	ec_probes;
		uint32_t	ec_pred;
		uint32_t	ec_actions;
		uint32_t	ec_pad;
		uint64_t	ec_uarg;
	} do_ecb;
	struct {
		uint32_t	ac_difo;
		uint32_t	ac_strtab;
		uint32_t	ac_kind;
		uint32_t	ac_ntuple;
		uint64_t	ac_arg;
		uint64_t	ac_uarg;
	} do_action;
	struct {
		uint32_t	op_option;
		uint32_t	op_strtab;
		uint64_t	op_value;
	} do_option;
	struct {
		uint32_t	pr_strtab;
		uint32_t	pr_provider;
		uint32_t	pr_mod;
		uint32_t	pr_func;
		uint32_t	pr_name;
		uint32_t	pr_id;
	} do_probe;
	struct {
		uint8_t		di_kind;
		uint8_t		di_ckind;
		uint8_t		di_flags;
		uint8_t		di_pad;
		uint32_t	di_size;
		uint32_t	di_link;
	} do_difo;
	uint32_t	do_dif[2];
	char		do_strings[256];
} dof_t;

/* The order of do_secs. */
enum { SEC_ECB, SEC_ACTION, SEC_OPTION, SEC_PROBE, SEC_DIFO, SEC_DIF,
	SEC_STRINGS };

/* What is known of an enabled probe, by its number in the records. */
typedef struct epid {
	uint32_t	ep_size;	/* of a record; 0: not known yet */
	uint32_t	ep_offset;	/* of the value in it */
	char		ep_name[64];
	uint64_t	ep_fires;
	uint64_t	ep_sum;
} epid_t;

static int dtfd;
static epid_t epids[NEPIDS];

static void
open_nodes(void)
{
	if ((dtfd = open(DTRACE_NODE, O_RDWR)) == -1)
		err(1, DTRACE_NODE);
	/* Nothing else attaches the provider; it stays. */
	if (open(SDT_NODE, O_RDONLY) == -1)
		err(1, SDT_NODE);
}

static int
probes(const char *module)
{
	probedesc_t pd = { 0 };

	/* Each time, the one with this id or the next that there is. */
	for (;;) {
		if (ill_ioctl(dtfd, DTRACEIOC_PROBES, &pd) == -1) {
			if (errno == ESRCH)
				return (0);
			err(1, "probes");
		}
		if (strcmp(pd.pd_mod, module) == 0)
			(void) printf("%s %s\n", pd.pd_provider, pd.pd_name);
		pd.pd_id++;
	}
}

static uint32_t
add_string(dof_t *dof, const char *text)
{
	dof_sec_t *ds = &dof->do_secs[SEC_STRINGS];
	uint32_t at = (uint32_t)ds->ds_size;
	size_t len = strlen(text) + 1;

	if (at + len > sizeof (dof->do_strings))
		errx(1, "names too long");
	(void) memcpy(dof->do_strings + at, text, len);
	ds->ds_size += len;
	return (at);
}

#define	SECTION(type, align, entsize, member) {				\
	.ds_type = type, .ds_align = align, .ds_flags = DOF_SECF_LOAD,	\
	.ds_entsize = entsize, .ds_offset = offsetof(dof_t, member),	\
	.ds_size = sizeof (((dof_t *)NULL)->member) }

/* PROVIDER:MODULE:: { trace(argN); } */
static void
enable(const char *provider, const char *module, uint32_t arg)
{
	static dof_t dof = {
		/* The data model, byte order, versions and registers. */
		.do_ident = { 0x7f, 'D', 'O', 'F', 2, 1, 2, 2, 8, 8 },
		.do_hdrsize = offsetof(dof_t, do_secs),
		.do_secsize = sizeof (dof_sec_t),
		.do_secnum = DOF_NSECTS,
		.do_secoff = offsetof(dof_t, do_secs),
		.do_loadsz = sizeof (dof),
		.do_filesz = sizeof (dof),
		.do_secs = {
			[SEC_ECB] = SECTION(DOF_SECT_ECBDESC, 8, 0, do_ecb),
			[SEC_ACTION] = SECTION(DOF_SECT_ACTDESC, 8,
			    sizeof (dof.do_action), do_action),
			[SEC_OPTION] = SECTION(DOF_SECT_OPTDESC, 8,
			    sizeof (dof.do_option), do_option),
			[SEC_PROBE] = SECTION(DOF_SECT_PROBEDESC, 4, 0,
			    do_probe),
			[SEC_DIFO] = SECTION(DOF_SECT_DIFOHDR, 4, 0, do_difo),
			[SEC_DIF] = SECTION(DOF_SECT_DIF, 4, 4, do_dif),
			[SEC_STRINGS] = SECTION(DOF_SECT_STRTAB, 1, 0,
			    do_strings)
		},
		.do_ecb = { .ec_probes = SEC_PROBE, .ec_pred = DOF_SECIDX_NONE,
		    .ec_actions = SEC_ACTION },
		.do_action = { .ac_difo = SEC_DIFO,
		    .ac_strtab = DOF_SECIDX_NONE,
		    .ac_kind = DTRACEACT_DIFEXPR },
		.do_option = { .op_option = DTRACEOPT_BUFSIZE,
		    .op_strtab = DOF_SECIDX_NONE, .op_value = BUFSIZE },
		.do_probe = { .pr_strtab = SEC_STRINGS },
		/* An integer. */
		.do_difo = { .di_size = sizeof (uint64_t),
		    .di_link = SEC_DIF }
	};

	dof.do_secs[SEC_STRINGS].ds_size = 0;
	dof.do_probe.pr_func = dof.do_probe.pr_name = add_string(&dof, "");
	dof.do_probe.pr_provider = add_string(&dof, provider);
	dof.do_probe.pr_mod = add_string(&dof, module);
	/* By way of register 1. */
	dof.do_dif[0] = (uint32_t)DIF_OP_LDGS << 24 |
	    (DIF_VAR_ARG0 + arg) << 8 | 1;
	dof.do_dif[1] = (uint32_t)DIF_OP_RET << 24 | 1;
	if (ill_ioctl(dtfd, DTRACEIOC_ENABLE, &dof) == -1)
		err(1, "enable");
}

static epid_t *
epid_lookup(uint32_t id)
{
	eprobedesc_t ed = { .ed_epid = id, .ed_nrecs = 1 };
	probedesc_t pd = { 0 };
	epid_t *ep;

	if (id >= NEPIDS)
		errx(1, "enabled probe %u", id);
	ep = &epids[id];
	if (ep->ep_size == 0) {
		if (ill_ioctl(dtfd, DTRACEIOC_EPROBE, &ed) == -1)
			err(1, "enabled probe %u", id);
		pd.pd_id = ed.ed_probeid;
		if (ill_ioctl(dtfd, DTRACEIOC_PROBES, &pd) == -1 ||
		    pd.pd_id != ed.ed_probeid)
			err(1, "probe %u", ed.ed_probeid);
		if (ed.ed_nrecs != 1 ||
		    ed.ed_rec.rd_size != sizeof (uint64_t))
			errx(1, "%s records something else", pd.pd_name);
		(void) strcpy(ep->ep_name, pd.pd_name);
		ep->ep_size = ed.ed_size;
		ep->ep_offset = ed.ed_rec.rd_offset;
	}
	return (ep);
}

/* Take what a CPU has recorded. */
static void
consume(uint32_t cpu)
{
	static uint8_t data[BUFSIZE];
	bufdesc_t bd = { .bd_cpu = cpu, .bd_data = data };
	uint64_t at = 0, value;
	uint32_t id;
	epid_t *ep;

	if (ill_ioctl(dtfd, DTRACEIOC_BUFSNAP, &bd) == -1) {
		if (errno != ENOENT)	/* there is no such CPU */
			err(1, "CPU %u", cpu);
		return;
	}
	if (bd.bd_drops != 0 || bd.bd_errors != 0)
		errx(1, "%llu drops, %u errors",
		    (unsigned long long)bd.bd_drops, bd.bd_errors);
	while (at < bd.bd_size) {
		(void) memcpy(&id, data + at, sizeof (id));
		if (id == 0) {		/* alignment */
			at += sizeof (id);
			continue;
		}
		ep = epid_lookup(id);
		(void) memcpy(&value, data + at + ep->ep_offset,
		    sizeof (value));
		ep->ep_fires++;
		ep->ep_sum += value;
		at += ep->ep_size;
	}
}

static uint64_t
sum_of(const char *name)
{
	uint64_t sum = 0;

	for (uint32_t cpu = 0; cpu < NCPU; cpu++)
		consume(cpu);
	for (size_t i = 0; i < NEPIDS; i++) {
		if (epids[i].ep_size != 0 &&
		    strcmp(epids[i].ep_name, name) == 0)
			sum += epids[i].ep_sum;
	}
	return (sum);
}

static int
trace(char **argv)
{
	uint64_t sum = strtoull(argv[4], NULL, 0);
	struct timespec now, end;
	int32_t cpu;
	int fd;

	enable(argv[0], argv[1], (uint32_t)atoi(argv[2]));
	if (ill_ioctl(dtfd, DTRACEIOC_GO, &cpu) == -1)
		err(1, "go");
	if ((fd = open(argv[5], O_WRONLY | O_CREAT)) == -1)
		err(1, "%s", argv[5]);
	(void) close(fd);
	(void) clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += LIMIT_S;
	while (sum_of(argv[3]) < sum) {
		(void) clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec > end.tv_sec)
			errx(1, "%s has come to %llu", argv[3],
			    (unsigned long long)sum_of(argv[3]));
		ill_pause();
	}
	if (ill_ioctl(dtfd, DTRACEIOC_STOP, &cpu) == -1)
		err(1, "stop");
	(void) sum_of(argv[3]);
	for (size_t i = 0; i < NEPIDS; i++) {
		if (epids[i].ep_fires != 0)
			(void) printf("%s %llu %llu\n", epids[i].ep_name,
			    (unsigned long long)epids[i].ep_fires,
			    (unsigned long long)epids[i].ep_sum);
	}
	return (0);
}

int
dtrace_main(int argc, char **argv)
{
	open_nodes();
	if (argc == 3 && strcmp(argv[1], "probes") == 0)
		return (probes(argv[2]));
	if (argc == 8 && strcmp(argv[1], "trace") == 0)
		return (trace(argv + 2));
	errx(1, "dtrace probes MODULE, or dtrace trace PROVIDER MODULE ARG "
	    "NAME SUM FILE");
}
