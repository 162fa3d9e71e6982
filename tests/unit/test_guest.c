/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest memory as the host reads and writes it. Buffers come from the heap at their exact size, so
 * that the sanitizer sees a byte too many; the port ends the test when memory that is no RAM is
 * touched.
 */
#include <string.h>

#include <axvisor/guest.h>
#include <axvisor/memory.h>

#include "check.h"
#include "mock_port.h"
#include "story.h"

#define VM_RAM 0x40000000ull
#define HOST   MOCK_RAM_BASE
/* RAM for linear memory: at HOST, but for the one story that wants all memory at one distance. */
static uint64_t host_ram = HOST;
#define HOST_RAM_SIZE (3 * M2)
/* Host addresses that are no RAM: whoever touches them is caught. */
#define DEVICE_HPA 0x3f000000ull

static ax_error_t read_at(struct test_space *s, uint64_t gpa, void *dst, size_t size)
{
	return ax_guest_read(&s->as, ax_gpa(gpa), dst, size);
}

static ax_error_t write_at(struct test_space *s, uint64_t gpa, const void *src, size_t size)
{
	return ax_guest_write(&s->as, ax_gpa(gpa), src, size);
}

static unsigned char *buffer(size_t size, unsigned char byte)
{
	unsigned char *bytes = story_realloc(NULL, size);

	memset(bytes, byte, size);
	return bytes;
}

static void map_linear(struct test_space *s, uint64_t gpa, uint64_t hpa, uint64_t size,
		       ax_flags_t flags)
{
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(gpa), ax_hpa(hpa), size, flags));
}

static void map_alloc(struct test_space *s, uint64_t gpa, uint64_t size, ax_flags_t flags,
		      bool populate)
{
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(gpa), size, flags, populate));
}

/*
 * Everything a range can lie over: scattered frames, a block, linear memory of other flags, lazy
 * memory. 0x40000000 to 0x40000000 + MIX_SIZE, readable and writable throughout.
 */
#define MIX_SIZE (4 * K4 + M2 + 3 * K4)

static void map_mix(struct test_space *s)
{
	uint64_t gpa = VM_RAM - 4 * K4;

	mock_set_no_contiguous(true);
	map_alloc(s, gpa, K4, RAM, true);
	map_linear(s, gpa + K4, host_ram + 7 * K4, K4, RW);
	map_alloc(s, gpa + 2 * K4, 2 * K4, RW, true);
	mock_set_no_contiguous(false);
	map_alloc(s, gpa + 4 * K4, M2, RAM, true);
	map_linear(s, gpa + 4 * K4 + M2, host_ram, K4, RAM);
	map_alloc(s, gpa + 5 * K4 + M2, 2 * K4, RW, false);
}

#define MIX (VM_RAM - 4 * K4)

static unsigned char pattern(uint64_t gpa)
{
	return (unsigned char)((gpa * 2654435761u) >> 13);
}

/* A write of size bytes at gpa is in the guest's memory, byte for byte, and a read returns it. */
static void copy_there_and_back(struct test_space *s, uint64_t gpa, size_t size)
{
	unsigned char *out = buffer(size, 0);
	unsigned char *back = buffer(size, 0xff);

	for (size_t i = 0; i < size; i++)
		out[i] = pattern(gpa + i);
	CHECK_OK(write_at(s, gpa, out, size));
	CHECK_OK(read_at(s, gpa, back, size));
	CHECK(memcmp(out, back, size) == 0);
	for (size_t i = 0; i<size; i += size> 64 ? 61 : 1)
		CHECK_EQUAL(*reference_ptr(s, gpa + i), pattern(gpa + i));
	story_free(out);
	story_free(back);
}

/* Pages of both sizes in one region, each behind the next one in host memory: where one ends, its chunk does. */
static void copies_follow_pages_that_are_the_wrong_way_round(struct test_space *s)
{
	unsigned char byte = 1;

	map_alloc(s, VM_RAM, 4 * K4, RAM, false);
	for (uint64_t page = 4; page-- > 0;)
		CHECK_OK(write_at(s, VM_RAM + page * K4, &byte, 1));
	copy_there_and_back(s, VM_RAM + 0x123, 3 * K4);
	copy_there_and_back(s, VM_RAM + 2 * K4 - 1, K4 + 2);
	map_alloc(s, VM_RAM + 3 * M2, M2, RW, true);
	map_alloc(s, VM_RAM + 2 * M2, M2, RW, true);
	copy_there_and_back(s, VM_RAM + 3 * M2 - 0x4567, 0x8000);
}

/* Single pages beyond the end of their table, and more of them than one section copies. */
static void copies_cross_tables_of_pages(struct test_space *s)
{
	const uint64_t size = M2 / 2 - 3 * K4;

	map_alloc(s, VM_RAM, 2 * M2, RAM, false);
	copy_there_and_back(s, VM_RAM + M2 - size - 5, 2 * size + 11);
}

