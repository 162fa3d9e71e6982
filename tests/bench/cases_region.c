/* SPDX-License-Identifier: Apache-2.0 */
/* The set of regions, by itself and behind the calls: one page in four is a region. */
#include <stdlib.h>

#include "bench.h"
#include "region.h"

#define STEP  (4 * PAGE)
#define OPS   4096u
#define FEW   64u /* of what is linear */
#define SPARE 512u

static struct ax_region_set set;
static struct ax_pool pool;

static struct ax_region region_at(uint64_t first)
{
	return (struct ax_region){.first = first, .last = first + PAGE - 1, .flags = BENCH_RW};
}

static inline void insert_region(const struct ax_region *region)
{
	struct ax_region_path path;

	(void)ax_region_seek(&set, region->first, &path);
	ax_region_insert(&set, &path, region, &pool);
}

static inline void remove_range(uint64_t first, uint64_t last)
{
	struct ax_region_path path;

	(void)ax_region_seek(&set, first, &path);
	ax_region_remove(&set, &path, first, last, &pool);
}

static uint64_t region_address(const struct bench *b, size_t i)
{
	return (i * UINT64_C(0x9e3779b97f4a7c15) >> 20) % b->of->size * STEP;
}

/* OPS addresses, spread over the whole set; those to be inserted are distinct. */
static void make_order(struct bench *b, uint64_t offset)
{
	size_t count = b->of->size < OPS ? b->of->size : OPS;

	bench_order(b, offset, b->of->size / count * STEP, count, true);
	b->order = realloc(b->order, OPS * sizeof(*b->order));
	for (size_t i = count; i < OPS; i++)
		b->order[i] = region_address(b, i) + offset;
}

static void open_set(struct bench *b)
{
	size_t count = b->of->size;

	bench_check(ax_pool_fill(&pool, count / 30 + SPARE, AX_POOL_ANY_ADDRESS) == AX_OK, "nodes");
	set = (struct ax_region_set){0};
	b->array.last = calloc(count, sizeof(*b->array.last));
	b->array.count = count;
	textbook_open(&b->textbook);
	for (size_t i = 0; i < count; i++) {
		struct ax_region region = region_at(i * STEP);

		insert_region(&region);
		textbook_insert(&b->textbook, region.first, region.last);
		b->array.last[i] = region.last;
	}
}

static void close_set(struct bench *b)
{
	remove_range(0, UINT64_MAX);
	ax_pool_drain(&pool);
	free(b->array.last);
	textbook_close(&b->textbook);
}

static void find_set_up(struct bench *b)
{
	open_set(b);
	make_order(b, 8);
}

static void change_set_up(struct bench *b)
{
	open_set(b);
	make_order(b, 2 * PAGE);
}

static void run_find(struct bench *b)
{
	for (unsigned i = 0; i < OPS; i++)
		b->sum += ax_region_find(&set, b->order[i])->flags;
}

static void find_limit(struct bench *b)
{
	for (unsigned i = 0; i < OPS; i++)
		b->sum += limit_search(&b->array, b->order[i]);
}

/* As many as fit between the regions: one each. */
static size_t insertions(const struct bench *b)
{
	return b->of->size < OPS ? b->of->size : OPS;
}

static void run_insert(struct bench *b)
{
	for (size_t i = 0; i < insertions(b); i++) {
		struct ax_region region = region_at(b->order[i]);

		insert_region(&region);
	}
}

static void run_remove(struct bench *b)
{
	for (size_t i = 0; i < insertions(b); i++)
		remove_range(b->order[i], b->order[i] + PAGE - 1);
}

static void textbook_insert_few(struct bench *b)
{
	for (unsigned i = 0; i < FEW && i < insertions(b); i++)
		textbook_insert(&b->textbook, b->order[i], b->order[i] + PAGE - 1);
}

static void textbook_remove_few(struct bench *b)
{
	for (unsigned i = 0; i < FEW && i < insertions(b); i++)
		textbook_remove(&b->textbook, b->order[i]);
}

