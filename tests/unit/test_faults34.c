/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thirty-four things that address spaces of hypervisors were found to do wrong. Each was real; each
 * is one test here, under its number, so that none comes back. Where a host cannot see a fault the
 * comment says what can.
 */
#include <string.h>

#include <axvisor/frame.h>
#include <axvisor/guest.h>
#include <axvisor/vmm.h>

#include "check.h"
#include "mock_port.h"
#include "story.h"
#include "tlb_model.h"

#define VM_RAM 0x40000000ull
#define HOST   MOCK_RAM_BASE

static ax_error_t map_linear(struct test_space *s, uint64_t gpa, uint64_t hpa, uint64_t size,
			     ax_flags_t flags)
{
	return ax_addrspace_map_linear(&s->as, ax_gpa(gpa), ax_hpa(hpa), size, flags);
}

static ax_error_t map_alloc(struct test_space *s, uint64_t gpa, uint64_t size, ax_flags_t flags,
			    bool populate)
{
	return ax_addrspace_map_alloc(&s->as, ax_gpa(gpa), size, flags, populate);
}

static bool fault(struct test_space *s, uint64_t gpa, ax_flags_t access)
{
	return ax_addrspace_handle_page_fault(&s->as, ax_gpa(gpa), access);
}

static struct ax_addrspace_stats stats_of(const struct test_space *s)
{
	struct ax_addrspace_stats stats;

	ax_addrspace_stats(&s->as, &stats);
	return stats;
}

static void fault_01_owned_frames_reached_the_guest_unzeroed(struct test_space *s)
{
	/* The port hands out frames full of 0xA5. */
	CHECK_OK(map_alloc(s, VM_RAM, M2 + K4, RAM, true));
	CHECK_OK(map_alloc(s, VM_RAM + G1, M2, RAM, false));
	CHECK(fault(s, VM_RAM + G1 + 0x4567, AX_READ));
	check_bytes(s, VM_RAM, M2 + K4, 0);
	check_bytes(s, VM_RAM + G1 + 0x4000, K4, 0);
}

static void fault_02_a_second_fault_swapped_in_a_new_frame(struct test_space *s)
{
	uint64_t first = 0, second = 0;
	size_t held;

	CHECK_OK(map_alloc(s, VM_RAM, K4, RAM, false));
	CHECK(fault(s, VM_RAM, AX_WRITE));
	CHECK(reference_translate(s, VM_RAM, &first));
	fill_bytes(s, VM_RAM, K4, 0x17);
	held = mock_frames_held();
	CHECK(fault(s, VM_RAM, AX_WRITE));
	CHECK(reference_translate(s, VM_RAM, &second));
	CHECK_EQUAL(second, first);
	CHECK_EQUAL(mock_frames_held(), held);
	check_bytes(s, VM_RAM, K4, 0x17);
}

static void fault_03_populate_out_of_memory_left_a_leaked_prefix(struct test_space *s)
{
	mock_set_no_contiguous(true);
	for (unsigned long allowed = 0; allowed < 10; allowed++) {
		mock_fail_after(allowed);
		CHECK_REFUSED(s, map_alloc(s, VM_RAM, 16 * K4, RAM, true), AX_ENOMEM);
	}
	mock_fail_never();
	CHECK_OK(map_alloc(s, VM_RAM, 16 * K4, RAM, true));
	CHECK_SPACE(s, OWNED(VM_RAM, 16 * K4, RAM));
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), 16 * K4));
	check_empty(s);
}

static void fault_04_map_linear_failed_half_way_and_left_pages(struct test_space *s)
{
	/* Two tables are needed on each side of the boundary: fail at each. */
	unsigned long allowed = 0;
	ax_error_t error = AX_ENOMEM;

	for (; error == AX_ENOMEM; allowed++) {
		struct snapshot before;

		snapshot_take(&before, s);
		mock_fail_after(allowed);
		error = map_linear(s, 2 * G1 - 2 * K4, HOST + K4, 4 * K4, RAM);
		mock_fail_never();
		if (error != AX_OK)
			snapshot_compare(&before, s);
		snapshot_free(&before);
	}
	CHECK_OK(error);
	CHECK(allowed > 2);
	CHECK_SPACE(s, LINEAR(2 * G1 - 2 * K4, 4 * K4, HOST + K4, RAM));
}

