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

#ifndef _KSTAT_H
#define	_KSTAT_H

/*
 * As much of libkstat as vsockadm uses (kstat.c), and what it has of the
 * kernel's <sys/kstat.h>.
 */

#include <stddef.h>
#include <stdint.h>

#define	KSTAT_STRLEN		31

#define	KSTAT_TYPE_RAW		0
#define	KSTAT_TYPE_NAMED	1

#define	KSTAT_DATA_INT32	1
#define	KSTAT_DATA_UINT32	2
#define	KSTAT_DATA_INT64	3
#define	KSTAT_DATA_UINT64	4

typedef struct kstat {
	int64_t		ks_crtime;
	struct kstat	*ks_next;
	int		ks_kid;
	char		ks_module[KSTAT_STRLEN];
	unsigned char	ks_resv;
	int		ks_instance;
	char		ks_name[KSTAT_STRLEN];
	unsigned char	ks_type;
	char		ks_class[KSTAT_STRLEN];
	unsigned char	ks_flags;
	void		*ks_data;
	unsigned int	ks_ndata;
	size_t		ks_data_size;
	int64_t		ks_snaptime;
	void		*ks_kernel[4];
} kstat_t;

typedef struct kstat_named {
	char		name[KSTAT_STRLEN];
	unsigned char	data_type;
	union {
		char		c[16];
		int32_t		i32;
		uint32_t	ui32;
		uint64_t	ui64;
	} value;
} kstat_named_t;

typedef struct kstat_ctl {
	kstat_t		*kc_chain;
	int		kc_kd;
} kstat_ctl_t;

extern kstat_ctl_t *kstat_open(void);
extern int kstat_close(kstat_ctl_t *);
extern int kstat_chain_update(kstat_ctl_t *);
extern int kstat_read(kstat_ctl_t *, kstat_t *, void *);

#endif	/* _KSTAT_H */
