/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instructions of any privilege.
 *
 * Source: RISC-V unprivileged architecture, "Memory Ordering Instructions".
 */
#include "cpu.h"

void ax_cpu_fence_after_rmw(void)
{
	__asm__ volatile("fence rw, rw" ::: "memory");
}
