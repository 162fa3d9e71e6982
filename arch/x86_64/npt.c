/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AMD nested page tables.
 *
 * Sources: AMD APM vol. 2, 15.25 "Nested Paging", and 5.3 "Long-Mode Page Translation" and 5.4
 * "Page-Translation-Table Entry Fields", since a nested table has the format of the host's own.
 *
 * The manual names its tables; the number here, from 0, is
 *
 *	0 page table (PT)    1 page directory (PD)    2 page-directory-pointer table (PDP)
 *	3 PML4               4 PML5
 *
 * How many levels hardware walks is said by no bit of nCR3 but by the host's CR4.LA57 at VMRUN.
 */
#include "npt_format.h"

#define NPT_PRESENT   (UINT64_C(1) << 0)
#define NPT_WRITE     (UINT64_C(1) << 1)
#define NPT_USER      (UINT64_C(1) << 2)
#define NPT_PWT       (UINT64_C(1) << 3)
#define NPT_PCD       (UINT64_C(1) << 4)
#define NPT_ACCESSED  (UINT64_C(1) << 5)
#define NPT_DIRTY     (UINT64_C(1) << 6)
#define NPT_LARGE     (UINT64_C(1) << 7)           /* PS, on levels 1 and 2; on level 0 it is PAT */
#define NPT_ADDRESS   UINT64_C(0x000ffffffffff000) /* 51:12 */
#define NPT_NOEXECUTE (UINT64_C(1) << 63)

/*
 * Memory type: 15.25.8 "Combining Memory Types, MTRRs". PAT, PCD and PWT of a nested entry index
 * the HOST's PAT register; its type combines with the guest's and the host's MTRRs. PCD and PWT
 * with the PAT bit clear is its entry 3, which is UC after reset and on every host known; entry 0
 * is WB.
 */
#define NPT_UNCACHED (NPT_PCD | NPT_PWT)

/* 58:52 are available to software, and 62:59 too in a nested entry. */
#define NPT_KIND_OWNED (UINT64_C(1) << 52)
#define NPT_KIND_BLOCK (UINT64_C(1) << 56)
#define NPT_KIND       (NPT_KIND_OWNED | NPT_KIND_BLOCK)

/*
 * 15.25.5 "Nested Table Walk": to the nested table every access of the guest is a user access, so
 * U/S is set everywhere and tells the guest's modes not apart. There is no bit for read.
 *
 * Hardware sets A and D whether or not it was asked; where nobody reads them they start set, so
 * that a walk has nothing to write.
 */
static ax_error_t encode(uint64_t features, ax_flags_t flags, uint64_t *attr)
{
	uint64_t bits = NPT_USER;

	if (!(flags & AX_READ))
		return AX_ENOTSUP;
	if (flags & AX_WRITE)
		bits |= NPT_WRITE;
	if (!(flags & AX_EXECUTE))
		bits |= NPT_NOEXECUTE;
	if (flags & AX_DEVICE)
		bits |= NPT_UNCACHED | NPT_KIND;
	else if (flags & AX_UNCACHED)
		bits |= NPT_UNCACHED;
	if (!(features & AX_NPT_FEATURE_ACCESSED_DIRTY))
		bits |= NPT_ACCESSED | NPT_DIRTY;
	*attr = bits;
	return AX_OK;
}

static ax_flags_t decode(uint64_t features, uint64_t entry)
{
	ax_flags_t flags = AX_READ | AX_USER;

	(void)features;
	if (entry & NPT_WRITE)
		flags |= AX_WRITE;
	if (!(entry & NPT_NOEXECUTE))
		flags |= AX_EXECUTE;
	if ((entry & NPT_KIND) == NPT_KIND)
		flags |= AX_DEVICE;
	else if (entry & NPT_UNCACHED)
		flags |= AX_UNCACHED;
	return flags;
}

/* The tag is the ASID: a field of the VMCB by itself. nCR3 has no flags that a host may set. */
static void registers(const struct ax_npt *npt, struct ax_npt_registers *out)
{
	out->root = npt->root_hpa;
	out->control = 0;
}

const struct ax_npt_format ax_npt_format_amd = {
	.name = "NPT",
	.id = AX_NPT_AMD,
	.page_shift = 12,
	.index_bits = 9,
	.levels_min = 4,
	.levels_max = 5,
	.levels_default = 4,
	.leaf_level_max = 2,
	.gpa_bits_min = 13,
	.gpa_bits_max = 52, /* of five levels; no physical address has more */
	.hpa_bits_max = 52,
	/* The VMCB's field; how many ASIDs there are, CPUID Fn8000_000A_EBX says. */
	.tag_bits = 32,
	.features = AX_NPT_FEATURE_1G | AX_NPT_FEATURE_ACCESSED_DIRTY,
	.features_asked = AX_NPT_FEATURE_ACCESSED_DIRTY,
	.feature_1g = AX_NPT_FEATURE_1G,
	.address_mask = NPT_ADDRESS,
	.address_shift = 0,
	.present = NPT_PRESENT,
	.type_mask = NPT_LARGE,
	.type_table = 0,
	/* Permissions are the intersection of all levels. Accessed: see encode(). */
	.table = NPT_PRESENT | NPT_WRITE | NPT_USER | NPT_ACCESSED,
	.leaf = {NPT_PRESENT, NPT_PRESENT | NPT_LARGE},
	.hardware_sets = NPT_ACCESSED | NPT_DIRTY,
	.hide_shift = 53,
	.kind_mask = NPT_KIND,
	.kind = {0, NPT_KIND_OWNED, NPT_KIND_BLOCK, NPT_KIND},
	.encode = encode,
	.decode = decode,
	.registers = registers,
};
