/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AArch64 stage 2 translation: VMSAv8-64, 4 KiB granule, addresses of up to 48 bits.
 *
 * Sources: Arm ARM (DDI 0487) chapter D8 "The AArch64 Virtual Memory System Architecture":
 * "Translation table descriptor formats", "Stage 2 memory region attributes", "Stage 2 data
 * accesses permissions", "Stage 2 instruction execution permissions", "Hardware management of the
 * Access flag and dirty state", "Concatenated translation tables"; and the register pages of
 * VTCR_EL2 and VTTBR_EL2.
 *
 * The manual counts levels downwards to 3: level n here is lookup level 3 - n there.
 */
#include "npt_format.h"

/* Bits 1:0: 0b11 is a table on lookup levels 0 to 2 and a page on 3, 0b01 a block on 1 and 2. */
#define S2_VALID (UINT64_C(1) << 0)
#define S2_TABLE (UINT64_C(1) << 1)
#define S2_PAGE  (UINT64_C(1) << 1)

/* MemAttr, 5:2, as encoded with HCR_EL2.FWB clear, which is what these tables need. */
#define S2_MEMATTR           (UINT64_C(0xf) << 2)
#define S2_MEMATTR_DEVICE_RE (UINT64_C(0x1) << 2) /* Device-nGnRE */
#define S2_MEMATTR_NC        (UINT64_C(0x5) << 2) /* Normal, inner and outer non-cacheable */
#define S2_MEMATTR_WB        (UINT64_C(0xf) << 2) /* Normal, inner and outer write-back */
#define S2_READ              (UINT64_C(1) << 6)   /* S2AP[0] */
#define S2_WRITE             (UINT64_C(1) << 7)   /* S2AP[1] */
#define S2_SH_INNER          (UINT64_C(3) << 8)
#define S2_ACCESSED          (UINT64_C(1) << 10)
#define S2_ADDRESS           UINT64_C(0x0000fffffffff000) /* 47:12 */
#define S2_DBM               (UINT64_C(1) << 51)

/* XN[1:0] is 54:53. Without FEAT_XNX XN[0] is RES0 and XN[1] is the XN of both exception levels. */
#define S2_XN     (UINT64_C(3) << 53)
#define S2_XN_ALL (UINT64_C(2) << 53)
#define S2_XN_EL0 (UINT64_C(3) << 53) /* 0b11: EL1 may, EL0 may not */

/* 58:55 of a block or page are reserved for software. */
#define S2_KIND_OWNED (UINT64_C(1) << 55)
#define S2_KIND_BLOCK (UINT64_C(1) << 56)
#define S2_KIND       (S2_KIND_OWNED | S2_KIND_BLOCK)

#define VTCR_T0SZ_BASE   64u
#define VTCR_SL0_SHIFT   6
#define VTCR_IRGN0_WBWA  (UINT64_C(1) << 8)
#define VTCR_ORGN0_WBWA  (UINT64_C(1) << 10)
#define VTCR_SH0_INNER   (UINT64_C(3) << 12)
#define VTCR_PS_SHIFT    16
#define VTCR_VS          (UINT64_C(1) << 19)
#define VTCR_HA          (UINT64_C(1) << 21)
#define VTCR_HD          (UINT64_C(1) << 22)
#define VTCR_RES1        (UINT64_C(1) << 31)
#define VTTBR_VMID_SHIFT 48

/*
 * Data and instruction permissions are independent: every combination is exact. In particular
 * S2AP[0] clear with XN clear can be executed and not read.
 *
 * Shareability counts for Normal cacheable memory only (everything else is outer shareable), and is
 * inner as the guest's own and the hypervisor's mappings are.
 *
 * The Access flag starts set, since a clear one is a fault. With ACCESSED_DIRTY hardware sets it,
 * and S2AP[1] of a descriptor with DBM: "writable-clean" is DBM without S2AP[1].
 */
static ax_error_t encode(uint64_t features, ax_flags_t flags, uint64_t *attr)
{
	uint64_t bits = S2_SH_INNER;

	if (flags & AX_READ)
		bits |= S2_READ;
	if (features & AX_NPT_FEATURE_ACCESSED_DIRTY)
		bits |= flags & AX_WRITE ? S2_DBM : 0;
	else
		bits |= S2_ACCESSED | (flags & AX_WRITE ? S2_WRITE : 0);

	if (!(flags & AX_EXECUTE))
		bits |= S2_XN_ALL;
	else if ((features & AX_NPT_FEATURE_XNX) && !(flags & AX_USER))
		bits |= S2_XN_EL0;

	if (flags & AX_DEVICE)
		bits |= S2_MEMATTR_DEVICE_RE | S2_KIND;
	else if (flags & AX_UNCACHED)
		bits |= S2_MEMATTR_NC;
	else
		bits |= S2_MEMATTR_WB;
	*attr = bits;
	return AX_OK;
}

