/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conformance run: the memory map is changed at random, thousands of times; before each change
 * and after it the guest makes accesses on both sides of every boundary. What the processor's own
 * table walker makes of them is compared with what the library's query says of the tables.
 */
#ifndef HYPERVISOR_CONFORMANCE_H
#define HYPERVISOR_CONFORMANCE_H

#include "vm.h"

/* conformance.c. Hypercalls: judges the batch before, fills the next; false: it is over. */
bool conformance_next(struct vm *vm, uint64_t batch);
uint64_t conformance_disagreements(void);

/* Around the library's serving of each fault: what it was; that the access will be retried. */
void conformance_fault(const struct vm_vcpu *vcpu, const struct vcpu_exit *exit);
void conformance_served(const struct vm_vcpu *vcpu, const struct vcpu_exit *exit);

/* conformance_map.c: the changes. */
struct conformance_range {
	uint64_t start;
	uint64_t size;
};

void conformance_map_init(struct vm *vm);
struct conformance_range conformance_plan(void); /* where the next change will be */
void conformance_change(struct conformance_range range);
void conformance_map_clear(void);

uint64_t conformance_random(uint64_t below);

/* An address in an arena, in its parts that changes are made in, or anywhere. */
uint64_t conformance_random_address(void);
bool conformance_in_reach(uint64_t gpa);

/*
 * The pool: the memory behind linear mappings. Each of its words is a function of its host address,
 * but for a function in each frame, which returns a number of the frame's own.
 */
#define POOL_SIZE       UINT64_C(0x1000000)
#define POOL_CODE       UINT64_C(0x800) /* where in a frame */
#define POOL_CODE_CLEAR UINT64_C(0x40)  /* no word that far from there is loaded */

bool conformance_in_pool(uint64_t hpa);
uint64_t conformance_random_frame(void);
uint64_t conformance_word(uint64_t hpa);
uint16_t conformance_number(uint64_t hpa);
void conformance_write_code(uint64_t hpa); /* into the frame of any host address */

#endif /* HYPERVISOR_CONFORMANCE_H */
