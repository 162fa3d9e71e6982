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
		.last = UINT64_MAX,
	};

	if (!ax_gpa_is_aligned(config->base, AX_PAGE_SIZE_4K) ||
	    config->size % AX_PAGE_SIZE_4K != 0)
		return AX_EALIGN;
	if (config->size != 0) {
		npt.last = config->base.raw + (config->size - 1);
		/* Beyond the number space; or all of it, which is wider than any table, and means
		 * something else here. */
		if (npt.last < config->base.raw || npt.last == UINT64_MAX)
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
	error = as->first > as->last
			? AX_ERANGE
			: ax_guard_init(&as->guard, cpus, config->relax, config->relax_context);
	if (error != AX_OK) {
		ax_npt_destroy(&as->npt);
		return error;
	}
	as->version = AX_REGIONS_FIRST;
	as->state = AX_ADDRSPACE_LIVE;
	if (cpus == 1)
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

/*
 * Check a range of pages that is not empty. *last is its last byte on AX_OK.
 */
static ax_error_t check_pages(const struct ax_addrspace *as, ax_gpa_t start, uint64_t size,
			      uint64_t *last)
{
	if (!ax_gpa_is_aligned(start, AX_PAGE_SIZE_4K) || size % AX_PAGE_SIZE_4K != 0)
		return AX_EALIGN;
	if (!ax_addrspace_contains_range(as, start, size))
		return AX_ERANGE;
	*last = start.raw + (size - 1);
	return AX_OK;
}

static ax_error_t check_map(const struct ax_addrspace *as, ax_gpa_t start, uint64_t size,
			    ax_flags_t flags, uint64_t *last, uint64_t *attr)
{
	ax_error_t error;

	if (!ax_addrspace_live(as))
		return AX_ESTATE;
	if (size == 0)
		return AX_EINVAL;
	error = check_pages(as, start, size, last);
	return error == AX_OK ? ax_npt_encode(&as->npt, flags, attr) : error;
}

/* A change to the set of regions, which is made in each copy. */
struct region_change {
	enum { REGION_INSERT, REGION_REMOVE, REGION_PROTECT } what;
	struct ax_region region; /* what is inserted, or the range and the flags */
	/* An insert and a remove: the way to its first byte in the copy that readers used when it began, which is
	 * changed last. The search is what a small change costs most, and is made once. */
	struct ax_region_path *path;
};

static size_t change_needs(const struct ax_region_set *set, const struct region_change *change)
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
static void change_apply(struct ax_region_set *set, const struct region_change *change,
			 struct ax_region_path *path, struct ax_pool *pool)
{
	const struct ax_region *region = &change->region;

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
static ax_error_t change_prepare(const struct ax_addrspace *as, const struct region_change *change,
				 struct ax_pool *pool)
{
	size_t needs = change_needs(ax_addrspace_regions(as), change);

	if (ax_guard_shared(&as->guard))
		needs *= 2;
	return ax_pool_fill(pool, needs, AX_POOL_ANY_ADDRESS);
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
static void change_publish(struct ax_addrspace *as, const struct region_change *change,
			   struct ax_pool *pool)
{
	uint64_t next = as->version + 1;

	if (ax_guard_shared(&as->guard)) {
		struct ax_region_set *other = &as->regions[next & 1u];
		struct ax_region_path path;

		if (change->path)
			ax_region_seek(other, change->region.first, &path);
		change_apply(other, change, &path, pool);
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
static void change_finish(struct ax_addrspace *as, const struct region_change *change,
			  struct ax_pool *pool)
{
	change_apply(old_regions(as), change, change->path, pool);
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

/* Under the lock: enter a region that is fully described and whose leaves, if any, are entered. */
static void insert_region(struct ax_addrspace *as, const struct region_change *change,
			  struct ax_pool *pool)
{
	change_publish(as, change, pool);
	change_finish(as, change, pool);
}

/* Find where a region belongs, for all that follows. False: something is there. */
static bool find_place(const struct ax_addrspace *as, struct region_change *change,
		       struct ax_region_path *path)
{
	const struct ax_region *region = &change->region;

	change->path = path;
	return !ax_region_seek(ax_addrspace_regions(as), region->first, path) ||
	       ax_region_at(path)->first > region->last;
}

static ax_error_t map_linear_locked(struct ax_addrspace *as, struct region_change *change,
				    uint64_t attr)
{
	const struct ax_region *region = &change->region;
	struct ax_region_path path;
	struct ax_pool nodes = {0};
	struct ax_pool tables = {0};
	ax_error_t error;

	if (!find_place(as, change, &path))
		return AX_EEXIST;
	error = change_prepare(as, change, &nodes);
	if (error == AX_OK)
		error = ax_pool_fill(
			&tables,
			ax_npt_enter_needs(&as->npt, region->first, region->last, region->object),
			as->npt.hpa_bits);
	if (error == AX_OK) {
		ax_npt_enter(&as->npt, region->first, region->last, region->object, attr, &tables);
		insert_region(as, change, &nodes);
	}
	ax_pool_drain(&tables);
	ax_pool_drain(&nodes);
	return error;
}

ax_error_t ax_addrspace_map_linear(struct ax_addrspace *as, ax_gpa_t start, ax_hpa_t target,
				   uint64_t size, ax_flags_t flags)
{
	struct region_change change = {.what = REGION_INSERT};
	uint64_t last;
	uint64_t attr;
	ax_error_t error = check_map(as, start, size, flags, &last, &attr);

	if (error != AX_OK)
		return error;
	if (!ax_hpa_is_aligned(target, AX_PAGE_SIZE_4K))
		return AX_EALIGN;
	if (!ax_npt_hpa_fits(&as->npt, target.raw, size))
		return AX_ERANGE;
	change.region = ax_backend_linear(start.raw, last, target.raw, flags);
	ax_guard_lock(&as->guard);
	error = map_linear_locked(as, &change, attr);
	ax_guard_unlock(&as->guard);
	return error;
}

/* Back all of a range, or nothing of it. */
static ax_error_t populate(struct ax_addrspace *as, const struct region_change *change,
			   uint64_t attr)
{
	const struct ax_region *region = &change->region;
	uint64_t lo;
	uint64_t hi;

	free_window(as, change->path, region->first, region->last, &lo, &hi);
	return ax_npt_populate(&as->npt, region->first, region->last, lo, hi, attr);
}

static ax_error_t map_pages_locked(struct ax_addrspace *as, struct region_change *change,
				   uint64_t attr, bool now)
{
	struct ax_region_path path;
	struct ax_pool nodes = {0};
	ax_error_t error;

	if (!find_place(as, change, &path))
		return AX_EEXIST;
	error = change_prepare(as, change, &nodes);
	if (error == AX_OK && now)
		error = populate(as, change, attr);
	if (error == AX_OK)
		insert_region(as, change, &nodes);
	ax_pool_drain(&nodes);
	return error;
}

ax_error_t ax_addrspace_map_alloc(struct ax_addrspace *as, ax_gpa_t start, uint64_t size,
				  ax_flags_t flags, bool now)
{
	struct region_change change = {.what = REGION_INSERT};
	uint64_t last;
	uint64_t attr;
	ax_error_t error = check_map(as, start, size, flags, &last, &attr);

	if (error != AX_OK)
		return error;
	if (flags & AX_DEVICE)
		return AX_EINVAL;
	change.region = ax_backend_alloc(start.raw, last, flags);
	ax_guard_lock(&as->guard);
	error = map_pages_locked(as, &change, attr, now);
	ax_guard_unlock(&as->guard);
	return error;
}

ax_error_t ax_addrspace_map_backend(struct ax_addrspace *as, ax_gpa_t start, uint64_t size,
				    ax_flags_t flags, const struct ax_backend *backend)
{
	struct region_change change = {.what = REGION_INSERT};
	uint64_t last;
	uint64_t attr;
	ax_error_t error = check_map(as, start, size, flags, &last, &attr);

	if (error != AX_OK)
		return error;
	if (!backend || !backend->ops)
		return AX_EINVAL;
	change.region = ax_backend_custom(start.raw, last, backend, flags);
	ax_guard_lock(&as->guard);
	error = map_pages_locked(as, &change, attr, false);
	ax_guard_unlock(&as->guard);
	return error;
}

static ax_error_t unmap_locked(struct ax_addrspace *as, uint64_t first, uint64_t last)
{
	struct ax_region_path path;
	struct region_change change = {
		.what = REGION_REMOVE, .region = {.first = first, .last = last}, .path = &path};
	struct ax_pool nodes = {0};
	struct ax_pool tables = {0};
	struct ax_tlb_gather gather;
	ax_error_t error;
	uint64_t lo;
	uint64_t hi;
	unsigned types;

	if (!ax_region_seek(ax_addrspace_regions(as), first, &path))
		return AX_OK;
	types = free_window(as, &path, first, last, &lo, &hi);
	if (types == 0)
		return AX_OK;
	error = change_prepare(as, &change, &nodes);
	if (error == AX_OK)
		error = ax_pool_fill(&tables, ax_npt_split_needs(&as->npt, first, last),
				     as->npt.hpa_bits);
	if (error == AX_OK) {
		ax_tlb_gather_init(&gather);
		change_publish(as, &change, &nodes);
		ax_npt_split(&as->npt, first, last, &tables, &gather);
		remove_leaves(as, first, last, lo, hi, types, &gather);
		change_finish(as, &change, &nodes);
	}
	ax_pool_drain(&tables);
	ax_pool_drain(&nodes);
	return error;
}

ax_error_t ax_addrspace_unmap(struct ax_addrspace *as, ax_gpa_t start, uint64_t size)
{
	uint64_t last;
	ax_error_t error;

	if (!ax_addrspace_live(as))
		return AX_ESTATE;
	if (size == 0)
		return AX_OK;
	error = check_pages(as, start, size, &last);
	if (error != AX_OK)
		return error;
	ax_guard_lock(&as->guard);
	error = unmap_locked(as, start.raw, last);
	ax_guard_unlock(&as->guard);
	return error;
}

static ax_error_t protect_locked(struct ax_addrspace *as, uint64_t first, uint64_t last,
				 ax_flags_t flags, uint64_t attr)
{
	struct region_change change = {.what = REGION_PROTECT,
				       .region = {.first = first, .last = last, .flags = flags}};
	struct ax_region_path path;
	struct ax_pool nodes = {0};
	struct ax_pool tables = {0};
	struct ax_tlb_gather gather;
	ax_error_t error;
	uint64_t lo;
	uint64_t hi;

	if (!ax_region_covered(ax_addrspace_regions(as), first, last))
		return AX_ENOENT;
	if ((flags & AX_DEVICE) && ax_region_seek(ax_addrspace_regions(as), first, &path) &&
	    (free_window(as, &path, first, last, &lo, &hi) & OF_ALLOC))
		return AX_EINVAL;
	error = change_prepare(as, &change, &nodes);
	if (error == AX_OK)
		error = ax_pool_fill(&tables, ax_npt_split_needs(&as->npt, first, last),
				     as->npt.hpa_bits);
	if (error == AX_OK) {
		bool broken;

		ax_tlb_gather_init(&gather);
		change_publish(as, &change, &nodes);
		ax_npt_split(&as->npt, first, last, &tables, &gather);
		broken = ax_npt_protect(&as->npt, first, last, flags, attr, &gather);
		ax_tlb_flush(&as->npt, &gather);
		if (broken) {
			ax_npt_reveal(&as->npt, first, last);
			ax_tlb_publish(&as->npt, first, last, false);
		}
		change_finish(as, &change, &nodes);
	}
	ax_pool_drain(&tables);
	ax_pool_drain(&nodes);
	return error;
}

ax_error_t ax_addrspace_protect(struct ax_addrspace *as, ax_gpa_t start, uint64_t size,
				ax_flags_t flags)
{
	uint64_t last;
	uint64_t attr;
	ax_error_t error;

	if (!ax_addrspace_live(as))
		return AX_ESTATE;
	if (size == 0)
		return AX_OK;
	error = check_pages(as, start, size, &last);
	if (error == AX_OK)
		error = ax_npt_encode(&as->npt, flags, &attr);
	if (error != AX_OK)
		return error;
	ax_guard_lock(&as->guard);
	error = protect_locked(as, start.raw, last, flags, attr);
	ax_guard_unlock(&as->guard);
	return error;
}

ax_error_t ax_addrspace_clear(struct ax_addrspace *as)
{
	ax_error_t error;

	if (!ax_addrspace_live(as))
		return AX_ESTATE;
	ax_guard_lock(&as->guard);
	/* Nothing lies across the ends of the space: nothing is split, no memory is needed. */
	error = unmap_locked(as, as->first, as->last);
	ax_guard_unlock(&as->guard);
	return error;
}
