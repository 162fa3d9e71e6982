/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A port that has one half of each pair of functions: what takes and not what gives back, who asks
 * and not who answers. Nothing is taken that could not be given back, and nothing unbound is called.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <axvisor/frame.h>
#include <axvisor/memory.h>
#include <axvisor/time.h>
#include <axvisor/vmm.h>

static _Alignas(4096) unsigned char frame[4096];
static unsigned frames_out;

ax_hpa_t ax_memory_alloc_frame(void)
{
	frames_out++;
	return ax_hpa((uintptr_t)frame);
}

void ax_memory_dealloc_frame(ax_hpa_t hpa)
{
	assert_int_equal(hpa.raw, (uintptr_t)frame);
	frames_out--;
}

ax_hpa_t ax_memory_alloc_contiguous_frames(size_t count, size_t align)
{
	(void)count;
	(void)align;
	fail_msg("a block was taken that could not be given back");
	return AX_HPA_NONE;
}

ax_vm_id_t ax_vmm_current_vm_id(void)
{
	return 7;
}

ax_ticks_t ax_time_current_ticks(void)
{
	return 1000;
}

static void frame_without_a_pointer_is_a_frame(void **state)
{
	struct ax_frame f = AX_FRAME_EMPTY;

	(void)state;
	frame[0] = 0x5a;
	assert_int_equal(ax_frame_alloc_zero(&f), AX_EUNBOUND);
	assert_int_equal(frames_out, 0);
	assert_int_equal(ax_frame_alloc(&f), AX_OK);
	assert_int_equal(frames_out, 1);
	assert_int_equal(ax_frame_start(&f).raw, (uintptr_t)frame);
	assert_int_equal(ax_frame_size(&f), 4096);
	assert_null(ax_frame_ptr(&f));
	ax_frame_fill(&f, 0);
	assert_int_equal(frame[0], 0x5a);
	ax_frame_free(&f);
	assert_int_equal(frames_out, 0);
}

static void block_that_could_not_go_back_is_not_taken(void **state)
{
	struct ax_frame f = AX_FRAME_EMPTY;

	(void)state;
	assert_int_equal(ax_frame_alloc_contiguous(&f, 2, 4096), AX_EUNBOUND);
	assert_true(ax_hpa_is_none(ax_frame_start(&f)));
}

static void vmm_helpers_need_both_functions(void **state)
{
	size_t count = 99;
	uint64_t mask = 99;

	(void)state;
	assert_int_equal(ax_vmm_current_vm_vcpu_num(&count), AX_EUNBOUND);
	assert_int_equal(ax_vmm_current_vm_active_vcpus(&mask), AX_EUNBOUND);
	assert_int_equal(count, 99);
	assert_int_equal(mask, 99);
}

static void time_helper_needs_both_functions(void **state)
{
	(void)state;
	assert_int_equal(ax_time_current_nanos(), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(frame_without_a_pointer_is_a_frame),
		cmocka_unit_test(block_that_could_not_go_back_is_not_taken),
		cmocka_unit_test(vmm_helpers_need_both_functions),
		cmocka_unit_test(time_helper_needs_both_functions),
	};

	return cmocka_run_group_tests_name("api_partial", tests, NULL, NULL);
}
