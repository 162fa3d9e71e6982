/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AMD's SVM: what the VMCB is set to, and what the exits mean.
 *
 * Manual: AMD APM vol. 2, chapter 15 "Secure Virtual Machine".
 */
#include "apic.h"
#include "machine.h"
#include "platform.h"
#include "string.h"
#include "sysreg.h"
#include "vcpu.h"
#include "vmcb.h"

/* svm_switch.S */
bool svm_enter(uint64_t *gpr, uint64_t vmcb, uint64_t host_vmcb, const bool *kicked);

#define CPUID_EXTENDED_FEATURES 0x80000001u
#define CPUID_SVM               0x8000000au
#define CPUID_ECX_SVM           (1u << 2)
#define CPUID_EDX_FLUSH_BY_ASID (1u << 6)

#define MSR_VM_CR       0xc0010114u /* 15.30.1 */
#define MSR_VM_HSAVE_PA 0xc0010117u /* 15.30.4 */
#define VM_CR_SVMDIS    BIT(4)

static struct vmcb vmcbs[PLATFORM_CPUS], host_vmcbs[PLATFORM_CPUS];

/* Where VMRUN keeps the host's state: the processor's own business. */
static _Alignas(4096) uint8_t host_save[PLATFORM_CPUS][4096];

/*
 * 15.10.1 "I/O Permissions Map": a bit for each port, three pages, ones exit. 15.11 "MSR
 * Intercepts": two bits for each register, for reading and writing.
 */
static _Alignas(4096) uint8_t io_map[3 * 4096];
static _Alignas(4096) uint8_t msr_map[2 * 4096];

static bool is_present(void)
{
	return cpuid(CPUID_EXTENDED_FEATURES).ecx & CPUID_ECX_SVM;
}

/* Registers 0 to 0x1fff are in the first 2 KiB, those from 0xc0000000 on in the second. */
static void pass_msr(uint32_t msr)
{
	uint32_t bit = (msr & 0x1fff) * 2 + (msr >> 31) * 0x800 * 8;

	msr_map[bit / 8] &= (uint8_t) ~(3u << bit % 8);
}

/* The guest has the console, and those registers that are switched between it and us. */
static void fill_maps(void)
{
	memset(io_map, 0xff, sizeof(io_map));
	io_map[PLATFORM_CONSOLE / 8] &= (uint8_t) ~(1u << PLATFORM_CONSOLE % 8);
	memset(msr_map, 0xff, sizeof(msr_map));
	pass_msr(MSR_EFER);
	pass_msr(MSR_FS_BASE);
	pass_msr(MSR_GS_BASE);
	pass_msr(MSR_SYSENTER_CS);
	pass_msr(MSR_SYSENTER_ESP);
	pass_msr(MSR_SYSENTER_EIP);
}

static void init_cpu(void)
{
	unsigned cpu = machine_cpu();

	if (read_msr(MSR_VM_CR) & VM_CR_SVMDIS)
		machine_fail("SVM is switched off", read_msr(MSR_VM_CR));
	if (cpu == 0)
		fill_maps();
	write_msr(MSR_EFER, read_msr(MSR_EFER) | EFER_SVME);
	write_msr(MSR_VM_HSAVE_PA, (uintptr_t)host_save[cpu]);
	/* This part of the host's state never changes: saved once, loaded after each exit. */
	__asm__ volatile("vmsave %0" : : "a"(&host_vmcbs[cpu]) : "memory");
}

/*
 * Kicks are fixed interrupts. Where those are the guest's, they are NMIs: one that comes to the
 * hypervisor is remembered here, and the next entry is given up.
 */
static bool kicks_are_nmis;
static bool kicked[PLATFORM_CPUS];

static void nmi(uint64_t *rip)
{
	(void)rip;
	__atomic_store_n(&kicked[machine_cpu()], true, __ATOMIC_RELAXED);
}

static struct vmcb *vmcb_of_cpu(void)
{
	return &vmcbs[machine_cpu()];
}

static void init_control(struct vmcb *vmcb, const struct vcpu *vcpu)
{
	vmcb->intercept[0] = INTERCEPT_INTR | INTERCEPT_INVLPGA | INTERCEPT_IOIO | INTERCEPT_MSR |
			     INTERCEPT_SHUTDOWN;
	vmcb->intercept[1] = INTERCEPT_VMRUN | INTERCEPT_VMMCALL | INTERCEPT_VMLOAD |
			     INTERCEPT_VMSAVE | INTERCEPT_STGI | INTERCEPT_CLGI | INTERCEPT_SKINIT |
			     INTERCEPT_XSETBV;
	vmcb->iopm_base = (uintptr_t)io_map;
	vmcb->msrpm_base = (uintptr_t)msr_map;
	vmcb->asid = vcpu->tag;
	vmcb->v_intr = V_INTR_MASKING;
	vmcb->np_enable = NP_ENABLE;
	vmcb->n_cr3 = vcpu->npt_root;
}

