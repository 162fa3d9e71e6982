/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DOC: a CPU that forgets nothing
 *
 * Remembers every leaf and every table pointer that the reference walker saw at the last sync, as
 * the TLB and the walk caches of the worst CPU would, and forgets only what a request to invalidate
 * covers. It fails the test when
 *
 *   - a translation changed or went, and no request covered it,
 *   - a frame or a table came back to the port while it could still be used,
 *   - on stage 2, a live entry was replaced by another one before the old one was invalid and
 *     flushed (break-before-make),
 *   - on the G-stage without Svvptc, an entry became valid without a fence behind it.
 *
 * One space at a time.
 */
#ifndef TESTS_SUPPORT_TLB_MODEL_H
#define TESTS_SUPPORT_TLB_MODEL_H

#include "formats.h"

/** tlb_model_begin() - Watch a space from now on. Takes the port's TLB and free hooks. */
void tlb_model_begin(const struct test_space *s);

/** tlb_model_sync() - Judge what happened since the last time; then touch all that is mapped. */
void tlb_model_sync(void);

/** tlb_model_drop() - Stop watching without judging. */
void tlb_model_drop(void);

/** tlb_model_space() - The space that is watched, or NULL. */
const struct test_space *tlb_model_space(void);

#endif /* TESTS_SUPPORT_TLB_MODEL_H */
