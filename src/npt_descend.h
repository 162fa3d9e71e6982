/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk of the hot paths: faults, translate, query, guest memory access.
 *
 * ax_npt_walk() reads the geometry at each level. This is the same walk written out for the tables that all
 * formats have, of 512 entries and for pages of 4 KiB: its shifts are constants, what differs between formats
 * is three values that are read once, and since it is inline its result stays in registers. It has a half of
 * the instructions. A port without a direct map waits for phys_to_virt() at each level anyway, and goes by
 * ax_npt_walk().
 */
#ifndef AX_SRC_NPT_DESCEND_H
#define AX_SRC_NPT_DESCEND_H

#include "npt_entry.h"

#pragma GCC visibility push(hidden)

#define AX_NPT_PAGE_SHIFT 12u
#define AX_NPT_INDEX_BITS 9u

/**
 * struct ax_npt_place - Where a walk ended.
 * @entry: What the slot held: no table.
 * @level: Its level.
 * @span: Bytes that it maps, less one.
 */
struct ax_npt_place {
	uint64_t entry;
	unsigned level;
	uint64_t span;
};

/* struct ax_npt_way - What a walk goes by; @gpa is what is left of it below @table. */
struct ax_npt_way {
	uint64_t gpa;
	uint64_t *table;
	uint64_t address_mask;
	uint64_t direct_offset;
	uint8_t address_shift;
	uint8_t lead;
};

/* One level of ax_npt_reach(), a constant. False: the place is found. */
static inline bool ax_npt_step(struct ax_npt_way *way, unsigned level, struct ax_npt_place *place)
{
	const unsigned shift = AX_NPT_PAGE_SHIFT + AX_NPT_INDEX_BITS * level;
	uint64_t entry = ax_npt_load(&way->table[way->gpa >> shift]);

	if (level != 0 &&
	    __builtin_expect((uint8_t)entry == way->lead, 1)) { /* see ax_npt_leads() */
		entry = (entry & way->address_mask) << way->address_shift;
		way->table = (uint64_t *)(uintptr_t)(entry + way->direct_offset);
		/* The root has an entry for every address below 2^gpa_bits: no index needs a mask. */
		way->gpa &= (UINT64_C(1) << shift) - 1;
		ax_pause(AX_PAUSE_WALK);
		return true;
	}
	place->entry = entry;
	place->level = level;
	place->span = (UINT64_C(1) << shift) - 1;
	return false;
}

/**
 * ax_npt_reach() - Go down towards @gpa as far as there are tables: ax_npt_walk() to level 0.
 * @gpa: Below 2^gpa_bits.
 * @place: Filled when the table has a direct map.
 *
 * Return: false without a direct map.
 */
static inline bool ax_npt_reach(const struct ax_npt *npt, uint64_t gpa, struct ax_npt_place *place)
{
	struct ax_npt_way way = {.gpa = gpa,
				 .table = npt->root,
				 .address_mask = npt->address_mask,
				 .direct_offset = npt->direct_offset,
				 .address_shift = npt->address_shift,
				 .lead = npt->lead};

	/* Four levels are what most guests have. */
	switch (__builtin_expect(npt->reach_levels, 4)) {
	case 5:
		if (!ax_npt_step(&way, 4, place))
			return true;
		__attribute__((fallthrough));
	case 4:
		if (!ax_npt_step(&way, 3, place))
			return true;
		__attribute__((fallthrough));
	case 3:
		if (!ax_npt_step(&way, 2, place))
			return true;
		__attribute__((fallthrough));
	case 2:
		if (ax_npt_step(&way, 1, place))
			(void)ax_npt_step(&way, 0, place);
		return true;
	default:
		return false;
	}
}

#pragma GCC visibility pop

#endif /* AX_SRC_NPT_DESCEND_H */
