/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard by itself, on one thread: whoever waits calls relax, and there the other side moves. So
 * each interleaving is shown on purpose, and what would wait for ever fails. That it holds between
 * real CPUs is for the stress tests to show.
 */
#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include "guard.h"

#include "mock_port.h"
#include "story.h"

/* A waiter that has asked this often waits for something that does not come. */
#define PATIENCE 1000u

static struct ax_guard guard;

/* What happens while somebody waits. */
static struct {
	unsigned turns;             /* calls of relax */
	unsigned act_at;            /* the one at which it happens */
	struct ax_section *leaves;  /* a reader that leaves */
	struct ax_section *returns; /* and comes in again at once */
	bool unlocks;               /* the writer that unlocks */
} meanwhile;

static void others_run(void *context)
{
	CHECK(context == &meanwhile);
	if (++meanwhile.turns > PATIENCE)
		FAIL("it waits for ever");
	if (meanwhile.turns != meanwhile.act_at)
		return;
	if (meanwhile.leaves)
		ax_guard_leave(meanwhile.leaves);
	if (meanwhile.returns)
		ax_guard_enter(&guard, meanwhile.returns);
	if (meanwhile.unlocks)
		ax_guard_unlock(&guard);
}

static void open_guard(unsigned cpus)
{
	memset(&meanwhile, 0, sizeof(meanwhile));
	CHECK_OK(ax_guard_init(&guard, cpus, others_run, &meanwhile));
}

static void one_cpu_needs_no_frame_and_never_waits(void)
{
	struct ax_guard_slot sum = {.foreign_frames = 5};
	struct ax_section section;

	open_guard(1);
	CHECK_EQUAL(mock_frames_held(), 0);
	CHECK(!ax_guard_shared(&guard));
	ax_guard_enter(&guard, &section);
	CHECK(section.slot == NULL);
	ax_guard_lock(&guard);
	ax_guard_lock(&guard);
	ax_guard_wait_readers(&guard);
	ax_guard_unlock(&guard);
	ax_guard_leave(&section);
	ax_guard_sum(&guard, &sum);
	CHECK_EQUAL(sum.foreign_frames, 5);
	CHECK_EQUAL(meanwhile.turns, 0);
	ax_guard_destroy(&guard);
}

static void several_cpus_cost_one_frame_that_comes_back_once(void)
{
	open_guard(2);
	CHECK_EQUAL(mock_frames_held(), 1);
	CHECK(ax_guard_shared(&guard));
	ax_guard_destroy(&guard);
	CHECK_EQUAL(mock_frames_held(), 0);
	CHECK(!ax_guard_shared(&guard));
	ax_guard_destroy(&guard);
}

static void without_memory_there_is_no_guard(void)
{
	mock_fail_at(1);
	CHECK_ERROR(ax_guard_init(&guard, 2, NULL, NULL), AX_ENOMEM);
	CHECK_EQUAL(mock_frames_held(), 0);
	ax_guard_destroy(&guard);
}

/* Each finds a line of its own, and never line 0, which is in the way of every table's first entry. */
static void readers_hold_lines_of_their_own(void)
{
	struct ax_section sections[AX_GUARD_SLOT_END - AX_GUARD_SLOT_FIRST];
	const size_t count = sizeof(sections) / sizeof(sections[0]);

	open_guard(4);
	for (size_t i = 0; i < count; i++) {
		ax_guard_enter(&guard, &sections[i]);
		CHECK(sections[i].slot > &guard.slots[0]);
		CHECK(sections[i].slot < &guard.slots[AX_GUARD_SLOT_END]);
		CHECK_EQUAL(sections[i].slot->seq % 2, 1);
		for (size_t j = 0; j < i; j++)
			CHECK(sections[j].slot != sections[i].slot);
	}
	for (size_t i = 0; i < count; i++) {
		ax_guard_leave(&sections[i]);
		CHECK_EQUAL(sections[i].slot->seq, 2);
	}
	CHECK_EQUAL(guard.slots[0].seq, 0);
	ax_guard_destroy(&guard);
}

/* A slot's number has 32 bits. The reader before it comes round is one like the others, to a writer too. */
static void numbers_come_round(void)
{
	struct ax_section section;

	open_guard(2);
	for (unsigned i = AX_GUARD_SLOT_FIRST; i < AX_GUARD_SLOT_END; i++)
		guard.slots[i].seq = UINT32_MAX - 1;
	ax_guard_enter(&guard, &section);
	CHECK_EQUAL(section.slot->seq, UINT32_MAX);
	meanwhile.leaves = &section;
	meanwhile.act_at = 1;
	ax_guard_wait_readers(&guard);
	CHECK_EQUAL(meanwhile.turns, 1);
	CHECK_EQUAL(section.slot->seq, 0);
	ax_guard_destroy(&guard);
}

/* Stacks are at any address: wherever a section lies, it gets a line that there is. */
static void every_page_of_a_stack_leads_to_a_line(void)
{
	enum { PAGES = 4096 };
	unsigned char *stacks = story_realloc(NULL, (PAGES + 1) * K4);
	unsigned used[AX_GUARD_SLOT_END] = {0};
	unsigned lines = 0;

	open_guard(4);
	for (size_t i = 0; i < PAGES; i++) {
		struct ax_section *section = (struct ax_section *)(void *)&stacks[i * K4];

		ax_guard_enter(&guard, section);
		used[section->slot - guard.slots]++;
		ax_guard_leave(section);
	}
	CHECK_EQUAL(used[0], 0);
	for (unsigned i = 1; i < AX_GUARD_SLOT_END; i++)
		lines += used[i] != 0;
	/* Spread, and not all on a few. */
	CHECK(lines > 60);
	ax_guard_destroy(&guard);
	story_free(stacks);
}

