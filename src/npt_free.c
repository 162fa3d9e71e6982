/* SPDX-License-Identifier: Apache-2.0 */
/* Removing: first out of everybody's sight (kill), later, when nobody can still be looking, freed
 * (sweep). The entries themselves remember what waits, so that neither needs memory or can fail.
 *
 * In the model, tests/spin/guard.pml, these are kill() and sweep(), with flush() and wait_readers()
 * between them in unmap(): BREAK_NO_FLUSH, BREAK_NO_WAIT_2, BREAK_FREE_BEFORE_FLUSH. That a lone table is
 * found by the regions and not by its entries is NEEDED there (BREAK_NEED_BY_ENTRIES). */
#include "npt.h"

#include "compiler.h"
#include "npt_entry.h"

static size_t block_frames(const struct ax_npt *npt)
{
	return (size_t)(ax_npt_span(npt, 1) + 1) / AX_PAGE_SIZE_4K;
}

/*
 * The highest table on the way to @gpa that lies inside the window: nothing else needs it.
 *
 * Return: its slot with *level set, or NULL.
 */
static uint64_t *lone_table(const struct ax_npt *npt, uint64_t gpa, uint64_t lo, uint64_t hi,
			    unsigned *level)
{
	for (unsigned at = npt->levels - 1u; at > 0; at--) {
		uint64_t first = gpa & ~ax_npt_span(npt, at);
		unsigned reached = at;
		uint64_t *slot;
		uint64_t entry;

		if (first < lo || (first | ax_npt_span(npt, at)) > hi)
			continue;
		entry = ax_npt_walk(npt, gpa, &reached, &slot);
		if (reached == at && ax_npt_leads(npt, entry, at)) {
			*level = at;
			return slot;
		}
	}
	return NULL;
}

/* Kill the leaves of one run. Return: slots passed; fewer than all where a table comes. */
static size_t kill_run(const struct ax_npt *npt, const struct ax_npt_run *run,
		       struct ax_tlb_gather *gather)
{
	unsigned shift = ax_npt_shift(npt, run->level);
	size_t i;

	for (i = 0; i < run->count; i++) {
		uint64_t entry = ax_npt_load(&run->slot[i]);
		uint64_t gpa = run->gpa + ((uint64_t)i << shift);

		if (entry == 0)
			continue;
		if (ax_npt_leads(npt, entry, run->level))
			break;
		ax_npt_store(&run->slot[i], ax_npt_hide(npt, entry, AX_NPT_DEAD));
		ax_tlb_gather_add(gather, gpa, gpa + ax_npt_span(npt, run->level), shift);
	}
	return i;
}

void ax_npt_kill(struct ax_npt *npt, uint64_t first, uint64_t last, uint64_t lo, uint64_t hi,
		 struct ax_tlb_gather *gather)
{
	uint64_t gpa = first;
	struct ax_npt_run run;
	size_t passed;

	do {
		unsigned level = 0;
		uint64_t *slot = lone_table(npt, gpa, lo, hi, &level);

		if (slot) {
			uint64_t span = ax_npt_span(npt, level);

			ax_npt_store(slot, ax_npt_hide(npt, ax_npt_load(slot), AX_NPT_DEAD));
			ax_tlb_gather_add_table(gather, gpa & ~span, gpa | span,
						npt->format->page_shift);
			run = (struct ax_npt_run){slot, gpa & ~span, level, 1};
			passed = 1;
		} else {
			run = ax_npt_run_at(npt, gpa, last);
			passed = kill_run(npt, &run, gather);
		}
	} while (ax_npt_run_pass(npt, &run, passed, &gpa, last));
}

static void free_frame(struct ax_npt *npt, uint64_t hpa)
{
	ax_memory_api()->dealloc_frame(ax_hpa(hpa));
	ax_npt_uncount(&npt->owned_frames, 1);
}

/* Give the block back that the piece or the whole at @hpa belongs to. */
static void free_block(struct ax_npt *npt, uint64_t hpa)
{
	ax_memory_api()->dealloc_contiguous_frames(ax_hpa(hpa & ~ax_npt_span(npt, 1)),
						   block_frames(npt));
	ax_npt_uncount(&npt->owned_frames, block_frames(npt));
}

/*
 * Free the memory behind a leaf that is out of reach. A page that is a piece of a block frees nothing
 * by itself.
 *
 * Return: whether it was such a piece.
 */
