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
 * Captures as pcap: the classic format, in the machine's byte order, with
 * microseconds and LINKTYPE_VSOCK.
 *
 * Signals are only let in while there is nothing to do but to wait, so that
 * none is missed and what was captured is written.
 */

#include <sys/select.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/vsock_ioctl.h>
#include "vsockadm.h"

#define	PCAP_MAGIC	0xa1b2c3d4
#define	PCAP_MAJOR	2
#define	PCAP_MINOR	4

typedef struct pcap_file {
	uint32_t	pf_magic;
	uint16_t	pf_major;
	uint16_t	pf_minor;
	int32_t		pf_thiszone;
	uint32_t	pf_sigfigs;
	uint32_t	pf_snaplen;
	uint32_t	pf_linktype;
} pcap_file_t;

typedef struct pcap_packet {
	uint32_t	pp_sec;
	uint32_t	pp_usec;
	uint32_t	pp_caplen;
	uint32_t	pp_len;
} pcap_packet_t;

static volatile sig_atomic_t snoop_stopped;

static void
snoop_signal(int sig)
{
	snoop_stopped = 1;
}

/* Blocks the signals that end it; *was is the mask to wait with. */
static void
snoop_signals(sigset_t *was)
{
	static const int sigs[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction sa;
	sigset_t set;

	(void) memset(&sa, 0, sizeof (sa));
	sa.sa_handler = snoop_signal;
	(void) sigemptyset(&set);
	for (size_t i = 0; i < sizeof (sigs) / sizeof (sigs[0]); i++) {
		(void) sigaddset(&set, sigs[i]);
		(void) sigaction(sigs[i], &sa, NULL);
	}
	(void) sigprocmask(SIG_BLOCK, &set, was);
	/* The reader of a pipe may go: then writing fails. */
	(void) signal(SIGPIPE, SIG_IGN);
}

static void
snoop_write(FILE *fp, const char *path, const void *data, size_t len)
{
	if (fwrite(data, 1, len, fp) != len)
		die("%s: %s", path, strerror(errno));
}

static void
snoop_flush(FILE *fp, const char *path)
{
	if (fflush(fp) != 0)
		die("%s: %s", path, strerror(errno));
}

/* Wait for packets or a signal. */
static void
snoop_wait(const vsock_snoop_t *vsn, const sigset_t *mask)
{
	fd_set fds;

	FD_ZERO(&fds);
	FD_SET(vsock_snoop_fd(vsn), &fds);
	if (pselect(vsock_snoop_fd(vsn) + 1, &fds, NULL, NULL, NULL, mask) ==
	    -1 && errno != EINTR)
		die("select: %s", strerror(errno));
}

int
snoop(vsock_handle_t *vh, const char *path, unsigned long count,
    uint32_t bufsize, uint32_t snaplen)
{
	const vsock_capture_rec_t *rec;
	const uint8_t *data;
	pcap_file_t pf = {
		.pf_magic	= PCAP_MAGIC,
		.pf_major	= PCAP_MAJOR,
		.pf_minor	= PCAP_MINOR,
		.pf_snaplen	= snaplen != 0 ? snaplen :
		    VSOCK_CAPTURE_MAXSNAP,
		.pf_linktype	= VSOCK_LINKTYPE
	};
	pcap_packet_t pp;
	unsigned long captured = 0;
	uint64_t drops = 0;
	vsock_snoop_t *vsn;
	FILE *fp = stdout;
	sigset_t mask;
	int err;

	if (path == NULL && isatty(STDOUT_FILENO))
		usage("the packets are not for a terminal: use -w");
	if ((err = vsock_snoop_open(vh, bufsize, snaplen, &vsn)) != 0)
		die("cannot capture: %s", strerror(err));
	if (path != NULL && (fp = fopen(path, "w")) == NULL)
		die("%s: %s", path, strerror(errno));
	if (path == NULL)
		path = "standard output";

	/* When this can be read, the capture has begun. */
	snoop_write(fp, path, &pf, sizeof (pf));
	snoop_flush(fp, path);
	snoop_signals(&mask);
	while (!snoop_stopped && (count == 0 || captured < count)) {
		if (!vsock_snoop_ready(vsn)) {
			snoop_flush(fp, path);
			snoop_wait(vsn, &mask);
			if (snoop_stopped)
				break;
		}
		err = vsock_snoop_next(vsn, &rec, &data);
		if (err == EINTR)
			continue;
		if (err != 0)
			break;
		drops = rec->vcr_drops;
		pp.pp_sec = (uint32_t)rec->vcr_sec;
		pp.pp_usec = rec->vcr_nsec / 1000;
		pp.pp_caplen = rec->vcr_caplen;
		pp.pp_len = rec->vcr_len;
		snoop_write(fp, path, &pp, sizeof (pp));
		snoop_write(fp, path, data, rec->vcr_caplen);
		captured++;
	}
	vsock_snoop_close(vsn);
	if (fclose(fp) != 0)
		die("%s: %s", path, strerror(errno));
	(void) fprintf(stderr, "vsockadm: %lu packets captured, %llu dropped\n",
	    captured, (unsigned long long)drops);
	if (err != 0 && err != EINTR)
		die("capture ended: %s", strerror(err));
	return (EXIT_SUCCESS);
}
