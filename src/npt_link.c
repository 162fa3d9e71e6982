/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables from the pool into the tree, and what they are filled with.
 *
 * In the model, tests/spin/guard.pml, ax_npt_table_link() and the leaf after it are enter_page()
 * (BREAK_LINK_BY_STORE).
 */
#include "npt_link.h"

#include "mem.h"
#include "npt_entry.h"

uint64_t *ax_npt_table_get(struct ax_pool *pool, uint64_t *hpa)
{
	struct ax_pool_frame *frame = ax_pool_take(pool);

	*hpa = frame->hpa;
	return (uint64_t *)(void *)frame;
}

/* A neighbour's fault may link a table there at the same moment, so this is a compare-and-swap. */
bool ax_npt_table_link(struct ax_npt *npt, uint64_t *slot, uint64_t *table, uint64_t hpa,
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

uint64_t *ax_npt_slot_at(struct ax_npt *npt, uint64_t gpa, unsigned level, struct ax_pool *pool)
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
		table = ax_npt_table_get(pool, &hpa);
		memset(table, 0, AX_PAGE_SIZE_4K);
		(void)ax_npt_table_link(npt, slot, table, hpa, pool);
	}
}

static inline void put_pair(uint64_t *slot, uint64_t even, uint64_t odd)
{
	ax_npt_put(&slot[0], even);
	ax_npt_put(&slot[1], odd);
}

/*
 * What a leaf of a contiguous map costs is an addition and a store. A cache line at a time, in two series that do
 * not wait for one another: one series takes 1.7 times as long where a CPU stores twice in a cycle, since an
 * addition takes one. The table that comes next is in no cache, and each table is a page of its own, at which
 * CPUs stop to look ahead by themselves: asked for meanwhile, it costs nothing when its turn comes.
 */
void ax_npt_fill(const struct ax_npt *npt, uint64_t *slot, size_t count, uint64_t entry,
		 unsigned level, const uint64_t *ahead)
{
	const uint64_t step = (ax_npt_span(npt, level) + 1) >> npt->format->address_shift;
	const uint64_t two = 2 * step;
	uint64_t odd = entry + step;
	size_t i = 0;

	while (count - i >= 8) {
		__builtin_prefetch(&ahead[i], 1);
		put_pair(&slot[i], entry, odd);
		put_pair(&slot[i + 2], entry + two, odd + two);
		put_pair(&slot[i + 4], entry + 2 * two, odd + 2 * two);
		put_pair(&slot[i + 6], entry + 3 * two, odd + 3 * two);
		entry += 4 * two;
		odd += 4 * two;
		i += 8;
	}
	for (; i < count; i++, entry += step)
		ax_npt_put(&slot[i], entry);
}
