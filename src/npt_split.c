/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Splitting live leaves: a table of smaller ones in the place of one that lies across the end of a range.
 *
 * It is the same three stores as those of a protect, one level up, and is not modelled in tests/spin/guard.pml.
 */
#include "npt.h"

#include "npt_entry.h"
#include "npt_link.h"

/* The level of the leaf around @gpa, or 0 when nothing there can be split. */
static unsigned leaf_level(const struct ax_npt *npt, uint64_t gpa)
{
	unsigned level;

	return ax_npt_lookup(npt, gpa, &level) != 0 ? level : 0;
}

size_t ax_npt_split_needs(const struct ax_npt *npt, uint64_t first, uint64_t last)
{
	/* A cut at the end of the address space cuts nothing; as a number it is 0, which is aligned. */
	uint64_t end = last + 1;
	unsigned first_level = leaf_level(npt, first);
	unsigned last_level = leaf_level(npt, last);
	size_t needs = 0;

	for (unsigned at = 1; at <= first_level || at <= last_level; at++) {
		uint64_t span = ax_npt_span(npt, at);
		bool cut_first = at <= first_level && (first & span) != 0;
		bool cut_last = at <= last_level && (end & span) != 0;

		/* Both ends in one leaf: what both go through is split once. */
		if (cut_first && cut_last && (first ^ last) <= span)
			needs++;
		else
			needs += (size_t)cut_first + cut_last;
	}
	return needs;
}

/*
 * The leaf @entry of @level as a table of leaves one level lower, which map the same in the same way: all but the
 * type stays.
 */
static void fill_split(const struct ax_npt *npt, uint64_t *table, uint64_t entry, unsigned level)
{
	const uint64_t *type = npt->format->leaf;
	uint64_t first = (entry & ~type[1]) | type[level != 1];

	ax_npt_fill(npt, table, ax_npt_entries(npt, level - 1), first, level - 1, table);
}

/*
 * Put a table in the place of a live leaf, built whole aside.
 *
 * With break-before-make: break, flush, make (Arm ARM D8.16.1, "Using break-before-make when updating
 * translation table entries": the size of a translation changes). Without: one store, since Intel, AMD
 * and RISC-V allow that either translation is used until the flush at the end of the operation; both
 * say the same. The loop is for hardware that sets accessed and dirty bits meanwhile.
 */
static void split_leaf(struct ax_npt *npt, uint64_t *slot, unsigned level, uint64_t gpa,
		       struct ax_pool *pool, struct ax_tlb_gather *gather)
{
	struct ax_pool_frame *frame = ax_pool_take(pool);
	uint64_t hpa = frame->hpa;
	uint64_t *table = (uint64_t *)(void *)frame;
	uint64_t table_entry = ax_npt_table_entry(npt, hpa);
	uint64_t first = gpa & ~ax_npt_span(npt, level);
	uint64_t last = gpa | ax_npt_span(npt, level);
	uint64_t entry = ax_npt_load(slot);
	uint64_t next;

	do {
		fill_split(npt, table, entry, level);
		next = npt->format->break_before_make ? ax_npt_hide(npt, entry, AX_NPT_BROKEN)
						      : table_entry;
	} while (!ax_npt_replace(slot, &entry, next));
	if (npt->format->break_before_make) {
		struct ax_tlb_gather broken;

		ax_tlb_gather_init(&broken);
		ax_tlb_gather_add(&broken, first, last, ax_npt_shift(npt, level));
		ax_tlb_flush(npt, &broken);
		ax_npt_store(slot, table_entry);
		ax_tlb_publish(npt, first, last, true);
	} else {
		ax_tlb_gather_add_table(gather, first, last, ax_npt_shift(npt, level - 1));
	}
	ax_npt_count(&npt->table_frames, 1);
	ax_npt_count(&npt->splits, 1);
}

static void split_at(struct ax_npt *npt, uint64_t cut, uint64_t inside, struct ax_pool *pool,
		     struct ax_tlb_gather *gather)
{
	for (;;) {
		unsigned level = 0;
		uint64_t *slot;
		uint64_t entry = ax_npt_live(npt, ax_npt_walk(npt, inside, &level, &slot));

		if (entry == 0 || (cut & ax_npt_span(npt, level)) == 0)
			return;
		split_leaf(npt, slot, level, inside, pool, gather);
	}
}

void ax_npt_split(struct ax_npt *npt, uint64_t first, uint64_t last, struct ax_pool *pool,
		  struct ax_tlb_gather *gather)
{
	split_at(npt, first, first, pool, gather);
	split_at(npt, last + 1, last, pool, gather);
}
