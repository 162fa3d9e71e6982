/* SPDX-License-Identifier: Apache-2.0 */
/* Control and status registers, by the names of the manual. Shared with the guest. */
#ifndef HYPERVISOR_RISCV64_CSR_H
#define HYPERVISOR_RISCV64_CSR_H

#include <stdint.h>

#define BIT(n) (UINT64_C(1) << (n))

/* Bits [high:low] of a register, as the manual writes it. */
static inline uint64_t bits(uint64_t value, unsigned high, unsigned low)
{
	return value >> low & (UINT64_MAX >> (63 - (high - low)));
}

#define read_csr(name)                                              \
	__extension__({                                             \
		uint64_t value_;                                    \
		__asm__ volatile("csrr %0, " #name : "=r"(value_)); \
		value_;                                             \
	})

#define write_csr(name, value) \
	__asm__ volatile("csrw " #name ", %0" : : "rK"((uint64_t)(value)) : "memory")

#define set_csr(name, value) \
	__asm__ volatile("csrs " #name ", %0" : : "rK"((uint64_t)(value)) : "memory")

#define clear_csr(name, value) \
	__asm__ volatile("csrc " #name ", %0" : : "rK"((uint64_t)(value)) : "memory")

/* sstatus, and vsstatus of the guest ("Supervisor Status Register (sstatus)"). */
#define SSTATUS_SIE  BIT(1)
#define SSTATUS_SPIE BIT(5)
#define SSTATUS_SPP  BIT(8)              /* the trap came from supervisor mode */
#define SSTATUS_UXL  (UINT64_C(3) << 32) /* width of the user's registers */

/* scause ("Supervisor Cause Register (scause)"): for interrupts the top bit is set. */
#define CAUSE_INTERRUPT        BIT(63)
#define CAUSE_FETCH_MISALIGNED 0
#define CAUSE_FETCH_ACCESS     1
#define CAUSE_ILLEGAL          2
#define CAUSE_BREAKPOINT       3
#define CAUSE_LOAD_MISALIGNED  4
#define CAUSE_LOAD_ACCESS      5
#define CAUSE_STORE_MISALIGNED 6
#define CAUSE_STORE_ACCESS     7
#define CAUSE_ECALL_U          8
#define CAUSE_ECALL_VS         10
#define CAUSE_FETCH_PAGE       12
#define CAUSE_LOAD_PAGE        13
#define CAUSE_STORE_PAGE       15
#define CAUSE_FETCH_GUEST_PAGE 20
#define CAUSE_LOAD_GUEST_PAGE  21
#define CAUSE_STORE_GUEST_PAGE 23

/* sip, sie: a bit for each cause of interrupts; hvip, hideleg have the guest's ones. */
#define INTERRUPT_SOFTWARE    BIT(1)
#define INTERRUPT_VS_SOFTWARE BIT(2)
#define INTERRUPT_TIMER       BIT(5)
#define INTERRUPT_VS_TIMER    BIT(6)
#define INTERRUPT_EXTERNAL    BIT(9)
#define INTERRUPT_VS_EXTERNAL BIT(10)

#endif /* HYPERVISOR_RISCV64_CSR_H */
