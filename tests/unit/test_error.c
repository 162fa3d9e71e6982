/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of the error codes: what a port prints when a call failed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <axvisor/error.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const ax_error_t codes[] = {
	AX_OK,     AX_EINVAL, AX_EALIGN,  AX_ERANGE,   AX_EEXIST, AX_ENOENT,
	AX_EACCES, AX_ENOMEM, AX_ENOTSUP, AX_EUNBOUND, AX_ENOSPC, AX_ESTATE,
};

static void codes_are_zero_for_success_and_negative_for_failure(void **state)
{
	(void)state;
	assert_int_equal(codes[0], 0);
	for (size_t i = 1; i < COUNT(codes); i++)
		assert_true(codes[i] < 0);
}

static void every_code_has_a_text_of_its_own(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(codes); i++) {
		const char *text = ax_strerror(codes[i]);

		assert_string_not_equal(text, "");
		assert_string_not_equal(text, ax_strerror(1));
		for (size_t other = 0; other < i; other++)
			assert_string_not_equal(text, ax_strerror(codes[other]));
	}
	assert_string_equal(ax_strerror(AX_OK), "success");
	assert_string_equal(ax_strerror(AX_ENOMEM), "out of memory");
}

static void what_is_no_code_has_a_text_too(void **state)
{
	static const ax_error_t others[] = {1, 12, -100, INT32_MAX, INT32_MIN};

	(void)state;
	for (size_t i = 0; i < COUNT(others); i++)
		assert_string_equal(ax_strerror(others[i]), "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_are_zero_for_success_and_negative_for_failure),
		cmocka_unit_test(every_code_has_a_text_of_its_own),
		cmocka_unit_test(what_is_no_code_has_a_text_too),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
