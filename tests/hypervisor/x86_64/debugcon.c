/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output to the port that both emulators print. The guest uses the same file: the port is passed
 * through to it.
 */
#include "console.h"
#include "platform.h"
#include "sysreg.h"

void uart_putc(char c)
{
	out8(PLATFORM_CONSOLE, (uint8_t)c);
}
