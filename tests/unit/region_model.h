/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of the region set measure it by: a checker of everything that a tree must be, and
 * a model of the set that is an array with a cell for each page.
 */
#ifndef TESTS_UNIT_REGION_MODEL_H
#define TESTS_UNIT_REGION_MODEL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "region.h"

#include "../support/mock_port.h"

#define PAGE 4096ull

/* Frames of any address will do for a node. */
static bool fill_pool(struct ax_pool *pool, size_t count)
{
	return ax_pool_fill(pool, count, AX_POOL_ANY_ADDRESS) == AX_OK;
}

/* ---- the checker */

struct check_totals {
	size_t regions;
	size_t nodes;
	const struct ax_region *before;
};

static bool regions_alike(const struct ax_region *low, const struct ax_region *high)
{
	uint64_t distance = high->first - low->first;

	if (low->last + 1 != high->first || low->flags != high->flags || low->type != high->type)
		return false;
	if (!(low->traits & high->traits & AX_REGION_MERGES) || low->traits != high->traits)
		return false;
	return high->object - low->object == (low->traits & AX_REGION_ADVANCES ? distance : 0);
}

static void check_region(const struct ax_region *region, struct check_totals *totals)
{
	assert_true(region->first <= region->last);
	assert_int_equal(region->first % PAGE, 0);
	assert_int_equal((region->last + 1) % PAGE, 0);
	if (totals->before) {
		assert_true(totals->before->last < region->first);
		assert_false(regions_alike(totals->before, region));
	}
	totals->before = region;
	totals->regions++;
}

/* The numbers of all the entries, each of them once. */
static void check_order(const struct ax_region_node *node)
{
	bool seen[AX_REGION_NODE_CAPACITY] = {false};

	for (unsigned i = 0; i < AX_REGION_NODE_CAPACITY; i++) {
		assert_in_range(node->order[i], 0, AX_REGION_NODE_CAPACITY - 1);
		assert_false(seen[node->order[i]]);
		seen[node->order[i]] = true;
	}
}

/* Recursive: the tree is at most 11 high, and this is a test. Returns what a branch to it says. */
static struct ax_region_branch check_node(struct ax_region_node *node, unsigned level, bool root,
					  struct check_totals *totals)
{
	struct ax_region_branch real = {.child = node};

	totals->nodes++;
	assert_ptr_equal(mock_ptr(node->frame.hpa), node);
	assert_int_equal(node->level, level);
	assert_in_range(node->count, root ? (level > 0 ? 2 : 1) : AX_REGION_NODE_MIN,
			AX_REGION_NODE_CAPACITY);
	check_order(node);
	for (unsigned i = 0; i < node->count; i++) {
		const union ax_region_entry *entry = ax_region_entry(node, i);
		const struct ax_region_span *span = &entry->span;
		uint64_t gap = i > 0 ? span->first - real.last - 1 : 0;

		assert_int_equal(node->last[i], span->last);
		if (level > 0) {
			const struct ax_region_branch *branch = &entry->branch;
			struct ax_region_branch below =
				check_node(branch->child, level - 1, false, totals);

			assert_int_equal(branch->first, below.first);
			assert_int_equal(branch->last, below.last);
			assert_int_equal(branch->gap, below.gap);
			real.gap = below.gap > real.gap ? below.gap : real.gap;
		} else {
			check_region(&entry->region, totals);
		}
		real.gap = gap > real.gap ? gap : real.gap;
		real.first = i > 0 ? real.first : span->first;
		real.last = span->last;
	}
	return real;
}

/* Everything that has to be true of a tree between two operations. */
static void ax_region_check(const struct ax_region_set *set)
{
	struct check_totals totals = {0, 0, NULL};

	if (set->root)
		check_node(set->root, set->root->level, true, &totals);
	assert_int_equal(totals.regions, ax_region_count(set));
	assert_int_equal(totals.nodes, ax_region_node_frames(set));
	assert_true(totals.nodes <= 1 + totals.regions / (AX_REGION_NODE_MIN - 1));
	assert_true((totals.nodes == 0) == (totals.regions == 0));
}

