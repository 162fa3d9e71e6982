/* SPDX-License-Identifier: Apache-2.0 */
/* Dumps: what a person reads must be there, one line for each run. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "mock_port.h"
#include "story.h"

#define VM_RAM 0x40000000ull
#define HOST   MOCK_RAM_BASE

static struct {
	char text[16384];
	size_t size;
	size_t lines;
	size_t pieces;
} dumped;

static void print(void *context, const char *text)
{
	size_t size = strlen(text);

	CHECK(context == &dumped);
	CHECK(dumped.size + size < sizeof(dumped.text));
	memcpy(dumped.text + dumped.size, text, size + 1);
	dumped.size += size;
	dumped.pieces++;
	for (const char *c = text; *c; c++) {
		/* Text that any console takes. */
		CHECK(*c == '\n' || (*c >= ' ' && *c <= '~'));
		dumped.lines += *c == '\n';
	}
}

static void forget(void)
{
	memset(&dumped, 0, sizeof(dumped));
}

static void dump_table(const struct test_space *s)
{
	forget();
	ax_npt_dump(ax_addrspace_page_table(&s->as), print, &dumped);
	CHECK(!dumped.size || dumped.text[dumped.size - 1] == '\n');
}

static void dump_space(const struct test_space *s)
{
	forget();
	ax_addrspace_dump(&s->as, print, &dumped);
	CHECK(dumped.size && dumped.text[dumped.size - 1] == '\n');
}

static void table_dump_has_one_line_for_each_run(struct test_space *s)
{
	size_t empty;

	dump_table(s);
	empty = dumped.lines;
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(HOST), 8 * K4, RAM));
	dump_table(s);
	CHECK_EQUAL(dumped.lines, empty + 1);
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM + M2), ax_hpa(HOST), 4 * M2, RAM));
	dump_table(s);
	CHECK_EQUAL(dumped.lines, empty + 2);
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM + 2 * K4), K4, AX_READ));
	dump_table(s);
	CHECK_EQUAL(dumped.lines, empty + 4);
}

static void table_dump_names_both_addresses_of_a_contiguous_run(struct test_space *s)
{
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(0x7654000), ax_hpa(0x89ab000), 3 * K4, RW));
	dump_table(s);
	CHECK(strstr(dumped.text, "7654000"));
	CHECK(strstr(dumped.text, "89ab000"));
}

static void table_dump_of_scattered_memory_is_still_one_line(struct test_space *s)
{
	size_t empty;

	dump_table(s);
	empty = dumped.lines;
	for (uint64_t i = 0; i < 4; i++)
		CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM + i * K4),
						 ax_hpa(HOST + 2 * i * K4), K4, RAM));
	dump_table(s);
	CHECK_EQUAL(dumped.lines, empty + 1);
	CHECK(strstr(dumped.text, "40000000"));
}

static void space_dump_shows_regions_mappings_and_counts(struct test_space *s)
{
	size_t empty;

	dump_space(s);
	empty = dumped.lines;
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(0x7654000), ax_hpa(0x89ab000), 3 * K4, RW));
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(0xabc0000), K4, RAM, false));
	dump_space(s);
	/* Two regions, one of them with a mapping. */
	CHECK(dumped.lines >= empty + 3);
	CHECK(strstr(dumped.text, "7654000"));
	CHECK(strstr(dumped.text, "89ab000"));
	CHECK(strstr(dumped.text, "abc0000"));
	CHECK(strstr(dumped.text, ax_npt_format_name(s->format->format)));
}

static void space_dump_shows_the_name_of_a_backend(struct test_space *s)
{
	static const struct ax_backend_ops named = {.name = "balloon"};
	static const struct ax_backend_ops nameless = {0};
	static const struct ax_backend first = {&named, NULL};
	static const struct ax_backend second = {&nameless, NULL};

	CHECK_OK(ax_addrspace_map_backend(&s->as, ax_gpa(VM_RAM), K4, RAM, &first));
	CHECK_OK(ax_addrspace_map_backend(&s->as, ax_gpa(VM_RAM + K4), K4, RAM, &second));
	dump_space(s);
	CHECK(strstr(dumped.text, "balloon"));
}

