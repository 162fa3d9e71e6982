/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vCPU on AArch64: what EL2 is set to while it runs, and what its exits mean.
 *
 * The bits of a register stand under its name in the Arm ARM (DDI 0487), chapter D24 "AArch64
 * System Register Descriptions".
 */
#include "vcpu.h"

#include <stddef.h>

#include "console.h"
#include "machine.h"
#include "sysreg.h"

_Static_assert(offsetof(struct vcpu, pc) == 31 * 8, "vectors.S knows the layout");
_Static_assert(offsetof(struct vcpu, pstate) == 32 * 8, "vectors.S knows the layout");

unsigned vcpu_enter(struct vcpu *vcpu); /* vectors.S */

/* HCR_EL2: what is trapped, and where interrupts go. */
#define HCR_VM   BIT(0)  /* second-stage translation is on */
#define HCR_SWIO BIT(1)  /* invalidating the cache by set and way also cleans: no data is lost */
#define HCR_PTW  BIT(2)  /* a guest's table walk over device memory faults, without effects */
#define HCR_FMO  BIT(3)  /* FIQ, */
#define HCR_IMO  BIT(4)  /* IRQ, */
#define HCR_AMO  BIT(5)  /* and SError come to EL2; the guest has virtual ones */
#define HCR_TSC  BIT(19) /* SMC traps: the guest has no firmware */
#define HCR_RW   BIT(31) /* EL1 is AArch64 */

/* CPTR_EL2 with E2H = 0: RES1 bits, SVE trapped; TFP[10]: floating point traps too. */
#define CPTR_RES1 UINT64_C(0x33ff)
#define CPTR_TFP  BIT(10)

/* SCTLR_EL1 at the guest's start: its RES1 bits, MMU and caches off. */
#define SCTLR_EL1_RESET UINT64_C(0x30d00800)

/* PSTATE as SPSR_EL2 has it: D, A, I, F masked, M[3:0]. */
#define PSTATE_DAIF (UINT64_C(0xf) << 6)
#define PSTATE_M    UINT64_C(0xf)
#define PSTATE_EL0T UINT64_C(0x0)
#define PSTATE_EL1H UINT64_C(0x5)

/* ESR_ELx.EC, exception class. */
#define EC_HVC64          0x16
#define EC_FETCH_LOWER_EL 0x20
#define EC_FETCH_SAME_EL  0x21
#define EC_DATA_LOWER_EL  0x24
#define EC_DATA_SAME_EL   0x25
#define ESR_EC(class)     ((uint64_t)(class) << 26)
#define ESR_IL            BIT(25) /* the instruction has 32 bits, as all in AArch64 */

/* ESR_ELx.ISS of aborts */
#define ISS_ISV          BIT(24) /* the bits from here to 14 describe the instruction */
#define ISS_SSE          BIT(21)
#define ISS_SF           BIT(15)
#define ISS_S1PTW        BIT(7)
#define ISS_WNR          BIT(6)
#define ISS_FSC_EXTERNAL 0x10 /* synchronous external abort, not on a table walk */

#define PAR_FAILED BIT(0) /* PAR_EL1.F */

void vcpu_init(struct vcpu *vcpu, unsigned index, ax_gpa_t entry,
	       const struct ax_npt_registers *npt)
{
	*vcpu = (struct vcpu){
		.x[0] = index,
		.pc = entry.raw,
		.pstate = PSTATE_DAIF | PSTATE_EL1H,
	};

	write_sysreg(hcr_el2,
		     HCR_VM | HCR_SWIO | HCR_PTW | HCR_FMO | HCR_IMO | HCR_AMO | HCR_TSC | HCR_RW);
	write_sysreg(cptr_el2, CPTR_RES1 | CPTR_TFP);
	write_sysreg(hstr_el2, 0);
	write_sysreg(vpidr_el2, read_sysreg(midr_el1));
	write_sysreg(vmpidr_el2, read_sysreg(mpidr_el1));
	write_sysreg(cnthctl_el2, 0); /* the physical timer is ours */
	write_sysreg(cntvoff_el2, 0);
	write_sysreg(cntv_ctl_el0, 0);
	write_sysreg(sctlr_el1, SCTLR_EL1_RESET);

	/* The library computed them, VMID included. */
	write_sysreg(vtcr_el2, npt->control);
	write_sysreg(vttbr_el2, npt->root);
	isb();
}

