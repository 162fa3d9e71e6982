/* SPDX-License-Identifier: Apache-2.0 */
/* Frame handles, over a port of 16 frames that begin at physical address 0 and write a log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <axvisor/frame.h>
#include <axvisor/memory.h>

#define FRAMES 16u
#define PAGE   AX_PAGE_SIZE_4K

static _Alignas(4096) uint8_t ram[FRAMES * PAGE];
static char log_text[256];
/* What the port answers next; the log says what it was asked. */
static uint64_t next_frame;

static void log_call(const char *name, uint64_t a, uint64_t b)
{
	size_t used = strlen(log_text);

	snprintf(log_text + used, sizeof(log_text) - used, "%s %llx %llx;", name,
		 (unsigned long long)a, (unsigned long long)b);
}

ax_hpa_t ax_memory_alloc_frame(void)
{
	log_call("alloc", 0, 0);
	return ax_hpa(next_frame);
}

ax_hpa_t ax_memory_alloc_contiguous_frames(size_t count, size_t align)
{
	log_call("alloc_block", count, align);
	return ax_hpa(next_frame);
}

void ax_memory_dealloc_frame(ax_hpa_t frame)
{
	log_call("free", frame.raw, 0);
}

void ax_memory_dealloc_contiguous_frames(ax_hpa_t first, size_t count)
{
	log_call("free_block", first.raw, count);
}

void *ax_memory_phys_to_virt(ax_hpa_t pa)
{
	return ram + pa.raw;
}

static int setup(void **state)
{
	(void)state;
	memset(ram, 0xa5, sizeof(ram));
	log_text[0] = '\0';
	next_frame = 0;
	return 0;
}

static bool ram_is(size_t from, size_t to, uint8_t byte)
{
	for (size_t i = from; i < to; i++) {
		if (ram[i] != byte)
			return false;
	}
	return true;
}

static void frame_empty_owns_nothing(void **state)
{
	struct ax_frame empty = AX_FRAME_EMPTY;
	struct ax_frame zeroed;
	struct ax_frame *both[] = {&empty, &zeroed};

	(void)state;
	memset(&zeroed, 0, sizeof(zeroed));
	for (size_t i = 0; i < 2; i++) {
		struct ax_frame *f = both[i];

		assert_true(ax_hpa_is_none(ax_frame_start(f)));
		assert_null(ax_frame_ptr(f));
		assert_int_equal(ax_frame_size(f), 0);
		ax_frame_fill(f, 1);
		assert_true(ax_hpa_is_none(ax_frame_release(f)));
		ax_frame_free(f);
		ax_frame_free(f);
	}
	assert_string_equal(log_text, "");
	assert_true(ram_is(0, sizeof(ram), 0xa5));
	assert_int_equal(ax_frame_sizeof(), sizeof(struct ax_frame));
}

static void frame_at_physical_address_0_is_a_frame(void **state)
{
	struct ax_frame f = AX_FRAME_EMPTY;

	(void)state;
	assert_int_equal(ax_frame_alloc(&f), AX_OK);
	assert_int_equal(ax_frame_start(&f).raw, 0);
	assert_ptr_equal(ax_frame_ptr(&f), ram);
	assert_int_equal(ax_frame_size(&f), PAGE);
	ax_frame_free(&f);
	assert_true(ax_hpa_is_none(ax_frame_start(&f)));
	ax_frame_free(&f);
	assert_string_equal(log_text, "alloc 0 0;free 0 0;");
}

static void frame_alloc_zero_clears_all_of_its_frame_and_no_more(void **state)
{
	struct ax_frame f = AX_FRAME_EMPTY;

	(void)state;
	next_frame = 3 * PAGE;
	assert_int_equal(ax_frame_alloc_zero(&f), AX_OK);
	assert_true(ram_is(0, 3 * PAGE, 0xa5));
	assert_true(ram_is(3 * PAGE, 4 * PAGE, 0));
	assert_true(ram_is(4 * PAGE, sizeof(ram), 0xa5));
	ax_frame_free(&f);
}

