/* SPDX-License-Identifier: Apache-2.0 */
/* From the call that trap.awk made to the function that does what the instruction does. */
#include "machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/**
 * struct frame - What machine_trap() saved.
 * @gpr: The general registers, by their number in instructions.
 * @flags: RFLAGS.
 * @next: Where the call returns to: first the instruction's text, then what comes behind it.
 */
struct frame {
	uint64_t gpr[16];
	uint64_t flags;
	const char *next;
};

enum { RAX, RCX, RDX, RBX, RSP };

static const char *const registers[] = {"%rax", "%rcx", "%rdx", "%rbx", "%rsp", "%rbp",
					"%rsi", "%rdi", "%r8",  "%r9",  "%r10", "%r11",
					"%r12", "%r13", "%r14", "%r15"};

/* Saves all that a compiler may have in registers: the code is compiled for these alone, and with no
 * memory in use below its stack. */
__asm__(".text\n"
	".globl machine_trap\n"
	"machine_trap:\n"
	"	pushfq\n"
	"	push %r15\n	push %r14\n	push %r13\n	push %r12\n"
	"	push %r11\n	push %r10\n	push %r9\n	push %r8\n"
	"	push %rdi\n	push %rsi\n	push %rbp\n	push %rsp\n"
	"	push %rbx\n	push %rdx\n	push %rcx\n	push %rax\n"
	"	mov %rsp, %rdi\n"
	"	mov %rsp, %rbx\n"
	"	and $-16, %rsp\n"
	"	cld\n"
	"	call machine_step\n"
	"	mov %rbx, %rsp\n"
	"	pop %rax\n	pop %rcx\n	pop %rdx\n	pop %rbx\n"
	"	lea 8(%rsp), %rsp\n"
	"	pop %rbp\n	pop %rsi\n	pop %rdi\n"
	"	pop %r8\n	pop %r9\n	pop %r10\n	pop %r11\n"
	"	pop %r12\n	pop %r13\n	pop %r14\n	pop %r15\n"
	"	popfq\n"
	"	ret\n");

void machine_step(struct frame *frame);

static uint64_t *find_register(struct frame *frame, const char *text, size_t length)
{
	for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++)
		if (strlen(registers[i]) == length && strncmp(registers[i], text, length) == 0)
			return &frame->gpr[i];
	return NULL;
}

/* "-24(%rsp)": what code at -O1 and above has of addresses in inline assembly. */
static const uint64_t *find_memory(struct frame *frame, const char *text)
{
	const char *open = strchr(text, '(');
	const uint64_t *base;

	if (!open)
		return NULL;
	base = find_register(frame, open + 1, strcspn(open + 1, ")"));
	assert_non_null(base);
	return (const uint64_t *)(uintptr_t)(*base + (uint64_t)strtoll(text, NULL, 0));
}

static void take_apart(struct frame *frame, const char *text, struct machine_instruction *out)
{
	size_t length = strcspn(text, " \t");

	assert_true(length < sizeof(out->name));
	memcpy(out->name, text, length);
	for (text += length; *text; text += *text == ',') {
		struct machine_operand *operand = &out->operand[out->operands++];

		assert_true(out->operands <= MACHINE_OPERANDS);
		text += strspn(text, " \t");
		length = strcspn(text, ",");
		assert_true(length < sizeof(operand->text));
		memcpy(operand->text, text, length);
		operand->reg = find_register(frame, text, length);
		operand->memory = find_memory(frame, operand->text);
		text += length;
	}
}

void machine_step(struct frame *frame)
{
	struct machine_instruction instruction = {
		.rax = &frame->gpr[RAX],
		.rbx = &frame->gpr[RBX],
		.rcx = &frame->gpr[RCX],
		.rdx = &frame->gpr[RDX],
		.flags = &frame->flags,
	};
	const char *text = frame->next;

	frame->gpr[RSP] = (uint64_t)(uintptr_t)(frame + 1);
	frame->next = text + strlen(text) + 1;
	take_apart(frame, text, &instruction);
	machine_execute(&instruction);
}

bool machine_is(const struct machine_instruction *instruction, const char *name, const char *first)
{
	return strcmp(instruction->name, name) == 0 &&
	       (!first || strcmp(instruction->operand[0].text, first) == 0);
}

/* ---- the trace */

static struct {
	char text[1 << 20];
	size_t length;
} trace;

void machine_trace_begin(void)
{
	trace.length = 0;
	trace.text[0] = '\0';
}

void machine_trace(const char *format, ...)
{
	size_t room = sizeof(trace.text) - trace.length;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(trace.text + trace.length, room, format, arguments);
	va_end(arguments);
	assert_true(length >= 0 && (size_t)length + 2 <= room);
	trace.length += (size_t)length;
	trace.text[trace.length++] = '\n';
	trace.text[trace.length] = '\0';
}

const char *machine_trace_line(unsigned i)
{
	static char line[128];
	const char *text = trace.text;
	size_t length;

	for (; i > 0 && *text; i--)
		text = strchr(text, '\n') + 1;
	length = strcspn(text, "\n");
	assert_true(length < sizeof(line));
	memcpy(line, text, length);
	line[length] = '\0';
	return line;
}

void machine_trace_check(const char *want)
{
	assert_string_equal(trace.text, want);
	machine_trace_begin();
}
