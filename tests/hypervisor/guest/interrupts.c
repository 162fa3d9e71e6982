/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual interrupts: of devices that the hypervisor plays, and of a timer. */
#include "platform.h"
#include "test.h"

/* What each vCPU has taken, in its handler; it alone touches that, so the compiler is told no more. */
static volatile struct taken {
	unsigned count;
	uint32_t last;
	unsigned each[GUEST_INTERRUPTS];
} taken_by[PLATFORM_CPUS];

static volatile struct taken *mine(void)
{
	return &taken_by[guest_vcpu()];
}

void guest_interrupt(uint32_t vector)
{
	volatile struct taken *taken = mine();

	taken->count++;
	taken->last = vector;
	if (vector >= GUEST_INTERRUPT && vector - GUEST_INTERRUPT < GUEST_INTERRUPTS)
		taken->each[vector - GUEST_INTERRUPT]++;
}

static void forget(void)
{
	mine()->count = 0;
	for (unsigned i = 0; i < GUEST_INTERRUPTS; i++)
		mine()->each[i] = 0;
}

/* Until this vCPU has taken so many since it forgot. */
static void wait_for(unsigned count)
{
	while (mine()->count < count)
		interrupts_wait();
}

static void raise_on(unsigned vcpu, uint32_t vector)
{
	hypercall(HC_INTERRUPT, vector, vcpu, 0, 0);
}

static bool injected_interrupt(void)
{
	forget();
	raise_on(0, GUEST_INTERRUPT);
	CHECK(mine()->count == 0); /* masked */
	wait_for(1);
	CHECK(mine()->count == 1 && mine()->last == GUEST_INTERRUPT);
	return true;
}

/* Each of them once. */
static bool all_taken(void)
{
	for (unsigned i = 0; i < GUEST_INTERRUPTS; i++)
		CHECK(mine()->each[i] == 1);
	CHECK(mine()->count == GUEST_INTERRUPTS);
	return true;
}

/* More than a CPU may be able to hold for its guest; one that is pending already adds nothing. */
static void raise_all_on(unsigned vcpu)
{
	for (unsigned i = 0; i < GUEST_INTERRUPTS; i++) {
		raise_on(vcpu, GUEST_INTERRUPT + i);
		raise_on(vcpu, GUEST_INTERRUPT + i / 2);
	}
}

static bool many_interrupts(void)
{
	forget();
	raise_all_on(0);
	wait_for(GUEST_INTERRUPTS);
	return all_taken();
}

static bool timer_interrupt(void)
{
	static const uint64_t nanos = 3000000;
	uint64_t start = ask(HC_TIME);

	forget();
	hypercall(HC_TIMER, nanos * 1000000, 0, 0, 0); /* replaced by the next */
	hypercall(HC_TIMER, nanos, 0, 0, 0);
	wait_for(1);
	CHECK(mine()->count == 1 && mine()->last == GUEST_TIMER);
	CHECK(ask(HC_TIME) - start >= nanos);
	return true;
}

/* --- of the other vCPU ------------------------------------------------------------------------ */

static uint64_t ready;

/* With interrupts unmasked in the wait alone: whoever raises one finds this vCPU waiting. */
static uint64_t take_one(uint64_t vector)
{
	forget();
	__atomic_store_n(&ready, 1, __ATOMIC_RELEASE);
	wait_for(1);
	return mine()->count == 1 && mine()->last == vector;
}

/* This one spins in the guest, masked, while they are raised. */
static uint64_t take_all(uint64_t unused)
{
	(void)unused;
	forget();
	__atomic_store_n(&ready, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&ready, __ATOMIC_ACQUIRE))
		guest_relax();
	wait_for(GUEST_INTERRUPTS);
	return all_taken();
}

static void wait_until_ready(void)
{
	while (!__atomic_load_n(&ready, __ATOMIC_ACQUIRE))
		guest_relax();
}

static bool interrupt_of_the_other(void)
{
	forget();
	ready = 0;
	other_run(take_one, GUEST_INTERRUPT + 1);
	wait_until_ready();
	raise_on(1, GUEST_INTERRUPT + 1);
	CHECK(other_join());
	ready = 0;
	other_run(take_all, 0);
	wait_until_ready();
	raise_all_on(1);
	__atomic_store_n(&ready, 0, __ATOMIC_RELEASE);
	CHECK(other_join());
	CHECK(mine()->count == 0);
	return true;
}

static uint64_t raise_for_the_first(uint64_t vector)
{
	raise_on(0, (uint32_t)vector);
	return 0;
}

static bool interrupt_by_the_other(void)
{
	forget();
	other_run(raise_for_the_first, GUEST_INTERRUPT + 2);
	wait_for(1);
	other_join();
	CHECK(mine()->count == 1 && mine()->last == GUEST_INTERRUPT + 2);
	return true;
}

static uint64_t run_timer(uint64_t unused)
{
	(void)unused;
	return timer_interrupt();
}

/* The vCPU's own; which CPU's clock it is made of is the hypervisor's affair. */
static bool timer_of_the_other(void)
{
	forget();
	other_run(run_timer, 0);
	CHECK(other_join());
	CHECK(mine()->count == 0);
	return true;
}

const struct guest_test interrupt_tests[] = {
	{"an interrupt is injected", injected_interrupt, 1},
	{"many interrupts at once", many_interrupts, 1},
	{"a timer interrupt", timer_interrupt, 1},
	{"interrupts of the other vCPU", interrupt_of_the_other, 2},
	{"an interrupt raised by the other vCPU", interrupt_by_the_other, 2},
	{"a timer interrupt of the other vCPU", timer_of_the_other, 2},
	{0},
};