static void fault_05_leaf_flags_encoded_a_pointer_to_a_table(struct test_space *s)
{
	/* Where no permission is left the entry of a RISC-V leaf is that of a table. */
	static const ax_flags_t none[] = {0, AX_USER, AX_DEVICE, AX_UNCACHED, AX_USER | AX_DEVICE};

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		CHECK_REFUSED(s, map_linear(s, VM_RAM, HOST, K4, none[i]), AX_EINVAL);
		CHECK_REFUSED(s, map_alloc(s, VM_RAM, K4, none[i], false), AX_EINVAL);
	}
	CHECK_OK(map_linear(s, VM_RAM, HOST, M2, RAM));
	CHECK_REFUSED(s, ax_addrspace_protect(&s->as, ax_gpa(VM_RAM), K4, AX_USER), AX_EINVAL);
	for (ax_flags_t flags = 1; flags <= AX_FLAGS_ALL; flags++) {
		if (format_expressible(s->format, flags) == AX_ENOTSUP)
			CHECK_REFUSED(s, map_linear(s, 0, HOST, K4, flags), AX_ENOTSUP);
	}
}

static void fault_06_a_too_wide_gpa_was_an_alias_of_a_low_one(struct test_space *s)
{
	ax_hpa_t hpa = ax_hpa(0);
	uint8_t byte = 0;

	CHECK_OK(map_linear(s, VM_RAM, HOST, K4, RAM));
	CHECK_ERROR(map_linear(s, s->size + VM_RAM, HOST, K4, RAM), AX_ERANGE);
	CHECK_ERROR(ax_addrspace_translate(&s->as, ax_gpa(s->size + VM_RAM), &hpa), AX_ENOENT);
	CHECK_ERROR(ax_guest_read(&s->as, ax_gpa(s->size + VM_RAM), &byte, 1), AX_ERANGE);
	CHECK(!fault(s, s->size + VM_RAM, AX_READ));
	CHECK_ERROR(ax_addrspace_unmap(&s->as, ax_gpa(s->size + VM_RAM), K4), AX_ERANGE);
	CHECK_SPACE(s, LINEAR(VM_RAM, K4, HOST, RAM));
}

static void fault_07_a_too_wide_hpa_was_cut(struct test_space *s)
{
	for (unsigned bit = s->hpa_bits; bit < 64; bit++)
		CHECK_REFUSED(s, map_linear(s, VM_RAM, 1ull << bit, K4, RAM), AX_ERANGE);
	CHECK_REFUSED(s, map_linear(s, VM_RAM, (1ull << s->hpa_bits) - K4, 2 * K4, RAM), AX_ERANGE);
}

static void fault_08_the_limit_was_the_whole_region(struct test_space *s)
{
	uint64_t limit = 0;
	ax_hpa_t hpa = ax_hpa(0);

	/* A lazy region of which one page is backed: the limit must not run into the next frame. */
	CHECK_OK(map_alloc(s, VM_RAM + M2 - K4, 2 * K4, RAM, false));
	CHECK(fault(s, VM_RAM + M2 - K4, AX_READ));
	CHECK_OK(ax_addrspace_translate_and_get_limit(&s->as, ax_gpa(VM_RAM + M2 - K4 + 0x10), &hpa,
						      &limit));
	CHECK(limit == K4 - 0x10 || leaf_size_at(s, VM_RAM + M2) != 0);
	CHECK_SPACE(s, PARTLY(VM_RAM + M2 - K4, 2 * K4, RAM));
}

static void fault_09_the_byte_buffer_panicked_and_gave_too_much(struct test_space *s)
{
	struct ax_guest_segment segments[8];
	size_t count = 0;

	CHECK_OK(map_alloc(s, VM_RAM, 2 * K4, RAM, false));
	CHECK_OK(map_alloc(s, VM_RAM + 2 * K4, K4, AX_READ, true));
	CHECK_OK(map_linear(s, VM_RAM + 3 * K4, 0x3f000000, K4, AX_DEVICE | RW));
	/* Two adjacent regions are a legal range, and lazy pages are memory. */
	CHECK_OK(ax_guest_segments(&s->as, ax_gpa(VM_RAM + 5), 3 * K4 - 5, AX_READ, segments, 8,
				   &count));
	CHECK(count >= 1);
	/* Past the end, not writable, a device: errors. */
	CHECK_ERROR(
		ax_guest_segments(&s->as, ax_gpa(VM_RAM), 3 * K4, AX_WRITE, segments, 8, &count),
		AX_EACCES);
	CHECK_ERROR(ax_guest_segments(&s->as, ax_gpa(VM_RAM), 4 * K4, AX_READ, segments, 8, &count),
		    AX_EACCES);
	CHECK_ERROR(
		ax_guest_segments(&s->as, ax_gpa(VM_RAM + 4 * K4), 1, AX_READ, segments, 8, &count),
		AX_ENOENT);
}

