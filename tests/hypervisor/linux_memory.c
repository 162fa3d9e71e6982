/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's memory, moved about while the guest runs.
 *
 * It begins as one lazy alloc region. Then, at random,
 *
 *   - a page is moved to a new frame. That frame is ours, so the page becomes a linear region of its
 *     own, and the old frame goes back, poisoned, at once;
 *   - a page is made read-only until the guest writes to it, as one does to log what gets dirty;
 *   - pages that hold nothing but zeroes are taken from the guest, a range of them at a time, to
 *     be backed with a zeroed frame again if it ever comes back to it. A balloon does so with pages
 *     that the guest names; zeroes are found without its help.
 *
 * The guest must not notice. What it writes between two steps of a change would be lost, so each
 * begins by making its pages read-only: when ax_addrspace_protect() has returned no CPU can write any
 * more, and the contents may be copied or judged. A guest that does faults, as it does in the moment in
 * which a page is mapped nowhere; its fault waits for `lock`, and so for the end of the change.
 */
#include <axvisor/guest.h>
#include <axvisor/memory.h>

#include "console.h"
#include "frames.h"
#include "linux.h"
#include "lock.h"
#include "string.h"

#define RAM_FLAGS   (AX_READ | AX_WRITE | AX_EXECUTE | AX_USER)
#define WRITTEN_OFF (RAM_FLAGS & ~AX_WRITE)

#define PAGES       (LINUX_RAM_SIZE / FRAME_SIZE)
#define RANGE_PAGES 64   /* that are taken back at once, at most */
#define SAMPLE      1024 /* changes between two samples of the counts */

static struct {
	struct lock lock; /* of all this, and held through a change */
	uint64_t random;
	uint64_t moved[PAGES]; /* our frame behind a page that was moved, or 0 */
	bool read_only[PAGES];
	size_t lent; /* frames in `moved` */

	uint64_t moves, protections, ranges, taken, changes;
	uint64_t write_faults, waits; /* that met a read-only page; a change on its way */
	struct peak {
		uint64_t tables, data, regions;
	} peak;
} memory;

void linux_map_ram(struct vm *vm, ax_gpa_t start, uint64_t size)
{
	must(ax_addrspace_map_alloc(&vm->space, start, size, RAM_FLAGS, false),
	     "map the guest's RAM");
}

static ax_gpa_t address_of(size_t page)
{
	return ax_gpa(LINUX_RAM + page * FRAME_SIZE);
}

/* Small numbers, which are what seeds are, would give small ones for a while; and never 0. */
void linux_seed_changes(uint64_t seed)
{
	memory.random = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) | 1;
}

/* xorshift64 (Marsaglia, "Xorshift RNGs", 2003). */
static uint64_t random_below(uint64_t limit)
{
	memory.random ^= memory.random << 13;
	memory.random ^= memory.random >> 7;
	memory.random ^= memory.random << 17;
	return memory.random % limit;
}

/* A page that has a frame behind it, at random; PAGES if none is found. */
static size_t pick_backed(struct vm *vm)
{
	size_t page = random_below(PAGES);
	struct ax_npt_mapping found;

	if (ax_addrspace_next_mapping(&vm->space, address_of(page), &found) != AX_OK ||
	    found.gpa.raw >= LINUX_RAM + LINUX_RAM_SIZE)
		return PAGES;
	if (found.gpa.raw > address_of(page).raw)
		page = (found.gpa.raw - LINUX_RAM) / FRAME_SIZE;
	return page;
}

static bool is_backed(struct vm *vm, size_t page, void **at)
{
	ax_hpa_t hpa;

	if (ax_addrspace_translate(&vm->space, address_of(page), &hpa) != AX_OK)
		return false;
	*at = ax_memory_phys_to_virt(hpa);
	return true;
}

static void protect(struct vm *vm, size_t page, size_t count, ax_flags_t flags)
{
	must(ax_addrspace_protect(&vm->space, address_of(page), count * FRAME_SIZE, flags),
	     "protect");
}

static void unmap(struct vm *vm, size_t page, size_t count)
{
	must(ax_addrspace_unmap(&vm->space, address_of(page), count * FRAME_SIZE), "unmap");
}

/* After the page was unmapped: the frame behind it goes back, if it was not the library's. */
static void give_back(size_t page)
{
	if (!memory.moved[page])
		return;
	frames_free(memory.moved[page]);
	memory.moved[page] = 0;
	memory.lent--;
}

static void move_page(struct vm *vm, size_t page)
{
	uint64_t frame = frames_alloc();
	void *from;

	if (frame == FRAME_NONE || !is_backed(vm, page, &from))
		machine_fail("no memory to move a page to", frame);
	protect(vm, page, 1, WRITTEN_OFF);
	memcpy(ax_memory_phys_to_virt(ax_hpa(frame)), from, FRAME_SIZE);
	machine_clean(ax_memory_phys_to_virt(ax_hpa(frame)), FRAME_SIZE);
	unmap(vm, page, 1);
	must(ax_addrspace_map_linear(&vm->space, address_of(page), ax_hpa(frame), FRAME_SIZE,
				     memory.read_only[page] ? WRITTEN_OFF : RAM_FLAGS),
	     "map a page at its new place");
	give_back(page);
	memory.moved[page] = frame;
	memory.lent++;
	memory.moves++;
}

