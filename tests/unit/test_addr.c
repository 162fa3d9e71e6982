/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses: the helpers at the ends of the number space, where arithmetic wraps for who does not
 * look. The three types have the same functions; what is shown of one is shown of all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <axvisor/addr.h>

#define TOP UINT64_MAX

static struct ax_gpa_range range(uint64_t start, uint64_t size)
{
	return (struct ax_gpa_range){ax_gpa(start), size};
}

#define ADDRESS_TESTS(NAME)                                                              \
	static void NAME##_add_refuses_to_wrap(void **state)                             \
	{                                                                                \
		ax_##NAME##_t sum = ax_##NAME(7);                                        \
                                                                                         \
		(void)state;                                                             \
		assert_true(ax_##NAME##_add(ax_##NAME(0x1000), 0x234, &sum));            \
		assert_int_equal(sum.raw, 0x1234);                                       \
		assert_true(ax_##NAME##_add(ax_##NAME(TOP - 5), 5, &sum));               \
		assert_int_equal(sum.raw, TOP);                                          \
		assert_false(ax_##NAME##_add(ax_##NAME(TOP - 5), 6, &sum));              \
		assert_false(ax_##NAME##_add(ax_##NAME(1), TOP, &sum));                  \
		assert_int_equal(sum.raw, TOP);                                          \
	}                                                                                \
	static void NAME##_sub_refuses_to_go_below_zero(void **state)                    \
	{                                                                                \
		ax_##NAME##_t rest = ax_##NAME(7);                                       \
                                                                                         \
		(void)state;                                                             \
		assert_true(ax_##NAME##_sub(ax_##NAME(0x1234), 0x234, &rest));           \
		assert_int_equal(rest.raw, 0x1000);                                      \
		assert_true(ax_##NAME##_sub(ax_##NAME(5), 5, &rest));                    \
		assert_int_equal(rest.raw, 0);                                           \
		assert_false(ax_##NAME##_sub(ax_##NAME(5), 6, &rest));                   \
		assert_int_equal(rest.raw, 0);                                           \
	}                                                                                \
	static void NAME##_diff_is_never_negative(void **state)                          \
	{                                                                                \
		uint64_t bytes = 7;                                                      \
                                                                                         \
		(void)state;                                                             \
		assert_true(ax_##NAME##_diff(ax_##NAME(TOP), ax_##NAME(1), &bytes));     \
		assert_int_equal(bytes, TOP - 1);                                        \
		assert_true(ax_##NAME##_diff(ax_##NAME(9), ax_##NAME(9), &bytes));       \
		assert_int_equal(bytes, 0);                                              \
		assert_false(ax_##NAME##_diff(ax_##NAME(8), ax_##NAME(9), &bytes));      \
		assert_int_equal(bytes, 0);                                              \
	}                                                                                \
	static void NAME##_aligns_down_and_tells_the_rest(void **state)                  \
	{                                                                                \
		const ax_##NAME##_t odd = ax_##NAME(0x12345678);                         \
                                                                                         \
		(void)state;                                                             \
		assert_int_equal(ax_##NAME##_align_down(odd, 0x1000).raw, 0x12345000);   \
		assert_int_equal(ax_##NAME##_align_offset(odd, 0x1000), 0x678);          \
		assert_int_equal(ax_##NAME##_align_down(odd, 1).raw, odd.raw);           \
		assert_int_equal(ax_##NAME##_align_offset(odd, 1), 0);                   \
		assert_int_equal(ax_##NAME##_align_down(ax_##NAME(TOP), 1ull << 63).raw, \
				 1ull << 63);                                            \
		assert_true(ax_##NAME##_is_aligned(ax_##NAME(0x12345000), 0x1000));      \
		assert_false(ax_##NAME##_is_aligned(odd, 0x1000));                       \
		assert_true(ax_##NAME##_is_aligned(odd, 8));                             \
		assert_false(ax_##NAME##_is_aligned(odd, 16));                           \
		assert_true(ax_##NAME##_is_aligned(ax_##NAME(0), 1ull << 63));           \
	}                                                                                \
	static void NAME##_aligns_up_as_far_as_there_are_numbers(void **state)           \
	{                                                                                \
		ax_##NAME##_t up = ax_##NAME(7);                                         \
                                                                                         \
		(void)state;                                                             \
		assert_true(ax_##NAME##_align_up(ax_##NAME(0x1001), 0x1000, &up));       \
		assert_int_equal(up.raw, 0x2000);                                        \
		assert_true(ax_##NAME##_align_up(ax_##NAME(0x1000), 0x1000, &up));       \
		assert_int_equal(up.raw, 0x1000);                                        \
		assert_true(ax_##NAME##_align_up(ax_##NAME(TOP - 0xfff), 0x1000, &up));  \
		assert_int_equal(up.raw, TOP - 0xfff);                                   \
		assert_false(ax_##NAME##_align_up(ax_##NAME(TOP - 0xffe), 0x1000, &up)); \
		assert_int_equal(up.raw, TOP - 0xfff);                                   \
	}                                                                                \
	/* 0 asks for nothing, as for a host that has no requirement. */                 \
	static void NAME##_alignment_zero_is_no_alignment(void **state)                  \
	{                                                                                \
		ax_##NAME##_t up = ax_##NAME(7);                                         \
                                                                                         \
		(void)state;                                                             \
		assert_true(ax_##NAME##_is_aligned(ax_##NAME(TOP), 0));                  \
		assert_int_equal(ax_##NAME##_align_offset(ax_##NAME(TOP), 0), 0);        \
		assert_int_equal(ax_##NAME##_align_down(ax_##NAME(TOP), 0).raw, TOP);    \
		assert_true(ax_##NAME##_align_up(ax_##NAME(TOP), 0, &up));               \
		assert_int_equal(up.raw, TOP);                                           \
	}                                                                                \
	static void NAME##_compare_orders_as_numbers(void **state)                       \
	{                                                                                \
		(void)state;                                                             \
		assert_int_equal(ax_##NAME##_compare(ax_##NAME(1), ax_##NAME(2)), -1);   \
		assert_int_equal(ax_##NAME##_compare(ax_##NAME(2), ax_##NAME(2)), 0);    \
		assert_int_equal(ax_##NAME##_compare(ax_##NAME(TOP), ax_##NAME(2)), 1);  \
		assert_int_equal(ax_##NAME##_compare(ax_##NAME(0), ax_##NAME(TOP)), -1); \
	}

ADDRESS_TESTS(gpa)
ADDRESS_TESTS(hpa)
ADDRESS_TESTS(gva)

static void no_address_is_all_ones_and_zero_is_one(void **state)
{
	(void)state;
	assert_true(ax_hpa_is_none(AX_HPA_NONE));
	assert_true(ax_hpa_is_none(ax_hpa_none()));
	assert_false(ax_hpa_is_none(ax_hpa(0)));
	assert_false(ax_hpa_is_none(ax_hpa(TOP - 1)));
}

static void range_contains_its_first_byte_and_not_its_end(void **state)
{
	(void)state;
	assert_false(ax_gpa_range_contains(range(0x1000, 0x1000), ax_gpa(0xfff)));
	assert_true(ax_gpa_range_contains(range(0x1000, 0x1000), ax_gpa(0x1000)));
	assert_true(ax_gpa_range_contains(range(0x1000, 0x1000), ax_gpa(0x1fff)));
	assert_false(ax_gpa_range_contains(range(0x1000, 0x1000), ax_gpa(0x2000)));
	assert_false(ax_gpa_range_contains(range(0x1000, 0), ax_gpa(0x1000)));
}

static void range_past_the_top_ends_there(void **state)
{
	(void)state;
	assert_true(ax_gpa_range_contains(range(TOP - 9, 10), ax_gpa(TOP)));
	assert_true(ax_gpa_range_contains(range(TOP - 9, TOP), ax_gpa(TOP)));
	assert_false(ax_gpa_range_contains(range(TOP - 9, TOP), ax_gpa(0)));
}

static void range_contains_what_lies_inside_up_to_both_ends(void **state)
{
	const struct ax_gpa_range outer = range(0x1000, 0x1000);

	(void)state;
	assert_true(ax_gpa_range_contains_range(outer, outer));
	assert_true(ax_gpa_range_contains_range(outer, range(0x1100, 0xf00)));
	assert_false(ax_gpa_range_contains_range(outer, range(0x1100, 0xf01)));
	assert_false(ax_gpa_range_contains_range(outer, range(0xfff, 2)));
	assert_false(ax_gpa_range_contains_range(outer, range(0x2001, 1)));
	assert_false(ax_gpa_range_contains_range(outer, range(0x1001, TOP)));
}

static void empty_range_is_inside_from_the_start_to_the_end(void **state)
{
	const struct ax_gpa_range outer = range(0x1000, 0x1000);

	(void)state;
	assert_true(ax_gpa_range_contains_range(outer, range(0x1000, 0)));
	assert_true(ax_gpa_range_contains_range(outer, range(0x2000, 0)));
	assert_false(ax_gpa_range_contains_range(outer, range(0xfff, 0)));
	assert_false(ax_gpa_range_contains_range(outer, range(0x2001, 0)));
}

static void range_that_runs_past_the_top_is_inside_nothing(void **state)
{
	(void)state;
	assert_true(ax_gpa_range_contains_range(range(TOP - 9, TOP), range(TOP - 4, 5)));
	assert_false(ax_gpa_range_contains_range(range(TOP - 9, TOP), range(TOP - 4, 6)));
	assert_false(ax_gpa_range_contains_range(range(TOP - 9, TOP), range(TOP - 9, TOP)));
}

static void ranges_overlap_when_they_share_a_byte(void **state)
{
	const struct ax_gpa_range middle = range(0x1000, 0x1000);

	(void)state;
	assert_true(ax_gpa_range_overlaps(middle, middle));
	assert_true(ax_gpa_range_overlaps(middle, range(0x1fff, 1)));
	assert_true(ax_gpa_range_overlaps(range(0xfff, 2), middle));
	assert_true(ax_gpa_range_overlaps(range(0, TOP), middle));
	assert_true(ax_gpa_range_overlaps(middle, range(0, TOP)));
	assert_false(ax_gpa_range_overlaps(middle, range(0x2000, 1)));
	assert_false(ax_gpa_range_overlaps(range(0xfff, 1), middle));
	assert_true(ax_gpa_range_overlaps(range(TOP, 1), range(TOP - 9, 10)));
}

static void empty_range_overlaps_nothing(void **state)
{
	(void)state;
	assert_false(ax_gpa_range_overlaps(range(0x1800, 0), range(0x1000, 0x1000)));
	assert_false(ax_gpa_range_overlaps(range(0x1000, 0x1000), range(0x1800, 0)));
	assert_false(ax_gpa_range_overlaps(range(0x1000, 0), range(0x1000, 0)));
}

#define ADDRESS_TEST_NAMES(NAME)                                                \
	cmocka_unit_test(NAME##_add_refuses_to_wrap),                           \
		cmocka_unit_test(NAME##_sub_refuses_to_go_below_zero),          \
		cmocka_unit_test(NAME##_diff_is_never_negative),                \
		cmocka_unit_test(NAME##_aligns_down_and_tells_the_rest),        \
		cmocka_unit_test(NAME##_aligns_up_as_far_as_there_are_numbers), \
		cmocka_unit_test(NAME##_alignment_zero_is_no_alignment),        \
		cmocka_unit_test(NAME##_compare_orders_as_numbers)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ADDRESS_TEST_NAMES(gpa),
		ADDRESS_TEST_NAMES(hpa),
		ADDRESS_TEST_NAMES(gva),
		cmocka_unit_test(no_address_is_all_ones_and_zero_is_one),
		cmocka_unit_test(range_contains_its_first_byte_and_not_its_end),
		cmocka_unit_test(range_past_the_top_ends_there),
		cmocka_unit_test(range_contains_what_lies_inside_up_to_both_ends),
		cmocka_unit_test(empty_range_is_inside_from_the_start_to_the_end),
		cmocka_unit_test(range_that_runs_past_the_top_is_inside_nothing),
		cmocka_unit_test(ranges_overlap_when_they_share_a_byte),
		cmocka_unit_test(empty_range_overlaps_nothing),
	};

	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