static void copies_cross_pages_blocks_and_regions(struct test_space *s)
{
	map_mix(s);
	copy_there_and_back(s, MIX, 1);
	copy_there_and_back(s, MIX + K4 - 1, 2);
	copy_there_and_back(s, MIX + 0x123, 4 * K4);
	copy_there_and_back(s, VM_RAM - 3, 7);
	copy_there_and_back(s, VM_RAM + M2 - 5, K4 + 10);
	copy_there_and_back(s, MIX + MIX_SIZE - 1, 1);
}

static void a_copy_of_everything_is_exact(struct test_space *s)
{
	map_mix(s);
	copy_there_and_back(s, MIX, MIX_SIZE);
}

static void a_write_touches_nothing_beside_its_range(struct test_space *s)
{
	const unsigned char bytes[5] = {1, 2, 3, 4, 5};

	map_mix(s);
	fill_bytes(s, MIX, 4 * K4, 0x11);
	CHECK_OK(write_at(s, MIX + K4 - 2, bytes, sizeof(bytes)));
	check_bytes(s, MIX, K4 - 2, 0x11);
	CHECK_EQUAL(*reference_ptr(s, MIX + K4 - 2), 1);
	CHECK_EQUAL(*reference_ptr(s, MIX + K4 + 2), 5);
	check_bytes(s, MIX + K4 + 3, 3 * K4 - 3, 0x11);
}

static void size_zero_is_fine_at_any_address(struct test_space *s)
{
	static const uint64_t addresses[] = {0, 1, VM_RAM, 1ull << 62, UINT64_MAX};
	struct ax_guest_segment segment;
	size_t count = 9;

	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		CHECK_OK(read_at(s, addresses[i], NULL, 0));
		CHECK_OK(write_at(s, addresses[i], NULL, 0));
		CHECK_OK(ax_guest_segments(&s->as, ax_gpa(addresses[i]), 0, AX_WRITE, &segment, 1,
					   &count));
		CHECK_EQUAL(count, 0);
	}
	check_empty(s);
}

/* Refusals: the error, and nothing copied, in either direction */

static void check_refused(struct test_space *s, uint64_t gpa, size_t size, ax_error_t want_read,
			  ax_error_t want_write)
{
	unsigned char *bytes = buffer(size > 4 * M2 ? 1 : size, 0xab);

	if (want_read != AX_OK) {
		CHECK_REFUSED(s, read_at(s, gpa, bytes, size), want_read);
		for (size_t i = 0; size <= 4 * M2 && i < size; i++)
			CHECK_EQUAL(bytes[i], 0xab);
	}
	if (want_write != AX_OK)
		CHECK_REFUSED(s, write_at(s, gpa, bytes, size), want_write);
	story_free(bytes);
}

static void what_is_not_mapped_is_an_error_and_nothing_is_copied(struct test_space *s)
{
	map_alloc(s, VM_RAM, 2 * K4, RAM, true);
	map_alloc(s, VM_RAM + 3 * K4, K4, RAM, true);
	check_refused(s, 0, 1, AX_ENOENT, AX_ENOENT);
	check_refused(s, VM_RAM - 1, 2, AX_ENOENT, AX_ENOENT);
	check_refused(s, VM_RAM + 2 * K4 - 1, 2, AX_ENOENT, AX_ENOENT);
	check_refused(s, VM_RAM, 4 * K4, AX_ENOENT, AX_ENOENT);
	check_refused(s, VM_RAM + 2 * K4, K4, AX_ENOENT, AX_ENOENT);
	check_bytes(s, VM_RAM, 2 * K4, 0);
	check_bytes(s, VM_RAM + 3 * K4, K4, 0);
}

static void what_may_not_be_written_is_read_only(struct test_space *s)
{
	unsigned char byte = 1;

	map_alloc(s, VM_RAM, 2 * K4, RAM, true);
	map_alloc(s, VM_RAM + 2 * K4, K4, AX_READ, true);
	check_refused(s, VM_RAM + 2 * K4, 1, AX_OK, AX_EACCES);
	check_refused(s, VM_RAM + K4, 2 * K4, AX_OK, AX_EACCES);
	CHECK_OK(read_at(s, VM_RAM + 3 * K4 - 1, &byte, 1));
	CHECK_EQUAL(byte, 0);
}

static void what_may_not_be_read_cannot_be_read(struct test_space *s)
{
	if (format_expressible(s->format, AX_EXECUTE) == AX_OK) {
		map_alloc(s, VM_RAM, K4, AX_EXECUTE, true);
		check_refused(s, VM_RAM + 9, 3, AX_EACCES, AX_EACCES);
	}
	if (format_expressible(s->format, AX_WRITE) == AX_OK) {
		unsigned char *image = buffer(3 * K4, 0x21);

		map_alloc(s, VM_RAM + M2, 3 * K4, AX_WRITE, true);
		check_refused(s, VM_RAM + M2, 8, AX_EACCES, AX_OK);
		/* Within a page, and over several. */
		CHECK_OK(write_at(s, VM_RAM + M2, image, 1));
		CHECK_OK(write_at(s, VM_RAM + M2, image, 3 * K4));
		check_bytes(s, VM_RAM + M2, 3 * K4, 0x21);
		story_free(image);
	}
}

