/* SPDX-License-Identifier: Apache-2.0 */
/* What the threads do: readers' steps, writers' steps, and what must come of them. */
#include "work.h"

#include <string.h>

#include <axvisor/guest.h>
#include <axvisor/memory.h>

#include "port.h"
#include "vcpu.h"
#include "word.h"

#define PAGE       4096u
#define RAM_BASE   0x40000000ull
#define CHUNK      (4 * PAGE)
#define CHUNKS     64u
#define RAM_SIZE   ((uint64_t)CHUNKS * CHUNK)
#define SLOT_BASE  0x80000000ull
#define SLOT_SIZE  0x200000ull
#define SLOTS      8u
#define SLOT_PAGES (SLOT_SIZE / PAGE)
#define RW         (AX_READ | AX_WRITE)

/* Failures are frequent enough to meet every allocation, and rare enough to get somewhere. */
#define FAIL_ONE_IN  40u
#define DELAY_ONE_IN 700u

_Static_assert(SLOTS *SLOT_SIZE <= PORT_RAM_SIZE, "linear memory for each slot");

static uint64_t below(uint64_t limit)
{
	return port_random() % limit;
}

/* Mostly near the begin of a slot, so that threads meet. */
static uint64_t random_page(void)
{
	return below(8) == 0 ? below(SLOT_PAGES) : below(12);
}

static uint64_t slot_page(uint64_t slot, uint64_t page)
{
	return SLOT_BASE + slot * SLOT_SIZE + page * PAGE;
}

static uint64_t any_address(void)
{
	if (below(3) == 0)
		return RAM_BASE + below(RAM_SIZE / PAGE) * PAGE;
	return slot_page(below(SLOTS), random_page());
}

/* Errors that a step may meet when it knows nothing of what is mapped, or memory is short. */
static void expect_any(ax_error_t error)
{
	if (error != AX_OK && error != AX_ENOENT && error != AX_EACCES && error != AX_ENOMEM &&
	    error != AX_EEXIST)
		die("unexpected error %s", ax_strerror(error));
}

static void expect(const char *what, uint64_t gpa, ax_error_t error, ax_error_t want)
{
	if (error != want)
		die("%s of GPA %#llx: %s, not %s", what, (unsigned long long)gpa,
		    ax_strerror(error), ax_strerror(want));
}

/* A backend of frames of its own, zeroed. */

static size_t backend_pages;

size_t work_backend_pages(void)
{
	return __atomic_load_n(&backend_pages, __ATOMIC_RELAXED);
}

static ax_error_t backend_fault(void *context, ax_gpa_t gpa, ax_flags_t access, ax_hpa_t *out)
{
	ax_hpa_t frame = ax_memory_alloc_frame();

	(void)context;
	(void)gpa;
	(void)access;
	if (ax_hpa_is_none(frame))
		return AX_ENOMEM;
	memset(ax_memory_phys_to_virt(frame), 0, PAGE);
	__atomic_fetch_add(&backend_pages, 1, __ATOMIC_RELAXED);
	*out = frame;
	return AX_OK;
}

static void backend_release(void *context, ax_gpa_t gpa, ax_hpa_t hpa)
{
	const uint64_t *word =
		(const uint64_t *)(const void *)((unsigned char *)ax_memory_phys_to_virt(hpa) +
						 WORD_OFFSET);

	(void)context;
	word_check(gpa.raw, __atomic_load_n(word, __ATOMIC_RELAXED));
	__atomic_fetch_sub(&backend_pages, 1, __ATOMIC_RELAXED);
	ax_memory_dealloc_frame(hpa);
}

static const struct ax_backend_ops backend_ops = {
	.name = "stress",
	.fault = backend_fault,
	.release = backend_release,
	.merge = true,
};
static const struct ax_backend backend = {&backend_ops, NULL};

