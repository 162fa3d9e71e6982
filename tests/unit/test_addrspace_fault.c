/* SPDX-License-Identifier: Apache-2.0 */
/* Page faults: lazy memory is backed on its first access, and everything else gets a clear answer. */
#include <string.h>

#include "check.h"
#include "mock_port.h"
#include "story.h"

#define VM_RAM 0x40000000ull
#define HOST   MOCK_RAM_BASE

static void map_lazy(struct test_space *s, uint64_t gpa, uint64_t size, ax_flags_t flags)
{
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(gpa), size, flags, false));
}

static enum ax_fault_result fault(struct test_space *s, uint64_t gpa, ax_flags_t access)
{
	return ax_addrspace_fault(&s->as, ax_gpa(gpa), access);
}

static uint64_t owned_frames(const struct test_space *s)
{
	struct ax_addrspace_stats stats;

	ax_addrspace_stats(&s->as, &stats);
	return stats.owned_frames;
}

static void fault_on_a_lazy_page_backs_it_with_zeroes(struct test_space *s)
{
	map_lazy(s, VM_RAM, 4 * K4, RAM);
	CHECK_EQUAL(fault(s, VM_RAM + K4, AX_WRITE), AX_FAULT_HANDLED);
	CHECK(reference_allows(s, VM_RAM + K4, AX_WRITE));
	check_bytes(s, VM_RAM + K4, K4, 0);
	CHECK_SPACE(s, PARTLY(VM_RAM, K4, RAM), OWNED(VM_RAM + K4, K4, RAM),
		    PARTLY(VM_RAM + 2 * K4, 2 * K4, RAM));
}

static void fault_works_at_any_byte_of_the_page(struct test_space *s)
{
	static const uint64_t offsets[] = {0, 1, 7, 0x7ff, 0xffe, 0xfff};

	map_lazy(s, VM_RAM, 6 * M2, RAM);
	for (uint64_t i = 0; i < 6; i++) {
		CHECK(ax_addrspace_handle_page_fault(&s->as, ax_gpa(VM_RAM + i * M2 + offsets[i]),
						     AX_READ));
		CHECK(reference_allows(s, VM_RAM + i * M2, AX_READ));
	}
	CHECK_SPACE(s, PARTLY(VM_RAM, 6 * M2, RAM));
}

static void fault_on_the_first_and_last_page_of_a_region(struct test_space *s)
{
	map_lazy(s, VM_RAM, 8 * M2, RAM);
	CHECK_EQUAL(fault(s, VM_RAM - 1, AX_READ), AX_FAULT_NO_REGION);
	CHECK_EQUAL(fault(s, VM_RAM, AX_READ), AX_FAULT_HANDLED);
	CHECK_EQUAL(fault(s, VM_RAM + 8 * M2 - 1, AX_READ), AX_FAULT_HANDLED);
	CHECK_EQUAL(fault(s, VM_RAM + 8 * M2, AX_READ), AX_FAULT_NO_REGION);
	CHECK(leaf_size_at(s, VM_RAM) && leaf_size_at(s, VM_RAM + 8 * M2 - 1));
	CHECK_SPACE(s, PARTLY(VM_RAM, 8 * M2, RAM));
}

static void fault_on_the_last_page_of_the_space(struct test_space *s)
{
	map_lazy(s, s->size - 2 * K4, 2 * K4, RAM);
	CHECK_EQUAL(fault(s, s->size - 1, AX_WRITE), AX_FAULT_HANDLED);
	CHECK(reference_allows(s, s->size - 1, AX_WRITE));
	CHECK_EQUAL(fault(s, s->size, AX_WRITE), AX_FAULT_NO_REGION);
}

