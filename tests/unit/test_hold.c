/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread is held at a point of its way through the library (src/pause.h) while others go on: readers
 * must not notice; a writer may have to wait for a reader that is held, and is then to end well; and
 * whatever the held thread does when it goes on, it harms nobody.
 */
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <axvisor/guest.h>

#include "addrspace.h"

#include "check.h"
#include "mock_port.h"
#include "pause.h"
#include "story.h"
#include "tlb_model.h"

#define VM_RAM 0x40000000ull
/* The page that the held thread is about, and a neighbour under the same table. */
#define PAGE      (VM_RAM + 8 * K4)
#define NEIGHBOUR (VM_RAM + 3 * K4)
#define RAM_SIZE  (16 * K4)

/* Nobody may be kept waiting: a test that is ends by this. */
#define PATIENCE_SECONDS 60

/**
 * struct hold - Where a thread is held, and whether.
 * @point: Where.
 * @skip: As often it comes there before.
 * @held: It stands there.
 * @let_go: It may go on.
 */
struct hold {
	enum ax_pause_point point;
	unsigned skip;
	bool held;
	bool let_go;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static _Thread_local struct hold *my_hold;

void ax_host_pause(enum ax_pause_point point)
{
	struct hold *hold = my_hold;

	if (!hold || point != hold->point)
		return;
	if (hold->skip != 0) {
		hold->skip--;
		return;
	}
	my_hold = NULL;
	pthread_mutex_lock(&lock);
	hold->held = true;
	pthread_cond_broadcast(&changed);
	while (!hold->let_go)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

/**
 * struct call - Something that a thread does, and what came of it.
 * @run: What.
 * @as: Where.
 * @error: What it returned.
 * @returned: That it did.
 * @hold: Where it is held, of start_held().
 */
struct call {
	ax_error_t (*run)(struct ax_addrspace *as);
	struct ax_addrspace *as;
	ax_error_t error;
	bool returned;
	struct hold hold;
	pthread_t thread;
};

static void *run_call(void *context)
{
	struct call *call = context;

	call->error = call->run(call->as);
	__atomic_store_n(&call->returned, true, __ATOMIC_RELEASE);
	return NULL;
}

static void *run_held(void *context)
{
	struct call *call = context;

	my_hold = &call->hold;
	return run_call(context);
}

static void start(struct call *call, struct test_space *s, void *(*how)(void *context))
{
	call->as = &s->as;
	CHECK(pthread_create(&call->thread, NULL, how, call) == 0);
}

static void finish(const struct call *call)
{
	CHECK(pthread_join(call->thread, NULL) == 0);
}

/* Start a call and wait until it stands at the point, where it came @skip times before. */
static void start_held_later(struct call *call, struct test_space *s, enum ax_pause_point point,
			     unsigned skip)
{
	call->hold = (struct hold){.point = point, .skip = skip};
	start(call, s, run_held);
	pthread_mutex_lock(&lock);
	while (!call->hold.held)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static void start_held(struct call *call, struct test_space *s, enum ax_pause_point point)
{
	start_held_later(call, s, point, 0);
}

static void let_go(struct call *call)
{
	pthread_mutex_lock(&lock);
	call->hold.let_go = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

/* Calls */

static ax_error_t write_page(struct ax_addrspace *as)
{
	return ax_guest_write(as, ax_gpa(PAGE), "held", 4);
}

static ax_error_t fault_page(struct ax_addrspace *as)
{
	return ax_addrspace_handle_page_fault(as, ax_gpa(PAGE), AX_WRITE) ? AX_OK : AX_ENOENT;
}

static ax_error_t unmap_page(struct ax_addrspace *as)
{
	return ax_addrspace_unmap(as, ax_gpa(PAGE), K4);
}

static ax_error_t unmap_all(struct ax_addrspace *as)
{
	return ax_addrspace_unmap(as, ax_gpa(VM_RAM), RAM_SIZE);
}

static ax_error_t protect_all(struct ax_addrspace *as)
{
	return ax_addrspace_protect(as, ax_gpa(VM_RAM), RAM_SIZE, AX_READ);
}

static ax_error_t map_beside(struct ax_addrspace *as)
{
	return ax_addrspace_map_alloc(as, ax_gpa(VM_RAM + RAM_SIZE), RAM_SIZE, RAM, true);
}

/* Everything that a reader can ask about a page that no writer changes; @s has it at NEIGHBOUR. */
static void readers_go_on(struct test_space *s, uint64_t gpa)
{
	struct ax_npt_mapping mapping;
	struct ax_region_info region;
	uint64_t value = gpa;
	uint64_t back = 0;
	uint64_t limit;
	ax_hpa_t hpa;

	CHECK(ax_addrspace_handle_page_fault(&s->as, ax_gpa(gpa), AX_READ));
	CHECK_OK(ax_guest_write(&s->as, ax_gpa(gpa), &value, sizeof(value)));
	CHECK_OK(ax_guest_read(&s->as, ax_gpa(gpa), &back, sizeof(back)));
	CHECK_EQUAL(back, gpa);
	CHECK_OK(ax_addrspace_translate(&s->as, ax_gpa(gpa), &hpa));
	CHECK_OK(ax_addrspace_translate_and_get_limit(&s->as, ax_gpa(gpa), &hpa, &limit));
	CHECK_OK(ax_addrspace_query(&s->as, ax_gpa(gpa), &mapping));
	CHECK_OK(ax_addrspace_next_region(&s->as, ax_gpa(gpa), &region));
}

static void prepare(struct test_space *s)
{
	/* The model of the TLB is for one thread. */
	tlb_model_drop();
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), RAM_SIZE, RAM, false));
	/* Another region under the same table, which no writer here changes. */
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM + M2 - 2 * K4), 2 * K4, RW, false));
	CHECK(ax_addrspace_handle_page_fault(&s->as, ax_gpa(NEIGHBOUR), AX_READ));
}

