/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The region set.
 *
 * The first tests are pictures, a character for each page. What a character means:
 *
 *	.	nothing
 *	a b c	linear: the object advances with the address, and neighbours merge
 *	A B C	a user's own: one object, and it does not merge
 *	1 2 3	shared: one object, and neighbours merge
 *	|	no page: a new region begins here. Linear ones behind it have another object
 *
 * a, A and 1 have flags 1, b, B and 2 have flags 2, and so on. Each picture is tried at the bottom
 * of the 64-bit space and at its very top.
 */
#include "region_model.h"

#include <stdio.h>
#include <string.h>

#include <axvisor/memory.h>

#define PICTURE      16u
#define TOP(pages)   (0 - (pages)*PAGE)
#define OWN_OBJECT   0xb0000ull
#define SHARED       0xc0000ull
#define LINEAR_SHIFT 44 /* the n-th object of linear regions is n << 44 plus the address */

/* ---- pictures */

static bool is_linear(char c)
{
	return c >= 'a' && c <= 'z';
}

/* What a character stands for, at an address. @other counts the '|' before it. */
static struct ax_region picture_region(char c, uint64_t first, unsigned other)
{
	struct ax_region region = {.first = first, .last = first + (PAGE - 1)};

	if (is_linear(c)) {
		region.flags = (uint32_t)(c - 'a' + 1);
		region.object = first + ((uint64_t)other << LINEAR_SHIFT);
		region.type = 1;
		region.traits = AX_REGION_ADVANCES | AX_REGION_MERGES;
	} else if (c >= 'A' && c <= 'Z') {
		region.flags = (uint32_t)(c - 'A' + 1);
		region.object = OWN_OBJECT;
		region.type = 2;
	} else {
		region.flags = (uint32_t)(c - '0');
		region.object = SHARED;
		region.type = 3;
		region.traits = AX_REGION_MERGES;
	}
	return region;
}

/* The first region of a picture from @text on, which is at @page. Returns what is behind it. */
static const char *next_region(const char *text, uint64_t base, unsigned *page, unsigned *other,
			       struct ax_region *region)
{
	char c;

	for (; *text == '.' || *text == '|'; text++) {
		*page += *text == '.';
		*other += *text == '|';
	}
	c = *text;
	if (c == '\0')
		return NULL;
	*region = picture_region(c, base + *page * PAGE, *other);
	for (; *text == c; text++, (*page)++)
		region->last = base + *page * PAGE + (PAGE - 1);
	return text;
}

static void build(struct ax_region_set *set, struct model *model, const char *text)
{
	struct change change = {.operation = INSERT};
	unsigned page = 0, other = 0;

	while ((text = next_region(text, model->base, &page, &other, &change.region))) {
		change_exactly(set, &change);
		model_change(model, &change);
	}
}

/* The picture of a set. All that it does not show is asserted. */
static void draw(const struct ax_region_set *set, uint64_t base, char *text)
{
	const struct ax_region *region = ax_region_at_or_after(set, base);
	const struct ax_region *before = NULL;
	uint64_t page = 0;

	for (; region; region = ax_region_at_or_after(set, region->last + 1)) {
		static const char zero[] = {0, 'a' - 1, 'A' - 1, '0'};
		char c = (char)(zero[region->type] + (int)region->flags);
		struct ax_region told = picture_region(
			c, region->first,
			(unsigned)((region->object - region->first) >> LINEAR_SHIFT));

		assert_int_equal(region->object, told.object);
		assert_int_equal(region->traits, told.traits);
		if (before && before->last + 1 == region->first && text[-1] == c)
			*text++ = '|';
		for (; base + page * PAGE < region->first; page++)
			*text++ = '.';
		for (; page < PICTURE && base + page * PAGE <= region->last; page++)
			*text++ = c;
		before = region;
		if (region->last == UINT64_MAX)
			break;
	}
	for (; page < PICTURE; page++)
		*text++ = '.';
	*text = '\0';
}

/* ---- changes */

/**
 * struct scenario - A change, drawn.
 * @name: Of the test.
 * @before: The set.
 * @operation: INSERT, REMOVE or PROTECT.
 * @where: INSERT: the region. REMOVE: its range. PROTECT: the range, and by its letter the flags.
 * @after: The set.
 */
struct scenario {
	const char *name;
	const char *before;
	enum operation operation;
	const char *where;
	const char *after;
};

