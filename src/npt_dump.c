/* SPDX-License-Identifier: Apache-2.0 */
/* How a table looks: its leaves, those that are alike in one line. */
#include "npt_dump.h"

#include "npt.h"

/* Leaves beside one another, of one size, permission, type and owner. */
struct run {
	struct ax_npt_mapping leaves; /* size grows */
	bool contiguous;              /* in host memory too */
};

static bool run_extend(struct run *run, const struct ax_npt_mapping *leaf)
{
	struct ax_npt_mapping *leaves = &run->leaves;

	if (leaf->gpa.raw != leaves->gpa.raw + leaves->size || leaf->level != leaves->level ||
	    leaf->flags != leaves->flags || leaf->owned != leaves->owned)
		return false;
	if (leaf->hpa.raw != leaves->hpa.raw + leaves->size)
		run->contiguous = false;
	leaves->size += leaf->size;
	return true;
}

static void run_print(struct ax_text *text, const struct run *run)
{
	const struct ax_npt_mapping *leaves = &run->leaves;
	const uint64_t values[] = {
		leaves->gpa.raw,
		leaves->gpa.raw + (leaves->size - 1),
		34,
		leaves->size,
		42,
		leaves->page_size,
		53,
		leaves->flags,
		67,
		(uintptr_t)(leaves->owned ? "owned " : ""),
	};

	ax_text_format(text, "  %a-%a%c%b%c%b pages%c%f%c%s", values);
	ax_text_format(text, run->contiguous ? "-> %a\n" : "\n", &leaves->hpa.raw);
}

void ax_npt_dump_leaves(struct ax_text *text,
			ax_error_t (*next)(const void *source, ax_gpa_t from,
					   struct ax_npt_mapping *out),
			const void *source)
{
	struct ax_npt_mapping leaf;
	struct run run = {.contiguous = true};
	ax_gpa_t from = {0};

	while (next(source, from, &leaf) == AX_OK) {
		if (run.leaves.size == 0 || !run_extend(&run, &leaf)) {
			if (run.leaves.size != 0)
				run_print(text, &run);
			run = (struct run){leaf, true};
		}
		from.raw = leaf.gpa.raw + leaf.size;
	}
	if (run.leaves.size != 0)
		run_print(text, &run);
}

static ax_error_t next_leaf(const void *source, ax_gpa_t from, struct ax_npt_mapping *out)
{
	return ax_npt_next(source, from, out);
}

void ax_npt_dump(const struct ax_npt *npt, ax_print_t print, void *context)
{
	struct ax_text text;

	if (!npt || !print)
		return;
	ax_text_init(&text, print, context);
	ax_npt_dump_leaves(&text, next_leaf, npt);
}
