/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vCPU on RISC-V: what HS-mode is set to while it runs, and what its exits mean.
 *
 * The bits of a register stand under its name in the RISC-V privileged architecture, chapter
 * "Hypervisor Extension"; those of sstatus and scause in "Supervisor-Level ISA".
 */
#include "vcpu.h"

#include <stddef.h>

#include "console.h"
#include "csr.h"
#include "instruction.h"
#include "plic.h"

_Static_assert(offsetof(struct vcpu, pc) == VCPU_PC, "vectors.S knows the layout");
_Static_assert(offsetof(struct vcpu, sstatus) == VCPU_SSTATUS, "vectors.S knows the layout");
_Static_assert(offsetof(struct vcpu, hstatus) == VCPU_HSTATUS, "vectors.S knows the layout");
_Static_assert(offsetof(struct vcpu, host_sp) == VCPU_HOST_SP, "vectors.S knows the layout");

/* vectors.S */
void vcpu_enter(struct vcpu *vcpu);
bool fetch_parcel(uint64_t address, uint16_t *parcel);

/*
 * hstatus. What is zero: the guest may use WFI, SRET and SFENCE.VMA and write satp (VTW, VTSR,
 * VTVM), and user mode has no HLV (HU).
 */
#define HSTATUS_SPV  BIT(7)              /* SRET goes to the guest */
#define HSTATUS_SPVP BIT(8)              /* HLV works as VS, not as VU */
#define HSTATUS_VSXL (UINT64_C(3) << 32) /* width of the guest's registers */

/*
 * hedeleg: exceptions that are the guest's own business. Its access faults are not among them:
 * where the second stage leads is the hypervisor's.
 */
#define GUEST_EXCEPTIONS                                                                 \
	(BIT(CAUSE_FETCH_MISALIGNED) | BIT(CAUSE_ILLEGAL) | BIT(CAUSE_BREAKPOINT) |      \
	 BIT(CAUSE_LOAD_MISALIGNED) | BIT(CAUSE_STORE_MISALIGNED) | BIT(CAUSE_ECALL_U) | \
	 BIT(CAUSE_FETCH_PAGE) | BIT(CAUSE_LOAD_PAGE) | BIT(CAUSE_STORE_PAGE))

/* hideleg: the guest's interrupts, which hvip makes pending. */
#define GUEST_INTERRUPT_LINES (INTERRUPT_VS_SOFTWARE | INTERRUPT_VS_TIMER | INTERRUPT_VS_EXTERNAL)

/*
 * sstatus.FS and VS are zero, off, and with that floating point and vectors are for the guest too,
 * whatever its own vsstatus says. hcounteren and henvcfg give it nothing: neither counters nor
 * a timer, nor memory types of its own, nor cache operations.
 */
static void init_host_controls(const struct vcpu *vcpu)
{
	write_csr(sstatus, vcpu->sstatus);
	write_csr(hstatus, vcpu->hstatus);
	write_csr(hedeleg, GUEST_EXCEPTIONS);
	write_csr(hideleg, GUEST_INTERRUPT_LINES);
	write_csr(hie, 0);
	write_csr(hvip, 0);
	write_csr(hcounteren, 0);
	write_csr(henvcfg, 0);
	write_csr(htimedelta, 0);
}

/* As after a reset: translation off, interrupts masked and disabled. */
static void init_guest_registers(void)
{
	write_csr(vsstatus, read_csr(vsstatus) & SSTATUS_UXL);
	write_csr(vsie, 0);
	write_csr(vstvec, 0);
	write_csr(vsscratch, 0);
	write_csr(vsatp, 0);
}

/* hgatp.MODE: 8 is Sv39x4, of three levels; each level more is one more. */
static unsigned levels_of(uint64_t hgatp)
{
	return (unsigned)bits(hgatp, 63, 60) - 8 + 3;
}

