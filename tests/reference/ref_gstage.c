/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RISC-V G-stage, RV64. PRIV "Hypervisor Extension", section "Guest Physical Address Translation",
 * on top of PRIV "Supervisor-Level ISA", section "Virtual Address Translation Process" (its
 * numbered steps are named below), "Svnapot" and "Svpbmt".
 */
#include "ref_internal.h"

#define PTE_V 0
#define PTE_R 1
#define PTE_W 2
#define PTE_X 3
#define PTE_U 4
#define PTE_G 5
#define PTE_A 6
#define PTE_D 7
#define PTE_N 63

#define NAPOT_64K_BITS 4

/* PRIV "Hypervisor Guest Address Translation and Protection (hgatp) Register". */
static enum ref_root_error gstage_decode_root(const struct ref_cpu *cpu, struct ref_root *root)
{
	uint64_t hgatp = cpu->root;

	if (cpu->pa_bits < 32 || cpu->pa_bits > 56)
		return REF_ROOT_CPU;
	/* MODE 63:60. Bare (0) translates nothing and protects nothing. */
	switch (ref_field(hgatp, 63, 60)) {
	case 8: /* Sv39x4 */
		root->levels = 3;
		break;
	case 9: /* Sv48x4 */
		root->levels = 4;
		break;
	case 10: /* Sv57x4 */
		root->levels = 5;
		break;
	default:
		return REF_ROOT_MODE;
	}
	if (cpu->levels && root->levels > cpu->levels)
		return REF_ROOT_MODE;
	if (hgatp & ref_bits(59, 58)) /* WPRI */
		return REF_ROOT_RESERVED;

	root->tag = ref_field(hgatp, 57, 44);
	root->table = (hgatp & ref_bits(43, 0)) << 12;
	/*
	 * The x4 root has four times the entries: 16 KiB, and aligned so. PPN[1:0] always reads 0.
	 */
	root->size = 16384;
	if (root->table & (root->size - 1))
		return REF_ROOT_ALIGNMENT;
	if (root->table >> cpu->pa_bits)
		return REF_ROOT_ADDRESS_WIDTH;

	root->page_shift = 12;
	root->stride = 9;
	root->gpa_bits = 12 + 9 * root->levels + 2;
	root->hpa_bits = cpu->pa_bits;
	root->type = REF_TYPE_PMA;
	root->hardware_accessed = root->hardware_dirty = cpu->accessed_dirty;
	return REF_ROOT_OK;
}

/* What step 3 and the sections of the two extensions reserve: true when something is set. */
static bool gstage_reserved(const struct ref_cpu *cpu, uint64_t entry, unsigned level, bool leaf)
{
	unsigned pbmt = ref_field(entry, 62, 61);

	if (entry & ref_bits(60, 54))
		return true;
	if (ref_has(entry, PTE_W) && !ref_has(entry, PTE_R))
		return true;
	if (pbmt && (!cpu->svpbmt || !leaf || pbmt == 3))
		return true;
	if (ref_has(entry, PTE_N)) {
		/* Only 64 KiB has an encoding: a level 0 leaf whose ppn[0] ends in 1000. */
		if (!cpu->svnapot || !leaf || level != 0 || ref_field(entry, 13, 10) != 8)
			return true;
	}
	/* D, A and U of a pointer are reserved for future standard use. */
	if (!leaf && (entry & (ref_bit(PTE_D) | ref_bit(PTE_A) | ref_bit(PTE_U))))
		return true;
	/* G of every G-stage entry: software clears it, hardware must ignore it. */
	return ref_has(entry, PTE_G) && !cpu->lenient;
}

static void gstage_decode_leaf(const struct ref_cpu *cpu, uint64_t entry, unsigned level,
			       struct ref_entry *out)
{
	bool user = ref_has(entry, PTE_U);
	static const enum ref_memory_type types[] = {REF_TYPE_PMA, REF_TYPE_NC, REF_TYPE_IO,
						     REF_TYPE_PMA};

	/* "any level may be a leaf", aligned to its own size, or it is a page fault. */
	if (out->address & ref_bits(11 + 9 * level, 12)) {
		ref_malformed(out, REF_FAULT_MISALIGNED);
		return;
	}
	if (ref_has(entry, PTE_N)) {
		out->napot = true;
		out->group = ref_bit(12 + NAPOT_64K_BITS);
		out->address &= ~ref_bits(11 + NAPOT_64K_BITS, 12);
		/*
		 * "Svnapot": the same values of bits 5:0; type and page number by the same sense.
		 */
		out->same = ref_bits(5, 0) | ref_bits(63, 61) | ref_bits(53, 10);
	}
	if (out->address >> cpu->pa_bits) {
		ref_malformed(out, REF_FAULT_ADDRESS_SIZE);
		return;
	}

	out->kind = REF_ENTRY_LEAF;
	/* All G-stage accesses count as user-level ones: U = 0 allows nothing. */
	out->permissions.execute_kernel = user && ref_has(entry, PTE_X);
	out->permissions.execute_user = out->permissions.execute_kernel;
	out->permissions.read =
		user && (ref_has(entry, PTE_R) || (cpu->mxr && ref_has(entry, PTE_X)));
	out->permissions.write = user && ref_has(entry, PTE_W);
	out->type = types[ref_field(entry, 62, 61)];

	/* Step about A and D: a page fault (Svade), or hardware sets them in the leaf (Svadu). */
	out->accessed = ref_has(entry, PTE_A);
	out->dirty = ref_has(entry, PTE_D);
	if (cpu->accessed_dirty) {
		out->accessed_bit = ref_bit(PTE_A);
		out->dirty_bit = ref_bit(PTE_D);
	} else {
		out->accessed_faults = !out->accessed;
		out->dirty_faults = !out->dirty;
	}
}

static void gstage_decode_entry(const struct ref_cpu *cpu, const struct ref_root *root,
				uint64_t entry, unsigned level, struct ref_entry *out)
{
	bool leaf = ref_has(entry, PTE_R) || ref_has(entry, PTE_X);

	(void)root;
	if (!ref_has(entry, PTE_V)) {
		out->kind = REF_ENTRY_ABSENT;
		out->fault = REF_FAULT_TRANSLATION;
		return;
	}
	if (gstage_reserved(cpu, entry, level, leaf)) {
		ref_malformed(out, REF_FAULT_RESERVED);
		return;
	}

	out->address = (entry & ref_bits(53, 10)) << 2;
	if (leaf) {
		gstage_decode_leaf(cpu, entry, level, out);
		return;
	}
	if (level == 0) { /* step 4: i < 0 */
		ref_malformed(out, REF_FAULT_TRANSLATION);
		return;
	}
	if (out->address >> cpu->pa_bits) { /* step 2 of the next level: an access fault */
		ref_malformed(out, REF_FAULT_ADDRESS_SIZE);
		return;
	}
	out->kind = REF_ENTRY_TABLE;
	out->permissions = (struct ref_permissions){true, true, true, true};
}

const struct ref_format ref_gstage = {
	.decode_root = gstage_decode_root,
	.decode_entry = gstage_decode_entry,
	.permission_before_flags = true,
};
