/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intel's VMX: what the VMCS is set to, and what the exits mean.
 *
 * Manual: Intel SDM vol. 3C, chapters "Virtual Machine Control Structures", "VM Entries", "VM Exits"; vol.
 * 3D, appendix A "VMX Capability Reporting Facility".
 */
#include "apic.h"
#include "console.h"
#include "machine.h"
#include "platform.h"
#include "string.h"
#include "sysreg.h"
#include "vcpu.h"
#include "vmcs.h"

/* vmx_switch.S */
unsigned vmx_enter(uint64_t *gpr, bool launched, const bool *kicked);
void vmx_wait(const bool *kicked);
extern const char vmx_exit[], vmx_entry_first[], vmx_entry_end[], vmx_entry_given_up[];
extern const char vmx_wait_first[], vmx_wait_end[], vmx_wait_over[];

#define CPUID_FEATURES 0x1u
#define CPUID_ECX_VMX  (1u << 5)

/* Leaves with the frequencies of counter, crystal and processor (Intel SDM vol. 2A, CPUID). */
#define CPUID_CLOCKS      0x15u
#define CPUID_FREQUENCIES 0x16u

/* IA32_FEATURE_CONTROL: locked, VMX allowed outside of SMX. */
#define FEATURE_LOCKED BIT(0)
#define FEATURE_VMX    BIT(2)

/* A.1: the revision of VMCS regions in bits [30:0]; bit 55: the "true" registers are there (A.2). */
#define MSR_VMX_BASIC           0x480u
#define VMX_BASIC_TRUE          BIT(55)
#define MSR_VMX_MISC            0x485u /* A.6: [4:0] by how much the timer is slower, a logarithm */
#define MSR_VMX_PROCBASED_CTLS2 0x48bu
#define MSR_VMX_TRUE_PINBASED   0x48du
#define MSR_VMX_TRUE_PROCBASED  0x48eu
#define MSR_VMX_TRUE_EXIT_CTLS  0x48fu
#define MSR_VMX_TRUE_ENTRY_CTLS 0x490u

#define INVEPT_SINGLE_CONTEXT 1ul
#define INVEPT_ALL_CONTEXTS   2ul

static _Alignas(4096) uint32_t vmxon_regions[PLATFORM_CPUS][1024];
static _Alignas(4096) uint32_t vmcs_regions[PLATFORM_CPUS][1024];

/*
 * "I/O-Bitmap Addresses": a bit for each port, ones exit. "MSR-Bitmap Address": four parts of 1 KiB, for
 * reading low and high registers, then for writing them.
 */
static _Alignas(4096) uint8_t io_bitmaps[2 * 4096];
static _Alignas(4096) uint8_t msr_bitmap[4096];

static bool is_present(void)
{
	return cpuid(CPUID_FEATURES).ecx & CPUID_ECX_VMX;
}

static uint64_t vmread(uint64_t field)
{
	uint64_t value;
	bool failed;

	__asm__ volatile("vmread %2, %1" : "=@ccbe"(failed), "=r"(value) : "r"(field));
	if (failed)
		machine_fail("VMREAD", field);
	return value;
}

static void vmwrite(uint64_t field, uint64_t value)
{
	bool failed;

	__asm__ volatile("vmwrite %2, %1" : "=@ccbe"(failed) : "r"(field), "r"(value));
	if (failed)
		machine_fail("VMWRITE", field);
}

static void pass_msr(uint32_t msr)
{
	uint32_t byte = (msr & 0x1fff) / 8 + (msr >> 31) * 1024;

	msr_bitmap[byte] &= (uint8_t) ~(1u << msr % 8);
	msr_bitmap[byte + 2048] &= (uint8_t) ~(1u << msr % 8);
}

/* The guest has the console, and those registers that are switched between it and us. */
static void fill_bitmaps(void)
{
	memset(io_bitmaps, 0xff, sizeof(io_bitmaps));
	io_bitmaps[PLATFORM_CONSOLE / 8] &= (uint8_t) ~(1u << PLATFORM_CONSOLE % 8);
	memset(msr_bitmap, 0xff, sizeof(msr_bitmap));
	pass_msr(MSR_EFER);
	pass_msr(MSR_FS_BASE);
	pass_msr(MSR_GS_BASE);
	pass_msr(MSR_SYSENTER_CS);
	pass_msr(MSR_SYSENTER_ESP);
	pass_msr(MSR_SYSENTER_EIP);
}

