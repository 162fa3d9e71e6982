/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The formats as data: what the walker takes for granted of each, and entries and register values
 * worked out by hand from the manuals.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "npt_entry.h"
#include "npt_format.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define R AX_READ
#define W AX_WRITE
#define X AX_EXECUTE
#define U AX_USER
#define D AX_DEVICE
#define N AX_UNCACHED

#define AD AX_NPT_FEATURE_ACCESSED_DIRTY

static const struct ax_npt_format *const formats[] = {
	&ax_npt_format_ept,
	&ax_npt_format_amd,
	&ax_npt_format_stage2,
	&ax_npt_format_gstage,
};

/* ---- every format, every set of its features */

static void for_each_configuration(void (*check)(const struct ax_npt *npt))
{
	for (size_t i = 0; i < COUNT(formats); i++) {
		const struct ax_npt_format *format = formats[i];
		uint64_t features = 0;

		do {
			struct ax_npt npt = {.format = format,
					     .features = features,
					     .address_mask = format->address_mask,
					     .address_shift = (uint8_t)format->address_shift,
					     .lead = (uint8_t)format->table};

			npt.present = format->present;
			npt.table = format->table;
			if (features & format->feature_present) {
				npt.present |= format->present_extra;
				npt.table |= format->present_extra;
			}
			check(&npt);
			features = (features - format->features) & format->features;
		} while (features != 0);
	}
}

/* Every set of flags that has a permission. */
static void for_each_flags(const struct ax_npt *npt,
			   void (*check)(const struct ax_npt *npt, ax_flags_t flags))
{
	for (ax_flags_t flags = 0; flags <= AX_FLAGS_ALL; flags++)
		if (flags & AX_FLAGS_ACCESS)
			check(npt, flags);
}

static uint64_t hidden_bits(const struct ax_npt *npt)
{
	return npt->present << npt->format->hide_shift;
}

