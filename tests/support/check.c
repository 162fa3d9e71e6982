/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mock_port.h"
#include "story.h"
#include "tlb_model.h"

#define PAGE 4096u

static void *grow(void *memory, size_t count, size_t size)
{
	return story_realloc(memory, count * size);
}

/* Leaves */

struct scan_context {
	const struct test_space *space;
	struct leaf_list *list;
	struct ref_problem problem;
	bool bad;
};

static void add_leaf(void *context, const struct ref_leaf *leaf)
{
	struct leaf_list *list = ((struct scan_context *)context)->list;

	if (list->count == list->capacity) {
		list->capacity = list->capacity ? 2 * list->capacity : 64;
		list->leaves = grow(list->leaves, list->capacity, sizeof(*list->leaves));
	}
	list->leaves[list->count++] = *leaf;
}

/* A table without entries may stay where a region can still be backed in it, and only there. */
static bool is_kept_for_a_region(const struct test_space *s, const struct ref_problem *problem)
{
	uint64_t last = problem->gpa + (format_page_size(problem->level + 1) - 1);
	struct ax_region_info region;

	return problem->kind == REF_PROBLEM_EMPTY &&
	       ax_addrspace_next_region(&s->as, ax_gpa(problem->gpa), &region) == AX_OK &&
	       region.start.raw <= last && region.type != AX_REGION_LINEAR;
}

static void add_problem(void *context, const struct ref_problem *problem)
{
	struct scan_context *scan = context;

	if (is_kept_for_a_region(scan->space, problem))
		return;
	if (!scan->bad)
		scan->problem = *problem;
	scan->bad = true;
}

static void scan(struct leaf_list *list, const struct test_space *s, struct ref_summary *summary)
{
	struct scan_context context = {.space = s, .list = list};
	struct ref_visitor visitor = {
		.leaf = add_leaf, .problem = add_problem, .context = &context};

	*list = (struct leaf_list){0};
	ref_scan(&s->cpu, &reference_memory, &visitor, summary);
	if (summary->root_error != REF_ROOT_OK)
		FAIL("the registers are wrong: %s", ref_root_error_name(summary->root_error));
	if (!context.bad)
		return;
	FAIL("%s (%s): entry %#" PRIx64 " at %#" PRIx64 ", level %u, GPA %#" PRIx64,
	     ref_problem_name(context.problem.kind), ref_fault_name(context.problem.fault),
	     context.problem.entry, context.problem.hpa, context.problem.level,
	     context.problem.gpa);
}

void leaf_list_scan(struct leaf_list *list, const struct test_space *s)
{
	struct ref_summary summary;

	scan(list, s, &summary);
}

void leaf_list_free(struct leaf_list *list)
{
	story_free(list->leaves);
	*list = (struct leaf_list){0};
}

