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
	CHECK(strcmp(text.line, "") == 0);
}

static void check_line(const char *want)
{
	ax_text_end(&text);
	if (strcmp(printed.line, want) != 0)
		FAIL("\"%s\" is not \"%s\"", printed.line, want);
	CHECK_EQUAL(printed.count, 1);
	CHECK_EQUAL(text.length, 0);
	CHECK(strcmp(text.line, "") == 0);
	begin();
}

static void strings_follow_each_other(void)
{
	begin();
	check_line("\n");
	ax_text_put(&text, "one ");
	ax_text_put(&text, "");
	ax_text_put(&text, "two");
	CHECK(strcmp(text.line, "one two") == 0);
	check_line("one two\n");
}

static void decimal_numbers_have_no_more_digits_than_they_need(void)
{
	begin();
	ax_text_decimal(&text, 0);
	check_line("0\n");
	ax_text_decimal(&text, 9);
	ax_text_put(&text, " ");
	ax_text_decimal(&text, 10);
	check_line("9 10\n");
	ax_text_decimal(&text, UINT64_MAX);
	check_line("18446744073709551615\n");
}

static void hexadecimal_numbers_have_as_many_digits_as_asked_for_or_more(void)
{
	begin();
	ax_text_hex(&text, 0, 1);
	check_line("0x0\n");
	ax_text_hex(&text, 0x9abcdef, 12);
	check_line("0x000009abcdef\n");
	ax_text_hex(&text, 0x1234, 4);
	check_line("0x1234\n");
	ax_text_hex(&text, UINT64_MAX, 1);
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
		ax_text_size(&text, sizes[i].bytes);
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
		ax_text_flags(&text, flags[i].flags);
		check_line(flags[i].text);
	}
}

static void range_is_its_first_and_its_last_byte(void)
{
	begin();
	ax_text_range(&text, 0x40000000, 0x401fffff);
	check_line("0x000040000000-0x0000401fffff\n");
}

static void column_is_reached_by_one_blank_at_least(void)
{
	begin();
	ax_text_put(&text, "ab");
	ax_text_column(&text, 5);
	ax_text_put(&text, "c");
	ax_text_column(&text, 3);
	ax_text_put(&text, "d");
	ax_text_column(&text, 9);
	ax_text_put(&text, "e");
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
		ax_text_put(&text, "x");
	ax_text_put(&text, "xyz");
	ax_text_decimal(&text, 12345);
	CHECK_EQUAL(text.length, most);
	check_line(want);
}

int main(void)
{
	static const struct story stories[] = {
		STORY_PLAIN(strings_follow_each_other),
		STORY_PLAIN(decimal_numbers_have_no_more_digits_than_they_need),
		STORY_PLAIN(hexadecimal_numbers_have_as_many_digits_as_asked_for_or_more),
		STORY_PLAIN(sizes_have_the_largest_unit_that_divides_them),
		STORY_PLAIN(flags_are_a_letter_each_and_the_memory_type),
		STORY_PLAIN(range_is_its_first_and_its_last_byte),
		STORY_PLAIN(column_is_reached_by_one_blank_at_least),
		STORY_PLAIN(what_does_not_fit_is_left_out),
	};

	return STORIES_RUN("text", stories);
}
