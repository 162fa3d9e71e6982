/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enumeration of a whole tree, depth first, over an explicit stack of one frame a level. A set of
 * the pages that tables lie in makes sure that no table is entered twice, so loops end.
 */
#include <stdlib.h>
#include <string.h>

#include "ref_internal.h"

/* 2^20 tables are 4 GiB of them: more is a runaway, not a test. */
#define TABLES_MAX (UINT64_C(1) << 20)

/* Open addressing; a slot holds the page number plus one, 0 is free. */
struct page_set {
	uint64_t *slots;
	uint64_t capacity;
	uint64_t count;
};

struct frame {
	struct ref_table table;
	uint64_t index;
	uint64_t count;
	uint64_t present;
	struct ref_permissions permissions;
	struct ref_entry previous; /* the neighbour below, for the checks of groups */
	uint64_t previous_raw;
};

struct scan {
	const struct ref_cpu *cpu;
	const struct ref_memory *memory;
	const struct ref_visitor *visitor;
	const struct ref_format *format;
	struct ref_summary *summary;
	struct ref_root root;
	struct page_set pages;
	struct frame frames[REF_LEVELS_MAX];
	unsigned depth;
	bool stopped;
};

static uint64_t *set_slot(const struct page_set *set, uint64_t key)
{
	uint64_t hash = key * UINT64_C(0x9e3779b97f4a7c15);

	for (uint64_t i = hash >> 32;; i++) {
		uint64_t *slot = &set->slots[i & (set->capacity - 1)];

		if (*slot == 0 || *slot == key)
			return slot;
	}
}

static bool set_grow(struct page_set *set)
{
	struct page_set larger = {.capacity = set->capacity ? set->capacity * 2 : 1024};

	larger.slots = calloc(larger.capacity, sizeof(*larger.slots));
	if (!larger.slots)
		return false;
	larger.count = set->count;
	for (uint64_t i = 0; i < set->capacity; i++) {
		if (set->slots[i])
			*set_slot(&larger, set->slots[i]) = set->slots[i];
	}
	free(set->slots);
	*set = larger;
	return true;
}

/* Returns false without memory; *known tells whether the page was there already. */
static bool set_add(struct page_set *set, uint64_t page, bool *known)
{
	uint64_t *slot;

	if (2 * (set->count + 1) > set->capacity && !set_grow(set))
		return false;
	slot = set_slot(set, page + 1);
	*known = *slot != 0;
	if (!*known) {
		*slot = page + 1;
		set->count++;
	}
	return true;
}

static void report(struct scan *scan, const struct ref_problem *problem)
{
	struct ref_summary *summary = scan->summary;

	summary->problems++;
	switch (problem->kind) {
	case REF_PROBLEM_MALFORMED:
		summary->malformed++;
		break;
	case REF_PROBLEM_BUS:
		summary->bus++;
		break;
	case REF_PROBLEM_SHARED:
		summary->shared++;
		break;
	case REF_PROBLEM_LOOP:
		summary->loops++;
		break;
	case REF_PROBLEM_EMPTY:
		summary->empty++;
		break;
	case REF_PROBLEM_GROUP:
		summary->groups++;
		break;
	case REF_PROBLEM_UNREACHABLE:
		summary->unreachable++;
		break;
	case REF_PROBLEM_LIMIT:
		summary->limits++;
		scan->stopped = true;
		break;
	}
	if (scan->visitor && scan->visitor->problem)
		scan->visitor->problem(scan->visitor->context, problem);
}

static bool above(const struct scan *scan, uint64_t hpa)
{
	for (unsigned i = 0; i < scan->depth; i++) {
		const struct ref_table *table = &scan->frames[i].table;

		if (hpa >= table->hpa && hpa - table->hpa < table->size)
			return true;
	}
	return false;
}

