/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a load or store is, from its bits: the hardware need not tell.
 *
 * Manual: RISC-V unprivileged architecture, "Load and Store Instructions" and, for 16-bit ones, "C"
 * Extension, "Load and Store Instructions" and "RVC Instruction Set Listings".
 */
#include "instruction.h"

#include "csr.h"

#define OPCODE_LOAD  0x03
#define OPCODE_STORE 0x23

bool instruction_is_compressed(uint32_t instruction)
{
	return bits(instruction, 1, 0) != 3;
}

/* funct3 of a load: log2 of the bytes, and [2] when zeroes fill the register; 7 is none. */
static struct vcpu_access load(unsigned funct3, unsigned reg)
{
	return (struct vcpu_access){
		.described = funct3 != 7,
		.width = (enum ax_access_width)(funct3 & 3),
		.sign_extend = funct3 < 4,
		.reg = reg,
	};
}

static struct vcpu_access store(unsigned funct3, unsigned reg)
{
	return (struct vcpu_access){
		.described = funct3 < 4,
		.store = true,
		.width = (enum ax_access_width)(funct3 & 3),
		.reg = reg,
	};
}

/*
 * funct3 [15:13]: 2 loads and 6 stores 4 bytes, 3 and 7 do 8. In quadrant 0 the register is one of
 * x8 to x15; in quadrant 2 the address is relative to the stack pointer and the register any.
 */
static struct vcpu_access decode_compressed(uint32_t instruction)
{
	unsigned quadrant = (unsigned)bits(instruction, 1, 0);
	unsigned funct3 = (unsigned)bits(instruction, 15, 13);
	bool is_store = funct3 & 4;

	if (quadrant == 1 || !(funct3 & 2))
		return (struct vcpu_access){.described = false};
	funct3 &= 3;
	if (quadrant == 0) {
		unsigned reg = 8 + (unsigned)bits(instruction, 4, 2);

		return is_store ? store(funct3, reg) : load(funct3, reg);
	}
	return is_store ? store(funct3, (unsigned)bits(instruction, 6, 2))
			: load(funct3, (unsigned)bits(instruction, 11, 7));
}

struct vcpu_access instruction_decode(uint32_t instruction)
{
	unsigned funct3 = (unsigned)bits(instruction, 14, 12);

	if (instruction_is_compressed(instruction))
		return decode_compressed(instruction);
	switch (bits(instruction, 6, 0)) {
	case OPCODE_LOAD:
		return load(funct3, (unsigned)bits(instruction, 11, 7));
	case OPCODE_STORE:
		return store(funct3, (unsigned)bits(instruction, 24, 20));
	default:
		return (struct vcpu_access){.described = false};
	}
}
