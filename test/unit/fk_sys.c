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
 * The fake kernel: credentials, zones, modules, drivers, files, polling and
 * statistics.
 */

#include <sys/types.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/conf.h>
#include <sys/ddi.h>
#include <sys/file.h>
#include <sys/ioccom.h>
#include <sys/kmem.h>
#include <sys/kstat.h>
#include <sys/ksynch.h>
#include <sys/modctl.h>
#include <sys/open.h>
#include <sys/policy.h>
#include <sys/sdt.h>
#include <sys/stat.h>
#include <sys/sunddi.h>
#include <sys/zone.h>
#include <sys/disp.h>
#include <sys/fk.h>
#include "ktest.h"

static char sys_log[256];

static void
sys_note(const char *fmt, ...)
{
	size_t n = strlen(sys_log);
	va_list ap;

	va_start(ap, fmt);
	(void) vsnprintf(sys_log + n, sizeof (sys_log) - n, fmt, ap);
	va_end(ap);
}

#define	SYS_LOGGED(s)	do {						\
	KT_STREQ(sys_log, s);						\
	sys_log[0] = '\0';						\
} while (0)

/*
 * Credentials.
 */
KTEST(fk_privileges)
{
	cred_t *cr = fk_cred_create(101, 10, global_zone, B_FALSE), *cr2;

	KT_EQ(crgetuid(cr), 101);
	KT_EQ(secpolicy_net_privaddr(kcred, 80, 0), 0);
	KT_EQ(secpolicy_net_privaddr(cr, 80, 0), EACCES);
	KT_EQ(secpolicy_sys_config(cr, B_FALSE), EPERM);
	fk_cred_addpriv(cr, PRIV_NET_PRIVADDR);
	KT_EQ(secpolicy_net_privaddr(cr, 80, 0), 0);
	KT_EQ(secpolicy_basic_net_access(cr), EACCES);
	KT_EQ(drv_priv(cr), EPERM);
	cr2 = crdup(cr);
	KT_EQ(crcmp(cr, cr2), 0);
	fk_cred_delpriv(cr2, PRIV_NET_PRIVADDR);
	KT_EQ(secpolicy_net_privaddr(cr2, 80, 0), EACCES);
	KT_NE(crcmp(cr, cr2), 0);
	crfree(cr2);
	crfree(cr);
}

KTEST_PANICS(fk_cred_shared, "a shared credential is changed")
{
	cred_t *cr = fk_cred_create(1, 1, global_zone, B_FALSE);

	crhold(cr);
	fk_cred_addpriv(cr, PRIV_NET_PRIVADDR);
}

/*
 * Zones.
 */
static void *
zsd_create(zoneid_t id)
{
	int *data = kmem_zalloc(sizeof (int), KM_SLEEP);

	sys_note("+%d", id);
	*data = id + 1000;
	return (data);
}

static void
zsd_shutdown(zoneid_t id, void *data)
{
	sys_note("!%d", id);
	KT_EQ(*(int *)data, id + 1000);
}

static void
zsd_destroy(zoneid_t id, void *data)
{
	sys_note("-%d", id);
	kmem_free(data, sizeof (int));
}

static void *
zsd2_create(zoneid_t id)
{
	sys_note("(%d)", id);
	return (NULL);
}

static void
zsd2_destroy(zoneid_t id, void *data)
{
	sys_note("[%d]", id);
}

KTEST(fk_zone_callbacks)
{
	zone_key_t key, key2;
	zone_t *z1, *z2, *z;

	z1 = fk_zone_create("one");
	zone_key_create(&key, zsd_create, zsd_shutdown, zsd_destroy);
	SYS_LOGGED("+0+1");
	zone_key_create(&key2, zsd2_create, NULL, zsd2_destroy);
	SYS_LOGGED("(0)(1)");
	z2 = fk_zone_create("two");
	SYS_LOGGED("+2(2)");
	KT_EQ(*(int *)zone_getspecific(key, z2), z2->zone_id + 1000);
	z = zone_find_by_id(z2->zone_id);
	KT_ASSERT(z == z2);
	zone_rele(z);
	z = zone_find_by_name("one");
	KT_ASSERT(z == z1);
	zone_rele(z);
	/* Every shutdown comes before any destroy. */
	fk_zone_shutdown(z1);
	SYS_LOGGED("!1");
	KT_ASSERT(zone_find_by_id(z1->zone_id) == NULL);
	fk_zone_destroy(z1);
	SYS_LOGGED("-1[1]");
	KT_OK(zone_key_delete(key));
	SYS_LOGGED("!0!2-0-2");
	KT_ASSERT(zone_getspecific(key, z2) == NULL);
	KT_EQ(zone_key_delete(key), -1);
	fk_zone_shutdown(z2);
	fk_zone_destroy(z2);
	SYS_LOGGED("[2]");
	KT_OK(zone_key_delete(key2));
	SYS_LOGGED("[0]");
}

