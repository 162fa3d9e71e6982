/* SPDX-License-Identifier: Apache-2.0 */
/* Page faults: a lazy page that is backed, and one that was there already. */
#include <stdlib.h>
#include <string.h>

#include <axvisor/memory.h>

#include "bench.h"

#define LAZY      16384u
#define LAZY_SIZE (LAZY * PAGE)

/* One CPU, or two: then there is a guard. */
static void open_lazy(struct bench *b, unsigned cpus)
{
	struct ax_addrspace_config config = bench_config(b->format);

	config.cpus = cpus;
	bench_open_with(b, &config);
	bench_check(ax_addrspace_map_alloc(&b->as, ax_gpa(0), LAZY_SIZE, BENCH_RWX, false) == AX_OK,
		    "map");
	/* Two more regions, as there are in any guest. */
	bench_check(ax_addrspace_map_alloc(&b->as, ax_gpa(GIB), GIB, BENCH_RW, false) == AX_OK,
		    "map");
	bench_check(ax_addrspace_map_alloc(&b->as, ax_gpa(4 * GIB), GIB, BENCH_RWX, false) == AX_OK,
		    "map");
	textbook_open(&b->textbook);
	textbook_insert(&b->textbook, 0, LAZY_SIZE - 1);
	textbook_insert(&b->textbook, GIB, 2 * GIB - 1);
	textbook_insert(&b->textbook, 4 * GIB, 5 * GIB - 1);
	limit_build(&b->tables, LAZY / 512, 0);
}

static void in_order(struct bench *b)
{
	open_lazy(b, 1);
	bench_order(b, 0, PAGE, LAZY, false);
}

static void at_random(struct bench *b)
{
	open_lazy(b, 1);
	bench_order(b, 0, PAGE, LAZY, true);
}

static void unzeroed(struct bench *b)
{
	in_order(b);
	bench_zeroing = false;
}

static void unzeroed_at_random(struct bench *b)
{
	at_random(b);
	bench_zeroing = false;
}

static void unzeroed_guarded(struct bench *b)
{
	open_lazy(b, 2);
	bench_order(b, 0, PAGE, LAZY, false);
	bench_zeroing = false;
}

static void tear_down(struct bench *b)
{
	bench_zeroing = true;
	bench_close(b);
	textbook_unmap(&b->textbook, 0, LAZY_SIZE, true);
	textbook_close(&b->textbook);
	limit_free(&b->tables);
}

static void run_faults(struct bench *b)
{
	for (unsigned i = 0; i < LAZY; i++)
		b->sum += ax_addrspace_handle_page_fault(&b->as, ax_gpa(b->order[i]), AX_WRITE);
}

static void check_faults(struct bench *b)
{
	ax_hpa_t hpa;

	bench_check(ax_addrspace_translate(&b->as, ax_gpa(b->order[LAZY - 1]), &hpa) == AX_OK,
		    "a fault that backed its page");
	bench_check(ax_addrspace_unmap(&b->as, ax_gpa(0), LAZY_SIZE) == AX_OK, "unmap");
	bench_check(ax_addrspace_map_alloc(&b->as, ax_gpa(0), LAZY_SIZE, BENCH_RWX, false) == AX_OK,
		    "map");
}

/* A frame of the port's, zeroed when the library has to zero it, and one store. */
static void fault_limit(struct bench *b)
{
	for (unsigned i = 0; i < LAZY; i++) {
		uint64_t gpa = b->order[i];

		limit_take(&b->frames, 1);
		if (bench_zeroing)
			memset(ax_memory_phys_to_virt(ax_hpa(b->frames.hpa[i])), 0, PAGE);
		__atomic_store_n(&b->tables.leaf_table[gpa >> 21][gpa >> 12 & 511],
				 b->frames.hpa[i] | LIMIT_PRESENT, __ATOMIC_RELAXED);
	}
}

static void fault_limit_after(struct bench *b)
{
	limit_give_back(&b->frames);
	limit_fill(&b->tables, LAZY, PAGE);
}

static void textbook_faults(struct bench *b)
{
	for (unsigned i = 0; i < LAZY; i++)
		b->sum += textbook_fault(&b->textbook, b->order[i]);
}

static void textbook_faults_after(struct bench *b)
{
	textbook_unmap(&b->textbook, 0, LAZY_SIZE, true);
}

/* Spurious: all pages are backed. */
static void spurious(struct bench *b)
{
	in_order(b);
	run_faults(b);
	textbook_faults(b);
}

static void walk_limit(struct bench *b)
{
	uint64_t hpa;

	for (unsigned i = 0; i < LAZY; i++) {
		limit_walk(&b->tables, b->order[i], &hpa);
		b->sum += hpa;
	}
}

static const struct bench_case cases[] = {
	{
		.name = "lazy fault, zeroed, in order",
		.unit = "fault",
		.ops = LAZY,
		.ratio = 1.1,
		.set_up = in_order,
		.tear_down = tear_down,
		.library = {NULL, run_faults, check_faults, 0},
		.limit = {NULL, fault_limit, fault_limit_after, 0},
		.textbook = {NULL, textbook_faults, textbook_faults_after, 0},
	},
	{
		.name = "lazy fault, zeroed, at random",
		.unit = "fault",
		.ops = LAZY,
		.ratio = 1.1,
		.set_up = at_random,
		.tear_down = tear_down,
		.library = {NULL, run_faults, check_faults, 0},
		.limit = {NULL, fault_limit, fault_limit_after, 0},
		.textbook = {NULL, textbook_faults, textbook_faults_after, 0},
	},
	{
		.name = "lazy fault, not zeroed, in order",
		.unit = "fault",
		.ops = LAZY,
		.instructions = 100,
		.set_up = unzeroed,
		.tear_down = tear_down,
		.library = {NULL, run_faults, check_faults, 0},
		.limit = {NULL, fault_limit, fault_limit_after, 0},
		.textbook = {NULL, textbook_faults, textbook_faults_after, 0},
	},
	{
		.name = "lazy fault, not zeroed, at random",
		.unit = "fault",
		.ops = LAZY,
		.set_up = unzeroed_at_random,
		.tear_down = tear_down,
		.library = {NULL, run_faults, check_faults, 0},
		.limit = {NULL, fault_limit, fault_limit_after, 0},
		.textbook = {NULL, textbook_faults, textbook_faults_after, 0},
	},
	{
		.name = "lazy fault, not zeroed, guarded",
		.unit = "fault",
		.ops = LAZY,
		.set_up = unzeroed_guarded,
		.tear_down = tear_down,
		.library = {NULL, run_faults, check_faults, 0},
		.limit = {NULL, fault_limit, fault_limit_after, 0},
		.textbook = {NULL, textbook_faults, textbook_faults_after, 0},
	},
	{
		.name = "spurious fault",
		.unit = "fault",
		.ops = LAZY,
		.instructions = 60,
		.set_up = spurious,
		.tear_down = tear_down,
		.library = {NULL, run_faults, NULL, 0},
		.limit = {NULL, walk_limit, NULL, 0},
		.textbook = {NULL, textbook_faults, NULL, 0},
	},
};

const struct bench_topic bench_fault = {cases, sizeof(cases) / sizeof(cases[0])};
