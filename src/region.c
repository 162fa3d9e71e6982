/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The region set: what the operations do to regions. How they are kept is in region_tree.c.
 *
 * The operations are loops over splices, each found anew by its address: a descent is cheaper than
 * to keep a path right across a tree that has just been rebalanced. Between two splices the set is
 * sound, but for regions that are alike and not yet one.
 */
#include "region_tree.h"

#include "compiler.h"

/* Regions */

/* Whether @low and @high, which is the higher one, may be one region. */
static bool alike(const struct ax_region *low, const struct ax_region *high)
{
	uint64_t advance = low->traits & AX_REGION_ADVANCES ? high->first - low->first : 0;

	return low->last + 1 == high->first && low->traits & AX_REGION_MERGES &&
	       low->traits == high->traits && low->type == high->type &&
	       low->flags == high->flags && low->object + advance == high->object;
}

static struct ax_region part_to(const struct ax_region *region, uint64_t last)
{
	struct ax_region part = *region;

	part.last = last;
	return part;
}

static struct ax_region part_from(const struct ax_region *region, uint64_t first)
{
	struct ax_region part = *region;

	if (region->traits & AX_REGION_ADVANCES)
		part.object += first - region->first;
	part.first = first;
	return part;
}

/* Search */

const struct ax_region *ax_region_at_or_after(const struct ax_region_set *set, uint64_t addr)
{
	struct ax_region_path path;

	return ax_region_seek(set, addr, &path) ? ax_region_at(&path) : NULL;
}

const struct ax_region *ax_region_first_in(const struct ax_region_set *set, uint64_t first,
					   uint64_t last)
{
	const struct ax_region *region = ax_region_at_or_after(set, first);

	return region && region->first <= last ? region : NULL;
}

/* Needs */

/* Frames that one more entry in the leaf of the path takes: a node for each split, a new root. */
static size_t frames_for_one(const struct ax_region_set *set, const struct ax_region_path *path)
{
	unsigned full = ax_region_full_levels(set, path);

	return full + (full > set->root->level ? 1u : 0u);
}

/*
 * The same for one more entry at @low and then one more at @high, which is not before it. The first
 * one splits the full nodes of its path and adds an entry to the one above them. A node that was
 * split has room in both halves.
 */
static size_t frames_for_two(const struct ax_region_set *set, const struct ax_region_path *low,
			     const struct ax_region_path *high)
{
	unsigned full = ax_region_full_levels(set, low);
	size_t frames = frames_for_one(set, low);
	unsigned level;

	for (level = 0; level <= set->root->level; level++) {
		bool shared = low->node[level] == high->node[level];
		unsigned count = high->node[level]->count + (shared && level == full ? 1 : 0);

		if ((shared && level < full) || count < AX_REGION_NODE_CAPACITY)
			return frames;
		frames++;
	}
	return frames + 1;
}

/* Merging */

/*
 * The region that a path leads to becomes one with the one before, if they are alike. Then the path
 * is of no use afterwards, and true is returned.
 */
static bool join(struct ax_region_set *set, struct ax_region_path *path, struct ax_pool *pool)
{
	const struct ax_region *below = ax_region_before(set, path);
	struct ax_region joined;

	if (!below || !alike(below, ax_region_at(path)))
		return false;
	joined = part_to(below, ax_region_at(path)->last);
	ax_region_splice(set, path, 1, NULL, 0, pool);
	ax_region_seek(set, joined.first, path);
	ax_region_splice(set, path, 1, &joined, 1, pool);
	return true;
}

/* Insert */

/*
 * The region that @region can be added to, or NULL: the one above where there are two. Regions that are not
 * alike are no neighbours mostly, which is seen without a look at the one below: it is in no cache.
 */
static const struct ax_region *find_alike(const struct ax_region_set *set,
					  const struct ax_region_path *path,
					  const struct ax_region *region)
{
	const struct ax_region *below;

	if (!(region->traits & AX_REGION_MERGES))
		return NULL;
	if (ax_region_leads(set, path) && alike(region, ax_region_at(path)))
		return ax_region_at(path);
	if (ax_region_hole_before(set, path) != region->first)
		return NULL;
	below = ax_region_before(set, path);
	return below && alike(below, region) ? below : NULL;
}

size_t ax_region_insert_needs(const struct ax_region_set *set, const struct ax_region_path *path,
			      const struct ax_region *region)
{
	if (!set->root)
		return 1;
	return find_alike(set, path, region) ? 0 : frames_for_one(set, path);
}

void ax_region_insert(struct ax_region_set *set, struct ax_region_path *path,
		      const struct ax_region *region, struct ax_pool *pool)
{
	struct ax_region joined = *region;
	const struct ax_region *beside = find_alike(set, path, region);

	if (!beside) {
		ax_region_splice(set, path, 0, region, 1, pool);
	} else if (beside->first < region->first) {
		joined = part_to(beside, region->last);
		ax_region_seek(set, joined.first, path);
		ax_region_splice(set, path, 1, &joined, 1, pool);
	} else {
		joined.last = beside->last;
		ax_region_splice(set, path, 1, &joined, 1, pool);
		ax_region_seek(set, joined.first, path);
		join(set, path, pool);
	}
}

/* Remove */

size_t ax_region_remove_needs(const struct ax_region_set *set, const struct ax_region_path *path,
			      uint64_t first, uint64_t last)
{
	if (!ax_region_leads(set, path) || ax_region_at(path)->first >= first ||
	    ax_region_at(path)->last <= last)
		return 0;
	return frames_for_one(set, path);
}

