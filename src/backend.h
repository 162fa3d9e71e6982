/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backends: where the memory behind a region comes from.
 *
 *   linear   the caller's, at a constant distance; entered when mapped, so nothing is left to fault
 *   alloc    frames of the space's own, zeroed
 *   backend  whatever the caller's functions return
 *
 * What serves a page is in its region (type and object); whose a page is that was entered is in its
 * leaf (kind). A backend knows neither the tables nor the set of regions.
 */
#ifndef AX_SRC_BACKEND_H
#define AX_SRC_BACKEND_H

#include <axvisor/addrspace.h>

#include "bind.h"
#include "mem.h"
#include "npt_entry.h"
#include "pool.h"
#include "region.h"

#pragma GCC visibility push(hidden)

/* Each makes a region of its range and flags: the rest of @region is set. */

/** ax_backend_linear() - The region of a linear map to @hpa. */
void ax_backend_linear(struct ax_region *region, uint64_t hpa);

/** ax_backend_alloc() - The region of owned memory. */
void ax_backend_alloc(struct ax_region *region);

/** ax_backend_custom() - The region of a backend of the caller's. */
void ax_backend_custom(struct ax_region *region, const struct ax_backend *backend);

/** ax_backend_of() - The caller's backend behind a region, or NULL. */
const struct ax_backend *ax_backend_of(const struct ax_region *region);

/**
 * ax_backend_kind() - Whose a page is that a fault enters into a region: as a leaf says it.
 * @region: The region. Foreign leaves it to the encoding of its flags.
 */
static inline enum ax_npt_kind ax_backend_kind(const struct ax_region *region)
{
	return region->type == AX_REGION_ALLOC ? AX_NPT_OWNED : AX_NPT_FOREIGN;
}

/** ax_backend_get_owned() - ax_backend_get() for a region of owned memory. */
AX_MUST_CHECK static inline ax_error_t ax_backend_get_owned(const struct ax_npt *npt, uint64_t *hpa)
{
	ax_hpa_t frame = ax_memory_api()->alloc_frame();

	/* One comparison for all that is well, as in ax_pool_get(). */
	if ((frame.raw & npt->unfit) != 0)
		return ax_pool_refuse(frame);
	memset(ax_npt_virt(npt, frame.raw), 0, AX_PAGE_SIZE_4K);
	*hpa = frame.raw;
	return AX_OK;
}

/**
 * ax_backend_get() - Memory for a page of a region that has none.
 * @npt: For which table: widths, direct map.
 * @region: The region.
 * @gpa: The page.
 * @access: What was wanted.
 * @hpa: Its address on AX_OK: aligned, and entries can hold it.
 *
 * Return: AX_OK; AX_ENOMEM; AX_ERANGE: an address that cannot be entered (it went back); what the
 * caller's backend said.
 */
AX_MUST_CHECK ax_error_t ax_backend_get(const struct ax_npt *npt, const struct ax_region *region,
					uint64_t gpa, ax_flags_t access, uint64_t *hpa);

/** ax_backend_put() - Give back a page that was not entered after all. */
void ax_backend_put(const struct ax_region *region, uint64_t gpa, uint64_t hpa);

#pragma GCC visibility pop

#endif /* AX_SRC_BACKEND_H */
