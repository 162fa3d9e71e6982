/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine apart from its interrupt controller: its CPUs, caches, the timer, the way out.
 */
#include "machine.h"

#include "console.h"
#include "gic.h"
#include "sysreg.h"

/* Called by vectors.S for an exception of the hypervisor itself. */
_Noreturn void hypervisor_exception(uint64_t esr, uint64_t elr, uint64_t far);

_Noreturn void hypervisor_exception(uint64_t esr, uint64_t elr, uint64_t far)
{
	console_print("hyp: exception at EL2: ESR 0x%lx, ELR 0x%lx, FAR 0x%lx\n", esr, elr, far);
	machine_exit(1);
}

/* MPIDR_EL1 of CPU N is Aff0 = N, the rest 0 (QEMU, hw/arm/virt.c, virt_cpu_mp_affinity). */
unsigned machine_cpu(void)
{
	return (unsigned)bits(read_sysreg(mpidr_el1), 7, 0);
}

/*
 * The firmware, here the emulator's, by PSCI (Arm DEN 0022): function in x0, arguments and result as
 * the SMC Calling Convention (DEN 0028) has it, x0 to x17 not preserved.
 */
#define PSCI_CPU_ON        0xc4000003u /* (CPU, entry, context): 0 when it is on its way */
#define PSCI_AFFINITY_INFO 0xc4000004u /* (CPU, level): negative when there is none */

static int64_t psci(uint64_t function, uint64_t a, uint64_t b, uint64_t c)
{
	register uint64_t x0 __asm__("x0") = function;
	register uint64_t x1 __asm__("x1") = a;
	register uint64_t x2 __asm__("x2") = b;
	register uint64_t x3 __asm__("x3") = c;

	__asm__ volatile("smc #0"
			 : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
			 :
			 : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
			   "x15", "x16", "x17", "memory");
	return (int64_t)x0;
}

unsigned machine_cpus(void)
{
	static unsigned known;
	unsigned count = __atomic_load_n(&known, __ATOMIC_RELAXED);

	if (count)
		return count;
	for (count = 1; count < PLATFORM_CPUS; count++) {
		if (psci(PSCI_AFFINITY_INFO, count, 0, 0) < 0)
			break;
	}
	__atomic_store_n(&known, count, __ATOMIC_RELAXED);
	return count;
}

/* start.S. The stack is chosen by the CPU's number; it enters with MMU and caches off. */
extern const char secondary_start[];

void machine_start_cpu(unsigned cpu)
{
	int64_t result = psci(PSCI_CPU_ON, cpu, (uintptr_t)secondary_start, 0);

	if (result != 0)
		machine_fail("PSCI CPU_ON", (uint64_t)result);
}

void machine_relax(void)
{
	__asm__ volatile("yield" : : : "memory");
}

/* WFI ends for an interrupt that is pending, masked or not (Arm ARM, "Wait for Interrupt"). */
void machine_wait(void)
{
	__asm__ volatile("dsb sy\n\twfi" : : : "memory");
}

void machine_init(void)
{
	if (machine_cpu() == 0)
		gic_init();
	gic_init_cpu();
	gic_enable_private(PLATFORM_KICK_INTERRUPT);
	gic_enable_private(PLATFORM_GIC_INTERRUPT);
	gic_enable_private(PLATFORM_TIMER_INTERRUPT);
}

void machine_describe(void)
{
	console_print("hyp: %u CPUs, MIDR_EL1 0x%lx, ID_AA64MMFR0_EL1 0x%lx, counter at %lu Hz\n",
		      machine_cpus(), read_sysreg(midr_el1), read_sysreg(id_aa64mmfr0_el1),
		      machine_frequency());
	gic_describe();
}

/*
 * Semihosting, by which the emulator takes an exit status: SYS_EXIT with the reason "application
 * exit" and the status behind it (Arm, "Semihosting for AArch32 and AArch64", SYS_EXIT).
 */
_Noreturn void machine_exit(int status)
{
	const uint64_t block[2] = {0x20026, (uint64_t)status};

	for (;;) {
		register uint64_t operation __asm__("x0") = 0x18;
		register const uint64_t *parameters __asm__("x1") = block;

		__asm__ volatile("hlt #0xf000" : "+r"(operation) : "r"(parameters) : "memory");
	}
}

_Noreturn void machine_fail(const char *what, uint64_t value)
{
	console_print("hyp: %s: 0x%lx\n", what, value);
	machine_exit(1);
}

/*
 * To the point of coherency by data cache line, then the instruction caches of all CPUs as a whole:
 * they may hold what a line of the memory was before (Arm ARM, "Cache maintenance instructions").
 */
void machine_clean(const void *start, size_t size)
{
	/* DminLine: log2 of the words in the smallest data cache line. */
	uintptr_t line = (uintptr_t)4 << bits(read_sysreg(ctr_el0), 19, 16);
	uintptr_t end = (uintptr_t)start + size;

	for (uintptr_t at = (uintptr_t)start & ~(line - 1); at < end; at += line)
		__asm__ volatile("dc cvac, %0" : : "r"(at) : "memory");
	dsb();
	__asm__ volatile("ic ialluis" : : : "memory");
	dsb();
	isb();
}

/* MOV W0, #value; RET (Arm ARM, C6.2 "Alphabetical list of A64 base instructions"). */
void machine_write_code(void *at, uint16_t value)
{
	uint32_t *code = at;

	code[0] = 0x52800000 | (uint32_t)value << 5;
	code[1] = 0xd65f03c0;
}

/* ID_AA64MMFR0_EL1.PARange; 48 bits is all that 4 KiB pages translate without FEAT_LPA2. */
unsigned machine_gpa_bits(void)
{
	static const uint8_t widths[] = {32, 36, 40, 42, 44};
	uint64_t range = bits(read_sysreg(id_aa64mmfr0_el1), 3, 0);

	return range < sizeof(widths) ? widths[range] : 48;
}

/* The system counter. Without the barrier the read may be done early. */
uint64_t machine_ticks(void)
{
	isb();
	return read_sysreg(cntpct_el0);
}

uint64_t machine_frequency(void)
{
	return read_sysreg(cntfrq_el0);
}

/*
 * The EL2 physical timer interrupts when the counter has reached its compare value. CNTHP_CTL_EL2:
 * ENABLE[0], IMASK[1] = 0.
 */
void machine_set_alarm(uint64_t ticks)
{
	write_sysreg(cnthp_cval_el2, ticks);
	write_sysreg(cnthp_ctl_el2, BIT(0));
	isb();
}

void machine_stop_alarm(void)
{
	write_sysreg(cnthp_ctl_el2, 0);
	isb();
}

/* WFI ends when an interrupt is pending, although it is masked and is not taken. */
void machine_sleep(uint64_t until)
{
	while (machine_ticks() < until) {
		machine_set_alarm(until);
		__asm__ volatile("wfi" : : : "memory");
	}
	machine_stop_alarm();
}
