/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vCPU on x86: what is the same with AMD's SVM and Intel's VMX. Which of them there is is found out
 * when the machine starts.
 */
#include "vcpu.h"

#include <stddef.h>

#include "console.h"
#include "machine.h"
#include "platform.h"
#include "sysreg.h"
#include "vm.h"

_Static_assert(offsetof(struct vcpu, gpr) == VCPU_GPR(0), "the world switches know the layout");

/* Error code of a page fault (Intel SDM vol. 3A, "Page-Fault Exceptions"). */
#define PAGE_FAULT       14u
#define PAGE_FAULT_WRITE 0x02u
#define PAGE_FAULT_USER  0x04u
#define PAGE_FAULT_FETCH 0x10u

static const struct virtualisation *const technologies[] = {&svm, &vmx};
static const struct virtualisation *technology;
static struct vcpu *vcpu_of[PLATFORM_CPUS]; /* the one that a CPU runs */

/* CPU 0 comes first. */
void vcpu_init_cpu(void)
{
	for (size_t i = 0; !technology && i < sizeof(technologies) / sizeof(technologies[0]); i++) {
		if (technologies[i]->is_present())
			technology = technologies[i];
	}
	if (!technology)
		machine_fail("this processor has neither SVM nor VMX", 0);
	technology->init_cpu();
}

const struct virtualisation *vcpu_technology(void)
{
	return technology;
}

void vcpu_init(struct vcpu *vcpu, unsigned index, ax_gpa_t entry,
	       const struct ax_npt_registers *npt)
{
	*vcpu = (struct vcpu){
		.rip = entry.raw,
		.rflags = RFLAGS_RESERVED,
		.index = index,
		.tag = VM_TAG,
		.npt_root = npt->root,
	};
	vcpu->gpr[RDI] = index;
	vcpu->gpr[RSI] = technology->guest_calls;
	vcpu_of[machine_cpu()] = vcpu;
	technology->init(vcpu);
	technology->flush(vcpu);
}

void vcpu_flush(struct vcpu *vcpu)
{
	technology->flush(vcpu);
}

static bool has_waiting(const struct vcpu *vcpu)
{
	return (vcpu->waiting[0] | vcpu->waiting[1] | vcpu->waiting[2] | vcpu->waiting[3]) != 0;
}

/* Higher vectors go first, as with a local APIC. */
static uint32_t take_waiting(struct vcpu *vcpu)
{
	for (unsigned i = 4; i-- > 0;) {
		if (vcpu->waiting[i]) {
			unsigned bit = 63 - (unsigned)__builtin_clzll(vcpu->waiting[i]);

			vcpu->waiting[i] &= ~BIT(bit);
			return 64 * i + bit;
		}
	}
	return 0;
}

/* One event at an entry; what else waits is for the exit when the guest can take it. */
static void choose_event(struct vcpu *vcpu)
{
	if (!(vcpu->event & EVENT_VALID) && has_waiting(vcpu) && vcpu->rflags & RFLAGS_IF &&
	    !vcpu->shadow)
		vcpu->event = EVENT_VALID | EVENT_INTERRUPT | take_waiting(vcpu);
	vcpu->window = has_waiting(vcpu);
}

void vcpu_run(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	*exit = (struct vcpu_exit){.kind = VCPU_EXIT_UNEXPECTED, .walk.level = -1};
	choose_event(vcpu);
	technology->run(vcpu, exit);
}

/* Others, such as INT n, are not over yet: the guest stands at the instruction and does it again. */
void vcpu_deliver_again(struct vcpu *vcpu, uint32_t event, uint32_t error)
{
	uint32_t type = event & EVENT_TYPE;

	vcpu->event = 0;
	if (!(event & EVENT_VALID))
		return;
	if (type == EVENT_INTERRUPT) {
		vcpu->waiting[(event & EVENT_VECTOR) / 64] |= BIT((event & EVENT_VECTOR) % 64);
	} else if (type == EVENT_EXCEPTION) {
		vcpu->event = event & (EVENT_VALID | EVENT_ERROR_CODE | EVENT_TYPE | EVENT_VECTOR);
		vcpu->event_error = error;
	}
}

void vcpu_skip(struct vcpu *vcpu, unsigned length)
{
	vcpu->rip += length;
	vcpu->shadow = 0;
}

/*
 * The linear address that the guest used, where the hardware does not tell it: an operand or the
 * instruction itself, the part of it that lies in the page of the fault. When the instruction is not
 * one that can be decoded, such as a PUSH, the physical address is the nearest to it.
 */
