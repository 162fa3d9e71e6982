/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conformance run's changes of the memory map: which are tried, and where.
 *
 * An arena is 4 GiB of guest-physical addresses. The first begins right above the guest's own 4 GiB,
 * one at each power of two above it, and one at the end, so that every bit of an address, and the
 * first and last entries of the root table, count. In an arena most happens in three windows, at its
 * two ends and across a boundary of 1 GiB, so that changes meet what others have left.
 */
#include <axvisor/memory.h>

#include "conformance.h"
#include "console.h"
#include "frames.h"

#define PAGE      UINT64_C(0x1000)
#define BLOCK     AX_PAGE_SIZE_2M
#define GIB       AX_PAGE_SIZE_1G
#define TERA_HALF (512 * GIB)

#define ARENA_SHIFT  32
#define ARENA        (UINT64_C(1) << ARENA_SHIFT)
#define WINDOW       (4 * BLOCK)
#define TURNS_OF_ONE 16 /* changes in a row that are mostly in one arena */

static struct {
	struct vm *vm;
	uint64_t state;    /* of the random numbers */
	unsigned gpa_bits; /* what is tried */
	uint64_t pool;
	unsigned turns;
	unsigned arena;
} map;

uint64_t conformance_random(uint64_t below)
{
	/* xorshift64* (Marsaglia, "Xorshift RNGs"; Vigna). */
	map.state ^= map.state >> 12;
	map.state ^= map.state << 25;
	map.state ^= map.state >> 27;
	return (map.state * UINT64_C(0x2545f4914f6cdd1d) >> 11) % below;
}

/* --- the pool --------------------------------------------------------------------------------- */

bool conformance_in_pool(uint64_t hpa)
{
	return hpa - map.pool < POOL_SIZE;
}

uint64_t conformance_random_frame(void)
{
	return map.pool + conformance_random(POOL_SIZE / PAGE) * PAGE;
}

uint64_t conformance_word(uint64_t hpa)
{
	return hpa * UINT64_C(0x9e3779b97f4a7c15);
}

/* All of the pool's frames differ in these bits. */
uint16_t conformance_number(uint64_t hpa)
{
	return (uint16_t)(hpa / PAGE);
}

void conformance_write_code(uint64_t hpa)
{
	void *code = ax_memory_phys_to_virt(ax_hpa(hpa / PAGE * PAGE + POOL_CODE));

	machine_write_code(code, conformance_number(hpa));
	machine_clean(code, MACHINE_CODE_SIZE);
}

static void fill_pool(void)
{
	uint64_t *words = ax_memory_phys_to_virt(ax_hpa(map.pool));

	for (uint64_t i = 0; i < POOL_SIZE / sizeof(*words); i++)
		words[i] = conformance_word(map.pool + i * sizeof(*words));
	machine_clean(words, POOL_SIZE);
	for (uint64_t at = 0; at < POOL_SIZE; at += PAGE)
		conformance_write_code(map.pool + at);
}

/* --- where ------------------------------------------------------------------------------------ */

static uint64_t arena_start(unsigned arena)
{
	if (arena + ARENA_SHIFT == map.gpa_bits)
		return (UINT64_C(1) << map.gpa_bits) - ARENA;
	return UINT64_C(1) << (arena + ARENA_SHIFT);
}

static unsigned random_arena(void)
{
	return (unsigned)conformance_random(map.gpa_bits - ARENA_SHIFT + 1);
}

static uint64_t random_window(uint64_t arena)
{
	const uint64_t windows[] = {0, GIB - WINDOW / 2, ARENA - WINDOW};

	return arena + windows[conformance_random(3)];
}

bool conformance_in_reach(uint64_t gpa)
{
	return gpa >= ARENA && gpa >> map.gpa_bits == 0;
}

uint64_t conformance_random_address(void)
{
	uint64_t arena = arena_start(conformance_random(2) ? map.arena : random_arena());

	switch (conformance_random(4)) {
	case 0:
		return arena + conformance_random(ARENA);
	case 1:
		return ARENA + conformance_random((UINT64_C(1) << map.gpa_bits) - ARENA);
	default:
		return random_window(arena) + conformance_random(WINDOW);
	}
}

/* As many pages as that, from where they lie in a window. */
static struct conformance_range in_window(uint64_t arena, uint64_t offset, uint64_t size)
{
	struct conformance_range range = {random_window(arena) + offset, size};

	if (size > arena + ARENA - range.start)
		range.size = arena + ARENA - range.start;
	return range;
}

/* Some pages; some 2 MiB pages, half of them with odd ends; 1 GiB; 512 GiB. */
static struct conformance_range random_range(uint64_t arena)
{
	uint64_t kind = conformance_random(CONFORMANCE_TAME ? 30 : 32);
	uint64_t odd = conformance_random(2) * PAGE;

	if (kind < 18)
		return in_window(arena, conformance_random(WINDOW / PAGE) * PAGE,
				 (1 + conformance_random(40)) * PAGE);
	if (kind < 30)
		return in_window(
			arena, conformance_random(4) * BLOCK + conformance_random(512) * odd,
			(1 + conformance_random(3)) * BLOCK + conformance_random(512) * odd);
	if (kind == 30 && arena % TERA_HALF == 0)
		return (struct conformance_range){arena, TERA_HALF};
	return (struct conformance_range){arena + conformance_random(4) * GIB, GIB};
}

