/* SPDX-License-Identifier: Apache-2.0 */
/* What goes when memory is unmapped, what stays, and when frames and tables come back. */
#include <string.h>

#include "check.h"
#include "mock_port.h"
#include "story.h"

#define VM_RAM 0x40000000ull
#define HOST   MOCK_RAM_BASE

static void map_ram(struct test_space *s, uint64_t gpa, uint64_t size)
{
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(gpa), ax_hpa(HOST + (gpa - VM_RAM)), size,
					 RAM));
}

static void populate(struct test_space *s, uint64_t gpa, uint64_t size)
{
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(gpa), size, RAM, true));
}

static void unmap(struct test_space *s, uint64_t gpa, uint64_t size)
{
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(gpa), size));
}

static uint64_t owned_frames(const struct test_space *s)
{
	struct ax_addrspace_stats stats;

	ax_addrspace_stats(&s->as, &stats);
	return stats.owned_frames;
}

static uint64_t table_frames(const struct test_space *s)
{
	struct ax_addrspace_stats stats;

	ax_addrspace_stats(&s->as, &stats);
	return stats.table_frames;
}

/* Regions */

static void unmap_of_a_whole_region_leaves_nothing(struct test_space *s)
{
	map_ram(s, VM_RAM, 3 * M2 + 5 * K4);
	unmap(s, VM_RAM, 3 * M2 + 5 * K4);
	check_empty(s);
}

static void unmap_of_the_head_shrinks_the_region(struct test_space *s)
{
	map_ram(s, VM_RAM, 8 * K4);
	unmap(s, VM_RAM, 3 * K4);
	CHECK_SPACE(s, LINEAR(VM_RAM + 3 * K4, 5 * K4, HOST + 3 * K4, RAM));
}

static void unmap_of_the_tail_shrinks_the_region(struct test_space *s)
{
	map_ram(s, VM_RAM, 8 * K4);
	unmap(s, VM_RAM + 5 * K4, 3 * K4);
	CHECK_SPACE(s, LINEAR(VM_RAM, 5 * K4, HOST, RAM));
}

static void unmap_of_the_middle_splits_the_region(struct test_space *s)
{
	map_ram(s, VM_RAM, 8 * K4);
	unmap(s, VM_RAM + 3 * K4, 2 * K4);
	CHECK_SPACE(s, LINEAR(VM_RAM, 3 * K4, HOST, RAM),
		    LINEAR(VM_RAM + 5 * K4, 3 * K4, HOST + 5 * K4, RAM));
}

static void unmap_across_holes_and_regions_takes_what_is_there(struct test_space *s)
{
	map_ram(s, VM_RAM, 4 * K4);
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM + 6 * K4), ax_hpa(0), 2 * K4, RW));
	populate(s, VM_RAM + 9 * K4, 2 * K4);
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM + 12 * K4), 4 * K4, RW, false));
	unmap(s, VM_RAM + 2 * K4, 12 * K4);
	CHECK_SPACE(s, LINEAR(VM_RAM, 2 * K4, HOST, RAM), LAZY(VM_RAM + 14 * K4, 2 * K4, RW));
}

static void unmap_of_holes_is_fine(struct test_space *s)
{
	unmap(s, VM_RAM, M2);
	unmap(s, 0, s->size);
	check_empty(s);
	map_ram(s, VM_RAM, K4);
	unmap(s, VM_RAM + K4, M2);
	unmap(s, 0, VM_RAM);
	CHECK_SPACE(s, LINEAR(VM_RAM, K4, HOST, RAM));
}

static void unmap_twice_is_like_once(struct test_space *s)
{
	populate(s, VM_RAM, 2 * M2);
	unmap(s, VM_RAM + K4, M2);
	unmap(s, VM_RAM + K4, M2);
	CHECK_SPACE(s, OWNED(VM_RAM, K4, RAM), OWNED(VM_RAM + M2 + K4, M2 - K4, RAM));
}

static void unmap_of_the_whole_space_empties_it(struct test_space *s)
{
	map_ram(s, VM_RAM, 2 * G1);
	populate(s, 0, 3 * K4);
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(s->size - M2), M2, RAM, false));
	unmap(s, 0, s->size);
	check_empty(s);
}

