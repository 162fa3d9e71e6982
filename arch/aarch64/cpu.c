/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instructions of any privilege.
 *
 * Source: Arm ARM (DDI 0487) B2.3 "Definition of the Arm memory model"; DMB in C6.2.
 */
#include "cpu.h"

void ax_cpu_fence_after_rmw(void)
{
	__asm__ volatile("dmb ish" ::: "memory");
}
