/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HYPERVISOR_AARCH64_GIC_H
#define HYPERVISOR_AARCH64_GIC_H

#include <stdint.h>

/* The distributor: once. */
void gic_init(void);

/* This CPU's redistributor, and both CPU interfaces, physical and virtual. */
void gic_init_cpu(void);

/* Lets a private interrupt (INTID 0 to 31) of this CPU through. */
void gic_enable_private(uint32_t intid);

void gic_describe(void);

#endif /* HYPERVISOR_AARCH64_GIC_H */
