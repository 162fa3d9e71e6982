/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Populating: all of an empty range backed with zeroed memory of the space's own, or nothing of it.
 *
 * It needs too many frames to count them first, and beside it faults of other regions go on, in tables that
 * both need. So everything is built where nobody sees it, and shown when nothing can fail any more:
 *
 *   in a table that is there    leaves, and tables that are missing below it, are staged: entries that
 *                               hardware and software pass by. A store shows each.
 *   a missing table that a      is kept aside. Staged, it would hide the neighbour's pages; linked, it could
 *   neighbour may need too      not be taken back, since a fault may have entered something by then. A
 *                               compare-and-swap grafts it. Where a fault has linked a table meanwhile, what
 *                               is in ours moves into theirs, for which no memory is needed.
 *
 * What is below a table that nobody sees is entered as it will be. On failure all of it is freed.
 *
 * In the model, tests/spin/guard.pml, this is populate_page(): BREAK_GRAFT_BY_STORE. They change together.
 */
#include "npt.h"

#include "compiler.h"
#include "mem.h"
#include "npt_entry.h"

/*
 * A table that a neighbour may need too, with all below it, and the zero slot where it belongs. Such a table
 * reaches across an end of the window, and its parent is there: two at most, one for each end.
 */
struct graft {
	uint64_t *slot;
	uint64_t hpa;
	unsigned level; /* of the table */
};

struct populate {
	struct ax_npt *npt;
	uint64_t attr;
	uint64_t lo; /* the window around the range that no region touches */
	uint64_t hi;
	uint64_t end; /* before it, something may be staged */
	struct graft graft[2];
	unsigned grafts;
};

/* Where an entry goes: in everybody's sight, or below a table that nobody sees. */
struct place {
	uint64_t *slot;
	bool hidden;
};

/* Whether the table of @level that covers @gpa serves nothing but the window. */
static bool is_lone(const struct populate *populate, uint64_t gpa, unsigned level)
{
	uint64_t span = ax_npt_span(populate->npt, level + 1);

	return (gpa & ~span) >= populate->lo && (gpa | span) <= populate->hi;
}

/* Enter what hardware may see at once where nobody sees it, and staged where it would. */
static void enter(const struct ax_npt *npt, const struct place *place, uint64_t entry)
{
	if (place->hidden)
		ax_npt_put(place->slot, entry);
	else
		ax_npt_put(place->slot, ax_npt_hide(npt, entry, AX_NPT_STAGED));
}

/*
 * Keep a table aside that a neighbour may need. It reaches across an end of the window, and no other one that is
 * kept does at that end: of the two ends there are two at most.
 */
static void keep_aside(struct populate *populate, uint64_t *slot, uint64_t hpa, unsigned level)
{
	/* The analyzer does not see how many ends there are. NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign) */
	populate->graft[populate->grafts++] = (struct graft){slot, hpa, level};
}

/*
 * Make the table of @level that covers @gpa.
 *
 * @place: Its slot. Then hidden, as what is below it.
 * @filled: All its entries will be stored, so that they need not be zero.
 * @table: Where the host sees it.
 */
static ax_error_t make_table(struct populate *populate, uint64_t gpa, unsigned level, bool filled,
			     struct place *place, uint64_t **table)
{
	struct ax_npt *npt = populate->npt;
	uint64_t hpa;
	ax_error_t error = ax_pool_get(npt->hpa_bits, &hpa);

	if (error != AX_OK)
		return error;
	*table = ax_npt_virt(npt, hpa);
	if (!filled)
		memset(*table, 0, AX_PAGE_SIZE_4K);
	ax_npt_count(&npt->table_frames, 1);
	if (place->hidden || is_lone(populate, gpa, level))
		enter(npt, place, ax_npt_table_entry(npt, hpa));
	else
		keep_aside(populate, place->slot, hpa, level);
	place->hidden = true;
	return AX_OK;
}

/* What is in a slot, or is kept aside for it. */
static uint64_t look(const struct populate *populate, struct place *place)
{
	const struct ax_npt *npt = populate->npt;
	uint64_t entry = ax_npt_load(place->slot);

	if (place->hidden)
		return entry;
	for (unsigned i = 0; entry == 0 && i < populate->grafts; i++) {
		if (populate->graft[i].slot == place->slot) {
			entry = ax_npt_table_entry(npt, populate->graft[i].hpa);
			place->hidden = true;
		}
	}
	if (entry != 0 && !ax_npt_present(npt, entry))
		place->hidden = true;
	return entry;
}

