/* SPDX-License-Identifier: Apache-2.0 */
/* What can be mapped, how it is entered, and what is refused. */
#include <string.h>

#include "check.h"
#include "mock_port.h"
#include "story.h"

#define VM_RAM     0x40000000ull
#define VM_DEVICES 0xa0000000ull

/* Linear */

static void map_linear_keeps_the_distance_of_guest_and_host(struct test_space *s)
{
	/* Host memory above the guest's address, at it, and below it. */
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(0x60000000), 4 * M2, RAM));
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(0x60000000), ax_hpa(0x60000000), M2, RW));
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(0x80000000), ax_hpa(0x40000000), K4, RAM));
	CHECK_SPACE(s, LINEAR(VM_RAM, 4 * M2, 0x60000000, RAM),
		    LINEAR(0x60000000, M2, 0x60000000, RW),
		    LINEAR(0x80000000, K4, 0x40000000, RAM));
}

static void map_linear_reaches_host_address_zero(struct test_space *s)
{
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(0), M2, RAM));
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(0), ax_hpa(0), K4, RAM));
	CHECK_SPACE(s, LINEAR(0, K4, 0, RAM), LINEAR(VM_RAM, M2, 0, RAM));
}

static void map_linear_owns_nothing(struct test_space *s)
{
	struct ax_addrspace_stats stats;

	memset(mock_ptr(MOCK_RAM_BASE), 0x77, 2 * K4);
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(MOCK_RAM_BASE), 2 * K4,
					 RAM));
	ax_addrspace_stats(&s->as, &stats);
	CHECK_EQUAL(stats.owned_frames, 0);
	check_bytes(s, VM_RAM, 2 * K4, 0x77);
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), 2 * K4));
	CHECK_EQUAL(*(unsigned char *)mock_ptr(MOCK_RAM_BASE), 0x77);
	check_empty(s);
}

/* The fewest leaves that a linear mapping can have: the oracle is a plain greedy walk. */
static void fewest_leaves(unsigned leaf_levels, uint64_t gpa, uint64_t hpa, uint64_t size,
			  uint64_t count[AX_NPT_LEVELS_MAX])
{
	memset(count, 0, AX_NPT_LEVELS_MAX * sizeof(*count));
	while (size) {
		unsigned level = leaf_levels;
		uint64_t page;

		do {
			page = format_page_size(--level);
		} while (gpa % page || hpa % page || size < page);
		count[level]++;
		gpa += page;
		hpa += page;
		size -= page;
	}
}

static void map_linear_enters_the_largest_pages_that_both_addresses_allow(struct test_space *s)
{
	static const struct {
		uint64_t gpa, hpa, size;
	} maps[] = {
		{0, 0, K4},
		{VM_RAM, VM_RAM, G1},
		{VM_RAM, 2 * G1, 2 * G1},
		{VM_RAM, G1 + M2, 64 * M2},
		{VM_RAM, VM_RAM + K4, 2 * M2},
		{VM_RAM - K4, VM_RAM - K4, 2 * K4},
		{VM_RAM - M2, 2 * G1 - M2, G1 + 2 * M2},
		{VM_RAM + K4, G1 + K4, M2 - 2 * K4},
		{VM_RAM + M2 - K4, M2 - K4, M2 + 2 * K4},
		{3 * G1, 0, G1},
	};
	uint64_t count[AX_NPT_LEVELS_MAX];

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		struct ax_addrspace_stats stats;

		CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(maps[i].gpa), ax_hpa(maps[i].hpa),
						 maps[i].size, RAM));
		CHECK_SPACE(s, LINEAR(maps[i].gpa, maps[i].size, maps[i].hpa, RAM));
		fewest_leaves(s->format->leaf_levels, maps[i].gpa, maps[i].hpa, maps[i].size,
			      count);
		ax_addrspace_stats(&s->as, &stats);
		for (unsigned level = 0; level < AX_NPT_LEVELS_MAX; level++)
			CHECK_EQUAL(stats.pages[level], count[level]);
		CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(maps[i].gpa), maps[i].size));
		check_empty(s);
	}
}

