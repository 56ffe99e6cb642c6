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
 * See probe.h.  The notes are read from the program's file, as they are not
 * loaded.  The handler runs in the thread that hit the probe and continues
 * behind the breakpoint: what it has replaced did nothing.
 */

#include <sys/mman.h>
#include <sys/stat.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "../ktest.h"
#include "../probe.h"

#define	PROBE_SITES	64
#define	PROBE_ARGS	8
#define	PROBE_NOP	0x90
#define	PROBE_INT3	0xcc

#define	PROBE_DIE(...)	kt_fail(__FILE__, __LINE__, __VA_ARGS__)

typedef struct probe_site {
	uint8_t		*ps_addr;
	const char	*ps_name;	/* in the file */
	const char	*ps_args;
} probe_site_t;

typedef struct probe_seen {
	const char	*pn_name;
	unsigned	pn_hits;
	unsigned	pn_known;	/* mask of the arguments understood */
	int64_t		pn_arg[PROBE_ARGS];
} probe_seen_t;

static probe_site_t probe_sites[PROBE_SITES];
static unsigned probe_nsites;
static probe_seen_t probe_seen[PROBE_SITES];
static unsigned probe_nseen;
static pthread_mutex_t probe_lock = PTHREAD_MUTEX_INITIALIZER;

static const struct {
	const char	*pr_name;
	int		pr_reg;
} probe_regs[] = {
	{ "rax", REG_RAX }, { "rbx", REG_RBX }, { "rcx", REG_RCX },
	{ "rdx", REG_RDX }, { "rsi", REG_RSI }, { "rdi", REG_RDI },
	{ "rbp", REG_RBP }, { "rsp", REG_RSP }, { "r8", REG_R8 },
	{ "r9", REG_R9 }, { "r10", REG_R10 }, { "r11", REG_R11 },
	{ "r12", REG_R12 }, { "r13", REG_R13 }, { "r14", REG_R14 },
	{ "r15", REG_R15 }
};

static probe_seen_t *
probe_find(const char *name)
{
	for (unsigned i = 0; i < probe_nseen; i++) {
		if (strcmp(probe_seen[i].pn_name, name) == 0)
			return (&probe_seen[i]);
	}
	return (NULL);
}

/* The register "%..." at *s, which is advanced. */
static bool
probe_reg(const char **s, const ucontext_t *uc, int64_t *val)
{
	size_t len;

	if (**s != '%')
		return (false);
	len = strcspn(*s + 1, " ),");
	for (size_t i = 0; i < sizeof (probe_regs) / sizeof (probe_regs[0]);
	    i++) {
		if (strlen(probe_regs[i].pr_name) == len &&
		    strncmp(probe_regs[i].pr_name, *s + 1, len) == 0) {
			*val = uc->uc_mcontext.gregs[probe_regs[i].pr_reg];
			*s += len + 1;
			return (true);
		}
	}
	return (false);
}

/* An operand: $number, %register, number(%register,%index,scale). */
__attribute__((no_sanitize("address", "undefined", "thread")))
static bool
probe_operand(const char *s, const ucontext_t *uc, int64_t *val)
{
	int64_t index = 0;
	long num, scale = 1;
	char *end;

	if (*s == '%')
		return (probe_reg(&s, uc, val));
	num = strtol(*s == '$' ? s + 1 : s, &end, 0);
	if (*s == '$') {
		*val = num;
		return (*end == ' ' || *end == '\0');
	}
	s = end + 1;
	if (*end != '(' || !probe_reg(&s, uc, val))
		return (false);
	if (*s == ',') {
		s++;
		if (!probe_reg(&s, uc, &index))
			return (false);
		if (*s == ',') {
			scale = strtol(s + 1, &end, 10);
			s = end;
		}
	}
	if (*s != ')')
		return (false);
	*val = *(const int64_t *)(uintptr_t)(*val + index * scale + num);
	return (true);
}

static void
probe_trap(int sig, siginfo_t *info, void *arg)
{
	const ucontext_t *uc = arg;
	const uint8_t *addr = (uint8_t *)uc->uc_mcontext.gregs[REG_RIP] - 1;
	const probe_site_t *ps = NULL;
	probe_seen_t *pn;
	const char *s;

	for (unsigned i = 0; i < probe_nsites && ps == NULL; i++) {
		if (probe_sites[i].ps_addr == addr)
			ps = &probe_sites[i];
	}
	if (ps == NULL)
		abort();
	(void) pthread_mutex_lock(&probe_lock);
	pn = probe_find(ps->ps_name);
	pn->pn_hits++;
	pn->pn_known = 0;
	s = ps->ps_args;
	for (unsigned i = 0; i < PROBE_ARGS && (s = strchr(s, '@')) != NULL;
	    i++) {
		if (probe_operand(++s, uc, &pn->pn_arg[i]))
			pn->pn_known |= 1U << i;
	}
	(void) pthread_mutex_unlock(&probe_lock);
}

