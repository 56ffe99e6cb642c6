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
 * The kernel in general.
 */

#include <sys/types.h>
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/ddi.h>
#include <sys/sunddi.h>
#include <sys/atomic.h>
#include <sys/avl.h>
#include <sys/byteorder.h>
#include <sys/callo.h>
#include <sys/cmn_err.h>
#include <sys/condvar.h>
#include <sys/conf.h>
#include <sys/cred.h>
#include <sys/ddi_intr.h>
#include <sys/ddidmareq.h>
#include <sys/debug.h>
#include <sys/devops.h>
#include <sys/disp.h>
#include <sys/errno.h>
#include <sys/fcntl.h>
#include <sys/file.h>
#include <sys/filio.h>
#include <sys/id_space.h>
#include <sys/ioccom.h>
#include <sys/kmem.h>
#include <sys/kstat.h>
#include <sys/ksynch.h>
#include <sys/list.h>
#include <sys/modctl.h>
#include <sys/model.h>
#include <sys/mutex.h>
#include <sys/open.h>
#include <sys/policy.h>
#include <sys/poll.h>
#include <sys/proc.h>
#include <sys/random.h>
#include <sys/rwlock.h>
#include <sys/semaphore.h>
#include <sys/signal.h>
#include <sys/sockio.h>
#include <sys/stat.h>
#include <sys/stream.h>
#include <sys/strsubr.h>
#include <sys/strsun.h>
#include <sys/sunndi.h>
#include <sys/sysmacros.h>
#include <sys/taskq.h>
#include <sys/taskq_impl.h>
#include <sys/thread.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/vmem.h>
#include <sys/vnode.h>
#include <sys/zone.h>
#include "abi.h"

/* Types */
SIGNED(int8_t, 1);
SIGNED(int16_t, 2);
SIGNED(int32_t, 4);
SIGNED(int64_t, 8);
SIGNED(kid_t, 4);
SIGNED(intptr_t, 8);
SIGNED(ssize_t, 8);
SIGNED(clock_t, 8);
SIGNED(hrtime_t, 8);
SIGNED(time_t, 8);
SIGNED(id_t, 4);
SIGNED(zoneid_t, 4);
SIGNED(pid_t, 4);
SIGNED(pri_t, 2);
SIGNED(off_t, 8);
SIGNED(offset_t, 8);
UNSIGNED(uint8_t, 1);
UNSIGNED(uint16_t, 2);
UNSIGNED(uint32_t, 4);
UNSIGNED(uint64_t, 8);
UNSIGNED(uintptr_t, 8);
UNSIGNED(size_t, 8);
UNSIGNED(uint_t, 4);
UNSIGNED(ushort_t, 2);
UNSIGNED(ulong_t, 8);
UNSIGNED(uchar_t, 1);
UNSIGNED(dev_t, 8);
UNSIGNED(major_t, 4);
UNSIGNED(minor_t, 4);
UNSIGNED(uid_t, 4);
UNSIGNED(gid_t, 4);
UNSIGNED(mode_t, 4);
UNSIGNED(boolean_t, 4);
UNSIGNED(zone_key_t, 4);
UNSIGNED(kt_did_t, 8);
UNSIGNED(taskqid_t, 8);
UNSIGNED(in_port_t, 2);
UNSIGNED(model_t, 4);
UNSIGNED(ddi_attach_cmd_t, 4);
UNSIGNED(ddi_detach_cmd_t, 4);
UNSIGNED(ddi_info_cmd_t, 4);
UNSIGNED(ddi_prop_op_t, 4);
SIZE(caddr_t, 8);
SIZE(timeout_id_t, 8);

/* What is not constant */
MACRO(ulong_t, PAGESIZE);
MACRO(ulong_t, PAGEOFFSET);
MACRO(u_longlong_t, PAGEMASK);
MACRO(int, MUTEX_HELD((kmutex_t *)NULL));
MACRO(int, RW_LOCK_HELD((krwlock_t *)NULL));
MACRO(intptr_t, MBLKL((mblk_t *)NULL));
MACRO(intptr_t, MBLKTAIL((mblk_t *)NULL));
MACRO(unsigned char, DB_REF((mblk_t *)NULL));
MACRO(kt_did_t, ((kthread_t *)NULL)->t_did);

/* Types that are the kernel's own business */
OPAQUE(cred_t);
OPAQUE(dev_info_t);
OPAQUE(file_t);
OPAQUE(id_space_t);
OPAQUE(kcondvar_t);
OPAQUE(kmem_cache_t);
OPAQUE(kmutex_t);
OPAQUE(krwlock_t);
OPAQUE(kthread_t);
OPAQUE(proc_t);
OPAQUE(taskq_t);
OPAQUE(zone_t);

SIZE(mblk_t, 64);
MEMBER(mblk_t, b_next, 0, 8);
MEMBER(mblk_t, b_prev, 8, 8);
MEMBER(mblk_t, b_cont, 16, 8);
MEMBER(mblk_t, b_rptr, 24, 8);
MEMBER(mblk_t, b_wptr, 32, 8);
MEMBER(mblk_t, b_datap, 40, 8);
MEMBER(mblk_t, b_band, 48, 1);
MEMBER(mblk_t, b_tag, 49, 1);
MEMBER(mblk_t, b_flag, 50, 2);
MEMBER(mblk_t, b_queue, 56, 8);

SIZE(dblk_t, 112);
MEMBER(dblk_t, db_frtnp, 0, 8);
MEMBER(dblk_t, db_base, 8, 8);
MEMBER(dblk_t, db_lim, 16, 8);
MEMBER(dblk_t, db_ref, 24, 1);
MEMBER(dblk_t, db_type, 25, 1);
MEMBER(dblk_t, db_flags, 26, 1);
MEMBER(dblk_t, db_struioflag, 27, 1);
MEMBER(dblk_t, db_cpid, 28, 4);
MEMBER(dblk_t, db_cksumstart, 64, 8);
MEMBER(dblk_t, db_cksumend, 72, 8);
MEMBER(dblk_t, db_cksumstuff, 80, 8);
MEMBER(dblk_t, db_struioun, 88, 8);
MEMBER(dblk_t, db_credp, 104, 8);

