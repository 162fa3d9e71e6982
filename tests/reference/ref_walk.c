/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk of one address: what all formats have in common. A table is indexed by a slice of the
 * address, permissions of the levels are ANDed (formats whose tables carry none say "all"), the
 * leaf is checked last.
 */
#include <stddef.h>
#include <string.h>

#include "ref_internal.h"

const struct ref_format *ref_format_of(const struct ref_cpu *cpu)
{
	switch (cpu->format) {
	case REF_EPT:
		return &ref_ept;
	case REF_NPT:
		return &ref_npt;
	case REF_STAGE2:
		return &ref_stage2;
	case REF_GSTAGE:
		return &ref_gstage;
	}
	return NULL;
}

enum ref_root_error ref_decode_root(const struct ref_cpu *cpu, struct ref_root *out)
{
	const struct ref_format *format = ref_format_of(cpu);
	struct ref_root root;
	enum ref_root_error error;

	memset(&root, 0, sizeof(root));
	error = format ? format->decode_root(cpu, &root) : REF_ROOT_CPU;
	if (out)
		*out = root;
	return error;
}

uint64_t ref_table_entries(const struct ref_root *root, unsigned level)
{
	return level == root->levels - 1 ? root->size / 8 : ref_bit(root->stride);
}

void ref_fill_leaf(const struct ref_entry *decoded, uint64_t entry, uint64_t entry_hpa,
		   uint64_t gpa, unsigned level, uint64_t size, struct ref_leaf *leaf)
{
	memset(leaf, 0, sizeof(*leaf));
	leaf->gpa = gpa & ~(size - 1);
	leaf->size = size;
	leaf->group = decoded->group ? decoded->group : size;
	/* A NAPOT entry stands for the group: its slot gives the low page number bits. */
	leaf->hpa = decoded->address;
	if (decoded->napot)
		leaf->hpa |= leaf->gpa & (leaf->group - 1);
	leaf->entry = entry;
	leaf->entry_hpa = entry_hpa;
	leaf->level = level;
	leaf->type = decoded->type;
	leaf->ignore_pat = decoded->ignore_pat;
	leaf->shareability = decoded->shareability;
	leaf->accessed = decoded->accessed;
	leaf->dirty = decoded->dirty;
}

static bool allows(const struct ref_permissions *have, const struct ref_access *need)
{
	if (need->read && !have->read)
		return false;
	if (need->write && !have->write)
		return false;
	if (need->execute)
		return need->user ? have->execute_user : have->execute_kernel;
	return true;
}

static enum ref_fault check_leaf(const struct ref_format *format, const struct ref_entry *decoded,
				 const struct ref_permissions *have, const struct ref_access *need)
{
	bool denied = !allows(have, need);

	if (denied && format->permission_before_flags)
		return REF_FAULT_PERMISSION;
	if (decoded->accessed_faults)
		return REF_FAULT_ACCESS_FLAG;
	if (denied)
		return REF_FAULT_PERMISSION;
	if (need->write && decoded->dirty_faults)
		return REF_FAULT_DIRTY_FLAG;
	return REF_FAULT_NONE;
}

static void note_update(struct ref_result *out, const struct ref_entry *decoded, bool dirty)
{
	uint64_t bits = decoded->accessed_bit | (dirty ? decoded->dirty_bit : 0);
	uint64_t missing = bits & ~out->entry;

	if (!missing)
		return;
	out->updates[out->update_count].entry_hpa = out->entry_hpa;
	out->updates[out->update_count].bits = missing;
	out->update_count++;
}

static enum ref_fault finish(struct ref_result *out, enum ref_fault fault)
{
	out->fault = fault;
	if (fault != REF_FAULT_NONE)
		out->update_count = 0;
	return fault;
}

static struct ref_access effective_access(const struct ref_format *format,
					  const struct ref_root *root,
					  const struct ref_access *access)
{
	struct ref_access need = *access;

	if (need.table_walk &&
	    (format->table_walk_writes ||
	     (format->table_walk_writes_with_accessed && root->hardware_accessed)))
		need.write = true;
	return need;
}

