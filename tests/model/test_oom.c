/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory runs out at every point of every operation. A table of scenarios: a space is prepared, the
 * operation is tried with 0, 1, 2, ... allocations allowed until it succeeds, and after each failure
 * everything that anybody can see is as it was: regions, every leaf down to the bits of its entry,
 * counts, the port's frames, and the contents of memory. Then the same with a single allocation that
 * fails, behind which memory is there again.
 */
#include <string.h>

#include <axvisor/guest.h>

#include "check.h"
#include "mock_port.h"
#include "story.h"

#define VM_RAM 0x40000000ull
#define HOST   MOCK_RAM_BASE

/**
 * struct scenario - An operation and what it is done to.
 * @name: For messages.
 * @prepare: Makes the state before; NULL: an empty space.
 * @act: The operation. AX_OK, or the error of running out.
 * @backs_lazily: Lazy pages may stay backed when it fails: its contract allows that.
 */
struct scenario {
	const char *name;
	void (*prepare)(struct test_space *s);
	ax_error_t (*act)(struct test_space *s);
	bool backs_lazily;
};

static ax_error_t map_linear(struct test_space *s, uint64_t gpa, uint64_t hpa, uint64_t size)
{
	return ax_addrspace_map_linear(&s->as, ax_gpa(gpa), ax_hpa(hpa), size, RAM);
}

static ax_error_t map_alloc(struct test_space *s, uint64_t gpa, uint64_t size, bool populate)
{
	return ax_addrspace_map_alloc(&s->as, ax_gpa(gpa), size, RAM, populate);
}

static ax_error_t unmap(struct test_space *s, uint64_t gpa, uint64_t size)
{
	return ax_addrspace_unmap(&s->as, ax_gpa(gpa), size);
}

static ax_error_t protect(struct test_space *s, uint64_t gpa, uint64_t size)
{
	return ax_addrspace_protect(&s->as, ax_gpa(gpa), size, AX_READ);
}

/* States */

static void some_of_everything(struct test_space *s)
{
	CHECK_OK(map_linear(s, VM_RAM, HOST, M2 + 3 * K4));
	CHECK_OK(map_alloc(s, VM_RAM + 2 * M2, M2 + K4, true));
	fill_bytes(s, VM_RAM + 2 * M2, M2 + K4, 0x61);
	CHECK_OK(map_alloc(s, VM_RAM + 4 * M2, 4 * M2, false));
	CHECK(ax_addrspace_handle_page_fault(&s->as, ax_gpa(VM_RAM + 5 * M2), AX_WRITE));
	fill_bytes(s, VM_RAM + 5 * M2, K4, 0x62);
	CHECK_OK(map_linear(s, 3 * G1, G1, G1));
}

/* As many regions as fill nodes of the set: the next ones need new nodes. */
static void many_regions(struct test_space *s)
{
	for (uint64_t i = 0; i < 200; i++)
		CHECK_OK(map_linear(s, VM_RAM + 2 * i * K4, HOST + i * K4, K4));
	CHECK_OK(map_linear(s, 3 * G1, G1, G1));
}

static void one_wide_region(struct test_space *s)
{
	CHECK_OK(map_alloc(s, VM_RAM, G1, false));
}

/* Pieces of a block are gone, and one hole has other memory. */
static void a_block_with_holes(struct test_space *s)
{
	CHECK_OK(map_alloc(s, VM_RAM, 2 * M2, true));
	fill_bytes(s, VM_RAM, 2 * M2, 0x63);
	CHECK_OK(unmap(s, VM_RAM + 8 * K4, 8 * K4));
	CHECK_OK(map_linear(s, VM_RAM + 10 * K4, HOST, K4));
}

/* Operations */

static ax_error_t map_pages(struct test_space *s)
{
	return map_linear(s, 2 * G1 - 2 * K4, HOST + K4, 4 * K4);
}

