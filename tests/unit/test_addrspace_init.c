/* SPDX-License-Identifier: Apache-2.0 */
/* How a space comes to be, what it costs, what is refused, and how it goes. */
#include <string.h>

#include <axvisor/guest.h>

#include "check.h"
#include "mock_port.h"
#include "story.h"

static struct ref_root decode_root(const struct test_space *s)
{
	struct ref_root root;

	CHECK_EQUAL(ref_decode_root(&s->cpu, &root), REF_ROOT_OK);
	return root;
}

/* What a good init gives */

static void init_gives_an_empty_space_with_the_levels_asked_for(struct test_space *s)
{
	struct ref_root root = decode_root(s);

	CHECK_EQUAL(root.levels, s->format->levels);
	if (!s->format->config_gpa_bits || s->format->format == AX_NPT_STAGE2)
		CHECK_EQUAL(root.gpa_bits, s->format->gpa_bits);
	CHECK_EQUAL(root.table, ax_addrspace_page_table_root(&s->as).raw);
	CHECK_EQUAL(ax_addrspace_base(&s->as).raw, 0);
	CHECK_EQUAL(ax_addrspace_end(&s->as).raw, 1ull << s->format->gpa_bits);
	CHECK_EQUAL(ax_addrspace_size(&s->as), 1ull << s->format->gpa_bits);
	check_empty(s);
}

static void init_zeroes_the_root(struct test_space *s)
{
	struct ref_root root = decode_root(s);
	const unsigned char *bytes = mock_ptr(root.table);

	CHECK_EQUAL(root.table % root.size, 0);
	for (uint64_t i = 0; i < root.size; i++)
		CHECK_EQUAL(bytes[i], 0);
}

static void init_holds_the_root_and_one_frame_for_the_guard_of_several_cpus(struct test_space *s)
{
	uint64_t root_frames = (decode_root(s).size + K4 - 1) / K4;
	struct ax_addrspace_stats stats;

	ax_addrspace_stats(&s->as, &stats);
	CHECK_EQUAL(stats.table_frames, root_frames);
	CHECK_EQUAL(stats.guard_frames, s->cpus > 1 ? 1 : 0);
	CHECK_EQUAL(stats.region_frames, 0);
	CHECK_EQUAL(mock_frames_held() - s->held_before, root_frames + stats.guard_frames);
}

static uint64_t expected_root_register(const struct test_space *s)
{
	uint64_t root = ax_addrspace_page_table_root(&s->as).raw;

	switch (s->format->format) {
	case AX_NPT_EPT:
		/* Write-back, walk length minus 1, accessed and dirty flags. */
		return root | 6u | (s->format->levels - 1u) << 3 |
		       (format_has(s->format, AX_NPT_FEATURE_ACCESSED_DIRTY) ? 1u << 6 : 0u);
	case AX_NPT_AMD:
		return root;
	case AX_NPT_STAGE2:
		return root | 5ull << 48;
	default:
		return (uint64_t)(8 + s->format->levels - 3) << 60 | 5ull << 44 | root >> 12;
	}
}

static void init_registers_are_the_very_values_to_load(struct test_space *s)
{
	struct ax_npt_registers registers;

	ax_addrspace_registers(&s->as, &registers);
	CHECK_EQUAL(registers.root, expected_root_register(s));
	if (s->format->format == AX_NPT_STAGE2)
		CHECK_EQUAL(registers.control & 0x3f, 64 - s->format->gpa_bits);
	else
		CHECK_EQUAL(registers.control, 0);
}

static void init_registers_stay_the_same_while_the_space_lives(struct test_space *s)
{
	struct ax_npt_registers before, after;

	ax_addrspace_registers(&s->as, &before);
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(0x40000000), M2, RAM, true));
	CHECK_OK(ax_addrspace_clear(&s->as));
	ax_addrspace_registers(&s->as, &after);
	CHECK_EQUAL(after.root, before.root);
	CHECK_EQUAL(after.control, before.control);
}

static void init_with_base_and_no_size_reaches_the_end_of_the_tables(struct test_space *s)
{
	struct ax_addrspace_config config = format_config(s->format);

	config.base = ax_gpa(0x40000000);
	space_remake(s, &config);
	CHECK_EQUAL(s->base, 0x40000000);
	CHECK_EQUAL(ax_addrspace_end(&s->as).raw, 1ull << s->format->gpa_bits);
	CHECK_EQUAL(s->size, (1ull << s->format->gpa_bits) - 0x40000000);
	check_empty(s);
}

