/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A turn of a waiting loop, on a CPU that has nothing else to do.
 *
 * Source: Arm ARM (DDI 0487) C6.2, YIELD.
 */
#include "cpu.h"

void ax_cpu_relax(void)
{
	__asm__ volatile("yield" ::: "memory");
}