static ax_error_t map_all_sizes(struct test_space *s)
{
	return map_linear(s, 2 * G1 - M2 - K4, 3 * G1 - M2 - K4, M2 + 3 * K4);
}

static ax_error_t populate_pages(struct test_space *s)
{
	return map_alloc(s, 2 * G1 - 3 * K4, 6 * K4, true);
}

static ax_error_t populate_a_block_and_pages(struct test_space *s)
{
	return map_alloc(s, 2 * G1 - 2 * K4, M2 + 4 * K4, true);
}

static ax_error_t populate_around_memory(struct test_space *s)
{
	return map_alloc(s, VM_RAM + M2 + 3 * K4, 12 * K4, true);
}

static ax_error_t map_lazy(struct test_space *s)
{
	return map_alloc(s, 2 * G1, M2, false);
}

static ax_error_t no_page(void *context, ax_gpa_t gpa, ax_flags_t access, ax_hpa_t *out)
{
	(void)context;
	(void)gpa;
	(void)access;
	(void)out;
	return AX_ENOENT;
}

static ax_error_t map_a_backend(struct test_space *s)
{
	static const struct ax_backend_ops ops = {.fault = no_page};
	static const struct ax_backend backend = {&ops, NULL};

	return ax_addrspace_map_backend(&s->as, ax_gpa(2 * G1), M2, RAM, &backend);
}

static ax_error_t fill_a_gap_between_regions(struct test_space *s)
{
	return ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM + 101 * K4), ax_hpa(0), K4, RW);
}

static ax_error_t fault(struct test_space *s, uint64_t gpa)
{
	enum ax_fault_result result = ax_addrspace_fault(&s->as, ax_gpa(gpa), AX_WRITE);

	if (result == AX_FAULT_NO_MEMORY)
		return AX_ENOMEM;
	return result == AX_FAULT_HANDLED ? AX_OK : AX_ESTATE;
}

static ax_error_t fault_far_from_others(struct test_space *s)
{
	return fault(s, VM_RAM + 7 * M2 + 5 * K4);
}

static ax_error_t fault_in_a_wide_region(struct test_space *s)
{
	return fault(s, VM_RAM + G1 - 1);
}

static ax_error_t unmap_of_a_page_in_a_gib(struct test_space *s)
{
	return unmap(s, 3 * G1 + 5 * M2 + 7 * K4, K4);
}

static ax_error_t unmap_across_two_blocks(struct test_space *s)
{
	return unmap(s, 3 * G1 + M2 - K4, 2 * K4);
}

static ax_error_t unmap_of_a_page_in_an_owned_block(struct test_space *s)
{
	return unmap(s, VM_RAM + 2 * M2 + 9 * K4, K4);
}

static ax_error_t unmap_in_a_full_region_set(struct test_space *s)
{
	return unmap(s, 3 * G1 + 3 * M2, M2);
}

static ax_error_t unmap_of_more_of_a_block(struct test_space *s)
{
	return unmap(s, VM_RAM + M2 + K4, K4);
}

static ax_error_t protect_of_a_page_in_a_gib(struct test_space *s)
{
	return protect(s, 3 * G1 + 5 * M2 + 7 * K4, K4);
}

static ax_error_t protect_both_ends_of_a_range(struct test_space *s)
{
	return protect(s, 3 * G1 + K4, 3 * M2);
}

static ax_error_t protect_across_kinds(struct test_space *s)
{
	return protect(s, VM_RAM + 2 * M2 + M2 / 2, M2 / 2 + K4);
}

static ax_error_t protect_of_lazy_memory(struct test_space *s)
{
	return protect(s, VM_RAM + 4 * M2 + K4, M2 + K4);
}

static ax_error_t protect_in_a_full_region_set(struct test_space *s)
{
	return protect(s, 3 * G1 + 3 * M2, M2);
}

static ax_error_t protect_of_a_block_with_holes(struct test_space *s)
{
	return protect(s, VM_RAM + M2 + 3 * K4, K4);
}

