/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest sees of its second-stage tables, by one vCPU. */
#include "platform.h"
#include "test.h"

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

static bool passed_through_device(void)
{
	return device_is_present();
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
	CHECK_FRESH(load_fails(page, AX_FAULT_NO_REGION));
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
	CHECK_FRESH(load_fails(BLOCK_UNMAP, AX_FAULT_NO_REGION));
	CHECK_FRESH(load_fails(BLOCK_UNMAP + BLOCK - 8, AX_FAULT_NO_REGION));
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
	CHECK_FRESH(store_fails(from, AX_FAULT_DENIED));
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
	CHECK_FRESH(store_fails(BLOCK_REPLACE, AX_FAULT_DENIED) &&
		    store_fails(last, AX_FAULT_DENIED));
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
	CHECK_FRESH(peek(page) == 0x1234 && peek(page + PAGE - 8) == 0x5678);
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
	CHECK_FRESH(peek(address) == 222);
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
	CHECK(last_abort().address == window_address(SLOT_LAZY, 0));
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
	CHECK(last_abort().address == address);
	return true;
}

const struct guest_test memory_tests[] = {
	{"populated RAM is there, and zero", populated_ram, 1},
	{"lazy RAM is backed by one fault a page", lazy_ram, 1},
	{"an access across two lazy pages", lazy_straddle, 1},
	{"code runs from RAM", code_in_ram, 1},
	{"the device is passed through", passed_through_device, 1},
	{"the ROM can be read and not written", rom_is_read_only, 1},
	{"memory for data is not executable", data_is_not_executable, 1},
	{"load, store and fetch where nothing is", nothing_is_there, 1},
	{"the trapped device, each width and sign", device_widths, 1},
	{"the trapped device counts", device_counts, 1},
	{"a page is unmapped in a 2 MiB page", unmap_in_a_block, 1},
	{"a 2 MiB page comes where small ones were", map_a_block_again, 1},
	{"pages are write-protected in a 2 MiB page", protect_in_a_block, 1},
	{"a 2 MiB page is protected as a whole", protect_the_whole_block, 1},
	{"the right to execute comes and goes", protect_execute, 1},
	{"a page gets another frame", replace_a_page, 1},
	{"a page table of ours gets another frame", replace_a_page_table, 1},
	{"wrong requests are refused", refused_requests, 1},
	{"faults by another virtual address", faults_by_virtual_address, 1},
	{"a table walk through lazy memory", walk_through_lazy_memory, 1},
	{"a table walk where nothing is", walk_through_nothing, 1},
	{0},
};