static bool single_bit(uint64_t value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

static void check_masks(const struct ax_npt *npt)
{
	const struct ax_npt_format *f = npt->format;
	uint64_t hidden = hidden_bits(npt);
	uint64_t types = f->type_mask | f->leaf[0] | f->leaf[1];
	const uint64_t fields[] = {
		f->address_mask, f->kind_mask, AX_NPT_STATE_MASK, hidden, types | npt->present,
	};

	for (size_t i = 0; i < COUNT(fields); i++)
		for (size_t j = 0; j < i; j++)
			assert_int_equal(fields[i] & fields[j], 0);
	assert_int_equal(hidden >> f->hide_shift, npt->present);
	assert_int_equal(f->hardware_sets & (f->address_mask | f->kind_mask | AX_NPT_STATE_MASK |
					     hidden | npt->present | types),
			 0);
	assert_int_equal(f->type_table & ~f->type_mask, 0);
	assert_int_equal(f->type_mask & npt->present, 0);
	/* Nothing but type bits in leaf[]: the walker takes them off to get the attr. */
	assert_int_equal((f->leaf[0] | f->leaf[1]) & f->hardware_sets, 0);

	assert_true(single_bit(f->kind[AX_NPT_OWNED]));
	assert_true(single_bit(f->kind[AX_NPT_BLOCK]));
	assert_int_equal(f->kind[AX_NPT_FOREIGN], 0);
	assert_int_equal(f->kind[AX_NPT_DEVICE], f->kind_mask);
	assert_int_equal(f->kind[AX_NPT_OWNED] ^ f->kind[AX_NPT_BLOCK], f->kind_mask);
	assert_true(f->kind[AX_NPT_OWNED] < f->kind[AX_NPT_BLOCK]);
}

static void masks_are_disjoint(void **state)
{
	(void)state;
	for_each_configuration(check_masks);
}

static void check_table(const struct ax_npt *npt)
{
	const struct ax_npt_format *f = npt->format;
	uint64_t hpa = f->address_mask << f->address_shift;
	uint64_t entry = ax_npt_table_entry(npt, hpa);

	assert_int_equal(npt->table & (f->address_mask | f->kind_mask | AX_NPT_STATE_MASK |
				       hidden_bits(npt)),
			 0);
	assert_int_equal(npt->table & npt->present, npt->present);
	assert_int_equal(ax_npt_address(npt, entry), hpa);
	assert_true(ax_npt_present(npt, entry));
	for (unsigned level = 1; level < f->levels_max; level++)
		assert_true(ax_npt_is_table(npt, entry, level));
	assert_false(ax_npt_is_table(npt, entry, 0));
	assert_false(ax_npt_present(npt, 0));

	/* It leads, whatever hardware may set in it; hidden it does not, nor does a hole. */
	assert_true(ax_npt_leads(npt, entry, 1));
	assert_true(ax_npt_leads(npt, entry | (f->hardware_sets & ~UINT64_C(0xff)), 1));
	assert_false(ax_npt_leads(npt, entry, 0));
	assert_false(ax_npt_leads(npt, 0, 1));
	for (enum ax_npt_state s = AX_NPT_STAGED; s <= AX_NPT_DEAD; s++)
		assert_false(ax_npt_leads(npt, ax_npt_hide(npt, entry, s), 1));
}

static void table_entry_is_one(void **state)
{
	(void)state;
	for_each_configuration(check_table);
}

/* What each format cannot express, by the manuals and no other way. */
static bool is_refused(const struct ax_npt *npt, ax_flags_t flags)
{
	switch (npt->format->id) {
	case AX_NPT_EPT:
		return !(flags & R) &&
		       ((flags & W) || !(npt->features & AX_NPT_FEATURE_EXECUTE_ONLY));
	case AX_NPT_AMD:
		return !(flags & R);
	case AX_NPT_GSTAGE:
		return ((flags & W) && !(flags & R)) ||
		       ((flags & N) && !(flags & D) && !(npt->features & AX_NPT_FEATURE_SVPBMT));
	default:
		return false;
	}
}

/* What comes back: USER is no restriction but for fetches where a feature makes it one. */
static ax_flags_t as_decoded(const struct ax_npt *npt, ax_flags_t flags)
{
	uint64_t restricts = AX_NPT_FEATURE_XNX | AX_NPT_FEATURE_MODE_BASED_EXECUTE;

	if (flags & D)
		flags &= ~N;
	if (!(npt->features & restricts) || !(flags & X))
		flags |= U;
	return flags;
}

/* A leaf of each level decodes alike, whatever its address and kind and whatever hardware set. */
static void check_leaf(const struct ax_npt *npt, uint64_t attr, ax_flags_t flags, unsigned level)
{
	const struct ax_npt_format *f = npt->format;
	uint64_t hpa =
		(f->address_mask << f->address_shift) & ~((UINT64_C(1) << (12 + 9 * level)) - 1);
	uint64_t entry = ax_npt_leaf_entry(npt, attr, hpa, level);

	assert_true(ax_npt_present(npt, entry));
	assert_false(ax_npt_is_table(npt, entry, level));
	assert_int_equal(ax_npt_address(npt, entry), hpa);
	assert_int_equal(entry & ~(f->address_mask | f->leaf[level != 0]), attr);
	assert_int_equal(entry & (AX_NPT_STATE_MASK | hidden_bits(npt)), 0);
	assert_int_equal(f->decode(npt->features, entry), as_decoded(npt, flags));
	assert_int_equal(f->decode(npt->features, entry | f->hardware_sets),
			 as_decoded(npt, flags));
	assert_false(ax_npt_leads(npt, entry, level));
	assert_false(ax_npt_leads(npt, entry | f->hardware_sets, level));
	if (flags & D)
		return;
	assert_int_equal(f->decode(npt->features, entry | f->kind[AX_NPT_OWNED]),
			 as_decoded(npt, flags));
	assert_int_equal(f->decode(npt->features, entry | f->kind[AX_NPT_BLOCK]),
			 as_decoded(npt, flags));
}

static void check_flags(const struct ax_npt *npt, ax_flags_t flags)
{
	const struct ax_npt_format *f = npt->format;
	uint64_t attr = UINT64_C(0xdeadbeefdeadbeef);
	ax_error_t error = f->encode(npt->features, flags, &attr);

	if (is_refused(npt, flags)) {
		assert_int_equal(error, AX_ENOTSUP);
		assert_int_equal(attr, UINT64_C(0xdeadbeefdeadbeef));
		return;
	}
	assert_int_equal(error, AX_OK);
	assert_int_equal(attr & (f->address_mask | f->leaf[0] | f->leaf[1]), 0);
	assert_int_equal(attr & f->kind_mask, flags & D ? f->kind[AX_NPT_DEVICE] : 0);
	if (npt->features & AD)
		assert_int_equal(attr & f->hardware_sets, 0);
	for (unsigned level = 0; level <= f->leaf_level_max; level++)
		check_leaf(npt, attr, flags, level);
}

static void check_round_trip(const struct ax_npt *npt)
{
	for_each_flags(npt, check_flags);
}

static void flags_round_trip_or_are_refused(void **state)
{
	(void)state;
	for_each_configuration(check_round_trip);
}

/* Different meanings are different bits: nothing that a caller asked for gets lost. */
static void check_distinct(const struct ax_npt *npt)
{
	uint64_t attrs[AX_FLAGS_ALL + 1];
	bool valid[AX_FLAGS_ALL + 1] = {false};

	for (ax_flags_t a = 0; a <= AX_FLAGS_ALL; a++) {
		valid[a] = (a & AX_FLAGS_ACCESS) &&
			   npt->format->encode(npt->features, a, &attrs[a]) == AX_OK;
		if (!valid[a])
			continue;
		for (ax_flags_t b = 0; b < a; b++)
			if (valid[b])
				assert_int_equal(attrs[a] == attrs[b],
						 as_decoded(npt, a) == as_decoded(npt, b));
	}
}

static void different_flags_are_different_bits(void **state)
{
	(void)state;
	for_each_configuration(check_distinct);
}

/* ---- hiding */

static void check_hidden(const struct ax_npt *npt, uint64_t entry, unsigned level)
{
	static const enum ax_npt_state states[] = {AX_NPT_STAGED, AX_NPT_BROKEN, AX_NPT_DEAD};
	const struct ax_npt_format *f = npt->format;

	for (size_t i = 0; i < COUNT(states); i++) {
		uint64_t hidden = ax_npt_hide(npt, entry, states[i]);

		assert_int_not_equal(hidden, 0);
		assert_false(ax_npt_present(npt, hidden));
		assert_int_equal(ax_npt_state(hidden), states[i]);
		assert_int_equal(ax_npt_address(npt, hidden), ax_npt_address(npt, entry));
		assert_int_equal(hidden & f->kind_mask, entry & f->kind_mask);
		assert_int_equal(ax_npt_is_table(npt, hidden, level),
				 ax_npt_is_table(npt, entry, level));
		assert_int_equal(ax_npt_show(npt, hidden), entry);
	}
}

static void check_hide_leaf(const struct ax_npt *npt, ax_flags_t flags)
{
	const struct ax_npt_format *f = npt->format;
	uint64_t hpa = f->address_mask << f->address_shift;
	uint64_t attr;

	if (f->encode(npt->features, flags, &attr) != AX_OK)
		return;
	for (unsigned level = 0; level < 2; level++) {
		uint64_t leaf = ax_npt_leaf_entry(npt, attr, hpa, level);
		uint64_t bare = ax_npt_leaf_entry(npt, attr, 0, level);

		check_hidden(npt, leaf, level);
		check_hidden(npt, bare, level);
		check_hidden(npt, leaf | f->hardware_sets, level);
		check_hidden(npt, leaf | f->kind[AX_NPT_OWNED], level);
		check_hidden(npt, leaf | f->kind[AX_NPT_BLOCK], level);
	}
}

static void check_hide(const struct ax_npt *npt)
{
	const struct ax_npt_format *f = npt->format;
	uint64_t top = f->address_mask << f->address_shift;

	for (unsigned level = 1; level < f->levels_max; level++) {
		check_hidden(npt, ax_npt_table_entry(npt, 0), level);
		check_hidden(npt, ax_npt_table_entry(npt, top), level);
	}
	for_each_flags(npt, check_hide_leaf);
}

static void hide_and_show_keep_everything(void **state)
{
	(void)state;
	for_each_configuration(check_hide);
}

/* ---- entries by hand */

/**
 * struct entry - One that is known.
 * @features: With these.
 * @flags: What it is to say.
 * @level: Level of the leaf.
 * @hpa: Its address.
 * @bits: All of it.
 */
struct entry {
	uint64_t features;
	ax_flags_t flags;
	unsigned level;
	uint64_t hpa;
	uint64_t bits;
};

static void check_entries(const struct ax_npt_format *format, const struct entry *known,
			  size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct ax_npt npt = {.format = format, .features = known[i].features};
		uint64_t attr;

		assert_int_equal(format->encode(known[i].features, known[i].flags, &attr), AX_OK);
		assert_int_equal(ax_npt_leaf_entry(&npt, attr, known[i].hpa, known[i].level),
				 known[i].bits);
	}
}

