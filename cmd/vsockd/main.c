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
 * vsockd: one simulated illumos machine, with its socket module and, as a
 * hypervisor, any number of guests; and it can be a guest itself.
 *
 *	vsockd --control PATH [--guest cid=N,socket=PATH[,allow=PORTS]...]...
 *	    [--device vhost-user,socket=PATH | --device vhost,path=PATH,cid=N]
 *	    [--user NAME] [--checks]
 *
 * Each --guest is a virtual machine that this one is the host of; --device is
 * the device through which it is a guest itself.  It can be both.  With
 * "allow", which is ports and ranges of them ("allow=1024-2048,22"), a guest may
 * connect to no others.
 *
 * With --user vsockd, if root has started it, goes on as NAME when it has
 * opened everything.  With --checks the simulated kernel makes all its checks,
 * also the slow ones, and has addr2line(1) tell where it panicked; without,
 * vsockd can't run any program when it has started (confine.c).
 *
 * The program's life: options; the simulated kernel with the modules; sockets;
 * "vsockd: ready"; the event loop, until SIGTERM or SIGINT; then everything in
 * the opposite order, and the kernel's own check that nothing is left.
 *
 * The event loop waits for descriptors only when app_run() has nothing to do.
 */

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <fakekernel.h>
#include "modules.h"
#include "translate.h"
#include "vsockd.h"

#define	EXIT_USAGE	2
#define	VSD_EVENTS	64

static int vsd_epoll = -1;
static bool vsd_stopping;

int
vsd_event_add(int fd, uint32_t events, vsd_event_t *ve)
{
	struct epoll_event ev = { .events = events, .data.ptr = ve };

	return (epoll_ctl(vsd_epoll, EPOLL_CTL_ADD, fd, &ev) == 0 ? 0 : errno);
}

static void
vsd_signal(vsd_event_t *ve, uint32_t events)
{
	vsd_stopping = true;
}

/* Interrupts and notifications are served here, next to what they lead to. */
static void
vsd_lines(vsd_event_t *ve, uint32_t events)
{
	fk_line_serve();
}

static void
vsd_loop(void)
{
	struct epoll_event ev[VSD_EVENTS];
	vsd_event_t *ve;
	int n;

	while (!vsd_stopping) {
		n = epoll_wait(vsd_epoll, ev, VSD_EVENTS,
		    app_pending() ? 0 : -1);
		for (int i = 0; i < n; i++) {
			ve = ev[i].data.ptr;
			ve->ve_func(ve, ev[i].events);
		}
		app_run();
	}
}

/* Everything between the start of the kernel and its end: the exit status. */
static int
vsd_serve(const char *control, int sigfd, bool checks)
{
	static vsd_event_t sig_event = { .ve_func = vsd_signal };
	static vsd_event_t line_event = { .ve_func = vsd_lines };
	fk_file_t *vsock = NULL;
	int status = EXIT_FAILURE, err;

	if ((err = fk_modload("vsock")) != 0 ||
	    (err = fk_modload("vsockhv")) != 0 ||
	    (err = fk_open("/dev/vsock", &vsock)) != 0)
		vsd_log("modules: %s", strerror(fk_errno_to_host(err)));
	else if ((err = xl_sockconfig()) != 0 ||
	    (err = vsd_event_add(sigfd, EPOLLIN, &sig_event)) != 0 ||
	    (err = vsd_event_add(fk_line_fd(), EPOLLIN, &line_event)) != 0 ||
	    (err = app_init()) != 0 || (err = cap_init()) != 0)
		vsd_log("cannot start: %s", strerror(err));
	else if (guest_start_all() == 0 && device_start() == 0 &&
	    ctl_init(control) == 0) {
		if ((err = confine_user()) != 0)
			vsd_log("user: %s", strerror(err));
		else if (!checks && (err = confine()) != 0)
			vsd_log("seccomp: %s", strerror(err));
		else
			status = EXIT_SUCCESS;
	}

	if (status == EXIT_SUCCESS) {
		(void) printf("vsockd: ready\n");
		(void) fflush(stdout);
		vsd_loop();
	}

	ctl_fini();
	cap_fini();
	device_stop();
	guest_stop_all();
	app_fini();
	xl_sockunconfig();
	if (vsock != NULL)
		(void) fk_close(vsock);
	return (status);
}

static void
usage(const char *fmt, ...)
{
	va_list ap;

	(void) fprintf(stderr, "vsockd: ");
	va_start(ap, fmt);
	(void) vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void) fprintf(stderr, "\nusage: vsockd --control PATH "
	    "[--guest cid=N,socket=PATH[,allow=PORTS]...]...\n"
	    "    [--device vhost-user,socket=PATH | "
	    "--device vhost,path=PATH,cid=N]\n"
	    "    [--user NAME] [--checks]\n");
	exit(EXIT_USAGE);
}

int
main(int argc, char **argv)
{
	const struct option longopts[] = {
		{ "checks",	no_argument,		NULL,	'k' },
		{ "control",	required_argument,	NULL,	'c' },
		{ "device",	required_argument,	NULL,	'd' },
		{ "guest",	required_argument,	NULL,	'g' },
		{ "user",	required_argument,	NULL,	'u' },
		{ NULL,		0,			NULL,	0 }
	};
	fk_config_t config = { .fc_modules = vsock_modules };
	const char *control = NULL, *wrong;
	struct rlimit rl;
	sigset_t sigs;
	int c, sigfd, status;

	while ((c = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		switch (c) {
		case 'k':
			config.fc_checks = true;
			break;
		case 'c':
			control = optarg;
			break;
		case 'd':
			if ((wrong = device_parse(optarg)) != NULL)
				usage("--device: %s", wrong);
			break;
		case 'g':
			if ((wrong = guest_parse(optarg)) != NULL)
				usage("--guest: %s", wrong);
			break;
		case 'u':
			if ((wrong = confine_parse(optarg)) != NULL)
				usage("--user: %s", wrong);
			break;
		default:
			usage("wrong option");
		}
	}
	if (optind != argc)
		usage("unexpected argument: %s", argv[optind]);
	if (control == NULL)
		usage("--control is needed");

	/* Each application's socket is a descriptor. */
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		(void) setrlimit(RLIMIT_NOFILE, &rl);
	}
	/* Before there are other threads: they inherit the mask. */
	(void) signal(SIGPIPE, SIG_IGN);
	(void) sigemptyset(&sigs);
	(void) sigaddset(&sigs, SIGTERM);
	(void) sigaddset(&sigs, SIGINT);
	(void) pthread_sigmask(SIG_BLOCK, &sigs, NULL);
	sigfd = signalfd(-1, &sigs, SFD_CLOEXEC);
	vsd_epoll = epoll_create1(EPOLL_CLOEXEC);
	if (sigfd == -1 || vsd_epoll == -1) {
		vsd_log("cannot start: %s", strerror(errno));
		return (EXIT_FAILURE);
	}

	fk_boot(&config);
	status = vsd_serve(control, sigfd, config.fc_checks);
	fk_shutdown();
	return (status);
}
