/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of the plain model of a space: what is mapped, as a list of extents, and what was written,
 * page by page.
 */
#ifndef TESTS_SUPPORT_EXTENTS_H
#define TESTS_SUPPORT_EXTENTS_H

#include "check.h"

/** EXTENTS_MOST - More of them fail the test. */
#define EXTENTS_MOST 512u

/** struct extents - Ascending, disjoint. */
struct extents {
	struct expect map[EXTENTS_MOST];
	size_t count;
};

extern struct extents extents;

/** extent_end() - One past the last byte. */
uint64_t extent_end(const struct expect *e);

/** extent_is_owned() - Whether its memory is the space's. */
bool extent_is_owned(const struct expect *e);

/** extent_overlaps() - Whether it has bytes of a range. */
bool extent_overlaps(const struct expect *e, uint64_t gpa, uint64_t size);

/** extents_add() - A new one, where there is none. */
void extents_add(struct expect e);

/** extents_cut() - Make a boundary at an address. */
void extents_cut(uint64_t gpa);

/** extents_drop() - Nothing is mapped in a range any more. */
void extents_drop(uint64_t gpa, uint64_t size);

/** extents_find() - The one that has a byte, or NULL. */
const struct expect *extents_find(uint64_t gpa);

/** extents_overlap() - Whether any has bytes of a range. */
bool extents_overlap(uint64_t gpa, uint64_t size);

/** extents_hole() - First byte at or above @gpa, below @end, that none has; @end when there is none. */
uint64_t extents_hole(uint64_t gpa, uint64_t end);

/** extents_next() - Where the first one above @gpa begins; UINT64_MAX when there is none. */
uint64_t extents_next(uint64_t gpa);

/** contents_byte() - What a mapped byte has to be. */
unsigned char contents_byte(uint64_t gpa);

/** contents_write() - Mapped bytes were written. */
void contents_write(uint64_t gpa, const unsigned char *bytes, size_t size);

/** contents_drop() - Owned pages of a range are gone, and their contents with them. */
void contents_drop(uint64_t gpa, uint64_t size);

/** contents_forget() - Host memory that was written becomes zero again. */
void contents_forget(void);

/** contents_check() - Every page that was written holds what it has to. */
void contents_check(const struct test_space *s);

#endif /* TESTS_SUPPORT_EXTENTS_H */