static void fault_10_physical_addresses_were_used_as_pointers(struct test_space *s)
{
	uint8_t out[24] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
	uint8_t back[24] = {0};

	/* Here a physical address is never a virtual one. Unaligned objects are copied by bytes. */
	CHECK_OK(map_alloc(s, VM_RAM, 2 * K4, RAM, true));
	CHECK_OK(ax_guest_write(&s->as, ax_gpa(VM_RAM + K4 - 3), out + 1, 23));
	CHECK_OK(ax_guest_read(&s->as, ax_gpa(VM_RAM + K4 - 3), back + 1, 23));
	CHECK(memcmp(out + 1, back + 1, 23) == 0);
	CHECK_ERROR(ax_guest_read_volatile(&s->as, ax_gpa(VM_RAM + 1), back, 8), AX_EALIGN);
}

static void fault_11_partial_unmap_dropped_the_whole_huge_page(struct test_space *s)
{
	CHECK_OK(map_linear(s, VM_RAM, HOST, G1, RAM));
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM + M2 + K4), K4));
	CHECK_SPACE(s, LINEAR(VM_RAM, M2 + K4, HOST, RAM),
		    LINEAR(VM_RAM + M2 + 2 * K4, G1 - M2 - 2 * K4, HOST + M2 + 2 * K4, RAM));
}

static void fault_12_partial_protect_changed_the_whole_huge_page(struct test_space *s)
{
	CHECK_OK(map_linear(s, VM_RAM, HOST, G1, RAM));
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM + M2 + K4), K4, AX_READ));
	CHECK_SPACE(s, LINEAR(VM_RAM, M2 + K4, HOST, RAM),
		    LINEAR(VM_RAM + M2 + K4, K4, HOST + M2 + K4, AX_READ),
		    LINEAR(VM_RAM + M2 + 2 * K4, G1 - M2 - 2 * K4, HOST + M2 + 2 * K4, RAM));
}

static void fault_13_protect_of_a_lazy_page_exposed_host_page_0(struct test_space *s)
{
	CHECK_OK(map_alloc(s, VM_RAM, 4 * K4, AX_READ, false));
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM), 4 * K4, RAM));
	CHECK_SPACE(s, LAZY(VM_RAM, 4 * K4, RAM));
	CHECK(fault(s, VM_RAM, AX_WRITE));
	CHECK(*reference_ptr(s, VM_RAM) == 0);
}

static void fault_14_regions_and_tables_diverged_on_failure(struct test_space *s)
{
	CHECK_OK(map_linear(s, VM_RAM, HOST, G1, RAM));
	mock_fail_after(0);
	CHECK_REFUSED(s, ax_addrspace_protect(&s->as, ax_gpa(VM_RAM + K4), K4, AX_READ), AX_ENOMEM);
	CHECK_REFUSED(s, ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM + K4), K4), AX_ENOMEM);
	mock_fail_never();
	CHECK_SPACE(s, LINEAR(VM_RAM, G1, HOST, RAM));
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM + K4), K4, AX_READ));
	CHECK_SPACE(s, LINEAR(VM_RAM, K4, HOST, RAM), LINEAR(VM_RAM + K4, K4, HOST + K4, AX_READ),
		    LINEAR(VM_RAM + 2 * K4, G1 - 2 * K4, HOST + 2 * K4, RAM));
}

static void fault_15_clear_panicked_over_some_regions(struct test_space *s)
{
	uint64_t gpa = VM_RAM;

	for (ax_flags_t flags = 1; flags <= AX_FLAGS_ALL; flags++, gpa += 2 * K4) {
		if (format_expressible(s->format, flags) == AX_OK)
			CHECK_OK(map_linear(s, gpa, HOST, K4, flags));
	}
	CHECK_OK(map_alloc(s, 0, M2, AX_READ, false));
	CHECK_OK(ax_addrspace_clear(&s->as));
	check_empty(s);
}

