/* SPDX-License-Identifier: Apache-2.0 */
#include "mock_port.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <axvisor/host.h>
#include <axvisor/memory.h>
#include <axvisor/time.h>
#include <axvisor/vmm.h>

#define PAGE 4096u

enum frame_state {
	FRAME_NEVER, /* not handed out since mock_start() */
	FRAME_HELD,  /* first frame of an allocation */
	FRAME_PART,  /* further frame of a contiguous one */
	FRAME_FREED, /* came back, and holds the poison since */
};

/**
 * struct frame_info - The books, one entry for each frame.
 * @state: See the enum.
 * @contiguous: Which of the two functions handed it out.
 * @count: Of the first frame: frames of the allocation. Of the others: how far back the first is.
 */
struct frame_info {
	unsigned char state;
	bool contiguous;
	uint32_t count;
};

/**
 * struct pool - Frames that are handed out.
 * @hpa: Of the first.
 * @bytes: Where they are.
 * @frames: How many.
 * @cursor: Where the search for the next one begins: what came back is used again as late as can be.
 * @used_end: One past the highest frame that was ever handed out.
 * @info: The books.
 */
struct pool {
	uint64_t hpa;
	unsigned char *bytes;
	size_t frames;
	size_t cursor;
	size_t used_end;
	struct frame_info *info;
};

static struct frame_info near_info[MOCK_FRAMES];
static struct frame_info far_info[MOCK_FAR_FRAMES];

static struct {
	pthread_mutex_t lock;
	struct mock_options options;
	struct pool near;
	struct pool far;
	unsigned char *ram;
	bool use_far;
	size_t cpu_num;
	size_t held;
	unsigned long fail_at;    /* 0: none */
	unsigned long fail_after; /* ULONG_MAX: never */
	unsigned long failures;
	struct mock_counts counts;
	struct ax_tlb_request ring[MOCK_TLB_RING];
	void (*error)(const char *message);
	void (*tlb_hook)(const struct ax_tlb_request *request, void *context);
	void *tlb_context;
	void (*alloc_hook)(void *context);
	void *alloc_context;
	void (*free_hook)(uint64_t hpa, size_t count, void *context);
	void *free_context;
} mock = {.lock = PTHREAD_MUTEX_INITIALIZER, .fail_after = (unsigned long)-1, .cpu_num = 1};

AX_API_IMPLEMENT(ax_memory, AX_MEMORY_VERSION, AX_MEMORY_API);
AX_API_IMPLEMENT(ax_host, AX_HOST_VERSION, AX_HOST_API);
AX_API_IMPLEMENT(ax_tlb, AX_TLB_VERSION, AX_TLB_API);
AX_API_IMPLEMENT(ax_time, AX_TIME_VERSION, AX_TIME_API);
AX_API_IMPLEMENT(ax_vmm, AX_VMM_VERSION, AX_VMM_API);

static void lock(void)
{
	pthread_mutex_lock(&mock.lock);
}

static void unlock(void)
{
	pthread_mutex_unlock(&mock.lock);
}

/* Lets go of the lock, and may not return. */
__attribute__((format(printf, 1, 2))) static void broken(const char *format, ...)
{
	void (*handler)(const char *message) = mock.error;
	char message[256];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	unlock();
	if (handler)
		handler(message);
	fprintf(stderr, "mock port: %s\n", message);
	abort();
}

static unsigned char *map_bytes(size_t size)
{
	void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (bytes == MAP_FAILED) {
		perror("mock port: mmap");
		abort();
	}
	return bytes;
}

static void make_arena(void)
{
	if (mock.ram)
		return;
	mock.near = (struct pool){.frames = MOCK_FRAMES, .info = near_info};
	mock.near.bytes = map_bytes((size_t)MOCK_FRAMES * PAGE);
	mock.far = (struct pool){.frames = MOCK_FAR_FRAMES, .info = far_info};
	mock.far.bytes = map_bytes((size_t)MOCK_FAR_FRAMES * PAGE);
	mock.far.hpa = MOCK_FAR_BASE;
	mock.ram = map_bytes(MOCK_RAM_SIZE);
}

static void empty_pool(struct pool *pool)
{
	memset(pool->info, 0, pool->frames * sizeof(*pool->info));
	pool->cursor = 0;
	pool->used_end = 0;
}

