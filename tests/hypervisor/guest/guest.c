/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest: a table of tests, each about one thing that a guest sees of its second-stage tables.
 * It prints through the UART that is passed through to it, which is a test by itself.
 */
#include <axvisor/addrspace.h>
#include <axvisor/error.h>
#include <axvisor/flags.h>

#include "console.h"
#include "guest.h"
#include "platform.h"

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

enum { SLOT_WALK, SLOT_LAZY, SLOT_NOTHING, SLOT_REPLACE };

#define CHECK(condition)                                                                \
	do {                                                                            \
		if (!(condition)) {                                                     \
			console_print("guest: guest.c:%d: %s\n", __LINE__, #condition); \
			return false;                                                   \
		}                                                                       \
	} while (0)

static uint64_t ask(enum hypercall what)
{
	return hypercall(what, 0, 0, 0, 0);
}

static uint64_t page_size(uint64_t address)
{
	return hypercall(HC_PAGE_SIZE, address, 0, 0, 0);
}

static ax_error_t unmap(uint64_t start, uint64_t size)
{
	return (ax_error_t)hypercall(HC_UNMAP, start, size, 0, 0);
}

static ax_error_t protect(uint64_t start, uint64_t size, ax_flags_t flags)
{
	return (ax_error_t)hypercall(HC_PROTECT, start, size, flags, 0);
}

static ax_error_t map(uint64_t start, uint64_t size, ax_flags_t flags, bool populate)
{
	return (ax_error_t)hypercall(HC_MAP, start, size, flags, populate);
}

static ax_error_t replace(uint64_t page, uint64_t model)
{
	return (ax_error_t)hypercall(HC_REPLACE, page, model, 0, 0);
}

/* Through a volatile pointer, so that each is an access of its own, here and now. */
static uint64_t peek(uint64_t address)
{
	return *(volatile uint64_t *)(uintptr_t)address;
}

static void poke(uint64_t address, uint64_t value)
{
	*(volatile uint64_t *)(uintptr_t)address = value;
}

/* What the first word of a page holds in a test that marks pages. */
static uint64_t mark(uint64_t page)
{
	return page ^ UINT64_C(0x5aa5f00f00000000);
}

static void mark_block(uint64_t block)
{
	for (uint64_t page = block; page < block + BLOCK; page += PAGE)
		poke(page, mark(page));
}

/* Every page of a block but those in [from, to) still holds its mark. */
static bool marks_are_there(uint64_t block, uint64_t from, uint64_t to)
{
	for (uint64_t page = block; page < block + BLOCK; page += PAGE) {
		if (page >= from && page < to)
			continue;
		CHECK(peek(page) == mark(page));
	}
	return true;
}

/*
 * Both sides of a violation: the hypervisor knows the guest-physical address, the access and the
 * reason from the library, the guest was told its own virtual address.
 */
static bool reported(uint64_t virtual, uint64_t physical, ax_flags_t access,
		     enum ax_fault_result reason)
{
	CHECK(ask(HC_VIOLATION_ADDR) == physical);
	CHECK(ask(HC_VIOLATION_ACCESS) == access);
	CHECK(ask(HC_VIOLATION_REASON) == (uint64_t)reason);
	CHECK(last_abort.address == virtual);
	CHECK(last_abort.fetch == (access == AX_EXECUTE));
	CHECK(last_abort.write == (access == AX_WRITE));
	return true;
}

static bool load_fails(uint64_t address, enum ax_fault_result reason)
{
	uint64_t value;

	CHECK(!try_load(address, &value));
	return reported(address, address, AX_READ, reason);
}

static bool store_fails(uint64_t address, enum ax_fault_result reason)
{
	CHECK(!try_store(address, UINT64_C(0xbad)));
	return reported(address, address, AX_WRITE, reason);
}

static bool call_fails(uint64_t address, enum ax_fault_result reason)
{
	uint64_t result;

	CHECK(!try_call(address, &result));
	return reported(address, address, AX_EXECUTE, reason);
}

/* --- what there is ---------------------------------------------------------------------------- */

static bool populated_ram(void)
{
	uint64_t faults = ask(HC_FAULTS);

	for (uint64_t page = BLOCK_UNMAP; page < GUEST_RAM + GUEST_RAM_SIZE; page += PAGE) {
		CHECK(peek(page) == 0 && peek(page + PAGE - 8) == 0);
		poke(page, mark(page));
	}
	for (uint64_t page = BLOCK_UNMAP; page < GUEST_RAM + GUEST_RAM_SIZE; page += PAGE)
		CHECK(peek(page) == mark(page));
	CHECK(ask(HC_FAULTS) == faults);
	return true;
}

static bool lazy_ram(void)
{
	uint64_t faults = ask(HC_FAULTS);

	CHECK(peek(LAZY_ONCE + 8) == 0);
	CHECK(ask(HC_FAULTS) == faults + 1);
	poke(LAZY_ONCE, 1);
	CHECK(peek(LAZY_ONCE) == 1 && peek(LAZY_ONCE + PAGE - 8) == 0);
	CHECK(ask(HC_FAULTS) == faults + 1);
	return true;
}

/* One access, two pages that nobody has touched. */
static bool lazy_straddle(void)
{
	uint64_t boundary = LAZY_STRADDLE + PAGE, value;

	CHECK(try_store(boundary - 4, UINT64_C(0x1122334455667788)));
	CHECK(try_load(boundary - 4, &value) && value == UINT64_C(0x1122334455667788));
	CHECK(peek(boundary - 8) == UINT64_C(0x5566778800000000));
	CHECK(peek(boundary) == UINT64_C(0x11223344));
	return true;
}

static bool code_in_ram(void)
{
	uint64_t result;

	code_write(BLOCK_UNMAP);
	code_write(LAZY_CODE);
	CHECK(try_call(BLOCK_UNMAP, &result) && result == CODE_RESULT);
	CHECK(try_call(LAZY_CODE, &result) && result == CODE_RESULT);
	return true;
}

static bool passed_through_uart(void)
{
	return uart_is_present();
}

/* --- what is forbidden ------------------------------------------------------------------------ */

static bool rom_is_read_only(void)
{
	uint64_t at = GUEST_ROM + PAGE + 0x128;
	uint64_t word = ROM_WORD((uint32_t)((at - GUEST_ROM) / 4));
	uint64_t expected = (word + 1) << 32 | word;

	CHECK(peek(at) == expected);
	CHECK(store_fails(at, AX_FAULT_DENIED));
	CHECK(peek(at) == expected);
	return true;
}

static bool data_is_not_executable(void)
{
	code_write(GUEST_DATA + 0x40);
	CHECK(call_fails(GUEST_DATA + 0x40, AX_FAULT_DENIED));
	CHECK(peek(GUEST_DATA) == 0);
	poke(GUEST_DATA, 7);
	CHECK(peek(GUEST_DATA) == 7);
	return true;
}

static bool nothing_is_there(void)
{
	uint64_t violations = ask(HC_VIOLATIONS);

	CHECK(load_fails(GUEST_NOTHING + 0x18, AX_FAULT_NO_REGION));
	CHECK(store_fails(GUEST_NOTHING + PAGE + 0x20, AX_FAULT_NO_REGION));
	CHECK(call_fails(GUEST_NOTHING + 0x100, AX_FAULT_NO_REGION));
	CHECK(ask(HC_VIOLATIONS) == violations + 3);
	return true;
}

/* --- the trapped device ----------------------------------------------------------------------- */

static bool device_widths(void)
{
	static const uint64_t pattern = UINT64_C(0x8877665544332211);

	device_store(GUEST_MMIO + MMIO_SCRATCH, 8, pattern);
	for (unsigned bytes = 1; bytes <= 8; bytes *= 2) {
		uint64_t ones = UINT64_MAX >> (64 - 8 * bytes);

		for (unsigned at = 0; at < 8; at += bytes) {
			uint64_t part = pattern >> (8 * at) & ones;
			uint64_t address = GUEST_MMIO + MMIO_SCRATCH + at;
			int64_t sign = (int64_t)(part << (64 - 8 * bytes)) >> (64 - 8 * bytes);

			CHECK(device_load(address, bytes) == part);
			CHECK(device_load_signed(address, bytes) == sign);
		}
	}
	device_store(GUEST_MMIO + MMIO_SCRATCH + 1, 1, 0xab);
	device_store(GUEST_MMIO + MMIO_SCRATCH + 2, 2, 0xcdef);
	device_store(GUEST_MMIO + MMIO_SCRATCH + 4, 4, 0);
	CHECK(device_load(GUEST_MMIO + MMIO_SCRATCH, 8) == UINT64_C(0xcdefab11));
	return true;
}

static bool device_counts(void)
{
	uint64_t loads = device_load(GUEST_MMIO + MMIO_LOADS, 8);
	uint64_t stores = device_load(GUEST_MMIO + MMIO_STORES, 8);

	CHECK(device_load(GUEST_MMIO + MMIO_ID, 8) == MMIO_ID_VALUE);
	device_store(GUEST_MMIO + MMIO_ID, 8, 0);
	CHECK(device_load(GUEST_MMIO + MMIO_ID, 8) == MMIO_ID_VALUE);
	CHECK(device_load(GUEST_MMIO + MMIO_LOADS, 8) == loads + 4);
	CHECK(device_load(GUEST_MMIO + MMIO_STORES, 8) == stores + 1);
	CHECK(load_fails(GUEST_MMIO + MMIO_END, AX_FAULT_NO_REGION));
	return true;
}

/* --- the memory map changes under the running guest ------------------------------------------- */

/* A page in the middle of a 2 MiB page goes: that one, and none beside it. */
static bool unmap_in_a_block(void)
{
	uint64_t page = BLOCK_UNMAP + BLOCK / 2, splits = ask(HC_SPLITS);

	mark_block(BLOCK_UNMAP);
	CHECK(page_size(page) == BLOCK);
	CHECK(unmap(page, PAGE) == AX_OK);
	CHECK(ask(HC_SPLITS) == splits + 1);
	CHECK(page_size(page) == 0 && page_size(page + PAGE) == PAGE);
	CHECK(load_fails(page, AX_FAULT_NO_REGION));
	CHECK(store_fails(page + PAGE - 8, AX_FAULT_NO_REGION));
	CHECK(marks_are_there(BLOCK_UNMAP, page, page + PAGE));
	poke(page - 8, 1);
	poke(page + PAGE, mark(page + PAGE));

	/* What comes there is other memory. */
	CHECK(map(page, PAGE, RAM_FLAGS, false) == AX_OK);
	CHECK(peek(page) == 0);
	poke(page, mark(page));
	CHECK(marks_are_there(BLOCK_UNMAP, 0, 0));
	return true;
}

/* And the other way: all of it goes, and a 2 MiB page comes where the small ones were. */
static bool map_a_block_again(void)
{
	CHECK(unmap(BLOCK_UNMAP, BLOCK) == AX_OK);
	CHECK(load_fails(BLOCK_UNMAP, AX_FAULT_NO_REGION));
	CHECK(load_fails(BLOCK_UNMAP + BLOCK - 8, AX_FAULT_NO_REGION));
	CHECK(map(BLOCK_UNMAP, BLOCK, RAM_FLAGS, true) == AX_OK);
	CHECK(page_size(BLOCK_UNMAP) == BLOCK);
	for (uint64_t at = BLOCK_UNMAP; at < BLOCK_UNMAP + BLOCK; at += 8)
		CHECK(peek(at) == 0);
	mark_block(BLOCK_UNMAP);
	CHECK(marks_are_there(BLOCK_UNMAP, 0, 0));
	return true;
}

/*
 * Pages in the middle of a 2 MiB page become read-only, as for dirty logging, and writable again.
 */
static bool protect_in_a_block(void)
{
	uint64_t from = BLOCK_PROTECT + 5 * PAGE, to = from + 3 * PAGE, splits = ask(HC_SPLITS);

	mark_block(BLOCK_PROTECT);
	poke(from, mark(from)); /* so that the CPU remembers it as writable */
	CHECK(protect(from, to - from, AX_READ | AX_EXECUTE | AX_USER) == AX_OK);
	CHECK(ask(HC_SPLITS) == splits + 1);
	CHECK(store_fails(from, AX_FAULT_DENIED));
	CHECK(store_fails(to - 8, AX_FAULT_DENIED));
	poke(from - 8, 1);
	poke(to, mark(to));
	CHECK(marks_are_there(BLOCK_PROTECT, 0, 0));
	CHECK(protect(from, to - from, RAM_FLAGS) == AX_OK);
	poke(from, mark(from));
	CHECK(marks_are_there(BLOCK_PROTECT, 0, 0));
	return true;
}

static bool protect_the_whole_block(void)
{
	uint64_t last = BLOCK_REPLACE + BLOCK - 8, splits = ask(HC_SPLITS);

	mark_block(BLOCK_REPLACE);
	CHECK(protect(BLOCK_REPLACE, BLOCK, AX_READ) == AX_OK);
	CHECK(store_fails(BLOCK_REPLACE, AX_FAULT_DENIED) && store_fails(last, AX_FAULT_DENIED));
	CHECK(call_fails(BLOCK_REPLACE, AX_FAULT_DENIED));
	CHECK(marks_are_there(BLOCK_REPLACE, 0, 0));
	CHECK(protect(BLOCK_REPLACE, BLOCK, RAM_FLAGS) == AX_OK);
	poke(last, 1);
	CHECK(ask(HC_SPLITS) == splits);
	return true;
}

/* The right to execute comes and goes; pages that nothing backs yet get what was set last. */
static bool protect_execute(void)
{
	uint64_t result;

	CHECK(protect(LAZY_PROTECT, 2 * PAGE, AX_READ | AX_WRITE | AX_USER) == AX_OK);
	code_write(LAZY_PROTECT);
	CHECK(call_fails(LAZY_PROTECT, AX_FAULT_DENIED));
	CHECK(protect(LAZY_PROTECT, 2 * PAGE, RAM_FLAGS) == AX_OK);
	CHECK(try_call(LAZY_PROTECT, &result) && result == CODE_RESULT);
	code_write(LAZY_PROTECT + PAGE);
	CHECK(try_call(LAZY_PROTECT + PAGE, &result) && result == CODE_RESULT);
	return true;
}

/* Another frame comes behind a page that the guest has just used. */
static bool replace_a_page(void)
{
	uint64_t page = BLOCK_REPLACE + 0x7000;

	mark_block(BLOCK_REPLACE);
	poke(LAZY_MODEL, 0x1234);
	poke(LAZY_MODEL + PAGE - 8, 0x5678);
	CHECK(peek(page) == mark(page));
	CHECK(replace(page, LAZY_MODEL) == AX_OK);
	CHECK(peek(page) == 0x1234 && peek(page + PAGE - 8) == 0x5678);
	poke(page, mark(page));
	CHECK(peek(LAZY_MODEL) == 0x1234);
	CHECK(marks_are_there(BLOCK_REPLACE, 0, 0));
	return true;
}

/*
 * The page that is replaced holds a table of the guest's own. A CPU may keep what it read from
 * there combined with the second stage, under no guest-physical address: invalidating by address
 * is not enough, which is the mistake that this test is for.
 */
static bool replace_a_page_table(void)
{
	uint64_t table = BLOCK_REPLACE + 0x9000, address = window_address(SLOT_REPLACE, 3);

	poke(LAZY_SPARE, 111);
	poke(LAZY_SPARE + PAGE, 222);
	for (uint64_t at = 0; at < PAGE; at += 8) {
		poke(table + at, 0);
		poke(LAZY_MODEL + at, 0);
	}
	poke(table + 3 * 8, window_entry(LAZY_SPARE));
	poke(LAZY_MODEL + 3 * 8, window_entry(LAZY_SPARE + PAGE));
	window_install(SLOT_REPLACE, table);
	CHECK(peek(address) == 111);
	CHECK(replace(table, LAZY_MODEL) == AX_OK);
	CHECK(peek(address) == 222);
	return true;
}

/* Wrong requests are refused and change nothing. */
static bool refused_requests(void)
{
	uint64_t page = GUEST_LAZY;

	CHECK(unmap(page + 1, PAGE) == AX_EALIGN);
	CHECK(unmap(page, PAGE + 1) == AX_EALIGN);
	CHECK(unmap(page, 0) == AX_OK);
	CHECK(map(page, PAGE, RAM_FLAGS, true) == AX_EEXIST);
	CHECK(map(GUEST_NOTHING, 0, RAM_FLAGS, true) == AX_EINVAL);
	CHECK(map(GUEST_NOTHING, PAGE, AX_USER, true) == AX_EINVAL);
	CHECK(map(GUEST_NOTHING, PAGE, RAM_FLAGS | 1u << 31, true) == AX_EINVAL);
	CHECK(map(GUEST_NOTHING, PAGE, RAM_FLAGS | AX_DEVICE, true) == AX_EINVAL);
	CHECK(map(-PAGE, 2 * PAGE, RAM_FLAGS, true) == AX_ERANGE);
	CHECK(protect(GUEST_NOTHING, PAGE, RAM_FLAGS) == AX_ENOENT);
	CHECK(protect(page, PAGE, 0) == AX_EINVAL);
	CHECK(replace(GUEST_NOTHING, page) == AX_ENOENT);
	CHECK((ax_error_t)hypercall((enum hypercall)99, 0, 0, 0, 0) == AX_ENOTSUP);
	CHECK(load_fails(GUEST_NOTHING, AX_FAULT_NO_REGION));
	return true;
}

/* --- both stages at once ---------------------------------------------------------------------- */

/* A fault by a virtual address that is not the physical one: both are told right. */
static bool faults_by_virtual_address(void)
{
	uint64_t address = window_address(SLOT_WALK, 5), value;

	poke(LAZY_TABLE + 5 * 8, window_entry(GUEST_ROM + PAGE));
	poke(LAZY_TABLE + 6 * 8, window_entry(GUEST_NOTHING));
	window_install(SLOT_WALK, LAZY_TABLE);
	CHECK(peek(address + 0x20) == peek(GUEST_ROM + PAGE + 0x20));
	CHECK(!try_store(address + 0x28, 1));
	CHECK(reported(address + 0x28, GUEST_ROM + PAGE + 0x28, AX_WRITE, AX_FAULT_DENIED));
	CHECK(!try_load(address + PAGE + 0x30, &value));
	CHECK(reported(address + PAGE + 0x30, GUEST_NOTHING + 0x30, AX_READ, AX_FAULT_NO_REGION));
	return true;
}

/*
 * The guest's walk itself goes through the second stage. A table in lazy memory is backed, by
 * zeroes that map nothing: then the guest's own fault is all that happens.
 */
static bool walk_through_lazy_memory(void)
{
	uint64_t faults = ask(HC_FAULTS), violations = ask(HC_VIOLATIONS), value;

	window_install(SLOT_LAZY, LAZY_TABLE + PAGE);
	CHECK(!try_load(window_address(SLOT_LAZY, 0), &value));
	CHECK(last_abort.address == window_address(SLOT_LAZY, 0));
	CHECK(ask(HC_FAULTS) > faults);
	CHECK(ask(HC_VIOLATIONS) == violations);
	return true;
}

/* A table where nothing is: the address that is told is the table's, exact to the page. */
static bool walk_through_nothing(void)
{
	uint64_t address = window_address(SLOT_NOTHING, 9), value;

	window_install(SLOT_NOTHING, GUEST_NOTHING + 2 * PAGE);
	CHECK(!try_load(address, &value));
	CHECK(ask(HC_VIOLATION_ADDR) / PAGE == (GUEST_NOTHING + 2 * PAGE) / PAGE);
	CHECK(ask(HC_VIOLATION_REASON) == AX_FAULT_NO_REGION);
	CHECK(last_abort.address == address);
	return true;
}

/* --- interrupts ------------------------------------------------------------------------------- */

static struct {
	unsigned taken;
	uint32_t last;
	unsigned each[GUEST_INTERRUPTS];
} interrupts;

void guest_interrupt(uint32_t vector)
{
	interrupts.taken++;
	interrupts.last = vector;
	if (vector >= GUEST_INTERRUPT && vector - GUEST_INTERRUPT < GUEST_INTERRUPTS)
		interrupts.each[vector - GUEST_INTERRUPT]++;
}

static void raise(uint32_t vector)
{
	hypercall(HC_INTERRUPT, vector, 0, 0, 0);
}

static bool injected_interrupt(void)
{
	interrupts.taken = 0;
	raise(GUEST_INTERRUPT);
	CHECK(interrupts.taken == 0); /* masked */
	while (interrupts.taken == 0)
		interrupts_wait();
	CHECK(interrupts.taken == 1 && interrupts.last == GUEST_INTERRUPT);
	return true;
}

/* More than a CPU may be able to hold for its guest; one that is pending already adds nothing. */
static bool many_interrupts(void)
{
	interrupts.taken = 0;
	for (unsigned i = 0; i < GUEST_INTERRUPTS; i++) {
		interrupts.each[i] = 0;
		raise(GUEST_INTERRUPT + i);
		raise(GUEST_INTERRUPT + i / 2);
	}
	while (interrupts.taken < GUEST_INTERRUPTS)
		interrupts_wait();
	for (unsigned i = 0; i < GUEST_INTERRUPTS; i++)
		CHECK(interrupts.each[i] == 1);
	CHECK(interrupts.taken == GUEST_INTERRUPTS);
	return true;
}

static bool timer_interrupt(void)
{
	static const uint64_t nanos = 3000000;
	uint64_t start = ask(HC_TIME);

	interrupts.taken = 0;
	hypercall(HC_TIMER, nanos * 1000000, 0, 0, 0); /* replaced by the next */
	hypercall(HC_TIMER, nanos, 0, 0, 0);
	while (interrupts.taken == 0)
		interrupts_wait();
	CHECK(interrupts.taken == 1 && interrupts.last == GUEST_TIMER);
	CHECK(ask(HC_TIME) - start >= nanos);
	return true;
}

/* ---------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	bool (*run)(void);
} tests[] = {
	{"populated RAM is there, and zero", populated_ram},
	{"lazy RAM is backed by one fault a page", lazy_ram},
	{"an access across two lazy pages", lazy_straddle},
	{"code runs from RAM", code_in_ram},
	{"the UART is passed through", passed_through_uart},
	{"the ROM can be read and not written", rom_is_read_only},
	{"memory for data is not executable", data_is_not_executable},
	{"load, store and fetch where nothing is", nothing_is_there},
	{"the trapped device, each width and sign", device_widths},
	{"the trapped device counts", device_counts},
	{"a page is unmapped in a 2 MiB page", unmap_in_a_block},
	{"a 2 MiB page comes where small ones were", map_a_block_again},
	{"pages are write-protected in a 2 MiB page", protect_in_a_block},
	{"a 2 MiB page is protected as a whole", protect_the_whole_block},
	{"the right to execute comes and goes", protect_execute},
	{"a page gets another frame", replace_a_page},
	{"a page table of ours gets another frame", replace_a_page_table},
	{"wrong requests are refused", refused_requests},
	{"faults by another virtual address", faults_by_virtual_address},
	{"a table walk through lazy memory", walk_through_lazy_memory},
	{"a table walk where nothing is", walk_through_nothing},
	{"an interrupt is injected", injected_interrupt},
	{"many interrupts at once", many_interrupts},
	{"a timer interrupt", timer_interrupt},
};

#define TEST_COUNT (sizeof(tests) / sizeof(tests[0]))

static _Noreturn void finish(uint64_t status)
{
	for (;;)
		hypercall(HC_EXIT, status, 0, 0, 0);
}

void guest_panic(uint64_t syndrome, uint64_t address, uint64_t pc)
{
	console_print("guest: exception: syndrome 0x%lx, address 0x%lx, pc 0x%lx\n", syndrome,
		      address, pc);
	finish(1);
}

void guest_main(void)
{
	unsigned failed = 0;

	console_puts("guest: up\n");
	interrupts_init();
	for (unsigned i = 0; i < TEST_COUNT; i++) {
		bool passed = tests[i].run();

		console_print("guest: %s %s\n", passed ? "ok    " : "FAILED", tests[i].name);
		failed += !passed;
	}
	if (failed)
		console_print("guest: %u of %zu failed\n", failed, TEST_COUNT);
	else
		console_print("guest: %zu tests, all passed\n", TEST_COUNT);
	finish(failed ? 1 : 0);
}