static void a_lock_around_each_call_takes_the_place_of_the_guard(struct test_space *s)
{
	struct ax_addrspace_config config = format_config(s->format);
	struct ax_addrspace_stats stats;

	config.serialized = true;
	space_remake(s, &config);
	ax_addrspace_stats(&s->as, &stats);
	CHECK_EQUAL(stats.guard_frames, 0);
	check_empty(s);
}

static void init_takes_base_and_size_to_the_page(struct test_space *s)
{
	struct ax_addrspace_config config = format_config(s->format);

	config.base = ax_gpa((1ull << s->format->gpa_bits) - 3 * K4);
	config.size = 3 * K4;
	space_remake(s, &config);
	CHECK_EQUAL(s->base, config.base.raw);
	CHECK_EQUAL(s->size, 3 * K4);
	CHECK_OK(ax_addrspace_map_alloc(&s->as, config.base, 3 * K4, RAM, true));
	CHECK_SPACE(s, OWNED(config.base.raw, 3 * K4, RAM));
}

/* What init refuses; whatever it is, nothing is held and the memory can be used again. */

static void refuse(const struct format_case *format, const struct ax_addrspace_config *config,
		   ax_error_t want)
{
	struct ax_addrspace as;
	struct ax_addrspace_config good = format_config(format);
	size_t held = mock_frames_held();

	memset(&as, 0xee, sizeof(as));
	CHECK_ERROR(ax_addrspace_init(&as, config), want);
	CHECK_EQUAL(mock_frames_held(), held);
	ax_addrspace_destroy(&as);
	CHECK_EQUAL(mock_frames_held(), held);
	CHECK_OK(ax_addrspace_init(&as, &good));
	ax_addrspace_destroy(&as);
	CHECK_EQUAL(mock_frames_held(), held);
}

static void init_refuses_an_unaligned_base(struct test_space *s)
{
	struct ax_addrspace_config config = format_config(s->format);

	config.size = K4;
	config.base = ax_gpa(1);
	refuse(s->format, &config, AX_EALIGN);
	config.base = ax_gpa(0x800);
	refuse(s->format, &config, AX_EALIGN);
}

static void init_refuses_an_unaligned_size(struct test_space *s)
{
	struct ax_addrspace_config config = format_config(s->format);

	config.size = K4 + 1;
	refuse(s->format, &config, AX_EALIGN);
	config.size = 1;
	refuse(s->format, &config, AX_EALIGN);
}

static void init_refuses_a_space_wider_than_the_tables(struct test_space *s)
{
	struct ax_addrspace_config config = format_config(s->format);
	uint64_t end = 1ull << s->format->gpa_bits;

	/* Three levels of stage 2 stretch to what concatenation reaches, if no width was named. */
	if (s->format->format == AX_NPT_STAGE2 && !config.gpa_bits)
		end = s->format->levels == 3 ? 1ull << 43 : 1ull << 48;
	config.size = end + K4;
	refuse(s->format, &config, AX_ERANGE);
	config.base = ax_gpa(K4);
	config.size = end;
	refuse(s->format, &config, AX_ERANGE);
	config.base = ax_gpa(end);
	config.size = K4;
	refuse(s->format, &config, AX_ERANGE);
	config.base = ax_gpa(1ull << 62);
	config.size = 0;
	refuse(s->format, &config, AX_ERANGE);
}

static void init_refuses_base_plus_size_that_overflows(struct test_space *s)
{
	struct ax_addrspace_config config = format_config(s->format);
	struct ax_addrspace as;

	config.base = ax_gpa(UINT64_MAX - K4 + 1);
	config.size = K4;
	refuse(s->format, &config, AX_ERANGE);
	config.size = 2 * K4;
	refuse(s->format, &config, AX_ERANGE);
	config.base = ax_gpa(K4);
	config.size = UINT64_MAX - K4 + 1;
	refuse(s->format, &config, AX_ERANGE);
	/* Round to the space's own beginning, and before memory is asked for. */
	config.base = ax_gpa(M2);
	config.size = UINT64_MAX - K4 + 1;
	mock_fail_after(0);
	CHECK_ERROR(ax_addrspace_init(&as, &config), AX_ERANGE);
	mock_fail_never();
}

static void init_refuses_a_tag_that_its_register_cannot_hold(struct test_space *s)
{
	struct ax_addrspace_config config = format_config(s->format);
	struct ax_npt_capabilities capabilities;
	struct ax_addrspace as;

	CHECK_OK(ax_npt_capabilities(s->format->format, &capabilities));
	CHECK(capabilities.tag_bits >= 14 && capabilities.tag_bits <= 32);
	config.tag = (unsigned)((1ull << capabilities.tag_bits) - 1);
	CHECK_OK(ax_addrspace_init(&as, &config));
	ax_addrspace_destroy(&as);
	if (capabilities.tag_bits == 32)
		return;
	config.tag = 1u << capabilities.tag_bits;
	refuse(s->format, &config, AX_ERANGE);
	config.tag = UINT32_MAX;
	refuse(s->format, &config, AX_ERANGE);
}

