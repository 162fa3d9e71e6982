/* SPDX-License-Identifier: Apache-2.0 */
/* What can be asked of a space, and that no answer reaches further than the truth. */
#include <string.h>

#include "check.h"
#include "mock_port.h"
#include "story.h"

#define VM_RAM 0x40000000ull
#define HOST   MOCK_RAM_BASE

static void map_linear(struct test_space *s, uint64_t gpa, uint64_t hpa, uint64_t size,
		       ax_flags_t flags)
{
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(gpa), ax_hpa(hpa), size, flags));
}

static uint64_t translate(const struct test_space *s, uint64_t gpa)
{
	ax_hpa_t hpa = ax_hpa(0);

	CHECK_OK(ax_addrspace_translate(&s->as, ax_gpa(gpa), &hpa));
	return hpa.raw;
}

static uint64_t limit(const struct test_space *s, uint64_t gpa)
{
	uint64_t size = 0;
	ax_hpa_t hpa = ax_hpa(0);

	CHECK_OK(ax_addrspace_translate_and_get_limit(&s->as, ax_gpa(gpa), &hpa, &size));
	CHECK_EQUAL(hpa.raw, translate(s, gpa));
	return size;
}

/* translate */

static void translate_includes_the_offset(struct test_space *s)
{
	map_linear(s, VM_RAM, HOST, K4, RAM);
	map_linear(s, VM_RAM + G1, HOST + G1, M2, RAM);
	CHECK_EQUAL(translate(s, VM_RAM), HOST);
	CHECK_EQUAL(translate(s, VM_RAM + 1), HOST + 1);
	CHECK_EQUAL(translate(s, VM_RAM + 0xfff), HOST + 0xfff);
	CHECK_EQUAL(translate(s, VM_RAM + G1 + 0x12345), HOST + G1 + 0x12345);
	CHECK_EQUAL(translate(s, VM_RAM + G1 + M2 - 1), HOST + G1 + M2 - 1);
}

static void translate_does_not_back_lazy_pages(struct test_space *s)
{
	ax_hpa_t hpa = ax_hpa(7);

	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), K4, RAM, false));
	CHECK_ERROR(ax_addrspace_translate(&s->as, ax_gpa(VM_RAM), &hpa), AX_ENOENT);
	CHECK_EQUAL(hpa.raw, 7);
	CHECK_SPACE(s, LAZY(VM_RAM, K4, RAM));
}

static void translate_of_a_too_wide_address_is_no_alias(struct test_space *s)
{
	ax_hpa_t hpa = ax_hpa(7);

	map_linear(s, 0, HOST, M2, RAM);
	map_linear(s, VM_RAM, HOST, M2, RAM);
	for (unsigned bit = s->format->gpa_bits; bit < 64; bit++) {
		CHECK_ERROR(ax_addrspace_translate(&s->as, ax_gpa(1ull << bit), &hpa), AX_ENOENT);
		CHECK_ERROR(ax_addrspace_translate(&s->as, ax_gpa(1ull << bit | VM_RAM), &hpa),
			    AX_ENOENT);
	}
	CHECK_EQUAL(hpa.raw, 7);
}