static void frame_contiguous_goes_back_whole_even_when_it_is_one(void **state)
{
	struct ax_frame f = AX_FRAME_EMPTY;

	(void)state;
	next_frame = 8 * PAGE;
	assert_int_equal(ax_frame_alloc_contiguous(&f, 3, 8 * PAGE), AX_OK);
	assert_int_equal(ax_frame_size(&f), 3 * PAGE);
	ax_frame_fill(&f, 7);
	assert_true(ram_is(0, 8 * PAGE, 0xa5));
	assert_true(ram_is(8 * PAGE, 11 * PAGE, 7));
	assert_true(ram_is(11 * PAGE, sizeof(ram), 0xa5));
	ax_frame_free(&f);
	assert_int_equal(ax_frame_alloc_contiguous(&f, 1, PAGE), AX_OK);
	ax_frame_free(&f);
	assert_string_equal(log_text, "alloc_block 3 8000;free_block 8000 3;"
				      "alloc_block 1 1000;free_block 8000 1;");
}

static void frame_release_gives_up_ownership(void **state)
{
	struct ax_frame f = AX_FRAME_EMPTY;

	(void)state;
	next_frame = PAGE;
	assert_int_equal(ax_frame_alloc(&f), AX_OK);
	assert_int_equal(ax_frame_release(&f).raw, PAGE);
	assert_int_equal(ax_frame_size(&f), 0);
	ax_frame_free(&f);
	assert_string_equal(log_text, "alloc 0 0;");
}

static void frame_scoped_is_freed_when_its_scope_ends(void **state)
{
	(void)state;
	{
		AX_FRAME_SCOPED struct ax_frame f = AX_FRAME_EMPTY;
		AX_FRAME_SCOPED struct ax_frame never = AX_FRAME_EMPTY;
		AX_FRAME_SCOPED struct ax_frame released = AX_FRAME_EMPTY;

		assert_int_equal(ax_frame_alloc(&f), AX_OK);
		assert_int_equal(ax_frame_size(&never), 0);
		next_frame = PAGE;
		assert_int_equal(ax_frame_alloc(&released), AX_OK);
		ax_frame_release(&released);
	}
	assert_string_equal(log_text, "alloc 0 0;alloc 0 0;free 0 0;");
}

static void frame_alloc_into_an_owner_changes_nothing(void **state)
{
	struct ax_frame f = AX_FRAME_EMPTY;

	(void)state;
	assert_int_equal(ax_frame_alloc(&f), AX_OK);
	next_frame = PAGE;
	assert_int_equal(ax_frame_alloc(&f), AX_ESTATE);
	ax_frame_fill(&f, 9);
	assert_int_equal(ax_frame_alloc_zero(&f), AX_ESTATE);
	assert_true(ram_is(0, PAGE, 9));
	assert_int_equal(ax_frame_alloc_contiguous(&f, 1, PAGE), AX_ESTATE);
	assert_int_equal(ax_frame_start(&f).raw, 0);
	ax_frame_free(&f);
	assert_string_equal(log_text, "alloc 0 0;free 0 0;");
}

static void frame_bad_arguments_do_not_reach_the_port(void **state)
{
	struct ax_frame f = AX_FRAME_EMPTY;
	static const size_t bad_align[] = {0, 1, 12, 16, 21, 2048, 4097, 3 * 4096, SIZE_MAX};

	(void)state;
	assert_int_equal(ax_frame_alloc(NULL), AX_EINVAL);
	assert_int_equal(ax_frame_alloc_zero(NULL), AX_EINVAL);
	assert_int_equal(ax_frame_alloc_contiguous(NULL, 1, PAGE), AX_EINVAL);
	assert_int_equal(ax_frame_alloc_contiguous(&f, 0, PAGE), AX_EINVAL);
	for (size_t i = 0; i < sizeof(bad_align) / sizeof(bad_align[0]); i++)
		assert_int_equal(ax_frame_alloc_contiguous(&f, 1, bad_align[i]), AX_EINVAL);
	assert_int_equal(ax_frame_alloc_contiguous(&f, SIZE_MAX / PAGE + 1, PAGE), AX_ERANGE);
	assert_int_equal(ax_frame_alloc_contiguous(&f, SIZE_MAX, PAGE), AX_ERANGE);
	assert_int_equal(ax_frame_size(&f), 0);
	assert_string_equal(log_text, "");
}

