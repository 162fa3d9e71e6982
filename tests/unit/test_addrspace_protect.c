/* SPDX-License-Identifier: Apache-2.0 */
/* How flags of mapped memory change. */
#include "check.h"
#include "mock_port.h"
#include "story.h"

#define VM_RAM 0x40000000ull
#define HOST   MOCK_RAM_BASE
#define RO     AX_READ

static void map_ram(struct test_space *s, uint64_t gpa, uint64_t size)
{
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(gpa), ax_hpa(HOST + (gpa - VM_RAM)), size,
					 RAM));
}

static ax_error_t protect(struct test_space *s, uint64_t gpa, uint64_t size, ax_flags_t flags)
{
	return ax_addrspace_protect(&s->as, ax_gpa(gpa), size, flags);
}

static void protect_of_a_whole_region_changes_its_flags(struct test_space *s)
{
	map_ram(s, VM_RAM, 8 * K4);
	CHECK_OK(protect(s, VM_RAM, 8 * K4, RO));
	CHECK_SPACE(s, LINEAR(VM_RAM, 8 * K4, HOST, RO));
	CHECK(!reference_allows(s, VM_RAM, AX_WRITE));
	CHECK_OK(protect(s, VM_RAM, 8 * K4, RAM));
	CHECK_SPACE(s, LINEAR(VM_RAM, 8 * K4, HOST, RAM));
}

static void protect_of_a_part_splits_the_region(struct test_space *s)
{
	map_ram(s, VM_RAM, 8 * K4);
	CHECK_OK(protect(s, VM_RAM + 2 * K4, 3 * K4, RW));
	CHECK_SPACE(s, LINEAR(VM_RAM, 2 * K4, HOST, RAM),
		    LINEAR(VM_RAM + 2 * K4, 3 * K4, HOST + 2 * K4, RW),
		    LINEAR(VM_RAM + 5 * K4, 3 * K4, HOST + 5 * K4, RAM));
}

static void protect_back_makes_one_region_again(struct test_space *s)
{
	struct ax_addrspace_stats stats;

	map_ram(s, VM_RAM, 8 * K4);
	CHECK_OK(protect(s, VM_RAM + 2 * K4, 3 * K4, RW));
	CHECK_OK(protect(s, VM_RAM + 2 * K4, 3 * K4, RAM));
	ax_addrspace_stats(&s->as, &stats);
	CHECK_EQUAL(stats.regions, 1);
	CHECK_SPACE(s, LINEAR(VM_RAM, 8 * K4, HOST, RAM));
}

static void protect_across_regions_of_all_kinds(struct test_space *s)
{
	map_ram(s, VM_RAM, 4 * K4);
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM + 4 * K4), 4 * K4, RW, true));
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM + 8 * K4), 4 * K4, RAM, false));
	CHECK_OK(protect(s, VM_RAM + 2 * K4, 8 * K4, RO));
	CHECK_SPACE(s, LINEAR(VM_RAM, 2 * K4, HOST, RAM),
		    LINEAR(VM_RAM + 2 * K4, 2 * K4, HOST + 2 * K4, RO),
		    OWNED(VM_RAM + 4 * K4, 4 * K4, RO), LAZY(VM_RAM + 8 * K4, 2 * K4, RO),
		    LAZY(VM_RAM + 10 * K4, 2 * K4, RAM));
}

static void protect_of_a_huge_page_keeps_it_huge(struct test_space *s)
{
	struct ax_addrspace_stats stats;

	map_ram(s, VM_RAM, G1 + M2);
	CHECK_OK(protect(s, VM_RAM, G1 + M2, RO));
	CHECK_SPACE(s, LINEAR(VM_RAM, G1 + M2, HOST, RO));
	ax_addrspace_stats(&s->as, &stats);
	CHECK_EQUAL(stats.splits, 0);
	CHECK_EQUAL(stats.pages[0], 0);
}

static void protect_of_a_page_in_2m_changes_only_it(struct test_space *s)
{
	map_ram(s, VM_RAM, M2);
	CHECK_OK(protect(s, VM_RAM + 9 * K4, K4, RO));
	CHECK_SPACE(s, LINEAR(VM_RAM, 9 * K4, HOST, RAM),
		    LINEAR(VM_RAM + 9 * K4, K4, HOST + 9 * K4, RO),
		    LINEAR(VM_RAM + 10 * K4, M2 - 10 * K4, HOST + 10 * K4, RAM));
}