static void fault_again_keeps_the_page_and_its_contents(struct test_space *s)
{
	uint64_t before = 0, after = 0;

	map_lazy(s, VM_RAM, K4, RAM);
	CHECK_EQUAL(fault(s, VM_RAM, AX_READ), AX_FAULT_HANDLED);
	CHECK(reference_translate(s, VM_RAM, &before));
	fill_bytes(s, VM_RAM, K4, 0x5e);
	for (int i = 0; i < 3; i++) {
		CHECK_EQUAL(fault(s, VM_RAM, AX_WRITE), AX_FAULT_HANDLED);
		CHECK_EQUAL(fault(s, VM_RAM + 8, AX_READ), AX_FAULT_HANDLED);
	}
	CHECK(reference_translate(s, VM_RAM, &after));
	CHECK_EQUAL(after, before);
	CHECK_EQUAL(owned_frames(s), 1);
	check_bytes(s, VM_RAM, K4, 0x5e);
}

static void fault_on_a_page_that_is_there_is_handled(struct test_space *s)
{
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(HOST), M2, RW));
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM + M2), M2, RAM, true));
	CHECK_EQUAL(fault(s, VM_RAM + 5, AX_WRITE), AX_FAULT_HANDLED);
	CHECK_EQUAL(fault(s, VM_RAM + M2 + 5, AX_EXECUTE), AX_FAULT_HANDLED);
	CHECK_SPACE(s, LINEAR(VM_RAM, M2, HOST, RW), OWNED(VM_RAM + M2, M2, RAM));
}

static void fault_without_permission_is_denied(struct test_space *s)
{
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(HOST), K4, AX_READ));
	map_lazy(s, VM_RAM + M2, K4, AX_READ);
	for (uint64_t gpa = VM_RAM; gpa <= VM_RAM + M2; gpa += M2) {
		CHECK_EQUAL(fault(s, gpa, AX_WRITE), AX_FAULT_DENIED);
		CHECK_EQUAL(fault(s, gpa, AX_EXECUTE), AX_FAULT_DENIED);
		CHECK_EQUAL(fault(s, gpa, RW), AX_FAULT_DENIED);
		CHECK(!ax_addrspace_handle_page_fault(&s->as, ax_gpa(gpa), AX_WRITE));
	}
	CHECK_SPACE(s, LINEAR(VM_RAM, K4, HOST, AX_READ), LAZY(VM_RAM + M2, K4, AX_READ));
}

static void fault_outside_of_every_region_has_no_region(struct test_space *s)
{
	static const uint64_t addresses[] = {0, 0xfff, 0x7fffffff, 1ull << 62, UINT64_MAX};

	map_lazy(s, VM_RAM, M2, RAM);
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		CHECK_EQUAL(fault(s, addresses[i], AX_READ), AX_FAULT_NO_REGION);
		CHECK(!ax_addrspace_handle_page_fault(&s->as, ax_gpa(addresses[i]), 0));
	}
	CHECK_EQUAL(fault(s, s->size, AX_READ), AX_FAULT_NO_REGION);
	/* No alias: an address wider than the tables is not its low bits. */
	CHECK_EQUAL(fault(s, s->size + VM_RAM, AX_READ), AX_FAULT_NO_REGION);
	CHECK_SPACE(s, LAZY(VM_RAM, M2, RAM));
}

static void fault_without_access_wants_presence_only(struct test_space *s)
{
	map_lazy(s, VM_RAM, K4, AX_READ);
	CHECK_EQUAL(fault(s, VM_RAM, 0), AX_FAULT_HANDLED);
	CHECK_SPACE(s, OWNED(VM_RAM, K4, AX_READ));
	CHECK_EQUAL(fault(s, VM_RAM, 0), AX_FAULT_HANDLED);
}

static void fault_ignores_memory_types_and_user_where_it_means_nothing(struct test_space *s)
{
	map_lazy(s, VM_RAM, 2 * K4, RW);
	CHECK_EQUAL(fault(s, VM_RAM, AX_READ | AX_DEVICE | AX_UNCACHED), AX_FAULT_HANDLED);
	CHECK_EQUAL(fault(s, VM_RAM + K4, AX_WRITE | AX_USER), AX_FAULT_HANDLED);
	CHECK_SPACE(s, OWNED(VM_RAM, 2 * K4, RW));
}

