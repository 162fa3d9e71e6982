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

/* Interrupt controller and timer of this CPU. */
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

/* Takes the pending physical interrupt and runs its handler. */
void machine_handle_interrupt(void);

/* Makes `vector` pending in the vCPU that this CPU runs. */
void machine_inject_interrupt(uint32_t vector);

/*
 * A free-running counter, its frequency in Hz, and one alarm: time_alarm() is called after
 * `ticks`.
 */
uint64_t machine_ticks(void);
uint64_t machine_frequency(void);
void machine_set_alarm(uint64_t ticks);
void machine_stop_alarm(void);

/* Called by the architecture when the alarm goes off: time.c. */
void time_alarm(void);

#endif /* HYPERVISOR_MACHINE_H */