static void unmap_of_size_zero_is_fine_at_any_address(struct test_space *s)
{
	static const uint64_t addresses[] = {0, 1, VM_RAM, VM_RAM + 7, 1ull << 62, UINT64_MAX};

	map_ram(s, VM_RAM, M2);
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
		unmap(s, addresses[i], 0);
	unmap(s, s->size, 0);
	CHECK_SPACE(s, LINEAR(VM_RAM, M2, HOST, RAM));
}

/* Refusals */

static void unmap_refuses_what_is_not_page_aligned(struct test_space *s)
{
	map_ram(s, VM_RAM, M2);
	CHECK_REFUSED(s, ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM + 1), K4), AX_EALIGN);
	CHECK_REFUSED(s, ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), 1), AX_EALIGN);
	CHECK_REFUSED(s, ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), K4 + 0x200), AX_EALIGN);
}

static void unmap_refuses_what_is_outside_the_space(struct test_space *s)
{
	map_ram(s, VM_RAM, M2);
	CHECK_REFUSED(s, ax_addrspace_unmap(&s->as, ax_gpa(s->size), K4), AX_ERANGE);
	CHECK_REFUSED(s, ax_addrspace_unmap(&s->as, ax_gpa(s->size - K4), 2 * K4), AX_ERANGE);
	CHECK_REFUSED(s, ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), 0 - VM_RAM), AX_ERANGE);
	CHECK_REFUSED(s, ax_addrspace_unmap(&s->as, ax_gpa(0 - K4), 2 * K4), AX_ERANGE);
	CHECK_REFUSED(s, ax_addrspace_unmap(&s->as, ax_gpa(0 - K4), K4), AX_ERANGE);
	CHECK_REFUSED(s, ax_addrspace_unmap(&s->as, ax_gpa(0), s->size + K4), AX_ERANGE);
	CHECK_REFUSED(s, ax_addrspace_unmap(&s->as, ax_gpa(K4), 0 - K4), AX_ERANGE);
}

/* Huge pages */

static void unmap_of_a_page_in_2m_splits_and_takes_only_it(struct test_space *s)
{
	struct ax_addrspace_stats stats;

	map_ram(s, VM_RAM, M2);
	CHECK_EQUAL(leaf_size_at(s, VM_RAM), M2);
	unmap(s, VM_RAM + 100 * K4, K4);
	CHECK_SPACE(s, LINEAR(VM_RAM, 100 * K4, HOST, RAM),
		    LINEAR(VM_RAM + 101 * K4, M2 - 101 * K4, HOST + 101 * K4, RAM));
	ax_addrspace_stats(&s->as, &stats);
	CHECK_EQUAL(stats.pages[0], 511);
	CHECK_EQUAL(stats.splits, 1);
}

static void unmap_of_a_page_in_1g_keeps_the_rest_in_the_largest_pages(struct test_space *s)
{
	uint64_t page = VM_RAM + 7 * M2 + 9 * K4;
	struct ax_addrspace_stats stats;

	map_ram(s, VM_RAM, G1);
	unmap(s, page, K4);
	CHECK_SPACE(s, LINEAR(VM_RAM, page - VM_RAM, HOST, RAM),
		    LINEAR(page + K4, VM_RAM + G1 - page - K4, HOST + (page + K4 - VM_RAM), RAM));
	ax_addrspace_stats(&s->as, &stats);
	CHECK_EQUAL(stats.pages[0], 511);
	CHECK_EQUAL(stats.pages[1], 511);
	CHECK_EQUAL(stats.splits, s->format->leaf_levels > 2 ? 2 : 1);
}

static void unmap_of_2m_in_1g_needs_no_small_pages(struct test_space *s)
{
	struct ax_addrspace_stats stats;

	map_ram(s, VM_RAM, G1);
	unmap(s, VM_RAM + 3 * M2, M2);
	CHECK_SPACE(s, LINEAR(VM_RAM, 3 * M2, HOST, RAM),
		    LINEAR(VM_RAM + 4 * M2, G1 - 4 * M2, HOST + 4 * M2, RAM));
	ax_addrspace_stats(&s->as, &stats);
	CHECK_EQUAL(stats.pages[0], 0);
	CHECK_EQUAL(stats.pages[1], 511);
}