static void frame_out_of_memory_leaves_the_handle_empty(void **state)
{
	struct ax_frame f = AX_FRAME_EMPTY;

	(void)state;
	next_frame = UINT64_MAX;
	assert_int_equal(ax_frame_alloc(&f), AX_ENOMEM);
	assert_int_equal(ax_frame_alloc_zero(&f), AX_ENOMEM);
	assert_int_equal(ax_frame_alloc_contiguous(&f, 4, PAGE), AX_ENOMEM);
	assert_int_equal(ax_frame_size(&f), 0);
	ax_frame_free(&f);
	assert_string_equal(log_text, "alloc 0 0;alloc 0 0;alloc_block 4 1000;");
}

static void frame_that_the_port_misaligned_goes_back(void **state)
{
	struct ax_frame f = AX_FRAME_EMPTY;

	(void)state;
	next_frame = PAGE + 8;
	assert_int_equal(ax_frame_alloc_zero(&f), AX_ESTATE);
	next_frame = PAGE;
	assert_int_equal(ax_frame_alloc_contiguous(&f, 2, 4 * PAGE), AX_ESTATE);
	/* Runs past the last physical address. */
	next_frame = UINT64_MAX - PAGE + 1;
	assert_int_equal(ax_frame_alloc_contiguous(&f, 2, PAGE), AX_ESTATE);
	assert_int_equal(ax_frame_size(&f), 0);
	assert_true(ram_is(0, sizeof(ram), 0xa5));
	assert_string_equal(log_text, "alloc 0 0;free 1008 0;"
				      "alloc_block 2 4000;free_block 1000 2;"
				      "alloc_block 2 1000;free_block fffffffffffff000 2;");
}

static void frame_may_end_at_the_last_physical_address(void **state)
{
	struct ax_frame f = AX_FRAME_EMPTY;

	(void)state;
	next_frame = UINT64_MAX - PAGE + 1;
	assert_int_equal(ax_frame_alloc(&f), AX_OK);
	assert_int_equal(ax_frame_release(&f).raw, next_frame);
	next_frame = UINT64_MAX - 4 * PAGE + 1;
	assert_int_equal(ax_frame_alloc_contiguous(&f, 4, PAGE), AX_OK);
	assert_int_equal(ax_frame_release(&f).raw, next_frame);
}

static void frame_of_as_many_bytes_as_can_be_counted_is_asked_for(void **state)
{
	struct ax_frame f = AX_FRAME_EMPTY;

	(void)state;
	next_frame = UINT64_MAX;
	assert_int_equal(ax_frame_alloc_contiguous(&f, SIZE_MAX / PAGE, PAGE), AX_ENOMEM);
	assert_string_equal(log_text, "alloc_block fffffffffffff 1000;");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(frame_empty_owns_nothing, setup),
		cmocka_unit_test_setup(frame_at_physical_address_0_is_a_frame, setup),
		cmocka_unit_test_setup(frame_alloc_zero_clears_all_of_its_frame_and_no_more, setup),
		cmocka_unit_test_setup(frame_contiguous_goes_back_whole_even_when_it_is_one, setup),
		cmocka_unit_test_setup(frame_release_gives_up_ownership, setup),
		cmocka_unit_test_setup(frame_scoped_is_freed_when_its_scope_ends, setup),
		cmocka_unit_test_setup(frame_alloc_into_an_owner_changes_nothing, setup),
		cmocka_unit_test_setup(frame_bad_arguments_do_not_reach_the_port, setup),
		cmocka_unit_test_setup(frame_out_of_memory_leaves_the_handle_empty, setup),
		cmocka_unit_test_setup(frame_that_the_port_misaligned_goes_back, setup),
		cmocka_unit_test_setup(frame_may_end_at_the_last_physical_address, setup),
		cmocka_unit_test_setup(frame_of_as_many_bytes_as_can_be_counted_is_asked_for,
				       setup),
	};

	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
