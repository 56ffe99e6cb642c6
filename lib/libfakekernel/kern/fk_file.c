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
 * Vnodes, open files, polling.
 *
 * A file is found by its number in one table (there is one for all processes);
 * closing it waits until every getf() had its releasef().  The file of a device
 * has a vnode of the device file system below; the driver's close(9E) is called
 * when the last open of that device is closed.
 *
 * Pollers of a pollhead are on its list.  pollwakeup() calls them in turn with
 * no lock held, each found by the number that follows the last one's.
 *
 * fk_files_lock protects the table, f_count and the open devices, fk_poll_lock
 * the lists of all pollheads, v_lock v_count.
 */

#include "fk_impl.h"
#include <sys/conf.h>
#include <sys/open.h>
#include <sys/sunddi.h>
#include <sys/ddi_impldefs.h>

struct fk_file {
	file_t		fl_file;
	int		fl_fd;
	bool		fl_closing;
	list_node_t	fl_node;
	void		(*fl_notify)(void *);	/* fk_pollnotify() */
	void		*fl_notify_arg;
	fk_pollwait_t	fl_notify_wait;
};

/* A device that is open. */
typedef struct fk_spec {
	list_node_t	sp_node;
	dev_info_t	*sp_dip;	/* held */
	dev_t		sp_dev;
} fk_spec_t;

static kmutex_t fk_files_lock;
static kcondvar_t fk_files_cv;		/* a file has been released */
static list_t fk_files;
static int fk_lastfd;
static list_t fk_specs;

static fk_lk_t fk_poll_lock;
static uint64_t fk_poll_lastid;

/*
 * Vnodes.
 */
void
vn_reinit(vnode_t *vp)
{
	vp->v_flag = 0;
	vp->v_count = 1;
	vp->v_data = NULL;
	vp->v_op = NULL;
	vp->v_type = VNON;
	vp->v_rdev = 0;
}

vnode_t *
vn_alloc(int flags)
{
	vnode_t *vp = kmem_zalloc(sizeof (*vp), flags);

	if (vp != NULL) {
		mutex_init(&vp->v_lock, NULL, MUTEX_DEFAULT, NULL);
		vn_reinit(vp);
	}
	return (vp);
}

void
vn_free(vnode_t *vp)
{
	if (vp->v_count > 1)
		panic("vn_free: vnode %p has %u references", vp, vp->v_count);
	mutex_destroy(&vp->v_lock);
	kmem_free(vp, sizeof (*vp));
}

void
vn_setops(vnode_t *vp, vnodeops_t *ops)
{
	vp->v_op = ops;
}

void
fk_vn_hold(vnode_t *vp)
{
	mutex_enter(&vp->v_lock);
	vp->v_count++;
	mutex_exit(&vp->v_lock);
}

void
vn_rele(vnode_t *vp)
{
	mutex_enter(&vp->v_lock);
	if (vp->v_count == 0)
		panic("vn_rele: vnode %p has no reference", vp);
	if (vp->v_count == 1) {
		mutex_exit(&vp->v_lock);
		fop_inactive(vp, CRED(), NULL);
		return;
	}
	vp->v_count--;
	mutex_exit(&vp->v_lock);
}

int
fop_open(vnode_t **vpp, int mode, cred_t *cr, caller_context_t *ct)
{
	if ((*vpp)->v_op->vop_open == NULL)
		return (ENOSYS);
	return ((*vpp)->v_op->vop_open(vpp, mode, cr, ct));
}

int
fop_close(vnode_t *vp, int flag, int count, offset_t off, cred_t *cr,
    caller_context_t *ct)
{
	if (vp->v_op->vop_close == NULL)
		return (ENOSYS);
	return (vp->v_op->vop_close(vp, flag, count, off, cr, ct));
}

int
fop_read(vnode_t *vp, uio_t *uio, int ioflag, cred_t *cr,
    caller_context_t *ct)
{
	if (vp->v_op->vop_read == NULL)
		return (ENOSYS);
	return (vp->v_op->vop_read(vp, uio, ioflag, cr, ct));
}

int
fop_write(vnode_t *vp, uio_t *uio, int ioflag, cred_t *cr,
    caller_context_t *ct)
{
	if (vp->v_op->vop_write == NULL)
		return (ENOSYS);
	return (vp->v_op->vop_write(vp, uio, ioflag, cr, ct));
}