static void invept(uint64_t type, uint64_t eptp)
{
	const uint64_t descriptor[2] = {eptp, 0};
	bool failed;

	__asm__ volatile("invept %1, %2"
			 : "=@ccbe"(failed)
			 : "m"(descriptor), "r"(type)
			 : "memory");
	if (failed)
		machine_fail("INVEPT", type);
}

/* Without firmware nobody has set and locked it. */
static void allow_vmx(void)
{
	uint64_t control = read_msr(MSR_FEATURE_CONTROL);

	if (!(control & FEATURE_LOCKED))
		write_msr(MSR_FEATURE_CONTROL, control | FEATURE_LOCKED | FEATURE_VMX);
	else if (!(control & FEATURE_VMX))
		machine_fail("VMX is locked off", control);
}

/*
 * VMXON need not invalidate what an earlier hypervisor left, so that is done here ("Guidelines for Use of
 * the INVEPT Instruction"). The library executes INVEPT while CR4.VMXE is set: nobody changes an
 * address space on this CPU between here and VMXON.
 */
static void init_cpu(void)
{
	unsigned cpu = machine_cpu();
	uint64_t region = (uintptr_t)vmxon_regions[cpu];
	bool failed;

	if (cpu == 0)
		fill_bitmaps();
	if (!(read_msr(MSR_VMX_BASIC) & VMX_BASIC_TRUE))
		machine_fail("this processor is older than this hypervisor needs", 0);
	allow_vmx();
	write_cr(4, read_cr(4) | CR4_VMXE);
	vmxon_regions[cpu][0] = (uint32_t)bits(read_msr(MSR_VMX_BASIC), 30, 0);
	__asm__ volatile("vmxon %1" : "=@ccbe"(failed) : "m"(region) : "memory");
	if (failed)
		machine_fail("VMXON", region);
	invept(INVEPT_ALL_CONTEXTS, 0);
}

static void load_vmcs(void)
{
	uint32_t *vmcs = vmcs_regions[machine_cpu()];
	uint64_t address = (uintptr_t)vmcs;
	bool failed;

	vmcs[0] = (uint32_t)bits(read_msr(MSR_VMX_BASIC), 30, 0);
	__asm__ volatile("vmclear %1" : "=@ccbe"(failed) : "m"(address) : "memory");
	if (failed)
		machine_fail("VMCLEAR", address);
	__asm__ volatile("vmptrld %1" : "=@ccbe"(failed) : "m"(address) : "memory");
	if (failed)
		machine_fail("VMPTRLD", address);
}

/* A.3: bits [31:0] of the register have to be set, bits [63:32] may be. */
static uint32_t controls(uint32_t msr, uint32_t wanted)
{
	uint64_t allowed = read_msr(msr);

	if (wanted & ~(uint32_t)(allowed >> 32))
		machine_fail("this processor does not have a control that is needed", wanted);
	return wanted | (uint32_t)allowed;
}

static void init_controls(const struct vcpu *vcpu)
{
	vmwrite(PIN_CONTROLS, controls(MSR_VMX_TRUE_PINBASED,
				       PIN_EXTERNAL_INTERRUPT | PIN_NMI | PIN_PREEMPTION_TIMER));
	vmwrite(PROC_CONTROLS,
		controls(MSR_VMX_TRUE_PROCBASED,
			 PROC_HLT | PROC_IO_BITMAPS | PROC_MSR_BITMAPS | PROC_SECONDARY));
	vmwrite(PROC_CONTROLS2,
		controls(MSR_VMX_PROCBASED_CTLS2, PROC2_EPT | PROC2_VPID | PROC2_UNRESTRICTED));
	vmwrite(EXIT_CONTROLS,
		controls(MSR_VMX_TRUE_EXIT_CTLS, EXIT_HOST_64 | EXIT_SAVE_EFER | EXIT_LOAD_EFER));
	vmwrite(ENTRY_CONTROLS, controls(MSR_VMX_TRUE_ENTRY_CTLS, ENTRY_LOAD_EFER));
	vmwrite(IO_BITMAP_A, (uintptr_t)io_bitmaps);
	vmwrite(IO_BITMAP_B, (uintptr_t)io_bitmaps + 4096);
	vmwrite(MSR_BITMAP, (uintptr_t)msr_bitmap);
	vmwrite(EPT_POINTER, vcpu->npt_root);
	vmwrite(VPID, vcpu->tag);
	vmwrite(EXCEPTION_BITMAP, 0);
	vmwrite(PAGE_FAULT_MASK, 0);
	vmwrite(PAGE_FAULT_MATCH, 0);
	vmwrite(CR3_TARGET_COUNT, 0);
	vmwrite(EXIT_MSR_STORE_COUNT, 0);
	vmwrite(EXIT_MSR_LOAD_COUNT, 0);
	vmwrite(ENTRY_MSR_LOAD_COUNT, 0);

	/*
	 * VMX operation needs CR0.NE and CR4.VMXE of the guest, too ("Restrictions on VMX
	 * Operation"): the guest sees them clear and can leave them so.
	 */
	vmwrite(CR0_MASK, CR0_NE);
	vmwrite(CR0_SHADOW, 0);
	vmwrite(CR4_MASK, CR4_VMXE);
	vmwrite(CR4_SHADOW, 0);
}

