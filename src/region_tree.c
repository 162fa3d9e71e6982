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
 * so that each split finds room above it. After it, settle() goes up the path: it mends the nodes
 * that have become too sparse, brings the branches up to date, and stops where nothing changes any
 * more.
 *
 * The largest hole below a branch is kept up to date without looking at all entries of the node.
 * The largest hole near the change is known as it was and as it is. Only when the one that vanished
 * may have been the largest of all is the node scanned, and the scan ends as soon as it finds
 * another one as large. Splits, merges and shifts between siblings change neither regions nor
 * holes, so nothing above the parent needs to hear of them.
 */
#include "region_tree.h"

#include "compiler.h"

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

static struct ax_region_node *child_of(struct ax_region_node *node, unsigned slot)
{
	return ax_region_entry(node, slot)->branch.child;
}

/* Search */

/*
 * The place of the first entry of a node, which is not empty, that ends at or after @addr; of the
 * last entry if none does.
 *
 * In quarters, and by arithmetic. Where @addr lies among the entries cannot be predicted, so a
 * branch on it costs more than it saves; and three loads that do not wait for each other cost
 * little more than one.
 */
static unsigned search(const struct ax_region_node *node, uint64_t addr)
{
	const uint64_t *base = node->last;
	size_t n = node->count;
	size_t below;

	while (n > 4) {
		size_t quarter = n / 4;

		below = (size_t)(base[quarter - 1] < addr) +
			(size_t)(base[2 * quarter - 1] < addr) +
			(size_t)(base[3 * quarter - 1] < addr);
		base += quarter * below;
		n -= 3 * quarter;
	}
	below = 0;
	for (size_t i = 0; i + 1 < n; i++)
		below += base[i] < addr;
	return (unsigned)(base + below - node->last);
}

/* Of a node among many, no line is in a cache: ask for those of the search at once. */
static void prefetch(const struct ax_region_node *node)
{
#pragma GCC unroll 16
	for (unsigned i = 0; i < sizeof(*node) - sizeof(node->entry); i += 64)
		__builtin_prefetch((const char *)node + i);
}

bool ax_region_seek(const struct ax_region_set *set, uint64_t addr, struct ax_region_path *path)
{
	struct ax_region_node *node = set->root;

	if (!node)
		return false;
	for (;;) {
		unsigned slot = search(node, addr);

		path->node[node->level] = node;
		path->slot[node->level] = slot;
		if (node->level == 0)
			break;
		node = child_of(node, slot);
		prefetch(node);
	}
	if (node->last[path->slot[0]] >= addr)
		return true;
	path->slot[0]++;
	return false;
}

bool ax_region_advance(const struct ax_region_set *set, struct ax_region_path *path,
		       unsigned *level)
{
	while (path->slot[*level] + 1 == path->node[*level]->count) {
		if (*level == set->root->level)
			return false;
		++*level;
	}
	path->slot[*level]++;
	return true;
}

void ax_region_descend(struct ax_region_path *path, unsigned level)
{
	path->node[level - 1] = child_of(path->node[level], path->slot[level]);
	path->slot[level - 1] = 0;
}

bool ax_region_next(const struct ax_region_set *set, struct ax_region_path *path)
{
	unsigned level = 0;

	if (!ax_region_advance(set, path, &level))
		return false;
	while (level > 0)
		ax_region_descend(path, level--);
	return true;
}

/* The lowest level at which a path has something before it; false: none. */
AX_OUT_OF_LINE static bool level_before(const struct ax_region_set *set,
					const struct ax_region_path *path, unsigned *level)
{
	unsigned levels = set->root ? set->root->level + 1 : 0;

	*level = 0;
	while (*level < levels && path->slot[*level] == 0)
		++*level;
	return *level < levels;
}

uint64_t ax_region_hole_before(const struct ax_region_set *set, const struct ax_region_path *path)
{
	unsigned level;

	if (!level_before(set, path, &level))
		return 0;
	return path->node[level]->last[path->slot[level] - 1] + 1;
}

const struct ax_region *ax_region_before(const struct ax_region_set *set,
					 const struct ax_region_path *path)
{
	const union ax_region_entry *entry;
	unsigned level;

	if (!level_before(set, path, &level))
		return NULL;
	entry = ax_region_entry(path->node[level], path->slot[level] - 1);
	for (; level > 0; level--)
		entry = ax_region_entry(entry->branch.child, entry->branch.child->count - 1);
	return &entry->region;
}