int
fop_ioctl(vnode_t *vp, int cmd, intptr_t arg, int flag, cred_t *cr,
    int *rvalp, caller_context_t *ct)
{
	if (vp->v_op->vop_ioctl == NULL)
		return (ENOSYS);
	return (vp->v_op->vop_ioctl(vp, cmd, arg, flag, cr, rvalp, ct));
}

int
fop_poll(vnode_t *vp, short events, int anyyet, short *reventsp,
    struct pollhead **phpp, caller_context_t *ct)
{
	if (vp->v_op->vop_poll == NULL)
		return (ENOSYS);
	return (vp->v_op->vop_poll(vp, events, anyyet, reventsp, phpp, ct));
}

void
fop_inactive(vnode_t *vp, cred_t *cr, caller_context_t *ct)
{
	vp->v_op->vop_inactive(vp, cr, ct);
}

/*
 * Device files.
 */
static int
fk_spec_close(vnode_t *vp, int flag, int count, offset_t off, cred_t *cr,
    caller_context_t *ct)
{
	fk_spec_t *sp = vp->v_data, *other;

	mutex_enter(&fk_files_lock);
	list_remove(&fk_specs, sp);
	for (other = list_head(&fk_specs); other != NULL;
	    other = list_next(&fk_specs, other)) {
		if (other->sp_dev == sp->sp_dev)
			break;
	}
	mutex_exit(&fk_files_lock);
	if (other != NULL)
		return (0);
	return (fk_dev_cb(sp->sp_dip)->cb_close(sp->sp_dev, flag, OTYP_CHR,
	    cr));
}

static int
fk_spec_read(vnode_t *vp, uio_t *uio, int ioflag, cred_t *cr,
    caller_context_t *ct)
{
	fk_spec_t *sp = vp->v_data;

	return (fk_dev_cb(sp->sp_dip)->cb_read(sp->sp_dev, uio, cr));
}

static int
fk_spec_write(vnode_t *vp, uio_t *uio, int ioflag, cred_t *cr,
    caller_context_t *ct)
{
	fk_spec_t *sp = vp->v_data;

	return (fk_dev_cb(sp->sp_dip)->cb_write(sp->sp_dev, uio, cr));
}

static int
fk_spec_ioctl(vnode_t *vp, int cmd, intptr_t arg, int flag, cred_t *cr,
    int *rvalp, caller_context_t *ct)
{
	fk_spec_t *sp = vp->v_data;

	return (fk_dev_cb(sp->sp_dip)->cb_ioctl(sp->sp_dev, cmd, arg, flag, cr,
	    rvalp));
}

static int
fk_spec_poll(vnode_t *vp, short events, int anyyet, short *reventsp,
    struct pollhead **phpp, caller_context_t *ct)
{
	fk_spec_t *sp = vp->v_data;

	return (fk_dev_cb(sp->sp_dip)->cb_chpoll(sp->sp_dev, events, anyyet,
	    reventsp, phpp));
}

static void
fk_spec_inactive(vnode_t *vp, cred_t *cr, caller_context_t *ct)
{
	fk_spec_t *sp = vp->v_data;

	fk_dev_rele(sp->sp_dip);
	kmem_free(sp, sizeof (*sp));
	vn_free(vp);
}

static vnodeops_t fk_spec_vnodeops = {
	.vnop_name	= "specfs",
	.vop_close	= fk_spec_close,
	.vop_read	= fk_spec_read,
	.vop_write	= fk_spec_write,
	.vop_ioctl	= fk_spec_ioctl,
	.vop_poll	= fk_spec_poll,
	.vop_inactive	= fk_spec_inactive
};