static ax_error_t refill_of_a_hole_in_a_block(struct test_space *s)
{
	return map_alloc(s, VM_RAM + 8 * K4, 2 * K4, true);
}

static ax_error_t guest_write_to_lazy_memory(struct test_space *s)
{
	static unsigned char bytes[3 * 4096];

	memset(bytes, 0x64, sizeof(bytes));
	return ax_guest_write(&s->as, ax_gpa(VM_RAM + M2 - K4), bytes, sizeof(bytes));
}

static ax_error_t guest_segments_of_lazy_memory(struct test_space *s)
{
	struct ax_guest_segment segments[4];
	size_t count;

	return ax_guest_segments(&s->as, ax_gpa(VM_RAM + M2 - K4), 3 * K4, AX_READ, segments, 4,
				 &count);
}

static ax_error_t guest_word_in_lazy_memory(struct test_space *s)
{
	uint64_t word = 1;

	return ax_guest_write_volatile(&s->as, ax_gpa(VM_RAM + 8), &word, sizeof(word));
}

static const struct scenario scenarios[] = {
	{"map pages", NULL, map_pages, false},
	{"map pages beside others", some_of_everything, map_pages, false},
	{"map all page sizes", NULL, map_all_sizes, false},
	{"populate pages", NULL, populate_pages, false},
	{"populate a block and pages", NULL, populate_a_block_and_pages, false},
	{"populate beside others", some_of_everything, populate_around_memory, false},
	{"map lazy memory", NULL, map_lazy, false},
	{"map lazy memory beside many", many_regions, map_lazy, false},
	{"map a backend", NULL, map_a_backend, false},
	{"fill a gap between many regions", many_regions, fill_a_gap_between_regions, false},
	{"fault", some_of_everything, fault_far_from_others, false},
	{"first fault", one_wide_region, fault_in_a_wide_region, false},
	{"unmap a page of a GiB", some_of_everything, unmap_of_a_page_in_a_gib, false},
	{"unmap across two blocks", some_of_everything, unmap_across_two_blocks, false},
	{"unmap a page of an owned block", some_of_everything, unmap_of_a_page_in_an_owned_block,
	 false},
	{"unmap in a full region set", many_regions, unmap_in_a_full_region_set, false},
	{"unmap more of a block", a_block_with_holes, unmap_of_more_of_a_block, false},
	{"protect a page of a GiB", some_of_everything, protect_of_a_page_in_a_gib, false},
	{"protect with two splits", some_of_everything, protect_both_ends_of_a_range, false},
	{"protect across kinds", some_of_everything, protect_across_kinds, false},
	{"protect lazy memory", some_of_everything, protect_of_lazy_memory, false},
	{"protect in a full region set", many_regions, protect_in_a_full_region_set, false},
	{"protect a block with holes", a_block_with_holes, protect_of_a_block_with_holes, false},
	{"refill a hole in a block", a_block_with_holes, refill_of_a_hole_in_a_block, false},
	{"guest write", one_wide_region, guest_write_to_lazy_memory, true},
	{"guest segments", one_wide_region, guest_segments_of_lazy_memory, true},
	{"guest word", one_wide_region, guest_word_in_lazy_memory, true},
};

/* A failed copy may have backed lazy pages, and nothing else: they are zeroed and the region is. */
static void check_only_backed(struct test_space *s)
{
	CHECK_SPACE(s, PARTLY(VM_RAM, G1, RAM));
	for (uint64_t gpa = VM_RAM; gpa < VM_RAM + 2 * M2; gpa += K4) {
		if (leaf_size_at(s, gpa))
			check_bytes(s, gpa, K4, 0);
	}
}

