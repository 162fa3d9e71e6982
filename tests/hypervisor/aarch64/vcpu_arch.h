/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a vCPU keeps while it is not running. vectors.S knows the offsets.
 *
 * The EL1 system registers are not here: the hypervisor does not use them and runs one vCPU on a
 * CPU, so they stay in the CPU. One that shares a CPU among vCPUs saves them as well, and the
 * state of the virtual interrupt interface, the timer and the floating-point unit.
 */
#ifndef HYPERVISOR_AARCH64_VCPU_ARCH_H
#define HYPERVISOR_AARCH64_VCPU_ARCH_H

#ifdef __ASSEMBLER__

#define VCPU_X(n)   ((n)*8)
#define VCPU_PC     VCPU_X(31)
#define VCPU_PSTATE VCPU_X(32)

#else

#include <stdint.h>

struct vcpu {
	uint64_t x[31];
	uint64_t pc;
	uint64_t pstate;
};

#endif

/* Why vcpu_enter() came back: which of the four vectors for a lower exception level was taken. */
#define EXIT_SYNCHRONOUS 0
#define EXIT_IRQ         1
#define EXIT_FIQ         2
#define EXIT_SERROR      3

#endif /* HYPERVISOR_AARCH64_VCPU_ARCH_H */