/* clang-format off */
static const struct scenario scenarios[] = {
	{"insert_into_an_empty_set_is_one_region",
	 "................", INSERT,
	 ".....aaa........",
	 ".....aaa........"},
	{"insert_of_all_there_is_is_one_region",
	 "................", INSERT,
	 "aaaaaaaaaaaaaaaa",
	 "aaaaaaaaaaaaaaaa"},
	{"insert_away_from_others_leaves_them_alone",
	 "aaa..........bbb", INSERT,
	 "......aaa.......",
	 "aaa...aaa....bbb"},
	{"insert_behind_a_region_that_it_continues_extends_it",
	 "..aaa...........", INSERT,
	 ".....aaa........",
	 "..aaaaaa........"},
	{"insert_before_a_region_that_continues_it_extends_that",
	 ".....aaa........", INSERT,
	 "..aaa...........",
	 "..aaaaaa........"},
	{"insert_between_two_that_continue_each_other_makes_one_of_three",
	 "..aaa...aaa.....", INSERT,
	 ".....aaa........",
	 "..aaaaaaaaa.....",},
	{"insert_beside_other_flags_stays_apart",
	 "..aaa...aaa.....", INSERT,
	 ".....bbb........",
	 "..aaabbbaaa.....",},
	{"insert_beside_another_object_stays_apart",
	 "..aaa...........", INSERT,
	 "|.....aaa........",
	 "..aaa|aaa........",},
	{"insert_of_the_same_object_extends_it",
	 "..11....11......", INSERT,
	 "....11..........",
	 "..1111..11......",},
	{"insert_of_what_does_not_merge_stays_apart",
	 "..AA....AA......", INSERT,
	 "....AAAA........",
	 "..AA|AAAA|AA......",},
	{"insert_beside_another_type_stays_apart",
	 "..aa11..AA......", INSERT,
	 "......aa........",
	 "..aa11aaAA......",},

	{"remove_from_an_empty_set_does_nothing",
	 "................", REMOVE,
	 "xxxxxxxxxxxxxxxx",
	 "................"},
	{"remove_of_a_hole_does_nothing",
	 "aaaa........bbbb", REMOVE,
	 "....xxxxxxxx....",
	 "aaaa........bbbb"},
	{"remove_of_a_whole_region_leaves_its_neighbours",
	 "..aabbcc........", REMOVE,
	 "....xx..........",
	 "..aa..cc........"},
	{"remove_of_the_only_region_leaves_nothing",
	 "....aaaa........", REMOVE,
	 "....xxxx........",
	 "................"},
	{"remove_of_all_there_is_leaves_nothing",
	 "aabbAA|AA11..22cc", REMOVE,
	 "xxxxxxxxxxxxxxxx",
	 "................"},
	{"remove_of_a_head_keeps_the_tail",
	 "....aaaaaa......", REMOVE,
	 "..xxxxx.........",
	 ".......aaa......"},
	{"remove_of_a_tail_keeps_the_head",
	 "....aaaaaa......", REMOVE,
	 ".......xxxxx....",
	 "....aaa........."},
	{"remove_of_a_middle_keeps_both_ends",
	 "..aaaaaaaaaa....", REMOVE,
	 "......xx........",
	 "..aaaa..aaaa...."},
	{"remove_of_a_middle_keeps_the_object_of_what_does_not_advance",
	 "..AAAAAA........", REMOVE,
	 "...xx...........",
	 "..A..AAA........"},
	{"remove_of_a_middle_of_what_merges_keeps_both_ends",
	 "..111111........", REMOVE,
	 "...xx...........",
	 "..1..111........"},
	{"remove_over_several_cuts_the_first_and_the_last",
	 ".aaaabb.AAcc1111", REMOVE,
	 "...xxxxxxxxxxxx.",
	 ".aa............1"},
	{"remove_of_a_single_page_removes_that_page",
	 "aaaaaaaaaaaaaaaa", REMOVE,
	 "...............x",
	 "aaaaaaaaaaaaaaa."},

	{"protect_of_a_hole_does_nothing",
	 "aaaa........bbbb", PROTECT,
	 "....cccccccc....",
	 "aaaa........bbbb"},
	{"protect_of_a_whole_region_changes_it",
	 "..aaaa..aaaa....", PROTECT,
	 "..bbbb..........",
	 "..bbbb..aaaa...."},
	{"protect_with_the_flags_that_are_there_changes_nothing",
	 "..aaaa..AAAA....", PROTECT,
	 "...aaaaaaaaa....",
	 "..aaaa..AAAA...."},
	{"protect_of_a_middle_makes_three",
	 "..aaaaaaaaaa....", PROTECT,
	 ".....bbbb.......",
	 "..aaabbbbaaa...."},
	{"protect_of_a_head_makes_two",
	 "..aaaaaaaaaa....", PROTECT,
	 "bbbbbbb.........",
	 "..bbbbbaaaaa...."},
	{"protect_of_a_tail_makes_two",
	 "..aaaaaaaaaa....", PROTECT,
	 ".......bbbbbbbbb",
	 "..aaaaabbbbb...."},
	{"protect_of_a_middle_keeps_the_object_of_what_does_not_advance",
	 "..AAAA..1111....", PROTECT,
	 "...bb...........",
	 "..ABBA..1111...."},
	{"protect_back_makes_one_again",
	 "..aaabbbbaaa....", PROTECT,
	 ".....aaaa.......",
	 "..aaaaaaaaaa...."},
	{"protect_back_of_what_does_not_merge_leaves_three",
	 "..ABBA..........", PROTECT,
	 "...aa...........",
	 "..A|AA|A.........."},
	{"protect_over_several_cuts_the_first_and_the_last",
	 "aaaabbbb..AAAA11", PROTECT,
	 "..cccccccccc....",
	 "aacccccc..CCAA11"},
	{"protect_moves_the_boundary_of_two_that_continue_each_other",
	 "aaaaaaaabbbbbbbb", PROTECT,
	 "....bbbb........",
	 "aaaabbbbbbbbbbbb"},
	{"protect_makes_one_of_what_became_alike_inside",
	 "aabbccdd11223344", PROTECT,
	 "aaaaaaaaaaaaaaaa",
	 "aaaaaaaa11111111"},
	{"protect_makes_one_with_what_is_beside_the_range",
	 "ccaabbcc........", PROTECT,
	 "..cccc..........",
	 "cccccccc........"},
	{"protect_does_not_join_over_a_hole",
	 "cc.aabb.cc......", PROTECT,
	 ".cccccccc.......",
	 "cc.cccc.cc......"},
	{"protect_does_not_join_different_objects",
	 "aa|bb|aa..........", PROTECT,
	 "..aa............",
	 "aa|aa|aa.........."},
};
/* clang-format on */

