/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz_space.h"

#include "check.h"
#include "input.h"
#include "mock_port.h"
#include "space_model.h"
#include "story.h"
#include "tlb_model.h"

/* Enough for two regions to meet in every way, and few enough for many runs a second. */
#define MOST_STEPS 48u

/* Leaves of one map: more than a table has. */
#define MOST_PAGES 600u

static const struct format_case *choose_case(enum ax_npt_format_id format)
{
	size_t skip = (size_t)input_choose(256);

	for (;;) {
		for (size_t i = 0; i < format_case_count; i++) {
			if (format_cases[i].format == format && skip-- == 0)
				return &format_cases[i];
		}
	}
}

static void choose_port(void)
{
	uint64_t choice = input_choose(256);
	struct mock_options options = {
		.at_zero = choice & 1,
		.scattered = choice & 2,
	};

	mock_start(&options);
}

static void choose_range(struct ax_addrspace_config *config)
{
	switch (input_choose(4)) {
	case 0:
		config->base = ax_gpa(0x40000000);
		break;
	case 1:
		config->size = 0x80400000;
		break;
	case 2:
		config->base = ax_gpa(AX_PAGE_SIZE_4K);
		config->size = 0xc0000000 - AX_PAGE_SIZE_4K;
		break;
	default:
		break;
	}
}

void fuzz_space_begin(struct test_space *s, enum ax_npt_format_id format)
{
	const struct format_case *chosen = choose_case(format);
	struct ax_addrspace_config config = format_config(chosen);

	config.cpus = input_choose(2) ? 4 : 1;
	choose_range(&config);
	choose_port();
	space_make_config(s, chosen, &config);
	tlb_model_begin(s);
}

void fuzz_space_end(struct test_space *s)
{
	space_destroy(s);
	tlb_model_drop();
	mock_stop();
}

void fuzz_operations(enum ax_npt_format_id format, const uint8_t *data, size_t size)
{
	static struct test_space space;

	input_begin(data, size);
	fuzz_space_begin(&space, format);
	space_model_begin(input_choose, MOST_PAGES);
	for (unsigned step = 0; step < MOST_STEPS && input_left(); step++) {
		space_model_step(&space);
		space_model_compare(&space);
	}
	space_model_end(&space);
	fuzz_space_end(&space);
}
