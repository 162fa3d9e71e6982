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
 *            compare-and-swap from zero; lost: look again | leave section, give back what is spare
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

/* What as->state is between init and destroy: unlikely in memory that never was a space. */
#define AX_ADDRSPACE_LIVE UINT64_C(0x61786164647273ac)

static inline bool ax_addrspace_live(const struct ax_addrspace *as)
{
	return as && as->state == AX_ADDRSPACE_LIVE;
}

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

/**
 * ax_addrspace_hit() - The region that contains @addr, or NULL: by the last one that was found, else by a
 * search.
 * @section: The caller's, entered.
 *
 * Accesses come in crowds to one region: this saves the search, and the encoding of its flags. The last hit
 * is in the reader's own line. It counts as long as the version is the one that it was found in: only a
 * version that is not published any more is changed, after its readers have left.
 *
 * Return: the hit, valid until the section is left.
 */
const struct ax_region_hit *ax_addrspace_hit(struct ax_addrspace *as,
					     const struct ax_section *section, uint64_t addr);

/**
 * struct ax_addrspace_view - Host memory behind a guest address.
 * @hpa: Of the address itself.
 * @size: Bytes from there to the end of the leaf or of the region, whichever comes first.
 * @flags: The region's.
 * @found: It was there already.
 */
struct ax_addrspace_view {
	uint64_t hpa;
	uint64_t size;
	ax_flags_t flags;
	bool found;
};

/**
 * ax_addrspace_back() - Make an address accessible: find its region, check, back its page.
 * @section: The caller's, entered.
 * @addr: Any value.
 * @access: As for ax_addrspace_fault().
 * @view: Filled on AX_FAULT_HANDLED.
 *
 * Return: as ax_addrspace_fault().
 */
enum ax_fault_result ax_addrspace_back(struct ax_addrspace *as, const struct ax_section *section,
				       uint64_t addr, ax_flags_t access,
				       struct ax_addrspace_view *view);

/** ax_addrspace_permits() - Whether a region of @flags permits @access. */
bool ax_addrspace_permits(const struct ax_addrspace *as, ax_flags_t flags, ax_flags_t access);

#pragma GCC visibility pop

#endif /* AX_SRC_ADDRSPACE_H */
