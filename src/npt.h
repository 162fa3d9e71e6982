/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table engine: what an address space does to its table. It knows formats, frames and the TLB,
 * and nothing of regions.
 *
 * Ranges are [first, last], inclusive, page aligned, below 2^gpa_bits. Whoever calls a function that
 * changes entries is the one writer; faults run beside it. Each change comes in two steps: one that
 * says what it needs or gets it, and may fail with nothing changed, and one that acts and cannot.
 * ax_npt_populate() does both.
 *
 *   map      ax_npt_enter_needs, pool           ax_npt_enter
 *   fault    ax_npt_branch_grow                 ax_npt_install
 *   cut      ax_npt_split_needs, pool           ax_npt_split
 *   protect  (split)                            ax_npt_protect, flush, ax_npt_reveal
 *   unmap    (split)                            ax_npt_kill, flush, wait for readers, ax_npt_sweep
 */
#ifndef AX_SRC_NPT_H
#define AX_SRC_NPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <axvisor/npt.h>

#include "pool.h"
#include "tlb.h"

#pragma GCC visibility push(hidden)

/**
 * struct ax_npt_config - How a table is to be; members as in struct ax_addrspace_config.
 * @last: Last guest byte that it has to reach.
 */
struct ax_npt_config {
	enum ax_npt_format_id format;
	unsigned levels;
	unsigned gpa_bits;
	unsigned hpa_bits;
	unsigned granule_shift;
	unsigned tag;
	unsigned cpus;
	uint64_t features;
	bool direct_map;
	uint64_t direct_map_offset;
	uint64_t last;
};

/**
 * ax_npt_init() - Make an empty table.
 * @npt: The caller's memory.
 * @config: What is wanted.
 *
 * Return: see ax_addrspace_init(). On error nothing is held.
 */
AX_MUST_CHECK ax_error_t ax_npt_init(struct ax_npt *npt, const struct ax_npt_config *config);

/** ax_npt_destroy() - Give the root back. The table is empty. */
void ax_npt_destroy(struct ax_npt *npt);

/** ax_npt_hpa_fits() - Whether entries can hold every page of [@hpa, @hpa + @size - 1]; @size > 0. */
bool ax_npt_hpa_fits(const struct ax_npt *npt, uint64_t hpa, uint64_t size);

/**
 * ax_npt_encode() - What leaf entries of these flags have beside address and type.
 * @flags: Any value.
 * @attr: Set on AX_OK.
 *
 * Return: AX_OK; AX_EINVAL: unknown bits or no permission; AX_ENOTSUP: cannot be expressed.
 */
AX_MUST_CHECK ax_error_t ax_npt_encode(const struct ax_npt *npt, ax_flags_t flags, uint64_t *attr);

/** ax_npt_restricts_user() - Whether AX_USER counts: a feature that can was asked for. */
bool ax_npt_restricts_user(const struct ax_npt *npt);

/**
 * ax_npt_enter_needs() - Tables that ax_npt_enter() will link at most. Exact when no fault meanwhile
 * links one of them first.
 */
size_t ax_npt_enter_needs(const struct ax_npt *npt, uint64_t first, uint64_t last, uint64_t hpa);

/**
 * ax_npt_enter() - Map an empty range to contiguous host memory, with the largest pages that fit.
 * @hpa: Host address of @first; fits.
 * @attr: From ax_npt_encode().
 * @pool: Holds what ax_npt_enter_needs() said.
 */
void ax_npt_enter(struct ax_npt *npt, uint64_t first, uint64_t last, uint64_t hpa, uint64_t attr,
		  struct ax_pool *pool);

/**
 * ax_npt_populate() - Back all of an empty range with zeroed memory of the space's own, or nothing of it.
 * @lo: First byte of the window around the range that no region touches.
 * @hi: Last byte of the window.
 * @attr: From ax_npt_encode().
 *
 * Return: AX_OK; AX_ENOMEM, AX_ERANGE: as ax_pool_get(); nothing changed.
 */
AX_MUST_CHECK ax_error_t ax_npt_populate(struct ax_npt *npt, uint64_t first, uint64_t last,
					 uint64_t lo, uint64_t hi, uint64_t attr);

