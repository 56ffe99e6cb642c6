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

#ifndef _SYS_DDITYPES_H
#define	_SYS_DDITYPES_H

/*
 * Types of the device driver interface.
 */

#include <sys/types.h>
#include <sys/mutex.h>

typedef struct dev_info dev_info_t;

typedef void	*ddi_iblock_cookie_t;
typedef union {
	struct {
		ushort_t _idev_vector;
		ushort_t _idev_priority;
	} _idev;
} ddi_idevice_cookie_t;

typedef struct __ddi_acc_handle *ddi_acc_handle_t;
typedef struct __ddi_dma_handle *ddi_dma_handle_t;
typedef struct __ddi_softint_handle *ddi_softint_handle_t;
typedef struct __ddi_eventcookie *ddi_eventcookie_t;
typedef struct __ddi_callback_id *ddi_callback_id_t;
typedef struct __ddi_taskq ddi_taskq_t;
typedef struct __ddi_modhandle *ddi_modhandle_t;

typedef enum {
	DDI_INFO_DEVT2DEVINFO = 0,
	DDI_INFO_DEVT2INSTANCE = 1
} ddi_info_cmd_t;

typedef enum {
	DDI_ATTACH = 0,
	DDI_RESUME = 1,
	DDI_PM_RESUME = 2
} ddi_attach_cmd_t;

typedef enum {
	DDI_DETACH = 0,
	DDI_SUSPEND = 1,
	DDI_PM_SUSPEND = 2,
	DDI_HOTPLUG_DETACH = 3
} ddi_detach_cmd_t;

typedef enum {
	DDI_RESET_FORCE = 0
} ddi_reset_cmd_t;

typedef enum {
	PROP_LEN = 0,
	PROP_LEN_AND_VAL_BUF,
	PROP_LEN_AND_VAL_ALLOC,
	PROP_EXISTS
} ddi_prop_op_t;

typedef struct ddi_device_acc_attr {
	ushort_t	devacc_attr_version;
	uchar_t		devacc_attr_endian_flags;
	uchar_t		devacc_attr_dataorder;
	uchar_t		devacc_attr_access;
} ddi_device_acc_attr_t;

#define	DDI_DEVICE_ATTR_V0	0x0001
#define	DDI_DEVICE_ATTR_V1	0x0002
#define	DDI_NEVERSWAP_ACC	0x00
#define	DDI_STRUCTURE_LE_ACC	0x01
#define	DDI_STRUCTURE_BE_ACC	0x02
#define	DDI_STRICTORDER_ACC	0x00
#define	DDI_UNORDERED_OK_ACC	0x01
#define	DDI_MERGING_OK_ACC	0x02
#define	DDI_LOADCACHING_OK_ACC	0x03
#define	DDI_STORECACHING_OK_ACC	0x04
#define	DDI_DEFAULT_ACC		0x01
#define	DDI_FLAGERR_ACC		0x02
#define	DDI_CAUTIOUS_ACC	0x03

#endif	/* _SYS_DDITYPES_H */