static void ept_entries_are_the_manuals(void **state)
{
	const uint64_t xo = AX_NPT_FEATURE_EXECUTE_ONLY;
	const uint64_t mbe = AX_NPT_FEATURE_MODE_BASED_EXECUTE;
	const struct entry known[] = {
		{0, R | W | X, 0, 0x12345000, 0x12345037},
		{0, R | W | X | U, 0, 0x12345000, 0x12345037},
		{0, R | X, 0, 0x12345000, 0x12345035},
		{0, R, 0, 0x12345000, 0x12345031},
		{0, R | W, 0, 0, 0x33},
		{xo, X, 0, 0x12345000, 0x12345034},
		{0, R | W | X, 1, 0x40000000, 0x400000b7},
		{0, R | W, 2, 0x80000000, 0x800000b3},
		{0, R | W | N, 0, 0x12345000, 0x12345003},
		{0, R | W | D, 0, 0xfee00000, UINT64_C(0x01100000fee00003)},
		{0, R | W | D | N | U, 1, 0xfee00000, UINT64_C(0x01100000fee00083)},
		{mbe, R | W | X | U, 0, 0x12345000, 0x12345437},
		{mbe, R | W | X, 0, 0x12345000, 0x12345037},
		{mbe, R | U, 0, 0x12345000, 0x12345031},
		{AD, R | W | X, 0, 0x12345000, 0x12345037},
		{0, R | W | X, 0, UINT64_C(0x000ffffffffff000), UINT64_C(0x000ffffffffff037)},
	};

	(void)state;
	check_entries(&ax_npt_format_ept, known, COUNT(known));
	assert_int_equal(ax_npt_format_ept.table, 0x107);
	assert_int_equal(ax_npt_format_ept.present_extra, 0x400);
	assert_int_equal(ax_npt_format_ept.hardware_sets, 0x300);
}

