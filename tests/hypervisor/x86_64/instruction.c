/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manual: Intel SDM vol. 2A, chapter "Instruction Format", with the tables of ModR/M and SIB bytes;
 * vol. 2B, MOV, MOVSX/MOVSXD, MOVZX; vol. 3A, "4-Level Paging and 5-Level Paging" for the walk.
 */
#include "instruction.h"

#include <axvisor/guest.h>

#include "sysreg.h"
#include "vcpu.h"
#include "vm.h"

#define MAX_LENGTH 15

#define ENTRY_PRESENT BIT(0)
#define ENTRY_LARGE   BIT(7)
#define ENTRY_ADDRESS UINT64_C(0x000ffffffffff000)

#define REX_W 8u
#define REX_R 4u
#define REX_X 2u
#define REX_B 1u

/* Bytes that are decoded one after another. */
struct stream {
	const struct vcpu *vcpu;
	uint8_t bytes[MAX_LENGTH];
	unsigned count; /* that could be read */
	unsigned at;
	bool overrun;
	unsigned rex;
	bool has_rex;
	bool operand16;
};

static struct ax_addrspace *space(void)
{
	return &vm_vcpu_on(machine_cpu())->vm->space;
}

/* The guest's own four-level walk, permissions aside: the processor got this far by itself. */
static bool walk(const struct vcpu *vcpu, uint64_t linear, uint64_t *physical)
{
	uint64_t table = vcpu->cr3 & ENTRY_ADDRESS;

	if (!(vcpu->cr0 & CR0_PG)) {
		*physical = linear;
		return true;
	}
	for (unsigned shift = 39;; shift -= 9) {
		uint64_t inside = (UINT64_C(1) << shift) - 1, entry;

		if (ax_guest_read(space(), ax_gpa(table + (linear >> shift & 511) * 8), &entry,
				  sizeof(entry)) != AX_OK ||
		    !(entry & ENTRY_PRESENT))
			return false;
		if (shift == 12 || entry & ENTRY_LARGE) {
			*physical = (entry & ENTRY_ADDRESS & ~inside) | (linear & inside);
			return true;
		}
		table = entry & ENTRY_ADDRESS;
	}
}

/* As many bytes as are in one page: what lies in the next is read only if the instruction does, too. */
static void fetch(struct stream *in)
{
	uint64_t at = in->vcpu->rip + in->count, physical;
	unsigned room = MAX_LENGTH - in->count, left = (unsigned)(0x1000 - (at & 0xfff));
	unsigned size = room < left ? room : left;

	if (walk(in->vcpu, at, &physical) &&
	    ax_guest_read(space(), ax_gpa(physical), &in->bytes[in->count], size) == AX_OK)
		in->count += size;
}

static uint8_t peek(struct stream *in)
{
	if (in->at == in->count)
		fetch(in);
	if (in->at < in->count)
		return in->bytes[in->at];
	in->overrun = true;
	return 0;
}

static uint8_t next(struct stream *in)
{
	uint8_t byte = peek(in);

	in->at += !in->overrun;
	return byte;
}

/* A constant of 1, 2, 4 or 8 bytes, as a signed number. */
static uint64_t next_signed(struct stream *in, unsigned size)
{
	uint64_t value = 0;
	unsigned unused = 64 - 8 * size;

	for (unsigned i = 0; i < size; i++)
		value |= (uint64_t)next(in) << (8 * i);
	return (uint64_t)((int64_t)(value << unused) >> unused);
}

/*
 * Operand size and REX, which is the last of the prefixes. Segment overrides and a smaller address size
 * change the address, LOCK and REP the meaning: an instruction that has them is not decoded.
 */
static void prefixes(struct stream *in)
{
	while (peek(in) == 0x66) {
		in->operand16 = true;
		in->at++;
	}
	if ((peek(in) & 0xf0) == 0x40) {
		in->has_rex = true;
		in->rex = next(in) & 0xf;
	}
}

/* SIB byte: base + index * scale. Base 5 with mod 0 is none, and then 32 bits of displacement follow. */
static uint64_t scaled(struct stream *in, unsigned mod, bool *no_base)
{
	const uint64_t *gpr = in->vcpu->gpr;
	uint8_t sib = next(in);
	unsigned index = (sib >> 3 & 7) | (in->rex & REX_X ? 8 : 0);
	unsigned base = (sib & 7) | (in->rex & REX_B ? 8 : 0);
	uint64_t address = 0;

	*no_base = (sib & 7) == 5 && mod == 0;
	if (!*no_base)
		address = gpr[base];
	if (index != RSP) /* which means that there is no index */
		address += gpr[index] << (sib >> 6);
	return address;
}

