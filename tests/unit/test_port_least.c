/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A port that is no more than the six functions of memory.h, on a CPU whose hardware does not tell
 * others to invalidate; and the same port when it hands out what it must not.
 *
 * What stands for the CPU is ax_npt_capabilities() below: a program that has its own does not get
 * that of the host build, which says that it does broadcast.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <axvisor/addrspace.h>
#include <axvisor/frame.h>
#include <axvisor/memory.h>
#include <axvisor/tlb.h>

#include "npt_format.h"

#define RAM_SIZE (16u << 20)
#define M2       AX_PAGE_SIZE_2M
#define RWX      (AX_READ | AX_WRITE | AX_EXECUTE)

/* ---- the CPU */

static bool broadcasts;
static unsigned gpa_bits;

const struct ax_npt_format *ax_npt_format_find(enum ax_npt_format_id id)
{
	switch (id) {
	case AX_NPT_DEFAULT:
	case AX_NPT_EPT:
		return &ax_npt_format_ept;
	case AX_NPT_GSTAGE:
		return &ax_npt_format_gstage;
	default:
		return NULL;
	}
}

ax_error_t ax_npt_capabilities(enum ax_npt_format_id format, struct ax_npt_capabilities *out)
{
	const struct ax_npt_format *found = ax_npt_format_find(format);

	if (!found)
		return AX_ENOTSUP;
	ax_npt_format_capabilities(found, out);
	out->broadcast = broadcasts;
	out->gpa_bits = gpa_bits;
	return AX_OK;
}

/* ---- the port: an array from which frames are taken once, and a count of those that are out */

static _Alignas(M2) unsigned char ram[RAM_SIZE];
static size_t used;
static size_t out;
static uint64_t skew; /* added to the address of what is handed out next */

static ax_hpa_t take(size_t count, size_t align)
{
	size_t start = (used + align - 1) & ~(align - 1);
	ax_hpa_t hpa = {(uintptr_t)ram + start + skew};

	assert_true(start + count * 4096 <= sizeof(ram));
	used = start + count * 4096;
	out += count;
	return hpa;
}

/* What another CPU does while a frame is taken, once: it faults there. */
static struct ax_addrspace *rival;
static unsigned rival_at;

#define RIVAL_GPA 0x10000ull

ax_hpa_t ax_memory_alloc_frame(void)
{
	if (rival_at != 0 && --rival_at == 0)
		assert_true(ax_addrspace_handle_page_fault(rival, ax_gpa(RIVAL_GPA), AX_READ));
	return take(1, 4096);
}

ax_hpa_t ax_memory_alloc_contiguous_frames(size_t count, size_t align)
{
	return take(count, align);
}

void ax_memory_dealloc_frame(ax_hpa_t frame)
{
	assert_int_equal((frame.raw - skew) % 4096, 0);
	out--;
}

void ax_memory_dealloc_contiguous_frames(ax_hpa_t first, size_t count)
{
	assert_int_equal((first.raw - skew) % 4096, 0);
	out -= count;
}

void *ax_memory_phys_to_virt(ax_hpa_t pa)
{
	return (void *)(uintptr_t)pa.raw;
}

ax_hpa_t ax_memory_virt_to_phys(const void *va)
{
	return ax_hpa((uintptr_t)va);
}

static int begin(void **state)
{
	(void)state;
	used = 0;
	out = 0;
	skew = 0;
	rival_at = 0;
	broadcasts = false;
	gpa_bits = 48;
	memset(ram, 0xa5, sizeof(ram));
	return 0;
}

/* ---- tests */

static void one_cpu_needs_nobody_to_reach(void **state)
{
	struct ax_addrspace_config config = {.cpus = 1};
	struct ax_addrspace as;
	ax_hpa_t hpa;

	(void)state;
	assert_string_equal(ax_tlb_missing(UINT64_MAX), "ax_tlb_invalidate");
	assert_int_equal(ax_addrspace_init(&as, &config), AX_OK);
	assert_int_equal(ax_addrspace_map_alloc(&as, ax_gpa(0), M2, RWX, true), AX_OK);
	assert_int_equal(ax_addrspace_translate(&as, ax_gpa(0x1234), &hpa), AX_OK);
	assert_int_equal(((unsigned char *)(uintptr_t)hpa.raw)[0], 0);
	assert_int_equal(ax_addrspace_unmap(&as, ax_gpa(0), 4096), AX_OK);
	ax_addrspace_destroy(&as);
	assert_int_equal(out, 0);
}

