/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The region set: an ordered set of disjoint address ranges, each with what a backend needs to
 * serve it. It knows nothing of page tables, of backends, or of other CPUs.
 *
 * It is a B+tree whose nodes are whole frames of 4 KiB, so it needs no allocator below the port's
 * frame allocator:
 *
 *	internal node	header | last ... | order | branch { first, last, gap, child } ...   up to 99
 *	leaf		header | last ... | order | region { first, last, object, ... } ...  up to 99
 *
 * A search in a node reads neighbouring lines, because what it compares stands together; and entries
 * stay where they were put, so that one more or less moves a few lines and not half a node.
 *
 * Preparing and changing are apart. ax_region_*_needs() says how many frames a change can take,
 * ax_pool_fill() gets them, and the change itself cannot fail. Nodes that a change empties go to
 * the same pool; ax_pool_drain() gives back what is left of it.
 *
 * The changes are deterministic: sets that saw the same changes in the same order have the same
 * shape and the same needs. A user who keeps two copies, one that readers use and one that is
 * being changed, fills the pool with twice what one of them needs.
 *
 * A change and what it needs begin where ax_region_seek() led for its first byte: who has looked there already
 * passes the path on, and nothing is searched for twice.
 *
 * Nothing here locks. Queries of one set may run side by side; a change excludes everything else
 * on that set, and no pointer that a query returned may be used after it.
 *
 * All ranges are given by their first and their last byte, so the last page of the 64-bit space
 * is a page like any other and "one past the end" never has to exist.
 */
#ifndef AX_REGION_H
#define AX_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <axvisor/addr.h>
#include <axvisor/private.h> /* struct ax_region_set: the set; {0} is an empty one */

#include "pool.h"

#pragma GCC visibility push(hidden)

/* @object belongs to @first: where the region is cut, the upper part's grows by the distance. */
#define AX_REGION_ADVANCES 0x1u
/* May become one region with a neighbour that is alike (see ax_region_insert()). */
#define AX_REGION_MERGES 0x2u

/**
 * struct ax_region - A range and what serves it.
 * @first: First byte, page aligned.
 * @last: Last byte, one less than a multiple of the page size; not below @first.
 * @object: The backend's own: the host address behind @first, or a pointer.
 * @flags: Permissions and memory type. What ax_region_protect() changes.
 * @type: Kind of backend.
 * @traits: AX_REGION_ADVANCES, AX_REGION_MERGES.
 */
struct ax_region {
	uint64_t first;
	uint64_t last;
	uint64_t object;
	uint32_t flags;
	uint16_t type;
	uint16_t traits;
};

/*
 * Entries of a node: 4096 bytes less the header, by 41. A test may ask for less, to see splits and
 * merges of nodes with few regions.
 */
#ifndef AX_REGION_NODE_CAPACITY
#define AX_REGION_NODE_CAPACITY 99
#endif

/* A node other than the root holds no fewer. An internal node needs two: see rebalance(). */
#define AX_REGION_NODE_MIN (AX_REGION_NODE_CAPACITY < 8 ? 2 : AX_REGION_NODE_CAPACITY / 4)

/*
 * Levels that a tree can have. A tree of L levels holds 2 * MIN^(L - 1) regions or more: with one
 * level more than this, more than the 2^52 pages that there are.
 */
#define AX_REGION_MAX_LEVELS (AX_REGION_NODE_MIN < 24 ? 52 : 12)

struct ax_region_node;

/* What both kinds of entry begin with. */
struct ax_region_span {
	uint64_t first;
	uint64_t last;
};

/**
 * struct ax_region_branch - An entry of an internal node.
 * @first: First byte of the first region below.
 * @last: Last byte of the last region below.
 * @gap: Size in bytes of the largest hole between two regions below; 0 if there is none.
 * @child: The node below.
 */
struct ax_region_branch {
	uint64_t first;
	uint64_t last;
	uint64_t gap;
	struct ax_region_node *child;
};

union ax_region_entry {
	struct ax_region_span span;
	struct ax_region region;        /* level 0 */
	struct ax_region_branch branch; /* above */
};

/**
 * struct ax_region_node - A frame of the tree, or of a pool.
 * @frame: What a pool needs of it: its own host physical address, to give it back by.
 * @count: Entries in use.
 * @level: 0 for a leaf, else one more than its children.
 * @last: Of the entries in use, the last bytes, ascending: all that a search looks at.
 * @order: A permutation of the numbers of the entries. The first @count are those in use, in the order
 *	of @last; the others are free.
 * @entry: Disjoint. None crosses the end of a cache line.
 */