static void unmap_across_two_huge_pages_splits_both_ends(struct test_space *s)
{
	map_ram(s, VM_RAM, 2 * M2);
	unmap(s, VM_RAM + M2 - 3 * K4, 7 * K4);
	CHECK_SPACE(s, LINEAR(VM_RAM, M2 - 3 * K4, HOST, RAM),
		    LINEAR(VM_RAM + M2 + 4 * K4, M2 - 4 * K4, HOST + M2 + 4 * K4, RAM));
}

static void unmap_across_three_huge_pages_splits_no_middle_one(struct test_space *s)
{
	struct ax_addrspace_stats stats;

	map_ram(s, VM_RAM, 3 * M2);
	unmap(s, VM_RAM + K4, 3 * M2 - 2 * K4);
	CHECK_SPACE(s, LINEAR(VM_RAM, K4, HOST, RAM),
		    LINEAR(VM_RAM + 3 * M2 - K4, K4, HOST + 3 * M2 - K4, RAM));
	ax_addrspace_stats(&s->as, &stats);
	CHECK_EQUAL(stats.splits, 2);
}

static void unmap_of_whole_huge_pages_needs_no_memory(struct test_space *s)
{
	populate(s, VM_RAM, 2 * M2);
	map_ram(s, 2 * G1, G1);
	mock_fail_after(0);
	unmap(s, 2 * G1, G1);
	unmap(s, VM_RAM, M2);
	unmap(s, VM_RAM + M2, M2);
	CHECK_EQUAL(mock_failures(), 0);
	mock_fail_never();
	check_empty(s);
}

static void unmap_that_splits_without_memory_fails_and_changes_nothing(struct test_space *s)
{
	map_ram(s, VM_RAM, G1);
	populate(s, VM_RAM + G1, M2);
	mock_fail_after(0);
	CHECK_REFUSED(s, ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM + K4), K4), AX_ENOMEM);
	CHECK_REFUSED(s, ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM + G1 + M2 - K4), K4), AX_ENOMEM);
	mock_fail_never();
	unmap(s, VM_RAM + K4, K4);
	CHECK_SPACE(s, LINEAR(VM_RAM, K4, HOST, RAM),
		    LINEAR(VM_RAM + 2 * K4, G1 - 2 * K4, HOST + 2 * K4, RAM),
		    OWNED(VM_RAM + G1, M2, RAM));
}

/* Owned memory */

/* A hole in the middle of a region makes one more of it, for which a full node has no room. */
static void unmap_without_memory_for_a_region_fails_and_changes_nothing(struct test_space *s)
{
	/* As many as a node holds, see AX_REGION_NODE_CAPACITY. */
	for (uint64_t i = 0; i < 99; i++)
		map_ram(s, VM_RAM + 4 * i * K4, 3 * K4);
	mock_fail_after(0);
	CHECK_REFUSED(s, ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM + K4), K4), AX_ENOMEM);
	/* What makes no region more needs none. */
	unmap(s, VM_RAM, K4);
	mock_fail_never();
	unmap(s, VM_RAM + 5 * K4, K4);
	check_tables(s);
	unmap(s, VM_RAM, M2);
	check_empty(s);
}

static void unmap_gives_owned_frames_back(struct test_space *s)
{
	size_t held = mock_frames_held();

	mock_set_no_contiguous(true);
	populate(s, VM_RAM, 20 * K4);
	CHECK_EQUAL(owned_frames(s), 20);
	unmap(s, VM_RAM + 5 * K4, 10 * K4);
	CHECK_EQUAL(owned_frames(s), 10);
	CHECK_SPACE(s, OWNED(VM_RAM, 5 * K4, RAM), OWNED(VM_RAM + 15 * K4, 5 * K4, RAM));
	unmap(s, VM_RAM, 20 * K4);
	CHECK_EQUAL(mock_frames_held(), held);
}