/* ---- operations, with their frames */

enum operation { INSERT, REMOVE, PROTECT };

struct change {
	enum operation operation;
	struct ax_region region; /* REMOVE: the range; PROTECT: the range and the flags */
};

static inline void remove_range(struct ax_region_set *set, uint64_t first, uint64_t last,
				struct ax_pool *pool)
{
	struct ax_region_path path;

	(void)ax_region_seek(set, first, &path);
	ax_region_remove(set, &path, first, last, pool);
}

static size_t change_needs(const struct ax_region_set *set, const struct change *change)
{
	const struct ax_region *region = &change->region;
	struct ax_region_path path;

	(void)ax_region_seek(set, region->first, &path);

	switch (change->operation) {
	case INSERT:
		return ax_region_insert_needs(set, &path, region);
	case REMOVE:
		return ax_region_remove_needs(set, &path, region->first, region->last);
	default:
		return ax_region_protect_needs(set, region->first, region->last, region->flags);
	}
}

static void change_apply(struct ax_region_set *set, const struct change *change,
			 struct ax_pool *pool)
{
	const struct ax_region *region = &change->region;
	struct ax_region_path path;

	switch (change->operation) {
	case INSERT:
		(void)ax_region_seek(set, region->first, &path);
		ax_region_insert(set, &path, region, pool);
		return;
	case REMOVE:
		remove_range(set, region->first, region->last, pool);
		return;
	default:
		ax_region_protect(set, region->first, region->last, region->flags, pool);
	}
}

#define UNTOUCHED 0xffffffffu

static uint64_t *first_entry_of(struct ax_pool_frame *frame)
{
	return &((struct ax_region_node *)(void *)frame)->entry[0].span.first;
}

/* Take every frame out of a pool and put it back by itself, with what would be its first entry marked. */
static void mark_frames(struct ax_pool *pool)
{
	struct ax_pool marked = {NULL, 0};

	while (pool->count != 0) {
		struct ax_pool_frame *frame = ax_pool_take(pool);

		ax_pool_put(&marked, frame, frame->hpa);
		*first_entry_of(frame) = UNTOUCHED;
	}
	*pool = marked;
}

/*
 * Do it with a pool that holds exactly what was said to be needed. A node that is taken gets entries;
 * so it can be seen afterwards that each frame of the pool was needed indeed.
 * Returns the needs.
 */
static size_t change_exactly(struct ax_region_set *set, const struct change *change)
{
	size_t needs = change_needs(set, change);
	struct ax_pool pool = {NULL, 0};
	size_t held;

	assert_true(fill_pool(&pool, needs));
	assert_int_equal(pool.count, needs);
	mark_frames(&pool);
	held = ax_region_node_frames(set) + pool.count;
	change_apply(set, change, &pool);
	assert_int_equal(ax_region_node_frames(set) + pool.count, held);
	for (struct ax_pool_frame *frame = pool.free; frame; frame = frame->next)
		assert_int_not_equal(*first_entry_of(frame), UNTOUCHED);
	ax_pool_drain(&pool);
	assert_int_equal(pool.count, 0);
	assert_null(pool.free);
	return needs;
}

/* ---- the model */

/**
 * struct cell - A page.
 * @used: In a region.
 * @starts: It is the region's first.
 * @object: Of this page, not of the region.
 */
struct cell {
	bool used;
	bool starts;
	uint16_t type;
	uint16_t traits;
	uint32_t flags;
	uint64_t object;
};

struct model {
	uint64_t base;
	size_t pages;
	struct cell *cell;
};

static void model_init(struct model *model, uint64_t base, size_t pages)
{
	model->base = base;
	model->pages = pages;
	model->cell = calloc(pages, sizeof(*model->cell));
	assert_non_null(model->cell);
}

static void model_destroy(struct model *model)
{
	free(model->cell);
}

static uint64_t page_first(const struct model *model, size_t page)
{
	return model->base + page * PAGE;
}

static uint64_t page_last(const struct model *model, size_t page)
{
	return page_first(model, page) + (PAGE - 1);
}

static size_t page_of(const struct model *model, uint64_t addr)
{
	return (size_t)((addr - model->base) / PAGE);
}