/* Word by word, once: regions of three kinds, leaves of two sizes, and what was counted. */
static void space_dump_word_by_word(struct test_space *s)
{
	static const struct ax_backend_ops ops = {0};
	static const struct ax_backend backend = {&ops, NULL};
	char want[2048];
	ax_hpa_t owned;

	if (s->cpus != 1 || s->format != format_find("EPT 4 levels"))
		return;
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(HOST), 2 * M2 + K4, RAM));
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM + G1), K4, RW, false));
	CHECK_OK(ax_addrspace_map_backend(&s->as, ax_gpa(VM_RAM + 2 * G1), 3 * K4, AX_READ,
					  &backend));
	CHECK(ax_addrspace_handle_page_fault(&s->as, ax_gpa(VM_RAM + G1), AX_READ));
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM + 2 * M2), K4, AX_READ | AX_USER));
	CHECK_OK(ax_addrspace_translate(&s->as, ax_gpa(VM_RAM + G1), &owned));
	snprintf(want, sizeof(want),
		 "guest address space 0x000000000000-0xffffffffffff, EPT, 4 levels, 48 bits, "
		 "root 0x%llx, tag 5\n"
		 "regions\n"
		 "  0x000040000000-0x0000403fffff   4M                 rwxu          "
		 "linear -> 0x000040000000\n"
		 "  0x000040400000-0x000040400fff   4K                 r--u          "
		 "linear -> 0x000040400000\n"
		 "  0x000080000000-0x000080000fff   4K                 rw--          alloc\n"
		 "  0x0000c0000000-0x0000c0002fff   12K                r---          backend\n"
		 "mappings\n"
		 "  0x000040000000-0x0000403fffff   4M      2M pages   rwxu          "
		 "-> 0x000040000000\n"
		 "  0x000040400000-0x000040400fff   4K      4K pages   r--u          "
		 "-> 0x000040400000\n"
		 "  0x000080000000-0x000080000fff   4K      4K pages   rw-u          "
		 "owned -> 0x%012llx\n"
		 "frames: tables 6, owned 1, regions 1, guard 0; pages: 2 of 4K 2 of 2M\n"
		 "faults served 1, splits 0, flushes 1\n",
		 (unsigned long long)ax_addrspace_page_table_root(&s->as).raw,
		 (unsigned long long)owned.raw);
	dump_space(s);
	if (strcmp(dumped.text, want) != 0)
		FAIL("dumped:\n%swanted:\n%s", dumped.text, want);
}

/* Two that differ in the owner alone are two lines; so are two sizes, two flags, and a hole. */
static void table_dump_separates_whatever_differs(struct test_space *s)
{
	mock_set_no_contiguous(true);
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), K4, RW, true));
	mock_set_no_contiguous(false);
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM + K4), ax_hpa(HOST), K4, RW));
	dump_table(s);
	CHECK_EQUAL(dumped.lines, 2);
	CHECK(strstr(dumped.text, "owned -> 0x000"));
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM + 3 * K4), ax_hpa(HOST + K4), K4,
					 RW));
	dump_table(s);
	CHECK_EQUAL(dumped.lines, 3);
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM + 4 * K4), ax_hpa(HOST + 2 * K4), K4,
					 AX_READ));
	dump_table(s);
	CHECK_EQUAL(dumped.lines, 4);
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM + M2), ax_hpa(HOST + M2), M2, RW));
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM + 2 * M2), ax_hpa(HOST + 2 * M2), K4,
					 RW));
	dump_table(s);
	CHECK_EQUAL(dumped.lines, 6);
}

static void dumps_change_nothing(struct test_space *s)
{
	struct snapshot before;

	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), M2 + K4, RAM, true));
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(0), M2, RAM, false));
	snapshot_take(&before, s);
	dump_space(s);
	dump_table(s);
	snapshot_compare(&before, s);
	snapshot_free(&before);
}

static void table_dump_of_nothing_prints_nothing(struct test_space *s)
{
	forget();
	ax_npt_dump(NULL, print, &dumped);
	CHECK_EQUAL(dumped.pieces, 0);
	ax_npt_dump(ax_addrspace_page_table(&s->as), NULL, NULL);
}

int main(void)
{
	static const struct story stories[] = {
		STORY(table_dump_has_one_line_for_each_run),
		STORY(table_dump_names_both_addresses_of_a_contiguous_run),
		STORY(table_dump_of_scattered_memory_is_still_one_line),
		STORY(space_dump_shows_regions_mappings_and_counts),
		STORY(space_dump_shows_the_name_of_a_backend),
		STORY_ONLY(space_dump_word_by_word, "EPT 4 levels"),
		STORY(table_dump_separates_whatever_differs),
		STORY(dumps_change_nothing),
		STORY(table_dump_of_nothing_prints_nothing),
	};

	return STORIES_RUN("dump", stories);
}