static void fault_of_user_fetch_is_denied_where_user_is_restricted(struct test_space *s)
{
	bool restricts = format_restricts_user(s->format);

	map_lazy(s, VM_RAM, K4, RWX);
	map_lazy(s, VM_RAM + K4, K4, RAM);
	CHECK_EQUAL(fault(s, VM_RAM, AX_EXECUTE), AX_FAULT_HANDLED);
	CHECK_EQUAL(fault(s, VM_RAM, AX_EXECUTE | AX_USER),
		    restricts ? AX_FAULT_DENIED : AX_FAULT_HANDLED);
	CHECK_EQUAL(fault(s, VM_RAM + K4, AX_EXECUTE | AX_USER), AX_FAULT_HANDLED);
	CHECK(reference_allows(s, VM_RAM + K4, AX_EXECUTE | AX_USER));
}

/* That user mode may execute is one thing, that anybody may execute another; and it is all that is restricted. */
static void fault_of_user_mode_needs_what_the_kernel_needs_too(struct test_space *s)
{
	map_lazy(s, VM_RAM, K4, RW | AX_USER);
	map_lazy(s, VM_RAM + K4, K4, RW);
	CHECK_EQUAL(fault(s, VM_RAM, AX_EXECUTE | AX_USER), AX_FAULT_DENIED);
	CHECK_EQUAL(fault(s, VM_RAM + K4, AX_EXECUTE | AX_USER), AX_FAULT_DENIED);
	CHECK_SPACE(s, LAZY(VM_RAM, K4, RW | AX_USER), LAZY(VM_RAM + K4, K4, RW));
	CHECK_EQUAL(fault(s, VM_RAM + K4, AX_READ | AX_USER), AX_FAULT_HANDLED);
	CHECK_EQUAL(fault(s, VM_RAM + K4, AX_WRITE | AX_USER), AX_FAULT_HANDLED);
	CHECK_EQUAL(fault(s, VM_RAM, RW | AX_USER), AX_FAULT_HANDLED);
}

static void fault_with_unknown_access_bits_fails(struct test_space *s)
{
	map_lazy(s, VM_RAM, K4, RAM);
	CHECK_EQUAL(fault(s, VM_RAM, 0x40), AX_FAULT_FAILED);
	CHECK_EQUAL(fault(s, VM_RAM, AX_READ | 0x80000000u), AX_FAULT_FAILED);
	CHECK_SPACE(s, LAZY(VM_RAM, K4, RAM));
}

static void fault_out_of_memory_changes_nothing_and_works_later(struct test_space *s)
{
	enum ax_fault_result result = AX_FAULT_NO_MEMORY;
	unsigned long allowed = 0;

	map_lazy(s, VM_RAM, 8 * M2, RAM);
	for (; result == AX_FAULT_NO_MEMORY; allowed++) {
		struct snapshot before;

		snapshot_take(&before, s);
		mock_fail_after(allowed);
		result = fault(s, VM_RAM + M2, AX_WRITE);
		mock_fail_never();
		if (result == AX_FAULT_NO_MEMORY)
			snapshot_compare(&before, s);
		snapshot_free(&before);
	}
	CHECK_EQUAL(result, AX_FAULT_HANDLED);
	/* A page and at least one table. */
	CHECK(allowed > 2);
	CHECK_SPACE(s, PARTLY(VM_RAM, 8 * M2, RAM));
}

static void fault_out_of_memory_has_its_own_result_and_is_no_success(struct test_space *s)
{
	map_lazy(s, VM_RAM, K4, RAM);
	mock_fail_after(0);
	CHECK_EQUAL(fault(s, VM_RAM, AX_READ), AX_FAULT_NO_MEMORY);
	CHECK(!ax_addrspace_handle_page_fault(&s->as, ax_gpa(VM_RAM), AX_READ));
	mock_fail_never();
	CHECK(ax_addrspace_handle_page_fault(&s->as, ax_gpa(VM_RAM), AX_READ));
}

