/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instructions of any privilege.
 *
 * Source: RISC-V unprivileged architecture, "Memory Ordering Instructions"; "Zihintpause".
 */
#include "cpu.h"

void ax_cpu_fence_after_rmw(void)
{
	__asm__ volatile("fence rw, rw" ::: "memory");
}

/* PAUSE by its number: a FENCE that orders nothing, and a no-op where the extension is not. */
void ax_cpu_relax(void)
{
	__asm__ volatile(".4byte 0x0100000f" ::: "memory");
}