static void npt_entries_are_the_manuals(void **state)
{
	const struct entry known[] = {
		{0, R | W | X, 0, 0x12345000, 0x12345067},
		{0, R | X, 0, 0x12345000, 0x12345065},
		{0, R | W | U, 0, 0x12345000, UINT64_C(0x8000000012345067)},
		{0, R, 0, 0x12345000, UINT64_C(0x8000000012345065)},
		{0, R | W | X, 1, 0x40000000, 0x400000e7},
		{0, R | X, 2, 0x80000000, 0x800000e5},
		{0, R | W | N, 0, 0x12345000, UINT64_C(0x800000001234507f)},
		{0, R | W | D, 0, 0xfee00000, UINT64_C(0x81100000fee0007f)},
		{0, R | W | X | D | N, 1, 0xfee00000, UINT64_C(0x01100000fee000ff)},
		{AD, R | W | X, 0, 0x12345000, 0x12345007},
		{AD, R, 1, 0x40000000, UINT64_C(0x8000000040000085)},
		{0, R | W | X, 0, UINT64_C(0x000ffffffffff000), UINT64_C(0x000ffffffffff067)},
	};

	(void)state;
	check_entries(&ax_npt_format_amd, known, COUNT(known));
	assert_int_equal(ax_npt_format_amd.table, 0x27);
	assert_int_equal(ax_npt_format_amd.hardware_sets, 0x60);
}

