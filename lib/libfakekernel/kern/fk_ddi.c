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
 * Drivers, device nodes, minor nodes, properties, soft state.
 *
 * A driver is a name that got a major number, for ever; while its module is
 * loaded it has dev_ops.  Instances are dev_info nodes: made for pseudo drivers
 * when they are loaded or opened, and by the buses of libfakedev.  An instance
 * that is held (open) cannot be detached.
 *
 * fk_ddi_lock protects the lists, minor nodes, properties and holds.  It is not
 * held while a driver is called; devi_busy keeps others from attaching or
 * detaching the same instance meanwhile.
 */

#include "fk_impl.h"
#include <sys/conf.h>
#include <sys/sunddi.h>
#include <sys/ddi_impldefs.h>
#include <sys/modctl.h>

#define	FK_FIRST_MAJOR	100

struct fk_driver {
	list_node_t	fd_node;
	char		fd_name[MODMAXNAMELEN];
	major_t		fd_major;
	struct dev_ops	*fd_ops;	/* NULL: not loaded */
};

typedef struct fk_minor {
	list_node_t	fm_node;
	char		fm_name[MAXNAMELEN];
	minor_t		fm_minor;
	int		fm_spec;
} fk_minor_t;

static kmutex_t fk_ddi_lock;
static kcondvar_t fk_ddi_cv;		/* devi_busy has been cleared */
static list_t fk_drivers;
static list_t fk_devices;
static major_t fk_lastmajor;
static dev_info_t fk_root = {
	.devi_name = "rootnex"
};
static dev_info_t fk_pseudo = {
	.devi_name = "pseudo",
	.devi_parent = &fk_root
};

/*
 * Entry points that do nothing.
 */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
int
nulldev(void)
{
	return (0);
}

int
nodev(void)
{
	return (ENXIO);
}
#pragma GCC diagnostic pop

int
nochpoll(dev_t dev, short events, int anyyet, short *reventsp,
    struct pollhead **phpp)
{
	return (ENXIO);
}

int
ddi_no_info(dev_info_t *dip, ddi_info_cmd_t cmd, void *arg, void **result)
{
	return (DDI_FAILURE);
}

int
ddi_quiesce_not_needed(dev_info_t *dip)
{
	return (DDI_SUCCESS);
}

int
ddi_quiesce_not_supported(dev_info_t *dip)
{
	return (DDI_FAILURE);
}

int
ddi_power(dev_info_t *dip, int component, int level)
{
	return (DDI_FAILURE);
}

int
ddi_prop_op(dev_t dev, dev_info_t *dip, ddi_prop_op_t op, int flags,
    char *name, caddr_t valuep, int *lenp)
{
	return (DDI_PROP_NOT_FOUND);
}

/*
 * Drivers.
 */
static struct fk_driver *
fk_driver_find(const char *name)
{
	struct fk_driver *fd;

	ASSERT(MUTEX_HELD(&fk_ddi_lock));
	for (fd = list_head(&fk_drivers); fd != NULL;
	    fd = list_next(&fk_drivers, fd)) {
		if (strcmp(fd->fd_name, name) == 0)
			return (fd);
	}
	return (NULL);
}

static struct fk_driver *
fk_driver_get(const char *name)
{
	struct fk_driver *fd = fk_driver_find(name);

	if (fd == NULL) {
		fd = fkh_alloc(sizeof (*fd));
		bzero(fd, sizeof (*fd));
		(void) strlcpy(fd->fd_name, name, sizeof (fd->fd_name));
		fd->fd_major = ++fk_lastmajor;
		list_insert_tail(&fk_drivers, fd);
	}
	return (fd);
}

major_t
ddi_name_to_major(const char *name)
{
	struct fk_driver *fd;

	mutex_enter(&fk_ddi_lock);
	fd = fk_driver_find(name);
	mutex_exit(&fk_ddi_lock);
	return (fd == NULL ? DDI_MAJOR_T_NONE : fd->fd_major);
}