/* A zone is destroyed when the last reference is gone. */
static void
zone_destroy_thread(void *arg)
{
	fk_zone_destroy(arg);
	sys_note("gone");
	thread_exit();
}

KTEST(fk_zone_destroy_waits)
{
	zone_t *zone = fk_zone_create("z");
	kt_did_t did;

	zone_hold(zone);
	fk_zone_shutdown(zone);
	did = thread_create(NULL, 0, zone_destroy_thread, zone, 0, &p0, TS_RUN,
	    minclsyspri)->t_did;
	fk_quiesce();
	SYS_LOGGED("");
	zone_rele(zone);
	thread_join(did);
	SYS_LOGGED("gone");
}

KTEST_PANICS(fk_zone_key_left, "a zone key was not deleted")
{
	static zone_key_t key;

	zone_key_create(&key, NULL, NULL, NULL);
}

/*
 * Modules: "modtoy" is a driver that depends on "moddep".
 */
static int dep_fini_err;
static int toy_init_err, toy_detach_fails;
static void *toy_state;
static dev_info_t *toy_dip;
static kmutex_t toy_lock;
static pollhead_t toy_pollhead;
static short toy_ready;

static int
toy_attach(dev_info_t *dip, ddi_attach_cmd_t cmd)
{
	if (cmd != DDI_ATTACH)
		return (DDI_FAILURE);
	sys_note("A%d", ddi_get_instance(dip));
	if (ddi_create_minor_node(dip, "modtoy", S_IFCHR, 1, DDI_PSEUDO, 0) !=
	    DDI_SUCCESS)
		return (DDI_FAILURE);
	KT_EQ(ddi_create_priv_minor_node(dip, "modtoy", S_IFCHR, 2,
	    DDI_PSEUDO, 0, NULL, NULL, 0666), DDI_FAILURE);
	toy_dip = dip;
	mutex_init(&toy_lock, NULL, MUTEX_DRIVER, NULL);
	return (DDI_SUCCESS);
}

static int
toy_detach(dev_info_t *dip, ddi_detach_cmd_t cmd)
{
	sys_note("D%d", ddi_get_instance(dip));
	if (cmd != DDI_DETACH || toy_detach_fails)
		return (DDI_FAILURE);
	ddi_remove_minor_node(dip, NULL);
	mutex_destroy(&toy_lock);
	return (DDI_SUCCESS);
}

/* Each open is a device of its own. */
static int
toy_open(dev_t *devp, int flag, int otyp, cred_t *cr)
{
	int minor;

	KT_EQ(getminor(*devp), 1);
	KT_EQ(otyp, OTYP_CHR);
	if (secpolicy_sys_config(cr, B_FALSE) != 0)
		return (EPERM);
	for (minor = 10; ddi_soft_state_zalloc(toy_state, minor) !=
	    DDI_SUCCESS; minor++)
		;
	*devp = makedevice(getmajor(*devp), minor);
	*(int *)ddi_get_soft_state(toy_state, minor) = minor;
	return (0);
}

static int
toy_close(dev_t dev, int flag, int otyp, cred_t *cr)
{
	sys_note("C%d", getminor(dev));
	ddi_soft_state_free(toy_state, getminor(dev));
	return (0);
}

#define	TOY_GET		_IOR('t', 1, int)
#define	TOY_FD		_IO('t', 2)

static int
toy_ioctl(dev_t dev, int cmd, intptr_t arg, int mode, cred_t *cr, int *rvalp)
{
	int *minorp = ddi_get_soft_state(toy_state, getminor(dev));
	file_t *fp;

	KT_EQ(ddi_model_convert_from(mode & FMODELS), DDI_MODEL_NONE);
	switch (cmd) {
	case TOY_GET:
		*rvalp = 7;
		return (ddi_copyout(minorp, (void *)arg, sizeof (int), mode) ==
		    0 ? 0 : EFAULT);
	case TOY_FD:
		fp = getf(arg);
		if (fp == NULL)
			return (EBADF);
		*rvalp = getminor(fp->f_vnode->v_rdev);
		releasef(arg);
		return (0);
	}
	return (ENOTTY);
}