struct ax_region_node {
	struct ax_pool_frame frame;
	uint32_t count;
	uint32_t level;
	uint64_t last[AX_REGION_NODE_CAPACITY];
	uint8_t order[AX_REGION_NODE_CAPACITY];
	_Alignas(32) union ax_region_entry entry[AX_REGION_NODE_CAPACITY];
};

/** ax_region_entry() - The entry in a place of a node, in ascending order. */
static inline union ax_region_entry *ax_region_entry(struct ax_region_node *node, unsigned slot)
{
	return &node->entry[node->order[slot]];
}

/**
 * struct ax_region_path - The way from the root to a region; good until the next change of the set.
 * @node: By level, the leaf first.
 * @slot: In each of them, the place of the entry. In the leaf it may be one past the last.
 */
struct ax_region_path {
	struct ax_region_node *node[AX_REGION_MAX_LEVELS];
	unsigned slot[AX_REGION_MAX_LEVELS];
};

_Static_assert(sizeof(struct ax_region) == 32, "a leaf entry has 32 bytes");
_Static_assert(sizeof(union ax_region_entry) == 32, "both kinds of entry have 32 bytes");
_Static_assert(sizeof(struct ax_region_node) <= 4096, "a node fits a frame");
_Static_assert(AX_REGION_NODE_CAPACITY >= 4, "half of a split node is no less than the minimum");

/**
 * ax_region_insert_needs() - Frames that ax_region_insert() will take.
 * @set: As it is when the insert begins.
 * @path: What ax_region_seek() found for the first byte of @region, whatever it returned.
 * @region: What will be inserted.
 *
 * Exact. 0 unless the leaf is full; never more than levels + 1.
 * Return: frames.
 */
size_t ax_region_insert_needs(const struct ax_region_set *set, const struct ax_region_path *path,
			      const struct ax_region *region);

/**
 * ax_region_remove_needs() - Frames that ax_region_remove() will take.
 * @set: As it is when the removal begins.
 * @path: What ax_region_seek() found for @first, whatever it returned.
 * @first: First byte, page aligned.
 * @last: Last byte.
 *
 * Exact. Only a hole in the middle of one region makes a region more: 0 in every other case.
 * Return: frames.
 */
size_t ax_region_remove_needs(const struct ax_region_set *set, const struct ax_region_path *path,
			      uint64_t first, uint64_t last);

/**
 * ax_region_protect_needs() - Frames that ax_region_protect() will take.
 * @set: As it is when the change begins.
 * @first: First byte, page aligned.
 * @last: Last byte.
 * @flags: The flags to be set.
 *
 * Exact for what is taken while the regions at the two ends are cut; merging may give it back.
 * Return: frames.
 */
size_t ax_region_protect_needs(const struct ax_region_set *set, uint64_t first, uint64_t last,
			       uint32_t flags);

/**
 * ax_region_insert() - Add a region.
 * @set: Where to.
 * @path: As for ax_region_insert_needs(). Of no use afterwards.
 * @region: Overlaps nothing in @set. Copied.
 * @pool: Holds what ax_region_insert_needs() said.
 *
 * Becomes one with the region that ends before it and the one that begins after it where they are
 * alike: nothing between them, both AX_REGION_MERGES, the same flags, type and traits, and the
 * same object, or with AX_REGION_ADVANCES the object that continues. Cannot fail. O(log n).
 */
void ax_region_insert(struct ax_region_set *set, struct ax_region_path *path,
		      const struct ax_region *region, struct ax_pool *pool);

/**
 * ax_region_remove() - Remove all that lies in [@first, @last].
 * @set: Where from.
 * @path: As for ax_region_remove_needs(). Of no use afterwards.
 * @first: First byte, page aligned.
 * @last: Last byte. Not below @first.
 * @pool: Holds what ax_region_remove_needs() said; takes the nodes that became superfluous.
 *
 * Regions at the two ends are cut. Holes are fine. Cannot fail.
 * O(log n + what was removed).
 */
void ax_region_remove(struct ax_region_set *set, struct ax_region_path *path, uint64_t first,
		      uint64_t last, struct ax_pool *pool);

/**
 * ax_region_protect() - Set the flags of all that lies in [@first, @last].
 * @set: Where.
 * @first: First byte, page aligned.
 * @last: Last byte. Not below @first.
 * @flags: The new flags.
 * @pool: Holds what ax_region_protect_needs() said; takes the nodes that became superfluous.
 *
 * Regions at the two ends are cut, then neighbours that became alike are made one. Holes are left
 * alone: see ax_region_covered(). Cannot fail. O(log n + what was touched), and O(log n) more for
 * each two regions that become one.
 */
