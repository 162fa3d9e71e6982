/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk of the hot paths: translate and query.
 *
 * ax_npt_walk() reads the geometry at each level. This is the same walk written out for the tables that all
 * formats have, of 512 entries and for pages of 4 KiB: its shifts are constants, and since it is inline its
 * result stays in registers. It has a half of the instructions. A port without a direct map waits for
 * phys_to_virt() at each level anyway, and goes by ax_npt_walk().
 */
#ifndef AX_SRC_NPT_DESCEND_H
#define AX_SRC_NPT_DESCEND_H

#include "compiler.h"
#include "npt_entry.h"

#pragma GCC visibility push(hidden)

#define AX_NPT_PAGE_SHIFT 12u
#define AX_NPT_INDEX_BITS 9u

/** ax_npt_reach_levels() - The levels of a table with a direct map that this file can walk; else 0. */
static inline uint8_t ax_npt_reach_levels(const struct ax_npt *npt)
{
	return npt->levels >= 3 && npt->format->page_shift == AX_NPT_PAGE_SHIFT &&
			       npt->format->index_bits == AX_NPT_INDEX_BITS
		       ? npt->levels
		       : 0;
}

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

/**
 * struct ax_npt_way - What a walk goes by.
 * @gpa: Where to.
 * @entry: What it found last, which leads to the next table.
 * @below: npt->below.
 * @address_shift: A constant.
 * @lead: npt->lead.
 */
struct ax_npt_way {
	uint64_t gpa;
	uint64_t entry;
	uint64_t below;
	unsigned address_shift;
	uint8_t lead;
};

/* The entry of a table of @level, a constant, was read. False: the place is found. */
AX_INLINE bool ax_npt_pass(struct ax_npt_way *way, unsigned level, uint64_t entry,
			   struct ax_npt_place *place)
{
	const unsigned shift = AX_NPT_PAGE_SHIFT + AX_NPT_INDEX_BITS * level;

	if (level != 0 &&
	    __builtin_expect((uint8_t)entry == way->lead, 1)) { /* see ax_npt_leads() */
		way->entry = entry;
		ax_pause(AX_PAUSE_WALK);
		return true;
	}
	place->entry = entry;
	place->level = level;
	place->span = (UINT64_C(1) << shift) - 1;
	return false;
}

/* Read the root, of @level. It has an entry for every address below 2^gpa_bits: the index needs no mask. */
AX_INLINE bool ax_npt_start(struct ax_npt_way *way, const uint64_t *root, unsigned level,
			    struct ax_npt_place *place)
{
	const unsigned shift = AX_NPT_PAGE_SHIFT + AX_NPT_INDEX_BITS * level;

	return ax_npt_pass(way, level, ax_npt_load(&root[way->gpa >> shift]), place);
}

/*
 * Read the table of @level that the last entry leads to, see ax_npt_below(). What does not wait for that entry is
 * added up first, and then hidden from the compiler, which would add the parts to it one by one: so the load is of
 * the sum of two registers, which takes x86 no instruction and no time.
 */
AX_INLINE bool ax_npt_step(struct ax_npt_way *way, unsigned level, struct ax_npt_place *place)
{
	const unsigned shift = AX_NPT_PAGE_SHIFT + AX_NPT_INDEX_BITS * level;
	const uint64_t index = way->gpa >> shift & ((1u << AX_NPT_INDEX_BITS) - 1);
	const char *base = (const char *)(uintptr_t)(way->entry << way->address_shift);
	uint64_t offset = way->below + index * sizeof(uint64_t);

	AX_OPAQUE(offset);
	return ax_npt_pass(way, level, ax_npt_load((const uint64_t *)(base + offset)), place);
}

/**
 * ax_npt_descend() - Go down towards @gpa as far as there are tables, in a table with a direct map.
 * @gpa: Below 2^gpa_bits.
 * @levels: npt->reach_levels, which is not 0.
 * @address_shift: npt->address_shift, as a constant.
 * @place: Filled.
 */
AX_INLINE void ax_npt_descend(const struct ax_npt *npt, uint64_t gpa, unsigned levels,
			      unsigned address_shift, struct ax_npt_place *place)
{
	struct ax_npt_way way = {
		.gpa = gpa, .below = npt->below, .address_shift = address_shift, .lead = npt->lead};
	const uint64_t *root = npt->root;
	bool on;

	/* Four levels are what most guests have. */
	if (__builtin_expect(levels == 4, 1))
		on = ax_npt_start(&way, root, 3, place);
	else if (levels == 3)
		on = ax_npt_start(&way, root, 2, place);
	else
		on = ax_npt_start(&way, root, 4, place) && ax_npt_step(&way, 3, place);
	if (levels != 3)
		on = on && ax_npt_step(&way, 2, place);
	if (on && ax_npt_step(&way, 1, place))
		(void)ax_npt_step(&way, 0, place);
}

/**
 * ax_npt_reach() - ax_npt_descend() of any table: ax_npt_walk() to level 0.
 *
 * Return: false where ax_npt_walk() has to do it.
 */
AX_INLINE bool ax_npt_reach(const struct ax_npt *npt, uint64_t gpa, struct ax_npt_place *place)
{
	const unsigned levels = npt->reach_levels;

	if (levels == 0)
		return false;
	/* The two that there are, as constants: a walk that shifts by a variable takes an instruction more a level. */
	if (npt->address_shift == 0)
		ax_npt_descend(npt, gpa, levels, 0, place);
	else
		ax_npt_descend(npt, gpa, levels, 2, place);
	return true;
}

#pragma GCC visibility pop

#endif /* AX_SRC_NPT_DESCEND_H */