enum ref_fault ref_walk(const struct ref_cpu *cpu, const struct ref_memory *memory, uint64_t gpa,
			const struct ref_access *access, struct ref_result *out)
{
	const struct ref_format *format = ref_format_of(cpu);
	struct ref_permissions have = {true, true, true, true};
	struct ref_access need;
	struct ref_root root;
	uint64_t table;

	memset(out, 0, sizeof(*out));
	out->root_error = ref_decode_root(cpu, &root);
	if (out->root_error != REF_ROOT_OK)
		return finish(out, REF_FAULT_ROOT);

	out->level = root.levels - 1;
	if (gpa >> root.gpa_bits)
		return finish(out, REF_FAULT_GPA_WIDTH);

	need = effective_access(format, &root, access);
	table = root.table;
	for (unsigned level = root.levels; level-- > 0;) {
		unsigned shift = ref_level_shift(&root, level);
		uint64_t index = (gpa >> shift) & (ref_table_entries(&root, level) - 1);
		struct ref_entry decoded;

		out->level = level;
		out->entry_hpa = table + index * 8;
		out->entry = 0;
		if (!memory->read(memory->context, out->entry_hpa, &out->entry))
			return finish(out, REF_FAULT_BUS);

		memset(&decoded, 0, sizeof(decoded));
		format->decode_entry(cpu, &root, out->entry, level, &decoded);
		if (decoded.kind == REF_ENTRY_ABSENT || decoded.kind == REF_ENTRY_MALFORMED)
			return finish(out, decoded.fault);

		have.read &= decoded.permissions.read;
		have.write &= decoded.permissions.write;
		have.execute_kernel &= decoded.permissions.execute_kernel;
		have.execute_user &= decoded.permissions.execute_user;
		if (decoded.kind == REF_ENTRY_TABLE) {
			note_update(out, &decoded, false);
			table = decoded.address;
			continue;
		}

		ref_fill_leaf(&decoded, out->entry, out->entry_hpa, gpa, level, ref_bit(shift),
			      &out->leaf);
		out->leaf.permissions = have;
		out->hpa = out->leaf.hpa + (gpa - out->leaf.gpa);
		note_update(out, &decoded, need.write);
		return finish(out, check_leaf(format, &decoded, &have, &need));
	}
	/* Not reached: no format has tables below level 0. */
	return finish(out, REF_FAULT_TRANSLATION);
}

const char *ref_fault_name(enum ref_fault fault)
{
	static const char *const names[] = {
		[REF_FAULT_NONE] = "none",
		[REF_FAULT_ROOT] = "bad registers",
		[REF_FAULT_GPA_WIDTH] = "GPA too wide",
		[REF_FAULT_BUS] = "bus error",
		[REF_FAULT_TRANSLATION] = "translation",
		[REF_FAULT_RESERVED] = "reserved",
		[REF_FAULT_MISALIGNED] = "misaligned superpage",
		[REF_FAULT_ADDRESS_SIZE] = "address size",
		[REF_FAULT_ACCESS_FLAG] = "access flag",
		[REF_FAULT_DIRTY_FLAG] = "dirty flag",
		[REF_FAULT_PERMISSION] = "permission",
	};

	return (unsigned)fault < sizeof(names) / sizeof(names[0]) ? names[fault] : "?";
}

const char *ref_root_error_name(enum ref_root_error error)
{
	static const char *const names[] = {
		[REF_ROOT_OK] = "ok",
		[REF_ROOT_CPU] = "senseless CPU",
		[REF_ROOT_RESERVED] = "reserved",
		[REF_ROOT_ALIGNMENT] = "alignment",
		[REF_ROOT_ADDRESS_WIDTH] = "address width",
		[REF_ROOT_MODE] = "mode",
		[REF_ROOT_LEVELS] = "levels",
		[REF_ROOT_MEMORY_TYPE] = "memory type",
		[REF_ROOT_CAPABILITY] = "capability",
		[REF_ROOT_GRANULE] = "granule",
		[REF_ROOT_INPUT_SIZE] = "input size",
		[REF_ROOT_START_LEVEL] = "start level",
		[REF_ROOT_OUTPUT_SIZE] = "output size",
	};

	return (unsigned)error < sizeof(names) / sizeof(names[0]) ? names[error] : "?";
}

const char *ref_problem_name(enum ref_problem_kind kind)
{
	static const char *const names[] = {
		[REF_PROBLEM_MALFORMED] = "malformed entry",
		[REF_PROBLEM_BUS] = "unreadable table",
		[REF_PROBLEM_SHARED] = "table reached twice",
		[REF_PROBLEM_LOOP] = "loop",
		[REF_PROBLEM_EMPTY] = "empty table",
		[REF_PROBLEM_GROUP] = "inconsistent group",
		[REF_PROBLEM_UNREACHABLE] = "unreachable",
		[REF_PROBLEM_LIMIT] = "scan cut short",
	};

	return (unsigned)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "?";
}
