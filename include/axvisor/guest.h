/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DOC: guest memory access
 *
 * How the host reads and writes a guest's memory: as the guest itself would, page by page, with the
 * guest's permissions, backing lazy pages, and never device memory. Whatever a guest puts into an
 * address or a size, nothing outside its memory is touched.
 */
#ifndef AXVISOR_GUEST_H
#define AXVISOR_GUEST_H

#include <stddef.h>

#include <axvisor/addrspace.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * ax_guest_read() - Copy from guest memory.
 * @as: A live space.
 * @src: First guest byte, of any alignment.
 * @dst: Host memory of @size bytes. Not guest memory of the same space.
 * @size: Bytes; 0 is fine at any address.
 *
 * The whole range is checked, and its lazy pages backed, before the first byte is copied; what a hole or a
 * region refuses, before the first page is backed. Lazy pages that were backed stay so, also when the call
 * fails for another reason.
 *
 * Context: a reader; may allocate frames. When a writer takes memory away from the range meanwhile
 * the copy may end half-way, with the error.
 * Return: AX_OK. AX_ENOENT: a page is not mapped. AX_EACCES: a page may not be read, or is device
 * memory. AX_ERANGE: outside the space, or overflow. AX_ENOMEM: a lazy page cannot be backed.
 * AX_EINVAL: a null pointer with @size not 0. AX_ESTATE: not a live space.
 */
AX_MUST_CHECK ax_error_t ax_guest_read(struct ax_addrspace *as, ax_gpa_t src, void *dst,
				       size_t size);

/**
 * ax_guest_write() - Copy to guest memory.
 * @as: A live space.
 * @dst: First guest byte, of any alignment.
 * @src: Host memory of @size bytes. Not guest memory of the same space.
 * @size: Bytes; 0 is fine at any address.
 *
 * As ax_guest_read(), with the permission to write. Instructions written this way need the
 * architecture's cache maintenance, which is the port's.
 *
 * Context: as ax_guest_read().
 * Return: as ax_guest_read().
 */
AX_MUST_CHECK ax_error_t ax_guest_write(struct ax_addrspace *as, ax_gpa_t dst, const void *src,
					size_t size);

/**
 * ax_guest_read_volatile() - One load from guest memory: never torn, never repeated.
 * @as: A live space.
 * @src: Guest address, a multiple of @width.
 * @dst: Host memory of @width bytes, of any alignment.
 * @width: 1, 2, 4 or 8.
 *
 * Context: as ax_guest_read(). Orders nothing; the caller adds the barriers that its ring needs.
 * Return: as ax_guest_read(); AX_EALIGN: @src; AX_EINVAL also for another width.
 */
AX_MUST_CHECK ax_error_t ax_guest_read_volatile(struct ax_addrspace *as, ax_gpa_t src, void *dst,
						size_t width);

/**
 * ax_guest_write_volatile() - One store to guest memory: never torn, never repeated.
 * @as: A live space.
 * @dst: Guest address, a multiple of @width.
 * @src: Host memory of @width bytes, of any alignment.
 * @width: 1, 2, 4 or 8.
 *
 * Context: as ax_guest_read_volatile().
 * Return: as ax_guest_read_volatile().
 */
AX_MUST_CHECK ax_error_t ax_guest_write_volatile(struct ax_addrspace *as, ax_gpa_t dst,
						 const void *src, size_t width);

/**
 * struct ax_guest_segment - Host memory behind a part of a guest range.
 * @ptr: First byte.
 * @size: Bytes, not 0.
 */
struct ax_guest_segment {
	void *ptr;
	size_t size;
};