static void map_linear_of_a_large_space_needs_no_small_pages(struct test_space *s)
{
	uint64_t page = format_page_size(s->format->leaf_levels - 1);
	uint64_t size = s->size / 2 < 64 * page ? s->size / 2 : 64 * page;
	struct ax_addrspace_stats stats;

	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(0), ax_hpa(0), size, RAM));
	ax_addrspace_stats(&s->as, &stats);
	CHECK_EQUAL(stats.pages[s->format->leaf_levels - 1], size / page);
	CHECK_SPACE(s, LINEAR(0, size, 0, RAM));
}

static void map_linear_fills_the_last_page_of_the_space(struct test_space *s)
{
	uint64_t top = s->size - K4;

	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(top), ax_hpa(MOCK_RAM_BASE), K4, RAM));
	CHECK_SPACE(s, LINEAR(top, K4, MOCK_RAM_BASE, RAM));
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(top), K4));
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(s->size - G1), ax_hpa(G1), G1, RAM));
	CHECK_SPACE(s, LINEAR(s->size - G1, G1, G1, RAM));
}

static uint64_t hpa_end(const struct test_space *s)
{
	return 1ull << s->hpa_bits;
}

static void map_linear_reaches_the_last_host_page_and_no_further(struct test_space *s)
{
	uint64_t end = hpa_end(s);
	ax_gpa_t gpa = ax_gpa(VM_RAM);

	CHECK_OK(ax_addrspace_map_linear(&s->as, gpa, ax_hpa(end - K4), K4, RAM));
	CHECK_SPACE(s, LINEAR(VM_RAM, K4, end - K4, RAM));
	CHECK_OK(ax_addrspace_unmap(&s->as, gpa, K4));
	CHECK_OK(ax_addrspace_map_linear(&s->as, gpa, ax_hpa(end - M2), M2, RAM));
	CHECK_SPACE(s, LINEAR(VM_RAM, M2, end - M2, RAM));
	CHECK_OK(ax_addrspace_unmap(&s->as, gpa, M2));
	CHECK_REFUSED(s, ax_addrspace_map_linear(&s->as, gpa, ax_hpa(end), K4, RAM), AX_ERANGE);
	CHECK_REFUSED(s, ax_addrspace_map_linear(&s->as, gpa, ax_hpa(end - K4), 2 * K4, RAM),
		      AX_ERANGE);
	CHECK_REFUSED(s, ax_addrspace_map_linear(&s->as, gpa, ax_hpa(end - M2), 2 * M2, RAM),
		      AX_ERANGE);
	CHECK_REFUSED(s, ax_addrspace_map_linear(&s->as, gpa, ax_hpa(1ull << 60), K4, RAM),
		      AX_ERANGE);
	CHECK_REFUSED(s, ax_addrspace_map_linear(&s->as, gpa, ax_hpa(0 - K4), K4, RAM), AX_ERANGE);
	CHECK_REFUSED(s, ax_addrspace_map_linear(&s->as, gpa, ax_hpa(0 - K4), 2 * K4, RAM),
		      AX_ERANGE);
	check_empty(s);
}

static void map_linear_refuses_an_unaligned_target(struct test_space *s)
{
	ax_gpa_t gpa = ax_gpa(VM_RAM);

	CHECK_REFUSED(s, ax_addrspace_map_linear(&s->as, gpa, ax_hpa(1), K4, RAM), AX_EALIGN);
	CHECK_REFUSED(s, ax_addrspace_map_linear(&s->as, gpa, ax_hpa(0x800), K4, RAM), AX_EALIGN);
	CHECK_REFUSED(s, ax_addrspace_map_linear(&s->as, gpa, ax_hpa(0xfff), K4, RAM), AX_EALIGN);
}

/* Owned */

static void map_alloc_populated_is_zeroed(struct test_space *s)
{
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM - K4), M2 + 3 * K4, RAM, true));
	CHECK_SPACE(s, OWNED(VM_RAM - K4, M2 + 3 * K4, RAM));
	check_bytes(s, VM_RAM - K4, M2 + 3 * K4, 0);
}

static void map_alloc_populates_aligned_2m_in_one_block(struct test_space *s)
{
	uint64_t block = 0;
	uint64_t hpa = 0;

	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM - K4), 2 * M2 + 2 * K4, RAM, true));
	CHECK_EQUAL(leaf_size_at(s, VM_RAM - K4), K4);
	CHECK_EQUAL(leaf_size_at(s, VM_RAM), M2);
	CHECK_EQUAL(leaf_size_at(s, VM_RAM + M2), M2);
	CHECK_EQUAL(leaf_size_at(s, VM_RAM + 2 * M2), K4);
	CHECK(reference_translate(s, VM_RAM, &hpa));
	CHECK_EQUAL(mock_block_of(hpa, &block), 512);
	CHECK_EQUAL(block, hpa);
	CHECK_SPACE(s, OWNED(VM_RAM - K4, 2 * M2 + 2 * K4, RAM));
}

