/* SPDX-License-Identifier: Apache-2.0 */
/* System registers, and the barriers that go with them. Shared with the guest. */
#ifndef HYPERVISOR_AARCH64_SYSREG_H
#define HYPERVISOR_AARCH64_SYSREG_H

#include <stdint.h>

#define BIT(n) (UINT64_C(1) << (n))

/* Bits [high:low] of a register, as the manual writes it. */
static inline uint64_t bits(uint64_t value, unsigned high, unsigned low)
{
	return value >> low & (UINT64_MAX >> (63 - (high - low)));
}

#define read_sysreg(name)                                          \
	__extension__({                                            \
		uint64_t value_;                                   \
		__asm__ volatile("mrs %0, " #name : "=r"(value_)); \
		value_;                                            \
	})

#define write_sysreg(name, value) \
	__asm__ volatile("msr " #name ", %x0" : : "rZ"((uint64_t)(value)) : "memory")

/* Context synchronisation: what was written to system registers counts from here on. */
static inline void isb(void)
{
	__asm__ volatile("isb" : : : "memory");
}

/* All memory accesses before are complete, for every observer. */
static inline void dsb(void)
{
	__asm__ volatile("dsb sy" : : : "memory");
}

#endif /* HYPERVISOR_AARCH64_SYSREG_H */
