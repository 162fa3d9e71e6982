/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invalidations, as the port sees them in the host build: what is asked for, how often, and that
 * nothing is reused before. The model of the TLB (tests/support/tlb_model.h) runs beside every story
 * of all programs; here the requests themselves are read.
 */
#include <string.h>

#include "check.h"
#include "mock_port.h"
#include "story.h"
#include "tlb_model.h"

#define VM_RAM 0x40000000ull
#define HOST   MOCK_RAM_BASE

static void map_linear(struct test_space *s, uint64_t gpa, uint64_t size)
{
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(gpa), ax_hpa(HOST + (gpa - VM_RAM)), size,
					 RAM));
}

/* Some request since the last mock_tlb_forget() covers the range; with its tables, if asked. */
static bool was_asked(const struct test_space *s, uint64_t gpa, uint64_t size, bool tables)
{
	for (unsigned long i = 0; i < mock_counts().tlb; i++) {
		struct ax_tlb_request r = mock_tlb_request(i);

		CHECK_EQUAL(r.format, s->format->format);
		CHECK_EQUAL(r.tag, s->tag);
		if (r.size == 0)
			return true;
		if (r.start.raw <= gpa && gpa + size <= r.start.raw + r.size &&
		    (r.tables || !tables))
			return true;
	}
	return false;
}

static bool caches_invalid_entries(const struct test_space *s)
{
	return s->format->format == AX_NPT_GSTAGE && !format_has(s->format, AX_NPT_FEATURE_SVVPTC);
}

static void unmap_asks_once_for_all_that_went(struct test_space *s)
{
	map_linear(s, VM_RAM, 64 * K4);
	mock_tlb_forget();
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM + 8 * K4), 40 * K4));
	CHECK_EQUAL(mock_counts().tlb, 1);
	CHECK(was_asked(s, VM_RAM + 8 * K4, 40 * K4, false));
}

static void unmap_of_many_regions_asks_once(struct test_space *s)
{
	for (uint64_t i = 0; i < 40; i++)
		map_linear(s, VM_RAM + 3 * i * K4, K4);
	mock_tlb_forget();
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), M2));
	CHECK_EQUAL(mock_counts().tlb, 1);
	CHECK(was_asked(s, VM_RAM, 39 * 3 * K4 + K4, true));
}

static void unmap_of_512_owned_pages_asks_once(struct test_space *s)
{
	mock_set_no_contiguous(true);
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), M2, RAM, true));
	mock_tlb_forget();
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), M2));
	CHECK_EQUAL(mock_counts().tlb, 1);
}

static void protect_asks_once_for_all_that_changed(struct test_space *s)
{
	map_linear(s, VM_RAM, 64 * K4);
	mock_tlb_forget();
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM + K4), 62 * K4, AX_READ));
	CHECK_EQUAL(mock_counts().tlb, 1);
	CHECK(was_asked(s, VM_RAM + K4, 62 * K4, false));
}

static void protect_asks_for_nothing_that_stays_as_it_is(struct test_space *s)
{
	map_linear(s, VM_RAM, 64 * K4);
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM), 8 * K4, AX_READ));
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM + 56 * K4), 8 * K4, AX_READ));
	mock_tlb_forget();
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM), 8 * K4, AX_READ));
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM + 8 * K4), 48 * K4, RAM));
	CHECK_EQUAL(mock_counts().tlb, 0);
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM), 64 * K4, AX_READ));
	CHECK_EQUAL(mock_counts().tlb, 1);
	CHECK_EQUAL(mock_tlb_request(0).start.raw, VM_RAM + 8 * K4);
	CHECK_EQUAL(mock_tlb_request(0).size, 48 * K4);
}

