/* SPDX-License-Identifier: Apache-2.0 */
/* The dump of a table, by whatever way its leaves are got one after another. */
#ifndef AX_SRC_NPT_DUMP_H
#define AX_SRC_NPT_DUMP_H

#include "text.h"

#pragma GCC visibility push(hidden)

/**
 * ax_npt_dump_leaves() - Print the runs of leaves that are alike.
 * @text: Where to; an empty line.
 * @next: Gives the first leaf at or above an address, as ax_npt_next().
 * @source: Handed to @next.
 */
void ax_npt_dump_leaves(struct ax_text *text,
			ax_error_t (*next)(const void *source, ax_gpa_t from,
					   struct ax_npt_mapping *out),
			const void *source);

#pragma GCC visibility pop

#endif /* AX_SRC_NPT_DUMP_H */
