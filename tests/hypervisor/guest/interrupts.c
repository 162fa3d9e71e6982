/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual interrupts: of devices that the hypervisor plays, and of a timer. */
#include "platform.h"
#include "test.h"

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
	hypercall(HC_INTERRUPT, vector, 0, 0, 0); /* to vCPU 0 */
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

const struct guest_test interrupt_tests[] = {
	{"an interrupt is injected", injected_interrupt},
	{"many interrupts at once", many_interrupts},
	{"a timer interrupt", timer_interrupt},
	{0},
};
