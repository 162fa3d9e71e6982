/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For `make stale STALE=remote`: the library's invalidation, on this CPU alone. See no_invalidation.c.
 */
#include <axvisor/tlb.h>

#include "sysreg.h"

void __wrap_ax_cpu_tlb_flush(const struct ax_npt_registers *registers,
			     const struct ax_tlb_request *request, unsigned page_shift);

/*
 * TLBI ALLE1, not ALLE1IS: every VMID, both stages, not broadcast. (VMALLS12E1 would be enough, but
 * QEMU 7.2 broadcasts it.)
 */
void __wrap_ax_cpu_tlb_flush(const struct ax_npt_registers *registers,
			     const struct ax_tlb_request *request, unsigned page_shift)
{
	(void)registers;
	(void)request;
	(void)page_shift;
	dsb();
	__asm__ volatile("tlbi alle1" : : : "memory");
	dsb();
	isb();
}
