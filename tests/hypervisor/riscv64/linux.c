/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linux on RISC-V: the machine that it sees, the registers that it starts with, and its firmware.
 *
 * The guest has the UART to itself, without its interrupt, and a timer by the extension Sstc. The
 * hypervisor's part is second-stage translation and the Supervisor Binary Interface: other harts,
 * interrupts and fences to them, the end.
 *
 * Manual: RISC-V Supervisor Binary Interface Specification, version 1.0 ("SBI" below, with the chapter).
 */
#include "linux.h"

#include <axvisor/vmm.h>

#include "csr.h"
#include "machine.h"
#include "sbi.h"

/* sstatus.FS, "Extension Context Status in mstatus Register": floating point is on, its state dirty. */
#define SSTATUS_FS (UINT64_C(3) << 13)

#define HCOUNTEREN_ALL 7       /* CY, TM, IR: the guest may read cycle, time and instret */
#define HENVCFG_STCE   BIT(63) /* Sstc: vstimecmp is the guest's, and its timer interrupt */

/* SBI, "Binary Encoding": errors. */
#define SBI_SUCCESS           0
#define SBI_ERR_NOT_SUPPORTED (-2)
#define SBI_ERR_INVALID_PARAM (-3)
#define SBI_ERR_ALREADY_AVAIL (-6)
#define SBI_ALL_HARTS         UINT64_MAX /* hart_mask_base: the mask does not count */

/* SBI extensions and the functions of each, by their chapters. */
#define EXT_BASE               0x10
#define BASE_GET_SPEC_VERSION  0
#define BASE_GET_IMPL_ID       1
#define BASE_GET_IMPL_VERSION  2
#define BASE_PROBE_EXTENSION   3
#define BASE_GET_MIMPID        6 /* and machine vendor and architecture, 4 and 5 */
#define EXT_IPI                0x735049
#define IPI_SEND               0
#define EXT_RFENCE             0x52464e43
#define RFENCE_FENCE_I         0
#define RFENCE_SFENCE_VMA      1
#define RFENCE_SFENCE_VMA_ASID 2
#define RFENCE_HFENCE_VVMA     6
#define EXT_HSM                0x48534d
#define HSM_HART_START         0
#define HSM_HART_GET_STATUS    2
#define HSM_STARTED            0
#define HSM_STOPPED            1
#define EXT_SRST               0x53525354
#define SRST_SYSTEM_RESET      0
#define SRST_SHUTDOWN          0

#define SPEC_VERSION_1_0 0x01000000
#define IMPL_ID          0x617876 /* ours; the registered numbers are small */

#define PHANDLE_INTC(hart) ((hart) + 1)

static void add_cpu(struct fdt *fdt, unsigned hart)
{
	char name[] = "cpu@0";

	name[4] = (char)('0' + hart);
	fdt_begin_node(fdt, name);
	fdt_string(fdt, "device_type", "cpu");
	fdt_string(fdt, "compatible", "riscv");
	fdt_string(fdt, "riscv,isa", "rv64imafdc_zicntr_zicsr_zifencei_sstc");
	fdt_string(fdt, "mmu-type", "riscv,sv48");
	fdt_string(fdt, "status", "okay");
	FDT_CELLS(fdt, "reg", hart);
	fdt_begin_node(fdt, "interrupt-controller");
	fdt_string(fdt, "compatible", "riscv,cpu-intc");
	fdt_property(fdt, "interrupt-controller", NULL, 0);
	FDT_CELLS(fdt, "#interrupt-cells", 1);
	FDT_CELLS(fdt, "phandle", PHANDLE_INTC(hart));
	fdt_end_node(fdt);
	fdt_end_node(fdt);
}

static void add_machine(struct fdt *fdt, const struct vm *vm)
{
	fdt_string(fdt, "compatible", "riscv-virtio");
	fdt_begin_node(fdt, "cpus");
	FDT_CELLS(fdt, "#address-cells", 1);
	FDT_CELLS(fdt, "#size-cells", 0);
	FDT_CELLS(fdt, "timebase-frequency", PLATFORM_TIMEBASE);
	for (unsigned i = 0; i < vm->vcpu_count; i++)
		add_cpu(fdt, i);
	fdt_end_node(fdt);

	fdt_begin_node(fdt, "serial");
	fdt_string(fdt, "compatible", "ns16550a");
	FDT_CELLS(fdt, "reg", FDT_PAIR(PLATFORM_UART), FDT_PAIR(PLATFORM_DEVICE_SIZE));
	FDT_CELLS(fdt, "clock-frequency", 3686400);
	fdt_end_node(fdt);
}

void linux_arch_create(struct vm *vm, const struct linux_payload *payload)
{
	linux_map_ram(vm, ax_gpa(LINUX_RAM), LINUX_RAM_SIZE);
	linux_pass_through(vm, PLATFORM_UART, PLATFORM_DEVICE_SIZE);
	linux_boot_image(vm, payload, add_machine);
}

/* a0 is the hart's number, which vcpu_init() sets; a1 the device tree, or what hart_start was given. */
void linux_arch_begin(struct vm_vcpu *vcpu, const struct ax_npt_registers *npt, ax_gpa_t entry,
		      uint64_t argument)
{
	vcpu_init(&vcpu->vcpu, vcpu->index, entry, npt);
	vcpu->vcpu.x[11] = argument;
	vcpu->vcpu.sstatus |= SSTATUS_FS;
	write_csr(hcounteren, HCOUNTEREN_ALL);
	write_csr(henvcfg, HENVCFG_STCE);
	write_csr(0x24d, UINT64_MAX); /* vstimecmp, by its number: no interrupt yet */
}

