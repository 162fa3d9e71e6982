/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arm VMSAv8-64 stage 2 with 64-bit descriptors. ARM chapter D8 "The AArch64 Virtual Memory System
 * Architecture": D8.2 "Translation process", D8.3 "Translation table descriptor formats", D8.4
 * "Memory access control", D8.5 "Hardware updates to the translation tables", D8.6 "Memory region
 * attributes"; registers VTTBR_EL2 and VTCR_EL2. Without 128-bit descriptors, permission
 * indirection, MTE permissions, realms and secure state.
 */
#include "ref_internal.h"

#define VTCR_VS   19
#define VTCR_HA   21
#define VTCR_HD   22
#define VTCR_RES1 31
#define VTCR_DS   32
#define VTCR_SL2  33

#define DESC_VALID      0
#define DESC_TABLE      1 /* at level 0 (Arm's 3): page */
#define DESC_S2AP_READ  6
#define DESC_S2AP_WRITE 7
#define DESC_AF         10
#define DESC_FNXS       11
#define DESC_NT         16
#define DESC_DBM        51
#define DESC_CONTIGUOUS 52
#define DESC_XN0        53 /* FEAT_XNX */
#define DESC_XN1        54

/* SH encodings of VTCR_EL2.SH0 and of descriptors: 0b01 is reserved. */
static bool stage2_shareability(unsigned sh, enum ref_shareability *out)
{
	switch (sh) {
	case 0:
		*out = REF_SHARE_NONE;
		return true;
	case 2:
		*out = REF_SHARE_OUTER;
		return true;
	case 3:
		*out = REF_SHARE_INNER;
		return true;
	default:
		return false;
	}
}

/* VTCR_EL2.TG0, 15:14; a level resolves 3 bits less than a page has. */
static enum ref_root_error stage2_granule(const struct ref_cpu *cpu, struct ref_root *root)
{
	switch (ref_field(cpu->control, 15, 14)) {
	case 0:
		root->page_shift = 12;
		break;
	case 1:
		if (!cpu->granule_64k)
			return REF_ROOT_GRANULE;
		root->page_shift = 16;
		break;
	case 2:
		if (!cpu->granule_16k)
			return REF_ROOT_GRANULE;
		root->page_shift = 14;
		break;
	default:
		return REF_ROOT_GRANULE;
	}
	root->stride = root->page_shift - 3;
	return REF_ROOT_OK;
}

/*
 * VTCR_EL2 bits that have no meaning here, by what the CPU has. HWU (28:25), NSW and NSA and
 * whatever is above SL2 belong to features that the library does not use.
 */
static bool stage2_control_reserved(const struct ref_cpu *cpu, const struct ref_root *root)
{
	uint64_t defined = ref_bits(18, 0) | ref_bit(VTCR_RES1);

	if (cpu->vmid16)
		defined |= ref_bit(VTCR_VS);
	if (cpu->accessed_dirty)
		defined |= ref_bit(VTCR_HA) | ref_bit(VTCR_HD);
	/* DS exists for 4K and 16K with FEAT_LPA2; SL2 only with DS and 4K. */
	if (cpu->lpa2 && root->page_shift != 16)
		defined |= ref_bit(VTCR_DS);
	if (root->wide && root->page_shift == 12)
		defined |= ref_bit(VTCR_SL2);
	if (cpu->lenient)
		return false;
	return (cpu->control & ~defined) || !ref_has(cpu->control, VTCR_RES1);
}

/*
 * VTCR_EL2.PS, 18:16, and D8.1 "Implemented physical address size": the effective width is the
 * smaller of PS and what is implemented; 52 bits need 64K with FEAT_LPA, or DS.
 */
static enum ref_root_error stage2_output_size(const struct ref_cpu *cpu, struct ref_root *root)
{
	static const unsigned sizes[] = {32, 36, 40, 42, 44, 48, 52};
	unsigned ps = ref_field(cpu->control, 18, 16);
	bool can_52 = root->page_shift == 16 ? cpu->lpa : root->wide;

	if (ps == 7)
		return REF_ROOT_OUTPUT_SIZE;
	root->hpa_bits = sizes[ps] < cpu->pa_bits ? sizes[ps] : cpu->pa_bits;
	if (root->hpa_bits == 52 && !can_52)
		root->hpa_bits = 48;
	return REF_ROOT_OK;
}

