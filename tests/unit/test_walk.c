/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ways down a table: with a direct map and without, with a guard and without, of any number of levels.
 * Each is judged by the reference walker, which knows the manuals and nothing of the library, for leaves of
 * every size and holes at every level, and after hardware has set in the table what it may.
 */
#include <string.h>

#include "guard.h"
#include "npt_entry.h"
#include "pause.h"

#include "check.h"
#include "mock_port.h"
#include "story.h"

#define VM_RAM 0x40000000ull
#define HOST   MOCK_RAM_BASE

static enum ref_fault walk_as_hardware(const struct test_space *s, uint64_t gpa, bool write,
				       struct ref_result *result)
{
	const struct ref_access access = {.read = true, .write = write};

	return ref_walk(&s->cpu, &reference_memory, gpa, &access, result);
}

static void check_address(const struct test_space *s, uint64_t gpa)
{
	struct ax_npt_mapping mapping = {.hpa = {7}};
	struct ref_result want;
	ax_hpa_t hpa = ax_hpa(7);

	story_note("at %#llx", (unsigned long long)gpa);
	if (walk_as_hardware(s, gpa, false, &want) != REF_FAULT_NONE) {
		CHECK_ERROR(ax_addrspace_translate(&s->as, ax_gpa(gpa), &hpa), AX_ENOENT);
		CHECK_EQUAL(hpa.raw, 7);
		CHECK_ERROR(ax_addrspace_query(&s->as, ax_gpa(gpa), &mapping), AX_ENOENT);
		CHECK_EQUAL(mapping.level, want.level);
	} else {
		CHECK_OK(ax_addrspace_translate(&s->as, ax_gpa(gpa), &hpa));
		CHECK_EQUAL(hpa.raw, want.hpa);
		CHECK_OK(ax_addrspace_query(&s->as, ax_gpa(gpa), &mapping));
		CHECK_EQUAL(mapping.gpa.raw, want.leaf.gpa);
		CHECK_EQUAL(mapping.hpa.raw, want.leaf.hpa);
		CHECK_EQUAL(mapping.size, want.leaf.size);
		CHECK_EQUAL(mapping.level, want.leaf.level);
	}
	story_note(NULL);
}

/* Leaves of each size that there is, each beside a hole of its own level, up to the last page of all. */
static void map_all_sizes(struct test_space *s)
{
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(0), ax_hpa(HOST), K4, RAM));
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(2 * K4), ax_hpa(HOST), K4, RAM));
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(2 * M2), ax_hpa(HOST), M2, RAM));
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(HOST), G1, RAM));
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM + G1), M2, RAM, false));
	CHECK_EQUAL(ax_addrspace_fault(&s->as, ax_gpa(VM_RAM + G1 + K4), AX_WRITE),
		    AX_FAULT_HANDLED);
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(s->size - K4), ax_hpa(HOST + G1), K4, RAM));
}

static void check_all_sizes(const struct test_space *s)
{
	static const uint64_t around[] = {
		0,           K4,          2 * K4,           3 * K4,
		M2,          2 * M2,      3 * M2,           VM_RAM,
		VM_RAM + M2, VM_RAM + G1, VM_RAM + G1 + K4, VM_RAM + G1 + 2 * K4,
	};

	for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
		check_address(s, around[i]);
		check_address(s, around[i] + 0xabc);
		if (around[i] != 0)
			check_address(s, around[i] - 1);
	}
	/* Below each index of each level, the root's top one included. */
	for (unsigned bit = 12; bit < s->format->gpa_bits; bit++) {
		check_address(s, UINT64_C(1) << bit);
		check_address(s, s->size - 1 - (UINT64_C(1) << bit));
	}
	check_address(s, s->size - 1);
}

static void walks_agree_with_hardware(struct test_space *s)
{
	map_all_sizes(s);
	check_all_sizes(s);
	space_use_direct_map(s);
	map_all_sizes(s);
	check_all_sizes(s);
}

