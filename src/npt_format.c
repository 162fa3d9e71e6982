/* SPDX-License-Identifier: Apache-2.0 */
/* Formats: what can be said of them without a CPU. */
#include "npt_format.h"

uint64_t ax_npt_features_all(void)
{
	return AX_NPT_FEATURE_1G | AX_NPT_FEATURE_EXECUTE_ONLY | AX_NPT_FEATURE_MODE_BASED_EXECUTE |
	       AX_NPT_FEATURE_ACCESSED_DIRTY | AX_NPT_FEATURE_XNX | AX_NPT_FEATURE_CONTIGUOUS |
	       AX_NPT_FEATURE_SVPBMT | AX_NPT_FEATURE_SVNAPOT | AX_NPT_FEATURE_SVVPTC;
}

/* Not from the formats: a target build has those of its own architecture only. */
const char *ax_npt_format_name(enum ax_npt_format_id format)
{
	static const char *const name[] = {
		[AX_NPT_DEFAULT] = "?",      [AX_NPT_EPT] = "EPT",        [AX_NPT_AMD] = "NPT",
		[AX_NPT_STAGE2] = "stage 2", [AX_NPT_GSTAGE] = "G-stage",
	};
	unsigned index = (unsigned)format;

	return index < sizeof(name) / sizeof(*name) ? name[index] : name[AX_NPT_DEFAULT];
}

void ax_npt_format_capabilities(const struct ax_npt_format *format, struct ax_npt_capabilities *out)
{
	*out = (struct ax_npt_capabilities){
		.format = format->id,
		.levels_min = format->levels_min,
		.levels_max = format->levels_max,
		.levels_default = format->levels_default,
		.gpa_bits = format->gpa_bits_max,
		.hpa_bits = format->hpa_bits_max,
		.tag_bits = format->tag_bits,
		.broadcast = format->broadcast,
		.features = format->features,
		.features_default = format->features & ~format->features_asked,
	};
}