static void init_segment(unsigned segment, uint16_t selector, uint32_t limit, uint32_t rights)
{
	vmwrite(GUEST_SELECTORS + 2 * segment, selector);
	vmwrite(GUEST_LIMITS + 2 * segment, limit);
	vmwrite(GUEST_RIGHTS + 2 * segment, rights);
	vmwrite(GUEST_BASES + 2 * segment, 0);
}

/* Flat 32-bit protected mode. */
static void init_guest(void)
{
	for (unsigned i = 0; i < SEGMENTS; i++)
		init_segment(i, DATA_SELECTOR, UINT32_MAX, RIGHTS_DATA);
	init_segment(CS, CODE_SELECTOR, UINT32_MAX, RIGHTS_CODE32);
	init_segment(LDTR, 0, 0, RIGHTS_UNUSABLE);
	init_segment(TR, 0, 0xffff, RIGHTS_TSS);
	vmwrite(GUEST_GDTR_BASE, 0);
	vmwrite(GUEST_GDTR_LIMIT, 0);
	vmwrite(GUEST_IDTR_BASE, 0);
	vmwrite(GUEST_IDTR_LIMIT, 0);
	vmwrite(GUEST_CR0, CR0_PE | CR0_ET | CR0_NE);
	vmwrite(GUEST_CR3, 0);
	vmwrite(GUEST_CR4, CR4_VMXE);
	vmwrite(GUEST_EFER, 0);
	vmwrite(GUEST_DR7, DR7_RESET);
	vmwrite(GUEST_DEBUGCTL, 0);
	vmwrite(GUEST_PENDING_DEBUG, 0);
	vmwrite(GUEST_ACTIVITY, 0);
	vmwrite(GUEST_SYSENTER_CS, 0);
	vmwrite(GUEST_SYSENTER_ESP, 0);
	vmwrite(GUEST_SYSENTER_EIP, 0);
	vmwrite(GUEST_LINK_POINTER, NO_LINK);
}

/* From the descriptor: its base is in bits [39:16], [63:56], and in its second half. */
static uint64_t task_base(uint64_t gdt, uint16_t selector)
{
	const uint64_t *descriptor = (const uint64_t *)(uintptr_t)(gdt + selector);

	return bits(descriptor[0], 39, 16) | bits(descriptor[0], 63, 56) << 24 |
	       descriptor[1] << 32;
}

static void init_host(void)
{
	struct table_register gdt, idt;
	uint16_t cs, ss, task;

	__asm__ volatile("sgdt %0" : "=m"(gdt));
	__asm__ volatile("sidt %0" : "=m"(idt));
	__asm__ volatile("mov %%cs, %0" : "=r"(cs));
	__asm__ volatile("mov %%ss, %0" : "=r"(ss));
	__asm__ volatile("str %0" : "=r"(task));
	vmwrite(HOST_CS, cs);
	vmwrite(HOST_SS, ss);
	vmwrite(HOST_DS, ss);
	vmwrite(HOST_ES, ss);
	vmwrite(HOST_FS, 0);
	vmwrite(HOST_GS, 0);
	vmwrite(HOST_TR, task);
	vmwrite(HOST_FS_BASE, 0);
	vmwrite(HOST_GS_BASE, 0);
	vmwrite(HOST_TR_BASE, task_base(gdt.base, task));
	vmwrite(HOST_GDTR_BASE, gdt.base);
	vmwrite(HOST_IDTR_BASE, idt.base);
	vmwrite(HOST_CR0, read_cr(0));
	vmwrite(HOST_CR3, read_cr(3));
	vmwrite(HOST_CR4, read_cr(4));
	vmwrite(HOST_EFER, read_msr(MSR_EFER));
	vmwrite(HOST_SYSENTER_CS, 0);
	vmwrite(HOST_SYSENTER_ESP, 0);
	vmwrite(HOST_SYSENTER_EIP, 0);
	vmwrite(HOST_RIP, (uintptr_t)vmx_exit);
}