static int
toy_chpoll(dev_t dev, short events, int anyyet, short *reventsp,
    struct pollhead **phpp)
{
	mutex_enter(&toy_lock);
	*reventsp = events & toy_ready;
	if (*reventsp == 0 && !anyyet)
		*phpp = &toy_pollhead;
	mutex_exit(&toy_lock);
	return (0);
}

static struct cb_ops toy_cb_ops = {
	.cb_open	= toy_open,
	.cb_close	= toy_close,
	.cb_strategy	= nodev,
	.cb_print	= nodev,
	.cb_dump	= nodev,
	.cb_read	= nodev,
	.cb_write	= nodev,
	.cb_ioctl	= toy_ioctl,
	.cb_devmap	= nodev,
	.cb_mmap	= nodev,
	.cb_segmap	= nodev,
	.cb_chpoll	= toy_chpoll,
	.cb_prop_op	= ddi_prop_op,
	.cb_flag	= D_MP,
	.cb_rev		= CB_REV
};

static struct dev_ops toy_dev_ops = {
	.devo_rev	= DEVO_REV,
	.devo_getinfo	= ddi_no_info,
	.devo_identify	= nulldev,
	.devo_probe	= nulldev,
	.devo_attach	= toy_attach,
	.devo_detach	= toy_detach,
	.devo_reset	= nodev,
	.devo_cb_ops	= &toy_cb_ops,
	.devo_power	= nodev,
	.devo_quiesce	= ddi_quiesce_not_needed
};

static struct modldrv toy_modldrv = {
	.drv_modops	= &mod_driverops,
	.drv_linkinfo	= "toy driver",
	.drv_dev_ops	= &toy_dev_ops
};

static struct modlinkage toy_linkage = {
	.ml_rev		= MODREV_1,
	.ml_linkage	= { &toy_modldrv, NULL }
};

static int
toy_init(void)
{
	int err;

	sys_note("I");
	if (toy_init_err != 0)
		return (toy_init_err);
	err = ddi_soft_state_init(&toy_state, sizeof (int), 1);
	if (err == 0)
		err = mod_install(&toy_linkage);
	return (err);
}

static int
toy_fini(void)
{
	int err;

	sys_note("F");
	err = mod_remove(&toy_linkage);
	if (err == 0)
		ddi_soft_state_fini(&toy_state);
	return (err);
}

static int
toy_info(struct modinfo *mip)
{
	return (mod_info(&toy_linkage, mip));
}

static struct modlmisc dep_modlmisc = {
	.misc_modops	= &mod_miscops,
	.misc_linkinfo	= "dependency"
};

static struct modlinkage dep_linkage = {
	.ml_rev		= MODREV_1,
	.ml_linkage	= { &dep_modlmisc, NULL }
};

static int
dep_init(void)
{
	sys_note("i");
	return (mod_install(&dep_linkage));
}

static int
dep_fini(void)
{
	sys_note("f");
	return (dep_fini_err != 0 ? dep_fini_err : mod_remove(&dep_linkage));
}

static int
dep_info(struct modinfo *mip)
{
	return (mod_info(&dep_linkage, mip));
}

static const char *const toy_depends[] = { "moddep", NULL };

static const fk_module_t sys_modules[] = {
	{
		.fm_name = "modtoy",
		.fm_init = toy_init,
		.fm_fini = toy_fini,
		.fm_info = toy_info,
		.fm_depends = toy_depends,
		.fm_pseudo = true
	},
	{
		.fm_name = "moddep",
		.fm_init = dep_init,
		.fm_fini = dep_fini,
		.fm_info = dep_info
	},
	{ .fm_name = NULL }
};
KTEST_MODULES(sys_modules);

KTEST(fk_module_load_unload)
{
	struct modinfo mi = { 0 };

	KT_EQ(fk_modload("nonesuch"), ENOENT);
	KT_EQ(fk_modunload("modtoy"), ENOENT);
	KT_OK(fk_modload("modtoy"));
	SYS_LOGGED("iIA0");
	KT_OK(fk_modload("modtoy"));
	SYS_LOGGED("");
	KT_EQ(toy_info(&mi), 1);
	KT_STREQ(mi.mi_msinfo[0].msi_linkinfo, "toy driver");
	KT_EQ(fk_modunload("moddep"), EBUSY);
	KT_OK(fk_modunload("modtoy"));
	SYS_LOGGED("D0F");
	KT_EQ(fk_modunload("modtoy"), ENOENT);
	KT_OK(fk_modunload("moddep"));
	SYS_LOGGED("f");
}

