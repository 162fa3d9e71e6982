/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making an address accessible: page faults, and what guest memory access needs.
 *
 * There are two ways to go. serve() and serve_owned() are the short one, for what nearly every fault is: in the
 * region and the table of the last one, a page that is there already, or one more of the space's own. They have
 * few instructions, a half of what a search and a walk would have. back_page() is the long one, which does
 * everything; whatever the short one has got and cannot use it hands over.
 *
 * In the model, tests/spin/guard.pml, either is Cpu from find_region() to `touch`: check_access() and serve() are
 * find_region(), ax_npt_walk() is walk(), back_page() what begins at `again`, ax_npt_install() and the
 * ax_npt_replace() of enter_owned() the two d_steps (BREAK_FAULT_BY_STORE), free_spare() what is at `out`
 * (BREAK_SPARE_IS_LOST). With REMEMBER a Cpu remembers its table as a line does: ax_addrspace_hits_table() is
 * HIT(), remember_table() is remember() (BREAK_HIT_OUTLIVES_VERSION). They change together.
 */
#include "addrspace.h"

#include "backend.h"
#include "npt.h"
#include "npt_entry.h"

/* Bytes of a page, less one. */
#define PAGE_SPAN (UINT64_C(0x1000) - 1)

bool ax_addrspace_permits(const struct ax_addrspace *as, ax_flags_t flags, ax_flags_t access)
{
	ax_flags_t wanted = access & AX_FLAGS_ACCESS;

	/* What can restrict user mode, XNX and mode-based execute, restricts its execution alone. */
	if ((access & AX_USER) && (access & AX_EXECUTE) && ax_npt_restricts_user(&as->npt))
		wanted |= AX_USER;
	return (flags & wanted) == wanted;
}

/*
 * Bits of an access that ax_addrspace_permits() may refuse in a region of @flags, and those that mean nothing. Execution by
 * user mode, where it is restricted, is looked at more closely each time. By AX_DEVICE guest.c asks for memory
 * that is none.
 */
static uint32_t refused_bits(const struct ax_addrspace *as, ax_flags_t flags)
{
	uint32_t refused = ~AX_FLAGS_ALL | (AX_FLAGS_ACCESS & ~flags) | (AX_DEVICE & flags);

	if (ax_npt_restricts_user(&as->npt))
		refused |= AX_USER & ~flags;
	return refused;
}

/* Find the region of an address, and remember it. False: there is none. */
static bool find_region(const struct ax_addrspace *as, struct ax_region_hit *hit, uint64_t addr)
{
	uint64_t version = ax_addrspace_version(as);
	const struct ax_region *region = ax_region_find(&as->regions[version & 1u], addr);
	const struct ax_npt_format *format = as->npt.format;
	uint64_t attr;

	/* What a region has was encoded when it was mapped, so it can be. */
	if (!region || ax_npt_encode(&as->npt, region->flags, &attr) != AX_OK)
		return false;
	hit->span = 0;
	hit->leaf = attr | format->leaf[0] | format->kind[ax_backend_kind(region)];
	hit->refused = refused_bits(as, region->flags);
	hit->region = region;
	hit->version = version;
	return true;
}

/* Find the region of an address, and whether it permits the access: AX_FAULT_HANDLED so far. */
AX_OUT_OF_LINE static enum ax_fault_result check_access(const struct ax_addrspace *as,
							struct ax_region_hit *hit, uint64_t addr,
							ax_flags_t access)
{
	if (!ax_addrspace_hits(as, hit, addr, access) && !find_region(as, hit, addr))
		return AX_FAULT_NO_REGION;
	if (!ax_addrspace_permits(as, hit->region->flags, access))
		return AX_FAULT_DENIED;
	ax_pause(AX_PAUSE_REGION);
	return AX_FAULT_HANDLED;
}

/* What a fault has got and not entered yet. */
struct spare {
	struct ax_npt_branch tables;
	ax_hpa_t page; /* AX_HPA_NONE: none */
};

/* Get what is missing: the page, and as many tables as there are levels between it and the slot. */
static ax_error_t gather_spare(const struct ax_npt *npt, const struct ax_region *region,
			       uint64_t gpa, ax_flags_t access, unsigned tables,
			       struct spare *spare)
{
	if (ax_hpa_is_none(spare->page)) {
		ax_error_t error = ax_backend_get(npt, region, gpa, access, &spare->page.raw);

		if (error != AX_OK)
			return error;
	}
	return ax_npt_branch_grow(npt, &spare->tables, tables);
}

static void free_spare(const struct ax_region *region, uint64_t gpa, struct spare *spare)
{
	ax_npt_branch_free(&spare->tables);
	if (!ax_hpa_is_none(spare->page))
		ax_backend_put(region, gpa, spare->page.raw);
}

