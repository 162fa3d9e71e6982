/* SPDX-License-Identifier: Apache-2.0 */
/* The port of the stress test: memory, failures, delays. */
#include "port.h"

#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <axvisor/memory.h>

#include "pause.h"

#define PAGE         4096u
#define BLOCK_FRAMES 512u
#define ALL_FRAMES   (PORT_FRAMES + PORT_BLOCKS * BLOCK_FRAMES)

/* Frames that a thread keeps for itself before they go to the others. */
#define CACHE_FRAMES 8u

#define ALLOC_POISON 0xA5
#define FREE_POISON  0xDD

AX_API_IMPLEMENT(ax_memory, AX_MEMORY_VERSION, AX_MEMORY_API);

static struct {
	unsigned char *bytes; /* where host address 0 would be */
	bool out[ALL_FRAMES];
	bool used[ALL_FRAMES]; /* was out before: poisoned */
	size_t held;
	unsigned long failures;
	pthread_mutex_t lock; /* of the frames that no thread keeps */
	uint32_t free[PORT_FRAMES];
	size_t free_count;
} port = {.lock = PTHREAD_MUTEX_INITIALIZER};

static _Thread_local struct {
	uint32_t cache[CACHE_FRAMES];
	unsigned count;
	unsigned fail_one_in;
	unsigned delay_one_in;
	uint64_t random;
} mine = {.random = 1};

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("stress: ", stderr);
	vfprintf(stderr, format, args);
	fputs("\n", stderr);
	va_end(args);
	abort();
}

