/* SPDX-License-Identifier: Apache-2.0 */
/* A fuzzer's input as a source of choices: few bytes each, so that a changed byte is a changed choice. */
#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** input_begin() - Choices come from these bytes. */
void input_begin(const uint8_t *data, size_t size);

/** input_left() - Whether there are bytes left. Behind the last one all choices are 0. */
bool input_left(void);

/** input_choose() - A number below @n, of as many bytes as @n needs; any of 64 bits with @n 0. */
uint64_t input_choose(uint64_t n);

#endif /* TESTS_FUZZ_INPUT_H */
