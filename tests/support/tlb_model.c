/* SPDX-License-Identifier: Apache-2.0 */
#include "tlb_model.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "hooks.h"
#include "mock_port.h"
#include "story.h"
#include "tlb_tree.h"

/* The CPUs. */
#define HERE  1u /* runs the library */
#define THERE 2u /* runs the guest */

enum stale_kind {
	STALE_LEAF,  /* a translation that was */
	STALE_TABLE, /* the way to a table that was linked */
	STALE_HOLE,  /* that there was nothing, where there is something now */
};

/**
 * struct stale - Something that CPUs may use and that the tables do not say.
 * @kind: What.
 * @cpus: Who may.
 * @told: Who was told of the range, though not of tables.
 * @old: Of a hole that is wide: the table was linked by an earlier operation.
 * @wide: CPUs for which only a request with tables helps: an entry that leads or led to one changed.
 * @range: The guest addresses; of a leaf, what it says of them; of a hole, what is there now.
 * @table: STALE_TABLE: the table. STALE_LEAF: the one it can be read from as long as walk caches lead
 *	there; NULL: it was overwritten.
 */
struct stale {
	enum stale_kind kind;
	unsigned cpus;
	unsigned wide;
	unsigned told;
	bool old;
	struct translation range;
	struct tlb_table *table;
};

/**
 * struct request - The last request that arrived, and what it did.
 * @arrived: There was one since the last flush.
 * @ours: It names the space that is watched.
 * @first: First byte.
 * @last: Last byte.
 * @tables: Of tables too.
 * @everything: All of the tag.
 * @cpu: Which CPU is just served.
 * @dropped: Stale things it made HERE forget.
 * @dropped_wide: Of these, those of entries that lead to tables.
 * @dropped_holes: Of these, those of entries that became valid.
 * @from: Their first byte.
 * @to: Their last byte.
 */
struct request {
	bool arrived;
	bool ours;
	uint64_t first;
	uint64_t last;
	bool tables;
	bool everything;
	unsigned cpu;
	size_t dropped;
	size_t dropped_wide;
	size_t dropped_holes;
	uint64_t from;
	uint64_t to;
};

static struct {
	const struct test_space *space; /* NULL: nothing is watched */
	unsigned all;                   /* its CPUs */
	bool destroyed;                 /* its root went back */
	unsigned long operation;        /* counts up */
	struct stale *stale;
	size_t count;
	size_t capacity;
	uint64_t highest; /* last byte of all that is stale */
	struct request request;
	unsigned requests;                   /* to all CPUs, of this operation */
	unsigned splits;                     /* leaves that a table replaced, of this operation */
	bool unpublished;                    /* entries became valid and no barrier followed */
	uint16_t mapped[MOCK_FRAME_NUMBERS]; /* leaves that lead to each frame of the port */
} model;

static enum ax_npt_format_id format(void)
{
	return model.space->format->format;
}

static bool caches_holes(void)
{
	return format() == AX_NPT_GSTAGE && !format_has(model.space->format, AX_NPT_FEATURE_SVVPTC);
}

static bool watching(void)
{
	return model.space && !model.destroyed;
}

static bool overlap(const struct translation *range, uint64_t first, uint64_t last)
{
	return first <= range->last && range->gpa <= last;
}

/* What is stale */

static void add_stale(struct stale stale)
{
	if (model.count == model.capacity) {
		model.capacity = model.capacity ? 2 * model.capacity : 64;
		model.stale = realloc(model.stale, model.capacity * sizeof(*model.stale));
		if (!model.stale)
			FAIL("the test itself ran out of memory");
	}
	if (!model.count || model.highest < stale.range.last)
		model.highest = stale.range.last;
	stale.cpus = model.all;
	model.stale[model.count++] = stale;
}

/* Keep what somebody may still use. */
static void sweep_stale(void)
{
	size_t kept = 0;

	for (size_t i = 0; i < model.count; i++) {
		if (model.stale[i].cpus)
			model.stale[kept++] = model.stale[i];
	}
	model.count = kept;
}