/* splitmix64 */
uint64_t port_random(void)
{
	uint64_t z = mine.random += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

void port_seed(uint64_t seed)
{
	mine.random = seed;
}

void port_fail(unsigned one_in)
{
	mine.fail_one_in = one_in;
}

void port_delays(unsigned one_in)
{
	mine.delay_one_in = one_in;
}

void ax_host_pause(enum ax_pause_point point)
{
	struct timespec time = {0, 0};

	(void)point;
	if (mine.delay_one_in == 0 || port_random() % mine.delay_one_in != 0)
		return;
	if (port_random() % 2 == 0) {
		sched_yield();
		return;
	}
	time.tv_nsec = (long)(port_random() % (port_random() % 16 == 0 ? 2000000 : 50000));
	nanosleep(&time, NULL);
}

void port_start(void)
{
	size_t size = (size_t)ALL_FRAMES * PAGE;
	uint64_t span = PORT_BASE - PORT_RAM_BASE;
	/* Host memory as far apart as its addresses: one offset for all of it. */
	unsigned char *bytes = mmap(NULL, span + size, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (bytes == MAP_FAILED)
		die("no memory");
	/* A multiple of 2 MiB beside the host address is not needed: nobody looks at the virtual one. */
	port.bytes = bytes - PORT_RAM_BASE;
	for (uint32_t i = 0; i < PORT_FRAMES; i++)
		port.free[port.free_count++] = PORT_FRAMES - 1 - i;
}

uint64_t port_offset(void)
{
	return (uint64_t)(uintptr_t)port.bytes;
}

size_t port_held(void)
{
	return __atomic_load_n(&port.held, __ATOMIC_RELAXED);
}

unsigned long port_failures(void)
{
	return __atomic_load_n(&port.failures, __ATOMIC_RELAXED);
}

static unsigned char *bytes_of(size_t frame)
{
	return port.bytes + PORT_BASE + frame * PAGE;
}

static bool must_fail(void)
{
	if (mine.fail_one_in == 0 || port_random() % mine.fail_one_in != 0)
		return false;
	__atomic_fetch_add(&port.failures, 1, __ATOMIC_RELAXED);
	return true;
}

static ax_hpa_t hand_out(size_t frame, size_t count)
{
	for (size_t i = frame; i < frame + count; i++) {
		const unsigned char *bytes = bytes_of(i);

		if (port.used[i] && (bytes[0] != FREE_POISON || memcmp(bytes, bytes + 1, PAGE - 1)))
			die("frame %zu was written to after it came back", i);
		port.used[i] = true;
		if (__atomic_exchange_n(&port.out[i], true, __ATOMIC_RELAXED))
			die("frame %zu is out twice", i);
	}
	memset(bytes_of(frame), ALLOC_POISON, count * PAGE);
	__atomic_fetch_add(&port.held, count, __ATOMIC_RELAXED);
	return ax_hpa(PORT_BASE + (uint64_t)frame * PAGE);
}

static size_t take_back(ax_hpa_t first, size_t count)
{
	size_t frame = (size_t)((first.raw - PORT_BASE) / PAGE);

	if (first.raw < PORT_BASE || first.raw % PAGE != 0 || frame + count > ALL_FRAMES)
		die("%#llx is no frame", (unsigned long long)first.raw);
	memset(bytes_of(frame), FREE_POISON, count * PAGE);
	for (size_t i = frame; i < frame + count; i++) {
		if (!__atomic_exchange_n(&port.out[i], false, __ATOMIC_RELAXED))
			die("frame %zu came back twice", i);
	}
	__atomic_fetch_sub(&port.held, count, __ATOMIC_RELAXED);
	return frame;
}

/* Half of a thread's cache to or from the others. */
static void refill(void)
{
	pthread_mutex_lock(&port.lock);
	while (mine.count < CACHE_FRAMES / 2 && port.free_count != 0)
		mine.cache[mine.count++] = port.free[--port.free_count];
	pthread_mutex_unlock(&port.lock);
}

static void spill(void)
{
	pthread_mutex_lock(&port.lock);
	while (mine.count > CACHE_FRAMES / 2)
		port.free[port.free_count++] = mine.cache[--mine.count];
	pthread_mutex_unlock(&port.lock);
}

ax_hpa_t ax_memory_alloc_frame(void)
{
	if (must_fail())
		return AX_HPA_NONE;
	if (mine.count == 0)
		refill();
	if (mine.count == 0)
		return AX_HPA_NONE;
	return hand_out(mine.cache[--mine.count], 1);
}

void ax_memory_dealloc_frame(ax_hpa_t frame)
{
	size_t index = take_back(frame, 1);

	if (index >= PORT_FRAMES)
		die("frame %zu is part of a block", index);
	if (mine.count == CACHE_FRAMES)
		spill();
	mine.cache[mine.count++] = (uint32_t)index;
}

ax_hpa_t ax_memory_alloc_contiguous_frames(size_t count, size_t align)
{
	size_t frame = ALL_FRAMES;

	if (count > BLOCK_FRAMES || align > BLOCK_FRAMES * PAGE || must_fail())
		return AX_HPA_NONE;
	pthread_mutex_lock(&port.lock);
	for (size_t i = PORT_FRAMES; i < ALL_FRAMES && frame == ALL_FRAMES; i += BLOCK_FRAMES) {
		if (!__atomic_load_n(&port.out[i], __ATOMIC_RELAXED))
			frame = i;
	}
	pthread_mutex_unlock(&port.lock);
	/* Blocks go to the one writer of the one space: nobody takes it meanwhile. */
	return frame == ALL_FRAMES ? AX_HPA_NONE : hand_out(frame, count);
}

void ax_memory_dealloc_contiguous_frames(ax_hpa_t first, size_t count)
{
	size_t frame = take_back(first, count);

	if (frame < PORT_FRAMES || (frame - PORT_FRAMES) % BLOCK_FRAMES != 0)
		die("frame %zu begins no block", frame);
}

void *ax_memory_phys_to_virt(ax_hpa_t pa)
{
	return port.bytes + pa.raw;
}

ax_hpa_t ax_memory_virt_to_phys(const void *va)
{
	return ax_hpa((uint64_t)((const unsigned char *)va - port.bytes));
}
