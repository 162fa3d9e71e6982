/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a virtual machine, as far as its memory goes.
 */
#include <axvisor/guest.h>
#include <axvisor/memory.h>
#include <axvisor/time.h>

#include "console.h"
#include "frames.h"
#include "machine.h"
#include "string.h"
#include "vm.h"

#define RAM_FLAGS (AX_READ | AX_WRITE | AX_EXECUTE | AX_USER)

void must(ax_error_t error, const char *what)
{
	if (error == AX_OK)
		return;
	console_print("hyp: %s: %s\n", what, ax_strerror(error));
	machine_fail(what, (uint64_t)error);
}

/*
 * A linear region lends memory to the guest that stays the hypervisor's: here a boot ROM, which the
 * guest can read and run but not change. Guest and host address being aligned, it is one huge page.
 */
static void map_rom(struct vm *vm)
{
	uint64_t rom = vm_lend(vm, GUEST_ROM_SIZE / FRAME_SIZE, GUEST_ROM_SIZE);
	uint32_t *words;

	if (rom == FRAME_NONE)
		machine_fail("no memory for the boot ROM", GUEST_ROM_SIZE);
	words = ax_memory_phys_to_virt(ax_hpa(rom));
	for (uint32_t i = 0; i < GUEST_ROM_SIZE / sizeof(*words); i++)
		words[i] = ROM_WORD(i);
	must(ax_addrspace_map_linear(&vm->space, ax_gpa(GUEST_ROM), ax_hpa(rom), GUEST_ROM_SIZE,
				     AX_READ | AX_EXECUTE | AX_USER),
	     "map the boot ROM");
}

static void map_regions(struct vm *vm)
{
	struct ax_addrspace *space = &vm->space;

	must(ax_addrspace_map_alloc(space, ax_gpa(GUEST_RAM), GUEST_RAM_SIZE, RAM_FLAGS, true),
	     "map the populated half of the RAM");
	must(ax_addrspace_map_alloc(space, ax_gpa(GUEST_LAZY), GUEST_LAZY_SIZE, RAM_FLAGS, false),
	     "map the lazy half of the RAM");
	must(ax_addrspace_map_alloc(space, ax_gpa(GUEST_DATA), GUEST_DATA_SIZE,
				    AX_READ | AX_WRITE | AX_USER, false),
	     "map the memory for data only");
	map_rom(vm);
	/* Pass-through: guest-physical is host-physical here, and the memory type is device. */
	must(ax_addrspace_map_linear(space, ax_gpa(PLATFORM_DEVICE), ax_hpa(PLATFORM_DEVICE),
				     PLATFORM_DEVICE_SIZE,
				     AX_READ | AX_WRITE | AX_DEVICE | AX_USER),
	     "map the device");
}

/*
 * The guest's memory need not be contiguous in ours,
 * so the library tells its segments; each is cleaned out of the caches, because the guest starts
 * with its own switched off. ax_guest_write() would copy as well, but not say what to clean.
 *
 * A chunk has at most one segment for each page that it touches.
 */
void vm_load(struct vm *vm, ax_gpa_t to, const void *from, size_t size)
{
	enum { CHUNK_PAGES = 8, CHUNK = CHUNK_PAGES * 4096 };
	struct ax_guest_segment segments[CHUNK_PAGES];

	for (size_t done = 0; done < size;) {
		size_t chunk = size - done < CHUNK ? size - done : CHUNK;
		size_t count;

		must(ax_guest_segments(&vm->space, ax_gpa(to.raw + done), chunk, AX_WRITE, segments,
				       CHUNK_PAGES, &count),
		     "find the memory behind the image");
		for (size_t i = 0; i < count; i++) {
			memcpy(segments[i].ptr, (const char *)from + done, segments[i].size);
			machine_clean(segments[i].ptr, segments[i].size);
			done += segments[i].size;
		}
	}
}

/* What the CPU's format has by itself, and of what has to be asked for, what the platform wants. */
static uint64_t choose_features(void)
{
	struct ax_npt_capabilities can;

	must(ax_npt_capabilities(AX_NPT_DEFAULT, &can), "see what this CPU can");
	return can.features_default | (can.features & PLATFORM_NPT_FEATURES);
}

void vm_init(struct vm *vm, unsigned vcpu_count)
{
	/*
	 * What is left zero is this CPU's default: the format, the width of the addresses, the
	 * number of levels.
	 */
	struct ax_addrspace_config config = {
		.levels = CONFIG_LEVELS,
		.gpa_bits = CONFIG_GPA_BITS,
		.tag = VM_TAG,
		.cpus = machine_cpus(),
		.features = choose_features(),
	};

	vm->id = 1;
	vm->vcpu_count = vcpu_count;
	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		vm->vcpus[i].vm = vm;
		vm->vcpus[i].index = i;
	}
	must(ax_addrspace_init(&vm->space, &config), "make the address space");
}

void vm_create(struct vm *vm, const void *image, size_t image_size)
{
	struct ax_npt_registers npt;

	vm_init(vm, machine_cpus());
	map_regions(vm);
	vm_load(vm, ax_gpa(GUEST_RAM), image, image_size);

	ax_addrspace_registers(&vm->space, &npt);
	console_print("hyp: VM %zu: image of %zu bytes at 0x%x, table root register 0x%lx, "
		      "control 0x%lx\n",
		      vm->id, image_size, GUEST_RAM, npt.root, npt.control);
}

uint64_t vm_lend(struct vm *vm, size_t count, size_t alignment)
{
	uint64_t first = FRAME_NONE;

	lock_acquire(&vm->lock);
	if (vm->lent_count < VM_MAX_LENT)
		first = frames_alloc_block(count, alignment);
	if (first != FRAME_NONE)
		vm->lent[vm->lent_count++] = (struct vm_lent){first, count};
	lock_release(&vm->lock);
	return first;
}

static size_t lent_frames(const struct vm *vm)
{
	size_t sum = 0;

	for (size_t i = 0; i < vm->lent_count; i++)
		sum += vm->lent[i].count;
	return sum;
}

static void print_text(void *context, const char *text)
{
	(void)context;
	console_puts(text);
}

void vm_check_frames(const struct vm *vm, size_t lent)
{
	struct ax_addrspace_stats stats;
	uint64_t held;

	ax_addrspace_stats(&vm->space, &stats);
	held = stats.table_frames + stats.owned_frames + stats.region_frames + stats.guard_frames +
	       lent;
	if (held != frames_used())
		machine_fail("the frame counts disagree", held);
}

void vm_describe(struct vm *vm, const char *when)
{
	struct ax_addrspace_stats stats;

	console_print("hyp: the address space %s:\n", when);
	ax_addrspace_dump(&vm->space, print_text, NULL);
	ax_addrspace_stats(&vm->space, &stats);
	console_print("hyp: frames: %lu tables, %lu guest RAM, %lu regions, %lu guard, %zu lent; "
		      "the allocator says %zu\n",
		      stats.table_frames, stats.owned_frames, stats.region_frames,
		      stats.guard_frames, lent_frames(vm), frames_used());
	vm_check_frames(vm, lent_frames(vm));
	console_print("hyp: %lu faults served, %lu violations, %lu device loads, %lu stores\n",
		      vm->faults_served, vm->violations, vm->device.loads, vm->device.stores);
}

/* First the space, then what was lent to it: while it lives the guest could still get there. */
void vm_destroy(struct vm *vm)
{
	ax_addrspace_destroy(&vm->space);
	while (vm->lent_count) {
		const struct vm_lent *lent = &vm->lent[--vm->lent_count];

		frames_free_block(lent->first, lent->count);
	}
}
