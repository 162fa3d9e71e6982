/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DOC: vCPUs with a TLB
 *
 * What hardware does: remember a translation, and use it for as long as nobody invalidates it. What a
 * vCPU has in its TLB it may use at any moment without asking the library; only the port's
 * ax_tlb_invalidate() takes it away, and waits until it is gone.
 */
#ifndef TESTS_STRESS_VCPU_H
#define TESTS_STRESS_VCPU_H

#include <axvisor/addrspace.h>

/** VCPUS - How many there are. */
#define VCPUS 4u

/** vcpu_access() - The guest reads, or writes, the word of a page; faults as often as it takes. */
void vcpu_access(struct ax_addrspace *as, unsigned vcpu, uint64_t gpa, bool write);

/** vcpus_reset() - Nothing is remembered: the space is gone. */
void vcpus_reset(void);

#endif /* TESTS_STRESS_VCPU_H */
