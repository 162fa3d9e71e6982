/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world switch, and the EL2 exception vectors that are its way back (Arm
 * ARM, "Exception vectors").
 *
 * To C it looks like a function: vcpu_enter() returns when the guest has left. While the guest
 * runs, the hypervisor's callee-saved registers lie on its stack and TPIDR_EL2 points to the
 * vCPU.
 */
#include "vcpu_arch.h"

	.text

/* unsigned vcpu_enter(struct vcpu *vcpu): returns EXIT_... */
	.global	vcpu_enter
vcpu_enter:
	stp	x29, x30, [sp, #-96]!
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	msr	tpidr_el2, x0

	ldp	x30, x1, [x0, #VCPU_X(30)]	/* x30 and the program counter */
	ldr	x2, [x0, #VCPU_PSTATE]
	msr	elr_el2, x1
	msr	spsr_el2, x2
	ldp	x28, x29, [x0, #VCPU_X(28)]
	ldp	x26, x27, [x0, #VCPU_X(26)]
	ldp	x24, x25, [x0, #VCPU_X(24)]
	ldp	x22, x23, [x0, #VCPU_X(22)]
	ldp	x20, x21, [x0, #VCPU_X(20)]
	ldp	x18, x19, [x0, #VCPU_X(18)]
	ldp	x16, x17, [x0, #VCPU_X(16)]
	ldp	x14, x15, [x0, #VCPU_X(14)]
	ldp	x12, x13, [x0, #VCPU_X(12)]
	ldp	x10, x11, [x0, #VCPU_X(10)]
	ldp	x8, x9, [x0, #VCPU_X(8)]
	ldp	x6, x7, [x0, #VCPU_X(6)]
	ldp	x4, x5, [x0, #VCPU_X(4)]
	ldp	x2, x3, [x0, #VCPU_X(2)]
	ldp	x0, x1, [x0, #VCPU_X(0)]
	eret
	dsb	nsh				/* nothing is speculated past the eret */
	isb

/* From a vector below: x0 and x1 of the guest on the stack, x1 = EXIT_... */
vcpu_leave:
	mrs	x0, tpidr_el2
	stp	x2, x3, [x0, #VCPU_X(2)]
	stp	x4, x5, [x0, #VCPU_X(4)]
	stp	x6, x7, [x0, #VCPU_X(6)]
	stp	x8, x9, [x0, #VCPU_X(8)]
	stp	x10, x11, [x0, #VCPU_X(10)]
	stp	x12, x13, [x0, #VCPU_X(12)]
	stp	x14, x15, [x0, #VCPU_X(14)]
	stp	x16, x17, [x0, #VCPU_X(16)]
	stp	x18, x19, [x0, #VCPU_X(18)]
	stp	x20, x21, [x0, #VCPU_X(20)]
	stp	x22, x23, [x0, #VCPU_X(22)]
	stp	x24, x25, [x0, #VCPU_X(24)]
	stp	x26, x27, [x0, #VCPU_X(26)]
	stp	x28, x29, [x0, #VCPU_X(28)]
	ldp	x2, x3, [sp], #16
	stp	x2, x3, [x0, #VCPU_X(0)]
	mrs	x2, elr_el2
	mrs	x3, spsr_el2
	stp	x30, x2, [x0, #VCPU_X(30)]
	str	x3, [x0, #VCPU_PSTATE]

	mov	x0, x1
	ldp	x19, x20, [sp, #16]
	ldp	x21, x22, [sp, #32]
	ldp	x23, x24, [sp, #48]
	ldp	x25, x26, [sp, #64]
	ldp	x27, x28, [sp, #80]
	ldp	x29, x30, [sp], #96
	ret

/* The hypervisor masks interrupts and has no exceptions of its own: one that comes is a mistake. */
	.macro	from_hypervisor
	.balign	0x80
	mrs	x0, esr_el2
	mrs	x1, elr_el2
	mrs	x2, far_el2
	b	hypervisor_exception
	.endm

	.macro	from_guest reason
	.balign	0x80
	stp	x0, x1, [sp, #-16]!
	mov	x1, #\reason
	b	vcpu_leave
	.endm

	.balign	0x800				/* VBAR_EL2[10:0] are RES0 */
	.global	vectors
vectors:
	.rept	8				/* current EL, with SP_EL0 and with SP_EL2 */
	from_hypervisor
	.endr
	from_guest EXIT_SYNCHRONOUS		/* lower EL, AArch64 */
	from_guest EXIT_IRQ
	from_guest EXIT_FIQ
	from_guest EXIT_SERROR
	.rept	4				/* lower EL, AArch32: HCR_EL2.RW forbids it */
	from_hypervisor
	.endr
