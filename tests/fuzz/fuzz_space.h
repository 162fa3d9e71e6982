/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzzers of spaces have in common. */
#ifndef TESTS_FUZZ_FUZZ_SPACE_H
#define TESTS_FUZZ_FUZZ_SPACE_H

#include "formats.h"

/** fuzz_space_begin() - A watched space of one of the format's configurations, as the input chooses. */
void fuzz_space_begin(struct test_space *s, enum ax_npt_format_id format);

/** fuzz_space_end() - Destroy it: everything is back. */
void fuzz_space_end(struct test_space *s);

/** fuzz_operations() - Any calls on such a space, each followed by a comparison with the model. */
void fuzz_operations(enum ax_npt_format_id format, const uint8_t *data, size_t size);

#endif /* TESTS_FUZZ_FUZZ_SPACE_H */