/* The change that a scenario draws. */
static struct change scenario_change(const struct scenario *scenario, uint64_t base)
{
	struct change change = {.operation = scenario->operation};
	unsigned page = 0, other = 0;

	assert_non_null(next_region(scenario->where, base, &page, &other, &change.region));
	return change;
}

static void play(const struct scenario *scenario, uint64_t base)
{
	struct change change = scenario_change(scenario, base);
	struct ax_pool pool = {NULL, 0};
	struct ax_region_set set = {0};
	struct model model;
	char picture[2 * PICTURE + 1];

	mock_start(NULL);
	model_init(&model, base, PICTURE);
	build(&set, &model, scenario->before);
	change_exactly(&set, &change);
	model_change(&model, &change);
	ax_region_check(&set);
	compare(&set, &model, 0, PICTURE);
	draw(&set, base, picture);
	assert_string_equal(picture, scenario->after);

	remove_range(&set, 0, UINT64_MAX, &pool);
	assert_int_equal(ax_region_count(&set), 0);
	ax_pool_drain(&pool);
	model_destroy(&model);
	mock_stop();
}

static void play_at_both_ends(void **state)
{
	play(*state, 0);
	play(*state, TOP(PICTURE));
}

/* ---- questions */

/**
 * struct gap_case - Where is there room? In pages, from the first of the picture.
 * @picture: The set.
 * @lo: First of the window.
 * @last: Last of the window.
 * @hint: Not below.
 * @size: How many.
 * @align: A power of two; the picture begins at a multiple of 16.
 * @found: Where, or NONE.
 */
struct gap_case {
	const char *picture;
	unsigned lo, last, hint, size, align;
	int found;
};

#define NONE (-1)
#define HALF (1ull << 63) /* of the 64-bit space */