/* Whether the tables say again what a stale thing says. */
static bool holds_again(const struct stale *stale)
{
	const struct translation *range = &stale->range;
	struct translation now;
	uint64_t gpa = range->gpa;

	if (stale->kind == STALE_TABLE)
		return false;
	if (stale->kind == STALE_HOLE)
		return !tlb_tree_translate(gpa, &now);
	for (;;) {
		if (!tlb_tree_translate(gpa, &now) || !translation_agrees(range, &now, gpa))
			return false;
		if (now.last >= range->last)
			return true;
		gpa = now.last + 1;
	}
}

static void fail_stale(const struct stale *stale)
{
	static const char *const what[] = {
		[STALE_LEAF] = "the translation of",
		[STALE_TABLE] = "the way to the table of",
		[STALE_HOLE] = "the absence of",
	};

	FAIL("a CPU may still use %s GPA %#" PRIx64 " to %#" PRIx64 ", and nobody was told%s",
	     what[stale->kind], stale->range.gpa, stale->range.last,
	     stale->wide ? " of tables" : "");
}

/* Two translations of one address beside each other */

/* Whether stage 2 forbids that both be live: all but a difference in permissions. */
static bool conflict(const struct translation *a, const struct translation *b)
{
	return a->last - a->gpa != b->last - b->gpa || a->hpa != b->hpa || a->type != b->type ||
	       a->shareability != b->shareability;
}

static void fail_break(uint64_t gpa)
{
	FAIL("the entry of GPA %#" PRIx64 " was replaced before it was broken and flushed", gpa);
}

/* A leaf, or the way to a table, becomes live where something else may still be used. */
static void check_made(const struct translation *made, bool table)
{
	if (format() != AX_NPT_STAGE2 || !model.count || made->gpa > model.highest)
		return;
	for (size_t i = 0; i < model.count; i++) {
		const struct stale *stale = &model.stale[i];

		if (stale->kind == STALE_HOLE || !overlap(&stale->range, made->gpa, made->last))
			continue;
		if (stale->kind == STALE_TABLE || (!table && conflict(&stale->range, made)))
			fail_break(made->gpa);
	}
}

/* Frames behind leaves */

static void count_frames(const struct translation *leaf, int by)
{
	uint64_t hpa = leaf->hpa;
	uint64_t left = leaf->last - leaf->gpa + 1;
	uint64_t rest;

	while (left) {
		size_t frame = mock_frame_number(hpa, &rest);

		if (frame == MOCK_FRAME_NUMBERS && rest >= left)
			return;
		if (frame != MOCK_FRAME_NUMBERS) {
			model.mapped[frame] = (uint16_t)(model.mapped[frame] + by);
			rest = AX_PAGE_SIZE_4K;
		}
		hpa += rest;
		left -= rest;
	}
}

/* Entries that come and go */

/* A page became valid. CPUs that may believe that the way to it is absent need a fence of tables. */
static void add_hole(const struct tlb_table *table, const struct translation *leaf)
{
	struct stale hole = {.kind = STALE_HOLE, .range = *leaf, .old = true};

	for (; table; table = table->above) {
		hole.wide |= table->fresh;
		hole.old &= !table->fresh || table->born != model.operation;
	}
	add_stale(hole);
}

static void leaf_comes(struct tlb_table *table, const struct translation *leaf, bool hole)
{
	if (!table->linked) {
		/* Read through what a walk cache holds: never anything that the tables say. */
		add_stale((struct stale){.kind = STALE_LEAF, .range = *leaf, .table = table});
		return;
	}
	check_made(leaf, false);
	count_frames(leaf, 1);
	model.unpublished |= hole;
	if (hole && caches_holes())
		add_hole(table, leaf);
}

static void leaf_goes(struct tlb_table *table, const struct translation *leaf, bool overwritten,
		      unsigned wide)
{
	if (!table->linked && !overwritten)
		return;
	if (table->linked)
		count_frames(leaf, -1);
	add_stale((struct stale){.kind = STALE_LEAF,
				 .wide = wide,
				 .range = *leaf,
				 .table = overwritten ? NULL : table});
}