char *
ddi_major_to_name(major_t major)
{
	struct fk_driver *fd;

	mutex_enter(&fk_ddi_lock);
	for (fd = list_head(&fk_drivers); fd != NULL &&
	    fd->fd_major != major; fd = list_next(&fk_drivers, fd))
		;
	mutex_exit(&fk_ddi_lock);
	return (fd == NULL ? NULL : fd->fd_name);
}

/* Installing a driver's linkage. */
static int
fk_drv_install(struct modldrv *ml, struct modlinkage *linkage)
{
	struct dev_ops *ops = ml->drv_dev_ops;
	struct modctl *mp = mod_getctl(linkage);

	if (ops->devo_rev != DEVO_REV || (ops->devo_cb_ops != NULL &&
	    ops->devo_cb_ops->cb_rev != CB_REV))
		return (EINVAL);
	mutex_enter(&fk_ddi_lock);
	fk_driver_get(mp->mod_modname)->fd_ops = ops;
	mutex_exit(&fk_ddi_lock);
	return (0);
}

static int
fk_drv_remove(struct modldrv *ml, struct modlinkage *linkage)
{
	struct modctl *mp = mod_getctl(linkage);
	struct fk_driver *fd;
	dev_info_t *dip;
	int err = 0;

	mutex_enter(&fk_ddi_lock);
	fd = fk_driver_get(mp->mod_modname);
	for (dip = list_head(&fk_devices); dip != NULL;
	    dip = list_next(&fk_devices, dip)) {
		if (dip->devi_driver == fd &&
		    (dip->devi_attached || dip->devi_busy))
			err = EBUSY;
	}
	if (err == 0)
		fd->fd_ops = NULL;
	mutex_exit(&fk_ddi_lock);
	return (err);
}

struct mod_ops mod_driverops = {
	.modm_install	= fk_drv_install,
	.modm_remove	= fk_drv_remove,
	.modm_info	= nulldev
};

/*
 * Instances.
 */
int
fk_devi_create(const char *driver, const char *nodename, int instance,
    dev_info_t **dipp)
{
	dev_info_t *dip = fkh_alloc(sizeof (*dip));

	bzero(dip, sizeof (*dip));
	(void) strlcpy(dip->devi_name, nodename, sizeof (dip->devi_name));
	dip->devi_instance = instance;
	dip->devi_parent = &fk_pseudo;
	list_create(&dip->devi_minors, sizeof (fk_minor_t),
	    offsetof(fk_minor_t, fm_node));
	list_create(&dip->devi_props, sizeof (fk_prop_t),
	    offsetof(fk_prop_t, fp_node));
	mutex_enter(&fk_ddi_lock);
	dip->devi_driver = fk_driver_get(driver);
	list_insert_tail(&fk_devices, dip);
	mutex_exit(&fk_ddi_lock);
	*dipp = dip;
	return (0);
}

void
fk_devi_destroy(dev_info_t *dip)
{
	if (dip->devi_attached)
		panic("fk_devi_destroy: %s%d is attached",
		    ddi_driver_name(dip), dip->devi_instance);
	mutex_enter(&fk_ddi_lock);
	list_remove(&fk_devices, dip);
	mutex_exit(&fk_ddi_lock);
	ddi_prop_remove_all(dip);
	list_destroy(&dip->devi_props);
	list_destroy(&dip->devi_minors);
	fkh_free(dip);
}

/* Nobody else attaches or detaches it until fk_devi_unbusy(). */
static void
fk_devi_busy(dev_info_t *dip)
{
	mutex_enter(&fk_ddi_lock);
	while (dip->devi_busy)
		cv_wait(&fk_ddi_cv, &fk_ddi_lock);
	dip->devi_busy = true;
	mutex_exit(&fk_ddi_lock);
}