/* A write to a page: hardware sets accessed and dirty wherever the format lets it. */
static void touch(const struct test_space *s, uint64_t gpa, struct ref_result *walk)
{
	if (walk_as_hardware(s, gpa, true, walk) != REF_FAULT_NONE)
		FAIL("hardware cannot write to %#llx", (unsigned long long)gpa);
	for (unsigned i = 0; i < walk->update_count; i++) {
		uint64_t *entry = mock_ptr(walk->updates[i].entry_hpa);

		/* Entries that lead to tables it leaves alone, else ax_npt_below() would not hold. */
		CHECK_EQUAL(walk->updates[i].entry_hpa, walk->leaf.entry_hpa);
		*entry |= walk->updates[i].bits;
	}
}

/* The model of the TLB wants to be told of every store. */
static void untouch(const struct ref_result *walk)
{
	uint64_t *entry = mock_ptr(walk->leaf.entry_hpa);

	*entry = walk->leaf.entry;
}

static void walks_agree_after_hardware_has_written(struct test_space *s)
{
	const uint64_t pages[] = {0, 2 * K4, 2 * M2, VM_RAM, VM_RAM + G1 + K4, s->size - K4};
	struct ref_result walks[sizeof(pages) / sizeof(pages[0])];

	space_use_direct_map(s);
	map_all_sizes(s);
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		touch(s, pages[i], &walks[i]);
	check_all_sizes(s);
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		untouch(&walks[i]);
}

/* What a leaf of @level at @gpa is while a writer has it in each of its states. */
static void check_states(struct test_space *s, uint64_t gpa)
{
	const struct ax_npt *npt = &s->as.npt;
	unsigned level = 0;
	ax_hpa_t want, hpa;
	uint64_t *slot;
	uint64_t entry = ax_npt_walk(npt, gpa, &level, &slot);

	CHECK_OK(ax_addrspace_translate(&s->as, ax_gpa(gpa), &want));
	*slot = ax_npt_hide(npt, entry, AX_NPT_BROKEN);
	CHECK_OK(ax_addrspace_translate(&s->as, ax_gpa(gpa), &hpa));
	CHECK_EQUAL(hpa.raw, want.raw);
	*slot = ax_npt_hide(npt, entry, AX_NPT_DEAD);
	CHECK_ERROR(ax_addrspace_translate(&s->as, ax_gpa(gpa), &hpa), AX_ENOENT);
	*slot = ax_npt_hide(npt, entry, AX_NPT_STAGED);
	CHECK_ERROR(ax_addrspace_translate(&s->as, ax_gpa(gpa), &hpa), AX_ENOENT);
	*slot = entry;
	check_address(s, gpa);
}

static void walks_believe_what_is_broken_and_not_what_is_dead(struct test_space *s)
{
	space_use_direct_map(s);
	map_all_sizes(s);
	check_states(s, 2 * K4 + 5);
	check_states(s, 2 * M2 + 5);
	check_states(s, VM_RAM + M2 + 5);
	check_states(s, s->size - 5);
}

/* A table that is about to be freed: hardware does not see its entry, and software does not follow it. */
static void walks_stop_above_a_dead_table(struct test_space *s)
{
	const struct ax_npt *npt = &s->as.npt;
	ax_hpa_t hpa;

	space_use_direct_map(s);
	map_all_sizes(s);
	for (unsigned level = 1; level < s->format->levels; level++) {
		unsigned at = level;
		uint64_t *slot;
		uint64_t entry = ax_npt_walk(npt, s->size - K4, &at, &slot);

		CHECK_EQUAL(at, level);
		*slot = ax_npt_hide(npt, entry, AX_NPT_DEAD);
		CHECK_ERROR(ax_addrspace_translate(&s->as, ax_gpa(s->size - K4), &hpa), AX_ENOENT);
		*slot = entry;
	}
	check_all_sizes(s);
}