static void queries_refuse_null_pointers(struct test_space *s)
{
	struct ax_npt_mapping mapping;
	struct ax_region_info region;
	const struct ax_npt *npt = ax_addrspace_page_table(&s->as);
	ax_gpa_t gpa = ax_gpa(VM_RAM);
	uint64_t size = 0;
	ax_hpa_t hpa;
	ax_gpa_t out;

	map_linear(s, VM_RAM, HOST, K4, RAM);
	CHECK_ERROR(ax_addrspace_translate(NULL, gpa, &hpa), AX_EINVAL);
	CHECK_ERROR(ax_addrspace_translate(&s->as, gpa, NULL), AX_EINVAL);
	CHECK_ERROR(ax_addrspace_translate_and_get_limit(NULL, gpa, &hpa, &size), AX_EINVAL);
	CHECK_ERROR(ax_addrspace_translate_and_get_limit(&s->as, gpa, NULL, &size), AX_EINVAL);
	CHECK_ERROR(ax_addrspace_translate_and_get_limit(&s->as, gpa, &hpa, NULL), AX_EINVAL);
	CHECK_ERROR(ax_addrspace_query(NULL, gpa, &mapping), AX_EINVAL);
	CHECK_ERROR(ax_addrspace_query(&s->as, gpa, NULL), AX_EINVAL);
	CHECK_ERROR(ax_addrspace_next_mapping(NULL, gpa, &mapping), AX_EINVAL);
	CHECK_ERROR(ax_addrspace_next_mapping(&s->as, gpa, NULL), AX_EINVAL);
	CHECK_ERROR(ax_addrspace_next_region(NULL, gpa, &region), AX_EINVAL);
	CHECK_ERROR(ax_addrspace_next_region(&s->as, gpa, NULL), AX_EINVAL);
	CHECK_ERROR(ax_addrspace_find_free_area(NULL, gpa, K4, 0, &out), AX_EINVAL);
	CHECK_ERROR(ax_addrspace_find_free_area(&s->as, gpa, K4, 0, NULL), AX_EINVAL);
	CHECK_ERROR(ax_npt_query(NULL, gpa, &mapping), AX_EINVAL);
	CHECK_ERROR(ax_npt_query(npt, gpa, NULL), AX_EINVAL);
	CHECK_ERROR(ax_npt_next(NULL, gpa, &mapping), AX_EINVAL);
	CHECK_ERROR(ax_npt_next(npt, gpa, NULL), AX_EINVAL);
}

/* The limit */

static void limit_ends_with_what_is_mapped(struct test_space *s)
{
	map_linear(s, VM_RAM, HOST, 5 * K4, RAM);
	CHECK_EQUAL(limit(s, VM_RAM), 5 * K4);
	CHECK_EQUAL(limit(s, VM_RAM + 1), 5 * K4 - 1);
	CHECK_EQUAL(limit(s, VM_RAM + 2 * K4 + 0x800), 2 * K4 + 0x800);
	CHECK_EQUAL(limit(s, VM_RAM + 5 * K4 - 1), 1);
}

static void limit_runs_over_pages_of_all_sizes(struct test_space *s)
{
	uint64_t size = G1 + 2 * M2 + 2 * K4;

	map_linear(s, VM_RAM - M2 - K4, 2 * G1 - M2 - K4, size, RAM);
	CHECK_EQUAL(limit(s, VM_RAM - M2 - K4), size);
	CHECK_EQUAL(limit(s, VM_RAM + 77), size - M2 - K4 - 77);
}

static void limit_ends_where_host_memory_is_not_contiguous(struct test_space *s)
{
	/* One region of owned memory, every page of it elsewhere. */
	mock_set_no_contiguous(true);
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), 8 * K4, RAM, true));
	mock_set_no_contiguous(false);
	for (uint64_t i = 0; i < 8; i++) {
		uint64_t gpa = VM_RAM + i * K4;
		uint64_t run = 1;

		while (i + run < 8 && translate(s, gpa + run * K4) == translate(s, gpa) + run * K4)
			run++;
		CHECK_EQUAL(limit(s, gpa + 0x10), run * K4 - 0x10);
	}
}

static void limit_ends_where_the_permission_changes(struct test_space *s)
{
	map_linear(s, VM_RAM, HOST, 4 * K4, RAM);
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM + 2 * K4), K4, AX_READ));
	CHECK_EQUAL(limit(s, VM_RAM), 2 * K4);
	CHECK_EQUAL(limit(s, VM_RAM + 2 * K4), K4);
	CHECK_EQUAL(limit(s, VM_RAM + 3 * K4), K4);
}

static void limit_ends_where_the_memory_type_changes(struct test_space *s)
{
	/* Also where the format's entries do not tell the type: G-stage without Svpbmt. */
	map_linear(s, VM_RAM, HOST, K4, RW);
	map_linear(s, VM_RAM + K4, HOST + K4, K4, RW | AX_DEVICE);
	CHECK_EQUAL(limit(s, VM_RAM), K4);
	CHECK_EQUAL(limit(s, VM_RAM + K4), K4);
}

static void limit_in_a_lazy_region_ends_at_the_first_page_not_backed(struct test_space *s)
{
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), 2 * M2, RAM, false));
	CHECK(ax_addrspace_handle_page_fault(&s->as, ax_gpa(VM_RAM + M2 - K4), AX_READ));
	CHECK(limit(s, VM_RAM + M2 - K4) >= K4);
	CHECK_SPACE(s, PARTLY(VM_RAM, 2 * M2, RAM));
}

/* Enumeration */

