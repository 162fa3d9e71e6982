/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Put before every source of the library that the benchmark is linked with: lets a case leave out the
 * zeroing of guest memory, which hides all other work. Tables are zeroed always. The two functions that
 * zero guest memory are known by name; a case that measures without zeroing checks that they still are.
 * Costs a load and a branch for each page, counted against the library.
 */
#ifndef BENCH_UNZEROED_H
#define BENCH_UNZEROED_H

#include <stdbool.h>
#include <stddef.h>

extern bool bench_zeroing;

#include "mem.h"

static inline void *bench_memset(const char *caller, void *to, int byte, size_t size)
{
	if (!bench_zeroing && (__builtin_strcmp(caller, "ax_backend_get_owned") == 0 ||
			       __builtin_strcmp(caller, "stage_frames") == 0))
		return to;
	return memset(to, byte, size);
}

#define memset(to, byte, size) bench_memset(__func__, to, byte, size)

#endif /* BENCH_UNZEROED_H */