static void fault_gives_a_frame_from_above_hpa_bits_back(struct test_space *s)
{
	struct ax_addrspace_config config = format_config(s->format);

	config.hpa_bits = 40;
	space_remake(s, &config);
	map_lazy(s, VM_RAM, 2 * K4, RAM);
	CHECK_EQUAL(fault(s, VM_RAM, AX_READ), AX_FAULT_HANDLED);
	mock_use_far(true);
	{
		struct snapshot before;

		snapshot_take(&before, s);
		/* The neighbour, if it was not backed with the first. */
		if (!leaf_size_at(s, VM_RAM + K4))
			CHECK(!ax_addrspace_handle_page_fault(&s->as, ax_gpa(VM_RAM + K4),
							      AX_READ));
		snapshot_compare(&before, s);
		snapshot_free(&before);
	}
	mock_use_far(false);
	CHECK_EQUAL(fault(s, VM_RAM + K4, AX_READ), AX_FAULT_HANDLED);
	CHECK_SPACE(s, OWNED(VM_RAM, 2 * K4, RAM));
}

/* Holes */

static void fault_in_a_hole_of_a_lazy_region_has_no_region(struct test_space *s)
{
	map_lazy(s, VM_RAM, 8 * K4, RAM);
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM + 3 * K4), 2 * K4));
	CHECK_EQUAL(fault(s, VM_RAM + 3 * K4, AX_READ), AX_FAULT_NO_REGION);
	CHECK_EQUAL(fault(s, VM_RAM + 4 * K4, AX_READ), AX_FAULT_NO_REGION);
	CHECK_EQUAL(fault(s, VM_RAM + 2 * K4, AX_READ), AX_FAULT_HANDLED);
	CHECK_EQUAL(fault(s, VM_RAM + 5 * K4, AX_READ), AX_FAULT_HANDLED);
	CHECK_SPACE(s, PARTLY(VM_RAM, 3 * K4, RAM), PARTLY(VM_RAM + 5 * K4, 3 * K4, RAM));
}

static void a_page_unmapped_and_mapped_again_comes_back_zeroed(struct test_space *s)
{
	map_lazy(s, VM_RAM, 4 * K4, RAM);
	CHECK_EQUAL(fault(s, VM_RAM, AX_WRITE), AX_FAULT_HANDLED);
	fill_bytes(s, VM_RAM, K4, 0xcc);
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), K4));
	map_lazy(s, VM_RAM, K4, RAM);
	CHECK_EQUAL(fault(s, VM_RAM, AX_WRITE), AX_FAULT_HANDLED);
	check_bytes(s, VM_RAM, K4, 0);
}

/* "May back more of the same block and region than the one page": never less, and never others. */
static void fault_backs_nothing_outside_its_region(struct test_space *s)
{
	map_lazy(s, VM_RAM + K4, K4, RAM);
	map_lazy(s, VM_RAM + 2 * K4, K4, RW);
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM + 3 * K4), ax_hpa(HOST), K4, RAM));
	CHECK_EQUAL(fault(s, VM_RAM + K4, AX_READ), AX_FAULT_HANDLED);
	CHECK_SPACE(s, OWNED(VM_RAM + K4, K4, RAM), LAZY(VM_RAM + 2 * K4, K4, RW),
		    LINEAR(VM_RAM + 3 * K4, K4, HOST, RAM));
}

