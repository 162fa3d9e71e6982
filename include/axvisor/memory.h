/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DOC: host memory
 *
 * Six functions that the port defines: frames of 4 KiB and the host's direct map. An address space
 * needs all six; a port without contiguous memory defines the contiguous pair so that the one
 * returns AX_HPA_NONE and the other does nothing.
 *
 * Any CPU that uses the library calls them, several at once where a space has more than one CPU, and
 * also while a guest's fault is served. They must not call back into the address space, and must not
 * wait for another CPU that may be inside it.
 */
#ifndef AXVISOR_MEMORY_H
#define AXVISOR_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include <axvisor/addr.h>
#include <axvisor/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * ax_memory_alloc_frame() - Take one frame.
 *
 * The frame is the library's until ax_memory_dealloc_frame(). Its contents are undefined: the library
 * clears what a guest or a table walk could see.
 *
 * Context: any, see above.
 * Return: the frame's address, a multiple of 4096, or AX_HPA_NONE when there is none. 0 is an address
 * like any other.
 */
ax_hpa_t ax_memory_alloc_frame(void);

/**
 * ax_memory_alloc_contiguous_frames() - Take frames that follow each other in physical memory.
 * @count: Frames, at least 1. It need not be a power of two.
 * @align: What the first address is a multiple of, in BYTES (not a logarithm): a power of two, at
 *	least 4096.
 *
 * The block is one in the direct map too, see ax_memory_phys_to_virt(). Contents are undefined.
 *
 * Context: any, see above.
 * Return: the first frame's address, or AX_HPA_NONE when there is no such block.
 */
ax_hpa_t ax_memory_alloc_contiguous_frames(size_t count, size_t align);

/**
 * ax_memory_dealloc_frame() - Give one frame back.
 * @frame: What ax_memory_alloc_frame() returned, once; never a part of a contiguous block.
 *
 * Context: any, see above.
 */
void ax_memory_dealloc_frame(ax_hpa_t frame);

/**
 * ax_memory_dealloc_contiguous_frames() - Give a contiguous block back, whole.
 * @first: What ax_memory_alloc_contiguous_frames() returned, once.
 * @count: The count that it was called with.
 *
 * Context: any, see above.
 */
void ax_memory_dealloc_contiguous_frames(ax_hpa_t first, size_t count);

/**
 * ax_memory_phys_to_virt() - Where the host sees a byte of physical memory.
 * @pa: In RAM: in a frame that the library holds, or in memory that was mapped for a guest without
 *	AX_DEVICE.
 *
 * A contiguous block is contiguous here too: the result for its first byte plus n is the result for
 * byte n. The mapping is writable and cached, and stays as long as the frame is held.
 *
 * Context: any; called for each table of a walk, so let it be quick.
 * Return: the host's address. The null pointer is one, where physical address 0 is mapped there.
 */
void *ax_memory_phys_to_virt(ax_hpa_t pa);

/**
 * ax_memory_virt_to_phys() - The inverse of ax_memory_phys_to_virt().
 * @va: An address that ax_memory_phys_to_virt() can return.
 *
 * Context: any.
 * Return: the physical address.
 */
ax_hpa_t ax_memory_virt_to_phys(const void *va);

/** AX_MEMORY_VERSION - Changes with the meaning of a function above. */
#define AX_MEMORY_VERSION 1

/** AX_MEMORY_API() - The list of the module's functions, for the macros of <axvisor/api.h>. */
#define AX_MEMORY_API(FN)                        \
	FN(ax_memory, alloc_frame)               \
	FN(ax_memory, alloc_contiguous_frames)   \
	FN(ax_memory, dealloc_frame)             \
	FN(ax_memory, dealloc_contiguous_frames) \
	FN(ax_memory, phys_to_virt)              \
	FN(ax_memory, virt_to_phys)

/* ax_memory_missing(), ax_memory_require(), ax_memory_index_alloc_frame, ... */
AX_API_DECLARE(ax_memory, AX_MEMORY_VERSION, AX_MEMORY_API);

#ifdef __cplusplus
}
#endif

#endif /* AXVISOR_MEMORY_H */
