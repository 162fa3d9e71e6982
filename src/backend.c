/* SPDX-License-Identifier: Apache-2.0 */
/* Where the memory behind a region comes from. */
#include "backend.h"

void ax_backend_linear(struct ax_region *region, uint64_t hpa)
{
	region->object = hpa;
	region->type = AX_REGION_LINEAR;
	region->traits = AX_REGION_ADVANCES | AX_REGION_MERGES;
}

void ax_backend_alloc(struct ax_region *region)
{
	region->object = 0;
	region->type = AX_REGION_ALLOC;
	region->traits = AX_REGION_MERGES;
}

void ax_backend_custom(struct ax_region *region, const struct ax_backend *backend)
{
	region->object = (uintptr_t)backend;
	region->type = AX_REGION_BACKEND;
	region->traits = backend->ops->merge ? AX_REGION_MERGES : 0;
}

const struct ax_backend *ax_backend_of(const struct ax_region *region)
{
	if (region->type != AX_REGION_BACKEND)
		return NULL;
	return (const struct ax_backend *)(uintptr_t)region->object;
}

static ax_error_t get_custom(const struct ax_npt *npt, const struct ax_region *region,
			     const struct ax_backend *backend, uint64_t gpa, ax_flags_t access,
			     uint64_t *hpa)
{
	/* A backend that says AX_OK and names no page shall not give the guest the host's page 0. */
	ax_hpa_t page = AX_HPA_NONE;
	ax_error_t error;

	if (!backend->ops->fault)
		return AX_ENOENT;
	error = backend->ops->fault(backend->context, ax_gpa(gpa), access, &page);
	if (error != AX_OK)
		return error;
	if ((page.raw & npt->unfit) != 0) {
		ax_backend_put(region, gpa, page.raw);
		return AX_ERANGE;
	}
	*hpa = page.raw;
	return AX_OK;
}

ax_error_t ax_backend_get(const struct ax_npt *npt, const struct ax_region *region, uint64_t gpa,
			  ax_flags_t access, uint64_t *hpa)
{
	const struct ax_backend *backend = ax_backend_of(region);

	if (backend)
		return get_custom(npt, region, backend, gpa, access, hpa);
	if (region->type == AX_REGION_ALLOC)
		return ax_backend_get_owned(npt, hpa);
	/* A linear region is entered before it is published: a hole in it is damage. */
	return AX_ESTATE;
}

void ax_backend_put(const struct ax_region *region, uint64_t gpa, uint64_t hpa)
{
	const struct ax_backend *backend = ax_backend_of(region);

	if (!backend)
		ax_memory_api()->dealloc_frame(ax_hpa(hpa));
	else if (backend->ops->release)
		backend->ops->release(backend->context, ax_gpa(gpa), ax_hpa(hpa));
}
