/* SPDX-License-Identifier: Apache-2.0 */
/* Frames for tables: exactly the least possible, before and after every operation. */
#include <stdio.h>

#include "bench.h"

/* Table frames beside the root, as the port counts them, and as they have to be. */
static bool expect(const struct bench *b, const char *what, size_t before, size_t least)
{
	size_t have = bench_frames_used() - before;
	bool ok = have == least;

	printf("%-8s %-44s %8zu %8zu%s\n", b->format->name, what, have, least, ok ? "" : "  MORE");
	return ok;
}

static void done(ax_error_t error, const char *what)
{
	bench_check(error == AX_OK, what);
}

/* Four levels: a table of pages for 2 MiB, one above for 1 GiB, one above for 512 GiB. The port counts
 * the one node of regions as well. */
static bool frames_of(const struct bench_format *format)
{
	struct bench b = {.format = format};
	bool ok = true;
	size_t before;

	bench_open(&b);
	before = bench_frames_used();

	done(ax_addrspace_map_linear(&b.as, ax_gpa(0), ax_hpa(64 * GIB + PAGE), GIB, BENCH_RWX),
	     "map");
	ok &= expect(&b, "1 GiB in 4K pages", before + 1, 512 + 1 + 1);
	done(ax_addrspace_unmap(&b.as, ax_gpa(0), GIB / 2), "unmap");
	ok &= expect(&b, "half of it unmapped", before + 1, 256 + 1 + 1);
	done(ax_addrspace_unmap(&b.as, ax_gpa(GIB / 2), GIB / 2), "unmap");
	ok &= expect(&b, "all of it unmapped, no region left", before, 0);

	done(ax_addrspace_map_linear(&b.as, ax_gpa(0), ax_hpa(64 * GIB + 2 * MIB), 64 * GIB,
				     BENCH_RWX),
	     "map");
	ok &= expect(&b, "64 GiB in 2M pages", before + 1, 64 + 1);
	done(ax_addrspace_unmap(&b.as, ax_gpa(MIB), PAGE), "unmap");
	ok &= expect(&b, "a page punched out of it", before + 1, 64 + 1 + 1);
	done(ax_addrspace_unmap(&b.as, ax_gpa(0), 64 * GIB), "unmap");
	ok &= expect(&b, "all of it unmapped", before, 0);

	done(ax_addrspace_map_linear(&b.as, ax_gpa(0), ax_hpa(64 * GIB), 64 * GIB, BENCH_RWX),
	     "map");
	ok &= expect(&b, "64 GiB in 1G pages", before + 1, 1);
	done(ax_addrspace_clear(&b.as), "clear");
	ok &= expect(&b, "cleared", before, 0);

	done(ax_addrspace_map_alloc(&b.as, ax_gpa(0), 16 * TIB, BENCH_RWX, false), "map");
	ok &= expect(&b, "16 TiB lazy", before + 1, 0);
	bench_check(ax_addrspace_handle_page_fault(&b.as, ax_gpa(5 * TIB), AX_WRITE), "fault");
	bench_check(ax_addrspace_handle_page_fault(&b.as, ax_gpa(9 * TIB), AX_WRITE), "fault");
	ok &= expect(&b, "two of its pages touched", before + 1 + 2, 2 * 3);
	done(ax_addrspace_unmap(&b.as, ax_gpa(5 * TIB), PAGE), "unmap");
	/* The region around the page is still there, and so may its tables be. */
	done(ax_addrspace_unmap(&b.as, ax_gpa(4 * TIB), 2 * TIB), "unmap");
	ok &= expect(&b, "2 TiB around one of them unmapped", before + 1 + 1, 3);
	done(ax_addrspace_clear(&b.as), "clear");
	ok &= expect(&b, "cleared", before, 0);
	bench_close(&b);
	return ok;
}

bool bench_table_frames(void)
{
	bool ok = true;

	printf("\n%-8s %-44s %8s %8s\n", "", "frames for tables, beside the root", "", "least");
	for (size_t i = 0; i < bench_format_count; i++)
		ok &= frames_of(&bench_formats[i]);
	return ok;
}
