/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output to the NS16550A UART (National Semiconductor, PC16550D data sheet), which the firmware has
 * set up already. The guest uses the same file: the device is passed through to it at the same
 * address.
 */
#include <stdint.h>

#include "console.h"
#include "platform.h"

#define UART_THR      0         /* transmitter holding register */
#define UART_LSR      5         /* line status */
#define UART_LSR_THRE (1u << 5) /* the transmitter takes a character */

static volatile uint8_t *uart(unsigned offset)
{
	return (volatile uint8_t *)(uintptr_t)(PLATFORM_UART + offset);
}

void uart_putc(char c)
{
	while (!(*uart(UART_LSR) & UART_LSR_THRE))
		;
	*uart(UART_THR) = (uint8_t)c;
}
