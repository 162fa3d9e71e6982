/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hardware that does not broadcast: what the other CPUs have to be told goes to the port, once, after
 * this CPU did its own part; and what concerns this CPU alone does not.
 *
 * The host build says of itself that it broadcasts, since every invalidation goes to the port there.
 * This program has a ax_npt_capabilities() of its own that does not, so that each request which
 * reaches the others is seen twice: this CPU's, and theirs. The model of the TLB would call the second
 * one needless.
 */
#include <axvisor/guest.h>

#include "npt_format.h"

#include "check.h"
#include "mock_port.h"
#include "story.h"
#include "tlb_model.h"

#define VM_RAM 0x40000000ull

const struct ax_npt_format *ax_npt_format_find(enum ax_npt_format_id id)
{
	switch (id) {
	case AX_NPT_EPT:
		return &ax_npt_format_ept;
	case AX_NPT_AMD:
		return &ax_npt_format_amd;
	case AX_NPT_GSTAGE:
		return &ax_npt_format_gstage;
	default:
		return &ax_npt_format_stage2;
	}
}

ax_error_t ax_npt_capabilities(enum ax_npt_format_id format, struct ax_npt_capabilities *out)
{
	ax_npt_format_capabilities(ax_npt_format_find(format), out);
	out->features_default = 0;
	return AX_OK;
}

/* Requests for one that concerns every CPU. */
static unsigned long everywhere(const struct test_space *s)
{
	return s->format->format != AX_NPT_STAGE2 && s->cpus > 1 ? 2 : 1;
}

static bool caches_invalid_entries(const struct test_space *s)
{
	return s->format->format == AX_NPT_GSTAGE && !format_has(s->format, AX_NPT_FEATURE_SVVPTC);
}

static void unmap_tells_this_cpu_and_the_others(struct test_space *s)
{
	tlb_model_drop();
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(MOCK_RAM_BASE), 4 * K4,
					 RAM));
	mock_tlb_forget();
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), 2 * K4));
	CHECK_EQUAL(mock_counts().tlb, everywhere(s));
	for (unsigned long i = 0; i < everywhere(s); i++) {
		struct ax_tlb_request request = mock_tlb_request(i);

		CHECK_EQUAL(request.start.raw, VM_RAM);
		CHECK_EQUAL(request.size, 2 * K4);
		CHECK_EQUAL(request.tag, s->tag);
	}
}

static void map_tells_all_only_where_invalid_entries_are_cached(struct test_space *s)
{
	tlb_model_drop();
	mock_tlb_forget();
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(MOCK_RAM_BASE), K4, RAM));
	CHECK_EQUAL(mock_counts().tlb, caches_invalid_entries(s) ? everywhere(s) : 0);
}

/* A lock of the port's keeps calls apart, and not the other CPUs' hardware. */
static void a_lock_around_each_call_changes_nothing_of_that(struct test_space *s)
{
	struct ax_addrspace_config config = format_config(s->format);

	config.serialized = true;
	space_remake(s, &config);
	unmap_tells_this_cpu_and_the_others(s);
}

/* Another CPU that remembers the invalid entry faults by itself, and finds the page. */
static void fault_tells_nobody_else(struct test_space *s)
{
	tlb_model_drop();
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), 2 * K4, RAM, false));
	mock_tlb_forget();
	CHECK(ax_addrspace_handle_page_fault(&s->as, ax_gpa(VM_RAM), AX_READ));
	CHECK_EQUAL(mock_counts().tlb, caches_invalid_entries(s) ? 1 : 0);
	CHECK(ax_addrspace_handle_page_fault(&s->as, ax_gpa(VM_RAM), AX_READ));
	CHECK_EQUAL(mock_counts().tlb, caches_invalid_entries(s) ? 2 : 0);
	/* In a table that is there already, too. */
	CHECK(ax_addrspace_handle_page_fault(&s->as, ax_gpa(VM_RAM + K4), AX_READ));
	CHECK_EQUAL(mock_counts().tlb, caches_invalid_entries(s) ? 3 : 0);
}

int main(void)
{
	static const struct story stories[] = {
		STORY(unmap_tells_this_cpu_and_the_others),
		STORY(map_tells_all_only_where_invalid_entries_are_cached),
		STORY(a_lock_around_each_call_changes_nothing_of_that),
		STORY(fault_tells_nobody_else),
	};

	return STORIES_RUN("remote", stories);
}
