/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DOC: frame handles
 *
 * A struct ax_frame owns one frame, or a contiguous block of them, or nothing, and gives back what
 * it owns exactly once and in the way it was taken. One handle is used by one CPU at a time. A plain
 * copy of a handle is no second owner: free one of them, and forget the other.
 *
 *	AX_FRAME_SCOPED struct ax_frame f = AX_FRAME_EMPTY;
 *
 *	if (ax_frame_alloc_zero(&f) != AX_OK)
 *		return AX_ENOMEM;
 *	...                             the frame goes back wherever the scope is left,
 *	*out = ax_frame_release(&f);    or is somebody else's from here on
 */
#ifndef AXVISOR_FRAME_H
#define AXVISOR_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include <axvisor/addr.h>
#include <axvisor/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * enum ax_frame_kind - How a handle's frames go back.
 * @AX_FRAME_NONE: It owns nothing.
 * @AX_FRAME_SINGLE: By ax_memory_dealloc_frame().
 * @AX_FRAME_CONTIGUOUS: By ax_memory_dealloc_contiguous_frames().
 */
enum ax_frame_kind {
	AX_FRAME_NONE,
	AX_FRAME_SINGLE,
	AX_FRAME_CONTIGUOUS,
};

/**
 * struct ax_frame - Owns @count contiguous frames of 4 KiB, or nothing.
 *
 * The caller's memory; the members are private. All zeroes is the empty handle.
 */
struct ax_frame {
	ax_hpa_t start;
	size_t count;
	enum ax_frame_kind kind;
};

/* clang-format off */
/** AX_FRAME_EMPTY - Initialises a handle that owns nothing. */
#define AX_FRAME_EMPTY {{0u}, 0u, AX_FRAME_NONE}
/* clang-format on */

/** AX_FRAME_SCOPED - Before a handle with automatic storage: it frees itself when its scope ends. */
#define AX_FRAME_SCOPED __attribute__((__cleanup__(ax_frame_free)))

/**
 * ax_frame_sizeof() - sizeof(struct ax_frame), for callers that do not read this header.
 *
 * Context: any.
 */
size_t ax_frame_sizeof(void);

/**
 * ax_frame_init() - Make a handle empty, as AX_FRAME_EMPTY does.
 * @f: What it held is forgotten and not freed.
 *
 * Context: any.
 */
void ax_frame_init(struct ax_frame *f);

/**
 * ax_frame_alloc() - Take one frame. Its contents are undefined.
 * @f: An empty handle.
 *
 * Context: any in which the port can allocate.
 * Return: AX_OK; AX_ENOMEM; AX_EINVAL when @f is NULL; AX_ESTATE when @f owns something already;
 * AX_EUNBOUND when the port lacks a function that this needs; AX_ESTATE when the port's frame is not
 * aligned (it went back). On error @f is as it was.
 */
AX_MUST_CHECK ax_error_t ax_frame_alloc(struct ax_frame *f);

/**
 * ax_frame_alloc_zero() - Take one frame, all its bytes 0.
 * @f: An empty handle.
 *
 * Context: any in which the port can allocate.
 * Return: as ax_frame_alloc().
 */
AX_MUST_CHECK ax_error_t ax_frame_alloc_zero(struct ax_frame *f);

/**
 * ax_frame_alloc_contiguous() - Take frames that follow each other. Their contents are undefined.
 * @f: An empty handle.
 * @count: Frames, at least 1. A block of one is still a block, and goes back as one.
 * @align: What the first address is to be a multiple of, in bytes: a power of two, at least 4096.
 *	Smaller values are refused, not rounded: a logarithm that was passed by mistake is one.
 *
 * Context: any in which the port can allocate.
 * Return: AX_OK; AX_ENOMEM; AX_EINVAL for a @count of 0 or a wrong @align; AX_ERANGE when @count
 * frames are more bytes than a size_t holds; the others as ax_frame_alloc(). On error @f is as it
 * was.
 */
AX_MUST_CHECK ax_error_t ax_frame_alloc_contiguous(struct ax_frame *f, size_t count, size_t align);

/**
 * ax_frame_start() - The physical address of the first byte.
 * @f: A handle.
 *
 * Context: any.
 * Return: the address, which may be 0; AX_HPA_NONE when @f is empty.
 */
ax_hpa_t ax_frame_start(const struct ax_frame *f);

/**
 * ax_frame_ptr() - Where the host sees the first byte; all the others follow it.
 * @f: A handle.
 *
 * Context: any.
 * Return: the address; NULL when @f is empty, or the port does not define ax_memory_phys_to_virt().
 * (On a host that maps physical address 0 at virtual address 0, also the address of that frame:
 * ax_frame_size() tells the two apart.)
 */
void *ax_frame_ptr(const struct ax_frame *f);

/**
 * ax_frame_size() - What the handle owns.
 * @f: A handle.
 *
 * Context: any.
 * Return: bytes, a multiple of 4096; 0 when @f is empty.
 */
size_t ax_frame_size(const struct ax_frame *f);

/**
 * ax_frame_fill() - Set all the handle's bytes.
 * @f: A handle. Nothing happens when it is empty, or when the port does not define
 *	ax_memory_phys_to_virt().
 * @byte: The value of each.
 *
 * Context: any.
 */
void ax_frame_fill(struct ax_frame *f, uint8_t byte);

/**
 * ax_frame_release() - Give up ownership without freeing.
 * @f: A handle; empty afterwards.
 *
 * What comes back is the caller's, to be given back as it was taken: a frame by
 * ax_memory_dealloc_frame(), a block whole by ax_memory_dealloc_contiguous_frames() (ask
 * ax_frame_size() first).
 *
 * Context: any.
 * Return: the first byte's address; AX_HPA_NONE when @f was empty.
 */
ax_hpa_t ax_frame_release(struct ax_frame *f);

/**
 * ax_frame_free() - Give back what the handle owns.
 * @f: A handle; empty afterwards, so that a second call is harmless.
 *
 * Context: any in which the port can free.
 */
void ax_frame_free(struct ax_frame *f);

#ifdef __cplusplus
}
#endif

#endif /* AXVISOR_FRAME_H */