static void init_puts_the_whole_tag_into_the_register(struct test_space *s)
{
	struct ax_addrspace_config config = format_config(s->format);

	if (s->format->format != AX_NPT_STAGE2 && s->format->format != AX_NPT_GSTAGE)
		return;
	config.tag = s->format->format == AX_NPT_STAGE2 ? 0xfedc : 0x3edc;
	space_remake(s, &config);
	CHECK_EQUAL(decode_root(s).tag, config.tag);
}

static void init_refuses_levels_that_the_format_does_not_have(struct test_space *s)
{
	struct ax_addrspace_config config = format_config(s->format);
	struct ax_npt_capabilities capabilities;

	CHECK_OK(ax_npt_capabilities(s->format->format, &capabilities));
	config.gpa_bits = 0;
	config.levels = 1;
	refuse(s->format, &config, AX_ENOTSUP);
	config.levels = 6;
	refuse(s->format, &config, AX_ENOTSUP);
	config.levels = UINT32_MAX;
	refuse(s->format, &config, AX_ENOTSUP);
	config.levels = capabilities.levels_max + 1;
	refuse(s->format, &config, AX_ENOTSUP);
	config.levels = capabilities.levels_min - 1;
	if (config.levels)
		refuse(s->format, &config, AX_ENOTSUP);
}

static void init_refuses_granules_other_than_4k(struct test_space *s)
{
	static const unsigned refused[] = {1, 11, 13, 14, 16, 21, 64, UINT32_MAX};
	struct ax_addrspace_config config = format_config(s->format);

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		config.granule_shift = refused[i];
		refuse(s->format, &config, AX_ENOTSUP);
	}
}

static void init_takes_12_for_the_granule(struct test_space *s)
{
	struct ax_addrspace_config config = format_config(s->format);

	config.granule_shift = 12;
	space_remake(s, &config);
	CHECK_EQUAL(decode_root(s).page_shift, 12);
}

static void init_refuses_features_that_the_format_does_not_have(struct test_space *s)
{
	struct ax_addrspace_config config = format_config(s->format);
	struct ax_npt_capabilities capabilities;

	CHECK_OK(ax_npt_capabilities(s->format->format, &capabilities));
	for (unsigned bit = 0; bit < 64; bit++) {
		if (capabilities.features >> bit & 1)
			continue;
		config.features = s->format->features | 1ull << bit;
		refuse(s->format, &config, AX_ENOTSUP);
	}
	config.features = AX_NPT_FEATURE_CONTIGUOUS;
	refuse(s->format, &config, AX_ENOTSUP);
	config.features = AX_NPT_FEATURE_SVNAPOT;
	refuse(s->format, &config, AX_ENOTSUP);
}

/* A width too many is out of range; levels and a width that contradict each other may be either. */
static void refuse_width(const struct format_case *format, const struct ax_addrspace_config *config)
{
	struct ax_addrspace as;
	size_t held = mock_frames_held();
	ax_error_t error = ax_addrspace_init(&as, config);

	if (error != AX_ERANGE && error != AX_ENOTSUP)
		FAIL("%s: levels %u, gpa_bits %u, hpa_bits %u: %s", format->name, config->levels,
		     config->gpa_bits, config->hpa_bits, story_error_name(error));
	CHECK_EQUAL(mock_frames_held(), held);
}

static void init_refuses_widths_that_the_format_does_not_have(struct test_space *s)
{
	static const unsigned too_wide[] = {60, 63, 64, 65, 128, UINT32_MAX};
	struct ax_addrspace_config config = format_config(s->format);

	for (size_t i = 0; i < sizeof(too_wide) / sizeof(too_wide[0]); i++) {
		config = format_config(s->format);
		config.gpa_bits = too_wide[i];
		refuse_width(s->format, &config);
		config = format_config(s->format);
		config.hpa_bits = too_wide[i];
		refuse_width(s->format, &config);
	}
	config = format_config(s->format);
	config.gpa_bits = 11;
	refuse_width(s->format, &config);
}

