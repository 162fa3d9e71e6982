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
 * Frames are taken out again in the order in which the port gave them: tables that follow one another then
 * lie as the port has them, mostly in ascending order, which is what CPUs prefetch. The other way round a
 * protect of 1 GiB in 4K pages takes twice as long.
 */
ax_error_t ax_pool_fill(struct ax_pool *pool, size_t count, unsigned hpa_bits)
{
	struct ax_pool got = {NULL, 0};
	struct ax_pool_frame **end = &got.free;
	uint64_t hpa;

	while (pool->count + got.count < count) {
		struct ax_pool_frame *frame;
		ax_error_t error = ax_pool_get(hpa_bits, &hpa);

		if (error != AX_OK) {
			ax_pool_drain(&got);
			return error;
		}
		frame = ax_memory_api()->phys_to_virt(ax_hpa(hpa));
		frame->hpa = hpa;
		frame->next = NULL;
		*end = frame;
		end = &frame->next;
		got.count++;
	}
	*end = pool->free;
	if (got.count != 0)
		pool->free = got.free;
	pool->count += got.count;
	return AX_OK;
}

struct ax_pool_frame *ax_pool_take(struct ax_pool *pool)
{
	struct ax_pool_frame *frame = pool->free;

	pool->free = frame->next;
	pool->count--;
	return frame;
}

void ax_pool_put(struct ax_pool *pool, void *frame, uint64_t hpa)
{
	struct ax_pool_frame *head = frame;

	head->hpa = hpa;
	head->next = pool->free;
	pool->free = head;
	pool->count++;
}

void ax_pool_drain(struct ax_pool *pool)
{
	while (pool->count != 0)
		ax_memory_api()->dealloc_frame(ax_hpa(ax_pool_take(pool)->hpa));
}
