/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls beside one another, each at the moment that matters. The library calls its port in the middle
 * of things: a backend's fault while a page is missing, ax_tlb_invalidate() while an entry is broken.
 * What another CPU might do just then is done there, on the same thread, so that each race is lost on
 * purpose. Readers may be called from there, as <axvisor/addrspace.h> says. Where the port is not
 * called, the hooks of src/host_hooks.h are, after each store.
 */
#include <string.h>

#include <axvisor/guest.h>

#include "npt_entry.h"
#include "pause.h"

#include "check.h"
#include "hooks.h"
#include "mock_port.h"
#include "story.h"
#include "tlb_model.h"

#define VM_RAM 0x40000000ull
#define HOST   MOCK_RAM_BASE

/* Faults that lose */

/**
 * struct race - A backend's page, while whose fault is served another CPU faults.
 * @space: Where.
 * @rival: Guest address of that fault; 0: no more.
 * @given: Pages that were given.
 * @back: Pages that came back by release.
 * @held: Frames that the port had out after the rival.
 */
struct race {
	struct test_space *space;
	uint64_t rival;
	unsigned given;
	unsigned back;
	size_t held;
};

static ax_error_t race_fault(void *context, ax_gpa_t gpa, ax_flags_t access, ax_hpa_t *out)
{
	struct race *race = context;
	uint64_t rival = race->rival;

	race->rival = 0;
	if (rival) {
		CHECK_EQUAL(ax_addrspace_fault(&race->space->as, ax_gpa(rival), access),
			    AX_FAULT_HANDLED);
		race->held = mock_frames_held();
	}
	/* The rival's page is another one than the loser's of the same address. */
	*out = ax_hpa(HOST + (gpa.raw - VM_RAM) + race->given++ * M2);
	return AX_OK;
}

static void race_release(void *context, ax_gpa_t gpa, ax_hpa_t hpa)
{
	struct race *race = context;

	CHECK_EQUAL(hpa.raw % M2, gpa.raw % M2);
	race->back++;
}

static const struct ax_backend_ops race_ops = {"race", race_fault, race_release, false};

static void fault_that_lost_its_page_takes_the_other_one(struct test_space *s)
{
	struct race race = {.space = s, .rival = VM_RAM + K4};
	const struct ax_backend backend = {&race_ops, &race};
	struct ax_addrspace_stats before, after;
	ax_hpa_t hpa;

	if (s->cpus == 1)
		return;
	ax_addrspace_stats(&s->as, &before);
	CHECK_OK(ax_addrspace_map_backend(&s->as, ax_gpa(VM_RAM), M2, RAM, &backend));
	CHECK_EQUAL(ax_addrspace_fault(&s->as, ax_gpa(VM_RAM + K4), AX_WRITE), AX_FAULT_HANDLED);
	CHECK_EQUAL(race.given, 2);
	CHECK_EQUAL(race.back, 1);
	/* The loser gave back its tables too, and only the winner counts. */
	CHECK_EQUAL(mock_frames_held(), race.held);
	CHECK_OK(ax_addrspace_translate(&s->as, ax_gpa(VM_RAM + K4), &hpa));
	CHECK_EQUAL(hpa.raw, HOST + K4);
	ax_addrspace_stats(&s->as, &after);
	CHECK_EQUAL(after.faults - before.faults, 1);
	check_tables(s);
	CHECK_OK(ax_addrspace_clear(&s->as));
	CHECK_EQUAL(race.back, 2);
}