static const struct gap_case gap_cases[] = {
	{"................", 0, 15, 0, 1, 1, 0},     /* anywhere: the lowest */
	{"................", 0, 15, 0, 16, 1, 0},    /* all there is */
	{"................", 0, 15, 5, 1, 1, 5},     /* not below the hint */
	{"................", 0, 15, 5, 1, 4, 8},     /* aligned, above the hint */
	{"................", 0, 15, 15, 1, 1, 15},   /* the very last page */
	{"................", 0, 15, 15, 2, 1, NONE}, /* not past the end */
	{"................", 4, 11, 0, 8, 1, 4},     /* a hint below the window is no hint */
	{"................", 4, 11, 0, 9, 1, NONE},  /* not past the window */
	{"................", 4, 11, 12, 1, 1, NONE}, /* a hint above the window */
	{"aaaaaaaaaaaaaaaa", 0, 15, 0, 1, 1, NONE},  /* full */
	{"aaaa....aaaaaaaa", 0, 15, 0, 4, 1, 4},     /* exactly */
	{"aaaa....aaaaaaaa", 0, 15, 0, 5, 1, NONE},  /* one too many */
	{"aaaa....aaaaaaaa", 0, 15, 6, 2, 1, 6},     /* from inside a hole on */
	{"aaaa....aaaaaaaa", 0, 15, 6, 3, 1, NONE},  /* the rest of it is too small */
	{"aaaa....aaaaaaaa", 0, 6, 0, 4, 1, NONE},   /* cut by the window's end */
	{"a.bb..cc...d....", 0, 15, 0, 1, 1, 1},     /* the first of several */
	{"a.bb..cc...d....", 0, 15, 0, 3, 1, 8},     /* the first that is large enough */
	{"a.bb..cc...d....", 0, 15, 2, 1, 1, 4},     /* a hint inside a region */
	{"a.bb..cc...d....", 0, 15, 0, 4, 1, 12},    /* behind the last region */
	{"a.bb..cc...d....", 0, 15, 0, 2, 4, 4},     /* large enough and aligned */
	{"aaaaa...b...cccc", 0, 15, 0, 2, 4, NONE},  /* large enough, never aligned */
	{"aaaaa...b...cccc", 0, 15, 0, 2, 2, 6},     /* aligned further on in the hole */
	{"a.a.a.a.a.a...a.", 0, 15, 0, 2, 1, 11},    /* past many that are too small */
	{"..............aa", 2, 13, 0, 12, 1, 2},    /* before the first region */
	{"A|A|A|A|A|A|A|A|.A|A|A|A|A|A|A", 0, 15, 0, 1, 1, 8}, /* between two of many */
};

static void find_gap_at(const struct gap_case *gap, uint64_t base)
{
	struct ax_pool pool = {NULL, 0};
	struct ax_region_set set = {0};
	struct model model;
	uint64_t untouched = 0x1234, found = untouched;
	bool ok;

	model_init(&model, base, PICTURE);
	build(&set, &model, gap->picture);
	ok = ax_region_find_gap(&set, page_first(&model, gap->lo), page_last(&model, gap->last),
				page_first(&model, gap->hint), gap->size * PAGE, gap->align * PAGE,
				&found);
	if (ok != (gap->found != NONE))
		fail_msg("%s lo %u last %u hint %u size %u align %u: %s", gap->picture, gap->lo,
			 gap->last, gap->hint, gap->size, gap->align, ok ? "found" : "not found");
	assert_int_equal(found, ok ? page_first(&model, (size_t)gap->found) : untouched);
	remove_range(&set, 0, UINT64_MAX, &pool);
	ax_pool_drain(&pool);
	model_destroy(&model);
}

static void find_gap_in_drawn_sets_is_the_lowest_that_fits(void **state)
{
	(void)state;
	mock_start(NULL);
	for (size_t i = 0; i < sizeof(gap_cases) / sizeof(gap_cases[0]); i++) {
		find_gap_at(&gap_cases[i], 0);
		find_gap_at(&gap_cases[i], TOP(PICTURE));
	}
	mock_stop();
}

/* The way to the region at or after a page, and from there one back and one on. */
static void ask_for_the_way(const struct ax_region_set *set, const struct model *model, size_t page)
{
	size_t at = model_at_or_after(model, page), before = model_before(model, at);
	const struct ax_region *region;
	struct ax_region_path path;
	bool more = ax_region_seek(set, page_first(model, page), &path);

	assert_int_equal(more, at < model->pages);
	region = ax_region_before(set, &path);
	assert_int_equal(region ? page_of(model, region->first) : model->pages, before);
	assert_int_equal(ax_region_hole_before(set, &path), region ? region->last + 1 : 0);
	assert_int_equal(ax_region_leads(set, &path), more);
	if (!more)
		return;
	assert_int_equal(page_of(model, ax_region_at(&path)->first), at);
	at = model_at_or_after(model, page_of(model, ax_region_at(&path)->last) + 1);
	more = ax_region_next(set, &path);
	assert_int_equal(more ? page_of(model, ax_region_at(&path)->first) : model->pages, at);
}

/* Every question about a small set, at every byte where the answer could change. */
static void ask_everything(const struct ax_region_set *set, const struct model *model)
{
	for (size_t i = 0; i < model->pages; i++) {
		const struct ax_region *region = ax_region_at_or_after(set, page_last(model, i));
		size_t at = model_at_or_after(model, i);

		assert_ptr_equal(region, ax_region_at_or_after(set, page_first(model, i)));
		assert_int_equal(region ? page_of(model, region->first) : model->pages, at);
		ask_for_the_way(set, model, i);
		for (size_t j = i; j < model->pages; j++) {
			size_t used = model_used(model, i, j);
			uint64_t first = page_first(model, i), last = page_last(model, j);

			assert_int_equal(ax_region_covered(set, first, last), used == j - i + 1);
			assert_int_equal(ax_region_first_in(set, first, last) != NULL, used > 0);
		}
	}
	compare(set, model, 0, model->pages);
}

