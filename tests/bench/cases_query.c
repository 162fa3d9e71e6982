/* SPDX-License-Identifier: Apache-2.0 */
/* Walks that change nothing, over 128 MiB in 4K pages: what a cache close to the CPU holds the tables
 * of. With more, at random, memory is all that is measured, and the limit waits for it as well. */
#include "bench.h"

#define SIZE (128 * MIB)
#define OPS  32768u

static void open_mapped(struct bench *b, unsigned cpus, bool direct_map)
{
	struct ax_addrspace_config config = bench_config(b->format);

	config.cpus = cpus;
	config.direct_map = direct_map;
	bench_open_with(b, &config);
	bench_check(ax_addrspace_map_linear(&b->as, ax_gpa(0), ax_hpa(64 * GIB + PAGE), SIZE,
					    BENCH_RWX) == AX_OK,
		    "map");
	textbook_open(&b->textbook);
	textbook_map(&b->textbook, 0, 64 * GIB + PAGE, SIZE, 0);
	limit_build(&b->tables, SIZE / (2 * MIB), 0);
}

static void in_order(struct bench *b)
{
	open_mapped(b, 1, true);
	bench_order(b, 0x123, PAGE, OPS, false);
}

static void at_random(struct bench *b)
{
	open_mapped(b, 1, true);
	bench_order(b, 0x123, SIZE / OPS, OPS, true);
}

static void guarded(struct bench *b)
{
	open_mapped(b, 2, true);
	bench_order(b, 0x123, PAGE, OPS, false);
}

static void by_calls(struct bench *b)
{
	open_mapped(b, 1, false);
	bench_order(b, 0x123, PAGE, OPS, false);
}

static void tear_down(struct bench *b)
{
	bench_close(b);
	textbook_close(&b->textbook);
	limit_free(&b->tables);
}

/*
 * The next address to look up, which the CPU does not know before the last result: 0 is added, the top bit
 * of a host address. Else it would do several walks at once, which it never does for a hypervisor, where one
 * walk is for one exit.
 */
static uint64_t next_address(const struct bench *b, unsigned i, uint64_t last_result)
{
	return b->order[i] + (last_result >> 63);
}

static void run_query(struct bench *b)
{
	const struct ax_npt *npt = ax_addrspace_page_table(&b->as);
	struct ax_npt_mapping mapping = {0};

	for (unsigned i = 0; i < OPS; i++) {
		ax_gpa_t gpa = ax_gpa(next_address(b, i, mapping.hpa.raw));

		b->sum += (uint64_t)ax_npt_query(npt, gpa, &mapping);
	}
}

static void run_translate(struct bench *b)
{
	ax_hpa_t hpa = {0};

	for (unsigned i = 0; i < OPS; i++) {
		ax_gpa_t gpa = ax_gpa(next_address(b, i, hpa.raw));

		b->sum += (uint64_t)ax_addrspace_translate(&b->as, gpa, &hpa);
	}
}

static void walk_limit(struct bench *b)
{
	uint64_t hpa = 0;

	for (unsigned i = 0; i < OPS; i++)
		limit_walk(&b->tables, next_address(b, i, hpa), &hpa);
	b->sum += hpa;
}

static void textbook_walk(struct bench *b)
{
	uint64_t hpa = 0;

	for (unsigned i = 0; i < OPS; i++)
		b->sum += textbook_translate(&b->textbook, next_address(b, i, hpa), &hpa);
}

#define QUERY(NAME, SET_UP, RUN, RATIO, INSTRUCTIONS)                                       \
	{                                                                                   \
		.name = (NAME), .unit = "query", .ops = OPS, .ratio = (RATIO),              \
		.instructions = (INSTRUCTIONS), .set_up = (SET_UP), .tear_down = tear_down, \
		.library = {NULL, (RUN), NULL, 0}, .limit = {NULL, walk_limit, NULL, 0},    \
		.textbook = {NULL, textbook_walk, NULL, 0},                                 \
	}

static const struct bench_case cases[] = {
	QUERY("query the table, in order", in_order, run_query, 0, 0),
	QUERY("query the table, at random", at_random, run_query, 0, 0),
	QUERY("translate, in order", in_order, run_translate, 1.1, 45),
	QUERY("translate, at random", at_random, run_translate, 1.1, 45),
	QUERY("translate, guarded", guarded, run_translate, 0, 0),
	QUERY("translate, by calls of phys_to_virt", by_calls, run_translate, 0, 0),
};

const struct bench_topic bench_query = {cases, sizeof(cases) / sizeof(cases[0])};
