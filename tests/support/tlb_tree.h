/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables that hardware can reach, as it saw them last: for the model of the TLB, which compares
 * each store with what was there before. Entries are decoded by the reference walkers.
 */
#ifndef TESTS_SUPPORT_TLB_TREE_H
#define TESTS_SUPPORT_TLB_TREE_H

#include <stddef.h>

#include "formats.h"
#include "ref_internal.h"

/**
 * struct translation - What a leaf says of guest addresses.
 * @gpa: First guest byte.
 * @last: Last guest byte.
 * @hpa: Host byte behind the first.
 */
struct translation {
	uint64_t gpa;
	uint64_t last;
	uint64_t hpa;
	struct ref_permissions permissions;
	enum ref_memory_type type;
	enum ref_shareability shareability;
};

/**
 * struct tlb_table - A table that some CPU can walk to.
 * @hpa: Of its first entry.
 * @gpa: First guest byte below it.
 * @level: Of its entries.
 * @count: Its entries.
 * @permissions: Of the way to it.
 * @linked: Entries lead to it from the root.
 * @cached: CPUs whose walk caches may still lead to it although no entry does.
 * @fresh: CPUs that may still believe that the entry leading to it is absent.
 * @born: The operation that linked it, as the model counts them.
 * @above: The table that it is linked in. NULL: it is the root.
 * @next: In the hash.
 * @current: The entries.
 */
struct tlb_table {
	uint64_t hpa;
	uint64_t gpa;
	unsigned level;
	size_t count;
	struct ref_permissions permissions;
	bool linked;
	unsigned cached;
	unsigned fresh;
	unsigned long born;
	struct tlb_table *above;
	struct tlb_table *next;
	uint64_t current[];
};

/** tlb_tree_begin() - Nothing is known of the tables behind these registers but where the root is. */
void tlb_tree_begin(const struct ref_cpu *cpu);

/** tlb_tree_end() - Forget everything. */
void tlb_tree_end(void);

/** tlb_tree_root() - The root. */
struct tlb_table *tlb_tree_root(void);

/** tlb_tree_add() - A new table, all entries 0, linked; the test fails when it is none of the port's. */
struct tlb_table *tlb_tree_add(uint64_t hpa, uint64_t gpa, unsigned level, struct tlb_table *above,
			       const struct ref_permissions *permissions);

/** tlb_tree_remove() - No CPU can reach it any more. */
void tlb_tree_remove(struct tlb_table *table);

/** tlb_tree_find() - The table that an address is in, or NULL. */
struct tlb_table *tlb_tree_find(uint64_t hpa);

/** tlb_tree_each() - Visit every table, in any order. */
void tlb_tree_each(void (*visit)(struct tlb_table *table));

/** tlb_table_last() - Last guest byte below a table. */
uint64_t tlb_table_last(const struct tlb_table *table);

/** tlb_decode() - What hardware makes of an entry at a place of a table. */
enum ref_entry_kind tlb_decode(const struct tlb_table *table, size_t index, uint64_t entry,
			       struct ref_entry *decoded, struct translation *out);

/** tlb_tree_translate() - What the tables say of a guest byte now; false: nothing. */
bool tlb_tree_translate(uint64_t gpa, struct translation *out);

/** translation_agrees() - Whether both say the same of the guest byte, which is in both. */
bool translation_agrees(const struct translation *a, const struct translation *b, uint64_t gpa);

/** permissions_equal() - Whether both allow the same. */
bool permissions_equal(const struct ref_permissions *a, const struct ref_permissions *b);

#endif /* TESTS_SUPPORT_TLB_TREE_H */