static bool free_leaf(struct ax_npt *npt, uint64_t entry, unsigned level)
{
	if (ax_npt_kind_is(npt, entry, AX_NPT_OWNED)) {
		free_frame(npt, ax_npt_address(npt, entry));
	} else if (ax_npt_kind_is(npt, entry, AX_NPT_BLOCK)) {
		if (level == 0)
			return true;
		free_block(npt, ax_npt_address(npt, entry));
	}
	return false;
}

/* An entry of a table that is out of reach: what faults stored there came before their readers left, for which
 * the writer has waited. */
static inline uint64_t load_dead(const uint64_t *slot)
{
	return __atomic_load_n(slot, __ATOMIC_RELAXED);
}

/* Give back the frame behind a page that is out of reach. False: it is not the space's own. */
static inline bool free_if_owned(const struct ax_npt_format *format, uint64_t owned,
				 void (*dealloc)(ax_hpa_t), uint64_t entry)
{
	if ((entry & format->kind_mask) != owned)
		return false;
	dealloc(ax_hpa((entry & format->address_mask) << format->address_shift));
	return true;
}

/*
 * Give back the frames of the space's own from @slot on. What a page costs beside the port's function is a
 * comparison and the making of the address: this loop has few enough values for the registers that survive a call.
 * Two pages a turn, for the reason that stage_frames() in npt_populate.c has.
 *
 * Return: the first entry that is of another kind, or a hole, which is of none; or @end.
 */
static const uint64_t *free_owned(const struct ax_npt_format *format, const uint64_t *slot,
				  const uint64_t *end)
{
	const uint64_t owned = format->kind[AX_NPT_OWNED];
	void (*const dealloc)(ax_hpa_t) = ax_memory_api()->dealloc_frame;

	while (slot != end && free_if_owned(format, owned, dealloc, load_dead(slot))) {
		if (++slot == end || !free_if_owned(format, owned, dealloc, load_dead(slot)))
			break;
		slot++;
	}
	return slot;
}

/*
 * The same for all pages of a table that is out of reach.
 *
 * Return: a piece of a block, when there is one, else @none. Pieces of one block at most: a block fills a table,
 * see AX_NPT_BLOCK.
 */
static uint64_t free_pages(struct ax_npt *npt, const uint64_t *table, uint64_t none)
{
	const uint64_t *const end = table + ax_npt_entries(npt, 0);
	uint64_t piece = none;

	for (;;) {
		const uint64_t *other = free_owned(npt->format, table, end);

		ax_npt_uncount(&npt->owned_frames, (uint64_t)(other - table));
		if (other == end)
			return piece;
		if (ax_npt_kind_is(npt, load_dead(other), AX_NPT_BLOCK))
			piece = ax_npt_address(npt, load_dead(other));
		table = other + 1;
	}
}

static void free_table(struct ax_npt *npt, uint64_t hpa)
{
	ax_memory_api()->dealloc_frame(ax_hpa(hpa));
	ax_npt_uncount(&npt->table_frames, 1);
}

/* Free a table of pages that is out of reach, and what the space owns behind it. */
static void free_page_table(struct ax_npt *npt, uint64_t hpa, bool owned)
{
	if (owned) {
		uint64_t piece = free_pages(npt, ax_npt_virt(npt, hpa), UINT64_MAX);

		if (piece != UINT64_MAX)
			free_block(npt, piece);
	}
	free_table(npt, hpa);
}

#define GROUP 8u

/*
 * Whether none of the GROUP entries from @slot on leads to a table. A leaf differs from a table in at least one
 * bit of the type: when there is one that all of them have different, none is a table. That can miss (a hole, of
 * some formats, and leaves that differ in different bits), and is decided by the entries one by one then.
 */
static bool no_tables(const struct ax_npt *npt, const uint64_t *slot)
{
	const uint64_t table = npt->format->type_table;
	uint64_t differ = npt->format->type_mask;

	for (unsigned i = 0; i < GROUP; i += 4) {
		differ &= load_dead(&slot[i]) ^ table;
		differ &= load_dead(&slot[i + 1]) ^ table;
		differ &= load_dead(&slot[i + 2]) ^ table;
		differ &= load_dead(&slot[i + 3]) ^ table;
	}
	return differ != 0;
}

/*
 * The first entry from @i on, of a table of @level that is not the root, behind which there is something to free.
 * Leaves of memory that is not the space's own lead to nothing, and are most: passed by the group.
 */
static size_t next_to_free(const struct ax_npt *npt, const uint64_t *table, size_t i,
			   unsigned level, bool owned)
{
	const size_t count = ax_npt_entries(npt, level);

	while (i < count) {
		uint64_t entry = load_dead(&table[i]);

		if (!owned && i % GROUP == 0 && no_tables(npt, &table[i]))
			i += GROUP;
		else if (entry != 0 && (owned || ax_npt_is_table(npt, entry, level)))
			break;
		else
			i++;
	}
	return i;
}