KTEST(fk_module_init_fails)
{
	toy_init_err = ENOTSUP;
	KT_EQ(fk_modload("modtoy"), ENOTSUP);
	SYS_LOGGED("iI");
	KT_OK(fk_modunload("moddep"));
	SYS_LOGGED("f");
	toy_init_err = 0;
	KT_OK(fk_modload("modtoy"));
}

KTEST(fk_module_fini_refuses)
{
	KT_OK(fk_mod_hold("moddep"));
	dep_fini_err = EBUSY;
	KT_EQ(mod_remove_by_name("moddep"), EBUSY);
	fk_mod_rele("moddep");
	SYS_LOGGED("i");
	KT_EQ(mod_remove_by_name("moddep"), EBUSY);
	SYS_LOGGED("f");
	KT_OK(fk_modload("moddep"));
	SYS_LOGGED("");
	dep_fini_err = 0;
}

KTEST(fk_module_detach_refuses)
{
	KT_OK(fk_modload("modtoy"));
	toy_detach_fails = 1;
	KT_EQ(fk_modunload("modtoy"), EBUSY);
	SYS_LOGGED("iIA0D0");
	toy_detach_fails = 0;
}

KTEST_PANICS(fk_module_stuck, "module moddep cannot be unloaded")
{
	KT_OK(fk_modload("moddep"));
	dep_fini_err = EBUSY;
}

/*
 * Devices and files.
 */
KTEST(fk_device_open_ioctl)
{
	fk_file_t *f, *f2;
	int v = 0, rval = 0;
	cred_t *cr = fk_cred_create(1, 1, global_zone, B_FALSE);

	KT_EQ(fk_open("/dev/nonesuch", &f), ENOENT);
	KT_EQ(fk_open_as("/dev/modtoy", FREAD, cr, &f), EPERM);
	crfree(cr);
	SYS_LOGGED("iIA0");
	KT_OK(fk_open("/dev/modtoy", &f));
	KT_OK(fk_open("/dev/modtoy", &f2));
	KT_OK(fk_ioctl(f, TOY_GET, (intptr_t)&v, &rval));
	KT_EQ(v, 10);
	KT_EQ(rval, 7);
	KT_OK(fk_ioctl(f2, TOY_GET, (intptr_t)&v, &rval));
	KT_EQ(v, 11);
	KT_EQ(fk_ioctl(f, TOY_GET, 16, &rval), EFAULT);
	KT_EQ(fk_ioctl(f, _IO('t', 99), 0, &rval), ENOTTY);
	KT_OK(fk_ioctl(f, TOY_FD, fk_file_fd(f2), &rval));
	KT_EQ(rval, 11);
	KT_EQ(fk_ioctl(f, TOY_FD, 12345, &rval), EBADF);
	/* An open device can not be detached, and its module not unloaded. */
	KT_EQ(fk_modunload("modtoy"), EBUSY);
	KT_OK(fk_close(f));
	SYS_LOGGED("C10");
	KT_EQ(fk_modunload("modtoy"), EBUSY);
	KT_OK(fk_close(f2));
	KT_OK(fk_modunload("modtoy"));
	SYS_LOGGED("C11D0F");
}

KTEST_PANICS(fk_file_left, "shutdown: file 3 is open")
{
	fk_file_t *f;

	KT_OK(fk_open("/dev/modtoy", &f));
}

static void
toy_set_ready(void *arg)
{
	mutex_enter(&toy_lock);
	toy_ready = POLLIN;
	mutex_exit(&toy_lock);
	pollwakeup(&toy_pollhead, POLLIN);
}

KTEST(fk_device_poll)
{
	fk_file_t *f;
	short revents;

	KT_OK(fk_open("/dev/modtoy", &f));
	KT_EQ(fk_poll(f, POLLIN), 0);
	fk_thread_interrupt(curthread);
	KT_EQ(fk_poll_wait(f, POLLIN, -1, &revents), EINTR);
	(void) taskq_dispatch(system_taskq, toy_set_ready, NULL, TQ_SLEEP);
	KT_OK(fk_poll_wait(f, POLLIN | POLLOUT, -1, &revents));
	KT_EQ(revents, POLLIN);
	KT_EQ(fk_poll_wait(f, POLLOUT, 0, &revents), ETIME);
	KT_EQ(revents, 0);
	KT_ASSERT(toy_pollhead.ph_list == NULL);
	KT_OK(fk_close(f));
	toy_ready = 0;
}