void vcpu_init(struct vcpu *vcpu, unsigned index, ax_gpa_t entry,
	       const struct ax_npt_registers *npt)
{
	*vcpu = (struct vcpu){
		/* a0, and a1: the guest's own tables are to have as many levels as these. */
		.x[10] = index,
		.x[11] = levels_of(npt->root),
		.pc = entry.raw,
		.sstatus = (read_csr(sstatus) & SSTATUS_UXL) | SSTATUS_SPP,
		.hstatus = (read_csr(hstatus) & HSTATUS_VSXL) | HSTATUS_SPV | HSTATUS_SPVP,
		.index = index,
		.vmid = (unsigned)bits(npt->root, 57, 44), /* hgatp.VMID */
	};
	init_host_controls(vcpu);
	init_guest_registers();

	/*
	 * The library computed it, mode and VMID included. With a new mode or a VMID that somebody
	 * had before, the fence is needed ("Hypervisor Guest Address Translation and Protection
	 * Register"), and one of the guest's own translations (HFENCE.VVMA, of hgatp's VMID).
	 */
	write_csr(hgatp, npt->root);
	vcpu_flush(vcpu);
	__asm__ volatile(".insn r 0x73, 0, 0x11, x0, x0, x0" : : : "memory");
}

/* HFENCE.GVMA x0, VMID by its number: not all assemblers know the extension. */
void vcpu_flush(struct vcpu *vcpu)
{
	__asm__ volatile(".insn r 0x73, 0, 0x31, x0, x0, %0"
			 :
			 : "r"((uint64_t)vcpu->vmid)
			 : "memory");
}

/*
 * The instruction that faulted. Hardware may leave it in htinst, transformed: expanded if it had 16
 * bits, which a zero in bit 1 tells, and without an address ("Transformed Instruction or
 * Pseudoinstruction for mtinst or htinst"). Or not: then it is read from the guest's memory. False:
 * it is there no more.
 */
static bool find_instruction(const struct vcpu *vcpu, uint64_t htinst, uint32_t *instruction,
			     unsigned *size)
{
	uint16_t low, high = 0;

	if (htinst) {
		*instruction = (uint32_t)htinst | 2;
		*size = htinst & 2 ? 4 : 2;
		return true;
	}
	if (!fetch_parcel(vcpu->pc, &low))
		return false;
	*size = instruction_is_compressed(low) ? 2 : 4;
	if (*size == 4 && !fetch_parcel(vcpu->pc + 2, &high))
		return false;
	*instruction = (uint32_t)high << 16 | low;
	return true;
}

/* A fault of the guest's walk of its own tables: a pseudoinstruction, with bit 0 clear. */
static bool is_walk(uint64_t htinst)
{
	return htinst != 0 && !(htinst & 1);
}

/* All registers are read before the instruction is: a trap on the way there would change them. */
static enum vcpu_exit_kind guest_page_fault(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	uint64_t htval = read_csr(htval), htinst = read_csr(htinst);
	uint32_t instruction;

	if (ax_npt_fault_from_gstage(exit->syndrome, htval, exit->guest_address, htinst,
				     &exit->fault) != AX_OK)
		return VCPU_EXIT_UNEXPECTED;
	if (exit->syndrome == CAUSE_FETCH_GUEST_PAGE || is_walk(htinst))
		return VCPU_EXIT_FAULT;
	/* Another vCPU may have changed what is there: then this one finds out by itself. */
	if (!find_instruction(vcpu, htinst, &instruction, &vcpu->instruction_size))
		return VCPU_EXIT_RETRY;
	exit->access = instruction_decode(instruction);
	if (exit->access.described && plic_access(vcpu, exit))
		return VCPU_EXIT_RETRY;
	return VCPU_EXIT_FAULT;
}

