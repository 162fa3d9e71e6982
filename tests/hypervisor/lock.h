/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ticket lock: whoever asked first gets in first. Zeroes are an open one. Whoever holds the VM's
 * may ask for that of the frames or of the timers, and whoever holds any for the console's; nobody
 * runs the guest with one held. Interrupts are masked in the hypervisor, so that none can ask for
 * a lock that its own CPU holds.
 */
#ifndef HYPERVISOR_LOCK_H
#define HYPERVISOR_LOCK_H

#include <stdint.h>

struct lock {
	uint32_t next;
	uint32_t serving;
};

static inline void lock_acquire(struct lock *lock)
{
	uint32_t ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);

	while (__atomic_load_n(&lock->serving, __ATOMIC_ACQUIRE) != ticket)
		;
}

static inline void lock_release(struct lock *lock)
{
	__atomic_store_n(&lock->serving, lock->serving + 1, __ATOMIC_RELEASE);
}

#endif /* HYPERVISOR_LOCK_H */
