/* SPDX-License-Identifier: Apache-2.0 */
/* The readers that change nothing: what the space is, translates to, and holds. */
#include "addrspace.h"

#include "backend.h"
#include "npt.h"
#include "npt_descend.h"
#include "npt_entry.h"

ax_gpa_t ax_addrspace_base(const struct ax_addrspace *as)
{
	return ax_gpa(ax_addrspace_live(as) ? as->first : 0);
}

ax_gpa_t ax_addrspace_end(const struct ax_addrspace *as)
{
	return ax_gpa(ax_addrspace_live(as) ? as->last + 1 : 0);
}

uint64_t ax_addrspace_size(const struct ax_addrspace *as)
{
	return ax_addrspace_live(as) ? as->last - as->first + 1 : 0;
}

ax_hpa_t ax_addrspace_page_table_root(const struct ax_addrspace *as)
{
	return ax_addrspace_live(as) ? ax_hpa(as->npt.root_hpa) : AX_HPA_NONE;
}

void ax_addrspace_registers(const struct ax_addrspace *as, struct ax_npt_registers *out)
{
	if (!out)
		return;
	*out = (struct ax_npt_registers){0};
	if (ax_addrspace_live(as))
		as->npt.format->registers(&as->npt, out);
}

const struct ax_npt *ax_addrspace_page_table(const struct ax_addrspace *as)
{
	return ax_addrspace_live(as) ? &as->npt : NULL;
}

uint64_t ax_addrspace_tlb_generation(const struct ax_addrspace *as)
{
	return ax_addrspace_live(as) ? __atomic_load_n(&as->npt.generation, __ATOMIC_SEQ_CST) : 0;
}

bool ax_addrspace_contains_range(const struct ax_addrspace *as, ax_gpa_t start, uint64_t size)
{
	if (!ax_addrspace_live(as) || start.raw < as->first)
		return false;
	/* One past the end is a legal start of nothing. */
	if (size == 0)
		return start.raw - as->first <= as->last - as->first + 1;
	return start.raw <= as->last && size - 1 <= as->last - start.raw;
}

ax_error_t ax_addrspace_query(const struct ax_addrspace *as, ax_gpa_t addr,
			      struct ax_npt_mapping *out)
{
	struct ax_section section;
	ax_error_t error;

	if (!ax_addrspace_live(as) || !out)
		return AX_EINVAL;
	ax_guard_enter(&as->guard, &section);
	error = ax_npt_query(&as->npt, addr, out);
	ax_guard_leave(&section);
	return error;
}

AX_SELDOM ax_error_t ax_addrspace_next_mapping(const struct ax_addrspace *as, ax_gpa_t from,
					       struct ax_npt_mapping *out)
{
	struct ax_section section;
	ax_error_t error;

	if (!ax_addrspace_live(as) || !out)
		return AX_EINVAL;
	ax_guard_enter(&as->guard, &section);
	error = ax_npt_next(&as->npt, from, out);
	ax_guard_leave(&section);
	return error;
}

/* locate() without a direct map, of a hole, or while a break-before-make is under way. */
AX_SELDOM static ax_error_t locate_by_calls(const struct ax_npt *npt, uint64_t gpa, uint64_t *hpa)
{
	unsigned level;
	uint64_t entry = ax_npt_lookup(npt, gpa, &level);

	if (entry == 0)
		return AX_ENOENT;
	*hpa = ax_npt_address(npt, entry) + (gpa & ax_npt_span(npt, level));
	return AX_OK;
}

/* In a section, or without a guard: where @gpa is, by the entry at which its walk ended. */
AX_INLINE ax_error_t locate_at(const struct ax_addrspace *as, uint64_t gpa, uint64_t entry,
			       uint64_t span, unsigned address_shift, ax_hpa_t *out)
{
	if (!ax_npt_present(&as->npt, entry))
		return locate_by_calls(&as->npt, gpa, &out->raw);
	out->raw = ((entry & as->npt.address_mask) << address_shift) + (gpa & span);
	return AX_OK;
}

/* The same of an entry of any level. */
AX_OUT_OF_LINE static ax_error_t locate(const struct ax_addrspace *as, uint64_t gpa, uint64_t entry,
					uint64_t span, ax_hpa_t *out)
{
	return locate_at(as, gpa, entry, span, as->npt.address_shift, out);
}