static void unmap_of_a_lazy_region_gives_back_what_was_touched(struct test_space *s)
{
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), G1, RAM, false));
	CHECK(ax_addrspace_handle_page_fault(&s->as, ax_gpa(VM_RAM + 5 * M2), AX_WRITE));
	CHECK(ax_addrspace_handle_page_fault(&s->as, ax_gpa(VM_RAM + 100 * M2), AX_READ));
	CHECK(owned_frames(s) >= 2);
	unmap(s, VM_RAM, G1);
	check_empty(s);
}

/* A table that goes whole is freed page by page, two a turn: holes at each place, and at both ends of the table. */
static void unmap_gives_back_the_frames_around_any_holes(struct test_space *s)
{
	size_t held = mock_frames_held();

	for (uint64_t holes = 0; holes < 32; holes++) {
		CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), M2, RAM, false));
		for (uint64_t i = 0; i < 10; i++) {
			uint64_t gpa = VM_RAM + (i < 5 ? i : 502 + i) * K4;

			if ((holes >> i % 5 & 1) == 0)
				CHECK(ax_addrspace_handle_page_fault(&s->as, ax_gpa(gpa), AX_READ));
		}
		unmap(s, VM_RAM, M2);
		CHECK_EQUAL(owned_frames(s), 0);
		CHECK_EQUAL(mock_frames_held(), held);
	}
}

static void a_block_goes_back_whole_once_its_last_piece_is_unmapped(struct test_space *s)
{
	unsigned long blocks = mock_counts().dealloc_contiguous;

	populate(s, VM_RAM, M2);
	for (uint64_t i = 0; i < 511; i++)
		unmap(s, VM_RAM + i * K4, K4);
	CHECK_EQUAL(owned_frames(s), 512);
	CHECK_EQUAL(mock_counts().dealloc_contiguous, blocks);
	CHECK_SPACE(s, OWNED(VM_RAM + 511 * K4, K4, RAM));
	unmap(s, VM_RAM + 511 * K4, K4);
	CHECK_EQUAL(mock_counts().dealloc_contiguous, blocks + 1);
	check_empty(s);
}

/* The order is a walk over all pages with a stride that is coprime to their number. */
static void unmap_block_by_stride(struct test_space *s, uint64_t stride)
{
	unsigned long blocks = mock_counts().dealloc_contiguous;
	uint64_t page = 0;

	populate(s, VM_RAM, M2);
	for (uint64_t i = 0; i < 512; i++) {
		CHECK_EQUAL(mock_counts().dealloc_contiguous, blocks);
		CHECK_EQUAL(owned_frames(s), 512);
		unmap(s, VM_RAM + page * K4, K4);
		page = (page + stride) % 512;
	}
	CHECK_EQUAL(mock_counts().dealloc_contiguous, blocks + 1);
	check_empty(s);
}

static void a_block_goes_back_in_any_order_of_unmapping(struct test_space *s)
{
	unmap_block_by_stride(s, 511); /* downwards */
	unmap_block_by_stride(s, 37);
	unmap_block_by_stride(s, 255);
}

static void a_block_keeps_its_contents_while_pieces_go(struct test_space *s)
{
	populate(s, VM_RAM, M2);
	fill_bytes(s, VM_RAM, M2, 0x3c);
	unmap(s, VM_RAM + 8 * K4, 16 * K4);
	check_bytes(s, VM_RAM, 8 * K4, 0x3c);
	check_bytes(s, VM_RAM + 24 * K4, M2 - 24 * K4, 0x3c);
	unmap(s, VM_RAM, M2 - K4);
	check_bytes(s, VM_RAM + M2 - K4, K4, 0x3c);
}