static void map_alloc_populates_single_frames_where_no_block_is_to_be_had(struct test_space *s)
{
	mock_set_no_contiguous(true);
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), M2 + K4, RAM, true));
	mock_set_no_contiguous(false);
	CHECK_EQUAL(leaf_size_at(s, VM_RAM), K4);
	CHECK_SPACE(s, OWNED(VM_RAM, M2 + K4, RAM));
	check_bytes(s, VM_RAM, M2 + K4, 0);
}

static void map_alloc_lazy_enters_nothing(struct test_space *s)
{
	struct ax_addrspace_stats before, after;
	uint64_t size = s->size / 2 < 64 * G1 ? s->size / 2 : 64 * G1;

	ax_addrspace_stats(&s->as, &before);
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(0), size, RAM, false));
	ax_addrspace_stats(&s->as, &after);
	CHECK_EQUAL(after.table_frames, before.table_frames);
	CHECK_EQUAL(after.owned_frames, 0);
	CHECK_SPACE(s, LAZY(0, size, RAM));
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(0), size));
	check_empty(s);
}

static void map_alloc_refuses_device_memory(struct test_space *s)
{
	ax_gpa_t gpa = ax_gpa(VM_RAM);

	CHECK_REFUSED(s, ax_addrspace_map_alloc(&s->as, gpa, K4, AX_DEVICE | RW, true), AX_EINVAL);
	CHECK_REFUSED(s, ax_addrspace_map_alloc(&s->as, gpa, K4, AX_DEVICE | RW, false), AX_EINVAL);
}

static void map_alloc_out_of_memory_leaves_nothing_and_can_be_retried(struct test_space *s)
{
	unsigned long allowed = 0;
	ax_error_t error = AX_ENOMEM;

	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(0), ax_hpa(0), K4, RAM));
	mock_set_no_contiguous(true);
	for (; error == AX_ENOMEM; allowed++) {
		struct snapshot before;

		snapshot_take(&before, s);
		mock_fail_after(allowed);
		error = ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM - K4), 4 * K4, RAM, true);
		mock_fail_never();
		if (error != AX_OK)
			snapshot_compare(&before, s);
		snapshot_free(&before);
	}
	mock_set_no_contiguous(false);
	CHECK_OK(error);
	CHECK(allowed > 4);
	CHECK_SPACE(s, LINEAR(0, K4, 0, RAM), OWNED(VM_RAM - K4, 4 * K4, RAM));
}

/* The frames are taken two a turn: each number of them, and each that fails, in a table that is there and in a new one. */
static void map_alloc_populates_any_number_of_pages_or_none(struct test_space *s)
{
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(0), K4, RAM));
	mock_set_no_contiguous(true);
	for (uint64_t pages = 1; pages <= 5; pages++) {
		for (uint64_t gpa = VM_RAM + K4; gpa <= VM_RAM + M2 + K4; gpa += M2) {
			size_t held = mock_frames_held();
			ax_error_t error = AX_ENOMEM;

			for (unsigned long allowed = 0; error == AX_ENOMEM; allowed++) {
				mock_fail_after(allowed);
				error = ax_addrspace_map_alloc(&s->as, ax_gpa(gpa), pages * K4, RAM,
							       true);
				mock_fail_never();
				if (error != AX_OK)
					CHECK_EQUAL(mock_frames_held(), held);
			}
			CHECK_OK(error);
			CHECK_SPACE(s, LINEAR(VM_RAM, K4, 0, RAM), OWNED(gpa, pages * K4, RAM));
			CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(gpa), pages * K4));
			CHECK_EQUAL(mock_frames_held(), held);
		}
	}
	mock_set_no_contiguous(false);
}

