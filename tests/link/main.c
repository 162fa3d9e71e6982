/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Says which functions it found: "bound bound", or the first unbound function of a module in place of
 * its "bound"; or in one word what went wrong. REQUIRE: by calls of the modules' require functions;
 * IMPLEMENT: by strong references in this very file.
 */
#include <axvisor/addrspace.h>
#include <axvisor/frame.h>
#include <axvisor/memory.h>

#include "log.h"
#include "start.h"

#ifdef IMPLEMENT
AX_API_IMPLEMENT(ax_memory, AX_MEMORY_VERSION, AX_MEMORY_API);
AX_API_IMPLEMENT(my_log, MY_LOG_VERSION, MY_LOG_API);
#endif

static struct ax_addrspace space;

/*
 * What the library does must agree with what it says. A base that is not aligned is refused before
 * the first privileged instruction, which this program could not execute, and after the binding was
 * looked at.
 */
static const char *try_memory(void)
{
	struct ax_addrspace_config config = {.base = ax_gpa(1)};
	const char *missing = ax_memory_missing(UINT64_MAX);
	ax_error_t init = ax_addrspace_init(&space, &config);
	struct ax_frame f = AX_FRAME_EMPTY;
	ax_error_t alloc = ax_frame_alloc_zero(&f);

	ax_frame_free(&f);
	if (missing)
		return init == AX_EUNBOUND && alloc == AX_EUNBOUND ? missing : "unbound-but-used";
	return init == AX_EALIGN && alloc == AX_OK ? "bound" : "bound-but-failed";
}

void start_main(void)
{
	const char *missing = my_log_missing(UINT64_MAX);

#ifdef REQUIRE
	ax_memory_require();
	my_log_require();
#endif
	start_print(try_memory());
	start_print(" ");
	if (missing)
		start_print(missing);
	else
		log_line("bound");
}
