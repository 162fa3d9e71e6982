/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table engine by itself, for what its caller never asks of it; and when its table was damaged, by a
 * stray store of the hypervisor's, since nobody else can write to it. It notices where it looks anyway,
 * writes nothing over what it does not know, and loses no frame.
 */
#include <string.h>

#include "npt.h"
#include "npt_entry.h"

#include "check.h"
#include "mock_port.h"
#include "story.h"
#include "tlb_model.h"

#define VM_RAM 0x40000000ull
#define HOST   MOCK_RAM_BASE

static struct ax_npt npt;
static uint64_t attr;

/* A table with a page of 1 GiB that nobody mapped. */
static uint64_t *damaged_table(void)
{
	const struct ax_npt_config config = {
		.format = AX_NPT_STAGE2,
		.levels = 3,
		.cpus = 1,
	};
	uint64_t hpa = HOST;
	unsigned level = 2;
	uint64_t *slot;

	CHECK_OK(ax_npt_init(&npt, &config));
	CHECK_OK(ax_npt_encode(&npt, RAM, &attr));
	(void)ax_npt_walk(&npt, VM_RAM, &level, &slot);
	CHECK_EQUAL(level, 2);
	*slot = ax_npt_leaf_entry(&npt, attr, hpa, level);
	return slot;
}

static void repair(uint64_t *slot)
{
	*slot = 0;
	CHECK_EQUAL(mock_frames_held(), 1);
	ax_npt_destroy(&npt);
}

/* What the caller had in *level before does not matter. */
static void lookup_starts_anew_each_time(struct test_space *s)
{
	const struct ax_npt *table = ax_addrspace_page_table(&s->as);

	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(HOST), K4, RAM));
	for (unsigned before = 0; before < 5; before++) {
		unsigned level = before;

		CHECK(ax_npt_lookup(table, VM_RAM, &level) != 0);
		CHECK_EQUAL(level, 0);
		level = before;
		CHECK_EQUAL(ax_npt_lookup(table, 1ull << 62, &level), 0);
		CHECK_EQUAL(level, 0);
	}
}

static void populate_over_a_stray_leaf_fails_and_keeps_nothing(void)
{
	uint64_t *slot = damaged_table();
	uint64_t stray = *slot;

	CHECK_ERROR(ax_npt_populate(&npt, VM_RAM, VM_RAM + K4 - 1, 0, UINT64_MAX, attr), AX_ESTATE);
	CHECK_ERROR(ax_npt_populate(&npt, VM_RAM, VM_RAM + M2 - 1, 0, UINT64_MAX, attr), AX_ESTATE);
	CHECK_EQUAL(*slot, stray);
	CHECK_EQUAL(npt.owned_frames, 0);
	CHECK_EQUAL(npt.table_frames, 1);
	repair(slot);
}

static void enter_over_a_stray_leaf_leaves_it_alone(void)
{
	uint64_t *slot = damaged_table();
	uint64_t stray = *slot;
	struct ax_pool pool = {0};
	size_t needs = ax_npt_enter_needs(&npt, VM_RAM, VM_RAM + K4 - 1, HOST + M2);

	CHECK_OK(ax_pool_fill(&pool, needs, npt.hpa_bits));
	ax_npt_enter(&npt, VM_RAM, VM_RAM + K4 - 1, HOST + M2, attr, &pool);
	CHECK_EQUAL(*slot, stray);
	/* Where the table of the leaves would be, and not above it. Nor is what the stray leaf maps taken for a table. */
	memset(mock_ptr(HOST), 0x5a, K4);
	ax_npt_enter(&npt, VM_RAM, VM_RAM + M2 - 1, HOST + M2, attr, &pool);
	CHECK_EQUAL(*slot, stray);
	for (size_t i = 0; i < K4; i++)
		CHECK_EQUAL(((const unsigned char *)mock_ptr(HOST))[i], 0x5a);
	CHECK_EQUAL(pool.count, needs);
	ax_pool_drain(&pool);
	repair(slot);
}

static uint64_t draw(uint64_t *state, uint64_t below)
{
	/* xorshift64 */
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state % below;
}

/* A number of pages of one of the sizes, now and then one off. */
static uint64_t draw_extent(uint64_t *state)
{
	static const uint64_t unit[] = {K4, 16 * K4, M2, M2, 128 * M2};
	uint64_t extent = unit[draw(state, 5)] * draw(state, 4);

	return draw(state, 3) == 0 ? extent + K4 : extent;
}

/* As many tables as enter said it needs are linked, whatever neighbours there are and whatever pages fit. */
static void enter_links_as_many_tables_as_it_said(struct test_space *s)
{
	const uint64_t end = VM_RAM + G1, hosts = 64 * G1;
	uint64_t state = 1;

	tlb_model_drop();
	for (unsigned turn = 0; turn < 120; turn++) {
		uint64_t gpa = VM_RAM + draw_extent(&state);
		uint64_t size = draw_extent(&state) + K4;
		uint64_t hpa = hosts + draw_extent(&state) + (draw(&state, 2) ? gpa : 0);
		struct ax_addrspace_stats before, after;
		size_t needs;

		if (gpa >= end ||
		    ax_addrspace_map_linear(&s->as, ax_gpa(gpa), ax_hpa(hpa), size, RAM) != AX_OK) {
			if (turn % 8 == 0)
				CHECK_OK(ax_addrspace_clear(&s->as));
			continue;
		}
		ax_addrspace_stats(&s->as, &after);
		CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(gpa), size));
		ax_addrspace_stats(&s->as, &before);
		needs = ax_npt_enter_needs(&s->as.npt, gpa, gpa + size - 1, hpa);
		CHECK_EQUAL(after.table_frames - before.table_frames, needs);
		CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(gpa), ax_hpa(hpa), size, RAM));
	}
	check_tables(s);
}

