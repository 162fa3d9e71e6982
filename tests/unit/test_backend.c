/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that the user of the library brings, page by page. */
#include <string.h>

#include <axvisor/guest.h>

#include "check.h"
#include "mock_port.h"
#include "story.h"
#include "tlb_model.h"

#define VM_RAM 0x40000000ull
#define HOST   MOCK_RAM_BASE
#define PAGES  16u

/**
 * struct window - A backend that gives guest page n of a range the host page n of another.
 * @gpa: First guest byte.
 * @hpa: First host byte.
 * @error: What fault returns instead.
 * @faults: Calls of fault.
 * @last_access: What the last one wanted.
 * @out: Pages that the space holds, by number.
 * @flushed: Invalidations that the port had seen at the last release.
 */
struct window {
	uint64_t gpa;
	uint64_t hpa;
	ax_error_t error;
	unsigned faults;
	ax_flags_t last_access;
	bool out[PAGES];
	unsigned long flushed;
};

static struct window window;

static ax_error_t window_fault(void *context, ax_gpa_t gpa, ax_flags_t access, ax_hpa_t *out)
{
	struct window *w = context;
	uint64_t page = (gpa.raw - w->gpa) / K4;

	CHECK(w == &window);
	CHECK_EQUAL(gpa.raw % K4, 0);
	CHECK(page < PAGES);
	w->faults++;
	w->last_access = access;
	if (w->error != AX_OK)
		return w->error;
	w->out[page] = true;
	*out = ax_hpa(w->hpa + page * K4);
	return AX_OK;
}

static void window_release(void *context, ax_gpa_t gpa, ax_hpa_t hpa)
{
	struct window *w = context;
	uint64_t page = (gpa.raw - w->gpa) / K4;

	CHECK(w == &window);
	CHECK(page < PAGES);
	CHECK_EQUAL(hpa.raw, w->hpa + page * K4);
	if (!w->out[page])
		FAIL("page %u was released twice", (unsigned)page);
	w->out[page] = false;
	w->flushed = mock_counts().tlb;
}

static const struct ax_backend_ops apart_ops = {"window", window_fault, window_release, false};
static const struct ax_backend_ops merging_ops = {"window", window_fault, window_release, true};
static const struct ax_backend apart = {&apart_ops, &window};
static const struct ax_backend merging = {&merging_ops, &window};

static void open_window(void)
{
	memset(&window, 0, sizeof(window));
	window.gpa = VM_RAM;
	window.hpa = HOST;
}

static size_t pages_out(void)
{
	size_t count = 0;

	for (size_t i = 0; i < PAGES; i++)
		count += window.out[i];
	return count;
}

static ax_error_t map(struct test_space *s, uint64_t page, uint64_t pages, ax_flags_t flags,
		      const struct ax_backend *backend)
{
	return ax_addrspace_map_backend(&s->as, ax_gpa(VM_RAM + page * K4), pages * K4, flags,
					backend);
}

static enum ax_fault_result fault(struct test_space *s, uint64_t page, ax_flags_t access)
{
	return ax_addrspace_fault(&s->as, ax_gpa(VM_RAM + page * K4 + 0x123), access);
}

static struct expect backed(uint64_t page, uint64_t pages, ax_flags_t flags,
			    const struct ax_backend *backend)
{
	return (struct expect){VM_RAM + page * K4, pages * K4,       flags,
			       EXPECT_BACKEND,     HOST + page * K4, backend};
}

static void check_one(struct test_space *s, const struct ax_backend *backend)
{
	struct expect e = backed(0, PAGES, RAM, backend);

	check_space(s, &e, 1);
}

static void backend_is_asked_for_nothing_when_mapped(struct test_space *s)
{
	struct ax_addrspace_stats before, after;

	open_window();
	ax_addrspace_stats(&s->as, &before);
	CHECK_OK(map(s, 0, PAGES, RAM, &apart));
	ax_addrspace_stats(&s->as, &after);
	CHECK_EQUAL(window.faults, 0);
	CHECK_EQUAL(after.table_frames, before.table_frames);
	CHECK_EQUAL(after.pages[0], 0);
	check_one(s, &apart);
}

static void backend_gives_the_page_of_a_fault(struct test_space *s)
{
	open_window();
	CHECK_OK(map(s, 0, PAGES, RAM, &apart));
	CHECK_EQUAL(fault(s, 3, AX_WRITE), AX_FAULT_HANDLED);
	CHECK_EQUAL(window.last_access, AX_WRITE);
	CHECK(reference_ptr(s, VM_RAM + 3 * K4) == mock_ptr(HOST + 3 * K4));
	CHECK_EQUAL(fault(s, PAGES - 1, AX_READ), AX_FAULT_HANDLED);
	CHECK_EQUAL(fault(s, 5, 0), AX_FAULT_HANDLED);
	CHECK_EQUAL(window.last_access, 0);
	CHECK_EQUAL(pages_out(), 3);
	check_one(s, &apart);
}

