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
 * The fake virtio framework: DMA memory.
 *
 * All of it is in one area of shared memory, of which only the pages that are
 * touched exist.  A binding (virtio_dma_t) has whole pages, so that one table,
 * fvd_owner, tells for every address whose it is: this is how chains know what
 * they are made of, and how a device in this process is kept from memory that
 * was freed.  Pages are looked for from where the last search ended, so that
 * memory is not used again soon.  What is free, and what is behind the end of
 * a binding in its last page, is poisoned for AddressSanitizer.
 *
 * Memory that the driver did not get here (virtio_dma_bind()) is copied to and
 * from pages here by virtio_dma_sync(): forgetting that is noticed.
 *
 * Locking: fvd_lock covers the search and the changes of fvd_owner, which is
 * read without it.  The area is made for the first device and goes with the
 * last; devices are created and destroyed by one thread at a time.
 */

#include "virtio_impl.h"

#define	FVD_BASE	0x180000000ULL	/* the "physical" address */
#define	FVD_PAGES	65536U
#define	FVD_SIZE	((size_t)FVD_PAGES << PAGESHIFT)

static uint_t fvd_devices;
static kmutex_t fvd_lock;
static uint_t fvd_next;			/* where to search */
static uint32_t fvd_bindings;		/* so many were made */
static caddr_t fvd_mem;
static int fvd_fd;
static virtio_dma_t **fvd_owner;	/* of each page */

void
fvio_dma_init(void)
{
	if (fvd_devices++ != 0)
		return;
	mutex_init(&fvd_lock, NULL, MUTEX_DRIVER, NULL);
	fvd_mem = fkh_shmem_create("dma", FVD_SIZE, &fvd_fd);
	fkh_poison(fvd_mem, FVD_SIZE, true);
	fvd_owner = kmem_zalloc(FVD_PAGES * sizeof (*fvd_owner), KM_SLEEP);
	fvd_next = 0;
}

/* Nothing is bound: virtio_fini() has seen to that. */
void
fvio_dma_fini(void)
{
	if (--fvd_devices != 0)
		return;
	kmem_free(fvd_owner, FVD_PAGES * sizeof (*fvd_owner));
	fkh_poison(fvd_mem, FVD_SIZE, false);
	fkh_shmem_destroy(fvd_mem, FVD_SIZE, fvd_fd);
	mutex_destroy(&fvd_lock);
}

void
fvio_dma_area(uint64_t *pa, void **va, size_t *len, int *fd)
{
	*pa = FVD_BASE;
	*va = fvd_mem;
	*len = FVD_SIZE;
	*fd = fvd_fd;
}

virtio_dma_t *
fvio_dma_find(uint64_t pa, size_t len)
{
	virtio_dma_t *vd;

	if (pa < FVD_BASE || pa - FVD_BASE >= FVD_SIZE)
		return (NULL);
	vd = VRING_ACQUIRE(&fvd_owner[(pa - FVD_BASE) >> PAGESHIFT]);
	if (vd == NULL || pa - vd->vd_pa >= vd->vd_size ||
	    len > vd->vd_size - (pa - vd->vd_pa))
		return (NULL);
	return (vd);
}

void *
fvio_pa(uint64_t pa, size_t len)
{
	if (fvio_dma_find(pa, len) == NULL)
		return (NULL);
	return (fvd_mem + (pa - FVD_BASE));
}

/* Pages for the binding: where the first is, or FVD_PAGES, there are none. */
static uint_t
fvd_alloc(virtio_dma_t *vd, uint_t npages, uint_t align)
{
	uint_t at, n = 0, tried;

	mutex_enter(&fvd_lock);
	at = P2ROUNDUP(fvd_next, align);
	for (tried = 0; tried < 2 * FVD_PAGES && n < npages; ) {
		if (at + npages > FVD_PAGES) {
			tried += FVD_PAGES - MIN(at, FVD_PAGES);
			at = 0;
		}
		for (n = 0; n < npages && fvd_owner[at + n] == NULL; n++)
			;
		if (n < npages) {
			tried += n + 1;
			at = P2ROUNDUP(at + n + 1, align);
		}
	}
	if (n < npages) {
		at = FVD_PAGES;
	} else {
		vd->vd_pa = FVD_BASE + ((uint64_t)at << PAGESHIFT);
		vd->vd_mem = fvd_mem + ((size_t)at << PAGESHIFT);
		fkh_poison(vd->vd_mem, vd->vd_size, false);
		bzero(vd->vd_mem, vd->vd_size);
		vd->vd_binding = ++fvd_bindings;
		for (n = 0; n < npages; n++)
			VRING_RELEASE(&fvd_owner[at + n], vd);
		fvd_next = at + npages;
	}
	mutex_exit(&fvd_lock);
	return (at);
}