static uint64_t find_linear(const struct vcpu *vcpu, const struct vcpu_exit *exit, bool walk,
			    bool fetch)
{
	const struct instruction *instruction = &vcpu->instruction;
	uint64_t start = fetch ? vcpu->rip : instruction->address;
	uint64_t size = fetch ? 15 : instruction->size;
	uint64_t distance = (exit->fault.addr.raw - start) & 0xfff;

	if (!fetch && !instruction->known)
		return exit->fault.addr.raw;
	return !walk && distance < size ? start + distance : start;
}

static struct vcpu_access describe_access(const struct instruction *instruction)
{
	unsigned log2 = instruction->size ? (unsigned)__builtin_ctz(instruction->size) : 0;

	return (struct vcpu_access){
		.described = instruction->known,
		.store = instruction->store,
		.width = (enum ax_access_width)log2,
		.sign_extend = instruction->sign_extend,
		.narrow = instruction->reg_size == 4,
		.reg = instruction->reg,
	};
}

void vcpu_describe_fault(struct vcpu *vcpu, struct vcpu_exit *exit, bool walk, bool linear_is_told)
{
	bool fetch = !walk && exit->fault.access & AX_EXECUTE, write;

	exit->kind = VCPU_EXIT_FAULT;
	vcpu->instruction = (struct instruction){.readable = false};
	if (!fetch)
		instruction_decode(vcpu, &vcpu->instruction);
	if (walk && !vcpu->instruction.readable)
		fetch = true;
	if (!fetch && !walk)
		exit->access = describe_access(&vcpu->instruction);
	if (!linear_is_told)
		exit->guest_address = find_linear(vcpu, exit, walk, fetch);

	/* A walk may be a write to the second stage, whatever it was for. */
	write = walk ? vcpu->instruction.store : (exit->fault.access & AX_WRITE) != 0;
	vcpu->page_fault = fetch ? PAGE_FAULT_FETCH : write ? PAGE_FAULT_WRITE : 0;
	if (vcpu->privilege == 3)
		vcpu->page_fault |= PAGE_FAULT_USER;
}

/* By the convention of C: RDI, RSI, RDX, RCX, R8; the result in RAX. The RIP is past the call already. */
uint64_t vcpu_argument(const struct vcpu *vcpu, unsigned index)
{
	static const unsigned registers[] = {RDI, RSI, RDX, RCX, 8};

	return vcpu->gpr[registers[index]];
}

void vcpu_return(struct vcpu *vcpu, uint64_t value)
{
	vcpu->gpr[RAX] = value;
}

uint64_t vcpu_store(struct vcpu *vcpu, const struct vcpu_exit *exit)
{
	(void)exit;
	vcpu_skip(vcpu, vcpu->instruction.length);
	return instruction_source(vcpu, &vcpu->instruction);
}

void vcpu_load(struct vcpu *vcpu, const struct vcpu_exit *exit, uint64_t value)
{
	(void)exit;
	vcpu_skip(vcpu, vcpu->instruction.length);
	instruction_load(vcpu, &vcpu->instruction, value);
}

/*
 * A page fault at the address, of a page that is not present. A PC's bus would rather answer with all
 * ones, from which no guest recovers; so hypervisors tell it in this way.
 */
void vcpu_inject_fault(struct vcpu *vcpu, const struct vcpu_exit *exit)
{
	vcpu->cr2 = exit->guest_address;
	vcpu->event = EVENT_VALID | EVENT_ERROR_CODE | EVENT_EXCEPTION | PAGE_FAULT;
	vcpu->event_error = vcpu->page_fault;
}

/* Vectors below 32 are exceptions, and there are no more than 256: what is no interrupt is left out. */
void machine_inject_interrupt(uint32_t vector)
{
	struct vcpu *vcpu = vcpu_of[machine_cpu()];

	if (vector >= 32 && vector < 256)
		vcpu->waiting[vector / 64] |= BIT(vector % 64);
}

void vcpu_print(const struct vcpu *vcpu)
{
	static const char *const names[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
					    "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

	for (unsigned i = 0; i < 16; i++)
		console_print("  %s 0x%lx%s", names[i], vcpu->gpr[i], i % 4 == 3 ? "\n" : "");
	console_print("  rip 0x%lx rflags 0x%lx cr0 0x%lx cr2 0x%lx cr3 0x%lx efer 0x%lx\n",
		      vcpu->rip, vcpu->rflags, vcpu->cr0, vcpu->cr2, vcpu->cr3, vcpu->efer);
}
