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
 * Small services: copying from and to user memory, uio, strings, numbers.
 *
 * User memory is host memory.  An address is bad when it is below FK_USER_MIN
 * or in a range that a test has declared bad.
 */

#include "fk_impl.h"
#include <sys/uio.h>
#include <sys/random.h>
#include <sys/sunddi.h>
#include <sys/ddi.h>

#define	FK_USER_MIN	4096
#define	FK_BAD_MAX	8

static struct {
	uintptr_t	fb_base;
	size_t		fb_len;		/* 0: unused */
} fk_bad[FK_BAD_MAX];
static uint32_t fk_nbad;		/* ranges in use; read without lock */
static fk_lk_t fk_bad_lock;

void
fk_bad_address(const void *base, size_t len)
{
	int i;

	fk_lock(&fk_bad_lock);
	for (i = 0; i < FK_BAD_MAX; i++) {
		if (len == 0 ? fk_bad[i].fb_len != 0 &&
		    fk_bad[i].fb_base == (uintptr_t)base :
		    fk_bad[i].fb_len == 0)
			break;
	}
	if (i == FK_BAD_MAX)
		panic("fk_bad_address: %s", len == 0 ? "no such range" :
		    "too many ranges");
	fk_bad[i].fb_base = (uintptr_t)base;
	fk_bad[i].fb_len = len;
	FK_STORE(&fk_nbad, len == 0 ? fk_nbad - 1 : fk_nbad + 1);
	fk_unlock(&fk_bad_lock);
}

/* How many bytes from this address on may be touched. */
static size_t
fk_user_good(const void *addr, size_t len)
{
	uintptr_t a = (uintptr_t)addr;
	int i;

	if (a < FK_USER_MIN || a + len < a)
		return (0);
	if (FK_LOAD(&fk_nbad) == 0)
		return (len);
	fk_lock(&fk_bad_lock);
	for (i = 0; i < FK_BAD_MAX; i++) {
		if (fk_bad[i].fb_len == 0 || a + len <= fk_bad[i].fb_base ||
		    a >= fk_bad[i].fb_base + fk_bad[i].fb_len)
			continue;
		len = a >= fk_bad[i].fb_base ? 0 : fk_bad[i].fb_base - a;
	}
	fk_unlock(&fk_bad_lock);
	return (len);
}

int
copyin(const void *user, void *kernel, size_t len)
{
	fk_maysleep("copyin");
	if (len == 0)
		return (0);
	if (fk_user_good(user, len) != len)
		return (-1);
	bcopy(user, kernel, len);
	return (0);
}

int
copyout(const void *kernel, void *user, size_t len)
{
	fk_maysleep("copyout");
	if (len == 0)
		return (0);
	if (fk_user_good(user, len) != len)
		return (-1);
	bcopy(kernel, user, len);
	return (0);
}

int
xcopyin(const void *user, void *kernel, size_t len)
{
	return (copyin(user, kernel, len) == 0 ? 0 : EFAULT);
}

int
xcopyout(const void *kernel, void *user, size_t len)
{
	return (copyout(kernel, user, len) == 0 ? 0 : EFAULT);
}

int
copyinstr(const char *user, char *kernel, size_t max, size_t *lenp)
{
	size_t i;

	fk_maysleep("copyinstr");
	for (i = 0; i < max; i++) {
		if (fk_user_good(user + i, 1) == 0)
			return (EFAULT);
		kernel[i] = user[i];
		if (user[i] == '\0') {
			if (lenp != NULL)
				*lenp = i + 1;
			return (0);
		}
	}
	return (ENAMETOOLONG);
}

int
copyoutstr(const char *kernel, char *user, size_t max, size_t *lenp)
{
	size_t len = strlen(kernel) + 1;

	if (copyout(kernel, user, MIN(len, max)) != 0)
		return (EFAULT);
	if (len > max)
		return (ENAMETOOLONG);
	if (lenp != NULL)
		*lenp = len;
	return (0);
}

int
kcopy(const void *from, void *to, size_t len)
{
	bcopy(from, to, len);
	return (0);
}

int
fuword8(const void *user, uint8_t *v)
{
	return (copyin(user, v, sizeof (*v)));
}

int
fuword32(const void *user, uint32_t *v)
{
	return (copyin(user, v, sizeof (*v)));
}

int
fuword64(const void *user, uint64_t *v)
{
	return (copyin(user, v, sizeof (*v)));
}

int
suword8(void *user, uint8_t v)
{
	return (copyout(&v, user, sizeof (v)));
}

int
suword32(void *user, uint32_t v)
{
	return (copyout(&v, user, sizeof (v)));
}

