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
	const struct vm_vcpu *vcpu = vm_vcpu_on(machine_cpu());

	return vcpu ? vcpu->vm->id : NO_VM;
}

ax_vcpu_id_t ax_vmm_current_vcpu_id(void)
{
	return machine_cpu();
}

/* The VM of that number, if it runs anywhere. */
static struct vm *find_vm(ax_vm_id_t id)
{
	for (unsigned cpu = 0; cpu < PLATFORM_CPUS; cpu++) {
		const struct vm_vcpu *vcpu = vm_vcpu_on(cpu);

		if (vcpu && vcpu->vm->id == id)
			return vcpu->vm;
	}
	return NULL;
}

bool ax_vmm_vcpu_num(ax_vm_id_t vm, size_t *count)
{
	const struct vm *found = find_vm(vm);

	if (!found)
		return false;
	*count = found->vcpu_count;
	return true;
}

bool ax_vmm_active_vcpus(ax_vm_id_t vm, uint64_t *mask)
{
	if (!find_vm(vm))
		return false;
	*mask = 0;
	for (unsigned cpu = 0; cpu < PLATFORM_CPUS; cpu++) {
		if (vm_vcpu_on(cpu))
			*mask |= UINT64_C(1) << cpu;
	}
	return true;
}

/*
 * The interrupt waits until the vCPU's own CPU comes by and hands it to the hardware, which only that
 * CPU can. If that is another one it may be in the guest for long: it is kicked out.
 */
void ax_vmm_inject_interrupt(ax_vm_id_t vm, ax_vcpu_id_t vcpu, ax_interrupt_vector_t vector)
{
	struct vm *found = find_vm(vm);

	if (!found || vcpu >= found->vcpu_count || vector >= VM_VECTORS)
		return;
	__atomic_fetch_or(&found->vcpus[vcpu].pending[vector / 64], UINT64_C(1) << vector % 64,
			  __ATOMIC_RELEASE);
	if (vcpu != machine_cpu())
		machine_kick((unsigned)vcpu);
}

void ax_vmm_notify_vcpu_timer_expired(ax_vm_id_t vm, ax_vcpu_id_t vcpu)
{
	ax_vmm_inject_interrupt(vm, vcpu, GUEST_TIMER);
}

/* --- axvisor/host.h --------------------------------------------------------------------------- */

size_t ax_host_get_cpu_num(void)
{
	return machine_cpus();
}

/*
 * The library itself needs only the memory module; the others serve whatever else is linked in.
 * This port has all of them, and a function forgotten above is a link error that names it.
 */
AX_API_IMPLEMENT(ax_memory, AX_MEMORY_VERSION, AX_MEMORY_API);
AX_API_IMPLEMENT(ax_vmm, AX_VMM_VERSION, AX_VMM_API);
AX_API_IMPLEMENT(ax_host, AX_HOST_VERSION, AX_HOST_API);