static void fault_that_lost_its_tables_keeps_its_page(struct test_space *s)
{
	struct race race = {.space = s, .rival = VM_RAM + 7 * K4};
	const struct ax_backend backend = {&race_ops, &race};
	ax_hpa_t hpa;

	if (s->cpus == 1)
		return;
	CHECK_OK(ax_addrspace_map_backend(&s->as, ax_gpa(VM_RAM), M2, RAM, &backend));
	CHECK_EQUAL(ax_addrspace_fault(&s->as, ax_gpa(VM_RAM + 2 * K4), AX_READ), AX_FAULT_HANDLED);
	CHECK_EQUAL(race.given, 2);
	CHECK_EQUAL(race.back, 0);
	CHECK_EQUAL(mock_frames_held(), race.held);
	CHECK_OK(ax_addrspace_translate(&s->as, ax_gpa(VM_RAM + 7 * K4), &hpa));
	CHECK_EQUAL(hpa.raw, HOST + 7 * K4);
	CHECK_OK(ax_addrspace_translate(&s->as, ax_gpa(VM_RAM + 2 * K4), &hpa));
	CHECK_EQUAL(hpa.raw, HOST + M2 + 2 * K4);
	check_tables(s);
	CHECK_OK(ax_addrspace_clear(&s->as));
	CHECK_EQUAL(race.back, 2);
}

/* The rival linked only a part of what is missing: the same fault again, with fewer tables. */
static void fault_that_lost_half_its_tables_uses_the_rest(struct test_space *s)
{
	struct race race = {.space = s, .rival = VM_RAM + 3 * M2};
	const struct ax_backend backend = {&race_ops, &race};

	if (s->cpus == 1)
		return;
	CHECK_OK(ax_addrspace_map_backend(&s->as, ax_gpa(VM_RAM), 4 * M2, RAM, &backend));
	CHECK_EQUAL(ax_addrspace_fault(&s->as, ax_gpa(VM_RAM), AX_READ), AX_FAULT_HANDLED);
	CHECK_EQUAL(race.given, 2);
	CHECK_EQUAL(race.back, 0);
	/* One table of pages more than the rival's. */
	CHECK_EQUAL(mock_frames_held(), race.held + 1);
	CHECK_EQUAL(leaf_size_at(s, VM_RAM), K4);
	CHECK_EQUAL(leaf_size_at(s, VM_RAM + 3 * M2), K4);
	check_tables(s);
	CHECK_OK(ax_addrspace_clear(&s->as));
	CHECK_EQUAL(race.back, 2);
}

/* Readers during the flush */

static struct {
	struct test_space *space;
	bool reading; /* a fault may ask for an invalidation of its own */
	unsigned requests;
	uint64_t kept; /* a page that stays mapped throughout */
	uint64_t size; /* of the region around it, from there on */
	uint64_t hpa;  /* behind it */
	uint64_t gone; /* a page that is being unmapped; 0: none */
	bool owned;    /* memory of the space's own */
} during;

static void read_what_goes(struct ax_addrspace *as)
{
	struct ax_guest_segment segment;
	uint64_t limit = 0;
	size_t count = 0;
	ax_hpa_t hpa;

	CHECK_EQUAL(ax_addrspace_fault(as, ax_gpa(during.gone), AX_READ), AX_FAULT_NO_REGION);
	CHECK_ERROR(ax_guest_segments(as, ax_gpa(during.gone), 1, AX_READ, &segment, 1, &count),
		    AX_ENOENT);
	/* Mapped yet or not, there is no more of it than a leaf. */
	if (ax_addrspace_translate_and_get_limit(as, ax_gpa(during.gone), &hpa, &limit) == AX_OK)
		CHECK(limit <= M2);
}