static void
fvd_free(virtio_dma_t *vd)
{
	uint_t at = (vd->vd_pa - FVD_BASE) >> PAGESHIFT;
	uint_t npages = howmany(vd->vd_size, PAGESIZE);

	mutex_enter(&fvd_lock);
	fkh_poison(vd->vd_mem, vd->vd_size, true);
	while (npages-- > 0)
		VRING_STORE(&fvd_owner[at + npages], NULL);
	mutex_exit(&fvd_lock);
}

static void
virtio_dma_check_attr(const ddi_dma_attr_t *attr)
{
	if (attr->dma_attr_version != DMA_ATTR_V0 ||
	    attr->dma_attr_align == 0 || !ISP2(attr->dma_attr_align) ||
	    attr->dma_attr_addr_lo > attr->dma_attr_addr_hi ||
	    attr->dma_attr_sgllen < 1 || attr->dma_attr_granular == 0 ||
	    attr->dma_attr_minxfer == 0)
		panic("virtio: DMA attributes that make no sense");
}

/*
 * Binds so many bytes, at `va' or, if that is NULL, of its own.
 */
static int
virtio_dma_bind_impl(virtio_dma_t *vd, void *va, size_t size, int dmaflags)
{
	const ddi_dma_attr_t *attr = &vd->vd_attr;
	uint_t npages = howmany(size, PAGESIZE);
	size_t cookie;

	if ((dmaflags & DDI_DMA_RDWR) == 0)
		panic("virtio: DMA memory is bound for neither direction");
	if (size == 0)
		panic("virtio: no bytes of DMA memory");
	vd->vd_ncookies = MIN((uint_t)attr->dma_attr_sgllen, npages);
	cookie = size - (vd->vd_ncookies - 1) * (size_t)PAGESIZE;
	if (fk_fail_now() || size > FVD_SIZE || size > attr->dma_attr_maxxfer ||
	    cookie - 1 > attr->dma_attr_count_max ||
	    cookie - 1 > attr->dma_attr_seg ||
	    FVD_BASE < attr->dma_attr_addr_lo ||
	    FVD_BASE + FVD_SIZE - 1 > attr->dma_attr_addr_hi)
		return (DDI_FAILURE);
	vd->vd_size = size;
	if (fvd_alloc(vd, npages, MAX(attr->dma_attr_align >> PAGESHIFT, 1)) ==
	    FVD_PAGES) {
		vd->vd_size = 0;
		return (DDI_FAILURE);
	}
	vd->vd_flags = dmaflags;
	vd->vd_va = va == NULL ? vd->vd_mem : va;
	vd->vd_bound = true;
	return (DDI_SUCCESS);
}

static virtio_dma_t *
virtio_dma_create(virtio_t *vio, const ddi_dma_attr_t *attr, int kmflag)
{
	virtio_dma_t *vd;

	virtio_dma_check_attr(attr);
	vd = kmem_zalloc(sizeof (*vd), kmflag);
	if (vd == NULL)
		return (NULL);
	vd->vd_vio = vio;
	vd->vd_attr = *attr;
	mutex_enter(&vio->vio_lock);
	list_insert_tail(&vio->vio_dmas, vd);
	mutex_exit(&vio->vio_lock);
	return (vd);
}

virtio_dma_t *
virtio_dma_alloc(virtio_t *vio, size_t size, const ddi_dma_attr_t *attr,
    int dmaflags, int kmflag)
{
	virtio_dma_t *vd;

	if ((dmaflags & DDI_DMA_CONSISTENT) != 0 &&
	    (dmaflags & DDI_DMA_STREAMING) != 0)
		panic("virtio_dma_alloc: both consistent and streaming");
	vd = virtio_dma_create(vio, attr, kmflag);
	if (vd == NULL)
		return (NULL);
	vd->vd_own = true;
	if (virtio_dma_bind_impl(vd, NULL, size, dmaflags) != DDI_SUCCESS) {
		dev_err(vio->vio_dip, CE_WARN, "!no DMA memory of %lu bytes",
		    size);
		virtio_dma_free(vd);
		return (NULL);
	}
	return (vd);
}