SIZE(frtn_t, 16);
MEMBER(frtn_t, free_func, 0, 8);
MEMBER(frtn_t, free_arg, 8, 8);

SIZE(iovec_t, 16);
MEMBER(iovec_t, iov_base, 0, 8);
MEMBER(iovec_t, iov_len, 8, 8);

SIZE(uio_t, 48);
MEMBER(uio_t, uio_iov, 0, 8);
MEMBER(uio_t, uio_iovcnt, 8, 4);
MEMBER(uio_t, _uio_offset, 16, 8);
MEMBER(uio_t, uio_segflg, 24, 4);
MEMBER(uio_t, uio_fmode, 28, 2);
MEMBER(uio_t, uio_extflg, 30, 2);
MEMBER(uio_t, _uio_limit, 32, 8);
MEMBER(uio_t, uio_resid, 40, 8);

SIZE(struct timeval, 16);
MEMBER(struct timeval, tv_sec, 0, 8);
SIZE(timespec_t, 16);
MEMBER(timespec_t, tv_nsec, 8, 8);
MEMBER(struct timeval, tv_usec, 8, 8);

SIZE(kstat_t, 184);
MEMBER(kstat_t, ks_crtime, 0, 8);
MEMBER(kstat_t, ks_next, 8, 8);
MEMBER(kstat_t, ks_kid, 16, 4);
MEMBER(kstat_t, ks_module, 20, 31);
MEMBER(kstat_t, ks_resv, 51, 1);
MEMBER(kstat_t, ks_instance, 52, 4);
MEMBER(kstat_t, ks_name, 56, 31);
MEMBER(kstat_t, ks_type, 87, 1);
MEMBER(kstat_t, ks_class, 88, 31);
MEMBER(kstat_t, ks_flags, 119, 1);
MEMBER(kstat_t, ks_data, 120, 8);
MEMBER(kstat_t, ks_ndata, 128, 4);
MEMBER(kstat_t, ks_data_size, 136, 8);
MEMBER(kstat_t, ks_snaptime, 144, 8);
MEMBER(kstat_t, ks_update, 152, 8);
MEMBER(kstat_t, ks_private, 160, 8);
MEMBER(kstat_t, ks_snapshot, 168, 8);
MEMBER(kstat_t, ks_lock, 176, 8);

SIZE(kstat_named_t, 48);
MEMBER(kstat_named_t, name, 0, 31);
MEMBER(kstat_named_t, data_type, 31, 1);
MEMBER(kstat_named_t, value, 32, 16);
MEMBER(kstat_named_t, value.ui64, 32, 8);
MEMBER(kstat_named_t, value.str.addr.ptr, 32, 8);
MEMBER(kstat_named_t, value.str.len, 40, 4);

SIZE(struct cb_ops, 136);
MEMBER(struct cb_ops, cb_open, 0, 8);
MEMBER(struct cb_ops, cb_close, 8, 8);
MEMBER(struct cb_ops, cb_strategy, 16, 8);
MEMBER(struct cb_ops, cb_print, 24, 8);
MEMBER(struct cb_ops, cb_dump, 32, 8);
MEMBER(struct cb_ops, cb_read, 40, 8);
MEMBER(struct cb_ops, cb_write, 48, 8);
MEMBER(struct cb_ops, cb_ioctl, 56, 8);
MEMBER(struct cb_ops, cb_devmap, 64, 8);
MEMBER(struct cb_ops, cb_mmap, 72, 8);
MEMBER(struct cb_ops, cb_segmap, 80, 8);
MEMBER(struct cb_ops, cb_chpoll, 88, 8);
MEMBER(struct cb_ops, cb_prop_op, 96, 8);
MEMBER(struct cb_ops, cb_str, 104, 8);
MEMBER(struct cb_ops, cb_flag, 112, 4);
MEMBER(struct cb_ops, cb_rev, 116, 4);
MEMBER(struct cb_ops, cb_aread, 120, 8);
MEMBER(struct cb_ops, cb_awrite, 128, 8);

SIZE(struct dev_ops, 88);
MEMBER(struct dev_ops, devo_rev, 0, 4);
MEMBER(struct dev_ops, devo_refcnt, 4, 4);
MEMBER(struct dev_ops, devo_getinfo, 8, 8);
MEMBER(struct dev_ops, devo_identify, 16, 8);
MEMBER(struct dev_ops, devo_probe, 24, 8);
MEMBER(struct dev_ops, devo_attach, 32, 8);
MEMBER(struct dev_ops, devo_detach, 40, 8);
MEMBER(struct dev_ops, devo_reset, 48, 8);
MEMBER(struct dev_ops, devo_cb_ops, 56, 8);
MEMBER(struct dev_ops, devo_bus_ops, 64, 8);
MEMBER(struct dev_ops, devo_power, 72, 8);
MEMBER(struct dev_ops, devo_quiesce, 80, 8);

SIZE(struct modldrv, 24);
MEMBER(struct modldrv, drv_modops, 0, 8);
MEMBER(struct modldrv, drv_linkinfo, 8, 8);
MEMBER(struct modldrv, drv_dev_ops, 16, 8);

SIZE(struct modlinkage, 64);
MEMBER(struct modlinkage, ml_rev, 0, 4);
MEMBER(struct modlinkage, ml_linkage, 8, 56);

