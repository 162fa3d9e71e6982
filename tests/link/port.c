/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A port of the memory module and of the log module. PARTIAL: without one function of each. IMPLEMENT:
 * with the word that it is whole.
 */
#include <axvisor/memory.h>

#include "log.h"
#include "start.h"

static _Alignas(4096) char frames[4][4096];
static unsigned frames_out;

ax_hpa_t ax_memory_alloc_frame(void)
{
	if (frames_out == 4)
		return AX_HPA_NONE;
	return ax_memory_virt_to_phys(frames[frames_out++]);
}

ax_hpa_t ax_memory_alloc_contiguous_frames(size_t count, size_t align)
{
	(void)count;
	(void)align;
	return AX_HPA_NONE;
}

void ax_memory_dealloc_frame(ax_hpa_t frame)
{
	(void)frame;
	frames_out--;
}

void ax_memory_dealloc_contiguous_frames(ax_hpa_t first, size_t count)
{
	(void)first;
	(void)count;
}

#ifndef PARTIAL
void *ax_memory_phys_to_virt(ax_hpa_t pa)
{
	return (void *)(uintptr_t)pa.raw;
}
#endif

ax_hpa_t ax_memory_virt_to_phys(const void *va)
{
	return ax_hpa((uintptr_t)va);
}

void my_log_write(const char *text)
{
	start_print(text);
}

#ifndef PARTIAL
void my_log_flush(void)
{
	start_print("\n");
}
#endif

#ifdef IMPLEMENT
AX_API_IMPLEMENT(ax_memory, AX_MEMORY_VERSION, AX_MEMORY_API);
AX_API_IMPLEMENT(my_log, MY_LOG_VERSION, MY_LOG_API);
#endif