static void stage2_entries_are_the_manuals(void **state)
{
	const uint64_t xnx = AX_NPT_FEATURE_XNX;
	const struct entry known[] = {
		{0, R | W | X, 0, 0x40001000, 0x400017ff},
		{0, R | X | U, 0, 0x40001000, 0x4000177f},
		{0, R | W, 0, 0x40001000, UINT64_C(0x00400000400017ff)},
		{0, R, 0, 0x40001000, UINT64_C(0x004000004000177f)},
		{0, W, 0, 0x40001000, UINT64_C(0x00400000400017bf)},
		{0, X, 0, 0x40001000, 0x4000173f},
		{0, W | X, 0, 0x40001000, 0x400017bf},
		{0, R | W | X, 1, 0x40200000, 0x402007fd},
		{0, R | X, 2, 0x40000000, 0x4000077d},
		{0, R | W | N, 0, 0x40001000, UINT64_C(0x00400000400017d7)},
		{0, R | W | D, 0, 0x09000000, UINT64_C(0x01c00000090007c7)},
		{0, R | W | D | N, 1, 0x09000000, UINT64_C(0x01c00000090007c5)},
		{0, R | W | X | D, 0, 0x09000000, UINT64_C(0x01800000090007c7)},
		{xnx, R | W | X | U, 0, 0x40001000, 0x400017ff},
		{xnx, R | W | X, 0, 0x40001000, UINT64_C(0x00600000400017ff)},
		{xnx, R | W, 0, 0x40001000, UINT64_C(0x00400000400017ff)},
		{AD, R | W, 0, 0x40001000, UINT64_C(0x004800004000137f)},
		{AD, R | X, 0, 0x40001000, 0x4000137f},
		{AD, W | X, 1, 0x40200000, UINT64_C(0x000800004020033d)},
		{0, R | W | X, 0, UINT64_C(0x0000fffffffff000), UINT64_C(0x0000fffffffff7ff)},
	};

	(void)state;
	check_entries(&ax_npt_format_stage2, known, COUNT(known));
	assert_int_equal(ax_npt_format_stage2.table, 0x3);
	/* Written to by hardware: S2AP[1] beside DBM. */
	assert_int_equal(ax_npt_format_stage2.decode(AD, UINT64_C(0x00480000400017ff)), R | W | U);
	/* Without the feature DBM is no permission. */
	assert_int_equal(ax_npt_format_stage2.decode(0, UINT64_C(0x004800004000177f)), R | U);
	/* Nor is XN[0], which is RES0: XN[1] by itself forbids. */
	assert_int_equal(ax_npt_format_stage2.decode(0, UINT64_C(0x00600000400017ff)), R | W | U);
}

static void gstage_entries_are_the_manuals(void **state)
{
	const uint64_t pbmt = AX_NPT_FEATURE_SVPBMT;
	const struct entry known[] = {
		{0, R | W | X, 0, 0x80201000, 0x200804df},
		{0, R | X | U, 0, 0x80201000, 0x200804db},
		{0, R | W, 0, 0x80201000, 0x200804d7},
		{0, R, 0, 0x80201000, 0x200804d3},
		{0, X, 0, 0x80201000, 0x200804d9},
		{0, R | W | X, 1, 0x80200000, 0x200800df},
		{0, R | W | X, 2, 0x80000000, 0x200000df},
		{0, R | W | D, 0, 0x10000000, 0x040003d7},
		{0, R | W | D | N, 0, 0x10000000, 0x040003d7},
		{pbmt, R | W | D, 0, 0x10000000, UINT64_C(0x40000000040003d7)},
		{pbmt, R | W | D | N, 1, 0x10000000, UINT64_C(0x40000000040003d7)},
		{pbmt, R | W | N, 0, 0x80201000, UINT64_C(0x20000000200804d7)},
		{pbmt, R | W | X, 0, 0x80201000, 0x200804df},
		{AD, R | W | X, 0, 0x80201000, 0x2008041f},
		{AD, R, 0, 0x80201000, 0x20080413},
		{0, R | W | X, 0, UINT64_C(0x00fffffffffff000), UINT64_C(0x003ffffffffffcdf)},
	};

	(void)state;
	check_entries(&ax_npt_format_gstage, known, COUNT(known));
	assert_int_equal(ax_npt_format_gstage.table, 0x1);
	assert_int_equal(ax_npt_format_gstage.hardware_sets, 0xc0);
}