static void several_cpus_without_a_way_to_the_others_are_refused(void **state)
{
	struct ax_addrspace_config config = {.cpus = 2};
	struct ax_addrspace as;

	(void)state;
	assert_int_equal(ax_addrspace_init(&as, &config), AX_EUNBOUND);
	assert_int_equal(out, 0);
	/* What is refused for another reason is refused for that. */
	config.tag = 1u << 16;
	assert_int_equal(ax_addrspace_init(&as, &config), AX_ERANGE);
	assert_int_equal(out, 0);
}

static void a_host_that_does_not_say_how_many_cpus_has_one(void **state)
{
	struct ax_addrspace_stats stats;
	struct ax_addrspace as;

	(void)state;
	assert_int_equal(ax_addrspace_init(&as, NULL), AX_OK);
	ax_addrspace_stats(&as, &stats);
	assert_int_equal(stats.guard_frames, 0);
	ax_addrspace_destroy(&as);
	assert_int_equal(out, 0);
}

/* Four levels reach 48 bits; the CPU has less. */
static void a_narrow_cpu_makes_a_narrow_space(void **state)
{
	struct ax_addrspace_config config = {.cpus = 1};
	struct ax_addrspace as;

	(void)state;
	gpa_bits = 40;
	assert_int_equal(ax_addrspace_init(&as, &config), AX_OK);
	assert_int_equal(ax_addrspace_size(&as), UINT64_C(1) << 40);
	ax_addrspace_destroy(&as);
	config.gpa_bits = 41;
	assert_int_equal(ax_addrspace_init(&as, &config), AX_ERANGE);
	config.gpa_bits = 0;
	config.base = ax_gpa(UINT64_C(1) << 40);
	config.size = 4096;
	assert_int_equal(ax_addrspace_init(&as, &config), AX_ERANGE);
	assert_int_equal(out, 0);
}

static void an_unaligned_root_goes_back(void **state)
{
	struct ax_addrspace_config config = {.cpus = 1};
	struct ax_addrspace as;

	(void)state;
	skew = 8;
	assert_int_equal(ax_addrspace_init(&as, &config), AX_ERANGE);
	assert_int_equal(out, 0);
}

static void unaligned_frames_go_back_and_nothing_changes(void **state)
{
	struct ax_addrspace_config config = {.cpus = 1};
	struct ax_addrspace as;
	size_t before;

	(void)state;
	assert_int_equal(ax_addrspace_init(&as, &config), AX_OK);
	before = out;
	skew = 0x800;
	assert_int_equal(ax_addrspace_map_alloc(&as, ax_gpa(0), 4096, RWX, true), AX_ERANGE);
	assert_int_equal(ax_addrspace_map_linear(&as, ax_gpa(0), ax_hpa(0), 4096, RWX), AX_ERANGE);
	assert_int_equal(out, before);
	skew = 0;
	assert_int_equal(ax_addrspace_map_alloc(&as, ax_gpa(0), 4096, RWX, true), AX_OK);
	ax_addrspace_destroy(&as);
	assert_int_equal(out, 0);
}

/* A CPU that remembers invalid entries forgets them itself: there is nobody to be told. */
static void a_fault_of_one_cpu_is_told_to_nobody(void **state)
{
	struct ax_addrspace_config config = {.format = AX_NPT_GSTAGE, .cpus = 1};
	struct ax_addrspace_stats stats;
	struct ax_addrspace as;

	(void)state;
	assert_int_equal(ax_addrspace_init(&as, &config), AX_OK);
	assert_int_equal(ax_addrspace_map_alloc(&as, ax_gpa(0), M2, RWX, false), AX_OK);
	/* With tables, without, and of a page that is there. */
	assert_true(ax_addrspace_handle_page_fault(&as, ax_gpa(0), AX_WRITE));
	assert_true(ax_addrspace_handle_page_fault(&as, ax_gpa(4096), AX_WRITE));
	assert_true(ax_addrspace_handle_page_fault(&as, ax_gpa(4096), AX_WRITE));
	ax_addrspace_stats(&as, &stats);
	assert_int_equal(stats.faults, 2);
	assert_int_equal(stats.owned_frames, 2);
	ax_addrspace_destroy(&as);
	assert_int_equal(out, 0);
}

