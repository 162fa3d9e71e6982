/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the engine asks of the architecture's tlb.c, which the host build does not have: the registers
 * of the table, and the stride by which operations on addresses go through the range. A stride that is
 * too wide leaves pages in the TLB, and no emulator shows it.
 *
 * A program that has its own ax_cpu_tlb_flush() does not get that of host_tlb.c; this one does the same
 * and remembers what it was asked.
 */
#include <string.h>

#include "cpu.h"
#include "npt_format.h"
#include "tlb.h"

#include "check.h"
#include "hooks.h"
#include "mock_port.h"
#include "story.h"

#define VM_RAM 0x40000000ull
#define HOST   MOCK_RAM_BASE
#define MOST   8u

static struct {
	const struct ax_addrspace *as; /* NULL: nothing is remembered */
	const struct test_space *space;
	unsigned count;
	unsigned shift[MOST];
	uint64_t size[MOST];
	uint64_t generation[MOST];
	uint64_t leaf[MOST]; /* bytes of the one that hardware sees at VM_RAM meanwhile */
} asked;

void ax_cpu_tlb_publish(void)
{
	ax_host_hook_publish();
}

/* As host_tlb.c does: no test listens to the fence of a fault. */
void ax_cpu_tlb_fence(const struct ax_npt *npt, uint64_t gpa, bool tables)
{
	const struct ax_tlb_request request = {
		.format = AX_NPT_GSTAGE,
		.tag = npt->tag,
		.start = {gpa},
		.size = K4,
		.tables = tables,
	};

	ax_tlb_invalidate(&request);
	ax_host_hook_flush(false);
	CHECK(!asked.as);
}

void ax_cpu_tlb_flush(const struct ax_npt_registers *registers,
		      const struct ax_tlb_request *request, unsigned page_shift)
{
	ax_tlb_invalidate(request);
	if (asked.as) {
		struct ax_npt_registers own;

		ax_addrspace_registers(asked.as, &own);
		CHECK_EQUAL(registers->root, own.root);
		CHECK_EQUAL(registers->control, own.control);
		CHECK(asked.count < MOST);
		asked.shift[asked.count] = page_shift;
		asked.size[asked.count] = request->size;
		asked.generation[asked.count] = ax_addrspace_tlb_generation(asked.as);
		asked.leaf[asked.count] = leaf_size_at(asked.space, VM_RAM);
		asked.count++;
	}
}

static void listen(const struct test_space *s)
{
	memset(&asked, 0, sizeof(asked));
	asked.as = &s->as;
	asked.space = s;
}

/* The last flush, which others may have come before, went by steps of this many bytes. */
static void check_last(uint64_t stride, uint64_t size)
{
	CHECK(asked.count > 0);
	CHECK_EQUAL(1ull << asked.shift[asked.count - 1], stride);
	CHECK_EQUAL(asked.size[asked.count - 1], size);
	asked.as = NULL;
}

static bool caches_invalid_entries(const struct test_space *s)
{
	return s->format->format == AX_NPT_GSTAGE && !format_has(s->format, AX_NPT_FEATURE_SVVPTC);
}

static void map(struct test_space *s, uint64_t gpa, uint64_t size)
{
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(gpa), ax_hpa(HOST + (gpa - VM_RAM)), size,
					 RAM));
}

static void unmap(struct test_space *s, uint64_t gpa, uint64_t size)
{
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(gpa), size));
}

static void protect(struct test_space *s, uint64_t gpa, uint64_t size)
{
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(gpa), size, AX_READ | AX_USER));
}

static void protect_goes_by_the_leaves_that_changed(struct test_space *s)
{
	map(s, VM_RAM, 4 * K4);
	map(s, VM_RAM + 2 * M2, 4 * M2);
	listen(s);
	protect(s, VM_RAM, 4 * K4);
	check_last(K4, 4 * K4);
	listen(s);
	protect(s, VM_RAM + 2 * M2, 4 * M2);
	check_last(M2, 4 * M2);
}

static void a_range_of_both_sizes_goes_by_the_smaller(struct test_space *s)
{
	map(s, VM_RAM, 2 * M2 + 2 * K4);
	listen(s);
	protect(s, VM_RAM, 2 * M2 + 2 * K4);
	check_last(K4, 2 * M2 + 2 * K4);
	map(s, VM_RAM + G1 - 2 * K4, 2 * K4 + M2);
	listen(s);
	protect(s, VM_RAM + G1 - 2 * K4, 2 * K4 + M2);
	check_last(K4, 2 * K4 + M2);
}

static void unmap_goes_by_the_leaves_that_went(struct test_space *s)
{
	/* What is kept beside them keeps their tables. */
	map(s, VM_RAM, 4 * K4);
	map(s, VM_RAM + 2 * M2, 4 * M2);
	listen(s);
	unmap(s, VM_RAM + K4, 2 * K4);
	check_last(K4, 2 * K4);
	listen(s);
	unmap(s, VM_RAM + 3 * M2, 2 * M2);
	check_last(M2, 2 * M2);
}