static void device_memory_is_never_touched(struct test_space *s)
{
	struct ax_guest_segment segment;
	size_t count = 9;
	uint32_t word = 0;

	map_linear(s, VM_RAM, HOST, K4, RAM);
	map_linear(s, VM_RAM + K4, DEVICE_HPA, 2 * K4, AX_DEVICE | RW);
	check_refused(s, VM_RAM + K4, 4, AX_EACCES, AX_EACCES);
	check_refused(s, VM_RAM, 2 * K4, AX_EACCES, AX_EACCES);
	check_refused(s, VM_RAM + 3 * K4 - 1, 1, AX_EACCES, AX_EACCES);
	CHECK_ERROR(ax_guest_read_volatile(&s->as, ax_gpa(VM_RAM + K4), &word, 4), AX_EACCES);
	CHECK_ERROR(ax_guest_write_volatile(&s->as, ax_gpa(VM_RAM + K4), &word, 4), AX_EACCES);
	CHECK_ERROR(ax_guest_segments(&s->as, ax_gpa(VM_RAM + K4), 4, AX_READ, &segment, 1, &count),
		    AX_EACCES);
	CHECK_ERROR(ax_guest_segments(&s->as, ax_gpa(VM_RAM + K4), 4, 0, &segment, 1, &count),
		    AX_EACCES);
	CHECK_EQUAL(count, 9);
}

static void uncached_memory_is_memory(struct test_space *s)
{
	if (format_expressible(s->format, RW | AX_UNCACHED) != AX_OK)
		return;
	map_linear(s, VM_RAM, HOST, 2 * K4, RW | AX_UNCACHED);
	copy_there_and_back(s, VM_RAM + 100, K4);
}

static void kernel_only_code_can_be_read_by_the_host(struct test_space *s)
{
	/* Where user mode is restricted the host is no user. */
	map_alloc(s, VM_RAM, K4, RWX, true);
	copy_there_and_back(s, VM_RAM, K4);
}

static void addresses_and_sizes_that_a_guest_makes_up_reach_nothing(struct test_space *s)
{
	uint64_t end = s->size;

	map_alloc(s, end - K4, K4, RAM, true);
	map_alloc(s, 0, K4, RAM, true);
	check_refused(s, end - 1, 2, AX_ERANGE, AX_ERANGE);
	check_refused(s, end, 1, AX_ERANGE, AX_ERANGE);
	check_refused(s, UINT64_MAX, 1, AX_ERANGE, AX_ERANGE);
	check_refused(s, UINT64_MAX, 2, AX_ERANGE, AX_ERANGE);
	check_refused(s, UINT64_MAX - 7, 16, AX_ERANGE, AX_ERANGE);
	check_refused(s, 1ull << 63, 8, AX_ERANGE, AX_ERANGE);
	check_refused(s, 0, SIZE_MAX, AX_ERANGE, AX_ERANGE);
	check_refused(s, 1, SIZE_MAX, AX_ERANGE, AX_ERANGE);
	check_refused(s, end - K4, SIZE_MAX, AX_ERANGE, AX_ERANGE);
	check_refused(s, K4, SIZE_MAX - K4 + 1, AX_ERANGE, AX_ERANGE);
	/* No alias of page 0. */
	check_refused(s, end + 4, 4, AX_ERANGE, AX_ERANGE);
	copy_there_and_back(s, end - 9, 9);
}

static void below_the_base_is_outside_of_the_space(struct test_space *s)
{
	struct ax_addrspace_config config = format_config(s->format);

	config.base = ax_gpa(VM_RAM);
	config.size = M2;
	space_remake(s, &config);
	map_alloc(s, VM_RAM, M2, RAM, true);
	check_refused(s, VM_RAM - 1, 2, AX_ERANGE, AX_ERANGE);
	check_refused(s, 0, 1, AX_ERANGE, AX_ERANGE);
	check_refused(s, VM_RAM + M2 - 1, 2, AX_ERANGE, AX_ERANGE);
	copy_there_and_back(s, VM_RAM + M2 - 1, 1);
}

