/* SPDX-License-Identifier: Apache-2.0 */
#include "hooks.h"

#include <stddef.h>

static const struct host_hooks *listening;

void host_hooks_set(const struct host_hooks *hooks)
{
	listening = hooks;
}

void ax_host_hook_store(const uint64_t *slot, uint64_t entry)
{
	if (listening)
		listening->store(slot, entry);
}

void ax_host_hook_flush(bool everywhere)
{
	if (listening)
		listening->flush(everywhere);
}

void ax_host_hook_publish(void)
{
	if (listening)
		listening->publish();
}

void ax_host_hook_write_end(void)
{
	if (listening)
		listening->write_end();
}

void ax_host_hook_read_end(void)
{
	if (listening)
		listening->read_end();
}
