/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DOC: a port for tests
 *
 * The host API of the library as a developer's machine can have it: strong definitions of the
 * memory, TLB, host, time and vmm functions, over an arena of memory that plays the host's RAM.
 *
 * What it is there for is to be strict. Host physical addresses differ from virtual ones; every
 * frame is poisoned when it is handed out and when it comes back; what the contract of
 * <axvisor/memory.h> forbids ends the test at once, with a message that names it: a frame given back
 * twice, in pieces, with a wrong first address or count, by the wrong function, that was never
 * handed out, or written to after it was given back. mock_stop() finds what leaked.
 *
 * Every function may be called from several threads at once.
 */
#ifndef TESTS_SUPPORT_MOCK_PORT_H
#define TESTS_SUPPORT_MOCK_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <axvisor/addr.h>
#include <axvisor/tlb.h>

/* Host physical memory. Nothing else is RAM: phys_to_virt() of any other address ends the test. */

/** MOCK_FRAMES - Frames of the pool that the allocator hands out. */
#define MOCK_FRAMES 32768u
/** MOCK_POOL_BASE - Host address of the first frame of the pool, unless the options say otherwise. */
#define MOCK_POOL_BASE 0x140000000ull
/** MOCK_POOL_BASE_TOP - A base for the options: the pool ends a page before 2^48. */
#define MOCK_POOL_BASE_TOP (0x1000000000000ull - ((uint64_t)MOCK_FRAMES << 12) - 0x200000ull)
/** MOCK_FAR_FRAMES - Frames of the far pool, for mock_use_far(). */
#define MOCK_FAR_FRAMES 1024u
/** MOCK_FAR_BASE - The far pool begins here, at 2^40: beyond a 40-bit address. */
#define MOCK_FAR_BASE 0x10000000000ull
/** MOCK_RAM_BASE - RAM that is never handed out: what a test maps linearly. 1 GiB aligned. */
#define MOCK_RAM_BASE 0x40000000ull
/** MOCK_RAM_SIZE - Its bytes, 2 GiB. Untouched pages cost nothing. */
#define MOCK_RAM_SIZE 0x80000000ull

/** MOCK_ALLOC_POISON - Every byte of a frame when it is handed out. */
#define MOCK_ALLOC_POISON 0xA5u
/** MOCK_FREE_POISON - Every byte of a frame when it came back. */
#define MOCK_FREE_POISON 0xDDu

/**
 * struct mock_options - How the pool is to be. All zero is the plain one.
 * @base: Host address of its first frame; 0: MOCK_POOL_BASE. See @at_zero.
 * @at_zero: It begins at host address 0, and the first frame handed out is that one.
 * @scattered: Single frames come in a shuffled order, so that hardly two follow each other.
 * @no_contiguous: ax_memory_alloc_contiguous_frames() always fails.
 */
struct mock_options {
	uint64_t base;
	bool at_zero;
	bool scattered;
	bool no_contiguous;
};

/**
 * mock_start() - Begin a test: an empty pool, counters 0, nothing injected, no hooks.
 * @options: NULL: all zero.
 */
void mock_start(const struct mock_options *options);

/** mock_stop() - End a test: every frame is back, and none was written to since. */
void mock_stop(void);

/**
 * mock_set_error_handler() - What happens when the contract is broken.
 * @handler: Called with the message, without the lock; it may jump out. NULL: print it and abort.
 */
void mock_set_error_handler(void (*handler)(const char *message));

/** mock_set_no_contiguous() - From now on contiguous allocation fails, or no longer does. */
void mock_set_no_contiguous(bool fails);

/** mock_use_far() - Hand out frames of the far pool, at and above 2^40, or no longer. */
void mock_use_far(bool far);

/** mock_set_cpu_num() - What ax_host_get_cpu_num() returns. mock_start() sets 1. */
void mock_set_cpu_num(size_t count);

/** mock_take_all() - Take every single frame that is left, so that what comes back is handed out next. */
void mock_take_all(void);

/** mock_give_all() - Give back what mock_take_all() took. */
void mock_give_all(void);

/* Failures. A contiguous allocation is one allocation. */

