/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linux on AArch64: the machine that it sees, the registers that it starts with, and its firmware.
 *
 * The guest has the interrupt controller, the virtual timer and the UART to itself: no interrupt comes to
 * EL2, and none is virtual. The hypervisor's part is second-stage translation and PSCI.
 */
#include "linux.h"

#include "machine.h"
#include "sysreg.h"

/*
 * HCR_EL2: second-stage translation, SMC traps, EL1 is AArch64, and pointer authentication is the
 * guest's own affair: neither its keys nor its instructions trap.
 */
#define HCR_VM   BIT(0)
#define HCR_SWIO BIT(1)
#define HCR_PTW  BIT(2)
#define HCR_TSC  BIT(19)
#define HCR_RW   BIT(31)
#define HCR_APK  BIT(40)
#define HCR_API  BIT(41)

/* CPTR_EL2 with E2H = 0: RES1 bits, SVE trapped, floating point not. */
#define CPTR_RES1 UINT64_C(0x33ff)

/* CNTHCTL_EL2 with E2H = 0: EL1PCTEN and EL1PCEN, the guest may use physical counter and timer. */
#define CNTHCTL_EL1 UINT64_C(3)

/* ESR_EL2.EC of an SMC that HCR_EL2.TSC traps: the program counter still points to it. */
#define EC_SMC64 0x17

/* Power State Coordination Interface (Arm DEN 0022), chapter 5; SMC32 and SMC64 function numbers. */
#define PSCI_VERSION           0x84000000u
#define PSCI_CPU_ON            0xc4000003u
#define PSCI_MIGRATE_INFO_TYPE 0x84000006u
#define PSCI_SYSTEM_OFF        0x84000008u
#define PSCI_SYSTEM_RESET      0x84000009u
#define PSCI_FEATURES          0x8400000au

#define PSCI_1_0                0x10000
#define PSCI_SUCCESS            0
#define PSCI_NOT_SUPPORTED      (-1)
#define PSCI_INVALID_PARAMETERS (-2)
#define PSCI_NO_MIGRATION       2

/* A redistributor's second frame, for software-generated and private interrupts (IHI 0069, 12.11). */
#define GICR_PRIVATE    0x10000
#define GICR_ISENABLER0 0x0100
#define GICR_IPRIORITYR 0x0400
#define WAKE_INTERRUPT  15 /* software-generated */

/* Numbers by which nodes of the device tree refer to one another. */
#define PHANDLE_GIC   1
#define PHANDLE_CLOCK 2

/* Interrupt specifiers of "arm,gic-v3": type, number of that type, trigger. */
#define GIC_SHARED     0
#define GIC_PRIVATE    1
#define GIC_LEVEL_HIGH 4

#define UART_INTERRUPT 1 /* shared (QEMU, hw/arm/virt.c, a15irqmap) */

/* Private: secure and non-secure physical, virtual, and EL2 physical timer, by their INTID - 16. */
#define TIMER_SPECIFIER(n) GIC_PRIVATE, n, GIC_LEVEL_HIGH

static void add_cpus(struct fdt *fdt, const struct vm *vm)
{
	char name[] = "cpu@0";

	fdt_begin_node(fdt, "cpus");
	FDT_CELLS(fdt, "#address-cells", 1);
	FDT_CELLS(fdt, "#size-cells", 0);
	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		name[4] = (char)('0' + i);
		fdt_begin_node(fdt, name);
		fdt_string(fdt, "device_type", "cpu");
		fdt_string(fdt, "compatible", "arm,armv8");
		fdt_string(fdt, "enable-method", "psci");
		FDT_CELLS(fdt, "reg", i);
		fdt_end_node(fdt);
	}
	fdt_end_node(fdt);
	fdt_begin_node(fdt, "psci");
	fdt_string(fdt, "compatible", "arm,psci-1.0");
	fdt_string(fdt, "method", "smc");
	fdt_end_node(fdt);
}

/* All redistributors, for software reads them up to the one that says it is the last. */
static void add_interrupts(struct fdt *fdt)
{
	fdt_begin_node(fdt, "interrupt-controller");
	fdt_string(fdt, "compatible", "arm,gic-v3");
	fdt_property(fdt, "interrupt-controller", NULL, 0);
	FDT_CELLS(fdt, "#interrupt-cells", 3);
	FDT_CELLS(fdt, "reg", FDT_PAIR(PLATFORM_GICD), FDT_PAIR(PLATFORM_GICD_SIZE),
		  FDT_PAIR(PLATFORM_GICR), FDT_PAIR(PLATFORM_GICR_SIZE * machine_cpus()));
	FDT_CELLS(fdt, "phandle", PHANDLE_GIC);
	fdt_end_node(fdt);

	fdt_begin_node(fdt, "timer");
	fdt_string(fdt, "compatible", "arm,armv8-timer");
	FDT_CELLS(fdt, "interrupts", TIMER_SPECIFIER(13), TIMER_SPECIFIER(14), TIMER_SPECIFIER(11),
		  TIMER_SPECIFIER(10));
	fdt_property(fdt, "always-on", NULL, 0);
	fdt_end_node(fdt);
}

