/* SPDX-License-Identifier: Apache-2.0 */
/* For `make mutants`, STALE=wrong: the library invalidates another page than it changed. */
#include <axvisor/tlb.h>

void __real_ax_cpu_tlb_flush(const struct ax_npt_registers *registers,
			     const struct ax_tlb_request *request, unsigned page_shift);
void __wrap_ax_cpu_tlb_flush(const struct ax_npt_registers *registers,
			     const struct ax_tlb_request *request, unsigned page_shift);

/* The neighbour, as if the address were off by one page. */
void __wrap_ax_cpu_tlb_flush(const struct ax_npt_registers *registers,
			     const struct ax_tlb_request *request, unsigned page_shift)
{
	struct ax_tlb_request wrong = *request;

	wrong.start.raw = request->start.raw ^ UINT64_C(1) << page_shift;
	wrong.tables = false;
	__real_ax_cpu_tlb_flush(registers, &wrong, page_shift);
}