static void
fk_devi_unbusy(dev_info_t *dip, bool attached)
{
	mutex_enter(&fk_ddi_lock);
	dip->devi_busy = false;
	dip->devi_attached = attached;
	cv_broadcast(&fk_ddi_cv);
	mutex_exit(&fk_ddi_lock);
}

/* What an instance that is not attached must not have. */
static void
fk_devi_verify(dev_info_t *dip, const char *when)
{
	fk_minor_t *fm = list_head(&dip->devi_minors);

	if (fm != NULL)
		panic("%s%d: minor node %s is left after %s",
		    ddi_driver_name(dip), dip->devi_instance, fm->fm_name,
		    when);
}

int
fk_devi_attach(dev_info_t *dip)
{
	struct dev_ops *ops;
	int err = 0;

	fk_maysleep("fk_devi_attach");
	if (fk_mod_hold(dip->devi_driver->fd_name) != 0)
		return (ENXIO);
	fk_devi_busy(dip);
	ops = dip->devi_driver->fd_ops;
	if (!dip->devi_attached) {
		if (ops == NULL || ops->devo_attach(dip, DDI_ATTACH) !=
		    DDI_SUCCESS)
			err = ENXIO;
		if (err != 0)
			fk_devi_verify(dip, "a failed attach");
	}
	fk_devi_unbusy(dip, err == 0);
	fk_mod_rele(dip->devi_driver->fd_name);
	return (err);
}

int
fk_devi_detach(dev_info_t *dip)
{
	int err = 0;

	fk_maysleep("fk_devi_detach");
	fk_devi_busy(dip);
	if (dip->devi_attached) {
		if (dip->devi_holds != 0 || dip->devi_driver->fd_ops->
		    devo_detach(dip, DDI_DETACH) != DDI_SUCCESS)
			err = EBUSY;
		else
			fk_devi_verify(dip, "detach");
	}
	if (err == 0)
		dip->devi_driver_data = NULL;
	fk_devi_unbusy(dip, err != 0);
	return (err);
}

int
fk_devi_quiesce(dev_info_t *dip)
{
	struct dev_ops *ops = dip->devi_driver->fd_ops;

	return (ops->devo_quiesce(dip) == DDI_SUCCESS ? 0 : EIO);
}

/* The first instance of the driver, or the one after `dip'. */
static dev_info_t *
fk_devi_next(const char *driver, dev_info_t *dip)
{
	mutex_enter(&fk_ddi_lock);
	dip = dip == NULL ? list_head(&fk_devices) :
	    list_next(&fk_devices, dip);
	while (dip != NULL && strcmp(dip->devi_driver->fd_name, driver) != 0)
		dip = list_next(&fk_devices, dip);
	mutex_exit(&fk_ddi_lock);
	return (dip);
}

int
fk_drv_attach_pseudo(const char *driver)
{
	dev_info_t *dip = fk_devi_next(driver, NULL);

	if (dip == NULL)
		(void) fk_devi_create(driver, driver, 0, &dip);
	return (fk_devi_attach(dip));
}

int
fk_drv_detach_all(const char *driver)
{
	dev_info_t *dip = NULL;

	while ((dip = fk_devi_next(driver, dip)) != NULL) {
		if (fk_devi_detach(dip) != 0)
			return (EBUSY);
	}
	return (0);
}

const char *
ddi_driver_name(dev_info_t *dip)
{
	return (dip->devi_driver == NULL ? dip->devi_name :
	    dip->devi_driver->fd_name);
}

char *
ddi_binding_name(dev_info_t *dip)
{
	return (dip->devi_name);
}

char *
ddi_node_name(dev_info_t *dip)
{
	return (dip->devi_name);
}

char *
ddi_get_name(dev_info_t *dip)
{
	return (dip->devi_name);
}

int
ddi_get_instance(dev_info_t *dip)
{
	return (dip->devi_instance);
}

major_t
ddi_driver_major(dev_info_t *dip)
{
	return (dip->devi_driver->fd_major);
}

dev_info_t *
ddi_get_parent(dev_info_t *dip)
{
	return (dip->devi_parent);
}

