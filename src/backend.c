/* SPDX-License-Identifier: Apache-2.0 */
/* Where the memory behind a region comes from. */
#include "backend.h"

#include "mem.h"
#include "npt.h"
#include "npt_entry.h"

struct ax_region ax_backend_linear(uint64_t first, uint64_t last, uint64_t hpa, ax_flags_t flags)
{
	return (struct ax_region){.first = first,
				  .last = last,
				  .object = hpa,
				  .flags = flags,
				  .type = AX_REGION_LINEAR,
				  .traits = AX_REGION_ADVANCES | AX_REGION_MERGES};
}

struct ax_region ax_backend_alloc(uint64_t first, uint64_t last, ax_flags_t flags)
{
	return (struct ax_region){.first = first,
				  .last = last,
				  .flags = flags,
				  .type = AX_REGION_ALLOC,
				  .traits = AX_REGION_MERGES};
}

struct ax_region ax_backend_custom(uint64_t first, uint64_t last, const struct ax_backend *backend,
				   ax_flags_t flags)
{
	return (struct ax_region){.first = first,
				  .last = last,
				  .object = (uintptr_t)backend,
				  .flags = flags,
				  .type = AX_REGION_BACKEND,
				  .traits = backend->ops->merge ? AX_REGION_MERGES : 0};
}

const struct ax_backend *ax_backend_of(const struct ax_region *region)
{
	if (region->type != AX_REGION_BACKEND)
		return NULL;
	return (const struct ax_backend *)(uintptr_t)region->object;
}

static ax_error_t get_owned(const struct ax_npt *npt, struct ax_backend_page *page)
{
	ax_error_t error = ax_pool_get(npt->hpa_bits, &page->hpa);

	if (error != AX_OK)
		return error;
	memset(ax_npt_virt(npt, page->hpa), 0, AX_PAGE_SIZE_4K);
	page->kind = AX_NPT_OWNED;
	return AX_OK;
}

static ax_error_t get_custom(const struct ax_npt *npt, const struct ax_region *region,
			     const struct ax_backend *backend, uint64_t gpa, ax_flags_t access,
			     struct ax_backend_page *page)
{
	ax_hpa_t hpa = {0};
	ax_error_t error;

	if (!backend->ops->fault)
		return AX_ENOENT;
	error = backend->ops->fault(backend->context, ax_gpa(gpa), access, &hpa);
	if (error != AX_OK)
		return error;
	page->hpa = hpa.raw;
	page->kind = AX_NPT_FOREIGN;
	if (ax_hpa_is_aligned(hpa, AX_PAGE_SIZE_4K) &&
	    ax_npt_hpa_fits(npt, hpa.raw, AX_PAGE_SIZE_4K))
		return AX_OK;
	ax_backend_put(region, gpa, page);
	return AX_ERANGE;
}

ax_error_t ax_backend_get(const struct ax_npt *npt, const struct ax_region *region, uint64_t gpa,
			  ax_flags_t access, struct ax_backend_page *page)
{
	const struct ax_backend *backend = ax_backend_of(region);

	if (backend)
		return get_custom(npt, region, backend, gpa, access, page);
	if (region->type == AX_REGION_ALLOC)
		return get_owned(npt, page);
	/* A linear region is entered before it is published: a hole in it is damage. */
	return AX_ESTATE;
}

void ax_backend_put(const struct ax_region *region, uint64_t gpa,
		    const struct ax_backend_page *page)
{
	const struct ax_backend *backend = ax_backend_of(region);

	if (!backend)
		ax_memory_api()->dealloc_frame(ax_hpa(page->hpa));
	else if (backend->ops->release)
		backend->ops->release(backend->context, ax_gpa(gpa), ax_hpa(page->hpa));
}