static void link_table(uint64_t hpa, uint64_t gpa, unsigned level, struct tlb_table *above,
		       const struct ref_permissions *way, bool hole);

static void entry_comes(struct tlb_table *table, size_t index, uint64_t entry, bool hole)
{
	struct ref_entry decoded;
	struct translation range;

	switch (tlb_decode(table, index, entry, &decoded, &range)) {
	case REF_ENTRY_ABSENT:
		break;
	case REF_ENTRY_LEAF:
		leaf_comes(table, &range, hole);
		break;
	case REF_ENTRY_TABLE:
		check_made(&range, true);
		link_table(decoded.address, range.gpa, table->level - 1, table,
			   &decoded.permissions, hole);
		break;
	default:
		FAIL("entry %#" PRIx64 " of GPA %#" PRIx64 " is malformed", entry, range.gpa);
	}
}

static void link_table(uint64_t hpa, uint64_t gpa, unsigned level, struct tlb_table *above,
		       const struct ref_permissions *way, bool hole)
{
	const uint64_t *entries = mock_ptr(hpa);
	struct tlb_table *table = tlb_tree_find(hpa);

	if (table)
		FAIL("the table at %#" PRIx64 " is linked for GPA %#" PRIx64
		     " and reached by %#" PRIx64,
		     hpa, gpa, table->gpa);
	table = tlb_tree_add(hpa, gpa, level, above, way);
	table->linked = above->linked;
	table->cached = above->cached;
	table->born = model.operation;
	table->fresh = hole && caches_holes() ? model.all : 0;
	for (size_t i = 0; i < table->count; i++) {
		table->current[i] = __atomic_load_n(&entries[i], __ATOMIC_RELAXED);
		entry_comes(table, i, table->current[i], hole);
	}
}

static void unlink_table(struct tlb_table *table)
{
	struct translation range = {.gpa = table->gpa, .last = tlb_table_last(table)};
	struct ref_entry decoded;

	add_stale((struct stale){
		.kind = STALE_TABLE, .wide = model.all, .range = range, .table = table});
	for (size_t i = 0; i < table->count; i++) {
		switch (tlb_decode(table, i, table->current[i], &decoded, &range)) {
		case REF_ENTRY_LEAF:
			leaf_goes(table, &range, false, 0);
			break;
		case REF_ENTRY_TABLE:
			unlink_table(tlb_tree_find(decoded.address));
			break;
		default:
			break;
		}
	}
	table->linked = false;
	table->cached = model.all;
}

/* A live entry is replaced by another live one by one store. */
static void check_replaced(const struct tlb_table *table, const struct ref_entry *old,
			   const struct translation *was, const struct ref_entry *new,
			   const struct translation *is)
{
	if (!table->linked)
		return;
	switch (format()) {
	case AX_NPT_STAGE2:
		if (old->kind != REF_ENTRY_LEAF || new->kind != REF_ENTRY_LEAF || conflict(was, is))
			fail_break(was->gpa);
		break;
	case AX_NPT_EPT:
	case AX_NPT_AMD:
		if (old->kind == REF_ENTRY_TABLE && new->kind == REF_ENTRY_LEAF)
			FAIL("tables of GPA %#" PRIx64 " became a leaf in one store", was->gpa);
		break;
	default:
		break;
	}
}

/* On x86 a table in the place of a leaf changes the size, and may change nothing else. */
static void check_split(const struct translation *was)
{
	struct translation now;
	uint64_t gpa = was->gpa;

	if (format() != AX_NPT_EPT && format() != AX_NPT_AMD)
		return;
	for (; gpa < was->last; gpa += AX_PAGE_SIZE_4K) {
		if (tlb_tree_translate(gpa, &now) && !translation_agrees(was, &now, gpa))
			FAIL("the size and more of GPA %#" PRIx64 " changed in one store", gpa);
	}
}

static bool same_entry(const struct ref_entry *a, const struct translation *was,
		       const struct ref_entry *b, const struct translation *is)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == REF_ENTRY_TABLE)
		return a->address == b->address &&
		       permissions_equal(&a->permissions, &b->permissions);
	return a->kind == REF_ENTRY_ABSENT || translation_agrees(was, is, was->gpa);
}

