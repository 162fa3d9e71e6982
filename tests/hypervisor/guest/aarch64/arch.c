/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's own side of AArch64.
 */
#include "guest.h"

#include "platform.h"
#include "sysreg.h"

static struct guest_abort aborts[PLATFORM_CPUS];
uint64_t recovery[PLATFORM_CPUS]; /* start.S */

void guest_synchronous(void);
void guest_irq(void);

/* ESR_EL1: exception class, and WnR of a data abort. */
#define EC_FETCH_SAME_EL 0x21
#define EC_DATA_SAME_EL  0x25
#define ISS_WNR          BIT(6)

unsigned guest_vcpu(void)
{
	return (unsigned)read_sysreg(tpidr_el1);
}

void guest_relax(void)
{
	__asm__ volatile("yield" : : : "memory");
}

struct guest_abort last_abort(void)
{
	return aborts[guest_vcpu()];
}

void guest_synchronous(void)
{
	unsigned vcpu = guest_vcpu();
	uint64_t esr = read_sysreg(esr_el1);
	uint64_t class = bits(esr, 31, 26);

	if (!recovery[vcpu] || (class != EC_FETCH_SAME_EL && class != EC_DATA_SAME_EL))
		guest_panic(esr, read_sysreg(far_el1), read_sysreg(elr_el1));
	aborts[vcpu] = (struct guest_abort){
		.address = read_sysreg(far_el1),
		.fetch = class == EC_FETCH_SAME_EL,
		.write = class == EC_DATA_SAME_EL && esr & ISS_WNR,
	};
	write_sysreg(elr_el1, recovery[vcpu]);
}

uint64_t hypercall(enum hypercall call, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	register uint64_t x0 __asm__("x0") = (uint64_t)call;
	register uint64_t x1 __asm__("x1") = a;
	register uint64_t x2 __asm__("x2") = b;
	register uint64_t x3 __asm__("x3") = c;
	register uint64_t x4 __asm__("x4") = d;

	__asm__ volatile("hvc #0" : "+r"(x0) : "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
	return x0;
}

/*
 * In assembly: for a load or store with write-back, which a compiler is free to choose, the
 * hardware does not tell the hypervisor what it was (ESR_EL2.ISV is 0).
 */
uint64_t device_load(uint64_t address, unsigned bytes)
{
	uint64_t value = 0;

	switch (bytes) {
	case 1:
		__asm__ volatile("ldrb %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
		break;
	case 2:
		__asm__ volatile("ldrh %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
		break;
	case 4:
		__asm__ volatile("ldr %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
		break;
	case 8:
		__asm__ volatile("ldr %0, [%1]" : "=r"(value) : "r"(address) : "memory");
		break;
	}
	return value;
}

int64_t device_load_signed(uint64_t address, unsigned bytes)
{
	int64_t value = 0;

	switch (bytes) {
	case 1:
		__asm__ volatile("ldrsb %0, [%1]" : "=r"(value) : "r"(address) : "memory");
		break;
	case 2: /* into the lower half: the upper one is to be cleared */
		__asm__ volatile("ldrsh %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
		value = (int32_t)value;
		break;
	case 4:
		__asm__ volatile("ldrsw %0, [%1]" : "=r"(value) : "r"(address) : "memory");
		break;
	case 8:
		__asm__ volatile("ldr %0, [%1]" : "=r"(value) : "r"(address) : "memory");
		break;
	}
	return value;
}

void device_store(uint64_t address, unsigned bytes, uint64_t value)
{
	switch (bytes) {
	case 1:
		__asm__ volatile("strb %w0, [%1]" : : "rZ"(value), "r"(address) : "memory");
		break;
	case 2:
		__asm__ volatile("strh %w0, [%1]" : : "rZ"(value), "r"(address) : "memory");
		break;
	case 4:
		__asm__ volatile("str %w0, [%1]" : : "rZ"(value), "r"(address) : "memory");
		break;
	case 8:
		__asm__ volatile("str %x0, [%1]" : : "rZ"(value), "r"(address) : "memory");
		break;
	}
}

/* UARTPeriphID0 to 3 of a PL011: part 0x011, designer 0x41 (Arm DDI 0183). */
bool device_is_present(void)
{
	uint64_t id = PLATFORM_DEVICE + 0xfe0;

	return device_load(id, 4) == 0x11 && device_load(id + 4, 4) == 0x10 &&
	       (device_load(id + 8, 4) & 0xf) == 0x4;
}

/* New instructions: clean the data, then invalidate the instruction cache. */
void code_write(uint64_t address)
{
	volatile uint32_t *code = (volatile uint32_t *)(uintptr_t)address;

	code[0] = 0x52800000 | CODE_RESULT << 5; /* mov w0, #CODE_RESULT */
	code[1] = 0xd65f03c0;                    /* ret */
	__asm__ volatile("dc cvau, %0\n\t"
			 "dsb ish\n\t"
			 "ic ivau, %0\n\t"
			 "dsb ish\n\t"
			 "isb"
			 :
			 : "r"(address)
			 : "memory");
}

#define WINDOW      UINT64_C(0x200000000)
#define TABLE       UINT64_C(0x3)
#define PAGE_NORMAL UINT64_C(0x707) /* AF[10], SH[9:8] = 3, AttrIndx[4:2] = 1, [1:0] = 3: page */

extern uint64_t window_directory[512]; /* start.S */

uint64_t window_address(unsigned slot, unsigned page)
{
	return WINDOW + slot * UINT64_C(0x200000) + page * UINT64_C(0x1000);
}

uint64_t window_entry(uint64_t page)
{
	return page | PAGE_NORMAL;
}

/*
 * From not valid to valid needs no invalidation (Arm ARM, "TLB maintenance"), but the write has
 * to be complete before it is walked.
 */
void window_install(unsigned slot, uint64_t table)
{
	*(volatile uint64_t *)&window_directory[slot] = table | TABLE;
	dsb();
	isb();
}

/* At EL1 TLBI VMALLE1 is about this CPU and the guest's own VMID. */
void window_flush(void)
{
	dsb();
	__asm__ volatile("tlbi vmalle1" : : : "memory");
	dsb();
	isb();
}

/* The GIC's CPU interface (IHI 0069): system registers, every priority, group 1 on. */
void interrupts_init(void)
{
	write_sysreg(icc_sre_el1, BIT(0));
	isb();
	write_sysreg(icc_pmr_el1, 0xff);
	write_sysreg(icc_igrpen1_el1, 1);
	isb();
}

void guest_irq(void)
{
	uint64_t intid = read_sysreg(icc_iar1_el1);

	if (intid >= 1020) /* there was none */
		return;
	guest_interrupt((uint32_t)intid);
	write_sysreg(icc_eoir1_el1, intid);
	isb();
}

/* WFI also ends for an interrupt that is masked, so that none is missed before it. */
void interrupts_wait(void)
{
	__asm__ volatile("wfi\n\t"
			 "msr daifclr, #2\n\t"
			 "isb\n\t"
			 "msr daifset, #2"
			 :
			 :
			 : "memory");
}
