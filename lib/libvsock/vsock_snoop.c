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
 * Captures: records from a descriptor, one at a time.
 *
 * A device gives whole records, and nothing else; a socket that stands in for
 * it gives them in whatever pieces.  Both fill a buffer, from which records are
 * taken; it holds the longest one and as much of others as comes along.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "vsock_impl.h"

#define	SNOOP_BUFSIZE	(2 * VSOCK_CAPTURE_MAXREC)

struct vsock_snoop {
	int		vsn_fd;
	size_t		vsn_off;	/* of the next record in vsn_buf */
	size_t		vsn_end;	/* of what is in it */
	/* Of 64-bit words, for the alignment of records. */
	uint64_t	vsn_buf[SNOOP_BUFSIZE / sizeof (uint64_t)];
};

int
vsock_snoop_open(vsock_handle_t *vh, uint32_t bufsize, uint32_t snaplen,
    vsock_snoop_t **vsnp)
{
	const vsock_capture_io_t vci = {
		.vci_bufsize	= bufsize,
		.vci_snaplen	= snaplen
	};
	vsock_snoop_t *vsn;
	int err;

	if ((vsn = calloc(1, sizeof (*vsn))) == NULL)
		return (ENOMEM);
	err = vsp_capture(vh->vh_platform, &vci, &vsn->vsn_fd);
	if (err != 0) {
		free(vsn);
		return (err);
	}
	*vsnp = vsn;
	return (0);
}

void
vsock_snoop_close(vsock_snoop_t *vsn)
{
	(void) close(vsn->vsn_fd);
	free(vsn);
}

int
vsock_snoop_fd(const vsock_snoop_t *vsn)
{
	return (vsn->vsn_fd);
}

/* The next record, if all of it is there. */
static const vsock_capture_rec_t *
snoop_record(const vsock_snoop_t *vsn)
{
	const vsock_capture_rec_t *rec = (const vsock_capture_rec_t *)
	    (const void *)((const char *)vsn->vsn_buf + vsn->vsn_off);
	size_t len = vsn->vsn_end - vsn->vsn_off;

	return (len >= sizeof (*rec) && len >= rec->vcr_size ? rec : NULL);
}

bool
vsock_snoop_ready(const vsock_snoop_t *vsn)
{
	return (snoop_record(vsn) != NULL);
}

int
vsock_snoop_next(vsock_snoop_t *vsn, const vsock_capture_rec_t **recp,
    const uint8_t **datap)
{
	const vsock_capture_rec_t *rec;
	char *buf = (char *)vsn->vsn_buf;
	ssize_t n;

	while ((rec = snoop_record(vsn)) == NULL) {
		(void) memmove(buf, buf + vsn->vsn_off,
		    vsn->vsn_end - vsn->vsn_off);
		vsn->vsn_end -= vsn->vsn_off;
		vsn->vsn_off = 0;
		if (vsn->vsn_end == sizeof (vsn->vsn_buf))
			return (EPROTO);
		n = read(vsn->vsn_fd, buf + vsn->vsn_end,
		    sizeof (vsn->vsn_buf) - vsn->vsn_end);
		if (n < 0)
			return (errno);
		if (n == 0)
			return (EPIPE);
		vsn->vsn_end += (size_t)n;
	}
	if (rec->vcr_size < sizeof (*rec) || rec->vcr_size % 8 != 0 ||
	    rec->vcr_caplen > rec->vcr_size - sizeof (*rec))
		return (EPROTO);
	*recp = rec;
	*datap = (const uint8_t *)(rec + 1);
	vsn->vsn_off += rec->vcr_size;
	return (0);
}