/* Remember the table of the slot for @addr; not where its number is too large to be remembered. */
static void remember_table(struct ax_region_hit *hit, uint64_t addr, uint64_t *slot)
{
	uint64_t span = (addr >> AX_TABLE_SHIFT) + 1;

	hit->span = span <= UINT32_MAX ? (uint32_t)span : 0;
	hit->table = slot - (addr >> AX_ENTRY_SHIFT) % AX_TABLE_SIZE;
}

/*
 * Link the page that was got, with the tables above it that are missing, where a zero entry was found.
 *
 * Return: the leaf; 0: another CPU linked something there first.
 */
static uint64_t enter_page(const struct ax_addrspace *as, struct ax_guard_slot *line, uint64_t gpa,
			   uint64_t *slot, unsigned level, struct spare *spare)
{
	const struct ax_npt *npt = &as->npt;
	uint64_t leaf = line->hit.leaf | spare->page.raw >> npt->address_shift;
	bool owned = line->hit.region->type == AX_REGION_ALLOC;

	ax_pause(AX_PAUSE_INSTALL);
	if (!ax_npt_install(npt, slot, level, gpa, leaf, &spare->tables))
		return 0;
	ax_pause(AX_PAUSE_INSTALLED);
	spare->page = AX_HPA_NONE;
	ax_guard_count(owned ? &line->owned_frames : &line->foreign_frames, 1);
	if (level != 0)
		ax_guard_count_tables(&line->table_frames, level);
	ax_tlb_publish_page(npt, gpa, level != 0);
	return leaf;
}

/*
 * Back a page of the region that was hit, in whatever state its entry is.
 *
 * @page: Was got for it already; AX_HPA_NONE: not yet.
 * @error: Why it was not; AX_OK: nobody tried.
 */
AX_SELDOM static enum ax_fault_result back_page(struct ax_addrspace *as, struct ax_guard_slot *line,
						uint64_t addr, ax_flags_t access, ax_hpa_t page,
						ax_error_t error, struct ax_addrspace_view *view)
{
	const struct ax_npt *npt = &as->npt;
	const struct ax_region *region = line->hit.region;
	const uint64_t gpa = addr & ~PAGE_SPAN;
	struct spare spare = {.page = page};
	uint64_t entered = 0;
	uint64_t entry;
	uint64_t *slot;
	unsigned level;

	do {
		level = 0;
		entry = ax_npt_walk(npt, gpa, &level, &slot);
		/* Out of memory or not: another CPU may have backed it, perhaps with the last frame. */
		if (entry != 0 || error != AX_OK)
			break;
		error = gather_spare(npt, region, gpa, access, level, &spare);
		if (error == AX_OK)
			entered = enter_page(as, line, gpa, slot, level, &spare);
	} while (entered == 0);
	free_spare(region, gpa, &spare);

	if (level == 0)
		remember_table(&line->hit, addr, slot);
	view->found = entered == 0;
	view->span = level == 0 || !view->found ? PAGE_SPAN : ax_npt_span(npt, level);
	view->leaf = ax_npt_live(npt, view->found ? entry : entered);
	if (view->leaf != 0)
		return AX_FAULT_HANDLED;
	/* Or there is an entry that is not live, under a region: that is damage. */
	return error == AX_ENOMEM ? AX_FAULT_NO_MEMORY : AX_FAULT_FAILED;
}

enum ax_fault_result ax_addrspace_back(struct ax_addrspace *as, struct ax_guard_slot *line,
				       uint64_t addr, ax_flags_t access,
				       struct ax_addrspace_view *view)
{
	enum ax_fault_result result = check_access(as, &line->hit, addr, access);

	if (result != AX_FAULT_HANDLED)
		return result;
	return back_page(as, line, addr, access, AX_HPA_NONE, AX_OK, view);
}

/*
 * This CPU faulted on what is there: where hardware remembers invalid entries it has to forget this one, and
 * whichever above it was missing.
 */
AX_SELDOM static enum ax_fault_result forget_fault(const struct ax_npt *npt, uint64_t addr)
{
	ax_cpu_tlb_fence(npt, addr & ~PAGE_SPAN, true);
	return AX_FAULT_HANDLED;
}

/* The long way, of an access that the region that was hit permits. */
AX_SELDOM static enum ax_fault_result serve_rest(struct ax_addrspace *as, uint64_t addr,
						 ax_flags_t access, struct ax_guard_slot *line,
						 ax_hpa_t page, ax_error_t error)
{
	struct ax_addrspace_view view;
	enum ax_fault_result result = back_page(as, line, addr, access, page, error, &view);

	if (result == AX_FAULT_HANDLED && view.found && as->npt.fence)
		return forget_fault(&as->npt, addr);
	return result;
}

/*
 * Enter a frame of the space's own where a zero entry was found. False: another CPU entered something there first.
 *
 * Without a guard there is no other, and no locked instruction either. It would wait for all the stores that zeroed the
 * frame, and what comes after it for them: a third of the time of a fault whose table no cache has.
 */
