/* SPDX-License-Identifier: Apache-2.0 */
/* An address space's life, and the calls that change it. addrspace.h has the protocol. */
#include "addrspace.h"

#include "backend.h"
#include "bind.h"
#include "npt.h"
#include "npt_entry.h"

size_t ax_addrspace_sizeof(void)
{
	return sizeof(struct ax_addrspace);
}

size_t ax_addrspace_config_sizeof(void)
{
	return sizeof(struct ax_addrspace_config);
}

/* CPUs that may use the space: as configured, else as many as the host has, else one. */
static unsigned cpus_of(const struct ax_addrspace_config *config)
{
	size_t cpus = config->cpus;

	if (cpus == 0 && ax_host_api()->get_cpu_num)
		cpus = ax_host_api()->get_cpu_num();
	if (cpus == 0)
		return 1;
	return cpus < UINT32_MAX ? (unsigned)cpus : UINT32_MAX;
}

static ax_error_t init_npt(struct ax_addrspace *as, const struct ax_addrspace_config *config,
			   unsigned cpus)
{
	struct ax_npt_config npt = {
		.format = config->format,
		.levels = config->levels,
		.gpa_bits = config->gpa_bits,
		.hpa_bits = config->hpa_bits,
		.granule_shift = config->granule_shift,
		.tag = config->tag,
		.cpus = cpus,
		.features = config->features,
		.direct_map = config->direct_map,
		.direct_map_offset = config->direct_map_offset,
	};

	if (!ax_gpa_is_aligned(config->base, AX_PAGE_SIZE_4K) ||
	    config->size % AX_PAGE_SIZE_4K != 0)
		return AX_EALIGN;
	if (config->size != 0) {
		npt.last = config->base.raw + (config->size - 1);
		/* Beyond the number space. */
		if (npt.last < config->base.raw)
			return AX_ERANGE;
	}
	return ax_npt_init(&as->npt, &npt);
}

ax_error_t ax_addrspace_init(struct ax_addrspace *as, const struct ax_addrspace_config *config)
{
	static const struct ax_addrspace_config defaults;
	ax_error_t error;
	unsigned cpus;

	if (!as)
		return AX_EINVAL;
	*as = (struct ax_addrspace){0};
	if (ax_memory_missing(UINT64_MAX))
		return AX_EUNBOUND;
	if (!config)
		config = &defaults;
	cpus = cpus_of(config);
	error = init_npt(as, config, cpus);
	if (error != AX_OK)
		return error;

	as->first = config->base.raw;
	as->last = config->size != 0 ? config->base.raw + (config->size - 1)
				     : (UINT64_C(1) << as->npt.gpa_bits) - 1;
	error = as->first > as->last ? AX_ERANGE
				     : ax_guard_init(&as->guard, config->serialized ? 1 : cpus,
						     config->relax, config->relax_context);
	if (error != AX_OK) {
		ax_npt_destroy(&as->npt);
		return error;
	}
	as->version = AX_REGIONS_FIRST;
	as->state = AX_ADDRSPACE_LIVE;
	if (!ax_guard_shared(&as->guard))
		as->quick = AX_ADDRSPACE_QUICK(as->npt.reach_levels, as->npt.address_shift);
	return AX_OK;
}

void ax_addrspace_destroy(struct ax_addrspace *as)
{
	if (!ax_addrspace_live(as))
		return;
	(void)ax_addrspace_clear(as);
	as->state = 0;
	as->quick = 0;
	ax_npt_destroy(&as->npt);
	ax_guard_destroy(&as->guard);
}

/* A change on its way: what it is, and what it has got for it. */
struct change {
	enum { REGION_INSERT, REGION_REMOVE, REGION_PROTECT } what;
	struct ax_region region; /* what is inserted, or the range and the flags */
	uint64_t attr;           /* the encoding of the flags */
	bool populate;           /* what is inserted is backed at once */
	struct ax_pool nodes;    /* for the set of regions, which is changed in each copy */
	struct ax_pool tables;
	/* Under the lock, of an insert and a remove: the way to its first byte in the copy that readers used when it
	 * began, which is changed last. The search is what a small change costs most, and is made once. */
	struct ax_region_path *path;
};

