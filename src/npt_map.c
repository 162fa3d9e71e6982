/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entering leaves: linear maps, single pages of faults.
 *
 * In the model, tests/spin/guard.pml, link_table() and the leaf after it are enter_page()
 * (BREAK_LINK_BY_STORE), and ax_npt_install() is the compare-and-swap of Cpu.
 */
#include "npt.h"

#include "mem.h"
#include "npt_entry.h"

/* The highest level at which a leaf can begin at @gpa and @hpa and end at or before @last. */
static unsigned best_level(const struct ax_npt *npt, uint64_t gpa, uint64_t hpa, uint64_t last)
{
	unsigned level = npt->leaf_level_max;

	for (; level != 0; level--) {
		uint64_t span = ax_npt_span(npt, level);

		if (((gpa | hpa) & span) == 0 && last - gpa >= span)
			break;
	}
	return level;
}

/* How many leaves of @level fit from @gpa, to the end of their table. */
static size_t leaves_at(const struct ax_npt *npt, uint64_t gpa, unsigned level, uint64_t last)
{
	size_t left = ax_npt_entries(npt, level) - ax_npt_index(npt, gpa, level);
	uint64_t fit = ((last - gpa - ax_npt_span(npt, level)) >> ax_npt_shift(npt, level)) + 1;

	return fit < left ? (size_t)fit : left;
}

/* Whether a table of @level that covers @gpa has its first byte at @gpa. */
static bool begins_table(const struct ax_npt *npt, uint64_t gpa, unsigned level)
{
	return (gpa & ax_npt_span(npt, level + 1)) == 0;
}

size_t ax_npt_enter_needs(const struct ax_npt *npt, uint64_t first, uint64_t last, uint64_t hpa)
{
	uint64_t gpa = first;
	size_t needs = 0;

	for (;;) {
		unsigned level = best_level(npt, gpa, hpa + (gpa - first), last);
		uint64_t bytes = (uint64_t)leaves_at(npt, gpa, level, last)
				 << ax_npt_shift(npt, level);
		unsigned have = level;
		uint64_t *slot;

		(void)ax_npt_walk(npt, gpa, &have, &slot);
		/* A missing table is counted where the range first comes into it. */
		for (unsigned missing = level; missing < have; missing++)
			needs += gpa == first || begins_table(npt, gpa, missing);
		if (last - gpa < bytes)
			return needs;
		gpa += bytes;
	}
}

/* A frame for a table, of undefined contents. */
static uint64_t *get_table(struct ax_pool *pool, uint64_t *hpa)
{
	struct ax_pool_frame *frame = ax_pool_take(pool);

	*hpa = frame->hpa;
	return (uint64_t *)(void *)frame;
}

/*
 * Link a table under a zero slot. A neighbour's fault may link one there at the same moment, so this
 * is a compare-and-swap, and the loser's frame goes to the pool.
 *
 * Return: whether @table is linked.
 */
static bool link_table(struct ax_npt *npt, uint64_t *slot, uint64_t *table, uint64_t hpa,
		       struct ax_pool *pool)
{
	uint64_t expected = 0;

	if (ax_npt_replace(slot, &expected, ax_npt_table_entry(npt, hpa))) {
		ax_npt_count(&npt->table_frames, 1);
		return true;
	}
	ax_pool_put(pool, table, hpa);
	return false;
}

/* The slot for @gpa in the table of @level, linking the tables above it that are missing. NULL: there is a
 * leaf above where a region is free, so the table is damaged. */
static uint64_t *slot_at(struct ax_npt *npt, uint64_t gpa, unsigned level, struct ax_pool *pool)
{
	for (;;) {
		unsigned at = level;
		uint64_t *slot;
		uint64_t entry = ax_npt_walk(npt, gpa, &at, &slot);
		uint64_t *table;
		uint64_t hpa;

		if (at == level)
			return slot;
		if (entry != 0)
			return NULL;
		table = get_table(pool, &hpa);
		memset(table, 0, AX_PAGE_SIZE_4K);
		(void)link_table(npt, slot, table, hpa, pool);
	}
}

/* Enter @count leaves in one table, which is filled before it is linked when it is new. */
static void enter_run(struct ax_npt *npt, uint64_t gpa, size_t count, unsigned level,
		      uint64_t entry, struct ax_pool *pool)
{
	size_t index = ax_npt_index(npt, gpa, level);
	uint64_t *slot;

	if (level + 1u != npt->levels) {
		slot = slot_at(npt, gpa, level + 1, pool);
		if (slot && ax_npt_load(slot) == 0) {
			uint64_t hpa;
			uint64_t *table = get_table(pool, &hpa);

			if (count != ax_npt_entries(npt, level))
				memset(table, 0, AX_PAGE_SIZE_4K);
			ax_npt_fill(npt, &table[index], count, entry, level);
			if (link_table(npt, slot, table, hpa, pool))
				return;
		}
	}
	slot = slot_at(npt, gpa, level, pool);
	if (slot)
		ax_npt_fill(npt, slot, count, entry, level);
}

void ax_npt_enter(struct ax_npt *npt, uint64_t first, uint64_t last, uint64_t hpa, uint64_t attr,
		  struct ax_pool *pool)
{
	uint64_t gpa = first;

	for (;;) {
		uint64_t to = hpa + (gpa - first);
		unsigned level = best_level(npt, gpa, to, last);
		size_t count = leaves_at(npt, gpa, level, last);
		uint64_t bytes = (uint64_t)count << ax_npt_shift(npt, level);

		enter_run(npt, gpa, count, level, ax_npt_leaf_entry(npt, attr, to, level), pool);
		if (last - gpa < bytes)
			break;
		gpa += bytes;
	}
	/* Tables were linked: by this, or by a fault, which tells its own CPU alone. */
	ax_tlb_publish(npt, first, last, true, true);
}

ax_error_t ax_npt_branch_grow(const struct ax_npt *npt, struct ax_npt_branch *branch,
			      unsigned count)
{
	while (branch->count < count) {
		uint64_t hpa;
		ax_error_t error = ax_pool_get(npt->hpa_bits, &hpa);

		if (error != AX_OK)
			return error;
		memset(ax_npt_virt(npt, hpa), 0, AX_PAGE_SIZE_4K);
		branch->hpa[branch->count++] = hpa;
	}
	return AX_OK;
}

void ax_npt_branch_free(struct ax_npt_branch *branch)
{
	while (branch->count != 0)
		ax_memory_api()->dealloc_frame(ax_hpa(branch->hpa[--branch->count]));
}

bool ax_npt_install(const struct ax_npt *npt, uint64_t *slot, unsigned level, uint64_t gpa,
		    uint64_t entry, struct ax_npt_branch *branch)
{
	uint64_t expected = 0;
	uint64_t *branch_slot[AX_NPT_LEVELS_MAX];

	/* From the page up; the tables that are taken are the last ones of the branch. */
	for (unsigned at = 0; at < level; at++) {
		uint64_t hpa = branch->hpa[branch->count - 1 - at];
		uint64_t *table = ax_npt_virt(npt, hpa);

		branch_slot[at] = &table[ax_npt_index(npt, gpa, at)];
		ax_npt_put(branch_slot[at], entry);
		entry = ax_npt_table_entry(npt, hpa);
	}
	if (ax_npt_replace(slot, &expected, entry)) {
		branch->count -= level;
		return true;
	}
	/* Another CPU was faster. The tables are zero again, for the next try. */
	for (unsigned at = 0; at < level; at++)
		ax_npt_put(branch_slot[at], 0);
	return false;
}
