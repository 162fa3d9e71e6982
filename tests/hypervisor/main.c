/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reference hypervisor: a unikernel that runs one guest on libaxaddrspace.
 *
 * It shows what a port of the library has to bring, and it proves on an emulated machine that the
 * processor's own table walker agrees with the tables that the library builds. `make run` here (or
 * at the top) builds library, hypervisor and guest, and boots them under QEMU.
 *
 * A tour, in the order in which one would write it anew:
 *
 *   frames.c       the host's memory: what the library gets its tables and guest RAM from
 *   port.c         what the library asks of its host: axvisor/memory.h, vmm.h and host.h,
 *   time.c         and of its clock, axvisor/time.h: this is all that a port is
 *   vm.c           a virtual machine: create the space, map regions, copy the image in, destroy
 *   guest_loop.c   run the guest, serve its faults through the library, run it again
 *   tlb_shootdown.c  invalidation on the other CPUs, axvisor/tlb.h, where the hardware does not
 *                  carry it there
 *   hypercall.c    the memory map changes while the guest runs
 *   device.c       a trapped device: what lies in no region may still be emulated
 *   conformance.c  random changes of the map, conformance_map.c, and the processor's verdict on each
 *   machine.h      what these need of an architecture, and vcpu.h, how a guest CPU is run
 *   ARCH/          exactly that: entry, exceptions, world switch, interrupt controller, timer
 *   guest/         the guest, which does the testing: its C files are the same on every architecture
 *   abi.h          what both sides agree on
 *   linux.h        another guest: Linux, whose memory moves while it runs
 *
 * CPU 0 makes the VM; then each CPU runs the vCPU of its number, and what they share is atomic or has
 * a lock, lock.h. `make stale` leaves the invalidations out, no_invalidation.c: that run has to fail.
 *
 * The run passes when the guest says so and not one frame is missing in the end.
 */
#include <axvisor/host.h>
#include <axvisor/memory.h>
#include <axvisor/time.h>
#include <axvisor/vmm.h>

#include "conformance.h"
#include "console.h"
#include "frames.h"
#include "machine.h"
#include "vm.h"

/* From the linker script; the guest's image from guest_image.S. */
extern const char image_end[];
extern const char guest_image[], guest_image_end[];

_Noreturn void hypervisor_secondary(void)
{
	machine_init();
	vm_serve();
}

static bool begin(struct vm_vcpu *vcpu, const struct ax_npt_registers *npt)
{
	vcpu_init(&vcpu->vcpu, vcpu->index, ax_gpa(GUEST_RAM), npt);
	return true;
}

static bool answer_exit(struct vm_vcpu *vcpu, const struct vcpu_exit *exit)
{
	if (exit->kind != VCPU_EXIT_HYPERCALL)
		return false;
	vm_hypercall(vcpu);
	return true;
}

static bool answer_fault(struct vm_vcpu *vcpu, const struct vcpu_exit *exit,
			 enum ax_fault_result reason)
{
	return reason == AX_FAULT_NO_REGION && vm_device_access(vcpu, exit);
}

static const struct vm_guest test_guest = {
	.begin = begin,
	.exit = answer_exit,
	.see_fault = conformance_fault,
	.see_served = conformance_served,
	.fault = answer_fault,
};

static void print_frames(const char *when)
{
	console_print("hyp: frames in use %s: %zu of %zu\n", when, frames_used(), frames_total());
}

_Noreturn void hypervisor_main(void)
{
	static struct vm vm = {.guest = &test_guest};
	bool leaked;

	console_print("hyp: libaxaddrspace reference hypervisor\n");
	machine_init();
	machine_describe();
	for (unsigned cpu = 1; cpu < machine_cpus(); cpu++)
		machine_start_cpu(cpu);
	frames_init((uintptr_t)image_end, PLATFORM_RAM_BASE + PLATFORM_RAM_SIZE);
	print_frames("before");

	vm_create(&vm, guest_image, (size_t)(guest_image_end - guest_image));
	vm_describe(&vm, "before the guest runs");
	vm_run(&vm);
	vm_describe(&vm, "after the guest ran");
	vm_destroy(&vm);

	print_frames("after");
	leaked = frames_used() != 0;
	console_print("hyp: guest status %d, %zu frames leaked: %s\n", vm.status, frames_used(),
		      vm.status == 0 && !leaked ? "PASSED" : "FAILED");
	machine_exit(vm.status == 0 && !leaked ? 0 : 1);
}