/* Check a range of pages, and describe it. An empty one can be mapped by no region, and is changed by nothing. */
static ax_error_t check_range(const struct ax_addrspace *as, ax_gpa_t start, uint64_t size,
			      struct change *change)
{
	if (!ax_addrspace_live(as))
		return AX_ESTATE;
	if (size == 0)
		return change->what == REGION_INSERT ? AX_EINVAL : AX_OK;
	if ((start.raw | size) % AX_PAGE_SIZE_4K != 0)
		return AX_EALIGN;
	if (!ax_addrspace_contains_range(as, start, size))
		return AX_ERANGE;
	change->region.first = start.raw;
	change->region.last = start.raw + (size - 1);
	return AX_OK;
}

/* The same with flags. */
static ax_error_t check_flags(const struct ax_addrspace *as, ax_gpa_t start, uint64_t size,
			      ax_flags_t flags, struct change *change)
{
	ax_error_t error = check_range(as, start, size, change);

	if (error != AX_OK || size == 0)
		return error;
	change->region.flags = flags;
	return ax_npt_encode(&as->npt, flags, &change->attr);
}

/* Make a checked change, with other writers kept out. What it has got and not used goes back. */
static ax_error_t make(struct ax_addrspace *as, struct change *change,
		       ax_error_t (*locked)(struct ax_addrspace *as, struct change *change))
{
	struct ax_region_path path;
	ax_error_t error;

	change->path = &path;
	ax_guard_lock(&as->guard);
	error = locked(as, change);
	ax_pool_drain(&change->tables);
	ax_pool_drain(&change->nodes);
	ax_guard_unlock(&as->guard);
	change->path = NULL; /* it ends with this */
	return error;
}

static size_t change_needs(const struct ax_region_set *set, const struct change *change)
{
	const struct ax_region *region = &change->region;

	switch (change->what) {
	case REGION_INSERT:
		return ax_region_insert_needs(set, change->path, region);
	case REGION_REMOVE:
		return ax_region_remove_needs(set, change->path, region->first, region->last);
	default:
		return ax_region_protect_needs(set, region->first, region->last, region->flags);
	}
}

/* @path: change->path, or the same way in the other copy. */
static void change_apply(struct ax_region_set *set, struct change *change,
			 struct ax_region_path *path)
{
	const struct ax_region *region = &change->region;
	struct ax_pool *pool = &change->nodes;

	switch (change->what) {
	case REGION_INSERT:
		ax_region_insert(set, path, region, pool);
		break;
	case REGION_REMOVE:
		ax_region_remove(set, path, region->first, region->last, pool);
		break;
	default:
		ax_region_protect(set, region->first, region->last, region->flags, pool);
		break;
	}
}

/* Get the nodes that a change needs in each copy. */
static ax_error_t change_prepare(const struct ax_addrspace *as, struct change *change)
{
	size_t needs = change_needs(ax_addrspace_regions(as), change);

	if (ax_guard_shared(&as->guard))
		needs *= 2;
	return ax_pool_fill(&change->nodes, needs, AX_POOL_ANY_ADDRESS);
}

/* And the tables that it takes to cut leaves at both ends of the range. */
static ax_error_t change_prepare_cuts(const struct ax_addrspace *as, struct change *change)
{
	const struct ax_region *range = &change->region;
	ax_error_t error = change_prepare(as, change);

	if (error != AX_OK)
		return error;
	return ax_pool_fill(&change->tables,
			    ax_npt_split_needs(&as->npt, range->first, range->last),
			    as->npt.hpa_bits);
}