static bool in_pool(const struct pool *pool, uint64_t hpa)
{
	return hpa >= pool->hpa && hpa - pool->hpa < (uint64_t)pool->frames * PAGE;
}

static struct pool *pool_of(uint64_t hpa)
{
	if (in_pool(&mock.near, hpa))
		return &mock.near;
	return in_pool(&mock.far, hpa) ? &mock.far : NULL;
}

static size_t index_of(const struct pool *pool, uint64_t hpa)
{
	return (size_t)((hpa - pool->hpa) / PAGE);
}

static uint64_t hpa_of(const struct pool *pool, size_t index)
{
	return pool->hpa + (uint64_t)index * PAGE;
}

static unsigned char *bytes_of(const struct pool *pool, size_t index)
{
	return pool->bytes + index * PAGE;
}

/* Written under the lock, and read without it by mock_held_ptr(). */
static void set_state(struct frame_info *info, enum frame_state state)
{
	__atomic_store_n(&info->state, (unsigned char)state, __ATOMIC_RELAXED);
}

static bool is_held(const struct frame_info *info)
{
	unsigned char state = __atomic_load_n(&info->state, __ATOMIC_RELAXED);

	return state == FRAME_HELD || state == FRAME_PART;
}

/* All bytes alike: the first is right, and each equals its neighbour. */
static bool is_filled(const unsigned char *bytes, size_t size, unsigned char byte)
{
	return bytes[0] == byte && memcmp(bytes, bytes + 1, size - 1) == 0;
}

static void check_poison(const struct pool *pool, size_t index)
{
	if (pool->info[index].state != FRAME_FREED)
		return;
	if (!is_filled(bytes_of(pool, index), PAGE, MOCK_FREE_POISON))
		broken("frame %#" PRIx64 " was written to after it was given back",
		       hpa_of(pool, index));
}

void mock_set_error_handler(void (*handler)(const char *message))
{
	mock.error = handler;
}

void mock_start(const struct mock_options *options)
{
	lock();
	make_arena();
	mock.options = options ? *options : (struct mock_options){0};
	mock.near.hpa = mock.options.base ? mock.options.base : MOCK_POOL_BASE;
	if (mock.options.at_zero)
		mock.near.hpa = 0;
	empty_pool(&mock.near);
	empty_pool(&mock.far);
	mock.use_far = false;
	mock.cpu_num = 1;
	mock.held = 0;
	mock.fail_at = 0;
	mock.fail_after = (unsigned long)-1;
	mock.failures = 0;
	mock.counts = (struct mock_counts){0};
	mock.tlb_hook = NULL;
	mock.alloc_hook = NULL;
	mock.free_hook = NULL;
	unlock();
}

static void stop_pool(const struct pool *pool)
{
	for (size_t i = 0; i < pool->used_end; i++) {
		if (is_held(&pool->info[i]))
			broken("%zu frames leaked, the first is %#" PRIx64, mock.held,
			       hpa_of(pool, i));
		check_poison(pool, i);
	}
}

void mock_stop(void)
{
	lock();
	stop_pool(&mock.near);
	stop_pool(&mock.far);
	mock.tlb_hook = NULL;
	mock.alloc_hook = NULL;
	mock.free_hook = NULL;
	unlock();
}

void mock_set_no_contiguous(bool fails)
{
	lock();
	mock.options.no_contiguous = fails;
	unlock();
}

void mock_use_far(bool far)
{
	lock();
	mock.use_far = far;
	unlock();
}

void mock_set_cpu_num(size_t count)
{
	lock();
	mock.cpu_num = count;
	unlock();
}

void mock_fail_at(unsigned long nth)
{
	lock();
	mock.fail_at = nth;
	unlock();
}

void mock_fail_after(unsigned long count)
{
	lock();
	mock.fail_after = count;
	unlock();
}

void mock_fail_never(void)
{
	lock();
	mock.fail_at = 0;
	mock.fail_after = (unsigned long)-1;
	unlock();
}

unsigned long mock_failures(void)
{
	unsigned long failures;

	lock();
	failures = mock.failures;
	unlock();
	return failures;
}

static ax_hpa_t taken[MOCK_FRAMES];
static size_t taken_count;

void mock_take_all(void)
{
	for (taken_count = 0; taken_count < MOCK_FRAMES; taken_count++) {
		taken[taken_count] = ax_memory_alloc_frame();
		if (ax_hpa_is_none(taken[taken_count]))
			break;
	}
}

