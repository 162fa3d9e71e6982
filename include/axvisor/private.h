/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DOC: private parts of public objects
 *
 * Types whose size a caller needs, because they are members of what he allocates, and whose members
 * are the library's alone. Nothing here is to be used.
 */
#ifndef AXVISOR_PRIVATE_H
#define AXVISOR_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

struct ax_region;
struct ax_region_node;

/* An ordered set of ranges, src/region.h. {0} is an empty one. */
struct ax_region_set {
	struct ax_region_node *root; /* NULL when empty */
	size_t count;                /* regions */
	size_t nodes;                /* frames that it owns */
};

/* What a reader found last, src/addrspace.h. */
struct ax_region_hit {
	uint64_t version; /* of the regions; 0: none was found yet */
	const struct ax_region *region;
	uint64_t leaf;    /* of a page of it, but for the address */
	uint64_t *table;  /* of level 0 */
	uint32_t span;    /* which 2 MiB it is for, plus 1; 0: none was found yet */
	uint32_t refused; /* bits of an access that need a closer look, or are refused */
};

/**
 * struct ax_guard_slot - A reader's line.
 * @seq: Odd: a reader is inside.
 * @table_frames: Tables that faults linked, counted by the holder. Comes round at 2^32, and so does the sum of all
 *	lines and the writer's count: no host has as many frames.
 * @owned_frames: Faults that backed a page with a frame of the space's own, counted by the holder.
 * @foreign_frames: Faults that backed one with what a backend gave, likewise.
 * @hit: What the last holder found; of use to nobody but a holder.
 */
struct ax_guard_slot {
	uint32_t seq;
	uint32_t table_frames;
	uint64_t owned_frames;
	uint64_t foreign_frames;
	struct ax_region_hit hit;
};

/* Readers' slots and the writers' lock, src/guard.h. */
struct ax_guard {
	struct ax_guard_slot *slots; /* NULL: one CPU, no guard */
	uint64_t frame;              /* host address of the slots */
	uint32_t ticket_next;
	uint32_t ticket_owner;
	void (*relax)(void *context);
	void *relax_context;
};

/* A reader's stay inside, src/guard.h. */
struct ax_section {
	struct ax_guard_slot *slot; /* the reader's; NULL without a guard */
	uint32_t seq;               /* the slot's number before */
};

#endif /* AXVISOR_PRIVATE_H */
