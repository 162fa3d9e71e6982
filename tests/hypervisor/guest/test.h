/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the guest's tests share: a test returns whether it passed, and says what did not hold.
 */
#ifndef GUEST_TEST_H
#define GUEST_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <axvisor/addrspace.h>
#include <axvisor/error.h>
#include <axvisor/flags.h>

#include "console.h"
#include "guest.h"

#define PAGE      UINT64_C(0x1000)
#define BLOCK     UINT64_C(0x200000)
#define RAM_FLAGS (AX_READ | AX_WRITE | AX_EXECUTE | AX_USER)

/*
 * Each test has memory of its own. The image lies in the first block of the populated RAM; the
 * other three are where 2 MiB pages are taken apart.
 */
#define BLOCK_UNMAP   (GUEST_RAM + 1 * BLOCK)
#define BLOCK_PROTECT (GUEST_RAM + 2 * BLOCK)
#define BLOCK_REPLACE (GUEST_RAM + 3 * BLOCK)
#define LAZY_ONCE     (GUEST_LAZY + 0x00000)
#define LAZY_STRADDLE (GUEST_LAZY + 0x10000)
#define LAZY_CODE     (GUEST_LAZY + 0x20000)
#define LAZY_PROTECT  (GUEST_LAZY + 0x30000)
#define LAZY_TABLE    (GUEST_LAZY + 0x40000)
#define LAZY_MODEL    (GUEST_LAZY + 0x50000)
#define LAZY_SPARE    (GUEST_LAZY + 0x60000)
#define LAZY_STALE    (GUEST_LAZY + 0x70000)
#define LAZY_RACE     (GUEST_LAZY + 1 * BLOCK)
#define BLOCK_STALE   (GUEST_LAZY + 2 * BLOCK) /* two of them */

enum { SLOT_WALK, SLOT_LAZY, SLOT_NOTHING, SLOT_REPLACE, SLOT_STALE, SLOT_CONFORMANCE };

struct guest_test {
	const char *name;
	bool (*run)(void);
	unsigned vcpus; /* that it takes */
};

/* Each ends with one that has no name. */
extern const struct guest_test memory_tests[];    /* memory.c */
extern const struct guest_test interrupt_tests[]; /* interrupts.c */
extern const struct guest_test smp_tests[];       /* smp.c */
extern const struct guest_test stale_tests[];     /* stale.c */
extern const struct guest_test conformance_tests[];

#define CHECK(condition) CHECK_OR(condition, "does not hold")

/* The same, where what fails it is that a CPU uses what the tables said before a change. */
#define CHECK_FRESH(condition) CHECK_OR(condition, "stale translation")

#define CHECK_OR(condition, what)                                                         \
	do {                                                                              \
		if (!(condition)) {                                                       \
			console_print("guest: %s:%d: %s: %s\n", __FILE__, __LINE__, what, \
				      #condition);                                        \
			return false;                                                     \
		}                                                                         \
	} while (0)

/*
 * guest.c: has the other vCPU, 1, call a function, and waits for what it returns. vCPU 0 goes on
 * meanwhile. On vCPU 0 only.
 */
void other_run(uint64_t (*function)(uint64_t argument), uint64_t argument);
uint64_t other_join(void);

/* test.c: the hypercalls; */
uint64_t ask(enum hypercall what);
uint64_t page_size(uint64_t address);
ax_error_t unmap(uint64_t start, uint64_t size);
ax_error_t protect(uint64_t start, uint64_t size, ax_flags_t flags);
ax_error_t map(uint64_t start, uint64_t size, ax_flags_t flags, bool populate);
ax_error_t replace(uint64_t page, uint64_t model);

/* one access each, here and now; one that aborts fails the test that is running (`aborted`); */
uint64_t peek(uint64_t address);
void poke(uint64_t address, uint64_t value);
extern uint32_t aborted;

/* what the first word of a page holds in a test that marks pages: */
uint64_t mark(uint64_t page);
void mark_block(uint64_t block);
bool marks_are_there(uint64_t block, uint64_t from, uint64_t to); /* but in [from, to) */

/*
 * Both sides of this vCPU's last violation: the hypervisor knows the guest-physical address, the
 * access and the reason from the library, the guest was told its own virtual address.
 */
bool reported(uint64_t virtual, uint64_t physical, ax_flags_t access, enum ax_fault_result reason);

/* An access by the guest-physical address that is a violation, and is reported as that. */
bool load_fails(uint64_t address, enum ax_fault_result reason);
bool store_fails(uint64_t address, enum ax_fault_result reason);
bool call_fails(uint64_t address, enum ax_fault_result reason);

#endif /* GUEST_TEST_H */
