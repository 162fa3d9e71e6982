/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local APIC: the timer, and interrupts between CPUs; and the time-stamp counter, which is
 * measured together with it.
 *
 * The bits of a register stand under its name in the Intel SDM vol. 3A, chapter "Advanced
 * Programmable Interrupt Controller (APIC)".
 */
#include "apic.h"

#include "console.h"
#include "machine.h"
#include "sysreg.h"

#define APIC_BASE_ENABLE BIT(11) /* IA32_APIC_BASE */

#define APIC_EOI           0x0b0
#define APIC_SPURIOUS      0x0f0
#define APIC_ICR_LOW       0x300
#define APIC_ICR_HIGH      0x310
#define APIC_LVT_TIMER     0x320
#define APIC_LVT_LINT0     0x350
#define APIC_LVT_LINT1     0x360
#define APIC_TIMER_INITIAL 0x380
#define APIC_TIMER_CURRENT 0x390
#define APIC_TIMER_DIVIDE  0x3e0

#define SPURIOUS_ENABLE BIT(8)
#define LVT_MASKED      BIT(16) /* mode one-shot: bits [18:17] = 0 */
#define DIVIDE_BY_16    0x3

#define ICR_FIXED          (0u << 8)
#define ICR_NMI            (4u << 8)
#define ICR_INIT           (5u << 8)
#define ICR_STARTUP        (6u << 8)
#define ICR_BUSY           (1u << 12)
#define ICR_ASSERT         (1u << 14)
#define ICR_ALL_BUT_SELF   (3u << 18)
#define ICR_HIGH_CPU_SHIFT 24

/* The 8259A pair: a set bit in its mask register keeps an input out (Intel 8259A data sheet, OCW1). */
#define PIC_MASTER_MASK 0x21
#define PIC_SLAVE_MASK  0xa1

/*
 * The 8254 timer counts at 1193182 Hz. Channel 2 starts when its gate goes up (bit 0 of port 0x61), and
 * bit 5 there is its output (Intel 8254 data sheet, "Mode 0: Interrupt on Terminal Count").
 */
#define PIT_HZ        1193182u
#define PIT_CHANNEL2  0x42
#define PIT_CONTROL   0x43
#define PIT_MODE0     0xb0 /* channel 2, both bytes, mode 0, binary */
#define PORT_B        0x61
#define PORT_B_GATE   0x01
#define PORT_B_SPEAK  0x02
#define PORT_B_OUTPUT 0x20

#define MEASURE_HZ   100u /* for a hundredth of a second */
#define MEASUREMENTS 3
#define MAX_TIMER    UINT64_C(0xffffffff)

static uint64_t counter_hz, timer_hz;
static uint64_t deadline = APIC_NO_DEADLINE;

static volatile uint32_t *apic(unsigned offset)
{
	return (volatile uint32_t *)(uintptr_t)(PLATFORM_APIC + offset);
}

void apic_init(void)
{
	write_msr(MSR_APIC_BASE, read_msr(MSR_APIC_BASE) | APIC_BASE_ENABLE);
	*apic(APIC_LVT_LINT0) = LVT_MASKED;
	*apic(APIC_LVT_LINT1) = LVT_MASKED;
	*apic(APIC_LVT_TIMER) = LVT_MASKED | PLATFORM_TIMER_INTERRUPT;
	*apic(APIC_TIMER_DIVIDE) = DIVIDE_BY_16;
	*apic(APIC_SPURIOUS) = SPURIOUS_ENABLE | PLATFORM_SPURIOUS;
}