static void questions_about_drawn_sets_are_answered_as_drawn(void **state)
{
	static const char *const pictures[] = {
		"................",
		"aaaaaaaaaaaaaaaa",
		"a..............a",
		".aaa..bb..A|A..c.",
		"A|A|A|A|A|A|A|A|A|A|A|A|A|A|A|A",
		"a.a.a.a.a.a.a.a.",
	};

	(void)state;
	mock_start(NULL);
	for (size_t i = 0; i < 2 * sizeof(pictures) / sizeof(pictures[0]); i++) {
		struct ax_pool pool = {NULL, 0};
		struct ax_region_set set = {0};
		struct model model;

		model_init(&model, i % 2 ? TOP(PICTURE) : 0, PICTURE);
		build(&set, &model, pictures[i / 2]);
		ask_everything(&set, &model);
		remove_range(&set, 0, UINT64_MAX, &pool);
		ax_pool_drain(&pool);
		model_destroy(&model);
	}
	mock_stop();
}

/* Regions are made of pages, but a question may be about bytes. */
static void questions_about_single_bytes_are_answered_to_the_byte(void **state)
{
	const uint64_t first = 3 * PAGE, last = 7 * PAGE - 1; /* of the region */
	struct ax_pool pool = {NULL, 0};
	struct ax_region_set set = {0};
	struct model model;
	uint64_t out = 0;

	(void)state;
	mock_start(NULL);
	model_init(&model, 0, PICTURE);
	build(&set, &model, "...aaaa..bb.....");
	assert_null(ax_region_first_in(&set, 0, first - 1));
	assert_non_null(ax_region_first_in(&set, 0, first));
	assert_non_null(ax_region_first_in(&set, last, last));
	assert_null(ax_region_first_in(&set, last + 1, last + 1));
	assert_true(ax_region_covered(&set, first, first));
	assert_true(ax_region_covered(&set, last, last));
	assert_false(ax_region_covered(&set, first - 1, first - 1));
	assert_false(ax_region_covered(&set, last + 1, last + 1));
	assert_false(ax_region_covered(&set, last, last + 1));
	assert_true(ax_region_find_gap(&set, first, UINT64_MAX, first, 1, 1, &out));
	assert_int_equal(out, last + 1);
	assert_true(ax_region_find_gap(&set, first, UINT64_MAX, first, 2 * PAGE + 1, 1, &out));
	assert_int_equal(out, 11 * PAGE);
	assert_true(ax_region_find_gap(&set, 0, UINT64_MAX, 0, first + 1, 1, &out));
	assert_int_equal(out, 11 * PAGE);
	assert_true(ax_region_find_gap(&set, first, UINT64_MAX, 0, PAGE + 1, 8 * PAGE, &out));
	assert_int_equal(out, 16 * PAGE);
	remove_range(&set, 0, UINT64_MAX, &pool);
	ax_pool_drain(&pool);
	model_destroy(&model);
	mock_stop();
}

static void find_gap_of_impossible_requests_finds_nothing(void **state)
{
	struct ax_region_set set = {0};
	uint64_t out = 7;

	(void)state;
	assert_false(ax_region_find_gap(&set, 2 * PAGE, PAGE - 1, 0, PAGE, PAGE, &out));
	assert_false(ax_region_find_gap(&set, 0, UINT64_MAX, UINT64_MAX, PAGE, PAGE, &out));
	assert_false(ax_region_find_gap(&set, 0, UINT64_MAX, PAGE, 0 - PAGE + 1, PAGE, &out));
	assert_false(ax_region_find_gap(&set, HALF + 1, UINT64_MAX, 0, PAGE, HALF, &out));
	assert_int_equal(out, 7);
	assert_true(ax_region_find_gap(&set, PAGE, UINT64_MAX, 0, PAGE, HALF, &out));
	assert_int_equal(out, HALF);
}

