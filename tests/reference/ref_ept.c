/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intel EPT. SDM volume 3C, chapter "VMX Support for Address Translation", section "The Extended
 * Page Table Mechanism (EPT)"; the formats are in the tables of its subsection "EPT Translation
 * Mechanism".
 */
#include "ref_internal.h"

#define EPTP_ACCESSED_DIRTY 6

#define EPT_READ       0
#define EPT_WRITE      1
#define EPT_EXECUTE    2 /* for supervisor-mode addresses only, with mode-based execute control */
#define EPT_IGNORE_PAT 6
#define EPT_LARGE      7
#define EPT_ACCESSED   8
#define EPT_DIRTY      9
#define EPT_EXECUTE_U \
	10 /* for user-mode addresses, with mode-based execute control, else ignored */

/*
 * SDM, chapter "Virtual Machine Control Structures", section "Extended-Page-Table Pointer (EPTP)",
 * and chapter "VM Entries", section "VM-Execution Control Fields": an EPTP that breaks these rules
 * makes VM entry fail.
 */
static enum ref_root_error ept_decode_root(const struct ref_cpu *cpu, struct ref_root *root)
{
	uint64_t eptp = cpu->root;

	if (cpu->pa_bits < 32 || cpu->pa_bits > 52)
		return REF_ROOT_CPU;

	/* Bits 2:0: type for accesses to the tables: 0 uncacheable, 6 write-back. */
	switch (ref_field(eptp, 2, 0)) {
	case 0:
		root->type = REF_TYPE_UC;
		break;
	case 6:
		root->type = REF_TYPE_WB;
		break;
	default:
		return REF_ROOT_MEMORY_TYPE;
	}

	/* Bits 5:3: one less than the walk length, which is 4 or 5. */
	root->levels = ref_field(eptp, 5, 3) + 1;
	if (root->levels != 4 && root->levels != 5)
		return REF_ROOT_LEVELS;
	if (cpu->levels && root->levels > cpu->levels)
		return REF_ROOT_LEVELS;

	/*
	 * Bit 6 asks for accessed and dirty flags; bit 21 of IA32_VMX_EPT_VPID_CAP tells of them.
	 */
	root->hardware_accessed = root->hardware_dirty = ref_has(eptp, EPTP_ACCESSED_DIRTY);
	if (root->hardware_accessed && !cpu->accessed_dirty)
		return REF_ROOT_CAPABILITY;

	/* Bit 7 is for supervisor shadow stacks, which nothing here uses; 11:8 are reserved. */
	if (eptp & ref_bits(11, 7))
		return REF_ROOT_RESERVED;
	if (eptp & ref_bits(63, cpu->pa_bits))
		return REF_ROOT_ADDRESS_WIDTH;

	root->table = eptp & ref_bits(51, 12);
	root->size = 4096;
	root->page_shift = 12;
	root->stride = 9;
	/*
	 * Four levels translate bits 47:0; an address with more than these set is an EPT violation.
	 * Five would translate 57, but no physical address, the guest's included, has more than 52.
	 */
	root->gpa_bits = root->levels == 4 ? 48 : 52;
	root->hpa_bits = cpu->pa_bits;
	return REF_ROOT_OK;
}

/* SDM "EPT and Memory Typing"; 2, 3 and 7 are misconfigurations. */
static bool ept_memory_type(unsigned value, enum ref_memory_type *type)
{
	switch (value) {
	case 0:
		*type = REF_TYPE_UC;
		return true;
	case 1:
		*type = REF_TYPE_WC;
		return true;
	case 4:
		*type = REF_TYPE_WT;
		return true;
	case 5:
		*type = REF_TYPE_WP;
		return true;
	case 6:
		*type = REF_TYPE_WB;
		return true;
	default:
		return false;
	}
}

static bool ept_is_leaf(const struct ref_cpu *cpu, uint64_t entry, unsigned level)
{
	if (level == 0)
		return true; /* bit 7 is ignored there */
	if (level == 2 && !cpu->page_1g)
		return false; /* bit 7 is reserved then, and found so below */
	return level <= 2 && ref_has(entry, EPT_LARGE);
}

/*
 * Bits that have to be 0, from the format tables; 63:52 are ignored or belong to features left off.
 */
static uint64_t ept_reserved(const struct ref_cpu *cpu, unsigned level, bool leaf)
{
	uint64_t reserved = ref_bits(51, cpu->pa_bits);

	if (!leaf)
		return reserved | ref_bits(7, 3);
	/* 20:12 of a 2 MiB page, 29:12 of a 1 GiB page: unlike AMD's, bit 12 too. */
	return level == 0 ? reserved : reserved | ref_bits(11 + 9 * level, 12);
}

static void ept_decode_entry(const struct ref_cpu *cpu, const struct ref_root *root, uint64_t entry,
			     unsigned level, struct ref_entry *out)
{
	bool read = ref_has(entry, EPT_READ);
	bool write = ref_has(entry, EPT_WRITE);
	bool execute = ref_has(entry, EPT_EXECUTE);
	bool execute_user = cpu->mode_based_execute ? ref_has(entry, EPT_EXECUTE_U) : execute;
	bool leaf = ept_is_leaf(cpu, entry, level);

	/*
	 * "EPT Translation Mechanism": present when any of bits 2:0 is 1, and with mode-based
	 * execute control also when bit 10 is. Otherwise all other bits are ignored.
	 */
	if (!read && !write && !execute && !execute_user) {
		out->kind = REF_ENTRY_ABSENT;
		out->fault = REF_FAULT_TRANSLATION;
		return;
	}

	/* "EPT Misconfigurations". Each of them comes before any question of permission. */
	if (write && !read) {
		ref_malformed(out, REF_FAULT_RESERVED);
		return;
	}
	if (!read && (execute || execute_user) && !cpu->execute_only) {
		ref_malformed(out, REF_FAULT_RESERVED);
		return;
	}
	if (entry & ept_reserved(cpu, level, leaf)) {
		ref_malformed(out, REF_FAULT_RESERVED);
		return;
	}
	if (leaf && !ept_memory_type(ref_field(entry, 5, 3), &out->type)) {
		ref_malformed(out, REF_FAULT_RESERVED);
		return;
	}

	out->kind = leaf ? REF_ENTRY_LEAF : REF_ENTRY_TABLE;
	out->address = entry & ref_bits(51, leaf ? 12 + 9 * level : 12);
	out->permissions.read = read;
	out->permissions.write = write;
	out->permissions.execute_kernel = execute;
	out->permissions.execute_user = execute_user;
	out->ignore_pat = leaf && ref_has(entry, EPT_IGNORE_PAT);

	/*
	 * "Accessed and Dirty Flags for EPT": bit 8 at every level, bit 9 of the leaf; else
	 * ignored.
	 */
	if (root->hardware_accessed) {
		out->accessed = ref_has(entry, EPT_ACCESSED);
		out->accessed_bit = ref_bit(EPT_ACCESSED);
		out->dirty = leaf && ref_has(entry, EPT_DIRTY);
		out->dirty_bit = leaf ? ref_bit(EPT_DIRTY) : 0;
	}
}

/*
 * "Accessed and Dirty Flags for EPT": with the flags on, the processor's accesses to the guest's
 * paging structures are treated as writes, for permissions too.
 */
const struct ref_format ref_ept = {
	.decode_root = ept_decode_root,
	.decode_entry = ept_decode_entry,
	.table_walk_writes_with_accessed = true,
};