/* Linear memory is the same for a page whenever it is mapped, so its word is this page's. */
static ax_hpa_t linear_memory(uint64_t gpa)
{
	return ax_hpa(PORT_RAM_BASE + (gpa - SLOT_BASE));
}

/* Steps of readers */

static void read_word(struct ax_addrspace *as, uint64_t gpa)
{
	uint64_t value = 0;
	ax_error_t error;

	/* RAM is copied to and from by its owner, for whom an access beside that is a race. */
	if (gpa < SLOT_BASE)
		return;
	error = ax_guest_read_volatile(as, ax_gpa(gpa + WORD_OFFSET), &value, 8);
	expect_any(error);
	if (error == AX_OK)
		word_check(gpa, value);
}

static void write_word(struct ax_addrspace *as, uint64_t gpa)
{
	uint64_t value = word_of(gpa);

	if (gpa >= SLOT_BASE)
		expect_any(ax_guest_write_volatile(as, ax_gpa(gpa + WORD_OFFSET), &value, 8));
}

static void ask(struct ax_addrspace *as, uint64_t gpa)
{
	struct ax_npt_mapping mapping;
	struct ax_region_info region;
	uint64_t limit;
	ax_hpa_t hpa;
	ax_gpa_t free;

	expect_any(ax_addrspace_translate(as, ax_gpa(gpa), &hpa));
	if (ax_addrspace_translate_and_get_limit(as, ax_gpa(gpa), &hpa, &limit) == AX_OK &&
	    limit == 0)
		die("limit 0 of GPA %#llx", (unsigned long long)gpa);
	if (ax_addrspace_query(as, ax_gpa(gpa), &mapping) == AX_OK &&
	    gpa - mapping.gpa.raw >= mapping.size)
		die("a leaf that does not map GPA %#llx", (unsigned long long)gpa);
	expect_any(ax_addrspace_next_mapping(as, ax_gpa(gpa), &mapping));
	expect_any(ax_addrspace_next_region(as, ax_gpa(gpa), &region));
	expect_any(ax_addrspace_find_free_area(as, ax_gpa(gpa), PAGE, 0, &free));
}

/* Counts are those of some moment: never less than nothing. */
static void count(struct ax_addrspace *as)
{
	struct ax_addrspace_stats stats;

	ax_addrspace_stats(as, &stats);
	if (stats.table_frames > INT64_MAX || stats.owned_frames > INT64_MAX)
		die("counts from nowhere: tables %#llx, owned %#llx",
		    (unsigned long long)stats.table_frames, (unsigned long long)stats.owned_frames);
}

/* A device: pointers that a thread keeps for as long as it may, over other steps and other devices. */

#define DEVICES 4u

static _Thread_local struct device {
	struct ax_guest_window window;
	struct ax_guest_segment segments[2];
	size_t count; /* 0: not open */
	uint64_t gpa;
} devices[DEVICES];

static void open_device(struct ax_addrspace *as, struct device *device, uint64_t gpa)
{
	ax_guest_window_open(&device->window, as);
	device->gpa = gpa;
	if (ax_guest_segments(as, ax_gpa(gpa), 2 * PAGE, AX_WRITE, device->segments, 2,
			      &device->count) != AX_OK)
		device->count = 0;
}

static void use_device(struct ax_addrspace *as, uint64_t gpa)
{
	struct device *device = &devices[below(DEVICES)];
	struct ax_guest_use use;

	if (device->count == 0) {
		if (gpa >= SLOT_BASE)
			open_device(as, device, gpa);
		return;
	}
	if (!ax_guest_window_enter(&device->window, &use)) {
		device->count = 0;
		return;
	}
	word_access(device->segments[0].ptr, device->gpa, below(2));
	if (device->count == 2)
		word_access(device->segments[1].ptr, device->gpa + PAGE, below(2));
	ax_guest_window_leave(&use);
}