static void null_pointers_are_refused(struct test_space *s)
{
	struct ax_guest_segment segment;
	ax_gpa_t gpa = ax_gpa(VM_RAM);
	size_t count = 9;

	map_alloc(s, VM_RAM, K4, RAM, true);
	CHECK_ERROR(ax_guest_read(&s->as, gpa, NULL, 1), AX_EINVAL);
	CHECK_ERROR(ax_guest_write(&s->as, gpa, NULL, 1), AX_EINVAL);
	CHECK_ERROR(ax_guest_read_volatile(&s->as, gpa, NULL, 4), AX_EINVAL);
	CHECK_ERROR(ax_guest_write_volatile(&s->as, gpa, NULL, 4), AX_EINVAL);
	CHECK_ERROR(ax_guest_segments(&s->as, gpa, 1, AX_READ, NULL, 1, &count), AX_EINVAL);
	CHECK_ERROR(ax_guest_segments(&s->as, gpa, 1, AX_READ, &segment, 1, NULL), AX_EINVAL);
	CHECK_EQUAL(count, 9);
}

static void a_space_that_does_not_live_has_no_memory(void)
{
	struct ax_guest_segment segment;
	struct ax_addrspace as;
	size_t count;
	uint32_t word = 0;

	memset(&as, 0, sizeof(as));
	CHECK_ERROR(ax_guest_read(&as, ax_gpa(0), &word, 4), AX_ESTATE);
	CHECK_ERROR(ax_guest_write(&as, ax_gpa(0), &word, 4), AX_ESTATE);
	CHECK_ERROR(ax_guest_read_volatile(&as, ax_gpa(0), &word, 4), AX_ESTATE);
	CHECK_ERROR(ax_guest_write_volatile(&as, ax_gpa(0), &word, 4), AX_ESTATE);
	CHECK_ERROR(ax_guest_segments(&as, ax_gpa(0), 4, AX_READ, &segment, 1, &count), AX_ESTATE);
}

/* Lazy memory */

static void lazy_pages_are_backed_as_by_the_guest_itself(struct test_space *s)
{
	map_alloc(s, VM_RAM, 8 * K4, RAM, false);
	copy_there_and_back(s, VM_RAM + K4 + 0x800, 3 * K4);
	check_bytes(s, VM_RAM + K4, 0x800, 0);
	CHECK_SPACE(s, PARTLY(VM_RAM, K4, RAM), OWNED(VM_RAM + K4, 4 * K4, RAM),
		    PARTLY(VM_RAM + 5 * K4, 3 * K4, RAM));
}

static void lazy_pages_read_as_zeroes(struct test_space *s)
{
	unsigned char *bytes = buffer(3 * K4, 0xff);

	map_alloc(s, VM_RAM, 4 * K4, AX_READ, false);
	CHECK_OK(read_at(s, VM_RAM + 7, bytes, 3 * K4));
	for (size_t i = 0; i < 3 * K4; i++)
		CHECK_EQUAL(bytes[i], 0);
	story_free(bytes);
}

static void out_of_memory_is_an_error_and_works_later(struct test_space *s)
{
	unsigned char *bytes = buffer(4 * K4, 0x66);
	ax_error_t error = AX_ENOMEM;
	unsigned long allowed = 0;

	map_alloc(s, VM_RAM, K4, RAM, true);
	map_alloc(s, VM_RAM + K4, 3 * K4, RAM, false);
	for (; error == AX_ENOMEM; allowed++) {
		mock_fail_after(allowed);
		error = write_at(s, VM_RAM, bytes, 4 * K4);
		mock_fail_never();
		if (error == AX_ENOMEM) {
			/* Lazy pages may stay backed; nothing was copied. */
			check_bytes(s, VM_RAM, K4, 0);
			CHECK_SPACE(s, OWNED(VM_RAM, K4, RAM), PARTLY(VM_RAM + K4, 3 * K4, RAM));
		}
	}
	CHECK_OK(error);
	CHECK(allowed > 1);
	check_bytes(s, VM_RAM, 4 * K4, 0x66);
	story_free(bytes);
}

/* An error further on is found before the first byte is copied. */
static void lazy_pages_before_a_hole_are_not_written(struct test_space *s)
{
	unsigned char *bytes = buffer(3 * K4, 0x66);

	map_alloc(s, VM_RAM, K4, RAM, true);
	map_alloc(s, VM_RAM + K4, K4, RAM, false);
	CHECK_ERROR(write_at(s, VM_RAM, bytes, 3 * K4), AX_ENOENT);
	check_bytes(s, VM_RAM, K4, 0);
	CHECK_SPACE(s, OWNED(VM_RAM, K4, RAM), PARTLY(VM_RAM + K4, K4, RAM));
	story_free(bytes);
}

/* The same three ways over a range of 6 pages, of which a part is refused: no page of the range gets memory. */
static void check_backs_nothing(struct test_space *s, uint64_t gpa, ax_error_t want)
{
	unsigned char *bytes = buffer(6 * K4, 0x66);
	struct ax_guest_segment out[6];
	size_t count = 99;

	CHECK_REFUSED(s, write_at(s, gpa, bytes, 6 * K4), want);
	CHECK_REFUSED(s, ax_guest_segments(&s->as, ax_gpa(gpa), 6 * K4, AX_WRITE, out, 6, &count),
		      want);
	CHECK_EQUAL(count, 99);
	if (want == AX_ENOENT)
		CHECK_REFUSED(s, read_at(s, gpa, bytes, 6 * K4), want);
	story_free(bytes);
}