static void map_alloc_gives_frames_from_above_hpa_bits_back(struct test_space *s)
{
	struct ax_addrspace_config config = format_config(s->format);

	config.hpa_bits = 40;
	space_remake(s, &config);
	/* The region set may need a frame, which may lie anywhere; and so may tables need one. */
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), K4, RAM, true));
	mock_use_far(true);
	CHECK_REFUSED(s, ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM + K4), K4, RAM, true),
		      AX_ERANGE);
	CHECK_REFUSED(s, ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM + 2 * M2), M2, RAM, true),
		      AX_ERANGE);
	mock_use_far(false);
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM + K4), K4, RAM, true));
	CHECK_SPACE(s, OWNED(VM_RAM, 2 * K4, RAM));
}

/* All three kinds */

enum kind {
	KIND_LINEAR,
	KIND_POPULATED,
	KIND_LAZY,
	KIND_BACKEND,
	KINDS,
};

static ax_error_t no_page(void *context, ax_gpa_t gpa, ax_flags_t access, ax_hpa_t *out)
{
	(void)context;
	(void)gpa;
	(void)access;
	(void)out;
	return AX_ENOENT;
}

static const struct ax_backend_ops empty_ops = {.name = "empty", .fault = no_page, .merge = true};
static const struct ax_backend empty_backend = {&empty_ops, NULL};

static ax_error_t map(struct test_space *s, enum kind kind, uint64_t gpa, uint64_t size,
		      ax_flags_t flags)
{
	switch (kind) {
	case KIND_LINEAR:
		return ax_addrspace_map_linear(&s->as, ax_gpa(gpa), ax_hpa(MOCK_RAM_BASE), size,
					       flags);
	case KIND_BACKEND:
		return ax_addrspace_map_backend(&s->as, ax_gpa(gpa), size, flags, &empty_backend);
	default:
		return ax_addrspace_map_alloc(&s->as, ax_gpa(gpa), size, flags,
					      kind == KIND_POPULATED);
	}
}

static struct expect mapped(enum kind kind, uint64_t gpa, uint64_t size, ax_flags_t flags)
{
	static const enum expect_kind kinds[KINDS] = {EXPECT_LINEAR, EXPECT_OWNED, EXPECT_LAZY,
						      EXPECT_BACKEND};

	return (struct expect){gpa,
			       size,
			       flags,
			       kinds[kind],
			       kind == KIND_LINEAR ? MOCK_RAM_BASE : 0,
			       kind == KIND_BACKEND ? &empty_backend : NULL};
}

static void map_takes_every_set_of_flags_that_the_format_can_express(struct test_space *s)
{
	for (ax_flags_t flags = 0; flags <= AX_FLAGS_ALL; flags++) {
		for (enum kind kind = 0; kind < KINDS; kind++) {
			ax_error_t want = format_expressible(s->format, flags);
			struct expect e = mapped(kind, VM_RAM, 2 * K4, flags);
			bool owned = kind == KIND_POPULATED || kind == KIND_LAZY;

			if (want == AX_OK && owned && (flags & AX_DEVICE))
				want = AX_EINVAL;
			if (want == AX_ENOTSUP && owned && (flags & AX_DEVICE))
				continue; /* wrong twice: either error is right */
			if (want != AX_OK) {
				CHECK_REFUSED(s, map(s, kind, VM_RAM, 2 * K4, flags), want);
				continue;
			}
			CHECK_OK(map(s, kind, VM_RAM, 2 * K4, flags));
			check_space(s, &e, 1);
			CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), 2 * K4));
		}
	}
}

static void map_takes_every_set_of_flags_in_huge_pages_too(struct test_space *s)
{
	for (ax_flags_t flags = 0; flags <= AX_FLAGS_ALL; flags++) {
		if (format_expressible(s->format, flags) != AX_OK)
			continue;
		CHECK_OK(map(s, KIND_LINEAR, VM_RAM, G1 + M2, flags));
		CHECK_SPACE(s, LINEAR(VM_RAM, G1 + M2, MOCK_RAM_BASE, flags));
		CHECK_EQUAL(leaf_size_at(s, VM_RAM), s->format->leaf_levels > 2 ? G1 : M2);
		CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), G1 + M2));
	}
}