static void writer_waits_for_the_reader_that_is_inside(void)
{
	struct ax_section section;

	open_guard(2);
	ax_guard_enter(&guard, &section);
	meanwhile.act_at = 3;
	meanwhile.leaves = &section;
	ax_guard_wait_readers(&guard);
	CHECK_EQUAL(meanwhile.turns, 3);
	/* Nobody is inside. */
	ax_guard_wait_readers(&guard);
	CHECK_EQUAL(meanwhile.turns, 3);
	ax_guard_destroy(&guard);
}

static void writer_waits_for_readers_in_the_first_and_the_last_line(void)
{
	static const unsigned lines[] = {AX_GUARD_SLOT_FIRST, 7, AX_GUARD_SLOT_END - 1};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct ax_section section;

		open_guard(2);
		section.slot = &guard.slots[lines[i]];
		section.seq = 0;
		section.slot->seq = 1;
		meanwhile.act_at = 2;
		meanwhile.leaves = &section;
		ax_guard_wait_readers(&guard);
		CHECK_EQUAL(meanwhile.turns, 2);
		ax_guard_destroy(&guard);
	}
}

/* It came after what the writer published, and one that comes again and again must not keep it out. */
static void writer_does_not_wait_for_a_reader_that_came_later(void)
{
	/* On one page of the stack, wherever that is: they look for the same line. */
	_Alignas(64) struct ax_section section[2];

	open_guard(2);
	ax_guard_enter(&guard, &section[0]);
	meanwhile.act_at = 1;
	meanwhile.leaves = &section[0];
	meanwhile.returns = &section[1];
	ax_guard_wait_readers(&guard);
	CHECK_EQUAL(meanwhile.turns, 1);
	CHECK(section[1].slot == section[0].slot);
	CHECK_EQUAL(section[1].slot->seq % 2, 1);
	ax_guard_leave(&section[1]);
	ax_guard_destroy(&guard);
}

static void writers_take_turns(void)
{
	open_guard(2);
	ax_guard_lock(&guard);
	meanwhile.act_at = 4;
	meanwhile.unlocks = true;
	ax_guard_lock(&guard);
	CHECK_EQUAL(meanwhile.turns, 4);
	ax_guard_unlock(&guard);
	/* Free again: nobody waits. */
	ax_guard_lock(&guard);
	ax_guard_unlock(&guard);
	CHECK_EQUAL(meanwhile.turns, 4);
	ax_guard_destroy(&guard);
}

static struct ax_section interrupted;

static void interrupt(int signal)
{
	(void)signal;
	ax_guard_leave(&interrupted);
}

/* No relax of the port's: the CPU pauses, and what it waits for comes by an interrupt. */
static void waiting_without_relax_pauses_the_cpu(void)
{
	const struct itimerval soon = {.it_value = {.tv_usec = 20000}};

	CHECK_OK(ax_guard_init(&guard, 2, NULL, NULL));
	ax_guard_enter(&guard, &interrupted);
	CHECK(signal(SIGALRM, interrupt) != SIG_ERR);
	CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
	ax_guard_wait_readers(&guard);
	CHECK_EQUAL(interrupted.slot->seq, 2);
	CHECK(signal(SIGALRM, SIG_DFL) == interrupt);
	ax_guard_destroy(&guard);
}

static void counts_of_all_lines_add_up(void)
{
	struct ax_guard_slot sum = {.foreign_frames = 1, .owned_frames = 3, .table_frames = 2};
	struct ax_section sections[3];

	open_guard(2);
	for (unsigned i = 0; i < 3; i++) {
		ax_guard_enter(&guard, &sections[i]);
		ax_guard_count(&sections[i].slot->foreign_frames, 10);
		ax_guard_count(&sections[i].slot->owned_frames, 1000);
		ax_guard_count_tables(&sections[i].slot->table_frames, 4);
	}
	guard.slots[AX_GUARD_SLOT_FIRST].foreign_frames += 5;
	guard.slots[AX_GUARD_SLOT_END - 1].foreign_frames += 7;
	ax_guard_sum(&guard, &sum);
	CHECK_EQUAL(sum.foreign_frames, 1 + 3 * 10 + 5 + 7);
	CHECK_EQUAL(sum.owned_frames, 3 + 3 * 1000);
	CHECK_EQUAL(sum.table_frames, 2 + 3 * 4);
	for (unsigned i = 0; i < 3; i++)
		ax_guard_leave(&sections[i]);
	ax_guard_destroy(&guard);
}

int main(void)
{
	static const struct story stories[] = {
		STORY_PLAIN(one_cpu_needs_no_frame_and_never_waits),
		STORY_PLAIN(several_cpus_cost_one_frame_that_comes_back_once),
		STORY_PLAIN(without_memory_there_is_no_guard),
		STORY_PLAIN(readers_hold_lines_of_their_own),
		STORY_PLAIN(numbers_come_round),
		STORY_PLAIN(every_page_of_a_stack_leads_to_a_line),
		STORY_PLAIN(writer_waits_for_the_reader_that_is_inside),
		STORY_PLAIN(writer_waits_for_readers_in_the_first_and_the_last_line),
		STORY_PLAIN(writer_does_not_wait_for_a_reader_that_came_later),
		STORY_PLAIN(writers_take_turns),
		STORY_PLAIN(waiting_without_relax_pauses_the_cpu),
		STORY_PLAIN(counts_of_all_lines_add_up),
	};

	return STORIES_RUN("guard", stories);
}
