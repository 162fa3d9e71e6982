/* SPDX-License-Identifier: Apache-2.0 */
/* How cost grows: with the size of a guest of which little is touched, and with its regions. */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

#define TURNS 201u
#define PAIRS 1024u

/* The format with the widest addresses that every machine has: 48 bits. */
static const struct bench_format *wide(void)
{
	for (size_t i = 0; i < bench_format_count; i++) {
		if (bench_formats[i].id == AX_NPT_STAGE2)
			return &bench_formats[i];
	}
	return NULL;
}

static int compare(const void *a, const void *b)
{
	const double *x = a;
	const double *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

enum step {
	STEP_MAP,
	STEP_FAULT,
	STEP_TRANSLATE,
	STEP_PROTECT,
	STEP_UNMAP_PAGE,
	STEP_UNMAP_ALL,
	STEP_COUNT,
};

static const char *const step_name[STEP_COUNT] = {
	"map all, lazy", "first fault", "translate", "protect a page", "unmap a page", "unmap all",
};

/* A turn: each step once, on a page in the middle. */
static void guest_turn(struct ax_addrspace *as, uint64_t size, double at[STEP_COUNT + 1])
{
	ax_gpa_t page = ax_gpa(size / 2 + 3 * PAGE);
	ax_error_t error[STEP_COUNT];
	ax_hpa_t hpa;
	bool backed;

	at[STEP_MAP] = bench_now();
	error[STEP_MAP] = ax_addrspace_map_alloc(as, ax_gpa(0), size, BENCH_RW, false);
	at[STEP_FAULT] = bench_now();
	backed = ax_addrspace_handle_page_fault(as, page, AX_WRITE);
	at[STEP_TRANSLATE] = bench_now();
	error[STEP_TRANSLATE] = ax_addrspace_translate(as, page, &hpa);
	at[STEP_PROTECT] = bench_now();
	error[STEP_PROTECT] = ax_addrspace_protect(as, page, PAGE, AX_READ);
	at[STEP_UNMAP_PAGE] = bench_now();
	error[STEP_UNMAP_PAGE] = ax_addrspace_unmap(as, page, PAGE);
	at[STEP_UNMAP_ALL] = bench_now();
	error[STEP_UNMAP_ALL] = ax_addrspace_unmap(as, ax_gpa(0), size);
	at[STEP_COUNT] = bench_now();
	error[STEP_FAULT] = backed ? AX_OK : AX_ENOENT;
	for (unsigned i = 0; i < STEP_COUNT; i++)
		bench_check(error[i] == AX_OK, step_name[i]);
}

static void grow_guest(uint64_t size)
{
	struct bench b = {.format = wide()};
	static double values[STEP_COUNT][TURNS];
	double at[STEP_COUNT + 1];

	bench_open(&b);
	for (unsigned turn = 0; turn < TURNS; turn++) {
		guest_turn(&b.as, size, at);
		for (unsigned i = 0; i < STEP_COUNT; i++)
			values[i][turn] = at[i + 1] - at[i];
	}
	bench_close(&b);
	printf("%8llu GiB", (unsigned long long)(size / GIB));
	for (unsigned i = 0; i < STEP_COUNT; i++)
		printf(" %14.0f", median(values[i], TURNS));
	printf("\n");
}

/* One page in four is a region. A call goes to another region each time, whose place in the tree and in
 * the tables is in no cache when they are many. */
static void grow_regions(size_t count)
{
	struct bench b = {.format = wide()};
	static double fault[PAIRS], map[PAIRS], unmap[PAIRS], area[PAIRS];

	bench_open(&b);
	for (size_t i = 0; i < count; i++)
		bench_check(ax_addrspace_map_alloc(&b.as, ax_gpa(i * 4 * PAGE), PAGE, BENCH_RW,
						   false) == AX_OK,
			    "map");
	for (unsigned i = 0; i < PAIRS; i++) {
		ax_gpa_t page = ax_gpa((i * UINT64_C(0x9e3779b97f4a7c15) >> 20) % count * 4 * PAGE);
		ax_gpa_t hole = ax_gpa(page.raw + 2 * PAGE);
		ax_gpa_t found;
		double at[5];

		at[0] = bench_now();
		bench_check(ax_addrspace_handle_page_fault(&b.as, page, AX_WRITE), "fault");
		at[1] = bench_now();
		bench_check(ax_addrspace_map_alloc(&b.as, hole, PAGE, BENCH_RW, false) == AX_OK,
			    "map");
		at[2] = bench_now();
		bench_check(ax_addrspace_unmap(&b.as, hole, PAGE) == AX_OK, "unmap");
		at[3] = bench_now();
		bench_check(ax_addrspace_find_free_area(&b.as, ax_gpa(0), MIB, PAGE, &found) ==
				    AX_OK,
			    "find a free area");
		at[4] = bench_now();
		fault[i] = at[1] - at[0];
		map[i] = at[2] - at[1];
		unmap[i] = at[3] - at[2];
		area[i] = at[4] - at[3];
	}
	bench_close(&b);
	printf("%12zu %14.0f %14.0f %14.0f %14.0f\n", count, median(fault, PAIRS),
	       median(map, PAIRS), median(unmap, PAIRS), median(area, PAIRS));
}

static double clock_cost(void)
{
	double values[TURNS];

	for (unsigned i = 0; i < TURNS; i++) {
		double start = bench_now();

		values[i] = bench_now() - start;
	}
	return median(values, TURNS);
}

void bench_growth(void)
{
	printf("\nns a call by size of the guest, one page of it touched; %.0f of them are the "
	       "clock's\n"
	       "%12s",
	       clock_cost(), "");
	for (unsigned i = 0; i < STEP_COUNT; i++)
		printf(" %14s", step_name[i]);
	printf("\n");
	for (uint64_t size = GIB; size <= 16 * TIB; size *= 4)
		grow_guest(size);

	printf("\nns a call by number of regions, each call beside another region\n"
	       "%12s %14s %14s %14s %14s\n",
	       "", "fault", "map a page", "unmap a page", "find 1 MiB");
	for (size_t count = 10; count <= 1000000; count *= 10)
		grow_regions(count);
}