static void map_refuses_flags_that_mean_nothing(struct test_space *s)
{
	for (enum kind kind = 0; kind < KINDS; kind++) {
		CHECK_REFUSED(s, map(s, kind, VM_RAM, K4, RAM | 0x40), AX_EINVAL);
		CHECK_REFUSED(s, map(s, kind, VM_RAM, K4, RAM | 0x80000000u), AX_EINVAL);
		CHECK_REFUSED(s, map(s, kind, VM_RAM, K4, 0), AX_EINVAL);
		CHECK_REFUSED(s, map(s, kind, VM_RAM, K4, AX_USER), AX_EINVAL);
	}
}

static void map_refuses_size_zero(struct test_space *s)
{
	for (enum kind kind = 0; kind < KINDS; kind++)
		CHECK_REFUSED(s, map(s, kind, VM_RAM, 0, RAM), AX_EINVAL);
}

static void map_refuses_what_is_not_page_aligned(struct test_space *s)
{
	for (enum kind kind = 0; kind < KINDS; kind++) {
		CHECK_REFUSED(s, map(s, kind, VM_RAM + 1, K4, RAM), AX_EALIGN);
		CHECK_REFUSED(s, map(s, kind, VM_RAM + 0x200, K4, RAM), AX_EALIGN);
		CHECK_REFUSED(s, map(s, kind, VM_RAM, 1, RAM), AX_EALIGN);
		CHECK_REFUSED(s, map(s, kind, VM_RAM, K4 + 0xfff, RAM), AX_EALIGN);
	}
}

static void map_refuses_what_is_outside_the_space(struct test_space *s)
{
	uint64_t end = s->base + s->size;

	for (enum kind kind = 0; kind < KINDS; kind++) {
		CHECK_REFUSED(s, map(s, kind, end, K4, RAM), AX_ERANGE);
		CHECK_REFUSED(s, map(s, kind, end - K4, 2 * K4, RAM), AX_ERANGE);
		CHECK_REFUSED(s, map(s, kind, 1ull << 62, K4, RAM), AX_ERANGE);
		CHECK_REFUSED(s, map(s, kind, 0 - K4, K4, RAM), AX_ERANGE);
		CHECK_REFUSED(s, map(s, kind, 0 - K4, 2 * K4, RAM), AX_ERANGE);
		CHECK_REFUSED(s, map(s, kind, K4, 0 - K4, RAM), AX_ERANGE);
		CHECK_REFUSED(s, map(s, kind, VM_RAM, 0 - VM_RAM, RAM), AX_ERANGE);
	}
	check_empty(s);
}

static void map_refuses_what_is_below_the_base(struct test_space *s)
{
	struct ax_addrspace_config config = format_config(s->format);

	config.base = ax_gpa(VM_RAM);
	config.size = M2;
	space_remake(s, &config);
	for (enum kind kind = 0; kind < KINDS; kind++) {
		CHECK_REFUSED(s, map(s, kind, VM_RAM - K4, K4, RAM), AX_ERANGE);
		CHECK_REFUSED(s, map(s, kind, VM_RAM - K4, 2 * K4, RAM), AX_ERANGE);
		CHECK_REFUSED(s, map(s, kind, 0, K4, RAM), AX_ERANGE);
		CHECK_REFUSED(s, map(s, kind, VM_RAM + M2, K4, RAM), AX_ERANGE);
	}
	CHECK_OK(map(s, KIND_LINEAR, VM_RAM, M2, RAM));
	CHECK_SPACE(s, LINEAR(VM_RAM, M2, MOCK_RAM_BASE, RAM));
}

static void map_refuses_any_overlap_and_takes_neighbours(struct test_space *s)
{
	for (enum kind old = 0; old < KINDS; old++) {
		CHECK_OK(map(s, old, VM_RAM, 4 * K4, RAM));
		for (enum kind kind = 0; kind < KINDS; kind++) {
			CHECK_REFUSED(s, map(s, kind, VM_RAM, 4 * K4, RAM), AX_EEXIST);
			CHECK_REFUSED(s, map(s, kind, VM_RAM, K4, RAM), AX_EEXIST);
			CHECK_REFUSED(s, map(s, kind, VM_RAM + 2 * K4, K4, RW), AX_EEXIST);
			CHECK_REFUSED(s, map(s, kind, VM_RAM + 3 * K4, 2 * K4, RAM), AX_EEXIST);
			CHECK_REFUSED(s, map(s, kind, VM_RAM - K4, 2 * K4, RAM), AX_EEXIST);
			CHECK_REFUSED(s, map(s, kind, VM_RAM - K4, 8 * K4, RAM), AX_EEXIST);
			CHECK_REFUSED(s, map(s, kind, 0, 0x80000000, RAM), AX_EEXIST);
		}
		CHECK_OK(map(s, KIND_LINEAR, VM_RAM - K4, K4, RW));
		CHECK_OK(map(s, KIND_LAZY, VM_RAM + 4 * K4, K4, RW));
		CHECK_OK(ax_addrspace_clear(&s->as));
		check_empty(s);
	}
}