static void next_region_finds_each_from_anywhere(struct test_space *s)
{
	struct ax_region_info region = {.size = 99};

	CHECK_ERROR(ax_addrspace_next_region(&s->as, ax_gpa(0), &region), AX_ENOENT);
	CHECK_EQUAL(region.size, 99);
	map_linear(s, VM_RAM, HOST, 2 * K4, RAM);
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM + M2), K4, RW, false));
	CHECK_OK(ax_addrspace_next_region(&s->as, ax_gpa(0), &region));
	CHECK_EQUAL(region.start.raw, VM_RAM);
	CHECK_EQUAL(region.target.raw, HOST);
	CHECK_OK(ax_addrspace_next_region(&s->as, ax_gpa(VM_RAM + 2 * K4 - 1), &region));
	CHECK_EQUAL(region.start.raw, VM_RAM);
	CHECK_OK(ax_addrspace_next_region(&s->as, ax_gpa(VM_RAM + 2 * K4), &region));
	CHECK_EQUAL(region.start.raw, VM_RAM + M2);
	CHECK_EQUAL(region.type, AX_REGION_ALLOC);
	CHECK(ax_hpa_is_none(region.target));
	CHECK(region.backend == NULL);
	CHECK_ERROR(ax_addrspace_next_region(&s->as, ax_gpa(VM_RAM + M2 + K4), &region), AX_ENOENT);
	CHECK_ERROR(ax_addrspace_next_region(&s->as, ax_gpa(UINT64_MAX), &region), AX_ENOENT);
	CHECK_EQUAL(region.start.raw, VM_RAM + M2);
}

static void next_mapping_finds_the_leaf_that_began_before(struct test_space *s)
{
	struct ax_npt_mapping mapping = {.size = 99};
	const struct ax_npt *npt = ax_addrspace_page_table(&s->as);

	CHECK_ERROR(ax_addrspace_next_mapping(&s->as, ax_gpa(0), &mapping), AX_ENOENT);
	CHECK_ERROR(ax_npt_next(npt, ax_gpa(0), &mapping), AX_ENOENT);
	CHECK_EQUAL(mapping.size, 99);
	map_linear(s, VM_RAM, HOST, M2, RAM);
	map_linear(s, s->size - K4, HOST, K4, AX_READ);
	CHECK_OK(ax_addrspace_next_mapping(&s->as, ax_gpa(VM_RAM + M2 - 1), &mapping));
	CHECK_EQUAL(mapping.gpa.raw, VM_RAM);
	CHECK_EQUAL(mapping.page_size, M2);
	CHECK_EQUAL(mapping.level, 1);
	CHECK(!mapping.owned);
	CHECK_OK(ax_npt_next(npt, ax_gpa(VM_RAM + M2), &mapping));
	CHECK_EQUAL(mapping.gpa.raw, s->size - K4);
	CHECK_EQUAL(mapping.flags & AX_FLAGS_ACCESS, AX_READ);
	CHECK_OK(ax_npt_next(npt, ax_gpa(s->size - 1), &mapping));
	CHECK_ERROR(ax_npt_next(npt, ax_gpa(s->size), &mapping), AX_ENOENT);
	CHECK_ERROR(ax_npt_next(npt, ax_gpa(UINT64_MAX), &mapping), AX_ENOENT);
	CHECK_ERROR(ax_addrspace_next_mapping(&s->as, ax_gpa(s->size), &mapping), AX_ENOENT);
}

/* The flags of a query are those of the entry: what the format cannot tell apart looks alike. */
static void query_reports_the_flags_of_the_entry(struct test_space *s)
{
	for (ax_flags_t flags = 1; flags <= AX_FLAGS_ALL; flags++) {
		struct ax_npt_mapping mapping;
		ax_flags_t expected = format_visible_flags(s->format, flags);

		if (format_expressible(s->format, flags) != AX_OK)
			continue;
		map_linear(s, VM_RAM, HOST, K4, flags);
		CHECK_OK(ax_addrspace_query(&s->as, ax_gpa(VM_RAM), &mapping));
		/* Of user mode only what can be restricted, execution, is told. */
		if (!(flags & AX_EXECUTE) && format_restricts_user(s->format))
			mapping.flags &= ~AX_USER;
		CHECK_EQUAL(mapping.flags, expected);
		CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), K4));
	}
}

