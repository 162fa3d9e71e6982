/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard: readers beside one another and beside a writer, and how a writer knows that no reader
 * can still hold what it is about to free.
 *
 *   slots   one frame of 64 lines. A reader takes a free slot with one compare-and-swap (its sequence
 *           number becomes odd) and leaves with one plain release store (even again). No line is
 *           written by two CPUs unless their stacks hash alike, and then they only look further.
 *   wait    a writer looks at each slot once; where it finds a reader inside it waits until the number
 *           differs. Readers that come later do not hold it up, and need not: they came after what
 *           the writer published. Readers never wait for a writer.
 *   lock    writers exclude one another by tickets.
 *
 * A reader that is interrupted by another reader on the same CPU is no special case: the second takes
 * another slot. A writer that interrupts a reader on the same CPU would wait for ever, which
 * <axvisor/addrspace.h> forbids.
 *
 * The order that it stands on (store then load, on both sides, hence the full fences):
 *
 *   reader: slot becomes odd | fence | reads regions and tables
 *   writer: publishes        | fence | reads slots
 *
 * Either the writer sees the slot odd and waits, or the reader sees what the writer published.
 */
#ifndef AX_SRC_GUARD_H
#define AX_SRC_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include <axvisor/error.h>
#include <axvisor/private.h> /* struct ax_guard, ax_guard_slot, ax_section */

#include "compiler.h"
#include "host_hooks.h"
#include "pause.h"

#pragma GCC visibility push(hidden)

/* The first line of a frame shares its cache set with entry 0 of every table: no reader takes it. */
#define AX_GUARD_SLOT_FIRST 1u
#define AX_GUARD_SLOT_END   64u

/**
 * ax_guard_init() - Make a guard.
 * @guard: The caller's memory.
 * @cpus: That may be inside at once. 1: none is needed, and every function below is a test of one pointer.
 * @relax: Called while a writer waits, or a reader for a slot; NULL for a pause instruction.
 * @relax_context: Handed to @relax.
 *
 * Return: AX_OK; AX_ENOMEM, AX_ERANGE: as ax_pool_get().
 */
AX_MUST_CHECK ax_error_t ax_guard_init(struct ax_guard *guard, unsigned cpus,
				       void (*relax)(void *context), void *relax_context);

/** ax_guard_destroy() - Give the frame back. Nobody is inside. */
void ax_guard_destroy(struct ax_guard *guard);

/** ax_guard_shared() - Whether there is a guard: more than one CPU. */
static inline bool ax_guard_shared(const struct ax_guard *guard)
{
	return guard->slots != NULL;
}

void ax_guard_enter_shared(const struct ax_guard *guard, struct ax_section *section);

/** ax_guard_enter() - Begin to read. @section is on the reader's stack. */
static inline void ax_guard_enter(const struct ax_guard *guard, struct ax_section *section)
{
	section->slot = NULL;
	if (ax_guard_shared(guard))
		ax_guard_enter_shared(guard, section);
	ax_pause(AX_PAUSE_ENTERED);
}

/** ax_guard_leave() - Nothing that was read is used any more. */
static inline void ax_guard_leave(const struct ax_section *section)
{
	ax_pause(AX_PAUSE_LEAVE);
	if (section->slot)
		__atomic_store_n(&section->slot->seq, section->seq + 2, __ATOMIC_RELEASE);
	ax_host_hook_read_end();
}

/**
 * ax_guard_enter_alone() - ax_guard_enter() where there is no guard.
 *
 * For readers that are short: they part ways at once by ax_guard_shared(), so that a space for one CPU does
 * not keep a section in memory.
 */
static inline void ax_guard_enter_alone(void)
{
	ax_pause(AX_PAUSE_ENTERED);
}

/** ax_guard_leave_alone() - The end of it. */
static inline void ax_guard_leave_alone(void)
{
	ax_pause(AX_PAUSE_LEAVE);
	ax_host_hook_read_end();
}

/** ax_guard_lock() - Exclude other writers. */
void ax_guard_lock(struct ax_guard *guard);

/** ax_guard_unlock() - Let the next writer in. */
void ax_guard_unlock(struct ax_guard *guard);

/** ax_guard_wait_readers() - Wait until every reader that is inside now has left. */
void ax_guard_wait_readers(const struct ax_guard *guard);

/**
 * ax_guard_count() - Count something in a reader's own line.
 * @counter: A member of the slot that the caller holds.
 * @n: How many.
 *
 * Only the holder writes, so a plain increment is enough; atomic for whoever adds the lines up.
 */
static inline void ax_guard_count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

/** ax_guard_count_tables() - ax_guard_count() of a counter that comes round. */
static inline void ax_guard_count_tables(uint32_t *counter, uint32_t n)
{
	__atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

/** ax_guard_sum() - Add the counters of all lines to @sum (whose seq is left alone). */
void ax_guard_sum(const struct ax_guard *guard, struct ax_guard_slot *sum);

#pragma GCC visibility pop

#endif /* AX_SRC_GUARD_H */