/* All that the table is for goes, not only what was mapped: walk caches hold the table itself. */
static void unmap_of_a_table_goes_by_pages(struct test_space *s)
{
	map(s, VM_RAM, K4);
	map(s, VM_RAM + M2 + K4, K4);
	listen(s);
	unmap(s, VM_RAM + M2 + K4, K4);
	CHECK(asked.count == 1);
	CHECK_EQUAL(1ull << asked.shift[0], K4);
	CHECK_EQUAL(asked.size[0], M2);
	CHECK(mock_tlb_request(0).tables);
	asked.as = NULL;
}

/* On stage 2 the block that is broken is flushed first, as what it is: a page that large. */
static void split_goes_by_what_is_split(struct test_space *s)
{
	map(s, VM_RAM, M2);
	listen(s);
	protect(s, VM_RAM + 3 * K4, K4);
	if (s->format->format == AX_NPT_STAGE2) {
		CHECK_EQUAL(1ull << asked.shift[0], M2);
		CHECK_EQUAL(asked.size[0], M2);
		check_last(K4, K4);
	} else {
		check_last(K4, M2);
	}
}

/*
 * A leaf is out of sight during the flush when its memory type changes and the format wants that, and never for
 * its permissions alone: the guest would fault on what it may do before and after.
 */
static void protect_breaks_where_the_type_changes_and_nowhere_else(struct test_space *s)
{
	static const ax_flags_t type[] = {0, AX_UNCACHED, AX_DEVICE, AX_DEVICE | AX_UNCACHED};

	for (unsigned i = 0; i < 16; i++) {
		const ax_flags_t from = type[i / 4], to = type[i % 4];
		const bool alike = from == to || (from & to & AX_DEVICE);
		const bool breaks = s->format->format == AX_NPT_STAGE2 && !alike;

		if (format_expressible(s->format, from | RW) != AX_OK ||
		    format_expressible(s->format, to | RW) != AX_OK)
			continue;
		CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(HOST), K4,
						 from | RW | AX_USER));
		listen(s);
		CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM), K4, to | AX_READ | AX_USER));
		CHECK(asked.count > 0);
		CHECK_EQUAL(asked.leaf[0], breaks ? 0 : K4);
		asked.as = NULL;
		unmap(s, VM_RAM, K4);
	}
}

/* RISC-V fences for what became valid: page by page is always right. */
static void fences_for_new_entries_go_by_pages(struct test_space *s)
{
	listen(s);
	map(s, VM_RAM, 2 * M2);
	CHECK_EQUAL(asked.count != 0, caches_invalid_entries(s));
	for (unsigned i = 0; i < asked.count; i++)
		CHECK_EQUAL(1ull << asked.shift[i], K4);
	asked.as = NULL;
}

/* A vCPU that enters the guest and compares numbers before this flush was done has to flush itself. */
static void the_generation_moves_before_the_flush(struct test_space *s)
{
	uint64_t before = ax_addrspace_tlb_generation(&s->as);

	map(s, VM_RAM, K4);
	listen(s);
	unmap(s, VM_RAM, K4);
	CHECK_EQUAL(asked.count, 1);
	CHECK_EQUAL(asked.generation[0], before + 1);
	CHECK_EQUAL(ax_addrspace_tlb_generation(&s->as), before + 1);
	asked.as = NULL;
}

/* Of a table that no space has, and nobody watches. */
static bool flush_says_tables(struct ax_npt *npt, struct ax_tlb_gather *gather)
{
	mock_tlb_forget();
	ax_tlb_flush(npt, gather);
	CHECK_EQUAL(mock_tlb_request(0).start.raw, VM_RAM);
	CHECK_EQUAL(mock_tlb_request(0).size, K4);
	return mock_tlb_request(0).tables;
}

/* What it held before, on a stack or for an earlier flush, is not flushed once more. */
static void a_gather_begins_with_nothing(void)
{
	struct ax_npt npt = {.format = &ax_npt_format_stage2, .levels = 4, .gpa_bits = 48};
	struct ax_tlb_gather gather;

	memset(&gather, 1, sizeof(gather));
	ax_tlb_gather_init(&gather);
	ax_tlb_flush(&npt, &gather);
	CHECK_EQUAL(npt.flushes, 0);
	ax_tlb_gather_add(&gather, VM_RAM, VM_RAM + K4 - 1, 12);
	CHECK(!flush_says_tables(&npt, &gather));
	ax_tlb_gather_add_table(&gather, VM_RAM, VM_RAM + K4 - 1, 12);
	CHECK(flush_says_tables(&npt, &gather));
	ax_tlb_gather_add(&gather, VM_RAM, VM_RAM + K4 - 1, 12);
	CHECK(!flush_says_tables(&npt, &gather));
	CHECK_EQUAL(npt.flushes, 3);
}

int main(void)
{
	static const struct story stories[] = {
		STORY(protect_goes_by_the_leaves_that_changed),
		STORY(a_range_of_both_sizes_goes_by_the_smaller),
		STORY(unmap_goes_by_the_leaves_that_went),
		STORY(unmap_of_a_table_goes_by_pages),
		STORY(split_goes_by_what_is_split),
		STORY(protect_breaks_where_the_type_changes_and_nowhere_else),
		STORY(fences_for_new_entries_go_by_pages),
		STORY(the_generation_moves_before_the_flush),
		STORY_PLAIN(a_gather_begins_with_nothing),
	};

	return STORIES_RUN("flush", stories);
}