/* There may or must be a boundary before @page: is there one? */
static void model_boundary(struct model *model, size_t page)
{
	struct cell *cell = &model->cell[page];
	struct cell *before = cell - 1;

	if (page == model->pages || !cell->used)
		return;
	if (page == 0 || !before->used) {
		cell->starts = true;
		return;
	}
	if (cell->flags != before->flags)
		cell->starts = true;
	else if (cell->traits & AX_REGION_MERGES && cell->traits == before->traits &&
		 cell->type == before->type &&
		 cell->object == before->object + (cell->traits & AX_REGION_ADVANCES ? PAGE : 0))
		cell->starts = false;
}

static void model_change(struct model *model, const struct change *change)
{
	const struct ax_region *region = &change->region;
	size_t from = page_of(model, region->first);
	size_t end = page_of(model, region->last) + 1;

	for (size_t page = from; page < end; page++) {
		struct cell *cell = &model->cell[page];
		uint64_t offset =
			region->traits & AX_REGION_ADVANCES ? (uint64_t)(page - from) * PAGE : 0;

		if (change->operation == INSERT)
			*cell = (struct cell){
				.used = true,
				.starts = page == from,
				.type = region->type,
				.traits = region->traits,
				.flags = region->flags,
				.object = region->object + offset,
			};
		else if (change->operation == REMOVE)
			*cell = (struct cell){.used = false};
		else if (cell->used)
			cell->flags = region->flags;
	}
	for (size_t page = from; page <= end; page++)
		model_boundary(model, page);
}

/* The set says of @page what the model says. */
static void compare_page(const struct ax_region_set *set, const struct model *model, size_t page)
{
	const struct cell *cell = &model->cell[page];
	uint64_t first = page_first(model, page);
	const struct ax_region *region = ax_region_find(set, first);
	uint64_t offset;

	if (!cell->used) {
		assert_null(region);
		return;
	}
	assert_non_null(region);
	assert_ptr_equal(ax_region_find(set, page_last(model, page)), region);
	assert_int_equal(region->first == first, cell->starts);
	assert_int_equal(region->flags, cell->flags);
	assert_int_equal(region->type, cell->type);
	assert_int_equal(region->traits, cell->traits);
	offset = region->traits & AX_REGION_ADVANCES ? first - region->first : 0;
	assert_int_equal(region->object + offset, cell->object);
}

/* Over the pages [from, end), as far as there are such pages. */
static void compare(const struct ax_region_set *set, const struct model *model, size_t from,
		    size_t end)
{
	for (size_t page = from; page < end && page < model->pages; page++)
		compare_page(set, model, page);
}

/* ---- the model's answers */

/* The page that the first region that ends at or after @page begins with; pages: there is none. */
static size_t model_at_or_after(const struct model *model, size_t page)
{
	while (page < model->pages && !model->cell[page].used)
		page++;
	while (page < model->pages && !model->cell[page].starts)
		page--;
	return page;
}

/* The page that the last region that begins before @page begins with; pages: there is none. */
static size_t model_before(const struct model *model, size_t page)
{
	while (page-- > 0) {
		if (model->cell[page].starts)
			return page;
	}
	return model->pages;
}

static size_t model_used(const struct model *model, size_t from, size_t last)
{
	size_t used = 0;

	for (size_t page = from; page <= last; page++)
		used += model->cell[page].used;
	return used;
}

/* The window is the pages [lo, hi]; the hint is in bytes from the base. */
static bool model_find_gap(const struct model *model, size_t lo, size_t hi, uint64_t hint,
			   uint64_t size, uint64_t align, uint64_t *out)
{
	bool found = false;
	uint64_t free_bytes = 0;

	for (size_t page = hi + 1; page-- > lo && page * PAGE >= hint;) {
		free_bytes = model->cell[page].used ? 0 : free_bytes + PAGE;
		if (free_bytes < size || page_first(model, page) % align != 0)
			continue;
		*out = page_first(model, page);
		found = true;
	}
	return found;
}

#endif /* TESTS_UNIT_REGION_MODEL_H */
