/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making an address accessible: page faults, and what guest memory access needs.
 *
 * In the model, tests/spin/guard.pml, ax_addrspace_back() is Cpu from find_region() to `touch`:
 * ax_npt_walk() is walk(), back_page() what begins at `again`, ax_npt_install() the two d_steps
 * (BREAK_FAULT_BY_STORE), free_spare() what is at `out` (BREAK_SPARE_IS_LOST). They change together.
 */
#include "addrspace.h"

#include "backend.h"
#include "npt.h"
#include "npt_entry.h"

bool ax_addrspace_permits(const struct ax_addrspace *as, ax_flags_t flags, ax_flags_t access)
{
	ax_flags_t wanted = access & AX_FLAGS_ACCESS;

	/* What can restrict user mode, XNX and mode-based execute, restricts its execution alone. */
	if ((access & AX_USER) && (access & AX_EXECUTE) && ax_npt_restricts_user(&as->npt))
		wanted |= AX_USER;
	return (flags & wanted) == wanted;
}

const struct ax_region_hit *ax_addrspace_hit(struct ax_addrspace *as,
					     const struct ax_section *section, uint64_t addr)
{
	struct ax_region_hit *hit = section->slot ? &section->slot->hit : &as->hit;
	uint64_t version = ax_addrspace_version(as);
	const struct ax_region *region;

	if (hit->version == version &&
	    addr - hit->region->first <= hit->region->last - hit->region->first)
		return hit;
	region = ax_region_find(&as->regions[version & 1u], addr);
	if (!region)
		return NULL;
	/* What a region has was encoded when it was mapped, so it can be. */
	if (ax_npt_encode(&as->npt, region->flags, &hit->attr) != AX_OK)
		return NULL;
	hit->region = region;
	hit->version = version;
	return hit;
}

/* Count what a fault entered, where no other CPU writes. */
static void count_fault(struct ax_addrspace *as, const struct ax_section *section, unsigned tables,
			bool owned)
{
	if (section->slot) {
		ax_guard_count(&section->slot->faults, 1);
		ax_guard_count(&section->slot->table_frames, tables);
		ax_guard_count(&section->slot->owned_frames, owned);
	} else {
		as->faults++;
		ax_npt_count(&as->npt.table_frames, tables);
		ax_npt_count(&as->npt.owned_frames, owned);
	}
}

static enum ax_fault_result fault_result(ax_error_t error)
{
	return error == AX_ENOMEM ? AX_FAULT_NO_MEMORY : AX_FAULT_FAILED;
}

/* What a fault has got and not entered yet. */
struct spare {
	struct ax_npt_branch tables;
	struct ax_backend_page page;
	bool has_page;
};

/* Get what is missing: the page, and as many tables as there are levels between it and the slot. */
static ax_error_t gather_spare(const struct ax_addrspace *as, const struct ax_region *region,
			       uint64_t gpa, ax_flags_t access, unsigned tables,
			       struct spare *spare)
{
	ax_error_t error;

	if (!spare->has_page) {
		error = ax_backend_get(&as->npt, region, gpa, access, &spare->page);
		if (error != AX_OK)
			return error;
		spare->has_page = true;
	}
	/* Most faults find all tables there. */
	return tables == 0 ? AX_OK : ax_npt_branch_grow(&as->npt, &spare->tables, tables);
}

static void free_spare(const struct ax_region *region, uint64_t gpa, struct spare *spare)
{
	if (spare->tables.count != 0)
		ax_npt_branch_free(&spare->tables);
	if (spare->has_page)
		ax_backend_put(region, gpa, &spare->page);
}

/*
 * Back the page at @gpa of the region, whose entry was found zero at *@level.
 *
 * Return: AX_OK with the leaf in *@entry at *@level, whoever entered it.
 */
