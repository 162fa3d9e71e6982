/* SPDX-License-Identifier: Apache-2.0 */
/* The pool by itself: frames that were got before a change, each of which comes out once. */
#include <axvisor/memory.h>

#include "pool.h"

#include "mock_port.h"
#include "story.h"

/* More than two frames can list. */
#define MANY 1300u

static void fill_takes_what_was_asked_for(void)
{
	struct ax_pool pool = {NULL, 0};

	CHECK_OK(ax_pool_fill(&pool, 0, AX_POOL_ANY_ADDRESS));
	CHECK_EQUAL(mock_counts().alloc, 0);
	CHECK(ax_pool_next(&pool) == NULL);
	CHECK_OK(ax_pool_fill(&pool, 3, AX_POOL_ANY_ADDRESS));
	CHECK_EQUAL(pool.count, 3);
	CHECK_EQUAL(mock_frames_held(), 3);
	ax_pool_drain(&pool);
	ax_pool_drain(&pool);
	CHECK_EQUAL(pool.count, 0);
	CHECK_EQUAL(mock_frames_held(), 0);
	CHECK_OK(ax_pool_fill(&pool, 1, AX_POOL_ANY_ADDRESS));
	CHECK_EQUAL(mock_frames_held(), 1);
	ax_pool_drain(&pool);
}

static struct ax_pool_frame *take(struct ax_pool *pool)
{
	struct ax_pool_frame *next = ax_pool_next(pool);
	struct ax_pool_frame *frame = ax_pool_take(pool);

	CHECK(frame == next);
	CHECK(frame == mock_ptr(frame->hpa));
	return frame;
}

/* Some are taken between, one is put back and comes out first. The port fails a test that gives one back twice. */
static void each_of_many_frames_comes_out_once(void)
{
	struct ax_pool pool = {NULL, 0};
	uint64_t taken[3];

	CHECK_OK(ax_pool_fill(&pool, MANY, AX_POOL_ANY_ADDRESS));
	CHECK_EQUAL(mock_frames_held(), MANY);
	for (unsigned i = 0; i < 3; i++)
		taken[i] = take(&pool)->hpa;
	ax_pool_put(&pool, mock_ptr(taken[1]), taken[1]);
	CHECK(ax_pool_next(&pool) == mock_ptr(taken[1]));
	CHECK_EQUAL(pool.count, MANY - 2);
	ax_memory_dealloc_frame(ax_hpa(taken[0]));
	ax_memory_dealloc_frame(ax_hpa(taken[2]));
	while (pool.count != 0)
		ax_memory_dealloc_frame(ax_hpa(take(&pool)->hpa));
	CHECK(ax_pool_next(&pool) == NULL);
	CHECK_EQUAL(mock_frames_held(), 0);
}

/* In the order in which the port gave them, which is ascending here. A frame comes out after those that it lists. */
static void frames_come_out_in_the_order_of_the_port(void)
{
	struct ax_pool pool = {NULL, 0};
	uint64_t last = 0;
	unsigned back = 0;

	CHECK_OK(ax_pool_fill(&pool, MANY, AX_POOL_ANY_ADDRESS));
	while (pool.count != 0) {
		uint64_t hpa = take(&pool)->hpa;

		back += hpa < last;
		last = hpa;
		ax_memory_dealloc_frame(ax_hpa(hpa));
	}
	/* Once for each frame that is a list. */
	CHECK(back <= 3);
}

static void without_memory_it_is_empty_again(void)
{
	struct ax_pool pool = {NULL, 0};

	for (unsigned long nth = 1; nth <= 600; nth++) {
		mock_fail_at(nth);
		CHECK_ERROR(ax_pool_fill(&pool, 600, AX_POOL_ANY_ADDRESS), AX_ENOMEM);
		CHECK_EQUAL(pool.count, 0);
		CHECK_EQUAL(mock_frames_held(), 0);
	}
	mock_fail_at(0);
	CHECK_OK(ax_pool_fill(&pool, 600, AX_POOL_ANY_ADDRESS));
	CHECK_EQUAL(pool.count, 600);
	ax_pool_drain(&pool);
}

/* A frame that entries cannot hold goes back at once, and so does what was got before it. */
static void frames_beyond_the_width_are_refused(void)
{
	struct ax_pool pool = {NULL, 0};
	uint64_t hpa = 5;

	CHECK_ERROR(ax_pool_fill(&pool, 2, 12), AX_ERANGE);
	CHECK_EQUAL(pool.count, 0);
	CHECK_ERROR(ax_pool_get(12, &hpa), AX_ERANGE);
	CHECK_EQUAL(hpa, 5);
	CHECK_EQUAL(mock_frames_held(), 0);
}

int main(void)
{
	static const struct story stories[] = {
		STORY_PLAIN(fill_takes_what_was_asked_for),
		STORY_PLAIN(each_of_many_frames_comes_out_once),
		STORY_PLAIN(frames_come_out_in_the_order_of_the_port),
		STORY_PLAIN(without_memory_it_is_empty_again),
		STORY_PLAIN(frames_beyond_the_width_are_refused),
	};

	return STORIES_RUN("pool", stories);
}
