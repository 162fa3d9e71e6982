/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hypercalls: the guest asks for what a VMM would otherwise decide by itself, so that it can watch
 * the change happen. Each change of the memory map is one call of the library, TLB maintenance
 * included; the guest's numbers are handed on unchecked, for the library refuses what is wrong.
 */
#include <axvisor/guest.h>
#include <axvisor/memory.h>
#include <axvisor/time.h>
#include <axvisor/vmm.h>

#include "conformance.h"
#include "console.h"
#include "frames.h"
#include "string.h"
#include "vm.h"

static uint64_t log_change(const char *what, uint64_t start, uint64_t size, ax_flags_t flags,
			   ax_error_t error)
{
	char rights[] = ", rwx";

	if (!flags)
		rights[0] = '\0';
	for (unsigned i = 0; i < 3; i++) {
		if (!(flags & AX_READ << i)) /* AX_WRITE and AX_EXECUTE are the bits above */
			rights[2 + i] = '-';
	}
	console_print("hyp: %s 0x%lx + 0x%lx%s: %s\n", what, start, size, rights,
		      ax_strerror(error));
	return (uint64_t)error;
}

static uint64_t map(struct vm *vm, uint64_t start, uint64_t size, ax_flags_t flags, bool populate)
{
	return log_change("map", start, size, flags,
			  ax_addrspace_map_alloc(&vm->space, ax_gpa(start), size, flags, populate));
}

static uint64_t unmap(struct vm *vm, uint64_t start, uint64_t size)
{
	return log_change("unmap", start, size, 0,
			  ax_addrspace_unmap(&vm->space, ax_gpa(start), size));
}

static uint64_t protect(struct vm *vm, uint64_t start, uint64_t size, ax_flags_t flags)
{
	return log_change("protect", start, size, flags,
			  ax_addrspace_protect(&vm->space, ax_gpa(start), size, flags));
}

/*
 * Puts another frame behind a guest page, with the contents of the page at `model`, as if the page
 * had migrated. The frame is ours, so it goes in as a linear mapping.
 */
static ax_error_t replace_page(struct vm *vm, ax_gpa_t page, ax_gpa_t model, ax_flags_t flags)
{
	uint64_t frame = vm_lend(vm, 1, FRAME_SIZE);
	ax_error_t error;

	if (frame == FRAME_NONE)
		return AX_ENOMEM;
	error = ax_guest_read(&vm->space, model, ax_memory_phys_to_virt(ax_hpa(frame)), FRAME_SIZE);
	if (error != AX_OK)
		return error;
	error = ax_addrspace_unmap(&vm->space, page, FRAME_SIZE);
	if (error != AX_OK)
		return error;
	return ax_addrspace_map_linear(&vm->space, page, ax_hpa(frame), FRAME_SIZE, flags);
}

static uint64_t replace(struct vm *vm, uint64_t page, uint64_t model)
{
	struct ax_npt_mapping old = {.flags = 0};
	ax_error_t error = ax_addrspace_query(&vm->space, ax_gpa(page), &old);

	if (error == AX_OK)
		error = replace_page(vm, ax_gpa(page), ax_gpa(model), old.flags);
	return log_change("replace", page, FRAME_SIZE, old.flags, error);
}

/* The frame outlives the mapping: it is the VM's until the end. */
static uint64_t lend(struct vm *vm, uint64_t page, ax_flags_t flags)
{
	uint64_t frame = vm_lend(vm, 1, FRAME_SIZE);
	ax_error_t error = AX_ENOMEM;

	if (frame != FRAME_NONE) {
		memset(ax_memory_phys_to_virt(ax_hpa(frame)), 0, FRAME_SIZE);
		error = ax_addrspace_map_linear(&vm->space, ax_gpa(page), ax_hpa(frame), FRAME_SIZE,
						flags);
	}
	return log_change("lend", page, FRAME_SIZE, flags, error);
}

/* A wake-up that came before the sleep counts; one that comes during it comes with a kick. */
static uint64_t wait(struct vm_vcpu *vcpu)
{
	if (!__atomic_exchange_n(&vcpu->woken, 0, __ATOMIC_ACQUIRE))
		machine_wait();
	return (uint64_t)AX_OK;
}

static uint64_t wake(struct vm *vm, uint64_t vcpu)
{
	if (vcpu >= vm->vcpu_count)
		return (uint64_t)AX_ENOENT;
	__atomic_store_n(&vm->vcpus[vcpu].woken, 1, __ATOMIC_RELEASE);
	if (vcpu != machine_cpu())
		machine_kick((unsigned)vcpu);
	return (uint64_t)AX_OK;
}

