/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The binding, with a port that has parts of some modules and nothing of others, and a module of the
 * test's own. What the linker does with whole ports is tests/link's to show.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <axvisor/api.h>
#include <axvisor/frame.h>
#include <axvisor/host.h>
#include <axvisor/memory.h>
#include <axvisor/time.h>
#include <axvisor/tlb.h>
#include <axvisor/vmm.h>

#define ALL        UINT64_MAX
#define BIT(index) (UINT64_C(1) << (index))

/* ---- the port: one function of memory, all of vmm, half of time, nothing else */

ax_hpa_t ax_memory_alloc_frame(void)
{
	fail_msg("a frame was taken that could not be given back");
	return AX_HPA_NONE;
}

static ax_vm_id_t current_vm;

ax_vm_id_t ax_vmm_current_vm_id(void)
{
	return current_vm;
}

ax_vcpu_id_t ax_vmm_current_vcpu_id(void)
{
	return 0;
}

bool ax_vmm_vcpu_num(ax_vm_id_t vm, size_t *count)
{
	if (vm != 7)
		return false;
	*count = 4;
	return true;
}

bool ax_vmm_active_vcpus(ax_vm_id_t vm, uint64_t *mask)
{
	if (vm != 7)
		return false;
	*mask = UINT64_C(0x8000000000000005);
	return true;
}

static ax_interrupt_vector_t injected;

void ax_vmm_inject_interrupt(ax_vm_id_t vm, ax_vcpu_id_t vcpu, ax_interrupt_vector_t vector)
{
	(void)vm;
	(void)vcpu;
	injected = vector;
}

void ax_vmm_notify_vcpu_timer_expired(ax_vm_id_t vm, ax_vcpu_id_t vcpu)
{
	(void)vm;
	(void)vcpu;
}

#define VMM_VERSION_OF_THIS_PORT 1
AX_API_IMPLEMENT(ax_vmm, VMM_VERSION_OF_THIS_PORT, AX_VMM_API);

ax_ticks_t ax_time_current_ticks(void)
{
	return 1000;
}

ax_nanos_t ax_time_ticks_to_nanos(ax_ticks_t ticks)
{
	return ticks * 16;
}

/* ---- a module made with the public macros, its component and its port */

int my_log_write(const char *text);
void my_log_flush(void);

#define MY_LOG_VERSION 3
#define MY_LOG_API(FN) FN(my_log, write) FN(my_log, flush)
AX_API_DECLARE(my_log, MY_LOG_VERSION, MY_LOG_API);
AX_API_ACCESS(my_log, MY_LOG_API);
AX_API_BIND(my_log, MY_LOG_VERSION, MY_LOG_API);

#define MY_LOG_PORT(FN) FN(my_log, write)
AX_API_IMPLEMENT(my_log, MY_LOG_VERSION, MY_LOG_PORT);

int my_log_write(const char *text)
{
	return text[0];
}

/* ---- tests */

static void missing_names_the_first_unbound_function_asked_for(void **state)
{
	(void)state;
	assert_string_equal(ax_memory_missing(ALL), "ax_memory_alloc_contiguous_frames");
	assert_string_equal(ax_memory_missing(BIT(ax_memory_index_virt_to_phys)),
			    "ax_memory_virt_to_phys");
	assert_string_equal(ax_memory_missing(BIT(ax_memory_index_phys_to_virt) |
					      BIT(ax_memory_index_dealloc_frame)),
			    "ax_memory_dealloc_frame");
	assert_null(ax_memory_missing(BIT(ax_memory_index_alloc_frame)));
	assert_null(ax_memory_missing(0));
	assert_null(ax_memory_missing(~(BIT(ax_memory_api_count) - 1)));
	assert_null(ax_vmm_missing(ALL));
	assert_string_equal(ax_time_missing(ALL), "ax_time_nanos_to_ticks");
	assert_string_equal(ax_host_missing(ALL), "ax_host_get_cpu_num");
	assert_string_equal(ax_tlb_missing(ALL), "ax_tlb_invalidate");
}

static void list_order_is_the_order_of_the_bits(void **state)
{
	(void)state;
	assert_int_equal(ax_memory_index_alloc_frame, 0);
	assert_int_equal(ax_memory_index_virt_to_phys, 5);
	assert_int_equal(ax_memory_api_count, 6);
	assert_int_equal(ax_vmm_api_count, 6);
	assert_int_equal(ax_time_api_count, 5);
	assert_int_equal(ax_host_api_count, 1);
	assert_int_equal(ax_tlb_api_count, 1);
}

static void frame_alloc_without_the_rest_of_memory_is_unbound(void **state)
{
	struct ax_frame f = AX_FRAME_EMPTY;

	(void)state;
	assert_int_equal(ax_frame_alloc(&f), AX_EUNBOUND);
	assert_int_equal(ax_frame_alloc_zero(&f), AX_EUNBOUND);
	assert_int_equal(ax_frame_alloc_contiguous(&f, 1, 4096), AX_EUNBOUND);
	ax_frame_free(&f);
}

static void vmm_helpers_ask_about_the_current_vm(void **state)
{
	size_t count = 99;
	uint64_t mask = 99;

	(void)state;
	current_vm = 7;
	assert_int_equal(ax_vmm_current_vm_vcpu_num(&count), AX_OK);
	assert_int_equal(count, 4);
	assert_int_equal(ax_vmm_current_vm_active_vcpus(&mask), AX_OK);
	assert_int_equal(mask, UINT64_C(0x8000000000000005));
	assert_int_equal(ax_vmm_current_vm_vcpu_num(NULL), AX_EINVAL);
	assert_int_equal(ax_vmm_current_vm_active_vcpus(NULL), AX_EINVAL);
}

static void vmm_helpers_outside_a_vm_say_so(void **state)
{
	size_t count = 99;
	uint64_t mask = 99;

	(void)state;
	current_vm = SIZE_MAX;
	assert_int_equal(ax_vmm_current_vm_vcpu_num(&count), AX_ENOENT);
	assert_int_equal(ax_vmm_current_vm_active_vcpus(&mask), AX_ENOENT);
	assert_int_equal(count, 99);
	assert_int_equal(mask, 99);
}

static void interrupt_vectors_are_wider_than_a_byte(void **state)
{
	(void)state;
	ax_vmm_inject_interrupt(7, 0, 8192);
	assert_int_equal(injected, 8192);
}

static void time_current_nanos_needs_two_functions_only(void **state)
{
	(void)state;
	assert_int_equal(ax_time_current_nanos(), 16000);
}

static void user_module_works_as_the_library_s_own(void **state)
{
	(void)state;
	assert_string_equal(my_log_missing(ALL), "my_log_flush");
	assert_null(my_log_missing(BIT(my_log_index_write)));
	assert_int_equal(my_log_api()->write("x"), 'x');
	assert_null(my_log_api()->flush);
	assert_int_equal(my_log_api_v3, 3);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(missing_names_the_first_unbound_function_asked_for),
		cmocka_unit_test(list_order_is_the_order_of_the_bits),
		cmocka_unit_test(frame_alloc_without_the_rest_of_memory_is_unbound),
		cmocka_unit_test(vmm_helpers_ask_about_the_current_vm),
		cmocka_unit_test(vmm_helpers_outside_a_vm_say_so),
		cmocka_unit_test(interrupt_vectors_are_wider_than_a_byte),
		cmocka_unit_test(time_current_nanos_needs_two_functions_only),
		cmocka_unit_test(user_module_works_as_the_library_s_own),
	};

	return cmocka_run_group_tests_name("api", tests, NULL, NULL);
}