/*
 * D8.1 "Input address size" with VTCR_EL2.T0SZ: no wider than the implemented PA, and not too
 * small.
 */
static enum ref_root_error stage2_input_size(const struct ref_cpu *cpu, struct ref_root *root)
{
	bool can_52 = root->page_shift == 16 ? cpu->lpa : root->wide;
	unsigned widest = cpu->pa_bits == 52 && !can_52 ? 48 : cpu->pa_bits;
	unsigned narrowest = 64 - 39;

	if (cpu->small_tables)
		narrowest = root->page_shift == 16 ? 64 - 47 : 64 - 48;
	root->gpa_bits = 64 - ref_field(cpu->control, 5, 0);
	if (root->gpa_bits > widest || root->gpa_bits < narrowest)
		return REF_ROOT_INPUT_SIZE;
	return REF_ROOT_OK;
}

/*
 * VTCR_EL2.SL0 (7:6) and SL2: the start level, here as the number of levels to walk. Values that
 * the granule or the implemented PA size rules out give a level 0 translation fault (D8.2, "Stage 2
 * translation", and the conditions of AArch64.S2InvalidSL).
 */
static bool stage2_start_level(const struct ref_cpu *cpu, struct ref_root *root)
{
	unsigned sl0 = ref_field(cpu->control, 7, 6);

	if (root->page_shift == 12) {
		if (root->wide && ref_has(cpu->control, VTCR_SL2)) {
			root->levels = 5; /* Arm's level -1 */
			return sl0 == 0 && cpu->pa_bits == 52;
		}
		root->levels = sl0 == 3 ? 1 : sl0 + 2;
		if (sl0 == 3)
			return cpu->small_tables;
		return sl0 != 2 || cpu->pa_bits >= 44;
	}
	root->levels = sl0 + 1;
	if (root->page_shift == 14) {
		if (sl0 == 3)
			return root->wide && cpu->pa_bits == 52;
		return sl0 != 2 || cpu->pa_bits >= 42;
	}
	if (sl0 == 3)
		return false;
	return sl0 != 2 || cpu->pa_bits >= 44;
}

/*
 * D8.2 "Concatenated translation tables": the root must resolve at least one bit, and may take up
 * to 4 bits more than one table does, as up to 16 tables side by side. Level -1 (5 levels) has 4
 * bits by itself and the input is never wider than 52, so the same bounds hold there.
 */
static enum ref_root_error stage2_root_size(struct ref_root *root)
{
	unsigned below = root->page_shift + root->stride * (root->levels - 1);

	if (root->gpa_bits <= below || root->gpa_bits > below + root->stride + 4)
		return REF_ROOT_START_LEVEL;
	root->size = ref_bit(root->gpa_bits - below) * 8;
	return REF_ROOT_OK;
}

/*
 * VTTBR_EL2: CnP 0, BADDR 47:1, VMID 63:48. With 52-bit output, BADDR 5:2 are address bits 51:48
 * and the table is aligned to 64 bytes at least. The hardware masks low bits off instead of
 * faulting, and so would walk another table than software built: reported as misalignment.
 */
static enum ref_root_error stage2_base(const struct ref_cpu *cpu, struct ref_root *root)
{
	uint64_t vttbr = cpu->root;
	bool wide_base = root->wide || (root->page_shift == 16 && root->hpa_bits == 52);
	uint64_t align = root->size;

	if (ref_has(vttbr, 0) && !cpu->cnp && !cpu->lenient)
		return REF_ROOT_RESERVED;
	root->tag = ref_field(vttbr, 63, 48);
	/* VTCR_EL2.VS 0: the VMID has 8 bits, the upper 8 are RES0. */
	if (!ref_has(cpu->control, VTCR_VS) || !cpu->vmid16) {
		if ((root->tag >> 8) && !cpu->lenient)
			return REF_ROOT_RESERVED;
		root->tag &= 0xff;
	}
	if (wide_base) {
		if (ref_has(vttbr, 1))
			return REF_ROOT_RESERVED;
		root->table = (vttbr & ref_bits(47, 6)) | ((uint64_t)ref_field(vttbr, 5, 2) << 48);
		if (align < 64)
			align = 64;
	} else {
		root->table = vttbr & ref_bits(47, 1);
	}
	if (root->table & (align - 1))
		return REF_ROOT_ALIGNMENT;
	/* D8.2: a base beyond the output size is an address size fault of level 0. */
	if (root->table >> root->hpa_bits)
		return REF_ROOT_ADDRESS_WIDTH;
	return REF_ROOT_OK;
}