/* A reader is held; others fault on the same page and on others, and go on when a writer waits. */
static void hold_reader(struct test_space *s, enum ax_pause_point point, struct call held,
			struct call writer)
{
	struct call fault = {.run = fault_page};
	bool waits;

	prepare(s);
	start_held(&held, s, point);
	start(&fault, s, run_call);
	finish(&fault);
	CHECK_OK(fault.error);
	readers_go_on(s, PAGE);
	readers_go_on(s, NEIGHBOUR);
	start(&writer, s, run_call);
	for (unsigned i = 0; i < 50; i++)
		readers_go_on(s, VM_RAM + M2 - 2 * K4);
	waits = !__atomic_load_n(&writer.returned, __ATOMIC_ACQUIRE);
	CHECK(waits);
	let_go(&held);
	finish(&held);
	finish(&writer);
	CHECK_OK(writer.error);
	if (point == AX_PAUSE_ENTERED && held.error != AX_OK)
		/* It looked after the writer had published. */
		CHECK(held.error == AX_ENOENT || held.error == AX_EACCES);
	else
		CHECK_OK(held.error);
}

#define OTHER PARTLY(VM_RAM + M2 - 2 * K4, 2 * K4, RW)

static void hold_reader_beside(struct test_space *s, enum ax_pause_point point,
			       ax_error_t (*run)(struct ax_addrspace *as))
{
	const struct call faulter = {.run = fault_page};
	const struct call accessor = {.run = write_page};
	const struct call writers[] = {
		{.run = unmap_page}, {.run = unmap_all}, {.run = protect_all}, {.run = map_beside}};

	for (size_t i = 0; i < sizeof(writers) / sizeof(*writers); i++) {
		hold_reader(s, point, run == fault_page ? faulter : accessor, writers[i]);
		if (writers[i].run == unmap_page)
			CHECK_SPACE(s, PARTLY(VM_RAM, 8 * K4, RAM),
				    PARTLY(PAGE + K4, RAM_SIZE - 9 * K4, RAM), OTHER);
		else if (writers[i].run == unmap_all)
			CHECK_SPACE(s, OTHER);
		else if (writers[i].run == protect_all)
			CHECK_SPACE(s, PARTLY(VM_RAM, RAM_SIZE, AX_READ), OTHER);
		else
			CHECK_SPACE(s, PARTLY(VM_RAM, RAM_SIZE, RAM),
				    OWNED(VM_RAM + RAM_SIZE, RAM_SIZE, RAM), OTHER);
		CHECK_OK(ax_addrspace_clear(&s->as));
		check_empty(s);
	}
}