virtio_dma_t *
virtio_dma_alloc_nomem(virtio_t *vio, const ddi_dma_attr_t *attr, int kmflag)
{
	if (fk_fail_now())
		return (NULL);
	return (virtio_dma_create(vio, attr, kmflag));
}

int
virtio_dma_bind(virtio_dma_t *vd, void *va, size_t size, int dmaflags,
    int kmflag)
{
	if (vd->vd_bound)
		panic("virtio_dma_bind: it is bound already");
	if (kmflag == KM_SLEEP)
		fk_maysleep("virtio_dma_bind");
	return (virtio_dma_bind_impl(vd, va, size, dmaflags));
}

static void
virtio_dma_unbind_impl(virtio_dma_t *vd, const char *func)
{
	if (!vd->vd_bound)
		return;
	if (VRING_ACQUIRE(&vd->vd_inflight) != 0)
		panic("%s: %u segments of it are in chains that the device "
		    "has", func, vd->vd_inflight);
	fvd_free(vd);
	vd->vd_bound = false;
	vd->vd_va = NULL;
	vd->vd_size = 0;
	vd->vd_ncookies = 0;
}

void
virtio_dma_unbind(virtio_dma_t *vd)
{
	if (vd->vd_own)
		panic("virtio_dma_unbind: memory of virtio_dma_alloc()");
	virtio_dma_unbind_impl(vd, "virtio_dma_unbind");
}

void
virtio_dma_free(virtio_dma_t *vd)
{
	virtio_t *vio = vd->vd_vio;

	fk_maysleep("virtio_dma_free");
	virtio_dma_unbind_impl(vd, "virtio_dma_free");
	mutex_enter(&vio->vio_lock);
	list_remove(&vio->vio_dmas, vd);
	mutex_exit(&vio->vio_lock);
	kmem_free(vd, sizeof (*vd));
}

static void
virtio_dma_check(const virtio_dma_t *vd, const char *func)
{
	if (!vd->vd_bound)
		panic("%s: not bound", func);
}

void
virtio_dma_sync(virtio_dma_t *vd, int type)
{
	virtio_dma_check(vd, "virtio_dma_sync");
	switch (type) {
	case DDI_DMA_SYNC_FORDEV:
		if (vd->vd_mem != vd->vd_va)
			bcopy(vd->vd_va, vd->vd_mem, vd->vd_size);
		break;
	case DDI_DMA_SYNC_FORCPU:
	case DDI_DMA_SYNC_FORKERNEL:
		if (vd->vd_mem != vd->vd_va)
			bcopy(vd->vd_mem, vd->vd_va, vd->vd_size);
		break;
	default:
		panic("virtio_dma_sync: type %d", type);
	}
}

void *
virtio_dma_va(virtio_dma_t *vd, size_t off)
{
	virtio_dma_check(vd, "virtio_dma_va");
	if (off >= vd->vd_size)
		panic("virtio_dma_va: %lu is beyond the end", off);
	return (vd->vd_va + off);
}

size_t
virtio_dma_size(virtio_dma_t *vd)
{
	return (vd->vd_size);
}

uint_t
virtio_dma_ncookies(virtio_dma_t *vd)
{
	return (vd->vd_ncookies);
}

static void
virtio_dma_check_cookie(const virtio_dma_t *vd, uint_t cookie,
    const char *func)
{
	virtio_dma_check(vd, func);
	if (cookie >= vd->vd_ncookies)
		panic("%s: cookie %u of %u", func, cookie, vd->vd_ncookies);
}

uint64_t
virtio_dma_cookie_pa(virtio_dma_t *vd, uint_t cookie)
{
	virtio_dma_check_cookie(vd, cookie, "virtio_dma_cookie_pa");
	return (vd->vd_pa + (uint64_t)cookie * PAGESIZE);
}

size_t
virtio_dma_cookie_size(virtio_dma_t *vd, uint_t cookie)
{
	virtio_dma_check_cookie(vd, cookie, "virtio_dma_cookie_size");
	return (cookie < vd->vd_ncookies - 1 ? PAGESIZE :
	    vd->vd_size - (size_t)cookie * PAGESIZE);
}

bool
fvio_dma_in_cookie(virtio_dma_t *vd, uint64_t pa, size_t len)
{
	uint_t cookie = MIN((pa - vd->vd_pa) >> PAGESHIFT,
	    vd->vd_ncookies - 1);

	return (pa + len <= virtio_dma_cookie_pa(vd, cookie) +
	    virtio_dma_cookie_size(vd, cookie));
}
