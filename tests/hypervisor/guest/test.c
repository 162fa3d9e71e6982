/* SPDX-License-Identifier: Apache-2.0 */
/* What the guest's tests share: see test.h. */
#include "test.h"

uint64_t ask(enum hypercall what)
{
	return hypercall(what, 0, 0, 0, 0);
}

uint64_t page_size(uint64_t address)
{
	return hypercall(HC_PAGE_SIZE, address, 0, 0, 0);
}

ax_error_t unmap(uint64_t start, uint64_t size)
{
	return (ax_error_t)hypercall(HC_UNMAP, start, size, 0, 0);
}

ax_error_t protect(uint64_t start, uint64_t size, ax_flags_t flags)
{
	return (ax_error_t)hypercall(HC_PROTECT, start, size, flags, 0);
}

ax_error_t map(uint64_t start, uint64_t size, ax_flags_t flags, bool populate)
{
	return (ax_error_t)hypercall(HC_MAP, start, size, flags, populate);
}

ax_error_t replace(uint64_t page, uint64_t model)
{
	return (ax_error_t)hypercall(HC_REPLACE, page, model, 0, 0);
}

uint32_t aborted; /* 0 or 1: RISC-V has no atomic exchange of bytes */

static void note_abort(const char *what, uint64_t address)
{
	if (!__atomic_exchange_n(&aborted, 1, __ATOMIC_RELAXED))
		console_print("guest: a %s at 0x%lx should have worked\n", what, address);
}

uint64_t peek(uint64_t address)
{
	uint64_t value = 0;

	if (!try_load(address, &value))
		note_abort("load", address);
	return value;
}

void poke(uint64_t address, uint64_t value)
{
	if (!try_store(address, value))
		note_abort("store", address);
}

uint64_t mark(uint64_t page)
{
	return page ^ UINT64_C(0x5aa5f00f00000000);
}

void mark_block(uint64_t block)
{
	for (uint64_t page = block; page < block + BLOCK; page += PAGE)
		poke(page, mark(page));
}

bool marks_are_there(uint64_t block, uint64_t from, uint64_t to)
{
	for (uint64_t page = block; page < block + BLOCK; page += PAGE) {
		if (page >= from && page < to)
			continue;
		CHECK(peek(page) == mark(page));
	}
	return true;
}

bool reported(uint64_t virtual, uint64_t physical, ax_flags_t access, enum ax_fault_result reason)
{
	struct guest_abort abort = last_abort();

	CHECK(ask(HC_VIOLATION_ADDR) == physical);
	CHECK(ask(HC_VIOLATION_ACCESS) == access);
	CHECK(ask(HC_VIOLATION_REASON) == (uint64_t)reason);
	CHECK(abort.address == virtual);
	CHECK(abort.fetch == (access == AX_EXECUTE));
	CHECK(abort.write == (access == AX_WRITE));
	return true;
}

bool load_fails(uint64_t address, enum ax_fault_result reason)
{
	uint64_t value;

	CHECK(!try_load(address, &value));
	return reported(address, address, AX_READ, reason);
}

bool store_fails(uint64_t address, enum ax_fault_result reason)
{
	CHECK(!try_store(address, UINT64_C(0xbad)));
	return reported(address, address, AX_WRITE, reason);
}

bool call_fails(uint64_t address, enum ax_fault_result reason)
{
	uint64_t result;

	CHECK(!try_call(address, &result));
	return reported(address, address, AX_EXECUTE, reason);
}
