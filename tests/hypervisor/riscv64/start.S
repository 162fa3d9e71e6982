/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entry of the hypervisor, in HS-mode, with translation off (satp is 0) and interrupts masked
 * (sstatus.SIE is 0): so the firmware starts the hart that boots, and others (RISC-V SBI
 * specification, "Hart start").
 *
 * All harts come in here. The first is CPU 0; any may be, the firmware draws lots. The others are
 * numbered by what their hart number is, machine.c, and by nothing else: OpenSBI 1.1 has a hart
 * start before it has stored where and with what in a1 (lib/sbi/sbi_hsm.c, sbi_hsm_hart_start()),
 * so that one that is quick starts as the first did.
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

	.data
	.balign	4
somebody_is_here:
	.word	0

	.section .text.start, "ax"
	.global	_start
_start:						/* hart number in a0 */
	la	t0, hypervisor_trap
	csrw	stvec, t0
	la	t0, somebody_is_here
	li	t1, 1
	amoswap.w.aqrl t1, t1, (t0)
	la	t2, boot_hart
	bnez	t1, 3f

	la	t0, bss_start			/* page aligned, as is the end */
	la	t1, bss_end
1:	bgeu	t0, t1, 2f
	sd	zero, (t0)
	addi	t0, t0, 8
	j	1b
2:	sd	a0, (t2)
	li	tp, 0
	la	sp, stack_top
	call	hypervisor_main

3:	ld	t2, (t2)			/* machine_hart(), the other way */
	sltu	t2, a0, t2
	add	tp, a0, t2
	la	sp, stack_top
	slli	t0, tp, STACK_SHIFT
	sub	sp, sp, t0
	call	hypervisor_secondary