/**
 * ax_guest_segments() - The host memory behind a guest range.
 * @as: A live space.
 * @start: First guest byte, of any alignment.
 * @size: Bytes; 0 is fine at any address and has no segments.
 * @access: AX_READ, AX_WRITE, AX_EXECUTE: what every page must permit. None: to be mapped is enough.
 * @out: Gets the segments, in order; @capacity of them. May be NULL when @capacity is 0.
 * @capacity: Elements of @out.
 * @count: Set on AX_OK to the number of segments, on AX_ENOSPC to the number needed; else untouched.
 *
 * Lazy pages are backed. Neighbouring segments are not contiguous in host memory: a range costs the
 * fewest segments. On AX_ENOSPC the contents of @out are unspecified.
 *
 * The pointers outlive the call: they are good until a writer unmaps, protects or clears the range,
 * which the caller has to exclude, or to find out by a struct ax_guest_window.
 *
 * Context: a reader; may allocate frames.
 * Return: as ax_guest_read(), for @access; AX_ENOSPC.
 */
AX_MUST_CHECK ax_error_t ax_guest_segments(struct ax_addrspace *as, ax_gpa_t start, size_t size,
					   ax_flags_t access, struct ax_guest_segment *out,
					   size_t capacity, size_t *count);

/**
 * struct ax_guest_window - Segments that are used more than once, and whether they still may be.
 *
 * A device model that keeps the host pointers of a ring or of buffers opens a window before it asks
 * for them, and enters it around each use:
 *
 *	ax_guest_window_open(&window, as);
 *	error = ax_guest_segments(as, ring, size, AX_WRITE, segments, capacity, &count);
 *	...
 *	if (ax_guest_window_enter(&window, &use)) {
 *		... read and write through the segments ...
 *		ax_guest_window_leave(&use);
 *	} else {
 *		... open it again, and ask for the segments again ...
 *	}
 *
 * It pins nothing between the uses: a device that is idle, slow or forgotten keeps no writer waiting
 * and no memory from its owner, and needs no notice when memory goes. Inside a use it is a reader like
 * any other, so a writer waits until it leaves, and what was unmapped goes back after that. To enter and
 * to leave cost what the guard of a reader costs, and one load.
 *
 * Any number of threads may use one window at once, and one window may stand for any number of
 * ax_guest_segments() calls of its space. Every unmap, protect and clear of something that is mapped,
 * anywhere in the space, ends all windows; map calls and page faults do not.
 *
 * The caller's memory; members are private. It ends with its space, and needs no closing.
 */
struct ax_guest_window {
	/* private: */
	const struct ax_addrspace *as;
	uint64_t losses;
};

/**
 * struct ax_guest_use - A stay in a window: on the stack of who uses it.
 */
struct ax_guest_use {
	/* private: */
	const struct ax_addrspace *as;
	struct ax_section section;
};

/** ax_guest_window_sizeof() - sizeof(struct ax_guest_window), for callers that cannot say it. */
size_t ax_guest_window_sizeof(void);

/** ax_guest_use_sizeof() - sizeof(struct ax_guest_use). */
size_t ax_guest_use_sizeof(void);

/**
 * ax_guest_window_open() - Begin a window: what ax_guest_segments() answers from now on is in it.
 * @window: The caller's memory, of any content. NULL: nothing is done.
 * @as: A live space; anything else makes a window that cannot be entered.
 *
 * Context: any. Segments that were asked for earlier are not in it.
 */
void ax_guest_window_open(struct ax_guest_window *window, const struct ax_addrspace *as);

/**
 * ax_guest_window_enter() - Begin to use the segments of a window.
 * @window: Opened.
 * @use: Filled on true.
 *
 * On true the memory behind every segment is the guest's, with the permission that the segment was
 * asked for with, until ax_guest_window_leave(): writers wait for it. So a use is short, does not
 * block, and calls no writer of the same space, which would wait for ever; readers it may call.
 *
 * Context: a reader.
 * Return: true: inside. false: something was taken away since the window was opened, which may be what
 * its segments point to; or a null pointer. Nothing is held then.
 */
AX_MUST_CHECK bool ax_guest_window_enter(const struct ax_guest_window *window,
					 struct ax_guest_use *use);

/**
 * ax_guest_window_leave() - The segments are not touched any more.
 * @use: As ax_guest_window_enter() filled it. Once. NULL: nothing is done.
 *
 * Context: as ax_guest_window_enter().
 */
void ax_guest_window_leave(const struct ax_guest_use *use);

#ifdef __cplusplus
}
#endif

#endif /* AXVISOR_GUEST_H */
