/* SPDX-License-Identifier: Apache-2.0 */
/* Frames got before a change, so that the change cannot run out of memory. */
#include "pool.h"

#include "bind.h"

ax_error_t ax_pool_refuse(ax_hpa_t frame)
{
	if (ax_hpa_is_none(frame))
		return AX_ENOMEM;
	ax_memory_api()->dealloc_frame(frame);
	return AX_ERANGE;
}

/* AX_HPA_NONE is too wide for any table: one comparison for all that is well. */
ax_error_t ax_pool_get(unsigned hpa_bits, uint64_t *hpa)
{
	ax_hpa_t frame = ax_memory_api()->alloc_frame();

	if ((frame.raw >> hpa_bits | frame.raw % AX_PAGE_SIZE_4K) != 0)
		return ax_pool_refuse(frame);
	*hpa = frame.raw;
	return AX_OK;
}

/*
 * A frame that lists others, and comes out after them. The addresses are kept densely, and not a link in each
 * frame: frames begin at multiples of the page size, where caches have little room for that many lines, so
 * that each link would be fetched from memory, one after another.
 */
struct pool_list {
	struct ax_pool_frame frame;
	size_t first; /* of those that are still there */
	size_t count;
	uint64_t hpa[(AX_PAGE_SIZE_4K - sizeof(struct ax_pool_frame) - 2 * sizeof(size_t)) /
		     sizeof(uint64_t)];
};

_Static_assert(sizeof(struct pool_list) == AX_PAGE_SIZE_4K, "a list fills its frame, and no more");

#define LIST_MAX (sizeof(((struct pool_list *)NULL)->hpa) / sizeof(uint64_t))

static struct pool_list *make_list(void *frame, uint64_t hpa, struct ax_pool_frame *next)
{
	struct pool_list *list = frame;

	list->frame.hpa = hpa;
	list->frame.next = next;
	list->first = 0;
	list->count = 0;
	return list;
}

/*
 * Frames are taken out again in the order in which the port gave them: tables that follow one another then
 * lie as the port has them, mostly in ascending order, which is what CPUs prefetch. The other way round a
 * protect of 1 GiB in 4K pages takes twice as long.
 */
ax_error_t ax_pool_fill(struct ax_pool *pool, size_t count, unsigned hpa_bits)
{
	struct ax_pool_frame **end = &pool->free;
	struct pool_list *list = NULL;
	uint64_t hpa;

	for (; pool->count < count; pool->count++) {
		ax_error_t error = ax_pool_get(hpa_bits, &hpa);

		if (error != AX_OK) {
			ax_pool_drain(pool);
			return error;
		}
		if (list && list->count < LIST_MAX) {
			list->hpa[list->count++] = hpa;
			continue;
		}
		list = make_list(ax_memory_api()->phys_to_virt(ax_hpa(hpa)), hpa, NULL);
		*end = &list->frame;
		end = &list->frame.next;
	}
	return AX_OK;
}

struct ax_pool_frame *ax_pool_next(const struct ax_pool *pool)
{
	const struct pool_list *list = (const struct pool_list *)(const void *)pool->free;

	if (!list || list->first == list->count)
		return pool->free;
	return ax_memory_api()->phys_to_virt(ax_hpa(list->hpa[list->first]));
}

struct ax_pool_frame *ax_pool_take(struct ax_pool *pool)
{
	struct pool_list *list = (struct pool_list *)(void *)pool->free;
	struct ax_pool_frame *frame = ax_pool_next(pool);

	if (frame == pool->free)
		pool->free = frame->next;
	else
		frame->hpa = list->hpa[list->first++];
	pool->count--;
	return frame;
}

void ax_pool_put(struct ax_pool *pool, void *frame, uint64_t hpa)
{
	pool->free = &make_list(frame, hpa, pool->free)->frame;
	pool->count++;
}

void ax_pool_drain(struct ax_pool *pool)
{
	while (pool->count != 0)
		ax_memory_api()->dealloc_frame(ax_hpa(ax_pool_take(pool)->hpa));
}