static void a_fault_is_held_at_each_point(struct test_space *s)
{
	/* One CPU has nobody beside it. */
	if (s->cpus == 1)
		return;
	alarm(PATIENCE_SECONDS);
	for (enum ax_pause_point point = AX_PAUSE_ENTERED; point <= AX_PAUSE_INSTALLED; point++)
		hold_reader_beside(s, point, fault_page);
	hold_reader_beside(s, AX_PAUSE_LEAVE, fault_page);
	alarm(0);
}

static void a_guest_access_is_held_at_each_point(struct test_space *s)
{
	if (s->cpus == 1)
		return;
	alarm(PATIENCE_SECONDS);
	for (enum ax_pause_point point = AX_PAUSE_ENTERED; point <= AX_PAUSE_LEAVE; point++)
		hold_reader_beside(s, point, write_page);
	alarm(0);
}

/* A writer is held: what it does not change is as ever for readers, and what goes does not come back. */
static void hold_writer(struct test_space *s, enum ax_pause_point point, struct call writer)
{
	prepare(s);
	CHECK(ax_addrspace_handle_page_fault(&s->as, ax_gpa(PAGE), AX_READ));
	start_held(&writer, s, point);
	for (unsigned i = 0; i < 50; i++)
		readers_go_on(s, VM_RAM + M2 - 2 * K4);
	if (writer.run == unmap_page)
		readers_go_on(s, NEIGHBOUR);
	CHECK(!ax_addrspace_handle_page_fault(&s->as, ax_gpa(PAGE), AX_READ));
	let_go(&writer);
	finish(&writer);
	CHECK_OK(writer.error);
	CHECK(!ax_addrspace_handle_page_fault(&s->as, ax_gpa(PAGE), AX_READ));
	CHECK_OK(ax_addrspace_clear(&s->as));
	check_empty(s);
}

static void an_unmap_is_held_at_each_point(struct test_space *s)
{
	const struct call page = {.run = unmap_page};
	const struct call all = {.run = unmap_all};

	if (s->cpus == 1)
		return;
	alarm(PATIENCE_SECONDS);
	for (enum ax_pause_point point = AX_PAUSE_PUBLISHED; point < AX_PAUSE_POINTS; point++) {
		hold_writer(s, point, page);
		hold_writer(s, point, all);
	}
	alarm(0);
}

static ax_error_t translate_page(struct ax_addrspace *as)
{
	ax_hpa_t hpa;

	return ax_addrspace_translate(as, ax_gpa(PAGE), &hpa);
}

static ax_error_t clear_all(struct ax_addrspace *as)
{
	return ax_addrspace_clear(as);
}

/* A reader that came after the writer's first wait goes by no region, and holds a table that is killed. */
static void a_table_stays_for_who_came_after_the_first_wait(struct test_space *s)
{
	struct call writer = {.run = clear_all};
	struct call reader = {.run = translate_page};
	size_t held;

	if (s->cpus == 1)
		return;
	alarm(PATIENCE_SECONDS);
	prepare(s);
	CHECK(ax_addrspace_handle_page_fault(&s->as, ax_gpa(PAGE), AX_READ));
	start_held(&writer, s, AX_PAUSE_WAITED);
	start_held(&reader, s, AX_PAUSE_WALK);
	held = mock_frames_held();
	let_go(&writer);
	for (unsigned i = 0; i < 50; i++) {
		usleep(1000);
		CHECK(!__atomic_load_n(&writer.returned, __ATOMIC_ACQUIRE));
		CHECK_EQUAL(mock_frames_held(), held);
	}
	let_go(&reader);
	finish(&reader);
	finish(&writer);
	CHECK_OK(writer.error);
	check_empty(s);
	alarm(0);
}

