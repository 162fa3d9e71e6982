/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stale translations: vCPU 1 makes the same access over and over, so that its CPU remembers the
 * translation and has no reason to leave the guest, while vCPU 0 has the hypervisor change it. Once
 * that call has returned, vCPU 1 must not use the old translation a single time.
 */
#include "test.h"

#define WARM_TURNS    200 /* before the change and after it */
#define WARM_ATTEMPTS 5
#define PATIENCE      5000000000 /* nanoseconds that so many turns may take */
#define VALUE_BEFORE  0x1111111111
#define VALUE_AFTER   0x2222222222

enum access { LOAD, STORE, CALL };

/* What vCPU 1 does, and what came of it. */
static struct {
	enum access access;
	uint64_t address;
	bool stop;
	uint64_t turns;    /* over so far; turn N is the Nth */
	uint64_t last_old; /* the last turn that came out as all did before the change */
	bool worked;       /* the last turn */
	uint64_t value;    /* what it loaded or what the call returned */
} spin;

static bool attempt(uint64_t turn, uint64_t *value)
{
	switch (spin.access) {
	case LOAD:
		return try_load(spin.address, value);
	case STORE:
		return try_store(spin.address, turn);
	case CALL:
		return try_call(spin.address, value);
	}
	return false;
}

static bool is_old(bool worked, uint64_t value)
{
	return worked && (spin.access != LOAD || value == VALUE_BEFORE);
}

static uint64_t keep_trying(uint64_t unused)
{
	(void)unused;
	for (uint64_t turn = 1; !__atomic_load_n(&spin.stop, __ATOMIC_ACQUIRE); turn++) {
		uint64_t value = 0;
		bool worked = attempt(turn, &value);

		spin.worked = worked;
		spin.value = value;
		if (is_old(worked, value))
			spin.last_old = turn;
		__atomic_store_n(&spin.turns, turn, __ATOMIC_RELEASE);
	}
	return 0;
}

static uint64_t turns_so_far(void)
{
	return __atomic_load_n(&spin.turns, __ATOMIC_ACQUIRE);
}

static bool more_turns(uint64_t count)
{
	uint64_t until = turns_so_far() + count, start = ask(HC_TIME);

	while (turns_so_far() < until)
		CHECK(ask(HC_TIME) - start < PATIENCE);
	return true;
}

/*
 * vCPU 1 makes its turns in the guest alone, without any help of the hypervisor's. It may have begun
 * before the kick that was to wake it arrives, which makes it leave once more: then again.
 */
static bool warm_up(void)
{
	CHECK(more_turns(2)); /* lazy memory is backed */
	for (unsigned attempts = 0; attempts < WARM_ATTEMPTS; attempts++) {
		uint64_t exits = hypercall(HC_EXITS, 1, 0, 0, 0);

		CHECK(more_turns(WARM_TURNS));
		if (hypercall(HC_EXITS, 1, 0, 0, 0) == exits)
			return true;
	}
	CHECK(!"vCPU 1 stays in the guest");
	return false;
}

/*
 * True when vCPU 1 has seen nothing old since `change` returned. A turn that was under way then may
 * have: it is the one after those that were over. So the first that counts is the second.
 */
static bool change_is_seen(enum access access, uint64_t address, ax_error_t (*change)(uint64_t),
			   uint64_t argument)
{
	uint64_t over = 0;
	ax_error_t error = AX_ESTATE;
	bool warm, went_on = false;

	spin.access = access;
	spin.address = address;
	spin.stop = false;
	spin.turns = spin.last_old = 0;
	other_run(keep_trying, 0);
	warm = warm_up();
	if (warm) {
		error = change(argument);
		over = turns_so_far();
		went_on = more_turns(WARM_TURNS);
	}
	__atomic_store_n(&spin.stop, true, __ATOMIC_RELEASE);
	other_join();
	CHECK(warm && error == AX_OK && went_on);
	CHECK(spin.last_old >= WARM_TURNS); /* it was right before */
	if (access != STORE || !spin.worked)
		CHECK_FRESH(spin.last_old < over + 2);
	return true;
}

/* --- the changes ------------------------------------------------------------------------------ */

static ax_error_t unmap_page(uint64_t page)
{
	return unmap(page, PAGE);
}

static ax_error_t replace_page(uint64_t page)
{
	return replace(page, LAZY_MODEL);
}

static ax_error_t forbid_store(uint64_t page)
{
	return protect(page, PAGE, AX_READ | AX_EXECUTE | AX_USER);
}

static ax_error_t forbid_fetch(uint64_t page)
{
	return protect(page, PAGE, AX_READ | AX_WRITE | AX_USER);
}

static ax_error_t forbid_block(uint64_t block)
{
	return protect(block, BLOCK, AX_READ | AX_USER);
}

/* --- single pages ----------------------------------------------------------------------------- */

enum {
	STALE_LOAD,
	STALE_STORE,
	STALE_CALL,
	STALE_REPLACE,
	STALE_REPLACE_STORE,
	STALE_READ_ONLY,
	STALE_NO_FETCH,
	STALE_TABLE,
	STALE_TABLE_LOAD
};

/*
 * A page for each test, which nobody has touched before it, and behind it a frame that the hypervisor
 * keeps even if the page goes: what a stale translation leads to is what was there, and what is
 * wrongly stored does no harm beyond the test.
 */
