/* SPDX-License-Identifier: Apache-2.0 */
#include "story.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check.h"
#include "mock_port.h"
#include "tlb_model.h"

/* Which configuration runs; NULL outside of stories. */
static const struct format_case *current_format;
static unsigned current_cpus;
static char current_note[256];
/* Where a failure that is expected goes on; NULL: none is. */
static jmp_buf *expected;

void story_note(const char *format, ...)
{
	va_list args;

	current_note[0] = '\0';
	if (!format)
		return;
	va_start(args, format);
	vsnprintf(current_note, sizeof(current_note), format, args);
	va_end(args);
}

_Noreturn void story_fail(const char *file, int line, const char *format, ...)
{
	va_list args;

	if (expected)
		longjmp(*expected, 1);
	fprintf(stderr, "%s:%d: ", file, line);
	if (current_format)
		fprintf(stderr, "[%s, %u CPU] ", current_format->name, current_cpus);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	if (current_note[0])
		fprintf(stderr, "\n\twhile: %s", current_note);
	fputc('\n', stderr);
	_fail(file, line);
	abort();
}

/**
 * struct block - Head of what story_realloc() returns.
 * @next: The block before it.
 * @born: Counts up.
 * @kept: See story_keep().
 */
struct block {
	struct block *next;
	unsigned long born;
	bool kept;
	_Alignas(max_align_t) unsigned char bytes[];
};

static struct block *blocks;
static unsigned long births;

static struct block **find_block(const void *memory)
{
	struct block **link = &blocks;

	while (*link && (*link)->bytes != (const unsigned char *)memory)
		link = &(*link)->next;
	return link;
}

void *story_realloc(void *memory, size_t size)
{
	struct block **link = memory ? find_block(memory) : &blocks;
	struct block *old = memory ? *link : NULL;
	struct block *next = memory ? old->next : blocks;
	unsigned long born = memory ? old->born : ++births;
	bool kept = memory && old->kept;
	struct block *block = realloc(old, sizeof(*block) + size);

	if (!block)
		FAIL("the test itself ran out of memory");
	block->next = next;
	block->born = born;
	block->kept = kept;
	*link = block;
	return block->bytes;
}

void story_keep(void *memory)
{
	if (memory)
		(*find_block(memory))->kept = true;
}

void story_free(void *memory)
{
	struct block **link = find_block(memory);
	struct block *block = *link;

	if (!memory)
		return;
	*link = block->next;
	free(block);
}

/* What was born after a moment, and is not kept. */
static void free_blocks(unsigned long moment, bool all)
{
	struct block **link = &blocks;

	while (*link) {
		struct block *block = *link;

		if (!all && (block->kept || block->born <= moment)) {
			link = &block->next;
			continue;
		}
		*link = block->next;
		free(block);
	}
}

bool story_fails(void (*step)(struct test_space *s), struct test_space *s)
{
	jmp_buf here;
	volatile bool failed = true;
	unsigned long moment = births;

	if (setjmp(here) == 0) {
		expected = &here;
		step(s);
		failed = false;
	}
	expected = NULL;
	if (failed)
		free_blocks(moment, false);
	return failed;
}

const char *story_error_name(ax_error_t error)
{
	static const char *const names[] = {
		"AX_OK",     "AX_EINVAL", "AX_EALIGN",  "AX_ERANGE",   "AX_EEXIST", "AX_ENOENT",
		"AX_EACCES", "AX_ENOMEM", "AX_ENOTSUP", "AX_EUNBOUND", "AX_ENOSPC", "AX_ESTATE",
	};

	if (error > 0 || -error >= (int)(sizeof(names) / sizeof(names[0])))
		return "no error code";
	return names[-error];
}

void story_check_equal(const char *file, int line, const char *text, uint64_t got, uint64_t want)
{
	if (got != want)
		story_fail(file, line, "%s: %#" PRIx64 " is not %#" PRIx64, text, got, want);
}

void story_check_error(const char *file, int line, const char *text, ax_error_t got,
		       ax_error_t want)
{
	if (got != want)
		story_fail(file, line, "%s: %s is not %s", text, story_error_name(got),
			   story_error_name(want));
}

static void port_error(const char *message)
{
	story_fail("the port", 0, "%s", message);
}

static void run_on(const struct story *story, const struct format_case *format, unsigned cpus)
{
	static struct test_space space;

	current_format = format;
	current_cpus = cpus;
	story_note(NULL);
	mock_start(NULL);
	space_make(&space, format, cpus);
	tlb_model_begin(&space);
	story->run(&space);
	check_tables(&space);
	/* The model watches to the end: nothing may come back while it can still be used. */
	space_destroy(&space);
	tlb_model_drop();
	mock_stop();
	current_format = NULL;
}

/* One configuration of each format, and of what differs most within one. */
static bool is_one_of_few(const struct format_case *format)
{
	static const char *const few[] = {"EPT 4 levels", "NPT 4 levels 1G", "stage 2, 40 bits",
					  "Sv39x4", "Sv48x4 Svvptc"};

	for (size_t i = 0; i < sizeof(few) / sizeof(few[0]); i++) {
		if (strcmp(format->name, few[i]) == 0)
			return true;
	}
	return false;
}

static bool is_about(const struct story *story, const struct format_case *format)
{
	const char *wanted = getenv("AX_FORMAT");

	if (wanted && !strstr(format->name, wanted))
		return false;
	if (story->few && !is_one_of_few(format))
		return false;
	return !story->only || strncmp(format->name, story->only, strlen(story->only)) == 0;
}

static void run_story(void **state)
{
	const struct story *story = *state;

	current_format = NULL;
	tlb_model_drop();
	free_blocks(0, true);
	mock_set_error_handler(port_error);
	if (story->plain) {
		mock_start(NULL);
		story->plain();
		mock_stop();
		return;
	}
	for (size_t i = 0; i < format_case_count; i++) {
		if (!is_about(story, &format_cases[i]))
			continue;
		run_on(story, &format_cases[i], 1);
		if (!story->one_cpu)
			run_on(story, &format_cases[i], 4);
	}
}

int stories_run(const char *group, const struct story *stories, size_t count)
{
	struct CMUnitTest *tests = calloc(count, sizeof(*tests));
	int failed;

	if (!tests)
		return 1;
	for (size_t i = 0; i < count; i++) {
		tests[i].name = stories[i].name;
		tests[i].test_func = run_story;
		tests[i].initial_state = (void *)(uintptr_t)&stories[i];
	}
	failed = _cmocka_run_group_tests(group, tests, count, NULL, NULL);
	free(tests);
	tlb_model_drop();
	free_blocks(0, true);
	return failed;
}