/* Where hardware has no type for device memory, only software remembers it. */
static void protect_asks_for_nothing_that_hardware_does_not_see(struct test_space *s)
{
	map_linear(s, VM_RAM, 4 * K4);
	mock_tlb_forget();
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM), 4 * K4, RAM | AX_DEVICE));
	CHECK_EQUAL(mock_counts().tlb != 0, format_has(s->format, AX_NPT_FEATURE_SVPBMT));
	CHECK_SPACE(s, LINEAR(VM_RAM, 4 * K4, HOST, RAM | AX_DEVICE));
}

static void clear_and_destroy_ask_before_they_free(struct test_space *s)
{
	map_linear(s, VM_RAM, 2 * M2 + K4);
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(0), 4 * K4, RAM, true));
	mock_tlb_forget();
	CHECK_OK(ax_addrspace_clear(&s->as));
	CHECK_EQUAL(mock_counts().tlb, 1);
	CHECK(was_asked(s, 0, VM_RAM + 2 * M2 + K4, true));
}

static void what_changes_nothing_asks_for_nothing(struct test_space *s)
{
	map_linear(s, VM_RAM, 4 * K4);
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM + M2), M2, RAM, false));
	mock_tlb_forget();
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), 0));
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM + 16 * K4), 4 * K4));
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM), 0, AX_READ));
	CHECK_ERROR(ax_addrspace_protect(&s->as, ax_gpa(0), K4, AX_READ), AX_ENOENT);
	CHECK_ERROR(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), 1), AX_EALIGN);
	/* A spurious fault comes from a cached invalid entry where there is such a thing. */
	if (!caches_invalid_entries(s))
		CHECK(ax_addrspace_handle_page_fault(&s->as, ax_gpa(VM_RAM), AX_READ));
	CHECK_EQUAL(mock_counts().tlb, 0);
}

/* Hardware that does not cache invalid entries needs no word of a new one. */
static void map_asks_only_where_invalid_entries_are_cached(struct test_space *s)
{
	mock_tlb_forget();
	map_linear(s, VM_RAM, 4 * K4);
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM + M2), 4 * K4, RAM, true));
	if (caches_invalid_entries(s)) {
		CHECK_EQUAL(mock_counts().tlb, 2);
		CHECK(was_asked(s, VM_RAM, 4 * K4, false));
		CHECK(was_asked(s, VM_RAM + M2, 4 * K4, false));
	} else {
		CHECK_EQUAL(mock_counts().tlb, 0);
	}
}

/*
 * A fault links tables and tells its own CPU of it. What is mapped into such a table later has to be
 * seen by the others, which may remember that the way to it was absent.
 */
static void map_into_a_table_of_a_fault_tells_of_tables(struct test_space *s)
{
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), 4 * K4, RAM, false));
	CHECK(ax_addrspace_handle_page_fault(&s->as, ax_gpa(VM_RAM + K4), AX_READ));
	mock_tlb_forget();
	map_linear(s, VM_RAM + 8 * K4, 4 * K4);
	CHECK_EQUAL(mock_counts().tlb > 0, caches_invalid_entries(s));
	if (caches_invalid_entries(s))
		CHECK(was_asked(s, VM_RAM + 8 * K4, 4 * K4, true));
}

/* The root is entered by a register: what was cached of the tag before must not hide it. */
static void init_fences_for_the_root_where_invalid_entries_are_cached(struct test_space *s)
{
	struct ax_addrspace_config config = format_config(s->format);
	struct ax_addrspace as;

	config.cpus = s->cpus;
	tlb_model_drop();
	mock_tlb_forget();
	CHECK_OK(ax_addrspace_init(&as, &config));
	CHECK_EQUAL(mock_counts().tlb, caches_invalid_entries(s) ? 1 : 0);
	if (caches_invalid_entries(s)) {
		CHECK_EQUAL(mock_tlb_request(0).start.raw, 0);
		CHECK_EQUAL(mock_tlb_request(0).size, 0);
		CHECK(mock_tlb_request(0).tables);
	}
	ax_addrspace_destroy(&as);
}

