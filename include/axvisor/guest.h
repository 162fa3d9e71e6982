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
 * The whole range is checked, and its lazy pages backed, before the first byte is copied. Lazy pages
 * that were backed stay so, also when the call fails.
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
 * The pointers outlive the call: they are good until a writer unmaps or protects the range, which
 * the caller has to exclude.
 *
 * Context: a reader; may allocate frames.
 * Return: as ax_guest_read(), for @access; AX_ENOSPC.
 */
AX_MUST_CHECK ax_error_t ax_guest_segments(struct ax_addrspace *as, ax_gpa_t start, size_t size,
					   ax_flags_t access, struct ax_guest_segment *out,
					   size_t capacity, size_t *count);

#ifdef __cplusplus
}
#endif

#endif /* AXVISOR_GUEST_H */
