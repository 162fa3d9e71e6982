/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries: how one is taken apart, made, read and written. Inline, since everything that walks does
 * this for each entry; each function is the format's data and no branch on which format it is.
 *
 * Other CPUs and the hardware read entries at any time, so each access is one atomic load or store of
 * all 64 bits, and every decision is made on a value that was loaded once.
 */
#ifndef AX_SRC_NPT_ENTRY_H
#define AX_SRC_NPT_ENTRY_H

#include "bind.h"
#include "host_hooks.h"
#include "npt_format.h"
#include "pause.h"

#pragma GCC visibility push(hidden)

/* log2 of what one entry of a level maps. */
static inline unsigned ax_npt_shift(const struct ax_npt *npt, unsigned level)
{
	return npt->format->page_shift + npt->format->index_bits * level;
}

/* Bytes that one entry of a level maps, less one: alignment mask, and distance to the last byte. */
static inline uint64_t ax_npt_span(const struct ax_npt *npt, unsigned level)
{
	return (UINT64_C(1) << ax_npt_shift(npt, level)) - 1;
}

/* Entries of a table of a level. */
static inline size_t ax_npt_entries(const struct ax_npt *npt, unsigned level)
{
	return (size_t)1 << (level + 1u == npt->levels ? npt->root_bits : npt->format->index_bits);
}

/* Which entry of a table of a level @gpa is under. */
static inline size_t ax_npt_index(const struct ax_npt *npt, uint64_t gpa, unsigned level)
{
	return (size_t)(gpa >> ax_npt_shift(npt, level)) & (ax_npt_entries(npt, level) - 1);
}

/* Where the host sees physical memory, with a direct map. */
static inline void *ax_npt_direct(const struct ax_npt *npt, uint64_t hpa)
{
	return (void *)(uintptr_t)(hpa + npt->direct_offset);
}

/*
 * Where the host sees the table that an entry leads to, with a direct map, in one addition: npt->below.
 *
 * Such an entry is its table's address and npt->table, and nothing that hardware changes (see struct
 * ax_npt_format): what takes the one off puts the offset of the direct map on.
 */
static inline uint64_t *ax_npt_below(uint64_t entry, unsigned address_shift, uint64_t below)
{
	return (uint64_t *)(uintptr_t)((entry << address_shift) + below);
}

/* Where the port says that it is. Out of line: a caller does not keep the port's functions in a register. */
void *ax_npt_ask_virt(uint64_t hpa);

/* Where the host sees physical memory. */
static inline void *ax_npt_virt(const struct ax_npt *npt, uint64_t hpa)
{
	return npt->direct_map ? ax_npt_direct(npt, hpa) : ax_npt_ask_virt(hpa);
}

/* Acquire: what the entry leads to was filled before the entry was stored. */
static inline uint64_t ax_npt_load(const uint64_t *slot)
{
	return __atomic_load_n(slot, __ATOMIC_ACQUIRE);
}

/* Release: what the entry leads to is seen before the entry is. */
static inline void ax_npt_store(uint64_t *slot, uint64_t entry)
{
	__atomic_store_n(slot, entry, __ATOMIC_RELEASE);
	ax_host_hook_store(slot, entry);
}

/* For an entry whose memory needs no order: of a table that is linked later, or of a linear map. */
static inline void ax_npt_put(uint64_t *slot, uint64_t entry)
{
	__atomic_store_n(slot, entry, __ATOMIC_RELAXED);
	ax_host_hook_store(slot, entry);
}

/* False, and *expected is what was there, when the slot held something else. */
static inline bool ax_npt_replace(uint64_t *slot, uint64_t *expected, uint64_t entry)
{
	bool replaced = __atomic_compare_exchange_n(slot, expected, entry, false, __ATOMIC_ACQ_REL,
						    __ATOMIC_ACQUIRE);

	ax_host_hook_replace(replaced, slot, entry);
	return replaced;
}

/*
 * The counters of a table are the writer's; readers may look at any time. What a fault entered and
 * counted in its own line the writer may uncount here: who sees that sees the fault's count as well,
 * when it looks here first.
 */
static inline uint64_t ax_npt_counter(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

static inline void ax_npt_count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELEASE);
}

static inline void ax_npt_uncount(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter - n, __ATOMIC_RELEASE);
}

static inline uint64_t ax_npt_address(const struct ax_npt *npt, uint64_t entry)
{
	return (entry & npt->address_mask) << npt->address_shift;
}

static inline uint64_t ax_npt_table_entry(const struct ax_npt *npt, uint64_t hpa)
{
	return npt->table | hpa >> npt->format->address_shift;
}

static inline uint64_t ax_npt_leaf_entry(const struct ax_npt *npt, uint64_t attr, uint64_t hpa,
					 unsigned level)
{
	return attr | npt->format->leaf[level != 0] | hpa >> npt->format->address_shift;
}

static inline bool ax_npt_present(const struct ax_npt *npt, uint64_t entry)
{
	return (entry & npt->present) != 0;
}

/* Of an entry that hardware does not see. */
static inline enum ax_npt_state ax_npt_state(uint64_t entry)
{
	return (enum ax_npt_state)(entry >> AX_NPT_STATE_SHIFT & 3u);
}

/* Take an entry that hardware sees out of its sight, keeping all of it. */
static inline uint64_t ax_npt_hide(const struct ax_npt *npt, uint64_t entry,
				   enum ax_npt_state state)
{
	return (entry & ~npt->present) | (entry & npt->present) << npt->format->hide_shift |
	       (uint64_t)state << AX_NPT_STATE_SHIFT;
}

