/* SPDX-License-Identifier: Apache-2.0 */
/* The host build executes no privileged instruction: every invalidation goes to the port's
 * ax_tlb_invalidate(), if there is one, so that a test can watch them. */
#include "bind.h"
#include "cpu.h"
#include "compiler.h"
#include "host_hooks.h"
#include "npt_format.h"

void ax_cpu_tlb_publish(void)
{
	ax_host_hook_publish();
}

/* Out of line: a port without the function has nothing made for it. */
AX_OUT_OF_LINE static void tell_fence(const struct ax_npt *npt, uint64_t gpa, bool tables)
{
	struct ax_tlb_request request = {
		.format = npt->format->id,
		.tag = npt->tag,
		.start = {gpa},
		.size = AX_PAGE_SIZE_4K,
		.tables = tables,
	};

	ax_tlb_api()->invalidate(&request);
}

void ax_cpu_tlb_fence(const struct ax_npt *npt, uint64_t gpa, bool tables)
{
	if (ax_tlb_api()->invalidate)
		tell_fence(npt, gpa, tables);
	ax_host_hook_flush(false);
}

void ax_cpu_tlb_flush(const struct ax_npt_registers *registers,
		      const struct ax_tlb_request *request, unsigned page_shift)
{
	(void)registers;
	(void)page_shift;
	if (ax_tlb_api()->invalidate)
		ax_tlb_api()->invalidate(request);
}
