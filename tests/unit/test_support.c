/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tests' own tools have teeth: each mistake that the port, the check of a space and the model of
 * the TLB are there to find is made on purpose, and found.
 */
#include <string.h>

#include <axvisor/memory.h>

#include "check.h"
#include "hooks.h"
#include "mock_port.h"
#include "story.h"
#include "tlb_model.h"

#define VM_RAM 0x40000000ull
#define HOST   MOCK_RAM_BASE

/* The port */

static uint64_t taken;

static void give_back(struct test_space *s)
{
	(void)s;
	ax_memory_dealloc_frame(ax_hpa(taken));
}

static void give_back_as_a_block_of_4(struct test_space *s)
{
	(void)s;
	ax_memory_dealloc_contiguous_frames(ax_hpa(taken), 4);
}

static void give_back_as_a_block_of_2(struct test_space *s)
{
	(void)s;
	ax_memory_dealloc_contiguous_frames(ax_hpa(taken), 2);
}

static void stop(struct test_space *s)
{
	(void)s;
	mock_stop();
}

static void port_finds_a_frame_given_back_twice(void)
{
	taken = ax_memory_alloc_frame().raw;
	CHECK(mock_is_held(taken));
	CHECK(!story_fails(give_back, NULL));
	CHECK(!mock_is_held(taken));
	CHECK(story_fails(give_back, NULL));
}

static void port_finds_frames_that_it_never_handed_out(void)
{
	taken = MOCK_POOL_BASE;
	CHECK(story_fails(give_back, NULL));
	taken = MOCK_RAM_BASE;
	CHECK(story_fails(give_back, NULL));
	taken = ax_memory_alloc_frame().raw + 8;
	CHECK(story_fails(give_back, NULL));
	taken -= 8;
	CHECK(!story_fails(give_back, NULL));
}

static void port_finds_blocks_given_back_in_pieces(void)
{
	uint64_t block = ax_memory_alloc_contiguous_frames(4, 4 * K4).raw;

	CHECK_EQUAL(block % (4 * K4), 0);
	taken = block;
	CHECK(story_fails(give_back, NULL));
	CHECK(story_fails(give_back_as_a_block_of_2, NULL));
	taken = block + K4;
	CHECK(story_fails(give_back, NULL));
	CHECK(story_fails(give_back_as_a_block_of_4, NULL));
	taken = block;
	CHECK(!story_fails(give_back_as_a_block_of_4, NULL));
	taken = ax_memory_alloc_frame().raw;
	CHECK(story_fails(give_back_as_a_block_of_4, NULL));
	CHECK(!story_fails(give_back, NULL));
}

static void port_finds_leaks(void)
{
	taken = ax_memory_alloc_frame().raw;
	CHECK(story_fails(stop, NULL));
	CHECK(!story_fails(give_back, NULL));
	CHECK(!story_fails(stop, NULL));
}

static void port_finds_writes_to_frames_that_are_back(void)
{
	taken = ax_memory_alloc_frame().raw;
	CHECK(!story_fails(give_back, NULL));
	*(unsigned char *)mock_ptr(taken + 0xfff) = 0;
	CHECK(story_fails(stop, NULL));
	*(unsigned char *)mock_ptr(taken + 0xfff) = MOCK_FREE_POISON;
	CHECK(!story_fails(stop, NULL));
}

static void ask_for_a_logarithm(struct test_space *s)
{
	(void)s;
	CHECK(ax_hpa_is_none(ax_memory_alloc_contiguous_frames(1, 12)));
}

static void look_at_no_ram(struct test_space *s)
{
	(void)s;
	CHECK(ax_memory_phys_to_virt(ax_hpa(0x3f000000)) != NULL);
}

static void port_refuses_what_no_library_may_ask(void)
{
	CHECK(story_fails(ask_for_a_logarithm, NULL));
	CHECK(story_fails(look_at_no_ram, NULL));
	CHECK_EQUAL(ax_memory_virt_to_phys(ax_memory_phys_to_virt(ax_hpa(HOST + 5))).raw, HOST + 5);
}

static void port_poisons_what_it_hands_out(void)
{
	const unsigned char *bytes;

	taken = ax_memory_alloc_frame().raw;
	bytes = mock_ptr(taken);
	for (size_t i = 0; i < K4; i++)
		CHECK_EQUAL(bytes[i], MOCK_ALLOC_POISON);
	give_back(NULL);
	for (size_t i = 0; i < K4; i++)
		CHECK_EQUAL(bytes[i], MOCK_FREE_POISON);
}

static bool allocation_works(void)
{
	ax_hpa_t frame = ax_memory_alloc_frame();

	if (ax_hpa_is_none(frame))
		return false;
	ax_memory_dealloc_frame(frame);
	return true;
}