static void backend_is_asked_once_for_a_page_that_stays(struct test_space *s)
{
	open_window();
	CHECK_OK(map(s, 0, PAGES, RAM, &apart));
	for (int i = 0; i < 4; i++)
		CHECK_EQUAL(fault(s, 2, AX_WRITE), AX_FAULT_HANDLED);
	CHECK_EQUAL(window.faults, 1);
}

static void backend_is_not_asked_for_what_its_region_denies(struct test_space *s)
{
	open_window();
	CHECK_OK(map(s, 0, PAGES, AX_READ, &apart));
	CHECK_EQUAL(fault(s, 2, AX_WRITE), AX_FAULT_DENIED);
	CHECK_EQUAL(ax_addrspace_fault(&s->as, ax_gpa(VM_RAM - 1), AX_READ), AX_FAULT_NO_REGION);
	CHECK_EQUAL(window.faults, 0);
}

static void backend_that_fails_is_reported(struct test_space *s)
{
	static const ax_error_t errors[] = {AX_EINVAL, AX_ENOENT, AX_EACCES, AX_ESTATE};
	struct snapshot before;

	open_window();
	CHECK_OK(map(s, 0, PAGES, RAM, &apart));
	snapshot_take(&before, s);
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		window.error = errors[i];
		CHECK_EQUAL(fault(s, 2, AX_READ), AX_FAULT_FAILED);
		CHECK(!ax_addrspace_handle_page_fault(&s->as, ax_gpa(VM_RAM), AX_READ));
	}
	snapshot_compare(&before, s);
	snapshot_free(&before);
	window.error = AX_OK;
	CHECK_EQUAL(fault(s, 2, AX_READ), AX_FAULT_HANDLED);
}

static void backend_address_that_cannot_be_entered_fails_and_is_released(struct test_space *s)
{
	uint64_t wrong[] = {HOST + 1,   HOST + 0x800, 1ull << s->hpa_bits,
			    1ull << 60, 0 - K4,       UINT64_MAX};

	open_window();
	CHECK_OK(map(s, 0, PAGES, RAM, &apart));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		window.hpa = wrong[i];
		CHECK_EQUAL(fault(s, 0, AX_READ), AX_FAULT_FAILED);
		CHECK_EQUAL(window.faults, i + 1);
		CHECK_EQUAL(pages_out(), 0);
	}
	window.hpa = HOST;
	CHECK_EQUAL(fault(s, 0, AX_READ), AX_FAULT_HANDLED);
	check_one(s, &apart);
}

static ax_error_t forget_to_answer(void *context, ax_gpa_t gpa, ax_flags_t access, ax_hpa_t *out)
{
	(void)context, (void)gpa, (void)access, (void)out;
	return AX_OK;
}

static void backend_that_names_no_page_backs_nothing(struct test_space *s)
{
	static const struct ax_backend_ops ops = {.fault = forget_to_answer};
	static const struct ax_backend forgetful = {&ops, NULL};

	CHECK_OK(map(s, 0, PAGES, RAM, &forgetful));
	CHECK_EQUAL(fault(s, 0, AX_READ), AX_FAULT_FAILED);
	check_one(s, &forgetful);
}

static void backend_without_fault_backs_nothing(struct test_space *s)
{
	static const struct ax_backend_ops ops = {0};
	static const struct ax_backend nothing = {&ops, NULL};
	unsigned char byte = 0;

	CHECK_OK(map(s, 0, PAGES, RAM, &nothing));
	CHECK_EQUAL(fault(s, 0, AX_READ), AX_FAULT_FAILED);
	CHECK(ax_guest_read(&s->as, ax_gpa(VM_RAM), &byte, 1) != AX_OK);
	check_one(s, &nothing);
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), PAGES * K4));
	check_empty(s);
}

static void backend_fault_out_of_memory_releases_the_page(struct test_space *s)
{
	enum ax_fault_result result = AX_FAULT_NO_MEMORY;
	unsigned long allowed = 0;

	open_window();
	CHECK_OK(map(s, 0, PAGES, RAM, &apart));
	for (; result == AX_FAULT_NO_MEMORY; allowed++) {
		mock_fail_after(allowed);
		result = fault(s, 7, AX_READ);
		mock_fail_never();
		CHECK_EQUAL(pages_out(), result == AX_FAULT_HANDLED ? 1 : 0);
	}
	CHECK_EQUAL(result, AX_FAULT_HANDLED);
	CHECK(allowed > 1);
	check_one(s, &apart);
}

