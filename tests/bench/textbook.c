/* SPDX-License-Identifier: Apache-2.0 */
/* The textbook engine: nothing here is clever, and nothing is needlessly slow. */
#include "textbook.h"

#include <stdlib.h>
#include <string.h>

#include <axvisor/memory.h>

#include "bench.h"

#define PRESENT UINT64_C(7)
#define LARGE   UINT64_C(0x80)
#define ADDRESS UINT64_C(0x000ffffffffff000)

static uint64_t *virt(uint64_t hpa)
{
	return ax_memory_phys_to_virt(ax_hpa(hpa));
}

static uint64_t span_of(unsigned level)
{
	return PAGE << 9 * level;
}

static uint64_t new_frame(void)
{
	ax_hpa_t frame = ax_memory_alloc_frame();

	bench_check(!ax_hpa_is_none(frame), "a frame for the textbook");
	return frame.raw;
}

static uint64_t new_table(void)
{
	uint64_t hpa = new_frame();

	memset(virt(hpa), 0, PAGE);
	return hpa;
}

void textbook_open(struct textbook *tb)
{
	*tb = (struct textbook){.root = new_table()};
}

static void free_below(uint64_t hpa, unsigned level)
{
	const uint64_t *table = virt(hpa);

	for (size_t i = 0; level > 0 && i < 512; i++) {
		if (table[i] && !(table[i] & LARGE))
			free_below(table[i] & ADDRESS, level - 1);
	}
	ax_memory_dealloc_frame(ax_hpa(hpa));
}

void textbook_close(struct textbook *tb)
{
	free_below(tb->root, 3);
	free(tb->region);
	*tb = (struct textbook){0};
}

/* A table of pages one level smaller in the place of a large one. */
static void split(uint64_t *slot, unsigned level)
{
	uint64_t entry = *slot;
	uint64_t hpa = new_table();
	uint64_t *table = virt(hpa);

	for (size_t i = 0; i < 512; i++)
		table[i] = (level == 1 ? entry & ~LARGE : entry) + i * span_of(level - 1);
	*slot = hpa | PRESENT;
}

/* The slot of @level for @gpa; missing tables are made, or NULL. */
static uint64_t *walk(const struct textbook *tb, uint64_t gpa, unsigned level, bool make)
{
	uint64_t *table = virt(tb->root);

	for (unsigned at = 3; at > level; at--) {
		uint64_t *slot = &table[gpa >> (12 + 9 * at) & 511];

		if (*slot == 0) {
			if (!make)
				return NULL;
			*slot = new_table() | PRESENT;
		}
		if (*slot & LARGE)
			split(slot, at);
		table = virt(*slot & ADDRESS);
	}
	return &table[gpa >> (12 + 9 * level) & 511];
}

void textbook_map(struct textbook *tb, uint64_t gpa, uint64_t hpa, uint64_t size, unsigned level)
{
	for (uint64_t done = 0; done < size; done += span_of(level))
		*walk(tb, gpa + done, level, true) = (hpa + done) | PRESENT | (level ? LARGE : 0);
}

void textbook_populate(struct textbook *tb, uint64_t gpa, uint64_t size)
{
	for (uint64_t done = 0; done < size; done += PAGE) {
		uint64_t hpa = new_frame();

		if (bench_zeroing)
			memset(virt(hpa), 0, PAGE);
		*walk(tb, gpa + done, 0, true) = hpa | PRESENT;
	}
}

static bool is_empty(const uint64_t *table)
{
	for (size_t i = 0; i < 512; i++) {
		if (table[i])
			return false;
	}
	return true;
}

/* Free the tables on the way to @gpa that hold nothing any more. */
static void prune(struct textbook *tb, uint64_t gpa)
{
	for (unsigned level = 1; level < 4; level++) {
		uint64_t *slot = walk(tb, gpa, level, false);

		if (!slot || !*slot || (*slot & LARGE) || !is_empty(virt(*slot & ADDRESS)))
			return;
		ax_memory_dealloc_frame(ax_hpa(*slot & ADDRESS));
		*slot = 0;
	}
}