/*
 * TLBI VMALLS12E1: this CPU, this VMID, both stages. The library does it by itself on AArch64, where
 * it reaches every CPU.
 */
void vcpu_flush(struct vcpu *vcpu)
{
	(void)vcpu;
	__asm__ volatile("dsb ishst\n\ttlbi vmalls12e1\n\tdsb nsh" : : : "memory");
	isb();
}

/*
 * HPFAR_EL2 need not hold the address when the second stage denied the guest's access itself (Arm
 * ARM, "HPFAR_EL2"). Then the guest's own translation of the address is asked for, by AT S1E1R.
 * False when there is none any more, because the guest changed its tables meanwhile.
 */
static bool find_ipa(uint64_t esr, uint64_t far, uint64_t *hpfar)
{
	bool permission = bits(esr, 5, 2) == 0x3; /* FSC 0b0011LL */
	uint64_t guests, result;

	if (!permission || esr & ISS_S1PTW) {
		*hpfar = read_sysreg(hpfar_el2);
		return true;
	}
	guests = read_sysreg(par_el1);
	__asm__ volatile("at s1e1r, %0" : : "r"(far) : "memory");
	isb();
	result = read_sysreg(par_el1);
	write_sysreg(par_el1, guests);
	if (result & PAR_FAILED)
		return false;
	*hpfar = bits(result, 51, 12) << 4; /* in HPFAR_EL2's form: FIPA[43:4] is IPA[51:12] */
	return true;
}

/* What ESR_EL2 tells of the instruction when ISV is set: not for pairs, atomics or write-back. */
static struct vcpu_access describe_access(uint64_t esr)
{
	if (!(esr & ISS_ISV))
		return (struct vcpu_access){.described = false};
	return (struct vcpu_access){
		.described = true,
		.store = esr & ISS_WNR,
		.width = (enum ax_access_width)bits(esr, 23, 22), /* SAS: log2 of the bytes */
		.sign_extend = esr & ISS_SSE,
		.narrow = !(esr & ISS_SF),
		.reg = (unsigned)bits(esr, 20, 16), /* SRT */
	};
}

/*
 * ISS.FSC, "fault status code": 0b0001LL translation, 0b0011LL permission, with the lookup level in LL,
 * which counts from the root down to 3 for pages.
 */
static struct vcpu_walk describe_walk(uint64_t esr)
{
	struct vcpu_walk walk = {.end = VCPU_WALK_UNTOLD, .level = 3 - (int)bits(esr, 1, 0)};

	if (bits(esr, 5, 2) == 0x1)
		walk.end = VCPU_WALK_ABSENT;
	else if (bits(esr, 5, 2) == 0x3)
		walk.end = VCPU_WALK_DENIED;
	return walk;
}

static enum vcpu_exit_kind synchronous_exit(struct vcpu_exit *exit)
{
	uint64_t esr = exit->syndrome, hpfar;

	switch (bits(esr, 31, 26)) {
	case EC_HVC64:
		return VCPU_EXIT_HYPERCALL;
	case EC_FETCH_LOWER_EL:
	case EC_DATA_LOWER_EL:
		if (!find_ipa(esr, exit->guest_address, &hpfar))
			return VCPU_EXIT_RETRY;
		if (ax_npt_fault_from_stage2(esr, hpfar, exit->guest_address, &exit->fault) !=
		    AX_OK)
			return VCPU_EXIT_UNEXPECTED;
		exit->walk = describe_walk(esr);
		if (bits(esr, 31, 26) == EC_DATA_LOWER_EL)
			exit->access = describe_access(esr);
		return VCPU_EXIT_FAULT;
	default:
		return VCPU_EXIT_UNEXPECTED;
	}
}

