/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invalidation on other CPUs, for machines whose hardware does not broadcast it: PLATFORM_TLB_BROADCAST
 * is 0 there, and arch.mk adds tlb_shootdown.c.
 */
#ifndef HYPERVISOR_TLB_SHOOTDOWN_H
#define HYPERVISOR_TLB_SHOOTDOWN_H

#include "vm.h"

/* On this CPU, right before each vcpu_run() and right after it. */
void tlb_enter_guest(struct vm_vcpu *vcpu);
void tlb_leave_guest(void);

#endif /* HYPERVISOR_TLB_SHOOTDOWN_H */
