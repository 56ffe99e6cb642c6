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

#ifndef _SYS_SUNDDI_H
#define	_SYS_SUNDDI_H

/*
 * The device driver interface: instances, minor nodes, properties, soft state,
 * user data, task queues.
 */

#include <sys/types.h>
#include <sys/dditypes.h>
#include <sys/cmn_err.h>
#include <sys/thread.h>
#include <sys/stream.h>
#include <sys/devops.h>
#include <sys/conf.h>
#include <sys/stat.h>
#include <sys/systm.h>
#include <sys/time.h>
#include <sys/kmem.h>
#include <sys/model.h>
#include <sys/mutex.h>
#include <sys/condvar.h>
#include <sys/taskq.h>
#include <sys/uio.h>

#define	DDI_SUCCESS		(0)
#define	DDI_FAILURE		(-1)
#define	DDI_NOT_WELL_FORMED	(-2)
#define	DDI_EAGAIN		(-3)
#define	DDI_EINVAL		(-4)
#define	DDI_ENOTSUP		(-5)
#define	DDI_EPENDING		(-6)
#define	DDI_EALREADY		(-7)
#define	DDI_ENOMEM		1
#define	DDI_EBUSY		2
#define	DDI_ETRANSPORT		3
#define	DDI_ECONTEXT		4

#define	DDI_MAJOR_T_NONE	((major_t)-1)

#define	DDI_SLEEP		0
#define	DDI_NOSLEEP		1

#define	DDI_PSEUDO		"ddi_pseudo"
#define	DDI_NT_NET		"ddi_network"

#define	DDI_PROBE_FAILURE	ENXIO
#define	DDI_PROBE_DONTCARE	0
#define	DDI_PROBE_PARTIAL	1
#define	DDI_PROBE_SUCCESS	2

#define	DDI_MODEL_MASK		DATAMODEL_MASK
#define	DDI_MODEL_ILP32		DATAMODEL_ILP32
#define	DDI_MODEL_LP64		DATAMODEL_LP64
#define	DDI_MODEL_NATIVE	DATAMODEL_NATIVE
#define	DDI_MODEL_NONE		DATAMODEL_NONE

/* Instances. */
extern const char *ddi_driver_name(dev_info_t *);
extern char *ddi_binding_name(dev_info_t *);
extern char *ddi_node_name(dev_info_t *);
extern char *ddi_get_name(dev_info_t *);
extern int ddi_get_instance(dev_info_t *);
extern major_t ddi_driver_major(dev_info_t *);
/* Of drivers that have been seen; DDI_MAJOR_T_NONE, NULL. */
extern major_t ddi_name_to_major(const char *);
extern char *ddi_major_to_name(major_t);
extern dev_info_t *ddi_get_parent(dev_info_t *);
extern dev_info_t *ddi_root_node(void);
extern void *ddi_get_driver_private(dev_info_t *);
extern void ddi_set_driver_private(dev_info_t *, void *);
extern void *ddi_get_parent_data(dev_info_t *);
extern void ddi_set_parent_data(dev_info_t *, void *);
extern void ddi_report_dev(dev_info_t *);
extern dev_info_t *ddi_find_devinfo(char *, int, int);
extern int ddi_prop_op(dev_t, dev_info_t *, ddi_prop_op_t, int, char *,
    caddr_t, int *);
extern int ddi_no_info(dev_info_t *, ddi_info_cmd_t, void *, void **);
extern int ddi_quiesce_not_needed(dev_info_t *);
extern int ddi_quiesce_not_supported(dev_info_t *);
extern int ddi_power(dev_info_t *, int, int);

/* Minor nodes: DDI_SUCCESS or DDI_FAILURE (one of that name exists). */
extern int ddi_create_minor_node(dev_info_t *, const char *, int, minor_t,
    const char *, int);
