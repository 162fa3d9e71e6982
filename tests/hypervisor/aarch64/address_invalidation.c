/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For `make mutants`, STALE=address: where the library invalidates by address, that is all that is done. What
 * combines both stages of translation stays: see arch/aarch64/tlb.c.
 */
#include <axvisor/tlb.h>

#include "sysreg.h"

#define SINGLES_MAX 64 /* for more than that the library drops all of the VMID */

void __real_ax_cpu_tlb_flush(const struct ax_npt_registers *registers,
			     const struct ax_tlb_request *request, unsigned page_shift);
void __wrap_ax_cpu_tlb_flush(const struct ax_npt_registers *registers,
			     const struct ax_tlb_request *request, unsigned page_shift);

/*
 * TLBI IPAS2E1IS. The guest's VMID is the one in VTTBR_EL2 on the CPUs that run it; on the others nobody
 * loaded one, so it is loaded here.
 */
void __wrap_ax_cpu_tlb_flush(const struct ax_npt_registers *registers,
			     const struct ax_tlb_request *request, unsigned page_shift)
{
	uint64_t end = request->start.raw + request->size;

	if (request->tables || request->size == 0 || request->size >> page_shift > SINGLES_MAX) {
		__real_ax_cpu_tlb_flush(registers, request, page_shift);
		return;
	}
	write_sysreg(vtcr_el2, registers->control);
	write_sysreg(vttbr_el2, registers->root);
	isb();
	dsb();
	for (uint64_t ipa = request->start.raw; ipa < end; ipa += UINT64_C(1) << page_shift)
		__asm__ volatile("tlbi ipas2e1is, %0" : : "r"(ipa >> 12) : "memory");
	dsb();
	isb();
}