static void a_hole_in_a_block_can_be_refilled_by_other_memory(struct test_space *s)
{
	unsigned long blocks = mock_counts().dealloc_contiguous;

	populate(s, VM_RAM, M2);
	unmap(s, VM_RAM + 2 * K4, 4 * K4);
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM + 2 * K4), ax_hpa(HOST), K4, RW));
	populate(s, VM_RAM + 3 * K4, K4);
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM + 4 * K4), 2 * K4, RAM, false));
	CHECK_SPACE(s, OWNED(VM_RAM, 2 * K4, RAM), LINEAR(VM_RAM + 2 * K4, K4, HOST, RW),
		    OWNED(VM_RAM + 3 * K4, K4, RAM), LAZY(VM_RAM + 4 * K4, 2 * K4, RAM),
		    OWNED(VM_RAM + 6 * K4, M2 - 6 * K4, RAM));
	CHECK(ax_addrspace_handle_page_fault(&s->as, ax_gpa(VM_RAM + 4 * K4), AX_WRITE));
	check_bytes(s, VM_RAM + 4 * K4, K4, 0);
	/* The pieces of the block go; the strangers in the hole stay. */
	unmap(s, VM_RAM, 2 * K4);
	unmap(s, VM_RAM + 6 * K4, M2 - 6 * K4);
	CHECK_EQUAL(mock_counts().dealloc_contiguous, blocks + 1);
	CHECK_SPACE(s, LINEAR(VM_RAM + 2 * K4, K4, HOST, RW), OWNED(VM_RAM + 3 * K4, K4, RAM),
		    PARTLY(VM_RAM + 4 * K4, 2 * K4, RAM));
	unmap(s, VM_RAM, M2);
	check_empty(s);
}

static void a_refilled_hole_is_unmapped_before_the_block(struct test_space *s)
{
	unsigned long blocks = mock_counts().dealloc_contiguous;

	populate(s, VM_RAM, M2);
	for (int i = 0; i < 3; i++) {
		unmap(s, VM_RAM + 7 * K4, K4);
		CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM + 7 * K4), ax_hpa(0), K4,
						 RAM));
		unmap(s, VM_RAM + 7 * K4, K4);
		populate(s, VM_RAM + 7 * K4, K4);
	}
	CHECK_EQUAL(mock_counts().dealloc_contiguous, blocks);
	CHECK_SPACE(s, OWNED(VM_RAM, M2, RAM));
	unmap(s, VM_RAM, M2);
	CHECK_EQUAL(mock_counts().dealloc_contiguous, blocks + 1);
	check_empty(s);
}

static void a_protected_block_goes_back_whole(struct test_space *s)
{
	unsigned long blocks = mock_counts().dealloc_contiguous;

	populate(s, VM_RAM, M2);
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM), 4 * K4, AX_READ));
	unmap(s, VM_RAM + 2 * K4, 4 * K4);
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM + 6 * K4), M2 - 6 * K4, RW));
	CHECK_SPACE(s, OWNED(VM_RAM, 2 * K4, AX_READ), OWNED(VM_RAM + 6 * K4, M2 - 6 * K4, RW));
	unmap(s, VM_RAM + 6 * K4, M2 - 6 * K4);
	CHECK_EQUAL(owned_frames(s), 512);
	unmap(s, VM_RAM, 2 * K4);
	CHECK_EQUAL(mock_counts().dealloc_contiguous, blocks + 1);
	check_empty(s);
}

static void pieces_of_a_block_that_wait_cannot_be_seen(struct test_space *s)
{
	populate(s, VM_RAM, M2);
	unmap(s, VM_RAM + K4, M2 - K4);
	CHECK_EQUAL(owned_frames(s), 512);
	CHECK(!ax_addrspace_handle_page_fault(&s->as, ax_gpa(VM_RAM + K4), AX_READ));
	/* New memory in their place is new, and zeroed. */
	fill_bytes(s, VM_RAM, K4, 0x99);
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM + K4), M2 - K4, RAM, false));
	CHECK_SPACE(s, OWNED(VM_RAM, K4, RAM), LAZY(VM_RAM + K4, M2 - K4, RAM));
	CHECK(ax_addrspace_handle_page_fault(&s->as, ax_gpa(VM_RAM + K4), AX_READ));
	check_bytes(s, VM_RAM + K4, K4, 0);
	check_bytes(s, VM_RAM, K4, 0x99);
	unmap(s, VM_RAM, M2);
	check_empty(s);
}

static void clear_takes_blocks_of_which_pieces_are_gone(struct test_space *s)
{
	populate(s, VM_RAM, 3 * M2);
	unmap(s, VM_RAM, K4);
	unmap(s, VM_RAM + M2 + 5 * K4, 40 * K4);
	unmap(s, VM_RAM + 2 * M2, M2 - K4);
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(0), K4, RAM));
	CHECK_OK(ax_addrspace_clear(&s->as));
	check_empty(s);
}