/* --- what ------------------------------------------------------------------------------------- */

/* Whatever the flags can say; what the format cannot express, the library refuses. */
static ax_flags_t random_flags(void)
{
	ax_flags_t flags = 1 + (ax_flags_t)conformance_random(7); /* AX_READ, _WRITE, _EXECUTE */

	flags |= conformance_random(2) ? AX_USER : 0;
	switch (conformance_random(8)) {
	case 0:
		return flags | AX_DEVICE;
	case 1:
		return flags | AX_UNCACHED;
	default:
		return flags;
	}
}

/*
 * Behind a GiB and more there is the machine's own memory, as far as it reaches: the guest is only
 * told to access what is in the pool. The rest maps the pool, half of it so that 2 MiB pages fit.
 */
static uint64_t random_target(struct conformance_range range)
{
	uint64_t room = (POOL_SIZE - WINDOW) / PAGE;

	if (range.size == TERA_HALF)
		return 0;
	if (range.size == GIB)
		return PLATFORM_RAM_BASE / GIB * GIB;
	if (conformance_random(2))
		return map.pool + conformance_random(room / 512) * BLOCK + range.start % BLOCK;
	return map.pool + conformance_random(room) * PAGE;
}

static ax_error_t map_linear(struct conformance_range range)
{
	return ax_addrspace_map_linear(&map.vm->space, ax_gpa(range.start),
				       ax_hpa(random_target(range)), range.size, random_flags());
}

static ax_error_t map_alloc(struct conformance_range range, bool populate)
{
	ax_flags_t flags = random_flags() & ~AX_DEVICE;

	return ax_addrspace_map_alloc(&map.vm->space, ax_gpa(range.start), range.size, flags,
				      populate && range.size < GIB);
}

static ax_error_t unmap(struct conformance_range range)
{
	return ax_addrspace_unmap(&map.vm->space, ax_gpa(range.start), range.size);
}

static ax_error_t try_one(struct conformance_range range)
{
	switch (conformance_random(10)) {
	case 0:
	case 1:
		if (!CONFORMANCE_TAME)
			return map_alloc(range, true);
		return map_linear(range);
	case 2:
	case 3:
		if (!CONFORMANCE_TAME)
			return map_alloc(range, false);
		return map_linear(range);
	case 4:
		return unmap(range);
	case 5:
	case 6:
		return ax_addrspace_protect(&map.vm->space, ax_gpa(range.start), range.size,
					    random_flags());
	default:
		return map_linear(range);
	}
}

struct conformance_range conformance_plan(void)
{
	bool here = conformance_random(4) != 0;

	if (map.turns++ % TURNS_OF_ONE == 0)
		map.arena = random_arena();
	return random_range(arena_start(here ? map.arena : random_arena()));
}

/* All of an arena goes. */
static void make_room(uint64_t gpa)
{
	struct conformance_range arena = {gpa / ARENA * ARENA, ARENA};

	if (unmap(arena) != AX_OK)
		machine_fail("conformance: no room can be made", gpa);
}

/* Something is in the way of a map: it goes, and mostly the map comes then. */
static ax_error_t try_twice(struct conformance_range range)
{
	ax_error_t error = try_one(range);

	if (error != AX_EEXIST)
		return error;
	error = unmap(range);
	if (error != AX_OK || conformance_random(4) == 0)
		return error;
	error = try_one(range);
	return error == AX_ENOMEM ? error : AX_OK;
}

/*
 * Until one is done: a hole in what is to be protected, or flags that cannot be expressed, are answered
 * by an error, and nothing has changed.
 */
void conformance_change(struct conformance_range range)
{
	ax_error_t error;

	do {
		if (frames_total() - frames_used() < frames_total() / 4)
			make_room(range.start);
		error = try_twice(range);
		if (error == AX_ENOMEM)
			make_room(range.start);
	} while (error == AX_ENOENT || error == AX_ENOTSUP || error == AX_EINVAL ||
		 error == AX_ENOMEM);
	if (error != AX_OK)
		machine_fail("conformance: a change failed", (uint64_t)error);
}

void conformance_map_clear(void)
{
	struct conformance_range all = {ARENA, ax_addrspace_end(&map.vm->space).raw - ARENA};

	if (unmap(all) != AX_OK)
		machine_fail("conformance: the map does not go", all.size);
}

static unsigned width(const struct vm *vm)
{
	uint64_t last = ax_addrspace_end(&vm->space).raw - 1;
	unsigned bits = 0;

	while (last >> bits)
		bits++;
	return bits < machine_gpa_bits() ? bits : machine_gpa_bits();
}

void conformance_map_init(struct vm *vm)
{
	map.vm = vm;
	map.state = UINT64_C(0x9e3779b97f4a7c15) ^ CONFORMANCE_SEED;
	map.gpa_bits = width(vm);
	map.pool = vm_lend(vm, POOL_SIZE / FRAME_SIZE, BLOCK);
	if (map.gpa_bits <= ARENA_SHIFT || map.pool == FRAME_NONE)
		machine_fail("conformance: no room", map.gpa_bits);
	fill_pool();
	console_print("hyp: conformance: seed %lu, %u changes, %u-bit guest addresses\n",
		      (unsigned long)CONFORMANCE_SEED, CONFORMANCE_CHANGES, map.gpa_bits);
}
