/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The port: an arena, and a stack of free frames, last in first out: about the cheapest allocator that a
 * hypervisor can have, so that whatever the library does beside calling it shows. Contiguous blocks come
 * from a part of their own. Invalidations go nowhere: ax_tlb_invalidate() is not defined.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <axvisor/memory.h>

#include "bench.h"

#define ARENA_SIZE  (768 * MIB)
#define BLOCKS_SIZE (320 * MIB) /* at its end */
#define FRAMES      ((size_t)((ARENA_SIZE - BLOCKS_SIZE) / PAGE))

bool bench_port_blocks;
bool bench_zeroing = true;

static unsigned char *arena;
static uint64_t direct_offset;
static uint64_t *free_frame; /* host addresses */
static size_t free_frames;
static uint64_t blocks_end; /* offset of the blocks that were never out */
static size_t used;

/* Blocks that came back; there are few. */
static struct {
	uint64_t hpa;
	size_t count;
} free_block[256];

void bench_port_open(void)
{
	arena = mmap(NULL, ARENA_SIZE + 2 * MIB, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bench_check(arena != MAP_FAILED, "an arena");
	arena += -(uintptr_t)arena % (2 * MIB);
	(void)madvise(arena, ARENA_SIZE, MADV_HUGEPAGE);
	memset(arena, 0, ARENA_SIZE);
	direct_offset = (uintptr_t)arena - BENCH_RAM_BASE;
	free_frame = calloc(FRAMES, sizeof(*free_frame));
	bench_port_reset();
}

void bench_port_reset(void)
{
	bench_check(used == 0, "all frames back");
	for (free_frames = 0; free_frames < FRAMES; free_frames++)
		free_frame[free_frames] = BENCH_RAM_BASE + (FRAMES - 1 - free_frames) * PAGE;
	blocks_end = FRAMES * PAGE;
	memset(free_block, 0, sizeof(free_block));
}

uint64_t bench_direct_offset(void)
{
	return direct_offset;
}

size_t bench_frames_used(void)
{
	return used;
}

ax_hpa_t ax_memory_alloc_frame(void)
{
	if (free_frames == 0)
		return AX_HPA_NONE;
	used++;
	return ax_hpa(free_frame[--free_frames]);
}

void ax_memory_dealloc_frame(ax_hpa_t frame)
{
	used--;
	free_frame[free_frames++] = frame.raw;
}

ax_hpa_t ax_memory_alloc_contiguous_frames(size_t count, size_t align)
{
	uint64_t size = count * PAGE;

	/* Roots are of a few frames and always to be had. */
	if (!bench_port_blocks && size >= 2 * MIB)
		return AX_HPA_NONE;
	for (size_t i = 0; i < sizeof(free_block) / sizeof(free_block[0]); i++) {
		if (free_block[i].count == count && free_block[i].hpa % align == 0) {
			free_block[i].count = 0;
			used += count;
			return ax_hpa(free_block[i].hpa);
		}
	}
	blocks_end += -blocks_end % align;
	bench_check(blocks_end + size <= ARENA_SIZE, "an arena with enough blocks");
	blocks_end += size;
	used += count;
	return ax_hpa(BENCH_RAM_BASE + blocks_end - size);
}

void ax_memory_dealloc_contiguous_frames(ax_hpa_t first, size_t count)
{
	size_t i = 0;

	used -= count;
	while (free_block[i].count != 0)
		bench_check(++i < sizeof(free_block) / sizeof(free_block[0]),
			    "room for free blocks");
	free_block[i].hpa = first.raw;
	free_block[i].count = count;
}

void *ax_memory_phys_to_virt(ax_hpa_t pa)
{
	return (void *)(uintptr_t)(pa.raw + direct_offset);
}

ax_hpa_t ax_memory_virt_to_phys(const void *va)
{
	return ax_hpa((uintptr_t)va - direct_offset);
}
