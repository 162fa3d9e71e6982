/* SPDX-License-Identifier: Apache-2.0 */
/* What a writer does to the table: map, unmap, protect, populate, punch; and a space's life. */
#include <stdlib.h>
#include <string.h>

#include <axvisor/memory.h>

#include "bench.h"

/* A host address by which no page but 4K ones, no page but 2M ones, and any page can be entered. */
#define HPA_4K (64 * GIB + PAGE)
#define HPA_2M (64 * GIB + 2 * MIB)
#define HPA_1G (64 * GIB)

static void map(struct bench *b, uint64_t hpa, uint64_t size)
{
	bench_check(ax_addrspace_map_linear(&b->as, ax_gpa(0), ax_hpa(hpa), size, BENCH_RWX) ==
			    AX_OK,
		    "map");
}

static void unmap(struct bench *b, uint64_t size)
{
	bench_check(ax_addrspace_unmap(&b->as, ax_gpa(0), size) == AX_OK, "unmap");
}

static void set_up(struct bench *b)
{
	bench_open(b);
	textbook_open(&b->textbook);
}

static void tear_down(struct bench *b)
{
	bench_close(b);
	textbook_close(&b->textbook);
}

/* 1 GiB in pages of 4K. */

#define SMALL 262144u

static void small_set_up(struct bench *b)
{
	set_up(b);
	limit_build(&b->tables, SMALL / 512, 0);
}

static void tables_tear_down(struct bench *b)
{
	tear_down(b);
	limit_free(&b->tables);
}

static void run_small_map(struct bench *b)
{
	map(b, HPA_4K, GIB);
}

static void run_small_unmap(struct bench *b)
{
	unmap(b, GIB);
}

static void run_small_protect(struct bench *b)
{
	bench_check(ax_addrspace_protect(&b->as, ax_gpa(0), GIB, AX_READ | AX_USER) == AX_OK,
		    "protect");
}

static void small_reprotect(struct bench *b)
{
	bench_check(ax_addrspace_protect(&b->as, ax_gpa(0), GIB, BENCH_RWX) == AX_OK, "protect");
}

static void small_protect_set_up(struct bench *b)
{
	small_set_up(b);
	run_small_map(b);
	textbook_map(&b->textbook, 0, HPA_4K, GIB, 0);
}

static void small_fill(struct bench *b)
{
	limit_fill(&b->tables, SMALL, PAGE);
}

static void small_change(struct bench *b)
{
	limit_change(&b->tables, SMALL);
}

static void textbook_small_map(struct bench *b)
{
	textbook_map(&b->textbook, 0, HPA_4K, GIB, 0);
}

static void textbook_small_unmap(struct bench *b)
{
	textbook_unmap(&b->textbook, 0, GIB, false);
}

static void textbook_small_protect(struct bench *b)
{
	textbook_protect(&b->textbook, 0, GIB, 1);
}

/* 64 GiB in pages of 2M; a terabyte of them, from an empty space on. */

#define LARGE 32768u
#define WHOLE 524288u

static void large_set_up(struct bench *b)
{
	set_up(b);
	limit_build(&b->tables, LARGE / 512, 1);
}

static void run_large_map(struct bench *b)
{
	map(b, HPA_2M, 64 * GIB);
}

static void run_large_unmap(struct bench *b)
{
	unmap(b, 64 * GIB);
}

static void large_fill(struct bench *b)
{
	limit_fill(&b->tables, LARGE, 2 * MIB);
}

static void textbook_large_map(struct bench *b)
{
	textbook_map(&b->textbook, 0, HPA_2M, 64 * GIB, 1);
}

static void textbook_large_unmap(struct bench *b)
{
	textbook_unmap(&b->textbook, 0, 64 * GIB, false);
}

static void whole_set_up(struct bench *b)
{
	limit_build(&b->tables, WHOLE / 512, 1);
}

static void run_whole(struct bench *b)
{
	bench_open(b);
	map(b, HPA_2M, TIB);
}

static void whole_fill(struct bench *b)
{
	limit_fill(&b->tables, WHOLE, 2 * MIB);
}

