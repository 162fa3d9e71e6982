/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AMD nested paging with long-mode tables. APM volume 2, section 15.25 "Nested Paging", on top of
 * section 5.3 "Long-Mode Page Translation" for the formats of the entries.
 */
#include "ref_internal.h"

#define NPT_PRESENT    0
#define NPT_WRITE      1
#define NPT_USER       2
#define NPT_PWT        3
#define NPT_PCD        4
#define NPT_ACCESSED   5
#define NPT_DIRTY      6
#define NPT_LARGE      7 /* in level 1 and 2 */
#define NPT_PAT_4K     7
#define NPT_GLOBAL     8
#define NPT_PAT_LARGE  12
#define NPT_NO_EXECUTE 63

/* APM 7.8.2: IA32_PAT after reset: WB WT UC- UC, twice. */
#define NPT_PAT_RESET UINT64_C(0x0007040600070406)

/*
 * APM 15.25.4: VMRUN fails when a must-be-zero bit of nCR3 is set; APM 3.1.2 and 5.3.1 tell which
 * bits of CR3 those are: address bits beyond the implemented width. The rest of the low bits is
 * reserved beside PWT and PCD, and software keeps it clear.
 */
static enum ref_root_error npt_decode_root(const struct ref_cpu *cpu, struct ref_root *root)
{
	uint64_t ncr3 = cpu->root;

	if (cpu->pa_bits < 32 || cpu->pa_bits > 52)
		return REF_ROOT_CPU;
	/*
	 * APM 15.25.3: nested tables have the paging mode of the host, so 5 levels with CR4.LA57.
	 */
	if (cpu->levels != 4 && cpu->levels != 5)
		return REF_ROOT_LEVELS;
	if (ncr3 & ref_bits(63, cpu->pa_bits))
		return REF_ROOT_ADDRESS_WIDTH;
	if (!cpu->lenient && (ncr3 & (ref_bits(11, 5) | ref_bits(2, 0))))
		return REF_ROOT_RESERVED;

	root->table = ncr3 & ref_bits(51, 12);
	root->size = 4096;
	root->levels = cpu->levels;
	root->page_shift = 12;
	root->stride = 9;
	root->gpa_bits = root->levels == 4 ? 48 : 52;
	root->hpa_bits = cpu->pa_bits;
	root->type = REF_TYPE_WB;
	root->hardware_accessed = root->hardware_dirty = true;
	return REF_ROOT_OK;
}

/* APM 7.8.3 and 15.25.8: PAT, PCD and PWT of the nested leaf index the host's PAT register. */
static enum ref_memory_type npt_memory_type(const struct ref_cpu *cpu, uint64_t entry,
					    unsigned level)
{
	uint64_t pat = cpu->pat ? cpu->pat : NPT_PAT_RESET;
	unsigned high = ref_has(entry, level ? NPT_PAT_LARGE : NPT_PAT_4K) ? 4 : 0;
	unsigned index = high + ref_field(entry, NPT_PCD, NPT_PWT);

	switch ((pat >> (8 * index)) & 7) {
	case 1:
		return REF_TYPE_WC;
	case 4:
		return REF_TYPE_WT;
	case 5:
		return REF_TYPE_WP;
	case 6:
		return REF_TYPE_WB;
	case 7:
		return REF_TYPE_UC_MINUS;
	default:
		return REF_TYPE_UC; /* 2 and 3 cannot be loaded into the register */
	}
}

static bool npt_is_leaf(const struct ref_cpu *cpu, uint64_t entry, unsigned level)
{
	if (level == 0)
		return true; /* bit 7 is PAT there */
	if (level == 2 && !cpu->page_1g)
		return false; /* bit 7 must be zero then, and is checked below */
	return level <= 2 && ref_has(entry, NPT_LARGE);
}

/* Must-be-zero bits of the figures in APM 5.3.3 to 5.3.5; set ones give an #NPF with RSV. */
static uint64_t npt_reserved(const struct ref_cpu *cpu, unsigned level, bool leaf)
{
	uint64_t reserved = ref_bits(51, cpu->pa_bits);

	if (!cpu->no_execute)
		reserved |= ref_bit(NPT_NO_EXECUTE);
	if (leaf) /* 20:13 and 29:13; bit 12 is PAT */
		return level == 0 ? reserved : reserved | ref_bits(11 + 9 * level, 13);
	if (level >= 3)
		return reserved | ref_bit(NPT_GLOBAL) | ref_bit(NPT_LARGE);
	if (level == 2) {
		reserved |= ref_bit(NPT_LARGE);
		/* The figure of the PDPE says zero; processors are known to ignore it. */
		if (!cpu->lenient)
			reserved |= ref_bit(NPT_GLOBAL);
	}
	return reserved;
}

static void npt_decode_entry(const struct ref_cpu *cpu, const struct ref_root *root, uint64_t entry,
			     unsigned level, struct ref_entry *out)
{
	bool leaf = npt_is_leaf(cpu, entry, level);
	bool user = ref_has(entry, NPT_USER);

	(void)root;
	if (!ref_has(entry, NPT_PRESENT)) {
		out->kind = REF_ENTRY_ABSENT;
		out->fault = REF_FAULT_TRANSLATION;
		return;
	}
	if (entry & npt_reserved(cpu, level, leaf)) {
		ref_malformed(out, REF_FAULT_RESERVED);
		return;
	}

	out->kind = leaf ? REF_ENTRY_LEAF : REF_ENTRY_TABLE;
	out->address = entry & ref_bits(51, leaf ? 12 + 9 * level : 12);
	/*
	 * APM 15.25.5: the nested walk treats every guest access as a user access, whatever the
	 * guest's mode: without U/S at every level nothing at all is allowed. CR0.WP plays no part
	 * for those.
	 */
	out->permissions.read = user;
	out->permissions.write = user && ref_has(entry, NPT_WRITE);
	out->permissions.execute_kernel = user && !ref_has(entry, NPT_NO_EXECUTE);
	out->permissions.execute_user = out->permissions.execute_kernel;
	if (leaf)
		out->type = npt_memory_type(cpu, entry, level);

	/* APM 5.4.2 and 15.25.5: hardware sets A at every level and D in the leaf of a write. */
	out->accessed = ref_has(entry, NPT_ACCESSED);
	out->accessed_bit = ref_bit(NPT_ACCESSED);
	out->dirty = leaf && ref_has(entry, NPT_DIRTY);
	out->dirty_bit = leaf ? ref_bit(NPT_DIRTY) : 0;
}

/* APM 15.25.5: the guest's page-table walk counts as a data write of the guest's tables. */
const struct ref_format ref_npt = {
	.decode_root = npt_decode_root,
	.decode_entry = npt_decode_entry,
	.table_walk_writes = true,
};
