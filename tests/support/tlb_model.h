/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DOC: two CPUs that forget nothing
 *
 * The TLBs and walk caches of the worst hardware that the manuals allow. They are filled after every
 * single store of the library to an entry (src/host_hooks.h) with everything that the reference
 * walkers can reach, through the tables as they are and through what a walk cache still holds; and
 * they lose only what a request to invalidate covers: its tag and format, its range, which must hold
 * the whole of what an entry maps since hardware may keep that in pieces, and entries that lead to
 * tables only with its tables flag. One CPU is the one that the library runs on; the other, where the
 * space is for several, runs the guest: of fences that are not broadcast it sees those alone that are
 * sent to all.
 *
 * What can be used and is not what the tables say is called stale. The test fails when
 *
 *   - something is stale when a writer is done, or, on RISC-V without Svvptc, this CPU may still
 *     believe that a page is absent when a writer or a fault is done;
 *   - on stage 2 entries became valid and no DSB followed (Arm ARM D8.2, "Ordering of memory accesses from
 *     translation table walks");
 *   - live translations of one address differ where that is forbidden: on stage 2 in output address,
 *     size or memory type (Arm ARM D8.16.1), on x86 when one store changes the size and anything
 *     else (SDM vol. 3A 4.10.2.3; AMD is held to the same), on RISC-V never;
 *   - a frame or table goes back to the port while a table or a cache leads to it;
 *   - an invalidation was needless. The bound: what is sent to all CPUs begins and ends with
 *     something stale; it names tables only when an entry that leads or led to a table changed, or when
 *     entries became valid; and there is one request an operation, or on stage 2 one more for each leaf
 *     that is split. What a fault asks of its own CPU is one page;
 *   - an entry that hardware can see is malformed, or was changed without a store that was told of.
 *
 * One space at a time, and one thread. AX_TLB_MODEL=off of the environment turns it off.
 */
#ifndef TESTS_SUPPORT_TLB_MODEL_H
#define TESTS_SUPPORT_TLB_MODEL_H

#include "formats.h"

/** tlb_model_begin() - Watch a space from now on. Takes the hooks of the port and of the library. */
void tlb_model_begin(const struct test_space *s);

/** tlb_model_sync() - Judge what happened so far as at the end of a writer, and compare every entry. */
void tlb_model_sync(void);

/** tlb_model_drop() - Stop watching without judging. */
void tlb_model_drop(void);

/** tlb_model_space() - The space that is watched, or NULL. */
const struct test_space *tlb_model_space(void);

#endif /* TESTS_SUPPORT_TLB_MODEL_H */
