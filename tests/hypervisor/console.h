/* SPDX-License-Identifier: Apache-2.0 */
/* Text output, used by the hypervisor and by the guest, each with its own way to the UART. */
#ifndef HYPERVISOR_CONSOLE_H
#define HYPERVISOR_CONSOLE_H

/* Given by the architecture. Waits until the UART takes the character. */
void uart_putc(char c);

void console_puts(const char *text);

/*
 * printf's little sister: %s %c %d %u %x and the last three with l or z; a field width, and 0 to
 * pad with zeroes. The compiler checks the arguments.
 */
__attribute__((format(printf, 1, 2))) void console_print(const char *format, ...);

#endif /* HYPERVISOR_CONSOLE_H */