static void fault_16_emptied_tables_blocked_a_huge_page(struct test_space *s)
{
	/* The model of the TLB sees a table that is freed before its parent was invalidated. */
	CHECK_OK(map_linear(s, VM_RAM, HOST, K4, RAM));
	tlb_model_sync();
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), K4));
	CHECK_OK(map_linear(s, VM_RAM, HOST, M2, RAM));
	CHECK_EQUAL(leaf_size_at(s, VM_RAM), M2);
	CHECK_SPACE(s, LINEAR(VM_RAM, M2, HOST, RAM));
}

static void fault_17_find_free_area_went_wrong_near_its_limits(struct test_space *s)
{
	ax_gpa_t out = ax_gpa(1);

	CHECK_OK(map_alloc(s, VM_RAM, 4 * K4, RAM, false));
	CHECK_OK(ax_addrspace_find_free_area(&s->as, ax_gpa(VM_RAM + K4), K4, 0, &out));
	CHECK_EQUAL(out.raw, VM_RAM + 4 * K4);
	CHECK_OK(ax_addrspace_find_free_area(&s->as, ax_gpa(VM_RAM - K4), 2 * K4, K4, &out));
	CHECK_EQUAL(out.raw, VM_RAM + 4 * K4);
	CHECK_ERROR(ax_addrspace_find_free_area(&s->as, ax_gpa(s->size - K4), 2 * K4, 0, &out),
		    AX_ENOENT);
	CHECK_ERROR(ax_addrspace_find_free_area(&s->as, ax_gpa(UINT64_MAX), K4, M2, &out),
		    AX_ENOENT);
}

static void fault_18_start_plus_size_overflowed(struct test_space *s)
{
	uint8_t byte = 0;

	CHECK_ERROR(map_linear(s, 0 - K4, 0, 2 * K4, RAM), AX_ERANGE);
	CHECK_ERROR(map_alloc(s, 0 - K4, 2 * K4, RAM, false), AX_ERANGE);
	CHECK_ERROR(ax_addrspace_unmap(&s->as, ax_gpa(0 - K4), 2 * K4), AX_ERANGE);
	CHECK_ERROR(ax_addrspace_protect(&s->as, ax_gpa(0 - K4), 2 * K4, RAM), AX_ERANGE);
	CHECK_ERROR(ax_guest_read(&s->as, ax_gpa(UINT64_MAX), &byte, SIZE_MAX), AX_ERANGE);
	CHECK(!ax_addrspace_contains_range(&s->as, ax_gpa(UINT64_MAX), UINT64_MAX));
	check_empty(s);
}

static void fault_19_hpa_above_gpa_failed(struct test_space *s)
{
	CHECK_OK(map_linear(s, VM_RAM, VM_RAM + 5 * G1 + K4, 3 * K4, RAM));
	CHECK_OK(map_linear(s, VM_RAM + G1, K4, 3 * K4, RAM));
	CHECK_SPACE(s, LINEAR(VM_RAM, 3 * K4, VM_RAM + 5 * G1 + K4, RAM),
		    LINEAR(VM_RAM + G1, 3 * K4, K4, RAM));
}

static void fault_20_out_of_memory_was_called_bad_state(struct test_space *s)
{
	uint8_t byte = 0;

	CHECK_OK(map_alloc(s, VM_RAM, K4, RAM, false));
	mock_fail_after(0);
	CHECK_ERROR(map_linear(s, 2 * G1, HOST, K4, RAM), AX_ENOMEM);
	CHECK_ERROR(map_alloc(s, 2 * G1, K4, RAM, true), AX_ENOMEM);
	CHECK_ERROR(ax_guest_read(&s->as, ax_gpa(VM_RAM), &byte, 1), AX_ENOMEM);
	CHECK_EQUAL(ax_addrspace_fault(&s->as, ax_gpa(VM_RAM), AX_READ), AX_FAULT_NO_MEMORY);
	mock_fail_never();
}

static void fault_21_a_spurious_fault_killed_the_vm(struct test_space *s)
{
	CHECK_OK(map_linear(s, VM_RAM, HOST, K4, RW));
	CHECK_OK(map_alloc(s, VM_RAM + K4, K4, RAM, true));
	CHECK(fault(s, VM_RAM, AX_READ));
	CHECK(fault(s, VM_RAM, AX_WRITE));
	CHECK(fault(s, VM_RAM + K4, AX_EXECUTE));
	CHECK(!fault(s, VM_RAM, AX_EXECUTE));
}

