/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invalidation: a change gathers what it touched, and flushes once.
 *
 * Each architecture's rules are in its tlb.c; what every CPU has to be told goes to the port's
 * ax_tlb_invalidate() where the hardware does not broadcast.
 */
#ifndef AX_SRC_TLB_H
#define AX_SRC_TLB_H

#include <stdbool.h>
#include <stdint.h>

#include <axvisor/npt.h>

#include "cpu.h"

#pragma GCC visibility push(hidden)

/**
 * struct ax_tlb_gather - What a change has touched so far.
 * @first: First byte; above @last when nothing was touched.
 * @last: Last byte.
 * @page_shift: log2 of the smallest leaf touched.
 * @tables: Entries that lead to tables were changed: cached walks have to go.
 */
struct ax_tlb_gather {
	uint64_t first;
	uint64_t last;
	unsigned page_shift;
	bool tables;
};

/** ax_tlb_gather_init() - Nothing touched. */
void ax_tlb_gather_init(struct ax_tlb_gather *gather);

/**
 * ax_tlb_gather_add() - Leaf entries that hardware saw were changed.
 * @gather: What there is so far.
 * @first: First byte they map.
 * @last: Last byte.
 * @page_shift: log2 of the bytes that each maps.
 */
void ax_tlb_gather_add(struct ax_tlb_gather *gather, uint64_t first, uint64_t last,
		       unsigned page_shift);

/** ax_tlb_gather_add_table() - The same for an entry that leads, or led, to a table. */
void ax_tlb_gather_add_table(struct ax_tlb_gather *gather, uint64_t first, uint64_t last,
			     unsigned page_shift);

/**
 * ax_tlb_flush() - Invalidate what was gathered, everywhere; then nothing is gathered.
 * @npt: The table.
 * @gather: What was touched. Nothing: nothing is done.
 *
 * On return no CPU can use what the entries were before.
 */
void ax_tlb_flush(struct ax_npt *npt, struct ax_tlb_gather *gather);

/** ax_tlb_fence() - The part of ax_tlb_publish() for hardware that may remember invalid entries. */
void ax_tlb_fence(const struct ax_npt *npt, uint64_t first, uint64_t last, bool tables);

/**
 * ax_tlb_publish() - Entries went from zero to valid: let hardware see them, on all CPUs.
 * @npt: The table.
 * @first: First byte they map.
 * @last: Last byte.
 * @tables: New tables were linked.
 */
static inline void ax_tlb_publish(const struct ax_npt *npt, uint64_t first, uint64_t last,
				  bool tables)
{
	ax_cpu_tlb_publish();
	if (npt->fence)
		ax_tlb_fence(npt, first, last, tables);
}

/**
 * ax_tlb_publish_page() - The same of a page that a fault has backed.
 * @npt: The table.
 * @gpa: The page.
 * @tables: New tables were linked.
 *
 * The other CPUs need not be told of it where they cache invalid entries: one that still believes in the
 * invalid entry faults, finds it valid, and fences itself. Writes nothing that another CPU writes.
 */
static inline void ax_tlb_publish_page(const struct ax_npt *npt, uint64_t gpa, bool tables)
{
	ax_cpu_tlb_publish();
	if (npt->fence)
		ax_cpu_tlb_fence(npt, gpa, tables);
}

#pragma GCC visibility pop

#endif /* AX_SRC_TLB_H */