static void init_refuses_levels_and_width_that_contradict_each_other(void)
{
	struct ax_addrspace_config config = {.format = AX_NPT_EPT, .levels = 4, .gpa_bits = 49};
	const struct format_case *ept = format_find("EPT 4 levels");
	const struct format_case *stage2 = format_find("stage 2, 40 bits");

	refuse_width(ept, &config);
	config.format = AX_NPT_AMD;
	refuse_width(ept, &config);
	/* Sixteen concatenated tables of three levels reach 43 bits. */
	config = (struct ax_addrspace_config){.format = AX_NPT_STAGE2, .levels = 3, .gpa_bits = 44};
	refuse_width(stage2, &config);
	config = (struct ax_addrspace_config){.format = AX_NPT_GSTAGE, .levels = 3, .gpa_bits = 42};
	refuse_width(stage2, &config);
	/* A root needs a bit of the address to be indexed by: four levels begin at bit 39. */
	config = (struct ax_addrspace_config){.format = AX_NPT_STAGE2, .levels = 4, .gpa_bits = 39};
	refuse_width(stage2, &config);
	config.gpa_bits = 32;
	refuse_width(stage2, &config);
	/* A space that lies above all tables. */
	config = (struct ax_addrspace_config){
		.format = AX_NPT_STAGE2, .base = ax_gpa(1ull << 63), .size = K4};
	refuse_width(stage2, &config);
	/* An address without a page number is none: there is no need to look for a frame. */
	config = (struct ax_addrspace_config){.format = AX_NPT_EPT, .hpa_bits = 12};
	refuse_width(ept, &config);
	CHECK_EQUAL(mock_counts().alloc, 0);
}

static void init_takes_the_narrowest_and_the_widest_that_the_format_has(void)
{
	static const struct {
		enum ax_npt_format_id format;
		unsigned narrowest;
	} formats[] = {
		{AX_NPT_EPT, 13}, {AX_NPT_AMD, 13}, {AX_NPT_STAGE2, 25}, {AX_NPT_GSTAGE, 13}};

	for (size_t i = 0; i < 4; i++) {
		struct ax_addrspace_config config = {.format = formats[i].format, .cpus = 1};
		struct ax_npt_capabilities capabilities;
		struct ax_addrspace as;

		CHECK_OK(ax_npt_capabilities(formats[i].format, &capabilities));
		config.gpa_bits = formats[i].narrowest - 1;
		CHECK_ERROR(ax_addrspace_init(&as, &config), AX_ERANGE);
		config.gpa_bits = formats[i].narrowest;
		CHECK_OK(ax_addrspace_init(&as, &config));
		CHECK_EQUAL(ax_addrspace_size(&as), 1ull << formats[i].narrowest);
		ax_addrspace_destroy(&as);
		config.gpa_bits = capabilities.gpa_bits;
		config.hpa_bits = capabilities.hpa_bits;
		CHECK_OK(ax_addrspace_init(&as, &config));
		CHECK_EQUAL(ax_addrspace_size(&as), 1ull << capabilities.gpa_bits);
		ax_addrspace_destroy(&as);
		config.hpa_bits = capabilities.hpa_bits + 1;
		CHECK_ERROR(ax_addrspace_init(&as, &config), AX_ERANGE);
	}
}

/* Without mode-based execute bit 10 of an EPT entry is ignored, and the library leaves it clear. */
static void entries_have_no_bits_of_features_that_were_not_asked_for(struct test_space *s)
{
	const uint64_t user_execute = 1ull << 10;
	const uint64_t *root = mock_ptr(ax_addrspace_page_table_root(&s->as).raw);

	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(0), ax_hpa(MOCK_RAM_BASE), K4, RAM));
	CHECK(root[0] != 0);
	CHECK_EQUAL((root[0] & user_execute) != 0,
		    format_has(s->format, AX_NPT_FEATURE_MODE_BASED_EXECUTE));
}

static void init_of_other_formats_may_be_narrower_than_the_levels(void)
{
	const struct format_case *format = format_find("EPT 4 levels");
	struct ax_addrspace_config config = format_config(format);
	struct ax_addrspace as;

	config.levels = 4;
	config.gpa_bits = 30;
	CHECK_OK(ax_addrspace_init(&as, &config));
	CHECK_EQUAL(ax_addrspace_size(&as), G1);
	ax_addrspace_destroy(&as);
}

static void init_of_four_stage2_levels_takes_one_bit_for_the_root(void)
{
	struct ax_addrspace_config config = {.format = AX_NPT_STAGE2, .levels = 4, .gpa_bits = 40};
	const struct format_case format = {
		"stage 2, 4 levels, 40 bits", AX_NPT_STAGE2, 4, 40, 0, 0, 4, 40, 3};
	struct test_space s;

	space_make_config(&s, &format, &config);
	CHECK_EQUAL(decode_root(&s).levels, 4);
	CHECK_EQUAL(decode_root(&s).gpa_bits, 40);
	CHECK_OK(ax_addrspace_map_linear(&s.as, ax_gpa((1ull << 40) - M2), ax_hpa(MOCK_RAM_BASE),
					 M2, RAM));
	CHECK_SPACE(&s, LINEAR((1ull << 40) - M2, M2, MOCK_RAM_BASE, RAM));
	space_destroy(&s);
}