static void read_during(const struct ax_tlb_request *request, void *context)
{
	struct ax_addrspace *as = &during.space->as;
	struct ax_guest_segment segment;
	struct ax_npt_mapping mapping;
	uint64_t limit = 0;
	size_t count = 0;
	ax_hpa_t hpa;

	(void)request;
	(void)context;
	if (during.reading)
		return;
	during.reading = true;
	during.requests++;
	CHECK_OK(ax_addrspace_translate(as, ax_gpa(during.kept + 5), &hpa));
	CHECK_EQUAL(hpa.raw, during.hpa + 5);
	CHECK_OK(ax_addrspace_translate_and_get_limit(as, ax_gpa(during.kept), &hpa, &limit));
	/* Of owned memory it is what the table maps, which is still what it was. */
	CHECK(during.owned ? limit >= during.size : limit == during.size);
	CHECK_OK(ax_addrspace_query(as, ax_gpa(during.kept), &mapping));
	CHECK_OK(ax_addrspace_next_mapping(as, ax_gpa(during.kept), &mapping));
	CHECK(mapping.gpa.raw <= during.kept);
	CHECK_EQUAL(ax_addrspace_fault(as, ax_gpa(during.kept), AX_READ), AX_FAULT_HANDLED);
	/* A segment never reaches into what goes, whatever the leaf is. */
	CHECK_OK(ax_guest_segments(as, ax_gpa(during.kept), (size_t)during.size, AX_READ, &segment,
				   1, &count));
	CHECK_EQUAL(count, 1);
	CHECK_EQUAL(segment.size, during.size);
	if (during.gone)
		read_what_goes(as);
	during.reading = false;
}

static void watch(struct test_space *s, uint64_t kept, uint64_t size, uint64_t gone)
{
	ax_hpa_t hpa;

	CHECK_OK(ax_addrspace_translate(&s->as, ax_gpa(kept), &hpa));
	memset(&during, 0, sizeof(during));
	during.space = s;
	during.kept = kept;
	during.size = size;
	during.hpa = hpa.raw;
	during.gone = gone;
	during.owned = mock_is_held(hpa.raw);
	tlb_model_drop();
	mock_set_tlb_hook(read_during, NULL);
}

static void readers_see_through_the_break_of_an_unmap(struct test_space *s)
{
	if (s->cpus == 1)
		return;
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(HOST), M2, RAM));
	watch(s, VM_RAM, 8 * K4, VM_RAM + 8 * K4);
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM + 8 * K4), K4));
	CHECK(during.requests >= 1);
	watch(s, VM_RAM + 4 * K4, 2 * K4, VM_RAM + 6 * K4);
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM + 6 * K4), 2 * K4));
	CHECK(during.requests >= 1);
	mock_set_tlb_hook(NULL, NULL);
	CHECK_SPACE(s, LINEAR(VM_RAM, 6 * K4, HOST, RAM),
		    LINEAR(VM_RAM + 9 * K4, M2 - 9 * K4, HOST + 9 * K4, RAM));
}

static void readers_see_through_the_break_of_a_protect(struct test_space *s)
{
	if (s->cpus == 1)
		return;
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(HOST), M2, RAM));
	watch(s, VM_RAM + 3 * K4, K4, 0);
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM + 3 * K4), K4, AX_READ | AX_USER));
	CHECK(during.requests >= 1);
	mock_set_tlb_hook(NULL, NULL);
	CHECK_SPACE(s, LINEAR(VM_RAM, 3 * K4, HOST, RAM),
		    LINEAR(VM_RAM + 3 * K4, K4, HOST + 3 * K4, AX_READ | AX_USER),
		    LINEAR(VM_RAM + 4 * K4, M2 - 4 * K4, HOST + 4 * K4, RAM));
}

static void readers_see_through_the_break_of_a_memory_type(struct test_space *s)
{
	const ax_flags_t uncached = RW | AX_UNCACHED;

	if (s->cpus == 1 || format_expressible(s->format, uncached) != AX_OK)
		return;
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(HOST), 4 * K4, RW));
	watch(s, VM_RAM + K4, 3 * K4, 0);
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM), 4 * K4, uncached));
	CHECK_EQUAL(during.requests, 1);
	mock_set_tlb_hook(NULL, NULL);
	CHECK_SPACE(s, LINEAR(VM_RAM, 4 * K4, HOST, uncached));
}

/* A chunk is all that is contiguous there, and not a page at the most. */
static void readers_with_a_direct_map_end_with_the_region(struct test_space *s)
{
	if (s->cpus == 1)
		return;
	space_use_direct_map(s);
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), M2, RAM, true));
	watch(s, VM_RAM, 8 * K4, VM_RAM + 8 * K4);
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM + 8 * K4), K4));
	CHECK(during.requests >= 1);
	mock_set_tlb_hook(NULL, NULL);
	CHECK_SPACE(s, OWNED(VM_RAM, 8 * K4, RAM), OWNED(VM_RAM + 9 * K4, M2 - 9 * K4, RAM));
}