/* Of the leaf of the path, the entries from there on that begin at or before @last. */
static unsigned count_until(const struct ax_region_path *path, uint64_t last)
{
	struct ax_region_node *leaf = path->node[0];
	unsigned end = path->slot[0];

	while (end < leaf->count && ax_region_entry(leaf, end)->span.first <= last)
		end++;
	return end - path->slot[0];
}

/* One leaf at a time: what is in range goes, but for the parts that stick out at the two ends. */
void ax_region_remove(struct ax_region_set *set, struct ax_region_path *path, uint64_t first,
		      uint64_t last, struct ax_pool *pool)
{
	bool more = ax_region_leads(set, path);

	while (more) {
		const struct ax_region *low, *high;
		struct ax_region rest[2];
		unsigned drop = count_until(path, last);
		unsigned kept = 0;
		uint64_t reached;

		if (drop == 0)
			return;
		low = ax_region_at(path);
		high = &ax_region_entry(path->node[0], path->slot[0] + (drop - 1))->region;
		reached = high->last;
		if (low->first < first)
			rest[kept++] = part_to(low, first - 1);
		if (high->last > last)
			rest[kept++] = part_from(high, last + 1);
		ax_region_splice(set, path, drop, rest, kept, pool);
		more = reached < last && ax_region_seek(set, first, path);
	}
}

/* Protect */

/*
 * Must the region that contains @cut be cut before it, so that one part can have @flags? @path is
 * the way to it.
 */
AX_OUT_OF_LINE static bool seek_cut(const struct ax_region_set *set, uint64_t cut, uint32_t flags,
				    struct ax_region_path *path)
{
	return ax_region_seek(set, cut, path) && ax_region_at(path)->first < cut &&
	       ax_region_at(path)->flags != flags;
}

size_t ax_region_protect_needs(const struct ax_region_set *set, uint64_t first, uint64_t last,
			       uint32_t flags)
{
	struct ax_region_path low, high;
	bool cut_low = seek_cut(set, first, flags, &low);
	bool cut_high = last < UINT64_MAX && seek_cut(set, last + 1, flags, &high);

	if (cut_low && cut_high)
		return frames_for_two(set, &low, &high);
	if (cut_low)
		return frames_for_one(set, &low);
	return cut_high ? frames_for_one(set, &high) : 0;
}

static void cut_before(struct ax_region_set *set, uint64_t cut, uint32_t flags,
		       struct ax_pool *pool)
{
	struct ax_region parts[2];
	struct ax_region_path path;

	if (!seek_cut(set, cut, flags, &path))
		return;
	parts[0] = part_to(ax_region_at(&path), cut - 1);
	parts[1] = part_from(ax_region_at(&path), cut);
	ax_region_splice(set, &path, 1, parts, 2, pool);
}

/* On to the range's end and one: the last region may be alike with the next. */
void ax_region_protect(struct ax_region_set *set, uint64_t first, uint64_t last, uint32_t flags,
		       struct ax_pool *pool)
{
	const uint64_t stop = last < UINT64_MAX ? last + 1 : last;
	struct ax_region_path path;
	bool more;

	cut_before(set, first, flags, pool);
	if (last < UINT64_MAX)
		cut_before(set, last + 1, flags, pool);
	more = ax_region_seek(set, first, &path);
	while (more && ax_region_at(&path)->first <= stop) {
		uint64_t reached = ax_region_at(&path)->last;

		if (ax_region_at(&path)->first <= last)
			ax_region_at(&path)->flags = flags;
		if (!join(set, &path, pool))
			more = ax_region_next(set, &path);
		else
			more = reached < stop && ax_region_seek(set, reached + 1, &path);
	}
}

/* Gaps */

/* An aligned start for @size bytes in [@low, @high], which may be empty. */
static bool fits(uint64_t low, uint64_t high, uint64_t size, uint64_t align, uint64_t *out)
{
	uint64_t start = (low + (align - 1)) & ~(align - 1);

	if (start < low || start > high || high - start < size - 1)
		return false;
	*out = start;
	return true;
}

/*
 * In order over the holes, each before what the path leads to, without those inside subtrees in which
 * none is large enough.
 */
bool ax_region_find_gap(const struct ax_region_set *set, uint64_t lo, uint64_t hi_last,
			uint64_t hint, uint64_t size, uint64_t align, uint64_t *out)
{
	uint64_t begin = hint > lo ? hint : lo;
	struct ax_region_path path;
	bool more = ax_region_seek(set, begin, &path);
	unsigned level = 0;

	while (more) {
		const union ax_region_entry *entry =
			ax_region_entry(path.node[level], path.slot[level]);

		if (entry->span.first > hi_last)
			break;
		if (entry->span.first > begin &&
		    fits(begin, entry->span.first - 1, size, align, out))
			return true;
		while (level > 0 && entry->branch.gap >= size) {
			ax_region_descend(&path, level--);
			entry = ax_region_entry(path.node[level], 0);
		}
		if (entry->span.last >= hi_last)
			return false;
		begin = entry->span.last + 1;
		more = ax_region_advance(set, &path, &level);
	}
	return fits(begin, hi_last, size, align, out);
}

/* No hole is as large as a byte. */
bool ax_region_covered(const struct ax_region_set *set, uint64_t first, uint64_t last)
{
	uint64_t hole;

	return !ax_region_find_gap(set, first, last, first, 1, 1, &hole);
}

/* The whole */

size_t ax_region_count(const struct ax_region_set *set)
{
	return set->count;
}

size_t ax_region_node_frames(const struct ax_region_set *set)
{
	return set->nodes;
}
