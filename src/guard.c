/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers beside one another and beside a writer: see guard.h for the scheme and its argument.
 *
 * In the model, tests/spin/guard.pml: ax_guard_enter_shared() is enter(), without its fence BREAK_FENCE;
 * ax_guard_leave() is leave(); ax_guard_wait_readers() is wait_readers(), without its fence
 * BREAK_WRITER_FENCE, and waiting for zero BREAK_WAIT_FOR_EVEN. `awaited` there is "the number is the
 * one that was seen". Numbers come round after 2^31 readers of a slot; a writer that looks just then sees
 * a reader that is inside, and waits for that one as well. They change together.
 */
#include "guard.h"

#include "bind.h"
#include "cpu.h"
#include "pool.h"
#include "mem.h"

_Static_assert(sizeof(struct ax_guard_slot) == 64, "a slot is a cache line");

ax_error_t ax_guard_init(struct ax_guard *guard, unsigned cpus, void (*relax)(void *context),
			 void *relax_context)
{
	ax_error_t error;

	*guard = (struct ax_guard){.relax = relax, .relax_context = relax_context};
	if (cpus == 1)
		return AX_OK;
	error = ax_pool_get(AX_POOL_ANY_ADDRESS, &guard->frame);
	if (error != AX_OK)
		return error;
	guard->slots = ax_memory_api()->phys_to_virt(ax_hpa(guard->frame));
	memset(guard->slots, 0, AX_PAGE_SIZE_4K);
	return AX_OK;
}

void ax_guard_destroy(struct ax_guard *guard)
{
	if (guard->slots)
		ax_memory_api()->dealloc_frame(ax_hpa(guard->frame));
	guard->slots = NULL;
}

static void relax(const struct ax_guard *guard)
{
	if (guard->relax)
		guard->relax(guard->relax_context);
	else
		ax_cpu_relax();
}

/*
 * Where a reader begins to look: CPUs run on different stacks, so the page that its section is on
 * tells them apart without the port having to number them. Fibonacci hashing spreads stacks that lie
 * a power of two apart.
 */
static unsigned first_slot(const struct ax_section *section)
{
	uint64_t page = (uint64_t)(uintptr_t)section >> 12;
	unsigned hash = (unsigned)(page * UINT64_C(0x9e3779b97f4a7c15) >> 58);

	return hash < AX_GUARD_SLOT_FIRST ? AX_GUARD_SLOT_FIRST : hash;
}

/* Take slot @i, if it is free. */
static bool take_slot(const struct ax_guard *guard, unsigned i, struct ax_section *section)
{
	struct ax_guard_slot *slot = &guard->slots[i];
	uint32_t seq = __atomic_load_n(&slot->seq, __ATOMIC_RELAXED);

	section->slot = slot;
	section->seq = seq;
	return (seq & 1u) == 0 && __atomic_compare_exchange_n(&slot->seq, &seq, seq + 1, false,
							      __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/*
 * Slot @first was taken: by a reader whose stack hashes alike, or one that this one interrupted.
 */
AX_SELDOM static void look_further(const struct ax_guard *guard, unsigned first,
				   struct ax_section *section)
{
	unsigned i = first;

	do {
		if (++i == AX_GUARD_SLOT_END)
			i = AX_GUARD_SLOT_FIRST;
		/* More readers at once than slots: one of them has to leave, and may need this CPU for
		 * it, when its allocator waits for every CPU to flush. */
		if (i == first)
			relax(guard);
	} while (!take_slot(guard, i, section));
}

void ax_guard_enter_shared(const struct ax_guard *guard, struct ax_section *section)
{
	const unsigned first = first_slot(section);

	if (!take_slot(guard, first, section))
		look_further(guard, first, section);
	/* The slot is odd before anything is read: see guard.h. */
	ax_cpu_fence_after_rmw();
}

void ax_guard_lock(struct ax_guard *guard)
{
	uint32_t ticket;

	if (!ax_guard_shared(guard))
		return;
	ticket = __atomic_fetch_add(&guard->ticket_next, 1, __ATOMIC_RELAXED);
	while (__atomic_load_n(&guard->ticket_owner, __ATOMIC_ACQUIRE) != ticket)
		relax(guard);
}

void ax_guard_unlock(struct ax_guard *guard)
{
	ax_host_hook_write_end();
	/* Only the owner writes it. */
	if (ax_guard_shared(guard))
		__atomic_store_n(&guard->ticket_owner, guard->ticket_owner + 1, __ATOMIC_RELEASE);
}

void ax_guard_wait_readers(const struct ax_guard *guard)
{
	if (!ax_guard_shared(guard))
		return;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (unsigned i = AX_GUARD_SLOT_FIRST; i < AX_GUARD_SLOT_END; i++) {
		const uint32_t *seq = &guard->slots[i].seq;
		uint32_t seen = __atomic_load_n(seq, __ATOMIC_ACQUIRE);

		/* Until it differs, and not until it is even: a reader that comes again and again
		 * would keep a writer out for ever. */
		while ((seen & 1u) != 0 && __atomic_load_n(seq, __ATOMIC_ACQUIRE) == seen)
			relax(guard);
	}
}

void ax_guard_sum(const struct ax_guard *guard, struct ax_guard_slot *sum)
{
	if (!ax_guard_shared(guard))
		return;
	for (unsigned i = AX_GUARD_SLOT_FIRST; i < AX_GUARD_SLOT_END; i++) {
		const struct ax_guard_slot *slot = &guard->slots[i];

		sum->table_frames += __atomic_load_n(&slot->table_frames, __ATOMIC_RELAXED);
		sum->owned_frames += __atomic_load_n(&slot->owned_frames, __ATOMIC_RELAXED);
		sum->foreign_frames += __atomic_load_n(&slot->foreign_frames, __ATOMIC_RELAXED);
	}
}