static inline bool enter_owned(struct ax_addrspace *as, struct ax_guard_slot *line, uint64_t *slot,
			       uint64_t leaf)
{
	uint64_t expected = 0;

	if (__builtin_expect(line == &as->alone, 1)) {
		ax_npt_store(slot, leaf);
		as->alone.owned_frames++;
		return true;
	}
	if (!ax_npt_replace(slot, &expected, leaf))
		return false;
	ax_guard_count(&line->owned_frames, 1);
	return true;
}

/* Back a page with a frame of the space's own: @slot, on level 0, was found zero. */
AX_OUT_OF_LINE static enum ax_fault_result serve_owned(struct ax_addrspace *as, uint64_t addr,
						       uint64_t *slot, struct ax_guard_slot *line)
{
	ax_hpa_t page = AX_HPA_NONE;
	ax_error_t error = ax_backend_get_owned(&as->npt, &page.raw);

	if (error != AX_OK)
		return serve_rest(as, addr, 0, line, AX_HPA_NONE, error);
	ax_pause(AX_PAUSE_INSTALL);
	if (!enter_owned(as, line, slot, line->hit.leaf | page.raw >> as->npt.address_shift))
		return serve_rest(as, addr, 0, line, page, AX_OK);
	ax_pause(AX_PAUSE_INSTALLED);
	ax_tlb_publish_page(&as->npt, addr & ~PAGE_SPAN, false);
	return AX_FAULT_HANDLED;
}

/* Serve a fault of an access that the region that was hit permits, whose slot on level 0 is @slot. */
static inline enum ax_fault_result serve_slot(struct ax_addrspace *as, uint64_t addr,
					      ax_flags_t access, struct ax_guard_slot *line,
					      uint64_t *slot)
{
	uint64_t entry = ax_npt_load(slot);

	if (entry == 0 && line->hit.region->type == AX_REGION_ALLOC)
		return serve_owned(as, addr, slot, line);
	if (ax_npt_present(&as->npt, entry))
		return as->npt.fence ? forget_fault(&as->npt, addr) : AX_FAULT_HANDLED;
	return serve_rest(as, addr, access, line, AX_HPA_NONE, AX_OK);
}

/* Serve a fault in another region than the last, or in another table, or of an access that needs a closer look. */
AX_OUT_OF_LINE static enum ax_fault_result serve_elsewhere(struct ax_addrspace *as, uint64_t addr,
							   ax_flags_t access,
							   struct ax_guard_slot *line)
{
	unsigned level = 0;
	uint64_t *slot;

	if (ax_addrspace_hits(as, &line->hit, addr, access)) {
		ax_pause(AX_PAUSE_REGION);
	} else {
		enum ax_fault_result result = AX_FAULT_FAILED;

		if ((access & ~AX_FLAGS_ALL) == 0)
			result = check_access(as, &line->hit, addr, access);
		if (result != AX_FAULT_HANDLED)
			return result;
	}
	(void)ax_npt_walk(&as->npt, addr, &level, &slot);
	if (level != 0)
		return serve_rest(as, addr, access, line, AX_HPA_NONE, AX_OK);
	remember_table(&line->hit, addr, slot);
	return serve_slot(as, addr, access, line, slot);
}

/*
 * Serve a fault, with the line of a reader in a section. Whatever this calls it calls last, out of line: so it
 * saves no register.
 */
static enum ax_fault_result serve(struct ax_addrspace *as, uint64_t addr, ax_flags_t access,
				  struct ax_guard_slot *line)
{
	if (ax_addrspace_hits(as, &line->hit, addr, access) &&
	    ax_addrspace_hits_table(&line->hit, addr)) {
		ax_pause(AX_PAUSE_REGION);
		ax_pause(AX_PAUSE_WALK);
		return serve_slot(as, addr, access, line, ax_addrspace_hit_slot(&line->hit, addr));
	}
	return serve_elsewhere(as, addr, access, line);
}

AX_OUT_OF_LINE static enum ax_fault_result fault_shared(struct ax_addrspace *as, uint64_t addr,
							ax_flags_t access)
{
	struct ax_section section;
	enum ax_fault_result result;

	ax_guard_enter(&as->guard, &section);
	result = serve(as, addr, access, section.slot);
	ax_guard_leave(&section);
	return result;
}

enum ax_fault_result ax_addrspace_fault(struct ax_addrspace *as, ax_gpa_t addr, ax_flags_t access)
{
	enum ax_fault_result result;

	if (!ax_addrspace_live(as))
		return AX_FAULT_FAILED;
	if (ax_guard_shared(&as->guard))
		return fault_shared(as, addr.raw, access);
	ax_guard_enter_alone();
	result = serve(as, addr.raw, access, &as->alone);
	ax_guard_leave_alone();
	return result;
}

bool ax_addrspace_handle_page_fault(struct ax_addrspace *as, ax_gpa_t addr, ax_flags_t access)
{
	return ax_addrspace_fault(as, addr, access) == AX_FAULT_HANDLED;
}