/* The first leaf that ends above a byte; list->count when there is none. */
static size_t leaf_index(const struct leaf_list *list, uint64_t gpa)
{
	size_t low = 0;
	size_t high = list->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (list->leaves[middle].gpa + list->leaves[middle].size - 1 < gpa)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct ref_leaf *leaf_list_find(const struct leaf_list *list, uint64_t gpa)
{
	size_t index = leaf_index(list, gpa);

	if (index == list->count || list->leaves[index].gpa > gpa)
		return NULL;
	return &list->leaves[index];
}

/* Single addresses */

static bool walk(const struct test_space *s, uint64_t gpa, ax_flags_t access,
		 struct ref_result *result)
{
	struct ref_access wanted = {
		.read = access & AX_READ,
		.write = access & AX_WRITE,
		.execute = access & AX_EXECUTE,
		.user = access & AX_USER,
	};

	return ref_walk(&s->cpu, &reference_memory, gpa, &wanted, result) == REF_FAULT_NONE;
}

bool reference_translate(const struct test_space *s, uint64_t gpa, uint64_t *hpa)
{
	struct ref_result result;

	if (!walk(s, gpa, 0, &result))
		return false;
	*hpa = result.hpa;
	return true;
}

bool reference_allows(const struct test_space *s, uint64_t gpa, ax_flags_t access)
{
	struct ref_result result;

	return walk(s, gpa, access, &result);
}

unsigned char *reference_ptr(const struct test_space *s, uint64_t gpa)
{
	uint64_t hpa = 0;

	if (!reference_translate(s, gpa, &hpa))
		FAIL("GPA %#" PRIx64 " is not mapped", gpa);
	return mock_ptr(hpa);
}

uint64_t leaf_size_at(const struct test_space *s, uint64_t gpa)
{
	struct ref_result result;

	return walk(s, gpa, 0, &result) ? result.leaf.size : 0;
}

/* Bytes from gpa on that are in one 4 KiB page, at most size. */
static uint64_t in_page(uint64_t gpa, uint64_t size)
{
	uint64_t rest = PAGE - gpa % PAGE;

	return rest < size ? rest : size;
}

void check_bytes(const struct test_space *s, uint64_t gpa, uint64_t size, unsigned char byte)
{
	while (size) {
		const unsigned char *bytes = reference_ptr(s, gpa);
		uint64_t part = in_page(gpa, size);

		for (uint64_t i = 0; i < part; i++) {
			if (bytes[i] != byte)
				FAIL("GPA %#" PRIx64 " holds %#x, not %#x", gpa + i, bytes[i],
				     byte);
		}
		gpa += part;
		size -= part;
	}
}

void fill_bytes(const struct test_space *s, uint64_t gpa, uint64_t size, unsigned char byte)
{
	while (size) {
		uint64_t part = in_page(gpa, size);

		memset(reference_ptr(s, gpa), byte, part);
		gpa += part;
		size -= part;
	}
}

/* Counts */

/* A root of less than a frame takes a whole one; all other tables are frames. */
static uint64_t frames_of_tables(const struct test_space *s, const struct ref_summary *summary)
{
	struct ref_root root;

	CHECK_EQUAL(ref_decode_root(&s->cpu, &root), REF_ROOT_OK);
	return summary->tables - 1 + (root.size + PAGE - 1) / PAGE;
}

static void check_counts(const struct test_space *s, const struct ref_summary *summary)
{
	struct ax_addrspace_stats stats;

	ax_addrspace_stats(&s->as, &stats);
	CHECK_EQUAL(stats.table_frames, frames_of_tables(s, summary));
	for (unsigned level = 0; level < AX_NPT_LEVELS_MAX; level++)
		CHECK_EQUAL(stats.pages[level], summary->leaves_at[level]);
	CHECK_EQUAL(stats.guard_frames, s->guarded ? 1 : 0);
	CHECK_EQUAL(mock_frames_held(), s->held_before + s->foreign + stats.table_frames +
						stats.owned_frames + stats.region_frames +
						stats.guard_frames);
}

static void check_mappings(const struct test_space *s, const struct leaf_list *list)
{
	struct ax_npt_mapping mapping;
	uint64_t from = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct ref_leaf *leaf = &list->leaves[i];

		CHECK_OK(ax_addrspace_next_mapping(&s->as, ax_gpa(from), &mapping));
		CHECK_EQUAL(mapping.gpa.raw, leaf->gpa);
		CHECK_EQUAL(mapping.hpa.raw, leaf->hpa);
		CHECK_EQUAL(mapping.size, leaf->size);
		CHECK_EQUAL(mapping.page_size, leaf->size);
		CHECK_EQUAL(mapping.level, leaf->level);
		from = mapping.gpa.raw + mapping.size;
	}
	CHECK_ERROR(ax_addrspace_next_mapping(&s->as, ax_gpa(from), &mapping), AX_ENOENT);
}

static void scan_and_check(const struct test_space *s, struct leaf_list *list)
{
	struct ref_summary summary;

	if (tlb_model_space() == s)
		tlb_model_sync();
	scan(list, s, &summary);
	check_counts(s, &summary);
	check_mappings(s, list);
}

void check_tables(struct test_space *s)
{
	struct leaf_list list;

	scan_and_check(s, &list);
	leaf_list_free(&list);
}