/* VTCR_EL2.IRGN0, ORGN0 (9:8, 11:10) and SH0 (13:12): how the walker itself accesses the tables. */
static enum ref_root_error stage2_walk_type(const struct ref_cpu *cpu, struct ref_root *root)
{
	static const enum ref_memory_type types[] = {
		REF_TYPE_NORMAL_NC, REF_TYPE_NORMAL_WB, REF_TYPE_NORMAL_WT,
		REF_TYPE_NORMAL_WB, /* 3: write-back without write-allocate */
	};
	enum ref_memory_type inner = types[ref_field(cpu->control, 9, 8)];
	enum ref_memory_type outer = types[ref_field(cpu->control, 11, 10)];

	root->type = inner == outer ? inner : REF_TYPE_NORMAL_MIXED;
	if (!stage2_shareability(ref_field(cpu->control, 13, 12), &root->shareability))
		return REF_ROOT_RESERVED;
	return REF_ROOT_OK;
}

static enum ref_root_error stage2_decode_root(const struct ref_cpu *cpu, struct ref_root *root)
{
	enum ref_root_error error;

	if (cpu->pa_bits < 32 || cpu->pa_bits > 52)
		return REF_ROOT_CPU;
	error = stage2_granule(cpu, root);
	if (error)
		return error;
	root->wide = cpu->lpa2 && root->page_shift != 16 && ref_has(cpu->control, VTCR_DS);
	if (stage2_control_reserved(cpu, root))
		return REF_ROOT_RESERVED;
	error = stage2_output_size(cpu, root);
	if (error)
		return error;
	error = stage2_input_size(cpu, root);
	if (error)
		return error;
	if (!stage2_start_level(cpu, root))
		return REF_ROOT_START_LEVEL;
	error = stage2_root_size(root);
	if (error)
		return error;
	error = stage2_base(cpu, root);
	if (error)
		return error;
	/* D8.5: HD has effect only together with HA. */
	root->hardware_accessed = cpu->accessed_dirty && ref_has(cpu->control, VTCR_HA);
	root->hardware_dirty = root->hardware_accessed && ref_has(cpu->control, VTCR_HD);
	return stage2_walk_type(cpu, root);
}

/*
 * D8.3, conditions of AArch64.BlockDescSupported, in levels counted from the leaves: 4K has blocks
 * at 1 and 2, 16K at 1, 64K at 1; one level more with 52-bit addresses.
 */
static bool stage2_block_allowed(const struct ref_cpu *cpu, const struct ref_root *root,
				 unsigned level)
{
	switch (root->page_shift) {
	case 12:
		return level == 1 || level == 2 || (level == 3 && root->wide);
	case 14:
		return level == 1 || (level == 2 && root->wide);
	default:
		return level == 1 || (level == 2 && cpu->lpa && cpu->pa_bits == 52);
	}
}

/* The output or next-table address of a descriptor whose lowest address bit is `low`. */
static uint64_t stage2_address(const struct ref_cpu *cpu, const struct ref_root *root,
			       uint64_t descriptor, unsigned low)
{
	uint64_t address = descriptor & ref_bits(47, low);

	if (root->wide) { /* D8.3: 49:48 in place, 51:50 in bits 9:8 */
		address = descriptor & ref_bits(49, low);
		address |= (uint64_t)ref_field(descriptor, 9, 8) << 50;
	} else if (root->page_shift == 16 && cpu->lpa) { /* 51:48 in bits 15:12 */
		address |= (uint64_t)ref_field(descriptor, 15, 12) << 48;
	}
	return address;
}

/*
 * RES0 bits in the descriptor figures of D8.3; 58:55 are software's, 63:59 of leaves are ignored.
 */