/* ---- registers by hand */

static void check_registers(const struct ax_npt *npt, uint64_t root, uint64_t control)
{
	struct ax_npt_registers registers = {0, 1};

	npt->format->registers(npt, &registers);
	assert_int_equal(registers.root, root);
	assert_int_equal(registers.control, control);
}

static void ept_pointer_is_the_manuals(void **state)
{
	struct ax_npt npt = {.format = &ax_npt_format_ept, .root_hpa = 0x1234000, .tag = 7};

	(void)state;
	npt.levels = 4;
	check_registers(&npt, 0x123401e, 0);
	npt.levels = 5;
	check_registers(&npt, 0x1234026, 0);
	npt.features = AD;
	npt.levels = 4;
	check_registers(&npt, 0x123405e, 0);
	npt.features = AX_NPT_FEATURE_1G | AX_NPT_FEATURE_MODE_BASED_EXECUTE;
	check_registers(&npt, 0x123401e, 0);
}

static void ncr3_is_the_root(void **state)
{
	struct ax_npt npt = {.format = &ax_npt_format_amd, .root_hpa = 0x1234000, .tag = 7};

	(void)state;
	npt.levels = 4;
	check_registers(&npt, 0x1234000, 0);
	npt.features = AD;
	npt.levels = 5;
	check_registers(&npt, 0x1234000, 0);
}

static void stage2_registers_are_the_manuals(void **state)
{
	static const struct {
		uint8_t levels, gpa_bits, hpa_bits;
		uint32_t tag;
		uint64_t features, vtcr;
	} known[] = {
		{3, 40, 48, 3, 0, 0x80053558}, /* start level 1, two root tables */
		{3, 39, 48, 3, 0, 0x80053559},
		{3, 40, 44, 3, 0, 0x80043558}, /* Cortex-A57 */
		{3, 40, 40, 3, 0, 0x80023558}, /* Cortex-A76 */
		{3, 40, 42, 3, 0, 0x80033558},
		{3, 40, 41, 3, 0, 0x80033558},
		{3, 36, 36, 3, 0, 0x8001355c},
		{3, 32, 32, 3, 0, 0x80003560},
		{3, 43, 48, 3, 0, 0x80053555}, /* sixteen root tables */
		{4, 48, 48, 3, 0, 0x80053590}, /* start level 0 */
		{4, 44, 44, 3, 0, 0x80043594},
		{2, 30, 48, 3, 0, 0x80053522}, /* start level 2 */
		{2, 34, 48, 3, 0, 0x8005351e},
		{3, 40, 48, 0xff, 0, 0x80053558},
		{3, 40, 48, 0x100, 0, 0x800d3558},
		{3, 40, 48, 0xffff, 0, 0x800d3558},
		{3, 40, 48, 3, AD, 0x80653558},
		{3, 40, 48, 3, AX_NPT_FEATURE_XNX, 0x80053558},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(known); i++) {
		struct ax_npt npt = {
			.format = &ax_npt_format_stage2,
			.root_hpa = 0x40010000,
			.levels = known[i].levels,
			.gpa_bits = known[i].gpa_bits,
			.hpa_bits = known[i].hpa_bits,
			.tag = known[i].tag,
			.features = known[i].features,
		};

		check_registers(&npt, 0x40010000 | (uint64_t)known[i].tag << 48, known[i].vtcr);
	}
}

static void hgatp_is_the_manuals(void **state)
{
	struct ax_npt npt = {.format = &ax_npt_format_gstage, .root_hpa = 0x80204000, .tag = 5};

	(void)state;
	npt.levels = 3;
	check_registers(&npt, UINT64_C(0x8000500000080204), 0);
	npt.levels = 4;
	npt.tag = 0;
	check_registers(&npt, UINT64_C(0x9000000000080204), 0);
	npt.levels = 5;
	npt.tag = 0x3fff;
	check_registers(&npt, UINT64_C(0xa3fff00000080204), 0);
	npt.root_hpa = UINT64_C(0x00ffffffffffc000);
	check_registers(&npt, UINT64_C(0xa3fffffffffffffc), 0);
}

