/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trapped device: four 64-bit registers that the guest may access in 1, 2, 4 or 8 bytes. Its
 * page lies in no region, so that each access ends here.
 */
#include <axvisor/addr.h>
#include <axvisor/device.h>

#include "vm.h"

static uint64_t *register_at(struct vm_device *device, uint64_t offset)
{
	switch (offset & ~UINT64_C(7)) {
	case MMIO_SCRATCH:
		return &device->scratch;
	case MMIO_LOADS:
		return &device->loads;
	case MMIO_STORES:
		return &device->stores;
	default:
		return NULL;
	}
}

/* The bits of a register that an access of `size` bytes at `offset` means. */
static uint64_t lanes(uint64_t offset, size_t size)
{
	uint64_t ones = size == 8 ? UINT64_MAX : (UINT64_C(1) << (size * 8)) - 1;

	return ones << (offset % 8 * 8);
}

static uint64_t load(struct vm_device *device, uint64_t offset, size_t size)
{
	const uint64_t *reg = register_at(device, offset);
	uint64_t value = reg ? *reg : MMIO_ID_VALUE;

	device->loads++;
	return (value & lanes(offset, size)) >> (offset % 8 * 8);
}

/* A store to a register that is read only is counted and otherwise ignored, as hardware does it. */
static void store(struct vm_device *device, uint64_t offset, size_t size, uint64_t value)
{
	uint64_t mask = lanes(offset, size);

	if (register_at(device, offset) == &device->scratch)
		device->scratch = (device->scratch & ~mask) | (value << (offset % 8 * 8) & mask);
	device->stores++;
}

bool vm_device_access(struct vm_vcpu *vcpu, const struct vcpu_exit *exit)
{
	struct vm *vm = vcpu->vm;
	const struct vcpu_access *access = &exit->access;
	struct ax_gpa_range registers = {ax_gpa(GUEST_MMIO), MMIO_END};
	uint64_t offset;
	size_t size;

	/*
	 * A fetch has no description, nor has what the hardware does not describe, such as a pair
	 * of registers: no device of ours is meant to be accessed so.
	 */
	if (!access->described)
		return false;
	size = ax_access_width_size(access->width);
	if (!ax_gpa_range_contains_range(registers, (struct ax_gpa_range){exit->fault.addr, size}))
		return false;
	offset = exit->fault.addr.raw - GUEST_MMIO;
	if (offset % size)
		return false;
	lock_acquire(&vm->lock);
	if (access->store)
		store(&vm->device, offset, size, vcpu_store(&vcpu->vcpu, exit));
	else
		vcpu_load(&vcpu->vcpu, exit, load(&vm->device, offset, size));
	lock_release(&vm->lock);
	return true;
}