/* What a reader has found it may read until it leaves: the writer makes its change in the other copy. */
static void regions_stay_as_a_reader_found_them_until_it_leaves(struct test_space *s)
{
	struct call reader = {.run = fault_page};
	struct call writer = {.run = unmap_page};
	unsigned char before[AX_PAGE_SIZE_4K];
	const struct ax_region_node *node;
	uint64_t version;

	if (s->cpus == 1)
		return;
	alarm(PATIENCE_SECONDS);
	prepare(s);
	/* Few regions: all of them are in the root. */
	version = ax_addrspace_version(&s->as);
	node = ax_addrspace_regions(&s->as)->root;
	memcpy(before, node, sizeof(before));
	start_held(&reader, s, AX_PAUSE_REGION);
	start(&writer, s, run_call);
	while (ax_addrspace_version(&s->as) == version)
		usleep(100);
	usleep(1000);
	CHECK(!__atomic_load_n(&writer.returned, __ATOMIC_ACQUIRE));
	CHECK(memcmp(before, node, sizeof(before)) == 0);
	let_go(&reader);
	finish(&reader);
	finish(&writer);
	CHECK_OK(writer.error);
	CHECK(!ax_addrspace_handle_page_fault(&s->as, ax_gpa(PAGE), AX_READ));
	CHECK_OK(ax_addrspace_clear(&s->as));
	check_empty(s);
	alarm(0);
}

static unsigned char block[M2];

static ax_error_t write_block(struct ax_addrspace *as)
{
	return ax_guest_write(as, ax_gpa(VM_RAM), block, sizeof(block));
}

/* Where a part of it begins that the first section of a copy would reach. */
#define UPPER (VM_RAM + 16 * K4)

static ax_error_t protect_upper_part(struct ax_addrspace *as)
{
	return ax_addrspace_protect(as, ax_gpa(UPPER), VM_RAM + M2 - UPPER, AX_READ);
}

/* A copy was allowed, and then most of its range is not any more: it has not begun. What ends its first part is the
 * region alone, since the writer waits and all that is mapped is still there. */
static void hold_copy_and_protect(struct test_space *s)
{
	struct call copy = {.run = write_block};
	struct call writer = {.run = protect_upper_part};
	uint64_t version;

	memset(block, 0x77, sizeof(block));
	version = ax_addrspace_version(&s->as);
	/* It enters once to check the regions, once to back all of it, once to copy. */
	start_held_later(&copy, s, AX_PAUSE_ENTERED, 2);
	start(&writer, s, run_call);
	while (ax_addrspace_version(&s->as) == version)
		usleep(100);
	let_go(&copy);
	finish(&copy);
	finish(&writer);
	CHECK_OK(writer.error);
	CHECK_ERROR(copy.error, AX_EACCES);
	CHECK_EQUAL(*reference_ptr(s, UPPER - 1), 0x77);
	for (uint64_t gpa = UPPER; gpa < VM_RAM + M2; gpa += K4)
		CHECK_EQUAL(*reference_ptr(s, gpa), 0);
	CHECK_OK(ax_addrspace_clear(&s->as));
	check_empty(s);
}

static void a_chunk_of_a_huge_page_ends_with_its_region(struct test_space *s)
{
	if (s->cpus == 1)
		return;
	alarm(PATIENCE_SECONDS);
	space_use_direct_map(s);
	tlb_model_drop();
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), M2, RAM, true));
	hold_copy_and_protect(s);
	alarm(0);
}

static void the_pages_of_a_copy_end_with_their_region(struct test_space *s)
{
	if (s->cpus == 1)
		return;
	alarm(PATIENCE_SECONDS);
	tlb_model_drop();
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), M2, RAM, false));
	memset(block, 0, sizeof(block));
	CHECK_OK(write_block(&s->as));
	hold_copy_and_protect(s);
	alarm(0);
}

int main(void)
{
	static const struct story stories[] = {
		STORY_FEW(a_fault_is_held_at_each_point),
		STORY_FEW(a_guest_access_is_held_at_each_point),
		STORY_FEW(an_unmap_is_held_at_each_point),
		STORY_FEW(a_table_stays_for_who_came_after_the_first_wait),
		STORY_FEW(regions_stay_as_a_reader_found_them_until_it_leaves),
		STORY_FEW(a_chunk_of_a_huge_page_ends_with_its_region),
		STORY_FEW(the_pages_of_a_copy_end_with_their_region),
	};

	return STORIES_RUN("threads held half-way", stories);
}