void vcpu_run(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	unsigned reason = vcpu_enter(vcpu);

	*exit = (struct vcpu_exit){
		.syndrome = read_sysreg(esr_el2),
		.guest_address = read_sysreg(far_el2),
		.walk.level = -1,
	};
	if (reason == EXIT_SYNCHRONOUS)
		exit->kind = synchronous_exit(exit);
	else if (reason == EXIT_IRQ)
		exit->kind = VCPU_EXIT_INTERRUPT;
	else
		exit->kind = VCPU_EXIT_UNEXPECTED;
}

/* Number in x0, arguments after it, result in x0. The program counter is past the HVC already. */
uint64_t vcpu_argument(const struct vcpu *vcpu, unsigned index)
{
	return vcpu->x[index];
}

void vcpu_return(struct vcpu *vcpu, uint64_t value)
{
	vcpu->x[0] = value;
}

/* An aborted instruction is the one that the program counter points to. */
static void skip_instruction(struct vcpu *vcpu)
{
	vcpu->pc += 4;
}

/* Register 31 of a load or store is the zero register. */
uint64_t vcpu_store(struct vcpu *vcpu, const struct vcpu_exit *exit)
{
	unsigned reg = exit->access.reg;

	skip_instruction(vcpu);
	return reg == 31 ? 0 : vcpu->x[reg];
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
	if (access->narrow)
		value = (uint32_t)value;
	if (access->reg != 31)
		vcpu->x[access->reg] = value;
}

/*
 * Where the guest's vectors are for an exception that it takes to EL1: VBAR_EL1, and by where it
 * comes from.
 */
static uint64_t guest_vector(uint64_t pstate)
{
	uint64_t base = read_sysreg(vbar_el1);

	switch (pstate & PSTATE_M) {
	case PSTATE_EL0T:
		return base + 0x400;
	case PSTATE_EL1H:
		return base + 0x200;
	default: /* EL1t */
		return base;
	}
}

/*
 * A synchronous external abort: what real hardware answers where nothing is. The guest takes it at
 * once, by the registers and the program counter that an exception to EL1 would have set (Arm
 * ARM, "Exception entry").
 */
void vcpu_inject_fault(struct vcpu *vcpu, const struct vcpu_exit *exit)
{
	bool from_el0 = (vcpu->pstate & PSTATE_M) == PSTATE_EL0T;
	bool fetch = bits(exit->syndrome, 31, 26) == EC_FETCH_LOWER_EL;
	uint64_t esr = ESR_IL | ISS_FSC_EXTERNAL;

	if (fetch)
		esr |= ESR_EC(from_el0 ? EC_FETCH_LOWER_EL : EC_FETCH_SAME_EL);
	else
		esr |= ESR_EC(from_el0 ? EC_DATA_LOWER_EL : EC_DATA_SAME_EL) |
		       (exit->syndrome & ISS_WNR);
	write_sysreg(esr_el1, esr);
	write_sysreg(far_el1, exit->guest_address);
	write_sysreg(elr_el1, vcpu->pc);
	write_sysreg(spsr_el1, vcpu->pstate);
	vcpu->pc = guest_vector(vcpu->pstate);
	vcpu->pstate = PSTATE_DAIF | PSTATE_EL1H;
	isb();
}

void vcpu_print(const struct vcpu *vcpu)
{
	for (unsigned i = 0; i < 31; i++)
		console_print("  x%u 0x%lx%s", i, vcpu->x[i], i % 4 == 3 ? "\n" : "");
	console_print("\n  pc 0x%lx pstate 0x%lx\n", vcpu->pc, vcpu->pstate);
}
