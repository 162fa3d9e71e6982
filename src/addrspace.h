/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The address space, inside: the only code that knows both regions and tables.
 *
 *   addrspace.c          its life, and the writers: map, unmap, protect, clear
 *   addrspace_fault.c    making an address accessible: faults, and what guest memory access needs
 *   addrspace_query.c    the other readers: translate, queries, free areas, counts
 *   addrspace_dump.c     how it looks
 *
 * The protocol between readers and the writer. Regions are kept in two copies of which readers use the
 * active one; a space for one CPU has one copy. A table entry is zero, present, or in one of the states
 * of npt_format.h.
 *
 *   reader   enter section | find region in the active copy | walk the table
 *            fault: where an entry is zero, build the missing branch aside and link it by one
 *            compare-and-swap from zero; lost: look again | leave section, give back what is spare.
 *            (A space for one CPU has no section, and a frame of its own is entered by a store.)
 *
 *   writer   lock | prepare: arguments, state, every frame the change can need
 *     map:     enter the leaves, then publish the region
 *     others:  1 make the change in the inactive copy of the regions and make it the active one
 *              2 wait for the readers inside: after that nobody acts on the old regions
 *              3 split leaves across the ends; rewrite, or kill, the leaves in the range; kill a table
 *                that no region needs by its parent entry alone
 *              4 flush: after that no hardware reaches what was killed
 *              5 wait for the readers inside: after that no software does
 *              6 sweep what was killed, and free it
 *     all:     make the change in the other copy, which nobody reads any more | unlock
 *
 * Why it is right. Faults only turn zero into something, the writer only what is not zero, so neither
 * overwrites the other. After 2 no fault can install in a range that has no region, so that whether a
 * table is needed can be decided from the regions. After 4 and 5 nobody holds what 6 frees. Entries
 * remember what waits to be freed, so unmap needs no memory for it and cannot fail half-way.
 */
#ifndef AX_SRC_ADDRSPACE_H
#define AX_SRC_ADDRSPACE_H

#include <stdbool.h>

#include <axvisor/addrspace.h>

#include "guard.h"
#include "region.h"

#pragma GCC visibility push(hidden)

/* What as->state is between init and destroy: unlikely in memory that never was a space. x86 compares 64 bits with
 * a number of 32 that it extends by its sign in one instruction. */
#define AX_ADDRSPACE_LIVE UINT64_C(0xffffffffa7786164)

static inline bool ax_addrspace_live(const struct ax_addrspace *as)
{
	return as && as->state == AX_ADDRSPACE_LIVE;
}

/*
 * What as->quick is as long as a space lives that has no guard; else 0. One comparison tells a reader that, and the
 * two constants of its walk: npt->reach_levels, of which 0 is no walk, and npt->address_shift.
 */
#define AX_ADDRSPACE_QUICK(levels, address_shift) \
	(AX_ADDRSPACE_LIVE + UINT64_C(16) * (levels) + (address_shift))

/* The first version of the regions: not 0, and that of copy 0. */
#define AX_REGIONS_FIRST UINT64_C(2)

/** ax_addrspace_version() - Of the regions that readers use. Inside a section, or under the lock. */
static inline uint64_t ax_addrspace_version(const struct ax_addrspace *as)
{
	return __atomic_load_n(&as->version, __ATOMIC_ACQUIRE);
}

/** ax_addrspace_regions() - The copy that readers use. Inside a section, or under the lock. */
static inline const struct ax_region_set *ax_addrspace_regions(const struct ax_addrspace *as)
{
	return &as->regions[ax_addrspace_version(as) & 1u];
}

/** ax_addrspace_losses() - Counts the changes that took memory or permission away. See guest_window.c. */
static inline uint64_t ax_addrspace_losses(const struct ax_addrspace *as)
{
	return __atomic_load_n(&as->losses, __ATOMIC_ACQUIRE);
}

/** ax_addrspace_line() - The line of a reader in a section: of the slot that it holds, or of a space for one CPU. */
static inline struct ax_guard_slot *ax_addrspace_line(struct ax_addrspace *as,
						      const struct ax_section *section)
{
	return section->slot ? section->slot : &as->alone;
}

/* log2 of what a table of level 0 maps, and what an entry of it does. */
#define AX_TABLE_SHIFT 21u
#define AX_ENTRY_SHIFT 12u
#define AX_TABLE_SIZE  (1u << (AX_TABLE_SHIFT - AX_ENTRY_SHIFT)) /* in entries */

/**
 * ax_addrspace_hits() - Whether the region that was found last contains @addr, and permits @access for sure.
 * @hit: Of the caller's line.
 * @access: Any value.
 *
 * Accesses come in crowds, to one region and to one table: this saves the search, the encoding of the flags and
 * the checks, and ax_addrspace_hit_slot() the walk. The hit counts as long as the version is the one that it was
 * found in. A region is changed only in a version that is not published any more, after its readers have left.
 * And a table is killed only when no region of the published version needs it, so that it stays as long as the
 * version that it was found in, for an address that has a region there, or until the readers have left that
 * still find this version published.
 */
static inline bool ax_addrspace_hits(const struct ax_addrspace *as, const struct ax_region_hit *hit,
				     uint64_t addr, ax_flags_t access)
{
	return ax_addrspace_version(as) == hit->version && addr >= hit->region->first &&
	       addr <= hit->region->last && (access & hit->refused) == 0;
}

/** ax_addrspace_hits_table() - Whether the table that was found last is that of @addr, which was hit. */
static inline bool ax_addrspace_hits_table(const struct ax_region_hit *hit, uint64_t addr)
{
	return (addr >> AX_TABLE_SHIFT) + 1 == hit->span;
}

/** ax_addrspace_hit_slot() - The slot for @addr in it. */
static inline uint64_t *ax_addrspace_hit_slot(const struct ax_region_hit *hit, uint64_t addr)
{
	return &hit->table[(addr >> AX_ENTRY_SHIFT) % AX_TABLE_SIZE];
}

/**
 * struct ax_addrspace_view - What is behind a guest address.
 * @leaf: A live leaf.
 * @span: Bytes that it maps, less one.
 * @found: It was there already.
 */
struct ax_addrspace_view {
	uint64_t leaf;
	uint64_t span;
	bool found;
};

/**
 * ax_addrspace_back() - Make an address accessible: find its region, check, back its page.
 * @line: The caller's, in a section. On AX_FAULT_HANDLED its hit is the region of @addr.
 * @addr: Any value.
 * @access: As for ax_addrspace_fault().
 * @view: Filled on AX_FAULT_HANDLED.
 *
 * All of it, at any pace: what is usual is done by ax_addrspace_hits() and ax_npt_reach() where it counts.
 *
 * Return: as ax_addrspace_fault().
 */
enum ax_fault_result ax_addrspace_back(struct ax_addrspace *as, struct ax_guard_slot *line,
				       uint64_t addr, ax_flags_t access,
				       struct ax_addrspace_view *view);

/** ax_addrspace_permits() - Whether a region of @flags permits @access. */
bool ax_addrspace_permits(const struct ax_addrspace *as, ax_flags_t flags, ax_flags_t access);

#pragma GCC visibility pop

#endif /* AX_SRC_ADDRSPACE_H */