static void init_of_stage2_levels_widens_the_root_for_a_high_space(void)
{
	const struct format_case *format = format_find("stage 2, 3 levels");
	struct ax_addrspace_config config = format_config(format);
	struct test_space s;

	config.base = ax_gpa(1ull << 40);
	config.size = G1;
	space_make_config(&s, format, &config);
	CHECK_EQUAL(decode_root(&s).levels, 3);
	CHECK_EQUAL(decode_root(&s).gpa_bits, 41);
	CHECK_OK(ax_addrspace_map_linear(&s.as, config.base, ax_hpa(MOCK_RAM_BASE), G1, RAM));
	CHECK_SPACE(&s, LINEAR(1ull << 40, G1, MOCK_RAM_BASE, RAM));
	space_destroy(&s);
}

static void init_without_levels_takes_the_default_of_the_format(void)
{
	static const enum ax_npt_format_id formats[] = {AX_NPT_EPT, AX_NPT_AMD, AX_NPT_STAGE2,
							AX_NPT_GSTAGE};

	for (size_t i = 0; i < 4; i++) {
		struct format_case format = {"default", formats[i], 0, 0, 0, 0, 5, 0, 2};
		struct ax_addrspace_config config = {.format = formats[i]};
		struct ax_npt_capabilities capabilities;
		struct test_space s;

		CHECK_OK(ax_npt_capabilities(formats[i], &capabilities));
		space_make_config(&s, &format, &config);
		if (formats[i] == AX_NPT_AMD)
			s.cpu.levels = capabilities.levels_default;
		CHECK_EQUAL(decode_root(&s).levels, capabilities.levels_default);
		space_destroy(&s);
	}
}

static void init_refuses_null_and_a_format_that_is_none(void)
{
	struct ax_addrspace_config config = {.format = AX_NPT_EPT};
	struct ax_addrspace as;

	CHECK_ERROR(ax_addrspace_init(NULL, &config), AX_EINVAL);
	/* A host has no format of its own. */
	CHECK_ERROR(ax_addrspace_init(&as, NULL), AX_ENOTSUP);
	config.format = AX_NPT_DEFAULT;
	CHECK_ERROR(ax_addrspace_init(&as, &config), AX_ENOTSUP);
	config.format = (enum ax_npt_format_id)5;
	CHECK_ERROR(ax_addrspace_init(&as, &config), AX_EINVAL);
	config.format = (enum ax_npt_format_id) - 1;
	CHECK_ERROR(ax_addrspace_init(&as, &config), AX_EINVAL);
	CHECK_EQUAL(mock_frames_held(), 0);
}

static void init_out_of_memory_holds_nothing_wherever_it_ran_out(struct test_space *s)
{
	struct ax_addrspace_config config = format_config(s->format);
	unsigned long allowed = 0;
	ax_error_t error = AX_ENOMEM;
	struct ax_addrspace as;
	size_t held = mock_frames_held();

	config.cpus = s->cpus;
	for (; error == AX_ENOMEM; allowed++) {
		mock_fail_after(allowed);
		error = ax_addrspace_init(&as, &config);
		mock_fail_never();
		if (error == AX_ENOMEM)
			CHECK_EQUAL(mock_frames_held(), held);
	}
	CHECK_OK(error);
	CHECK_EQUAL(allowed - 1, s->cpus > 1 ? 2 : 1);
	ax_addrspace_destroy(&as);
	CHECK_EQUAL(mock_frames_held(), held);
}

static void init_gives_a_root_from_above_hpa_bits_back(struct test_space *s)
{
	struct ax_addrspace_config config = format_config(s->format);
	size_t held = mock_frames_held();
	struct ax_addrspace as;

	config.hpa_bits = 40;
	config.cpus = s->cpus;
	mock_use_far(true);
	CHECK_ERROR(ax_addrspace_init(&as, &config), AX_ERANGE);
	CHECK_EQUAL(mock_frames_held(), held);
	mock_use_far(false);
}

