/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree below the region set: the one function that changes entries, and what it will take. For
 * region.c alone. The why is in region_tree.c.
 */
#ifndef AX_REGION_TREE_H
#define AX_REGION_TREE_H

#include "region.h"

#pragma GCC visibility push(hidden)

/**
 * ax_region_advance() - Go to the next entry of a node; at its end, of the lowest node above that has one.
 * @set: Where.
 * @path: A way. Below @level it is of no use afterwards.
 * @level: Of the node.
 *
 * Return: true, or false if there is no more.
 */
bool ax_region_advance(const struct ax_region_set *set, struct ax_region_path *path,
		       unsigned *level);

/** ax_region_descend() - From a branch at @level, which is not 0, go to the first entry below. */
void ax_region_descend(struct ax_region_path *path, unsigned level);

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

#pragma GCC visibility pop

#endif /* AX_REGION_TREE_H */