static ax_flags_t decode(uint64_t features, uint64_t entry)
{
	ax_flags_t flags = AX_USER;

	if (entry & S2_READ)
		flags |= AX_READ;
	if ((entry & S2_WRITE) || ((features & AX_NPT_FEATURE_ACCESSED_DIRTY) && (entry & S2_DBM)))
		flags |= AX_WRITE;
	if (!(entry & S2_XN_ALL))
		flags |= AX_EXECUTE;
	else if ((features & AX_NPT_FEATURE_XNX) && (entry & S2_XN) == S2_XN_EL0)
		flags = (flags | AX_EXECUTE) & ~AX_USER;
	if ((entry & S2_KIND) == S2_KIND)
		flags |= AX_DEVICE;
	else if ((entry & S2_MEMATTR) != S2_MEMATTR_WB)
		flags |= AX_UNCACHED;
	return flags;
}

/* VTCR_EL2.PS: the least of its sizes that holds @hpa_bits. */
static uint64_t physical_size(unsigned hpa_bits)
{
	static const uint8_t sizes[] = {32, 36, 40, 42, 44};
	uint64_t ps = 0;

	while (ps < sizeof(sizes) && sizes[ps] < hpa_bits)
		ps++;
	return ps; /* 5 is 48 bits */
}

/*
 * VTCR_EL2.VS chooses VMIDs of 16 bits, where FEAT_VMID16 is; without it the bit is RES0. While it
 * is clear hardware takes VTTBR_EL2[63:56] as zero for every purpose, so a VMID below 256 is the
 * same VMID either way: the bit is set exactly when the VMID needs it, and never on a CPU without.
 */
static void registers(const struct ax_npt *npt, struct ax_npt_registers *out)
{
	uint64_t control = VTCR_RES1 | VTCR_SH0_INNER | VTCR_ORGN0_WBWA | VTCR_IRGN0_WBWA;

	/* SL0, 4 KiB granule: 0 starts at lookup level 2, 1 at 1, 2 at 0. TG0 is 0, 4 KiB. */
	control |= (uint64_t)(npt->levels - 2u) << VTCR_SL0_SHIFT;
	control |= VTCR_T0SZ_BASE - npt->gpa_bits;
	control |= physical_size(npt->hpa_bits) << VTCR_PS_SHIFT;
	if (npt->tag > 0xff)
		control |= VTCR_VS;
	if (npt->features & AX_NPT_FEATURE_ACCESSED_DIRTY)
		control |= VTCR_HA | VTCR_HD;

	out->root = npt->root_hpa | (uint64_t)npt->tag << VTTBR_VMID_SHIFT;
	out->control = control;
}

const struct ax_npt_format ax_npt_format_stage2 = {
	.name = "stage 2",
	.id = AX_NPT_STAGE2,
	.page_shift = 12,
	.index_bits = 9,
	.levels_min = 2,
	.levels_max = 4,
	.levels_default = 4,
	/* Lookup level 1: a block at level 0 needs FEAT_LPA2. */
	.leaf_level_max = 2,
	/* T0SZ is at most 39 (without FEAT_TTST) and at least 16. */
	.gpa_bits_min = 25,
	.gpa_bits_max = 48,
	.hpa_bits_max = 48,
	.tag_bits = 16,
	.root_concat_bits = 4,
	.gpa_bits_sets_root = true,
	.break_before_make = true,
	.broadcast = true,
	.features = AX_NPT_FEATURE_XNX | AX_NPT_FEATURE_ACCESSED_DIRTY,
	.features_asked = AX_NPT_FEATURE_XNX | AX_NPT_FEATURE_ACCESSED_DIRTY,
	.address_mask = S2_ADDRESS,
	.address_shift = 0,
	.present = S2_VALID,
	.type_mask = S2_TABLE,
	.type_table = S2_TABLE,
	/* 63:59 of a stage 2 table descriptor are RES0: it restricts nothing. */
	.table = S2_VALID | S2_TABLE,
	.leaf = {S2_VALID | S2_PAGE, S2_VALID},
	/* Not S2AP[1], though hardware sets it: a protect that kept it would keep write access. */
	.hardware_sets = S2_ACCESSED,
	.hide_shift = 59,
	.kind_mask = S2_KIND,
	.kind = {0, S2_KIND_OWNED, S2_KIND_BLOCK, S2_KIND},
	.encode = encode,
	.decode = decode,
	.registers = registers,
};
