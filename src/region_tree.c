/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree below the region set: a B+tree of whole frames.
 *
 * A search looks at the last bytes only: in each node it takes the first entry that does not end
 * below the address. A branch's bounds are exact (the first byte of the first region below, the
 * last byte of the last one), so the search never enters a subtree that turns out to end too
 * early, and never goes sideways.
 *
 * Every change is a splice: some entries of one leaf are replaced by others, one more at most.
 * Before it, make_room() splits what is full, from the top of the full part of the path downwards,
 * so that each split finds room above it. After it, ax_region_settle() goes up the path: it mends
 * the nodes that have become too sparse, brings the branches up to date, and stops where nothing
 * changes any more.
 *
 * The largest hole below a branch is kept up to date without looking at all entries of the node.
 * The largest hole near the change is known as it was and as it is. Only when the one that vanished
 * may have been the largest of all is the node scanned, and the scan ends as soon as it finds
 * another one as large. Splits, merges and shifts between siblings change neither regions nor
 * holes, so nothing above the parent needs to hear of them.
 */
#include "region_tree.h"

#define CAPACITY  ((unsigned)AX_REGION_NODE_CAPACITY)
#define COUNT_MIN ((unsigned)AX_REGION_NODE_MIN)

/*
 * Siblings become one node when they fill no more than three quarters of it. Were it all of it, the
 * next insert could split it again, and an insert and a remove by turns would cost a split and a
 * merge each time.
 */
#define COUNT_MERGED_MAX (CAPACITY * 3 / 4)

_Static_assert((AX_REGION_NODE_CAPACITY * 3 / 4 + 1) / 2 >= AX_REGION_NODE_MIN,
	       "what is too much to merge is enough for two");

/* Search */

bool ax_region_seek(const struct ax_region_set *set, uint64_t addr, struct ax_region_path *path)
{
	struct ax_region_node *node = set->root;
	const union ax_region_entry *entry;

	if (!node)
		return false;
	for (;;) {
		entry = ax_region_search(node, addr);
		path->node[node->level] = node;
		path->slot[node->level] = (unsigned)(entry - node->entry);
		if (node->level == 0)
			break;
		node = entry->branch.child;
	}
	if (entry->span.last >= addr)
		return true;
	path->slot[0]++;
	return false;
}

/* Holes */

/*
 * The largest hole among the entries @from to @to, inside them or between them. A scan may end at
 * the first one of size @enough.
 */
static uint64_t widest(const struct ax_region_node *node, unsigned from, unsigned to,
		       uint64_t enough)
{
	const union ax_region_entry *entry = node->entry;
	unsigned end = to < node->count ? to + 1 : node->count;
	uint64_t best = 0;

	for (unsigned i = from; node->level > 0 && i < end && best < enough; i++) {
		if (entry[i].branch.gap > best)
			best = entry[i].branch.gap;
	}
	for (unsigned i = from + 1; i < end && best < enough; i++) {
		uint64_t gap = entry[i].span.first - entry[i - 1].span.last - 1;

		if (gap > best)
			best = gap;
	}
	return best;
}

/* What the branch to @node has to say. */
static struct ax_region_branch summary(struct ax_region_node *node)
{
	return (struct ax_region_branch){
		.first = node->entry[0].span.first,
		.last = node->entry[node->count - 1].span.last,
		.gap = widest(node, 0, node->count, UINT64_MAX),
		.child = node,
	};
}

/* Bring a branch up to date. Returns whether it changed. */
static bool refresh(struct ax_region_branch *branch, struct ax_region_holes change)
{
	const struct ax_region_node *node = branch->child;
	uint64_t first = node->entry[0].span.first;
	uint64_t last = node->entry[node->count - 1].span.last;
	uint64_t gap = branch->gap;

	if (change.gained >= gap)
		gap = change.gained;
	else if (change.lost >= gap)
		gap = widest(node, 0, node->count, gap);
	if (branch->first == first && branch->last == last && branch->gap == gap)
		return false;
	branch->first = first;
	branch->last = last;
	branch->gap = gap;
	return true;
}

/* Nodes */

static struct ax_region_node *new_node(struct ax_region_set *set, unsigned level,
				       struct ax_pool *pool)
{
	struct ax_region_node *node = (struct ax_region_node *)(void *)ax_pool_take(pool);

	node->count = 0;
	node->level = level;
	set->nodes++;
	return node;
}

static void free_node(struct ax_region_set *set, struct ax_region_node *node, struct ax_pool *pool)
{
	set->nodes--;
	ax_pool_put(pool, node, node->frame.hpa);
}

static void insert_branch(struct ax_region_node *parent, unsigned slot,
			  struct ax_region_branch branch)
{
	ax_region_move(&parent->entry[slot + 1], &parent->entry[slot], parent->count - slot);
	parent->entry[slot].branch = branch;
	parent->count++;
}

static void remove_branch(struct ax_region_node *parent, unsigned slot)
{
	parent->count--;
	ax_region_move(&parent->entry[slot], &parent->entry[slot + 1], parent->count - slot);
}

unsigned ax_region_full_levels(const struct ax_region_set *set, const struct ax_region_path *path)
{
	unsigned level = 0;

	while (level <= set->root->level && path->node[level]->count == CAPACITY)
		level++;
	return level;
}

/*
 * Where to split a full node. In half, but for a change at either end: regions often arrive in
 * order, and then nothing is ever added to the part behind. It is left as full as the minimum of
 * the other part allows.
 */
