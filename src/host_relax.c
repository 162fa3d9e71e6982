/* SPDX-License-Identifier: Apache-2.0 */
/* In the host build a CPU is a thread: with more of them than cores, the one that is waited for may not
 * run before the one that waits gives its core away. */
#include <sched.h>

#include "cpu.h"

void ax_cpu_relax(void)
{
	(void)sched_yield();
}