/* ax_addrspace_translate() of any space. */
AX_OUT_OF_LINE static ax_error_t translate(const struct ax_addrspace *as, uint64_t gpa,
					   ax_hpa_t *out)
{
	struct ax_npt_place place;
	struct ax_section section;
	ax_error_t error;

	if (!ax_addrspace_live(as) || !out)
		return AX_EINVAL;
	/* The table reaches as far, and a walk must not be asked for more. */
	if (gpa > as->last)
		return AX_ENOENT;
	ax_guard_enter(&as->guard, &section);
	if (ax_npt_reach(&as->npt, gpa, &place))
		error = locate_at(as, gpa, place.entry, place.span, as->npt.address_shift, out);
	else
		error = locate_by_calls(&as->npt, gpa, &out->raw);
	ax_guard_leave(&section);
	return error;
}

/* Of four levels, and quick. A page is most of what is asked for, and has a constant span. */
AX_INLINE ax_error_t translate_quickly(const struct ax_addrspace *as, uint64_t gpa,
				       unsigned address_shift, ax_hpa_t *out)
{
	struct ax_npt_place place;
	ax_error_t error;

	ax_guard_enter_alone();
	ax_npt_descend(&as->npt, gpa, 4, address_shift, &place);
	if (place.level == 0)
		error = locate_at(as, gpa, place.entry, AX_PAGE_SIZE_4K - 1, address_shift, out);
	else
		error = locate(as, gpa, place.entry, place.span, out);
	ax_guard_leave_alone();
	return error;
}

/* Of entries that hold addresses shifted by 2. Out of line: so the others have no instruction more. */
AX_OUT_OF_LINE static ax_error_t translate_shifted(const struct ax_addrspace *as, uint64_t gpa,
						   ax_hpa_t *out)
{
	return translate_quickly(as, gpa, 2, out);
}

ax_error_t ax_addrspace_translate(const struct ax_addrspace *as, ax_gpa_t addr, ax_hpa_t *out)
{
	if (as && out && addr.raw <= as->last) {
		if (__builtin_expect(as->quick == AX_ADDRSPACE_QUICK(4, 0), 1))
			return translate_quickly(as, addr.raw, 0, out);
		if (as->quick == AX_ADDRSPACE_QUICK(4, 2))
			return translate_shifted(as, addr.raw, out);
	}
	return translate(as, addr.raw, out);
}

/* Extend a mapping by the leaves after it that continue it: the same distance, permission, type. */
static void extend(const struct ax_npt *npt, struct ax_npt_mapping *mapping)
{
	uint64_t distance = mapping->hpa.raw - mapping->gpa.raw;
	struct ax_npt_mapping next;

	/* No table reaches so far that the next byte had no number. */
	while (ax_npt_query(npt, ax_gpa(mapping->gpa.raw + mapping->size), &next) == AX_OK &&
	       next.flags == mapping->flags && next.hpa.raw - next.gpa.raw == distance)
		mapping->size = next.gpa.raw + next.size - mapping->gpa.raw;
}

static ax_error_t translate_with_limit(const struct ax_addrspace *as, uint64_t addr, uint64_t *hpa,
				       uint64_t *limit)
{
	const struct ax_region *region = ax_region_find(ax_addrspace_regions(as), addr);
	struct ax_npt_mapping mapping;
	ax_error_t error = ax_npt_query(&as->npt, ax_gpa(addr), &mapping);

	if (error != AX_OK)
		return error;
	*hpa = mapping.hpa.raw + (addr - mapping.gpa.raw);
	if (region && region->type == AX_REGION_LINEAR) {
		/* All of it is entered, and contiguous: no need to look. */
		*limit = region->last - addr + 1;
		return AX_OK;
	}
	extend(&as->npt, &mapping);
	*limit = mapping.size - (addr - mapping.gpa.raw);
	return AX_OK;
}

