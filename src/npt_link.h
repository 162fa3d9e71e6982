/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linking tables: what a map and a split share. The caller is the writer; faults of neighbours run beside it and may link a table in the same moment.
 */
#ifndef AX_SRC_NPT_LINK_H
#define AX_SRC_NPT_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <axvisor/npt.h>

#include "pool.h"

#pragma GCC visibility push(hidden)

/**
 * ax_npt_table_get() - A frame for a table.
 * @pool: Where from; not empty.
 * @hpa: Set to its address.
 *
 * Return: the frame, of undefined contents.
 */
uint64_t *ax_npt_table_get(struct ax_pool *pool, uint64_t *hpa);

/**
 * ax_npt_table_link() - Link a table under a slot that was zero.
 * @slot: Where.
 * @table: Filled; when a fault was faster, it goes to the pool.
 * @hpa: Its address.
 * @pool: Any.
 *
 * Return: whether @table is linked.
 */
bool ax_npt_table_link(struct ax_npt *npt, uint64_t *slot, uint64_t *table, uint64_t hpa,
		       struct ax_pool *pool);

/**
 * ax_npt_slot_at() - The slot for @gpa in the table of @level, linking the tables above it that are missing.
 * @pool: Holds as many as are missing.
 *
 * The slot is good until the writer kills the table that it is in: faults free none.
 *
 * Return: the slot; NULL: a leaf lies above where a region is free, so the table is damaged.
 */
uint64_t *ax_npt_slot_at(struct ax_npt *npt, uint64_t gpa, unsigned level, struct ax_pool *pool);

/**
 * ax_npt_fill() - Store leaves, each of which maps what comes after the one before it.
 * @slot: Where the first goes.
 * @count: How many.
 * @entry: The first.
 * @level: Their level.
 * @ahead: Memory of as many entries that is written to next: what is at hand, when there is none.
 */
void ax_npt_fill(const struct ax_npt *npt, uint64_t *slot, size_t count, uint64_t entry,
		 unsigned level, const uint64_t *ahead);

#pragma GCC visibility pop

#endif /* AX_SRC_NPT_LINK_H */