static void faults_are_counted_where_they_backed_a_page(struct test_space *s)
{
	struct ax_addrspace_stats stats;

	map_lazy(s, VM_RAM, 16 * M2, AX_READ);
	ax_addrspace_stats(&s->as, &stats);
	CHECK_EQUAL(stats.faults, 0);
	for (uint64_t i = 0; i < 8; i++)
		CHECK_EQUAL(fault(s, VM_RAM + 2 * i * M2, AX_READ), AX_FAULT_HANDLED);
	ax_addrspace_stats(&s->as, &stats);
	CHECK_EQUAL(stats.faults, 8);
	CHECK_EQUAL(fault(s, VM_RAM, AX_READ), AX_FAULT_HANDLED);
	CHECK_EQUAL(fault(s, VM_RAM, AX_WRITE), AX_FAULT_DENIED);
	CHECK_EQUAL(fault(s, 0, AX_READ), AX_FAULT_NO_REGION);
	ax_addrspace_stats(&s->as, &stats);
	CHECK_EQUAL(stats.faults, 8);
}

/* What a fault gets it keeps: with a table to link, with several, with none. */
static void fault_asks_for_no_frame_too_many(struct test_space *s)
{
	const uint64_t gpas[] = {VM_RAM, VM_RAM + K4, VM_RAM + M2, VM_RAM + G1, VM_RAM};
	const unsigned long before = mock_counts().alloc;
	const size_t held = mock_frames_held();

	map_lazy(s, VM_RAM, 2 * G1, RAM);
	for (size_t i = 0; i < sizeof(gpas) / sizeof(gpas[0]); i++)
		CHECK_EQUAL(fault(s, gpas[i], AX_WRITE), AX_FAULT_HANDLED);
	CHECK_EQUAL(mock_counts().alloc - before, mock_frames_held() - held);
}

/*
 * A fault that links tables counts them on its own line, where the count comes round at 2^32: with every line one
 * short of that, and as many less by the writer, the sum stays what it is, and no line but the fault's own changes.
 */
static void tables_that_a_fault_links_are_counted_on_its_own_line(struct test_space *s)
{
	struct ax_guard_slot *lines = s->cpus > 1 ? s->as.guard.slots : &s->as.alone;
	const size_t count = s->cpus > 1 ? AX_PAGE_SIZE_4K / sizeof(*lines) : 1;
	size_t written = 0;

	map_lazy(s, VM_RAM, 2 * G1, RAM);
	for (size_t i = 0; i < count; i++)
		lines[i].table_frames = i == 0 && count > 1 ? 0 : UINT32_MAX;
	s->as.npt.table_frames += count > 1 ? count - 1 : 1;
	CHECK_SPACE(s, PARTLY(VM_RAM, 2 * G1, RAM));
	CHECK_EQUAL(fault(s, VM_RAM, AX_WRITE), AX_FAULT_HANDLED);
	CHECK_EQUAL(fault(s, VM_RAM + G1, AX_WRITE), AX_FAULT_HANDLED);
	CHECK_SPACE(s, PARTLY(VM_RAM, 2 * G1, RAM));
	for (size_t i = 0; i < count; i++)
		written += lines[i].table_frames != UINT32_MAX;
	/* Beside line 0, which nobody writes. */
	CHECK_EQUAL(written, count > 1 ? 2 : 1);
	CHECK(count == 1 || (lines[0].table_frames == 0 && lines[0].seq == 0));
}

static void a_gib_of_lazy_memory_is_backed_page_by_page(struct test_space *s)
{
	map_lazy(s, VM_RAM, G1, RAM);
	for (uint64_t gpa = VM_RAM; gpa < VM_RAM + G1; gpa += 37 * M2 + 11 * K4)
		CHECK_EQUAL(fault(s, gpa, AX_WRITE), AX_FAULT_HANDLED);
	CHECK_SPACE(s, PARTLY(VM_RAM, G1, RAM));
	CHECK(owned_frames(s) >= 14);
	CHECK_OK(ax_addrspace_clear(&s->as));
	check_empty(s);
}

/* Readers remember the region that they found last: every kind of change has to make them forget it. Each
 * fault before a change is there to be remembered. */