static void protect_of_a_page_in_1g_changes_only_it(struct test_space *s)
{
	uint64_t page = VM_RAM + 300 * M2 + 511 * K4;

	map_ram(s, VM_RAM, G1);
	CHECK_OK(protect(s, page, K4, RO));
	CHECK_SPACE(s, LINEAR(VM_RAM, page - VM_RAM, HOST, RAM),
		    LINEAR(page, K4, HOST + (page - VM_RAM), RO),
		    LINEAR(page + K4, VM_RAM + G1 - page - K4, HOST + (page + K4 - VM_RAM), RAM));
}

static void protect_of_owned_memory_keeps_its_contents(struct test_space *s)
{
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), M2, RAM, true));
	fill_bytes(s, VM_RAM, M2, 0x42);
	CHECK_OK(protect(s, VM_RAM + K4, 5 * K4, RO));
	CHECK_OK(protect(s, VM_RAM + M2 / 2, M2 / 2, RW));
	check_bytes(s, VM_RAM, M2, 0x42);
	CHECK_SPACE(s, OWNED(VM_RAM, K4, RAM), OWNED(VM_RAM + K4, 5 * K4, RO),
		    OWNED(VM_RAM + 6 * K4, M2 / 2 - 6 * K4, RAM),
		    OWNED(VM_RAM + M2 / 2, M2 / 2, RW));
}

static void protect_of_lazy_memory_is_what_its_faults_obey(struct test_space *s)
{
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), 4 * K4, RAM, false));
	CHECK_OK(protect(s, VM_RAM + K4, K4, RO));
	CHECK_SPACE(s, LAZY(VM_RAM, K4, RAM), LAZY(VM_RAM + K4, K4, RO),
		    LAZY(VM_RAM + 2 * K4, 2 * K4, RAM));
	CHECK_EQUAL(ax_addrspace_fault(&s->as, ax_gpa(VM_RAM + K4), AX_WRITE), AX_FAULT_DENIED);
	CHECK_EQUAL(ax_addrspace_fault(&s->as, ax_gpa(VM_RAM + K4), AX_READ), AX_FAULT_HANDLED);
	CHECK(!reference_allows(s, VM_RAM + K4, AX_WRITE));
	check_bytes(s, VM_RAM + K4, K4, 0);
	CHECK_SPACE(s, PARTLY(VM_RAM, K4, RAM), OWNED(VM_RAM + K4, K4, RO),
		    PARTLY(VM_RAM + 2 * K4, 2 * K4, RAM));
}

static void protect_changes_to_every_set_of_flags(struct test_space *s)
{
	map_ram(s, VM_RAM, M2 + K4);
	for (ax_flags_t flags = 1; flags <= AX_FLAGS_ALL; flags++) {
		if (format_expressible(s->format, flags) != AX_OK)
			continue;
		CHECK_OK(protect(s, VM_RAM, M2 + K4, flags));
		CHECK_SPACE(s, LINEAR(VM_RAM, M2 + K4, HOST, flags));
	}
}

/* The split keeps every attribute of the huge page: of all flags and types. */
static void split_keeps_every_attribute(struct test_space *s)
{
	for (ax_flags_t flags = 1; flags <= AX_FLAGS_ALL; flags++) {
		ax_flags_t other = flags & AX_USER ? RO : RAM;

		if (format_expressible(s->format, flags) != AX_OK)
			continue;
		CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(HOST), M2, flags));
		CHECK_OK(protect(s, VM_RAM + K4, K4, other));
		CHECK_SPACE(s, LINEAR(VM_RAM, K4, HOST, flags),
			    LINEAR(VM_RAM + K4, K4, HOST + K4, other),
			    LINEAR(VM_RAM + 2 * K4, M2 - 2 * K4, HOST + 2 * K4, flags));
		CHECK_OK(ax_addrspace_clear(&s->as));
	}
}

static void protect_of_size_zero_is_fine_at_any_address(struct test_space *s)
{
	static const uint64_t addresses[] = {0, 3, VM_RAM, VM_RAM + 5, 1ull << 62, UINT64_MAX};

	map_ram(s, VM_RAM, K4);
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
		CHECK_OK(protect(s, addresses[i], 0, RO));
	CHECK_SPACE(s, LINEAR(VM_RAM, K4, HOST, RAM));
}