int
suword64(void *user, uint64_t v)
{
	return (copyout(&v, user, sizeof (v)));
}

int
ddi_copyin(const void *from, void *to, size_t len, int mode)
{
	if ((mode & FKIOCTL) != 0)
		return (kcopy(from, to, len));
	return (copyin(from, to, len));
}

int
ddi_copyout(const void *from, void *to, size_t len, int mode)
{
	if ((mode & FKIOCTL) != 0)
		return (kcopy(from, to, len));
	return (copyout(from, to, len));
}

model_t
ddi_model_convert_from(model_t model)
{
	return (DDI_MODEL_NONE);
}

model_t
get_udatamodel(void)
{
	return (DATAMODEL_NATIVE);
}

uint_t
set_errno(uint_t err)
{
	return (err);
}

/*
 * Transfers.
 */
int
uiomove(void *buf, size_t len, enum uio_rw rw, uio_t *uio)
{
	iovec_t *iov;
	size_t n, good;
	char *p = buf;

	if (uio->uio_segflg != UIO_SYSSPACE)
		fk_maysleep("uiomove");
	while (len > 0 && uio->uio_resid > 0) {
		iov = uio->uio_iov;
		if (iov->iov_len == 0) {
			if (uio->uio_iovcnt <= 1)
				break;
			uio->uio_iov++;
			uio->uio_iovcnt--;
			continue;
		}
		n = MIN(MIN(iov->iov_len, len), (size_t)uio->uio_resid);
		good = uio->uio_segflg == UIO_SYSSPACE ? n :
		    fk_user_good(iov->iov_base, n);
		if (rw == UIO_READ)
			bcopy(p, iov->iov_base, good);
		else
			bcopy(iov->iov_base, p, good);
		iov->iov_base += good;
		iov->iov_len -= good;
		uio->uio_resid -= good;
		uio->uio_loffset += good;
		p += good;
		len -= good;
		if (good != n)
			return (EFAULT);
	}
	return (0);
}

int
uiocopy(void *buf, size_t len, enum uio_rw rw, uio_t *uio, size_t *cbytes)
{
	iovec_t *iov = uio->uio_iov;
	int i, err = 0;
	size_t n, good;
	char *p = buf;

	if (uio->uio_segflg != UIO_SYSSPACE)
		fk_maysleep("uiocopy");
	len = MIN(len, (size_t)uio->uio_resid);
	for (i = 0; i < uio->uio_iovcnt && len > 0 && err == 0; i++) {
		n = MIN(iov[i].iov_len, len);
		good = uio->uio_segflg == UIO_SYSSPACE ? n :
		    fk_user_good(iov[i].iov_base, n);
		if (rw == UIO_READ)
			bcopy(p, iov[i].iov_base, good);
		else
			bcopy(iov[i].iov_base, p, good);
		p += good;
		len -= good;
		if (good != n)
			err = EFAULT;
	}
	*cbytes = p - (char *)buf;
	return (err);
}

void
uioskip(uio_t *uio, size_t len)
{
	iovec_t *iov;
	size_t n;

	if (len > (size_t)uio->uio_resid)
		return;
	while (len > 0) {
		iov = uio->uio_iov;
		n = MIN(iov->iov_len, len);
		iov->iov_base += n;
		iov->iov_len -= n;
		uio->uio_resid -= n;
		uio->uio_loffset += n;
		len -= n;
		if (iov->iov_len == 0 && uio->uio_iovcnt > 1) {
			uio->uio_iov++;
			uio->uio_iovcnt--;
		}
	}
}

int
uiodup(uio_t *from, uio_t *to, iovec_t *iov, int niov)
{
	int i;

	if (from->uio_iovcnt > niov)
		return (1);
	*to = *from;
	to->uio_iov = iov;
	for (i = 0; i < from->uio_iovcnt; i++)
		iov[i] = from->uio_iov[i];
	return (0);
}

int
ureadc(int c, uio_t *uio)
{
	char ch = c;

	if (uio->uio_resid == 0)
		return (EFAULT);
	return (uiomove(&ch, 1, UIO_READ, uio));
}

int
uwritec(uio_t *uio)
{
	uchar_t ch;

	if (uio->uio_resid == 0 || uiomove(&ch, 1, UIO_WRITE, uio) != 0)
		return (-1);
	return (ch);
}

/*
 * Strings and memory; the rest is the host's.
 */
void
ovbcopy(const void *from, void *to, size_t len)
{
	(void) memmove(to, from, len);
}