/* Pictures have no two types that are alike in everything else. */
static void insert_beside_what_differs_in_type_alone_stays_apart(void **state)
{
	struct change change = {.operation = INSERT, .region = picture_region('1', 0, 0)};
	struct ax_pool pool = {NULL, 0};
	struct ax_region_set set = {0};

	(void)state;
	mock_start(NULL);
	change_exactly(&set, &change);
	change.region = picture_region('1', PAGE, 0);
	change.region.type++;
	change_exactly(&set, &change);
	assert_int_equal(ax_region_count(&set), 2);
	change.region = picture_region('1', 2 * PAGE, 0);
	change_exactly(&set, &change);
	assert_int_equal(ax_region_count(&set), 3);
	ax_region_check(&set);
	remove_range(&set, 0, UINT64_MAX, &pool);
	ax_pool_drain(&pool);
	mock_stop();
}

static void nodes_at_address_0_are_no_different(void **state)
{
	const struct mock_options options = {.at_zero = true};
	struct ax_pool pool = {NULL, 0};
	struct ax_region_set set = {0};
	struct change change = {.operation = INSERT, .region = picture_region('a', 0, 0)};

	(void)state;
	mock_start(&options);
	assert_int_equal(change_exactly(&set, &change), 1);
	assert_true(mock_is_held(0));
	ax_region_check(&set);
	remove_range(&set, 0, UINT64_MAX, &pool);
	ax_pool_drain(&pool);
	mock_stop();
}

/* ---- many regions */

#define MANY 20000u

/* Every second page; in an order that @step makes. It is odd and does not divide MANY. */
static void insert_many(struct ax_region_set *set, size_t start, size_t step)
{
	struct change change = {.operation = INSERT};

	for (size_t i = 0, page = start; i < MANY; i++, page = (page + step) % MANY) {
		change.region = picture_region('A', 2 * page * PAGE, 0);
		change_exactly(set, &change);
	}
	assert_int_equal(ax_region_count(set), MANY);
	ax_region_check(set);
}

static void many_regions_take_frames_in_proportion(void **state)
{
	static const struct {
		const char *order;
		size_t start, step;
		unsigned percent; /* of the entries in use, at the least */
	} orders[] = {
		{"ascending", 0, 1, 74},
		{"descending", MANY - 1, MANY - 1, 74},
		{"scattered", 0, 7919, 60},
	};

	(void)state;
	mock_start(NULL);
	for (size_t i = 0; i < 3; i++) {
		struct ax_pool pool = {NULL, 0};
		struct ax_region_set set = {0};
		size_t entries;

		insert_many(&set, orders[i].start, orders[i].step);
		entries = ax_region_node_frames(&set) * AX_REGION_NODE_CAPACITY;
		print_message("%s: %zu regions, %zu frames, %zu%% in use\n", orders[i].order,
			      ax_region_count(&set), ax_region_node_frames(&set),
			      100 * ax_region_count(&set) / entries);
		if (AX_REGION_NODE_CAPACITY == 99)
			assert_true(100 * MANY >= orders[i].percent * entries);
		assert_int_equal(mock_frames_held(), ax_region_node_frames(&set));
		remove_range(&set, 0, UINT64_MAX, &pool);
		ax_pool_drain(&pool);
		assert_int_equal(mock_frames_held(), 0);
	}
	mock_stop();
}

static void remove_of_all_of_many_in_one_gives_every_frame_back(void **state)
{
	struct change all = {.operation = REMOVE, .region = {.first = 0, .last = UINT64_MAX}};
	struct ax_region_set set = {0};

	(void)state;
	mock_start(NULL);
	insert_many(&set, 0, 7919);
	assert_int_equal(change_exactly(&set, &all), 0);
	assert_int_equal(ax_region_count(&set), 0);
	assert_int_equal(ax_region_node_frames(&set), 0);
	mock_stop();
}

/* At every step the frames stay in proportion: ax_region_check() says so. */
static void remove_of_many_one_by_one_gives_frames_back_on_the_way(void **state)
{
	struct change one = {.operation = REMOVE};
	struct ax_region_set set = {0};

	(void)state;
	mock_start(NULL);
	insert_many(&set, 0, 1);
	for (size_t i = 0, page = 0; i < MANY; i++, page = (page + 7919) % MANY) {
		one.region = picture_region('A', 2 * page * PAGE, 0);
		assert_int_equal(change_exactly(&set, &one), 0);
		if (i % 500 == 0 || i + 30 > MANY)
			ax_region_check(&set);
	}
	assert_int_equal(ax_region_node_frames(&set), 0);
	mock_stop();
}

/*
 * Were they one as soon as they fit, the next insert would split them again. 100 in order are 75 and 25;
 * of 98 none is sparse when they are shared evenly; 49 and 23 leave a quarter of a node free.
 */