/* Between two stores */

static struct {
	struct test_space *space;
	unsigned store;    /* stores so far */
	unsigned at;       /* the one after which it happens */
	uint64_t fault;    /* another CPU's fault: guest address; 0: none */
	uint64_t second;   /* and one more */
	bool fails;        /* the allocation after those fails */
	uint64_t *touched; /* or an entry that hardware touches */
	uint64_t sets;     /* the bits that it sets there */
} between;

static void after_store(const uint64_t *slot, uint64_t entry)
{
	(void)slot;
	(void)entry;
	if (++between.store != between.at)
		return;
	if (between.touched)
		*between.touched |= between.sets;
	if (between.fault)
		CHECK_EQUAL(ax_addrspace_fault(&between.space->as, ax_gpa(between.fault), AX_READ),
			    AX_FAULT_HANDLED);
	if (between.second)
		CHECK_EQUAL(ax_addrspace_fault(&between.space->as, ax_gpa(between.second), AX_READ),
			    AX_FAULT_HANDLED);
	if (between.fails)
		mock_fail_at(1);
}

static void nothing_at_a_flush(bool everywhere)
{
	(void)everywhere;
}

static void nothing(void)
{
}

static void happen_after(struct test_space *s, unsigned at)
{
	static const struct host_hooks hooks = {after_store, nothing_at_a_flush, nothing, nothing,
						nothing};

	tlb_model_drop();
	memset(&between, 0, sizeof(between));
	between.space = s;
	between.at = at;
	host_hooks_set(&hooks);
}

/*
 * A map builds its table aside, while a fault of its neighbour, which belongs into the same table,
 * links one: the map's goes back, and both find their pages in the one that won.
 */
static void map_that_lost_its_table_to_a_fault_uses_that(struct test_space *s)
{
	const uint64_t lazy = VM_RAM + 16 * K4;
	bool over = s->cpus == 1;

	for (unsigned at = 1; !over; at++) {
		CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(lazy), 2 * K4, RAM, false));
		happen_after(s, at);
		between.fault = lazy + K4;
		CHECK_OK(
			ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(HOST), 8 * K4, RAM));
		host_hooks_set(NULL);
		over = between.store < at;
		CHECK_SPACE(s, LINEAR(VM_RAM, 8 * K4, HOST, RAM), PARTLY(lazy, 2 * K4, RAM));
		CHECK_EQUAL(leaf_size_at(s, lazy + K4), over ? 0 : K4);
		CHECK_OK(ax_addrspace_clear(&s->as));
		check_empty(s);
	}
}

/* A range to populate, and pages of its neighbours which need the same tables of all levels. */
struct between_lazy {
	uint64_t first;
	uint64_t size;
	uint64_t below;
	uint64_t above;
};

/*
 * One try of a populate, while after store @at the neighbours fault. @fails: Its next allocation fails then.
 * Return: whether the populate ended before that.
 */
