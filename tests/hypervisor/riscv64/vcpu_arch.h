/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a vCPU keeps while it is not running. vectors.S knows the offsets.
 *
 * The VS-mode registers are not here: the hypervisor does not use them and runs one vCPU on a CPU,
 * so they stay in the CPU. One that shares a CPU among vCPUs saves them as well, and hvip and
 * the floating-point unit.
 */
#ifndef HYPERVISOR_RISCV64_VCPU_ARCH_H
#define HYPERVISOR_RISCV64_VCPU_ARCH_H

#define VCPU_X(n)    ((n)*8)
#define VCPU_PC      VCPU_X(32)
#define VCPU_SSTATUS VCPU_X(33)
#define VCPU_HSTATUS VCPU_X(34)
#define VCPU_HOST_SP VCPU_X(35)

#ifndef __ASSEMBLER__

#include <stdint.h>

struct vcpu {
	uint64_t x[32]; /* x[0] stays 0 */
	uint64_t pc;
	uint64_t sstatus; /* SPP: the guest's mode */
	uint64_t hstatus;
	uint64_t host_sp; /* while the guest runs */

	unsigned index;
	unsigned vmid;
	unsigned instruction_size; /* of a described access */
};

/* machine.c, right before a vCPU is entered: what machine_clean() was told of is fetched anew. */
void machine_sync_code(void);

#endif

#endif /* HYPERVISOR_RISCV64_VCPU_ARCH_H */