static void init(struct vcpu *vcpu)
{
	load_vmcs();
	init_controls(vcpu);
	init_guest();
	init_host();
}

/*
 * The guest exits for the alarm by the preemption timer, which counts at a fraction of the counter's rate,
 * not by the interrupt of the local APIC: see kick(). Where there is no alarm it runs for as long
 * as it can.
 */
static uint32_t time_to_run(void)
{
	uint64_t deadline = apic_timer_deadline(), now = apic_counter();
	uint64_t ticks = deadline > now ? deadline - now : 0;

	ticks = (ticks >> bits(read_msr(MSR_VMX_MISC), 4, 0)) + 1;
	return ticks < UINT32_MAX ? (uint32_t)ticks : UINT32_MAX;
}

/* ENTRY_GUEST_64 follows the guest into long mode. */
static void load(const struct vcpu *vcpu)
{
	uint32_t entry = (uint32_t)vmread(ENTRY_CONTROLS) & ~ENTRY_GUEST_64;
	uint32_t proc = (uint32_t)vmread(PROC_CONTROLS) & ~PROC_INTERRUPT_WINDOW;

	vmwrite(ENTRY_CONTROLS, entry | (vcpu->efer & EFER_LMA ? ENTRY_GUEST_64 : 0));
	vmwrite(PROC_CONTROLS, proc | (vcpu->window ? PROC_INTERRUPT_WINDOW : 0));
	vmwrite(GUEST_RSP, vcpu->gpr[RSP]);
	vmwrite(GUEST_RIP, vcpu->rip);
	vmwrite(GUEST_RFLAGS, vcpu->rflags);
	vmwrite(GUEST_SHADOW, vcpu->shadow);
	vmwrite(PREEMPTION_TIMER, time_to_run());
	vmwrite(ENTRY_EVENT, vcpu->event);
	vmwrite(ENTRY_ERROR_CODE, vcpu->event_error);
	write_cr(2, vcpu->cr2);
}

static void save(struct vcpu *vcpu)
{
	uint64_t rights = vmread(GUEST_RIGHTS + 2 * CS);

	vcpu->gpr[RSP] = vmread(GUEST_RSP);
	vcpu->rip = vmread(GUEST_RIP);
	vcpu->rflags = vmread(GUEST_RFLAGS);
	vcpu->cr0 = vmread(GUEST_CR0);
	vcpu->cr2 = read_cr(2);
	vcpu->cr3 = vmread(GUEST_CR3);
	vcpu->efer = vmread(GUEST_EFER);
	vcpu->shadow = (uint32_t)vmread(GUEST_SHADOW) & (SHADOW_STI | SHADOW_SS);
	vcpu->privilege = (unsigned)bits(vmread(GUEST_RIGHTS + 2 * SS), 6, 5);
	vcpu->code64 = vcpu->efer & EFER_LMA && rights & RIGHTS_L;
	vcpu_deliver_again(vcpu, (uint32_t)vmread(VECTORING_EVENT),
			   (uint32_t)vmread(VECTORING_ERROR_CODE));
}

static void ept_violation(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	uint64_t qualification = vmread(EXIT_QUALIFICATION);
	bool linear_is_told = qualification & VIOLATION_LINEAR_VALID;

	exit->syndrome = qualification;
	if (ax_npt_fault_from_ept(qualification, vmread(GUEST_PHYSICAL), &exit->fault) != AX_OK)
		return;
	if (linear_is_told)
		exit->guest_address = vmread(GUEST_LINEAR);
	exit->walk.end = qualification & VIOLATION_PERMITTED ? VCPU_WALK_DENIED : VCPU_WALK_ABSENT;
	vcpu_describe_fault(vcpu, exit, linear_is_told && !(qualification & VIOLATION_FINAL),
			    linear_is_told);
}

