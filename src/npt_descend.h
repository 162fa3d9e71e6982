/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk down a table: one, made once for each format.
 *
 * A format's file in arch/ calls ax_npt_descend() with its own descriptor, which the compiler sees there as
 * constants: shifts and masks cost no loads. It does so once for a port with a direct map, where the walk
 * calls nothing and so saves and restores nothing, and once for others. A walk has a third of the
 * instructions that it has when all is read from a descriptor that could be any, at each level. What is done
 * less often than a walk reads the descriptor.
 */
#ifndef AX_SRC_NPT_DESCEND_H
#define AX_SRC_NPT_DESCEND_H

#include "npt_entry.h"

/** ax_npt_descend() - ax_npt_walk() for tables of @format, which is npt->format; @direct: npt->direct_map. */
static inline uint64_t ax_npt_descend(const struct ax_npt_format *format, bool direct,
				      const struct ax_npt *npt, uint64_t gpa, unsigned *level,
				      uint64_t **slot)
{
	const uint64_t lead_mask = format->type_mask | npt->table; /* see ax_npt_leads() */
	const size_t index_mask = ((size_t)1 << format->index_bits) - 1;
	const unsigned stop = *level;
	unsigned at = npt->levels - 1u;
	unsigned shift = format->page_shift + format->index_bits * at;
	uint64_t *table = npt->root;
	/* The root has an entry for every address below 2^gpa_bits. */
	size_t index = (size_t)(gpa >> shift);

	for (;;) {
		uint64_t *here = &table[index];
		uint64_t entry = ax_npt_load(here);

		if (at == stop || (entry & lead_mask) != npt->table) {
			*level = at;
			*slot = here;
			return entry;
		}
		entry = (entry & format->address_mask) << format->address_shift;
		table = direct ? ax_npt_direct(npt, entry) : ax_npt_virt(npt, entry);
		ax_pause(AX_PAUSE_WALK);
		at--;
		shift -= format->index_bits;
		index = (size_t)(gpa >> shift) & index_mask;
	}
}

#endif /* AX_SRC_NPT_DESCEND_H */