/*
 * Go down to the slot for @gpa in the table of @level, and make the tables that are missing.
 *
 * @filled: All entries of the lowest one will be stored.
 */
static ax_error_t reach(struct populate *populate, uint64_t gpa, unsigned level, bool filled,
			struct place *place)
{
	const struct ax_npt *npt = populate->npt;
	uint64_t *table = npt->root;

	place->hidden = false;
	for (unsigned at = npt->levels - 1u; at > level; at--) {
		uint64_t entry;

		place->slot = &table[ax_npt_index(npt, gpa, at)];
		entry = look(populate, place);
		if (entry == 0) {
			ax_error_t error = make_table(populate, gpa, at - 1,
						      filled && at - 1 == level, place, &table);

			if (error != AX_OK)
				return error;
			populate->end = (gpa | ax_npt_span(npt, 0)) + 1;
		} else if (ax_npt_is_table(npt, entry, at)) {
			table = ax_npt_virt(npt, ax_npt_address(npt, entry));
		} else {
			/* A leaf above where a region is free: the table is damaged. */
			return AX_ESTATE;
		}
	}
	place->slot = &table[ax_npt_index(npt, gpa, level)];
	return AX_OK;
}

/* A zeroed block for a leaf of level 1. False: there is none to be had. */
static bool get_block(const struct ax_npt *npt, uint64_t *hpa)
{
	size_t size = (size_t)ax_npt_span(npt, 1) + 1;
	size_t frames = size / AX_PAGE_SIZE_4K;
	ax_hpa_t block = ax_memory_api()->alloc_contiguous_frames(frames, size);

	if (ax_hpa_is_none(block))
		return false;
	if (!ax_hpa_is_aligned(block, size) || !ax_npt_hpa_fits(npt, block.raw, size)) {
		ax_memory_api()->dealloc_contiguous_frames(block, frames);
		return false;
	}
	memset(ax_npt_virt(npt, block.raw), 0, size);
	*hpa = block.raw;
	return true;
}

/* Back what one level-1 entry maps with a block. False: it takes pages, or fails with them as well. */
static bool stage_block(struct populate *populate, uint64_t gpa)
{
	struct ax_npt *npt = populate->npt;
	size_t frames = (size_t)(ax_npt_span(npt, 1) + 1) / AX_PAGE_SIZE_4K;
	uint64_t attr = populate->attr | npt->format->kind[AX_NPT_BLOCK];
	struct place place;
	uint64_t hpa;

	if (!get_block(npt, &hpa))
		return false;
	if (reach(populate, gpa, 1, false, &place) != AX_OK) {
		ax_memory_api()->dealloc_contiguous_frames(ax_hpa(hpa), frames);
		return false;
	}
	enter(npt, &place, ax_npt_leaf_entry(npt, attr, hpa, 1));
	ax_npt_count(&npt->owned_frames, frames);
	return true;
}

/*
 * Store @count leaves of zeroed pages, of which @bits is all but the address. What a page costs beside its zeroing
 * is the call of the port's allocator, one comparison and one store: all else is found out before.
 *
 * Two pages a turn take three quarters of the time of one. Instructions are not what it takes, but branches that are
 * taken: a CPU follows few of them at once, and call, return and the end of a turn are three.
 *
 * Return: how many; fewer when *error is set.
 */
static size_t stage_frames(const struct ax_npt *npt, uint64_t *slot, size_t count, uint64_t bits,
			   ax_error_t *error)
{
	ax_hpa_t (*const alloc_frame)(void) = ax_memory_api()->alloc_frame;
	const unsigned address_shift = npt->format->address_shift;
	const uint64_t unfit = npt->unfit;
	size_t i;

#pragma GCC unroll 2
	for (i = 0; i < count; i++) {
		ax_hpa_t frame = alloc_frame();

		if ((frame.raw & unfit) != 0) {
			*error = ax_pool_refuse(frame);
			break;
		}
		memset(ax_npt_virt(npt, frame.raw), 0, AX_PAGE_SIZE_4K);
		ax_npt_put(&slot[i], bits | frame.raw >> address_shift);
	}
	return i;
}