SIZE(struct modinfo, 432);
MEMBER(struct modinfo, mi_info, 0, 4);
MEMBER(struct modinfo, mi_state, 4, 4);
MEMBER(struct modinfo, mi_id, 8, 4);
MEMBER(struct modinfo, mi_nextid, 12, 4);
MEMBER(struct modinfo, mi_base, 16, 8);
MEMBER(struct modinfo, mi_size, 24, 8);
MEMBER(struct modinfo, mi_rev, 32, 4);
MEMBER(struct modinfo, mi_loadcnt, 36, 4);
MEMBER(struct modinfo, mi_name, 40, 32);
MEMBER(struct modinfo, mi_msinfo, 72, 360);

SIZE(list_t, 32);
MEMBER(list_t, list_size, 0, 8);
MEMBER(list_t, list_offset, 8, 8);
MEMBER(list_t, list_head, 16, 16);

SIZE(list_node_t, 16);
MEMBER(list_node_t, list_next, 0, 8);
MEMBER(list_node_t, list_prev, 8, 8);

SIZE(pollfd_t, 8);
MEMBER(pollfd_t, fd, 0, 4);
MEMBER(pollfd_t, events, 4, 2);
MEMBER(pollfd_t, revents, 6, 2);

/* <sys/types.h> */
CONST(B_FALSE, 0);
CONST(B_TRUE, 1);
CONST(INT_MAX, 2147483647);
CONST(INT32_MAX, 2147483647);
CONST(UINT16_MAX, 65535);
CONST(UINT32_MAX, 4294967295);

/* <sys/avl.h> */
CONST(AVL_BEFORE, 0);
CONST(AVL_AFTER, 1);

/* <sys/callo.h> */
CONST(CALLOUT_REALTIME, 0);
CONST(CALLOUT_NORMAL, 1);
CONST(CALLOUT_FLAG_ROUNDUP, 0x1);
CONST(CALLOUT_FLAG_ABSOLUTE, 0x2);
CONST(CALLOUT_FLAG_HRESTIME, 0x4);
CONST(CALLOUT_FLAG_32BIT, 0x8);
CONST(CALLOUT_LEGACY, 0);

/* <sys/cmn_err.h> */
CONST(CE_CONT, 0);
CONST(CE_NOTE, 1);
CONST(CE_WARN, 2);
CONST(CE_PANIC, 3);
CONST(CE_IGNORE, 4);

/* <sys/condvar.h> */
CONST(CV_DEFAULT, 0);
CONST(CV_DRIVER, 1);
CONST(TR_NANOSEC, 0);
CONST(TR_MICROSEC, 1);
CONST(TR_MILLISEC, 2);
CONST(TR_SEC, 3);
CONST(TR_CLOCK_TICK, 4);
CONST(TR_COUNT, 5);

/* <sys/conf.h> */
CONST(D_NEW, 0x00);
CONST(D_HOTPLUG, 0x4);
CONST(D_MTSAFE, 0x0020);
CONST(D_MP, 0x20);
CONST(D_DEVMAP, 0x100);
CONST(D_64BIT, 0x200);
CONST(D_U64BIT, 0x40000);
CONST(D_OPEN_RETURNS_EINTR, 0x100000);

/* <sys/ddi_intr.h> */
CONST(DDI_INTR_NOTFOUND, 1);
CONST(DDI_INTR_CLAIMED, 1);
CONST(DDI_INTR_UNCLAIMED, 0);
CONST(DDI_INTR_TYPE_FIXED, 0x1);
CONST(DDI_INTR_TYPE_MSI, 0x2);
CONST(DDI_INTR_TYPE_MSIX, 0x4);
CONST(DDI_INTR_PRI_MIN, 1);
CONST(DDI_INTR_PRI_MAX, 12);

/* <sys/dditypes.h> */
CONST(DDI_INFO_DEVT2DEVINFO, 0);
CONST(DDI_INFO_DEVT2INSTANCE, 1);
CONST(DDI_ATTACH, 0);
CONST(DDI_RESUME, 1);
CONST(DDI_PM_RESUME, 2);
CONST(DDI_DETACH, 0);
CONST(DDI_SUSPEND, 1);
CONST(DDI_PM_SUSPEND, 2);
CONST(DDI_HOTPLUG_DETACH, 3);
CONST(DDI_RESET_FORCE, 0);
CONST(PROP_LEN, 0);
CONST(PROP_LEN_AND_VAL_BUF, 1);
CONST(PROP_LEN_AND_VAL_ALLOC, 2);
CONST(PROP_EXISTS, 3);
CONST(DDI_DEVICE_ATTR_V0, 0x0001);
CONST(DDI_DEVICE_ATTR_V1, 0x0002);
CONST(DDI_NEVERSWAP_ACC, 0x00);
CONST(DDI_STRUCTURE_LE_ACC, 0x01);
CONST(DDI_STRUCTURE_BE_ACC, 0x02);
CONST(DDI_STRICTORDER_ACC, 0x00);
CONST(DDI_UNORDERED_OK_ACC, 0x01);
CONST(DDI_MERGING_OK_ACC, 0x02);
CONST(DDI_LOADCACHING_OK_ACC, 0x03);
CONST(DDI_STORECACHING_OK_ACC, 0x04);
CONST(DDI_DEFAULT_ACC, 0x01);
CONST(DDI_FLAGERR_ACC, 0x02);
CONST(DDI_CAUTIOUS_ACC, 0x03);

/* <sys/devops.h> */
CONST(DEVO_REV, 4);
CONST(CB_REV, 1);

