/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's part of the conformance run: it makes the accesses that the hypervisor asks for and
 * tells what came of each. It knows nothing of what should.
 */
#include "test.h"

static _Alignas(4096) struct probe_batch batch;

/* The window by which all of the guest-physical space is reached: a page of it for each probe. */
static _Alignas(4096) uint64_t table[512];

static void fill_window(void)
{
	for (uint64_t i = 0; i < batch.count; i++)
		*(volatile uint64_t *)&table[i] = 0;
	window_flush();
	for (uint64_t i = 0; i < batch.count; i++)
		*(volatile uint64_t *)&table[i] = window_entry(batch.probes[i].address & -PAGE);
	window_flush();
}

/* That this vCPU was told of the very access. */
static bool told_right(uint64_t address, uint64_t access)
{
	struct guest_abort abort = last_abort();

	return abort.address == address && abort.fetch == (access == AX_EXECUTE) &&
	       abort.write == (access == AX_WRITE);
}

static void make(struct probe *probe, uint64_t address)
{
	bool worked;

	switch (probe->access) {
	case 0:
		return;
	case AX_READ:
		worked = try_load(address, &probe->value);
		break;
	case AX_WRITE:
		worked = try_store(address, probe->value);
		break;
	default: /* AX_EXECUTE */
		worked = try_call(address, &probe->value);
		break;
	}
	if (worked)
		probe->outcome = PROBE_WORKED;
	else
		probe->outcome =
			told_right(address, probe->access) ? PROBE_FAILED : PROBE_MISREPORTED;
}

/*
 * A batch that is made again, after a change, finds in the TLB what it left there: nothing is flushed
 * by this guest.
 */
static uint64_t make_all(uint64_t unused)
{
	(void)unused;
	if (!batch.again)
		fill_window();
	for (uint64_t i = 0; i < batch.count; i++) {
		struct probe *probe = &batch.probes[i];

		__atomic_store_n(&batch.current, i, __ATOMIC_RELAXED);
		make(probe, window_address(SLOT_CONFORMANCE, (unsigned)i) + probe->address % PAGE);
	}
	__atomic_store_n(&batch.current, UINT64_MAX, __ATOMIC_RELAXED);
	return 0;
}

#define TURNS_OF_ONE 8

/*
 * The vCPUs take turns, each for some batches: what a CPU had cached before the other's turns is
 * wrong when it comes to be used again.
 */
static bool hardware_agrees(void)
{
	bool take_turns = ask(HC_VCPUS) > 1;

	batch.current = UINT64_MAX;
	window_install(SLOT_CONFORMANCE, (uintptr_t)table);
	for (unsigned turn = 0; hypercall(HC_CONFORMANCE, (uintptr_t)&batch, 0, 0, 0);) {
		turn += !batch.again;
		if (take_turns && turn / TURNS_OF_ONE % 2 == 1) {
			other_run(make_all, 0);
			other_join();
		} else {
			make_all(0);
		}
	}
	CHECK(ask(HC_DISAGREEMENTS) == 0);
	return true;
}

const struct guest_test conformance_tests[] = {
	{"the hardware agrees with the library's query", hardware_agrees, 1},
	{0},
};
