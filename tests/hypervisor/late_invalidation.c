/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For `make mutants`, STALE=late: every invalidation is done, but some changes later, when the frames
 * that it was for are in use again.
 */
#include <axvisor/tlb.h>

#define DELAY 64 /* changes */

void __real_ax_cpu_tlb_flush(const struct ax_npt_registers *registers,
			     const struct ax_tlb_request *request, unsigned page_shift);
void __wrap_ax_cpu_tlb_flush(const struct ax_npt_registers *registers,
			     const struct ax_tlb_request *request, unsigned page_shift);
void __real_ax_tlb_invalidate(const struct ax_tlb_request *request);
void __wrap_ax_tlb_invalidate(const struct ax_tlb_request *request);

/* Both are called by whoever changes the one space, and it lets in one at a time. */
void __wrap_ax_cpu_tlb_flush(const struct ax_npt_registers *registers,
			     const struct ax_tlb_request *request, unsigned page_shift)
{
	static struct {
		struct ax_tlb_request request;
		unsigned page_shift;
	} waiting[DELAY];
	static unsigned count;
	unsigned slot = count++ % DELAY;

	if (count > DELAY)
		__real_ax_cpu_tlb_flush(registers, &waiting[slot].request,
					waiting[slot].page_shift);
	waiting[slot].request = *request;
	waiting[slot].page_shift = page_shift;
}

void __wrap_ax_tlb_invalidate(const struct ax_tlb_request *request)
{
	static unsigned count;

	if (++count % DELAY == 0)
		__real_ax_tlb_invalidate(request);
}
