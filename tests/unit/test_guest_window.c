/* SPDX-License-Identifier: Apache-2.0 */
/* Windows: pointers into guest memory that are kept, and how their owner learns that they are stale. */
#include <pthread.h>
#include <string.h>
#include <time.h>

#include <axvisor/guest.h>

#include "check.h"
#include "mock_port.h"
#include "story.h"
#include "tlb_model.h"

#define VM_RAM 0x40000000ull
#define HOST   MOCK_RAM_BASE

/* A window on a page, with the pointer to it. */
static unsigned char *open_window(struct test_space *s, struct ax_guest_window *window,
				  uint64_t gpa)
{
	struct ax_guest_segment segment;
	size_t count;

	ax_guest_window_open(window, &s->as);
	CHECK_OK(ax_guest_segments(&s->as, ax_gpa(gpa), K4, AX_WRITE, &segment, 1, &count));
	return segment.ptr;
}

static bool enters(const struct ax_guest_window *window)
{
	struct ax_guest_use use;

	if (!ax_guest_window_enter(window, &use))
		return false;
	ax_guest_window_leave(&use);
	return true;
}

static void map_pages(struct test_space *s)
{
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), 16 * K4, RAM, false));
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM + M2), ax_hpa(HOST), K4, RAM));
}

static void a_window_is_good_as_long_as_nothing_is_taken_away(struct test_space *s)
{
	struct ax_guest_window window;
	struct ax_guest_use use;
	unsigned char *page;
	unsigned char byte = 0;

	map_pages(s);
	page = open_window(s, &window, VM_RAM);
	for (unsigned char i = 1; i < 4; i++) {
		CHECK(ax_guest_window_enter(&window, &use));
		*page = i;
		/* Readers may be called inside. */
		CHECK_OK(ax_guest_read(&s->as, ax_gpa(VM_RAM), &byte, 1));
		ax_guest_window_leave(&use);
		CHECK_EQUAL(byte, i);
	}
}

static void map_and_fault_leave_windows_alone(struct test_space *s)
{
	struct ax_guest_window window;

	map_pages(s);
	(void)open_window(s, &window, VM_RAM);
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM + 2 * M2), M2, RAM, true));
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM + 4 * M2), M2, RAM, false));
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM + 6 * M2), ax_hpa(HOST), M2, RAM));
	CHECK(ax_addrspace_handle_page_fault(&s->as, ax_gpa(VM_RAM + 4 * M2), AX_WRITE));
	CHECK(enters(&window));
}

static void what_fails_or_does_nothing_leaves_windows_alone(struct test_space *s)
{
	struct ax_guest_window window;

	map_pages(s);
	(void)open_window(s, &window, VM_RAM);
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM + 8 * M2), M2));
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), 0));
	CHECK_ERROR(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM), M2, AX_READ), AX_ENOENT);
	CHECK_ERROR(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), K4, RAM, false), AX_EEXIST);
	CHECK(enters(&window));
}

static void unmap_protect_and_clear_end_windows(struct test_space *s)
{
	struct ax_guest_window window;

	map_pages(s);
	(void)open_window(s, &window, VM_RAM);
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), K4));
	CHECK(!enters(&window));
	(void)open_window(s, &window, VM_RAM + K4);
	CHECK(enters(&window));
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM + K4), K4, AX_READ));
	CHECK(!enters(&window));
	CHECK(!enters(&window));
	(void)open_window(s, &window, VM_RAM + M2);
	CHECK(enters(&window));
	CHECK_OK(ax_addrspace_clear(&s->as));
	CHECK(!enters(&window));
}

/* Opened, then taken away, then asked for: the number is the one from before. */
static void a_window_that_was_opened_too_early_is_not_good(struct test_space *s)
{
	struct ax_guest_segment segment;
	struct ax_guest_window window;
	size_t count;

	map_pages(s);
	ax_guest_window_open(&window, &s->as);
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM + M2), K4));
	CHECK_OK(ax_guest_segments(&s->as, ax_gpa(VM_RAM), K4, AX_WRITE, &segment, 1, &count));
	CHECK(!enters(&window));
}

