/* SPDX-License-Identifier: Apache-2.0 */
#include "tlb_tree.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mock_port.h"
#include "story.h"

#define BUCKETS 4096u

static struct {
	struct ref_cpu cpu;
	struct ref_root registers;
	const struct ref_format *format;
	struct tlb_table *root;
	struct tlb_table *buckets[BUCKETS];
} tree;

static const struct ref_permissions everything = {true, true, true, true};

static struct tlb_table **bucket_of(uint64_t hpa)
{
	return &tree.buckets[(hpa >> 12) * 2654435761u % BUCKETS];
}

void tlb_tree_end(void)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		while (tree.buckets[i])
			tlb_tree_remove(tree.buckets[i]);
	}
	tree.root = NULL;
}

void tlb_tree_begin(const struct ref_cpu *cpu)
{
	tlb_tree_end();
	tree.cpu = *cpu;
	tree.format = ref_format_of(cpu);
	if (ref_decode_root(cpu, &tree.registers) != REF_ROOT_OK)
		FAIL("the registers are wrong");
	tree.root =
		tlb_tree_add(tree.registers.table, 0, tree.registers.levels - 1, NULL, &everything);
}

struct tlb_table *tlb_tree_root(void)
{
	return tree.root;
}

struct tlb_table *tlb_tree_add(uint64_t hpa, uint64_t gpa, unsigned level, struct tlb_table *above,
			       const struct ref_permissions *permissions)
{
	size_t count = (size_t)ref_table_entries(&tree.registers, level);
	struct tlb_table **bucket = bucket_of(hpa);
	struct tlb_table *table;

	if (!mock_is_held(hpa))
		FAIL("an entry leads to a table at %#" PRIx64 ", which the port did not hand out",
		     hpa);
	table = calloc(1, sizeof(*table) + count * sizeof(table->current[0]));
	if (!table)
		FAIL("the test itself ran out of memory");
	table->hpa = hpa;
	table->gpa = gpa;
	table->level = level;
	table->count = count;
	table->permissions = *permissions;
	table->linked = true;
	table->above = above;
	table->next = *bucket;
	*bucket = table;
	return table;
}

void tlb_tree_remove(struct tlb_table *table)
{
	struct tlb_table **link = bucket_of(table->hpa);

	while (*link != table)
		link = &(*link)->next;
	*link = table->next;
	free(table);
}

struct tlb_table *tlb_tree_find(uint64_t hpa)
{
	struct tlb_table *table;

	/* A root may be more than one frame, or less. */
	if (tree.root && hpa - tree.root->hpa < tree.root->count * 8)
		return tree.root;
	for (table = *bucket_of(hpa); table; table = table->next) {
		if (table->hpa == (hpa & ~UINT64_C(0xfff)))
			return table;
	}
	return NULL;
}

void tlb_tree_each(void (*visit)(struct tlb_table *table))
{
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct tlb_table *table = tree.buckets[i]; table; table = table->next)
			visit(table);
	}
}

static uint64_t span_of(unsigned level)
{
	return UINT64_C(1) << ref_level_shift(&tree.registers, level);
}

uint64_t tlb_table_last(const struct tlb_table *table)
{
	return table->gpa + (table->count * span_of(table->level) - 1);
}

enum ref_entry_kind tlb_decode(const struct tlb_table *table, size_t index, uint64_t entry,
			       struct ref_entry *decoded, struct translation *out)
{
	const struct ref_permissions *way = &table->permissions;
	uint64_t span = span_of(table->level);

	memset(decoded, 0, sizeof(*decoded));
	/* Most entries are this; in no format it is anything but absent. */
	if (entry == 0)
		return decoded->kind = REF_ENTRY_ABSENT;
	tree.format->decode_entry(&tree.cpu, &tree.registers, entry, table->level, decoded);
	decoded->permissions.read &= way->read;
	decoded->permissions.write &= way->write;
	decoded->permissions.execute_kernel &= way->execute_kernel;
	decoded->permissions.execute_user &= way->execute_user;
	*out = (struct translation){
		.gpa = table->gpa + index * span,
		.last = table->gpa + index * span + (span - 1),
		.hpa = decoded->address,
		.permissions = decoded->permissions,
		.type = decoded->type,
		.shareability = decoded->shareability,
	};
	return decoded->kind;
}

bool tlb_tree_translate(uint64_t gpa, struct translation *out)
{
	const struct tlb_table *table = tree.root;
	struct ref_entry decoded;

	if (gpa > tlb_table_last(table))
		return false;
	while (table) {
		size_t index = (size_t)((gpa - table->gpa) / span_of(table->level));
		enum ref_entry_kind kind =
			tlb_decode(table, index, table->current[index], &decoded, out);

		if (kind != REF_ENTRY_TABLE)
			return kind == REF_ENTRY_LEAF;
		table = tlb_tree_find(decoded.address);
	}
	return false;
}

bool permissions_equal(const struct ref_permissions *a, const struct ref_permissions *b)
{
	return a->read == b->read && a->write == b->write &&
	       a->execute_kernel == b->execute_kernel && a->execute_user == b->execute_user;
}

bool translation_agrees(const struct translation *a, const struct translation *b, uint64_t gpa)
{
	return a->hpa + (gpa - a->gpa) == b->hpa + (gpa - b->gpa) && a->type == b->type &&
	       a->shareability == b->shareability &&
	       permissions_equal(&a->permissions, &b->permissions);
}
