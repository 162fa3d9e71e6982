/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two vCPUs in one guest physical address space.
 */
#include "platform.h"
#include "test.h"

/* ---------------------------------------------------------------- memory is one */

#define ADDS   10000
#define ROUNDS 1000

static uint64_t shared_sum, ball;

static uint64_t add_up(uint64_t argument)
{
	for (unsigned i = 0; i < ADDS; i++)
		__atomic_fetch_add(&shared_sum, argument, __ATOMIC_RELAXED);
	return guest_vcpu();
}

/* Waits for even or odd numbers and answers with the next. */
static uint64_t play_ball(uint64_t first)
{
	for (uint64_t turn = first; turn < 2 * ROUNDS; turn += 2) {
		while (__atomic_load_n(&ball, __ATOMIC_ACQUIRE) != turn)
			guest_relax();
		__atomic_store_n(&ball, turn + 1, __ATOMIC_RELEASE);
	}
	return 0;
}

static bool stores_are_seen(void)
{
	other_run(add_up, 3);
	add_up(5);
	CHECK(other_join() == 1);
	CHECK(shared_sum == 8 * ADDS);
	other_run(play_ball, 1);
	play_ball(0);
	other_join();
	CHECK(ball == 2 * ROUNDS);
	return true;
}

const struct guest_test smp_tests[] = {
	{"two vCPUs see each other's stores", stores_are_seen},
	{0},
};