/* <sys/errno.h> */
CONST(EPERM, 1);
CONST(ENOENT, 2);
CONST(ESRCH, 3);
CONST(EINTR, 4);
CONST(EIO, 5);
CONST(ENXIO, 6);
CONST(E2BIG, 7);
CONST(ENOEXEC, 8);
CONST(EBADF, 9);
CONST(ECHILD, 10);
CONST(EAGAIN, 11);
CONST(ENOMEM, 12);
CONST(EACCES, 13);
CONST(EFAULT, 14);
CONST(ENOTBLK, 15);
CONST(EBUSY, 16);
CONST(EEXIST, 17);
CONST(EXDEV, 18);
CONST(ENODEV, 19);
CONST(ENOTDIR, 20);
CONST(EISDIR, 21);
CONST(EINVAL, 22);
CONST(ENFILE, 23);
CONST(EMFILE, 24);
CONST(ENOTTY, 25);
CONST(ETXTBSY, 26);
CONST(EFBIG, 27);
CONST(ENOSPC, 28);
CONST(ESPIPE, 29);
CONST(EROFS, 30);
CONST(EMLINK, 31);
CONST(EPIPE, 32);
CONST(EDOM, 33);
CONST(ERANGE, 34);
CONST(ENOMSG, 35);
CONST(EIDRM, 36);
CONST(ECHRNG, 37);
CONST(EL2NSYNC, 38);
CONST(EL3HLT, 39);
CONST(EL3RST, 40);
CONST(ELNRNG, 41);
CONST(EUNATCH, 42);
CONST(ENOCSI, 43);
CONST(EL2HLT, 44);
CONST(EDEADLK, 45);
CONST(ENOLCK, 46);
CONST(ECANCELED, 47);
CONST(ENOTSUP, 48);
CONST(EDQUOT, 49);
CONST(EBADE, 50);
CONST(EBADR, 51);
CONST(EXFULL, 52);
CONST(ENOANO, 53);
CONST(EBADRQC, 54);
CONST(EBADSLT, 55);
CONST(EDEADLOCK, 56);
CONST(EBFONT, 57);
CONST(EOWNERDEAD, 58);
CONST(ENOTRECOVERABLE, 59);
CONST(ENOSTR, 60);
CONST(ENODATA, 61);
CONST(ETIME, 62);
CONST(ENOSR, 63);
CONST(ENONET, 64);
CONST(ENOPKG, 65);
CONST(EREMOTE, 66);
CONST(ENOLINK, 67);
CONST(EADV, 68);
CONST(ESRMNT, 69);
CONST(ECOMM, 70);
CONST(EPROTO, 71);
CONST(ELOCKUNMAPPED, 72);
CONST(ENOTACTIVE, 73);
CONST(EMULTIHOP, 74);
CONST(EBADMSG, 77);
CONST(ENAMETOOLONG, 78);
CONST(EOVERFLOW, 79);
CONST(ENOTUNIQ, 80);
CONST(EBADFD, 81);
CONST(EREMCHG, 82);
CONST(ELIBACC, 83);
CONST(ELIBBAD, 84);
CONST(ELIBSCN, 85);
CONST(ELIBMAX, 86);
CONST(ELIBEXEC, 87);
CONST(EILSEQ, 88);
CONST(ENOSYS, 89);
CONST(ELOOP, 90);
CONST(ERESTART, 91);
CONST(ESTRPIPE, 92);
CONST(ENOTEMPTY, 93);
CONST(EUSERS, 94);
CONST(ENOTSOCK, 95);
CONST(EDESTADDRREQ, 96);
CONST(EMSGSIZE, 97);
CONST(EPROTOTYPE, 98);
CONST(ENOPROTOOPT, 99);
CONST(EPROTONOSUPPORT, 120);
CONST(ESOCKTNOSUPPORT, 121);
CONST(EOPNOTSUPP, 122);
CONST(EPFNOSUPPORT, 123);
CONST(EAFNOSUPPORT, 124);
CONST(EADDRINUSE, 125);
CONST(EADDRNOTAVAIL, 126);
CONST(ENETDOWN, 127);
CONST(ENETUNREACH, 128);
CONST(ENETRESET, 129);
CONST(ECONNABORTED, 130);
CONST(ECONNRESET, 131);
CONST(ENOBUFS, 132);
CONST(EISCONN, 133);
CONST(ENOTCONN, 134);
CONST(ESHUTDOWN, 143);
CONST(ETOOMANYREFS, 144);
CONST(ETIMEDOUT, 145);
CONST(ECONNREFUSED, 146);
CONST(EHOSTDOWN, 147);
CONST(EHOSTUNREACH, 148);
CONST(EWOULDBLOCK, 11);
CONST(EALREADY, 149);
CONST(EINPROGRESS, 150);
CONST(ESTALE, 151);

/* <sys/fcntl.h> */
CONST(O_RDONLY, 0);
CONST(O_WRONLY, 1);
CONST(O_RDWR, 2);
CONST(O_NDELAY, 0x04);
CONST(O_NONBLOCK, 0x80);
CONST(O_EXCL, 0x400);
CONST(O_CLOEXEC, 0x800000);

/* <sys/file.h> */
CONST(FOPEN, 0xffffffff);
CONST(FREAD, 0x01);
CONST(FWRITE, 0x02);
CONST(FNDELAY, 0x04);
CONST(FAPPEND, 0x08);
CONST(FNONBLOCK, 0x80);
CONST(FEXCL, 0x0400);
CONST(FASYNC, 0x1000);
CONST(FNOCTTY, 0x0800);
CONST(FMODELS, 0xff00000);
CONST(FILP32, 0x100000);
CONST(FLP64, 0x200000);
CONST(FNATIVE, 0x200000);
CONST(FKIOCTL, 0x80000000);
CONST(FKLYR, 0x40000000);

/* <sys/filio.h> */
CONST(FIOCLEX, 0x20006601);
CONST(FIONCLEX, 0x20006602);
CONST(FIONREAD, 0x4004667f);
CONST(FIONBIO, (int)0x8004667e);
CONST(FIOASYNC, (int)0x8004667d);
CONST(FIOSETOWN, (int)0x8004667c);
CONST(FIOGETOWN, 0x4004667b);

/* <sys/ioccom.h> */
CONST(IOCPARM_MASK, 0xff);
CONST(IOC_VOID, 0x20000000);
CONST(IOC_OUT, 0x40000000);
CONST(IOC_IN, 0x80000000);
CONST(IOC_INOUT, 0xc0000000);

