/* SPDX-License-Identifier: Apache-2.0 */
#include "tlb_model.h"

#include <inttypes.h>

#include "check.h"
#include "mock_port.h"
#include "story.h"

/**
 * struct cached_table - A table pointer in a walk cache.
 * @hpa: The table.
 * @bytes: Its size.
 * @gpa: First guest byte below it.
 * @last: Last guest byte below it.
 * @level: Level of its entries.
 */
struct cached_table {
	uint64_t hpa;
	uint64_t bytes;
	uint64_t gpa;
	uint64_t last;
	unsigned level;
};

struct span {
	uint64_t first;
	uint64_t last;
};

static struct {
	const struct test_space *space; /* NULL: nothing is watched */
	struct leaf_list before;        /* all leaves of the last sync */
	bool *dropped;                  /* of before.leaves: a request covered it */
	struct cached_table *tables;
	size_t table_count;
	struct span *requests; /* since the last sync */
	size_t request_count;
} model;

static void *sized(void *memory, size_t count, size_t size)
{
	return story_realloc(memory, (count ? count : 1) * size);
}

static bool overlap(uint64_t first, uint64_t last, struct span span)
{
	return first <= span.last && span.first <= last;
}

static uint64_t leaf_last(const struct ref_leaf *leaf)
{
	return leaf->gpa + (leaf->size - 1);
}

static bool same_permissions(const struct ref_permissions *a, const struct ref_permissions *b)
{
	return a->read == b->read && a->write == b->write &&
	       a->execute_kernel == b->execute_kernel && a->execute_user == b->execute_user;
}

/* Whether b, which maps gpa, translates it as a does. */
static bool same_translation(const struct ref_leaf *a, const struct ref_leaf *b, uint64_t gpa)
{
	return a->hpa + (gpa - a->gpa) == b->hpa + (gpa - b->gpa) && a->type == b->type &&
	       same_permissions(&a->permissions, &b->permissions);
}

/* Requests */

static void check_request(const struct ax_tlb_request *request)
{
	CHECK_EQUAL(request->start.raw % AX_PAGE_SIZE_4K, 0);
	CHECK_EQUAL(request->size % AX_PAGE_SIZE_4K, 0);
	if (request->size)
		CHECK(request->start.raw + (request->size - 1) >= request->start.raw);
}

/* On stage 2 the old entry must be as it was, but for permissions, or invalid: nothing else yet. */
static void check_break_before_make(const struct ref_leaf *leaf)
{
	struct ref_access none = {0};
	struct ref_result result;

	if (model.space->format->format != AX_NPT_STAGE2)
		return;
	if (ref_walk(&model.space->cpu, &reference_memory, leaf->gpa, &none, &result) !=
	    REF_FAULT_NONE)
		return;
	if (result.leaf.size != leaf->size || result.leaf.hpa != leaf->hpa ||
	    result.leaf.type != leaf->type)
		FAIL("the entry of GPA %#" PRIx64 " was replaced before it was broken and flushed",
		     leaf->gpa);
}

static void drop_leaves(struct span span)
{
	for (size_t i = 0; i < model.before.count; i++) {
		const struct ref_leaf *leaf = &model.before.leaves[i];

		if (model.dropped[i] || !overlap(leaf->gpa, leaf_last(leaf), span))
			continue;
		check_break_before_make(leaf);
		model.dropped[i] = true;
	}
}

static void drop_tables(struct span span)
{
	size_t kept = 0;

	for (size_t i = 0; i < model.table_count; i++) {
		struct cached_table *table = &model.tables[i];

		if (!overlap(table->gpa, table->last, span))
			model.tables[kept++] = *table;
	}
	model.table_count = kept;
}

static void on_request(const struct ax_tlb_request *request, void *context)
{
	struct span span = {0, UINT64_MAX};

	(void)context;
	/* What names another guest does nothing for this one. */
	if (!model.space || request->format != model.space->format->format ||
	    request->tag != model.space->tag)
		return;
	check_request(request);
	if (request->size)
		span = (struct span){request->start.raw, request->start.raw + (request->size - 1)};
	drop_leaves(span);
	if (request->tables || !request->size)
		drop_tables(span);
	model.requests = sized(model.requests, model.request_count + 1, sizeof(*model.requests));
	model.requests[model.request_count++] = span;
	story_keep(model.requests);
}

/* Frames that come back */

static void on_free(uint64_t hpa, size_t count, void *context)
{
	struct span frames = {hpa, hpa + (uint64_t)count * AX_PAGE_SIZE_4K - 1};

	(void)context;
	if (!model.space)
		return;
	for (size_t i = 0; i < model.before.count; i++) {
		const struct ref_leaf *leaf = &model.before.leaves[i];

		if (!model.dropped[i] && overlap(leaf->hpa, leaf->hpa + (leaf->size - 1), frames))
			FAIL("frame %#" PRIx64 " came back while a TLB may map GPA %#" PRIx64
			     " to it",
			     hpa, leaf->gpa);
	}
	for (size_t i = 0; i < model.table_count; i++) {
		const struct cached_table *table = &model.tables[i];

		if (overlap(table->hpa, table->hpa + (table->bytes - 1), frames))
			FAIL("the table at %#" PRIx64 " came back while a walk cache may hold it",
			     table->hpa);
	}
}

