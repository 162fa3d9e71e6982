/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's memory: 4 KiB frames, singly or in contiguous blocks, for any CPU.
 *
 * It is strict rather than fast. It remembers how each frame was handed out, ends the run when one
 * comes back in another way, and fills frames with a pattern when they go out and when they come
 * back, so that nothing works by luck.
 */
#ifndef HYPERVISOR_FRAMES_H
#define HYPERVISOR_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#define FRAME_SIZE UINT64_C(4096)
#define FRAME_NONE UINT64_MAX /* 0 is an address like any other */

/* Takes over the memory in [start, end); what lies outside whole frames is left alone. */
void frames_init(uint64_t start, uint64_t end);

uint64_t frames_alloc(void);                                 /* FRAME_NONE: none left */
uint64_t frames_alloc_block(size_t count, size_t alignment); /* in bytes; FRAME_NONE: no room */
void frames_free(uint64_t frame);
void frames_free_block(uint64_t first, size_t count); /* exactly what was allocated */

size_t frames_total(void);
size_t frames_used(void);

#endif /* HYPERVISOR_FRAMES_H */
