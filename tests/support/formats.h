/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DOC: the configurations under test
 *
 * Every table format, level count and feature that the library has, as one table of cases; a space
 * under test with the CPU that the reference walkers (tests/reference/reference.h) need to judge it;
 * and what each format can express, as the specification says it.
 */
#ifndef TESTS_SUPPORT_FORMATS_H
#define TESTS_SUPPORT_FORMATS_H

#include <axvisor/addrspace.h>

#include "reference.h"

/**
 * struct format_case - A configuration.
 * @name: For messages.
 * @format: Table format.
 * @config_levels: Levels to ask for; 0: none.
 * @config_gpa_bits: Input width to ask for; 0: none.
 * @config_hpa_bits: Output width to ask for; 0: none.
 * @features: Features to ask for.
 * @levels: Levels that must come of it.
 * @gpa_bits: Input width that must come of it.
 * @leaf_levels: Levels that can hold leaves: 2 without, 3 with pages of 1 GiB, 4 with 512 GiB.
 */
struct format_case {
	const char *name;
	enum ax_npt_format_id format;
	unsigned config_levels;
	unsigned config_gpa_bits;
	unsigned config_hpa_bits;
	uint64_t features;
	unsigned levels;
	unsigned gpa_bits;
	unsigned leaf_levels;
};

extern const struct format_case format_cases[];
extern const size_t format_case_count;

/** format_find() - The case of a name; the test fails when there is none. */
const struct format_case *format_find(const char *name);

/** format_config() - The configuration of a case, everything else 0. */
struct ax_addrspace_config format_config(const struct format_case *format);

/**
 * struct test_space - A space under test.
 * @as: The space.
 * @format: What it was made from.
 * @cpu: The CPU of the reference walkers, its registers loaded.
 * @cpus: What it was configured for.
 * @guarded: For more than one, without a lock around each call.
 * @base: First guest byte.
 * @size: Bytes.
 * @hpa_bits: Width of host addresses.
 * @tag: VMID, ASID or VPID.
 * @held_before: Frames that were out before it was made.
 * @foreign: Frames that others took since, set by the test that takes them.
 */
struct test_space {
	struct ax_addrspace as;
	const struct format_case *format;
	struct ref_cpu cpu;
	unsigned cpus;
	bool guarded;
	uint64_t base;
	uint64_t size;
	unsigned hpa_bits;
	unsigned tag;
	size_t held_before;
	size_t foreign;
};

/** space_make() - A space of a case; base 0, all that the tables reach. The test fails if it cannot. */
void space_make(struct test_space *s, const struct format_case *format, unsigned cpus);

/** space_make_config() - The same from a configuration that was changed. */
void space_make_config(struct test_space *s, const struct format_case *format,
		       const struct ax_addrspace_config *config);

/** space_remake() - Destroy it, and make another one for as many CPUs in its place. */
void space_remake(struct test_space *s, const struct ax_addrspace_config *config);

/** space_use_direct_map() - The same space anew, empty, with a direct map of the mock port's memory. */
void space_use_direct_map(struct test_space *s);

/** space_destroy() - Destroy it; everything that it held is back. */
void space_destroy(struct test_space *s);

/** space_load_cpu() - What ref_walk() and ref_scan() take for a live space of a case. */
struct ref_cpu space_load_cpu(const struct ax_addrspace *as, const struct format_case *format,
			      unsigned hpa_bits);

/** reference_memory - The frames that are out, as a table walker sees them; others are a bus error. */
extern const struct ref_memory reference_memory;

/** format_has() - Whether the case asked for a feature. */
bool format_has(const struct format_case *format, uint64_t feature);

/** format_restricts_user() - Whether AX_USER means something: MODE_BASED_EXECUTE or XNX. */
bool format_restricts_user(const struct format_case *format);

/**
 * format_expressible() - What map must say to flags.
 *
 * Return: AX_OK, AX_EINVAL (unknown bits or no permission) or AX_ENOTSUP.
 */
ax_error_t format_expressible(const struct format_case *format, ax_flags_t flags);

/** format_leaf_matches() - Whether a leaf of the reference walker grants exactly these flags. */
bool format_leaf_matches(const struct format_case *format, const struct ref_leaf *leaf,
			 ax_flags_t flags);

/** format_flags_alike() - Whether an entry looks the same for both. */
bool format_flags_alike(const struct format_case *format, ax_flags_t a, ax_flags_t b);

/** format_visible_flags() - What a query must report for a page that was mapped with @flags. */
ax_flags_t format_visible_flags(const struct format_case *format, ax_flags_t flags);

/** format_page_size() - Bytes of a leaf at a level. */
uint64_t format_page_size(unsigned level);

#endif /* TESTS_SUPPORT_FORMATS_H */