static void map_merges_neighbours_that_are_alike(struct test_space *s)
{
	struct ax_addrspace_stats stats;

	/* In an order in which the last one closes the gap. */
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(M2), K4, RAM));
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM + 2 * K4), ax_hpa(M2 + 2 * K4), K4,
					 RAM));
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM + K4), ax_hpa(M2 + K4), K4, RAM));
	CHECK_OK(map(s, KIND_LAZY, VM_DEVICES, K4, RAM));
	CHECK_OK(map(s, KIND_POPULATED, VM_DEVICES + K4, K4, RAM));
	CHECK_OK(map(s, KIND_LAZY, VM_DEVICES - K4, K4, RAM));
	ax_addrspace_stats(&s->as, &stats);
	CHECK_EQUAL(stats.regions, 2);
	CHECK_SPACE(s, LINEAR(VM_RAM, 3 * K4, M2, RAM), LAZY(VM_DEVICES - K4, 2 * K4, RAM),
		    OWNED(VM_DEVICES + K4, K4, RAM));
}

static void map_keeps_neighbours_that_differ_apart(struct test_space *s)
{
	struct ax_addrspace_stats stats;

	/* Other flags, another distance to the host, another kind. */
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM), ax_hpa(M2), K4, RAM));
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM + K4), ax_hpa(M2 + K4), K4, RW));
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM + 2 * K4), ax_hpa(0), K4, RW));
	CHECK_OK(map(s, KIND_LAZY, VM_RAM + 3 * K4, K4, RW));
	CHECK_OK(map(s, KIND_BACKEND, VM_RAM + 4 * K4, K4, RW));
	ax_addrspace_stats(&s->as, &stats);
	CHECK_EQUAL(stats.regions, 5);
}

static void map_of_a_huge_page_works_where_small_pages_were(struct test_space *s)
{
	struct ax_addrspace_stats before, after;

	ax_addrspace_stats(&s->as, &before);
	for (int i = 0; i < 3; i++) {
		CHECK_OK(map(s, KIND_LINEAR, VM_RAM, K4, RAM));
		CHECK_OK(map(s, KIND_POPULATED, VM_RAM + M2 - K4, K4, RAM));
		CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), M2));
		check_empty(s);
		CHECK_OK(map(s, KIND_LINEAR, VM_RAM, M2, RAM));
		CHECK_EQUAL(leaf_size_at(s, VM_RAM), M2);
		CHECK_SPACE(s, LINEAR(VM_RAM, M2, MOCK_RAM_BASE, RAM));
		CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), M2));
	}
	ax_addrspace_stats(&s->as, &after);
	CHECK_EQUAL(after.table_frames, before.table_frames);
}

static void map_beside_others_in_one_table_disturbs_nobody(struct test_space *s)
{
	for (uint64_t i = 0; i < 16; i++)
		CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_RAM + 2 * i * K4),
						 ax_hpa(MOCK_RAM_BASE + i * M2), K4, RAM));
	for (uint64_t i = 0; i < 16; i++)
		CHECK_OK(map(s, KIND_POPULATED, VM_RAM + (2 * i + 1) * K4, K4, RW));
	for (uint64_t i = 0; i < 16; i++) {
		ax_hpa_t hpa = ax_hpa(0);

		CHECK_OK(ax_addrspace_translate(&s->as, ax_gpa(VM_RAM + 2 * i * K4 + 5), &hpa));
		CHECK_EQUAL(hpa.raw, MOCK_RAM_BASE + i * M2 + 5);
		check_bytes(s, VM_RAM + (2 * i + 1) * K4, K4, 0);
	}
}

/*
 * Regions of which nothing is entered yet need the same tables, one of them at every level. What a populate
 * makes of these before it fails may not stay behind, though it serves them as well.
 */