/*
 * Let readers see the change, and wait for those that may still act on what was before. A space with
 * one copy has no reader beside this writer: it is changed at the end.
 *
 * In the model, tests/spin/guard.pml, this is publish() and change_finish() is finish():
 * BREAK_ONE_COPY, BREAK_NO_WAIT_1, and for the number BREAK_NUMBER_FIRST.
 *
 * The number that guest windows compare changes after the regions did: who has read the new number
 * finds nothing by the old ones. And before the wait: who has found the old one still there is inside.
 */
static void change_publish(struct ax_addrspace *as, struct change *change)
{
	uint64_t next = as->version + 1;

	if (ax_guard_shared(&as->guard)) {
		struct ax_region_set *other = &as->regions[next & 1u];
		struct ax_region_path path;

		if (change->what != REGION_PROTECT)
			ax_region_seek(other, change->region.first, &path);
		change_apply(other, change, &path);
		__atomic_store_n(&as->version, next, __ATOMIC_RELEASE);
	}
	if (change->what != REGION_INSERT)
		__atomic_store_n(&as->losses, as->losses + 1, __ATOMIC_RELEASE);
	ax_pause(AX_PAUSE_PUBLISHED);
	ax_guard_wait_readers(&as->guard);
	ax_pause(AX_PAUSE_WAITED);
}

/* The copy that still shows the regions as they were, between publish and finish. */
static struct ax_region_set *old_regions(struct ax_addrspace *as)
{
	return &as->regions[ax_guard_shared(&as->guard) ? (as->version + 1) & 1u : 0];
}

/* Make the change in the copy that nobody reads any more. A space with one copy stays with it, under a new
 * version. */
static void change_finish(struct ax_addrspace *as, struct change *change)
{
	change_apply(old_regions(as), change, change->path);
	if (!ax_guard_shared(&as->guard))
		as->version += 2;
}

/* What free_window() and remove_leaves() know a range by: bits for the types of its regions. */
#define OF_ALLOC   (1u << AX_REGION_ALLOC)
#define OF_BACKEND (1u << AX_REGION_BACKEND)

/*
 * The types of the regions that touch [@first, @last], a bit each; and the widest range around it that no
 * region touches once this one is empty: a table that lies inside serves nothing. Outside the space there
 * are no regions, up to the end of the tables.
 *
 * @from: What ax_region_seek() found for @first.
 */
static unsigned free_window(const struct ax_addrspace *as, const struct ax_region_path *from,
			    uint64_t first, uint64_t last, uint64_t *lo, uint64_t *hi)
{
	const struct ax_region_set *set = ax_addrspace_regions(as);
	struct ax_region_path path = *from;
	bool more = ax_region_leads(set, from);
	unsigned types = 0;

	*lo = ax_region_hole_before(set, from);
	*hi = (UINT64_C(1) << as->npt.gpa_bits) - 1;
	if (more && ax_region_at(&path)->first < first)
		*lo = first;
	for (; more && ax_region_at(&path)->first <= last; more = ax_region_next(set, &path)) {
		types |= 1u << ax_region_at(&path)->type;
		if (ax_region_at(&path)->last > last) {
			*hi = last;
			return types;
		}
	}
	if (more)
		*hi = ax_region_at(&path)->first - 1;
	return types;
}

/* Tell the backends of the caller's which pages went. */
static void release_custom(struct ax_addrspace *as, uint64_t first, uint64_t last);

/*
 * Kill what [@first, @last] maps, wait until nobody can reach it, and free it. The regions of the range
 * are out of the readers' sight already, and still in old_regions().
 */
static void remove_leaves(struct ax_addrspace *as, uint64_t first, uint64_t last, uint64_t lo,
			  uint64_t hi, unsigned types, struct ax_tlb_gather *gather)
{
	ax_npt_kill(&as->npt, first, last, lo, hi, gather);
	ax_pause(AX_PAUSE_KILLED);
	ax_tlb_flush(&as->npt, gather);
	ax_pause(AX_PAUSE_FLUSHED);
	ax_guard_wait_readers(&as->guard);
	if (types & OF_BACKEND)
		release_custom(as, first, last);
	ax_npt_sweep(&as->npt, first, last, types & OF_ALLOC);
	ax_pause(AX_PAUSE_SWEPT);
}