static void fault_asks_only_where_invalid_entries_are_cached(struct test_space *s)
{
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), M2, RAM, false));
	mock_tlb_forget();
	CHECK(ax_addrspace_handle_page_fault(&s->as, ax_gpa(VM_RAM + 5 * K4), AX_READ));
	CHECK_EQUAL(mock_counts().tlb > 0, caches_invalid_entries(s));
	if (caches_invalid_entries(s))
		CHECK(was_asked(s, VM_RAM + 5 * K4, K4, false));
}

/* A fault that fences asks for its own page, once. @tables: walk caches as well. */
static void check_fence(struct test_space *s, uint64_t gpa, bool tables)
{
	mock_tlb_forget();
	CHECK(ax_addrspace_handle_page_fault(&s->as, ax_gpa(gpa), AX_READ));
	CHECK_EQUAL(mock_counts().tlb, caches_invalid_entries(s) ? 1 : 0);
	if (!caches_invalid_entries(s))
		return;
	CHECK_EQUAL(mock_tlb_request(0).start.raw, gpa - gpa % K4);
	CHECK_EQUAL(mock_tlb_request(0).size, K4);
	CHECK_EQUAL(mock_tlb_request(0).tables, tables);
}

/*
 * Who links a table has to forget that it was missing, and so has who faults on what another CPU linked, whatever
 * of it that was. A page that was missing in a table that is there is an entry alone.
 */
static void fault_fences_its_page_whichever_way_it_is_served(struct test_space *s)
{
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), M2, RAM, false));
	map_linear(s, VM_RAM + 2 * M2, M2);
	check_fence(s, VM_RAM + 5 * K4 + 7, true);
	check_fence(s, VM_RAM + 6 * K4, false);
	check_fence(s, VM_RAM + 7 * K4 + 0xfff, false);
	check_fence(s, VM_RAM + 7 * K4 + 9, true);
	check_fence(s, VM_RAM + 2 * M2 + 3 * K4 + 9, true);
}

static void tables_are_named_exactly_when_tables_went(struct test_space *s)
{
	map_linear(s, VM_RAM, 8 * K4);
	mock_tlb_forget();
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), 4 * K4));
	CHECK(!mock_tlb_request(0).tables);
	CHECK(mock_tlb_request(0).size != 0);
	mock_tlb_forget();
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM + 4 * K4), 4 * K4));
	CHECK(was_asked(s, VM_RAM + 4 * K4, 4 * K4, true));
}

/* Frames and tables at the moment of a request: all still held. */

static struct {
	const struct test_space *space;
	uint64_t frames[600];
	size_t count;
	unsigned long requests;
	bool held;
} watched;

static void remember_frame(uint64_t hpa)
{
	CHECK(watched.count < sizeof(watched.frames) / sizeof(watched.frames[0]));
	watched.frames[watched.count++] = hpa;
}

static void remember_table(void *context, const struct ref_table *table)
{
	(void)context;
	remember_frame(table->hpa);
}

static void remember_leaf(void *context, const struct ref_leaf *leaf)
{
	(void)context;
	if (mock_is_held(leaf->hpa))
		remember_frame(leaf->hpa);
}

static void check_held(const struct ax_tlb_request *request, void *context)
{
	(void)request;
	(void)context;
	watched.requests++;
	for (size_t i = 0; i < watched.count; i++)
		watched.held = watched.held && mock_is_held(watched.frames[i]);
}

static void watch(const struct test_space *s)
{
	struct ref_visitor visitor = {.leaf = remember_leaf, .table = remember_table};

	tlb_model_drop();
	memset(&watched, 0, sizeof(watched));
	watched.held = true;
	ref_scan(&s->cpu, &reference_memory, &visitor, NULL);
	mock_set_tlb_hook(check_held, NULL);
}

static void nothing_is_freed_before_the_flush(struct test_space *s)
{
	size_t held;

	mock_set_no_contiguous(true);
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), 256 * K4, RAM, true));
	mock_set_no_contiguous(false);
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM + M2), M2, RAM, true));
	watch(s);
	CHECK(watched.count > 258);
	held = mock_frames_held();
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), 2 * M2));
	CHECK(watched.requests >= 1);
	CHECK(watched.held);
	CHECK(mock_frames_held() + 256 + 512 <= held);
	mock_set_tlb_hook(NULL, NULL);
	check_empty(s);
}

