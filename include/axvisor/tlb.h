/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DOC: invalidation on other CPUs
 *
 * One function, optional, by which invalidations reach beyond this CPU's instructions. AArch64
 * hardware broadcasts and never calls it. On x86 and RISC-V the library invalidates on the CPU that
 * it runs on, and calls this for the others. In the host build, which executes no privileged
 * instruction, every invalidation goes here.
 */
#ifndef AXVISOR_TLB_H
#define AXVISOR_TLB_H

#include <stdbool.h>
#include <stdint.h>

#include <axvisor/addr.h>
#include <axvisor/api.h>
#include <axvisor/npt.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct ax_tlb_request - What must no longer be used.
 * @format: Whose entries: says which instruction invalidates them.
 * @tag: The VMID, ASID or VPID of the space.
 * @start: First guest byte, page aligned.
 * @size: Bytes; 0: everything of this tag, cached table walks too.
 * @tables: Entries that point to tables went too: cached table walks are to go as well.
 */
struct ax_tlb_request {
	enum ax_npt_format_id format;
	unsigned tag;
	ax_gpa_t start;
	uint64_t size;
	bool tables;
};

/**
 * ax_tlb_invalidate() - Invalidate on every other CPU.
 * @request: Valid during the call only.
 *
 * The entries in memory are changed already. A CPU is done when it has invalidated what was asked,
 * or is outside the guest and will do so before it enters it. Invalidating more is always right. A
 * request that the port cannot act on by range may be widened to the whole tag.
 *
 * Context: on the CPU that changes the space, which may hold the space's lock: the function must not
 * call back into it. A CPU that waits for that lock may be needed for the answer: it counts as done
 * when it is outside the guest and flushes before entry.
 * Return: when no CPU can use what was asked.
 */
void ax_tlb_invalidate(const struct ax_tlb_request *request);

/** AX_TLB_VERSION - Changes with the meaning of a function above. */
#define AX_TLB_VERSION 1

/** AX_TLB_API() - The list of the module's functions, for the macros of <axvisor/api.h>. */
#define AX_TLB_API(FN) FN(ax_tlb, invalidate)

/* ax_tlb_missing(), ax_tlb_require(), ax_tlb_index_invalidate */
AX_API_DECLARE(ax_tlb, AX_TLB_VERSION, AX_TLB_API);

#ifdef __cplusplus
}
#endif

#endif /* AXVISOR_TLB_H */