static unsigned split_point(const struct ax_region_node *node, unsigned slot)
{
	unsigned end = node->level > 0 ? node->count - 1 : node->count;

	if (slot >= end)
		return node->count - COUNT_MIN;
	return slot == 0 ? COUNT_MIN : node->count / 2;
}

/* Split a node of the path. Its parent has room. The path keeps its meaning. */
static void split(struct ax_region_set *set, struct ax_region_path *path, unsigned level,
		  struct ax_pool *pool)
{
	struct ax_region_node *low = path->node[level];
	struct ax_region_node *high = new_node(set, level, pool);
	struct ax_region_node *parent = path->node[level + 1];
	unsigned slot = path->slot[level + 1];
	unsigned keep = split_point(low, path->slot[level]);

	high->count = low->count - keep;
	low->count = keep;
	ax_region_move(high->entry, &low->entry[keep], high->count);
	parent->entry[slot].branch = summary(low);
	insert_branch(parent, slot + 1, summary(high));
	if (path->slot[level] >= keep) {
		path->node[level] = high;
		path->slot[level] -= keep;
		path->slot[level + 1]++;
	}
}

/* Make room for one more entry in the leaf of the path. */
static void make_room(struct ax_region_set *set, struct ax_region_path *path, struct ax_pool *pool)
{
	unsigned level = ax_region_full_levels(set, path);

	if (level > set->root->level) {
		struct ax_region_node *root = new_node(set, level, pool);

		insert_branch(root, 0, summary(set->root));
		path->node[level] = root;
		path->slot[level] = 0;
		set->root = root;
	}
	while (level-- > 0)
		split(set, path, level, pool);
}

/*
 * A child has too few entries. An empty one is dropped; else it becomes one with a neighbour, or
 * gets entries from it. There is a neighbour: an internal node has two children or more, because
 * COUNT_MIN is at least two, and because a root with one child gives way to it (ax_region_settle()).
 */
static void rebalance(struct ax_region_set *set, struct ax_region_node *parent, unsigned slot,
		      struct ax_pool *pool)
{
	struct ax_region_node *low = parent->entry[slot].branch.child;
	struct ax_region_node *high;
	unsigned total, keep;

	if (low->count == 0) {
		remove_branch(parent, slot);
		free_node(set, low, pool);
		return;
	}
	if (slot > 0)
		slot--;
	low = parent->entry[slot].branch.child;
	high = parent->entry[slot + 1].branch.child;
	total = low->count + high->count;
	keep = total <= COUNT_MERGED_MAX ? total : total / 2;
	if (keep > low->count) {
		ax_region_move(&low->entry[low->count], high->entry, keep - low->count);
		ax_region_move(high->entry, &high->entry[keep - low->count], total - keep);
	} else {
		ax_region_move(&high->entry[low->count - keep], high->entry, high->count);
		ax_region_move(high->entry, &low->entry[keep], low->count - keep);
	}
	low->count = keep;
	high->count = total - keep;
	parent->entry[slot].branch = summary(low);
	if (high->count > 0) {
		parent->entry[slot + 1].branch = summary(high);
	} else {
		remove_branch(parent, slot + 1);
		free_node(set, high, pool);
	}
}

void ax_region_settle(struct ax_region_set *set, struct ax_region_path *path,
		      struct ax_region_holes holes, struct ax_pool *pool)
{
	struct ax_region_node *root;

	for (unsigned level = 0; level < set->root->level; level++) {
		struct ax_region_node *parent = path->node[level + 1];
		unsigned slot = path->slot[level + 1];
		unsigned from = slot < 2 ? 0 : slot - 2; /* rebalance() may change slot - 1. */
		struct ax_region_branch branch = parent->entry[slot].branch;
		bool sparse = path->node[level]->count < COUNT_MIN;

		if (!sparse && !refresh(&branch, holes))
			return;
		holes.lost = widest(parent, from, slot + 2, UINT64_MAX);
		if (sparse)
			rebalance(set, parent, slot, pool);
		else
			parent->entry[slot].branch = branch;
		holes.gained = widest(parent, from, slot + 2, UINT64_MAX);
	}
	root = set->root;
	if (root->count == 0) {
		set->root = NULL;
		free_node(set, root, pool);
	} else if (root->level > 0 && root->count == 1) {
		set->root = root->entry[0].branch.child;
		free_node(set, root, pool);
	}
}

void ax_region_splice(struct ax_region_set *set, struct ax_region_path *path, unsigned drop,
		      const struct ax_region *regions, unsigned count, struct ax_pool *pool)
{
	struct ax_region_node *leaf;
	struct ax_region_holes holes;
	unsigned slot, from;

	if (!set->root) {
		set->root = new_node(set, 0, pool);
		path->node[0] = set->root;
		path->slot[0] = 0;
	}
	if (path->node[0]->count + count > CAPACITY + drop)
		make_room(set, path, pool);
	leaf = path->node[0];
	slot = path->slot[0];
	from = slot > 0 ? slot - 1 : 0;
	holes.lost = widest(leaf, from, slot + drop, UINT64_MAX);
	if (count != drop)
		ax_region_move(&leaf->entry[slot + count], &leaf->entry[slot + drop],
			       leaf->count - slot - drop);
	for (unsigned i = 0; i < count; i++)
		leaf->entry[slot + i].region = regions[i];
	leaf->count += count - drop;
	set->count += count;
	set->count -= drop;
	holes.gained = widest(leaf, from, slot + count, UINT64_MAX);
	ax_region_settle(set, path, holes, pool);
}