/* Tables */

static void unmap_gives_emptied_tables_back(struct test_space *s)
{
	uint64_t before = table_frames(s);

	map_ram(s, VM_RAM, K4);
	CHECK(table_frames(s) > before);
	unmap(s, VM_RAM, K4);
	CHECK_EQUAL(table_frames(s), before);
	check_empty(s);
}

static void unmap_keeps_tables_that_others_use(struct test_space *s)
{
	uint64_t with_one;

	map_ram(s, VM_RAM, K4);
	with_one = table_frames(s);
	map_ram(s, VM_RAM + K4, K4);
	unmap(s, VM_RAM + K4, K4);
	CHECK_EQUAL(table_frames(s), with_one);
	CHECK_SPACE(s, LINEAR(VM_RAM, K4, HOST, RAM));
}

static void unmap_of_what_was_split_gives_the_split_tables_back(struct test_space *s)
{
	map_ram(s, VM_RAM, G1);
	for (uint64_t i = 0; i < 8; i++)
		unmap(s, VM_RAM + i * 60 * M2 + K4, K4);
	unmap(s, VM_RAM, G1);
	check_empty(s);
}

/* Clear */

static void clear_leaves_what_was_held_after_init(struct test_space *s)
{
	size_t held = mock_frames_held();

	map_ram(s, VM_RAM, G1 + 3 * K4);
	populate(s, 0, M2 + K4);
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(0x90000000), G1, RW, false));
	CHECK(ax_addrspace_handle_page_fault(&s->as, ax_gpa(0x90000000), AX_READ));
	CHECK_OK(ax_addrspace_clear(&s->as));
	CHECK_EQUAL(mock_frames_held(), held);
	check_empty(s);
	CHECK_OK(ax_addrspace_clear(&s->as));
	map_ram(s, VM_RAM, M2);
	CHECK_SPACE(s, LINEAR(VM_RAM, M2, HOST, RAM));
}

static void clear_needs_no_memory(struct test_space *s)
{
	map_ram(s, VM_RAM, G1 + 3 * K4);
	populate(s, 0, M2 + K4);
	unmap(s, K4, K4);
	mock_fail_after(0);
	CHECK_OK(ax_addrspace_clear(&s->as));
	CHECK_EQUAL(mock_failures(), 0);
	mock_fail_never();
	check_empty(s);
}

static void many_regions_come_and_go(struct test_space *s)
{
	struct ax_addrspace_stats stats;

	for (uint64_t i = 0; i < 300; i++)
		map_ram(s, VM_RAM + 2 * i * K4, K4);
	ax_addrspace_stats(&s->as, &stats);
	CHECK_EQUAL(stats.regions, 300);
	check_tables(s);
	for (uint64_t i = 0; i < 300; i++)
		unmap(s, VM_RAM + 2 * ((i * 7) % 300) * K4, K4);
	check_empty(s);
}

/*
 * Tables among huge pages are found and freed, wherever they are, one by itself and two. Executable and readable pages by turns have no
 * permission in common, where a format has such pages; the tables are counted by check_empty().
 */
static void unmap_with_two_tables(struct test_space *s, unsigned hole, unsigned other)
{
	const bool bare = format_expressible(s->format, AX_EXECUTE | AX_USER) == AX_OK;
	const uint64_t start = VM_RAM;

	for (unsigned page = 0; page < 20; page++) {
		ax_flags_t flags = bare && page % 2 ? AX_EXECUTE | AX_USER : AX_READ | AX_USER;

		CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(start + page * M2),
						 ax_hpa(start + page * M2), M2, flags));
		CHECK_EQUAL(leaf_size_at(s, start + page * M2), M2);
	}
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(start + hole * M2 + K4), K4));
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(start + other * M2 + K4), K4));
	CHECK_EQUAL(leaf_size_at(s, start + hole * M2), K4);
	CHECK_EQUAL(leaf_size_at(s, start + other * M2), K4);
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(start), G1));
	check_empty(s);
}

