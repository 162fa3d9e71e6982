/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intel extended page tables.
 *
 * Sources: Intel SDM vol. 3C, "The Extended Page Table Mechanism (EPT)": "EPT Translation
 * Mechanism" with its tables of entry formats, "EPT Misconfigurations", "Accessed and Dirty Flags
 * for EPT", "EPT and Memory Typing"; "Extended-Page-Table Pointer (EPTP)" in the chapter on the
 * VMCS.
 *
 * Intel names its tables and does not number them; the number here, from 0, is
 *
 *	0 page table (PT)    1 page directory (PD)    2 page-directory-pointer table (PDPT)
 *	3 PML4               4 PML5
 *
 * and the EPTP holds the number of levels less 1.
 */
#include "npt_format.h"

/* Entry formats: bits 2:0 are the permissions, and an entry with none of them is not present. */
#define EPT_READ         (UINT64_C(1) << 0)
#define EPT_WRITE        (UINT64_C(1) << 1)
#define EPT_EXECUTE      (UINT64_C(1) << 2) /* with mode-based execute: by the kernel */
#define EPT_MEMTYPE      (UINT64_C(7) << 3) /* leaves only; reserved in an entry to a table */
#define EPT_MEMTYPE_UC   (UINT64_C(0) << 3)
#define EPT_MEMTYPE_WB   (UINT64_C(6) << 3)
#define EPT_LARGE        (UINT64_C(1) << 7) /* 2 MiB in a PD, 1 GiB in a PDPT; ignored in a PT */
#define EPT_ACCESSED     (UINT64_C(1) << 8)
#define EPT_DIRTY        (UINT64_C(1) << 9)
#define EPT_USER_EXECUTE (UINT64_C(1) << 10)          /* mode-based execute, else ignored */
#define EPT_ADDRESS      UINT64_C(0x000ffffffffff000) /* 51:12; above MAXPHYADDR reserved */

_Static_assert(EPT_READ == AX_READ && EPT_WRITE == AX_WRITE && EPT_EXECUTE == AX_EXECUTE,
	       "decode() takes the permissions as they are");

/* The VM-execution controls give meanings to 63, 61, 60, 58 and 57 of a leaf; 56:52 are ignored. */
#define EPT_KIND_OWNED (UINT64_C(1) << 52)
#define EPT_KIND_BLOCK (UINT64_C(1) << 56)
#define EPT_KIND       (EPT_KIND_OWNED | EPT_KIND_BLOCK)

#define EPTP_MEMTYPE_WB     UINT64_C(6) /* of the accesses to the tables themselves, bits 2:0 */
#define EPTP_LEVELS_SHIFT   3
#define EPTP_ACCESSED_DIRTY (UINT64_C(1) << 6)

/*
 * Memory type: the type here combines with the guest's PAT as an MTRR would. Bit 6, IPAT, stays
 * clear: under WB the guest's PAT decides, as on a bare machine, and UC leaves it the choice of WC,
 * which a framebuffer wants and which is uncached all the same. Both DEVICE and UNCACHED are UC;
 * the kind tells them apart.
 */
static ax_error_t encode(uint64_t features, ax_flags_t flags, uint64_t *attr)
{
	uint64_t bits = 0;

	/* "EPT Misconfigurations": write without read always is one, execute without read unless
	 * the CPU has execute-only translations. */
	if (!(flags & AX_READ) && ((flags & AX_WRITE) || !(features & AX_NPT_FEATURE_EXECUTE_ONLY)))
		return AX_ENOTSUP;

	if (flags & AX_READ)
		bits |= EPT_READ;
	if (flags & AX_WRITE)
		bits |= EPT_WRITE;
	if (flags & AX_EXECUTE) {
		bits |= EPT_EXECUTE;
		if ((features & AX_NPT_FEATURE_MODE_BASED_EXECUTE) && (flags & AX_USER))
			bits |= EPT_USER_EXECUTE;
	}

	if (flags & AX_DEVICE)
		bits |= EPT_MEMTYPE_UC | EPT_KIND;
	else if (flags & AX_UNCACHED)
		bits |= EPT_MEMTYPE_UC;
	else
		bits |= EPT_MEMTYPE_WB;

	/* Accessed and dirty: without the feature hardware neither reads nor writes the bits, with
	 * it they start clear. */
	*attr = bits;
	return AX_OK;
}

static ax_flags_t decode(uint64_t features, uint64_t entry)
{
	/* The three permissions are the same bits. */
	ax_flags_t flags = AX_USER | (ax_flags_t)(entry & AX_FLAGS_ACCESS);

	if ((features & AX_NPT_FEATURE_MODE_BASED_EXECUTE) &&
	    (entry & (EPT_EXECUTE | EPT_USER_EXECUTE)) == EPT_EXECUTE)
		flags &= ~AX_USER;
	if ((entry & EPT_KIND) == EPT_KIND)
		flags |= AX_DEVICE;
	else if ((entry & EPT_MEMTYPE) != EPT_MEMTYPE_WB)
		flags |= AX_UNCACHED;
	return flags;
}

/* The tag is the VPID: a field of the VMCS by itself, no part of the EPTP. */
static void registers(const struct ax_npt *npt, struct ax_npt_registers *out)
{
	out->root =
		npt->root_hpa | EPTP_MEMTYPE_WB | (uint64_t)(npt->levels - 1u) << EPTP_LEVELS_SHIFT;
	if (npt->features & AX_NPT_FEATURE_ACCESSED_DIRTY)
		out->root |= EPTP_ACCESSED_DIRTY;
	out->control = 0;
}

const struct ax_npt_format ax_npt_format_ept = {
	.name = "EPT",
	.id = AX_NPT_EPT,
	.page_shift = 12,
	.index_bits = 9,
	.levels_min = 4,
	.levels_max = 5,
	.levels_default = 4,
	.leaf_level_max = 2,
	.gpa_bits_min = 13,
	.gpa_bits_max = 52, /* of five levels; no physical address has more */
	.hpa_bits_max = 52,
	.tag_bits = 16,
	.features = AX_NPT_FEATURE_1G | AX_NPT_FEATURE_EXECUTE_ONLY |
		    AX_NPT_FEATURE_MODE_BASED_EXECUTE | AX_NPT_FEATURE_ACCESSED_DIRTY,
	.features_asked = AX_NPT_FEATURE_MODE_BASED_EXECUTE | AX_NPT_FEATURE_ACCESSED_DIRTY,
	.feature_1g = AX_NPT_FEATURE_1G,
	.feature_present = AX_NPT_FEATURE_MODE_BASED_EXECUTE,
	.address_mask = EPT_ADDRESS,
	.address_shift = 0,
	.present = EPT_READ | EPT_WRITE | EPT_EXECUTE,
	.present_extra = EPT_USER_EXECUTE,
	.type_mask = EPT_LARGE,
	.type_table = 0,
	/* Permissions are the intersection of all levels. Accessed is ignored unless it was asked for, and then
	 * hardware would set it. */
	.table = EPT_READ | EPT_WRITE | EPT_EXECUTE | EPT_ACCESSED,
	.leaf = {0, EPT_LARGE},
	.hardware_sets = EPT_ACCESSED | EPT_DIRTY,
	.hide_shift = 53, /* to 53, 54, 55 and, of bit 10, 63 */
	.kind_mask = EPT_KIND,
	.kind = {0, EPT_KIND_OWNED, EPT_KIND_BLOCK, EPT_KIND},
	.encode = encode,
	.decode = decode,
	.registers = registers,
};