/*
 * Free the table of @level at @hpa, which is out of reach, with all below it: lowest first, by a path
 * and not by recursion.
 */
void ax_npt_free_tables(struct ax_npt *npt, uint64_t hpa, unsigned level, bool owned)
{
	uint64_t path[AX_NPT_LEVELS_MAX];
	size_t next[AX_NPT_LEVELS_MAX];
	unsigned at = level;

	if (level == 0) {
		free_page_table(npt, hpa, owned);
		return;
	}
	path[at] = hpa;
	next[at] = 0;
	for (;;) {
		const uint64_t *table = ax_npt_virt(npt, path[at]);
		size_t i = next_to_free(npt, table, next[at], at, owned);
		uint64_t entry;

		if (i == ax_npt_entries(npt, at)) {
			free_table(npt, path[at]);
			if (at == level)
				return;
			at++;
			continue;
		}
		next[at] = i + 1;
		entry = load_dead(&table[i]);
		if (!ax_npt_is_table(npt, entry, at)) {
			(void)free_leaf(npt, entry, at);
		} else if (at == 1) {
			free_page_table(npt, ax_npt_address(npt, entry), owned);
		} else {
			at--;
			path[at] = ax_npt_address(npt, entry);
			next[at] = 0;
		}
	}
}

/* After pieces of a block went: give the block back when the table has no other piece of it. */
static void free_block_of(struct ax_npt *npt, const struct ax_npt_run *run, uint64_t piece)
{
	const uint64_t *table = run->slot - ax_npt_index(npt, run->gpa, 0);

	for (size_t i = 0; i < ax_npt_entries(npt, 0); i++) {
		uint64_t entry = ax_npt_load(&table[i]);

		if (entry != 0 && ax_npt_kind_is(npt, entry, AX_NPT_BLOCK))
			return;
	}
	free_block(npt, piece);
}

struct sweep {
	struct ax_npt *npt;
	bool owned;
};

/*
 * Free what is dead in one run. In a range that was killed, nothing else is there but tables that
 * serve others too: without a region no fault enters anything.
 */
static size_t sweep_run(const struct ax_npt_run *run, void *context)
{
	const struct sweep *sweep = context;
	struct ax_npt *npt = sweep->npt;
	uint64_t piece = UINT64_MAX;
	size_t i;

	for (i = 0; i < run->count; i++) {
		uint64_t entry = ax_npt_load(&run->slot[i]);

		if (entry == 0)
			continue;
		if (ax_npt_leads(npt, entry, run->level))
			break;
		ax_npt_store(&run->slot[i], 0);
		if (ax_npt_is_table(npt, entry, run->level)) {
			ax_npt_free_tables(npt, ax_npt_address(npt, entry), run->level - 1,
					   sweep->owned);
		} else if (free_leaf(npt, entry, run->level)) {
			piece = ax_npt_address(npt, entry);
		}
	}
	if (piece != UINT64_MAX)
		free_block_of(npt, run, piece);
	return i;
}

void ax_npt_sweep(struct ax_npt *npt, uint64_t first, uint64_t last, bool owned)
{
	struct sweep sweep = {npt, owned};

	ax_npt_each_run(npt, first, last, sweep_run, &sweep);
}

/* ax_npt_walk() down to @gpa's leaf, through dead tables as well. */
static uint64_t walk_dead(const struct ax_npt *npt, uint64_t gpa, unsigned *level)
{
	const uint64_t *table = npt->root;

	for (unsigned at = npt->levels - 1u;; at--) {
		uint64_t entry = ax_npt_load(&table[ax_npt_index(npt, gpa, at)]);

		if (entry == 0 || !ax_npt_is_table(npt, entry, at)) {
			*level = at;
			return entry;
		}
		table = ax_npt_virt(npt, ax_npt_address(npt, entry));
	}
}

AX_SELDOM void ax_npt_each_dead(const struct ax_npt *npt, uint64_t first, uint64_t last,
				void (*visit)(void *context, uint64_t gpa, uint64_t hpa),
				void *context)
{
	uint64_t gpa = first;

	for (;;) {
		unsigned level;
		uint64_t entry = walk_dead(npt, gpa, &level);
		uint64_t span = ax_npt_span(npt, level);

		if (entry != 0)
			visit(context, gpa, ax_npt_address(npt, entry));
		/* To the next page, or past the hole. */
		if (last - (gpa & ~span) <= span)
			return;
		gpa = (gpa & ~span) + span + 1;
	}
}