static uint64_t page_of(unsigned test)
{
	uint64_t page = LAZY_STALE + test * PAGE;

	unmap(page, PAGE);
	hypercall(HC_LEND, page, RAM_FLAGS, 0, 0);
	return page;
}

static bool unmapped_while_loaded(void)
{
	uint64_t page = page_of(STALE_LOAD);

	poke(page, VALUE_BEFORE);
	CHECK(change_is_seen(LOAD, page, unmap_page, page));
	CHECK_FRESH(!spin.worked);
	return load_fails(page, AX_FAULT_NO_REGION);
}

static bool unmapped_while_stored(void)
{
	uint64_t page = page_of(STALE_STORE);

	CHECK(change_is_seen(STORE, page, unmap_page, page));
	CHECK_FRESH(!spin.worked);
	return true;
}

static bool unmapped_while_run(void)
{
	uint64_t page = page_of(STALE_CALL);

	code_write(page);
	CHECK(change_is_seen(CALL, page, unmap_page, page));
	CHECK_FRESH(!spin.worked);
	return true;
}

static bool replaced_while_loaded(void)
{
	uint64_t page = page_of(STALE_REPLACE);

	poke(page, VALUE_BEFORE);
	poke(LAZY_MODEL, VALUE_AFTER);
	CHECK(change_is_seen(LOAD, page, replace_page, page));
	CHECK_FRESH(spin.worked && spin.value == VALUE_AFTER);
	return true;
}

/* What vCPU 1 stored last is in the new frame, where vCPU 0 sees it. */
static bool replaced_while_stored(void)
{
	uint64_t page = page_of(STALE_REPLACE_STORE);

	CHECK(change_is_seen(STORE, page, replace_page, page));
	CHECK_FRESH(spin.worked && peek(page) == spin.turns);
	return true;
}

static bool read_only_while_stored(void)
{
	uint64_t page = page_of(STALE_READ_ONLY);

	CHECK(change_is_seen(STORE, page, forbid_store, page));
	CHECK_FRESH(!spin.worked);
	return store_fails(page, AX_FAULT_DENIED);
}

static bool no_fetch_while_run(void)
{
	uint64_t page = page_of(STALE_NO_FETCH);

	code_write(page);
	CHECK(change_is_seen(CALL, page, forbid_fetch, page));
	CHECK_FRESH(!spin.worked);
	return call_fails(page, AX_FAULT_DENIED);
}

/* --- huge pages ------------------------------------------------------------------------------- */

static bool make_block(uint64_t block)
{
	CHECK(unmap(block, BLOCK) == AX_OK);
	CHECK(map(block, BLOCK, RAM_FLAGS, true) == AX_OK);
	CHECK(page_size(block) == BLOCK);
	return true;
}

static bool unmapped_in_a_block(void)
{
	uint64_t page = BLOCK_STALE + 77 * PAGE;

	CHECK(make_block(BLOCK_STALE));
	poke(page, VALUE_BEFORE);
	CHECK(change_is_seen(LOAD, page, unmap_page, page));
	CHECK_FRESH(!spin.worked);
	return true;
}

static bool block_read_only(void)
{
	uint64_t block = BLOCK_STALE + BLOCK;

	CHECK(make_block(block));
	CHECK(change_is_seen(STORE, block + BLOCK - 8, forbid_block, block));
	CHECK_FRESH(!spin.worked);
	CHECK(page_size(block) == BLOCK);
	return true;
}

/* --- what the guest's own walk goes through --------------------------------------------------- */

/* memory.c has this test for one vCPU, and why it is one of its own. */
static bool table_replaced(void)
{
	uint64_t table = page_of(STALE_TABLE), page = page_of(STALE_TABLE_LOAD);

	poke(page, VALUE_BEFORE);
	poke(page + PAGE, VALUE_AFTER);
	for (uint64_t at = 0; at < PAGE; at += 8) {
		poke(table + at, 0);
		poke(LAZY_MODEL + at, 0);
	}
	poke(table + 5 * 8, window_entry(page));
	poke(LAZY_MODEL + 5 * 8, window_entry(page + PAGE));
	window_install(SLOT_STALE, table);
	CHECK(change_is_seen(LOAD, window_address(SLOT_STALE, 5), replace_page, table));
	CHECK_FRESH(spin.worked && spin.value == VALUE_AFTER);
	return true;
}

const struct guest_test stale_tests[] = {
	{"the other vCPU loads, the page is unmapped", unmapped_while_loaded, 2},
	{"the other vCPU stores, the page is unmapped", unmapped_while_stored, 2},
	{"the other vCPU runs, the page is unmapped", unmapped_while_run, 2},
	{"the other vCPU loads, the page gets another frame", replaced_while_loaded, 2},
	{"the other vCPU stores, the page gets another frame", replaced_while_stored, 2},
	{"the other vCPU stores, the page becomes read-only", read_only_while_stored, 2},
	{"the other vCPU runs, the page becomes execute-never", no_fetch_while_run, 2},
	{"the other vCPU loads, its 2 MiB page is split", unmapped_in_a_block, 2},
	{"the other vCPU stores, its 2 MiB page becomes read-only", block_read_only, 2},
	{"the other vCPU's own page table gets another frame", table_replaced, 2},
	{0},
};
