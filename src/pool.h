/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pool: frames got from the port before a change, so that the change cannot run out of memory.
 *
 * Some of the frames list the others; what is not used goes back.
 */
#ifndef AX_SRC_POOL_H
#define AX_SRC_POOL_H

#include <stddef.h>
#include <stdint.h>

#include <axvisor/addr.h>
#include <axvisor/error.h>

#pragma GCC visibility push(hidden)

/* What a frame begins with that was taken out of a pool; while it is inside, the pool's business. */
struct ax_pool_frame {
	uint64_t hpa;
	struct ax_pool_frame *next;
};

/* For frames that no entry of a table will hold. */
#define AX_POOL_ANY_ADDRESS 63u

/**
 * struct ax_pool - Frames. {0} is an empty one.
 * @free: The list.
 * @count: How many.
 */
struct ax_pool {
	struct ax_pool_frame *free;
	size_t count;
};

/**
 * ax_pool_get() - Take a frame from the port.
 * @hpa_bits: Widest address that will do; one beyond it goes back.
 * @hpa: The frame's address on AX_OK, else untouched.
 *
 * Return: AX_OK; AX_ENOMEM; AX_ERANGE when the port gave an address that is too wide or unaligned.
 */
AX_MUST_CHECK ax_error_t ax_pool_get(unsigned hpa_bits, uint64_t *hpa);

/**
 * ax_pool_refuse() - What becomes of a frame that ax_pool_get() does not take.
 * @frame: AX_HPA_NONE, or an address that is too wide or unaligned: it goes back.
 *
 * Return: AX_ENOMEM; AX_ERANGE.
 */
AX_MUST_CHECK ax_error_t ax_pool_refuse(ax_hpa_t frame);

/**
 * ax_pool_fill() - Get the frames that a change can need.
 * @pool: Empty.
 * @count: How many.
 * @hpa_bits: As in ax_pool_get().
 *
 * Return: as ax_pool_get(); on error it is empty again.
 */
AX_MUST_CHECK ax_error_t ax_pool_fill(struct ax_pool *pool, size_t count, unsigned hpa_bits);

/**
 * ax_pool_next() - Which frame ax_pool_take() will return next.
 * @pool: Any.
 *
 * Return: the frame, still the pool's: good for a prefetch. NULL when the pool is empty.
 */
struct ax_pool_frame *ax_pool_next(const struct ax_pool *pool);

/**
 * ax_pool_take() - Take a frame out of a pool that has one.
 * @pool: Not empty.
 *
 * Return: the frame, of undefined contents but for its hpa.
 */
struct ax_pool_frame *ax_pool_take(struct ax_pool *pool);

/**
 * ax_pool_put() - Put a frame into a pool.
 * @pool: Grows by one.
 * @frame: Where the host sees it.
 * @hpa: Its address.
 */
void ax_pool_put(struct ax_pool *pool, void *frame, uint64_t hpa);

/**
 * ax_pool_drain() - Give all frames back to the port.
 * @pool: Empty afterwards.
 */
void ax_pool_drain(struct ax_pool *pool);

#pragma GCC visibility pop

#endif /* AX_SRC_POOL_H */