/* A guest that names a long range which ends in a hole gets no memory for it, of whatever regions it consists. */
static void what_a_region_refuses_costs_no_page_before_it(struct test_space *s)
{
	uint64_t gpa = VM_RAM;

	/* In the first region, in the second, behind the second; one byte of it. */
	map_alloc(s, gpa, 2 * K4, RAM, false);
	check_backs_nothing(s, gpa, AX_ENOENT);
	map_alloc(s, gpa + 2 * K4, 3 * K4, RW, false);
	check_backs_nothing(s, gpa, AX_ENOENT);
	check_backs_nothing(s, gpa - 4 * K4, AX_ENOENT);
	/* The last byte alone. */
	check_refused(s, gpa, 5 * K4 + 1, AX_ENOENT, AX_ENOENT);
	check_backs_nothing(s, gpa - K4 + 1, AX_ENOENT);
	map_alloc(s, gpa + 5 * K4, K4, AX_READ, false);
	check_backs_nothing(s, gpa, AX_EACCES);
	check_backs_nothing(s, gpa - K4 + 1, AX_ENOENT);
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(gpa + 5 * K4), K4));
	map_linear(s, gpa + 5 * K4, DEVICE_HPA, K4, AX_DEVICE | RW);
	check_backs_nothing(s, gpa, AX_EACCES);
	check_backs_nothing(s, gpa - 1, AX_ENOENT);
	/* In the middle, with what may be accessed behind it. */
	map_alloc(s, gpa + 6 * K4, 2 * K4, RAM, false);
	check_backs_nothing(s, gpa + 2 * K4, AX_EACCES);
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(gpa + 5 * K4), K4));
	check_backs_nothing(s, gpa + 2 * K4, AX_ENOENT);
	map_alloc(s, gpa + 5 * K4, K4, RAM, false);
	CHECK_SPACE(s, PARTLY(gpa, 2 * K4, RAM), PARTLY(gpa + 2 * K4, 3 * K4, RW),
		    PARTLY(gpa + 5 * K4, 3 * K4, RAM));
}

/* Volatile accesses */

static void volatile_accesses_of_all_widths(struct test_space *s)
{
	static const size_t widths[] = {1, 2, 4, 8};

	map_mix(s);
	for (size_t i = 0; i < 4; i++) {
		size_t width = widths[i];
		/* Unaligned on the host's side. */
		unsigned char *out = buffer(width + 1, 0);
		unsigned char *back = buffer(width + 1 + 8, 0xee);
		uint64_t gpa = VM_RAM + 2 * K4 - width;

		for (size_t b = 0; b < width; b++)
			out[1 + b] = (unsigned char)(0x81 + 16 * b);
		CHECK_OK(ax_guest_write_volatile(&s->as, ax_gpa(gpa), out + 1, width));
		CHECK(memcmp(reference_ptr(s, gpa), out + 1, width) == 0);
		CHECK_OK(ax_guest_read_volatile(&s->as, ax_gpa(gpa), back + 1, width));
		CHECK(memcmp(out + 1, back + 1, width) == 0);
		CHECK_EQUAL(back[0], 0xee);
		for (size_t b = 0; b < 8; b++)
			CHECK_EQUAL(back[1 + width + b], 0xee);
		check_bytes(s, VM_RAM + K4, K4 - width, 0);
		check_bytes(s, VM_RAM + 2 * K4, 8, 0);
		fill_bytes(s, gpa, width, 0);
		story_free(out);
		story_free(back);
	}
}

static void volatile_accesses_must_be_aligned(struct test_space *s)
{
	static const struct {
		uint64_t offset;
		size_t width;
	} wrong[] = {{1, 2}, {1, 4}, {2, 4}, {3, 4}, {1, 8}, {4, 8}, {0xffc, 8}, {0xfff, 2}};
	uint64_t word = 0x1234;

	map_alloc(s, VM_RAM, 2 * K4, RAM, true);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ax_gpa_t gpa = ax_gpa(VM_RAM + wrong[i].offset);

		CHECK_ERROR(ax_guest_read_volatile(&s->as, gpa, &word, wrong[i].width), AX_EALIGN);
		CHECK_ERROR(ax_guest_write_volatile(&s->as, gpa, &word, wrong[i].width), AX_EALIGN);
	}
	CHECK_EQUAL(word, 0x1234);
	check_bytes(s, VM_RAM, 2 * K4, 0);
}

