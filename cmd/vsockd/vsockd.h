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

#ifndef _VSOCKD_H
#define	_VSOCKD_H

/*
 * What the parts of vsockd know of each other.
 *
 *	main.c		options, the simulated kernel, the event loop
 *	app.c		sockets of applications: moves their data
 *	control.c	requests of applications
 *	capture.c	packet captures
 *	guest.c		virtual machines
 *	device.c	the machine as a guest
 *	confine.c	what the process gives up
 *	translate.c	Linux's numbers and illumos's
 *
 * Threads: the main thread runs the event loop, with everything of app.c and
 * control.c in it, and never blocks elsewhere.  Each guest has one (in
 * vhost_user.c), and so has each socket whose close waits (SO_LINGER).  The
 * simulated kernel has its own, and calls back into app.c and guest.c from
 * them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include "control.h"

/* A line on stderr. */
extern void vsd_log(const char *, ...)
    __attribute__((__format__(__printf__, 1, 2)));

/*
 * A descriptor that the event loop waits for: the function is called with the
 * EPOLL* events, and may close it and free the structure.
 */
typedef struct vsd_event {
	void	(*ve_func)(struct vsd_event *, uint32_t);
} vsd_event_t;

/* 0 or errno. */
extern int vsd_event_add(int fd, uint32_t events, vsd_event_t *);

/*
 * A listening Unix socket (type SOCK_*) at that path: the descriptor, or -1
 * and the reason was logged.  A file that a dead process has left there is
 * replaced.
 */
extern int vsd_listen(const char *path, int type, mode_t mode);

/* A guest's CID: NULL, or what is wrong with it. */
extern const char *vsd_parse_cid(const char *, uint64_t *);

/* app.c */
typedef struct vsd_app vsd_app_t;
typedef struct vsd_ctl vsd_ctl_t;

extern int app_init(void);
extern void app_fini(void);
/* Whether there is work that waits for app_run() and for nothing else. */
extern bool app_pending(void);
extern void app_run(void);
/* The socket whose application's end that is, or NULL. */
extern vsd_app_t *app_find(int fd);

/*
 * Requests: 0 or errno.  app_socket() and app_accept() give the application's
 * end, to be sent away and closed.  app_connect() may also give EINPROGRESS:
 * then ctl_connected() is called for `waiter' later, if there is one.  `fd' is
 * the application's end of the socket itself.
 */
extern int app_socket(int domain, int type, int protocol, bool priv, int *fdp);
extern int app_bind(vsd_app_t *, const void *addr, uint32_t len);
extern int app_listen(vsd_app_t *, int backlog, int fd);
extern int app_accept(vsd_app_t *, bool told, void *addr, uint32_t *lenp,
    int *fdp);
extern int app_connect(vsd_app_t *, const void *addr, uint32_t len, int fd,
    vsd_ctl_t *waiter);
extern int app_getsockname(vsd_app_t *, void *addr, uint32_t *lenp);
extern int app_getpeername(vsd_app_t *, void *addr, uint32_t *lenp);
extern int app_getsockopt(vsd_app_t *, int level, int name, void *,
    uint32_t *lenp);
extern int app_setsockopt(vsd_app_t *, int level, int name, const void *,
    uint32_t len);
extern int app_shutdown(vsd_app_t *, int how);
/*
 * SOCK_SEQPACKET: have the application's end, `fd', refuse records (EMSGSIZE)
 * that are too large for the connection as it is now.
 */
extern void app_limit(vsd_app_t *, int fd);
extern int app_ioctl(vsd_app_t *, unsigned cmd, int *);
/*
 * A descriptor of the socket of that name was closed: 0, or EINPROGRESS if it
 * was the last and the socket lingers, and ctl_connected() is called later.
 */
extern int app_closed(const void *name, uint32_t len, vsd_ctl_t *waiter);
/* Why the application sees an end of file: told once; 0, it is one. */
extern int app_error(vsd_app_t *);

/* control.c */
extern int ctl_init(const char *path);
extern void ctl_fini(void);
/* A connection attempt has ended. */
extern void ctl_connected(vsd_ctl_t *, int err);
/*
 * The list of those that wait for a connection attempt of a socket; the link
 * is in vsd_ctl_t.  app.c has the head.
 */
extern void ctl_wait(vsd_ctl_t *, vsd_ctl_t **head);

/* capture.c */
struct vsock_capture_io;

extern int cap_init(void);
extern void cap_fini(void);
/*
 * Begin a capture: 0, and the end of a socket from which its records come, to
 * be sent away and closed; or errno.
 */
extern int cap_start(const struct vsock_capture_io *, bool priv, int *fdp);

/* guest.c */
typedef struct vsd_guest vsd_guest_t;

/*
 * A guest by its option, "cid=N,socket=PATH,allow=...": added to those there
 * are; NULL or what is wrong with it.
 */
extern const char *guest_parse(char *spec);
/* 0, or -1 and the reason was logged. */
extern int guest_start_all(void);
extern void guest_stop_all(void);

/* device.c */

/*
 * The option, "vhost-user,socket=PATH" or "vhost,path=PATH,cid=N": NULL or what
 * is wrong with it.
 */
extern const char *device_parse(char *spec);
/*
 * Attach the device, if there is one: 0, or -1 and the reason was logged.  May
 * block as long as the other side does not answer.
 */
extern int device_start(void);
extern void device_stop(void);

/* confine.c */

/* The option --user: NULL, or what is wrong with it. */
extern const char *confine_parse(const char *name);
/* Give a file that was made to that user, if there is one: 0 or errno. */
extern int confine_give(const char *path);
/* Become that user, if there is one, in all threads: 0 or errno. */
extern int confine_user(void);
/* Give up, in all threads, what is not needed any more: 0 or errno. */
extern int confine(void);

#endif	/* _VSOCKD_H */