/** mock_fail_at() - The @nth allocation from now on fails, once; 1 is the next. 0: none. */
void mock_fail_at(unsigned long nth);

/** mock_fail_after() - Allocations fail after @count more succeeded, until mock_fail_never(). */
void mock_fail_after(unsigned long count);

/** mock_fail_never() - Memory is back. */
void mock_fail_never(void);

/** mock_failures() - Allocations that were made to fail since mock_start(). */
unsigned long mock_failures(void);

/* What was asked of the port. */

/**
 * struct mock_counts - Calls since mock_start().
 * @alloc: ax_memory_alloc_frame().
 * @alloc_contiguous: ax_memory_alloc_contiguous_frames().
 * @dealloc: ax_memory_dealloc_frame().
 * @dealloc_contiguous: ax_memory_dealloc_contiguous_frames().
 * @phys_to_virt: ax_memory_phys_to_virt().
 * @tlb: ax_tlb_invalidate().
 */
struct mock_counts {
	unsigned long alloc;
	unsigned long alloc_contiguous;
	unsigned long dealloc;
	unsigned long dealloc_contiguous;
	unsigned long phys_to_virt;
	unsigned long tlb;
};

/** mock_counts() - The calls so far. */
struct mock_counts mock_counts(void);

/** mock_frames_held() - 4 KiB frames that are out. */
size_t mock_frames_held(void);

/** mock_is_held() - Whether the frame at @hpa is out. */
bool mock_is_held(uint64_t hpa);

/**
 * mock_block_of() - The allocation that a frame that is out belongs to.
 * @hpa: Any address.
 * @first: Gets the allocation's first address.
 *
 * Return: its number of frames; 0 when the frame is not out.
 */
size_t mock_block_of(uint64_t hpa, uint64_t *first);

/** mock_ptr() - Where a byte of the pools or of the linear RAM is, without counting a call. */
void *mock_ptr(uint64_t hpa);

/** mock_held_ptr() - Where a byte of a frame that is out is, without a lock; NULL: it is not out. */
void *mock_held_ptr(uint64_t hpa);

/** mock_find() - The host address of a byte of the pools; false: it is elsewhere. */
bool mock_find(const void *byte, uint64_t *hpa);

/** MOCK_FRAME_NUMBERS - Frames of both pools. */
#define MOCK_FRAME_NUMBERS (MOCK_FRAMES + MOCK_FAR_FRAMES)

/**
 * mock_frame_number() - Number the frames of both pools from 0.
 * @hpa: A host address.
 * @rest: Gets the bytes from @hpa on that are in the same pool, or outside of the pools.
 *
 * Return: the number of its frame; MOCK_FRAME_NUMBERS when it is in no pool.
 */
size_t mock_frame_number(uint64_t hpa, uint64_t *rest);

/* Requests to invalidate. */

/** MOCK_TLB_RING - Requests that are remembered. */
#define MOCK_TLB_RING 256u

/**
 * mock_tlb_request() - A request that arrived.
 * @back: 0: the last one, 1: the one before it, ...
 *
 * The test ends when there is none.
 */
struct ax_tlb_request mock_tlb_request(unsigned long back);

/** mock_tlb_forget() - Set the number of requests to 0. */
void mock_tlb_forget(void);

/**
 * mock_set_tlb_hook() - Be called at each request, on the thread that makes it.
 * @hook: NULL: none.
 * @context: Handed to it.
 */
void mock_set_tlb_hook(void (*hook)(const struct ax_tlb_request *request, void *context),
		       void *context);

/**
 * mock_set_alloc_hook() - Be called before each allocation of one frame, on the thread that asks for it.
 * @hook: NULL: none. May allocate itself, and have this allocation fail.
 * @context: Handed to it.
 */
void mock_set_alloc_hook(void (*hook)(void *context), void *context);

/**
 * mock_set_free_hook() - Be called when frames come back, before they are poisoned.
 * @hook: NULL: none.
 * @context: Handed to it.
 */
void mock_set_free_hook(void (*hook)(uint64_t hpa, size_t count, void *context), void *context);

#endif /* TESTS_SUPPORT_MOCK_PORT_H */
