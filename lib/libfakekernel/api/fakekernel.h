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

#ifndef _FAKEKERNEL_H
#define	_FAKEKERNEL_H

/*
 * What a host program (libc, POSIX) may ask of the fake kernel in its process.
 * This header is the only one of the fake kernel that host code includes; it
 * can be included by kernel code as well, and so names nothing but integer
 * types of the compiler and opaque structures.
 *
 * Every errno that crosses this interface is an illumos one (ILLUMOS numbers);
 * fk_errno_to_host() is the one place where they become the host's.
 */

#include <stdint.h>
#include <stddef.h>
#include <stdbool.h>

#ifdef	__cplusplus
extern "C" {
#endif

struct modinfo;

/*
 * A kernel module linked into this program.  Modules are not loaded by being
 * in the table: fk_modload() does that, and so does whatever makes modctl load
 * a module (opening a device node, the first socket of a family).
 */
typedef struct fk_module {
	const char	*fm_name;
	int		(*fm_init)(void);
	int		(*fm_fini)(void);
	int		(*fm_info)(struct modinfo *);
	/*
	 * NULL-terminated names of the modules this one depends on (what
	 * "ld -N" records); they are loaded first and held meanwhile.
	 */
	const char	*const *fm_depends;
	/* The module is a driver: attach its pseudo instance 0 when loaded. */
	bool		fm_pseudo;
} fk_module_t;

#define	FK_MODULE_DECL(name)						\
	extern int name##_init(void);					\
	extern int name##_fini(void);					\
	extern int name##_info(struct modinfo *)

typedef struct fk_config {
	bool		fc_checks;	/* all checks, also slow ones */
	bool		fc_virtual_time; /* time moves by fk_time_advance() */
	/*
	 * Threads run one at a time, in an order that follows from the seed.
	 * With virtual time only, and no fk_thread_attach().
	 */
	bool		fc_turns;
	uint64_t	fc_seed;	/* of every pseudo-random decision */
	const fk_module_t *fc_modules;	/* ends with fm_name == NULL */
} fk_config_t;

/*
 * Start the kernel: process 0, the global zone, kmem, the clock, taskqs.  The
 * caller's thread becomes a kernel thread.  Once a process at a time.
 */
extern void fk_boot(const fk_config_t *);

/*
 * Unload every module and stop.  Panics, naming the allocation sites, if a
 * module cannot be unloaded or anything it allocated is left.
 */
extern void fk_shutdown(void);

/*
 * A thread that was not made by the fake kernel calls this before its first
 * call into it, and fk_thread_detach() before it ends.
 */
extern void fk_thread_attach(const char *name);
extern void fk_thread_detach(void);

/*
 * An interrupt, or a doorbell, from outside: `func' is called, in a thread that
 * is attached under this name, when something was written to the eventfd
 * (which remains the caller's, and is not read); by one thread at a time, once
 * for several writes.  That thread may be one that sleeps in the kernel: so the
 * function may wait for locks, but not for anything that takes long.  0, or
 * the errno of a descriptor that won't do; ENOMEM.
 */
typedef struct fk_line fk_line_t;
extern int fk_line_add(int eventfd, const char *name, void (*func)(void *),
    void *arg, fk_line_t **);
/* When it returns no call is running, or will come.  Not from within one. */
extern void fk_line_remove(fk_line_t *);
/*
 * For a program with an event loop, whose thread can serve lines before another
 * has been woken up: a descriptor, not the caller's, that is readable when one
 * may be due (-1: there is none to be had); and the calls, some of them, if
 * there are any.  The thread is attached and holds no lock.
 */
extern int fk_line_fd(void);
extern void fk_line_serve(void);

extern int fk_modload(const char *name);	/* 0, ENOENT, _init's errno */
extern int fk_modunload(const char *name);	/* 0, ENOENT, EBUSY */

/*
 * Device nodes, by path ("/dev/vsock"): open(2), read(2), ioctl(2), poll(2) and
 * close(2) of a process with all privileges in the global zone; of
 * fk_open_priv, with those of any user unless `priv'.  `arg' is a host address,
 * or an integer, as the command wants it.
 */
typedef struct fk_file fk_file_t;
extern int fk_open(const char *path, fk_file_t **);
extern int fk_open_priv(const char *path, bool priv, fk_file_t **);
/* *donep is how much was read, whatever is returned; EAGAIN, with nonblock. */
extern int fk_read(fk_file_t *, void *, size_t, bool nonblock, size_t *donep);
extern int fk_ioctl(fk_file_t *, int cmd, intptr_t arg, int *rvalp);
extern int fk_close(fk_file_t *);
/*
 * What of `events' (illumos POLL*; POLLERR and POLLHUP implied) is true; and
 * wait until one is: 0, ETIME after so many milliseconds (-1: never), EINTR.
 */
extern short fk_poll(fk_file_t *, short events);
extern int fk_poll_wait(fk_file_t *, short events, int timeout_ms,
    short *revents);
/*
 * `func' is called whenever pollers of the file that wait for `events' are
 * woken, in whatever thread does so: it may not call back into the fake kernel
 * and may not block; it notes the fact and has another thread look.  NULL ends
 * it: when that returns no call is running or will come.
 */
extern void fk_pollnotify(fk_file_t *, short events, void (*func)(void *),
    void *arg);
/* The number under which kernel code finds the file with getf(9F). */
extern int fk_file_fd(fk_file_t *);

/* Virtual time: move the clock by so many nanoseconds, running what is due. */
extern void fk_time_advance(uint64_t ns);

/* Kstats: the value of a named statistic; ENOENT if there is none. */
extern int fk_kstat_value(const char *module, int instance, const char *name,
    const char *stat, uint64_t *);
/* Calls the function for every numeric named statistic of every kstat. */
extern void fk_kstat_walk(void (*)(void *, const char *module, int instance,
    const char *name, const char *stat, uint64_t), void *);

/* Calls the function for every raw kstat of that name, with a copy of it. */
extern void fk_kstat_walk_raw(const char *module, const char *name,
    void (*)(void *, int instance, const void *data, size_t), void *);

/* Bytes and allocations of kmem_* and mblks now in use. */
extern void fk_kmem_usage(uint64_t *bytes, uint64_t *allocations);

/* illumos errno to the host's, and back; unknown values become EIO. */
extern int fk_errno_to_host(int);
extern int fk_errno_from_host(int);

#ifdef	__cplusplus
}
#endif

#endif	/* _FAKEKERNEL_H */