static void protect_of_a_hole_is_refused(struct test_space *s)
{
	CHECK_REFUSED(s, protect(s, VM_RAM, K4, RO), AX_ENOENT);
	map_ram(s, VM_RAM, 4 * K4);
	map_ram(s, VM_RAM + 6 * K4, 2 * K4);
	CHECK_REFUSED(s, protect(s, VM_RAM, 8 * K4, RO), AX_ENOENT);
	CHECK_REFUSED(s, protect(s, VM_RAM + 3 * K4, 2 * K4, RO), AX_ENOENT);
	CHECK_REFUSED(s, protect(s, VM_RAM - K4, 2 * K4, RO), AX_ENOENT);
	CHECK_REFUSED(s, protect(s, VM_RAM + 4 * K4, 2 * K4, RO), AX_ENOENT);
	CHECK_REFUSED(s, protect(s, VM_RAM + 7 * K4, 2 * K4, RO), AX_ENOENT);
}

static void protect_refuses_what_is_not_page_aligned(struct test_space *s)
{
	map_ram(s, VM_RAM, M2);
	CHECK_REFUSED(s, protect(s, VM_RAM + 1, K4, RO), AX_EALIGN);
	CHECK_REFUSED(s, protect(s, VM_RAM, 1, RO), AX_EALIGN);
	CHECK_REFUSED(s, protect(s, VM_RAM, K4 - 1, RO), AX_EALIGN);
}

static void protect_refuses_what_is_outside_the_space(struct test_space *s)
{
	map_ram(s, VM_RAM, M2);
	CHECK_REFUSED(s, protect(s, s->size, K4, RO), AX_ERANGE);
	CHECK_REFUSED(s, protect(s, 0 - K4, K4, RO), AX_ERANGE);
	CHECK_REFUSED(s, protect(s, 0 - K4, 2 * K4, RO), AX_ERANGE);
	CHECK_REFUSED(s, protect(s, VM_RAM, 0 - VM_RAM, RO), AX_ERANGE);
	CHECK_REFUSED(s, protect(s, VM_RAM, 0 - K4, RO), AX_ERANGE);
}

static void protect_refuses_flags_that_mean_nothing(struct test_space *s)
{
	map_ram(s, VM_RAM, M2);
	CHECK_REFUSED(s, protect(s, VM_RAM, M2, 0), AX_EINVAL);
	CHECK_REFUSED(s, protect(s, VM_RAM, M2, AX_USER), AX_EINVAL);
	CHECK_REFUSED(s, protect(s, VM_RAM, M2, AX_DEVICE), AX_EINVAL);
	CHECK_REFUSED(s, protect(s, VM_RAM, M2, RAM | 0x40), AX_EINVAL);
	CHECK_REFUSED(s, protect(s, VM_RAM, M2, RAM | 0x80000000u), AX_EINVAL);
}

static void protect_refuses_what_the_format_cannot_express(struct test_space *s)
{
	map_ram(s, VM_RAM, M2);
	for (ax_flags_t flags = 1; flags <= AX_FLAGS_ALL; flags++) {
		if (format_expressible(s->format, flags) == AX_ENOTSUP)
			CHECK_REFUSED(s, protect(s, VM_RAM + K4, K4, flags), AX_ENOTSUP);
	}
	CHECK_SPACE(s, LINEAR(VM_RAM, M2, HOST, RAM));
}

static void protect_of_owned_memory_to_device_is_refused(struct test_space *s)
{
	map_ram(s, VM_RAM, K4);
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM + K4), K4, RAM, true));
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM + 2 * K4), K4, RAM, false));
	CHECK_REFUSED(s, protect(s, VM_RAM + K4, K4, AX_DEVICE | RW), AX_EINVAL);
	CHECK_REFUSED(s, protect(s, VM_RAM + 2 * K4, K4, AX_DEVICE | RW), AX_EINVAL);
	CHECK_REFUSED(s, protect(s, VM_RAM, 2 * K4, AX_DEVICE | RW), AX_EINVAL);
	CHECK_OK(protect(s, VM_RAM, K4, AX_DEVICE | RW));
	CHECK_SPACE(s, LINEAR(VM_RAM, K4, HOST, AX_DEVICE | RW), OWNED(VM_RAM + K4, K4, RAM),
		    LAZY(VM_RAM + 2 * K4, K4, RAM));
}

static void protect_that_splits_without_memory_fails_and_changes_nothing(struct test_space *s)
{
	map_ram(s, VM_RAM, G1);
	mock_fail_after(0);
	CHECK_REFUSED(s, protect(s, VM_RAM + 5 * K4, K4, RO), AX_ENOMEM);
	mock_fail_never();
	CHECK_OK(protect(s, VM_RAM + 5 * K4, K4, RO));
	CHECK_SPACE(s, LINEAR(VM_RAM, 5 * K4, HOST, RAM),
		    LINEAR(VM_RAM + 5 * K4, K4, HOST + 5 * K4, RO),
		    LINEAR(VM_RAM + 6 * K4, G1 - 6 * K4, HOST + 6 * K4, RAM));
}

