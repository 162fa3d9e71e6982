/* SPDX-License-Identifier: Apache-2.0 */
/* A table's life: which geometry a configuration means, the root, the registers. */
#include "npt.h"

#include "mem.h"
#include "npt_descend.h"
#include "npt_entry.h"

/* Widest address that @levels levels reach with one root table. */
static unsigned natural_bits(const struct ax_npt_format *format, unsigned levels)
{
	unsigned bits = format->page_shift + format->index_bits * levels + format->root_extra_bits;

	return bits < format->gpa_bits_max ? bits : format->gpa_bits_max;
}

/* The same with as many root tables side by side as the format allows. */
static unsigned reach_bits(const struct ax_npt_format *format, unsigned levels, unsigned most)
{
	unsigned bits = natural_bits(format, levels) + format->root_concat_bits;

	return bits < most ? bits : most;
}

/* Bits of the address @last. */
static unsigned bits_of(uint64_t last)
{
	unsigned bits = 1;

	while (bits < 64 && last >> bits != 0)
		bits++;
	return bits;
}

/* Fewest levels that reach @bits. Concatenation saves the walk a level, as on Linux KVM and Xen. */
static unsigned levels_for(const struct ax_npt_format *format, unsigned bits, unsigned least)
{
	unsigned levels = least;

	while (levels < format->levels_max &&
	       reach_bits(format, levels, format->gpa_bits_max) < bits)
		levels++;
	return levels;
}

/*
 * Levels and input width: what is given is kept or refused, what is not follows from the rest.
 */
static ax_error_t choose_geometry(struct ax_npt *npt, const struct ax_npt_config *config,
				  const struct ax_npt_capabilities *caps)
{
	const struct ax_npt_format *format = npt->format;
	unsigned wanted = bits_of(config->last);
	unsigned levels = config->levels;
	unsigned bits = config->gpa_bits;
	unsigned most;
	unsigned below; /* bits that the tables below the root index, and the page */

	if (bits != 0 && (bits < format->gpa_bits_min || bits > caps->gpa_bits))
		return AX_ERANGE;
	if (levels == 0)
		levels = bits != 0 ? levels_for(format, bits, caps->levels_min)
				   : caps->levels_default;
	if (levels < caps->levels_min || levels > caps->levels_max)
		return AX_ENOTSUP;
	most = reach_bits(format, levels, caps->gpa_bits);
	below = format->page_shift + format->index_bits * (levels - 1);
	if (bits == 0) {
		bits = natural_bits(format, levels);
		if (format->gpa_bits_sets_root && wanted > bits)
			bits = wanted;
		if (bits > most)
			bits = most;
	}
	/* A root that is indexed by what is left of gpa_bits needs at least one bit of it. */
	if (bits > most || wanted > bits || (format->gpa_bits_sets_root && bits <= below))
		return AX_ERANGE;

	npt->levels = (uint8_t)levels;
	npt->gpa_bits = (uint8_t)bits;
	npt->root_bits = (uint8_t)(format->gpa_bits_sets_root
					   ? bits - below
					   : format->index_bits + format->root_extra_bits);
	return AX_OK;
}

static ax_error_t choose_limits(struct ax_npt *npt, const struct ax_npt_config *config,
				const struct ax_npt_capabilities *caps)
{
	const struct ax_npt_format *format = npt->format;
	unsigned leaf_level = format->leaf_level_max;
	uint64_t extra = 0;

	if (config->hpa_bits > caps->hpa_bits ||
	    (config->hpa_bits != 0 && config->hpa_bits <= format->page_shift))
		return AX_ERANGE;
	if (caps->tag_bits < 32 && config->tag >> caps->tag_bits != 0)
		return AX_ERANGE;
	if (config->granule_shift != 0 && config->granule_shift != format->page_shift)
		return AX_ENOTSUP;
	if ((config->features & ~caps->features) != 0)
		return AX_ENOTSUP;

	npt->hpa_bits = (uint8_t)(config->hpa_bits != 0 ? config->hpa_bits : caps->hpa_bits);
	npt->tag = config->tag;
	npt->features = config->features != 0 ? config->features : caps->features_default;
	if (format->feature_1g != 0 && !(npt->features & format->feature_1g))
		leaf_level--;
	npt->leaf_level_max = (uint8_t)(leaf_level < npt->levels ? leaf_level : npt->levels - 1u);
	if (npt->features & format->feature_present)
		extra = format->present_extra;
	npt->present = format->present | extra;
	npt->table = format->table | extra;
	npt->lead = (uint8_t)npt->table;
	npt->address_mask = format->address_mask;
	npt->address_shift = (uint8_t)format->address_shift;
	npt->unfit = ~((UINT64_C(1) << npt->hpa_bits) - AX_PAGE_SIZE_4K);
	npt->fence = format->caches_invalid && !(npt->features & AX_NPT_FEATURE_SVVPTC);
	npt->direct_map = config->direct_map;
	npt->reach_levels = config->direct_map ? ax_npt_reach_levels(npt) : 0;
	npt->direct_offset = config->direct_map_offset;
	npt->below = npt->direct_offset - (npt->table << npt->address_shift);
	npt->remote = !caps->broadcast && config->cpus > 1;
	return AX_OK;
}