/* Owned memory */

struct frame_list {
	uint64_t *frames;
	size_t count;
	size_t capacity;
};

static void add_frames(struct frame_list *list, uint64_t hpa, uint64_t size)
{
	for (uint64_t frame = hpa; frame < hpa + size; frame += PAGE) {
		if (list->count == list->capacity) {
			list->capacity = list->capacity ? 2 * list->capacity : 64;
			list->frames = grow(list->frames, list->capacity, sizeof(*list->frames));
		}
		list->frames[list->count++] = frame;
	}
}

static int compare_frames(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* No frame twice, each is held, and the space counts their whole blocks. */
static void check_owned(const struct test_space *s, const struct frame_list *list)
{
	struct ax_addrspace_stats stats;
	uint64_t last_block = UINT64_MAX;
	uint64_t owned = 0;

	if (list->count)
		qsort(list->frames, list->count, sizeof(*list->frames), compare_frames);
	for (size_t i = 0; i < list->count; i++) {
		uint64_t block = 0;
		size_t count = mock_block_of(list->frames[i], &block);

		if (!count)
			FAIL("owned memory at %#" PRIx64 " is not held", list->frames[i]);
		if (i && list->frames[i] == list->frames[i - 1])
			FAIL("frame %#" PRIx64 " is mapped twice", list->frames[i]);
		if (block != last_block)
			owned += count;
		last_block = block;
	}
	ax_addrspace_stats(&s->as, &stats);
	CHECK_EQUAL(stats.owned_frames, owned);
}

/* Expectations against leaves */

static bool is_owned(const struct expect *e)
{
	return e->kind == EXPECT_OWNED || e->kind == EXPECT_LAZY || e->kind == EXPECT_PARTLY;
}

static bool may_be_absent(const struct expect *e)
{
	return e->kind != EXPECT_LINEAR && e->kind != EXPECT_OWNED;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* One leaf's part in one expectation, from gpa on. Returns its bytes. */
static uint64_t check_part(const struct test_space *s, const struct expect *e,
			   const struct ref_leaf *leaf, uint64_t gpa, struct frame_list *frames)
{
	uint64_t hpa = leaf->hpa + (gpa - leaf->gpa);
	uint64_t size = least(leaf->gpa + leaf->size, e->gpa + e->size) - gpa;

	if (e->kind == EXPECT_LAZY)
		FAIL("GPA %#" PRIx64 " is mapped, but nobody touched it", gpa);
	if (!format_leaf_matches(s->format, leaf, e->flags))
		FAIL("GPA %#" PRIx64 ": entry %#" PRIx64 " does not grant flags %#x", gpa,
		     leaf->entry, e->flags);
	if (is_owned(e))
		add_frames(frames, hpa, size);
	else if (hpa != e->hpa + (gpa - e->gpa))
		FAIL("GPA %#" PRIx64 " leads to %#" PRIx64 ", not %#" PRIx64, gpa, hpa,
		     e->hpa + (gpa - e->gpa));
	return size;
}

/* Returns the bytes of the expectation that are mapped. */
static uint64_t check_range(const struct test_space *s, const struct expect *e,
			    const struct leaf_list *list, struct frame_list *frames)
{
	uint64_t end = e->gpa + e->size;
	uint64_t mapped = 0;
	uint64_t gpa = e->gpa;

	while (gpa != end) {
		size_t index = leaf_index(list, gpa);
		const struct ref_leaf *leaf = index < list->count ? &list->leaves[index] : NULL;
		uint64_t size;

		if (!leaf || leaf->gpa > gpa) {
			if (!may_be_absent(e))
				FAIL("GPA %#" PRIx64 " is not mapped", gpa);
			gpa = leaf ? least(leaf->gpa, end) : end;
			continue;
		}
		size = check_part(s, e, leaf, gpa, frames);
		mapped += size;
		gpa += size;
	}
	return mapped;
}

static void check_leaves(const struct test_space *s, const struct expect *map, size_t count,
			 const struct leaf_list *list)
{
	struct frame_list frames = {0};
	uint64_t expected = 0;
	uint64_t mapped = 0;

	for (size_t i = 0; i < count; i++)
		expected += check_range(s, &map[i], list, &frames);
	for (size_t i = 0; i < list->count; i++)
		mapped += list->leaves[i].size;
	if (mapped != expected)
		FAIL("%#" PRIx64 " bytes are mapped, %#" PRIx64 " should be", mapped, expected);
	check_owned(s, &frames);
	story_free(frames.frames);
}

/* Regions */

static enum ax_region_type region_type(const struct expect *e)
{
	if (e->kind == EXPECT_LINEAR)
		return AX_REGION_LINEAR;
	return e->kind == EXPECT_BACKEND ? AX_REGION_BACKEND : AX_REGION_ALLOC;
}

/* Whether b, which comes after a, continues a's region. */
static bool continues(const struct expect *a, const struct expect *b)
{
	if (a->gpa + a->size != b->gpa || a->flags != b->flags || region_type(a) != region_type(b))
		return false;
	if (a->kind == EXPECT_LINEAR)
		return a->hpa + a->size == b->hpa;
	return a->kind != EXPECT_BACKEND || (a->backend == b->backend && a->backend->ops->merge);
}

/* The index one past the last expectation of the region that begins with map[first]. */
static size_t region_end(const struct expect *map, size_t count, size_t first)
{
	size_t i = first + 1;

	while (i < count && continues(&map[i - 1], &map[i]))
		i++;
	return i;
}

static void check_region(const struct expect *first, const struct expect *last,
			 const struct ax_region_info *region)
{
	CHECK_EQUAL(region->start.raw, first->gpa);
	CHECK_EQUAL(region->start.raw + region->size, last->gpa + last->size);
	CHECK_EQUAL(region->flags, first->flags);
	CHECK_EQUAL(region->type, region_type(first));
	CHECK_EQUAL(region->target.raw, first->kind == EXPECT_LINEAR ? first->hpa : UINT64_MAX);
	CHECK(region->backend == (first->kind == EXPECT_BACKEND ? first->backend : NULL));
}

static void check_regions(const struct test_space *s, const struct expect *map, size_t count)
{
	struct ax_addrspace_stats stats;
	struct ax_region_info region;
	uint64_t from = 0;
	uint64_t regions = 0;

	for (size_t i = 0; i < count;) {
		size_t end = region_end(map, count, i);

		CHECK_OK(ax_addrspace_next_region(&s->as, ax_gpa(from), &region));
		check_region(&map[i], &map[end - 1], &region);
		from = region.start.raw + region.size;
		regions++;
		i = end;
	}
	CHECK_ERROR(ax_addrspace_next_region(&s->as, ax_gpa(from), &region), AX_ENOENT);
	ax_addrspace_stats(&s->as, &stats);
	CHECK_EQUAL(stats.regions, regions);
}

/* Probes: single addresses */

static size_t expect_index(const struct expect *map, size_t count, uint64_t gpa)
{
	for (size_t i = 0; i < count; i++) {
		if (gpa - map[i].gpa < map[i].size)
			return i;
	}
	return count;
}

static const struct expect *expect_at(const struct expect *map, size_t count, uint64_t gpa)
{
	size_t index = expect_index(map, count, gpa);

	return index < count ? &map[index] : NULL;
}

/* Bytes from gpa on that lie in contiguous host memory, with flags that are alike, below end. */
static uint64_t contiguous_run(const struct test_space *s, const struct expect *map, size_t count,
			       const struct leaf_list *list, uint64_t gpa, uint64_t end)
{
	const struct ref_leaf *leaf = leaf_list_find(list, gpa);
	const struct expect *e = expect_at(map, count, gpa);
	uint64_t at = gpa;
	uint64_t hpa = leaf->hpa + (gpa - leaf->gpa);
	uint64_t start = hpa;

	while (leaf && e && at < end) {
		uint64_t next = least(least(leaf->gpa + leaf->size, e->gpa + e->size), end);
		ax_flags_t flags = e->flags;

		hpa += next - at;
		at = next;
		leaf = leaf_list_find(list, at);
		e = expect_at(map, count, at);
		if (!leaf || !e || leaf->hpa + (at - leaf->gpa) != hpa ||
		    !format_flags_alike(s->format, flags, e->flags))
			break;
	}
	return hpa - start;
}

static uint64_t region_end_of(const struct expect *map, size_t count, uint64_t gpa)
{
	size_t last = region_end(map, count, expect_index(map, count, gpa)) - 1;

	return map[last].gpa + map[last].size;
}

static void check_limit(const struct test_space *s, const struct expect *map, size_t count,
			const struct leaf_list *list, uint64_t gpa, uint64_t want)
{
	uint64_t most = contiguous_run(s, map, count, list, gpa, UINT64_MAX);
	uint64_t fewest = contiguous_run(s, map, count, list, gpa, region_end_of(map, count, gpa));
	uint64_t limit = 0;
	ax_hpa_t hpa = ax_hpa(1);

	CHECK_OK(ax_addrspace_translate_and_get_limit(&s->as, ax_gpa(gpa), &hpa, &limit));
	CHECK_EQUAL(hpa.raw, want);
	if (limit < fewest || limit > most)
		FAIL("limit of %#" PRIx64 " is %#" PRIx64 ", not %#" PRIx64 " to %#" PRIx64, gpa,
		     limit, fewest, most);
}

static void check_query(const struct test_space *s, const struct expect *e,
			const struct ref_leaf *leaf, uint64_t gpa)
{
	struct ax_npt_mapping mapping;

	CHECK_OK(ax_addrspace_query(&s->as, ax_gpa(gpa), &mapping));
	CHECK_EQUAL(mapping.gpa.raw, leaf->gpa);
	CHECK_EQUAL(mapping.hpa.raw, leaf->hpa);
	CHECK_EQUAL(mapping.size, leaf->size);
	CHECK_EQUAL(mapping.owned, is_owned(e));
	if (!format_flags_alike(s->format, mapping.flags, e->flags))
		FAIL("query of %#" PRIx64 ": flags %#x, mapped with %#x", gpa, mapping.flags,
		     e->flags);
	memset(&mapping, 0, sizeof(mapping));
	CHECK_OK(ax_npt_query(ax_addrspace_page_table(&s->as), ax_gpa(gpa), &mapping));
	CHECK_EQUAL(mapping.gpa.raw, leaf->gpa);
	CHECK_EQUAL(mapping.hpa.raw, leaf->hpa);
}

/* What hardware lets the guest do is what the flags say, and it has nothing to write into entries. */
static void check_accesses(const struct test_space *s, ax_flags_t flags, uint64_t gpa)
{
	for (ax_flags_t access = AX_READ; access <= AX_EXECUTE; access <<= 1) {
		struct ref_result result;
		bool allowed = walk(s, gpa, access, &result);

		if (allowed != !!(flags & access))
			FAIL("access %#x to %#" PRIx64 " with flags %#x: %s", access, gpa, flags,
			     ref_fault_name(result.fault));
		if (allowed && !format_has(s->format, AX_NPT_FEATURE_ACCESSED_DIRTY))
			CHECK_EQUAL(result.update_count, 0);
	}
}

/* A query tells where the reference's walk ended; of an address beyond the tables it tells nothing. */
static void check_hole(const struct test_space *s, uint64_t gpa, const struct ref_result *result)
{
	struct ax_npt_mapping hole, untouched;
	uint64_t span = (K4 << 9 * result->level) - 1;

	memset(&untouched, 0x55, sizeof(untouched));
	hole = untouched;
	CHECK_ERROR(ax_addrspace_query(&s->as, ax_gpa(gpa), &hole), AX_ENOENT);
	if (memcmp(&hole, &untouched, sizeof(hole)) == 0) {
		/* A space may be narrower than what the hardware walks. */
		CHECK(result->fault == REF_FAULT_GPA_WIDTH || gpa >> s->format->gpa_bits != 0);
		return;
	}
	CHECK(result->fault != REF_FAULT_GPA_WIDTH);
	CHECK_EQUAL(hole.level, result->level);
	CHECK_EQUAL(hole.gpa.raw, gpa & ~span);
	CHECK_EQUAL(hole.size, span + 1);
	CHECK_EQUAL(hole.page_size, span + 1);
	CHECK_EQUAL(hole.hpa.raw, 0);
	CHECK_EQUAL(hole.flags, 0);
	CHECK(!hole.owned);
}

static void check_absent(const struct test_space *s, uint64_t gpa)
{
	struct ax_npt_mapping mapping;
	struct ref_result result;
	ax_hpa_t hpa = ax_hpa(0x1234);
	uint64_t limit = 77;

	if (walk(s, gpa, 0, &result))
		FAIL("GPA %#" PRIx64 " is mapped", gpa);
	CHECK_ERROR(ax_addrspace_translate(&s->as, ax_gpa(gpa), &hpa), AX_ENOENT);
	CHECK_ERROR(ax_addrspace_translate_and_get_limit(&s->as, ax_gpa(gpa), &hpa, &limit),
		    AX_ENOENT);
	check_hole(s, gpa, &result);
	CHECK_ERROR(ax_npt_query(ax_addrspace_page_table(&s->as), ax_gpa(gpa), &mapping),
		    AX_ENOENT);
	CHECK_EQUAL(hpa.raw, 0x1234);
	CHECK_EQUAL(limit, 77);
}

static void probe(const struct test_space *s, const struct expect *map, size_t count,
		  const struct leaf_list *list, uint64_t gpa)
{
	const struct ref_leaf *leaf = leaf_list_find(list, gpa);
	const struct expect *e = expect_at(map, count, gpa);
	ax_hpa_t hpa = ax_hpa(1);
	uint64_t want = 0;

	if (!leaf || !e) {
		check_absent(s, gpa);
		return;
	}
	CHECK(reference_translate(s, gpa, &want));
	CHECK_EQUAL(want, leaf->hpa + (gpa - leaf->gpa));
	CHECK_OK(ax_addrspace_translate(&s->as, ax_gpa(gpa), &hpa));
	CHECK_EQUAL(hpa.raw, want);
	check_limit(s, map, count, list, gpa, want);
	check_query(s, e, leaf, gpa);
	check_accesses(s, e->flags, gpa);
}

static void probe_all(const struct test_space *s, const struct expect *map, size_t count,
		      const struct leaf_list *list)
{
	probe(s, map, count, list, s->base);
	probe(s, map, count, list, s->base + s->size - 1);
	check_absent(s, s->base + s->size);
	check_absent(s, UINT64_MAX);
	for (size_t i = 0; i < count; i++) {
		uint64_t gpa = map[i].gpa;
		uint64_t end = gpa + map[i].size;

		probe(s, map, count, list, gpa - 1);
		probe(s, map, count, list, gpa);
		probe(s, map, count, list, gpa + 0xfff);
		probe(s, map, count, list, gpa + map[i].size / 2 + 0x123);
		probe(s, map, count, list, end - PAGE);
		probe(s, map, count, list, end - 1);
		probe(s, map, count, list, end);
	}
}

void check_space(struct test_space *s, const struct expect *map, size_t count)
{
	struct leaf_list list;

	scan_and_check(s, &list);
	check_leaves(s, map, count, &list);
	check_regions(s, map, count);
	probe_all(s, map, count, &list);
	leaf_list_free(&list);
}

void check_empty(struct test_space *s)
{
	struct ax_addrspace_stats stats;
	struct ref_root root;

	check_space(s, NULL, 0);
	CHECK_EQUAL(ref_decode_root(&s->cpu, &root), REF_ROOT_OK);
	ax_addrspace_stats(&s->as, &stats);
	CHECK_EQUAL(stats.table_frames, (root.size + PAGE - 1) / PAGE);
	CHECK_EQUAL(stats.owned_frames, 0);
	CHECK_EQUAL(stats.region_frames, 0);
}

/* Snapshots */

/* One word of each line is enough to tell a page from another, or from a cleared or freed one. */
static uint64_t hash_lines(uint64_t hash, const void *bytes, size_t size)
{
	const uint64_t *words = bytes;

	for (size_t i = 0; i < size / sizeof(*words); i += 8)
		hash = (hash ^ words[i]) * 0x100000001b3ull;
	return hash;
}

static uint64_t hash_contents(const struct leaf_list *list)
{
	uint64_t hash = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < list->count; i++) {
		const struct ref_leaf *leaf = &list->leaves[i];

		if (mock_is_held(leaf->hpa))
			hash = hash_lines(hash, mock_ptr(leaf->hpa), leaf->size);
	}
	return hash;
}

static void add_regions(struct snapshot *snapshot, const struct ax_addrspace *as)
{
	struct ax_region_info region;
	uint64_t from = 0;

	while (ax_addrspace_next_region(as, ax_gpa(from), &region) == AX_OK) {
		snapshot->regions = grow(snapshot->regions, snapshot->region_count + 1,
					 sizeof(*snapshot->regions));
		snapshot->regions[snapshot->region_count++] = region;
		from = region.start.raw + region.size;
	}
}

void snapshot_take(struct snapshot *snapshot, const struct test_space *s)
{
	*snapshot = (struct snapshot){.held = mock_frames_held()};
	leaf_list_scan(&snapshot->leaves, s);
	add_regions(snapshot, &s->as);
	ax_addrspace_stats(&s->as, &snapshot->stats);
	snapshot->contents = hash_contents(&snapshot->leaves);
}

void snapshot_free(struct snapshot *snapshot)
{
	leaf_list_free(&snapshot->leaves);
	story_free(snapshot->regions);
	*snapshot = (struct snapshot){0};
}

static void compare_leaves(const struct leaf_list *a, const struct leaf_list *b)
{
	CHECK_EQUAL(b->count, a->count);
	for (size_t i = 0; i < a->count; i++) {
		CHECK_EQUAL(b->leaves[i].gpa, a->leaves[i].gpa);
		CHECK_EQUAL(b->leaves[i].hpa, a->leaves[i].hpa);
		CHECK_EQUAL(b->leaves[i].size, a->leaves[i].size);
		CHECK_EQUAL(b->leaves[i].entry, a->leaves[i].entry);
	}
}

static void compare_regions(const struct snapshot *a, const struct snapshot *b)
{
	CHECK_EQUAL(b->region_count, a->region_count);
	for (size_t i = 0; i < a->region_count; i++) {
		CHECK_EQUAL(b->regions[i].start.raw, a->regions[i].start.raw);
		CHECK_EQUAL(b->regions[i].size, a->regions[i].size);
		CHECK_EQUAL(b->regions[i].flags, a->regions[i].flags);
		CHECK_EQUAL(b->regions[i].type, a->regions[i].type);
		CHECK_EQUAL(b->regions[i].target.raw, a->regions[i].target.raw);
	}
}

static void compare_stats(const struct ax_addrspace_stats *a, const struct ax_addrspace_stats *b)
{
	CHECK_EQUAL(b->regions, a->regions);
	CHECK_EQUAL(b->table_frames, a->table_frames);
	CHECK_EQUAL(b->owned_frames, a->owned_frames);
	CHECK_EQUAL(b->region_frames, a->region_frames);
	CHECK_EQUAL(b->guard_frames, a->guard_frames);
	for (unsigned level = 0; level < AX_NPT_LEVELS_MAX; level++)
		CHECK_EQUAL(b->pages[level], a->pages[level]);
}

void snapshot_compare(const struct snapshot *snapshot, const struct test_space *s)
{
	struct snapshot now;

	snapshot_take(&now, s);
	compare_leaves(&snapshot->leaves, &now.leaves);
	compare_regions(snapshot, &now);
	compare_stats(&snapshot->stats, &now.stats);
	CHECK_EQUAL(now.held, snapshot->held);
	CHECK_EQUAL(now.contents, snapshot->contents);
	snapshot_free(&now);
}