static uint64_t exits(const struct vm *vm, uint64_t vcpu)
{
	if (vcpu >= vm->vcpu_count)
		return (uint64_t)AX_ENOENT;
	return __atomic_load_n(&vm->vcpus[vcpu].exits, __ATOMIC_RELAXED);
}

static struct ax_addrspace_stats stats(const struct vm *vm)
{
	struct ax_addrspace_stats counts;

	ax_addrspace_stats(&vm->space, &counts);
	return counts;
}

static uint64_t page_size(struct vm *vm, uint64_t address)
{
	struct ax_npt_mapping mapping;

	if (ax_addrspace_query(&vm->space, ax_gpa(address), &mapping) != AX_OK)
		return 0;
	return mapping.page_size;
}

/* As the emulation of a device would do it. */
static uint64_t raise_interrupt(uint64_t vector, uint64_t target)
{
	if (vector > UINT32_MAX)
		return (uint64_t)AX_EINVAL;
	ax_vmm_inject_interrupt(ax_vmm_current_vm_id(), target, (ax_interrupt_vector_t)vector);
	return (uint64_t)AX_OK;
}

static void timer_expired(void *arg, ax_nanos_t now)
{
	const struct vm_vcpu *vcpu = arg;

	(void)now;
	ax_vmm_notify_vcpu_timer_expired(vcpu->vm->id, vcpu->index);
}

/* Each vCPU has one timer: setting it anew takes back what was set before. */
static uint64_t set_timer(struct vm_vcpu *vcpu, uint64_t nanos)
{
	ax_time_cancel_timer(vcpu->timer);
	vcpu->timer = ax_time_register_timer(ax_time_current_nanos() + nanos, timer_expired, vcpu);
	return (uint64_t)AX_OK;
}

static uint64_t stop(struct vm *vm, uint64_t status)
{
	vm_stop(vm, (int)status);
	return (uint64_t)AX_OK;
}

/* Flags have 32 bits, a register has 64: what is too much stays too much. */
static ax_flags_t to_flags(uint64_t value)
{
	return value > UINT32_MAX ? UINT32_MAX : (ax_flags_t)value;
}

static uint64_t call(struct vm_vcpu *vcpu, const uint64_t argument[5])
{
	struct vm *vm = vcpu->vm;
	uint64_t a = argument[1], b = argument[2];

	switch (argument[0]) {
	case HC_EXIT:
		return stop(vm, a);
	case HC_VCPUS:
		return vm->vcpu_count;
	case HC_EXITS:
		return exits(vm, a);
	case HC_WAIT:
		return wait(vcpu);
	case HC_WAKE:
		return wake(vm, a);
	case HC_MAP:
		return map(vm, a, b, to_flags(argument[3]), argument[4] != 0);
	case HC_UNMAP:
		return unmap(vm, a, b);
	case HC_PROTECT:
		return protect(vm, a, b, to_flags(argument[3]));
	case HC_REPLACE:
		return replace(vm, a, b);
	case HC_LEND:
		return lend(vm, a, to_flags(b));
	case HC_FAULTS:
		return __atomic_load_n(&vm->faults_served, __ATOMIC_RELAXED);
	case HC_BACKED:
		return stats(vm).faults;
	case HC_OWNED_FRAMES:
		return stats(vm).owned_frames;
	case HC_SPLITS:
		return stats(vm).splits;
	case HC_VIOLATIONS:
		return __atomic_load_n(&vm->violations, __ATOMIC_RELAXED);
	case HC_VIOLATION_ADDR:
		return vcpu->last_violation.addr.raw;
	case HC_VIOLATION_ACCESS:
		return vcpu->last_violation.access;
	case HC_VIOLATION_REASON:
		return (uint64_t)vcpu->last_reason;
	case HC_PAGE_SIZE:
		return page_size(vm, a);
	case HC_CONFORMANCE:
		return conformance_next(vm, a);
	case HC_DISAGREEMENTS:
		return conformance_disagreements();
	case HC_INTERRUPT:
		return raise_interrupt(a, b);
	case HC_TIME:
		return ax_time_current_nanos();
	case HC_TIMER:
		return set_timer(vcpu, a);
	default:
		return (uint64_t)AX_ENOTSUP;
	}
}

void vm_hypercall(struct vm_vcpu *vcpu)
{
	uint64_t argument[5];

	for (unsigned i = 0; i < 5; i++)
		argument[i] = vcpu_argument(&vcpu->vcpu, i);
	vcpu_return(&vcpu->vcpu, call(vcpu, argument));
}
