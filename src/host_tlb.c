/* SPDX-License-Identifier: Apache-2.0 */
/* The host build executes no privileged instruction: every invalidation goes to the port's
 * ax_tlb_invalidate(), if there is one, so that a test can watch them. */
#include "bind.h"
#include "cpu.h"
#include "host_hooks.h"

void ax_cpu_tlb_publish(void)
{
	ax_host_hook_publish();
}

void ax_cpu_tlb_flush(const struct ax_npt_registers *registers,
		      const struct ax_tlb_request *request, unsigned page_shift)
{
	(void)registers;
	(void)page_shift;
	if (ax_tlb_api()->invalidate)
		ax_tlb_api()->invalidate(request);
}
