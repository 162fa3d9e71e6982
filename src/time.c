/* SPDX-License-Identifier: Apache-2.0 */
/* Helper over the time module. */
#include <axvisor/time.h>

#include "bind.h"

ax_nanos_t ax_time_current_nanos(void)
{
	const struct ax_time_api *time = ax_time_api();

	if (!time->current_ticks || !time->ticks_to_nanos)
		return 0;
	return time->ticks_to_nanos(time->current_ticks());
}