static void volatile_accesses_have_four_widths(struct test_space *s)
{
	static const size_t wrong[] = {0, 3, 5, 6, 7, 9, 16, 4096, SIZE_MAX};
	unsigned char bytes[16] = {1};

	map_alloc(s, VM_RAM, K4, RAM, true);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CHECK_ERROR(ax_guest_read_volatile(&s->as, ax_gpa(VM_RAM), bytes, wrong[i]),
			    AX_EINVAL);
		CHECK_ERROR(ax_guest_write_volatile(&s->as, ax_gpa(VM_RAM), bytes, wrong[i]),
			    AX_EINVAL);
	}
	CHECK_EQUAL(bytes[0], 1);
	check_bytes(s, VM_RAM, K4, 0);
}

static void volatile_accesses_obey_what_copies_obey(struct test_space *s)
{
	uint32_t word = 0x5a5a5a5a;

	map_alloc(s, VM_RAM, K4, AX_READ, true);
	map_alloc(s, VM_RAM + M2, K4, RAM, false);
	CHECK_ERROR(ax_guest_write_volatile(&s->as, ax_gpa(VM_RAM), &word, 4), AX_EACCES);
	CHECK_ERROR(ax_guest_read_volatile(&s->as, ax_gpa(VM_RAM + K4), &word, 4), AX_ENOENT);
	CHECK_ERROR(ax_guest_write_volatile(&s->as, ax_gpa(0), &word, 4), AX_ENOENT);
	CHECK_ERROR(ax_guest_read_volatile(&s->as, ax_gpa(s->size), &word, 4), AX_ERANGE);
	CHECK_ERROR(ax_guest_read_volatile(&s->as, ax_gpa(UINT64_MAX - 3), &word, 4), AX_ERANGE);
	CHECK_EQUAL(word, 0x5a5a5a5a);
	mock_fail_after(0);
	CHECK_ERROR(ax_guest_write_volatile(&s->as, ax_gpa(VM_RAM + M2), &word, 4), AX_ENOMEM);
	mock_fail_never();
	CHECK_OK(ax_guest_write_volatile(&s->as, ax_gpa(VM_RAM + M2), &word, 4));
	CHECK_EQUAL(*reference_ptr(s, VM_RAM + M2 + 3), 0x5a);
	CHECK_OK(ax_guest_read_volatile(&s->as, ax_gpa(VM_RAM), &word, 4));
	CHECK_EQUAL(word, 0);
}

/* Segments */

#define SEGMENTS 32u

static ax_error_t segments(struct test_space *s, uint64_t gpa, size_t size, ax_flags_t access,
			   struct ax_guest_segment *out, size_t capacity, size_t *count)
{
	return ax_guest_segments(&s->as, ax_gpa(gpa), size, access, out, capacity, count);
}

/* They are the bytes of the range, in order, and no two of them could have been one. */
static void check_segments(struct test_space *s, uint64_t gpa, size_t size,
			   const struct ax_guest_segment *out, size_t count)
{
	size_t offset = 0;

	for (size_t i = 0; i < count; i++) {
		const unsigned char *bytes = out[i].ptr;

		CHECK(out[i].size != 0);
		for (size_t b = 0; b < out[i].size; b += K4 - (gpa + offset + b) % K4)
			CHECK(bytes + b == reference_ptr(s, gpa + offset + b));
		CHECK(bytes + out[i].size - 1 == reference_ptr(s, gpa + offset + out[i].size - 1));
		if (i)
			CHECK((unsigned char *)out[i - 1].ptr + out[i - 1].size != bytes);
		offset += out[i].size;
	}
	CHECK_EQUAL(offset, size);
}

static void segments_are_the_host_memory_of_a_range(struct test_space *s)
{
	static const struct {
		uint64_t offset;
		size_t size;
	} ranges[] = {{0, 1},
		      {0xfff, 2},
		      {5, 4 * K4},
		      {4 * K4 - 1, M2 + 2},
		      {0, MIX_SIZE},
		      {4 * K4 + 0x1234, 0x54321},
		      {4 * K4 + M2 - 1, 2 * K4},
		      {MIX_SIZE - 1, 1}};
	struct ax_guest_segment out[SEGMENTS];
	size_t count = 0;

	map_mix(s);
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		uint64_t gpa = MIX + ranges[i].offset;

		CHECK_OK(segments(s, gpa, ranges[i].size, RW, out, SEGMENTS, &count));
		check_segments(s, gpa, ranges[i].size, out, count);
	}
}

static void segments_of_contiguous_memory_are_one(struct test_space *s)
{
	struct ax_guest_segment out[2];
	size_t count = 0;

	map_linear(s, VM_RAM - K4, host_ram + M2 - K4, M2 + 2 * K4, RAM);
	map_linear(s, VM_RAM + M2 + K4, host_ram + 2 * M2 + K4, K4, RW);
	/* Pages of both sizes and two regions, one host range. */
	CHECK_OK(segments(s, VM_RAM - K4 + 1, M2 + 3 * K4 - 2, AX_READ, out, 2, &count));
	CHECK_EQUAL(count, 1);
	CHECK(out[0].ptr == mock_ptr(host_ram + M2 - K4 + 1));
	CHECK_EQUAL(out[0].size, M2 + 3 * K4 - 2);
}