static bool populate_beside_faults(struct test_space *s, const struct between_lazy *r, unsigned at,
				   unsigned faults, bool fails)
{
	const unsigned long failures = mock_failures();
	ax_error_t error;
	bool over;

	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(r->below), 2 * K4, RAM, false));
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(r->above), 2 * K4, RAM, false));
	happen_after(s, at);
	between.fault = faults & 1u ? r->below : 0;
	between.second = faults & 2u ? r->above : 0;
	between.fails = fails;
	error = ax_addrspace_map_alloc(&s->as, ax_gpa(r->first), r->size, RAM, true);
	mock_fail_at(0);
	host_hooks_set(NULL);
	over = between.store < at;
	if (mock_failures() == failures) {
		CHECK_OK(error);
		CHECK_SPACE(s, PARTLY(r->below, 2 * K4, RAM), OWNED(r->first, r->size, RAM),
			    PARTLY(r->above, 2 * K4, RAM));
	} else {
		CHECK_ERROR(error, AX_ENOMEM);
		CHECK_SPACE(s, PARTLY(r->below, 2 * K4, RAM), PARTLY(r->above, 2 * K4, RAM));
	}
	CHECK_EQUAL(leaf_size_at(s, r->below), !over && (faults & 1u) ? K4 : 0);
	CHECK_EQUAL(leaf_size_at(s, r->above), !over && (faults & 2u) ? K4 : 0);
	CHECK_OK(ax_addrspace_clear(&s->as));
	check_empty(s);
	return over;
}

/*
 * A populate keeps tables aside that its neighbours may need, until all of its memory is there. A fault of
 * theirs that needs one meanwhile links its own: then what is in the one that was kept moves over.
 */
static void populate_that_lost_its_tables_to_faults_uses_those(struct test_space *s)
{
	static const struct between_lazy ranges[] = {
		/* The same table of pages below; another one above, with a whole one between. */
		{VM_RAM + 4 * K4, 3 * M2, VM_RAM, VM_RAM + 3 * M2 + 8 * K4},
		/* One table of pages for all three. */
		{VM_RAM + 4 * K4, 4 * K4, VM_RAM, VM_RAM + 10 * K4},
		/* Nothing in common but what is above the tables of pages. */
		{VM_RAM + 2 * M2, M2 - K4, VM_RAM, VM_RAM + 4 * M2},
	};

	if (s->cpus == 1)
		return;
	for (unsigned i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
		for (unsigned faults = 1; faults <= 3; faults++) {
			unsigned step;

			/* Each of the first stores, and of the last; the many between are alike. */
			for (unsigned at = 1;
			     !populate_beside_faults(s, &ranges[i], at, faults, false); at += step)
				step = at % 512 < 12 || at % 512 > 508 ? 1 : 31;
		}
	}
}

static void populate_that_fails_beside_faults_leaves_them_their_tables(struct test_space *s)
{
	const struct between_lazy r = {VM_RAM + M2 - 2 * K4, 4 * K4, VM_RAM + M2 - 6 * K4,
				       VM_RAM + M2 + 2 * K4};

	if (s->cpus == 1)
		return;
	mock_set_no_contiguous(true);
	for (unsigned faults = 1; faults <= 3; faults++) {
		unsigned at = 1;

		while (!populate_beside_faults(s, &r, at, faults, true))
			at++;
		/* One store a page and one a table of pages at the least. */
		CHECK(at > 6);
	}
	CHECK(mock_failures() >= 3 * 3);
}

/* The same while the populate asks for memory that is not to be had. */
static void fault_and_fail(void *context)
{
	struct test_space *s = context;

	if (++between.store != between.at)
		return;
	CHECK_EQUAL(ax_addrspace_fault(&s->as, ax_gpa(between.fault), AX_READ), AX_FAULT_HANDLED);
	mock_fail_at(1);
}

/*
 * A neighbour's fault links the tables that a populate has seen missing, of which it gets some and then no
 * more: what it takes back ends before the neighbour's page, in whatever table that is.
 */
static void populate_that_gets_no_table_leaves_a_fault_its_page(struct test_space *s)
{
	const uint64_t lazy = VM_RAM + K4;
	bool over = s->cpus == 1;

	for (unsigned at = 1; !over; at++) {
		ax_error_t error;

		CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(lazy), 2 * K4, RAM, false));
		between.store = 0;
		between.at = at;
		between.fault = lazy;
		mock_set_alloc_hook(fault_and_fail, s);
		error = ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), K4, RAM, true);
		mock_set_alloc_hook(NULL, NULL);
		over = between.store < at;
		CHECK_ERROR(error, over ? AX_OK : AX_ENOMEM);
		CHECK_EQUAL(leaf_size_at(s, lazy), over ? 0 : K4);
		if (!over)
			CHECK_SPACE(s, PARTLY(lazy, 2 * K4, RAM));
		CHECK_OK(ax_addrspace_clear(&s->as));
		check_empty(s);
	}
	/* A page and the tables above it, which are as many as there are levels below the root. */
	CHECK(s->cpus == 1 || between.at > s->format->levels);
}