void mock_give_all(void)
{
	while (taken_count)
		ax_memory_dealloc_frame(taken[--taken_count]);
}

static bool must_fail(void)
{
	bool fail = mock.fail_at == 1 || mock.fail_after == 0;

	if (mock.fail_at)
		mock.fail_at--;
	if (mock.fail_after && mock.fail_after != (unsigned long)-1)
		mock.fail_after--;
	mock.failures += fail;
	return fail;
}

static bool are_free(const struct pool *pool, size_t first, size_t count)
{
	for (size_t i = first; i < first + count; i++) {
		if (is_held(&pool->info[i]))
			return false;
	}
	return true;
}

static ax_hpa_t hand_out(struct pool *pool, size_t first, size_t count, bool contiguous)
{
	for (size_t i = first; i < first + count; i++) {
		check_poison(pool, i);
		pool->info[i].contiguous = contiguous;
		pool->info[i].count = (uint32_t)(i == first ? count : i - first);
		set_state(&pool->info[i], i == first ? FRAME_HELD : FRAME_PART);
	}
	memset(bytes_of(pool, first), MOCK_ALLOC_POISON, count * PAGE);
	if (pool->used_end < first + count)
		pool->used_end = first + count;
	mock.held += count;
	return ax_hpa(hpa_of(pool, first));
}

/* A bijection of the frame numbers that leaves hardly two neighbours together. */
static size_t shuffled(const struct pool *pool, size_t index)
{
	if (!mock.options.scattered || pool->frames & (pool->frames - 1))
		return index;
	return (index * 2654435761u + 12345u) & (pool->frames - 1);
}

static void before_allocation(void)
{
	void (*hook)(void *context);

	lock();
	hook = mock.alloc_hook;
	unlock();
	if (hook)
		hook(mock.alloc_context);
}

ax_hpa_t ax_memory_alloc_frame(void)
{
	ax_hpa_t frame = AX_HPA_NONE;
	struct pool *pool;
	bool fail;

	before_allocation();
	lock();
	pool = mock.use_far ? &mock.far : &mock.near;
	mock.counts.alloc++;
	fail = must_fail();
	for (size_t i = 0; !fail && i < pool->frames; i++) {
		size_t place = (pool->cursor + i) % pool->frames;
		size_t index = shuffled(pool, place);

		if (is_held(&pool->info[index]))
			continue;
		frame = hand_out(pool, index, 1, false);
		pool->cursor = (place + 1) % pool->frames;
		break;
	}
	unlock();
	return frame;
}

static ax_hpa_t find_contiguous(struct pool *pool, size_t count, size_t align)
{
	size_t step = align / PAGE;
	size_t first = 0;

	/* The first frame of the pool need not be a multiple of the alignment. */
	while (hpa_of(pool, first) % align)
		first++;
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = first; i + count <= pool->frames; i += step) {
			/* First what was never used, so that stale pointers hit poison. */
			if (pass == 0 && i < pool->used_end)
				continue;
			if (are_free(pool, i, count))
				return hand_out(pool, i, count, true);
		}
	}
	return AX_HPA_NONE;
}

ax_hpa_t ax_memory_alloc_contiguous_frames(size_t count, size_t align)
{
	ax_hpa_t frame = AX_HPA_NONE;
	struct pool *pool;

	lock();
	pool = mock.use_far ? &mock.far : &mock.near;
	mock.counts.alloc_contiguous++;
	if (!count || align < PAGE || align & (align - 1))
		broken("contiguous allocation of %zu frames aligned to %zu", count, align);
	if (!must_fail() && !mock.options.no_contiguous && align < pool->frames * PAGE)
		frame = find_contiguous(pool, count, align);
	unlock();
	return frame;
}

static void check_dealloc(uint64_t hpa, size_t count, bool contiguous)
{
	struct pool *pool = pool_of(hpa);
	const struct frame_info *info = pool ? &pool->info[index_of(pool, hpa)] : NULL;

	if (!info || hpa % PAGE || info->state == FRAME_NEVER)
		broken("given back but never handed out: %#" PRIx64, hpa);
	else if (info->state == FRAME_FREED)
		broken("given back twice: %#" PRIx64, hpa);
	else if (info->state == FRAME_PART)
		broken("a piece of a contiguous block given back: %#" PRIx64, hpa);
	else if (info->contiguous != contiguous)
		broken("given back by the wrong function: %#" PRIx64, hpa);
	else if (info->count != count)
		broken("%zu frames at %#" PRIx64 " given back, %u were handed out", count, hpa,
		       info->count);
}