static void map_alloc_out_of_memory_beside_lazy_regions_leaves_no_table(struct test_space *s)
{
	const uint64_t low = VM_RAM + 4 * K4;
	const uint64_t high = VM_RAM + 2 * M2 + 4 * K4;
	ax_error_t error = AX_ENOMEM;

	mock_set_no_contiguous(true);
	CHECK_OK(map(s, KIND_LAZY, low - 2 * K4, 2 * K4, RAM));
	CHECK_OK(map(s, KIND_LAZY, high, 2 * K4, RAM));
	for (unsigned long allowed = 0; error == AX_ENOMEM; allowed += allowed < 12 ? 1 : 400) {
		struct snapshot before;

		snapshot_take(&before, s);
		mock_fail_after(allowed);
		error = map(s, KIND_POPULATED, low, high - low, RAM);
		mock_fail_never();
		if (error == AX_ENOMEM)
			snapshot_compare(&before, s);
		snapshot_free(&before);
	}
	CHECK_OK(error);
	CHECK_SPACE(s, LAZY(low - 2 * K4, 2 * K4, RAM), OWNED(low, high - low, RAM),
		    LAZY(high, 2 * K4, RAM));
}

static void look_at_what_is_staged(void *space)
{
	for (uint64_t gpa = VM_RAM; gpa < VM_RAM + 8 * K4; gpa += K4)
		CHECK_EQUAL(leaf_size_at(space, gpa), gpa == VM_RAM ? K4 : 0);
}

/*
 * In a table of pages that the guest uses already, it sees none of the new ones before all of them are there:
 * on a failure they go back with no flush.
 */
static void map_alloc_shows_nothing_before_all_of_it_is_there(struct test_space *s)
{
	ax_error_t error = AX_ENOMEM;

	CHECK_OK(map(s, KIND_LINEAR, VM_RAM, K4, RAM));
	for (unsigned long allowed = 0; error == AX_ENOMEM; allowed++) {
		struct snapshot before;

		snapshot_take(&before, s);
		mock_fail_after(allowed);
		mock_set_alloc_hook(look_at_what_is_staged, s);
		error = map(s, KIND_POPULATED, VM_RAM + K4, 4 * K4, RAM);
		mock_set_alloc_hook(NULL, NULL);
		mock_fail_never();
		if (error == AX_ENOMEM)
			snapshot_compare(&before, s);
		snapshot_free(&before);
	}
	CHECK_OK(error);
	CHECK_SPACE(s, LINEAR(VM_RAM, K4, MOCK_RAM_BASE, RAM), OWNED(VM_RAM + K4, 4 * K4, RAM));
}

/* Blocks go back whole, with the pages and the tables after them, also where no table was made for them. */
static void map_alloc_out_of_memory_after_blocks_gives_them_back(struct test_space *s)
{
	const uint64_t first = VM_RAM + 2 * M2;
	const uint64_t size = 2 * M2 + 2 * K4;
	ax_error_t error = AX_ENOMEM;
	unsigned long allowed = 0;

	CHECK_OK(map(s, KIND_LINEAR, VM_RAM, K4, RAM));
	for (; error == AX_ENOMEM; allowed++) {
		struct snapshot before;

		snapshot_take(&before, s);
		mock_fail_after(allowed);
		error = map(s, KIND_POPULATED, first, size, RAM);
		mock_fail_never();
		if (error == AX_ENOMEM)
			snapshot_compare(&before, s);
		snapshot_free(&before);
	}
	CHECK_OK(error);
	/* Two blocks, a table and two pages. */
	CHECK(allowed > 5);
	CHECK_SPACE(s, LINEAR(VM_RAM, K4, MOCK_RAM_BASE, RAM), OWNED(first, size, RAM));
}

/* Tables that nobody else needs, more of them than there can be that a neighbour needs too. */
static void map_alloc_populates_many_tables_of_pages_between_neighbours(struct test_space *s)
{
	const uint64_t size = 5 * M2 - K4;

	CHECK_OK(map(s, KIND_LINEAR, VM_RAM, K4, RAM));
	CHECK_OK(map(s, KIND_LINEAR, VM_RAM + K4 + size, K4, RAM));
	mock_set_no_contiguous(true);
	CHECK_OK(map(s, KIND_POPULATED, VM_RAM + K4, size, RAM));
	mock_set_no_contiguous(false);
	CHECK_SPACE(s, LINEAR(VM_RAM, K4, MOCK_RAM_BASE, RAM), OWNED(VM_RAM + K4, size, RAM),
		    LINEAR(VM_RAM + K4 + size, K4, MOCK_RAM_BASE, RAM));
}