/* <sys/kmem.h> */
CONST(KM_SLEEP, 0x0000);
CONST(KM_NOSLEEP, 0x0001);
CONST(KM_PANIC, 0x0002);
CONST(KM_PUSHPAGE, 0x0004);
CONST(KM_NORMALPRI, 0x0008);
CONST(KM_NOSLEEP_LAZY, 9);
CONST(KM_VMFLAGS, 0x00ff);
CONST(KM_FLAGS, 0xffff);
CONST(KMC_NOTOUCH, 0x00010000);
CONST(KMC_NODEBUG, 0x00020000);
CONST(KMC_NOMAGAZINE, 0x00040000);
CONST(KMC_NOHASH, 0x00080000);
CONST(KMC_QCACHE, 0x00100000);

/* <sys/kstat.h> */
CONST(KSTAT_STRLEN, 31);
CONST(KSTAT_TYPE_RAW, 0);
CONST(KSTAT_TYPE_NAMED, 1);
CONST(KSTAT_TYPE_INTR, 2);
CONST(KSTAT_TYPE_IO, 3);
CONST(KSTAT_TYPE_TIMER, 4);
CONST(KSTAT_FLAG_VIRTUAL, 0x01);
CONST(KSTAT_FLAG_VAR_SIZE, 0x02);
CONST(KSTAT_FLAG_WRITABLE, 0x04);
CONST(KSTAT_FLAG_PERSISTENT, 0x08);
CONST(KSTAT_FLAG_DORMANT, 0x10);
CONST(KSTAT_FLAG_INVALID, 0x20);
CONST(KSTAT_FLAG_LONGSTRINGS, 0x40);
CONST(KSTAT_READ, 0);
CONST(KSTAT_WRITE, 1);
CONST(KSTAT_DATA_CHAR, 0);
CONST(KSTAT_DATA_INT32, 1);
CONST(KSTAT_DATA_UINT32, 2);
CONST(KSTAT_DATA_INT64, 3);
CONST(KSTAT_DATA_UINT64, 4);
CONST(KSTAT_DATA_LONG, 7);
CONST(KSTAT_DATA_ULONG, 8);
CONST(KSTAT_DATA_STRING, 9);

/* <sys/modctl.h> */
CONST(MODREV_1, 1);
CONST(MODMAXNAMELEN, 32);
CONST(MODMAXLINKINFOLEN, 32);
CONST(MODMAXLINK, 10);

/* <sys/model.h> */
CONST(DATAMODEL_MASK, 0x0FF00000);
CONST(DATAMODEL_ILP32, 0x00100000);
CONST(DATAMODEL_LP64, 0x00200000);
CONST(DATAMODEL_NATIVE, 0x200000);
CONST(DATAMODEL_NONE, 0);

/* <sys/mutex.h> */
CONST(MUTEX_ADAPTIVE, 0);
CONST(MUTEX_SPIN, 1);
CONST(MUTEX_DRIVER, 4);
CONST(MUTEX_DEFAULT, 6);

/* <sys/open.h> */
CONST(OTYP_BLK, 0);
CONST(OTYP_MNT, 1);
CONST(OTYP_CHR, 2);
CONST(OTYP_SWP, 3);
CONST(OTYP_LYR, 4);
CONST(OTYPCNT, 5);

/* <sys/param.h> */
CONST(NBBY, 8);
CONST(MAXPATHLEN, 1024);
CONST(MAXNAMELEN, 256);
CONST(DEV_BSIZE, 0x200);
CONST(DEV_BSHIFT, 9);

/* <sys/poll.h> */
CONST(POLLIN, 0x0001);
CONST(POLLPRI, 0x0002);
CONST(POLLOUT, 0x0004);
CONST(POLLRDNORM, 0x0040);
CONST(POLLWRNORM, 4);
CONST(POLLRDBAND, 0x0080);
CONST(POLLWRBAND, 0x0100);
CONST(POLLRDHUP, 0x4000);
CONST(POLLNORM, 0x40);
CONST(POLLERR, 0x0008);
CONST(POLLHUP, 0x0010);
CONST(POLLNVAL, 0x0020);
CONST(POLLREMOVE, 0x0800);
CONST(POLLONESHOT, 0x1000);
CONST(POLLET, 0x2000);
CONST(POLLRDDATA, 0x0200);
CONST(POLLNOERR, 0x0400);
CONST(POLLCLOSED, 0x8000);

/* <sys/proc.h> */
CONST(SSYS, 0x00000001);
CONST(SEXITLWPS, 0x100000);
CONST(SEXITING, 2);
CONST(SKILLED, 0x100);
CONST(JUSTLOOKING, 1);
CONST(FORREAL, 0);

/* <sys/rwlock.h> */
CONST(RW_DRIVER, 2);
CONST(RW_DEFAULT, 4);
CONST(RW_WRITER, 0);
CONST(RW_READER, 1);
CONST(RW_READER_STARVEWRITER, 2);

/* <sys/semaphore.h> */
CONST(SEMA_DEFAULT, 0);
CONST(SEMA_DRIVER, 1);

/* <sys/signal.h> */
CONST(SIGHUP, 1);
CONST(SIGINT, 2);
CONST(SIGQUIT, 3);
CONST(SIGKILL, 9);
CONST(SIGPIPE, 13);
CONST(SIGALRM, 14);
CONST(SIGTERM, 15);
CONST(SIGURG, 21);
CONST(SIGPOLL, 22);
CONST(SIGIO, 22);

/* <sys/sockio.h> */
CONST(SIOCSHIWAT, (int)0x80047300);
CONST(SIOCGHIWAT, 0x40047301);
CONST(SIOCSLOWAT, (int)0x80047302);
CONST(SIOCGLOWAT, 0x40047303);
CONST(SIOCATMARK, 0x40047307);
CONST(SIOCSPGRP, (int)0x80047308);
CONST(SIOCGPGRP, 0x40047309);

