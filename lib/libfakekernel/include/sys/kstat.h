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

#ifndef _SYS_KSTAT_H
#define	_SYS_KSTAT_H

/*
 * Kernel statistics.
 */

#include <sys/types.h>
#include <sys/mutex.h>
#include <sys/zone.h>

#define	KSTAT_STRLEN		31

typedef int kid_t;

typedef struct kstat {
	hrtime_t	ks_crtime;
	struct kstat	*ks_next;
	kid_t		ks_kid;
	char		ks_module[KSTAT_STRLEN];
	uchar_t		ks_resv;
	int		ks_instance;
	char		ks_name[KSTAT_STRLEN];
	uchar_t		ks_type;
	char		ks_class[KSTAT_STRLEN];
	uchar_t		ks_flags;
	void		*ks_data;
	uint_t		ks_ndata;
	size_t		ks_data_size;
	hrtime_t	ks_snaptime;
	int		(*ks_update)(struct kstat *, int);
	void		*ks_private;
	int		(*ks_snapshot)(struct kstat *, void *, int);
	void		*ks_lock;
} kstat_t;

typedef struct kstat_named {
	char	name[KSTAT_STRLEN];
	uchar_t	data_type;
	union {
		char		c[16];
		int32_t		i32;
		uint32_t	ui32;
		struct {
			union {
				char	*ptr;
				char	__pad[8];
			} addr;
			uint32_t	len;
		} str;
		int64_t		i64;
		uint64_t	ui64;
		long		l;
		ulong_t		ul;
		longlong_t	ll;
		u_longlong_t	ull;
	} value;
} kstat_named_t;

#define	KSTAT_TYPE_RAW		0
#define	KSTAT_TYPE_NAMED	1
#define	KSTAT_TYPE_INTR		2
#define	KSTAT_TYPE_IO		3
#define	KSTAT_TYPE_TIMER	4

#define	KSTAT_FLAG_VIRTUAL	0x01
#define	KSTAT_FLAG_VAR_SIZE	0x02
#define	KSTAT_FLAG_WRITABLE	0x04
#define	KSTAT_FLAG_PERSISTENT	0x08
#define	KSTAT_FLAG_DORMANT	0x10
#define	KSTAT_FLAG_INVALID	0x20
#define	KSTAT_FLAG_LONGSTRINGS	0x40

#define	KSTAT_READ		0
#define	KSTAT_WRITE		1

#define	KSTAT_DATA_CHAR		0
#define	KSTAT_DATA_INT32	1
#define	KSTAT_DATA_UINT32	2
#define	KSTAT_DATA_INT64	3
#define	KSTAT_DATA_UINT64	4
#define	KSTAT_DATA_LONG		7	/* in the kernel only */
#define	KSTAT_DATA_ULONG	8
#define	KSTAT_DATA_STRING	9

#define	KSTAT_NAMED_PTR(k)		((kstat_named_t *)(k)->ks_data)
#define	KSTAT_NAMED_STR_PTR(kn)		((kn)->value.str.addr.ptr)
#define	KSTAT_NAMED_STR_BUFLEN(kn)	((kn)->value.str.len)

#define	KSTAT_ENTER(k)		\
	{ kmutex_t *lp = (k)->ks_lock; if (lp) mutex_enter(lp); }
#define	KSTAT_EXIT(k)		\
	{ kmutex_t *lp = (k)->ks_lock; if (lp) mutex_exit(lp); }
#define	KSTAT_UPDATE(k, rw)	(*(k)->ks_update)((k), (rw))
#define	KSTAT_SNAPSHOT(k, b, rw) (*(k)->ks_snapshot)((k), (b), (rw))

/* NULL if one with module, instance and name exists; may sleep. */
extern kstat_t *kstat_create(const char *, int, const char *, const char *,
    uchar_t, uint_t, uchar_t);
extern kstat_t *kstat_create_zone(const char *, int, const char *, const char *,
    uchar_t, uint_t, uchar_t, zoneid_t);
extern void kstat_install(kstat_t *);
extern void kstat_delete(kstat_t *);
extern void kstat_delete_byname(const char *, int, const char *);
extern void kstat_named_init(kstat_named_t *, const char *, uchar_t);
extern void kstat_named_setstr(kstat_named_t *, const char *);
extern void kstat_set_string(char *, const char *);
extern void kstat_zone_add(kstat_t *, zoneid_t);
extern void kstat_zone_remove(kstat_t *, zoneid_t);
extern int kstat_zone_find(kstat_t *, zoneid_t);
/* Held until kstat_rele(). */
extern kstat_t *kstat_hold_byname(const char *, int, const char *, zoneid_t);
extern void kstat_rele(kstat_t *);

#endif	/* _SYS_KSTAT_H */