/* A chunk is then all that is contiguous, of a page of any size, and to its end or to the end of what is wanted. */
static void with_a_direct_map_all_is_the_same(struct test_space *s)
{
	ax_hpa_t block;

	space_use_direct_map(s);
	block = ax_memory_alloc_contiguous_frames(HOST_RAM_SIZE / K4, M2);
	CHECK(!ax_hpa_is_none(block));
	s->foreign = HOST_RAM_SIZE / K4;
	host_ram = block.raw;
	copies_follow_pages_that_are_the_wrong_way_round(s);
	CHECK_OK(ax_addrspace_clear(&s->as));
	copies_cross_pages_blocks_and_regions(s);
	CHECK_OK(ax_addrspace_clear(&s->as));
	a_copy_of_everything_is_exact(s);
	CHECK_OK(ax_addrspace_clear(&s->as));
	segments_are_the_host_memory_of_a_range(s);
	CHECK_OK(ax_addrspace_clear(&s->as));
	what_a_region_refuses_costs_no_page_before_it(s);
	CHECK_OK(ax_addrspace_clear(&s->as));
	segments_of_contiguous_memory_are_one(s);
	CHECK_OK(ax_addrspace_clear(&s->as));
	ax_memory_dealloc_contiguous_frames(block, HOST_RAM_SIZE / K4);
	s->foreign = 0;
	host_ram = HOST;
}

static void segments_refuse_access_bits_that_mean_nothing(struct test_space *s)
{
	struct ax_guest_segment out[1];
	size_t count = 99;

	map_linear(s, VM_RAM, HOST, K4, RAM);
	CHECK_ERROR(segments(s, VM_RAM, 1, AX_FLAGS_ALL + 1, out, 1, &count), AX_EINVAL);
	CHECK_ERROR(segments(s, VM_RAM, 0, 1u << 31, out, 1, &count), AX_EINVAL);
	CHECK_EQUAL(count, 99);
}

static void segments_tell_how_many_they_need(struct test_space *s)
{
	struct ax_guest_segment out[SEGMENTS];
	const size_t size = 12 * K4;
	size_t needed = 0;
	size_t count = 99;

	/* Of two pages each: one that there is no room for may go on with its second page. */
	for (uint64_t i = 0; i < 6; i++)
		map_linear(s, VM_RAM + 2 * i * K4, HOST + 3 * i * K4, 2 * K4, RAM);
	CHECK_ERROR(segments(s, VM_RAM, size, AX_READ, NULL, 0, &needed), AX_ENOSPC);
	CHECK_EQUAL(needed, 6);
	for (size_t capacity = 1; capacity < needed; capacity++) {
		/* Exactly so long, so that the sanitizer sees one too many. */
		struct ax_guest_segment *few = (void *)buffer(capacity * sizeof(*few), 0);

		count = 99;
		CHECK_ERROR(segments(s, VM_RAM, size, AX_READ, few, capacity, &count), AX_ENOSPC);
		CHECK_EQUAL(count, needed);
		story_free(few);
	}
	CHECK_OK(segments(s, VM_RAM, size, AX_READ, out, needed, &count));
	CHECK_EQUAL(count, needed);
	check_segments(s, VM_RAM, size, out, count);
	CHECK_OK(segments(s, VM_RAM + 7, 0, AX_READ, NULL, 0, &count));
	CHECK_EQUAL(count, 0);
}

static void segments_obey_every_pages_permission(struct test_space *s)
{
	struct ax_guest_segment out[SEGMENTS];
	size_t count = 99;

	map_alloc(s, VM_RAM, K4, RAM, true);
	map_alloc(s, VM_RAM + K4, K4, AX_READ, true);
	CHECK_ERROR(segments(s, VM_RAM, 2 * K4, AX_WRITE, out, SEGMENTS, &count), AX_EACCES);
	CHECK_ERROR(segments(s, VM_RAM, 2 * K4, AX_EXECUTE, out, SEGMENTS, &count), AX_EACCES);
	CHECK_ERROR(segments(s, VM_RAM, 2 * K4, RW, out, SEGMENTS, &count), AX_EACCES);
	CHECK_ERROR(segments(s, VM_RAM + K4, 2 * K4, AX_READ, out, SEGMENTS, &count), AX_ENOENT);
	CHECK_ERROR(segments(s, s->size - 1, 2, AX_READ, out, SEGMENTS, &count), AX_ERANGE);
	CHECK_ERROR(segments(s, VM_RAM, SIZE_MAX, AX_READ, out, SEGMENTS, &count), AX_ERANGE);
	CHECK_ERROR(segments(s, UINT64_MAX, 2, 0, out, SEGMENTS, &count), AX_ERANGE);
	CHECK_EQUAL(count, 99);
	CHECK_OK(segments(s, VM_RAM, 2 * K4, AX_READ, out, SEGMENTS, &count));
	CHECK_OK(segments(s, VM_RAM, K4, RWX, out, SEGMENTS, &count));
	CHECK_OK(segments(s, VM_RAM, 2 * K4, 0, out, SEGMENTS, &count));
	check_segments(s, VM_RAM, 2 * K4, out, count);
}