static void dealloc(uint64_t hpa, size_t count, bool contiguous)
{
	void (*hook)(uint64_t hpa, size_t count, void *context);
	struct pool *pool;
	size_t first;

	lock();
	check_dealloc(hpa, count, contiguous);
	if (contiguous)
		mock.counts.dealloc_contiguous++;
	else
		mock.counts.dealloc++;
	hook = mock.free_hook;
	unlock();
	if (hook)
		hook(hpa, count, mock.free_context);
	lock();
	pool = pool_of(hpa);
	first = index_of(pool, hpa);
	memset(bytes_of(pool, first), MOCK_FREE_POISON, count * PAGE);
	for (size_t i = first; i < first + count; i++)
		set_state(&pool->info[i], FRAME_FREED);
	mock.held -= count;
	unlock();
}

void ax_memory_dealloc_frame(ax_hpa_t frame)
{
	dealloc(frame.raw, 1, false);
}

void ax_memory_dealloc_contiguous_frames(ax_hpa_t first, size_t count)
{
	dealloc(first.raw, count, true);
}

static void *find_byte(uint64_t hpa)
{
	const struct pool *pool = pool_of(hpa);

	if (pool)
		return pool->bytes + (hpa - pool->hpa);
	if (hpa >= MOCK_RAM_BASE && hpa - MOCK_RAM_BASE < MOCK_RAM_SIZE)
		return mock.ram + (hpa - MOCK_RAM_BASE);
	return NULL;
}

void *mock_ptr(uint64_t hpa)
{
	void *byte = find_byte(hpa);

	if (!byte) {
		lock();
		broken("no RAM at %#" PRIx64, hpa);
	}
	return byte;
}

void *ax_memory_phys_to_virt(ax_hpa_t pa)
{
	__atomic_fetch_add(&mock.counts.phys_to_virt, 1, __ATOMIC_RELAXED);
	return mock_ptr(pa.raw);
}

static bool find_address(const unsigned char *bytes, uint64_t size, uint64_t hpa,
			 const unsigned char *byte, uint64_t *out)
{
	if ((uintptr_t)byte < (uintptr_t)bytes || (uintptr_t)byte - (uintptr_t)bytes >= size)
		return false;
	*out = hpa + ((uintptr_t)byte - (uintptr_t)bytes);
	return true;
}

void *mock_held_ptr(uint64_t hpa)
{
	const struct pool *pool = pool_of(hpa);

	if (!pool || !is_held(&pool->info[index_of(pool, hpa)]))
		return NULL;
	return pool->bytes + (hpa - pool->hpa);
}

bool mock_find(const void *byte, uint64_t *hpa)
{
	const struct pool *near = &mock.near;
	const struct pool *far = &mock.far;

	return find_address(near->bytes, (uint64_t)near->frames * PAGE, near->hpa, byte, hpa) ||
	       find_address(far->bytes, (uint64_t)far->frames * PAGE, far->hpa, byte, hpa);
}

ax_hpa_t ax_memory_virt_to_phys(const void *va)
{
	uint64_t hpa = 0;

	if (!mock_find(va, &hpa) &&
	    !find_address(mock.ram, MOCK_RAM_SIZE, MOCK_RAM_BASE, va, &hpa)) {
		lock();
		broken("virt_to_phys of %p, which is no RAM", va);
	}
	return ax_hpa(hpa);
}

size_t mock_frame_number(uint64_t hpa, uint64_t *rest)
{
	const struct pool *pools[] = {&mock.near, &mock.far};
	size_t base = 0;

	*rest = UINT64_MAX - hpa;
	for (size_t i = 0; i < 2; i++) {
		const struct pool *pool = pools[i];

		if (in_pool(pool, hpa)) {
			*rest = pool->hpa + (uint64_t)pool->frames * PAGE - hpa;
			return base + index_of(pool, hpa);
		}
		if (hpa < pool->hpa && pool->hpa - hpa < *rest)
			*rest = pool->hpa - hpa;
		base += pool->frames;
	}
	return MOCK_FRAME_NUMBERS;
}

