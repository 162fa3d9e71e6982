/* SPDX-License-Identifier: Apache-2.0 */
/* Readers beside one another and beside a writer: what each of them may still rely on. */
#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include <axvisor/guest.h>

#include "check.h"
#include "mock_port.h"
#include "story.h"
#include "tlb_model.h"

#define VM_RAM 0x40000000ull
#define HOST   MOCK_RAM_BASE

#define PATIENCE_SECONDS 20

static bool seen(const unsigned *counter, unsigned count)
{
	return __atomic_load_n(counter, __ATOMIC_ACQUIRE) >= count;
}

static void wait_for(const unsigned *counter, unsigned count)
{
	alarm(PATIENCE_SECONDS);
	while (!seen(counter, count))
		sched_yield();
	alarm(0);
}

static void raise_by_one(unsigned *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_ACQ_REL);
}

/* Counts */

static struct {
	const struct ax_addrspace *as;
	unsigned stop;
	unsigned wrong;
	unsigned looked;
} counting;

/* Faults that come between two lines may count too often, but a page is never less than none. */
static void *look_at_counts(void *context)
{
	(void)context;
	while (!seen(&counting.stop, 1)) {
		struct ax_addrspace_stats stats;

		ax_addrspace_stats(counting.as, &stats);
		if (stats.owned_frames > INT64_MAX || stats.table_frames > INT64_MAX)
			raise_by_one(&counting.wrong);
		raise_by_one(&counting.looked);
	}
	return NULL;
}

static void counts_beside_faults_and_unmaps_are_never_below_zero(struct test_space *s)
{
	pthread_t thread;

	if (s->cpus == 1)
		return;
	/* The model of the TLB is for one thread. */
	tlb_model_drop();
	counting.as = &s->as;
	counting.stop = 0;
	counting.wrong = 0;
	counting.looked = 0;
	CHECK(pthread_create(&thread, NULL, look_at_counts, NULL) == 0);
	wait_for(&counting.looked, 1);
	for (unsigned i = 0; i < 1000; i++) {
		CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), K4, RAM, false));
		CHECK(ax_addrspace_handle_page_fault(&s->as, ax_gpa(VM_RAM), AX_READ));
		CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), K4));
	}
	raise_by_one(&counting.stop);
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK_EQUAL(counting.wrong, 0);
	check_empty(s);
}

/* More readers than slots */

#define SLOTS 63u

static struct {
	struct ax_addrspace *as;
	unsigned inside;
	unsigned go_on;
	unsigned relaxed;
	unsigned served;
} crowd;

static ax_error_t slow_fault(void *context, ax_gpa_t gpa, ax_flags_t access, ax_hpa_t *out)
{
	(void)context;
	(void)access;
	raise_by_one(&crowd.inside);
	while (!seen(&crowd.go_on, 1))
		sched_yield();
	*out = ax_hpa(HOST + (gpa.raw - VM_RAM));
	return AX_OK;
}

static void relax(void *context)
{
	(void)context;
	raise_by_one(&crowd.relaxed);
	sched_yield();
}

static void *fault_page(void *context)
{
	uint64_t gpa = VM_RAM + (uint64_t)(uintptr_t)context * K4;

	if (ax_addrspace_handle_page_fault(crowd.as, ax_gpa(gpa), AX_READ))
		raise_by_one(&crowd.served);
	return NULL;
}

/*
 * What a reader waits for, a slot, may depend on this CPU: that it flushes its TLB, so that the allocator
 * of another reader can go on. So it waits as writers do.
 */
static void a_reader_that_finds_every_slot_taken_relaxes(struct test_space *s)
{
	static const struct ax_backend_ops ops = {.fault = slow_fault};
	static const struct ax_backend backend = {&ops, NULL};
	struct ax_addrspace_config config = format_config(s->format);
	pthread_t threads[SLOTS + 1];

	if (s->cpus == 1)
		return;
	config.cpus = SLOTS + 1;
	config.relax = relax;
	space_remake(s, &config);
	/* The model of the TLB is for one thread. */
	tlb_model_drop();
	crowd.as = &s->as;
	crowd.inside = crowd.go_on = crowd.relaxed = crowd.served = 0;
	CHECK_OK(ax_addrspace_map_backend(&s->as, ax_gpa(VM_RAM), M2, RAM, &backend));
	for (uintptr_t i = 0; i < SLOTS; i++)
		CHECK(pthread_create(&threads[i], NULL, fault_page, (void *)i) == 0);
	wait_for(&crowd.inside, SLOTS);
	CHECK(!seen(&crowd.relaxed, 1));
	CHECK(pthread_create(&threads[SLOTS], NULL, fault_page, (void *)(uintptr_t)SLOTS) == 0);
	wait_for(&crowd.relaxed, 1);
	CHECK(!seen(&crowd.inside, SLOTS + 1));
	raise_by_one(&crowd.go_on);
	for (unsigned i = 0; i <= SLOTS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	CHECK_EQUAL(crowd.served, SLOTS + 1);
}

/* The last page of memory */

static unsigned asked;

static void *fault_first_page(void *as)
{
	return ax_addrspace_handle_page_fault(as, ax_gpa(VM_RAM), AX_READ) ? as : NULL;
}

/* The first to ask is overtaken by another CPU, and then gets nothing. */
static ax_error_t one_page_left(void *context, ax_gpa_t gpa, ax_flags_t access, ax_hpa_t *out)
{
	pthread_t thread;
	void *served;

	(void)gpa;
	(void)access;
	if (asked++ != 0) {
		*out = ax_hpa(HOST);
		return AX_OK;
	}
	CHECK(pthread_create(&thread, NULL, fault_first_page, context) == 0);
	CHECK(pthread_join(thread, &served) == 0);
	CHECK(served);
	return AX_ENOMEM;
}

static void a_fault_without_memory_is_served_by_another_cpu(struct test_space *s)
{
	const struct ax_backend_ops ops = {.fault = one_page_left};
	const struct ax_backend backend = {&ops, &s->as};

	if (s->cpus == 1)
		return;
	/* The model of the TLB is for one thread. */
	tlb_model_drop();
	asked = 0;
	CHECK_OK(ax_addrspace_map_backend(&s->as, ax_gpa(VM_RAM), K4, RAM, &backend));
	CHECK_EQUAL(ax_addrspace_fault(&s->as, ax_gpa(VM_RAM), AX_READ), AX_FAULT_HANDLED);
	CHECK_EQUAL(asked, 2);
	CHECK_OK(ax_addrspace_clear(&s->as));
}

int main(void)
{
	static const struct story stories[] = {
		STORY_FEW(counts_beside_faults_and_unmaps_are_never_below_zero),
		STORY_FEW(a_reader_that_finds_every_slot_taken_relaxes),
		STORY_FEW(a_fault_without_memory_is_served_by_another_cpu),
	};

	return STORIES_RUN("readers beside others", stories);
}