static void translate_refuses_with_a_direct_map_as_without(struct test_space *s)
{
	struct ax_addrspace other;
	ax_hpa_t hpa = ax_hpa(7);

	space_use_direct_map(s);
	map_all_sizes(s);
	CHECK_ERROR(ax_addrspace_translate(NULL, ax_gpa(0), &hpa), AX_EINVAL);
	CHECK_ERROR(ax_addrspace_translate(&s->as, ax_gpa(0), NULL), AX_EINVAL);
	CHECK_ERROR(ax_addrspace_translate(&s->as, ax_gpa(s->size), &hpa), AX_ENOENT);
	CHECK_ERROR(ax_addrspace_translate(&s->as, ax_gpa(s->size), NULL), AX_EINVAL);
	CHECK_ERROR(ax_addrspace_translate(&s->as, ax_gpa(UINT64_MAX), &hpa), AX_ENOENT);
	memset(&other, 0xff, sizeof(other));
	CHECK_ERROR(ax_addrspace_translate(&other, ax_gpa(0), &hpa), AX_EINVAL);
	memset(&other, 0, sizeof(other));
	CHECK_ERROR(ax_addrspace_translate(&other, ax_gpa(0), &hpa), AX_EINVAL);
	ax_addrspace_destroy(&s->as);
	CHECK_ERROR(ax_addrspace_translate(&s->as, ax_gpa(0), &hpa), AX_EINVAL);
	CHECK_EQUAL(hpa.raw, 7);
	space_use_direct_map(s);
}

/* Of a space that ends below what its table reaches, and of one that does not begin at 0. */
static void translate_ends_with_the_space(struct test_space *s)
{
	struct ax_addrspace_config config = format_config(s->format);
	ax_hpa_t hpa = ax_hpa(7);

	config.cpus = s->cpus;
	config.base = ax_gpa(VM_RAM);
	config.size = G1;
	config.direct_map = true;
	config.direct_map_offset = (uint64_t)(uintptr_t)mock_ptr(MOCK_POOL_BASE) - MOCK_POOL_BASE;
	space_remake(s, &config);
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(HOST), G1, RAM));
	check_address(s, VM_RAM);
	check_address(s, VM_RAM + G1 - 1);
	CHECK_ERROR(ax_addrspace_translate(&s->as, ax_gpa(VM_RAM + G1), &hpa), AX_ENOENT);
	CHECK_ERROR(ax_addrspace_translate(&s->as, ax_gpa(VM_RAM - 1), &hpa), AX_ENOENT);
	CHECK_EQUAL(hpa.raw, 7);
}

/* The guard of the space whose walks are counted, and how many of them a writer would wait for. */
static struct {
	const struct ax_guard *guard;
	unsigned steps;
	unsigned steps_inside;
} watched;

void ax_host_pause(enum ax_pause_point point)
{
	bool inside = false;

	if (point != AX_PAUSE_WALK || !watched.guard)
		return;
	for (unsigned i = AX_GUARD_SLOT_FIRST; i < AX_GUARD_SLOT_END; i++)
		inside = inside || (watched.guard->slots[i].seq & 1u) != 0;
	watched.steps++;
	watched.steps_inside += inside;
}

static void translate_walks_inside_a_section(struct test_space *s)
{
	ax_hpa_t hpa;

	if (s->cpus == 1)
		return;
	space_use_direct_map(s);
	map_all_sizes(s);
	watched.guard = &s->as.guard;
	watched.steps = watched.steps_inside = 0;
	CHECK_OK(ax_addrspace_translate(&s->as, ax_gpa(0), &hpa));
	watched.guard = NULL;
	CHECK_EQUAL(watched.steps, s->format->levels - 1);
	CHECK_EQUAL(watched.steps_inside, watched.steps);
}

int main(void)
{
	static const struct story stories[] = {
		STORY(walks_agree_with_hardware),
		STORY(walks_agree_after_hardware_has_written),
		STORY(walks_believe_what_is_broken_and_not_what_is_dead),
		STORY(walks_stop_above_a_dead_table),
		STORY(translate_walks_inside_a_section),
		STORY(translate_refuses_with_a_direct_map_as_without),
		STORY(translate_ends_with_the_space),
	};

	return STORIES_RUN("walks", stories);
}