static uint64_t stage2_reserved(const struct ref_cpu *cpu, const struct ref_root *root,
				unsigned level, bool leaf)
{
	unsigned low = leaf ? ref_level_shift(root, level) : root->page_shift;
	uint64_t reserved = ref_bits(low - 1, 12) | (root->wide ? ref_bit(50) : ref_bits(50, 48));

	if (root->page_shift == 16 && cpu->lpa)
		reserved &= ~ref_bits(15, 12);
	if (!leaf) /* 62:59 hold stage 1's table attributes, 63 is for secure state */
		return reserved | ref_bits(63, 59);
	if (level && cpu->bbm)
		reserved &= ~ref_bit(DESC_NT);
	if (!cpu->xs)
		reserved |= ref_bit(DESC_FNXS);
	if (!cpu->accessed_dirty)
		reserved |= ref_bit(DESC_DBM);
	if (!cpu->xnx)
		reserved |= ref_bit(DESC_XN0);
	return reserved;
}

/*
 * D8.6 "Stage 2 memory region type and cacheability attributes": MemAttr, bits 5:2; false:
 * reserved.
 */
static bool stage2_memory_type(const struct ref_cpu *cpu, unsigned attr, enum ref_memory_type *type)
{
	static const enum ref_memory_type devices[] = {
		REF_TYPE_DEVICE_nGnRnE,
		REF_TYPE_DEVICE_nGnRE,
		REF_TYPE_DEVICE_nGRE,
		REF_TYPE_DEVICE_GRE,
	};
	static const enum ref_memory_type normals[] = {
		REF_TYPE_NORMAL_MIXED, /* not used */
		REF_TYPE_NORMAL_NC,
		REF_TYPE_NORMAL_WT,
		REF_TYPE_NORMAL_WB,
	};
	static const enum ref_memory_type forced[] = {
		REF_TYPE_NORMAL_MIXED, /* not used */
		REF_TYPE_NORMAL_NC,
		REF_TYPE_NORMAL_WB,
		REF_TYPE_NORMAL_STAGE1,
	};
	unsigned high = attr >> 2;
	unsigned low = attr & 3;

	if (high == 0) {
		*type = devices[low];
		return true;
	}
	if (low == 0)
		return false;
	/* With HCR_EL2.FWB bit 3 of the field is RES0, bit 2 selects Normal. */
	if (cpu->force_write_back) {
		*type = forced[low];
		return high == 1;
	}
	*type = high == low ? normals[low] : REF_TYPE_NORMAL_MIXED;
	return true;
}

/*
 * D8.7 "The Contiguous bit": entries that form a block, by granule and level; 1 where the bit is
 * RES0.
 */
static unsigned stage2_contiguous(const struct ref_root *root, unsigned level)
{
	switch (root->page_shift) {
	case 12:
		return level <= 2 ? 16 : 1;
	case 14:
		return level == 0 ? 128 : level == 1 ? 32 : 1;
	default:
		return level <= 1 ? 32 : 1;
	}
}

static void stage2_permissions(const struct ref_cpu *cpu, const struct ref_root *root,
			       uint64_t descriptor, struct ref_entry *out)
{
	bool dbm = cpu->accessed_dirty && ref_has(descriptor, DESC_DBM);
	bool xn0 = cpu->xnx && ref_has(descriptor, DESC_XN0);
	bool xn1 = ref_has(descriptor, DESC_XN1);

	/* D8.4 S2AP: read and write are independent. Execution does not depend on either. */
	out->permissions.read = ref_has(descriptor, DESC_S2AP_READ);
	out->permissions.write = ref_has(descriptor, DESC_S2AP_WRITE);
	/* D8.5: DBM makes S2AP[1] = 0 mean "writable, clean" while hardware manages dirty state. */
	if (dbm && root->hardware_dirty) {
		out->permissions.write = true;
		out->dirty_bit = ref_bit(DESC_S2AP_WRITE);
	}
	out->dirty = dbm && ref_has(descriptor, DESC_S2AP_WRITE);

	/*
	 * D8.4 XN[1:0], 54:53: 00 both, 01 EL0 only, 10 none, 11 EL1 only; without FEAT_XNX only
	 * 54.
	 */
	out->permissions.execute_kernel = xn0 == xn1;
	out->permissions.execute_user = !xn1;
}