/* A hole is as large as what the entry where the walk ends would map. */
static void query_describes_the_hole(struct test_space *s)
{
	struct ax_npt_mapping hole = {.flags = 77, .owned = true};
	uint64_t root_span = K4 << 9 * (s->format->levels - 1);

	CHECK_ERROR(ax_addrspace_query(&s->as, ax_gpa(VM_RAM + 5), &hole), AX_ENOENT);
	CHECK_EQUAL(hole.level, s->format->levels - 1);
	CHECK_EQUAL(hole.page_size, root_span);
	CHECK_EQUAL(hole.gpa.raw, VM_RAM & ~(root_span - 1));
	CHECK_EQUAL(hole.flags, 0);
	CHECK(!hole.owned);

	map_linear(s, VM_RAM, HOST + K4, K4, RAM);
	CHECK_ERROR(ax_addrspace_query(&s->as, ax_gpa(VM_RAM + K4 + 5), &hole), AX_ENOENT);
	CHECK_EQUAL(hole.level, 0);
	CHECK_EQUAL(hole.gpa.raw, VM_RAM + K4);
	CHECK_EQUAL(hole.size, K4);
	CHECK_ERROR(ax_addrspace_query(&s->as, ax_gpa(VM_RAM + M2 + K4), &hole), AX_ENOENT);
	CHECK_EQUAL(hole.level, 1);
	CHECK_EQUAL(hole.gpa.raw, VM_RAM + M2);
	CHECK_EQUAL(hole.size, M2);

	/* Beyond the tables there is nothing to describe. */
	hole = (struct ax_npt_mapping){.size = 77};
	CHECK_ERROR(ax_addrspace_query(&s->as, ax_gpa(UINT64_MAX), &hole), AX_ENOENT);
	CHECK_EQUAL(hole.size, 77);
}

/* contains_range */

static bool contains(const struct test_space *s, uint64_t start, uint64_t size)
{
	return ax_addrspace_contains_range(&s->as, ax_gpa(start), size);
}

static void contains_range_never_overflows(struct test_space *s)
{
	struct ax_addrspace_config config = format_config(s->format);

	config.base = ax_gpa(VM_RAM);
	config.size = M2;
	space_remake(s, &config);
	CHECK(contains(s, VM_RAM, M2));
	CHECK(contains(s, VM_RAM, 1));
	CHECK(contains(s, VM_RAM + M2 - 1, 1));
	CHECK(contains(s, VM_RAM, 0));
	CHECK(contains(s, VM_RAM + M2, 0));
	CHECK(!contains(s, VM_RAM - 1, 0));
	CHECK(!contains(s, VM_RAM + M2 + 1, 0));
	CHECK(!contains(s, VM_RAM - 1, 1));
	CHECK(!contains(s, VM_RAM - 1, M2));
	CHECK(!contains(s, VM_RAM, M2 + 1));
	CHECK(!contains(s, VM_RAM + 1, M2));
	CHECK(!contains(s, VM_RAM + M2, 1));
	CHECK(!contains(s, VM_RAM + 1, UINT64_MAX));
	CHECK(!contains(s, UINT64_MAX, UINT64_MAX));
	CHECK(!contains(s, UINT64_MAX, 1));
	CHECK(!contains(s, UINT64_MAX, 0));
	CHECK(!contains(s, VM_RAM, 0 - VM_RAM));
}

/* find_free_area: against a walk over all pages */

#define PAGES 64u

static bool range_is_free(const bool *used, uint64_t first, uint64_t count)
{
	if (count > PAGES || first > PAGES - count)
		return false;
	for (uint64_t i = first; i < first + count; i++) {
		if (used[i])
			return false;
	}
	return true;
}

static bool brute_force(const bool *used, uint64_t hint, uint64_t size, uint64_t align,
			uint64_t *out)
{
	for (uint64_t i = 0; i < PAGES; i++) {
		uint64_t gpa = VM_RAM + i * K4;

		if (gpa < hint || (align && gpa % align) || !range_is_free(used, i, size / K4))
			continue;
		*out = gpa;
		return true;
	}
	return false;
}

static void compare_find(struct test_space *s, const bool *used, uint64_t hint, uint64_t size,
			 uint64_t align)
{
	ax_gpa_t got = ax_gpa(0x5555);
	uint64_t want = 0x5555;
	bool found = brute_force(used, hint, size, align, &want);

	CHECK_ERROR(ax_addrspace_find_free_area(&s->as, ax_gpa(hint), size, align, &got),
		    found ? AX_OK : AX_ENOENT);
	CHECK_EQUAL(got.raw, want);
}