static void segments_without_access_want_presence_only(struct test_space *s)
{
	struct ax_guest_segment out[SEGMENTS];
	size_t count = 0;

	if (format_expressible(s->format, AX_EXECUTE) != AX_OK)
		return;
	map_alloc(s, VM_RAM, K4, AX_EXECUTE, false);
	CHECK_ERROR(segments(s, VM_RAM, K4, AX_READ, out, SEGMENTS, &count), AX_EACCES);
	CHECK_OK(segments(s, VM_RAM, K4, 0, out, SEGMENTS, &count));
	check_segments(s, VM_RAM, K4, out, count);
}

static void segments_back_lazy_pages(struct test_space *s)
{
	struct ax_guest_segment out[SEGMENTS];
	size_t count = 0;

	map_alloc(s, VM_RAM, 4 * K4, RAM, false);
	mock_fail_after(0);
	CHECK_ERROR(segments(s, VM_RAM, 4 * K4, AX_WRITE, out, SEGMENTS, &count), AX_ENOMEM);
	mock_fail_never();
	CHECK_OK(segments(s, VM_RAM + 1, 4 * K4 - 2, AX_WRITE, out, SEGMENTS, &count));
	check_segments(s, VM_RAM + 1, 4 * K4 - 2, out, count);
	/* An image is copied in through them. */
	for (size_t i = 0; i < count; i++)
		memset(out[i].ptr, 0x77, out[i].size);
	check_bytes(s, VM_RAM + 1, 4 * K4 - 2, 0x77);
	check_bytes(s, VM_RAM, 1, 0);
	check_bytes(s, VM_RAM + 4 * K4 - 1, 1, 0);
}

static void guest_access_refills_what_protect_and_unmap_left(struct test_space *s)
{
	unsigned char byte = 0x31;

	map_alloc(s, VM_RAM, M2, RAM, true);
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM + 8 * K4), K4, AX_READ));
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM + 16 * K4), K4));
	check_refused(s, VM_RAM + 8 * K4 - 1, 2, AX_OK, AX_EACCES);
	check_refused(s, VM_RAM + 16 * K4 - 1, 2, AX_ENOENT, AX_ENOENT);
	CHECK_OK(write_at(s, VM_RAM + 17 * K4, &byte, 1));
	copy_there_and_back(s, VM_RAM + 9 * K4, 7 * K4);
}

int main(void)
{
	static const struct story stories[] = {
		STORY(copies_follow_pages_that_are_the_wrong_way_round),
		STORY_FEW(copies_cross_tables_of_pages),
		STORY_FEW(copies_cross_pages_blocks_and_regions),
		STORY_FEW(a_copy_of_everything_is_exact),
		STORY_FEW(a_write_touches_nothing_beside_its_range),
		STORY(size_zero_is_fine_at_any_address),
		STORY(what_is_not_mapped_is_an_error_and_nothing_is_copied),
		STORY(what_may_not_be_written_is_read_only),
		STORY(what_may_not_be_read_cannot_be_read),
		STORY(device_memory_is_never_touched),
		STORY(uncached_memory_is_memory),
		STORY(kernel_only_code_can_be_read_by_the_host),
		STORY(addresses_and_sizes_that_a_guest_makes_up_reach_nothing),
		STORY(below_the_base_is_outside_of_the_space),
		STORY(null_pointers_are_refused),
		STORY_PLAIN(a_space_that_does_not_live_has_no_memory),
		STORY(lazy_pages_are_backed_as_by_the_guest_itself),
		STORY(lazy_pages_read_as_zeroes),
		STORY(out_of_memory_is_an_error_and_works_later),
		STORY(lazy_pages_before_a_hole_are_not_written),
		STORY(what_a_region_refuses_costs_no_page_before_it),
		STORY_FEW(volatile_accesses_of_all_widths),
		STORY(volatile_accesses_must_be_aligned),
		STORY(volatile_accesses_have_four_widths),
		STORY(volatile_accesses_obey_what_copies_obey),
		STORY_FEW(segments_are_the_host_memory_of_a_range),
		STORY(segments_of_contiguous_memory_are_one),
		STORY(with_a_direct_map_all_is_the_same),
		STORY(segments_refuse_access_bits_that_mean_nothing),
		STORY(segments_tell_how_many_they_need),
		STORY(segments_obey_every_pages_permission),
		STORY(segments_without_access_want_presence_only),
		STORY(segments_back_lazy_pages),
		STORY(guest_access_refills_what_protect_and_unmap_left),
	};

	return STORIES_RUN("guest memory", stories);
}
