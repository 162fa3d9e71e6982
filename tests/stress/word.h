/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The word of a page: whoever writes it writes what only this page holds, so that whoever reads it can
 * tell whether it is this page's memory that he was led to: it holds zero, or that.
 */
#ifndef TESTS_STRESS_WORD_H
#define TESTS_STRESS_WORD_H

#include <stdbool.h>
#include <stdint.h>

#include "port.h"

/** WORD_OFFSET - Where in its page it is. */
#define WORD_OFFSET 64u

/** word_of() - What the word of the page at @gpa holds, if not zero. */
static inline uint64_t word_of(uint64_t gpa)
{
	return gpa * 0x9e3779b97f4a7c15u | 1u;
}

/** word_check() - Whether a value that was read is the page's. */
static inline void word_check(uint64_t gpa, uint64_t value)
{
	if (value != 0 && value != word_of(gpa))
		die("the word of GPA %#llx is %#llx", (unsigned long long)gpa,
		    (unsigned long long)value);
}

/** word_access() - Read, or write, the word through a pointer to its page. */
static inline void word_access(void *page, uint64_t gpa, bool write)
{
	uint64_t *word = (uint64_t *)(void *)((unsigned char *)page + WORD_OFFSET);

	if (write)
		__atomic_store_n(word, word_of(gpa), __ATOMIC_RELAXED);
	else
		word_check(gpa, __atomic_load_n(word, __ATOMIC_RELAXED));
}

#endif /* TESTS_STRESS_WORD_H */