/* Clients map pass-through devices and shared pages of other VMs. */
static void map_of_what_a_vm_has(struct test_space *s)
{
	const ax_flags_t device = AX_DEVICE | RW | AX_USER;

	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), 8 * M2, RAM, true));
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(VM_DEVICES), ax_hpa(0xfe000000), 16 * K4,
					 device));
	/* Inter-VM memory has no AX_USER, and must be usable all the same. */
	CHECK_OK(
		ax_addrspace_map_linear(&s->as, ax_gpa(0xc0000000), ax_hpa(MOCK_RAM_BASE), K4, RW));
	CHECK(reference_allows(s, 0xc0000000, RW | AX_USER));
	CHECK_SPACE(s, OWNED(VM_RAM, 8 * M2, RAM), LINEAR(VM_DEVICES, 16 * K4, 0xfe000000, device),
		    LINEAR(0xc0000000, K4, MOCK_RAM_BASE, RW));
}

static void map_at_128_gib_where_the_space_reaches_it(struct test_space *s)
{
	uint64_t gpa = 128 * G1;

	if (s->size <= gpa) {
		CHECK_REFUSED(s, map(s, KIND_LINEAR, gpa, M2, RAM), AX_ERANGE);
		return;
	}
	CHECK_OK(map(s, KIND_LINEAR, gpa, M2, RAM));
	CHECK_OK(map(s, KIND_POPULATED, gpa + M2, K4, RAM));
	CHECK_SPACE(s, LINEAR(gpa, M2, MOCK_RAM_BASE, RAM), OWNED(gpa + M2, K4, RAM));
}

int main(void)
{
	static const struct story stories[] = {
		STORY(map_linear_keeps_the_distance_of_guest_and_host),
		STORY(map_linear_reaches_host_address_zero),
		STORY(map_linear_owns_nothing),
		STORY_ONE_CPU(map_linear_enters_the_largest_pages_that_both_addresses_allow),
		STORY(map_linear_of_a_large_space_needs_no_small_pages),
		STORY(map_linear_fills_the_last_page_of_the_space),
		STORY(map_linear_reaches_the_last_host_page_and_no_further),
		STORY(map_linear_refuses_an_unaligned_target),
		STORY(map_alloc_populated_is_zeroed),
		STORY(map_alloc_populates_aligned_2m_in_one_block),
		STORY(map_alloc_populates_single_frames_where_no_block_is_to_be_had),
		STORY(map_alloc_lazy_enters_nothing),
		STORY(map_alloc_refuses_device_memory),
		STORY(map_alloc_out_of_memory_leaves_nothing_and_can_be_retried),
		STORY(map_alloc_populates_any_number_of_pages_or_none),
		STORY(map_alloc_out_of_memory_beside_lazy_regions_leaves_no_table),
		STORY(map_alloc_shows_nothing_before_all_of_it_is_there),
		STORY(map_alloc_out_of_memory_after_blocks_gives_them_back),
		STORY(map_alloc_populates_many_tables_of_pages_between_neighbours),
		STORY(map_alloc_gives_frames_from_above_hpa_bits_back),
		STORY_ONE_CPU(map_takes_every_set_of_flags_that_the_format_can_express),
		STORY_ONE_CPU(map_takes_every_set_of_flags_in_huge_pages_too),
		STORY(map_refuses_flags_that_mean_nothing),
		STORY(map_refuses_size_zero),
		STORY(map_refuses_what_is_not_page_aligned),
		STORY(map_refuses_what_is_outside_the_space),
		STORY(map_refuses_what_is_below_the_base),
		STORY_FEW(map_refuses_any_overlap_and_takes_neighbours),
		STORY(map_merges_neighbours_that_are_alike),
		STORY(map_keeps_neighbours_that_differ_apart),
		STORY(map_of_a_huge_page_works_where_small_pages_were),
		STORY(map_beside_others_in_one_table_disturbs_nobody),
		STORY(map_of_what_a_vm_has),
		STORY(map_at_128_gib_where_the_space_reaches_it),
	};

	return STORIES_RUN("address space: map", stories);
}
