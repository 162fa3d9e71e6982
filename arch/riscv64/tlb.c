/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invalidation on RISC-V, on this hart; the port's ax_tlb_invalidate() reaches the others.
 *
 * Source: RISC-V privileged architecture, "Hypervisor Extension": "Hypervisor Memory-Management
 * Fence Instructions", which refers for the operands to "Supervisor Memory-Management Fence
 * Instruction".
 */
#include <stdbool.h>

#include "cpu.h"

/* How many fences by address cost about as much as to fill the VMID's entries again. Hardware that
 * keeps guest virtual to host physical translations drops all of the VMID at each anyway. */
#define SINGLES_MAX UINT64_C(64)

/* HFENCE.GVMA by its number, as not all assemblers know the extension: opcode SYSTEM, funct3 0,
 * funct7 0x31, rs1 the guest physical address >> 2, rs2 the VMID. */
static void fence_page(uint64_t gpa, uint64_t vmid)
{
	__asm__ volatile(".insn r 0x73, 0, 0x31, x0, %0, %1" ::"r"(gpa >> 2), "r"(vmid) : "memory");
}

static void fence_vmid(uint64_t vmid)
{
	__asm__ volatile(".insn r 0x73, 0, 0x31, x0, x0, %0" ::"r"(vmid) : "memory");
}

/* A fence does it, which formats that cache invalid entries get as well. */
void ax_cpu_tlb_publish(void)
{
}

/* Of this hart alone, so no FENCE: see ax_cpu_tlb_flush(). */
void ax_cpu_tlb_fence(const struct ax_npt *npt, uint64_t gpa, bool tables)
{
	if (tables)
		fence_vmid(npt->tag);
	else
		fence_page(gpa, npt->tag);
}

/* One fence for each leaf, of which any address will do. */
static void fence_leaves(uint64_t first, uint64_t last, unsigned page_shift, uint64_t vmid)
{
	uint64_t size = UINT64_C(1) << page_shift;
	uint64_t gpa = first & ~(size - 1);

	for (;; gpa += size) {
		fence_page(gpa, vmid);
		if (last - gpa < size)
			break;
	}
}

/*
 * The fence itself orders this hart's stores before its later walks. With an address (rs1 not x0)
 * it does so for leaf entries only: where an entry that leads to a table was changed, it has to be
 * one without. The same holds when the mode of a VMID's hgatp changes, which a new table may do;
 * that comes as a request of size 0.
 *
 * The FENCE before it is for the others: what the port sends them, by memory or by a device, is not
 * to be seen before the entries are.
 */
void ax_cpu_tlb_flush(const struct ax_npt_registers *registers,
		      const struct ax_tlb_request *request, unsigned page_shift)
{
	uint64_t first = request->start.raw;
	uint64_t last = first + (request->size - 1);

	(void)registers;
	__asm__ volatile("fence w, ow" ::: "memory");
	if (request->tables || request->size == 0 ||
	    (last >> page_shift) - (first >> page_shift) >= SINGLES_MAX)
		fence_vmid(request->tag);
	else
		fence_leaves(first, last, page_shift, request->tag);
}
