/* SPDX-License-Identifier: Apache-2.0 */
/* Guest memory access, over 16 MiB of the space's own pages, each by itself in host memory. */
#include <stdlib.h>
#include <string.h>

#include <axvisor/memory.h>

#include "bench.h"

#define SIZE  (16 * MIB)
#define SMALL 4096u /* accesses of 8 bytes, and of a page, in one run */
#define BIG   (MIB)
#define BIGS  8u
#define SPAN  (64 * KIB)

/* Host memory behind each page, for the limit. */
static void learn_pages(struct bench *b)
{
	for (uint64_t gpa = 0; gpa < SIZE; gpa += PAGE) {
		ax_hpa_t hpa;

		bench_check(ax_addrspace_translate(&b->as, ax_gpa(gpa), &hpa) == AX_OK, "a page");
		b->array.last[gpa / PAGE] = hpa.raw;
	}
}

static void set_up(struct bench *b)
{
	bench_open(b);
	bench_check(ax_addrspace_map_alloc(&b->as, ax_gpa(0), SIZE, BENCH_RWX, true) == AX_OK,
		    "populate");
	textbook_open(&b->textbook);
	textbook_populate(&b->textbook, 0, SIZE);
	limit_build(&b->tables, SIZE / (2 * MIB), 0);
	b->array.last = calloc(SIZE / PAGE, sizeof(*b->array.last));
	learn_pages(b);
	/* Not at a page's offset: `rep movsb` between equal offsets takes ten times as long on some CPUs. */
	b->memory = aligned_alloc(PAGE, BIG + PAGE);
	memset(b->memory, 1, BIG + PAGE);
	b->buffer = b->memory + PAGE / 2;
}

static void words(struct bench *b)
{
	set_up(b);
	/* 2 MiB of them: beyond what caches hold, the guest's memory is all that is measured. */
	bench_order(b, 8, 2 * MIB / SMALL, SMALL, true);
}

static void pages(struct bench *b)
{
	set_up(b);
	bench_order(b, 0, PAGE, SMALL, true);
}

static void tear_down(struct bench *b)
{
	free(b->memory);
	free(b->array.last);
	textbook_unmap(&b->textbook, 0, SIZE, true);
	textbook_close(&b->textbook);
	limit_free(&b->tables);
	bench_close(b);
}

static void *page_ptr(const struct bench *b, uint64_t gpa)
{
	return (uint8_t *)(uintptr_t)(b->array.last[gpa / PAGE] + bench_direct_offset()) +
	       gpa % PAGE;
}

static void run_read_8(struct bench *b)
{
	for (unsigned i = 0; i < SMALL; i++)
		b->sum += (uint64_t)ax_guest_read(&b->as, ax_gpa(b->order[i]), b->buffer, 8);
}

static void run_write_8(struct bench *b)
{
	for (unsigned i = 0; i < SMALL; i++)
		b->sum += (uint64_t)ax_guest_write(&b->as, ax_gpa(b->order[i]), b->buffer, 8);
}

static void run_volatile_8(struct bench *b)
{
	for (unsigned i = 0; i < SMALL; i++)
		b->sum +=
			(uint64_t)ax_guest_read_volatile(&b->as, ax_gpa(b->order[i]), b->buffer, 8);
}

static void limit_8(struct bench *b)
{
	uint64_t hpa;

	for (unsigned i = 0; i < SMALL; i++) {
		limit_walk(&b->tables, b->order[i], &hpa);
		b->sum += hpa;
		memcpy(b->buffer, page_ptr(b, b->order[i]), 8);
	}
}

static void textbook_8(struct bench *b)
{
	for (unsigned i = 0; i < SMALL; i++)
		b->sum += textbook_copy(&b->textbook, b->order[i], b->buffer, 8);
}

static void run_read_page(struct bench *b)
{
	for (unsigned i = 0; i < SMALL; i++)
		b->sum += (uint64_t)ax_guest_read(&b->as, ax_gpa(b->order[i]), b->buffer, PAGE);
}

static void limit_page(struct bench *b)
{
	for (unsigned i = 0; i < SMALL; i++)
		memcpy(b->buffer, page_ptr(b, b->order[i]), PAGE);
}

static void textbook_page(struct bench *b)
{
	for (unsigned i = 0; i < SMALL; i++)
		b->sum += textbook_copy(&b->textbook, b->order[i], b->buffer, PAGE);
}

static void run_read_big(struct bench *b)
{
	for (unsigned i = 0; i < BIGS; i++)
		b->sum += (uint64_t)ax_guest_read(&b->as, ax_gpa(i * BIG), b->buffer, BIG);
}

