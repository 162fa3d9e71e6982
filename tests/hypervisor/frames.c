/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>

#include "frames.h"
#include "lock.h"
#include "machine.h"
#include "string.h"

#define MAX_FRAMES (PLATFORM_RAM_SIZE / FRAME_SIZE)
#define GROUP      256 /* frames that are passed over in one step when all are in use */

#define POISON_ALLOCATED 0xa5 /* what a user sees who forgets to clear */
#define POISON_FREED     0xdd /* what a user sees who comes too late */

enum frame_state {
	FREE = 0,
	SINGLE,
	BLOCK_FIRST,
	BLOCK_REST,
};

static struct {
	struct lock lock;
	uint64_t start;
	size_t total;
	size_t used;
	size_t hint; /* every frame below is in use */
	uint8_t state[MAX_FRAMES];
	uint16_t used_in[MAX_FRAMES / GROUP];
} pool;

static uint64_t address_of(size_t index)
{
	return pool.start + index * FRAME_SIZE;
}

static size_t index_of(uint64_t address)
{
	if (address < pool.start || address % FRAME_SIZE ||
	    (address - pool.start) / FRAME_SIZE >= pool.total)
		machine_fail("frame address that was never handed out", address);
	return (address - pool.start) / FRAME_SIZE;
}

/* The hypervisor's own map is the identity: see start.S. */
static void poison(size_t index, size_t count, int byte)
{
	memset((void *)(uintptr_t)address_of(index), byte, count * FRAME_SIZE);
}

void frames_init(uint64_t start, uint64_t end)
{
	start = (start + FRAME_SIZE - 1) / FRAME_SIZE * FRAME_SIZE;
	pool.start = start;
	pool.total = (end - start) / FRAME_SIZE;
	if (pool.total > MAX_FRAMES)
		pool.total = MAX_FRAMES;
}

static bool is_free(size_t index, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (pool.state[index + i] != FREE)
			return false;
	}
	return true;
}

static void take(size_t index, size_t count, enum frame_state first)
{
	for (size_t i = 0; i < count; i++) {
		pool.state[index + i] = (uint8_t)(i == 0 ? first : BLOCK_REST);
		pool.used_in[(index + i) / GROUP]++;
	}
	pool.used += count;
	poison(index, count, POISON_ALLOCATED);
}

static void give_back(size_t index, size_t count)
{
	poison(index, count, POISON_FREED);
	for (size_t i = 0; i < count; i++) {
		pool.state[index + i] = FREE;
		pool.used_in[(index + i) / GROUP]--;
	}
	pool.used -= count;
	if (index < pool.hint)
		pool.hint = index;
}

static uint64_t alloc_single(void)
{
	while (pool.hint < pool.total && pool.state[pool.hint] != FREE) {
		bool is_full = pool.used_in[pool.hint / GROUP] == GROUP;

		pool.hint = is_full ? (pool.hint / GROUP + 1) * GROUP : pool.hint + 1;
	}
	if (pool.hint >= pool.total)
		return FRAME_NONE;
	take(pool.hint, 1, SINGLE);
	return address_of(pool.hint);
}

static uint64_t alloc_block(size_t count, size_t alignment)
{
	/* Not rounded: what nobody can mean is refused. */
	if (count == 0 || count > pool.total || alignment == 0 || (alignment & (alignment - 1)))
		return FRAME_NONE;
	for (size_t index = pool.hint; index <= pool.total - count; index++) {
		if (address_of(index) % alignment || !is_free(index, count))
			continue;
		take(index, count, BLOCK_FIRST);
		return address_of(index);
	}
	return FRAME_NONE;
}

static void free_single(uint64_t frame)
{
	size_t index = index_of(frame);

	if (pool.state[index] != SINGLE)
		machine_fail("freed a frame that is not a single one in use", frame);
	give_back(index, 1);
}

static void free_block(uint64_t first, size_t count)
{
	size_t index = index_of(first);
	size_t length = 1;

	if (pool.state[index] != BLOCK_FIRST)
		machine_fail("freed a block that does not start here", first);
	while (index + length < pool.total && pool.state[index + length] == BLOCK_REST)
		length++;
	if (length != count)
		machine_fail("freed a block of another size", first);
	give_back(index, count);
}

uint64_t frames_alloc(void)
{
	uint64_t frame;

	lock_acquire(&pool.lock);
	frame = alloc_single();
	lock_release(&pool.lock);
	return frame;
}

uint64_t frames_alloc_block(size_t count, size_t alignment)
{
	uint64_t first;

	lock_acquire(&pool.lock);
	first = alloc_block(count, alignment);
	lock_release(&pool.lock);
	return first;
}

void frames_free(uint64_t frame)
{
	lock_acquire(&pool.lock);
	free_single(frame);
	lock_release(&pool.lock);
}

void frames_free_block(uint64_t first, size_t count)
{
	lock_acquire(&pool.lock);
	free_block(first, count);
	lock_release(&pool.lock);
}

size_t frames_total(void)
{
	return pool.total;
}

size_t frames_used(void)
{
	size_t used;

	lock_acquire(&pool.lock);
	used = pool.used;
	lock_release(&pool.lock);
	return used;
}
