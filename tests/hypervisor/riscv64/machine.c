/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine apart from the guest's interrupt controller: its CPUs, caches, the timer, the way
 * out. CPUs, timer and inter-processor interrupts are the firmware's (sbi.h).
 */
#include "machine.h"

#include "console.h"
#include "csr.h"
#include "sbi.h"
#include "vcpu_arch.h"

/* Called by vectors.S for a trap of the hypervisor itself. */
_Noreturn void hypervisor_exception(uint64_t scause, uint64_t sepc, uint64_t stval);

_Noreturn void hypervisor_exception(uint64_t scause, uint64_t sepc, uint64_t stval)
{
	console_print("hyp: trap in HS-mode: scause 0x%lx, sepc 0x%lx, stval 0x%lx\n", scause, sepc,
		      stval);
	machine_exit(1);
}

/* start.S keeps the CPU's number there; the ABI leaves tp to whoever has threads. */
unsigned machine_cpu(void)
{
	uint64_t number;

	__asm__("mv %0, tp" : "=r"(number));
	return (unsigned)number;
}

uint64_t boot_hart; /* start.S */

/* CPU 0 is the hart that booted, the others follow in the order of the harts, which are 0, 1... */
uint64_t machine_hart(unsigned cpu)
{
	if (cpu == 0)
		return boot_hart;
	return cpu - (cpu <= boot_hart);
}

unsigned machine_cpus(void)
{
	static unsigned known;
	unsigned count = __atomic_load_n(&known, __ATOMIC_RELAXED);

	if (count)
		return count;
	for (count = 1; count < PLATFORM_CPUS; count++) {
		if (!sbi_hart_exists(machine_hart(count)))
			break;
	}
	__atomic_store_n(&known, count, __ATOMIC_RELAXED);
	return count;
}

extern const char _start[]; /* start.S */

void machine_start_cpu(unsigned cpu)
{
	int64_t error = sbi_hart_start(machine_hart(cpu), (uintptr_t)_start);

	if (error != 0)
		machine_fail("SBI hart_start", (uint64_t)error);
}

/*
 * A supervisor software interrupt there. The fence is for what the other is to find in memory: it
 * goes ahead of what the firmware writes, to memory and to a device.
 */
void machine_kick(unsigned cpu)
{
	__asm__ volatile("fence rw, ow" : : : "memory");
	sbi_send_ipi(machine_hart(cpu));
}

/* PAUSE (extension Zihintpause) by its number; where it is not known it does nothing. */
void machine_relax(void)
{
	__asm__ volatile(".4byte 0x0100000f" : : : "memory");
}

/*
 * WFI ends for an interrupt that is pending and enabled in sie, masked by sstatus or not (RISC-V
 * privileged architecture, "Wait for Interrupt").
 */
void machine_wait(void)
{
	__asm__ volatile("wfi" : : : "memory");
}

/*
 * Enabled here, masked by sstatus.SIE: they only come while the guest runs, whatever its own mask
 * ("Supervisor Interrupt Registers (sip and sie)": lower privilege modes do not mask).
 */
void machine_init(void)
{
	machine_stop_alarm();
	write_csr(sie, INTERRUPT_SOFTWARE | INTERRUPT_TIMER);
}

void machine_describe(void)
{
	console_print("hyp: %u CPUs, hart %lu has booted; SBI 0x%lx of implementation %lu, version "
		      "0x%lx; time at %lu Hz\n",
		      machine_cpus(), boot_hart, sbi_base(SBI_BASE_SPEC_VERSION),
		      sbi_base(SBI_BASE_IMPLEMENTATION), sbi_base(SBI_BASE_VERSION),
		      machine_frequency());
}

/*
 * SiFive's test device (QEMU, hw/misc/sifive_test.c): 0x5555 is success, 0x3333 failure with the
 * status above it. One store: the emulator ends when it gets around to it, and the CPU sleeps.
 */
_Noreturn void machine_exit(int status)
{
	volatile uint32_t *test = (volatile uint32_t *)(uintptr_t)PLATFORM_TEST;

	*test = status == 0 ? 0x5555 : (uint32_t)status << 16 | 0x3333;
	for (;;)
		machine_wait();
}

_Noreturn void machine_fail(const char *what, uint64_t value)
{
	console_print("hyp: %s: 0x%lx\n", what, value);
	machine_exit(1);
}

/* How often there was something new to fetch, and what of it each CPU has seen to. */
static unsigned code_written, code_seen[PLATFORM_CPUS];

/*
 * Data caches are coherent, and for a guest always on. What a hart fetches is coherent with them only
 * from its next FENCE.I on (RISC-V unprivileged architecture, "Zifencei"): each CPU does one when it
 * enters the guest next. A vCPU that is in the guest now needs a FENCE.I of its own anyway, for it
 * has to learn first that there is something new.
 */
void machine_clean(const void *start, size_t size)
{
	(void)start;
	(void)size;
	__atomic_fetch_add(&code_written, 1, __ATOMIC_RELEASE);
}

void machine_sync_code(void)
{
	unsigned written = __atomic_load_n(&code_written, __ATOMIC_ACQUIRE);
	unsigned *seen = &code_seen[machine_cpu()];

	if (*seen == written)
		return;
	__asm__ volatile("fence.i" : : : "memory");
	*seen = written;
}

/*
 * LUI a0; ADDIW a0; RET (RISC-V unprivileged architecture, "RV32/64G Instruction Set Listings").
 * ADDIW adds a signed 12-bit number: LUI takes the rest, and one more when that number is negative.
 */
void machine_write_code(void *at, uint16_t value)
{
	uint32_t *code = at;
	uint32_t low = value & 0xfffu, high = (value + 0x800u) >> 12;

	code[0] = high << 12 | 0x537;                    /* lui a0, high */
	code[1] = low << 20 | 10 << 15 | 10 << 7 | 0x1b; /* addiw a0, a0, low */
	code[2] = 0x00008067;                            /* jalr x0, 0(ra) */
}

/*
 * The x4 mode that hgatp has takes two bits more than the mode without (41, 50, 59), of which QEMU
 * 7.2 gets the highest wrong: it takes the address as signed and wants the bits above it to be the
 * same, so that the upper half of a root table leads nowhere. And a guest's tables lead to 56 bits
 * at most.
 */
unsigned machine_gpa_bits(void)
{
	unsigned mode = (unsigned)bits(read_csr(hgatp), 63, 60); /* 8: Sv39x4 */
	unsigned width = 39 + 9 * (mode - 8) + 2 - 1;

	return width < 56 ? width : 56;
}

/*
 * A kick is over with that: the CPU is out of its guest. The timer's interrupt goes away with the
 * next alarm, or with none.
 */
void machine_handle_interrupt(void)
{
	uint64_t pending = read_csr(sip);

	if (pending & INTERRUPT_SOFTWARE)
		clear_csr(sip, INTERRUPT_SOFTWARE);
	if (pending & INTERRUPT_TIMER)
		time_alarm();
}

uint64_t machine_ticks(void)
{
	return read_csr(time);
}

uint64_t machine_frequency(void)
{
	return PLATFORM_TIMEBASE;
}

void machine_set_alarm(uint64_t ticks)
{
	sbi_set_timer(ticks);
}

void machine_stop_alarm(void)
{
	sbi_set_timer(UINT64_MAX);
}

/* WFI ends when an enabled interrupt is pending, although it is masked and is not taken. */
void machine_sleep(uint64_t until)
{
	while (machine_ticks() < until) {
		sbi_set_timer(until);
		__asm__ volatile("wfi" : : : "memory");
	}
	machine_stop_alarm();
}