static void compare_finds(struct test_space *s, const bool *used)
{
	static const uint64_t aligns[] = {0, 1, 0x800, K4, 2 * K4, 8 * K4, 64 * K4, G1, 1ull << 63};
	static const uint64_t sizes[] = {1, 2, 3, 5, 8, 17, 63, 64, 65, 1000};
	static const uint64_t far[] = {0, 1, 0x3fffffff, 1ull << 63, UINT64_MAX - 1, UINT64_MAX};

	for (size_t a = 0; a < sizeof(aligns) / sizeof(aligns[0]); a++) {
		for (size_t n = 0; n < sizeof(sizes) / sizeof(sizes[0]); n++) {
			for (uint64_t hint = 0; hint <= PAGES; hint += 3) {
				uint64_t gpa = VM_RAM + hint * K4 + (hint % 2);

				compare_find(s, used, gpa, sizes[n] * K4, aligns[a]);
			}
			for (size_t f = 0; f < sizeof(far) / sizeof(far[0]); f++)
				compare_find(s, used, far[f], sizes[n] * K4, aligns[a]);
		}
		compare_find(s, used, VM_RAM, 0 - K4, aligns[a]);
		compare_find(s, used, VM_RAM + K4, 1ull << 63, aligns[a]);
	}
}

static void find_free_area_is_what_a_walk_over_all_pages_finds(struct test_space *s)
{
	struct ax_addrspace_config config = format_config(s->format);
	bool used[PAGES] = {false};
	uint64_t seed = 12345;

	config.base = ax_gpa(VM_RAM);
	config.size = PAGES * K4;
	space_remake(s, &config);
	compare_finds(s, used);
	for (int i = 0; i < 20; i++) {
		uint64_t page;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		page = seed >> 33 & (PAGES - 1);
		if (used[page])
			continue;
		used[page] = true;
		CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM + page * K4), K4,
						i % 2 ? RAM : RW, i % 3 == 0));
		if (i % 4 == 0)
			compare_finds(s, used);
	}
	compare_finds(s, used);
}

static void find_free_area_in_a_full_space_finds_none(struct test_space *s)
{
	struct ax_addrspace_config config = format_config(s->format);
	ax_gpa_t out = ax_gpa(9);

	config.base = ax_gpa(VM_RAM);
	config.size = M2;
	space_remake(s, &config);
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), M2, RAM, false));
	CHECK_ERROR(ax_addrspace_find_free_area(&s->as, ax_gpa(0), K4, 0, &out), AX_ENOENT);
	CHECK_EQUAL(out.raw, 9);
}

static void find_free_area_near_the_top_of_the_space(struct test_space *s)
{
	uint64_t top = s->size;
	ax_gpa_t out = ax_gpa(9);

	CHECK_OK(ax_addrspace_find_free_area(&s->as, ax_gpa(top - K4), K4, 0, &out));
	CHECK_EQUAL(out.raw, top - K4);
	CHECK_OK(ax_addrspace_find_free_area(&s->as, ax_gpa(top - M2 + 1), K4, M2 / 2, &out));
	CHECK_EQUAL(out.raw, top - M2 / 2);
	out = ax_gpa(9);
	CHECK_ERROR(ax_addrspace_find_free_area(&s->as, ax_gpa(top - K4), 2 * K4, 0, &out),
		    AX_ENOENT);
	CHECK_ERROR(ax_addrspace_find_free_area(&s->as, ax_gpa(top - K4 + 1), K4, 0, &out),
		    AX_ENOENT);
	CHECK_ERROR(ax_addrspace_find_free_area(&s->as, ax_gpa(top), K4, 0, &out), AX_ENOENT);
	CHECK_EQUAL(out.raw, 9);
}

