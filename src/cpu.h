/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DOC: what each architecture's folder supplies beside its formats
 *
 * Instructions that C has no words for. The host build takes cpu.c of the machine it is built on,
 * host_tlb.c instead of the privileged tlb.c, and host_relax.c instead of relax.c.
 */
#ifndef AX_SRC_CPU_H
#define AX_SRC_CPU_H

#include <stdbool.h>

#include <axvisor/npt.h>
#include <axvisor/tlb.h>

#pragma GCC visibility push(hidden)

/**
 * ax_cpu_fence_after_rmw() - Full barrier: all before, an atomic read-modify-write last, against all
 * after.
 *
 * Store-to-load ordering that a reader's entry into its section needs. On x86 the locked instruction
 * has done it already, so it is empty there for the CPU and a barrier for the compiler; on AArch64 and
 * RISC-V a sequentially consistent read-modify-write does not order later plain loads.
 */
void ax_cpu_fence_after_rmw(void);

/** ax_cpu_relax() - One turn of a waiting loop. */
void ax_cpu_relax(void);

/**
 * ax_cpu_tlb_publish() - Entries went from zero to valid: order the stores before later table walks.
 *
 * AArch64: DSB ISHST, so that the walks of every CPU see them. x86: nothing. RISC-V: nothing, the
 * fence of ax_cpu_tlb_fence() or ax_cpu_tlb_flush() does it, one of which comes as well.
 */
void ax_cpu_tlb_publish(void);

/**
 * ax_cpu_tlb_fence() - An entry went from zero to valid: forget on this CPU that it was invalid.
 * @npt: The table.
 * @gpa: The page that it maps.
 * @tables: Those above it were invalid too.
 *
 * For formats that cache invalid entries: RISC-V. The others have nothing to forget.
 */
void ax_cpu_tlb_fence(const struct ax_npt *npt, uint64_t gpa, bool tables);

/**
 * ax_cpu_tlb_flush() - Entries changed or went: drop what this CPU cached of them, and on hardware
 * that broadcasts what every CPU cached.
 * @registers: Of the table.
 * @request: What to drop: a range of guest addresses or, with size 0, all of the tag.
 * @page_shift: log2 of the smallest leaf in the range: the stride of by-address operations.
 *
 * Complete on return: the stores before it are seen by walks after it.
 */
void ax_cpu_tlb_flush(const struct ax_npt_registers *registers,
		      const struct ax_tlb_request *request, unsigned page_shift);

#pragma GCC visibility pop

#endif /* AX_SRC_CPU_H */
