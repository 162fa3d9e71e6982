/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AArch64 stage 2 aborts: a pure function, in every build.
 *
 * Sources: Arm ARM (DDI 0487) D24.2, ESR_EL2 with "ISS encoding for an exception from an
 * Instruction Abort" and "... from a Data Abort", HPFAR_EL2, FAR_EL2.
 */
#include <stdbool.h>
#include <stddef.h>

#include <axvisor/fault.h>

#define ESR_EC(esr)        ((unsigned)((esr) >> 26 & 0x3f))
#define EC_INSTRUCTION_LOW 0x20u
#define EC_DATA_LOW        0x24u

#define ESR_FSC                0x3fu /* IFSC and DFSC are the same where they matter here */
#define FSC_TYPE               0x3cu /* the type of those that have their level in bits 1:0 */
#define FSC_TRANSLATION        0x04u
#define FSC_ACCESS_FLAG        0x08u
#define FSC_PERMISSION         0x0cu
#define FSC_TRANSLATION_MINUS1 0x2bu /* level -1, with FEAT_LPA2 */

#define ESR_WNR   (UINT64_C(1) << 6)
#define ESR_S1PTW (UINT64_C(1) << 7)
#define ESR_CM    (UINT64_C(1) << 8) /* data aborts only */
#define ESR_FNV   (UINT64_C(1) << 10)

/* FIPA, 47:4, is address bits 55:12 (fewer on CPUs with fewer, where the rest is RES0). NS, bit 63,
 * says which address space a Secure hypervisor's guest used and is no part of the address. */
#define HPFAR_FIPA  UINT64_C(0x0000fffffffffff0)
#define HPFAR_SHIFT 8
#define PAGE_OFFSET UINT64_C(0xfff)

/*
 * A walk of the guest's own stage 1 tables, S1PTW, reads a table for whatever access it is for, and
 * for that access WnR speaks. Only where the table may be read already, so that what was missing is
 * a permission, it was the hardware that wanted to set an access flag or dirty state in it, which
 * is a read and a write at once. (A table without read permission ends there too, and has neither.)
 */
static ax_flags_t walk_access(unsigned fsc)
{
	return (fsc & FSC_TYPE) == FSC_PERMISSION ? AX_READ | AX_WRITE : AX_READ;
}

/*
 * WnR is set for every cache maintenance instruction. It needs no more than that the page is there
 * (a guest cleans its read-only pages); where it lacked a permission it is DC IVAC, which needs
 * write.
 */
static ax_flags_t data_access(uint64_t esr, unsigned fsc)
{
	if ((esr & ESR_CM) && (fsc & FSC_TYPE) != FSC_PERMISSION)
		return AX_READ;
	return esr & ESR_WNR ? AX_WRITE : AX_READ;
}

static bool fsc_is_ours(unsigned fsc)
{
	switch (fsc & FSC_TYPE) {
	case FSC_TRANSLATION:
	case FSC_ACCESS_FLAG:
	case FSC_PERMISSION:
		return true;
	default:
		return fsc == FSC_TRANSLATION_MINUS1;
	}
}

/* Pages are no smaller than 4 KiB, so 11:0 of the virtual address are those of the IPA; but in a
 * walk the virtual address is not the one that the IPA belongs to. */
static uint64_t ipa_of(uint64_t esr, uint64_t hpfar, uint64_t far)
{
	uint64_t ipa = (hpfar & HPFAR_FIPA) << HPFAR_SHIFT;

	if (!(esr & (ESR_S1PTW | ESR_FNV)))
		ipa |= far & PAGE_OFFSET;
	return ipa;
}

ax_error_t ax_npt_fault_from_stage2(uint64_t esr, uint64_t hpfar, uint64_t far,
				    struct ax_npt_fault *out)
{
	unsigned ec = ESR_EC(esr);
	unsigned fsc = esr & ESR_FSC;

	if (!out)
		return AX_EINVAL;
	if ((ec != EC_INSTRUCTION_LOW && ec != EC_DATA_LOW) || !fsc_is_ours(fsc))
		return AX_ENOENT;

	if (esr & ESR_S1PTW)
		out->access = walk_access(fsc);
	else if (ec == EC_INSTRUCTION_LOW)
		out->access = AX_EXECUTE;
	else
		out->access = data_access(esr, fsc);
	out->addr = ax_gpa(ipa_of(esr, hpfar, far));
	return AX_OK;
}