static void
poll_listener(void *arg, short events)
{
	*(int *)arg += 1;
}

KTEST(fk_pollhead_listeners)
{
	pollhead_t ph = { 0 };
	fk_pollwait_t in, out;
	int nin = 0, nout = 0;

	fk_pollhead_listen(&ph, &in, POLLIN, poll_listener, &nin);
	fk_pollhead_listen(&ph, &out, POLLOUT, poll_listener, &nout);
	pollwakeup(&ph, POLLIN | POLLRDNORM);
	KT_EQ(nin, 1);
	KT_EQ(nout, 0);
	pollwakeup(&ph, POLLHUP);
	KT_EQ(nin, 2);
	KT_EQ(nout, 1);
	fk_pollhead_unlisten(&in);
	pollwakeup(&ph, POLLIN | POLLOUT);
	KT_EQ(nin, 2);
	KT_EQ(nout, 2);
	pollhead_clean(&ph);
	KT_ASSERT(ph.ph_list == NULL);
	fk_pollhead_unlisten(&out);
}

KTEST(fk_properties)
{
	char *s;

	KT_OK(fk_modload("modtoy"));
	KT_EQ(ddi_prop_get_int(DDI_DEV_T_ANY, toy_dip, 0, "n", 5), 5);
	KT_OK(ddi_prop_update_int(DDI_DEV_T_NONE, toy_dip, "n", -7));
	KT_EQ(ddi_prop_get_int(DDI_DEV_T_ANY, toy_dip, 0, "n", 5), -7);
	KT_OK(ddi_prop_update_string(DDI_DEV_T_NONE, toy_dip, "s", "text"));
	KT_OK(ddi_prop_lookup_string(DDI_DEV_T_ANY, toy_dip, 0, "s", &s));
	KT_STREQ(s, "text");
	ddi_prop_free(s);
	KT_OK(ddi_prop_remove(DDI_DEV_T_NONE, toy_dip, "n"));
	KT_EQ(ddi_prop_exists(DDI_DEV_T_ANY, toy_dip, 0, "n"), 0);
	KT_STREQ(ddi_driver_name(toy_dip), "modtoy");
	KT_EQ(ddi_driver_major(toy_dip), ddi_name_to_major("modtoy"));
}

KTEST_PANICS(fk_soft_state_leak, "ddi_soft_state_fini: item 3 was not freed")
{
	void *state = NULL;

	KT_OK(ddi_soft_state_init(&state, 16, 1));
	KT_EQ(ddi_soft_state_zalloc(state, 3), DDI_SUCCESS);
	ddi_soft_state_fini(&state);
}

KTEST(fk_soft_state)
{
	void *state = NULL, *p;

	KT_OK(ddi_soft_state_init(&state, 16, 1));
	KT_EQ(ddi_soft_state_zalloc(state, 100), DDI_SUCCESS);
	KT_EQ(ddi_soft_state_zalloc(state, 100), DDI_FAILURE);
	p = ddi_get_soft_state(state, 100);
	KT_ASSERT(p != NULL);
	KT_EQ(ddi_soft_state_zalloc(state, 1000), DDI_SUCCESS);
	KT_ASSERT(ddi_get_soft_state(state, 100) == p);
	KT_ASSERT(ddi_get_soft_state(state, 101) == NULL);
	KT_ASSERT(ddi_get_soft_state(state, 99999) == NULL);
	ddi_soft_state_free(state, 100);
	KT_ASSERT(ddi_get_soft_state(state, 100) == NULL);
	ddi_soft_state_free(state, 1000);
	ddi_soft_state_fini(&state);
}

/*
 * Statistics.
 */
static int
ks_update(kstat_t *ksp, int rw)
{
	if (rw == KSTAT_WRITE)
		return (EACCES);
	KT_ASSERT(MUTEX_HELD((kmutex_t *)ksp->ks_lock));
	KSTAT_NAMED_PTR(ksp)[0].value.ui64++;
	return (0);
}

static void
ks_walker(void *arg, const char *module, int instance, const char *name,
    const char *stat, uint64_t val)
{
	sys_note("%s:%d:%s:%s=%lu ", module, instance, name, stat, val);
}