static void siblings_become_one_when_that_leaves_room(void **state)
{
	struct change change = {.operation = INSERT};
	struct ax_region_set set = {0};
	size_t page = 0;

	(void)state;
	mock_start(NULL);
	for (; AX_REGION_NODE_CAPACITY == 99 && page < 100; page++) {
		change.region = picture_region('A', 2 * page * PAGE, 0);
		change_exactly(&set, &change);
	}
	change.operation = REMOVE;
	while (page > 0) {
		change.region = picture_region('A', 2 * --page * PAGE, 0);
		change_exactly(&set, &change);
		assert_int_equal(ax_region_node_frames(&set), page > 72 ? 3 : page > 0);
	}
	mock_stop();
}

/* Pages that alternate between two flags, all linear: then all have the same. */
static void protect_that_makes_many_alike_leaves_one_region(void **state)
{
	struct change all = {.operation = PROTECT};
	struct change change = {.operation = INSERT};
	struct ax_region_set set = {0};

	(void)state;
	mock_start(NULL);
	for (unsigned page = 0; page < MANY; page++) {
		change.region = picture_region(page % 2 ? 'a' : 'b', page * PAGE, 0);
		change_exactly(&set, &change);
	}
	assert_int_equal(ax_region_count(&set), MANY);
	all.region = picture_region('c', 0, 0);
	all.region.last = MANY * PAGE - 1;
	assert_int_equal(change_exactly(&set, &all), 0);
	ax_region_check(&set);
	assert_int_equal(ax_region_count(&set), 1);
	assert_int_equal(ax_region_node_frames(&set), 1);
	all.operation = REMOVE;
	change_exactly(&set, &all);
	mock_stop();
}

/* ---- at random, against the model */

/**
 * struct shape - A kind of use.
 * @name: Of the test.
 * @pages: Size of the space.
 * @top: It ends at the end of the 64-bit space.
 * @longest: Pages of a region, at most.
 * @kinds: Characters of the pictures above to choose from.
 * @changes: How many.
 */
struct shape {
	const char *name;
	size_t pages;
	bool top;
	unsigned longest;
	const char *kinds;
	size_t changes;
};

static const struct shape shapes[] = {
	{"random_dense_long_regions_behave_as_the_model", 512, false, 40, "abcAB12", 40000},
	{"random_sparse_single_pages_behave_as_the_model", 65536, false, 1, "AB", 120000},
	{"random_adjacent_alike_regions_behave_as_the_model", 2048, false, 3, "aabb12", 40000},
	{"random_regions_at_the_top_behave_as_the_model", 300, true, 8, "abA1", 40000},
	{"random_changes_of_a_tiny_space_behave_as_the_model", 12, true, 5, "abA1", 20000},
};

static uint64_t random_state;

/* xorshift64*: the same numbers everywhere. */
static size_t random_below(size_t limit)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (size_t)((random_state * 0x2545f4914f6cdd1dull) >> 32) % limit;
}

static size_t random_end(const struct model *model, size_t from, size_t longest)
{
	size_t end = from + 1 + random_below(longest);

	return end < model->pages ? end : model->pages;
}

static struct change random_change(const struct shape *shape, const struct model *model,
				   bool growing)
{
	struct change change;
	unsigned dice = (unsigned)random_below(100);
	size_t from = random_below(model->pages);
	size_t end = random_end(model, from, shape->longest);
	char kind = shape->kinds[random_below(strlen(shape->kinds))];

	change.operation = dice < 20 ? PROTECT : (dice < 80) == growing ? INSERT : REMOVE;
	while (change.operation == INSERT && from < model->pages && model->cell[from].used)
		from++;
	if (from == model->pages) {
		from = random_below(model->pages);
		change.operation = PROTECT;
	}
	if (end <= from)
		end = from + 1;
	if (change.operation == INSERT) {
		while (model_used(model, from, end - 1) > 0)
			end--;
	} else if (random_below(4) == 0) {
		/* Several regions; now and then a good part of them all. */
		end = random_end(model, from,
				 random_below(500) ? 8 * shape->longest : model->pages / 3 + 1);
	}
	change.region = picture_region(kind, page_first(model, from), (unsigned)random_below(2));
	change.region.last = page_last(model, end - 1);
	return change;
}

