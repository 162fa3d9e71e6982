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
 * @line: NUL terminated when it is printed. What does not fit is left out.
 */
struct ax_text {
	ax_print_t print;
	void *context;
	size_t length;
	char line[160];
};

/** ax_text_init() - An empty line for @print. */
void ax_text_init(struct ax_text *text, ax_print_t print, void *context);

/**
 * ax_text_format() - Append a text with values in it.
 * @text: Where to.
 * @format: Appended as it is, but for a newline, which prints the line and begins an empty one, and for % with a
 *	letter, which stands for the next value.
 * @values: One for each %:
 *	%d	a number
 *	%x	the same in hexadecimal, after 0x
 *	%a	an address: the same with twelve digits at least
 *	%b	a number of bytes, in the largest unit that divides it, as "2M"
 *	%f	permissions and memory type, as "rwx- device"
 *	%s	a string: its address
 *	%c	a column: spaces up to there, one at least
 *
 * Not by variable arguments: an array converts each value to 64 bits.
 */
void ax_text_format(struct ax_text *text, const char *format, const uint64_t *values);

#pragma GCC visibility pop

#endif /* AX_SRC_TEXT_H */
