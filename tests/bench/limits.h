/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least work that any implementation has to do, by hand and for one shape of table each: no format,
 * no checks, no regions, nobody else in the table.
 */
#ifndef BENCH_LIMITS_H
#define BENCH_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Frames that the port gave. */
struct limit_frames {
	uint64_t *hpa;
	size_t count;
	size_t capacity;
};

/** limit_take() - The port's own calls: @count frames, one by one. */
void limit_take(struct limit_frames *frames, size_t count);

/** limit_give_back() - The port's own calls: all of them, in the order that they came in. */
void limit_give_back(struct limit_frames *frames);

/** limit_zero() - Zero every one. */
void limit_zero(const struct limit_frames *frames);

/* A tree of tables of 512 entries that maps [0, size), pages of one level, four levels. */
struct limit_tables {
	uint64_t *root;
	uint64_t **leaf_table; /* the lowest tables, in order */
	size_t leaf_tables;
	struct limit_frames frames;
};

/* Entries of the tree are the host address of what they lead to, and this. */
#define LIMIT_PRESENT UINT64_C(7)

/** limit_build() - A tree whose lowest tables, @tables of them, hold level-@level entries. */
void limit_build(struct limit_tables *t, size_t tables, unsigned level);

/** limit_free() - Give its frames back. */
void limit_free(struct limit_tables *t);

/** limit_fill() - One 8-byte store for each of the first @count entries. */
void limit_fill(const struct limit_tables *t, size_t count, uint64_t step);

/** limit_change() - Load, change and store each of the first @count entries. */
void limit_change(const struct limit_tables *t, size_t count);

/** limit_walk() - Four loads of which each needs the one before. The result goes where the library's does. */
void limit_walk(const struct limit_tables *t, uint64_t gpa, uint64_t *hpa);

/* Range ends in ascending order. */
struct limit_array {
	uint64_t *last;
	size_t count;
};

/** limit_search() - Binary search for the first that is not below @addr. */
size_t limit_search(const struct limit_array *array, uint64_t addr);

#endif /* BENCH_LIMITS_H */