static void random_questions(const struct ax_region_set *set, const struct model *model)
{
	size_t lo = random_below(model->pages);
	size_t hi = lo + random_below(model->pages - lo);
	uint64_t hint = random_below(model->pages) * PAGE + random_below(2) * random_below(PAGE);
	uint64_t size = (1 + random_below(1 + random_below(24))) * PAGE;
	uint64_t align = PAGE << random_below(6);
	uint64_t real = 1, told = 1;
	size_t used = model_used(model, lo, hi);
	const struct ax_region *region;

	model_find_gap(model, lo, hi, hint, size, align, &real);
	ax_region_find_gap(set, page_first(model, lo), page_last(model, hi), model->base + hint,
			   size, align, &told);
	assert_int_equal(told, real);
	assert_int_equal(ax_region_covered(set, page_first(model, lo), page_last(model, hi)),
			 used == hi - lo + 1);
	region = ax_region_first_in(set, page_first(model, lo), page_last(model, hi));
	assert_int_equal(region != NULL, used > 0);
	region = ax_region_at_or_after(set, page_first(model, lo) + random_below(PAGE));
	assert_int_equal(region ? page_of(model, region->first) : model->pages,
			 model_at_or_after(model, lo));
	ask_for_the_way(set, model, lo);
}

/* Two sets, as a user has who changes one while the other is read. They need the same. */
static void random_run(const struct shape *shape, struct model *model, struct ax_region_set set[2])
{
	size_t needed = 0, most = 0, every = shape->pages / 4 + 1;

	for (size_t i = 0; i < shape->changes; i++) {
		bool growing = i / (shape->changes / 4) % 2 == 0;
		struct change change = random_change(shape, model, growing);
		size_t from = page_of(model, change.region.first);
		size_t end = page_of(model, change.region.last) + 1;
		size_t needs = change_exactly(&set[0], &change);

		assert_int_equal(change_exactly(&set[1], &change), needs);
		model_change(model, &change);
		needed += needs;
		most = ax_region_count(&set[0]) > most ? ax_region_count(&set[0]) : most;
		if (i % every == 0 || i + 1 == shape->changes)
			compare(&set[0], model, 0, model->pages);
		else if (end - from < 100)
			compare(&set[0], model, from < 2 ? 0 : from - 2, end + 2);
		if (i % (every < 64 ? 1 : 32) == 0)
			ax_region_check(&set[0]);
		if (shape->pages < 5000 || i % 16 == 0)
			random_questions(&set[0], model);
	}
	print_message("%zu changes, at most %zu regions; %zu frames needed, each of them taken\n",
		      shape->changes, most, needed);
	assert_int_equal(ax_region_node_frames(&set[0]), ax_region_node_frames(&set[1]));
	ax_region_check(&set[1]);
}

static void random_changes_behave_as_the_model(void **state)
{
	const struct shape *shape = *state;
	struct ax_pool pool = {NULL, 0};
	struct ax_region_set set[2] = {{0}};
	struct model model;

	mock_start(NULL);
	random_state = 0x9e3779b97f4a7c15ull;
	model_init(&model, shape->top ? TOP(shape->pages) : 0, shape->pages);
	random_run(shape, &model, set);
	remove_range(&set[0], 0, UINT64_MAX, &pool);
	remove_range(&set[1], 0, UINT64_MAX, &pool);
	assert_int_equal(mock_frames_held(), pool.count);
	ax_pool_drain(&pool);
	model_destroy(&model);
	mock_stop();
}

/* ---- all of it */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int main(void)
{
	static const struct CMUnitTest plain[] = {
		cmocka_unit_test(find_gap_in_drawn_sets_is_the_lowest_that_fits),
		cmocka_unit_test(find_gap_of_impossible_requests_finds_nothing),
		cmocka_unit_test(questions_about_single_bytes_are_answered_to_the_byte),
		cmocka_unit_test(questions_about_drawn_sets_are_answered_as_drawn),
		cmocka_unit_test(insert_beside_what_differs_in_type_alone_stays_apart),
		cmocka_unit_test(nodes_at_address_0_are_no_different),
		cmocka_unit_test(many_regions_take_frames_in_proportion),
		cmocka_unit_test(remove_of_all_of_many_in_one_gives_every_frame_back),
		cmocka_unit_test(remove_of_many_one_by_one_gives_frames_back_on_the_way),
		cmocka_unit_test(siblings_become_one_when_that_leaves_room),
		cmocka_unit_test(protect_that_makes_many_alike_leaves_one_region),
	};
	struct CMUnitTest tests[COUNT(scenarios) + COUNT(plain) + COUNT(shapes)];
	size_t n = 0;

	for (size_t i = 0; i < COUNT(scenarios); i++)
		tests[n++] = (struct CMUnitTest){.name = scenarios[i].name,
						 .test_func = play_at_both_ends,
						 .initial_state = (void *)(uintptr_t)&scenarios[i]};
	for (size_t i = 0; i < COUNT(plain); i++)
		tests[n++] = plain[i];
	for (size_t i = 0; i < COUNT(shapes); i++)
		tests[n++] = (struct CMUnitTest){.name = shapes[i].name,
						 .test_func = random_changes_behave_as_the_model,
						 .initial_state = (void *)(uintptr_t)&shapes[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