dev_info_t *
ddi_root_node(void)
{
	return (&fk_root);
}

void *
ddi_get_driver_private(dev_info_t *dip)
{
	return (dip->devi_driver_data);
}

void
ddi_set_driver_private(dev_info_t *dip, void *data)
{
	dip->devi_driver_data = data;
}

void *
ddi_get_parent_data(dev_info_t *dip)
{
	return (dip->devi_parent_data);
}

void
ddi_set_parent_data(dev_info_t *dip, void *data)
{
	dip->devi_parent_data = data;
}

/* The real one writes to the log, where nobody looks. */
void
ddi_report_dev(dev_info_t *dip)
{
}

/* Only attached ones, as for the real one's `need_attached'. */
dev_info_t *
ddi_find_devinfo(char *name, int instance, int need_attached)
{
	dev_info_t *dip = NULL;

	while ((dip = fk_devi_next(name, dip)) != NULL) {
		if ((instance == -1 || dip->devi_instance == instance) &&
		    (!need_attached || dip->devi_attached))
			break;
	}
	return (dip);
}

void
vdev_err(dev_info_t *dip, int level, const char *fmt, __va_list ap)
{
	char buf[256];

	(void) vsnprintf(buf, sizeof (buf), fmt, ap);
	cmn_err(level, "%s%d: %s", ddi_driver_name(dip), dip->devi_instance,
	    buf + (*buf == '!' || *buf == '?' || *buf == '^'));
}

void
dev_err(dev_info_t *dip, int level, char *fmt, ...)
{
	__va_list ap;

	va_start(ap, fmt);
	vdev_err(dip, level, fmt, ap);
	va_end(ap);
}

/*
 * Minor nodes.
 */
static fk_minor_t *
fk_minor_find(dev_info_t *dip, const char *name)
{
	fk_minor_t *fm;

	for (fm = list_head(&dip->devi_minors); fm != NULL;
	    fm = list_next(&dip->devi_minors, fm)) {
		if (strcmp(fm->fm_name, name) == 0)
			break;
	}
	return (fm);
}

int
ddi_create_minor_node(dev_info_t *dip, const char *name, int spec,
    minor_t minor, const char *type, int flag)
{
	fk_minor_t *fm;

	fk_maysleep("ddi_create_minor_node");
	if (spec != S_IFCHR && spec != S_IFBLK)
		panic("ddi_create_minor_node: %s: type is neither character "
		    "nor block", name);
	fm = kmem_zalloc(sizeof (*fm), KM_SLEEP);
	(void) strlcpy(fm->fm_name, name, sizeof (fm->fm_name));
	fm->fm_minor = minor;
	fm->fm_spec = spec;
	mutex_enter(&fk_ddi_lock);
	if (fk_minor_find(dip, name) != NULL) {
		mutex_exit(&fk_ddi_lock);
		kmem_free(fm, sizeof (*fm));
		return (DDI_FAILURE);
	}
	list_insert_tail(&dip->devi_minors, fm);
	mutex_exit(&fk_ddi_lock);
	return (DDI_SUCCESS);
}

int
ddi_create_priv_minor_node(dev_info_t *dip, const char *name, int spec,
    minor_t minor, const char *type, int flag, const char *rdpriv,
    const char *wrpriv, mode_t mode)
{
	return (ddi_create_minor_node(dip, name, spec, minor, type, flag));
}

void
ddi_remove_minor_node(dev_info_t *dip, const char *name)
{
	fk_minor_t *fm, *next;

	mutex_enter(&fk_ddi_lock);
	for (fm = list_head(&dip->devi_minors); fm != NULL; fm = next) {
		next = list_next(&dip->devi_minors, fm);
		if (name != NULL && strcmp(fm->fm_name, name) != 0)
			continue;
		list_remove(&dip->devi_minors, fm);
		kmem_free(fm, sizeof (*fm));
	}
	mutex_exit(&fk_ddi_lock);
}