static void unmap_of_huge_pages_finds_the_tables_among_them(struct test_space *s)
{
	for (unsigned hole = 0; hole < 20; hole++)
		unmap_with_two_tables(s, hole, hole);
	for (unsigned hole = 0; hole < 16; hole++)
		unmap_with_two_tables(s, hole, hole + 4);
}

/* What is left of a region keeps its table, whatever other regions there are beyond. */
static void unmap_of_a_part_keeps_the_table_of_the_rest(struct test_space *s)
{
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), 8 * K4, RAM, true));
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM + 4 * M2), K4, RAM, true));
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), 4 * K4));
	CHECK_SPACE(s, OWNED(VM_RAM + 4 * K4, 4 * K4, RAM), OWNED(VM_RAM + 4 * M2, K4, RAM));
}

/* A table that begins right behind a region, and ends right before the next, serves neither. */
static void unmap_between_two_regions_frees_the_table(struct test_space *s)
{
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), M2, RW, false));
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM + M2), M2, RAM, false));
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM + 2 * M2), M2, RW, false));
	for (uint64_t gpa = VM_RAM; gpa < VM_RAM + 3 * M2; gpa += M2)
		CHECK(ax_addrspace_handle_page_fault(&s->as, ax_gpa(gpa), AX_WRITE));
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM + M2), M2));
	CHECK_SPACE(s, PARTLY(VM_RAM, M2, RW), PARTLY(VM_RAM + 2 * M2, M2, RW));
}

int main(void)
{
	static const struct story stories[] = {
		STORY(unmap_of_a_whole_region_leaves_nothing),
		STORY(unmap_of_the_head_shrinks_the_region),
		STORY(unmap_of_the_tail_shrinks_the_region),
		STORY(unmap_of_the_middle_splits_the_region),
		STORY(unmap_across_holes_and_regions_takes_what_is_there),
		STORY(unmap_of_holes_is_fine),
		STORY(unmap_twice_is_like_once),
		STORY(unmap_of_the_whole_space_empties_it),
		STORY(unmap_of_size_zero_is_fine_at_any_address),
		STORY(unmap_refuses_what_is_not_page_aligned),
		STORY(unmap_refuses_what_is_outside_the_space),
		STORY(unmap_of_a_page_in_2m_splits_and_takes_only_it),
		STORY(unmap_of_a_page_in_1g_keeps_the_rest_in_the_largest_pages),
		STORY(unmap_of_2m_in_1g_needs_no_small_pages),
		STORY(unmap_across_two_huge_pages_splits_both_ends),
		STORY(unmap_across_three_huge_pages_splits_no_middle_one),
		STORY(unmap_of_whole_huge_pages_needs_no_memory),
		STORY(unmap_that_splits_without_memory_fails_and_changes_nothing),
		STORY(unmap_without_memory_for_a_region_fails_and_changes_nothing),
		STORY(unmap_gives_owned_frames_back),
		STORY(unmap_of_a_lazy_region_gives_back_what_was_touched),
		STORY_FEW(unmap_gives_back_the_frames_around_any_holes),
		STORY_FEW(a_block_goes_back_whole_once_its_last_piece_is_unmapped),
		STORY_FEW(a_block_goes_back_in_any_order_of_unmapping),
		STORY(a_block_keeps_its_contents_while_pieces_go),
		STORY(a_hole_in_a_block_can_be_refilled_by_other_memory),
		STORY(a_refilled_hole_is_unmapped_before_the_block),
		STORY(a_protected_block_goes_back_whole),
		STORY(pieces_of_a_block_that_wait_cannot_be_seen),
		STORY(clear_takes_blocks_of_which_pieces_are_gone),
		STORY(unmap_gives_emptied_tables_back),
		STORY(unmap_keeps_tables_that_others_use),
		STORY(unmap_of_what_was_split_gives_the_split_tables_back),
		STORY(clear_leaves_what_was_held_after_init),
		STORY_ONE_CPU(unmap_of_huge_pages_finds_the_tables_among_them),
		STORY(clear_needs_no_memory),
		STORY_FEW(many_regions_come_and_go),
		STORY(unmap_of_a_part_keeps_the_table_of_the_rest),
		STORY(unmap_between_two_regions_frees_the_table),
	};

	return STORIES_RUN("address space: unmap and clear", stories);
}
