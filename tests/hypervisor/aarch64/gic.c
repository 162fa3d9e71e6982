/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The GICv3: physical interrupts come to EL2, virtual ones go to the guest through list
 * registers. It is also the library's arch API, axvisor/arch.h.
 *
 * The bits of a register stand under its name in the GIC architecture (IHI 0069), chapter 12
 * "Programmers' Model".
 */
#include <axvisor/arch.h>

#include <stdbool.h>

#include "gic.h"

#include "console.h"
#include "machine.h"
#include "sysreg.h"

/* The distributor, one for all CPUs. */
#define GICD_CTLR             0x0000
#define GICD_CTLR_ENABLE_GRP1 BIT(1)
#define GICD_CTLR_ARE         BIT(4)  /* affinity routing: GICv3 proper */
#define GICD_CTLR_RWP         BIT(31) /* a write is still on its way */
#define GICD_TYPER            0x0004
#define GICD_IIDR             0x0008

/* A CPU's redistributor: a frame for control, one for the private interrupts 64 KiB above. */
#define GICR_CTLR         0x0000
#define GICR_CTLR_RWP     BIT(3)
#define GICR_WAKER        0x0014
#define GICR_WAKER_SLEEP  BIT(1)
#define GICR_WAKER_ASLEEP BIT(2)
#define GICR_IGROUPR0     0x10080
#define GICR_ISENABLER0   0x10100
#define GICR_ICENABLER0   0x10180
#define GICR_IPRIORITYR   0x10400

/* ICC_SRE_EL2: the CPU interface is system registers, nothing bypasses it, EL1 may use them too. */
#define ICC_SRE_EL2_SRE    BIT(0)
#define ICC_SRE_EL2_DFB    BIT(1)
#define ICC_SRE_EL2_DIB    BIT(2)
#define ICC_SRE_EL2_ENABLE BIT(3)

#define ICH_HCR_EL2_EN         BIT(0) /* the virtual CPU interface is on */
#define ICH_HCR_EL2_UIE        BIT(1) /* interrupt when at most one list register is in use */
#define ICC_IGRPEN1_EL1_ENABLE BIT(0)

/* ICH_LR<n>_EL2: vINTID[31:0], Priority[55:48], Group[60], State[63:62]. */
#define LR_INTID(lr)   ((uint32_t)(lr))
#define LR_PRIORITY(p) ((uint64_t)(p) << 48)
#define LR_GROUP1      BIT(60)
#define LR_PENDING     BIT(62)

#define PRIORITY_MIDDLE 0x80 /* of an interrupt: lower numbers go first */
#define PRIORITY_ANY    0xff /* of a mask: every priority passes */

#define FIRST_SPECIAL_INTID 1020 /* 1020 to 1023: there was none (2.2.1 "Special INTIDs") */

static volatile uint32_t *gicd(unsigned offset)
{
	return (volatile uint32_t *)(uintptr_t)(PLATFORM_GICD + offset);
}

static volatile uint32_t *gicr(unsigned offset)
{
	return (volatile uint32_t *)(uintptr_t)(PLATFORM_GICR + machine_cpu() * PLATFORM_GICR_SIZE +
						offset);
}

static void wait_while(volatile uint32_t *reg, uint64_t mask)
{
	while (*reg & mask)
		;
}

/*
 * Interrupts of group 1 are what a hypervisor in the one security state (or the non-secure one)
 * has. The shared ones are left disabled: this hypervisor uses none, and its guest's are virtual.
 * Affinity routing may only change while no group is enabled.
 */
static void init_distributor(void)
{
	*gicd(GICD_CTLR) = (uint32_t)GICD_CTLR_ARE;
	wait_while(gicd(GICD_CTLR), GICD_CTLR_RWP);
	*gicd(GICD_CTLR) = (uint32_t)(GICD_CTLR_ARE | GICD_CTLR_ENABLE_GRP1);
	wait_while(gicd(GICD_CTLR), GICD_CTLR_RWP);
}

