/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heart of a hypervisor: run the guest, see why it came back, answer, run it again. Each CPU does
 * so for its own vCPU.
 */
#include "console.h"
#include "machine.h"
#include "tlb_shootdown.h"
#include "vm.h"

/*
 * What each CPU is to run: given out by CPU 0, taken back by the CPU itself when it has stopped. What
 * the giver wrote before is seen by the taker, and the other way.
 */
static struct vm_vcpu *assigned[PLATFORM_CPUS];

struct vm_vcpu *vm_vcpu_on(unsigned cpu)
{
	return __atomic_load_n(&assigned[cpu], __ATOMIC_ACQUIRE);
}

static void assign(unsigned cpu, struct vm_vcpu *vcpu)
{
	__atomic_store_n(&assigned[cpu], vcpu, __ATOMIC_RELEASE);
}

static bool has_stopped(const struct vm *vm)
{
	return __atomic_load_n(&vm->stopped, __ATOMIC_ACQUIRE);
}

/* The others look whether the VM has stopped when they are out of the guest: the kick gets them there. */
void vm_stop(struct vm *vm, int status)
{
	lock_acquire(&vm->lock);
	if (!has_stopped(vm))
		vm->status = status;
	__atomic_store_n(&vm->stopped, true, __ATOMIC_RELEASE);
	lock_release(&vm->lock);
	for (unsigned cpu = 0; cpu < vm->vcpu_count; cpu++) {
		if (cpu != machine_cpu())
			machine_kick(cpu);
	}
}

static void give_up(struct vm_vcpu *vcpu, const char *why, const struct vcpu_exit *exit)
{
	console_print("hyp: vCPU %u: %s: syndrome 0x%lx, address 0x%lx\n", vcpu->index, why,
		      exit->syndrome, exit->guest_address);
	vcpu_print(&vcpu->vcpu);
	vm_stop(vcpu->vm, 1);
}

/* A mistake of the guest's: it hears about it as real hardware would tell it. */
static void report_violation(struct vm_vcpu *vcpu, const struct vcpu_exit *exit,
			     enum ax_fault_result reason)
{
	__atomic_fetch_add(&vcpu->vm->violations, 1, __ATOMIC_RELAXED);
	vcpu->last_violation = exit->fault;
	vcpu->last_reason = reason;
	vcpu_inject_fault(&vcpu->vcpu, exit);
}

/*
 * First the library: it backs lazy memory, and says "handled" as well when there is nothing left to
 * do, because another CPU was faster or this one used an old translation. Where it knows no region
 * the guest's kind may know a trapped device. The rest is forbidden to the guest, unless the host is at fault.
 */
static void handle_fault(struct vm_vcpu *vcpu, const struct vcpu_exit *exit)
{
	struct vm *vm = vcpu->vm;
	const struct ax_npt_fault *fault = &exit->fault;
	enum ax_fault_result result;

	if (vm->guest->see_fault)
		vm->guest->see_fault(vcpu, exit);
	result = ax_addrspace_fault(&vm->space, fault->addr, fault->access);
	switch (result) {
	case AX_FAULT_HANDLED:
		__atomic_fetch_add(&vm->faults_served, 1, __ATOMIC_RELAXED);
		if (vm->guest->see_served)
			vm->guest->see_served(vcpu, exit);
		break;
	case AX_FAULT_NO_REGION:
	case AX_FAULT_DENIED:
		if (!vm->guest->fault(vcpu, exit, result))
			report_violation(vcpu, exit, result);
		break;
	case AX_FAULT_NO_MEMORY:
		give_up(vcpu, "no memory left for the guest", exit);
		break;
	case AX_FAULT_FAILED:
		give_up(vcpu, "a fault that the library refused", exit);
		break;
	}
}

/*
 * Interrupts that ax_vmm_inject_interrupt() left for this vCPU. One that comes after this look comes
 * with a kick, so that there is another look.
 */
static void deliver_interrupts(struct vm_vcpu *vcpu)
{
	for (uint32_t word = 0; word < VM_VECTORS / 64; word++) {
		uint64_t pending = __atomic_exchange_n(&vcpu->pending[word], 0, __ATOMIC_ACQUIRE);

		for (uint32_t bit = 0; pending; bit++, pending >>= 1) {
			if (pending & 1)
				machine_inject_interrupt(word * 64 + bit);
		}
	}
}

static void run_once(struct vm_vcpu *vcpu, struct vcpu_exit *exit)
{
	deliver_interrupts(vcpu);
	if (!PLATFORM_TLB_BROADCAST)
		tlb_enter_guest(vcpu);
	vcpu_run(&vcpu->vcpu, exit);
	if (!PLATFORM_TLB_BROADCAST)
		tlb_leave_guest();
	__atomic_fetch_add(&vcpu->exits, 1, __ATOMIC_RELAXED);
}

/* Asked as any other component would ask. */
static void announce(void)
{
	uint64_t running;
	size_t count;

	if (ax_vmm_current_vm_vcpu_num(&count) != AX_OK ||
	    ax_vmm_current_vm_active_vcpus(&running) != AX_OK)
		machine_fail("there should be a VM now", ax_vmm_current_vm_id());
	console_print("hyp: VM %zu runs: %zu vCPUs, mask 0x%lx\n", ax_vmm_current_vm_id(), count,
		      running);
}

static void run_until_stopped(struct vm_vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	struct vcpu_exit exit;

	while (!has_stopped(vm)) {
		run_once(vcpu, &exit);
		switch (exit.kind) {
		case VCPU_EXIT_FAULT:
			handle_fault(vcpu, &exit);
			break;
		case VCPU_EXIT_INTERRUPT:
			machine_handle_interrupt();
			if (vcpu->index == 0)
				time_alarm(); /* another CPU may have set a timer and kicked */
			break;
		case VCPU_EXIT_RETRY:
			break;
		case VCPU_EXIT_HYPERCALL:
		case VCPU_EXIT_UNEXPECTED:
			if (!vm->guest->exit(vcpu, &exit))
				give_up(vcpu, "unexpected exit", &exit);
			break;
		}
	}
}

/* The life of a vCPU, on its CPU. */
static void run_vcpu(struct vm_vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	struct ax_npt_registers npt;

	ax_addrspace_registers(&vm->space, &npt);
	vcpu->tlb_seen = UINT64_MAX; /* whoever used this tag before: the first entry flushes */
	if (vm->guest->begin(vcpu, &npt))
		run_until_stopped(vcpu);
	ax_time_cancel_timer(vcpu->timer);
	assign(machine_cpu(), NULL);
}

void vm_run(struct vm *vm)
{
	for (unsigned cpu = 0; cpu < vm->vcpu_count; cpu++)
		assign(cpu, &vm->vcpus[cpu]);
	announce();
	run_vcpu(vm_vcpu_on(0));
	for (unsigned cpu = 1; cpu < vm->vcpu_count; cpu++) {
		while (vm_vcpu_on(cpu))
			machine_relax();
	}
}

_Noreturn void vm_serve(void)
{
	for (;;) {
		struct vm_vcpu *vcpu = vm_vcpu_on(machine_cpu());

		if (vcpu)
			run_vcpu(vcpu);
		else
			machine_relax();
	}
}