static void fault_after_a_change_sees_the_region_as_it_is(struct test_space *s)
{
	map_lazy(s, VM_RAM, 4 * M2, RAM);
	CHECK_EQUAL(fault(s, VM_RAM, AX_WRITE), AX_FAULT_HANDLED);

	/* Flags, of a page that is there and of one that is not. */
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM), 4 * M2, AX_READ | AX_USER));
	CHECK_EQUAL(fault(s, VM_RAM, AX_WRITE), AX_FAULT_DENIED);
	CHECK_EQUAL(fault(s, VM_RAM + K4, AX_WRITE), AX_FAULT_DENIED);
	CHECK_EQUAL(fault(s, VM_RAM + K4, AX_READ), AX_FAULT_HANDLED);
	CHECK(!reference_allows(s, VM_RAM + K4, AX_WRITE));
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM), 4 * M2, RAM));
	CHECK_EQUAL(fault(s, VM_RAM + 2 * K4, AX_WRITE), AX_FAULT_HANDLED);
	CHECK(reference_allows(s, VM_RAM + 2 * K4, AX_WRITE));

	/* Two changes with no fault between: readers then use the same copy of the regions as before. */
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM), 4 * M2, AX_READ | AX_USER));
	map_lazy(s, VM_RAM + 8 * M2, M2, RAM);
	CHECK_EQUAL(fault(s, VM_RAM + 3 * K4, AX_READ), AX_FAULT_HANDLED);
	CHECK(!reference_allows(s, VM_RAM + 3 * K4, AX_WRITE));
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM), 4 * M2, RAM));

	/* A hole, which nobody may back. */
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM + M2), M2));
	CHECK_EQUAL(fault(s, VM_RAM + M2, AX_READ), AX_FAULT_NO_REGION);
	CHECK_EQUAL(fault(s, VM_RAM + 2 * M2, AX_READ), AX_FAULT_HANDLED);

	/* Another region in its place, then none at all. */
	map_lazy(s, VM_RAM + M2, M2, AX_READ | AX_USER);
	CHECK_EQUAL(fault(s, VM_RAM + M2, AX_WRITE), AX_FAULT_DENIED);
	CHECK_EQUAL(fault(s, VM_RAM + M2, AX_READ), AX_FAULT_HANDLED);
	CHECK_OK(ax_addrspace_clear(&s->as));
	CHECK_EQUAL(fault(s, VM_RAM + M2, AX_READ), AX_FAULT_NO_REGION);
	check_empty(s);
}

/* A reader remembers its last table: not for another one's pages, nor beyond its life. */
static void fault_after_a_fault_is_served_in_its_own_table(struct test_space *s)
{
	uint64_t hpa = 0, other = 0;

	map_lazy(s, VM_RAM, 4 * M2, RAM);
	for (uint64_t page = 0; page < 3; page++) {
		CHECK_EQUAL(fault(s, VM_RAM + page * K4, AX_WRITE), AX_FAULT_HANDLED);
		CHECK_EQUAL(fault(s, VM_RAM + M2 + page * K4, AX_WRITE), AX_FAULT_HANDLED);
		CHECK(reference_translate(s, VM_RAM + page * K4, &hpa));
		CHECK(reference_translate(s, VM_RAM + M2 + page * K4, &other));
		CHECK(hpa != other);
		CHECK_EQUAL(owned_frames(s), 2 * (page + 1));
	}

	/* The table goes, its frame is another one's now, and a huge page may be where it was. */
	CHECK_EQUAL(fault(s, VM_RAM + 3 * K4, AX_WRITE), AX_FAULT_HANDLED);
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), M2));
	CHECK_EQUAL(fault(s, VM_RAM + 3 * K4, AX_WRITE), AX_FAULT_NO_REGION);
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(HOST), M2, RAM));
	CHECK_EQUAL(fault(s, VM_RAM + 3 * K4, AX_WRITE), AX_FAULT_HANDLED);
	CHECK(reference_translate(s, VM_RAM + 3 * K4, &hpa));
	CHECK_EQUAL(hpa, HOST + 3 * K4);
	CHECK_EQUAL(owned_frames(s), 3);
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), M2));
	map_lazy(s, VM_RAM, M2, RAM);
	CHECK_EQUAL(fault(s, VM_RAM + 3 * K4, AX_WRITE), AX_FAULT_HANDLED);
	check_bytes(s, VM_RAM + 3 * K4, K4, 0);
	CHECK_EQUAL(fault(s, VM_RAM + 4 * K4, AX_WRITE), AX_FAULT_HANDLED);
	CHECK(reference_allows(s, VM_RAM + 4 * K4, AX_WRITE));
	CHECK_EQUAL(owned_frames(s), 5);
}

