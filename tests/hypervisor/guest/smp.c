/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two vCPUs in one guest physical address space.
 */
#include "test.h"

#define ADDS  10000
#define TURNS 1000

static uint64_t sum, ball;

static uint64_t add_up(uint64_t step)
{
	for (unsigned i = 0; i < ADDS; i++)
		__atomic_fetch_add(&sum, step, __ATOMIC_RELAXED);
	return guest_vcpu();
}

/* Waits for the even numbers, or the odd ones, and answers each with the next. */
static uint64_t play_ball(uint64_t first)
{
	for (uint64_t turn = first; turn < 2 * TURNS; turn += 2) {
		while (__atomic_load_n(&ball, __ATOMIC_ACQUIRE) != turn)
			guest_relax();
		__atomic_store_n(&ball, turn + 1, __ATOMIC_RELEASE);
	}
	return 0;
}

static bool stores_are_seen(void)
{
	other_run(add_up, 3);
	CHECK(add_up(5) == 0);
	CHECK(other_join() == 1);
	CHECK(sum == (3 + 5) * ADDS);
	other_run(play_ball, 1);
	play_ball(0);
	other_join();
	CHECK(ball == 2 * TURNS);
	return true;
}

/* --- both fault on the same memory at once ---------------------------------------------------- */

#define RACE_PAGES  UINT64_C(64) /* in each round others */
#define RACE_ROUNDS 8

static uint64_t arrived;

static uint64_t race_page(uint64_t round, uint64_t index)
{
	return LAZY_RACE + (round * RACE_PAGES + index) * PAGE;
}

/* Each vCPU touches every page, in the same order or in the opposite one, and leaves its own mark. */
static uint64_t touch_all(uint64_t round)
{
	unsigned vcpu = guest_vcpu();
	bool backwards = vcpu == 1 && round % 2 == 1;

	__atomic_fetch_add(&arrived, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&arrived, __ATOMIC_ACQUIRE) < 2 * (round + 1))
		;
	for (uint64_t i = 0; i < RACE_PAGES; i++) {
		uint64_t page = race_page(round, backwards ? RACE_PAGES - 1 - i : i);

		poke(page + 8 * vcpu, mark(page) + vcpu);
	}
	return 0;
}

/* Whoever was first, a page has one frame: both marks are there, and no frame beside it. */
static bool race_round(uint64_t round)
{
	uint64_t backed = ask(HC_BACKED), owned = ask(HC_OWNED_FRAMES);

	other_run(touch_all, round);
	touch_all(round);
	other_join();
	CHECK(ask(HC_BACKED) == backed + RACE_PAGES);
	CHECK(ask(HC_OWNED_FRAMES) == owned + RACE_PAGES);
	for (uint64_t i = 0; i < RACE_PAGES; i++) {
		uint64_t page = race_page(round, i);

		CHECK(peek(page) == mark(page) && peek(page + 8) == mark(page) + 1);
		CHECK(peek(page + 16) == 0 && peek(page + PAGE - 8) == 0);
	}
	return true;
}

static bool faults_race(void)
{
	for (uint64_t round = 0; round < RACE_ROUNDS; round++)
		CHECK(race_round(round));
	return true;
}

/* --- what each is told ------------------------------------------------------------------------ */

static uint64_t fail_to_store(uint64_t address)
{
	return store_fails(address, AX_FAULT_DENIED);
}

static uint64_t still_reported(uint64_t address)
{
	return reported(address, address, AX_WRITE, AX_FAULT_DENIED);
}

static bool violations_are_told_apart(void)
{
	CHECK(load_fails(GUEST_NOTHING + 0x40, AX_FAULT_NO_REGION));
	other_run(fail_to_store, GUEST_ROM + 0x80);
	CHECK(other_join());
	CHECK(reported(GUEST_NOTHING + 0x40, GUEST_NOTHING + 0x40, AX_READ, AX_FAULT_NO_REGION));
	CHECK(load_fails(GUEST_NOTHING + 0xc0, AX_FAULT_NO_REGION));
	other_run(still_reported, GUEST_ROM + 0x80);
	CHECK(other_join());
	return true;
}

const struct guest_test smp_tests[] = {
	{"two vCPUs see each other's stores", stores_are_seen, 2},
	{"two vCPUs fault on the same pages at once", faults_race, 2},
	{"each vCPU is told of its own violations", violations_are_told_apart, 2},
	{0},
};