/* Flat 32-bit protected mode. */
static void init_state(struct vmcb *vmcb)
{
	const struct segment data = {DATA_SELECTOR, SEGMENT_DATA, UINT32_MAX, 0};

	vmcb->cs = (struct segment){CODE_SELECTOR, SEGMENT_CODE32, UINT32_MAX, 0};
	vmcb->ds = data;
	vmcb->es = data;
	vmcb->fs = data;
	vmcb->gs = data;
	vmcb->ss = data;
	vmcb->ldtr = (struct segment){0, SEGMENT_LDT, 0xffff, 0};
	vmcb->tr = (struct segment){0, SEGMENT_TSS, 0xffff, 0};
	vmcb->cr0 = CR0_PE | CR0_ET;
	vmcb->efer = EFER_SVME;
	vmcb->dr6 = DR6_RESET;
	vmcb->dr7 = DR7_RESET;
	vmcb->pat = PAT_RESET;
}

static void init(struct vcpu *vcpu)
{
	struct vmcb *vmcb = vmcb_of_cpu();

	memset(vmcb, 0, sizeof(*vmcb));
	init_control(vmcb, vcpu);
	init_state(vmcb);
}

/* Without flushing by ASID there is only everything. */
static uint8_t tlb_control(const struct vcpu *vcpu)
{
	if (!vcpu->flush)
		return TLB_KEEP;
	return cpuid(CPUID_SVM).edx & CPUID_EDX_FLUSH_BY_ASID ? TLB_FLUSH_ASID : TLB_FLUSH_ALL;
}

/*
 * The window is a virtual interrupt that is never taken, because VINTR is intercepted: it exits as
 * soon as the guest could take one (15.21.4 "Injecting Virtual (INTR) Interrupts").
 */
static void set_window(struct vmcb *vmcb, const struct vcpu *vcpu)
{
	uint64_t masking = vcpu->passes_through ? 0 : V_INTR_MASKING;

	if (vcpu->window) {
		vmcb->v_intr = masking | V_IGN_TPR | V_IRQ;
		vmcb->intercept[0] |= INTERCEPT_VINTR;
	} else {
		vmcb->v_intr = masking;
		vmcb->intercept[0] &= ~INTERCEPT_VINTR;
	}
}

/* EFER.SVME has to be set in the guest's too (15.5.1 "Canonicalization and Consistency Checks"). */
static void load(struct vmcb *vmcb, struct vcpu *vcpu)
{
	vmcb->rax = vcpu->gpr[RAX];
	vmcb->rsp = vcpu->gpr[RSP];
	vmcb->rip = vcpu->rip;
	vmcb->rflags = vcpu->rflags;
	vmcb->cr2 = vcpu->cr2;
	vmcb->efer |= EFER_SVME;
	vmcb->shadow = vcpu->shadow;
	vmcb->event = vcpu->event | (uint64_t)vcpu->event_error << 32;
	vmcb->tlb_control = tlb_control(vcpu);
	set_window(vmcb, vcpu);
}

/*
 * EXITINTINFO, 15.7.2 "Intercepts During IDT Interrupt Delivery". QEMU 7.2 calls an interrupt an
 * exception there, and enters no guest with an exception of such a vector.
 */
static uint32_t interrupted_event(const struct vmcb *vmcb)
{
	uint32_t event = (uint32_t)vmcb->exit_int_info;

	if ((event & EVENT_TYPE) == EVENT_EXCEPTION && (event & EVENT_VECTOR) >= 32)
		event = (event & ~EVENT_TYPE) | EVENT_INTERRUPT;
	return event;
}

static void save(const struct vmcb *vmcb, struct vcpu *vcpu)
{
	vcpu->gpr[RAX] = vmcb->rax;
	vcpu->gpr[RSP] = vmcb->rsp;
	vcpu->rip = vmcb->rip;
	vcpu->rflags = vmcb->rflags;
	vcpu->cr0 = vmcb->cr0;
	vcpu->cr2 = vmcb->cr2;
	vcpu->cr3 = vmcb->cr3;
	vcpu->efer = vmcb->efer;
	vcpu->shadow = (uint32_t)(vmcb->shadow & SHADOW);
	vcpu->privilege = vmcb->cpl;
	vcpu->code64 = vmcb->efer & EFER_LMA && vmcb->cs.attributes & SEGMENT_L;
	vcpu_deliver_again(vcpu, interrupted_event(vmcb), (uint32_t)(vmcb->exit_int_info >> 32));
}

