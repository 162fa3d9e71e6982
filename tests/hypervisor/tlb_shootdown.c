/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library's TLB API, axvisor/tlb.h: when the tables change, the library invalidates on its own
 * CPU, and this sees to the others.
 *
 * Another CPU is not asked to invalidate this or that. One that is in the guest is made to leave it,
 * and every CPU, before it enters, drops all that it remembers of the tables if anything has been
 * invalidated since it entered last. Nobody waits for a CPU outside the guest: it may itself be
 * invalidating, or wait for the very lock that the caller holds.
 *
 * Why no CPU can use an old translation once ax_tlb_invalidate() has returned:
 *
 *   the one that changes the tables:		one that enters the guest:
 *	1 stores the new entries		   a stays = odd
 *	2 counts the invalidation		   b full fence
 *	3 full fence				   c reads the count; has it changed: flushes
 *	4 reads `stays` of the other		   d the guest runs; the hardware walks the tables
 *						   e stays = even, once the guest has left
 *
 * If 4 reads a value from before a, then, the fences 3 and b being between a store and a load on each
 * side, c reads what 2 wrote (C11 7.17.4 "Fences": both loads cannot miss the other's store), and so
 * d sees what 1 wrote: the count is stored after the entries by an operation that releases, and read
 * by one that acquires, and the flush orders the walks after that. If 4 reads a's odd number, the other
 * may be in the guest with the old count: it is kicked, and waited for until its number differs. Then
 * e has happened, and the a, b, c of its next stay come after 4, which is the first case. That the
 * kick may come when it has just left, or before it quite is inside, does no harm: a kick is not lost,
 * machine.h.
 *
 * The number is waited for to differ, not to be even, since the CPU may be in the guest again by then.
 */
#include <axvisor/tlb.h>

#include "machine.h"
#include "tlb_shootdown.h"

/* Counts each CPU's entries and exits: odd while it is in the guest. Written by that CPU alone. */
static uint64_t stays[PLATFORM_CPUS];

/* Calls of ax_tlb_invalidate(): it is also called where the space counts no generation, for new entries. */
static uint64_t requests;

static void full_fence(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/*
 * The generation of the space is counted even if no other CPU has to be told, which AMD's processors
 * need: their own translations go only at an entry, too. Both numbers only grow, so the sum has
 * changed when one of them has.
 */
void tlb_enter_guest(struct vm_vcpu *vcpu)
{
	uint64_t *stay = &stays[machine_cpu()];
	uint64_t seen;

	__atomic_store_n(stay, *stay + 1, __ATOMIC_RELAXED);
	full_fence();
	seen = ax_addrspace_tlb_generation(&vcpu->vm->space) +
	       __atomic_load_n(&requests, __ATOMIC_ACQUIRE);
	if (seen == vcpu->tlb_seen)
		return;
	vcpu_flush(&vcpu->vcpu);
	vcpu->tlb_seen = seen;
}

void tlb_leave_guest(void)
{
	uint64_t *stay = &stays[machine_cpu()];

	__atomic_store_n(stay, *stay + 1, __ATOMIC_RELEASE);
}

void ax_tlb_invalidate(const struct ax_tlb_request *request)
{
	uint64_t inside[PLATFORM_CPUS];
	unsigned self = machine_cpu();

	(void)request; /* whatever it names, all that a CPU remembers will go */
	__atomic_fetch_add(&requests, 1, __ATOMIC_RELEASE);
	full_fence();
	for (unsigned cpu = 0; cpu < machine_cpus(); cpu++) {
		inside[cpu] = __atomic_load_n(&stays[cpu], __ATOMIC_ACQUIRE);
		if (cpu != self && inside[cpu] % 2 == 1)
			machine_kick(cpu);
	}
	for (unsigned cpu = 0; cpu < machine_cpus(); cpu++) {
		if (cpu == self || inside[cpu] % 2 == 0)
			continue;
		while (__atomic_load_n(&stays[cpu], __ATOMIC_ACQUIRE) == inside[cpu])
			machine_relax();
	}
}

AX_API_IMPLEMENT(ax_tlb, AX_TLB_VERSION, AX_TLB_API);