/* Allocations fail after some succeeded, until the operation gets through. */
static void run_out(struct test_space *s, const struct scenario *scenario)
{
	ax_error_t error = AX_ENOMEM;
	struct snapshot before;

	snapshot_take(&before, s);
	for (unsigned long allowed = 0; error == AX_ENOMEM; allowed++) {
		unsigned long failures = mock_failures();

		story_note("%s, %lu allocations allowed", scenario->name, allowed);
		mock_fail_after(allowed);
		error = scenario->act(s);
		mock_fail_never();
		if (error == AX_OK)
			break;
		CHECK_ERROR(error, AX_ENOMEM);
		CHECK(mock_failures() > failures);
		if (scenario->backs_lazily)
			check_only_backed(s);
		else
			snapshot_compare(&before, s);
		check_tables(s);
	}
	snapshot_free(&before);
	check_tables(s);
}

/* One allocation fails, the later ones work: some operations get through by another way. */
static void fail_one(struct test_space *s, const struct scenario *scenario, unsigned long nth)
{
	struct snapshot before;
	ax_error_t error;

	story_note("%s, allocation %lu fails", scenario->name, nth);
	snapshot_take(&before, s);
	mock_fail_at(nth);
	error = scenario->act(s);
	mock_fail_never();
	if (error != AX_OK) {
		CHECK_ERROR(error, AX_ENOMEM);
		if (scenario->backs_lazily)
			check_only_backed(s);
		else
			snapshot_compare(&before, s);
		CHECK_OK(scenario->act(s));
	}
	check_tables(s);
	snapshot_free(&before);
}

static void prepare(struct test_space *s, const struct scenario *scenario)
{
	CHECK_OK(ax_addrspace_clear(&s->as));
	check_empty(s);
	if (scenario->prepare)
		scenario->prepare(s);
}

static void memory_runs_out_in_every_operation_at_every_point(struct test_space *s)
{
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		story_note("%s", scenarios[i].name);
		prepare(s, &scenarios[i]);
		run_out(s, &scenarios[i]);
	}
}

static void one_allocation_fails_in_every_operation_at_every_point(struct test_space *s)
{
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		unsigned long failures = 1;

		for (unsigned long nth = 1; failures && nth < 64; nth++) {
			prepare(s, &scenarios[i]);
			failures = mock_failures();
			fail_one(s, &scenarios[i], nth);
			failures = mock_failures() - failures;
		}
	}
}

/* Most operations need memory at all: else the stories above tell nothing. */
static void every_operation_needs_memory_where_it_should(struct test_space *s)
{
	size_t needed = 0;

	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		unsigned long failures = mock_failures();

		prepare(s, &scenarios[i]);
		mock_fail_after(0);
		if (scenarios[i].act(s) != AX_OK)
			needed++;
		mock_fail_never();
		CHECK(mock_failures() >= failures);
	}
	/* Adding to a region set with room left, and splits that another split made, need none. */
	CHECK(needed >= sizeof(scenarios) / sizeof(scenarios[0]) - 8);
}

/* What frees never fails, whatever the port has left. */
static void freeing_needs_no_memory_in_any_state(struct test_space *s)
{
	static void (*const states[])(struct test_space * s) = {
		some_of_everything, many_regions, one_wide_region, a_block_with_holes};

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		states[i](s);
		mock_fail_after(0);
		CHECK_OK(unmap(s, 0, s->size));
		mock_fail_never();
		check_empty(s);
		states[i](s);
		mock_fail_after(0);
		CHECK_OK(ax_addrspace_clear(&s->as));
		mock_fail_never();
		check_empty(s);
	}
}

int main(void)
{
	static const struct story stories[] = {
		STORY_ONE_CPU(memory_runs_out_in_every_operation_at_every_point),
		STORY_FEW(memory_runs_out_in_every_operation_at_every_point),
		STORY_FEW(one_allocation_fails_in_every_operation_at_every_point),
		STORY_ONE_CPU(every_operation_needs_memory_where_it_should),
		STORY_ONE_CPU(freeing_needs_no_memory_in_any_state),
	};

	return STORIES_RUN("out of memory", stories);
}