/* A kick is a physical interrupt, which ends the guest's WFI. */
void linux_arch_wake(unsigned cpu)
{
	machine_kick(cpu);
}

static int64_t base_call(uint64_t function, uint64_t extension, uint64_t *value)
{
	switch (function) {
	case BASE_GET_SPEC_VERSION:
		*value = SPEC_VERSION_1_0;
		return SBI_SUCCESS;
	case BASE_GET_IMPL_ID:
		*value = IMPL_ID;
		return SBI_SUCCESS;
	case BASE_PROBE_EXTENSION:
		*value = extension == EXT_BASE || extension == EXT_IPI || extension == EXT_RFENCE ||
			 extension == EXT_HSM || extension == EXT_SRST;
		return SBI_SUCCESS;
	default:
		*value = 0;
		return function <= BASE_GET_MIMPID ? SBI_SUCCESS : SBI_ERR_NOT_SUPPORTED;
	}
}

/* Bit N of the mask is hart base + N. */
static bool is_addressed(unsigned hart, uint64_t mask, uint64_t base)
{
	if (base == SBI_ALL_HARTS)
		return true;
	return hart >= base && hart - base < 64 && mask & BIT(hart - base);
}

static int64_t send_interrupts(struct vm *vm, uint64_t mask, uint64_t base)
{
	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		if (is_addressed(i, mask, base))
			ax_vmm_inject_interrupt(vm->id, i, GUEST_IPI);
	}
	return SBI_SUCCESS;
}

/* The harts that run the vCPUs of a mask, those that have begun. */
static uint64_t harts_of(const struct vm *vm, uint64_t mask, uint64_t base)
{
	uint64_t harts = 0;

	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		if (is_addressed(i, mask, base) && linux_has_begun(i))
			harts |= BIT(machine_hart(i));
	}
	return harts;
}

/* To the harts of a mask, for all addresses: from 0 on, as many as there are. */
static int64_t remote_fence(uint64_t function, uint64_t harts)
{
	register uint64_t size __asm__("a3") = UINT64_MAX;

	__asm__ volatile("" : : "r"(size));
	return sbi_call(EXT_RFENCE, function, harts, 0, 0).error;
}

/*
 * The firmware below does it: of what the guest calls a fence for its own tables, it makes one for those of
 * a guest, of this VMID, and for all addresses where the guest may have named a range.
 */
static int64_t fence(const struct vm *vm, uint64_t function, uint64_t mask, uint64_t base)
{
	uint64_t harts = harts_of(vm, mask, base);

	switch (function) {
	case RFENCE_FENCE_I:
		return remote_fence(RFENCE_FENCE_I, harts);
	case RFENCE_SFENCE_VMA:
	case RFENCE_SFENCE_VMA_ASID:
		return remote_fence(RFENCE_HFENCE_VVMA, harts);
	default:
		return SBI_ERR_NOT_SUPPORTED;
	}
}

static int64_t hart_call(struct vm *vm, uint64_t function, const uint64_t *x, uint64_t *value)
{
	switch (function) {
	case HSM_HART_START:
		if (x[10] >= vm->vcpu_count)
			return SBI_ERR_INVALID_PARAM;
		return linux_start_vcpu(vm, x[10], ax_gpa(x[11]), x[12]) ? SBI_SUCCESS
									 : SBI_ERR_ALREADY_AVAIL;
	case HSM_HART_GET_STATUS:
		if (x[10] >= vm->vcpu_count)
			return SBI_ERR_INVALID_PARAM;
		*value = linux_has_begun(x[10]) ? HSM_STARTED : HSM_STOPPED;
		return SBI_SUCCESS;
	default:
		return SBI_ERR_NOT_SUPPORTED;
	}
}

static int64_t reset_call(struct vm *vm, uint64_t function, uint64_t type)
{
	if (function != SRST_SYSTEM_RESET)
		return SBI_ERR_NOT_SUPPORTED;
	if (type == SRST_SHUTDOWN)
		linux_power_off(vm);
	else
		linux_restart(vm);
	return SBI_SUCCESS;
}

/* Extension in a7, function in a6, arguments from a0 on; error in a0, value in a1. */
static int64_t firmware_call(struct vm *vm, const uint64_t *x, uint64_t *value)
{
	switch (x[17]) {
	case EXT_BASE:
		return base_call(x[16], x[10], value);
	case EXT_IPI:
		return x[16] == IPI_SEND ? send_interrupts(vm, x[10], x[11])
					 : SBI_ERR_NOT_SUPPORTED;
	case EXT_RFENCE:
		return fence(vm, x[16], x[10], x[11]);
	case EXT_HSM:
		return hart_call(vm, x[16], x, value);
	case EXT_SRST:
		return reset_call(vm, x[16], x[10]);
	default:
		return SBI_ERR_NOT_SUPPORTED;
	}
}

bool linux_arch_exit(struct vm_vcpu *vcpu, const struct vcpu_exit *exit)
{
	uint64_t *x = vcpu->vcpu.x;
	uint64_t value = 0;

	if (exit->kind != VCPU_EXIT_HYPERCALL)
		return false;
	x[10] = (uint64_t)firmware_call(vcpu->vm, x, &value);
	x[11] = value;
	return true;
}