static void write_protect_page(struct vm *vm, size_t page)
{
	if (memory.read_only[page])
		return;
	memory.read_only[page] = true;
	protect(vm, page, 1, WRITTEN_OFF);
	memory.protections++;
}

static bool is_zero(const void *at)
{
	const uint64_t *words = at;

	for (size_t i = 0; i < FRAME_SIZE / sizeof(*words); i++) {
		if (words[i])
			return false;
	}
	return true;
}

/* Pages from here on that hold nothing but zeroes, or nothing yet. */
static size_t count_zero(struct vm *vm, size_t page, size_t end)
{
	size_t count = 0;
	void *at;

	while (page + count < end && (!is_backed(vm, page + count, &at) || is_zero(at)))
		count++;
	return count;
}

static size_t count_backed(struct vm *vm, size_t page, size_t end)
{
	size_t count = 0;
	void *at;

	for (; page < end; page++)
		count += is_backed(vm, page, &at);
	return count;
}

static void take_run(struct vm *vm, size_t page, size_t end)
{
	memory.taken += count_backed(vm, page, end);
	unmap(vm, page, end - page);
	linux_map_ram(vm, address_of(page), (end - page) * FRAME_SIZE);
	for (; page < end; page++) {
		give_back(page);
		memory.read_only[page] = false;
	}
}

/*
 * The first look, while the guest may write, says where to look closely. Then the guest cannot write
 * any more, and what it wrote in between is found.
 */
static void take_zeroes(struct vm *vm, size_t page)
{
	size_t end = (page | (RANGE_PAGES - 1)) + 1;

	memory.ranges++;
	end = page + count_zero(vm, page, end);
	if (count_backed(vm, page, end) == 0)
		return;
	protect(vm, page, end - page, WRITTEN_OFF);
	if (page + count_zero(vm, page, end) == end) {
		take_run(vm, page, end);
		return;
	}
	for (; page < end; page++)
		protect(vm, page, 1, memory.read_only[page] ? WRITTEN_OFF : RAM_FLAGS);
}

static void sample(struct vm *vm)
{
	struct ax_addrspace_stats stats;

	ax_addrspace_stats(&vm->space, &stats);
	if (stats.table_frames > memory.peak.tables)
		memory.peak.tables = stats.table_frames;
	if (stats.owned_frames + memory.lent > memory.peak.data)
		memory.peak.data = stats.owned_frames + memory.lent;
	if (stats.regions > memory.peak.regions)
		memory.peak.regions = stats.regions;
}

void linux_change_memory(struct vm *vm)
{
	size_t page;

	lock_acquire(&memory.lock);
	page = pick_backed(vm);
	if (page < PAGES && !__atomic_load_n(&vm->stopped, __ATOMIC_ACQUIRE)) {
		uint64_t kind = random_below(4);

		if (kind < 2)
			move_page(vm, page);
		else if (kind == 2)
			write_protect_page(vm, page);
		else
			take_zeroes(vm, page);
		if (++memory.changes % SAMPLE == 0)
			sample(vm);
	}
	lock_release(&memory.lock);
}

/*
 * With the lock held no page is between two places: what the library says then is final, but for
 * pages that were made read-only to see them written to.
 */
bool linux_memory_fault(struct vm *vm, const struct ax_npt_fault *fault)
{
	uint64_t page = (fault->addr.raw - LINUX_RAM) / FRAME_SIZE; /* huge below the RAM */
	bool handled;

	if (page >= PAGES)
		return false;
	lock_acquire(&memory.lock);
	handled = ax_addrspace_handle_page_fault(&vm->space, fault->addr, fault->access);
	if (handled) {
		memory.waits++;
	} else if (memory.read_only[page] && fault->access & AX_WRITE) {
		memory.read_only[page] = false;
		protect(vm, page, 1, RAM_FLAGS);
		memory.write_faults++;
		handled = true;
	}
	lock_release(&memory.lock);
	return handled;
}

void linux_unmap_ram(struct vm *vm)
{
	lock_acquire(&memory.lock);
	sample(vm);
	unmap(vm, 0, PAGES);
	for (size_t i = 0; i < PAGES; i++)
		give_back(i);
	lock_release(&memory.lock);
}

void linux_report_memory(struct vm *vm)
{
	struct ax_addrspace_stats stats;

	vm_check_frames(vm, memory.lent);
	ax_addrspace_stats(&vm->space, &stats);
	console_print("hyp: faults: %lu served by the library (%lu pages backed), %lu writes to "
		      "read-only pages, %lu that met a change, %lu violations\n",
		      vm->faults_served, stats.faults, memory.write_faults, memory.waits,
		      vm->violations);
	console_print("hyp: changes: %lu pages moved, %lu made read-only, %lu taken back by %lu "
		      "looks for zeroes; %lu TLB invalidations\n",
		      memory.moves, memory.protections, memory.taken, memory.ranges, stats.flushes);
	console_print("hyp: at the peak: %lu frames of tables, %lu of data, %lu regions\n",
		      memory.peak.tables, memory.peak.data, memory.peak.regions);
}