static void fault_22_unaligned_and_over_wide_spaces_were_accepted(struct test_space *s)
{
	struct ax_addrspace_config config = format_config(s->format);
	struct ax_addrspace as;

	config.base = ax_gpa(0x1001);
	CHECK_ERROR(ax_addrspace_init(&as, &config), AX_EALIGN);
	config.base = ax_gpa(0);
	config.size = 0x1001;
	CHECK_ERROR(ax_addrspace_init(&as, &config), AX_EALIGN);
	config.size = 1ull << 60;
	CHECK_ERROR(ax_addrspace_init(&as, &config), AX_ERANGE);
}

static void fault_23_frame_0_was_refused_and_blocks_did_not_exist(void)
{
	struct mock_options options = {.at_zero = true};
	struct ax_frame frame = AX_FRAME_EMPTY;
	struct ax_frame block = AX_FRAME_EMPTY;

	mock_start(&options);
	CHECK_OK(ax_frame_alloc_zero(&frame));
	CHECK_EQUAL(ax_frame_start(&frame).raw, 0);
	CHECK_EQUAL(*(unsigned char *)ax_frame_ptr(&frame), 0);
	CHECK_OK(ax_frame_alloc_contiguous(&block, 4, 4 * K4));
	CHECK_EQUAL(ax_frame_start(&block).raw % (4 * K4), 0);
	CHECK_EQUAL(ax_frame_size(&block), 4 * K4);
	ax_frame_free(&frame);
	ax_frame_free(&block);
	CHECK_EQUAL(mock_frames_held(), 0);
}

static void fault_24_holes_and_retries_in_lazy_regions_work(struct test_space *s)
{
	CHECK_OK(map_alloc(s, VM_RAM, 8 * K4, RAM, false));
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM + 2 * K4), K4));
	CHECK(!fault(s, VM_RAM + 2 * K4, AX_READ));
	mock_fail_after(0);
	CHECK(!fault(s, VM_RAM + 3 * K4, AX_READ));
	mock_fail_never();
	CHECK(fault(s, VM_RAM + 3 * K4, AX_READ));
	CHECK_SPACE(s, PARTLY(VM_RAM, 2 * K4, RAM), PARTLY(VM_RAM + 3 * K4, 5 * K4, RAM));
}

/*
 * The instructions, their operands and barriers cannot be seen on a host: the AArch64 hypervisor of
 * tests/hypervisor runs them on an emulator that keeps stale entries. Here: what they are to cover.
 */
static void fault_25_stage2_flushed_the_wrong_entries(struct test_space *s)
{
	CHECK_OK(map_linear(s, VM_RAM, HOST, 8 * K4, RAM));
	mock_tlb_forget();
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM + 2 * K4), 2 * K4));
	CHECK_EQUAL(mock_tlb_request(0).format, AX_NPT_STAGE2);
	CHECK_EQUAL(mock_tlb_request(0).tag, s->tag);
	CHECK(mock_tlb_request(0).start.raw <= VM_RAM + 2 * K4);
}

/* The fence's operand is of the instruction, which tests/hypervisor runs; the root is seen here. */
static void fault_26_the_gstage_root_was_4k_and_the_flush_local(struct test_space *s)
{
	struct ref_root root;
	uint64_t block = 0;

	CHECK_EQUAL(ref_decode_root(&s->cpu, &root), REF_ROOT_OK);
	CHECK_EQUAL(root.size, 4 * K4);
	CHECK_EQUAL(root.table % (4 * K4), 0);
	CHECK_EQUAL(mock_block_of(root.table, &block), 4);
	/* The upper half of the root works. */
	CHECK_OK(map_linear(s, s->size - K4, HOST, K4, RAM));
	mock_tlb_forget();
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(s->size - K4), K4));
	CHECK(mock_counts().tlb >= 1);
	CHECK_EQUAL(mock_tlb_request(0).format, AX_NPT_GSTAGE);
}

/* INVEPT itself is run by tests/hypervisor; that it is asked for, and for which format, is seen here. */
static void fault_27_x86_flushed_the_hosts_own_tlb(struct test_space *s)
{
	uint64_t generation = ax_addrspace_tlb_generation(&s->as);

	if (s->format->format != AX_NPT_EPT && s->format->format != AX_NPT_AMD)
		FAIL("not an x86 format");
	CHECK_OK(map_linear(s, VM_RAM, HOST, K4, RAM));
	mock_tlb_forget();
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), K4));
	CHECK_EQUAL(mock_tlb_request(0).format, s->format->format);
	CHECK_EQUAL(mock_tlb_request(0).tag, s->tag);
	CHECK(ax_addrspace_tlb_generation(&s->as) != generation);
}

