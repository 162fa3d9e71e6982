/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree below the region set: nodes, the way to an entry, and the one function that changes
 * entries. For region.c alone. The why is in region_tree.c.
 */
#ifndef AX_REGION_TREE_H
#define AX_REGION_TREE_H

#include "region.h"

#pragma GCC visibility push(hidden)

/**
 * struct ax_region_path - The way from the root to a region.
 * @node: By level, the leaf first.
 * @slot: In each of them, the entry. In the leaf it may be one past the last.
 */
struct ax_region_path {
	struct ax_region_node *node[AX_REGION_MAX_LEVELS];
	unsigned slot[AX_REGION_MAX_LEVELS];
};

/**
 * struct ax_region_holes - What a change did to the holes of a node.
 * @lost: No hole that vanished is larger; was in the node before the change, or is 0.
 * @gained: No hole that appeared is larger; is in the node after the change, or is 0.
 */
struct ax_region_holes {
	uint64_t lost;
	uint64_t gained;
};

/**
 * ax_region_search() - The first entry of a node that ends at or after @addr; the last entry if
 *	none does.
 * @node: Not empty.
 * @addr: Any address.
 *
 * In quarters, and by arithmetic. Where @addr lies among the entries cannot be predicted, so a
 * branch on it costs more than it saves; and three loads that do not wait for each other cost
 * little more than one, so that a search waits for the memory half as often.
 */
static inline const union ax_region_entry *ax_region_search(const struct ax_region_node *node,
							    uint64_t addr)
{
	const union ax_region_entry *base = node->entry;
	size_t n = node->count;
	size_t below;

	while (n > 4) {
		size_t quarter = n / 4;

		below = (size_t)(base[quarter - 1].span.last < addr) +
			(size_t)(base[2 * quarter - 1].span.last < addr) +
			(size_t)(base[3 * quarter - 1].span.last < addr);
		base += quarter * below;
		n -= 3 * quarter;
	}
	below = 0;
	for (size_t i = 0; i + 1 < n; i++)
		below += base[i].span.last < addr;
	return base + below;
}

/**
 * ax_region_move() - Move entries, within a node or between two.
 * @to: May overlap @from.
 * @from: The first.
 * @count: How many.
 *
 * By the compiler's own name for memmove(): it asks no header of us, and every environment has the
 * function, because compilers call it anyway.
 */
static inline void ax_region_move(union ax_region_entry *to, const union ax_region_entry *from,
				  unsigned count)
{
	__builtin_memmove(to, from, count * sizeof(*to));
}

/** ax_region_at() - The region that a path leads to. Not for one that leads past the last. */
static inline struct ax_region *ax_region_at(const struct ax_region_path *path)
{
	return &path->node[0]->entry[path->slot[0]].region;
}

/**
 * ax_region_seek() - Find the way to the first region that ends at or after @addr.
 * @set: Where.
 * @addr: Any address.
 * @path: The way; untouched when the set is empty.
 *
 * Return: true, or false if there is no such region: then the way leads past the last of the set.
 */
bool ax_region_seek(const struct ax_region_set *set, uint64_t addr, struct ax_region_path *path);

/**
 * ax_region_full_levels() - How many nodes of a path, from the leaf upwards, have no room for one
 *	more entry.
 * @set: Not empty.
 * @path: A way in it.
 */
unsigned ax_region_full_levels(const struct ax_region_set *set, const struct ax_region_path *path);

/**
 * ax_region_splice() - Replace entries of one leaf.
 * @set: Where. In an empty one, @drop is 0 and @path does not matter.
 * @path: To the first entry to be replaced. Of no use afterwards.
 * @drop: How many are replaced.
 * @regions: What replaces them. Not in the leaf itself.
 * @count: How many; not more than @drop + 1.
 * @pool: Gives and takes nodes.
 */
void ax_region_splice(struct ax_region_set *set, struct ax_region_path *path, unsigned drop,
		      const struct ax_region *regions, unsigned count, struct ax_pool *pool);

/**
 * ax_region_settle() - Mend the tree above a leaf whose entries were changed in place.
 * @set: Where.
 * @path: To the leaf. Of no use afterwards.
 * @holes: What the change did.
 * @pool: Takes nodes.
 */
void ax_region_settle(struct ax_region_set *set, struct ax_region_path *path,
		      struct ax_region_holes holes, struct ax_pool *pool);

#pragma GCC visibility pop

#endif /* AX_REGION_TREE_H */
