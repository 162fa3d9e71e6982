/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DOC: time
 *
 * The host's monotonic clock and its timers. The port defines what it has of the module; the helper
 * at the end is the library's.
 */
#ifndef AXVISOR_TIME_H
#define AXVISOR_TIME_H

#include <stddef.h>
#include <stdint.h>

#include <axvisor/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/** typedef ax_ticks_t - Ticks of the host's clock. */
typedef uint64_t ax_ticks_t;

/** typedef ax_nanos_t - Nanoseconds. */
typedef uint64_t ax_nanos_t;

/** typedef ax_cancel_token_t - Names a timer, to cancel it. */
typedef size_t ax_cancel_token_t;

/**
 * ax_time_current_ticks() - The clock.
 *
 * Context: any. Never goes back, on any CPU.
 * Return: ticks since the same event as all its other results.
 */
ax_ticks_t ax_time_current_ticks(void);

/**
 * ax_time_ticks_to_nanos() - Ticks as nanoseconds, rounded down.
 * @ticks: Any number.
 *
 * Context: any.
 * Return: nanoseconds.
 */
ax_nanos_t ax_time_ticks_to_nanos(ax_ticks_t ticks);

/**
 * ax_time_nanos_to_ticks() - Nanoseconds as ticks.
 * @nanos: Any number.
 *
 * Context: any.
 * Return: ticks.
 */
ax_ticks_t ax_time_nanos_to_ticks(ax_nanos_t nanos);

/**
 * ax_time_register_timer() - Have a function called at a time.
 * @deadline: When, on the clock of ax_time_current_ticks(), in nanoseconds. Past: as soon as possible.
 * @callback: Called once, at @deadline or later, with @arg and the time at that moment.
 * @arg: Passed on. What it points to must live until then or until the timer is cancelled.
 *
 * Context: any. The callback runs in the host's timer context, on any CPU, and must not wait.
 * Return: a token for ax_time_cancel_timer().
 */
ax_cancel_token_t ax_time_register_timer(ax_nanos_t deadline,
					 void (*callback)(void *arg, ax_nanos_t now), void *arg);

/**
 * ax_time_cancel_timer() - Cancel a timer.
 * @token: What ax_time_register_timer() returned. No effect once the timer has fired.
 *
 * Context: any.
 */
void ax_time_cancel_timer(ax_cancel_token_t token);

/** AX_TIME_VERSION - Changes with the meaning of a function above. */
#define AX_TIME_VERSION 1

/** AX_TIME_API() - The list of the module's functions, for the macros of <axvisor/api.h>. */
#define AX_TIME_API(FN)             \
	FN(ax_time, current_ticks)  \
	FN(ax_time, ticks_to_nanos) \
	FN(ax_time, nanos_to_ticks) \
	FN(ax_time, register_timer) \
	FN(ax_time, cancel_timer)

/* ax_time_missing(), ax_time_require(), ax_time_index_current_ticks, ... */
AX_API_DECLARE(ax_time, AX_TIME_VERSION, AX_TIME_API);

/**
 * ax_time_current_nanos() - The clock in nanoseconds.
 *
 * Context: any.
 * Return: ax_time_ticks_to_nanos(ax_time_current_ticks()); 0 when the port lacks one of the two (a
 * caller that must know asks ax_time_missing() once).
 */
ax_nanos_t ax_time_current_nanos(void);

#ifdef __cplusplus
}
#endif

#endif /* AXVISOR_TIME_H */