/* Sync */

struct table_list {
	struct cached_table *tables;
	size_t count;
};

static void add_table(void *context, const struct ref_table *table)
{
	struct table_list *list = context;
	uint64_t root = ax_addrspace_page_table_root(&model.space->as).raw;
	uint64_t span = table->size / 8 * format_page_size(table->level);

	/* The root is in a register and in no walk cache. */
	if (table->hpa == root)
		return;
	list->tables = sized(list->tables, list->count + 1, sizeof(*list->tables));
	list->tables[list->count++] = (struct cached_table){
		.hpa = table->hpa,
		.bytes = table->size,
		.gpa = table->gpa,
		.last = table->gpa + (span - 1),
		.level = table->level,
	};
}

static void check_leaf_kept(const struct ref_leaf *leaf, const struct leaf_list *now)
{
	for (uint64_t gpa = leaf->gpa; gpa - leaf->gpa < leaf->size;) {
		const struct ref_leaf *found = leaf_list_find(now, gpa);

		if (!found || !same_translation(leaf, found, gpa))
			FAIL("the translation of GPA %#" PRIx64 " changed and nobody was told",
			     gpa);
		if (leaf_last(found) >= leaf_last(leaf))
			break;
		gpa = leaf_last(found) + 1;
	}
}

static void check_table_kept(const struct cached_table *table, const struct table_list *now)
{
	for (size_t i = 0; i < now->count; i++) {
		if (now->tables[i].hpa == table->hpa && now->tables[i].gpa == table->gpa &&
		    now->tables[i].level == table->level)
			return;
	}
	FAIL("the table of GPA %#" PRIx64 ", level %u, went and no walk cache was told", table->gpa,
	     table->level);
}

static void check_fenced(const struct ref_leaf *leaf)
{
	const struct ref_leaf *before = leaf_list_find(&model.before, leaf->gpa);

	if (before && same_translation(before, leaf, leaf->gpa))
		return;
	for (size_t i = 0; i < model.request_count; i++) {
		if (model.requests[i].first <= leaf->gpa &&
		    leaf_last(leaf) <= model.requests[i].last)
			return;
	}
	FAIL("GPA %#" PRIx64 " became valid and no fence followed", leaf->gpa);
}

static bool caches_invalid(const struct format_case *format)
{
	return format->format == AX_NPT_GSTAGE && !format_has(format, AX_NPT_FEATURE_SVVPTC);
}

static void judge(const struct leaf_list *leaves, const struct table_list *tables)
{
	for (size_t i = 0; i < model.before.count; i++) {
		if (!model.dropped[i])
			check_leaf_kept(&model.before.leaves[i], leaves);
	}
	for (size_t i = 0; i < model.table_count; i++)
		check_table_kept(&model.tables[i], tables);
	for (size_t i = 0; caches_invalid(model.space->format) && i < leaves->count; i++)
		check_fenced(&leaves->leaves[i]);
}

static void remember(struct leaf_list leaves, struct table_list tables)
{
	leaf_list_free(&model.before);
	story_free(model.tables);
	model.before = leaves;
	model.dropped = sized(model.dropped, leaves.count, sizeof(*model.dropped));
	for (size_t i = 0; i < leaves.count; i++)
		model.dropped[i] = false;
	model.tables = tables.tables;
	model.table_count = tables.count;
	model.request_count = 0;
	story_keep(model.before.leaves);
	story_keep(model.dropped);
	story_keep(model.tables);
}

void tlb_model_sync(void)
{
	struct table_list tables = {0};
	struct ref_visitor visitor = {.table = add_table, .context = &tables};
	struct leaf_list leaves;

	if (!model.space)
		return;
	leaf_list_scan(&leaves, model.space);
	ref_scan(&model.space->cpu, &reference_memory, &visitor, NULL);
	judge(&leaves, &tables);
	remember(leaves, tables);
}

void tlb_model_drop(void)
{
	model.space = NULL;
	leaf_list_free(&model.before);
	story_free(model.dropped);
	story_free(model.tables);
	story_free(model.requests);
	model.dropped = NULL;
	model.tables = NULL;
	model.requests = NULL;
	model.table_count = 0;
	model.request_count = 0;
	mock_set_tlb_hook(NULL, NULL);
	mock_set_free_hook(NULL, NULL);
}

void tlb_model_begin(const struct test_space *s)
{
	struct leaf_list leaves;

	tlb_model_drop();
	leaf_list_scan(&leaves, s);
	remember(leaves, (struct table_list){0});
	model.space = s;
	tlb_model_sync();
	mock_set_tlb_hook(on_request, NULL);
	mock_set_free_hook(on_free, NULL);
}

const struct test_space *tlb_model_space(void)
{
	return model.space;
}