static bool stage2_decode_attributes(const struct ref_cpu *cpu, const struct ref_root *root,
				     uint64_t descriptor, struct ref_entry *out)
{
	/* A reserved MemAttr or SH does not fault, its effect is not predictable. */
	bool good = stage2_memory_type(cpu, ref_field(descriptor, 5, 2), &out->type);

	/* With DS the SH field has become address bits, VTCR_EL2.SH0 stands for all. */
	if (root->wide)
		out->shareability = root->shareability;
	else if (!stage2_shareability(ref_field(descriptor, 9, 8), &out->shareability))
		good = false;
	/* D8.6 "Shareability": Device and Non-cacheable memory is always Outer Shareable. */
	switch (out->type) {
	case REF_TYPE_DEVICE_nGnRnE:
	case REF_TYPE_DEVICE_nGnRE:
	case REF_TYPE_DEVICE_nGRE:
	case REF_TYPE_DEVICE_GRE:
	case REF_TYPE_NORMAL_NC:
		out->shareability = REF_SHARE_OUTER;
		break;
	default:
		break;
	}
	return good || cpu->lenient;
}

static void stage2_decode_leaf(const struct ref_cpu *cpu, const struct ref_root *root,
			       uint64_t descriptor, unsigned level, struct ref_entry *out)
{
	unsigned shift = ref_level_shift(root, level);

	out->address = stage2_address(cpu, root, descriptor, shift);
	if (out->address >> root->hpa_bits) {
		ref_malformed(out, REF_FAULT_ADDRESS_SIZE);
		return;
	}
	if (!stage2_decode_attributes(cpu, root, descriptor, out)) {
		ref_malformed(out, REF_FAULT_RESERVED);
		return;
	}
	if (ref_has(descriptor, DESC_CONTIGUOUS)) {
		uint64_t group = (uint64_t)stage2_contiguous(root, level) << shift;

		/* RES0 at this level, or a block larger than the whole input range. */
		if (group == ref_bit(shift) || group > ref_bit(root->gpa_bits)) {
			if (!cpu->lenient) {
				ref_malformed(out, REF_FAULT_RESERVED);
				return;
			}
		} else {
			out->group = group;
			/* All but address, AF, dirty state and software's bits have to agree. */
			out->same = ~(ref_bits(50, 12) | ref_bit(DESC_AF) | ref_bits(58, 55));
			if (root->wide)
				out->same &= ~ref_bits(9, 8);
			if (ref_has(descriptor, DESC_DBM))
				out->same &= ~ref_bit(DESC_S2AP_WRITE);
		}
	}
	out->kind = REF_ENTRY_LEAF;
	stage2_permissions(cpu, root, descriptor, out);
	out->accessed = ref_has(descriptor, DESC_AF);
	if (root->hardware_accessed)
		out->accessed_bit = ref_bit(DESC_AF);
	else
		out->accessed_faults = !out->accessed;
}

static void stage2_decode_entry(const struct ref_cpu *cpu, const struct ref_root *root,
				uint64_t descriptor, unsigned level, struct ref_entry *out)
{
	bool type = ref_has(descriptor, DESC_TABLE);
	bool leaf = level == 0 || !type;

	if (!ref_has(descriptor, DESC_VALID)) {
		out->kind = REF_ENTRY_ABSENT;
		out->fault = REF_FAULT_TRANSLATION;
		return;
	}
	/*
	 * D8.3: 0b01 at the last level, or a block where there is none, acts as an invalid
	 * descriptor.
	 */
	if ((level == 0 && !type) || (level && !type && !stage2_block_allowed(cpu, root, level))) {
		ref_malformed(out, REF_FAULT_TRANSLATION);
		return;
	}
	if (!cpu->lenient && (descriptor & stage2_reserved(cpu, root, level, leaf))) {
		ref_malformed(out, REF_FAULT_RESERVED);
		return;
	}
	if (leaf) {
		stage2_decode_leaf(cpu, root, descriptor, level, out);
		return;
	}
	out->address = stage2_address(cpu, root, descriptor, root->page_shift);
	if (out->address >> root->hpa_bits) {
		ref_malformed(out, REF_FAULT_ADDRESS_SIZE);
		return;
	}
	/* Stage 2 tables carry no permissions: D8.4, hierarchical control is stage 1's alone. */
	out->kind = REF_ENTRY_TABLE;
	out->permissions = (struct ref_permissions){true, true, true, true};
}

/* D8.5: fault priority: the Access flag fault comes before the Permission fault. */
const struct ref_format ref_stage2 = {
	.decode_root = stage2_decode_root,
	.decode_entry = stage2_decode_entry,
};