ax_error_t ax_addrspace_translate_and_get_limit(const struct ax_addrspace *as, ax_gpa_t addr,
						ax_hpa_t *out, uint64_t *limit)
{
	struct ax_section section;
	uint64_t hpa = 0;
	uint64_t bytes = 0;
	ax_error_t error;

	if (!ax_addrspace_live(as) || !out || !limit)
		return AX_EINVAL;
	ax_guard_enter(&as->guard, &section);
	error = translate_with_limit(as, addr.raw, &hpa, &bytes);
	ax_guard_leave(&section);
	if (error != AX_OK)
		return error;
	out->raw = hpa;
	*limit = bytes;
	return AX_OK;
}

static void describe_region(const struct ax_region *region, struct ax_region_info *out)
{
	*out = (struct ax_region_info){
		.start = ax_gpa(region->first),
		.size = region->last - region->first + 1,
		.flags = region->flags,
		.type = (enum ax_region_type)region->type,
		.target = region->type == AX_REGION_LINEAR ? ax_hpa(region->object) : AX_HPA_NONE,
		.backend = ax_backend_of(region),
	};
}

AX_SELDOM ax_error_t ax_addrspace_next_region(const struct ax_addrspace *as, ax_gpa_t from,
					      struct ax_region_info *out)
{
	const struct ax_region *region;
	struct ax_section section;

	if (!ax_addrspace_live(as) || !out)
		return AX_EINVAL;
	ax_guard_enter(&as->guard, &section);
	region = ax_region_at_or_after(ax_addrspace_regions(as), from.raw);
	if (region)
		describe_region(region, out);
	ax_guard_leave(&section);
	return region ? AX_OK : AX_ENOENT;
}

AX_SELDOM ax_error_t ax_addrspace_find_free_area(const struct ax_addrspace *as, ax_gpa_t hint,
						 uint64_t size, uint64_t align, ax_gpa_t *out)
{
	struct ax_section section;
	uint64_t start;
	bool found;

	if (!ax_addrspace_live(as) || !out || size == 0 || (align & (align - 1)) != 0)
		return AX_EINVAL;
	if (size % AX_PAGE_SIZE_4K != 0)
		return AX_EALIGN;
	if (align < AX_PAGE_SIZE_4K)
		align = AX_PAGE_SIZE_4K;
	ax_guard_enter(&as->guard, &section);
	found = ax_region_find_gap(ax_addrspace_regions(as), as->first, as->last, hint.raw, size,
				   align, &start);
	ax_guard_leave(&section);
	if (!found)
		return AX_ENOENT;
	out->raw = start;
	return AX_OK;
}

AX_SELDOM void ax_addrspace_stats(const struct ax_addrspace *as, struct ax_addrspace_stats *out)
{
	const struct ax_region_set *set;
	struct ax_guard_slot sum;
	struct ax_npt_mapping mapping;
	struct ax_section section;
	ax_gpa_t from = {0};

	if (!out)
		return;
	*out = (struct ax_addrspace_stats){0};
	if (!ax_addrspace_live(as))
		return;
	/* These first, so that no sum falls below zero: see ax_npt_counter(). */
	out->table_frames = ax_npt_counter(&as->npt.table_frames);
	out->owned_frames = ax_npt_counter(&as->npt.owned_frames);
	sum = as->alone;
	ax_guard_sum(&as->guard, &sum);
	ax_guard_enter(&as->guard, &section);
	set = ax_addrspace_regions(as);
	out->regions = ax_region_count(set);
	out->region_frames = ax_region_node_frames(set);
	ax_guard_leave(&section);
	/* Both copies have seen the same changes, so they have the same shape. */
	if (ax_guard_shared(&as->guard))
		out->region_frames *= 2;
	out->guard_frames = ax_guard_shared(&as->guard);
	/* The writer's count may be below zero, and the lines' come round. */
	out->table_frames = (uint32_t)(out->table_frames + sum.table_frames);
	out->owned_frames += sum.owned_frames;
	out->faults = sum.owned_frames + sum.foreign_frames;
	out->splits = ax_npt_counter(&as->npt.splits);
	out->flushes = ax_npt_counter(&as->npt.flushes);
	while (ax_addrspace_next_mapping(as, from, &mapping) == AX_OK) {
		out->pages[mapping.level]++;
		from.raw = mapping.gpa.raw + mapping.size;
	}
}
