/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's own side of x86.
 */
#include "guest.h"

#include "platform.h"
#include "sysreg.h"

extern const uint32_t calls_by;        /* start.S */
extern uint64_t window_directory[512]; /* likewise */

static struct guest_abort aborts[PLATFORM_CPUS];

/* What start.S has on the stack. */
struct frame {
	uint64_t r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
};

void guest_vector(struct frame *frame);

/* Intel SDM vol. 3A, "Page-Fault Exceptions". */
#define PAGE_FAULT       14
#define PAGE_FAULT_WRITE BIT(1)
#define PAGE_FAULT_FETCH BIT(4)

unsigned guest_vcpu(void)
{
	unsigned number;

	__asm__ volatile("mov %%gs:0, %0" : "=r"(number));
	return number;
}

void guest_relax(void)
{
	__asm__ volatile("pause" : : : "memory");
}

struct guest_abort last_abort(void)
{
	return aborts[guest_vcpu()];
}

static void page_fault(struct frame *frame)
{
	uint64_t recovery, stack;

	__asm__ volatile("mov %%gs:8, %0\n\tmov %%gs:16, %1" : "=r"(recovery), "=r"(stack));
	if (!recovery)
		guest_panic(PAGE_FAULT << 16 | frame->error, read_cr(2), frame->rip);
	aborts[guest_vcpu()] = (struct guest_abort){
		.address = read_cr(2),
		.fetch = frame->error & PAGE_FAULT_FETCH,
		.write = frame->error & PAGE_FAULT_WRITE,
	};
	frame->rip = recovery;
	frame->rsp = stack;
}

void guest_vector(struct frame *frame)
{
	if (frame->vector >= 32)
		guest_interrupt((uint32_t)frame->vector);
	else if (frame->vector == PAGE_FAULT)
		page_fault(frame);
	else
		guest_panic(frame->vector << 16 | frame->error, read_cr(2), frame->rip);
}

/* The instruction is the vendor's own: AMD APM vol. 3, VMMCALL; Intel SDM vol. 3C, VMCALL. */
uint64_t hypercall(enum hypercall call, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	register uint64_t r8 __asm__("r8") = d;
	uint64_t result;

	if (calls_by == GUEST_CALLS_BY_VMMCALL)
		__asm__ volatile("vmmcall"
				 : "=a"(result)
				 : "D"((uint64_t)call), "S"(a), "d"(b), "c"(c), "r"(r8)
				 : "memory");
	else
		__asm__ volatile("vmcall"
				 : "=a"(result)
				 : "D"((uint64_t)call), "S"(a), "d"(b), "c"(c), "r"(r8)
				 : "memory");
	return result;
}

/*
 * In assembly, for the hypervisor decodes these instructions: of each kind there is one, those that
 * leave a part of their register as it was among them.
 */
uint64_t device_load(uint64_t address, unsigned bytes)
{
	uint64_t value = 0;

	switch (bytes) {
	case 1: /* the rest of the register is to stay as it is: ones */
		value = ~UINT64_C(0xff);
		__asm__ volatile("movb (%1), %b0" : "+r"(value) : "r"(address) : "memory");
		value ^= ~UINT64_C(0xff);
		break;
	case 2:
		__asm__ volatile("movzwl (%1), %k0" : "=r"(value) : "r"(address) : "memory");
		break;
	case 4:
		__asm__ volatile("movl (%1), %k0" : "=r"(value) : "r"(address) : "memory");
		break;
	case 8:
		__asm__ volatile("movq (%1), %0" : "=r"(value) : "r"(address) : "memory");
		break;
	}
	return value;
}

int64_t device_load_signed(uint64_t address, unsigned bytes)
{
	int64_t value = 0;

	switch (bytes) {
	case 1:
		__asm__ volatile("movsbq (%1), %0" : "=r"(value) : "r"(address) : "memory");
		break;
	case 2: /* into the lower half: the upper one is to be cleared */
		__asm__ volatile("movswl (%1), %k0" : "=r"(value) : "r"(address) : "memory");
		value = (int32_t)value;
		break;
	case 4:
		__asm__ volatile("movslq (%1), %0" : "=r"(value) : "r"(address) : "memory");
		break;
	case 8:
		__asm__ volatile("movq (%1), %0" : "=r"(value) : "r"(address) : "memory");
		break;
	}
	return value;
}

