/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of text for dumps. */
#include "text.h"

void ax_text_init(struct ax_text *text, ax_print_t print, void *context)
{
	text->print = print;
	text->context = context;
	text->length = 0;
	text->line[0] = '\0';
}

static void put_char(struct ax_text *text, char c)
{
	/* Room for the newline and the end. */
	if (text->length + 2 < sizeof(text->line))
		text->line[text->length++] = c;
	text->line[text->length] = '\0';
}

void ax_text_put(struct ax_text *text, const char *string)
{
	for (; *string; string++)
		put_char(text, *string);
}

static void put_number(struct ax_text *text, uint64_t number, unsigned base, unsigned digits)
{
	char reversed[20];
	unsigned count = 0;

	do {
		reversed[count++] = "0123456789abcdef"[number % base];
		number /= base;
	} while (number != 0);
	for (; digits > count; digits--)
		put_char(text, '0');
	while (count != 0)
		put_char(text, reversed[--count]);
}

void ax_text_decimal(struct ax_text *text, uint64_t number)
{
	put_number(text, number, 10, 1);
}

void ax_text_hex(struct ax_text *text, uint64_t number, unsigned digits)
{
	ax_text_put(text, "0x");
	put_number(text, number, 16, digits);
}

void ax_text_size(struct ax_text *text, uint64_t bytes)
{
	static const char *const unit[] = {"", "K", "M", "G", "T", "P", "E"};
	unsigned i = 0;

	/* 2^64 has no unit, and is no number of bytes. */
	while (bytes != 0 && bytes % 1024 == 0) {
		bytes /= 1024;
		i++;
	}
	ax_text_decimal(text, bytes);
	ax_text_put(text, unit[i]);
}

void ax_text_flags(struct ax_text *text, ax_flags_t flags)
{
	put_char(text, flags & AX_READ ? 'r' : '-');
	put_char(text, flags & AX_WRITE ? 'w' : '-');
	put_char(text, flags & AX_EXECUTE ? 'x' : '-');
	put_char(text, flags & AX_USER ? 'u' : '-');
	if (flags & AX_DEVICE)
		ax_text_put(text, " device");
	else if (flags & AX_UNCACHED)
		ax_text_put(text, " uncached");
}

void ax_text_range(struct ax_text *text, uint64_t first, uint64_t last)
{
	ax_text_hex(text, first, 12);
	ax_text_put(text, "-");
	ax_text_hex(text, last, 12);
}

void ax_text_column(struct ax_text *text, size_t column)
{
	do
		put_char(text, ' ');
	while (text->length < column);
}

void ax_text_end(struct ax_text *text)
{
	text->line[text->length++] = '\n';
	text->line[text->length] = '\0';
	text->print(text->context, text->line);
	text->length = 0;
	text->line[0] = '\0';
}