/*
 * Kicks are NMIs, since Bochs 2.7 lets no external interrupt make a guest exit that was entered with its
 * interrupts masked, as long as they stay so; on a processor a fixed interrupt would do. One that
 * comes to the hypervisor is remembered here, and when it comes on the way into the guest or into sleep,
 * that is given up: none is lost.
 */
static bool kicked[PLATFORM_CPUS];

static void kick(unsigned cpu)
{
	apic_send_nmi(cpu);
}

static void nmi(uint64_t *rip)
{
	__atomic_store_n(&kicked[machine_cpu()], true, __ATOMIC_RELAXED);
	if (*rip >= (uintptr_t)vmx_entry_first && *rip < (uintptr_t)vmx_entry_end)
		*rip = (uintptr_t)vmx_entry_given_up;
	else if (*rip >= (uintptr_t)vmx_wait_first && *rip < (uintptr_t)vmx_wait_end)
		*rip = (uintptr_t)vmx_wait_over;
}

static void wait_for_kick(void)
{
	vmx_wait(&kicked[machine_cpu()]);
}

static void interrupted(struct vcpu_exit *exit)
{
	__atomic_store_n(&kicked[machine_cpu()], false, __ATOMIC_RELAXED);
	exit->kind = VCPU_EXIT_INTERRUPT;
}

/* False when the guest did not run. */
static bool enter(struct vcpu *vcpu)
{
	load(vcpu);
	switch (vmx_enter(vcpu->gpr, vcpu->launched, &kicked[machine_cpu()])) {
	case VMX_EXITED:
		vcpu->launched = true;
		return true;
	case VMX_KICKED:
		return false;
	default:
		machine_fail("VM entry", vmread(INSTRUCTION_ERROR));
	}
}

/*
 * HLT exits, and the vCPU waits here for physical interrupts: in Bochs 2.7 the interrupt window
 * wakes no guest that has halted. (SDM vol. 3C, "Other Causes of VM Exits", says it does.)
 */
static bool is_waiting(struct vcpu *vcpu)
{
	if (vcpu->event & EVENT_VALID)
		vcpu->halted = false;
	else if (vcpu->halted)
		wait_for_kick();
	return vcpu->halted;
}

/* String instructions are not for the ports that exit. */
static void port_access(struct vcpu *vcpu)
{
	uint64_t qualification = vmread(EXIT_QUALIFICATION);

	if (qualification & PORT_STRING)
		return;
	vcpu->io.port = (uint16_t)bits(qualification, 31, 16);
	vcpu->io.size = (unsigned)bits(qualification, 2, 0) + 1;
	vcpu->io.in = qualification & PORT_IN;
	vcpu->io.next = vcpu->rip + vmread(EXIT_INSTRUCTION_LENGTH);
}

static void run(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	if (is_waiting(vcpu) || !enter(vcpu)) {
		interrupted(exit);
		return;
	}
	save(vcpu);

	exit->syndrome = vmread(EXIT_REASON);
	vcpu->io.size = 0;
	switch (exit->syndrome) {
	case REASON_NMI:
		/*
		 * No other comes before an IRET, which the handler has ("Updating Non-Register
		 * State"; vol. 3A, "Handling Multiple NMIs").
		 */
		__asm__ volatile("int $2" : : : "memory");
		interrupted(exit);
		break;
	case REASON_EXTERNAL_INTERRUPT:
	case REASON_PREEMPTION_TIMER: /* vCPU 0's loop looks at the time */
		exit->kind = VCPU_EXIT_INTERRUPT;
		break;
	case REASON_INTERRUPT_WINDOW:
		exit->kind = VCPU_EXIT_RETRY;
		break;
	case REASON_HLT:
		vcpu_skip(vcpu, (unsigned)vmread(EXIT_INSTRUCTION_LENGTH));
		vcpu->halted = true;
		exit->kind = VCPU_EXIT_RETRY;
		break;
	case REASON_VMCALL:
		vcpu_skip(vcpu, (unsigned)vmread(EXIT_INSTRUCTION_LENGTH));
		exit->kind = VCPU_EXIT_HYPERCALL;
		break;
	case REASON_EPT_VIOLATION:
		ept_violation(vcpu, exit);
		break;
	case REASON_PORT:
		port_access(vcpu);
		break;
	case REASON_EPT_MISCONFIGURATION:
		/*
		 * No correct table causes it, so nothing can be served: the run ends. There is no
		 * qualification, the address is all that is told ("Exit Reasons and Exit
		 * Qualifications": guest-physical address).
		 */
		exit->guest_address = vmread(GUEST_PHYSICAL);
		console_print("hyp: EPT misconfiguration, guest-physical address 0x%lx\n",
			      exit->guest_address);
		break;
	default:
		break;
	}
}