static void unmap_releases_each_page_once_after_the_flush(struct test_space *s)
{
	unsigned long before;

	open_window();
	CHECK_OK(map(s, 0, PAGES, RAM, &apart));
	for (uint64_t page = 0; page < PAGES; page += 2)
		CHECK_EQUAL(fault(s, page, AX_WRITE), AX_FAULT_HANDLED);
	CHECK_EQUAL(pages_out(), PAGES / 2);
	before = mock_counts().tlb;
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), 4 * K4));
	CHECK_EQUAL(pages_out(), PAGES / 2 - 2);
	CHECK(!window.out[0] && !window.out[2] && window.out[4]);
	CHECK(window.flushed > before);
	CHECK_OK(ax_addrspace_clear(&s->as));
	CHECK_EQUAL(pages_out(), 0);
	check_empty(s);
}

static void destroy_releases_what_is_left(struct test_space *s)
{
	struct ax_addrspace_config config = format_config(s->format);

	open_window();
	CHECK_OK(map(s, 0, PAGES, RAM, &apart));
	CHECK_EQUAL(fault(s, 1, AX_WRITE), AX_FAULT_HANDLED);
	CHECK_EQUAL(fault(s, 9, AX_WRITE), AX_FAULT_HANDLED);
	space_remake(s, &config);
	CHECK_EQUAL(pages_out(), 0);
}

static void backend_without_release_keeps_its_pages_to_itself(struct test_space *s)
{
	static const struct ax_backend_ops ops = {.fault = window_fault};
	static const struct ax_backend quiet = {&ops, &window};

	open_window();
	CHECK_OK(map(s, 0, PAGES, RAM, &quiet));
	CHECK_EQUAL(fault(s, 1, AX_WRITE), AX_FAULT_HANDLED);
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), PAGES * K4));
	CHECK_EQUAL(pages_out(), 1);
	check_empty(s);
}

static void backend_without_release_is_not_told_of_a_page_that_was_refused(struct test_space *s)
{
	static const struct ax_backend_ops ops = {.fault = window_fault};
	static const struct ax_backend quiet = {&ops, &window};

	open_window();
	window.hpa = HOST + 1;
	CHECK_OK(map(s, 0, PAGES, RAM, &quiet));
	CHECK_EQUAL(fault(s, 1, AX_WRITE), AX_FAULT_FAILED);
	CHECK_EQUAL(window.faults, 1);
	CHECK_EQUAL(pages_out(), 1);
}

static void protect_of_a_backends_region_keeps_its_pages(struct test_space *s)
{
	struct expect map_after[3];

	open_window();
	CHECK_OK(map(s, 0, PAGES, RAM, &apart));
	CHECK_EQUAL(fault(s, 4, AX_WRITE), AX_FAULT_HANDLED);
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM + 4 * K4), 2 * K4, AX_READ));
	CHECK_EQUAL(window.faults, 1);
	CHECK_EQUAL(fault(s, 4, AX_READ), AX_FAULT_HANDLED);
	CHECK_EQUAL(fault(s, 4, AX_WRITE), AX_FAULT_DENIED);
	CHECK_EQUAL(fault(s, 5, AX_WRITE), AX_FAULT_DENIED);
	CHECK_EQUAL(fault(s, 5, AX_READ), AX_FAULT_HANDLED);
	CHECK_EQUAL(pages_out(), 2);
	map_after[0] = backed(0, 4, RAM, &apart);
	map_after[1] = backed(4, 2, AX_READ, &apart);
	map_after[2] = backed(6, PAGES - 6, RAM, &apart);
	check_space(s, map_after, 3);
}

static void regions_merge_only_where_the_backend_says_so(struct test_space *s)
{
	struct ax_addrspace_stats stats;

	open_window();
	CHECK_OK(map(s, 0, 2, RAM, &merging));
	CHECK_OK(map(s, 2, 2, RAM, &merging));
	CHECK_OK(map(s, 4, 2, RAM, &apart));
	CHECK_OK(map(s, 6, 2, RAM, &apart));
	CHECK_OK(map(s, 8, 2, RW, &merging));
	ax_addrspace_stats(&s->as, &stats);
	CHECK_EQUAL(stats.regions, 4);
	/* A merged region is served across the seam. */
	CHECK_EQUAL(fault(s, 1, AX_READ), AX_FAULT_HANDLED);
	CHECK_EQUAL(fault(s, 2, AX_READ), AX_FAULT_HANDLED);
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM + K4), 2 * K4));
	CHECK_EQUAL(pages_out(), 0);
}