/* Hardware sets accessed and dirty bits while a leaf is taken apart: what it set is not lost. */
static void split_keeps_what_hardware_sets_meanwhile(struct test_space *s)
{
	const uint64_t sets = s->as.npt.format->hardware_sets;
	unsigned level = 1;
	uint64_t *slot;

	if (!format_has(s->format, AX_NPT_FEATURE_ACCESSED_DIRTY))
		return;
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(HOST), M2, RAM));
	(void)ax_npt_walk(&s->as.npt, VM_RAM, &level, &slot);
	CHECK_EQUAL(*slot & sets, 0);
	happen_after(s, 100);
	between.touched = slot;
	between.sets = sets;
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM + 8 * K4), K4));
	host_hooks_set(NULL);
	for (uint64_t page = 0; page < 512; page++) {
		uint64_t entry;

		level = 0;
		entry = ax_npt_walk(&s->as.npt, VM_RAM + page * K4, &level, &slot);
		CHECK_EQUAL(level, 0);
		CHECK_EQUAL(entry & sets, page == 8 ? 0 : sets);
	}
	CHECK_SPACE(s, LINEAR(VM_RAM, 8 * K4, HOST, RAM),
		    LINEAR(VM_RAM + 9 * K4, M2 - 9 * K4, HOST + 9 * K4, RAM));
}

/* An entry that says it is dead, under a region, is no page, and is not overwritten. */
static void access_to_a_damaged_entry_fails(struct test_space *s)
{
	const struct ax_npt *npt = &s->as.npt;
	unsigned level = 0;
	uint64_t *slot;
	uint64_t entry, damaged;
	char byte = 0;

	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), M2, RAM, false));
	CHECK_EQUAL(ax_addrspace_fault(&s->as, ax_gpa(VM_RAM), AX_WRITE), AX_FAULT_HANDLED);
	CHECK_EQUAL(ax_addrspace_fault(&s->as, ax_gpa(VM_RAM + K4), AX_WRITE), AX_FAULT_HANDLED);
	entry = ax_npt_walk(npt, VM_RAM, &level, &slot);
	damaged = ax_npt_hide(npt, entry, AX_NPT_DEAD);
	*slot = damaged;
	CHECK_EQUAL(ax_addrspace_fault(&s->as, ax_gpa(VM_RAM), AX_WRITE), AX_FAULT_FAILED);
	CHECK_EQUAL(ax_guest_read(&s->as, ax_gpa(VM_RAM), &byte, 1), AX_ERANGE);
	CHECK_EQUAL(*slot, damaged);
	*slot = entry;
	CHECK_EQUAL(ax_addrspace_fault(&s->as, ax_gpa(VM_RAM), AX_WRITE), AX_FAULT_HANDLED);
}

/* Walks: how many there are, and between one and what is done about it */

static unsigned walks;

static struct {
	struct test_space *space; /* NULL: nothing happens */
	unsigned walk;            /* the writer's walks so far */
	unsigned at;              /* the one after which the fault happens */
	uint64_t fault;           /* its guest address */
} walking;

void ax_host_pause(enum ax_pause_point point)
{
	struct test_space *s = walking.space;

	walks += point == AX_PAUSE_WALKED;
	if (point != AX_PAUSE_WALKED || !s || ++walking.walk != walking.at)
		return;
	walking.space = NULL;
	CHECK_EQUAL(ax_addrspace_fault(&s->as, ax_gpa(walking.fault), AX_READ), AX_FAULT_HANDLED);
	walking.space = s;
}

