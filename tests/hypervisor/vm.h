/* SPDX-License-Identifier: Apache-2.0 */
/* The one virtual machine: its memory, its CPUs, its trapped device, and what happened to it. */
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
#include "lock.h"
#include "machine.h"
#include "vcpu.h"

/* Interrupt vectors that can wait for a vCPU: as many as a GIC without LPIs has, and more than others. */
#define VM_VECTORS 1024

/* The VMID, ASID or VPID of the one VM, which keeps its translations apart from those of others. */
#define VM_TAG 1

/* Memory of our own that linear mappings lend to the guest; the library never frees it. */
#define VM_MAX_LENT 64

struct vm_device {
	uint64_t scratch;
	uint64_t loads;
	uint64_t stores;
};

struct vm;

/* vCPU N runs on CPU N. Only that CPU touches it, but for what is said to be shared. */
struct vm_vcpu {
	struct vcpu vcpu;
	struct vm *vm;
	unsigned index;
	uint64_t exits;          /* shared, atomic; as is: */
	uint32_t woken;          /* 1: HC_WAKE came since the last HC_WAIT */
	ax_cancel_token_t timer; /* the last one that this vCPU set */
	uint64_t pending[VM_VECTORS /
			 64]; /* interrupts that wait for the next entry; shared, atomic */
	uint64_t tlb_seen;    /* tlb_shootdown.c */
	struct ax_npt_fault last_violation; /* what this vCPU was told last, and why */
	enum ax_fault_result last_reason;
};

/* What is particular to a guest; main.c has that of the guest that tests. */
struct vm_guest {
	/* On the vCPU's own CPU, before it enters first. False: it never will, the VM has stopped. */
	bool (*begin)(struct vm_vcpu *vcpu, const struct ax_npt_registers *npt);
	/* Answers a hypercall, or an exit that guest_loop.c does not know. False: it cannot. */
	bool (*exit)(struct vm_vcpu *vcpu, const struct vcpu_exit *exit);
	/* Sees each fault before the library does, and again once it is served; or NULL. */
	void (*see_fault)(const struct vm_vcpu *vcpu, const struct vcpu_exit *exit);
	void (*see_served)(const struct vm_vcpu *vcpu, const struct vcpu_exit *exit);
	/* Answers a fault for which there is no region or no permission. False: it is the guest's. */
	bool (*fault)(struct vm_vcpu *vcpu, const struct vcpu_exit *exit,
		      enum ax_fault_result reason);
};

struct vm {
	ax_vm_id_t id;
	const struct vm_guest *guest;
	struct ax_addrspace space;
	struct vm_vcpu vcpus[PLATFORM_CPUS];
	unsigned vcpu_count;

	struct lock lock; /* of what follows, up to the counters */
	struct vm_device device;
	struct vm_lent {
		uint64_t first;
		size_t count;
	} lent[VM_MAX_LENT];
	size_t lent_count;

	/* From here on atomic. */
	uint64_t faults_served;
	uint64_t violations;
	bool stopped;
	int status; /* the guest's own verdict, written before `stopped` */
};

/* vm.c: its life. vm_create() is for the guest that tests; others use what it is made of. */
void vm_create(struct vm *vm, const void *image, size_t image_size);
void vm_describe(struct vm *vm, const char *when);
void vm_destroy(struct vm *vm);

/* An empty space, and vCPUs. */
void vm_init(struct vm *vm, unsigned vcpu_count);

/* Copies into the guest's memory, so that a guest with its caches off sees it too. */
void vm_load(struct vm *vm, ax_gpa_t to, const void *from, size_t size);

/* The library's own books and ours have to agree on every frame: `lent` are those of linear mappings. */
void vm_check_frames(const struct vm *vm, size_t lent);

/* For calls that can only fail when something is wrong with this program or the library. */
void must(ax_error_t error, const char *what);

/* Contiguous frames for a linear mapping, given back by vm_destroy(); FRAME_NONE: no more. */
uint64_t vm_lend(struct vm *vm, size_t count, size_t alignment);

/* hypercall.c: answers one; changes of the memory map among them. */
void vm_hypercall(struct vm_vcpu *vcpu);

/* device.c: false when `exit` is no access to the trapped device that can be emulated. */
bool vm_device_access(struct vm_vcpu *vcpu, const struct vcpu_exit *exit);

/*
 * guest_loop.c. CPU 0 runs the VM: its own vCPU, and by the other CPUs, each of which serves for
 * ever, the others; it returns when all of them have stopped.
 */
void vm_run(struct vm *vm);
_Noreturn void vm_serve(void);

/* Ends the run, on every CPU; the first status counts. */
void vm_stop(struct vm *vm, int status);

/* The vCPU that a CPU runs, or NULL: on the CPU that asks, what "current" means in axvisor/vmm.h. */
struct vm_vcpu *vm_vcpu_on(unsigned cpu);

#endif /* HYPERVISOR_VM_H */