static void fault_28_ept_write_only_and_uncached_were_misencoded(struct test_space *s)
{
	CHECK_ERROR(map_linear(s, VM_RAM, HOST, K4, AX_WRITE), AX_ENOTSUP);
	CHECK_ERROR(map_linear(s, VM_RAM, HOST, K4, AX_WRITE | AX_EXECUTE), AX_ENOTSUP);
	CHECK_OK(map_linear(s, VM_RAM, HOST, K4, RW | AX_UNCACHED));
	/* The check knows that uncached is not write-back. */
	CHECK_SPACE(s, LINEAR(VM_RAM, K4, HOST, RW | AX_UNCACHED));
}

static void fault_29_stage2_attributes_were_wrong(struct test_space *s)
{
	struct ax_npt_mapping mapping;

	/* Execute-never, write permission and inner shareability: the check reads the bits. */
	CHECK_OK(map_linear(s, VM_RAM, HOST, K4, AX_READ));
	CHECK_OK(map_linear(s, VM_RAM + K4, HOST, K4, RW));
	CHECK_OK(map_linear(s, VM_RAM + 2 * K4, HOST, K4, RAM));
	CHECK_OK(map_linear(s, VM_RAM + 3 * K4, HOST, K4, RW | AX_DEVICE | AX_UNCACHED));
	CHECK(!reference_allows(s, VM_RAM, AX_EXECUTE));
	CHECK(!reference_allows(s, VM_RAM, AX_WRITE));
	CHECK(!reference_allows(s, VM_RAM + K4, AX_EXECUTE));
	CHECK_OK(ax_addrspace_query(&s->as, ax_gpa(VM_RAM + K4), &mapping));
	CHECK_EQUAL(mapping.flags & AX_FLAGS_ACCESS, RW);
	CHECK_OK(ax_addrspace_query(&s->as, ax_gpa(VM_RAM + 3 * K4), &mapping));
	CHECK(mapping.flags & AX_DEVICE);
	CHECK_SPACE(s, LINEAR(VM_RAM, K4, HOST, AX_READ), LINEAR(VM_RAM + K4, K4, HOST, RW),
		    LINEAR(VM_RAM + 2 * K4, K4, HOST, RAM),
		    LINEAR(VM_RAM + 3 * K4, K4, HOST, RW | AX_DEVICE | AX_UNCACHED));
}

/* The model of the TLB fails the test when a live entry gives way to another without a break. */
static void fault_30_live_entries_were_replaced_by_two_stores(struct test_space *s)
{
	CHECK_OK(map_linear(s, VM_RAM, HOST, G1, RAM));
	tlb_model_sync();
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM + K4), K4, AX_READ));
	tlb_model_sync();
	/* A memory type may not change in a live entry either. */
	if (format_expressible(s->format, RW | AX_UNCACHED) == AX_OK)
		CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM), G1, RW | AX_UNCACHED));
	tlb_model_sync();
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), M2));
	tlb_model_sync();
}

static void fault_31_flushes_and_tables_were_wasted(struct test_space *s)
{
	uint64_t tables = stats_of(s).table_frames;

	CHECK_OK(map_alloc(s, VM_RAM, G1, RAM, false));
	CHECK_EQUAL(stats_of(s).table_frames, tables);
	CHECK_OK(map_alloc(s, 0, M2, RAM, true));
	CHECK_EQUAL(leaf_size_at(s, 0), M2);
	for (uint64_t i = 0; i < 32; i++)
		CHECK(fault(s, VM_RAM + i * K4, AX_WRITE));
	mock_tlb_forget();
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), G1));
	CHECK_EQUAL(mock_counts().tlb, 1);
}

static void fault_32_contiguous_alignment_was_a_logarithm_in_one_version(void)
{
	struct ax_frame block = AX_FRAME_EMPTY;

	/* The port refuses an alignment that is not a power of two of at least 4096 bytes. */
	CHECK_OK(ax_frame_alloc_contiguous(&block, 512, AX_PAGE_SIZE_2M));
	CHECK_EQUAL(ax_frame_start(&block).raw % AX_PAGE_SIZE_2M, 0);
	ax_frame_free(&block);
}