/* Else a guest faults for ever on a page that its region lets it use. */
static void protect_without_memory_for_a_region_fails_and_changes_nothing(struct test_space *s)
{
	/* As many as a node holds, see AX_REGION_NODE_CAPACITY. */
	for (uint64_t i = 0; i < 99; i++)
		map_ram(s, VM_RAM + 4 * i * K4, 3 * K4);
	mock_fail_after(0);
	CHECK_REFUSED(s, protect(s, VM_RAM + K4, K4, RO), AX_ENOMEM);
	/* What makes no region more needs none. */
	CHECK_OK(protect(s, VM_RAM, 3 * K4, RO));
	mock_fail_never();
	CHECK_OK(protect(s, VM_RAM + 5 * K4, K4, RO));
	check_tables(s);
}

/* Of a table that is half empty only what is there changes its type, and what had it keeps it. */
static void protect_to_another_type_passes_holes_and_what_has_it(struct test_space *s)
{
	const ax_flags_t uncached = RW | AX_UNCACHED;

	if (format_expressible(s->format, uncached) != AX_OK)
		return;
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), 8 * K4, RW, false));
	for (uint64_t page = 0; page < 8; page += 3)
		CHECK(ax_addrspace_handle_page_fault(&s->as, ax_gpa(VM_RAM + page * K4), AX_WRITE));
	CHECK_OK(protect(s, VM_RAM + 3 * K4, K4, uncached));
	CHECK_OK(protect(s, VM_RAM, 8 * K4, uncached));
	CHECK_SPACE(s, PARTLY(VM_RAM, 8 * K4, uncached));
	CHECK_EQUAL(leaf_size_at(s, VM_RAM), K4);
	CHECK_EQUAL(leaf_size_at(s, VM_RAM + K4), 0);
	CHECK_EQUAL(leaf_size_at(s, VM_RAM + 3 * K4), K4);
	CHECK_EQUAL(leaf_size_at(s, VM_RAM + 6 * K4), K4);
}

static void protect_at_rest_gives_entries_exactly_the_regions_flags(struct test_space *s)
{
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), 64 * K4, RO, true));
	CHECK_EQUAL(ax_addrspace_fault(&s->as, ax_gpa(VM_RAM), AX_WRITE), AX_FAULT_DENIED);
	CHECK_OK(protect(s, VM_RAM, 64 * K4, RW));
	for (uint64_t i = 0; i < 64; i++)
		CHECK(reference_allows(s, VM_RAM + i * K4, RW));
	CHECK_OK(protect(s, VM_RAM + 10 * K4, 2 * K4, RWX));
	CHECK(reference_allows(s, VM_RAM + 11 * K4, AX_READ | AX_EXECUTE));
	CHECK(!reference_allows(s, VM_RAM + 12 * K4, AX_EXECUTE));
}

int main(void)
{
	static const struct story stories[] = {
		STORY(protect_of_a_whole_region_changes_its_flags),
		STORY(protect_of_a_part_splits_the_region),
		STORY(protect_back_makes_one_region_again),
		STORY(protect_across_regions_of_all_kinds),
		STORY(protect_of_a_huge_page_keeps_it_huge),
		STORY(protect_of_a_page_in_2m_changes_only_it),
		STORY(protect_of_a_page_in_1g_changes_only_it),
		STORY(protect_of_owned_memory_keeps_its_contents),
		STORY(protect_of_lazy_memory_is_what_its_faults_obey),
		STORY_ONE_CPU(protect_changes_to_every_set_of_flags),
		STORY_ONE_CPU(split_keeps_every_attribute),
		STORY(protect_of_size_zero_is_fine_at_any_address),
		STORY(protect_of_a_hole_is_refused),
		STORY(protect_refuses_what_is_not_page_aligned),
		STORY(protect_refuses_what_is_outside_the_space),
		STORY(protect_refuses_flags_that_mean_nothing),
		STORY_ONE_CPU(protect_refuses_what_the_format_cannot_express),
		STORY(protect_of_owned_memory_to_device_is_refused),
		STORY(protect_that_splits_without_memory_fails_and_changes_nothing),
		STORY(protect_without_memory_for_a_region_fails_and_changes_nothing),
		STORY(protect_to_another_type_passes_holes_and_what_has_it),
		STORY(protect_at_rest_gives_entries_exactly_the_regions_flags),
	};

	return STORIES_RUN("address space: protect", stories);
}
