/* SPDX-License-Identifier: Apache-2.0 */
/* The one virtual machine: its memory, its CPU, its trapped device, and what happened to it. */
#ifndef HYPERVISOR_VM_H
#define HYPERVISOR_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <axvisor/addrspace.h>
#include <axvisor/fault.h>
#include <axvisor/time.h>
#include <axvisor/vmm.h>

#include "abi.h"
#include "vcpu.h"

/* Memory of our own that linear mappings lend to the guest; the library never frees it. */
#define VM_MAX_LENT 16

struct vm_device {
	uint64_t scratch;
	uint64_t loads;
	uint64_t stores;
};

struct vm {
	ax_vm_id_t id;
	struct ax_addrspace space;
	struct vcpu vcpu;
	struct vm_device device;

	ax_cancel_token_t timer; /* the last one that the guest set */

	struct vm_lent {
		uint64_t first;
		size_t count;
	} lent[VM_MAX_LENT];
	size_t lent_count;

	uint64_t faults_served;
	uint64_t violations;
	struct ax_npt_fault last_violation;
	enum ax_fault_result last_reason;

	bool stopped;
	int status; /* the guest's own verdict */
};

/* The VM that this CPU runs, or NULL: what "current" means in axvisor/vmm.h. */
extern struct vm *vm_current;

/* vm.c: its life. */
void vm_create(struct vm *vm, const void *image, size_t image_size);
void vm_describe(struct vm *vm, const char *when);
void vm_destroy(struct vm *vm);

/* Contiguous frames for a linear mapping, given back by vm_destroy(); FRAME_NONE: no more. */
uint64_t vm_lend(struct vm *vm, size_t count, size_t alignment);

/* hypercall.c: answers one; changes of the memory map among them. */
void vm_hypercall(struct vm *vm);

/* device.c: false when `exit` is no access to the trapped device that can be emulated. */
bool vm_device_access(struct vm *vm, const struct vcpu_exit *exit);

/* guest_loop.c: runs the guest until it stops. */
void vm_run(struct vm *vm);

#endif /* HYPERVISOR_VM_H */