void ax_region_protect(struct ax_region_set *set, uint64_t first, uint64_t last, uint32_t flags,
		       struct ax_pool *pool);

/**
 * ax_region_at_or_after() - The lowest region that ends at or after an address. O(log n).
 * @set: Where.
 * @addr: Any address.
 *
 * Goes through the regions in order, when asked for last + 1 of each, until one ends at UINT64_MAX.
 * Return: the region, valid until the next change of @set, or NULL.
 */
const struct ax_region *ax_region_at_or_after(const struct ax_region_set *set, uint64_t addr);

/**
 * ax_region_first_in() - The lowest region that touches [@first, @last]. O(log n).
 * @set: Where.
 * @first: First byte.
 * @last: Last byte. Not below @first.
 *
 * Return: the region, valid until the next change of @set, or NULL.
 */
const struct ax_region *ax_region_first_in(const struct ax_region_set *set, uint64_t first,
					   uint64_t last);

/** ax_region_find() - The region that contains an address, or NULL: as ax_region_first_in(). */
static inline const struct ax_region *ax_region_find(const struct ax_region_set *set, uint64_t addr)
{
	return ax_region_first_in(set, addr, addr);
}

/**
 * ax_region_seek() - Find the way to the first region that ends at or after @addr. O(log n).
 * @set: Where.
 * @addr: Any address.
 * @path: The way; untouched when the set is empty.
 *
 * Return: true, or false if there is no such region: then the way leads past the last of the set.
 */
bool ax_region_seek(const struct ax_region_set *set, uint64_t addr, struct ax_region_path *path);

/** ax_region_at() - The region that a path leads to. Not for one that leads past the last. */
static inline struct ax_region *ax_region_at(const struct ax_region_path *path)
{
	return &ax_region_entry(path->node[0], path->slot[0])->region;
}

/** ax_region_leads() - What ax_region_seek() returned for a path: whether it leads to a region. */
static inline bool ax_region_leads(const struct ax_region_set *set,
				   const struct ax_region_path *path)
{
	return set->root && path->slot[0] < path->node[0]->count;
}

/**
 * ax_region_next() - Go on to the next region.
 * @set: Where.
 * @path: A way to a region.
 *
 * Return: true, or false if that was the last one: then the path is of no use any more.
 */
bool ax_region_next(const struct ax_region_set *set, struct ax_region_path *path);

/**
 * ax_region_before() - The region before the one that a path leads to.
 * @set: Where; it may be empty.
 * @path: What ax_region_seek() found, whatever it returned.
 *
 * Return: the region, or NULL if there is none.
 */
const struct ax_region *ax_region_before(const struct ax_region_set *set,
					 const struct ax_region_path *path);

/**
 * ax_region_hole_before() - Where the hole before what a path leads to begins, without a look at the region there.
 * @set: Where; it may be empty.
 * @path: As for ax_region_before().
 *
 * Return: the byte after the last one of ax_region_before(), or 0 if there is none.
 */
uint64_t ax_region_hole_before(const struct ax_region_set *set, const struct ax_region_path *path);

/**
 * ax_region_find_gap() - The lowest free range that satisfies.
 * @set: Where.
 * @lo: First byte of the window.
 * @hi_last: Last byte of the window.
 * @hint: Not below this either. Need not be aligned, may lie outside the window.
 * @size: Bytes. Not 0.
 * @align: Of the start; a power of two.
 * @out: The start.
 *
 * O(log n + holes that are large enough but lack an aligned start).
 * Return: true, or false if there is none; then @out is untouched.
 */
bool ax_region_find_gap(const struct ax_region_set *set, uint64_t lo, uint64_t hi_last,
			uint64_t hint, uint64_t size, uint64_t align, uint64_t *out);

/**
 * ax_region_covered() - Is there no hole in [@first, @last]?
 * @set: Where.
 * @first: First byte.
 * @last: Last byte. Not below @first.
 *
 * O(log n), however many regions there are in the range.
 */
bool ax_region_covered(const struct ax_region_set *set, uint64_t first, uint64_t last);

/**
 * ax_region_count() - How many regions.
 * @set: Where.
 */
size_t ax_region_count(const struct ax_region_set *set);

/**
 * ax_region_node_frames() - How many frames the set owns.
 * @set: Where.
 *
 * Not more than 1 + count / 23: every node but the root is a quarter full or more. Regions that
 * arrive in ascending or descending order fill three quarters of each, in random order about 70%.
 */
size_t ax_region_node_frames(const struct ax_region_set *set);

#pragma GCC visibility pop

#endif /* AX_REGION_H */