static void change(struct tlb_table *table, size_t index, uint64_t entry)
{
	uint64_t before = table->current[index];
	struct ref_entry old, new;
	struct translation was, is;

	table->current[index] = entry;
	tlb_decode(table, index, before, &old, &was);
	tlb_decode(table, index, entry, &new, &is);
	if (same_entry(&old, &was, &new, &is))
		return;
	if (old.kind != REF_ENTRY_ABSENT && new.kind != REF_ENTRY_ABSENT)
		check_replaced(table, &old, &was, &new, &is);
	if (old.kind == REF_ENTRY_LEAF)
		leaf_goes(table, &was, true, new.kind == REF_ENTRY_TABLE ? model.all : 0);
	else if (old.kind == REF_ENTRY_TABLE)
		unlink_table(tlb_tree_find(old.address));
	entry_comes(table, index, entry, old.kind == REF_ENTRY_ABSENT);
	if (new.kind == REF_ENTRY_TABLE && table->linked)
		model.splits++;
	if (old.kind == REF_ENTRY_LEAF && new.kind == REF_ENTRY_TABLE)
		check_split(&was);
}

static void on_store(const uint64_t *slot, uint64_t entry)
{
	struct tlb_table *table;
	uint64_t hpa;

	if (!watching() || !mock_find(slot, &hpa))
		return;
	table = tlb_tree_find(hpa);
	if (table)
		change(table, (size_t)(hpa - table->hpa) / 8, entry);
}

/* Requests */

/* Whether a walk cache of a CPU leads to a table, or to one above it. */
static bool is_cached(const struct tlb_table *table, unsigned cpu)
{
	for (; table && !table->linked; table = table->above) {
		if (table->cached & cpu)
			return true;
	}
	return false;
}

static void note_dropped(const struct stale *stale)
{
	struct request *request = &model.request;

	if (!request->dropped || stale->range.gpa < request->from)
		request->from = stale->range.gpa;
	if (!request->dropped || stale->range.last > request->to)
		request->to = stale->range.last;
	request->dropped++;
	request->dropped_wide += stale->wide != 0;
	request->dropped_holes += stale->kind == STALE_HOLE;
}

static bool covers(const struct request *request, const struct stale *stale)
{
	return request->first <= stale->range.gpa && stale->range.last <= request->last;
}

static void drop_one(struct stale *stale, unsigned cpu)
{
	if (!(stale->cpus & cpu) || !covers(&model.request, stale))
		return;
	stale->told |= cpu;
	if ((stale->wide & cpu) && !model.request.tables)
		return;
	/* What is above still leads there: it is cached again at once. */
	if (stale->kind == STALE_TABLE && is_cached(stale->table->above, cpu))
		return;
	if (stale->kind == STALE_LEAF && is_cached(stale->table, cpu))
		return;
	stale->cpus &= ~cpu;
	if (stale->kind == STALE_TABLE)
		stale->table->cached &= ~cpu;
	if (cpu == HERE)
		note_dropped(stale);
}

static void drop_fresh(struct tlb_table *table)
{
	const struct request *request = &model.request;

	if (request->tables && request->first <= tlb_table_last(table) &&
	    table->gpa <= request->last)
		table->fresh &= ~request->cpu;
}

/* Ways first, upper ones before those below them, as they were added; then what they lead to. */
static void drop(unsigned cpu)
{
	model.request.cpu = cpu;
	if (model.request.tables && caches_holes())
		tlb_tree_each(drop_fresh);
	for (size_t i = 0; i < model.count; i++) {
		if (model.stale[i].kind == STALE_TABLE)
			drop_one(&model.stale[i], cpu);
	}
	for (size_t i = 0; i < model.count; i++) {
		if (model.stale[i].kind != STALE_TABLE)
			drop_one(&model.stale[i], cpu);
	}
}

