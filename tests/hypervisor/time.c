/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library's time API over one counter and one alarm of the machine: a handful of timers, the
 * alarm set to the earliest. A hypervisor with thousands of timers keeps a heap instead, one on
 * each CPU. Here the alarm is CPU 0's: another CPU that sets a timer kicks it, and its loop comes
 * by time_alarm() then.
 */
#include <stdbool.h>
#include <stddef.h>

#include <axvisor/time.h>

#include "lock.h"
#include "machine.h"

#define NANOS_PER_SECOND UINT64_C(1000000000)
#define MAX_TIMERS       8

static struct timer {
	bool active;
	ax_cancel_token_t token;
	ax_nanos_t deadline;
	void (*callback)(void *arg, ax_nanos_t now);
	void *arg;
} timers[MAX_TIMERS];

static struct lock lock; /* of the timers */

ax_ticks_t ax_time_current_ticks(void)
{
	return machine_ticks();
}

/* value * to / from without the overflow that the product would have after some minutes. */
static uint64_t scale(uint64_t value, uint64_t from, uint64_t to)
{
	return value / from * to + value % from * to / from;
}

ax_nanos_t ax_time_ticks_to_nanos(ax_ticks_t ticks)
{
	return scale(ticks, machine_frequency(), NANOS_PER_SECOND);
}

ax_ticks_t ax_time_nanos_to_ticks(ax_nanos_t nanos)
{
	return scale(nanos, NANOS_PER_SECOND, machine_frequency());
}

static void set_alarm(void)
{
	const struct timer *first = NULL;

	if (machine_cpu() != 0) {
		machine_kick(0);
		return;
	}
	for (size_t i = 0; i < MAX_TIMERS; i++) {
		if (timers[i].active && (!first || timers[i].deadline < first->deadline))
			first = &timers[i];
	}
	/* One tick more, for the rounding down: an alarm must not go off before its time. */
	if (first)
		machine_set_alarm(ax_time_nanos_to_ticks(first->deadline) + 1);
	else
		machine_stop_alarm();
}

ax_cancel_token_t ax_time_register_timer(ax_nanos_t deadline,
					 void (*callback)(void *arg, ax_nanos_t now), void *arg)
{
	static ax_cancel_token_t last_token;
	ax_cancel_token_t token;

	lock_acquire(&lock);
	for (size_t i = 0; i < MAX_TIMERS; i++) {
		if (timers[i].active)
			continue;
		token = ++last_token;
		timers[i] = (struct timer){
			.active = true,
			.token = token,
			.deadline = deadline,
			.callback = callback,
			.arg = arg,
		};
		set_alarm();
		lock_release(&lock);
		return token;
	}
	machine_fail("more timers than there is room for", MAX_TIMERS);
}

/* Tokens are never used twice, so that cancelling a timer that has fired has no effect. */
void ax_time_cancel_timer(ax_cancel_token_t token)
{
	lock_acquire(&lock);
	for (size_t i = 0; i < MAX_TIMERS; i++) {
		if (timers[i].active && timers[i].token == token)
			timers[i].active = false;
	}
	set_alarm();
	lock_release(&lock);
}

/* Takes out a timer that is due; false when none is. */
static bool take_due(ax_nanos_t now, struct timer *due)
{
	for (size_t i = 0; i < MAX_TIMERS; i++) {
		if (!timers[i].active || timers[i].deadline > now)
			continue;
		*due = timers[i];
		timers[i].active = false;
		return true;
	}
	return false;
}

/* The lock is open during a callback, which may set its next timer. */
void time_alarm(void)
{
	ax_nanos_t now = ax_time_ticks_to_nanos(machine_ticks());
	struct timer due;

	lock_acquire(&lock);
	while (take_due(now, &due)) {
		lock_release(&lock);
		due.callback(due.arg, now);
		lock_acquire(&lock);
	}
	set_alarm();
	lock_release(&lock);
}

AX_API_IMPLEMENT(ax_time, AX_TIME_VERSION, AX_TIME_API);
