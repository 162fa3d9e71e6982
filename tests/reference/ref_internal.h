/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the format files and the walk: one format decodes its registers and single entries; the
 * walk and the scan put entries together and know no format.
 */
#ifndef REF_INTERNAL_H
#define REF_INTERNAL_H

#include "reference.h"

enum ref_entry_kind {
	REF_ENTRY_ABSENT,
	REF_ENTRY_TABLE,
	REF_ENTRY_LEAF,
	REF_ENTRY_MALFORMED,
};

/*
 * One decoded entry. `fault` tells what ABSENT and MALFORMED end in. `address` is the next table or
 * the page; with `napot` it is the first page of the whole group. `same` are the bits in which the
 * entries of a group have to agree.
 */
struct ref_entry {
	enum ref_entry_kind kind;
	enum ref_fault fault;
	uint64_t address;
	uint64_t group;
	uint64_t same;
	struct ref_permissions permissions;
	enum ref_memory_type type;
	enum ref_shareability shareability;
	bool ignore_pat;
	bool napot;
	bool accessed;
	bool dirty;
	bool accessed_faults;  /* the flag is 0 and nobody but software sets it */
	bool dirty_faults;     /* likewise, for writes */
	uint64_t accessed_bit; /* what hardware sets on any use of the entry */
	uint64_t dirty_bit;    /* what hardware sets on a write */
};

struct ref_format {
	enum ref_root_error (*decode_root)(const struct ref_cpu *cpu, struct ref_root *root);
	void (*decode_entry)(const struct ref_cpu *cpu, const struct ref_root *root, uint64_t entry,
			     unsigned level, struct ref_entry *out);
	/* Which of two faults of one leaf is the one reported. */
	bool permission_before_flags;
	/* The guest's own table walk counts as a write: always, or with accessed flags only. */
	bool table_walk_writes;
	bool table_walk_writes_with_accessed;
};

extern const struct ref_format ref_ept;
extern const struct ref_format ref_npt;
extern const struct ref_format ref_stage2;
extern const struct ref_format ref_gstage;

/* NULL when there is no such format. */
const struct ref_format *ref_format_of(const struct ref_cpu *cpu);

/* Entries of a table at this level. */
uint64_t ref_table_entries(const struct ref_root *root, unsigned level);

/* Fills everything of a leaf but its effective permissions. */
void ref_fill_leaf(const struct ref_entry *decoded, uint64_t entry, uint64_t entry_hpa,
		   uint64_t gpa, unsigned level, uint64_t size, struct ref_leaf *leaf);

/* Bits high..low, both included; none when high < low. */
static inline uint64_t ref_bits(unsigned high, unsigned low)
{
	if (high < low)
		return 0;
	return (~UINT64_C(0) >> (63 - (high - low))) << low;
}

static inline uint64_t ref_bit(unsigned n)
{
	return UINT64_C(1) << n;
}

static inline bool ref_has(uint64_t value, unsigned n)
{
	return (value >> n) & 1;
}

static inline unsigned ref_field(uint64_t value, unsigned high, unsigned low)
{
	return (unsigned)((value & ref_bits(high, low)) >> low);
}

static inline unsigned ref_level_shift(const struct ref_root *root, unsigned level)
{
	return root->page_shift + root->stride * level;
}

static inline void ref_malformed(struct ref_entry *out, enum ref_fault fault)
{
	out->kind = REF_ENTRY_MALFORMED;
	out->fault = fault;
}

#endif
