/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows: how a device model that keeps pointers into guest memory learns that they are stale.
 *
 * A number of the space, not a pin: a pin that made unmap wait would hand a guest's slow device the
 * power to stop its hypervisor, one that made unmap fail would make it fail half of the time for no
 * reason that its caller knows. The number is read before the segments are found, and compared inside
 * a section before they are touched. change_publish() in addrspace.c has the writer's half:
 *
 *	device: reads the number | finds segments by the active regions
 *	writer: new regions      | new number | waits for readers | ... frees
 *	device: enters           | the number is the old one | touches | leaves
 *
 * Who read the new number had the new regions, so found nothing that goes. Who finds the old number
 * inside a section is waited for. Device in tests/spin/guard.pml is this; BREAK_NUMBER_FIRST and
 * BREAK_NO_SECTION are what happens otherwise.
 */
#include <axvisor/guest.h>

#include "addrspace.h"

size_t ax_guest_window_sizeof(void)
{
	return sizeof(struct ax_guest_window);
}

size_t ax_guest_use_sizeof(void)
{
	return sizeof(struct ax_guest_use);
}

void ax_guest_window_open(struct ax_guest_window *window, const struct ax_addrspace *as)
{
	if (!window)
		return;
	*window = (struct ax_guest_window){0};
	if (ax_addrspace_live(as))
		*window = (struct ax_guest_window){as, ax_addrspace_losses(as)};
}

bool ax_guest_window_enter(const struct ax_guest_window *window, struct ax_guest_use *use)
{
	if (!window || !use || !ax_addrspace_live(window->as))
		return false;
	use->as = window->as;
	ax_guard_enter(&use->as->guard, &use->section);
	if (ax_addrspace_losses(use->as) == window->losses)
		return true;
	ax_guard_leave(&use->section);
	return false;
}

void ax_guest_window_leave(const struct ax_guest_use *use)
{
	if (use)
		ax_guard_leave(&use->section);
}
