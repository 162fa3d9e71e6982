/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entering leaves: linear maps, single pages of faults.
 *
 * In the model, tests/spin/guard.pml, enter_table() is enter_page(), and ax_npt_install() is the
 * compare-and-swap of Cpu.
 */
#include "npt.h"

#include "mem.h"
#include "npt_entry.h"
#include "npt_link.h"

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

/* Tables that the leaves of [@first, @last] need below the entries of @top, all of which are zero. */
static size_t tables_below(const struct ax_npt *npt, uint64_t first, uint64_t last, unsigned top,
			   unsigned leaf_level)
{
	size_t tables = 0;

	for (unsigned level = 1; level <= top; level++) {
		uint64_t span = ax_npt_span(npt, level);
		uint64_t apart =
			(last >> ax_npt_shift(npt, level)) - (first >> ax_npt_shift(npt, level));
		bool cut_first = (first & span) != 0;
		bool cut_last = (last & span) != span;

		/* Where no leaf can be, each entry that is touched; else those that are cut. */
		if (level > leaf_level)
			tables += (size_t)apart + 1;
		else if (apart == 0)
			tables += cut_first || cut_last;
		else
			tables += (size_t)cut_first + cut_last;
	}
	return tables;
}

/* How many slots of a run lead to no table: what is there is to come. */
static size_t zero_slots(const struct ax_npt *npt, const struct ax_npt_run *run)
{
	size_t i = 0;

	while (i < run->count && !ax_npt_leads(npt, ax_npt_load(&run->slot[i]), run->level))
		i++;
	return i;
}

size_t ax_npt_enter_needs(const struct ax_npt *npt, uint64_t first, uint64_t last, uint64_t hpa)
{
	unsigned leaf_level = npt->leaf_level_max;
	uint64_t gpa = first;
	struct ax_npt_run run;
	size_t needs = 0;
	size_t passed;

	while (((first ^ hpa) & ax_npt_span(npt, leaf_level)) != 0)
		leaf_level--;
	do {
		uint64_t end;

		run = ax_npt_run_at(npt, gpa, last);
		passed = zero_slots(npt, &run);
		end = run.gpa + (((uint64_t)passed << ax_npt_shift(npt, run.level)) - 1);
		if (passed != 0)
			needs += tables_below(npt, gpa, end < last ? end : last, run.level,
					      leaf_level);
	} while (ax_npt_run_pass(npt, &run, passed, &gpa, last));
	return needs;
}

/*
 * struct above - The table that tables are being linked in: found once for all of them. Nobody but the
 * writer, who is here, frees it.
 * @table: Its entries.
 * @level: Their level; 0: none was found yet.
 * @last: The last byte that is certain to be below it.
 */
struct above {
	uint64_t *table;
	unsigned level;
	uint64_t last;
};

/* The slot for @gpa of the table of @level, which holds tables; @gpa goes up from call to call. NULL: a leaf
 * lies above. */
static uint64_t *slot_above(struct ax_npt *npt, struct above *above, uint64_t gpa, unsigned level,
			    struct ax_pool *pool)
{
	size_t index = ax_npt_index(npt, gpa, level);

	if (above->level != level || gpa > above->last) {
		uint64_t *slot = ax_npt_slot_at(npt, gpa, level, pool);

		if (!slot)
			return NULL;
		above->table = slot - index;
		above->level = level;
		above->last = gpa | ax_npt_span(npt, level + 1);
	}
	return &above->table[index];
}

/*
 * Enter @count leaves in a new table, which is filled before it is linked.
 *
 * Return: false when a fault linked one first: nothing was entered.
 */
static bool enter_table(struct ax_npt *npt, uint64_t *slot, size_t index, size_t count,
			unsigned level, uint64_t entry, struct ax_pool *pool)
{
	const struct ax_pool_frame *next;
	uint64_t hpa;
	uint64_t *table = ax_npt_table_get(pool, &hpa);

	if (count != ax_npt_entries(npt, level))
		memset(table, 0, AX_PAGE_SIZE_4K);
	next = ax_pool_next(pool);
	ax_npt_fill(npt, &table[index], count, entry, level,
		    next ? (const uint64_t *)(const void *)next : table);
	return ax_npt_table_link(npt, slot, table, hpa, pool);
}

/* Enter @count leaves in one table, which may be there or not. */
static void enter_run(struct ax_npt *npt, struct above *above, uint64_t gpa, size_t count,
		      unsigned level, uint64_t entry, struct ax_pool *pool)
{
	size_t index = ax_npt_index(npt, gpa, level);
	uint64_t *table = npt->root;

	if (level + 1u != npt->levels) {
		uint64_t *slot = slot_above(npt, above, gpa, level + 1, pool);
		uint64_t leads;

		if (!slot)
			return;
		if (ax_npt_load(slot) == 0 &&
		    enter_table(npt, slot, index, count, level, entry, pool))
			return;
		leads = ax_npt_load(slot);
		/* A leaf where a region is free: the table is damaged. */
		if (!ax_npt_leads(npt, leads, level + 1))
			return;
		table = ax_npt_virt(npt, ax_npt_address(npt, leads));
	}
	ax_npt_fill(npt, &table[index], count, entry, level, &table[index]);
}

void ax_npt_enter(struct ax_npt *npt, uint64_t first, uint64_t last, uint64_t hpa, uint64_t attr,
		  struct ax_pool *pool)
{
	struct above above = {.level = 0};
	uint64_t gpa = first;

	for (;;) {
		uint64_t to = hpa + (gpa - first);
		unsigned level = best_level(npt, gpa, to, last);
		size_t count = leaves_at(npt, gpa, level, last);
		uint64_t bytes = (uint64_t)count << ax_npt_shift(npt, level);

		enter_run(npt, &above, gpa, count, level, ax_npt_leaf_entry(npt, attr, to, level),
			  pool);
		if (last - gpa < bytes)
			break;
		gpa += bytes;
	}
	/* Tables were linked: by this, or by a fault, which tells its own CPU alone. */
	ax_tlb_publish(npt, first, last, true);
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
