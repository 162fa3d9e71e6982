/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Points at which the tests' own build (AX_HOST_HOOKS, see host_hooks.h) lets a test hold a thread, for any
 * time, while others go on: where what one CPU has read or built is not yet, or no longer, what another
 * one sees. A program that defines ax_host_pause() is called there, on the thread that has come so far.
 * In every other build there is nothing.
 */
#ifndef AX_SRC_PAUSE_H
#define AX_SRC_PAUSE_H

/**
 * enum ax_pause_point - Where a thread is.
 * @AX_PAUSE_ENTERED: A reader is inside its section and has read nothing.
 * @AX_PAUSE_REGION: It has found its region.
 * @AX_PAUSE_WALK: It goes down the table, and holds a pointer to a table.
 * @AX_PAUSE_WALKED: A walk, a reader's or a writer's, has found an entry, and nothing was done about it.
 * @AX_PAUSE_INSTALL: A fault has built what is missing, and is about to link it.
 * @AX_PAUSE_INSTALLED: It has linked it.
 * @AX_PAUSE_ACCESS: A guest access holds a pointer to guest memory.
 * @AX_PAUSE_LEAVE: A reader is done, and still inside.
 * @AX_PAUSE_PUBLISHED: A writer has published the regions, and waits for nobody yet.
 * @AX_PAUSE_WAITED: It has waited for the readers that may act on the old ones.
 * @AX_PAUSE_KILLED: It has killed entries, and not flushed.
 * @AX_PAUSE_FLUSHED: It has flushed, and not waited.
 * @AX_PAUSE_SWEPT: It has freed, and not changed the other copy of the regions.
 * @AX_PAUSE_POINTS: How many there are.
 */
enum ax_pause_point {
	AX_PAUSE_ENTERED,
	AX_PAUSE_REGION,
	AX_PAUSE_WALK,
	AX_PAUSE_WALKED,
	AX_PAUSE_INSTALL,
	AX_PAUSE_INSTALLED,
	AX_PAUSE_ACCESS,
	AX_PAUSE_LEAVE,
	AX_PAUSE_PUBLISHED,
	AX_PAUSE_WAITED,
	AX_PAUSE_KILLED,
	AX_PAUSE_FLUSHED,
	AX_PAUSE_SWEPT,
	AX_PAUSE_POINTS,
};

/** ax_host_pause() - A test's: called at each point. */
void ax_host_pause(enum ax_pause_point point);

#ifdef AX_HOST_HOOKS

extern void ax_host_pause(enum ax_pause_point point) __attribute__((weak));

static inline void ax_pause(enum ax_pause_point point)
{
	if (ax_host_pause)
		ax_host_pause(point);
}

#else

/* Not a function: even an empty one changes what compilers choose to inline. */
#define ax_pause(point) ((void)0)

#endif

#endif /* AX_SRC_PAUSE_H */
