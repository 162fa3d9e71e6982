/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An address space as a textbook has it: every page by a walk from the root, every table zeroed when it
 * is made and looked through for whether it is empty, regions in a sorted array. One format, four levels.
 */
#ifndef BENCH_TEXTBOOK_H
#define BENCH_TEXTBOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct textbook_region {
	uint64_t first;
	uint64_t last;
};

struct textbook {
	uint64_t root; /* host address */
	struct textbook_region *region;
	size_t regions;
	size_t capacity;
};

void textbook_open(struct textbook *tb);
void textbook_close(struct textbook *tb);

/** textbook_map() - [gpa, gpa + size) to hpa on, in pages of @level. */
void textbook_map(struct textbook *tb, uint64_t gpa, uint64_t hpa, uint64_t size, unsigned level);

/** textbook_populate() - The same to frames of its own. */
void textbook_populate(struct textbook *tb, uint64_t gpa, uint64_t size);

/** textbook_unmap() - Clear what is there, splitting what sticks out; @own: give the frames back. */
void textbook_unmap(struct textbook *tb, uint64_t gpa, uint64_t size, bool own);

/** textbook_protect() - Set the permission bits of each page. */
void textbook_protect(struct textbook *tb, uint64_t gpa, uint64_t size, uint64_t bits);

/** textbook_fault() - Back one page of a region. */
bool textbook_fault(struct textbook *tb, uint64_t gpa);

/** textbook_translate() - False: nothing there. */
bool textbook_translate(const struct textbook *tb, uint64_t gpa, uint64_t *hpa);

/** textbook_copy() - Guest memory to @host. */
bool textbook_copy(const struct textbook *tb, uint64_t gpa, uint8_t *host, size_t size);

/** textbook_find() - Index of the first region that ends at or after @addr. */
size_t textbook_find(const struct textbook *tb, uint64_t addr);
void textbook_insert(struct textbook *tb, uint64_t first, uint64_t last);
void textbook_remove(struct textbook *tb, uint64_t first);

#endif /* BENCH_TEXTBOOK_H */