static void run_write_big(struct bench *b)
{
	for (unsigned i = 0; i < BIGS; i++)
		b->sum += (uint64_t)ax_guest_write(&b->as, ax_gpa(i * BIG), b->buffer, BIG);
}

static void limit_read_big(struct bench *b)
{
	for (uint64_t gpa = 0; gpa < BIGS * BIG; gpa += PAGE)
		memcpy(b->buffer + gpa % BIG, page_ptr(b, gpa), PAGE);
}

static void limit_write_big(struct bench *b)
{
	for (uint64_t gpa = 0; gpa < BIGS * BIG; gpa += PAGE)
		memcpy(page_ptr(b, gpa), b->buffer + gpa % BIG, PAGE);
}

static void textbook_big(struct bench *b)
{
	for (unsigned i = 0; i < BIGS; i++)
		b->sum += textbook_copy(&b->textbook, i * BIG, b->buffer, BIG);
}

#define SEGMENT_PAGES ((unsigned)(SIZE / PAGE))

static void run_segments(struct bench *b)
{
	struct ax_guest_segment segment[SPAN / PAGE];

	for (uint64_t gpa = 0; gpa < SIZE; gpa += SPAN) {
		size_t count = 0;

		b->sum += (uint64_t)ax_guest_segments(&b->as, ax_gpa(gpa), SPAN, AX_READ, segment,
						      SPAN / PAGE, &count);
		b->sum += count;
	}
}

static void limit_segments(struct bench *b)
{
	uint64_t hpa;

	for (uint64_t gpa = 0; gpa < SIZE; gpa += PAGE) {
		limit_walk(&b->tables, gpa, &hpa);
		b->sum += hpa;
	}
}

/* The target of 8 bytes: 15 ns more than a walk, which takes the limit 3 to 5. */
static const struct bench_case cases[] = {
	{
		.name = "guest read of 8 bytes",
		.unit = "access",
		.ops = SMALL,
		.nanos = 20,
		.set_up = words,
		.tear_down = tear_down,
		.library = {NULL, run_read_8, NULL, 0},
		.limit = {NULL, limit_8, NULL, 0},
		.textbook = {NULL, textbook_8, NULL, 0},
	},
	{
		.name = "guest write of 8 bytes",
		.unit = "access",
		.ops = SMALL,
		.nanos = 20,
		.set_up = words,
		.tear_down = tear_down,
		.library = {NULL, run_write_8, NULL, 0},
		.limit = {NULL, limit_8, NULL, 0},
		.textbook = {NULL, textbook_8, NULL, 0},
	},
	{
		.name = "guest read of 8 bytes, volatile",
		.unit = "access",
		.ops = SMALL,
		.nanos = 20,
		.set_up = words,
		.tear_down = tear_down,
		.library = {NULL, run_volatile_8, NULL, 0},
		.limit = {NULL, limit_8, NULL, 0},
		.textbook = {NULL, textbook_8, NULL, 0},
	},
	{
		.name = "guest read of 4 KiB",
		.unit = "access",
		.ops = SMALL,
		.set_up = pages,
		.tear_down = tear_down,
		.library = {NULL, run_read_page, NULL, 0},
		.limit = {NULL, limit_page, NULL, 0},
		.textbook = {NULL, textbook_page, NULL, 0},
	},
	{
		.name = "guest read of 1 MiB",
		.unit = "page",
		.ops = BIGS * BIG / PAGE,
		.ratio = 1.05,
		.set_up = set_up,
		.tear_down = tear_down,
		.library = {NULL, run_read_big, NULL, 0},
		.limit = {NULL, limit_read_big, NULL, 0},
		.textbook = {NULL, textbook_big, NULL, 0},
	},
	{
		.name = "guest write of 1 MiB",
		.unit = "page",
		.ops = BIGS * BIG / PAGE,
		.ratio = 1.05,
		.set_up = set_up,
		.tear_down = tear_down,
		.library = {NULL, run_write_big, NULL, 0},
		.limit = {NULL, limit_write_big, NULL, 0},
		.textbook = {NULL, textbook_big, NULL, 0},
	},
	{
		.name = "segments of 64 KiB",
		.unit = "page",
		.ops = SEGMENT_PAGES,
		.set_up = set_up,
		.tear_down = tear_down,
		.library = {NULL, run_segments, NULL, 0},
		.limit = {NULL, limit_segments, NULL, 0},
	},
};

const struct bench_topic bench_guest = {cases, sizeof(cases) / sizeof(cases[0])};
