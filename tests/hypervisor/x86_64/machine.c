/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine apart from its interrupt controller: descriptor tables, the other CPUs, the way out.
 */
#include "machine.h"

#include <axvisor/npt.h>

#include "apic.h"
#include "console.h"
#include "string.h"
#include "sysreg.h"
#include "vcpu_arch.h"

#define CPUID_LEVELS        0x0u
#define CPUID_FEATURES      0x1u
#define CPUID_ADDRESS_SIZES 0x80000008u

#define NMI           2
#define CODE64        0x08 /* start.S, as the next */
#define FIRST_TSS     0x20
#define VECTOR_SIZE   16 /* vectors.S */
#define ARRIVAL_USECS 200000

/* The end of what vectors.S has on the stack. */
struct trap {
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
};

/* Called by start.S on each CPU but the first, and by vectors.S. */
_Noreturn void secondary_main(unsigned cpu);
void hypervisor_vector(struct trap *trap);

extern uint64_t gdt[];
extern const char vectors[], trampoline[], trampoline_end[];

static struct idt_gate {
	uint16_t offset_low;
	uint16_t selector;
	uint16_t attributes;
	uint16_t offset_middle;
	uint32_t offset_high;
	uint32_t reserved;
} idt[PLATFORM_VECTORS];

/* Of a task segment only its presence matters: VM exits load TR, and the stack never changes. */
static struct task_segment {
	uint32_t words[26];
} task_segments[PLATFORM_CPUS];

static struct {
	bool arrived;
	bool started;
} cpus[PLATFORM_CPUS];
static unsigned cpu_count; /* as CPU 0 found it, before it started any */

/* CPUID leaf 1, EBX[31:24]: the initial number of the local APIC. */
unsigned machine_cpu(void)
{
	return cpuid(CPUID_FEATURES).ebx >> 24;
}

unsigned machine_cpus(void)
{
	return cpu_count;
}

void machine_relax(void)
{
	__asm__ volatile("pause" : : : "memory");
}

static unsigned count_arrived(void)
{
	unsigned count = 1;

	while (count < PLATFORM_CPUS && __atomic_load_n(&cpus[count].arrived, __ATOMIC_ACQUIRE))
		count++;
	return count;
}

void machine_wait(void)
{
	vcpu_technology()->wait();
}

/* They wait in secondary_main(), for there is no other way to find out how many there are. */
static void gather_cpus(void)
{
	memcpy((void *)(uintptr_t)PLATFORM_TRAMPOLINE, trampoline,
	       (size_t)(trampoline_end - trampoline));
	apic_start_others(PLATFORM_TRAMPOLINE);
	for (unsigned i = 0; i < 100 && count_arrived() < PLATFORM_CPUS; i++)
		apic_wait(ARRIVAL_USECS / 100);
	cpu_count = count_arrived();
}

void machine_start_cpu(unsigned cpu)
{
	__atomic_store_n(&cpus[cpu].started, true, __ATOMIC_RELEASE);
}

_Noreturn void secondary_main(unsigned cpu)
{
	__atomic_store_n(&cpus[cpu].arrived, true, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&cpus[cpu].started, __ATOMIC_ACQUIRE))
		machine_relax();
	hypervisor_secondary();
}

/* 64-bit interrupt gates (Intel SDM vol. 3A, "64-Bit Mode IDT"): present, type 14, interrupts masked. */
static void fill_idt(void)
{
	for (unsigned vector = 0; vector < PLATFORM_VECTORS; vector++) {
		uint64_t at = (uintptr_t)vectors + vector * VECTOR_SIZE;

		idt[vector] = (struct idt_gate){
			.offset_low = (uint16_t)at,
			.selector = CODE64,
			.attributes = 0x8e00,
			.offset_middle = (uint16_t)(at >> 16),
			.offset_high = (uint32_t)(at >> 32),
		};
	}
}

/*
 * LTR marks the segment busy, so each CPU has its own (Intel SDM vol. 3A, "TSS Descriptor in 64-bit
 * Mode"): present, type 9.
 */
static void load_tables(unsigned cpu)
{
	struct table_register idt_register = {sizeof(idt) - 1, (uintptr_t)idt};
	uint64_t base = (uintptr_t)&task_segments[cpu];
	uint64_t *descriptor = &gdt[FIRST_TSS / 8 + 2 * cpu];

	descriptor[0] = (sizeof(struct task_segment) - 1) | bits(base, 23, 0) << 16 |
			UINT64_C(0x89) << 40 | bits(base, 31, 24) << 56;
	descriptor[1] = base >> 32;
	__asm__ volatile("lidt %0" : : "m"(idt_register));
	__asm__ volatile("ltr %w0" : : "r"(FIRST_TSS + 16 * cpu));
}