/* The memory operand; false when it is a register. `tail`: bytes of the constant that is yet to come. */
static bool operand(struct stream *in, unsigned tail, unsigned *reg, uint64_t *address)
{
	uint8_t modrm = next(in);
	unsigned mod = modrm >> 6, rm = modrm & 7;
	bool no_base = false, relative = false;

	*reg = (modrm >> 3 & 7) | (in->rex & REX_R ? 8 : 0);
	if (mod == 3)
		return false;
	if (rm == 4) {
		*address = scaled(in, mod, &no_base);
	} else if (rm == 5 && mod == 0) {
		relative = true;
		*address = in->vcpu->rip;
	} else {
		*address = in->vcpu->gpr[rm | (in->rex & REX_B ? 8 : 0)];
	}
	if (mod == 1)
		*address += next_signed(in, 1);
	else if (mod == 2 || no_base || relative)
		*address += next_signed(in, 4);
	if (relative) /* to the instruction that follows */
		*address += in->at + tail;
	return true;
}

/* What an opcode does, its operand size being `size`; false for all that are no such moves. */
static bool describe(struct stream *in, unsigned size, struct instruction *out)
{
	uint8_t opcode = next(in);

	out->reg_size = size;
	out->size = size;
	switch (opcode) {
	case 0x88: /* MOV r/m8, r8 */
	case 0x8a: /* MOV r8, r/m8 */
		out->size = 1;
		out->reg_size = 1;
		out->store = opcode == 0x88;
		return true;
	case 0x89: /* MOV r/m, r */
	case 0x8b: /* MOV r, r/m */
		out->store = opcode == 0x89;
		return true;
	case 0xc6: /* MOV r/m8, imm8 */
	case 0xc7: /* MOV r/m, imm16 or imm32, sign-extended */
		out->size = opcode == 0xc6 ? 1 : size;
		out->store = true;
		out->constant = true;
		return true;
	case 0x63: /* MOVSXD r, r/m32 */
		out->size = 4;
		out->sign_extend = true;
		return true;
	case 0x0f:
		opcode = next(in);
		if ((opcode & 0xf6) != 0xb6) /* MOVZX b6 b7, MOVSX be bf */
			return false;
		out->size = opcode & 1 ? 2 : 1;
		out->sign_extend = opcode & 8;
		return true;
	default:
		return false;
	}
}

void instruction_decode(const struct vcpu *vcpu, struct instruction *out)
{
	struct stream in = {.vcpu = vcpu};
	unsigned size, tail;
	bool memory;

	*out = (struct instruction){.readable = false};
	peek(&in);
	out->readable = !in.overrun;
	if (!vcpu->code64)
		return;
	prefixes(&in);
	size = in.rex & REX_W ? 8 : in.operand16 ? 2 : 4;
	if (!describe(&in, size, out))
		return;
	tail = !out->constant ? 0 : out->size < 4 ? out->size : 4;
	memory = operand(&in, tail, &out->reg, &out->address);
	if (out->constant)
		out->immediate = next_signed(&in, tail);
	if (!out->constant && out->reg_size == 1 && !in.has_rex && out->reg >= 4) {
		out->high_byte = true;
		out->reg -= 4;
	}
	out->length = in.at;
	out->known = memory && !in.overrun && !(out->constant && out->reg & 7); /* c6 and c7: /0 */
}

uint64_t instruction_source(const struct vcpu *vcpu, const struct instruction *instruction)
{
	if (instruction->constant)
		return instruction->immediate;
	return vcpu->gpr[instruction->reg] >> (instruction->high_byte ? 8 : 0);
}

/*
 * Registers of 8 and 16 bits keep the rest of what they are a part of, those of 32 clear it (Intel SDM
 * vol. 1, "General-Purpose Registers in 64-Bit Mode").
 */
void instruction_load(struct vcpu *vcpu, const struct instruction *instruction, uint64_t value)
{
	uint64_t *reg = &vcpu->gpr[instruction->reg];
	unsigned unused = 64 - 8 * instruction->size, shift = instruction->high_byte ? 8 : 0;
	uint64_t mask;

	value <<= unused;
	if (instruction->sign_extend)
		value = (uint64_t)((int64_t)value >> unused);
	else
		value >>= unused;
	if (instruction->reg_size == 8)
		*reg = value;
	else if (instruction->reg_size == 4)
		*reg = (uint32_t)value;
	else {
		mask = (instruction->reg_size == 2 ? UINT64_C(0xffff) : UINT64_C(0xff)) << shift;
		*reg = (*reg & ~mask) | (value << shift & mask);
	}
}
