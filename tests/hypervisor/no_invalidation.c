/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For `make stale`: the linker puts these in the place of what invalidates translations
 * (--wrap=NAME), and the guest has to notice. That the tests can fail is shown by this.
 */
#include <axvisor/tlb.h>

#include "vcpu.h"

void __wrap_ax_cpu_tlb_flush(const struct ax_npt_registers *registers,
			     const struct ax_tlb_request *request, unsigned page_shift);
void __wrap_ax_tlb_invalidate(const struct ax_tlb_request *request);
void __wrap_vcpu_flush(struct vcpu *vcpu);

/* The library's, on the CPU that it runs on; where the hardware broadcasts, on all of them. */
void __wrap_ax_cpu_tlb_flush(const struct ax_npt_registers *registers,
			     const struct ax_tlb_request *request, unsigned page_shift)
{
	(void)registers;
	(void)request;
	(void)page_shift;
}

/* The port's, on the others. */
void __wrap_ax_tlb_invalidate(const struct ax_tlb_request *request)
{
	(void)request;
}

void __wrap_vcpu_flush(struct vcpu *vcpu)
{
	(void)vcpu;
}
