/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other side of src/host_hooks.h: the library that the tests are linked with tells of every store
 * to an entry, and of every invalidation. Nobody listens until somebody says so.
 */
#ifndef TESTS_SUPPORT_HOOKS_H
#define TESTS_SUPPORT_HOOKS_H

#include <stdbool.h>
#include <stdint.h>

/* What the library calls; tests of the tests call them too. */
#define AX_HOST_HOOKS
#include "host_hooks.h"

/** struct host_hooks - Whom to call; see src/host_hooks.h for each. */
struct host_hooks {
	void (*store)(const uint64_t *slot, uint64_t entry);
	void (*flush)(bool everywhere);
	void (*publish)(void);
	void (*write_end)(void);
	void (*read_end)(void);
};

/** host_hooks_set() - Call these from now on; NULL: none. All members are set. */
void host_hooks_set(const struct host_hooks *hooks);

#endif /* TESTS_SUPPORT_HOOKS_H */
