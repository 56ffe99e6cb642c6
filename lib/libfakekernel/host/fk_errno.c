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
 * The one place where illumos's error numbers become the host's, and back.
 *
 * Each row is an illumos number and the host's name for it.  Several illumos
 * errors may become one of the host's; the first row of a host error is the one
 * that is used for the way back.
 */

#include <errno.h>
#include <stddef.h>

#include <fakekernel.h>

static const struct {
	int	fe_illumos;
	int	fe_host;
} fk_errnos[] = {
	{ 0,	0 },
	{ 1,	EPERM },
	{ 2,	ENOENT },
	{ 3,	ESRCH },
	{ 4,	EINTR },
	{ 5,	EIO },
	{ 6,	ENXIO },
	{ 7,	E2BIG },
	{ 8,	ENOEXEC },
	{ 9,	EBADF },
	{ 10,	ECHILD },
	{ 11,	EAGAIN },
	{ 12,	ENOMEM },
	{ 13,	EACCES },
	{ 14,	EFAULT },
	{ 15,	ENOTBLK },
	{ 16,	EBUSY },
	{ 17,	EEXIST },
	{ 18,	EXDEV },
	{ 19,	ENODEV },
	{ 20,	ENOTDIR },
	{ 21,	EISDIR },
	{ 22,	EINVAL },
	{ 23,	ENFILE },
	{ 24,	EMFILE },
	{ 25,	ENOTTY },
	{ 26,	ETXTBSY },
	{ 27,	EFBIG },
	{ 28,	ENOSPC },
	{ 29,	ESPIPE },
	{ 30,	EROFS },
	{ 31,	EMLINK },
	{ 32,	EPIPE },
	{ 33,	EDOM },
	{ 34,	ERANGE },
	{ 35,	ENOMSG },
	{ 36,	EIDRM },
	{ 45,	EDEADLK },
	{ 46,	ENOLCK },
	{ 47,	ECANCELED },
	{ 122,	EOPNOTSUPP },
	{ 48,	ENOTSUP },
	{ 49,	EDQUOT },
	{ 56,	EDEADLK },
	{ 58,	EOWNERDEAD },
	{ 59,	ENOTRECOVERABLE },
	{ 60,	ENOSTR },
	{ 61,	ENODATA },
	{ 62,	ETIME },
	{ 63,	ENOSR },
	{ 67,	ENOLINK },
	{ 71,	EPROTO },
	{ 74,	EMULTIHOP },
	{ 77,	EBADMSG },
	{ 78,	ENAMETOOLONG },
	{ 79,	EOVERFLOW },
	{ 80,	ENOTUNIQ },
	{ 81,	EBADFD },
	{ 88,	EILSEQ },
	{ 89,	ENOSYS },
	{ 90,	ELOOP },
	{ 93,	ENOTEMPTY },
	{ 94,	EUSERS },
	{ 95,	ENOTSOCK },
	{ 96,	EDESTADDRREQ },
	{ 97,	EMSGSIZE },
	{ 98,	EPROTOTYPE },
	{ 99,	ENOPROTOOPT },
	{ 120,	EPROTONOSUPPORT },
	{ 121,	ESOCKTNOSUPPORT },
	{ 123,	EPFNOSUPPORT },
	{ 124,	EAFNOSUPPORT },
	{ 125,	EADDRINUSE },
	{ 126,	EADDRNOTAVAIL },
	{ 127,	ENETDOWN },
	{ 128,	ENETUNREACH },
	{ 129,	ENETRESET },
	{ 130,	ECONNABORTED },
	{ 131,	ECONNRESET },
	{ 132,	ENOBUFS },
	{ 133,	EISCONN },
	{ 134,	ENOTCONN },
	{ 143,	ESHUTDOWN },
	{ 144,	ETOOMANYREFS },
	{ 145,	ETIMEDOUT },
	{ 146,	ECONNREFUSED },
	{ 147,	EHOSTDOWN },
	{ 148,	EHOSTUNREACH },
	{ 149,	EALREADY },
	{ 150,	EINPROGRESS },
	{ 151,	ESTALE }
};

#define	FK_NERRNOS	(sizeof (fk_errnos) / sizeof (fk_errnos[0]))
#define	FK_EIO		5

int
fk_errno_to_host(int err)
{
	size_t i;

	for (i = 0; i < FK_NERRNOS; i++) {
		if (fk_errnos[i].fe_illumos == err)
			return (fk_errnos[i].fe_host);
	}
	return (EIO);
}

int
fk_errno_from_host(int err)
{
	size_t i;

	for (i = 0; i < FK_NERRNOS; i++) {
		if (fk_errnos[i].fe_host == err)
			return (fk_errnos[i].fe_illumos);
	}
	return (FK_EIO);
}