/* <sys/stat.h> */
CONST(S_IFMT, 0xF000);
CONST(S_IFIFO, 0x1000);
CONST(S_IFCHR, 0x2000);
CONST(S_IFDIR, 0x4000);
CONST(S_IFBLK, 0x6000);
CONST(S_IFREG, 0x8000);
CONST(S_IFSOCK, 0xC000);

/* <sys/stream.h> */
CONST(DBLK_REFMAX, 255);
CONST(MSGMARK, 0x01);
CONST(MSGNOLOOP, 0x02);
CONST(MSGDELIM, 0x04);
CONST(MSGMARKNEXT, 0x10);
CONST(MSGNOTMARKNEXT, 0x20);
CONST(MSGWAITSYNC, 0x40);
CONST(M_DATA, 0x00);
CONST(M_PROTO, 0x01);
CONST(M_BREAK, 0x08);
CONST(M_PASSFP, 0x09);
CONST(M_SIG, 0x0b);
CONST(M_DELAY, 0x0c);
CONST(M_CTL, 0x0d);
CONST(M_IOCTL, 0x0e);
CONST(M_SETOPTS, 0x10);
CONST(M_IOCACK, 0x81);
CONST(M_IOCNAK, 0x82);
CONST(M_PCPROTO, 0x83);
CONST(M_PCSIG, 0x84);
CONST(M_READ, 0x85);
CONST(M_FLUSH, 0x86);
CONST(M_HANGUP, 0x89);
CONST(M_ERROR, 0x8a);
CONST(M_COPYIN, 0x8b);
CONST(M_COPYOUT, 0x8c);
CONST(M_IOCDATA, 0x8d);
CONST(QPCTL, 0x80);
CONST(INFPSZ, (-1));
CONST(BPRI_LO, 1);
CONST(BPRI_MED, 2);
CONST(BPRI_HI, 3);
CONST(STR_NOERROR, 0x20);
CONST(STR_NOSIG, 16);

/* <sys/sunddi.h> */
STRING(DDI_PSEUDO, "ddi_pseudo");
STRING(DDI_NO_AUTODETACH, "ddi-no-autodetach");
CONST(DDI_SUCCESS, 0);
CONST(DDI_FAILURE, (-1));
CONST(DDI_NOT_WELL_FORMED, (-2));
CONST(DDI_EAGAIN, (-3));
CONST(DDI_EINVAL, (-4));
CONST(DDI_ENOTSUP, (-5));
CONST(DDI_EPENDING, (-6));
CONST(DDI_EALREADY, (-7));
CONST(DDI_ENOMEM, 1);
CONST(DDI_EBUSY, 2);
CONST(DDI_ETRANSPORT, 3);
CONST(DDI_ECONTEXT, 4);
CONST(DDI_MAJOR_T_NONE, 0xffffffff);
CONST(DDI_SLEEP, 0);
CONST(DDI_NOSLEEP, 1);
CONST(DDI_PROBE_FAILURE, 6);
CONST(DDI_PROBE_DONTCARE, 0);
CONST(DDI_PROBE_PARTIAL, 1);
CONST(DDI_PROBE_SUCCESS, 2);
CONST(DDI_MODEL_MASK, 0xff00000);
CONST(DDI_MODEL_ILP32, 0x100000);
CONST(DDI_MODEL_LP64, 0x200000);
CONST(DDI_MODEL_NATIVE, 0x200000);
CONST(DDI_MODEL_NONE, 0);
CONST(DDI_DEV_T_NONE, (-1));
CONST(DDI_DEV_T_ANY, (-2));
CONST(DDI_PROP_SUCCESS, 0);
CONST(DDI_PROP_NOT_FOUND, 1);
CONST(DDI_PROP_UNDEFINED, 2);
CONST(DDI_PROP_NO_MEMORY, 3);
CONST(DDI_PROP_INVAL_ARG, 4);
CONST(DDI_PROP_BUF_TOO_SMALL, 5);
CONST(DDI_PROP_CANNOT_DECODE, 6);
CONST(DDI_PROP_CANNOT_ENCODE, 7);
CONST(DDI_PROP_END_OF_DATA, 8);
CONST(DDI_PROP_DONTPASS, 0x0001);
CONST(DDI_PROP_CANSLEEP, 0x0002);
CONST(DDI_PROP_NOTPROM, 0x0008);
CONST(TASKQ_DEFAULTPRI, (-1));

/* <sys/sysmacros.h> */
CONST(L_BITSMAJOR, 0x20);
CONST(L_BITSMINOR, 0x20);
CONST(L_MAXMAJ, 0xffffffff);
CONST(L_MAXMIN, 0xffffffff);
CONST(L_MAXMAJ32, 0x3fff);
CONST(L_MAXMIN32, 0x3ffff);

/* <sys/taskq.h> */
CONST(TASKQ_NAMELEN, 31);
CONST(TASKQ_PREPOPULATE, 0x0001);
CONST(TASKQ_CPR_SAFE, 0x0002);
CONST(TASKQ_DYNAMIC, 0x0004);
CONST(TASKQ_THREADS_CPU_PCT, 0x0008);
CONST(TASKQ_DC_BATCH, 0x0010);
CONST(TASKQ_THREADS_LWP, 0x0020);
CONST(TQ_SLEEP, 0x00);
CONST(TQ_NOSLEEP, 0x01);
CONST(TQ_NOQUEUE, 0x02);
CONST(TQ_NOALLOC, 0x04);
CONST(TQ_FRONT, 0x08);
CONST(TASKQID_INVALID, 0);

/* <sys/taskq_impl.h> */
CONST(TQENT_FLAG_PREALLOC, 0x1);

/* <sys/thread.h> */
CONST(TS_FREE, 0x00);
CONST(TS_SLEEP, 0x01);
CONST(TS_RUN, 0x02);
CONST(TS_ONPROC, 0x04);
CONST(TS_ZOMB, 0x08);
CONST(TS_STOPPED, 0x10);
CONST(TS_WAIT, 0x20);
CONST(TP_HOLDLWP, 0x0002);
CONST(TP_KTHREAD, 0x8000);
CONST(MINCLSYSPRI, 0x3c);
CONST(MAXCLSYSPRI, 99);