static void add_uart(struct fdt *fdt)
{
	static const char compatible[] = "arm,pl011\0arm,primecell";
	static const char clocks[] = "uartclk\0apb_pclk";

	fdt_begin_node(fdt, "clock");
	fdt_string(fdt, "compatible", "fixed-clock");
	FDT_CELLS(fdt, "#clock-cells", 0);
	FDT_CELLS(fdt, "clock-frequency", 24000000);
	FDT_CELLS(fdt, "phandle", PHANDLE_CLOCK);
	fdt_end_node(fdt);

	fdt_begin_node(fdt, "serial");
	fdt_property(fdt, "compatible", compatible, sizeof(compatible));
	FDT_CELLS(fdt, "reg", FDT_PAIR(PLATFORM_UART), FDT_PAIR(PLATFORM_DEVICE_SIZE));
	FDT_CELLS(fdt, "interrupts", GIC_SHARED, UART_INTERRUPT, GIC_LEVEL_HIGH);
	FDT_CELLS(fdt, "clocks", PHANDLE_CLOCK, PHANDLE_CLOCK);
	fdt_property(fdt, "clock-names", clocks, sizeof(clocks));
	fdt_end_node(fdt);
}

static void add_machine(struct fdt *fdt, const struct vm *vm)
{
	fdt_string(fdt, "compatible", "linux,dummy-virt");
	FDT_CELLS(fdt, "interrupt-parent", PHANDLE_GIC);
	add_cpus(fdt, vm);
	add_interrupts(fdt);
	add_uart(fdt);
}

void linux_arch_create(struct vm *vm, const struct linux_payload *payload)
{
	linux_map_ram(vm, ax_gpa(LINUX_RAM), LINUX_RAM_SIZE);
	linux_pass_through(vm, PLATFORM_GICD, PLATFORM_GICD_SIZE);
	linux_pass_through(vm, PLATFORM_GICR, PLATFORM_GICR_SIZE * machine_cpus());
	linux_pass_through(vm, PLATFORM_UART, PLATFORM_DEVICE_SIZE);
	linux_boot_image(vm, payload, add_machine);
}

/* x0 is the device tree's address for the first, and what PSCI CPU_ON was given for the others. */
void linux_arch_begin(struct vm_vcpu *vcpu, const struct ax_npt_registers *npt, ax_gpa_t entry,
		      uint64_t argument)
{
	vcpu_init(&vcpu->vcpu, vcpu->index, entry, npt);
	vcpu->vcpu.x[0] = argument;
	write_sysreg(hcr_el2, HCR_VM | HCR_SWIO | HCR_PTW | HCR_TSC | HCR_RW | HCR_APK | HCR_API);
	write_sysreg(cptr_el2, CPTR_RES1);
	write_sysreg(cnthctl_el2, CNTHCTL_EL1);
	write_sysreg(ich_hcr_el2, 0);
	isb();
}

/*
 * Nothing but an interrupt ends a WFI, and the guest may handle one, or have masked all. So this is an
 * interrupt above any priority that the guest uses (0 is the highest; the guest masks in steps below).
 * It is one of those that Linux leaves alone, and nobody takes it: that it is pending is enough
 * (IHI 0069, 4.8 "Interrupt prioritization"; Arm ARM, "Wait For Interrupt").
 */
void linux_arch_wake(unsigned cpu)
{
	uintptr_t private = PLATFORM_GICR + PLATFORM_GICR_SIZE * cpu + GICR_PRIVATE;

	*(volatile uint8_t *)(private + GICR_IPRIORITYR + WAKE_INTERRUPT) = 0;
	*(volatile uint32_t *)(private + GICR_ISENABLER0) = 1u << WAKE_INTERRUPT;
	dsb();
	write_sysreg(icc_sgi1r_el1, (uint64_t)WAKE_INTERRUPT << 24 | BIT(cpu));
	isb();
}

static int64_t features(uint32_t function)
{
	switch (function) {
	case PSCI_VERSION:
	case PSCI_CPU_ON:
	case PSCI_MIGRATE_INFO_TYPE:
	case PSCI_SYSTEM_OFF:
	case PSCI_SYSTEM_RESET:
	case PSCI_FEATURES:
		return PSCI_SUCCESS;
	default:
		return PSCI_NOT_SUPPORTED;
	}
}

static int64_t firmware_call(struct vm *vm, const uint64_t *x)
{
	switch ((uint32_t)x[0]) {
	case PSCI_VERSION:
		return PSCI_1_0;
	case PSCI_FEATURES:
		return features((uint32_t)x[1]);
	case PSCI_MIGRATE_INFO_TYPE:
		return PSCI_NO_MIGRATION;
	case PSCI_CPU_ON:
		return linux_start_vcpu(vm, x[1], ax_gpa(x[2]), x[3]) ? PSCI_SUCCESS
								      : PSCI_INVALID_PARAMETERS;
	case PSCI_SYSTEM_OFF:
		linux_power_off(vm);
		return PSCI_SUCCESS;
	case PSCI_SYSTEM_RESET:
		linux_restart(vm);
		return PSCI_SUCCESS;
	default:
		return PSCI_NOT_SUPPORTED;
	}
}

bool linux_arch_exit(struct vm_vcpu *vcpu, const struct vcpu_exit *exit)
{
	struct vcpu *cpu = &vcpu->vcpu;

	if (exit->kind != VCPU_EXIT_UNEXPECTED || bits(exit->syndrome, 31, 26) != EC_SMC64)
		return false;
	cpu->pc += 4;
	cpu->x[0] = (uint64_t)firmware_call(vcpu->vm, cpu->x);
	return true;
}
