/* SPDX-License-Identifier: Apache-2.0 */
/* How a space looks: what it is, its regions, its mappings, its counts. */
#include "addrspace.h"

#include "npt.h"
#include "npt_dump.h"
#include "npt_entry.h"

static void dump_head(const struct ax_addrspace *as, struct ax_text *text)
{
	ax_text_put(text, "guest address space ");
	ax_text_range(text, as->first, as->last);
	ax_text_put(text, ", ");
	ax_text_put(text, ax_npt_format_name(as->npt.format->id));
	ax_text_put(text, ", ");
	ax_text_decimal(text, as->npt.levels);
	ax_text_put(text, " levels, ");
	ax_text_decimal(text, as->npt.gpa_bits);
	ax_text_put(text, " bits, root ");
	ax_text_hex(text, as->npt.root_hpa, 1);
	ax_text_put(text, ", tag ");
	ax_text_decimal(text, as->npt.tag);
	ax_text_end(text);
}

static void dump_region(const struct ax_region_info *region, struct ax_text *text)
{
	ax_text_put(text, "  ");
	ax_text_range(text, region->start.raw, region->start.raw + (region->size - 1));
	ax_text_column(text, 34);
	ax_text_size(text, region->size);
	ax_text_column(text, 53);
	ax_text_flags(text, region->flags);
	ax_text_column(text, 67);
	if (region->type == AX_REGION_LINEAR) {
		ax_text_put(text, "linear -> ");
		ax_text_hex(text, region->target.raw, 12);
	} else if (region->backend) {
		ax_text_put(text,
			    region->backend->ops->name ? region->backend->ops->name : "backend");
	} else {
		ax_text_put(text, "alloc");
	}
	ax_text_end(text);
}

static void dump_regions(const struct ax_addrspace *as, struct ax_text *text)
{
	struct ax_region_info region;
	ax_gpa_t from = {0};

	while (ax_addrspace_next_region(as, from, &region) == AX_OK) {
		dump_region(&region, text);
		from.raw = region.start.raw + region.size;
	}
}

static void put_count(struct ax_text *text, const char *name, uint64_t count)
{
	if (text->length != 0)
		ax_text_put(text, ", ");
	ax_text_put(text, name);
	ax_text_put(text, " ");
	ax_text_decimal(text, count);
}

static void dump_counts(const struct ax_addrspace *as, struct ax_text *text)
{
	struct ax_addrspace_stats stats;

	ax_addrspace_stats(as, &stats);
	put_count(text, "frames: tables", stats.table_frames);
	put_count(text, "owned", stats.owned_frames);
	put_count(text, "regions", stats.region_frames);
	put_count(text, "guard", stats.guard_frames);
	ax_text_put(text, "; pages:");
	for (unsigned level = 0; level <= as->npt.leaf_level_max; level++) {
		ax_text_put(text, " ");
		ax_text_decimal(text, stats.pages[level]);
		ax_text_put(text, " of ");
		ax_text_size(text, ax_npt_span(&as->npt, level) + 1);
	}
	ax_text_end(text);
	put_count(text, "faults served", stats.faults);
	put_count(text, "splits", stats.splits);
	put_count(text, "flushes", stats.flushes);
	ax_text_end(text);
}

static ax_error_t next_leaf(const void *source, ax_gpa_t from, struct ax_npt_mapping *out)
{
	return ax_addrspace_next_mapping(source, from, out);
}

void ax_addrspace_dump(const struct ax_addrspace *as, ax_print_t print, void *context)
{
	struct ax_text text;

	if (!ax_addrspace_live(as) || !print)
		return;
	ax_text_init(&text, print, context);
	dump_head(as, &text);
	ax_text_put(&text, "regions");
	ax_text_end(&text);
	dump_regions(as, &text);
	ax_text_put(&text, "mappings");
	ax_text_end(&text);
	ax_npt_dump_leaves(&text, next_leaf, as);
	dump_counts(as, &text);
}