/* ---- geometry and capabilities */

static void geometry_is_the_manuals(void **state)
{
	static const struct {
		const struct ax_npt_format *format;
		unsigned levels_min, levels_max, levels_default, leaf_level_max;
		unsigned gpa_bits_min, gpa_bits_max, hpa_bits_max, tag_bits;
		unsigned root_extra, root_concat, hide_shift;
		bool gpa_bits_sets_root, break_before_make, caches_invalid, broadcast;
	} known[] = {
		{&ax_npt_format_ept, 4, 5, 4, 2, 13, 52, 52, 16, 0, 0, 53, false, false, false,
		 false},
		{&ax_npt_format_amd, 4, 5, 4, 2, 13, 52, 52, 32, 0, 0, 53, false, false, false,
		 false},
		{&ax_npt_format_stage2, 2, 4, 4, 2, 25, 48, 48, 16, 0, 4, 59, true, true, false,
		 true},
		{&ax_npt_format_gstage, 3, 5, 3, 4, 13, 59, 56, 14, 2, 0, 54, false, false, true,
		 false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(known); i++) {
		const struct ax_npt_format *f = known[i].format;

		assert_int_equal(f->page_shift, 12);
		assert_int_equal(f->index_bits, 9);
		assert_int_equal(f->levels_min, known[i].levels_min);
		assert_int_equal(f->levels_max, known[i].levels_max);
		assert_int_equal(f->levels_default, known[i].levels_default);
		assert_int_equal(f->leaf_level_max, known[i].leaf_level_max);
		assert_int_equal(f->gpa_bits_min, known[i].gpa_bits_min);
		assert_int_equal(f->gpa_bits_max, known[i].gpa_bits_max);
		assert_int_equal(f->hpa_bits_max, known[i].hpa_bits_max);
		assert_int_equal(f->tag_bits, known[i].tag_bits);
		assert_int_equal(f->root_extra_bits, known[i].root_extra);
		assert_int_equal(f->root_concat_bits, known[i].root_concat);
		assert_int_equal(f->hide_shift, known[i].hide_shift);
		assert_int_equal(f->gpa_bits_sets_root, known[i].gpa_bits_sets_root);
		assert_int_equal(f->break_before_make, known[i].break_before_make);
		assert_int_equal(f->caches_invalid, known[i].caches_invalid);
		assert_int_equal(f->broadcast, known[i].broadcast);
		/* The widest address needs the most levels, and no more. */
		assert_in_range(f->gpa_bits_max, 12 + 9 * (f->levels_max - 1) + 1,
				12 + 9 * f->levels_max + f->root_extra_bits);
		assert_true(f->levels_max <= AX_NPT_LEVELS_MAX);
		/* The address field is as wide as it is said to be. */
		assert_int_equal(f->address_mask << f->address_shift,
				 ((UINT64_C(1) << f->hpa_bits_max) - 1) & ~UINT64_C(0xfff));
	}
}

static void features_are_known_and_asked_ones_are_some_of_them(void **state)
{
	(void)state;
	assert_int_equal(ax_npt_features_all(), 0x1ff);
	for (size_t i = 0; i < COUNT(formats); i++) {
		const struct ax_npt_format *f = formats[i];

		assert_int_equal(f->features & ~ax_npt_features_all(), 0);
		assert_int_equal(f->features_asked & ~f->features, 0);
		assert_int_equal(f->feature_1g & ~f->features, 0);
		assert_int_equal(f->feature_present & ~f->features, 0);
		assert_int_equal(f->features & (AX_NPT_FEATURE_CONTIGUOUS | AX_NPT_FEATURE_SVNAPOT),
				 0);
		assert_int_equal(
			f->features &
				(AX_NPT_FEATURE_XNX | AD | AX_NPT_FEATURE_MODE_BASED_EXECUTE) &
				~f->features_asked,
			0);
	}
}

static void host_has_every_format_at_its_best(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(formats); i++) {
		const struct ax_npt_format *f = formats[i];
		struct ax_npt_capabilities caps;

		assert_ptr_equal(ax_npt_format_find(f->id), f);
		assert_int_equal(ax_npt_capabilities(f->id, &caps), AX_OK);
		assert_int_equal(caps.format, f->id);
		assert_int_equal(caps.levels_min, f->levels_min);
		assert_int_equal(caps.levels_max, f->levels_max);
		assert_int_equal(caps.levels_default, f->levels_default);
		assert_int_equal(caps.gpa_bits, f->gpa_bits_max);
		assert_int_equal(caps.hpa_bits, f->hpa_bits_max);
		assert_int_equal(caps.tag_bits, f->tag_bits);
		assert_true(caps.broadcast); /* the port is asked for each invalidation */
		assert_int_equal(caps.features, f->features);
		assert_int_equal(caps.features_default, 0);

		ax_npt_format_capabilities(f, &caps);
		assert_int_equal(caps.features_default, f->features & ~f->features_asked);
	}
}