/* Holes */

/**
 * struct holes - What a change did to the holes of a node.
 * @lost: No hole that vanished is larger; was in the node before the change, or is 0.
 * @gained: No hole that appeared is larger; is in the node after the change, or is 0.
 */
struct holes {
	uint64_t lost;
	uint64_t gained;
};

/*
 * The largest hole among the entries @from to @to, inside them or between them. A scan may end at
 * the first one of size @enough.
 */
static uint64_t widest(struct ax_region_node *node, unsigned from, unsigned to, uint64_t enough)
{
	unsigned end = to < node->count ? to + 1 : node->count;
	uint64_t best = 0;

	for (unsigned i = from; i < end && best < enough; i++) {
		const union ax_region_entry *entry = ax_region_entry(node, i);
		uint64_t hole = i > from ? entry->span.first - node->last[i - 1] - 1 : 0;

		if (hole > best)
			best = hole;
		if (node->level > 0 && entry->branch.gap > best)
			best = entry->branch.gap;
	}
	return best;
}

static uint64_t first_of(struct ax_region_node *node)
{
	return ax_region_entry(node, 0)->span.first;
}

static uint64_t last_of(const struct ax_region_node *node)
{
	return node->last[node->count - 1];
}

/* Bring a branch up to date. Returns whether it changed. */
static bool refresh(struct ax_region_branch *branch, struct holes change)
{
	struct ax_region_node *node = branch->child;
	uint64_t first = first_of(node);
	uint64_t last = last_of(node);
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
	for (unsigned i = 0; i < CAPACITY; i++)
		node->order[i] = (uint8_t)i;
	set->nodes++;
	return node;
}

static void free_node(struct ax_region_set *set, struct ax_region_node *node, struct ax_pool *pool)
{
	set->nodes--;
	ax_pool_put(pool, node, node->frame.hpa);
}

/* Replace the entry in a place of a node. */
static void entry_put(struct ax_region_node *node, unsigned slot,
		      const union ax_region_entry *entry)
{
	*ax_region_entry(node, slot) = *entry;
	node->last[slot] = entry->span.last;
}

/*
 * Put an entry before the one that is in @slot. By the compiler's own name for memmove(): it asks no
 * header of us, and every environment has the function, because compilers call it anyway.
 */
static void entry_insert(struct ax_region_node *node, unsigned slot,
			 const union ax_region_entry *entry)
{
	uint8_t number = node->order[node->count];
	unsigned behind = node->count - slot;

	__builtin_memmove(&node->last[slot + 1], &node->last[slot], behind * sizeof(node->last[0]));
	__builtin_memmove(&node->order[slot + 1], &node->order[slot], behind);
	node->order[slot] = number;
	node->count++;
	entry_put(node, slot, entry);
}

AX_OUT_OF_LINE static void entry_remove(struct ax_region_node *node, unsigned slot)
{
	uint8_t number = node->order[slot];
	unsigned behind = --node->count - slot;

	__builtin_memmove(&node->last[slot], &node->last[slot + 1], behind * sizeof(node->last[0]));
	__builtin_memmove(&node->order[slot], &node->order[slot + 1], behind);
	node->order[node->count] = number;
}

