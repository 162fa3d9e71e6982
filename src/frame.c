/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frame handles over the memory module.
 *
 * An empty handle is one whose kind says so, never one whose address is 0: the frame at physical
 * address 0 is a frame. The kind remembers by which function the frames were taken, because a block
 * of one frame and a frame are different things to a port.
 */
#include <axvisor/frame.h>

#include <stdbool.h>

#include "bind.h"
#include "mem.h"

static bool frame_is_plausible(ax_hpa_t start, uint64_t size, uint64_t align)
{
	return ax_hpa_is_aligned(start, align) && size - 1u <= UINT64_MAX - start.raw;
}

size_t ax_frame_sizeof(void)
{
	return sizeof(struct ax_frame);
}

void ax_frame_init(struct ax_frame *f)
{
	*f = (struct ax_frame)AX_FRAME_EMPTY;
}

ax_error_t ax_frame_alloc(struct ax_frame *f)
{
	const struct ax_memory_api *memory = ax_memory_api();
	ax_hpa_t start;

	if (!f)
		return AX_EINVAL;
	if (f->kind != AX_FRAME_NONE)
		return AX_ESTATE;
	/* Never take what could not be given back. */
	if (!memory->alloc_frame || !memory->dealloc_frame)
		return AX_EUNBOUND;

	start = memory->alloc_frame();
	if (ax_hpa_is_none(start))
		return AX_ENOMEM;
	if (!frame_is_plausible(start, AX_PAGE_SIZE_4K, AX_PAGE_SIZE_4K)) {
		memory->dealloc_frame(start);
		return AX_ESTATE;
	}
	f->start = start;
	f->count = 1;
	f->kind = AX_FRAME_SINGLE;
	return AX_OK;
}

ax_error_t ax_frame_alloc_zero(struct ax_frame *f)
{
	ax_error_t error;

	if (!ax_memory_api()->phys_to_virt)
		return AX_EUNBOUND;
	error = ax_frame_alloc(f);
	if (error == AX_OK)
		ax_frame_fill(f, 0);
	return error;
}

ax_error_t ax_frame_alloc_contiguous(struct ax_frame *f, size_t count, size_t align)
{
	const struct ax_memory_api *memory = ax_memory_api();
	ax_hpa_t start;

	if (!f || count == 0 || align < AX_PAGE_SIZE_4K || (align & (align - 1u)) != 0)
		return AX_EINVAL;
	if (count > SIZE_MAX / AX_PAGE_SIZE_4K)
		return AX_ERANGE;
	if (f->kind != AX_FRAME_NONE)
		return AX_ESTATE;
	if (!memory->alloc_contiguous_frames || !memory->dealloc_contiguous_frames)
		return AX_EUNBOUND;

	start = memory->alloc_contiguous_frames(count, align);
	if (ax_hpa_is_none(start))
		return AX_ENOMEM;
	if (!frame_is_plausible(start, count * AX_PAGE_SIZE_4K, align)) {
		memory->dealloc_contiguous_frames(start, count);
		return AX_ESTATE;
	}
	f->start = start;
	f->count = count;
	f->kind = AX_FRAME_CONTIGUOUS;
	return AX_OK;
}

ax_hpa_t ax_frame_start(const struct ax_frame *f)
{
	return f->kind == AX_FRAME_NONE ? AX_HPA_NONE : f->start;
}

void *ax_frame_ptr(const struct ax_frame *f)
{
	const struct ax_memory_api *memory = ax_memory_api();

	if (f->kind == AX_FRAME_NONE || !memory->phys_to_virt)
		return NULL;
	return memory->phys_to_virt(f->start);
}

size_t ax_frame_size(const struct ax_frame *f)
{
	return f->count * AX_PAGE_SIZE_4K;
}

void ax_frame_fill(struct ax_frame *f, uint8_t byte)
{
	/* Not "if there is a pointer": a frame may be at virtual address 0. */
	if (f->kind == AX_FRAME_NONE || !ax_memory_api()->phys_to_virt)
		return;
	memset(ax_frame_ptr(f), byte, ax_frame_size(f));
}

ax_hpa_t ax_frame_release(struct ax_frame *f)
{
	ax_hpa_t start = ax_frame_start(f);

	ax_frame_init(f);
	return start;
}

void ax_frame_free(struct ax_frame *f)
{
	/* Empty before the port is called: nothing that it does can free the frames again. */
	struct ax_frame old = *f;

	ax_frame_init(f);
	if (old.kind == AX_FRAME_SINGLE)
		ax_memory_api()->dealloc_frame(old.start);
	else if (old.kind == AX_FRAME_CONTIGUOUS)
		ax_memory_api()->dealloc_contiguous_frames(old.start, old.count);
}
