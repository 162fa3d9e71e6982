/* SPDX-License-Identifier: Apache-2.0 */
/* The least work. Stores are atomic as those of any table in use are, so that no compiler makes vectors
 * of them or leaves them out; 8-byte stores reach two thirds of the widest vector's speed. */
#include "limits.h"

#include <stdlib.h>
#include <string.h>

#include <axvisor/memory.h>

#include "bench.h"

static uint64_t *frame_ptr(uint64_t hpa)
{
	return (uint64_t *)(uintptr_t)(hpa + bench_direct_offset());
}

void limit_take(struct limit_frames *frames, size_t count)
{
	if (frames->count + count > frames->capacity) {
		frames->capacity = 2 * (frames->count + count);
		frames->hpa = realloc(frames->hpa, frames->capacity * sizeof(*frames->hpa));
	}
	for (size_t i = 0; i < count; i++)
		frames->hpa[frames->count++] = ax_memory_alloc_frame().raw;
}

void limit_give_back(struct limit_frames *frames)
{
	for (size_t i = 0; i < frames->count; i++)
		ax_memory_dealloc_frame(ax_hpa(frames->hpa[i]));
	frames->count = 0;
}

void limit_zero(const struct limit_frames *frames)
{
	for (size_t i = 0; i < frames->count; i++)
		memset(frame_ptr(frames->hpa[i]), 0, PAGE);
}

static uint64_t take(struct limit_tables *t)
{
	limit_take(&t->frames, 1);
	return t->frames.hpa[t->frames.count - 1];
}

/* The table below @table's entry @index, made when there is none. */
static uint64_t *table_below(struct limit_tables *t, uint64_t *table, size_t index)
{
	if (table[index] == 0) {
		table[index] = take(t) | LIMIT_PRESENT;
		memset(frame_ptr(table[index] & ~(PAGE - 1)), 0, PAGE);
	}
	return frame_ptr(table[index] & ~(PAGE - 1));
}

void limit_build(struct limit_tables *t, size_t tables, unsigned level)
{
	*t = (struct limit_tables){.leaf_tables = tables};
	t->leaf_table = calloc(tables, sizeof(*t->leaf_table));
	t->root = frame_ptr(take(t));
	memset(t->root, 0, PAGE);
	for (size_t i = 0; i < tables; i++) {
		uint64_t *table = t->root;

		for (unsigned at = 3; at > level; at--)
			table = table_below(t, table, i >> 9 * (at - level - 1) & 511);
		t->leaf_table[i] = table;
	}
	limit_fill(t, tables * 512, PAGE << 9 * level);
}

void limit_free(struct limit_tables *t)
{
	limit_give_back(&t->frames);
	free(t->frames.hpa);
	free(t->leaf_table);
	*t = (struct limit_tables){0};
}

void limit_fill(const struct limit_tables *t, size_t count, uint64_t step)
{
	uint64_t entry = LIMIT_PRESENT;

	for (size_t done = 0; done < count; done += 512) {
		uint64_t *table = t->leaf_table[done / 512];
		size_t n = count - done < 512 ? count - done : 512;

		for (size_t i = 0; i < n; i++, entry += step)
			__atomic_store_n(&table[i], entry, __ATOMIC_RELAXED);
	}
}

void limit_change(const struct limit_tables *t, size_t count)
{
	for (size_t done = 0; done < count; done += 512) {
		uint64_t *table = t->leaf_table[done / 512];
		size_t n = count - done < 512 ? count - done : 512;

		for (size_t i = 0; i < n; i++) {
			uint64_t entry = __atomic_load_n(&table[i], __ATOMIC_RELAXED);

			__atomic_store_n(&table[i], entry ^ 2, __ATOMIC_RELAXED);
		}
	}
}

void limit_walk(const struct limit_tables *t, uint64_t gpa, uint64_t *hpa)
{
	const uint64_t offset = bench_direct_offset();
	const uint64_t *table = t->root;

	for (unsigned shift = 39; shift > 12; shift -= 9) {
		uint64_t entry = table[gpa >> shift & 511];

		table = (const uint64_t *)(uintptr_t)((entry & ~(PAGE - 1)) + offset);
	}
	*hpa = (table[gpa >> 12 & 511] & ~(PAGE - 1)) + gpa % PAGE;
}

size_t limit_search(const struct limit_array *array, uint64_t addr)
{
	size_t low = 0;
	size_t high = array->count;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (array->last[mid] < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}