/* Nobody can reach a table any more. What was read from it stays where it was cached. */
static void forget_table(struct tlb_table *table)
{
	for (size_t i = 0; i < model.count; i++) {
		struct stale *stale = &model.stale[i];

		if (!stale->cpus || !stale->table)
			continue;
		if (stale->kind == STALE_TABLE && stale->table->above == table)
			stale->table->above = NULL;
		else if (stale->kind == STALE_LEAF && stale->table == table)
			stale->table = NULL;
	}
	tlb_tree_remove(table);
}

static void forget_tables(void)
{
	for (size_t i = 0; i < model.count; i++) {
		if (model.stale[i].kind == STALE_TABLE && !model.stale[i].cpus)
			forget_table(model.stale[i].table);
	}
	sweep_stale();
}

static void on_request(const struct ax_tlb_request *request, void *context)
{
	(void)context;
	if (!watching())
		return;
	CHECK_EQUAL(request->start.raw % AX_PAGE_SIZE_4K, 0);
	CHECK_EQUAL(request->size % AX_PAGE_SIZE_4K, 0);
	model.request = (struct request){.arrived = true};
	/* What names another guest does nothing for this one. */
	if (request->format != format() || request->tag != model.space->tag)
		return;
	model.request.ours = true;
	model.request.first = request->start.raw;
	model.request.last = request->start.raw + (request->size - 1);
	model.request.tables = request->tables;
	if (!request->size) {
		model.request.first = 0;
		model.request.last = UINT64_MAX;
		model.request.tables = true;
		model.request.everything = true;
	}
	CHECK(model.request.first <= model.request.last);
	drop(HERE);
	model.unpublished = false;
}

static void check_needed(const struct request *request)
{
	/* A new table of the same tag, which is another space's. */
	if (request->everything && !model.count)
		return;
	if (request->everything)
		FAIL("an invalidation of everything, but there is a range");
	if (!request->dropped)
		FAIL("an invalidation of %#" PRIx64 " to %#" PRIx64 ", where nothing is stale",
		     request->first, request->last);
	if (request->first < request->from)
		FAIL("an invalidation from %#" PRIx64 ", but what is stale begins at %#" PRIx64,
		     request->first, request->from);
	if (request->last > request->to)
		FAIL("an invalidation to %#" PRIx64 ", but what is stale ends at %#" PRIx64,
		     request->last, request->to);
	if (request->tables && !request->dropped_wide && !request->dropped_holes)
		FAIL("an invalidation of tables at %#" PRIx64 ", but no table changed",
		     request->first);
}

static void on_flush(bool everywhere)
{
	struct request request = model.request;

	if (!watching())
		return;
	if (!request.arrived)
		FAIL("an invalidation that did not arrive");
	if (request.ours) {
		if (everywhere || format() == AX_NPT_STAGE2)
			drop(THERE);
		if (everywhere) {
			check_needed(&request);
			model.requests += !request.everything;
		} else if (caches_holes()) {
			CHECK_EQUAL(request.last - request.first, AX_PAGE_SIZE_4K - 1);
		}
		forget_tables();
	}
	model.request = (struct request){.arrived = false};
}

static void on_publish(void)
{
	model.unpublished = false;
}

/* Ends of operations */

/*
 * A CPU that believes in a hole faults, finds the page there, and fences then: a fault need not tell
 * the others. Nor can it know whether its own CPU has ever seen a table that was there already: then it
 * fences the page, and that CPU may fault once more.
 */
static bool may_stay_after_fault(const struct stale *stale)
{
	return stale->kind == STALE_HOLE &&
	       (!(stale->cpus & HERE) || (stale->old && (stale->told & HERE)));
}

static void judge(bool reader)
{
	size_t kept = 0;

	for (size_t i = 0; i < model.count; i++) {
		struct stale *stale = &model.stale[i];

		if (!holds_again(stale) && !(reader && may_stay_after_fault(stale)))
			model.stale[kept++] = *stale;
	}
	model.count = kept;
	if (model.count)
		fail_stale(&model.stale[0]);
	if (model.unpublished && format() == AX_NPT_STAGE2)
		FAIL("entries became valid, and no barrier followed");
	model.unpublished = false;
}

static void next_operation(void)
{
	model.requests = 0;
	model.splits = 0;
	model.operation++;
}