static void read_step(struct worker *worker)
{
	struct ax_addrspace *as = &worker->round->as;
	uint64_t gpa = any_address();
	uint64_t kind = below(32);

	if (kind < 12)
		(void)ax_addrspace_handle_page_fault(as, ax_gpa(gpa), below(2) ? RW : AX_READ);
	else if (kind < 20 && gpa >= SLOT_BASE)
		vcpu_access(as, worker->index % VCPUS, gpa, below(2));
	else if (kind < 24)
		read_word(as, gpa);
	else if (kind < 27)
		write_word(as, gpa);
	else if (kind < 30)
		use_device(as, gpa);
	else if (kind < 31)
		ask(as, gpa);
	else
		count(as);
}

/* A thread's own chunks of RAM, and what it has written there. */

static unsigned char contents[CHUNKS][CHUNK];

static void ram_step(struct worker *worker)
{
	struct ax_addrspace *as = &worker->round->as;
	unsigned owned = CHUNKS / worker->round->threads;
	uint64_t chunk = worker->index + below(owned) * worker->round->threads;
	uint64_t gpa = RAM_BASE + chunk * CHUNK;
	unsigned char copy[CHUNK];
	size_t size = 1 + below(CHUNK / 2);
	size_t offset = below(CHUNK - size);
	ax_error_t error;

	for (size_t i = 0; i < size; i++)
		copy[i] = (unsigned char)port_random();
	error = ax_guest_write(as, ax_gpa(gpa + offset), copy, size);
	if (error == AX_OK)
		memcpy(&contents[chunk][offset], copy, size);
	else
		expect("write", gpa, error, AX_ENOMEM);
	error = ax_guest_read(as, ax_gpa(gpa), copy, CHUNK);
	if (error == AX_OK && memcmp(copy, contents[chunk], CHUNK) != 0)
		die("the chunk at GPA %#llx is not what was written", (unsigned long long)gpa);
	if (error != AX_OK)
		expect("read", gpa, error, AX_ENOMEM);
}

/* Steps of writers */

static ax_error_t map_something(struct ax_addrspace *as, uint64_t gpa, uint64_t pages)
{
	switch (below(4)) {
	case 0:
		return ax_addrspace_map_alloc(as, ax_gpa(gpa), pages * PAGE, RW, false);
	case 1:
		return ax_addrspace_map_alloc(as, ax_gpa(gpa), pages * PAGE, RW, true);
	case 2:
		return ax_addrspace_map_backend(as, ax_gpa(gpa), pages * PAGE, RW, &backend);
	default:
		return ax_addrspace_map_linear(as, ax_gpa(gpa), linear_memory(gpa), pages * PAGE,
					       RW);
	}
}

static uint64_t some_pages(uint64_t page)
{
	uint64_t pages = below(64) == 0 ? SLOT_PAGES : 1 + below(12);

	return page + pages > SLOT_PAGES ? SLOT_PAGES - page : pages;
}

/* Anything, anywhere. */
static void wild_step(struct worker *worker)
{
	struct ax_addrspace *as = &worker->round->as;
	uint64_t page = random_page();
	uint64_t pages = some_pages(page);
	uint64_t gpa = slot_page(below(SLOTS), page);
	uint64_t kind = below(40);

	if (kind < 18)
		expect_any(map_something(as, gpa, pages));
	else if (kind < 30)
		expect_any(ax_addrspace_unmap(as, ax_gpa(gpa), pages * PAGE));
	else if (kind < 39)
		expect_any(ax_addrspace_protect(as, ax_gpa(gpa), pages * PAGE,
						below(2) ? AX_READ : RW));
	else
		expect("clear", 0, ax_addrspace_clear(as), AX_OK);
}

static void check_there(struct ax_addrspace *as, uint64_t gpa, ax_error_t may_write)
{
	uint64_t value = word_of(gpa);

	expect("write", gpa, ax_guest_write_volatile(as, ax_gpa(gpa + WORD_OFFSET), &value, 8),
	       may_write);
	expect("read", gpa, ax_guest_read_volatile(as, ax_gpa(gpa + WORD_OFFSET), &value, 8),
	       AX_OK);
	word_check(gpa, value);
	if (may_write == AX_OK && value == 0)
		die("what was written to GPA %#llx is lost", (unsigned long long)gpa);
	if (!ax_addrspace_handle_page_fault(as, ax_gpa(gpa), AX_READ))
		die("no fault on GPA %#llx", (unsigned long long)gpa);
}