/* Two backends with the same functions are two, and so are two contexts. */
static void regions_of_two_backends_stay_apart(struct test_space *s)
{
	static const struct ax_backend other = {&merging_ops, &window};
	struct ax_addrspace_stats stats;
	struct ax_region_info region;

	open_window();
	CHECK_OK(map(s, 0, 2, RAM, &merging));
	CHECK_OK(map(s, 2, 2, RAM, &other));
	ax_addrspace_stats(&s->as, &stats);
	CHECK_EQUAL(stats.regions, 2);
	CHECK_OK(ax_addrspace_next_region(&s->as, ax_gpa(VM_RAM + 2 * K4), &region));
	CHECK(region.backend == &other);
}

static void guest_access_asks_the_backend(struct test_space *s)
{
	unsigned char bytes[2 * K4];

	open_window();
	memset(mock_ptr(HOST), 0x2d, 4 * K4);
	CHECK_OK(map(s, 0, 4, RAM, &apart));
	CHECK_OK(ax_guest_read(&s->as, ax_gpa(VM_RAM + K4 - 9), bytes, sizeof(bytes)));
	CHECK_EQUAL(bytes[0], 0x2d);
	CHECK_EQUAL(bytes[2 * K4 - 1], 0x2d);
	CHECK_EQUAL(pages_out(), 3);
	CHECK_OK(ax_guest_write(&s->as, ax_gpa(VM_RAM + 3 * K4), "x", 1));
	CHECK_EQUAL(*(unsigned char *)mock_ptr(HOST + 3 * K4), 'x');
	memset(mock_ptr(HOST), 0, 4 * K4);
}

static void backend_memory_of_device_type_is_not_touched(struct test_space *s)
{
	unsigned char byte = 0;

	open_window();
	window.hpa = 0x3f000000; /* no RAM */
	CHECK_OK(map(s, 0, 4, RW | AX_DEVICE, &apart));
	CHECK_EQUAL(fault(s, 0, AX_READ), AX_FAULT_HANDLED);
	CHECK_ERROR(ax_guest_read(&s->as, ax_gpa(VM_RAM), &byte, 1), AX_EACCES);
	CHECK_ERROR(ax_guest_write(&s->as, ax_gpa(VM_RAM + K4), &byte, 1), AX_EACCES);
}

static void map_backend_refuses_null_pointers(struct test_space *s)
{
	static const struct ax_backend without_ops = {NULL, NULL};

	CHECK_REFUSED(s, map(s, 0, 1, RAM, NULL), AX_EINVAL);
	CHECK_REFUSED(s, map(s, 0, 1, RAM, &without_ops), AX_EINVAL);
}

/* Map, unmap and the TLB: a page of a backend may be reused at once when release was called. */
static void a_hole_in_a_backends_region_is_a_hole(struct test_space *s)
{
	struct expect map_after[2];

	open_window();
	CHECK_OK(map(s, 0, PAGES, RAM, &apart));
	for (uint64_t page = 0; page < PAGES; page++)
		CHECK_EQUAL(fault(s, page, AX_WRITE), AX_FAULT_HANDLED);
	tlb_model_sync();
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM + 5 * K4), 3 * K4));
	CHECK_EQUAL(pages_out(), PAGES - 3);
	CHECK_EQUAL(fault(s, 6, AX_READ), AX_FAULT_NO_REGION);
	map_after[0] = backed(0, 5, RAM, &apart);
	map_after[1] = backed(8, PAGES - 8, RAM, &apart);
	check_space(s, map_after, 2);
}

int main(void)
{
	static const struct story stories[] = {
		STORY(backend_is_asked_for_nothing_when_mapped),
		STORY(backend_gives_the_page_of_a_fault),
		STORY(backend_is_asked_once_for_a_page_that_stays),
		STORY(backend_is_not_asked_for_what_its_region_denies),
		STORY(backend_that_fails_is_reported),
		STORY(backend_address_that_cannot_be_entered_fails_and_is_released),
		STORY(backend_that_names_no_page_backs_nothing),
		STORY(backend_without_fault_backs_nothing),
		STORY(backend_fault_out_of_memory_releases_the_page),
		STORY(unmap_releases_each_page_once_after_the_flush),
		STORY(destroy_releases_what_is_left),
		STORY(backend_without_release_keeps_its_pages_to_itself),
		STORY(backend_without_release_is_not_told_of_a_page_that_was_refused),
		STORY(protect_of_a_backends_region_keeps_its_pages),
		STORY(regions_merge_only_where_the_backend_says_so),
		STORY(regions_of_two_backends_stay_apart),
		STORY(guest_access_asks_the_backend),
		STORY(backend_memory_of_device_type_is_not_touched),
		STORY(map_backend_refuses_null_pointers),
		STORY(a_hole_in_a_backends_region_is_a_hole),
	};

	return STORIES_RUN("backends of the user", stories);
}