/* And so are those that a split said it needs, wherever the two cuts are: in one leaf, in two, or in none. */
static void split_links_as_many_tables_as_it_said(struct test_space *s)
{
	const uint64_t size = 2 * G1;
	uint64_t state = 1;

	tlb_model_drop();
	for (unsigned turn = 0; turn < 200; turn++) {
		uint64_t first = VM_RAM + draw_extent(&state);
		uint64_t last = first + draw_extent(&state) + K4 - 1;
		struct ax_addrspace_stats before, after;
		size_t needs;

		CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(HOST), size, RAM));
		needs = ax_npt_split_needs(&s->as.npt, first, last);
		ax_addrspace_stats(&s->as, &before);
		CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(first), last - first + 1,
					      AX_READ | AX_USER));
		ax_addrspace_stats(&s->as, &after);
		CHECK_EQUAL(after.table_frames - before.table_frames, needs);
		CHECK_OK(ax_addrspace_clear(&s->as));
	}
}

/* Bit 10 of EPT says that user mode may execute, with mode-based execute alone; else it is ignored, and clear. */
static void table_entries_permit_what_the_features_ask_for(struct test_space *s)
{
	const uint64_t user_execute = 1ull << 10;
	const bool mode_based = format_has(s->format, AX_NPT_FEATURE_MODE_BASED_EXECUTE);
	unsigned level = s->format->levels - 1;
	uint64_t *slot;

	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(HOST), K4, RAM));
	CHECK_EQUAL(ax_npt_walk(&s->as.npt, VM_RAM, &level, &slot) & user_execute,
		    mode_based ? user_execute : 0);
}

/* A linear region is entered when it is mapped: a hole in it is not for a fault to fill. */
static void fault_in_a_hole_of_linear_memory_fails(struct test_space *s)
{
	unsigned level = 0;
	uint64_t *slot;
	uint64_t entry;
	size_t held;

	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(HOST), 2 * K4, RAM));
	tlb_model_drop();
	entry = ax_npt_walk(&s->as.npt, VM_RAM + K4, &level, &slot);
	*slot = 0;
	held = mock_frames_held();
	CHECK_EQUAL(ax_addrspace_fault(&s->as, ax_gpa(VM_RAM + K4), AX_READ), AX_FAULT_FAILED);
	CHECK_EQUAL(*slot, 0);
	CHECK_EQUAL(mock_frames_held(), held);
	*slot = entry;
	CHECK_SPACE(s, LINEAR(VM_RAM, 2 * K4, HOST, RAM));
}

/* The tables of a branch are zero, also after another CPU was faster: they may be used at another level next. */
static void a_branch_that_lost_its_race_is_zero_again(void)
{
	const struct ax_npt_config config = {
		.format = AX_NPT_STAGE2,
		.levels = 4,
		.cpus = 2,
	};
	struct ax_npt_branch branch = {.count = 0};
	unsigned level = 0;
	uint64_t *slot;
	uint64_t entry;

	CHECK_OK(ax_npt_init(&npt, &config));
	CHECK_OK(ax_npt_encode(&npt, RAM, &attr));
	CHECK_EQUAL(ax_npt_walk(&npt, VM_RAM, &level, &slot), 0);
	CHECK_EQUAL(level, 3);
	CHECK_OK(ax_npt_branch_grow(&npt, &branch, level));
	CHECK_EQUAL(branch.count, level);
	CHECK_EQUAL(mock_frames_held(), 1 + level);
	CHECK_OK(ax_npt_branch_grow(&npt, &branch, level - 1));
	CHECK_EQUAL(branch.count, level);

	entry = ax_npt_leaf_entry(&npt, attr, HOST, 0);
	*slot = 5;
	CHECK(!ax_npt_install(&npt, slot, level, VM_RAM, entry, &branch));
	CHECK_EQUAL(*slot, 5);
	CHECK_EQUAL(branch.count, level);
	for (unsigned i = 0; i < branch.count; i++) {
		const uint64_t *table = mock_ptr(branch.hpa[i]);

		for (size_t at = 0; at < AX_PAGE_SIZE_4K / sizeof(*table); at++)
			CHECK_EQUAL(table[at], 0);
	}
	*slot = 0;
	ax_npt_branch_free(&branch);
	CHECK_EQUAL(mock_frames_held(), 1);
	ax_npt_destroy(&npt);
}

int main(void)
{
	static const struct story stories[] = {
		STORY(lookup_starts_anew_each_time),
		STORY_PLAIN(populate_over_a_stray_leaf_fails_and_keeps_nothing),
		STORY_PLAIN(enter_over_a_stray_leaf_leaves_it_alone),
		STORY_PLAIN(a_branch_that_lost_its_race_is_zero_again),
		STORY_FEW(enter_links_as_many_tables_as_it_said),
		STORY_FEW(split_links_as_many_tables_as_it_said),
		STORY_ONLY(table_entries_permit_what_the_features_ask_for, "EPT"),
		STORY(fault_in_a_hole_of_linear_memory_fails),
	};

	return STORIES_RUN("npt", stories);
}
