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
 * Statistics, from the kstat driver: see kstat.h.  The kstat with the id 0 has
 * a copy of the head of each.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "illumos.h"
#include "kstat.h"

#define	KSTAT_NODE	"/devices/pseudo/kstat@0:kstat"
#define	KSTAT_IOC_READ	(('K' << 8) | 0x02)
#define	KSTAT_TRIES	10
#define	KSTAT_MORE	65536	/* bytes that data is given to grow */

static void
chain_free(kstat_ctl_t *kc)
{
	kstat_t *ksp;

	while ((ksp = kc->kc_chain) != NULL) {
		kc->kc_chain = ksp->ks_next;
		free(ksp->ks_data);
		free(ksp);
	}
}

/* Reads with room for more than there was, until it is enough. */
int
kstat_read(kstat_ctl_t *kc, kstat_t *ksp, void *buf)
{
	size_t size = ksp->ks_data_size;

	for (int i = 0; i < KSTAT_TRIES; i++) {
		free(ksp->ks_data);
		size += KSTAT_MORE;
		ksp->ks_data = malloc(size);
		ksp->ks_data_size = size;
		if (ill_ioctl(kc->kc_kd, KSTAT_IOC_READ, ksp) != -1)
			return (0);
		if (errno != ENOMEM)
			return (-1);
	}
	return (-1);
}

int
kstat_chain_update(kstat_ctl_t *kc)
{
	kstat_t heads = { 0 }, *ksp, **nextp = &kc->kc_chain;
	const kstat_t *head;

	chain_free(kc);
	if (kstat_read(kc, &heads, NULL) == -1)
		return (-1);
	head = heads.ks_data;
	for (unsigned int i = 0; i < heads.ks_ndata; i++) {
		ksp = malloc(sizeof (*ksp));
		*ksp = head[i];
		ksp->ks_data = NULL;
		ksp->ks_next = NULL;
		*nextp = ksp;
		nextp = &ksp->ks_next;
	}
	free(heads.ks_data);
	return (0);
}

kstat_ctl_t *
kstat_open(void)
{
	kstat_ctl_t *kc = calloc(1, sizeof (*kc));

	if ((kc->kc_kd = open(KSTAT_NODE, O_RDONLY)) == -1) {
		free(kc);
		return (NULL);
	}
	return (kc);
}

int
kstat_close(kstat_ctl_t *kc)
{
	chain_free(kc);
	(void) close(kc->kc_kd);
	free(kc);
	return (0);
}
