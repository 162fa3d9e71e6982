/* SPDX-License-Identifier: Apache-2.0 */
/* How a space looks: what it is, its regions, its mappings, its counts. */
#include "addrspace.h"

#include "npt.h"
#include "npt_dump.h"
#include "npt_entry.h"

static void dump_head(const struct ax_addrspace *as, struct ax_text *text)
{
	const uint64_t values[] = {
		as->first,      as->last,         (uintptr_t)ax_npt_format_name(as->npt.format->id),
		as->npt.levels, as->npt.gpa_bits, as->npt.root_hpa,
		as->npt.tag,
	};

	ax_text_format(text, "guest address space %a-%a, %s, %d levels, %d bits, root %x, tag %d\n",
		       values);
}

static const char *backend_name(const struct ax_backend *backend)
{
	return backend->ops->name ? backend->ops->name : "backend";
}

static void dump_region(const struct ax_region_info *region, struct ax_text *text)
{
	const uint64_t values[] = {
		region->start.raw,
		region->start.raw + (region->size - 1),
		34,
		region->size,
		53,
		region->flags,
		67,
	};
	const uint64_t target[] = {region->target.raw};
	const uint64_t name[] = {
		(uintptr_t)(region->backend ? backend_name(region->backend) : "alloc")};

	ax_text_format(text, "  %a-%a%c%b%c%f%c", values);
	if (region->type == AX_REGION_LINEAR)
		ax_text_format(text, "linear -> %a\n", target);
	else
		ax_text_format(text, "%s\n", name);
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

static void dump_counts(const struct ax_addrspace *as, struct ax_text *text)
{
	struct ax_addrspace_stats stats;

	ax_addrspace_stats(as, &stats);
	ax_text_format(text, "frames: tables %d, owned %d, regions %d, guard %d; pages:",
		       (const uint64_t[]){stats.table_frames, stats.owned_frames,
					  stats.region_frames, stats.guard_frames});
	for (unsigned level = 0; level <= as->npt.leaf_level_max; level++)
		ax_text_format(
			text, " %d of %b",
			(const uint64_t[]){stats.pages[level], ax_npt_span(&as->npt, level) + 1});
	ax_text_format(text, "\nfaults served %d, splits %d, flushes %d\n",
		       (const uint64_t[]){stats.faults, stats.splits, stats.flushes});
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
	ax_text_format(&text, "regions\n", NULL);
	dump_regions(as, &text);
	ax_text_format(&text, "mappings\n", NULL);
	ax_npt_dump_leaves(&text, next_leaf, as);
	dump_counts(as, &text);
}