/* <sys/time.h> */
CONST(SEC, 1);
CONST(MILLISEC, 1000);
CONST(MICROSEC, 1000000);
CONST(NANOSEC, 1000000000);
CONST(CLOCK_REALTIME, 3);
CONST(CLOCK_MONOTONIC, 4);

/* <sys/uio.h> */
CONST(UIO_READ, 0);
CONST(UIO_WRITE, 1);
CONST(UIO_USERSPACE, 0);
CONST(UIO_SYSSPACE, 1);
CONST(UIO_USERISPACE, 2);
CONST(UIO_COPY_DEFAULT, 0x0000);
CONST(UIO_COPY_CACHED, 0x0001);
CONST(UIO_ASYNC, 0x0002);
CONST(UIO_XUIO, 0x0004);

/* <sys/user.h> */
CONST(MAXCOMLEN, 16);
CONST(PSARGSZ, 0x50);

/* <sys/vmem.h> */
CONST(VM_SLEEP, 0x00000000);
CONST(VM_NOSLEEP, 0x00000001);
CONST(VM_PANIC, 0x00000002);
CONST(VM_PUSHPAGE, 0x00000004);

/* <sys/vnode.h> */
CONST(VNON, 0);
CONST(VREG, 1);
CONST(VDIR, 2);
CONST(VBLK, 3);
CONST(VCHR, 4);
CONST(VLNK, 5);
CONST(VFIFO, 6);
CONST(VDOOR, 7);
CONST(VPROC, 8);
CONST(VSOCK, 9);
CONST(VPORT, 10);
CONST(VBAD, 11);

/* <sys/zone.h> */
CONST(MAX_ZONEID, 9999);
CONST(MIN_ZONEID, 0);
CONST(GLOBAL_ZONEID, 0);
CONST(ALL_ZONES, (-1));
CONST(ZONENAME_MAX, 64);
CONST(ZONE_IS_UNINITIALIZED, 0);
CONST(ZONE_IS_INITIALIZED, 1);
CONST(ZONE_IS_READY, 2);
CONST(ZONE_IS_BOOTING, 3);
CONST(ZONE_IS_RUNNING, 4);
CONST(ZONE_IS_SHUTTING_DOWN, 5);
CONST(ZONE_IS_EMPTY, 6);
CONST(ZONE_IS_DOWN, 7);
CONST(ZONE_IS_DYING, 8);
CONST(ZONE_IS_DEAD, 9);
CONST(ZONE_KEY_UNINITIALIZED, 0);

/* Functions */
FUNC(mblk_t *, allocb, (size_t, uint_t));
FUNC(mblk_t *, allocb_wait, (size_t, uint_t, uint_t, int *));
FUNC(uint64_t, atomic_add_64_nv, (volatile uint64_t *, int64_t));
FUNC(uint_t, atomic_dec_uint_nv, (volatile uint_t *));
FUNC(uint_t, atomic_inc_uint_nv, (volatile uint_t *));
FUNC(uint_t, atomic_or_uint_nv, (volatile uint_t *, uint_t));
FUNC(void, bcopy, (const void *, void *, size_t));
FUNC(void, bzero, (void *, size_t));
FUNC(zoneid_t, crgetzoneid, (const cred_t *));
FUNC(void, cv_broadcast, (kcondvar_t *));
FUNC(void, cv_destroy, (kcondvar_t *));
FUNC(void, cv_init, (kcondvar_t *, char *, kcv_type_t, void *));
FUNC(clock_t, cv_reltimedwait, (kcondvar_t *, kmutex_t *, clock_t, time_res_t));
FUNC(clock_t, cv_timedwait_sig, (kcondvar_t *, kmutex_t *, clock_t));
FUNC(void, cv_wait, (kcondvar_t *, kmutex_t *));
FUNC(int, cv_wait_sig, (kcondvar_t *, kmutex_t *));
FUNC(int, ddi_copyin, (const void *, void *, size_t, int));
FUNC(int, ddi_copyout, (const void *, void *, size_t, int));
FUNC(int, ddi_create_minor_node, (dev_info_t *, const char *, int, minor_t,
    const char *, int));
FUNC(void *, ddi_get_driver_private, (dev_info_t *));
FUNC(int, ddi_get_instance, (dev_info_t *));
FUNC(void *, ddi_get_soft_state, (void *, int));
FUNC(int, ddi_no_info, (dev_info_t *, ddi_info_cmd_t, void *, void **));
FUNC(int, ddi_power, (dev_info_t *, int, int));
FUNC(int, ddi_prop_op, (dev_t, dev_info_t *, ddi_prop_op_t, int, char *,
    caddr_t, int *));
FUNC(int, ddi_prop_update_int, (dev_t, dev_info_t *, char *, int));
FUNC(int, ddi_quiesce_not_needed, (dev_info_t *));
FUNC(void, ddi_remove_minor_node, (dev_info_t *, const char *));
FUNC(void, ddi_report_dev, (dev_info_t *));
FUNC(void, ddi_set_driver_private, (dev_info_t *, void *));
FUNC(void, ddi_soft_state_fini, (void **));
FUNC(void, ddi_soft_state_free, (void *, int));
FUNC(int, ddi_soft_state_init, (void **, size_t, size_t));
FUNC(int, ddi_soft_state_zalloc, (void *, int));
FUNC(void, delay, (clock_t));
FUNC(void, dev_err, (dev_info_t *, int, char *, ...));
FUNC(clock_t, drv_usectohz, (clock_t));
FUNC(mblk_t *, dupb, (mblk_t *));
FUNC(void, freeb, (mblk_t *));
FUNC(void, freemsg, (mblk_t *));
FUNC(void, freemsgchain, (mblk_t *));
FUNC(file_t *, getf, (int));
FUNC(clock_t, ddi_get_lbolt, (void));
FUNC(void, gethrestime, (timespec_t *));
FUNC(hrtime_t, gethrtime, (void));
FUNC(major_t, getmajor, (dev_t));
FUNC(minor_t, getminor, (dev_t));
FUNC(id_t, id_alloc_nosleep, (id_space_t *));
FUNC(id_t, id_allocff_nosleep, (id_space_t *));
FUNC(void, id_free, (id_space_t *, id_t));
FUNC(id_space_t *, id_space_create, (const char *, id_t, id_t));
FUNC(void, id_space_destroy, (id_space_t *));
FUNC(void *, kmem_alloc, (size_t, int));
FUNC(void *, kmem_cache_alloc, (kmem_cache_t *, int));
FUNC(kmem_cache_t *, kmem_cache_create, (char *, size_t, size_t,
    int (*)(void *, void *, int), void (*)(void *, void *), void (*)(void *),
    void *, vmem_t *, int));
