/* SPDX-License-Identifier: Apache-2.0 */
/* Control and model-specific registers, ports and CPUID. Shared with the guest. */
#ifndef HYPERVISOR_X86_64_SYSREG_H
#define HYPERVISOR_X86_64_SYSREG_H

#include <stdbool.h>
#include <stdint.h>

#define BIT(n) (UINT64_C(1) << (n))

/* Bits [high:low] of a register, as the manuals write it. */
static inline uint64_t bits(uint64_t value, unsigned high, unsigned low)
{
	return value >> low & (UINT64_MAX >> (63 - (high - low)));
}

/* Intel SDM vol. 3A, "Control Registers". */
#define CR0_PE      BIT(0)
#define CR0_ET      BIT(4)
#define CR0_NE      BIT(5)
#define CR0_PG      BIT(31)
#define CR4_LA57    BIT(12)
#define CR4_VMXE    BIT(13)
#define CR4_OSXSAVE BIT(18)

/* Intel SDM vol. 4, table "IA-32 Architectural MSRs"; AMD APM vol. 2, 3.1.7 "EFER". */
#define MSR_APIC_BASE       0x1bu
#define MSR_FEATURE_CONTROL 0x3au
#define MSR_SYSENTER_CS     0x174u
#define MSR_SYSENTER_ESP    0x175u
#define MSR_SYSENTER_EIP    0x176u
#define MSR_EFER            0xc0000080u
#define MSR_FS_BASE         0xc0000100u
#define MSR_GS_BASE         0xc0000101u
#define EFER_LMA            BIT(10)
#define EFER_NXE            BIT(11)
#define EFER_SVME           BIT(12)

#define RFLAGS_RESERVED BIT(1) /* reads as one */
#define RFLAGS_IF       BIT(9)

struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid_subleaf(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid out;

	__asm__ volatile("cpuid"
			 : "=a"(out.eax), "=b"(out.ebx), "=c"(out.ecx), "=d"(out.edx)
			 : "a"(leaf), "c"(subleaf));
	return out;
}

static inline struct cpuid cpuid(uint32_t leaf)
{
	return cpuid_subleaf(leaf, 0);
}

static inline uint64_t read_msr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

static inline void write_msr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
}

#define read_cr(number)                                                     \
	__extension__({                                                     \
		uint64_t value_;                                            \
		__asm__ volatile("mov %%cr" #number ", %0" : "=r"(value_)); \
		value_;                                                     \
	})

#define write_cr(number, value) \
	__asm__ volatile("mov %0, %%cr" #number : : "r"((uint64_t)(value)) : "memory")

static inline void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void out32(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t in8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

/* The operand of LGDT, LIDT and their opposites in 64-bit mode. */
struct __attribute__((packed)) table_register {
	uint16_t limit;
	uint64_t base;
};

#endif /* HYPERVISOR_X86_64_SYSREG_H */