/*
 * Another CPU's fault at @fault is served right after the writer's walk number @at. The model of the TLB would
 * judge a fault that uses a table which the writer has linked and not published yet: it faults once more.
 */
static void fault_after_walk(struct test_space *s, unsigned at, uint64_t fault)
{
	tlb_model_drop();
	walking.space = s;
	walking.walk = 0;
	walking.at = at;
	walking.fault = fault;
}

/* Return: whether the writer had fewer walks than that. */
static bool fault_was_never(void)
{
	walking.space = NULL;
	return walking.walk < walking.at;
}

enum beside { BESIDE_UNMAP, BESIDE_PROTECT, BESIDE_MAP, BESIDE_POPULATE };

/* Memory right behind the neighbour's, in the same tables, none of which is there yet. */
static void write_beside_fault(struct test_space *s, enum beside what, uint64_t start,
			       uint64_t size)
{
	struct ax_addrspace *as = &s->as;

	switch (what) {
	case BESIDE_UNMAP:
		CHECK_OK(ax_addrspace_unmap(as, ax_gpa(start), size));
		break;
	case BESIDE_PROTECT:
		CHECK_OK(ax_addrspace_protect(as, ax_gpa(start), size, AX_READ | AX_USER));
		break;
	case BESIDE_MAP:
		CHECK_OK(ax_addrspace_map_linear(as, ax_gpa(start), ax_hpa(HOST), size, RAM));
		break;
	default:
		CHECK_OK(ax_addrspace_map_alloc(as, ax_gpa(start), size, RWX, true));
		break;
	}
}

/*
 * The neighbour's fault links the very table of which a writer's walk has just found that it is not there.
 * The writer then comes into that table from its own first page on, and not from the table's.
 */
static void neighbours_fault_keeps_its_page(struct test_space *s, enum beside what)
{
	const uint64_t lazy = VM_RAM + K4, start = VM_RAM + 4 * K4;
	bool over = s->cpus == 1;

	for (unsigned at = 1; !over; at++) {
		struct ax_npt_mapping mapping;

		CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(lazy), 2 * K4, RAM, false));
		if (what == BESIDE_UNMAP || what == BESIDE_PROTECT)
			CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(start), M2, RW | AX_USER,
							false));
		fault_after_walk(s, at, lazy + K4);
		write_beside_fault(s, what, start, M2);
		over = fault_was_never();
		CHECK_EQUAL(leaf_size_at(s, lazy + K4), over ? 0 : K4);
		if (!over) {
			CHECK_OK(ax_addrspace_query(&s->as, ax_gpa(lazy + K4), &mapping));
			CHECK_EQUAL(mapping.flags, RAM);
			CHECK(mapping.owned);
		}
		check_tables(s);
		CHECK_OK(ax_addrspace_clear(&s->as));
		check_empty(s);
	}
}

static void neighbours_fault_beside_an_unmap_keeps_its_page(struct test_space *s)
{
	neighbours_fault_keeps_its_page(s, BESIDE_UNMAP);
}

static void neighbours_fault_beside_a_protect_keeps_its_page(struct test_space *s)
{
	neighbours_fault_keeps_its_page(s, BESIDE_PROTECT);
}

static void neighbours_fault_beside_a_map_keeps_its_page(struct test_space *s)
{
	neighbours_fault_keeps_its_page(s, BESIDE_MAP);
}

static void neighbours_fault_beside_a_populate_keeps_its_page(struct test_space *s)
{
	neighbours_fault_keeps_its_page(s, BESIDE_POPULATE);
}

/* What a page costs that is not there, and one that is: the walks of a fault, and of a guest access. */
static void check_walks(struct test_space *s, uint64_t gpa, unsigned fault, unsigned access)
{
	uint64_t word = 0;

	walks = 0;
	CHECK_EQUAL(ax_addrspace_fault(&s->as, ax_gpa(gpa), AX_WRITE | AX_USER), AX_FAULT_HANDLED);
	CHECK_EQUAL(walks, fault);
	walks = 0;
	CHECK_OK(ax_guest_read(&s->as, ax_gpa(gpa + 8), &word, sizeof(word)));
	CHECK_EQUAL(walks, access);
}

