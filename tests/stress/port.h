/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DOC: a port for stress
 *
 * The memory and TLB functions of the library for many threads at once. Unlike the mock port of the unit
 * tests it takes no lock that all threads share on its usual way: that lock would order what the library
 * has to order itself, and hide from ThreadSanitizer what it forgot. Frames are poisoned when they come
 * back and looked at when they go out; one that comes back twice, or was written to meanwhile, ends the
 * program.
 */
#ifndef TESTS_STRESS_PORT_H
#define TESTS_STRESS_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** PORT_BASE - Host address of the first frame that is handed out. */
#define PORT_BASE 0x100000000ull
/** PORT_FRAMES - Single frames. */
#define PORT_FRAMES 8192u
/** PORT_BLOCKS - Blocks of 2 MiB behind them, for contiguous memory. */
#define PORT_BLOCKS 24u
/** PORT_RAM_BASE - Memory that is never handed out, for linear maps. */
#define PORT_RAM_BASE 0x80000000ull
/** PORT_RAM_SIZE - Its bytes. */
#define PORT_RAM_SIZE (16u << 20)

/** port_start() - Map the memory. Once. */
void port_start(void);

/** port_offset() - Virtual less physical address of all of it. */
uint64_t port_offset(void);

/** port_held() - Frames that are out. */
size_t port_held(void);

/** port_fail() - From now on one of @one_in allocations of this thread fails; 0: none. */
void port_fail(unsigned one_in);

/** port_failures() - How many did, in all threads. */
unsigned long port_failures(void);

/** port_random() - The next number of this thread. */
uint64_t port_random(void);

/** port_seed() - Begin this thread's numbers. */
void port_seed(uint64_t seed);

/** port_delays() - Hold this thread at one of @one_in points of src/pause.h; 0: none. */
void port_delays(unsigned one_in);

/** die() - Say why, and end the program. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif /* TESTS_STRESS_PORT_H */