/* The same behind the calls. */

static void open_space(struct bench *b)
{
	bench_open(b);
	for (size_t i = 0; i < b->of->size; i++)
		bench_check(ax_addrspace_map_alloc(&b->as, ax_gpa(i * STEP), PAGE, BENCH_RW,
						   false) == AX_OK,
			    "map");
	make_order(b, 2 * PAGE);
}

static void run_map(struct bench *b)
{
	for (size_t i = 0; i < insertions(b); i++)
		b->sum += (uint64_t)ax_addrspace_map_alloc(&b->as, ax_gpa(b->order[i]), PAGE,
							   BENCH_RW, false);
}

static void run_unmap(struct bench *b)
{
	for (size_t i = 0; i < insertions(b); i++)
		b->sum += (uint64_t)ax_addrspace_unmap(&b->as, ax_gpa(b->order[i]), PAGE);
}

#define CASES(COUNT, TEXT, INSERTS, FIND_RATIO, FIND_NANOS, MAP_NANOS, UNMAP_NANOS)                \
	{                                                                                          \
		.name = "find a region among " TEXT,                                               \
		.unit = "find",                                                                    \
		.ops = OPS,                                                                        \
		.size = (COUNT),                                                                   \
		.ratio = (FIND_RATIO),                                                             \
		.nanos = (FIND_NANOS),                                                             \
		.one_format = true,                                                                \
		.set_up = find_set_up,                                                             \
		.tear_down = close_set,                                                            \
		.library = {NULL, run_find, NULL, 0},                                              \
		.limit = {NULL, find_limit, NULL, 0},                                              \
	},                                                                                         \
		{                                                                                  \
			.name = "insert a region among " TEXT,                                     \
			.unit = "region",                                                          \
			.ops = (INSERTS),                                                          \
			.size = (COUNT),                                                           \
			.nanos = (MAP_NANOS),                                                      \
			.one_format = true,                                                        \
			.set_up = change_set_up,                                                   \
			.tear_down = close_set,                                                    \
			.library = {NULL, run_insert, run_remove, 0},                              \
			.textbook = {NULL, textbook_insert_few, textbook_remove_few,               \
				     (INSERTS) < FEW ? (INSERTS) : FEW},                           \
		},                                                                                 \
		{                                                                                  \
			.name = "remove a region among " TEXT,                                     \
			.unit = "region",                                                          \
			.ops = (INSERTS),                                                          \
			.size = (COUNT),                                                           \
			.one_format = true,                                                        \
			.set_up = change_set_up,                                                   \
			.tear_down = close_set,                                                    \
			.library = {run_insert, run_remove, NULL, 0},                              \
			.textbook = {textbook_insert_few, textbook_remove_few, NULL,               \
				     (INSERTS) < FEW ? (INSERTS) : FEW},                           \
		},                                                                                 \
		{                                                                                  \
			.name = "map a lazy page among " TEXT,                                     \
			.unit = "call",                                                            \
			.ops = (INSERTS),                                                          \
			.size = (COUNT),                                                           \
			.one_format = true,                                                        \
			.set_up = open_space,                                                      \
			.tear_down = bench_close,                                                  \
			.library = {NULL, run_map, run_unmap, 0},                                  \
		},                                                                                 \
	{                                                                                          \
		.name = "unmap a lazy page among " TEXT, .unit = "call", .ops = (INSERTS),         \
		.size = (COUNT), .nanos = (UNMAP_NANOS), .one_format = true, .set_up = open_space, \
		.tear_down = bench_close, .library = {run_map, run_unmap, NULL, 0},                \
	}

static const struct bench_case cases[] = {
	CASES(10, "10", 10, 0, 10, 0, 0),
	CASES(1000, "1000", 1000, 2.5, 0, 0, 0),
	CASES(100000, "100000", OPS, 2.5, 0, 100, 300),
	CASES(1000000, "1000000", OPS, 2.5, 0, 0, 0),
};

const struct bench_topic bench_region = {cases, sizeof(cases) / sizeof(cases[0])};
