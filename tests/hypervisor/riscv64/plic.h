/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HYPERVISOR_RISCV64_PLIC_H
#define HYPERVISOR_RISCV64_PLIC_H

#include <stdbool.h>

#include "vcpu.h"

/* Answers a described access to the claim/complete register of the vCPU; false: it is none. */
bool plic_access(struct vcpu *vcpu, const struct vcpu_exit *exit);

#endif /* HYPERVISOR_RISCV64_PLIC_H */