static void release_page(void *context, uint64_t gpa, uint64_t hpa)
{
	const struct ax_backend *backend = context;

	backend->ops->release(backend->context, ax_gpa(gpa), ax_hpa(hpa));
}

static void release_custom(struct ax_addrspace *as, uint64_t first, uint64_t last)
{
	const struct ax_region_set *set = old_regions(as);
	struct ax_region_path path;
	bool more = ax_region_seek(set, first, &path);

	for (; more && ax_region_at(&path)->first <= last; more = ax_region_next(set, &path)) {
		const struct ax_region *region = ax_region_at(&path);
		const struct ax_backend *backend = ax_backend_of(region);
		uint64_t from = region->first > first ? region->first : first;
		uint64_t to = region->last < last ? region->last : last;

		if (backend && backend->ops->release)
			ax_npt_each_dead(&as->npt, from, to, release_page,
					 (void *)(uintptr_t)backend);
	}
}

/* Enter the leaves of a linear region. */
static ax_error_t enter_linear(struct ax_addrspace *as, struct change *change)
{
	const struct ax_region *region = &change->region;
	size_t needs = ax_npt_enter_needs(&as->npt, region->first, region->last, region->object);
	ax_error_t error = ax_pool_fill(&change->tables, needs, as->npt.hpa_bits);

	if (error == AX_OK)
		ax_npt_enter(&as->npt, region->first, region->last, region->object, change->attr,
			     &change->tables);
	return error;
}

/* Back all of a region of the space's own memory, or nothing of it. */
static ax_error_t populate(struct ax_addrspace *as, const struct change *change)
{
	const struct ax_region *region = &change->region;
	uint64_t lo;
	uint64_t hi;

	free_window(as, change->path, region->first, region->last, &lo, &hi);
	return ax_npt_populate(&as->npt, region->first, region->last, lo, hi, change->attr);
}

static ax_error_t map_locked(struct ax_addrspace *as, struct change *change)
{
	const struct ax_region *region = &change->region;
	ax_error_t error;

	if (ax_region_seek(ax_addrspace_regions(as), region->first, change->path) &&
	    ax_region_at(change->path)->first <= region->last)
		return AX_EEXIST;
	error = change_prepare(as, change);
	if (error == AX_OK && region->type == AX_REGION_LINEAR)
		error = enter_linear(as, change);
	if (error == AX_OK && change->populate)
		error = populate(as, change);
	if (error == AX_OK) {
		change_publish(as, change);
		change_finish(as, change);
	}
	return error;
}

ax_error_t ax_addrspace_map_linear(struct ax_addrspace *as, ax_gpa_t start, ax_hpa_t target,
				   uint64_t size, ax_flags_t flags)
{
	struct change change = {.what = REGION_INSERT};
	ax_error_t error = check_flags(as, start, size, flags, &change);

	if (error != AX_OK)
		return error;
	if (!ax_hpa_is_aligned(target, AX_PAGE_SIZE_4K))
		return AX_EALIGN;
	if (!ax_npt_hpa_fits(&as->npt, target.raw, size))
		return AX_ERANGE;
	ax_backend_linear(&change.region, target.raw);
	return make(as, &change, map_locked);
}

ax_error_t ax_addrspace_map_alloc(struct ax_addrspace *as, ax_gpa_t start, uint64_t size,
				  ax_flags_t flags, bool now)
{
	struct change change = {.what = REGION_INSERT, .populate = now};
	ax_error_t error = check_flags(as, start, size, flags, &change);

	if (error != AX_OK)
		return error;
	if (flags & AX_DEVICE)
		return AX_EINVAL;
	ax_backend_alloc(&change.region);
	return make(as, &change, map_locked);
}