/* A block that lies elsewhere than its alignment says is as good as none: pages do. */
static void an_unaligned_block_goes_back_and_pages_do(void **state)
{
	struct ax_addrspace_config config = {.cpus = 1};
	struct ax_addrspace_stats stats;
	struct ax_addrspace as;

	(void)state;
	assert_int_equal(ax_addrspace_init(&as, &config), AX_OK);
	/* The region's node is the first frame, which entries do not hold. */
	assert_int_equal(ax_addrspace_map_alloc(&as, ax_gpa(M2), 4096, RWX, false), AX_OK);
	skew = 4096;
	assert_int_equal(ax_addrspace_map_alloc(&as, ax_gpa(2 * M2), M2, RWX, true), AX_OK);
	ax_addrspace_stats(&as, &stats);
	assert_int_equal(stats.pages[1], 0);
	assert_int_equal(stats.pages[0], 512);
	assert_int_equal(stats.owned_frames, 512);
	ax_addrspace_destroy(&as);
	assert_int_equal(out, 0);
}

/* The frames that are out are those that the counts speak of. */
static void check_counts(const struct ax_addrspace *as, size_t pages)
{
	struct ax_addrspace_stats stats;

	ax_addrspace_stats(as, &stats);
	assert_int_equal(stats.pages[0], pages);
	assert_int_equal(stats.owned_frames, pages);
	assert_int_equal(stats.table_frames, 4);
	assert_int_equal(out, stats.table_frames + stats.owned_frames + stats.region_frames +
				      stats.guard_frames);
}

/*
 * A populate takes its tables one by one. Whichever it is about to link when a fault of its neighbour
 * links one there, that one is used and its own goes back.
 */
static void populate_that_lost_a_table_to_a_fault_uses_that(void **state)
{
	struct ax_addrspace_config config = {.cpus = 2};
	static struct ax_addrspace as;
	bool over = false;

	rival = &as;
	for (unsigned at = 1; !over; at++) {
		begin(state);
		broadcasts = true;
		assert_int_equal(ax_addrspace_init(&as, &config), AX_OK);
		assert_int_equal(ax_addrspace_map_alloc(&as, ax_gpa(RIVAL_GPA), 4096, RWX, false),
				 AX_OK);
		rival_at = at;
		assert_int_equal(ax_addrspace_map_alloc(&as, ax_gpa(0), 8192, RWX, true), AX_OK);
		over = rival_at != 0;
		rival_at = 0;
		check_counts(&as, over ? 2 : 3);
		ax_addrspace_destroy(&as);
		assert_int_equal(out, 0);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_cpu_needs_nobody_to_reach, begin),
		cmocka_unit_test_setup(several_cpus_without_a_way_to_the_others_are_refused, begin),
		cmocka_unit_test_setup(a_host_that_does_not_say_how_many_cpus_has_one, begin),
		cmocka_unit_test_setup(a_narrow_cpu_makes_a_narrow_space, begin),
		cmocka_unit_test_setup(an_unaligned_root_goes_back, begin),
		cmocka_unit_test_setup(unaligned_frames_go_back_and_nothing_changes, begin),
		cmocka_unit_test_setup(a_fault_of_one_cpu_is_told_to_nobody, begin),
		cmocka_unit_test_setup(an_unaligned_block_goes_back_and_pages_do, begin),
		cmocka_unit_test_setup(populate_that_lost_a_table_to_a_fault_uses_that, begin),
	};

	return cmocka_run_group_tests_name("port_least", tests, NULL, NULL);
}