/* Zero is stored as a constant, with another form of address. */
static void store_zero(uint64_t address, unsigned bytes)
{
	switch (bytes) {
	case 1:
		__asm__ volatile("movb $0, -16(%0, %1)" : : "r"(address), "r"(16ul) : "memory");
		break;
	case 2:
		__asm__ volatile("movw $0, -16(%0, %1, 2)" : : "r"(address), "r"(8ul) : "memory");
		break;
	case 4:
		__asm__ volatile("movl $0, -1024(%0, %1, 4)"
				 :
				 : "r"(address), "r"(256ul)
				 : "memory");
		break;
	case 8:
		__asm__ volatile("movq $0, (,%0,8)" : : "r"(address / 8) : "memory");
		break;
	}
}

void device_store(uint64_t address, unsigned bytes, uint64_t value)
{
	if (value == 0) {
		store_zero(address, bytes);
		return;
	}
	switch (bytes) {
	case 1: /* from AH or its like, which no instruction with a REX prefix can name */
		__asm__ volatile("movb %h0, (%1)" : : "Q"(value << 8), "S"(address) : "memory");
		break;
	case 2:
		__asm__ volatile("movw %w0, (%1)" : : "r"(value), "r"(address) : "memory");
		break;
	case 4:
		__asm__ volatile("movl %k0, (%1)" : : "r"(value), "r"(address) : "memory");
		break;
	case 8:
		__asm__ volatile("movq %0, (%1)" : : "r"(value), "r"(address) : "memory");
		break;
	}
}

/*
 * The I/O APIC: a register is chosen by its number at offset 0 and accessed at 0x10. Number 1 has the
 * version in bits [7:0], 0x11 or 0x20, and in [23:16] one less than its inputs, 24 (Intel 82093AA
 * data sheet, "IOAPICVER").
 */
bool device_is_present(void)
{
	uint64_t version;

	device_store(PLATFORM_DEVICE, 4, 1);
	version = device_load(PLATFORM_DEVICE + 0x10, 4);
	return (bits(version, 7, 0) == 0x11 || bits(version, 7, 0) == 0x20) &&
	       bits(version, 23, 16) == 23;
}

/* Caches are coherent; a jump is enough for this processor to see its own new instructions. */
void code_write(uint64_t address)
{
	static const uint8_t code[] = {0xb8, CODE_RESULT, 0, 0, 0, 0xc3}; /* mov eax, imm32; ret */

	for (unsigned i = 0; i < sizeof(code); i++)
		((volatile uint8_t *)(uintptr_t)address)[i] = code[i];
}

#define WINDOW UINT64_C(0x200000000)
#define ENTRY  UINT64_C(0x63) /* present, writable, accessed, dirty */

uint64_t window_address(unsigned slot, unsigned page)
{
	return WINDOW + slot * UINT64_C(0x200000) + page * UINT64_C(0x1000);
}

uint64_t window_entry(uint64_t page)
{
	return page | ENTRY;
}

void window_install(unsigned slot, uint64_t table)
{
	*(volatile uint64_t *)&window_directory[slot] = table | ENTRY;
	window_flush();
}

/* Loading CR3 drops all but global translations (Intel SDM vol. 3A, "Invalidation of TLBs"). */
void window_flush(void)
{
	write_cr(3, read_cr(3));
}

/* Nothing: the guest has no interrupt controller, and each interrupt is over when it is delivered. */
void interrupts_init(void)
{
}

/* STI takes effect after the instruction that follows it, so that none slips in before HLT. */
void interrupts_wait(void)
{
	__asm__ volatile("sti\n\thlt\n\tcli" : : : "memory");
}
