/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of text for dumps: put together in a buffer, printed one by one. */
#ifndef AX_SRC_TEXT_H
#define AX_SRC_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include <axvisor/npt.h>

#pragma GCC visibility push(hidden)

/**
 * struct ax_text - A line in the making.
 * @print: Gets it when it ends.
 * @context: Handed to @print.
 * @length: Characters so far.
 * @line: NUL terminated. What does not fit is left out.
 */
struct ax_text {
	ax_print_t print;
	void *context;
	size_t length;
	char line[160];
};

/** ax_text_init() - An empty line for @print. */
void ax_text_init(struct ax_text *text, ax_print_t print, void *context);

/** ax_text_put() - Append a string. */
void ax_text_put(struct ax_text *text, const char *string);

/** ax_text_decimal() - Append a number. */
void ax_text_decimal(struct ax_text *text, uint64_t number);

/** ax_text_hex() - Append 0x and the number in hexadecimal, of @digits digits at least. */
void ax_text_hex(struct ax_text *text, uint64_t number, unsigned digits);

/** ax_text_size() - Append a number of bytes in the largest unit that divides it, as "2M". */
void ax_text_size(struct ax_text *text, uint64_t bytes);

/** ax_text_flags() - Append permissions and memory type, as "rwx device". */
void ax_text_flags(struct ax_text *text, ax_flags_t flags);

/** ax_text_range() - Append "first-last". */
void ax_text_range(struct ax_text *text, uint64_t first, uint64_t last);

/** ax_text_column() - Append spaces up to a column, one at least. */
void ax_text_column(struct ax_text *text, size_t column);

/** ax_text_end() - Print the line, and begin an empty one. */
void ax_text_end(struct ax_text *text);

#pragma GCC visibility pop

#endif /* AX_SRC_TEXT_H */
