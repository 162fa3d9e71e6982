/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the library's own tests look on: with AX_HOST_HOOKS, which nothing but tests/tests.mk sets,
 * the host build calls the functions below, and the test program defines them. In every other build
 * they are empty, and the code is the same as without them.
 *
 * What they are for is a model of hardware that reads tables at the worst moments: between any two
 * stores. The instructions that a target executes are not visible on a host; the stores are.
 */
#ifndef AX_SRC_HOST_HOOKS_H
#define AX_SRC_HOST_HOOKS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef AX_HOST_HOOKS

#pragma GCC visibility push(hidden)

/** ax_host_hook_store() - @entry was stored to @slot of a table, which may not be linked yet. */
void ax_host_hook_store(const uint64_t *slot, uint64_t entry);

/** ax_host_hook_flush() - A request to invalidate is done; on every CPU, or with @everywhere false on
 * this one alone where hardware does not broadcast. */
void ax_host_hook_flush(bool everywhere);

/** ax_host_hook_publish() - The barrier behind entries that became valid. */
void ax_host_hook_publish(void);

/** ax_host_hook_write_end() - A writer is done: what it promises holds. */
void ax_host_hook_write_end(void);

/** ax_host_hook_read_end() - A reader is done, which may have been a fault. */
void ax_host_hook_read_end(void);

#pragma GCC visibility pop

/* The same of a compare-and-swap that may have failed. */
static inline void ax_host_hook_replace(bool replaced, const uint64_t *slot, uint64_t entry)
{
	if (replaced)
		ax_host_hook_store(slot, entry);
}

#else

static inline void ax_host_hook_store(const uint64_t *slot, uint64_t entry)
{
	(void)slot;
	(void)entry;
}

static inline void ax_host_hook_replace(bool replaced, const uint64_t *slot, uint64_t entry)
{
	(void)replaced;
	(void)slot;
	(void)entry;
}

static inline void ax_host_hook_flush(bool everywhere)
{
	(void)everywhere;
}

static inline void ax_host_hook_publish(void)
{
}

static inline void ax_host_hook_write_end(void)
{
}

static inline void ax_host_hook_read_end(void)
{
}

#endif /* AX_HOST_HOOKS */

#endif /* AX_SRC_HOST_HOOKS_H */
