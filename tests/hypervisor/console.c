/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "console.h"
#include "lock.h"

/* A line in pieces, of several calls, may still be cut by another CPU's. */
static struct lock lock;

static void put(char c)
{
	if (c == '\n')
		uart_putc('\r');
	uart_putc(c);
}

void console_puts(const char *text)
{
	lock_acquire(&lock);
	while (*text)
		put(*text++);
	lock_release(&lock);
}

static void put_padded(const char *text, size_t length, unsigned width, char pad)
{
	for (size_t i = length; i < width; i++)
		put(pad);
	for (size_t i = 0; i < length; i++)
		put(text[i]);
}

static void put_number(uint64_t value, unsigned base, unsigned width, char pad)
{
	char digits[20]; /* 2^64 - 1 in decimal */
	size_t at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	put_padded(&digits[at], sizeof(digits) - at, width, pad);
}

static void put_signed(int64_t value, unsigned width, char pad)
{
	if (value < 0)
		put('-');
	put_number(value < 0 ? -(uint64_t)value : (uint64_t)value, 10, width, pad);
}

static void put_string(const char *text, unsigned width)
{
	size_t length = 0;

	while (text[length])
		length++;
	put_padded(text, length, width, ' ');
}

void console_print(const char *format, ...)
{
	va_list args;

	lock_acquire(&lock);
	va_start(args, format);
	for (; *format; format++) {
		unsigned width = 0;
		bool wide = false;
		char pad = ' ';

		if (*format != '%') {
			put(*format);
			continue;
		}
		format++;
		if (*format == '0')
			pad = *format++;
		while (*format >= '0' && *format <= '9')
			width = width * 10 + (unsigned)(*format++ - '0');
		while (*format == 'l' || *format == 'z') {
			wide = true;
			format++;
		}
		switch (*format) {
		case 'd':
			put_signed(wide ? va_arg(args, long) : va_arg(args, int), width, pad);
			break;
		case 'u':
		case 'x':
			put_number(wide ? va_arg(args, unsigned long) : va_arg(args, unsigned),
				   *format == 'x' ? 16 : 10, width, pad);
			break;
		case 's':
			put_string(va_arg(args, const char *), width);
			break;
		case 'c':
			put((char)va_arg(args, int));
			break;
		default:
			put(*format);
			break;
		}
	}
	va_end(args);
	lock_release(&lock);
}
