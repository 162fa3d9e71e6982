/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linux as the guest, in place of the guest that tests: main.c and what it pulls in is not linked then.
 *
 *   linux.c         the whole run: takes the kernel from where the emulator put it, runs it, reports
 *   linux_boot.c    puts kernel, initrd and device tree into the guest, where that is how Linux boots
 *   linux_memory.c  moves the guest's memory about while it runs
 *   fdt.c           writes a device tree
 *   ARCH/linux.c    the guest's devices and firmware calls
 */
#ifndef HYPERVISOR_LINUX_H
#define HYPERVISOR_LINUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <axvisor/addr.h>

#include "fdt.h"
#include "vm.h"

/* What the guest boots from: tests/linux/payload.sh makes it, at PLATFORM_PAYLOAD in our memory. */
struct linux_payload {
	const void *kernel;
	size_t kernel_size;
	const void *initrd;
	size_t initrd_size;
	uint64_t rate; /* changes of the guest's memory in a second */
	uint64_t seed; /* of the random numbers that choose them */
	char command[512];
};

/* --- linux.c */

/*
 * Lets a vCPU begin at `entry` with `argument` as its boot protocol says. False: it has begun
 * already, or there is none of that number.
 */
bool linux_start_vcpu(struct vm *vm, uint64_t index, ax_gpa_t entry, uint64_t argument);

/* Whether it has. */
bool linux_has_begun(uint64_t index);

/* The guest has powered the machine off, or has restarted it, as a kernel that panics does. */
void linux_power_off(struct vm *vm);
void linux_restart(struct vm *vm);

/* Device memory that the guest uses as it is: guest-physical is host-physical. */
void linux_pass_through(struct vm *vm, uint64_t start, uint64_t size);

/* --- linux_boot.c, for kernels in the Image format and a device tree */

/*
 * Copies all of it and starts vCPU 0. The architecture adds to the device tree what its machine has: to
 * the root node, first properties, then nodes.
 */
void linux_boot_image(struct vm *vm, const struct linux_payload *payload,
		      void (*add_machine)(struct fdt *fdt, const struct vm *vm));

/* --- linux_memory.c */

void linux_map_ram(struct vm *vm, ax_gpa_t start, uint64_t size);

/* Which changes are made, before the first. */
void linux_seed_changes(uint64_t seed);

/* One change of the guest's memory, at random. */
void linux_change_memory(struct vm *vm);

/* A fault that the library had no answer for: true when the access may be retried. */
bool linux_memory_fault(struct vm *vm, const struct ax_npt_fault *fault);

/* Takes all memory from the guest, which may still run; then what was moved goes back. */
void linux_unmap_ram(struct vm *vm);

void linux_report_memory(struct vm *vm);

/* --- ARCH/linux.c */

/* Memory, devices and images, then linux_start_vcpu() for vCPU 0. */
void linux_arch_create(struct vm *vm, const struct linux_payload *payload);

/* vcpu_init() and what Linux needs besides. Called on the vCPU's CPU. */
void linux_arch_begin(struct vm_vcpu *vcpu, const struct ax_npt_registers *npt, ax_gpa_t entry,
		      uint64_t argument);

/* A CPU that sleeps inside the guest goes on with its next instruction. */
void linux_arch_wake(unsigned cpu);

/* A call of the guest's, or another exit that the portable part does not know. False: nor does this. */
bool linux_arch_exit(struct vm_vcpu *vcpu, const struct vcpu_exit *exit);

#endif /* HYPERVISOR_LINUX_H */