static void init_redistributor(void)
{
	*gicr(GICR_WAKER) &= (uint32_t)~GICR_WAKER_SLEEP;
	wait_while(gicr(GICR_WAKER), GICR_WAKER_ASLEEP);
	*gicr(GICR_ICENABLER0) = UINT32_MAX;
	wait_while(gicr(GICR_CTLR), GICR_CTLR_RWP);
	*gicr(GICR_IGROUPR0) = UINT32_MAX;
}

/* What EL2 uses by itself. */
static void init_physical_interface(void)
{
	write_sysreg(icc_sre_el2,
		     ICC_SRE_EL2_SRE | ICC_SRE_EL2_DFB | ICC_SRE_EL2_DIB | ICC_SRE_EL2_ENABLE);
	isb();
	write_sysreg(icc_pmr_el1, PRIORITY_ANY);
	write_sysreg(icc_igrpen1_el1, ICC_IGRPEN1_EL1_ENABLE);
}

/* How many list registers there are is up to the hardware, 16 at most; four are plenty here. */
static unsigned list_registers(void)
{
	/* ICH_VTR_EL2.ListRegs, bits [4:0]: one less than their number. */
	unsigned count = (unsigned)bits(read_sysreg(ich_vtr_el2), 4, 0) + 1;

	return count < 4 ? count : 4;
}

static uint64_t read_list_register(unsigned index)
{
	switch (index) {
	case 0:
		return read_sysreg(ich_lr0_el2);
	case 1:
		return read_sysreg(ich_lr1_el2);
	case 2:
		return read_sysreg(ich_lr2_el2);
	default:
		return read_sysreg(ich_lr3_el2);
	}
}

static void write_list_register(unsigned index, uint64_t value)
{
	switch (index) {
	case 0:
		write_sysreg(ich_lr0_el2, value);
		break;
	case 1:
		write_sysreg(ich_lr1_el2, value);
		break;
	case 2:
		write_sysreg(ich_lr2_el2, value);
		break;
	default:
		write_sysreg(ich_lr3_el2, value);
		break;
	}
	isb();
}

/*
 * What the guest sees instead: with HCR_EL2.IMO its accesses to ICC_..._EL1 reach the virtual
 * interface. It starts as after a reset, masked and disabled, with nothing pending.
 */
static void init_virtual_interface(void)
{
	write_sysreg(ich_vmcr_el2, 0);
	for (unsigned i = 0; i < list_registers(); i++)
		write_list_register(i, 0);
	write_sysreg(ich_hcr_el2, ICH_HCR_EL2_EN);
	isb();
}

void gic_init(void)
{
	init_distributor();
}

void gic_init_cpu(void)
{
	init_redistributor();
	init_physical_interface();
	init_virtual_interface();
}

void gic_enable_private(uint32_t intid)
{
	volatile uint8_t *priority = (volatile uint8_t *)gicr(GICR_IPRIORITYR);

	priority[intid] = PRIORITY_MIDDLE;
	*gicr(GICR_ISENABLER0) = 1u << intid;
}

void gic_describe(void)
{
	console_print("hyp: GICv3 at 0x%lx: GICD_TYPER 0x%x, GICD_IIDR 0x%x, %lu list registers\n",
		      ax_arch_get_host_gicd_base().raw, ax_arch_read_vgicd_typer(),
		      ax_arch_read_vgicd_iidr(), bits(read_sysreg(ich_vtr_el2), 4, 0) + 1);
}

/* Virtual interrupts of each CPU that are pending but in no list register yet, a bit for each INTID. */
static uint64_t waiting_of[PLATFORM_CPUS][1024 / 64];

/*
 * Makes an interrupt pending in the hardware's list, which the guest's CPU interface presents and
 * empties by itself (IHI 0069, chapter 6 "Virtual Interrupt Handling and Prioritization"). One
 * INTID must not be in two list registers; one that the guest is handling becomes pending beside
 * active. False: there is no room.
 */