int
fk_open_as(const char *path, int flag, cred_t *cr, fk_file_t **flp)
{
	dev_info_t *dip;
	vnode_t *vp;
	fk_spec_t *sp;
	dev_t dev;
	int err;

	fk_maysleep("open");
	err = fk_dev_lookup(path, &dip, &dev);
	if (err != 0)
		return (err);
	err = fk_dev_cb(dip)->cb_open(&dev, flag, OTYP_CHR, cr);
	if (err != 0) {
		fk_dev_rele(dip);
		return (err);
	}
	sp = kmem_zalloc(sizeof (*sp), KM_SLEEP);
	sp->sp_dip = dip;
	sp->sp_dev = dev;
	mutex_enter(&fk_files_lock);
	list_insert_tail(&fk_specs, sp);
	mutex_exit(&fk_files_lock);
	vp = vn_alloc(KM_SLEEP);
	vp->v_type = VCHR;
	vp->v_rdev = dev;
	vp->v_data = sp;
	vn_setops(vp, &fk_spec_vnodeops);
	return (fk_file_create(vp, flag, cr, flp));
}

int
fk_open(const char *path, fk_file_t **flp)
{
	return (fk_open_as(path, FREAD | FWRITE, kcred, flp));
}

int
fk_open_priv(const char *path, bool priv, fk_file_t **flp)
{
	cred_t *cr;
	int err;

	if (priv)
		return (fk_open(path, flp));
	cr = fk_cred_create(60001, 60001, global_zone, B_FALSE);
	err = fk_open_as(path, FREAD | FWRITE, cr, flp);
	crfree(cr);
	return (err);
}

/*
 * Files.
 */
int
fk_file_create(vnode_t *vp, int flag, cred_t *cr, fk_file_t **flp)
{
	fk_file_t *fl = kmem_zalloc(sizeof (*fl), KM_SLEEP);
	file_t *fp = &fl->fl_file;

	mutex_init(&fp->f_tlock, NULL, MUTEX_DEFAULT, NULL);
	fp->f_flag = flag;
	fp->f_vnode = vp;
	fp->f_count = 1;
	crhold(cr);
	fp->f_cred = cr;
	mutex_enter(&fk_files_lock);
	fl->fl_fd = ++fk_lastfd;
	list_insert_tail(&fk_files, fl);
	mutex_exit(&fk_files_lock);
	*flp = fl;
	return (0);
}

int
fk_close(fk_file_t *fl)
{
	file_t *fp = &fl->fl_file;
	int err;

	fk_maysleep("close");
	fk_pollnotify(fl, 0, NULL, NULL);
	mutex_enter(&fk_files_lock);
	fl->fl_closing = true;
	while (fp->f_count != 1)
		cv_wait(&fk_files_cv, &fk_files_lock);
	list_remove(&fk_files, fl);
	mutex_exit(&fk_files_lock);
	err = VOP_CLOSE(fp->f_vnode, fp->f_flag, 1, 0, fp->f_cred, NULL);
	VN_RELE(fp->f_vnode);
	crfree(fp->f_cred);
	mutex_destroy(&fp->f_tlock);
	kmem_free(fl, sizeof (*fl));
	return (err);
}

int
fk_file_fd(fk_file_t *fl)
{
	return (fl->fl_fd);
}

vnode_t *
fk_file_vnode(fk_file_t *fl)
{
	return (fl->fl_file.f_vnode);
}

file_t *
fk_file_filep(fk_file_t *fl)
{
	return (&fl->fl_file);
}

/* The lock is held. */
static fk_file_t *
fk_file_find(int fd)
{
	fk_file_t *fl;

	for (fl = list_head(&fk_files); fl != NULL;
	    fl = list_next(&fk_files, fl)) {
		if (fl->fl_fd == fd)
			break;
	}
	return (fl);
}

file_t *
getf(int fd)
{
	file_t *fp = NULL;
	fk_file_t *fl;

	mutex_enter(&fk_files_lock);
	fl = fk_file_find(fd);
	if (fl != NULL && !fl->fl_closing) {
		fp = &fl->fl_file;
		fp->f_count++;
	}
	mutex_exit(&fk_files_lock);
	return (fp);
}

void
releasef(int fd)
{
	fk_file_t *fl;

	mutex_enter(&fk_files_lock);
	fl = fk_file_find(fd);
	if (fl == NULL || fl->fl_file.f_count == 1)
		panic("releasef: file %d is not held", fd);
	fl->fl_file.f_count--;
	cv_broadcast(&fk_files_cv);
	mutex_exit(&fk_files_lock);
}