FUNC(void, kmem_cache_destroy, (kmem_cache_t *));
FUNC(void, kmem_cache_free, (kmem_cache_t *, void *));
FUNC(void, kmem_free, (void *, size_t));
FUNC(void *, kmem_zalloc, (size_t, int));
FUNC(kstat_t *, kstat_create, (const char *, int, const char *, const char *,
    uchar_t, uint_t, uchar_t));
FUNC(kstat_t *, kstat_create_zone, (const char *, int, const char *,
    const char *, uchar_t, uint_t, uchar_t, zoneid_t));
FUNC(void, kstat_delete, (kstat_t *));
FUNC(void, kstat_install, (kstat_t *));
FUNC(void, kstat_named_init, (kstat_named_t *, const char *, uchar_t));
FUNC(void, kstat_zone_add, (kstat_t *, zoneid_t));
FUNC(void, linkb, (mblk_t *, mblk_t *));
FUNC(void, list_create, (list_t *, size_t, size_t));
FUNC(void, list_destroy, (list_t *));
FUNC(void *, list_head, (list_t *));
FUNC(void, list_insert_head, (list_t *, void *));
FUNC(void, list_insert_tail, (list_t *, void *));
FUNC(int, list_is_empty, (list_t *));
FUNC(int, list_link_active, (list_node_t *));
FUNC(void, list_link_init, (list_node_t *));
FUNC(void *, list_next, (list_t *, void *));
FUNC(void, list_remove, (list_t *, void *));
FUNC(void *, list_remove_head, (list_t *));
FUNC(void *, list_tail, (list_t *));
FUNC(dev_t, makedevice, (major_t, minor_t));
FUNC(void, mcopymsg, (mblk_t *, void *));
FUNC(void, membar_consumer, (void));
FUNC(void, membar_enter, (void));
FUNC(void, membar_producer, (void));
FUNC(int, mod_info, (struct modlinkage *, struct modinfo *));
FUNC(int, mod_install, (struct modlinkage *));
FUNC(int, mod_remove, (struct modlinkage *));
FUNC(size_t, msgdsize, (mblk_t *));
FUNC(void, mutex_destroy, (kmutex_t *));
FUNC(void, mutex_enter, (kmutex_t *));
FUNC(void, mutex_exit, (kmutex_t *));
FUNC(void, mutex_init, (kmutex_t *, char *, kmutex_type_t, void *));
FUNC(int, nochpoll, (dev_t, short, int, short *, struct pollhead **));
FUNC(int, nodev, ());
FUNC(int, nulldev, ());
FUNC(void, pollhead_clean, (pollhead_t *));
FUNC(void, pollwakeup, (pollhead_t *, short));
FUNC(int, pullupmsg, (mblk_t *, ssize_t));
FUNC(int, servicing_interrupt, (void));
FUNC(int, random_get_pseudo_bytes, (uint8_t *, size_t));
FUNC(void, releasef, (int));
FUNC(void, rw_destroy, (krwlock_t *));
FUNC(void, rw_enter, (krwlock_t *, krw_t));
FUNC(void, rw_exit, (krwlock_t *));
FUNC(void, rw_init, (krwlock_t *, char *, krw_type_t, void *));
FUNC(int, secpolicy_basic_net_access, (const cred_t *));
FUNC(int, secpolicy_net_config, (const cred_t *, boolean_t));
FUNC(int, secpolicy_net_privaddr, (const cred_t *, in_port_t, int));
FUNC(int, secpolicy_net_rawaccess, (const cred_t *));
FUNC(int, uiomove, (void *, size_t, enum uio_rw, uio_t *));
FUNC(size_t, snprintf, (char *, size_t, const char *, ...));
FUNC(int, strcmp, (const char *, const char *));
FUNC(size_t, strlcpy, (char *, const char *, size_t));
FUNC(size_t, strlen, (const char *));
FUNC(taskq_t *, taskq_create, (const char *, int, pri_t, int, int, uint_t));
FUNC(void, taskq_destroy, (taskq_t *));
FUNC(taskqid_t, taskq_dispatch, (taskq_t *, task_func_t *, void *, uint_t));
FUNC(kthread_t *, thread_create, (caddr_t, size_t, void (*)(), void *, size_t,
    proc_t *, int, pri_t));
FUNC(void, thread_exit, (void));
FUNC(void, thread_join, (kt_did_t));
FUNC(timeout_id_t, timeout, (void (*)(void *), void *, clock_t));
FUNC(clock_t, untimeout, (timeout_id_t));
FUNC(void, zone_key_create, (zone_key_t *, void *(*)(zoneid_t),
    void (*)(zoneid_t, void *), void (*)(zoneid_t, void *)));
FUNC(int, zone_key_delete, (zone_key_t));

/* Variables */
VAR(struct mod_ops, mod_driverops);
VAR(pri_t, minclsyspri);
VAR(proc_t, p0);
