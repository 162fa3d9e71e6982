/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DOC: machines that execute the privileged instructions
 *
 * What arch/ has in inline assembly is executed by no host build, and an emulator does not tell a missing
 * barrier, or an operand that invalidates too much, from what is right. Here it is the very sources of
 * arch/ (tlb.c, caps.c, cpu.c, relax.c) that are tested, compiled for the machine that the tests run on:
 * to a compiler the text of inline assembly means nothing, so that any of them translates the code around
 * it. trap.awk then puts a call in the place of each instruction, and the program that is linked with it
 * says what the instruction does, and remembers it.
 *
 * On x86-64 alone: what trap.awk makes is x86-64 code.
 */
#ifndef TESTS_INSTRUCTIONS_MACHINE_H
#define TESTS_INSTRUCTIONS_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MACHINE_OPERANDS 6

/**
 * struct machine_operand - An operand of an instruction.
 * @text: As the compiler wrote it.
 * @reg: The register that it is, which the instruction may write; NULL when it is none.
 * @memory: What it points to, when it is an address; else NULL.
 */
struct machine_operand {
	char text[32];
	uint64_t *reg;
	const uint64_t *memory;
};

/**
 * struct machine_instruction - An instruction, taken apart.
 * @name: Its first word.
 * @operand: What follows, between the commas.
 * @operands: How many.
 * @rax: The registers of instructions that say which, as those below.
 * @flags: RFLAGS, as they are to be afterwards.
 */
struct machine_instruction {
	char name[16];
	struct machine_operand operand[MACHINE_OPERANDS];
	unsigned operands;
	uint64_t *rax, *rbx, *rcx, *rdx;
	uint64_t *flags;
};

/** machine_execute() - Each program's own: do what the instruction does. */
void machine_execute(const struct machine_instruction *instruction);

/** machine_is() - Whether an instruction begins so: its name, and its first operand if not NULL. */
bool machine_is(const struct machine_instruction *instruction, const char *name, const char *first);

/** machine_trace() - Remember an instruction: a line of the trace, without its end. */
void machine_trace(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** machine_trace_begin() - Forget them all. */
void machine_trace_begin(void);

/** machine_trace_line() - Line @i of the trace, from 0; "" behind the last one. Good until the next call. */
const char *machine_trace_line(unsigned i);

/** machine_trace_check() - They were these, a line each, and no others. Then they are forgotten. */
void machine_trace_check(const char *want);

#endif /* TESTS_INSTRUCTIONS_MACHINE_H */