/**
 * ax_npt_reveal() - Let hardware see every leaf in a range that was broken, and every leaf or table that
 * was staged. What it becomes is told by ax_tlb_publish().
 */
void ax_npt_reveal(const struct ax_npt *npt, uint64_t first, uint64_t last);

/**
 * struct ax_npt_branch - Zeroed tables that a fault has got so far; {0} is none.
 * @hpa: Their addresses.
 * @count: How many.
 */
struct ax_npt_branch {
	uint64_t hpa[AX_NPT_LEVELS_MAX];
	unsigned count;
};

/** ax_npt_branch_grow() - Bring a branch to @count tables. Return: as ax_pool_get(). */
AX_MUST_CHECK ax_error_t ax_npt_branch_grow(const struct ax_npt *npt, struct ax_npt_branch *branch,
					    unsigned count);

/** ax_npt_branch_free() - Give its tables back. */
void ax_npt_branch_free(struct ax_npt_branch *branch);

/**
 * ax_npt_install() - Link one page, with the tables above it that are missing, by one store.
 * @slot: The zero entry at @level that was found for @gpa.
 * @level: As many tables as this are used.
 * @entry: The leaf.
 * @branch: Holds @level tables or more; on success they are the table's.
 *
 * Return: false when the slot is not zero any more: nothing changed.
 */
bool ax_npt_install(const struct ax_npt *npt, uint64_t *slot, unsigned level, uint64_t gpa,
		    uint64_t entry, struct ax_npt_branch *branch);

/** ax_npt_split_needs() - Tables that cutting at both ends of [@first, @last] takes. Exact. */
size_t ax_npt_split_needs(const struct ax_npt *npt, uint64_t first, uint64_t last);

/**
 * ax_npt_split() - Split every leaf that lies across an end of [@first, @last].
 * @pool: Holds what ax_npt_split_needs() said.
 * @gather: What was split; where the format wants break-before-make it has been flushed already.
 */
void ax_npt_split(struct ax_npt *npt, uint64_t first, uint64_t last, struct ax_pool *pool,
		  struct ax_tlb_gather *gather);

/**
 * ax_npt_protect() - Rewrite the attr of every leaf in a range that no leaf lies across the ends of.
 * @flags: What @attr is the encoding of.
 *
 * Return: true when some were left broken, to be made by ax_npt_reveal() after the flush.
 */
bool ax_npt_protect(struct ax_npt *npt, uint64_t first, uint64_t last, ax_flags_t flags,
		    uint64_t attr, struct ax_tlb_gather *gather);

/**
 * ax_npt_kill() - Take every leaf in a range that no leaf lies across the ends of, and every table
 * that serves nothing else, out of the sight of hardware and software.
 * @lo: First byte of the window around the range that no region will touch.
 * @hi: Last byte of the window.
 */
void ax_npt_kill(struct ax_npt *npt, uint64_t first, uint64_t last, uint64_t lo, uint64_t hi,
		 struct ax_tlb_gather *gather);

/**
 * ax_npt_sweep() - Free what ax_npt_kill() left, now that nobody can reach it, or what was staged.
 * @owned: false: no leaf in the range is the space's own, so tables that go whole are not read.
 */
void ax_npt_sweep(struct ax_npt *npt, uint64_t first, uint64_t last, bool owned);

/**
 * ax_npt_free_tables() - Free the table of @level at @hpa, which is out of reach, with all below it.
 * @owned: As in ax_npt_sweep().
 */
void ax_npt_free_tables(struct ax_npt *npt, uint64_t hpa, unsigned level, bool owned);

/**
 * ax_npt_each_dead() - Visit each page of a range that ax_npt_kill() killed and is not swept yet.
 * @visit: Gets each leaf. The range is a backend's, where all of them are pages.
 */
void ax_npt_each_dead(const struct ax_npt *npt, uint64_t first, uint64_t last,
		      void (*visit)(void *context, uint64_t gpa, uint64_t hpa), void *context);

#pragma GCC visibility pop

#endif /* AX_SRC_NPT_H */
