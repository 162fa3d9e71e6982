/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A port and its user in C++17: every public header in one program (-include), the memory module implemented
 * with the macros of <axvisor/api.h>, a frame handle that frees itself.
 */
#include <cstdint>
#include <cstdlib>

extern "C" {

static unsigned frames_out;

ax_hpa_t ax_memory_alloc_frame(void)
{
	frames_out++;
	return ax_hpa(reinterpret_cast<uintptr_t>(std::aligned_alloc(4096, 4096)));
}

ax_hpa_t ax_memory_alloc_contiguous_frames(size_t, size_t)
{
	return AX_HPA_NONE;
}

void ax_memory_dealloc_frame(ax_hpa_t frame)
{
	frames_out--;
	std::free(reinterpret_cast<void *>(frame.raw));
}

void ax_memory_dealloc_contiguous_frames(ax_hpa_t, size_t)
{
}

void *ax_memory_phys_to_virt(ax_hpa_t pa)
{
	return reinterpret_cast<void *>(pa.raw);
}

ax_hpa_t ax_memory_virt_to_phys(const void *va)
{
	return ax_hpa(reinterpret_cast<uintptr_t>(va));
}

AX_API_IMPLEMENT(ax_memory, AX_MEMORY_VERSION, AX_MEMORY_API);

} /* extern "C" */

int main()
{
	ax_memory_require();
	if (ax_memory_missing(UINT64_MAX))
		return 1;
	{
		AX_FRAME_SCOPED struct ax_frame f = AX_FRAME_EMPTY;

		if (ax_frame_alloc_zero(&f) != AX_OK || frames_out != 1)
			return 2;
		if (static_cast<char *>(ax_frame_ptr(&f))[4095] != 0)
			return 3;
	}
	return frames_out == 0 ? 0 : 4;
}
