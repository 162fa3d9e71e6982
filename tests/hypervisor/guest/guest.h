/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the guest's portable part needs of its architecture, which defines all of it in its folder
 * here. The guest runs in its kernel mode with its own MMU on; RAM and devices lie at their
 * guest-physical address, and a window elsewhere can be changed.
 */
#ifndef GUEST_GUEST_H
#define GUEST_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"

/* Called by the entry code on each vCPU, on a stack of its own, with its number. */
_Noreturn void guest_main(unsigned vcpu);

/* The number of the vCPU that this runs on. */
unsigned guest_vcpu(void);

/* One turn of a loop that waits for the other vCPU. */
void guest_relax(void);

/* Called by the architecture's interrupt handler. */
void guest_interrupt(uint32_t vector);

/* Called by the architecture for an exception that no test asked for. */
_Noreturn void guest_panic(uint64_t syndrome, uint64_t address, uint64_t pc);

uint64_t hypercall(enum hypercall call, uint64_t a, uint64_t b, uint64_t c, uint64_t d);

/*
 * One access that may abort: false when it did, and last_abort() tells what this vCPU was told then. A
 * load or store has 8 bytes and any alignment.
 */
bool try_load(uint64_t address, uint64_t *value);
bool try_store(uint64_t address, uint64_t value);
bool try_call(uint64_t address, uint64_t *result);

struct guest_abort {
	uint64_t address; /* virtual */
	bool fetch;
	bool write;
};

struct guest_abort last_abort(void);

/* A single load or store of a device register, in 1, 2, 4 or 8 bytes. */
uint64_t device_load(uint64_t address, unsigned bytes);
int64_t device_load_signed(uint64_t address, unsigned bytes);
void device_store(uint64_t address, unsigned bytes, uint64_t value);

/*
 * Reads what the device at PLATFORM_DEVICE says it is; true when that is the one which the guest was
 * built for.
 */
bool device_is_present(void);

/* Writes a function that returns CODE_RESULT and makes it ready to be fetched. */
#define CODE_RESULT 42
void code_write(uint64_t address);

/*
 * The window: slot N is 2 MiB of virtual addresses, mapped by the guest's own last-level table of
 * 512 entries that window_install() put there.
 */
uint64_t window_address(unsigned slot, unsigned page);
uint64_t window_entry(uint64_t page); /* an entry that maps `page` for everything */
void window_install(unsigned slot, uint64_t table);

/* After entries of such a table have changed: this vCPU no longer uses the old ones. */
void window_flush(void);

/* Interrupts are masked but for the time in here: waits for one, takes all that are pending. */
void interrupts_init(void);
void interrupts_wait(void);

#endif /* GUEST_GUEST_H */