static void check_gone(struct ax_addrspace *as, uint64_t gpa)
{
	uint64_t value;
	ax_hpa_t hpa;

	expect("translate", gpa, ax_addrspace_translate(as, ax_gpa(gpa), &hpa), AX_ENOENT);
	expect("read", gpa, ax_guest_read_volatile(as, ax_gpa(gpa), &value, 8), AX_ENOENT);
	if (ax_addrspace_handle_page_fault(as, ax_gpa(gpa), 0))
		die("a fault on GPA %#llx, which is not mapped", (unsigned long long)gpa);
}

/* A region in a slot that this thread alone changes: after each change exactly that has happened. */
static void strict_step(struct worker *worker)
{
	struct ax_addrspace *as = &worker->round->as;
	uint64_t slot =
		worker->index + below(SLOTS / worker->round->threads + 1) * worker->round->threads;
	uint64_t page = random_page();
	uint64_t pages = some_pages(page);
	uint64_t gpa;
	uint64_t cut;
	ax_error_t error;

	if (slot >= SLOTS)
		return;
	gpa = slot_page(slot, page);
	cut = below(pages);
	port_fail(FAIL_ONE_IN);
	error = map_something(as, gpa, pages);
	port_fail(0);
	if (error == AX_ENOMEM) {
		check_gone(as, gpa + cut * PAGE);
		return;
	}
	expect("map", gpa, error, AX_OK);
	check_there(as, gpa, AX_OK);
	check_there(as, gpa + cut * PAGE, AX_OK);
	port_fail(FAIL_ONE_IN);
	error = ax_addrspace_protect(as, ax_gpa(gpa + cut * PAGE), PAGE, AX_READ);
	port_fail(0);
	if (error != AX_ENOMEM) {
		expect("protect", gpa, error, AX_OK);
		check_there(as, gpa + cut * PAGE, AX_EACCES);
	}
	port_fail(FAIL_ONE_IN);
	error = ax_addrspace_unmap(as, ax_gpa(gpa + cut * PAGE), PAGE);
	port_fail(0);
	if (error != AX_ENOMEM) {
		expect("unmap", gpa, error, AX_OK);
		check_gone(as, gpa + cut * PAGE);
		if (cut != 0)
			check_there(as, gpa, AX_OK);
	}
	expect("unmap", gpa, ax_addrspace_unmap(as, ax_gpa(slot_page(slot, 0)), SLOT_SIZE), AX_OK);
	check_gone(as, gpa);
}

void work_prepare(struct round *round)
{
	memset(contents, 0, sizeof(contents));
	expect("map", RAM_BASE,
	       ax_addrspace_map_alloc(&round->as, ax_gpa(RAM_BASE), RAM_SIZE, RW, false), AX_OK);
}

void *work(void *context)
{
	struct worker *worker = context;
	struct round *round = worker->round;
	unsigned long steps = 0;

	port_seed(round->seed * THREADS_MAX + worker->index);
	port_delays(DELAY_ONE_IN);
	while (!__atomic_load_n(&round->stop, __ATOMIC_RELAXED)) {
		port_fail(below(4) == 0 ? FAIL_ONE_IN : 0);
		for (unsigned i = 0; i < 16; i++)
			read_step(worker);
		if (round->wild) {
			wild_step(worker);
		} else {
			port_fail(0);
			strict_step(worker);
			ram_step(worker);
		}
		steps += 18;
	}
	port_fail(0);
	port_delays(0);
	__atomic_fetch_add(&round->steps, steps, __ATOMIC_RELAXED);
	return NULL;
}