/* The inverse of ax_npt_hide(). */
static inline uint64_t ax_npt_show(const struct ax_npt *npt, uint64_t entry)
{
	uint64_t hidden = npt->present << npt->format->hide_shift;

	return (entry & ~(hidden | AX_NPT_STATE_MASK)) |
	       (entry & hidden) >> npt->format->hide_shift;
}

/* The entry as software has to believe it: what is broken is still mapped, what is staged or dead is
 * not. 0: nothing. */
static inline uint64_t ax_npt_live(const struct ax_npt *npt, uint64_t entry)
{
	if (ax_npt_present(npt, entry))
		return entry;
	return ax_npt_state(entry) == AX_NPT_BROKEN ? ax_npt_show(npt, entry) : 0;
}

/* Works on hidden entries too: no format has its type among the present bits. */
static inline bool ax_npt_is_table(const struct ax_npt *npt, uint64_t entry, unsigned level)
{
	return level != 0 && (entry & npt->format->type_mask) == npt->format->type_table;
}

/*
 * A table that can be gone down into: hardware sees it. (A table is never broken.) All its present bits are
 * set, and hiding it clears them: type and presence are in the low byte of every format, and are one
 * comparison of a byte.
 */
static inline bool ax_npt_leads(const struct ax_npt *npt, uint64_t entry, unsigned level)
{
	return level != 0 && (uint8_t)entry == npt->lead;
}

static inline bool ax_npt_kind_is(const struct ax_npt *npt, uint64_t entry, enum ax_npt_kind kind)
{
	return (entry & npt->format->kind_mask) == npt->format->kind[kind];
}

/* The memory behind a leaf is the space's own. */
static inline bool ax_npt_is_owned(const struct ax_npt *npt, uint64_t entry)
{
	return ax_npt_kind_is(npt, entry, AX_NPT_OWNED) || ax_npt_kind_is(npt, entry, AX_NPT_BLOCK);
}

/*
 * ax_npt_walk() - Go down towards @gpa as far as there are tables, at most to @level.
 *
 * @gpa: Below 2^gpa_bits.
 * @level: In: where to stop. Out: where the slot is.
 * @slot: The slot reached: no table, or at the level asked for.
 *
 * Return: what the slot held.
 */
uint64_t ax_npt_walk(const struct ax_npt *npt, uint64_t gpa, unsigned *level, uint64_t **slot);

/*
 * ax_npt_lookup() - The live leaf for @gpa, of any value, or the hole that it is in.
 *
 * @level: Out: of the leaf or hole.
 * Return: the entry, or 0.
 */
uint64_t ax_npt_lookup(const struct ax_npt *npt, uint64_t gpa, unsigned *level);

/*
 * struct ax_npt_run - Neighbouring slots of one table.
 * @slot: The first.
 * @gpa: The first byte that it maps; may be below what was asked for.
 * @level: Their level.
 * @count: How many, to the end of the table or of the range that was asked for.
 */
struct ax_npt_run {
	uint64_t *slot;
	uint64_t gpa;
	unsigned level;
	size_t count;
};

/* The slots from the one at @slot, for @gpa, to the end of its table or to the one for @last. */
static inline struct ax_npt_run ax_npt_run_from(const struct ax_npt *npt, uint64_t *slot,
						unsigned level, uint64_t gpa, uint64_t last)
{
	size_t left = ax_npt_entries(npt, level) - ax_npt_index(npt, gpa, level);
	uint64_t wanted = (last >> ax_npt_shift(npt, level)) - (gpa >> ax_npt_shift(npt, level));
	struct ax_npt_run run = {slot, gpa & ~ax_npt_span(npt, level), level, left};

	if (wanted < left)
		run.count = (size_t)wanted + 1;
	return run;
}

/* The slots from the lowest one that there is for @gpa, to the end of its table or to the one for @last. */
static inline struct ax_npt_run ax_npt_run_at(const struct ax_npt *npt, uint64_t gpa, uint64_t last)
{
	unsigned level = 0;
	uint64_t *slot;

	(void)ax_npt_walk(npt, gpa, &level, &slot);
	return ax_npt_run_from(npt, slot, level, gpa, last);
}

/*
 * Move *gpa past @count slots of a run. False when that is past @last.
 *
 * None: since the walk a neighbour's fault has linked a table where the run begins. *gpa stays, and the next
 * walk goes down there; the run's first byte may be the neighbour's.
 */
static inline bool ax_npt_run_pass(const struct ax_npt *npt, const struct ax_npt_run *run,
				   size_t count, uint64_t *gpa, uint64_t last)
{
	uint64_t passed = (uint64_t)count << ax_npt_shift(npt, run->level);

	if (count == 0)
		return true;
	/* In distances, so that the top of the space cannot wrap. */
	if (last - run->gpa < passed)
		return false;
	*gpa = run->gpa + passed;
	return true;
}

/*
 * ax_npt_each_run() - Go over the slots of a range, run by run.
 *
 * @visit: Returns how many slots it has passed: fewer than the run has where it came to a table.
 */
void ax_npt_each_run(const struct ax_npt *npt, uint64_t first, uint64_t last,
		     size_t (*visit)(const struct ax_npt_run *run, void *context), void *context);

#pragma GCC visibility pop

#endif /* AX_SRC_NPT_ENTRY_H */