/* What a component sees outside of a VM is tested where the port can be outside: test_api. */
static void fault_33_interrupt_vectors_had_eight_bits(void)
{
	ax_interrupt_vector_t vector = 0x1fff;
	size_t count = 0;
	uint64_t mask = 0;

	CHECK_EQUAL(vector, 0x1fff);
	CHECK_OK(ax_vmm_current_vm_vcpu_num(&count));
	CHECK_EQUAL(count, 1);
	CHECK_OK(ax_vmm_current_vm_active_vcpus(&mask));
	CHECK_EQUAL(mask, 1);
}

static void fault_34_new_mappings_had_no_fence(struct test_space *s)
{
	bool needed = !format_has(s->format, AX_NPT_FEATURE_SVVPTC);

	mock_tlb_forget();
	CHECK_OK(map_linear(s, VM_RAM, HOST, K4, RAM));
	CHECK_EQUAL(mock_counts().tlb != 0, needed);
	CHECK_OK(map_alloc(s, VM_RAM + M2, K4, RAM, false));
	mock_tlb_forget();
	CHECK(fault(s, VM_RAM + M2, AX_READ));
	CHECK_EQUAL(mock_counts().tlb != 0, needed);
	tlb_model_sync();
}

int main(void)
{
	static const struct story stories[] = {
		STORY(fault_01_owned_frames_reached_the_guest_unzeroed),
		STORY(fault_02_a_second_fault_swapped_in_a_new_frame),
		STORY(fault_03_populate_out_of_memory_left_a_leaked_prefix),
		STORY(fault_04_map_linear_failed_half_way_and_left_pages),
		STORY(fault_05_leaf_flags_encoded_a_pointer_to_a_table),
		STORY(fault_06_a_too_wide_gpa_was_an_alias_of_a_low_one),
		STORY(fault_07_a_too_wide_hpa_was_cut),
		STORY(fault_08_the_limit_was_the_whole_region),
		STORY(fault_09_the_byte_buffer_panicked_and_gave_too_much),
		STORY(fault_10_physical_addresses_were_used_as_pointers),
		STORY(fault_11_partial_unmap_dropped_the_whole_huge_page),
		STORY(fault_12_partial_protect_changed_the_whole_huge_page),
		STORY(fault_13_protect_of_a_lazy_page_exposed_host_page_0),
		STORY(fault_14_regions_and_tables_diverged_on_failure),
		STORY(fault_15_clear_panicked_over_some_regions),
		STORY(fault_16_emptied_tables_blocked_a_huge_page),
		STORY(fault_17_find_free_area_went_wrong_near_its_limits),
		STORY(fault_18_start_plus_size_overflowed),
		STORY(fault_19_hpa_above_gpa_failed),
		STORY(fault_20_out_of_memory_was_called_bad_state),
		STORY(fault_21_a_spurious_fault_killed_the_vm),
		STORY(fault_22_unaligned_and_over_wide_spaces_were_accepted),
		STORY_PLAIN(fault_23_frame_0_was_refused_and_blocks_did_not_exist),
		STORY(fault_24_holes_and_retries_in_lazy_regions_work),
		STORY_ONLY(fault_25_stage2_flushed_the_wrong_entries, "stage 2"),
		STORY_ONLY(fault_26_the_gstage_root_was_4k_and_the_flush_local, "Sv"),
		STORY_ONLY(fault_27_x86_flushed_the_hosts_own_tlb, "EPT"),
		STORY_ONLY(fault_27_x86_flushed_the_hosts_own_tlb, "NPT"),
		STORY_ONLY(fault_28_ept_write_only_and_uncached_were_misencoded, "EPT"),
		STORY_ONLY(fault_29_stage2_attributes_were_wrong, "stage 2"),
		STORY(fault_30_live_entries_were_replaced_by_two_stores),
		STORY(fault_31_flushes_and_tables_were_wasted),
		STORY_PLAIN(fault_32_contiguous_alignment_was_a_logarithm_in_one_version),
		STORY_PLAIN(fault_33_interrupt_vectors_had_eight_bits),
		STORY_ONLY(fault_34_new_mappings_had_no_fence, "Sv"),
	};

	return STORIES_RUN("thirty-four faults", stories);
}