ax_error_t ax_addrspace_map_backend(struct ax_addrspace *as, ax_gpa_t start, uint64_t size,
				    ax_flags_t flags, const struct ax_backend *backend)
{
	struct change change = {.what = REGION_INSERT};
	ax_error_t error = check_flags(as, start, size, flags, &change);

	if (error != AX_OK)
		return error;
	if (!backend || !backend->ops)
		return AX_EINVAL;
	ax_backend_custom(&change.region, backend);
	return make(as, &change, map_locked);
}

static ax_error_t unmap_locked(struct ax_addrspace *as, struct change *change)
{
	const uint64_t first = change->region.first;
	const uint64_t last = change->region.last;
	struct ax_tlb_gather gather;
	ax_error_t error;
	uint64_t lo;
	uint64_t hi;
	unsigned types;

	if (!ax_region_seek(ax_addrspace_regions(as), first, change->path))
		return AX_OK;
	types = free_window(as, change->path, first, last, &lo, &hi);
	if (types == 0)
		return AX_OK;
	error = change_prepare_cuts(as, change);
	if (error != AX_OK)
		return error;
	ax_tlb_gather_init(&gather);
	change_publish(as, change);
	ax_npt_split(&as->npt, first, last, &change->tables, &gather);
	remove_leaves(as, first, last, lo, hi, types, &gather);
	change_finish(as, change);
	return AX_OK;
}

ax_error_t ax_addrspace_unmap(struct ax_addrspace *as, ax_gpa_t start, uint64_t size)
{
	struct change change = {.what = REGION_REMOVE};
	ax_error_t error = check_range(as, start, size, &change);

	if (error != AX_OK || size == 0)
		return error;
	return make(as, &change, unmap_locked);
}

static ax_error_t protect_locked(struct ax_addrspace *as, struct change *change)
{
	const uint64_t first = change->region.first;
	const uint64_t last = change->region.last;
	const ax_flags_t flags = change->region.flags;
	struct ax_tlb_gather gather;
	ax_error_t error;
	uint64_t lo;
	uint64_t hi;
	bool broken;

	if (!ax_region_covered(ax_addrspace_regions(as), first, last))
		return AX_ENOENT;
	if (flags & AX_DEVICE) {
		ax_region_seek(ax_addrspace_regions(as), first, change->path);
		if (free_window(as, change->path, first, last, &lo, &hi) & OF_ALLOC)
			return AX_EINVAL;
	}
	error = change_prepare_cuts(as, change);
	if (error != AX_OK)
		return error;
	ax_tlb_gather_init(&gather);
	change_publish(as, change);
	ax_npt_split(&as->npt, first, last, &change->tables, &gather);
	broken = ax_npt_protect(&as->npt, first, last, flags, change->attr, &gather);
	ax_tlb_flush(&as->npt, &gather);
	if (broken) {
		ax_npt_reveal(&as->npt, first, last);
		ax_tlb_publish(&as->npt, first, last, false);
	}
	change_finish(as, change);
	return AX_OK;
}

ax_error_t ax_addrspace_protect(struct ax_addrspace *as, ax_gpa_t start, uint64_t size,
				ax_flags_t flags)
{
	struct change change = {.what = REGION_PROTECT};
	ax_error_t error = check_flags(as, start, size, flags, &change);

	if (error != AX_OK || size == 0)
		return error;
	return make(as, &change, protect_locked);
}

ax_error_t ax_addrspace_clear(struct ax_addrspace *as)
{
	struct change change = {.what = REGION_REMOVE};

	if (!ax_addrspace_live(as))
		return AX_ESTATE;
	/* Nothing lies across the ends of the space: nothing is split, no memory is needed. */
	change.region.first = as->first;
	change.region.last = as->last;
	return make(as, &change, unmap_locked);
}
