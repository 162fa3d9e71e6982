/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DOC: stories
 *
 * A test that tells how a space behaves is run on a fresh space of every configuration, for one CPU
 * and for four, unless it says which. Between any two steps it may call check_space(); the frames'
 * books and the model of the TLB (tlb_model.h) watch all the time.
 *
 * Of the environment: AX_FORMAT=TEXT runs only the configurations whose name contains TEXT.
 */
#ifndef TESTS_SUPPORT_STORY_H
#define TESTS_SUPPORT_STORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <axvisor/error.h>

#include "formats.h"

/**
 * struct story - A test.
 * @name: Of the function.
 * @run: Runs on a space. NULL: @plain.
 * @plain: Runs without a space, once; the port has been started.
 * @only: Begin of the names of the configurations that it is about; NULL: all.
 * @one_cpu: For one CPU alone: a long story about entries, which are the same for four.
 * @few: On one configuration of each format: a long story about what they have in common.
 */
struct story {
	const char *name;
	void (*run)(struct test_space *s);
	void (*plain)(void);
	const char *only;
	bool one_cpu;
	bool few;
};

#define STORY(function)                                       \
	{                                                     \
#function, function, NULL, NULL, false, false \
	}
#define STORY_ONE_CPU(function)                              \
	{                                                    \
#function, function, NULL, NULL, true, false \
	}
#define STORY_FEW(function)                                  \
	{                                                    \
#function, function, NULL, NULL, false, true \
	}
#define STORY_ONLY(function, only)                            \
	{                                                     \
#function, function, NULL, only, false, false \
	}
#define STORY_PLAIN(function)                                 \
	{                                                     \
#function, NULL, function, NULL, false, false \
	}

/* Flags and sizes that the stories use. */
#define RW  (AX_READ | AX_WRITE)
#define RWX (AX_READ | AX_WRITE | AX_EXECUTE)
/** RAM - What a VM's memory is mapped with. */
#define RAM (RWX | AX_USER)
#define K4  AX_PAGE_SIZE_4K
#define M2  AX_PAGE_SIZE_2M
#define G1  AX_PAGE_SIZE_1G

/** stories_run() - Run them all, one cmocka test each. Return: the failed ones, for main(). */
int stories_run(const char *group, const struct story *stories, size_t count);

#define STORIES_RUN(group, stories) \
	stories_run(group, stories, sizeof(stories) / sizeof(*(stories)))

/** story_fail() - Fail the test with a message, which names the configuration too. */
_Noreturn void story_fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** story_note() - What the test is about to do, for the message of a failure. NULL: nothing. */
void story_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * story_fails() - Whether a step fails the test, for tests of the checks themselves.
 * @step: Run once; what it had in hand when it failed is lost.
 * @s: Handed to it.
 */
bool story_fails(void (*step)(struct test_space *s), struct test_space *s);

/**
 * story_realloc() - realloc() of what the test's own tools need. A failed test gives it back.
 * @memory: From an earlier call, or NULL.
 * @size: Bytes.
 */
void *story_realloc(void *memory, size_t size);

/** story_keep() - @memory outlives the failure that story_fails() waits for. NULL is fine. */
void story_keep(void *memory);

/** story_free() - free() of it. NULL is fine. */
void story_free(void *memory);

/** story_error_name() - "AX_ENOENT (-5)". */
const char *story_error_name(ax_error_t error);

void story_check_equal(const char *file, int line, const char *text, uint64_t got, uint64_t want);
void story_check_error(const char *file, int line, const char *text, ax_error_t got,
		       ax_error_t want);

#define FAIL(...) story_fail(__FILE__, __LINE__, __VA_ARGS__)
#define CHECK(condition)                                                  \
	do {                                                              \
		if (!(condition))                                         \
			story_fail(__FILE__, __LINE__, "%s", #condition); \
	} while (0)
/* Both sides are turned into 64-bit numbers. */
#define CHECK_EQUAL(got, want) \
	story_check_equal(__FILE__, __LINE__, #got " == " #want, (uint64_t)(got), (uint64_t)(want))
#define CHECK_ERROR(call, want) story_check_error(__FILE__, __LINE__, #call, call, want)
#define CHECK_OK(call)          CHECK_ERROR(call, AX_OK)

#endif /* TESTS_SUPPORT_STORY_H */