void machine_init(void)
{
	unsigned cpu = machine_cpu();

	if (cpu == 0)
		fill_idt();
	load_tables(cpu);
	apic_init();
	if (cpu == 0) {
		apic_init_machine();
		gather_cpus();
	}
	vcpu_init_cpu();
}

void machine_describe(void)
{
	struct cpuid id = cpuid(CPUID_LEVELS);
	const uint32_t vendor[4] = {id.ebx, id.edx, id.ecx, 0};

	console_print("hyp: %s, signature 0x%x, %u CPUs, %u-bit physical addresses, %s\n",
		      (const char *)vendor, cpuid(CPUID_FEATURES).eax, machine_cpus(),
		      cpuid(CPUID_ADDRESS_SIZES).eax & 0xff, vcpu_technology()->name);
	apic_describe();
}

/*
 * QEMU's isa-debug-exit at port 0xf4 exits with twice the value plus 1, so that no success of it can be
 * mistaken for one that QEMU has for other reasons, such as a triple fault: those have 0 and 1. Bochs
 * takes XCHG BX, BX for a breakpoint, at which its debugger is told to quit, with 0; and "Shutdown"
 * written to port 0x8900 for a failure. What one emulator understands means nothing to the other.
 */
_Noreturn void machine_exit(int status)
{
	out32(0xf4, status == 0 ? 0x10 : 0x11);
	if (status == 0)
		__asm__ volatile("xchg %bx, %bx");
	for (const char *c = "Shutdown"; *c; c++)
		out8(0x8900, (uint8_t)*c);
	for (;;)
		__asm__ volatile("hlt");
}

_Noreturn void machine_fail(const char *what, uint64_t value)
{
	console_print("hyp: %s: 0x%lx\n", what, value);
	machine_exit(1);
}

static _Noreturn void exception(const struct trap *trap)
{
	console_print("hyp: exception %lu, error 0x%lx, RIP 0x%lx, CR2 0x%lx\n", trap->vector,
		      trap->error, trap->rip, read_cr(2));
	machine_exit(1);
}

void hypervisor_vector(struct trap *trap)
{
	switch (trap->vector) {
	case PLATFORM_TIMER_INTERRUPT:
		apic_end_of_interrupt();
		time_alarm();
		break;
	case PLATFORM_KICK_INTERRUPT:
		apic_end_of_interrupt();
		if (machine_cpu() == 0)
			time_alarm(); /* another CPU may have set a timer */
		break;
	case PLATFORM_SPURIOUS: /* gets no end of interrupt */
		break;
	case NMI:
		if (!vcpu_technology()->nmi)
			exception(trap);
		vcpu_technology()->nmi(&trap->rip);
		break;
	default:
		exception(trap);
	}
}

/* STI lets interrupts in after the instruction that follows it. */
void machine_handle_interrupt(void)
{
	__asm__ volatile("sti\n\tnop\n\tcli" : : : "memory");
}

void machine_kick(unsigned cpu)
{
	vcpu_technology()->kick(cpu);
}

/* Caches are coherent with one another and with fetches; entering the guest is serialising. */
void machine_clean(const void *start, size_t size)
{
	(void)start;
	(void)size;
	__asm__ volatile("" : : : "memory");
}

void machine_write_code(void *at, uint16_t value)
{
	uint8_t *code = at;

	code[0] = 0xb8; /* mov eax, imm32 */
	code[1] = (uint8_t)value;
	code[2] = (uint8_t)(value >> 8);
	code[3] = 0;
	code[4] = 0;
	code[5] = 0xc3; /* ret */
}

/*
 * A guest's table entry holds no address beyond MAXPHYADDR; and four levels reach 48 bits, beyond which
 * QEMU's walker ignores the rest of the address instead of reporting a fault.
 */
unsigned machine_gpa_bits(void)
{
	unsigned physical = cpuid(CPUID_ADDRESS_SIZES).eax & 0xff;
	struct ax_npt_capabilities capabilities;
	unsigned reach;

	if (ax_npt_capabilities(AX_NPT_DEFAULT, &capabilities) != AX_OK)
		machine_fail("there is no second-stage translation", 0);
	reach = 12 + 9 * capabilities.levels_default;
	return physical < reach ? physical : reach;
}

uint64_t machine_ticks(void)
{
	return apic_counter();
}

uint64_t machine_frequency(void)
{
	return apic_counter_frequency();
}

/* May come a little early: time_alarm() sets it again. */
void machine_set_alarm(uint64_t ticks)
{
	apic_set_timer(ticks);
}

void machine_stop_alarm(void)
{
	apic_stop_timer();
}

void machine_sleep(uint64_t until)
{
	apic_sleep(until);
}
