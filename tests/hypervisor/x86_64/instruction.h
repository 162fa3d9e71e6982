/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decodes the instruction at which a guest stands: the moves between a register, or a constant, and
 * memory. Neither vendor's hardware tells what a faulting instruction was meant to do, but for some of
 * AMD's, which at most hands out its bytes.
 */
#ifndef HYPERVISOR_X86_64_INSTRUCTION_H
#define HYPERVISOR_X86_64_INSTRUCTION_H

#include <stdbool.h>
#include <stdint.h>

struct vcpu;

struct instruction {
	bool readable; /* its bytes could be read: if not, fetching it is what failed */
	bool known;    /* the rest is set */
	bool store;
	bool constant;     /* stores `immediate`, not a register */
	bool sign_extend;  /* a load narrower than its register is extended, by sign or by zeroes */
	bool high_byte;    /* the register is AH, CH, DH or BH */
	unsigned size;     /* bytes of the access */
	unsigned reg_size; /* bytes of the register that a load writes; 4 clears the upper half */
	unsigned reg;
	unsigned length; /* bytes of the instruction */
	uint64_t immediate;
	uint64_t address; /* linear */
};

void instruction_decode(const struct vcpu *vcpu, struct instruction *out);

/* What it stores; and what it does with a loaded value. */
uint64_t instruction_source(const struct vcpu *vcpu, const struct instruction *instruction);
void instruction_load(struct vcpu *vcpu, const struct instruction *instruction, uint64_t value);

#endif /* HYPERVISOR_X86_64_INSTRUCTION_H */
