/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A turn of a waiting loop, on a CPU that has nothing else to do.
 *
 * Source: RISC-V unprivileged architecture, "Zihintpause".
 */
#include "cpu.h"

/* PAUSE by its number: a FENCE that orders nothing, and a no-op where the extension is not. */
void ax_cpu_relax(void)
{
	__asm__ volatile(".4byte 0x0100000f" ::: "memory");
}