/* Claims every page of the table; `found` describes the entry that leads to it. */
static bool claim(struct scan *scan, const struct ref_table *table, struct ref_problem *found)
{
	uint64_t first = table->hpa >> 12;
	uint64_t last = (table->hpa + table->size - 1) >> 12;
	bool taken = false;

	for (uint64_t page = first; page <= last; page++) {
		bool known;

		if (!set_add(&scan->pages, page, &known)) {
			found->kind = REF_PROBLEM_LIMIT;
			report(scan, found);
			return false;
		}
		taken |= known;
	}
	if (taken) {
		found->kind = above(scan, table->hpa) ? REF_PROBLEM_LOOP : REF_PROBLEM_SHARED;
		report(scan, found);
		return false;
	}
	if (scan->summary->tables >= TABLES_MAX) {
		found->kind = REF_PROBLEM_LIMIT;
		report(scan, found);
		return false;
	}
	return true;
}

static void enter(struct scan *scan, const struct ref_table *table,
		  const struct ref_permissions *permissions, struct ref_problem *found)
{
	struct frame *frame;

	if (!claim(scan, table, found))
		return;
	frame = &scan->frames[scan->depth++];
	memset(frame, 0, sizeof(*frame));
	frame->table = *table;
	frame->count = ref_table_entries(&scan->root, table->level);
	frame->permissions = *permissions;
	scan->summary->tables++;
	scan->summary->table_bytes += table->size;
	if (scan->visitor && scan->visitor->table)
		scan->visitor->table(scan->visitor->context, table);
}

/* Do two neighbours, `low` just before `high`, belong to one block as its rules want? */
static bool agree(const struct ref_entry *low, uint64_t low_raw, const struct ref_entry *high,
		  uint64_t high_raw, uint64_t span)
{
	if (low->kind != REF_ENTRY_LEAF || high->kind != REF_ENTRY_LEAF)
		return false;
	if (low->group != high->group || low->napot != high->napot || low->same != high->same)
		return false;
	if ((low_raw ^ high_raw) & low->same)
		return false;
	return high->address == low->address + (low->napot ? 0 : span);
}

/*
 * A TLB may answer for a whole block from any one of its entries, so all must tell the same. Each
 * entry is compared with the one before it; that of the block's first slot with its own alignment.
 */
static void check_group(struct scan *scan, const struct frame *frame,
			const struct ref_entry *decoded, uint64_t span, struct ref_problem *found)
{
	uint64_t group =
		decoded->group > frame->previous.group ? decoded->group : frame->previous.group;
	uint64_t mask = group / span - 1;
	bool bad;

	if (group <= span)
		return;
	if (frame->index & mask)
		bad = !agree(&frame->previous, frame->previous_raw, decoded, found->entry, span);
	else
		bad = decoded->group > span && (decoded->address & (decoded->group - 1));
	if (!bad)
		return;
	found->kind = REF_PROBLEM_GROUP;
	found->fault = REF_FAULT_NONE;
	report(scan, found);
}

static void emit_leaf(struct scan *scan, const struct frame *frame, const struct ref_entry *decoded,
		      const struct ref_permissions *permissions, const struct ref_problem *found)
{
	uint64_t span = ref_bit(ref_level_shift(&scan->root, frame->table.level));
	struct ref_leaf leaf;

	ref_fill_leaf(decoded, found->entry, found->hpa, found->gpa, frame->table.level, span,
		      &leaf);
	leaf.permissions = *permissions;
	scan->summary->leaves++;
	scan->summary->leaves_at[leaf.level]++;
	scan->summary->mapped += span;
	if (scan->visitor && scan->visitor->leaf)
		scan->visitor->leaf(scan->visitor->context, &leaf);
}

static void scan_present(struct scan *scan, struct frame *frame, const struct ref_entry *decoded,
			 struct ref_problem *found)
{
	struct ref_permissions permissions = frame->permissions;
	struct ref_table table;