static void port_fails_allocations_on_demand(void)
{
	mock_fail_at(2);
	CHECK(allocation_works());
	CHECK(!allocation_works());
	CHECK(allocation_works());
	mock_fail_after(1);
	CHECK(allocation_works());
	CHECK(!allocation_works());
	CHECK(!allocation_works());
	mock_fail_never();
	CHECK(allocation_works());
	CHECK_EQUAL(mock_failures(), 3);
}

static void port_gives_frames_where_the_options_say(void)
{
	struct mock_options options = {.at_zero = true};

	mock_start(&options);
	taken = ax_memory_alloc_frame().raw;
	CHECK_EQUAL(taken, 0);
	give_back(NULL);
	mock_use_far(true);
	taken = ax_memory_alloc_frame().raw;
	CHECK(taken >= MOCK_FAR_BASE);
	give_back(NULL);
	options = (struct mock_options){.scattered = true, .no_contiguous = true};
	mock_start(&options);
	CHECK(ax_hpa_is_none(ax_memory_alloc_contiguous_frames(2, K4)));
	for (int i = 0; i < 8; i++) {
		uint64_t last = taken;

		taken = ax_memory_alloc_frame().raw;
		CHECK(taken != last + K4);
		give_back(NULL);
	}
}

/* The check of a space */

static void expect_it(struct test_space *s)
{
	CHECK_SPACE(s, LINEAR(VM_RAM, 2 * K4, HOST, RW), LAZY(VM_RAM + M2, K4, RAM));
}

static void expect_nothing(struct test_space *s)
{
	check_empty(s);
}

static void expect_more(struct test_space *s)
{
	CHECK_SPACE(s, LINEAR(VM_RAM, 3 * K4, HOST, RW), LAZY(VM_RAM + M2, K4, RAM));
}

static void expect_less(struct test_space *s)
{
	CHECK_SPACE(s, LINEAR(VM_RAM, K4, HOST, RW), LAZY(VM_RAM + M2, K4, RAM));
}

static void expect_another_address(struct test_space *s)
{
	CHECK_SPACE(s, LINEAR(VM_RAM, 2 * K4, HOST + K4, RW), LAZY(VM_RAM + M2, K4, RAM));
}

static void expect_other_flags(struct test_space *s)
{
	CHECK_SPACE(s, LINEAR(VM_RAM, 2 * K4, HOST, RWX), LAZY(VM_RAM + M2, K4, RAM));
}

static void expect_other_flags_of_the_region(struct test_space *s)
{
	CHECK_SPACE(s, LINEAR(VM_RAM, 2 * K4, HOST, RW), LAZY(VM_RAM + M2, K4, RW));
}

static void expect_it_backed(struct test_space *s)
{
	CHECK_SPACE(s, LINEAR(VM_RAM, 2 * K4, HOST, RW), OWNED(VM_RAM + M2, K4, RAM));
}

static void check_finds_every_difference(struct test_space *s)
{
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(HOST), 2 * K4, RW));
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM + M2), K4, RAM, false));
	CHECK(!story_fails(expect_it, s));
	CHECK(story_fails(expect_nothing, s));
	CHECK(story_fails(expect_more, s));
	CHECK(story_fails(expect_less, s));
	CHECK(story_fails(expect_another_address, s));
	CHECK(story_fails(expect_other_flags, s));
	CHECK(story_fails(expect_other_flags_of_the_region, s));
	CHECK(story_fails(expect_it_backed, s));
}

static struct snapshot snapshot;

static void compare_snapshot(struct test_space *s)
{
	snapshot_compare(&snapshot, s);
}

static void snapshot_finds_every_difference(struct test_space *s)
{
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), 2 * K4, RAM, true));
	snapshot_take(&snapshot, s);
	CHECK(!story_fails(compare_snapshot, s));
	fill_bytes(s, VM_RAM + 64, 64, 1);
	CHECK(story_fails(compare_snapshot, s));
	fill_bytes(s, VM_RAM + 64, 64, 0);
	CHECK(!story_fails(compare_snapshot, s));
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM), K4, AX_READ));
	CHECK(story_fails(compare_snapshot, s));
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM), K4, RAM));
	CHECK(!story_fails(compare_snapshot, s));
	taken = ax_memory_alloc_frame().raw;
	CHECK(story_fails(compare_snapshot, s));
	give_back(NULL);
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM + M2), K4, RAM, false));
	CHECK(story_fails(compare_snapshot, s));
	snapshot_free(&snapshot);
}

/* The model of the TLB: entries are changed behind the library's back, as a bad library would */