static void init_for_zero_cpus_asks_the_host_how_many_it_has(struct test_space *s)
{
	struct ax_addrspace_config config = format_config(s->format);
	struct ax_addrspace_stats stats;
	struct ax_addrspace as;

	config.cpus = 0;
	mock_set_cpu_num(1);
	CHECK_OK(ax_addrspace_init(&as, &config));
	ax_addrspace_stats(&as, &stats);
	CHECK_EQUAL(stats.guard_frames, 0);
	ax_addrspace_destroy(&as);
	mock_set_cpu_num(8);
	CHECK_OK(ax_addrspace_init(&as, &config));
	ax_addrspace_stats(&as, &stats);
	CHECK_EQUAL(stats.guard_frames, 1);
	ax_addrspace_destroy(&as);
	/* More than any number of CPUs is many; none is the one that asks. */
	mock_set_cpu_num(SIZE_MAX);
	CHECK_OK(ax_addrspace_init(&as, &config));
	ax_addrspace_stats(&as, &stats);
	CHECK_EQUAL(stats.guard_frames, 1);
	ax_addrspace_destroy(&as);
	mock_set_cpu_num(0);
	CHECK_OK(ax_addrspace_init(&as, &config));
	ax_addrspace_stats(&as, &stats);
	CHECK_EQUAL(stats.guard_frames, 0);
	ax_addrspace_destroy(&as);
}

static void a_direct_map_is_added_where_the_port_need_not_be_asked(struct test_space *s)
{
	struct ax_npt_mapping mapping;
	struct ax_guest_segment segment;
	ax_hpa_t hpa = ax_hpa(0);
	uint64_t limit = 0;
	unsigned long calls;
	uint32_t word = 0x12345678;
	size_t count = 0;

	space_use_direct_map(s);
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(0x40000000), 2 * K4, RAM, true));
	calls = mock_counts().phys_to_virt;
	CHECK_OK(ax_addrspace_translate(&s->as, ax_gpa(0x40000000), &hpa));
	CHECK_OK(ax_addrspace_translate_and_get_limit(&s->as, ax_gpa(0x40000000), &hpa, &limit));
	CHECK_OK(ax_addrspace_query(&s->as, ax_gpa(0x40000000), &mapping));
	CHECK(ax_addrspace_handle_page_fault(&s->as, ax_gpa(0x40000000), AX_WRITE));
	CHECK_OK(ax_guest_write(&s->as, ax_gpa(0x40000ffe), &word, sizeof(word)));
	CHECK_OK(ax_guest_read(&s->as, ax_gpa(0x40000ffe), &word, sizeof(word)));
	CHECK_OK(ax_guest_read_volatile(&s->as, ax_gpa(0x40001000), &word, sizeof(word)));
	CHECK_OK(ax_guest_segments(&s->as, ax_gpa(0x40000000), 8, AX_READ, &segment, 1, &count));
	CHECK_EQUAL(mock_counts().phys_to_virt, calls);
	CHECK(segment.ptr == reference_ptr(s, 0x40000000));
	CHECK_EQUAL(word, 0x1234);
	CHECK_SPACE(s, OWNED(0x40000000, 2 * K4, RAM));
}

/* How it goes */

static void destroy_gives_everything_back_and_may_be_repeated(struct test_space *s)
{
	struct ax_addrspace_config config = format_config(s->format);
	struct ax_addrspace_stats stats, zero = {0};
	size_t before = s->held_before;

	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(0x40000000), 4 * M2, RAM, true));
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(0), K4, RAM, false));
	CHECK(ax_addrspace_handle_page_fault(&s->as, ax_gpa(0), AX_READ));
	CHECK_OK(
		ax_addrspace_map_linear(&s->as, ax_gpa(0x80000000), ax_hpa(MOCK_RAM_BASE), G1, RW));
	ax_addrspace_destroy(&s->as);
	CHECK_EQUAL(mock_frames_held(), before);
	ax_addrspace_destroy(&s->as);
	CHECK_EQUAL(mock_frames_held(), before);
	ax_addrspace_stats(&s->as, &stats);
	CHECK(memcmp(&stats, &zero, sizeof(stats)) == 0);
	space_remake(s, &config);
}

static void destroy_of_nothing_does_nothing(void)
{
	struct ax_addrspace as;

	ax_addrspace_destroy(NULL);
	memset(&as, 0, sizeof(as));
	ax_addrspace_destroy(&as);
	CHECK_EQUAL(mock_counts().dealloc, 0);
	CHECK_EQUAL(mock_counts().dealloc_contiguous, 0);
}

