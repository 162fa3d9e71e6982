/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A turn of a waiting loop, on a CPU that has nothing else to do.
 *
 * Source: Intel SDM vol. 2B, PAUSE.
 */
#include "cpu.h"

void ax_cpu_relax(void)
{
	__asm__ volatile("pause" ::: "memory");
}
