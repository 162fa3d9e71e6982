/* SPDX-License-Identifier: Apache-2.0 */
/* Services of the firmware (RISC-V Supervisor Binary Interface Specification). */
#ifndef HYPERVISOR_RISCV64_SBI_H
#define HYPERVISOR_RISCV64_SBI_H

#include <stdbool.h>
#include <stdint.h>

struct sbi_result {
	int64_t error; /* 0 or negative */
	uint64_t value;
};

/* "Binary Encoding": extension in a7, function in a6, arguments from a0 on, result in a0 and a1. */
static inline struct sbi_result sbi_call(uint64_t extension, uint64_t function, uint64_t a,
					 uint64_t b, uint64_t c)
{
	register uint64_t a0 __asm__("a0") = a;
	register uint64_t a1 __asm__("a1") = b;
	register uint64_t a2 __asm__("a2") = c;
	register uint64_t a6 __asm__("a6") = function;
	register uint64_t a7 __asm__("a7") = extension;

	__asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a6), "r"(a7) : "memory");
	return (struct sbi_result){(int64_t)a0, a1};
}

/* "Base Extension": get_spec_version, get_impl_id, get_impl_version. */
#define SBI_BASE                0x10
#define SBI_BASE_SPEC_VERSION   0
#define SBI_BASE_IMPLEMENTATION 1
#define SBI_BASE_VERSION        2

static inline uint64_t sbi_base(uint64_t function)
{
	return sbi_call(SBI_BASE, function, 0, 0, 0).value;
}

/* machine.c: the number by which the firmware knows a CPU. */
uint64_t machine_hart(unsigned cpu);

/* "Timer Extension": an interrupt at that time; UINT64_MAX: none. */
static inline void sbi_set_timer(uint64_t ticks)
{
	sbi_call(0x54494d45, 0, ticks, 0, 0);
}

/* "IPI Extension", send_ipi: to the harts of a mask, here of one, that starts with `hart`. */
static inline void sbi_send_ipi(uint64_t hart)
{
	sbi_call(0x735049, 0, 1, hart, 0);
}

/* "Hart State Management Extension": hart_start, with 0 in a1; hart_get_status. */
static inline int64_t sbi_hart_start(uint64_t hart, uint64_t entry)
{
	return sbi_call(0x48534d, 0, hart, entry, 0).error;
}

static inline bool sbi_hart_exists(uint64_t hart)
{
	return sbi_call(0x48534d, 2, hart, 0, 0).error == 0;
}

#endif /* HYPERVISOR_RISCV64_SBI_H */