static void host_refuses_default_and_nonsense(void **state)
{
	struct ax_npt_capabilities caps, before;

	(void)state;
	memset(&caps, 0xa5, sizeof(caps));
	memset(&before, 0xa5, sizeof(before));
	assert_int_equal(ax_npt_capabilities(AX_NPT_DEFAULT, &caps), AX_ENOTSUP);
	assert_int_equal(ax_npt_capabilities((enum ax_npt_format_id)5, &caps), AX_EINVAL);
	assert_int_equal(ax_npt_capabilities((enum ax_npt_format_id) - 1, &caps), AX_EINVAL);
	assert_memory_equal(&caps, &before, sizeof(caps));
	assert_int_equal(ax_npt_capabilities(AX_NPT_EPT, NULL), AX_EINVAL);
	assert_int_equal(ax_npt_capabilities(AX_NPT_DEFAULT, NULL), AX_EINVAL);
	assert_null(ax_npt_format_find(AX_NPT_DEFAULT));
	assert_null(ax_npt_format_find((enum ax_npt_format_id)5));
}

static void names_are_those_of_the_formats(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(formats); i++)
		assert_string_equal(ax_npt_format_name(formats[i]->id), formats[i]->name);
	assert_string_equal(ax_npt_format_name(AX_NPT_EPT), "EPT");
	assert_string_equal(ax_npt_format_name(AX_NPT_AMD), "NPT");
	assert_string_equal(ax_npt_format_name(AX_NPT_STAGE2), "stage 2");
	assert_string_equal(ax_npt_format_name(AX_NPT_GSTAGE), "G-stage");
	assert_string_equal(ax_npt_format_name(AX_NPT_DEFAULT), "?");
	assert_string_equal(ax_npt_format_name((enum ax_npt_format_id)99), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(masks_are_disjoint),
		cmocka_unit_test(table_entry_is_one),
		cmocka_unit_test(flags_round_trip_or_are_refused),
		cmocka_unit_test(different_flags_are_different_bits),
		cmocka_unit_test(hide_and_show_keep_everything),
		cmocka_unit_test(ept_entries_are_the_manuals),
		cmocka_unit_test(npt_entries_are_the_manuals),
		cmocka_unit_test(stage2_entries_are_the_manuals),
		cmocka_unit_test(gstage_entries_are_the_manuals),
		cmocka_unit_test(ept_pointer_is_the_manuals),
		cmocka_unit_test(ncr3_is_the_root),
		cmocka_unit_test(stage2_registers_are_the_manuals),
		cmocka_unit_test(hgatp_is_the_manuals),
		cmocka_unit_test(geometry_is_the_manuals),
		cmocka_unit_test(features_are_known_and_asked_ones_are_some_of_them),
		cmocka_unit_test(host_has_every_format_at_its_best),
		cmocka_unit_test(host_refuses_default_and_nonsense),
		cmocka_unit_test(names_are_those_of_the_formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
