/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the portable part needs of the machine, apart from running a guest (vcpu.h) and text output
 * (console.h). Each architecture's folder defines all of it, and "platform.h" with the addresses.
 */
#ifndef HYPERVISOR_MACHINE_H
#define HYPERVISOR_MACHINE_H

#include <stddef.h>
#include <stdint.h>

#include "platform.h"

/*
 * CPUs are numbered from 0, the one that booted. At most PLATFORM_CPUS are used; the emulated machine
 * may have fewer. The hypervisor runs with interrupts masked on all of them.
 */
unsigned machine_cpus(void);
unsigned machine_cpu(void);

/* CPU 0 only, once for each of the others: it ends up in hypervisor_secondary(), on its own stack. */
void machine_start_cpu(unsigned cpu);

/* Called by the architecture's entry code. On CPU 0: the hypervisor's own MMU is on. */
_Noreturn void hypervisor_main(void);
_Noreturn void hypervisor_secondary(void);

/*
 * Makes another CPU leave its guest with VCPU_EXIT_INTERRUPT. One that is outside leaves as soon as it
 * enters: a kick is not lost.
 */
void machine_kick(unsigned cpu);

/* One turn of a loop that waits for another CPU. */
void machine_relax(void);

/*
 * One turn of a loop that waits for a kick of this CPU. It may return at any time, and does at once
 * when one has come that no guest has been left for yet: sleep if the CPU can, so that an emulator
 * has time for the others; else machine_relax() will do.
 */
void machine_wait(void);

/* Interrupt controller and timer, and what else a CPU needs to run guests; once on each CPU. */
void machine_init(void);

/* Prints what the hardware says it is. */
void machine_describe(void);

/* Ends the run; the emulator exits with this status. */
_Noreturn void machine_exit(int status);

/* For what must not happen: says so and ends the run with status 1. */
_Noreturn void machine_fail(const char *what, uint64_t value);

/*
 * Makes what was written to `size` bytes at `start` visible to a guest that has its caches still
 * off and fetches instructions from there.
 */
void machine_clean(const void *start, size_t size);

/*
 * Writes a function that returns `value`, in the processor's own instructions, at most MACHINE_CODE_SIZE
 * bytes. `at` is 16 byte aligned and is yet to be cleaned, by machine_clean().
 */
#define MACHINE_CODE_SIZE 16
void machine_write_code(void *at, uint16_t value);

/*
 * How wide a guest physical address can be, in bits, so that this machine translates it right in both
 * of its stages: what the processor has, less what the emulator is known to get wrong.
 */
unsigned machine_gpa_bits(void);

/* Takes the pending physical interrupt, if there is one, and runs its handler. */
void machine_handle_interrupt(void);

/* Makes `vector` pending in the vCPU that this CPU runs, which is not in the guest now. */
void machine_inject_interrupt(uint32_t vector);

/*
 * A free-running counter, the same on all CPUs, its frequency in Hz, and one alarm, of CPU 0:
 * time_alarm() is called after `ticks`.
 */
uint64_t machine_ticks(void);
uint64_t machine_frequency(void);
void machine_set_alarm(uint64_t ticks);
void machine_stop_alarm(void);

/* This CPU sleeps until about that tick, if it is still to come. It may use the CPU's own alarm. */
void machine_sleep(uint64_t until);

/* Called by the architecture on CPU 0 when the alarm goes off, or at any other time: time.c. */
void time_alarm(void);

#endif /* HYPERVISOR_MACHINE_H */
