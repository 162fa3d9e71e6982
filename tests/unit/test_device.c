/* SPDX-License-Identifier: Apache-2.0 */
/* Widths and ranges of device accesses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <axvisor/device.h>

static void width_from_size_takes_the_four_sizes_alone(void **state)
{
	static const size_t sizes[] = {1, 2, 4, 8};
	enum ax_access_width width;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(ax_access_width_from_size(sizes[i], &width), AX_OK);
		assert_int_equal(width, (enum ax_access_width)i);
		assert_int_equal(ax_access_width_size(width), sizes[i]);
		assert_int_equal(ax_access_width_bits(width).start, 0);
		assert_int_equal(ax_access_width_bits(width).end, 8 * sizes[i]);
	}
	width = AX_ACCESS_DWORD;
	for (size_t size = 0; size < 100; size++) {
		if (size != 1 && size != 2 && size != 4 && size != 8)
			assert_int_equal(ax_access_width_from_size(size, &width), AX_EINVAL);
	}
	assert_int_equal(ax_access_width_from_size(SIZE_MAX, &width), AX_EINVAL);
	assert_int_equal(ax_access_width_from_size(((size_t)1 << 32) + 4, &width), AX_EINVAL);
	assert_int_equal(ax_access_width_from_size(4, NULL), AX_EINVAL);
	assert_int_equal(width, AX_ACCESS_DWORD);
}

static void width_that_is_none_has_no_size(void **state)
{
	const enum ax_access_width none = (enum ax_access_width)4;

	(void)state;
	assert_int_equal(ax_access_width_size(none), 0);
	assert_int_equal(ax_access_width_bits(none).end, 0);
}

static void port_range_includes_both_ends(void **state)
{
	struct ax_port_range com1 = {ax_port(0x3f8), ax_port(0x3ff)};
	struct ax_port_range all = {ax_port(0), ax_port(0xffff)};
	struct ax_port_range none = {ax_port(1), ax_port(0)};

	(void)state;
	assert_false(ax_port_range_contains(com1, ax_port(0x3f7)));
	assert_true(ax_port_range_contains(com1, ax_port(0x3f8)));
	assert_true(ax_port_range_contains(com1, ax_port(0x3ff)));
	assert_false(ax_port_range_contains(com1, ax_port(0x400)));
	assert_true(ax_port_range_contains(all, ax_port(0)));
	assert_true(ax_port_range_contains(all, ax_port(0xffff)));
	assert_false(ax_port_range_contains(none, ax_port(0)));
	assert_false(ax_port_range_contains(none, ax_port(1)));
}

static void sysreg_range_includes_both_ends(void **state)
{
	struct ax_sysreg_range x2apic = {ax_sysreg(0x800), ax_sysreg(0x8ff)};
	struct ax_sysreg_range all = {ax_sysreg(0), ax_sysreg(UINT64_MAX)};

	(void)state;
	assert_false(ax_sysreg_range_contains(x2apic, ax_sysreg(0x7ff)));
	assert_true(ax_sysreg_range_contains(x2apic, ax_sysreg(0x800)));
	assert_true(ax_sysreg_range_contains(x2apic, ax_sysreg(0x8ff)));
	assert_false(ax_sysreg_range_contains(x2apic, ax_sysreg(0x900)));
	assert_false(ax_sysreg_range_contains(x2apic, ax_sysreg(UINT64_C(0x100000800))));
	assert_true(ax_sysreg_range_contains(all, ax_sysreg(UINT64_MAX)));
}

static void gpa_range_of_a_device_is_half_open(void **state)
{
	struct ax_gpa_range slot = {ax_gpa(0xa000200), 0x200};

	(void)state;
	assert_false(ax_gpa_range_contains(slot, ax_gpa(0xa0001ff)));
	assert_true(ax_gpa_range_contains(slot, ax_gpa(0xa000200)));
	assert_true(ax_gpa_range_contains(slot, ax_gpa(0xa0003ff)));
	assert_false(ax_gpa_range_contains(slot, ax_gpa(0xa000400)));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(width_from_size_takes_the_four_sizes_alone),
		cmocka_unit_test(width_that_is_none_has_no_size),
		cmocka_unit_test(port_range_includes_both_ends),
		cmocka_unit_test(sysreg_range_includes_both_ends),
		cmocka_unit_test(gpa_range_of_a_device_is_half_open),
	};

	return cmocka_run_group_tests_name("device", tests, NULL, NULL);
}