/* Those of `wanted` that there are: the guest sees them by CPUID. */
static uint32_t present_controls(uint32_t msr, uint32_t wanted)
{
	return wanted & (uint32_t)(read_msr(msr) >> 32);
}

/* The guest is to find CR0.NE set, as it wants it: it may read it, and exits only if it clears it. */
static void pass_through(const uint16_t *ports, size_t count)
{
	uint32_t pin = (uint32_t)vmread(PIN_CONTROLS), proc = (uint32_t)vmread(PROC_CONTROLS);

	vmwrite(PIN_CONTROLS, pin & ~PIN_EXTERNAL_INTERRUPT);
	vmwrite(PROC_CONTROLS, proc & ~PROC_HLT);
	vmwrite(PROC_CONTROLS2,
		vmread(PROC_CONTROLS2) |
			present_controls(MSR_VMX_PROCBASED_CTLS2,
					 PROC2_RDTSCP | PROC2_INVPCID | PROC2_XSAVES));
	vmwrite(CR0_SHADOW, CR0_NE);
	memset(msr_bitmap, 0, sizeof(msr_bitmap));
	memset(io_bitmaps, 0, sizeof(io_bitmaps));
	for (size_t i = 0; i < count; i++)
		io_bitmaps[ports[i] / 8] |= (uint8_t)(1u << ports[i] % 8);
}

/*
 * The guest sees this processor, less VMX, and has to measure its clocks as the hypervisor does: what
 * Bochs says of them is the modelled processor's, and it counts instructions.
 */
static void emulate_cpuid(struct vcpu *vcpu)
{
	uint64_t *gpr = vcpu->gpr;
	uint32_t leaf = (uint32_t)gpr[RAX];
	struct cpuid out = cpuid_subleaf(leaf, (uint32_t)gpr[RCX]);

	if (leaf == CPUID_FEATURES)
		out.ecx &= ~CPUID_ECX_VMX;
	else if (leaf == CPUID_CLOCKS || leaf == CPUID_FREQUENCIES)
		out = (struct cpuid){0};
	gpr[RAX] = out.eax;
	gpr[RBX] = out.ebx;
	gpr[RCX] = out.ecx;
	gpr[RDX] = out.edx;
}

/* The hypervisor uses none of the state that XCR0 switches: the guest's is the processor's. */
static void emulate_xsetbv(const struct vcpu *vcpu)
{
	write_cr(4, read_cr(4) | CR4_OSXSAVE);
	__asm__ volatile("xsetbv"
			 :
			 : "a"((uint32_t)vcpu->gpr[RAX]), "d"((uint32_t)vcpu->gpr[RDX]),
			   "c"((uint32_t)vcpu->gpr[RCX]));
}

/* A register that is in neither of the ranges of the bitmap: there is none. */
static void refuse_msr(struct vcpu *vcpu)
{
	vcpu->event = EVENT_VALID | EVENT_ERROR_CODE | EVENT_EXCEPTION | GENERAL_PROTECTION;
	vcpu->event_error = 0;
}

static bool emulate(struct vcpu *vcpu, const struct vcpu_exit *exit)
{
	switch (exit->syndrome) {
	case REASON_CPUID:
		emulate_cpuid(vcpu);
		break;
	case REASON_XSETBV:
		emulate_xsetbv(vcpu);
		break;
	case REASON_RDMSR:
	case REASON_WRMSR:
		refuse_msr(vcpu);
		return true;
	default:
		return false;
	}
	vcpu_skip(vcpu, (unsigned)vmread(EXIT_INSTRUCTION_LENGTH));
	return true;
}

static void flush(struct vcpu *vcpu)
{
	invept(INVEPT_SINGLE_CONTEXT, vcpu->npt_root);
}

const struct virtualisation vmx = {
	.name = "VMX",
	.guest_calls = GUEST_CALLS_BY_VMCALL,
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