/* With read and write privileges (ignored) and mode (ignored). */
extern int ddi_create_priv_minor_node(dev_info_t *, const char *, int, minor_t,
    const char *, int, const char *, const char *, mode_t);
/* All of them if the name is NULL. */
extern void ddi_remove_minor_node(dev_info_t *, const char *);

/* Properties. */
#define	DDI_DEV_T_NONE		((dev_t)-1)
#define	DDI_DEV_T_ANY		((dev_t)-2)
#define	DDI_NO_AUTODETACH	"ddi-no-autodetach"
#define	DDI_PROP_SUCCESS	0
#define	DDI_PROP_NOT_FOUND	1
#define	DDI_PROP_UNDEFINED	2
#define	DDI_PROP_NO_MEMORY	3
#define	DDI_PROP_INVAL_ARG	4
#define	DDI_PROP_BUF_TOO_SMALL	5
#define	DDI_PROP_CANNOT_DECODE	6
#define	DDI_PROP_CANNOT_ENCODE	7
#define	DDI_PROP_END_OF_DATA	8
#define	DDI_PROP_DONTPASS	0x0001
#define	DDI_PROP_CANSLEEP	0x0002
#define	DDI_PROP_NOTPROM	0x0008

extern int ddi_prop_get_int(dev_t, dev_info_t *, uint_t, char *, int);
extern int64_t ddi_prop_get_int64(dev_t, dev_info_t *, uint_t, char *,
    int64_t);
extern int ddi_prop_exists(dev_t, dev_info_t *, uint_t, char *);
extern int ddi_prop_lookup_string(dev_t, dev_info_t *, uint_t, char *,
    char **);
extern void ddi_prop_free(void *);
extern int ddi_prop_update_int(dev_t, dev_info_t *, char *, int);
extern int ddi_prop_update_int64(dev_t, dev_info_t *, char *, int64_t);
extern int ddi_prop_update_string(dev_t, dev_info_t *, char *, char *);
extern int ddi_prop_remove(dev_t, dev_info_t *, char *);
extern void ddi_prop_remove_all(dev_info_t *);

/* Soft state. */
extern int ddi_soft_state_init(void **, size_t, size_t);
extern void ddi_soft_state_fini(void **);
extern int ddi_soft_state_zalloc(void *, int);
extern void *ddi_get_soft_state(void *, int);
extern void ddi_soft_state_free(void *, int);

/* User data: 0 or -1.  With FKIOCTL the address is a kernel one. */
extern int ddi_copyin(const void *, void *, size_t, int);
extern int ddi_copyout(const void *, void *, size_t, int);
extern model_t ddi_model_convert_from(model_t);

/* Strings. */
extern char *ddi_strdup(const char *, int);
extern int ddi_strtoul(const char *, char **, int, unsigned long *);
extern int ddi_strtol(const char *, char **, int, long *);
extern int ddi_strtoull(const char *, char **, int, u_longlong_t *);
extern int ddi_ffs(long);
extern int ddi_fls(long);

/* Task queues. */
#define	TASKQ_DEFAULTPRI	(-1)

extern ddi_taskq_t *ddi_taskq_create(dev_info_t *, const char *, int, pri_t,
    uint_t);
extern void ddi_taskq_destroy(ddi_taskq_t *);
extern int ddi_taskq_dispatch(ddi_taskq_t *, void (*)(void *), void *, uint_t);
extern void ddi_taskq_wait(ddi_taskq_t *);
extern void ddi_taskq_suspend(ddi_taskq_t *);
extern boolean_t ddi_taskq_suspended(ddi_taskq_t *);
extern void ddi_taskq_resume(ddi_taskq_t *);

extern void *memchr(const void *, int, size_t);
extern size_t strnlen(const char *, size_t);

extern int nochpoll(dev_t, short, int, short *, struct pollhead **);

extern pid_t ddi_get_pid(void);
extern cred_t *ddi_get_cred(void);

#endif	/* _SYS_SUNDDI_H */
