/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of text for dumps. */
#include "text.h"

void ax_text_init(struct ax_text *text, ax_print_t print, void *context)
{
	text->print = print;
	text->context = context;
	text->length = 0;
}

static void put_char(struct ax_text *text, char c)
{
	/* Room for the newline and the end. */
	if (text->length + 2 < sizeof(text->line))
		text->line[text->length++] = c;
}

static void put_string(struct ax_text *text, const char *string)
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

static void put_hex(struct ax_text *text, uint64_t number, unsigned digits)
{
	put_string(text, "0x");
	put_number(text, number, 16, digits);
}

static void put_size(struct ax_text *text, uint64_t bytes)
{
	const char *unit = "\0KMGTPE";

	/* 2^64 has no unit, and is no number of bytes. */
	while (bytes != 0 && bytes % 1024 == 0) {
		bytes /= 1024;
		unit++;
	}
	put_number(text, bytes, 10, 1);
	if (*unit)
		put_char(text, *unit);
}

static void put_flags(struct ax_text *text, uint64_t flags)
{
	put_char(text, flags & AX_READ ? 'r' : '-');
	put_char(text, flags & AX_WRITE ? 'w' : '-');
	put_char(text, flags & AX_EXECUTE ? 'x' : '-');
	put_char(text, flags & AX_USER ? 'u' : '-');
	if (flags & AX_DEVICE)
		put_string(text, " device");
	else if (flags & AX_UNCACHED)
		put_string(text, " uncached");
}

static void put_value(struct ax_text *text, char how, uint64_t value)
{
	switch (how) {
	case 'd':
		put_number(text, value, 10, 1);
		break;
	case 'x':
		put_hex(text, value, 1);
		break;
	case 'a':
		put_hex(text, value, 12);
		break;
	case 'b':
		put_size(text, value);
		break;
	case 'f':
		put_flags(text, value);
		break;
	case 's':
		put_string(text, (const char *)(uintptr_t)value);
		break;
	default:
		do
			put_char(text, ' ');
		while (text->length < value);
		break;
	}
}

static void end_line(struct ax_text *text)
{
	text->line[text->length++] = '\n';
	text->line[text->length] = '\0';
	text->print(text->context, text->line);
	text->length = 0;
}

void ax_text_format(struct ax_text *text, const char *format, const uint64_t *values)
{
	for (; *format; format++) {
		if (*format == '\n')
			end_line(text);
		else if (*format == '%')
			put_value(text, *++format, *values++);
		else
			put_char(text, *format);
	}
}
