/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output to the PL011 UART (Arm DDI 0183), which QEMU has enabled already. The guest uses the same
 * file: the device is passed through to it at the same address.
 */
#include <stdint.h>

#include "console.h"
#include "platform.h"

#define UARTDR      0x000     /* data */
#define UARTFR      0x018     /* flags */
#define UARTFR_TXFF (1u << 5) /* transmit FIFO full */

static volatile uint32_t *uart(unsigned offset)
{
	return (volatile uint32_t *)(uintptr_t)(PLATFORM_UART + offset);
}

void uart_putc(char c)
{
	while (*uart(UARTFR) & UARTFR_TXFF)
		;
	*uart(UARTDR) = (unsigned char)c;
}