static void check_dead(struct ax_addrspace *as)
{
	struct ax_addrspace_stats stats, zero = {0};
	static const struct ax_backend_ops ops = {0};
	const struct ax_backend backend = {&ops, NULL};

	CHECK_ERROR(ax_addrspace_map_linear(as, ax_gpa(0), ax_hpa(0), K4, RAM), AX_ESTATE);
	CHECK_ERROR(ax_addrspace_map_alloc(as, ax_gpa(0), K4, RAM, true), AX_ESTATE);
	CHECK_ERROR(ax_addrspace_map_backend(as, ax_gpa(0), K4, RAM, &backend), AX_ESTATE);
	CHECK_ERROR(ax_addrspace_unmap(as, ax_gpa(0), K4), AX_ESTATE);
	CHECK_ERROR(ax_addrspace_protect(as, ax_gpa(0), K4, RAM), AX_ESTATE);
	CHECK_ERROR(ax_addrspace_clear(as), AX_ESTATE);
	CHECK_EQUAL(ax_addrspace_fault(as, ax_gpa(0), AX_READ), AX_FAULT_FAILED);
	CHECK(!ax_addrspace_handle_page_fault(as, ax_gpa(0), AX_READ));
	memset(&stats, 0xee, sizeof(stats));
	ax_addrspace_stats(as, &stats);
	CHECK(memcmp(&stats, &zero, sizeof(stats)) == 0);
	ax_addrspace_stats(as, NULL);
}

static void print_nothing(void *context, const char *text)
{
	(void)context;
	FAIL("a dead space printed: %s", text);
}

/* What has no error to return says nothing, and nothing is like what lives. */
static void check_says_nothing(struct ax_addrspace *as)
{
	struct ax_npt_registers registers = {1, 1};

	CHECK_EQUAL(ax_addrspace_base(as).raw, 0);
	CHECK_EQUAL(ax_addrspace_end(as).raw, 0);
	CHECK_EQUAL(ax_addrspace_size(as), 0);
	CHECK(ax_hpa_is_none(ax_addrspace_page_table_root(as)));
	CHECK(ax_addrspace_page_table(as) == NULL);
	CHECK_EQUAL(ax_addrspace_tlb_generation(as), 0);
	CHECK(!ax_addrspace_contains_range(as, ax_gpa(0), 0));
	ax_addrspace_registers(as, &registers);
	CHECK_EQUAL(registers.root, 0);
	CHECK_EQUAL(registers.control, 0);
	ax_addrspace_registers(as, NULL);
	ax_addrspace_dump(as, print_nothing, NULL);
}

/* A pointer to the table that was kept leads to none. */
static void check_table_is_dead(const struct ax_npt *npt)
{
	struct ax_npt_mapping mapping;

	CHECK_ERROR(ax_npt_query(npt, ax_gpa(0), &mapping), AX_EINVAL);
	CHECK_ERROR(ax_npt_next(npt, ax_gpa(0), &mapping), AX_EINVAL);
}

static void calls_on_a_space_that_does_not_live_are_refused(void)
{
	struct ax_addrspace_config config = {.format = AX_NPT_EPT, .cpus = 1};
	const struct ax_npt *npt;
	struct ax_addrspace as;

	memset(&as, 0, sizeof(as));
	check_dead(&as);
	check_says_nothing(&as);
	check_says_nothing(NULL);
	CHECK_OK(ax_addrspace_init(&as, &config));
	ax_addrspace_registers(&as, NULL);
	ax_addrspace_dump(&as, NULL, NULL);
	npt = ax_addrspace_page_table(&as);
	ax_addrspace_destroy(&as);
	check_dead(&as);
	check_says_nothing(&as);
	check_table_is_dead(npt);
}

/* What the formats say of themselves */

static void capabilities_agree_with_the_cases_that_work(struct test_space *s)
{
	struct ax_npt_capabilities c;

	CHECK_OK(ax_npt_capabilities(s->format->format, &c));
	CHECK_EQUAL(c.format, s->format->format);
	CHECK(c.levels_min <= s->format->levels && s->format->levels <= c.levels_max);
	CHECK(c.levels_min <= c.levels_default && c.levels_default <= c.levels_max);
	CHECK(s->format->gpa_bits <= c.gpa_bits);
	CHECK(s->format->config_hpa_bits <= c.hpa_bits);
	CHECK_EQUAL(s->format->features & ~c.features, 0);
	CHECK_EQUAL(c.features_default & ~c.features, 0);
	CHECK_EQUAL(c.features & ~ax_npt_features_all(), 0);
	if (s->format->format == AX_NPT_STAGE2)
		CHECK(c.broadcast);
}

static void capabilities_of_a_format_that_is_none_are_refused(void)
{
	struct ax_npt_capabilities out, before;

	memset(&out, 0x5a, sizeof(out));
	before = out;
	CHECK_ERROR(ax_npt_capabilities(AX_NPT_DEFAULT, &out), AX_ENOTSUP);
	CHECK_ERROR(ax_npt_capabilities((enum ax_npt_format_id)5, &out), AX_EINVAL);
	CHECK_ERROR(ax_npt_capabilities((enum ax_npt_format_id) - 1, &out), AX_EINVAL);
	CHECK(memcmp(&out, &before, sizeof(out)) == 0);
	CHECK_ERROR(ax_npt_capabilities(AX_NPT_EPT, NULL), AX_EINVAL);
}

