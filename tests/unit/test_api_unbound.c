/* SPDX-License-Identifier: Apache-2.0 */
/* A program without any port: it links, and everything that needs one says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <axvisor/addrspace.h>
#include <axvisor/frame.h>
#include <axvisor/host.h>
#include <axvisor/memory.h>
#include <axvisor/time.h>
#include <axvisor/tlb.h>
#include <axvisor/vmm.h>

static void unbound_modules_name_their_first_function(void **state)
{
	(void)state;
	assert_string_equal(ax_memory_missing(UINT64_MAX), "ax_memory_alloc_frame");
	assert_string_equal(ax_vmm_missing(UINT64_MAX), "ax_vmm_current_vm_id");
	assert_string_equal(ax_time_missing(UINT64_MAX), "ax_time_current_ticks");
	assert_string_equal(ax_host_missing(UINT64_MAX), "ax_host_get_cpu_num");
	assert_string_equal(ax_tlb_missing(UINT64_MAX), "ax_tlb_invalidate");
}

static void unbound_vmm_and_time_helpers_do_not_crash(void **state)
{
	size_t count = 99;
	uint64_t mask = 99;

	(void)state;
	assert_int_equal(ax_vmm_current_vm_vcpu_num(&count), AX_EUNBOUND);
	assert_int_equal(ax_vmm_current_vm_active_vcpus(&mask), AX_EUNBOUND);
	assert_int_equal(count, 99);
	assert_int_equal(mask, 99);
	assert_int_equal(ax_time_current_nanos(), 0);
}

static void unbound_memory_is_refused_by_init_and_by_frames(void **state)
{
	struct ax_addrspace_config config = {.format = AX_NPT_EPT, .cpus = 1};
	struct ax_addrspace as;
	struct ax_frame f = AX_FRAME_EMPTY;

	(void)state;
	assert_int_equal(ax_addrspace_init(&as, &config), AX_EUNBOUND);
	ax_addrspace_destroy(&as);
	assert_int_equal(ax_frame_alloc(&f), AX_EUNBOUND);
	assert_int_equal(ax_frame_alloc_zero(&f), AX_EUNBOUND);
	assert_int_equal(ax_frame_alloc_contiguous(&f, 1, 4096), AX_EUNBOUND);
	assert_int_equal(ax_frame_size(&f), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(unbound_modules_name_their_first_function),
		cmocka_unit_test(unbound_vmm_and_time_helpers_do_not_crash),
		cmocka_unit_test(unbound_memory_is_refused_by_init_and_by_frames),
	};

	return cmocka_run_group_tests_name("api_unbound", tests, NULL, NULL);
}