static enum vcpu_exit_kind exit_kind(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	if (exit->syndrome & CAUSE_INTERRUPT)
		return VCPU_EXIT_INTERRUPT;
	switch (exit->syndrome) {
	case CAUSE_ECALL_VS:
		vcpu->pc += 4; /* sepc is the ECALL's own address */
		return VCPU_EXIT_HYPERCALL;
	case CAUSE_FETCH_GUEST_PAGE:
	case CAUSE_LOAD_GUEST_PAGE:
	case CAUSE_STORE_GUEST_PAGE:
		return guest_page_fault(vcpu, exit);
	default:
		return VCPU_EXIT_UNEXPECTED;
	}
}

/* A guest-page fault says neither on which level the walk ended nor what it found there. */
void vcpu_run(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	machine_sync_code();
	vcpu_enter(vcpu);
	*exit = (struct vcpu_exit){
		.syndrome = read_csr(scause),
		.guest_address = read_csr(stval),
		.walk = {.end = VCPU_WALK_UNTOLD, .level = -1},
	};
	exit->kind = exit_kind(vcpu, exit);
}

/* Number in a0, arguments after it, result in a0. */
uint64_t vcpu_argument(const struct vcpu *vcpu, unsigned index)
{
	return vcpu->x[10 + index];
}

void vcpu_return(struct vcpu *vcpu, uint64_t value)
{
	vcpu->x[10] = value;
}

static void skip_instruction(struct vcpu *vcpu)
{
	vcpu->pc += vcpu->instruction_size;
}

uint64_t vcpu_store(struct vcpu *vcpu, const struct vcpu_exit *exit)
{
	skip_instruction(vcpu);
	return vcpu->x[exit->access.reg];
}

static uint64_t sign_extend(uint64_t value, size_t size)
{
	unsigned unused = 64 - 8 * (unsigned)size;

	return (uint64_t)((int64_t)(value << unused) >> unused);
}

void vcpu_load(struct vcpu *vcpu, const struct vcpu_exit *exit, uint64_t value)
{
	const struct vcpu_access *access = &exit->access;

	skip_instruction(vcpu);
	if (access->sign_extend)
		value = sign_extend(value, ax_access_width_size(access->width));
	if (access->reg != 0)
		vcpu->x[access->reg] = value;
}

static uint64_t access_fault(uint64_t guest_page_fault)
{
	switch (guest_page_fault) {
	case CAUSE_FETCH_GUEST_PAGE:
		return CAUSE_FETCH_ACCESS;
	case CAUSE_LOAD_GUEST_PAGE:
		return CAUSE_LOAD_ACCESS;
	default:
		return CAUSE_STORE_ACCESS;
	}
}

/*
 * An access fault: what real hardware answers where nothing is. The guest takes it at once, by the
 * registers and the program counter that a trap to VS-mode would have set ("Trap Entry"; vsstatus
 * as sstatus, "Supervisor Status Register": SPP is the mode before, SPIE is SIE, SIE is off). In
 * vstvec [1:0] are the mode, which matters for interrupts only.
 */
void vcpu_inject_fault(struct vcpu *vcpu, const struct vcpu_exit *exit)
{
	uint64_t status = read_csr(vsstatus);
	uint64_t now = status & ~(SSTATUS_SPP | SSTATUS_SPIE | SSTATUS_SIE);

	if (status & SSTATUS_SIE)
		now |= SSTATUS_SPIE;
	write_csr(vsstatus, now | (vcpu->sstatus & SSTATUS_SPP));
	write_csr(vscause, access_fault(exit->syndrome));
	write_csr(vstval, exit->guest_address);
	write_csr(vsepc, vcpu->pc);
	vcpu->pc = read_csr(vstvec) & ~UINT64_C(3);
	vcpu->sstatus |= SSTATUS_SPP;
	vcpu->hstatus |= HSTATUS_SPVP;
}

void vcpu_print(const struct vcpu *vcpu)
{
	for (unsigned i = 1; i < 32; i++)
		console_print("  x%u 0x%lx%s", i, vcpu->x[i], i % 4 == 3 ? "\n" : "");
	console_print("  pc 0x%lx sstatus 0x%lx hstatus 0x%lx\n", vcpu->pc, vcpu->sstatus,
		      vcpu->hstatus);
}
