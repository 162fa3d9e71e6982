/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine apart from its interrupt controller: caches, the timer, the way out.
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

void machine_init(void)
{
	gic_init();
	gic_enable_private(PLATFORM_GIC_INTERRUPT);
	gic_enable_private(PLATFORM_TIMER_INTERRUPT);
}

void machine_describe(void)
{
	console_print("hyp: MIDR_EL1 0x%lx, ID_AA64MMFR0_EL1 0x%lx, counter at %lu Hz\n",
		      read_sysreg(midr_el1), read_sysreg(id_aa64mmfr0_el1), machine_frequency());
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