/* The number of a table is remembered in 32 bits: tables that they do not tell apart are not taken for one. */
static void fault_far_above_is_not_taken_for_one_below(struct test_space *s)
{
	const uint64_t far = UINT64_C(1) << 53;
	uint64_t below = 0, above = 0;

	if (s->size <= 2 * far)
		return;
	map_lazy(s, VM_RAM, far + M2, RAM);
	CHECK_EQUAL(fault(s, VM_RAM, AX_WRITE), AX_FAULT_HANDLED);
	CHECK_EQUAL(fault(s, VM_RAM + K4, AX_WRITE), AX_FAULT_HANDLED);
	CHECK_EQUAL(fault(s, VM_RAM + far, AX_WRITE), AX_FAULT_HANDLED);
	CHECK_EQUAL(fault(s, VM_RAM + far + K4, AX_WRITE), AX_FAULT_HANDLED);
	CHECK_EQUAL(fault(s, VM_RAM + 2 * K4, AX_WRITE), AX_FAULT_HANDLED);
	CHECK_EQUAL(owned_frames(s), 5);
	CHECK(reference_translate(s, VM_RAM + K4, &below));
	CHECK(reference_translate(s, VM_RAM + far + K4, &above));
	CHECK(below != above);
	CHECK(reference_allows(s, VM_RAM + 2 * K4, AX_WRITE));
}

int main(void)
{
	static const struct story stories[] = {
		STORY(fault_on_a_lazy_page_backs_it_with_zeroes),
		STORY(fault_works_at_any_byte_of_the_page),
		STORY(fault_on_the_first_and_last_page_of_a_region),
		STORY(fault_on_the_last_page_of_the_space),
		STORY(fault_again_keeps_the_page_and_its_contents),
		STORY(fault_on_a_page_that_is_there_is_handled),
		STORY(fault_without_permission_is_denied),
		STORY(fault_outside_of_every_region_has_no_region),
		STORY(fault_without_access_wants_presence_only),
		STORY(fault_ignores_memory_types_and_user_where_it_means_nothing),
		STORY(fault_of_user_fetch_is_denied_where_user_is_restricted),
		STORY(fault_of_user_mode_needs_what_the_kernel_needs_too),
		STORY(fault_with_unknown_access_bits_fails),
		STORY(fault_out_of_memory_changes_nothing_and_works_later),
		STORY(fault_out_of_memory_has_its_own_result_and_is_no_success),
		STORY(fault_gives_a_frame_from_above_hpa_bits_back),
		STORY(fault_in_a_hole_of_a_lazy_region_has_no_region),
		STORY(a_page_unmapped_and_mapped_again_comes_back_zeroed),
		STORY(fault_backs_nothing_outside_its_region),
		STORY(faults_are_counted_where_they_backed_a_page),
		STORY(fault_asks_for_no_frame_too_many),
		STORY(tables_that_a_fault_links_are_counted_on_its_own_line),
		STORY(a_gib_of_lazy_memory_is_backed_page_by_page),
		STORY(fault_after_a_change_sees_the_region_as_it_is),
		STORY(fault_after_a_fault_is_served_in_its_own_table),
		STORY(fault_far_above_is_not_taken_for_one_below),
	};

	return STORIES_RUN("address space: page faults", stories);
}