static ax_error_t back_page(struct ax_addrspace *as, const struct ax_section *section,
			    const struct ax_region_hit *hit, uint64_t gpa, ax_flags_t access,
			    uint64_t *slot, unsigned *level, uint64_t *entry)
{
	const struct ax_npt *npt = &as->npt;
	ax_error_t error = AX_OK;
	struct spare spare = {.has_page = false};

	while (*entry == 0) {
		uint64_t leaf;
		unsigned tables = *level;

		error = gather_spare(as, hit->region, gpa, access, tables, &spare);
		if (error != AX_OK) {
			/* Unless another CPU has backed it, perhaps with the last frame there was. */
			*level = 0;
			*entry = ax_npt_walk(npt, gpa, level, &slot);
			if (*entry != 0)
				error = AX_OK;
			break;
		}
		leaf = ax_npt_leaf_entry(npt, hit->attr | npt->format->kind[spare.page.kind],
					 spare.page.hpa, 0);
		ax_pause(AX_PAUSE_INSTALL);
		if (ax_npt_install(npt, slot, tables, gpa, leaf, &spare.tables)) {
			ax_pause(AX_PAUSE_INSTALLED);
			spare.has_page = false;
			count_fault(as, section, tables, spare.page.kind == AX_NPT_OWNED);
			ax_tlb_publish(npt, gpa, gpa + ax_npt_span(npt, 0), tables != 0, false);
			*level = 0;
			*entry = leaf;
			break;
		}
		/* Another CPU linked something here first: a table, or this very page. */
		*level = 0;
		*entry = ax_npt_walk(npt, gpa, level, &slot);
	}
	free_spare(hit->region, gpa, &spare);
	return error;
}

enum ax_fault_result ax_addrspace_back(struct ax_addrspace *as, const struct ax_section *section,
				       uint64_t addr, ax_flags_t access,
				       struct ax_addrspace_view *view)
{
	const struct ax_npt *npt = &as->npt;
	const struct ax_region_hit *hit = ax_addrspace_hit(as, section, addr);
	const struct ax_region *region;
	uint64_t gpa = addr & ~ax_npt_span(npt, 0);
	unsigned level = 0;
	uint64_t *slot;
	uint64_t entry;
	uint64_t offset;

	if (!hit)
		return AX_FAULT_NO_REGION;
	region = hit->region;
	if (!ax_addrspace_permits(as, region->flags, access))
		return AX_FAULT_DENIED;
	ax_pause(AX_PAUSE_REGION);

	entry = ax_npt_walk(npt, gpa, &level, &slot);
	view->found = entry != 0;
	if (entry == 0) {
		ax_error_t error = back_page(as, section, hit, gpa, access, slot, &level, &entry);

		if (error != AX_OK)
			return fault_result(error);
	}
	/* Not live: a writer has removed the page since the region was found. */
	entry = ax_npt_live(npt, entry);
	if (entry == 0)
		return AX_FAULT_NO_REGION;

	offset = addr & ax_npt_span(npt, level);
	view->hpa = ax_npt_address(npt, entry) + offset;
	view->size = ax_npt_span(npt, level) - offset + 1;
	if (view->size - 1 > region->last - addr)
		view->size = region->last - addr + 1;
	view->flags = region->flags;
	return AX_FAULT_HANDLED;
}

enum ax_fault_result ax_addrspace_fault(struct ax_addrspace *as, ax_gpa_t addr, ax_flags_t access)
{
	struct ax_section section;
	struct ax_addrspace_view view;
	enum ax_fault_result result;

	if (!ax_addrspace_live(as) || (access & ~AX_FLAGS_ALL) != 0)
		return AX_FAULT_FAILED;
	ax_guard_enter(&as->guard, &section);
	result = ax_addrspace_back(as, &section, addr.raw, access, &view);
	/* This CPU faulted on what is there: where hardware remembers invalid entries it has to forget
	 * this one, and whichever above it was missing. */
	if (result == AX_FAULT_HANDLED && view.found)
		ax_tlb_publish(&as->npt, addr.raw & ~ax_npt_span(&as->npt, 0),
			       addr.raw | ax_npt_span(&as->npt, 0), true, false);
	ax_guard_leave(&section);
	return result;
}

bool ax_addrspace_handle_page_fault(struct ax_addrspace *as, ax_gpa_t addr, ax_flags_t access)
{
	return ax_addrspace_fault(as, addr, access) == AX_FAULT_HANDLED;
}