static void textbook_whole(struct bench *b)
{
	textbook_open(&b->textbook);
	textbook_map(&b->textbook, 0, HPA_2M, TIB, 1);
}

static void textbook_whole_close(struct bench *b)
{
	textbook_close(&b->textbook);
}

static void limit_tear_down(struct bench *b)
{
	limit_free(&b->tables);
}

/* 64 pages of 1G, in one call and each by itself. */

static void run_huge_map(struct bench *b)
{
	map(b, HPA_1G, 64 * GIB);
}

static void run_huge_maps(struct bench *b)
{
	for (uint64_t gpa = 0; gpa < 64 * GIB; gpa += GIB) {
		ax_error_t error = ax_addrspace_map_linear(&b->as, ax_gpa(gpa),
							   ax_hpa(HPA_1G + gpa), GIB, BENCH_RWX);

		bench_check(error == AX_OK, "map");
	}
}

static void textbook_huge_map(struct bench *b)
{
	textbook_map(&b->textbook, 0, HPA_1G, 64 * GIB, 2);
}

/* 256 MiB of the space's own frames. */

#define OWNED 65536u

static void owned_set_up(struct bench *b)
{
	set_up(b);
	limit_build(&b->tables, OWNED / 512, 0);
}

static void blocks_set_up(struct bench *b)
{
	bench_port_blocks = true;
	owned_set_up(b);
	b->array.last = calloc(OWNED / 512, sizeof(*b->array.last));
}

static void unzeroed_set_up(struct bench *b)
{
	uint64_t *frame;
	ax_hpa_t probe = ax_memory_alloc_frame();

	owned_set_up(b);
	/* See to it that unzeroed.h still knows the functions that zero. */
	bench_zeroing = false;
	frame = ax_memory_phys_to_virt(probe);
	frame[100] = 1;
	ax_memory_dealloc_frame(probe);
	bench_check(ax_addrspace_map_alloc(&b->as, ax_gpa(0), 64 * PAGE, BENCH_RWX, true) == AX_OK,
		    "populate");
	bench_check(frame[100] == 1, "a page that is not zeroed");
	unmap(b, 64 * PAGE);
}

static void owned_tear_down(struct bench *b)
{
	bench_port_blocks = false;
	bench_zeroing = true;
	free(b->array.last);
	tables_tear_down(b);
}

static void run_populate(struct bench *b)
{
	bench_check(ax_addrspace_map_alloc(&b->as, ax_gpa(0), 256 * MIB, BENCH_RWX, true) == AX_OK,
		    "populate");
}

static void run_owned_unmap(struct bench *b)
{
	unmap(b, 256 * MIB);
}

static void owned_take(struct bench *b)
{
	limit_take(&b->frames, OWNED);
}

static void owned_give_back(struct bench *b)
{
	limit_give_back(&b->frames);
}

static void owned_take_and_enter(struct bench *b)
{
	owned_take(b);
	limit_fill(&b->tables, OWNED, PAGE);
}

static void owned_take_and_zero(struct bench *b)
{
	owned_take_and_enter(b);
	limit_zero(&b->frames);
}

static void owned_zero_blocks(struct bench *b)
{
	for (unsigned i = 0; i < OWNED / 512; i++) {
		ax_hpa_t block = ax_memory_alloc_contiguous_frames(512, 2 * MIB);

		memset(ax_memory_phys_to_virt(block), 0, 2 * MIB);
		b->array.last[i] = block.raw;
	}
}

static void owned_give_back_blocks(struct bench *b)
{
	for (unsigned i = 0; i < OWNED / 512; i++)
		ax_memory_dealloc_contiguous_frames(ax_hpa(b->array.last[i]), 512);
}

static void textbook_owned_populate(struct bench *b)
{
	textbook_populate(&b->textbook, 0, 256 * MIB);
}

static void textbook_owned_unmap(struct bench *b)
{
	textbook_unmap(&b->textbook, 0, 256 * MIB, true);
}

/* One page out of each 2M page of 1 GiB. */

#define HOLES 512u