/* LFENCE: the read is not done before what stands before it (Intel SDM vol. 2B, RDTSC). */
uint64_t apic_counter(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

static void start_pit(uint16_t count)
{
	uint8_t port = (uint8_t)(in8(PORT_B) & ~(PORT_B_GATE | PORT_B_SPEAK));

	out8(PORT_B, port);
	out8(PIT_CONTROL, PIT_MODE0);
	out8(PIT_CHANNEL2, (uint8_t)count);
	out8(PIT_CHANNEL2, (uint8_t)(count >> 8));
	out8(PORT_B, port | PORT_B_GATE);
}

/* How far both clocks get meanwhile. */
static void measure_once(uint64_t *counter, uint64_t *timer)
{
	uint64_t start;

	start_pit(PIT_HZ / MEASURE_HZ);
	*apic(APIC_TIMER_INITIAL) = UINT32_MAX;
	start = apic_counter();
	while (!(in8(PORT_B) & PORT_B_OUTPUT))
		;
	*counter = apic_counter() - start;
	*timer = UINT32_MAX - *apic(APIC_TIMER_CURRENT);
	*apic(APIC_TIMER_INITIAL) = 0;
}

/*
 * CPUID is not asked: what it says of the clocks is the modelled processor's, and neither emulator
 * keeps to it. (Bochs counts instructions.) The shortest measurement was disturbed the least.
 */
static void measure_clocks(void)
{
	uint64_t counter = UINT64_MAX, timer = 0;

	for (unsigned i = 0; i < MEASUREMENTS; i++) {
		uint64_t this_counter, this_timer;

		measure_once(&this_counter, &this_timer);
		if (this_counter < counter) {
			counter = this_counter;
			timer = this_timer;
		}
	}
	counter_hz = counter * MEASURE_HZ;
	timer_hz = timer * MEASURE_HZ;
}

void apic_init_machine(void)
{
	out8(PIC_MASTER_MASK, 0xff);
	out8(PIC_SLAVE_MASK, 0xff);
	measure_clocks();
}

void apic_describe(void)
{
	console_print("hyp: local APIC: timer at %lu Hz; counter at %lu Hz\n", timer_hz,
		      counter_hz);
}

static void send(uint32_t high, uint32_t low)
{
	while (*apic(APIC_ICR_LOW) & ICR_BUSY)
		__asm__ volatile("pause");
	*apic(APIC_ICR_HIGH) = high;
	*apic(APIC_ICR_LOW) = low;
}

/* The local APICs are numbered from 0 here, as the CPUs are. */
void apic_send(unsigned cpu, uint8_t vector)
{
	send(cpu << ICR_HIGH_CPU_SHIFT, ICR_FIXED | ICR_ASSERT | vector);
}

void apic_send_nmi(unsigned cpu)
{
	send(cpu << ICR_HIGH_CPU_SHIFT, ICR_NMI | ICR_ASSERT);
}

/* INIT, 10 ms, start-up twice ("MP Initialization Protocol Algorithm for MP Systems"). */
void apic_start_others(uint32_t page)
{
	send(0, ICR_ALL_BUT_SELF | ICR_INIT | ICR_ASSERT);
	apic_wait(10000);
	for (unsigned i = 0; i < 2; i++) {
		send(0, ICR_ALL_BUT_SELF | ICR_STARTUP | ICR_ASSERT | page >> 12);
		apic_wait(200);
	}
}

void apic_end_of_interrupt(void)
{
	*apic(APIC_EOI) = 0;
}

/* Cut at a second, so that nothing overflows: the caller looks at the counter and sets it again. */
static void set_timer(uint64_t at, uint32_t vector)
{
	uint64_t now = apic_counter(), ticks = at > now ? at - now : 0;
	uint64_t count = (ticks < counter_hz ? ticks : counter_hz) * timer_hz / counter_hz + 1;

	*apic(APIC_LVT_TIMER) = vector;
	*apic(APIC_TIMER_INITIAL) = (uint32_t)(count < MAX_TIMER ? count : MAX_TIMER);
}

void apic_set_timer(uint64_t at)
{
	deadline = at;
	set_timer(at, PLATFORM_TIMER_INTERRUPT);
}

/*
 * The deadline is CPU 0's, and what is done when it comes. So the interrupt that ends the sleep is one at
 * which the others do nothing. STI lets it in only after HLT.
 */
void apic_sleep(uint64_t until)
{
	while (apic_counter() < until) {
		set_timer(until, PLATFORM_KICK_INTERRUPT);
		__asm__ volatile("sti\n\thlt\n\tcli" : : : "memory");
	}
}

void apic_stop_timer(void)
{
	deadline = APIC_NO_DEADLINE;
	*apic(APIC_LVT_TIMER) = LVT_MASKED | PLATFORM_TIMER_INTERRUPT;
	*apic(APIC_TIMER_INITIAL) = 0;
}

uint64_t apic_timer_deadline(void)
{
	return machine_cpu() == 0 ? deadline : APIC_NO_DEADLINE;
}

uint64_t apic_counter_frequency(void)
{
	return counter_hz;
}

void apic_wait(uint64_t microseconds)
{
	uint64_t start = apic_counter(), ticks = counter_hz * microseconds / 1000000;

	while (apic_counter() - start < ticks)
		__asm__ volatile("pause");
}
