/* SPDX-License-Identifier: Apache-2.0 */
/* The host build has no CPU to ask: each format can what it can at best. */
#include "npt_format.h"

const struct ax_npt_format *ax_npt_format_find(enum ax_npt_format_id id)
{
	switch (id) {
	case AX_NPT_EPT:
		return &ax_npt_format_ept;
	case AX_NPT_AMD:
		return &ax_npt_format_amd;
	case AX_NPT_STAGE2:
		return &ax_npt_format_stage2;
	case AX_NPT_GSTAGE:
		return &ax_npt_format_gstage;
	case AX_NPT_DEFAULT:
	default:
		return NULL;
	}
}

ax_error_t ax_npt_capabilities(enum ax_npt_format_id format, struct ax_npt_capabilities *out)
{
	const struct ax_npt_format *found = ax_npt_format_find(format);

	if (!out)
		return AX_EINVAL;
	/* A test is to say which format it is about, and not to change with the machine. */
	if (format == AX_NPT_DEFAULT)
		return AX_ENOTSUP;
	if (!found)
		return AX_EINVAL;
	ax_npt_format_capabilities(found, out);
	/* So that a test sees what it asked for and no more. */
	out->features_default = 0;
	/* host_tlb.c hands each invalidation to the port: no CPU has to be told once more. */
	out->broadcast = true;
	return AX_OK;
}