/* By the name of a minor node of any device; the device is held. */
static dev_info_t *
fk_dev_find(const char *name, dev_t *devp)
{
	dev_info_t *dip;
	fk_minor_t *fm;

	mutex_enter(&fk_ddi_lock);
	for (dip = list_head(&fk_devices); dip != NULL;
	    dip = list_next(&fk_devices, dip)) {
		fm = fk_minor_find(dip, name);
		if (fm != NULL && dip->devi_attached && !dip->devi_busy) {
			*devp = makedevice(ddi_driver_major(dip),
			    fm->fm_minor);
			dip->devi_holds++;
			break;
		}
	}
	mutex_exit(&fk_ddi_lock);
	return (dip);
}

/*
 * A node that is not there may be one of a driver of that name which has not
 * been loaded, or has been detached.
 */
int
fk_dev_lookup(const char *path, dev_info_t **dipp, dev_t *devp)
{
	static const char prefix[] = "/dev/";
	const char *name = path + sizeof (prefix) - 1;
	struct dev_ops *ops;

	if (strncmp(path, prefix, sizeof (prefix) - 1) != 0)
		return (ENOENT);
	*dipp = fk_dev_find(name, devp);
	if (*dipp == NULL && fk_modload(name) == 0)
		*dipp = fk_dev_find(name, devp);
	if (*dipp == NULL)
		return (ENOENT);
	ops = (*dipp)->devi_driver->fd_ops;
	if (ops->devo_cb_ops == NULL) {
		fk_dev_rele(*dipp);
		return (ENXIO);
	}
	return (0);
}

void
fk_dev_rele(dev_info_t *dip)
{
	mutex_enter(&fk_ddi_lock);
	VERIFY3U(dip->devi_holds, !=, 0);
	dip->devi_holds--;
	mutex_exit(&fk_ddi_lock);
}

struct cb_ops *
fk_dev_cb(dev_info_t *dip)
{
	return (dip->devi_driver->fd_ops->devo_cb_ops);
}

/*
 * Properties: integers and strings of the node itself.
 */
static fk_prop_t *
fk_prop_find(dev_info_t *dip, const char *name)
{
	fk_prop_t *fp;

	for (fp = list_head(&dip->devi_props); fp != NULL;
	    fp = list_next(&dip->devi_props, fp)) {
		if (strcmp(fp->fp_name, name) == 0)
			break;
	}
	return (fp);
}

static void
fk_prop_free(dev_info_t *dip, fk_prop_t *fp)
{
	list_remove(&dip->devi_props, fp);
	fkh_free(fp->fp_value);
	fkh_free(fp->fp_name);
	fkh_free(fp);
}

static void *
fk_prop_dup(const void *v, size_t len)
{
	return (memcpy(fkh_alloc(len), v, len));
}

static int
fk_prop_update(dev_info_t *dip, const char *name, const void *v, size_t len)
{
	fk_prop_t *fp;

	mutex_enter(&fk_ddi_lock);
	fp = fk_prop_find(dip, name);
	if (fp != NULL)
		fk_prop_free(dip, fp);
	fp = fkh_alloc(sizeof (*fp));
	list_link_init(&fp->fp_node);
	fp->fp_name = fk_prop_dup(name, strlen(name) + 1);
	fp->fp_value = fk_prop_dup(v, len);
	fp->fp_len = len;
	list_insert_tail(&dip->devi_props, fp);
	mutex_exit(&fk_ddi_lock);
	return (DDI_PROP_SUCCESS);
}

int
ddi_prop_update_int(dev_t dev, dev_info_t *dip, char *name, int v)
{
	int64_t v64 = v;

	return (fk_prop_update(dip, name, &v64, sizeof (v64)));
}

int
ddi_prop_update_int64(dev_t dev, dev_info_t *dip, char *name, int64_t v)
{
	return (fk_prop_update(dip, name, &v, sizeof (v)));
}