/*
 * A reader remembers its last table, whichever way it came there, and then serves all of it without a walk. With
 * one CPU, as of several lines the one that a call takes goes by where its stack is.
 */
static void accesses_to_the_last_table_do_not_walk(struct test_space *s)
{
	uint64_t word = 0;

	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), 2 * M2, RAM, false));
	/* The first walk finds that the table is missing, the second, on the long way, does the same. A table that
	 * was linked just now is not remembered before it is gone through. */
	check_walks(s, VM_RAM, 2, 1);
	check_walks(s, VM_RAM + K4, 0, 0);
	check_walks(s, VM_RAM + M2 - K4, 0, 0);
	check_walks(s, VM_RAM, 0, 0);
	/* Another table, and back. */
	check_walks(s, VM_RAM + M2, 2, 1);
	check_walks(s, VM_RAM + 2 * K4, 1, 0);
	check_walks(s, VM_RAM + 3 * K4, 0, 0);
	/* A guest access that backs its page remembers as a fault does. */
	walks = 0;
	CHECK_OK(ax_guest_read(&s->as, ax_gpa(VM_RAM + M2 + K4), &word, sizeof(word)));
	CHECK_EQUAL(walks, 1);
	check_walks(s, VM_RAM + M2 + 2 * K4, 0, 0);
	/* After a change of the regions the table is looked for once more. */
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM + 4 * M2), M2, RAM, false));
	check_walks(s, VM_RAM + M2 + 3 * K4, 1, 0);
	check_walks(s, VM_RAM + M2 + 4 * K4, 0, 0);
	/* A region that is not for user mode, where that says something, has each such access looked at. */
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM + 6 * M2), M2, RWX, false));
	check_walks(s, VM_RAM + 6 * M2, 2, 1);
	check_walks(s, VM_RAM + 6 * M2 + K4, format_restricts_user(s->format) ? 1 : 0, 0);
}

/* A huge page has no table of pages: there is nothing to remember. */
static void accesses_to_a_huge_page_walk(struct test_space *s)
{
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(HOST), M2, RAM));
	for (unsigned page = 0; page < 3; page++) {
		walks = 0;
		CHECK_EQUAL(ax_addrspace_fault(&s->as, ax_gpa(VM_RAM + page * K4), AX_WRITE),
			    AX_FAULT_HANDLED);
		CHECK(walks != 0);
	}
}

int main(void)
{
	static const struct story stories[] = {
		STORY(fault_that_lost_its_page_takes_the_other_one),
		STORY(fault_that_lost_its_tables_keeps_its_page),
		STORY(fault_that_lost_half_its_tables_uses_the_rest),
		STORY(readers_see_through_the_break_of_an_unmap),
		STORY(readers_see_through_the_break_of_a_protect),
		STORY(readers_see_through_the_break_of_a_memory_type),
		STORY(readers_with_a_direct_map_end_with_the_region),
		STORY(map_that_lost_its_table_to_a_fault_uses_that),
		STORY(populate_that_lost_its_tables_to_faults_uses_those),
		STORY(populate_that_fails_beside_faults_leaves_them_their_tables),
		STORY(populate_that_gets_no_table_leaves_a_fault_its_page),
		STORY(split_keeps_what_hardware_sets_meanwhile),
		STORY(access_to_a_damaged_entry_fails),
		STORY(neighbours_fault_beside_an_unmap_keeps_its_page),
		STORY(neighbours_fault_beside_a_protect_keeps_its_page),
		STORY(neighbours_fault_beside_a_map_keeps_its_page),
		STORY(neighbours_fault_beside_a_populate_keeps_its_page),
		STORY_ONE_CPU(accesses_to_the_last_table_do_not_walk),
		STORY(accesses_to_a_huge_page_walk),
	};

	return STORIES_RUN("races", stories);
}