static size_t root_frames(const struct ax_npt *npt)
{
	size_t bytes = ax_npt_entries(npt, npt->levels - 1u) * sizeof(uint64_t);

	return bytes > AX_PAGE_SIZE_4K ? bytes / AX_PAGE_SIZE_4K : 1;
}

/* A root of more than one frame is aligned to its size: x4 modes and concatenated tables alike. */
static ax_error_t make_root(struct ax_npt *npt)
{
	const struct ax_memory_api *memory = ax_memory_api();
	size_t frames = root_frames(npt);
	size_t size = frames * AX_PAGE_SIZE_4K;
	ax_hpa_t root;

	if (frames == 1)
		root = memory->alloc_frame();
	else
		root = memory->alloc_contiguous_frames(frames, size);
	if (ax_hpa_is_none(root))
		return AX_ENOMEM;
	npt->root_hpa = root.raw;
	npt->table_frames = frames;
	if (!ax_hpa_is_aligned(root, size) || !ax_npt_hpa_fits(npt, root.raw, size)) {
		ax_npt_destroy(npt);
		return AX_ERANGE;
	}
	npt->root = ax_npt_virt(npt, root.raw);
	memset(npt->root, 0, size);
	/* The root is linked by a register and not by an entry, but must be seen all the same. */
	ax_tlb_publish(npt, 0, UINT64_MAX, true);
	return AX_OK;
}

ax_error_t ax_npt_init(struct ax_npt *npt, const struct ax_npt_config *config)
{
	struct ax_npt_capabilities caps;
	ax_error_t error = ax_npt_capabilities(config->format, &caps);

	if (error != AX_OK)
		return error;
	*npt = (struct ax_npt){.format = ax_npt_format_find(caps.format)};
	error = choose_geometry(npt, config, &caps);
	if (error == AX_OK)
		error = choose_limits(npt, config, &caps);
	if (error == AX_OK && npt->remote && !ax_tlb_api()->invalidate)
		error = AX_EUNBOUND;
	if (error == AX_OK)
		error = make_root(npt);
	return error;
}

void ax_npt_destroy(struct ax_npt *npt)
{
	size_t frames = root_frames(npt);

	if (frames == 1)
		ax_memory_api()->dealloc_frame(ax_hpa(npt->root_hpa));
	else
		ax_memory_api()->dealloc_contiguous_frames(ax_hpa(npt->root_hpa), frames);
	*npt = (struct ax_npt){0};
}

bool ax_npt_hpa_fits(const struct ax_npt *npt, uint64_t hpa, uint64_t size)
{
	return size - 1 <= UINT64_MAX - hpa && (hpa + (size - 1)) >> npt->hpa_bits == 0;
}

ax_error_t ax_npt_encode(const struct ax_npt *npt, ax_flags_t flags, uint64_t *attr)
{
	if ((flags & ~AX_FLAGS_ALL) != 0 || (flags & AX_FLAGS_ACCESS) == 0)
		return AX_EINVAL;
	return npt->format->encode(npt->features, flags, attr);
}

bool ax_npt_restricts_user(const struct ax_npt *npt)
{
	return (npt->features & (AX_NPT_FEATURE_XNX | AX_NPT_FEATURE_MODE_BASED_EXECUTE)) != 0;
}