static void on_write_end(void)
{
	unsigned most = 1;

	if (!watching())
		return;
	judge(false);
	if (format() == AX_NPT_STAGE2)
		most += model.splits;
	if (model.requests > most)
		FAIL("%u invalidations of one operation", model.requests);
	next_operation();
}

static void on_read_end(void)
{
	if (!watching())
		return;
	judge(true);
	next_operation();
}

/* Frames that come back */

/* The root may go when nothing is left in it: no CPU runs the guest any more. */
static void root_goes(const struct tlb_table *root)
{
	struct ref_entry decoded;
	struct translation range;

	for (size_t i = 0; i < root->count; i++) {
		if (tlb_decode(root, i, root->current[i], &decoded, &range) != REF_ENTRY_ABSENT)
			FAIL("the root came back with GPA %#" PRIx64 " in it", range.gpa);
	}
	judge(false);
	model.destroyed = true;
}

static void check_frame(uint64_t hpa)
{
	const struct tlb_table *table = tlb_tree_find(hpa);
	uint64_t rest;
	size_t frame = mock_frame_number(hpa, &rest);

	if (table && table->linked)
		FAIL("the table at %#" PRIx64 " came back while it is linked", hpa);
	if (table)
		FAIL("the table at %#" PRIx64 " came back while a walk cache may hold it", hpa);
	if (frame != MOCK_FRAME_NUMBERS && model.mapped[frame])
		FAIL("frame %#" PRIx64 " came back while it is mapped", hpa);
	for (size_t i = 0; i < model.count; i++) {
		const struct translation *range = &model.stale[i].range;

		if (model.stale[i].kind == STALE_LEAF &&
		    hpa - range->hpa <= range->last - range->gpa)
			FAIL("frame %#" PRIx64 " came back while a TLB may map GPA %#" PRIx64
			     " to it",
			     hpa, range->gpa + (hpa - range->hpa));
	}
}

static void on_free(uint64_t hpa, size_t count, void *context)
{
	(void)context;
	if (!watching())
		return;
	if (hpa == tlb_tree_root()->hpa) {
		root_goes(tlb_tree_root());
		return;
	}
	for (size_t i = 0; i < count; i++)
		check_frame(hpa + i * AX_PAGE_SIZE_4K);
}

/* From outside */

static void check_entries(struct tlb_table *table)
{
	const uint64_t *entries = mock_ptr(table->hpa);

	for (size_t i = 0; i < table->count; i++) {
		if (entries[i] != table->current[i])
			FAIL("entry %zu of the table of GPA %#" PRIx64
			     ", level %u, became %#" PRIx64 ", and no store was told of",
			     i, table->gpa, table->level, entries[i]);
	}
}

void tlb_model_sync(void)
{
	if (!watching())
		return;
	tlb_tree_each(check_entries);
	judge(false);
}

void tlb_model_drop(void)
{
	tlb_tree_end();
	free(model.stale);
	memset(&model, 0, sizeof(model));
	mock_set_tlb_hook(NULL, NULL);
	mock_set_free_hook(NULL, NULL);
	host_hooks_set(NULL);
}

void tlb_model_begin(const struct test_space *s)
{
	static const struct host_hooks hooks = {on_store, on_flush, on_publish, on_write_end,
						on_read_end};
	const char *wanted = getenv("AX_TLB_MODEL");
	struct tlb_table *root;
	const uint64_t *entries;

	tlb_model_drop();
	if (wanted && strcmp(wanted, "off") == 0)
		return;
	model.space = s;
	model.all = s->cpus > 1 ? HERE | THERE : HERE;
	tlb_tree_begin(&s->cpu);
	root = tlb_tree_root();
	entries = mock_ptr(root->hpa);
	for (size_t i = 0; i < root->count; i++) {
		root->current[i] = entries[i];
		entry_comes(root, i, entries[i], false);
	}
	mock_set_tlb_hook(on_request, NULL);
	mock_set_free_hook(on_free, NULL);
	host_hooks_set(&hooks);
}

const struct test_space *tlb_model_space(void)
{
	return model.space;
}