/* At the flush the entries in memory are changed already: nobody can walk to what goes. */
static void look_through(const struct ax_tlb_request *request, void *context)
{
	const struct test_space *s = context;
	uint64_t hpa;

	(void)request;
	watched.requests++;
	for (uint64_t i = 4; i < 8; i++)
		CHECK(!reference_translate(s, VM_RAM + i * K4, &hpa));
	CHECK(reference_translate(s, VM_RAM, &hpa));
	CHECK(reference_translate(s, VM_RAM + 8 * K4, &hpa));
}

static void entries_are_gone_when_the_flush_is_asked_for(struct test_space *s)
{
	map_linear(s, VM_RAM, 16 * K4);
	tlb_model_drop();
	memset(&watched, 0, sizeof(watched));
	mock_set_tlb_hook(look_through, s);
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM + 4 * K4), 4 * K4));
	CHECK_EQUAL(watched.requests, 1);
	mock_set_tlb_hook(NULL, NULL);
}

/* Stage 2: whatever replaces a block finds it invalid and flushed. Others replace it in one store. */
static void split_breaks_before_it_makes(struct test_space *s)
{
	map_linear(s, VM_RAM, M2);
	tlb_model_sync();
	mock_tlb_forget();
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM + 3 * K4), K4, AX_READ));
	tlb_model_sync();
	CHECK(was_asked(s, VM_RAM + 3 * K4, K4, false));
}

/* The hook is called by the writer itself: it may query the port, and it sees the space's tag. */
static void requests_name_the_space(struct test_space *s)
{
	struct ax_addrspace_config config = format_config(s->format);

	config.tag = 1234;
	space_remake(s, &config);
	map_linear(s, VM_RAM, K4);
	mock_tlb_forget();
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), K4));
	CHECK_EQUAL(mock_tlb_request(0).tag, 1234);
	CHECK_EQUAL(mock_tlb_request(0).format, s->format->format);
}

static void flushes_are_counted(struct test_space *s)
{
	struct ax_addrspace_stats before, after;

	map_linear(s, VM_RAM, 8 * K4);
	ax_addrspace_stats(&s->as, &before);
	mock_tlb_forget();
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), K4));
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM + K4), K4, AX_READ));
	ax_addrspace_stats(&s->as, &after);
	CHECK_EQUAL(after.flushes - before.flushes, mock_counts().tlb);
}

int main(void)
{
	static const struct story stories[] = {
		STORY(unmap_asks_once_for_all_that_went),
		STORY(unmap_of_many_regions_asks_once),
		STORY(unmap_of_512_owned_pages_asks_once),
		STORY(protect_asks_once_for_all_that_changed),
		STORY(protect_asks_for_nothing_that_stays_as_it_is),
		STORY_ONLY(protect_asks_for_nothing_that_hardware_does_not_see, "Sv"),
		STORY(clear_and_destroy_ask_before_they_free),
		STORY(what_changes_nothing_asks_for_nothing),
		STORY(map_asks_only_where_invalid_entries_are_cached),
		STORY(map_into_a_table_of_a_fault_tells_of_tables),
		STORY(init_fences_for_the_root_where_invalid_entries_are_cached),
		STORY(fault_asks_only_where_invalid_entries_are_cached),
		STORY(fault_fences_its_page_whichever_way_it_is_served),
		STORY(tables_are_named_exactly_when_tables_went),
		STORY(nothing_is_freed_before_the_flush),
		STORY(entries_are_gone_when_the_flush_is_asked_for),
		STORY(split_breaks_before_it_makes),
		STORY(requests_name_the_space),
		STORY(flushes_are_counted),
	};

	return STORIES_RUN("invalidation", stories);
}