int
fk_read(fk_file_t *fl, void *buf, size_t len, bool nonblock, size_t *donep)
{
	file_t *fp = &fl->fl_file;
	iovec_t iov = { .iov_base = buf, .iov_len = len };
	uio_t uio = {
		.uio_iov	= &iov,
		.uio_iovcnt	= 1,
		.uio_segflg	= UIO_USERSPACE,
		.uio_fmode	= fp->f_flag | (nonblock ? FNONBLOCK : 0),
		.uio_resid	= len
	};
	int err;

	fk_maysleep("read");
	err = VOP_READ(fp->f_vnode, &uio, 0, fp->f_cred, NULL);
	*donep = len - uio.uio_resid;
	return (err);
}

int
fk_ioctl(fk_file_t *fl, int cmd, intptr_t arg, int *rvalp)
{
	file_t *fp = &fl->fl_file;
	int rval = 0, err;

	fk_maysleep("ioctl");
	err = VOP_IOCTL(fp->f_vnode, cmd, arg, fp->f_flag | FNATIVE,
	    fp->f_cred, &rval, NULL);
	if (err == 0 && rvalp != NULL)
		*rvalp = rval;
	return (err);
}

/*
 * Polling.
 */
void
fk_pollhead_listen(pollhead_t *php, fk_pollwait_t *pw, short events,
    void (*func)(void *, short), void *arg)
{
	pw->pw_func = func;
	pw->pw_arg = arg;
	pw->pw_events = events;
	pw->pw_head = php;
	pw->pw_running = 0;
	fk_lock(&fk_poll_lock);
	pw->pw_id = ++fk_poll_lastid;
	pw->pw_next = php->ph_list;
	__atomic_store_n(&php->ph_list, pw, __ATOMIC_SEQ_CST);
	fk_unlock(&fk_poll_lock);
}

/* Off its list and not running any more; the lock is held, and dropped. */
static void
fk_pollwait_remove(fk_pollwait_t *pw)
{
	fk_pollwait_t **pwp;
	uint32_t running;

	if (pw->pw_head != NULL) {
		for (pwp = &pw->pw_head->ph_list; *pwp != pw;
		    pwp = &(*pwp)->pw_next)
			;
		__atomic_store_n(pwp, pw->pw_next, __ATOMIC_SEQ_CST);
		pw->pw_head = NULL;
	}
	while ((running = pw->pw_running) != 0) {
		fk_unlock(&fk_poll_lock);
		fk_wake(fk_self());
		(void) fkh_futex_wait(&pw->pw_running, running, 0);
		fk_lock(&fk_poll_lock);
	}
}

void
fk_pollhead_unlisten(fk_pollwait_t *pw)
{
	fk_lock(&fk_poll_lock);
	fk_pollwait_remove(pw);
	fk_unlock(&fk_poll_lock);
}

void
pollhead_clean(pollhead_t *php)
{
	fk_pollwait_t *pw;

	fk_lock(&fk_poll_lock);
	while ((pw = php->ph_list) != NULL)
		fk_pollwait_remove(pw);
	fk_unlock(&fk_poll_lock);
}

/* The listener with the lowest number above `id' that wants the events. */
static fk_pollwait_t *
fk_pollwait_next(pollhead_t *php, uint64_t id, short events)
{
	fk_pollwait_t *pw, *best = NULL;

	for (pw = php->ph_list; pw != NULL; pw = pw->pw_next) {
		if (pw->pw_id > id && (best == NULL ||
		    pw->pw_id < best->pw_id) &&
		    (events & (pw->pw_events | POLLERR | POLLHUP |
		    POLLNVAL)) != 0)
			best = pw;
	}
	return (best);
}

void
pollwakeup(pollhead_t *php, short events)
{
	fk_pollwait_t *pw;
	uint64_t id = 0, last;

	(void) fk_self();
	if (__atomic_load_n(&php->ph_list, __ATOMIC_SEQ_CST) == NULL)
		return;
	fk_lock(&fk_poll_lock);
	last = fk_poll_lastid;
	while ((pw = fk_pollwait_next(php, id, events)) != NULL &&
	    pw->pw_id <= last) {
		id = pw->pw_id;
		pw->pw_running++;
		fk_unlock(&fk_poll_lock);
		pw->pw_func(pw->pw_arg, events);
		fk_lock(&fk_poll_lock);
		FK_STORE(&pw->pw_running, pw->pw_running - 1);
		if (pw->pw_head == NULL)
			fkh_futex_wake(&pw->pw_running, INT_MAX);
	}
	fk_unlock(&fk_poll_lock);
}