static uint64_t *entry_of(const struct test_space *s, uint64_t gpa)
{
	struct ref_access none = {0};
	struct ref_result result;

	CHECK_EQUAL(ref_walk(&s->cpu, &reference_memory, gpa, &none, &result), REF_FAULT_NONE);
	return mock_ptr(result.entry_hpa);
}

/* What the entry that is poked becomes. */
static uint64_t *poked;
static uint64_t value;

static void poke(struct test_space *s)
{
	(void)s;
	*poked = value;
	ax_host_hook_store(poked, value);
}

static void poke_to(struct test_space *s, uint64_t to)
{
	value = to;
	poke(s);
}

static void sync_tlb(struct test_space *s)
{
	(void)s;
	tlb_model_sync();
}

static void flush(const struct test_space *s, uint64_t gpa, uint64_t size, bool tables)
{
	struct ax_tlb_request request = {.format = s->format->format,
					 .tag = s->tag,
					 .start = ax_gpa(gpa),
					 .size = size,
					 .tables = tables};

	ax_tlb_invalidate(&request);
	ax_host_hook_flush(true);
}

static void flush_page(struct test_space *s)
{
	flush(s, VM_RAM, K4, false);
}

static void flush_other_page(struct test_space *s)
{
	flush(s, VM_RAM + K4, K4, false);
}

static void flush_two_pages(struct test_space *s)
{
	flush(s, VM_RAM, 2 * K4, false);
}

static void flush_page_and_tables(struct test_space *s)
{
	flush(s, VM_RAM, K4, true);
}

static void flush_another_guest(struct test_space *s)
{
	struct ax_tlb_request request = {.format = s->format->format,
					 .tag = s->tag + 1,
					 .start = ax_gpa(VM_RAM),
					 .size = K4};

	ax_tlb_invalidate(&request);
	ax_host_hook_flush(true);
}

static void flush_this_cpu(struct test_space *s)
{
	struct ax_tlb_request request = {
		.format = s->format->format, .tag = s->tag, .start = ax_gpa(VM_RAM), .size = K4};

	ax_tlb_invalidate(&request);
	ax_host_hook_flush(false);
}

static void forget_to_send(struct test_space *s)
{
	(void)s;
	ax_host_hook_flush(true);
}

static void tlb_model_finds_a_missing_flush(struct test_space *s)
{
	uint64_t was;

	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(HOST), 2 * K4, RAM));
	poked = entry_of(s, VM_RAM);
	was = *poked;
	poke_to(s, 0);
	CHECK(story_fails(sync_tlb, s));
	flush_another_guest(s);
	CHECK(story_fails(forget_to_send, s));
	CHECK(story_fails(sync_tlb, s));
	flush_page(s);
	CHECK(!story_fails(sync_tlb, s));
	poke_to(s, was);
	tlb_model_begin(s);
}

/* Of what is not broadcast the other CPU hears only when it is told. */
static void tlb_model_finds_a_flush_of_one_cpu(struct test_space *s)
{
	bool broadcast = s->format->format == AX_NPT_STAGE2;
	uint64_t was;

	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(HOST), K4, RAM));
	poked = entry_of(s, VM_RAM);
	was = *poked;
	poke_to(s, 0);
	flush_this_cpu(s);
	CHECK_EQUAL(story_fails(sync_tlb, s), !broadcast && s->cpus > 1);
	*poked = was;
	tlb_model_begin(s);
}

static void tlb_model_finds_needless_flushes(struct test_space *s)
{
	uint64_t was;

	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(HOST), 2 * K4, RAM));
	CHECK(story_fails(flush_page, s));
	poked = entry_of(s, VM_RAM);
	was = *poked;
	poke_to(s, 0);
	CHECK(story_fails(flush_other_page, s));
	CHECK(story_fails(flush_two_pages, s));
	poke_to(s, was);
	tlb_model_begin(s);
	poke_to(s, 0);
	CHECK(story_fails(flush_page_and_tables, s));
	poke_to(s, was);
	tlb_model_begin(s);
}

/* A store between two others is seen, whatever is there at the end. */
static void tlb_model_finds_what_was_mapped_for_a_moment(struct test_space *s)
{
	uint64_t was;

	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(HOST), K4, RAM));
	poked = entry_of(s, VM_RAM) + 1;
	was = poked[-1];
	poke_to(s, was);
	poke_to(s, 0);
	CHECK(story_fails(sync_tlb, s));
	tlb_model_begin(s);
}

static void tlb_model_finds_a_store_that_nobody_told_of(struct test_space *s)
{
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(HOST), K4, RAM));
	poked = entry_of(s, VM_RAM);
	poked[1] = poked[0];
	CHECK(story_fails(sync_tlb, s));
	poked[1] = 0;
	CHECK(!story_fails(sync_tlb, s));
}