static void punch_set_up(struct bench *b)
{
	set_up(b);
	limit_build(&b->tables, HOLES, 0);
}

static void punch_before(struct bench *b)
{
	map(b, HPA_2M, GIB);
}

static void run_punch(struct bench *b)
{
	for (uint64_t gpa = MIB; gpa < GIB; gpa += 2 * MIB)
		bench_check(ax_addrspace_unmap(&b->as, ax_gpa(gpa), PAGE) == AX_OK, "punch");
}

static void punch_limit(struct bench *b)
{
	limit_take(&b->frames, HOLES);
	limit_fill(&b->tables, HOLES * 512, PAGE);
}

static void textbook_punch_before(struct bench *b)
{
	textbook_map(&b->textbook, 0, HPA_2M, GIB, 1);
}

static void textbook_punch(struct bench *b)
{
	for (uint64_t gpa = MIB; gpa < GIB; gpa += 2 * MIB)
		textbook_unmap(&b->textbook, gpa, PAGE, false);
}

/* Init and destroy. */

#define LIVES 256u

static void run_life(struct bench *b)
{
	struct ax_addrspace_config config = bench_config(b->format);

	for (unsigned i = 0; i < LIVES; i++) {
		bench_check(ax_addrspace_init(&b->as, &config) == AX_OK, "init");
		ax_addrspace_destroy(&b->as);
	}
}

/* A root of as many frames as the format's has. */
static void life_limit(struct bench *b)
{
	size_t frames = b->format->id == AX_NPT_GSTAGE ? 4 : 1;

	for (unsigned i = 0; i < LIVES; i++) {
		ax_hpa_t root = frames == 1 ? ax_memory_alloc_frame()
					    : ax_memory_alloc_contiguous_frames(4, 4 * PAGE);

		memset(ax_memory_phys_to_virt(root), 0, frames * PAGE);
		if (frames == 1)
			ax_memory_dealloc_frame(root);
		else
			ax_memory_dealloc_contiguous_frames(root, 4);
	}
}

static void textbook_life(struct bench *b)
{
	for (unsigned i = 0; i < LIVES; i++) {
		textbook_open(&b->textbook);
		textbook_close(&b->textbook);
	}
}