static void format_names_are_those_of_the_manuals(void)
{
	CHECK(strcmp(ax_npt_format_name(AX_NPT_EPT), "EPT") == 0);
	CHECK(strcmp(ax_npt_format_name(AX_NPT_AMD), "NPT") == 0);
	CHECK(strcmp(ax_npt_format_name(AX_NPT_STAGE2), "stage 2") == 0);
	CHECK(strcmp(ax_npt_format_name(AX_NPT_GSTAGE), "G-stage") == 0);
	CHECK(strcmp(ax_npt_format_name(AX_NPT_DEFAULT), "?") == 0);
	CHECK(strcmp(ax_npt_format_name((enum ax_npt_format_id)99), "?") == 0);
}

static void features_all_is_every_feature(void)
{
	CHECK_EQUAL(ax_npt_features_all(),
		    AX_NPT_FEATURE_1G | AX_NPT_FEATURE_EXECUTE_ONLY |
			    AX_NPT_FEATURE_MODE_BASED_EXECUTE | AX_NPT_FEATURE_ACCESSED_DIRTY |
			    AX_NPT_FEATURE_XNX | AX_NPT_FEATURE_CONTIGUOUS | AX_NPT_FEATURE_SVPBMT |
			    AX_NPT_FEATURE_SVNAPOT | AX_NPT_FEATURE_SVVPTC);
}

static void sizes_for_callers_without_a_compiler_are_the_compilers(void)
{
	CHECK_EQUAL(ax_addrspace_sizeof(), sizeof(struct ax_addrspace));
	CHECK_EQUAL(ax_addrspace_config_sizeof(), sizeof(struct ax_addrspace_config));
}

int main(void)
{
	static const struct story stories[] = {
		STORY(init_gives_an_empty_space_with_the_levels_asked_for),
		STORY(init_zeroes_the_root),
		STORY(init_holds_the_root_and_one_frame_for_the_guard_of_several_cpus),
		STORY(init_registers_are_the_very_values_to_load),
		STORY(init_registers_stay_the_same_while_the_space_lives),
		STORY(init_with_base_and_no_size_reaches_the_end_of_the_tables),
		STORY(a_lock_around_each_call_takes_the_place_of_the_guard),
		STORY(init_takes_base_and_size_to_the_page),
		STORY(init_refuses_an_unaligned_base),
		STORY(init_refuses_an_unaligned_size),
		STORY(init_refuses_a_space_wider_than_the_tables),
		STORY(init_refuses_base_plus_size_that_overflows),
		STORY(init_refuses_a_tag_that_its_register_cannot_hold),
		STORY(init_puts_the_whole_tag_into_the_register),
		STORY(init_refuses_levels_that_the_format_does_not_have),
		STORY(init_refuses_granules_other_than_4k),
		STORY(init_takes_12_for_the_granule),
		STORY(init_refuses_features_that_the_format_does_not_have),
		STORY(init_refuses_widths_that_the_format_does_not_have),
		STORY_PLAIN(init_refuses_levels_and_width_that_contradict_each_other),
		STORY_PLAIN(init_takes_the_narrowest_and_the_widest_that_the_format_has),
		STORY_ONLY(entries_have_no_bits_of_features_that_were_not_asked_for, "EPT"),
		STORY_PLAIN(init_of_other_formats_may_be_narrower_than_the_levels),
		STORY_PLAIN(init_of_four_stage2_levels_takes_one_bit_for_the_root),
		STORY_PLAIN(init_of_stage2_levels_widens_the_root_for_a_high_space),
		STORY_PLAIN(init_without_levels_takes_the_default_of_the_format),
		STORY_PLAIN(init_refuses_null_and_a_format_that_is_none),
		STORY(init_out_of_memory_holds_nothing_wherever_it_ran_out),
		STORY(init_gives_a_root_from_above_hpa_bits_back),
		STORY(init_for_zero_cpus_asks_the_host_how_many_it_has),
		STORY(a_direct_map_is_added_where_the_port_need_not_be_asked),
		STORY(destroy_gives_everything_back_and_may_be_repeated),
		STORY_PLAIN(destroy_of_nothing_does_nothing),
		STORY_PLAIN(calls_on_a_space_that_does_not_live_are_refused),
		STORY(capabilities_agree_with_the_cases_that_work),
		STORY_PLAIN(capabilities_of_a_format_that_is_none_are_refused),
		STORY_PLAIN(format_names_are_those_of_the_manuals),
		STORY_PLAIN(features_all_is_every_feature),
		STORY_PLAIN(sizes_for_callers_without_a_compiler_are_the_compilers),
	};

	return STORIES_RUN("address space: init and destroy", stories);
}