/* Back what one level-1 entry maps, or a part of it, page by page. */
static ax_error_t stage_pages(struct populate *populate, uint64_t gpa, size_t count)
{
	struct ax_npt *npt = populate->npt;
	const uint64_t attr = populate->attr | npt->format->kind[AX_NPT_OWNED];
	const bool filled = count == ax_npt_entries(npt, 0);
	struct place place;
	ax_error_t error = reach(populate, gpa, 0, filled, &place);
	uint64_t bits = ax_npt_leaf_entry(npt, attr, 0, 0);
	size_t got;

	if (error != AX_OK)
		return error;
	populate->end = gpa + ((uint64_t)count << npt->format->page_shift);
	if (!place.hidden)
		bits = ax_npt_hide(npt, bits, AX_NPT_STAGED);
	got = stage_frames(npt, place.slot, count, bits, &error);
	if (filled)
		memset(&place.slot[got], 0, (count - got) * sizeof(*place.slot));
	ax_npt_count(&npt->owned_frames, got);
	return error;
}

/* Back the whole range where nobody sees it. On an error some of it is. */
static ax_error_t stage(struct populate *populate, uint64_t first, uint64_t last)
{
	const struct ax_npt *npt = populate->npt;
	const uint64_t span = ax_npt_span(npt, 1);
	uint64_t gpa = first;

	for (;;) {
		uint64_t to = (gpa | span) < last ? gpa | span : last;
		ax_error_t error = AX_OK;

		if (to - gpa != span || !stage_block(populate, gpa)) {
			size_t pages = (size_t)((to - gpa) >> npt->format->page_shift) + 1;

			error = stage_pages(populate, gpa, pages);
		}
		if (error != AX_OK)
			return error;
		populate->end = to + 1;
		if (to == last)
			return AX_OK;
		gpa = to + 1;
	}
}

/* Take back what was staged. Nobody saw it, so there is nothing to flush, and nobody to wait for. */
AX_SELDOM static void undo(struct populate *populate, uint64_t first)
{
	if (populate->end != first)
		ax_npt_sweep(populate->npt, first, populate->end - 1, true);
	while (populate->grafts != 0) {
		const struct graft *graft = &populate->graft[--populate->grafts];

		ax_npt_free_tables(populate->npt, graft->hpa, graft->level, true);
	}
}

/*
 * Move what is in a graft into the table that a fault has linked in its place. Where both have a table, it
 * reaches across the same end of the window: what is left to graft.
 */
AX_SELDOM static void merge(struct populate *populate, const struct graft *graft, uint64_t entry)
{
	struct ax_npt *npt = populate->npt;
	const uint64_t *ours = ax_npt_virt(npt, graft->hpa);
	uint64_t *theirs = ax_npt_virt(npt, ax_npt_address(npt, entry));

	for (size_t i = 0; i < ax_npt_entries(npt, graft->level); i++) {
		uint64_t expected = 0;

		entry = ax_npt_load(&ours[i]);
		if (entry != 0 && !ax_npt_replace(&theirs[i], &expected, entry))
			keep_aside(populate, &theirs[i], ax_npt_address(npt, entry),
				   graft->level - 1);
	}
	ax_memory_api()->dealloc_frame(ax_hpa(graft->hpa));
	ax_npt_uncount(&npt->table_frames, 1);
}

static void link_grafts(struct populate *populate)
{
	const struct ax_npt *npt = populate->npt;

	while (populate->grafts != 0) {
		const struct graft graft = populate->graft[--populate->grafts];
		uint64_t there = 0;

		if (!ax_npt_replace(graft.slot, &there, ax_npt_table_entry(npt, graft.hpa)))
			merge(populate, &graft, there);
	}
}

ax_error_t ax_npt_populate(struct ax_npt *npt, uint64_t first, uint64_t last, uint64_t lo,
			   uint64_t hi, uint64_t attr)
{
	struct populate populate = {.npt = npt, .attr = attr, .lo = lo, .hi = hi, .end = first};
	ax_error_t error = stage(&populate, first, last);

	if (error != AX_OK) {
		undo(&populate, first);
		return error;
	}
	ax_npt_reveal(npt, first, last);
	link_grafts(&populate);
	/* Tables were linked: by this, or by a fault, which tells its own CPU alone. */
	ax_tlb_publish(npt, first, last, true);
	return AX_OK;
}
