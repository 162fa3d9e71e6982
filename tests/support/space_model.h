/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DOC: a plain model of a space
 *
 * A list of extents and the bytes that were written, and steps: calls of any function of the library
 * with arguments near the places where something can go wrong, hostile numbers, and memory that runs
 * out. After each step the answer must be one that the model allows, as errors are a set: any that
 * applies will do. Where the choices come from is the caller's: a random generator, or a fuzzer.
 */
#ifndef TESTS_SUPPORT_SPACE_MODEL_H
#define TESTS_SUPPORT_SPACE_MODEL_H

#include "check.h"

/**
 * space_model_begin() - A model of an empty space.
 * @choose: Returns a number below @n, or with @n 0 any of 64 bits.
 * @most_pages: About the most leaves that a step maps at once.
 */
void space_model_begin(uint64_t (*choose)(uint64_t n), uint64_t most_pages);

/** space_model_map() - Map what is expected, which must succeed; EXPECT_BACKEND takes the model's own. */
void space_model_map(struct test_space *s, struct expect e);

/** space_model_step() - Call something, and judge its answer. */
void space_model_step(struct test_space *s);

/** space_model_guest_step() - The same of what a guest has a hand in: copies, accesses, faults. */
void space_model_guest_step(struct test_space *s);

/** space_model_compare() - All that can be seen of the space is as the model has it. */
void space_model_compare(struct test_space *s);

/** space_model_end() - Compare, clear the space, and forget. */
void space_model_end(struct test_space *s);

#endif /* TESTS_SUPPORT_SPACE_MODEL_H */
