/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The port: what the library asks of the hypervisor that embeds it, bound by nothing more than
 * defining the functions. The clock's part is in time.c, the interrupt controller's in the
 * architecture's folder.
 */
#include <axvisor/host.h>
#include <axvisor/memory.h>
#include <axvisor/vmm.h>

#include "frames.h"
#include "machine.h"
#include "vm.h"

/* --- axvisor/memory.h: all of it is needed before a space can be made ------------------------- */

static ax_hpa_t to_hpa(uint64_t frame)
{
	return frame == FRAME_NONE ? AX_HPA_NONE : ax_hpa(frame);
}

ax_hpa_t ax_memory_alloc_frame(void)
{
	return to_hpa(frames_alloc());
}

ax_hpa_t ax_memory_alloc_contiguous_frames(size_t count, size_t align)
{
	return to_hpa(frames_alloc_block(count, align));
}

void ax_memory_dealloc_frame(ax_hpa_t frame)
{
	frames_free(frame.raw);
}

void ax_memory_dealloc_contiguous_frames(ax_hpa_t first, size_t count)
{
	frames_free_block(first.raw, count);
}

/* The hypervisor maps its RAM at the physical address; others add an offset here. */
void *ax_memory_phys_to_virt(ax_hpa_t pa)
{
	return (void *)(uintptr_t)pa.raw;
}

ax_hpa_t ax_memory_virt_to_phys(const void *va)
{
	return ax_hpa((uintptr_t)va);
}

/* --- axvisor/vmm.h ---------------------------------------------------------------------------- */

#define NO_VM SIZE_MAX

ax_vm_id_t ax_vmm_current_vm_id(void)
{
	return vm_current ? vm_current->id : NO_VM;
}

ax_vcpu_id_t ax_vmm_current_vcpu_id(void)
{
	return 0;
}

static bool is_current(ax_vm_id_t vm)
{
	return vm_current && vm_current->id == vm;
}

bool ax_vmm_vcpu_num(ax_vm_id_t vm, size_t *count)
{
	if (!is_current(vm))
		return false;
	*count = 1;
	return true;
}

bool ax_vmm_active_vcpus(ax_vm_id_t vm, uint64_t *mask)
{
	if (!is_current(vm))
		return false;
	*mask = 1;
	return true;
}

/* With more CPUs this is where a vCPU that runs on another one would be kicked out of its guest. */
void ax_vmm_inject_interrupt(ax_vm_id_t vm, ax_vcpu_id_t vcpu, ax_interrupt_vector_t vector)
{
	if (is_current(vm) && vcpu == 0)
		machine_inject_interrupt(vector);
}

void ax_vmm_notify_vcpu_timer_expired(ax_vm_id_t vm, ax_vcpu_id_t vcpu)
{
	ax_vmm_inject_interrupt(vm, vcpu, GUEST_TIMER);
}

/* --- axvisor/host.h --------------------------------------------------------------------------- */

size_t ax_host_get_cpu_num(void)
{
	return 1;
}

/*
 * The library itself needs only the memory module; the others serve whatever else is linked in.
 * This port has all of them, and a function forgotten above is a link error that names it.
 */
AX_API_IMPLEMENT(ax_memory, AX_MEMORY_VERSION, AX_MEMORY_API);
AX_API_IMPLEMENT(ax_vmm, AX_VMM_VERSION, AX_VMM_API);
AX_API_IMPLEMENT(ax_host, AX_HOST_VERSION, AX_HOST_API);
