/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invalidation on Intel and AMD, on this CPU; the port's ax_tlb_invalidate() reaches the others.
 *
 * Sources: Intel SDM vol. 3C, "Caching Translation Information", INVEPT; AMD APM vol. 2, 15.16 "TLB
 * Control", 15.25.
 */
#include <stdbool.h>

#include "cpu.h"

#define CR4_VMXE (UINT64_C(1) << 13)

#define INVEPT_SINGLE_CONTEXT 1ul
#define INVEPT_ALL_CONTEXTS   2ul

struct invept_descriptor {
	uint64_t eptp;
	uint64_t reserved;
};

/* Stores of this CPU are seen by its walks in order, and hardware never keeps that an entry was not
 * present ("Caching Translation Information"): nothing to do. */
void ax_cpu_tlb_publish(void)
{
}

/* Likewise. */
void ax_cpu_tlb_fence(const struct ax_npt *npt, uint64_t gpa, bool tables)
{
	(void)npt;
	(void)gpa;
	(void)tables;
}

static uint64_t read_cr4(void)
{
	uint64_t cr4;

	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	return cr4;
}

/* False: VMfail, which is what a CPU without this type of INVEPT answers. */
static bool invept(unsigned long type, uint64_t eptp)
{
	struct invept_descriptor descriptor = {eptp, 0};
	bool failed;

	__asm__ volatile("invept %1, %2"
			 : "=@ccbe"(failed)
			 : "m"(descriptor), "r"(type)
			 : "memory");
	return !failed;
}

/*
 * INVEPT drops guest-physical mappings, which are also the cached walks, and the combined mappings
 * of every VPID made with this EPTP. There is no form of it for a range. It is serialising: the
 * stores before it are complete.
 *
 * Outside VMX operation it is undefined, and not needed: this CPU can enter no guest. CR4.VMXE is
 * the nearest to that which software can read; a port sets it just before VMXON, clears it just
 * after VMXOFF, changes no address space in between, and since VMXON need not invalidate, starts
 * with an all-context INVEPT ("Guidelines for Use of the INVEPT Instruction").
 */
static void flush_ept(uint64_t eptp)
{
	if (!(read_cr4() & CR4_VMXE))
		return;
	if (!invept(INVEPT_SINGLE_CONTEXT, eptp))
		(void)invept(INVEPT_ALL_CONTEXTS, 0);
}

/*
 * For nested tables AMD has no instruction. INVLPGA takes a guest VIRTUAL address, and a guest
 * physical one may be behind any number of those; what the hardware caches under an ASID goes only
 * at a VMRUN with VMCB.TLB_CONTROL. This CPU is not inside the guest while it is here, so all that
 * is needed is that its next VMRUN flushes the ASID: the port compares
 * ax_addrspace_tlb_generation() with the number that this vCPU entered with last, on every CPU.
 */
void ax_cpu_tlb_flush(const struct ax_npt_registers *registers,
		      const struct ax_tlb_request *request, unsigned page_shift)
{
	(void)page_shift;
	if (request->format == AX_NPT_EPT)
		flush_ept(registers->root);
}