static void find_free_area_refuses_wrong_arguments(struct test_space *s)
{
	ax_gpa_t out = ax_gpa(9);

	CHECK_ERROR(ax_addrspace_find_free_area(&s->as, ax_gpa(0), 0, 0, &out), AX_EINVAL);
	CHECK_ERROR(ax_addrspace_find_free_area(&s->as, ax_gpa(0), 1, 0, &out), AX_EALIGN);
	CHECK_ERROR(ax_addrspace_find_free_area(&s->as, ax_gpa(0), K4 + 8, 0, &out), AX_EALIGN);
	CHECK_ERROR(ax_addrspace_find_free_area(&s->as, ax_gpa(0), K4, 3, &out), AX_EINVAL);
	CHECK_ERROR(ax_addrspace_find_free_area(&s->as, ax_gpa(0), K4, 3 * K4, &out), AX_EINVAL);
	CHECK_ERROR(ax_addrspace_find_free_area(&s->as, ax_gpa(0), K4, UINT64_MAX, &out),
		    AX_EINVAL);
	CHECK_EQUAL(out.raw, 9);
}

/* What was found can be mapped. */
static void find_free_area_gives_what_map_takes(struct test_space *s)
{
	for (int i = 0; i < 12; i++) {
		uint64_t align = K4 << (i % 4);
		ax_gpa_t gpa = ax_gpa(0);

		CHECK_OK(ax_addrspace_find_free_area(&s->as, ax_gpa(VM_RAM), 3 * K4, align, &gpa));
		CHECK(ax_gpa_is_aligned(gpa, align));
		CHECK_OK(ax_addrspace_map_alloc(&s->as, gpa, 3 * K4, i % 2 ? RAM : RW, false));
	}
}

/* Counts */

static void stats_count_leaves_by_level_and_splits_and_flushes(struct test_space *s)
{
	struct ax_addrspace_stats stats;
	uint64_t flushes;

	map_linear(s, VM_RAM, HOST, M2 + 3 * K4, RAM);
	ax_addrspace_stats(&s->as, &stats);
	CHECK_EQUAL(stats.regions, 1);
	CHECK_EQUAL(stats.pages[0], 3);
	CHECK_EQUAL(stats.pages[1], 1);
	CHECK_EQUAL(stats.splits, 0);
	CHECK(stats.region_frames >= 1);
	flushes = stats.flushes;
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), K4));
	ax_addrspace_stats(&s->as, &stats);
	CHECK_EQUAL(stats.pages[0], 3 + 511);
	CHECK_EQUAL(stats.pages[1], 0);
	CHECK_EQUAL(stats.splits, 1);
	CHECK(stats.flushes > flushes);
}

static void tlb_generation_moves_with_every_invalidation(struct test_space *s)
{
	uint64_t before = ax_addrspace_tlb_generation(&s->as);

	map_linear(s, VM_RAM, HOST, M2, RAM);
	before = ax_addrspace_tlb_generation(&s->as);
	CHECK_EQUAL(ax_addrspace_tlb_generation(&s->as), before);
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM), M2, AX_READ));
	CHECK(ax_addrspace_tlb_generation(&s->as) != before);
	before = ax_addrspace_tlb_generation(&s->as);
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), M2));
	CHECK(ax_addrspace_tlb_generation(&s->as) != before);
}

int main(void)
{
	static const struct story stories[] = {
		STORY(translate_includes_the_offset),
		STORY(translate_does_not_back_lazy_pages),
		STORY(translate_of_a_too_wide_address_is_no_alias),
		STORY(queries_refuse_null_pointers),
		STORY(limit_ends_with_what_is_mapped),
		STORY(limit_runs_over_pages_of_all_sizes),
		STORY(limit_ends_where_host_memory_is_not_contiguous),
		STORY(limit_ends_where_the_permission_changes),
		STORY(limit_ends_where_the_memory_type_changes),
		STORY(limit_in_a_lazy_region_ends_at_the_first_page_not_backed),
		STORY(next_region_finds_each_from_anywhere),
		STORY(next_mapping_finds_the_leaf_that_began_before),
		STORY(query_reports_the_flags_of_the_entry),
		STORY(query_describes_the_hole),
		STORY(contains_range_never_overflows),
		STORY_FEW(find_free_area_is_what_a_walk_over_all_pages_finds),
		STORY(find_free_area_in_a_full_space_finds_none),
		STORY(find_free_area_near_the_top_of_the_space),
		STORY(find_free_area_refuses_wrong_arguments),
		STORY(find_free_area_gives_what_map_takes),
		STORY(stats_count_leaves_by_level_and_splits_and_flushes),
		STORY(tlb_generation_moves_with_every_invalidation),
	};

	return STORIES_RUN("address space: queries", stories);
}