static bool list_interrupt(uint32_t intid)
{
	/* ICH_ELRSR_EL2: a bit for each list register that holds nothing. */
	uint64_t empty = read_sysreg(ich_elrsr_el2) & (BIT(list_registers()) - 1);

	for (unsigned i = 0; i < list_registers(); i++) {
		uint64_t value = read_list_register(i);

		if (!(empty & BIT(i)) && LR_INTID(value) == intid) {
			write_list_register(i, value | LR_PENDING);
			return true;
		}
	}
	if (!empty)
		return false;
	write_list_register((unsigned)__builtin_ctzll(empty),
			    LR_PENDING | LR_GROUP1 | LR_PRIORITY(PRIORITY_MIDDLE) | intid);
	return true;
}

/*
 * Moves what waits into the list. If that is too much, the GIC is to interrupt when the list has
 * run nearly empty: then this is called again.
 */
static void list_waiting(void)
{
	uint64_t *waiting = waiting_of[machine_cpu()];
	uint64_t underflow = 0;

	for (uint32_t intid = 0; intid < FIRST_SPECIAL_INTID; intid++) {
		if (!(waiting[intid / 64] & BIT(intid % 64)))
			continue;
		if (!list_interrupt(intid)) {
			underflow = ICH_HCR_EL2_UIE;
			break;
		}
		waiting[intid / 64] &= ~BIT(intid % 64);
	}
	write_sysreg(ich_hcr_el2, ICH_HCR_EL2_EN | underflow);
	isb();
}

/* There are no others than those below 1020 here: what is no interrupt is left out. */
void ax_arch_hardware_inject_virtual_interrupt(ax_interrupt_vector_t vector)
{
	if (vector >= FIRST_SPECIAL_INTID)
		return;
	waiting_of[machine_cpu()][vector / 64] |= BIT(vector % 64);
	list_waiting();
}

uint32_t ax_arch_read_vgicd_typer(void)
{
	return *gicd(GICD_TYPER);
}

uint32_t ax_arch_read_vgicd_iidr(void)
{
	return *gicd(GICD_IIDR);
}

ax_hpa_t ax_arch_get_host_gicd_base(void)
{
	return ax_hpa(PLATFORM_GICD);
}

ax_hpa_t ax_arch_get_host_gicr_base(void)
{
	return ax_hpa(PLATFORM_GICR);
}

/* Reading ICC_IAR1_EL1 makes the interrupt active: nothing of its priority comes until its end. */
uint64_t ax_arch_fetch_irq(void)
{
	return read_sysreg(icc_iar1_el1);
}

void ax_arch_handle_irq(void)
{
	uint64_t intid = ax_arch_fetch_irq();

	if (intid >= FIRST_SPECIAL_INTID)
		return;
	/* A kick is over with that: the CPU is out of its guest. */
	if (intid == PLATFORM_TIMER_INTERRUPT)
		time_alarm();
	else if (intid == PLATFORM_GIC_INTERRUPT)
		list_waiting();
	write_sysreg(icc_eoir1_el1, intid);
	isb();
}

AX_API_IMPLEMENT(ax_arch, AX_ARCH_VERSION, AX_ARCH_API);

void machine_handle_interrupt(void)
{
	ax_arch_handle_irq();
}

/*
 * A software-generated interrupt of group 1. ICC_SGI1R_EL1: INTID[27:24], TargetList[15:0], a bit
 * for each Aff0; the other affinities are 0 here, as machine.c has them. The barrier is for what the
 * other CPU is to find in memory when it comes.
 */
void machine_kick(unsigned cpu)
{
	dsb();
	write_sysreg(icc_sgi1r_el1, (uint64_t)PLATFORM_KICK_INTERRUPT << 24 | BIT(cpu));
	isb();
}

void machine_inject_interrupt(uint32_t vector)
{
	ax_arch_hardware_inject_virtual_interrupt(vector);
}
