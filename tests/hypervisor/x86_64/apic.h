/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HYPERVISOR_X86_64_APIC_H
#define HYPERVISOR_X86_64_APIC_H

#include <stdint.h>

/* This CPU's local APIC on, everything in it masked. */
void apic_init(void);

/* CPU 0, once: measures the two clocks, and silences the interrupt controllers that are not used. */
void apic_init_machine(void);

/* Makes all other CPUs begin at `page` in real mode: a page below 1 MiB. */
void apic_start_others(uint32_t page);

void apic_send(unsigned cpu, uint8_t vector);
void apic_send_nmi(unsigned cpu);
void apic_end_of_interrupt(void);

/*
 * An interrupt of PLATFORM_TIMER_INTERRUPT when the counter is at `deadline`, or somewhat earlier. On
 * CPU 0 alone: the others never have a deadline.
 */
#define APIC_NO_DEADLINE UINT64_MAX
void apic_set_timer(uint64_t deadline);
void apic_stop_timer(void);
uint64_t apic_timer_deadline(void);

/* Until the counter is there. Not on CPU 0. */
void apic_sleep(uint64_t until);

uint64_t apic_counter(void);
uint64_t apic_counter_frequency(void);
void apic_wait(uint64_t microseconds);

void apic_describe(void);

#endif /* HYPERVISOR_X86_64_APIC_H */
