/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instructions of any privilege.
 *
 * Source: Intel SDM vol. 3A, "Memory Ordering": loads and stores are not reordered with locked
 * instructions.
 */
#include "cpu.h"

void ax_cpu_fence_after_rmw(void)
{
	__asm__ volatile("" ::: "memory");
}
