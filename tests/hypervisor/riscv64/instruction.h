/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HYPERVISOR_RISCV64_INSTRUCTION_H
#define HYPERVISOR_RISCV64_INSTRUCTION_H

#include <stdint.h>

#include "vcpu.h"

/* Whether an instruction that begins so has 16 bits; all others of this machine have 32. */
bool instruction_is_compressed(uint32_t instruction);

/* A load or store of integers; all else, atomics among it, is not described. */
struct vcpu_access instruction_decode(uint32_t instruction);

#endif /* HYPERVISOR_RISCV64_INSTRUCTION_H */
