/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RISC-V G-stage translation: Sv39x4, Sv48x4, Sv57x4.
 *
 * Sources: RISC-V privileged architecture, "Hypervisor Extension": "Guest Physical Address
 * Translation" and "Hypervisor Guest Address Translation and Protection Register (hgatp)", which
 * take the entry format from "Sv39: Page-Based 39-bit Virtual-Memory System"; "Svpbmt"; "Svadu".
 *
 * The manual numbers levels as here, from 0 for pages. The x4 modes add two bits to the index of
 * the root, which is 16 KiB and aligned to 16 KiB.
 */
#include "npt_format.h"

#define GS_VALID    (UINT64_C(1) << 0)
#define GS_READ     (UINT64_C(1) << 1)
#define GS_WRITE    (UINT64_C(1) << 2)
#define GS_EXECUTE  (UINT64_C(1) << 3)
#define GS_USER     (UINT64_C(1) << 4)
#define GS_ACCESSED (UINT64_C(1) << 6)
#define GS_DIRTY    (UINT64_C(1) << 7)
#define GS_ADDRESS  UINT64_C(0x003ffffffffffc00) /* 53:10 are address bits 55:12 */

_Static_assert(GS_READ >> 1 == AX_READ && GS_WRITE >> 1 == AX_WRITE &&
		       GS_EXECUTE >> 1 == AX_EXECUTE,
	       "decode() takes the permissions as they are");

/* RSW, 9:8, is reserved for software. */
#define GS_KIND_OWNED (UINT64_C(1) << 8)
#define GS_KIND_BLOCK (UINT64_C(1) << 9)
#define GS_KIND       (GS_KIND_OWNED | GS_KIND_BLOCK)

/* 62:61 with Svpbmt, else reserved. 0, "PMA", leaves the type to the machine's memory map. */
#define GS_PBMT    (UINT64_C(3) << 61)
#define GS_PBMT_NC (UINT64_C(1) << 61)
#define GS_PBMT_IO (UINT64_C(2) << 61)

#define HGATP_MODE_SHIFT 60
#define HGATP_VMID_SHIFT 44
/* Sv39x4, of three levels, is 8; each level more is one more. */
#define HGATP_MODE_SV39X4 UINT64_C(8)

/* Without Svpbmt nothing can be said of the type: device memory is what the PMAs have as I/O, and
 * plain memory cannot be made uncached. Nothing is kept of UNCACHED with DEVICE. */
static ax_error_t encode_type(uint64_t features, ax_flags_t flags, uint64_t *bits)
{
	bool pbmt = (features & AX_NPT_FEATURE_SVPBMT) != 0;

	if (flags & AX_DEVICE) {
		*bits |= GS_KIND | (pbmt ? GS_PBMT_IO : 0);
	} else if (flags & AX_UNCACHED) {
		if (!pbmt)
			return AX_ENOTSUP;
		*bits |= GS_PBMT_NC;
	}
	return AX_OK;
}

/*
 * W without R is reserved; R = W = X = 0 would be a table, and no leaf has that since flags without
 * a permission do not come here.
 *
 * U is set always: "Guest Physical Address Translation" checks every guest access as a user one. G
 * is clear, it means nothing here.
 *
 * A and D start set where the bits were not asked for: hardware without Svadu faults on clear ones.
 */
static ax_error_t encode(uint64_t features, ax_flags_t flags, uint64_t *attr)
{
	uint64_t bits = GS_USER;

	if ((flags & AX_WRITE) && !(flags & AX_READ))
		return AX_ENOTSUP;
	if (flags & AX_READ)
		bits |= GS_READ;
	if (flags & AX_WRITE)
		bits |= GS_WRITE;
	if (flags & AX_EXECUTE)
		bits |= GS_EXECUTE;
	if (!(features & AX_NPT_FEATURE_ACCESSED_DIRTY))
		bits |= GS_ACCESSED | GS_DIRTY;
	if (encode_type(features, flags, &bits) != AX_OK)
		return AX_ENOTSUP;
	*attr = bits;
	return AX_OK;
}

static ax_flags_t decode(uint64_t features, uint64_t entry)
{
	/* The three permissions are the same bits, one further up. */
	ax_flags_t flags = AX_USER | (ax_flags_t)(entry >> 1 & AX_FLAGS_ACCESS);

	(void)features;
	if ((entry & GS_KIND) == GS_KIND)
		flags |= AX_DEVICE;
	else if (entry & GS_PBMT)
		flags |= AX_UNCACHED;
	return flags;
}

static void registers(const struct ax_npt *npt, struct ax_npt_registers *out)
{
	out->root = (HGATP_MODE_SV39X4 + npt->levels - 3u) << HGATP_MODE_SHIFT |
		    (uint64_t)npt->tag << HGATP_VMID_SHIFT | npt->root_hpa >> 12;
	out->control = 0;
}

const struct ax_npt_format ax_npt_format_gstage = {
	.name = "G-stage",
	.id = AX_NPT_GSTAGE,
	.page_shift = 12,
	.index_bits = 9,
	.levels_min = 3,
	.levels_max = 5,
	/* Sv39x4: what every CPU has that has any, the shortest walk, and 2 TiB. */
	.levels_default = 3,
	/* A leaf may be on any level, the root's too. */
	.leaf_level_max = 4,
	.gpa_bits_min = 13,
	.gpa_bits_max = 59,
	.hpa_bits_max = 56,
	.tag_bits = 14,
	.root_extra_bits = 2,
	.caches_invalid = true,
	.features = AX_NPT_FEATURE_SVPBMT | AX_NPT_FEATURE_SVVPTC | AX_NPT_FEATURE_ACCESSED_DIRTY,
	.features_asked =
		AX_NPT_FEATURE_ACCESSED_DIRTY | AX_NPT_FEATURE_SVPBMT | AX_NPT_FEATURE_SVVPTC,
	.address_mask = GS_ADDRESS,
	.address_shift = 2,
	.present = GS_VALID,
	.type_mask = GS_READ | GS_WRITE | GS_EXECUTE,
	.type_table = 0,
	/* A, D and U of an entry that leads to a table are reserved. */
	.table = GS_VALID,
	.leaf = {GS_VALID, GS_VALID},
	.hardware_sets = GS_ACCESSED | GS_DIRTY,
	.hide_shift = 54,
	.kind_mask = GS_KIND,
	.kind = {0, GS_KIND_OWNED, GS_KIND_BLOCK, GS_KIND},
	.encode = encode,
	.decode = decode,
	.registers = registers,
};