/* Move an entry, from its place in one node to before the one in @to_slot of another. */
static void entry_move(struct ax_region_node *from, unsigned slot, struct ax_region_node *to,
		       unsigned to_slot)
{
	entry_insert(to, to_slot, ax_region_entry(from, slot));
	entry_remove(from, slot);
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

/* Put the branch to a node, all of it new. */
static void put_branch(struct ax_region_node *parent, unsigned slot, struct ax_region_node *child)
{
	union ax_region_entry entry = {
		.branch =
			{
				.first = first_of(child),
				.last = last_of(child),
				.gap = widest(child, 0, child->count, UINT64_MAX),
				.child = child,
			},
	};

	entry_put(parent, slot, &entry);
}

static void drop_child(struct ax_region_set *set, struct ax_region_node *parent, unsigned slot,
		       struct ax_pool *pool)
{
	free_node(set, child_of(parent, slot), pool);
	entry_remove(parent, slot);
}

/* Let a child keep @keep of the entries that it and the next one have, which may be all of them. */
static void share(struct ax_region_set *set, struct ax_region_node *parent, unsigned slot,
		  unsigned keep, struct ax_pool *pool)
{
	struct ax_region_node *low = child_of(parent, slot);
	struct ax_region_node *high = child_of(parent, slot + 1);

	while (low->count > keep)
		entry_move(low, low->count - 1, high, 0);
	while (low->count < keep)
		entry_move(high, 0, low, low->count);
	put_branch(parent, slot, low);
	if (high->count > 0)
		put_branch(parent, slot + 1, high);
	else
		drop_child(set, parent, slot + 1, pool);
}

/* A branch to a node whose own entries will be known later: see share(). */
static void insert_branch(struct ax_region_node *parent, unsigned slot,
			  struct ax_region_node *child)
{
	const union ax_region_entry entry = {.branch = {.child = child}};

	entry_insert(parent, slot, &entry);
}

/* Split a node of the path. Its parent has room. The path keeps its meaning. */
static void split(struct ax_region_set *set, struct ax_region_path *path, unsigned level,
		  struct ax_pool *pool)
{
	struct ax_region_node *parent = path->node[level + 1];
	unsigned slot = path->slot[level + 1];
	unsigned keep = split_point(path->node[level], path->slot[level]);

	insert_branch(parent, slot + 1, new_node(set, level, pool));
	share(set, parent, slot, keep, pool);
	if (path->slot[level] >= keep) {
		path->node[level] = child_of(parent, slot + 1);
		path->slot[level] -= keep;
		path->slot[level + 1]++;
	}
}

/* Make room for one more entry in the leaf of the path. */
AX_SELDOM static void make_room(struct ax_region_set *set, struct ax_region_path *path,
				struct ax_pool *pool)
{
	unsigned level = ax_region_full_levels(set, path);

	if (level > set->root->level) {
		struct ax_region_node *root = new_node(set, level, pool);

		insert_branch(root, 0, set->root);
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
 * COUNT_MIN is at least two, and because a root with one child gives way to it (settle()).
 */
AX_SELDOM static void rebalance(struct ax_region_set *set, struct ax_region_node *parent,
				unsigned slot, struct ax_pool *pool)
{
	unsigned total;

	if (child_of(parent, slot)->count == 0) {
		drop_child(set, parent, slot, pool);
		return;
	}
	if (slot > 0)
		slot--;
	total = child_of(parent, slot)->count + child_of(parent, slot + 1)->count;
	share(set, parent, slot, total <= COUNT_MERGED_MAX ? total : total / 2, pool);
}

/* Mend the tree above a leaf whose entries have changed. The path is of no use afterwards. */
static void settle(struct ax_region_set *set, struct ax_region_path *path, struct holes holes,
		   struct ax_pool *pool)
{
	struct ax_region_node *root;

	for (unsigned level = 0; level < set->root->level; level++) {
		struct ax_region_node *parent = path->node[level + 1];
		unsigned slot = path->slot[level + 1];
		unsigned from = slot < 2 ? 0 : slot - 2; /* rebalance() may change slot - 1. */
		union ax_region_entry entry = *ax_region_entry(parent, slot);
		bool sparse = path->node[level]->count < COUNT_MIN;

		if (!sparse && !refresh(&entry.branch, holes))
			return;
		holes.lost = widest(parent, from, slot + 2, UINT64_MAX);
		if (sparse)
			rebalance(set, parent, slot, pool);
		else
			entry_put(parent, slot, &entry);
		holes.gained = widest(parent, from, slot + 2, UINT64_MAX);
	}
	root = set->root;
	if (root->count == 0) {
		set->root = NULL;
		free_node(set, root, pool);
	} else if (root->level > 0 && root->count == 1) {
		set->root = child_of(root, 0);
		free_node(set, root, pool);
	}
}

void ax_region_splice(struct ax_region_set *set, struct ax_region_path *path, unsigned drop,
		      const struct ax_region *regions, unsigned count, struct ax_pool *pool)
{
	struct ax_region_node *leaf;
	struct holes holes;
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
	set->count += count;
	set->count -= drop;
	for (; drop > count; drop--)
		entry_remove(leaf, slot);
	for (unsigned i = 0; i < count; i++) {
		union ax_region_entry entry = {.region = regions[i]};

		if (i < drop)
			entry_put(leaf, slot + i, &entry);
		else
			entry_insert(leaf, slot + i, &entry);
	}
	holes.gained = widest(leaf, from, slot + count, UINT64_MAX);
	settle(set, path, holes, pool);
}