static void a_window_of_a_space_that_does_not_live_cannot_be_entered(void)
{
	struct ax_addrspace_config config = format_config(&format_cases[0]);
	struct ax_addrspace none = {0};
	struct ax_addrspace live;
	struct ax_guest_window window;
	struct ax_guest_use use;

	/* Nor is what was in the window before. */
	config.cpus = 1;
	CHECK_OK(ax_addrspace_init(&live, &config));
	ax_guest_window_open(&window, &live);
	CHECK(enters(&window));
	ax_guest_window_open(&window, &none);
	CHECK(!enters(&window));
	ax_guest_window_open(&window, &live);
	ax_guest_window_open(&window, NULL);
	CHECK(!enters(&window));
	ax_addrspace_destroy(&live);

	/* And null pointers harm nobody. */
	ax_guest_window_open(NULL, &none);
	CHECK(!ax_guest_window_enter(NULL, &use));
	CHECK(!ax_guest_window_enter(&window, NULL));
	ax_guest_window_leave(NULL);
}

static void sizes_are_those_of_the_header(void)
{
	CHECK_EQUAL(ax_guest_window_sizeof(), sizeof(struct ax_guest_window));
	CHECK_EQUAL(ax_guest_use_sizeof(), sizeof(struct ax_guest_use));
}

/* A writer on a thread of its own. */

static struct {
	struct test_space *space;
	bool done;
} unmapper;

static void *unmap_page(void *context)
{
	ax_error_t error = ax_addrspace_unmap(&unmapper.space->as, ax_gpa(VM_RAM), K4);

	(void)context;
	__atomic_store_n(&unmapper.done, true, __ATOMIC_RELEASE);
	return error == AX_OK ? NULL : context;
}

static void a_use_keeps_the_memory_until_it_leaves(struct test_space *s)
{
	const struct timespec moment = {0, 2000000};
	struct ax_guest_window window;
	struct ax_guest_use use;
	unsigned char *page;
	uint64_t hpa;
	pthread_t thread;
	void *failed;

	/* One CPU has no writer beside it. */
	if (s->cpus == 1)
		return;
	/* The model of the TLB is for one thread. */
	tlb_model_drop();
	map_pages(s);
	page = open_window(s, &window, VM_RAM);
	CHECK(reference_translate(s, VM_RAM, &hpa));
	CHECK(ax_guest_window_enter(&window, &use));
	unmapper.space = s;
	unmapper.done = false;
	CHECK(pthread_create(&thread, NULL, unmap_page, &unmapper) == 0);
	/* Until the writer has said that something goes: another use is refused, and this one goes on. */
	while (enters(&window))
		;
	for (unsigned i = 0; i < 5; i++) {
		nanosleep(&moment, NULL);
		memset(page, (int)i, K4);
		CHECK(mock_is_held(hpa));
	}
	CHECK(!__atomic_load_n(&unmapper.done, __ATOMIC_ACQUIRE));
	ax_guest_window_leave(&use);
	CHECK(pthread_join(thread, &failed) == 0);
	CHECK(!failed);
	CHECK(!mock_is_held(hpa));
}

int main(void)
{
	static const struct story stories[] = {
		STORY(a_window_is_good_as_long_as_nothing_is_taken_away),
		STORY(map_and_fault_leave_windows_alone),
		STORY(what_fails_or_does_nothing_leaves_windows_alone),
		STORY(unmap_protect_and_clear_end_windows),
		STORY(a_window_that_was_opened_too_early_is_not_good),
		STORY_PLAIN(a_window_of_a_space_that_does_not_live_cannot_be_entered),
		STORY_PLAIN(sizes_are_those_of_the_header),
		STORY_FEW(a_use_keeps_the_memory_until_it_leaves),
	};

	return STORIES_RUN("guest windows", stories);
}