int
ddi_prop_update_string(dev_t dev, dev_info_t *dip, char *name, char *v)
{
	return (fk_prop_update(dip, name, v, strlen(v) + 1));
}

int64_t
ddi_prop_get_int64(dev_t dev, dev_info_t *dip, uint_t flags, char *name,
    int64_t def)
{
	fk_prop_t *fp;

	mutex_enter(&fk_ddi_lock);
	fp = fk_prop_find(dip, name);
	if (fp != NULL && fp->fp_len == sizeof (def))
		bcopy(fp->fp_value, &def, sizeof (def));
	mutex_exit(&fk_ddi_lock);
	return (def);
}

int
ddi_prop_get_int(dev_t dev, dev_info_t *dip, uint_t flags, char *name, int def)
{
	return ((int)ddi_prop_get_int64(dev, dip, flags, name, def));
}

int
ddi_prop_exists(dev_t dev, dev_info_t *dip, uint_t flags, char *name)
{
	int found;

	mutex_enter(&fk_ddi_lock);
	found = fk_prop_find(dip, name) != NULL;
	mutex_exit(&fk_ddi_lock);
	return (found);
}

/* The copy is the caller's until ddi_prop_free(). */
int
ddi_prop_lookup_string(dev_t dev, dev_info_t *dip, uint_t flags, char *name,
    char **valp)
{
	fk_prop_t *fp;

	mutex_enter(&fk_ddi_lock);
	fp = fk_prop_find(dip, name);
	if (fp != NULL)
		*valp = ddi_strdup(fp->fp_value, KM_SLEEP);
	mutex_exit(&fk_ddi_lock);
	return (fp == NULL ? DDI_PROP_NOT_FOUND : DDI_PROP_SUCCESS);
}

void
ddi_prop_free(void *v)
{
	strfree(v);
}

int
ddi_prop_remove(dev_t dev, dev_info_t *dip, char *name)
{
	fk_prop_t *fp;

	mutex_enter(&fk_ddi_lock);
	fp = fk_prop_find(dip, name);
	if (fp != NULL)
		fk_prop_free(dip, fp);
	mutex_exit(&fk_ddi_lock);
	return (fp == NULL ? DDI_PROP_NOT_FOUND : DDI_PROP_SUCCESS);
}

void
ddi_prop_remove_all(dev_info_t *dip)
{
	fk_prop_t *fp;

	mutex_enter(&fk_ddi_lock);
	while ((fp = list_head(&dip->devi_props)) != NULL)
		fk_prop_free(dip, fp);
	mutex_exit(&fk_ddi_lock);
}

/*
 * Soft state: a growing table of items.  Outgrown tables are kept until the
 * end, so that ddi_get_soft_state() needs no lock.
 */
typedef struct fk_ssarray {
	struct fk_ssarray *sa_older;
	uint_t		sa_n;
	void		*sa_item[];
} fk_ssarray_t;

typedef struct fk_softstate {
	kmutex_t	ss_lock;
	size_t		ss_size;
	fk_ssarray_t	*ss_array;
} fk_softstate_t;

static fk_ssarray_t *
fk_ss_array(uint_t n, fk_ssarray_t *older)
{
	fk_ssarray_t *sa;

	sa = kmem_zalloc(sizeof (*sa) + n * sizeof (void *), KM_SLEEP);
	sa->sa_n = n;
	sa->sa_older = older;
	return (sa);
}

int
ddi_soft_state_init(void **statep, size_t size, size_t n)
{
	fk_softstate_t *ss;

	if (statep == NULL || *statep != NULL || size == 0)
		return (EINVAL);
	ss = kmem_zalloc(sizeof (*ss), KM_SLEEP);
	mutex_init(&ss->ss_lock, NULL, MUTEX_DEFAULT, NULL);
	ss->ss_size = size;
	ss->ss_array = fk_ss_array(MAX(n, 8), NULL);
	*statep = ss;
	return (0);
}