/* Level of what maps @gpa, or of the hole. */
static unsigned level_at(const struct textbook *tb, uint64_t gpa)
{
	unsigned level = 3;

	for (;; level--) {
		const uint64_t *slot = walk(tb, gpa, level, false);

		if (level == 0 || *slot == 0 || (*slot & LARGE))
			return level;
	}
}

void textbook_unmap(struct textbook *tb, uint64_t gpa, uint64_t size, bool own)
{
	uint64_t end = gpa + size;

	while (gpa < end) {
		unsigned level = level_at(tb, gpa);
		uint64_t *slot;
		uint64_t step;

		while (level > 0 && (gpa % span_of(level) != 0 || end - gpa < span_of(level)))
			level--;
		step = span_of(level);
		slot = walk(tb, gpa, level, false);
		if (slot && *slot) {
			if (own)
				ax_memory_dealloc_frame(ax_hpa(*slot & ADDRESS));
			*slot = 0;
		}
		/* Once for each table, at its end. */
		if ((gpa + step) % span_of(level + 1) == 0 || gpa + step == end)
			prune(tb, gpa);
		gpa += step;
	}
}

void textbook_protect(struct textbook *tb, uint64_t gpa, uint64_t size, uint64_t bits)
{
	for (uint64_t done = 0; done < size; done += PAGE) {
		uint64_t *slot = walk(tb, gpa + done, 0, false);

		if (slot && *slot)
			*slot = (*slot & ~PRESENT) | bits;
	}
}

bool textbook_fault(struct textbook *tb, uint64_t gpa)
{
	size_t i = textbook_find(tb, gpa);
	uint64_t *slot;

	if (i == tb->regions || tb->region[i].first > gpa)
		return false;
	slot = walk(tb, gpa, 0, true);
	if (*slot == 0) {
		uint64_t hpa = new_frame();

		if (bench_zeroing)
			memset(virt(hpa), 0, PAGE);
		*slot = hpa | PRESENT;
	}
	return true;
}

bool textbook_translate(const struct textbook *tb, uint64_t gpa, uint64_t *hpa)
{
	const uint64_t *table = virt(tb->root);

	for (unsigned level = 3;; level--) {
		uint64_t entry = table[gpa >> (12 + 9 * level) & 511];

		if (entry == 0)
			return false;
		if (level == 0 || (entry & LARGE)) {
			*hpa = (entry & ADDRESS) + gpa % span_of(level);
			return true;
		}
		table = virt(entry & ADDRESS);
	}
}

bool textbook_copy(const struct textbook *tb, uint64_t gpa, uint8_t *host, size_t size)
{
	while (size > 0) {
		size_t chunk = PAGE - gpa % PAGE;
		uint64_t hpa;

		if (chunk > size)
			chunk = size;
		if (!textbook_translate(tb, gpa, &hpa))
			return false;
		memcpy(host, virt(hpa), chunk);
		host += chunk;
		gpa += chunk;
		size -= chunk;
	}
	return true;
}

size_t textbook_find(const struct textbook *tb, uint64_t addr)
{
	size_t low = 0;
	size_t high = tb->regions;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (tb->region[mid].last < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void textbook_insert(struct textbook *tb, uint64_t first, uint64_t last)
{
	size_t at = textbook_find(tb, first);

	if (tb->regions == tb->capacity) {
		tb->capacity = tb->capacity ? 2 * tb->capacity : 16;
		tb->region = realloc(tb->region, tb->capacity * sizeof(*tb->region));
	}
	memmove(&tb->region[at + 1], &tb->region[at], (tb->regions - at) * sizeof(*tb->region));
	tb->region[at] = (struct textbook_region){first, last};
	tb->regions++;
}

void textbook_remove(struct textbook *tb, uint64_t first)
{
	size_t at = textbook_find(tb, first);

	tb->regions--;
	memmove(&tb->region[at], &tb->region[at + 1], (tb->regions - at) * sizeof(*tb->region));
}