	frame->present++;
	if (decoded->kind == REF_ENTRY_MALFORMED) {
		found->kind = REF_PROBLEM_MALFORMED;
		found->fault = decoded->fault;
		report(scan, found);
		return;
	}
	if (found->gpa >> scan->root.gpa_bits) {
		found->kind = REF_PROBLEM_UNREACHABLE;
		report(scan, found);
	}
	permissions.read &= decoded->permissions.read;
	permissions.write &= decoded->permissions.write;
	permissions.execute_kernel &= decoded->permissions.execute_kernel;
	permissions.execute_user &= decoded->permissions.execute_user;
	if (decoded->kind == REF_ENTRY_LEAF) {
		emit_leaf(scan, frame, decoded, &permissions, found);
		return;
	}
	table.hpa = decoded->address;
	table.size = ref_bit(scan->root.page_shift);
	table.gpa = found->gpa;
	table.level = frame->table.level - 1;
	enter(scan, &table, &permissions, found);
}

static void scan_entry(struct scan *scan, struct frame *frame)
{
	unsigned level = frame->table.level;
	uint64_t span = ref_bit(ref_level_shift(&scan->root, level));
	struct ref_entry decoded;
	struct ref_problem found;

	memset(&found, 0, sizeof(found));
	found.level = level;
	found.hpa = frame->table.hpa + frame->index * 8;
	found.gpa = frame->table.gpa + frame->index * span;
	if (!scan->memory->read(scan->memory->context, found.hpa, &found.entry)) {
		found.kind = REF_PROBLEM_BUS;
		found.entry = 0;
		frame->present++; /* who knows: not to be called empty */
		frame->index = frame->count;
		report(scan, &found);
		return;
	}

	memset(&decoded, 0, sizeof(decoded));
	scan->format->decode_entry(scan->cpu, &scan->root, found.entry, level, &decoded);
	if (decoded.kind != REF_ENTRY_LEAF)
		decoded.group = 0;
	check_group(scan, frame, &decoded, span, &found);
	frame->previous = decoded;
	frame->previous_raw = found.entry;
	frame->index++;
	if (decoded.kind != REF_ENTRY_ABSENT)
		scan_present(scan, frame, &decoded, &found);
	else if (found.entry)
		scan->summary->invalid_nonzero++;
}

static void leave(struct scan *scan, const struct frame *frame)
{
	struct ref_problem empty = {
		.kind = REF_PROBLEM_EMPTY,
		.hpa = frame->table.hpa,
		.gpa = frame->table.gpa,
		.level = frame->table.level,
	};

	scan->depth--;
	if (scan->depth && !frame->present)
		report(scan, &empty);
}

bool ref_scan(const struct ref_cpu *cpu, const struct ref_memory *memory,
	      const struct ref_visitor *visitor, struct ref_summary *out)
{
	const struct ref_permissions all = {true, true, true, true};
	struct ref_problem found;
	struct ref_summary summary;
	struct ref_table table;
	struct scan scan;

	memset(&summary, 0, sizeof(summary));
	memset(&scan, 0, sizeof(scan));
	memset(&found, 0, sizeof(found));
	scan.cpu = cpu;
	scan.memory = memory;
	scan.visitor = visitor;
	scan.format = ref_format_of(cpu);
	scan.summary = &summary;
	summary.root_error = ref_decode_root(cpu, &scan.root);
	if (summary.root_error == REF_ROOT_OK) {
		table.hpa = scan.root.table;
		table.size = scan.root.size;
		table.gpa = 0;
		table.level = scan.root.levels - 1;
		enter(&scan, &table, &all, &found);
		while (scan.depth && !scan.stopped) {
			struct frame *frame = &scan.frames[scan.depth - 1];

			if (frame->index == frame->count)
				leave(&scan, frame);
			else
				scan_entry(&scan, frame);
		}
	}
	free(scan.pages.slots);
	if (out)
		*out = summary;
	return summary.root_error == REF_ROOT_OK && summary.problems == 0;
}