size_t
strlcpy(char *dst, const char *src, size_t size)
{
	size_t len = strlen(src), n;

	if (size != 0) {
		n = MIN(len, size - 1);
		bcopy(src, dst, n);
		dst[n] = '\0';
	}
	return (len);
}

size_t
strlcat(char *dst, const char *src, size_t size)
{
	size_t len = strnlen(dst, size);

	if (len == size)
		return (len + strlen(src));
	return (len + strlcpy(dst + len, src, size - len));
}

char *
ddi_strdup(const char *s, int flags)
{
	size_t size = strlen(s) + 1;
	char *new = kmem_alloc(size, flags);

	if (new != NULL)
		bcopy(s, new, size);
	return (new);
}

static int
fk_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	if (c >= 'a' && c <= 'z')
		return (c - 'a' + 10);
	if (c >= 'A' && c <= 'Z')
		return (c - 'A' + 10);
	return (INT_MAX);
}

/* A number in the base (0: by its prefix): 0, EINVAL, ERANGE. */
int
ddi_strtoull(const char *s, char **endp, int base, u_longlong_t *valp)
{
	const char *p = s;
	u_longlong_t v = 0;
	bool any = false;
	int d;

	while (*p == ' ' || (*p >= '\t' && *p <= '\r'))
		p++;
	if (base == 0)
		base = *p != '0' ? 10 : (p[1] | ' ') == 'x' ? 16 : 8;
	if (base == 16 && *p == '0' && (p[1] | ' ') == 'x')
		p += 2;
	for (; (d = fk_digit(*p)) < base; p++) {
		if (v > (UINT64_MAX - d) / base)
			return (ERANGE);
		v = v * base + d;
		any = true;
	}
	if (!any)
		return (EINVAL);
	if (endp != NULL)
		*endp = __DECONST(char *, p);
	*valp = v;
	return (0);
}

int
ddi_strtoul(const char *s, char **endp, int base, unsigned long *valp)
{
	u_longlong_t v;
	int err = ddi_strtoull(s, endp, base, &v);

	if (err == 0)
		*valp = v;
	return (err);
}

int
ddi_strtol(const char *s, char **endp, int base, long *valp)
{
	u_longlong_t v;
	bool neg = *s == '-';
	int err = ddi_strtoull(s + neg, endp, base, &v);

	if (err != 0)
		return (err);
	if (v > (u_longlong_t)LONG_MAX + neg)
		return (ERANGE);
	*valp = neg ? -v : v;
	return (0);
}

int
ddi_ffs(long v)
{
	return (__builtin_ffsl(v));
}

int
ddi_fls(long v)
{
	return (v == 0 ? 0 : 64 - __builtin_clzl(v));
}

major_t
getmajor(dev_t dev)
{
	return (dev >> L_BITSMINOR);
}

minor_t
getminor(dev_t dev)
{
	return (dev & L_MAXMIN);
}

dev_t
makedevice(major_t major, minor_t minor)
{
	return ((dev_t)major << L_BITSMINOR | minor);
}

const unsigned long _pagesize = 4096;
const unsigned int _pageshift = 12;
const unsigned long _pageoffset = 4095;
const unsigned long long _pagemask = ~4095ULL;

size_t
ptob(pgcnt_t n)
{
	return (n << PAGESHIFT);
}

pgcnt_t
btop(size_t n)
{
	return (n >> PAGESHIFT);
}

pgcnt_t
btopr(size_t n)
{
	return ((n + PAGEOFFSET) >> PAGESHIFT);
}

/*
 * Pseudo-random numbers: a counter, scrambled (splitmix64).
 */
static uint64_t fk_random_state;

void
fk_random_init(uint64_t seed)
{
	fk_random_state = seed;
}

static uint64_t
fk_random(void)
{
	uint64_t v = __atomic_add_fetch(&fk_random_state, 0x9e3779b97f4a7c15UL,
	    __ATOMIC_RELAXED);

	v = (v ^ (v >> 30)) * 0xbf58476d1ce4e5b9UL;
	v = (v ^ (v >> 27)) * 0x94d049bb133111ebUL;
	return (v ^ (v >> 31));
}

int
random_get_pseudo_bytes(uint8_t *buf, size_t len)
{
	uint64_t v;
	size_t n;

	for (; len > 0; buf += n, len -= n) {
		v = fk_random();
		n = MIN(len, sizeof (v));
		bcopy(&v, buf, n);
	}
	return (0);
}

int
random_get_bytes(uint8_t *buf, size_t len)
{
	return (random_get_pseudo_bytes(buf, len));
}

int
random_get_blocking_bytes(uint8_t *buf, size_t len)
{
	return (random_get_pseudo_bytes(buf, len));
}
