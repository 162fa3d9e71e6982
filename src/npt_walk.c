/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a table: which leaf maps an address, and which comes next. */
#include "npt.h"

#include "compiler.h"
#include "npt_descend.h"
#include "npt_entry.h"

void *ax_npt_ask_virt(uint64_t hpa)
{
	return ax_memory_api()->phys_to_virt(ax_hpa(hpa));
}

/* ax_npt_walk(): @direct_map is npt->direct_map, as a constant. */
AX_INLINE uint64_t walk(const struct ax_npt *npt, uint64_t gpa, unsigned *level, uint64_t **slot,
			bool direct_map)
{
	const unsigned index_bits = npt->format->index_bits;
	const uint64_t index_mask = (UINT64_C(1) << index_bits) - 1;
	/* Held here: a load of an entry is one that the compiler reads nothing across. */
	const uint64_t below = npt->below;
	const unsigned address_shift = npt->address_shift;
	const uint8_t lead = npt->lead; /* see ax_npt_leads() */
	const unsigned stop = *level;
	unsigned at = npt->levels - 1u;
	unsigned shift = npt->format->page_shift + index_bits * at;
	/* The root has an entry for every address below 2^gpa_bits. */
	uint64_t *here = &npt->root[gpa >> shift];
	uint64_t entry;

	for (;;) {
		uint64_t *table;

		entry = ax_npt_load(here);
		if (at == stop || (uint8_t)entry != lead)
			break;
		if (direct_map)
			table = ax_npt_below(entry, address_shift, below);
		else
			table = ax_npt_ask_virt(ax_npt_address(npt, entry));
		ax_pause(AX_PAUSE_WALK);
		at--;
		shift -= index_bits;
		here = &table[gpa >> shift & index_mask];
	}
	*level = at;
	*slot = here;
	ax_pause(AX_PAUSE_WALKED);
	return entry;
}

AX_OUT_OF_LINE static uint64_t walk_by_calls(const struct ax_npt *npt, uint64_t gpa,
					     unsigned *level, uint64_t **slot)
{
	return walk(npt, gpa, level, slot, false);
}

uint64_t ax_npt_walk(const struct ax_npt *npt, uint64_t gpa, unsigned *level, uint64_t **slot)
{
	/* Without calls no register has to be saved. */
	if (npt->direct_map)
		return walk(npt, gpa, level, slot, true);
	return walk_by_calls(npt, gpa, level, slot);
}

void ax_npt_each_run(const struct ax_npt *npt, uint64_t first, uint64_t last,
		     size_t (*visit)(const struct ax_npt_run *run, void *context), void *context)
{
	uint64_t gpa = first;
	struct ax_npt_run run;
	size_t passed;

	do {
		run = ax_npt_run_at(npt, gpa, last);
		passed = visit(&run, context);
	} while (ax_npt_run_pass(npt, &run, passed, &gpa, last));
}

uint64_t ax_npt_lookup(const struct ax_npt *npt, uint64_t gpa, unsigned *level)
{
	uint64_t *slot;

	*level = 0;
	/* The root is indexed by the low bits alone: a wider address would alias a narrow one. */
	if (gpa >> npt->gpa_bits != 0)
		return 0;
	return ax_npt_live(npt, ax_npt_walk(npt, gpa, level, &slot));
}

/* Of a live leaf at the place. The flags come last: only @out is kept for them. */
static void describe_leaf(const struct ax_npt *npt, uint64_t entry, unsigned level, uint64_t span,
			  uint64_t gpa, struct ax_npt_mapping *out)
{
	out->gpa.raw = gpa & ~span;
	out->hpa.raw = ax_npt_address(npt, entry);
	out->size = span + 1;
	out->page_size = span + 1;
	out->level = level;
	out->owned = ax_npt_is_owned(npt, entry);
	out->flags = npt->format->decode(npt->features, entry);
}

static void describe_hole(const struct ax_npt *npt, uint64_t gpa, unsigned level,
			  struct ax_npt_mapping *out)
{
	uint64_t span = ax_npt_span(npt, level);

	*out = (struct ax_npt_mapping){
		.gpa = {gpa & ~span},
		.size = span + 1,
		.page_size = span + 1,
		.level = level,
	};
}

/* ax_npt_query() without a direct map, of a hole, or while a break-before-make is under way. */
AX_SELDOM static ax_error_t query_by_calls(const struct ax_npt *npt, uint64_t gpa,
					   struct ax_npt_mapping *out)
{
	unsigned level;
	uint64_t entry = ax_npt_lookup(npt, gpa, &level);

	if (entry == 0) {
		describe_hole(npt, gpa, level, out);
		return AX_ENOENT;
	}
	describe_leaf(npt, entry, level, ax_npt_span(npt, level), gpa, out);
	return AX_OK;
}

ax_error_t ax_npt_query(const struct ax_npt *npt, ax_gpa_t gpa, struct ax_npt_mapping *out)
{
	struct ax_npt_place place;

	if (!npt || !npt->format || !out)
		return AX_EINVAL;
	if (gpa.raw >> npt->gpa_bits != 0)
		return AX_ENOENT;
	if (!ax_npt_reach(npt, gpa.raw, &place) || !ax_npt_present(npt, place.entry))
		return query_by_calls(npt, gpa.raw, out);
	describe_leaf(npt, place.entry, place.level, place.span, gpa.raw, out);
	return AX_OK;
}

/* Not for the paths of a guest: one who looks at the table goes from leaf to leaf by it. */
AX_SELDOM ax_error_t ax_npt_next(const struct ax_npt *npt, ax_gpa_t from,
				 struct ax_npt_mapping *out)
{
	uint64_t gpa = from.raw;
	uint64_t last;

	if (!npt || !npt->format || !out)
		return AX_EINVAL;
	last = (UINT64_C(1) << npt->gpa_bits) - 1;
	if (gpa > last)
		return AX_ENOENT;
	for (;;) {
		unsigned level = 0;
		uint64_t *slot;
		uint64_t entry = ax_npt_walk(npt, gpa, &level, &slot);
		struct ax_npt_run run = ax_npt_run_from(npt, slot, level, gpa, last);
		size_t i = 0;

		/* The holes of one table, without going down again for each. A table is live. */
		while (ax_npt_live(npt, entry) == 0 && ++i < run.count)
			entry = ax_npt_load(&slot[i]);
		if (i < run.count && !ax_npt_leads(npt, entry, level)) {
			describe_leaf(npt, ax_npt_live(npt, entry), level, ax_npt_span(npt, level),
				      run.gpa + ((uint64_t)i << ax_npt_shift(npt, level)), out);
			return AX_OK;
		}
		if (!ax_npt_run_pass(npt, &run, i, &gpa, last))
			return AX_ENOENT;
	}
}
