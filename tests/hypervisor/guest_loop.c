/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heart of a hypervisor: run the guest, see why it came back, answer, run it again.
 */
#include "console.h"
#include "machine.h"
#include "vm.h"

static void stop(struct vm *vm, const char *why, const struct vcpu_exit *exit)
{
	console_print("hyp: %s: syndrome 0x%lx, address 0x%lx\n", why, exit->syndrome,
		      exit->guest_address);
	vcpu_print(&vm->vcpu);
	vm->stopped = true;
	vm->status = 1;
}

/* A mistake of the guest's: it hears about it as real hardware would tell it. */
static void report_violation(struct vm *vm, const struct vcpu_exit *exit,
			     enum ax_fault_result reason)
{
	vm->violations++;
	vm->last_violation = exit->fault;
	vm->last_reason = reason;
	vcpu_inject_fault(&vm->vcpu, exit);
}

/*
 * First the library: it backs lazy memory, and says "handled" as well when there is nothing left to
 * do, because another CPU was faster or this one used an old translation. Where it knows no region
 * there may be a trapped device. The rest is forbidden to the guest, unless the host is at fault.
 */
static void handle_fault(struct vm *vm, const struct vcpu_exit *exit)
{
	const struct ax_npt_fault *fault = &exit->fault;
	enum ax_fault_result result = ax_addrspace_fault(&vm->space, fault->addr, fault->access);

	switch (result) {
	case AX_FAULT_HANDLED:
		vm->faults_served++;
		break;
	case AX_FAULT_NO_REGION:
		if (!vm_device_access(vm, exit))
			report_violation(vm, exit, result);
		break;
	case AX_FAULT_DENIED:
		report_violation(vm, exit, result);
		break;
	case AX_FAULT_NO_MEMORY:
		stop(vm, "no memory left for the guest", exit);
		break;
	case AX_FAULT_FAILED:
		stop(vm, "a fault that the library refused", exit);
		break;
	}
}

/* Asked as any other component would ask. */
static void announce(void)
{
	uint64_t running;
	size_t count;

	if (ax_vmm_current_vm_vcpu_num(&count) != AX_OK ||
	    ax_vmm_current_vm_active_vcpus(&running) != AX_OK)
		machine_fail("there should be a VM now", ax_vmm_current_vm_id());
	console_print("hyp: VM %zu runs: %zu vCPU, mask 0x%lx\n", ax_vmm_current_vm_id(), count,
		      running);
}

void vm_run(struct vm *vm)
{
	struct vcpu_exit exit;

	vm_current = vm;
	announce();
	while (!vm->stopped) {
		vcpu_run(&vm->vcpu, &exit);
		switch (exit.kind) {
		case VCPU_EXIT_HYPERCALL:
			vm_hypercall(vm);
			break;
		case VCPU_EXIT_FAULT:
			handle_fault(vm, &exit);
			break;
		case VCPU_EXIT_INTERRUPT:
			machine_handle_interrupt();
			break;
		case VCPU_EXIT_RETRY:
			break;
		case VCPU_EXIT_UNEXPECTED:
			stop(vm, "unexpected exit", &exit);
			break;
		}
	}
	vm_current = NULL;
}
