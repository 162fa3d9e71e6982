/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entry of the hypervisor, in HS-mode, with translation off (satp is 0) and interrupts masked
 * (sstatus.SIE is 0): so the firmware starts the hart that boots, and others (RISC-V SBI
 * specification, "Hart start").
 *
 * Translation stays off: what is memory and what a device, the physical memory attributes say, so
 * that caches and atomics work without.
 */
#include "platform.h"

#define STACK_SHIFT	16

	.bss
	.balign	16
	.space	PLATFORM_CPUS << STACK_SHIFT
stack_top:

	.section .text.start, "ax"

/* The CPU that boots: hart number in a0. Any hart may be the one, the firmware draws lots. */
	.global	_start
_start:
	la	t0, bss_start			/* page aligned, as is the end */
	la	t1, bss_end
1:	bgeu	t0, t1, 2f
	sd	zero, (t0)
	addi	t0, t0, 8
	j	1b
2:	la	t0, boot_hart
	sd	a0, (t0)
	li	tp, 0
	la	sp, stack_top
	la	t0, hypervisor_trap
	csrw	stvec, t0
	call	hypervisor_main

/* The others: CPU number in a1. */
	.global	secondary_start
secondary_start:
	mv	tp, a1
	la	sp, stack_top
	slli	t0, a1, STACK_SHIFT
	sub	sp, sp, t0
	la	t0, hypervisor_trap
	csrw	stvec, t0
	call	hypervisor_secondary