static int
probe_base(struct dl_phdr_info *info, size_t size, void *arg)
{
	*(uintptr_t *)arg = info->dlpi_addr;
	return (1);			/* the first is the program */
}

__attribute__((no_sanitize("thread")))
static void
probe_patch(uint8_t *addr)
{
	uintptr_t page = (uintptr_t)addr & ~(uintptr_t)4095;

	if (*addr != PROBE_NOP)
		PROBE_DIE("there is no nop at a probe");
	if (mprotect((void *)page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC) !=
	    0)
		PROBE_DIE("mprotect");
	*addr = PROBE_INT3;
	if (mprotect((void *)page, 4096, PROT_READ | PROT_EXEC) != 0)
		PROBE_DIE("mprotect");
}

/* Add the sites of this name among the notes. */
static unsigned
probe_notes(const char *notes, size_t len, const char *name)
{
	uintptr_t base = 0;
	const Elf64_Nhdr *nh;
	const char *s;
	uint64_t addr;
	size_t off = 0;
	unsigned n = 0;

	(void) dl_iterate_phdr(probe_base, &base);
	while (off + sizeof (*nh) < len) {
		nh = (const Elf64_Nhdr *)(notes + off);
		off += sizeof (*nh) + ((nh->n_namesz + 3) & ~3U);
		/* Address, base, semaphore; provider, name, arguments. */
		(void) memcpy(&addr, notes + off, sizeof (addr));
		s = notes + off + 3 * sizeof (addr);
		s += strlen(s) + 1;
		off += (nh->n_descsz + 3) & ~3U;
		if (strcmp(s, name) != 0)
			continue;
		if (probe_nsites == PROBE_SITES)
			PROBE_DIE("too many sites");
		probe_sites[probe_nsites].ps_addr =
		    (uint8_t *)(base + addr);
		probe_sites[probe_nsites].ps_name = s;
		probe_sites[probe_nsites].ps_args = s + strlen(s) + 1;
		probe_patch(probe_sites[probe_nsites++].ps_addr);
		n++;
	}
	return (n);
}

unsigned
probe_on(const char *name)
{
	struct sigaction sa = {
		.sa_sigaction	= probe_trap,
		.sa_flags	= SA_SIGINFO | SA_RESTART
	};
	const Elf64_Ehdr *eh;
	const Elf64_Shdr *sh;
	const char *file, *strings;
	struct stat st;
	unsigned n = 0;
	int fd;

	probe_seen[probe_nseen++].pn_name = name;
	(void) sigaction(SIGTRAP, &sa, NULL);
	if ((fd = open("/proc/self/exe", O_RDONLY)) == -1 ||
	    fstat(fd, &st) != 0)
		PROBE_DIE("/proc/self/exe");
	file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (file == MAP_FAILED)
		PROBE_DIE("mmap");
	(void) close(fd);
	eh = (const Elf64_Ehdr *)file;
	sh = (const Elf64_Shdr *)(file + eh->e_shoff);
	strings = file + sh[eh->e_shstrndx].sh_offset;
	for (unsigned i = 0; i < eh->e_shnum; i++) {
		if (strcmp(strings + sh[i].sh_name, ".note.stapsdt") == 0)
			n += probe_notes(file + sh[i].sh_offset,
			    sh[i].sh_size, name);
	}
	/* The file stays mapped: names and arguments are in it. */
	if (n == 0)
		PROBE_DIE("there is no probe %s", name);
	return (n);
}

unsigned
probe_hits(const char *name)
{
	unsigned n;

	(void) pthread_mutex_lock(&probe_lock);
	n = probe_find(name)->pn_hits;
	probe_find(name)->pn_hits = 0;
	(void) pthread_mutex_unlock(&probe_lock);
	return (n);
}

int64_t
probe_arg(const char *name, unsigned arg)
{
	const probe_seen_t *pn = probe_find(name);

	if ((pn->pn_known & (1U << arg)) == 0)
		PROBE_DIE("argument %u of %s is not understood", arg, name);
	return (pn->pn_arg[arg]);
}
