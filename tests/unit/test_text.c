/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of text, letter by letter: what dumps are made of. */
#include <string.h>

#include "text.h"

#include "story.h"

static struct {
	char line[256];
	unsigned count;
} printed;

static void print(void *context, const char *text)
{
	CHECK(context == &printed);
	CHECK(strlen(text) < sizeof(printed.line));
	strcpy(printed.line, text);
	printed.count++;
}

static struct ax_text text;

static void begin(void)
{
	printed.count = 0;
	memset(&text, 'x', sizeof(text)); /* as a stack is, where dumps have it */
	ax_text_init(&text, print, &printed);
	CHECK_EQUAL(text.length, 0);
}

/* One conversion of one value. */
static void put(const char *format, uint64_t value)
{
	ax_text_format(&text, format, &value);
}

static void check_line(const char *want)
{
	ax_text_format(&text, "\n", NULL);
	if (strcmp(printed.line, want) != 0)
		FAIL("\"%s\" is not \"%s\"", printed.line, want);
	CHECK_EQUAL(printed.count, 1);
	CHECK_EQUAL(text.length, 0);
	begin();
}

static void strings_follow_each_other(void)
{
	begin();
	check_line("\n");
	ax_text_format(&text, "one ", NULL);
	ax_text_format(&text, "", NULL);
	put("t%so", (uintptr_t) "w");
	put("%s", (uintptr_t) "");
	CHECK_EQUAL(text.length, strlen("one two"));
	check_line("one two\n");
}

static void each_conversion_takes_a_value(void)
{
	static const uint64_t values[] = {1, 2, 3, 6, 4};

	begin();
	ax_text_format(&text, "%d%x-%d%c%d", values);
	check_line("10x2-3 4\n");
}

static void each_newline_prints_a_line(void)
{
	static const uint64_t values[] = {1, 2};

	begin();
	ax_text_format(&text, "%d\n\n%d", values);
	CHECK_EQUAL(printed.count, 2);
	CHECK(strcmp(printed.line, "\n") == 0);
	printed.count = 0;
	check_line("2\n");
}

static void decimal_numbers_have_no_more_digits_than_they_need(void)
{
	begin();
	put("%d", 0);
	check_line("0\n");
	put("%d ", 9);
	put("%d", 10);
	check_line("9 10\n");
	put("%d", UINT64_MAX);
	check_line("18446744073709551615\n");
}

static void addresses_have_twelve_digits_or_more(void)
{
	begin();
	put("%x", 0);
	check_line("0x0\n");
	put("%a", 0x9abcdef);
	check_line("0x000009abcdef\n");
	put("%x", 0x1234);
	check_line("0x1234\n");
	put("%a", 0x123456789abc);
	check_line("0x123456789abc\n");
	put("%x", UINT64_MAX);
	check_line("0xffffffffffffffff\n");
	put("%a", UINT64_MAX);
	check_line("0xffffffffffffffff\n");
}

static void sizes_have_the_largest_unit_that_divides_them(void)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} sizes[] = {
		{0, "0\n"},           {1, "1\n"},
		{1023, "1023\n"},     {1024, "1K\n"},
		{1025, "1025\n"},     {4096, "4K\n"},
		{2u << 20, "2M\n"},   {(2u << 20) + 4096, "2052K\n"},
		{1u << 30, "1G\n"},   {512ull << 30, "512G\n"},
		{1ull << 40, "1T\n"}, {4ull << 50, "4P\n"},
		{1ull << 60, "1E\n"}, {8ull << 60, "8E\n"},
	};

	begin();
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		put("%b", sizes[i].bytes);
		check_line(sizes[i].text);
	}
}

static void flags_are_a_letter_each_and_the_memory_type(void)
{
	static const struct {
		ax_flags_t flags;
		const char *text;
	} flags[] = {
		{0, "----\n"},
		{AX_READ, "r---\n"},
		{AX_WRITE, "-w--\n"},
		{AX_EXECUTE, "--x-\n"},
		{AX_USER, "---u\n"},
		{AX_READ | AX_WRITE | AX_EXECUTE | AX_USER, "rwxu\n"},
		{AX_READ | AX_DEVICE, "r--- device\n"},
		{AX_READ | AX_UNCACHED, "r--- uncached\n"},
		/* A device says all. */
		{AX_READ | AX_DEVICE | AX_UNCACHED, "r--- device\n"},
	};

	begin();
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		put("%f", flags[i].flags);
		check_line(flags[i].text);
	}
}

static void column_is_reached_by_one_blank_at_least(void)
{
	begin();
	put("ab%cc", 5);
	put("%cd", 3);
	put("%ce", 9);
	check_line("ab   c d e\n");
}

static void what_does_not_fit_is_left_out(void)
{
	const size_t most = sizeof(text.line) - 2;
	char want[sizeof(text.line)];

	begin();
	memset(want, 'x', most);
	want[most] = '\n';
	want[most + 1] = '\0';
	for (size_t i = 0; i < most - 1; i++)
		ax_text_format(&text, "x", NULL);
	put("%s", (uintptr_t) "xyz");
	put("%d", 12345);
	CHECK_EQUAL(text.length, most);
	check_line(want);
}

int main(void)
{
	static const struct story stories[] = {
		STORY_PLAIN(strings_follow_each_other),
		STORY_PLAIN(each_conversion_takes_a_value),
		STORY_PLAIN(each_newline_prints_a_line),
		STORY_PLAIN(decimal_numbers_have_no_more_digits_than_they_need),
		STORY_PLAIN(addresses_have_twelve_digits_or_more),
		STORY_PLAIN(sizes_have_the_largest_unit_that_divides_them),
		STORY_PLAIN(flags_are_a_letter_each_and_the_memory_type),
		STORY_PLAIN(column_is_reached_by_one_blank_at_least),
		STORY_PLAIN(what_does_not_fit_is_left_out),
	};

	return STORIES_RUN("text", stories);
}
