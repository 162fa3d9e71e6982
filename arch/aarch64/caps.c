/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this AArch64 CPU can. Where CPUs differ, the one that is asked answers for itself.
 *
 * Sources: Arm ARM (DDI 0487) D24.2, ID_AA64MMFR0_EL1 and ID_AA64MMFR1_EL1; D8.2 "Translation
 * process" for the start levels that an implemented address size allows.
 */
#include "npt_format.h"

#define MMFR0_PARANGE        0
#define MMFR0_TGRAN4         28
#define MMFR0_TGRAN4_2       40
#define MMFR1_HAFDBS         0
#define MMFR1_VMIDBITS       4
#define MMFR1_XNX            28
#define TGRAN4_NONE          0xfu
#define TGRAN4_2_AS_STAGE1   0u
#define TGRAN4_2_NONE        1u
#define VMIDBITS_16          2u
#define HAFDBS_ACCESSED_ONLY 1u

/* Below this a walk cannot start at lookup level 0. */
#define FOUR_LEVELS_PA_BITS 44u

static unsigned field(uint64_t value, unsigned shift)
{
	return (unsigned)(value >> shift & 0xf);
}

static uint64_t read_mmfr0(void)
{
	uint64_t value;

	__asm__ volatile("mrs %0, id_aa64mmfr0_el1" : "=r"(value));
	return value;
}

static uint64_t read_mmfr1(void)
{
	uint64_t value;

	__asm__ volatile("mrs %0, id_aa64mmfr1_el1" : "=r"(value));
	return value;
}

static unsigned physical_bits(uint64_t mmfr0)
{
	static const uint8_t bits[] = {32, 36, 40, 42, 44};
	unsigned range = field(mmfr0, MMFR0_PARANGE);

	/* 48, or more, of which the format uses 48. */
	return range < sizeof(bits) ? bits[range] : ax_npt_format_stage2.hpa_bits_max;
}

static bool has_4k_granule(uint64_t mmfr0)
{
	unsigned stage2 = field(mmfr0, MMFR0_TGRAN4_2);

	if (stage2 == TGRAN4_2_AS_STAGE1)
		return field(mmfr0, MMFR0_TGRAN4) != TGRAN4_NONE;
	return stage2 != TGRAN4_2_NONE;
}

const struct ax_npt_format *ax_npt_format_find(enum ax_npt_format_id id)
{
	return id == AX_NPT_STAGE2 ? &ax_npt_format_stage2 : NULL;
}

ax_error_t ax_npt_capabilities(enum ax_npt_format_id format, struct ax_npt_capabilities *out)
{
	uint64_t mmfr0 = read_mmfr0();
	uint64_t mmfr1 = read_mmfr1();
	unsigned bits = physical_bits(mmfr0);
	uint64_t features = 0;

	if (!out || (unsigned)format > AX_NPT_GSTAGE)
		return AX_EINVAL;
	if ((format != AX_NPT_STAGE2 && format != AX_NPT_DEFAULT) || !has_4k_granule(mmfr0))
		return AX_ENOTSUP;

	if (field(mmfr1, MMFR1_XNX) != 0)
		features |= AX_NPT_FEATURE_XNX;
	if (field(mmfr1, MMFR1_HAFDBS) > HAFDBS_ACCESSED_ONLY)
		features |= AX_NPT_FEATURE_ACCESSED_DIRTY;

	ax_npt_format_capabilities(&ax_npt_format_stage2, out);
	out->levels_max = bits >= FOUR_LEVELS_PA_BITS ? 4 : 3;
	out->levels_default = out->levels_max;
	/* The input address is never wider than the implemented output address. */
	out->gpa_bits = bits;
	out->hpa_bits = bits;
	out->tag_bits = field(mmfr1, MMFR1_VMIDBITS) == VMIDBITS_16 ? 16 : 8;
	out->features &= features;
	out->features_default &= features;
	return AX_OK;
}