static void nested_page_fault(const struct vmcb *vmcb, struct vcpu *vcpu, struct vcpu_exit *exit)
{
	uint64_t info = vmcb->exit_info1;

	exit->syndrome = info;
	if (ax_npt_fault_from_npf(info, vmcb->exit_info2, &exit->fault) != AX_OK)
		return;
	exit->walk.end = info & NPF_PRESENT ? VCPU_WALK_DENIED : VCPU_WALK_ABSENT;
	vcpu_describe_fault(vcpu, exit, info & NPF_WALK, false);
}

/* String instructions are not for the ports that exit. */
static void port_access(const struct vmcb *vmcb, struct vcpu *vcpu)
{
	uint64_t info = vmcb->exit_info1;

	if (info & IOIO_STRING)
		return;
	vcpu->io.port = (uint16_t)bits(info, 31, 16);
	vcpu->io.size = IOIO_SIZE(info);
	vcpu->io.in = info & IOIO_IN;
	vcpu->io.next = vmcb->exit_info2;
}

/*
 * The NMI that a guest exited for is taken when svm_enter() lets it in. Whoever sent one before this, and
 * waits, has what it wants: the guest is left.
 */
static bool enter(struct vcpu *vcpu)
{
	struct vmcb *vmcb = vmcb_of_cpu();
	unsigned cpu = machine_cpu();
	bool entered;

	load(vmcb, vcpu);
	entered = svm_enter(vcpu->gpr, (uintptr_t)vmcb, (uintptr_t)&host_vmcbs[cpu], &kicked[cpu]);
	__atomic_store_n(&kicked[cpu], false, __ATOMIC_RELAXED);
	return entered;
}

static void run(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	const struct vmcb *vmcb = vmcb_of_cpu();

	vcpu->io.size = 0;
	if (!enter(vcpu)) {
		exit->kind = VCPU_EXIT_RETRY;
		return;
	}
	vcpu->flush = false;
	save(vmcb, vcpu);

	exit->syndrome = vmcb->exit_code;
	switch (vmcb->exit_code) {
	case EXIT_INTR:
		exit->kind = VCPU_EXIT_INTERRUPT;
		break;
	case EXIT_NMI:
	case EXIT_VINTR:
		exit->kind = VCPU_EXIT_RETRY;
		break;
	case EXIT_VMMCALL:
		vcpu_skip(vcpu, VMMCALL_BYTES);
		exit->kind = VCPU_EXIT_HYPERCALL;
		break;
	case EXIT_NPF:
		nested_page_fault(vmcb, vcpu, exit);
		break;
	case EXIT_IOIO:
		port_access(vmcb, vcpu);
		break;
	default:
		break;
	}
}

/*
 * Without INTR intercepted and V_INTR_MASKING an interrupt is the guest's, by its own flag; the hypervisor
 * has its own clear outside of svm_enter() and leaves them pending.
 */
static void pass_through(const uint16_t *ports, size_t count)
{
	struct vmcb *vmcb = vmcb_of_cpu();

	kicks_are_nmis = true;
	vmcb->intercept[0] &= ~(INTERCEPT_INTR | INTERCEPT_MSR);
	vmcb->intercept[0] |= INTERCEPT_NMI;
	vmcb->intercept[1] &= ~INTERCEPT_XSETBV;
	memset(io_map, 0, sizeof(io_map));
	for (size_t i = 0; i < count; i++)
		io_map[ports[i] / 8] |= (uint8_t)(1u << ports[i] % 8);
}

static bool emulate(struct vcpu *vcpu, const struct vcpu_exit *exit)
{
	(void)vcpu;
	(void)exit;
	return false;
}

/* No instruction drops nested translations by ASID: the next VMRUN does. */
static void flush(struct vcpu *vcpu)
{
	vcpu->flush = true;
}

/* Fixed interrupts wait in the local APIC: one that comes too early makes the next VMRUN exit. */
static void kick(unsigned cpu)
{
	if (kicks_are_nmis)
		apic_send_nmi(cpu);
	else
		apic_send(cpu, PLATFORM_KICK_INTERRUPT);
}

/* STI lets interrupts in only after HLT: none slips in before it. */
static void wait_for_kick(void)
{
	__asm__ volatile("sti\n\thlt\n\tcli" : : : "memory");
}

const struct virtualisation svm = {
	.name = "SVM",
	.guest_calls = GUEST_CALLS_BY_VMMCALL,
	.is_present = is_present,
	.init_cpu = init_cpu,
	.init = init,
	.run = run,
	.flush = flush,
	.pass_through = pass_through,
	.emulate = emulate,
	.kick = kick,
	.wait = wait_for_kick,
	.nmi = nmi,
};