KTEST(fk_kstat)
{
	kmutex_t lock = { 0 };
	kstat_t *ksp;
	uint64_t v;

	mutex_init(&lock, NULL, MUTEX_DEFAULT, NULL);
	ksp = kstat_create("mod", 1, "name", "misc", KSTAT_TYPE_NAMED, 3, 0);
	KT_ASSERT(ksp != NULL);
	KT_ASSERT(kstat_create("mod", 1, "name", "misc", KSTAT_TYPE_NAMED, 1,
	    0) == NULL);
	kstat_named_init(&KSTAT_NAMED_PTR(ksp)[0], "a", KSTAT_DATA_UINT64);
	kstat_named_init(&KSTAT_NAMED_PTR(ksp)[1], "b", KSTAT_DATA_UINT32);
	kstat_named_init(&KSTAT_NAMED_PTR(ksp)[2], "s", KSTAT_DATA_STRING);
	kstat_named_setstr(&KSTAT_NAMED_PTR(ksp)[2], "text");
	KSTAT_NAMED_PTR(ksp)[0].value.ui64 = 40;
	KSTAT_NAMED_PTR(ksp)[1].value.ui32 = 3;
	ksp->ks_lock = &lock;
	ksp->ks_update = ks_update;
	KT_EQ(fk_kstat_value("mod", 1, "name", "a", &v), ENOENT);
	kstat_install(ksp);
	KT_OK(fk_kstat_value("mod", 1, "name", "a", &v));
	KT_EQ(v, 41);
	KT_OK(fk_kstat_value("mod", 1, "name", "b", &v));
	KT_EQ(v, 3);
	KT_EQ(fk_kstat_value("mod", 1, "name", "s", &v), ENOENT);
	KT_EQ(fk_kstat_value("mod", 2, "name", "a", &v), ENOENT);
	fk_kstat_walk(ks_walker, NULL);
	SYS_LOGGED("mod:1:name:a=44 mod:1:name:b=3 ");
	kstat_delete(ksp);
	KT_EQ(fk_kstat_value("mod", 1, "name", "a", &v), ENOENT);
	mutex_destroy(&lock);
}

KTEST(fk_kstat_zones)
{
	kstat_t *ksp;
	uint64_t v;

	ksp = kstat_create_zone("mod", 0, "z", "misc", KSTAT_TYPE_NAMED, 1, 0,
	    5);
	kstat_named_init(KSTAT_NAMED_PTR(ksp), "a", KSTAT_DATA_INT32);
	kstat_install(ksp);
	KT_EQ(fk_kstat_value("mod", 0, "z", "a", &v), ENOENT);
	kstat_zone_add(ksp, GLOBAL_ZONEID);
	KT_OK(fk_kstat_value("mod", 0, "z", "a", &v));
	KT_EQ(kstat_zone_find(ksp, 5), 1);
	KT_EQ(kstat_zone_find(ksp, 6), 0);
	kstat_zone_remove(ksp, 5);
	KT_EQ(kstat_zone_find(ksp, 5), 0);
	kstat_delete(ksp);
}

KTEST_PANICS(fk_kstat_left, "shutdown: kstat mod:0:k was not deleted")
{
	(void) kstat_create("mod", 0, "k", "misc", KSTAT_TYPE_RAW, 8, 0);
}

KTEST(fk_errno_conversion)
{
	KT_EQ(fk_errno_from_host(fk_errno_to_host(ECONNREFUSED)),
	    ECONNREFUSED);
	KT_EQ(fk_errno_from_host(fk_errno_to_host(EOPNOTSUPP)), EOPNOTSUPP);
	KT_EQ(fk_errno_to_host(0), 0);
	KT_EQ(fk_errno_to_host(12345), fk_errno_to_host(EIO));
	KT_EQ(fk_errno_from_host(12345), EIO);
	KT_EQ(fk_errno_to_host(EAGAIN), 11);
}

/*
 * Probes: they compile, and cost the program nothing.  That they are in the
 * program, under their names, is seen with readelf -n.
 */
KTEST(fk_sdt_probes)
{
	int i = 3;

	DTRACE_PROBE(fk__test__none);
	DTRACE_PROBE2(fk__test__some_args, int, i, char *, sys_log);
	DTRACE_PROBE8(fk__test__many, int, i, int, i + 1, int, i + 2, int, 4,
	    uint64_t, gethrtime(), int, 6, void *, NULL, char *, sys_log + 1);
	KT_EQ(i, 3);
}
