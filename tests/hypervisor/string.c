/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The four functions that a freestanding compiler may call at any time (GCC manual, "Standards";
 * the library asks for nothing else). The build forbids the compiler to recognise these loops as
 * calls of themselves (-fno-builtin, -fno-tree-loop-distribute-patterns).
 */
#include <stdint.h>

#include "string.h"

/*
 * Pages are what is copied and cleared most, so whole words go first where everything is aligned.
 */
typedef uint64_t __attribute__((may_alias)) word;

static size_t whole_words(const void *a, const void *b, size_t size)
{
	return ((uintptr_t)a | (uintptr_t)b) % sizeof(word) ? 0 : size / sizeof(word);
}

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	size_t words = whole_words(to, from, size);
	unsigned char *to_bytes = to;
	const unsigned char *from_bytes = from;

	for (size_t i = 0; i < words; i++)
		((word *)to)[i] = ((const word *)from)[i];
	for (size_t i = words * sizeof(word); i < size; i++)
		to_bytes[i] = from_bytes[i];
	return to;
}

void *memmove(void *to, const void *from, size_t size)
{
	unsigned char *to_bytes = to;
	const unsigned char *from_bytes = from;

	if ((uintptr_t)to <= (uintptr_t)from) {
		for (size_t i = 0; i < size; i++)
			to_bytes[i] = from_bytes[i];
	} else {
		for (size_t i = size; i-- > 0;)
			to_bytes[i] = from_bytes[i];
	}
	return to;
}

void *memset(void *to, int byte, size_t size)
{
	size_t words = whole_words(to, to, size);
	word pattern = (unsigned char)byte * UINT64_C(0x0101010101010101);
	unsigned char *bytes = to;

	for (size_t i = 0; i < words; i++)
		((word *)to)[i] = pattern;
	for (size_t i = words * sizeof(word); i < size; i++)
		bytes[i] = (unsigned char)byte;
	return to;
}

int memcmp(const void *left, const void *right, size_t size)
{
	const unsigned char *l = left, *r = right;

	for (size_t i = 0; i < size; i++) {
		if (l[i] != r[i])
			return l[i] < r[i] ? -1 : 1;
	}
	return 0;
}