static void tlb_model_finds_a_frame_freed_too_early(struct test_space *s)
{
	uint64_t was;
	uint64_t hpa = 0;

	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), K4, RAM, true));
	CHECK(reference_translate(s, VM_RAM, &hpa));
	taken = hpa;
	/* While it is mapped, and while a TLB may hold that it was. */
	CHECK(story_fails(give_back, s));
	poked = entry_of(s, VM_RAM);
	was = *poked;
	poke_to(s, 0);
	CHECK(story_fails(give_back, s));
	poke_to(s, was);
	tlb_model_begin(s);
	taken = 0;
}

static void tlb_model_finds_a_table_freed_too_early(struct test_space *s)
{
	struct ref_access none = {0};
	struct ref_result result;
	uint64_t was;

	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(HOST), K4, RAM));
	taken = ax_memory_virt_to_phys(entry_of(s, VM_RAM)).raw & ~0xfffull;
	CHECK(story_fails(give_back, s));
	/* The entry that leads to it is the one before that of the next table, which is absent. */
	CHECK_EQUAL(ref_walk(&s->cpu, &reference_memory, VM_RAM + M2, &none, &result),
		    REF_FAULT_TRANSLATION);
	poked = (uint64_t *)mock_ptr(result.entry_hpa) - 1;
	was = *poked;
	poke_to(s, 0);
	CHECK(story_fails(give_back, s));
	/* Of leaves alone, a request does not help: a walk cache leads there again. */
	CHECK(story_fails(flush_page, s));
	CHECK(story_fails(give_back, s));
	*poked = was;
	tlb_model_begin(s);
}

static void tlb_model_finds_make_before_break(struct test_space *s)
{
	uint64_t was;

	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(HOST), K4, RAM));
	poked = entry_of(s, VM_RAM);
	was = *poked;
	value = was + (1u << 12);
	CHECK(story_fails(poke, s));
	*poked = was;
	tlb_model_begin(s);
	/* Broken first, but not flushed. */
	poke_to(s, 0);
	value = was + (1u << 12);
	CHECK(story_fails(poke, s));
	*poked = was;
	tlb_model_begin(s);
	/* Broken and flushed it is right. */
	poke_to(s, 0);
	flush_page(s);
	poke_to(s, was);
	CHECK(story_fails(sync_tlb, s));
	ax_host_hook_publish();
	CHECK(!story_fails(sync_tlb, s));
}

static void tlb_model_finds_a_missing_fence(struct test_space *s)
{
	bool needed = !format_has(s->format, AX_NPT_FEATURE_SVVPTC);

	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(HOST), K4, RAM));
	poked = entry_of(s, VM_RAM) + 1;
	poke_to(s, poked[-1]);
	CHECK_EQUAL(story_fails(sync_tlb, s), needed);
	if (needed)
		flush_other_page(s);
	CHECK(!story_fails(sync_tlb, s));
	poke_to(s, 0);
	flush_other_page(s);
}

int main(void)
{
	static const struct story stories[] = {
		STORY_PLAIN(port_finds_a_frame_given_back_twice),
		STORY_PLAIN(port_finds_frames_that_it_never_handed_out),
		STORY_PLAIN(port_finds_blocks_given_back_in_pieces),
		STORY_PLAIN(port_finds_leaks),
		STORY_PLAIN(port_finds_writes_to_frames_that_are_back),
		STORY_PLAIN(port_refuses_what_no_library_may_ask),
		STORY_PLAIN(port_poisons_what_it_hands_out),
		STORY_PLAIN(port_fails_allocations_on_demand),
		STORY_PLAIN(port_gives_frames_where_the_options_say),
		STORY_FEW(check_finds_every_difference),
		STORY_FEW(snapshot_finds_every_difference),
		STORY_FEW(tlb_model_finds_a_missing_flush),
		STORY_FEW(tlb_model_finds_a_flush_of_one_cpu),
		STORY_FEW(tlb_model_finds_needless_flushes),
		STORY_FEW(tlb_model_finds_what_was_mapped_for_a_moment),
		STORY_FEW(tlb_model_finds_a_store_that_nobody_told_of),
		STORY_FEW(tlb_model_finds_a_frame_freed_too_early),
		STORY_FEW(tlb_model_finds_a_table_freed_too_early),
		STORY_ONLY(tlb_model_finds_make_before_break, "stage 2, 40 bits"),
		STORY_ONLY(tlb_model_finds_a_missing_fence, "Sv"),
	};

	return STORIES_RUN("the tests' own tools", stories);
}