short
fk_poll(fk_file_t *fl, short events)
{
	struct pollhead *php = NULL;
	short revents = 0;

	fk_maysleep("poll");
	if (VOP_POLL(fl->fl_file.f_vnode, events, 1, &revents, &php, NULL) !=
	    0)
		return (POLLNVAL);
	return (revents);
}

static void
fk_pollnotify_wake(void *arg, short events)
{
	fk_file_t *fl = arg;

	fl->fl_notify(fl->fl_notify_arg);
}

void
fk_pollnotify(fk_file_t *fl, short events, void (*func)(void *), void *arg)
{
	struct pollhead *php = NULL;
	short revents;

	if (fl->fl_notify != NULL)
		fk_pollhead_unlisten(&fl->fl_notify_wait);
	fl->fl_notify = func;
	fl->fl_notify_arg = arg;
	if (func == NULL)
		return;
	/* Edges are asked for, so that there is a pollhead in any case. */
	if (VOP_POLL(fl->fl_file.f_vnode, events | POLLET, 0, &revents, &php,
	    NULL) != 0 || php == NULL)
		panic("fk_pollnotify: file %d cannot be polled", fl->fl_fd);
	fk_pollhead_listen(php, &fl->fl_notify_wait, events,
	    fk_pollnotify_wake, fl);
}

typedef struct fk_poller {
	kmutex_t	po_lock;
	kcondvar_t	po_cv;
	bool		po_woken;
} fk_poller_t;

static void
fk_poller_wake(void *arg, short events)
{
	fk_poller_t *po = arg;

	mutex_enter(&po->po_lock);
	po->po_woken = true;
	cv_signal(&po->po_cv);
	mutex_exit(&po->po_lock);
}

int
fk_poll_wait(fk_file_t *fl, short events, int timeout_ms, short *revents)
{
	fk_poller_t po = { .po_woken = false };
	fk_pollwait_t pw;
	struct pollhead *php = NULL;
	hrtime_t deadline = gethrtime() + MSEC2NSEC(timeout_ms);
	int err, left = 1;

	fk_maysleep("poll");
	*revents = 0;
	err = VOP_POLL(fl->fl_file.f_vnode, events, 0, revents, &php, NULL);
	if (err != 0 || *revents != 0)
		return (err);
	mutex_init(&po.po_lock, NULL, MUTEX_DEFAULT, NULL);
	cv_init(&po.po_cv, NULL, CV_DEFAULT, NULL);
	fk_pollhead_listen(php, &pw, events, fk_poller_wake, &po);
	for (;;) {
		*revents = fk_poll(fl, events);
		if (*revents != 0 || left <= 0)
			break;
		mutex_enter(&po.po_lock);
		while (!po.po_woken && left > 0) {
			left = timeout_ms < 0 ?
			    cv_wait_sig(&po.po_cv, &po.po_lock) :
			    cv_timedwait_sig_hrtime(&po.po_cv, &po.po_lock,
			    deadline);
		}
		po.po_woken = false;
		mutex_exit(&po.po_lock);
	}
	fk_pollhead_unlisten(&pw);
	cv_destroy(&po.po_cv);
	mutex_destroy(&po.po_lock);
	if (*revents != 0)
		return (0);
	return (left == 0 ? EINTR : ETIME);
}

void
fk_file_init(void)
{
	mutex_init(&fk_files_lock, NULL, MUTEX_DEFAULT, NULL);
	cv_init(&fk_files_cv, NULL, CV_DEFAULT, NULL);
	list_create(&fk_files, sizeof (fk_file_t),
	    offsetof(fk_file_t, fl_node));
	list_create(&fk_specs, sizeof (fk_spec_t),
	    offsetof(fk_spec_t, sp_node));
	fk_lastfd = 2;
}

/* Everybody has closed. */
void
fk_file_fini(void)
{
	fk_file_t *fl = list_head(&fk_files);

	if (fl != NULL)
		panic("shutdown: file %d is open", fl->fl_fd);
	list_destroy(&fk_specs);
	list_destroy(&fk_files);
	cv_destroy(&fk_files_cv);
	mutex_destroy(&fk_files_lock);
}