struct mock_counts mock_counts(void)
{
	struct mock_counts counts;

	lock();
	counts = mock.counts;
	unlock();
	return counts;
}

size_t mock_frames_held(void)
{
	size_t held;

	lock();
	held = mock.held;
	unlock();
	return held;
}

size_t mock_block_of(uint64_t hpa, uint64_t *first)
{
	const struct pool *pool;
	size_t count = 0;

	lock();
	pool = pool_of(hpa);
	if (pool && is_held(&pool->info[index_of(pool, hpa)])) {
		size_t index = index_of(pool, hpa);

		if (pool->info[index].state == FRAME_PART)
			index -= pool->info[index].count;
		count = pool->info[index].count;
		*first = hpa_of(pool, index);
	}
	unlock();
	return count;
}

bool mock_is_held(uint64_t hpa)
{
	uint64_t first;

	return mock_block_of(hpa, &first) != 0;
}

void ax_tlb_invalidate(const struct ax_tlb_request *request)
{
	void (*hook)(const struct ax_tlb_request *request, void *context);
	void *context;

	lock();
	mock.ring[mock.counts.tlb++ % MOCK_TLB_RING] = *request;
	hook = mock.tlb_hook;
	context = mock.tlb_context;
	unlock();
	if (hook)
		hook(request, context);
}

struct ax_tlb_request mock_tlb_request(unsigned long back)
{
	struct ax_tlb_request request;

	lock();
	if (back >= mock.counts.tlb || back >= MOCK_TLB_RING)
		broken("no invalidation %lu before the last of %lu", back, mock.counts.tlb);
	request = mock.ring[(mock.counts.tlb - 1 - back) % MOCK_TLB_RING];
	unlock();
	return request;
}

void mock_tlb_forget(void)
{
	lock();
	mock.counts.tlb = 0;
	unlock();
}

void mock_set_tlb_hook(void (*hook)(const struct ax_tlb_request *request, void *context),
		       void *context)
{
	lock();
	mock.tlb_hook = hook;
	mock.tlb_context = context;
	unlock();
}

void mock_set_alloc_hook(void (*hook)(void *context), void *context)
{
	lock();
	mock.alloc_hook = hook;
	mock.alloc_context = context;
	unlock();
}

void mock_set_free_hook(void (*hook)(uint64_t hpa, size_t count, void *context), void *context)
{
	lock();
	mock.free_hook = hook;
	mock.free_context = context;
	unlock();
}

size_t ax_host_get_cpu_num(void)
{
	size_t count;

	lock();
	count = mock.cpu_num;
	unlock();
	return count;
}

/* Time and VMs: one VM, number 0, with one vCPU; timers never go off. */

ax_ticks_t ax_time_current_ticks(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (ax_ticks_t)now.tv_sec * 1000000000u + (ax_ticks_t)now.tv_nsec;
}

ax_nanos_t ax_time_ticks_to_nanos(ax_ticks_t ticks)
{
	return ticks;
}

ax_ticks_t ax_time_nanos_to_ticks(ax_nanos_t nanos)
{
	return nanos;
}

ax_cancel_token_t ax_time_register_timer(ax_nanos_t deadline,
					 void (*callback)(void *arg, ax_nanos_t now), void *arg)
{
	(void)deadline;
	(void)callback;
	(void)arg;
	return 0;
}

void ax_time_cancel_timer(ax_cancel_token_t token)
{
	(void)token;
}

ax_vm_id_t ax_vmm_current_vm_id(void)
{
	return 0;
}

ax_vcpu_id_t ax_vmm_current_vcpu_id(void)
{
	return 0;
}

bool ax_vmm_vcpu_num(ax_vm_id_t vm, size_t *count)
{
	if (vm)
		return false;
	*count = 1;
	return true;
}

bool ax_vmm_active_vcpus(ax_vm_id_t vm, uint64_t *mask)
{
	if (vm)
		return false;
	*mask = 1;
	return true;
}

void ax_vmm_inject_interrupt(ax_vm_id_t vm, ax_vcpu_id_t vcpu, ax_interrupt_vector_t vector)
{
	(void)vm;
	(void)vcpu;
	(void)vector;
}

void ax_vmm_notify_vcpu_timer_expired(ax_vm_id_t vm, ax_vcpu_id_t vcpu)
{
	(void)vm;
	(void)vcpu;
}