static const struct bench_case cases[] = {
	{
		.name = "map 1 GiB in 4K pages",
		.unit = "page",
		.ops = SMALL,
		.ratio = 1.2,
		.set_up = small_set_up,
		.tear_down = tables_tear_down,
		.library = {NULL, run_small_map, run_small_unmap, 0},
		.limit = {NULL, small_fill, NULL, 0},
		.textbook = {NULL, textbook_small_map, textbook_small_unmap, 0},
	},
	{
		.name = "unmap 1 GiB in 4K pages",
		.unit = "page",
		.ops = SMALL,
		.ratio = 0.1,
		.set_up = small_set_up,
		.tear_down = tables_tear_down,
		.library = {run_small_map, run_small_unmap, NULL, 0},
		.limit = {NULL, small_fill, NULL, 0},
		.textbook = {textbook_small_map, textbook_small_unmap, NULL, 0},
	},
	{
		.name = "protect 1 GiB in 4K pages",
		.unit = "page",
		.ops = SMALL,
		.ratio = 1.6,
		.set_up = small_protect_set_up,
		.tear_down = tables_tear_down,
		.library = {NULL, run_small_protect, small_reprotect, 0},
		.limit = {NULL, small_change, NULL, 0},
		.textbook = {NULL, textbook_small_protect, NULL, 0},
	},
	{
		.name = "map 64 GiB in 2M pages",
		.unit = "page",
		.ops = LARGE,
		.ratio = 1.5,
		.set_up = large_set_up,
		.tear_down = tables_tear_down,
		.library = {NULL, run_large_map, run_large_unmap, 0},
		.limit = {NULL, large_fill, NULL, 0},
		.textbook = {NULL, textbook_large_map, textbook_large_unmap, 0},
	},
	{
		.name = "unmap 64 GiB in 2M pages",
		.unit = "page",
		.ops = LARGE,
		.ratio = 1.5,
		.set_up = large_set_up,
		.tear_down = tables_tear_down,
		.library = {run_large_map, run_large_unmap, NULL, 0},
		.limit = {NULL, large_fill, NULL, 0},
		.textbook = {textbook_large_map, textbook_large_unmap, NULL, 0},
	},
	{
		.name = "map 64 GiB in 1G pages, one call",
		.unit = "page",
		.ops = 64,
		.nanos = 100,
		.set_up = set_up,
		.tear_down = tear_down,
		.library = {NULL, run_huge_map, run_large_unmap, 0},
		.textbook = {NULL, textbook_huge_map, textbook_large_unmap, 0},
	},
	{
		.name = "map 64 GiB in 1G pages, 64 calls",
		.unit = "page",
		.ops = 64,
		.nanos = 100,
		.set_up = set_up,
		.tear_down = tear_down,
		.library = {NULL, run_huge_maps, run_large_unmap, 0},
		.textbook = {NULL, textbook_huge_map, textbook_large_unmap, 0},
	},
	{
		.name = "init and map 1 TiB in 2M pages",
		.unit = "page",
		.ops = WHOLE,
		.ratio = 1.5,
		.set_up = whole_set_up,
		.tear_down = limit_tear_down,
		.library = {NULL, run_whole, bench_close, 0},
		.limit = {NULL, whole_fill, NULL, 0},
		.textbook = {NULL, textbook_whole, textbook_whole_close, 0},
	},
	{
		.name = "populate 256 MiB, not zeroed",
		.unit = "page",
		.ops = OWNED,
		.ratio = 1.1,
		.set_up = unzeroed_set_up,
		.tear_down = owned_tear_down,
		.library = {NULL, run_populate, run_owned_unmap, 0},
		.limit = {NULL, owned_take_and_enter, owned_give_back, 0},
		.textbook = {NULL, textbook_owned_populate, textbook_owned_unmap, 0},
	},
	{
		.name = "unmap 256 MiB of own pages",
		.unit = "page",
		.ops = OWNED,
		.ratio = 1.1,
		.set_up = unzeroed_set_up,
		.tear_down = owned_tear_down,
		.library = {run_populate, run_owned_unmap, NULL, 0},
		.limit = {owned_take, owned_give_back, NULL, 0},
		.textbook = {textbook_owned_populate, textbook_owned_unmap, NULL, 0},
	},
	{
		.name = "populate 256 MiB, zeroed",
		.unit = "page",
		.ops = OWNED,
		.ratio = 1.05,
		.set_up = owned_set_up,
		.tear_down = owned_tear_down,
		.library = {NULL, run_populate, run_owned_unmap, 0},
		.limit = {NULL, owned_take_and_zero, owned_give_back, 0},
		.textbook = {NULL, textbook_owned_populate, textbook_owned_unmap, 0},
	},
	{
		.name = "populate 256 MiB, zeroed, in blocks",
		.unit = "page",
		.ops = OWNED,
		.ratio = 1.05,
		.set_up = blocks_set_up,
		.tear_down = owned_tear_down,
		.library = {NULL, run_populate, run_owned_unmap, 0},
		.limit = {NULL, owned_zero_blocks, owned_give_back_blocks, 0},
		.textbook = {NULL, textbook_owned_populate, textbook_owned_unmap, 0},
	},
	{
		.name = "punch a page out of each 2M page",
		.unit = "hole",
		.ops = HOLES,
		.set_up = punch_set_up,
		.tear_down = tables_tear_down,
		.library = {punch_before, run_punch, run_small_unmap, 0},
		.limit = {NULL, punch_limit, owned_give_back, 0},
		.textbook = {textbook_punch_before, textbook_punch, textbook_small_unmap, 0},
	},
	{
		.name = "init and destroy",
		.unit = "space",
		.ops = LIVES,
		.library = {NULL, run_life, NULL, 0},
		.limit = {NULL, life_limit, NULL, 0},
		.textbook = {NULL, textbook_life, NULL, 0},
	},
};

const struct bench_topic bench_map = {cases, sizeof(cases) / sizeof(cases[0])};