void
ddi_soft_state_fini(void **statep)
{
	fk_softstate_t *ss;
	fk_ssarray_t *sa;
	uint_t i;

	if (statep == NULL || *statep == NULL)
		return;
	ss = *statep;
	for (i = 0; i < ss->ss_array->sa_n; i++) {
		if (ss->ss_array->sa_item[i] != NULL)
			panic("ddi_soft_state_fini: item %u was not freed", i);
	}
	while ((sa = ss->ss_array) != NULL) {
		ss->ss_array = sa->sa_older;
		kmem_free(sa, sizeof (*sa) + sa->sa_n * sizeof (void *));
	}
	mutex_destroy(&ss->ss_lock);
	kmem_free(ss, sizeof (*ss));
	*statep = NULL;
}

int
ddi_soft_state_zalloc(void *state, int item)
{
	fk_softstate_t *ss = state;
	fk_ssarray_t *old, *new;
	void *p;
	uint_t n;

	if (ss == NULL || item < 0)
		return (DDI_FAILURE);
	p = kmem_zalloc(ss->ss_size, KM_SLEEP);
	mutex_enter(&ss->ss_lock);
	old = ss->ss_array;
	if ((uint_t)item >= old->sa_n) {
		for (n = old->sa_n; n <= (uint_t)item; n *= 2)
			;
		new = fk_ss_array(n, old);
		bcopy(old->sa_item, new->sa_item, old->sa_n * sizeof (void *));
		__atomic_store_n(&ss->ss_array, new, __ATOMIC_RELEASE);
	}
	if (ss->ss_array->sa_item[item] != NULL) {
		mutex_exit(&ss->ss_lock);
		kmem_free(p, ss->ss_size);
		return (DDI_FAILURE);
	}
	__atomic_store_n(&ss->ss_array->sa_item[item], p, __ATOMIC_RELEASE);
	mutex_exit(&ss->ss_lock);
	return (DDI_SUCCESS);
}

void *
ddi_get_soft_state(void *state, int item)
{
	fk_softstate_t *ss = state;
	fk_ssarray_t *sa;

	if (ss == NULL || item < 0)
		return (NULL);
	sa = __atomic_load_n(&ss->ss_array, __ATOMIC_ACQUIRE);
	if ((uint_t)item >= sa->sa_n)
		return (NULL);
	return (__atomic_load_n(&sa->sa_item[item], __ATOMIC_ACQUIRE));
}

void
ddi_soft_state_free(void *state, int item)
{
	fk_softstate_t *ss = state;
	void *p = NULL;

	if (ss == NULL || item < 0)
		return;
	mutex_enter(&ss->ss_lock);
	if ((uint_t)item < ss->ss_array->sa_n) {
		p = ss->ss_array->sa_item[item];
		FK_STORE(&ss->ss_array->sa_item[item], NULL);
	}
	mutex_exit(&ss->ss_lock);
	if (p != NULL)
		kmem_free(p, ss->ss_size);
}

void
fk_ddi_init(void)
{
	mutex_init(&fk_ddi_lock, NULL, MUTEX_DEFAULT, NULL);
	cv_init(&fk_ddi_cv, NULL, CV_DEFAULT, NULL);
	list_create(&fk_drivers, sizeof (struct fk_driver),
	    offsetof(struct fk_driver, fd_node));
	list_create(&fk_devices, sizeof (dev_info_t),
	    offsetof(dev_info_t, devi_node));
	fk_lastmajor = FK_FIRST_MAJOR;
}

void
fk_ddi_fini(void)
{
	struct fk_driver *fd;
	dev_info_t *dip;

	while ((dip = list_head(&fk_devices)) != NULL)
		fk_devi_destroy(dip);
	while ((fd = list_remove_head(&fk_drivers)) != NULL)
		fkh_free(fd);
	list_destroy(&fk_devices);
	list_destroy(&fk_drivers);
	cv_destroy(&fk_ddi_cv);
	mutex_destroy(&fk_ddi_lock);
}
